"""What the desk does by itself runs in a process of its own: the server forks."""

from __future__ import annotations

import threading
from typing import Any

import django.db
import granian
import pytest

from clewline.desk import running


def test_the_process_that_forks_has_no_thread_and_no_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite's locks do not survive a fork: workers would find the database locked for good."""
    said: list[Any] = []

    class Beside:
        def Process(self, *, target: Any, args: tuple[str, int], daemon: bool) -> Beside:  # noqa: N802
            said.append(("process", target, daemon))
            return self

        def start(self) -> None:
            said.append("started")

    class Server:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def serve(self) -> None:
            said.append({thread.name for thread in threading.enumerate()})

    def context(way: str) -> Beside:
        said.append(way)
        return Beside()

    monkeypatch.setattr(running, "get_context", context)
    monkeypatch.setattr(running, "_require_free", lambda address, port: None)
    monkeypatch.setattr(granian, "Granian", Server)
    monkeypatch.setattr(django.db.connections, "close_all", lambda: said.append("closed"))
    before = {thread.name for thread in threading.enumerate()}
    running.serve("127.0.0.1", 1, 1)
    assert said[:4] == ["spawn", ("process", running.run_beside, True), "started", "closed"]
    assert said[4] <= before
