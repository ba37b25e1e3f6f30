"""Linking: inputs to the outputs they spend, outputs to the scripts they pay.

The kernels see a batch of parsed blocks (*new*) and the columns written so far (*old*), and work
through the batch in chain order, so that an output can be spent in the block that made it and
never before.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.compact_size import read_u32
from clewline.errors import ChainError
from clewline.jit import inlined, leaf
from clewline.store.hash_index import (
    GROUP,
    Bytes,
    Offsets,
    Slots,
    fill_slot,
    find_script,
    find_txid,
    guess,
    script_key,
    txid_key,
)
from clewline.store.in_place import put

UNSPENT: Final = 0xFFFFFFFF


class LinkFault(IntEnum):
    """Why an input cannot be linked; `LINK_FAULT_TEXT` says it in words."""

    NONE = 0
    NO_TRANSACTION = 1
    NO_OUTPUT = 2
    SPENT = 3
    VALUE = 4
    RANGE = 5


LINK_FAULT_TEXT: Final = {
    LinkFault.NO_TRANSACTION: "spends an output of a transaction that is not on the chain "
    "before it",
    LinkFault.NO_OUTPUT: "spends an output that its transaction does not have",
    LinkFault.SPENT: "spends an output that is spent already",
    LinkFault.VALUE: "and the others hold less than the outputs pay",
    LinkFault.RANGE: "and those before it hold more than there can be",
}


Place = Callable[[int], str]
"""Tells where a block comes from, for errors."""


def link_error(number: int, txid: Bytes, fault: LinkFault, place: str) -> ChainError:
    """Return the error for an input that cannot be linked.

    Parameters
    ----------
    number : int
        Which input of its transaction.
    txid : ndarray of uint8
        The transaction's id, internal byte order.
    fault : LinkFault
        Why.
    place : str
        Where its block comes from.
    """
    shown = txid[::-1].tobytes().hex()
    return ChainError(
        f"input {number} of transaction {shown} {LINK_FAULT_TEXT[fault]}", where=place
    )


@inlined
def _look_ahead(
    slots: Slots,
    data: Bytes,
    prevout_at: Offsets,
    first: int,
    old_txid: Bytes,
    old_output_start: Offsets,
    old_value: NDArray[np.int64],
    spender: NDArray[np.uint32],
    ahead: Offsets,
) -> None:
    """Load what linking the next `GROUP` inputs will want (see `hash_index`), into `ahead`."""
    count = min(GROUP, prevout_at.size - first)
    stored = old_txid.size // 32
    for i in range(count):
        ahead[i] = guess(slots, txid_key(data, prevout_at[first + i]))
    for i in range(count):
        tx = min(max(ahead[i], 0), stored - 1)
        index = read_u32(data, prevout_at[first + i] + 32)
        ahead[i] = min(old_output_start[tx] + index, old_value.size - 1)
        ahead[GROUP + i] = old_txid[32 * tx]
    for i in range(count):
        ahead[i] = old_value[ahead[i]] + spender[ahead[i]]


@leaf
def link_inputs(
    slots: Slots,
    slot_sums: Slots,
    data: Bytes,
    prevout_at: Offsets,
    tx_input: Offsets,
    tx_output: Offsets,
    new_txid: Bytes,
    new_value: NDArray[np.int64],
    old_txid: Bytes,
    old_output_start: Offsets,
    old_value: NDArray[np.int64],
    max_money: int,
    into_pools: Offsets,
    spender: NDArray[np.uint32],
    spender_sums: Slots,
    prevout: Offsets,
    repeated: NDArray[np.uint32],
    ahead: Offsets,
) -> tuple[Any, Any, Any, Any]:
    """Fill `prevout` and `spender`, insert the ids of the batch into `slots`.

    Parameters
    ----------
    slots : ndarray of uint64
        Table of transaction ids, with room for the batch.
    slot_sums : ndarray of uint64
        Sums of its chunks; brought up to date.
    data : ndarray of uint8
        Bytes of the batch.
    prevout_at, tx_input, tx_output : ndarray of int64
        The batch, as `ParsedBlocks` has them.
    new_txid : ndarray of uint8
        Ids of the batch, end to end.
    new_value : ndarray of int64
        Satoshi of the outputs of the batch.
    old_txid : ndarray of uint8
        Ids of the store, end to end.
    old_output_start, old_value : ndarray of int64
        ``tx.output_start`` and ``output.value`` of the store.
    max_money : int
        No transaction spends more, base units.
    into_pools : ndarray of int64, shape (n_tx,), or (0,) where there are none
        What each transaction of the batch brings into shielded pools; negative what it takes out.
    spender : ndarray of uint32
        Spending transaction of each output, `UNSPENT` for those of the batch.
    spender_sums : ndarray of uint64
        Sums of its chunks; brought up to date.
    prevout : ndarray of int64, shape (n_input,)
        Filled with output ids.
    repeated : ndarray of uint32, shape (n_tx,)
        Filled with the earlier transactions whose ids the batch repeats (BIP-30).
    ahead : ndarray of int64, shape (2 * GROUP,)
        Work memory.

    Returns
    -------
    fault, tx, row, repeats
        A `LinkFault` with transaction and input of the batch; the number of repeats.
    """
    base_tx = np.int64(old_txid.size // 32)
    base_output = np.int64(old_value.size)
    repeats = np.int64(0)
    for tx in range(tx_input.size - 1):
        if tx % GROUP == 0:
            for i in range(min(GROUP, tx_input.size - 1 - tx)):
                ahead[i] = guess(slots, txid_key(new_txid, 32 * (tx + i)))
        paid_in = np.int64(0)
        for row in range(tx_input[tx], tx_input[tx + 1]):
            if row % GROUP == 0 and base_tx > 0:
                _look_ahead(
                    slots,
                    data,
                    prevout_at,
                    row,
                    old_txid,
                    old_output_start,
                    old_value,
                    spender,
                    ahead,
                )
            at = prevout_at[row]
            source, _slot = find_txid(slots, data, at, old_txid, new_txid)
            if source < 0:
                return LinkFault.NO_TRANSACTION.value, tx, row, repeats
            index = read_u32(data, at + 32)
            if source < base_tx:
                output = old_output_start[source] + index
                end = old_output_start[source + 1]
            else:
                output = base_output + tx_output[source - base_tx] + index
                end = base_output + tx_output[source - base_tx + 1]
            if output >= end:
                return LinkFault.NO_OUTPUT.value, tx, row, repeats
            if spender[output] != np.uint32(UNSPENT):
                return LinkFault.SPENT.value, tx, row, repeats
            put(spender, spender_sums, output, np.uint32(base_tx + tx))
            prevout[row] = output
            if output < base_output:
                paid_in += old_value[output]
            else:
                paid_in += new_value[output - base_output]
            # Core's ``Consensus::CheckTxInputs``; without it the sum could overflow.
            if paid_in > max_money:
                return LinkFault.RANGE.value, tx, row, repeats
        if tx_input[tx] < tx_input[tx + 1]:
            for output in range(tx_output[tx], tx_output[tx + 1]):
                paid_in -= new_value[output]
            if into_pools.size > 0:
                paid_in -= into_pools[tx]
            if paid_in < 0:
                return LinkFault.VALUE.value, tx, tx_input[tx], repeats
        earlier, slot = find_txid(slots, new_txid, 32 * tx, old_txid, new_txid)
        if earlier >= 0:
            repeated[repeats] = np.uint32(earlier)
            repeats += 1
        fill_slot(slots, slot_sums, slot, txid_key(new_txid, 32 * tx), base_tx + tx)
    return LinkFault.NONE.value, 0, 0, repeats


@leaf
def intern_scripts(
    slots: Slots,
    slot_sums: Slots,
    seed: np.uint64,
    data: Bytes,
    script_at: Offsets,
    script_length: Offsets,
    block_output: Offsets,
    old_start: Offsets,
    old_bytes: Bytes,
    script: NDArray[np.uint32],
    new_at: Offsets,
    new_length: Offsets,
    block_script: Offsets,
    keys: Slots,
    ahead: Offsets,
) -> Any:
    """Give each output its script id, and list the scripts that appear for the first time.

    Parameters
    ----------
    slots : ndarray of uint64
        Table of scripts, with room for as many as the batch has outputs.
    slot_sums : ndarray of uint64
        Sums of its chunks; brought up to date.
    seed : uint64
        Key of the script hash.
    data : ndarray of uint8
        Bytes of the batch.
    script_at, script_length : ndarray of int64
        The batch, as `ParsedBlocks` has them.
    block_output : ndarray of int64, shape (n_block + 1,)
        First output of each block.
    old_start, old_bytes : ndarray of int64, ndarray of uint8
        ``script.start`` and ``script.bytes`` of the store.
    script : ndarray of uint32, shape (n_output,)
        Filled with script ids.
    new_at, new_length : ndarray of int64, shape (n_output,)
        Filled with the places of new scripts in `data`.
    block_script : ndarray of int64, shape (n_block,)
        Filled with the number of scripts known after each block.
    keys, ahead : ndarray of uint64, ndarray of int64, shape (GROUP,)
        Work memory.

    Returns
    -------
    int
        How many scripts are new.
    """
    stored = np.int64(old_start.size - 1)
    fresh = np.int64(0)
    for block in range(block_output.size - 1):
        for output in range(block_output[block], block_output[block + 1]):
            if output % GROUP == 0:
                count = min(GROUP, script.size - output)
                for i in range(count):
                    at, length = script_at[output + i], script_length[output + i]
                    keys[i] = script_key(data, at, length, seed)
                    ahead[i] = guess(slots, keys[i])
                for i in range(count if stored else 0):
                    ahead[i] = old_start[min(max(ahead[i], 0), stored - 1)]
                for i in range(count if old_bytes.size else 0):
                    ahead[i] = old_bytes[min(ahead[i], old_bytes.size - 1)]
            key = keys[output % GROUP]
            at, length = script_at[output], script_length[output]
            found, slot = find_script(
                slots, key, data, at, length, old_start, old_bytes, new_at, new_length
            )
            if found < 0:
                found = stored + fresh
                new_at[fresh] = at
                new_length[fresh] = length
                fill_slot(slots, slot_sums, slot, key, found)
                fresh += 1
            script[output] = np.uint32(found)
        block_script[block] = stored + fresh
    return fresh


@leaf
def gather_bytes(data: Bytes, at: Offsets, length: Offsets, count: int, out: Bytes) -> None:
    """Copy slices of `data` end to end.

    Parameters
    ----------
    data : ndarray of uint8
        Holds the slices.
    at, length : ndarray of int64
        Where they lie.
    count : int
        How many to copy.
    out : ndarray of uint8
        Filled.
    """
    position = np.int64(0)
    for i in range(count):
        for byte in range(length[i]):
            out[position + byte] = data[at[i] + byte]
        position += length[i]


@leaf
def fill_spenders(tx_input: Offsets, prevout: Offsets, spender: NDArray[np.uint32]) -> None:
    """Rebuild ``spending.spender`` from ``tx.input_start`` and ``input.prevout``."""
    for tx in range(tx_input.size - 1):
        for row in range(tx_input[tx], tx_input[tx + 1]):
            spender[prevout[row]] = np.uint32(tx)


@leaf
def extend_receipts(
    script: NDArray[np.uint32],
    base_output: int,
    base_script: int,
    following: Offsets,
    following_sums: Slots,
    last: Offsets,
    last_sums: Slots,
    new_first: Offsets,
    new_following: Offsets,
    new_last: Offsets,
) -> None:
    """Link the outputs of a batch to those that their scripts received before.

    Parameters
    ----------
    script : ndarray of uint32, shape (n_output,)
        Script ids of the batch.
    base_output, base_script : int
        Outputs and scripts stored so far.
    following, last : ndarray of int64
        ``receiving.next`` and ``receiving.last`` of those; changed.
    following_sums, last_sums : ndarray of uint64
        Sums of their chunks; brought up to date.
    new_first, new_last : ndarray of int64, shape (n_new_script,)
        Filled with the rows of the batch; `new_last` holds -1 everywhere before.
    new_following : ndarray of int64, shape (n_output,)
        Filled with the rows of the batch.
    """
    for i in range(script.size):
        output = base_output + i
        new_following[i] = -1
        fresh = np.int64(script[i]) - base_script
        earlier = last[script[i]] if fresh < 0 else new_last[fresh]
        if earlier < 0:
            new_first[fresh] = output
        elif earlier < base_output:
            put(following, following_sums, earlier, output)
        else:
            new_following[earlier - base_output] = output
        if fresh < 0:
            put(last, last_sums, np.int64(script[i]), output)
        else:
            new_last[fresh] = output


@leaf
def receiving_index(
    script: NDArray[np.uint32], first: Offsets, following: Offsets, last: Offsets
) -> None:
    """Link the outputs of each script: fill the columns of ``receiving``.

    Parameters
    ----------
    script : ndarray of uint32, shape (n_output,)
        ``output.script``.
    first, last : ndarray of int64, shape (n_script,)
        Filled; `last` holds -1 everywhere before.
    following : ndarray of int64, shape (n_output,)
        Filled: ``receiving.next``.
    """
    for output in range(script.size):
        following[output] = -1
        earlier = last[script[output]]
        if earlier < 0:
            first[script[output]] = output
        else:
            following[earlier] = output
        last[script[output]] = output
