"""``clewline trace``: where money went, and where it came from."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from clewline.cli.options import Format, LabelSets, Output, Store
from clewline.cli.output import emit

app = typer.Typer(help="Follow money to and from services, exact in satoshi.", no_args_is_help=True)


class TraceMethod(StrEnum):
    """Rule by which a transaction hands money on."""

    FIFO = "fifo"
    HAIRCUT = "haircut"


_Seeds = Annotated[
    list[str],
    typer.Argument(
        metavar="ADDRESS|TXID:VOUT…", help="An address means each output that it received."
    ),
]
_Method = Annotated[TraceMethod, typer.Option("--method", help="Rule inside a transaction.")]
_MaxHops = Annotated[
    int | None, typer.Option("--max-hops", min=0, help="Cross at most this many transactions.")
]
_MinValue = Annotated[
    int, typer.Option("--min-value", min=0, help="Do not follow less than this many satoshi.")
]
_Since = Annotated[
    datetime | None,
    typer.Option("--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="UTC, inclusive."),
]
_Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="UTC, inclusive."),
]
_MaxTransactions = Annotated[
    int | None,
    typer.Option("--max-transactions", min=0, help="Stop after crossing this many."),
]
_ThroughCoinJoin = Annotated[
    bool, typer.Option("--through-coinjoin", help="Walk on through CoinJoins.")
]

Cluster = Annotated[
    bool,
    typer.Option(
        "--cluster", help="Take all addresses of the clusters that the given ones are in."
    ),
]


def _seconds(moment: datetime | None) -> int | None:
    """Return UTC seconds of a time given without a zone."""
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp())


@app.command()
def forward(
    seeds: _Seeds,
    store: Store,
    cluster: Cluster = False,
    method: _Method = TraceMethod.FIFO,
    max_hops: _MaxHops = None,
    min_value: _MinValue = 0,
    since: _Since = None,
    until: _Until = None,
    max_transactions: _MaxTransactions = None,
    through_coinjoin: _ThroughCoinJoin = False,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Follow money forward: to the services where it went."""
    from clewline.workspace import Limits, Workspace

    limits = Limits(
        max_hops, min_value, _seconds(since), _seconds(until), max_transactions, through_coinjoin
    )
    workspace = Workspace.open(store, sets)
    chosen = workspace.with_clusters(seeds) if cluster else seeds
    emit(workspace.trace("forward", chosen, method.value, limits), style)


@app.command()
def backward(
    seeds: _Seeds,
    store: Store,
    cluster: Cluster = False,
    method: _Method = TraceMethod.FIFO,
    max_hops: _MaxHops = None,
    min_value: _MinValue = 0,
    since: _Since = None,
    until: _Until = None,
    max_transactions: _MaxTransactions = None,
    through_coinjoin: _ThroughCoinJoin = False,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Follow money backward: to the services where it came from."""
    from clewline.workspace import Limits, Workspace

    limits = Limits(
        max_hops, min_value, _seconds(since), _seconds(until), max_transactions, through_coinjoin
    )
    workspace = Workspace.open(store, sets)
    chosen = workspace.with_clusters(seeds) if cluster else seeds
    emit(workspace.trace("backward", chosen, method.value, limits), style)
