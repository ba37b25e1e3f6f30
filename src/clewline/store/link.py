"""Linking: inputs to the outputs they spend, outputs to the scripts they pay.

The kernels see a batch of parsed blocks (*new*) and the columns written so far (*old*), and work through the
batch in chain order, so that an output can be spent in the block that made it and never before.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from clewline.jit import kernel
from clewline.store.hash_index import find_script, find_txid, insert_txid, txid_key

UNSPENT: Final = 0xFFFFFFFF


class LinkFault(IntEnum):
    """Why an input cannot be linked; `LINK_FAULT_TEXT` says it in words."""

    NONE = 0
    NO_TRANSACTION = 1
    NO_OUTPUT = 2
    SPENT = 3
    VALUE = 4


LINK_FAULT_TEXT: Final = {
    LinkFault.NO_TRANSACTION: "spends an output of a transaction that is not on the chain before it",
    LinkFault.NO_OUTPUT: "spends an output that its transaction does not have",
    LinkFault.SPENT: "spends an output that is spent already",
    LinkFault.VALUE: "pays out more than its inputs hold",
}


@kernel
def link_inputs(  # type: ignore[no-untyped-def]
    slots,
    data,
    prevout_at,
    tx_input,
    tx_output,
    new_txid,
    new_value,
    old_txid,
    old_output_start,
    old_value,
    spender,
    prevout,
    repeated,
):
    """Fill `prevout` and `spender`, insert the ids into `slots`.

    Returns (fault, transaction, input, repeats): on a fault, the transaction and input of the batch; else how many
    earlier transactions were overwritten by the same id, listed in `repeated`.
    """
    base_tx = np.int64(old_txid.size // 32)
    base_output = np.int64(old_value.size)
    repeats = 0
    for tx in range(tx_input.size - 1):
        paid_in = np.int64(0)
        for row in range(tx_input[tx], tx_input[tx + 1]):
            at = prevout_at[row]
            source, _slot = find_txid(slots, data, at, old_txid, new_txid)
            if source < 0:
                return 1, tx, row, repeats
            index = (
                np.int64(data[at + 32])
                | np.int64(data[at + 33]) << 8
                | np.int64(data[at + 34]) << 16
                | np.int64(data[at + 35]) << 24
            )
            if source < base_tx:
                output = old_output_start[source] + index
                end = old_output_start[source + 1]
            else:
                output = base_output + tx_output[source - base_tx] + index
                end = base_output + tx_output[source - base_tx + 1]
            if output >= end:
                return 2, tx, row, repeats
            if spender[output] != np.uint32(UNSPENT):
                return 3, tx, row, repeats
            spender[output] = np.uint32(base_tx + tx)
            prevout[row] = output
            if output < base_output:
                paid_in += old_value[output]
            else:
                paid_in += new_value[output - base_output]
        if tx_input[tx] < tx_input[tx + 1]:
            for output in range(tx_output[tx], tx_output[tx + 1]):
                paid_in -= new_value[output]
            if paid_in < 0:
                return 4, tx, tx_input[tx], repeats
        earlier, slot = find_txid(slots, new_txid, 32 * tx, old_txid, new_txid)
        if earlier >= 0:
            repeated[repeats] = np.uint32(earlier)
            repeats += 1
        insert_txid(slots, slot, txid_key(new_txid, 32 * tx), base_tx + tx)
    return 0, 0, np.int64(0), repeats


@kernel
def intern_scripts(  # type: ignore[no-untyped-def]
    slots,
    seed,
    data,
    script_at,
    script_length,
    block_output,
    old_start,
    old_bytes,
    script,
    new_at,
    new_length,
    block_script,
):
    """Give each output its script id; list the scripts that appear for the first time.

    `block_output` holds the first output of each block (n + 1); `block_script` receives the number of
    scripts known after each block. Returns how many are new; `new_at` and `new_length` place them.
    """
    stored = np.int64(old_start.size - 1)
    fresh = np.int64(0)
    for block in range(block_output.size - 1):
        for output in range(block_output[block], block_output[block + 1]):
            at = script_at[output]
            length = script_length[output]
            found, slot, key = find_script(
                slots, seed, data, at, length, old_start, old_bytes, new_at, new_length, data
            )
            if found < 0:
                found = stored + fresh
                new_at[fresh] = at
                new_length[fresh] = length
                slots[slot] = (key >> np.uint64(32)) << np.uint64(32) | np.uint64(found + 1)
                fresh += 1
            script[output] = np.uint32(found)
        block_script[block] = stored + fresh
    return fresh


@kernel
def gather_bytes(data, at, length, count, out):  # type: ignore[no-untyped-def]
    """Copy `count` slices of `data` end to end."""
    position = np.int64(0)
    for i in range(count):
        for byte in range(length[i]):
            out[position + byte] = data[at[i] + byte]
        position += length[i]


@kernel
def fill_spenders(tx_input, prevout, spender):  # type: ignore[no-untyped-def]
    """Rebuild `spending.spender` from the columns."""
    for tx in range(tx_input.size - 1):
        for row in range(tx_input[tx], tx_input[tx + 1]):
            spender[prevout[row]] = np.uint32(tx)


@kernel
def receiving_index(script, start, output):  # type: ignore[no-untyped-def]
    """Order outputs by script (counting sort): fill `start` (n_script + 1, zeros) and `output`."""
    for i in range(script.size):
        start[script[i] + 1] += 1
    for i in range(1, start.size):
        start[i] += start[i - 1]
    # Filling moves each start to the next script's; moving them back restores the index.
    for i in range(script.size):
        output[start[script[i]]] = i
        start[script[i]] += 1
    for i in range(start.size - 1, 0, -1):
        start[i] = start[i - 1]
    start[0] = 0
