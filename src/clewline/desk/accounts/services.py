"""Every change of accounts. What a link or token lets in with is shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from clewline.desk.accounts.models import (
    AccessChange,
    AccessDecision,
    ApiToken,
    FirstAnswer,
    Invitation,
    Organisation,
    Team,
    User,
)
from clewline.desk.audit import services as audit
from clewline.desk.roles import ACTIONS, WORKERS, Role
from clewline.errors import UsageError

INVITATION_HOURS: Final = 72
TOKEN_DAYS: Final = 365
ANSWER_HOURS: Final = 24
"""How long a request that a program repeats is answered as at first."""
_TOKEN_MARK: Final = "clw_"  # noqa: S105 - how a token begins, so that scanners of secrets find it


def new_pseudonym() -> str:
    """Return a pseudonym such as ``A-48213`` that nobody has."""
    while True:
        name = f"A-{secrets.randbelow(90_000) + 10_000}"
        if not User.objects.filter(pseudonym=name).exists():
            return name


@transaction.atomic
def set_up(organisation: str, team: str, username: str, password: str) -> User:
    """Make the first administrator, with an organisation and a team.

    On a made-up desk the organisation of its people is joined.

    Raises
    ------
    UsageError
        If there is an administrator already.
    """
    if administrators().exists():
        raise UsageError("this desk has an administrator", hint="who makes more accounts")
    home, _ = Organisation.objects.get_or_create(name=organisation)
    Team.objects.get_or_create(organisation=home, name=team)
    user = User.objects.create_user(
        username,
        password,
        organisation=home,
        roles=[Role.ADMINISTRATOR],
        pseudonym=new_pseudonym(),
    )
    audit.write(actor=user.pseudonym, action="desk.set-up", object=organisation)
    return user


def administrators() -> models.QuerySet[User]:
    """Return the administrators who set up or run this desk; made-up people do not count."""
    with_role = [
        user.id
        for user in User.objects.filter(is_active=True)
        if Role.ADMINISTRATOR in user.roles and user.has_usable_password()
    ]
    return User.objects.filter(id__in=with_role)


def add_person(asker: User, username: str, roles: Iterable[str], teams: Iterable[Team]) -> User:
    """Make an account without password or access, and ask for its roles and teams.

    Raises
    ------
    ValidationError
        If the name is taken or the roles do not go together.
    """
    probe = User(username=username, organisation=asker.organisation, pseudonym=new_pseudonym())
    probe.roles = sorted(roles)
    probe.clean()
    user = User.objects.create_user(
        username, organisation=asker.organisation, pseudonym=probe.pseudonym
    )
    ask_for_access(asker, user, probe.roles, teams)
    return user


def ask_for_access(
    asker: User, user: User, roles: Iterable[str], teams: Iterable[Team]
) -> AccessChange:
    """Ask for roles and teams of `user`; grant at once what needs no second person."""
    wanted = User(roles=sorted(roles), partner_id=user.partner_id)
    wanted.clean()
    change = AccessChange.objects.create(
        user=user,
        roles=wanted.roles,
        team_ids=sorted(team.id for team in teams if team.organisation_id == asker.organisation_id),
        asked_by=asker,
    )
    if not needs_second_person(change):
        _apply(change, None, granted=True)
    return change


def needs_second_person(change: AccessChange) -> bool:
    """Tell whether an approver must agree: the change lets read more, and there is one to ask."""
    user = change.user
    more_roles = set(change.roles) & {*WORKERS, Role.PARTNER} - set(user.roles)
    more_teams = set(change.team_ids) - set(user.teams.values_list("id", flat=True))
    reads_more = bool(more_roles or (more_teams and set(change.roles) & WORKERS))
    return reads_more and any(may_decide(person, change) for person in _approvers(change))


def may_decide(person: User, change: AccessChange) -> bool:
    """Tell whether `person` may agree to a change: an approver who neither asked nor gains."""
    return (
        person.is_active
        and Role.APPROVER in person.roles
        and person.organisation_id == change.user.organisation_id
        and person.id not in (change.user_id, change.asked_by_id)
    )


def decide(person: User, change: AccessChange, *, granted: bool) -> None:
    """Grant or refuse a change that waits.

    Raises
    ------
    UsageError
        If `person` may not decide, or somebody did.
    """
    if not may_decide(person, change) or hasattr(change, "decision"):
        raise UsageError("this change is not yours to decide, or decided already")
    _apply(change, person, granted=granted)


def _apply(change: AccessChange, by: User | None, *, granted: bool) -> None:
    """Write the decision and, if granted, the roles and teams."""
    AccessDecision.objects.create(change=change, granted=granted, by=by)
    if granted:
        user = change.user
        user.roles = change.roles
        user.sessions_from += 1
        user.save(update_fields=["roles", "sessions_from"])
        user.teams.set(change.team_ids)


def _approvers(change: AccessChange) -> Iterable[User]:
    """Return everybody who could be asked."""
    return User.objects.filter(organisation=change.user.organisation, is_active=True)


def invite(user: User) -> str:
    """Return the secret of a fresh link for setting a password; earlier ones stop working."""
    user.invitations.filter(used_at__isnull=True).delete()
    secret = secrets.token_urlsafe(24)
    Invitation.objects.create(
        user=user,
        digest=digest(secret),
        expires_at=timezone.now() + timedelta(hours=INVITATION_HOURS),
    )
    return secret


def invited(secret: str) -> Invitation | None:
    """Return the invitation that a secret belongs to, if it still counts."""
    return Invitation.objects.filter(
        digest=digest(secret),
        used_at__isnull=True,
        expires_at__gt=timezone.now(),
        user__is_active=True,
    ).first()


def accept(invitation: Invitation, password: str) -> User:
    """Set the password that somebody chose, and sign them out everywhere else."""
    user = invitation.user
    user.set_password(password)
    user.sessions_from += 1
    user.save(update_fields=["password", "sessions_from"])
    invitation.used_at = timezone.now()
    invitation.save(update_fields=["used_at"])
    return user


def reset(user: User) -> str:
    """Take away password and second factors, and return the secret of a link to set them anew."""
    Authenticator.objects.filter(user=user).delete()
    user.set_unusable_password()
    user.sessions_from += 1
    user.save(update_fields=["password", "sessions_from"])
    return invite(user)


def set_active(user: User, *, active: bool) -> None:
    """Let somebody in or out; out is at once."""
    user.is_active = active
    user.sessions_from += 1
    user.save(update_fields=["is_active", "sessions_from"])
    if not active:
        user.tokens.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())


def sign_out_everywhere(user: User) -> None:
    """End every session of a person."""
    user.sessions_from += 1
    user.save(update_fields=["sessions_from"])


def new_token(user: User, name: str, scopes: Iterable[str], days: int) -> str:
    """Make an API token and return it; it is shown this once.

    Raises
    ------
    UsageError
        If a scope is no action that `user` may do, or the days are not 1 to 365.
    """
    wanted = sorted(set(scopes))
    if not 1 <= days <= TOKEN_DAYS:
        raise UsageError(f"a token lasts 1 to {TOKEN_DAYS} days")
    if not wanted or not all(scope in ACTIONS and user.may(scope) for scope in wanted):
        raise UsageError("scopes are actions that you may do yourself")
    token = _TOKEN_MARK + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        user=user,
        name=name,
        digest=digest(token),
        scopes=wanted,
        expires_at=timezone.now() + timedelta(days=days),
    )
    return token


def revoke(token: ApiToken) -> None:
    """End a token."""
    token.revoked_at = token.revoked_at or timezone.now()
    token.save(update_fields=["revoked_at"])


def find_token(token: str) -> ApiToken | None:
    """Return the token that lets in, with its owner; None for any other text."""
    found = (
        ApiToken.objects.select_related("user")
        .filter(digest=digest(token), user__is_active=True)
        .first()
    )
    return found if found and found.is_valid else None


def forget_answers() -> int:
    """Delete the first answers that are kept no longer; return how many."""
    before = timezone.now() - timedelta(hours=ANSWER_HOURS)
    return FirstAnswer.objects.filter(at__lte=before).delete()[0]


def made_up_people() -> list[User]:
    """Return who may be stepped in for, without a password; nobody but on a made-up desk."""
    if not settings.HOME.is_play:
        return []
    people = User.objects.filter(is_active=True).order_by("id")
    return [user for user in people if not user.has_usable_password()]


def digest(secret: str) -> str:
    """Return the hash under which a secret is kept that is random enough for a quick one."""
    return hashlib.sha256(secret.encode()).hexdigest()
