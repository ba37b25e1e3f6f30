"""The first page: what is new in one's teams, and what waits; nothing of others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.desk.conftest import World, plain

from clewline.desk.accounts import services as accounts
from clewline.desk.cases.models import Case, Member
from clewline.desk.records.models import Sighting
from clewline.desk.roles import Role
from clewline.desk.welfare.models import Protection


def sighting(world: World, *, stranger: bool = False, **fields: Any) -> Sighting:
    person = world.person("analyst", stranger=stranger)
    return Sighting.objects.create(
        team=person.teams.get(),
        recorder=person,
        observed_at=timezone.now(),
        neutral_summary="A made-up page",
        **fields,
    )


@pytest.mark.parametrize("role", Role)
def test_everybody_has_one(world: World, role: str) -> None:
    assert world.client(world.person(role)).get("/").status_code == 200


@pytest.mark.parametrize("role", Role)
def test_what_others_record_changes_no_byte(world: World, role: str) -> None:
    client = world.client(world.person(role))
    client.get("/")
    before = plain(client.get("/"))
    sighting(world, stranger=True)
    other = world.person("investigator", stranger=True)
    case = Case.objects.create(team=world.other_team, codename="Blue Kettle", owner=other)
    Member.objects.create(case=case, user=other, by=other)
    after = plain(client.get("/"))
    if role == Role.AUDITOR:  # who sees how long the log is
        return
    assert before == after


def test_new_and_latest(world: World) -> None:
    old = sighting(world, recorded_at=timezone.now() - timedelta(days=3))
    client = world.client(world.person("analyst"))
    page = client.get("/").content.decode()
    assert "Recorded last" in page and old.ref in page
    new = sighting(world)
    page = client.get("/").content.decode()
    assert "Recorded since yesterday" in page and new.ref in page and old.ref not in page


def test_a_corrected_one_is_not_shown(world: World) -> None:
    old = sighting(world)
    sighting(world, supersedes=old)
    page = world.client(world.person("analyst")).get("/").content.decode()
    assert old.ref not in page


def test_summaries_are_masked_for_who_asks(world: World) -> None:
    sighting(world)
    Protection.objects.create(user=world.person("analyst"), summaries_masked=True)
    page = world.client(world.person("analyst")).get("/").content.decode()
    assert "A made-up page" not in page and "masked" in page


def test_what_waits_for_an_approver(world: World) -> None:
    user = accounts.add_person(world.person("administrator"), "newcomer", ["analyst"], [world.team])
    assert user.pseudonym in world.client(world.person("approver")).get("/").content.decode()
    assert user.pseudonym not in world.client(world.person("analyst")).get("/").content.decode()
