"""``clewline tx``: transactions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import emit_rows, log
from clewline.errors import ClewlineError
from clewline.reports.sheet import visible

app = typer.Typer(help="Transactions.", no_args_is_help=True)


Txids = Annotated[
    list[str],
    typer.Argument(metavar="TXID…|-", help="Transaction ids; - reads them from standard input."),
]


def _wanted(txids: list[str]) -> list[str]:
    """Return the ids that were given, from standard input for -."""
    return sys.stdin.read().split() if txids == ["-"] else txids


@app.command()
def show(txids: Txids, store: Store, style: Output = Format.JSONL) -> None:
    """Show transactions with inputs, outputs and who spends them.

    One that is not on the chain, but waits in a mempool that is followed (chain follow
    --unconfirmed) or did, is shown with "confirmed": false, with what became of it and when it was
    seen; what is not known of it is null. It may never be confirmed.
    """
    from clewline.workspace import Workspace

    emit_rows(Workspace.open(store).transactions(_wanted(txids)), style)


@app.command()
def change(txids: Txids, store: Store, style: Output = Format.JSONL) -> None:
    """Show how probably each output of transactions is change, and the signs for and against.

    The probability is calibrated on chains whose truth is known; docs/ACCURACY.md has the error
    rates. Where nothing can be said, it is null and the note says why.
    """
    from clewline.workspace import Workspace

    emit_rows(Workspace.open(store).change(_wanted(txids)), style)


@app.command()
def classify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|-",
            allow_dash=True,
            help="Transactions as JSON lines, plain or .xz or .gz; - reads standard input.",
        ),
    ],
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going",
            help="Report a line that is wrong and skip it; the exit code still says failed.",
        ),
    ] = False,
    style: Output = Format.JSONL,
) -> None:
    """Name the CoinJoin family of transactions that need not be in a store.

    A line is {"txid", "inputs": [{"value", "script"}], "outputs": [{"value", "script"}]}: satoshi
    and hex; other keys are let be. Each is answered with {txid, family, rule, reason}, family null
    where it is none, or where the reason says that it was not checked.
    """
    from clewline.workspace import classify_file, classify_lines

    skipped: list[ClewlineError] = []

    def report(error: ClewlineError) -> None:
        log.print(visible(f"clewline: {error} [{error.code}]"), style="red")
        skipped.append(error)

    wrong = report if keep_going else None
    if str(file) == "-":
        rows = classify_lines(sys.stdin.buffer, "standard input", wrong)
    else:
        rows = classify_file(file, wrong)
    emit_rows(rows, style)
    if skipped:
        log.print(f"lines skipped: {len(skipped)}", style="red")
        raise typer.Exit(1)
