"""Which output of a payment is its change: named signs, and a probability made from them.

Whoever spends coins worth more than a price gets the rest back, mostly at a new address. No rule
finds that output for certain. Each *sign* here is one small function over a transaction and says,
of each output, that it speaks for change, against it, or nothing; `SIGNS` says in words what it
tests and why. `probabilities` weighs them: a conditional logit (McFadden, 1974) whose choices are
the outputs and "none of them", so that the probabilities of one transaction add up to at most 1,
followed by a monotone calibration. Weights and calibration are data, fitted on chains whose truth
is known (`clewline evaluate --fit`), and no part of this module.

Change is never part of the default clusters: `clustering.cluster_with_change` is opt-in.

Limits. Wallets that make their change look like the payment defeat every sign. A transaction that
pays oneself, a payment without change and one with two changes break what the model assumes. A
mix has a change for each participant: it is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Bool, Chain, Int64, UInt8, UInt32
from clewline.engine.heuristics.coinjoin import NULLDATA, CoinJoin
from clewline.engine.heuristics.multi_input import MIXES, check_coinjoin
from clewline.errors import UsageError
from clewline.jit import kernel

RULE: Final = "change"
"""Name of this rule at a link."""

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Sign:
    """One sign in words; documentation and reasons are made from these.

    Attributes
    ----------
    name : str
        How answers and weights call it.
    speaks_for, speaks_against : str
        What holds of an output of which it says so; empty where it never does.
    why : str
        Why people and wallets behave so.
    source : str
        Who described it.
    """

    name: str
    speaks_for: str
    speaks_against: str
    why: str
    source: str


SIGNS: Final = (
    Sign(
        "own_script",
        "pays to a script that the transaction spends from",
        "another output does so",
        "Some wallets and most services of one address send the rest back to it.",
        "Androulaki et al., Evaluating User Privacy in Bitcoin (FC 2013), shadow addresses",
    ),
    Sign(
        "script_type",
        "is the only output of the type that all inputs have",
        "has another type than all inputs, and some other output has theirs",
        "A wallet makes its change addresses of its own type; a payee's type is the payee's.",
        "BlockSci, address_type change heuristic (Kalodner et al., USENIX Security 2020)",
    ),
    Sign(
        "fresh_script",
        "is the only output whose script was never paid before",
        "was paid before, and some other output was not",
        "Wallets make a new address for change; addresses that are given out get used again.",
        "Meiklejohn et al., A Fistful of Bitcoins (IMC 2013), heuristic 2",
    ),
    Sign(
        "round_amount",
        "is the only output that is no round amount",
        "is rounder by two decimal digits or more than some other output",
        "People choose round prices; what is left over is not round.",
        "Maxwell, 2013; Nick, Data-Driven De-Anonymization in Bitcoin (ETH Zürich 2015)",
    ),
    Sign(
        "optimal_change",
        "is the only output smaller than every input, of which there are several",
        "is not smaller than every input, while another output is",
        "A wallet does not add a coin that it does not need: change above the smallest coin means "
        "that the coin could have been left out.",
        "Nick (2015), optimal change; Bitcoin Wiki, Privacy, unnecessary input heuristic",
    ),
    Sign(
        "habits",
        "is spent by a transaction of the same version, lock time and sequence habits",
        "is spent by one of other habits",
        "The next transaction of the change is made by the same wallet software.",
        "BlockSci, locktime heuristic; Kappos et al., How to Peel a Million (USENIX Security 2022)",
    ),
    Sign(
        "fee_habits",
        "is spent at nearly the same fee rate, within a tenth",
        "is spent at a fee rate at least three times higher or lower",
        "People leave their wallet's fee setting as it is.",
        "Möser and Narayanan, Resurrecting Address Clustering in Bitcoin (FC 2022)",
    ),
    Sign(
        "next_spend",
        "is spent alone or with few others, by a payment with two outputs",
        "is swept with others into one output",
        "Change pays the next price, with change again (a peel chain); deposits are swept.",
        "Kappos et al. (USENIX Security 2022)",
    ),
)
"""In the order of the columns of `signs`."""

N_SIGN: Final = len(SIGNS)
_OWN, _TYPE, _FRESH, _ROUND, _OPTIMAL, _HABITS, _FEE, _NEXT = range(N_SIGN)

_DIGITS: Final = 2
_FEW: Final = 20
_LOCKTIME_IS_TIME: Final = 500_000_000
"""Core's ``LOCKTIME_THRESHOLD``: lower values are heights."""


@dataclass(frozen=True)
class Habits:
    """Columns that a `Chain` does not have, and that show which software made a transaction.

    Attributes
    ----------
    version : ndarray of int32, shape (n_tx,)
        nVersion.
    locktime : ndarray of uint32, shape (n_tx,)
        nLockTime.
    sequence : ndarray of uint32, shape (n_input,)
        nSequence of each input.
    base_size, total_size : ndarray of uint32, shape (n_tx,)
        Bytes without and with witness data; weight is three times the one plus the other.
    """

    version: Int32
    locktime: UInt32
    sequence: UInt32
    base_size: UInt32
    total_size: UInt32


@dataclass(frozen=True)
class Weights:
    """What turns signs into a probability.

    Attributes
    ----------
    speaks_for, speaks_against : ndarray of float64, shape (n_sign,)
        Log-odds that a sign adds where it speaks for, and where it speaks against change; the
        latter mostly negative.
    none : float
        Log-odds of "no output is change", against an output of which no sign says anything.
    raw, calibrated : ndarray of float64, shape (k,)
        Knots of the calibration, both ascending, 0 to 1: straight lines between them.
    """

    speaks_for: Float
    speaks_against: Float
    none: float
    raw: Float
    calibrated: Float


@kernel
def _say(signs: Int8, column: int, chosen: Bool, asked: Bool) -> None:
    """Let a sign speak for the one chosen output and against the others; silent unless it is one.

    Where several are chosen nothing speaks for them, but it still speaks against the rest.
    """
    count, asked_of = 0, 0
    for o in range(len(chosen)):
        asked_of += 1 if asked[o] else 0
        count += 1 if asked[o] and chosen[o] else 0
    if count in (0, asked_of):
        return
    for o in range(len(chosen)):
        if asked[o] and not chosen[o]:
            signs[o, column] = -1
        elif asked[o] and count == 1:
            signs[o, column] = 1


@kernel
def own_script(input_scripts: UInt32, output_scripts: UInt32, asked: Bool, signs: Int8) -> None:
    """Sign `own_script`: see `SIGNS`."""
    ordered = np.sort(input_scripts)
    chosen = np.zeros(len(asked), np.bool_)
    for o in range(len(asked)):
        at = np.searchsorted(ordered, output_scripts[o])
        chosen[o] = at < len(ordered) and ordered[at] == output_scripts[o]
    _say(signs, _OWN, chosen, asked)


@kernel
def script_type(input_kinds: UInt8, output_kinds: UInt8, asked: Bool, signs: Int8) -> None:
    """Sign `script_type`: see `SIGNS`."""
    for kind in input_kinds:
        if kind != input_kinds[0]:
            return
    _say(signs, _TYPE, output_kinds == input_kinds[0], asked)


@kernel
def fresh_script(fresh: Bool, asked: Bool, signs: Int8) -> None:
    """Sign `fresh_script`: see `SIGNS`."""
    _say(signs, _FRESH, fresh, asked)


@kernel
def _zeros(value: Any) -> int:
    """Count the decimal zeros at the end of an amount."""
    count = 0
    while value > 0 and value % 10 == 0:
        value //= 10
        count += 1
    return count


@kernel
def round_amount(output_values: Int64, asked: Bool, signs: Int8) -> None:
    """Sign `round_amount`: see `SIGNS`."""
    least = 99
    zeros = np.zeros(len(asked), np.int64)
    for o in range(len(asked)):
        zeros[o] = _zeros(output_values[o])
        if asked[o]:
            least = min(least, zeros[o])
    _say(signs, _ROUND, zeros < least + _DIGITS, asked)


@kernel
def optimal_change(input_values: Int64, output_values: Int64, asked: Bool, signs: Int8) -> None:
    """Sign `optimal_change`: see `SIGNS`."""
    if len(input_values) > 1:
        _say(signs, _OPTIMAL, output_values < input_values.min(), asked)


@kernel
def _habit(tx: Any, tx_input: Int64, version: Int32, locktime: UInt32, sequence: UInt32) -> Any:
    """Return the habits that a transaction shows: version, kind of lock time, highest sequence."""
    lock = 0 if locktime[tx] == 0 else 1 if locktime[tx] < _LOCKTIME_IS_TIME else 2
    highest = np.int64(0)
    for i in range(tx_input[tx], tx_input[tx + 1]):
        highest = max(highest, np.int64(sequence[i]))
    late = 0xFFFFFFFF - highest if highest >= 0xFFFFFFFD else 3
    return (np.int64(version[tx]) * 3 + lock) * 4 + late


@kernel
def _rate(
    tx: Any, tx_input: Int64, tx_output: Int64, prevout: Int64, value: Int64, weight: Any
) -> Any:
    """Return the fee of a transaction in satoshi per thousand weight units; -1 for a large one."""
    first, last = tx_input[tx], tx_input[tx + 1]
    out, end = tx_output[tx], tx_output[tx + 1]
    if last - first > _FEW or end - out > _FEW or weight <= 0:
        return -1
    fee = np.int64(0)
    for i in range(first, last):
        fee += value[prevout[i]]
    for o in range(out, end):
        fee -= value[o]
    return fee * 1000 // weight


@kernel
def _signs(
    first_tx: int,
    end_tx: int,
    known_scripts: int,
    tx_input: Int64,
    tx_output: Int64,
    prevout: Int64,
    value: Int64,
    script: UInt32,
    spender: UInt32,
    script_kind: UInt8,
    coinjoin: UInt8,
    version: Int32,
    locktime: UInt32,
    sequence: UInt32,
    base_size: UInt32,
    total_size: UInt32,
    asked: Bool,
    signs: Int8,
) -> None:
    """Fill `asked` and `signs` for the outputs of the transactions ``first_tx .. end_tx - 1``."""
    n_tx = len(tx_input) - 1
    base = tx_output[first_tx]
    newest = np.int64(known_scripts) - 1
    for tx in range(first_tx, end_tx):
        out, end = tx_output[tx] - base, tx_output[tx + 1] - base
        n_output, n_input = end - out, tx_input[tx + 1] - tx_input[tx]
        # Scripts are numbered as they appear: a higher number than any before is a new one.
        fresh = np.zeros(n_output, np.bool_)
        kinds = np.empty(n_output, np.uint8)
        before = newest
        count = 0
        for o in range(n_output):
            one = np.int64(script[base + out + o])
            fresh[o] = one > before
            newest = max(newest, one)
            kinds[o] = script_kind[one]
            asked[out + o] = kinds[o] != NULLDATA
            count += 1 if asked[out + o] else 0
        if n_input == 0 or count < 2 or MIXES[coinjoin[tx]]:
            asked[out:end] = False
            continue
        input_values = np.empty(n_input, np.int64)
        input_scripts = np.empty(n_input, np.uint32)
        input_kinds = np.empty(n_input, np.uint8)
        for i in range(n_input):
            spent = prevout[tx_input[tx] + i]
            input_values[i] = value[spent]
            input_scripts[i] = script[spent]
            input_kinds[i] = script_kind[script[spent]]
        here, rows = asked[out:end], signs[out:end]
        values = value[base + out : base + end]
        own_script(input_scripts, script[base + out : base + end], here, rows)
        script_type(input_kinds, kinds, here, rows)
        fresh_script(fresh, here, rows)
        round_amount(values, here, rows)
        optimal_change(input_values, values, here, rows)
        habit = _habit(tx, tx_input, version, locktime, sequence)
        weight = 3 * np.int64(base_size[tx]) + np.int64(total_size[tx])
        rate = _rate(tx, tx_input, tx_output, prevout, value, weight)
        for o in range(n_output):
            later = np.int64(spender[base + out + o])
            if not here[o] or later >= n_tx:
                continue
            same = _habit(later, tx_input, version, locktime, sequence) == habit
            rows[o, _HABITS] = 1 if same else -1
            # Inputs and outputs do not tell the fee of what has shielded parts, nor all it pays.
            if coinjoin[later] == CoinJoin.shielded.value:
                continue
            weight = 3 * np.int64(base_size[later]) + np.int64(total_size[later])
            later_rate = _rate(later, tx_input, tx_output, prevout, value, weight)
            if rate > 0 and later_rate > 0:
                if abs(later_rate - rate) * 10 <= rate:
                    rows[o, _FEE] = 1
                elif later_rate >= 3 * rate or rate >= 3 * later_rate:
                    rows[o, _FEE] = -1
            spent_together = tx_input[later + 1] - tx_input[later]
            made = tx_output[later + 1] - tx_output[later]
            if made == 2 and spent_together <= 3:
                rows[o, _NEXT] = 1
            elif made == 1 and spent_together > 1:
                rows[o, _NEXT] = -1


def signs(
    chain: Chain,
    habits: Habits,
    coinjoin: UInt8,
    first_tx: int = 0,
    end_tx: int | None = None,
    known_scripts: int = 0,
) -> tuple[Bool, Int8]:
    """Let every sign speak of the outputs of a range of transactions.

    Parameters
    ----------
    chain : Chain
        The chain; ids in chain order, scripts numbered in order of first appearance.
    habits : Habits
        More columns of the same chain.
    coinjoin : ndarray of uint8, shape (n_tx,)
        `coinjoin.classify(chain)`.
    first_tx, end_tx : int
        The range, ``first_tx .. end_tx - 1``; to the tip where no end is given.
    known_scripts : int
        How many scripts transactions before `first_tx` paid to.

    Returns
    -------
    asked : ndarray of bool, shape (n,)
        Of each output of the range, whether it can be change: no OP_RETURN, and its transaction
        spends something, mixes nobody and has another such output.
    signs : ndarray of int8, shape (n, n_sign)
        In the order of `SIGNS`: 1 speaks for change, -1 against it, 0 says nothing. All 0 where
        not asked.

    Raises
    ------
    UsageError
        `coinjoin` does not fit the chain, or the range is none of it.

    Notes
    -----
    Cost: one pass over inputs and outputs, and a look at the spender of each output; 9 bytes an
    output. `habits`, `fee_habits` and `next_spend` depend on what came later, so an answer may
    change as the chain grows.
    """
    check_coinjoin(chain, coinjoin)
    end = chain.n_tx if end_tx is None else end_tx
    if not 0 <= first_tx <= end <= chain.n_tx:
        raise UsageError(
            f"{first_tx} to {end} is no range of transactions; allowed is 0 to {chain.n_tx}",
            where="first_tx, end_tx",
        )
    count = int(chain.tx_output[end] - chain.tx_output[first_tx])
    asked = np.zeros(count, np.bool_)
    said = np.zeros((count, N_SIGN), np.int8)
    _signs(
        first_tx,
        end,
        known_scripts,
        chain.tx_input,
        chain.tx_output,
        chain.prevout,
        chain.value,
        chain.script,
        chain.spender,
        chain.script_kind,
        coinjoin,
        habits.version,
        habits.locktime,
        habits.sequence,
        habits.base_size,
        habits.total_size,
        asked,
        said,
    )
    return asked, said


def log_odds(said: Int8, weights: Weights) -> Float:
    """Add up what the signs say of each output.

    Parameters
    ----------
    said : ndarray of int8, shape (n, n_sign)
        From `signs`.
    weights : Weights
        What each sign weighs.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sum of the weights of the signs that speak; 0 where none does.

    Examples
    --------
    >>> one = np.zeros((1, N_SIGN), np.int8)
    >>> one[0, 0] = 1
    >>> w = Weights(np.full(N_SIGN, 2.0), np.full(N_SIGN, -1.0), 0.0, np.array([0, 1.0]),
    ...             np.array([0, 1.0]))
    >>> log_odds(one, w).tolist()
    [2.0]
    """
    return np.asarray((said > 0) @ weights.speaks_for + (said < 0) @ weights.speaks_against)


@kernel
def _choose(starts: Int64, asked: Bool, score: Float, none: float, result: Float) -> None:
    """Turn scores into probabilities, transaction by transaction (softmax with "none")."""
    for tx in range(len(starts) - 1):
        highest = none
        for o in range(starts[tx], starts[tx + 1]):
            if asked[o]:
                highest = max(highest, score[o])
        total = np.exp(none - highest)
        for o in range(starts[tx], starts[tx + 1]):
            if asked[o]:
                result[o] = np.exp(score[o] - highest)
                total += result[o]
        for o in range(starts[tx], starts[tx + 1]):
            result[o] /= total


def probabilities(starts: Int64, asked: Bool, said: Int8, weights: Weights) -> Float:
    """Return the probability that each output is its transaction's change.

    Parameters
    ----------
    starts : ndarray of int64, shape (n_tx + 1,)
        First output of each transaction, counted from the first of them all.
    asked : ndarray of bool, shape (n,)
        From `signs`.
    said : ndarray of int8, shape (n, n_sign)
        From `signs`.
    weights : Weights
        How they are weighed.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 to 1; 0 where not asked. Before calibration the outputs of a transaction add up to
        less than 1.

    Notes
    -----
    Method: conditional logit with an outside choice (McFadden, Conditional logit analysis of
    qualitative choice behavior, 1974), then the calibration of `weights`.
    """
    result = np.zeros(len(asked), np.float64)
    _choose(starts, asked, log_odds(said, weights), weights.none, result)
    calibrated = np.interp(result, weights.raw, weights.calibrated)
    return np.asarray(np.where(asked, calibrated, 0.0))


@kernel
def _best(starts: Int64, probability: Float, threshold: float, best: Int64) -> None:
    """Find the most probable output of each transaction, -1 where it does not reach `threshold`."""
    for tx in range(len(starts) - 1):
        best[tx] = -1
        highest = threshold
        for o in range(starts[tx], starts[tx + 1]):
            if probability[o] > highest or (probability[o] == highest and best[tx] < 0):
                highest = probability[o]
                best[tx] = o


def likely_change(starts: Int64, probability: Float, threshold: float) -> Int64:
    """Choose the output of each transaction that is change with some probability at least.

    Parameters
    ----------
    starts : ndarray of int64, shape (n_tx + 1,)
        As for `probabilities`.
    probability : ndarray of float64, shape (n,)
        From `probabilities`.
    threshold : float
        More than 0, at most 1.

    Returns
    -------
    ndarray of int64, shape (n_tx,)
        Position of the output as in `probability`, the first of equals; -1 where there is none.

    Raises
    ------
    UsageError
        `threshold` is out of range.

    Examples
    --------
    >>> likely_change(np.array([0, 2, 4]), np.array([0.1, 0.9, 0.4, 0.5]), 0.8).tolist()
    [1, -1]
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"{threshold} is no probability above 0", where="threshold")
    best = np.empty(len(starts) - 1, np.int64)
    _best(starts, probability, threshold, best)
    return best


def explain(said: NDArray[Any]) -> tuple[list[Sign], list[Sign]]:
    """Return the signs that speak for and against one output.

    Parameters
    ----------
    said : ndarray of int8, shape (n_sign,)
        One row of `signs`.

    Returns
    -------
    speak_for, speak_against : list of Sign
        In the order of `SIGNS`.

    Examples
    --------
    >>> [one.name for one in explain(np.array([0, 1, 0, -1, 0, 0, 0, 0]))[0]]
    ['script_type']
    """
    return (
        [sign for sign, value in zip(SIGNS, said, strict=True) if value > 0],
        [sign for sign, value in zip(SIGNS, said, strict=True) if value < 0],
    )
