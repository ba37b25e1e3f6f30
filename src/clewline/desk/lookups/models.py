"""What partners asked, who verified it, what was drafted, released and received: rows for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet
from clewline.desk.records.models import Word
from clewline.desk.roles import Role

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class LookUpQuerySet(TeamQuerySet):
    """Look-ups: to the desk those of its teams, to a partner its own."""

    def visible_to(self, user: User) -> Self:
        """Keep what `user` may know of."""
        if Role.PARTNER in user.roles:
            return self.filter(partner=user.partner_id)
        return super().visible_to(user)


class LookUp(TeamOwned, Referenced, Sealed, AppendOnly):
    """What a partner asked. Its team is the one that keeps the partner, and answers.

    `identifiers` is sealed JSON: a site's address or a contact may be among them.
    """

    LETTER = "L"
    SEALED = ("identifiers", "requester", "necessity", "authoriser")

    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="look_ups"
    )
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    identifiers_sealed = models.BinaryField(null=True)
    requester_sealed = models.BinaryField(null=True)
    requester_role = models.CharField(max_length=120)
    purpose = Word("purpose", default="investigation")
    legal_basis = Word("legal_basis", default="statute")
    statute = models.CharField(max_length=200, blank=True)
    offence = models.CharField(max_length=200)
    necessity_sealed = models.BinaryField(null=True)
    case_ref = models.CharField(max_length=80, blank=True)
    authoriser_sealed = models.BinaryField(null=True)
    authoriser_rank = models.CharField(max_length=80)
    urgent = models.BooleanField(default=False)
    urgent_reason = models.CharField(max_length=400, blank=True)
    reply_route = Word("reply_route", default="portal")
    no_notification = models.BooleanField(default=False)
    expires_at = models.DateField(null=True)
    stands_until = models.DateField(null=True)
    alert_ref = models.CharField(max_length=13, blank=True)

    objects = LookUpQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["team", "-asked_at", "-id"], name="look_up_team_asked"),
            models.Index(fields=["partner", "-asked_at", "-id"], name="look_up_partner_asked"),
        ]

    @property
    def is_erased(self) -> bool:
        """Whether it was erased; every other one asks of something."""
        return self.identifiers_sealed is None


class LookUpCall(AppendOnly):
    """A call back to who asks, before anything is answered."""

    look_up = models.ForeignKey(LookUp, on_delete=models.PROTECT, related_name="calls")
    how = models.CharField(max_length=200)
    confirmed = models.BooleanField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class OriginatorAsked(AppendOnly):
    """That the originator of a record was asked whether fields of it may be told for a look-up.

    `source` is how answers inside call the record. Where no partner gave it, `partner` is None: it
    is whoever recorded it that is asked.
    """

    look_up = models.ForeignKey(LookUp, on_delete=models.PROTECT, related_name="originators_asked")
    source = models.CharField(max_length=40)
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, null=True, related_name="+"
    )
    fields = models.JSONField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Consent(AppendOnly):
    """What the originator said, to whom, and how it is known."""

    asked = models.OneToOneField(OriginatorAsked, on_delete=models.PROTECT, related_name="consent")
    granted = models.BooleanField()
    how = models.CharField(max_length=200)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Revocation(AppendOnly):
    """That an originator took its consent back: what is decided afterwards withholds."""

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="revocation")
    how = models.CharField(max_length=200)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Draft(Referenced, Sealed, AppendOnly):
    """An answer that somebody prepared, under the request's key. What was weighed stays inside.

    `items` is sealed JSON: of each identifier the reply and the fields that would be told.
    `weighed` names of each record what became of its fields, by which rule and why, with what the
    policy knew of it, so that another policy can be tried on it.
    """

    LETTER = "D"
    SEALED = ("items", "weighed")

    look_up = models.ForeignKey(LookUp, on_delete=models.PROTECT, related_name="drafts")
    reply = Word("look_up_reply")
    items_sealed = models.BinaryField(null=True)
    weighed_sealed = models.BinaryField(null=True)
    policy = models.CharField(max_length=500)
    note = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Release(Sealed, AppendOnly):
    """What a second person said of a draft; if they released it, what was given out."""

    SEALED = ("deliverable",)

    draft = models.OneToOneField(Draft, on_delete=models.PROTECT, related_name="release")
    released = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    deliverable_sealed = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Told(AppendOnly):
    """That a release rests on a sighting or address: whom to tell when that no longer stands."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="told")
    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="+"
    )
    address = models.ForeignKey(
        "records.Address", on_delete=models.PROTECT, null=True, related_name="+"
    )
    status = models.CharField(max_length=20, blank=True)


class Receipt(AppendOnly):
    """That somebody of the partner acknowledged an answer."""

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="receipt")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
