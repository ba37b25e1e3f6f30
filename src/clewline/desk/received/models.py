"""Files that partners gave, what they say, and what a person made of it.

Nothing here is a record: no search, count, alert or answer looks at it. What a person wants to use
they enter themselves, on the page of the address.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, TeamOwned


class ReceivedFile(TeamOwned, Referenced, AppendOnly):
    """A partner's file, for the team that keeps the partner; the same bytes are taken once."""

    LETTER = "Q"

    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="received_files"
    )
    format = models.CharField(max_length=10)
    sha256 = models.CharField(max_length=64)
    issuer = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    taken_by = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["partner", "sha256"], name="received_file_once")
        ]


class ReceivedItem(AppendOnly):
    """One item as the file says it, without wording and address of a page."""

    file = models.ForeignKey(ReceivedFile, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    said = models.JSONField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "position"], name="received_position_once")
        ]


class Review(AppendOnly):
    """What a person made of an item: used elsewhere, or set aside."""

    item = models.OneToOneField(ReceivedItem, on_delete=models.PROTECT, related_name="review")
    used = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
