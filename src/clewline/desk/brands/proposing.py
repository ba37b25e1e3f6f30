"""What is proposed to a person when a page is recorded: with what it shares something.

A page is looked up by what it has and its brand had not before, so a refresh costs next to nothing;
of what is found the likeliest dozen are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from clewline.desk.brands import compared
from clewline.desk.brands.derived import pair_of
from clewline.desk.brands.parts import Around, pages_of, units_of
from clewline.desk.records.models import Indicator, PaymentOption, Proposal, Sighting, TraitKey
from clewline.intake.sameness import VERDICTS, Verdict

MOST_CANDIDATES: Final = 12
"""Brands and pages that a page is compared with."""
SIGHTINGS_OF_EACH: Final = 4
_AT_ONCE: Final = 300


@dataclass(frozen=True)
class Candidate:
    """What a sighting may be one with."""

    unit: str
    sighting: Sighting
    common: compared.Common


def note(
    sighting: Sighting, options: Sequence[PaymentOption], indicators: Sequence[Indicator]
) -> None:
    """Remember what a new sighting is found by, and propose what it may be one with."""
    unit = sighting.brand.ref if sighting.brand is not None else page_of(sighting)
    keys = compared.keys_of(sighting, options, indicators)
    if not keys:
        return
    mine = TraitKey.objects.filter(team=sighting.team_id, unit=unit, key__in=keys)
    known = {bytes(key) for key in mine.values_list("key", flat=True)}
    TraitKey.objects.bulk_create(
        [
            TraitKey(team_id=sighting.team_id, key=key, unit=unit, sighting=sighting)
            for key in sorted(keys)
        ],
        update_conflicts=True,
        update_fields=["sighting"],
        unique_fields=["team", "key", "unit"],
    )
    fresh = [key for key in keys if key not in known]
    if fresh:
        _propose(sighting, unit, candidates(sighting, unit, fresh))


def note_many(made: Sequence[tuple[Sighting, Sequence[PaymentOption]]]) -> None:
    """Do for new sightings of one team, each the first of its page, what `note` does for one.

    A statement for all of them, and a comparison only where one shares something with another
    brand or page.
    """
    found = [
        (one, one.brand.ref if one.brand is not None else one.ref, compared.keys_of(one, some, ()))
        for one, some in made
    ]
    latest = {(unit, key): one for one, unit, keys in found for key in keys}
    if not latest:
        return
    team = found[0][0].team_id
    mine = TraitKey.objects.filter(team=team, unit__in={unit for unit, _ in latest})
    known: set[tuple[str, bytes]] = set()
    for some in _pieces(sorted({key for _, key in latest}), _AT_ONCE):
        there = mine.filter(key__in=some).values_list("unit", "key")
        known.update((unit, bytes(key)) for unit, key in there)
    TraitKey.objects.bulk_create(
        [
            TraitKey(team_id=team, key=key, unit=unit, sighting=latest[unit, key])
            for unit, key in sorted(latest)
        ],
        update_conflicts=True,
        update_fields=["sighting"],
        unique_fields=["team", "key", "unit"],
    )
    fresh = sorted({key for unit, key in latest if (unit, key) not in known})
    held: dict[bytes, list[tuple[str, int]]] = {}
    for some in _pieces(fresh, _AT_ONCE):
        held |= compared.holders(team, some)
    for one, unit, keys in found:
        new = [key for key in keys if (unit, key) not in known]
        known.update((unit, key) for key in new)
        if any(other != unit for key in new for other, _ in held.get(key, ())):
            _propose(one, unit, candidates(one, unit, new))


def _pieces(values: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    """Return a sequence in pieces."""
    return [values[at : at + size] for at in range(0, len(values), size)]


def candidates(sighting: Sighting, unit: str, keys: Sequence[bytes]) -> list[Candidate]:
    """Return what of the sighting's team shares some of the keys, the likeliest first.

    What is one with it already is left out, and so is what has nothing in common that would
    propose anything.

    Parameters
    ----------
    sighting : Sighting
        One that stands.
    unit : str
        Its brand, or else its page.
    keys : sequence of bytes
        Those of its keys that are looked up.
    """
    team = sighting.team_id
    found = _sharing(compared.holders(team, keys), unit)
    if not found:
        return []
    rows = Sighting.objects.filter(pk__in=found, team=team).select_related("brand")
    stand = compared.standing(rows)
    ledger, units = units_of(team, [sighting, *stand.values()])
    own = ledger.part(units[sighting.pk]).members
    by_unit: dict[str, list[Sighting]] = {}
    for number in found:
        if (one := stand.get(number)) is not None and units[one.pk] not in own:
            others = by_unit.setdefault(units[one.pk], [])
            if one not in others and one.rotation != sighting.rotation:
                others.append(one)
    listed = [(unit, some) for unit, some in by_unit.items() if some]
    numbered = {place: some for place, (_, some) in enumerate(listed, 1)}
    pages = compared.pages({0: [sighting], **numbered})
    own_page = pages.pop(0)
    if not pages:
        return []
    common = compared.in_common(team, own_page, pages)
    proposed = [
        Candidate(listed[place - 1][0], pages[place].sighting, one)
        for place, one in common.items()
        if one.verdict.proposal != "nothing"
    ]
    return sorted(proposed, key=lambda one: -rank(one.common.verdict))


def page_of(sighting: Sighting) -> str:
    """Return what names the page of a sighting."""
    return pages_of([sighting])[sighting.rotation]


def rank(row: Verdict) -> int:
    """Return the place of a verdict: the more it says the higher."""
    return len(VERDICTS) - VERDICTS.index(row)


def kind_of(row: Verdict, left: str, right: str) -> str:
    """Return what a person is asked: whether two are one brand, or two brands one group."""
    both_brands = left[0] == right[0] == "B"
    return "group" if row.proposal == "same group" and both_brands else "brand"


def is_settled(ledger: Around, left: str, right: str) -> bool:
    """Tell whether judgements say already what two are to each other, directly or by others."""
    one, other = ledger.part(left).members, ledger.part(right).members
    return left in other or any(pair_of(mine, its) in ledger.said for mine in one for its in other)


def _sharing(held: dict[bytes, list[tuple[str, int]]], own: str) -> list[int]:
    """Return the sightings to compare with: of those that share the rarest and the most."""
    weight: dict[str, float] = {}
    of_unit: dict[str, dict[int, None]] = {}
    for some in held.values():
        for unit, number in some:
            if unit != own:
                weight[unit] = weight.get(unit, 0.0) + 1 / len(some)
                of_unit.setdefault(unit, {})[number] = None
    # By name where equal, so that the same records propose the same.
    best = sorted(weight, key=lambda unit: (-weight[unit], unit))[:MOST_CANDIDATES]
    return [number for unit in best for number in list(of_unit[unit])[:SIGHTINGS_OF_EACH]]


def _propose(sighting: Sighting, unit: str, found: Iterable[Candidate]) -> None:
    """Keep what is proposed, for the queue of those who judge."""
    rows = []
    for one in found:
        left, right = pair_of(unit, one.unit)
        sides = (sighting, one.sighting) if left == unit else (one.sighting, sighting)
        rows.append(
            Proposal(
                team_id=sighting.team_id,
                kind=kind_of(one.common.verdict, left, right),
                left=left,
                right=right,
                strength=rank(one.common.verdict),
                left_sighting=sides[0],
                right_sighting=sides[1],
                at=timezone.now(),
            )
        )
    Proposal.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["strength", "left_sighting", "right_sighting", "at"],
        unique_fields=["team", "kind", "left", "right"],
    )
