"""Which of the blocks at hand are the chain: most work, checked header by header.

Headers form a tree under the genesis block. The active chain ends at the header with the most
work (the sum of 2^256 / (target + 1)); of two with equal work, the one with the lower hash, so
that the answer does not depend on the order in which blocks arrived (Core keeps the first seen).
Every header must meet its own target; those of the active chain must use the target that the rules
ask for (Core's ``pow.cpp``; BIP-94 on testnet4) and be later than the median of the eleven before
it. The signatures of signet blocks (BIP-325) are not checked.

Other chains than Bitcoin have rules of their own for targets, which are not checked: work is what
headers declare, and no target may be above the chain's limit. Where the work is another hash than
the block's, it is checked when the block is read, or not at all (`clewline.codec.networks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.header import header_hashes
from clewline.codec.networks import NETWORKS, Network, ProofOfWork
from clewline.errors import BlockFileError, ChainError

RETARGET_INTERVAL: Final = 2016
_TARGET_TIMESPAN: Final = 14 * 24 * 3600
_MIN_DIFFICULTY_AFTER: Final = 20 * 60
_MEDIAN_SPAN: Final = 11


@dataclass(frozen=True)
class ActiveChain:
    """The chosen chain, seen from what is stored already.

    Attributes
    ----------
    fork_height : int
        Blocks of the stored chain that stay: heights below this.
    records : ndarray of int64
        Records to append, in height order from `fork_height` on.
    stale : int
        Distinct blocks at hand, stored or found, that are not on the chosen chain.
    held, held_height : ndarray of int64
        Records of blocks that are stored already, and the heights of those.
    others : ndarray of int64
        All other records: stale blocks that are not stored, and repeated records.
    """

    fork_height: int
    records: NDArray[np.int64]
    stale: int
    held: NDArray[np.int64]
    held_height: NDArray[np.int64]
    others: NDArray[np.int64]


def target_of(bits: int) -> int:
    """Expand compact `bits` to a 256-bit target; 0 where negative or too large.

    Examples
    --------
    >>> hex(target_of(0x1D00FFFF)).count("f")
    4
    """
    size, word = bits >> 24, bits & 0x007FFFFF
    if bits & 0x00800000 or not word:
        return 0
    target = word >> (8 * (3 - size)) if size <= 3 else word << (8 * (size - 3))
    return target if target < 1 << 256 else 0


def compact(target: int) -> int:
    """Return the compact form of a target (Core's ``arith_uint256::GetCompact``).

    Examples
    --------
    >>> hex(compact(target_of(0x1B0404CB)))
    '0x1b0404cb'
    """
    size = (target.bit_length() + 7) // 8
    word = target << (8 * (3 - size)) if size <= 3 else target >> (8 * (size - 3))
    if word & 0x00800000:
        word >>= 8
        size += 1
    return word | size << 24


def work_of(bits: int) -> int:
    """Return the expected number of hashes that a block of these `bits` took."""
    target = target_of(bits)
    return (1 << 256) // (target + 1) if target else 0


def choose_active_chain(
    network: Network,
    stored: NDArray[np.uint8],
    found: NDArray[np.uint8],
    place: Callable[[int], str],
) -> ActiveChain:
    """Choose the chain with the most work among stored and found headers.

    Parameters
    ----------
    network : Network
        Whose rules hold.
    stored : ndarray of uint8, shape (n, 80) or (n, 112)
        Headers of the chain that a store holds, by height; empty for a new store.
    found : ndarray of uint8, shape (m, 80) or (m, 112)
        Headers of records, in any order; stale and repeated ones allowed. Those of blocks that are
        stored may be missing, as in a pruned directory.
    place : callable
        Tells where a record lies, for error messages.

    Returns
    -------
    ActiveChain
        Does not depend on the order of `found`, but for the numbers of the records.

    Raises
    ------
    BlockFileError
        A header that does not meet its own target.
    ChainError
        No genesis block of this network, a record whose parent is missing, a header on the active
        chain that breaks a rule.

    Notes
    -----
    Cost: a few microseconds a header.
    """
    header = np.concatenate((stored, found))
    count = header.shape[0]
    hashes = header_hashes(header)
    names = [row.tobytes() for row in hashes]
    previous = [row.tobytes() for row in header[:, 4:36]]
    bits = header[:, 72:76].copy().view("<u4")[:, 0].tolist()
    works = {value: work_of(value) for value in set(bits)}
    targets = {value: target_of(value) for value in works}

    def where(node: int) -> str:
        """Say where a node comes from."""
        record = node - stored.shape[0]
        return place(record) if record >= 0 else f"block {node} of the store"

    hashed = network.coin.proof_of_work is not ProofOfWork.SCRYPT
    start = where(stored.shape[0]) if count > stored.shape[0] else None
    known = set(names)
    others = [other.name for other in NETWORKS.values() if other.genesis in known]
    if others and network.genesis not in known:
        raise _no_genesis(network, start, f"these are blocks of network {' or '.join(others)}")
    first_of: dict[bytes, int] = {}
    children: dict[bytes, list[int]] = {}
    for node in range(count):
        if first_of.setdefault(names[node], node) != node:
            continue
        if hashed and int.from_bytes(names[node], "little") > targets[bits[node]]:
            raise BlockFileError(
                f"block {shown(names[node])} does not meet its proof-of-work target "
                f"(bits {bits[node]:08x})",
                where=where(node),
            )
        children.setdefault(previous[node], []).append(node)

    genesis = first_of.get(network.genesis)
    if genesis is None:
        raise _no_genesis(
            network, start, "pruned directories and those of unknown chains cannot be imported"
        )
    work = {genesis: works[bits[genesis]]}
    pending = [genesis]
    best = genesis
    while pending:
        node = pending.pop()
        if _better(work[node], names[node], work[best], names[best]):
            best = node
        for child in children.get(names[node], ()):
            work[child] = work[node] + works[bits[child]]
            pending.append(child)
    if len(work) < len(first_of):
        # Not one of those above the gap, whose parents are at hand.
        roots = (node for node in first_of.values() if previous[node] not in first_of)
        lost = min(node for node in roots if node != genesis)
        raise ChainError(
            f"a gap in the chain: the parent {shown(previous[lost])} of block "
            f"{shown(names[lost])} is missing",
            where=where(lost),
            hint="copy all block files, with the node stopped",
        )

    path = [best]
    while path[-1] != genesis:
        path.append(first_of[previous[path[-1]]])
    nodes = np.array(path[::-1], np.int64)
    check_landmarks(network, [names[node] for node in path[::-1]])
    _check_rules(network, header[nodes], lambda height: where(int(nodes[height])))
    fresh = nodes >= stored.shape[0]
    fork_height = int(fresh.argmax()) if fresh.any() else nodes.size
    records = nodes[fork_height:] - stored.shape[0]
    first = np.array([first_of[name] for name in names[stored.shape[0] :]], np.int64)
    is_held = first < stored.shape[0]
    is_other = ~is_held
    is_other[records] = False
    return ActiveChain(
        fork_height=fork_height,
        records=records,
        stale=len(first_of) - len(path),
        held=np.flatnonzero(is_held),
        held_height=first[is_held],
        others=np.flatnonzero(is_other),
    )


def _no_genesis(network: Network, where: str | None, hint: str) -> ChainError:
    """Return the error for headers without the genesis block."""
    return ChainError(
        f"the genesis block of network {network.name} ({shown(network.genesis)}) is missing",
        where=where,
        hint=hint,
    )


def _better(work: int, name: bytes, other_work: int, other_name: bytes) -> bool:
    """Tell whether the first of two tips wins: more work, then the lower hash."""
    if work != other_work:
        return work > other_work
    return name[::-1] < other_name[::-1]


def check_landmarks(network: Network, names: list[bytes]) -> None:
    """Check that a chain is not one that left this one, or that this one left.

    Parameters
    ----------
    network : Network
        Whose blocks they should be.
    names : list of bytes
        Hashes by height, internal byte order.

    Raises
    ------
    ChainError
        At the first landmark that is another block; the hint says of which network, if known.
    """
    for height, name in network.landmarks:
        if height < len(names) and names[height] != name:
            other = next(
                (
                    other.name
                    for other in NETWORKS.values()
                    for mark in other.landmarks
                    if mark == (height, names[height])
                ),
                None,
            )
            raise ChainError(
                f"block {height} of network {network.name} is {shown(name)}; here it is "
                f"{shown(names[height])}",
                hint=f"these are blocks of network {other}; use --network {other}"
                if other
                else "these are blocks of another chain with the same beginning",
            )


def _check_rules(network: Network, header: NDArray[np.uint8], where: Callable[[int], str]) -> None:
    """Check bits and median time along a chain of headers in height order."""
    fields = header[:, 68:76].copy().view("<u4")
    times, bits = fields[:, 0].astype(np.int64), fields[:, 1].tolist()
    if times.size > 1:
        padded = np.concatenate((np.full(_MEDIAN_SPAN - 1, -1, np.int64), times[:-1]))
        window = np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_SPAN)
        # The median of fewer than eleven: the padding of -1 sorts first and shifts the middle.
        known = np.minimum(np.arange(1, times.size), _MEDIAN_SPAN)
        middle = _MEDIAN_SPAN - known + known // 2
        median = np.sort(window, axis=1)[np.arange(known.size), middle]
        early = np.flatnonzero(times[1:] <= median)
        if early.size:
            height = int(early[0]) + 1
            raise ChainError(
                f"block {height} is not later than the median of the eleven blocks before it",
                where=where(height),
            )
    if not network.coin.checks_difficulty:
        _check_limit(network, bits, where)
        return
    expected = _expected_bits(network, times.tolist(), bits)
    for height, wanted in enumerate(expected, 1):
        if bits[height] != wanted:
            raise ChainError(
                f"block {height} uses target bits {bits[height]:08x}; the rules ask for "
                f"{wanted:08x}",
                where=where(height),
            )


def _check_limit(network: Network, bits: list[int], where: Callable[[int], str]) -> None:
    """Check that no target is above the chain's limit."""
    limit = target_of(network.pow_limit_bits)
    wrong = {value for value in set(bits) if not 0 < target_of(value) <= limit}
    if wrong:
        height = next(height for height, value in enumerate(bits) if value in wrong)
        raise ChainError(
            f"block {height} uses target bits {bits[height]:08x}, which are easier than "
            f"{network.name} allows ({network.pow_limit_bits:08x})",
            where=where(height),
        )


def _expected_bits(network: Network, times: list[int], bits: list[int]) -> Iterator[int]:
    """Yield the bits that each block after the first must use: Core's ``GetNextWorkRequired``."""
    limit = network.pow_limit_bits
    # Bits of the last block that did not use the easy target of a late block.
    regular = bits[0]
    for height in range(1, len(bits)):
        last = height - 1
        if last % RETARGET_INTERVAL == 0 or bits[last] != limit:
            regular = bits[last]
        if height % RETARGET_INTERVAL == 0:
            yield _retarget(network, times, bits, height)
        elif not network.min_difficulty_blocks:
            yield bits[last]
        elif times[height] > times[last] + _MIN_DIFFICULTY_AFTER:
            yield limit
        else:
            yield regular


def _retarget(network: Network, times: list[int], bits: list[int], height: int) -> int:
    """Return the bits of the first block of a period: Core's ``CalculateNextWorkRequired``."""
    last, first = height - 1, height - RETARGET_INTERVAL
    if not network.retargets:
        return bits[last]
    span = min(max(times[last] - times[first], _TARGET_TIMESPAN // 4), _TARGET_TIMESPAN * 4)
    base = bits[first if network.retarget_from_first else last]
    target = target_of(base) * span // _TARGET_TIMESPAN
    return compact(min(target, target_of(network.pow_limit_bits)))


def shown(name: bytes) -> str:
    """Return a hash as it is shown: hex, reversed."""
    return name[::-1].hex()
