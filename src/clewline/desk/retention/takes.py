"""What erasure takes of a record and what stays of it: one table, read by erasure, backup and docs.

The rows themselves stay, emptied, so that nothing that leads to them leads nowhere. In a backup the
columns that erasure would take are sealed with the record's own key (`keeping/backup.py`).

A record has a key; what belongs to it is erased with it (`WAY`). `KINDS` says of which class a
record is and what erases it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.apps import apps
from django.db import models

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""What a time that must not be missing holds where nothing is said."""


@dataclass(frozen=True)
class Kind:
    """Records that are erased as one.

    Attributes
    ----------
    id, label : str
        What tombstones call it, and the model that has the key.
    retention_class : str
        Of ``vocab/retention.yaml``; empty where each record says its own.
    since : str
        Column that says when it was recorded.
    asked : bool
        Whether two people may erase one before its time.
    """

    id: str
    label: str
    retention_class: str
    since: str
    asked: bool = False

    @property
    def model(self) -> type[models.Model]:
        """The model that has the key."""
        return apps.get_model(self.label)


KINDS: Final = (
    Kind("sighting", "records.Sighting", "", "recorded_at", asked=True),
    Kind("case", "cases.Case", "case", "opened_at", asked=True),
    Kind("brand", "records.Brand", "report", "created_at", asked=True),
    Kind("look_up", "lookups.LookUp", "told", "asked_at"),
    Kind("dispute", "disputes.Dispute", "dispute", "at"),
    Kind("alert", "alerts.Alert", "partner", "made_at"),
    Kind("channel", "alerts.Channel", "partner", "at"),
    Kind("partner", "partners.Partner", "partner", "created_at"),
)
"""All that has a key of its own, but imports, whose key is destroyed when they are done."""

ELSEWHERE: Final = {"bulk.Piece": "its import is done, or undone: `bulk` empties it"}
"""Model with sealed columns that no period governs → what ends it."""

TAKEN: Final[dict[str, tuple[str, ...]]] = {
    "records.Sighting": (
        *("url_sealed", "url_index", "host_index", "wording_sealed", "wording_language"),
        *("wording_sha256", "page_text_sealed", "page_text_hash", "sketch"),
        *("protected_source_sealed", "neutral_summary", "accounts", "classification"),
        *("report_ref", "report_origin", "age_band", "brand_id", "location_kind"),
        *("hosting_country", "hosting_basis", "hosting_as_of", "access_path", "commercial"),
        *("payment_visibility", "source_grade", "info_grade", "handling"),
        *("supersedes_reason", "draft", "draft_check"),
    ),
    "records.PaymentOption": (
        *("address_id", "address_shown", "checksum_ok", "processor", "network", "token_contract"),
        *("amount_min", "amount_max", "price_currency", "payment_currency", "period", "tier"),
        *("uri_parameters", "memo", "invoice_expires_at", "credit"),
        *("contact_kind", "contact_sealed", "contact_index"),
    ),
    "disputes.Dispute": ("named_sealed", "disputer_sealed", "contact_sealed", "grounds_sealed"),
    "records.Indicator": (*("value_sealed", "value_index", "place", "start", "end", "set_aside"),),
    "routing.Report": ("document_sealed", "withheld"),
    "records.Brand": ("name_sealed", "name_index"),
    "cases.Case": ("title_sealed", "legal_basis", "state"),
    "cases.Member": ("why", "until_why"),
    "cases.Link": ("address_id", "sighting_id", "brand_id", "txid", "why"),
    "cases.Note": ("text_sealed",),
    "cases.StateChange": ("why",),
    "cases.Handover": ("why",),
    "cases.Task": ("text",),
    "cases.FileEntry": ("name", "sha256", "size", "place", "about"),
    "money.CaseRun": ("seeds", "parameters", "legal_basis"),
    "money.RunEnd": ("words", "sums", "digest"),
    "money.CaseRow": (
        *("outpoint", "address", "moved_at", "amount", "entity", "link", "counts_as", "facts"),
    ),
    "money.RowReview": ("why",),
    "money.RunPack": ("traced", "movements", "content", "sha256"),
    "money.VaspRequest": ("legal_basis", "why"),
    "money.RequestStep": ("route", "why"),
    "money.RequestRow": (*("outpoint", "address", "moved_at", "value", "traced"),),
    "money.RowAnswer": ("answer_sealed", "country"),
    "money.ImportedList": ("about", "columns", "sha256"),
    "money.ImportedRow": (
        *("outpoint", "txid", "address", "moved_at", "amount", "counterparty", "category"),
        "remark",
    ),
    "lookups.LookUp": (
        *("identifiers_sealed", "requester_sealed", "requester_role", "necessity_sealed"),
        *("authoriser_sealed", "authoriser_rank", "statute", "offence", "case_ref"),
        *("urgent_reason", "alert_ref"),
    ),
    "lookups.LookUpCall": ("how",),
    "lookups.OriginatorAsked": ("source", "fields"),
    "lookups.Consent": ("how",),
    "lookups.Revocation": ("how",),
    "lookups.Draft": ("items_sealed", "weighed_sealed", "note"),
    "lookups.Release": ("deliverable_sealed", "sha256", "reason"),
    "alerts.Alert": ("reason",),
    "alerts.Copy": ("document_sealed", "withheld"),
    "alerts.Channel": ("target_sealed", "secret_sealed"),
    "partners.Partner": ("name_sealed", "contact_sealed"),
}
"""Model → columns that erasure empties."""

WAY: Final[dict[str, str]] = {
    "records.PaymentOption": "sighting",
    "records.Indicator": "sighting",
    "routing.Report": "sighting",
    "cases.Member": "case",
    "cases.Link": "case",
    "cases.Note": "case",
    "cases.StateChange": "case",
    "cases.Handover": "case",
    "cases.Task": "case",
    "cases.FileEntry": "case",
    "money.CaseRun": "case",
    "money.RunEnd": "run__case",
    "money.CaseRow": "run__case",
    "money.RowReview": "row__run__case",
    "money.RunPack": "run__case",
    "money.VaspRequest": "case",
    "money.RequestStep": "request__case",
    "money.RequestRow": "request__case",
    "money.RowAnswer": "row__request__case",
    "money.ImportedList": "case",
    "money.ImportedRow": "of__case",
    "lookups.LookUpCall": "look_up",
    "lookups.OriginatorAsked": "look_up",
    "lookups.Consent": "asked__look_up",
    "lookups.Revocation": "consent__asked__look_up",
    "lookups.Draft": "look_up",
    "lookups.Release": "draft__look_up",
    "alerts.Copy": "alert",
}
"""Model → way to the record with which its rows are erased; the others are that record."""

STAYS: Final[dict[str, tuple[str, ...]]] = {
    "records.Sighting": (
        *("id", "ref", "key_id", "team_id", "recorder_id", "recorded_at", "observed_at"),
        *("observed_precision", "obtained", "tlp", "pap", "retention_class", "rotation"),
        *("rotation_index", "supersedes_id"),
    ),
    "records.PaymentOption": (
        *("id", "key_id", "team_id", "sighting_id", "position", "rail", "asset", "form"),
        "obtained",
    ),
    "disputes.Dispute": (
        *("id", "ref", "key_id", "team_id", "disputer_kind", "channel", "received_on", "due_on"),
        *("answer_id", "by_id", "at"),
    ),
    "records.Indicator": ("id", "key_id", "sighting_id", "kind"),
    "routing.Report": (
        *("id", "team_id", "ref", "key_id", "sighting_id", "option_id", "partner_id", "theirs"),
        *("by_id", "at"),
    ),
    "records.Brand": ("id", "team_id", "ref", "key_id", "codename", "created_by_id", "created_at"),
    "cases.Case": (
        *("id", "team_id", "ref", "key_id", "codename", "owner_id", "opened_at", "closed_at"),
        "sealed",
    ),
    "cases.Member": ("id", "case_id", "user_id", "by_id", "since", "until", "until_by_id"),
    "cases.Link": ("id", "case_id", "by_id", "at"),
    "cases.Note": ("id", "ref", "key_id", "case_id", "by_id", "at"),
    "cases.StateChange": ("id", "case_id", "state", "by_id", "at"),
    "cases.Handover": ("id", "case_id", "to_id", "by_id", "at"),
    "cases.Task": ("id", "ref", "case_id", "owner_id", "due", "by_id", "at"),
    "cases.FileEntry": ("id", "ref", "case_id", "by_id", "at"),
    "money.CaseRun": ("id", "ref", "case_id", "again_of_id", "by_id", "at"),
    "money.RunEnd": (
        *("id", "run_id", "state", "tip", "height", "label_sets", "label_hash", "rates"),
        "at",
    ),
    "money.CaseRow": ("id", "run_id", "table", "position"),
    "money.RowReview": ("id", "row_id", "state", "by_id", "at"),
    "money.RunPack": ("id", "run_id", "exchange", "slug", "deposits", "withdrawals"),
    "money.VaspRequest": ("id", "ref", "case_id", "pack_id", "cites_id", "by_id", "at"),
    "money.RequestStep": ("id", "request_id", "step", "day", "due", "by_id", "at"),
    "money.RequestRow": ("id", "request_id", "position", "reference", "direction"),
    "money.RowAnswer": ("id", "ref", "key_id", "row_id", "status", "by_id", "at"),
    "money.ImportedList": ("id", "ref", "case_id", "tool", "refused", "by_id", "at"),
    "money.ImportedRow": ("id", "of_id", "line"),
    "lookups.LookUp": (
        *("id", "team_id", "ref", "key_id", "partner_id", "asked_by_id", "asked_at"),
        *("purpose", "legal_basis", "urgent", "reply_route", "no_notification", "expires_at"),
        "stands_until",
    ),
    "lookups.LookUpCall": ("id", "look_up_id", "confirmed", "by_id", "at"),
    "lookups.OriginatorAsked": ("id", "look_up_id", "partner_id", "by_id", "at"),
    "lookups.Consent": ("id", "asked_id", "granted", "by_id", "at"),
    "lookups.Revocation": ("id", "consent_id", "by_id", "at"),
    "lookups.Draft": ("id", "ref", "key_id", "look_up_id", "reply", "policy", "by_id", "at"),
    "lookups.Release": ("id", "key_id", "draft_id", "released", "by_id", "at"),
    "alerts.Alert": (
        *("id", "team_id", "ref", "key_id", "kind", "about_id", "tlp", "pap", "valid_from"),
        *("valid_until", "made_by_id", "made_at"),
    ),
    "alerts.Copy": (
        *("id", "key_id", "alert_id", "partner_id", "ref", "number", "kind", "at", "items"),
    ),
    "alerts.Channel": (
        *("id", "team_id", "ref", "key_id", "partner_id", "kind", "is_open", "by_id", "at"),
    ),
    "partners.Partner": (
        *("id", "team_id", "ref", "key_id", "codename", "kind", "country", "standing"),
        *("clearance", "pap", "handling", "purposes", "hours", "urgent_hours", "terms_by_id"),
        *("terms_at", "created_by_id", "created_at"),
    ),
}
"""Model → columns that stay; a test holds that each column is in one of the two."""


def key_path(label: str) -> str:
    """Return how the key of a model's rows is asked for."""
    return f"{WAY[label]}__key_id" if label in WAY else "key_id"


def belongings(kind: Kind) -> list[str]:
    """Return the models whose rows are erased with a record, the record's own last."""
    found = []
    for label, way in WAY.items():
        model: Any = apps.get_model(label)
        for step in way.split("__"):
            model = model._meta.get_field(step).related_model
        if model._meta.label == kind.label:
            found.append(label)
    return [*found, kind.label]


def emptied(model: type[models.Model]) -> dict[str, Any]:
    """Return what the columns that erasure takes hold afterwards."""
    columns = {field.attname: field for field in model._meta.concrete_fields}
    return {name: empty(columns[name]) for name in TAKEN.get(model._meta.label, ())}


def empty(field: models.Field[Any, Any]) -> Any:
    """Return what a column holds where nothing is said."""
    if field.null:
        return None
    if isinstance(field, models.BinaryField):
        return b""
    if isinstance(field, models.JSONField):
        return [] if field.get_default() is None else field.get_default()
    if isinstance(field, models.IntegerField):
        return 0
    return EPOCH if isinstance(field, models.DateTimeField) else ""
