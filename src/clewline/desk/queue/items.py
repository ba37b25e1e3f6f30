"""One thing in a person's queue, of whatever app."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline.desk.ledger import index_of
from clewline.desk.queue.rules import Reason, because, waits

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from clewline.desk.queue.models import Claim

Row = TypeVar("Row", bound="Model")

URGENT: Final = "urgent"
NEW: Final = "new"
CHECK: Final = "check"
OVERDUE: Final = "overdue"
UNREAD: Final = "unread"
SECTIONS: Final = {
    URGENT: _("Urgent"),
    NEW: _("New"),
    CHECK: _("Awaiting my check"),
    OVERDUE: _("Overdue"),
    UNREAD: _("Unread since yesterday"),
}
"""Section → title, in the order of the page."""


@dataclass(frozen=True)
class Item:
    """One line of the queue.

    Attributes
    ----------
    section : str
        One of `SECTIONS`.
    key : str
        What it is taken by: a reference, or where there is none, see `key_of`.
    scope : str
        Among whom it is taken: ``team:3``, ``case:7``, ``organisation:1``.
    name : str
        Codename or reference, never a real name.
    line : str
        One line of what it is.
    path : str
        The page on which it is dealt with.
    since : datetime
        From when on it waits.
    reasons : tuple of Reason
        Why it stands where it stands.
    claim : Claim or None
        Who took it, if somebody has it now.
    """

    section: str
    key: str
    scope: str
    name: str
    line: str
    path: str
    since: datetime
    reasons: tuple[Reason, ...] = ()
    claim: Claim | None = None

    @property
    def has_reference(self) -> bool:
        """Whether people know it by its key, and not only the desk does."""
        return self.key[1:2] == "-" and self.key != self.name

    @property
    def points(self) -> int:
        """What its reasons weigh together."""
        return sum(reason.points for reason in self.reasons)

    @property
    def why(self) -> str:
        """Its reasons as one sentence, what weighs most first."""
        first = sorted(self.reasons, key=lambda reason: -abs(reason.points))
        return "; ".join(reason.text for reason in first)


def key_of(kind: str, number: int) -> str:
    """Return what an item without a reference is taken by.

    Keyed: a running number would tell how many of its kind there are, hidden ones too.
    """
    return f"{kind}-{index_of('queue', f'{kind} {number}').hex()[:16]}"


def of_key(kind: str, rows: QuerySet[Row], key: str) -> Row | None:
    """Return the one of a few rows that a key of `key_of` names; None if it is none of them."""
    numbers = rows.values_list("pk", flat=True)
    found = next((number for number in numbers if key_of(kind, number) == key), None)
    return None if found is None else rows.get(pk=found)


def to_check(ref: str, team_id: int, line: str, path: str, since: datetime) -> Item:
    """Return what a team member drafted and another has to check: `line` says what, since when."""
    return Item(
        section=CHECK,
        key=ref,
        scope=f"team:{team_id}",
        name=ref,
        line=line,
        path=path,
        since=since,
        reasons=(because("my_check"), waits(since, timezone.now())),
    )
