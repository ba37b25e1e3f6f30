"""Receivers on this machine: a web server that may misbehave, and a mail server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Web:
    """A web server: keeps what was posted, and answers as `answer` says.

    Attributes
    ----------
    answer : callable
        Takes path and how many requests there were before; returns status and body. None as status
        ends the connection after the request was taken.
    """

    answer: Callable[[str, int], tuple[int | None, bytes]] = lambda path, before: (200, b"{}")
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def running(self) -> Iterator[Web]:
        """Answer while the block runs."""
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # the sender died on the way: nothing was posted
                before = len(web.taken)
                web.taken.append((self.path, dict(self.headers), body))
                status, said = web.answer(self.path, before)
                if status is None:
                    self.connection.close()
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{web.url}/elsewhere")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                with suppress(BrokenPipeError):  # the sender lost patience
                    self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class Misp:
    """A stand-in for a MISP server: events by uuid, added and edited."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.web = Web(self._answer)

    def _answer(self, path: str, before: int) -> tuple[int | None, bytes]:
        event = json.loads(self.web.taken[before][2])["Event"]
        if path.startswith("/events/edit/") and event["uuid"] not in self.events:
            return 404, b"{}"
        self.events[event["uuid"]] = event
        return 200, b"{}"


@dataclass
class Mailbox:
    """A mail server: keeps what it was sent."""

    taken: list[tuple[list[str], Message]] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail."""
        self.taken.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 taken"

    @contextmanager
    def running(self) -> Iterator[Mailbox]:
        """Take mail while the block runs."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()
