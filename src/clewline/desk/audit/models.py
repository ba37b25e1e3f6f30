"""The rows of the audit log."""

from __future__ import annotations

from django.db import models

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
