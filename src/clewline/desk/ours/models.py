"""A team's own payments, and what is asked of it before a package that holds one leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, TeamOwned, TeamQuerySet

OUTPOINT: Final = "outpoint"
ADDRESS: Final = "address"


class MarkQuerySet(TeamQuerySet):
    """Marks."""

    def standing(self) -> Self:
        """Keep those that were not taken back."""
        return self.filter(unmark__isnull=True)


class Mark(TeamOwned, Referenced, AppendOnly):
    """A team says that a payment, or an address, is its own. Nobody else learns of it.

    `indexes` are keyed, one after the other, 16 bytes each: by them a package is looked through
    without its contents being kept.
    """

    LETTER = "O"

    kind = models.CharField(
        max_length=10, choices=[(OUTPOINT, "payment"), (ADDRESS, "address of ours")]
    )
    thing = models.CharField(max_length=200)
    indexes = models.BinaryField(max_length=320)
    purpose = models.CharField(max_length=400)
    authority = models.CharField(max_length=200)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = MarkQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "thing"], name="mark_team_thing")]


class Unmark(AppendOnly):
    """A mark that was taken back, and why."""

    mark = models.OneToOneField(Mark, on_delete=models.PROTECT, related_name="unmark")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class ReleaseCheck(models.Model):
    """A package on its way out. Every package waits alike; `checks.tick` alone moves it on.

    Attributes
    ----------
    ref : str
        Reference of the package: an export, a request pack.
    contents : bytes
        Keyed indexes of all that it names, sorted, 16 bytes each.
    state : str
        ``waiting``, ``held``, ``open``, ``refused``; `since` says from when on.
    """

    ref = models.CharField(max_length=40, unique=True)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    opens_at = models.DateTimeField()
    contents = models.BinaryField()
    state = models.CharField(max_length=10, default="waiting", db_index=True)
    since = models.DateTimeField(default=timezone.now)
    held_until = models.DateTimeField(null=True)


class ReleaseWarning(TeamOwned, Referenced, AppendOnly):
    """A package holds something of a team's own. The team is told that, and nothing of it."""

    LETTER = "W"

    mark = models.ForeignKey(Mark, on_delete=models.PROTECT, related_name="warnings")
    package = models.ForeignKey(ReleaseCheck, on_delete=models.PROTECT, related_name="warnings")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mark", "package"], name="warning_once")
        ]

    @property
    def last_answer(self) -> Answer | None:
        """What the team said last."""
        said: Any = self.answers.all()
        return max(said, key=lambda one: one.pk, default=None)

    @property
    def ends_at(self) -> datetime:
        """Until when an answer still counts."""
        return self.package.held_until or self.package.opens_at


class Answer(AppendOnly):
    """Whether a team lets a package go; the last answer counts."""

    warning = models.ForeignKey(ReleaseWarning, on_delete=models.PROTECT, related_name="answers")
    allows = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
