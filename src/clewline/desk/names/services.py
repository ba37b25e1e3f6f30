"""Release a real name to somebody, revoke that, open a name: counted as a reveal."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Case
from clewline.desk.names.models import NameRelease, NameReleaseEnd
from clewline.desk.records.models import Brand
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.desk.welfare import services as welfare
from clewline.errors import UsageError

LONGEST_DAYS: Final = 90
REVEALS: Final = "brand.reveal"
"""The action of those who may open names at all."""


def may_release(user: User, what: Brand | Case) -> bool:
    """Tell whether `user` may say who opens a name: an approver, or the owner of the case."""
    return Role.APPROVER in user.roles or (isinstance(what, Case) and what.owner_id == user.pk)


def may_open(user: User, what: Brand | Case) -> bool:
    """Tell whether the name was released to `user`; the owner of a case gave it its title."""
    if isinstance(what, Case) and what.owner_id == user.pk:
        return True
    return NameRelease.objects.of(what).standing().filter(to=user).exists()


def candidates(user: User, what: Brand | Case) -> list[User]:
    """Return to whom `user` may release: others who may know of it, and whose roles open names."""
    if isinstance(what, Case):
        there = what.members.filter(until__isnull=True).values("user")
        people = User.objects.filter(pk__in=there).exclude(pk=what.owner_id)
    else:
        people = User.objects.filter(teams=what.team)
    people = people.filter(is_active=True).exclude(pk=user.pk).order_by("pseudonym")
    return [one for one in people if one.may(REVEALS)]


@transaction.atomic
def release(user: User, what: Brand | Case, to: User, reason: str, days: int) -> NameRelease:
    """Let somebody open a name for some days.

    Raises
    ------
    UsageError
        If it is not `user`'s to release, to themselves, to somebody who could not know of it, or
        for more than 90 days.
    """
    require_text(reason, "reason")
    if not may_release(user, what):
        raise UsageError("an approver releases a name, or the owner of the case")
    if to not in candidates(user, what):
        raise UsageError("to somebody else, who may know of it", where="to")
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"1 to {LONGEST_DAYS} days", where="days")
    of = {"brand": what} if isinstance(what, Brand) else {"case": what}
    until = timezone.now() + timedelta(days=days)
    return NameRelease.objects.create(to=to, reason=reason, by=user, until=until, **of)


def revoke(user: User, made: NameRelease) -> NameReleaseEnd:
    """End a release at once.

    Raises
    ------
    UsageError
        If it is not `user`'s to end, or is over.
    """
    if not may_release(user, made.what):
        raise UsageError("an approver revokes a release, or the owner of the case")
    try:
        with transaction.atomic():
            return NameReleaseEnd.objects.create(release=made, by=user)
    except IntegrityError:
        raise UsageError("it was revoked already", where=made.ref) from None


def open_name(user: User, what: Brand | Case, reason: str, *, go_on: bool) -> welfare.Opened:
    """Open a real name that was released to `user`; it counts among their reveals.

    Raises
    ------
    UsageError
        If it was not released to them, there is no reason, or the day's limit was not confirmed.
    """
    if not may_open(user, what):
        raise UsageError("not released to you", where=what.ref)
    return welfare.reveal_name(user, what, reason, go_on=go_on)
