"""The day's work: the queue and who took what, urgent marks, who is on call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.accounts.models import User
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    Limit,
    Moment,
    ReasonIn,
    Ref,
    Said,
    Short,
    Strict,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, take
from clewline.desk.queue import queries, services
from clewline.desk.queue.items import SECTIONS, Item
from clewline.desk.queue.models import Claim, Shift, Urgent
from clewline.desk.records.models import Sighting
from clewline.errors import UsageError

router = Router(tags=["queue"])
Key = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
KeyOrNone = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
Section = Annotated[str, Field(max_length=20, pattern=r"^[a-z]*$")]


class ItemOut(Schema):
    """One line of the queue, and why it stands where it stands."""

    section: str
    key: str
    name: str
    line: str
    since: datetime
    points: int
    why: str
    taken_by: str | None
    taken_until: datetime | None


class QueueOut(Schema):
    """Items in the order of the queue; `next` is the key behind which it goes on."""

    items: list[ItemOut]
    next: str | None


class KeyIn(Strict):
    """Which item is meant."""

    key: Key


class ClaimOut(Schema):
    """Whose an item is, and until when."""

    key: str
    by: str
    until: datetime


class LeftOut(Schema):
    """Which item is free again."""

    key: str


class UrgentStepOut(Schema):
    """That somebody saw to an urgent mark."""

    step: str
    outcome: str
    by: str
    at: datetime


class UrgentOut(Schema):
    """That a child may be at risk now: of what, since when, what was done."""

    ref: str
    sighting: str | None
    case: str | None
    reason: str
    by: str
    at: datetime
    steps: list[UrgentStepOut]


class UrgentsOut(Schema):
    """Urgent marks, newest first; `next` goes on behind it."""

    items: list[UrgentOut]
    next: str | None


class OutcomeIn(Strict):
    """What came of it."""

    outcome: Said


class ShiftIn(Strict):
    """Who is put on call, by pseudonym, and when."""

    team: Short = ""
    person: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
    starts: Moment
    ends: Moment


class ShiftOut(Schema):
    """Who is on call, and when."""

    ref: str
    team: str
    person: str
    starts: datetime
    ends: datetime
    by: str


class OnCallOut(Schema):
    """Who is on call for a team now."""

    team: str
    people: list[str]


class RosterOut(Schema):
    """Who is on call now, and the shifts that are not over, by when they start."""

    now: list[OnCallOut]
    shifts: list[ShiftOut]


@router.get("/queue", response={200: QueueOut, **OF_ONE})
@scope("home.read")
def queue(
    request: DeskRequest, section: Section = "", limit: Limit = 50, after: KeyOrNone = ""
) -> QueueOut:
    """List what waits for a person; `section` is urgent, new, check, overdue or unread.

    The order changes as work is done: begin anew where the item behind which to go on is gone.
    """
    if section and section not in SECTIONS:
        raise Http404
    items = [one for one in queries.queue_of(request.user) if section in ("", one.section)]
    begin = 0
    if after:
        keys = [one.key for one in items]
        if after not in keys:
            raise Http404
        begin = keys.index(after) + 1
    some = items[begin : begin + limit]
    more = some[-1].key if begin + limit < len(items) else None
    return QueueOut(items=[_item(one) for one in some], next=more)


@router.post("/queue/take", response={201: ClaimOut, **OF_ONE})
@scope("queue.take")
def take_item(request: DeskRequest, asked: KeyIn) -> Status[ClaimOut]:
    """Take an item of the queue, so that nobody else does the same."""
    request.audit_object = asked.key
    claim = services.take_item(request.user, asked.key)
    request.audit_details = {"until": claim.until.isoformat(timespec="minutes")}
    return Status(201, _claim(request.user, claim))


@router.post("/queue/leave", response={200: LeftOut, **ERRORS})
@scope("queue.take")
def leave_item(request: DeskRequest, asked: KeyIn) -> LeftOut:
    """Let go of an item that one took."""
    request.audit_object = asked.key
    services.leave_item(request.user, asked.key)
    return LeftOut(key=asked.key)


@router.post("/sightings/{ref}/urgent", response={201: UrgentOut, **OF_ONE})
@scope("urgent.raise")
def raise_of_sighting(request: DeskRequest, ref: Ref, asked: ReasonIn) -> Status[UrgentOut]:
    """Say of a sighting that a child may be at risk now."""
    return _raise(request, take(request, Sighting, ref), asked.reason)


@router.post("/cases/{ref}/urgent", response={201: UrgentOut, **OF_ONE})
@scope("urgent.raise")
def raise_of_case(request: DeskRequest, ref: Ref, asked: ReasonIn) -> Status[UrgentOut]:
    """Say so of a case."""
    return _raise(request, take(request, Case, ref), asked.reason)


@router.get("/urgent", response={200: UrgentsOut, **OF_ONE})
@scope("urgent.read")
def urgents(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> UrgentsOut:
    """List urgent marks, closed ones too."""
    found = Urgent.objects.visible_to(request.user).select_related("sighting", "case", "by")
    rows, more = newest(found.prefetch_related("steps__by"), limit, after)
    return UrgentsOut(items=[_urgent(one) for one in rows], next=more)


@router.get("/urgent/{ref}", response={200: UrgentOut, **OF_ONE})
@scope("urgent.read")
def urgent(request: DeskRequest, ref: Ref) -> UrgentOut:
    """Read an urgent mark."""
    return _mark(request, take(request, Urgent, ref))


@router.post("/urgent/{ref}/acknowledge", response={200: UrgentOut, **OF_ONE})
@scope("urgent.handle")
def acknowledge(request: DeskRequest, ref: Ref) -> UrgentOut:
    """Say that one sees to it."""
    mark = take(request, Urgent, ref)
    services.acknowledge(request.user, mark)
    request.audit_details = {"step": "acknowledged"}
    return _mark(request, mark)


@router.post("/urgent/{ref}/close", response={200: UrgentOut, **OF_ONE})
@scope("urgent.handle")
def close(request: DeskRequest, ref: Ref, asked: OutcomeIn) -> UrgentOut:
    """Say what came of it; it leaves the queues."""
    mark = take(request, Urgent, ref)
    services.close(request.user, mark, asked.outcome)
    request.audit_details = {"step": "closed"}
    return _mark(request, mark)


@router.get("/on-call", response={200: RosterOut, **ERRORS})
@scope("oncall.read")
def roster(request: DeskRequest) -> RosterOut:
    """Read who is on call, now and next."""
    now = queries.on_call(request.user.teams.order_by("name", "id"))
    return RosterOut(
        now=[
            OnCallOut(team=one.team.name, people=[person.pseudonym for person in one.people])
            for one in now
        ],
        shifts=[_shift(one) for one in queries.shifts_of(request.user)[:200]],
    )


@router.post("/on-call", response={201: ShiftOut, **ERRORS})
@scope("oncall.change")
def add_shift(request: DeskRequest, asked: ShiftIn) -> Status[ShiftOut]:
    """Put somebody on call."""
    team = own_team(request, asked.team)
    person = User.objects.filter(teams=team, pseudonym=asked.person).first()
    if person is None:
        raise UsageError("nobody of this team", where="person")
    shift = services.add_shift(request.user, team, person, asked.starts, asked.ends)
    request.audit_object, request.audit_details = shift.ref, {"person": person.pseudonym}
    return Status(201, _shift(shift))


@router.post("/on-call/{ref}/end", response={200: ShiftOut, **OF_ONE})
@scope("oncall.change")
def end_shift(request: DeskRequest, ref: Ref) -> ShiftOut:
    """Take a shift off the roster."""
    shift = take(request, Shift, ref)
    services.end_shift(request.user, shift)
    return _shift(shift)


def _raise(request: DeskRequest, what: Sighting | Case, reason: str) -> Status[UrgentOut]:
    """Mark something as urgent."""
    mark = services.raise_urgent(request.user, what, reason)
    request.audit_details = {"urgent": mark.ref}
    return Status(201, _urgent(mark))


def _mark(request: DeskRequest, mark: Urgent) -> UrgentOut:
    """Read an urgent mark anew, with what was done."""
    return _urgent(queries.urgent_of(request.user, mark.ref))


def _item(one: Item) -> ItemOut:
    """Return an item as an answer."""
    return ItemOut(
        section=one.section,
        key=one.key,
        name=one.name,
        line=str(one.line),
        since=one.since,
        points=one.points,
        why=one.why,
        taken_by=one.claim.by.pseudonym if one.claim else None,
        taken_until=one.claim.until if one.claim else None,
    )


def _claim(user: User, claim: Claim) -> ClaimOut:
    """Return who has an item as an answer."""
    return ClaimOut(key=claim.key, by=user.pseudonym, until=claim.until)


def _urgent(mark: Urgent) -> UrgentOut:
    """Return an urgent mark as an answer."""
    return UrgentOut(
        ref=mark.ref,
        sighting=mark.sighting.ref if mark.sighting else None,
        case=mark.case.ref if mark.case else None,
        reason=mark.reason,
        by=mark.by.pseudonym,
        at=mark.at,
        steps=[
            UrgentStepOut(step=one.step, outcome=one.outcome, by=one.by.pseudonym, at=one.at)
            for one in sorted(mark.steps.all(), key=lambda one: one.pk)
        ],
    )


def _shift(row: Shift) -> ShiftOut:
    """Return a shift as an answer."""
    return ShiftOut(
        ref=row.ref,
        team=row.team.name,
        person=row.person.pseudonym,
        starts=row.starts,
        ends=row.ends,
        by=row.by.pseudonym,
    )
