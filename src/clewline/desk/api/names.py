"""To whom a real name was released. The name itself is sealed, and no token opens it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import OF_ONE, Limit, Ref, Said, Strict
from clewline.desk.api.token import scope
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, take
from clewline.desk.names import services
from clewline.desk.names.models import NameRelease
from clewline.desk.records.models import Brand
from clewline.errors import UsageError

router = Router(tags=["names"])


class ReleaseIn(Strict):
    """To whom, by pseudonym, why, and for how many days."""

    to: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
    why: Said
    days: Annotated[int, Field(ge=1, le=services.LONGEST_DAYS, strict=True)]


class ReleaseOut(Schema):
    """A release; `revoked_at` where it was ended before its time."""

    ref: str
    what: str
    to: str
    why: str
    by: str
    at: datetime
    until: datetime
    revoked_at: datetime | None


class ReleasesOut(Schema):
    """Releases of one name, newest first; `next` goes on behind it."""

    items: list[ReleaseOut]
    next: str | None


@router.get("/brands/{ref}/releases", response={200: ReleasesOut, **OF_ONE})
@scope("name.release")
def of_brand(request: DeskRequest, ref: Ref, limit: Limit = 50, after: Ref = "") -> ReleasesOut:
    """List to whom the name of a brand was released."""
    return _list(take(request, Brand, ref), limit, after)


@router.post("/brands/{ref}/releases", response={201: ReleaseOut, **OF_ONE})
@scope("name.release")
def release_of_brand(request: DeskRequest, ref: Ref, asked: ReleaseIn) -> Status[ReleaseOut]:
    """Release the name of a brand to somebody."""
    return _release(request, take(request, Brand, ref), asked)


@router.get("/cases/{ref}/releases", response={200: ReleasesOut, **OF_ONE})
@scope("name.release")
def of_case(request: DeskRequest, ref: Ref, limit: Limit = 50, after: Ref = "") -> ReleasesOut:
    """List to whom the title of a case was released."""
    return _list(take(request, Case, ref), limit, after)


@router.post("/cases/{ref}/releases", response={201: ReleaseOut, **OF_ONE})
@scope("name.release")
def release_of_case(request: DeskRequest, ref: Ref, asked: ReleaseIn) -> Status[ReleaseOut]:
    """Release the title of a case to somebody."""
    return _release(request, take(request, Case, ref), asked)


@router.post("/releases/{ref}/revoke", response={200: ReleaseOut, **OF_ONE})
@scope("name.release")
def revoke(request: DeskRequest, ref: Ref) -> ReleaseOut:
    """End a release at once."""
    made = take(request, NameRelease, ref)
    services.revoke(request.user, made)
    return _out(made)


def _list(what: Brand | Case, limit: int, after: str) -> ReleasesOut:
    """Return the releases of one name."""
    found = NameRelease.objects.of(what).select_related("brand", "case", "to", "by", "end")
    rows, more = newest(found, limit, after)
    return ReleasesOut(items=[_out(one) for one in rows], next=more)


def _release(request: DeskRequest, what: Brand | Case, asked: ReleaseIn) -> Status[ReleaseOut]:
    """Write a release."""
    people = services.candidates(request.user, what)
    to = next((one for one in people if one.pseudonym == asked.to), None)
    if not services.may_release(request.user, what):
        raise UsageError("an approver releases a name, or the owner of the case")
    if to is None:
        raise UsageError("to somebody else, who may know of it", where="to")
    made = services.release(request.user, what, to, asked.why, asked.days)
    request.audit_details = {"release": made.ref, "to": to.pseudonym, "days": asked.days}
    return Status(201, _out(made))


def _out(row: NameRelease) -> ReleaseOut:
    """Return a release as an answer."""
    end = getattr(row, "end", None)
    return ReleaseOut(
        ref=row.ref,
        what=row.what.ref,
        to=row.to.pseudonym,
        why=row.reason,
        by=row.by.pseudonym,
        at=row.at,
        until=row.until,
        revoked_at=end.at if end else None,
    )
