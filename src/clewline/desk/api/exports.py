"""Bulk exports: ask, release, take the one copy. References in a copy are pseudonyms of its own."""

from __future__ import annotations

import base64
from datetime import date, datetime
from typing import Annotated, Any

from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.money import Day
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    OF_ONE,
    DecisionIn,
    Limit,
    Ref,
    Said,
    Short,
    Strict,
    WordOf,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.exports import services
from clewline.desk.exports.models import BulkExport
from clewline.desk.ours.checks import Release, release_of, releases_of
from clewline.desk.records.models import Brand
from clewline.errors import UsageError

router = Router(tags=["exports"])


class ExportIn(Strict):
    """Which records, for whom, and why; `brand` by its reference, days in UTC."""

    team: Short = ""
    what: Annotated[str, Field(pattern="^(options|sightings)$")]
    brand: Ref = ""
    rail: Annotated[str, WordOf("rail")] = ""
    since: Day | None = None
    until: Day | None = None
    recipient: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    purpose: Said


class ExportOut(Schema):
    """An export. `state` is waiting, refused, checked, held, stopped, released, expired or taken.

    `rows` and `sha256` are of the copy that was taken; `ends_at` is until when it may be.
    """

    ref: str
    team: str
    what: str
    brand: str | None
    rail: str
    since: date | None
    until: date | None
    recipient: str
    purpose: str
    asked_by: str
    asked_at: datetime
    state: str
    decided_by: str | None
    ends_at: datetime | None
    rows: int | None
    sha256: str | None


class ExportsOut(Schema):
    """Exports of one's teams, newest first; `next` goes on behind it."""

    items: list[ExportOut]
    next: str | None


class CopyOut(Schema):
    """The one copy: a zip in base64, and the SHA-256 of its bytes."""

    name: str
    sha256: str
    content: str


@router.get("/exports", response={200: ExportsOut, **OF_ONE})
@scope("export.list")
def exports(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> ExportsOut:
    """List the exports of one's teams."""
    found = BulkExport.objects.visible_to(request.user)
    of = ("team", "brand", "asked_by", "copy", "decision__by")
    rows, more = newest(found.select_related(*of), limit, after)
    way = releases_of(one.ref for one in rows)
    items = [_out(one, way.get(one.ref, Release("none"))) for one in rows]
    return ExportsOut(items=items, next=more)


@router.post("/exports", response={201: ExportOut, **OF_ONE})
@scope("export.ask")
def ask(request: DeskRequest, asked: ExportIn) -> Status[ExportOut]:
    """Ask for an export; an approver who did not ask releases it."""
    if asked.since and asked.until and asked.since > asked.until:
        raise UsageError("the last day is before the first", where="until")
    given: dict[str, Any] = asked.dict(exclude={"team", "brand"})
    brand = take(request, Brand, asked.brand) if asked.brand else None
    made = services.ask(request.user, team=own_team(request, asked.team), brand=brand, **given)
    request.audit_object = made.ref
    request.audit_details = {"recipient": made.recipient, "purpose": made.purpose}
    return Status(201, _out(made, Release("none")))


@router.get("/exports/{ref}", response={200: ExportOut, **OF_ONE})
@scope("export.read")
def export(request: DeskRequest, ref: Ref) -> ExportOut:
    """Read an export, and how far it is."""
    return _out(take(request, BulkExport, ref), release_of(ref))


@router.post("/exports/{ref}/decide", response={200: ExportOut, **OF_ONE})
@scope("export.decide")
def decide(request: DeskRequest, ref: Ref, said: DecisionIn) -> ExportOut:
    """Release an export that somebody else asked for, or refuse it."""
    found = take(request, BulkExport, ref)
    request.audit_details = {"released": said.agreed, "reason": said.reason}
    services.decide(request.user, found, released=said.agreed, reason=said.reason)
    return _out(found, release_of(ref))


@router.post("/exports/{ref}/copy", response={200: CopyOut, **OF_ONE})
@scope("export.download", kept=False)
def copy(request: DeskRequest, ref: Ref) -> CopyOut:
    """Take the one copy. It is kept nowhere: a lost answer is asked for as a new export."""
    found = take(request, BulkExport, ref)
    name, content = services.take_copy(request.user, found)
    sha256 = found.copy.sha256
    request.audit_details = {"recipient": found.recipient, "sha256": sha256}
    return CopyOut(name=name, sha256=sha256, content=base64.b64encode(content).decode())


def _out(row: BulkExport, release: Release) -> ExportOut:
    """Return an export as an answer."""
    state = services.state(row, release)
    taken, decision = getattr(row, "copy", None), getattr(row, "decision", None)
    same = ("ref", "what", "rail", "since", "until", "recipient", "purpose", "asked_at")
    return ExportOut(
        team=row.team.name,
        brand=row.brand.codename if row.brand else None,
        asked_by=row.asked_by.pseudonym,
        state=state,
        decided_by=decision.by.pseudonym if decision else None,
        ends_at=services.ends_at(release) if state == "released" else None,
        rows=taken.rows if taken else None,
        sha256=taken.sha256 if taken else None,
        **{name: getattr(row, name) for name in same},
    )
