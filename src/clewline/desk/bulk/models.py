"""An import, its text in pieces, its rows, and by what a row is known when it comes again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import Referenced, Sealed, TeamOwned

NEW, KNOWN, WRONG, RECORDED, UNDONE = "new", "known", "wrong", "recorded", "undone"


class Import(TeamOwned, Referenced, Sealed):
    """Rows that somebody brings in at once. Its key seals its text, and is destroyed when done."""

    LETTER = "I"

    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    name = models.CharField(max_length=80)
    form = models.CharField(max_length=5)
    columns = models.JSONField(default=list)
    parted_by = models.CharField(max_length=1, default=",")
    mapping = models.JSONField(default=dict)
    constants = models.JSONField(default=dict)
    rows = models.PositiveIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    recording = models.BooleanField(default=False)
    undone_reason = models.CharField(max_length=400, blank=True)


class Part(models.Model):
    """A text that was sent, so that one sent twice is taken once."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="texts")
    number = models.PositiveIntegerField()
    check_index = models.BinaryField(max_length=16)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="import_part_once")
        ]


class Piece(Sealed):
    """Some rows that are checked, and later recorded, in one transaction."""

    SEALED = ("text",)

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    text_sealed = models.BinaryField(null=True)
    checked = models.BooleanField(default=False)
    recorded = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="import_piece_once")
        ]


class Row(models.Model):
    """What became of a row. Its text is not here."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="found")
    number = models.PositiveIntegerField()
    line = models.PositiveIntegerField()
    state = models.CharField(max_length=10)
    where = models.CharField(max_length=120, blank=True)
    problem = models.CharField(max_length=400, blank=True)
    hint = models.CharField(max_length=400, blank=True)
    key = models.BinaryField(max_length=16, null=True)
    check_index = models.BinaryField(max_length=16, null=True)
    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="import_row_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["job", "state", "number"], name="import_row_state"),
            models.Index(fields=["job", "key"], name="import_row_key"),
        ]


class ImportKey(TeamOwned):
    """By what a team knows an imported row when it comes again, and what it was recorded as."""

    key = models.BinaryField(max_length=16)
    check_index = models.BinaryField(max_length=16)
    sighting = models.ForeignKey("records.Sighting", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "key"], name="import_key_once")
        ]
