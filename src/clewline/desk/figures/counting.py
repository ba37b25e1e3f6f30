"""Count what teams recorded in a period: one function a measure, group → value."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from clewline import vocab
from clewline.desk.disputes.models import Decision, Dispute
from clewline.desk.figures.measures import MEASURES, TIMES, TOTAL
from clewline.desk.lookups.models import LookUp
from clewline.desk.lookups.queries import times_of
from clewline.desk.records.models import Brand, PageState, PaymentOption, Sighting

Value = int | float
Groups = dict[str, Value]
Years = dict[str, Groups]
"""Period (``2026`` or ``2026-03``) → group → value."""

_MOST_YEARS: Final = 60
NOT_RECORDED: Final = "not recorded"


@dataclass(frozen=True)
class Scope:
    """Whose records are counted, and from when until before when they were seen."""

    teams: tuple[int, ...]
    start: datetime
    end: datetime

    @property
    def sightings(self) -> Any:
        """The sightings that stand."""
        found = Sighting.objects.filter(
            team__in=self.teams, observed_at__gte=self.start, observed_at__lt=self.end
        )
        return found.standing()

    def earlier(self, **of: Any) -> Any:
        """Return sightings that stand and were seen before, of what `of` says."""
        found = Sighting.objects.filter(team__in=self.teams, observed_at__lt=self.start, **of)
        return found.standing()

    @property
    def options(self) -> Any:
        """The payment options of these sightings."""
        return PaymentOption.objects.filter(team__in=self.teams, sighting__in=self.sightings)


def year_of(teams: Iterable[int], year: int) -> dict[str, Years]:
    """Count a year and each of its months: measure → period → group → value.

    Parameters
    ----------
    teams : iterable of int
        Teams whose records are counted.
    year : int
        Of the common calendar, 1970 to 9998.
    """
    known = tuple(sorted(teams))
    periods = {f"{year}": (datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))}
    starts = [datetime(year + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(13)]
    periods |= {start.strftime("%Y-%m"): (start, end) for start, end in pairwise(starts)}
    counted: dict[str, Years] = {one.id: {} for one in MEASURES}
    for period, (start, end) in periods.items():
        scope = Scope(known, start, end)
        for name, count in COUNTERS.items():
            counted[name][period] = count(scope)
    return counted


def years_with_sightings(teams: Iterable[int]) -> list[int]:
    """Return the years in which pages were seen, newest first."""
    known = Sighting.objects.filter(team__in=list(teams))
    ends = [
        known.order_by(order).values_list("observed_at", flat=True).first()
        for order in ("observed_at", "-observed_at")
    ]
    first, last = (end or timezone.now() for end in ends)
    return list(range(last.year, max(first.year, last.year - _MOST_YEARS) - 1, -1))


def _sightings(scope: Scope) -> Groups:
    """Count sightings."""
    found = scope.sightings.aggregate(all=Count("pk"), named=Count("host_index"))
    return _parts({"with an address": found["named"], "without": found["all"] - found["named"]})


def _pages(scope: Scope) -> Groups:
    """Count pages."""
    return {TOTAL: _sum(scope.sightings.aggregate(**_of_page()))}


def _sites(scope: Scope) -> Groups:
    """Count sites by what was seen of payment on them."""
    named = scope.sightings.filter(host_index__isnull=False)
    offers = Exists(PaymentOption.objects.filter(sighting=OuterRef("pk")))
    sites = Count("host_index", distinct=True)
    recorded = named.aggregate(n=sites)["n"]
    offering = named.filter(offers).aggregate(n=sites)["n"]
    looked = named.filter(~Q(payment_visibility="") | offers).aggregate(n=sites)["n"]
    return _parts(
        {
            "with payment options": offering,
            "none seen": looked - offering,
            "not looked at": recorded - looked,
        }
    )


def _by_rail(scope: Scope) -> Groups:
    """Count options by rail."""
    titles = vocab.words("rail")
    found: Counter[str] = Counter()
    for row in _options(scope):
        found[titles.get(row["rail"], row["rail"])] += _sum(row)
    return _parts(found)


def _by_asset(scope: Scope) -> Groups:
    """Count options in cryptocurrency by asset and network."""
    found: Counter[str] = Counter()
    for row in _options(scope):
        if row["rail"] == "crypto":
            name = " on ".join(part for part in (row["asset"], row["network"]) if part)
            found[name or NOT_RECORDED] += _sum(row)
    return _parts(found)


def _options(scope: Scope) -> Iterable[dict[str, Any]]:
    """Yield each rail, asset and network with the number of its pages."""
    named = scope.options.values("rail", "asset", "network")
    yield from named.annotate(**_of_page("sighting__")).order_by("rail", "asset", "network")


def _new_brands(scope: Scope) -> Groups:
    """Count brands that were not there before."""
    seen = scope.sightings.filter(brand__isnull=False).values("brand")
    before = Exists(scope.earlier(brand=OuterRef("pk")))
    return {TOTAL: Brand.objects.filter(~before, pk__in=seen).count()}


def _commercial(scope: Scope) -> Groups:
    """Count pages by commercial kind."""
    titles = vocab.words("commercial")
    rows = scope.sightings.values("commercial").annotate(**_of_page()).order_by("commercial")
    found = {titles.get(row["commercial"], NOT_RECORDED): _sum(row) for row in rows}
    return {TOTAL: _pages(scope)[TOTAL], **found}


def _hosting(scope: Scope) -> Groups:
    """Count sites by country of hosting."""
    named = scope.sightings.filter(host_index__isnull=False)
    sites = Count("host_index", distinct=True)
    rows = named.values("hosting_country").annotate(n=sites).order_by("hosting_country")
    found = {row["hosting_country"] or NOT_RECORDED: row["n"] for row in rows}
    return {TOTAL: named.aggregate(n=sites)["n"], **found}


def _look_ups(scope: Scope) -> Groups:
    """Count look-ups by the country of who asked."""
    asked = LookUp.objects.filter(
        team__in=scope.teams, asked_at__gte=scope.start, asked_at__lt=scope.end
    )
    rows = asked.values("partner__country").annotate(n=Count("pk")).order_by("partner__country")
    return _parts(Counter({row["partner__country"] or NOT_RECORDED: row["n"] for row in rows}))


def _service_times(scope: Scope) -> Groups:
    """Count look-ups by urgency, and how long their first answer took."""
    found: Groups = {}
    every = times_of(scope.teams, scope.start, scope.end)
    for name, asked in (
        ("", every),
        ("urgent", [one for one in every if one[0]]),
        ("not urgent", [one for one in every if not one[0]]),
    ):
        of, hours = f"{name}: " if name else "", [time for _, time in asked if time is not None]
        found |= {name: len(asked), f"{of}answered": len(hours)}
        found |= dict(zip((f"{of}{what}" for what in TIMES), _of_times(hours), strict=False))
    return found


def _of_times(hours: list[float]) -> list[float]:
    """Return the median and the 90th percentile, rounded; nothing of nothing."""
    if not hours:
        return []
    tenths = statistics.quantiles(hours, n=10, method="inclusive") if hours[1:] else hours * 9
    return [round(tenths[4], 1), round(tenths[8], 1)]


def _disputes(scope: Scope) -> Groups:
    """Count disputes by outcome, and how long a decision took."""
    received = Dispute.objects.filter(
        team__in=scope.teams,
        received_on__gte=scope.start.date(),
        received_on__lt=scope.end.date(),
    )
    made = Decision.objects.filter(proposal__dispute__in=received, agreed=True)
    rows = made.values_list("proposal__outcome", "at", "proposal__dispute__received_on")
    outcomes: Counter[str] = Counter()
    hours = []
    for outcome, at, day in rows.order_by("id"):
        outcomes[outcome] += 1
        hours.append((at - datetime.combine(day, time(), UTC)).total_seconds() / 3600)
    total = received.count()
    found: Groups = {TOTAL: total, "not decided yet": total - len(hours)}
    found |= {_OUTCOMES[name]: count for name, count in sorted(outcomes.items())}
    return found | ({"median (hours)": round(statistics.median(hours), 1)} if hours else {})


_OUTCOMES: Final = {"upheld": "upheld", "partly": "partly upheld", "rejected": "rejected"}


def _removal(scope: Scope) -> Groups:
    """Count pages that were reported, and how long they stayed."""
    reported = ("reported_host", "reported_hotline")
    of_page = PageState.objects.filter(rotation=OuterRef("rotation"), team__in=scope.teams)
    before = of_page.filter(state__in=reported, at__lt=scope.start)
    stands = Sighting.objects.filter(rotation=OuterRef("rotation"), team__in=scope.teams).standing()
    pages = PageState.objects.filter(
        ~Exists(before),
        Exists(stands),
        team__in=scope.teams,
        state__in=reported,
        at__gte=scope.start,
        at__lt=scope.end,
    ).values("rotation")
    states: dict[UUID, list[tuple[datetime, str]]] = defaultdict(list)
    rows = PageState.objects.filter(team__in=scope.teams, rotation__in=pages)
    for rotation, at, state in rows.order_by("at", "id").values_list("rotation", "at", "state"):
        states[rotation].append((at, state))
    hours, up, back = [], 0, 0
    for page in states.values():
        first = next(at for at, state in page if state in reported)
        gone = [at for at, state in page if state == "removed" and at >= first]
        last = [state for _, state in page if state in ("removed", "reappeared")]
        hours += [(gone[0] - first).total_seconds() / 3600] if gone else []
        up += not gone or last[-1] == "reappeared"
        back += "reappeared" in last
    quarter = _quartiles(hours)
    found = {TOTAL: len(states), "removed": len(hours), "still up": up, "back again": back}
    names = ("lower quartile (hours)", "median (hours)", "upper quartile (hours)")
    return found | dict(zip(names, quarter, strict=False))


def _quartiles(values: list[float]) -> list[float]:
    """Return the quartiles of some values, rounded; nothing of nothing."""
    if not values:
        return []
    found = statistics.quantiles(values, n=4, method="inclusive") if values[1:] else values * 3
    return [round(one, 1) for one in found]


def _refreshes(scope: Scope) -> Groups:
    """Count how often each page was seen."""
    rows = scope.sightings.values("rotation").annotate(n=Count("pk")).order_by()
    times = Counter(row["n"] for row in rows.iterator(chunk_size=10_000))
    found: Groups = {TOTAL: times.total(), "seen more than once": times.total() - times[1]}
    if times:
        middle = statistics.median(times.elements())
        found |= {"median sightings": middle, "most sightings": max(times)}
    return found


def _new_addresses(scope: Scope) -> Groups:
    """Count addresses that were not there before."""
    earlier = PaymentOption.objects.filter(
        team__in=scope.teams,
        address=OuterRef("address"),
        sighting__in=scope.earlier(),
    )
    fresh = scope.options.filter(~Exists(earlier), address__isnull=False)
    return {TOTAL: fresh.values("address").distinct().count()}


def _of_page(way: str = "") -> dict[str, Count]:
    """Return what counts pages: by fingerprint, else with their refreshes as one."""
    bare = Q(**{f"{way}url_index__isnull": True})
    return {
        "by_fingerprint": Count(f"{way}url_index", distinct=True),
        "without": Count(f"{way}rotation", distinct=True, filter=bare),
    }


def _sum(row: dict[str, Any]) -> int:
    """Return the number of pages that `_of_page` counted."""
    return int(row["by_fingerprint"]) + int(row["without"])


def _parts(found: dict[str, int] | Counter[str]) -> Groups:
    """Return parts with their total before them."""
    return {TOTAL: sum(found.values()), **found}


COUNTERS: Final[dict[str, Callable[[Scope], Groups]]] = {
    "sightings": _sightings,
    "pages": _pages,
    "sites": _sites,
    "options_by_rail": _by_rail,
    "options_by_asset": _by_asset,
    "new_brands": _new_brands,
    "commercial": _commercial,
    "hosting": _hosting,
    "lookups": _look_ups,
    "service_times": _service_times,
    "removal": _removal,
    "disputes": _disputes,
    "refreshes": _refreshes,
    "new_addresses": _new_addresses,
}
"""Measure → what counts it."""
