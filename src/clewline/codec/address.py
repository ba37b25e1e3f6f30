"""Addresses: output scripts as Bitcoin Core shows them, and back (key_io.cpp).

An address stands for one script on one network. Scripts without an address keep their identity
elsewhere; here they give None. Reading is as strict as the standards: base58check, BIP-173,
BIP-350 and CashAddr, of one network. Which forms a network has is in `clewline.codec.networks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
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
from clewline.codec.cashaddr import (
    ADDRESS_LENGTH,
    VALID,
    cashaddr_decode_into,
    cashaddr_encode_into,
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
    SHIELDED = 10
    EXTENSION_BLOCK = 11
    UNSUPPORTED = 12

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
    AddressStatus.OTHER_NETWORK: "it belongs to another network",
    AddressStatus.NOT_AN_ADDRESS: "it is no address of a chain that Clewline knows",
    AddressStatus.MIXED_CASE: "an address of its kind is all lower case or all upper case",
    AddressStatus.BAD_PADDING: "the bits after the hash are not zero, or too many",
    AddressStatus.BAD_VERSION: "there is no witness version above 16 (BIP-141)",
    AddressStatus.WRONG_ENCODING: "version 0 wants bech32, later versions want bech32m (BIP-350)",
    AddressStatus.SHIELDED: "it looks like a shielded or unified Zcash address: what it receives "
    "and pays is hidden, so that nothing can be looked up",
    AddressStatus.EXTENSION_BLOCK: "it looks like an address of Litecoin's extension block (MWEB): "
    "what it receives and pays is hidden, so that nothing can be looked up",
    AddressStatus.UNSUPPORTED: "it is of a kind that is not supported yet",
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
_SHIELDED: Final = AddressStatus.SHIELDED.value
_EXTENSION_BLOCK: Final = AddressStatus.EXTENSION_BLOCK.value
_UNSUPPORTED: Final = AddressStatus.UNSUPPORTED.value

_PUBKEYHASH: Final = ScriptKind.PUBKEYHASH.value
_SCRIPTHASH: Final = ScriptKind.SCRIPTHASH.value
_FIRST_WITNESS: Final = ScriptKind.WITNESS_V0_KEYHASH.value

_HASH_SIZE: Final = 20  # HASH160 of a key or a script
_MAX_PAYLOAD: Final = 2 + _HASH_SIZE
# The longest text of a hash: base58 writes digits before it knows how many remain.
_HASH_ROOM: Final = 2 * (_MAX_PAYLOAD + CHECKSUM_SIZE) + 5
_MAX_PROGRAM: Final = 40
_MAX_SCRIPT: Final = 2 + _MAX_PROGRAM
# A base58 address has 26 to 35 characters; what is far from that was never one.
_SHORTEST_BASE58: Final = 20
_LONGEST_BASE58: Final = 40
# CashAddr of a hash of 32 bytes; longer ones exist on paper.
_LONGEST_CASHADDR: Final = 61
# Addresses of kinds that are not read are longer than any in base58, which may begin alike.
_SHORTEST_HIDDEN: Final = _LONGEST_BASE58 + 1
_SCRIPT_HASH_TYPE: Final = 8  # version byte of CashAddr: type 1, 20 bytes
_TOKENS_TYPE: Final = 16  # types 2 and 3: the same for wallets that know tokens

_IS_VERSION: Final = np.zeros(1 << 16, np.bool_)
for _network in NETWORKS.values():
    _IS_VERSION[[_network.p2pkh_version, _network.p2sh_version]] = True


class _Start(IntEnum):
    """What a text with a known start claims to be."""

    NONE = 0
    SEGWIT = 1
    CASHADDR = 2
    SHIELDED = 3
    EXTENSION_BLOCK = 4
    UNSUPPORTED = 5


_STARTS: Final = (
    *dict.fromkeys(
        (f"{network.bech32_prefix}1", _Start.SEGWIT)
        for network in NETWORKS.values()
        if network.bech32_prefix
    ),
    *(
        (f"{network.cashaddr_prefix}:", _Start.CASHADDR)
        for network in NETWORKS.values()
        if network.cashaddr_prefix
    ),
    # Zcash: Sprout, Sapling, unified (ZIP-316); Litecoin: MWEB.
    *((text, _Start.SHIELDED) for text in ("zc", "zt", "zs1", "ztestsapling1", "u1", "utest1")),
    *((text, _Start.EXTENSION_BLOCK) for text in ("ltcmweb1", "tmweb1", "rmweb1")),
    # ZIP-320: a key hash that wants money from transparent addresses alone.
    *((text, _Start.UNSUPPORTED) for text in ("tex1", "textest1")),
)
_START_BYTES: Final = np.frombuffer("".join(text for text, _kind in _STARTS).encode(), np.uint8)
_START_BOUNDS: Final = np.cumsum([0, *(len(text) for text, _kind in _STARTS)])
_START_KINDS: Final = np.array([kind for _text, kind in _STARTS], np.int64)
_NO_START: Final = _Start.NONE.value
_SEGWIT: Final = _Start.SEGWIT.value
_CASHADDR: Final = _Start.CASHADDR.value
_HIDDEN: Final = {
    _Start.SHIELDED: _SHIELDED,
    _Start.EXTENSION_BLOCK: _EXTENSION_BLOCK,
    _Start.UNSUPPORTED: _UNSUPPORTED,
}
_HIDDEN_STATUS: Final = np.array([_HIDDEN.get(kind, _OK) for kind in _Start], np.int64)


class _Forms(NamedTuple):
    """The address forms of one network, for kernels."""

    p2pkh: int
    p2sh: int
    old_p2sh: int
    bech32: UInt8
    cashaddr: UInt8
    first: NDArray[np.bool_]
    """Characters that a base58 address of the same coin begins with."""


def first_characters(version: int) -> str:
    """Return the characters that base58 addresses of a version begin with.

    Parameters
    ----------
    version : int
        One byte, or two where above 255, before a hash of 20 bytes.

    Examples
    --------
    >>> first_characters(0), first_characters(5), first_characters(111)
    ('1', '3', 'mn')
    """
    size = 2 if version > 0xFF else 1
    rest = 8 * (_HASH_SIZE + CHECKSUM_SIZE)
    if version == 0:
        return ALPHABET[0]
    lowest, highest = version << rest, (version + 1 << rest) - 1
    digits = 0
    while lowest >= len(ALPHABET) ** (digits + 1):
        digits += 1
    unit = len(ALPHABET) ** digits
    assert highest // unit < len(ALPHABET), f"version {version} of {size} bytes: lengths differ"
    return ALPHABET[lowest // unit : highest // unit + 1]


@cache
def _forms(network: Network) -> _Forms:
    """Return the address forms of a network."""
    kin = [one for one in NETWORKS.values() if one.coin == network.coin]
    versions = {v for one in kin for v in (one.p2pkh_version, one.p2sh_version)}
    versions |= {one.old_p2sh_version for one in kin} - {-1}
    first = "".join(map(first_characters, versions))
    return _Forms(
        network.p2pkh_version,
        network.p2sh_version,
        network.old_p2sh_version,
        np.frombuffer(network.bech32_prefix.encode(), np.uint8),
        np.frombuffer(network.cashaddr_prefix.encode(), np.uint8),
        np.isin(np.arange(256), [ord(character) for character in first]),
    )


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
def _encode_hash(
    blob: UInt8, hash_start: int, kind: int, forms: _Forms, text: UInt8, at: int, work: _Work
) -> int:
    """Write the address of a key hash or script hash; return its length."""
    if forms.cashaddr.size > 0:
        version = _SCRIPT_HASH_TYPE if kind == _SCRIPTHASH else 0
        return cashaddr_encode_into(forms.cashaddr, version, blob, hash_start, text, at)
    version = forms.p2sh if kind == _SCRIPTHASH else forms.p2pkh
    payload, size = work.decoded, 0
    if version > 0xFF:
        payload[0] = version >> 8
        size = 1
    payload[size] = version & 0xFF
    size += 1
    for i in range(_HASH_SIZE):
        payload[size + i] = blob[hash_start + i]
    return base58check_encode_into(payload, size + _HASH_SIZE, text, at, work.limbs, work.scratch)


@kernel
def _encode_one(
    blob: UInt8,
    start: int,
    length: int,
    kind: int,
    forms: _Forms,
    text: UInt8,
    at: int,
    work: _Work,
) -> int:
    """Write the address of one script; return its length, 0 where there is none."""
    if kind == _PUBKEYHASH:
        return _encode_hash(blob, start + 3, kind, forms, text, at, work)
    if kind == _SCRIPTHASH:
        return _encode_hash(blob, start + 2, kind, forms, text, at, work)
    if kind >= _FIRST_WITNESS and forms.bech32.size > 0:
        opcode = int(blob[start])
        version = opcode - OP_1 + 1 if opcode > 0 else 0
        return segwit_encode_into(forms.bech32, version, blob, start + 2, length - 2, text, at)
    return 0


@kernel
def _encode_many(
    blob: UInt8, starts: Int64, kinds: UInt8, ids: Int64, forms: _Forms
) -> tuple[UInt8, Int64]:
    """Write addresses end to end; return the text and the bounds of each."""
    room = 0
    for script in ids:
        if kinds[script] >= _FIRST_WITNESS:
            room += forms.bech32.size + 8 + (8 * (starts[script + 1] - starts[script]) + 4) // 5
        else:
            room += _HASH_ROOM
    text = np.empty(room, np.uint8)
    bounds = np.zeros(ids.size + 1, np.int64)
    work = _new_work()
    for i in range(ids.size):
        start, at = starts[ids[i]], bounds[i]
        length, kind = starts[ids[i] + 1] - start, kinds[ids[i]]
        bounds[i + 1] = at + _encode_one(blob, start, length, kind, forms, text, at, work)
    return text, bounds


def encode_addresses(
    blob: UInt8,
    starts: Int64,
    kinds: UInt8,
    network: Network,
    *,
    ids: NDArray[np.integer] | None = None,
) -> list[str | None]:
    """Return the address of each script, exactly as a node shows it (``EncodeDestination``).

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
        One for each id; None where the node software of the chain shows no address.

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
    raw, bounds = _encode_many(blob, starts, kinds, wanted, _forms(network))
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
def _known_start(text: UInt8, start: int, length: int) -> int:
    """Return which of `_STARTS` the text begins with, in either case; -1 if with none."""
    for known in range(_START_KINDS.size):
        first = _START_BOUNDS[known]
        size = _START_BOUNDS[known + 1] - first
        if length >= size:
            same = True
            for i in range(size):
                character = int(text[start + i])
                if ord("A") <= character <= ord("Z"):
                    character |= 0x20
                same &= character == _START_BYTES[first + i]
            if same and (_HIDDEN_STATUS[_START_KINDS[known]] == _OK or length >= _SHORTEST_HIDDEN):
                return known
    return -1


@kernel
def _same_text(known: int, text: UInt8) -> bool:
    """Tell whether one of `_STARTS`, without its separator, is this text."""
    first = _START_BOUNDS[known]
    if _START_BOUNDS[known + 1] - first != text.size + 1:
        return False
    same = True
    for i in range(text.size):
        same &= _START_BYTES[first + i] == text[i]
    return same


@kernel
def _decode_segwit(
    text: UInt8, start: int, length: int, known: int, forms: _Forms, blob: UInt8, at: int
) -> tuple[int, int]:
    """Read one segwit address (BIP-173, BIP-350); write its script; return status and size."""
    if length > MAX_LENGTH:
        return _BAD_LENGTH, 0
    prefix_length = _START_BOUNDS[known + 1] - _START_BOUNDS[known] - 1
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
    if not _same_text(known, forms.bech32):
        return _OTHER_NETWORK, 0
    blob[at] = OP_1 + version - 1 if version > 0 else 0
    blob[at + 1] = size
    return _OK, 2 + size


@kernel
def _write_key_hash(blob: UInt8, at: int, data: UInt8, start: int) -> int:
    """Write the script that pays to a key hash; return its size."""
    blob[at], blob[at + 1], blob[at + 2] = OP_DUP, OP_HASH160, _HASH_SIZE
    for i in range(_HASH_SIZE):
        blob[at + 3 + i] = data[start + i]
    blob[at + 23], blob[at + 24] = OP_EQUALVERIFY, OP_CHECKSIG
    return 25


@kernel
def _write_script_hash(blob: UInt8, at: int, data: UInt8, start: int) -> int:
    """Write the script that pays to a script hash; return its size."""
    blob[at], blob[at + 1], blob[at + 22] = OP_HASH160, _HASH_SIZE, OP_EQUAL
    for i in range(_HASH_SIZE):
        blob[at + 2 + i] = data[start + i]
    return 23


@kernel
def _decode_cashaddr(
    text: UInt8,
    start: int,
    length: int,
    known: int,
    prefix: UInt8,
    blob: UInt8,
    at: int,
    work: _Work,
) -> tuple[int, int]:
    """Read one CashAddr address of a prefix; write its script; return status and size."""
    skipped = _START_BOUNDS[known + 1] - _START_BOUNDS[known] if known >= 0 else 0
    if length - skipped > _LONGEST_CASHADDR:
        return _BAD_LENGTH, 0
    checksum, version, size = cashaddr_decode_into(
        text, start, length, skipped, prefix, work.decoded, 0
    )
    if checksum == MIXED_CASE:
        return _MIXED_CASE, 0
    if checksum == TOO_SHORT:
        return _BAD_LENGTH, 0
    if checksum < 0:
        return _BAD_CHARACTERS, 0
    if checksum != VALID:
        return _BAD_CHECKSUM, 0
    if size == BAD_PADDING:
        return _BAD_PADDING, 0
    if size != _HASH_SIZE or version & 7 or version > _TOKENS_TYPE + _SCRIPT_HASH_TYPE:
        return _UNSUPPORTED, 0
    if version & _SCRIPT_HASH_TYPE:
        return _OK, _write_script_hash(blob, at, work.decoded, 0)
    return _OK, _write_key_hash(blob, at, work.decoded, 0)


@kernel
def _decode_any_cashaddr(
    text: UInt8,
    start: int,
    length: int,
    known: int,
    forms: _Forms,
    blob: UInt8,
    at: int,
    work: _Work,
) -> tuple[int, int]:
    """Read one CashAddr address, whose prefix may be left out; tell those of other networks."""
    if forms.cashaddr.size > 0 and (known < 0 or _same_text(known, forms.cashaddr)):
        status, size = _decode_cashaddr(text, start, length, known, forms.cashaddr, blob, at, work)
        if status != _BAD_CHECKSUM or known >= 0:
            return status, size
    for other in range(_START_KINDS.size):
        if _START_KINDS[other] == _CASHADDR and known in (-1, other):
            prefix = _START_BYTES[_START_BOUNDS[other] : _START_BOUNDS[other + 1] - 1]
            status, _size = _decode_cashaddr(text, start, length, known, prefix, blob, at, work)
            if status == _OK:
                return _OTHER_NETWORK, 0
            if known >= 0:
                return status, 0
    return (_BAD_CHECKSUM if forms.cashaddr.size > 0 else _NOT_AN_ADDRESS), 0


@kernel
def _decode_base58(
    text: UInt8, start: int, length: int, forms: _Forms, blob: UInt8, at: int, work: _Work
) -> tuple[int, int]:
    """Read one base58check address; write its script; return status and size."""
    if not _SHORTEST_BASE58 <= length <= _LONGEST_BASE58:
        return _NOT_AN_ADDRESS, 0
    decoded = work.decoded
    size = base58_decode_into(text, start, length, decoded, 0, work.limbs)
    if size == BAD_CHARACTER:
        return _BAD_CHARACTERS, 0
    version_size = size - _HASH_SIZE - CHECKSUM_SIZE
    if not base58check_is_valid(decoded, size, work.digest, work.scratch):
        if not forms.first[text[start]]:
            return _NOT_AN_ADDRESS, 0
        own_size = 2 if forms.p2pkh > 0xFF else 1
        return (_BAD_CHECKSUM if version_size == own_size else _BAD_LENGTH), 0
    version = np.int64(-1)
    if version_size == 1:
        version = np.int64(decoded[0])
    elif version_size == 2 and decoded[0] > 0:
        version = np.int64(decoded[0]) << 8 | np.int64(decoded[1])
    # A right checksum over something else: another currency's address, a key, …
    if version < 0 or not _IS_VERSION[version]:
        return _NOT_AN_ADDRESS, 0
    if version == forms.p2pkh:
        return _OK, _write_key_hash(blob, at, decoded, version_size)
    if version in (forms.p2sh, forms.old_p2sh):
        return _OK, _write_script_hash(blob, at, decoded, version_size)
    return _OTHER_NETWORK, 0


@kernel
def _decode_one(
    text: UInt8, start: int, length: int, forms: _Forms, blob: UInt8, at: int, work: _Work
) -> tuple[int, int]:
    """Read one address; write its script; return status and size."""
    known = _known_start(text, start, length)
    kind = _START_KINDS[known] if known >= 0 else _NO_START
    if kind == _SEGWIT:
        status, size = _decode_segwit(text, start, length, known, forms, blob, at)
        if status == _MIXED_CASE:
            # Base58 may begin so, too: LTc1…
            other, other_size = _decode_base58(text, start, length, forms, blob, at, work)
            if other in (_OK, _OTHER_NETWORK):
                return other, other_size
        return status, size
    if kind == _CASHADDR or (kind == _NO_START and length in (ADDRESS_LENGTH, _LONGEST_CASHADDR)):
        return _decode_any_cashaddr(text, start, length, known, forms, blob, at, work)
    if kind != _NO_START:
        return _HIDDEN_STATUS[kind], 0
    return _decode_base58(text, start, length, forms, blob, at, work)


@kernel
def _decode_many(text: UInt8, bounds: Int64, forms: _Forms) -> tuple[UInt8, Int64, UInt8]:
    """Read addresses; return scripts end to end, their bounds, and the status of each text."""
    count = bounds.size - 1
    # A program is written before its length is judged: room for the longest bech32 text behind.
    blob = np.empty(count * _MAX_SCRIPT + MAX_LENGTH, np.uint8)
    starts = np.zeros(count + 1, np.int64)
    status = np.empty(count, np.uint8)
    work = _new_work()
    for i in range(count):
        start, length, at = bounds[i], bounds[i + 1] - bounds[i], starts[i]
        state, size = _decode_one(text, start, length, forms, blob, at, work)
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
        Whose addresses they should be. Bitcoin's test networks share base58 addresses, and all
        but regtest share segwit ones; some forms of other chains are the same, too.

    Returns
    -------
    DecodedAddresses
        Scripts and statuses, in the order of `texts`. Every script is one that
        `encode_addresses` turns into the same address: in lower case if it is a segwit one, and in
        the form that the network shows where it has several (Litecoin, Bitcoin Cash).

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
    return DecodedAddresses(*_decode_many(text, bounds, _forms(network)))


def one_slip_away(text: str, alphabet: Iterable[str]) -> Iterator[str]:
    """Yield every text with one character replaced or two neighbours swapped, and lower case.

    Parameters
    ----------
    text : str
        What somebody typed.
    alphabet : iterable of str
        Characters to put in place of each.

    Yields
    ------
    str
        Lower case first, then from left to right.

    Examples
    --------
    >>> list(one_slip_away("Ab", "bc"))
    ['ab', 'bb', 'cb', 'bA', 'Ac']
    """
    yield text.lower()
    characters = sorted(set(alphabet))
    for i, character in enumerate(text):
        head, tail = text[:i], text[i + 1 :]
        for other in characters:
            if other != character:
                yield head + other + tail
        if tail and tail[0] != character:
            yield head + tail[0] + character + tail[1:]


def _did_you_mean(text: str, network: Network) -> str | None:
    """Return the address of this network that is one slip away from `text`, if there is one."""
    if len(text) > MAX_LENGTH:
        return None
    candidates = list(one_slip_away(text, ALPHABET + CHARSET))
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
            other
            for other in NETWORKS.values()
            if decode_addresses([address], other).status[0] == _OK
        ]
        kin = [owner for owner in owners if owner.coin == network.coin]
        cause = f"it belongs to {' or '.join(owner.name for owner in kin or owners)}"
    elif meant := _did_you_mean(address, network):
        hint = f"did you mean {meant}?"
    if status is AddressStatus.NOT_AN_ADDRESS:
        cause = f"it is not a {network.coin.name} address"
    shown = address if len(address) <= MAX_LENGTH else f"{address[:MAX_LENGTH]}…"
    raise AddressError(
        f"not an address of the {network.coin.name} network {network.name!r}: {cause}",
        where=shown,
        hint=hint,
    )
