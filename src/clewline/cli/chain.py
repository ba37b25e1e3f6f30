"""``clewline chain``: import a chain, ask what is there, check it, export it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import emit, emit_rows, log, progress_bar
from clewline.errors import UsageError
from clewline.reports.sheet import visible
from clewline.settings import setting

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


def _note(line: str) -> None:
    """Print what an operator should know; a node may have worded a part of it."""
    log.print(visible(f"note: {line}"))


@app.command("import")
def import_(
    store: Store,
    core_blocks: Annotated[Path | None, _CoreBlocks] = None,
    rpc: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="JSON-RPC port of a running Bitcoin Core node (-server=1): http://127.0.0.1:8332.",
        ),
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The same port for REST (-rest=1, Core 24 or newer): faster, no password.",
        ),
    ] = None,
    rpc_cookie: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=setting("rpc_cookie").help),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="main, test, testnet4, signet or regtest; told from the blocks if not given."
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
    """Bring a store to the tip of the chain in a blocks directory or of a node.

    Give one of --core-blocks, --rpc, --rest and --tables. Run again to append; with --tables, a new
    store is made from Parquet tables.
    """
    from clewline.workspace import connect_node, import_blocks, import_from_node, import_tables

    sources = {"--core-blocks": core_blocks, "--rpc": rpc, "--rest": rest, "--tables": tables}
    if sum(source is not None for source in sources.values()) != 1:
        raise UsageError("give one of these", where=", ".join(sources))
    if rpc_cookie is not None and rpc is None:
        raise UsageError("goes with --rpc", where="--rpc-cookie")
    if schema is not None and tables is None:
        raise UsageError("goes with --tables", where="--schema")
    with progress_bar() as progress:
        if core_blocks is not None:
            result = import_blocks(store, core_blocks, network, progress)
        elif tables is not None:
            form = schema.value if schema else None
            result = import_tables(store, tables, form, network, progress)
        else:
            with connect_node(rpc, rest, rpc_cookie, _note) as node:
                result = import_from_node(store, node, network, progress, _note)
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
