"""Every change of accounts."""

from __future__ import annotations

import secrets

from django.db import transaction

from clewline.desk.accounts.models import Organisation, Team, User
from clewline.desk.audit import services as audit
from clewline.desk.roles import Role
from clewline.errors import UsageError


def new_pseudonym() -> str:
    """Return a pseudonym such as ``A-4821`` that nobody has."""
    while True:
        name = f"A-{secrets.randbelow(9000) + 1000}"
        if not User.objects.filter(pseudonym=name).exists():
            return name


@transaction.atomic
def set_up(organisation: str, team: str, username: str, password: str) -> User:
    """Make the first administrator, with an organisation and a team.

    Raises
    ------
    UsageError
        If there is an account already.
    """
    if User.objects.exists():
        raise UsageError("this desk has accounts already", hint="an administrator makes more")
    home = Organisation.objects.create(name=organisation)
    Team.objects.create(organisation=home, name=team)
    user = User.objects.create_user(
        username,
        password,
        organisation=home,
        roles=[Role.ADMINISTRATOR],
        pseudonym=new_pseudonym(),
    )
    audit.write(actor=user.pseudonym, action="desk.set-up", object=organisation)
    return user
