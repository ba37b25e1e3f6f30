"""The API against its own contract: generated requests; no answer is an accident.

A role that may and one that may not ask a few; in the slow run every role asks, each more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.desk import planted
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.api import limits, operations
from clewline.desk.audit.models import Event
from clewline.desk.records.models import Sighting
from clewline.desk.roles import ACTIONS, Role
from clewline.desk.wsgi import application

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW: Final = 3
MANY: Final = 15
TryOut = Callable[[str, str, int], None]
OPERATIONS: Final = [(path, method) for path, method, _ in operations()]


@pytest.fixture
def try_out(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[TryOut]:
    """Return what asks one operation, with what the contract allows and does not."""
    # As Django's own test client does: the connection that holds the test's records stays.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    monkeypatch.setattr(limits, "PER_MINUTE", 10**9)
    there = planted.sighting_of(world.person("analyst")).ref

    def ask(path: str, method: str, examples: int) -> None:
        operation = _contract()[f"/api{path}"][method.lower()]
        for role in Role if examples > FEW else _one_of_each(path, method):
            user = world.person(role)
            scopes = [name for name in ACTIONS if user.may(name)]
            token = services.new_token(user, "tests", scopes, 5)
            for mode in list(GenerationMode):
                _generated(operation, mode, token, there, examples)
        # What was generated wrote no sealed word into the log.
        told = {f"{event.object} {event.details}" for event in Event.objects.all()}
        assert not any(word in text for text in told for word in planted.SEALED.values())

    yield ask
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@cache
def _contract() -> Any:
    """Return the contract, read once."""
    return schemathesis.openapi.from_wsgi("/api/openapi.json", application)


def _one_of_each(path: str, method: str) -> list[Role]:
    """Return a role that may and one that may not: the matrix asks all of them, once each."""
    action = next(view.action for *key, view in operations() if key == [path, method])
    may = [role for role in Role if role in action.roles]
    return [may[0], *[role for role in Role if role not in action.roles][:1]]


def _generated(operation: Any, mode: Any, token: str, there: str, examples: int) -> None:
    """Ask with generated values; half the references are of a sighting that is there."""
    # What a GET does not know of its query it leaves alone, as the web does; a body is held whole.
    strict = mode == GenerationMode.NEGATIVE and operation.method == "post"
    checks = [*CHECKS, negative_data_rejection] if strict else CHECKS

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def one(case: Any, known: bool) -> None:
        if known and mode == GenerationMode.POSITIVE and "ref" in (case.path_parameters or {}):
            case.path_parameters["ref"] = there
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=checks)
        words = set(planted.SEALED.values())
        assert not any(word in answer.text for word in words)

    one()


def test_a_list_that_goes_on_after_a_record_may_not_know_that_record() -> None:
    """So it says that 404 is an answer: generated references are hardly ever of the right shape."""
    silent = [
        path
        for path, methods in _contract().raw_schema["paths"].items()
        for one in methods.values()
        for given in one.get("parameters", ())
        if given["name"] == "after"
        and given["schema"].get("type") == "string"
        and "404" not in {str(code) for code in one["responses"]}
    ]
    assert silent == []


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_keep_the_contract(try_out: TryOut, path: str, method: str) -> None:
    try_out(path, method, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_many_answers_keep_the_contract(try_out: TryOut, path: str, method: str) -> None:
    try_out(path, method, MANY)


def test_what_was_asked_came_to_something(
    try_out: TryOut,
) -> None:
    before = Sighting.objects.count()
    try_out("/sightings", "POST", 2 * FEW)
    assert Sighting.objects.count() > before
