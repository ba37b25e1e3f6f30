"""Blocks that list transactions by id, in an order in which each spends what stands before it.

Bitcoin Cash lists a block's transactions by id since November 2018 (CTOR). A store wants each
output before the input that spends it. A transaction that spends one listed after it is moved
behind that; all else stays as it is. The order of the block is not lost: it is that of the ids.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.codec.compact_size import read_u32
from clewline.codec.sha256 import DIGEST_SIZE
from clewline.jit import kernel


@kernel
def _same_id(left: NDArray[np.uint8], at: int, right: NDArray[np.uint8], other: int) -> bool:
    """Compare 32 bytes."""
    same = True
    for byte in range(DIGEST_SIZE):
        same &= left[at + byte] == right[other + byte]
    return same


@kernel
def _order_block(
    data: NDArray[np.uint8],
    prevout_at: NDArray[np.int64],
    tx_input: NDArray[np.int64],
    txid: NDArray[np.uint8],
    first: int,
    last: int,
    order: NDArray[np.int64],
) -> None:
    """Fill the order of one block: each transaction behind those of the block that it spends."""
    count = last - first
    mask = 1
    while mask < 2 * count:
        mask *= 2
    mask -= 1
    # Where in the block the transactions are, by their ids; ids are hashes already.
    slots = np.full(mask + 1, -1, np.int64)
    for tx in range(count):
        slot = read_u32(txid, DIGEST_SIZE * (first + tx)) & mask
        while slots[slot] >= 0:
            slot = slot + 1 & mask
        slots[slot] = tx
    row = tx_input[first:last].copy()
    begun = np.zeros(count, np.bool_)
    stack = np.empty(count, np.int64)
    done = 0
    for start in range(count):
        if begun[start]:
            continue
        begun[start] = True
        stack[0] = start
        depth = 1
        while depth > 0:
            tx = stack[depth - 1]
            if row[tx] == tx_input[first + tx + 1]:
                order[first + done] = first + tx
                done += 1
                depth -= 1
                continue
            at = prevout_at[row[tx]]
            row[tx] += 1
            slot = read_u32(data, at) & mask
            while slots[slot] >= 0:
                parent = slots[slot]
                if _same_id(data, at, txid, DIGEST_SIZE * (first + parent)):
                    # Spending each other in a circle would take a broken hash; links are checked.
                    if not begun[parent]:
                        begun[parent] = True
                        stack[depth] = parent
                        depth += 1
                    break
                slot = slot + 1 & mask


@kernel
def _order_blocks(
    data: NDArray[np.uint8],
    prevout_at: NDArray[np.int64],
    block_tx: NDArray[np.int64],
    tx_input: NDArray[np.int64],
    txid: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Return transactions in an order in which each spends what stands before it."""
    order = np.empty(tx_input.size - 1, np.int64)
    for block in range(block_tx.size - 1):
        _order_block(data, prevout_at, tx_input, txid, block_tx[block], block_tx[block + 1], order)
    return order


def _moved(
    start: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return offsets and rows of owners in a new order."""
    count = np.diff(start)[order]
    moved = np.zeros_like(start)
    np.cumsum(count, out=moved[1:])
    rows = np.arange(moved[-1]) + np.repeat(start[:-1][order] - moved[:-1], count)
    return moved, rows


def in_spending_order(parsed: ParsedBlocks) -> ParsedBlocks:
    """Return blocks with each transaction behind those of its block that it spends.

    Parameters
    ----------
    parsed : ParsedBlocks
        Verified blocks.

    Returns
    -------
    ParsedBlocks
        The same transactions in each block; the very same object where nothing had to move, as in
        every block that Bitcoin would take.

    Notes
    -----
    Depth first in the listed order, so that the result depends on the block alone.

    Cost: a look-up of each input in a table of its block's ids.
    """
    order = _order_blocks(
        parsed.data, parsed.prevout_at, parsed.block_tx, parsed.tx_input, parsed.txid.reshape(-1)
    )
    if (order == np.arange(order.size)).all():
        return parsed
    tx_input, inputs = _moved(parsed.tx_input, order)
    tx_output, outputs = _moved(parsed.tx_output, order)
    return parsed._replace(
        tx_span=parsed.tx_span[order],
        tx_input=tx_input,
        tx_output=tx_output,
        version=parsed.version[order],
        locktime=parsed.locktime[order],
        prevout_at=parsed.prevout_at[inputs],
        sequence=parsed.sequence[inputs],
        value=parsed.value[outputs],
        script_at=parsed.script_at[outputs],
        script_length=parsed.script_length[outputs],
        txid=parsed.txid[order],
    )


def listed_by_id(txid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ids of a block in the order of CTOR: the coinbase, then by id as it is shown.

    Parameters
    ----------
    txid : ndarray of uint8, shape (n, 32)
        Internal byte order, the coinbase first.

    Examples
    --------
    >>> ids = np.zeros((3, 32), np.uint8)
    >>> ids[:, 31] = 9, 8, 7
    >>> listed_by_id(ids)[:, 31].tolist()
    [9, 7, 8]
    """
    rest = txid[1:]
    # The last byte is the most significant, and the last key of a lexsort is the first.
    return np.concatenate((txid[:1], rest[np.lexsort(rest.T)]))
