"""The words of a record's fields: a closed list each, checked as the file is read."""

from __future__ import annotations

import pytest

from clewline.errors import DataError, UsageError
from clewline.vocab import record_fields, words
from clewline.vocab.records import read_fields


def test_words_fit_their_columns() -> None:
    for field in record_fields().values():
        assert field.words, field.id
        assert all(0 < len(word) <= 20 for word in field.words), field.id
        assert len(set(field.words.values())) == len(field.words), field.id


def test_markings_are_those_of_their_standards() -> None:
    # TLP 2.0 (FIRST, 2022); PAP as in the MISP taxonomy of that name.
    assert list(words("tlp")) == ["clear", "green", "amber", "amber_strict", "red"]
    assert list(words("pap")) == ["clear", "green", "amber", "red"]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{version: 2, fields: {}}",
        "{version: 1, fields: {a: {title: A, words: [{id: x}]}}}",
        "{version: 1, fields: {a: {title: A, words: [{id: 1, title: One}]}}}",
        "{version: 1, fields: {a: {title: A, words: [{id: x, title: X}, {id: x, title: Y}]}}}",
    ],
)
def test_a_broken_file_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        read_fields(text)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(UsageError):
        words("photo")
