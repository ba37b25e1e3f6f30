"""``clewline desk``: run and keep the desk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clewline.cli.output import log
from clewline.errors import UsageError
from clewline.settings import value_of

if TYPE_CHECKING:
    from clewline.desk.home import DeskHome

app = typer.Typer(no_args_is_help=True, help="The desk: record payment pages, find them again.")

Home = Annotated[
    Path | None, typer.Option("--home", help="Directory of the desk (CLEWLINE_DESK_HOME).")
]


def open_desk(home: Path | None, *, new: bool = False) -> DeskHome:
    """Set Django up on a desk, so that its rooms can be imported; `new` makes one where none is."""
    try:
        import django  # noqa: F401
    except ImportError:
        raise UsageError(
            "the desk is not installed", hint="pip install 'clewline[desk]', or make setup"
        ) from None
    from clewline.desk.home import DeskHome
    from clewline.desk.running import prepare

    desk = DeskHome(home) if home else DeskHome.default()
    if not new:
        desk.key("root")
    prepare(desk)
    log.print(f"Desk in {desk.path}" + (" (made-up records)" if desk.is_play else ""))
    return desk


@app.command()
def serve(
    home: Home = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 8000,
    address: Annotated[
        str,
        typer.Option(
            "--address", help="Address to listen on; all but loopback needs TLS before it."
        ),
    ] = "127.0.0.1",
    store: Annotated[
        Path | None, typer.Option("--store", help="Chain store to attach (CLEWLINE_STORE).")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, help="Processes; one a core.")
    ] = None,
) -> None:
    """Start the desk in a browser's reach; makes it on the first start."""
    origin = value_of("desk_origin")
    if address not in ("127.0.0.1", "::1", "localhost") and not (origin or "").startswith(
        "https://"
    ):
        raise UsageError(
            "beyond this machine the desk is reached over https only",
            where="--address",
            hint="set CLEWLINE_DESK_ORIGIN to the https:// address of the proxy before it",
        )
    origin = origin or f"http://localhost:{port}"
    os.environ["CLEWLINE_DESK_ORIGIN"] = origin
    desk = open_desk(home, new=True)
    beside = desk.path.parent / "store"
    if store is None and desk.is_play and value_of("store") is None and beside.is_dir():
        store = beside  # that of the made-up case
    if store:
        os.environ["CLEWLINE_STORE"] = str(store.absolute())
    from clewline.desk.running import first_visit
    from clewline.desk.running import serve as run

    typer.echo(first_visit(origin) or origin)
    log.print("Ctrl+C ends it.", style="dim")
    run(address, port, workers or os.cpu_count() or 1)


@app.command()
def work(
    home: Home = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing is due.")
    ] = False,
    store: Annotated[
        Path | None, typer.Option("--store", help="Chain store to watch (CLEWLINE_STORE).")
    ] = None,
) -> None:
    """Deliver alerts from the outbox and look for payments to what is watched, until stopped.

    `clewline desk serve` does it too; more workers may run beside it, on other machines as well.
    """
    if store:
        os.environ["CLEWLINE_STORE"] = str(store.absolute())
    open_desk(home)
    from clewline.desk.alerts.worker import Worker
    from clewline.desk.watch.services import look

    sent = Worker(watch=look).run(until_empty=until_empty)
    typer.echo(f"{sent} attempts")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines; the ending says which.")],
    by: Annotated[str, typer.Option("--as", help="Pseudonym of the analyst who imports.")],
    home: Home = None,
    team: Annotated[str, typer.Option("--team", help="One of their teams.")] = "",
    record: Annotated[
        bool, typer.Option("--record", help="Record the new rows; without it they are checked.")
    ] = False,
) -> None:
    """Bring many records in from a file, as somebody of the desk; see docs/DESK.md."""
    open_desk(home)
    from clewline.desk.bulk.from_file import bring_in

    job, states, wrong = bring_in(file, by, team, record=record)
    for row in wrong:
        hint = f" ({row.hint})" if row.hint else ""
        typer.echo(f"row {row.number}, line {row.line}: {row.where}: {row.problem}{hint}", err=True)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    typer.echo(f"{job.ref}: {told}")


@app.command()
def tick(home: Home = None) -> None:
    """Do once what the desk does by itself while it runs: move packages on that are due.

    For a timer, where the desk runs behind another server than `clewline desk serve`.
    """
    open_desk(home)
    from clewline.desk.background import run_once

    done = run_once()
    for name, count in done.items():
        typer.echo(f"{name}: {'failed, see the log' if count is None else count}")
    if None in done.values():
        raise typer.Exit(1)
