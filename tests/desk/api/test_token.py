"""The API's door: tokens let in, their scopes and their owner's roles count, cookies do not."""

from __future__ import annotations

from django.test import Client
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.audit.models import Event


def test_a_token_says_whose_it_is(world: World) -> None:
    token = services.new_token(world.person("analyst"), "import", ["account.read"], 5)
    answer = Client().get("/api/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.json()["pseudonym"] == "north-analyst"
    event = Event.objects.get()
    assert (event.action, event.client) == ("account.read", "127.0.0.1 token import")


def test_a_cookie_lets_nobody_in(world: World) -> None:
    assert world.client(world.person("analyst")).get("/api/me").status_code == 401
    assert Client().get("/api/me").json()["code"] == "no-token"


def test_outside_its_scopes_a_token_does_nothing(world: World) -> None:
    token = services.new_token(world.person("analyst"), "import", ["sighting.record"], 5)
    answer = Client().get("/api/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert answer.json() == {
        "code": "forbidden",
        "message": "this is not in the scopes of this token: account.read",
        "where": None,
        "hint": None,
    }
    assert Event.objects.get().result == "forbidden"
