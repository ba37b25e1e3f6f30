"""The weights of the signs of change: fitted on known truth, calibrated on other truth.

The fit is a conditional logit (McFadden, 1974) by Newton's method with a small ridge, which keeps
a sign that the truth says nothing about at zero, and with signs that cannot turn round. The
calibration is isotonic (pool adjacent violators; Zadrozny and Elkan, KDD 2002) over bins of a least
size, each shrunk as Jeffreys' prior does, so that nothing is ever called certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.heuristics.change import N_SIGN, SIGNS, Weights, probabilities, signs
from clewline.evaluation.truth_sets import Owned
from clewline.workspace.change import habits_of

PURPOSES: Final = ("weights", "calibration", "published")
_RIDGE: Final = 2.0
_STEPS: Final = 50
_BIN: Final = 50
"""Outputs in a bin of the calibration, at least.

The largest of 1, 30, 50, 100 and 200 that costs no likelihood (a thousandth at most) where each
calibration case in turn is left out; larger ones lump together what comes true half as often."""
_MOST_OF_A_SET: Final = 1_000
"""A set counts as so many transactions at most, so that made-up ones do not drown the others."""

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """What the signs say on a chain, and what is true.

    Attributes
    ----------
    starts : ndarray of int64, shape (n_tx + 1,)
        First output of each transaction.
    asked, is_change : ndarray of bool, shape (n_output,)
        What can be change; what goes back to whoever paid.
    said : ndarray of int8, shape (n_output, n_sign)
        From `signs`.
    known : ndarray of bool, shape (n_tx,)
        Transactions that have a truth.
    """

    starts: NDArray[np.int64]
    asked: NDArray[np.bool_]
    is_change: NDArray[np.bool_]
    said: NDArray[np.int8]
    known: NDArray[np.bool_]

    def third(self, purpose: str) -> Observed:
        """Return the same with the truth of every third transaction only.

        Parameters
        ----------
        purpose : {"weights", "calibration", "published"}
            Each has its own third, so that no figure is published of what was fitted.

        Returns
        -------
        Observed
            The three have no known transaction in common.
        """
        mine = np.cumsum(self.known) % len(PURPOSES) == PURPOSES.index(purpose)
        return replace(self, known=self.known & mine)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Outputs of transactions that have a truth, as far as they are asked."""
        return np.asarray(np.repeat(self.known, np.diff(self.starts)) & self.asked)


def observe(chain_set: Owned) -> Observed:
    """Let the signs speak on a chain and set the truth beside it.

    Parameters
    ----------
    chain_set : Owned
        The chain. Where it has owners, a transaction is known if one known owner holds all its
        inputs; every address of a known owner is known. Where it has none, later spends tell: a
        transaction is known if exactly one of its outputs shares the inputs' cluster.

    Returns
    -------
    Observed
        Transactions in chain order.
    """
    workspace = chain_set.workspace
    chain = workspace.chain
    store = workspace.store
    coinjoin = store.column("structure.coinjoin")
    asked, said = signs(chain, habits_of(store), coinjoin)
    cluster = np.asarray(store.column("structure.cluster")).astype(np.int64)
    owner = cluster if chain_set.owner is None else chain_set.owner
    starts = np.asarray(chain.tx_output)
    spends = np.diff(chain.tx_input) > 0
    of_input = owner[chain.script[chain.prevout]]
    payer = np.full(chain.n_tx, -1, np.int64)
    if len(of_input):
        first = np.asarray(chain.tx_input[:-1])[spends]
        low, high = np.minimum.reduceat(of_input, first), np.maximum.reduceat(of_input, first)
        payer[spends] = np.where(low == high, low, -1)
    counts = np.diff(starts)
    to_payer = (owner[chain.script] == np.repeat(payer, counts)) & asked
    back = np.add.reduceat(to_payer.astype(np.int64), starts[:-1])
    any_asked = np.add.reduceat(asked.astype(np.int64), starts[:-1]) > 0
    known = (payer >= 0) & any_asked & (back <= 1)
    if chain_set.owner is None:
        known &= back == 1
    return Observed(starts, asked, to_payer, said, known)


def fit(sets: Sequence[Observed], others: Sequence[Observed]) -> Weights:
    """Fit weights on some sets and calibrate them on others.

    Parameters
    ----------
    sets : sequence of Observed
        For the weights.
    others : sequence of Observed
        For the calibration.

    Returns
    -------
    Weights
        The same for the same sets. No weight is turned round: what speaks for change never
        weighs less than 0, what speaks against it never more. A sign that the sets would turn
        round says more about them than about change, and weighs nothing.

    Notes
    -----
    Cost: some steps of Newton's method in as many dimensions as there are signs, twice.
    """
    used = np.ones(2 * N_SIGN + 1, np.bool_)
    telling = [one for one in sets if one.known.any()]
    while True:
        theta = _climb(telling, used)
        wrong = np.concatenate((theta[:N_SIGN] < 0, theta[N_SIGN:-1] > 0, [False]))
        if not wrong.any():
            break
        used &= ~wrong
    theta = np.round(theta, 4)
    straight = np.array([0.0, 1.0])
    weights = Weights(theta[:N_SIGN], theta[N_SIGN:-1], float(theta[-1]), straight, straight)
    raw, calibrated = _calibrate(weights, others)
    return Weights(weights.speaks_for, weights.speaks_against, weights.none, raw, calibrated)


def _climb(sets: Sequence[Observed], used: NDArray[np.bool_]) -> Float:
    """Return the most likely weights, 0 for those that are not used (Newton's method)."""
    theta = np.zeros(len(used))
    for _ in range(_STEPS):
        gradient, hessian = -_RIDGE * theta, -_RIDGE * np.eye(len(theta))
        for one in sets:
            g, h = _slope(one, theta)
            share = min(1.0, _MOST_OF_A_SET / max(1, int(one.known.sum())))
            gradient, hessian = gradient + share * g, hessian + share * h
        step = np.linalg.solve(hessian[np.ix_(used, used)], gradient[used])
        theta[used] -= step
        if np.abs(step).max() < 1e-9:
            break
    return theta


def record(weights: Weights, provenance: dict[str, Any]) -> dict[str, Any]:
    """Return weights as the data file holds them.

    Parameters
    ----------
    weights : Weights
        From `fit`.
    provenance : dict
        What they were fitted on.

    Returns
    -------
    dict
        ``provenance``, ``none``, ``signs`` by name, ``calibration`` as pairs.
    """
    return {
        "provenance": provenance,
        "none": weights.none,
        "signs": {
            sign.name: {
                "for": float(weights.speaks_for[i]),
                "against": float(weights.speaks_against[i]),
            }
            for i, sign in enumerate(SIGNS)
        },
        "calibration": [
            [float(x), float(y)] for x, y in zip(weights.raw, weights.calibrated, strict=True)
        ],
    }


def _slope(one: Observed, theta: Float) -> tuple[Float, Float]:
    """Return gradient and Hessian of the log-likelihood of a set."""
    rows = np.flatnonzero(one.counted)
    txs = np.repeat(np.arange(len(one.known)), np.diff(one.starts))[rows]
    of, first = np.unique(txs, return_inverse=True)
    n = len(of)
    features = np.hstack((one.said[rows] > 0, one.said[rows] < 0)).astype(np.float64)
    # "None of them" is one more choice, whose only feature is a constant.
    features = np.hstack((features, np.zeros((len(rows), 1))))
    nothing = np.zeros((n, features.shape[1]))
    nothing[:, -1] = 1.0
    features = np.vstack((features, nothing))
    group = np.concatenate((first, np.arange(n)))
    chosen = np.concatenate((one.is_change[rows], np.zeros(n, np.bool_)))
    chosen[len(rows) :] = np.bincount(first, one.is_change[rows], n) == 0
    score = np.exp(features @ theta - (features @ theta).max())
    p = score / np.bincount(group, score, n)[group]
    mean = np.zeros((n, features.shape[1]))
    np.add.at(mean, group, p[:, None] * features)
    gradient = features[chosen].sum(axis=0) - mean.sum(axis=0)
    hessian = -(features.T * p) @ features + mean.T @ mean
    return gradient, hessian


def _calibrate(weights: Weights, others: Sequence[Observed]) -> tuple[Float, Float]:
    """Return the knots of an isotonic calibration."""
    raw = np.concatenate(
        [probabilities(o.starts, o.asked, o.said, weights)[o.counted] for o in others]
    )
    true = np.concatenate([o.is_change[o.counted] for o in others])
    # Blocks of outputs, true ones, lowest and highest raw probability; merged until means ascend.
    blocks: list[tuple[int, int, float, float]] = []
    for one in _bins(raw, true):
        blocks.append(one)
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] >= blocks[-1][1] * blocks[-2][0]:
            last, before = blocks.pop(), blocks.pop()
            blocks.append((before[0] + last[0], before[1] + last[1], before[2], last[3]))
    mean = np.array([(true + 0.5) / (of + 1.0) for of, true, _, _ in blocks])
    # Shrinking by size may turn two neighbours round: the lower of them holds.
    mean = np.minimum.accumulate(mean[::-1])[::-1]
    # A knot at both ends of a block: what lies inside it is not drawn towards its neighbours.
    ends = [end for *_, low, high in blocks for end in (low, high)]
    knots = np.array([0.0, *ends, 1.0])
    return knots, np.round(np.array([mean[0], *np.repeat(mean, 2), mean[-1]]), 6)


def _bins(raw: Float, true: NDArray[np.bool_]) -> list[tuple[int, int, float, float]]:
    """Cut outputs into bins by raw probability: outputs, true ones, lowest and highest.

    Equal probabilities, as equal signs give them, are never cut apart.
    """
    value, which = np.unique(np.round(raw, 6), return_inverse=True)
    bins: list[tuple[int, int, float, float]] = []
    for at, of, count in zip(
        value.tolist(),
        np.bincount(which).tolist(),
        np.bincount(which, true).astype(np.int64).tolist(),
        strict=True,
    ):
        if bins and bins[-1][0] < _BIN:
            before = bins.pop()
            bins.append((before[0] + of, before[1] + count, before[2], at))
        else:
            bins.append((of, count, at, at))
    if len(bins) > 1 and bins[-1][0] < _BIN:
        last, before = bins.pop(), bins.pop()
        bins.append((before[0] + last[0], before[1] + last[1], before[2], last[3]))
    return bins
