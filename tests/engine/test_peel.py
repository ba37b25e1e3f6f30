from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from tests.engine.chains import Tx, build
from tests.engine.random_chains import chains

from clewline.engine.chain import Chain
from clewline.engine.heuristics import peel
from clewline.engine.heuristics.peel import PeelSign, PeelStop, follow_peels
from clewline.engine.taint import Stops
from clewline.errors import UsageError

COIN = 1_000_000
NONE = Stops()


def run_of(steps: int, *last: Tx) -> list[Tx]:
    """A coin of which 10,000 are paid away in each step."""
    made = [Tx([], [(COIN, "0")])]
    for step in range(1, steps + 1):
        before = len(made[-1].pays) - 1
        kept = COIN - 10_000 * step
        made.append(Tx([(step - 1, before)], [(10_000, f"p{step}"), (kept, f"{step}")]))
    return [*made, *last]


def test_a_run_is_followed_to_its_end() -> None:
    chain = build(run_of(4))
    found = follow_peels(chain, NONE, 0)
    assert found.stop is PeelStop.UNSPENT
    assert [step.tx for step in found.peels] == [1, 2, 3, 4]
    assert [int(chain.value[step.peeled]) for step in found.peels] == [10_000] * 4
    assert [step.coin for step in found.peels[1:]] == [step.kept for step in found.peels[:-1]]
    assert found.last == found.peels[-1].kept
    assert follow_peels(chain, NONE, 0, 2).stop is PeelStop.MAX_STEPS
    assert len(follow_peels(chain, NONE, 0, 2).peels) == 2
    assert follow_peels(chain, NONE, 0, 4).stop is PeelStop.UNSPENT


LEFT = COIN - 10_000
ENDS = {
    PeelStop.ONE_OUTPUT: (LEFT, "z"),
    PeelStop.SEVERAL_OUTPUTS: (LEFT - 4_000, "z", 2_000, "y", 2_000, "x"),
    PeelStop.EVEN_SPLIT: (LEFT * 3 // 5, "z", LEFT * 2 // 5, "y"),
    PeelStop.SIGNS_AGAINST: (LEFT - 50_000, "z", 50_000, "1"),
}


@pytest.mark.parametrize("stop", ENDS)
def test_what_is_no_peel_ends_the_run(stop: PeelStop) -> None:
    flat = ENDS[stop]
    pays = list(zip(flat[::2], flat[1::2], strict=True))
    chain = build(run_of(1, Tx([(1, 1)], pays)))  # type: ignore[arg-type]
    found = follow_peels(chain, NONE, 0)
    assert (len(found.peels), found.stop) == (1, stop)


def test_dust_is_no_payment() -> None:
    dust = peel.DUST - 1
    chain = build(run_of(1, Tx([(1, 1)], [(dust, "d"), (LEFT - 9_000, "z"), (8_000, "y")])))
    found = follow_peels(chain, NONE, 0)
    assert [int(chain.value[step.peeled]) for step in found.peels] == [10_000, 8_000]
    only = build(run_of(1, Tx([(1, 1)], [(dust, "d"), (LEFT - dust, "z")])))
    assert follow_peels(only, NONE, 0).stop is PeelStop.ONE_OUTPUT


def test_other_money_ends_the_run() -> None:
    joined = [Tx([], [(LEFT, "other")]), Tx([(1, 1), (2, 0)], [(9_000, "y"), (COIN, "z")])]
    found = follow_peels(build(run_of(1, *joined)), NONE, 0)
    assert (len(found.peels), found.stop) == (1, PeelStop.JOINED)
    # A small coin that pays the fee does not.
    small = [Tx([], [(5_000, "other")]), Tx([(1, 1), (2, 0)], [(9_000, "y"), (LEFT - 9_000, "z")])]
    assert len(follow_peels(build(run_of(1, *small)), NONE, 0).peels) == 2


def test_services_and_coinjoins_end_the_run() -> None:
    chain = build(run_of(3))
    kept = follow_peels(chain, NONE, 0).peels[1].kept
    service = Stops(
        service_scripts=chain.script[kept : kept + 1], service_entity=np.zeros(1, np.int32)
    )
    assert follow_peels(chain, service, kept).stop is PeelStop.SERVICE
    # Who pays the large part to a service keeps the small one.
    found = follow_peels(chain, service, 0)
    assert (len(found.peels), found.stop) == (1, PeelStop.SIGNS_AGAINST)
    mixed = replace(NONE, coinjoin=np.array([0, 0, 6, 0], np.uint8))
    found = follow_peels(chain, mixed, 0)
    assert (len(found.peels), found.stop) == (1, PeelStop.COINJOIN)


def step(chain: Chain, stops: Stops = NONE) -> tuple[set[PeelSign], set[PeelSign]]:
    (only,) = follow_peels(chain, stops, 0, 1).peels
    return set(only.signs_for), set(only.signs_against)


def test_signs_for_and_against() -> None:
    """Each sign by itself, on a step of two outputs."""
    assert step(build(run_of(1))) == (set(), set())
    own = build([Tx([], [(COIN, "0")]), Tx([(0, 0)], [(9_000, "p"), (COIN - 9_000, "0")])])
    assert step(own) == ({PeelSign.SAME_SCRIPT}, set())
    used = build([Tx([], [(COIN, "0"), (1, "p")]), Tx([(0, 0)], [(9_000, "p"), (900_000, "z")])])
    assert step(used) == ({PeelSign.FRESH}, set())
    kinds = build(run_of(1), {"p1": 1})
    assert step(kinds) == ({PeelSign.SAME_KIND}, set())
    both = build([Tx([], [(COIN, "0"), (1, "z")]), Tx([(0, 0)], [(9_000, "p"), (900_000, "z")])],
                 {"p": 1})  # fmt: skip
    assert step(both) == ({PeelSign.SAME_KIND}, {PeelSign.FRESH})
    paid = build(run_of(1))
    service = Stops(service_scripts=paid.script[1:2], service_entity=np.zeros(1, np.int32))
    assert step(paid, service) == ({PeelSign.OTHER_AT_SERVICE}, set())


def test_a_sign_tells_an_even_split_apart() -> None:
    pays = [(LEFT * 3 // 5, "z"), (LEFT * 2 // 5, "p")]
    chain = build(run_of(1, Tx([(1, 1)], pays)), {"p": 1})
    assert len(follow_peels(chain, NONE, 0).peels) == 2


@settings(max_examples=100)
@given(chains())
def test_values_fall_and_time_goes_on(chain: Chain) -> None:
    for output in range(chain.n_output):
        found = follow_peels(chain, NONE, output)
        held = [output, *(step.kept for step in found.peels)]
        assert np.all(np.diff(chain.value[held]) < 0)
        assert np.all(np.diff([step.tx for step in found.peels]) > 0)
        for one in found.peels:
            assert chain.spender[one.coin] == one.tx
            assert chain.value[one.kept] >= chain.value[one.peeled]


def test_an_output_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="allowed is 0 to 2"):
        follow_peels(build(run_of(1)), NONE, 3)


def test_in_a_part_of_a_chain_what_is_not_loaded_is_not_unspent() -> None:
    chain = build(run_of(2), {"p1": 1})
    settled = np.zeros(chain.n_output, np.uint8)
    part = replace(chain, settled=settled)
    assert follow_peels(part, NONE, 0).stop is PeelStop.NOT_LOADED
    settled[:] = 1
    assert follow_peels(part, NONE, 0).stop is PeelStop.UNSPENT
    used = build([Tx([], [(COIN, "0"), (1, "p")]), Tx([(0, 0)], [(9_000, "p"), (900_000, "z")])])
    assert step(used) == ({PeelSign.FRESH}, set())
    assert step(replace(used, settled=np.ones(4, np.uint8))) == (set(), set())
