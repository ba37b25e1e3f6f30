from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import Tx, build, transactions

from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.engine.heuristics.multi_input import links
from clewline.errors import UsageError

ONE_OF_EACH = [
    Tx([], [(50, "a"), (50, "a"), (50, "b"), (50, "c")]),
    Tx([(0, 0), (0, 1)], [(100, "d")]),  # one script twice
    Tx([(1, 0), (0, 2)], [(150, "e")]),  # two scripts
    Tx([(2, 0)], [(150, "f")]),  # one input
    Tx([], [(50, "g")]),  # coinbase
]


def test_links_only_several_scripts_of_one_owner() -> None:
    chain = build(ONE_OF_EACH)
    none = np.zeros(5, np.uint8)
    assert links(chain, none).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("family", list(CoinJoin))
def test_links_not_where_owners_mix(family: CoinJoin) -> None:
    chain = build(ONE_OF_EACH)
    verdicts = np.array([0, 0, family, 0, 0], np.uint8)
    assert links(chain, verdicts)[2] == (not family.parts_inputs)
    assert family.parts_inputs == (family.mixes_owners and family is not CoinJoin.shielded)


@given(transactions(), st.data())
def test_links_of_a_later_start_are_the_tail(made: list[Tx], data: st.DataObject) -> None:
    chain = build(made)
    verdicts = np.zeros(len(made), np.uint8)
    first = data.draw(st.integers(0, len(made)))
    assert links(chain, verdicts, first).tolist() == links(chain, verdicts)[first:].tolist()


@pytest.mark.parametrize(
    "verdicts",
    [np.zeros(4, np.uint8), np.zeros(5, np.int64), np.full(5, max(CoinJoin) + 1, np.uint8)],
    ids=["length", "type", "family"],
)
def test_links_refuses_verdicts_that_do_not_fit(verdicts: np.ndarray) -> None:
    with pytest.raises(UsageError, match="coinjoin"):
        links(build(ONE_OF_EACH), verdicts)


def test_links_refuses_a_start_beyond_the_chain() -> None:
    with pytest.raises(UsageError, match="first_tx"):
        links(build(ONE_OF_EACH), np.zeros(5, np.uint8), 6)
