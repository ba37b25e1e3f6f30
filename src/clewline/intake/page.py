"""A payment page, read: what it seems to say, for a person to confirm."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from clewline.intake.finding import MOST_NEAR_MISSES, Finding, find
from clewline.intake.marks import by_spelling, whole_words
from clewline.intake.options import options_of
from clewline.intake.page_text import PageText, page_text
from clewline.intake.prices import find_periods, find_prices, folded
from clewline.intake.proposal import Certainty, Detail, PageReading, Proposal, ProposalKind
from clewline.intake.refused import masked

_LABELS: Final = re.compile(r"attribute (?:alt|title|aria-label|placeholder|value|content) of ")


def _address(found: Finding) -> Proposal:
    """Return what was found as a proposal."""
    details: dict[str, Detail] = {}
    if found.readings:
        first = found.readings[0]
        details["chains"] = tuple(dict.fromkeys(one.chain for one in found.readings))
        details["kinds"] = tuple(dict.fromkeys(one.kind for one in found.readings))
        details["networks"] = tuple(dict.fromkeys(one.network for one in found.readings))
        details["readings"] = tuple(
            f"{one.chain} {one.kind} {one.canonical} {one.strength}" for one in found.readings
        )
        details["strength"] = first.strength
        if first.tag:
            details["tag"] = first.tag
        several = len(details["chains"]) > 1
        sure = first.strength == "strong" and not several
        certainty = Certainty.CERTAIN if sure else Certainty.LIKELY
        reason = {
            "strong": "its checksum matches",
            "weak": "it has the form of an address, and a short checksum or none matches",
            "none": "it has the form of an address; nothing in it can be checked",
        }[first.strength]
        reason += "; an address of several chains" if several else ""
        return Proposal(
            *(ProposalKind.ADDRESS, first.canonical, found.text, found.start, found.end, "text"),
            *(certainty, reason, details, found.start),
        )
    reason = "it has the form of an address, but its checksum does not match"
    if found.checked:
        details["did_you_mean"] = found.did_you_mean
        reason += "; one slip away from what is proposed"
    else:
        reason += "; it was not looked at for slips"
    return Proposal(
        *(ProposalKind.ADDRESS, found.text, found.text, found.start, found.end, "text"),
        *(Certainty.AMBIGUOUS, reason, details, found.start),
    )


def _named(section: str, kind: ProposalKind, text: str) -> Iterator[Proposal]:
    """Yield what a text names of a section of `marks.yaml`."""
    known = by_spelling(section, "words")
    for match in re.finditer(whole_words(known), folded(text)):
        mark = known[match[0]]
        start, end = match.span()
        details: dict[str, Detail] = {"title": mark.title}
        value = mark.id
        if kind is ProposalKind.RAIL:
            value, details["brand"] = mark.rail, mark.id
        elif mark.rail:
            details["rail"] = mark.rail
        yield Proposal(
            *(kind, value, text[start:end], start, end, "text"),
            *(Certainty.LIKELY, "named in the text", details, start),
        )


def _beside(page: PageText, found: Iterable[Proposal]) -> Iterator[Proposal]:
    """Give proposals from what a page does not show the place where they stand."""
    for one in found:
        assert one.start is not None
        part = page.part_of(one.start)
        yield replace(one, start=None, end=None, place=part.place, near=part.near)


def _merged(found: Iterable[Proposal]) -> list[Proposal]:
    """Return each thing once: where it is shown, or first met; with its other places."""
    kept: dict[tuple[ProposalKind, str, Detail], Proposal] = {}
    once = {ProposalKind.ADDRESS, ProposalKind.RAIL, ProposalKind.PROCESSOR}
    rest = []
    for one in found:
        if one.kind not in once:
            rest.append(one)
            continue
        key = (one.kind, one.value, one.details.get("brand", ""))
        first = kept.setdefault(key, one)
        if first is not one and one.place != first.place:
            also = first.details.get("also", ())
            assert isinstance(also, tuple)
            details = {**first.details, "also": tuple(dict.fromkeys((*also, one.place)))}
            kept[key] = replace(first, details=details)
    return [*kept.values(), *rest]


def read_page(source: str) -> PageReading:
    r"""Propose what a payment page says. Nothing is visited, stored or decoded.

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
    ...     print(one.kind, one.value)
    tier vip
    price 20 EUR
    period monthly
    address 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2
    """
    page = page_text(source)
    shown = [_address(one) for one in find(page.text)]
    aside = [_address(one) for one in find(page.beside)]
    text = masked(page.text, [(one.start or 0, one.end or 0) for one in shown])
    prices = list(find_prices(text))
    text = masked(text, [(one.start or 0, one.end or 0) for one in prices])
    found = [
        *shown,
        *prices,
        *find_periods(text),
        *_named("tiers", ProposalKind.TIER, text),
        *_named("rails", ProposalKind.RAIL, text),
        *_named("processors", ProposalKind.PROCESSOR, text),
    ]
    ordered = sorted(
        _merged([*found, *_beside(page, aside)]), key=lambda one: (one.near, one.start is None)
    )
    missed = sum(not one.details and one.kind is ProposalKind.ADDRESS for one in ordered)
    notes = (
        (
            f"{missed} words that have the form of an address were not looked at for slips: more "
            f"than {MOST_NEAR_MISSES} before them",
        )
        if missed
        else ()
    )
    return PageReading(
        *(page.text, page.title, page.is_html, page.refused),
        *(tuple(ordered), options_of(page.text, ordered)),
        hashlib.sha256(page.text.encode("utf-8", "surrogatepass")).hexdigest(),
        notes,
    )
