"""Addresses: output scripts as Bitcoin Core shows them, and back (key_io.cpp).

An address stands for one script on one network. Scripts without an address keep their identity
elsewhere; here they give None. Reading is as strict as the standards: base58check, BIP-173 and
BIP-350, of one network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.codec.base58 import (
    ALPHABET,
    BAD_CHARACTER,
    CHECKSUM_SIZE,
    base58_decode_into,
    base58_limbs,
    base58check_encode_into,
    base58check_is_valid,
)
from clewline.codec.bech32 import (
    BAD_PADDING,
    BECH32,
    BECH32M,
    CHARSET,
    MAX_LENGTH,
    MIXED_CASE,
    TOO_SHORT,
    segwit_decode_into,
    segwit_encode_into,
)
from clewline.codec.networks import NETWORKS, Network
from clewline.codec.script import (
    OP_1,
    OP_CHECKSIG,
    OP_DUP,
    OP_EQUAL,
    OP_EQUALVERIFY,
    OP_HASH160,
    ScriptKind,
    script_kinds,
)
from clewline.codec.sha256 import DIGEST_SIZE, Scratch, new_scratch
from clewline.errors import AddressError
from clewline.jit import kernel

UInt8 = NDArray[np.uint8]
Int64 = NDArray[np.int64]


class AddressStatus(IntEnum):
    """What `decode_addresses` found; anything but `OK` has no script."""

    OK = 0
    BAD_CHARACTERS = 1
    BAD_LENGTH = 2
    BAD_CHECKSUM = 3
    OTHER_NETWORK = 4
    NOT_AN_ADDRESS = 5
    MIXED_CASE = 6
    BAD_PADDING = 7
    BAD_VERSION = 8
    WRONG_ENCODING = 9

    @property
    def cause(self) -> str:
        """Return which rule failed, in words.

        Examples
        --------
        >>> AddressStatus.BAD_CHECKSUM.cause
        'the checksum does not match: a character is wrong or missing'
        """
        return _CAUSES[self]


_CAUSES: Final = {
    AddressStatus.OK: "nothing is wrong",
    AddressStatus.BAD_CHARACTERS: "it has a character that addresses of its kind never have",
    AddressStatus.BAD_LENGTH: "it is too long or too short",
    AddressStatus.BAD_CHECKSUM: "the checksum does not match: a character is wrong or missing",
    AddressStatus.OTHER_NETWORK: "it belongs to another Bitcoin network",
    AddressStatus.NOT_AN_ADDRESS: "it is not a Bitcoin address",
    AddressStatus.MIXED_CASE: "a segwit address is all lower case or all upper case (BIP-173)",
    AddressStatus.BAD_PADDING: "the bits after the witness program are not as BIP-173 wants them",
    AddressStatus.BAD_VERSION: "there is no witness version above 16 (BIP-141)",
    AddressStatus.WRONG_ENCODING: "version 0 wants bech32, later versions want bech32m (BIP-350)",
}

# Plain numbers for kernels.
_OK: Final = AddressStatus.OK.value
_BAD_CHARACTERS: Final = AddressStatus.BAD_CHARACTERS.value
_BAD_LENGTH: Final = AddressStatus.BAD_LENGTH.value
_BAD_CHECKSUM: Final = AddressStatus.BAD_CHECKSUM.value
_OTHER_NETWORK: Final = AddressStatus.OTHER_NETWORK.value
_NOT_AN_ADDRESS: Final = AddressStatus.NOT_AN_ADDRESS.value
_MIXED_CASE: Final = AddressStatus.MIXED_CASE.value
_BAD_PADDING: Final = AddressStatus.BAD_PADDING.value
_BAD_VERSION: Final = AddressStatus.BAD_VERSION.value
_WRONG_ENCODING: Final = AddressStatus.WRONG_ENCODING.value

_PUBKEYHASH: Final = ScriptKind.PUBKEYHASH.value
_SCRIPTHASH: Final = ScriptKind.SCRIPTHASH.value
_FIRST_WITNESS: Final = ScriptKind.WITNESS_V0_KEYHASH.value

_HASH_SIZE: Final = 20  # HASH160 of a key or a script
_PAYLOAD_SIZE: Final = 1 + _HASH_SIZE
_BASE58_ROOM: Final = 2 * (_PAYLOAD_SIZE + CHECKSUM_SIZE) + 5
_MAX_PROGRAM: Final = 40
_MAX_SCRIPT: Final = 2 + _MAX_PROGRAM
# A base58 address has 26 to 35 characters; what is far from that was never one.
_SHORTEST_BASE58: Final = 20
_LONGEST_BASE58: Final = 40

_IS_VERSION: Final = np.zeros(256, np.bool_)
for _network in NETWORKS.values():
    _IS_VERSION[[_network.p2pkh_version, _network.p2sh_version]] = True
_IS_FIRST_CHARACTER: Final = np.isin(np.arange(256), [ord(c) for c in "132mn"])
_PREFIXES: Final = tuple(dict.fromkeys(network.bech32_prefix for network in NETWORKS.values()))
_PREFIX_BYTES: Final = np.frombuffer("".join(_PREFIXES).encode(), np.uint8)
_PREFIX_STARTS: Final = np.cumsum([0, *map(len, _PREFIXES)])


class _Work(NamedTuple):
    """Work memory for one base58 address at a time: its bytes, its checksum, its number."""

    decoded: UInt8
    digest: UInt8
    limbs: Int64
    scratch: Scratch


@kernel
def _new_work() -> _Work:
    """Return work memory for a loop."""
    return _Work(
        np.empty(_LONGEST_BASE58 + DIGEST_SIZE, np.uint8),
        np.empty(DIGEST_SIZE, np.uint8),
        base58_limbs(_LONGEST_BASE58),
        new_scratch(),
    )


@kernel
def _encode_one(
    blob: UInt8,
    start: int,
    length: int,
    kind: int,
    versions: tuple[int, int],
    prefix: UInt8,
    text: UInt8,
    at: int,
    work: _Work,
) -> int:
    """Write the address of one script; return its length, 0 where there is none."""
    if kind in (_PUBKEYHASH, _SCRIPTHASH):
        payload = work.decoded
        payload[0] = versions[0] if kind == _PUBKEYHASH else versions[1]
        hash_start = start + (3 if kind == _PUBKEYHASH else 2)
        for i in range(_HASH_SIZE):
            payload[1 + i] = blob[hash_start + i]
        return base58check_encode_into(payload, _PAYLOAD_SIZE, text, at, work.limbs, work.scratch)
    if kind >= _FIRST_WITNESS:
        opcode = int(blob[start])
        version = opcode - OP_1 + 1 if opcode > 0 else 0
        return segwit_encode_into(prefix, version, blob, start + 2, length - 2, text, at)
    return 0


@kernel
def _encode_many(
    blob: UInt8,
    starts: Int64,
    kinds: UInt8,
    ids: Int64,
    versions: tuple[int, int],
    prefix: UInt8,
) -> tuple[UInt8, Int64]:
    """Write addresses end to end; return the text and the bounds of each."""
    room = 0
    for script in ids:
        if kinds[script] >= _FIRST_WITNESS:
            room += prefix.size + 8 + (8 * (starts[script + 1] - starts[script]) + 4) // 5
        else:
            room += _BASE58_ROOM
    text = np.empty(room, np.uint8)
    bounds = np.zeros(ids.size + 1, np.int64)
    work = _new_work()
    for i in range(ids.size):
        start, at = starts[ids[i]], bounds[i]
        length, kind = starts[ids[i] + 1] - start, kinds[ids[i]]
        bounds[i + 1] = at + _encode_one(
            blob, start, length, kind, versions, prefix, text, at, work
        )
    return text, bounds


def encode_addresses(
    blob: UInt8,
    starts: Int64,
    kinds: UInt8,
    network: Network,
    *,
    ids: NDArray[np.integer] | None = None,
) -> list[str | None]:
    """Return the address of each script, exactly as Bitcoin Core shows it (``EncodeDestination``).

    Parameters
    ----------
    blob : ndarray of uint8
        Scripts end to end; may be read-only.
    starts : ndarray of int64, shape (n + 1,)
        Start of each script, and the end of the last.
    kinds : ndarray of uint8, shape (n,)
        `ScriptKind` of each, as `script_kinds` gives it (not checked).
    network : Network
        Whose addresses.
    ids : ndarray of integer, shape (m,), optional
        Scripts wanted, in any order, each in 0 … n - 1 (not checked). All where left out.

    Returns
    -------
    list of str or None
        One for each id; None where Bitcoin Core shows no address.

    Examples
    --------
    >>> from clewline.codec.networks import network_by_name
    >>> blob = np.frombuffer(bytes.fromhex("6a51024e73"), np.uint8)
    >>> starts = np.array([0, 1, 5])
    >>> kinds = script_kinds(blob, starts)
    >>> encode_addresses(blob, starts, kinds, network_by_name("main"))
    [None, 'bc1pfeessrawgf']
    """
    wanted = np.arange(kinds.size) if ids is None else ids.astype(np.int64)
    versions = (network.p2pkh_version, network.p2sh_version)
    prefix = np.frombuffer(network.bech32_prefix.encode(), np.uint8)
    raw, bounds = _encode_many(blob, starts, kinds, wanted, versions, prefix)
    text = raw[: bounds[-1]].tobytes().decode("ascii")
    return [text[start:end] or None for start, end in pairwise(bounds.tolist())]


def address_of(script: bytes, network: Network) -> str | None:
    """Return the address of one script, or None where Bitcoin Core shows none.

    Examples
    --------
    >>> from clewline.codec.networks import network_by_name
    >>> address_of(bytes.fromhex("51024e73"), network_by_name("regtest"))
    'bcrt1pfeesnyr2tx'
    """
    blob = np.frombuffer(script, np.uint8)
    starts = np.array([0, len(script)])
    return encode_addresses(blob, starts, script_kinds(blob, starts), network)[0]


@dataclass(frozen=True)
class DecodedAddresses:
    """What `decode_addresses` read.

    Attributes
    ----------
    blob : ndarray of uint8
        Output scripts end to end.
    starts : ndarray of int64, shape (n + 1,)
        Start of each script; empty where the text is not an address of the network.
    status : ndarray of uint8, shape (n,)
        `AddressStatus` of each text.
    """

    blob: UInt8
    starts: Int64
    status: UInt8


@kernel
def _segwit_prefix(text: UInt8, start: int, length: int) -> int:
    """Return which of `_PREFIXES` and a separator the text starts with; -1 if with none."""
    for prefix in range(_PREFIX_STARTS.size - 1):
        first = _PREFIX_STARTS[prefix]
        size = _PREFIX_STARTS[prefix + 1] - first
        if length > size and text[start + size] == ord("1"):
            same = True
            for i in range(size):
                same &= (int(text[start + i]) | 0x20) == _PREFIX_BYTES[first + i]
            if same:
                return prefix
    return -1


@kernel
def _decode_segwit(
    text: UInt8, start: int, length: int, prefix: int, own_prefix: int, blob: UInt8, at: int
) -> tuple[int, int]:
    """Read one segwit address (BIP-173, BIP-350); write its script; return status and size."""
    if length > MAX_LENGTH:
        return _BAD_LENGTH, 0
    prefix_length = _PREFIX_STARTS[prefix + 1] - _PREFIX_STARTS[prefix]
    checksum, version, size = segwit_decode_into(text, start, length, prefix_length, blob, at + 2)
    if checksum == MIXED_CASE:
        return _MIXED_CASE, 0
    if checksum == TOO_SHORT:
        return _BAD_LENGTH, 0
    if checksum < 0:
        return _BAD_CHARACTERS, 0
    if checksum not in (BECH32, BECH32M):
        return _BAD_CHECKSUM, 0
    if version > 16:
        return _BAD_VERSION, 0
    if (checksum == BECH32) != (version == 0):
        return _WRONG_ENCODING, 0
    if size == BAD_PADDING:
        return _BAD_PADDING, 0
    if not 2 <= size <= _MAX_PROGRAM or (version == 0 and size not in (20, 32)):
        return _BAD_LENGTH, 0
    if prefix != own_prefix:
        return _OTHER_NETWORK, 0
    blob[at] = OP_1 + version - 1 if version > 0 else 0
    blob[at + 1] = size
    return _OK, 2 + size


@kernel
def _decode_base58(
    text: UInt8,
    start: int,
    length: int,
    versions: tuple[int, int],
    blob: UInt8,
    at: int,
    work: _Work,
) -> tuple[int, int]:
    """Read one base58check address; write its script; return status and size."""
    if not _SHORTEST_BASE58 <= length <= _LONGEST_BASE58:
        return _NOT_AN_ADDRESS, 0
    decoded = work.decoded
    size = base58_decode_into(text, start, length, decoded, 0, work.limbs)
    if size == BAD_CHARACTER:
        return _BAD_CHARACTERS, 0
    if not base58check_is_valid(decoded, size, work.digest, work.scratch):
        if not _IS_FIRST_CHARACTER[text[start]]:
            return _NOT_AN_ADDRESS, 0
        return (_BAD_CHECKSUM if size == _PAYLOAD_SIZE + CHECKSUM_SIZE else _BAD_LENGTH), 0
    # A right checksum over something else: another currency's address, a key, …
    if size != _PAYLOAD_SIZE + CHECKSUM_SIZE or not _IS_VERSION[decoded[0]]:
        return _NOT_AN_ADDRESS, 0
    if decoded[0] == versions[0]:
        blob[at], blob[at + 1], blob[at + 2] = OP_DUP, OP_HASH160, _HASH_SIZE
        blob[at + 23], blob[at + 24] = OP_EQUALVERIFY, OP_CHECKSIG
        hash_start, script_size = at + 3, 25
    elif decoded[0] == versions[1]:
        blob[at], blob[at + 1], blob[at + 22] = OP_HASH160, _HASH_SIZE, OP_EQUAL
        hash_start, script_size = at + 2, 23
    else:
        return _OTHER_NETWORK, 0
    for i in range(_HASH_SIZE):
        blob[hash_start + i] = decoded[1 + i]
    return _OK, script_size


@kernel
def _decode_many(
    text: UInt8, bounds: Int64, versions: tuple[int, int], own_prefix: int
) -> tuple[UInt8, Int64, UInt8]:
    """Read addresses; return scripts end to end, their bounds, and the status of each text."""
    count = bounds.size - 1
    # A program is written before its length is judged: room for the longest bech32 text behind.
    blob = np.empty(count * _MAX_SCRIPT + MAX_LENGTH, np.uint8)
    starts = np.zeros(count + 1, np.int64)
    status = np.empty(count, np.uint8)
    work = _new_work()
    for i in range(count):
        start, length, at = bounds[i], bounds[i + 1] - bounds[i], starts[i]
        prefix = _segwit_prefix(text, start, length)
        if prefix >= 0:
            state, size = _decode_segwit(text, start, length, prefix, own_prefix, blob, at)
        else:
            state, size = _decode_base58(text, start, length, versions, blob, at, work)
        status[i] = state
        starts[i + 1] = at + size
    return blob[: starts[count]].copy(), starts, status


def decode_addresses(texts: Sequence[str], network: Network) -> DecodedAddresses:
    """Read many addresses of one network (``DecodeDestination``), and say which are not.

    Parameters
    ----------
    texts : sequence of str
        Addresses; nothing is stripped.
    network : Network
        Whose addresses they should be. The four test networks share base58 addresses, and all
        but regtest share segwit ones.

    Returns
    -------
    DecodedAddresses
        Scripts and statuses, in the order of `texts`. Every script is one that
        `encode_addresses` turns into the same address (in lower case, if it is a segwit one).

    Examples
    --------
    >>> from clewline.codec.networks import network_by_name
    >>> decoded = decode_addresses(["bc1pfeessrawgf", "bc1pfeessrawgg"], network_by_name("main"))
    >>> decoded.blob.tobytes().hex(), decoded.starts.tolist()
    ('51024e73', [0, 4, 4])
    >>> [AddressStatus(status).name for status in decoded.status]
    ['OK', 'BAD_CHECKSUM']
    """
    # One byte a character, so that lengths of texts are lengths of bytes; no address has a "?".
    text = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8)
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
    versions = (network.p2pkh_version, network.p2sh_version)
    own_prefix = _PREFIXES.index(network.bech32_prefix)
    return DecodedAddresses(*_decode_many(text, bounds, versions, own_prefix))


def _one_slip_away(text: str) -> Iterator[str]:
    """Yield every text with one character replaced or two neighbours swapped, and lower case."""
    yield text.lower()
    alphabet = sorted({*ALPHABET, *CHARSET})
    for i, character in enumerate(text):
        head, tail = text[:i], text[i + 1 :]
        for other in alphabet:
            if other != character:
                yield head + other + tail
        if tail and tail[0] != character:
            yield head + tail[0] + character + tail[1:]


def _did_you_mean(text: str, network: Network) -> str | None:
    """Return the address of this network that is one slip away from `text`, if there is one."""
    if len(text) > MAX_LENGTH:
        return None
    candidates = list(_one_slip_away(text))
    valid = np.flatnonzero(decode_addresses(candidates, network).status == _OK)
    return candidates[valid[0]] if valid.size else None


def script_of(address: str, network: Network) -> bytes:
    """Return the output script that an address stands for.

    Raises
    ------
    AddressError
        If it is not an address of this network. The message names the rule that failed, or the
        networks it belongs to; the hint is the address that was probably meant, if one wrong
        character or two swapped ones explain it.

    Examples
    --------
    >>> from clewline.codec.networks import network_by_name
    >>> script_of("bc1pfeessrawgf", network_by_name("main")).hex()
    '51024e73'
    """
    decoded = decode_addresses([address], network)
    status = AddressStatus(decoded.status[0])
    if status is AddressStatus.OK:
        return decoded.blob.tobytes()
    cause, hint = status.cause, None
    if status is AddressStatus.OTHER_NETWORK:
        owners = [
            other.name
            for other in NETWORKS.values()
            if decode_addresses([address], other).status[0] == _OK
        ]
        cause = f"it belongs to {' or '.join(owners)}"
    elif meant := _did_you_mean(address, network):
        hint = f"did you mean {meant}?"
    shown = address if len(address) <= MAX_LENGTH else f"{address[:MAX_LENGTH]}…"
    raise AddressError(
        f"not an address of the Bitcoin network {network.name!r}: {cause}", where=shown, hint=hint
    )
