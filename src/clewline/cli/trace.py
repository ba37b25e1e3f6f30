"""``clewline trace``: where money went, and where it came from."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final

import typer

from clewline.cli.options import (
    DEFAULT_MAX_NODES,
    DEFAULT_MAX_TRANSACTIONS,
    Cluster,
    Format,
    LabelSets,
    MaxHops,
    MaxNodes,
    MaxTransactions,
    Method,
    MinValue,
    Output,
    ReportMethod,
    Seeds,
    Since,
    StopAtDeposits,
    Store,
    ThroughCoinJoin,
    TraceMethod,
    Until,
)
from clewline.cli.output import emit

_PARTY: Final = "ADDRESS|TXID:VOUT|cluster:ADDRESS|entity:NAME"

app = typer.Typer(help="Follow money to and from services, exact in satoshi.", no_args_is_help=True)


class Direction(StrEnum):
    """Which way money is followed."""

    FORWARD = "forward"
    BACKWARD = "backward"


def _trace(direction: str) -> Callable[..., None]:
    """Return the command of one direction."""

    def trace(
        seeds: Seeds,
        store: Store,
        cluster: Cluster = False,
        method: Method = TraceMethod.FIFO,
        max_hops: MaxHops = None,
        min_value: MinValue = 0,
        since: Since = None,
        until: Until = None,
        max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
        max_nodes: MaxNodes = DEFAULT_MAX_NODES,
        through_coinjoin: ThroughCoinJoin = False,
        stop_at_deposits: StopAtDeposits = False,
        sets: LabelSets = None,
        style: Output = Format.TABLE,
    ) -> None:
        from clewline.workspace import Limits, Workspace

        limits = Limits(
            max_hops, min_value, since, until, max_transactions, through_coinjoin, max_nodes
        )
        workspace = Workspace.open(store, sets)
        chosen = workspace.with_clusters(seeds) if cluster else seeds
        answer = workspace.trace(
            direction, chosen, method.value, limits, stop_at_deposits=stop_at_deposits
        )
        emit(answer, style, "services")

    return trace


app.command("forward", help="Follow money forward: to the services where it went.")(
    _trace("forward")
)
app.command("backward", help="Follow money backward: to the services where it came from.")(
    _trace("backward")
)


@app.command()
def path(
    payer: Annotated[str, typer.Argument(metavar=_PARTY, help="Whose money.")],
    receiver: Annotated[str, typer.Argument(metavar=_PARTY, help="Whom it may have reached.")],
    store: Store,
    method: Annotated[
        ReportMethod, typer.Option("--method", help="Rule inside a transaction.")
    ] = ReportMethod.FIFO,
    max_hops: MaxHops = None,
    min_value: MinValue = 0,
    since: Since = None,
    until: Until = None,
    max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
    max_nodes: MaxNodes = DEFAULT_MAX_NODES,
    through_coinjoin: ThroughCoinJoin = False,
    most: Annotated[int, typer.Option("--most", min=1, help="List at most this many paths.")] = 20,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Show how money of one party reached another: largest amount first, in order of time."""
    from clewline.workspace import Limits, Workspace

    limits = Limits(
        max_hops, min_value, since, until, max_transactions, through_coinjoin, max_nodes
    )
    workspace = Workspace.open(store, sets)
    emit(workspace.path(payer, receiver, method.value, limits, most), style, "paths")


@app.command()
def common(
    addresses: Annotated[
        list[str], typer.Argument(metavar="ADDRESS…", help="Two addresses or more.")
    ],
    store: Store,
    hops: Annotated[
        int, typer.Option("--hops", min=1, help="At most this many transactions away; 1: direct.")
    ] = 1,
    min_value: MinValue = 0,
    since: Since = None,
    until: Until = None,
    max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
    max_nodes: MaxNodes = DEFAULT_MAX_NODES,
    through_coinjoin: ThroughCoinJoin = False,
    most: Annotated[int, typer.Option("--most", min=1, help="List at most this many.")] = 100,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Show whom two or more of some addresses paid, or were paid by."""
    from clewline.workspace import Limits, Workspace

    limits = Limits(None, min_value, since, until, max_transactions, through_coinjoin, max_nodes)
    answer = Workspace.open(store, sets).common(addresses, hops, limits, most)
    emit(answer, style, "counterparties")


@app.command()
def peel(
    outpoint: Annotated[str, typer.Argument(metavar="TXID:VOUT", help="Where the run begins.")],
    store: Store,
    max_steps: Annotated[
        int, typer.Option("--max-steps", min=0, help="Follow at most this many transactions.")
    ] = 1000,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Follow a peel chain: a run of payments out of one coin (a heuristic, with its signs)."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store, sets).peel(outpoint, max_steps), style, "steps")


@app.command()
def compare(
    direction: Annotated[Direction, typer.Argument(help="Where money went, or came from.")],
    seeds: Seeds,
    store: Store,
    cluster: Cluster = False,
    max_hops: MaxHops = None,
    min_value: MinValue = 0,
    since: Since = None,
    until: Until = None,
    max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
    max_nodes: MaxNodes = DEFAULT_MAX_NODES,
    through_coinjoin: ThroughCoinJoin = False,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Show what each rule (fifo, lifo, haircut, poison) says of the same money, side by side."""
    from clewline.workspace import Limits, Workspace, side_by_side

    limits = Limits(
        max_hops, min_value, since, until, max_transactions, through_coinjoin, max_nodes
    )
    workspace = Workspace.open(store, sets)
    chosen = workspace.with_clusters(seeds) if cluster else seeds
    emit(side_by_side(workspace.compare(direction.value, chosen, limits)), style, "services")
