"""The plain data a report is made of: one run, the movements it found, and where the rest went.

Nothing here knows a store or an engine, and nothing reads a clock: the same data gives the same
bytes. Money is integer satoshi, time is UTC seconds, text may be hostile (names come from label
files) and is escaped where it is written.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, overload

from clewline.errors import DataError, UsageError

Direction = Literal["deposit", "withdrawal"]

METHODS: Final = ("fifo", "lifo", "haircut")
"""Taint rules under which what goes in comes out; poison counts a satoshi more than once."""

SATOSHI_PER_BTC: Final = 100_000_000


@dataclass(frozen=True)
class Tip:
    """The block that the answer was computed at; `time` is its header time, UTC seconds."""

    height: int
    hash: str
    time: int


@dataclass(frozen=True)
class LabelSet:
    """A label set the answer used, and the SHA-256 of its content (hex)."""

    name: str
    sha256: str


@dataclass(frozen=True)
class RunInfo:
    """What another person needs in order to compute the same answer again.

    Attributes
    ----------
    version : str
        Version of Clewline.
    network : str
        "main", "test", "testnet4", "signet" or "regtest".
    tip : Tip
        Last block loaded.
    store_digest : str
        Digest of the canonical columns of the store.
    method : str
        Taint rule, one of `METHODS`.
    limits : mapping of str to int, str or None
        Every parameter of the run; None where no limit was set.
    label_sets : tuple of LabelSet
        Those that were used.
    subjects : tuple of str
        Addresses or outputs (txid:index) asked about.
    prepared : int, optional
        UTC seconds to print as the date of the pack; the time of the tip where not given.
    case_reference : str
        The sender's own reference, printed and never interpreted.
    note : str
        Shown at the head of every page, for example that the data is made up.
    """

    version: str
    network: str
    tip: Tip
    store_digest: str
    method: str
    limits: Mapping[str, int | str | None]
    label_sets: tuple[LabelSet, ...]
    subjects: tuple[str, ...]
    prepared: int | None = None
    case_reference: str = ""
    note: str = ""

    @property
    def prepared_at(self) -> int:
        """UTC seconds printed as the date of the pack."""
        return self.tip.time if self.prepared is None else self.prepared


@dataclass(frozen=True)
class Step:
    """One output on the way. `address` is None where Bitcoin Core shows none; then `script` (hex).

    `time` is the header time of its block, UTC seconds; `value` satoshi.
    """

    txid: str
    vout: int
    address: str | None
    value: int
    time: int
    script: str = ""


@dataclass(frozen=True)
class Basis:
    """Why an address counts as the exchange's: an assertion by a source, never a computed fact.

    Attributes
    ----------
    kind : {"own", "inherited"}
        The label is on the address itself, or reached it through its cluster.
    address : str
        The labelled address. For an inherited label: the one the label came from.
    label_set, source : str
        Where the label stands and who asserts it.
    confidence : int
        0 to 100, as the label says.
    confidence_words : str
        The rung of the confidence ladder in words.
    cluster_size : int, optional
        Addresses in the cluster that handed the label on.
    """

    kind: Literal["own", "inherited"]
    address: str
    label_set: str
    source: str
    confidence: int
    confidence_words: str
    cluster_size: int | None = None


@dataclass(frozen=True)
class Movement:
    """One output by which money arrived at an exchange, or left it.

    Attributes
    ----------
    direction : {"deposit", "withdrawal"}
        Deposit: money of the subject arrived at the exchange. Withdrawal: money left the exchange
        towards the subject.
    entity, category : str
        The exchange and its category, as the label says.
    txid, vout : str, int
        The output: for a deposit the one the exchange received, for a withdrawal the one by
        which it paid out.
    address : str or None
        Address of that output; None where Bitcoin Core shows none, then `script` (hex) is shown.
    time : int
        Header time of its block, UTC seconds.
    value : int
        Satoshi of the output.
    traced : int
        Satoshi of it that belong to the subject under the rule of the run; 0 ≤ traced ≤ value.
    hops : int
        Transactions crossed between the subject and the exchange, at least 1.
    path : tuple of Step
        Outputs in chain order, between the subject's and the movement's, both included. A pack
        names those subjects that stand on its own paths.
    basis : Basis
        Why the exchange is taken to hold its side.
    inferences : tuple of str
        Keys of `clewline.reports.limits.INFERENCES` used beyond those that follow from the other
        fields, for example "multi_input".
    alternatives : tuple of str
        Keys of `clewline.reports.limits.ALTERNATIVES` beyond those printed for its direction.
    conflicts : tuple of str
        Other labels that disagree, as text, in the order to be shown.
    """

    direction: Direction
    entity: str
    category: str
    txid: str
    vout: int
    address: str | None
    time: int
    value: int
    traced: int
    hops: int
    path: tuple[Step, ...]
    basis: Basis
    script: str = ""
    inferences: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def outpoint(self) -> str:
        """Return the output as txid:index."""
        return f"{self.txid}:{self.vout}"

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Return the sort key of a sheet: time, txid, index, direction."""
        return self.time, self.txid, self.vout, self.direction


@dataclass(frozen=True)
class Walk:
    """Where the money of one direction ended, in satoshi.

    `direction` is "deposit" for the walk forward, "withdrawal" for the walk backward. The parts
    sum to `total` (METHODS §4, the conservation law). `not_loaded` is a part where the run knew a
    part of the chain alone.
    """

    direction: Direction
    total: int
    services: int
    unspent: int
    mined: int
    coinjoin: int
    capped: int
    fees: int
    not_loaded: int | None = None

    @property
    def parts(self) -> dict[str, int]:
        """Return each stop reason with its satoshi, in the order of `trace`."""
        return {
            "services": self.services,
            "unspent": self.unspent,
            "mined": self.mined,
            "coinjoin": self.coinjoin,
            "capped": self.capped,
            **({} if self.not_loaded is None else {"not_loaded": self.not_loaded}),
            "fees": self.fees,
        }


@dataclass(frozen=True)
class Sums:
    """Count, satoshi, traced satoshi, first and last time (UTC seconds; None of nothing)."""

    count: int
    value: int
    traced: int
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Pack:
    """Everything that one exchange is asked, in the order of the sheet."""

    entity: str
    slug: str
    movements: tuple[Movement, ...]
    categories: tuple[str, ...]

    def sums(self, direction: Direction | None = None) -> Sums:
        """Add up the movements of one direction, or of both."""
        chosen = [m for m in self.movements if direction in (None, m.direction)]
        times = [m.time for m in chosen]
        return Sums(
            len(chosen),
            sum(m.value for m in chosen),
            sum(m.traced for m in chosen),
            min(times, default=None),
            max(times, default=None),
        )

    def touched(self, run: RunInfo) -> tuple[str, ...]:
        """Return what was asked about as far as this pack's paths touch it.

        An exchange is told no more of a case than its own movements need; the overview that stays
        in the house lists everything.
        """
        steps = [step for movement in self.movements for step in movement.path]
        seen = {s.address for s in steps} | {f"{s.txid}:{s.vout}" for s in steps}
        return tuple(subject for subject in run.subjects if subject in seen)


def reference(network: str, movement: Movement) -> str:
    """Name a movement by what it is, so that a filled sheet can be matched when it comes back.

    Returns
    -------
    str
        "CL-" and 60 bits of SHA-256 over network, outpoint and direction, in base 32. It depends
        on nothing else: a second run, with other limits or labels, gives the same reference.
    """
    identity = f"{network}\n{movement.outpoint}\n{movement.direction}"
    digest = hashlib.sha256(identity.encode()).digest()
    return "CL-" + base64.b32encode(digest)[:12].decode()


def btc(satoshi: int) -> str:
    """Write satoshi as BTC with all eight decimals, exactly.

    Examples
    --------
    >>> btc(123_456_789_012)
    '1234.56789012'
    >>> btc(1)
    '0.00000001'
    """
    whole, rest = divmod(satoshi, SATOSHI_PER_BTC)
    return f"{whole}.{rest:08d}"


@overload
def utc(seconds: int) -> str: ...
@overload
def utc(seconds: int | None) -> str | None: ...
def utc(seconds: int | None) -> str | None:
    """Write UTC seconds as ISO 8601; None where no time is known.

    Examples
    --------
    >>> utc(1231006505)
    '2009-01-03T18:15:05Z'
    """
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]}Z"  # +00:00


def check_method(method: str) -> None:
    """Refuse a taint rule for which no request pack is written.

    Raises
    ------
    UsageError
        The method is not one of `METHODS`.
    """
    if method not in METHODS:
        raise UsageError(
            f"request packs are written for {', '.join(METHODS)}, not for {method!r}: "
            "the sums of another rule do not add up",
            where="method",
        )


def check_case(run: RunInfo, movements: Sequence[Movement], walks: Sequence[Walk]) -> None:
    """Refuse data whose sums do not agree, before anything is written.

    Raises
    ------
    UsageError
        The method is not one of `METHODS`.
    DataError
        A movement with an impossible amount, time or hop count, or given twice; parts of a walk
        that do not sum to its total; movements worth more than the services of their walk.
    """
    check_method(run.method)
    for movement in movements:
        _check_movement(movement)
    counts = Counter((m.entity, m.direction, m.outpoint) for m in movements)
    for (entity, direction, outpoint), count in counts.items():
        if count > 1:
            raise DataError(
                f"the {direction} of {entity!r} is given {count} times; it is one movement",
                where=outpoint,
            )
    by_direction = {walk.direction: walk for walk in walks}
    if len(by_direction) != len(walks):
        raise DataError("one direction is given twice", where="walks")
    for walk in walks:
        _check_walk(walk)
    for direction in ("deposit", "withdrawal"):
        traced = sum(m.traced for m in movements if m.direction == direction)
        services = by_direction[direction].services if direction in by_direction else 0
        if traced > services:
            raise DataError(
                f"movements carry {traced} traced satoshi, the walk reached services "
                f"with {services}",
                where=direction,
            )


def _check_movement(movement: Movement) -> None:
    """Refuse amounts, times and hop counts that cannot be."""
    if not 0 <= movement.traced <= movement.value:
        raise DataError(
            f"traced value {movement.traced} is not between 0 and the output's {movement.value}",
            where=movement.outpoint,
        )
    if movement.hops < 1:
        raise DataError(f"{movement.hops} hops; the least is 1", where=movement.outpoint)
    if not all(
        0 <= time <= 0xFFFFFFFF for time in (movement.time, *(s.time for s in movement.path))
    ):
        raise DataError("a time is not one that a block header can hold", where=movement.outpoint)


def _check_walk(walk: Walk) -> None:
    """Hold the conservation law of one walk."""
    parts = sum(walk.parts.values())
    if parts != walk.total or min(walk.parts.values()) < 0:
        raise DataError(
            f"the parts sum to {parts} satoshi, the total is {walk.total}", where=walk.direction
        )
