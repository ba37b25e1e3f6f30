"""A signed POST to an address of the recipient.

The signature covers the delivery id, the time and the body, so that none of them can be replaced
and an old message cannot be sent again as a new one. `verify` is what a receiver does.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final

from clewline.desk.alerts import sending
from clewline.desk.alerts.channels.kind import Kind, Parcel
from clewline.errors import DataError, DeliveryError

SKEW: Final = 300
"""Seconds that the clocks of sender and receiver may differ."""
SIGNATURE: Final = "Clewline-Signature"
TIMESTAMP: Final = "Clewline-Timestamp"
DELIVERY: Final = "Clewline-Delivery"


def signature(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message: HMAC-SHA256 over what must not be changed.

    Examples
    --------
    >>> signature("made up", "00ff", "1760000000", b"{}")[:12]
    'v1=e53fb1009'
    """
    text = f"v1.{delivery}.{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> str:
    """Check a message as a receiver does and return its delivery id.

    The receiver keeps the ids of at least the last day and drops what it has seen: a repeat has the
    same id, and a message older than `SKEW` seconds is refused here.

    Raises
    ------
    DataError
        If signature or time are wrong.

    Examples
    --------
    >>> body, at = b'{"items": []}', "1760000000"
    >>> headers = {"Clewline-Delivery": "00ff", "Clewline-Timestamp": at,
    ...            "Clewline-Signature": signature("made up", "00ff", at, body)}
    >>> verify("made up", headers, body, now=1760000010)
    '00ff'
    """
    given = {name.lower(): value for name, value in headers.items()}
    delivery, at = given.get(DELIVERY.lower(), ""), given.get(TIMESTAMP.lower(), "")
    wanted = signature(secret, delivery, at, body)
    if not hmac.compare_digest(wanted.encode(), given.get(SIGNATURE.lower(), "").encode()):
        raise DataError("the signature is not that of this message")
    if not at.isdecimal() or abs((time.time() if now is None else now) - int(at)) > SKEW:
        raise DataError("the message is too old, or a clock is wrong")
    return delivery


def send(parcel: Parcel) -> str:
    """Post a parcel; any answer but 2xx is a failure, redirects too."""
    at = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Clewline",
        DELIVERY: parcel.delivery,
        TIMESTAMP: at,
        SIGNATURE: signature(parcel.secret, parcel.delivery, at, parcel.document),
    }
    answer = sending.post(parcel.target, parcel.document, headers)
    if not 200 <= answer.status < 300:
        raise DeliveryError(f"answered {answer.status}")
    return f"HTTP {answer.status}"


CHANNEL: Final = Kind(
    "webhook",
    "Webhook",
    pushes=True,
    reports=True,
    target_label="Address (https)",
    secret_label="Signing key",  # noqa: S106 - a label
    check=sending.require_url,
    send=send,
)
