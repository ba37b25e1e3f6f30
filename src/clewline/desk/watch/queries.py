"""What the pages of watches show, and what waits on the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.queue.items import NEW, Item
from clewline.desk.queue.rules import ago, because
from clewline.desk.watch.models import Hit, Watch
from clewline.reports.case import btc

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST: Final = 100


def fresh(user: User) -> QuerySet[Hit]:
    """Return payments that nobody looked at, of watches that `user` may know of; newest first."""
    found = Hit.objects.visible_to(user).filter(seen_at=None, gone_at=None)
    return found.select_related("watch__address").order_by("-time", "-id")


def waiting_for(user: User) -> list[Item]:
    """Return the watches with payments that nobody looked at, as one line each."""
    if not user.may("watch.list"):
        return []
    now = timezone.now()
    latest: dict[int, list[Hit]] = {}
    for hit in fresh(user)[:MOST]:
        latest.setdefault(hit.watch_id, []).append(hit)
    return [
        Item(
            section=NEW,
            key=hits[0].watch.ref,
            scope=f"team:{hits[0].watch.team_id}",
            name=hits[0].watch.ref,
            line=_("watched: %(amount)s %(chain)s at %(time)s UTC")
            % {
                "amount": btc(hits[0].value),
                "chain": hits[0].watch.address.chain,
                "time": f"{hits[0].time:%Y-%m-%d %H:%M}",
            },
            path=reverse("watch", args=[hits[0].watch.ref]),
            since=hits[0].at,
            reasons=(because("live_payment", ago=ago(hits[0].at, now)),),
        )
        for hits in latest.values()
    ]


def watches(user: User) -> QuerySet[Watch]:
    """Return what is watched, with how much was found and how much of it is new."""
    standing = Q(hits__in=Hit.objects.visible_to(user).filter(gone_at=None))
    found: QuerySet[Watch] = Watch.objects.visible_to(user).annotate(
        found=Count("hits", filter=standing),
        fresh=Count("hits", filter=standing & Q(hits__seen_at=None)),
    )
    return found.select_related("address", "case", "by").order_by("until", "-at", "-id")


def hits(user: User, one: Watch) -> QuerySet[Hit]:
    """Return what a watch found, latest first, what is gone too."""
    return Hit.objects.visible_to(user).filter(watch=one).order_by("-height", "-id")
