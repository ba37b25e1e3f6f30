"""The team that a request names."""

from __future__ import annotations

from clewline.desk.accounts.models import Team
from clewline.desk.door import DeskRequest
from clewline.errors import UsageError


def named_team(request: DeskRequest, name: str) -> Team | None:
    """Return one's team of that name; None where none is named.

    Raises
    ------
    UsageError
        If none of one's teams is called so.
    """
    if not name:
        return None
    team = request.user.teams.filter(name=name).first()
    if team is None:
        raise UsageError("not a team of yours", where="team")
    return team


def own_team(request: DeskRequest, name: str) -> Team:
    """Return one's team of that name; the first where none is named.

    Raises
    ------
    UsageError
        If there is none.
    """
    team = named_team(request, name) or request.user.teams.order_by("id").first()
    if team is None:
        raise UsageError("who records belongs to a team", where="team")
    return team
