"""Comparing what inputs spent with what a node's undo data says they spent."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.sha256 import sha256d
from clewline.jit import leaf
from clewline.sources.undo_files import UndoRecord
from clewline.store.reader import ChainStore


class UndoFault(IntEnum):
    """How an undo record differs from the store; `UNDO_FAULT_TEXT` says it in words."""

    NONE = 0
    SHAPE = 1
    HEIGHT = 2
    VALUE = 3
    SCRIPT = 4


UNDO_FAULT_TEXT: Final = {
    UndoFault.SHAPE: "holds another number of transactions or inputs, or ends early",
    UndoFault.HEIGHT: "says that an input spent an output of another block",
    UndoFault.VALUE: "says that an input spent another amount",
    UndoFault.SCRIPT: "says that an input spent from another script",
}


@leaf
def _varint(data: NDArray[np.uint8], at: int) -> tuple[Any, Any]:
    """Read Core's VARINT (``serialize.h``; no CompactSize): (value or -1 if cut, next position)."""
    value = np.int64(0)
    while at < data.size:
        byte = np.int64(data[at])
        at += 1
        value = value << 7 | (byte & 0x7F)
        if byte & 0x80 == 0:
            return value, at
        value += 1
    return np.int64(-1), at


@leaf
def _amount(packed: int) -> Any:
    """Unpack an amount (Core's ``DecompressAmount``)."""
    if packed == 0:
        return np.int64(0)
    packed -= 1
    exponent = packed % 10
    packed //= 10
    if exponent < 9:
        digit = packed % 9 + 1
        amount = packed // 9 * 10 + digit
    else:
        amount = packed + 1
    for _ in range(exponent):
        amount *= 10
    return amount


@leaf
def _same_script(
    data: NDArray[np.uint8], at: int, size: int, blob: NDArray[np.uint8], start: int, length: int
) -> tuple[Any, Any]:
    """Compare a packed script (Core's ``ScriptCompression``) with a plain one.

    Returns (equal, next position). Forms 4 and 5 hold an uncompressed public key by its x and the
    parity of its y.
    """
    if size >= 6:
        size -= 6
        if at + size > data.size:
            return False, at
        equal = size == length
        for i in range(size if equal else 0):
            equal = equal and data[at + i] == blob[start + i]
        return equal, at + size
    packed = 20 if size < 2 else 32
    if at + packed > data.size:
        return False, at
    if size == 0:
        skip, wanted, prefix = 3, 25, 0x76
    elif size == 1:
        skip, wanted, prefix = 2, 23, 0xA9
    elif size < 4:
        skip, wanted, prefix = 2, 35, 33
    else:
        skip, wanted, prefix = 2, 67, 65
    equal = length == wanted and blob[start] == prefix
    if equal and size in (2, 3):
        equal = blob[start + 1] == size
    if equal and size in (4, 5):
        equal = blob[start + 1] == 4 and (blob[start + 65] & 1) == size - 4
    for i in range(packed if equal else 0):
        equal = equal and data[at + i] == blob[start + skip + i]
    return equal, at + packed


@leaf
def _count_at(data: NDArray[np.uint8], at: int) -> tuple[Any, Any]:
    """Read a CompactSize; -1 truncated."""
    if at >= data.size:
        return np.int64(-1), at
    first = np.int64(data[at])
    width = 0 if first < 253 else 2 if first == 253 else 4
    if at + 1 + width > data.size:
        return np.int64(-1), at
    if width == 0:
        return first, at + 1
    number = np.int64(0)
    for i in range(width):
        number |= np.int64(data[at + 1 + i]) << (8 * i)
    return number, at + 1 + width


@leaf
def _owner(start: NDArray[np.int64], row: int) -> Any:
    """Return which range of an offsets column a row lies in."""
    low, high = np.int64(0), np.int64(start.size - 1)
    while high - low > 1:
        middle = (low + high) // 2
        if start[middle] <= row:
            low = middle
        else:
            high = middle
    return low


@leaf
def _compare(
    data: NDArray[np.uint8],
    first_tx: int,
    last_tx: int,
    block_tx: NDArray[np.int64],
    tx_input: NDArray[np.int64],
    tx_output: NDArray[np.int64],
    prevout: NDArray[np.int64],
    value: NDArray[np.int64],
    script: NDArray[np.uint32],
    starts: NDArray[np.int64],
    blob: NDArray[np.uint8],
) -> Any:
    """Compare undo data (``CBlockUndo``) with the inputs of ``first_tx .. last_tx - 1``."""
    count, at = _count_at(data, 0)
    if count != last_tx - first_tx:
        return UndoFault.SHAPE.value
    for tx in range(first_tx, last_tx):
        count, at = _count_at(data, at)
        if count != tx_input[tx + 1] - tx_input[tx]:
            return UndoFault.SHAPE.value
        for row in range(tx_input[tx], tx_input[tx + 1]):
            output = prevout[row]
            source = _owner(tx_output, output)
            height = _owner(block_tx, source)
            code, at = _varint(data, at)
            if code < 0:
                return UndoFault.SHAPE.value
            if code != 2 * height + (1 if block_tx[height] == source else 0):
                return UndoFault.HEIGHT.value
            if height > 0:
                _version, at = _varint(data, at)
            packed, at = _varint(data, at)
            if packed < 0:
                return UndoFault.SHAPE.value
            if _amount(packed) != value[output]:
                return UndoFault.VALUE.value
            size, at = _varint(data, at)
            if size < 0:
                return UndoFault.SHAPE.value
            begin = starts[script[output]]
            equal, at = _same_script(
                data, at, size, blob, begin, starts[script[output] + 1] - begin
            )
            if not equal:
                return UndoFault.SCRIPT.value
    return UndoFault.NONE.value if at == data.size else UndoFault.SHAPE.value


def compare_undo(
    store: ChainStore, records: Iterable[UndoRecord], others: Iterable[bytes] = ()
) -> tuple[int, list[str]]:
    """Compare undo records with the inputs of a store.

    Parameters
    ----------
    store : ChainStore
        Whose inputs.
    records : iterable of UndoRecord
        In any order.
    others : iterable of bytes
        Hashes of blocks that are not in the store (stale, or beyond its tip); undo data whose
        parent is one of them is left out.

    Returns
    -------
    agreeing : int
        Blocks whose record says the same as the store.
    wrong : list of str
        Records that match no block, blocks whose record differs, blocks without a record.
    """
    hashes = store.column("block.hash")
    names = [row.tobytes() for row in hashes]
    block_tx = store.column("block.tx_start")
    arrays = (
        block_tx,
        store.column("tx.input_start"),
        store.column("tx.output_start"),
        store.column("input.prevout"),
        store.column("output.value"),
        store.column("output.script"),
        store.column("script.start"),
        store.column("script.bytes"),
    )
    agreeing: set[int] = set()
    differing: dict[int, str] = {}
    wrong: list[str] = []
    expected = 1
    left_out = list(others)
    for record in records:
        height = _height_of(record, names, expected)
        if height is None:
            if not any(_follows(record, parent) for parent in left_out):
                wrong.append(f"{record.place}: the checksum fits no block at hand")
            continue
        expected = height + 1
        if height == len(names):
            continue  # undo data of a block beyond the tip
        fault = _compare(record.data, int(block_tx[height]) + 1, int(block_tx[height + 1]), *arrays)
        if fault:
            differing.setdefault(
                height, f"{record.place}: block {height}: {UNDO_FAULT_TEXT[UndoFault(fault)]}"
            )
        else:
            agreeing.add(height)
    # Siblings share a parent, so a stale block's record differs where the active one's agrees.
    wrong += [text for height, text in differing.items() if height not in agreeing]
    missing = [h for h in range(1, len(names)) if h not in agreeing and h not in differing]
    if missing:
        wrong.append(f"{len(missing)} blocks have no undo data, the first is block {missing[0]}")
    return len(agreeing), wrong


def _height_of(record: UndoRecord, names: list[bytes], expected: int) -> int | None:
    """Return the height whose parent the checksum of a record names, or None.

    Nodes write undo data as they connect blocks, into the file that holds the block: heights ascend
    in a file, with gaps where blocks arrived out of order. So the search goes up from `expected`.
    """
    last = len(names)
    for height in chain(range(expected, last + 1), range(min(expected - 1, last), 0, -1)):
        if _follows(record, names[height - 1]):
            return height
    return None


def _follows(record: UndoRecord, parent: bytes) -> bool:
    """Tell whether the checksum of a record names this parent."""
    return sha256d(parent + record.data.tobytes()) == record.checksum
