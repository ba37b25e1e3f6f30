"""What a team's ledger says around some brands, pages and groups: read as far as *same* reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from django.db.models import Q

from clewline.desk.brands.derived import Pair, Part, Word, latest, pair_of, parts
from clewline.desk.records.models import Judgement, Sighting


@dataclass(frozen=True)
class Around:
    """Judgements of one kind that touch something, and what follows from them.

    Attributes
    ----------
    said : dict of Pair to str
        The verdict that counts of each pair.
    parts : dict of str to Part
        Of what some judgement of *same* names.
    """

    said: dict[Pair, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def part(self, ref: str) -> Part:
        """Return the part of a reference; itself alone where nothing was judged."""
        return self.parts.get(ref) or Part(frozenset({ref}))

    def shown_with(self, ref: str) -> frozenset[str]:
        """Return what is shown as one with a reference."""
        return self.part(ref).shown_with(ref)

    def verdict(self, one: str, other: str) -> str:
        """Return what was judged of a pair; nothing where nobody did."""
        return self.said.get(pair_of(one, other), "")

    def denied(self, brands: Iterable[str]) -> list[str]:
        """Return the pages that were judged not to be of one of these brands."""
        wanted = set(brands)
        return sorted(
            other
            for pair, verdict in self.said.items()
            if verdict == "different"
            for one, other in (pair, pair[::-1])
            if one in wanted and other[0] == Sighting.LETTER
        )


def around(team_id: int, kind: str, seeds: Iterable[str]) -> Around:
    """Return what a team judged around some references; a query a step away from them.

    Parameters
    ----------
    team_id : int
        Whose ledger; a judgement never reaches into another team's.
    kind : str
        ``brand`` or ``group``.
    seeds : iterable of str
        Where to begin.
    """
    known: set[str] = set()
    rows: dict[int, Word] = {}
    said: dict[Pair, str] = {}
    waiting = set(seeds)
    while waiting:
        touching = Judgement.objects.filter(
            Q(left__in=waiting) | Q(right__in=waiting), team_id=team_id, kind=kind
        )
        for number, *word in touching.values_list("id", "left", "right", "verdict"):
            rows[number] = Word(*word)
        known |= waiting
        said = latest(rows[number] for number in sorted(rows))
        waiting = {ref for pair, one in said.items() if one == "same" for ref in pair} - known
    return Around(said, parts(said))


def groups_around(team_id: int, brands: Iterable[str]) -> tuple[Around, Around]:
    """Return what was judged of brands, and of groups, around some brands or groups.

    Brands that are one belong to one group.
    """
    seeds = set(brands)
    while True:
        of_brands = around(team_id, "brand", seeds)
        wider = {other for one in seeds for other in of_brands.shown_with(one) if other[0] != "S"}
        of_groups = around(team_id, "group", seeds | wider)
        wider |= {other for one in seeds | wider for other in of_groups.part(one).members}
        if wider <= seeds:
            break
        seeds |= wider
    joined = []
    for part in {part for part in of_brands.parts.values() if not part.conflicts}:
        one_brand = sorted(one for one in part.members if one[0] == "B")
        joined += list(pairwise(one_brand))
    return of_brands, Around(of_groups.said, parts(of_groups.said, joined))


def pages_of(sightings: Iterable[Sighting]) -> dict[UUID, str]:
    """Return what names each page in the ledger: its rotation → reference of its first sighting."""
    first = {one.rotation: one.ref for one in sightings if _is_first(one)}
    missing = {one.rotation for one in sightings} - first.keys()
    if missing:
        rows = Sighting.objects.filter(
            rotation__in=missing, rotation_index=0, supersedes__isnull=True
        )
        first |= dict(rows.values_list("rotation", "ref"))
    return first


def _is_first(sighting: Sighting) -> bool:
    """Tell whether a sighting began its page."""
    return sighting.rotation_index == 0 and sighting.supersedes_id is None


def units_of(team_id: int, sightings: Iterable[Sighting]) -> tuple[Around, dict[int, str]]:
    """Return which brand, or else page, each sighting belongs to: its id → reference.

    What people judged of a page itself comes before the brand that its recorder named.

    Parameters
    ----------
    team_id : int
        Team of all of them.
    sightings : iterable of Sighting
        With their brands.
    """
    rows = list(sightings)
    pages = pages_of(rows)
    named = {one.brand.ref for one in rows if one.brand is not None}
    ledger = around(team_id, "brand", named | set(pages.values()))
    units = {}
    for one in rows:
        page = pages[one.rotation]
        brand = one.brand.ref if one.brand is not None else ""
        if not brand or page in ledger.parts or ledger.verdict(page, brand) == "different":
            units[one.pk] = page
        else:
            units[one.pk] = brand
    return ledger, units
