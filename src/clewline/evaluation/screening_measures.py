"""What is counted of screening: the books of every exchange of a made-up case, against its truth.

Two lists are looked for in the same books: all addresses of the site, as after a seizure, with
control established; and what a hotline saw, one address in ten, as mentions.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from clewline.evaluation.shares import Share
from clewline.evaluation.truth_sets import MadeUp
from clewline.labels.label import make_claim
from clewline.play.books import Books, write_books
from clewline.reports.limits import SCREENING
from clewline.screening.customers import Role, RollUp, customers_in
from clewline.screening.running import Question, Screener, screened_batches
from clewline.screening.watchlist import Entry, Watchlist
from clewline.workspace.screening import make_screener, read_watchlist

TRANSFERS: Final = 6_000
"""Rows of the books of each exchange, those of the story among them."""
ORDINARY: Final = 3_000
"""Customers without a part, at each exchange."""
_RARE: Final = 100_000


@dataclass(frozen=True)
class _Counted:
    """Customers of one exchange: what they are, and what was said of them."""

    paid: AbstractSet[str]
    sold: AbstractSet[str]
    alike: AbstractSet[str]
    others: AbstractSet[str]
    said_paid: AbstractSet[str]
    said_sold: AbstractSet[str]
    hits: AbstractSet[str]
    leads: AbstractSet[str]


def screening(case: MadeUp) -> Iterator[Share]:
    """Count customers that screening names, at every exchange of a case.

    Parameters
    ----------
    case : MadeUp
        One case.

    Yields
    ------
    Share
        Recall and precision of direct payers and of cash-out accounts; customers of look-alikes,
        and those without a part, that are more than a lead, or a lead.
    """
    workspace = case.workspace
    seized = make_screener(_seized(case), Question(), workspace)
    seen = make_screener(read_watchlist(store=workspace.store.path), Question(), workspace)
    with tempfile.TemporaryDirectory(prefix="clewline-books-") as directory:
        for books in _books(case, Path(directory) / "books.csv"):
            yield from _all_listed(case.name, _counted(seized, books, level="hit"))
            yield from _some_listed(case.name, _counted(seen, books, level="lead"))


def _all_listed(name: str, one: _Counted) -> Iterator[Share]:
    """Count what is found where all addresses of the site are listed as its own."""
    share = partial(_share, name, "all listed")
    yield share("customers who paid the site, found", one.said_paid, one.paid, "= 1")
    yield share("customers called payers who are", one.paid, one.said_paid, "= 1")
    yield share("cash-out accounts found", one.said_sold, one.sold, "= 1")
    yield share("accounts called cash-out that are", one.sold, one.said_sold)
    measure = "customers of look-alikes who are more than a lead"
    yield share(measure, one.hits, one.alike, "= 0")
    yield share("customers of look-alikes who are a lead", one.leads, one.alike)
    measure = "customers without a part who are more than a lead"
    yield share(measure, one.hits, one.others, "= 0", _RARE)
    yield share("customers without a part who are a lead", one.leads, one.others, per=_RARE)


def _some_listed(name: str, one: _Counted) -> Iterator[Share]:
    """Count what is found where a hotline saw some of its addresses."""
    share = partial(_share, name, "one in ten seen")
    everybody = one.paid | one.sold | one.alike | one.others
    yield share("customers who are more than a lead", one.hits, everybody, "= 0")
    yield share("customers who paid the site, found", one.said_paid, one.paid)
    yield share("customers called payers who are", one.paid, one.said_paid, "= 1")
    yield share("cash-out accounts found", one.said_sold, one.sold)
    yield share("accounts called cash-out that are", one.sold, one.said_sold)


def _share(
    name: str,
    listed: str,
    measure: str,
    said: AbstractSet[str],
    of: AbstractSet[str],
    goal: str = "",
    per: int = 100,
) -> Share:
    """Return how many of some customers are among others."""
    return Share(SCREENING, f"{listed}: {measure}", name, len(said & of), len(of), goal, per)


def _seized(case: MadeUp) -> Watchlist:
    """Return the list after a seizure: each address of the site, with control established."""
    (site,) = [one for one in case.truth["entities"] if one["kind"] == "site"]
    claim = make_claim(
        entity=site["name"],
        categories=[site["category"]],
        source="made-up police",
        confidence_given="90",
        type_given="control",
        cluster=False,
    )
    chain = case.workspace.store.network.coin.asset
    own = {site["main"], *site["addresses"]}
    return Watchlist(Entry(chain, address, claim, "seized") for address in own)


def _books(case: MadeUp, path: Path) -> Iterator[Books]:
    """Yield the books of each exchange of a case, one after the other in one file."""
    truth = case.truth
    sales = sorted({one["txid"] for one in truth["cashouts"]})
    senders = {tx["txid"]: tx["inputs"][0]["address"] for tx in case.workspace.transactions(sales)}
    for exchange in [one["id"] for one in truth["entities"] if one["kind"] == "exchange"]:
        known = sum(one["exchange"] == exchange for one in truth["customers"])
        yield write_books(
            *(path, truth, exchange, senders), customers=known + ORDINARY, transfers=TRANSFERS
        )


def _counted(screener: Screener, books: Books, level: str) -> _Counted:
    """Screen books, and keep who was called what: payers at a level, cash-outs at any."""
    gathered = RollUp(screener)
    with books.path.open("rb") as source:
        for _batch in screened_batches(screener, source, str(books.path), take=gathered.add):
            pass
    found = list(gathered.findings())
    with books.path.open(newline="", encoding="utf-8") as file:
        everybody = {row["customer"] for row in csv.DictReader(file)}
    hits = {one.customer for one in found if one.level == "hit"}
    return _Counted(
        paid=books.paid,
        sold=books.cash_out,
        alike=books.look_alike,
        others=everybody - books.paid - books.cash_out - books.look_alike,
        said_paid=customers_in(found, Role.PAID, level),
        said_sold={one.customer for one in found if one.role is Role.CASH_OUT},
        hits=hits,
        leads={one.customer for one in found} - hits,
    )
