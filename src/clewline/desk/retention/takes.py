"""What erasure takes of a record and what stays of it: one table, read by erasure, backup and docs.

The rows themselves stay, emptied, so that nothing that leads to them leads nowhere. In a backup the
columns that erasure would take are sealed with the record's own key (`keeping/backup.py`).
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models

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
}
"""Model → columns that erasure empties; each row has the `key_id` of its record."""

STAYS: Final[dict[str, tuple[str, ...]]] = {
    "records.Sighting": (
        *("id", "ref", "key_id", "team_id", "recorder_id", "recorded_at"),
        *("observed_at", "observed_precision", "obtained", "tlp", "pap", "retention_class"),
        *("rotation", "rotation_index", "supersedes_id"),
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
}
"""Model → columns that stay; a test holds that each column is in one of the two."""


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
        return field.get_default()
    return ""
