"""Cases that a token's owner is a member of. Titles and notes are sealed and not here."""

from __future__ import annotations

from ninja import Router, Status

from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    CaseOut,
    CasesOut,
    LinkedOut,
    LinkIn,
    NewCaseIn,
    Ref,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.cases import queries, services
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, take

router = Router(tags=["cases"])


@router.get("/cases", response={200: CasesOut, **ERRORS})
@scope("case.list")
def cases(request: DeskRequest) -> CasesOut:
    """List one's own cases, newest first."""
    rows = (
        Case.objects.visible_to(request.user)
        .select_related("owner", "team")
        .order_by("-opened_at", "-id")
    )
    return CasesOut(items=[out(request, row) for row in rows])


@router.post("/cases", response={201: CaseOut, **ERRORS})
@scope("case.open")
def open_case(request: DeskRequest, asked: NewCaseIn) -> Status[CaseOut]:
    """Open a case; whose token it is owns it and is its first member."""
    team, given = own_team(request, asked.team), asked.dict(exclude={"team"})
    made = services.open_case(request.user, team, **given)
    request.audit_object = made.ref
    return Status(201, out(request, made, whole=True))


@router.get("/cases/{ref}", response={200: CaseOut, **OF_ONE})
@scope("case.read")
def case(request: DeskRequest, ref: Ref) -> CaseOut:
    """Read a case and what belongs to it."""
    return out(request, take(request, Case, ref), whole=True)


@router.post("/cases/{ref}/links", response={201: CaseOut, **OF_ONE})
@scope("case.link")
def link(request: DeskRequest, ref: Ref, asked: LinkIn) -> Status[CaseOut]:
    """Add an address, transaction, sighting or brand to a case."""
    found = take(request, Case, ref)
    made = services.link(request.user, found, asked.what, asked.why)
    request.audit_details = {} if found.sealed else {"link": services.name_of(made)}
    return Status(201, out(request, found, whole=True))


def out(request: DeskRequest, row: Case, *, whole: bool = False) -> CaseOut:
    """Return a case as an answer, with its links if it is asked for alone."""
    return CaseOut(
        ref=row.ref,
        codename=row.codename,
        team=row.team.name,
        owner=row.owner.pseudonym,
        state=row.state,
        sealed=row.sealed,
        legal_basis=row.legal_basis,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        links=[
            LinkedOut(kind=one["kind"], name=one["name"], why=one["link"].why)
            for one in queries.links(request.user, row)
        ]
        if whole
        else [],
    )
