"""Write to the audit log: one chain, in the order of writing. Verify it, sign its head."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.db.models import QuerySet

from clewline.desk.audit import anchors, timestamps
from clewline.desk.audit.chain import GENESIS, Row, Verdict, hash_of
from clewline.desk.audit.models import Anchor, Check, Event, SigningKey, Timestamp
from clewline.desk.audit.offline import given_anchors, verify_with
from clewline.errors import DataError, UsageError
from clewline.reports.sheet import visible

_LOCK: Final = 0x636C6577  # "clew": the advisory lock of PostgreSQL for the end of the chain
_COLUMNS: Final = Row._fields
_AT_ONCE: Final = 5_000


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
            on_behalf=visible(on_behalf)[:120],
            action=action,
            object=visible(object)[:120],
            purpose=visible(purpose)[:400],
            result=result,
            client=visible(client)[:60],
            details=json.dumps(details or {}, sort_keys=True),
            prev_hash=last["hash"] if last else GENESIS,
        )
        event.hash = hash_of(row_of(event))
        event.save(force_insert=True)
    return event


def _lock_end() -> None:
    """Let one writer at a time append; SQLite's transactions do that by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def row_of(event: Event) -> Row:
    """Return an event as plain values."""
    return _row([getattr(event, name) for name in _COLUMNS])


def rows(first: int, *, using: str = "default") -> Iterator[Row]:
    """Yield the events from number `first` on, a few thousand in memory at a time."""
    return rows_of(Event.objects.using(using).filter(seq__gte=first))


def rows_of(events: QuerySet[Event]) -> Iterator[Row]:
    """Yield events by number, a few thousand in memory at a time."""
    last = -1
    while True:
        found = list(events.filter(seq__gt=last).order_by("seq").values_list(*_COLUMNS)[:_AT_ONCE])
        yield from map(_row, found)
        if len(found) < _AT_ONCE:
            return
        last = found[-1][0]


def _row(values: Iterable[Any]) -> Row:
    """Put the time of an event's values into words."""
    seq, at, *texts = values
    return Row(seq, at.astimezone(UTC).isoformat(timespec="microseconds"), *texts)


def verify_log(*, directory: Path | None = None, public_key: Path | None = None) -> Verdict:
    """Verify the log of this desk against its own anchors and those that lie outside.

    Parameters
    ----------
    directory : Path, optional
        Anchors that were dropped outside.
    public_key : Path, optional
        PEM file of the one key whose anchors count; without it the keys that this desk knows.

    Raises
    ------
    DataError
        If an input is none.
    """
    found, trusted = given_anchors(directory, public_key)
    found += [anchor.plain for anchor in Anchor.objects.order_by("seq")]
    known = trusted or set(SigningKey.objects.values_list("public", flat=True))
    return verify_with(rows, found, known)


def check(by: str, **options: Any) -> Verdict:
    """Verify the log of this desk as `verify_log` does, and keep what came of it."""
    verdict = verify_log(**options)
    fault = verdict.fault
    Check.objects.create(
        by=by,
        seq=verdict.seq,
        hash=verdict.hash,
        fault_seq=fault.seq if fault else None,
        fault=str(fault.kind) if fault else "",
    )
    return verdict


@transaction.atomic
def register_key(public: str, by: str) -> None:
    """Make the public half of a signing key known to this desk; leaves an event."""
    SigningKey.objects.get_or_create(public=public)
    write(actor=by, action="audit.key", object=public)


def sign_head(private: Ed25519PrivateKey, by: str) -> Anchor:
    """Verify the log, sign its last event, keep the anchor.

    The event that tells of it comes after what is signed.

    Raises
    ------
    DataError
        If the log is broken or empty.
    UsageError
        If the desk does not know the key.
    """
    public = anchors.public_hex(private.public_key())
    if not SigningKey.objects.filter(public=public).exists():
        raise UsageError(
            "this desk does not know the key", hint="clewline desk audit key --public-key FILE"
        )
    verdict = check(by)
    if verdict.fault:
        raise DataError(
            f"{verdict.fault.kind}: what is broken is not signed",
            where=f"event {verdict.fault.seq}",
        )
    if not verdict.seq:
        raise DataError("the log is empty")
    plain = anchors.sign(private, verdict.desk, verdict.seq, verdict.hash)
    with transaction.atomic():
        anchor = Anchor.objects.create(seq=plain.seq, document=plain.to_bytes().decode())
        write(actor=by, action="audit.sign", object=str(plain.seq), details={"hash": plain.hash})
    return anchor


def take_timestamp(response: bytes, roots: bytes, where: str, by: str) -> Timestamp:
    """Keep what a time authority answered, for the anchor that it is about.

    Parameters
    ----------
    response : bytes
        DER, RFC 3161.
    roots : bytes
        PEM certificates that the authority's must lead up to.
    where : str
        What the response is called, for errors.

    Raises
    ------
    DataError
        If it is none, is about no anchor of this desk, or cannot be trusted.
    """
    for anchor in Anchor.objects.order_by("-seq"):
        if timestamps.is_of(response, anchor.plain, where):
            break
    else:
        raise DataError("is about no anchor of this desk", where=where)
    says = timestamps.check(response, anchor.plain, roots, where)
    with transaction.atomic():
        stamp = Timestamp.objects.create(anchor=anchor, response=response, says=says)
        write(actor=by, action="audit.stamp", object=str(anchor.seq))
    return stamp
