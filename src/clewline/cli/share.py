"""``clewline share``: lists for partners, in the formats that they use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clewline.cli.desk import Home, open_desk
from clewline.cli.desk_files import content, replace_own, terminal, write_new
from clewline.cli.output import log
from clewline.errors import ClewlineError, SharedFileError, UsageError

if TYPE_CHECKING:
    from clewline.desk.partners.models import Partner

app = typer.Typer(
    no_args_is_help=True, help="Lists for partners, in their formats; docs/SHARING.md."
)
_NAMES = "json, csv, stix, misp, tagpack or ftm"
_Style = Annotated[str, typer.Option("--format", help=f"Its format: {_NAMES}.")]
File = Annotated[Path, typer.Argument(help="A file of one of the formats.")]
_SHOWN = 20


@app.command()
def validate(
    file: File,
    style: _Style,
) -> None:
    """Ask our reader and the format's own validator what is wrong with a file.

    Nothing is stored and nothing is sent. stix and misp need the extra `share`.
    """
    from clewline.sharing import formats, validators

    data = content(file)
    found = validators.faults(style, data)
    if found:
        for fault in found[1:_SHOWN]:
            log.print(f"{file}: {fault}")
        raise SharedFileError(f"{found[0]} ({len(found)} in all)", where=str(file))
    shared = formats.read(style, data)
    kind = f"what changed since {shared.previous}" if shared.previous else "whole"
    typer.echo(f"valid: list {shared.version} ({kind}) of {shared.issuer}")
    typer.echo(f"{len(shared.items)} items, TLP {shared.tlp}")


@app.command()
def convert(
    file: File,
    source: Annotated[str, typer.Option("--from", help=f"Its format: {_NAMES}.")],
    target: Annotated[str, typer.Option("--to", help=f"Format to write: {_NAMES}.")],
    out: Annotated[Path, typer.Option("--out", help="File to write; never replaced.")],
) -> None:
    """Write a list in another format and say what that format loses."""
    from clewline.sharing import formats

    shared = formats.read(source, content(file))
    write_new(out, formats.write(target, shared))
    kept = formats.after_losses(target, shared)
    typer.echo(f"{len(kept.items)} of {len(shared.items)} items written")
    _say_losses(target)


@app.command()
def export(
    partner: Annotated[str, typer.Option("--as", help="Reference of who gets it, P-…")],
    style: _Style,
    out: Annotated[Path, typer.Option("--out", help="File to write; never replaced.")],
    home: Home = None,
) -> None:
    """Write what a partner was told, in one of the formats, to hand it over by another way.

    It is the list that lies on the partner's channels: what policy released to it of alerts that
    two people sent, under its own references. The file stands in the ledger and in the audit log.
    """
    open_desk(home)
    from django.db import transaction

    from clewline.desk.alerts import services
    from clewline.desk.audit import services as audit

    found = _partner(partner, "--as")
    try:
        write_new(out, b"")
        try:
            with transaction.atomic():
                data, made = services.disclose(found, style, terminal())
                details = {"format": style, "version": made.number, "sha256": made.sha256}
                audit.write(
                    actor=terminal(), action="share.export", object=found.ref, details=details
                )
        except BaseException:
            out.unlink()
            raise
    except ClewlineError:
        audit.write(actor=terminal(), action="share.export", object=found.ref, result="refused")
        raise
    # Only now: no byte of it leaves that the ledger does not know of.
    out.write_bytes(data)
    typer.echo(f"list {made.number} of {found.ref}: {made.items} items, SHA-256 {made.sha256}")
    _say_losses(style)


@app.command("import")
def take(
    file: File,
    style: _Style,
    partner: Annotated[str, typer.Option("--from", help="Reference of the partner, P-…")],
    home: Home = None,
) -> None:
    """Take a partner's file into the quarantine of the desk, for a person to review.

    No record is made of it. Wording and addresses of pages are not kept.
    """
    data = content(file)
    open_desk(home)
    from clewline.desk.audit import services as audit
    from clewline.desk.received import services

    found = _partner(partner, "--from")
    try:
        made = services.take(found, style, data, terminal())
    except ClewlineError:
        audit.write(actor=terminal(), action="received.take", object=found.ref, result="refused")
        raise
    number = made.items.count()
    details = {"file": made.ref, "format": style, "sha256": made.sha256, "items": number}
    audit.write(actor=terminal(), action="received.take", object=found.ref, details=details)
    typer.echo(f"{made.ref}: {number} items wait under Received")


@app.command()
def pull(
    url: Annotated[str, typer.Argument(help="Discovery of a TAXII 2.1 server, https://…/taxii2/.")],
    out: Annotated[Path, typer.Option("--out", help="STIX bundle to write; never replaced.")],
    state: Annotated[
        Path, typer.Option("--state", help="File that keeps what was read; goes on from there.")
    ],
    collection: Annotated[
        str, typer.Option("--collection", help="Its id; not needed where there is one.")
    ] = "",
    login_file: Annotated[
        Path | None,
        typer.Option("--login-file", help="File with `token KEY` or `basic NAME:PASSWORD`."),
    ] = None,
) -> None:
    """Read a collection of a partner's TAXII 2.1 server; nothing is added there.

    The server that is named is asked and no other. What was read lies in the state file, the latest
    version of each object, and is written as a bundle that `share import --format stix` takes.
    Without --login-file, CLEWLINE_TAXII_LOGIN says the login.
    """
    from clewline.pulling import taxii
    from clewline.settings import setting, value_of

    text, where = value_of("taxii_login") or "", setting("taxii_login").env
    if login_file is not None:
        text, where = content(login_file).decode(errors="replace"), str(login_file)
    login = taxii.authorization(text, where) if text.strip() else ""
    kept = taxii.read_state(content(state), str(state)) if state.exists() else None

    def keep(now: taxii.State) -> None:
        replace_own(state, now.as_bytes())

    done = taxii.pull(url, login, collection, kept, keep=keep, report=log.print)
    write_new(out, done.bundle())
    new = len(done.objects) - len(kept.objects if kept else ())
    typer.echo(f"{len(done.objects)} objects, {new} of them new, to {out}")


def _partner(ref: str, where: str) -> Partner:
    """Return a partner of the desk that is open."""
    from clewline.desk.partners.models import Partner

    found: Partner | None = Partner.objects.filter(ref=ref).first()
    if found is None:
        raise UsageError(f"no partner {ref[:20]!r}", where=where)
    return found


def _say_losses(style: str) -> None:
    """Say what a format does not carry."""
    from clewline.sharing import formats

    if losses := formats.format_named(style).losses:
        log.print(f"{style} does not carry: {', '.join(loss.what for loss in losses)}")
