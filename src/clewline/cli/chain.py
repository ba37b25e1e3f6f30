"""``clewline chain``: import a chain, ask what is there, check it, export it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import StatusLine, emit, emit_rows, log, progress_bar
from clewline.cli.stopping import Stop, stoppable
from clewline.errors import UsageError
from clewline.reports.sheet import visible
from clewline.settings import setting

if TYPE_CHECKING:
    from clewline.workspace import Standing

app = typer.Typer(help="The chain store: import, look, check, export.", no_args_is_help=True)

_CoreBlocks = typer.Option(
    "--core-blocks",
    help="Blocks directory of Bitcoin Core or its kin (blk*.dat, xor.dat).",
    exists=False,
)
_Rpc = typer.Option(
    "--rpc",
    metavar="URL",
    help="JSON-RPC port of a running node (-server=1): http://127.0.0.1:8332.",
)
_Rest = typer.Option(
    "--rest",
    metavar="URL",
    help="The same port for REST (-rest=1, Core 24 or newer): faster, no password.",
)
_RpcCookie = typer.Option("--rpc-cookie", metavar="FILE", help=setting("rpc_cookie").help)
_Network = typer.Option(
    "--network",
    help="Which network of which chain, as CHAINS.md lists them: main, test, litecoin, …; if not "
    "given, told from the blocks as far as they tell, and Bitcoin's otherwise.",
)
_Memory = typer.Option(
    "--memory",
    metavar="SIZE",
    envvar=setting("memory_limit").env,
    help=setting("memory_limit").help,
)
_CATCHING_UP = 2
"""From so many blocks behind on, a line is worth printing before the import."""


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


def _one_of(sources: dict[str, object]) -> None:
    """Refuse less or more than one of some options."""
    if sum(source is not None for source in sources.values()) != 1:
        raise UsageError("give one of these", where=", ".join(sources))


@app.command("import")
def import_(
    store: Store,
    core_blocks: Annotated[Path | None, _CoreBlocks] = None,
    rpc: Annotated[str | None, _Rpc] = None,
    rest: Annotated[str | None, _Rest] = None,
    rpc_cookie: Annotated[Path | None, _RpcCookie] = None,
    network: Annotated[str | None, _Network] = None,
    memory: Annotated[str | None, _Memory] = None,
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
    from clewline.workspace import (
        bytes_of,
        connect_node,
        import_blocks,
        import_from_node,
        import_tables,
    )

    _one_of({"--core-blocks": core_blocks, "--rpc": rpc, "--rest": rest, "--tables": tables})
    if rpc_cookie is not None and rpc is None:
        raise UsageError("goes with --rpc", where="--rpc-cookie")
    if schema is not None and tables is None:
        raise UsageError("goes with --tables", where="--schema")
    limit = bytes_of(memory, "--memory") if memory else None
    with progress_bar() as progress:
        if core_blocks is not None:
            result = import_blocks(store, core_blocks, network, progress, limit)
        elif tables is not None:
            form = schema.value if schema else None
            result = import_tables(store, tables, form, network, progress)
        else:
            with connect_node(rpc, rest, rpc_cookie, _note) as node:
                result = import_from_node(store, node, network, progress, _note, limit)
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


@app.command("follow")
def follow_(
    store: Store,
    core_blocks: Annotated[Path | None, _CoreBlocks] = None,
    rpc: Annotated[str | None, _Rpc] = None,
    rest: Annotated[str | None, _Rest] = None,
    rpc_cookie: Annotated[Path | None, _RpcCookie] = None,
    network: Annotated[str | None, _Network] = None,
    memory: Annotated[str | None, _Memory] = None,
    interval: Annotated[
        float,
        typer.Option(min=0.1, metavar="SECONDS", help="How long to sleep where nothing is new."),
    ] = 10.0,
    once: Annotated[
        bool, typer.Option("--once", help="End as soon as the store is at the tip.")
    ] = False,
    unconfirmed: Annotated[
        bool,
        typer.Option(
            "--unconfirmed",
            help="Also note which transactions wait for a block, apart from the chain.",
        ),
    ] = False,
) -> None:
    """Keep a store at the tip of a node or of a blocks directory, until Ctrl-C or SIGTERM.

    Give one of --core-blocks, --rpc and --rest. Standard error shows the blocks that are missing,
    and the seconds since the header time of the tip: in one line on a terminal, elsewhere in a line
    for each new tip. Blocks that lost are taken back, however many.

    A node that stops answering is waited for. So is another command that writes to the store, but
    for one that does when this starts, which is an error. Ctrl-C or SIGTERM ends it at once or, in
    the middle of an import, as soon as a running computation ends; the store keeps its last tip;
    the exit code is 130 or 143.

    A reorganisation copies the columns, which takes minutes on the whole chain.

    With --unconfirmed, each round also looks at the mempool of the node. What waits there may never
    be confirmed: it is in no sum, cluster or digest, and answers name it in keys of their own.
    """
    _one_of({"--core-blocks": core_blocks, "--rpc": rpc, "--rest": rest})
    if unconfirmed and core_blocks is not None:
        raise UsageError(
            "block files hold no transactions that wait for a block; goes with --rpc or --rest",
            where="--unconfirmed",
        )
    if rpc_cookie is not None and rpc is None:
        raise UsageError("goes with --rpc", where="--rpc-cookie")
    line = StatusLine()
    try:
        with ExitStack() as stack:
            stopper = stack.enter_context(stoppable())
            stack.callback(line.clear)
            from clewline.workspace import (
                bytes_of,
                connect_node,
                directory_source,
                follow,
                node_source,
            )

            limit = bytes_of(memory, "--memory") if memory else None

            def tell(standing: Standing) -> None:
                # A line that is broken off half-way would be printed again with the next.
                with stopper.deferring():
                    _tell(line, standing)

            def sleep(seconds: float) -> None:
                stopper.check()
                time.sleep(seconds)

            if core_blocks is not None:
                source = directory_source(store, core_blocks, network, line.progress, limit)
            else:
                chain = stack.enter_context(connect_node(rpc, rest, rpc_cookie, _note))
                source = node_source(
                    store, chain, network, line.progress, limit, unconfirmed=unconfirmed
                )
            follow(store, source, tell, interval=interval, once=once, sleep=sleep)
            line.keep()
    except Stop as stop:
        log.print("stopped; the store keeps its last tip")
        raise typer.Exit(stop.exit_code) from None


def _tell(line: StatusLine, standing: Standing) -> None:
    """Say where a followed store stands."""
    result = standing.result
    for place in result.cut if result else ():
        _note(f"{place}: the file ends inside this record; it was left out")
    if result and result.removed:
        log.print(f"reorganisation: {result.removed:,} blocks were taken back")
    parts = ["nothing stored yet"]
    if standing.tip is not None:
        network, height, tip, _time = standing.tip
        parts = [f"{network} at height {height:,}"]
    if standing.waiting is not None:
        parts.append(f"waiting: {visible(standing.waiting)}")
    missing = standing.blocks_behind
    if missing is not None:
        parts.append(f"{missing:,} {'block' if missing == 1 else 'blocks'} behind")
    if standing.tip is not None:
        parts += [f"{standing.seconds_behind:,} s since its header time", f"tip {tip}"]
    pool = standing.pool
    if pool.seen is not None:
        unread = f", {pool.seen.unread:,} more unread" if pool.seen.unread else ""
        parts.append(f"{pool.seen.waiting:,} unconfirmed{unread}")
    if pool.waiting is not None:
        parts.append(f"unconfirmed transactions: waiting: {visible(pool.waiting)}")
    catching_up = missing if missing is not None and missing >= _CATCHING_UP else 0
    news = (standing.tip, standing.waiting, catching_up, pool.seen is None, pool.waiting)
    line.show("; ".join(parts), news)


@app.command()
def fetch(
    addresses: Annotated[
        list[str], typer.Argument(metavar="ADDRESS…", help="Addresses of the case.")
    ],
    store: Store,
    esplora: Annotated[
        str,
        typer.Option(metavar="URL", help="Esplora API of a server, best one of your own."),
    ],
    pap: Annotated[
        str | None,
        typer.Option(
            metavar="green|clear",
            help="Marking of the case that lets others learn what is asked; needed.",
        ),
    ] = None,
    hops: Annotated[
        int,
        typer.Option(
            min=0, help="Go so many transactions beyond those of the addresses, both ways."
        ),
    ] = 1,
    max_transactions: Annotated[
        int,
        typer.Option(
            min=1, help="Load at most so many, parents included; what is left out is counted."
        ),
    ] = 1000,
    per_second: Annotated[
        float, typer.Option(min=0.0, help="Ask at most so often a second; 0 for no limit.")
    ] = 2.0,
) -> None:
    """Build a partial store around some addresses from an Esplora server, without a node.

    The server learns what is asked. So the case needs a marking that allows it (--pap), and
    standard error says so before anything is sent.

    Transactions, their places and headers are proven by hashes. That an address has no other
    transaction, that an output is unspent, and the height of a header are the server's word. Every
    answer from the store says that it is partial and up to when; what is not loaded is never shown
    as nothing.

    Run again to go on after a break, or to come to the newest tip with further addresses: what was
    answered is kept in the store, and not asked again unless it can have changed.
    """
    from clewline.workspace import connect_esplora, fetch_chain

    with progress_bar() as progress:
        server = connect_esplora(esplora, pap, per_second, _note)
        result = fetch_chain(store, server, addresses, pap or "", hops, max_transactions, progress)
    for address, history in result.histories.items():
        part = "" if history.complete else "; the others are not loaded"
        log.print(f"{address}: {history.loaded:,} of {history.total:,} transactions{part}")
    if result.left_out:
        _note(
            f"{result.left_out:,} transactions that were wanted are beyond --max-transactions "
            f"{max_transactions:,}"
        )
    log.print(
        f"{result.transactions:,} transactions, and {result.outputs_only:,} more for their outputs "
        f"alone; {result.asked:,} requests; {result.manifest.network} up to height "
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
