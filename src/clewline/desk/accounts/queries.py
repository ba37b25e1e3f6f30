"""What of accounts waits for a person."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.accounts.models import AccessChange, User
from clewline.desk.accounts.services import may_decide
from clewline.desk.queue.items import CHECK, Item, key_of
from clewline.desk.queue.rules import because, waits


def waiting_for(user: User) -> list[Item]:
    """Return the changes of access that `user` may decide."""
    if not user.may("people.approve"):
        return []
    now = timezone.now()
    changes = AccessChange.objects.filter(decision=None, user__organisation=user.organisation_id)
    return [
        Item(
            section=CHECK,
            key=key_of("access", change.pk),
            scope=f"organisation:{user.organisation_id}",
            name=_("Access for %(who)s") % {"who": change.user},
            line=_("asked by %(who)s") % {"who": change.asked_by},
            path=reverse("people"),
            since=change.asked_at,
            reasons=(because("my_check"), waits(change.asked_at, now)),
        )
        for change in changes.select_related("user", "asked_by").order_by("asked_at")
        if may_decide(user, change)
    ]
