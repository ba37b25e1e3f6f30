"""Drafts of made-up pages."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from clewline.desk.records.services import OptionDraft, SightingDraft

ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
OTHER_ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
WRONG_ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"
URL = "http://made-up-site.example/pay"
SEEN = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def option(address: str = ADDRESS, **fields: Any) -> OptionDraft:
    """Return a bitcoin option."""
    settled = {"asset": "BTC", "amount_min": "20", "price_currency": "EUR", "period": "monthly"}
    return OptionDraft(address=address, **{**settled, **fields})


def page(*options: OptionDraft, **fields: Any) -> SightingDraft:
    """Return a page with some options, one if none are given."""
    settled = {
        "observed_at": SEEN,
        "brand": "Grey Heron",
        "url": URL,
        "wording": "Made-up wording of a payment page.",
        "draft": uuid.uuid4(),
    }
    return SightingDraft(options=options or (option(),), **{**settled, **fields})
