from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.engine.chains import Tx, build

from clewline.engine.chain import Chain
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.engine.heuristics.deposit import Deposits, infer_deposits
from clewline.engine.taint import Stops
from clewline.errors import UsageError

NAMES = ["in", "d1", "d2", "hot", "x", "d3", "p1", "p2", "site", "cold"]
"""Script names in order of appearance: an exchange's deposit addresses and wallet, and others."""
HOT = NAMES.index("hot")


def case() -> list[Tx]:
    """Two sweeps of d1, d2 and d3 into the hot wallet, which pays out to x."""
    return [
        Tx([], [(90, "in")]),
        Tx([(0, 0)], [(30, "d1"), (30, "d2"), (30, "hot")]),
        Tx([(1, 0), (1, 1)], [(60, "hot")]),
        Tx([(1, 2)], [(20, "x"), (10, "hot")]),
        Tx([(3, 0)], [(10, "d3"), (10, "d1")]),
        Tx([(4, 0), (4, 1)], [(20, "hot")]),
    ]


def labelled(chain: Chain, **more: object) -> Stops:
    stops = Stops(
        service_scripts=np.array([HOT], np.uint32),
        service_entity=np.array([7], np.int32),
        coinjoin=np.zeros(chain.n_tx, np.uint8),
    )
    return replace(stops, **more)  # type: ignore[arg-type]


def judged(chain: Chain, stops: Stops) -> Deposits:
    return infer_deposits(chain, stops, np.arange(chain.n_script, dtype=np.uint32))


def names(found: Deposits) -> list[str]:
    return [NAMES[script] for script in found.script.tolist()]


def test_swept_addresses_are_the_services_and_say_by_which_sweeps() -> None:
    chain = build(case())
    found = judged(chain, labelled(chain))
    assert names(found) == ["d1", "d2", "d3"]
    assert found.entity.tolist() == [7, 7, 7]
    assert found.sweep_offset.tolist() == [0, 2, 3, 4]
    assert found.sweep.tolist() == [2, 5, 2, 5]
    few = infer_deposits(chain, labelled(chain), np.array([2, 1, 2], np.uint32))
    assert names(few) == ["d1", "d2"]


def test_one_spend_elsewhere_is_enough_against_it() -> None:
    chain = build([*case(), Tx([], [(50, "d2")]), Tx([(6, 0)], [(50, "x")])])
    assert names(judged(chain, labelled(chain))) == ["d1", "d3"]


def test_an_unspent_coin_says_nothing() -> None:
    chain = build([*case(), Tx([], [(50, "d2")]), Tx([], [(50, "p1")])])
    assert names(judged(chain, labelled(chain))) == ["d1", "d2", "d3"]


def test_a_customer_who_empties_a_wallet_is_no_deposit_address() -> None:
    """p1 and p2 are a customer's; they go to d1, whose label names the exchange."""
    chain = build(
        [
            *case(),
            Tx([], [(40, "p1"), (40, "p2")]),
            Tx([(6, 0), (6, 1)], [(80, "d1")]),
            Tx([], [(5, "d2")]),
            Tx([(7, 0), (8, 0)], [(85, "hot")]),
        ]
    )
    told = labelled(
        chain,
        service_scripts=np.array([1, HOT], np.uint32),
        service_entity=np.array([7, 7], np.int32),
    )
    # d1 carries the label, too: what is swept with it is the exchange's. p1 and p2 never are.
    assert names(judged(chain, told)) == ["d2", "d3"]


def test_a_sweep_alone_counts_beside_one_of_several() -> None:
    chain = build([*case(), Tx([], [(50, "d2")]), Tx([(6, 0)], [(50, "hot")])])
    found = judged(chain, labelled(chain))
    assert names(found) == ["d1", "d2", "d3"]
    assert found.sweep.tolist() == [2, 5, 2, 7, 5]


def test_a_sweep_with_a_coin_of_the_wallet_needs_no_other_sign() -> None:
    """No other address, no payout: the wallet's own coin is spent with it."""
    chain = build(
        [
            Tx([], [(90, "in")]),
            Tx([(0, 0)], [(30, "d1"), (30, "d2"), (30, "hot")]),
            Tx([(1, 0), (1, 2)], [(60, "hot")]),
        ]
    )
    assert names(judged(chain, labelled(chain))) == ["d1"]
    other = labelled(
        chain,
        service_scripts=np.array([2, HOT], np.uint32),
        service_entity=np.array([8, 7], np.int32),
    )
    assert names(judged(chain, other)) == ["d1"]  # a coin of another service is no sign
    elsewhere = labelled(chain, service_entity=np.array([8], np.int32))
    assert judged(chain, elsewhere).entity.tolist() == [8]


def test_a_sweep_needs_several_addresses_one_service_and_no_coinjoin() -> None:
    alone = build([*case()[:2], Tx([(1, 0)], [(30, "hot")]), Tx([(1, 2)], [(20, "x")])])
    assert names(judged(alone, labelled(alone))) == []
    split = build([*case()[:2], Tx([(1, 0), (1, 1)], [(50, "hot"), (9, "x")]), *case()[3:]])
    assert names(judged(split, labelled(split))) == ["d3"]  # d1 also paid x, by the split
    chain = build(case())
    mixed = np.zeros(chain.n_tx, np.uint8)
    mixed[2] = CoinJoin.generic
    assert names(judged(chain, labelled(chain, coinjoin=mixed))) == ["d3"]
    mixed[2] = CoinJoin.whirlpool_tx0  # one owner's
    assert names(judged(chain, labelled(chain, coinjoin=mixed))) == ["d1", "d2", "d3"]


def test_a_wallet_that_never_pays_out_may_be_anybodys_deposit_address() -> None:
    transactions = [tx for k, tx in enumerate(case()) if k < 3]
    chain = build(transactions)
    assert names(judged(chain, labelled(chain))) == []


def test_a_whole_cluster_may_be_the_service() -> None:
    chain = build(case())
    cluster = np.arange(chain.n_script, dtype=np.uint32)
    stops = Stops(
        service_clusters=np.array([HOT], np.uint32),
        cluster_entity=np.array([7], np.int32),
        cluster=cluster,
    )
    assert names(judged(chain, stops)) == ["d1", "d2", "d3"]
    assert names(judged(chain, replace(stops, own_clusters=np.array([HOT], np.uint32)))) == [
        "d1",
        "d2",
        "d3",
    ]


def test_scripts_that_are_none_are_refused() -> None:
    chain = build(case())
    with pytest.raises(UsageError, match="allowed is 0 to 5"):
        infer_deposits(chain, labelled(chain), np.array([6], np.uint32))
    assert names(infer_deposits(chain, labelled(chain), np.empty(0, np.uint32))) == []
