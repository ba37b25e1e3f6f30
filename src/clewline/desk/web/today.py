"""What a person finds on the first page: what is new in their teams, and what waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Count, QuerySet
from django.utils import timezone

from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import AccessChange, User
from clewline.desk.audit.models import Event
from clewline.desk.cases.models import Case
from clewline.desk.records.models import AddressStatus, Sighting
from clewline.desk.watch import queries as watch
from clewline.desk.watch.models import Hit

MOST: Final = 12
_NEW: Final = timedelta(days=1)


@dataclass(frozen=True)
class Today:
    """The first page of one person; what their role does not do is empty."""

    sightings: list[Sighting]
    is_new: bool
    waiting: list[AccessChange]
    disputed: list[AddressStatus]
    paid: list[Hit]
    cases: list[Case]
    people: int
    last_event: Event | None


def today_of(user: User) -> Today:
    """Return the first page of `user`: a few queries, each over what they may know of.

    Where nothing was recorded for a day, the latest sightings stand there instead.
    """
    shown: list[Sighting] = []
    new = False
    disputed: list[AddressStatus] = []
    if user.may("sighting.list"):
        recent = _recent(user).filter(recorded_at__gte=timezone.now() - _NEW)
        shown = list(recent[:MOST])
        new = bool(shown)
        shown = shown or list(_recent(user)[:MOST])
        disputed = _disputed(user)
    return Today(
        sightings=shown,
        is_new=new,
        waiting=_waiting(user),
        disputed=disputed,
        paid=watch.waiting_for(user),
        cases=list(
            Case.objects.visible_to(user).filter(closed_at=None).order_by("codename")[:MOST]
        ),
        people=User.objects.filter(organisation=user.organisation_id).count()
        if user.may("people.change")
        else 0,
        last_event=Event.objects.order_by("-seq").first() if user.roles == ["auditor"] else None,
    )


def _recent(user: User) -> QuerySet[Sighting]:
    """Return what stands of a person's teams, newest first."""
    found: QuerySet[Sighting] = Sighting.objects.visible_to(user).standing()
    return (
        found.select_related("brand", "recorder")
        .annotate(ways=Count("options"))
        .order_by("-recorded_at", "-id")
    )


def _waiting(user: User) -> list[AccessChange]:
    """Return the changes of access that this person may decide."""
    if not user.may("people.approve"):
        return []
    changes = AccessChange.objects.filter(decision=None, user__organisation=user.organisation_id)
    changes = changes.select_related("user", "asked_by").order_by("asked_at")
    return [change for change in changes if accounts.may_decide(user, change)]


def _disputed(user: User) -> list[AddressStatus]:
    """Return the addresses of a person's teams whose latest status is a dispute."""
    latest: dict[int, AddressStatus] = {}
    statuses = AddressStatus.objects.visible_to(user).select_related("address")
    for status in statuses.order_by("-at", "-id")[:200]:
        latest.setdefault(status.address_id, status)
    return [status for status in latest.values() if status.status == "disputed"][:MOST]
