"""Blocks and transactions from bytes, as Bitcoin Core's ``serialize.h`` and ``transaction.h`` read them.

A *batch* is a run of blocks in one buffer. `parse_blocks` turns it into flat arrays that point back
into the buffer; `verify_blocks` computes transaction ids and holds each block against its
Merkle root and its witness commitment. Both are strict where Core is strict: a byte that
Core would refuse is refused here, so a damaged file cannot become another chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.sha256 import new_scratch, sha256d_into, sha256d_ranges3_into
from clewline.jit import kernel

HEADER_BYTES: Final = 80
MAX_BLOCK_BYTES: Final = 4_000_000
"""No block is larger: `MAX_BLOCK_SERIALIZED_SIZE` of Core's ``consensus/consensus.h``."""
MAX_MONEY: Final = 21_000_000 * 100_000_000
"""Core's ``consensus/amount.h``."""
COINBASE_PREVOUT_INDEX: Final = 0xFFFFFFFF


class Fault(IntEnum):
    """Why a block cannot be read; `FAULT_TEXT` says it in words."""

    NONE = 0
    TRUNCATED = 1
    COMPACT_SIZE = 2
    WITNESS_FLAG = 3
    SUPERFLUOUS_WITNESS = 4
    TRAILING = 5
    NO_TRANSACTION = 6
    NO_INPUT_OR_OUTPUT = 7
    COINBASE_POSITION = 8
    COINBASE_SCRIPT = 9
    VALUE = 10
    MERKLE_ROOT = 11
    MERKLE_MUTATED = 12
    WITNESS_COMMITMENT = 13
    WITNESS_RESERVED = 14
    UNEXPECTED_WITNESS = 15


FAULT_TEXT: Final = {
    Fault.TRUNCATED: "the data ends inside the block",
    Fault.COMPACT_SIZE: "a length is not in its shortest form or runs past the block",
    Fault.WITNESS_FLAG: "unknown transaction flags",
    Fault.SUPERFLUOUS_WITNESS: "a transaction announces witness data and has none",
    Fault.TRAILING: "bytes are left after the last transaction: the record length is wrong",
    Fault.NO_TRANSACTION: "a block without transactions",
    Fault.NO_INPUT_OR_OUTPUT: "a transaction without inputs or outputs",
    Fault.COINBASE_POSITION: "a coinbase is not first, or the first transaction is not a coinbase",
    Fault.COINBASE_SCRIPT: "the coinbase script is not 2 to 100 bytes long",
    Fault.VALUE: "an amount is negative or above 21 million BTC",
    Fault.MERKLE_ROOT: "the transactions do not match the Merkle root of the header",
    Fault.MERKLE_MUTATED: "the Merkle tree repeats transactions (CVE-2012-2459)",
    Fault.WITNESS_COMMITMENT: "the witness data does not match the block's witness commitment",
    Fault.WITNESS_RESERVED: "the coinbase witness is not one item of 32 bytes (BIP-141)",
    Fault.UNEXPECTED_WITNESS: "witness data in a block that commits to none (BIP-141)",
}


@dataclass(frozen=True)
class ParsedBlocks:
    """Flat arrays over a batch of blocks; positions are bytes in `data`.

    Attributes
    ----------
    data : ndarray of uint8
        The buffer with all blocks.
    block_start, block_end : ndarray of int64, shape (n_block,)
    block_tx : ndarray of int64, shape (n_block + 1,)
        First transaction of each block.
    tx_span : ndarray of int64, shape (n_tx, 4)
        Start, start of the inputs, end of the outputs, end. Between the last two lie witness data
        and the four bytes of the lock time.
    tx_input, tx_output : ndarray of int64, shape (n_tx + 1,)
        First input (coinbases have none) and first output.
    version : ndarray of int32, shape (n_tx,)
    locktime : ndarray of uint32, shape (n_tx,)
    prevout_at : ndarray of int64, shape (n_input,)
        Position of the 36 bytes of each input's outpoint.
    sequence : ndarray of uint32, shape (n_input,)
    value : ndarray of int64, shape (n_output,)
        Satoshi.
    script_at, script_length : ndarray of int64, shape (n_output,)
    txid : ndarray of uint8, shape (n_tx, 32)
        Filled by `verify_blocks`.
    """

    data: NDArray[np.uint8]
    block_start: NDArray[np.int64]
    block_end: NDArray[np.int64]
    block_tx: NDArray[np.int64]
    tx_span: NDArray[np.int64]
    tx_input: NDArray[np.int64]
    tx_output: NDArray[np.int64]
    version: NDArray[np.int32]
    locktime: NDArray[np.uint32]
    prevout_at: NDArray[np.int64]
    sequence: NDArray[np.uint32]
    value: NDArray[np.int64]
    script_at: NDArray[np.int64]
    script_length: NDArray[np.int64]
    txid: NDArray[np.uint8]


@dataclass(frozen=True)
class BlockFault:
    """The first thing wrong in a batch: which block, why, and where in the buffer."""

    block: int
    fault: Fault
    position: int


@kernel
def _u32(data, at):  # type: ignore[no-untyped-def]
    """Little-endian 32 bits as int64."""
    return (
        np.int64(data[at])
        | np.int64(data[at + 1]) << 8
        | np.int64(data[at + 2]) << 16
        | np.int64(data[at + 3]) << 24
    )


@kernel
def _compact_size(data, at, end):  # type: ignore[no-untyped-def]
    """Read a CompactSize: (value, next position); value -1 truncated, -2 not in shortest form."""
    if at >= end:
        return np.int64(-1), at
    first = np.int64(data[at])
    if first < 253:
        return first, at + 1
    if first == 253:
        if at + 3 > end:
            return np.int64(-1), at
        value = np.int64(data[at + 1]) | np.int64(data[at + 2]) << 8
        return (value, at + 3) if value >= 253 else (np.int64(-2), at)
    if first == 254:
        if at + 5 > end:
            return np.int64(-1), at
        value = _u32(data, at + 1)
        return (value, at + 5) if value >= 0x10000 else (np.int64(-2), at)
    # A length of 2^32 and more fits no block.
    return np.int64(-2), at


@kernel
def _skip_inputs(data, at, end, count):  # type: ignore[no-untyped-def]
    """Position after `count` inputs, or (fault, position)."""
    for _ in range(count):
        length, at = _compact_size(data, at + 36, end)
        if length < 0 or at + length + 4 > end:
            return np.int64(1 if length == -1 else 2), at
        at += length + 4
    return np.int64(0), at


@kernel
def _skip_outputs(data, at, end, count):  # type: ignore[no-untyped-def]
    """Position after `count` outputs, or (fault, position)."""
    for _ in range(count):
        length, at = _compact_size(data, at + 8, end)
        if length < 0 or at + length > end:
            return np.int64(1 if length == -1 else 2), at
        at += length
    return np.int64(0), at


@kernel
def _skip_witness(data, at, end, inputs):  # type: ignore[no-untyped-def]
    """Position after the witness stacks: (fault, position, items in all)."""
    total = np.int64(0)
    for _ in range(inputs):
        items, at = _compact_size(data, at, end)
        if items < 0:
            return np.int64(1 if items == -1 else 2), at, total
        total += items
        for _item in range(items):
            length, at = _compact_size(data, at, end)
            if length < 0 or at + length > end:
                return np.int64(1 if length == -1 else 2), at, total
            at += length
    return np.int64(0), at, total


@kernel
def _transaction(data, at, end):  # type: ignore[no-untyped-def]
    """Walk one transaction: (fault, position, inputs, outputs, inputs at, outputs at, outputs end).

    Positions are where Core's ``UnserializeTransaction`` has its parts; on a fault, position is
    where the fault lies.
    """
    zero = np.int64(0)
    start = at
    inputs, after = _compact_size(data, at + 4, end)
    witness = False
    if inputs == 0:
        # BIP-144: marker 0 and flag 1 announce witness data.
        if after >= end:
            return np.int64(1), after, zero, zero, zero, zero, zero
        if data[after] != 1:
            return np.int64(3), after, zero, zero, zero, zero, zero
        witness = True
        start = after + 1 - 4
        inputs, after = _compact_size(data, after + 1, end)
    if inputs < 0:
        return np.int64(1 if inputs == -1 else 2), after, zero, zero, zero, zero, zero
    inputs_at = start + 4
    fault, after = _skip_inputs(data, after, end, inputs)
    if fault != 0:
        return fault, after, zero, zero, zero, zero, zero
    outputs_at = after
    outputs, after = _compact_size(data, after, end)
    if outputs < 0:
        return np.int64(1 if outputs == -1 else 2), after, zero, zero, zero, zero, zero
    if inputs == 0 or outputs == 0:
        return np.int64(7), at, zero, zero, zero, zero, zero
    fault, after = _skip_outputs(data, after, end, outputs)
    if fault != 0:
        return fault, after, zero, zero, zero, zero, zero
    outputs_end = after
    if witness:
        fault, after, items = _skip_witness(data, after, end, inputs)
        if fault != 0:
            return fault, after, zero, zero, zero, zero, zero
        if items == 0:
            return np.int64(4), outputs_end, zero, zero, zero, zero, zero
    if after + 4 > end:
        return np.int64(1), after, zero, zero, zero, zero, zero
    return zero, after + 4, inputs, outputs, inputs_at, outputs_at, outputs_end


@kernel
def _count(data, block_start, block_end, counts):  # type: ignore[no-untyped-def]
    """Count transactions, inputs and outputs of a batch; return (fault, block, position)."""
    n_tx = n_input = n_output = np.int64(0)
    for block in range(block_start.size):
        end = block_end[block]
        number, at = _compact_size(data, block_start[block] + HEADER_BYTES, end)
        if number < 0:
            return np.int64(1 if number == -1 else 2), block, at
        if number == 0:
            return np.int64(6), block, at
        for _ in range(number):
            fault, at, inputs, outputs, _a, _b, _c = _transaction(data, at, end)
            if fault != 0:
                return fault, block, at
            n_input += inputs
            n_output += outputs
        n_tx += number
        n_input -= 1  # the coinbase's
        if at != end:
            return np.int64(5), block, at
    counts[0] = n_tx
    counts[1] = n_input
    counts[2] = n_output
    return np.int64(0), 0, np.int64(0)


@kernel
def _fill(  # type: ignore[no-untyped-def]
    data,
    block_start,
    block_end,
    block_tx,
    tx_span,
    tx_input,
    tx_output,
    version,
    locktime,
    prevout_at,
    sequence,
    value,
    script_at,
    script_length,
):
    """Fill the arrays of `ParsedBlocks`; the structure was checked by `_count`."""
    tx = i_input = i_output = np.int64(0)
    for block in range(block_start.size):
        end = block_end[block]
        number, at = _compact_size(data, block_start[block] + HEADER_BYTES, end)
        block_tx[block] = tx
        for position in range(number):
            start = at
            _f, at, inputs, outputs, inputs_at, outputs_at, outputs_end = _transaction(
                data, at, end
            )
            tx_span[tx, 0] = start
            tx_span[tx, 1] = inputs_at
            tx_span[tx, 2] = outputs_end
            tx_span[tx, 3] = at
            tx_input[tx] = i_input
            tx_output[tx] = i_output
            version[tx] = np.int32(_u32(data, start))
            locktime[tx] = np.uint32(_u32(data, at - 4))
            _n, cursor = _compact_size(data, inputs_at, end)
            for _ in range(inputs):
                null = _u32(data, cursor + 32) == COINBASE_PREVOUT_INDEX
                if null:
                    for byte in range(32):
                        if data[cursor + byte] != 0:
                            null = False
                            break
                if null != (position == 0):
                    return np.int64(8), block, cursor
                length, script = _compact_size(data, cursor + 36, end)
                if null:
                    if inputs != 1:
                        return np.int64(8), block, cursor
                    if length < 2 or length > 100:
                        return np.int64(9), block, cursor
                else:
                    prevout_at[i_input] = cursor
                    sequence[i_input] = np.uint32(_u32(data, script + length))
                    i_input += 1
                cursor = script + length + 4
            _n, cursor = _compact_size(data, outputs_at, end)
            total = np.int64(0)
            for _ in range(outputs):
                amount = _u32(data, cursor) | _u32(data, cursor + 4) << 32
                if amount < 0 or amount > MAX_MONEY:
                    return np.int64(10), block, cursor
                total += amount
                if total > MAX_MONEY:
                    return np.int64(10), block, cursor
                length, script = _compact_size(data, cursor + 8, end)
                value[i_output] = amount
                script_at[i_output] = script
                script_length[i_output] = length
                i_output += 1
                cursor = script + length
            tx += 1
    block_tx[block_start.size] = tx
    tx_input[tx] = i_input
    tx_output[tx] = i_output
    return np.int64(0), 0, np.int64(0)


@kernel
def merkle_root_into(level, count, out, scratch):  # type: ignore[no-untyped-def]
    """Reduce `count` hashes in `level` (flat, destroyed) to their Merkle root in ``out[:32]``.

    Returns whether two equal neighbours were paired, which no honest block has
    (Core's ``ComputeMerkleRoot``, CVE-2012-2459).
    """
    mutated = False
    while count > 1:
        half = (count + 1) // 2
        for pair in range(half):
            left = 64 * pair
            if 2 * pair + 1 < count:
                same = True
                for byte in range(32):
                    if level[left + byte] != level[left + 32 + byte]:
                        same = False
                        break
                mutated = mutated or same
            else:
                level[left + 32 : left + 64] = level[left : left + 32]
            sha256d_into(level, left, 64, level, 32 * pair, scratch)
        count = half
    out[:32] = level[:32]
    return mutated


@kernel
def _verify(data, block_start, block_tx, tx_span, tx_output, script_at, script_length, txid):  # type: ignore[no-untyped-def]
    """Fill `txid` and check roots and commitments; return (fault, block, position)."""
    scratch = new_scratch()
    root = np.empty(64, np.uint8)
    flat = txid.reshape(-1)
    for block in range(block_start.size):
        first, last = block_tx[block], block_tx[block + 1]
        count = last - first
        witness = False
        for tx in range(first, last):
            start, inputs_at, outputs_end, end = (
                tx_span[tx, 0],
                tx_span[tx, 1],
                tx_span[tx, 2],
                tx_span[tx, 3],
            )
            if inputs_at == start + 4:
                sha256d_into(data, start, end - start, flat, 32 * tx, scratch)
            else:
                witness = True
                sha256d_ranges3_into(
                    data,
                    start,
                    4,
                    inputs_at,
                    outputs_end - inputs_at,
                    end - 4,
                    4,
                    flat,
                    32 * tx,
                    scratch,
                )
        # An odd count is padded by repeating the last hash, so one more place is needed.
        level = np.empty(32 * (count + 1), np.uint8)
        level[: 32 * count] = flat[32 * first : 32 * last]
        if merkle_root_into(level, count, root, scratch):
            return np.int64(12), block, block_start[block]
        for byte in range(32):
            if root[byte] != data[block_start[block] + 36 + byte]:
                return np.int64(11), block, block_start[block]
        if not witness:
            continue
        # BIP-141: the last coinbase output of this form is the commitment.
        commitment = np.int64(-1)
        for output in range(tx_output[first], tx_output[first + 1]):
            at = script_at[output]
            if (
                script_length[output] >= 38
                and data[at] == 0x6A
                and data[at + 1] == 0x24
                and data[at + 2] == 0xAA
                and data[at + 3] == 0x21
                and data[at + 4] == 0xA9
                and data[at + 5] == 0xED
            ):
                commitment = at + 6
        if commitment < 0:
            return np.int64(15), block, block_start[block]
        # The coinbase's witness: one stack of one item of 32 bytes, the reserved value.
        stack = tx_span[first, 2]
        if (
            tx_span[first, 1] == tx_span[first, 0] + 4
            or tx_span[first, 3] != stack + 38
            or data[stack] != 1
            or data[stack + 1] != 32
        ):
            return np.int64(14), block, stack
        level[:32] = 0
        for tx in range(first + 1, last):
            start, end = tx_span[tx, 0], tx_span[tx, 3]
            if tx_span[tx, 1] == start + 4:
                level[32 * (tx - first) : 32 * (tx - first + 1)] = flat[32 * tx : 32 * (tx + 1)]
            else:
                sha256d_into(data, start, end - start, level, 32 * (tx - first), scratch)
        merkle_root_into(level, count, root, scratch)
        root[32:64] = data[stack + 2 : stack + 34]
        sha256d_into(root, 0, 64, root, 0, scratch)
        for byte in range(32):
            if root[byte] != data[commitment + byte]:
                return np.int64(13), block, commitment
    return np.int64(0), 0, np.int64(0)


def parse_blocks(
    data: NDArray[np.uint8], block_start: NDArray[np.int64], block_end: NDArray[np.int64]
) -> ParsedBlocks | BlockFault:
    """Parse the blocks at ``data[block_start:block_end]`` into flat arrays.

    Parameters
    ----------
    data : ndarray of uint8
        Plain (not obfuscated) block bytes.
    block_start, block_end : ndarray of int64, shape (n_block,)
        Where each block begins (at its header) and ends.

    Returns
    -------
    ParsedBlocks or BlockFault
        The arrays, with `txid` still empty; or the first fault.

    Notes
    -----
    Strict as Core is: CompactSize in shortest form, flag byte 1 only, no superfluous witness, a
    coinbase first and nowhere else, amounts in range, no byte left over.

    Cost: one pass to count and one to fill, several GB/s.
    """
    counts = np.zeros(3, np.int64)
    fault, block, position = _count(data, block_start, block_end, counts)
    if fault:
        return BlockFault(int(block), Fault(fault), int(position))
    n_tx, n_input, n_output = (int(count) for count in counts)
    parsed = ParsedBlocks(
        data=data,
        block_start=block_start,
        block_end=block_end,
        block_tx=np.empty(block_start.size + 1, np.int64),
        tx_span=np.empty((n_tx, 4), np.int64),
        tx_input=np.empty(n_tx + 1, np.int64),
        tx_output=np.empty(n_tx + 1, np.int64),
        version=np.empty(n_tx, np.int32),
        locktime=np.empty(n_tx, np.uint32),
        prevout_at=np.empty(n_input, np.int64),
        sequence=np.empty(n_input, np.uint32),
        value=np.empty(n_output, np.int64),
        script_at=np.empty(n_output, np.int64),
        script_length=np.empty(n_output, np.int64),
        txid=np.empty((n_tx, 32), np.uint8),
    )
    fault, block, position = _fill(
        data,
        block_start,
        block_end,
        parsed.block_tx,
        parsed.tx_span,
        parsed.tx_input,
        parsed.tx_output,
        parsed.version,
        parsed.locktime,
        parsed.prevout_at,
        parsed.sequence,
        parsed.value,
        parsed.script_at,
        parsed.script_length,
    )
    if fault:
        return BlockFault(int(block), Fault(fault), int(position))
    return parsed


def verify_blocks(parsed: ParsedBlocks) -> BlockFault | None:
    """Compute `parsed.txid` and check Merkle roots (and, with witness data, commitments).

    A commitment is checked where a block carries witness data; a block of before BIP-141 may show
    a commitment-like output and has none. Returns the first fault, or None.

    Cost: each transaction's bytes through double SHA-256 once, twice with witness data.
    """
    fault, block, position = _verify(
        parsed.data,
        parsed.block_start,
        parsed.block_tx,
        parsed.tx_span,
        parsed.tx_output,
        parsed.script_at,
        parsed.script_length,
        parsed.txid,
    )
    return BlockFault(int(block), Fault(fault), int(position)) if fault else None
