"""Merged views follow from the ledger: laws that hold for every ledger."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clewline.desk.brands.derived import Conflict, Word, latest, pair_of, parts

REFS = [f"{letter}-{number}" for letter in "BS" for number in range(5)]
WORDS = st.builds(
    Word,
    st.sampled_from(REFS),
    st.sampled_from(REFS),
    st.sampled_from(["same", "different", "unsure"]),
).filter(lambda word: word.left != word.right)
LEDGERS = st.lists(WORDS, max_size=25)


@given(LEDGERS, st.randoms())
def test_the_order_of_different_pairs_does_not_matter(words: list[Word], chance: object) -> None:
    once = list({pair_of(word.left, word.right): word for word in words}.values())
    shuffled = list(once)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parts(latest(once)) == parts(latest(shuffled))


@given(LEDGERS)
def test_only_the_latest_of_a_pair_counts(words: list[Word]) -> None:
    last = list({pair_of(word.left, word.right): word for word in words}.values())
    assert parts(latest(words)) == parts(latest(last))


@given(LEDGERS)
def test_parts_are_what_same_connects(words: list[Word]) -> None:
    said = latest(words)
    found = parts(said)
    for (left, right), verdict in said.items():
        if verdict == "same":
            assert found[left] is found[right]
        if verdict == "different" and left in found and found[left] is found.get(right):
            assert (left, right) in [one[:2] for one in found[left].conflicts]
    for ref, part in found.items():
        assert ref in part.members
        assert all(found[one] is part for one in part.members)
        for conflict in part.conflicts:
            steps = zip(conflict.chain, conflict.chain[1:], strict=False)
            assert all(said[pair_of(*step)] == "same" for step in steps)
            assert (conflict.chain[0], conflict.chain[-1]) == conflict[:2]
            assert said[conflict.left, conflict.right] == "different"


@given(LEDGERS)
def test_a_contradiction_merges_no_brands(words: list[Word]) -> None:
    for ref, part in parts(latest(words)).items():
        shown = part.shown_with(ref)
        assert ref in shown
        if part.conflicts:
            assert {one for one in shown if one[0] == "B"} <= {ref}
        else:
            assert shown == part.members


def test_a_contradiction_is_named_until_somebody_judges_again() -> None:
    words = [
        Word("B-1", "B-2", "same"),
        Word("B-2", "B-3", "same"),
        Word("B-3", "B-1", "different"),
    ]
    (conflict,) = parts(latest(words))["B-2"].conflicts
    assert conflict == Conflict("B-1", "B-3", ("B-1", "B-2", "B-3"))
    assert parts(latest(words))["B-1"].shown_with("B-1") == {"B-1"}
    words.append(Word("B-1", "B-3", "unsure"))
    assert parts(latest(words))["B-1"].shown_with("B-1") == {"B-1", "B-2", "B-3"}
    words.append(Word("B-2", "B-3", "different"))
    assert parts(latest(words))["B-1"].shown_with("B-1") == {"B-1", "B-2"}
