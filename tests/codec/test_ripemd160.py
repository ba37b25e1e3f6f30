"""The hash behind addresses of keys, against published values and another implementation."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.ripemd160 import hash160_into
from clewline.codec.sha256 import new_scratch


def hash160(data: bytes) -> bytes:
    out = np.full(40, 7, np.uint8)
    padded = np.frombuffer(b"\1" + data + b"\1", np.uint8)
    hash160_into(padded, 1, len(data), out, 4, new_scratch())
    assert (out[:4] == 7).all()
    assert (out[36:] == 7).all()
    return out[4:24].tobytes()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", "b472a266d0bd89c13706a4132ccfb16f7c3b9fcb"),
        # The key of the genesis block's coinbase: 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.
        (
            "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e5"
            "1ec112de5c384df7ba0b8d578a4c702b6bf11d5f",
            "62e907b15cbf27d5425399ebf6f0fb50ebb88f18",
        ),
        # BIP-143 and BIP-173: the key of bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.
        (
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
    ],
)
def test_published_values(data: str, expected: str) -> None:
    assert hash160(bytes.fromhex(data)).hex() == expected


@given(st.binary(max_size=200))
def test_agrees_with_openssl(data: bytes) -> None:
    try:
        other = hashlib.new("ripemd160", hashlib.sha256(data).digest())
    except ValueError:
        pytest.skip("this OpenSSL has no RIPEMD-160")
    assert hash160(data) == other.digest()
