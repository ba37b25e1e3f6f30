"""A team's own payments, and the packages that hold one. Nobody else's token learns of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    Flag,
    Limit,
    Line,
    ReasonIn,
    Ref,
    Said,
    Short,
    Strict,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.ours import queries, services
from clewline.desk.ours.models import Mark, ReleaseWarning

router = Router(tags=["own payments"])


class MarkIn(Strict):
    """What is the team's own: `what` is txid:index of an output that was paid, or an address."""

    team: Short = ""
    what: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    purpose: Said
    authority: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class MarkOut(Schema):
    """A mark of one's team; `taken_back` says why it was taken back."""

    ref: str
    team: str
    kind: str
    thing: str
    purpose: str
    authority: str
    by: str
    at: datetime
    taken_back: str | None


class MarksOut(Schema):
    """Marks of one's teams, newest first; `next` goes on behind it."""

    items: list[MarkOut]
    next: str | None


class WarningOut(Schema):
    """A package that holds a payment of ours is about to leave; `allows` is the last answer."""

    ref: str
    mark: str
    at: datetime
    ends_at: datetime
    allows: bool | None


class WarningsOut(Schema):
    """The warnings that may still be answered, the most pressing first."""

    items: list[WarningOut]


class AllowsIn(Strict):
    """Whether the team lets a package go."""

    allows: Flag
    reason: Line = ""


@router.get("/ours", response={200: MarksOut, **OF_ONE})
@scope("ours.list")
def marks(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> MarksOut:
    """List what one's teams marked as their own."""
    rows, more = newest(queries.marks_of(request.user), limit, after)
    return MarksOut(items=[_mark(one) for one in rows], next=more)


@router.post("/ours", response={201: MarkOut, **ERRORS})
@scope("ours.mark")
def mark(request: DeskRequest, asked: MarkIn) -> Status[MarkOut]:
    """Mark a payment, or an address, as a team's own."""
    team = own_team(request, asked.team)
    made = services.mark(request.user, team, **asked.dict(exclude={"team"}))
    request.audit_object = made.ref
    return Status(201, _mark(made))


@router.get("/ours/warnings", response={200: WarningsOut, **ERRORS})
@scope("ours.list")
def warnings(request: DeskRequest) -> WarningsOut:
    """List the packages that hold a payment of ours and have not left yet."""
    return WarningsOut(items=[_warning(one) for one in queries.warnings_for(request.user)])


@router.post("/ours/warnings/{ref}", response={200: WarningOut, **OF_ONE})
@scope("ours.answer")
def answer(request: DeskRequest, ref: Ref, said: AllowsIn) -> WarningOut:
    """Let a package go that holds something of ours, or object."""
    found = take(request, ReleaseWarning, ref)
    request.audit_details = {"allows": said.allows}
    services.answer(request.user, found, allows=said.allows, reason=said.reason)
    return _warning(found)


@router.post("/ours/{ref}/take-back", response={200: MarkOut, **OF_ONE})
@scope("ours.take_back")
def take_back(request: DeskRequest, ref: Ref, asked: ReasonIn) -> MarkOut:
    """Take a mark back."""
    found = take(request, Mark, ref)
    services.take_back(request.user, found, asked.reason)
    return _mark(found)


def _mark(row: Mark) -> MarkOut:
    """Return a mark as an answer."""
    end = getattr(row, "unmark", None)
    return MarkOut(
        ref=row.ref,
        team=row.team.name,
        kind=row.kind,
        thing=row.thing,
        purpose=row.purpose,
        authority=row.authority,
        by=row.by.pseudonym,
        at=row.at,
        taken_back=end.reason if end else None,
    )


def _warning(row: ReleaseWarning) -> WarningOut:
    """Return a warning as an answer."""
    said = row.last_answer
    return WarningOut(
        ref=row.ref,
        mark=row.mark.ref,
        at=row.at,
        ends_at=row.ends_at,
        allows=said.allows if said else None,
    )
