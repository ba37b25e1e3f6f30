"""Behaviour of receivers inside a case: signs that one takes many small payments at set prices.

A sign is a reason to look, never a category (METHODS §5): gambling, tipping, donations, VPN and
file-host subscriptions, vouchers and faucets show the same signs. A *lead* is a receiver with
enough payments and enough signs; which ones, and by what numbers, is its reason.

A receiver is a set of scripts, here a number from 0. What it paid to itself is not among its
payments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Int64
from clewline.engine.taint_walk import Float64
from clewline.jit import kernel

HOUR_SECONDS: Final = 3_600
DAY_SECONDS: Final = 24 * HOUR_SECONDS
WEEK_SECONDS: Final = 7 * DAY_SECONDS
NIGHT: Final = (22, 6)
"""Hours, UTC, between which it is night; a third of the day."""
PRICE_POINTS: Final = 3
PRICE_WIDTH: Final = 1.04
"""Prices within this factor are one point: wallets convert roughly, and rates move."""
GATHERED: Final = 5
"""A sweep spends at least so many of the receiver's payments together."""
SWEEP_HOURS: Final = 6
NOT_SPENT: Final = -1

LEAST_PAYMENTS: Final = 10
LEAST_SIGNS: Final = 3
"""A receiver with fewer payments or signs, or no sign of sales, is no lead."""


@dataclass(frozen=True)
class Receipts:
    """Payments to some receivers, in any order; arrays of one entry a payment, shape (n,).

    Attributes
    ----------
    receiver : ndarray of int64
        Who was paid, 0 to `n_receiver` − 1.
    n_receiver : int
        How many receivers there are.
    script : ndarray of int64
        Script that was paid.
    price : ndarray of float64
        What was paid, in units of a currency, or in satoshi; NaN where it is not known.
    payer : ndarray of int64
        Id of who paid, as far as that is known; equal ids are one payer.
    time : ndarray of int64
        Header time, UTC seconds.
    spender : ndarray of int64
        Transaction that spent it, `NOT_SPENT` where none did.
    spent_time : ndarray of int64
        Header time of that transaction; any where there is none.
    """

    receiver: Int64
    n_receiver: int
    script: Int64
    price: Float64
    payer: Int64
    time: Int64
    spender: Int64
    spent_time: Int64


@dataclass(frozen=True)
class Behaviour:
    """Features of receivers, one entry each, shape (n_receiver,); shares are 0 to 1.

    Attributes
    ----------
    payments, payers, scripts : ndarray of int64
        How many payments, distinct payers, distinct scripts paid.
    median_price : ndarray of float64
        NaN where no price is known.
    price_points : ndarray of float64
        Share of the payments at the three fullest price points.
    payments_a_script : ndarray of float64
        Mean.
    weeks : ndarray of int64
        From the first to the last payment, both included.
    weeks_paid : ndarray of float64
        Share of these weeks with a payment.
    swept : ndarray of float64
        Share of the spent payments that went in sweeps.
    sweeps : ndarray of int64
        Transactions that gathered five or more payments.
    sweep_hours : ndarray of float64
        Share of the sweeps in the fullest six hours of the day.
    night : ndarray of float64
        Share of the payments at night.
    """

    payments: Int64
    payers: Int64
    scripts: Int64
    median_price: Float64
    price_points: Float64
    payments_a_script: Float64
    weeks: Int64
    weeks_paid: Float64
    swept: Float64
    sweeps: Int64
    sweep_hours: Float64
    night: Float64


@dataclass(frozen=True)
class Sign:
    """One sign: its name, its rule in words, and the numbers that it compares.

    `of_sales` marks what comes of selling to many; the other signs also show at people who merely
    receive and spend much. A lead has one sign of sales at least.
    """

    name: str
    rule: str
    least: tuple[tuple[str, float], ...] = ()
    most: tuple[tuple[str, float], ...] = ()
    of_sales: bool = False


SIGNS: Final = (
    Sign(
        "price points",
        "at least 60 % of the payments lie at three prices, each 4 % wide",
        least=(("price_points", 0.6),),
        of_sales=True,
    ),
    Sign(
        "many small payers",
        "at least 20 payers, and half of the payments are of 250 units of the currency or less",
        least=(("payers", 20),),
        most=(("median_price", 250),),
        of_sales=True,
    ),
    Sign(
        "fresh addresses",
        "at least 10 addresses were paid, three times each or less on average",
        least=(("scripts", 10),),
        most=(("payments_a_script", 3),),
    ),
    Sign(
        "rhythm",
        "payments in at least half of the weeks, over 10 weeks or more",
        least=(("weeks", 10), ("weeks_paid", 0.5)),
    ),
    Sign(
        "sweeps",
        "at least 60 % of what was spent was gathered, five payments or more at once",
        least=(("swept", 0.6), ("sweeps", 1)),
    ),
    Sign(
        "sweep times",
        "at least 60 % of five or more sweeps lie within six hours of the day",
        least=(("sweeps", 5), ("sweep_hours", 0.6)),
    ),
    Sign(
        "night",
        "at least half of the payments come between 22 and 6 o'clock UTC, a third of the day",
        least=(("night", 0.5),),
    ),
)
"""Every sign; the documentation is generated from it."""


@kernel
def _price_points(price: Float64, starts: Int64, share: Float64) -> None:
    """Find the share of ascending prices at the fullest points, one point after the other."""
    for k in range(share.size):
        first, last = starts[k], starts[k + 1]
        taken = np.zeros(last - first, np.bool_)
        covered = 0
        for _ in range(PRICE_POINTS):
            best = best_at = best_end = 0
            end = first
            count = 0
            for at in range(first, last):
                while end < last and price[end] <= price[at] * PRICE_WIDTH:
                    count += not taken[end - first]
                    end += 1
                if count > best:
                    best, best_at, best_end = count, at, end
                count -= not taken[at - first]
            taken[best_at - first : best_end - first] = True
            covered += best
        share[k] = covered / (last - first) if last > first else np.nan


def behaviour(receipts: Receipts) -> Behaviour:
    """Compute the features of receivers.

    Parameters
    ----------
    receipts : Receipts
        Their payments.

    Returns
    -------
    Behaviour
        Features of a receiver without payments are 0 or NaN.

    Cost
    ----
    n log n in the payments.

    Examples
    --------
    Ten payments of 20 to one receiver, a week apart, each to a script of its own.

    >>> n = np.arange(10)
    >>> found = behaviour(
    ...     Receipts(n * 0, 1, n, n * 0.0 + 20, n, n * WEEK_SECONDS, n * 0 - 1, n * 0)
    ... )
    >>> float(found.price_points[0]), int(found.weeks[0]), float(found.night[0])
    (1.0, 10, 1.0)
    """
    n, receiver = receipts.n_receiver, receipts.receiver
    payments = np.bincount(receiver, minlength=n)
    week = receipts.time // WEEK_SECONDS
    first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(first, receiver, week)
    np.maximum.at(last, receiver, week)
    weeks = np.where(payments > 0, last - first + 1, 0)
    median, points = _prices(receipts)
    hour = receipts.time % DAY_SECONDS // HOUR_SECONDS
    night = (hour >= NIGHT[0]) | (hour < NIGHT[1])
    swept, sweeps, sweep_hours = _sweeps(receipts)
    scripts = _distinct(receiver, receipts.script, n)
    with np.errstate(invalid="ignore"):
        return Behaviour(
            payments=payments,
            payers=_distinct(receiver, receipts.payer, n),
            scripts=scripts,
            median_price=median,
            price_points=points,
            payments_a_script=payments / scripts,
            weeks=weeks,
            weeks_paid=_distinct(receiver, week, n) / weeks,
            swept=swept,
            sweeps=sweeps,
            sweep_hours=sweep_hours,
            night=np.bincount(receiver[night], minlength=n) / payments,
        )


def signs(found: Behaviour) -> NDArray[np.bool_]:
    """Tell which receivers show which signs.

    Parameters
    ----------
    found : Behaviour
        Features of n receivers.

    Returns
    -------
    ndarray of bool, shape (n, len(SIGNS))
        In the order of `SIGNS`. A feature that is not known (NaN) makes no sign.
    """
    shown = np.ones((found.payments.size, len(SIGNS)), np.bool_)
    for column, sign in enumerate(SIGNS):
        for name, least in sign.least:
            shown[:, column] &= getattr(found, name) >= least
        for name, most in sign.most:
            shown[:, column] &= getattr(found, name) <= most
    return shown


def ranked_leads(found: Behaviour) -> Int64:
    """Return the receivers that are leads, the one with most signs first.

    Parameters
    ----------
    found : Behaviour
        Features of n receivers.

    Returns
    -------
    ndarray of int64
        Those with at least `LEAST_PAYMENTS` payments and `LEAST_SIGNS` signs, one of sales among
        them; by signs, then payments, then number.

    Limits
    ------
    Every business that sells small things to many people can be among them.
    """
    shown = signs(found)
    count = shown.sum(axis=1)
    sells = shown[:, [sign.of_sales for sign in SIGNS]].any(axis=1)
    enough = (found.payments >= LEAST_PAYMENTS) & (count >= LEAST_SIGNS)
    leads = np.flatnonzero(enough & sells)
    return leads[np.lexsort((leads, -found.payments[leads], -count[leads]))]


def _distinct(receiver: Int64, what: Int64, n: int) -> Int64:
    """Count the different values that each receiver has."""
    order = np.lexsort((what, receiver))
    receiver, what = receiver[order], what[order]
    new = np.ones(receiver.size, np.bool_)
    new[1:] = (receiver[1:] != receiver[:-1]) | (what[1:] != what[:-1])
    return np.bincount(receiver[new], minlength=n)


def _prices(receipts: Receipts) -> tuple[Float64, Float64]:
    """Return median price and share at price points of each receiver; NaN without a price."""
    n = receipts.n_receiver
    known = ~np.isnan(receipts.price)
    receiver, price = receipts.receiver[known], receipts.price[known]
    order = np.lexsort((price, receiver))
    price = price[order]
    counts = np.bincount(receiver, minlength=n)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    points = np.empty(n)
    _price_points(price, starts, points)
    median = np.full(n, np.nan)
    some = counts > 0
    low, high = (starts[:-1] + (counts - 1) // 2)[some], (starts[:-1] + counts // 2)[some]
    median[some] = (price[low] + price[high]) / 2
    return median, points


def _sweeps(receipts: Receipts) -> tuple[Float64, Int64, Float64]:
    """Return share swept, number of sweeps, and their share in the fullest hours."""
    n = receipts.n_receiver
    spent = receipts.spender != NOT_SPENT
    receiver, tx = receipts.receiver[spent], receipts.spender[spent]
    order = np.lexsort((tx, receiver))
    receiver, tx, time = receiver[order], tx[order], receipts.spent_time[spent][order]
    new = np.ones(tx.size, np.bool_)
    new[1:] = (receiver[1:] != receiver[:-1]) | (tx[1:] != tx[:-1])
    first = np.flatnonzero(new)
    together = np.diff(first, append=tx.size)
    large = together >= GATHERED
    who = receiver[first[large]]
    sweeps = np.bincount(who, minlength=n)
    in_sweeps = np.bincount(who, weights=together[large], minlength=n)
    by_hour = np.zeros((n, 24))
    np.add.at(by_hour, (who, time[first[large]] % DAY_SECONDS // HOUR_SECONDS), 1)
    windows = sum(np.roll(by_hour, -shift, axis=1) for shift in range(SWEEP_HOURS))
    with np.errstate(invalid="ignore"):
        swept = in_sweeps / np.bincount(receiver, minlength=n)
        hours = np.max(windows, axis=1, initial=0) / sweeps
    return swept, sweeps, hours
