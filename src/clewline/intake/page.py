"""A payment page, read: what it seems to say, for a person to confirm."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from clewline.intake.contacts import find_contacts, find_keys
from clewline.intake.finding import MOST_NEAR_MISSES, Finding, find
from clewline.intake.naming import Lines, find_named, find_tiers
from clewline.intake.options import options_of
from clewline.intake.page_text import PageText, page_text
from clewline.intake.payment_uri import PaymentUri, find_payment_uris
from clewline.intake.prices import find_periods, find_prices, folded
from clewline.intake.proposal import Certainty, Detail, PageReading, Proposal, ProposalKind
from clewline.intake.reading import Reading
from clewline.intake.refused import masked
from clewline.intake.terms import find_credit, find_expiries

# What an attribute says to people.
_SAID: Final = re.compile(
    r"title|(?:hidden, )?attribute (?:alt|title|aria-label|placeholder|value|content) "
)
_STRENGTHS: Final = {
    "strong": "its checksum matches",
    "weak": "it has the form of an address, and a short checksum or none matches",
    "none": "it has the form of an address; nothing in it can be checked",
}


def _read_details(readings: Sequence[Reading]) -> dict[str, Detail]:
    """Return what the readings of an address are, as details."""
    details: dict[str, Detail] = {
        "chains": tuple(dict.fromkeys(one.chain for one in readings)),
        "kinds": tuple(dict.fromkeys(one.kind for one in readings)),
        "networks": tuple(dict.fromkeys(one.network for one in readings)),
        "readings": tuple(
            f"{one.chain} {one.kind} {one.network} {one.canonical} {one.strength}"
            for one in readings
        ),
        "strength": readings[0].strength,
    }
    if readings[0].tag:
        details["tag"] = readings[0].tag
    return details


def _address(found: Finding) -> Proposal:
    """Return what was found as a proposal."""
    place = found.text, found.start, found.end, "text"
    if found.readings:
        first = found.readings[0]
        details = _read_details(found.readings)
        several = len(details["chains"]) > 1
        sure = first.strength == "strong" and not several
        reason = _STRENGTHS[first.strength] + ("; of several chains" if several else "")
        return Proposal(
            *(ProposalKind.ADDRESS, first.canonical, *place),
            *(Certainty.CERTAIN if sure else Certainty.LIKELY, reason, details, found.start),
        )
    reason = "it has the form of an address, but its checksum does not match; "
    reason += "one slip away from what is proposed" if found.checked else "not looked at for slips"
    return Proposal(
        *(ProposalKind.ADDRESS, found.text, *place, Certainty.AMBIGUOUS, reason),
        *({"did_you_mean": found.did_you_mean} if found.checked else {}, found.start),
    )


def _requested(text: str, found: tuple[int, int, PaymentUri]) -> Proposal:
    """Return a payment URI as a proposal."""
    start, end, uri = found
    details: dict[str, Detail] = {"scheme": uri.scheme, **uri.details}
    if uri.readings:
        details |= _read_details(uri.readings)
        details["address"] = uri.readings[0].canonical
    elif uri.address:
        details["address_shown"] = uri.address
    if uri.amount:
        details |= {"amount": uri.amount, "currency": uri.currency}
    if uri.problems:
        details["problems"] = uri.problems
    certainty = Certainty.AMBIGUOUS if uri.problems else Certainty.CERTAIN
    reason = "; ".join(uri.problems) or "a valid payment request"
    return Proposal(
        *(ProposalKind.PAYMENT_URI, uri.canonical, text[start:end], start, end, "text"),
        *(certainty, reason, details, start),
    )


def _payable(text: str) -> list[Proposal]:
    """Return the addresses and payment requests of a text; an invoice is a request."""
    uris = [_requested(text, one) for one in find_payment_uris(text)]
    invoices = {one.value.partition(":")[2].partition("?")[0] for one in uris}
    found = [_address(one) for one in find(text)]
    return uris + [one for one in found if one.value not in invoices or one.value[:2] != "ln"]


def _spans(found: Iterable[Proposal]) -> list[tuple[int, int]]:
    """Return where proposals stand, in order."""
    return sorted((one.start or 0, one.end or 0) for one in found if one.end)


def _beside(page: PageText) -> Iterator[Proposal]:
    """Yield what stands in a page besides what it shows."""
    text = page.beside
    payable = _payable(text)
    rest = masked(text, _spans(payable))
    low = folded(rest)
    said = (
        one
        for one in find_named(rest, low)
        if _SAID.match(page.part_of(one.near).place) and "asset" not in one.details
    )
    marks = find_named(rest, low, in_source=True)
    for one in (*payable, *said, *marks, *find_contacts(rest)):
        part = page.part_of(one.near)
        yield replace(one, start=None, end=None, place=part.place, near=part.near)


def _shown(page: PageText) -> Iterator[Proposal]:
    """Yield what stands in what a page shows."""
    payable = _payable(page.text)
    text = masked(page.text, _spans(payable))
    contacts = list(find_contacts(text))
    text = masked(text, _spans(contacts))
    expiries = list(find_expiries(text))
    prices = list(find_prices(masked(text, _spans(expiries))))
    rest = masked(text, _spans([*prices, *expiries]))
    low = folded(rest)
    lines = Lines(rest)
    priced = {lines.of(one.near) for one in prices}
    credit = list(find_credit(text))
    paying = [one for one in credit if one.value == "paying"]
    prices = [_of_credit(one, paying) for one in prices]
    yield from (*payable, *contacts, *expiries, *prices, *credit)
    around = sorted({line + step for line in priced for step in (-1, 0, 1)})
    spans = [lines[line] for line in around if 0 <= line < len(lines)]
    periods = list(find_periods(rest, spans))
    yield from periods
    yield from find_tiers(masked(rest, _spans(periods)), low, prices, page.heads)
    yield from find_named(rest, low)
    yield from find_named(rest, low, in_source=True)


def _of_credit(price: Proposal, credit: Sequence[Proposal]) -> Proposal:
    """Return a price, with what it buys where it stands in a sentence on paying for credit."""
    last = bisect_right(credit, price.near, key=lambda one: one.near) - 1
    if last >= 0 and price.near < (credit[last].end or 0):
        return replace(price, details={**price.details, "buys": "credit"})
    return price


_ONCE: Final = frozenset(
    {
        *(ProposalKind.ADDRESS, ProposalKind.PAYMENT_URI, ProposalKind.RAIL),
        *(ProposalKind.PROCESSOR, ProposalKind.CONTACT),
    }
)


def _merged(found: Iterable[Proposal]) -> list[Proposal]:
    """Return each thing once: where it is shown, or first met; with its other places."""
    kept: dict[tuple[ProposalKind, str, Detail], Proposal] = {}
    places: dict[tuple[ProposalKind, str, Detail], dict[str, None]] = {}
    rest = []
    for one in found:
        if one.kind in _ONCE:
            about = one.details.get("brand", one.details.get("contact", ""))
            key = one.kind, one.value, about
            kept.setdefault(key, one)
            places.setdefault(key, {})[one.place] = None
        else:
            rest.append(one)
    for key, one in kept.items():
        others = tuple(place for place in places[key] if place != one.place)
        rest.append(replace(one, details={**one.details, "also": others}) if others else one)
    return rest


_NARROWED: Final = (ProposalKind.ADDRESS, ProposalKind.PAYMENT_URI)


def _labelled(text: str, found: Sequence[Proposal]) -> list[Proposal]:
    """Return proposals, addresses with the coin and network that are named beside them.

    On the line of an address what stands last before it counts, or else first after it; then what
    stands last on the line above. Never what stands before another address.
    """
    lines = Lines(text)
    coins = [
        one
        for one in sorted(found, key=lambda one: one.near)
        if one.kind is ProposalKind.RAIL
        and one.start is not None
        and not {"asset", "network"}.isdisjoint(one.details)
    ]
    places = sorted({one.near for one in found if one.kind in _NARROWED})
    return [
        _with_label(lines, coins, places, one) if one.kind in _NARROWED else one for one in found
    ]


def _with_label(
    lines: Lines, coins: Sequence[Proposal], places: Sequence[int], one: Proposal
) -> Proposal:
    """Return an address with the coin and network that are named beside it."""
    line = lines.of(one.near)
    begin, end = lines[line]
    last = bisect_left(places, one.near)
    following = bisect_right(places, one.near)
    start = max(begin, places[last - 1] if last else 0)
    stop = min(end, places[following] if following < len(places) else end)
    before = _named_in(coins, start, one.near)[-4:]
    after = _named_in(coins, one.near + 1, stop)[:2]
    over = lines[line - 1] if line else (0, 0)
    alone = not last or places[last - 1] < over[0]
    above = _named_in(coins, *over)[-4:] if alone else []
    for named in (before, after, above):
        said: dict[str, Detail] = {}
        chains: list[str] = []
        for coin in named:
            for key in ("asset", "network"):
                if key in coin.details:
                    said[key] = coin.details[key]
            chains += coin.details.get("chains", (str(coin.details.get("asset", "")),))
        if said:
            return _narrowed(one, said, chains, told=named is before and one.start is not None)
    return one


def _named_in(coins: Sequence[Proposal], start: int, end: int) -> Sequence[Proposal]:
    """Return the coins that stand in a stretch of text."""
    first = bisect_left(coins, start, key=lambda coin: coin.near)
    return coins[first : bisect_left(coins, end, lo=first, key=lambda coin: coin.near)]


def _narrowed(
    one: Proposal, said: dict[str, Detail], chains: Sequence[str], *, told: bool
) -> Proposal:
    """Return an address with what is said of it, where that fits or stands right before it."""
    fits = [chain for chain in one.details.get("chains", ()) if chain in chains]
    details = {**one.details, **said}
    if fits:
        sure = one.details.get("strength") == "strong" and one.certainty is Certainty.LIKELY
        return replace(
            one,
            details={**details, "chain": fits[0]},
            certainty=Certainty.CERTAIN if sure else one.certainty,
            reason=f"{one.reason}; {fits[0]} is named beside it",
        )
    if not told:
        return one
    named = said.get("asset", said.get("network", ""))
    reason = f"{one.reason}; but {named} is named before it"
    return replace(one, details=details, certainty=Certainty.AMBIGUOUS, reason=reason)


def read_page(source: str) -> PageReading:
    r"""Propose what a payment page says. Nothing is visited, stored or decoded.

    Prices, periods, tiers and coins come from the text that the page shows; addresses, payment
    URIs, rails, processors and contacts from what stands beside it, too (attributes, scripts,
    comments, what is hidden). PAGES.md lists what is recognised.

    Limits: words of other languages than those of `marks.yaml` are not known; a price without a
    currency is none; what a style sheet hides is taken for shown.

    Cost: linear; some megabytes a second, and up to `MOST_NEAR_MISSES` times some milliseconds
    where words are almost addresses.

    Parameters
    ----------
    source : str
        Text or HTML as it was pasted or saved.

    Returns
    -------
    PageReading
        The same source gives the same reading.

    Raises
    ------
    DataError
        Where the source is no text or is too long: `clewline.intake.page_text.page_text`.

    Examples
    --------
    >>> page = read_page("Made up. VIP: 20 EUR / month\nBTC: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")
    >>> for one in page.proposals:
    ...     print(one.kind, one.value, one.certainty)
    tier vip likely
    price 20 EUR certain
    period monthly certain
    rail crypto likely
    address 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 certain
    """
    page = page_text(source)
    shown = _labelled(page.text, list(_shown(page)))
    beside = _labelled(
        page.text, [*_beside(page), *(one for one in shown if one.kind is ProposalKind.RAIL)]
    )
    found = [*shown, *find_keys(source, page.text), *beside]
    ordered = sorted(_merged(found), key=_order)
    missed = sum(
        one.kind is ProposalKind.ADDRESS
        and not one.details.get("readings", one.details.get("did_you_mean"))
        for one in ordered
    )
    notes = (
        f"{missed} words that have the form of an address were not looked at for slips: more than "
        f"{MOST_NEAR_MISSES} came before them",
    )
    return PageReading(
        *(page.text, page.title, page.is_html, page.refused),
        *(tuple(ordered), options_of(page.text, ordered)),
        hashlib.sha256(page.text.encode("utf-8", "surrogatepass")).hexdigest(),
        notes if missed else (),
    )


def _order(one: Proposal) -> tuple[int, bool, str, str]:
    """Return by what proposals are put in order: place, what is shown first."""
    return one.near, one.start is None, one.kind, one.value
