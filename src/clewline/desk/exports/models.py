"""Who asked for which records in bulk, who agreed, and the one copy that was taken."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, TeamOwned
from clewline.desk.records.models import Word

SIGHTINGS: Final = "sightings"
OPTIONS: Final = "options"


class BulkExport(TeamOwned, Referenced, AppendOnly):
    """What somebody wants to give to whom, and why."""

    LETTER = "X"

    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    what = models.CharField(
        max_length=10, choices=[(OPTIONS, "payment options"), (SIGHTINGS, "sightings")]
    )
    brand = models.ForeignKey(
        "records.Brand", on_delete=models.PROTECT, null=True, related_name="+"
    )
    rail = Word("rail")
    since = models.DateField(null=True)
    until = models.DateField(null=True)
    recipient = models.CharField(max_length=120)
    purpose = models.CharField(max_length=400)


class ExportDecision(AppendOnly):
    """What a second person said."""

    export = models.OneToOneField(BulkExport, on_delete=models.PROTECT, related_name="decision")
    released = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class ExportCopy(AppendOnly):
    """The copy that was taken; there is never a second one."""

    export = models.OneToOneField(BulkExport, on_delete=models.PROTECT, related_name="copy")
    at = models.DateTimeField(default=timezone.now)
    rows = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
