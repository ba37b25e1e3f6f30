"""Proof of work that takes more than the hash of a header: scrypt, and merged mining.

Where a block's hash is its work, `clewline.sources.active_chain` checks each header. Scrypt takes
a thousand times as long, and a merged-mining proof lies in the block; so these are checked once,
when a block is read.
"""

from __future__ import annotations

import hashlib

import numpy as np

from clewline.codec.auxpow import (
    AUXPOW_BIT,
    PARENT_HEADER_BYTES,
    PARTS,
    Part,
    auxpow_parts,
    why_not_merged_mined,
)
from clewline.codec.block import BlockFault, Fault, ParsedBlocks
from clewline.codec.header import HEADER_BYTES
from clewline.codec.networks import Coin, ProofOfWork
from clewline.sources.active_chain import target_of


def scrypt_hash(header: bytes) -> bytes:
    """Return the scrypt hash that Litecoin and Dogecoin hold against the target.

    Parameters
    ----------
    header : bytes
        80 bytes.

    Returns
    -------
    bytes
        32 bytes, internal byte order.

    Notes
    -----
    Cost: 0.5 ms, 128 KB (N 1024, r 1, p 1).

    Examples
    --------
    >>> scrypt_hash(bytes(80))[-2:].hex()
    '4b69'
    """
    return hashlib.scrypt(header, salt=header, n=1024, r=1, p=1, dklen=32)


def check_work(parsed: ParsedBlocks, coin: Coin) -> BlockFault | None:
    """Check work that the hashes of headers do not show.

    Parameters
    ----------
    parsed : ParsedBlocks
        Blocks of one chain.
    coin : Coin
        Which. Where its work is another hash than scrypt, nothing is checked here.

    Returns
    -------
    BlockFault or None
        The first block whose work, or merged-mining proof, is not good.

    Notes
    -----
    Cost: 0.5 ms a block, mostly without the interpreter lock.
    """
    if coin.proof_of_work is not ProofOfWork.SCRYPT:
        return None
    data, parts = parsed.data, np.empty(PARTS, np.int64)
    for block, (start, end) in enumerate(
        zip(parsed.block_start.tolist(), parsed.block_end.tolist(), strict=True)
    ):
        header = worker = data[start : start + HEADER_BYTES].tobytes()
        if coin.form.auxpow and int.from_bytes(header[:4], "little") & AUXPOW_BIT:
            auxpow_parts(data, start + HEADER_BYTES, end, parts)
            why = why_not_merged_mined(data, start, parts, coin.merged_mining_id)
            if why:
                return BlockFault(block, Fault.MERGED_MINING, start + HEADER_BYTES, why)
            parent = int(parts[Part.PARENT])
            worker = data[parent : parent + PARENT_HEADER_BYTES].tobytes()
        target = target_of(int.from_bytes(header[72:76], "little"))
        if int.from_bytes(scrypt_hash(worker), "little") > target:
            return BlockFault(block, Fault.WORK, start)
    return None
