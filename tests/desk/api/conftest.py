"""A program with a token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.roles import ACTIONS

Program = Callable[..., Any]


@pytest.fixture
def program(world: World) -> Program:
    """Return ``program(role, method, path, body)``: call the API with every scope of that role."""
    tokens: dict[tuple[str, bool], str] = {}

    def call(
        role: str, method: str, path: str, body: object = None, *, stranger: bool = False
    ) -> Any:
        user = world.person(role, stranger=stranger)
        key = (role, stranger)
        if key not in tokens:
            scopes = [name for name in ACTIONS if user.may(name)]
            tokens[key] = services.new_token(user, "tests", scopes, 5)
        return Client().generic(
            method,
            f"/api{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {tokens[key]}"},
        )

    return call


def read_in_parts(
    world: World, program: Program, role: str, path: str, make: Callable[[World, int], None]
) -> None:
    """Hold a list against itself: in parts, in as many queries however long, for nobody else."""
    counts, lengths = [], []
    for n in range(4):
        make(world, n)
        with CaptureQueriesContext(connection) as queries:
            answer = program(role, "GET", path)
        counts.append(len(queries))
        lengths.append(len(answer.json()["items"]))
    assert lengths == [1, 2, 3, 4]
    # The first answer may look up what is remembered after it.
    assert counts[1:] == counts[1:2] * 3
    refs = [one["ref"] for one in answer.json()["items"]]
    first = program(role, "GET", f"{path}?limit=3").json()
    rest = program(role, "GET", f"{path}?limit=3&after={first['next']}").json()
    assert [one["ref"] for one in (*first["items"], *rest["items"])] == refs
    assert rest["next"] is None
    assert program(role, "GET", f"{path}?after={refs[0]}", stranger=True).status_code == 404
    assert program(role, "GET", path, stranger=True).json()["items"] == []
