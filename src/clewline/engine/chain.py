"""The arrays that every engine function reads: one chain, ids dense and in chain order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

UNSPENT: Final = 0xFFFFFFFF
"""Value of `Chain.spender` for an output that no input spends."""

Int64 = NDArray[np.int64]
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
        Transaction that spends each output, `UNSPENT` where none does.
    script_kind : ndarray of uint8, shape (n_script,)
        `clewline.codec.script.ScriptKind` of each script.
    script_output : ndarray of int64, shape (n_script + 1,)
        First entry of each script in `output_by_script`.
    output_by_script : ndarray of int64, shape (n_output,)
        Outputs ordered by script, ascending within a script.
    outputs_only : int
        Of a part of a chain: transactions below this id are known for their outputs alone, so that
        where their money came from is not loaded. 0 of a whole chain.
    settled : ndarray of uint8, shape (n_output,) or (0,)
        Of a part of a chain: 1 where an output that no loaded transaction spends is unspent, 0
        where it is not known. Empty of a whole chain, in which all are.
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
    script_output: Int64
    output_by_script: Int64
    outputs_only: int = 0
    settled: UInt8 = field(default_factory=lambda: np.empty(0, np.uint8))
