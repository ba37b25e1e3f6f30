"""What a recipient is told of a page: each field asks the policy, as a record of kind `report`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from clewline import policy
from clewline.desk.alerts.composing import PURPOSES
from clewline.desk.partners.models import Partner
from clewline.desk.partners.policies import policy_of
from clewline.desk.partners.services import asker_of
from clewline.desk.received.queries import givers_of_sightings
from clewline.desk.records.models import PaymentOption, Sighting
from clewline.errors import UsageError
from clewline.sharing import CLUE

_OF_OPTION: Final = ("rail", "processor", "price", "address")
"""Fields that each means of payment has for itself."""


@dataclass(frozen=True)
class Composed:
    """What would be told, and inside: what not, and why."""

    values: dict[str, Any]
    withheld: list[str]


def compose(sighting: Sighting, option: PaymentOption | None, partner: Partner) -> Composed:
    """Decide field by field what a partner is told of a page.

    Parameters
    ----------
    sighting : Sighting
        The page.
    option : PaymentOption, optional
        The means of payment that concerns the partner; none: all that the page offered.
    partner : Partner
        Who would be told.

    Raises
    ------
    UsageError
        If the page shows no means of payment, or policy releases nothing that one could act on.
    """
    options = [option] if option else list(sighting.options.order_by("position"))
    if not options:
        raise UsageError("no means of payment was recorded", where=sighting.ref)
    means, known = [_means(one) for one in options], _facts(sighting)
    record = policy.Record(
        "report",
        frozenset(known).union(*means),
        tlp=sighting.tlp,
        pap=sighting.pap,
        source_grade=sighting.source_grade,
        info_grade=sighting.info_grade,
        handling=frozenset({sighting.handling} - {""}),
        owner=str(sighting.team_id),
        originator=givers_of_sightings([sighting.pk]).get(sighting.pk, ""),
    )
    purpose = policy.Purpose(*PURPOSES.get(partner.kind, ("", "")))
    rules = policy_of(sighting.team.organisation_id)
    decision = policy.decide(rules, asker_of(partner), purpose, record)
    told = decision.released
    if "rail" not in told:
        weighed = decision.fields["rail"]
        raise UsageError(
            f"policy does not release the means of payment: {weighed.reason}", where=partner.ref
        )
    kept = [
        f"{name}: {one.reason} ({one.rule})"
        for name, one in sorted(decision.fields.items())
        if name not in told
    ]
    values = {name: known[name] for name in sorted(told) if name not in _OF_OPTION}
    parts = [
        {name: one[name] for name in _OF_OPTION if name in told and name in one} for one in means
    ]
    return Composed({**values, "payment": parts}, kept)


def document(composed: Composed, theirs: str, issuer: str) -> str:
    """Return a report as the recipient gets it: JSON, keys in order."""
    told = {"report": theirs, "issuer": issuer, "note": CLUE, **composed.values}
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def _means(option: PaymentOption) -> dict[str, Any]:
    """Return a means of payment, by field of the policy."""
    price = {
        "amount_min": option.amount_min,
        "amount_max": option.amount_max,
        "currency": option.price_currency,
        "period": option.period,
    }
    found: dict[str, Any] = {
        "rail": option.rail,
        "processor": option.processor,
        "price": {name: value for name, value in price.items() if value},
        "address": option.address.canonical if option.address else "",
    }
    return {name: value for name, value in found.items() if value}


def _facts(sighting: Sighting) -> dict[str, Any]:
    """Return what a page says, by field of the policy; nothing for what was not recorded.

    Wording, contacts, sources and what stands in the page's source are no facts of a report.
    """
    seen = sighting.observed_at.astimezone(UTC).isoformat(timespec="seconds")
    labels = [row.get("label") for row in sighting.classification if isinstance(row, dict)]
    marks = {"tlp": sighting.tlp, "pap": sighting.pap, "handling": sighting.handling}
    found: dict[str, Any] = {
        "category": "child_sexual_abuse",
        "classification": [label for label in labels if label],
        "hosting_country": sighting.hosting_country,
        "location_kind": sighting.location_kind,
        "report_ref": sighting.report_ref,
        "first_seen": seen,
        "last_seen": seen,
        "markings": {name: value for name, value in marks.items() if value},
        "url": sighting.unseal("url"),
    }
    return {name: value for name, value in found.items() if value}
