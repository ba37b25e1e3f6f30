"""Disputes of listings. Who disputes, and on which grounds, is sealed and not here."""

from __future__ import annotations

from django.http import Http404
from ninja import Router, Status

from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    AddressOut,
    DisputeDecisionIn,
    DisputeIn,
    DisputeOut,
    DisputeProposalIn,
    DisputeProposalOut,
    DisputeReplyIn,
    DisputesOut,
    DisputeTakenIn,
    Limit,
    Ref,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.disputes import queries, services
from clewline.desk.disputes.models import Dispute, Proposal
from clewline.desk.door import DeskRequest, take

router = Router(tags=["disputes"])


@router.get("/disputes", response={200: DisputesOut, **OF_ONE})
@scope("dispute.list")
def disputes(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> DisputesOut:
    """List disputes of one's teams, newest first, behind the one called `after`."""
    rows, more = newest(queries.listed(request.user), limit, after)
    return DisputesOut(items=[_out(row) for row in rows], next=more)


@router.get("/disputes/{ref}", response={200: DisputeOut, **OF_ONE})
@scope("dispute.read")
def dispute(request: DeskRequest, ref: Ref) -> DisputeOut:
    """Read a dispute and what was proposed and decided, oldest first."""
    return _out(take(request, Dispute, ref))


@router.post("/disputes", response={201: DisputeOut, **ERRORS})
@scope("dispute.open")
def enter(request: DeskRequest, asked: DisputeIn) -> Status[DisputeOut]:
    """Enter what somebody disputes."""
    team = own_team(request, asked.team)
    made = services.enter(request.user, team, **asked.dict(exclude={"team"}))
    request.audit_object = made.ref
    return Status(201, _out(made))


@router.post("/disputes/{ref}/address", response={201: DisputeOut, **OF_ONE})
@scope("dispute.take")
def take_up(request: DeskRequest, ref: Ref, asked: DisputeTakenIn) -> Status[DisputeOut]:
    """Say which address it is about."""
    found = take(request, Dispute, ref)
    services.take_up(request.user, found, asked.named)
    return Status(201, _out(take(request, Dispute, ref)))


@router.post("/disputes/{ref}/proposals", response={201: DisputeOut, **OF_ONE})
@scope("dispute.propose")
def propose(request: DeskRequest, ref: Ref, asked: DisputeProposalIn) -> Status[DisputeOut]:
    """Propose an outcome; somebody else decides."""
    found = take(request, Dispute, ref)
    request.audit_details = {"outcome": asked.outcome, "correction": asked.correction}
    services.propose(request.user, found, **asked.dict())
    return Status(201, _out(found))


@router.post("/disputes/{ref}/decisions", response={201: DisputeOut, **OF_ONE})
@scope("dispute.decide")
def decide(request: DeskRequest, ref: Ref, asked: DisputeDecisionIn) -> Status[DisputeOut]:
    """Agree to the outcome that was proposed, which does it, or send it back."""
    found = take(request, Dispute, ref)
    proposal = services.waiting_proposal(found)
    if proposal is None:
        raise Http404
    request.audit_details = {"agreed": asked.agreed, "outcome": proposal.outcome}
    services.decide(request.user, proposal, **asked.dict())
    return Status(201, _out(found))


@router.post("/disputes/{ref}/reply", response={201: DisputeOut, **OF_ONE})
@scope("dispute.answer")
def note_reply(request: DeskRequest, ref: Ref, asked: DisputeReplyIn) -> Status[DisputeOut]:
    """Note that whoever disputed was answered; people send the answer themselves."""
    found = take(request, Dispute, ref)
    services.note_reply(request.user, found, asked.how)
    return Status(201, _out(take(request, Dispute, ref)))


def _out(row: Dispute) -> DisputeOut:
    """Return a dispute as an answer."""
    same = ("ref", "disputer_kind", "channel", "received_on", "due_on")
    address = row.taking.address if hasattr(row, "taking") else None
    return DisputeOut(
        team=row.team.name,
        state=queries.state_of(row),
        address=AddressOut.from_orm(address) if address else None,
        proposals=[_proposal(one) for one in row.proposals.all()],
        **{name: getattr(row, name) for name in same},
    )


def _proposal(row: Proposal) -> DisputeProposalOut:
    """Return a proposal as an answer."""
    decision = getattr(row, "decision", None)
    same = ("outcome", "correction", "valid_until", "reason")
    return DisputeProposalOut(
        by=row.by.pseudonym,
        agreed=decision.agreed if decision else None,
        decided_by=decision.by.pseudonym if decision else None,
        **{name: getattr(row, name) for name in same},
    )
