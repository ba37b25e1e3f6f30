r"""What the two sides send each other: a signed head of one line, and a body of bytes.

::

    {"body_bytes":70,"body_sha256":"…","fields":{…},"kind":"ask","made_at":"…","session":"…",…}\n
    <128 hex digits: Ed25519 signature over the first line>\n
    <body>

The head is canonical JSON (RFC 8785: text and whole numbers only). A message is the same whether it
lies in a folder or goes over HTTPS; its name in a folder tells kind and number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from clewline.errors import DataError
from clewline.journal import canonical
from clewline.matching.identity import Identity, is_signed_by

VERSION: Final = 1
MOST_BYTES: Final = 64 << 20
"""Of one message: an encrypted list of 1.9 million items."""
_HEAD_BYTES: Final = 1 << 20
_SIGNATURE_BYTES: Final = 128
_SESSION_DIGITS: Final = 32


class Kind(StrEnum):
    """What a message is, in the order of a session."""

    OPEN = "open"
    OFFER = "offer"
    ASK = "ask"
    ANSWER = "answer"
    DONE = "done"
    CLOSED = "closed"
    REFUSAL = "refusal"


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes
    ----------
    kind : Kind
        What it is.
    session : str
        32 hex digits, chosen at random by who opens.
    sender, recipient : str
        Public keys.
    number : int
        Which piece an ask or answer is, from 0; else 0.
    made_at : str
        ISO 8601, UTC.
    fields : mapping
        Text and whole numbers that belong to the kind.
    body : bytes
        The points.
    """

    kind: Kind
    session: str
    sender: str
    recipient: str
    made_at: str
    number: int = 0
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes = b""

    @property
    def name(self) -> str:
        """Return the name of its file: session, kind and number."""
        return file_name(self.session, self.kind, self.number)

    def signed(self, identity: Identity) -> bytes:
        """Return the bytes to send."""
        head = canonical(
            {
                "body_bytes": len(self.body),
                "body_sha256": hashlib.sha256(self.body).hexdigest(),
                "fields": dict(self.fields),
                "kind": self.kind.value,
                "made_at": self.made_at,
                "number": self.number,
                "recipient": self.recipient,
                "sender": self.sender,
                "session": self.session,
                "version": VERSION,
            }
        )
        return head + b"\n" + identity.sign(head).hex().encode() + b"\n" + self.body


_HEAD_TYPES: Final = {
    "body_bytes": int,
    "body_sha256": str,
    "fields": dict,
    "kind": str,
    "made_at": str,
    "number": int,
    "recipient": str,
    "sender": str,
    "session": str,
    "version": int,
}


def file_name(session: str, kind: Kind, number: int = 0) -> str:
    """Return the name of a message's file.

    Examples
    --------
    >>> file_name("0" * 32, Kind.ASK, 3)[-14:]
    '-ask-00003.msg'
    """
    return f"{session}-{kind.value}-{number:05d}.msg"


def read(data: bytes, *, recipient: str, senders: frozenset[str], where: str) -> Message:
    """Read a message that is meant for `recipient` and signed by one of `senders`.

    Nothing of it is used before its signature is found right.

    Raises
    ------
    DataError
        If it is none, was changed, is meant for somebody else, or comes from nobody known. Who is
        not known learns no more than that.
    """
    wrong = DataError("is no message of a known partner to this side", where=where)
    if len(data) > MOST_BYTES:
        raise DataError(f"longer than {MOST_BYTES} bytes", where=where)
    line, _, rest = data[: _HEAD_BYTES + _SIGNATURE_BYTES + 2].partition(b"\n")
    signature = rest[:_SIGNATURE_BYTES]
    start = len(line) + 1 + _SIGNATURE_BYTES + 1
    if len(signature) != _SIGNATURE_BYTES or data[start - 1 : start] != b"\n":
        raise wrong
    try:
        head = json.loads(line)
        signed = bytes.fromhex(signature.decode("ascii"))
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(head, dict) or {key: type(value) for key, value in head.items()} != (
        _HEAD_TYPES
    ):
        raise wrong
    if (
        head["recipient"] != recipient
        or head["sender"] not in senders
        or not is_signed_by(head["sender"], line, signed)
    ):
        raise wrong
    body = data[start:]
    if head["version"] != VERSION:
        raise DataError(f"version {head['version']}, understood is {VERSION}", where=where)
    if len(body) != head["body_bytes"] or (hashlib.sha256(body).hexdigest() != head["body_sha256"]):
        raise DataError("its body was changed or cut short", where=where)
    session = head["session"]
    if len(session) != _SESSION_DIGITS or set(session) - set("0123456789abcdef"):
        raise DataError("a session has 32 hex digits", where=where)
    if head["kind"] not in set(Kind) or not 0 <= head["number"] < 100_000:
        raise DataError("of no known kind or number", where=where)
    return Message(
        kind=Kind(head["kind"]),
        session=session,
        sender=head["sender"],
        recipient=recipient,
        made_at=head["made_at"],
        number=head["number"],
        fields=MappingProxyType(head["fields"]),
        body=body,
    )


def whole(message: Message, name: str, least: int, most: int) -> int:
    """Return a field that is a whole number within bounds.

    Raises
    ------
    DataError
        If it is not.
    """
    value = message.fields.get(name)
    if type(value) is not int or not least <= value <= most:
        raise DataError(f"{message.kind.value}: {name} is no whole number from {least} to {most}")
    return value


def text(message: Message, name: str, most: int = 200) -> str:
    """Return a field that is a text of bounded length.

    Raises
    ------
    DataError
        If it is not.
    """
    value = message.fields.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise DataError(f"{message.kind.value}: {name} is no text of at most {most} characters")
    return value
