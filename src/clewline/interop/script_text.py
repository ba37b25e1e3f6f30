"""Scripts as text: hex, Core's assembly, and the addresses that bitcoin-etl lists for them.

Works on scripts end to end in one array, as the store keeps them. Text comes back the same way:
one array of characters, and the bounds of each text in it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.ripemd160 import HASH160_SIZE, hash160_into
from clewline.codec.script import OP_1, OP_PUSHDATA1, OP_PUSHDATA4, ScriptKind
from clewline.codec.sha256 import DIGEST_SIZE, new_scratch, sha256_into
from clewline.jit import kernel

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

PSEUDO_ADDRESS: Final = "nonstandard"
"""What bitcoin-etl puts before the first 20 bytes of the script's SHA-256, in hex."""
_P2PKH_SIZE: Final = 25
_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
# Digits by character, 255 where it is none.
_VALUES: Final = np.full(256, 255, np.uint8)
_VALUES[_DIGITS] = np.arange(16)
_VALUES[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)

_PUBKEY: Final = ScriptKind.PUBKEY.value
_MULTISIG: Final = ScriptKind.MULTISIG.value
_NULLDATA: Final = ScriptKind.NULLDATA.value
_NONSTANDARD: Final = ScriptKind.NONSTANDARD.value

_NAMES_FROM_NOP: Final = (
    "NOP VER IF NOTIF VERIF VERNOTIF ELSE ENDIF VERIFY RETURN TOALTSTACK FROMALTSTACK 2DROP 2DUP "
    "3DUP 2OVER 2ROT 2SWAP IFDUP DEPTH DROP DUP NIP OVER PICK ROLL ROT SWAP TUCK CAT SUBSTR LEFT "
    "RIGHT SIZE INVERT AND OR XOR EQUAL EQUALVERIFY RESERVED1 RESERVED2 1ADD 1SUB 2MUL 2DIV NEGATE "
    "ABS NOT 0NOTEQUAL ADD SUB MUL DIV MOD LSHIFT RSHIFT BOOLAND BOOLOR NUMEQUAL NUMEQUALVERIFY "
    "NUMNOTEQUAL LESSTHAN GREATERTHAN LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX WITHIN RIPEMD160 "
    "SHA1 SHA256 HASH160 HASH256 CODESEPARATOR CHECKSIG CHECKSIGVERIFY CHECKMULTISIG "
    "CHECKMULTISIGVERIFY NOP1 CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY NOP4 NOP5 NOP6 NOP7 NOP8 "
    "NOP9 NOP10 CHECKSIGADD"
)


def _opcode_names() -> tuple[Bytes, Offsets]:
    """Return the names of all 256 opcodes end to end (Core's ``GetOpName``), and their bounds."""
    names = ["OP_UNKNOWN"] * 256
    names[0x4F], names[0x50], names[0xFF] = "-1", "OP_RESERVED", "OP_INVALIDOPCODE"
    for number in range(1, 17):
        names[OP_1 + number - 1] = str(number)
    for opcode, name in enumerate(_NAMES_FROM_NOP.split(), 0x61):
        names[opcode] = f"OP_{name}"
    bounds = np.zeros(257, np.int64)
    np.cumsum([len(name) for name in names], out=bounds[1:])
    return np.frombuffer("".join(names).encode(), np.uint8), bounds


_NAME_TEXT, _NAME_BOUNDS = _opcode_names()
# "[error]" where a push is cut off, and at most 11 characters for a number of four bytes.
_ERROR: Final = np.frombuffer(b"[error]", np.uint8)


@kernel
def _push(blob: Bytes, at: Any, end: Any) -> tuple[Any, Any, Any]:
    """Read one opcode (Core's ``GetScriptOp``): opcode, start of its data, next; -1 if cut off."""
    opcode = np.int64(blob[at])
    at += 1
    size = np.int64(0)
    if opcode < OP_PUSHDATA1:
        size = opcode
    elif opcode <= OP_PUSHDATA4:
        width = np.int64(1) << (opcode - OP_PUSHDATA1)
        if end - at < width:
            return opcode, at, np.int64(-1)
        for i in range(width):
            size |= np.int64(blob[at + i]) << (8 * i)
        at += width
    if size > end - at:
        return opcode, at, np.int64(-1)
    return opcode, at, at + size


@kernel
def _number_into(blob: Bytes, at: Any, size: Any, out: Bytes, to: Any) -> Any:
    """Write a push of at most four bytes as ``CScriptNum`` reads it; return where it ends."""
    value = np.int64(0)
    for i in range(size):
        value |= np.int64(blob[at + i]) << (8 * i)
    if size > 0 and blob[at + size - 1] & 0x80:
        value = -(value & ~(np.int64(0x80) << (8 * (size - 1))))
    if value < 0:
        out[to] = 45  # minus
        to += 1
        value = -value
    first = to
    while value or to == first:
        out[to] = 48 + value % 10
        value //= 10
        to += 1
    low, high = first, to - 1
    while low < high:
        out[low], out[high] = out[high], out[low]
        low += 1
        high -= 1
    return to


@kernel
def _asm_room(blob: Bytes, starts: Offsets) -> Any:
    """Return at least as many characters as the assembly of all scripts takes."""
    room = np.int64(0)
    for script in range(starts.size - 1):
        at, end = starts[script], starts[script + 1]
        while at < end:
            opcode, data, after = _push(blob, at, end)
            if after < 0:
                room += 1 + _ERROR.size
                break
            # A space, then digits of a number, hex, or a name.
            room += 1 + max(11, 2 * (after - data))
            room += _NAME_BOUNDS[opcode + 1] - _NAME_BOUNDS[opcode]
            at = after
    return room


@kernel
def assembly(blob: Bytes, starts: Offsets) -> tuple[Bytes, Offsets]:
    r"""Return scripts as Bitcoin Core's ``ScriptToAsmStr`` writes them.

    Parameters
    ----------
    blob : ndarray of uint8
        Scripts end to end; may be read-only.
    starts : ndarray of int64, shape (n + 1,)
        Start of each script, and the end of the last.

    Returns
    -------
    text : ndarray of uint8
        ASCII.
    bounds : ndarray of int64, shape (n + 1,)
        Where each text begins, and the end of the last.

    Examples
    --------
    >>> text, bounds = assembly(np.frombuffer(b"j\x02hi", np.uint8), np.array([0, 4]))
    >>> text.tobytes()
    b'OP_RETURN 26984'
    """
    text = np.empty(_asm_room(blob, starts), np.uint8)
    bounds = np.zeros(starts.size, np.int64)
    to = np.int64(0)
    for script in range(starts.size - 1):
        at, end = starts[script], starts[script + 1]
        while at < end:
            if at > starts[script]:
                text[to] = 32
                to += 1
            opcode, data, after = _push(blob, at, end)
            if after < 0:
                for i in range(_ERROR.size):
                    text[to + i] = _ERROR[i]
                to += _ERROR.size
                break
            if opcode <= OP_PUSHDATA4:
                if after - data <= 4:
                    to = _number_into(blob, data, after - data, text, to)
                else:
                    for i in range(data, after):
                        text[to] = _DIGITS[blob[i] >> 4]
                        text[to + 1] = _DIGITS[blob[i] & 15]
                        to += 2
            else:
                for i in range(_NAME_BOUNDS[opcode], _NAME_BOUNDS[opcode + 1]):
                    text[to] = _NAME_TEXT[i]
                    to += 1
            at = after
        bounds[script + 1] = to
    return text[:to].copy(), bounds


@kernel
def _listed_counts(
    blob: Bytes, starts: Offsets, kinds: Bytes, counts: Offsets, required: NDArray[np.int64]
) -> None:
    """Count the addresses that bitcoin-etl lists for each script, and the signatures it needs."""
    for script in range(kinds.size):
        counts[script] = 1
        required[script] = 1
        if kinds[script] == _MULTISIG:
            at, end = starts[script], starts[script + 1]
            opcode, data, at = _push(blob, at, end)
            required[script] = np.int64(blob[data]) if opcode == 1 else opcode - OP_1 + 1
            keys = np.int64(0)
            opcode, data, at = _push(blob, at, end)
            while opcode > 1 and opcode < OP_PUSHDATA1:
                keys += 1
                opcode, data, at = _push(blob, at, end)
            counts[script] = keys
        elif kinds[script] in (_NULLDATA, _NONSTANDARD):
            required[script] = -1


@kernel
def _listed_scripts(
    blob: Bytes, starts: Offsets, kinds: Bytes, entry_of: Offsets, out: Bytes, bounds: Offsets
) -> None:
    """Write, for each address to list, the script that has it, or nothing."""
    scratch = new_scratch()
    hashed = np.empty(DIGEST_SIZE, np.uint8)
    to = np.int64(0)
    for script in range(kinds.size):
        at, end = starts[script], starts[script + 1]
        if kinds[script] in (_PUBKEY, _MULTISIG):
            if kinds[script] == _MULTISIG:
                _opcode, _data, at = _push(blob, at, end)
            for entry in range(entry_of[script], entry_of[script + 1]):
                _opcode, data, at = _push(blob, at, end)
                hash160_into(blob, data, at - data, hashed, 0, scratch)
                out[to], out[to + 1], out[to + 2] = 0x76, 0xA9, HASH160_SIZE
                for i in range(HASH160_SIZE):
                    out[to + 3 + i] = hashed[i]
                out[to + 23], out[to + 24] = 0x88, 0xAC
                to += _P2PKH_SIZE
                bounds[entry + 1] = to
        else:
            if kinds[script] not in (_NULLDATA, _NONSTANDARD):
                for i in range(at, end):
                    out[to] = blob[i]
                    to += 1
            bounds[entry_of[script] + 1] = to


def listed_addresses(
    blob: Bytes, starts: Offsets, kinds: Bytes
) -> tuple[Offsets, Bytes, Offsets, NDArray[np.int64]]:
    """Return the scripts behind the addresses that bitcoin-etl lists for each script.

    As Bitcoin Core did until version 22, which bitcoin-etl's tables follow: the key of a bare
    public key, and each key of a bare multisig, stands as the address of its hash. That is a
    convention of those tables and no identity: Clewline itself gives such scripts no address.

    Parameters
    ----------
    blob : ndarray of uint8
        Scripts end to end.
    starts : ndarray of int64, shape (n + 1,)
        Start of each script, and the end of the last.
    kinds : ndarray of uint8, shape (n,)
        `ScriptKind` of each.

    Returns
    -------
    entries : ndarray of int64, shape (n + 1,)
        First entry of each script; one at least.
    scripts : ndarray of uint8
        Scripts of the entries, end to end; empty for a script that has no address at all.
    bounds : ndarray of int64, shape (n_entry + 1,)
        Bounds of each entry's script.
    required : ndarray of int64, shape (n,)
        Signatures needed; -1 where bitcoin-etl says nothing.
    """
    counts, required = np.empty(kinds.size, np.int64), np.empty(kinds.size, np.int64)
    _listed_counts(blob, starts, kinds, counts, required)
    entries = np.zeros(kinds.size + 1, np.int64)
    np.cumsum(counts, out=entries[1:])
    scripts = np.empty(blob.size + _P2PKH_SIZE * int(entries[-1]), np.uint8)
    bounds = np.zeros(int(entries[-1]) + 1, np.int64)
    _listed_scripts(blob, starts, kinds, entries, scripts, bounds)
    return entries, scripts[: bounds[-1]], bounds, required


@kernel
def script_digests(blob: Bytes, starts: Offsets, wanted: Offsets) -> Bytes:
    """Return the SHA-256 of some scripts, shape (n_wanted, 32)."""
    scratch = new_scratch()
    out = np.empty(DIGEST_SIZE * wanted.size, np.uint8)
    for i in range(wanted.size):
        script = wanted[i]
        length = starts[script + 1] - starts[script]
        sha256_into(blob, starts[script], length, out, DIGEST_SIZE * i, scratch)
    return out.reshape((wanted.size, DIGEST_SIZE))


def hex_of(data: Bytes) -> Bytes:
    """Return the hex digits of bytes, two characters a byte.

    Examples
    --------
    >>> hex_of(np.frombuffer(b"j!", np.uint8)).tobytes()
    b'6a21'
    """
    text = np.empty((data.size, 2), np.uint8)
    flat = data.reshape(-1)
    text[:, 0] = _DIGITS[flat >> 4]
    text[:, 1] = _DIGITS[flat & 15]
    return text.reshape(-1)


def bytes_of(text: Bytes) -> Bytes | None:
    """Return the bytes that hex digits stand for, None where a character is none.

    Parameters
    ----------
    text : ndarray of uint8
        ASCII, an even number of characters.

    Returns
    -------
    ndarray of uint8 or None
        Half as many.

    Examples
    --------
    >>> bytes_of(np.frombuffer(b"6A21", np.uint8)).tobytes()
    b'j!'
    """
    values = _VALUES[text].reshape(-1, 2)
    if (values > 15).any():
        return None
    raw = (values[:, 0] << 4) | values[:, 1]
    return raw.astype(np.uint8, copy=False)
