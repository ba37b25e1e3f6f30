"""Limits on programs: requests a minute, bytes of a body."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.api import limits, token


@pytest.fixture
def headers(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(token, "_RATE", limits.Rate())
    made = services.new_token(world.person("analyst"), "import", ["account.read"], 5)
    return {"Authorization": f"Bearer {made}"}


def test_who_asks_too_often_waits(
    headers: dict[str, str], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(limits, "PER_MINUTE", 3)
    assert [Client().get("/api/me", headers=headers).status_code for _ in range(3)] == [200] * 3
    answer = Client().get("/api/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many")
    other = services.new_token(world.person("approver"), "other", ["account.read"], 5)
    theirs = {"Authorization": f"Bearer {other}"}
    assert Client().get("/api/me", headers=theirs).status_code == 200
    later = float(answer["Retry-After"])
    monkeypatch.setattr(limits.time, "monotonic", lambda: later)
    assert Client().get("/api/me", headers=headers).status_code == 200


def test_a_large_body_is_not_read(headers: dict[str, str]) -> None:
    answer = Client().generic(
        "POST",
        "/api/read",
        b" " * (limits.LARGEST_BODY + 1),
        content_type="application/json",
        headers=headers,
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_those_who_left_are_forgotten() -> None:
    rate = limits.Rate()
    for number in range(2 * limits.PER_MINUTE):
        rate.take(number, now=float(number))
    assert len(rate._full_at) <= limits.PER_MINUTE + 1
