"""Exposure: shares against exact fractions and against traces, and the laws that hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import receipts
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.exposure import (
    FROM_RESTS,
    HIDES,
    MIXES,
    NOBODY,
    TO_RESTS,
    Marks,
    Rest,
    carry_from,
    fill_from,
    fill_to,
    first_affected,
    mark_scripts,
    one_hop,
)
from clewline.engine.taint import Limits, Method, Seeds, Stop, Stops, backward, forward
from clewline.errors import UsageError

CATEGORIES = (1, 2)
N_SCRIPT = 8
CLOSE = 1e-12

UInt8 = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class World:
    """A chain and where money stops in it."""

    chain: Chain
    marks: Marks


@st.composite
def worlds(draw: st.DrawFn) -> World:
    chain = draw(chains(n_script=N_SCRIPT))
    category = draw(st.lists(st.sampled_from([0, 0, 0, *CATEGORIES]), min_size=8, max_size=8))
    kinds = st.sampled_from([0, 0, 0, 0, MIXES, HIDES])
    mixes = np.array(draw(st.lists(kinds, min_size=chain.n_tx, max_size=chain.n_tx)), np.uint8)
    first = chain.block_tx[:-1]
    mixes[first[mixes[first] == HIDES]] = 0  # a coinbase is mined
    return World(chain, Marks(np.array(category, np.uint8), mixes))


def parts(direction: str) -> tuple[int, ...]:
    return (*CATEGORIES, *(FROM_RESTS if direction == "from" else TO_RESTS), Rest.SHIELDED)


def shares_of(world: World, direction: str, part: int) -> Any:
    shares = np.zeros(world.chain.n_tx)
    fill = fill_from if direction == "from" else fill_to
    fill(world.chain, world.marks, part, shares, 0, world.chain.n_tx)
    return shares


def head(chain: Chain, n_tx: int) -> Chain:
    """The first transactions of a chain; spenders beyond the tip stay, as in a store."""
    n_output = int(chain.tx_output[n_tx])
    script = chain.script[:n_output]
    return replace(
        chain,
        block_tx=np.array([0, n_tx]),
        block_time=chain.block_time[:1],
        tx_input=chain.tx_input[: n_tx + 1],
        tx_output=chain.tx_output[: n_tx + 1],
        prevout=chain.prevout[: chain.tx_input[n_tx]],
        value=chain.value[:n_output],
        script=script,
        spender=chain.spender[:n_output],
        **receipts(script, chain.n_script),
    )


def exact(world: World, direction: str, part: int) -> list[Fraction]:
    """The definition in fractions, one transaction after the other."""
    chain, marks = world.chain, world.marks
    creator = np.repeat(np.arange(chain.n_tx), np.diff(chain.tx_output))
    shares = [Fraction(0)] * chain.n_tx
    order = range(chain.n_tx) if direction == "from" else range(chain.n_tx)[::-1]
    for tx in order:
        inputs = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]].tolist()
        outputs = list(range(chain.tx_output[tx], chain.tx_output[tx + 1]))
        total = sum(int(chain.value[o]) for o in inputs)
        if marks.mixes[tx] and (inputs or direction == "from"):
            hidden = Rest.SHIELDED if marks.mixes[tx] == HIDES else Rest.COINJOIN
            shares[tx] = Fraction(part == hidden)
            continue
        if not inputs:
            shares[tx] = Fraction(part == Rest.MINED)
            continue
        if not total:
            continue
        met = Fraction(0)
        for output in inputs if direction == "from" else outputs:
            held = marks.category[chain.script[output]]
            spender = int(chain.spender[output])
            if held != NOBODY:
                share = Fraction(int(held == part))
            elif direction == "from":
                share = shares[creator[output]]
            elif spender < chain.n_tx:
                share = shares[spender]
            else:
                share = Fraction(part == Rest.UNSPENT)
            met += share * int(chain.value[output])
        if part == Rest.FEES:
            met += total - sum(int(chain.value[o]) for o in outputs)
        shares[tx] = met / total
    return shares


@pytest.mark.parametrize("direction", ["from", "to"])
@given(worlds())
def test_shares_are_those_of_the_definition_in_fractions(direction: str, world: World) -> None:
    for part in parts(direction):
        expected = exact(world, direction, part)
        found = shares_of(world, direction, part)
        assert all(abs(Fraction(x) - y) < CLOSE for x, y in zip(found, expected, strict=True))


@given(worlds())
def test_shares_add_up_to_one_wherever_money_flows(world: World) -> None:
    chain = world.chain
    held = np.append(np.cumsum(np.append(0, chain.value[chain.prevout])), 0)
    flows = held[chain.tx_input[1:]] > held[chain.tx_input[:-1]]
    coinbase = np.diff(chain.tx_input) == 0
    mixes = world.marks.mixes != 0
    for direction, somewhere in (
        ("from", flows | coinbase | mixes),
        ("to", ~coinbase & (flows | mixes)),
    ):
        total = sum(shares_of(world, direction, part) for part in parts(direction))
        assert np.abs(total - somewhere).max() < CLOSE


@pytest.mark.parametrize("direction", ["from", "to"])
@given(worlds())
def test_shares_are_what_an_exact_trace_finds(direction: str, world: World) -> None:
    """In units so small that what the trace rounds away is out of sight."""
    units = 1 << 40
    chain, marks = world.chain, world.marks
    hidden = np.flatnonzero(marks.mixes == HIDES).astype(np.uint32)
    fine = replace(chain, value=chain.value * units, shielded_tx=hidden)
    scripts = np.flatnonzero(marks.category).astype(np.uint32)
    stops = Stops(
        service_scripts=scripts,
        service_entity=marks.category[scripts].astype(np.int32),
        coinjoin=(marks.mixes == MIXES).astype(np.uint8),
    )
    columns = {part: shares_of(world, direction, part) for part in parts(direction)}
    creator = np.repeat(np.arange(chain.n_tx), np.diff(chain.tx_output))
    walk = backward if direction == "from" else forward
    for output in np.flatnonzero(chain.value > 0).tolist():
        if marks.category[chain.script[output]] != NOBODY:
            continue  # a trace of a service's own output stops at once
        seeds = Seeds.whole(fine, np.array([output]))
        flow = walk(fine, seeds, stops, Limits(), Method.HAIRCUT)
        traced = {c: int(flow.value[flow.entity == c].sum()) for c in CATEGORIES}
        traced |= {
            Rest.MINED: flow.value_at(Stop.MINED),
            Rest.COINJOIN: flow.value_at(Stop.COINJOIN),
            Rest.SHIELDED: flow.value_at(Stop.SHIELDED),
            Rest.UNSPENT: flow.value_at(Stop.UNSPENT),
            Rest.FEES: flow.fees,
        }
        at = int(creator[output] if direction == "from" else chain.spender[output])
        for part, shares in columns.items():
            share = shares[at] if at < chain.n_tx else float(part == Rest.UNSPENT)
            assert abs(share - traced[part] / flow.total) < 1e-9


@pytest.mark.parametrize("direction", ["from", "to"])
@given(worlds(), st.integers(0, N_SCRIPT - 1))
def test_another_service_takes_nothing_but_from_others(
    direction: str, world: World, script: int
) -> None:
    """Where one more address belongs to a service, less reaches every other part."""
    if world.marks.category[script] != NOBODY:
        return
    category = world.marks.category.copy()
    category[script] = 1
    marked = World(world.chain, Marks(category, world.marks.mixes))
    for part in parts(direction):
        more = shares_of(marked, direction, part) - shares_of(world, direction, part)
        assert (more >= -CLOSE).all() if part == 1 else (more <= CLOSE).all()


@pytest.mark.parametrize("direction", ["from", "to"])
@given(worlds(), st.data())
def test_ranges_give_the_same_bits(direction: str, world: World, data: st.DataObject) -> None:
    n_tx = world.chain.n_tx
    cut = data.draw(st.integers(0, n_tx))
    ranges = [(0, cut), (cut, n_tx)]
    fill = fill_from if direction == "from" else fill_to
    for part in parts(direction):
        shares = np.zeros(n_tx)
        for first, last in ranges if direction == "from" else ranges[::-1]:
            fill(world.chain, world.marks, part, shares, first, last)
        assert shares.tobytes() == shares_of(world, direction, part).tobytes()


@given(worlds(), st.data())
def test_a_longer_chain_goes_on_with_the_same_bits(world: World, data: st.DataObject) -> None:
    chain, marks = world.chain, world.marks
    cut = data.draw(st.integers(1, chain.n_tx))
    shorter = World(head(chain, cut), Marks(marks.category, marks.mixes[:cut]))
    for part in parts("from"):
        shares = np.zeros(chain.n_tx)
        shares[:cut] = shares_of(shorter, "from", part)
        carry_from(chain, marks, part, shares, cut)
        fill_from(chain, marks, part, shares, cut, chain.n_tx)
        assert shares.tobytes() == shares_of(world, "from", part).tobytes()


def test_what_is_carried_is_added_in_the_order_of_a_whole_pass() -> None:
    """Forty inexact shares, spent in another order than they were made: sums depend on it."""
    transactions: list[Any] = []
    for k in range(40):
        transactions += [([], [(10**7 + 7919 * k, 0)]), ([], [(3 * 10**8 + k**5, 1)])]
    for k in range(40):
        total = 10**7 + 7919 * k + 3 * 10**8 + k**5
        transactions.append(([2 * k, 2 * k + 1], [(total // 3, 2)]))
    transactions.append(([80 + 7 * k % 40 for k in range(40)], [(10**9, 3)]))
    chain = chain_of([transactions], n_script=4)
    marks = Marks(np.array([1, 0, 0, 0], np.uint8), np.zeros(chain.n_tx, np.uint8))
    whole = shares_of(World(chain, marks), "from", 1)
    assert len({*whole[80:120]}) == 40
    shares = np.zeros(chain.n_tx)
    shares[:-1] = whole[:-1]
    carry_from(chain, marks, 1, shares, chain.n_tx - 1)
    fill_from(chain, marks, 1, shares, chain.n_tx - 1, chain.n_tx)
    assert shares.tobytes() == whole.tobytes()


@given(worlds(), st.integers(0, N_SCRIPT - 1), st.sampled_from([0, *CATEGORIES]), st.data())
def test_other_marks_change_nothing_before_the_first_affected(
    world: World, script: int, mark: int, data: st.DataObject
) -> None:
    chain, before = world.chain, world.marks.category
    after = before.copy()
    after[script] = mark
    tx = data.draw(st.integers(0, chain.n_tx))
    first = first_affected(chain, before, after, tx)
    assert 0 <= first <= tx
    assert first == tx or (chain.script[chain.prevout] == script).any()
    marked = World(chain, Marks(after, world.marks.mixes))
    for part in parts("from"):
        one, other = shares_of(world, "from", part), shares_of(marked, "from", part)
        assert one[:first].tobytes() == other[:first].tobytes()


@given(worlds())
def test_one_hop_is_what_services_hold_on_the_other_side(world: World) -> None:
    chain, category = world.chain, world.marks.category
    txs = np.arange(chain.n_tx)
    for to_the_past in (True, False):
        for tx in txs.tolist():
            inputs = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]
            outputs = np.arange(chain.tx_output[tx], chain.tx_output[tx + 1])
            side = inputs if to_the_past else outputs
            total = int(chain.value[inputs].sum())
            found = one_hop(chain, category, np.array([tx]), np.array([7]), to_the_past=to_the_past)
            for part in (NOBODY, *CATEGORIES):
                held = int(chain.value[side[category[chain.script[side]] == part]].sum())
                expected = 7 * held / total if total else 0.0
                assert found[part] == pytest.approx(expected)


def peel_chain(length: int) -> World:
    """A mined coin and a service's, paid on together and then peeled again and again."""
    left = 4 * 10**12
    transactions: list[Any] = [([], [(3 * 10**12, 0)]), ([], [(10**12, 1)])]
    transactions.append(([0, 1], [(left, 2)]))
    for step in range(length):
        left -= 10_000_007
        transactions.append(([2 * step + 2 - (step > 0)], [(left, 2), (10_000_000, 3)]))
    chain = chain_of([transactions], n_script=4)
    return World(chain, Marks(np.array([0, 1, 0, 0], np.uint8), np.zeros(chain.n_tx, np.uint8)))


def test_a_pool_is_no_mine_and_what_goes_into_it_is_not_unspent() -> None:
    made = [([], [(10, 0)]), ([], [(20, 1)]), ([0, 1], [(18, 2), (10, 3)])]
    chain = replace(chain_of([made], n_script=4), pool=2)
    mixes = np.array([0, 1, 0], np.uint8)
    world = World(chain, Marks(np.zeros(4, np.uint8), mixes))
    came = {rest: shares_of(world, "from", rest).tolist() for rest in FROM_RESTS}
    assert came[Rest.MINED] == [1, 0, pytest.approx(1 / 3)]
    assert came[Rest.COINJOIN] == [0, 1, pytest.approx(2 / 3)]
    went = {rest: shares_of(world, "to", rest)[2] for rest in TO_RESTS}
    assert went == {
        Rest.UNSPENT: pytest.approx(10 / 30),
        Rest.COINJOIN: pytest.approx(18 / 30),
        Rest.FEES: pytest.approx(2 / 30),
    }


def test_a_long_path_keeps_its_share() -> None:
    shares = shares_of(peel_chain(3000), "from", 1)
    assert np.abs(shares[2:] - 0.25).max() < 1e-12


def test_a_label_of_its_own_goes_before_an_inherited_one() -> None:
    cluster = np.array([0, 0, 2, 2], np.uint32)
    one, two = np.array([1], np.uint8), np.array([2], np.uint8)
    category = mark_scripts(cluster, np.array([3], np.uint32), two, np.array([2], np.uint32), one)
    assert category.tolist() == [NOBODY, NOBODY, 1, 2]


@pytest.mark.parametrize(
    ("category", "mixes", "said"),
    [
        (np.zeros(7, np.uint8), np.zeros(2, np.uint8), "category: needs one uint8 for each of 8"),
        (np.zeros(8, np.uint8), np.zeros(3, np.uint8), "mixes: needs one uint8 for each of 2"),
        (np.zeros(8, np.int64), np.zeros(2, np.uint8), "category"),
    ],
)
def test_marks_of_another_chain_are_refused(category: Any, mixes: Any, said: str) -> None:
    chain = chain_of([[([], [(5, 0)]), ([0], [(4, 1)])]], n_script=8)
    for fill in (fill_from, fill_to):
        with pytest.raises(UsageError, match=said):
            fill(chain, Marks(category, mixes), 1, np.zeros(2), 0, 2)
    with pytest.raises(UsageError, match=said):
        carry_from(chain, Marks(category, mixes), 1, np.zeros(2), 1)
