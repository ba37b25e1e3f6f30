"""``clewline cluster``: which addresses are one owner's by the multi-input rule, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from clewline.cli.options import Address, Format, Output, Store
from clewline.cli.output import emit, emit_rows

app = typer.Typer(
    help="Clusters: addresses spent together, CoinJoins left out.", no_args_is_help=True
)


WithChange = Annotated[
    bool,
    typer.Option(
        "--with-change",
        help="Join by likely change outputs as well; one pass over the chain. Each such link can "
        "be wrong: docs/ACCURACY.md says how often.",
    ),
]


@app.command()
def show(
    address: Address, store: Store, with_change: WithChange = False, style: Output = Format.TABLE
) -> None:
    """Show the cluster of an address."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store).cluster(address, with_change=with_change), style)


@app.command()
def explain(
    first: Address,
    second: Annotated[str, typer.Argument(metavar="ADDRESS", help="Another address.")],
    store: Store,
    with_change: WithChange = False,
    style: Output = Format.TABLE,
) -> None:
    """Show the shortest chain of transactions that puts two addresses into one cluster."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store).explain(first, second, with_change=with_change), style, "links")


@app.command()
def largest(
    store: Store,
    count: Annotated[int, typer.Option("--count", min=1, help="How many.")] = 10,
    style: Output = Format.TABLE,
) -> None:
    """Show the largest clusters: where a false link does the most harm."""
    from clewline.workspace import Workspace

    emit_rows(Workspace.open(store).largest_clusters(count), style)
