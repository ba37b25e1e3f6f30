"""A made-up list, a judge over it, and the service on a free port of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.served import served

from clewline.checks.application import Service
from clewline.checks.judging import Judge
from clewline.checks.register import Register, Registration
from clewline.checks.tokens import Scope, make_token, read_tokens
from clewline.labels.label import make_claim
from clewline.screening.running import Question, Screener, Store
from clewline.screening.watchlist import Entry, Watchlist

CONTROLLED = "0x" + "11" * 20
MENTIONED = "0x" + "22" * 20
GAMBLING = "0x" + "33" * 20
CLEAN = "0x" + "44" * 20
WAIT = 300
"""Seconds; kernels may have to be compiled."""
START = datetime(2026, 1, 1, tzinfo=UTC)


def entry(address: str, kind: str = "control", category: str = "csam", name: str = "") -> Entry:
    claim = make_claim(
        entity=name or "Site 1 (made up)",
        categories=[category],
        source="made up",
        confidence_given="70",
        type_given=kind,
        cluster=False,
    )
    return Entry("ETH", address, claim, "example")


def screener(*entries: Entry, stores: tuple[Store, ...] = ()) -> Screener:
    return Screener(Watchlist(entries or LISTED), Question(), stores)


LISTED = (
    entry(CONTROLLED),
    entry(MENTIONED, "mention"),
    entry(GAMBLING, category="gambling", name="Games (made up)"),
)


def attempt(address: str, reference: str = "W-1", user: str = "C-1") -> Registration:
    return Registration("withdrawal", user, reference, "ETH", "ETH", address, "sent", "1.5")


@contextmanager
def judging(file: Path, *entries: Entry, stores: tuple[Store, ...] = ()) -> Iterator[Judge]:
    register = Register(file)
    judge = Judge(register, screener(*entries, stores=stores), lambda: START)
    judge.start()
    try:
        yield judge
    finally:
        judge.stop()
        register.close()


@contextmanager
def serving(home: Path, *entries: Entry) -> Iterator[tuple[int, str, str]]:
    """Run the service; yields its port, a token to register and one to review."""
    tokens = [make_token(home / "tokens.json", scope, Scope(scope)) for scope in Scope]
    with judging(home / "register.sqlite", *entries) as judge:
        service = Service(judge, read_tokens(home / "tokens.json"))
        with served(service.application()) as port:
            yield port, tokens[0], tokens[1]


class Client:
    """Requests with one token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=WAIT)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self._connection.close()
