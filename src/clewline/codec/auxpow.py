"""Merged mining: the proof after a header that the work was done for a parent chain's block.

Where a header's version has `AUXPOW_BIT`, there follow: the coinbase of the parent's block, the
hash of that block (not used), the branch from the coinbase to the parent's Merkle root, the branch
from this block to the root that the coinbase names, and the parent's header (Dogecoin Core's
``auxpow.h``, ``CAuxPow``). The work is the parent header's.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.compact_size import CUT, compact_size, read_u32
from clewline.jit import leaf

AUXPOW_BIT: Final = 0x100
PARENT_HEADER_BYTES: Final = 80
_MAGIC: Final = b"\xfa\xbemm"
_LONGEST_CHAIN_BRANCH: Final = 30
_LATEST_ROOT: Final = 20


class Part(IntEnum):
    """What `auxpow_parts` fills in: positions in the data, and numbers."""

    TX = 0
    TX_INPUTS = 1
    TX_OUTPUTS_END = 2
    TX_END = 3
    SCRIPT = 4
    SCRIPT_LENGTH = 5
    BRANCH = 6
    BRANCH_LENGTH = 7
    INDEX = 8
    CHAIN_BRANCH = 9
    CHAIN_BRANCH_LENGTH = 10
    CHAIN_INDEX = 11
    PARENT = 12


PARTS: Final = len(Part)
# Plain numbers for kernels.
_TX: Final = Part.TX.value
_TX_INPUTS: Final = Part.TX_INPUTS.value
_TX_OUTPUTS_END: Final = Part.TX_OUTPUTS_END.value
_TX_END: Final = Part.TX_END.value
_SCRIPT: Final = Part.SCRIPT.value
_SCRIPT_LENGTH: Final = Part.SCRIPT_LENGTH.value
_BRANCH: Final = Part.BRANCH.value
_CHAIN_BRANCH: Final = Part.CHAIN_BRANCH.value
_PARENT: Final = Part.PARENT.value


@leaf
def _coinbase(
    data: NDArray[np.uint8], at: int, end: int, parts: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Walk the parent's coinbase: (0 or a fault of a size, position after it or of the fault)."""
    parts[_TX] = at
    parts[_TX_INPUTS] = at + 4
    inputs, position = compact_size(data, at + 4, end)
    witness = inputs == 0 and position < end and data[position] == 1
    if witness:
        parts[_TX_INPUTS] = position + 1
        inputs, position = compact_size(data, position + 1, end)
    if inputs < 0:
        return inputs, position
    for number in range(inputs):
        length, script = compact_size(data, position + 36, end)
        if length < 0 or length + 4 > end - script:
            return min(length, np.int64(CUT)), script
        if number == 0:
            parts[_SCRIPT] = script
            parts[_SCRIPT_LENGTH] = length
        position = script + length + 4
    outputs, position = compact_size(data, position, end)
    if outputs < 0:
        return outputs, position
    for _ in range(outputs):
        length, script = compact_size(data, position + 8, end)
        if length < 0 or length > end - script:
            return min(length, np.int64(CUT)), script
        position = script + length
    parts[_TX_OUTPUTS_END] = position
    if witness:
        for _ in range(inputs):
            items, position = compact_size(data, position, end)
            if items < 0:
                return items, position
            for _item in range(items):
                length, position = compact_size(data, position, end)
                if length < 0 or length > end - position:
                    return min(length, np.int64(CUT)), position
                position += length
    parts[_TX_END] = position + 4
    return np.int64(0), position + 4


@leaf
def auxpow_parts(
    data: NDArray[np.uint8], at: int, end: int, parts: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Find the parts of a merged-mining proof.

    Parameters
    ----------
    data : ndarray of uint8
        Holds the block.
    at, end : int
        After its header, and its end.
    parts : ndarray of int64, shape (PARTS,)
        Filled, in the order of `Part`.

    Returns
    -------
    fault : int64
        0, or what `compact_size` answers instead of a value.
    position : int64
        After the proof, or of the fault.
    """
    parts[_SCRIPT_LENGTH] = 0
    fault, position = _coinbase(data, at, end, parts)
    if fault < 0:
        return fault, position
    position += 32
    for part in (_BRANCH, _CHAIN_BRANCH):
        length, position = compact_size(data, position, end)
        if length < 0:
            return length, position
        parts[part] = position
        parts[part + 1] = length
        position += 32 * length
        if position + 4 > end:
            return np.int64(CUT), position
        parts[part + 2] = read_u32(data, position)
        position += 4
    parts[_PARENT] = position
    position += PARENT_HEADER_BYTES
    if position > end:
        return np.int64(CUT), position
    return np.int64(0), position


def _sha256d(data: bytes) -> bytes:
    """Hash twice."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _root(leaf_hash: bytes, branch: bytes, index: int) -> bytes:
    """Walk a Merkle branch up (``CheckMerkleBranch``)."""
    for at in range(0, len(branch), 32):
        other = branch[at : at + 32]
        leaf_hash = _sha256d(other + leaf_hash if index & 1 else leaf_hash + other)
        index >>= 1
    return leaf_hash


def expected_index(nonce: int, chain_id: int, height: int) -> int:
    """Return where a chain's block must stand among those mined together.

    Parameters
    ----------
    nonce : int
        From the parent's coinbase.
    chain_id : int
        Of the chain.
    height : int
        Length of the branch.

    Returns
    -------
    int
        0 … 2^height - 1 (``CAuxPow::getExpectedIndex``).

    Examples
    --------
    >>> expected_index(0, 0x62, 0), expected_index(7, 0x62, 3)
    (0, 7)
    """
    number = (nonce * 1103515245 + 12345) & 0xFFFFFFFF
    number = ((number + chain_id) * 1103515245 + 12345) & 0xFFFFFFFF
    return number % (1 << height)


def why_not_merged_mined(
    data: NDArray[np.uint8], block: int, parts: NDArray[np.int64], chain_id: int
) -> str | None:
    """Say which rule a merged-mining proof breaks, None if none (``CAuxPow::check``).

    Whether the parent's header has the work is not looked at.

    Parameters
    ----------
    data : ndarray of uint8
        Holds the block.
    block : int
        Where its header begins.
    parts : ndarray of int64, shape (PARTS,)
        From `auxpow_parts`.
    chain_id : int
        Of the chain.
    """
    part = dict(zip(Part, parts.tolist(), strict=True))

    def taken(first: int, length: int) -> bytes:
        return data[first : first + length].tobytes()

    version = int.from_bytes(taken(block, 4), "little")
    if version >> 16 != chain_id:
        return "the header is of another merged-mining chain"
    if part[Part.INDEX]:
        return "the parent's transaction is not its coinbase"
    parent = taken(part[Part.PARENT], PARENT_HEADER_BYTES)
    if int.from_bytes(parent[:4], "little") >> 16 == chain_id:
        return "the parent is of the same merged-mining chain"
    if part[Part.CHAIN_BRANCH_LENGTH] > _LONGEST_CHAIN_BRANCH:
        return "the branch to the merged-mining root is too long"
    body = taken(part[Part.TX], 4)
    body += taken(part[Part.TX_INPUTS], part[Part.TX_OUTPUTS_END] - part[Part.TX_INPUTS])
    txid = _sha256d(body + taken(part[Part.TX_END] - 4, 4))
    if _root(txid, taken(part[Part.BRANCH], 32 * part[Part.BRANCH_LENGTH]), 0) != parent[36:68]:
        return "the parent's coinbase does not lead to the Merkle root of its header"
    return _why_not_named(
        taken(part[Part.SCRIPT], part[Part.SCRIPT_LENGTH]),
        _root(
            _sha256d(taken(block, 80)),
            taken(part[Part.CHAIN_BRANCH], 32 * part[Part.CHAIN_BRANCH_LENGTH]),
            part[Part.CHAIN_INDEX],
        )[::-1],
        part[Part.CHAIN_BRANCH_LENGTH],
        part[Part.CHAIN_INDEX],
        chain_id,
    )


def _why_not_named(
    script: bytes, root: bytes, height: int, index: int, chain_id: int
) -> str | None:
    """Say why the parent's coinbase script does not name a merged-mining root at this index."""
    at = script.find(root)
    if at < 0:
        return "the parent's coinbase does not name this block"
    head = script.find(_MAGIC)
    if head >= 0 and script.find(_MAGIC, head + 1) >= 0:
        return "the parent's coinbase has two merged-mining headers"
    if (head + len(_MAGIC) != at) if head >= 0 else at > _LATEST_ROOT:
        return "the merged-mining root is not where it must be in the parent's coinbase"
    after = script[at + len(root) :]
    if len(after) < 8 or int.from_bytes(after[:4], "little") != 1 << height:
        return "the size of the merged-mining tree is not that of the branch"
    nonce = int.from_bytes(after[4:8], "little")
    if index != expected_index(nonce, chain_id, height):
        return "the block stands in the wrong place of the merged-mining tree"
    return None
