"""The file of marks is right, and a wrong one is refused with the place of the fault."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from clewline.errors import DataError
from clewline.intake.marks import (
    RAILS,
    SECTIONS,
    by_spelling,
    marks_of,
    one_of,
    read_marks,
    whole_words,
)
from clewline.intake.prices import folded
from clewline.intake.registry import KINDS

TEXT = resources.files("clewline.intake").joinpath("marks.yaml").read_text(encoding="utf-8")


def test_the_file_has_every_section() -> None:
    marks, per = read_marks(TEXT, "marks.yaml")
    assert tuple(marks) == SECTIONS
    assert all(marks.values())
    assert "per" in per


def test_every_rail_of_the_record_has_a_mark() -> None:
    assert {mark.rail for mark in marks_of("rails")} == set(RAILS)
    assert all(mark.rail in RAILS for mark in marks_of("processors"))


def test_every_word_is_found_as_it_would_be_folded() -> None:
    for section in SECTIONS:
        known = by_spelling(section, "words")
        form = re.compile(whole_words(known))
        for word in known:
            assert folded(word) == word
            match = form.search(f"x {word} x")
            assert match is not None
            assert match[0] == word


def test_chains_are_those_of_the_registry() -> None:
    chains = {kind.chain for kind in KINDS}
    for section in ("networks", "currencies"):
        for mark in marks_of(section):
            assert set(mark.chains) <= chains, mark.id


def test_currency_codes_are_of_one_form() -> None:
    for mark in marks_of("currencies"):
        assert re.fullmatch("[A-Z]{3,4}", mark.id)
        assert set(mark.shared) <= {*mark.words, *(sign.lower() for sign in mark.signs)}
        assert bool(mark.shared) == bool(mark.others)


def test_signs_mean_one_currency() -> None:
    signs = [sign for mark in marks_of("currencies") for sign in mark.signs]
    assert len(signs) == len(set(signs))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rail: bank", "rail: carrier pigeon", "rail must be one of crypto, card"),
        ("words: [sepa, iban]", "words: [SEPA]", "'SEPA' must be in small letters"),
        ("words: [sepa, iban]", "words: [visa]", "'visa' is of visa and of sepa"),
        ("words: [sepa, iban]", "words: sepa", "words must be of type"),
        ("words: [sepa, iban]", "word: [sepa]", "word must be of type bool"),
        ("words: [sepa, iban]", "wrods: [sepa]", "fields are id, title"),
        ("id: sepa", "id: visa", "'visa' is of visa and of visa"),
    ],
)
def test_a_fault_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_marks(TEXT.replace(old, new, 1), "marks.yaml")
    assert caught.value.where is not None
    assert "rails" in caught.value.where


def test_the_longest_word_counts() -> None:
    form = re.compile(one_of(["go", "gold", "golden card"]))
    assert [match[0] for match in form.finditer("golden card golden go")] == [
        "golden card",
        "gold",
        "go",
    ]
