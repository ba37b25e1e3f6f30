"""What scripts received and spent, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from clewline.engine.chain import Chain, Int64, UInt32
from clewline.errors import UsageError
from clewline.jit import kernel

NOTHING: Final = -1
"""For a script that is none: its row says nothing."""

BEYOND: Final = -1
"""For a sum that 64 bits do not hold."""

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Receipts:
    """Sums of many scripts, a row each.

    Attributes
    ----------
    outputs, unspent : ndarray of int64
        Outputs received, and those of them that are not spent.
    received, sent : ndarray of int64
        Satoshi; the balance is their difference. `BEYOND` where 64 bits do not hold them, which
        only a chain without a limit to its supply can come to (Dogecoin).
    first_tx, last_tx : ndarray of int64
        First and last transaction that pays to or spends from the script; -1 where there is none.
    """

    outputs: Int64
    unspent: Int64
    received: Int64
    sent: Int64
    first_tx: Int64
    last_tx: Int64


@kernel
def _sum_up(
    scripts: Int64,
    first_output: Int64,
    next_output: Int64,
    value: Int64,
    spender: UInt32,
    tx_output: Int64,
    sums: Int64,
) -> None:
    """Fill a row of `sums` for each script: see `Receipts`."""
    n_tx = len(tx_output) - 1
    for i in range(len(scripts)):
        sums[i, 4], sums[i, 5] = -1, -1
        if scripts[i] < 0:
            continue
        output = first_output[scripts[i]]
        sums[i, 4] = np.searchsorted(tx_output, output, side="right") - 1
        last_output, last_spender = output, np.int64(-1)
        while 0 <= output < len(next_output):
            sums[i, 0] += 1
            if value[output] > _LARGEST - sums[i, 2]:
                sums[i, 2] = sums[i, 3] = BEYOND
            held = sums[i, 2] != BEYOND
            if held:
                sums[i, 2] += value[output]
            if spender[output] < n_tx:
                if held:
                    sums[i, 3] += value[output]
                last_spender = max(last_spender, np.int64(spender[output]))
            else:
                sums[i, 1] += 1
            last_output = output
            output = next_output[output]
        paid_by = np.searchsorted(tx_output, last_output, side="right") - 1
        sums[i, 5] = max(paid_by, last_spender)


def receipts_of(chain: Chain, scripts: Int64) -> Receipts:
    """Sum up what many scripts received and spent.

    Parameters
    ----------
    chain : Chain
        The chain.
    scripts : ndarray of int64
        Script ids; `NOTHING` where there is none.

    Returns
    -------
    Receipts
        In the order of `scripts`.

    Raises
    ------
    UsageError
        No such script.

    Notes
    -----
    Cost: one step an output of each script, in no order that a cache would like.
    """
    if len(scripts) and (scripts.min() < NOTHING or scripts.max() >= chain.n_script):
        raise UsageError(f"script ids lie from 0 to {chain.n_script - 1}", where="scripts")
    sums = np.zeros((len(scripts), 6), np.int64)
    _sum_up(
        scripts,
        chain.first_output,
        chain.next_output,
        chain.value,
        chain.spender,
        chain.tx_output,
        sums,
    )
    return Receipts(*np.ascontiguousarray(sums.T))
