"""What the pages of watches show, and what waits on the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q, QuerySet

from clewline.desk.watch.models import Hit, Watch

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST: Final = 12


def waiting_for(user: User) -> list[Hit]:
    """Return payments that nobody looked at, of watches that `user` may know of; newest first."""
    if not user.may("watch.list"):
        return []
    found = Hit.objects.visible_to(user).filter(seen_at=None, gone_at=None)
    return list(found.select_related("watch__address").order_by("-time", "-id")[:MOST])


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
