from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import P2WPKH, Tx, build, transactions

from clewline.engine.chain import Chain
from clewline.engine.heuristics.change import (
    N_SIGN,
    SIGNS,
    Habits,
    Weights,
    explain,
    likely_change,
    log_odds,
    probabilities,
    signs,
)
from clewline.engine.heuristics.coinjoin import CoinJoin, classify
from clewline.errors import UsageError

P2TR, NULLDATA = 8, 5
STRAIGHT = np.array([0.0, 1.0])


def habits(chain: Chain, **columns: list[int]) -> Habits:
    """Columns of one wallet's habits, but for those that are given."""
    n_input = len(chain.prevout)
    filled = {
        "version": np.full(chain.n_tx, 2, np.int32),
        "locktime": np.zeros(chain.n_tx, np.uint32),
        "sequence": np.full(n_input, 0xFFFFFFFD, np.uint32),
        "base_size": np.full(chain.n_tx, 100, np.uint32),
        "total_size": np.full(chain.n_tx, 200, np.uint32),
    }
    for name, values in columns.items():
        filled[name] = np.array(values, filled[name].dtype)
    for array in filled.values():
        array.flags.writeable = False
    return Habits(**filled)


def say(made: list[Tx], tx: int, kinds: dict[str, int] | None = None, **columns: Any) -> Any:
    """Return what each sign says of the outputs of a transaction: name → list of -1, 0, 1."""
    chain = build(made, kinds)
    asked, said = signs(chain, habits(chain, **columns), classify(chain))
    rows = slice(int(chain.tx_output[tx]), int(chain.tx_output[tx + 1]))
    told = {sign.name: said[rows, i].tolist() for i, sign in enumerate(SIGNS)}
    return {"asked": asked[rows].tolist(), **{k: v for k, v in told.items() if any(v)}}


COINBASE = Tx([], [(5_000_000_001, "a")])


def test_a_plain_payment_says_nothing_but_what_holds() -> None:
    told = say([COINBASE, Tx([(0, 0)], [(3_000_000_007, "b"), (2_000_000_003, "c")])], 1)
    assert told == {"asked": [True, True]}


def test_a_shielded_transaction_says_little_of_change() -> None:
    """Neither its own, nor by its fee and outputs that of what it spends."""
    chain = replace(build(SPENT), block_tx=np.array([0, 4]))
    expected = signs(chain, habits(chain), classify(chain))[1]
    chain = replace(chain, shielded_tx=np.array([3], np.uint32))
    asked, said = signs(chain, habits(chain), classify(chain))
    names = [sign.name for sign in SIGNS]
    assert asked.tolist() == [False, True, True, False, False, False]
    for name in ("fee_habits", "next_spend"):
        assert said[2, names.index(name)] == 0
    assert expected[2, names.index("fee_habits")] == -1
    assert said[2, names.index("habits")] == 1


def test_own_script() -> None:
    told = say([COINBASE, Tx([(0, 0)], [(3_000_000_007, "b"), (1_999_999_003, "a")])], 1)
    assert told["own_script"] == [-1, 1]


def test_script_type() -> None:
    pays = [(1_000_000_007, "b"), (1_000_000_003, "c"), (1_000_000_009, "d")]
    made = [COINBASE, Tx([(0, 0)], pays)]
    assert say(made, 1, {"b": P2TR, "d": P2TR})["script_type"] == [-1, 1, -1]
    # Two outputs of the inputs' type: nothing speaks for one, the third is still none.
    assert say(made, 1, {"d": P2TR})["script_type"] == [0, 0, -1]
    assert "script_type" not in say(made, 1, {"b": P2TR, "c": P2TR, "d": P2TR})
    # Inputs of two types say nothing.
    two = [COINBASE, Tx([], [(7, "e")]), Tx([(0, 0), (1, 0)], pays[:2])]
    assert "script_type" not in say(two, 2, {"e": P2TR, "b": P2TR})


def test_fresh_script() -> None:
    first = Tx([], [(1_000_001, "b")])
    made = [COINBASE, first, Tx([(0, 0)], [(3_000_000_007, "b"), (1_000_003, "c")])]
    assert say(made, 2)["fresh_script"] == [-1, 1]
    # Before means before this transaction: a new script that it pays twice is new both times.
    twice = [COINBASE, Tx([(0, 0)], [(3_000_000_007, "b"), (1_000_003, "b")])]
    assert "fresh_script" not in say(twice, 1)


def test_round_amount() -> None:
    made = [COINBASE, Tx([(0, 0)], [(3_000_000_000, "b"), (1_999_999_003, "c")])]
    assert say(made, 1)["round_amount"] == [-1, 1]
    # One digit of difference is chance.
    made = [COINBASE, Tx([(0, 0)], [(3_000_000_010, "b"), (1_999_999_003, "c")])]
    assert "round_amount" not in say(made, 1)


def test_optimal_change() -> None:
    coins = [Tx([], [(1_000_001, "x")]), Tx([], [(2_000_003, "y")])]
    made = [*coins, Tx([(0, 0), (1, 0)], [(2_500_001, "b"), (499_003, "c")])]
    assert say(made, 2)["optimal_change"] == [-1, 1]
    made = [*coins, Tx([(0, 0), (1, 0)], [(1_500_001, "b"), (1_499_003, "c")])]
    assert "optimal_change" not in say(made, 2)
    alone = [coins[1], Tx([(0, 0)], [(1_500_001, "b"), (499_003, "c")])]
    assert "optimal_change" not in say(alone, 1)


SPENT = [
    COINBASE,
    Tx([(0, 0)], [(3_000_000_007, "b"), (1_999_999_003, "c")]),
    Tx([(1, 0)], [(2_999_999_003, "d")]),
    Tx([(1, 1)], [(1_000_000_007, "e"), (999_990_003, "f")]),
]


def test_habits() -> None:
    assert say(SPENT, 1)["habits"] == [1, 1]
    assert say(SPENT, 1, version=[1, 2, 1, 2])["habits"] == [-1, 1]
    assert say(SPENT, 1, locktime=[0, 700_000, 699_999, 0])["habits"] == [1, -1]
    assert say(SPENT, 1, locktime=[0, 700_000, 1_600_000_000, 5])["habits"] == [-1, 1]
    assert say(SPENT, 1, sequence=[0xFFFFFFFD, 0xFFFFFFFF, 0xFFFFFFFD])["habits"] == [-1, 1]


def test_fee_habits() -> None:
    # Fees: 991, 1,004 and 8,993 satoshi at the same size.
    assert say(SPENT, 1)["fee_habits"] == [1, -1]
    assert say(SPENT, 1, total_size=[200, 200, 200, 2_200])["fee_habits"] == [1, 0]


def test_next_spend() -> None:
    made = [
        COINBASE,
        Tx([(0, 0)], [(3_000_000_007, "b"), (1_999_999_003, "c")]),
        Tx([], [(77, "g")]),
        Tx([(1, 0), (2, 0)], [(2_999_999_003, "d")]),
        Tx([(1, 1)], [(1_000_000_007, "e"), (999_990_003, "f")]),
    ]
    assert say(made, 1)["next_spend"] == [-1, 1]
    assert "next_spend" not in say(made[:3], 1)


def test_who_is_not_asked() -> None:
    assert say([COINBASE], 0)["asked"] == [False]
    two = Tx([], [(5, "a"), (6, "b")])
    assert say([two], 0)["asked"] == [False, False]
    sweep = [COINBASE, Tx([(0, 0)], [(1, "b")])]
    assert say(sweep, 1) == {"asked": [False]}
    note = [COINBASE, Tx([(0, 0)], [(0, "note"), (1_000, "b"), (3_001, "a")])]
    told = say(note, 1, {"note": NULLDATA})
    assert told["asked"] == [False, True, True]
    assert told["own_script"] == [0, -1, 1]
    alone = [COINBASE, Tx([(0, 0)], [(0, "note"), (3_001, "a")])]
    assert say(alone, 1, {"note": NULLDATA}) == {"asked": [False, False]}


def test_mixes_are_not_asked() -> None:
    made = [COINBASE, Tx([(0, 0)], [(3_000_000_007, "b"), (1_999_999_003, "a")])]
    chain = build(made)
    verdict = np.array([0, CoinJoin.generic], np.uint8)
    asked, said = signs(chain, habits(chain), verdict)
    assert not asked.any()
    assert not said.any()
    # A preparation mixes nobody.
    asked, said = signs(chain, habits(chain), np.array([0, CoinJoin.whirlpool_tx0], np.uint8))
    assert asked.tolist() == [False, True, True]


@given(transactions(), st.data())
def test_a_range_says_what_the_whole_says(made: list[Tx], data: st.DataObject) -> None:
    chain = build(made)
    columns, verdicts = habits(chain), classify(chain)
    first = data.draw(st.integers(0, chain.n_tx))
    end = data.draw(st.integers(first, chain.n_tx))
    low, high = int(chain.tx_output[first]), int(chain.tx_output[end])
    known = int(chain.script[:low].max()) + 1 if low else 0
    asked, said = signs(chain, columns, verdicts, first, end, known)
    all_asked, all_said = signs(chain, columns, verdicts)
    assert asked.tolist() == all_asked[low:high].tolist()
    assert said.tolist() == all_said[low:high].tolist()


@given(transactions())
def test_signs_by_the_book(made: list[Tx]) -> None:
    """Three signs worked out again in plain Python."""
    chain = build(made)
    asked, said = signs(chain, habits(chain), classify(chain))
    seen: set[str] = set()
    output = 0
    for tx in made:
        rows = range(output, output + len(tx.pays))
        spent = [made[t].pays[i] for t, i in tx.spends]
        if asked[rows.start]:
            fresh = [name not in seen for _, name in tx.pays]
            own = [name in [n for _, n in spent] for _, name in tx.pays]
            small = [len(spent) > 1 and v < min(s for s, _ in spent) for v, _ in tx.pays]
            for column, chosen in ((0, own), (2, fresh), (4, small)):
                if any(chosen) and not all(chosen):
                    expected = [(1 if sum(chosen) == 1 else 0) if c else -1 for c in chosen]
                else:
                    expected = [0] * len(chosen)
                assert said[rows.start : rows.stop, column].tolist() == expected
        seen |= {name for _, name in tx.pays}
        output = rows.stop


def test_signs_refuse_what_does_not_fit() -> None:
    chain = build([COINBASE])
    with pytest.raises(UsageError, match="coinjoin"):
        signs(chain, habits(chain), np.zeros(2, np.uint8))
    for first, end in ((-1, 1), (0, 2), (1, 0)):
        with pytest.raises(UsageError, match="no range"):
            signs(chain, habits(chain), classify(chain), first, end)


weights = st.builds(
    lambda up, down, none: Weights(np.array(up), -np.array(down), none, STRAIGHT, STRAIGHT),
    st.lists(st.floats(0, 20), min_size=N_SIGN, max_size=N_SIGN),
    st.lists(st.floats(0, 20), min_size=N_SIGN, max_size=N_SIGN),
    st.floats(-20, 20),
)


@given(transactions(), weights)
def test_probabilities_of_a_transaction_add_up_to_one_at_most(made: list[Tx], w: Weights) -> None:
    chain = build(made)
    asked, said = signs(chain, habits(chain), classify(chain))
    p = probabilities(chain.tx_output, asked, said, w)
    assert (p[~asked] == 0).all()
    assert (p >= 0).all()
    assert (np.add.reduceat(p, chain.tx_output[:-1]) <= 1 + 1e-12).all()
    score = log_odds(said, w)
    for low, high in zip(chain.tx_output, chain.tx_output[1:], strict=False):
        # In one transaction, more log-odds never mean less probability.
        rows = np.flatnonzero(asked[low:high]) + low
        order = np.argsort(score[rows], kind="stable")
        assert (np.diff(p[rows][order]) >= -1e-12).all()


def test_probability_by_hand_and_its_calibration() -> None:
    said = np.zeros((2, N_SIGN), np.int8)
    said[0, 0], said[1, 0] = 1, -1
    up, down = np.full(N_SIGN, np.log(6.0)), np.full(N_SIGN, -np.log(2.0))
    asked, starts = np.ones(2, np.bool_), np.array([0, 2])
    p = probabilities(starts, asked, said, Weights(up, down, np.log(1.5), STRAIGHT, STRAIGHT))
    assert p == pytest.approx([6 / 8, 0.5 / 8])
    bent = Weights(up, down, np.log(1.5), np.array([0, 0.5, 1]), np.array([0.0, 0.9, 1.0]))
    assert probabilities(starts, asked, said, bent)[0] == pytest.approx(0.95)


def test_likely_change_takes_the_first_of_equals_and_refuses_no_probability() -> None:
    starts, p = np.array([0, 2, 2, 5]), np.array([0.5, 0.5, 0.2, 0.7, 0.1])
    assert likely_change(starts, p, 0.5).tolist() == [0, -1, 3]
    assert likely_change(starts, p, 0.6).tolist() == [-1, -1, 3]
    for threshold in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(UsageError, match="threshold"):
            likely_change(starts, p, threshold)


def test_explain_names_the_signs_that_speak() -> None:
    row = np.zeros(N_SIGN, np.int8)
    row[[1, 3]], row[5] = 1, -1
    speak_for, speak_against = explain(row)
    assert [sign.name for sign in speak_for] == ["script_type", "round_amount"]
    assert [sign.name for sign in speak_against] == ["habits"]


def test_every_sign_has_words_and_a_source() -> None:
    assert len({sign.name for sign in SIGNS}) == N_SIGN
    assert all(s.speaks_for and s.speaks_against and s.why and s.source for s in SIGNS)
    assert P2WPKH == 6
