"""Answers as they leave the desk: canonical JSON with a signature, and the same as text.

Knows no database, so whoever received an answer verifies it with the file and a public key alone.
Unknown and withheld are one reply, of the same fields and length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clewline import vocab
from clewline.desk.audit.anchors import public_hex
from clewline.errors import DataError
from clewline.policy import FIELDS, in_words

FORMAT: Final = "clewline-answer-1"
KNOWN, NOTHING, DIFFERENTLY = "known", "nothing", "differently"
CLUE: Final = "A clue where to look, not proof; that a page showed something says nothing of guilt."


def sign(key: Ed25519PrivateKey, answer: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON (RFC 8785) of an answer, with key and Ed25519 signature.

    Examples
    --------
    >>> key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    >>> verify(sign(key, {"request": "L-1"}), "answer")["request"]
    'L-1'
    """
    body = {"format": FORMAT, **answer, "key": public_hex(key.public_key())}
    return rfc8785.dumps({**body, "signature": key.sign(rfc8785.dumps(body)).hex()})


def verify(content: bytes, where: str, public_key: str = "") -> dict[str, Any]:
    """Read an answer and hold it against its signature.

    Parameters
    ----------
    content : bytes
        The file as it was received.
    where : str
        Its name, for errors.
    public_key : str
        Hex of the key that it must be signed with; without it, the key that it names itself, which
        proves that it is whole and not whose it is.

    Raises
    ------
    DataError
        If it is no answer, was changed, or is signed with another key.
    """
    try:
        fields = json.loads(content)
        signature = bytes.fromhex(fields.pop("signature"))
        named = fields["key"]
        if fields["format"] != FORMAT:
            raise ValueError
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(named))
        signed = rfc8785.dumps(fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DataError("is no answer of a desk", where=where) from None
    if public_key and named != public_key:
        raise DataError("is signed with another key", where=where, hint=f"it names {named}")
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise DataError("was changed: the signature does not fit", where=where) from None
    found: dict[str, Any] = fields
    return found


def digest(content: bytes) -> str:
    """Return the SHA-256 of an answer's bytes, hex."""
    return hashlib.sha256(content).hexdigest()


def titled(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is told of an identifier as people read it: title and value, in order.

    Canonical JSON sorts names, so their own order is made anew.
    """
    told = [(name, item["fields"][name]) for name in FIELDS if name in item["fields"]]
    return [
        (FIELDS[name].title, ", ".join(in_words(name, one) for one in _listed(said)))
        for name, said in told
    ]


def _listed(said: str | list[str]) -> list[str]:
    """Return one value or several as a list."""
    return [said] if isinstance(said, str) else said


def as_text(answer: Mapping[str, Any]) -> str:
    """Return an answer as people read it."""
    replies = vocab.words("look_up_reply")
    lines = [
        f"Answer to {answer['request']}",
        f"Your reference: {answer['case_ref'] or '-'}",
        f"Asked {answer['asked_at']}, answered {answer['answered_at']}",
        f"Reply: {replies[answer['reply']]}",
    ]
    if answer["corrects"]:
        lines.append(f"This replaces the answer with SHA-256 {answer['corrects']}.")
    for number, item in enumerate(answer["items"], 1):
        lines += ["", f"{number}. {item['asked']}", f"   {replies[item['reply']]}"]
        lines += [f"   {title}: {said}" for title, said in titled(item)]
    return "\n".join([*lines, "", answer["note"], f"Policy: {answer['policy']}", ""])
