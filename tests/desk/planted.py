"""Records with a word of their own in every field, so that a page that says too much is found.

`SEALED` words are in sealed fields: no page shows them but a reveal. `OF_TEAM` words are in the
clear, for the team alone; `OF_CASE` for the members of a case.
"""

from __future__ import annotations

from datetime import UTC, datetime

from clewline.desk.accounts.models import Team, User
from clewline.desk.addresses import services as addresses
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.records import services as records
from clewline.desk.records.models import Sighting

ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
KEY = ("BTC", "main", ADDRESS)
URL = "https://sealed-url.example/pay"
SEALED = {
    "url": "sealed-url",
    "wording": "sealed-wording",
    "page_text": "sealed-page-text",
    "protected_source": "sealed-source",
    "contact": "sealed-contact",
    "indicator": "sealed-indicator",
    "name": "sealed-name",
    "title": "sealed-title",
    "note": "sealed-note",
    "partner_name": "sealed-partner-name",
    "partner_contact": "sealed-partner-contact",
}
OF_TEAM = {
    "brand": "Clear Codename",
    "group": "Clear Groupname",
    "summary": "clear-summary",
    "report": "clear-report",
    "tier": "clear-tier",
    "label": "clear-label",
    "status": "clear-dispute",
    "partner": "Quiet north",
    "purpose": "clear-purpose",
}
OF_CASE = {"case": "Clear Casename", "basis": "clear-basis", "why": "clear-reason"}


def draft(**fields: object) -> records.SightingDraft:
    """Return a page with a word in every field."""
    settled: dict[str, object] = {
        "observed_at": datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        "brand": OF_TEAM["brand"],
        "url": URL,
        "wording": SEALED["wording"],
        "page_text": SEALED["page_text"],
        "protected_source": SEALED["protected_source"],
        "neutral_summary": OF_TEAM["summary"],
        "report_ref": OF_TEAM["report"],
        "options": (
            records.OptionDraft(
                asset="BTC",
                chain="BTC",
                address=ADDRESS,
                amount_min="20",
                price_currency="EUR",
                tier=OF_TEAM["tier"],
                contact_kind="messenger",
                contact=f"@{SEALED['contact']}",
            ),
        ),
        "indicators": (
            records.IndicatorDraft(kind="email", value=f"{SEALED['indicator']}@made-up.example"),
        ),
    }
    return records.SightingDraft(**{**settled, **fields})  # type: ignore[arg-type]


def sighting_of(user: User) -> Sighting:
    """Record a page; its brand has a name, and its address a label and a status."""
    made = records.record(user, draft())
    brand = made.brand
    assert brand is not None
    if not brand.name_sealed:
        brand.seal("name", SEALED["name"])
        brand.save()
    return made


def address_of(user: User, team: Team) -> None:
    """Say things of the address."""
    addresses.attribute(
        user,
        team,
        KEY,
        label=OF_TEAM["label"],
        category="",
        source="made-up notes",
        confidence="forensic",
        custody="unknown",
        obtained="seen",
    )
    addresses.set_status(user, team, KEY, "disputed", OF_TEAM["status"])


def case_of(user: User, team: Team) -> Case:
    """Open a case with a note and a link."""
    case = cases.open_case(user, team, OF_CASE["case"], SEALED["title"], OF_CASE["basis"])
    cases.add_note(user, case, SEALED["note"])
    cases.link(user, case, ADDRESS, OF_CASE["why"])
    return case
