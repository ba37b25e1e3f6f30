"""What a team's own payments hide from its tables, and what waits for its answer.

Nothing but the team's own pages asks these questions, so a mark changes no byte of anybody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.ours.models import Mark, ReleaseWarning
from clewline.desk.queue.items import URGENT, Item
from clewline.desk.queue.rules import because

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

_NAMES: Final = ("payment", "payout", "deposit", "outpoint", "service_address", "address")
"""Columns of payers, cash-outs and hits that may name a payment or address of ours."""


def hidden_outpoints(user: User) -> frozenset[str]:
    """Return what the teams of `user` marked as their own: ``txid:index``, and addresses.

    Payers, hits, leads and queues of the team leave out what is named by one of them
    (`without_ours` does). A package is made for a team: `hidden_of_team`.
    """
    return _things(Mark.objects.visible_to(user).standing())


def hidden_of_team(team_id: int) -> frozenset[str]:
    """Return what one team marked as its own: what a package of that team leaves out.

    Not that of whoever makes it: who is of two teams would carry a mark from one into the other.
    """
    return _things(Mark.objects.filter(team=team_id).standing())


def without_ours(
    rows: Iterable[Mapping[str, Any]], hidden: frozenset[str]
) -> list[Mapping[str, Any]]:
    """Return the rows of payers, cash-outs or hits that name nothing of ours.

    Examples
    --------
    >>> rows = [{"payment": "aa:0"}, {"payment": "bb:1"}]
    >>> without_ours(rows, frozenset({"bb:1"}))
    [{'payment': 'aa:0'}]
    """
    return [row for row in rows if not any(row.get(name) in hidden for name in _NAMES)]


def _things(marks: Any) -> frozenset[str]:
    """Return what marks name."""
    return frozenset(marks.values_list("thing", flat=True))


def marks_of(user: User) -> QuerySet[Mark]:
    """Return the marks of a person's teams, those that stand first, the newest first."""
    found: QuerySet[Mark] = Mark.objects.visible_to(user).select_related("by", "team", "unmark")
    return found.order_by("unmark__at", "-at", "-id")


def warnings_for(user: User) -> list[ReleaseWarning]:
    """Return the warnings that a person's teams may still answer, the most pressing first."""
    now = timezone.now()
    waits = Q(package__state="waiting") | Q(package__state="held", package__held_until__gt=now)
    found: QuerySet[ReleaseWarning] = ReleaseWarning.objects.visible_to(user).filter(waits)
    rows = found.select_related("mark", "package", "team").prefetch_related("answers__by")
    return sorted(rows, key=lambda one: (one.last_answer is not None, one.ends_at, one.pk))


def waiting_for(user: User) -> list[Item]:
    """Return the warnings that nobody of the team answered: a package is about to leave."""
    if not user.may("ours.answer"):
        return []
    return [
        Item(
            section=URGENT,
            key=warning.ref,
            scope=f"team:{warning.team_id}",
            name=warning.ref,
            line=_("a package that names %(mark)s is about to leave") % {"mark": warning.mark.ref},
            path=f"{reverse('ours')}#{warning.ref}",
            since=warning.at,
            reasons=(because("our_payment", until=f"{warning.ends_at:%H:%M}"),),
        )
        for warning in warnings_for(user)
        if warning.last_answer is None
    ]
