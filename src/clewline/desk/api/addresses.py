"""What one's teams say of an address."""

from __future__ import annotations

from typing import Annotated

from django.http import Http404
from ninja import Router, Status
from pydantic import Field

from clewline import vocab
from clewline.desk.addresses import services
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    AddressStatusIn,
    AddressStatusOut,
    AttributionIn,
    AttributionOut,
    SaidOut,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest
from clewline.desk.records.models import AddressStatus, Attribution
from clewline.errors import UsageError

router = Router(tags=["addresses"])


@router.get("/addresses", response={200: SaidOut, **OF_ONE})
@scope("address.read")
def said(
    request: DeskRequest,
    chain: Annotated[str, Field(max_length=30, pattern=r"^[^\x00]*$")],
    canonical: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")],
    network: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] = "main",
) -> SaidOut:
    """Read what one's teams attribute to an address, and whether they stand by it."""
    request.audit_object = canonical
    key = {"address__canonical": canonical, "address__chain": chain, "address__network": network}
    attributions = Attribution.objects.visible_to(request.user).filter(**key)
    statuses = AddressStatus.objects.visible_to(request.user).filter(**key)
    found = SaidOut(
        attributions=[
            _attribution(row) for row in attributions.select_related("team", "by").order_by("id")
        ],
        statuses=[_status(row) for row in statuses.select_related("team", "by").order_by("id")],
    )
    if not found.attributions and not found.statuses:
        raise Http404
    return found


@router.post("/addresses/attributions", response={201: AttributionOut, **ERRORS})
@scope("address.attribute")
def attribute(request: DeskRequest, asked: AttributionIn) -> Status[AttributionOut]:
    """Say who holds an address."""
    if asked.category and asked.category not in vocab.categories():
        raise UsageError("is no category", where="category", hint="docs/VOCABULARY.md")
    if asked.confidence not in vocab.confidences():
        known = ", ".join(vocab.confidences())
        raise UsageError(f"is none of: {known}", where="confidence")
    request.audit_object = asked.canonical
    made = services.attribute(
        request.user,
        own_team(request, asked.team),
        (asked.chain, asked.network, asked.canonical),
        **asked.dict(exclude={"chain", "network", "canonical", "team"}),
    )
    return Status(201, _attribution(made))


@router.post("/addresses/statuses", response={201: AddressStatusOut, **ERRORS})
@scope("address.status")
def set_status(request: DeskRequest, asked: AddressStatusIn) -> Status[AddressStatusOut]:
    """Dispute or withdraw an address, or stand by it again."""
    request.audit_object = asked.canonical
    key = (asked.chain, asked.network, asked.canonical)
    team = own_team(request, asked.team)
    made = services.set_status(request.user, team, key, asked.status, asked.reason)
    return Status(201, _status(made))


def _attribution(row: Attribution) -> AttributionOut:
    """Return an attribution as an answer."""
    same = set(AttributionOut.model_fields) - {"team", "by"}
    own = {name: getattr(row, name) for name in same}
    return AttributionOut(team=row.team.name, by=row.by.pseudonym, **own)


def _status(row: AddressStatus) -> AddressStatusOut:
    """Return a status as an answer."""
    return AddressStatusOut(
        team=row.team.name, status=row.status, reason=row.reason, by=row.by.pseudonym, at=row.at
    )
