"""A program with a token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
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
