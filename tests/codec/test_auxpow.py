"""Merged mining: what the proof after a header proves, byte by byte."""

from __future__ import annotations

import numpy as np
from tests.coins import Chain, auxpow, scrypt

from clewline.codec.auxpow import PARTS, Part, auxpow_parts, expected_index
from clewline.codec.block import BlockFault, parse_blocks, verify_blocks
from clewline.codec.networks import NETWORKS
from clewline.sources.proof_of_work import check_work

COIN = NETWORKS["dogecoin"].coin


def merged() -> bytes:
    """A block with a proof that has both branches."""
    chain = Chain("dogecoin-regtest", work=scrypt)
    branch = [bytes([i]) * 32 for i in range(1, 3)]
    chain.add(proof=lambda name, time: auxpow(name, time, branch=branch, chain_branch=branch))
    return chain.blocks[1]


def is_good(block: bytes) -> bool:
    data = np.frombuffer(block, np.uint8)
    parsed = parse_blocks(data, np.zeros(1, np.int64), np.array([data.size]), COIN.form)
    if isinstance(parsed, BlockFault):
        return False
    return verify_blocks(parsed) is None and check_work(parsed, COIN) is None


def test_every_byte_of_the_proof_counts() -> None:
    block = merged()
    assert is_good(block)
    parts = np.empty(PARTS, np.int64)
    data = np.frombuffer(block, np.uint8)
    fault, end = auxpow_parts(data, 80, data.size, parts)
    assert fault == 0
    # The hash of the parent is not looked at; other fields of its header change its work alone,
    # which on regtest is good in every second try.
    hash_at, parent = int(parts[Part.TX_END]), int(parts[Part.PARENT])
    free = {*range(hash_at, hash_at + 32)}
    lucky = {*range(parent, parent + 36), *range(parent + 68, parent + 80)}
    flipped = {
        at
        for at in range(len(block))
        if is_good(block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :])
    }
    assert free <= flipped <= free | lucky
    assert end < len(block)


def test_every_cut_is_seen() -> None:
    block = merged()
    assert not any(is_good(block[:size]) for size in range(81, len(block)))


def test_expected_index() -> None:
    # By hand: rand = nonce * 1103515245 + 12345, + 98, the same again, modulo 2^height.
    first = (5 * 1103515245 + 12345 + 0x62) % 2**32
    assert expected_index(5, 0x62, 7) == (first * 1103515245 + 12345) % 2**32 % 128
