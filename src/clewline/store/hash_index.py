"""Open-addressing tables from a transaction id or a script to its number.

A slot packs 32 bits of the key with the number plus one, so that most probes end in one memory
access; a match is confirmed against the column itself, because 32 bits alone are not proof. Rows
that are being imported are not in the column files yet, so each kernel takes an old and a new part.

Tables are sized to stay at most `MAX_LOAD` full, so a probe always meets a free slot.

A table is larger than any cache, so a probe waits for memory, and one probe after the other waits
each time. Bulk kernels therefore work in groups of `GROUP`: they first load what the whole group
will want, with no branch between the loads, so that the processor waits for all of them at once;
then they do the work. A wrong guess there costs a load and changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import inlined, leaf
from clewline.store.in_place import put
from clewline.store.words import word_at

MAX_LOAD: Final = 0.6
MIN_SLOTS: Final = 1024
MAX_SLOTS: Final = 1 << 32
"""Enough for as many rows as 32-bit ids can number, if fuller than `MAX_LOAD` then."""
NOT_FOUND: Final = -1
GROUP: Final = 128
REGION_SLOTS: Final = 1 << 27
"""A gigabyte of slots."""

# Short names so that the signatures of kernels stay readable.
Bytes = NDArray[np.uint8]
Slots = NDArray[np.uint64]
Offsets = NDArray[np.int64]
Int = int | np.int64


def capacity_for(rows: int) -> int:
    """Return the number of slots, a power of two, that holds `rows` at most `MAX_LOAD` full.

    Examples
    --------
    >>> capacity_for(700)
    2048
    """
    slots = MIN_SLOTS
    while rows > MAX_LOAD * slots and slots < MAX_SLOTS:
        slots *= 2
    return slots


def empty_slots(rows: int) -> Slots:
    """Return a table with room for `rows`.

    Examples
    --------
    >>> empty_slots(700).size
    2048
    """
    return np.zeros(capacity_for(rows), np.uint64)


@inlined
def txid_key(data: Bytes, at: Int) -> Any:
    """Return the first 8 bytes of an id as a little-endian uint64; ids are hashes already."""
    return word_at(data, at)


_USUAL_WORDS: Final = 5
_MASKS: Final = np.array([(1 << 8 * i) - 1 for i in range(9)], np.uint64)


@inlined
def head_word(data: Bytes, at: Int, length: Int) -> Any:
    """Return the first `length` bytes, at most 8, at a place as a little-endian uint64."""
    count = min(max(length, 0), 8)
    if at + 8 <= data.size:
        return txid_key(data, at) & _MASKS[count]
    word = np.uint64(0)
    for i in range(count):
        word |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return word


@inlined
def script_key(data: Bytes, at: Int, length: Int, seed: np.uint64) -> Any:
    """Hash a script to 64 bits, keyed (multiply and xor-shift, as MurmurHash2's 64-bit form).

    Zeros fill the last word, and the words of a short script: all usual ones take the same steps,
    which no processor has to guess.
    """
    multiplier = np.uint64(0xC6A4A7935BD1E995)
    shift = np.uint64(47)
    key = seed ^ (np.uint64(length) * multiplier)
    for word in range(max(_USUAL_WORDS, (length + 7) >> 3)):
        mixed = head_word(data, at + 8 * word, length - 8 * word) * multiplier
        mixed ^= mixed >> shift
        key = (key ^ (mixed * multiplier)) * multiplier
    key ^= key >> shift
    key *= multiplier
    return key ^ (key >> shift)


@inlined
def home_slot(key: np.uint64, size: int) -> Any:
    """Return the slot where the probing for a key begins: as many of its high bits as it takes.

    So the keys of a partition, which share their highest bits, fill one run of the table.
    """
    return np.int64((key >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))


@inlined
def mark_of(key: np.uint64) -> Any:
    """Return the 32 bits of a key that a slot keeps: the low ones, as the high ones place it."""
    return key & np.uint64(0xFFFFFFFF)


@inlined
def slot_entry(key: np.uint64, number: Int) -> Any:
    """Return what a slot holds that names a number."""
    return mark_of(key) << np.uint64(32) | np.uint64(number + 1)


@inlined
def guess(slots: Slots, key: np.uint64) -> Any:
    """Return the number in the first slot of a key, -1 if that is free; it may be another's."""
    return np.int64(slots[home_slot(key, slots.size)] & np.uint64(0xFFFFFFFF)) - 1


@inlined
def fill_slot(slots: Slots, sums: Slots, slot: Int, key: np.uint64, number: Int) -> None:
    """Put a number into a slot that `find_txid` or `find_script` named."""
    put(slots, sums, slot, slot_entry(key, number))


@inlined
def _is_home(slots: Slots, key: np.uint64, first: int, end: int) -> bool:
    """Tell whether the slot that a key asks for lies in a region of the table."""
    return bool(first <= home_slot(key, slots.size) < end)


@inlined
def _equal(left: Bytes, at: Int, right: Bytes, other: Int, length: int) -> bool:
    """Compare two byte ranges, without a branch a byte."""
    difference = np.uint8(0)
    for i in range(length):
        difference |= left[at + i] ^ right[other + i]
    return bool(difference == 0)


@inlined
def find_txid(slots: Slots, data: Bytes, at: int, old: Bytes, new: Bytes) -> tuple[Any, Any]:
    """Look an id up: (transaction, its slot), or (`NOT_FOUND`, the free slot for it).

    Parameters
    ----------
    slots : ndarray of uint64
        The table.
    data : ndarray of uint8
        Holds the id, at ``data[at:at + 32]``.
    at : int
        Where it begins.
    old, new : ndarray of uint8
        Ids of stored and of arriving transactions, end to end.
    """
    key = txid_key(data, at)
    mask = np.int64(slots.size - 1)
    slot = home_slot(key, slots.size)
    mark = mark_of(key)
    stored = old.size // 32
    known = stored + new.size // 32
    while True:
        entry = slots[slot]
        if entry == np.uint64(0):
            return np.int64(NOT_FOUND), slot
        if entry >> np.uint64(32) == mark:
            tx = np.int64(entry & np.uint64(0xFFFFFFFF)) - 1
            # A damaged table may name what there is not; it must not be read.
            if 0 <= tx < stored:
                if _equal(old, 32 * tx, data, at, 32):
                    return tx, slot
            elif stored <= tx < known and _equal(new, 32 * (tx - stored), data, at, 32):
                return tx, slot
        slot = (slot + 1) & mask


@leaf
def _insert_txids(
    slots: Slots,
    sums: Slots,
    ids: Bytes,
    nothing: Bytes,
    ahead: Offsets,
    repeated: NDArray[np.uint32],
    first: int,
    end: int,
) -> Any:
    """Insert the ids of a region in order; count and list those that were there."""
    repeats = np.int64(0)
    count = ids.size // 32
    for tx in range(count):
        if tx % GROUP == 0:
            for i in range(min(GROUP, count - tx)):
                key = txid_key(ids, 32 * (tx + i))
                if _is_home(slots, key, first, end):
                    ahead[i] = guess(slots, key)
        key = txid_key(ids, 32 * tx)
        if _is_home(slots, key, first, end):
            earlier, slot = find_txid(slots, ids, 32 * tx, ids, nothing)
            if earlier >= 0:
                if repeats < repeated.size:
                    repeated[repeats] = np.uint32(earlier)
                repeats += 1
            fill_slot(slots, sums, slot, key, tx)
    return repeats


def insert_txids(slots: Slots, sums: Slots, ids: Bytes, repeated: NDArray[np.uint32]) -> int:
    """Insert all stored transactions into empty slots.

    Parameters
    ----------
    slots : ndarray of uint64
        From `empty_slots`; filled.
    sums : ndarray of uint64
        Sums of its chunks; brought up to date.
    ids : ndarray of uint8, shape (n_tx, 32)
        ``tx.txid``.
    repeated : ndarray of uint32
        Filled, as far as it has room, with the transactions whose id a later one repeats: that
        takes its place (BIP-30: a later coinbase overwrites).

    Returns
    -------
    int
        How many ids were repeats.

    Notes
    -----
    A table larger than `REGION_SLOTS` is filled region by region, each with a pass over the ids,
    so that what is being written stays small whatever the size of the table.
    """
    nothing, ahead = np.empty(0, np.uint8), np.empty(GROUP, np.int64)
    repeats = 0
    for first in range(0, slots.size, REGION_SLOTS):
        repeats += int(
            _insert_txids(
                slots,
                sums,
                ids.reshape(-1),
                nothing,
                ahead,
                repeated[repeats:],
                first,
                first + REGION_SLOTS,
            )
        )
    return repeats


@inlined
def find_script(
    slots: Slots,
    key: np.uint64,
    data: Bytes,
    at: int,
    length: int,
    starts: Offsets,
    blob: Bytes,
    new_at: Offsets,
    new_length: Offsets,
) -> tuple[Any, Any]:
    """Look a script up: (script, its slot), or (`NOT_FOUND`, the free slot for it).

    Parameters
    ----------
    slots : ndarray of uint64
        The table.
    key : uint64
        `script_key` of the script.
    data : ndarray of uint8
        Holds the script, at ``data[at:at + length]``.
    at, length : int
        Where it lies.
    starts, blob : ndarray of int64, ndarray of uint8
        The stored scripts.
    new_at, new_length : ndarray of int64
        Where in `data` the arriving scripts lie that have a number already.
    """
    mask = np.int64(slots.size - 1)
    slot = home_slot(key, slots.size)
    mark = mark_of(key)
    stored = starts.size - 1
    known = stored + new_at.size
    while True:
        entry = slots[slot]
        if entry == np.uint64(0):
            return np.int64(NOT_FOUND), slot
        if entry >> np.uint64(32) == mark:
            script = np.int64(entry & np.uint64(0xFFFFFFFF)) - 1
            if 0 <= script < stored:
                base = starts[script]
                if starts[script + 1] - base == length and _equal(blob, base, data, at, length):
                    return script, slot
            elif stored <= script < known:
                base = new_at[script - stored]
                if new_length[script - stored] == length and _equal(data, base, data, at, length):
                    return script, slot
        slot = (slot + 1) & mask


@leaf
def _insert_scripts(
    slots: Slots,
    sums: Slots,
    seed: np.uint64,
    starts: Offsets,
    blob: Bytes,
    keys: Slots,
    ahead: Offsets,
    first: int,
    end: int,
) -> None:
    """Insert the scripts of a region in order."""
    mask = np.int64(slots.size - 1)
    count = starts.size - 1
    for script in range(count):
        if script % GROUP == 0:
            for i in range(min(GROUP, count - script)):
                begin = starts[script + i]
                keys[i] = script_key(blob, begin, starts[script + i + 1] - begin, seed)
                if _is_home(slots, keys[i], first, end):
                    ahead[i] = guess(slots, keys[i])
        key = keys[script % GROUP]
        if _is_home(slots, key, first, end):
            slot = home_slot(key, slots.size)
            while slots[slot] != np.uint64(0):
                slot = (slot + 1) & mask
            fill_slot(slots, sums, slot, key, script)


def insert_scripts(slots: Slots, sums: Slots, seed: int, starts: Offsets, blob: Bytes) -> None:
    """Insert all stored scripts, which are distinct, into empty slots; in regions, as ids are.

    Parameters
    ----------
    slots : ndarray of uint64
        From `empty_slots`; filled.
    sums : ndarray of uint64
        Sums of its chunks; brought up to date.
    seed : int
        ``script_key`` of the manifest.
    starts, blob : ndarray of int64, ndarray of uint8
        ``script.start`` and ``script.bytes``.
    """
    keys, ahead = np.empty(GROUP, np.uint64), np.empty(GROUP, np.int64)
    for first in range(0, slots.size, REGION_SLOTS):
        _insert_scripts(
            slots, sums, np.uint64(seed), starts, blob, keys, ahead, first, first + REGION_SLOTS
        )


@leaf
def _find_txids(slots: Slots, wanted: Bytes, ids: Bytes, nothing: Bytes, found: Offsets) -> None:
    """Look up many transaction ids."""
    for i in range(found.size):
        found[i] = find_txid(slots, wanted, 32 * i, ids, nothing)[0]


def find_txids(slots: Slots, wanted: Bytes, ids: Bytes) -> Offsets:
    """Look up many transaction ids.

    Parameters
    ----------
    slots : ndarray of uint64
        ``txid.slots``.
    wanted : ndarray of uint8, shape (n, 32)
        Ids, internal byte order.
    ids : ndarray of uint8, shape (n_tx, 32)
        ``tx.txid``.

    Returns
    -------
    ndarray of int64, shape (n,)
        The transaction of each, `NOT_FOUND` where there is none; of those that share an id, the
        last.
    """
    found = np.empty(wanted.shape[0], np.int64)
    nothing = np.empty(0, np.uint8)
    _find_txids(slots, wanted.reshape(-1), ids.reshape(-1), nothing, found)
    return found


@leaf
def _find_scripts(
    slots: Slots,
    seed: np.uint64,
    data: Bytes,
    data_starts: Offsets,
    starts: Offsets,
    blob: Bytes,
    nothing: Offsets,
    found: Offsets,
) -> None:
    """Look up many scripts."""
    for i in range(found.size):
        at = data_starts[i]
        length = data_starts[i + 1] - at
        key = script_key(data, at, length, seed)
        found[i] = find_script(slots, key, data, at, length, starts, blob, nothing, nothing)[0]


def find_scripts(
    slots: Slots, seed: int, data: Bytes, data_starts: Offsets, starts: Offsets, blob: Bytes
) -> Offsets:
    """Look up many scripts.

    Parameters
    ----------
    slots : ndarray of uint64
        ``scripthash.slots``.
    seed : int
        ``script_key`` of the manifest.
    data : ndarray of uint8
        The wanted scripts, end to end.
    data_starts : ndarray of int64, shape (n + 1,)
        Where each begins and the last ends.
    starts, blob : ndarray of int64, ndarray of uint8
        ``script.start`` and ``script.bytes``.

    Returns
    -------
    ndarray of int64, shape (n,)
        The script id of each, `NOT_FOUND` where there is none.
    """
    found = np.empty(data_starts.size - 1, np.int64)
    nothing = np.empty(0, np.int64)
    _find_scripts(slots, np.uint64(seed), data, data_starts, starts, blob, nothing, found)
    return found
