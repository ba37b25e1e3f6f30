"""Look-ups: what a partner asks and is answered, and what the desk does in between.

Who asks, who authorised it and why it is necessary are sealed. At the desk an answer is there as
the names of the fields that would be told; the partner reads what was released, and nothing else.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    CallIn,
    DecisionIn,
    Flag,
    Limit,
    Line,
    Ref,
    Short,
    Strict,
    WordOf,
)
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.lookups import answers, queries, services
from clewline.desk.lookups.identifiers import MOST
from clewline.desk.lookups.models import Draft, LookUp, OriginatorAsked, Release
from clewline.desk.lookups.views import take_question

router = Router(tags=["look-ups"])
Text = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
Longer = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Identifier = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00\r\n]*$")]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Day = Annotated[date, Field(ge=date(2009, 1, 1), le=date(2200, 1, 1))]


class AskIn(Strict):
    """What is asked, for what, on which basis. Identifiers are whole; names are sealed."""

    identifiers: Annotated[list[Identifier], Field(min_length=1, max_length=MOST)]
    purpose: Annotated[str, WordOf("purpose"), Field(min_length=1)]
    legal_basis: Annotated[str, WordOf("legal_basis"), Field(min_length=1)]
    statute: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    offence: Longer
    necessity: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
    requester: Text
    requester_role: Text
    authoriser: Text
    authoriser_rank: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
    case_ref: Short = ""
    alert_ref: Annotated[str, Field(pattern="^([A-Z]-[0-9A-Z]{5}-[0-9A-Z]{5})?$")] = ""
    reply_route: Annotated[str, WordOf("reply_route"), Field(min_length=1)] = "portal"
    expires_at: Day | None = None
    stands_until: Day | None = None
    urgent: Flag = False
    urgent_reason: Line = ""
    no_notification: Flag = False


class ReplyOut(Schema):
    """The latest answer: its signed bytes as text, their SHA-256, and what it says."""

    sha256: str
    reply: str
    signed: str
    acknowledged: bool


class AskedOfDeskOut(Schema):
    """A request of one's own organisation; `answer` only where one request is asked for."""

    ref: str
    asked_at: datetime
    asked: list[str]
    purpose: str
    case_ref: str
    urgent: bool
    stands_until: date | None
    answered_at: datetime | None
    answer: ReplyOut | None


class AskedOfDeskListOut(Schema):
    """Requests of one's own organisation, newest first; `next` goes on behind it."""

    items: list[AskedOfDeskOut]
    next: str | None


class LookUpOut(Schema):
    """A look-up at the desk: who asked, for what, under which basis."""

    ref: str
    partner: str
    country: str
    asked_at: datetime
    purpose: str
    legal_basis: str
    offence: str
    urgent: bool
    expires_at: date | None
    stands_until: date | None


class LookUpsOut(Schema):
    """Look-ups of one's teams, newest first; `next` goes on behind it."""

    items: list[LookUpOut]
    next: str | None


class WaitingOut(Schema):
    """What must be done next: call, draft, check, correct or tell; `mine` if by this person."""

    ref: str
    what: str
    due_at: datetime
    overdue: bool
    mine: bool


class WaitingListOut(Schema):
    """Look-ups for which something must be done: urgent ones first, then by when they are due."""

    items: list[WaitingOut]


class ToldOut(Schema):
    """What would be told of one identifier: the names of the fields, not what stands in them."""

    asked: str
    reply: str
    fields: list[str]


class DraftOut(Schema):
    """A draft and what a second person said; `released` is None while it waits."""

    ref: str
    reply: str
    policy: str
    note: str
    by: str
    at: datetime
    released: bool | None
    released_by: str | None
    sha256: str


class WholeLookUpOut(LookUpOut):
    """A look-up with what policy gives of it now, and its drafts, the latest first."""

    verified: bool
    items: list[ToldOut]
    drafts: list[DraftOut]


class NewDraftIn(Strict):
    """A draft of what policy gives; `differently` asks the partner to ask otherwise instead."""

    note: Line = ""
    differently: Flag = False


class SourceIn(Strict):
    """Which record's originator is asked, as the list of them names it."""

    source: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]


class ConsentIn(Strict):
    """What an originator said, and how it is known."""

    granted: Flag
    how: Longer


class RevokedIn(Strict):
    """How it is known that an originator took its word back."""

    how: Longer


class OriginatorOut(Schema):
    """The originator of a record, by codename, and the fields that are asked for.

    `partner` is empty where nobody outside gave the record: whoever recorded it is asked. `number`
    and `at` are None while nobody asked, `granted` until there is an answer.
    """

    source: str
    partner: str
    fields: list[str]
    number: int | None
    at: datetime | None
    granted: bool | None
    revoked_at: datetime | None


class OriginatorsOut(Schema):
    """Questions that were put, the first first, and then those that policy says to put."""

    items: list[OriginatorOut]


@router.get("/asked", response={200: AskedOfDeskListOut, **OF_ONE})
@scope("lookup.own")
def own_list(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> AskedOfDeskListOut:
    """List what one's own organisation asked."""
    rows, more = newest(LookUp.objects.visible_to(request.user), limit, after)
    last = Release.objects.filter(draft__look_up__in=rows, released=True).order_by("id")
    answered = dict(last.values_list("draft__look_up", "at"))
    return AskedOfDeskListOut(items=[_own(one, answered.get(one.pk)) for one in rows], next=more)


@router.post("/asked", response={201: AskedOfDeskOut, **ERRORS})
@scope("lookup.ask")
def ask(request: DeskRequest, asked: AskIn) -> Status[AskedOfDeskOut]:
    """Ask of exact identifiers, as somebody of a partner."""
    fields = asked.dict(exclude={"identifiers"})
    made = services.ask(request.user, identifiers="\n".join(asked.identifiers), **fields)
    request.audit_object = made.ref
    return Status(201, _own(made, None))


@router.get("/asked/{ref}", response={200: AskedOfDeskOut, **OF_ONE})
@scope("lookup.own")
def own(request: DeskRequest, ref: Ref) -> AskedOfDeskOut:
    """Read a request of one's own organisation, with the latest answer once there is one."""
    return _answered(request, take(request, LookUp, ref))


@router.post("/asked/{ref}/acknowledge", response={200: AskedOfDeskOut, **OF_ONE})
@scope("lookup.acknowledge")
def acknowledge(request: DeskRequest, ref: Ref) -> AskedOfDeskOut:
    """Acknowledge the latest answer."""
    found = take(request, LookUp, ref)
    services.acknowledge(request.user, found)
    return _answered(request, found)


@router.get("/lookups", response={200: LookUpsOut, **OF_ONE})
@scope("lookup.list")
def look_ups(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> LookUpsOut:
    """List the look-ups that one's teams answer."""
    found = LookUp.objects.visible_to(request.user).select_related("partner")
    rows, more = newest(found, limit, after)
    return LookUpsOut(items=[LookUpOut(**_facts(one)) for one in rows], next=more)


@router.get("/lookups/waiting", response={200: WaitingListOut, **ERRORS})
@scope("lookup.list")
def waiting(request: DeskRequest) -> WaitingListOut:
    """List the look-ups for which something must be done."""
    items = [
        WaitingOut(
            ref=one.look_up.ref,
            what=one.what,
            due_at=one.due_at,
            overdue=one.overdue,
            mine=one.mine,
        )
        for one in queries.waiting_for(request.user)
    ]
    return WaitingListOut(items=items)


@router.get("/lookups/{ref}", response={200: WholeLookUpOut, **OF_ONE})
@scope("lookup.read")
def look_up(request: DeskRequest, ref: Ref) -> WholeLookUpOut:
    """Read a look-up with what policy would tell of it."""
    return _whole(take(request, LookUp, ref))


@router.post("/lookups/{ref}/call", response={200: WholeLookUpOut, **OF_ONE})
@scope("lookup.call")
def call(request: DeskRequest, ref: Ref, said: CallIn) -> WholeLookUpOut:
    """Log a call back to who asks."""
    found = take(request, LookUp, ref)
    request.audit_details = {"confirmed": said.confirmed}
    services.log_call(request.user, found, said.how, confirmed=said.confirmed)
    return _whole(found)


@router.get("/lookups/{ref}/originators", response={200: OriginatorsOut, **OF_ONE})
@scope("lookup.read")
def originators(request: DeskRequest, ref: Ref) -> OriginatorsOut:
    """Read whom policy asks for a look-up, and what was asked and answered."""
    found = take(request, LookUp, ref)
    rows = queries.originators_of(found, services.weigh(found))
    return OriginatorsOut(items=[_originator(one) for one in rows])


@router.post("/lookups/{ref}/originators", response={201: OriginatorOut, **OF_ONE})
@scope("lookup.consent")
def ask_originator(request: DeskRequest, ref: Ref, asked: SourceIn) -> Status[OriginatorOut]:
    """Note that the originator of a record is asked, apart from the desk."""
    found = take(request, LookUp, ref)
    made = services.ask_originator(request.user, found, asked.source)
    request.audit_details = {"source": asked.source, "fields": made.fields}
    return Status(201, _put(found, made))


@router.post("/lookups/{ref}/originators/{number}", response={200: OriginatorOut, **OF_ONE})
@scope("lookup.consent")
def consent(request: DeskRequest, ref: Ref, number: Number, said: ConsentIn) -> OriginatorOut:
    """Note what an originator said, once for each question."""
    found = take(request, LookUp, ref)
    asked = take_question(found, number)
    request.audit_details = {"source": asked.source, "granted": said.granted}
    services.note_consent(request.user, asked, **said.dict())
    return _put(found, asked)


@router.post("/lookups/{ref}/originators/{number}/revoke", response={200: OriginatorOut, **OF_ONE})
@scope("lookup.consent")
def revoke_consent(
    request: DeskRequest, ref: Ref, number: Number, said: RevokedIn
) -> OriginatorOut:
    """Note that an originator took its word back."""
    found = take(request, LookUp, ref)
    asked = take_question(found, number)
    if not hasattr(asked, "consent"):
        raise Http404
    request.audit_details = {"source": asked.source, "revoked": True}
    services.revoke_consent(request.user, asked.consent, said.how)
    return _put(found, asked)


@router.post("/lookups/{ref}/draft", response={201: WholeLookUpOut, **OF_ONE})
@scope("lookup.draft")
def draft(request: DeskRequest, ref: Ref, asked: NewDraftIn) -> Status[WholeLookUpOut]:
    """Draft the answer that policy allows."""
    found = take(request, LookUp, ref)
    made = services.draft(request.user, found, asked.note, differently=asked.differently)
    request.audit_details = {"draft": made.ref, "reply": made.reply, "policy": made.policy}
    return Status(201, _whole(found))


@router.post("/lookups/{ref}/release", response={200: WholeLookUpOut, **OF_ONE})
@scope("lookup.release")
def release(request: DeskRequest, ref: Ref, said: DecisionIn) -> WholeLookUpOut:
    """Release the draft that waits, signed; or send it back to its maker."""
    found = take(request, LookUp, ref)
    if (made := services.waiting_draft(found)) is None:
        raise Http404
    done = services.release(request.user, made, released=said.agreed, reason=said.reason)
    request.audit_details = {"draft": made.ref, "released": said.agreed, "sha256": done.sha256}
    return _whole(found)


def _answered(request: DeskRequest, row: LookUp) -> AskedOfDeskOut:
    """Return a request of a partner with its latest answer, as it was signed."""
    latest = services.latest_release(row)
    if latest is None:
        return _own(row, None)
    signed = latest.unseal("deliverable")
    request.audit_details = {"sha256": latest.sha256}
    answer = ReplyOut(
        sha256=latest.sha256,
        reply=answers.verify(signed.encode(), row.ref)["reply"],
        signed=signed,
        acknowledged=hasattr(latest, "receipt"),
    )
    return _own(row, latest.at, answer)


def _own(
    row: LookUp, answered_at: datetime | None, answer: ReplyOut | None = None
) -> AskedOfDeskOut:
    """Return a request of a partner as an answer to that partner."""
    return AskedOfDeskOut(
        ref=row.ref,
        asked_at=row.asked_at,
        asked=[question.shown for question in services.questions_of(row)],
        purpose=row.purpose,
        case_ref=row.case_ref,
        urgent=row.urgent,
        stands_until=row.stands_until,
        answered_at=answered_at,
        answer=answer,
    )


def _facts(row: LookUp) -> dict[str, Any]:
    """Return what is in the clear of a look-up."""
    own = {"partner": row.partner.ref, "country": row.partner.country}
    return {name: getattr(row, name) for name in LookUpOut.model_fields if name not in own} | own


def _whole(row: LookUp) -> WholeLookUpOut:
    """Return a look-up with what policy gives of it now."""
    told = services.items_of(row, services.weigh(row))
    drafts = row.drafts.select_related("by", "release__by").order_by("-id")
    return WholeLookUpOut(
        verified=services.is_verified(row),
        items=[
            ToldOut(asked=one["asked"], reply=one["reply"], fields=list(one["fields"]))
            for one in told
        ],
        drafts=[_draft(one) for one in drafts],
        **_facts(row),
    )


def _put(row: LookUp, asked: OriginatorAsked) -> OriginatorOut:
    """Return a question that was put as an answer."""
    rows = queries.originators_of(row, [])
    return next(_originator(one) for one in rows if one.asked == asked)


def _originator(row: queries.Originator) -> OriginatorOut:
    """Return whom policy asks as an answer."""
    said = getattr(row.asked, "consent", None)
    return OriginatorOut(
        source=row.source,
        partner=row.whose,
        fields=row.fields,
        number=row.number,
        at=row.asked.at if row.asked else None,
        granted=said.granted if said else None,
        revoked_at=said.revocation.at if said and hasattr(said, "revocation") else None,
    )


def _draft(row: Draft) -> DraftOut:
    """Return a draft as an answer."""
    done = getattr(row, "release", None)
    return DraftOut(
        ref=row.ref,
        reply=row.reply,
        policy=row.policy,
        note=row.note,
        by=row.by.pseudonym,
        at=row.at,
        released=done.released if done else None,
        released_by=done.by.pseudonym if done else None,
        sha256=done.sha256 if done else "",
    )
