"""Blocks as rows: what both schemas are read into, checked as far as rows allow, and appended.

A store built from rows keeps every rule that a store built from blocks keeps, but for those that
need the bytes themselves: a transaction id is not hashed again from its transaction, and witness
commitments are not seen. Proof of work, links of the headers, Merkle roots over the ids, amounts,
and that every input spends what is there are checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import (
    ParsedBlocks,
    merkle_root_into,
)
from clewline.codec.header import HEADER_BYTES, header_hashes, header_rows
from clewline.codec.networks import BITCOIN, Coin, Network, networks_by_genesis
from clewline.codec.sha256 import DIGEST_SIZE, Scratch, new_scratch
from clewline.codec.special import without_sides
from clewline.codec.spending_order import in_spending_order, listed_by_id
from clewline.errors import DataError
from clewline.jit import kernel
from clewline.sources.active_chain import choose_active_chain
from clewline.store.schema import HEADER
from clewline.store.writer import StoreWriter

OUTPOINT_BYTES: Final = 36
_FRAME_BYTES: Final = 10
_MIN_INPUT_BYTES: Final = 41
_MIN_OUTPUT_BYTES: Final = 9


@dataclass(frozen=True)
class BlockRows:
    """A run of blocks; offsets count from the first row of the run.

    Attributes
    ----------
    header : ndarray of uint8, shape (n_block, 80)
    block_tx : ndarray of int64, shape (n_block + 1,)
    txid : ndarray of uint8, shape (n_tx, 32)
    tx_input, tx_output : ndarray of int64, shape (n_tx + 1,)
    version : ndarray of int32, shape (n_tx,)
    locktime, base_size, total_size : ndarray of uint32, shape (n_tx,)
    outpoint : ndarray of uint8, shape (n_input, 36)
        Id of the transaction spent from, internal byte order, and the little-endian index.
    sequence : ndarray of uint32, shape (n_input,)
    value : ndarray of int64, shape (n_output,)
        Satoshi.
    scripts : ndarray of uint8
        Holds the scripts of the outputs.
    script_at, script_length : ndarray of int64, shape (n_output,)
        Where they are in `scripts`.
    """

    header: NDArray[np.uint8]
    block_tx: NDArray[np.int64]
    txid: NDArray[np.uint8]
    tx_input: NDArray[np.int64]
    tx_output: NDArray[np.int64]
    version: NDArray[np.int32]
    locktime: NDArray[np.uint32]
    base_size: NDArray[np.uint32]
    total_size: NDArray[np.uint32]
    outpoint: NDArray[np.uint8]
    sequence: NDArray[np.uint32]
    value: NDArray[np.int64]
    scripts: NDArray[np.uint8]
    script_at: NDArray[np.int64]
    script_length: NDArray[np.int64]


def offsets(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each group begins, and the end of the last, from the length of each.

    Examples
    --------
    >>> offsets(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    bounds = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=bounds[1:])
    return bounds


def make_headers(fields: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """Return headers as the network serialises them, shape (n, 80).

    Parameters
    ----------
    fields : dict of str to ndarray
        Each field of `HEADER`.

    Returns
    -------
    ndarray of uint8, shape (n, 80)
        One header a row.
    """
    header = np.empty(fields["version"].size, HEADER)
    for name, values in fields.items():
        header[name] = values
    return header.view(np.uint8).reshape(-1, HEADER_BYTES)


def named_headers(
    header: NDArray[np.uint8], first: bytes, network: Network | None
) -> NDArray[np.uint8]:
    """Return the headers of a table as `header_rows` gives them.

    Parameters
    ----------
    header : ndarray of uint8, shape (n, 80)
        From `make_headers`.
    first : bytes
        Hash that the table has for the first block, internal byte order.
    network : Network, optional
        Whose chain it must be; that of the first hash if not given.

    Returns
    -------
    ndarray of uint8, shape (n, 80) or (n, 112)
        Hashed here, not taken from the table.
    """
    known = [network] if network else networks_by_genesis(first)
    form = known[0].coin.form if known else BITCOIN.form
    start = np.arange(header.shape[0], dtype=np.int64) * HEADER_BYTES
    return header_rows(header.reshape(-1), start, start + HEADER_BYTES, form)


def check_headers(header: NDArray[np.uint8], network: Network | None, place: str) -> Network:
    """Check that headers are a whole chain from its genesis block, by height.

    Parameters
    ----------
    header : ndarray of uint8, shape (n, 80) or (n, 112)
        By height, as `header_rows` gives them.
    network : Network, optional
        Whose chain it must be; told from the first block if not given.
    place : str
        Where the headers come from.

    Returns
    -------
    Network
        Whose chain it is.

    Raises
    ------
    DataError
        If there is none, the first block is nobody's genesis, or the rows are not in order.
    ChainError, BlockFileError
        If one does not meet its target, or the rules ask for another target or a later time.
    """
    if not header.shape[0]:
        raise DataError("holds no blocks", where=place)
    names = header_hashes(header)
    if network is None:
        first = names[0].tobytes()
        known = networks_by_genesis(first)
        if not known:
            raise DataError(
                f"begins with block {first[::-1].hex()}, the genesis block of no network",
                where=f"{place}, row 0",
                hint="a store is built from a whole chain, from its first block",
            )
        network = known[0]
    previous = header[:, 4:36]
    broken = np.flatnonzero((previous[1:] != names[:-1]).any(axis=1))
    if broken.size:
        row = int(broken[0]) + 1
        raise DataError(
            "is not the child of the block before it; blocks must stand by height",
            where=f"{place}, row {row}",
        )
    stored = np.empty((0, header.shape[1]), np.uint8)
    active = choose_active_chain(network, stored, header, lambda row: f"{place}, row {row}")
    if active.records.size != header.shape[0]:
        raise DataError("holds a block twice", where=place)
    return network


@kernel
def _bad_root(
    block_tx: NDArray[np.int64],
    txid: NDArray[np.uint8],
    header: NDArray[np.uint8],
    level: NDArray[np.uint8],
    scratch: Scratch,
    from_block: int,
) -> int:
    """Return the first block whose ids do not give the Merkle root of its header, -1 if none."""
    root = np.empty(DIGEST_SIZE, np.uint8)
    for block in range(from_block, block_tx.size - 1):
        first, last = block_tx[block], block_tx[block + 1]
        for byte in range(DIGEST_SIZE * (last - first)):
            level[byte] = txid[DIGEST_SIZE * first + byte]
        if merkle_root_into(level, last - first, root, scratch):
            return block
        for byte in range(DIGEST_SIZE):
            if root[byte] != header[block, 36 + byte]:
                return block
    return -1


def check_rows(rows: BlockRows, height: int, place: str, coin: Coin) -> None:
    """Check what the rows of some blocks must keep, before they are linked.

    Parameters
    ----------
    rows : BlockRows
        What to take.
    height : int
        Of the first block.
    place : str
        Where they come from.
    coin : Coin
        Whose rules hold.

    Raises
    ------
    DataError
        With the block: no transaction, a coinbase that is not first or has inputs, no output,
        an amount or a size out of range, or ids that do not give the Merkle root.
    """
    n_block = rows.block_tx.size - 1
    count = np.diff(rows.block_tx)
    empty = np.flatnonzero(count < 1)
    if empty.size:
        raise DataError("a block without transactions", where=_block(place, height + empty[0]))
    block = np.repeat(np.arange(n_block), count)
    coinbase = np.zeros(rows.txid.shape[0], np.bool_)
    coinbase[rows.block_tx[:-1]] = True
    total = np.zeros(rows.value.size + 1, np.int64)
    most = coin.form.max_money
    sane = (rows.value >= 0) & (rows.value <= most)
    # Sums of sane values alone may leave 64 bits, but not without the sum of their upper halves.
    np.cumsum(np.where(sane, rows.value, 0), out=total[1:])
    upper = offsets(np.where(sane, rows.value >> 32, 0))
    owner = np.repeat(np.arange(coinbase.size), np.diff(rows.tx_output))
    values = np.ones(coinbase.size, np.bool_)
    values[owner[~sane]] = False
    paid = total[rows.tx_output[1:]] - total[rows.tx_output[:-1]]
    values &= np.diff(upper[rows.tx_output]) <= most >> 32
    n_input, n_output = np.diff(rows.tx_input), np.diff(rows.tx_output)
    bare_inputs, bare_outputs = without_sides(rows.version, coin.form)
    bare_inputs &= ~coinbase
    # Version, lock time and two numbers; what each input and each output takes at least.
    least = (
        _FRAME_BYTES
        + _MIN_INPUT_BYTES * np.where(bare_inputs, 0, n_input.clip(1))
        + np.diff(offsets(_MIN_OUTPUT_BYTES + rows.script_length)[rows.tx_output])
    )
    for wrong, text in (
        (
            (coinbase | bare_inputs) != (n_input == 0),
            "a coinbase is not first or has inputs, or another transaction has none",
        ),
        ((n_output == 0) & ~bare_outputs, "a transaction without outputs"),
        (
            ~values | (paid < 0) | (paid > most),
            "an amount is negative or above what the chain allows",
        ),
        (
            (rows.base_size < least)
            | (rows.base_size > rows.total_size)
            | (rows.total_size > coin.max_block_bytes),
            "the size of a transaction cannot be",
        ),
    ):
        found = np.flatnonzero(wrong)
        if found.size:
            tx = int(found[0])
            raise DataError(
                f"{text}: {rows.txid[tx][::-1].tobytes().hex()}",
                where=_block(place, height + block[tx]),
            )
    level = np.empty(DIGEST_SIZE * (int(count.max()) + 1), np.uint8)

    def bad_root(block_tx: NDArray[np.int64], txid: NDArray[np.uint8], at: int, first: int) -> int:
        flat, header = txid.reshape(-1), rows.header[at:]
        return int(_bad_root(block_tx, flat, header, level, new_scratch(), first))

    bad = bad_root(rows.block_tx, rows.txid, 0, 0)
    while bad >= 0 and coin.sorted_by_id:
        ids = listed_by_id(rows.txid[rows.block_tx[bad] : rows.block_tx[bad + 1]])
        if bad_root(np.array([0, ids.shape[0]]), ids, bad, 0) >= 0:
            break
        bad = bad_root(rows.block_tx, rows.txid, 0, bad + 1)
    if bad >= 0:
        raise DataError(
            "the transaction ids do not give the Merkle root of the header",
            where=_block(place, height + bad),
            hint="transactions must stand in the order of their blocks",
        )


def _block(place: str, height: Any) -> str:
    """Name a block of some rows."""
    return f"{place}, block {int(height)}"


def append_rows(writer: StoreWriter, rows: BlockRows, height: int, place: str) -> None:
    """Append checked rows to a store, which links inputs and numbers scripts itself.

    Parameters
    ----------
    writer : StoreWriter
        Holds the chain up to the block before.
    rows : BlockRows
        What to take.
    height : int
        Of the first block.
    place : str
        Where the rows come from.

    Raises
    ------
    ChainError
        An input that spends what is not there.
    StorageError
        If the disk refuses.
    """
    n_block, n_input = rows.header.shape[0], rows.outpoint.shape[0]
    # The writer reads headers, outpoints and scripts out of one buffer, as in parsed blocks.
    data = np.concatenate((rows.header.reshape(-1), rows.outpoint.reshape(-1), rows.scripts))
    block_start = np.arange(n_block, dtype=np.int64) * HEADER_BYTES
    prevouts = n_block * HEADER_BYTES
    span = np.zeros((rows.txid.shape[0], 4), np.int64)
    # Sizes are all that the writer takes from here: from 0 to 3 all bytes; from 1 to 2 inputs and
    # outputs, to which version and lock time add 8.
    span[:, 2] = rows.base_size.astype(np.int64) - 8
    span[:, 3] = rows.total_size
    parsed = ParsedBlocks(
        data=data,
        block_start=block_start,
        block_end=block_start + HEADER_BYTES,
        block_tx=rows.block_tx,
        tx_span=span,
        tx_input=rows.tx_input,
        tx_output=rows.tx_output,
        version=rows.version,
        locktime=rows.locktime,
        prevout_at=prevouts + np.arange(n_input, dtype=np.int64) * OUTPOINT_BYTES,
        sequence=rows.sequence,
        value=rows.value,
        script_at=rows.script_at + prevouts + n_input * OUTPOINT_BYTES,
        script_length=rows.script_length,
        txid=rows.txid,
    )
    if writer.network.coin.sorted_by_id:
        parsed = in_spending_order(parsed)
    writer.append(parsed, lambda block: _block(place, height + block))
