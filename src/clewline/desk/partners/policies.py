"""Under which policy an organisation answers: its own if two people adopted one, or the default."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from django.db import IntegrityError, transaction

from clewline.desk.accounts.models import User
from clewline.desk.partners.models import PolicyDecision, PolicyVersion
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.errors import UsageError
from clewline.policy import Policy, default, read
from clewline.policy.files import default_text


def policy_of(organisation_id: int) -> Policy:
    """Return the policy under which an organisation answers now."""
    return before(organisation_id)


def before(organisation_id: int, version: PolicyVersion | None = None) -> Policy:
    """Return the policy that a version would follow, or followed; without one, that in force."""
    adopted = PolicyVersion.objects.filter(organisation=organisation_id, decision__adopted=True)
    if version is not None:
        adopted = adopted.filter(pk__lt=version.pk)
    latest = adopted.order_by("-id").first()
    return policy_in(latest) if latest is not None else default()


def policy_in(version: PolicyVersion) -> Policy:
    """Return the policy of a version."""
    return _read(version.text)


def text_in_force(organisation_id: int) -> str:
    """Return the file of the policy in force, to change it."""
    adopted = PolicyVersion.objects.filter(organisation=organisation_id, decision__adopted=True)
    latest = adopted.order_by("-id").first()
    return latest.text if latest is not None else default_text()


def versions(user: User) -> list[PolicyVersion]:
    """Return the versions of the organisation of `user`, the first first."""
    found = PolicyVersion.objects.filter(organisation=user.organisation_id)
    return list(found.select_related("by", "decision__by").order_by("id"))


def propose(user: User, text: str, reason: str) -> PolicyVersion:
    """Put a policy before a second person.

    Raises
    ------
    PolicyFileError
        If it cannot be taken; names line and what is allowed.
    UsageError
        If its version is not higher than that of the policy in force, or another one waits.
    DataError
        If a text holds media or binary.
    """
    require_text(reason, "reason")
    require_text(text, "text")
    if waiting(user) is not None:
        raise UsageError("another policy waits for a second person already", where="policy")
    made, now = read(text, "the policy"), policy_of(user.organisation_id)
    if now is not default() and made.version <= now.version:
        raise UsageError(f"its version must be higher than {now.version}", where="version")
    return PolicyVersion.objects.create(
        organisation=user.organisation,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        reason=reason,
        by=user,
    )


def waiting(user: User) -> PolicyVersion | None:
    """Return the latest policy of the organisation of `user`, if nobody decided on it."""
    latest = PolicyVersion.objects.filter(organisation=user.organisation_id).order_by("-id").first()
    return latest if latest is not None and not hasattr(latest, "decision") else None


def may_decide(user: User, version: PolicyVersion) -> bool:
    """Tell whether `user` may adopt it: an approver of the organisation who did not write it."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and version.organisation_id == user.organisation_id
        and version.by_id != user.pk
        and not hasattr(version, "decision")
    )


def decide(user: User, version: PolicyVersion, *, adopted: bool) -> PolicyDecision:
    """Adopt a policy, or turn it down.

    Raises
    ------
    UsageError
        If it is not `user`'s to decide, or somebody did.
    """
    if not may_decide(user, version):
        raise UsageError("this policy is not yours to decide, or decided already")
    try:
        with transaction.atomic():
            return PolicyDecision.objects.create(version=version, adopted=adopted, by=user)
    except IntegrityError:
        raise UsageError("somebody decided meanwhile") from None


@lru_cache(maxsize=64)
def _read(text: str) -> Policy:
    """Read a policy that was read before it was stored."""
    return read(text)
