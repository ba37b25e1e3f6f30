"""What was revealed to whom, and what people asked to be protected from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly


class Reveal(AppendOnly):
    """Somebody opened a sealed field, for a reason, until a time."""

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="reveals")
    sighting = models.ForeignKey("records.Sighting", on_delete=models.PROTECT, related_name="+")
    field = models.CharField(max_length=30)
    reason = models.CharField(max_length=400)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    until = models.DateTimeField()


class Preference(models.Model):
    """How much a person, or by default their organisation, wants to be protected.

    A person's own row only ever protects more than that of the organisation.
    """

    user = models.OneToOneField(
        "accounts.User", on_delete=models.CASCADE, null=True, related_name="preference"
    )
    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.CASCADE, null=True, related_name="preference"
    )
    reveals_per_day = models.PositiveSmallIntegerField(default=60)
    reveal_seconds = models.PositiveSmallIntegerField(default=120)
    calm_colours = models.BooleanField(default=False)
