"""Exposure: for every transaction, which share of its money is tied to services of each category.

Haircut mixes the money of a transaction, so that all its outputs came from the same places in the
same shares, and what its inputs held went to the same places in the same shares. So one number a
transaction and *part* says for every output where its money came from (that of the transaction
that created it) and where it went (that of the transaction that spends it). A part is a category
of services, or a rest where the walk ends without meeting one (`Rest`).

The shares are those of a walk from every output at once (`clewline.engine.taint`, haircut, no
caps): it stops at the first attributed service, with only unattributed outputs between.

- **from**: Σ over inputs of value × share ÷ Σ over inputs of value, where an input that a service
  holds counts whole for the service's category, and any other brings the share of the transaction
  that created it. A coinbase is *mined*; what leaves a CoinJoin came from *coinjoin*, what leaves a
  transaction with shielded parts from *shielded*.
- **to**: Σ over outputs of value × share ÷ Σ over inputs of value, where an output that a service
  holds counts whole for its category, an *unspent* one for that rest, and any other brings the
  share of the transaction that spends it. *fees* are what inputs hold more than outputs. What
  enters a CoinJoin went to *coinjoin*, into a transaction with shielded parts to *shielded*.

**Law**: the shares of all parts add up to 1 wherever money flows, and to 0 where none does (inputs
without value; *to* of a coinbase, which nothing enters).

Unlike a walk in satoshi, which rounds at each transaction, shares are real numbers, as float64.
All that is added is positive, so nothing cancels: a transaction with k inputs (*to*: outputs) makes
a share wrong by a factor of at most 1 ± (k + 2) × 2**-53, and these add up along a path. After a
path of a million transactions with two inputs each an error is below 5e-10. As rounding goes either
way, what is seen is far less: some 1e-13.

One pass computes one part in one direction: *from* goes up the chain and *to* comes down it, each
in ranges of transactions, so that a caller can show how far it is. *from* of a transaction depends
on earlier ones alone, so that a longer chain goes on where a shorter one ended, with the same bits;
*to* depends on all that follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain, Int64, UInt8, UInt32
from clewline.errors import UsageError
from clewline.jit import inlined, kernel, leaf

Float64 = NDArray[np.float64]

NOBODY: Final = 0
"""Category of a script that no service holds."""


class Rest(IntEnum):
    """Where money is tied to no service. The numbers follow those of the categories."""

    SHIELDED = 251
    """It came out of a transaction with parts in a shielded pool, or went into one (Zcash)."""
    MINED = 252
    """From: a coinbase created it."""
    COINJOIN = 253
    """It came out of a CoinJoin, or went into one."""
    UNSPENT = 254
    """To: no transaction spends it."""
    FEES = 255
    """To: miners were paid with it."""


FROM_RESTS: Final = (Rest.MINED, Rest.COINJOIN)
"""Rests of *from*; `Rest.SHIELDED` where the chain has shielded pools."""
TO_RESTS: Final = (Rest.UNSPENT, Rest.COINJOIN, Rest.FEES)
"""Rests of *to*; `Rest.SHIELDED` where the chain has shielded pools."""
MIXES: Final = 1
"""Of `Marks.mixes`: a CoinJoin that mixes owners."""
HIDES: Final = 2
"""Of `Marks.mixes`: a transaction with shielded parts."""
MAX_CATEGORIES: Final = min(Rest) - 1
"""Categories are numbered from 1 to this."""

_CODES: Final = 256
_NO_MIXES: Final = np.empty(0, np.uint8)
_SHIELDED: Final = int(Rest.SHIELDED)
_MINED: Final = int(Rest.MINED)
_COINJOIN: Final = int(Rest.COINJOIN)
_UNSPENT: Final = int(Rest.UNSPENT)
_FEES: Final = int(Rest.FEES)


@dataclass(frozen=True)
class Marks:
    """Where money stops.

    Attributes
    ----------
    category : ndarray of uint8, shape (n_script,)
        Category of the service that holds each script, from 1; `NOBODY` where none does.
    mixes : ndarray of uint8, shape (n_tx,)
        Whether a transaction is a CoinJoin (`MIXES`) or has shielded parts (`HIDES`); else 0.
    """

    category: UInt8
    mixes: UInt8


def mark_scripts(
    cluster: UInt32,
    scripts: UInt32,
    script_category: UInt8,
    clusters: UInt32,
    cluster_category: UInt8,
) -> UInt8:
    """Return the category of the service that holds each script.

    Parameters
    ----------
    cluster : ndarray of uint32, shape (n_script,)
        Cluster id of each script: that of one of its members.
    scripts : ndarray of uint32, shape (k,)
        Scripts that carry the label of a service.
    script_category : ndarray of uint8, shape (k,)
        Category of each, from 1.
    clusters : ndarray of uint32, shape (m,)
        Clusters that inherit one.
    cluster_category : ndarray of uint8, shape (m,)
        Category of each, from 1.

    Returns
    -------
    ndarray of uint8, shape (n_script,)
        The label of a script itself goes before one that its cluster inherits; `NOBODY` where there
        is neither.

    Notes
    -----
    Cost: one look-up a script; two bytes a script.

    Examples
    --------
    >>> one, two = np.array([1], np.uint8), np.array([2], np.uint8)
    >>> members = np.array([0, 0, 2], np.uint32)
    >>> mark_scripts(members, np.array([1], np.uint32), two, np.array([0], np.uint32), one).tolist()
    [1, 2, 0]
    """
    of_cluster = np.zeros(cluster.shape[0], np.uint8)
    of_cluster[clusters] = cluster_category
    category = of_cluster[cluster]
    category[scripts] = script_category
    return category


class _World(NamedTuple):
    """The columns that passes read: those of `Chain`, and `Marks`."""

    tx_input: Int64
    tx_output: Int64
    prevout: Int64
    value: Int64
    script: UInt32
    spender: UInt32
    category: UInt8
    mixes: UInt8
    pool: int


@inlined
def _given(world: _World, part: Any, output: Any, share: Any) -> Any:
    """Satoshi that an output brings to a part, if the transaction beyond it has this share."""
    held = world.category[world.script[output]]
    if held == part:
        return np.float64(world.value[output])
    return np.float64(world.value[output]) * share if held == NOBODY else 0.0


@inlined
def _total_input(world: _World, tx: Any) -> Any:
    """Sum what the inputs of a transaction hold."""
    total = np.int64(0)
    for row in range(world.tx_input[tx], world.tx_input[tx + 1]):
        total += world.value[world.prevout[row]]
    return total


@leaf
def _up(world: _World, part: Any, shares: Float64, first: Any, last: Any) -> None:
    """Turn gathered satoshi into shares, and hand them on to the transactions that spend them."""
    n_tx = len(world.tx_input) - 1
    for tx in range(first, last):
        share = 0.0
        if world.mixes[tx] == HIDES:
            share = 1.0 if part == _SHIELDED else 0.0
        elif world.mixes[tx] != 0:
            share = 1.0 if part == _COINJOIN else 0.0
        elif world.tx_input[tx] == world.tx_input[tx + 1]:
            share = 1.0 if part == _MINED else 0.0
        elif shares[tx] > 0.0:
            total = _total_input(world, tx)
            share = min(1.0, shares[tx] / np.float64(total))
        shares[tx] = share
        for output in range(world.tx_output[tx], world.tx_output[tx + 1]):
            given = _given(world, part, output, share)
            if given > 0.0 and world.spender[output] < n_tx:
                shares[world.spender[output]] += given


@kernel
def _carry(world: _World, part: Any, shares: Float64, first: Any) -> None:
    """Hand on the satoshi of outputs before `first` that transactions from there on spend.

    In the order in which a pass from the beginning adds them, so that the same bits come out.
    """
    boundary = world.tx_output[first]
    for tx in range(first, len(world.tx_input) - 1):
        earlier = world.prevout[world.tx_input[tx] : world.tx_input[tx + 1]]
        earlier = np.sort(earlier[earlier < boundary])
        for output in earlier:
            source = np.searchsorted(world.tx_output, output, side="right") - 1
            shares[tx] += _given(world, part, output, shares[source])


@leaf
def _down(world: _World, part: Any, shares: Float64, first: Any, last: Any) -> None:
    """Gather, from the last transaction to the first, what the outputs of each bring."""
    n_tx = len(world.tx_input) - 1
    unspent = 1.0 if part == _UNSPENT else 0.0
    hidden = 1.0 if part == _COINJOIN else 0.0
    for tx in range(last - 1, first - 1, -1):
        share = hidden
        if world.tx_input[tx] == world.tx_input[tx + 1]:
            share = 0.0
        elif world.mixes[tx] == HIDES:
            share = 1.0 if part == _SHIELDED else 0.0
        elif world.mixes[tx] == 0:
            share = 0.0
            gathered = 0.0
            left = np.int64(0)
            for output in range(world.tx_output[tx], world.tx_output[tx + 1]):
                left -= world.value[output]
                later = hidden if world.script[output] == world.pool else unspent
                if world.spender[output] < n_tx:
                    later = shares[world.spender[output]]
                gathered += _given(world, part, output, later)
            if gathered > 0.0 or part == _FEES:
                total = _total_input(world, tx)
                if part == _FEES:
                    gathered += np.float64(left + total)
                if total > 0:
                    share = min(1.0, gathered / np.float64(total))
        shares[tx] = share


def fill_from(
    chain: Chain, marks: Marks, part: int, shares: Float64, first: int, last: int
) -> None:
    """Compute the *from* shares of a range of transactions.

    Method: METHODS "Exposure", haircut after Möser, Böhme and Breuker ("Towards Risk Scoring of
    Bitcoin Transactions", 2014).

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    marks : Marks
        Services and CoinJoins.
    part : int
        A category or one of `FROM_RESTS`.
    shares : ndarray of float64, shape (n_tx,)
        Shares below `first`. From there on what was gathered: zeros at the start of a pass, after
        `carry_from` if it does not start at 0; then what the range before left. Receives the shares
        of the range, and gathers for those behind it.
    first, last : int
        The range ``[first, last)``; a pass takes ranges in ascending order, to `n_tx`.

    Raises
    ------
    UsageError
        If the marks are not those of the chain.

    Notes
    -----
    Cost: one pass over the outputs, and over the inputs of transactions that have a share. It
    writes in chain order, and adds at the transactions that spend: mostly near by.

    Examples
    --------
    A coinbase of 10 to script 0, which an exchange (category 1) holds, another of 30 to script 1;
    both are spent in one transaction.

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
    >>> shares = np.zeros(3)
    >>> fill_from(chain, marks, 1, shares, 0, 3)
    >>> shares.tolist()
    [0.0, 0.0, 0.25]
    """
    _up(_marked(chain, marks), part, shares, first, last)


def carry_from(chain: Chain, marks: Marks, part: int, shares: Float64, first: int) -> None:
    """Gather what transactions from `first` on spend of earlier outputs, whose shares are there.

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    marks : Marks
        Services and CoinJoins.
    part : int
        A category or one of `FROM_RESTS`.
    shares : ndarray of float64, shape (n_tx,)
        Shares below `first`, zeros from there on, which receive satoshi.
    first : int
        First transaction without a share.

    Raises
    ------
    UsageError
        If the marks are not those of the chain.

    Notes
    -----
    Cost: one binary search for each input that spends an earlier output.
    """
    _carry(_marked(chain, marks), part, shares, first)


def fill_to(chain: Chain, marks: Marks, part: int, shares: Float64, first: int, last: int) -> None:
    """Compute the *to* shares of a range of transactions: what became of the money of its inputs.

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    marks : Marks
        Services and CoinJoins.
    part : int
        A category or one of `TO_RESTS`.
    shares : ndarray of float64, shape (n_tx,)
        Shares from `last` on. Receives those of the range.
    first, last : int
        The range ``[first, last)``; a pass takes ranges in descending order, from `n_tx`.

    Raises
    ------
    UsageError
        If the marks are not those of the chain.

    Notes
    -----
    Cost: one pass over the outputs, and over the inputs of transactions that have a share.

    Examples
    --------
    See `fill_from`; a *to* share of an exchange that receives 30 of 40:

    >>> chain = Chain(
    ...     block_tx=np.array([0, 2]), block_time=np.array([0]),
    ...     tx_input=np.array([0, 0, 1]), tx_output=np.array([0, 1, 3]),
    ...     prevout=np.array([0]), value=np.array([40, 30, 5]),
    ...     script=np.array([0, 1, 2], np.uint32),
    ...     spender=np.array([1, 0xFFFFFFFF, 0xFFFFFFFF], np.uint32),
    ...     script_kind=np.zeros(3, np.uint8), first_output=np.array([0, 1, 2]),
    ...     next_output=np.array([-1, -1, -1]),
    ... )
    >>> marks = Marks(np.array([0, 1, 0], np.uint8), np.zeros(2, np.uint8))
    >>> shares = np.zeros(2)
    >>> for part in (1, Rest.UNSPENT, Rest.FEES):
    ...     fill_to(chain, marks, part, shares, 0, 2)
    ...     print(shares[1])
    0.75
    0.125
    0.125
    """
    _down(_marked(chain, marks), part, shares, first, last)


def _marked(chain: Chain, marks: Marks) -> _World:
    """Refuse marks that are not those of a chain; put them beside its columns."""
    for name, array, count in (
        ("category", marks.category, chain.n_script),
        ("mixes", marks.mixes, chain.n_tx),
    ):
        if array.shape != (count,) or array.dtype != np.uint8:
            raise UsageError(f"needs one uint8 for each of {count}", where=name)
    return _world(chain, marks.category, marks.mixes)


def _world(chain: Chain, category: UInt8, mixes: UInt8) -> _World:
    """Return what kernels read."""
    return _World(
        chain.tx_input,
        chain.tx_output,
        chain.prevout,
        chain.value,
        chain.script,
        chain.spender,
        category,
        mixes,
        chain.pool,
    )


@leaf
def _first_spender(
    script: UInt32, spender: UInt32, before: UInt8, after: UInt8, n_output: Any, n_tx: Any
) -> Any:
    """Return the first transaction that spends from a script whose category changed, or `n_tx`."""
    first = np.int64(n_tx)
    for output in range(n_output):
        at = script[output]
        if before[at] != after[at]:
            first = min(first, np.int64(spender[output]))
    return first


def first_affected(chain: Chain, before: UInt8, after: UInt8, tx: int) -> int:
    """Return the first transaction whose *from* shares other marks would change.

    New blocks may join an old address to a service's cluster. What it paid before counted for
    nobody then, and counts for the service now.

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    before, after : ndarray of uint8, shape (at least all scripts of outputs below `tx`,)
        `Marks.category` then and now.
    tx : int
        Only transactions below this one had shares.

    Returns
    -------
    int
        At most `tx`.

    Notes
    -----
    Cost: one pass over the outputs where anything changed.
    """
    common = min(before.shape[0], after.shape[0])
    if np.array_equal(before[:common], after[:common]):
        return tx
    return int(
        _first_spender(chain.script, chain.spender, before, after, int(chain.tx_output[tx]), tx)
    )


@leaf
def _one_hop(world: _World, tx: Int64, weight: Int64, inputs: Any, sums: Float64) -> None:
    """Add to `sums`, by category, what services hold of one side of some transactions."""
    for k in range(len(tx)):
        total = _total_input(world, tx[k])
        if total == 0:
            continue
        starts = world.tx_input if inputs else world.tx_output
        scale = np.float64(weight[k]) / np.float64(total)
        for row in range(starts[tx[k]], starts[tx[k] + 1]):
            output = world.prevout[row] if inputs else row
            held = world.category[world.script[output]]
            sums[held] += np.float64(world.value[output]) * scale


def one_hop(
    chain: Chain, category: UInt8, tx: Int64, weight: Int64, *, to_the_past: bool
) -> Float64:
    """Return the exposure that is one transaction away, by category.

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    category : ndarray of uint8, shape (n_script,)
        As in `Marks`.
    tx : ndarray of int64, shape (n,)
        Transactions that are no CoinJoins: those that created outputs, or spend them.
    weight : ndarray of int64, shape (n,)
        Satoshi of those outputs.
    to_the_past : bool
        Look at the inputs (*from*) rather than the outputs (*to*).

    Returns
    -------
    ndarray of float64, shape (256,)
        Satoshi by category; at `NOBODY` what no service holds.

    Notes
    -----
    Cost: the inputs and outputs of the transactions.
    """
    sums = np.zeros(_CODES)
    _one_hop(_world(chain, category, _NO_MIXES), tx, weight, to_the_past, sums)
    return sums
