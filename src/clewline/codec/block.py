"""Blocks and transactions from bytes, as Bitcoin Core's ``transaction.h`` reads them.

Other chains differ in what may stand in a block; `Form` (`clewline.codec.networks`) says what.

A *batch* is a run of blocks in one buffer. `parse_blocks` turns it into flat arrays that point back
into the buffer; `verify_blocks` computes transaction ids and holds each block against its
Merkle root and its witness commitment. Both are strict where Core is strict: a byte that
Core would refuse is refused here, so a damaged file cannot become another chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.codec.auxpow import AUXPOW_BIT, PARTS, auxpow_parts
from clewline.codec.compact_size import CUT, compact_size, read_u32
from clewline.codec.header import HEADER_BYTES, after_solution
from clewline.codec.networks import BITCOIN, Form
from clewline.codec.sha256 import (
    DIGEST_SIZE,
    Scratch,
    new_scratch,
    sha256d_into,
    sha256d_ranges3_into,
)
from clewline.codec.shielded import (
    AMOUNT,
    UNKNOWN_VERSION,
    V5,
    after_outputs,
    fill_version_5_ids,
    locktime_at,
    version_of,
)
from clewline.codec.special import (
    COINBASE,
    MAX_PAYLOAD_BYTES,
    MIN_SPECIAL_BYTES,
    may_lack_inputs,
    may_lack_outputs,
    special_type,
)
from clewline.jit import inlined, leaf

_NULL_INDEX: Final = 0xFFFFFFFF
# What a transaction, an input and an output take at least.
_MIN_TX_BYTES: Final = 60
_MIN_INPUT_BYTES: Final = 41
_MIN_OUTPUT_BYTES: Final = 9
_WITNESS_FLAG: Final = 1  # BIP-144
_MWEB_FLAG: Final = 8  # Litecoin's primitives/transaction.h
# CHIP-2022-02, "Token prefix".
_TOKEN_PREFIX: Final = 0xEF
_HAS_COMMITMENT: Final = 0x40
_HAS_NFT: Final = 0x20
_HAS_AMOUNT: Final = 0x10
_NOTHING_SHIELDED: Final = np.empty((0, 4), np.int64)


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
    EXTENSION = 16
    WORK = 17
    MERGED_MINING = 18
    PAYLOAD = 19
    SOLUTION = 20
    VERSION = 21
    FROM_POOLS = 22


FAULT_TEXT: Final = {
    Fault.TRUNCATED: "the data ends inside the block",
    Fault.COMPACT_SIZE: "a length is not in its shortest form, or larger than any block",
    Fault.WITNESS_FLAG: "unknown transaction flags",
    Fault.SUPERFLUOUS_WITNESS: "a transaction announces witness data and has none",
    Fault.TRAILING: "bytes are left after the last transaction: the record length is wrong",
    Fault.NO_TRANSACTION: "a block without transactions",
    Fault.NO_INPUT_OR_OUTPUT: "a transaction without inputs or outputs",
    Fault.COINBASE_POSITION: "a coinbase is not first, or the first transaction is not a coinbase",
    Fault.COINBASE_SCRIPT: "the coinbase script is not 2 to 100 bytes long",
    Fault.VALUE: "an amount is negative or above what the chain allows",
    Fault.MERKLE_ROOT: "the transactions do not match the Merkle root of the header",
    Fault.MERKLE_MUTATED: "the Merkle tree repeats transactions (CVE-2012-2459)",
    Fault.WITNESS_COMMITMENT: "the witness data does not match the block's witness commitment",
    Fault.WITNESS_RESERVED: "the coinbase witness is not one item of 32 bytes (BIP-141)",
    Fault.UNEXPECTED_WITNESS: "witness data in a block that commits to none (BIP-141)",
    Fault.EXTENSION: "a transaction of the extension block outside of it (LIP-2)",
    Fault.WORK: "the header does not meet its proof-of-work target",
    Fault.MERGED_MINING: "the merged-mining proof (AuxPoW) is wrong",
    Fault.PAYLOAD: "the payload of a special transaction is longer than 10,000 bytes (DIP-2)",
    Fault.SOLUTION: "the Equihash solution is not 1,344 bytes long (regtest: 36)",
    Fault.VERSION: "a transaction of an unknown version: 1 to 5 are read, each with its group",
    Fault.FROM_POOLS: "a transaction pays out more than it takes from inputs and shielded pools",
}


class ParsedBlocks(NamedTuple):
    """Flat arrays over a batch of blocks; positions are bytes in `data`.

    Attributes
    ----------
    data : ndarray of uint8
        The buffer with all blocks.
    block_start, block_end : ndarray of int64, shape (n_block,)
    block_tx : ndarray of int64, shape (n_block + 1,)
        First transaction of each block.
    tx_span : ndarray of int64, shape (n_tx, 4)
        Start, start of the inputs (their number), end of the outputs, end. Between the last two
        lie witness data and the four bytes of the lock time. Of a special transaction (DIP-2) the
        last four bytes are of its payload, and all before them counts as inputs and outputs. Of
        Zcash, which has no witness data: start, four bytes after it, four bytes before the end,
        end.
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
    shielded : ndarray of int64, shape (n_tx, 4), or (0, 4) where the chain has no shielded pools
        Number of shielded parts of each transaction, and what it brings into each of
        `clewline.codec.shielded.POOLS`; negative what it takes out.
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
    shielded: NDArray[np.int64] = _NOTHING_SHIELDED


@dataclass(frozen=True)
class BlockFault:
    """The first thing wrong in a batch: which block, why, where in the buffer, and details."""

    block: int
    fault: Fault
    position: int
    detail: str = ""


@inlined
def _size_fault(size: int) -> Any:
    """Return the fault of a CompactSize that could not be read."""
    return Fault.TRUNCATED.value if size == CUT else Fault.COMPACT_SIZE.value


@inlined
def _shielded_fault(code: Any) -> Any:
    """Return the fault of what `clewline.codec.shielded` could not read."""
    if code == AMOUNT:
        return Fault.VALUE.value
    return Fault.VERSION.value if code == UNKNOWN_VERSION else _size_fault(code)


@inlined
def _skip_witness(data: NDArray[np.uint8], at: int, end: int, inputs: int) -> tuple[Any, Any]:
    """Walk the witness stacks of a transaction: (fault, position after them or of the fault)."""
    begin = at
    held = np.int64(0)
    for _ in range(inputs):
        items, at = compact_size(data, at, end)
        if items < 0:
            return _size_fault(items), at
        held += items
        for _item in range(items):
            length, at = compact_size(data, at, end)
            if length < 0:
                return _size_fault(length), at
            if length > end - at:
                return Fault.TRUNCATED.value, at
            at += length
    if held == 0:
        return Fault.SUPERFLUOUS_WITNESS.value, begin
    return Fault.NONE.value, at


@inlined
def _is_null(data: NDArray[np.uint8], at: int) -> bool:
    """Tell whether an outpoint is that of a coinbase (``COutPoint::IsNull``)."""
    if read_u32(data, at + 32) != _NULL_INDEX:
        return False
    held = np.uint8(0)
    for byte in range(32):
        held |= data[at + byte]
    return bool(held == 0)


@inlined
def _after_tokens(data: NDArray[np.uint8], at: int, length: int) -> tuple[Any, Any]:
    """Return place and length of a script behind its token prefix; as they are if it has none."""
    end = at + length
    # Category, then what the token is and has.
    if length < 34 or data[at] != _TOKEN_PREFIX:
        return at, length
    bits = np.int64(data[at + 33])
    nft = bits & _HAS_NFT > 0
    reserved = bits & 0x80 > 0 or bits & 0xF > (2 if nft else 0)
    if reserved or not (nft or bits & _HAS_AMOUNT) or (bits & _HAS_COMMITMENT and not nft):
        return at, length
    position = at + 34
    if bits & _HAS_COMMITMENT:
        size, position = compact_size(data, position, end)
        if size <= 0 or size > end - position:
            return at, length
        position += size
    if bits & _HAS_AMOUNT:
        if position < end and data[position] == 0xFF:
            position += 9
        else:
            size, position = compact_size(data, position, end)
            if size <= 0:
                return at, length
        if position > end:
            return at, length
    return position, end - position


@leaf
def _parse(
    blocks: ParsedBlocks,
    form: Form,
    parts: NDArray[np.int64],
    bare: bool,  # noqa: FBT001
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Fill the arrays: (fault, block, position, transactions, inputs, outputs).

    Follows Core's ``UnserializeTransaction``, then ``CheckTransaction`` as far as it needs nothing
    but the transaction, then the place of the coinbase of ``CheckBlock``. Where they are `bare`,
    each "block" is a transaction without a header, and has no place.
    """
    data = blocks.data
    tx = np.int64(0)
    i_input = np.int64(0)
    i_output = np.int64(0)
    for block in range(blocks.block_start.size):
        end = blocks.block_end[block]
        blocks.block_tx[block] = tx
        begin = blocks.block_start[block]
        at = begin
        extended = False
        number: Any = np.int64(1)
        if not bare:
            at = begin + HEADER_BYTES
            if form.auxpow and read_u32(data, begin) & AUXPOW_BIT:
                fault, at = auxpow_parts(data, at, end, parts)
                if fault < 0:
                    return _size_fault(fault), block, at, tx, i_input, i_output
            if form.shielded:
                size, at = after_solution(data, begin, end)
                if size <= 0:
                    fault = Fault.SOLUTION.value if size == 0 else _size_fault(size)
                    return fault, block, at, tx, i_input, i_output
            number, at = compact_size(data, at, end)
        if number < 0:
            return _size_fault(number), block, at, tx, i_input, i_output
        if number == 0:
            return Fault.NO_TRANSACTION.value, block, at, tx, i_input, i_output
        for position in range(number):
            start = at
            if at + 4 > end:
                return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
            kind = special_type(read_u32(data, at)) if form.special else np.int64(0)
            inputs_at = at + 4
            form_of: Any = np.int64(0)
            if form.shielded:
                form_of, inputs_at = version_of(data, at, end)
                if form_of < 0:
                    return _shielded_fault(form_of), block, start, tx, i_input, i_output
            inputs, at = compact_size(data, inputs_at, end)
            marked = form.witness and inputs == 0
            if marked:
                # BIP-144: marker 0 and flag 1 announce witness data; LIP-2: flag 8 the HogEx.
                if at >= end:
                    return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
                extended = form.mweb and data[at] == _MWEB_FLAG
                if data[at] != _WITNESS_FLAG and not extended:
                    return Fault.WITNESS_FLAG.value, block, at, tx, i_input, i_output
                # It is the last of its block, and no coinbase.
                if extended and (position == 0 or position + 1 < number):
                    return Fault.EXTENSION.value, block, at, tx, i_input, i_output
                inputs_at = at + 1
                inputs, at = compact_size(data, inputs_at, end)
            if inputs < 0:
                return _size_fault(inputs), block, at, tx, i_input, i_output
            # The first HogEx of a chain has no other before it to spend.
            # Of Zcash's, shielded parts may stand in for inputs and outputs: see below.
            lawful = (marked and extended) or (
                position > 0 and (form.shielded or may_lack_inputs(kind))
            )
            if inputs == 0 and not lawful:
                return Fault.NO_INPUT_OR_OUTPUT.value, block, start, tx, i_input, i_output
            first_input, first_output = i_input, i_output
            for _ in range(inputs):
                if at + _MIN_INPUT_BYTES > end:
                    return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
                null = _is_null(data, at)
                misplaced = not bare and null != (position == 0)
                if misplaced or (null and inputs != 1):
                    return Fault.COINBASE_POSITION.value, block, at, tx, i_input, i_output
                length, script = compact_size(data, at + 36, end)
                if length < 0:
                    return _size_fault(length), block, script, tx, i_input, i_output
                if length + 4 > end - script:
                    return Fault.TRUNCATED.value, block, script, tx, i_input, i_output
                if not null:
                    blocks.prevout_at[i_input] = at
                    blocks.sequence[i_input] = np.uint32(read_u32(data, script + length))
                    i_input += 1
                elif length < (1 if kind == COINBASE else 2) or length > 100:
                    return Fault.COINBASE_SCRIPT.value, block, at, tx, i_input, i_output
                at = script + length + 4
            outputs, at = compact_size(data, at, end)
            if outputs < 0:
                return _size_fault(outputs), block, at, tx, i_input, i_output
            if outputs == 0 and not (form.shielded or may_lack_outputs(kind)):
                return Fault.NO_INPUT_OR_OUTPUT.value, block, start, tx, i_input, i_output
            total = np.int64(0)
            for _ in range(outputs):
                if at + _MIN_OUTPUT_BYTES > end:
                    return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
                value = read_u32(data, at) | read_u32(data, at + 4) << 32
                if value < 0 or value > form.max_money or total + value > form.max_money:
                    return Fault.VALUE.value, block, at, tx, i_input, i_output
                total += value
                length, script = compact_size(data, at + 8, end)
                if length < 0:
                    return _size_fault(length), block, script, tx, i_input, i_output
                if length > end - script:
                    return Fault.TRUNCATED.value, block, script, tx, i_input, i_output
                at = script + length
                if form.tokens:
                    script, length = _after_tokens(data, script, length)
                blocks.value[i_output] = value
                blocks.script_at[i_output] = script
                blocks.script_length[i_output] = length
                i_output += 1
            outputs_end = at
            if form.shielded:
                passed = blocks.shielded[tx]
                found, at = after_outputs(data, at, end, form_of, form.max_money, passed)
                if found < 0:
                    return _shielded_fault(found), block, at, tx, i_input, i_output
                if found == 0 and (inputs == 0 or outputs == 0):
                    return Fault.NO_INPUT_OR_OUTPUT.value, block, start, tx, i_input, i_output
                into = passed[1] + passed[2] + passed[3]
                # A coinbase takes nothing out of a pool; what has inputs is looked at when linked.
                if (inputs == 0 and total + into > 0) or (position == 0 and min(passed) < 0):
                    return Fault.FROM_POOLS.value, block, start, tx, i_input, i_output
                blocks.version[tx] = np.int32(read_u32(data, start) & 0x7FFFFFFF)
                blocks.locktime[tx] = np.uint32(
                    read_u32(data, locktime_at(start, outputs_end, form_of))
                )
                # No witness data: all between the first and the last four bytes is the body.
                inputs_at, outputs_end = start + 4, at - 4
                at = outputs_end
            elif extended:
                if at < end and data[at] != 0:
                    return Fault.EXTENSION.value, block, at, tx, i_input, i_output
                at += 1
            elif marked:
                fault, at = _skip_witness(data, at, end, inputs)
                if fault != Fault.NONE.value:
                    return fault, block, at, tx, i_input, i_output
            if at + 4 > end:
                return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
            if not form.shielded:
                blocks.version[tx] = np.int32(read_u32(data, start))
                blocks.locktime[tx] = np.uint32(read_u32(data, at))
            at += 4
            if kind > 0:
                length, at = compact_size(data, at, end)
                if length < 0:
                    return _size_fault(length), block, at, tx, i_input, i_output
                if length > MAX_PAYLOAD_BYTES:
                    return Fault.PAYLOAD.value, block, at, tx, i_input, i_output
                if length > end - at:
                    return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
                at += length
                outputs_end = at - 4
            blocks.tx_span[tx, 0] = start
            blocks.tx_span[tx, 1] = inputs_at
            blocks.tx_span[tx, 2] = outputs_end
            blocks.tx_span[tx, 3] = at
            blocks.tx_input[tx] = first_input
            blocks.tx_output[tx] = first_output
            tx += 1
        # The extension block follows its HogEx, and is not read.
        if extended and at == end:
            return Fault.TRUNCATED.value, block, at, tx, i_input, i_output
        if at != end and not extended:
            return Fault.TRAILING.value, block, at, tx, i_input, i_output
    blocks.block_tx[blocks.block_start.size] = tx
    blocks.tx_input[tx] = i_input
    blocks.tx_output[tx] = i_output
    return Fault.NONE.value, 0, 0, tx, i_input, i_output


@inlined
def _same_bytes(left: NDArray[np.uint8], at: int, right: NDArray[np.uint8], other: int) -> bool:
    """Compare 32 bytes."""
    difference = np.uint8(0)
    for byte in range(DIGEST_SIZE):
        difference |= left[at + byte] ^ right[other + byte]
    return bool(difference == 0)


@leaf
def merkle_root_into(
    level: NDArray[np.uint8], count: int, out: NDArray[np.uint8], scratch: Scratch
) -> bool:
    """Reduce hashes to their Merkle root (Core's ``ComputeMerkleRoot``).

    Parameters
    ----------
    level : ndarray of uint8, shape (32 * (count + 1),) or more
        The hashes end to end, then room for one more: an odd level repeats its last. Destroyed.
    count : int
        Number of hashes, at least 1.
    out : ndarray of uint8
        Receives the root in its first 32 bytes.
    scratch : Scratch
        From `new_scratch`; overwritten.

    Returns
    -------
    bool
        Whether two equal neighbours were paired, which no honest block has (CVE-2012-2459).
    """
    mutated = False
    while count > 1:
        half = (count + 1) // 2
        for pair in range(half):
            left = 64 * pair
            if 2 * pair + 1 < count:
                mutated = mutated or _same_bytes(level, left, level, left + 32)
            else:
                for byte in range(32):
                    level[left + 32 + byte] = level[left + byte]
            sha256d_into(level, left, 64, level, 32 * pair, scratch)
        count = half
    for byte in range(32):
        out[byte] = level[byte]
    return mutated


@leaf
def _commitment_at(blocks: ParsedBlocks, coinbase: int) -> Any:
    """Return the position of a block's witness commitment, or -1.

    BIP-141: the last output of the coinbase that begins ``OP_RETURN 36 aa21a9ed`` and is at least
    38 bytes long (Core's ``GetWitnessCommitmentIndex``).
    """
    for output in range(blocks.tx_output[coinbase + 1] - 1, blocks.tx_output[coinbase] - 1, -1):
        at = blocks.script_at[output]
        if (
            blocks.script_length[output] >= 38
            and blocks.data[at] == 0x6A
            and blocks.data[at + 1] == 0x24
            and blocks.data[at + 2] == 0xAA
            and blocks.data[at + 3] == 0x21
            and blocks.data[at + 4] == 0xA9
            and blocks.data[at + 5] == 0xED
        ):
            return at + 6
    return np.int64(-1)


@leaf
def _check_commitment(
    blocks: ParsedBlocks,
    block: int,
    txid: NDArray[np.uint8],
    level: NDArray[np.uint8],
    root: NDArray[np.uint8],
    scratch: Scratch,
) -> tuple[Any, Any]:
    """Hold a block with witness data against its commitment: (fault, position)."""
    first, last = blocks.block_tx[block], blocks.block_tx[block + 1]
    span = blocks.tx_span
    commitment = _commitment_at(blocks, first)
    if commitment < 0:
        return Fault.UNEXPECTED_WITNESS.value, blocks.block_start[block]
    # The coinbase's witness: one stack of one item of 32 bytes, the reserved value.
    stack = span[first, 2]
    if (
        span[first, 1] == span[first, 0] + 4
        or span[first, 3] != stack + 38
        or blocks.data[stack] != 1
        or blocks.data[stack + 1] != 32
    ):
        return Fault.WITNESS_RESERVED.value, stack
    # The coinbase's own hash counts as zero.
    for byte in range(32):
        level[byte] = 0
    for tx in range(first + 1, last):
        leaf_at = 32 * (tx - first)
        start = span[tx, 0]
        if span[tx, 1] == start + 4 or blocks.data[start + 5] != _WITNESS_FLAG:
            for byte in range(32):
                level[leaf_at + byte] = txid[32 * tx + byte]
        else:
            sha256d_into(blocks.data, start, span[tx, 3] - start, level, leaf_at, scratch)
    merkle_root_into(level, last - first, root, scratch)
    for byte in range(32):
        root[32 + byte] = blocks.data[stack + 2 + byte]
    sha256d_into(root, 0, 64, root, 0, scratch)
    if not _same_bytes(root, 0, blocks.data, commitment):
        return Fault.WITNESS_COMMITMENT.value, commitment
    return Fault.NONE.value, commitment


@leaf
def _verify(
    blocks: ParsedBlocks,
    txid: NDArray[np.uint8],
    level: NDArray[np.uint8],
    root: NDArray[np.uint8],
    scratch: Scratch,
    version_5: bool,  # noqa: FBT001 - a kernel takes no keywords
) -> tuple[Any, Any, Any]:
    """Fill `txid` (flat) and check roots and commitments: (fault, block, position).

    Where there may be transactions of `version_5`, their ids are there already.
    """
    data, span = blocks.data, blocks.tx_span
    for block in range(blocks.block_start.size):
        begin = blocks.block_start[block]
        first, last = blocks.block_tx[block], blocks.block_tx[block + 1]
        witness = False
        for tx in range(first, last):
            start, inputs_at, end = span[tx, 0], span[tx, 1], span[tx, 3]
            if version_5 and read_u32(data, start) == V5:
                continue
            if inputs_at == start + 4:
                sha256d_into(data, start, end - start, txid, 32 * tx, scratch)
            else:
                witness = witness or data[start + 5] == _WITNESS_FLAG
                body = span[tx, 2] - inputs_at
                sha256d_ranges3_into(
                    data, start, 4, inputs_at, body, end - 4, 4, txid, 32 * tx, scratch
                )
        for byte in range(32 * (last - first)):
            level[byte] = txid[32 * first + byte]
        if merkle_root_into(level, last - first, root, scratch):
            return Fault.MERKLE_MUTATED.value, block, begin
        if not _same_bytes(root, 0, data, begin + 36):
            return Fault.MERKLE_ROOT.value, block, begin
        if witness:
            fault, position = _check_commitment(blocks, block, txid, level, root, scratch)
            if fault != Fault.NONE.value:
                return fault, block, position
    return Fault.NONE.value, 0, 0


def parse_blocks(
    data: NDArray[np.uint8],
    block_start: NDArray[np.int64],
    block_end: NDArray[np.int64],
    form: Form = BITCOIN.form,
) -> ParsedBlocks | BlockFault:
    """Parse the blocks at ``data[block_start:block_end]`` into flat arrays.

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Plain (not obfuscated) block bytes.
    block_start, block_end : ndarray of int64, shape (n_block,)
        Where each block begins (at its header) and ends; at least 80 bytes apart, not overlapping.
    form : Form
        What the blocks of the chain may hold.

    Returns
    -------
    ParsedBlocks or BlockFault
        The arrays, with `txid` still empty; or the first fault.

    Notes
    -----
    Strict as Core is: CompactSize in shortest form, flag byte 1 only, no superfluous witness, a
    coinbase first and nowhere else, amounts in range, no byte left over.

    Cost: one pass, 2 GB/s.
    """
    return _parsed(data, block_start, block_end, form, bare=False)


def parse_transactions(
    data: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64]
) -> ParsedBlocks | BlockFault:
    """Parse transactions of Bitcoin that stand alone, outside a block, into flat arrays.

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Holds them.
    start, end : ndarray of int64, shape (n_tx,)
        Where each begins and ends; not overlapping.

    Returns
    -------
    ParsedBlocks or BlockFault
        The arrays, each transaction a block of its own, with `txid` filled; or the first fault.
        Coinbases may stand anywhere; as in blocks, they have no input rows.

    Notes
    -----
    Strict as `parse_blocks`. Cost: one pass, and two calls of hashlib a transaction.

    Examples
    --------
    >>> raw = bytearray.fromhex(
    ...     "02000000" "01" + "11" * 32 + "00000000" "00" "ffffffff"
    ...     "01" "e803000000000000" "01" "51" "00000000"
    ... )
    >>> one = parse_transactions(np.frombuffer(raw, np.uint8), np.array([0]), np.array([len(raw)]))
    >>> one.value.tolist(), one.prevout_at.tolist()
    ([1000], [5])
    """
    parsed = _parsed(data, start, end, BITCOIN.form, bare=True)
    if isinstance(parsed, ParsedBlocks):
        for tx, (first, inputs, outputs, last) in enumerate(parsed.tx_span.tolist()):
            pieces = data[first : first + 4], data[inputs:outputs], data[last - 4 : last]
            body = b"".join(piece.tobytes() for piece in pieces)
            parsed.txid[tx] = np.frombuffer(sha256(sha256(body).digest()).digest(), np.uint8)
    return parsed


def _parsed(
    data: NDArray[np.uint8],
    block_start: NDArray[np.int64],
    block_end: NDArray[np.int64],
    form: Form,
    *,
    bare: bool,
) -> ParsedBlocks | BlockFault:
    """Parse blocks, or transactions that stand alone."""
    # Sized for the worst; memory that is never touched is never taken.
    n_tx = data.size // (MIN_SPECIAL_BYTES if form.special else _MIN_TX_BYTES)
    n_input = data.size // _MIN_INPUT_BYTES
    n_output = data.size // _MIN_OUTPUT_BYTES
    room = ParsedBlocks(
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
        txid=np.empty((0, 32), np.uint8),
        shielded=np.empty((n_tx if form.shielded else 0, 4), np.int64),
    )
    parts = np.empty(PARTS, np.int64)
    fault, block, position, n_tx, n_input, n_output = _parse(room, form, parts, bare)
    if fault:
        return BlockFault(int(block), Fault(fault), int(position))
    return room._replace(
        tx_span=room.tx_span[:n_tx],
        tx_input=room.tx_input[: n_tx + 1],
        tx_output=room.tx_output[: n_tx + 1],
        version=room.version[:n_tx],
        locktime=room.locktime[:n_tx],
        prevout_at=room.prevout_at[:n_input],
        sequence=room.sequence[:n_input],
        value=room.value[:n_output],
        script_at=room.script_at[:n_output],
        script_length=room.script_length[:n_output],
        txid=np.empty((n_tx, 32), np.uint8),
        shielded=room.shielded[:n_tx],
    )


def verify_blocks(parsed: ParsedBlocks) -> BlockFault | None:
    """Compute `parsed.txid` and check Merkle roots (and, with witness data, commitments).

    A commitment is checked where a block carries witness data; a block of before BIP-141 may show
    a commitment-like output and has none.

    Parameters
    ----------
    parsed : ParsedBlocks
        From `parse_blocks`; its `txid` is filled.

    Returns
    -------
    BlockFault or None
        The first fault.

    Notes
    -----
    Cost: each transaction's bytes through double SHA-256 once, twice with witness data.
    """
    most = int(np.diff(parsed.block_tx).max(initial=0))
    level = np.empty(DIGEST_SIZE * (most + 1), np.uint8)
    root = np.empty(2 * DIGEST_SIZE, np.uint8)
    shielded = parsed.shielded.shape[0] > 0
    if shielded:
        fill_version_5_ids(parsed.data, parsed.tx_span, parsed.txid)
    txid = parsed.txid.reshape(-1)
    fault, block, position = _verify(parsed, txid, level, root, new_scratch(), shielded)
    return BlockFault(int(block), Fault(fault), int(position)) if fault else None
