"""Kernels that number the scripts of a whole chain: by partitions of scripts, then along the chain.

1. `match_scripts`: within a partition, which output is the first of its script, which the next one.
2. `place_outputs` and `number_scripts`: within a range of outputs, in chain order. A script's
   number is the number of first outputs before its own: `Firsts` counts them.
3. `place_scripts`: within a partition again, its part of ``scripthash.slots``.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.jit import inlined, leaf
from clewline.store.bulk_rows import ROW_WORDS, copy_bytes
from clewline.store.hash_index import Bytes, Int, Offsets, Slots, home_slot, mark_of, slot_entry
from clewline.store.partitions import Words
from clewline.store.passes import MAX_RANGE_LOG2

OUTPUT_WORDS: Final = 2
_LOW: Final = 0xFFFFFFFF
_RANGE_MASK: Final = (1 << MAX_RANGE_LOG2) - 1
_NONE: Final = (1 << 40) - 1


class Firsts(NamedTuple):
    """The outputs that are the first of their script: a bit each, and how many lie before a word.

    Attributes
    ----------
    bits : ndarray of uint64
        64 outputs a word.
    before : ndarray of uint32
        First outputs before each word.
    """

    bits: Words
    before: NDArray[np.uint32]


@leaf
def match_scripts(
    table: Slots,
    rows: Words,
    chunk: Offsets,
    base_output: Offsets,
    output: Offsets,
    following: Offsets,
    last: Offsets,
    first: Offsets,
) -> Any:
    """Find for each output of a partition the first of its script, and the next.

    Parameters
    ----------
    table : ndarray of uint64
        Zeros; a power of two of them, with room for the rows.
    rows : ndarray of uint64
        Rows of outputs, in chain order.
    chunk : ndarray of int64, shape (n_batch + 1,)
        First row of each batch.
    base_output : ndarray of int64, shape (n_batch,)
        What the numbers of each batch count from.
    output, following, last, first : ndarray of int64, an entry a row
        Filled: the output in the chain; the row of the script's next output, -1 if there is none;
        the row of its last, at its first; the row of its first.

    Returns
    -------
    int
        How many scripts there are.
    """
    mask = np.int64(table.size - 1)
    scripts = np.int64(0)
    low = np.uint64(_LOW)
    for batch in range(base_output.size):
        for row in range(chunk[batch], chunk[batch + 1]):
            at = ROW_WORDS * row
            output[row] = base_output[batch] + np.int64(rows[at + 4] >> np.uint64(32))
            following[row] = -1
            key = rows[at + 5]
            mark = mark_of(key)
            # The highest bits are those of the partition; a multiplication mixes the others.
            slot = home_slot(key * np.uint64(0x9E3779B97F4A7C15), table.size)
            while True:
                entry = table[slot]
                if entry == np.uint64(0):
                    table[slot] = slot_entry(key, row)
                    first[row] = row
                    last[row] = row
                    scripts += 1
                    break
                if entry >> np.uint64(32) == mark:
                    found = np.int64(entry & low) - 1
                    other = ROW_WORDS * found
                    if (
                        rows[other] == rows[at]
                        and rows[other + 1] == rows[at + 1]
                        and rows[other + 2] == rows[at + 2]
                        and rows[other + 3] == rows[at + 3]
                        and rows[other + 4] & low == rows[at + 4] & low
                    ):
                        first[row] = found
                        following[last[found]] = row
                        last[found] = row
                        break
                slot = (slot + 1) & mask
    return scripts


@leaf
def group_matches(
    rows: Words,
    output: Offsets,
    following: Offsets,
    last: Offsets,
    first: Offsets,
    log2: int,
    starts: Offsets,
    matches: Words,
    keys: Words,
    first_output: Offsets,
) -> None:
    """Write down what `match_scripts` found, by ranges of outputs, and list the scripts.

    Parameters
    ----------
    rows : ndarray of uint64
        As there.
    output, following, last, first : ndarray of int64
        As it filled them.
    log2 : int
        A range is so many outputs, as a power of two; at most 24.
    starts : ndarray of int64, shape (ranges + 1,)
        Filled with the first row of each range; rows are in its order already.
    matches : ndarray of uint64
        Filled: low 24 bits place in the range, high 40 bits next output of the script; low bit
        whether this is its first, the others its last output if so, its first if not.
    keys, first_output : ndarray of uint64, ndarray of int64, an entry a script
        Filled: key of each script and its first output.
    """
    mask = (np.int64(1) << log2) - 1
    part = np.int64(0)
    scripts = np.int64(0)
    for row in range(output.size):
        number = output[row]
        while part <= number >> log2:
            starts[part] = row
            part += 1
        then = np.int64(_NONE) if following[row] < 0 else output[following[row]]
        new = first[row] == row
        other = output[last[row]] if new else output[first[row]]
        at = OUTPUT_WORDS * row
        matches[at] = np.uint64(number & mask) | np.uint64(then) << np.uint64(MAX_RANGE_LOG2)
        matches[at + 1] = np.uint64(other) << np.uint64(1) | np.uint64(new)
        if new:
            keys[scripts] = rows[ROW_WORDS * row + 5]
            first_output[scripts] = number
            scripts += 1
    while part < starts.size:
        starts[part] = output.size
        part += 1


@leaf
def place_outputs(matches: Words, following: Offsets, other: Words) -> None:
    """Put the outputs of a range in order: ``receiving.next``, and the second word of each row."""
    for row in range(matches.size // OUTPUT_WORDS):
        packed = matches[OUTPUT_WORDS * row]
        place = np.int64(packed & np.uint64(_RANGE_MASK))
        then = np.int64(packed >> np.uint64(MAX_RANGE_LOG2))
        following[place] = -1 if then == _NONE else then
        other[place] = matches[OUTPUT_WORDS * row + 1]


@inlined
def rank(firsts: Firsts, output: Int) -> Any:
    """Return how many first outputs lie before one."""
    word = output >> 6
    below = (np.uint64(1) << np.uint64(output & 63)) - np.uint64(1)
    bits = firsts.bits[word] & below
    # Bits of a word, by halves (Warren, "Hacker's Delight", 5-1).
    bits -= bits >> np.uint64(1) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + (
        bits >> np.uint64(2) & np.uint64(0x3333333333333333)
    )
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64(firsts.before[word]) + np.int64(
        bits * np.uint64(0x0101010101010101) >> np.uint64(56)
    )


@leaf
def number_scripts(
    base_output: int,
    other: Words,
    length: NDArray[np.uint32],
    data: Bytes,
    known: int,
    firsts: Firsts,
    script: NDArray[np.uint32],
    first: Offsets,
    last: Offsets,
    ends: Offsets,
    script_bytes: Bytes,
) -> tuple[Any, Any]:
    """Give the scripts of a range of outputs their numbers, and collect those that are new.

    Parameters
    ----------
    base_output : int
        First output of the range, a multiple of 64.
    other : ndarray of uint64
        From `place_outputs`.
    length, data : ndarray of uint32, ndarray of uint8
        Bytes of the script of each output, and all of them end to end.
    known : int
        Scripts before the range.
    firsts : Firsts
        Complete before the range; filled for it.
    script : ndarray of uint32
        Filled: ``output.script``.
    first, last, ends : ndarray of int64
        Filled, an entry a new script: its first and last output, and its end in `script_bytes`.
    script_bytes : ndarray of uint8
        Filled with the bytes of the new scripts.

    Returns
    -------
    scripts, bytes
        How many are new.
    """
    fresh = np.int64(0)
    position = np.int64(0)
    at = np.int64(0)
    for i in range(other.size):
        output = base_output + i
        if output & 63 == 0:
            firsts.before[output >> 6] = np.uint32(known + fresh)
        held = np.int64(length[i])
        number = np.int64(other[i] >> np.uint64(1))
        if other[i] & np.uint64(1):
            firsts.bits[output >> 6] |= np.uint64(1) << np.uint64(output & 63)
            script[i] = np.uint32(known + fresh)
            first[fresh] = output
            last[fresh] = number
            copy_bytes(data, at, held, script_bytes, position)
            position += held
            ends[fresh] = position
            fresh += 1
        else:
            script[i] = np.uint32(rank(firsts, number))
        at += held
    return fresh, position


@leaf
def rank_many(firsts: Firsts, outputs: Offsets, ranks: Offsets) -> None:
    """Fill `ranks` with how many first outputs lie before each of some outputs."""
    for i in range(outputs.size):
        ranks[i] = rank(firsts, outputs[i])


@leaf
def place_scripts(
    slots: Slots, first_slot: int, size: int, keys: Words, first_output: Offsets, firsts: Firsts
) -> None:
    """Fill the part of ``scripthash.slots`` that belongs to a partition.

    Parameters
    ----------
    slots : ndarray of uint64
        Zeros; filled: the slots of the partition, then one more than it has scripts, for those
        that run over its end.
    first_slot, size : int
        First slot of the partition; slots of the whole table.
    keys, first_output : ndarray of uint64, ndarray of int64
        From `group_matches`.
    firsts : Firsts
        Complete.
    """
    for i in range(keys.size):
        slot = home_slot(keys[i], size) - first_slot
        while slots[slot] != np.uint64(0):
            slot += 1
        slots[slot] = slot_entry(keys[i], rank(firsts, first_output[i]))
