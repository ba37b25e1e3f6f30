"""CoinJoin rules against rounds made by the protocols and against what looks alike.

Figures come from the set that no rule was tuned on.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from clewline.codec.script import ScriptKind
from clewline.engine.heuristics.coinjoin import classify_transaction
from clewline.evaluation.emulated import (
    DUST_THRESHOLD,
    KEPT_ASIDE,
    LOOK_ALIKES,
    MIXES,
    TUNING,
    Emulated,
    look_alikes,
    rounds,
)


def family(made: Emulated) -> str:
    return classify_transaction(
        *(list(part) for side in (made.inputs, made.outputs) for part in zip(*side, strict=True))
    ).name


@pytest.mark.parametrize("name", MIXES)
def test_rounds_keep_the_rules_of_money(name: str) -> None:
    for made in rounds(name, TUNING, 50):
        paid_in, paid_out = (sum(c[0] for c in side) for side in (made.inputs, made.outputs))
        assert 0 < paid_in - paid_out < 0.1 * paid_in
        assert all(value > 0 for value, *_ in (*made.inputs, *made.outputs))
        scripts = [script for _, script, _ in (*made.inputs, *made.outputs)]
        assert len(set(scripts)) == len(scripts)


@pytest.mark.parametrize("what", LOOK_ALIKES)
def test_look_alikes_keep_the_rules_of_money(what: str) -> None:
    for made in look_alikes(what, TUNING, 50):
        assert made.what == what
        assert sum(c[0] for c in made.inputs) >= sum(c[0] for c in made.outputs)
        assert all(c[0] > 0 or c[2] == ScriptKind.NULLDATA for c in made.outputs)


def test_same_seed_same_rounds_and_sets_are_apart() -> None:
    one, same, other = (list(rounds("joinmarket", s, 20)) for s in (TUNING, TUNING, KEPT_ASIDE))
    assert one == same
    assert not {made.inputs for made in one} & {made.inputs for made in other}


def test_joinmarket_rounds_are_as_the_protocol_makes_them() -> None:
    sizes: Counter[int] = Counter()
    sweeps = 0
    for made in rounds("joinmarket", TUNING, 300):
        amount, n = Counter(value for value, *_ in made.outputs).most_common(1)[0]
        changes = [value for value, *_ in made.outputs if value != amount]
        assert len(changes) in (n - 1, n)
        assert min(changes) >= DUST_THRESHOLD
        sweeps += len(changes) == n - 1
        sizes[n] += 1
    assert {3, 4, 5, 8} <= set(sizes)
    assert max(sizes) > 12
    assert 30 < sweeps < 200


def test_joinmarket_is_recognised() -> None:
    by_size: dict[str, Counter[str]] = defaultdict(Counter)
    for made in rounds("joinmarket", KEPT_ASIDE, 600):
        by_size[made.what][family(made)] += 1
    total = sum(by_size.values(), Counter())
    assert 1 - total["none"] / total.total() >= 0.92
    assert total["joinmarket"] / total.total() >= 0.90
    for what, named in by_size.items():
        assert 1 - named["none"] / named.total() >= (0.75 if what.startswith("3 ") else 0.97), what


def test_wasabi2_is_recognised_at_every_size() -> None:
    by_size: dict[str, Counter[str]] = defaultdict(Counter)
    for made in rounds("wasabi2", KEPT_ASIDE, 300):
        by_size[made.what][family(made)] += 1
    assert len(by_size) == 4
    for what, named in by_size.items():
        assert named["wasabi2"] == named.total(), what


def test_look_alikes_are_not_flagged() -> None:
    flagged: Counter[str] = Counter()
    for what in LOOK_ALIKES:
        for made in look_alikes(what, KEPT_ASIDE, 300):
            named = family(made)
            flagged[what] += named not in ("none", "whirlpool_tx0")
    assert flagged.total() <= 0.005 * 300 * len(LOOK_ALIKES), flagged
