from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import Tx, build, transactions
from tests.engine.test_change import COINBASE, STRAIGHT, habits

from clewline.engine import change_clustering
from clewline.engine.chain import Chain
from clewline.engine.change_clustering import (
    ChangeClusters,
    cluster_with_change,
    explain_with_change,
)
from clewline.engine.clustering import cluster
from clewline.engine.heuristics.change import N_SIGN, Weights
from clewline.engine.heuristics.coinjoin import classify
from clewline.errors import UsageError

EAGER = Weights(np.full(N_SIGN, 9.0), np.full(N_SIGN, -9.0), -9.0, STRAIGHT, STRAIGHT)


def joined(chain: Chain, largest_join: int = 1_000, least: float = 0.6) -> ChangeClusters:
    verdicts = classify(chain)
    default = cluster(chain, verdicts)
    return cluster_with_change(
        chain, habits(chain), verdicts, default, EAGER, least, largest_join=largest_join
    )


PEEL = [
    COINBASE,
    Tx([(0, 0)], [(1_000_000_000, "shop"), (4_000_000_001, "b")]),
    Tx([(1, 1)], [(2_000_000_000, "shop"), (1_999_000_003, "c")]),
]


def test_a_peel_chain_is_one_cluster_with_change_and_none_without() -> None:
    chain = build(PEEL)
    verdicts = classify(chain)
    assert cluster(chain, verdicts).tolist() == [0, 1, 2, 3]
    found = joined(chain)
    a, shop, b, c = range(4)
    assert found.cluster.tolist() == [a, shop, a, a]
    assert found.change.tolist() == [0, 2, 2]
    links = explain_with_change(chain, verdicts, cluster(chain, verdicts), found, a, c)
    assert [(one.from_script, one.to_script, one.tx, one.rule) for one in links] == [
        (a, b, 1, "change"),
        (b, c, 2, "change"),
    ]
    assert explain_with_change(chain, verdicts, cluster(chain, verdicts), found, a, shop) == []


def test_the_guard_refuses_to_join_two_large_clusters() -> None:
    groups = [Tx([], [(1_000_001, f"{side}{i}")]) for side in "ab" for i in range(3)]
    merge_a = Tx([(0, 0), (1, 0), (2, 0)], [(3_000_001, "a3")])
    merge_b = Tx([(3, 0), (4, 0), (5, 0)], [(3_000_001, "b3")])
    pay_a0 = Tx([], [(1_000_001, "a0"), (7, "stranger")])
    # a0 pays a round amount to a stranger; what is left goes to b0, another large cluster.
    wrong = Tx([(8, 0)], [(500_000, "stranger"), (499_003, "b0")])
    chain = build([*groups, merge_a, merge_b, pay_a0, wrong])
    loose, tight = joined(chain), joined(chain, largest_join=2)
    a, b = 0, 3
    assert loose.cluster[b] == a
    assert loose.refused.tolist() == []
    assert tight.cluster[b] == b
    assert tight.refused.tolist() == [9]
    assert tight.change[9] == 0


@given(transactions(most=40, scripts=20), st.integers(1, 4))
def test_laws(made: list[Tx], largest_join: int) -> None:
    chain = build(made)
    verdicts = classify(chain)
    default = cluster(chain, verdicts)
    found = joined(chain, largest_join)
    assert (found.cluster[found.cluster] == found.cluster).all()
    assert (found.cluster <= np.arange(chain.n_script)).all()
    # Default clusters lie whole in these.
    assert (found.cluster[default] == found.cluster).all()
    linked = np.flatnonzero(found.change)
    assert not set(linked.tolist()) & set(found.refused.tolist())
    for tx in linked.tolist():
        paid = chain.script[chain.tx_output[tx] + found.change[tx] - 1]
        spent = chain.script[chain.prevout[chain.tx_input[tx]]]
        assert found.cluster[paid] == found.cluster[spent]
    # Nothing but default clusters and links joins: union them again, plainly.
    again = default.astype(np.int64)
    for tx in linked.tolist():
        paid = int(chain.script[chain.tx_output[tx] + found.change[tx] - 1])
        spent = int(chain.script[chain.prevout[chain.tx_input[tx]]])
        low, high = sorted((int(again[paid]), int(again[spent])))
        again[again == high] = low
    assert again.tolist() == found.cluster.tolist()


@given(transactions(most=40, scripts=20), st.data())
def test_explanations_hold(made: list[Tx], data: st.DataObject) -> None:
    chain = build(made)
    verdicts = classify(chain)
    default = cluster(chain, verdicts)
    found = joined(chain)
    a = data.draw(st.integers(0, chain.n_script - 1))
    b = data.draw(st.integers(0, chain.n_script - 1))
    links = explain_with_change(chain, verdicts, default, found, a, b)
    if a == b or found.cluster[a] != found.cluster[b]:
        assert links == []
        return
    at = a
    for link in links:
        assert link.from_script == at
        tx = link.tx
        spent = set(chain.script[chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]])
        ends = {link.from_script, link.to_script}
        if link.rule == "change":
            assert found.change[tx]
            paid = int(chain.script[chain.tx_output[tx] + found.change[tx] - 1])
            assert paid in ends
            assert ends <= spent | {paid}
        else:
            assert ends <= spent
        at = link.to_script
    assert at == b


def test_ranges_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = build(PEEL)
    whole = joined(chain)
    monkeypatch.setattr(change_clustering, "_AT_ONCE", 1)
    parts = joined(chain)
    assert parts.cluster.tolist() == whole.cluster.tolist()
    assert parts.change.tolist() == whole.change.tolist()


def test_bad_limits_are_refused() -> None:
    chain = build(PEEL)
    verdicts = classify(chain)
    default = cluster(chain, verdicts)
    with pytest.raises(UsageError, match="largest_join"):
        joined(chain, largest_join=0)
    with pytest.raises(UsageError, match="threshold"):
        joined(chain, least=0.0)
    with pytest.raises(UsageError, match="the clustering has 3"):
        cluster_with_change(chain, habits(chain), verdicts, default[:3], EAGER)
    with pytest.raises(UsageError, match="allowed is 0 to 3"):
        explain_with_change(chain, verdicts, default, joined(chain), 0, 4)
