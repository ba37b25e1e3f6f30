"""Policies: which is in force, what another would answer differently, and who agreed to it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.schemas import ERRORS, OF_ONE, Flag, Said, Strict
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest
from clewline.desk.partners import policies
from clewline.desk.partners.models import PolicyVersion
from clewline.desk.partners.policy_views import take_version
from clewline.desk.partners.replaying import replay

router = Router(tags=["policies"])
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
_SHOWN = 200


class PolicyIn(Strict):
    """Another policy as YAML, with a higher version, and why."""

    text: Annotated[str, Field(min_length=1, max_length=100_000, pattern=r"^[^\x00]*$")]
    reason: Said


class AdoptionIn(Strict):
    """Whether a policy is adopted."""

    adopted: Flag


class VersionOut(Schema):
    """A version, by its number in the organisation; `adopted` is None while it waits."""

    number: int
    policy: str
    sha256: str
    reason: str
    by: str
    at: datetime
    adopted: bool | None
    decided_by: str | None


class PoliciesOut(Schema):
    """The policy in force: its name and its file; and every version, the first first."""

    policy: str
    text: str
    versions: list[VersionOut]


class DifferentOut(Schema):
    """A field of something answered before that comes out otherwise, by which rules."""

    record: str
    field: str
    before: str
    after: str
    rule: str
    tells_more: bool


class ReplayOut(VersionOut):
    """A version with what it would have answered differently, what tells more first.

    Of `tried` records of the newest look-ups and alerts `differing` fields come out otherwise; the
    first 200 are `differences`. `is_all` says whether nothing of the past was left out.
    """

    text: str
    tried: int
    is_all: bool
    differing: int
    differences: list[DifferentOut]


@router.get("/policies", response={200: PoliciesOut, **ERRORS})
@scope("policy.read")
def in_force(request: DeskRequest) -> PoliciesOut:
    """Read the policy in force, and which versions there are."""
    organisation = request.user.organisation_id
    found = enumerate(policies.versions(request.user), 1)
    return PoliciesOut(
        policy=policies.policy_of(organisation).id,
        text=policies.text_in_force(organisation),
        versions=[_version(number, one) for number, one in found],
    )


@router.post("/policies", response={201: VersionOut, **ERRORS})
@scope("policy.propose")
def propose(request: DeskRequest, asked: PolicyIn) -> Status[VersionOut]:
    """Put a policy before a second person."""
    made = policies.propose(request.user, asked.text, asked.reason)
    request.audit_details = {"policy": policies.policy_in(made).id}
    return Status(201, _version(len(policies.versions(request.user)), made))


@router.get("/policies/{number}", response={200: ReplayOut, **OF_ONE})
@scope("policy.read")
def version(request: DeskRequest, number: Number) -> ReplayOut:
    """Read a version, and what it would have answered differently."""
    made = take_version(request, number)
    old = policies.before(request.user.organisation_id, made)
    tried = replay(request.user, old, policies.policy_in(made))
    return ReplayOut(
        text=made.text,
        tried=tried.tried,
        is_all=tried.is_all,
        differing=len(tried.found),
        differences=[
            DifferentOut(
                record=one.name,
                field=one.field,
                before=one.before.verdict,
                after=one.after.verdict,
                rule=one.after.rule,
                tells_more=one.tells_more,
            )
            for one in tried.found[:_SHOWN]
        ],
        **_version(number, made).dict(),
    )


@router.post("/policies/{number}/decide", response={200: VersionOut, **OF_ONE})
@scope("policy.decide")
def decide(request: DeskRequest, number: Number, said: AdoptionIn) -> VersionOut:
    """Adopt a policy that somebody else proposed, or turn it down."""
    made = take_version(request, number)
    policies.decide(request.user, made, adopted=said.adopted)
    request.audit_details = {"policy": policies.policy_in(made).id, "adopted": said.adopted}
    return _version(number, made)


def _version(number: int, row: PolicyVersion) -> VersionOut:
    """Return a version as an answer."""
    decision = getattr(row, "decision", None)
    return VersionOut(
        number=number,
        policy=policies.policy_in(row).id,
        sha256=row.sha256,
        reason=row.reason,
        by=row.by.pseudonym,
        at=row.at,
        adopted=decision.adopted if decision else None,
        decided_by=decision.by.pseudonym if decision else None,
    )
