"""The chain of events, away from any database: how it is hashed, and where it is broken.

An event's hash is SHA-256 of the canonical JSON (RFC 8785) of its fields, the hash of the event
before it among them. Whoever changes, takes out, moves or adds a row breaks the chain there; who
rewrites it to its end makes a whole one, and only a signed anchor (`anchors.py`) tells.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from clewline.errors import DataError

if TYPE_CHECKING:
    from clewline.desk.audit.anchors import Anchor

GENESIS: Final = "0" * 64
"""What stands before the first event."""
_MOVED_AT_MOST: Final = 1_000_000
_LINE_AT_MOST: Final = 100_000


class Row(NamedTuple):
    """One event as plain values; `at` is ISO 8601 in UTC with microseconds."""

    seq: int
    at: str
    actor: str
    on_behalf: str
    action: str
    object: str
    purpose: str
    result: str
    client: str
    details: str
    prev_hash: str
    hash: str = ""


_HASHED: Final = Row._fields[:-1]
# Of text and whole numbers the standard encoder makes what RFC 8785 asks for, in C.
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def canonical(row: Row) -> bytes:
    """Return the bytes of an event that are hashed: canonical JSON of all fields but the hash.

    Examples
    --------
    >>> canonical(Row(1, "", "A-1", "", "home.read", "", "", "done", "", "{}", GENESIS))[:44]
    b'{"action":"home.read","actor":"A-1","at":"",'
    """
    return _JSON.encode(dict(zip(_HASHED, row, strict=False))).encode()


def hash_of(row: Row) -> str:
    """Return SHA-256 of an event's canonical bytes, which hold the hash before it."""
    return hashlib.sha256(canonical(row)).hexdigest()


def line_of(row: Row) -> str:
    """Return an event as a line of an export."""
    return _JSON.encode(row._asdict())


def read_lines(file: Path) -> Iterator[Row]:
    """Read the events of an export, one a line.

    Raises
    ------
    DataError
        If a line is no event; names it.
    """
    with file.open("rb") as stream:
        number = 0
        while line := stream.readline(_LINE_AT_MOST):
            number += 1
            try:
                values = json.loads(line)
                row = Row(**values)
            except (ValueError, TypeError, RecursionError):
                row = None
            texts = row[1:] if row else (None,)
            if row is None or type(row.seq) is not int or not all(type(t) is str for t in texts):
                raise DataError("no event of an audit log", where=f"{file} line {number}")
            yield row


class Kind(StrEnum):
    """What is wrong with a log."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    CONTRADICTED = "anchor contradicts"
    FORGED = "anchor is not genuine"


@dataclass(frozen=True)
class Fault:
    """The first place where a log is broken.

    Attributes
    ----------
    seq : int
        Number of the event; of several, the first.
    kind : Kind
        What was done to it.
    text : str
        What was seen, in words.
    """

    seq: int
    kind: Kind
    text: str


@dataclass(frozen=True)
class Verdict:
    """What came of reading a log.

    Attributes
    ----------
    seq : int
        Last event up to which all is well, 0 if none.
    hash : str
        Its hash.
    desk : str
        Hash of the first event: the name of this log.
    anchors : int
        Anchors that agree.
    anchored : int
        Last event that an agreeing anchor covers, 0 if none.
    fault : Fault or None
        What is broken first, None if nothing is.
    """

    seq: int
    hash: str
    desk: str
    anchors: int
    anchored: int
    fault: Fault | None


def verify(rows: Callable[[int], Iterable[Row]], anchors: Sequence[Anchor] = ()) -> Verdict:
    """Read a log from its first event and find the first place where it is broken.

    Parameters
    ----------
    rows : callable
        Given a number, yields the events from the first whose `seq` is at least that, by `seq`.
    anchors : sequence of Anchor
        Anchors whose signature is genuine.

    Returns
    -------
    Verdict
        Up to where the log is whole; memory does not grow with the log.
    """
    by_seq: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        by_seq.setdefault(anchor.seq, []).append(anchor)
    seq, last, before_last, desk, agreeing, anchored = 0, GENESIS, GENESIS, "", 0, 0
    for row in rows(0):
        fault = None
        if row.seq != seq + 1 or row.prev_hash != last or row.hash != hash_of(row):
            fault = _diagnose(row, seq + 1, last, before_last, rows)
        desk = desk or row.hash
        for anchor in by_seq.get(row.seq, ()) if fault is None else ():
            if (anchor.hash, anchor.desk) != (row.hash, desk):
                text = f"the event signed on {anchor.at} was another one: rewritten up to here"
                fault = Fault(row.seq, Kind.CONTRADICTED, text)
                break
            agreeing, anchored = agreeing + 1, row.seq
        if fault is not None:
            return Verdict(seq, last, desk, agreeing, anchored, fault)
        seq, last, before_last = row.seq, row.hash, last
    beyond = min((anchor for anchor in anchors if anchor.seq > seq), key=_by_seq, default=None)
    cut = None
    if beyond is not None:
        text = f"{beyond.seq} events were there on {beyond.at}, {seq} are left"
        cut = Fault(seq + 1, Kind.TRUNCATED, text)
    return Verdict(seq, last, desk, agreeing, anchored, cut)


def _by_seq(anchor: Anchor) -> int:
    """Return the event that an anchor is of."""
    return anchor.seq


def _diagnose(
    row: Row, expected: int, last: str, before_last: str, rows: Callable[[int], Iterable[Row]]
) -> Fault:
    """Name what happened where `row` does not follow; looks through the rest of the log."""
    in_place = row.seq == expected and row.prev_hash == last
    real = None if in_place else _real_number(row)
    awaited = _find(expected, last, rows, but=row)
    if awaited is not None:  # the right event stands further on
        if real is None or real <= expected:
            between = "" if awaited == expected + 1 else f" to {awaited - 1}"
            return Fault(expected, Kind.INSERTED, f"{expected}{between} do not belong here")
        return Fault(expected, Kind.REORDERED, f"here stands what was event {real}")
    if real is not None and real < expected:
        if row.prev_hash == before_last or real < expected - 1:
            return Fault(real, Kind.INSERTED, f"what was event {real} is now number {row.seq}")
        return Fault(expected - 1, Kind.EDITED, "changed, and its hash made anew")
    if row.seq > expected and real != expected:
        return Fault(expected, Kind.DELETED, f"{expected} to {row.seq - 1} are missing")
    if real is not None and real > expected:
        return Fault(expected, Kind.DELETED, f"here stands what was event {real}")
    if real == expected and row.prev_hash == last:
        return Fault(expected, Kind.EDITED, f"it has the number {row.seq} now")
    if real == expected:
        at = max(1, expected - 1)
        return Fault(at, Kind.EDITED, "changed, and its hash made anew: the next event shows it")
    return Fault(expected, Kind.EDITED, "its content does not give its hash")


def _real_number(row: Row) -> int | None:
    """Return the number with which an event's fields give its hash, None if none does."""
    # "seq" is the last key of canonical JSON, so all before it is hashed once.
    start, mark, _ = canonical(row).rpartition(b'"seq":')
    begun = hashlib.sha256(start + mark)
    wanted = row.hash
    for distance in range(_MOVED_AT_MOST):
        for number in {row.seq - distance, row.seq + distance}:
            if number > 0:
                digest = begun.copy()
                digest.update(b"%d}" % number)
                if digest.hexdigest() == wanted:
                    return number
    return None


def _find(
    expected: int, last: str, rows: Callable[[int], Iterable[Row]], *, but: Row
) -> int | None:
    """Return where the event now stands that should follow `last`, None if it is gone."""
    for row in rows(expected + 1):
        follows = row.prev_hash == last and row != but
        if follows and hash_of(row._replace(seq=expected)) == row.hash:
            return row.seq
    return None
