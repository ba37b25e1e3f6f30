"""``clewline tx``: transactions."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import emit_rows

app = typer.Typer(help="Transactions.", no_args_is_help=True)


@app.command()
def show(
    txids: Annotated[
        list[str],
        typer.Argument(
            metavar="TXID…|-", help="Transaction ids; - reads them from standard input."
        ),
    ],
    store: Store,
    style: Output = Format.JSONL,
) -> None:
    """Show transactions with inputs, outputs and who spends them."""
    from clewline.workspace import Workspace

    wanted = sys.stdin.read().split() if txids == ["-"] else txids
    emit_rows(Workspace.open(store).transactions(wanted), style)
