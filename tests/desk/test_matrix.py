"""The permission matrix: every page and API operation × every role × whose record it is.

`PAGES` and `OPERATIONS` say of each address how it is asked and what its answer must be; an address
without an entry fails. Each answer is searched for what the person must not learn, and each call
must leave its one row in the audit log.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from tests.desk import planted
from tests.desk.conftest import World, make_partner, packages_go
from tests.sharing.lists import item, shared

from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import AccessChange, ApiToken, User
from clewline.desk.addresses.services import address_row
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import Alert, AlertDecision, Channel, Delivery
from clewline.desk.api import operations
from clewline.desk.audit.models import Event
from clewline.desk.brands import services as brands
from clewline.desk.bulk import services as bulk
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case, Task
from clewline.desk.deconfliction import services as deconfliction
from clewline.desk.deconfliction.models import Enquiry
from clewline.desk.disputes import services as disputes
from clewline.desk.disputes.models import Decision
from clewline.desk.exports import services as exports
from clewline.desk.exports.models import BulkExport, ExportDecision
from clewline.desk.figures import services as figures
from clewline.desk.ledger import new_reference
from clewline.desk.lookups import services as look_ups
from clewline.desk.lookups.models import LookUp, OriginatorAsked
from clewline.desk.names.models import NameRelease
from clewline.desk.ours import services as ours
from clewline.desk.ours.checks import check_release
from clewline.desk.ours.models import Mark, ReleaseWarning
from clewline.desk.partners import policies
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.queue import services as queue
from clewline.desk.queue.items import key_of
from clewline.desk.queue.models import Shift, Urgent
from clewline.desk.received import services as received
from clewline.desk.received.models import ReceivedFile
from clewline.desk.records import services as records
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.retention import services as keeping
from clewline.desk.retention import triggers
from clewline.desk.retention.models import ErasureRequest, LegalHold, PeriodChange
from clewline.desk.roles import ACTIONS, Role
from clewline.desk.routing import services as routing
from clewline.desk.routing.models import Report, ReportDecision, Route, RouteDecision
from clewline.desk.watch import services as watch
from clewline.desk.watch.models import Watch
from clewline.policy import Verdict
from clewline.sharing.formats import write

WITHOUT_DOOR: Final = {
    "setup": "the code of the terminal lets in, once",
    "accept": "the secret of an invitation lets in, once",
    "step-in": "on a made-up desk alone",
    "public-dispute": "anybody, where it is switched on; tests/desk/disputes has what it tells",
    None: "the icon",
    "openapi-json": "what the API can do, no record",
    "api-root": "nothing",
    **dict.fromkeys(
        (
            *("share-json", "share-csv", "share-alert", "share-answer", "share-misp", "taxii"),
            *("taxii-root", "taxii-status", "taxii-collections", "taxii-collection"),
            *("taxii-manifest", "taxii-objects", "taxii-object", "taxii-versions"),
            *("share-reports", "share-report", "share-report-status"),
            *("share-reports-page", "share-report-page"),
        ),
        "the access key of a partner lets in; tests/desk/alerts and routing have who sees what",
    ),
}
"""Pages that look after their own door, and what it is; besides allauth's under accounts/."""


@dataclass
class Asking:
    """A person who asks for something of `owner`, in the team `north`."""

    world: World
    user: User
    owner: User

    def __post_init__(self) -> None:
        self.team = self.world.team

    @property
    def sighting(self) -> Sighting:
        """A page that the owner recorded."""
        return planted.sighting_of(self.keeper)

    @property
    def case(self) -> Case:
        """A case that the owner opened; `asker_joins` may make the asker a member."""
        return planted.case_of(self.keeper, self.team)

    @property
    def keeper(self) -> User:
        """Whose the desk's own records are: the owner, or where that is a partner, an analyst."""
        return self.owner if self.owner.team_ids else self.world.person("analyst")


Make = Callable[[Asking], str]
Body = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """How one address is asked, and what its answer must be.

    Attributes
    ----------
    path : callable
        Makes the record and returns the address.
    body : dict or callable
        What is sent.
    owner, teammate, stranger, member : int
        Status for somebody whose role may, by whose the record is. None: there is no such relation.
    shows : frozenset of str
        Words that this page shows to whom it answers with success: reveals.
    is_log : bool
        Whether it is the audit log, which is one for all teams: it names records, not their words.
    """

    path: Make
    body: Body | Callable[[Asking], Body] | None = None
    owner: int | dict[str, int] = 200
    teammate: int | dict[str, int] = 200
    stranger: int = 200
    member: int | dict[str, int] | None = None
    shows: frozenset[str] = field(default_factory=frozenset)
    is_log: bool = False


def at(name: str, *args: object) -> Make:
    """Return an address that needs no record."""
    return lambda asking: reverse(name, args=args)


def of_sighting(name: str, *args: object) -> Make:
    """Return an address of a sighting."""
    return lambda asking: reverse(name, args=[asking.sighting.ref, *args])


def of_case(name: str) -> Make:
    """Return an address of a case."""
    return lambda asking: reverse(name, args=[asking.case.ref])


def of_address(name: str) -> Make:
    """Return an address of the page of an address, of which the owner's team says things."""

    def make(asking: Asking) -> str:
        _ = asking.sighting
        planted.address_of(asking.keeper, asking.team)
        _ = asking.case
        return reverse(name, args=planted.KEY)

    return make


def of_brand(name: str) -> Make:
    """Return an address of a brand."""

    def make(asking: Asking) -> str:
        brand = asking.sighting.brand
        assert brand is not None
        return reverse(name, args=[brand.ref])

    return make


def of_group(asking: Asking) -> str:
    """Return the page of a group."""
    brand = asking.sighting.brand
    assert brand is not None
    return reverse("group", args=[brands.create_group(asking.keeper, brand, GROUP).ref])


def of_pair(asking: Asking) -> str:
    """Return where two pages are judged to be of one brand."""
    return reverse("judge-pair", args=["brand", asking.sighting.ref, asking.sighting.ref])


def of_token(asking: Asking) -> str:
    """Return where a token of the owner is revoked."""
    accounts.new_token(asking.owner, "tests", ["account.read"], 5)
    return reverse("revoke-token", args=[asking.owner.tokens.get(name="tests").ref])


def of_person(name: str) -> Make:
    """Return an address of the owner's account."""
    return lambda asking: reverse(name, args=[asking.owner.pseudonym])


def of_change(asking: Asking) -> str:
    """Return where a change of the owner's access is decided."""
    change = AccessChange.objects.create(
        user=asking.owner,
        roles=["analyst"],
        team_ids=[asking.team.pk],
        asked_by=asking.world.person("administrator"),
    )
    return reverse("decide-access", args=[key_of("access", change.pk)])


def of_enquiry(asking: Asking) -> str:
    """Return the page of an enquiry of the owner's case."""
    return reverse("enquiry", args=[planted.enquiry_of(asking.keeper, asking.case).ref])


def of_undecided(asking: Asking) -> str:
    """Return where an enquiry that another member made is decided."""
    case = asking.case
    is_analyst = asking.user == asking.world.person("analyst")
    other = asking.world.person("investigator" if is_analyst else "analyst")
    case.members.get_or_create(user=other, defaults={"by": asking.keeper})
    return reverse("decide-enquiry", args=[planted.enquiry_of(other, case).ref])


def of_overlap(name: str) -> Make:
    """Return an address of what the owner's team was told when another team asked."""

    def make(asking: Asking) -> str:
        _ = asking.sighting
        other = asking.world.person("investigator", stranger=True)
        case = cases.open_case(other, asking.world.other_team, "Other Case", "", "made up")
        cases.link(other, case, planted.ADDRESS, "made up")
        supervisor = asking.world.person("approver", stranger=True)
        enquiry = planted.enquiry_of(other, case, agreed_by=supervisor)
        return reverse(name, args=[planted.overlap_of(enquiry, asking.team).ref])

    return make


def of_offer(asking: Asking) -> str:
    """Return where the owner's side answers a holder who agreed."""
    other = asking.world.person("analyst", stranger=True)
    records.record(other, planted.draft(brand="", report_ref=""))
    case, supervisor = asking.case, asking.world.person("approver")
    enquiry = planted.enquiry_of(asking.keeper, case, agreed_by=supervisor)
    held = planted.overlap_of(enquiry, asking.world.other_team)
    deconfliction.answer(other, held, agreed=True, contact="made up")
    return reverse("overlap-consent", args=[enquiry.ref, 1])


def of_export(name: str, *, released: bool = False) -> Make:
    """Return an address of a bulk export that the owner asked for."""

    def make(asking: Asking) -> str:
        given = {"what": "options", "recipient": "x", "purpose": "x"}
        export = exports.ask(asking.keeper, team=asking.team, **given)
        if released:
            by = asking.world.person("approver")
            ExportDecision.objects.create(export=export, released=True, by=by)
            check_release(export.ref, export.team, [planted.ADDRESS])
            packages_go()
        return reverse(name, args=[export.ref])

    return make


def new_import(asking: Asking, *, checked: bool = False, recorded: bool = False) -> str:
    """Make an import of the owner's; return its reference."""
    by = asking.keeper
    job = bulk.begin(by, asking.team, name=planted.OF_TEAM["import"], form="csv")
    bulk.add(by, job, 1, planted.ROWS)
    if checked:
        bulk.check(by, job)
    if recorded:
        bulk.record(by, job)
    return str(job.ref)


def of_import(name: str, **done: bool) -> Make:
    """Return an address of an import."""
    return lambda asking: reverse(name, args=[new_import(asking, **done)])


def of_figures(name: str) -> Make:
    """Return an address of figures that the owner published."""

    def make(asking: Asking) -> str:
        _ = asking.sighting
        return reverse(name, args=[figures.publish(asking.keeper, [asking.team], 2026).ref])

    return make


def of_mark(asking: Asking) -> str:
    """Return where a mark of the owner's team is taken back."""
    marked = Mark.objects.filter(team=asking.team, thing=OURS).first()
    marked = marked or ours.mark(asking.keeper, asking.team, OURS, planted.OF_TEAM["purpose"], "x")
    return reverse("take-back-ours", args=[marked.ref])


def of_warning(asking: Asking) -> str:
    """Return where the owner's team answers a warning."""
    _ = of_mark(asking)
    package = check_release(new_reference("X"), asking.world.other_team, [OURS])
    marked = Mark.objects.latest("pk")
    warning = ReleaseWarning.objects.create(team=asking.team, mark=marked, package=package)
    return reverse("answer-warning", args=[warning.ref])


def of_urgent(name: str, *, acknowledged: bool = False) -> Make:
    """Return an address of an urgent mark on the owner's sighting."""

    def make(asking: Asking) -> str:
        made = planted.sighting_of(asking.keeper)
        mark = queue.raise_urgent(asking.keeper, made, planted.OF_TEAM["urgent"])
        if acknowledged:
            queue.acknowledge(asking.keeper, mark)
        return reverse(name, args=[mark.ref])

    return make


def of_name(name: str) -> Make:
    """Return the page of a brand's name, which was released to the asker if that can be."""

    def make(asking: Asking) -> str:
        brand = asking.sighting.brand
        assert brand is not None
        until = datetime.now(UTC) + timedelta(days=1)
        NameRelease.objects.create(
            brand=brand, to=asking.user, by=asking.keeper, reason="x", until=until
        )
        return reverse(name, args=[brand.ref])

    return make


def of_release(asking: Asking) -> str:
    """Return where a release of a brand's name ends."""
    _ = of_name("brand-name")(asking)
    return reverse("revoke-name", args=[NameRelease.objects.latest("pk").ref])


def release_form(asking: Asking) -> Body:
    """Return to whom a name is released: to a second analyst, who may know of it."""
    to = User.objects.filter(pseudonym="north-reader").first() or User.objects.create_user(
        "north-reader",
        organisation=asking.team.organisation,
        roles=["analyst"],
        pseudonym="north-reader",
    )
    to.teams.add(asking.team)
    for case in Case.objects.filter(team=asking.team):
        case.members.get_or_create(user=to, defaults={"by": asking.keeper})
    return {"to": to.pseudonym, "why": "made up", "days": 7}


def of_shift(asking: Asking) -> str:
    """Return where a shift of the owner is taken off the roster."""
    now = datetime.now(UTC)
    shift = queue.add_shift(
        asking.keeper, asking.team, asking.keeper, now, now + timedelta(hours=1)
    )
    return reverse("end-shift", args=[shift.ref])


def shift_form(asking: Asking) -> Body:
    """Return who is put on call."""
    times = {"starts": "2026-03-02T10:00", "ends": "2026-03-02T18:00"}
    return {
        "team": (asking.user.teams.first() or asking.team).name,
        "person": asking.user.pseudonym,
        **times,
    }


def key_form(asking: Asking) -> Body:
    """Return an item of the queue of the owner's team; whoever may open urgent marks has it."""
    return {"key": Urgent.objects.latest("pk").ref}


def of_taken(asking: Asking) -> str:
    """Return where an item is left that the asker took, if they could."""
    _ = of_urgent("urgent")(asking)
    if asking.user.may("urgent.read") and asking.team.pk in asking.user.team_ids:
        queue.take_item(asking.user, Urgent.objects.latest("pk").ref)
    return reverse("leave-item")


def of_period(asking: Asking) -> str:
    """Return where a period that the owner asked for is decided."""
    change = keeping.ask_period(asking.owner, "report", 12, "made up")
    return reverse("decide-period", args=[key_of("period", change.pk)])


def of_hold(asking: Asking) -> str:
    """Return where a hold that the owner set is lifted."""
    held = keeping.hold(asking.owner, basis="made up", until=None, on=asking.sighting)
    return reverse("lift-hold", args=[held.ref])


def of_erasure(name: str) -> Make:
    """Return an address of a request to erase that the owner made."""

    def make(asking: Asking) -> str:
        asked = keeping.ask(asking.owner, asking.sighting, "mistake", "made up")
        return reverse(name, args=[asked.ref])

    return make


def with_all(make: Make) -> Make:
    """Make one of each record before a list is asked."""

    def made(asking: Asking) -> str:
        _ = asking.case, of_warning(asking), of_urgent("urgent")(asking), of_shift(asking)
        planted.address_of(asking.keeper, asking.team)
        planted.dispute_of(asking.keeper, asking.team)
        return make(asking)

    return made


def of_received(name: str, *args: object) -> Make:
    """Return an address of a file that a partner of the owner's team gave."""

    def make(asking: Asking) -> str:
        partner = Partner.objects.filter(team=asking.team).earliest("pk")
        one = item(chain="BTC", network="main", address=planted.ADDRESS)
        data = write("json", shared(one, issuer=planted.OF_TEAM["issuer"]))
        found = received.take(partner, "json", data, "terminal:x")
        return reverse(name, args=[found.ref, *args])

    return make


def of_dispute(name: str, stage: str = "open") -> Make:
    """Return an address of a dispute that the owner entered."""

    def make(asking: Asking) -> str:
        _ = asking.sighting
        named = "nothing" if stage == "received" else planted.ADDRESS
        made = planted.dispute_of(asking.keeper, asking.team, named=named)
        if stage in ("proposed", "decided"):
            outcome = planted.OF_TEAM["outcome"]
            proposal = disputes.propose(asking.keeper, made, "rejected", outcome)
            if stage == "decided":
                Decision.objects.create(
                    proposal=proposal, agreed=True, by=asking.world.person("approver")
                )
        return reverse(name, args=[made.ref])

    return make


def look_up_at(asking: Asking, stage: str) -> LookUp:
    """Return a look-up of the team's partner, as far as `stage`."""
    world = asking.world
    _ = asking.sighting
    made = planted.look_up_of(User.objects.get(pk=world.person("partner").pk))
    maker = User.objects.get(pk=world.person("liaison").pk)
    if stage != "asked":
        look_ups.log_call(maker, made, "made up", confirmed=True)
    if stage in ("drafted", "released"):
        draft = look_ups.draft(maker, made)
        if stage == "released":
            look_ups.release(User.objects.get(pk=world.person("approver").pk), draft, released=True)
    return made


def of_look_up(name: str, stage: str = "asked", *args: str, named: bool = True) -> Make:
    """Return an address of a look-up."""

    def make(asking: Asking) -> str:
        made = look_up_at(asking, stage)
        return reverse(name, args=[made.ref, *args] if named else [])

    return make


def source_form(asking: Asking) -> Body:
    """Return which record's originator is asked: of the look-up that was made last."""
    del asking
    weighed = look_ups.weigh(LookUp.objects.latest("pk"))
    asked = (one.fact.source for one in weighed if one.decision.of(Verdict.ASK))
    return {"source": next(asked)}


def of_asked_originator(asking: Asking) -> str:
    """Return where the answer of an originator is noted."""
    made = look_up_at(asking, "called")
    maker = User.objects.get(pk=asking.world.person("liaison").pk)
    look_ups.ask_originator(maker, made, source_form(asking)["source"])
    return reverse("lookup-consent", args=[made.ref, 1])


def of_consent(asking: Asking) -> str:
    """Return where it is noted that an originator took its consent back."""
    of_asked_originator(asking)
    asked = OriginatorAsked.objects.latest("pk")
    liaison = User.objects.get(pk=asking.world.person("liaison").pk)
    look_ups.note_consent(liaison, asked, granted=True, how="x")
    return reverse("lookup-revoke", args=[asked.look_up.ref, 1])


def of_partner(name: str) -> Make:
    """Return an address of a partner whose terms wait for a second person."""

    def make(asking: Asking) -> str:
        partner = Partner.objects.filter(team=asking.team).earliest("pk")
        partners.change_terms(asking.world.person("liaison"), partner, "made up")
        return reverse(name, args=[partner.ref])

    return make


def of_policy(name: str) -> Make:
    """Return an address of a policy that the team's liaison proposed."""

    def make(asking: Asking) -> str:
        policies.propose(asking.world.person("liaison"), POLICY, planted.OF_TEAM["purpose"])
        return reverse(name, args=[1])

    return make


def partner_form(asking: Asking) -> Body:
    """Return what the form of a partner sends."""
    return {
        **TERMS,
        "codename": "x",
        "name": "x",
        "team": asking.user.organisation.teams.earliest("pk").name,
    }


def page_form(asking: Asking) -> Body:
    """Return what the form of a page sends."""
    sets = {f"{name}-{what}": 0 for name in ("option", "account") for what in _OF_SET}
    return {
        **sets,
        "draft": uuid.uuid4(),
        "observed_at": "2026-03-02 10:30",
        "observed_precision": "minute",
        "obtained": "seen",
        "tlp": "amber",
        "pap": "amber",
        "retention_class": "report",
        "reason": "made up",
    }


_OF_SET: Final = ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")


def refresh_form(asking: Asking) -> Body:
    """Return what the form of a refresh sends."""
    return {"draft": uuid.uuid4(), "observed_at": "2026-03-02 10:31", "option-0-address": ""}


def team_form(**more: object) -> Callable[[Asking], Body]:
    """Return a form with the asker's own team."""
    return lambda asking: {"team": (asking.user.teams.first() or asking.team).name, **more}


def member_form(asking: Asking) -> Body:
    """Return who is let into a case."""
    return {"member": asking.world.person("liaison").pseudonym, "why": "made up"}


def leaver_form(asking: Asking) -> Body:
    """Return who is taken out of a case: somebody who is let in first."""
    person = asking.world.person("approver")
    case = Case.objects.latest("pk")
    if person != asking.keeper and not case.members.filter(user=person, until=None).exists():
        cases.add_member(asking.keeper, case, person, "made up")
    return {"member": person.pseudonym, "why": "made up"}


def enquiry_form(asking: Asking) -> Body:
    """Return an enquiry about the address of the latest case."""
    case = Case.objects.latest("pk")
    address = case.links.get().address
    assert address is not None
    name = f"{address.chain}:{address.network}:{address.canonical}"
    return {"addresses": [name], "why": "made up"}


def into_case(asking: Asking) -> Body:
    """Return a case to which an address is added; another address than it has."""
    case = Case.objects.latest("pk")
    triggers.drop(connection)  # what the matrix plants links it already
    case.links.all()._raw_delete(case.links.db)
    return {"case": case.ref, "why": "made up"}


OURS: Final = f"{'5e' * 32}:1"


def of_task(asking: Asking) -> str:
    """Return where a task of the owner's case ends."""
    case = asking.case
    task = cases.add_task(asking.keeper, case, planted.OF_CASE["why"], asking.keeper)
    return reverse("case-task-end", args=[case.ref, task.ref])


def of_run(name: str, *args: object, ended: bool = True) -> Make:
    """Return an address of a run of the owner's case."""
    return lambda asking: reverse(
        name, args=[planted.run_of(asking.owner, asking.case, ended=ended).ref, *args]
    )


def of_request(name: str, *steps: str) -> Make:
    """Return an address of a request of the owner's case."""
    return lambda asking: reverse(
        name, args=[planted.request_of(asking.owner, asking.case, *steps).ref]
    )


def with_money(name: str) -> Make:
    """Return an address of a case that has a run, a request with an answer, and a list."""

    def made(asking: Asking) -> str:
        case = asking.case
        planted.request_of(asking.owner, case, "approved", "sent")
        planted.list_of(asking.owner, case)
        return reverse(name, args=[case.ref])

    return made


def of_list(asking: Asking) -> str:
    """Return a list that the owner imported."""
    return reverse("case-list", args=[planted.list_of(asking.owner, asking.case)])


def owner_form(**more: object) -> Callable[[Asking], Body]:
    """Return a form with the owner of a case."""
    return lambda asking: {"owner": asking.keeper.pseudonym, **more}


def handover_form(asking: Asking) -> Body:
    """Return who shall own a case: a second investigator, who is a member."""
    case = Case.objects.latest("pk")
    name = f"{asking.team.name}-second"
    to = User.objects.filter(pseudonym=name).first() or User.objects.create_user(
        name,
        organisation=asking.team.organisation,
        roles=["investigator"],
        pseudonym=name,
    )
    to.teams.add(asking.team)
    case.members.get_or_create(user=to, defaults={"by": asking.keeper})
    return {"to": to.pseudonym, "why": "made up"}


def of_handover(asking: Asking) -> str:
    """Return where a hand-over is answered; its proposer takes it back."""
    url, form = of_case("case-hand-over-answer")(asking), handover_form(asking)
    case = Case.objects.latest("pk")
    to = User.objects.get(pseudonym=form["to"])
    case.handovers.create(to=to, by=asking.keeper, why="made up")
    return url


def of_alert(name: str, *, released: bool = False) -> Make:
    """Return an address of an alert that the owner made."""

    def make(asking: Asking) -> str:
        _ = asking.sighting
        partner = Partner.objects.filter(team=asking.team).earliest("pk")
        address = address_row(planted.KEY)
        made = alerts.make(asking.keeper, asking.team, [address], [partner])
        if released:
            by = asking.world.person("approver")
            AlertDecision.objects.create(alert=made, released=True, by=by)
        return reverse(name, args=[made.ref])

    return make


def hotline_of(asking: Asking) -> Partner:
    """Return the hotline that the owner's team keeps."""
    terms: Any = {"kind": "hotline", "clearance": "red", "purposes": ["routing"]}
    people = {role: asking.world.person(role) for role in ("liaison", "approver")}
    return make_partner(people, asking.team, **terms)


def of_route(asking: Asking) -> str:
    """Return where a route that the owner proposed is agreed to."""
    made = routing.propose(asking.keeper, hotline_of(asking), "GB")
    return reverse("decide-route", args=[made.ref])


def route_form(asking: Asking) -> Body:
    """Return what the form of routes sends: a partner of the asker's own house."""
    other = asking.team.pk not in asking.user.team_ids
    team = asking.world.other_team if other else asking.team
    people = {role: asking.world.person(role, stranger=other) for role in ("liaison", "approver")}
    terms: Any = {"kind": "hotline", "clearance": "red", "purposes": ["routing"]}
    return {"country": "GB", "partner": make_partner(people, team, **terms).ref}


def of_report(name: str, *, sent: bool = False) -> Make:
    """Return an address of a report that the owner drafted."""

    def make(asking: Asking) -> str:
        made = routing.draft(asking.keeper, asking.sighting, hotline_of(asking), None)
        if sent:
            by = asking.world.person("approver")
            ReportDecision.objects.create(report=made, released=True, by=by)
        return reverse(name, args=[made.ref])

    return make


def of_way(asking: Asking) -> str:
    """Return where a page of the owner's is reported."""
    made = routing.propose(asking.keeper, hotline_of(asking))
    RouteDecision.objects.create(route=made, agreed=True, by=asking.world.person("approver"))
    return reverse("new-report", args=[asking.sighting.ref])


def status_form(_asking: Asking) -> Body:
    """Return what a recipient said, of now."""
    return {"state": "acknowledged", "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"}


def of_channel(asking: Asking) -> str:
    """Return where a channel to a partner of the team is closed."""
    partner = Partner.objects.filter(team=asking.team).earliest("pk")
    made = alerts.open_channel(asking.keeper, asking.team, partner, "pull")
    return reverse("close-channel", args=[made.ref])


def of_key(asking: Asking) -> str:
    """Return where the access key of a partner is made."""
    return reverse("access-key", args=[Partner.objects.filter(team=asking.team).earliest("pk").ref])


def alert_form(asking: Asking) -> Body:
    """Return what the form of an alert sends: a page of the asker's own."""
    team = asking.user.organisation.teams.earliest("pk")
    analysts = asking.world.people if team == asking.team else asking.world.strangers
    planted.sighting_of(analysts["analyst"])
    settled = {"what": planted.ADDRESS, "team": team.name, "tlp": "amber", "pap": "amber"}
    partner = Partner.objects.filter(team=team).earliest("pk").ref
    return {**settled, "strength": "mention", "confidence": "web_crawl", "partners": [partner]}


def channel_form(asking: Asking) -> Body:
    """Return what the form of a channel sends."""
    team = asking.user.organisation.teams.earliest("pk")
    partner = Partner.objects.filter(team=team).earliest("pk").ref
    return {"partner": partner, "team": team.name, "kind": "pull"}


def of_watch(name: str, *, of_a_case: bool = False) -> Make:
    """Return an address of something that the owner watches, for a case or not."""

    def make(asking: Asking) -> str:
        _ = asking.sighting
        case = asking.case if of_a_case else None
        address = address_row(planted.KEY)
        why = planted.OF_TEAM["watch"]
        made = watch.watch(asking.keeper, asking.team, address, why, case=case)
        return reverse(name, args=[made.ref])

    return make


STATE: Final = {"state": "removed", "at": "2026-03-02 11:30"}
GROUP: Final = planted.OF_TEAM["group"]
PROTECTION: Final = {"reveals_per_day": 10, "minutes_per_day": 60, "seconds_open": 30}
TERMS: Final = {
    **{"kind": "agency", "country": "GB", "clearance": "green", "pap": "green", "hours": 72},
    **{"urgent_hours": 4, "purposes": ["investigation"], "reason": "x"},
}
POLICY: Final = """\
policy: x
version: 1
rules: [{id: x, release: [address, chain], because: x}]
"""
_NAMES: Final = frozenset({planted.SEALED["requester"], planted.SEALED["authoriser"]})
_SEALED_PARTNER: Final = frozenset(
    {planted.SEALED["partner_name"], planted.SEALED["partner_contact"]}
)
FILE: Final = {"name": "a.zip", "sha256": "0" * 64, "size": 1, "place": "made up"}
_OF_CASE: Final = {"teammate": 404, "stranger": 404}
_SEALED_NOTES: Final = frozenset({planted.SEALED["note"]})
RELEASED: Final = {"approver": 302, "investigator": 400}
_KIND: Final = {"label": "x", "source": "x", "confidence": "forensic"}
_SAID: Final = {**_KIND, "category": "", "custody": "unknown", "obtained": "seen"}

_DISPUTED: Final = frozenset(
    planted.SEALED[name] for name in ("disputer", "grounds", "dispute_contact")
)
DISPUTE: Final = {"named": "x", "disputer_kind": "holder", "channel": "letter", "grounds": "x"}
OUTCOME: Final = {"outcome": "rejected", "reason": "made up"}
PERIOD: Final = {"retention_class": "report", "months": 12, "reason": "made up"}
HOLD: Final = {"hold-basis": "made up", "hold-until": ""}
ERASE: Final = {"erase-reason": "mistake", "erase-basis": "made up"}

PAGES: Final[dict[tuple[str, str], Row]] = {
    ("home", "GET"): Row(with_all(at("home"))),
    ("take-item", "POST"): Row(with_all(at("take-item")), key_form, 302, 302, 404),
    # Who did not take it cannot leave it.
    ("leave-item", "POST"): Row(of_taken, key_form, 302, 302, 400),
    ("today-section", "GET"): Row(with_all(at("today-section", "urgent"))),
    ("urgent-now", "GET"): Row(with_all(at("urgent-now"))),
    ("raise-urgent", "GET"): Row(of_sighting("raise-urgent"), stranger=404),
    ("raise-urgent", "POST"): Row(of_sighting("raise-urgent"), {"reason": "x"}, 302, 302, 404),
    ("raise-urgent-case", "GET"): Row(of_case("raise-urgent-case"), **_OF_CASE, member=200),
    ("raise-urgent-case", "POST"): Row(
        of_case("raise-urgent-case"), {"reason": "x"}, 302, **_OF_CASE, member=302
    ),
    ("urgent", "GET"): Row(of_urgent("urgent"), stranger=404),
    ("acknowledge-urgent", "POST"): Row(of_urgent("acknowledge-urgent"), {}, 302, 302, 404),
    ("close-urgent", "POST"): Row(
        of_urgent("close-urgent", acknowledged=True), {"outcome": "x"}, 302, 302, 404
    ),
    ("roster", "GET"): Row(with_all(at("roster"))),
    ("add-shift", "POST"): Row(at("add-shift"), shift_form, 302, 302, 302),
    ("end-shift", "POST"): Row(of_shift, {}, 302, 302, 404),
    ("account", "GET"): Row(at("account")),
    ("add-token", "POST"): Row(
        at("add-token"), {"name": "x", "days": 5, "scopes": ["account.read"]}
    ),
    ("revoke-token", "POST"): Row(of_token, {}, 302, 404, 404),
    ("sign-out-everywhere", "POST"): Row(at("sign-out-everywhere"), {}, 302, 302, 302),
    ("audit", "GET"): Row(with_all(at("audit")), is_log=True),
    ("check-audit", "POST"): Row(with_all(at("check-audit")), {}, 302, 302, 302),
    ("export-audit", "GET"): Row(with_all(at("export-audit", "jsonl")), is_log=True),
    ("lookups", "GET"): Row(with_all(at("lookups"))),
    ("lookup", "GET"): Row(of_look_up("lookup"), stranger=404),
    ("lookup-call", "POST"): Row(
        of_look_up("lookup-call"), {"how": "x", "confirmed": "yes"}, 302, 302, 404
    ),
    ("lookup-names", "POST"): Row(of_look_up("lookup-names"), {}, stranger=404, shows=_NAMES),
    # Policy asks for the codename of its brand.
    ("lookup-originator", "POST"): Row(
        of_look_up("lookup-originator", "called"), source_form, 302, 302, 404
    ),
    ("lookup-consent", "POST"): Row(
        of_asked_originator, {"granted": "no", "how": "x"}, 302, 302, 404
    ),
    ("lookup-revoke", "POST"): Row(of_consent, {"how": "x"}, 302, 302, 404),
    ("draft-lookup", "POST"): Row(of_look_up("draft-lookup", "called"), {}, 302, 302, 404),
    ("release-lookup", "POST"): Row(
        of_look_up("release-lookup", "drafted"), {"release": "1"}, 302, 302, 404
    ),
    # A partner sees its own alone: another one is a stranger to it.
    ("asked", "GET"): Row(of_look_up("asked", "released", named=False)),
    ("ask", "GET"): Row(at("ask")),
    ("ask", "POST"): Row(
        at("ask"), {**planted.ASKED, "identifiers": planted.ADDRESS}, 302, 302, 302
    ),
    ("own-lookup", "GET"): Row(of_look_up("own-lookup", "released"), stranger=404),
    ("answer", "GET"): Row(of_look_up("answer", "released", "json"), stranger=404),
    ("acknowledge", "POST"): Row(of_look_up("acknowledge", "released"), {}, 302, 302, 404),
    ("partners", "GET"): Row(with_all(at("partners"))),
    ("new-partner", "GET"): Row(at("new-partner")),
    ("new-partner", "POST"): Row(at("new-partner"), partner_form, 302, 302, 302),
    ("partner", "GET"): Row(of_partner("partner"), stranger=404),
    ("partner-terms", "GET"): Row(of_partner("partner-terms"), stranger=404),
    ("partner-terms", "POST"): Row(of_partner("partner-terms"), TERMS, 302, 302, 404),
    ("partner-call", "POST"): Row(
        of_partner("partner-call"), {"how": "x", "confirmed": "yes"}, 302, 302, 404
    ),
    # Nobody agrees to what they entered; here it was the liaison.
    ("decide-partner", "POST"): Row(of_partner("decide-partner"), {}, 302, 302, 404),
    ("stop-partner", "POST"): Row(
        of_partner("stop-partner"), {"standing": "suspended", "reason": "x"}, 302, 302, 404
    ),
    ("partner-name", "POST"): Row(
        of_partner("partner-name"), {}, stranger=404, shows=_SEALED_PARTNER
    ),
    ("partner-account", "POST"): Row(
        of_partner("partner-account"), {"username": "x"}, stranger=404
    ),
    ("policy", "GET"): Row(with_all(at("policy"))),
    ("propose-policy", "POST"): Row(
        at("propose-policy"), {"text": POLICY, "reason": "x"}, 302, 302, 302
    ),
    ("policy-version", "GET"): Row(of_policy("policy-version"), stranger=404),
    # Nobody adopts what they proposed; here it was the liaison.
    ("decide-policy", "POST"): Row(of_policy("decide-policy"), {"adopt": "1"}, 302, 302, 404),
    ("received", "GET"): Row(with_all(at("received"))),
    ("received-file", "GET"): Row(of_received("received-file"), stranger=404),
    ("review-received", "POST"): Row(
        of_received("review-received", 1), {"used": "no"}, 302, 302, 404
    ),
    ("disputes", "GET"): Row(with_all(at("disputes"))),
    ("new-dispute", "GET"): Row(at("new-dispute")),
    ("new-dispute", "POST"): Row(
        at("new-dispute"), team_form(**DISPUTE, received_on="2026-03-02"), 302, 302, 302
    ),
    ("dispute", "GET"): Row(of_dispute("dispute", "proposed"), stranger=404),
    ("reveal-dispute", "POST"): Row(
        of_dispute("reveal-dispute"), {}, stranger=404, shows=_DISPUTED
    ),
    ("take-up-dispute", "POST"): Row(
        of_dispute("take-up-dispute", "received"), {"named": planted.ADDRESS}, 302, 302, 404
    ),
    ("propose-dispute", "POST"): Row(of_dispute("propose-dispute"), OUTCOME, 302, 302, 404),
    # Nobody agrees to what they proposed.
    ("decide-dispute", "POST"): Row(
        of_dispute("decide-dispute", "proposed"), {"agree": "1"}, 400, 302, 404
    ),
    ("answer-dispute", "POST"): Row(
        of_dispute("answer-dispute", "decided"), {"how": "x"}, 302, 302, 404
    ),
    ("overlaps", "GET"): Row(with_all(at("overlaps")), member=200),
    ("enquire", "GET"): Row(of_case("enquire"), **_OF_CASE, member=200),
    ("enquire", "POST"): Row(of_case("enquire"), enquiry_form, 302, **_OF_CASE, member=302),
    ("enquiry", "GET"): Row(of_enquiry, **_OF_CASE, member=200),
    ("decide-enquiry", "POST"): Row(of_undecided, {"agree": "1"}, 302, **_OF_CASE, member=302),
    ("overlap", "GET"): Row(of_overlap("overlap"), stranger=404),
    ("overlap-answer", "POST"): Row(
        of_overlap("overlap-answer"), {"agree": "1", "contact": "x"}, 302, 302, 404
    ),
    ("overlap-consent", "POST"): Row(
        of_offer, {"agree": "1", "contact": "x"}, 302, **_OF_CASE, member=302
    ),
    ("retention", "GET"): Row(with_all(at("retention"))),
    ("ask-period", "POST"): Row(at("ask-period"), PERIOD, 302, 302, 302),
    ("decide-period", "POST"): Row(of_period, {"agree": "1"}, 400, 302, 404),
    ("keeping-sighting", "GET"): Row(of_sighting("keeping-sighting"), stranger=404),
    ("hold-sighting", "POST"): Row(of_sighting("hold-sighting"), HOLD, 302, 302, 404),
    ("ask-erasure", "POST"): Row(of_sighting("ask-erasure"), ERASE, 302, 302, 404),
    ("keeping-case", "GET"): Row(of_case("keeping-case"), **_OF_CASE, member=200),
    ("hold-case", "POST"): Row(of_case("hold-case"), HOLD, 302, **_OF_CASE, member=302),
    ("ask-erasure-case", "POST"): Row(
        of_case("ask-erasure-case"), ERASE, 302, **_OF_CASE, member=302
    ),
    ("keeping-brand", "GET"): Row(of_brand("keeping-brand"), stranger=404),
    ("ask-erasure-brand", "POST"): Row(of_brand("ask-erasure-brand"), ERASE, 302, 302, 404),
    ("lift-hold", "POST"): Row(of_hold, {"reason": "made up"}, 400, 302, 404),
    ("erasure", "GET"): Row(of_erasure("erasure"), stranger=404),
    ("decide-erasure", "POST"): Row(of_erasure("decide-erasure"), {"agree": "1"}, 400, 302, 404),
    ("exports", "GET"): Row(with_all(at("exports"))),
    ("ask-export", "POST"): Row(
        at("ask-export"), team_form(what="options", recipient="x", purpose="x"), 302, 302, 302
    ),
    ("export", "GET"): Row(of_export("export"), stranger=404),
    # Nobody releases what they asked for, or takes what somebody else asked for.
    ("decide-export", "POST"): Row(of_export("decide-export"), {"release": "1"}, 400, 302, 404),
    ("download-export", "POST"): Row(
        of_export("download-export", released=True), {}, 200, 400, 404
    ),
    ("trace-export", "GET"): Row(with_all(at("trace-export"))),
    ("trace-export", "POST"): Row(with_all(at("trace-export")), {"text": "R-AAAAAAAAAAAAAAAA"}),
    ("imports", "GET"): Row(with_all(at("imports"))),
    ("begin-import", "POST"): Row(
        at("begin-import"),
        team_form(name="x", form="csv", tlp="amber", text=planted.ROWS),
        302,
        302,
        302,
    ),
    ("import", "GET"): Row(of_import("import"), stranger=404),
    ("add-to-import", "POST"): Row(of_import("add-to-import"), {"text": "x\n"}, 302, 302, 404),
    ("import-columns", "POST"): Row(of_import("import-columns"), {}, 302, 302, 404),
    ("check-import", "POST"): Row(of_import("check-import"), {}, 302, 302, 404),
    ("record-import", "POST"): Row(of_import("record-import", checked=True), {}, 302, 302, 404),
    ("undo-import", "POST"): Row(
        of_import("undo-import", checked=True, recorded=True), {"reason": "x"}, 302, 302, 404
    ),
    ("figures", "GET"): Row(with_all(at("figures"))),
    ("count-figures", "POST"): Row(with_all(at("count-figures")), {}, 302, 302, 302),
    ("download-figures", "GET"): Row(with_all(at("download-figures"))),
    ("publish-figures", "POST"): Row(with_all(at("publish-figures")), {}, 302, 302, 302),
    ("figure-years", "GET"): Row(with_all(at("figure-years"))),
    ("figure-set", "GET"): Row(of_figures("figure-set"), stranger=404),
    ("download-figure-set", "GET"): Row(of_figures("download-figure-set"), stranger=404),
    ("ours", "GET"): Row(with_all(at("ours"))),
    ("mark-ours", "POST"): Row(
        at("mark-ours"), team_form(what=OURS, purpose="x", authority="x"), 302, 302, 302
    ),
    ("take-back-ours", "POST"): Row(of_mark, {"reason": "x"}, 302, 302, 404),
    ("answer-warning", "POST"): Row(of_warning, {"allows": "no"}, 302, 302, 404),
    ("people", "GET"): Row(at("people")),
    ("add-person", "POST"): Row(at("add-person"), {"username": "x", "roles": ["analyst"]}),
    ("add-team", "POST"): Row(at("add-team"), {"name": "x"}, 302, 302, 302),
    # Nobody agrees to their own access.
    ("decide-access", "POST"): Row(of_change, {"grant": "1"}, 400, 302, 404),
    ("person", "GET"): Row(of_person("person"), stranger=404),
    ("person", "POST"): Row(of_person("person"), {"roles": ["analyst"]}, 302, 302, 404),
    ("reset-person", "POST"): Row(of_person("reset-person"), {}, stranger=404),
    ("set-active", "POST"): Row(of_person("set-active"), {}, 302, 302, 404),
    ("sightings", "GET"): Row(with_all(at("sightings"))),
    ("record", "GET"): Row(with_all(at("record"))),
    ("record", "POST"): Row(at("record"), page_form, 302, 302, 302),
    ("sighting", "GET"): Row(of_sighting("sighting"), stranger=404),
    ("refresh", "GET"): Row(of_sighting("refresh"), stranger=404),
    ("refresh", "POST"): Row(of_sighting("refresh"), refresh_form, 302, 302, 404),
    ("correct", "GET"): Row(of_sighting("correct"), stranger=404),
    ("correct", "POST"): Row(of_sighting("correct"), page_form, 302, 302, 404),
    ("page-state", "POST"): Row(of_sighting("page-state"), STATE, 302, 302, 404),
    ("withdraw", "POST"): Row(of_sighting("withdraw"), {"reason": "made up"}, 302, 302, 404),
    # A site's address is not shown again, so that what is found is what the teams know.
    ("search", "GET"): Row(with_all(at("search"))),
    ("search", "POST"): Row(with_all(at("search")), {"q": planted.URL}),
    ("brands", "GET"): Row(with_all(at("brands"))),
    ("new-brand", "GET"): Row(with_all(at("new-brand"))),
    ("new-brand", "POST"): Row(at("new-brand"), team_form(codename="x"), 302, 302, 302),
    ("brand", "GET"): Row(of_brand("brand"), stranger=404),
    ("brand-name", "GET"): Row(of_brand("brand-name"), stranger=404),
    ("brand-name", "POST"): Row(
        of_name("brand-name"),
        {"reason": "compare"},
        stranger=404,
        shows=frozenset({planted.SEALED["name"]}),
    ),
    ("release-name", "POST"): Row(
        # Only approvers release names; an investigator does that of a case of their own.
        of_brand("release-name"),
        release_form,
        RELEASED,
        RELEASED,
        404,
    ),
    ("case-title", "GET"): Row(of_case("case-title"), **_OF_CASE, member=200),
    ("case-title", "POST"): Row(
        of_case("case-title"),
        {"reason": "compare"},
        **_OF_CASE,
        member=400,
        shows=frozenset({planted.SEALED["title"]}),
    ),
    ("release-title", "POST"): Row(
        of_case("release-title"), release_form, 302, **_OF_CASE, member=RELEASED
    ),
    ("revoke-name", "POST"): Row(of_release, {}, RELEASED, RELEASED, 404),
    ("new-group", "GET"): Row(of_brand("new-group"), stranger=404),
    ("new-group", "POST"): Row(of_brand("new-group"), {"codename": "x"}, 302, 302, 404),
    ("group", "GET"): Row(of_group, stranger=404),
    ("judge", "GET"): Row(with_all(at("judge"))),
    ("judge-pair", "GET"): Row(of_pair, stranger=404),
    ("judge-pair", "POST"): Row(of_pair, {"verdict": "same"}, 302, 302, 404),
    ("assign", "GET"): Row(of_sighting("assign"), stranger=404),
    ("assign", "POST"): Row(
        of_sighting("assign"), {"codename": planted.OF_TEAM["brand"]}, 302, 302, 404
    ),
    ("cases", "GET"): Row(with_all(at("cases"))),
    ("open-case", "GET"): Row(with_all(at("open-case"))),
    ("open-case", "POST"): Row(
        at("open-case"), team_form(codename="x", legal_basis="x"), 302, 302, 302
    ),
    ("case", "GET"): Row(of_case("case"), **_OF_CASE, member=200),
    ("add-member", "POST"): Row(of_case("add-member"), member_form, 302, **_OF_CASE, member=403),
    ("remove-member", "POST"): Row(
        of_case("remove-member"), leaver_form, 302, **_OF_CASE, member=403
    ),
    ("case-link", "POST"): Row(
        of_case("case-link"), {"what": "ab" * 32, "why": "x"}, 302, **_OF_CASE, member=302
    ),
    ("case-notes", "GET"): Row(of_case("case-notes"), **_OF_CASE, member=200, shows=_SEALED_NOTES),
    ("case-note", "POST"): Row(
        of_case("case-note"), {"text": "made up"}, 302, **_OF_CASE, member=302
    ),
    ("case-timeline", "GET"): Row(of_case("case-timeline"), **_OF_CASE, member=200),
    ("case-state", "POST"): Row(
        of_case("case-state"), {"state": "dormant", "why": "x"}, 302, **_OF_CASE, member=403
    ),
    # Another member neither owns it nor agrees to it, unless they approve.
    ("case-hand-over", "POST"): Row(of_case("case-hand-over"), handover_form, 302, **_OF_CASE),
    ("case-hand-over-answer", "POST"): Row(of_handover, {"refuse": "1"}, 302, **_OF_CASE),
    ("case-task", "POST"): Row(
        of_case("case-task"), owner_form(text="x"), 302, **_OF_CASE, member=302
    ),
    ("case-task-end", "POST"): Row(of_task, {"outcome": "done"}, 302, **_OF_CASE, member=302),
    ("case-file", "POST"): Row(of_case("case-file"), FILE, 302, **_OF_CASE, member=302),
    ("case-money", "GET"): Row(with_money("case-money"), **_OF_CASE, member=200),
    ("start-run", "GET"): Row(of_case("start-run"), **_OF_CASE, member=200),
    # Without a chain store no address is a seed.
    ("start-run", "POST"): Row(of_case("start-run"), {"method": "fifo"}, 400, **_OF_CASE),
    ("run", "GET"): Row(of_run("run"), **_OF_CASE, member=200),
    ("cancel-run", "POST"): Row(of_run("cancel-run", ended=False), {}, 302, **_OF_CASE, member=302),
    ("run-again", "POST"): Row(of_run("run-again"), {}, 400, **_OF_CASE, member=400),
    ("run-rows", "GET"): Row(of_run("run-rows", "payers"), **_OF_CASE, member=200),
    ("run-row", "GET"): Row(of_run("run-row", "payers", 1), **_OF_CASE, member=200),
    ("review-row", "POST"): Row(
        of_run("review-row", "payers", 1),
        {"state": "confirmed", "why": "x"},
        302,
        **_OF_CASE,
        member=302,
    ),
    ("draft-requests", "POST"): Row(
        of_run("draft-requests"), {"packs": ["first"], "why": "x"}, 302, **_OF_CASE, member=302
    ),
    ("request", "GET"): Row(of_request("request", "approved", "sent"), **_OF_CASE, member=200),
    ("request-pack", "GET"): Row(of_request("request-pack", "approved"), **_OF_CASE, member=200),
    # Nobody approves what they drafted.
    ("decide-request", "POST"): Row(
        of_request("decide-request"), {"approve": "1"}, 400, **_OF_CASE, member=302
    ),
    ("request-sent", "POST"): Row(
        of_request("request-sent", "approved"),
        {"day": "2026-01-02", "route": "x"},
        302,
        **_OF_CASE,
        member=302,
    ),
    ("close-request", "POST"): Row(
        of_request("close-request", "approved"), {"why": "x"}, 400, **_OF_CASE, member=400
    ),
    ("request-answers", "POST"): Row(
        of_request("request-answers", "approved", "sent"),
        {"text": f"{planted.SHEET}{planted.OUTPOINT},not ours,,"},
        **_OF_CASE,
        member=200,
    ),
    ("reveal-answers", "GET"): Row(
        of_request("reveal-answers", "approved", "sent"), **_OF_CASE, member=200
    ),
    ("reveal-answers", "POST"): Row(
        of_request("reveal-answers", "approved", "sent"),
        {"reason": "match"},
        **_OF_CASE,
        member=200,
        shows=frozenset({planted.SEALED["account"]}),
    ),
    ("import-list", "GET"): Row(of_case("import-list"), **_OF_CASE, member=200),
    ("import-list", "POST"): Row(
        of_case("import-list"),
        {"tool": "x", "text": "address,name\nx,y", "import": "1"},
        302,
        **_OF_CASE,
        member=302,
    ),
    ("case-list", "GET"): Row(of_list, **_OF_CASE, member=200),
    ("attribute-address", "POST"): Row(
        of_address("attribute-address"), team_form(**_SAID), 302, 302, 302
    ),
    ("address-status", "POST"): Row(
        of_address("address-status"), team_form(status="active", reason="x"), 302, 302, 302
    ),
    # A case that one is no member of is no choice of the form.
    ("add-address-to-case", "POST"): Row(
        of_address("add-address-to-case"), into_case, 302, 400, 400, member=302
    ),
    ("address", "GET"): Row(of_address("address"), member=200),
    ("reveal", "GET"): Row(of_sighting("reveal", "wording"), stranger=404),
    ("reveal", "POST"): Row(
        of_sighting("reveal", "wording"),
        {"field": "wording", "reason": "classify"},
        stranger=404,
        shows=frozenset({planted.SEALED["wording"]}),
    ),
    ("alerts", "GET"): Row(with_all(at("alerts"))),
    ("new-alert", "GET"): Row(with_all(at("new-alert"))),
    ("new-alert", "POST"): Row(at("new-alert"), alert_form, 302, 302, 302),
    ("alert", "GET"): Row(of_alert("alert"), stranger=404),
    # Nobody approves what they made.
    ("decide-alert", "POST"): Row(of_alert("decide-alert"), {"release": "1"}, 400, 302, 404),
    ("follow-alert", "POST"): Row(
        of_alert("follow-alert", released=True),
        {"kind": "withdrawn", "reason": "x"},
        *(302, 302, 404),
    ),
    ("outbox", "GET"): Row(with_all(at("outbox"))),
    ("outbox", "POST"): Row(at("outbox"), {"delivery": "x"}, 302, 302, 302),
    ("channels", "GET"): Row(with_all(at("channels"))),
    ("open-channel", "POST"): Row(at("open-channel"), channel_form, 302, 302, 302),
    ("close-channel", "POST"): Row(of_channel, {}, 302, 302, 404),
    ("access-key", "POST"): Row(of_key, {}, stranger=404),
    ("reports", "GET"): Row(with_all(at("reports"))),
    ("report", "GET"): Row(of_report("report"), stranger=404),
    ("new-report", "GET"): Row(of_way, stranger=404),
    ("new-report", "POST"): Row(of_way, {"way": "0"}, 302, 302, 404),
    # Nobody sends what they drafted.
    ("decide-report", "POST"): Row(of_report("decide-report"), {"release": "1"}, 400, 302, 404),
    ("report-status", "POST"): Row(
        of_report("report-status", sent=True), status_form, 302, 302, 404
    ),
    ("routes", "GET"): Row(with_all(at("routes"))),
    ("propose-route", "POST"): Row(at("propose-route"), route_form, 302, 302, 302),
    ("decide-route", "POST"): Row(of_route, {"agree": "1"}, 400, 302, 404),
    ("watches", "GET"): Row(with_all(at("watches"))),
    ("new-watch", "POST"): Row(
        at("new-watch"), team_form(address=planted.ADDRESS, why="x"), 302, 302, 302
    ),
    ("watch", "GET"): Row(of_watch("watch"), stranger=404),
    # One for a case is known to its members.
    ("seen-watch", "POST"): Row(
        of_watch("seen-watch", of_a_case=True), {}, 302, **_OF_CASE, member=302
    ),
    ("stop-watch", "POST"): Row(of_watch("stop-watch"), {}, 302, 302, 404),
    ("welfare", "GET"): Row(with_all(at("welfare"))),
    ("welfare-change", "POST"): Row(at("welfare-change"), PROTECTION, 302, 302, 302),
    ("welfare-team", "GET"): Row(with_all(at("welfare-team"))),
    ("welfare-default", "POST"): Row(at("welfare-default"), PROTECTION, 302, 302, 302),
}
"""Name of an address and method → what must come of it."""


def api_at(path: str) -> Make:
    """Return an operation that needs no record; one of each is there all the same."""
    return with_all(lambda asking: f"/api{path}")


def api_of_sighting(tail: str = "") -> Make:
    """Return an operation on a sighting."""
    return lambda asking: f"/api/sightings/{asking.sighting.ref}{tail}"


def api_of_run(tail: str = "") -> Make:
    """Return an operation on a run."""
    return lambda asking: f"/api/runs/{planted.run_of(asking.owner, asking.case).ref}{tail}"


def api_of_request(tail: str = "", *steps: str) -> Make:
    """Return an operation on a request of the owner's case that went through some steps."""

    def made(asking: Asking) -> str:
        asked = planted.request_of(asking.owner, asking.case, *steps)
        return f"/api/requests/{asked.ref}{tail}"

    return made


def api_of_policy(tail: str = "") -> Make:
    """Return an operation on the policy that the team's liaison proposed."""

    def made(asking: Asking) -> str:
        of_policy("policy-version")(asking)
        return f"/api/policies/1{tail}"

    return made


def api_of_dispute(tail: str = "", stage: str = "open") -> Make:
    """Return an operation on a dispute."""
    return lambda asking: f"/api{of_dispute('dispute', stage)(asking).rstrip('/')}{tail}"


def api_of_disputes(asking: Asking) -> str:
    """Return where disputes are listed, of which the owner entered one."""
    _ = of_dispute("dispute")(asking)
    return "/api/disputes"


def api_of_case(tail: str = "") -> Make:
    """Return an operation on a case."""
    return lambda asking: f"/api/cases/{asking.case.ref}{tail}"


_SIGHTING: Final = {"observed_at": "2026-03-02T10:30:00Z"}
_CORRECTION: Final = {"reason": "made up", "sighting": _SIGHTING}


def api_of_import(tail: str = "", **done: bool) -> Make:
    """Return an operation on an import."""
    return lambda asking: f"/api/imports/{new_import(asking, **done)}{tail}"


def api_of_figures(asking: Asking) -> str:
    """Return where published figures of the owner's team are read."""
    _ = asking.sighting
    return f"/api/published/{figures.publish(asking.keeper, [asking.team], 2026).ref}"


def api_of_brand(asking: Asking) -> str:
    """Return where a brand is read."""
    brand = asking.sighting.brand
    assert brand is not None
    return f"/api/brands/{brand.ref}"


def judged(asking: Asking) -> Body:
    """Return a judgement of a page of the owner's and its brand."""
    sighting = asking.sighting
    assert sighting.brand is not None
    return {"kind": "brand", "left": sighting.ref, "right": sighting.brand.ref, "verdict": "same"}


def api_of(make: Make, model: Any, path: str) -> Make:
    """Return an operation on the record that is made for a page; ``{}`` is its reference."""

    def made(asking: Asking) -> str:
        make(asking)
        return "/api" + path.format(model.objects.latest("pk").ref)

    return made


def api_of_brand_tail(tail: str) -> Make:
    """Return an operation on a brand."""
    return lambda asking: api_of_brand(asking) + tail


def api_of_change(asking: Asking) -> str:
    """Return where a period that the owner asked for is decided."""
    of_period(asking)
    return f"/api/retention/periods/{key_of('period', PeriodChange.objects.latest('pk').pk)}"


def api_of_task(asking: Asking) -> str:
    """Return where a task of the owner's case ends."""
    of_task(asking)
    task = Task.objects.latest("pk")
    return f"/api/cases/{task.case.ref}/tasks/{task.ref}/end"


def shift_body(asking: Asking) -> Body:
    """Return who is put on call."""
    times = {"starts": "2026-03-02T10:00:00Z", "ends": "2026-03-02T18:00:00Z"}
    return {"person": asking.user.pseudonym, **times}


def api_of_partner(tail: str) -> Make:
    """Return an operation on a partner whose terms wait for a second person."""

    def made(asking: Asking) -> str:
        of_partner("partner")(asking)
        return f"/api/partners/{Partner.objects.filter(team=asking.team).earliest('pk').ref}{tail}"

    return made


def api_of_look_up(path: str, stage: str = "asked") -> Make:
    """Return an operation on a look-up."""
    return lambda asking: "/api" + path.format(look_up_at(asking, stage).ref)


def api_of_received(asking: Asking) -> str:
    """Return where an item of a partner's file is reviewed."""
    of_received("received-file")(asking)
    return f"/api/received/{ReceivedFile.objects.latest('pk').ref}/1"


def api_of_way(tail: str) -> Make:
    """Return where a page of the owner's is reported."""

    def made(asking: Asking) -> str:
        of_way(asking)
        return f"/api/sightings/{asking.sighting.ref}{tail}"

    return made


def route_body(asking: Asking) -> Body:
    """Return a route to a partner of the asker's own house."""
    return {"country": "GB", "partner": route_form(asking)["partner"]}


def api_of_dead(asking: Asking) -> str:
    """Return where a delivery that was given up is tried again."""
    _ = asking.sighting
    partner, maker = (
        Partner.objects.filter(team=asking.team).earliest("pk"),
        asking.world.person("analyst"),
    )
    shown = records.OptionDraft(asset="BTC", chain="BTC", address=planted.OTHER_ADDRESS)
    records.record(maker, planted.draft(brand="", url="", options=(shown,), tlp="green"))
    alerts.open_channel(maker, asking.team, partner, "pull")
    address = address_row(("BTC", "main", planted.OTHER_ADDRESS))
    alert = alerts.make(maker, asking.team, [address], [partner])
    alerts.decide(asking.world.person("approver"), alert, released=True)
    Delivery.objects.filter(copy__alert=alert).update(state="dead")
    return f"/api/alerts/outbox/{Delivery.objects.get(copy__alert=alert).ref}/retry"


def api_of_offer(asking: Asking) -> str:
    """Return where the owner's side answers a holder who agreed."""
    of_offer(asking)
    return f"/api/enquiries/{Enquiry.objects.latest('pk').ref}/overlaps/1"


def api_of_overlap(tail: str = "") -> Make:
    """Return an operation on what the owner's team was told when another team asked."""
    return lambda asking: f"/api{of_overlap('overlap')(asking).rstrip('/')}{tail}"


def alert_body(asking: Asking) -> Body:
    """Return an alert to the partner of the asker's team, of a page of the asker's own."""
    return {"what": [planted.ADDRESS], "partners": alert_form(asking)["partners"]}


def channel_body(asking: Asking) -> Body:
    """Return a channel to the partner of the asker's team."""
    return {"partner": channel_form(asking)["partner"], "kind": "pull"}


def enquiry_body(asking: Asking) -> Body:
    """Return an enquiry about the address of the case."""
    return {"addresses": [planted.ADDRESS], "why": "made up"}


_ADDRESS: Final = dict(zip(("chain", "network", "canonical"), planted.KEY, strict=True))
_ATTRIBUTION: Final = {"label": "x", "source": "x", "confidence": "forensic", **_ADDRESS}

RELEASED_HERE: Final = {"approver": 201, "investigator": 400}
_TERMS: Final = {name: value for name, value in TERMS.items() if name != "reason"}
REVOKED: Final = {"approver": 200, "investigator": 400}

OPERATIONS: Final[dict[tuple[str, str], Row]] = {
    ("/me", "GET"): Row(api_at("/me")),
    ("/queue", "GET"): Row(api_at("/queue")),
    ("/queue/take", "POST"): Row(api_at("/queue/take"), key_form, 201, 201, 404),
    # Who did not take it cannot leave it.
    ("/queue/leave", "POST"): Row(
        api_of(of_taken, Urgent, "/queue/leave"), key_form, 200, 200, 400
    ),
    ("/sightings/{ref}/urgent", "POST"): Row(
        api_of_sighting("/urgent"), {"reason": "x"}, 201, 201, 404
    ),
    ("/cases/{ref}/urgent", "POST"): Row(
        api_of_case("/urgent"), {"reason": "x"}, 201, **_OF_CASE, member=201
    ),
    ("/urgent", "GET"): Row(api_at("/urgent")),
    ("/urgent/{ref}", "GET"): Row(api_of(of_urgent("urgent"), Urgent, "/urgent/{}"), stranger=404),
    ("/urgent/{ref}/acknowledge", "POST"): Row(
        api_of(of_urgent("urgent"), Urgent, "/urgent/{}/acknowledge"), {}, stranger=404
    ),
    ("/urgent/{ref}/close", "POST"): Row(
        api_of(of_urgent("urgent", acknowledged=True), Urgent, "/urgent/{}/close"),
        {"outcome": "x"},
        stranger=404,
    ),
    ("/on-call", "GET"): Row(api_at("/on-call")),
    ("/on-call", "POST"): Row(api_at("/on-call"), shift_body, 201, 201, 201),
    ("/on-call/{ref}/end", "POST"): Row(
        api_of(of_shift, Shift, "/on-call/{}/end"), {}, stranger=404
    ),
    ("/ours", "GET"): Row(api_at("/ours")),
    ("/ours", "POST"): Row(
        api_at("/ours"), {"what": f"{'6e' * 32}:1", "purpose": "x", "authority": "x"}, 201, 201, 201
    ),
    ("/ours/warnings", "GET"): Row(api_at("/ours/warnings")),
    ("/ours/warnings/{ref}", "POST"): Row(
        api_of(of_warning, ReleaseWarning, "/ours/warnings/{}"), {"allows": False}, stranger=404
    ),
    ("/ours/{ref}/take-back", "POST"): Row(
        api_of(of_mark, Mark, "/ours/{}/take-back"), {"reason": "x"}, stranger=404
    ),
    ("/retention", "GET"): Row(api_at("/retention")),
    ("/retention/periods", "POST"): Row(api_at("/retention/periods"), PERIOD, 201, 201, 201),
    ("/retention/periods/{key}", "POST"): Row(api_of_change, {"agreed": True}, 400, 200, 404),
    ("/retention/tombstones", "GET"): Row(api_at("/retention/tombstones")),
    ("/sightings/{ref}/keeping", "GET"): Row(api_of_sighting("/keeping"), stranger=404),
    ("/cases/{ref}/keeping", "GET"): Row(api_of_case("/keeping"), **_OF_CASE, member=200),
    ("/sightings/{ref}/holds", "POST"): Row(
        api_of_sighting("/holds"), {"basis": "made up"}, 201, 201, 404
    ),
    ("/cases/{ref}/holds", "POST"): Row(
        api_of_case("/holds"), {"basis": "made up"}, 201, **_OF_CASE, member=201
    ),
    ("/holds/{ref}/lift", "POST"): Row(
        api_of(of_hold, LegalHold, "/holds/{}/lift"), {"reason": "made up"}, 400, 200, 404
    ),
    ("/sightings/{ref}/erasures", "POST"): Row(
        api_of_sighting("/erasures"), {"reason": "mistake", "basis": "made up"}, 201, 201, 404
    ),
    ("/cases/{ref}/erasures", "POST"): Row(
        api_of_case("/erasures"),
        {"reason": "mistake", "basis": "made up"},
        201,
        **_OF_CASE,
        member=201,
    ),
    ("/brands/{ref}/erasures", "POST"): Row(
        api_of_brand_tail("/erasures"), {"reason": "mistake", "basis": "made up"}, 201, 201, 404
    ),
    ("/erasures", "GET"): Row(api_of(of_erasure("erasure"), ErasureRequest, "/erasures")),
    ("/erasures/{ref}", "GET"): Row(
        api_of(of_erasure("erasure"), ErasureRequest, "/erasures/{}"), stranger=404
    ),
    ("/erasures/{ref}/decide", "POST"): Row(
        api_of(of_erasure("erasure"), ErasureRequest, "/erasures/{}/decide"),
        {"agreed": True},
        400,
        200,
        404,
    ),
    ("/brands/{ref}/releases", "GET"): Row(
        api_of(of_name("brand"), Brand, "/brands/{}/releases"), stranger=404
    ),
    ("/brands/{ref}/releases", "POST"): Row(
        api_of_brand_tail("/releases"), release_form, RELEASED_HERE, RELEASED_HERE, 404
    ),
    ("/cases/{ref}/releases", "GET"): Row(api_of_case("/releases"), **_OF_CASE, member=200),
    ("/cases/{ref}/releases", "POST"): Row(
        api_of_case("/releases"), release_form, 201, **_OF_CASE, member=RELEASED_HERE
    ),
    ("/releases/{ref}/revoke", "POST"): Row(
        api_of(of_release, NameRelease, "/releases/{}/revoke"), {}, REVOKED, REVOKED, 404
    ),
    # A partner sees its own alone: another one is a stranger to it.
    ("/asked", "GET"): Row(api_of_look_up("/asked", "released")),
    ("/asked", "POST"): Row(
        api_at("/asked"),
        {**planted.ASKED, "case_ref": "x", "identifiers": [planted.ADDRESS]},
        *(201, 201, 201),
    ),
    ("/asked/{ref}", "GET"): Row(api_of_look_up("/asked/{}", "released"), stranger=404),
    ("/asked/{ref}/acknowledge", "POST"): Row(
        api_of_look_up("/asked/{}/acknowledge", "released"), {}, stranger=404
    ),
    ("/lookups", "GET"): Row(api_of_look_up("/lookups")),
    ("/lookups/waiting", "GET"): Row(api_of_look_up("/lookups/waiting")),
    ("/lookups/{ref}", "GET"): Row(api_of_look_up("/lookups/{}", "drafted"), stranger=404),
    ("/lookups/{ref}/call", "POST"): Row(
        api_of_look_up("/lookups/{}/call"), {"how": "x", "confirmed": True}, stranger=404
    ),
    ("/lookups/{ref}/originators", "GET"): Row(
        api_of_look_up("/lookups/{}/originators", "called"), stranger=404
    ),
    ("/lookups/{ref}/originators", "POST"): Row(
        api_of_look_up("/lookups/{}/originators", "called"), source_form, 201, 201, 404
    ),
    ("/lookups/{ref}/originators/{number}", "POST"): Row(
        api_of(of_asked_originator, LookUp, "/lookups/{}/originators/1"),
        {"granted": False, "how": "x"},
        stranger=404,
    ),
    ("/lookups/{ref}/originators/{number}/revoke", "POST"): Row(
        api_of(of_consent, LookUp, "/lookups/{}/originators/1/revoke"), {"how": "x"}, stranger=404
    ),
    ("/lookups/{ref}/draft", "POST"): Row(
        api_of_look_up("/lookups/{}/draft", "called"), {}, 201, 201, 404
    ),
    ("/lookups/{ref}/release", "POST"): Row(
        api_of_look_up("/lookups/{}/release", "drafted"), {"agreed": True}, stranger=404
    ),
    ("/partners", "GET"): Row(api_at("/partners")),
    ("/partners", "POST"): Row(api_at("/partners"), {**_TERMS, "codename": "x"}, 201, 201, 201),
    ("/partners/{ref}", "GET"): Row(api_of_partner(""), stranger=404),
    ("/partners/{ref}/terms", "POST"): Row(
        api_of_partner("/terms"), {**_TERMS, "reason": "x"}, stranger=404
    ),
    ("/partners/{ref}/call", "POST"): Row(
        api_of_partner("/call"), {"how": "x", "confirmed": True}, stranger=404
    ),
    # Nobody agrees to what they entered; here it was the liaison.
    ("/partners/{ref}/agree", "POST"): Row(api_of_partner("/agree"), {}, stranger=404),
    ("/partners/{ref}/stop", "POST"): Row(
        api_of_partner("/stop"), {"standing": "suspended", "reason": "x"}, stranger=404
    ),
    ("/received", "GET"): Row(api_of(of_received("received-file"), ReceivedFile, "/received")),
    ("/received/{ref}", "GET"): Row(
        api_of(of_received("received-file"), ReceivedFile, "/received/{}"), stranger=404
    ),
    ("/received/{ref}/{position}", "POST"): Row(api_of_received, {"used": False}, stranger=404),
    ("/reports", "GET"): Row(api_of(of_report("report"), Report, "/reports")),
    ("/reports/{ref}", "GET"): Row(
        api_of(of_report("report"), Report, "/reports/{}"), stranger=404
    ),
    ("/sightings/{ref}/ways", "GET"): Row(api_of_way("/ways"), stranger=404),
    ("/sightings/{ref}/reports", "POST"): Row(api_of_way("/reports"), {"way": 0}, 201, 201, 404),
    # Nobody sends what they drafted.
    ("/reports/{ref}/decide", "POST"): Row(
        api_of(of_report("report"), Report, "/reports/{}/decide"), {"agreed": True}, 400, 200, 404
    ),
    ("/reports/{ref}/state", "POST"): Row(
        api_of(of_report("report", sent=True), Report, "/reports/{}/state"),
        lambda asking: {"state": "acknowledged", "at": datetime.now(UTC).isoformat()},
        *(201, 201, 404),
    ),
    ("/routes", "GET"): Row(api_at("/routes")),
    ("/routes", "POST"): Row(api_at("/routes"), route_body, 201, 201, 201),
    ("/routes/{ref}/decide", "POST"): Row(
        api_of(of_route, Route, "/routes/{}/decide"), {"agreed": True}, 400, 200, 404
    ),
    ("/alerts", "GET"): Row(api_of(of_alert("alert"), Alert, "/alerts")),
    ("/alerts", "POST"): Row(api_at("/alerts"), alert_body, 201, 201, 201),
    ("/alerts/outbox", "GET"): Row(api_of(api_of_dead, Alert, "/alerts/outbox")),
    ("/alerts/outbox/{delivery}/retry", "POST"): Row(api_of_dead, {}, stranger=404),
    ("/alerts/{ref}", "GET"): Row(api_of(of_alert("alert"), Alert, "/alerts/{}"), stranger=404),
    # Nobody approves what they made.
    ("/alerts/{ref}/decide", "POST"): Row(
        api_of(of_alert("alert"), Alert, "/alerts/{}/decide"), {"agreed": True}, 400, 200, 404
    ),
    ("/alerts/{ref}/follow", "POST"): Row(
        api_of(of_alert("alert", released=True), Alert, "/alerts/{}/follow"),
        {"kind": "withdrawn", "reason": "x"},
        *(201, 201, 404),
    ),
    ("/channels", "GET"): Row(api_of(of_channel, Channel, "/channels")),
    ("/channels", "POST"): Row(api_at("/channels"), channel_body, 201, 201, 201),
    ("/channels/{ref}/close", "POST"): Row(
        api_of(of_channel, Channel, "/channels/{}/close"), {}, stranger=404
    ),
    ("/watches", "GET"): Row(api_of(of_watch("watch"), Watch, "/watches")),
    ("/watches", "POST"): Row(
        api_at("/watches"), {"address": planted.ADDRESS, "why": "x"}, 201, 201, 201
    ),
    ("/watches/{ref}", "GET"): Row(api_of(of_watch("watch"), Watch, "/watches/{}"), stranger=404),
    # One for a case is known to its members.
    ("/watches/{ref}/seen", "POST"): Row(
        api_of(of_watch("watch", of_a_case=True), Watch, "/watches/{}/seen"),
        {},
        **_OF_CASE,
        member=200,
    ),
    ("/watches/{ref}/stop", "POST"): Row(
        api_of(of_watch("watch"), Watch, "/watches/{}/stop"), {}, stranger=404
    ),
    ("/enquiries", "GET"): Row(api_of(of_enquiry, Enquiry, "/enquiries"), member=200),
    ("/cases/{ref}/enquiries", "POST"): Row(
        api_of_case("/enquiries"), enquiry_body, 201, **_OF_CASE, member=201
    ),
    ("/enquiries/{ref}", "GET"): Row(
        api_of(of_enquiry, Enquiry, "/enquiries/{}"), **_OF_CASE, member=200
    ),
    ("/enquiries/{ref}/decide", "POST"): Row(
        api_of(of_undecided, Enquiry, "/enquiries/{}/decide"),
        {"agreed": True},
        **_OF_CASE,
        member=200,
    ),
    ("/enquiries/{ref}/overlaps/{number}", "POST"): Row(
        api_of_offer, {"agreed": True, "contact": "x"}, **_OF_CASE, member=200
    ),
    ("/overlaps", "GET"): Row(lambda asking: of_overlap("overlap")(asking) and "/api/overlaps"),
    ("/overlaps/{ref}", "GET"): Row(api_of_overlap(), stranger=404),
    ("/overlaps/{ref}/answer", "POST"): Row(
        api_of_overlap("/answer"),
        {"agreed": True, "contact": "x"},
        stranger=404,
    ),
    ("/cases", "POST"): Row(api_at("/cases"), {"codename": "x", "legal_basis": "x"}, 201, 201, 201),
    ("/cases/{ref}/members", "GET"): Row(api_of_case("/members"), **_OF_CASE, member=200),
    ("/cases/{ref}/members", "POST"): Row(
        api_of_case("/members"), member_form, 201, **_OF_CASE, member=403
    ),
    ("/cases/{ref}/members/remove", "POST"): Row(
        api_of_case("/members/remove"), leaver_form, **_OF_CASE, member=403
    ),
    ("/cases/{ref}/state", "POST"): Row(
        api_of_case("/state"), {"state": "dormant", "why": "x"}, **_OF_CASE, member=403
    ),
    ("/cases/{ref}/hand-over", "POST"): Row(
        api_of_case("/hand-over"), handover_form, 201, **_OF_CASE
    ),
    ("/cases/{ref}/hand-over/answer", "POST"): Row(
        api_of(of_handover, Case, "/cases/{}/hand-over/answer"), {"accepted": False}, **_OF_CASE
    ),
    ("/cases/{ref}/tasks/{task}/end", "POST"): Row(
        api_of_task, {"outcome": "done"}, **_OF_CASE, member=200
    ),
    ("/cases/{ref}/files", "GET"): Row(api_of_case("/files"), **_OF_CASE, member=200),
    ("/cases/{ref}/files", "POST"): Row(api_of_case("/files"), FILE, 201, **_OF_CASE, member=201),
    ("/cases/{ref}/notes", "POST"): Row(
        api_of_case("/notes"), {"text": "made up"}, 201, **_OF_CASE, member=201
    ),
    ("/cases/{ref}/timeline", "GET"): Row(api_of_case("/timeline"), **_OF_CASE, member=200),
    ("/read", "POST"): Row(api_at("/read"), {"source": "made up"}),
    ("/sightings", "GET"): Row(api_at("/sightings")),
    ("/sightings", "POST"): Row(api_at("/sightings"), _SIGHTING, 201, 201, 201),
    ("/imports/sightings", "POST"): Row(api_at("/imports/sightings"), {"sightings": [_SIGHTING]}),
    ("/search", "POST"): Row(api_at("/search"), {"questions": [planted.URL]}),
    ("/sightings/{ref}/refresh", "POST"): Row(
        api_of_sighting("/refresh"), {"observed_at": "2026-03-02T10:31:00Z"}, 201, 201, 404
    ),
    ("/sightings/{ref}/states", "GET"): Row(api_of_sighting("/states"), stranger=404),
    ("/sightings/{ref}/states", "POST"): Row(
        api_of_sighting("/states"),
        {"state": "removed", "at": "2026-03-02T11:00:00Z"},
        201,
        201,
        404,
    ),
    ("/addresses", "GET"): Row(
        api_at("/addresses?chain={}&network={}&canonical={}".format(*planted.KEY)), stranger=404
    ),
    ("/addresses/attributions", "POST"): Row(
        api_at("/addresses/attributions"), _ATTRIBUTION, 201, 201, 201
    ),
    ("/addresses/statuses", "POST"): Row(
        api_at("/addresses/statuses"),
        {**_ADDRESS, "status": "active", "reason": "x"},
        201,
        201,
        201,
    ),
    ("/disputes", "GET"): Row(api_of_disputes),
    ("/disputes", "POST"): Row(api_at("/disputes"), DISPUTE, 201, 201, 201),
    ("/disputes/{ref}", "GET"): Row(api_of_dispute("", "proposed"), stranger=404),
    ("/disputes/{ref}/address", "POST"): Row(
        api_of_dispute("/address", "received"), {"named": planted.ADDRESS}, 201, 201, 404
    ),
    ("/disputes/{ref}/proposals", "POST"): Row(
        api_of_dispute("/proposals"), OUTCOME, 201, 201, 404
    ),
    ("/disputes/{ref}/decisions", "POST"): Row(
        api_of_dispute("/decisions", "proposed"), {"agreed": True}, 400, 201, 404
    ),
    ("/disputes/{ref}/reply", "POST"): Row(
        api_of_dispute("/reply", "decided"), {"how": "x"}, 201, 201, 404
    ),
    ("/people", "GET"): Row(api_at("/people")),
    ("/policies", "GET"): Row(api_at("/policies")),
    ("/policies", "POST"): Row(api_at("/policies"), {"text": POLICY, "reason": "x"}, 201, 201, 201),
    ("/policies/{number}", "GET"): Row(api_of_policy(), stranger=404),
    ("/policies/{number}/decide", "POST"): Row(
        api_of_policy("/decide"), {"adopted": True}, stranger=404
    ),
    ("/exports", "GET"): Row(api_of(of_export("export"), BulkExport, "/exports")),
    ("/exports", "POST"): Row(
        api_at("/exports"), {"what": "options", "recipient": "x", "purpose": "x"}, 201, 201, 201
    ),
    ("/exports/{ref}", "GET"): Row(
        api_of(of_export("export"), BulkExport, "/exports/{}"), stranger=404
    ),
    ("/exports/{ref}/decide", "POST"): Row(
        api_of(of_export("export"), BulkExport, "/exports/{}/decide"),
        {"agreed": True},
        400,
        200,
        404,
    ),
    ("/exports/{ref}/copy", "POST"): Row(
        api_of(of_export("export", released=True), BulkExport, "/exports/{}/copy"),
        {},
        200,
        400,
        404,
    ),
    ("/brands", "GET"): Row(api_at("/brands")),
    ("/brands", "POST"): Row(api_at("/brands"), {"codename": "x"}, 201, 201, 201),
    ("/brands/{ref}", "GET"): Row(api_of_brand, stranger=404),
    ("/judgements", "POST"): Row(api_at("/judgements"), judged, 201, 201, 404),
    ("/imports", "GET"): Row(api_at("/imports")),
    ("/imports", "POST"): Row(api_at("/imports"), {"name": "x", "form": "csv"}, 201, 201, 201),
    ("/imports/{ref}", "GET"): Row(api_of_import(), stranger=404),
    ("/imports/{ref}/wrong", "GET"): Row(api_of_import("/wrong"), stranger=404),
    ("/imports/{ref}/parts", "POST"): Row(
        api_of_import("/parts"), {"part": 2, "text": "x\n"}, stranger=404
    ),
    ("/imports/{ref}/columns", "POST"): Row(
        api_of_import("/columns"), {"mapping": {}}, stranger=404
    ),
    ("/imports/{ref}/check", "POST"): Row(api_of_import("/check"), {}, stranger=404),
    ("/imports/{ref}/record", "POST"): Row(
        api_of_import("/record", checked=True), {}, stranger=404
    ),
    ("/imports/{ref}/undo", "POST"): Row(
        api_of_import("/undo", checked=True, recorded=True), {"reason": "x"}, stranger=404
    ),
    ("/figures/{year}", "GET"): Row(api_at("/figures/2026")),
    ("/figures/{year}/publish", "POST"): Row(api_at("/figures/2026/publish"), {}, 201, 201, 201),
    ("/published/{ref}", "GET"): Row(api_of_figures, stranger=404),
    ("/audit", "GET"): Row(api_at("/audit"), is_log=True),
    ("/cases", "GET"): Row(api_at("/cases"), member=200),
    ("/cases/{ref}", "GET"): Row(api_of_case(), **_OF_CASE, member=200),
    ("/cases/{ref}/links", "POST"): Row(
        api_of_case("/links"), {"what": "ab" * 32, "why": "x"}, 201, **_OF_CASE, member=201
    ),
    ("/cases/{ref}/tasks", "GET"): Row(api_of_case("/tasks"), **_OF_CASE, member=200),
    ("/cases/{ref}/tasks", "POST"): Row(
        api_of_case("/tasks"), owner_form(text="x"), 201, **_OF_CASE, member=201
    ),
    ("/cases/{ref}/notes", "GET"): Row(api_of_case("/notes"), **_OF_CASE, member=200),
    ("/cases/{ref}/runs", "GET"): Row(api_of_case("/runs"), **_OF_CASE, member=200),
    # Without a chain store no address is a seed.
    ("/cases/{ref}/runs", "POST"): Row(
        api_of_case("/runs"), {"seeds": [planted.ADDRESS]}, 400, **_OF_CASE, member=400
    ),
    ("/cases/{ref}/requests", "GET"): Row(api_of_case("/requests"), **_OF_CASE, member=200),
    ("/cases/{ref}/lists", "POST"): Row(
        api_of_case("/lists"),
        {"tool": "x", "text": "address,b\nx,y", "columns": {"address": "address"}},
        201,
        **_OF_CASE,
        member=201,
    ),
    ("/lists/{ref}", "GET"): Row(
        lambda asking: f"/api/lists/{planted.list_of(asking.owner, asking.case)}",
        **_OF_CASE,
        member=200,
    ),
    ("/runs/{ref}", "GET"): Row(api_of_run(), **_OF_CASE, member=200),
    ("/runs/{ref}/rows", "GET"): Row(api_of_run("/rows"), **_OF_CASE, member=200),
    ("/runs/{ref}/requests", "POST"): Row(
        api_of_run("/requests"), {"packs": ["first"], "why": "x"}, 201, **_OF_CASE, member=201
    ),
    ("/requests/{ref}", "GET"): Row(api_of_request("", "approved", "sent"), **_OF_CASE, member=200),
    ("/requests/{ref}/decide", "POST"): Row(
        api_of_request("/decide"), {"agreed": True}, 400, **_OF_CASE, member=200
    ),
    ("/requests/{ref}/sent", "POST"): Row(
        api_of_request("/sent", "approved"),
        {"day": "2026-01-02", "route": "x"},
        **_OF_CASE,
        member=200,
    ),
    ("/requests/{ref}/answers", "POST"): Row(
        api_of_request("/answers", "approved", "sent"),
        {"text": f"{planted.SHEET}{planted.OUTPOINT},not ours,,"},
        **_OF_CASE,
        member=200,
    ),
    ("/sightings/{ref}", "GET"): Row(api_of_sighting(), stranger=404),
    ("/sightings/{ref}/supersede", "POST"): Row(
        api_of_sighting("/supersede"), _CORRECTION, 201, 201, 404
    ),
    ("/sightings/{ref}/withdraw", "POST"): Row(
        api_of_sighting("/withdraw"), {"reason": "made up"}, stranger=404
    ),
}
"""Path and method of an operation → what must come of it."""


def page_views() -> Iterator[tuple[str, str | None, Any]]:
    """Walk every address of the desk but those of the API's operations: route, name, view."""

    def walk(patterns: Any, before: str) -> Iterator[tuple[str, str | None, Any]]:
        for one in patterns:
            route = before + str(one.pattern)
            if hasattr(one, "url_patterns"):
                yield from walk(one.url_patterns, route)
            else:
                yield route, one.name, one.callback

    of_api = {f"api{path}".replace("{", "<").replace("}", ">") for path, *_ in operations()}
    for route, name, view in walk(get_resolver().url_patterns, ""):
        if route not in of_api:
            yield route, name, view


DOORS: Final = {
    (name, method): view.action
    for _route, name, view in page_views()
    if hasattr(view, "action")
    for method in view.methods
}
API_DOORS: Final = {
    (path, method): view.action for path, method, view in operations() if hasattr(view, "action")
}


def test_every_view_has_a_door_but_the_listed() -> None:
    open_ones = {
        name
        for route, name, view in page_views()
        if not hasattr(view, "action") and not route.startswith("accounts/")
    }
    assert open_ones == set(WITHOUT_DOOR)
    assert {(path, method) for path, method, _ in operations()} == set(API_DOORS)


def test_every_view_is_in_the_matrix() -> None:
    assert set(DOORS) == set(PAGES)
    assert set(API_DOORS) == set(OPERATIONS)


def test_every_action_is_of_the_table() -> None:
    used = {action.name for action in (*DOORS.values(), *API_DOORS.values())}
    assert used <= set(ACTIONS)


RELATIONS: Final = ("owner", "teammate", "member", "stranger")


@dataclass(frozen=True)
class Met:
    """One cell: who asks, whose record it is."""

    role: str
    relation: str


def asking_as(world: World, role: str, relation: str) -> Asking:
    """Return who asks, and the owner of what they ask for."""
    user = world.person(role, stranger=relation == "stranger")
    if relation == "owner":
        return Asking(world, user, user)
    # Somebody else of the team, whatever their role: whose a record is, is asked here.
    other = "investigator" if role != "investigator" else "analyst"
    return Asking(world, user, world.person(other))


def body_of(row: Row, asking: Asking) -> Body:
    """Return what is sent."""
    return row.body(asking) if callable(row.body) else dict(row.body or {})


def expected(row: Row, action: Any, role: str, relation: str) -> int:
    """Return the status that the answer must have."""
    if Role(role) not in action.roles:
        return 403
    status = getattr(row, relation)
    return int(status[role] if isinstance(status, dict) else status)


def join(asking: Asking, relation: str) -> None:
    """Let the asker into the cases there are, where the relation is that of a member."""
    if relation == "member":
        for case in Case.objects.all():
            case.members.create(user=asking.user, by=asking.owner)


def must_not_learn(asking: Asking, relation: str, row: Row) -> set[str]:
    """Return the words that must not be in an answer."""
    words = set(planted.SEALED.values()) - row.shows
    if Role.PARTNER in asking.user.roles:
        # Of another house, whoever it is: to the records of teams a stranger.
        own = {planted.OF_TEAM["asked"]} if asking.user.partner == asking.world.partner else set()
        return must_not_learn_of(asking, "stranger", row, words) - own
    return must_not_learn_of(asking, relation, row, words)


def must_not_learn_of(asking: Asking, relation: str, row: Row, words: set[str]) -> set[str]:
    """Add what somebody of that relation must not learn of the team's records."""
    if relation not in ("owner", "member"):
        words |= set(planted.OF_CASE.values())
    if relation == "stranger":
        words |= {*planted.SEALED.values(), *planted.OF_TEAM.values()}
        others = User.objects.exclude(pk=asking.user.pk).filter(pseudonym__startswith="north-")
        words |= set(others.values_list("pseudonym", flat=True)) if not row.is_log else set()
    if relation == "stranger" and not row.is_log:
        words |= {*Sighting.objects.filter(team=asking.team).values_list("ref", flat=True)}
    return words


def check(
    name: object,
    row: Row,
    action: Any,
    asking: Asking,
    met: Met,
    send: Callable[[str, Body], HttpResponse],
) -> None:
    """Ask once; hold status, content and audit row against the table."""
    cell = f"{name} as {met.role}, {met.relation}"
    url = row.path(asking)
    join(asking, met.relation)
    body = body_of(row, asking)
    hidden = must_not_learn(asking, met.relation, row)
    before = Event.objects.count()
    answer = send(url, body)
    status = expected(row, action, met.role, met.relation)
    assert answer.status_code == status, f"{cell}: {answer.status_code}, not {status}"
    said = exports.text_of(b"".join(answer)) + json.dumps(dict(answer.headers))
    # What somebody asked for in the address itself is no news to them.
    said = said.replace(url, "")
    told = {word for word in hidden if word in said}
    assert not told, f"{cell}: tells {told}"
    rows = list(Event.objects.order_by("seq")[before:])
    assert len(rows) == 1, f"{cell}: {len(rows)} audit rows"
    event = rows[0]
    assert (event.actor, event.action) == (asking.user.pseudonym, action.name), cell
    assert event.result == RESULTS.get(status, "refused"), f"{cell}: {event.result}"
    assert not any(word in f"{event.object} {event.details}" for word in planted.SEALED.values())


RESULTS: Final = {200: "done", 201: "done", 302: "done", 403: "forbidden", 404: "not found"}


def cells(row: Row) -> Iterator[Met]:
    """Walk every role and relation."""
    for relation in RELATIONS:
        if getattr(row, relation) is not None:
            for role in Role:
                yield Met(str(role), relation)


def undone(ask: Callable[[], None]) -> None:
    """Ask, and take back everything that it changed."""
    with transaction.atomic():
        ask()
        transaction.set_rollback(True)


def fresh(asking: Asking) -> Asking:
    """Return the same people, read anew: what was looked up of them before is forgotten."""
    again = {one.pk: User.objects.get(pk=one.pk) for one in (asking.user, asking.owner)}
    return Asking(asking.world, again[asking.user.pk], again[asking.owner.pk])


@pytest.mark.parametrize("key", PAGES, ids=" ".join)
def test_a_page(world: World, key: tuple[str, str]) -> None:
    row, action = PAGES[key], DOORS[key]
    for met in cells(row):
        asking = fresh(asking_as(world, met.role, met.relation))

        def ask(asking: Asking = asking, met: Met = met) -> None:
            client = world.client(asking.user)
            check(key, row, action, asking, met, lambda url, body: _send(client, key[1], url, body))

        undone(ask)
    nobody = Asking(world, world.person("analyst"), world.person("analyst"))
    url, before = row.path(nobody), Event.objects.count()
    answer = _send(Client(), key[1], url, body_of(row, nobody))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")
    assert Event.objects.count() == before


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_an_operation(world: World, key: tuple[str, str]) -> None:
    row, action = OPERATIONS[key], API_DOORS[key]
    for met in cells(row):
        asking = fresh(asking_as(world, met.role, met.relation))

        def ask(asking: Asking = asking, met: Met = met) -> None:
            token = _token(asking.user)
            check(key, row, action, asking, met, lambda url, body: _call(key[1], url, body, token))

        undone(ask)
    nobody = Asking(world, world.person("analyst"), world.person("analyst"))
    url, before = row.path(nobody), Event.objects.count()
    answer = _call(key[1], url, body_of(row, nobody), "clw_made-up")
    assert answer.status_code == 401
    assert Event.objects.count() == before
    # A token that lacks the scope does nothing, whatever its owner may.
    other = _token(world.person("analyst"), leaving_out=action.name)
    assert _call(key[1], url, body_of(row, nobody), other).status_code == 403


def _send(client: Client, method: str, url: str, body: Body) -> Any:
    """Ask as a browser."""
    cache.clear()
    return client.generic("GET", url) if method == "GET" else client.post(url, body)


def _call(method: str, url: str, body: Body, token: str) -> Any:
    """Ask as a program."""
    cache.clear()
    return Client().generic(
        method,
        url,
        json.dumps(body) if method != "GET" else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def _token(user: User, leaving_out: str = "") -> str:
    """Return a token with every scope, more than its owner may: the role counts all the same."""
    token = accounts.new_token(user, uuid.uuid4().hex, ["account.read"], 5)
    scopes = [name for name in ACTIONS if name != leaving_out]
    ApiToken.objects.filter(user=user).update(scopes=scopes)
    return token


def test_the_planted_words_are_there(world: World) -> None:
    """What the matrix looks for is in the records, and a page that may show it does."""
    analyst = world.person("analyst")
    sighting = planted.sighting_of(analyst)
    option, indicator = sighting.options.get(), sighting.indicators.get()
    opened = {name: sighting.unseal(name) for name in Sighting.SEALED}
    opened |= {"contact": option.unseal("contact"), "indicator": indicator.unseal("value")}
    assert sighting.brand is not None
    opened["name"] = sighting.brand.unseal("name")
    assert all(planted.SEALED[name] in text for name, text in opened.items())
    shown = world.client(analyst).get(reverse("sighting", args=[sighting.ref])).content.decode()
    assert planted.OF_TEAM["brand"] in shown
    assert planted.OF_TEAM["summary"] in shown
    assert sighting.observed_at == datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
