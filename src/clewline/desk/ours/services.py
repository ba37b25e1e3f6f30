"""Mark payments and addresses as a team's own, take marks back, answer warnings."""

from __future__ import annotations

import re
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.ours.checks import check_release, indexes_of
from clewline.desk.ours.models import ADDRESS, OUTPOINT, Answer, Mark, ReleaseWarning, Unmark
from clewline.desk.records.plain_text import require_text
from clewline.errors import UsageError
from clewline.intake import read_address

_OUTPOINT: Final = re.compile(r"([0-9a-fA-F]{64}):([0-9]{1,7})")


@transaction.atomic
def mark(user: User, team: Team, what: str, purpose: str, authority: str) -> Mark:
    """Mark an outpoint or an address as the team's own.

    Parameters
    ----------
    what : str
        ``txid:index`` of the output that was paid, or an address of the team's own.
    purpose, authority : str
        What it was paid for, and what allows it.

    Raises
    ------
    UsageError
        If the team is none of theirs, `what` is neither, or it is marked already.
    """
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    for field, text in (("purpose", purpose), ("authority", authority)):
        require_text(text, field)
    kind, *names = _read(what)
    thing = names[0]
    if Mark.objects.filter(team=team, thing=thing).standing().exists():
        raise UsageError("your team marked it already", where="what")
    return Mark.objects.create(
        team=team,
        kind=kind,
        thing=thing,
        indexes=b"".join(sorted(indexes_of(names))),
        purpose=purpose,
        authority=authority,
        by=user,
    )


def _read(what: str) -> tuple[str, ...]:
    """Return the kind of what a text names, and the names by which a package may hold it.

    A package that names the whole transaction holds the outpoint, too.
    """
    what = what.strip()
    if found := _OUTPOINT.fullmatch(what):
        txid = found[1].lower()
        return OUTPOINT, f"{txid}:{int(found[2])}", txid
    if readings := read_address(what):
        return ADDRESS, *dict.fromkeys(one.canonical for one in readings)
    raise UsageError(
        "names neither a payment nor an address",
        where="what",
        hint="txid:index of the output that was paid, or a whole address",
    )


def take_back(user: User, marked: Mark, reason: str) -> Unmark:
    """Take a mark back: from now on the payment is an ordinary one to the team, too.

    Raises
    ------
    UsageError
        If it was taken back already.
    """
    require_text(reason, "reason")
    try:
        with transaction.atomic():
            return Unmark.objects.create(mark=marked, by=user, reason=reason)
    except IntegrityError:
        raise UsageError("it was taken back already") from None


def answer(user: User, warning: ReleaseWarning, *, allows: bool, reason: str = "") -> Answer:
    """Let a package go, or object to it. Neither its reference nor its owner is told.

    Raises
    ------
    UsageError
        If it is too late.
    """
    require_text(reason, "reason")
    package = warning.package
    if package.state not in ("waiting", "held") or (
        package.held_until and package.held_until <= timezone.now()
    ):
        raise UsageError("it is too late: the package went on its way, or was refused")
    return Answer.objects.create(warning=warning, by=user, allows=allows, reason=reason)


__all__ = ["answer", "check_release", "mark", "take_back"]
