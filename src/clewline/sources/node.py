"""The one door to a network: asking a Bitcoin Core node that the operator named.

Nothing else in Clewline opens a connection, and this opens none but to the URL on the command
line: no redirect is followed, no proxy used, no address out of a record looked up. A node is a
server that may be starting, busy, restarted or not a node at all, so each request ends in one of
three ways: an answer of bounded size, `Busy` (worth asking again: `Node.retry` does, for as long as
the setting ``node_patience`` says), or an error that names the URL without its password.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from clewline.errors import NodeAccessError, NodeAnswerError, NodeError, UsageError

DEFAULT_PORT: Final = 8332
_SOCKET_SECONDS: Final = 60.0
"""A node that writes its chain state to disk is silent for many seconds."""
_ANSWER_SECONDS: Final = 300.0
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0
_READ_BYTES: Final = 1 << 20
_COOKIE_BYTES: Final = 1024
_SHOWN_TEXT: Final = 200
_SHUT_BOTH: Final = 2  # SHUT_RDWR of socket, which this package does not import

T = TypeVar("T")
Report = Callable[[str], None]
"""Called with one line for the operator."""


class Busy(Exception):  # noqa: N818 - a state of the node, not an error; never leaves this room
    """The node cannot answer now and may later: starting, restarting, full work queue."""


class TooLong(Exception):  # noqa: N818 - as above
    """The answer is longer than what was asked for can be; it was not read."""


class Answer(NamedTuple):
    """One HTTP answer: status, whether it says that it is JSON, body."""

    status: int
    is_json: bool
    body: bytes

    def text(self) -> str:
        """Return the first line of the body as far as it can be shown."""
        return self.body[:_SHOWN_TEXT].decode("utf-8", "replace").strip().partition("\n")[0]


@dataclass(frozen=True)
class NodeUrl:
    """Where a node is.

    Attributes
    ----------
    shown : str
        The URL without name and password, for messages.
    secure : bool
        Whether it is https.
    host, port, path : str, int, str
        `path` has no slash at its end.
    login : str or None
        ``name:password`` if the URL holds them. Never shown.
    """

    shown: str
    secure: bool
    host: str
    port: int
    path: str
    login: str | None = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether requests stay on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_node_url(text: str, where: str) -> NodeUrl:
    """Read the URL of a node.

    Parameters
    ----------
    text : str
        ``http://host:port``, possibly https, with a name and password, or with a path; the port
        is 8332 if not given.
    where : str
        The option, for messages.

    Returns
    -------
    NodeUrl
        Its parts.

    Raises
    ------
    UsageError
        If it is no such URL; the message does not repeat a password.

    Examples
    --------
    >>> parse_node_url("http://ann:secret@127.0.0.1:18443/", "--rpc").shown
    'http://127.0.0.1:18443'
    """
    wrong = UsageError(
        "is not the URL of a node, such as http://127.0.0.1:8332: scheme http or https, a host, "
        "and neither a query nor a fragment",
        where=where,
    )
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise wrong from None
    unclean = any(not "!" <= letter <= "~" for letter in text)
    if url.scheme not in {"http", "https"} or not host or url.query or url.fragment or unclean:
        raise wrong
    login = None
    if url.username is not None:
        login = f"{unquote(url.username)}:{unquote(url.password or '')}"
    number = DEFAULT_PORT if port is None else port
    path = url.path.rstrip("/")
    name = f"[{host}]" if ":" in host else host
    return NodeUrl(
        f"{url.scheme}://{name}:{number}{path}", url.scheme == "https", host, number, path, login
    )


class Node:
    """Requests to one node, from any number of threads.

    Parameters
    ----------
    url : NodeUrl
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
        url: NodeUrl,
        login: str | None = None,
        cookie: Path | None = None,
        patience: float = 0.0,
        report: Report = lambda _line: None,
    ) -> None:
        self.shown = url.shown
        self._url = url
        self._cookie = cookie
        self._patience = patience
        self._report = report
        self._login = login if cookie is None else self._read_cookie()
        self._answered = False
        self._closed = Event()
        self._lock = Lock()
        self._told: set[str] = set()
        self._idle: list[HTTPConnection] = []
        self._open: set[HTTPConnection] = set()

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

    def retry(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it is not `Busy`, at growing intervals up to five seconds.

        Raises
        ------
        NodeError
            If the node is still busy after the patience has run out.
        """
        begun: float | None = None
        delay = _FIRST_DELAY
        while True:
            try:
                return attempt()
            except Busy as busy:
                now = monotonic()
                begun = now if begun is None else begun
                if now - begun + delay > self._patience or self._closed.is_set():
                    raise NodeError(
                        f"{busy}; asked again for {now - begun:.0f} seconds",
                        where=self.shown,
                        hint="run again when it answers; a store keeps the tip that it had",
                    ) from None
                self._tell(str(busy))
            self._closed.wait(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Ask once where it is no use to wait: for what the next round asks again."""
        patience, self._patience = self._patience, 0.0
        try:
            yield
        finally:
            self._patience = patience

    def close(self) -> None:
        """Give up every request, also those that wait for an answer in other threads."""
        self._closed.set()
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._open.difference_update(self._idle)
            self._idle.clear()
            sockets = [connection.sock for connection in self._open]
        for one in sockets:
            # Wakes the thread that waits for bytes; closing would not. It then drops the rest.
            with suppress(OSError):
                if one is not None:
                    one.shutdown(_SHUT_BOTH)

    def reopen(self) -> None:
        """Answer requests again after `close`, and report anew why the node is asked again.

        Only where no thread waits for an answer any more.
        """
        with self._lock:
            self._closed.clear()
            self._told.clear()

    def _tell(self, reason: str) -> None:
        """Report a reason for asking again, the first time."""
        with self._lock:
            if reason in self._told:
                return
            self._told.add(reason)
        self._report(f"{self.shown}: {reason}; asking again for up to {self._patience:g} seconds")

    def _once(self, method: str, path: str, body: bytes | None, limit: int) -> Answer:
        """Send one request and read its answer."""
        login = self._login
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if login is not None:
            coded = base64.b64encode(login.encode()).decode("ascii")
            headers["Authorization"] = f"Basic {coded}"
        while True:
            connection, used = self._connection()
            try:
                connection.request(method, self._url.path + path, body, headers)
                # `close` wakes only who was connected; who connected meanwhile finds out here.
                if self._closed.is_set():
                    raise Busy("the connection was given up")
                with connection.getresponse() as response:
                    answer = self._read(response, limit)
            except BaseException as error:
                self._drop(connection)
                # A node closes connections that were idle for a while: not worth a word.
                if used and isinstance(error, ConnectionError) and not self._closed.is_set():
                    continue
                if isinstance(error, OSError | IncompleteRead):
                    raise self._unreachable(error) from None
                if isinstance(error, HTTPException):
                    raise NodeAnswerError(
                        "what answers does not speak HTTP as a node does", where=self.shown
                    ) from None
                raise
            if response.will_close:
                self._drop(connection)
            else:
                self._keep(connection)
            self._answered = True
            return self._judged(answer, login)

    def _connection(self) -> tuple[HTTPConnection, bool]:
        """Return an idle connection, or a new one; and whether it was used before."""
        with self._lock:
            if self._closed.is_set():
                raise Busy("the connection was given up")
            if self._idle:
                return self._idle.pop(), True
            kind = HTTPSConnection if self._url.secure else HTTPConnection
            connection = kind(self._url.host, self._url.port, timeout=_SOCKET_SECONDS)
            self._open.add(connection)
            return connection, False

    def _drop(self, connection: HTTPConnection) -> None:
        """Close a connection for good."""
        connection.close()
        with self._lock:
            self._open.discard(connection)

    def _keep(self, connection: HTTPConnection) -> None:
        """Leave a connection to the next request."""
        with self._lock:
            if not self._closed.is_set():
                self._idle.append(connection)
                return
        self._drop(connection)

    def _read(self, response: HTTPResponse, limit: int) -> Answer:
        """Read a body of at most `limit` bytes, all of it."""
        announced = response.length
        if announced is not None and announced > limit:
            raise TooLong
        pieces: list[bytes] = []
        size, begun = 0, monotonic()
        while piece := response.read(min(_READ_BYTES, limit + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise TooLong
            if monotonic() - begun > _ANSWER_SECONDS:
                raise TimeoutError("the answer is too slow")
        if announced is not None and size < announced:
            raise IncompleteRead(b"", announced - size)
        kind = response.headers.get_content_type()
        return Answer(response.status, kind == "application/json", b"".join(pieces))

    def _unreachable(self, error: OSError | IncompleteRead) -> Exception:
        """Return what a broken connection means: `Busy`, or an error if nothing ever answered."""
        if isinstance(error, IncompleteRead):
            return Busy("the connection broke in the middle of an answer")
        reason = (error.strerror or str(error) or type(error).__name__).rstrip(".")
        if self._answered:
            return Busy(f"no answer ({reason})")
        return NodeError(
            f"no answer ({reason})",
            where=self.shown,
            hint="does the node run, with -server=1 for RPC or -rest=1 for REST, on this port?",
        )

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
