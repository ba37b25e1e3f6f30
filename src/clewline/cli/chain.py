"""``clewline chain``: import a chain, ask what is there, check it, export it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import emit, emit_rows, log, progress_bar
from clewline.errors import UsageError

app = typer.Typer(help="The chain store: import, look, check, export.", no_args_is_help=True)

_CoreBlocks = typer.Option(
    "--core-blocks",
    help="Blocks directory of Bitcoin Core (blk*.dat, xor.dat).",
    exists=False,
)


class ExportTable(StrEnum):
    """What can be exported."""

    TRANSACTIONS = "transactions"
    BLOCKS = "blocks"
    INPUTS = "inputs"
    OUTPUTS = "outputs"
    SCRIPTS = "scripts"
    ALL = "all"


class TableSchema(StrEnum):
    """Form of Parquet tables."""

    FLAT = "flat"
    BITCOIN_ETL = "bitcoin-etl"


@app.command("import")
def import_(
    store: Store,
    core_blocks: Annotated[Path | None, _CoreBlocks] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="main, test, testnet4, signet or regtest; told from the files if not given."
        ),
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(help="Directory of Parquet tables, to make a new store from; see TABLES.md."),
    ] = None,
    schema: Annotated[
        TableSchema | None,
        typer.Option(help="Form of the Parquet tables; told from the tables if not given."),
    ] = None,
) -> None:
    """Bring a store to the tip of the chain in a blocks directory; run again to append.

    With --tables, make a new store from Parquet tables instead.
    """
    from clewline.workspace import import_blocks, import_tables

    if (core_blocks is None) == (tables is None):
        raise UsageError("name one source of blocks: --core-blocks DIR or --tables DIR")
    if tables is not None:
        with progress_bar() as progress:
            manifest = import_tables(
                store, tables, schema.value if schema else None, network, progress
            )
        log.print(
            f"{manifest.height + 1:,} blocks imported; {manifest.network} at height "
            f"{manifest.height:,}, tip {manifest.tip}"
        )
        return
    assert core_blocks is not None
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
    table: Annotated[
        list[ExportTable],
        typer.Option(help="What to export; with --to may be repeated, or all."),
    ],
    style: Output = Format.JSONL,
    to: Annotated[
        Path | None,
        typer.Option(help="Directory to make and write Parquet tables into; see TABLES.md."),
    ] = None,
    schema: Annotated[
        TableSchema, typer.Option(help="Form of the Parquet tables.")
    ] = TableSchema.FLAT,
) -> None:
    """Print the transactions of the whole chain, in chain order.

    With --to, write tables of the chain as Parquet files instead.
    """
    from clewline.workspace import Workspace

    workspace = Workspace.open(store)
    if to is not None:
        with progress_bar() as progress:
            written = workspace.export_tables(
                to, schema.value, [one.value for one in table], progress
            )
        for name, rows in written.items():
            log.print(f"{to / f'{name}.parquet'}: {rows:,} rows")
    elif table == [ExportTable.TRANSACTIONS]:
        emit_rows(workspace.all_transactions(), style)
    else:
        raise UsageError(
            "transactions alone can be printed; tables are written with --to DIR", where="--table"
        )
