"""Take and leave items, note what was read, mark as urgent and see to it, keep the roster."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import Http404
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.cases.models import Case
from clewline.desk.queue.items import Item
from clewline.desk.queue.models import (
    ACKNOWLEDGED,
    CLOSED,
    Claim,
    Seen,
    Shift,
    ShiftEnd,
    Urgent,
    UrgentStep,
)
from clewline.desk.queue.queries import queue_of
from clewline.desk.records.models import Sighting
from clewline.desk.records.plain_text import require_text
from clewline.errors import UsageError

CLAIM: Final = timedelta(hours=2)
"""How long somebody has an item who took it."""
LONGEST_SHIFT: Final = timedelta(days=14)


def saw(user: User, sighting: Sighting) -> None:
    """Note that somebody opened a sighting."""
    Seen.objects.bulk_create([Seen(user=user, sighting=sighting)], ignore_conflicts=True)


def take_item(user: User, key: str) -> Claim:
    """Take an item of one's queue, so that nobody else does the same.

    Raises
    ------
    Http404
        If there is no such item in this person's queue.
    UsageError
        If somebody else has it.
    """
    item = _item(user, key)
    now = timezone.now()
    there = Claim.objects.filter(scope=item.scope, key=key, ended_at=None)
    there.filter(until__lte=now).update(ended_at=F("until"))
    try:
        with transaction.atomic():
            return Claim.objects.create(
                scope=item.scope, key=key, by=user, at=now, until=now + CLAIM
            )
    except IntegrityError:
        claim = there.select_related("by").first()
        if claim is not None and claim.by_id == user.pk:
            return claim
        raise UsageError(
            f"taken by {claim.by if claim else 'somebody'} meanwhile", where=key
        ) from None


def leave_item(user: User, key: str) -> None:
    """Let go of an item that one took.

    Raises
    ------
    UsageError
        If it is not theirs.
    """
    mine = Claim.objects.filter(key=key, by=user, ended_at=None)
    if not mine.update(ended_at=timezone.now()):
        raise UsageError("you did not take this", where=key)


def _item(user: User, key: str) -> Item:
    """Return the item of a person's queue."""
    for item in queue_of(user):
        if item.key == key:
            return item
    raise Http404


@transaction.atomic
def raise_urgent(user: User, what: Sighting | Case, reason: str) -> Urgent:
    """Say that a child may be at risk now.

    Raises
    ------
    UsageError
        If that was said already, and is not closed.
    """
    require_text(reason, "reason")
    if not reason.strip():
        raise UsageError("say why", where="reason")
    of = {"sighting": what} if isinstance(what, Sighting) else {"case": what}
    if Urgent.objects.filter(**of).open().exists():
        raise UsageError("is marked as urgent already", where=what.ref)
    mark: Urgent = Urgent.objects.create(team=what.team, reason=reason, by=user, **of)
    return mark


def acknowledge(user: User, mark: Urgent) -> UrgentStep:
    """Say that one sees to it.

    Raises
    ------
    UsageError
        If somebody does already.
    """
    return _step(user, mark, ACKNOWLEDGED, "")


def close(user: User, mark: Urgent, outcome: str) -> UrgentStep:
    """Say what came of it; it leaves the queues.

    Raises
    ------
    UsageError
        If nobody acknowledged it, there is no outcome, or it is closed.
    """
    require_text(outcome, "outcome")
    if not outcome.strip():
        raise UsageError("say what came of it", where="outcome")
    if not mark.steps.filter(step=ACKNOWLEDGED).exists():
        raise UsageError("acknowledge it first", where=mark.ref)
    return _step(user, mark, CLOSED, outcome)


def _step(user: User, mark: Urgent, step: str, outcome: str) -> UrgentStep:
    """Write a step, once."""
    try:
        with transaction.atomic():
            return UrgentStep.objects.create(urgent=mark, step=step, outcome=outcome, by=user)
    except IntegrityError:
        raise UsageError(f"is {step} already", where=mark.ref) from None


@transaction.atomic
def add_shift(user: User, team: Team, person: User, starts: datetime, ends: datetime) -> Shift:
    """Put somebody of the team on call.

    Raises
    ------
    UsageError
        If the team is none of theirs, the person none of the team, or the times make no shift.
    """
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    if not person.is_active or not person.teams.filter(pk=team.pk).exists():
        raise UsageError("nobody of this team", where="person")
    if not starts < ends <= starts + LONGEST_SHIFT:
        raise UsageError("ends after it starts, and within 14 days", where="ends")
    return Shift.objects.create(team=team, person=person, starts=starts, ends=ends, by=user)


def end_shift(user: User, shift: Shift) -> ShiftEnd:
    """Take a shift off the roster.

    Raises
    ------
    UsageError
        If it is off already.
    """
    try:
        with transaction.atomic():
            return ShiftEnd.objects.create(shift=shift, by=user)
    except IntegrityError:
        raise UsageError("it is off the roster already", where=shift.ref) from None
