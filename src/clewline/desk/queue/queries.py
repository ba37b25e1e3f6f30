"""A person's queue: items of all sources, ordered by the rules, with who took what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils import timezone

from clewline.desk.queue import live
from clewline.desk.queue.items import SECTIONS, Item
from clewline.desk.queue.models import Claim, Shift, Urgent
from clewline.desk.queue.rules import because
from clewline.desk.queue.sources import SOURCES

if TYPE_CHECKING:
    from clewline.desk.accounts.models import Team, User


def queue_of(user: User) -> list[Item]:
    """Return what waits for a person, in order."""
    return ordered(user, (item for source in SOURCES for item in source(user)))


def ordered(user: User, items: Iterable[Item]) -> list[Item]:
    """Return items with who took them, what weighs most first, of equals the longer wait."""
    found = list(items)
    now = timezone.now()
    claims = Claim.objects.filter(
        ended_at=None, until__gt=now, key__in=[item.key for item in found]
    ).select_related("by")
    held = {(claim.scope, claim.key): claim for claim in claims} if found else {}
    found = [_claimed(user, item, held.get((item.scope, item.key))) for item in found]
    return sorted(found, key=lambda item: (-item.points, item.since, item.key))


def _claimed(user: User, item: Item, claim: Claim | None) -> Item:
    """Return an item with who took it: one's own stands first, another's below what is free."""
    if claim is None:
        return item
    until = f"{claim.until:%H:%M}"
    if claim.by_id == user.pk:
        reason = because("yours", until=until)
    else:
        reason = because("taken", who=claim.by, until=until)
    return replace(item, claim=claim, reasons=(*item.reasons, reason))


@dataclass(frozen=True)
class OnCall:
    """Who is on call for a team now; nobody where there is no shift."""

    team: Team
    people: tuple[User, ...]


def on_call(teams: Iterable[Team]) -> list[OnCall]:
    """Return who is on call for each of some teams."""
    now = timezone.now()
    wanted = list(teams)
    shifts = Shift.objects.filter(
        team__in=wanted, starts__lte=now, ends__gt=now, end__isnull=True, person__is_active=True
    ).select_related("person")
    people: dict[int, dict[int, User]] = {}
    for shift in shifts.order_by("starts", "pk"):
        people.setdefault(shift.team_id, {})[shift.person_id] = shift.person
    return [OnCall(team, tuple(people.get(team.pk, {}).values())) for team in wanted]


def shifts_of(user: User) -> QuerySet[Shift]:
    """Return the shifts of a person's teams that are not over, by when they start."""
    found: QuerySet[Shift] = Shift.objects.visible_to(user).filter(
        ends__gt=timezone.now(), end__isnull=True
    )
    return found.select_related("person", "team", "by").order_by("starts", "pk")


@dataclass(frozen=True)
class Morning:
    """The first page of one person; what their role does not do is empty."""

    sections: dict[str, list[Item]]
    on_call: list[OnCall]
    chain: live.AsOf | None


def morning(user: User) -> Morning:
    """Return the first page of a person."""
    sections: dict[str, list[Item]] = {name: [] for name in SECTIONS}
    for item in queue_of(user):
        sections[item.section].append(item)
    works = user.may("urgent.read")
    return Morning(
        sections=sections,
        on_call=on_call(user.teams.order_by("name", "id")) if works else [],
        chain=live.as_of() if works else None,
    )


def urgent_of(user: User, ref: str) -> Urgent:
    """Return an urgent mark with all that its page shows."""
    found: Urgent = (
        Urgent.objects.visible_to(user)
        .select_related("team", "sighting__brand", "case", "by")
        .prefetch_related("steps__by")
        .get(ref=ref)
    )
    return found
