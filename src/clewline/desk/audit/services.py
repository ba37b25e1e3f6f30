"""Write to the audit log: one chain, in the order of writing."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final

import rfc8785
from django.db import connection, transaction

from clewline.desk.audit.models import Event

GENESIS: Final = "0" * 64
"""What stands before the first event."""
_LOCK: Final = 0x636C6577  # "clew": the advisory lock of PostgreSQL for the end of the chain


def canonical(event: Event) -> bytes:
    """Return the bytes of an event that are hashed: canonical JSON (RFC 8785) of all its fields."""
    return rfc8785.dumps(
        {
            "seq": event.seq,
            "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": event.actor,
            "on_behalf": event.on_behalf,
            "action": event.action,
            "object": event.object,
            "purpose": event.purpose,
            "result": event.result,
            "client": event.client,
            "details": event.details,
            "prev_hash": event.prev_hash,
        }
    )


def hash_of(event: Event) -> str:
    """Return SHA-256 of an event's canonical bytes, which hold the hash before it."""
    return hashlib.sha256(canonical(event)).hexdigest()


def write(
    *,
    actor: str,
    action: str,
    object: str = "",
    result: str = "done",
    client: str = "",
    on_behalf: str = "",
    purpose: str = "",
    details: dict[str, Any] | None = None,
) -> Event:
    """Append one event.

    Within a transaction the event and what it tells of are committed together. The end of the
    chain is locked until then, so write last.

    Parameters
    ----------
    details : dict, optional
        Values for JSON; never wording, a site's address or anything else that is sealed.
    """
    with transaction.atomic():
        _lock_end()
        last = Event.objects.order_by("-seq").values("seq", "hash").first()
        event = Event(
            seq=last["seq"] + 1 if last else 1,
            at=datetime.now(UTC),
            actor=actor,
            on_behalf=on_behalf,
            action=action,
            object=object[:120],
            purpose=purpose[:400],
            result=result,
            client=client,
            details=json.dumps(details or {}, sort_keys=True, ensure_ascii=False),
            prev_hash=last["hash"] if last else GENESIS,
        )
        event.hash = hash_of(event)
        event.save(force_insert=True)
    return event


def _lock_end() -> None:
    """Let one writer at a time append; SQLite's transactions do that by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
