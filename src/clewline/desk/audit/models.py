"""The rows of the audit log, and what proves that they are whole."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clewline.desk.audit import anchors
from clewline.desk.ledger import AppendOnly


class Event(AppendOnly):
    """One thing that somebody did or tried. `hash` covers every field and the hash before it."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=40, db_index=True)
    on_behalf = models.CharField(max_length=120, blank=True)
    action = models.CharField(max_length=40, db_index=True)
    object = models.CharField(max_length=120, blank=True, db_index=True)
    purpose = models.CharField(max_length=400, blank=True)
    result = models.CharField(max_length=20)
    client = models.CharField(max_length=60, blank=True)
    details = models.TextField(default="{}")
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        """Return number and action."""
        return f"{self.seq} {self.action}"


class SigningKey(AppendOnly):
    """Public half of a key with which an auditor signs the head of the log."""

    public = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """Return the beginning of the key."""
        return self.public[:16]


class Anchor(AppendOnly):
    """A signed head of the log, as it was also dropped outside."""

    seq = models.BigIntegerField(db_index=True)
    document = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """Return the event that it is of."""
        return f"anchor of {self.seq}"

    @property
    def plain(self) -> anchors.Anchor:
        """The anchor away from the database."""
        return anchors.read(self.document.encode(), str(self))


class Timestamp(AppendOnly):
    """What a time authority answered for an anchor (RFC 3161)."""

    anchor = models.ForeignKey(Anchor, on_delete=models.PROTECT, related_name="timestamps")
    response = models.BinaryField()
    says = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)


class Check(AppendOnly):
    """That the log was verified, up to where, and what came of it."""

    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=40)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    fault_seq = models.BigIntegerField(null=True)
    fault = models.CharField(max_length=200, blank=True)
