"""X11 and its eleven hashes: published vectors, genesis headers, definitions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coins import genesis_block

from clewline.codec import x11
from clewline.codec.networks import NETWORKS
from clewline.codec.x11 import cubehash, jh
from clewline.codec.x11.aes import S_BOX, times
from clewline.codec.x11.words import new_room

# Of the empty message: ShortMsgKAT_512 (Len = 0) of each submission.
EMPTY = {
    "blake512": (
        "a8cfbbd73726062df0c6864dda65defe58ef0cc52a5625090fa17601e1eecd1b"
        "628e94f396ae402a00acc9eab77b4d4c2e852aaaa25a636d80af3fc7913ef5b8"
    ),
    "bmw512": (
        "6a725655c42bc8a2a20549dd5a233a6a2beb01616975851fd122504e604b46af"
        "7d96697d0b6333db1d1709d6df328d2a6c786551b0cce2255e8c7332b4819c0e"
    ),
    "groestl512": (
        "6d3ad29d279110eef3adbd66de2a0345a77baede1557f5d099fce0c03d6dc2ba"
        "8e6d4a6633dfbd66053c20faa87d1a11f39a7fbe4a6c2f009801370308fc4ad8"
    ),
    "skein512": (
        "bc5b4c50925519c290cc634277ae3d6257212395cba733bbad37a4af0fa06af4"
        "1fca7903d06564fea7a2d3730dbdb80c1f85562dfcc070334ea4d1d9e72cba7a"
    ),
    "jh512": (
        "90ecf2f76f9d2c8017d979ad5ab96b87d58fc8fc4b83060f3f900774faa2c8fa"
        "be69c5f4ff1ec2b61d6b316941cedee117fb04b1f4c5bc1b919ae841c50eec4f"
    ),
    "keccak512": (
        "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
        "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e"
    ),
    "luffa512": (
        "6e7de4501189b3ca58f3ac114916654bbcd4922024b4cc1cd764acfe8ab4b780"
        "5df133eab345ffdb1c414564c924f48e0a301824e2ac4c34bd4efde2e43da90e"
    ),
    "cubehash512": (
        "4a1d00bbcfcb5a9562fb981e7f7db3350fe2658639d948b9d57452c22328bb32"
        "f468b072208450bad5ee178271408be0b16e5633ac8a1e3cf9864cfbfc8e043a"
    ),
    "shavite512": (
        "a485c1b2578459d1efc5dddd840bb0b4a650ac82fe68f58c4442ccda747da006"
        "b2d1dc6b4a4eb7d84ff91e1f466fef429d259acd995dddcad16fa545c7a6e5ba"
    ),
    "simd512": (
        "51a5af7e243cd9a5989f7792c880c4c3168c3d60c4518725fe5757d1f7a69c63"
        "66977eaba7905ce2da5d7cfd07773725f0935b55f3efb954996689a49b6d29e0"
    ),
    "echo512": (
        "158f58cc79d300a9aa292515049275d051a28ab931726d0ec44bdd9faef4a702"
        "c36db9e7922fff077402236465833c5cc76af4efc352b4b44c7fa15aa0ef234e"
    ),
}


def digest(name: str, message: bytes) -> bytes:
    """A hash of a message that fits its first block."""
    room = new_room()
    room.block[:] = np.frombuffer(message.ljust(128, b"\0"), "<u8")
    getattr(x11, name)(room, len(message))
    assert not room.block[8:].any()
    return room.block[:8].astype("<u8").tobytes()


@pytest.mark.parametrize("name", EMPTY)
def test_published_vectors(name: str) -> None:
    assert digest(name, b"").hex() == EMPTY[name]


def test_keccak_of_abc() -> None:
    # Keccak submission, not FIPS 202.
    assert digest("keccak512", b"abc").hex().startswith("18587dc2ea106b9a1563e32b3312421c")


@pytest.mark.parametrize("name", ["dash", "dash-test", "dash-regtest"])
def test_genesis_headers(name: str) -> None:
    header = np.frombuffer(genesis_block(name)[:80], np.uint8).reshape(1, 80)
    assert x11.x11_many(header)[0].tobytes() == NETWORKS[name].genesis


def test_chain_of_hashes() -> None:
    """Each hash takes what the one before it gives: the first a header, the others 64 bytes."""
    header = bytes(range(80))
    value = header
    for name in EMPTY:
        value = digest(name, value)
    (found,) = x11.x11_many(np.frombuffer(header, np.uint8).reshape(1, 80))
    assert found.tobytes() == value[:32]


@settings(max_examples=30)
@given(st.lists(st.binary(min_size=80, max_size=80), max_size=4))
def test_rows_do_not_touch_each_other(headers: list[bytes]) -> None:
    rows = np.frombuffer(b"".join(headers), np.uint8).reshape(-1, 80)
    alone = [x11.x11_many(row.reshape(1, 80))[0].tobytes() for row in rows]
    assert [row.tobytes() for row in x11.x11_many(rows)] == alone


@pytest.mark.parametrize("name", EMPTY)
@settings(max_examples=10)
@given(st.binary(min_size=64, max_size=64), st.integers(0, 511))
def test_one_bit_changes_about_half(name: str, message: bytes, bit: int) -> None:
    other = bytearray(message)
    other[bit // 8] ^= 1 << bit % 8
    both = digest(name, message), digest(name, bytes(other))
    differ = (int.from_bytes(both[0], "big") ^ int.from_bytes(both[1], "big")).bit_count()
    assert 180 < differ < 332


def test_s_box_is_that_of_aes() -> None:
    # FIPS 197, figure 7.
    assert bytes(S_BOX[:8]).hex() == "637c777bf26b6fc5"
    assert (S_BOX[0x53], S_BOX[0xFF]) == (0xED, 0x16)
    assert sorted(S_BOX) == list(range(256))
    assert times(0x57, 0x13) == 0xFE


def test_state_of_cubehash_follows_from_its_parameters() -> None:
    state = np.zeros(64, np.uint32)
    state[:3] = 64, 32, 16
    cubehash._transform(state, 160)
    assert state[:32].tolist() == cubehash._INITIAL.tolist()


def test_state_of_jh_follows_from_its_definition() -> None:
    """Compress zeros into 512, the length of the digest, in two bytes."""
    state, zeros = np.zeros(16, np.uint64), np.zeros(8, np.uint64)
    state[0] = np.frombuffer(b"\x02\x00".ljust(8, b"\0"), "<u8")[0]
    jh._absorb(state, zeros, 0)
    assert state.tolist() == jh._INITIAL.tolist()


def test_places_of_jh_come_round() -> None:
    """After 42 rounds, six times seven, each element stands where the definition has it."""
    assert jh._sources(8) == [0, 3, 4, 7, 2, 1, 6, 5]
    assert len({tuple(row) for row in jh._CONSTANTS.tolist()}) == 42


@pytest.mark.parametrize("module", ["clewline.cli", "clewline.workspace"])
def test_other_chains_do_not_pay_for_it(module: str) -> None:
    code = f"import sys, {module}; print([m for m in sys.modules if 'x11' in m])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
