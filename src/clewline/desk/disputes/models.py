"""Disputes of listings and what became of them: rows that are written once."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet
from clewline.desk.records.models import Word

UPHELD = "upheld"
PARTLY = "partly"
REJECTED = "rejected"
OF_ADDRESS = "address"
OF_VALIDITY = "validity"


class DisputeQuerySet(TeamQuerySet):
    """Disputes."""

    def open(self) -> Self:
        """Keep those that two people did not decide yet."""
        return self.filter(~models.Exists(self._agreed()))

    def decided(self) -> Self:
        """Keep those that two people decided."""
        return self.filter(models.Exists(self._agreed()))

    def _agreed(self) -> models.QuerySet[Decision]:
        """Return the decisions that agreed on a dispute."""
        return Decision.objects.filter(proposal__dispute=models.OuterRef("pk"), agreed=True)


class Dispute(TeamOwned, Referenced, Sealed, AppendOnly):
    """That somebody says a listing is wrong. Who, why and of what, as they wrote it, is sealed.

    Attributes
    ----------
    received_on, due_on : date
        When it came, and until when it is to be decided.
    answer : Answer or None
        A recipient's answer to an alert, which opened it.
    by : User or None
        Who entered it; nobody where a recipient's program or the public form did.
    """

    LETTER = "J"
    SEALED = ("named", "disputer", "contact", "grounds")

    named_sealed = models.BinaryField(null=True)
    disputer_sealed = models.BinaryField(null=True)
    contact_sealed = models.BinaryField(null=True)
    grounds_sealed = models.BinaryField(null=True)
    disputer_kind = Word("disputer_kind", default="other")
    channel = Word("dispute_channel", default="letter")
    received_on = models.DateField()
    due_on = models.DateField()
    answer = models.OneToOneField(
        "alerts.Answer", on_delete=models.PROTECT, null=True, related_name="opened"
    )
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = DisputeQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-at"], name="dispute_team_at")]


class Taking(AppendOnly):
    """That somebody said which address a dispute is about.

    `marked` is the status by which the address counts as disputed from then on; none where the
    team lists nothing of it, or it was disputed or withdrawn before.
    """

    dispute = models.OneToOneField(Dispute, on_delete=models.PROTECT, related_name="taking")
    address = models.ForeignKey(
        "records.Address", on_delete=models.PROTECT, related_name="disputes"
    )
    marked = models.OneToOneField(
        "records.AddressStatus", on_delete=models.PROTECT, null=True, related_name="taking"
    )
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Proposal(AppendOnly):
    """What somebody who examined a dispute would decide, and why."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="proposals")
    outcome = Word("dispute_outcome")
    correction = Word("dispute_correction")
    valid_until = models.DateField(null=True)
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["id"]


class Decision(AppendOnly):
    """What a second person said of a proposal; `alert` is what past recipients were told by it."""

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="decision")
    agreed = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    alert = models.ForeignKey("alerts.Alert", on_delete=models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Reply(AppendOnly):
    """That whoever disputed was answered."""

    dispute = models.OneToOneField(Dispute, on_delete=models.PROTECT, related_name="reply")
    how = models.CharField(max_length=200)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
