"""What expires when, what is held, what waits: always within what a person may know of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, TruncMonth
from django.utils import timezone
from django.utils.translation import gettext

from clewline import vocab
from clewline.desk.accounts.models import Organisation, User
from clewline.desk.alerts.models import Copy
from clewline.desk.cases.models import Case, Link
from clewline.desk.disputes.models import Decision
from clewline.desk.partners.models import Partner, StandingChange
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.retention.erasing import held, held_disputes, is_held
from clewline.desk.retention.models import (
    ErasureRequest,
    LegalHold,
    PeriodChange,
    Tombstone,
)
from clewline.desk.retention.takes import KINDS, Kind
from clewline.desk.roles import Role

MOST_LISTED: Final = 200


Record = Sighting | Case | Brand
"""What two people may erase before its time."""


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
    return {name: months for name, (months, _) in periods_and_why(organisation).items()}


def periods_and_why(organisation: int) -> dict[str, tuple[int, str]]:
    """Return class → months of an organisation, and why where they are its own."""
    found = {one.id: (one.months, "") for one in vocab.retention_classes().values()}
    agreed = PeriodChange.objects.filter(organisation=organisation, decision__agreed=True)
    for change in agreed.order_by("decision__id"):
        found[change.retention_class] = (change.months, change.reason)
    return found


def cases_known(user: User | None) -> QuerySet[Case]:
    """Return all cases, or those that a person may know of."""
    return Case.objects.all() if user is None else Case.objects.visible_to(user)


def counted(sightings: QuerySet[Sighting], user: User | None = None) -> QuerySet[Any]:
    """Add to sightings from when their time counts: `counts_from`; none while a case is open.

    With a person, here and below: as far as that person may know. A run asks for all.
    """
    links = cases_known(user).filter(links__sighting=OuterRef("pk"))
    last = links.values("links__sighting").annotate(last=Max("closed_at")).values("last")
    return sightings.annotate(
        in_open_case=Exists(links.filter(closed_at__isnull=True)),
        counts_from=Greatest("recorded_at", Coalesce(last, F("recorded_at"))),
    )


def not_erased(records: QuerySet[Any]) -> QuerySet[Any]:
    """Keep what has no tombstone."""
    return records.filter(~Exists(Tombstone.objects.filter(key_id=OuterRef("key_id"))))


def due(
    sightings: QuerySet[Sighting], organisation: int, now: datetime, user: User | None = None
) -> QuerySet[Any]:
    """Keep the sightings of an organisation whose time is over and that nothing holds."""
    over = Q(pk__in=())
    for name, limit in _limits(organisation, now).items():
        if vocab.retention_classes()[name].counts_from == "closed":
            over |= Q(retention_class=name, in_open_case=False, counts_from__lt=limit)
        else:
            over |= Q(retention_class=name, recorded_at__lt=limit)
    mine = not_erased(sightings.filter(team__organisation=organisation))
    found = counted(mine, user).filter(over).filter(~held(user))
    return found.order_by("recorded_at", "pk")


def _limits(organisation: int, now: datetime) -> dict[str, datetime]:
    """Return class → before when must have been what its time counts from."""
    found = {}
    for name, months in periods(organisation).items():
        until = months_later(now.date(), -months)
        found[name] = datetime(until.year, until.month, until.day, tzinfo=UTC)
    return found


OTHERS: Final = KINDS[1:]
"""What expires besides sightings, in the order in which a run erases it."""


def due_others(
    kind: Kind,
    organisation: int,
    now: datetime,
    rows: QuerySet[Any] | None = None,
    user: User | None = None,
) -> QuerySet[Any]:
    """Keep the records of a kind and an organisation whose time is over and that nothing holds.

    A case counts from its closing, a dispute from its decision. A brand is due when no sighting
    and no case names it any more, a partner with channels and alerts when the partnership ended
    as long ago.
    """
    limit = _limits(organisation, now)[kind.retention_class]
    found = kind.model._default_manager.all() if rows is None else rows
    found = not_erased(found.filter(team__organisation=organisation, key_id__gt=""))
    since = {f"{kind.since}__lt": limit}
    mine = OuterRef("pk")
    ended = Partner.objects.filter(
        ~Exists(StandingChange.objects.filter(partner=mine, at__gte=limit)), standing="ended"
    ).values("pk")
    if kind.id == "case":
        found = found.filter(
            ~Exists(LegalHold.objects.standing().filter(case=mine)), closed_at__lt=limit
        )
    elif kind.id == "brand":
        named = Exists(Sighting.objects.filter(brand=mine)) | Exists(
            Link.objects.filter(brand=mine, case__in=cases_known(user).values("pk"))
        )
        found = found.filter(~named, **since)
    elif kind.id == "dispute":
        decided = Decision.objects.filter(proposal__dispute=mine, agreed=True, at__lt=limit)
        found = found.filter(~held_disputes(user), Exists(decided))
    elif kind.id == "alert":
        told = Copy.objects.filter(alert=mine).exclude(partner__in=ended)
        found = found.filter(~Exists(told), **since)
    elif kind.id == "channel":
        found = found.filter(partner__in=ended)
    elif kind.id == "partner":
        found = found.filter(pk__in=ended)
    else:
        found = found.filter(**since)
    return found.order_by(kind.since, "pk")


def due_refs() -> Iterator[tuple[Organisation, int, list[str]]]:
    """Yield organisation, number and references of what is due, without erasing it."""
    now = timezone.now()
    asked = [one.record for one in agreed_requests()]
    agreed = [one for one in asked if not is_held(kind_of(one), one)]
    for organisation in Organisation.objects.order_by("pk"):
        waiting = [due(Sighting.objects.all(), organisation.pk, now)]
        waiting += [due_others(kind, organisation.pk, now) for kind in OTHERS]
        refs = [ref for rows in waiting for ref in rows.values_list("ref", flat=True)]
        refs += [one.ref for one in agreed if one.team.organisation_id == organisation.pk]
        if refs:
            yield organisation, len(refs), refs


@dataclass(frozen=True)
class Month:
    """How many records of a class expire in a month."""

    first: date
    title: str
    count: int


@dataclass(frozen=True)
class Due:
    """A record that the next run erases."""

    kind: str
    ref: str
    title: str
    recorded_at: datetime
    team: str


@dataclass(frozen=True)
class Expiry:
    """The page of what expires.

    Attributes
    ----------
    due : list of Due
        Those that the next run erases, the oldest first, some hundred at most.
    count : int
        How many they are in all.
    months : list of Month
        What comes later, by month and class.
    periods : list of tuple
        Class, months that count, whether they are the organisation's own, and why.
    """

    due: list[Due]
    count: int
    months: list[Month]
    periods: list[tuple[vocab.RetentionClass, int, bool, str]]


def expiry(user: User) -> Expiry:
    """Return what expires of the records of a person's teams."""
    now, mine = timezone.now(), Sighting.objects.visible_to(user)
    over: list[Due] = []
    later: dict[tuple[date, str], int] = {}
    count = 0
    organisations = Organisation.objects.filter(teams__in=user.team_ids).distinct()
    for organisation in organisations.order_by("pk"):
        waiting = due(mine, organisation.pk, now, user)
        count += waiting.count()
        over += _listed(KINDS[0], waiting)
        for kind in OTHERS:
            rows = kind.model._default_manager.visible_to(user)  # type: ignore[attr-defined]
            own_rows = rows.filter(team__in=user.team_ids)
            others = due_others(kind, organisation.pk, now, own_rows, user)
            count += others.count()
            over += _listed(kind, others)
        lengths = periods(organisation.pk)
        rows = not_erased(mine.filter(team__organisation=organisation))
        grouped = rows.annotate(month=TruncMonth("recorded_at")).values("month", "retention_class")
        for row in grouped.annotate(n=Count("pk")).order_by("month", "retention_class"):
            name = row["retention_class"]
            first = months_later(row["month"].date(), lengths.get(name, 0))
            if name in lengths and first >= now.date().replace(day=1):
                later[first, name] = later.get((first, name), 0) + row["n"]
    classes = vocab.retention_classes()
    own = periods_and_why(user.organisation_id)
    return Expiry(
        due=over[:MOST_LISTED],
        count=count,
        months=[Month(first, classes[name].title, n) for (first, name), n in sorted(later.items())],
        periods=[
            (one, own[one.id][0], own[one.id][0] != one.months, own[one.id][1])
            for one in classes.values()
        ],
    )


def condensed(months: list[Month], today: date) -> list[tuple[str, str, int]]:
    """Return what expires later as people read it: twelve months each for itself, then by year.

    Parameters
    ----------
    months : list of Month
        By month and class, in order of time.
    today : date
        The twelve months begin with its own.

    Returns
    -------
    list of tuple
        Month (``2026-11``) or year (``2028``; ``2027, later`` for the rest of one begun above),
        title of the class, number of records; in order of time. The numbers add up to those given.

    Examples
    --------
    >>> months = [Month(date(2027, 1, 1), "a", 2), Month(date(2027, 11, 1), "a", 3)]
    >>> months += [Month(date(2028, 2, 1), "a", 4), Month(date(2028, 5, 1), "a", 5)]
    >>> condensed(months, date(2026, 11, 23))
    [('2027-01', 'a', 2), ('2027, later', 'a', 3), ('2028', 'a', 9)]
    """
    near = months_later(today.replace(day=1), 12)
    found: dict[tuple[str, str], int] = {}
    for one in months:
        when = f"{one.first:%Y-%m}" if one.first < near else str(one.first.year)
        if one.first >= near and one.first.year == near.year and near.month > 1:
            when = gettext("%(year)s, later") % {"year": when}
        found[when, one.title] = found.get((when, one.title), 0) + one.count
    return [(when, title, count) for (when, title), count in found.items()]


def _listed(kind: Kind, rows: QuerySet[Any]) -> list[Due]:
    """Return the first of some records that are due."""
    classes = vocab.retention_classes()
    return [
        Due(
            kind.id,
            one.ref,
            classes[kind.retention_class or one.retention_class].title,
            getattr(one, kind.since),
            str(one.team),
        )
        for one in rows.select_related("team")[:MOST_LISTED]
    ]


def case_expires_on(case: Case) -> date | None:
    """Return the day from which a run erases a case; None while it is open."""
    months = periods(case.team.organisation_id)["case"]
    return months_later(case.closed_at.date(), months) if case.closed_at else None


def expires_on(sighting: Sighting, user: User | None = None) -> date | None:
    """Return the day from which a run erases a sighting; None while an open case holds the time."""
    row = counted(Sighting.objects.filter(pk=sighting.pk), user).get()
    one = vocab.retention_classes().get(row.retention_class)
    if one is None:
        return None
    months = periods(sighting.team.organisation_id)[one.id]
    if one.counts_from == "recorded":
        return months_later(row.recorded_at.date(), months)
    return None if row.in_open_case else months_later(row.counts_from.date(), months)


def holds_on(user: User, **what: object) -> list[LegalHold]:
    """Return the holds on a record that `user` may know of, the standing ones first."""
    rows = LegalHold.objects.visible_to(user).filter(**what)
    return list(rows.select_related("by", "lift__by").order_by("lift__id", "-at"))


def waiting_requests(user: User) -> list[ErasureRequest]:
    """Return the requests that nobody decided yet."""
    rows = ErasureRequest.objects.visible_to(user).filter(decision__isnull=True)
    asked = rows.select_related("sighting", "case", "brand", "asked_by")
    return list(asked.order_by("asked_at"))


def agreed_requests() -> list[ErasureRequest]:
    """Return what two people agreed to erase and a hold kept until now, of all teams."""
    agreed = ErasureRequest.objects.filter(decision__agreed=True).order_by("id")
    for name in ("sighting", "case", "brand"):
        agreed = agreed.exclude(
            Exists(Tombstone.objects.filter(key_id=OuterRef(f"{name}__key_id"))),
            **{f"{name}__isnull": False},
        )
    return list(agreed.select_related("decision__by", "asked_by", "sighting", "case", "brand"))


def waiting_periods(user: User) -> list[PeriodChange]:
    """Return the changes of periods of a person's organisation that nobody decided yet."""
    rows = PeriodChange.objects.filter(organisation=user.organisation_id, decision__isnull=True)
    return list(rows.select_related("asked_by").order_by("asked_at"))


def waiting_for(user: User) -> list[ErasureRequest]:
    """Return the requests that this person may decide: for the morning's screen."""
    if Role.APPROVER not in user.roles:
        return []
    return [one for one in waiting_requests(user) if one.asked_by_id != user.pk]


def kind_of(record: Record) -> Kind:
    """Return what kind a record is."""
    return next(kind for kind in KINDS if isinstance(record, kind.model))


def requests_for(user: User, record: Record) -> list[ErasureRequest]:
    """Return who asked for a record to be erased, the latest first."""
    rows = ErasureRequest.objects.visible_to(user).filter(**{kind_of(record).id: record})
    return list(rows.select_related("decision__by", "asked_by").order_by("-id"))


def tombstones(user: User) -> Iterable[Tombstone]:
    """Return what stays of the erased, the latest first."""
    rows: QuerySet[Tombstone] = Tombstone.objects.visible_to(user)
    return rows.order_by("-erased_at", "-id")[:MOST_LISTED]


def tombstone_of(record: Record) -> Tombstone | None:
    """Return the tombstone of an erased record."""
    return Tombstone.objects.filter(key_id=record.key_id).first()
