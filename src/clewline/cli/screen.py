"""``clewline screen``: addresses or transfers against the list."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from clewline.cli.options import AsOf, Format, LabelSets
from clewline.cli.output import emit_rows, log, progress_bar
from clewline.errors import UsageError
from clewline.settings import value_of

if TYPE_CHECKING:
    from clewline.screening.lines import Screened
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
    from clewline.screening.running import screen_file
    from clewline.workspace import screening

    source = None if str(file) == "-" else file
    watchlist, workspace = listed(lists, store, sets, categories)
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
        for fault in faults[: max(_FAULTS_SHOWN - self._shown, 0)]:
            log.print(f"{self._name}:{fault.line}: {fault.reason}")
        self._shown += len(faults)
        if self._size and counts.read <= self._size:
            self._progress("Screening, bytes", counts.read, self._size)


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
