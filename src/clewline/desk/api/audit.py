"""The audit log, for auditors."""

from __future__ import annotations

from typing import Annotated

from ninja import Router
from pydantic import Field

from clewline.desk.api.schemas import ERRORS, EventOut, EventsOut, Limit
from clewline.desk.api.token import scope
from clewline.desk.audit.models import Event
from clewline.desk.door import DeskRequest

router = Router(tags=["audit"])
_NAMES = tuple(EventOut.model_fields)


@router.get("/audit", response={200: EventsOut, **ERRORS})
@scope("audit.read")
def events(
    request: DeskRequest,
    after: Annotated[int, Field(ge=0, le=2**62)] = 0,
    limit: Limit = 50,
) -> EventsOut:
    """Read the audit log in order, behind the event numbered `after`."""
    request.audit_details = {"after": after}
    rows = list(Event.objects.filter(seq__gt=after).order_by("seq").values(*_NAMES)[: limit + 1])
    more = int(rows[limit - 1]["seq"]) if len(rows) > limit else None
    return EventsOut(items=[EventOut(**row) for row in rows[:limit]], next=more)
