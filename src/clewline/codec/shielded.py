"""Zcash transactions: which form they have, what passes their shielded parts, their ids.

Forms follow the protocol specification, 7.1: versions 1 and 2 as Bitcoin's with JoinSplits, 3
(Overwinter), 4 (Sapling, ZIP-243), 5 (ZIP-225). Ids of version 5 leave signatures and proofs out
and are a tree of BLAKE2b hashes (ZIP-244); those of the others are Bitcoin's.

Owners and amounts inside the pools are hidden. What shows is the sum that a transaction moves
between each pool and its transparent part.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.blake2b import Blake, absorb, begin, finish, new_blake
from clewline.codec.compact_size import CUT, compact_size, read_u32
from clewline.jit import inlined, leaf

POOLS: Final = ("sprout", "sapling", "orchard")
UNKNOWN_VERSION: Final = -3
"""What `version_of` answers where this chain has no such transaction."""
AMOUNT: Final = -4
"""What `after_outputs` answers where an amount is out of range."""

_OVERWINTERED: Final = 1 << 31
V5: Final = 5 | _OVERWINTERED
"""First four bytes of a transaction of version 5, as a number."""
_GROUP_3: Final = 0x03C48270
_GROUP_4: Final = 0x892F2085
_GROUP_5: Final = 0x26A7270A
_FIELDS_5: Final = 20
_LOCKTIME_5: Final = 12
# With proofs of BCTV14, and of Groth16.
_JOINSPLIT_2: Final = 1802
_JOINSPLIT_4: Final = 1698
_JOINSPLIT_SIGNED: Final = 96
_SPEND_4: Final = 384
_OUTPUT_4: Final = 948
_SPEND_5: Final = 96
_OUTPUT_5: Final = 756
_ACTION: Final = 820
_PROOF: Final = 192
_SIGNATURE: Final = 64
_ANCHOR: Final = 32

# Personalisations of ZIP-244; the first is completed by the branch of the consensus rules.
_NAMES: Final = (
    b"ZcashTxHash_\0\0\0\0",
    b"ZTxIdHeadersHash",
    b"ZTxIdTranspaHash",
    b"ZTxIdPrevoutHash",
    b"ZTxIdSequencHash",
    b"ZTxIdOutputsHash",
    b"ZTxIdSaplingHash",
    b"ZTxIdSSpendsHash",
    b"ZTxIdSSpendCHash",
    b"ZTxIdSSpendNHash",
    b"ZTxIdSOutputHash",
    b"ZTxIdSOutC__Hash",
    b"ZTxIdSOutM__Hash",
    b"ZTxIdSOutN__Hash",
    b"ZTxIdOrchardHash",
    b"ZTxIdOrcActCHash",
    b"ZTxIdOrcActMHash",
    b"ZTxIdOrcActNHash",
)
_PERSONAL: Final = np.frombuffer(b"".join(_NAMES), np.uint8).reshape(-1, 16).copy()
_TX: Final = 0
_HEADERS: Final = 1
_TRANSPARENT: Final = 2
_PREVOUTS: Final = 3
_SEQUENCES: Final = 4
_OUTPUTS: Final = 5
_SAPLING: Final = 6
_S_SPENDS: Final = 7
_S_SPENDS_COMPACT: Final = 8
_S_SPENDS_REST: Final = 9
_S_OUTPUTS: Final = 10
_S_OUTPUTS_COMPACT: Final = 11
_S_OUTPUTS_MEMOS: Final = 12
_S_OUTPUTS_REST: Final = 13
_ORCHARD: Final = 14
_ACTIONS_COMPACT: Final = 15
_ACTIONS_MEMOS: Final = 16
_ACTIONS_REST: Final = 17


@inlined
def version_of(data: NDArray[np.uint8], start: int, end: int) -> tuple[Any, Any]:
    """Tell the form of a transaction.

    Parameters
    ----------
    data : ndarray of uint8
        Holds it.
    start, end : int
        Where it begins, and what it must not pass.

    Returns
    -------
    version : int64
        1 to 5 (2 for all later ones of before Overwinter, which have the same form);
        `UNKNOWN_VERSION`, or `CUT` where the data ends.
    position : int64
        Of the number of inputs.
    """
    if start + 4 > end:
        return np.int64(CUT), start
    word = read_u32(data, start)
    if word < _OVERWINTERED:
        version = np.int64(UNKNOWN_VERSION) if word == 0 else min(word, np.int64(2))
        return version, start + 4
    if start + 8 > end:
        return np.int64(CUT), start
    version, group = word - _OVERWINTERED, read_u32(data, start + 4)
    if version == 5 and group == _GROUP_5:
        cut = start + _FIELDS_5 > end
        return (np.int64(CUT), start) if cut else (version, start + _FIELDS_5)
    if (version == 3 and group == _GROUP_3) or (version == 4 and group == _GROUP_4):
        return version, start + 8
    return np.int64(UNKNOWN_VERSION), start


@inlined
def _amount(data: NDArray[np.uint8], at: int) -> Any:
    """Read a signed amount."""
    return read_u32(data, at) | read_u32(data, at + 4) << 32


@inlined
def _skip(data: NDArray[np.uint8], at: int, end: int, each: int) -> tuple[Any, Any]:
    """Read a number of parts of the same length and pass them: (number or fault, position)."""
    number, after = compact_size(data, at, end)
    if number < 0:
        return number, at
    if number * each > end - after:
        return np.int64(CUT), after
    return number, after + number * each


@inlined
def _in_range(amount: Any, most: int) -> bool:
    """Tell whether a balance is possible."""
    return bool(-most <= amount <= most)


@leaf
def _after_joinsplits(
    data: NDArray[np.uint8], at: int, end: int, each: int, most: int, passed: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Pass JoinSplits and their signature: (number or fault, position)."""
    number, after = _skip(data, at, end, each)
    if number <= 0:
        return number, after
    first = after - number * each
    for i in range(number):
        old, new = _amount(data, first + i * each), _amount(data, first + i * each + 8)
        if not (0 <= old <= most and 0 <= new <= most):
            return np.int64(AMOUNT), first + i * each
        passed[1] += old - new
        if not _in_range(passed[1], most):
            return np.int64(AMOUNT), first + i * each
    if end - after < _JOINSPLIT_SIGNED:
        return np.int64(CUT), after
    return number, after + _JOINSPLIT_SIGNED


@leaf
def _after_version_4(
    data: NDArray[np.uint8], at: int, end: int, most: int, passed: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Pass Sapling parts and JoinSplits of version 4: (number of parts or fault, position)."""
    balance_at = at
    if at + 8 > end:
        return np.int64(CUT), at
    balance = _amount(data, at)
    spends, at = _skip(data, at + 8, end, _SPEND_4)
    if spends < 0:
        return spends, at
    outputs, at = _skip(data, at, end, _OUTPUT_4)
    if outputs < 0:
        return outputs, at
    if not _in_range(balance, most) or (spends + outputs == 0 and balance != 0):
        return np.int64(AMOUNT), balance_at
    passed[2] = -balance
    joinsplits, at = _after_joinsplits(data, at, end, _JOINSPLIT_4, most, passed)
    if joinsplits < 0 or spends + outputs == 0:
        return joinsplits, at
    if at + _SIGNATURE > end:
        return np.int64(CUT), at
    return spends + outputs + joinsplits, at + _SIGNATURE


@leaf
def _after_version_5(
    data: NDArray[np.uint8], at: int, end: int, most: int, passed: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Pass Sapling and Orchard parts of version 5: (number of parts or fault, position)."""
    spends, at = _skip(data, at, end, _SPEND_5)
    if spends < 0:
        return spends, at
    outputs, at = _skip(data, at, end, _OUTPUT_5)
    if outputs < 0:
        return outputs, at
    if spends + outputs > 0:
        size = spends * (_PROOF + _SIGNATURE) + outputs * _PROOF + 8 + _SIGNATURE
        size += _ANCHOR if spends > 0 else 0
        if size > end - at:
            return np.int64(CUT), at
        balance = _amount(data, at)
        if not _in_range(balance, most):
            return np.int64(AMOUNT), at
        passed[2] = -balance
        at += size
    actions, at = _skip(data, at, end, _ACTION)
    if actions <= 0:
        return (actions if actions < 0 else spends + outputs), at
    if at + 9 + _ANCHOR > end:
        return np.int64(CUT), at
    balance = _amount(data, at + 1)
    if not _in_range(balance, most):
        return np.int64(AMOUNT), at + 1
    passed[3] = -balance
    proof, at = _skip(data, at + 9 + _ANCHOR, end, 1)
    if proof < 0:
        return proof, at
    if (actions + 1) * _SIGNATURE > end - at:
        return np.int64(CUT), at
    return spends + outputs + actions, at + (actions + 1) * _SIGNATURE


@leaf
def after_outputs(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    version: int,
    most: int,
    passed: NDArray[np.int64],
) -> tuple[Any, Any]:
    """Pass what follows the transparent outputs of a transaction.

    Parameters
    ----------
    data : ndarray of uint8
        Holds it.
    at, end : int
        End of the outputs, and what the transaction must not pass.
    version : int
        From `version_of`.
    most : int
        No amount is larger.
    passed : ndarray of int64, shape (4,)
        Filled: number of shielded parts (JoinSplits, spends, outputs, actions), and what goes into
        each of `POOLS`; negative what comes out of it.

    Returns
    -------
    parts : int64
        Their number; `CUT`, `NOT_SHORTEST` or `AMOUNT` where something is wrong.
    position : int64
        After the transaction, or of what is wrong.
    """
    for i in range(4):
        passed[i] = 0
    parts = np.int64(0)
    if version == 5:
        parts, at = _after_version_5(data, at, end, most, passed)
    else:
        # Lock time, then height of expiry.
        fields = 4 if version < 3 else 8
        if fields > end - at:
            return np.int64(CUT), at
        at += fields
        if version == 4:
            parts, at = _after_version_4(data, at, end, most, passed)
        elif version > 1:
            parts, at = _after_joinsplits(data, at, end, _JOINSPLIT_2, most, passed)
    passed[0] = max(parts, np.int64(0))
    return parts, at


@inlined
def locktime_at(start: int, outputs_end: int, version: int) -> int:
    """Return where the lock time of a transaction stands.

    Parameters
    ----------
    start, outputs_end : int
        Where the transaction begins, and its outputs end.
    version : int
        From `version_of`.

    Returns
    -------
    int
        Position.
    """
    return start + _LOCKTIME_5 if version == 5 else outputs_end


@leaf
def _hash_each(
    blake: Blake,
    personal: int,
    data: NDArray[np.uint8],
    first: int,
    number: int,
    stride: int,
    begin_at: int,
    length: int,
    out: NDArray[np.uint8],
    at: int,
) -> None:
    """Hash the same piece of each of some parts."""
    begin(blake, _PERSONAL[personal])
    for i in range(number):
        absorb(blake, data, first + i * stride + begin_at, length)
    finish(blake, out, at)


@leaf
def _sapling_digest(
    blake: Blake,
    data: NDArray[np.uint8],
    at: int,
    end: int,
    part: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> Any:
    """Write the digest of the Sapling parts; return the position after them."""
    spends, after = compact_size(data, at, end)
    first_spend = after
    outputs, after = compact_size(data, after + spends * _SPEND_5, end)
    first_output = after
    after += outputs * _OUTPUT_5
    if spends + outputs == 0:
        begin(blake, _PERSONAL[_SAPLING])
        finish(blake, out, 64)
        return after
    balance = after
    after += 8
    if spends > 0:
        anchor = after
        after += _ANCHOR
        _hash_each(blake, _S_SPENDS_COMPACT, data, first_spend, spends, _SPEND_5, 32, 32, part, 0)
        begin(blake, _PERSONAL[_S_SPENDS_REST])
        for i in range(spends):
            absorb(blake, data, first_spend + i * _SPEND_5, 32)
            absorb(blake, data, anchor, _ANCHOR)
            absorb(blake, data, first_spend + i * _SPEND_5 + 64, 32)
        finish(blake, part, 32)
    begin(blake, _PERSONAL[_S_SPENDS])
    if spends > 0:
        absorb(blake, part, 0, 64)
    finish(blake, part, 96)
    if outputs > 0:
        each = _OUTPUT_5
        _hash_each(blake, _S_OUTPUTS_COMPACT, data, first_output, outputs, each, 32, 116, part, 0)
        _hash_each(blake, _S_OUTPUTS_MEMOS, data, first_output, outputs, each, 148, 512, part, 32)
        begin(blake, _PERSONAL[_S_OUTPUTS_REST])
        for i in range(outputs):
            absorb(blake, data, first_output + i * each, 32)
            absorb(blake, data, first_output + i * each + 660, 96)
        finish(blake, part, 64)
    begin(blake, _PERSONAL[_S_OUTPUTS])
    if outputs > 0:
        absorb(blake, part, 0, 96)
    finish(blake, part, 128)
    begin(blake, _PERSONAL[_SAPLING])
    absorb(blake, part, 96, 64)
    absorb(blake, data, balance, 8)
    finish(blake, out, 64)
    return after + spends * (_PROOF + _SIGNATURE) + outputs * _PROOF + _SIGNATURE


@leaf
def _orchard_digest(
    blake: Blake,
    data: NDArray[np.uint8],
    at: int,
    end: int,
    part: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    """Write the digest of the Orchard parts."""
    actions, first = compact_size(data, at, end)
    if actions > 0:
        begin(blake, _PERSONAL[_ACTIONS_COMPACT])
        for i in range(actions):
            absorb(blake, data, first + i * _ACTION + 32, 32)
            absorb(blake, data, first + i * _ACTION + 96, 116)
        finish(blake, part, 0)
        _hash_each(blake, _ACTIONS_MEMOS, data, first, actions, _ACTION, 212, 512, part, 32)
        begin(blake, _PERSONAL[_ACTIONS_REST])
        for i in range(actions):
            absorb(blake, data, first + i * _ACTION, 32)
            absorb(blake, data, first + i * _ACTION + 64, 32)
            absorb(blake, data, first + i * _ACTION + 724, 96)
        finish(blake, part, 64)
    begin(blake, _PERSONAL[_ORCHARD])
    if actions > 0:
        absorb(blake, part, 0, 96)
        # Flags, balance and anchor.
        absorb(blake, data, first + actions * _ACTION, 9 + _ANCHOR)
    finish(blake, out, 96)


@leaf
def _version_5_id(
    blake: Blake,
    data: NDArray[np.uint8],
    start: int,
    end: int,
    part: NDArray[np.uint8],
    digests: NDArray[np.uint8],
    out: NDArray[np.uint8],
    out_start: int,
) -> None:
    """Write the id of a transaction of version 5 that was parsed."""
    _hash_each(blake, _HEADERS, data, start, 1, 0, 0, _FIELDS_5, digests, 0)
    inputs, first = compact_size(data, start + _FIELDS_5, end)
    at = first
    begin(blake, _PERSONAL[_PREVOUTS])
    for _ in range(inputs):
        absorb(blake, data, at, 36)
        length, script = compact_size(data, at + 36, end)
        at = script + length + 4
    finish(blake, part, 0)
    begin(blake, _PERSONAL[_SEQUENCES])
    at = first
    for _ in range(inputs):
        length, script = compact_size(data, at + 36, end)
        at = script + length + 4
        absorb(blake, data, at - 4, 4)
    finish(blake, part, 32)
    outputs, first = compact_size(data, at, end)
    at = first
    for _ in range(outputs):
        length, script = compact_size(data, at + 8, end)
        at = script + length
    _hash_each(blake, _OUTPUTS, data, first, 1, 0, 0, at - first, part, 64)
    begin(blake, _PERSONAL[_TRANSPARENT])
    if inputs + outputs > 0:
        absorb(blake, part, 0, 96)
    finish(blake, digests, 32)
    at = _sapling_digest(blake, data, at, end, part, digests)
    _orchard_digest(blake, data, at, end, part, digests)
    for byte in range(12):
        part[byte] = _PERSONAL[_TX, byte]
    for byte in range(4):
        part[12 + byte] = data[start + 8 + byte]
    begin(blake, part[:16])
    absorb(blake, digests, 0, 128)
    finish(blake, out, out_start)


@leaf
def _fill_ids(
    data: NDArray[np.uint8],
    span: NDArray[np.int64],
    blake: Blake,
    part: NDArray[np.uint8],
    digests: NDArray[np.uint8],
    txid: NDArray[np.uint8],
) -> None:
    """Write the ids of those transactions that have version 5."""
    for tx in range(span.shape[0]):
        if read_u32(data, span[tx, 0]) == V5:
            _version_5_id(blake, data, span[tx, 0], span[tx, 3], part, digests, txid, 32 * tx)


def fill_version_5_ids(
    data: NDArray[np.uint8], span: NDArray[np.int64], txid: NDArray[np.uint8]
) -> None:
    """Compute the ids of transactions of version 5 (ZIP-244).

    Parameters
    ----------
    data : ndarray of uint8
        Holds parsed transactions.
    span : ndarray of int64, shape (n_tx, 4)
        `ParsedBlocks.tx_span`.
    txid : ndarray of uint8, shape (n_tx, 32)
        Those of version 5 are filled.

    Notes
    -----
    Cost: nine BLAKE2b hashes a transaction, nine more for each kind of shielded part.
    """
    part, digests = np.empty(160, np.uint8), np.empty(128, np.uint8)
    _fill_ids(data, span, new_blake(), part, digests, txid.reshape(-1))
