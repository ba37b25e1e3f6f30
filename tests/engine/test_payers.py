"""Origins of payments against a walk satoshi by satoshi, written here a second time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.payers import NOWHERE, Own, is_own, moves_own_money, origins
from clewline.engine.taint import NO_ENTITY, Limits, Method, Stop, Stops
from clewline.errors import UsageError

PLACED = [Method.FIFO, Method.LIFO]
NONE = np.empty(0, np.uint32)


def sources(chain: Chain, method: Method) -> dict[tuple[int, int], tuple[int, int]]:
    """Where each satoshi of each output was before: (output, place) by (output, place)."""
    found = {}
    for tx in range(chain.n_tx):
        spent = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]].tolist()
        queue = [(output, place) for output in spent for place in range(chain.value[output])]
        made = list(range(chain.tx_output[tx], chain.tx_output[tx + 1]))
        if not queue:
            continue
        at = 0
        if method is Method.LIFO:
            at = len(queue) - int(chain.value[made].sum())
            made.reverse()
        for output in made:
            for place in range(chain.value[output]):
                found[output, place] = queue[at]
                at += 1
    return found


def naive(
    chain: Chain, payments: list[int], stops: Stops, own: set[int], by: Method
) -> Counter[tuple[int, int, int, int, bool]]:
    """Count satoshi by payment, payout, stop, entity and whether they are the case's own."""
    before = sources(chain, by)
    entity = dict(zip(stops.service_scripts.tolist(), stops.service_entity.tolist(), strict=True))
    counted: Counter[tuple[int, int, int, int, bool]] = Counter()
    for payment in payments:
        for place in range(int(chain.value[payment])):
            at, payout, hops = (payment, place), NOWHERE, 0
            while True:
                script = int(chain.script[at[0]])
                tx = int(np.searchsorted(chain.tx_output, at[0], side="right")) - 1
                if hops and script in own:
                    key = (payment, NOWHERE, int(Stop.SERVICE), NO_ENTITY, True)
                elif hops and script in entity:
                    key = (payment, payout, int(Stop.SERVICE), entity[script], False)
                elif stops.coinjoin[tx]:
                    key = (payment, NOWHERE, int(Stop.COINJOIN), NO_ENTITY, False)
                elif at not in before:
                    key = (payment, NOWHERE, int(Stop.MINED), NO_ENTITY, False)
                else:
                    payout, at, hops = at[0], before[at], hops + 1
                    continue
                counted[key] += 1
                break
    return counted


@pytest.mark.parametrize("method", PLACED)
@settings(max_examples=150)
@given(
    chains(),
    st.sets(st.integers(0, 2), min_size=1),
    st.lists(st.integers(2, 7), unique=True, max_size=4),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_each_satoshi_comes_from_where_the_queue_says(
    method: Method,
    chain: Chain,
    mine: set[int],
    services: list[int],
    mixing: list[bool],
) -> None:
    own = Own(np.array(sorted(mine), np.uint32), NONE)
    scripts = np.array(sorted(set(services) - mine), np.uint32)
    coinjoin = np.resize(np.array(mixing, np.uint8) * (len(services) % 2), chain.n_tx)
    cluster = np.arange(chain.n_script, dtype=np.uint32)
    stops = Stops(
        service_scripts=scripts,
        service_entity=np.arange(scripts.size, dtype=np.int32),
        cluster=cluster,
        coinjoin=coinjoin,
    )
    received = np.flatnonzero(is_own(chain.script, cluster, own))
    payments = received[~moves_own_money(chain, received, cluster, coinjoin, own)]
    found = origins(chain, payments, stops, own, Limits(), method)
    expected = naive(chain, payments.tolist(), stops, mine, method)
    columns = (found.payment, found.payout, found.stop, found.entity, found.own, found.value)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    # What is the case's own has no stop to compare.
    actual = Counter({(p, o, int(Stop.SERVICE) if w else s, e, w): v for p, o, s, e, w, v in rows})
    assert actual == expected
    assert len(rows) == len(actual)
    assert found.value.sum() == chain.value[payments].sum()


#                 0: exchange's coin   1: payment, 2: change     3: sweep      4: refund, 5: rest
# 6: bought again with the refund
SECOND_SALE = [
    [([], [(100, 9)])],
    [([0], [(60, 1), (40, 9)])],
    [([1], [(60, 1)])],
    [([3], [(20, 3), (40, 1)])],
    [([4], [(20, 2)])],
]
EXCHANGE = Stops(service_scripts=np.array([9], np.uint32), service_entity=np.array([0], np.int32))


@pytest.mark.parametrize("method", PLACED)
@pytest.mark.parametrize("max_hops", [1, 2, None])
def test_a_refund_spent_again_is_no_second_payment(method: Method, max_hops: int | None) -> None:
    chain = chain_of(SECOND_SALE)
    cluster = np.arange(chain.n_script, dtype=np.uint32)
    own = Own(np.array([1, 2], np.uint32), NONE)
    coinjoin = np.zeros(chain.n_tx, np.uint8)
    received = np.array([1, 3, 5, 6])
    own_moves = moves_own_money(chain, received, cluster, coinjoin, own)
    assert own_moves.tolist() == [False, True, True, False]
    stops = replace(EXCHANGE, cluster=cluster, coinjoin=coinjoin)
    found = origins(chain, received[~own_moves], stops, own, Limits(max_hops=max_hops), method)
    assert found.payment.tolist() == [1, 6]
    assert found.payout.tolist() == [1, NOWHERE]
    assert found.hops[0] == 1
    assert found.own.tolist() == [False, max_hops != 1]  # not followed so far: nobody knows


def test_caps_count_the_transaction_of_the_payment() -> None:
    chain = chain_of([[([], [(50, 9)])], [([0], [(50, 3)])], [([1], [(50, 1)])]])
    own = Own(np.array([1], np.uint32), NONE)
    for limits, stop in (
        (Limits(max_hops=0), Stop.MAX_HOPS),
        (Limits(max_hops=1), Stop.MAX_HOPS),
        (Limits(max_hops=2), Stop.SERVICE),
        (Limits(max_transactions=0), Stop.MAX_TRANSACTIONS),
        (Limits(max_transactions=1), Stop.MAX_TRANSACTIONS),
        (Limits(max_transactions=2), Stop.SERVICE),
        (Limits(min_value=51), Stop.MIN_VALUE),
        (Limits(since=9, until=9), Stop.SERVICE),
    ):
        found = origins(chain, np.array([2]), EXCHANGE, own, limits, Method.FIFO)
        assert (found.stop.tolist(), found.value.tolist()) == ([stop], [50]), limits


@pytest.mark.parametrize("method", [Method.HAIRCUT, Method.POISON])
def test_rules_that_mix_have_no_payers(method: Method) -> None:
    chain = chain_of(SECOND_SALE)
    with pytest.raises(UsageError, match="allowed: fifo, lifo"):
        origins(chain, np.array([1]), EXCHANGE, Own(NONE, NONE), Limits(), method)
