from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.paths import Party, Paths, find_paths
from clewline.engine.taint import CAPS, Limits, Method, Stop, Stops
from clewline.errors import UsageError

N_SCRIPT = 8
AMOUNTS = [Method.FIFO, Method.LIFO, Method.HAIRCUT]


def owner(chain: Chain, *scripts: int) -> Party:
    """All outputs of some scripts."""
    outputs = np.flatnonzero(np.isin(chain.script, scripts)).astype(np.int64)
    return Party(outputs, np.array(sorted(scripts), np.uint32))


def one_output(output: int) -> Party:
    return Party(np.array([output]), np.empty(0, np.uint32))


def services_at(*scripts: int) -> Stops:
    return Stops(
        service_scripts=np.array(sorted(scripts), np.uint32),
        service_entity=np.zeros(len(scripts), np.int32),
    )


@st.composite
def questions(draw: st.DrawFn) -> tuple[Chain, Party, Party, Stops]:
    chain = draw(chains(n_script=N_SCRIPT))
    order = draw(st.permutations(range(N_SCRIPT)))
    a, b, c = order[:2], order[2:4], draw(st.sampled_from([[], order[4:5]]))
    return chain, owner(chain, *a), owner(chain, *b), services_at(*c)


def fifo_arrivals(chain: Chain, payer: Party, receiver: Party, stops: Stops) -> int:
    """Follow each satoshi of the payer by itself, from the last output of the payer's it lay in."""
    arrived = 0
    blocked = set(stops.service_scripts.tolist())
    mine, theirs = set(payer.outputs.tolist()), set(receiver.outputs.tolist())
    for start in mine:
        for place in range(int(chain.value[start])):
            output, at = start, place
            while True:
                tx = int(chain.spender[output])
                if chain.script[output] in blocked or tx >= chain.n_tx:
                    break
                inputs = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]].tolist()
                queue = [(o, k) for o in inputs for k in range(int(chain.value[o]))]
                position = queue.index((output, at))
                made = range(int(chain.tx_output[tx]), int(chain.tx_output[tx + 1]))
                filled = [(o, k) for o in made for k in range(int(chain.value[o]))]
                if position >= len(filled):
                    break  # the fee
                output, at = filled[position]
                if output in theirs:
                    arrived += 1
                    break
                if output in mine:
                    break  # counted from there
    return arrived


@settings(max_examples=200)
@given(questions())
def test_fifo_brings_the_satoshi_that_a_walk_of_each_brings(question: Any) -> None:
    chain, payer, receiver, stops = question
    found = find_paths(chain, payer, receiver, stops, Limits(), Method.FIFO)
    assert found.value == fifo_arrivals(chain, payer, receiver, stops)


@pytest.mark.parametrize("method", AMOUNTS)
@settings(max_examples=100)
@given(questions())
def test_a_path_is_ordered_in_time_and_conserves(method: Method, question: Any) -> None:
    chain, payer, receiver, stops = question
    found = find_paths(chain, payer, receiver, stops, Limits(), method, most=1000)
    flow = found.flow
    rest = [stop for stop in Stop if stop is not Stop.TARGET]
    assert found.value + flow.value_at(*rest) + flow.fees == flow.total
    assert found.value == sum(arrival.value for arrival in found.arrivals)
    assert found.found == len(found.arrivals)
    values = [arrival.value for arrival in found.arrivals]
    assert values == sorted(values, reverse=True)
    for arrival in found.arrivals:
        path = arrival.path.tolist()
        assert path[0] in payer.outputs
        assert path[-1] in receiver.outputs
        assert not set(path[1:-1]) & {*payer.outputs.tolist(), *receiver.outputs.tolist()}
        made = np.searchsorted(chain.tx_output, path, side="right") - 1
        assert np.array_equal(chain.spender[path[:-1]], made[1:])
        assert np.all(np.diff(made) > 0)
        assert np.all(arrival.carried > 0)
        assert np.all(arrival.carried <= chain.value[path])
        assert 0 < arrival.bottleneck <= arrival.carried[-1]


@pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO])
@settings(max_examples=150)
@given(questions())
def test_both_directions_tell_the_same(method: Method, question: Any) -> None:
    """A cap on the way there leads to the way back, which is not capped by it."""
    chain, payer, receiver, stops = question
    there = find_paths(chain, payer, receiver, stops, Limits(), method)
    capped = Limits(max_transactions=there.flow.crossed - 1) if there.flow.crossed else None
    assume(capped is not None)
    assert capped is not None
    back = find_paths(chain, payer, receiver, stops, capped, method)
    if back.flow.to_the_past and not back.flow.value_at(*CAPS):
        assert back.value == there.value
    else:
        assert back.value <= there.value
        assert back.flow.value_at(*CAPS) > 0


def fork() -> Chain:
    """Script 0 sends 60 to script 3 by way of 1, and 30 by way of 2; the rest is fees."""
    return chain_of(
        [
            [((), ((100, 0),))],
            [((), ((1, 7),)), ((0,), ((65, 1), (35, 2)))],
            [((), ((1, 7),)), ((2,), ((60, 3),)), ((3,), ((30, 3),))],
        ]
    )


def search(chain: Chain, *more: Any, limits: Limits | None = None, **options: Any) -> Paths:
    payer, receiver = owner(chain, 0), owner(chain, 3)
    return find_paths(
        chain, payer, receiver, *(more or (Stops(),)), limits or Limits(), Method.FIFO, **options
    )


def test_the_largest_arrival_comes_first() -> None:
    found = search(fork())
    assert [arrival.value for arrival in found.arrivals] == [60, 30]
    assert [arrival.path.tolist() for arrival in found.arrivals] == [[0, 2, 5], [0, 3, 6]]
    assert [arrival.carried.tolist() for arrival in found.arrivals] == [
        [100, 65, 60],
        [100, 35, 30],
    ]
    assert [arrival.bottleneck for arrival in found.arrivals] == [60, 30]
    listed = search(fork(), most=1)
    assert (len(listed.arrivals), listed.found, listed.value) == (1, 2, 90)


def test_a_service_in_between_ends_the_way() -> None:
    found = search(fork(), services_at(1))
    assert (found.value, found.flow.value_at(Stop.SERVICE)) == (30, 65)


def test_what_a_cap_holds_back_is_told() -> None:
    found = search(fork(), limits=Limits(max_hops=1))
    assert (found.value, found.flow.value_at(*CAPS)) == (0, 100)


def test_money_cannot_be_spent_before_it_arrives() -> None:
    """Script 1 paid script 2 before script 0 paid script 1."""
    chain = chain_of([[((), ((9, 1),)), ((), ((9, 0),)), ((0,), ((9, 2),)), ((1,), ((9, 1),))]])
    found = find_paths(chain, owner(chain, 0), owner(chain, 2), Stops(), Limits(), Method.FIFO)
    assert found.value == 0
    assert found.flow.value_at(Stop.UNSPENT) == 9


def test_outputs_by_themselves() -> None:
    chain = fork()
    found = find_paths(chain, one_output(3), one_output(6), Stops(), Limits(), Method.FIFO)
    assert [arrival.path.tolist() for arrival in found.arrivals] == [[3, 6]]
    found = find_paths(chain, one_output(3), one_output(5), Stops(), Limits(), Method.FIFO)
    assert found.arrivals == []


def test_what_has_no_answer_is_refused() -> None:
    chain = fork()
    with pytest.raises(UsageError, match="poison has no amounts"):
        find_paths(chain, owner(chain, 0), owner(chain, 3), Stops(), Limits(), Method.POISON)
    with pytest.raises(UsageError, match="share an output"):
        find_paths(chain, owner(chain, 0, 1), owner(chain, 1), Stops(), Limits(), Method.FIFO)
