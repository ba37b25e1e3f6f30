"""What was revealed to whom, and how much people are protected."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly


class Reveal(AppendOnly):
    """Somebody opened a sealed field of a sighting, or a real name, for a reason, until a time."""

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="reveals")
    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="+"
    )
    brand = models.ForeignKey(
        "records.Brand", on_delete=models.PROTECT, null=True, related_name="+"
    )
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, null=True, related_name="+")
    field = models.CharField(max_length=30)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    until = models.DateTimeField()
    beyond_limit = models.BooleanField(default=False)


class Protection(models.Model):
    """How much somebody is protected: the organisation's row, and a person's own.

    What counts is the stronger of the two in each respect (`services.protection_of`), so a person
    can only ever ask for more.
    """

    user = models.OneToOneField(
        "accounts.User", on_delete=models.CASCADE, null=True, related_name="protection"
    )
    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.CASCADE, null=True, related_name="protection"
    )
    reveals_per_day = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(0), MaxValueValidator(500)]
    )
    minutes_per_day = models.PositiveSmallIntegerField(
        default=240, validators=[MinValueValidator(0), MaxValueValidator(480)]
    )
    seconds_open = models.PositiveSmallIntegerField(
        default=120, validators=[MinValueValidator(10), MaxValueValidator(600)]
    )
    summaries_masked = models.BooleanField(default=False)
    beginning_first = models.BooleanField(default=False)
