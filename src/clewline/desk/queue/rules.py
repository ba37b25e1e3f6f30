"""The rules by which the queue is ordered: a table. Each item says which of them it fell under.

The points of an item are the sum over its reasons; who has more stands above, and of equals the one
that has waited longer. `docs/DESK.md` has the same table, which a test holds against this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

RECENT: Final = timedelta(hours=24)
NEW_BRAND: Final = timedelta(hours=48)
LIVE: Final = timedelta(hours=48)


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes
    ----------
    name : str
        What it is called.
    points : int
        How much it says.
    sentence : str
        What an item says of it; words in braces are filled in.
    each : int
        Points more for each unit of what is counted.
    most : int
        Where that ends.
    unit : str
        What is counted.
    """

    name: str
    points: int
    sentence: Any
    each: int = 0
    most: int = 0
    unit: str = ""


RULES: Final = {
    rule.name: rule
    for rule in (
        Rule("child_at_risk", 100_000, _("a child may be at risk now: {reason}")),
        Rule("acknowledged", -1_000, _("acknowledged by {who}")),
        Rule(
            "our_payment", 20_000, _("a package with a payment of ours leaves: answer by {until}")
        ),
        Rule("yours", 5_000, _("yours until {until}")),
        Rule("taken", -5_000, _("taken by {who} until {until}")),
        Rule("live_payment", 300, _("live payment on chain {ago} ago")),
        Rule("urgent_look_up", 400, _("a partner asks urgently")),
        Rule("overdue", 250, _("overdue since {day}"), 10, 450, "day"),
        Rule("my_check", 220, _("needs a second person, and you may be it")),
        Rule("new_brand", 200, _("new brand: first sighting {ago} ago")),
        Rule("open_dispute", 190, _("somebody disputes a listing: to be decided by {day}")),
        Rule("dispute", 180, _("disputed: {reason}")),
        Rule("risk", 150, _("classified: {band}")),
        Rule("recent", 100, _("recorded {ago} ago")),
        Rule("no_brand", 40, _("nobody said of which brand it is")),
        Rule("waiting", 0, _("waits for {ago}"), 1, 90, "hour"),
    )
}
"""Name → rule."""


@dataclass(frozen=True)
class Reason:
    """Why an item stands where it stands: a rule, what it weighs here, and the words."""

    rule: str
    points: int
    text: str


def because(name: str, count: int = 0, **words: object) -> Reason:
    """Return a reason: a rule of the table with its words filled in.

    Examples
    --------
    >>> because("waiting", 200, ago="8 d").points
    90
    """
    rule = RULES[name]
    points = rule.points + rule.each * count
    return Reason(
        name, min(points, rule.most) if rule.most else points, str(rule.sentence).format(**words)
    )


def ago(since: datetime, now: datetime) -> str:
    """Return how long something is since, in one unit.

    Examples
    --------
    >>> from datetime import UTC
    >>> ago(datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 1, 8, 40, tzinfo=UTC))
    '40 min'
    """
    minutes = max(0, int((now - since).total_seconds()) // 60)
    if minutes < 120:
        return ngettext("%(n)d min", "%(n)d min", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours}
    return ngettext("%(n)d day", "%(n)d days", hours // 24) % {"n": hours // 24}


def waits(since: datetime, now: datetime) -> Reason:
    """Return the reason that something has waited."""
    hours = max(0, int((now - since).total_seconds()) // 3600)
    return because("waiting", hours, ago=ago(since, now))
