"""The web side: paths, tokens, answers.

Two kinds of answer never meet. What a token for registering gets back is made from the request
alone, once it is on disk, so that a customer who tries addresses sees the same text after the same
work whatever they are. What is found is read with another token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from clewline.checks import shapes
from clewline.checks.judging import Judge
from clewline.checks.register import Register
from clewline.checks.tokens import Scope, scope_of
from clewline.errors import (
    BusyError,
    ClewlineError,
    UnknownRegistrationError,
    UsageError,
)

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_RETRY_SECONDS: Final = "1"
_Answer = Callable[["Request", bytes], Awaitable[tuple[int, Any]]]

PATHS: Final = (
    ("POST", "/v2/users/{user}/transfers", Scope.REGISTER, "Register a transfer."),
    ("POST", "/v2/users/{user}/withdrawal-attempts", Scope.REGISTER, "Register an attempt."),
    ("POST", "/v2/entities", Scope.REGISTER, "Register an address."),
    ("GET", "/v2/transfers/{id}", Scope.REVIEW, "A transfer and where its screening stands."),
    ("GET", "/v2/transfers/{id}/alerts", Scope.REVIEW, "Its alerts."),
    ("GET", "/v2/withdrawal-attempts/{id}", Scope.REVIEW, "An attempt, likewise."),
    ("GET", "/v2/withdrawal-attempts/{id}/alerts", Scope.REVIEW, "Its alerts."),
    ("GET", "/v2/entities/{address}", Scope.REVIEW, "What is known of a registered address."),
    ("POST", "/v2/users/{user}/checks", Scope.REVIEW, "Register an attempt, answer its alerts."),
)
"""Method, path, needed scope, what it does; docs/CHECKS.md is held against it."""


class Service:
    """The web application over a judge.

    Parameters
    ----------
    judge : Judge
        Started.
    tokens : dict of str to Scope
        From `tokens.read_tokens`.
    """

    def __init__(self, judge: Judge, tokens: dict[str, Scope]) -> None:
        self._judge, self._tokens = judge, tokens

    def application(self, running: Any = None) -> Starlette:
        """Return the web application.

        Parameters
        ----------
        running : callable, optional
            Starlette's lifespan: what begins before the first answer and ends after the last.

        Raises
        ------
        UsageError
            If the extra ``screen`` is not installed.
        """
        try:
            from starlette.applications import Starlette
            from starlette.routing import Route
        except ImportError:
            raise UsageError(
                "the service needs the extra: pip install 'clewline[screen]'"
            ) from None
        answers: dict[tuple[str, str], _Answer] = {
            ("POST", "/v2/users/{user}/transfers"): self._register("transfer"),
            ("POST", "/v2/users/{user}/withdrawal-attempts"): self._register("withdrawal"),
            ("POST", "/v2/entities"): self._register("address"),
            ("GET", "/v2/transfers/{id}"): self._summary("transfer"),
            ("GET", "/v2/transfers/{id}/alerts"): self._alerts("transfer"),
            ("GET", "/v2/withdrawal-attempts/{id}"): self._summary("withdrawal"),
            ("GET", "/v2/withdrawal-attempts/{id}/alerts"): self._alerts("withdrawal"),
            ("GET", "/v2/entities/{address}"): self._entity,
            ("POST", "/v2/users/{user}/checks"): self._check,
        }
        routes = [
            Route(path, self._door(answers[method, path], scope), methods=[method])
            for method, path, scope, _help in PATHS
        ]
        return Starlette(routes=routes, lifespan=running)

    def _door(self, answer: _Answer, scope: Scope) -> Callable[[Request], Awaitable[Response]]:
        """Let only those in who may, and turn errors into answers."""

        async def entered(request: Request) -> Response:
            # What is sent is read in any case: the connection can then be used again.
            body = await _body(request)
            held = scope_of(self._tokens, request.headers.get("authorization", ""))
            if held is None:
                return _json({"message": "a token is needed"}, 401)
            if held is not scope:
                return _json({"message": f"for tokens that may {scope.value}"}, 403)
            try:
                status, said = await answer(request, body)
            except BusyError as error:
                return _json({"message": error.message}, 503, {"Retry-After": _RETRY_SECONDS})
            except ClewlineError as error:
                return _json({"message": error.message}, error.http_status)
            return _json(said, status)

        return entered

    def _register(self, kind: str) -> _Answer:
        """Return what registers one kind of thing."""

        async def answer(request: Request, body: bytes) -> tuple[int, Any]:
            row = shapes.read_request(kind, request.path_params.get("user", ""), body)
            await asyncio.wrap_future(self._judge.register(row))
            return 202, shapes.registered(row)

        return answer

    async def _check(self, request: Request, body: bytes) -> tuple[int, Any]:
        """Register a withdrawal and answer with its alerts, for those who decide."""
        row = shapes.read_request("withdrawal", request.path_params["user"], body)
        alerts = await asyncio.wrap_future(self._judge.check(row))
        return 200, {**shapes.registered(row), "alerts": [shapes.alert(one) for one in alerts]}

    def _summary(self, kind: str) -> _Answer:
        """Return what shows one registration."""

        async def answer(request: Request, _body: bytes) -> tuple[int, Any]:
            found, _alerts = await self._found(kind, request.path_params["id"])
            return 200, shapes.summary(found)

        return answer

    def _alerts(self, kind: str) -> _Answer:
        """Return what shows the alerts of one registration."""

        async def answer(request: Request, _body: bytes) -> tuple[int, Any]:
            found, alerts = await self._found(kind, request.path_params["id"])
            state = {
                "result": found["result"] or "pending",
                "updatedAt": found["screened_at"] or None,
            }
            return 200, {**state, "alerts": [shapes.alert(one) for one in alerts]}

        return answer

    async def _entity(self, request: Request, _body: bytes) -> tuple[int, Any]:
        """Return what is known of an address."""
        asked = json.dumps({"address": request.path_params["address"]}).encode()
        found, alerts = await self._found("address", shapes.read_request("address", "", asked).id)
        return 200, shapes.entity(found, alerts)

    async def _found(self, kind: str, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return a registration and its alerts."""

        def question(register: Register) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
            return register.get(kind, name), register.alerts(name)

        found, alerts = await asyncio.wrap_future(self._judge.ask(question))
        if found is None:
            raise UnknownRegistrationError("not registered")
        return found, alerts


async def _body(request: Request) -> bytes:
    """Read a request, no further than one goes and a byte: who reads it then says that."""
    from starlette.requests import ClientDisconnect

    pieces = bytearray()
    try:
        async for piece in request.stream():
            pieces += piece
            if len(pieces) > shapes.MOST_BYTES:
                break
    except ClientDisconnect:
        return b""  # nobody hears the answer
    return bytes(pieces)


def _json(body: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an answer."""
    from starlette.responses import Response

    data = json.dumps(body, separators=(",", ":")).encode()
    return Response(data, status, headers, "application/json")
