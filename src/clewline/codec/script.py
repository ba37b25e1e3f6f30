"""What kind of output script this is, by the rules and names of Bitcoin Core's ``Solver``.

Scripts live end to end in one byte array: script i is ``blob[starts[i] : starts[i + 1]]``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel


class ScriptKind(IntEnum):
    """Output types of Bitcoin Core's ``TxoutType``; the numbers are Clewline's and permanent."""

    NONSTANDARD = 0
    PUBKEY = 1
    PUBKEYHASH = 2
    SCRIPTHASH = 3
    MULTISIG = 4
    NULLDATA = 5
    WITNESS_V0_KEYHASH = 6
    WITNESS_V0_SCRIPTHASH = 7
    WITNESS_V1_TAPROOT = 8
    ANCHOR = 9
    WITNESS_UNKNOWN = 10
    # Litecoin Core's; on other chains these scripts are of WITNESS_UNKNOWN.
    WITNESS_MWEB_HOGADDR = 11
    WITNESS_MWEB_PEGIN = 12

    @property
    def core_name(self) -> str:
        """Return the name that Bitcoin Core's ``scriptPubKey.type`` shows.

        Examples
        --------
        >>> ScriptKind.WITNESS_V0_KEYHASH.core_name
        'witness_v0_keyhash'
        """
        return self.name.lower()


# Opcodes, as script/script.h names them.
OP_PUSHDATA1: Final = 0x4C
OP_PUSHDATA2: Final = 0x4D
OP_PUSHDATA4: Final = 0x4E
OP_1: Final = 0x51
OP_8: Final = 0x58
OP_9: Final = 0x59
OP_16: Final = 0x60
OP_RETURN: Final = 0x6A
OP_DUP: Final = 0x76
OP_EQUAL: Final = 0x87
OP_EQUALVERIFY: Final = 0x88
OP_HASH160: Final = 0xA9
OP_CHECKSIG: Final = 0xAC
OP_CHECKMULTISIG: Final = 0xAE

MAX_SCRIPT_SIZE: Final = 10_000
"""Longer scripts cannot be run, so an output that has one can never be spent."""

MAX_PUBKEYS_PER_MULTISIG: Final = 20

# CPubKey: sizes with and without compression.
_COMPRESSED: Final = 33
_UNCOMPRESSED: Final = 65


@kernel
def _next_op(blob: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """Read one opcode (``GetScriptOp``): opcode, start of its data, next; next is -1 if cut off."""
    if at >= end:
        return -1, at, -1
    opcode = int(blob[at])
    at += 1
    size = 0
    if opcode < OP_PUSHDATA1:
        size = opcode
    elif opcode <= OP_PUSHDATA4:
        width = 1 << (opcode - OP_PUSHDATA1)
        if end - at < width:
            return -1, at, -1
        for i in range(width):
            size |= int(blob[at + i]) << (8 * i)
        at += width
    if size > end - at:
        return -1, at, -1
    return opcode, at, at + size


@kernel
def _is_push_only(blob: NDArray[np.uint8], at: int, end: int) -> bool:
    """Tell whether only pushes follow (``CScript::IsPushOnly``; OP_RESERVED counts as one)."""
    while at < end:
        opcode, _, at = _next_op(blob, at, end)
        if at < 0 or opcode > OP_16:
            return False
    return True


@kernel
def _is_pubkey(blob: NDArray[np.uint8], start: int, size: int) -> bool:
    """Tell whether size and header byte of a public key agree (``CPubKey::ValidSize``)."""
    if size == _COMPRESSED:
        return 2 <= int(blob[start]) <= 3
    if size == _UNCOMPRESSED:
        return int(blob[start]) in (4, 6, 7)
    return False


@kernel
def _small_number(blob: NDArray[np.uint8], opcode: int, start: int, size: int) -> int:
    """Read a count of 1 to 20 in its only minimal form (``GetScriptNumber``); 0 if it is none."""
    if OP_1 <= opcode <= OP_16:
        return opcode - OP_1 + 1
    if opcode == 1 and size == 1 and 16 < blob[start] <= MAX_PUBKEYS_PER_MULTISIG:
        return int(blob[start])
    return 0


@kernel
def _is_multisig(blob: NDArray[np.uint8], start: int, end: int) -> bool:
    """Tell whether this is a bare m-of-n multisig script (``MatchMultisig``)."""
    if end - start < 1 or blob[end - 1] != OP_CHECKMULTISIG:
        return False
    opcode, data, at = _next_op(blob, start, end)
    if at < 0:
        return False
    required = _small_number(blob, opcode, data, at - data)
    if required == 0:
        return False
    pubkeys = 0
    opcode, data, at = _next_op(blob, at, end)
    while at >= 0 and _is_pubkey(blob, data, at - data):
        pubkeys += 1
        opcode, data, at = _next_op(blob, at, end)
    if at < 0:
        return False
    total = _small_number(blob, opcode, data, at - data)
    return required <= total == pubkeys and at + 1 == end


@kernel
def _witness_kind(blob: NDArray[np.uint8], start: int, size: int) -> int:
    """Classify a witness program (BIP-141, BIP-341, P2A), of which the shape is known."""
    if blob[start] == 0:
        if size == 22:
            return ScriptKind.WITNESS_V0_KEYHASH.value
        if size == 34:
            return ScriptKind.WITNESS_V0_SCRIPTHASH.value
        return ScriptKind.NONSTANDARD.value
    if blob[start] == OP_1:
        if size == 34:
            return ScriptKind.WITNESS_V1_TAPROOT.value
        if size == 4 and blob[start + 2] == 0x4E and blob[start + 3] == 0x73:
            return ScriptKind.ANCHOR.value
    return ScriptKind.WITNESS_UNKNOWN.value


@kernel
def script_kind(blob: NDArray[np.uint8], start: int, length: int) -> int:
    """Classify one output script as Bitcoin Core does (``Solver``, script/solver.cpp).

    Parameters
    ----------
    blob : ndarray of uint8
        Bytes; may be read-only.
    start, length : int
        Where the script is; must lie inside `blob` (not checked).

    Returns
    -------
    int
        A value of `ScriptKind`.

    Examples
    --------
    >>> script = np.frombuffer(bytes.fromhex("51024e73"), np.uint8)
    >>> ScriptKind(script_kind(script, 0, 4)).core_name
    'anchor'
    """
    end = start + length
    if length == 0:
        return ScriptKind.NONSTANDARD.value
    first = blob[start]
    if (
        length == 23
        and first == OP_HASH160
        and blob[start + 1] == 20
        and blob[start + 22] == OP_EQUAL
    ):
        return ScriptKind.SCRIPTHASH.value
    if (
        4 <= length <= 42
        and (first == 0 or OP_1 <= first <= OP_16)
        and blob[start + 1] + 2 == length
    ):
        return _witness_kind(blob, start, length)
    if first == OP_RETURN and _is_push_only(blob, start + 1, end):
        return ScriptKind.NULLDATA.value
    if (
        length in (_COMPRESSED + 2, _UNCOMPRESSED + 2)
        and first == length - 2
        and blob[end - 1] == OP_CHECKSIG
        and _is_pubkey(blob, start + 1, length - 2)
    ):
        return ScriptKind.PUBKEY.value
    if (
        length == 25
        and first == OP_DUP
        and blob[start + 1] == OP_HASH160
        and blob[start + 2] == 20
        and blob[start + 23] == OP_EQUALVERIFY
        and blob[start + 24] == OP_CHECKSIG
    ):
        return ScriptKind.PUBKEYHASH.value
    if _is_multisig(blob, start, end):
        return ScriptKind.MULTISIG.value
    return ScriptKind.NONSTANDARD.value


@kernel
def _mweb_kind(blob: NDArray[np.uint8], start: int, length: int) -> int:
    """Classify a witness program of an unknown version as Litecoin Core does (LIP-2)."""
    if length == 34 and blob[start] == OP_8:
        return ScriptKind.WITNESS_MWEB_HOGADDR.value
    if length == 34 and blob[start] == OP_9:
        return ScriptKind.WITNESS_MWEB_PEGIN.value
    return ScriptKind.WITNESS_UNKNOWN.value


@kernel
def script_kinds(
    blob: NDArray[np.uint8],
    starts: NDArray[np.int64],
    mweb: bool = False,  # noqa: FBT001, FBT002 - a kernel takes no keywords
) -> NDArray[np.uint8]:
    """Classify many output scripts.

    Parameters
    ----------
    blob : ndarray of uint8
        Scripts end to end; may be read-only.
    starts : ndarray of int64, shape (n + 1,)
        Start of each script, and the end of the last.
    mweb : bool
        Whether they are of a chain with an extension block (Litecoin).

    Returns
    -------
    ndarray of uint8, shape (n,)
        `ScriptKind` of each.

    Examples
    --------
    >>> script_kinds(np.frombuffer(b"jQ", np.uint8), np.array([0, 1, 2])).tolist()
    [5, 0]
    """
    kinds = np.empty(starts.size - 1, np.uint8)
    for i in range(kinds.size):
        length = starts[i + 1] - starts[i]
        kinds[i] = script_kind(blob, starts[i], length)
        if mweb and kinds[i] == ScriptKind.WITNESS_UNKNOWN.value:
            kinds[i] = _mweb_kind(blob, starts[i], length)
    return kinds


@kernel
def has_address(kind: Any) -> Any:
    """Tell whether Bitcoin Core shows an address for this kind of script.

    It shows none for bare public keys, bare multisig, data outputs and non-standard scripts
    (``ExtractDestination``, addresstype.cpp).

    Parameters
    ----------
    kind : int or ndarray of uint8
        Value of `ScriptKind`, or many.

    Returns
    -------
    bool or ndarray of bool
        Of the same shape.

    Examples
    --------
    >>> has_address(np.array([1, 2, 9], np.uint8)).tolist()
    [False, True, True]
    """
    hashed = (kind == ScriptKind.PUBKEYHASH.value) | (kind == ScriptKind.SCRIPTHASH.value)
    return hashed | (kind >= ScriptKind.WITNESS_V0_KEYHASH.value)


@kernel
def is_unspendable(blob: NDArray[np.uint8], start: int, length: int) -> bool:
    """Tell whether an output provably can never be spent (``CScript::IsUnspendable``).

    Bitcoin Core keeps no such output in its set of unspent ones.

    Parameters
    ----------
    blob : ndarray of uint8
        Bytes; may be read-only.
    start, length : int
        Where the script is; must lie inside `blob` (not checked).

    Examples
    --------
    >>> is_unspendable(np.frombuffer(b"j", np.uint8), 0, 1)
    True
    """
    return length > MAX_SCRIPT_SIZE or (length > 0 and blob[start] == OP_RETURN)
