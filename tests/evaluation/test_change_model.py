from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from clewline.engine.heuristics.change import N_SIGN, SIGNS, log_odds, probabilities
from clewline.evaluation.change_model import PURPOSES, Observed, fit, record
from clewline.play.dice import Dice


def made_up(count: int, seed: int, lies: Sequence[int] = ()) -> Observed:
    """Payments of two outputs; sign i is right in 95 - 10 i of a hundred, `lies` turned round."""
    dice = Dice(seed, 9)
    said = np.zeros((2 * count, N_SIGN), np.int8)
    is_change = np.zeros(2 * count, np.bool_)
    for tx in range(count):
        truth = dice.below(2)
        is_change[2 * tx + truth] = dice.percent(90)
        for sign in range(3):
            right = dice.percent(95 - 10 * sign) != (sign in lies)
            for o in range(2):
                said[2 * tx + o, sign] = 1 if (o == truth) == right else -1
    starts = np.arange(0, 2 * count + 1, 2)
    every = np.ones(2 * count, np.bool_)
    return Observed(starts, every, is_change, said, np.ones(count, np.bool_))


def test_fit_finds_what_is_there_and_calibration_holds() -> None:
    weights = fit([made_up(3_000, 1)], [made_up(3_000, 2)])
    assert weights.speaks_for[0] > weights.speaks_for[1] > weights.speaks_for[2] > 0
    assert weights.speaks_against[0] < weights.speaks_against[1] < 0
    assert (weights.speaks_for[3:] == 0).all(), "signs that never speak weigh nothing"
    fresh = made_up(3_000, 3)
    p = probabilities(fresh.starts, fresh.asked, fresh.said, weights)
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)):
        inside = (p >= low) & (p < high)
        if inside.sum() > 50:
            assert abs(p[inside].mean() - fresh.is_change[inside].mean()) < 0.06
    assert p.min() > 0
    assert p.max() < 1


def test_no_weight_is_turned_round() -> None:
    weights = fit([made_up(2_000, 1, lies=[1])], [made_up(2_000, 2, lies=[1])])
    assert weights.speaks_for[1] == weights.speaks_against[1] == 0
    assert (weights.speaks_for >= 0).all()
    assert (weights.speaks_against <= 0).all()


def test_weights_are_the_most_likely_ones() -> None:
    data = made_up(1_000, 1)
    weights = fit([data], [data])

    def likelihood(change: float, sign: int) -> float:
        up = weights.speaks_for.copy()
        up[sign] += change
        score = (data.said > 0) @ up + (data.said < 0) @ weights.speaks_against
        pairs = np.column_stack((score.reshape(-1, 2), np.full(len(data.known), weights.none)))
        truth = data.is_change.reshape(-1, 2)
        chosen = np.where(truth.any(axis=1), truth.argmax(axis=1), 2)
        logs = pairs - np.log(np.exp(pairs).sum(axis=1, keepdims=True))
        ridge = ((up**2).sum() + (weights.speaks_against**2).sum() + weights.none**2) * 1.0
        return float(logs[np.arange(len(chosen)), chosen].sum() - ridge)

    assert log_odds(data.said, weights).shape == (2_000,)
    for sign in range(3):
        for step in (-0.05, 0.05):
            assert likelihood(0, sign) > likelihood(step, sign)


def test_calibration_ascends() -> None:
    weights = fit([made_up(2_000, 4)], [made_up(2_000, 5)])
    assert (np.diff(weights.raw) >= 0).all()
    assert (np.diff(weights.calibrated) >= 0).all()
    assert (weights.raw[0], weights.raw[-1]) == (0, 1)


def test_a_rare_combination_keeps_its_own_rate() -> None:
    """Its neighbours are many, and come true far more often or far less."""
    counts = (1_000, 60, 1_000)

    def chain(*percent: int) -> Observed:
        """Payments of one output of which one sign speaks, right in so many of a hundred."""
        said = np.zeros((sum(counts), N_SIGN), np.int8)
        said[np.arange(sum(counts)), np.repeat(np.arange(3), counts)] = 1
        true = [k * 100 < n * p for n, p in zip(counts, percent, strict=True) for k in range(n)]
        every = np.ones(sum(counts), np.bool_)
        return Observed(np.arange(sum(counts) + 1), every, np.array(true), said, every)

    fitted, calibrated = chain(20, 55, 80), chain(20, 25, 90)
    weights = fit([fitted], [calibrated])
    p = probabilities(fitted.starts, fitted.asked, fitted.said, weights)
    assert p[[0, 1_000, -1]] == pytest.approx([0.2, 0.25, 0.9], abs=0.01)


def test_thirds_have_nothing_in_common() -> None:
    data = made_up(100, 1)
    thirds = [data.third(purpose).known for purpose in PURPOSES]
    assert (np.sum(thirds, axis=0) == 1).all()
    assert all(30 <= third.sum() <= 36 for third in thirds)
    with pytest.raises(ValueError, match="not in tuple"):
        data.third("fun")


def test_record_names_every_sign() -> None:
    held = record(fit([made_up(300, 1)], [made_up(300, 2)]), {"made_by": "a test"})
    assert list(held["signs"]) == [sign.name for sign in SIGNS]
    assert held["calibration"][0][0] == 0
