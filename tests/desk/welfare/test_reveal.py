"""Reveals: masked until somebody says why, for a while, counted, not for who runs the desk."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.desk.conftest import World, plain

from clewline.desk.audit.models import Event
from clewline.desk.records.models import Sighting
from clewline.desk.roles import Role
from clewline.desk.welfare import services
from clewline.desk.welfare.models import Protection, Reveal

WORDING = "Made up: access to the members' part for a month"
URL = "https://payments.example/join?step=2"


@pytest.fixture
def sighting(world: World) -> Sighting:
    """A made-up sighting of the analyst's team."""
    sighting = Sighting(
        team=world.team,
        recorder=world.person("analyst"),
        observed_at=timezone.now(),
        ref="S-00000-00001",
    )
    sighting.seal("wording", WORDING)
    sighting.seal("url", URL)
    sighting.save()
    return sighting


def page(sighting: Sighting, field: str = "wording") -> str:
    return f"/sightings/{sighting.ref}/reveal/{field}/"


def test_masked_until_there_is_a_reason(world: World, sighting: Sighting) -> None:
    client = world.client(world.person("analyst"))
    assert WORDING not in client.get(page(sighting)).content.decode()
    answer = client.post(page(sighting), {"field": "wording", "reason": ""})
    assert WORDING not in answer.content.decode()
    assert not Reveal.objects.exists()
    answer = client.post(page(sighting), {"field": "wording", "reason": "classify"})
    assert "Made up: access" in answer.content.decode()
    assert answer["Refresh"].startswith("120;")
    assert answer["Cache-Control"] == "no-store"
    reveal = Reveal.objects.get()
    assert (reveal.user, reveal.field, reveal.reason) == (
        world.person("analyst"),
        "wording",
        "classify",
    )
    assert reveal.until - reveal.at == timedelta(seconds=120)
    event = Event.objects.filter(action="sighting.reveal").latest("seq")
    assert (event.object, event.result) == (f"{sighting.ref}/wording", "done")
    assert WORDING not in str(Event.objects.values_list())


def test_an_address_of_a_page_is_never_a_link(world: World, sighting: Sighting) -> None:
    client = world.client(world.person("analyst"))
    answer = client.post(page(sighting, "url"), {"field": "url", "reason": "compare"})
    text = answer.content.decode()
    assert "hxxps://payments[.]example/join?step=2" in text
    assert "payments.example" not in text


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR, Role.LIAISON])
def test_not_for_every_role(world: World, sighting: Sighting, role: str) -> None:
    client = world.client(world.person(role))
    answer = client.post(page(sighting), {"field": "wording", "reason": "classify"})
    assert answer.status_code == 403
    assert WORDING not in answer.content.decode()


@pytest.mark.parametrize("role", [Role.ANALYST, Role.APPROVER, Role.INVESTIGATOR])
def test_a_stranger_finds_nothing(world: World, sighting: Sighting, role: str) -> None:
    client = world.client(world.person(role, stranger=True))
    missing = client.get("/sightings/S-99999-99999/reveal/wording/")
    there = client.get(page(sighting))
    assert missing.status_code == there.status_code == 404
    assert plain(missing) == plain(there)


def test_a_protected_source_is_for_approvers(world: World, sighting: Sighting) -> None:
    assert not services.may_reveal(world.person("analyst"), "protected_source")
    assert services.may_reveal(world.person("approver"), "protected_source")
    answer = world.client(world.person("analyst")).post(
        page(sighting, "protected_source"), {"field": "protected_source", "reason": "case"}
    )
    assert answer.status_code == 400


def test_a_soft_limit_asks_and_counts(world: World, sighting: Sighting) -> None:
    Protection.objects.create(organisation=world.team.organisation, reveals_per_day=1)
    client = world.client(world.person("analyst"))
    wish = {"field": "wording", "reason": "classify"}
    assert client.post(page(sighting), wish).status_code == 200
    assert "beyond what protects me" in client.get(page(sighting)).content.decode()
    assert client.post(page(sighting), wish).status_code == 400
    assert client.post(page(sighting), {**wish, "go_on": "on"}).status_code == 200
    assert list(Reveal.objects.order_by("id").values_list("beyond_limit", flat=True)) == [
        False,
        True,
    ]
    rows = services.team_counts(world.person("approver"), 14)
    assert [(row["person"], row["reveals"], row["beyond"]) for row in rows] == [
        ("north-analyst", 2, 1)
    ]
    assert services.team_counts(world.person("approver", stranger=True), 14) == []


def test_a_person_asks_for_more_protection_never_for_less(world: World) -> None:
    Protection.objects.create(organisation=world.team.organisation, reveals_per_day=20)
    analyst = world.person("analyst")
    own = Protection.objects.create(user=analyst, reveals_per_day=500, seconds_open=30)
    limits = services.protection_of(analyst)
    assert (limits.reveals_per_day, limits.seconds_open) == (20, 30)
    own.beginning_first = True
    own.save()
    assert services.protection_of(analyst).beginning_first


def test_only_the_beginning_at_first(world: World, sighting: Sighting) -> None:
    Protection.objects.create(user=world.person("analyst"), beginning_first=True)
    long = Sighting(
        team=world.team, recorder=world.person("analyst"), observed_at=timezone.now(), ref="S-2"
    )
    long.seal("wording", "a" * 200 + "END")
    long.save()
    client = world.client(world.person("analyst"))
    wish = {"field": "wording", "reason": "classify"}
    answer = client.post(page(long), wish).content.decode()
    assert "END" not in answer and "3 more characters" in answer
    assert "END" in client.post(page(long), {**wish, "whole": "on"}).content.decode()


def test_pages_of_welfare(world: World) -> None:
    client = world.client(world.person("analyst"))
    assert client.get("/welfare/").status_code == 200
    assert client.get("/welfare/team/").status_code == 403
    assert world.client(world.person("approver")).get("/welfare/team/").status_code == 200
    wish = {"reveals_per_day": "5", "minutes_per_day": "60", "seconds_open": "20"}
    assert client.post("/welfare/change/", wish).status_code == 302
    assert services.protection_of(world.person("analyst")).reveals_per_day == 5
    assert client.post("/welfare/change/", {**wish, "seconds_open": "0"}).status_code == 422
    assert world.client(world.person("auditor")).get("/welfare/").status_code == 403
