"""Who gets which access, and how many people that takes."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.accounts.models import AccessChange, User
from clewline.desk.audit.models import Event
from clewline.desk.queue.items import key_of
from clewline.desk.roles import Role
from clewline.errors import UsageError


def test_what_lets_read_more_waits_for_an_approver(world: World) -> None:
    administrator, approver = world.person("administrator"), world.person("approver")
    user = services.add_person(administrator, "newcomer", ["analyst"], [world.team])
    assert not user.roles and not user.teams.exists()
    change = AccessChange.objects.get(user=user)
    services.decide(approver, change, granted=True)
    user.refresh_from_db()
    assert user.roles == ["analyst"]
    assert list(user.teams.all()) == [world.team]


def test_without_an_approver_one_person_is_enough(world: World) -> None:
    User.objects.filter(roles=["approver"]).update(is_active=False)
    user = services.add_person(world.person("administrator"), "newcomer", ["analyst"], [world.team])
    assert User.objects.get(id=user.id).roles == ["analyst"]


def test_nobody_agrees_to_their_own_access(world: World) -> None:
    approver = world.person("approver")
    change = services.ask_for_access(
        world.person("administrator"), approver, ["approver", "investigator"], [world.team]
    )
    # The only approver is the one who gains, so nobody could be asked: it stands at once.
    assert hasattr(change, "decision")
    with pytest.raises(UsageError):
        services.decide(approver, change, granted=True)


@pytest.mark.parametrize("who", ["analyst", "investigator", "administrator", "auditor"])
def test_only_an_approver_agrees(world: World, who: str) -> None:
    user = services.add_person(world.person("administrator"), "newcomer", ["analyst"], [])
    change = AccessChange.objects.get(user=user)
    with pytest.raises(UsageError):
        services.decide(world.person(who), change, granted=True)
    with pytest.raises(UsageError):
        services.decide(world.person("approver", stranger=True), change, granted=True)


def test_running_the_desk_goes_with_no_other_role(world: World) -> None:
    with pytest.raises(ValidationError):
        services.add_person(world.person("administrator"), "both", ["administrator", "analyst"], [])
    assert not User.objects.filter(username="both").exists()


def test_teams_of_others_cannot_be_given(world: World) -> None:
    User.objects.filter(roles=["approver"]).update(is_active=False)
    user = services.add_person(
        world.person("administrator"), "newcomer", ["analyst"], [world.other_team]
    )
    assert not User.objects.get(id=user.id).teams.exists()


def test_a_refused_change_changes_nothing(world: World) -> None:
    user = services.add_person(world.person("administrator"), "newcomer", ["analyst"], [world.team])
    client = world.client(world.person("approver"))
    change = AccessChange.objects.get(user=user)
    url = reverse("decide-access", args=[key_of("access", change.id)])
    assert client.post(url, {"refuse": "1"}).status_code == 302
    assert User.objects.get(id=user.id).roles == []
    assert Event.objects.get(action="people.approve").object == user.pseudonym


def test_changed_access_ends_sessions(world: World) -> None:
    analyst = world.person("analyst")
    client = world.client(analyst)
    services.set_active(analyst, active=False)
    assert client.get("/account/").status_code == 302
    services.set_active(analyst, active=True)
    assert client.get("/account/").status_code == 302


def test_an_administrator_of_others_is_not_known(world: World) -> None:
    client = world.client(world.person("administrator"))
    stranger = world.person("analyst", stranger=True)
    assert client.get(f"/people/{stranger.pseudonym}/").status_code == 404
    assert client.get("/people/A-nobody/").status_code == 404
    assert stranger.pseudonym not in client.get("/people/").content.decode()


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_only_administrators_make_accounts(world: World, role: str) -> None:
    client = world.client(world.person(role))
    answer = client.post("/people/add/", {"username": "x", "roles": ["analyst"]})
    assert answer.status_code == 403
    assert not User.objects.filter(username="x").exists()
    assert Event.objects.filter(action="people.change", result="forbidden").count() == 1


def test_an_invitation_works_once(world: World) -> None:
    user = world.person("analyst")
    secret = services.invite(user)
    browser = Client()
    page = f"/invitation/{secret}/"
    assert browser.get(page).status_code == 200
    assert browser.post(page, {"password": "short"}).status_code == 200
    assert browser.post(page, {"password": "a-long-made-up-phrase"}).status_code == 302
    assert Client().get(page).status_code == 404
    user.refresh_from_db()
    assert user.check_password("a-long-made-up-phrase")


def test_a_made_up_desk_alone_lets_step_in(world: World) -> None:
    User.objects.filter(username="north-analyst").update(password="!")  # noqa: S106 - Django's mark of no password
    assert Client().post("/step-in/", {"username": "north-analyst"}).status_code == 404
    assert services.made_up_people() == []
