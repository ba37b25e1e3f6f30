"""CashAddr as the specification of Bitcoin Cash gives it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.bech32 import BAD_CHARACTER, BAD_PADDING, CHARSET, MIXED_CASE, TOO_SHORT
from clewline.codec.cashaddr import VALID, cashaddr_decode_into, cashaddr_encode_into

# From the specification: the hash of 20 bytes of its test vectors, and legacy translations.
HASH = "f5bf48b397dae70be82b3cca4793f8eb2b6cdac9"
VECTORS = [
    ("bitcoincash", 0, HASH, "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2"),
    ("bchtest", 8, HASH, "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t"),
    ("bitcoincash", 0, "00" * 20, "bitcoincash:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqfnhks603"),
    (
        *("bitcoincash", 0, "76a04053bda0a88bda5177b86a15c3b29f559873"),
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    ),
    (
        *("bitcoincash", 8, "76a04053bda0a88bda5177b86a15c3b29f559873"),
        "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq",
    ),
]
# "Larger test vectors" of the specification: version byte 3 is a key hash of 32 bytes.
LONG = (
    "bitcoincash:qvch8mmxy0rtfrlarg7ucrxxfzds5pamg73h7370aa87d80gyhqxq5nlegake",
    "3173ef6623c6b48ffd1a3dcc0cc6489b0a07bb47a37f47cfef4fe69de825c060",
)


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def encode(prefix: str, version: int, data: bytes) -> str:
    out = np.empty(100, np.uint8)
    size = cashaddr_encode_into(array(prefix.encode()), version, array(data), 0, out, 0)
    return out[:size].tobytes().decode()


def decode(text: str, prefix: str, skipped: int) -> tuple[int, int, int, bytes]:
    out = np.empty(100, np.uint8)
    raw = array(text.encode())
    found = cashaddr_decode_into(raw, 0, raw.size, skipped, array(prefix.encode()), out, 0)
    return *found, out[: max(found[2], 0)].tobytes()


@pytest.mark.parametrize(("prefix", "version", "data", "text"), VECTORS)
def test_vectors(prefix: str, version: int, data: str, text: str) -> None:
    assert encode(prefix, version, bytes.fromhex(data)) == text
    skipped = len(prefix) + 1
    assert decode(text, prefix, skipped) == (VALID, version, 20, bytes.fromhex(data))
    assert decode(text.upper(), prefix, skipped)[:3] == (VALID, version, 20)
    assert decode(text[skipped:], prefix, 0) == (VALID, version, 20, bytes.fromhex(data))
    assert decode(text, "bchreg", skipped)[0] not in (VALID, BAD_CHARACTER)


def test_longer_hashes_are_read() -> None:
    text, data = LONG
    assert decode(text, "bitcoincash", 12) == (VALID, 3, 32, bytes.fromhex(data))


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0, 8, 16, 24]), st.data())
def test_round_trip_and_every_slip(data: bytes, version: int, choice: st.DataObject) -> None:
    text = encode("bitcoincash", version, data)
    assert decode(text, "bitcoincash", 12) == (VALID, version, 20, data)
    at = choice.draw(st.integers(12, len(text) - 1))
    other = choice.draw(st.sampled_from([c for c in CHARSET if c != text[at]]))
    assert decode(text[:at] + other + text[at + 1 :], "bitcoincash", 12)[0] > VALID


def test_refusals() -> None:
    text = VECTORS[0][3]
    assert decode(text[:-1] + "B", "bitcoincash", 12)[0] == MIXED_CASE
    assert decode("Bitcoincash" + text[11:], "bitcoincash", 12)[0] == MIXED_CASE
    assert decode(text[:-1] + "b", "bitcoincash", 12)[0] == BAD_CHARACTER
    assert decode("bitcoincash:qqqqqqqqq", "bitcoincash", 12)[0] == TOO_SHORT
    # The specification's checksum vector of 32 groups: a whole byte's rest is left.
    assert decode("bitcoincash:qpzry9x8gf2tvdw0s3jn54khce6mua7lcw20ayyn", "bitcoincash", 12)[2] in (
        BAD_PADDING,
        19,
    )
