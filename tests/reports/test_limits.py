from dataclasses import replace

import pytest

from clewline.errors import UsageError
from clewline.reports.limits import (
    ALTERNATIVES,
    ALWAYS,
    INFERENCES,
    alternatives_of,
    inferences_of,
    rule_text,
)


def with_label(movement, kind):
    return replace(movement, basis=replace(movement.basis, kind=kind))


def test_a_direct_payment_traced_whole_needs_no_taint_rule(made):
    one = with_label(made.movement(0, steps=1), "own")
    assert inferences_of(one, "fifo") == ("direct", "own_label")
    assert rule_text(one, "fifo") == "direct payment"


def test_a_direct_payment_traced_in_part_names_its_taint_rule(made):
    one = with_label(made.movement(0, steps=1, traced=1), "own")
    assert inferences_of(one, "haircut") == ("direct", "haircut", "own_label")


def test_an_inherited_label_brings_the_cluster_rule_and_payjoin(made):
    one = with_label(made.movement(0, steps=5), "inherited")
    assert inferences_of(one, "fifo") == ("path", "multi_input", "fifo", "inherited_label")
    assert "payjoin" in alternatives_of(one)
    assert "payjoin" not in alternatives_of(with_label(one, "own"))


def test_every_movement_has_other_explanations(made):
    for number in range(2):
        keys = alternatives_of(made.movement(number))
        assert {"holder", "refund", "dusting"} <= set(keys)
    assert "reassigned" in alternatives_of(made.movement(0))
    assert "shared" in alternatives_of(made.movement(0, alternatives=("shared",)))


def test_a_key_that_no_text_explains_is_refused(made):
    with pytest.raises(UsageError, match="'guess'; known are direct"):
        inferences_of(made.movement(0, inferences=("guess",)), "fifo")
    with pytest.raises(UsageError, match="'guess'; known are reassigned"):
        alternatives_of(made.movement(0, alternatives=("guess",)))


def test_no_text_calls_anybody_guilty():
    texts = [f"{i.name} {i.rests_on} {i.shows_not}" for i in INFERENCES.values()]
    texts += [f"{note.name} {note.text}" for note in (*ALTERNATIVES.values(), *ALWAYS)]
    words = set(" ".join(texts).lower().replace(",", " ").replace(".", " ").split())
    assert not words & {"guilty", "criminal", "offender", "suspect", "perpetrator", "buyer"}
