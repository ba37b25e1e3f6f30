"""People of one's organisation: pseudonyms, roles, teams. No secret of an account is here."""

from __future__ import annotations

from ninja import Router, Schema

from clewline.desk.accounts.models import User
from clewline.desk.api.schemas import ERRORS
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest

router = Router(tags=["people"])


class PersonOut(Schema):
    """Somebody with an account; `active` says whether it lets in."""

    pseudonym: str
    roles: list[str]
    teams: list[str]
    active: bool


class PeopleOut(Schema):
    """The people of one's organisation, by pseudonym."""

    items: list[PersonOut]


@router.get("/people", response={200: PeopleOut, **ERRORS})
@scope("people.list")
def people(request: DeskRequest) -> PeopleOut:
    """List the accounts of one's organisation with roles and teams."""
    found = User.objects.filter(organisation=request.user.organisation_id)
    rows = found.prefetch_related("teams").order_by("pseudonym")
    return PeopleOut(
        items=[
            PersonOut(
                pseudonym=one.pseudonym,
                roles=one.roles,
                teams=sorted(team.name for team in one.teams.all()),
                active=one.is_active,
            )
            for one in rows
        ]
    )
