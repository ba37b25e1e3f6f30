import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.bech32 import (
    BAD_CHARACTER,
    BAD_PADDING,
    BECH32,
    BECH32M,
    CHARSET,
    MIXED_CASE,
    TOO_SHORT,
    segwit_decode_into,
    segwit_encode_into,
)

GUARD = 0xEE
PREFIXES = st.sampled_from(["bc", "tb", "bcrt"])


def encode(prefix: str, version: int, program: bytes) -> str:
    room = len(prefix) + 8 + -(-8 * len(program) // 5)
    out = np.full(2 + room + 1, GUARD, np.uint8)
    data = np.frombuffer(b"x" + program + b"x", np.uint8)
    letters = np.frombuffer(prefix.encode(), np.uint8)
    size = segwit_encode_into(letters, version, data, 1, len(program), out, 2)
    assert size == room
    assert out[1] == out[-1] == GUARD
    return out[2 : 2 + size].tobytes().decode()


def decode(text: str, prefix_length: int) -> tuple[int, int, bytes | int]:
    out = np.full(2 + len(text) * 5 // 8 + 1, GUARD, np.uint8)
    raw = np.frombuffer(f"Z{text}z".encode(), np.uint8)
    checksum, version, size = segwit_decode_into(raw, 1, len(text), prefix_length, out, 2)
    assert out[1] == out[-1] == GUARD
    return checksum, version, size if size < 0 else out[2 : 2 + size].tobytes()


def by_the_book(text: str) -> int:
    """The checksum of BIP-173's reference code, bit by bit."""
    prefix, _, data = text.rpartition("1")
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    checksum = 1
    for value in values + [CHARSET.index(c) for c in data]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for i, word in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            checksum ^= word if top >> i & 1 else 0
    return checksum


@given(PREFIXES, st.integers(0, 16), st.binary(min_size=1, max_size=40))
def test_round_trip(prefix: str, version: int, program: bytes) -> None:
    text = encode(prefix, version, program)
    constant = BECH32 if version == 0 else BECH32M
    assert by_the_book(text) == constant
    assert decode(text, len(prefix)) == (constant, version, program)
    assert decode(text.upper(), len(prefix)) == (constant, version, program)


@given(st.binary(min_size=2, max_size=40), st.data())
def test_up_to_four_wrong_characters_are_noticed(program: bytes, data: st.DataObject) -> None:
    # BIP-173 promises it for every text of at most 90 characters.
    text = list(encode("bc", 1, program))
    places = data.draw(st.sets(st.integers(3, len(text) - 1), min_size=1, max_size=4))
    for place in sorted(places):
        text[place] = data.draw(st.sampled_from([c for c in CHARSET if c != text[place]]))
    wrong = "".join(text)
    checksum, _, _ = decode(wrong, 2)
    assert checksum == by_the_book(wrong)
    assert checksum != BECH32M


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bc1pfeessrawgF", MIXED_CASE),
        ("Bc1pfeessrawgf", MIXED_CASE),
        ("bc1pfeessrawgb", BAD_CHARACTER),
        ("bc1pfeessrawg1", BAD_CHARACTER),
        ("bc1pfees?rawgf", BAD_CHARACTER),
        ("bc1rawgff", TOO_SHORT),
        ("bc1", TOO_SHORT),
    ],
)
def test_refusals(text: str, expected: int) -> None:
    assert decode(text, 2)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
        "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j",
    ],
)
def test_padding(text: str) -> None:
    assert decode(text, 2) == (BECH32M, 1, BAD_PADDING)
