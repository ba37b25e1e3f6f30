"""``clewline chain``: import a chain, ask what is there, check it, export it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import emit, emit_rows, log, progress_bar

app = typer.Typer(help="The chain store: import, look, check, export.", no_args_is_help=True)

_CoreBlocks = typer.Option(
    "--core-blocks",
    help="Blocks directory of Bitcoin Core (blk*.dat, xor.dat).",
    exists=False,
)


class ExportTable(StrEnum):
    """What can be exported."""

    TRANSACTIONS = "transactions"


@app.command("import")
def import_(
    store: Store,
    core_blocks: Annotated[Path, _CoreBlocks],
    network: Annotated[
        str | None,
        typer.Option(
            help="main, test, testnet4, signet or regtest; told from the files if not given."
        ),
    ] = None,
) -> None:
    """Bring a store to the tip of the chain in a blocks directory; run again to append."""
    from clewline.workspace import import_blocks

    with progress_bar() as progress:
        result = import_blocks(store, core_blocks, network, progress)
    for place in result.cut:
        log.print(f"note: {place}: the file ends inside this record; it was left out")
    if result.stale:
        log.print(f"note: {result.stale:,} stale blocks were left out")
    if result.removed:
        log.print(f"reorganisation: {result.removed:,} blocks were taken back")
    log.print(
        f"{result.appended:,} blocks imported; {result.manifest.network} at height "
        f"{result.manifest.height:,}, tip {result.manifest.tip}"
    )


@app.command()
def info(store: Store, style: Output = Format.TABLE) -> None:
    """Say what the store holds: tip, counts, unspent outputs, digest."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store).info(), style)


@app.command()
def check(store: Store, core_blocks: Annotated[Path | None, _CoreBlocks] = None) -> None:
    """Check every byte of the store; with block files also against the undo data of the node."""
    from clewline.workspace import check_store

    with progress_bar() as progress:
        report = check_store(store, core_blocks, progress)
    for line in report.checked:
        log.print(f"checked: {line}")
    for line in report.wrong:
        log.print(f"wrong: {line}", style="red")
    if report.wrong:
        raise typer.Exit(1)
    log.print("nothing wrong")


@app.command()
def export(
    store: Store,
    table: Annotated[ExportTable, typer.Option(help="What to export.")],
    style: Output = Format.JSONL,
) -> None:
    """Print a table of the whole chain, in chain order."""
    from clewline.workspace import Workspace

    workspace = Workspace.open(store)
    if table is ExportTable.TRANSACTIONS:
        emit_rows(workspace.all_transactions(), style)
