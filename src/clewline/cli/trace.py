"""``clewline trace``: where money went, and where it came from."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer

from clewline.cli.options import Format, LabelSets, Output, Store
from clewline.cli.output import emit

app = typer.Typer(help="Follow money to and from services, exact in satoshi.", no_args_is_help=True)


class TraceMethod(StrEnum):
    """Rule by which a transaction hands money on."""

    FIFO = "fifo"
    HAIRCUT = "haircut"


_TIME: Final = "YYYY-MM-DD[Thh:mm:ssZ]"
_WHOLE_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _since(text: str) -> int:
    """Return UTC seconds of a time (ISO 8601, or the seconds themselves), of a date its first.

    Examples
    --------
    >>> _since("2024-01-31"), _since("2024-01-31T12:00:00Z"), _since("1706702400")
    (1706659200, 1706702400, 1706702400)
    """
    if text.isdecimal() and len(text) == len("1706702400"):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a date nor a time like {_TIME}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _until(text: str) -> int:
    """Return UTC seconds of a time, of a date its last second.

    Examples
    --------
    >>> _until("2024-01-31"), _until("2024-01-31T12:00:00Z")
    (1706745599, 1706702400)
    """
    return _since(text) + (24 * 3600 - 1 if _WHOLE_DAY.fullmatch(text) else 0)


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
    int | None,
    typer.Option("--since", parser=_since, metavar=_TIME, help="From then on, UTC."),
]
_Until = Annotated[
    int | None,
    typer.Option("--until", parser=_until, metavar=_TIME, help="Up to and with then, UTC."),
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

    limits = Limits(max_hops, min_value, since, until, max_transactions, through_coinjoin)
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

    limits = Limits(max_hops, min_value, since, until, max_transactions, through_coinjoin)
    workspace = Workspace.open(store, sets)
    chosen = workspace.with_clusters(seeds) if cluster else seeds
    emit(workspace.trace("backward", chosen, method.value, limits), style)
