"""Partners, the calls by which they were verified, and the policies by which they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet
from clewline.desk.records.models import Word
from clewline.desk.roles import Role

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class PartnerQuerySet(TeamQuerySet):
    """Partners: known in the whole organisation that keeps them, and to none of each other."""

    def visible_to(self, user: User) -> Self:
        """Keep what `user` may know of: partners of their organisation; a partner sees none."""
        if Role.PARTNER in user.roles:
            return self.none()
        return self.filter(team__organisation=user.organisation_id)

    def active(self) -> Self:
        """Keep those that may be told something at present."""
        return self.filter(standing="active")


class Partner(TeamOwned, Referenced, Sealed):
    """An agency, exchange, hotline, ... under a codename; two people agree to its terms.

    Attributes
    ----------
    clearance, pap : str
        The strictest TLP it may be told, the strictest PAP it undertakes to honour.
    handling, purposes : list of str
        Codes of handling that it honours; purposes agreed with it.
    hours, urgent_hours : int
        How soon it is answered, as agreed.
    terms_by : User
        Who entered or changed these terms last, and so does not agree to them.
    """

    LETTER = "P"
    SEALED = ("name", "contact")

    codename = models.CharField(max_length=60)
    name_sealed = models.BinaryField(null=True)
    contact_sealed = models.BinaryField(null=True)
    kind = Word("partner_kind", default="other")
    country = models.CharField(max_length=2)
    standing = Word("partner_standing", default="proposed")
    clearance = Word("tlp", default="green")
    pap = Word("pap", default="green")
    handling = models.JSONField(default=list)
    purposes = models.JSONField(default=list)
    hours = models.PositiveSmallIntegerField(default=72)
    urgent_hours = models.PositiveSmallIntegerField(default=4)
    terms_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    terms_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = PartnerQuerySet.as_manager()  # type: ignore[misc]

    def __str__(self) -> str:
        """Return the codename."""
        return self.codename


class Call(AppendOnly):
    """A call back: somebody of the desk rang a number that they found by themselves."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="calls")
    how = models.CharField(max_length=200)
    confirmed = models.BooleanField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class StandingChange(AppendOnly):
    """What became of a partner's standing: the ledger behind `Partner.standing`."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="changes")
    standing = Word("partner_standing")
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class PolicyVersion(AppendOnly):
    """A policy for an organisation; it counts once a second person agrees."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="policies"
    )
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["organisation", "-id"], name="policy_latest")]


class PolicyDecision(AppendOnly):
    """Whether a policy was adopted."""

    version = models.OneToOneField(PolicyVersion, on_delete=models.PROTECT, related_name="decision")
    adopted = models.BooleanField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
