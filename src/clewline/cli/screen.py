"""``clewline screen``: addresses or transfers against the list."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from clewline.cli.options import AsOf, Format, LabelSets, Output
from clewline.cli.output import emit_rows, log, progress_bar
from clewline.errors import StorageError, UsageError
from clewline.settings import value_of

if TYPE_CHECKING:
    from clewline.screening.lines import Screened
    from clewline.screening.review import Reviews
    from clewline.screening.rows import Fault
    from clewline.screening.running import Counts, Question
    from clewline.screening.watchlist import Watchlist

HITS: Final = 3
"""Exit code that says that there were hits."""
_FAULTS_SHOWN: Final = 20
_TABLE_ROWS: Final = 200


class _FileOrCommand(TyperGroup):
    """``clewline screen FILE`` is ``clewline screen rows FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the name of the command that was left out."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["rows", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FileOrCommand,
    help="Screen customers' addresses and transfers against the list. clewline screen FILE means "
    "clewline screen rows FILE. Exit code 3: there were hits.",
    no_args_is_help=True,
)


index_app = typer.Typer(help="An index of past transfers, for screen rescreen.")
app.add_typer(index_app, name="index")


class InputForm(StrEnum):
    """What an input holds."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class OutputForm(StrEnum):
    """What answers are written as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    TABLE = "table"


Input = Annotated[
    Path,
    typer.Argument(metavar="FILE|-", help="CSV, JSON lines or Parquet; - is standard input."),
]
Lists = Annotated[
    list[Path] | None,
    typer.Option(
        "--list",
        help="List to screen for, CSV, JSON or JSON lines; may be repeated. No store needed.",
    ),
]
MaybeStore = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Chain store: its label sets, and clusters and indirect exposure for its chain.",
    ),
]
Categories = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        help="Screen for this category only; may be repeated. Default: abuse and all below.",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="ROLE=COLUMN", help="Which column is which; may be repeated."),
]
IndexDirectory = Annotated[
    Path, typer.Option("--index", help="Directory of the index of past transfers.")
]
Slack = Annotated[
    int,
    typer.Option(
        "--slack",
        min=0,
        metavar="DAYS",
        help="Take labels to hold for this long before their valid_from, too.",
    ),
]
Lookback = Annotated[
    int | None,
    typer.Option(
        "--lookback", min=0, metavar="DAYS", help="Screen transfers of so many days up to --as-of."
    ),
]
Reading = Annotated[
    InputForm | None, typer.Option("--input", help="Form of FILE; default: by its name, else csv.")
]


@app.command()
def rows(
    file: Input,
    store: MaybeStore = None,
    sets: LabelSets = None,
    lists: Lists = None,
    categories: Categories = None,
    columns: Columns = None,
    reading: Reading = None,
    style: Annotated[
        OutputForm,
        typer.Option("--format", help="jsonl: a line an input row; csv: a line a hit."),
    ] = OutputForm.JSONL,
    out: Annotated[Path | None, typer.Option("--out", help="Write there, resumably.")] = None,
    errors: Annotated[
        Path | None, typer.Option("--errors", help="Write malformed rows there, a JSON line each.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the last run into --out stopped.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each hit its type and reason.")
    ] = False,
    slack: Slack = 0,
    lookback: Lookback = None,
    as_of: AsOf = None,
) -> None:
    """Screen addresses or transfers: a line an input row, direct without any store."""
    from clewline.screening.running import began, screen_file
    from clewline.workspace import screening

    source = None if str(file) == "-" else file
    watchlist, workspace = listed(lists, store, sets, categories)
    if resume and out and as_of is None:
        as_of = began(out)
    asked = question(source, columns, reading, lookback, slack, as_of, style.value, explain=explain)
    screener = screening.make_screener(watchlist, asked, workspace)
    table = _Table(watchlist.version, screener.tip) if style is OutputForm.TABLE else None
    with progress_bar() as progress:
        counts = screen_file(
            *(screener, source, table.take if table else None),
            out=out,
            errors=errors,
            resume=resume,
            done=Reporter(source, progress).report,
        )
    if table:
        emit_rows(table.rows, Format.TABLE)
    log.print(summary(counts, watchlist, screener.tip))
    if counts.hits:
        raise typer.Exit(HITS)


def listed(
    lists: list[Path] | None,
    store: Path | None,
    sets: list[str] | None,
    categories: list[str] | None,
) -> tuple[Watchlist, Any]:
    """Return the list, and the store's tip where there is one."""
    from clewline.workspace import Workspace
    from clewline.workspace.screening import read_watchlist

    # The setting names a store for every command; here a list makes one superfluous.
    chosen = store
    if chosen is None and not lists and (usual := value_of("store")):
        chosen = Path(usual)
    workspace = Workspace.open(chosen) if chosen else None
    return read_watchlist(lists or (), chosen, sets, categories), workspace


def question(
    source: Path | None,
    columns: list[str] | None,
    reading: InputForm | None,
    lookback: int | None,
    slack: int,
    as_of: int | None,
    output: str,
    *,
    explain: bool = False,
) -> Question:
    """Return how an input is screened."""
    from clewline.screening.rows import form_of
    from clewline.screening.running import Question

    mapping = {}
    for text in columns or ():
        role, equals, column = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} is not ROLE=COLUMN", where="--map")
        mapping[role.strip()] = column
    return Question(
        form=form_of(source, reading.value if reading else None),
        mapping=mapping,
        lookback=lookback,
        slack=slack,
        as_of=int(time.time()) if as_of is None else as_of,
        output=output,
        explain=explain,
    )


class Reporter:
    """Tells on standard error how far a run is, and the first malformed rows."""

    def __init__(self, source: Path | None, progress: Any) -> None:
        self._size = source.stat().st_size if source and source.is_file() else 0
        self._name = str(source or "-")
        self._progress = progress
        self._shown = 0

    def report(self, counts: Counts, faults: list[Fault]) -> None:
        """Tell of a batch."""
        self.tell("Screening, bytes", counts.read, faults)

    def tell(self, what: str, read: int, faults: list[Fault]) -> None:
        """Tell how far the input was read, and which lines are to be reported."""
        for fault in faults[: max(_FAULTS_SHOWN - self._shown, 0)]:
            log.print(f"{self._name}:{fault.line}: {fault.reason}")
        self._shown += len(faults)
        if self._size and read <= self._size:
            self._progress(what, read, self._size)


def summary(counts: Counts, watchlist: Watchlist, tip: str | None) -> str:
    """Return what a run did, for standard error."""
    more = f"; {counts.faults:,} lines reported" if counts.faults else ""
    return (
        f"{counts.rows:,} rows: {counts.direct:,} direct, {counts.indirect:,} indirect, "
        f"{counts.clean:,} clean, {counts.not_loaded:,} not loaded{more}; "
        f"list {watchlist.version} ({len(watchlist.entries):,} labels), tip {tip or 'none'}"
    )


class _Table:
    """Keeps the hits of a run for a table."""

    def __init__(self, version: str, tip: str | None) -> None:
        self.rows: list[dict[str, Any]] = []
        self._said = version, tip

    def take(self, screened: Screened) -> int:
        """Keep the hits of a batch, as far as a table shows them."""
        for row in sorted(screened.hits)[: max(_TABLE_ROWS - len(self.rows), 0)]:
            line = screened.line(row, *self._said)
            shown = {key: line[key] for key in ("id", "address", "chain", "result")}
            strongest = {key: line["hits"][0][key] for key in ("entity", "category", "direction")}
            self.rows.append({**shown, **strongest, "hits": len(line["hits"])})
        return 0


Ledger = Annotated[
    Path | None,
    typer.Option("--ledger", help="Decisions of reviewers: a journal, made with the first."),
]


@app.command()
def customers(
    file: Input,
    store: MaybeStore = None,
    sets: LabelSets = None,
    lists: Lists = None,
    categories: Categories = None,
    columns: Columns = None,
    reading: Reading = None,
    ledger: Ledger = None,
    queue: Annotated[
        Path | None, typer.Option("--queue", help="Write what waits for review there.")
    ] = None,
    style: Output = Format.JSONL,
    slack: Slack = 0,
    lookback: Lookback = None,
    as_of: AsOf = None,
) -> None:
    """Roll transfers up by customer: who paid, was paid, cashes out, accepts payments; and why."""
    from clewline.screening.customers import RollUp
    from clewline.screening.running import Counts, opened, screened_batches
    from clewline.workspace import screening

    source = None if str(file) == "-" else file
    watchlist, workspace = listed(lists, store, sets, categories)
    asked = question(source, columns, reading, lookback, slack, as_of, "jsonl")
    screener = screening.make_screener(watchlist, asked, workspace)
    gathered, counts = RollUp(screener), Counts()
    with progress_bar() as progress, opened(source) as stream:
        reporter = Reporter(source, progress)
        for screened, faults in screened_batches(screener, stream, str(file), take=gathered.add):
            counts.add(screened, len(faults))
            reporter.report(counts, faults)
    found = list(gathered.findings())
    waiting, suppressed = _reviews(ledger).queue(found)
    said = {"list_version": watchlist.version, "tip": screener.tip}
    if queue:
        _write_rows(queue, [{**one, **said} for one in waiting])
    emit_rows(({**one, **said} for one in waiting), style)
    log.print(summary(counts, watchlist, screener.tip))
    log.print(
        f"{len(found):,} findings on {len({one.customer for one in found}):,} customers; "
        f"{len(waiting):,} wait for review; false positives before: {suppressed or 'none'}"
    )
    if waiting:
        raise typer.Exit(HITS)


@app.command()
def decide(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Of a finding, as the queue has it.")],
    ledger: Annotated[Path, typer.Option("--ledger", help="Journal of decisions.")],
    reviewer: Annotated[str, typer.Option("--reviewer", help="Who decides; two people must.")],
    decision: Annotated[str, typer.Option("--decision", help="confirmed or false positive.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; docs/SCREENING.md lists reasons.")],
    note: Annotated[str, typer.Option("--note", help="More of it.")] = "",
) -> None:
    """Decide about a finding: two different people have to decide the same."""
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    state = _reviews(ledger).decide(item, reviewer, decision, reason, note, at=at)
    log.print(f"{item}: {state.value}")


@index_app.command("add")
def index_add(
    file: Input,
    to: IndexDirectory,
    columns: Columns = None,
    reading: Reading = None,
) -> None:
    """Add past transfers to an index: all of a file, or none."""
    from clewline.screening.index import TransferIndex

    asked = question(file, columns, reading, None, 0, 0, "jsonl")
    index = TransferIndex(to)
    with progress_bar() as progress:
        added = index.add(file, asked, partial(Reporter(file, progress).tell, "Indexing, bytes"))
    known = "; this file was in it already" if added.known else ""
    log.print(f"{added.rows:,} transfers added, {added.faults:,} lines left out{known}")


@app.command()
def rescreen(
    index: IndexDirectory,
    store: MaybeStore = None,
    sets: LabelSets = None,
    lists: Lists = None,
    categories: Categories = None,
    style: Output = Format.JSONL,
    out: Annotated[Path | None, typer.Option("--out", help="Write alerts there, too.")] = None,
    slack: Slack = 0,
    lookback: Lookback = None,
    as_of: AsOf = None,
) -> None:
    """Judge indexed transfers by the list of now; what differs from the last time is an alert."""
    from clewline.screening.index import TransferIndex
    from clewline.screening.index import rescreen as judge_again
    from clewline.workspace import Workspace
    from clewline.workspace.screening import make_screener, read_watchlist

    watchlist = read_watchlist(lists or (), store, sets, categories, may_be_empty=True)
    asked = question(None, None, None, lookback, slack, as_of, "jsonl")
    transfers = TransferIndex(index)
    screener = make_screener(watchlist, asked, Workspace.open(store) if store else None)
    alerts, judged = judge_again(transfers, screener)
    if out:
        _write_rows(out, alerts)
    emit_rows(alerts, style)
    sys.stdout.flush()
    transfers.keep(judged)
    log.print(
        f"{transfers.rows:,} transfers, {len(judged):,} hits, {len(alerts):,} alerts; "
        f"list {watchlist.version} ({len(watchlist.entries):,} labels), "
        f"tip {screener.tip or 'none'}"
    )
    if alerts:
        raise typer.Exit(HITS)


def _reviews(ledger: Path | None) -> Reviews:
    """Open a journal of decisions; without one nothing was decided."""
    from clewline.journal import Journal
    from clewline.screening.review import Reviews

    return Reviews(Journal(ledger or Path(os.devnull)))


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write JSON lines into a file."""
    try:
        with path.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(path)) from error
