from __future__ import annotations

import time
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.chains import Tx, build
from tests.engine.naive_taint import Answer, Naive
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.taint import (
    CAPS,
    NO_ENTITY,
    SEED,
    Flow,
    Limits,
    Method,
    Seeds,
    Stop,
    Stops,
    backward,
    forward,
    services,
    span_path,
)
from clewline.engine.taint_walk import LARGEST_TOTAL, apportion, share
from clewline.errors import DataError, UsageError

TRACE = {False: forward, True: backward}
METHODS = list(Method)
PLACED = [Method.FIFO, Method.LIFO]
CONSERVING = [method for method in METHODS if method.conserves]
N_SCRIPT = 8


def ids(values: Any, dtype: type[np.generic] = np.int64) -> Any:
    return np.array(sorted(values), dtype)


# --- what Hypothesis draws -------------------------------------------------------------------


@st.composite
def seeds_in(draw: st.DrawFn, chain: Chain) -> Seeds:
    """Whole outputs or parts of them, several parts of one too, overlapping along the flow."""
    n = len(chain.value)
    outputs = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=6))
    if draw(st.booleans()):
        return Seeds.whole(chain, np.array(outputs))
    rows = []
    for output in sorted(set(outputs)):
        value = int(chain.value[output])
        cuts = sorted(draw(st.lists(st.integers(0, value), min_size=2, max_size=4)))
        rows += [(output, cuts[k], cuts[k + 1]) for k in range(0, len(cuts) - 1, 2)]
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return Seeds(columns[:, 0], columns[:, 1], columns[:, 2])


@st.composite
def stops_in(draw: st.DrawFn, chain: Chain) -> Stops:
    """Services by label and by cluster, own ones, CoinJoins; often none."""
    few = st.sets(st.integers(0, N_SCRIPT - 1), max_size=2)
    scripts, clusters = draw(few), draw(few)
    entity = st.integers(0, 3)
    n_tx = len(chain.tx_output) - 1
    coinjoin = np.zeros(n_tx, np.uint8)
    for tx in draw(st.sets(st.integers(0, n_tx - 1), max_size=2)):
        coinjoin[tx] = draw(st.integers(0, 6))
    deposits = draw(few)
    target = st.one_of(st.just(set()), st.just(set()), st.sets(st.integers(0, 7), max_size=1))
    cluster = draw(
        st.one_of(
            st.just([]),
            st.lists(st.integers(0, N_SCRIPT - 1), min_size=N_SCRIPT, max_size=N_SCRIPT),
        )
    )
    return Stops(
        service_scripts=ids(scripts, np.uint32),
        service_entity=np.array([draw(entity) for _ in scripts], np.int32),
        service_clusters=ids(clusters, np.uint32),
        cluster_entity=np.array([draw(entity) for _ in clusters], np.int32),
        cluster=np.array(cluster, np.uint32),
        coinjoin=coinjoin,
        own_entities=ids(draw(st.sets(entity, max_size=1)), np.int32),
        own_clusters=ids(draw(st.sets(st.integers(0, N_SCRIPT - 1), max_size=1)), np.uint32),
        deposit_scripts=ids(deposits, np.uint32),
        deposit_entity=np.array([draw(entity) for _ in deposits], np.int32),
        target_outputs=ids(draw(target)),
        target_scripts=ids(draw(target), np.uint32),
    )


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    """Each cap is set in one draw of three or so."""
    since, until = sorted(draw(st.tuples(st.integers(0, 9), st.integers(0, 9))))
    unset_or = st.one_of
    return Limits(
        max_hops=draw(unset_or(st.none(), st.none(), st.integers(0, 4))),
        min_value=draw(unset_or(st.just(0), st.just(0), st.integers(1, 6))),
        since=draw(st.sampled_from([None, None, since])),
        until=draw(st.sampled_from([None, None, until])),
        max_transactions=draw(unset_or(st.none(), st.none(), st.integers(0, 4))),
        through_coinjoin=draw(st.booleans()),
        max_nodes=draw(unset_or(st.none(), st.none(), st.integers(0, 30))),
    )


@st.composite
def walks(
    draw: st.DrawFn, *, times_ascend: bool = False
) -> tuple[Chain, Seeds, Stops, Limits, Method, bool]:
    chain = draw(chains(times_ascend=times_ascend, n_script=N_SCRIPT))
    return (
        chain,
        draw(seeds_in(chain)),
        draw(stops_in(chain)),
        draw(limits()),
        draw(st.sampled_from(METHODS)),
        draw(st.booleans()),
    )


# --- against the naive engine ----------------------------------------------------------------


def naive(
    chain: Chain, seeds: Seeds, stops: Stops, limits: Limits, method: Method, back: bool
) -> Answer:
    walk = Naive(chain, seeds, stops, limits, backward=back)
    if method.keeps_places:
        return walk.places(lifo=method is Method.LIFO)
    return walk.haircut() if method is Method.HAIRCUT else walk.poison()


def satoshi(flow: Flow, end: int) -> dict[int, int]:
    low, high = flow.span_offset[end], flow.span_offset[end + 1]
    return {
        at: int(flow.span_hops[k])
        for k in range(low, high)
        for at in range(flow.span_start[k], flow.span_end[k])
    }


@settings(max_examples=400)
@given(walks())
def test_engine_equals_the_naive_engine(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    flow = TRACE[back](chain, seeds, stops, caps, method)
    answer = naive(*walk)
    assert (flow.total, flow.fees) == (answer.total, answer.fees)
    assert (flow.crossed, flow.nodes) == (answer.crossed, answer.nodes)
    assert flow.output.tolist() == sorted(answer.ends)
    for row, output in enumerate(flow.output.tolist()):
        end = answer.ends[output]
        assert flow.value[row] == end.value
        assert flow.stop[row] == end.stop
        assert flow.entity[row] == end.entity
        assert flow.hops_min[row] == end.hops_min
        assert flow.hops_mean[row] == pytest.approx(end.hops_mean, rel=1e-12)
        assert satoshi(flow, row) == end.satoshi
    assert flow.reached.tolist() == sorted(answer.parents)
    for row, output in enumerate(flow.reached.tolist()):
        parent = flow.parent[row]
        assert answer.parents[output] == (None if parent == SEED else flow.reached[parent])


@settings(max_examples=120)
@given(walks())
def test_law_ends_and_fees_are_what_was_put_in(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    flow = TRACE[back](chain, seeds, stops, caps, method)
    if method.conserves:
        assert flow.value_at(*Stop) + flow.fees == flow.total
    else:
        assert np.array_equal(flow.value, chain.value[flow.output])
        assert np.array_equal(flow.reached_value, chain.value[flow.reached])
    assert np.all(flow.value > 0)
    assert np.all(flow.value <= chain.value[flow.output])
    assert np.all(np.diff(flow.output) > 0)
    assert 0 <= flow.total <= int((seeds.end - seeds.start).sum())
    if back:
        assert flow.fees == 0


@settings(max_examples=250)
@given(walks())
def test_poison_is_an_upper_bound_of_every_other_rule(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    # How many transactions were crossed before is no property of an output.
    caps = replace(caps, max_transactions=None, max_nodes=None)
    flow = TRACE[back](chain, seeds, stops, caps, method)
    bound = TRACE[back](chain, seeds, stops, caps, Method.POISON)
    at = np.searchsorted(bound.reached, flow.reached)
    assert np.array_equal(bound.reached[at], flow.reached)
    assert np.all(bound.reached_value[at] >= flow.reached_value)
    assert np.all(bound.reached_hops[at] <= flow.reached_hops)
    assert bound.total >= flow.total
    assert bound.fees >= flow.fees
    assert bound.crossed >= flow.crossed
    for stop in (Stop.SERVICE, Stop.UNSPENT, Stop.MINED, Stop.COINJOIN):
        assert bound.value_at(stop) >= flow.value_at(stop)


@settings(max_examples=120)
@given(walks(), st.sampled_from(PLACED))
def test_spans_are_sorted_disjoint_and_joined(walk: Any, method: Method) -> None:
    chain, seeds, stops, caps, _, back = walk
    flow = TRACE[back](chain, seeds, stops, caps, method)
    for row in range(len(flow.output)):
        low, high = flow.span_offset[row], flow.span_offset[row + 1]
        start, end, hops = (
            column[low:high] for column in (flow.span_start, flow.span_end, flow.span_hops)
        )
        assert int((end - start).sum()) == flow.value[row]
        assert np.all(start < end)
        assert start[0] >= 0
        assert end[-1] <= chain.value[flow.output[row]]
        touching = start[1:] == end[:-1]
        assert np.all(start[1:] >= end[:-1])
        assert np.all(hops[1:][touching] != hops[:-1][touching])


def not_beyond(at: int, chain: Chain, seeds: Seeds, back: bool) -> Seeds:
    """Seeds created by `at`; backward, not spent before it."""
    tx_time = np.repeat(chain.block_time, np.diff(chain.block_tx))
    if back:
        spender = chain.spender[seeds.output]
        kept = np.append(tx_time, at)[np.minimum(spender, len(tx_time))] >= at
    else:
        creator = np.searchsorted(chain.tx_output, seeds.output, side="right") - 1
        kept = tx_time[creator] <= at
    return Seeds(seeds.output[kept], seeds.start[kept], seeds.end[kept])


@settings(max_examples=120)
@given(walks(times_ascend=True), st.integers(0, 9))
def test_two_steps_are_one(walk: Any, at: int) -> None:
    """Forward stops after `at`, backward before it; then the walk goes on from what was capped."""
    chain, seeds, stops, _, method, back = walk
    seeds = not_beyond(at, chain, seeds, back)
    through = walk[3].through_coinjoin
    part = replace(Limits(since=at) if back else Limits(until=at), through_coinjoin=through)
    trace = TRACE[back]
    whole = trace(chain, seeds, stops, Limits(through_coinjoin=through), method)
    first = trace(chain, seeds, stops, part, method)
    second = trace(
        chain, first.continuation(*CAPS), stops, Limits(through_coinjoin=through), method
    )
    kept = first.stop != Stop.TIME
    assert first.fees + second.fees == whole.fees
    assert first.crossed + second.crossed == whole.crossed
    rows = [
        (int(output), int(flow.value[row]), int(flow.stop[row]), sorted(satoshi(flow, row)))
        for flow, of in ((first, kept), (second, np.ones(len(second.output), bool)))
        for row, output in enumerate(flow.output)
        if of[row]
    ]
    assert sorted(rows) == [
        (int(o), int(whole.value[k]), int(whole.stop[k]), sorted(satoshi(whole, k)))
        for k, o in enumerate(whole.output)
    ]


@pytest.mark.parametrize("method", PLACED)
@settings(max_examples=120)
@given(chains(), st.data())
def test_backward_is_the_inverse_of_forward(
    method: Method, chain: Chain, data: st.DataObject
) -> None:
    """Satoshi that end unspent come back, and only to where the seeds were."""
    seed = data.draw(st.integers(0, len(chain.value) - 1))
    ends = forward(chain, Seeds.whole(chain, ids([seed])), Stops(), Limits(), method)
    stops = Stops(
        service_scripts=ids([0], np.uint32), service_entity=np.array([1], np.int32)
    )  # a service at the seed alone catches what returns
    scripts = np.ones(len(chain.value), np.uint32)
    scripts[seed] = 0
    marked = replace(chain, script=scripts)
    origin = backward(marked, ends.continuation(Stop.UNSPENT), stops, Limits(), method)
    assert origin.total == ends.total - ends.fees
    assert origin.value_at(Stop.SERVICE) == origin.total


@settings(max_examples=100)
@given(chains(), st.data())
def test_total_of_all_outputs_is_what_was_mined(chain: Chain, data: st.DataObject) -> None:
    """Every output as a seed: forward the union is what coinbases paid out, backward what is
    unspent and what was paid as fees does not count."""
    everything = Seeds.whole(chain, np.arange(len(chain.value)))
    mined = sum(
        int(chain.value[chain.tx_output[tx] : chain.tx_output[tx + 1]].sum())
        for tx in range(len(chain.tx_output) - 1)
        if chain.tx_input[tx] == chain.tx_input[tx + 1]
    )
    for method in CONSERVING:
        assert forward(chain, everything, Stops(), Limits(), method).total == mined
    some = data.draw(seeds_in(chain))
    for method in PLACED:
        flow = forward(chain, some, Stops(), Limits(), method)
        # The union, told apart by where each satoshi was mined.
        origins = backward(chain, some, Stops(), Limits(), method)
        assert flow.total == origins.value_at(Stop.MINED)


@settings(max_examples=60)
@given(walks(), st.sampled_from(PLACED))
def test_large_amounts_go_the_way_of_small_ones(walk: Any, method: Method) -> None:
    chain, seeds, stops, caps, _, back = walk
    much = 10**13  # up to 12 million bitcoin in a transaction
    large = replace(chain, value=chain.value * much)
    large_seeds = Seeds(seeds.output, seeds.start * much, seeds.end * much)
    large_caps = replace(caps, min_value=caps.min_value * much)
    one = TRACE[back](chain, seeds, stops, caps, method)
    two = TRACE[back](large, large_seeds, stops, large_caps, method)
    assert (two.total, two.fees) == (one.total * much, one.fees * much)
    assert np.array_equal(two.value, one.value * much)
    assert np.array_equal(two.span_start, one.span_start * much)
    assert np.array_equal(two.span_hops, one.span_hops)
    haircut = TRACE[back](large, large_seeds, stops, large_caps, Method.HAIRCUT)
    assert haircut.value_at(*Stop) + haircut.fees == haircut.total


@settings(max_examples=50)
@given(walks())
def test_same_input_same_bytes(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    one, two = (TRACE[back](chain, seeds, stops, caps, method) for _ in range(2))
    for name in (f.name for f in fields(Flow)):
        assert np.asarray(getattr(one, name)).tobytes() == np.asarray(getattr(two, name)).tobytes()


@settings(max_examples=120)
@given(walks())
def test_path_leads_from_a_seed_to_the_end(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    flow = TRACE[back](chain, seeds, stops, caps, method)
    for row, output in enumerate(flow.output.tolist()):
        path = flow.path(row)
        assert path[-1] == output
        assert path[0] in seeds.output
        if not method.keeps_places:
            assert flow.hops_min[row] <= len(path) - 1
        assert_linked(chain, path, back)


def assert_linked(chain: Chain, path: list[int], back: bool) -> None:
    for spent, created in pairwise(path[::-1] if back else path):
        tx = int(chain.spender[spent])
        assert chain.tx_output[tx] <= created < chain.tx_output[tx + 1]


@settings(max_examples=120)
@given(walks())
def test_span_path_is_the_way_of_the_satoshi(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    flow = TRACE[back](chain, seeds, stops, caps, method)
    for row, output in enumerate(flow.output.tolist()):
        if not method.keeps_places:
            with pytest.raises(UsageError, match=f"{method} mixes"):
                span_path(flow, row, chain)
            continue
        path = span_path(flow, row, chain)
        spans = slice(flow.span_offset[row], flow.span_offset[row + 1])
        largest = np.argmax((flow.span_end - flow.span_start)[spans])
        assert len(path) - 1 == flow.span_hops[spans][largest]
        assert path[-1] == output
        assert set(path) <= set(flow.reached.tolist())
        assert_linked(chain, path, back)
        # That satoshi alone, sent back the same number of hops, comes out at the seed.
        position = flow.span_start[spans][largest]
        one = Seeds(ids([output]), ids([position]), ids([position + 1]))
        hops = Limits(max_hops=len(path) - 1, through_coinjoin=True)
        origin = TRACE[not back](chain, one, Stops(), hops, method)
        assert origin.output.tolist() == [path[0]]


@settings(max_examples=120)
@given(walks())
def test_services_sum_the_ends(walk: Any) -> None:
    chain, seeds, stops, caps, method, back = walk
    flow = TRACE[back](chain, seeds, stops, caps, method)
    rows = services(flow, chain)
    sums: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(flow.stop == Stop.SERVICE):
        key = int(flow.entity[row]), int(chain.script[flow.output[row]])
        sums[key] = sums.get(key, 0) + int(flow.value[row])
    expected = sorted((-value, *key) for key, value in sums.items())
    given_rows = zip(rows.value, rows.entity, rows.script, strict=True)
    assert [(-int(v), int(e), int(s)) for v, e, s in given_rows] == expected
    for k in range(len(rows.value)):
        ends = rows.ends[rows.end_offset[k] : rows.end_offset[k + 1]]
        assert np.all(np.diff(ends) > 0)
        assert set(chain.script[flow.output[ends]]) == {rows.script[k]}
        assert set(flow.entity[ends]) == {rows.entity[k]}
        assert flow.value[ends].sum() == rows.value[k]
        assert rows.hops_min[k] == flow.hops_min[ends].min()
        mean = np.average(flow.hops_mean[ends], weights=flow.value[ends])
        assert rows.hops_mean[k] == pytest.approx(mean)


# --- by hand ----------------------------------------------------------------------------------


def two_payers() -> Chain:
    """Outputs 0 (60) and 1 (40) pay 2 (50) and 3 (45), fee 5; 3 pays 4 (45)."""
    return chain_of(
        [
            [([], [(60, 0)]), ([], [(40, 1)])],
            [([0, 1], [(50, 2), (45, 3)])],
            [([3], [(45, 4)])],
        ],
        times=[100, 200, 300],
    )


def ends(flow: Flow) -> dict[int, tuple[int, str]]:
    return {
        int(output): (int(flow.value[k]), Stop(flow.stop[k]).name)
        for k, output in enumerate(flow.output)
    }


def trace(back: bool, output: int, method: Method, stops: Stops, caps: Limits) -> Flow:
    chain = two_payers()
    return TRACE[back](chain, Seeds.whole(chain, ids([output])), stops, caps, method)


def test_fifo_takes_inputs_in_order_and_the_fee_last() -> None:
    flow = trace(False, 0, Method.FIFO, Stops(), Limits())
    assert ends(flow) == {2: (50, "UNSPENT"), 4: (10, "UNSPENT")}
    assert flow.fees == 0
    flow = trace(False, 1, Method.FIFO, Stops(), Limits())
    assert ends(flow) == {4: (35, "UNSPENT")}
    assert (flow.fees, flow.total, flow.crossed) == (5, 40, 2)
    assert (flow.span_start.tolist(), flow.span_end.tolist()) == ([10], [45])
    assert flow.hops_min.tolist() == [2]
    assert flow.path(0) == [1, 3, 4]
    flow = trace(True, 4, Method.FIFO, Stops(), Limits())
    assert ends(flow) == {0: (10, "MINED"), 1: (35, "MINED")}


def test_lifo_takes_from_the_back_and_the_fee_from_the_front() -> None:
    """Output 2 takes satoshi 50 to 99 of the queue, output 3 those from 5 on, the fee the rest."""
    flow = trace(False, 0, Method.LIFO, Stops(), Limits())
    assert ends(flow) == {2: (10, "UNSPENT"), 4: (45, "UNSPENT")}
    assert (flow.fees, flow.total) == (5, 60)
    assert (flow.span_start.tolist(), flow.span_end.tolist()) == ([0, 0], [10, 45])
    flow = trace(False, 1, Method.LIFO, Stops(), Limits())
    assert ends(flow) == {2: (40, "UNSPENT")}
    # What an output takes keeps the order of the queue: output 1 stands behind output 0 in it.
    assert (flow.span_start.tolist(), flow.span_end.tolist()) == ([10], [50])
    assert ends(trace(True, 4, Method.LIFO, Stops(), Limits())) == {0: (45, "MINED")}
    flow = trace(True, 2, Method.LIFO, Stops(), Limits())
    assert ends(flow) == {0: (10, "MINED"), 1: (40, "MINED")}
    assert (flow.span_start.tolist(), flow.span_end.tolist()) == ([50, 0], [60, 40])
    assert flow.fees == 0


def test_poison_taints_outputs_whole_and_counts_more_than_once() -> None:
    chain = two_payers()
    seed = Seeds(ids([1]), ids([39]), ids([40]))  # one satoshi is enough
    flow = forward(chain, seed, Stops(), Limits(), Method.POISON)
    assert ends(flow) == {2: (50, "UNSPENT"), 4: (45, "UNSPENT")}
    assert (flow.total, flow.fees, flow.crossed) == (1, 5, 2)
    assert flow.hops_min.tolist() == [1, 2]
    assert flow.path(1) == [1, 3, 4]
    assert flow.continuation(Stop.UNSPENT).end.tolist() == [50, 45]
    flow = trace(True, 4, Method.POISON, Stops(), Limits())
    assert ends(flow) == {0: (60, "MINED"), 1: (40, "MINED")}
    assert (flow.total, flow.fees) == (45, 0)
    # A seed that another seed's money reaches is tainted already, and 0 hops far.
    flow = forward(chain, Seeds.whole(chain, ids([1, 3])), Stops(), Limits(), Method.POISON)
    assert flow.total == 85
    assert flow.path(1) == [3, 4]
    assert flow.hops_min.tolist() == [1, 1]


@pytest.mark.parametrize("method", METHODS)
def test_a_coinbase_starts_clean(method: Method) -> None:
    """Output 1 is mined in the block in which output 0 is spent, and has none of its money."""
    chain = chain_of([[([], [(9, 0)])], [([], [(5, 1)]), ([0], [(9, 2)])]])
    flow = forward(chain, Seeds.whole(chain, ids([0])), Stops(), Limits(), method)
    assert flow.reached.tolist() == [0, 2]


def test_haircut_shares_by_value_remainder_to_the_largest_fraction() -> None:
    # 40 of 100: 20 of 50, 18 of 45, 2 of the fee 5.
    flow = trace(False, 1, Method.HAIRCUT, Stops(), Limits())
    assert ends(flow) == {2: (20, "UNSPENT"), 4: (18, "UNSPENT")}
    assert flow.fees == 2
    flow = trace(True, 4, Method.HAIRCUT, Stops(), Limits())
    assert ends(flow) == {0: (27, "MINED"), 1: (18, "MINED")}
    # 1 satoshi over three equal outputs: the lowest index has it.
    chain = chain_of([[([], [(9, 0)])], [([0], [(3, 1), (3, 2), (3, 3)])]])
    flow = forward(chain, Seeds(ids([0]), ids([4]), ids([5])), Stops(), Limits(), Method.HAIRCUT)
    assert ends(flow) == {1: (1, "UNSPENT")}


@pytest.mark.parametrize("method", METHODS)
def test_stops_have_a_precedence(method: Method) -> None:
    label = Stops(
        service_scripts=ids([3], np.uint32),
        service_entity=np.array([7], np.int32),
        coinjoin=np.array([0, 0, 0, 1], np.uint8),
    )
    deposit = {"deposit_scripts": ids([3], np.uint32), "deposit_entity": np.array([8], np.int32)}
    label = replace(label, **deposit)
    capped = Limits(max_hops=1, min_value=46, until=250, max_transactions=1, max_nodes=1)
    unlabelled = Stops(coinjoin=label.coinjoin)
    cases = [
        (replace(label, target_scripts=ids([3], np.uint32)), capped, Stop.TARGET),
        (replace(label, target_outputs=ids([3])), capped, Stop.TARGET),
        (label, capped, Stop.SERVICE),
        (replace(unlabelled, **deposit), capped, Stop.DEPOSIT),
        (unlabelled, capped, Stop.COINJOIN),
        (unlabelled, replace(capped, through_coinjoin=True), Stop.MAX_HOPS),
        (Stops(), capped, Stop.MAX_HOPS),
        (Stops(), Limits(min_value=46, until=250, max_transactions=1), Stop.MIN_VALUE),
        (Stops(), Limits(until=250, max_transactions=1), Stop.TIME),
        (Stops(), Limits(max_transactions=1, max_nodes=1), Stop.MAX_TRANSACTIONS),
        (Stops(), Limits(max_nodes=1), Stop.MAX_NODES),
    ]
    entities = {Stop.SERVICE: 7, Stop.DEPOSIT: 8}
    chain = two_payers()
    seeds = Seeds.whole(chain, ids([0]))
    for stops, caps, expected in cases:
        flow = forward(chain, seeds, stops, caps, method)
        at = flow.output.tolist().index(3)
        assert Stop(flow.stop[at]) is expected
        assert flow.entity[at] == entities.get(expected, NO_ENTITY)
        assert flow.value[at] == {"fifo": 10, "lifo": 45, "haircut": 27, "poison": 45}[method]


@pytest.mark.parametrize("method", METHODS)
def test_caps_are_inclusive(method: Method) -> None:
    # LIFO takes all of output 1 for output 2, and for output 3 of output 0.
    seed, value = (0, 60) if method is Method.LIFO else (1, 40)
    crossed = {
        Limits(since=200): 2,
        Limits(since=201): 0,
        Limits(until=300): 2,
        Limits(until=299): 1,
        Limits(since=200, until=200): 1,
        Limits(min_value=value): 2 if method is Method.POISON else 1,
        Limits(min_value=value + 1): 0,
        Limits(max_hops=0): 0,
        Limits(max_hops=1): 1,
        Limits(max_transactions=0): 0,
        Limits(max_transactions=1): 1,
    }
    for caps, expected in crossed.items():
        assert trace(False, seed, method, Stops(), caps).crossed == expected, caps


def test_own_service_is_no_stop_and_own_label_outranks_the_inherited_one() -> None:
    cluster = np.array([0, 1, 2, 3, 3], np.uint32)
    inherited = Stops(
        service_clusters=ids([3], np.uint32),
        cluster_entity=np.array([5], np.int32),
        cluster=cluster,
    )
    flow = trace(False, 0, Method.FIFO, inherited, Limits())
    assert dict(zip(flow.output.tolist(), flow.entity.tolist(), strict=True))[3] == 5
    both = replace(
        inherited, service_scripts=ids([3], np.uint32), service_entity=np.array([6], np.int32)
    )
    flow = trace(False, 0, Method.FIFO, both, Limits())
    assert dict(zip(flow.output.tolist(), flow.entity.tolist(), strict=True))[3] == 6
    for own in (
        replace(inherited, own_entities=ids([5], np.int32)),
        replace(inherited, own_clusters=ids([3], np.uint32)),
        replace(both, own_clusters=ids([3], np.uint32)),
    ):
        flow = trace(False, 3, Method.FIFO, own, Limits())
        assert ends(flow) == {4: (45, "UNSPENT")}
    # Another entity's label still stops the money of entity 5.
    flow = trace(False, 0, Method.FIFO, replace(both, own_entities=ids([5], np.int32)), Limits())
    assert 3 in flow.output


def test_a_seed_paid_by_another_seed_counts_once() -> None:
    chain = two_payers()
    seeds = Seeds.whole(chain, ids([1, 3]))
    flow = forward(chain, seeds, Stops(), Limits(), Method.FIFO)
    assert flow.total == 40 + 45 - 35
    assert ends(flow) == {4: (45, "UNSPENT")}
    assert (flow.span_start.tolist(), flow.span_hops.tolist()) == ([0, 10], [1, 2])
    assert flow.path(0) == [1, 3, 4]  # 35 of 45 came from output 1
    flow = forward(chain, seeds, Stops(), Limits(), Method.HAIRCUT)
    assert flow.total == 40 + 45 - 18
    assert flow.fees == 2
    assert flow.path(1) == [3, 4]  # 27 of 45 began here
    assert flow.hops_min.tolist() == [1, 1]
    assert flow.hops_mean[1] == pytest.approx((27 * 1 + 18 * 2) / 45)


def test_a_seed_of_no_value_gives_nothing() -> None:
    chain = chain_of([[([], [(0, 0), (9, 0)])], [([0, 1], [(9, 1)])]])
    flow = forward(chain, Seeds.whole(chain, ids([0])), Stops(), Limits(), Method.HAIRCUT)
    assert (flow.total, flow.output.shape, flow.crossed) == (0, (0,), 0)
    assert flow.value_at(*Stop) == 0
    assert services(flow, chain).value.shape == (0,)


def test_limits_that_contradict_themselves_are_refused() -> None:
    for wrong in (
        {"since": 5, "until": 4},
        {"max_hops": -1},
        {"min_value": -1},
        {"max_transactions": -2},
        {"max_nodes": -1},
    ):
        with pytest.raises(UsageError):
            Limits(**wrong)


def test_seeds_and_stops_that_are_none_are_refused() -> None:
    chain = two_payers()
    for output, start, end in (
        ([0, 0], [0, 4], [5, 9]),
        ([1, 0], [0, 0], [1, 1]),
        ([0], [-1], [1]),
        ([0], [2], [1]),
        ([0, 1], [0], [1]),
    ):
        with pytest.raises(UsageError):
            Seeds(np.array(output), np.array(start), np.array(end))
    with pytest.raises(UsageError, match="from 0 to 4"):
        Seeds.whole(chain, ids([5]))
    with pytest.raises(UsageError, match="beyond the value"):
        forward(chain, Seeds(ids([0]), ids([0]), ids([61])), Stops(), Limits(), Method.FIFO)
    one = np.array([1], np.int32)
    for stops in (
        {"service_scripts": np.array([1, 1], np.uint32), "service_entity": np.array([1, 2])},
        {"service_scripts": np.array([1], np.uint32)},
        {"service_clusters": np.array([1], np.uint32), "cluster_entity": -one},
        {"own_entities": np.array([2, 1], np.int32)},
        {"own_clusters": np.array([2, 1], np.uint32)},
    ):
        with pytest.raises(UsageError):
            Stops(**stops)
    for fit in (Stops(cluster=np.zeros(2, np.uint32)), Stops(coinjoin=np.zeros(9, np.uint8))):
        with pytest.raises(UsageError, match="one entry for each"):
            forward(chain, Seeds.whole(chain, ids([0])), fit, Limits(), Method.FIFO)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("back", [False, True])
def test_a_transaction_that_makes_money_is_an_error(method: Method, back: bool) -> None:
    chain = chain_of([[([], [(5, 0)])], [([0], [(6, 0)])]])
    with pytest.raises(DataError, match="transaction number 1"):
        TRACE[back](chain, Seeds.whole(chain, ids([1 if back else 0])), Stops(), Limits(), method)
    huge = LARGEST_TOTAL + 1
    chain = chain_of([[([], [(huge, 0)])], [([0], [(huge, 0)])]])
    with pytest.raises(DataError, match="more than can exist"):
        TRACE[back](chain, Seeds.whole(chain, ids([1 if back else 0])), Stops(), Limits(), method)


# --- 128-bit rounding -------------------------------------------------------------------------

ALL_BITCOIN = 2_100_000_000_000_000


@settings(max_examples=600)
@given(st.one_of(st.integers(1, ALL_BITCOIN), st.integers(1, LARGEST_TOTAL)), st.data())
def test_share_equals_python_integers(whole: int, data: st.DataObject) -> None:
    near = st.one_of(st.integers(0, whole), st.integers(max(0, whole - 9), whole))
    part, value = data.draw(near), data.draw(near)
    assert share(part, value, whole) == divmod(part * value, whole)


def test_share_at_the_bound() -> None:
    for whole in (ALL_BITCOIN, LARGEST_TOTAL, LARGEST_TOTAL - 1, 20 * 10**11):
        for part in (0, 1, whole // 3, whole - 1, whole):
            for value in (0, 1, whole // 7, whole - 1, whole):
                assert share(part, value, whole) == divmod(part * value, whole)


@settings(max_examples=120)
@given(st.lists(st.integers(0, ALL_BITCOIN // 40), min_size=1, max_size=40), st.data())
def test_apportion_is_the_largest_remainder_method(values: list[int], data: st.DataObject) -> None:
    whole = sum(values)
    if whole == 0:
        return
    part = data.draw(st.integers(0, whole))
    floors = [divmod(part * value, whole) for value in values]
    expected = [quotient for quotient, _ in floors]
    ranked = sorted(range(len(values)), key=lambda k: (-floors[k][1], k))
    for k in ranked[: part - sum(expected)]:
        expected[k] += 1
    assert apportion(part, whole, np.array(values, np.int64)).tolist() == expected


# --- worst nodes ------------------------------------------------------------------------------


def seconds(
    back: bool, chain: Chain, outputs: Any, method: Method, stops: Stops | None = None
) -> tuple[float, Flow]:
    trace = TRACE[back]
    seeds = Seeds.whole(chain, np.asarray(outputs))
    trace(chain, Seeds.whole(chain, ids([0])), Stops(), Limits(max_hops=0), method)  # compile
    begin = time.process_time()
    flow = trace(chain, seeds, stops or Stops(), Limits(), method)
    return time.process_time() - begin, flow


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("back", [False, True])
def test_a_wide_transaction_is_fast(method: Method, back: bool) -> None:
    n = 5000
    mined = [([], [(1000 + k % 7, k) for k in range(n)])]
    chain = chain_of([mined, [(range(n), [(999 + k % 5, n + k) for k in range(n)])]])
    outputs = range(n + 1, 2 * n, 2) if back else range(1, n, 2)
    taken, flow = seconds(back, chain, outputs, method)
    assert flow.crossed == 1
    assert taken < 0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("back", [False, True])
def test_a_long_peel_chain_is_fast(method: Method, back: bool) -> None:
    n = 100_000
    value = 10**13
    blocks = [[([], [(value, 0)])]]
    last = 0
    for k in range(n):
        value -= 1000 + k % 13
        blocks.append([([last], [(900, 1), (value, 0)])])
        last = 2 * k + 2
    chain = chain_of(blocks)
    taken, flow = seconds(back, chain, [last if back else 0], method)
    assert flow.crossed == n
    row = int(np.argmax(flow.value))
    assert len(flow.path(row)) == n + 1
    assert flow.hops_min[row] == n
    assert taken < 3


@pytest.mark.parametrize("method", METHODS)
def test_many_seeds_are_fast(method: Method) -> None:
    """A busy address: 200,000 outputs, spent 100 at a time to an address that is a seed too."""
    n, width = 200_000, 100
    mined = ([], [(546 + k % 3, 0) for k in range(n)])
    sweeps = []
    for k in range(0, n, width):
        total = sum(546 + j % 3 for j in range(k, k + width))
        sweeps.append((range(k, k + width), [(total - 50, 0), (10, 1)]))
    chain = chain_of([[mined], sweeps])
    outputs = np.flatnonzero(chain.script == 0)
    taken, flow = seconds(False, chain, outputs, method)
    counted = outputs if method is Method.POISON else outputs[:n]
    assert flow.total == int(chain.value[counted].sum())
    assert taken < 3


def wide(width: int, links: int) -> Chain:
    """A chain of transactions of as many inputs as outputs, none of which cut at the same place."""
    rows = np.arange(width)
    blocks: list[Any] = [[((), [(width * width, 0)])], [((0,), [(width, 1)] * width)]]
    for link in range(links):
        first = 1 + link * width
        skewed = width + (rows % 2 if link % 2 else -(rows % 2)) * (1 - 2 * (rows // 2 % 2))
        blocks.append([((rows[::-1] + first).tolist(), [(int(v), 1) for v in skewed])])
    return chain_of(blocks)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("back", [False, True])
def test_the_work_of_a_walk_is_bounded_where_transactions_are_wide(
    method: Method, back: bool
) -> None:
    chain = wide(500, 40)
    seeds = Seeds.whole(chain, np.array([chain.n_output - 1 if back else 0]))
    whole = TRACE[back](chain, seeds, Stops(), Limits(), method)
    cap = whole.nodes // 2
    flow = TRACE[back](chain, seeds, Stops(), Limits(max_nodes=cap), method)
    assert whole.nodes >= whole.crossed * 500
    assert cap <= flow.nodes < whole.nodes
    assert flow.crossed < whole.crossed
    held_back = flow.value_at(Stop.MAX_NODES)
    assert held_back > 0
    if method.conserves:
        assert flow.value_at(*Stop) + flow.fees == flow.total
        assert held_back <= flow.total


def test_an_address_of_many_payments_is_not_looked_at_beyond_the_cap() -> None:
    """Each payment is spent by a wide transaction: the cap bounds what is looked at, not less."""
    width, payments = 200, 400
    coins: Any = [[((), [(5, 0)] * payments)], [((), [(5, 1)] * (payments * width))]]
    spends: Any = [
        ((k, *range(payments + k * width, payments + (k + 1) * width)), [(5, 2)] * 3)
        for k in range(payments)
    ]
    chain = chain_of([*coins, spends])
    seeds = Seeds.whole(chain, np.arange(payments))
    flow = forward(chain, seeds, Stops(), Limits(max_nodes=1000), Method.HAIRCUT)
    assert 1000 <= flow.nodes < 1000 + width + 4
    assert flow.crossed == 5
    assert flow.value_at(Stop.MAX_NODES) == 5 * (payments - 5)


# --- a part of a chain -------------------------------------------------------------------------


PART = build(
    [
        Tx([], [(60, "parent")]),  # known for its outputs alone
        Tx([], [(40, "mined")]),
        Tx([(0, 0), (1, 0)], [(70, "here"), (25, "there")]),
    ]
)


@pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO, Method.HAIRCUT])
def test_what_is_not_loaded_is_neither_unspent_nor_mined(method: Method) -> None:
    """Forward: nothing is known of output 3. Backward: transaction 0 is known for its outputs."""
    settled = np.array([0, 0, 1, 0], np.uint8)
    part = replace(PART, outputs_only=1, settled=settled)
    flow = forward(part, Seeds.whole(part, np.array([0, 1])), Stops(), Limits(), method)
    assert dict(zip(flow.output.tolist(), flow.stop.tolist(), strict=True)) == {
        2: Stop.UNSPENT,
        3: Stop.NOT_LOADED,
    }
    assert (flow.value_at(Stop.UNSPENT), flow.value_at(Stop.NOT_LOADED), flow.fees) == (70, 25, 5)
    back = backward(part, Seeds.whole(part, np.array([2, 3])), Stops(), Limits(), method)
    whole = backward(PART, Seeds.whole(PART, np.array([2, 3])), Stops(), Limits(), method)
    assert back.value.tolist() == whole.value.tolist()
    assert back.stop.tolist() == [Stop.NOT_LOADED, Stop.MINED]


def test_a_service_comes_before_what_is_not_loaded() -> None:
    part = replace(PART, outputs_only=1, settled=np.zeros(4, np.uint8))
    stops = Stops(
        service_scripts=np.array([0, 3], np.uint32), service_entity=np.array([0, 1], np.int32)
    )
    seeds = Seeds.whole(part, np.array([2]))
    assert backward(part, seeds, stops, Limits(), Method.FIFO).stop.tolist()[0] == Stop.SERVICE
    seeds = Seeds.whole(part, np.array([1]))
    flow = forward(part, seeds, stops, Limits(), Method.FIFO)
    assert set(flow.stop.tolist()) == {Stop.SERVICE, Stop.NOT_LOADED}
