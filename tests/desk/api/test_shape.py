"""A request refused for its shape never comes to the door, and leaves an audit row all the same."""

from __future__ import annotations

from typing import Any

from tests.desk.conftest import World

from clewline.desk.audit.models import Event


def test_a_request_of_a_wrong_shape_leaves_an_audit_row(program: Any, world: World) -> None:
    assert program("analyst", "POST", "/imports", {"form": "zip"}).status_code == 422
    event = Event.objects.latest("seq")
    actor = world.person("analyst").pseudonym
    assert (event.action, event.result, event.actor) == ("import.make", "refused", actor)
