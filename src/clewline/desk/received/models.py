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


class Origin(AppendOnly):
    """That a team has something of a partner: a sighting made of an item, or an address's labels.

    Whoever gave it is asked before it is passed on where policy says so (`policy/deciding.py`).
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="origins")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="+")
    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="+"
    )
    address = models.ForeignKey(
        "records.Address", on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "address"], name="origin_team_address")]
