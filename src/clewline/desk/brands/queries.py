"""What the pages of brands, groups and the queue of those who judge show.

What is counted stops at a thousand, and prices, addresses and indicators are those of the latest
sightings, so a brand of a million is shown as quickly as one of ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import (
    Count,
    Exists,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from clewline.desk.accounts.models import User
from clewline.desk.brands import compared, proposing
from clewline.desk.brands.derived import Conflict, pair_of
from clewline.desk.brands.parts import Around, around, groups_around, units_of
from clewline.desk.queue.items import CHECK, Item
from clewline.desk.queue.rules import waits
from clewline.desk.records.models import (
    Brand,
    Group,
    Indicator,
    Judgement,
    PaymentOption,
    Proposal,
    Sighting,
    TraitKey,
)
from clewline.desk.records.site_address import fingerprint

PAGE: Final = 25
MOST_COUNTED: Final = 1000
"""What is counted stops here."""
WINDOW: Final = 500
"""Latest sightings whose prices, addresses and indicators are shown."""
_MOST_SHOWN: Final = 60
_LEDGER: Final = 50
_LOOKED_AHEAD: Final = 50
_KEY: Final = re.compile(
    r"(?P<kind>brand|group)\.(?P<left>[A-Z0-9-]{1,13})\.(?P<right>[A-Z0-9-]{1,13})"
)
"""What `Proposal.key` says."""
_ROUNDS: Final = 4
_TRIED: Final = 8


@dataclass(frozen=True)
class Merged:
    """What is shown as one with a brand.

    Attributes
    ----------
    brand : Brand
        The one that was asked for.
    brands : tuple of Brand
        Those that are one with it, itself among them, by codename.
    pages : tuple of UUID
        Pages that people said are of it.
    denied : tuple of UUID
        Pages that people said are not, whatever their recorder named.
    conflicts : tuple of Conflict
        Judgements that contradict each other.
    groups : tuple of Group
        Groups that it was said to belong to.
    names : dict of str to str
        Reference → codename, of every brand and group that is spoken of.
    """

    brand: Brand
    brands: tuple[Brand, ...]
    pages: tuple[UUID, ...]
    denied: tuple[UUID, ...]
    conflicts: tuple[Conflict, ...]
    groups: tuple[Group, ...]
    names: dict[str, str]

    @property
    def others(self) -> list[Brand]:
        """The brands that were judged to be the same."""
        return [one for one in self.brands if one.pk != self.brand.pk]

    def sources(self) -> Sequence[QuerySet[Sighting]]:
        """Return its sightings that stand: a query a brand, and one of pages, each by an index."""
        stand = Sighting.objects.standing().filter(team=self.brand.team_id)
        found = [stand.filter(brand=one).exclude(rotation__in=self.denied) for one in self.brands]
        if self.pages:
            ids = [one.pk for one in self.brands]
            found.append(stand.filter(rotation__in=self.pages).exclude(brand__in=ids))
        return found

    def newest(self, most: int, before: Sighting | None = None) -> list[Sighting]:
        """Return its latest sightings, those before another one if that is given."""
        rows: list[Sighting] = []
        for source in self.sources():
            if before is not None:
                at = before.observed_at
                source = source.filter(observed_at__lte=at).exclude(  # noqa: PLW2901
                    observed_at=at, pk__gte=before.pk
                )
            rows += source.order_by("-observed_at", "-pk")[:most]
        rows.sort(key=lambda one: (one.observed_at, one.pk), reverse=True)
        del rows[most:]
        # Asked for apart: a join would tempt the database to begin at the other end.
        prefetch_related_objects(rows, "recorder", "brand")
        return rows

    def first_seen(self) -> datetime | None:
        """Return when it was first seen."""
        firsts = [source.order_by("observed_at", "pk").first() for source in self.sources()]
        return min((one.observed_at for one in firsts if one is not None), default=None)

    def count(self) -> int:
        """Return how many sightings stand; `MOST_COUNTED` + 1 where there are more."""
        return min(sum(_counted(self.sources())), MOST_COUNTED + 1)


def merged(brand: Brand) -> Merged:
    """Return what is shown as one with a brand."""
    team = brand.team_id
    of_brands, of_groups = groups_around(team, {brand.ref})
    shown = of_brands.shown_with(brand.ref)
    refs = {one for one in shown if one[0] == Brand.LETTER}
    groups = {one for one in of_groups.shown_with(brand.ref) if one[0] == Group.LETTER}
    if of_groups.part(brand.ref).conflicts:
        groups = {
            other
            for pair in of_groups.part(brand.ref).same
            if brand.ref in pair
            for other in pair
            if other[0] == Group.LETTER
        }
    conflicts = of_brands.part(brand.ref).conflicts + of_groups.part(brand.ref).conflicts
    spoken = {ref for conflict in conflicts for ref in conflict.chain}
    names = names_of(team, spoken | refs | groups)
    return Merged(
        brand=brand,
        brands=tuple(Brand.objects.filter(team=team, ref__in=refs).order_by("codename", "pk")),
        pages=_rotations(team, shown - refs),
        denied=_rotations(team, of_brands.denied(refs)),
        conflicts=conflicts,
        groups=tuple(Group.objects.filter(team=team, ref__in=groups).order_by("codename", "pk")),
        names=names,
    )


def names_of(team_id: int, refs: Iterable[str]) -> dict[str, str]:
    """Return codenames by reference; a page is named by its reference."""
    wanted = set(refs)
    names = {ref: ref for ref in wanted}
    for model in (Brand, Group):
        mine = [ref for ref in wanted if ref[0] == model.LETTER]
        rows = model.objects.filter(team=team_id, ref__in=mine) if mine else model.objects.none()
        names |= dict(rows.values_list("ref", "codename"))
    return names


def _rotations(team_id: int, pages: Iterable[str]) -> tuple[UUID, ...]:
    """Return the rotations of pages that the ledger names."""
    wanted = list(pages)
    if not wanted:
        return ()
    rows = Sighting.objects.filter(team=team_id, ref__in=wanted)
    return tuple(rows.order_by("pk").values_list("rotation", flat=True))


def _counted(sources: Sequence[QuerySet[Any]]) -> list[int]:
    """Return how many rows each query has, `MOST_COUNTED` + 1 at most, in one statement."""
    if not sources:
        return []
    texts: list[str] = []
    values: list[Any] = []
    for place, source in enumerate(sources):
        rows = source.order_by().values("pk")[: MOST_COUNTED + 1]
        text, own = rows.query.sql_with_params()
        texts.append(f"SELECT {place} AS place, count(*) FROM ({text}) t")  # noqa: S608
        values += own
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join(texts)} ORDER BY place", values)
        return [int(row[1]) for row in cursor.fetchall()]


@dataclass(frozen=True)
class BrandRow:
    """A line of the list of brands; what is counted is its own, not that of brands one with it."""

    brand: Brand
    same_as: tuple[str, ...]
    groups: tuple[str, ...]
    in_conflict: bool
    sightings: int
    addresses: int
    first: datetime | None
    last: datetime | None


def brand_rows(user: User, after: Brand | None = None) -> list[BrandRow]:
    """Return brands of a person's teams by codename: a page, and one more if there are more."""
    stand = Sighting.objects.standing().filter(brand=OuterRef("pk"))
    rows = Brand.objects.visible_to(user).annotate(
        first=Subquery(stand.order_by("observed_at").values("observed_at")[:1]),
        last=Subquery(stand.order_by("-observed_at", "-pk").values("observed_at")[:1]),
    )
    if after is not None:
        rows = rows.filter(
            Q(codename__gt=after.codename) | Q(codename=after.codename, pk__gt=after.pk)
        )
    brands = list(rows.order_by("codename", "pk")[: PAGE + 1])
    own = [Sighting.objects.standing().filter(brand=one) for one in brands]
    paid = [_addresses_of(one) for one in own]
    counts, addresses = _counted(own), _counted(paid)
    said: dict[int, tuple[Around, Around]] = {}
    refs: set[str] = set()
    for team in sorted({one.team_id for one in brands}):
        said[team] = groups_around(team, {one.ref for one in brands if one.team_id == team})
        for ledger in said[team]:
            refs |= {ref for part in ledger.parts.values() for ref in part.members}
    names: dict[str, str] = {}
    for team in said:
        names |= {ref: name for ref, name in names_of(team, refs).items() if name != ref}
    return [
        _row(one, *said[one.team_id], names, count, paying)
        for one, count, paying in zip(brands, counts, addresses, strict=True)
    ]


def _addresses_of(sightings: QuerySet[Sighting]) -> QuerySet[Any]:
    """Return the different addresses of some sightings, of a thousand at most."""
    some = sightings.order_by().values("pk")[:MOST_COUNTED]
    paid = PaymentOption.objects.filter(sighting__in=some, address__isnull=False)
    return paid.order_by().values("address").distinct()


def _row(
    brand: Any, of_brands: Around, of_groups: Around, names: dict[str, str], count: int, paying: int
) -> BrandRow:
    """Return the line of a brand."""
    same = sorted(of_brands.shown_with(brand.ref) - {brand.ref})
    part = of_groups.part(brand.ref)
    groups = {ref for pair in part.same if brand.ref in pair for ref in pair}
    if not part.conflicts:
        groups = set(part.members)
    return BrandRow(
        brand=brand,
        same_as=tuple(names[ref] for ref in same if ref in names),
        groups=tuple(sorted(names[ref] for ref in groups if ref[0] == "G" and ref in names)),
        in_conflict=bool(of_brands.part(brand.ref).conflicts or part.conflicts),
        sightings=count,
        addresses=paying,
        first=brand.first,
        last=brand.last,
    )


@dataclass(frozen=True)
class Seen:
    """What the latest sightings of a brand show: prices, addresses, indicators."""

    of: int
    prices: list[dict[str, Any]]
    addresses: list[dict[str, Any]]
    indicators: list[dict[str, Any]]


def seen_of(view: Merged) -> Seen:
    """Return prices, addresses and indicators of the latest sightings, the newest first."""
    ids = [one.pk for one in view.newest(WINDOW)]
    options: QuerySet[Any, Any] = PaymentOption.objects.filter(sighting__in=ids).order_by()
    prices = options.exclude(amount_min="").values(
        "amount_min", "amount_max", "price_currency", "period", "tier"
    )
    addresses = options.filter(address__isnull=False).values(
        "address__chain", "address__network", "address__canonical"
    )
    found: QuerySet[Any, Any] = Indicator.objects.filter(sighting__in=ids, set_aside="").order_by()
    found = found.values("kind", "value_index").annotate(times=_TIMES)
    indicators = list(found.order_by("kind", "-times", "value_index")[:_MOST_SHOWN])
    held = compared.holders(view.brand.team_id, [bytes(one["value_index"]) for one in indicators])
    for one in indicators:
        key = bytes(one["value_index"])
        one["fingerprint"] = fingerprint(key)
        one["brands"] = sum(unit[0] == Brand.LETTER for unit, _ in held.get(key, ()))
    return Seen(
        of=len(ids),
        prices=_spans(prices, "amount_min", "tier"),
        addresses=_spans(addresses, "address__canonical"),
        indicators=indicators,
    )


_TIMES: Final = Count("sighting", distinct=True)


def _spans(rows: QuerySet[Any, Any], *then: str) -> list[dict[str, Any]]:
    """Return groups of options with when they were first and last seen, the latest first."""
    seen = rows.annotate(
        first=Min("sighting__observed_at"), last=Max("sighting__observed_at"), times=_TIMES
    )
    return list(seen.order_by("-last", *then)[:_MOST_SHOWN])


def ledger_of(team_id: int, refs: Iterable[str]) -> list[Judgement]:
    """Return the judgements that name one of some records, the latest first."""
    wanted = list(refs)
    rows = Judgement.objects.filter(Q(left__in=wanted) | Q(right__in=wanted), team=team_id)
    return list(rows.select_related("by").order_by("-pk")[:_LEDGER])


def names_in(team_id: int, ledger: Iterable[Judgement]) -> dict[str, str]:
    """Return the names of all that some judgements speak of."""
    return names_of(team_id, {ref for row in ledger for ref in (row.left, row.right)})


@dataclass(frozen=True)
class SideShown:
    """One of two that are compared.

    Attributes
    ----------
    ref, name : str
        Reference, and codename where it has one.
    same_as : tuple of str
        Codenames of brands that are one with it.
    page : compared.Page or None
        The page by which it is compared; None where nothing of it stands.
    """

    ref: str
    name: str
    same_as: tuple[str, ...]
    page: compared.Page | None


@dataclass(frozen=True)
class Pair:
    """Two side by side, what they have in common, and what was judged of them."""

    kind: str
    left: SideShown
    right: SideShown
    common: compared.Common | None
    said: str
    ledger: list[Judgement]
    conflicts: tuple[Conflict, ...]
    names: dict[str, str]

    @property
    def sides(self) -> tuple[SideShown, SideShown]:
        """Both, left first."""
        return self.left, self.right

    def looked_at(self) -> list[Sighting]:
        """Return the sightings that are shown."""
        return [side.page.sighting for side in self.sides if side.page is not None]


def pair(team_id: int, kind: str, one: str, other: str) -> Pair:
    """Return two brands or pages of a team side by side.

    Parameters
    ----------
    team_id : int
        Team of both; the person may know of it.
    kind : str
        ``brand`` or ``group``.
    one, other : str
        References of brands, or of the first sightings of pages, or of a group.
    """
    left, right = pair_of(one, other)
    if kind == "group":
        of_brands, of_groups = groups_around(team_id, {left, right})
        ledger = of_groups
    else:
        of_brands = ledger = around(team_id, kind, {left, right})
    shown = {ref: of_brands.shown_with(ref) for ref in (left, right)}
    sightings = _sightings_of(team_id, left, right)
    pages = _pages(team_id, sightings, shown)
    common = None
    if len(pages) == len(sightings):
        common = compared.in_common(team_id, pages[left], {0: pages[right]})[0]
    conflicts = ledger.part(left).conflicts
    conflicts += tuple(each for each in ledger.part(right).conflicts if each not in conflicts)
    rows = Judgement.objects.filter(team=team_id, left=left, right=right)
    spoken = {ref for conflict in conflicts for ref in conflict.chain}
    names = names_of(team_id, spoken | shown[left] | shown[right] | {left, right})
    sides = [_side(ref, shown[ref], names, pages.get(ref)) for ref in (left, right)]
    return Pair(
        kind=kind,
        left=sides[0],
        right=sides[1],
        common=common,
        said=ledger.verdict(left, right),
        ledger=list(rows.select_related("by").order_by("-pk")[:_LEDGER]),
        conflicts=conflicts,
        names=names,
    )


def _side(
    ref: str, shown: frozenset[str], names: dict[str, str], page: compared.Page | None
) -> SideShown:
    """Return one of two sides; a page that was judged to be of a brand bears the brand's name."""
    brands = sorted(names[one] for one in shown if one[0] == Brand.LETTER)
    name = names[ref] if ref[0] != Sighting.LETTER or not brands else brands[0]
    return SideShown(ref, name, tuple(one for one in brands if one != name), page)


def _sightings_of(team_id: int, left: str, right: str) -> dict[str, Sighting | None]:
    """Return the sighting by which each of two is compared: the proposed one, or the newest."""
    proposed = Proposal.objects.filter(team=team_id, left=left, right=right)
    hint = proposed.select_related("left_sighting", "right_sighting").order_by("-pk").first()
    found: dict[str, Sighting | None] = {left: None, right: None}
    if hint is not None:
        hinted = {left: hint.left_sighting, right: hint.right_sighting}
        stand = compared.standing(hinted.values())
        found = {ref: stand.get(one.pk) for ref, one in hinted.items()}
    return {ref: one or _newest(team_id, ref) for ref, one in found.items()}


def _newest(team_id: int, ref: str) -> Sighting | None:
    """Return the newest sighting of a brand or page that stands."""
    stand = Sighting.objects.standing().filter(team=team_id).select_related("brand")
    if ref[0] == Sighting.LETTER:
        page = Sighting.objects.filter(team=team_id, ref=ref).values("rotation")[:1]
        stand = stand.filter(rotation=Subquery(page))
    else:
        stand = stand.filter(brand__ref=ref)
    newest: Sighting | None = stand.order_by("-observed_at", "-pk").first()
    return newest


def _pages(
    team_id: int, sightings: dict[str, Sighting | None], shown: dict[str, frozenset[str]]
) -> dict[str, compared.Page]:
    """Return the pages to compare, each with the sightings of its side that share its traits."""
    there = [(ref, one) for ref, one in sightings.items() if one is not None]
    wanted = {place: [one] for place, (_, one) in enumerate(there)}
    if len(there) > 1:
        for place, (ref, _) in enumerate(there):
            _, facing = there[1 - place]
            wanted[place] += _sharing(team_id, facing, shown[ref])
    pages = compared.pages(wanted)
    return {ref: pages[place] for place, (ref, _) in enumerate(there)}


def _sharing(team_id: int, sighting: Sighting, units: Iterable[str]) -> list[Sighting]:
    """Return some sightings of other brands or pages that share traits with one."""
    keys = compared.keys_of(
        sighting, sighting.options.select_related("address"), sighting.indicators.all()
    )
    held = TraitKey.objects.filter(team=team_id, key__in=keys, unit__in=list(units))
    ids = sorted(set(held.values_list("sighting", flat=True)))[-proposing.SIGHTINGS_OF_EACH :]
    return list(Sighting.objects.standing().filter(pk__in=ids).order_by("pk"))


def next_proposal(user: User, after: str = "") -> Proposal | None:
    """Return what a person should judge next: of what is not judged, what says most.

    Parameters
    ----------
    user : User
        Whose teams' proposals are looked at.
    after : str, optional
        Key of the proposal to go on from.
    """
    judged = Judgement.objects.filter(
        team=OuterRef("team"), kind=OuterRef("kind"), left=OuterRef("left"), right=OuterRef("right")
    )
    rows = Proposal.objects.visible_to(user).filter(~Exists(judged)).order_by("-strength", "-pk")
    named = _KEY.fullmatch(after)
    last = Proposal.objects.visible_to(user).filter(**named.groupdict()).first() if named else None
    tried = 0
    for _ in range(_ROUNDS):
        if last is not None:
            rows = rows.filter(
                Q(strength__lt=last.strength) | Q(strength=last.strength, pk__lt=last.pk)
            )
        ahead = list(rows[:_LOOKED_AHEAD])
        for one in _unsettled(ahead):
            tried += 1
            if tried > _TRIED:
                return None
            common = pair(one.team_id, one.kind, one.left, one.right).common
            if common is not None and common.verdict.proposal != "nothing":
                return one
        if len(ahead) < _LOOKED_AHEAD:
            return None
        last = ahead[-1]
    return None


def _unsettled(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Keep the proposals that judgements do not answer already, directly or by others."""
    ledgers = {}
    for team, kind in sorted({(one.team_id, one.kind) for one in proposals}):
        refs = {
            ref
            for one in proposals
            if (one.team_id, one.kind) == (team, kind)
            for ref in (one.left, one.right)
        }
        ledgers[team, kind] = (
            groups_around(team, refs)[1] if kind == "group" else around(team, kind, refs)
        )
    return [
        one
        for one in proposals
        if not proposing.is_settled(ledgers[one.team_id, one.kind], one.left, one.right)
    ]


@dataclass(frozen=True)
class Belonging:
    """Of which brand a sighting is, by its recorder and by those who judged, and what it may be."""

    unit: str
    brands: list[str]
    names: dict[str, str]
    candidates: list[proposing.Candidate]
    ledger: list[Judgement]


def belonging(sighting: Sighting) -> Belonging:
    """Return where a sighting belongs; one that does not stand may be one with nothing."""
    team = sighting.team_id
    ledger, units = units_of(team, [sighting])
    unit = units[sighting.pk]
    stands = Sighting.objects.standing().filter(pk=sighting.pk).exists()
    keys = compared.keys_of(
        sighting, sighting.options.select_related("address"), sighting.indicators.all()
    )
    found = proposing.candidates(sighting, unit, keys) if stands else []
    refs = set(ledger.shown_with(unit)) | {one.unit for one in found}
    judged = ledger_of(team, {proposing.page_of(sighting)})
    names = names_of(team, refs) | names_in(team, judged)
    brands = sorted(names[ref] for ref in ledger.shown_with(unit) if ref[0] == Brand.LETTER)
    return Belonging(unit, brands, names, found, judged)


@dataclass(frozen=True)
class GroupShown:
    """A group: its brands, and what was judged of it."""

    group: Group
    brands: list[Brand]
    conflicts: tuple[Conflict, ...]
    names: dict[str, str]
    ledger: list[Judgement]


def group(shown: Group) -> GroupShown:
    """Return what a group holds."""
    of_brands, of_groups = groups_around(shown.team_id, {shown.ref})
    refs = {ref for ref in of_groups.shown_with(shown.ref) if ref[0] == Brand.LETTER}
    refs |= {other for ref in refs for other in of_brands.shown_with(ref) if other[0] == "B"}
    conflicts = of_groups.part(shown.ref).conflicts
    judged = ledger_of(shown.team_id, {shown.ref})
    spoken = {ref for conflict in conflicts for ref in conflict.chain}
    names = names_of(shown.team_id, spoken) | names_in(shown.team_id, judged)
    brands = Brand.objects.filter(team=shown.team_id, ref__in=refs).order_by("codename", "pk")
    return GroupShown(shown, list(brands), conflicts, names, judged)


_MOST_PAIRS: Final = 100


def waiting_for(user: User) -> list[Item]:
    """Return that there are pairs to judge; one item a team, because they are judged in a row."""
    if not user.may("brand.judge"):
        return []
    judged = Judgement.objects.filter(
        team=OuterRef("team"), kind=OuterRef("kind"), left=OuterRef("left"), right=OuterRef("right")
    )
    rows = Proposal.objects.visible_to(user).filter(~Exists(judged)).order_by("-strength", "-pk")
    teams: dict[int, list[datetime]] = {}
    for team, at in rows.values_list("team", "at")[:_MOST_PAIRS]:
        teams.setdefault(team, []).append(at)
    now = timezone.now()
    return [
        Item(
            section=CHECK,
            key=f"judge-{team}",
            scope=f"team:{team}",
            name=ngettext("%(n)d pair to judge", "%(n)d pairs to judge", len(times))
            % {"n": len(times)},
            line="",
            path=reverse("judge"),
            since=min(times),
            reasons=(waits(min(times), now),),
        )
        for team, times in sorted(teams.items())
    ]
