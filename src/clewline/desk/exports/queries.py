"""What of exports waits for a person."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.accounts.models import User
from clewline.desk.exports.models import BulkExport
from clewline.desk.queue.items import CHECK, Item
from clewline.desk.queue.rules import because, waits


def waiting_for(user: User) -> list[Item]:
    """Return the exports that `user` may release or refuse."""
    if not user.may("export.decide"):
        return []
    now = timezone.now()
    asked = BulkExport.objects.visible_to(user).filter(decision=None).exclude(asked_by=user)
    return [
        Item(
            section=CHECK,
            key=export.ref,
            scope=f"team:{export.team_id}",
            name=export.ref,
            line=_("export asked by %(who)s") % {"who": export.asked_by},
            path=reverse("export", args=[export.ref]),
            since=export.asked_at,
            reasons=(because("my_check"), waits(export.asked_at, now)),
        )
        for export in asked.select_related("asked_by").order_by("asked_at")[:100]
    ]
