"""The one door to a network: asking a server that the operator named.

Nothing else in Clewline opens a connection, and this opens none but to the URL on the command
line: no redirect is followed, no proxy used, no address out of a record looked up. A server may be
starting, busy, restarted or something else altogether, so each request ends in one of three ways:
an answer of bounded size, `Busy` (worth asking again: `Server.retry` does, for as long as the
setting ``node_patience`` says), or an error that names the URL without its password.

What is asked, and what an answer means, is for `node` (Bitcoin Core) and `esplora`.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import (
    HTTP_PORT,
    HTTPS_PORT,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from clewline.errors import NodeAnswerError, NodeError, UsageError
from clewline.settings import setting, value_of

_SOCKET_SECONDS: Final = 60.0
"""A server that writes its chain state to disk is silent for many seconds."""
_ANSWER_SECONDS: Final = 300.0
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0
_READ_BYTES: Final = 1 << 20
_SHOWN_TEXT: Final = 200
_SHUT_BOTH: Final = 2  # SHUT_RDWR of socket, which this package does not import

T = TypeVar("T")
Report = Callable[[str], None]
"""Called with one line for the operator."""


class Busy(Exception):  # noqa: N818 - a state of the server, no error; never leaves this room
    """The server cannot answer now and may later: starting, full work queue, too many requests.

    Parameters
    ----------
    reason : str
        For the operator.
    wait : float
        Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class TooLong(Exception):  # noqa: N818 - as above
    """The answer is longer than what was asked for can be; it was not read."""


class Answer(NamedTuple):
    """One HTTP answer: status, whether it says that it is JSON, body, headers in lower case."""

    status: int
    is_json: bool
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def retry_after(self) -> str:
        """What it says of when to ask again."""
        return self.headers.get("retry-after", "")

    def text(self) -> str:
        """Return the first line of the body as far as it can be shown."""
        return self.body[:_SHOWN_TEXT].decode("utf-8", "replace").strip().partition("\n")[0]


@dataclass(frozen=True)
class ServerUrl:
    """Where a server is.

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


def parse_url(text: str, where: str, example: str, port: int | None = None) -> ServerUrl:
    """Read the URL of a server.

    Parameters
    ----------
    text : str
        ``http://host:port``, possibly https, with a name and password, or with a path.
    where : str
        The option, for messages.
    example : str
        What such a URL looks like, for messages.
    port : int, optional
        The port if none is given; that of the scheme otherwise.

    Returns
    -------
    ServerUrl
        Its parts.

    Raises
    ------
    UsageError
        If it is no such URL; the message does not repeat a password.

    Examples
    --------
    >>> example = "http://127.0.0.1:8332"
    >>> parse_url("http://ann:secret@127.0.0.1:18443/", "--rpc", example).shown
    'http://127.0.0.1:18443'
    """
    wrong = UsageError(
        f"is not a URL such as {example}: scheme http or https, a host, and neither a query nor a "
        "fragment",
        where=where,
    )
    try:
        url = urlsplit(text)
        host, given = url.hostname, url.port
    except ValueError:
        raise wrong from None
    unclean = any(not "!" <= letter <= "~" for letter in text)
    if url.scheme not in {"http", "https"} or not host or url.query or url.fragment or unclean:
        raise wrong
    login = None
    if url.username is not None:
        login = f"{unquote(url.username)}:{unquote(url.password or '')}"
    secure = url.scheme == "https"
    usual = (HTTPS_PORT if secure else HTTP_PORT) if port is None else port
    number = usual if given is None else given
    path = url.path.rstrip("/")
    name = f"[{host}]" if ":" in host else host
    return ServerUrl(f"{url.scheme}://{name}:{number}{path}", secure, host, number, path, login)


def with_query(path: str, **asked: str) -> str:
    """Return a path with a query of what is not empty.

    Examples
    --------
    >>> with_query("/objects/", next="a b", limit="")
    '/objects/?next=a+b'
    """
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{query}" if query else path


def patience() -> float:
    """Return the seconds that a busy server is asked for.

    Raises
    ------
    UsageError
        If the setting is no number.
    """
    text = value_of("node_patience") or "0"
    if not text.isascii() or not text.isdecimal():
        raise UsageError(f"{text!r} is no number of seconds", where=setting("node_patience").env)
    return float(text)


def _believing(authority: Path) -> ssl.SSLContext:
    """Return how certificates are checked where one authority is believed."""
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise UsageError(f"is no certificate: {error}", where=str(authority)) from None


class Server:
    """Requests to one server, from any number of threads.

    Parameters
    ----------
    url : ServerUrl
        The only place that is asked.
    hint : str
        What to look at where nothing answers.
    patience : float
        Seconds to go on asking while the server is `Busy`.
    report : callable
        Told, once each, why the server is asked again.
    authority : Path, optional
        Certificate that the server's must be signed with, where it is none of the system's.
    """

    def __init__(
        self,
        url: ServerUrl,
        hint: str,
        patience: float = 0.0,
        report: Report = lambda _line: None,
        authority: Path | None = None,
    ) -> None:
        self.shown = url.shown
        self._url = url
        self._hint = hint
        self._patience = patience
        self._report = report
        self._tls = None if authority is None else _believing(authority)
        self._answered = False
        self._closed = Event()
        self._lock = Lock()
        self._told: set[str] = set()
        self._idle: list[HTTPConnection] = []
        self._open: set[HTTPConnection] = set()

    def retry(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it is not `Busy`, at growing intervals up to five seconds.

        Where the server says how long to wait, it is not asked earlier.

        Raises
        ------
        NodeError
            If the server is still busy after the patience has run out, or would be.
        """
        begun: float | None = None
        delay = _FIRST_DELAY
        while True:
            try:
                return attempt()
            except Busy as busy:
                now = monotonic()
                begun = now if begun is None else begun
                pause = max(delay, busy.wait)
                if now - begun + pause > self._patience or self._closed.is_set():
                    raise NodeError(
                        f"{busy}; asked again for {now - begun:.0f} seconds",
                        where=self.shown,
                        hint="run again when it answers; a store keeps the tip that it had",
                    ) from None
                self._tell(str(busy))
            self._closed.wait(pause)
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

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limit: int
    ) -> Answer:
        """Send one request and read its answer, whatever its status.

        Raises
        ------
        Busy
            If the connection broke.
        TooLong
            If the answer is longer than `limit` bytes.
        NodeError, NodeAnswerError
            If nothing ever answered, or no HTTP.
        """
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
                # Servers close connections that were idle for a while: not worth a word.
                if used and isinstance(error, ConnectionError) and not self._closed.is_set():
                    continue
                if isinstance(error, OSError | IncompleteRead):
                    raise self._unreachable(error) from None
                if isinstance(error, HTTPException):
                    raise NodeAnswerError(
                        "what answers does not speak HTTP as a server does", where=self.shown
                    ) from None
                raise
            if response.will_close:
                self._drop(connection)
            else:
                self._keep(connection)
            self._answered = True
            return answer

    def _connection(self) -> tuple[HTTPConnection, bool]:
        """Return an idle connection, or a new one; and whether it was used before."""
        with self._lock:
            if self._closed.is_set():
                raise Busy("the connection was given up")
            if self._idle:
                return self._idle.pop(), True
            connection = self._new_connection()
            self._open.add(connection)
            return connection, False

    def _new_connection(self) -> HTTPConnection:
        """Return a connection that is not open yet."""
        where = (self._url.host, self._url.port)
        if self._url.secure:
            return HTTPSConnection(*where, timeout=_SOCKET_SECONDS, context=self._tls)
        return HTTPConnection(*where, timeout=_SOCKET_SECONDS)

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
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, kind == "application/json", b"".join(pieces), headers)

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
            hint=self._hint,
        )
