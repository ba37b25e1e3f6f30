"""What of policies stands in a person's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.partners import policies
from clewline.desk.queue.items import CHECK, Item
from clewline.desk.queue.rules import because, waits

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


def waiting_for(user: User) -> list[Item]:
    """Return the policy that `user` may adopt, if one waits."""
    if not user.may("policy.decide"):
        return []
    found = policies.versions(user)
    if not found or not policies.may_decide(user, found[-1]):
        return []
    return [
        Item(
            section=CHECK,
            key=f"policy-{len(found)}",
            scope=f"organisation:{user.organisation_id}",
            name=_("Policy %(number)s") % {"number": len(found)},
            line=_("another policy: adopt it, or turn it down"),
            path=reverse("policy-version", args=[len(found)]),
            since=found[-1].at,
            reasons=(because("my_check"), waits(found[-1].at, timezone.now())),
        )
    ]
