"""Keeping: periods, what is due, legal holds, erasures, and what stays of the erased."""

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
    DecisionIn,
    Flag,
    Limit,
    ReasonIn,
    Ref,
    Said,
    Strict,
)
from clewline.desk.api.token import scope
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, take
from clewline.desk.ledger import vault
from clewline.desk.queue.items import key_of, of_key
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.retention import erasing, queries, services
from clewline.desk.retention.models import (
    MOST_MONTHS,
    ErasureRequest,
    LegalHold,
    PeriodChange,
    Tombstone,
)

router = Router(tags=["keeping"])
Key = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9-]*$")]
Class = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[a-z_]*$")]


class PeriodOut(Schema):
    """How long a class is kept, in months; `own` where the organisation set it."""

    retention_class: str
    months: int
    own: bool


class ChangeOut(Schema):
    """Another period that somebody asks for; `key` is what it is decided by."""

    key: str
    retention_class: str
    months: int
    reason: str
    asked_by: str
    asked_at: datetime


class ComingOut(Schema):
    """How many records of a class expire in a month."""

    month: date
    title: str
    count: int


class ExpiryOut(Schema):
    """What the next run erases (`refs`: the first 200 of `due`), and what comes later."""

    due: int
    refs: list[str]
    months: list[ComingOut]
    periods: list[PeriodOut]
    waiting: list[ChangeOut]


class PeriodIn(Strict):
    """Another period for a class."""

    retention_class: Class
    months: Annotated[int, Field(ge=1, le=MOST_MONTHS, strict=True)]
    reason: Said


class AgreedIn(Strict):
    """Whether a second person agrees."""

    agreed: Flag


class AgreedOut(Schema):
    """What a second person said of the period of a class."""

    retention_class: str
    agreed: bool


class HoldIn(Strict):
    """On which basis a record is held, and until when; open if left empty."""

    basis: Said
    until: Annotated[date, Field(ge=date(2009, 1, 1), le=date(2200, 1, 1))] | None = None


class HoldOut(Schema):
    """A hold; `lifted` says why it was lifted."""

    ref: str
    sighting: str | None
    case: str | None
    basis: str
    until: date | None
    by: str
    at: datetime
    lifted: str | None


class ErasureIn(Strict):
    """Why a record is to be erased, and what that rests on."""

    reason: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[a-z_]*$")]
    basis: Said


class ErasureOut(Schema):
    """A request to erase. `agreed` is what a second person said, `destroyed` that the key is gone.

    What was agreed to is carried out when nothing stands against it; no backup brings it back once
    `destroyed` is true.
    """

    ref: str
    kind: str
    record: str
    reason: str
    basis: str
    asked_by: str
    asked_at: datetime
    agreed: bool | None
    decided_by: str | None
    destroyed: bool


class ErasuresOut(Schema):
    """Requests to erase, newest first; `next` goes on behind it."""

    items: list[ErasureOut]
    next: str | None


class TombstoneOut(Schema):
    """What stays of an erased record."""

    record_ref: str
    kind: str
    retention_class: str
    recorded_at: datetime
    reason: str
    asked_by: str
    approved_by: str
    erased_at: datetime


class TombstonesOut(Schema):
    """Tombstones, the latest first; `next` is the record behind whose it goes on."""

    items: list[TombstoneOut]
    next: str | None


class KeepingOut(Schema):
    """How long a record is kept, and what holds it, as far as you may know."""

    ref: str
    retention_class: str | None
    expires: date | None
    held: bool
    holds: list[HoldOut]
    erased: datetime | None


@router.get("/retention", response={200: ExpiryOut, **ERRORS})
@scope("retention.list")
def expiry(request: DeskRequest) -> ExpiryOut:
    """Read periods, what expires, and which periods wait for a second person."""
    found = queries.expiry(request.user)
    return ExpiryOut(
        due=found.count,
        refs=[one.ref for one in found.due],
        months=[
            ComingOut(month=one.first, title=str(one.title), count=one.count)
            for one in found.months
        ],
        periods=[
            PeriodOut(retention_class=one.id, months=months, own=own)
            for one, months, own, _ in found.periods
        ],
        waiting=[_change(one) for one in queries.waiting_periods(request.user)],
    )


@router.post("/retention/periods", response={201: ChangeOut, **ERRORS})
@scope("retention.period")
def ask_period(request: DeskRequest, asked: PeriodIn) -> Status[ChangeOut]:
    """Ask for another period."""
    request.audit_details = {"class": asked.retention_class, "months": asked.months}
    return Status(201, _change(services.ask_period(request.user, **asked.dict())))


@router.post("/retention/periods/{key}", response={200: AgreedOut, **OF_ONE})
@scope("retention.approve")
def decide_period(request: DeskRequest, key: Key, said: AgreedIn) -> AgreedOut:
    """Agree to another period, or refuse it."""
    mine = PeriodChange.objects.filter(organisation=request.user.organisation_id)
    if (found := of_key("period", mine, key)) is None:
        raise Http404
    request.audit_object = found.retention_class
    request.audit_details = {"agreed": said.agreed}
    services.decide_period(request.user, found, agreed=said.agreed)
    return AgreedOut(retention_class=found.retention_class, agreed=said.agreed)


@router.get("/retention/tombstones", response={200: TombstonesOut, **OF_ONE})
@scope("retention.list")
def tombstones(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> TombstonesOut:
    """List what stays of the erased."""
    found = Tombstone.objects.visible_to(request.user)
    rows, more = newest(found, limit, after, "record_ref")
    names = TombstoneOut.model_fields
    items = [TombstoneOut(**{name: getattr(one, name) for name in names}) for one in rows]
    return TombstonesOut(items=items, next=more)


@router.get("/sightings/{ref}/keeping", response={200: KeepingOut, **OF_ONE})
@scope("retention.read")
def of_sighting(request: DeskRequest, ref: Ref) -> KeepingOut:
    """Read how long a sighting is kept, and what holds it."""
    found = take(request, Sighting, ref)
    stone = queries.tombstone_of(found)
    return KeepingOut(
        ref=found.ref,
        retention_class=found.retention_class,
        expires=queries.expires_on(found, request.user),
        held=erasing.is_held(erasing.SIGHTING, found, request.user),
        holds=_holds(request, sighting=found),
        erased=stone.erased_at if stone else None,
    )


@router.get("/cases/{ref}/keeping", response={200: KeepingOut, **OF_ONE})
@scope("retention.read")
def of_case(request: DeskRequest, ref: Ref) -> KeepingOut:
    """Read how long a case is kept, and what holds it."""
    found = take(request, Case, ref, erased=True)
    standing = LegalHold.objects.visible_to(request.user).standing().filter(case=found)
    stone = queries.tombstone_of(found)
    return KeepingOut(
        ref=found.ref,
        retention_class="case",
        expires=queries.case_expires_on(found),
        held=standing.exists(),
        holds=_holds(request, case=found),
        erased=stone.erased_at if stone else None,
    )


@router.post("/sightings/{ref}/holds", response={201: HoldOut, **OF_ONE})
@scope("hold.set")
def hold_sighting(request: DeskRequest, ref: Ref, asked: HoldIn) -> Status[HoldOut]:
    """Hold a sighting: it is not erased and does not expire."""
    return _hold(request, take(request, Sighting, ref), asked)


@router.post("/cases/{ref}/holds", response={201: HoldOut, **OF_ONE})
@scope("hold.set")
def hold_case(request: DeskRequest, ref: Ref, asked: HoldIn) -> Status[HoldOut]:
    """Hold a case and what it links."""
    return _hold(request, take(request, Case, ref), asked)


@router.post("/holds/{ref}/lift", response={200: HoldOut, **OF_ONE})
@scope("hold.lift")
def lift(request: DeskRequest, ref: Ref, asked: ReasonIn) -> HoldOut:
    """Lift what another person held."""
    found = take(request, LegalHold, ref)
    services.lift(request.user, found, asked.reason)
    return _hold_out(found)


@router.post("/sightings/{ref}/erasures", response={201: ErasureOut, **OF_ONE})
@scope("erasure.ask")
def ask_erasure(request: DeskRequest, ref: Ref, asked: ErasureIn) -> Status[ErasureOut]:
    """Ask for a sighting to be erased, in all its versions."""
    return _ask(request, take(request, Sighting, ref), asked)


@router.post("/cases/{ref}/erasures", response={201: ErasureOut, **OF_ONE})
@scope("erasure.ask")
def ask_erasure_of_case(request: DeskRequest, ref: Ref, asked: ErasureIn) -> Status[ErasureOut]:
    """Ask for a case to be erased, with all it holds; its records stay."""
    return _ask(request, take(request, Case, ref), asked)


@router.post("/brands/{ref}/erasures", response={201: ErasureOut, **OF_ONE})
@scope("erasure.ask")
def ask_erasure_of_brand(request: DeskRequest, ref: Ref, asked: ErasureIn) -> Status[ErasureOut]:
    """Ask for the real name of a brand to be erased."""
    return _ask(request, take(request, Brand, ref), asked)


@router.get("/erasures", response={200: ErasuresOut, **OF_ONE})
@scope("retention.list")
def erasures(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> ErasuresOut:
    """List requests to erase, decided ones too."""
    found = ErasureRequest.objects.visible_to(request.user)
    of = ("sighting", "case", "brand", "asked_by", "decision__by")
    rows, more = newest(found.select_related(*of), limit, after)
    stones = Tombstone.objects.filter(key_id__in=[one.record.key_id for one in rows])
    erased = set(stones.values_list("key_id", flat=True))
    return ErasuresOut(items=[_erasure(one, erased) for one in rows], next=more)


@router.get("/erasures/{ref}", response={200: ErasureOut, **OF_ONE})
@scope("erasure.read")
def erasure(request: DeskRequest, ref: Ref) -> ErasureOut:
    """Read a request to erase, and what became of it."""
    return _one(take(request, ErasureRequest, ref))


@router.post("/erasures/{ref}/decide", response={200: ErasureOut, **OF_ONE})
@scope("erasure.decide")
def decide(request: DeskRequest, ref: Ref, said: DecisionIn) -> ErasureOut:
    """Agree to an erasure, which is carried out when nothing stands against it, or refuse it."""
    found = take(request, ErasureRequest, ref)
    request.audit_details = {"agreed": said.agreed, "record": found.record.ref}
    services.decide(request.user, found, agreed=said.agreed, reason=said.reason)
    return _one(ErasureRequest.objects.get(pk=found.pk))


def _ask(request: DeskRequest, what: queries.Record, asked: ErasureIn) -> Status[ErasureOut]:
    """Ask for something to be erased."""
    made = services.ask(request.user, what, asked.reason, asked.basis)
    request.audit_details = {"erasure": made.ref, "reason": made.reason}
    return Status(201, _erasure(made))


def _change(row: PeriodChange) -> ChangeOut:
    """Return a period that is asked for as an answer."""
    return ChangeOut(
        key=key_of("period", row.pk),
        retention_class=row.retention_class,
        months=row.months,
        reason=row.reason,
        asked_by=row.asked_by.pseudonym,
        asked_at=row.asked_at,
    )


def _hold(request: DeskRequest, what: Sighting | Case, asked: HoldIn) -> Status[HoldOut]:
    """Hold something."""
    held = services.hold(request.user, on=what, **asked.dict())
    request.audit_details = {"hold": held.ref}
    return Status(201, _hold_out(held))


def _holds(request: DeskRequest, **what: Any) -> list[HoldOut]:
    """Return the holds on a record as answers."""
    return [_hold_out(one) for one in queries.holds_on(request.user, **what)]


def _hold_out(row: LegalHold) -> HoldOut:
    """Return a hold as an answer."""
    end = getattr(row, "lift", None)
    return HoldOut(
        ref=row.ref,
        sighting=row.sighting.ref if row.sighting else None,
        case=row.case.ref if row.case else None,
        basis=row.basis,
        until=row.until,
        by=row.by.pseudonym,
        at=row.at,
        lifted=end.reason if end else None,
    )


def _one(row: ErasureRequest) -> ErasureOut:
    """Return one request with what became of its record."""
    stone = queries.tombstone_of(row.record)
    return _erasure(row, {stone.key_id} if stone else set())


def _erasure(row: ErasureRequest, erased: set[str] | None = None) -> ErasureOut:
    """Return a request to erase as an answer; `erased` are the keys that have a tombstone."""
    key, said = row.record.key_id, getattr(row, "decision", None)
    return ErasureOut(
        ref=row.ref,
        kind=queries.kind_of(row.record).id,
        record=row.record.ref,
        reason=row.reason,
        basis=row.basis,
        asked_by=row.asked_by.pseudonym,
        asked_at=row.asked_at,
        agreed=said.agreed if said else None,
        decided_by=said.by.pseudonym if said else None,
        destroyed=key in (erased or ()) and vault().is_destroyed(key),
    )
