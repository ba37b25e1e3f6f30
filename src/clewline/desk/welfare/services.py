"""Reveal what is sealed: with a reason, for a while, counted.

Limits are soft: who needs to go on may, says so, and the supervisor sees the count. Four hours of
review a day is what INHOPE advises at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Count, Q, Sum
from django.db.models.expressions import ExpressionWrapper, F
from django.db.models.fields import DurationField
from django.utils import timezone

from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Case
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.roles import Role
from clewline.desk.welfare.models import Protection, Reveal
from clewline.errors import UsageError

REVEALED: Final = {
    "wording": "Wording of the page",
    "page_text": "Whole text of the page",
    "url": "Address of the page",
    "protected_source": "Protected source",
}
"""Sealed fields that may be revealed → what they are, said before they are opened."""

REASONS: Final = {
    "classify": "To classify or summarise it",
    "compare": "To compare it with another page",
    "correct": "To correct a record",
    "answer": "To answer a partner's request",
    "case": "For a case",
}
"""Why somebody may need to read it."""

_BEGINNING: Final = 200


@dataclass(frozen=True)
class Limits:
    """What protects a person: the stronger of their own wish and their organisation's."""

    reveals_per_day: int
    minutes_per_day: int
    seconds_open: int
    summaries_masked: bool
    beginning_first: bool


@dataclass(frozen=True)
class Today:
    """What a person opened since midnight UTC."""

    reveals: int
    minutes: int


@dataclass(frozen=True)
class Opened:
    """A sealed text, opened; `rest` is how many characters are held back."""

    text: str
    rest: int
    until: datetime


def protection_of(user: User) -> Limits:
    """Return what protects `user`."""
    rows = Protection.objects.filter(user=user) | Protection.objects.filter(
        organisation=user.organisation_id
    )
    sides = list(rows) or [Protection()]
    return Limits(
        reveals_per_day=min(side.reveals_per_day for side in sides),
        minutes_per_day=min(side.minutes_per_day for side in sides),
        seconds_open=min(side.seconds_open for side in sides),
        summaries_masked=any(side.summaries_masked for side in sides),
        beginning_first=any(side.beginning_first for side in sides),
    )


def today_of(user: User, now: datetime | None = None) -> Today:
    """Count what `user` opened today."""
    now = now or timezone.now()
    since = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = ExpressionWrapper(F("until") - F("at"), output_field=DurationField())
    found = Reveal.objects.filter(user=user, at__gte=since).aggregate(
        reveals=Count("id"), spent=Sum(spent)
    )
    minutes = (found["spent"] or timedelta()).total_seconds() / 60
    return Today(found["reveals"], round(minutes))


def is_beyond(user: User) -> bool:
    """Tell whether `user` opened as much today as protects them well."""
    limits, today = protection_of(user), today_of(user)
    return today.reveals >= limits.reveals_per_day or today.minutes >= limits.minutes_per_day


def may_reveal(user: User, field: str) -> bool:
    """Tell whether somebody's role lets them open a field; who runs the desk opens none."""
    if field == "protected_source":
        return Role.APPROVER in user.roles
    return field in REVEALED and user.may("sighting.reveal")


def reveal(
    user: User, sighting: Sighting, field: str, reason: str, *, whole: bool, go_on: bool
) -> Opened:
    """Open a sealed field for a while and count it.

    Parameters
    ----------
    reason : str
        One of `REASONS`.
    whole : bool
        Whether more than the beginning is wanted, where only that is shown at first.
    go_on : bool
        Whether the person said that they go on beyond what protects them.

    Raises
    ------
    UsageError
        If the field is not for this person, there is no reason, or the limit was not confirmed.
    """
    if not may_reveal(user, field):
        raise UsageError(f"{field} is not for your role")
    beyond = _require(user, reason, go_on=go_on)
    limits = protection_of(user)
    now = timezone.now()
    until = now + timedelta(seconds=limits.seconds_open)
    text = sighting.unseal(field)
    Reveal.objects.create(
        user=user,
        sighting=sighting,
        field=field,
        reason=reason,
        at=now,
        until=until,
        beyond_limit=beyond,
    )
    if field == "url":
        text = defanged(text)
    shown = text[:_BEGINNING] if limits.beginning_first and not whole else text
    return Opened(shown, len(text) - len(shown), until)


def reveal_name(user: User, what: Brand | Case, reason: str, *, go_on: bool) -> Opened:
    """Open the real name of a brand, or the title of a case, and count it.

    Who calls this has seen that it was released to `user` (`names`).

    Raises
    ------
    UsageError
        If there is no reason, or the limit was not confirmed.
    """
    beyond = _require(user, reason, go_on=go_on)
    now = timezone.now()
    until = now + timedelta(seconds=protection_of(user).seconds_open)
    field = "name" if isinstance(what, Brand) else "title"
    text = what.unseal(field)
    Reveal.objects.create(
        user=user,
        brand=what if isinstance(what, Brand) else None,
        case=what if isinstance(what, Case) else None,
        field=field,
        reason=reason,
        at=now,
        until=until,
        beyond_limit=beyond,
    )
    return Opened(text, 0, until)


def _require(user: User, reason: str, *, go_on: bool) -> bool:
    """Hold a reveal against reason and limit; tell whether it is beyond the limit."""
    if reason not in REASONS:
        raise UsageError("a reveal needs a reason", hint=f"one of: {', '.join(REASONS)}")
    beyond = is_beyond(user)
    if beyond and not go_on:
        raise UsageError("you opened as much today as protects you well", hint="take a break")
    return beyond


def defanged(url: str) -> str:
    """Return a site's address so that nothing takes it for a link.

    Examples
    --------
    >>> defanged("https://pay.example/join")
    'hxxps://pay[.]example/join'
    """
    scheme, separator, rest = url.partition("://")
    host, slash, path = (rest if separator else url).partition("/")
    cut = f"{scheme.replace('tt', 'xx')}{separator}" if separator else ""
    return f"{cut}{host.replace('.', '[.]')}{slash}{path}"


def team_counts(supervisor: User, days: int) -> list[dict[str, object]]:
    """Return who of a supervisor's teams opened how much on which day; counts, no content."""
    since = timezone.now() - timedelta(days=days)
    colleagues = User.objects.filter(teams__in=supervisor.team_ids)
    rows = (
        Reveal.objects.filter(user__in=colleagues, at__gte=since)
        .values("user__pseudonym", "at__date")
        .annotate(
            reveals=Count("id", distinct=True),
            beyond=Count("id", filter=Q(beyond_limit=True), distinct=True),
        )
        .order_by("-at__date", "user__pseudonym")
    )
    return [
        {
            "person": row["user__pseudonym"],
            "day": row["at__date"],
            "reveals": row["reveals"],
            "beyond": row["beyond"],
        }
        for row in rows
    ]
