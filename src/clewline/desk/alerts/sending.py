"""The one way out of the desk: an HTTP request or a mail to where a partner's channel says.

Nothing here knows what it carries. The place is one that a person entered for a partner, never one
from a record. A name is resolved once, every address that it has must be of the public Internet
(or of a network that the settings allow), and the connection goes to the address that was checked,
so that a name cannot point elsewhere afterwards. Redirects are an answer like any other and are not
followed. A whole exchange ends after `PATIENCE` seconds, however slowly the other side drips.
"""

from __future__ import annotations

import http.client
import ipaddress
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from clewline.errors import DataError, DeliveryError, UsageError
from clewline.settings import value_of

PATIENCE: Final = 20.0
"""Seconds that one exchange may take, from the first byte to the last."""
MOST_READ: Final = 64 * 1024
"""Bytes of an answer that are read."""
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class HttpAnswer:
    """What a receiver answered.

    Attributes
    ----------
    status : int
        HTTP status.
    body : bytes
        At most `MOST_READ` bytes.
    """

    status: int
    body: bytes


def allowed_networks() -> tuple[Network, ...]:
    """Return the networks beyond the public Internet that the settings allow.

    Raises
    ------
    DataError
        If the setting names none.
    """
    text = value_of("alert_networks") or ""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise DataError(
            "is no list of networks", where="CLEWLINE_ALERT_NETWORKS", hint="10.1.0.0/16,127.0.0.1"
        ) from None


def require_url(url: str) -> SplitResult:
    """Return the parts of an address to which alerts may be posted.

    Raises
    ------
    UsageError
        If it is not https (plain http is for this machine alone), or has a name and password in it.

    Examples
    --------
    >>> require_url("https://exchange.example/hook").hostname
    'exchange.example'
    """
    parts = urlsplit(url)
    try:
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        port_is_one = False
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK_NAMES
    if not (parts.scheme == "https" or plain) or not parts.hostname or not port_is_one:
        raise UsageError(
            "must be an https:// address", where="address", hint="https://partner.example/alerts"
        )
    if parts.username or parts.password or parts.fragment:
        raise UsageError("must not hold a name, a password or a fragment", where="address")
    return parts


def resolve(host: str, port: int) -> tuple[Any, ...]:
    """Return the socket address of a host, after looking at every address that it has.

    Raises
    ------
    DeliveryError
        If it has none, or one that is neither public nor in an allowed network.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise DeliveryError("the name cannot be resolved") from None
    networks = allowed_networks()
    for *_, address in found:
        one = ipaddress.ip_address(str(address[0]).partition("%")[0])
        one = getattr(one, "ipv4_mapped", None) or one
        inside = any(one.version == network.version and one in network for network in networks)
        if not inside and (not one.is_global or one.is_multicast):
            raise DeliveryError(
                "is an address of a private network",
                hint="CLEWLINE_ALERT_NETWORKS names the networks that are allowed",
            )
    return found[0][4]


def post(url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
    """Post bytes and return the answer, whatever its status.

    Parameters
    ----------
    url : str
        Of a partner's channel.
    body : bytes
        What is sent.
    headers : mapping of str to str
        Besides those of the connection.

    Raises
    ------
    UsageError
        As `require_url`.
    DeliveryError
        If no whole answer came.
    """
    parts = require_url(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _connected(parts.hostname or "", port, secure=secure) as wire:
        connection = http.client.HTTPConnection(parts.netloc, port)
        connection.sock = wire
        try:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            return HttpAnswer(answer.status, answer.read(MOST_READ))
        except (http.client.HTTPException, ValueError):
            raise DeliveryError("the answer is no HTTP") from None


def mail(message: EmailMessage) -> str:
    """Send one message to its one recipient and return what the mail server answered.

    Raises
    ------
    UsageError
        If no mail server is set.
    DeliveryError
        If it was not accepted, or TLS cannot be had.
    """
    server = urlsplit(value_of("smtp") or "")
    if server.scheme not in ("smtp", "smtps") or not server.hostname:
        raise UsageError(
            "no mail server is set", where="CLEWLINE_SMTP", hint="smtp://name@mail.example:587"
        )
    secure = server.scheme == "smtps"
    port = server.port or (465 if secure else 587)
    with _connected(server.hostname, port, secure=secure, private=True) as wire:
        try:
            return _say(_Mailer(wire, server.hostname), server, message, secure=secure)
        except smtplib.SMTPException as error:
            code = getattr(error, "smtp_code", "")
            raise DeliveryError(f"the mail server refuses: {type(error).__name__} {code}") from None


class _Mailer(smtplib.SMTP):
    """Mail over a connection that is there already."""

    def __init__(self, wire: socket.socket, host: str) -> None:
        self._wire = wire
        self._named = host
        super().__init__(local_hostname="clewline.invalid", timeout=PATIENCE)
        code, _ = self.connect(host)
        if code != 220:
            raise smtplib.SMTPConnectError(code, "")
        self._host = host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Take the connection that was checked."""
        return self._wire


def _say(mailer: _Mailer, server: SplitResult, message: EmailMessage, *, secure: bool) -> str:
    """Hand a message over; a mail server beyond this machine must speak TLS."""
    if not secure and server.hostname not in _LOOPBACK_NAMES:
        mailer.starttls(context=ssl.create_default_context())
    if server.username:
        mailer.login(server.username, value_of("smtp_password") or "")
    refused = mailer.send_message(message)
    if refused:
        raise DeliveryError("the mail server refuses the recipient")
    mailer.quit()
    return "accepted by the mail server"


@contextmanager
def _connected(
    host: str, port: int, *, secure: bool, private: bool = False
) -> Iterator[socket.socket]:
    """Connect to a checked address, or a `private` one of the operator's; `PATIENCE` seconds."""
    target = (host, port) if private else resolve(host, port)
    try:
        wire = socket.create_connection(target[:2], timeout=PATIENCE / 2)
    except OSError as error:
        raise DeliveryError(f"cannot be reached: {error.strerror or 'no answer'}") from None
    # A second handle on the same connection: TLS takes the first one over.
    handle = wire.dup()
    stop = threading.Timer(PATIENCE, _cut, [handle])
    stop.daemon = True
    stop.start()
    try:
        if secure:
            wire = ssl.create_default_context().wrap_socket(wire, server_hostname=host)
        yield wire
    except ssl.SSLCertVerificationError:
        raise DeliveryError("the certificate is not valid for this name") from None
    except OSError as error:
        raise DeliveryError(f"the connection broke: {error.strerror or 'no answer'}") from None
    finally:
        stop.cancel()
        handle.close()
        wire.close()


def _cut(wire: socket.socket) -> None:
    """End an exchange that takes too long."""
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
