"""The door: who passes, what a refusal looks like, and the row that each call leaves."""

from __future__ import annotations

from django.test import Client
from tests.desk.conftest import World

from clewline.desk.audit.models import Event


def test_nobody_is_led_to_the_sign_in(db: None) -> None:
    answer = Client().get("/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert not Event.objects.exists()


def test_a_page_leaves_one_row(world: World) -> None:
    answer = world.client(world.person("analyst")).get("/")
    assert answer.status_code == 200
    event = Event.objects.get()
    assert (event.actor, event.action, event.result) == ("north-analyst", "home.read", "done")
