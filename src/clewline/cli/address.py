"""``clewline address``: what the chain and the labels say about an address."""

from __future__ import annotations

import typer

from clewline.cli.options import Address, Format, LabelSets, Output, Store
from clewline.cli.output import emit

app = typer.Typer(help="Addresses.", no_args_is_help=True)


@app.command()
def show(
    address: Address, store: Store, sets: LabelSets = None, style: Output = Format.TABLE
) -> None:
    """Show what an address received and sent, its cluster and its labels."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store, sets).address(address), style)
