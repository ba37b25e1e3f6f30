"""Kernels that link the inputs of a whole chain, partition by partition, then range by range.

1. `resolve_inputs`: within a partition of ids, each input meets the transaction that it spends, in
   chain order, in a table that fits into the processor's cache. `group_spends` sorts what comes out
   by ranges of outputs.
2. `spend_outputs`: within a range of outputs, who spends each, and its value; by ranges of inputs.
3. `place_inputs` and `check_sums`: within a range of inputs, in chain order again.

A fault is a number that orders by place in the chain, so the first of all is the smallest:
`fault_of` takes it apart. These passes find the faults that `link.link_inputs` finds.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import inlined, leaf
from clewline.store.bulk_rows import ROW_WORDS, add_up
from clewline.store.hash_index import Offsets, Slots, home_slot, mark_of, slot_entry
from clewline.store.link import LinkFault
from clewline.store.partitions import Words
from clewline.store.passes import MAX_RANGE_LOG2

NO_FAULT: Final = (1 << 63) - 1
SPEND_WORDS: Final = 2
_LOW: Final = 0xFFFFFFFF
_NOWHERE: Final = 0xFFFFFFFFFFFFFFFF
_RANGE_MASK: Final = (1 << MAX_RANGE_LOG2) - 1
FAULTS_LOG2: Final = 3


@inlined
def _fault(row: int, kind: int) -> Any:
    """Return the number of a fault."""
    return np.int64(row) << FAULTS_LOG2 | kind


def fault_of(number: int) -> tuple[int, LinkFault]:
    """Return the input and the kind of a fault.

    Examples
    --------
    >>> fault_of(7 * 8 + 3)
    (7, <LinkFault.SPENT: 3>)
    """
    return number >> FAULTS_LOG2, LinkFault(number & ((1 << FAULTS_LOG2) - 1))


@inlined
def _find(slots: Slots, first_slot: int, size: int, rows: Words, wanted: Words, at: int) -> Any:
    """Look an id up: (the row of its transaction plus one, or 0; its slot)."""
    key = wanted[at]
    mark = mark_of(key)
    slot = home_slot(key, size) - first_slot
    while True:
        entry = slots[slot]
        if entry == np.uint64(0):
            return np.int64(0), slot
        if entry >> np.uint64(32) == mark:
            number = np.int64(entry & np.uint64(_LOW))
            row = ROW_WORDS * (number - 1)
            if (
                rows[row] == key
                and rows[row + 1] == wanted[at + 1]
                and rows[row + 2] == wanted[at + 2]
                and rows[row + 3] == wanted[at + 3]
            ):
                return number, slot
        slot += 1


@leaf
def resolve_inputs(
    slots: Slots,
    first_slot: int,
    size: int,
    tx_rows: Words,
    tx_chunk: Offsets,
    input_rows: Words,
    input_chunk: Offsets,
    base_tx: Offsets,
    base_input: Offsets,
    base_output: Offsets,
    repeated: NDArray[np.uint32],
) -> tuple[Any, Any]:
    """Find the output that each input of a partition spends, and fill its part of ``txid.slots``.

    Parameters
    ----------
    slots : ndarray of uint64
        Zeros; filled: the slots of the partition, then one more than it has transactions, for
        those that run over its end.
    first_slot, size : int
        First slot of the partition; slots of the whole table.
    tx_rows, input_rows : ndarray of uint64
        Rows of `bulk_rows`, in chain order. Changed: an input becomes output (all ones if it has
        none), spending transaction, number, in the chain.
    tx_chunk, input_chunk : ndarray of int64, shape (n_batch + 1,)
        First row of each batch.
    base_tx, base_input, base_output : ndarray of int64, shape (n_batch,)
        What the numbers of each batch count from.
    repeated : ndarray of uint32, shape (n_tx,)
        Filled with transactions whose id a later one repeats (BIP-30).

    Returns
    -------
    repeats, fault
        How many repeats; the first fault.
    """
    repeats = np.int64(0)
    fault = np.int64(NO_FAULT)
    for batch in range(base_tx.size):
        waiting = tx_chunk[batch]
        for row in range(input_chunk[batch], input_chunk[batch + 1] + 1):
            # After the inputs of the batch, the transactions that are left.
            last = row == input_chunk[batch + 1]
            at = ROW_WORDS * row
            spending = np.int64(_LOW) if last else np.int64(input_rows[at + 4] >> np.uint64(32))
            while waiting < tx_chunk[batch + 1]:
                to = ROW_WORDS * waiting
                made = np.int64(tx_rows[to + 4] & np.uint64(_LOW))
                if made >= spending:
                    break
                tx = base_tx[batch] + made
                outputs = tx_rows[to + 4] >> np.uint64(32)
                tx_rows[to + 4] = outputs << np.uint64(32) | np.uint64(tx)
                tx_rows[to + 5] += np.uint64(base_output[batch])
                earlier, slot = _find(slots, first_slot, size, tx_rows, tx_rows, to)
                if earlier > 0:
                    before = tx_rows[ROW_WORDS * (earlier - 1) + 4]
                    repeated[repeats] = np.uint32(before & np.uint64(_LOW))
                    repeats += 1
                slots[slot] = slot_entry(tx_rows[to], waiting)
                waiting += 1
            if last:
                break
            source, _slot = _find(slots, first_slot, size, tx_rows, input_rows, at)
            number = base_input[batch] + np.int64(input_rows[at + 5])
            index = np.int64(input_rows[at + 4] & np.uint64(_LOW))
            input_rows[at] = np.uint64(_NOWHERE)
            if source == 0:
                fault = min(fault, _fault(number, LinkFault.NO_TRANSACTION.value))
                continue
            found = ROW_WORDS * (source - 1)
            if index >= np.int64(tx_rows[found + 4] >> np.uint64(32)):
                fault = min(fault, _fault(number, LinkFault.NO_OUTPUT.value))
                continue
            input_rows[at] = tx_rows[found + 5] + np.uint64(index)
            input_rows[at + 1] = np.uint64(base_tx[batch] + spending)
            input_rows[at + 2] = np.uint64(number)
    # From rows of the partition to transactions of the chain; what runs over the end has no gap.
    region = slots.size - 1 - tx_rows.size // ROW_WORDS
    for slot in range(slots.size):
        entry = slots[slot]
        if entry == np.uint64(0):
            if slot >= region:
                break
        else:
            held = ROW_WORDS * (np.int64(entry & np.uint64(_LOW)) - 1)
            tx_number = np.int64(tx_rows[held + 4] & np.uint64(_LOW))
            slots[slot] = slot_entry(tx_rows[held], tx_number)
    return repeats, fault


@leaf
def group_spends(input_rows: Words, log2: int, starts: Offsets, rows: Words) -> None:
    """Sort resolved inputs by ranges of outputs.

    Parameters
    ----------
    input_rows : ndarray of uint64
        As `resolve_inputs` left them.
    log2 : int
        A range is so many outputs, as a power of two.
    starts : ndarray of int64, shape (ranges + 1,)
        Zeros; filled with the first row of each range.
    rows : ndarray of uint64
        Filled: low half place in the range, high half spending transaction; number of the input.
    """
    count = input_rows.size // ROW_WORDS
    for row in range(count):
        output = input_rows[ROW_WORDS * row]
        if output != np.uint64(_NOWHERE):
            starts[np.int64(output >> np.uint64(log2)) + 1] += 1
    add_up(starts)
    mask = (np.uint64(1) << np.uint64(log2)) - np.uint64(1)
    for row in range(count):
        at = ROW_WORDS * row
        output = input_rows[at]
        if output != np.uint64(_NOWHERE):
            part = np.int64(output >> np.uint64(log2))
            to = SPEND_WORDS * starts[part + 1]
            starts[part + 1] += 1
            rows[to] = output & mask | input_rows[at + 1] << np.uint64(32)
            rows[to + 1] = input_rows[at + 2]


@leaf
def spend_outputs(
    spends: Words,
    first_output: int,
    value: NDArray[np.int64],
    spender: NDArray[np.uint32],
    spent_by: Offsets,
    log2: int,
    starts: Offsets,
    rows: Words,
) -> Any:
    """Fill ``spending.spender`` of a range of outputs, and sort its inputs by ranges of inputs.

    Parameters
    ----------
    spends : ndarray of uint64
        Rows of `group_spends`, in any order.
    first_output : int
        First output of the range.
    value : ndarray of int64
        Satoshi of its outputs.
    spender : ndarray of uint32
        `UNSPENT` everywhere; filled.
    spent_by : ndarray of int64
        Work memory, an entry an output: `NO_FAULT` everywhere.
    log2 : int
        A range of inputs is so many, as a power of two; at most `MAX_RANGE_LOG2`.
    starts : ndarray of int64, shape (ranges + 1,)
        Zeros; filled with the first row of each range of inputs.
    rows : ndarray of uint64
        Filled: low 24 bits place in the range, high 40 bits output; value.

    Returns
    -------
    int
        The first fault: an output that two inputs spend.
    """
    fault = np.int64(NO_FAULT)
    count = spends.size // SPEND_WORDS
    for row in range(count):
        place = np.int64(spends[SPEND_WORDS * row] & np.uint64(_LOW))
        number = np.int64(spends[SPEND_WORDS * row + 1])
        starts[(number >> log2) + 1] += 1
        other = spent_by[place]
        if other != NO_FAULT:
            # The later of the first two is the one that a walk along the chain meets.
            fault = min(fault, _fault(max(number, other), LinkFault.SPENT.value))
        if number < other:
            spent_by[place] = number
            spender[place] = np.uint32(spends[SPEND_WORDS * row] >> np.uint64(32))
    add_up(starts)
    mask = (np.int64(1) << log2) - 1
    for row in range(count):
        place = np.int64(spends[SPEND_WORDS * row] & np.uint64(_LOW))
        number = np.int64(spends[SPEND_WORDS * row + 1])
        to = SPEND_WORDS * starts[(number >> log2) + 1]
        starts[(number >> log2) + 1] += 1
        rows[to] = np.uint64(number & mask) | np.uint64(first_output + place) << np.uint64(
            MAX_RANGE_LOG2
        )
        rows[to + 1] = np.uint64(value[place])
    return fault


@leaf
def place_inputs(rows: Words, prevout: Offsets, paid: Offsets) -> None:
    """Put the inputs of a range in order.

    Parameters
    ----------
    rows : ndarray of uint64
        Rows of `spend_outputs`.
    prevout, paid : ndarray of int64
        Filled, where there is a row, with the output of each input and its value.
    """
    for row in range(rows.size // SPEND_WORDS):
        packed = rows[SPEND_WORDS * row]
        place = np.int64(packed & np.uint64(_RANGE_MASK))
        prevout[place] = np.int64(packed >> np.uint64(MAX_RANGE_LOG2))
        paid[place] = np.int64(rows[SPEND_WORDS * row + 1])


@leaf
def check_sums(
    paid: Offsets,
    first_input: int,
    limit: int,
    tx_input: Offsets,
    tx_output: Offsets,
    value: NDArray[np.int64],
    max_money: int,
    shielded_tx: NDArray[np.uint32],
    into_pools: Offsets,
    carried: Offsets,
) -> Any:
    """Hold what the inputs of a range bring against what their transactions pay.

    Parameters
    ----------
    paid : ndarray of int64
        Value of each input of the range.
    first_input : int
        First of them.
    limit : int
        First input that has a fault already; what lies behind is not looked at.
    tx_input, tx_output, value : ndarray of int64
        Columns of the chain.
    max_money : int
        No transaction spends more, base units.
    shielded_tx : ndarray of uint32, shape (n_shielded,)
        Transactions with shielded parts, ascending.
    into_pools : ndarray of int64, shape (n_shielded,)
        What each brings into shielded pools; negative what it takes out.
    carried : ndarray of int64, shape (3,)
        Transaction that the range begins in, what its inputs brought before, and the first of
        `shielded_tx` that may be it; zeros for the first range, and as left for each next one.

    Returns
    -------
    int
        The first fault.
    """
    tx, total, shielded = carried[0], carried[1], carried[2]
    end = min(first_input + paid.size, limit)
    row = first_input
    while tx < tx_input.size - 1:
        stop = min(tx_input[tx + 1], end)
        while row < stop:
            total += paid[row - first_input]
            # Core's ``Consensus::CheckTxInputs``; without it the sum could overflow.
            if total > max_money:
                return _fault(row, LinkFault.RANGE.value)
            row += 1
        if row < tx_input[tx + 1]:
            break
        if tx_input[tx] < tx_input[tx + 1]:
            for output in range(tx_output[tx], tx_output[tx + 1]):
                total -= value[output]
            while shielded < shielded_tx.size and shielded_tx[shielded] < tx:
                shielded += 1
            if shielded < shielded_tx.size and shielded_tx[shielded] == tx:
                total -= into_pools[shielded]
            if total < 0:
                # Known after the last input only.
                return _fault(row - 1, LinkFault.VALUE.value)
        total = 0
        tx += 1
    carried[0], carried[1], carried[2] = tx, total, shielded
    return np.int64(NO_FAULT)
