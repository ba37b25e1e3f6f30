"""What was read, taken and marked as urgent; who is on call; what the chain paid lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clewline.desk.cases.models import Case
from clewline.desk.ledger import AppendOnly, Referenced, TeamOwned, TeamQuerySet

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class Seen(AppendOnly):
    """Somebody opened a sighting; the first time counts."""

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    sighting = models.ForeignKey("records.Sighting", on_delete=models.PROTECT, related_name="seen")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sighting", "user"], name="seen_once")
        ]


class Claim(models.Model):
    """Somebody took an item of the queue, until when; a row stays when it ends.

    One holds an item at a time: the database refuses a second open row.
    """

    scope = models.CharField(max_length=30)
    key = models.CharField(max_length=40)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["scope", "key"], condition=Q(ended_at=None), name="claim_one_at_a_time"
            )
        ]


ACKNOWLEDGED: Final = "acknowledged"
CLOSED: Final = "closed"


class UrgentQuerySet(TeamQuerySet):
    """Urgent marks."""

    def visible_to(self, user: User) -> Self:
        """Keep marks on sightings of the teams of `user`, and on cases that they may know of."""
        return self.filter(
            Q(sighting__team__in=user.team_ids) | Q(case__in=Case.objects.visible_to(user))
        )

    def open(self) -> Self:
        """Keep what is not closed."""
        return self.exclude(steps__step=CLOSED)


class Urgent(TeamOwned, Referenced, AppendOnly):
    """A child may be at risk now: somebody says so of a sighting or a case, with the reason."""

    LETTER = "U"

    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="+"
    )
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = UrgentQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="urgent_of_one_thing",
                condition=Q(sighting=None, case__isnull=False)
                | Q(sighting__isnull=False, case=None),
            )
        ]


class UrgentStep(AppendOnly):
    """Somebody saw to an urgent mark: acknowledged it, or closed it with what came of it."""

    urgent = models.ForeignKey(Urgent, on_delete=models.PROTECT, related_name="steps")
    step = models.CharField(max_length=12, choices=[(ACKNOWLEDGED, "x"), (CLOSED, "x")])
    outcome = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["urgent", "step"], name="urgent_step_once")
        ]


class Shift(TeamOwned, Referenced, AppendOnly):
    """Who is on call for a team, from when to when."""

    LETTER = "K"

    person = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "ends"], name="shift_team_ends")]


class ShiftEnd(AppendOnly):
    """That a shift does not hold, or no longer."""

    shift = models.OneToOneField(Shift, on_delete=models.PROTECT, related_name="end")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Payments(models.Model):
    """The latest payments to an address, derived from the chain store apart from requests.

    `latest` is ``[[txid:index, seconds], …]``, the newest first.
    """

    address = models.OneToOneField(
        "records.Address", on_delete=models.CASCADE, related_name="latest_payments"
    )
    latest = models.JSONField(default=list)


class ChainLook(models.Model):
    """When the chain store was last asked for payments, and what it said; one row."""

    at = models.DateTimeField()
    state = models.CharField(max_length=20)
    words = models.CharField(max_length=200)
