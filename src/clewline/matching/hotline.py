"""The side that holds the list: answers messages within each partner's limits.

`Hotline.handle` takes the bytes of a message and returns those of the answer, whichever way they
came. The same message gives the same answer, so a message may be sent again after any break.

What it keeps: sessions and their commitments, and sixteen bytes of each point that a partner ever
asked. A partner hides the same item in the same way each time, so an item that was asked before is
told from a new one without knowing either; that is what the quota of new items counts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from clewline.errors import DataError, UsageError
from clewline.journal import Journal, canonical
from clewline.matching import psi
from clewline.matching.identity import Identity, read_identity
from clewline.matching.message import Kind, Message, read, text, whole
from clewline.matching.partners import Partner, read_partners

JOURNAL: Final = "journal.jsonl"
"""Name of the journal in a side's directory."""
MOST_ITEMS: Final = 1_800_000
"""Of a list: what one message can carry."""
MOST_PIECE: Final = 50_000
"""Items in one ask."""
_MOST_PIECES: Final = 10_000
_SEEN_BYTES: Final = 16
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS session (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  items INTEGER NOT NULL,
  piece_items INTEGER NOT NULL,
  pieces TEXT NOT NULL,
  commitment TEXT NOT NULL,
  list_version TEXT NOT NULL,
  list_items INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS seen (
  partner TEXT NOT NULL,
  point BLOB NOT NULL,
  session TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (partner, point)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_at ON seen (partner, at);
"""


class Refused(Exception):  # noqa: N818 - an answer, not an error of this side
    """The partner gets no answer to this message; says why, in words that it may read."""


@dataclass(frozen=True)
class _Session:
    """A session as it was opened."""

    id: str
    partner: str
    opened_at: str
    items: int
    piece_items: int
    pieces: tuple[str, ...]
    commitment: str
    list_version: str
    list_items: int
    done: bool


class Hotline:
    """Answers messages about one list.

    Parameters
    ----------
    home : Path
        Directory with identity, partners and journal.
    items : sequence of str
        The list: distinct items as `items.item_of` writes them.
    now : callable
        Returns the time in UTC.
    threads : int
        In which points are computed.

    Raises
    ------
    UsageError
        If the list is empty or too long for a message.
    """

    def __init__(
        self, home: Path, items: Sequence[str], *, now: Callable[[], datetime], threads: int = 2
    ) -> None:
        if not 0 < len(items) <= MOST_ITEMS:
            raise UsageError(f"a list has 1 to {MOST_ITEMS:,} items, not {len(items):,}")
        self._home = home
        self._identity: Identity = read_identity(home)
        self._items = sorted(set(items))
        self._now = now
        self._threads = threads
        self._journal = Journal(home / JOURNAL)
        # Keyed: a plain hash would let whoever guesses a short list confirm the guess.
        self.version = hmac.digest(
            self._identity.secret, "\n".join(self._items).encode(), hashlib.sha256
        ).hex()[:16]
        with self._database() as database:
            database.executescript(_TABLES)

    @property
    def public(self) -> str:
        """Return the public key of this side."""
        return self._identity.public

    def handle(self, data: bytes, where: str = "message") -> bytes:
        """Answer one message.

        Returns
        -------
        bytes
            A signed message: what was asked for, or a refusal with its reason.

        Raises
        ------
        DataError
            If the bytes are no message of a known partner to this side.
        """
        partners = {partner.key: partner for partner in read_partners(self._home).values()}
        message = read(data, recipient=self.public, senders=frozenset(partners), where=where)
        partner = partners[message.sender]
        try:
            answer = {Kind.OPEN: self._open, Kind.ASK: self._ask, Kind.DONE: self._done}.get(
                message.kind, self._misplaced
            )(partner, message)
        except (Refused, DataError) as why:
            reason = why.message if isinstance(why, DataError) else str(why)
            self._write("refused", partner, message, reason=reason)
            answer = self._reply(message, Kind.REFUSAL, {"reason": reason}, at=self._moment())
        return answer.signed(self._identity)

    def _open(self, partner: Partner, message: Message) -> Message:
        """Open a session: bind the commitment, hand out the list under the partner's key."""
        items = whole(message, "items", 1, 1 << 40)
        pieces = message.fields.get("pieces")
        size = whole(message, "piece_items", 1, MOST_PIECE)
        if (
            not isinstance(pieces, list)
            or len(pieces) != -(-items // size)
            or len(pieces) > _MOST_PIECES
            or any(not isinstance(piece, str) or len(piece) != 64 for piece in pieces)
        ):
            raise DataError(f"open: {items} items in pieces of {size}, each named by its hash")
        commitment = commitment_of(items, size, pieces, text(message, "snapshot"))
        known = self._session(message.session)
        if known is not None:
            if known.partner != partner.key or known.commitment != commitment:
                raise Refused("another session has this number")
            return self._offer(partner, message, known)
        now = self._now()
        if items > partner.most_items:
            raise Refused(f"{items} items, allowed are {partner.most_items} a session")
        opened = _Session(
            id=message.session,
            partner=partner.key,
            opened_at=_text(now),
            items=items,
            piece_items=size,
            pieces=tuple(pieces),
            commitment=commitment,
            list_version=self.version,
            list_items=len(self._items),
            done=False,
        )
        with self._database() as database:
            day_ago = _text(now - timedelta(days=1))
            (today,) = database.execute(
                "SELECT count(*) FROM session WHERE partner = ? AND opened_at > ?",
                (partner.key, day_ago),
            ).fetchone()
            if today >= partner.sessions_a_day:
                raise Refused(f"{today} sessions within a day, allowed are as many")
            database.execute(
                "INSERT INTO session (id, partner, opened_at, items, piece_items, pieces, "
                "commitment, list_version, list_items) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    opened.id,
                    opened.partner,
                    opened.opened_at,
                    opened.items,
                    opened.piece_items,
                    json.dumps(opened.pieces),
                    opened.commitment,
                    opened.list_version,
                    opened.list_items,
                ),
            )
        self._write(
            "opened", partner, message, items=items, commitment=commitment, list=self.version
        )
        return self._offer(partner, message, opened)

    def _offer(self, partner: Partner, message: Message, opened: _Session) -> Message:
        """Return the list under the key of this partner and version of the list."""
        file = self._home / "offers" / f"{partner.key[:16]}-{opened.list_version}.bin"
        if not file.exists():
            if opened.list_version != self.version:
                raise Refused("the list has changed since this session was opened: open another")
            file.parent.mkdir(exist_ok=True, mode=0o700)
            part = file.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(psi.offer_of(self._key(partner, opened), self._items))
            part.replace(file)
        fields = {"list_version": opened.list_version, "list_items": opened.list_items}
        return self._reply(message, Kind.OFFER, fields, file.read_bytes(), at=opened.opened_at)

    def _ask(self, partner: Partner, message: Message) -> Message:
        """Answer a piece that the session was opened with."""
        session = self._own(partner, message)
        if text(message, "list_version") != session.list_version:
            raise Refused("the session was opened for another version of the list")
        if message.number >= len(session.pieces) or (
            hashlib.sha256(message.body).hexdigest() != session.pieces[message.number]
        ):
            raise Refused("not the piece that the session was opened with")
        points = psi.points_of(message.body, session.piece_items)
        rest = session.items - message.number * session.piece_items
        if len(points) != min(rest, session.piece_items):
            raise Refused("a piece with another number of items than the session has")
        new = self._count(partner, session, points)
        answered = psi.answer(self._key(partner, session), message.body, self._threads)
        self._write("answered", partner, message, piece=message.number, items=len(points), new=new)
        return self._reply(
            message, Kind.ANSWER, {"items": len(points)}, answered, session.opened_at
        )

    def _count(self, partner: Partner, session: _Session, points: Sequence[bytes]) -> int:
        """Note which points were asked; return how many never were before this session.

        Raises
        ------
        Refused
            If the session would have more items than it said, or the quota is used up. Nothing is
            noted then.
        """
        now = self._now()
        short = [point[1 : 1 + _SEEN_BYTES] for point in points]
        with self._database() as database:
            before = database.total_changes
            database.executemany(
                "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                ((partner.key, point, session.id, _text(now)) for point in short),
            )
            new = database.total_changes - before
            (recent,) = database.execute(
                "SELECT count(*) FROM seen WHERE partner = ? AND at > ?",
                (partner.key, _text(now - timedelta(days=partner.days))),
            ).fetchone()
            if recent > partner.most_new:
                raise Refused(
                    f"more than {partner.most_new} items that were never asked before, within "
                    f"{partner.days} days"
                )
        return new

    def _done(self, partner: Partner, message: Message) -> Message:
        """End a session; the partner may say how many items matched, and nothing else."""
        session = self._own(partner, message)
        told = "matched" in message.fields
        matched = whole(message, "matched", 0, session.items) if told else -1
        if not session.done:
            with self._database() as database:
                database.execute("UPDATE session SET done = 1 WHERE id = ?", (session.id,))
            self._write("done", partner, message, matched=matched if told else "not told")
        return self._reply(message, Kind.CLOSED, {}, at=session.opened_at)

    def _misplaced(self, _partner: Partner, message: Message) -> Message:
        """Refuse what only this side sends."""
        raise Refused(f"{message.kind.value} is not for this side")

    def _own(self, partner: Partner, message: Message) -> _Session:
        """Return the partner's open session of a message."""
        session = self._session(message.session)
        if session is None or session.partner != partner.key:
            raise Refused("no such session")
        return session

    def _session(self, name: str) -> _Session | None:
        """Return a session, or None."""
        with self._database() as database:
            row = database.execute("SELECT * FROM session WHERE id = ?", (name,)).fetchone()
        if row is None:
            return None
        values: dict[str, Any] = dict(row)
        values["pieces"] = tuple(json.loads(values["pieces"]))
        values["done"] = bool(values["done"])
        return _Session(**values)

    def _key(self, partner: Partner, session: _Session) -> bytes:
        """Return the curve's key of a partner and a version of the list.

        Another version has another key, so answers to an earlier list say nothing of a later one.
        """
        return psi.key_from(self._identity.secret, "holder", partner.key, session.list_version)

    def _reply(
        self, message: Message, kind: Kind, fields: dict[str, Any], body: bytes = b"", at: str = ""
    ) -> Message:
        """Return the answer to a message."""
        return Message(
            kind=kind,
            session=message.session,
            sender=self.public,
            recipient=message.sender,
            made_at=at,
            number=message.number,
            fields=fields,
            body=body,
        )

    def _write(self, event: str, partner: Partner, message: Message, **what: str | int) -> None:
        """Note what happened in the journal."""
        self._journal.write(
            self._moment(), event, partner=partner.name, session=message.session, **what
        )

    def _moment(self) -> str:
        """Return the time as text."""
        return _text(self._now())

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open the sessions; what happens inside is one transaction."""
        database = sqlite3.connect(self._home / "sessions.sqlite", timeout=60.0)
        database.row_factory = sqlite3.Row
        try:
            with database:
                yield database
        finally:
            database.close()


def commitment_of(items: int, piece_items: int, pieces: Sequence[str], snapshot: str) -> str:
    """Return the hash that stands for all that a session will ask.

    Parameters
    ----------
    items : int
        How many.
    piece_items : int
        In each piece but the last.
    pieces : sequence of str
        SHA-256 of each piece, in order.
    snapshot : str
        What the items are, in the asker's words, such as a date.

    Examples
    --------
    >>> commitment_of(1, 1, ["00"], "2026-01-01")[:8]
    '75f77537'
    """
    what = {
        "items": items,
        "piece_items": piece_items,
        "pieces": list(pieces),
        "snapshot": snapshot,
    }
    return hashlib.sha256(canonical(what)).hexdigest()


def _text(moment: datetime) -> str:
    """Return a time as text that sorts."""
    return moment.isoformat(timespec="seconds")
