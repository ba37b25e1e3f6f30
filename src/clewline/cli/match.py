"""``clewline match``: compare a hotline's list with an exchange's items, without showing either."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from clewline.cli.options import Format, Output
from clewline.cli.output import emit_rows, log, progress_bar
from clewline.errors import StorageError, UsageError
from clewline.reports.sheet import harmless

if TYPE_CHECKING:
    from clewline.matching.hotline import Hotline

app = typer.Typer(
    help="Private matching between a hotline's list and an exchange's customers. The exchange "
    "learns its matches, the hotline how many were asked; docs/MATCHING.md says what that "
    "protects and what not.",
    no_args_is_help=True,
)

_HITS: Final = 3
Home = Annotated[
    Path, typer.Argument(metavar="HOME", help="Directory of this side: keys, partners, journal.")
]
List = Annotated[
    Path, typer.Option("--list", metavar="FILE", help="CSV or JSON lines: chain, address.")
]
Threads = Annotated[int, typer.Option(min=1, max=64, help="Threads that compute points.")]


@app.command("init")
def init(home: Home) -> None:
    """Make the keys of this side and print its public key, for the partner to enter."""
    from clewline.matching.identity import make_identity

    sys.stdout.write(make_identity(home).public + "\n")


@app.command("partner")
def partner(
    home: Home,
    name: Annotated[str, typer.Argument(help="What this side calls the partner.")],
    key: Annotated[str, typer.Argument(help="Its public key, handed over by another way.")],
    most_items: Annotated[int, typer.Option(min=1, help="Items in one session.")] = 2_000_000,
    most_new: Annotated[
        int, typer.Option(min=1, help="Items never asked before, within --days.")
    ] = 2_000_000,
    days: Annotated[int, typer.Option(min=1, help="See --most-new.")] = 30,
    sessions_a_day: Annotated[int, typer.Option(min=1, help="Sessions within 24 hours.")] = 4,
) -> None:
    """Add a partner, or change how much it may ask."""
    from clewline.matching.partners import Partner, put_partner

    put_partner(home, Partner(name, key, most_items, most_new, days, sessions_a_day))


@app.command("answer")
def answer(
    home: Home,
    folder: Annotated[Path, typer.Argument(help="Folder that both sides reach.")],
    list_file: List,
    threads: Threads = 2,
) -> None:
    """Hotline: answer what lies in a folder. Run it again whenever something new does."""
    from clewline.matching.carriers import answer_folder

    count = answer_folder(_hotline(home, list_file, threads), folder, log.print)
    log.print(f"{count} messages answered")


@app.command("serve")
def serve(
    home: Home,
    list_file: List,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8443,
    certificate: Annotated[
        Path | None, typer.Option(help="TLS certificate (PEM); needed but on this machine.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    threads: Threads = 2,
) -> None:
    """Hotline: answer over HTTPS until a signal ends it."""
    from functools import partial

    from clewline.serving import Place, listen

    make = partial(_application, home, list_file, threads)
    listen(make, Place(address, port, certificate, key))


@app.command("ask")
def ask(
    home: Home,
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines: chain, address, customer.")],
    partner: Annotated[str, typer.Option(help="The hotline, as `partner` named it.")],
    out: Annotated[Path, typer.Option(help="CSV to write: the rows that matched.")],
    folder: Annotated[Path | None, typer.Option(help="Folder that both sides reach.")] = None,
    url: Annotated[str | None, typer.Option(help="https://host:port of the hotline.")] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Certificate authority of the hotline, if not a public one.")
    ] = None,
    snapshot: Annotated[
        str, typer.Option(help="What the file is, in words that the hotline reads.")
    ] = "",
    tell: Annotated[
        bool, typer.Option("--tell/--no-tell", help="Tell the hotline how many items matched.")
    ] = True,
    session: Annotated[
        str | None, typer.Option(help="Go on with this session instead of a new one.")
    ] = None,
    threads: Threads = 2,
) -> None:
    """Exchange: ask which items of a file stand in the list; exit code 3 if any does.

    Through a folder it takes two runs: the first puts in what opens the session, then what is
    asked; each prints the session to go on with. Cut off anywhere, it goes on where it was.
    """
    from clewline.matching.carriers import ask_folder, ask_server
    from clewline.matching.exchange import Session, begin

    if (folder is None) == (url is None):
        raise UsageError("either --folder or --url")
    now = datetime.now(UTC)
    faults: list[Any] = []
    if session is None:
        one = begin(
            home, partner, file, snapshot=snapshot or file.name, now=now, on_fault=faults.append
        )
        for row in faults[:20]:
            log.print(f"{file}, line {row.line}: {row.fault}; left out")
        if len(faults) > 20:
            log.print(f"{file}: {len(faults) - 20} more rows left out")
        log.print(f"session {one.plan.session}: {one.plan.items} items of {one.plan.rows} rows")
    else:
        one = Session(home, session)
    with progress_bar() as progress:
        one.hide(progress, threads)
        if folder is not None:
            complete = ask_folder(one, folder, _now, tell=tell)
        else:
            ask_server(one, str(url), _now, tell=tell, authority=authority, progress=progress)
            complete = True
    if not complete:
        log.print(f"waiting for the hotline; then: --session {one.plan.session}")
        return
    hits = _write_rows(out, one.result(file))
    log.print(
        f"list {one.list_version}: {len(one.matched())} of {one.plan.items} items match, "
        f"{hits} rows in {out}. A match is a lead to review, never a finding."
    )
    if hits:
        raise typer.Exit(_HITS)


@app.command("commitment")
def commitment(
    home: Home,
    file: Annotated[Path, typer.Argument(help="The file that a session was made from.")],
    session: Annotated[str, typer.Option(help="The session.")],
) -> None:
    """Exchange: show that a session asked exactly the items of this file; for an auditor."""
    from clewline.matching.exchange import Session, begin

    one = Session(home, session)
    again = begin(
        home,
        one.plan.partner,
        file,
        snapshot=one.plan.snapshot,
        now=datetime.now(UTC),
        piece_items=one.plan.piece_items,
    )
    try:
        again.hide()
        same = again.commitment() == one.commitment()
    finally:
        again.remove()
    sys.stdout.write(f"{one.commitment()}\n")
    if not same:
        raise UsageError("the session asked other items than this file has", where=str(file))


@app.command("journal")
def journal(home: Home, style: Output = Format.JSONL) -> None:
    """List what was asked, answered and refused; fails where the journal was changed."""
    from clewline.journal import Journal
    from clewline.matching.hotline import JOURNAL

    emit_rows(Journal(home / JOURNAL).read(), style)


def _application(home: Path, list_file: Path, threads: int) -> Any:
    """Return the hotline's web application."""
    from clewline.matching.service import application

    return application(_hotline(home, list_file, threads))


def _hotline(home: Path, list_file: Path, threads: int) -> Hotline:
    """Return the side that answers, with its list."""
    from clewline.matching.hotline import Hotline
    from clewline.matching.items import rows_of

    items = set()
    for row in rows_of(list_file):
        if row.fault:
            log.print(f"{list_file}, line {row.line}: {row.fault}; left out")
        elif not row.withdrawn:
            items.add(row.item)
    hotline = Hotline(home, sorted(items), now=_now, threads=threads)
    log.print(f"list {hotline.version}: {len(items)} items")
    return hotline


def _write_rows(out: Path, rows: Any) -> int:
    """Write the rows that matched; return how many."""
    count = 0
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["line", "customer", "address", "item"])
            for row in rows:
                cells = map(harmless, (row.customer, row.address, row.item))
                writer.writerow([row.line, *cells])
                count += 1
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(out)) from error
    return count


def _now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
