"""``clewline exposure``: which share of an address's money services sent and received."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from clewline.cli.options import Address, Format, LabelSets, Output, Store
from clewline.cli.output import emit, emit_rows, log, progress_bar

app = typer.Typer(
    help="Direct and indirect exposure of any address, from an index over the whole chain.",
    no_args_is_help=True,
)


class Directions(StrEnum):
    """What an index is built for."""

    BOTH = "both"
    FROM = "from"
    TO = "to"


@app.command()
def build(
    store: Store,
    directions: Annotated[
        Directions,
        typer.Option(
            "--direction", help="From: grows with new blocks. To: is computed anew each time."
        ),
    ] = Directions.BOTH,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Build the index of these label sets at the store's tip, or bring it up to date."""
    from clewline.workspace import Workspace

    chosen = ("from", "to") if directions is Directions.BOTH else (directions.value,)
    with progress_bar() as progress:
        built = Workspace.open(store, sets).build_exposure(chosen, progress)
    emit(built, style, "directions")


@app.command()
def show(
    address: Address, store: Store, sets: LabelSets = None, style: Output = Format.TABLE
) -> None:
    """Show from and to which categories of services the money of an address came and went."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store, sets).exposure(address), style, "exposure")


@app.command("list")
def list_(store: Store, style: Output = Format.TABLE) -> None:
    """List the indexes of a store: their tips, sizes and label sets."""
    from clewline.workspace import Workspace

    emit_rows(Workspace.open(store).exposure_indexes(), style)


@app.command()
def remove(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name as the list shows it.")],
    store: Store,
) -> None:
    """Remove an index, for one whose label sets have changed."""
    from clewline.workspace import Workspace

    Workspace.open(store).remove_exposure(index)
    log.print(f"removed: {index}")
