"""Is this an address of that currency? Checksums and forms of the currencies labels come in.

Bitcoin addresses are checked by `clewline.codec.address`. Labels of other currencies are kept and
never matched, so that it is enough to refuse what cannot be an address: a wrong checksum, version
or length. Currencies without an entry here are kept unchecked, and so are the letter cases of
Ethereum addresses (EIP-55), whose checksum is optional.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from clewline.codec.address import AddressStatus, decode_addresses, script_of
from clewline.codec.networks import NETWORKS, network_by_name
from clewline.errors import AddressError

_BASE58: Final = {
    letter: value
    for value, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}
_BECH32: Final = {letter: value for value, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_ETHEREUM: Final = re.compile(r"0x[0-9a-fA-F]{40}")

_BECH32_STARTS: Final = tuple(f"{network.bech32_prefix}1" for network in NETWORKS.values())
_HASH160_BYTES: Final = 20
_LONGEST: Final = 120
"""No address of these currencies is longer; longer text is refused before any arithmetic."""

_VERSIONS: Final[Mapping[str, frozenset[bytes]]] = MappingProxyType(
    {
        "BCH": frozenset({b"\x00", b"\x05"}),
        "DASH": frozenset({b"\x4c", b"\x10"}),
        "DOGE": frozenset({b"\x1e", b"\x16"}),
        "LTC": frozenset({b"\x30", b"\x05", b"\x32"}),
        "TRX": frozenset({b"\x41"}),
        "ZEC": frozenset({b"\x1c\xb8", b"\x1c\xbd"}),
    }
)
"""Version bytes of the base58check addresses of each currency, from their chain parameters."""


_MAX_HINTS: Final = 20
"""Finding the address that was meant takes a while; a list full of bad ones gets no more hints."""


@dataclass(frozen=True)
class Fault:
    """Why an address is none, and what was perhaps meant."""

    reason: str
    hint: str | None = None


def bitcoin_faults(texts: Sequence[str], network: str) -> dict[int, Fault]:
    """Find those of `texts` that are no Bitcoin addresses of `network`.

    Parameters
    ----------
    texts : sequence of str
        Addresses without surrounding spaces.
    network : str
        Name of a Bitcoin network.

    Returns
    -------
    dict
        From index in `texts` to its fault. The first twenty say what was perhaps meant.

    Examples
    --------
    >>> bitcoin_faults(["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"], "main")
    {}
    """
    where = network_by_name(network)
    status = decode_addresses(list(texts), where).status
    faults: dict[int, Fault] = {}
    for index in status.nonzero()[0].tolist():
        faults[index] = Fault(AddressStatus(status[index]).cause)
        if len(faults) <= _MAX_HINTS:
            try:
                script_of(texts[index], where)
            except AddressError as error:
                faults[index] = Fault(error.message, error.hint)
    return faults


def as_shown(address: str) -> str:
    """Return a valid Bitcoin address as Bitcoin Core shows it: bech32 in lower case (BIP-173).

    Examples
    --------
    >>> as_shown("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
    """
    lower = address.lower()
    return lower if lower.startswith(_BECH32_STARTS) else address


def why_not_an_address(text: str, asset: str) -> str | None:
    """Say why `text` is no address of `asset`, or None where it is one or nothing is known.

    Parameters
    ----------
    text : str
        Address without surrounding spaces.
    asset : str
        Currency code, upper case; not Bitcoin.

    Examples
    --------
    >>> why_not_an_address("LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb", "LTC") is None
    True
    >>> why_not_an_address("LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvc", "LTC")
    'bad checksum'
    """
    if asset in ("ETC", "ETH"):
        return None if _ETHEREUM.fullmatch(text) else "not 0x and 40 hex digits"
    if asset not in _VERSIONS:
        return None
    if len(text) > _LONGEST:
        return "too long"
    if asset == "ZEC" and text[:1] != "t":
        return None  # shielded addresses have forms of their own and say nothing on the chain
    if asset == "LTC" and text.lower().startswith("ltc1"):
        return _why_not_bech32(text)
    if asset == "BCH" and (":" in text or text[:1] in "qQpP"):
        return _why_not_cashaddr(text)
    return _why_not_base58(text, _VERSIONS[asset])


def _why_not_base58(text: str, versions: frozenset[bytes]) -> str | None:
    """Check base58 with a double-SHA-256 checksum, a known version and a 20-byte hash."""
    number = 0
    for letter in text:
        if letter not in _BASE58:
            return f"{letter!r} is not a base58 character"
        number = number * 58 + _BASE58[letter]
    zeros = len(text) - len(text.lstrip("1"))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = data[:-4], data[-4:]
    if hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] != checksum:
        return "bad checksum"
    if payload[:-_HASH160_BYTES] not in versions:
        return "an address of another currency"
    return None


def _why_not_bech32(text: str) -> str | None:
    """Check case, alphabet and checksum of BIP-173 and BIP-350."""
    if text not in (text.lower(), text.upper()):
        return "mixed case"
    prefix, _, data = text.lower().rpartition("1")
    values = [_BECH32.get(letter, -1) for letter in data]
    if -1 in values:
        return "not a bech32 character"
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    good = _polymod(expanded + values, generator, 25) in (1, 0x2BC830A3)
    return None if good else "bad checksum"


def _why_not_cashaddr(text: str) -> str | None:
    """Check case, alphabet and checksum of Bitcoin Cash's cashaddr; the prefix may be left out."""
    if text not in (text.lower(), text.upper()):
        return "mixed case"
    prefix, _, data = text.lower().rpartition(":")
    if prefix not in ("", "bitcoincash"):
        return "an address of another currency"
    values = [_BECH32.get(letter, -1) for letter in data]
    if -1 in values:
        return "not a cashaddr character"
    expanded = [ord(c) & 31 for c in "bitcoincash"] + [0]
    generator = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
    return None if _polymod(expanded + values, generator, 35) == 1 else "bad checksum"


def _polymod(values: list[int], generator: tuple[int, ...], shift: int) -> int:
    """Remainder of the BCH code that bech32 (shift 25) and cashaddr (shift 35) share."""
    remainder = 1
    for value in values:
        top = remainder >> shift
        remainder = (remainder & ((1 << shift) - 1)) << 5 ^ value
        for bit, term in enumerate(generator):
            if top >> bit & 1:
                remainder ^= term
    return remainder
