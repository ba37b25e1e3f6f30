from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.counterparties import Dealings, dealings, in_common
from clewline.engine.taint import Limits, Method, Seeds, Stops, backward, forward

N_SCRIPT = 8


def dealt(chain: Chain, subjects: list[int], hops: int = 1) -> list[Dealings]:
    """What each script dealt with the others, each script a party of its own."""
    found = []
    for number, script in enumerate(subjects):
        seeds = Seeds.whole(chain, np.flatnonzero(chain.script == script))
        for walk in (forward, backward):
            flow = walk(chain, seeds, Stops(), Limits(max_hops=hops), Method.POISON)
            parties = chain.script[flow.reached].astype(np.int64)
            found.append(dealings(chain, flow, number, parties, np.array([script])))
    return found


def direct(chain: Chain, subject: int) -> set[tuple[int, bool]]:
    """Whom a script paid or was paid by, read off the transactions; money of no value is none."""
    found = set()
    for tx in range(chain.n_tx):
        spent = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]
        made = np.arange(chain.tx_output[tx], chain.tx_output[tx + 1])
        payers, payees = (
            set(chain.script[side][chain.value[side] > 0].tolist()) for side in (spent, made)
        )
        if subject in payers:
            found |= {(payee, False) for payee in payees - {subject}}
        if subject in payees:
            found |= {(payer, True) for payer in payers - {subject}}
    return found


@settings(max_examples=150)
@given(chains(n_script=N_SCRIPT), st.permutations(range(N_SCRIPT)))
def test_common_counterparties_are_those_that_two_subjects_dealt_with(
    chain: Chain, order: Any
) -> None:
    subjects = list(order[:3])
    each = [direct(chain, subject) for subject in subjects]
    rows = in_common(dealt(chain, subjects))
    expected = {
        (number, party, paid)
        for number, dealings_of in enumerate(each)
        for party, paid in dealings_of
        if sum(party in {p for p, _ in other} for other in each) > 1
    }
    told = list(zip(rows.subject.tolist(), rows.party.tolist(), rows.paid.tolist(), strict=True))
    assert len(told) == len(set(told))
    assert set(told) == expected
    shared = [len({s for s, p, _ in told if p == party}) for party in rows.party.tolist()]
    assert shared == sorted(shared, reverse=True)
    assert np.all(rows.value > 0)
    assert np.all(rows.hops == 1)
    assert np.all(rows.first_tx <= rows.last_tx)


def test_sums_times_and_the_script_that_stands_for_a_party() -> None:
    """Scripts 0 and 1 both pay script 2, script 0 twice; script 3 pays both of them."""
    chain = chain_of(
        [
            [((), ((100, 3),))],
            [((), ((1, 7),)), ((0,), ((40, 0), (30, 1), (20, 0)))],
            [((), ((1, 7),)), ((2,), ((15, 2), (25, 4))), ((3,), ((30, 2),)), ((4,), ((18, 2),))],
        ]
    )
    found = []
    for number, script in enumerate((0, 1)):
        seeds = Seeds.whole(chain, np.flatnonzero(chain.script == script))
        for walk in (forward, backward):
            flow = walk(chain, seeds, Stops(), Limits(max_hops=1), Method.FIFO)
            parties = chain.script[flow.reached].astype(np.int64)
            found.append(dealings(chain, flow, number, parties, np.array([script])))
    rows = in_common(found)
    assert rows.party.tolist() == [3, 3, 2, 2]
    assert rows.subject.tolist() == [0, 1, 0, 1]
    assert rows.paid.tolist() == [True, True, False, False]
    assert rows.value.tolist() == [60, 30, 33, 30]
    assert rows.outputs.tolist() == [1, 1, 2, 1]
    assert rows.first_tx.tolist() == [2, 2, 4, 5]
    assert rows.last_tx.tolist() == [2, 2, 6, 5]
    assert rows.script.tolist() == [3, 3, 2, 2]
    assert 4 not in rows.party  # paid by script 0 alone


def test_nobody_in_common() -> None:
    chain = chain_of([[((), ((9, 0),)), ((), ((9, 1),))]])
    rows = in_common(dealt(chain, [0, 1]))
    assert rows.party.tolist() == []
