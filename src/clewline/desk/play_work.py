"""What people of the made-up desk have done by this morning: a case with money, partners, keeping.

Everything goes through the services that people use, as in `play`; the attached chain store answers
what they ask of the chain. Without one, runs fail and say so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone

from clewline.desk import chain_store
from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import Team, User
from clewline.desk.addresses import services as addresses
from clewline.desk.alerts import services as alerts
from clewline.desk.bulk import services as bulk
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.deconfliction import services as overlaps
from clewline.desk.deconfliction.models import Overlap
from clewline.desk.disputes import receiving
from clewline.desk.disputes import services as disputes
from clewline.desk.figures import services as figures
from clewline.desk.lookups import services as lookups
from clewline.desk.money import services as money
from clewline.desk.money import working
from clewline.desk.money.models import CaseRun, VaspRequest
from clewline.desk.names import services as names
from clewline.desk.ours import checks
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.received import services as received
from clewline.desk.records.models import Address, Sighting
from clewline.desk.retention import services as retention
from clewline.desk.roles import Role
from clewline.desk.routing import services as routing
from clewline.desk.watch import services as watch
from clewline.desk.watch.models import SeenTip
from clewline.sharing import SharedItem, SharedList, formats

_SEEDS: Final = 24
_ASKED: Final = {
    "purpose": "investigation",
    "legal_basis": "statute",
    "statute": "Made-up act, section 1",
    "offence": "Payment for access (made up)",
    "necessity": "The address stands in a seized list (made up)",
    "requester": "Officer 1 (made up)",
    "requester_role": "constable",
    "authoriser": "Officer 2 (made up)",
    "authoriser_rank": "inspector",
    "reply_route": "portal",
}
_LIST: Final = (
    "Transfer,When,BTC,Counterparty,Type\n"
    f"{'5e' * 32}:0,2021-03-01 10:00,0.0031,Exchange 1 (made up),exchange\n"
    f"{'6f' * 32}:1,2021-03-02 11:30,0.0102,unknown,\n"
)
_IMPORT: Final = (
    "observed_at,brand,url,neutral_summary,rail,amount_min,price_currency\n"
    "2021-05-04T10:00:00Z,Grey Meadow,https://meadow.example/a,Made up,voucher,30,EUR\n"
    "2021-05-05T10:00:00Z,Grey Meadow,https://meadow.example/b,Made up,voucher,45,EUR\n"
    "last Tuesday,Grey Meadow,https://meadow.example/c,Made up,voucher,45,EUR\n"
)


class _Desk:
    """The people by name, and what several of the steps below need."""

    def __init__(self) -> None:
        users = User.objects.filter(username__startswith="made-up-")
        self.people = {user.username.removeprefix("made-up-"): user for user in users}
        self.team: Team = self["analyst"].teams.get()
        shown = Address.objects.filter(
            options__sighting__team=self.team,
            options__sighting__withdrawal=None,
            options__sighting__superseded_by=None,
        )
        self.shown = list(shown.distinct().order_by("id")[: _SEEDS + 8])

    def __getitem__(self, name: str) -> User:
        return self.people[name]


def do_work() -> None:
    """Fill every place of a desk that `play.fill` and `play.this_morning` made."""
    desk = _Desk()
    case = _open_cases(desk)
    _follow_money(desk, case)
    partner = _make_partners(desk)
    _ask_and_answer(desk, partner)
    _alert(desk, partner)
    _dispute(desk)
    _report(desk)
    _take_in(desk, partner)
    _watch(desk, case)
    _enquire(desk)
    _keep(desk)
    _import(desk)
    _administer(desk)
    for year in Sighting.objects.dates("recorded_at", "year"):
        figures.publish(desk["approver"], [desk.team], year.year, "Made up")


def _open_cases(desk: _Desk) -> Case:
    """Open a case with everything in it, one that is sealed, and one that is closed."""
    owner = desk["investigator"]
    case = cases.open_case(
        owner, desk.team, "Brass Compass", "Made-up title", "Made-up act, section 1", sealed=False
    )
    cases.add_member(owner, case, desk["approver"], "checks requests (made up)")
    cases.add_member(owner, case, desk["analyst"], "recorded the pages (made up)")
    for address in desk.shown[:_SEEDS]:
        cases.link_address(owner, case, address, "A page showed it (made up)")
    first = Sighting.objects.standing().filter(team=desk.team).order_by("id").first()
    if first is not None:
        cases.link(owner, case, first.ref, "The first page (made up)")
    cases.add_note(owner, case, "Begun from the pages of the hotline (made up).")
    today = timezone.now().date()
    cases.add_task(owner, case, "Ask the exchanges (made up)", owner, today)
    done = cases.add_task(owner, case, "Read the price list again (made up)", desk["analyst"])
    cases.end_task(desk["analyst"], done, "done")
    cases.describe_file(
        owner,
        case,
        name="seized-list.csv",
        sha256="ab" * 32,
        size=18_204,
        place="evidence store, shelf 1 (made up)",
        about="List of payments (made up)",
    )
    money.import_list(
        owner,
        case,
        tool="Another tool (made up)",
        text=_LIST,
        columns={
            "outpoint": "Transfer",
            "time": "When",
            "amount_btc": "BTC",
            "counterparty": "Counterparty",
            "category": "Type",
        },
        about="Its export of 1 April (made up)",
    )
    sealed = cases.open_case(owner, desk.team, "Tin Whistle", "Made-up title", "Made-up act")
    cases.add_note(owner, sealed, "Its members alone know of this case (made up).")
    closed = cases.open_case(owner, desk.team, "Paper Kite", "Made-up title", "", sealed=False)
    cases.change_state(owner, closed, "closed", "Belongs to another unit (made up)")
    cases.add_member(owner, sealed, desk["approver"], "may own it (made up)")
    return case


def _follow_money(desk: _Desk, case: Case) -> None:
    """Have the tables of a case computed; ask each exchange, with a request in every state."""
    owner, approver = desk["investigator"], desk["approver"]
    run = money.start_run(owner, case, [one.canonical for one in desk.shown[:_SEEDS]])
    working.finish()
    run = CaseRun.objects.get(pk=run.pk)
    for number, row in enumerate(run.rows.order_by("id")[:3]):
        money.review(
            owner, row, ("confirmed", "set_aside", "unsure")[number], "Looked at (made up)"
        )
    asked = [
        money.draft_request(owner, case, pack, "Who holds the account (made up)")
        for pack in run.packs.order_by("id")
    ]
    for one in asked[1:]:
        money.decide(approver, one, approved=True)
    _let_go()
    today = timezone.now().date()
    for number, one in enumerate(asked[2:]):
        sent = today - timedelta(days=20 - 5 * number)
        due = sent + timedelta(days=14)
        money.mark_sent(owner, one, day=sent, route="portal (made up)", due=due)
    for one in asked[3:4]:
        _answer(owner, one)


def _answer(user: User, asked: VaspRequest) -> None:
    """Take in the filled sheet of an exchange: the first rows named, the next one not theirs."""
    says = ("account named", "account named", "not ours")
    rows = asked.rows.order_by("position")[: len(says)]
    lines = [f"{row.reference},{said},DE" for row, said in zip(rows, says, strict=False)]
    head = "reference,answer_status,answer_country"
    money.take_answers(user, asked, "\n".join((head, *lines)))


def _let_go() -> None:
    """Let the time pass in which packages wait, for those held by lot, too."""
    checks.tick(timezone.now() + timedelta(minutes=checks.minutes() + 1))
    checks.tick(timezone.now() + checks.HELD)


def _active(desk: _Desk, codename: str, kind: str, country: str, *purposes: str) -> Partner:
    """Enter a partner that was called back, and whose terms a second person agreed to."""
    liaison = desk["liaison"]
    made = partners.enter(
        liaison,
        desk.team,
        codename,
        name=f"Example {kind.capitalize()} (made up)",
        contact=f"desk@{kind}.example",
        kind=kind,
        country=country,
        clearance="amber",
        pap="amber",
        handling=["P", "C"],
        purposes=list(purposes),
    )
    partners.log_call(liaison, made, "its switchboard (made up)", confirmed=True)
    return partners.activate(desk["approver"], made, "Agreement of May (made up)")


def _make_partners(desk: _Desk) -> Partner:
    """Enter an agency that may ask, and an exchange that waits for its second person."""
    liaison = desk["liaison"]
    agency = _active(desk, "Quiet Harbour", "agency", "GB", "investigation")
    user = User.objects.create_user(
        "made-up-agency",
        organisation=desk.team.organisation,
        partner=agency,
        roles=[Role.PARTNER],
        pseudonym="A-10100",
    )
    desk.people["agency"] = user
    partners.enter(
        liaison,
        desk.team,
        "Plain Counter",
        name="Example Exchange (made up)",
        contact="compliance@exchange.example",
        kind="exchange",
        country="DE",
        clearance="green",
        pap="green",
        handling=["P"],
        purposes=["investigation"],
    )
    return agency


def _ask_and_answer(desk: _Desk, partner: Partner) -> None:
    """Let an agency ask: one answered, one drafted, one urgent that nobody called back yet."""
    agency, liaison, today = desk["agency"], desk["liaison"], timezone.now().date()
    known, other = desk.shown[0].canonical, desk.shown[1].canonical
    answered = lookups.ask(
        agency, identifiers=f"{known}\nhelp@unknown.example", case_ref="MADE-UP-1", **_ASKED
    )
    lookups.log_call(liaison, answered, "its switchboard (made up)", confirmed=True)
    lookups.release(desk["approver"], lookups.draft(liaison, answered), released=True)
    lookups.acknowledge(agency, answered)
    drafted = lookups.ask(agency, identifiers=other, case_ref="MADE-UP-2", **_ASKED)
    lookups.log_call(liaison, drafted, "its switchboard (made up)", confirmed=True)
    lookups.draft(liaison, drafted, "One page, seen once (made up)")
    lookups.ask(
        agency,
        identifiers=desk.shown[2].canonical,
        case_ref="MADE-UP-3",
        urgent=True,
        urgent_reason="A search is planned for tomorrow (made up)",
        expires_at=today + timedelta(days=3),
        **_ASKED,
    )


def _alert(desk: _Desk, partner: Partner) -> None:
    """Tell a partner of addresses: one alert sent and answered, one that waits for a check."""
    maker = desk["liaison"]
    alerts.open_channel(maker, desk.team, partner, "pull")
    sent = alerts.make(maker, desk.team, desk.shown[3:6], [partner], reason="Made up")
    alerts.decide(desk["approver"], sent, released=True)
    for copy in sent.copies.all():
        alerts.fetched(partner, "pull", copy.number)
        alerts.answer(copy, matched=2)
        alerts.answer(copy, dispute="own_service")
    alerts.make(maker, desk.team, desk.shown[6:7], [partner], reason="Made up")


def _dispute(desk: _Desk) -> None:
    """Let people dispute listings: a dispute in every state, one of them overdue."""
    liaison, approver = desk["liaison"], desk["approver"]
    today = timezone.now().date()
    receiving.receive(
        desk.team,
        channel="form",
        disputer_kind="other",
        named="the one on my card of May (made up)",
        grounds="I never had anything to do with it (made up)",
        received_on=today - timedelta(days=45),
    )
    entered = [
        disputes.enter(
            liaison,
            desk.team,
            named=f"{address.chain} {address.canonical}",
            disputer_kind=("holder", "exchange", "holder", "authority", "other")[number],
            channel=("letter", "email", "telephone", "email", "letter")[number],
            grounds="The address was given to another customer since (made up)",
            disputer="Account holder 1 (made up)",
            contact="holder@unknown.example",
            received_on=today - timedelta(days=3 * number + 1),
        )
        for number, address in enumerate([desk.shown[5], *desk.shown[_SEEDS : _SEEDS + 4]])
    ]
    upheld, partly, rejected, proposed, _open = entered
    shown = "Their records show it (made up)"
    for made in (
        disputes.propose(liaison, upheld, "upheld", shown),
        disputes.propose(
            liaison, partly, "partly", shown, correction="validity", valid_until=today
        ),
    ):
        disputes.decide(approver, made, agreed=True)
    made = disputes.propose(liaison, rejected, "upheld", "They say so (made up)")
    disputes.decide(approver, made, agreed=False, reason="They show nothing (made up)")
    made = disputes.propose(liaison, rejected, "rejected", "They show nothing (made up)")
    disputes.decide(approver, made, agreed=True)
    disputes.note_reply(liaison, rejected, "letter of today (made up)")
    disputes.propose(liaison, proposed, "upheld", "Their letter shows it (made up)")


def _report(desk: _Desk) -> None:
    """Report pages to a hotline: one acted on, one that waits for a second person."""
    liaison, approver = desk["liaison"], desk["approver"]
    hotline = _active(desk, "Open Lantern", "hotline", "NL", "routing", "removal")
    routing.decide_route(approver, routing.propose(liaison, hotline), agreed=True)
    routing.propose(liaison, hotline, country="NL")
    pages = Sighting.objects.standing().filter(team=desk.team).order_by("id")[:2]
    sent, _waiting = (routing.draft(liaison, page, hotline, None) for page in pages)
    at = routing.decide(approver, sent, released=True).at
    routing.tell(sent, "acknowledged", at)
    routing.tell(sent, "removed", at)


def _take_in(desk: _Desk, partner: Partner) -> None:
    """Take a partner's file in; one of its items is reviewed."""
    day = datetime(2021, 6, 1, 12, tzinfo=UTC)
    items = [
        SharedItem(
            id=f"MADE-UP-{number}",
            state="new",
            revision=1,
            tlp="amber",
            shared_at=day,
            changed_at=day,
            chain="BTC",
            network=address.network,
            address=address.canonical,
            brand_codename="Copper Ferry",
            seen_count=number,
        )
        for number, address in enumerate(desk.shown[8:11], 1)
    ]
    shared = SharedList(
        version=1,
        made_at=day,
        issuer="Example Agency (made up)",
        recipient="made-up-hotline",
        items=tuple(items),
    )
    taken = received.take(partner, "json", formats.write("json", shared), "terminal:play")
    first = taken.items.order_by("position")[0]
    received.review(desk["analyst"], first, used=True, reason="Seen by us, too (made up)")


def _watch(desk: _Desk, case: Case) -> None:
    """Watch two addresses; the pass finds what came in the last blocks before the tip."""
    one, other = desk.shown[0], desk.shown[1]
    if chain_store.attached() is not None:
        workspace = chain_store.opened()
        height = workspace.store.manifest.height * 3 // 4
        network = workspace.store.manifest.network
        SeenTip.objects.create(
            network=network, height=height, block=workspace.hash_at(height) or ""
        )
    user = desk["investigator"]
    watch.watch(user, desk.team, one, "Is it still paid? (made up)", case=case, whole_cluster=True)
    watch.stop(watch.watch(user, desk.team, other, "Looked at in May (made up)"))
    watch.look()


def _enquire(desk: _Desk) -> None:
    """Let the police ask of addresses that the hotline holds: one met, one open, one undecided."""
    police, approver = desk["police-investigator"], desk["police-approver"]
    case = cases.open_case(
        police, police.teams.get(), "Quiet Anchor", "Made-up title", "Made-up act, section 2"
    )
    cases.add_member(police, case, approver, "decides on enquiries (made up)")
    for address in desk.shown[:3]:
        cases.link_address(police, case, address, "Of a seized phone (made up)")
    for address in desk.shown[:2]:
        asked = overlaps.ask(police, case, [address], "Who else looks at it? (made up)")
        overlaps.decide(approver, asked, agreed=True)
    overlaps.ask(police, case, [desk.shown[2]], "Who else looks at it? (made up)")
    overlaps.compare_waiting()
    found = Overlap.objects.filter(team=desk.team).order_by("id").first()
    if found is not None:
        overlaps.answer(desk["approver"], found, agreed=True, contact="A-10002, by the exchange")
        overlaps.consent(police, found, agreed=True, contact="A-10007, by the switchboard")


def _keep(desk: _Desk) -> None:
    """Hold a record, ask for another to be erased, erase a third, ask for another period."""
    analyst, approver = desk["analyst"], desk["approver"]
    held, asked, gone = Sighting.objects.standing().filter(team=desk.team).order_by("-id")[8:11]
    until = timezone.now().date() + timedelta(days=200)
    retention.hold(analyst, basis="Court order 1 (made up)", until=until, on=held)
    retention.ask(analyst, asked, "court", "Court order 2 (made up)")
    retention.decide(approver, retention.ask(analyst, gone, "court", "Made up"), agreed=True)
    retention.ask_period(desk["approver"], "report", 48, "Agreed in May (made up)")


def _import(desk: _Desk) -> None:
    """Begin an import: checked, with a row that is wrong, not recorded yet."""
    analyst = desk["analyst"]
    job = bulk.begin(analyst, desk.team, name="Backlog of May (made up)", form="csv")
    bulk.add(analyst, job, 1, _IMPORT)
    bulk.check(analyst, job)


def _administer(desk: _Desk) -> None:
    """Ask for another role for somebody; release a real name to somebody for a while."""
    second = desk["second-analyst"]
    admin = desk["administrator"]
    accounts.ask_for_access(admin, second, [Role.ANALYST, Role.LIAISON], second.teams.all())
    owner, approver = desk["investigator"], desk["approver"]
    case = Case.objects.get(codename="Brass Compass")
    names.release(owner, case, approver, "Signs the requests (made up)", 30)
    addresses.set_status(
        desk["analyst"],
        desk.team,
        (desk.shown[7].chain, desk.shown[7].network, desk.shown[7].canonical),
        "disputed",
        "A shop says it is theirs (made up)",
    )
