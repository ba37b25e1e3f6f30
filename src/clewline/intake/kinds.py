"""What each kind of address must be beyond its beginning: one pure function a kind.

A function takes one text and returns what it stands for, or None where it is not of the kind. Each
names its standard. Bitcoin and its kin are read in batches by `clewline.codec.address`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

from clewline.codec.base58 import (
    ALPHABET,
    base58_blocks_decode,
    base58_blocks_encode,
    base58_decode,
    base58check_decode,
    base58check_encode,
)
from clewline.codec.bech32 import bech32_decode
from clewline.codec.keccak import keccak256


class Meaning(NamedTuple):
    """What a text stands for.

    Attributes
    ----------
    canonical : str
        The one form by which this address is compared with others.
    tag : str
        What tells customers of one address apart (destination tag, payment id, id of a muxed
        account); empty where there is none.
    checked : bool
        False where the kind has a checksum, but this text does not carry it.
    """

    canonical: str
    tag: str = ""
    checked: bool = True


Check = Callable[[str], Meaning | None]

_XRP_ALPHABET: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_FROM_XRP: Final = str.maketrans(_XRP_ALPHABET, ALPHABET)
_TO_XRP: Final = str.maketrans(ALPHABET, _XRP_ALPHABET)


def bech32_kind(constant: int, prefix: str, sizes: tuple[int, ...]) -> Check:
    """Return the check of a bech32 text with this prefix and so many bytes (BIP-173, BIP-350)."""

    def check(text: str) -> Meaning | None:
        read = bech32_decode(text)
        if read is None or read[0] != prefix or read[2] != constant or len(read[1]) not in sizes:
            return None
        return Meaning(text.lower())

    return check


def base58check_kind(version: bytes, size: int) -> Check:
    """Return the check of a base58check text: version bytes, then so many others."""

    def check(text: str) -> Meaning | None:
        payload = base58check_decode(text)
        if payload is None or not payload.startswith(version):
            return None
        return Meaning(text) if len(payload) == len(version) + size else None

    return check


def evm(text: str) -> Meaning | None:
    """Read an account of Ethereum and what took its form (ERC-55: the case is the checksum)."""
    digits = text[2:]
    canonical = text[:2] + erc55(digits)
    if digits in (digits.lower(), digits.upper()):
        return Meaning(canonical, checked=False)
    return Meaning(canonical) if text == canonical else None


def erc55(digits: str) -> str:
    """Return 40 hex digits in the case that ERC-55 gives them."""
    lower = digits.lower()
    hashed = keccak256(lower.encode()).hex()
    return "".join(
        character.upper() if nibble >= "8" else character
        for character, nibble in zip(lower, hashed, strict=False)
    )


def monero(version: int) -> Check:
    """Return the check of Monero's addresses: version, two keys, perhaps a payment id, Keccak."""

    def check(text: str) -> Meaning | None:
        data = base58_blocks_decode(text)
        if data is None or len(data) not in (69, 77) or data[0] != version:
            return None
        if not keccak256(data[:-4]).startswith(data[-4:]):
            return None
        return Meaning(text)

    return check


def monero_integrated(version: int, standard: int) -> Check:
    """Return the check of an address with a payment id; canonical is the address without it."""

    def check(text: str) -> Meaning | None:
        data = base58_blocks_decode(text)
        if data is None or len(data) != 77 or monero(version)(text) is None:
            return None
        plain = bytes([standard]) + data[1:65]
        return Meaning(base58_blocks_encode(plain + keccak256(plain)[:4]), tag=data[65:73].hex())

    return check


def solana(text: str) -> Meaning | None:
    """Read an account of Solana: base58 of 32 bytes, no checksum.

    A text in one case is one in bech32 or a hash, whose characters may be digits of base58, too.
    """
    if text in (text.lower(), text.upper()):
        return None
    data = base58_decode(text)
    return Meaning(text) if data is not None and len(data) == 32 else None


def xrp(text: str) -> Meaning | None:
    """Read a classic address of the XRP Ledger: base58check with an alphabet of its own."""
    return base58check_kind(b"\0", 20)(text.translate(_FROM_XRP)) and Meaning(text)


def xrp_tagged(version: bytes) -> Check:
    """Return the check of X-addresses (XLS-5d); canonical is the classic address."""

    def check(text: str) -> Meaning | None:
        payload = base58check_decode(text.translate(_FROM_XRP))
        if payload is None or len(payload) != 31 or not payload.startswith(version):
            return None
        flag, tag = payload[22], int.from_bytes(payload[23:27], "little")
        if flag > 1 or any(payload[27:]) or (flag == 0 and tag):
            return None
        classic = base58check_encode(b"\0" + payload[2:22]).translate(_TO_XRP)
        return Meaning(classic, tag=str(tag) if flag else "")

    return check


_TON_STANDARD: Final = str.maketrans("-_", "+/")


def ton(*, test: bool) -> Check:
    """Return the check of TON's user-friendly form (TEP-2): tag, workchain, hash, CRC-16."""

    def check(text: str) -> Meaning | None:
        if ("+" in text or "/" in text) and ("-" in text or "_" in text):
            return None
        data = base64.b64decode(text.translate(_TON_STANDARD))
        if data[0] & 0x7F not in (0x11, 0x51) or data[0] & 0x80 != 0x80 * test:
            return None
        if data[1] not in (0x00, 0xFF) or binascii.crc_hqx(data, 0):
            return None
        return Meaning(f"{-1 if data[1] else 0}:{data[2:34].hex()}")

    return check


def ton_raw(text: str) -> Meaning | None:
    """Read TON's raw form: workchain and hash, no checksum."""
    return Meaning(text.lower()) if len(text.partition(":")[2]) == 64 else None


_SHELLEY_SIZES: Final = {0: 57, 1: 57, 2: 57, 3: 57, 6: 29, 7: 29, 8: 57, 14: 29, 15: 29}
_POINTER_SIZES: Final = range(32, 59)  # 29 bytes and three numbers of 1 to 10 bytes


def shelley(prefix: str) -> Check:
    """Return the check of Cardano's addresses since Shelley (CIP-19).

    Header type 8 with 57 bytes is of an earlier draft, and still met.
    """
    stake, network = prefix.startswith("stake"), int("test" not in prefix)

    def check(text: str) -> Meaning | None:
        read = bech32_decode(text)
        if read is None or read[0] != prefix or read[2] != 1 or not read[1]:
            return None
        kind, size = read[1][0] >> 4, len(read[1])
        fits = size in _POINTER_SIZES if kind in (4, 5) else _SHELLEY_SIZES.get(kind) == size
        if not fits or read[1][0] & 15 != network or (kind >= 14) != stake:
            return None
        return Meaning(text.lower())

    return check


_CBOR_NUMBER_SIZES: Final = {24: 1, 25: 2, 26: 4}
_BYRON_START: Final = b"\x82\xd8\x18"  # two items, the first of them tagged 24: CBOR in bytes


def _cbor_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return major type and number of a CBOR head, and where it ends; type -1 if there is none."""
    if at >= len(data):
        return -1, 0, at
    major, number = data[at] >> 5, data[at] & 31
    size = _CBOR_NUMBER_SIZES.get(number, 0)
    if number > 26 or at + 1 + size > len(data):
        return -1, 0, at
    at += 1
    return major, int.from_bytes(data[at : at + size], "big") if size else number, at + size


def byron(text: str) -> Meaning | None:
    """Read an address of Cardano before Shelley: base58 of CBOR with a CRC-32 (CIP-19)."""
    data = base58_decode(text)
    if data is None or not data.startswith(_BYRON_START):
        return None
    major, size, at = _cbor_head(data, len(_BYRON_START))
    inner = data[at : at + size]
    kind, checksum, end = _cbor_head(data, at + size)
    if major != 2 or kind != 0 or end != len(data) or zlib.crc32(inner) != checksum:
        return None
    return Meaning(text)


def stellar(version: int, size: int) -> Check:
    """Return the check of Stellar's keys (SEP-23): base32, version byte, CRC-16.

    A muxed account carries the id of a customer behind the account's key; canonical is the account.
    """

    def check(text: str) -> Meaning | None:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
        if data[0] != version or len(data) != 1 + size + 2:
            return None
        if binascii.crc_hqx(data[:-2], 0) != int.from_bytes(data[-2:], "little"):
            return None
        # Bits that are left over must be zero: only one text is right.
        if base64.b32encode(data).decode().rstrip("=") != text:
            return None
        if size == 32:
            return Meaning(text)
        plain = bytes([6 << 3]) + data[1:33]
        whole = plain + binascii.crc_hqx(plain, 0).to_bytes(2, "little")
        return Meaning(
            base64.b32encode(whole).decode(), tag=str(int.from_bytes(data[33:41], "big"))
        )

    return check


def ss58(prefix: int) -> Check:
    """Return the check of a Substrate account (SS58): prefix of one byte, key, two of BLAKE2b."""

    def check(text: str) -> Meaning | None:
        data = base58_decode(text)
        if data is None or len(data) != 35 or data[0] != prefix:
            return None
        digest = hashlib.blake2b(b"SS58PRE" + data[:-2]).digest()
        return Meaning(text) if digest.startswith(data[-2:]) else None

    return check


_INVOICE: Final = re.compile(r"ln(bc|tb|tbs|bcrt)([1-9][0-9]*[munp]?)?")
_SIGNATURE_BYTES: Final = (7 + 104) * 5 // 8  # with the time, the least that an invoice has


def invoice(chain: str) -> Check:
    """Return the check of Lightning invoices (BOLT-11) of one network: bech32 of any length."""

    def check(text: str) -> Meaning | None:
        read = bech32_decode(text)
        if read is None or read[2] != 1 or len(read[1]) < _SIGNATURE_BYTES:
            return None
        start = _INVOICE.fullmatch(read[0])
        return Meaning(text.lower()) if start is not None and start[1] == chain else None

    return check
