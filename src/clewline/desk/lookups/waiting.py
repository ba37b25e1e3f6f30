"""What of look-ups stands in a person's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from clewline.desk.lookups import queries
from clewline.desk.queue.items import CHECK, OVERDUE, Item
from clewline.desk.queue.rules import because, waits

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

_NEXT: Final = {
    "call": gettext_lazy("look-up: call the partner back"),
    "draft": gettext_lazy("look-up: draft an answer"),
    "check": gettext_lazy("look-up: release the answer, or send it back"),
    "correct": gettext_lazy("look-up: what was told no longer stands"),
    "tell": gettext_lazy("look-up: something new can be shared"),
}


def waiting_for(user: User) -> list[Item]:
    """Return the look-ups for which `user` must do something now."""
    now = timezone.now()
    items = []
    for one in queries.waiting_for(user):
        if not one.mine:
            continue
        look_up = one.look_up
        reasons = [waits(look_up.asked_at, now)]
        if look_up.urgent:
            reasons.append(because("urgent_look_up"))
        if one.overdue:
            reasons.append(
                because("overdue", (now - one.due_at).days, day=one.due_at.date().isoformat())
            )
        if one.what == "check":
            reasons.append(because("my_check"))
        items.append(
            Item(
                section=OVERDUE if one.overdue else CHECK,
                key=look_up.ref,
                scope=f"team:{look_up.team_id}",
                name=look_up.ref,
                line=str(_NEXT[one.what]),
                path=reverse("lookup", args=[look_up.ref]),
                since=look_up.asked_at,
                reasons=tuple(reasons),
            )
        )
    return items
