"""Which proposals of a page belong together: ways to pay. By nearness; pairs are not invented.

A price belongs to an address where the page puts them on one line, or where prices and addresses
take turns down the page. Otherwise the prices are a choice that every address has.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from clewline.intake.naming import Lines
from clewline.intake.proposal import PaymentOption, Proposal, ProposalKind

_MOST: Final = 100  # prices that one chooses from, and processors


@dataclass
class _Anchor:
    """Something that can be paid to: one address, or one rail that is not of coins."""

    members: list[int]
    near: int
    is_coin: bool
    prices: list[int] = field(default_factory=list)
    choices: list[int] = field(default_factory=list)
    reason: str = ""


def _canonical(one: Proposal) -> str:
    """Return what is paid to: the address of a request, or the proposal's own value."""
    address = one.details.get("address", "")
    return str(address) or one.value


def _anchors(proposals: Sequence[Proposal]) -> list[_Anchor]:
    """Return what can be paid to, in order of place; one address is one anchor."""
    found: dict[tuple[bool, str], _Anchor] = {}
    for i, one in enumerate(proposals):
        coin = one.kind in {ProposalKind.ADDRESS, ProposalKind.PAYMENT_URI}
        if not coin and (one.kind is not ProposalKind.RAIL or one.value == "crypto"):
            continue
        key = coin, _canonical(one) if coin else str(one.details.get("brand", one.value))
        found.setdefault(key, _Anchor([], one.near, coin)).members.append(i)
    return list(found.values())


def _terms(proposals: Sequence[Proposal], lines: Lines) -> dict[int, list[int]]:
    """Return each price with the periods and tiers that stand nearest to it."""
    prices = [i for i, one in enumerate(proposals) if one.kind is ProposalKind.PRICE]
    terms = {i: [i] for i in prices}
    by_line: dict[int, list[int]] = {}
    for i in prices:
        by_line.setdefault(lines.of(proposals[i].near), []).append(i)
    for i, one in enumerate(proposals):
        if one.kind not in {ProposalKind.PERIOD, ProposalKind.TIER}:
            continue
        line = lines.of(one.near)
        # A tier stands before its prices; a period on their line, under it, or over it.
        steps = (0, 1, 2) if one.kind is ProposalKind.TIER else (0, -1, 1)
        near = next((by_line[line + step] for step in steps if line + step in by_line), [])
        split = bisect_left(near, one.near, key=lambda price: proposals[price].near)
        before, after = near[max(split - 1, 0) : split], near[split : split + 1]
        nearest = (after or before) if one.kind is ProposalKind.TIER else (before or after)
        for price in nearest:
            terms[price].append(i)
    return terms


def _give(
    anchor: _Anchor, prices: Sequence[int], proposals: Sequence[Proposal], reason: str
) -> None:
    """Give an anchor its price, or several as a choice; one in coins and one in money are one."""
    coins = {"coin" in proposals[i].details for i in prices}
    one = len(prices) == 1 or (len(prices) == 2 and len(coins) == 2)
    anchor.prices, anchor.choices = (list(prices), []) if one else ([], list(prices))
    anchor.reason = reason


def _in_turns(
    anchors: Sequence[_Anchor], prices: Sequence[int], proposals: Sequence[Proposal], reason: str
) -> bool:
    """Give each run of anchors the run of prices that it takes turns with, if they do."""
    events = sorted(
        [(anchor.near, 1, i) for i, anchor in enumerate(anchors)]
        + [(proposals[price].near, 0, price) for price in prices]
    )
    runs = [(kind, [one[2] for one in run]) for kind, run in groupby(events, lambda one: one[1])]
    if len(runs) < 4 or len(runs) % 2:
        return False
    for first, second in zip(runs[::2], runs[1::2], strict=True):
        run, those = (first[1], second[1]) if second[0] else (second[1], first[1])
        for i in those:
            _give(anchors[i], run, proposals, reason)
    return True


def _on_one_line(
    anchors: Sequence[_Anchor],
    prices: Sequence[int],
    proposals: Sequence[Proposal],
    lines: Lines,
) -> set[int]:
    """Give each anchor the prices of its line; return these."""
    by_line: dict[int, list[int]] = {}
    for price in prices:
        by_line.setdefault(lines.of(proposals[price].near), []).append(price)
    there: dict[int, list[_Anchor]] = {}
    for anchor in anchors:
        line = lines.of(anchor.near)
        if line in by_line:
            there.setdefault(line, []).append(anchor)
    for line, some in there.items():
        reason = "on the line of its price"
        if len(some) == 1 or not _in_turns(some, by_line[line], proposals, reason):
            for anchor in some:
                _give(anchor, by_line[line], proposals, reason)
    return {price for line in there for price in by_line[line]}


def _give_prices(anchors: Sequence[_Anchor], proposals: Sequence[Proposal], lines: Lines) -> None:
    """Say which prices belong to which anchor, and which are a choice."""
    prices = [
        i
        for i, one in enumerate(proposals)
        if one.kind is ProposalKind.PRICE and one.details.get("buys") != "credit"
    ]
    taken = _on_one_line(anchors, prices, proposals, lines)
    left = [price for price in prices if price not in taken]
    rest = [anchor for anchor in anchors if not anchor.reason]
    turns = "prices and ways to pay take turns on the page"
    if not left or not rest or _in_turns(rest, left, proposals, turns):
        return
    only = "the only price of the page"
    every = "the page's prices hold for every way to pay"
    for anchor in rest:
        _give(anchor, left, proposals, only if len(left) == 1 and not taken else every)


def _companions(proposals: Sequence[Proposal]) -> dict[str, list[int]]:
    """Return coins and networks by name, processors by rail, and the times of invoices."""
    found: dict[str, list[int]] = {}
    for i, one in enumerate(proposals):
        if one.kind is ProposalKind.RAIL and one.value == "crypto":
            found.setdefault(f"named {one.details['brand']}", []).append(i)
        elif one.kind is ProposalKind.PROCESSOR:
            found.setdefault(f"processor {one.details['rail']}", []).append(i)
        elif one.kind is ProposalKind.INVOICE_EXPIRY:
            found.setdefault("expiry crypto", []).append(i)
    return found


def _beside(
    anchor: _Anchor, proposals: Sequence[Proposal], companions: dict[str, list[int]]
) -> tuple[set[int], set[int]]:
    """Return what else belongs to an anchor, and what may: of several processors, one may."""
    rail = "crypto" if anchor.is_coin else proposals[anchor.members[0]].value
    sure, perhaps = set(anchor.members), set[int]()
    for i in anchor.members[:_MOST] if anchor.is_coin else ():
        for key in ("asset", "network"):
            sure |= set(companions.get(f"named {proposals[i].details.get(key)}", ()))
    for kind in ("processor", "expiry"):
        some = companions.get(f"{kind} {rail}", [])[:_MOST]
        if len(some) == 1:
            sure |= set(some)
        else:
            perhaps |= set(some)
    return sure, perhaps


def options_of(text: str, proposals: Sequence[Proposal]) -> tuple[PaymentOption, ...]:
    """Return the ways to pay that a page seems to offer.

    One for each address that a page names, with the payment URIs that ask for it, and one for each
    rail that is not of coins.

    Parameters
    ----------
    text : str
        What the page shows.
    proposals : sequence of Proposal
        In order of place.

    Returns
    -------
    tuple of PaymentOption
        In order of place. The same proposals give the same options. A price of credit is in none.
    """
    lines = Lines(text)
    anchors = _anchors(proposals)
    terms = _terms(proposals, lines)
    _give_prices(anchors, proposals, lines)
    companions = _companions(proposals)
    found = []
    for anchor in anchors:
        sure, perhaps = _beside(anchor, proposals, companions)
        members = sure | {i for one in anchor.prices for i in terms[one]}
        reason = f"{'an address' if anchor.is_coin else 'a rail'}; "
        reason += anchor.reason or "no price stands with it"
        if len(anchor.choices) > _MOST:
            anchor.choices = []
            reason += f", but they are more than {_MOST}: none is proposed"
        choices = perhaps | {i for one in anchor.choices for i in terms[one]}
        found.append(
            PaymentOption(tuple(sorted(members)), tuple(sorted(choices - members)), reason)
        )
    return tuple(found)
