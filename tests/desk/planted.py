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
from clewline.desk.deconfliction import services as deconfliction
from clewline.desk.deconfliction.models import Decision, Enquiry, Overlap
from clewline.desk.disputes import services as disputes
from clewline.desk.disputes.models import Dispute
from clewline.desk.lookups import services as lookups
from clewline.desk.lookups.models import LookUp
from clewline.desk.money import queries
from clewline.desk.money import services as money
from clewline.desk.money.models import CaseRow, CaseRun, RunEnd, RunPack, RunProgress, VaspRequest
from clewline.desk.ours import checks
from clewline.desk.ours.models import ReleaseCheck
from clewline.desk.records import services as records
from clewline.desk.records.models import Address, Sighting

ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
KEY = ("BTC", "main", ADDRESS)
OTHER_ADDRESS = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
"""Of pages that no partner is kept from."""
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
    "account": "sealed-account",
    "partner_name": "sealed-partner-name",
    "partner_contact": "sealed-partner-contact",
    "requester": "sealed-requester",
    "authoriser": "sealed-authoriser",
    "disputer": "sealed-disputer",
    "grounds": "sealed-grounds",
    "dispute_contact": "sealed-dispute-contact",
}
OF_TEAM = {
    "brand": "Clear Codename",
    "group": "Clear Groupname",
    "summary": "clear-summary",
    "report": "clear-report",
    "tier": "clear-tier",
    "label": "clear-label",
    "status": "clear-dispute",
    "import": "clear-import",
    "watch": "clear-watch-reason",
    "partner": "Quiet north",
    "asked": "clear-partner-case",
    "purpose": "clear-purpose",
    "issuer": "clear-issuer",
    "urgent": "clear-urgency",
    "outcome": "clear-outcome",
}
OF_CASE = {
    "case": "Clear Casename",
    "basis": "clear-basis",
    "why": "clear-reason",
    "exchange": "Clear Exchange",
    "tool": "clear-tool",
}
ROWS = (
    "observed_at,url,wording,brand\n"
    f"2026-03-02 10:30,{URL},{SEALED['wording']},{OF_TEAM['brand']}\n"
)


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


ASKED = {
    **{"purpose": "investigation", "legal_basis": "statute", "offence": "made-up offence"},
    **{"necessity": "made-up necessity", "requester": SEALED["requester"]},
    **{"requester_role": "constable", "authoriser": SEALED["authoriser"]},
    **{"authoriser_rank": "inspector", "case_ref": "clear-partner-case", "reply_route": "portal"},
}


def look_up_of(user: User, identifiers: str = f"{ADDRESS}\n{URL}", **fields: object) -> LookUp:
    """Ask, as somebody of a partner."""
    return lookups.ask(user, identifiers=identifiers, **{**ASKED, **fields})


def answered(look_up: LookUp, maker: User, checker: User) -> LookUp:
    """Call back, draft and release."""
    lookups.log_call(maker, look_up, "switchboard (made up)", confirmed=True)
    lookups.release(checker, lookups.draft(maker, look_up), released=True)
    return look_up


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


def dispute_of(user: User, team: Team, *, named: str = ADDRESS) -> Dispute:
    """Enter what an account holder disputes."""
    return disputes.enter(
        user,
        team,
        named=named,
        disputer_kind="holder",
        channel="letter",
        disputer=SEALED["disputer"],
        contact=SEALED["dispute_contact"],
        grounds=SEALED["grounds"],
    )


def case_of(user: User, team: Team) -> Case:
    """Open a case with a note and a link."""
    case = cases.open_case(user, team, OF_CASE["case"], SEALED["title"], OF_CASE["basis"])
    cases.add_note(user, case, SEALED["note"])
    cases.link(user, case, ADDRESS, OF_CASE["why"])
    return case


def enquiry_of(user: User, case: Case, *, agreed_by: User | None = None) -> Enquiry:
    """Ask about the address of a case; compared, if somebody agrees."""
    address = Address.objects.get(canonical=ADDRESS)
    enquiry = deconfliction.ask(user, case, [address], OF_CASE["why"])
    if agreed_by is not None:
        Decision.objects.create(enquiry=enquiry, by=agreed_by, agreed=True)
        deconfliction.compare_waiting()
    return enquiry


def overlap_of(enquiry: Enquiry, team: Team) -> Overlap:
    """Return what a team was told of an enquiry."""
    return Overlap.objects.get(subject__enquiry=enquiry, team=team, case__isnull=True)


OUTPOINT = "ab" * 32 + ":0"
SHEET = "outpoint,answer_status,answer_account_reference,answer_account_country\n"


def run_of(user: User, case: Case, *, ended: bool = True) -> CaseRun:
    """Write a run, with a row, and two packs if it ended."""
    run = CaseRun.objects.create(
        case=case,
        seeds=[ADDRESS],
        parameters={"method": "fifo", "cluster": False, "max_hops": None},
        legal_basis=case.legal_basis,
        by=user,
    )
    RunProgress.objects.create(run=run, step=2)
    if not ended:
        return run
    RunEnd.objects.create(run=run, state="done", height=1, tip="00" * 32)
    facts = {"payment": OUTPOINT, "entity": OF_CASE["exchange"], "counts_as": "lead"}
    CaseRow.objects.create(
        run=run,
        table="payers",
        position=1,
        outpoint=OUTPOINT,
        address=ADDRESS,
        moved_at=case.opened_at,
        amount=1,
        entity=OF_CASE["exchange"],
        counts_as="lead",
        facts=facts,
    )
    movement = {
        "reference": "CL-AAAAAAAAAAAA",
        "direction": "deposit",
        "outpoint": OUTPOINT,
        "txid": "ab" * 32,
        "vout": 0,
        "address": ADDRESS,
        "time": "2026-01-02T00:00:00Z",
        "value": 2,
        "traced": 1,
    }
    for slug in ("first", "second"):
        RunPack.objects.create(
            run=run,
            exchange=f"{OF_CASE['exchange']} {slug}",
            slug=slug,
            deposits=1,
            withdrawals=0,
            traced=1,
            movements=[movement],
            content=b"made up",
            sha256="00" * 32,
        )
    return run


def request_of(user: User, case: Case, *steps: str) -> VaspRequest:
    """Draft a request that went through some steps; one that was sent has a sealed answer."""
    pack = run_of(user, case).packs.earliest("id")
    asked = money.draft_request(user, case, pack, OF_CASE["why"])
    for step in steps:
        asked.steps.create(step=step, by=user)
    if steps:
        open_release(asked)
    if "sent" in steps:
        money.take_answers(user, asked, f"{SHEET}{OUTPOINT},found,{SEALED['account']},NL\n")
    return asked


def open_release(asked: VaspRequest) -> None:
    """Let a request's package out at once."""
    contents = queries.contents_of(asked.pack)
    if not ReleaseCheck.objects.filter(ref=asked.ref).exists():
        checks.check_release(asked.ref, asked.case.team, contents)
    ReleaseCheck.objects.filter(ref=asked.ref).update(state="open")


def list_of(user: User, case: Case) -> str:
    """Import a list; return its reference."""
    text = f"address,exchange\n{ADDRESS},{OF_CASE['exchange']}\n"
    columns = {"address": "address", "counterparty": "exchange"}
    made = money.import_list(user, case, tool=OF_CASE["tool"], text=text, columns=columns)
    return made.ref
