from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from tests.engine.random_chains import chain_of
from tests.engine.test_taint import walks

from clewline.engine.chain import UNSPENT, Chain
from clewline.engine.payouts import payouts
from clewline.engine.taint import (
    Flow,
    Limits,
    Method,
    Seeds,
    Stop,
    Stops,
    backward,
    forward,
    satoshi_path,
)
from clewline.errors import UsageError


def spent_by(chain: Chain, output: int) -> range:
    """Inputs of the transaction that spends an output."""
    tx = int(chain.spender[output])
    return range(int(chain.tx_input[tx]), int(chain.tx_input[tx + 1]))


def satoshi_of(flow: Flow, end: int) -> list[int]:
    """Places of the satoshi of an end that are no seed's own."""
    return [
        at
        for span in range(flow.span_offset[end], flow.span_offset[end + 1])
        if flow.span_hops[span]
        for at in range(flow.span_start[span], flow.span_end[span])
    ]


def walk_back(drawn: Any, method: Method) -> tuple[Chain, Flow]:
    chain, seeds, stops, limits, _method, _back = drawn
    return chain, backward(chain, seeds, stops, limits, method)


PLACED = [Method.FIFO, Method.LIFO]


@pytest.mark.parametrize("method", PLACED)
@settings(max_examples=200)
@given(walks())
def test_payouts_are_where_each_satoshi_stood_in_the_queue(method: Method, drawn: Any) -> None:
    chain, flow = walk_back(drawn, method)
    expected: Counter[tuple[int, int]] = Counter()
    for end in np.flatnonzero(flow.stop == Stop.SERVICE).tolist():
        held = int(flow.output[end])
        places = satoshi_of(flow, end)
        if not places:
            continue
        before = 0
        for row in spent_by(chain, held):
            if chain.prevout[row] == held:
                break
            before += int(chain.value[chain.prevout[row]])
        tx = int(chain.spender[held])
        outputs = list(range(int(chain.tx_output[tx]), int(chain.tx_output[tx + 1])))
        fee = 0
        if method is Method.LIFO:
            outputs.reverse()
            fee = sum(int(chain.value[chain.prevout[row]]) for row in spent_by(chain, held))
            fee -= int(chain.value[outputs].sum())
        queue = [-1] * fee + [output for output in outputs for _ in range(int(chain.value[output]))]
        for place in places:
            expected[int(flow.entity[end]), queue[before + place]] += 1
    found = payouts(flow, chain)
    actual = Counter(
        dict(zip(zip(found.entity.tolist(), found.output.tolist(), strict=True),
                 found.value.tolist(), strict=True))
    )  # fmt: skip
    assert actual == expected


@settings(max_examples=300)
@given(walks())
def test_a_payout_is_made_of_what_the_service_held(drawn: Any) -> None:
    chain = drawn[0]
    # Whole outputs: what is wanted of an output is then never a part that a seed holds itself.
    seeds = Seeds.whole(chain, np.unique(drawn[1].output))
    for method in (*PLACED, Method.HAIRCUT):
        chain, flow = walk_back((chain, seeds, *drawn[2:]), method)
        found = payouts(flow, chain)
        assert (found.value > 0).all()
        assert (found.value <= chain.value[found.output]).all()
        assert (found.hops > 0).all()
        for output, end in zip(found.output.tolist(), found.end.tolist(), strict=True):
            held = int(flow.output[end])
            tx = int(chain.spender[held])
            assert chain.tx_output[tx] <= output < chain.tx_output[tx + 1]
            assert flow.stop[end] == Stop.SERVICE
        seeds_held = np.isin(flow.output, seeds.output) & (flow.stop == Stop.SERVICE)
        if not seeds_held.any() and method.keeps_places:
            assert int(found.value.sum()) == flow.value_at(Stop.SERVICE)


@pytest.mark.parametrize("method", PLACED)
@settings(max_examples=120)
@given(walks())
def test_the_path_of_a_payout_leads_through_it(method: Method, drawn: Any) -> None:
    chain, flow = walk_back(drawn, method)
    found = payouts(flow, chain)
    for k in range(found.output.size):
        path = satoshi_path(flow, int(found.end[k]), int(found.position[k]), chain)
        assert path[-1] == flow.output[found.end[k]]
        assert path[-2] == found.output[k]
        assert path[0] in drawn[1].output


def batch() -> tuple[Chain, Stops]:
    """An exchange (script 1) pays three people at once from two coins; one pays the site (5)."""
    chain = chain_of(
        [
            [((), ((50, 1),)), ((), ((50, 1),))],
            [((), ((9, 7),)), ((0, 1), ((30, 5), (40, 5), (20, 6)))],
            [((), ((9, 7),)), ((5,), ((19, 5),))],
        ]
    )
    stops = Stops(
        service_scripts=np.array([1], np.uint32),
        service_entity=np.array([0], np.int32),
        cluster=np.arange(8, dtype=np.uint32),
    )
    return chain, stops


@pytest.mark.parametrize("method", [*PLACED, Method.HAIRCUT])
def test_each_payment_of_a_batch_is_a_payout_of_its_own(method: Method) -> None:
    chain, stops = batch()
    seeds = Seeds.whole(chain, np.flatnonzero(chain.script == 5))
    flow = backward(chain, seeds, stops, Limits(), method)
    found = payouts(flow, chain)
    assert chain.value[found.output].tolist() == [30, 40, 20]
    assert found.value.tolist() == [30, 40, 19]
    assert found.hops.tolist() == [1, 1, 2]
    assert found.entity.tolist() == [0, 0, 0]
    assert int(found.value.sum()) == flow.total


def test_lifo_pays_the_first_output_from_the_last_coin() -> None:
    """Each withdrawal is found with the coin that paid it, whatever the fee in front of them."""
    chain, stops = batch()
    found = {}
    for method in PLACED:
        flow = backward(chain, Seeds.whole(chain, np.array([3])), stops, Limits(), method)
        rows = payouts(flow, chain)
        assert rows.output.tolist() == [3]
        found[method] = flow.output[rows.end].tolist(), rows.position.tolist()
    assert found == {Method.FIFO: ([0], [0]), Method.LIFO: ([1], [20])}


@pytest.mark.parametrize("method", [*PLACED, Method.HAIRCUT])
def test_a_service_that_gathers_many_coins_pays_out_of_each_once(method: Method) -> None:
    """5,000 coins of the service, spent at once to 5,000 people: one pass, not one for each."""
    width = 5_000
    chain = chain_of(
        [
            [((), [(10, 1)] * width)],
            [((), [(9, 7)]), (range(width), [(10, 5)] * (width - 1) + [(4, 6)])],
        ]
    )
    stops = Stops(
        service_scripts=np.array([1], np.uint32),
        service_entity=np.array([0], np.int32),
        cluster=np.arange(8, dtype=np.uint32),
    )
    seeds = Seeds.whole(chain, np.flatnonzero(chain.script == 5))
    flow = backward(chain, seeds, stops, Limits(), method)
    begin = time.process_time()
    found = payouts(flow, chain)
    assert time.process_time() - begin < 5  # with a compiler at work; a pass for each takes longer
    assert found.output.tolist() == seeds.output.tolist()
    assert int(found.value.sum()) == flow.total


def test_poison_has_no_payouts() -> None:
    chain, stops = batch()
    flow = backward(chain, Seeds.whole(chain, np.array([6])), stops, Limits(), Method.POISON)
    with pytest.raises(UsageError, match="more than once"):
        payouts(flow, chain)


def test_a_forward_walk_has_no_payouts() -> None:
    chain, stops = batch()
    seeds = Seeds.whole(chain, np.array([0]))
    flow = forward(chain, seeds, replace(stops, own_entities=np.array([0], np.int32)), Limits(),
                   Method.FIFO)  # fmt: skip
    with pytest.raises(UsageError, match="backward"):
        payouts(flow, chain)
    assert chain.spender[0] != UNSPENT
