"""Merged views, derived from a ledger of judgements; nothing here is kept.

The rule, for brands and groups alike:

1. Of each pair the latest judgement counts, and only that one.
2. What *same* connects is one part, over however many steps.
3. Where two of a part were judged *different*, the part contradicts itself. Then it merges nothing:
   each brand is shown by itself with the pages that were said to be its own, each group with such
   brands, and the contradiction is named, until a later judgement ends it.

In which order different pairs were judged does not matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

Pair = tuple[str, str]
"""Two references, in order."""

_HOLDS: Final = {"S": 0, "B": 1, "G": 2}
"""First letter of a reference → rank: brands hold pages, groups hold brands."""


class Word(NamedTuple):
    """What was judged of a pair: ``same``, ``different`` or ``unsure``."""

    left: str
    right: str
    verdict: str


class Conflict(NamedTuple):
    """Two that were judged different, and how judgements of *same* connect them all the same."""

    left: str
    right: str
    chain: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """What *same* connects.

    Attributes
    ----------
    members : frozenset of str
        References.
    same : frozenset of Pair
        The pairs that connect them.
    conflicts : tuple of Conflict
        Pairs that contradict it.
    """

    members: frozenset[str]
    same: frozenset[Pair] = frozenset()
    conflicts: tuple[Conflict, ...] = ()

    def shown_with(self, member: str) -> frozenset[str]:
        """Return what is shown as one with a member: all of the part, unless it has a conflict."""
        if not self.conflicts:
            return self.members
        beside = {other for pair in self.same if member in pair for other in pair}
        held = {one for one in beside if _HOLDS[one[0]] < _HOLDS[member[0]]}
        return frozenset({member} | held)


def pair_of(one: str, other: str) -> Pair:
    """Return two references in order.

    Examples
    --------
    >>> pair_of("B-2", "B-1")
    ('B-1', 'B-2')
    """
    return (one, other) if one < other else (other, one)


def latest(words: Iterable[Word]) -> dict[Pair, str]:
    """Return the verdict that counts of each pair.

    Parameters
    ----------
    words : iterable of Word
        In the order of the ledger.

    Examples
    --------
    >>> latest([Word("B-1", "B-2", "same"), Word("B-2", "B-1", "different")])
    {('B-1', 'B-2'): 'different'}
    """
    return {pair_of(word.left, word.right): word.verdict for word in words}


def parts(said: Mapping[Pair, str], joined: Iterable[Pair] = ()) -> dict[str, Part]:
    """Return the part of each reference that some judgement of *same* names.

    Parameters
    ----------
    said : mapping of Pair to str
        From `latest`.
    joined : iterable of Pair
        What is the same for another reason, whatever was said of it.

    Returns
    -------
    dict of str to Part
        Members of one part share it. The order of `said` changes nothing.

    Examples
    --------
    >>> found = parts({("B-1", "B-2"): "same", ("B-2", "B-3"): "same"})
    >>> sorted(found["B-3"].shown_with("B-3"))
    ['B-1', 'B-2', 'B-3']
    """
    beside: dict[str, set[str]] = {}
    same_pairs = [pair for pair, verdict in said.items() if verdict == "same"]
    for left, right in (*same_pairs, *joined):
        beside.setdefault(left, set()).add(right)
        beside.setdefault(right, set()).add(left)
    differing: dict[str, list[Pair]] = {}
    for pair, verdict in said.items():
        if verdict == "different":
            differing.setdefault(pair[0], []).append(pair)
    found: dict[str, Part] = {}
    for start in beside:
        if start in found:
            continue
        members = frozenset(_reached(beside, start))
        same = frozenset(pair_of(one, other) for one in members for other in beside[one])
        conflicts = sorted(
            pair for one in members for pair in differing.get(one, ()) if pair[1] in members
        )
        part = Part(
            members, same, tuple(Conflict(*pair, _chain(beside, *pair)) for pair in conflicts)
        )
        found |= dict.fromkeys(members, part)
    return found


def _reached(beside: Mapping[str, set[str]], start: str) -> dict[str, str]:
    """Return everything that can be reached from `start`, each with the step before it."""
    before = {start: start}
    waiting = deque([start])
    while waiting:
        one = waiting.popleft()
        for other in sorted(beside.get(one, ())):
            if other not in before:
                before[other] = one
                waiting.append(other)
    return before


def _chain(beside: Mapping[str, set[str]], left: str, right: str) -> tuple[str, ...]:
    """Return a shortest way from one to the other; of several the first in order."""
    before = _reached(beside, left)
    way = [right]
    while way[-1] != left:
        way.append(before[way[-1]])
    return tuple(reversed(way))
