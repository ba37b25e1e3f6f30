"""Requests with an idempotency key: done once, answered alike, readable to nobody else."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.accounts.models import FirstAnswer, User
from clewline.desk.audit.models import Event
from clewline.desk.background import PASSES
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.roles import ACTIONS

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
PAGE = {"observed_at": "2026-03-02T10:30:00.123456Z", "neutral_summary": "A made-up page"}
AT_ONCE = 6


def token_of(user: User, name: str = "tests") -> str:
    return services.new_token(user, name, [one for one in ACTIONS if user.may(one)], 5)


def post(token: str, path: str, body: object, key: str = KEY) -> Any:
    return Client().post(
        f"/api{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )


def test_what_is_repeated_is_answered_as_at_first(world: World) -> None:
    token = token_of(world.person("analyst"))
    first, again = (post(token, "/sightings", PAGE) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert Sighting.objects.count() == 1
    rows = Event.objects.order_by("seq").values_list("object", "result", "details")
    ref = first.json()["ref"]
    assert list(rows) == [(ref, "done", "{}"), (ref, "done", '{"repeated": true}')]
    assert post(token, "/sightings", PAGE, f"{KEY}-2").json()["ref"] != ref


def test_a_list_of_answers_is_repeated_too(world: World) -> None:
    token = token_of(world.person("analyst"))
    body = {"sightings": [PAGE, PAGE]}
    first, again = (post(token, "/imports/sightings", body) for _ in range(2))
    assert first.content == again.content
    assert Sighting.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [("/sightings", {**PAGE, "neutral_summary": "another"}), ("/brands", {"codename": "x"})],
)
def test_another_request_with_the_key_is_refused(world: World, path: str, body: object) -> None:
    token = token_of(world.person("analyst"))
    post(token, "/sightings", PAGE)
    refused = post(token, path, body)
    assert (refused.status_code, refused.json()["where"]) == (422, "Idempotency-Key")
    assert Event.objects.latest("seq").result == "refused"
    assert (Sighting.objects.count(), Brand.objects.count()) == (1, 0)


def test_a_key_is_its_tokens(world: World) -> None:
    analyst = world.person("analyst")
    post(token_of(analyst), "/sightings", PAGE)
    post(token_of(analyst, "other"), "/sightings", PAGE)
    assert Sighting.objects.count() == 2


@pytest.mark.parametrize("key", ["", "short", "with space in between", "x" * 201, "é" * 20])
def test_what_is_no_key_is_refused(world: World, key: str) -> None:
    refused = post(token_of(world.person("analyst")), "/sightings", PAGE, key)
    assert refused.status_code == 422
    assert not Sighting.objects.exists()


def test_what_was_refused_is_not_remembered(world: World) -> None:
    investigator = world.person("investigator")
    token, case = token_of(investigator), planted.case_of(investigator, world.team)
    task = {"text": "x", "owner": "north-analyst"}
    assert post(token, f"/cases/{case.ref}/tasks", task).status_code == 400
    assert not FirstAnswer.objects.exists()
    case.members.create(user=world.person("analyst"), by=investigator)
    assert post(token, f"/cases/{case.ref}/tasks", task).status_code == 201


def test_who_may_no_longer_know_finds_nothing(world: World) -> None:
    investigator, analyst = world.person("investigator"), world.person("analyst")
    case = planted.case_of(investigator, world.team)
    case.members.create(user=analyst, by=investigator)
    token, task = token_of(analyst), {"text": "x", "owner": "north-analyst"}
    assert post(token, f"/cases/{case.ref}/tasks", task).status_code == 201
    case.members.filter(user=analyst).update(until=timezone.now())
    gone = post(token, f"/cases/{case.ref}/tasks", task)
    missing = post(token, "/cases/C-00000-00000/tasks", task, f"{KEY}-2")
    assert (gone.status_code, gone.content) == (404, missing.content)


def test_the_row_tells_nothing_and_goes_after_a_day(world: World) -> None:
    token = token_of(world.person("analyst"))
    made = post(token, "/sightings", PAGE).json()
    row = FirstAnswer.objects.get()
    told = f"{row.key} {row.request}".encode() + bytes(row.answer)
    assert not any(one.encode() in told for one in (KEY, made["ref"], PAGE["neutral_summary"]))
    FirstAnswer.objects.update(at=timezone.now() - timedelta(hours=services.ANSWER_HOURS))
    assert PASSES["answers kept for repeats"]() == 1
    assert post(token, "/sightings", PAGE).json()["ref"] != made["ref"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done(world: World) -> None:
    token = token_of(world.person("analyst"))
    answers: list[bytes] = []
    begin = threading.Barrier(AT_ONCE)

    def work() -> None:
        begin.wait()
        answers.append(post(token, "/sightings", PAGE).content)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == AT_ONCE and len(set(answers)) == 1
    assert Sighting.objects.count() == 1
    told = Event.objects.filter(action="sighting.record").values_list("details", flat=True)
    assert sorted(told) == [*['{"repeated": true}'] * (AT_ONCE - 1), "{}"]
