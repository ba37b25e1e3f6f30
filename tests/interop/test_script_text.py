"""Scripts as text: assembly, hex, and the addresses that bitcoin-etl lists."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.script import script_kinds
from clewline.interop.script_text import (
    assembly,
    bytes_of,
    hex_of,
    listed_addresses,
    script_digests,
)

KEY = b"\x02" + bytes(range(32))
LONG_KEY = b"\x04" + bytes(range(64))


def joined(*scripts: bytes) -> tuple[np.ndarray, np.ndarray]:
    starts = np.zeros(len(scripts) + 1, np.int64)
    np.cumsum([len(script) for script in scripts], out=starts[1:])
    return np.frombuffer(b"".join(scripts), np.uint8), starts


def asm(*scripts: bytes) -> list[str]:
    text, bounds = assembly(*joined(*scripts))
    shown = text.tobytes().decode()
    return [shown[a:b] for a, b in pairwise(bounds)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # As Bitcoin Core's ScriptToAsmStr writes them (core_write.cpp).
        ("", ""),
        ("00", "0"),
        ("4f5160", "-1 1 16"),
        ("50", "OP_RESERVED"),
        ("0100", "0"),
        ("0181", "-1"),
        ("0180", "0"),
        ("01ff", "-127"),
        ("020080", "0"),
        ("04ffffff7f", "2147483647"),
        ("04ffffffff", "-2147483647"),
        ("050000000001", "0000000001"),
        ("4c01aa", "-42"),
        ("4d0200aabb", "-15274"),
        ("4e01000000ab", "-43"),
        ("02aa", "[error]"),
        ("6a4c", "OP_RETURN [error]"),
        ("6a4d05", "OP_RETURN [error]"),
        ("6a05aa", "OP_RETURN [error]"),
        (
            "76a914" + "11" * 20 + "88ac",
            f"OP_DUP OP_HASH160 {'11' * 20} OP_EQUALVERIFY OP_CHECKSIG",
        ),
        ("ba", "OP_CHECKSIGADD"),
        ("bb", "OP_UNKNOWN"),
        ("ff", "OP_INVALIDOPCODE"),
        ("61626364", "OP_NOP OP_VER OP_IF OP_NOTIF"),
        ("b0b1b2b3b9", "OP_NOP1 OP_CHECKLOCKTIMEVERIFY OP_CHECKSEQUENCEVERIFY OP_NOP4 OP_NOP10"),
        (
            "a6a7a8a9aaabacadaeaf",
            "OP_RIPEMD160 OP_SHA1 OP_SHA256 OP_HASH160 OP_HASH256 OP_CODESEPARATOR OP_CHECKSIG "
            "OP_CHECKSIGVERIFY OP_CHECKMULTISIG OP_CHECKMULTISIGVERIFY",
        ),
    ],
)
def test_assembly(script: str, expected: str) -> None:
    raw = bytes.fromhex(script)
    assert asm(b"\x51", raw, b"\x52") == ["1", expected, "2"]


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_assembly_of_anything(scripts: list[bytes]) -> None:
    """Each script by itself, whatever its neighbours; every byte of a push is accounted for."""
    assert asm(*scripts) == [asm(script)[0] for script in scripts]


@given(st.binary(max_size=50))
def test_hex(data: bytes) -> None:
    raw = np.frombuffer(data, np.uint8)
    assert hex_of(raw).tobytes().decode() == data.hex()
    back = bytes_of(np.frombuffer(data.hex().upper().encode(), np.uint8))
    assert back is not None
    assert back.tobytes() == data


@pytest.mark.parametrize("text", ["0g", "-1", "  ", "\x00\x00"])
def test_not_hex(text: str) -> None:
    assert bytes_of(np.frombuffer(text.encode(), np.uint8)) is None


def hash160(data: bytes) -> bytes:
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()


def p2pkh(key: bytes) -> bytes:
    return b"\x76\xa9\x14" + hash160(key) + b"\x88\xac"


@pytest.mark.skipif("ripemd160" not in hashlib.algorithms_available, reason="no RIPEMD-160")
def test_listed_addresses() -> None:
    multisig = b"\x52\x21" + KEY + b"\x41" + LONG_KEY + b"\x21" + KEY + b"\x53\xae"
    wide = b"\x01\x11" + (b"\x21" + KEY) * 20 + b"\x01\x14\xae"
    witness = b"\x00\x14" + bytes(20)
    scripts = (
        b"\x21" + KEY + b"\xac",
        multisig,
        b"\x6a",
        witness,
        b"\x41" + LONG_KEY + b"\xac",
        wide,
        b"",
    )
    blob, starts = joined(*scripts)
    entries, behind, bounds, required = listed_addresses(blob, starts, script_kinds(blob, starts))
    listed = [behind[a:b].tobytes() for a, b in pairwise(bounds)]
    assert [listed[a:b] for a, b in pairwise(entries)] == [
        [p2pkh(KEY)],
        [p2pkh(KEY), p2pkh(LONG_KEY), p2pkh(KEY)],
        [b""],
        [witness],
        [p2pkh(LONG_KEY)],
        [p2pkh(KEY)] * 20,
        [b""],
    ]
    assert required.tolist() == [1, 2, -1, 1, 1, 17, -1]


def test_script_digests() -> None:
    blob, starts = joined(b"abc", b"", b"x" * 200)
    digests = script_digests(blob, starts, np.array([2, 0, 1]))
    assert [row.tobytes() for row in digests] == [
        hashlib.sha256(data).digest() for data in (b"x" * 200, b"abc", b"")
    ]
