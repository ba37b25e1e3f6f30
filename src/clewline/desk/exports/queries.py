"""What of exports waits for a person."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from clewline.desk.accounts.models import User
from clewline.desk.exports.models import BulkExport
from clewline.desk.queue.items import Item, to_check


def waiting_for(user: User) -> list[Item]:
    """Return the exports that `user` may release or refuse."""
    if not user.may("export.decide"):
        return []
    asked = BulkExport.objects.visible_to(user).filter(decision=None).exclude(asked_by=user)
    return [
        to_check(
            export.ref,
            export.team_id,
            _("export asked by %(who)s") % {"who": export.asked_by},
            reverse("export", args=[export.ref]),
            export.asked_at,
        )
        for export in asked.select_related("asked_by").order_by("asked_at")[:100]
    ]
