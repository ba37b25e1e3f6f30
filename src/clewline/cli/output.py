"""Printing: data on standard output, everything else on standard error."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from clewline.cli.options import Format
from clewline.errors import UsageError
from clewline.reports.sheet import harmless

log: Final = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
"""Standard error. Text is printed as it is: neither broken over lines nor read as markup."""
_TABLE_ROWS: Final = 200
_TABLE_COLUMNS: Final = 10
_PROVISIONAL: Final = {"confirmed", "spent_unconfirmed_by", "unconfirmed"}
"""Keys of what people must not take for a payment that is done."""
_MAY_NEVER_BE: Final = "not confirmed: may never be"


def emit(answer: dict[str, Any], style: Format, rows: str | None = None) -> None:
    """Print one answer; as CSV, its list called `rows`, if it has one."""
    if style is Format.JSON:
        sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
    elif style is Format.TABLE:
        _print_answer(answer)
    elif style is Format.CSV and rows is not None:
        emit_rows(answer[rows], style)
    else:
        emit_rows([answer], style)


def emit_rows(rows: Iterable[dict[str, Any]], style: Format) -> None:
    """Print rows as they come; as CSV they must have the same keys.

    Raises
    ------
    UsageError
        If rows do not fit under the header of the first.
    """
    if style is Format.JSONL:
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    elif style is Format.JSON:
        sys.stdout.write("[")
        for number, row in enumerate(rows):
            sys.stdout.write((",\n " if number else "\n ") + json.dumps(row, ensure_ascii=False))
        sys.stdout.write("\n]\n")
    elif style is Format.CSV:
        writer = None
        header: list[str] = []
        for row in rows:
            if writer is None:
                header = list(row)
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow(header)
            if list(row) != header:
                raise UsageError(
                    "rows of two kinds do not fit one table, such as transactions that are and "
                    "that are not confirmed: ask for them apart, or use json or jsonl",
                    where="--format csv",
                )
            writer.writerow([harmless(_cell(value)) for value in row.values()])
    else:
        _print_rows(rows)


def _cell(value: Any) -> str:
    """Return a value as one cell: nothing for null, JSON for what is nested."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def _stdout() -> Console:
    """Return a console on the standard output of this moment; wide where nobody looks."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def _print_answer(answer: dict[str, Any]) -> None:
    """Print an answer for reading: its plain values, then each list of rows."""
    console = _stdout()
    console.print(_block({k: v for k, v in answer.items() if not _is_rows(v)}))
    for key, value in answer.items():
        if _is_rows(value):
            console.print()
            warned = f": {_MAY_NEVER_BE}" if key in _PROVISIONAL else ""
            console.print(Text(f"{_title(key)} ({len(value):,}){warned}", style="bold"))
            _print_rows(value, console)


def _block(row: dict[str, Any]) -> Table:
    """Return one row as lines of name and value."""
    lines = Table(show_header=False, box=None, pad_edge=False)
    lines.add_column(style="bold")
    lines.add_column(overflow="fold")
    for key, value in row.items():
        shown = _readable(value)
        if key in _PROVISIONAL and value not in (None, True, []):
            shown.append(f" ({_MAY_NEVER_BE})")
        lines.add_row(_title(key), shown)
    return lines


def _print_rows(rows: Iterable[dict[str, Any]], console: Console | None = None) -> None:
    """Print the first `_TABLE_ROWS` rows, and say so where there are more.

    Rows of many columns, or of what may never be confirmed, are printed one below the other.
    """
    console = console or _stdout()
    table: Table | None = None
    count = 0
    for row in rows:
        count += 1
        if count > _TABLE_ROWS:
            continue
        if len(row) > _TABLE_COLUMNS or _PROVISIONAL & row.keys():
            console.print(_block(row))
            console.print()
            continue
        if table is None:
            table = Table(box=None, pad_edge=False, header_style="bold")
            for key, value in row.items():
                number = isinstance(value, int) and not isinstance(value, bool)
                table.add_column(
                    _title(key), overflow="fold", justify="right" if number else "left"
                )
        table.add_row(*(_readable(value) for value in row.values()))
    if table is not None:
        console.print(table)
    if not count:
        console.print("nothing")
    if count > _TABLE_ROWS:
        log.print(f"{count - _TABLE_ROWS:,} more rows; --format csv or jsonl prints all")


def _is_rows(value: Any) -> bool:
    """Tell whether a value is a list of rows."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _title(key: str) -> str:
    """Return a key as people read it."""
    return key.replace("_", " ")


def _readable(value: Any) -> Text:
    """Return a value as text for a table; no markup in it is obeyed."""
    if value is None:
        return Text("—", style="dim")
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}")
    if isinstance(value, dict):
        return Text(", ".join(f"{_title(k)} {_cell(v) or '—'}" for k, v in value.items()))
    if isinstance(value, list):
        if _is_rows(value):
            return Text(f"{len(value):,}")
        shown = [_cell(item) for item in value[:10]]
        more = [f"… {len(value) - 10:,} more"] if len(value) > 10 else []
        return Text("\n".join(shown + more) or "—")
    return Text(_cell(value))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show stages of long work on standard error; silent where nobody looks."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=log,
        disable=not log.is_terminal,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    with bar:
        yield report


class StatusLine:
    """A line on standard error: renewed on a terminal, elsewhere printed where it is news."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._line = ""
        self._news: Hashable = None

    def show(self, line: str, news: Hashable) -> None:
        """Show a line; where it cannot be renewed, only if `news` is not that of the last."""
        if log.is_terminal:
            if self._live is None:
                self._live = Live(console=log, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
        elif news != self._news:
            log.print(line)
        self._line, self._news = line, news

    def keep(self) -> None:
        """Leave the last line where it is for good."""
        if self._live is not None:
            self.clear()
            log.print(self._line)

    def clear(self) -> None:
        """Take the line off a terminal."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """Show stages of long work in place of the line."""
        self.clear()
        with progress_bar() as report:
            yield report
