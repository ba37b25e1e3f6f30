"""``clewline play``: a made-up case as real block files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.output import log, progress_bar

app = typer.Typer(help="A made-up case to learn and test with.", no_args_is_help=True)


@app.command()
def make(
    out: Annotated[Path, typer.Option("--out", help="Directory to write; must be new or empty.")],
    transactions: Annotated[int, typer.Option("--transactions", min=1, help="About how many.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same bytes.")] = 1,
) -> None:
    """Write blocks as Bitcoin Core does, the truth behind them, labels and exchange rates."""
    from clewline.play import make_play

    with progress_bar() as progress:
        summary = make_play(
            out, transactions, seed, lambda done, total: progress("Making the case", done, total)
        )
    log.print(
        f"{summary.transactions:,} transactions in {summary.height + 1:,} blocks, all made up: "
        f"{summary.blocks}; the truth about them: {summary.truth}; labels: {summary.labels}; "
        f"rates: {summary.rates}"
    )
