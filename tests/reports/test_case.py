from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.errors import DataError, UsageError
from clewline.reports.case import SATOSHI_PER_BTC, btc, check_case, reference, utc


@given(st.integers(0, 21_000_000 * SATOSHI_PER_BTC))
def test_btc_is_exact(satoshi):
    whole, decimals = btc(satoshi).split(".")
    assert len(decimals) == 8
    assert int(whole) * SATOSHI_PER_BTC + int(decimals) == satoshi


def test_utc_is_not_local_time():
    assert utc(0) == "1970-01-01T00:00:00Z"
    assert utc(0xFFFFFFFF) == "2106-02-07T06:28:15Z"


def test_reference_depends_on_network_outpoint_and_direction_alone(made):
    one = made.movement(2)
    same = replace(one, traced=1, hops=9, entity="Exchange B", path=())
    assert reference("main", one) == reference("main", same)
    others = {
        reference("main", one),
        reference("test", one),
        reference("main", replace(one, vout=one.vout + 1)),
        reference("main", replace(one, direction="withdrawal")),
    }
    assert len(others) == 4


def test_reference_is_pinned_because_filled_sheets_come_back(made):
    one = replace(made.movement(0), txid="ab" * 32, vout=1, direction="deposit")
    assert reference("main", one) == "CL-H5FB6IINTWGS"


def test_case_that_agrees_is_taken(case):
    check_case(case.run, case.movements, case.walks)


@pytest.mark.parametrize(
    "change", [{"traced": 50_000_001}, {"traced": -1}, {"hops": 0}, {"time": -1}, {"time": 2**32}]
)
def test_impossible_movements_are_refused(made, change):
    bad = made.movement(0, steps=1, **change)
    with pytest.raises(DataError, match=bad.outpoint):
        check_case(made.run_info(), [bad], made.walks_for([made.movement(0, steps=1)]))


def test_one_movement_given_twice_is_refused(made):
    one = made.movement(0)
    with pytest.raises(DataError, match="2 times"):
        check_case(made.run_info(), [one, one], made.walks_for([one, one]))


@pytest.mark.parametrize("part", ["services", "unspent", "mined", "coinjoin", "capped", "fees"])
def test_a_walk_that_loses_a_satoshi_is_refused(made, part):
    one = made.movement(0)
    forward, backward = made.walks_for([one])
    lost = replace(forward, **{part: getattr(forward, part) + 1})
    with pytest.raises(DataError, match="sum to"):
        check_case(made.run_info(), [one], [lost, backward])


def test_movements_beyond_their_walk_are_refused(made):
    one = made.movement(0)
    forward, backward = made.walks_for([])
    with pytest.raises(DataError, match="reached services"):
        check_case(made.run_info(), [one], [forward, backward])
    with pytest.raises(DataError, match="reached services"):
        check_case(made.run_info(), [one], [])
    with pytest.raises(DataError, match="twice"):
        check_case(made.run_info(), [], [forward, forward])


def test_a_rule_that_does_not_conserve_is_refused(made):
    with pytest.raises(UsageError, match="fifo, lifo, haircut"):
        check_case(made.run_info(method="poison"), [], [])
