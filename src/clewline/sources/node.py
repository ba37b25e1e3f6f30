"""Asking a Bitcoin Core node: with its password, and with what its refusals mean."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

from clewline.errors import NodeAccessError, UsageError
from clewline.sources.server import Answer, Busy, Report, Server, ServerUrl

DEFAULT_PORT: Final = 8332
_COOKIE_BYTES: Final = 1024


class Node(Server):
    """Requests to one node, from any number of threads.

    Parameters
    ----------
    url : ServerUrl
        The only place that is asked.
    login : str, optional
        ``name:password``.
    cookie : Path, optional
        File with the same, which the node writes anew at each start; read again when refused.
    patience : float
        Seconds to go on asking while the node is `Busy`.
    report : callable
        Told, once each, why the node is asked again.

    Raises
    ------
    UsageError
        If the cookie file cannot be read.
    """

    def __init__(
        self,
        url: ServerUrl,
        login: str | None = None,
        cookie: Path | None = None,
        patience: float = 0.0,
        report: Report = lambda _line: None,
    ) -> None:
        hint = "does the node run, with -server=1 for RPC or -rest=1 for REST, on this port?"
        super().__init__(url, hint, patience, report)
        self._cookie = cookie
        self._login = login if cookie is None else self._read_cookie()

    def get(self, path: str, limit: int) -> Answer:
        """Ask once with GET; `limit` is the most bytes that an answer can have.

        Raises
        ------
        Busy
            If it is worth asking again.
        TooLong
            If the answer is longer than `limit`.
        NodeError, NodeAnswerError, NodeAccessError
            If it is not worth asking again.
        """
        return self._once("GET", path, None, limit)

    def post(self, body: bytes, limit: int) -> Answer:
        """Ask once with POST and a JSON body; otherwise as `get`."""
        return self._once("POST", "/", body, limit)

    def _once(self, method: str, path: str, body: bytes | None, limit: int) -> Answer:
        """Send one request with the password, and judge its answer."""
        login = self._login
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if login is not None:
            coded = base64.b64encode(login.encode()).decode("ascii")
            headers["Authorization"] = f"Basic {coded}"
        return self._judged(self._request(method, path, body, headers, limit), login)

    def _judged(self, answer: Answer, login: str | None) -> Answer:
        """Return an answer that says something about what was asked."""
        # A full work queue is 503, and was 500 before Core 22; REST says 503 while starting.
        full = answer.status == 500 and answer.body.startswith(b"Work queue")
        if answer.status == 503 or full:
            raise Busy(answer.text() or "HTTP 503")
        if answer.status == 401:
            if self._cookie is not None and self._renewed_cookie() != login:
                raise Busy("the node started anew with another cookie")
            raise NodeAccessError(
                "the node refuses this name and password"
                if login is not None
                else "the node asks for a name and password",
                where=self.shown,
                hint="name its cookie with --rpc-cookie, or set CLEWLINE_RPC_USER and "
                "CLEWLINE_RPC_PASSWORD",
            )
        if answer.status == 403:
            raise NodeAccessError(
                "the node does not allow this",
                where=self.shown,
                hint="see rpcallowip and rpcwhitelist of Bitcoin Core",
            )
        return answer

    def _read_cookie(self) -> str:
        """Read name and password from the cookie file."""
        assert self._cookie is not None
        try:
            with self._cookie.open("rb") as file:
                login = file.read(_COOKIE_BYTES + 1)
        except OSError as error:
            raise UsageError(
                f"cannot be read: {error.strerror}",
                where=f"--rpc-cookie {self._cookie}",
                hint="a running node keeps it in its data directory, named .cookie",
            ) from None
        if len(login) > _COOKIE_BYTES or b":" not in login or not login.strip().isascii():
            raise UsageError("is no cookie of Bitcoin Core", where=f"--rpc-cookie {self._cookie}")
        return login.decode("ascii").strip()

    def _renewed_cookie(self) -> str:
        """Read the cookie again; a node that is between two runs has none."""
        try:
            self._login = self._read_cookie()
        except UsageError as error:
            raise Busy(f"the cookie {error.message}") from None
        return self._login
