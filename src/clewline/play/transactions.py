"""Transactions as bytes: BIP-144 serialisation, ids, weight.

Signatures have the form and the length that the script type asks for and mean nothing. Version,
sequence and lock time vary as those of real wallets do: a third of them lock to the last block
("fee sniping"), a third signal replacement (BIP-125).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from clewline.codec.sha256 import new_scratch, sha256d_into, sha256d_ranges3_into
from clewline.jit import kernel
from clewline.play.keys import (
    PUBLIC_KEY_STREAM,
    SCRIPT_STREAM,
    SIGNATURE_STREAM,
    STYLE_STREAM,
    Int64,
    UInt8,
    fill,
    stream,
    write_script,
)

MAX_TRANSACTION_BYTES: Final = 64
MAX_INPUT_BYTES: Final = 320
MAX_OUTPUT_BYTES: Final = 80
"""Room that one transaction, input and output may take; the largest are a P2WSH input of two
signatures and a 2-of-3 script, and an OP_RETURN output of 64 bytes."""

_REPLACEABLE: Final = 0xFFFFFFFD


@kernel
def _write_number(buffer: UInt8, at: int, value: int, length: int) -> int:
    """Write an integer, little-endian; return the position behind it."""
    for i in range(length):
        buffer[at + i] = (value >> (8 * i)) & 0xFF
    return at + length


@kernel
def _write_size(buffer: UInt8, at: int, value: int) -> int:
    """Write a CompactSize (Core's ``serialize.h``); return the position behind it."""
    if value < 253:
        return _write_number(buffer, at, value, 1)
    buffer[at] = 253
    return _write_number(buffer, at + 1, value, 2)


@kernel
def _write_signature(buffer: UInt8, at: int, state: np.uint64) -> int:
    """Write the length byte and a DER signature with its hash type: 71 or 72 bytes (BIP-66)."""
    start = at + 1
    fill(buffer, start, 72, state)
    long_r = int(buffer[start] & 1)
    length = 71 + long_r
    first_r, first_s = buffer[start + 1] & 0x7F | 1, buffer[start + 2] & 0x7F | 1
    buffer[at] = length
    buffer[start], buffer[start + 1] = 0x30, length - 3
    buffer[start + 2], buffer[start + 3] = 2, 32 + long_r
    s = start + 36 + long_r
    if long_r:  # a high first bit would make it negative, so a zero stands before it
        buffer[start + 4], buffer[start + 5] = 0, first_r | 0x80
    else:
        buffer[start + 4] = first_r
    buffer[s], buffer[s + 1], buffer[s + 2] = 2, 32, first_s
    buffer[start + length - 1] = 1  # SIGHASH_ALL
    return start + length


@kernel
def _write_public_key(buffer: UInt8, at: int, state: np.uint64) -> int:
    """Write the length byte and a compressed public key."""
    buffer[at] = 33
    fill(buffer, at + 1, 33, state)
    buffer[at + 1] = 2 + (buffer[at + 1] & 1)
    return at + 34


@kernel
def _write_witness(
    buffer: UInt8, at: int, kind: int, script: int, signature: np.uint64, seed: np.uint64
) -> int:
    """Write the witness of one input (BIP-144); nothing but a zero count for P2PKH."""
    key = stream(seed, PUBLIC_KEY_STREAM, script)
    if kind == 0:
        buffer[at] = 0
        return at + 1
    if kind == 4:  # one Schnorr signature (BIP-341, key path)
        buffer[at], buffer[at + 1] = 1, 64
        return fill(buffer, at + 2, 64, signature)
    if kind == 3:  # 2-of-3 multisig: empty item, two signatures, the script
        buffer[at], buffer[at + 1] = 4, 0
        at = _write_signature(buffer, at + 2, signature)
        at = _write_signature(buffer, at, np.uint64(signature + np.uint64(1)))
        buffer[at], buffer[at + 1] = 105, 0x52
        at += 2
        for i in range(3):
            at = _write_public_key(buffer, at, key + np.uint64(i))
        buffer[at], buffer[at + 1] = 0x53, 0xAE
        return at + 2
    buffer[at] = 2
    at = _write_signature(buffer, at + 1, signature)
    return _write_public_key(buffer, at, key)


@kernel
def _write_script_sig(
    buffer: UInt8, at: int, kind: int, script: int, signature: np.uint64, seed: np.uint64
) -> int:
    """Write the scriptSig of one input with its length; empty for native witness programs."""
    if kind == 0:
        end = _write_signature(buffer, at + 1, signature)
        end = _write_public_key(buffer, end, stream(seed, PUBLIC_KEY_STREAM, script))
        buffer[at] = end - at - 1
        return end
    if kind == 1:  # the redeem script of P2SH-P2WPKH (BIP-141): version 0 and 20 bytes
        buffer[at], buffer[at + 1], buffer[at + 2], buffer[at + 3] = 23, 22, 0, 20
        return fill(buffer, at + 4, 20, stream(seed, SCRIPT_STREAM, script) + np.uint64(1))
    buffer[at] = 0
    return at + 1


@kernel
def encode_transactions(
    first_tx: int,
    end_tx: int,
    tx_input: Int64,
    n_prevout: int,
    prevout: Int64,
    tx_output: Int64,
    n_output: int,
    value: Int64,
    script: Int64,
    output_tx: Int64,
    script_kind: UInt8,
    txid: UInt8,
    wtxid: UInt8,
    buffer: UInt8,
    height: int,
    first_input: int,
    seed: np.uint64,
) -> tuple[int, int]:
    """Serialise transactions in order, so that each finds the ids of those that it spends.

    Parameters
    ----------
    first_tx, end_tx : int
        Which transactions; none of them a coinbase.
    tx_input, tx_output, prevout, value, script, output_tx, script_kind, txid : ndarray
        Columns of a `clewline.play.ledger.Ledger`; `txid` is filled for these transactions.
    n_prevout, n_output : int
        Length of `prevout` and of the output columns.
    wtxid : ndarray of uint8
        Receives 32 bytes for each transaction (BIP-141), from byte 0 on.
    buffer : ndarray of uint8
        Receives the transactions; `MAX_TRANSACTION_BYTES` and so on say how much room they need.
    height : int
        Height of their block, above their lock times.
    first_input : int
        Number that the first input has in the whole chain: no two signatures are the same.
    seed : uint64
        Seed of the case.

    Returns
    -------
    at : int
        Length of the transactions.
    stripped : int
        Their length without witness data: weight is three times this plus `at`.
    """
    scratch = new_scratch()
    at = 0
    stripped = 0
    for tx in range(first_tx, end_tx):
        input_start = tx_input[tx]
        input_end = tx_input[tx + 1] if tx + 1 < end_tx else n_prevout
        output_start = tx_output[tx]
        output_end = tx_output[tx + 1] if tx + 1 < end_tx else n_output
        witness = False
        for i in range(input_start, input_end):
            witness = witness or script_kind[script[prevout[i]]] != 0
        style = int(stream(seed, STYLE_STREAM, tx) >> np.uint64(40))
        sequence, locktime = 0xFFFFFFFF, 0
        if style % 3 == 1:
            sequence = _REPLACEABLE
        elif style % 3 == 2:
            sequence, locktime = _REPLACEABLE + (style >> 4 & 1), height - 1

        start = at
        at = _write_number(buffer, at, 1 if style >> 8 & 3 == 0 else 2, 4)
        if witness:
            buffer[at], buffer[at + 1] = 0, 1
            at += 2
        body = at
        at = _write_size(buffer, at, input_end - input_start)
        for i in range(input_start, input_end):
            spent = prevout[i]
            source = output_tx[spent]
            buffer[at : at + 32] = txid[32 * source : 32 * source + 32]
            at = _write_number(buffer, at + 32, spent - tx_output[source], 4)
            signature = stream(seed, SIGNATURE_STREAM, first_input + i)
            kind = script_kind[script[spent]]
            at = _write_script_sig(buffer, at, kind, script[spent], signature, seed)
            at = _write_number(buffer, at, sequence, 4)
        at = _write_size(buffer, at, output_end - output_start)
        for i in range(output_start, output_end):
            at = _write_number(buffer, at, value[i], 8)
            end = write_script(buffer, at + 1, script_kind[script[i]], script[i], seed)
            buffer[at] = end - at - 1
            at = end
        body_end = at
        if witness:
            for i in range(input_start, input_end):
                spent = prevout[i]
                signature = stream(seed, SIGNATURE_STREAM, first_input + i)
                kind = script_kind[script[spent]]
                at = _write_witness(buffer, at, kind, script[spent], signature, seed)
        at = _write_number(buffer, at, locktime, 4)
        sha256d_ranges3_into(
            buffer, start, 4, body, body_end - body, at - 4, 4, txid, 32 * tx, scratch
        )
        sha256d_into(buffer, start, at - start, wtxid, 32 * (tx - first_tx), scratch)
        stripped += 8 + body_end - body
    return at, stripped
