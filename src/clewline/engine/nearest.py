"""How near the nearest holder of a category is, by transactions, for every transaction.

The companion of `clewline.engine.exposure`: shares say how much of the money of a transaction is
tied to a category, this says over how few transactions, and to which script. The same walk with
the same stops: only outputs that nobody holds lie between, and CoinJoins end it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain, Int64, UInt8, UInt32
from clewline.engine.exposure import NOBODY, Float64, Marks
from clewline.jit import kernel, leaf

UInt16 = NDArray[np.uint16]

FARTHEST: Final = 65_535
"""Hops are counted up to this."""


@leaf
def _up(
    tx_output: Int64,
    value: Int64,
    script: UInt32,
    spender: UInt32,
    category: UInt8,
    mixes: UInt8,
    part: Any,
    hops: UInt16,
    holder: UInt32,
) -> None:
    """Hand hops on to the transactions that spend."""
    n_tx = tx_output.size - 1
    for tx in range(n_tx):
        if mixes[tx] != 0:
            hops[tx] = 0
        for output in range(tx_output[tx], tx_output[tx + 1]):
            later = np.int64(spender[output])
            if later >= n_tx or value[output] == 0:
                continue
            held = category[script[output]]
            count, whose = np.int64(0), script[output]
            if held == part:
                count = np.int64(1)
            elif held == NOBODY and hops[tx] > 0:
                count, whose = np.int64(hops[tx]) + 1, holder[tx]
                count = min(count, np.int64(FARTHEST))
            now = np.int64(hops[later])
            if count > 0 and (now == 0 or count < now or (count == now and whose < holder[later])):
                hops[later], holder[later] = count, whose


@leaf
def _down(
    tx_input: Int64,
    tx_output: Int64,
    value: Int64,
    script: UInt32,
    spender: UInt32,
    category: UInt8,
    mixes: UInt8,
    part: Any,
    hops: UInt16,
    holder: UInt32,
) -> None:
    """Gather hops from the transactions that spend."""
    n_tx = tx_output.size - 1
    for tx in range(n_tx - 1, -1, -1):
        if mixes[tx] != 0 or tx_input[tx] == tx_input[tx + 1]:
            continue
        for output in range(tx_output[tx], tx_output[tx + 1]):
            if value[output] == 0:
                continue
            held = category[script[output]]
            later = np.int64(spender[output])
            count, whose = np.int64(0), script[output]
            if held == part:
                count = np.int64(1)
            elif held == NOBODY and later < n_tx and hops[later] > 0:
                count, whose = np.int64(hops[later]) + 1, holder[later]
                count = min(count, np.int64(FARTHEST))
            now = np.int64(hops[tx])
            if count > 0 and (now == 0 or count < now or (count == now and whose < holder[tx])):
                hops[tx], holder[tx] = count, whose


def fill_nearest(
    chain: Chain, marks: Marks, part: int, hops: UInt16, holder: UInt32, *, to_the_past: bool
) -> None:
    """Find the nearest script of a category from each transaction.

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    marks : Marks
        Who holds what, and CoinJoins.
    part : int
        A category, from 1.
    hops : ndarray of uint16, shape (n_tx,)
        Zeros; receives over how few transactions the category is reached, this one counted:
        1 where one of its inputs (to the future: outputs) is held by it. 0 where it is not.
    holder : ndarray of uint32, shape (n_tx,)
        Receives the script that is reached; of several as near the lowest.
    to_the_past : bool
        Where money came from, rather than where it went.

    Notes
    -----
    Cost: one pass over the outputs.

    Examples
    --------
    See `clewline.engine.exposure.fill_from`; script 0 belongs to category 1.

    >>> chain = Chain(
    ...     block_tx=np.array([0, 1, 3]), block_time=np.array([0, 1]),
    ...     tx_input=np.array([0, 0, 0, 2]), tx_output=np.array([0, 1, 2, 3]),
    ...     prevout=np.array([0, 1]), value=np.array([10, 30, 40]),
    ...     script=np.array([0, 1, 2], np.uint32),
    ...     spender=np.array([2, 2, 0xFFFFFFFF], np.uint32),
    ...     script_kind=np.zeros(3, np.uint8), first_output=np.array([0, 1, 2]),
    ...     next_output=np.array([-1, -1, -1]),
    ... )
    >>> marks = Marks(np.array([1, 0, 0], np.uint8), np.zeros(3, np.uint8))
    >>> hops, holder = np.zeros(3, np.uint16), np.zeros(3, np.uint32)
    >>> fill_nearest(chain, marks, 1, hops, holder, to_the_past=True)
    >>> hops.tolist(), int(holder[2])
    ([0, 0, 1], 0)
    """
    world = (chain.value, chain.script, chain.spender, marks.category, marks.mixes, part)
    if to_the_past:
        _up(chain.tx_output, *world, hops, holder)
    else:
        _down(chain.tx_input, chain.tx_output, *world, hops, holder)


@kernel
def _sum_each(
    scripts: Int64,
    first_output: Int64,
    next_output: Int64,
    tx_output: Int64,
    value: Int64,
    spender: UInt32,
    shares: Float64,
    hops: UInt16,
    holder: UInt32,
    past: Any,
    received: Float64,
    tied: Float64,
    nearest: UInt16,
    whose: UInt32,
) -> None:
    """Sum up, for each script, what its outputs are tied to."""
    n_tx = tx_output.size - 1
    for k in range(scripts.size):
        if scripts[k] < 0:
            continue
        output = first_output[scripts[k]]
        while 0 <= output < value.size:
            amount = np.float64(value[output])
            received[k] += amount
            tx = np.int64(spender[output])
            if past:
                tx = np.searchsorted(tx_output, output, side="right") - 1
            if amount > 0.0 and 0 <= tx < n_tx and shares[tx] > 0.0:
                tied[k] += amount * shares[tx]
                near = hops[tx]
                if near > 0 and (
                    nearest[k] == 0
                    or near < nearest[k]
                    or (near == nearest[k] and holder[tx] < whose[k])
                ):
                    nearest[k], whose[k] = near, holder[tx]
            output = next_output[output]


def exposure_of_scripts(
    chain: Chain,
    scripts: Int64,
    shares: Float64,
    hops: UInt16,
    holder: UInt32,
    *,
    to_the_past: bool,
) -> tuple[Float64, Float64, UInt16, UInt32]:
    """Return what scripts received, what of it is tied to a category, and how near that is.

    Parameters
    ----------
    chain : Chain
        The chain as columns.
    scripts : ndarray of int64, shape (n,)
        Script ids; -1 for none.
    shares : ndarray of float64, shape (n_tx,)
        From `clewline.engine.exposure.fill_from` or `fill_to`.
    hops, holder : ndarray, shape (n_tx,)
        From `fill_nearest`, in the same direction.
    to_the_past : bool
        The direction.

    Returns
    -------
    received, tied : ndarray of float64, shape (n,)
        Satoshi; 0 ≤ tied ≤ received but for rounding.
    nearest : ndarray of uint16, shape (n,)
        Hops to the nearest script of the category, 0 where nothing is tied to it.
    whose : ndarray of uint32, shape (n,)
        That script.

    Notes
    -----
    Cost: each output of the scripts, at another page each, and a binary search.
    """
    n = len(scripts)
    received, tied = np.zeros(n), np.zeros(n)
    nearest, whose = np.zeros(n, np.uint16), np.zeros(n, np.uint32)
    _sum_each(
        scripts,
        chain.first_output,
        chain.next_output,
        chain.tx_output,
        chain.value,
        chain.spender,
        shares,
        hops,
        holder,
        to_the_past,
        received,
        tied,
        nearest,
        whose,
    )
    return received, tied, nearest, whose
