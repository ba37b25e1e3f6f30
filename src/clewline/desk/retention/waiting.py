"""What of erasure stands in a person's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.queue.items import CHECK, Item
from clewline.desk.queue.rules import because, waits
from clewline.desk.retention import queries

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


def waiting_for(user: User) -> list[Item]:
    """Return the erasures that `user` may agree to."""
    now = timezone.now()
    return [
        Item(
            section=CHECK,
            key=one.ref,
            scope=f"team:{one.team_id}",
            name=one.ref,
            line=_("erasure: agree, or refuse"),
            path=reverse("erasure", args=[one.ref]),
            since=one.asked_at,
            reasons=(because("my_check"), waits(one.asked_at, now)),
        )
        for one in queries.waiting_for(user)
    ]
