"""Whose token this is."""

from __future__ import annotations

from ninja import Router

from clewline.desk.api.schemas import ERRORS, Me
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest

router = Router(tags=["account"])


@router.get("/me", response={200: Me, **ERRORS})
@scope("account.read")
def me(request: DeskRequest) -> Me:
    """Say whose token this is and what it may do."""
    token = request.api_token
    assert token is not None
    return Me(
        pseudonym=request.user.pseudonym,
        organisation=request.user.organisation.name,
        teams=list(request.user.teams.order_by("name").values_list("name", flat=True)),
        roles=request.user.roles,
        scopes=token.scopes,
        expires_at=token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
