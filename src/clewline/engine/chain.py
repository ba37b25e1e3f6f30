"""The arrays that every engine function reads: one chain, ids dense and in chain order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel

UNSPENT: Final = 0xFFFFFFFF
"""Value of `Chain.spender` for an output that no input spends."""

_FEW: Final = 1024

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt32 = NDArray[np.uint32]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Mask = NDArray[Any]


@dataclass(frozen=True)
class Chain:
    """A chain as columns.

    Attributes
    ----------
    block_tx : ndarray of int64, shape (n_block + 1,)
        First transaction of each block; the last entry is `n_tx`. The first transaction of
        a block is its coinbase.
    block_time : ndarray of int64, shape (n_block,)
        Header time, UTC seconds.
    tx_input, tx_output : ndarray of int64, shape (n_tx + 1,)
        First input and first output of each transaction. A coinbase has no inputs.
    prevout : ndarray of int64, shape (n_input,)
        The output that each input spends.
    value : ndarray of int64, shape (n_output,)
        Satoshi.
    script : ndarray of uint32, shape (n_output,)
        Script id of each output.
    spender : ndarray of uint32, shape (n_output,)
        Transaction that spends each output; `n_tx` or more (`UNSPENT` or a transaction after the
        tip) where none does.
    script_kind : ndarray of uint8, shape (n_script,)
        `clewline.codec.script.ScriptKind` of each script.
    first_output : ndarray of int64, shape (n_script,)
        First output of each script.
    next_output : ndarray of int64, shape (n_output,)
        Output that the same script received next; -1, or `n_output` or more (an output after the
        tip), where there is none.
    outputs_only : int
        Of a part of a chain: transactions below this id are known for their outputs alone, so that
        where their money came from is not loaded. 0 of a whole chain.
    settled : ndarray of uint8, shape (n_output,) or (0,)
        Of a part of a chain: 1 where an output that no loaded transaction spends is unspent, 0
        where it is not known. Empty of a whole chain, in which all are.
    version : ndarray of int32, shape (n_tx,) or (0,)
        Version field of each transaction, where its upper half is a type (Dash, DIP-2). Empty on
        other chains.
    pool : int
        Script of the outputs that go into a pool in which owners change hidden from the chain (on
        Dash, that of asset locks); -1 where there is none.
    shielded_tx : ndarray of uint32, shape (n_shielded,)
        Transactions with shielded parts (Zcash), ascending, coinbases among them. Value goes into
        pools or comes out of them, where owners and amounts are hidden, so that what their inputs
        hold is not what their outputs hold and a fee.
    """

    block_tx: Int64
    block_time: Int64
    tx_input: Int64
    tx_output: Int64
    prevout: Int64
    value: Int64
    script: UInt32
    spender: UInt32
    script_kind: UInt8
    first_output: Int64
    next_output: Int64
    outputs_only: int = 0
    settled: UInt8 = field(default_factory=lambda: np.empty(0, np.uint8))
    version: Int32 = field(default_factory=lambda: np.empty(0, np.int32))
    pool: int = -1
    shielded_tx: UInt32 = field(default_factory=lambda: np.empty(0, np.uint32))

    @property
    def n_tx(self) -> int:
        """Number of transactions."""
        return len(self.tx_input) - 1

    @property
    def n_output(self) -> int:
        """Number of outputs."""
        return len(self.value)

    @property
    def n_script(self) -> int:
        """Number of scripts."""
        return len(self.script_kind)


@kernel
def list_outputs(first: int, next_output: Int64, outputs: Int64) -> Any:
    """Count the outputs that a script received; list them, ascending, as far as there is room."""
    count = 0
    output = np.int64(first)
    while 0 <= output < len(next_output):
        if count < len(outputs):
            outputs[count] = output
        count += 1
        output = next_output[output]
    return count


def outputs_of(chain: Chain, script: int) -> Int64:
    """Return the outputs that a script received, ascending.

    Parameters
    ----------
    chain : Chain
        The chain.
    script : int
        Script id.

    Returns
    -------
    ndarray of int64
        Output ids.

    Notes
    -----
    Cost: one step an output, each to another page; twice for scripts of more than a thousand.
    """
    outputs = np.empty(_FEW, np.int64)
    first = int(chain.first_output[script])
    count = int(list_outputs(first, chain.next_output, outputs))
    if count > len(outputs):
        outputs = np.empty(count, np.int64)
        list_outputs(first, chain.next_output, outputs)
    return outputs[:count]


@kernel
def _list_each(
    scripts: Any, first_output: Int64, next_output: Int64, most: int, offset: Int64, outputs: Int64
) -> None:
    """Set the offsets of the outputs of each script; list them as far as there is room."""
    n = 0
    for k in range(scripts.size):
        output = first_output[scripts[k]]
        count = 0
        while 0 <= output < len(next_output) and count < most:
            if n < len(outputs):
                outputs[n] = output
            n += 1
            count += 1
            output = next_output[output]
        offset[k + 1] = n


def outputs_of_each(chain: Chain, scripts: UInt32, most: int) -> tuple[Int64, Int64]:
    """Return the outputs that each of some scripts received, the earliest of each.

    Parameters
    ----------
    chain : Chain
        The chain.
    scripts : ndarray of uint32, shape (n,)
        Script ids.
    most : int
        How many of each script at most.

    Returns
    -------
    offset : ndarray of int64, shape (n + 1,)
        The outputs of ``scripts[k]`` are ``outputs[offset[k] : offset[k + 1]]``.
    outputs : ndarray of int64
        Output ids, ascending within a script.

    Notes
    -----
    Cost: two steps an output, each to another page.
    """
    offset = np.zeros(len(scripts) + 1, np.int64)
    ids = np.asarray(scripts, np.uint32)
    where = (chain.first_output, chain.next_output, most, offset)
    _list_each(ids, *where, np.empty(0, np.int64))
    outputs = np.empty(int(offset[-1]), np.int64)
    _list_each(ids, *where, outputs)
    return offset, outputs
