"""Traces at transactions with shielded parts: as at CoinJoins, but for what has no inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.engine.taint import Limits, Method, Seeds, Stop, Stops, backward, forward


@given(chains(), st.data())
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("walk", [forward, backward])
def test_a_walk_ends_where_it_would_end_at_a_coinjoin(
    walk: type[forward], method: Method, chain: Chain, data: st.DataObject
) -> None:
    hidden = data.draw(st.lists(st.booleans(), min_size=chain.n_tx, max_size=chain.n_tx))
    marks = np.array(hidden, np.bool_)
    outputs = np.array(data.draw(st.lists(st.integers(0, chain.n_output - 1), max_size=4)))
    seeds = Seeds.whole(chain, outputs.astype(np.int64))
    pools = replace(chain, shielded_tx=np.flatnonzero(marks).astype(np.uint32))
    marks[chain.block_tx[:-1]] = False  # of coinbases, shielded parts say nothing
    coinjoin = np.where(marks, CoinJoin.generic, CoinJoin.none).astype(np.uint8)
    expected = walk(chain, seeds, Stops(coinjoin=coinjoin), Limits(), method)
    everything = Limits(through_coinjoin=True)
    found = walk(pools, seeds, Stops(), everything, method)
    named = np.where(expected.stop == Stop.COINJOIN, Stop.SHIELDED, expected.stop)
    assert found.stop.tolist() == named.tolist()
    for column in ("output", "value", "hops_min", "span_start", "span_end", "reached"):
        assert getattr(found, column).tolist() == getattr(expected, column).tolist()
    assert (found.total, found.fees) == (expected.total, expected.fees)


def test_what_leaves_a_pool_is_not_mined() -> None:
    chain = chain_of(
        [
            [([], [(50, 0)])],
            [([], [(50, 1)]), ([], [(7, 2)]), ([0, 2], [(55, 3)])],
        ]
    )
    pools = replace(chain, shielded_tx=np.array([0, 2], np.uint32))
    stops = {}
    for output in range(4):
        flow = backward(
            pools, Seeds.whole(pools, np.array([output])), Stops(), Limits(), Method.FIFO
        )
        stops[output] = {Stop(stop): flow.value_at(Stop(stop)) for stop in set(flow.stop.tolist())}
    assert stops == {
        0: {Stop.MINED: 50},  # a coinbase that pays into a pool as well
        1: {Stop.MINED: 50},
        2: {Stop.SHIELDED: 7},
        3: {Stop.MINED: 50, Stop.SHIELDED: 5},
    }
    into = replace(chain, shielded_tx=np.array([3], np.uint32))
    flow = forward(into, Seeds.whole(into, np.array([0])), Stops(), Limits(), Method.HAIRCUT)
    assert flow.value_at(Stop.SHIELDED) == flow.total == 50
