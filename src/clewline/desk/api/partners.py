"""Partners by codename, and their terms. Name and contact are sealed on arrival and not here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.accounts.models import Team
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    CallIn,
    Limit,
    Line,
    Ref,
    Said,
    Short,
    Strict,
    WordOf,
)
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.partners import services
from clewline.desk.partners.models import Partner
from clewline.errors import UsageError

router = Router(tags=["partners"])
Hours = Annotated[int, Field(ge=1, le=2000, strict=True)]


class TermsIn(Strict):
    """What two people agree to."""

    kind: Annotated[str, WordOf("partner_kind"), Field(min_length=1)]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    clearance: Annotated[str, WordOf("tlp"), Field(min_length=1)] = "green"
    pap: Annotated[str, WordOf("pap"), Field(min_length=1)] = "green"
    hours: Hours = 72
    urgent_hours: Hours = 4
    handling: Annotated[
        tuple[Annotated[str, WordOf("handling"), Field(min_length=1)], ...], Field(max_length=20)
    ] = ()
    purposes: Annotated[
        tuple[Annotated[str, WordOf("purpose"), Field(min_length=1)], ...],
        Field(min_length=1, max_length=20),
    ]


class NewPartnerIn(TermsIn):
    """A new partner, which waits for a second person."""

    team: Short = ""
    codename: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    contact: Line = ""


class ChangedTermsIn(TermsIn):
    """Other terms, all of them, and why."""

    reason: Said


class AgreedTermsIn(Strict):
    """What is said where terms are agreed to."""

    reason: Line = ""


class StopIn(Strict):
    """Whether a partner is suspended or ended, and why."""

    standing: Annotated[str, Field(pattern="^(suspended|ended)$")]
    reason: Said


class StandingOut(Schema):
    """What became of a partner's standing."""

    standing: str
    reason: str
    by: str
    at: datetime


class PartnerOut(Schema):
    """A partner by its codename; `changes` only where one partner is asked for."""

    ref: str
    codename: str
    team: str
    kind: str
    country: str
    standing: str
    clearance: str
    pap: str
    handling: list[str]
    purposes: list[str]
    hours: int
    urgent_hours: int
    terms_by: str
    terms_at: datetime
    changes: list[StandingOut]


class PartnersOut(Schema):
    """Partners of one's organisation, newest first; `next` goes on behind it."""

    items: list[PartnerOut]
    next: str | None


@router.get("/partners", response={200: PartnersOut, **OF_ONE})
@scope("partner.list")
def partners(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> PartnersOut:
    """List the partners of one's organisation."""
    found = Partner.objects.visible_to(request.user).select_related("team", "terms_by")
    rows, more = newest(found, limit, after)
    return PartnersOut(items=[_out(one) for one in rows], next=more)


@router.post("/partners", response={201: PartnerOut, **ERRORS})
@scope("partner.keep")
def enter(request: DeskRequest, asked: NewPartnerIn) -> Status[PartnerOut]:
    """Enter a partner; a second person agrees to its terms after a call back."""
    teams = Team.objects.filter(organisation=request.user.organisation_id)
    if asked.team:
        teams = teams.filter(name=asked.team)
    if (team := teams.order_by("name", "pk").first()) is None:
        raise UsageError("no team of your organisation", where="team")
    made = services.enter(request.user, team, **_terms(asked.dict(exclude={"team"})))
    request.audit_object = made.ref
    return Status(201, _out(made, whole=True))


@router.get("/partners/{ref}", response={200: PartnerOut, **OF_ONE})
@scope("partner.read")
def partner(request: DeskRequest, ref: Ref) -> PartnerOut:
    """Read a partner, its terms and what became of its standing."""
    return _out(take(request, Partner, ref), whole=True)


@router.post("/partners/{ref}/terms", response={200: PartnerOut, **OF_ONE})
@scope("partner.keep")
def terms(request: DeskRequest, ref: Ref, asked: ChangedTermsIn) -> PartnerOut:
    """Change a partner's terms; until a second person agrees it is told nothing."""
    found = take(request, Partner, ref)
    request.audit_details = {"reason": asked.reason}
    services.change_terms(request.user, found, **_terms(asked.dict()))
    return _out(found, whole=True)


@router.post("/partners/{ref}/call", response={200: PartnerOut, **OF_ONE})
@scope("partner.call")
def call(request: DeskRequest, ref: Ref, said: CallIn) -> PartnerOut:
    """Log a call back."""
    found = take(request, Partner, ref)
    request.audit_details = {"confirmed": said.confirmed}
    services.log_call(request.user, found, said.how, confirmed=said.confirmed)
    return _out(found, whole=True)


@router.post("/partners/{ref}/agree", response={200: PartnerOut, **OF_ONE})
@scope("partner.decide")
def agree(request: DeskRequest, ref: Ref, said: AgreedTermsIn) -> PartnerOut:
    """Agree to a partner's terms that somebody else entered."""
    found = take(request, Partner, ref)
    services.activate(request.user, found, said.reason)
    request.audit_details = {"terms": {name: getattr(found, name) for name in services.TERMS}}
    return _out(found, whole=True)


@router.post("/partners/{ref}/stop", response={200: PartnerOut, **OF_ONE})
@scope("partner.keep")
def stop(request: DeskRequest, ref: Ref, asked: StopIn) -> PartnerOut:
    """Suspend or end a partner, at once."""
    found = take(request, Partner, ref)
    request.audit_details = asked.dict()
    services.stop(request.user, found, **asked.dict())
    return _out(found, whole=True)


def _terms(asked: dict[str, Any]) -> dict[str, Any]:
    """Return terms as they are kept: lists, not tuples."""
    return {name: list(one) if isinstance(one, tuple) else one for name, one in asked.items()}


def _out(row: Partner, *, whole: bool = False) -> PartnerOut:
    """Return a partner as an answer, with its past if it is asked for alone."""
    own = {"team", "terms_by", "changes"}
    return PartnerOut(
        team=row.team.name,
        terms_by=row.terms_by.pseudonym,
        changes=[
            StandingOut(standing=one.standing, reason=one.reason, by=one.by.pseudonym, at=one.at)
            for one in row.changes.select_related("by").order_by("-at", "-id")
        ]
        if whole
        else [],
        **{name: getattr(row, name) for name in PartnerOut.model_fields if name not in own},
    )
