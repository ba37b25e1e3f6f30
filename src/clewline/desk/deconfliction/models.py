"""Enquiries, overlaps, and what both sides said; each written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.cases.models import Case, OfCaseQuerySet
from clewline.desk.ledger import AppendOnly, Referenced

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class Enquiry(Referenced, AppendOnly):
    """That a case asks who else looks at some of its addresses."""

    LETTER = "D"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="enquiries")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    why = models.CharField(max_length=400)

    objects = OfCaseQuerySet.as_manager()


class Subject(AppendOnly):
    """One address of an enquiry."""

    enquiry = models.ForeignKey(Enquiry, on_delete=models.PROTECT, related_name="subjects")
    address = models.ForeignKey("records.Address", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enquiry", "address"], name="subject_once")
        ]


class Decision(AppendOnly):
    """What a supervisor said of an enquiry."""

    enquiry = models.OneToOneField(Enquiry, on_delete=models.PROTECT, related_name="decision")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    agreed = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)


class Comparison(AppendOnly):
    """That an enquiry was compared; written whether or not anything was found."""

    enquiry = models.OneToOneField(Enquiry, on_delete=models.PROTECT, related_name="comparison")
    at = models.DateTimeField(default=timezone.now)


class OverlapQuerySet(models.QuerySet[Any]):
    """Overlaps as their holders see them."""

    def visible_to(self, user: User) -> Self:
        """Keep those of the teams of `user`, and of the cases that they are members of."""
        cases = Case.objects.visible_to(user)
        return self.filter(
            models.Q(team__in=user.team_ids, case__isnull=True) | models.Q(case__in=cases)
        )


class Overlap(Referenced, AppendOnly):
    """That somebody else holds an address that was asked about: a team, or the members of a case.

    It is the holder's record. The asker hears of it only once the holder agreed.
    """

    LETTER = "V"

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="overlaps")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OverlapQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "team"],
                condition=models.Q(case__isnull=True),
                name="overlap_of_team_once",
            ),
            models.UniqueConstraint(
                fields=["subject", "case"],
                condition=models.Q(case__isnull=False),
                name="overlap_of_case_once",
            ),
        ]


class Word(AppendOnly):
    """What one side said."""

    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    agreed = models.BooleanField()
    contact = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


class HolderWord(Word):
    """Whether the asker may hear, and how the holder can be reached."""

    overlap = models.OneToOneField(Overlap, on_delete=models.PROTECT, related_name="holder_word")


class AskerWord(Word):
    """Whether the asker wants contact, and how it can be reached."""

    overlap = models.OneToOneField(Overlap, on_delete=models.PROTECT, related_name="asker_word")
