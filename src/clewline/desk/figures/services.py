"""Count a year, or take what was counted; publish it; lay published years beside each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from clewline import __version__
from clewline.desk.accounts.models import Team, User
from clewline.desk.figures.counting import year_of
from clewline.desk.figures.measures import COMMON, MEASURES, TOTAL
from clewline.desk.figures.models import Counted, FigureSet
from clewline.desk.lookups.models import LookUp, Release
from clewline.desk.records.models import PageState, Sighting, Withdrawal
from clewline.desk.records.plain_text import require_text
from clewline.errors import UsageError

KEPT_FOR: Final = timedelta(minutes=10)
"""For how long counts are shown although records changed; the page says when they were made."""

MANY: Final = 20_000
"""Sightings of a year beyond which no page waits for them to be counted."""

Figures = list[dict[str, Any]]
"""A measure each: its words of `Measure`, and `values`: period → group → number."""


@dataclass(frozen=True)
class Year:
    """The figures of a year, when they were counted, and whether they wait to be counted anew."""

    year: int
    at: datetime
    figures: Figures
    waits: bool = False


@dataclass(frozen=True)
class Point:
    """A published year of one measure.

    Attributes
    ----------
    value : number or None
        The total; None where the set has no such measure.
    breaks : tuple of str
        What differs from the year before: unit, definition, version. Then the two do not compare.
    """

    year: int
    value: int | float | None
    set: FigureSet
    breaks: tuple[str, ...]


def counted(teams: Iterable[Team], year: int, *, anew: bool = False) -> Year:
    """Return the figures of a year as they were counted last.

    Where records changed since, few are counted at once; many (`MANY` sightings in the year) are
    counted by the desk itself (`count_waiting`), and until then the former counts are told.

    Parameters
    ----------
    teams : iterable of Team
        Teams whose records are counted.
    year : int
        Which.
    anew : bool
        Count whatever was counted before.

    Returns
    -------
    Year
        Without figures while many are counted for the first time.
    """
    ids = sorted(team.pk for team in teams)
    key, mark, now = _scope(ids), _mark(ids), timezone.now()
    there = Counted.objects.filter(scope=key, year=year).first()
    if there is None or anew or _is_stale(there, mark, now):
        many = _are_many(ids, year)
        there = _ask(there, key, ids, year, now) if many else _count(key, ids, year)
    figures = [
        {**asdict(one), "common": COMMON, "values": there.values[one.id]}
        for one in MEASURES
        if there.mark
    ]
    return Year(year, there.at, figures, waits=there.asked_at is not None)


def require_counted(teams: Iterable[Team], year: int) -> Year:
    """Return the figures of a year.

    Raises
    ------
    UsageError
        If they are being counted for the first time.
    """
    found = counted(teams, year)
    if not found.figures:
        raise UsageError("is being counted; try again in a few minutes", where=str(year))
    return found


def count_waiting() -> int:
    """Count the year that pages asked for first and that was too much for them; return how many."""
    waiting = Counted.objects.filter(asked_at__isnull=False).order_by("asked_at", "pk").first()
    if waiting is None:
        return 0
    _count(waiting.scope, waiting.teams, waiting.year)
    return 1


def _is_stale(there: Counted, mark: str, now: datetime) -> bool:
    """Tell whether counts are to be made anew: records changed, and it is some time ago."""
    return there.mark != mark and now - there.at >= KEPT_FOR


def _are_many(ids: Sequence[int], year: int) -> bool:
    """Tell whether a year has too many sightings for a page to count them."""
    rows = Sighting.objects.filter(team__in=ids, observed_at__year=year)
    return rows.order_by()[: MANY + 1].count() > MANY


def _ask(there: Counted | None, key: str, ids: list[int], year: int, now: datetime) -> Counted:
    """Have the desk count a year by itself."""
    asked = {"asked_at": there.asked_at if there and there.asked_at else now, "teams": ids}
    made, _ = Counted.objects.update_or_create(
        scope=key, year=year, defaults=asked, create_defaults={**asked, "mark": ""}
    )
    return made


def _count(key: str, ids: list[int], year: int) -> Counted:
    """Count a year now."""
    now, mark = timezone.now(), _mark(ids)
    values = {"at": now, "mark": mark, "values": year_of(ids, year), "teams": ids, "asked_at": None}
    made, _ = Counted.objects.update_or_create(scope=key, year=year, defaults=values)
    return made


@transaction.atomic
def publish(user: User, teams: Sequence[Team], year: int, note: str = "") -> FigureSet:
    """Keep the counts of a year as published; they stand instead of what was published before.

    Raises
    ------
    UsageError
        If a team is none of theirs, the year has not begun, or is being counted.
    DataError
        If the note holds media or binary.
    """
    if not teams or any(team.pk not in user.team_ids for team in teams):
        raise UsageError("not a team of yours", where="teams")
    if not 1970 <= year <= timezone.now().year:
        raise UsageError(f"1970 to {timezone.now().year}", where="year")
    require_text(note, "note")
    made, scope = require_counted(teams, year), _scope(sorted(team.pk for team in teams))
    before = FigureSet.objects.filter(scope=scope, year=year, superseded_by=None).first()
    published = FigureSet.objects.create(
        scope=scope,
        year=year,
        counted_at=made.at,
        by=user,
        clewline=__version__,
        figures=made.figures,
        note=note,
        supersedes=before,
    )
    published.teams.set(teams)
    return published


def standing_sets(user: User, teams: Sequence[Team]) -> list[FigureSet]:
    """Return what is published of some teams and was not superseded, by year."""
    scope = _scope(sorted(team.pk for team in teams))
    found = FigureSet.objects.visible_to(user).filter(scope=scope, superseded_by=None)
    return list(found.select_related("by").order_by("year"))


def series(sets: Sequence[FigureSet]) -> dict[str, list[Point]]:
    """Lay published years beside each other: measure → its years, each with its breaks."""
    found: dict[str, list[Point]] = {row["id"]: [] for one in sets for row in one.figures}
    for name, points in found.items():
        before = None
        for one in sets:
            row = next((row for row in one.figures if row["id"] == name), None)
            value = row["values"].get(str(one.year), {}).get(TOTAL) if row else None
            points.append(Point(one.year, value, one, _breaks(before, row)))
            before = row or before
    return found


def _breaks(before: Mapping[str, Any] | None, row: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return which words of a measure are others than in the year before."""
    if before is None or row is None:
        return ()
    words = ("unit", "definition", "common", "version", "denominator")
    return tuple(name for name in words if before[name] != row[name])


def _scope(ids: Sequence[int]) -> str:
    """Return what stands for a choice of teams."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def _mark(ids: Sequence[int]) -> str:
    """Return what stands for all that is counted, as it is now: it changes with every record."""
    parts: list[Any] = [
        Sighting.objects.filter(team__in=ids).aggregate(n=Max("recorded_at"), last=Max("pk")),
        Withdrawal.objects.aggregate(n=Max("pk")),
        PageState.objects.filter(team__in=ids).aggregate(n=Max("pk")),
        LookUp.objects.filter(team__in=ids).aggregate(n=Max("pk")),
        Release.objects.filter(draft__look_up__team__in=ids).aggregate(n=Max("pk")),
        {one.id: one.version for one in MEASURES},
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
