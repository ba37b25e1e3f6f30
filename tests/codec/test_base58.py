import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.base58 import (
    ALPHABET,
    BAD_CHARACTER,
    base58_decode_into,
    base58_encode_into,
    base58_limbs,
    base58check_encode_into,
    base58check_is_valid,
)
from clewline.codec.sha256 import new_scratch, sha256d

# Bitcoin Core, src/test/data/base58_encode_decode.json, in part.
VECTORS = [
    ("", ""),
    ("61", "2g"),
    ("626262", "a3gV"),
    ("516b6fcd0f", "ABnLTmg"),
    ("00000000000000000000", "1111111111"),
    ("00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"),
]
GUARD = 0xEE


def encode(data: bytes) -> str:
    room = 2 * len(data) + 5
    out = np.full(3 + room + 1, GUARD, np.uint8)
    text = np.frombuffer(b"x" + data + b"x", np.uint8)
    size = base58_encode_into(text, 1, len(data), out, 3, base58_limbs(len(data)))
    assert (out[:3] == GUARD).all()
    assert out[-1] == GUARD, "wrote beyond the room it asks for"
    return out[3 : 3 + size].tobytes().decode()


def decode(text: str) -> bytes | None:
    out = np.full(3 + len(text) + 1, GUARD, np.uint8)
    raw = np.frombuffer(f"?{text}?".encode(), np.uint8)
    size = base58_decode_into(raw, 1, len(text), out, 3, base58_limbs(len(text)))
    assert (out[:3] == GUARD).all()
    assert out[-1] == GUARD, "wrote beyond the room it asks for"
    return None if size == BAD_CHARACTER else out[3 : 3 + size].tobytes()


def by_the_book(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


@pytest.mark.parametrize(("data", "text"), VECTORS)
def test_vectors(data: str, text: str) -> None:
    assert encode(bytes.fromhex(data)) == text
    assert decode(text) == bytes.fromhex(data)


def test_core_vectors(fixtures_dir: Path) -> None:
    vectors = json.loads((fixtures_dir / "addresses" / "base58_encode_decode.json").read_text())
    for data, text in vectors:
        assert encode(bytes.fromhex(data)) == text
        assert decode(text) == bytes.fromhex(data)


@given(st.integers(0, 5), st.binary(max_size=60))
def test_equals_the_definition_and_comes_back(zeros: int, tail: bytes) -> None:
    data = bytes(zeros) + tail
    assert encode(data) == by_the_book(data)
    assert decode(by_the_book(data)) == data


@pytest.mark.parametrize("value", [58**5 - 1, 58**5, 58**10 - 1, 58**10, 2**32, 2**64, 2**64 - 1])
def test_borders_of_chunks_and_limbs(value: int) -> None:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    assert encode(data) == by_the_book(data)
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["0", "abcO", "I", "lll", "a b", "a-", "1111?"])
def test_characters_outside_the_alphabet(text: str) -> None:
    assert decode(text) is None


@given(st.binary(min_size=1, max_size=60))
def test_checksum(payload: bytes) -> None:
    scratch, limbs = new_scratch(), base58_limbs(len(payload) + 4)
    room = np.frombuffer(payload + bytes(32), np.uint8).copy()
    out = np.empty(200, np.uint8)
    size = base58check_encode_into(room, len(payload), out, 0, limbs, scratch)
    checked = payload + sha256d(payload)[:4]
    assert out[:size].tobytes().decode() == by_the_book(checked)

    digest, decoded = np.empty(32, np.uint8), np.frombuffer(checked, np.uint8).copy()
    assert base58check_is_valid(decoded, len(checked), digest, scratch)
    for position in (0, len(payload) - 1, *range(len(payload), len(checked))):
        decoded[position] ^= 1
        assert not base58check_is_valid(decoded, len(checked), digest, scratch)
        decoded[position] ^= 1
    assert not base58check_is_valid(decoded, 3, digest, scratch)
