"""What of cases waits for a person."""

from __future__ import annotations

from datetime import UTC, datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Handover
from clewline.desk.cases.queries import overdue
from clewline.desk.cases.services import may_agree
from clewline.desk.queue.items import CHECK, OVERDUE, Item, key_of
from clewline.desk.queue.rules import because, waits


def waiting_for(user: User) -> list[Item]:
    """Return the hand-overs of cases of `user` that they may agree to."""
    if not user.may("case.read"):
        return []
    now = timezone.now()
    offers = Handover.objects.visible_to(user).filter(answer__isnull=True).exclude(by=user)
    return [
        Item(
            section=CHECK,
            key=key_of("hand-over", offer.pk),
            scope=f"case:{offer.case_id}",
            name=offer.case.codename,
            line=_("case to be handed over to %(who)s") % {"who": offer.to},
            path=reverse("case", args=[offer.case.ref]),
            since=offer.at,
            reasons=(because("my_check"), waits(offer.at, now)),
        )
        for offer in offers.select_related("case", "to").order_by("at")
        if may_agree(user, offer)
    ]


def late(user: User) -> list[Item]:
    """Return what is overdue in the cases of `user`, for the queue."""
    if not user.may("case.read"):
        return []
    today = timezone.now().astimezone(UTC).date()
    return [
        Item(
            section=OVERDUE,
            key=row.ref,
            scope=f"case:{row.case.pk}",
            name=row.case.codename,
            line=row.text,
            path=reverse("case", args=[row.case.ref]),
            since=datetime(row.due.year, row.due.month, row.due.day, tzinfo=UTC),
            reasons=(because("overdue", (today - row.due).days, day=row.due.isoformat()),),
        )
        for row in overdue(user, today)
    ]
