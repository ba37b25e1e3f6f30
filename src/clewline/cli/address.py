"""``clewline address``: what the chain and the labels say about an address."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer

from clewline.cli.options import Address, Format, LabelSets, Output, Store
from clewline.cli.output import emit, emit_rows
from clewline.errors import UsageError

_AT_ONCE: Final = 1 << 16
_LONGEST: Final = 1000
"""No address is as long; a file that is no list of addresses may be one line."""

app = typer.Typer(help="Addresses.", no_args_is_help=True)


@app.command()
def show(
    address: Address, store: Store, sets: LabelSets = None, style: Output = Format.TABLE
) -> None:
    """Show what an address received and sent, its cluster and its labels."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store, sets).address(address), style)


@app.command()
def batch(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|-", allow_dash=True, help="Addresses, one a line; - is standard input."
        ),
    ],
    store: Store,
    style: Output = Format.JSONL,
) -> None:
    """Show sums, first and last time and cluster of many addresses, a line each."""
    from clewline.workspace import Workspace

    workspace = Workspace.open(store)

    def rows(lines: IO[str], name: str) -> Iterator[dict[str, Any]]:
        while texts := [line.rstrip("\r\n") for line in islice(_short(lines, name), _AT_ONCE)]:
            yield from workspace.address_batch(texts)

    if str(file) == "-":
        emit_rows(rows(sys.stdin, "standard input"), style)
        return
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            emit_rows(rows(lines, str(file)), style)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error


def _short(lines: IO[str], name: str) -> Iterator[str]:
    """Yield the lines of a list, none of which is long."""
    number = 0
    while line := lines.readline(_LONGEST):
        number += 1
        if len(line) == _LONGEST:
            raise UsageError(
                f"longer than {_LONGEST} characters: not an address",
                where=f"{name}, line {number}",
            )
        yield line
