"""Choosing the chain with the most work, and the rules along it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.builders import (
    GENESIS,
    GENESIS_TIME,
    REGTEST_BITS,
    Branch,
    dice,
    mine,
    sha256d,
)

from clewline.codec.header import header_hashes
from clewline.codec.networks import NETWORKS
from clewline.errors import BlockFileError, ChainError
from clewline.sources.active_chain import (
    ActiveChain,
    _expected_bits,
    _retarget,
    choose_active_chain,
    compact,
    target_of,
    work_of,
)

REGTEST = NETWORKS["regtest"]


def rows(headers: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(headers), np.uint8).reshape(-1, 80)


def choose(stored: Sequence[bytes], found: Sequence[bytes]) -> ActiveChain:
    return choose_active_chain(REGTEST, rows(stored), rows(found), "record {}".format)


@pytest.fixture(scope="module")
def headers() -> list[bytes]:
    chain = Branch()
    for _ in range(5):
        chain.add()
    return [block.header for block in chain.blocks]


def test_hashes_are_those_of_the_headers(headers: list[bytes]) -> None:
    assert [row.tobytes() for row in header_hashes(rows(headers))] == [*map(sha256d, headers)]


def test_any_order_and_repeats(headers: list[bytes]) -> None:
    rng = dice(1)
    for _ in range(10):
        found = rng.sample(headers * 2, len(headers) * 2)
        active = choose([], found)
        assert [found[record] for record in active.records] == headers
        assert (active.fork_height, active.stale) == (0, 0)
        assert [active.held.size, active.others.size] == [0, len(headers)]
        assert sorted([*active.records, *active.others]) == list(range(12))


def test_stored_blocks_are_not_taken_again(headers: list[bytes]) -> None:
    active = choose(headers[:3], [headers[4], headers[2], headers[3], headers[3], headers[5]])
    assert active.fork_height == 3
    assert active.records.tolist() == [2, 0, 4]
    assert (active.held.tolist(), active.held_height.tolist()) == ([1], [2])
    assert active.others.tolist() == [3]
    nothing = choose(headers, headers[:2])
    assert (nothing.fork_height, nothing.records.size, nothing.stale) == (6, 0, 0)
    assert choose(headers, []).fork_height == 6


def extend(header: bytes, length: int, tag: int) -> list[bytes]:
    """Headers on top of one; their Merkle roots are of no blocks."""
    made = [header]
    time = struct.unpack("<I", header[68:72])[0]
    for number in range(1, length + 1):
        made.append(mine(sha256d(made[-1]), bytes([tag]) * 32, time + 60 * number))
    return made[1:]


def test_reorganisation_starts_at_the_fork(headers: list[bytes]) -> None:
    longer = extend(headers[2], 4, 1)
    active = choose(headers, [*longer[::-1], headers[1]])
    assert (active.fork_height, active.stale) == (3, 3)
    assert active.records.tolist() == [3, 2, 1, 0]
    shorter = extend(headers[2], 2, 2)
    active = choose(headers, shorter)
    assert (active.fork_height, active.records.size, active.stale) == (6, 0, 2)
    assert active.others.tolist() == [0, 1]


@settings(max_examples=30)
@given(seed=st.integers(0, 1 << 30))
def test_choice_is_that_of_a_plain_search(seed: int) -> None:
    """Random trees: the tip is the deepest header, at equal depth the one with the lower hash."""
    rng = dice(seed)
    tree = [GENESIS[:80]]
    depth = {sha256d(tree[0]): 0}
    for number in range(12):
        parent = rng.choice(tree)
        tree += extend(parent, 1, number)
        depth[sha256d(tree[-1])] = depth[sha256d(parent)] + 1
    best = max(depth, key=lambda name: (depth[name], -int.from_bytes(name, "little")))
    rng.shuffle(tree)
    active = choose([], tree)
    assert sha256d(tree[active.records[-1]]) == best
    assert active.records.size == depth[best] + 1
    assert active.stale == len(tree) - active.records.size


def test_gap_and_missing_genesis(headers: list[bytes]) -> None:
    name = sha256d(headers[3])[::-1].hex()
    with pytest.raises(ChainError, match=f"record 3: a gap .* of block {name} is missing"):
        choose([], [*headers[:2], headers[4], headers[3]])
    with pytest.raises(ChainError, match="record 0: the genesis block of network regtest"):
        choose([], headers[1:])


def test_proof_of_work_of_every_header(headers: list[bytes]) -> None:
    worse = bytearray(extend(headers[2], 1, 7)[0])
    while sha256d(bytes(worse))[31] < 0x80:
        worse[76] += 1
    with pytest.raises(BlockFileError, match=r"record 6: block .* does not meet its proof-of-work"):
        choose([], [*headers, bytes(worse)])
    none = bytes(worse[:72]) + bytes(4) + bytes(worse[76:])
    with pytest.raises(BlockFileError, match=r"\(bits 00000000\)"):
        choose([], [*headers, none])


def test_bits_are_those_of_the_rules(headers: list[bytes]) -> None:
    """A harder target than regtest's would count for more work; nobody may choose it."""
    head = struct.pack("<i", 4) + sha256d(headers[2]) + bytes(32)
    head += struct.pack("<II", GENESIS_TIME + 60 * 600, 0x2000FFFF)
    nonce = next(n for n in range(100_000) if sha256d(head + struct.pack("<I", n))[31] == 0)
    with pytest.raises(
        ChainError, match="block 3 uses target bits 2000ffff; the rules ask for 207"
    ):
        choose([], [*headers, head + struct.pack("<I", nonce)])


def test_time_is_later_than_the_median_of_eleven() -> None:
    made = [GENESIS[:80]]
    times = [GENESIS_TIME]
    for number in range(1, 14):
        times.append(sorted(times[-11:])[min(number, 11) // 2] + 1)
        made.append(mine(sha256d(made[-1]), bytes(32), times[-1]))
    assert choose([], made).records.size == 14
    for height in (1, 2, 5, 13):
        late = sorted(times[max(0, height - 11) : height])[min(height, 11) // 2]
        bad = [*made[:height], mine(sha256d(made[height - 1]), bytes(32), late)]
        with pytest.raises(ChainError, match=f"record {height}: block {height} is not later than"):
            choose([], bad)


# Bitcoin Core, src/test/pow_tests.cpp: get_next_work and its bounds.
@pytest.mark.parametrize(
    ("first", "last", "bits", "expected"),
    [
        (1261130161, 1262152739, 0x1D00FFFF, 0x1D00D86A),
        (1231006505, 1233061996, 0x1D00FFFF, 0x1D00FFFF),
        (1279008237, 1279297671, 0x1C05A3F4, 0x1C0168FD),
        (1263163443, 1269211443, 0x1C387F6F, 0x1D00E1FD),
    ],
)
def test_retarget(first: int, last: int, bits: int, expected: int) -> None:
    times = [first, *[0] * 2014, last]
    assert _retarget(NETWORKS["main"], times, [bits] * 2016, 2016) == expected
    assert _retarget(REGTEST, times, [REGTEST_BITS] * 2016, 2016) == REGTEST_BITS


def test_retarget_of_testnet4_starts_from_the_first_block() -> None:
    """BIP-94: the last block of a period may have used the easiest target."""
    times = [600 * height for height in range(2016)]
    bits = [0x1C05A3F4] * 2015 + [0x1D00FFFF]
    span_short = _retarget(NETWORKS["testnet4"], times, bits, 2016)
    assert span_short == compact(target_of(0x1C05A3F4) * 2015 * 600 // (14 * 24 * 3600))
    assert _retarget(NETWORKS["test"], times, bits, 2016) > span_short


def test_late_blocks_of_testnet_may_be_easy() -> None:
    """Core's ``GetNextWorkRequired``: after 20 minutes; then back to the last regular bits."""
    limit, hard = 0x1D00FFFF, 0x1C00FFFF
    times = [0, 600, 600 + 1201, 1801 + 1200, 3001 + 1201]
    bits = [hard, hard, limit, hard, limit]
    assert list(_expected_bits(NETWORKS["test"], times, bits)) == bits[1:]
    assert list(_expected_bits(NETWORKS["main"], times, bits)) == bits[:-1]


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        (0x01003456, 0),
        (0x02008000, 0x80),
        (0x05009234, 0x92340000),
        (0x04923456, 0),  # negative
        (0x20123456, 0x123456 << 232),
        (0xFF123456, 0),  # overflow
    ],
)
def test_compact_form(bits: int, target: int) -> None:
    """Bitcoin Core, src/test/arith_uint256_tests.cpp: bignum_SetCompact."""
    assert target_of(bits) == target
    assert (work_of(bits) > 0) == (target > 0)
    if target:
        assert target_of(compact(target)) == target
