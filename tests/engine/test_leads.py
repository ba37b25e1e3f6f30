from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.engine.leads import (
    DAY_SECONDS,
    HOUR_SECONDS,
    LEAST_PAYMENTS,
    NOT_SPENT,
    SIGNS,
    WEEK_SECONDS,
    Behaviour,
    Receipts,
    behaviour,
    ranked_leads,
    signs,
)

NOON = 12 * HOUR_SECONDS
PAYMENTS = 30


def seller(n: int = PAYMENTS, receiver: int = 0) -> Receipts:
    """Weekly sales of 20 and 50 at noon, to fresh addresses, swept five at a time at noon."""
    number = np.arange(n)
    return Receipts(
        receiver=np.full(n, receiver),
        n_receiver=receiver + 1,
        script=number,
        price=np.where(number % 2, 20.1, 49.8),
        payer=number,
        time=number * WEEK_SECONDS + NOON,
        spender=1000 + number // 5,
        spent_time=(number // 5 + 1) * 5 * WEEK_SECONDS + NOON,
    )


def joined(*several: Receipts) -> Receipts:
    """Receipts of several sets of receivers, whose numbers are different already."""
    columns = ("receiver", "script", "price", "payer", "time", "spender", "spent_time")
    return Receipts(
        n_receiver=max(one.n_receiver for one in several),
        **{name: np.concatenate([getattr(one, name) for one in several]) for name in columns},
    )


def shown(receipts: Receipts) -> set[str]:
    row = signs(behaviour(receipts))[0]
    return {sign.name for sign, holds in zip(SIGNS, row.tolist(), strict=True) if holds}


ALL_BUT_NIGHT = {sign.name for sign in SIGNS} - {"night"}


def test_a_seller_shows_every_sign_but_night() -> None:
    assert shown(seller()) == ALL_BUT_NIGHT
    assert ranked_leads(behaviour(seller())).tolist() == [0]


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"price": np.geomspace(1, 200, PAYMENTS)}, {"price points"}),
        ({"price": np.full(PAYMENTS, np.nan)}, {"price points", "many small payers"}),
        ({"price": np.full(PAYMENTS, 5_000.0)}, {"many small payers"}),
        ({"payer": np.arange(PAYMENTS) % 19}, {"many small payers"}),
        ({"script": np.arange(PAYMENTS) % 9}, {"fresh addresses"}),
        ({"time": np.arange(PAYMENTS) * DAY_SECONDS + NOON}, {"rhythm"}),
        ({"time": np.arange(PAYMENTS) * 3 * WEEK_SECONDS + NOON}, {"rhythm"}),
        ({"spender": np.full(PAYMENTS, NOT_SPENT)}, {"sweeps", "sweep times"}),
        ({"spender": np.arange(PAYMENTS)}, {"sweeps", "sweep times"}),
        (
            {"spent_time": np.arange(PAYMENTS) // 5 * 7 * HOUR_SECONDS},
            {"sweep times"},
        ),
    ],
)
def test_a_sign_goes_with_what_makes_it(
    change: dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]], lost: set[str]
) -> None:
    assert shown(replace(seller(), **change)) == ALL_BUT_NIGHT - lost


def test_night_is_a_third_of_the_day_and_half_of_it_a_sign() -> None:
    weeks = np.arange(PAYMENTS) * WEEK_SECONDS
    for hours, share in (((21, 6), 0.0), ((22, 12), 0.5), ((23, 0), 1.0), ((5, 5), 1.0)):
        hour = np.where(np.arange(PAYMENTS) % 2, *hours)
        found = replace(seller(), time=weeks + hour * HOUR_SECONDS)
        assert behaviour(found).night.tolist() == [share]
        assert ("night" in shown(found)) == (share >= 0.5)


def test_no_lead_without_a_sign_of_sales_or_with_few_payments() -> None:
    hoarder = replace(seller(), price=np.full(PAYMENTS, np.nan))
    assert len(shown(hoarder)) >= 4
    assert not ranked_leads(behaviour(hoarder)).size
    assert not ranked_leads(behaviour(seller(LEAST_PAYMENTS - 1))).size


def test_leads_stand_by_signs_then_payments_then_number() -> None:
    weaker = replace(seller(60, 1), script=np.zeros(60, np.int64))
    found = behaviour(joined(seller(30, 0), weaker, seller(40, 2), seller(40, 3)))
    assert ranked_leads(found).tolist() == [2, 3, 0, 1]


def test_receivers_without_payments_are_no_leads_and_break_nothing() -> None:
    nothing = Receipts(*(np.empty(0, np.int64), 3, *(np.empty(0, np.int64),) * 6))
    found = behaviour(replace(nothing, price=np.empty(0)))
    assert found.payments.tolist() == [0, 0, 0]
    assert not signs(found).any()
    assert not ranked_leads(found).size


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 400), st.integers(0, 5), st.integers(0, 99)),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_shares_are_shares_and_order_is_nothing(
    rows: list[tuple[int, int, int, int]], order: object
) -> None:
    def of(rows: list[tuple[int, int, int, int]]) -> Behaviour:
        who, price, spender, day = np.array(rows, np.int64).T
        return behaviour(
            Receipts(who, 4, price, price * 1.0, day, day * DAY_SECONDS, spender - 1, day * 0)
        )

    found = of(rows)
    for name in ("price_points", "weeks_paid", "swept", "sweep_hours", "night"):
        share = getattr(found, name)
        assert np.all(np.isnan(share) | ((share >= 0) & (share <= 1))), name
    shuffled = rows[:]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    for name, column in vars(of(shuffled)).items():
        assert np.array_equal(column, getattr(found, name), equal_nan=True), name


@given(st.lists(st.integers(1, 60), min_size=1, max_size=25))
def test_price_points_are_the_fullest_windows_one_after_the_other(prices: list[int]) -> None:
    left, covered = sorted(prices), 0
    for _ in range(3):
        windows = [[p for p in left if low <= p <= low * 1.04] for low in left]
        fullest = max(windows, key=len, default=[])
        covered += len(fullest)
        for price in fullest:
            left.remove(price)
    n = len(prices)
    zeros = np.zeros(n, np.int64)
    price = np.array(prices, np.float64)
    found = behaviour(Receipts(zeros, 1, zeros, price, zeros, zeros, zeros - 1, zeros))
    assert found.price_points[0] == pytest.approx(covered / n)
    assert found.median_price[0] == np.median(prices)
