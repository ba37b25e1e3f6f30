"""To whom a page is reported, what they were told, and what they say became of it.

Everything is written once. A table of routes says who answers for a country or a brand; each route
counts once a second person agreed, and the latest one that counts holds.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar, Final

from django.db import models
from django.utils import timezone

from clewline.desk.alerts.models import DELIVERED
from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned

STATES: Final = {
    "acknowledged": "acknowledged",
    "removed": "removed",
    "reappeared": "back again",
}
"""What a recipient says became of a page → its words."""


class Route(TeamOwned, Referenced, AppendOnly):
    """Who answers for a country, or for a brand of payment; for neither: where no other does.

    Attributes
    ----------
    country : str
        Where a server stands, ISO 3166-1.
    brand : str
        Scheme, processor or issuer of a means of payment, in lower case.
    """

    LETTER = "Y"

    country = models.CharField(max_length=2, blank=True)
    brand = models.CharField(max_length=60, blank=True)
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="routes")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class RouteDecision(AppendOnly):
    """Whether a second person agreed."""

    route = models.OneToOneField(Route, on_delete=models.PROTECT, related_name="decision")
    agreed = models.BooleanField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Report(TeamOwned, Referenced, Sealed, AppendOnly):
    """What one recipient is told of a page: means of payment, category and place of the server.

    `document` is sealed with the key of the sighting, so that it goes where the sighting is erased.
    `withheld` says inside what policy kept back and why. `theirs` is the recipient's own reference.
    """

    LETTER = "Z"
    SEALED = ("document",)

    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, related_name="reports"
    )
    option = models.ForeignKey(
        "records.PaymentOption", on_delete=models.PROTECT, null=True, related_name="+"
    )
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="reports"
    )
    theirs = models.CharField(max_length=20, unique=True)
    document_sealed = models.BinaryField(null=True)
    withheld = models.JSONField(default=list)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-at"], name="report_team_at")]

    @property
    def told(self) -> dict[str, Any]:
        """What the document says; nothing where its sighting was erased."""
        text = self.unseal("document") if self.document_sealed else "{}"
        said: dict[str, Any] = json.loads(text)
        return said

    @property
    def letter(self) -> str:
        """What its recipient gets: what is told, and since when; nothing where it was erased."""
        sent = self.decision.at.isoformat(timespec="seconds")
        return json.dumps({**self.told, "sent_at": sent}, ensure_ascii=False, sort_keys=True)

    @property
    def sent_at(self) -> datetime | None:
        """When a second person released it; from then on it is on its way, or can be fetched."""
        decision = getattr(self, "decision", None)
        return decision.at if decision is not None and decision.released else None

    @property
    def state(self) -> str:
        """How far it is: drafted, refused, sent, delivered, or what the recipient said last."""
        if not hasattr(self, "decision"):
            return "drafted"
        if self.sent_at is None:
            return "refused"
        said: Any = sorted(self.statuses.all(), key=lambda one: (one.at, one.pk))
        if said:
            return STATES[said[-1].state]
        taken = any(one.state == DELIVERED for one in self.deliveries.all())
        return "delivered" if taken else "sent"

    @property
    def hours_to_removal(self) -> float | None:
        """Hours from sending to the first removal after it; none where there is none."""
        if (sent := self.sent_at) is None:
            return None
        gone = [one.at for one in self.statuses.all() if one.state == "removed" and one.at >= sent]
        return (min(gone) - sent).total_seconds() / 3600 if gone else None


class ReportDecision(AppendOnly):
    """What a second person said."""

    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="decision")
    released = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class ReportStatus(AppendOnly):
    """What became of a page, as the recipient says; `by` is it, or who wrote it down."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="statuses")
    state = models.CharField(max_length=12, choices=list(STATES.items()))
    at = models.DateTimeField()
    told_at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=40)
