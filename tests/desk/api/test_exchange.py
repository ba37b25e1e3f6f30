"""Look-ups, partners, alerts, watches and overlaps through the API, from both ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.desk import planted
from tests.desk.api.conftest import Program, read_in_parts
from tests.desk.conftest import World, make_partner

from clewline.desk.addresses.services import address_row
from clewline.desk.alerts import services as alerts
from clewline.desk.deconfliction import services as deconfliction
from clewline.desk.lookups import answers, services
from clewline.desk.partners.models import Partner
from clewline.desk.routing import services as routing
from clewline.desk.watch import services as watch

ASKED = {**planted.ASKED, "identifiers": [planted.ADDRESS, planted.URL]}


def test_a_partner_asks_and_reads_what_two_people_released(world: World, program: Program) -> None:
    planted.sighting_of(world.person("analyst"))
    ref = program("partner", "POST", "/asked", ASKED).json()["ref"]
    assert program("partner", "GET", f"/asked/{ref}").json()["answer"] is None
    assert program("liaison", "POST", f"/lookups/{ref}/draft", {}).status_code == 400
    call = {"how": "switchboard (made up)", "confirmed": True}
    assert program("liaison", "POST", f"/lookups/{ref}/call", call).json()["verified"]
    assert program("liaison", "POST", f"/lookups/{ref}/draft", {}).status_code == 201
    waits = program("approver", "GET", "/lookups/waiting").json()["items"]
    assert [(one["ref"], one["what"], one["mine"]) for one in waits] == [(ref, "check", True)]
    assert (
        program("liaison", "POST", f"/lookups/{ref}/release", {"agreed": True}).status_code == 403
    )
    inside = program("approver", "POST", f"/lookups/{ref}/release", {"agreed": True}).json()
    told = program("partner", "GET", f"/asked/{ref}").json()["answer"]
    signed = told["signed"].encode()
    said = answers.verify(signed, ref, services.public_key())
    assert (said["reply"], told["sha256"]) == ("known", answers.digest(signed))
    # At the desk a token reads which fields are told; what stands in them the partner alone reads.
    assert [list(one["fields"]) for one in said["items"]] == [
        sorted(one["fields"]) for one in inside["items"]
    ]
    assert planted.OF_TEAM["tier"] not in json.dumps(inside)
    assert program("partner", "POST", f"/asked/{ref}/acknowledge").json()["answer"]["acknowledged"]
    assert program("partner", "GET", f"/asked/{ref}", stranger=True).status_code == 404
    assert program("partner", "GET", "/asked", stranger=True).json()["items"] == []


def test_known_to_others_and_unknown_are_asked_alike(world: World, program: Program) -> None:
    before = program("partner", "POST", "/asked", ASKED, stranger=True).json()
    planted.sighting_of(world.person("analyst"))
    after = program("partner", "POST", "/asked", ASKED, stranger=True).json()
    own = ("ref", "asked_at")
    assert {**before, **dict.fromkeys(own)} == {**after, **dict.fromkeys(own)}
    refused = program("partner", "POST", "/asked", {**ASKED, "identifiers": ["1BvB*"]})
    assert (refused.status_code, refused.json()["where"]) == (400, "line 1")


def test_an_alert_goes_out_and_is_withdrawn(world: World, program: Program) -> None:
    planted.sighting_of(world.person("analyst"))
    body = {"what": [planted.ADDRESS], "partners": [world.partner.ref]}
    pull = {"partner": world.partner.ref, "kind": "pull"}
    assert program("liaison", "POST", "/channels", pull).status_code == 201
    ref = program("analyst", "POST", "/alerts", body).json()["ref"]
    assert program("analyst", "POST", f"/alerts/{ref}/decide", {"agreed": True}).status_code == 403
    sent = program("approver", "POST", f"/alerts/{ref}/decide", {"agreed": True}).json()
    assert [one["state"] for one in sent["recipients"][0]["deliveries"]] == ["offered"]
    follow = {"kind": "withdrawn", "reason": "made up"}
    after = program("analyst", "POST", f"/alerts/{ref}/follow", follow).json()
    assert (after["kind"], after["about"], after["released"]) == ("withdrawn", ref, None)
    theirs = {**body, "partners": ["P-AAAAA-AAAAA"]}
    other = program("analyst", "POST", "/alerts", theirs)
    stranger = program("analyst", "POST", "/alerts", body, stranger=True)
    assert other.status_code == stranger.status_code == 400
    assert "partner" not in stranger.json()["message"]  # the page is unknown to them, first of all


def test_an_asker_hears_once_the_holder_agreed(world: World, program: Program) -> None:
    planted.sighting_of(world.person("analyst", stranger=True))
    case = planted.case_of(world.person("investigator"), world.team)
    case.members.create(user=world.person("approver"), by=case.owner)
    body = {"addresses": [planted.ADDRESS], "why": "made up"}
    ref = program("investigator", "POST", f"/cases/{case.ref}/enquiries", body).json()["ref"]
    program("approver", "POST", f"/enquiries/{ref}/decide", {"agreed": True})
    deconfliction.compare_waiting()
    assert program("investigator", "GET", f"/enquiries/{ref}").json()["heard"] == []
    (held,) = program("analyst", "GET", "/overlaps", stranger=True).json()["items"]
    word = {"agreed": True, "contact": "holder (made up)"}
    program("analyst", "POST", f"/overlaps/{held['ref']}/answer", word, stranger=True)
    (heard,) = program("investigator", "GET", f"/enquiries/{ref}").json()["heard"]
    assert (heard["address"], heard["contact"]) == (None, None)
    word = {"agreed": True, "contact": "asker (made up)"}
    both = program("investigator", "POST", f"/enquiries/{ref}/overlaps/1", word).json()
    assert both["heard"][0]["contact"] == "holder (made up)"
    theirs = program("analyst", "GET", f"/overlaps/{held['ref']}", stranger=True).json()
    assert theirs["contact"] == "asker (made up)"


def asked(world: World, _: int) -> None:
    planted.look_up_of(world.person("partner"))


def alerted(world: World, n: int) -> None:
    if not n:
        planted.sighting_of(world.person("analyst"))
    made = alerts.make(
        world.person("analyst"), world.team, [address_row(planted.KEY)], [world.partner]
    )
    alerts.decide(world.person("approver"), made, released=True)


def watched(world: World, _: int) -> None:
    watch.watch(world.person("analyst"), world.team, address_row(planted.KEY), "made up")


def _hotline(world: World) -> Partner:
    people = {role: world.person(role) for role in ("liaison", "approver")}
    return make_partner(people, world.team, kind="hotline", clearance="red", purposes=["routing"])


def reported(world: World, _: int) -> None:
    page = planted.sighting_of(world.person("analyst"))
    made = routing.draft(world.person("analyst"), page, _hotline(world), None)
    routing.decide(world.person("approver"), made, released=True)


def test_a_page_is_reported_and_what_became_of_it_written_down(
    world: World, program: Program
) -> None:
    page, hotline = planted.sighting_of(world.person("analyst")), _hotline(world)
    ways = f"/sightings/{page.ref}/ways"
    assert [one["partner"] for one in program("analyst", "GET", ways).json()["items"]] == [None]
    draft = f"/sightings/{page.ref}/reports"
    assert program("analyst", "POST", draft, {}).status_code == 400
    route = program("liaison", "POST", "/routes", {"partner": hotline.ref}).json()
    assert (route["agreed"], program("analyst", "GET", "/routes").json()["items"]) == (None, [])
    agreed = program("approver", "POST", f"/routes/{route['ref']}/decide", {"agreed": True})
    assert agreed.json()["agreed"]
    assert [one["ref"] for one in program("analyst", "GET", "/routes").json()["items"]] == [
        route["ref"]
    ]
    (way,) = program("analyst", "GET", ways).json()["items"]
    assert (way["partner"], way["fallback"]) == (hotline.ref, True)
    made = program("analyst", "POST", draft, {"way": 0}).json()
    assert (made["state"], made["released"], made["url_told"]) == ("drafted", None, False)
    one = f"/reports/{made['ref']}"
    early = {"state": "removed", "at": "2026-01-01T00:00:00Z"}
    assert program("analyst", "POST", f"{one}/state", early).status_code == 400
    sent = program("approver", "POST", f"{one}/decide", {"agreed": True}).json()
    assert (sent["state"], sent["told"]["payment"][0]["rail"]) == ("sent", "crypto")
    said = {"state": "removed", "at": sent["sent_at"]}
    told = program("analyst", "POST", f"{one}/state", said).json()
    assert (told["state"], told["hours_to_removal"]) == ("removed", 0.0)
    assert [row["state"] for row in told["said"]] == ["removed"]
    text = json.dumps(program("approver", "GET", one).json())
    for sealed in (*planted.SEALED.values(), planted.URL):
        assert sealed not in text
    assert program("analyst", "GET", one, stranger=True).status_code == 404
    assert program("analyst", "GET", "/reports", stranger=True).json()["items"] == []
    theirs = {"partner": hotline.ref}
    assert program("liaison", "POST", "/routes", theirs, stranger=True).status_code == 404


@pytest.mark.parametrize(
    ("make", "role", "path"),
    [
        (asked, "liaison", "/lookups"),
        (asked, "partner", "/asked"),
        (alerted, "analyst", "/alerts"),
        (watched, "analyst", "/watches"),
        (reported, "analyst", "/reports"),
    ],
)
def test_a_list_is_read_in_parts_and_in_as_many_queries(
    world: World, program: Program, make: Any, role: str, path: str
) -> None:
    read_in_parts(world, program, role, path, make)
