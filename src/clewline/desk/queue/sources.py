"""Where the items of the queue come from: each app says itself what waits for a person.

A source takes a person and returns `Item`s of what that person may know of, nothing else; so what
others have changes no queue. A new app adds its ``queries.waiting_for`` to `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, F, OuterRef
from django.urls import reverse
from django.utils import timezone

from clewline.desk.accounts.queries import waiting_for as access
from clewline.desk.addresses.queries import disputed
from clewline.desk.alerts.queries import waiting_for as alerts
from clewline.desk.brands.queries import waiting_for as pairs
from clewline.desk.cases.waiting import late as late_in_cases
from clewline.desk.cases.waiting import waiting_for as handovers
from clewline.desk.deconfliction.queries import waiting_for as overlaps
from clewline.desk.disputes.queries import waiting_for as disputes
from clewline.desk.exports.queries import waiting_for as exports
from clewline.desk.lookups.waiting import waiting_for as lookups
from clewline.desk.ours.queries import hidden_outpoints
from clewline.desk.ours.queries import waiting_for as warnings
from clewline.desk.partners.waiting import waiting_for as policies
from clewline.desk.queue import live
from clewline.desk.queue.items import NEW, UNREAD, URGENT, Item
from clewline.desk.queue.models import ACKNOWLEDGED, Seen, Urgent
from clewline.desk.queue.rules import (
    LIVE,
    NEW_BRAND,
    RECENT,
    Reason,
    ago,
    because,
    waits,
)
from clewline.desk.records.models import PaymentOption, Sighting
from clewline.desk.retention.waiting import waiting_for as erasures
from clewline.desk.routing.queries import waiting_for as reports
from clewline.desk.watch.queries import waiting_for as watches
from clewline.desk.welfare.services import protection_of

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST: Final = 250
"""Sightings that are looked at for one queue, the newest."""
NEW_FOR: Final = timedelta(days=14)
"""How long a sighting that nobody looked at stands under new."""


def urgent(user: User) -> list[Item]:
    """Return what is marked as urgent and not closed."""
    if not user.may("urgent.read"):
        return []
    marks = Urgent.objects.visible_to(user).open().order_by("at", "pk")
    marks = marks.select_related("team", "sighting__brand", "case").prefetch_related("steps__by")
    return [_urgent(mark) for mark in marks]


def _urgent(mark: Urgent) -> Item:
    """Return the item of an urgent mark."""
    reasons = [because("child_at_risk", reason=mark.reason)]
    for step in mark.steps.all():
        if step.step == ACKNOWLEDGED:
            reasons.append(because("acknowledged", who=step.by))
    return Item(
        section=URGENT,
        key=mark.ref,
        scope=f"team:{mark.team_id}",
        name=name_of(mark),
        line=mark.reason,
        path=reverse("urgent", args=[mark.ref]),
        since=mark.at,
        reasons=tuple(reasons),
    )


def name_of(mark: Urgent) -> str:
    """Return the codename or reference of what is urgent."""
    if mark.case is not None:
        return mark.case.codename
    sighting = mark.sighting
    if sighting is None:  # the database holds that there is one
        raise TypeError(mark.ref)
    return sighting.brand.codename if sighting.brand else sighting.ref


def sightings(user: User) -> list[Item]:
    """Return sightings that nobody of the team looked at, and those that others did."""
    if not user.may("sighting.list"):
        return []
    now = timezone.now()
    late = Sighting.objects.visible_to(user).standing().exclude(recorder=user)
    # Who recorded it was there; that somebody else looked is what counts.
    seen = Seen.objects.filter(sighting=OuterRef("pk"))
    rows: Any = (
        late.filter(recorded_at__gte=now - NEW_FOR)
        .filter(~Exists(seen.filter(user=user)))
        .annotate(by_others=Exists(seen.exclude(user=F("sighting__recorder"))))
        .select_related("brand", "recorder")
        .order_by("-recorded_at", "-pk")[:MOST]
    )
    found = list(rows)
    yesterday = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [one for one in found if not one.by_others or one.recorded_at >= yesterday]
    paid = _paid(user, found)
    masked = protection_of(user).summaries_masked if found else False
    return [_sighting(one, paid.get(one.pk), now, masked=masked) for one in found]


def _paid(user: User, found: list[Any]) -> dict[int, datetime]:
    """Return when an address of each sighting was last paid on chain."""
    options = PaymentOption.objects.filter(
        sighting__in=[one.pk for one in found], address__isnull=False
    )
    pairs_ = list(options.values_list("sighting", "address")) if found else []
    if not pairs_:
        return {}
    times = live.newest({address for _, address in pairs_}, hidden_outpoints(user))
    paid: dict[int, datetime] = {}
    for sighting, address in pairs_:
        if address in times:
            paid[sighting] = max(times[address], paid.get(sighting, times[address]))
    return paid


_YOUNG: Final = frozenset({"a0_2", "a3_6", "a7_10", "a11_13"})


def _sighting(one: Any, paid: datetime | None, now: datetime, *, masked: bool) -> Item:
    """Return the item of a sighting."""
    reasons: list[Reason] = []
    if paid is not None and now - paid < LIVE:
        reasons.append(because("live_payment", ago=ago(paid, now)))
    if one.brand is None:
        reasons.append(because("no_brand"))
    elif now - one.brand.created_at < NEW_BRAND:
        reasons.append(because("new_brand", ago=ago(one.brand.created_at, now)))
    if one.age_band in _YOUNG:
        reasons.append(because("risk", band=one.get_age_band_display()))
    if now - one.recorded_at < RECENT:
        reasons.append(because("recent", ago=ago(one.recorded_at, now)))
    else:
        reasons.append(waits(one.recorded_at, now))
    return Item(
        section=UNREAD if one.by_others else NEW,
        key=one.ref,
        scope=f"team:{one.team_id}",
        name=one.brand.codename if one.brand else one.ref,
        line="" if masked else one.neutral_summary,
        path=reverse("sighting", args=[one.ref]),
        since=one.recorded_at,
        reasons=tuple(reasons),
    )


SOURCES: Final[tuple[Callable[[User], Iterable[Item]], ...]] = (
    urgent,
    warnings,
    sightings,
    lookups,
    disputes,
    exports,
    erasures,
    alerts,
    reports,
    watches,
    access,
    policies,
    handovers,
    pairs,
    overlaps,
    late_in_cases,
    disputed,
)
"""Each app's word of what waits for a person."""
