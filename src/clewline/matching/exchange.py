"""The side that asks: an exchange with its customers' counterparties.

A session goes through five states, each a file or more in its own directory under the home, so that
it goes on where it was cut off:

1. `begin` reads the rows, keeps the distinct items in an order that a key makes (so that the order
   of the customer table does not show), hides them piece by piece;
2. the message *open* commits to all pieces by their hashes;
3. the *offer* brings the encrypted list, bound to a version;
4. each piece is asked and its *answer* compared at once; only places of matches are kept;
5. `result` reads the rows again and writes those whose item matched; *done* may tell how many.

The item file is in clear and readable by its owner alone: it is the exchange's own data.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import DataError, UsageError
from clewline.journal import Journal
from clewline.matching import psi
from clewline.matching.hotline import JOURNAL, MOST_PIECE, commitment_of
from clewline.matching.identity import read_identity
from clewline.matching.items import Row, rows_of
from clewline.matching.message import Kind, Message, read, text, whole
from clewline.matching.partners import Partner, partner_called

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many of how many."""
_DIGEST: Final = 16
_AT_ONCE: Final = 100_000


@dataclass(frozen=True)
class Plan:
    """What a session asks, as `begin` found it.

    Attributes
    ----------
    session : str
        32 hex digits.
    partner : str
        Name of the partner.
    made_at : str
        ISO 8601, UTC.
    snapshot : str
        What the items are, in words.
    rows, faults, items : int
        Rows read, rows that could not be, distinct items.
    piece_items : int
        Items in a piece.
    """

    session: str
    partner: str
    made_at: str
    snapshot: str
    rows: int
    faults: int
    items: int
    piece_items: int

    @property
    def pieces(self) -> int:
        """Return how many pieces there are."""
        return -(-self.items // self.piece_items)


def begin(
    home: Path,
    partner: str,
    file: Path,
    *,
    snapshot: str,
    now: datetime,
    piece_items: int = MOST_PIECE,
    on_fault: Callable[[Row], None] = lambda _row: None,
) -> Session:
    """Start a session over the rows of a file.

    Parameters
    ----------
    home : Path
        Directory of this side.
    partner : str
        Name of the hotline among its partners.
    file : Path
        See `items`.
    snapshot : str
        What the items are, in words that the partner reads, such as a date; part of the commitment.
    now : datetime
        In UTC.
    piece_items : int
        Items in a piece, at most `MOST_PIECE`.
    on_fault : callable
        Called with each row that cannot be read.

    Raises
    ------
    UsageError
        If there is no such partner, or no row that can be read.

    Notes
    -----
    Sixteen bytes of memory a row, while the distinct ones are told apart.
    """
    partner_called(home, partner)
    identity = read_identity(home)
    order = psi.key_from(identity.secret, "order")
    digests = bytearray()
    rows = faults = 0
    why = None
    for row in rows_of(file):
        rows += 1
        if row.fault:
            faults += 1
            why = why or f"line {row.line}: {row.fault}"
            on_fault(row)
        else:
            digests += _place(order, row.item)
    if not digests:
        raise UsageError("has no row that can be read", where=str(file), hint=why)
    ranks = _ranks(digests)
    items = int(ranks.max()) + 1
    plan = Plan(
        session=secrets.token_hex(16),
        partner=partner,
        made_at=now.isoformat(timespec="seconds"),
        snapshot=snapshot,
        rows=rows,
        faults=faults,
        items=items,
        piece_items=min(piece_items, MOST_PIECE),
    )
    directory = home / "sessions" / plan.session
    directory.mkdir(parents=True, mode=0o700)
    readable = (row.item for row in rows_of(file) if not row.fault)
    _write_pieces(directory, readable, ranks, plan)
    _write(directory / "plan.json", json.dumps(asdict(plan), indent=1).encode())
    return Session(home, plan.session)


class Session:
    """A session of the asking side.

    Parameters
    ----------
    home : Path
        Directory of this side.
    name : str
        The session.

    Raises
    ------
    UsageError
        If there is no such session.
    """

    def __init__(self, home: Path, name: str) -> None:
        self.directory = home / "sessions" / name
        try:
            self.plan = Plan(**json.loads((self.directory / "plan.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            raise UsageError("no such session", where=str(self.directory)) from None
        self._home = home
        self._identity = read_identity(home)
        self._partner: Partner = partner_called(home, self.plan.partner)
        self._journal = Journal(home / JOURNAL)
        # One key a partner: it can tell what was asked before from what is new, which its quota
        # needs, and two partners can compare nothing.
        self._key = psi.key_from(self._identity.secret, "asker", self._partner.key)

    def hide(self, progress: Progress = lambda _what, _done, _all: None, threads: int = 2) -> None:
        """Hide every piece that is not yet."""
        for number in range(self.plan.pieces):
            file = self._hidden(number)
            if not file.exists():
                _write(file, psi.hide(self._key, self._items(number), threads))
            progress("hidden", number + 1, self.plan.pieces)

    def commitment(self) -> str:
        """Return the hash that stands for all that the session asks."""
        plan = self.plan
        return commitment_of(plan.items, plan.piece_items, self._pieces(), plan.snapshot)

    def messages(self) -> Iterator[Message]:
        """Yield the messages that still have to be sent, until an answer is missing.

        Send each, hand its answer to `take`, and go on; the iterator looks anew each time.
        """
        plan = self.plan
        if not self._offer.exists():
            fields = {
                "items": plan.items,
                "piece_items": plan.piece_items,
                "pieces": self._pieces(),
                "snapshot": plan.snapshot,
            }
            yield self._message(Kind.OPEN, fields)
        version = self.list_version
        for number in range(plan.pieces):
            if not self._matched(number).exists():
                body = self._hidden(number).read_bytes()
                yield self._message(Kind.ASK, {"list_version": version}, number, body)

    def done_message(self, *, tell: bool) -> Message:
        """Return the message that ends the session.

        Parameters
        ----------
        tell : bool
            Whether to say how many items matched. Nothing else is ever said.
        """
        return self._message(Kind.DONE, {"matched": len(self.matched())} if tell else {})

    def sign(self, message: Message) -> bytes:
        """Return the bytes of a message."""
        return message.signed(self._identity)

    def take(self, data: bytes, to: Message, now: datetime) -> None:
        """Take the answer to a message.

        Raises
        ------
        DataError
            If it is a refusal, or not the partner's answer to this message.
        """
        where = f"answer to {to.name}"
        answer = read(
            data,
            recipient=self._identity.public,
            senders=frozenset({self._partner.key}),
            where=where,
        )
        if answer.session != self.plan.session or answer.number != to.number:
            raise DataError("belongs to another message", where=where)
        if answer.kind is Kind.REFUSAL:
            reason = text(answer, "reason", 1_000)
            self._note(now, "refused", reason=reason)
            raise DataError(f"the partner refuses: {reason}", where=where)
        expected = {Kind.OPEN: Kind.OFFER, Kind.ASK: Kind.ANSWER, Kind.DONE: Kind.CLOSED}[to.kind]
        if answer.kind is not expected:
            raise DataError(f"is {answer.kind.value}, not {expected.value}", where=where)
        if answer.kind is Kind.OFFER:
            self._take_offer(answer, now)
        elif answer.kind is Kind.ANSWER:
            items = self._items(to.number)
            found = psi.matches(self._key, self._offer.read_bytes(), answer.body, len(items))
            _write(self._matched(to.number), json.dumps(found).encode())
            self._note(now, "asked", piece=to.number, items=len(items))
        else:
            self._note(now, "done", matched=len(self.matched()), told=str("matched" in to.fields))

    @property
    def list_version(self) -> str:
        """Return the version of the list that this session is bound to; empty before the offer."""
        try:
            return str(json.loads(self._about.read_text("utf-8"))["list_version"])
        except FileNotFoundError:
            return ""

    @property
    def is_complete(self) -> bool:
        """Whether every piece was answered."""
        return all(self._matched(number).exists() for number in range(self.plan.pieces))

    def matched(self) -> set[str]:
        """Return the items that stand in the list.

        Raises
        ------
        UsageError
            If pieces are missing: not asked is never not found.
        """
        if not self.is_complete:
            raise UsageError(
                "not every piece was answered yet", where=str(self.directory), hint="run it again"
            )
        found: set[str] = set()
        for number in range(self.plan.pieces):
            items = self._items(number)
            places = json.loads(self._matched(number).read_text("ascii"))
            found.update(items[place] for place in places)
        return found

    def result(self, file: Path) -> Iterator[Row]:
        """Yield the rows of the file whose item matched, in its order."""
        found = self.matched()
        yield from (row for row in rows_of(file) if row.item in found)

    def remove(self) -> None:
        """Remove what the session keeps in its directory; the journal stays."""
        shutil.rmtree(self.directory)

    def _take_offer(self, answer: Message, now: datetime) -> None:
        """Keep the encrypted list and what it is bound to."""
        version = text(answer, "list_version", 64)
        items = whole(answer, "list_items", 1, 1 << 32)
        if psi.size_of(answer.body) != items:
            raise DataError("the encrypted list has another number of items than it says")
        about = {"list_version": version, "list_items": items}
        _write(self._about, json.dumps(about).encode())
        _write(self._offer, answer.body)
        self._note(now, "opened", items=self.plan.items, commitment=self.commitment(), list=version)

    def _message(
        self, kind: Kind, fields: dict[str, Any], number: int = 0, body: bytes = b""
    ) -> Message:
        """Return a message of this session."""
        return Message(
            kind=kind,
            session=self.plan.session,
            sender=self._identity.public,
            recipient=self._partner.key,
            made_at=self.plan.made_at,
            number=number,
            fields=fields,
            body=body,
        )

    def _note(self, now: datetime, event: str, **what: str | int) -> None:
        """Note what happened in the journal."""
        at = now.isoformat(timespec="seconds")
        self._journal.write(
            at, event, partner=self._partner.name, session=self.plan.session, **what
        )

    def _items(self, number: int) -> list[str]:
        """Return the items of a piece."""
        return _piece(self.directory, number).read_text("utf-8").splitlines()

    def _pieces(self) -> list[str]:
        """Return the hash of each hidden piece."""
        return [
            hashlib.sha256(self._hidden(number).read_bytes()).hexdigest()
            for number in range(self.plan.pieces)
        ]

    def _hidden(self, number: int) -> Path:
        return self.directory / f"hidden-{number:05d}.bin"

    def _matched(self, number: int) -> Path:
        return self.directory / f"matched-{number:05d}.json"

    @property
    def _offer(self) -> Path:
        return self.directory / "offer.bin"

    @property
    def _about(self) -> Path:
        return self.directory / "offer.json"


def _place(order: bytes, item: str) -> bytes:
    """Return where an item stands in the order of a session."""
    return hashlib.blake2b(item.encode(), key=order, digest_size=_DIGEST).digest()


def _ranks(digests: bytearray) -> NDArray[np.int64]:
    """Return where each row's item stands among the distinct ones; -1 for one that came before."""
    pairs = np.frombuffer(digests, dtype=[("high", ">u8"), ("low", ">u8")])
    order = np.lexsort((pairs["low"], pairs["high"]))
    ordered = pairs[order]
    is_first = np.ones(len(pairs), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    ranks = np.full(len(pairs), -1, np.int64)
    ranks[order[is_first]] = np.arange(np.count_nonzero(is_first))
    return ranks


def _write_pieces(
    directory: Path, items: Iterator[str], ranks: NDArray[np.int64], plan: Plan
) -> None:
    """Write the distinct items to a file a piece, in the order of their ranks."""
    waiting: dict[int, list[str]] = {}

    def flush() -> None:
        for number, lines in waiting.items():
            with _piece(directory, number).open("a", encoding="utf-8") as stream:
                stream.writelines(lines)
        waiting.clear()

    for at, (item, rank) in enumerate(zip(items, ranks.tolist(), strict=True), 1):
        if rank >= 0:
            waiting.setdefault(rank // plan.piece_items, []).append(f"{rank} {item}\n")
        if at % _AT_ONCE == 0:
            flush()
    flush()
    for number in range(plan.pieces):
        file = _piece(directory, number)
        lines = [line.split(" ", 1) for line in file.read_text("utf-8").splitlines()]
        lines.sort(key=lambda line: int(line[0]))
        _write(file, "".join(f"{item}\n" for _, item in lines).encode())


def _piece(directory: Path, number: int) -> Path:
    """Return the file of a piece's items."""
    return directory / f"items-{number:05d}.txt"


def _write(file: Path, data: bytes) -> None:
    """Write a file for its owner alone, whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)
