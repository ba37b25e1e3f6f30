"""Open-addressing tables from a transaction id or a script to its number.

A slot packs 32 bits of the key with the number plus one, so that most probes end in one memory access;
a match is confirmed against the column itself, because 32 bits alone are not proof. Rows that are
being imported are not in the column files yet, so each kernel takes an old and a new part.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel

MAX_LOAD: Final = 0.6
NOT_FOUND: Final = -1

UInt64 = NDArray[np.uint64]


def capacity_for(rows: int) -> int:
    """Return the number of slots, a power of two, that holds `rows` at most `MAX_LOAD` full.

    Examples
    --------
    >>> capacity_for(700)
    2048
    """
    slots = 1024
    while rows > MAX_LOAD * slots:
        slots *= 2
    return slots


@kernel
def txid_key(data, at):  # type: ignore[no-untyped-def]
    """Return the first 8 bytes of an id as a little-endian uint64; ids are hashes already."""
    key = np.uint64(0)
    for i in range(8):
        key |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return key


@kernel
def script_key(data, at, length, seed):  # type: ignore[no-untyped-def]
    """Hash a script to 64 bits, keyed (multiply and xor-shift, as MurmurHash2's 64-bit form)."""
    multiplier = np.uint64(0xC6A4A7935BD1E995)
    shift = np.uint64(47)
    key = seed ^ (np.uint64(length) * multiplier)
    word_end = at + (length & ~7)
    while at < word_end:
        word = txid_key(data, at) * multiplier
        word ^= word >> shift
        key = (key ^ (word * multiplier)) * multiplier
        at += 8
    rest = length & 7
    if rest:
        word = np.uint64(0)
        for i in range(rest):
            word |= np.uint64(data[at + i]) << np.uint64(8 * i)
        key = (key ^ word) * multiplier
    key ^= key >> shift
    key *= multiplier
    return key ^ (key >> shift)


@kernel
def find_txid(slots, data, at, old, new):  # type: ignore[no-untyped-def]
    """Return (transaction, slot) of the id at ``data[at:at + 32]``; (-1, free slot) if absent.

    `old` and `new` are the flat id bytes of stored and of arriving transactions.
    """
    key = txid_key(data, at)
    mask = np.int64(slots.size - 1)
    slot = np.int64(key) & mask
    mark = key >> np.uint64(32)
    stored = old.size // 32
    while True:
        entry = slots[slot]
        if entry == np.uint64(0):
            return np.int64(-1), slot
        if entry >> np.uint64(32) == mark:
            tx = np.int64(entry & np.uint64(0xFFFFFFFF)) - 1
            same = True
            if tx < stored:
                for i in range(32):
                    if old[32 * tx + i] != data[at + i]:
                        same = False
                        break
            else:
                base = 32 * (tx - stored)
                for i in range(32):
                    if new[base + i] != data[at + i]:
                        same = False
                        break
            if same:
                return tx, slot
        slot = (slot + 1) & mask


@kernel
def insert_txid(slots, slot, key, tx):  # type: ignore[no-untyped-def]
    """Put a transaction into a slot that `find_txid` named."""
    slots[slot] = (key >> np.uint64(32)) << np.uint64(32) | np.uint64(tx + 1)


@kernel
def insert_txids(slots, ids, repeated):  # type: ignore[no-untyped-def]
    """Insert all stored transactions into empty slots; return how many ids were repeats.

    A repeat takes the place of the earlier transaction, which is noted in `repeated` (BIP-30: a
    later coinbase overwrites) as far as that has room.
    """
    none = np.empty(0, np.uint8)
    repeats = 0
    for tx in range(ids.size // 32):
        earlier, slot = find_txid(slots, ids, 32 * tx, ids, none)
        if earlier >= 0:
            if repeats < repeated.size:
                repeated[repeats] = np.uint32(earlier)
            repeats += 1
        insert_txid(slots, slot, txid_key(ids, 32 * tx), tx)
    return repeats


@kernel
def find_script(slots, seed, data, at, length, starts, blob, new_at, new_length, source):  # type: ignore[no-untyped-def]
    """Return (script, slot, key) of ``data[at:at + length]``; script -1 and a free slot if absent.

    `starts` and `blob` are the stored scripts; `new_at` and `new_length` place arriving ones in
    `source`.
    """
    key = script_key(data, at, length, seed)
    mask = np.int64(slots.size - 1)
    slot = np.int64(key) & mask
    mark = key >> np.uint64(32)
    stored = starts.size - 1
    while True:
        entry = slots[slot]
        if entry == np.uint64(0):
            return np.int64(-1), slot, key
        if entry >> np.uint64(32) == mark:
            script = np.int64(entry & np.uint64(0xFFFFFFFF)) - 1
            same = True
            if script < stored:
                base = starts[script]
                if starts[script + 1] - base != length:
                    same = False
                else:
                    for i in range(length):
                        if blob[base + i] != data[at + i]:
                            same = False
                            break
            else:
                base = new_at[script - stored]
                if new_length[script - stored] != length:
                    same = False
                else:
                    for i in range(length):
                        if source[base + i] != data[at + i]:
                            same = False
                            break
            if same:
                return script, slot, key
        slot = (slot + 1) & mask


@kernel
def insert_scripts(slots, seed, starts, blob):  # type: ignore[no-untyped-def]
    """Insert all stored scripts, which are distinct, into empty slots."""
    mask = np.int64(slots.size - 1)
    for script in range(starts.size - 1):
        key = script_key(blob, starts[script], starts[script + 1] - starts[script], seed)
        slot = np.int64(key) & mask
        while slots[slot] != np.uint64(0):
            slot = (slot + 1) & mask
        slots[slot] = (key >> np.uint64(32)) << np.uint64(32) | np.uint64(script + 1)


@kernel
def _find_txids(slots, wanted, ids, found):  # type: ignore[no-untyped-def]
    """Look up many transaction ids."""
    none = np.empty(0, np.uint8)
    for i in range(found.size):
        found[i] = find_txid(slots, wanted, 32 * i, ids, none)[0]


def find_txids(
    slots: UInt64, wanted: NDArray[np.uint8], ids: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the transaction of each row of `wanted` (n, 32), `NOT_FOUND` where there is none."""
    found = np.empty(wanted.shape[0], np.int64)
    _find_txids(slots, wanted.reshape(-1), ids.reshape(-1), found)
    return found


@kernel
def _find_scripts(slots, seed, data, data_starts, starts, blob, found):  # type: ignore[no-untyped-def]
    """Look up many scripts."""
    none = np.empty(0, np.int64)
    no_bytes = np.empty(0, np.uint8)
    for i in range(found.size):
        at = data_starts[i]
        length = data_starts[i + 1] - at
        found[i] = find_script(slots, seed, data, at, length, starts, blob, none, none, no_bytes)[0]


def find_scripts(
    slots: UInt64,
    seed: int,
    data: NDArray[np.uint8],
    data_starts: NDArray[np.int64],
    starts: NDArray[np.int64],
    blob: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Return the script id of each ``data[data_starts[i]:data_starts[i + 1]]``, or `NOT_FOUND`."""
    found = np.empty(data_starts.size - 1, np.int64)
    _find_scripts(slots, np.uint64(seed), data, data_starts, starts, blob, found)
    return found


def empty_slots(rows: int) -> NDArray[Any]:
    """Return a table with room for `rows`."""
    return np.zeros(capacity_for(rows), np.uint64)
