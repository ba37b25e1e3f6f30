"""Is this an address of that currency? Forms of the currencies that labels come in.

Chains that a store can hold have their forms in `clewline.codec.address`. Labels of other
currencies are kept and never matched, so that it is enough to refuse what cannot be an address.
Currencies without a form here are kept unchecked, and so are the letter cases of Ethereum addresses
(EIP-55), whose checksum is optional.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clewline.codec.address import AddressStatus, address_of, decode_addresses, script_of
from clewline.codec.base58 import ALPHABET, CHECKSUM_SIZE
from clewline.codec.networks import NETWORKS, network_by_name
from clewline.errors import AddressError

_BASE58: Final = {letter: value for value, letter in enumerate(ALPHABET)}
_ETHEREUM: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_TRON_VERSION: Final = 0x41

_BECH32_STARTS: Final = tuple(
    f"{network.bech32_prefix}1" for network in NETWORKS.values() if network.bech32_prefix
)
_MAIN_NETWORKS: Final = {
    network.coin.asset: network for network in NETWORKS.values() if network.node_name == "main"
}
_PAYLOAD_BYTES: Final = 21
_LONGEST: Final = 120
"""No address of these currencies is longer; longer text is refused before any arithmetic."""

_MAX_HINTS: Final = 20
"""Finding the address that was meant takes a while; a list full of bad ones gets no more hints."""


@dataclass(frozen=True)
class Fault:
    """Why an address is none, and what was perhaps meant."""

    reason: str
    hint: str | None = None


def address_faults(texts: Sequence[str], network: str) -> dict[int, Fault]:
    """Find those of `texts` that are no addresses of `network`.

    Parameters
    ----------
    texts : sequence of str
        Addresses without surrounding spaces.
    network : str
        Name of a network.

    Returns
    -------
    dict
        From index in `texts` to its fault. The first twenty say what was perhaps meant.

    Examples
    --------
    >>> address_faults(["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"], "main")
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


def as_shown(address: str, network: str = "main") -> str:
    """Return a valid address as the node software of its chain shows it.

    That is bech32 in lower case (BIP-173), and one of several forms where there are some
    (Litecoin, Bitcoin Cash).

    Parameters
    ----------
    address : str
        Valid on `network`; anything else comes back in some form.
    network : str
        Name of its network.

    Examples
    --------
    >>> as_shown("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
    >>> as_shown("1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "bitcoin-cash")
    'bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a'
    """
    where = network_by_name(network)
    if where.cashaddr_prefix or where.old_p2sh_version >= 0:
        decoded = decode_addresses([address], where)
        return address_of(decoded.blob.tobytes(), where) or address
    lower = address.lower()
    return lower if lower.startswith(_BECH32_STARTS) else address


def main_network(asset: str) -> str | None:
    """Return the name of the real network of a currency, None where no store can hold it.

    Examples
    --------
    >>> main_network("LTC"), main_network("ETH")
    ('litecoin', None)
    """
    return _MAIN_NETWORKS[asset].name if asset in _MAIN_NETWORKS else None


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
    'the checksum does not match: a character is wrong or missing'
    """
    if asset in ("ETC", "ETH"):
        return None if _ETHEREUM.fullmatch(text) else "not 0x and 40 hex digits"
    if asset == "TRX":
        return _why_not_tron(text)
    if asset not in _MAIN_NETWORKS:
        return None
    if len(text) > _LONGEST:
        return "too long"
    if asset == "ZEC" and text[:1] != "t":
        return None  # shielded addresses have forms of their own and say nothing on the chain
    status = AddressStatus(decode_addresses([text], _MAIN_NETWORKS[asset]).status[0])
    return None if status is AddressStatus.OK else status.cause


def _why_not_tron(text: str) -> str | None:
    """Check base58 with a double-SHA-256 checksum, Tron's version and a 20-byte hash."""
    if len(text) > _LONGEST:
        return "too long"
    number = 0
    for letter in text:
        if letter not in _BASE58:
            return f"{letter!r} is not a base58 character"
        number = number * len(ALPHABET) + _BASE58[letter]
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = data[:-CHECKSUM_SIZE], data[-CHECKSUM_SIZE:]
    if hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:CHECKSUM_SIZE] != checksum:
        return "bad checksum"
    if len(payload) != _PAYLOAD_BYTES or payload[0] != _TRON_VERSION:
        return "an address of another currency"
    return None
