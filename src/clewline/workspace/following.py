"""Following: keeping a store at the tip of a node or of a blocks directory.

Each round looks at the source, which is cheap, imports if it shows anything new, and reports how
far the store is behind. Every import is the one that ``chain import`` makes, reorganisations
included, so that a store that was followed equals one that was made at once. Between two imports
the store is locked by nobody, and a round without news writes nothing.

A step costs what its blocks cost: columns and indexes grow with them. Only a reorganisation copies
the columns up to the fork.

Where it is asked for, each round that has no blocks left to import also looks at the mempool of the
node. What goes wrong there is reported, and never keeps blocks waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from clewline.errors import (
    BlockFileError,
    ChainError,
    ClewlineError,
    NodeError,
    NodePrunedError,
    StoreLockedError,
    StoreMissingError,
)
from clewline.sources.node_chain import NodeChain
from clewline.store.importer import Progress, no_progress
from clewline.store.reader import ChainStore
from clewline.workspace.importing import (
    ImportResult,
    coin_of,
    import_blocks,
    import_from_node,
)
from clewline.workspace.unconfirmed import Mempool, check_followed, look_at_mempool

_SETTLED_SECONDS: Final = 2.0
"""Files changed later than this may change again without a later time of change."""

Showing = Callable[[], AbstractContextManager[Progress]]
"""Opens what shows the progress of one import."""


class Look(NamedTuple):
    """What a source shows without being read.

    Attributes
    ----------
    mark : hashable or None
        The same as long as there is nothing new; None if that cannot be told.
    height : int or None
        Of the best block that the source knows of, if it says so.
    """

    mark: Hashable | None
    height: int | None


class Tip(NamedTuple):
    """What a store holds: network, height, hash as it is shown, header time in UTC seconds."""

    network: str
    height: int
    hash: str
    time: int


@dataclass(frozen=True)
class Source:
    """What is followed.

    Attributes
    ----------
    look : callable
        Shows what there is; cheap.
    bring : callable
        Imports it.
    look_at_mempool : callable or None
        Notes what waits for a block, at a time in UTC seconds; None where that is not followed.
    """

    look: Callable[[], Look]
    bring: Callable[[], ImportResult]
    look_at_mempool: Callable[[int], Mempool] | None = None


class MempoolStanding(NamedTuple):
    """What is known of a mempool: the last look that succeeded, and why it cannot be had now."""

    seen: Mempool | None = None
    waiting: str | None = None


NO_LOOK: Final = MempoolStanding()


@dataclass(frozen=True)
class Standing:
    """How far a store is.

    Attributes
    ----------
    tip : Tip or None
        What the store holds; None if nothing yet.
    blocks_behind : int or None
        Blocks that the source knows of and the store does not hold; None if not known.
    seconds_behind : int or None
        From the header time of the tip to now, at least 0. Blocks come at random, ten minutes
        apart on average, so this is rarely small even where no block is missing.
    result : ImportResult or None
        The import that this round made.
    waiting : str or None
        Why the source or the store cannot be asked now.
    pool : MempoolStanding
        What is known of the mempool, if that is followed.
    """

    tip: Tip | None
    blocks_behind: int | None
    seconds_behind: int | None
    result: ImportResult | None = None
    waiting: str | None = None
    pool: MempoolStanding = NO_LOOK


class _ChangingError(Exception):
    """The files changed while they were read: what was found wrong may be a block half written."""

    def __init__(self, found: ClewlineError) -> None:
        super().__init__(str(found))
        self.found = found


def node_source(
    store: Path,
    chain: NodeChain,
    network: str | None = None,
    showing: Showing = lambda: nullcontext(no_progress),
    memory: int | None = None,
    *,
    unconfirmed: bool = False,
) -> Source:
    """Follow a Bitcoin Core node.

    Parameters
    ----------
    store : Path
        Made if there is none.
    chain : NodeChain
        From `connect_node`; stays open.
    network : str, optional
        Refuse a node of any other.
    showing : callable
        Shows the progress of an import.
    memory : int, optional
        Bytes that the first import may hold; half of what is free if not given.
    unconfirmed : bool
        Look at the mempool as well; see `look_at_mempool`.

    Returns
    -------
    Source
        For `follow`. A look costs one request.

    Raises
    ------
    UsageError
        If what waits is asked for, and the chain is not Bitcoin or ``unconfirmed_days`` no number.
    """
    chain.coin = coin_of(store, network)
    if unconfirmed:
        # Said at the start, not after hours of importing.
        check_followed(chain.coin)

    def look() -> Look:
        # An import that was given up has closed the connections.
        chain.node.reopen()
        tip = chain.tip()
        return Look(tip.hash, max(tip.height, tip.headers))

    def bring() -> ImportResult:
        with showing() as progress:
            return import_from_node(store, chain, network, progress, memory=memory)

    def mempool(now: int) -> Mempool:
        return look_at_mempool(store, chain, now)

    return Source(look, bring, mempool if unconfirmed else None)


def directory_source(
    store: Path,
    core_blocks: Path,
    network: str | None = None,
    showing: Showing = lambda: nullcontext(no_progress),
    memory: int | None = None,
) -> Source:
    """Follow a blocks directory that a node writes to.

    Parameters
    ----------
    store : Path
        Made if there is none.
    core_blocks : Path
        Holds ``blk*.dat``.
    network : str, optional
        Refuse files of any other.
    showing : callable
        Shows the progress of an import.
    memory : int, optional
        Bytes that the first import may hold; half of what is free if not given.

    Returns
    -------
    Source
        For `follow`. A look costs one ``stat`` a file; it does not tell a height. Core writes a
        block in several steps, so what is wrong with files that are changing is no error.
    """

    def look() -> Look:
        return Look(_files_mark(core_blocks), None)

    def bring() -> ImportResult:
        before = _files_mark(core_blocks)
        try:
            with showing() as progress:
                return import_blocks(store, core_blocks, network, progress, memory)
        except (BlockFileError, ChainError) as error:
            if before is None or _files_mark(core_blocks) != before:
                raise _ChangingError(error) from error
            raise

    return Source(look, bring)


def follow(
    store: Path,
    source: Source,
    report: Callable[[Standing], None],
    *,
    interval: float,
    once: bool = False,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Keep a store at the tip of a source, until an exception ends it.

    Parameters
    ----------
    store : Path
        Directory of the store.
    source : Source
        From `node_source` or `directory_source`.
    report : callable
        Told where the store stands: before and after each import, and in each round without one.
    interval : float
        Seconds to sleep where nothing is new.
    once : bool
        Return as soon as nothing is new; then no error is waited out.
    now : callable
        UTC seconds.
    sleep : callable
        May raise to end the loop.

    Raises
    ------
    StoreLockedError
        If another process writes to the store before the first import; one that comes later is
        waited for.
    NodeError
        If the node never answered. One that stops answering is waited for without end, and so is
        its mempool, whatever is wrong with it.
    ClewlineError
        Whatever else an import raises, `NodePrunedError` among them; the store keeps its last tip.

    Notes
    -----
    An exception from anywhere, such as a signal's, leaves the store at its last tip.
    """
    brought: tuple[Hashable, Tip] | None = None
    begun = answered = False
    pool = NO_LOOK
    while True:
        look: Look | None = None
        try:
            look = source.look()
            answered = True
            tip = tip_of(store)
            if brought is None or brought != (look.mark, tip):
                report(_standing(tip, _lag(tip, look), now(), pool))
                result = source.bring()
                begun = True
                tip = tip_of(store)
                # A mark of None is never equal: the source is asked again.
                brought = None if look.mark is None or tip is None else (look.mark, tip)
                report(_standing(tip, _lag(tip, look) or 0, now(), pool, result=result))
                if result.appended:
                    # While it was imported there may have been another.
                    continue
            else:
                report(_standing(tip, _lag(tip, look) or 0, now(), pool))
            if source.look_at_mempool is not None:
                pool = _looked(source.look_at_mempool, pool, int(now()), once=once)
                report(_standing(tip, _lag(tip, look) or 0, now(), pool))
                if pool.waiting is None and pool.seen and pool.seen.unread and pool.seen.read:
                    # Blocks first, then the rest of it.
                    continue
            if once:
                return
        except (StoreLockedError, NodeError, _ChangingError) as error:
            if once or not _may_pass(error, answered=answered, begun=begun):
                raise error.found if isinstance(error, _ChangingError) else error from None
            tip = tip_of(store)
            lag = _lag(tip, look) if look else None
            report(_standing(tip, lag, now(), pool, waiting=str(error)))
        sleep(interval)


def _looked(
    look_at: Callable[[int], Mempool], pool: MempoolStanding, now: int, *, once: bool
) -> MempoolStanding:
    """Look at the mempool; an error is no reason to stop following blocks."""
    try:
        return MempoolStanding(look_at(now))
    except ClewlineError as error:
        if once:
            raise
        return MempoolStanding(pool.seen, str(error))


def tip_of(store: Path) -> Tip | None:
    """Return the tip that a store holds, None if there is none yet.

    Raises
    ------
    StoreVersionError, StoreDamagedError
    """
    try:
        chain = ChainStore.open(store)
    except StoreMissingError:
        return None
    manifest = chain.manifest
    header = chain.column("block.header")[-1]
    return Tip(manifest.network, manifest.height, manifest.tip, int(header["time"]))


def _may_pass(
    error: StoreLockedError | NodeError | _ChangingError, *, answered: bool, begun: bool
) -> bool:
    """Tell whether it helps to wait."""
    if isinstance(error, StoreLockedError):
        return begun
    if isinstance(error, NodeError):
        return answered and not isinstance(error, NodePrunedError)
    return True


def _lag(tip: Tip | None, look: Look) -> int | None:
    """Return how many blocks a source is ahead of a store, None if it does not tell."""
    if look.height is None:
        return None
    return max(look.height - (tip.height if tip else -1), 0)


def _standing(
    tip: Tip | None,
    lag: int | None,
    now: float,
    pool: MempoolStanding,
    *,
    result: ImportResult | None = None,
    waiting: str | None = None,
) -> Standing:
    """Put together where a store stands, with what is known of the mempool."""
    seconds = max(int(now) - tip.time, 0) if tip else None
    return Standing(tip, lag, seconds, result, waiting, pool)


def _files_mark(core_blocks: Path) -> Hashable | None:
    """Return names, sizes and times of change of block files; None if they changed just now."""
    marks = [_file_mark(path) for path in sorted(core_blocks.glob("blk*.dat"))]
    newest = max((changed for _name, _size, changed in marks), default=0)
    return None if newest > (time.time() - _SETTLED_SECONDS) * 1e9 else tuple(marks)


def _file_mark(path: Path) -> tuple[str, int, int]:
    """Return name, size and time of change (ns); zeros where only an import can say what is up."""
    try:
        stat = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, stat.st_size, stat.st_mtime_ns
