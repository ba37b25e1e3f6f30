"""Every change of partners. What lets one be told more takes two people; less takes one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import Team, User
from clewline.desk.partners.models import Call, Partner, StandingChange
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.errors import UsageError
from clewline.policy import Asker

VERIFIED_DAYS: Final = 366
"""How long a call back counts for a partner."""
TERMS: Final = (
    *("kind", "country", "clearance", "pap", "handling", "purposes", "hours", "urgent_hours"),
)
"""What two people agree to."""


@transaction.atomic
def enter(
    user: User, team: Team, codename: str, *, name: str = "", contact: str = "", **terms: Any
) -> Partner:
    """Enter a partner, which waits for a second person.

    Raises
    ------
    UsageError
        If the team is of another organisation.
    DataError
        If a text holds media or binary.
    """
    if team.organisation_id != user.organisation_id:
        raise UsageError("a partner is kept by a team of one's own organisation", where="team")
    _require_text(codename=codename, name=name, contact=contact)
    partner = Partner(team=team, codename=codename, terms_by=user, created_by=user, **_known(terms))
    # Sealed texts are bound to the reference, which saving gives.
    partner.save()
    partner.seal("name", name)
    partner.seal("contact", contact)
    partner.save()
    StandingChange.objects.create(partner=partner, standing="proposed", by=user)
    return partner


@transaction.atomic
def change_terms(user: User, partner: Partner, reason: str, **terms: Any) -> Partner:
    """Change what was agreed; until a second person agrees the partner is told nothing.

    Raises
    ------
    UsageError
        If the partner was ended.
    """
    _require_text(reason=reason)
    if partner.standing == "ended":
        raise UsageError("this partner was ended: enter it anew", where=partner.ref)
    for field, value in _known(terms).items():
        setattr(partner, field, value)
    partner.terms_by, partner.terms_at = user, timezone.now()
    return _set_standing(user, partner, "proposed", reason)


def log_call(user: User, partner: Partner, how: str, *, confirmed: bool) -> Call:
    """Log a call to a number of the partner that was found elsewhere than in what it sent."""
    _require_text(how=how)
    return Call.objects.create(partner=partner, how=how, confirmed=confirmed, by=user)


def is_verified(partner: Partner) -> bool:
    """Tell whether the latest call back of the last year confirmed the partner."""
    since = timezone.now() - timedelta(days=VERIFIED_DAYS)
    latest = partner.calls.filter(at__gte=since).order_by("-at", "-id").first()
    return latest is not None and latest.confirmed


def may_decide(user: User, partner: Partner) -> bool:
    """Tell whether `user` may agree to the terms: an approver who did not enter them."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and user.organisation_id == partner.team.organisation_id
        and user.pk != partner.terms_by_id
        and partner.standing in ("proposed", "suspended")
    )


def activate(user: User, partner: Partner, reason: str = "") -> Partner:
    """Agree to a partner's terms.

    Raises
    ------
    UsageError
        If it is not `user`'s to decide, or nobody called the partner back within a year.
    """
    if not may_decide(user, partner):
        raise UsageError("not yours to decide: an approver who did not enter the terms agrees")
    if not is_verified(partner):
        raise UsageError("nobody called this partner back yet", where=partner.ref)
    return _set_standing(user, partner, "active", reason)


def stop(user: User, partner: Partner, standing: str, reason: str) -> Partner:
    """Suspend a partner, or end it; one person is enough, and it counts at once.

    Raises
    ------
    UsageError
        If it was ended already.
    """
    if standing not in ("suspended", "ended") or partner.standing == "ended":
        raise UsageError("a partner is suspended or ended, and ended once", where=partner.ref)
    if standing == "ended":
        for person in partner.people.filter(is_active=True):
            accounts.set_active(person, active=False)
    return _set_standing(user, partner, standing, reason)


@transaction.atomic
def add_account(user: User, partner: Partner, username: str) -> tuple[User, str]:
    """Make an account of a partner, and ask for its role as for any that reads.

    Returns
    -------
    tuple of User and str
        The account, and the secret of the link with which its owner sets a password.
    """
    made = User.objects.create_user(
        username,
        organisation=partner.team.organisation,
        partner=partner,
        pseudonym=accounts.new_pseudonym(),
    )
    accounts.ask_for_access(user, made, [Role.PARTNER], [])
    return made, accounts.invite(made)


def asker_of(partner: Partner, *, verified: bool = True) -> Asker:
    """Return a partner as policies see it.

    Parameters
    ----------
    partner : Partner
        Who would be told.
    verified : bool
        Whether the person who asks was called back; where nobody asks (alerts), it is true.
    """
    return Asker(
        kind=partner.kind,
        country=partner.country,
        organisation=partner.ref,
        clearance=partner.clearance,
        pap=partner.pap,
        handling=frozenset(partner.handling),
        purposes=frozenset(partner.purposes),
        active=partner.standing == "active",
        verified=verified,
    )


def _set_standing(user: User, partner: Partner, standing: str, reason: str) -> Partner:
    """Write a change of standing, and what it changes."""
    _require_text(reason=reason)
    with transaction.atomic():
        StandingChange.objects.create(partner=partner, standing=standing, reason=reason, by=user)
        partner.standing = standing
        partner.save()
    return partner


def _known(terms: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no term of a partner."""
    if unknown := set(terms) - set(TERMS):
        message = f"no terms: {', '.join(sorted(unknown))}"
        raise TypeError(message)
    return terms


def _require_text(**texts: str) -> None:
    """Refuse what is no text."""
    for field, text in texts.items():
        require_text(text, field)
