"""A page is reported to whoever can act on it, who says what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from tests.desk.conftest import World, make_partner
from tests.desk.records.pages import option, page
from tests.sharing.lists import item, shared

from clewline.desk.alerts.services import new_access_key
from clewline.desk.audit.models import Event
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.received import services as received
from clewline.desk.records.models import PageState, Sighting
from clewline.desk.records.services import record
from clewline.desk.retention import services as keeping
from clewline.desk.routing import queries, services
from clewline.desk.routing.models import Report
from clewline.errors import UsageError
from clewline.sharing.formats import write

pytestmark = pytest.mark.django_db
SECRETS = {
    "url": "https://sealed-site.example/pay",
    "wording": "made up wording of the page",
    "brand": "Clear Heron",
}


@pytest.fixture(autouse=True)
def _fresh_rates() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def _partner(world: World, kind: str, *, stranger: bool = False) -> Partner:
    people = {role: world.person(role, stranger=stranger) for role in ("liaison", "approver")}
    purposes = ["routing", "removal"]
    team = world.other_team if stranger else world.team
    return make_partner(people, team, kind=kind, purposes=purposes)


def _route(world: World, partner: Partner, **about: str) -> None:
    made = services.propose(world.person("liaison"), partner, **about)
    services.decide_route(world.person("approver"), made, agreed=True)


def _sighting(world: World, **fields: Any) -> Sighting:
    shown = [option(), option(rail="card", processor="Made-up Scheme", asset="", address="")]
    labels = [{"scheme": "made up", "version": "1", "label": "label two"}]
    settled = {"hosting_country": "NL", "classification": labels, "tlp": "green", "pap": "green"}
    return record(world.person("analyst"), page(*shown, **{**settled, **SECRETS, **fields}))


def _sent(world: World, sighting: Sighting, partner: Partner, number: int = 0) -> Report:
    shown = list(sighting.options.order_by("position"))
    made = services.draft(
        world.person("analyst"), sighting, partner, shown[number - 1] if number else None
    )
    services.decide(world.person("approver"), made, released=True)
    return Report.objects.get(pk=made.pk)


def _told(report: Report) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(report.unseal("document"))
    return said


def test_a_page_goes_to_its_country_else_to_the_fallback_else_nobody_is_known(
    world: World,
) -> None:
    dutch, other = _partner(world, "hotline"), _partner(world, "hotline")
    scheme = _partner(world, "payment_brand")
    here, elsewhere = _sighting(world), _sighting(world, hosting_country="", observed_at=_EARLIER)

    def ways(sighting: Sighting) -> list[tuple[int, Any, bool]]:
        return [(one.number, one.partner, one.fallback) for one in queries.ways_of(sighting)]

    assert ways(here) == [(0, None, False), (2, None, False)]
    _route(world, other)
    _route(world, scheme, brand="MADE-UP scheme")
    assert ways(here) == [(0, other, True), (2, scheme, False)]
    _route(world, dutch, country="NL")
    assert ways(here) == [(0, dutch, False), (2, scheme, False)]
    assert ways(elsewhere)[0] == (0, other, True)
    partners.stop(world.person("liaison"), dutch, "suspended", "made up")
    assert ways(here)[0] == (0, None, False)


_EARLIER = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def test_a_route_counts_once_a_second_person_agreed(world: World) -> None:
    hotline = _partner(world, "hotline")
    liaison, approver = world.person("liaison"), world.person("approver")
    made = services.propose(liaison, hotline, country="NL")
    assert not queries.routes_of(world.team.organisation_id)
    with pytest.raises(UsageError, match="somebody else"):
        services.decide_route(liaison, made, agreed=True)
    services.decide_route(approver, made, agreed=False)
    assert not queries.routes_of(world.team.organisation_id)
    with pytest.raises(UsageError, match="meanwhile"):
        services.decide_route(approver, made, agreed=True)
    for about in ({"brand": "x"}, {"country": "NL", "brand": "x"}):
        with pytest.raises(UsageError):
            services.propose(liaison, hotline, **about)


def test_a_hotline_gets_payment_category_and_place_in_one_record(world: World) -> None:
    sighting = _sighting(world)
    report = _sent(world, sighting, _partner(world, "hotline"))
    told = _told(report)
    assert [one["rail"] for one in told["payment"]] == ["crypto", "card"]
    assert told["classification"] == ["label two"]
    assert told["hosting_country"] == "NL"
    _nothing_else(report, sighting)
    state = PageState.objects.get()
    assert (state.state, state.reference) == ("reported_hotline", report.theirs)


def test_a_brand_gets_its_own_option_and_what_it_needs(world: World) -> None:
    sighting = _sighting(world)
    report = _sent(world, sighting, _partner(world, "payment_brand"), 2)
    assert set(_told(report)) == {
        *("report", "issuer", "note", "payment"),
        *("first_seen", "last_seen", "hosting_country", "markings"),
    }
    assert _told(report)["payment"] == [{"rail": "card", "processor": "Made-up Scheme"}]
    _nothing_else(report, sighting)
    assert not PageState.objects.exists()


def _nothing_else(report: Report, sighting: Sighting) -> None:
    """Search what leaves for what no report holds."""
    text = report.unseal("document").lower()
    address = sighting.options.exclude(address=None).get().address
    assert address is not None
    for never in (*SECRETS.values(), "sealed-site", "heron", sighting.ref, address.canonical):
        assert never.lower() not in text


def test_what_policy_does_not_release_makes_no_report(world: World) -> None:
    with pytest.raises(UsageError, match="policy"):
        services.draft(world.person("analyst"), _sighting(world, tlp="red"), world.partner, None)
    assert not Report.objects.exists()


def test_a_page_without_means_of_payment_makes_no_report(world: World) -> None:
    bare = record(world.person("analyst"), replace(page(), options=(), hosting_country="NL"))
    with pytest.raises(UsageError, match="no means"):
        services.draft(world.person("analyst"), bare, _partner(world, "hotline"), None)


def test_what_a_partner_gave_goes_on_with_its_consent_alone(world: World) -> None:
    hotline, sighting = _partner(world, "hotline"), _sighting(world, handling="H2")
    analyst, giver = world.person("analyst"), world.partner
    partners.change_terms(world.person("liaison"), hotline, "made up", handling=["H2"])
    partners.activate(world.person("approver"), Partner.objects.get(pk=hotline.pk))
    hotline = Partner.objects.get(pk=hotline.pk)
    assert services.draft(analyst, sighting, hotline, None)
    file = received.take(giver, "json", write("json", shared(item())), "x")
    received.review(analyst, file.items.get(), used=True, record=sighting.ref)
    with pytest.raises(UsageError, match="consent"):
        services.draft(analyst, sighting, hotline, None)


def test_nobody_sends_their_own_draft_nor_one_that_changed(world: World) -> None:
    hotline = _partner(world, "hotline")
    made = services.draft(world.person("analyst"), _sighting(world), hotline, None)
    approver = world.person("approver")
    with pytest.raises(UsageError, match="not yours"):
        services.decide(world.person("analyst"), made, released=True)
    partners.stop(world.person("liaison"), hotline, "suspended", "made up")
    again = Report.objects.get(pk=made.pk)
    with pytest.raises(UsageError, match="policy"):
        services.decide(approver, again, released=True)
    assert Report.objects.get(pk=made.pk).state == "drafted"


def test_hours_run_from_sending_to_the_first_removal(world: World) -> None:
    report = _sent(world, _sighting(world), _partner(world, "hotline"))
    assert (report.state, report.hours_to_removal) == ("sent", None)
    # As if it had been sent long ago.
    sent = datetime(2026, 3, 1, 12, tzinfo=UTC)
    report.decision.at = sent
    with pytest.raises(UsageError, match="before"):
        services.tell(report, "reappeared", sent + timedelta(hours=1))
    with pytest.raises(UsageError, match="before"):
        services.tell(report, "removed", sent - timedelta(seconds=1))
    for hours, state in ((1, "acknowledged"), (30.5, "removed"), (40, "reappeared")):
        services.tell(report, state, sent + timedelta(hours=hours))
    assert (report.state, report.hours_to_removal) == ("back again", 30.5)
    services.tell(report, "removed", sent + timedelta(hours=60))
    assert (report.state, report.hours_to_removal) == ("removed", 30.5)


def test_a_recipient_fetches_its_reports_and_answers(world: World) -> None:
    hotline, other = _partner(world, "hotline"), _partner(world, "hotline")
    report = _sent(world, _sighting(world), hotline)
    drafted = services.draft(world.person("analyst"), report.sighting, hotline, None)
    key, others = (new_access_key(world.person("liaison"), one) for one in (hotline, other))

    def ask(key: str, url: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        if body is None:
            return Client().get(url, headers=headers)
        return Client().post(url, json.dumps(body), "application/json", headers=headers)

    listed = ask(key, reverse("share-reports"))
    assert [one["report"] for one in listed.json()["reports"]] == [report.theirs]
    assert ask(others, reverse("share-reports")).json() == {"reports": []}
    at = datetime.now(UTC).isoformat()
    answer = {"state": "removed", "at": at}
    status = reverse("share-report-status", args=[report.theirs])
    for who, where in (
        (others, status),
        (key, reverse("share-report-status", args=[drafted.theirs])),
    ):
        assert ask(who, where, answer).status_code == 404
    for wrong in (
        {"state": "gone", "at": at},
        {"state": "removed"},
        {**answer, "at": "2026-03-01"},
    ):
        assert ask(key, status, wrong).status_code in (400, 422)
    assert ask(key, status, answer).status_code == 201
    assert Report.objects.get(pk=report.pk).state == "removed"
    assert ask("clwp_x", status, answer).status_code == 401
    partners.stop(world.person("liaison"), hotline, "suspended", "made up")
    assert ask(key, reverse("share-reports")).status_code == 401


def test_the_pages_from_route_to_removal(world: World) -> None:
    hotline, sighting = _partner(world, "hotline"), _sighting(world)
    by = {role: world.client(world.person(role)) for role in ("liaison", "approver", "analyst")}
    by["liaison"].post(reverse("propose-route"), {"country": "NL", "partner": hotline.ref})
    route = hotline.routes.get()
    by["approver"].post(reverse("decide-route", args=[route.ref]), {"agree": "1"})
    where = reverse("new-report", args=[sighting.ref])
    assert hotline.codename in by["analyst"].get(where).content.decode()
    assert "no payment brand known" in by["analyst"].get(where).content.decode()
    assert by["analyst"].post(where, {"way": "7"}).status_code == 400
    assert by["analyst"].post(where, {"way": "0"}).status_code == 302
    report = Report.objects.get()
    assert (
        report.ref in by["approver"].get(reverse("today-section", args=["check"])).content.decode()
    )
    one = reverse("report", args=[report.ref])
    by["approver"].post(reverse("decide-report", args=[report.ref]), {"release": "1"})
    told = by["analyst"].get(one).content.decode()
    assert "label two" in told
    for secret in ("sealed-site", SECRETS["wording"]):
        assert secret not in told
    early = {"state": "removed", "at": "2026-01-01T00:00"}
    assert by["analyst"].post(reverse("report-status", args=[report.ref]), early).status_code == 400
    said = {"state": "removed", "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"}
    assert by["analyst"].post(reverse("report-status", args=[report.ref]), said).status_code == 302
    assert report.ref in by["analyst"].get(reverse("reports")).content.decode()
    assert Event.objects.filter(action="report.decide", object=report.ref).exists()
    stranger = world.client(world.person("analyst", stranger=True))
    assert stranger.get(one).status_code == 404
    assert report.ref not in stranger.get(reverse("reports")).content.decode()


def test_a_report_is_erased_with_its_page(world: World) -> None:
    report = _sent(world, _sighting(world), _partner(world, "hotline"))
    asked = keeping.ask(world.person("analyst"), report.sighting, "mistake", "made up")
    keeping.decide(world.person("approver"), asked, agreed=True)
    after = Report.objects.get(pk=report.pk)
    assert (after.document_sealed, after.withheld) == (None, [])
    page = world.client(world.person("analyst")).get(reverse("report", args=[report.ref]))
    assert "was erased" in page.content.decode()
