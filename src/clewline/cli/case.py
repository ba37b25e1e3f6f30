"""``clewline case``: who paid the addresses of a site, and where its money was cashed out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from clewline.cli.options import (
    DEFAULT_MAX_NODES,
    DEFAULT_MAX_TRANSACTIONS,
    Format,
    LabelSets,
    MaxHops,
    MaxNodes,
    MaxTransactions,
    MinValue,
    Output,
    PayersMethod,
    ReportMethod,
    Since,
    Store,
    ThroughCoinJoin,
    Until,
)
from clewline.cli.output import emit
from clewline.errors import UsageError

if TYPE_CHECKING:
    from clewline.workspace import Rates

app = typer.Typer(
    help="The tables of a case: who paid a site, where it was cashed out, what behaves like it.",
    no_args_is_help=True,
)

_DAY_HOURS: Final = 24
_HOUR_SECONDS: Final = 3600
_PAYER_TABLE: Final = ["time", "address", "amount", "fiat", "link", "entity", "payout", "counts_as"]
_CASHOUT_TABLE: Final = ["time", "deposit", "amount", "fiat", "hops", "entity", "confidence"]
"""Columns that a terminal shows of a row; the other formats hold all of them."""

Sites = Annotated[
    list[str] | None, typer.Argument(metavar="[ADDRESS]…", help="Addresses of the site.")
]
AddressFile = Annotated[
    Path | None,
    typer.Option(
        "--addresses",
        help="File of more of them, one a line; '#' begins a comment; '-' is standard input.",
    ),
]
WholeCluster = Annotated[
    bool,
    typer.Option(
        "--cluster",
        help="Take in the clusters of the addresses, but not that of an exchange that holds one.",
    ),
]
RatesFile = Annotated[
    Path | None,
    typer.Option(
        "--rates",
        help="CSV of exchange rates for fiat figures: time or date, pair (BTC/USD), rate.",
    ),
]
Currency = Annotated[
    str | None, typer.Option("--currency", help="Which of the currencies in the file of rates.")
]
RateHours = Annotated[
    int,
    typer.Option("--rate-hours", min=1, help="How long a rate holds; nothing is interpolated."),
]


@app.command()
def payers(
    store: Store,
    sites: Sites = None,
    addresses: AddressFile = None,
    cluster: WholeCluster = False,
    method: Annotated[
        PayersMethod, typer.Option("--method", help="Rule inside a transaction.")
    ] = PayersMethod.FIFO,
    rates: RatesFile = None,
    currency: Currency = None,
    rate_hours: RateHours = _DAY_HOURS,
    since: Since = None,
    until: Until = None,
    max_hops: MaxHops = None,
    min_value: MinValue = 0,
    max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
    max_nodes: MaxNodes = DEFAULT_MAX_NODES,
    through_coinjoin: ThroughCoinJoin = False,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Show who paid a site: each payment, the service behind it, the output it paid by."""
    from clewline.workspace import Limits, Workspace

    given = _given(sites, addresses)
    limits = Limits(
        max_hops, min_value, since, until, max_transactions, through_coinjoin, max_nodes
    )
    prices = _prices(rates, currency, rate_hours)
    workspace = Workspace.open(store, sets)
    answer = workspace.payers(given, method.value, limits, cluster=cluster, rates=prices)
    _emit(answer, style, "payments", _PAYER_TABLE)


@app.command()
def cashouts(
    store: Store,
    sites: Sites = None,
    addresses: AddressFile = None,
    cluster: WholeCluster = False,
    method: Annotated[
        ReportMethod, typer.Option("--method", help="Rule inside a transaction.")
    ] = ReportMethod.FIFO,
    rates: RatesFile = None,
    currency: Currency = None,
    rate_hours: RateHours = _DAY_HOURS,
    since: Since = None,
    until: Until = None,
    max_hops: MaxHops = None,
    min_value: MinValue = 0,
    max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
    max_nodes: MaxNodes = DEFAULT_MAX_NODES,
    through_coinjoin: ThroughCoinJoin = False,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Show where a site's money was cashed out: each output that a service received."""
    from clewline.workspace import Limits, Workspace

    given = _given(sites, addresses)
    limits = Limits(
        max_hops, min_value, since, until, max_transactions, through_coinjoin, max_nodes
    )
    prices = _prices(rates, currency, rate_hours)
    workspace = Workspace.open(store, sets)
    answer = workspace.cashouts(given, method.value, limits, cluster=cluster, rates=prices)
    _emit(answer, style, "cashouts", _CASHOUT_TABLE)


@app.command()
def leads(
    store: Store,
    sites: Sites = None,
    addresses: AddressFile = None,
    cluster: WholeCluster = False,
    rates: RatesFile = None,
    currency: Currency = None,
    rate_hours: RateHours = _DAY_HOURS,
    since: Since = None,
    until: Until = None,
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Rank what behaves like a site among the receivers of a case: leads, no categories."""
    from clewline.workspace import Limits, Workspace

    given = _given(sites, addresses)
    limits = Limits(since=since, until=until)
    prices = _prices(rates, currency, rate_hours)
    workspace = Workspace.open(store, sets)
    answer = workspace.leads(given, limits, cluster=cluster, rates=prices)
    emit(answer, style, "leads")


def _emit(answer: dict[str, Any], style: Format, rows: str, columns: list[str]) -> None:
    """Print an answer; of its rows, a table for reading shows some columns."""
    if style is Format.TABLE:
        brief = [{column: row[column] for column in columns} for row in answer[rows]]
        answer = {**answer, "columns": "some; --format csv, json or jsonl has all", rows: brief}
    emit(answer, style, rows)


def _given(sites: list[str] | None, file: Path | None) -> list[str]:
    """Return the addresses of the command line and of a file."""
    given = list(sites or ())
    if file is None:
        return given
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8", where=str(file), hint="one address a line") from None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) > 1:
            raise UsageError("more than one word; one address a line", where=f"{file}:{number}")
        given += words
    return given


def _prices(file: Path | None, currency: str | None, hours: int) -> Rates | None:
    """Read the rates, if there is a file of them."""
    from clewline.workspace import Rates

    if file is not None:
        return Rates.read(file, currency, _HOUR_SECONDS * hours)
    if currency is not None:
        raise UsageError("names a currency, but there are no rates", where="--currency")
    return None
