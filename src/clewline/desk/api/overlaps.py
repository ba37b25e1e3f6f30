"""Overlaps: who else looks at addresses of a case. The holder is told first, and decides.

The asker reads of what the holder agreed to alone, and how to be reached once both agreed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import OF_ONE, DecisionIn, Flag, Limit, Ref, Said, Strict
from clewline.desk.api.token import scope
from clewline.desk.cases.models import Case
from clewline.desk.deconfliction import queries, services
from clewline.desk.deconfliction.models import Enquiry, Overlap
from clewline.desk.door import DeskRequest, take
from clewline.desk.records.models import Address
from clewline.errors import UsageError

router = Router(tags=["overlaps"])
Canonical = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class EnquiryIn(Strict):
    """Which addresses of the case, in canonical form, and why; the holder does not see why."""

    addresses: Annotated[list[Canonical], Field(min_length=1, max_length=services.MOST_ADDRESSES)]
    why: Said


class WordIn(Strict):
    """Whether to be put in contact, and how; who agrees says how to be reached."""

    agreed: Flag
    contact: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class HeardOut(Schema):
    """An overlap of which the asker may hear; address and contact once both agreed."""

    number: int
    agreed: bool | None
    address: str | None
    contact: str | None


class EnquiryOut(Schema):
    """An enquiry; `heard` only where one is asked for. `agreed` is what a supervisor said."""

    ref: str
    case: str
    by: str
    at: datetime
    why: str
    agreed: bool | None
    compared: bool
    addresses: list[str]
    heard: list[HeardOut]


class EnquiriesOut(Schema):
    """Enquiries of one's cases, newest first; `next` goes on behind it."""

    items: list[EnquiryOut]
    next: str | None


class OverlapOut(Schema):
    """An overlap as its holder sees it; `contact` is the asker's, once both agreed."""

    ref: str
    canonical: str
    case: str | None
    at: datetime
    agreed: bool | None
    contact: str | None


class OverlapsOut(Schema):
    """Overlaps that one holds, newest first; `next` goes on behind it."""

    items: list[OverlapOut]
    next: str | None


@router.get("/enquiries", response={200: EnquiriesOut, **OF_ONE})
@scope("overlap.list")
def enquiries(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> EnquiriesOut:
    """List the enquiries of one's cases."""
    found = Enquiry.objects.visible_to(request.user)
    related = found.select_related("case", "by", "decision", "comparison")
    rows, more = newest(related.prefetch_related("subjects__address"), limit, after)
    return EnquiriesOut(items=[_enquiry(one) for one in rows], next=more)


@router.post("/cases/{ref}/enquiries", response={201: EnquiryOut, **OF_ONE})
@scope("overlap.ask")
def ask(request: DeskRequest, ref: Ref, asked: EnquiryIn) -> Status[EnquiryOut]:
    """Ask who else looks at addresses of a case; a supervisor agrees first."""
    case, wanted = take(request, Case, ref), set(asked.addresses)
    linked = case.links.filter(address__isnull=False).values("address")
    found = list(Address.objects.filter(pk__in=linked, canonical__in=wanted).order_by("pk"))
    if {one.canonical for one in found} != wanted:
        raise UsageError("an enquiry is about addresses of its case", where="addresses")
    made = services.ask(request.user, case, found, asked.why)
    request.audit_object, request.audit_details = made.ref, {"addresses": len(found)}
    return Status(201, _enquiry(made))


@router.get("/enquiries/{ref}", response={200: EnquiryOut, **OF_ONE})
@scope("overlap.read")
def enquiry(request: DeskRequest, ref: Ref) -> EnquiryOut:
    """Read an enquiry, and of which overlaps the asker may hear."""
    return _whole(take(request, Enquiry, ref))


@router.post("/enquiries/{ref}/decide", response={200: EnquiryOut, **OF_ONE})
@scope("overlap.decide")
def decide(request: DeskRequest, ref: Ref, said: DecisionIn) -> EnquiryOut:
    """Agree to an enquiry as supervisor, or refuse it."""
    found = take(request, Enquiry, ref)
    request.audit_details = {"agreed": said.agreed}
    services.decide(request.user, found, agreed=said.agreed, reason=said.reason)
    return _whole(found)


@router.post("/enquiries/{ref}/overlaps/{number}", response={200: EnquiryOut, **OF_ONE})
@scope("overlap.ask")
def consent(
    request: DeskRequest, ref: Ref, number: Annotated[int, Field(ge=1, le=10_000)], said: WordIn
) -> EnquiryOut:
    """Say as asker whether contact is wanted."""
    found = take(request, Enquiry, ref)
    heard = queries.heard_of(found)
    # Only what was heard of has a number: what the holder keeps back is not found.
    if number > len(heard):
        raise Http404
    request.audit_details = {"agreed": said.agreed}
    services.consent(request.user, heard[number - 1], agreed=said.agreed, contact=said.contact)
    return _whole(found)


@router.get("/overlaps", response={200: OverlapsOut, **OF_ONE})
@scope("overlap.list")
def overlaps(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> OverlapsOut:
    """List the overlaps that one holds."""
    rows, more = newest(queries.held_by(request.user), limit, after)
    return OverlapsOut(items=[_overlap(one) for one in rows], next=more)


@router.get("/overlaps/{ref}", response={200: OverlapOut, **OF_ONE})
@scope("overlap.read")
def overlap(request: DeskRequest, ref: Ref) -> OverlapOut:
    """Read an overlap as its holder."""
    return _overlap(take(request, Overlap, ref))


@router.post("/overlaps/{ref}/answer", response={200: OverlapOut, **OF_ONE})
@scope("overlap.answer")
def answer(request: DeskRequest, ref: Ref, said: WordIn) -> OverlapOut:
    """Say as holder whether the asker may hear."""
    found = take(request, Overlap, ref)
    request.audit_details = {"agreed": said.agreed}
    services.answer(request.user, found, agreed=said.agreed, contact=said.contact)
    return _overlap(found)


def _whole(row: Enquiry) -> EnquiryOut:
    """Return one enquiry with what its asker may hear."""
    heard = queries.heard_of(row)
    return _enquiry(row, [_heard(number, one) for number, one in enumerate(heard, 1)])


def _enquiry(row: Enquiry, heard: list[HeardOut] | None = None) -> EnquiryOut:
    """Return an enquiry as an answer."""
    said = getattr(row, "decision", None)
    return EnquiryOut(
        ref=row.ref,
        case=row.case.ref,
        by=row.by.pseudonym,
        at=row.at,
        why=row.why,
        agreed=said.agreed if said else None,
        compared=hasattr(row, "comparison"),
        addresses=sorted(one.address.canonical for one in row.subjects.all()),
        heard=heard or [],
    )


def _heard(number: int, row: Overlap) -> HeardOut:
    """Return what the asker may hear of an overlap."""
    said = getattr(row, "asker_word", None)
    both = services.is_contact(row)
    return HeardOut(
        number=number,
        agreed=said.agreed if said else None,
        address=row.subject.address.canonical if both else None,
        contact=row.holder_word.contact if both else None,
    )


def _overlap(row: Overlap) -> OverlapOut:
    """Return an overlap as its holder sees it."""
    said = getattr(row, "holder_word", None)
    return OverlapOut(
        ref=row.ref,
        canonical=row.subject.address.canonical,
        case=row.case.ref if row.case else None,
        at=row.at,
        agreed=said.agreed if said else None,
        contact=row.asker_word.contact if services.is_contact(row) else None,
    )
