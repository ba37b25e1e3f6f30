"""What partners gave: files in quarantine, reviewed item by item. Nothing of it is a record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Count, Q
from django.http import Http404
from ninja import Router, Schema
from pydantic import Field

from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import OF_ONE, Flag, Limit, Line, Ref, Strict
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.received import services
from clewline.desk.received.models import ReceivedFile, ReceivedItem

router = Router(tags=["received"])
Position = Annotated[int, Field(ge=0, le=2**31 - 1)]


class ReceivedOut(Schema):
    """A file of a partner."""

    ref: str
    partner: str
    format: str
    sha256: str
    issuer: str
    version: int
    made_at: datetime
    at: datetime


class CountedOut(ReceivedOut):
    """A file of a partner, and how many of its items wait for a person."""

    items: int
    waiting: int


class ReceivedListOut(Schema):
    """Files, newest first; `next` goes on behind it."""

    items: list[CountedOut]
    next: str | None


class ReceivedItemOut(Schema):
    """An item as the file says it; `used` is what a person made of it."""

    position: int
    said: dict[str, Any]
    used: bool | None
    by: str | None


class ReceivedItemsOut(Schema):
    """Items in order; `next` is the position behind which it goes on."""

    file: ReceivedOut
    items: list[ReceivedItemOut]
    next: int | None


class ReviewIn(Strict):
    """Whether an item was used, or set aside."""

    used: Flag
    reason: Line = ""


@router.get("/received", response={200: ReceivedListOut, **OF_ONE})
@scope("received.list")
def received(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> ReceivedListOut:
    """List files that partners of one's teams gave."""
    found = ReceivedFile.objects.visible_to(request.user).select_related("partner")
    counted: Any = found.annotate(
        waiting=Count("items", filter=Q(items__review=None)), total=Count("items")
    )
    rows: list[Any]
    rows, more = newest(counted, limit, after)
    items = [CountedOut(items=one.total, waiting=one.waiting, **_facts(one)) for one in rows]
    return ReceivedListOut(items=items, next=more)


@router.get("/received/{ref}", response={200: ReceivedItemsOut, **OF_ONE})
@scope("received.read")
def received_file(
    request: DeskRequest, ref: Ref, limit: Limit = 50, after: Position = 0
) -> ReceivedItemsOut:
    """Read the items of a file."""
    found = take(request, ReceivedFile, ref)
    rows = found.items.filter(position__gt=after).select_related("review__by")
    some = list(rows.order_by("position")[: limit + 1])
    more = some[limit - 1].position if len(some) > limit else None
    items = [_item(one) for one in some[:limit]]
    return ReceivedItemsOut(file=ReceivedOut(**_facts(found)), items=items, next=more)


@router.post("/received/{ref}/{position}", response={200: ReceivedItemOut, **OF_ONE})
@scope("received.review")
def review(request: DeskRequest, ref: Ref, position: Position, said: ReviewIn) -> ReceivedItemOut:
    """Write down what a person made of an item."""
    found = take(request, ReceivedFile, ref)
    item = ReceivedItem.objects.filter(file=found, position=position).first()
    if item is None:
        raise Http404
    request.audit_details = {"position": position, "used": said.used}
    services.review(request.user, item, used=said.used, reason=said.reason)
    return _item(item)


def _facts(row: ReceivedFile) -> dict[str, Any]:
    """Return what is told of a file."""
    own = {"partner": row.partner.ref}
    return {name: getattr(row, name) for name in ReceivedOut.model_fields if name not in own} | own


def _item(row: ReceivedItem) -> ReceivedItemOut:
    """Return an item as an answer."""
    done = getattr(row, "review", None)
    return ReceivedItemOut(
        position=row.position,
        said=row.said,
        used=done.used if done else None,
        by=done.by.pseudonym if done else None,
    )
