"""What expires when, what is held, what waits: always within what a person may know of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, TruncMonth
from django.utils import timezone

from clewline import vocab
from clewline.desk.accounts.models import Organisation, User
from clewline.desk.cases.models import Case
from clewline.desk.records.models import Sighting
from clewline.desk.retention.erasing import held
from clewline.desk.retention.models import (
    ErasureRequest,
    LegalHold,
    PeriodChange,
    Tombstone,
)
from clewline.desk.roles import Role

MOST_LISTED: Final = 200


def months_later(day: date, months: int) -> date:
    """Return the day some months later; the last of the month where there is no such day.

    Examples
    --------
    >>> months_later(date(2024, 1, 31), 1)
    datetime.date(2024, 2, 29)
    >>> months_later(date(2024, 3, 31), -1)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in range(day.day, 0, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise ValueError(day)


def periods(organisation: int) -> dict[str, int]:
    """Return class → months of an organisation: its own where it has one, else the default."""
    found = {one.id: one.months for one in vocab.retention_classes().values()}
    agreed = PeriodChange.objects.filter(organisation=organisation, decision__agreed=True)
    found |= dict(agreed.order_by("decision__id").values_list("retention_class", "months"))
    return found


def counted(sightings: QuerySet[Sighting]) -> QuerySet[Any]:
    """Add to sightings from when their time counts: `counts_from`; none while a case is open."""
    links = Case.objects.filter(links__sighting=OuterRef("pk"))
    last = links.values("links__sighting").annotate(last=Max("closed_at")).values("last")
    return sightings.annotate(
        in_open_case=Exists(links.filter(closed_at__isnull=True)),
        counts_from=Greatest("recorded_at", Coalesce(last, F("recorded_at"))),
    )


def not_erased(sightings: QuerySet[Sighting]) -> QuerySet[Sighting]:
    """Keep what has no tombstone."""
    return sightings.filter(~Exists(Tombstone.objects.filter(key_id=OuterRef("key_id"))))


def due(sightings: QuerySet[Sighting], organisation: int, now: datetime) -> QuerySet[Any]:
    """Keep the sightings of an organisation whose time is over and that nothing holds."""
    over = Q(pk__in=())
    for name, months in periods(organisation).items():
        until = months_later(now.date(), -months)
        limit = datetime(until.year, until.month, until.day, tzinfo=UTC)
        if vocab.retention_classes()[name].counts_from == "closed":
            over |= Q(retention_class=name, in_open_case=False, counts_from__lt=limit)
        else:
            over |= Q(retention_class=name, recorded_at__lt=limit)
    mine = not_erased(sightings.filter(team__organisation=organisation))
    return counted(mine).filter(over).filter(~held()).order_by("recorded_at", "pk")


def due_refs() -> Iterator[tuple[Organisation, int, list[str]]]:
    """Yield organisation, number and references of what is due, without erasing it."""
    for organisation in Organisation.objects.order_by("pk"):
        refs = list(
            due(Sighting.objects.all(), organisation.pk, timezone.now()).values_list(
                "ref", flat=True
            )
        )
        if refs:
            yield organisation, len(refs), refs


@dataclass(frozen=True)
class Month:
    """How many records of a class expire in a month."""

    first: date
    title: str
    count: int


@dataclass(frozen=True)
class Expiry:
    """The page of what expires.

    Attributes
    ----------
    due : list of Sighting
        Those that the next run erases, the oldest first, some hundred at most.
    count : int
        How many they are in all.
    months : list of Month
        What comes later, by month and class.
    periods : list of tuple
        Class, months that count, and whether they are the organisation's own.
    """

    due: list[Sighting]
    count: int
    months: list[Month]
    periods: list[tuple[vocab.RetentionClass, int, bool]]


def expiry(user: User) -> Expiry:
    """Return what expires of the records of a person's teams."""
    now, mine = timezone.now(), Sighting.objects.visible_to(user)
    over: list[Sighting] = []
    later: dict[tuple[date, str], int] = {}
    count = 0
    organisations = Organisation.objects.filter(teams__in=user.team_ids).distinct()
    for organisation in organisations.order_by("pk"):
        waiting = due(mine, organisation.pk, now)
        count += waiting.count()
        over += waiting.select_related("team")[:MOST_LISTED]
        lengths = periods(organisation.pk)
        rows = not_erased(mine.filter(team__organisation=organisation))
        grouped = rows.annotate(month=TruncMonth("recorded_at")).values("month", "retention_class")
        for row in grouped.annotate(n=Count("pk")).order_by("month", "retention_class"):
            name = row["retention_class"]
            first = months_later(row["month"].date(), lengths.get(name, 0))
            if name in lengths and first >= now.date().replace(day=1):
                later[first, name] = later.get((first, name), 0) + row["n"]
    classes = vocab.retention_classes()
    own = periods(user.organisation_id)
    return Expiry(
        due=over[:MOST_LISTED],
        count=count,
        months=[Month(first, classes[name].title, n) for (first, name), n in sorted(later.items())],
        periods=[(one, own[one.id], own[one.id] != one.months) for one in classes.values()],
    )


def expires_on(sighting: Sighting) -> date | None:
    """Return the day from which a run erases a sighting; None while an open case holds the time."""
    row = counted(Sighting.objects.filter(pk=sighting.pk)).get()
    one = vocab.retention_classes().get(row.retention_class)
    if one is None:
        return None
    months = periods(sighting.team.organisation_id)[one.id]
    if one.counts_from == "recorded":
        return months_later(row.recorded_at.date(), months)
    return None if row.in_open_case else months_later(row.counts_from.date(), months)


def is_held(sighting: Sighting) -> bool:
    """Tell whether a hold stands on a sighting, its own or that of a case."""
    return Sighting.objects.filter(held(), pk=sighting.pk).exists()


def holds_on(user: User, **what: object) -> list[LegalHold]:
    """Return the holds on a record that `user` may know of, the standing ones first."""
    rows = LegalHold.objects.visible_to(user).filter(**what)
    return list(rows.select_related("by", "lift__by").order_by("lift__id", "-at"))


def waiting_requests(user: User) -> list[ErasureRequest]:
    """Return the requests that nobody decided yet."""
    rows = ErasureRequest.objects.visible_to(user).filter(decision__isnull=True)
    return list(rows.select_related("sighting", "asked_by").order_by("asked_at"))


def waiting_periods(user: User) -> list[PeriodChange]:
    """Return the changes of periods of a person's organisation that nobody decided yet."""
    rows = PeriodChange.objects.filter(organisation=user.organisation_id, decision__isnull=True)
    return list(rows.select_related("asked_by").order_by("asked_at"))


def waiting_for(user: User) -> list[ErasureRequest]:
    """Return the requests that this person may decide: for the morning's screen."""
    if Role.APPROVER not in user.roles:
        return []
    return [one for one in waiting_requests(user) if one.asked_by_id != user.pk]


def tombstones(user: User) -> Iterable[Tombstone]:
    """Return what stays of the erased, the latest first."""
    rows: QuerySet[Tombstone] = Tombstone.objects.visible_to(user)
    return rows.order_by("-erased_at", "-id")[:MOST_LISTED]


def tombstone_of(sighting: Sighting) -> Tombstone | None:
    """Return the tombstone of an erased sighting."""
    return Tombstone.objects.filter(key_id=sighting.key_id).first()
