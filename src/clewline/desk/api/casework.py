"""What changes a case: members, state, hand-over, tasks, files, notes; and its timeline.

A file is a name, a hash and a text. A note is sealed on arrival and in no answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.accounts.models import User
from clewline.desk.api.cases import out
from clewline.desk.api.money import Day
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    OF_ONE,
    CaseOut,
    Flag,
    Limit,
    Line,
    Ref,
    Said,
    Strict,
)
from clewline.desk.api.token import scope
from clewline.desk.cases import queries, services
from clewline.desk.cases.models import Case, FileEntry, Handover, Member, Note, Task
from clewline.desk.cases.views import owned, tell
from clewline.desk.door import DeskRequest, take
from clewline.errors import UsageError

router = Router(tags=["cases"])
Person = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
Named = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class MemberIn(Strict):
    """Who, by pseudonym, and why."""

    member: Person
    why: Said


class MemberOut(Schema):
    """Somebody who may know of a case, or might until some time."""

    member: str
    since: datetime
    by: str
    why: str
    until: datetime | None


class MembersOut(Schema):
    """Members, the present ones first."""

    items: list[MemberOut]


class CaseStateIn(Strict):
    """What becomes of a case, and why: open, dormant or closed."""

    state: Annotated[str, Field(pattern="^(open|dormant|closed)$")]
    why: Said


class HandoverIn(Strict):
    """Who shall own a case, by pseudonym, and why."""

    to: Person
    why: Said


class AcceptIn(Strict):
    """Whether one agrees to the hand-over that waits."""

    accepted: Flag


class HandoverOut(Schema):
    """A hand-over; `accepted` is what a second person said."""

    to: str
    why: str
    by: str
    at: datetime
    accepted: bool | None


class TaskIn(Strict):
    """What a member is to do."""

    text: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    owner: Person
    due: Day | None = None


class TaskOut(Schema):
    """A task of a case."""

    ref: str
    text: str
    owner: str
    due: date | None
    ended: str | None


class TasksOut(Schema):
    """The tasks of a case, open ones first."""

    items: list[TaskOut]


class OutcomeOfTaskIn(Strict):
    """What became of a task."""

    outcome: Annotated[str, Field(pattern="^(done|dropped)$")]


class FileIn(Strict):
    """A file that lies elsewhere: what it is called, its SHA-256, bytes, place, what it is."""

    name: Named
    sha256: Annotated[str, Field(pattern="^[0-9A-Fa-f]{64}$")]
    size: Annotated[int, Field(ge=0, le=services.LARGEST_FILE, strict=True)]
    place: Named
    about: Line = ""


class FileOut(Schema):
    """A file as somebody described it."""

    ref: str
    name: str
    sha256: str
    size: int
    place: str
    about: str
    by: str
    at: datetime


class FilesOut(Schema):
    """Files of a case, newest first; `next` goes on behind it."""

    items: list[FileOut]
    next: str | None


class NoteIn(Strict):
    """A note; sealed on arrival."""

    text: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00]*$")]


class NoteOut(Schema):
    """That a note was written; people read it on its page."""

    ref: str
    by: str
    at: datetime


class NotesOut(Schema):
    """Notes of a case, newest first, without their texts; `next` goes on behind it."""

    items: list[NoteOut]
    next: str | None


class MomentOut(Schema):
    """Who did what, when, and why."""

    at: datetime
    by: str
    what: str
    name: str
    why: str


class TimelineOut(Schema):
    """What happened in a case, the latest first; `next` is the number behind which it goes on."""

    items: list[MomentOut]
    next: int | None


@router.get("/cases/{ref}/members", response={200: MembersOut, **OF_ONE})
@scope("case.read")
def members(request: DeskRequest, ref: Ref) -> MembersOut:
    """List who may know of a case, and who might."""
    found = queries.members(take(request, Case, ref))
    return MembersOut(items=[_member(one) for one in found])


@router.post("/cases/{ref}/members", response={201: MembersOut, **OF_ONE})
@scope("case.members")
def add_member(request: DeskRequest, ref: Ref, asked: MemberIn) -> Status[MembersOut]:
    """Let somebody know of one's own case."""
    case = owned(request, ref)
    person = _named(services.may_join(case), asked.member, "nobody who could be added", "member")
    tell(request, case, added=person.pseudonym, why=asked.why)
    services.add_member(request.user, case, person, asked.why)
    return Status(201, MembersOut(items=[_member(one) for one in queries.members(case)]))


@router.post("/cases/{ref}/members/remove", response={200: MembersOut, **OF_ONE})
@scope("case.members")
def remove_member(request: DeskRequest, ref: Ref, asked: MemberIn) -> MembersOut:
    """Take the knowledge of one's own case from somebody, at once."""
    case = owned(request, ref)
    there = case.members.filter(user__pseudonym=asked.member, until__isnull=True).first()
    if there is None:
        raise Http404
    tell(request, case, removed=asked.member, why=asked.why)
    services.remove_member(request.user, case, there.user, asked.why)
    return MembersOut(items=[_member(one) for one in queries.members(case)])


@router.post("/cases/{ref}/state", response={200: CaseOut, **OF_ONE})
@scope("case.state")
def change_state(request: DeskRequest, ref: Ref, asked: CaseStateIn) -> CaseOut:
    """Open one's own case again, let it rest, or close it."""
    case = owned(request, ref)
    services.change_state(request.user, case, **asked.dict())
    tell(request, case, **asked.dict())
    return out(request, case, whole=True)


@router.post("/cases/{ref}/hand-over", response={201: HandoverOut, **OF_ONE})
@scope("case.handover")
def hand_over(request: DeskRequest, ref: Ref, asked: HandoverIn) -> Status[HandoverOut]:
    """Offer a case to another member; it is theirs once a second person agrees."""
    case = take(request, Case, ref)
    to = _named(services.may_own(case), asked.to, "no member who could own it", "to")
    offer = services.hand_over(request.user, case, to, asked.why)
    tell(request, case, offered_to=to.pseudonym, why=asked.why)
    return Status(201, _handover(offer))


@router.post("/cases/{ref}/hand-over/answer", response={200: HandoverOut, **OF_ONE})
@scope("case.handover")
def answer_handover(request: DeskRequest, ref: Ref, asked: AcceptIn) -> HandoverOut:
    """Agree to the hand-over that waits, or refuse it; who offered may take it back."""
    case = take(request, Case, ref)
    said = services.answer_handover(request.user, case, accepted=asked.accepted)
    tell(request, case, accepted=said.accepted)
    return _handover(said.handover)


@router.get("/cases/{ref}/tasks", response={200: TasksOut, **OF_ONE})
@scope("case.read")
def tasks(request: DeskRequest, ref: Ref) -> TasksOut:
    """List the tasks of a case."""
    case = take(request, Case, ref)
    return TasksOut(items=[_task(one) for one in queries.tasks(case)])


@router.post("/cases/{ref}/tasks", response={201: TaskOut, **OF_ONE})
@scope("case.task")
def add_task(request: DeskRequest, ref: Ref, asked: TaskIn) -> Status[TaskOut]:
    """Give a member something to do."""
    case = take(request, Case, ref)
    people = services.present_members(case)
    person = _named(people, asked.owner, "no member of this case", "owner")
    made = services.add_task(request.user, case, asked.text, person, asked.due)
    tell(request, case, task=made.ref)
    return Status(201, _task(made))


@router.post("/cases/{ref}/tasks/{task}/end", response={200: TaskOut, **OF_ONE})
@scope("case.task")
def end_task(request: DeskRequest, ref: Ref, task: Ref, asked: OutcomeOfTaskIn) -> TaskOut:
    """Say that a task is done, or dropped."""
    case = take(request, Case, ref)
    if (found := case.tasks.filter(ref=task).first()) is None:
        raise Http404
    services.end_task(request.user, found, asked.outcome)
    tell(request, case, task=task, outcome=asked.outcome)
    return _task(found)


@router.get("/cases/{ref}/files", response={200: FilesOut, **OF_ONE})
@scope("case.read")
def files(request: DeskRequest, ref: Ref, limit: Limit = 50, after: Ref = "") -> FilesOut:
    """List files of a case: names, hashes and texts."""
    found = take(request, Case, ref).file_entries.select_related("by")
    rows, more = newest(found, limit, after)
    return FilesOut(items=[_file(one) for one in rows], next=more)


@router.post("/cases/{ref}/files", response={201: FileOut, **OF_ONE})
@scope("case.file")
def describe_file(request: DeskRequest, ref: Ref, asked: FileIn) -> Status[FileOut]:
    """Note a file that lies elsewhere; the desk takes none itself."""
    case = take(request, Case, ref)
    entry = services.describe_file(request.user, case, **asked.dict())
    tell(request, case, file=entry.ref)
    return Status(201, _file(entry))


@router.get("/cases/{ref}/notes", response={200: NotesOut, **OF_ONE})
@scope("case.notes")
def notes(request: DeskRequest, ref: Ref, limit: Limit = 50, after: Ref = "") -> NotesOut:
    """List who wrote notes when; what they say is sealed, and people read it on its page."""
    found = take(request, Case, ref).notes.select_related("by")
    rows, more = newest(found, limit, after)
    return NotesOut(items=[_note(one) for one in rows], next=more)


@router.post("/cases/{ref}/notes", response={201: NoteOut, **OF_ONE})
@scope("case.note")
def add_note(request: DeskRequest, ref: Ref, asked: NoteIn) -> Status[NoteOut]:
    """Write a note, sealed with the key of the case."""
    case = take(request, Case, ref)
    note = services.add_note(request.user, case, asked.text)
    tell(request, case, note=note.ref)
    return Status(201, _note(note))


@router.get("/cases/{ref}/timeline", response={200: TimelineOut, **OF_ONE})
@scope("case.read")
def timeline(
    request: DeskRequest,
    ref: Ref,
    limit: Limit = 100,
    after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0,
) -> TimelineOut:
    """Read what happened in a case; moments are numbered from the first one, so a number stays."""
    moments = queries.timeline(request.user, take(request, Case, ref))
    begin = len(moments) - after + 1 if 0 < after <= len(moments) else 0
    some = moments[begin : begin + limit]
    more = len(moments) - begin - limit + 1 if begin + limit < len(moments) else None
    items = [
        MomentOut(at=one.at, by=str(one.by), what=str(one.what), name=one.name, why=one.why)
        for one in some
    ]
    return TimelineOut(items=items, next=more)


def _named(people: Iterable[User], pseudonym: str, problem: str, where: str) -> User:
    """Return who of some people is called so; of nobody else it is said whether they are there."""
    for one in people:
        if one.pseudonym == pseudonym:
            return one
    raise UsageError(problem, where=where)


def _member(row: Member) -> MemberOut:
    """Return a member as an answer."""
    return MemberOut(
        member=row.user.pseudonym,
        since=row.since,
        by=row.by.pseudonym,
        why=row.why,
        until=row.until,
    )


def _handover(row: Handover) -> HandoverOut:
    """Return a hand-over as an answer."""
    said = getattr(row, "answer", None)
    return HandoverOut(
        to=row.to.pseudonym,
        why=row.why,
        by=row.by.pseudonym,
        at=row.at,
        accepted=said.accepted if said else None,
    )


def _file(row: FileEntry) -> FileOut:
    """Return a described file as an answer."""
    same = set(FileOut.model_fields) - {"by"}
    return FileOut(by=row.by.pseudonym, **{name: getattr(row, name) for name in same})


def _note(row: Note) -> NoteOut:
    """Return that a note was written as an answer."""
    return NoteOut(ref=row.ref, by=row.by.pseudonym, at=row.at)


def _task(row: Task) -> TaskOut:
    """Return a task as an answer."""
    end = getattr(row, "end", None)
    return TaskOut(
        ref=row.ref,
        text=row.text,
        owner=row.owner.pseudonym,
        due=row.due,
        ended=end.outcome if end else None,
    )
