"""Made-up sites whose pages share things."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from tests.desk.records.pages import SEEN, option

from clewline.desk.accounts.models import User
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import IndicatorDraft, OptionDraft, SightingDraft, record

WORDS = " ".join(f"made up word {chr(97 + n)}{chr(98 + n)}c of the payment page" for n in range(24))
ANALYTICS = IndicatorDraft(kind="account", value="UA-10000001-1", place="script")
TIERS = (("20", "monthly"), ("50", "quarterly"), ("150", "yearly"))


def prices(*addresses: str) -> tuple[OptionDraft, ...]:
    """Return three tiers, each with an address if some are given."""
    return tuple(
        OptionDraft(
            asset="BTC",
            chain="BTC",
            address=addresses[n % len(addresses)] if addresses else "",
            amount_min=amount,
            price_currency="EUR",
            period=period,
        )
        for n, (amount, period) in enumerate(TIERS)
    )


def site(user: User, brand: str, *options: OptionDraft, days: int = 0, **fields: Any) -> Sighting:
    """Record a page of a site."""
    settled = {
        "observed_at": SEEN + timedelta(days=days),
        "brand": brand,
        "url": f"http://{uuid.uuid4().hex}.example/pay",
        "wording": "Made-up wording of a payment page.",
        "neutral_summary": "Payment page, made up",
        "draft": uuid.uuid4(),
    }
    return record(user, SightingDraft(options=options or (option(),), **{**settled, **fields}))
