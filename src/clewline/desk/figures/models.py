"""What was counted, and what was published of it, each number with its unit and definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class Counted(models.Model):
    """The counts of a year as they were last made, so that a page need not count again.

    Derived: made anew when records changed, and thrown away without loss. `mark` is the state of
    the records that was counted; empty where nothing was yet. `asked_at` is set while the desk is
    to count it by itself.
    """

    scope = models.CharField(max_length=64)
    teams = models.JSONField(default=list)
    asked_at = models.DateTimeField(null=True)
    year = models.PositiveSmallIntegerField()
    mark = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    values = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "year"], name="counted_once")
        ]


class FigureSetQuerySet(models.QuerySet[Any]):
    """Published figures."""

    def visible_to(self, user: User) -> Self:
        """Keep figures of teams all of which are the person's."""
        others = FigureSet.teams.through.objects.exclude(team__in=user.team_ids)
        of_teams = FigureSet.teams.through.objects.filter(team__in=user.team_ids)
        return self.filter(pk__in=of_teams.values("figureset")).exclude(
            pk__in=others.values("figureset")
        )


class FigureSet(Referenced, AppendOnly):
    """The figures of a year as they were published.

    `figures` holds for every measure its title, unit, definition, version and denominator as they
    were then, and its values: period → group → number.
    """

    LETTER = "F"

    teams = models.ManyToManyField("accounts.Team", related_name="+")
    scope = models.CharField(max_length=64, db_index=True)
    year = models.PositiveSmallIntegerField()
    counted_at = models.DateTimeField()
    made_at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    clewline = models.CharField(max_length=40)
    figures = models.JSONField()
    note = models.CharField(max_length=400, blank=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )

    objects = FigureSetQuerySet.as_manager()
