"""Alerts, what each recipient gets of one, and the outbox from which it is delivered.

An alert, its items, the decision and each recipient's copy are written once. A delivery is a copy,
or a report of a page, on one channel: it waits, is delivered or dead; its attempts stand beside it
and are never edited.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import models
from django.utils import timezone

from clewline.desk.alerts.channels import SENDERS
from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet
from clewline.desk.records.models import Word

if TYPE_CHECKING:
    from clewline.desk.routing.models import Report

NEW: Final = "new"
CHANGED: Final = "changed"
WITHDRAWN: Final = "withdrawn"
KINDS: Final = (NEW, CHANGED, WITHDRAWN)
WAITING: Final = "waiting"
OFFERED: Final = "offered"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
STATES: Final = {
    WAITING: "in the outbox: a worker sends it when it is due",
    OFFERED: "lies where the recipient fetches it",
    DELIVERED: "the receiver took it; that it was read or deleted is not known",
    DEAD: "given up after the last attempt; somebody may let it be tried again",
}
"""State of a delivery → what it says."""


def _delivery_id() -> str:
    """Return an id of 128 random bits: the same at every attempt, and shared by no two."""
    return secrets.token_hex(16)


class Channel(TeamOwned, Referenced, Sealed):
    """A way on which one partner is told: where, and what proves that it is we who say it."""

    LETTER = "H"
    SEALED = ("target", "secret")

    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="channels"
    )
    kind = models.CharField(max_length=20)
    target_sealed = models.BinaryField(null=True)
    secret_sealed = models.BinaryField(null=True)
    is_open = models.BooleanField(default=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["partner", "kind"],
                condition=models.Q(is_open=True),
                name="channel_once_a_partner",
            )
        ]

    @property
    def title(self) -> str:
        """Its kind as people read it."""
        return SENDERS[self.kind].title


class AccessKey(models.Model):
    """A key with which a partner's program fetches what is there for it; kept as a hash."""

    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="access_keys"
    )
    digest = models.CharField(max_length=64, unique=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)


class Alert(TeamOwned, Referenced, Sealed, AppendOnly):
    """What a team wants to tell partners of addresses. `about` is the first alert of its line."""

    LETTER = "A"
    SEALED = ()

    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS], default=NEW)
    about = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="followed_by"
    )
    tlp = Word("tlp", default="amber")
    pap = Word("pap", default="amber")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=400, blank=True)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-made_at"], name="alert_team_made")]


class AlertItem(AppendOnly):
    """One address in an alert, and the option of the page that showed it."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveSmallIntegerField()
    address = models.ForeignKey("records.Address", on_delete=models.PROTECT, related_name="+")
    option = models.ForeignKey("records.PaymentOption", on_delete=models.PROTECT, related_name="+")
    strength = models.CharField(max_length=10, default="mention")
    confidence = models.CharField(max_length=40)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "address"], name="alert_address_once")
        ]


class Addressee(AppendOnly):
    """A partner whom the maker chose; what of it they get, policy says when it is approved."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="addressees")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "partner"], name="addressee_once")
        ]


class AlertDecision(AppendOnly):
    """What a second person said."""

    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="decision")
    released = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Copy(Sealed, AppendOnly):
    """What one recipient gets of an alert, byte for byte, under references of its own.

    The document is a list of what changed: `number` is its version, and counts the copies of this
    partner alone, from one on, so that it tells nothing of what others got.
    `withheld` says inside what policy kept back and why; nothing of it is in the document.
    """

    SEALED = ("document",)

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="copies")
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="alert_copies"
    )
    ref = models.CharField(max_length=20, unique=True)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    at = models.DateTimeField()
    items = models.PositiveSmallIntegerField()
    document_sealed = models.BinaryField(null=True)
    withheld = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "partner"], name="copy_once"),
            models.UniqueConstraint(fields=["partner", "number"], name="copy_number_once"),
        ]


class Told(models.Model):
    """What a partner was told of an address last: a view of its copies, one row an address.

    `ref` is how this partner knows the address, whichever alert it stood in. `content` is a keyed
    hash of what was told, so that nothing is sent again that did not change for this partner.
    """

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="told")
    address = models.ForeignKey("records.Address", on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=20)
    revision = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    withdrawn = models.BooleanField(default=False)
    content = models.BinaryField(max_length=16)
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="last_of")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["partner", "team", "address"], name="told_once")
        ]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries."""

    def visible_to(self, user: Any) -> DeliveryQuerySet:
        """Keep those of alerts and reports of the teams of `user`."""
        own = user.team_ids
        return self.filter(models.Q(copy__alert__team__in=own) | models.Q(report__team__in=own))


class Delivery(models.Model):
    """A copy or a report on one channel: the outbox. By `ref`, stable, a receiver drops repeats.

    `due_at` is when a worker may take it up; who takes it up moves it, so that nobody else does
    meanwhile, and `claim` says who that is.
    """

    ref = models.CharField(max_length=32, unique=True, default=_delivery_id)
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, null=True, related_name="deliveries")
    report = models.ForeignKey(
        "routing.Report", on_delete=models.PROTECT, null=True, related_name="deliveries"
    )
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=10, choices=list(STATES.items()), default=WAITING)
    due_at = models.DateTimeField()
    claim = models.CharField(max_length=32, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    why = models.CharField(max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["copy", "channel"], name="delivery_once"),
            models.UniqueConstraint(fields=["report", "channel"], name="delivery_report_once"),
            models.CheckConstraint(
                condition=models.Q(copy__isnull=True) ^ models.Q(report__isnull=True),
                name="delivery_of_one_thing",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=models.Q(state=WAITING), name="delivery_waiting"
            ),
            models.Index(fields=["state", "id"], name="delivery_state"),
        ]

    @property
    def carried(self) -> Copy | Report:
        """What is delivered."""
        found = self.report or self.copy
        if found is None:
            message = "a delivery carries a copy or a report"
            raise TypeError(message)
        return found

    @property
    def about(self) -> Alert | Report:
        """The alert or the report that it is about."""
        carried = self.carried
        return carried.alert if isinstance(carried, Copy) else carried


class Attempt(AppendOnly):
    """One try, when it is over; a worker that died in between leaves none."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    took_ms = models.PositiveIntegerField(default=0)
    delivered = models.BooleanField()
    why = models.CharField(max_length=200, blank=True)


class Receipt(AppendOnly):
    """That a receiver took a delivery: one row, whatever happened on the wire.

    It proves delivery. It does not prove that anybody read, used or deleted it.
    """

    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="receipt")
    at = models.DateTimeField(default=timezone.now)
    says = models.CharField(max_length=200, blank=True)


class Disclosure(AppendOnly):
    """That a partner's list was written to a file, to be handed over by another way.

    The same list lies on its channels; the hash says which bytes left, the version what was in it.
    """

    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="disclosures"
    )
    format = models.CharField(max_length=10)
    number = models.PositiveIntegerField()
    items = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    by = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)


class Answer(AppendOnly):
    """What a recipient answered of an alert: how many matched, or that something is wrong.

    A number or a word of a list; nobody is named. The latest answer of a kind counts.
    """

    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="answers")
    at = models.DateTimeField(default=timezone.now)
    matched = models.PositiveIntegerField(null=True)
    dispute = models.CharField(max_length=20, blank=True)
    item = models.CharField(max_length=20, blank=True)


__all__ = [
    "AccessKey",
    "Addressee",
    "Alert",
    "AlertDecision",
    "AlertItem",
    "Answer",
    "Attempt",
    "Channel",
    "Copy",
    "Delivery",
    "Disclosure",
    "Receipt",
    "TeamQuerySet",
    "Told",
]
