"""``clewline desk backup``, ``expire``, ``restore`` and ``keys``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.desk import Home, open_desk
from clewline.cli.desk_files import PassphraseFile, content, passphrase, terminal, write_new
from clewline.cli.output import log
from clewline.errors import UnavailableError, UsageError

keys_app = typer.Typer(
    no_args_is_help=True, help="Copies of the desk's own keys, to be kept apart from its backups."
)


def backup(
    to: Annotated[Path, typer.Option("--to", help="File to make; it must not be there yet.")],
    home: Home = None,
) -> None:
    """Write rows and wrapped keys of a desk into one sealed file, while people go on working.

    Neither the desk's own keys, without which nothing opens the file (see `keys export`), nor the
    tree of keys, without which no record in it opens (see CLEWLINE_DESK_ESCROW), is in it.
    """
    desk = open_desk(home)
    from clewline.desk.keeping.backup import back_up

    manifest = back_up(desk, to, terminal())
    if desk.escrow.exists() and desk.escrow.stat().st_dev == desk.path.stat().st_dev:
        log.print(
            f"The escrow in {desk.escrow.parent} is on the desk's own disk: who loses the disk "
            "cannot open this backup. CLEWLINE_DESK_ESCROW names a directory elsewhere.",
            style="yellow",
        )
    rows = sum(part["rows"] for part in manifest["parts"].values())
    typer.echo(f"{rows} rows, audit log up to event {manifest['audit']['seq']}: {to}")


def expire(
    home: Home = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is due, and erase nothing.")
    ] = False,
) -> None:
    """Erase the records whose time is over and that no hold keeps; run it every night.

    One transaction a record; stopped at any point, the next run goes on. At the end the database
    gives up the space, for which SQLite writes its file anew.
    """
    desk = open_desk(home)
    from clewline.desk.ledger import vault
    from clewline.desk.retention import queries, services

    if dry_run:
        for organisation, count, refs in queries.due_refs():
            typer.echo(f"{organisation}: {count}")
            for ref in refs:
                typer.echo(f"  {ref}")
        return
    made = services.expire(terminal())
    if made:
        services.tidy()
    typer.echo(f"{len(made)} erased")
    if vault().escrow_is_behind:
        raise UnavailableError(
            "the escrow was out of reach and still opens what was erased here",
            where=str(desk.escrow.parent),
            hint="make it reachable and run this again",
        )


def restore(
    file: Annotated[Path, typer.Argument(help="Backup that `desk backup` made.")],
    home: Annotated[Path, typer.Option("--home", help="Directory of the desk to make.")],
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Export of the desk's keys, where the directory has none."),
    ] = None,
    escrow: Annotated[
        Path | None,
        typer.Option("--escrow", help="Directory of the escrow, where this one has no tree."),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Put a backup into an empty desk: all of it or nothing.

    The database may be another kind (CLEWLINE_DESK_DATABASE). What was erased after the backup was
    made stays erased: the tree of keys says so, and no key opens it.
    """
    if not file.is_file():
        raise UsageError("is no file", where=str(file))
    from clewline.desk.home import DeskHome
    from clewline.desk.keeping.keys import open_keys, place_keys, place_tree

    desk = DeskHome(home)
    if keys:
        found = open_keys(content(keys), passphrase(passphrase_file), str(keys))
        place_keys(desk, found)
    if escrow:
        place_tree(desk, escrow)
    open_desk(home)
    from clewline.desk.keeping import backup as archive

    manifest = archive.restore(file, desk, terminal())
    typer.echo(f"restored as of {manifest['made_at']}, event {manifest['audit']['seq']}")


@keys_app.command("export")
def export_keys(
    to: Annotated[Path, typer.Option("--to", help="File to make; it must not be there yet.")],
    home: Home = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the desk's own keys into a file under a passphrase. Keep it apart from backups."""
    from clewline.desk.home import DeskHome
    from clewline.desk.keeping import keys

    desk = DeskHome(home) if home else DeskHome.default()
    desk.key("root")
    write_new(to, keys.export_keys(desk, passphrase(passphrase_file, new=True)))


@keys_app.command("import")
def import_keys(
    file: Annotated[Path, typer.Argument(help="File that `keys export` made.")],
    home: Annotated[Path, typer.Option("--home", help="Directory of the desk.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Put keys into a directory that has none, before a backup is restored there."""
    from clewline.desk.home import DeskHome
    from clewline.desk.keeping import keys

    found = keys.open_keys(content(file), passphrase(passphrase_file), str(file))
    keys.place_keys(DeskHome(home), found)
