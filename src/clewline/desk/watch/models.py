"""What is watched, by whom and why, and what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.cases.models import Case
from clewline.desk.ledger import AppendOnly, Referenced, TeamOwned, TeamQuerySet
from clewline.desk.ours.queries import hidden_outpoints

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class WatchQuerySet(TeamQuerySet):
    """Watches; one for a case is known to the members of the case alone."""

    def visible_to(self, user: User) -> Self:
        """Keep those of the teams of `user`, and of cases that they are a member of."""
        cases = Case.objects.visible_to(user)
        open_ones = models.Q(case__isnull=True) | models.Q(case__in=cases)
        return super().visible_to(user).filter(open_ones)


class Watch(TeamOwned, Referenced):
    """An address, or the cluster that it is in, watched from a block on.

    Attributes
    ----------
    from_height : int or None
        Blocks up to this one are history; None until a store was looked at.
    until : datetime or None
        When somebody stopped it.
    """

    LETTER = "V"

    address = models.ForeignKey("records.Address", on_delete=models.PROTECT, related_name="+")
    whole_cluster = models.BooleanField(default=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="watches")
    why = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    from_height = models.IntegerField(null=True)
    mails = models.BooleanField(default=False)
    until = models.DateTimeField(null=True)

    objects = WatchQuerySet.as_manager()  # type: ignore[misc]


class HitQuerySet(models.QuerySet["Hit"]):
    """Hits."""

    def visible_to(self, user: User) -> HitQuerySet:
        """Keep those of watches that `user` may know of, without their teams' own payments."""
        ours = hidden_outpoints(user)
        found = self.filter(watch__in=Watch.objects.visible_to(user))
        return found.exclude(outpoint__in=ours) if ours else found


class Hit(models.Model):
    """A payment to or from what is watched, once, whatever block holds it.

    Where its block goes, `gone_at` is set; where another one brings it back, it stands again.
    """

    watch = models.ForeignKey(Watch, on_delete=models.PROTECT, related_name="hits")
    direction = models.CharField(max_length=3, choices=[("in", "in"), ("out", "out")])
    outpoint = models.CharField(max_length=80)
    txid = models.CharField(max_length=64)
    value = models.BigIntegerField()
    height = models.IntegerField()
    block = models.CharField(max_length=64)
    time = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    objects = HitQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["watch", "direction", "outpoint"], name="hit_once")
        ]
        indexes: ClassVar = [models.Index(fields=["height"], name="hit_height")]


class SeenTip(AppendOnly):
    """A tip up to which was looked; where one left the chain, that was reorganised."""

    network = models.CharField(max_length=40)
    height = models.IntegerField()
    block = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["network", "-id"], name="tip_latest")]
