"""Runs over the chain store and their rows, requests to exchanges, answers, lists of other tools.

Four layers never share a column: what the chain shows (outpoint, amount, time, address), how a link
is inferred, whose word a name is, and what makes a row a lead. Rows of other tools have a table of
their own.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline.desk.cases.models import OfCaseQuerySet
from clewline.desk.ledger import AppendOnly, Referenced, Sealed

PAYERS: Final = "payers"
CASHOUTS: Final = "cashouts"
LEADS: Final = "leads"
TABLES: Final = {PAYERS: _("Payers"), CASHOUTS: _("Cash-outs"), LEADS: _("Leads")}
ENDS: Final = {
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "interrupted": _("interrupted"),
}
REVIEWS: Final = {
    "confirmed": _("confirmed"),
    "set_aside": _("set aside"),
    "unsure": _("cannot tell"),
}
STEPS: Final = {
    "approved": _("approved"),
    "refused": _("refused"),
    "sent": _("sent"),
    "closed": _("closed"),
}
STATUSES: Final = {
    "named": _("account named"),
    "not_theirs": _("not theirs"),
    "declined": _("declined"),
    "remarks": _("see remarks"),
}


class CaseRun(Referenced, AppendOnly):
    """Who had the tables of a case computed, from what, with which parameters and basis."""

    LETTER = "K"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="runs")
    seeds = models.JSONField()
    parameters = models.JSONField()
    legal_basis = models.CharField(max_length=200)
    again_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class RunProgress(models.Model):
    """How far a run is, while it runs; says nothing of what it found."""

    run = models.OneToOneField(CaseRun, on_delete=models.PROTECT, related_name="progress")
    step = models.PositiveSmallIntegerField(default=0)
    beat = models.DateTimeField(default=timezone.now)
    cancelled_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )


class RunEnd(AppendOnly):
    """What became of a run: the tip and labels that it saw, its sums, the digest of its result."""

    run = models.OneToOneField(CaseRun, on_delete=models.PROTECT, related_name="end")
    state = models.CharField(max_length=12, choices=list(ENDS.items()))
    words = models.CharField(max_length=400, blank=True)
    tip = models.CharField(max_length=64, blank=True)
    height = models.PositiveIntegerField(null=True)
    label_sets = models.JSONField(default=list)
    label_hash = models.CharField(max_length=64, blank=True)
    rates = models.JSONField(default=dict)
    sums = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=timezone.now)


class CaseRow(AppendOnly):
    """One row of a run's table; `facts` has every column of the chain store's answer."""

    run = models.ForeignKey(CaseRun, on_delete=models.PROTECT, related_name="rows")
    table = models.CharField(max_length=10, choices=list(TABLES.items()))
    position = models.PositiveIntegerField()
    outpoint = models.CharField(max_length=80, blank=True)
    address = models.CharField(max_length=200, blank=True)
    moved_at = models.DateTimeField(null=True)
    amount = models.BigIntegerField(null=True)
    entity = models.CharField(max_length=200, blank=True)
    link = models.CharField(max_length=10, blank=True)
    counts_as = models.CharField(max_length=10, blank=True)
    facts = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "table", "position"], name="case_row_once")
        ]


class RowReview(AppendOnly):
    """What a member says of a row; the latest counts."""

    row = models.ForeignKey(CaseRow, on_delete=models.PROTECT, related_name="reviews")
    state = models.CharField(max_length=10, choices=list(REVIEWS.items()))
    why = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class RunPack(AppendOnly):
    """The request pack of one exchange: sheet, page and record as `reports` makes them, zipped."""

    run = models.ForeignKey(CaseRun, on_delete=models.PROTECT, related_name="packs")
    exchange = models.CharField(max_length=200)
    slug = models.CharField(max_length=120)
    deposits = models.PositiveIntegerField()
    withdrawals = models.PositiveIntegerField()
    traced = models.BigIntegerField()
    movements = models.JSONField()
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "slug"], name="run_pack_once")
        ]


class VaspRequest(Referenced, AppendOnly):
    """What one exchange shall be asked; it goes out once a second person approved it."""

    LETTER = "Q"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="requests")
    pack = models.ForeignKey(RunPack, on_delete=models.PROTECT, related_name="requests")
    cites = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    legal_basis = models.CharField(max_length=200)
    why = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class RequestStep(AppendOnly):
    """What became of a request: approved, refused, sent on a day by a route, closed."""

    request = models.ForeignKey(VaspRequest, on_delete=models.PROTECT, related_name="steps")
    step = models.CharField(max_length=10, choices=list(STEPS.items()))
    day = models.DateField(null=True)
    route = models.CharField(max_length=120, blank=True)
    due = models.DateField(null=True)
    why = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "step"], name="request_step_once")
        ]


class RequestRow(AppendOnly):
    """One movement that an exchange is asked about."""

    request = models.ForeignKey(VaspRequest, on_delete=models.PROTECT, related_name="rows")
    position = models.PositiveIntegerField()
    reference = models.CharField(max_length=20)
    direction = models.CharField(max_length=10)
    outpoint = models.CharField(max_length=80)
    address = models.CharField(max_length=200, blank=True)
    moved_at = models.DateTimeField()
    value = models.BigIntegerField()
    traced = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "reference"], name="request_row_once")
        ]


class RowAnswer(Referenced, Sealed, AppendOnly):
    """What an exchange answered to a row; all but status and country sealed with the case's key."""

    LETTER = "A"
    SEALED = ("answer",)

    row = models.ForeignKey(RequestRow, on_delete=models.PROTECT, related_name="answers")
    status = models.CharField(max_length=10, choices=list(STATUSES.items()))
    country = models.CharField(max_length=2, blank=True)
    answer_sealed = models.BinaryField(null=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class ImportedList(Referenced, AppendOnly):
    """A list that another tool made: whose word it is, and how its columns were read."""

    LETTER = "L"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="imported_lists")
    tool = models.CharField(max_length=80)
    about = models.CharField(max_length=400, blank=True)
    columns = models.JSONField()
    sha256 = models.CharField(max_length=64)
    refused = models.PositiveIntegerField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class ImportedRow(AppendOnly):
    """One row of such a list: that tool's word, never ours."""

    of = models.ForeignKey(ImportedList, on_delete=models.PROTECT, related_name="rows")
    line = models.PositiveIntegerField()
    outpoint = models.CharField(max_length=80, blank=True)
    txid = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=200, blank=True)
    moved_at = models.DateTimeField(null=True)
    amount = models.BigIntegerField(null=True)
    counterparty = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=80, blank=True)
    remark = models.CharField(max_length=400, blank=True)
