from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.evaluation.shares import Share, pooled, wilson


@given(st.integers(0, 500), st.integers(0, 500))
def test_interval_holds_the_share(count: int, more: int) -> None:
    of = count + more
    low, high = wilson(count, of)
    assert 0 <= low <= high <= 1
    if of:
        assert low <= count / of <= high
        # The other side of the coin has the mirrored interval.
        assert wilson(more, of) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # Brown, Cai and DasGupta (2001) and textbooks; worked out by hand from the formula.
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (0, 0, 0.0, 1.0)],
)
def test_known_intervals(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_interval_covers_the_truth_about_as_often_as_it_says(share: float) -> None:
    n = 200
    covered = sum(
        comb(n, k) * share**k * (1 - share) ** (n - k)
        for k in range(n + 1)
        if wilson(k, n)[0] <= share <= wilson(k, n)[1]
    )
    assert covered > 0.93


def test_record() -> None:
    line = Share("change", "links that are right", "play", 3, 4, ">= 0.5").record()
    assert (line["share"], line["count"], line["of"]) == (0.75, 3, 4)
    assert Share("change", "x", "play", 0, 0).record()["share"] is None


def test_cases_are_counted_together() -> None:
    lines = [Share("leads", measure, "sites", 1, n) for n in (2, 3) for measure in ("b", "a")]
    other = Share("leads", "a", "play", 0, 7)
    assert pooled([*lines, other]) == [
        Share("leads", "b", "sites", 2, 5),
        Share("leads", "a", "sites", 2, 5),
        other,
    ]
