import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clewline.codec import sha256

COMPRESSIONS = [
    pytest.param(sha256._compress_portable, id="portable"),
    pytest.param(
        sha256._compress_sha_ni,
        id="sha-ni",
        marks=pytest.mark.skipif(
            not sha256._has_sha_instructions(), reason="this processor has no SHA extensions"
        ),
    ),
]


def writable(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).copy()


def read_only(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def padded(message: bytes) -> bytes:
    zeros = -(len(message) + 9) % 64
    return message + b"\x80" + bytes(zeros) + (8 * len(message)).to_bytes(8, "big")


@pytest.mark.parametrize("compress", COMPRESSIONS)
@pytest.mark.parametrize("as_array", [writable, read_only])
def test_both_compressions_equal_hashlib(compress, as_array) -> None:
    rng = np.random.default_rng(1)
    for length in range(201):
        message = rng.bytes(length)
        blocks = padded(message)
        words = np.zeros(24, np.uint32)
        words[:8] = sha256._INITIAL
        compress(words, as_array(b"xyz" + blocks), 3, len(blocks) // 64)
        assert words[:8].astype(">u4").tobytes() == hashlib.sha256(message).digest(), length


@pytest.mark.parametrize("as_array", [writable, read_only])
def test_every_length_and_offset(as_array) -> None:
    data = np.random.default_rng(2).bytes(300)
    array, out, scratch = as_array(data), np.empty(40, np.uint8), sha256.new_scratch()
    for length in range(201):
        start = length % 67
        message = data[start : start + length]
        sha256.sha256_into(array, start, length, out, 5, scratch)
        assert out[5:37].tobytes() == hashlib.sha256(message).digest(), length
        sha256.sha256d_into(array, start, length, out, 8, scratch)
        assert out[8:].tobytes() == sha256.sha256d(message), length


@settings(deadline=None)
@given(
    data=st.binary(min_size=0, max_size=600),
    cuts=st.lists(st.integers(0, 600), min_size=6, max_size=6),
)
def test_three_ranges_hash_as_one_message(data: bytes, cuts: list[int]) -> None:
    a, b, c, d, e, f = sorted(min(cut, len(data)) for cut in cuts)
    out = np.zeros(32, np.uint8)
    sha256.sha256d_ranges3_into(
        read_only(data), a, b - a, c, d - c, e, f - e, out, 0, sha256.new_scratch()
    )
    assert out.tobytes() == sha256.sha256d(data[a:b] + data[c:d] + data[e:f])


def test_three_ranges_at_every_block_boundary() -> None:
    data, out, scratch = bytes(range(256)), np.zeros(32, np.uint8), sha256.new_scratch()
    for middle in range(130):
        sha256.sha256d_ranges3_into(read_only(data), 0, 4, 6, middle, 252, 4, out, 0, scratch)
        expected = sha256.sha256d(data[:4] + data[6 : 6 + middle] + data[252:])
        assert out.tobytes() == expected, middle


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_many(messages: list[bytes]) -> None:
    lengths = np.array([len(message) for message in messages], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)[:-1]
    digests = sha256.sha256d_many(read_only(b"".join(messages)), starts[::-1].copy(), lengths[::-1])
    assert digests.shape == (len(messages), 32)
    assert [row.tobytes() for row in digests] == [sha256.sha256d(m) for m in messages[::-1]]


def test_genesis_block_hash() -> None:
    header = bytes.fromhex(
        "01000000" + "00" * 32
        + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
        + "29ab5f49ffff001d1dac2b7c"
    )  # fmt: skip
    digest = sha256.sha256d_many(read_only(header), np.array([0]), np.array([80]))[0]
    assert digest[::-1].tobytes().hex().startswith("000000000019d668")
