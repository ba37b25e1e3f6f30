"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from clewline.settings import setting


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


class TraceMethod(StrEnum):
    """Rule by which a transaction hands money on."""

    FIFO = "fifo"
    LIFO = "lifo"
    HAIRCUT = "haircut"
    POISON = "poison"


class PayersMethod(StrEnum):
    """The rules that keep satoshi apart, so that each payment has its own payers."""

    FIFO = "fifo"
    LIFO = "lifo"


class ReportMethod(StrEnum):
    """The rules that count no satoshi twice, so that a request pack may state amounts."""

    FIFO = "fifo"
    LIFO = "lifo"
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


Store = Annotated[
    Path,
    typer.Option("--store", envvar=setting("store").env, help=setting("store").help),
]
Output = Annotated[
    Format,
    typer.Option("--format", envvar=setting("format").env, help=setting("format").help),
]
LabelSets = Annotated[
    list[str] | None,
    typer.Option("--set", help="Label set to use; may be repeated. Default: all in the store."),
]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Address of the store's network.")]
Seeds = Annotated[
    list[str],
    typer.Argument(
        metavar="ADDRESS|TXID:VOUT…", help="An address means each output that it received."
    ),
]
Cluster = Annotated[
    bool,
    typer.Option(
        "--cluster", help="Take all addresses of the clusters that the given ones are in."
    ),
]
Method = Annotated[TraceMethod, typer.Option("--method", help="Rule inside a transaction.")]
MaxHops = Annotated[
    int | None, typer.Option("--max-hops", min=0, help="Go at most this many transactions far.")
]
MinValue = Annotated[
    int, typer.Option("--min-value", min=0, help="Do not follow less than this many satoshi.")
]
Since = Annotated[
    int | None,
    typer.Option("--since", parser=_since, metavar=_TIME, help="From then on, UTC."),
]
Until = Annotated[
    int | None,
    typer.Option("--until", parser=_until, metavar=_TIME, help="Up to and with then, UTC."),
]
AsOf = Annotated[
    int | None,
    typer.Option(
        "--as-of", parser=_until, metavar=_TIME, help="End of the look-back window. Default: now."
    ),
]
MaxTransactions = Annotated[
    int,
    typer.Option(
        "--max-transactions",
        min=0,
        envvar=setting("max_transactions").env,
        help=setting("max_transactions").help,
    ),
]
DEFAULT_MAX_TRANSACTIONS: Final = int(setting("max_transactions").default or 0)
MaxNodes = Annotated[
    int,
    typer.Option(
        "--max-nodes",
        min=0,
        envvar=setting("max_nodes").env,
        help=setting("max_nodes").help,
    ),
]
DEFAULT_MAX_NODES: Final = int(setting("max_nodes").default or 0)
ThroughCoinJoin = Annotated[
    bool, typer.Option("--through-coinjoin", help="Walk on through CoinJoins.")
]
StopAtDeposits = Annotated[
    bool,
    typer.Option(
        "--stop-at-deposits",
        help="Stop at addresses inferred to be a service's deposit addresses, too.",
    ),
]
