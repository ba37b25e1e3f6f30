"""The taxonomy that is proposed to MISP says what our vocabulary says, in MISP's form."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import pytest
from tests.sharing.lists import full

from clewline import vocab
from clewline.sharing.misp import tags_of

FIELDS = {"rail": "rail", "period": "period", "visibility": "payment_visibility"}
_WORD = re.compile(r"[a-z][a-z0-9-]*")


def _taxonomy() -> Any:
    text = resources.files("clewline.sharing").joinpath("misp_taxonomy.json").read_text("utf-8")
    return json.loads(text)


def faults(taxonomy: Any) -> list[str]:
    """Say what a machinetag.json may not be (schema.json of misp-taxonomies, written out)."""
    found = []
    for name, kind in (("namespace", str), ("description", str), ("version", int)):
        if not isinstance(taxonomy.get(name), kind):
            found.append(name)
    predicates = [one["value"] for one in taxonomy.get("predicates", [])]
    if not predicates or len(set(predicates)) < len(predicates):
        found.append("predicates")
    for one in taxonomy.get("values", []):
        words = [entry["value"] for entry in one["entry"]]
        if one["predicate"] not in predicates or len(set(words)) < len(words):
            found.append(f"values of {one['predicate']}")
        found += [word for word in words if not _WORD.fullmatch(word)]
        found += [entry["value"] for entry in one["entry"] if not entry["expanded"]]
    return found


def test_it_is_in_the_form_of_misp() -> None:
    assert faults(_taxonomy()) == []


def test_bad_taxonomies_are_refused() -> None:
    for name, value in (("version", "1"), ("predicates", []), ("namespace", None)):
        assert faults({**_taxonomy(), name: value})


def test_its_words_are_those_of_the_vocabulary() -> None:
    values = {one["predicate"]: one["entry"] for one in _taxonomy()["values"]}
    assert set(values) == set(FIELDS)
    for predicate, field in FIELDS.items():
        assert {
            entry["value"].replace("-", "_"): entry["expanded"] for entry in values[predicate]
        } == dict(vocab.words(field))


@pytest.mark.parametrize("rail", list(vocab.words("rail")))
def test_every_tag_that_is_written_is_in_it(rail: str) -> None:
    known = {
        f'payment-page:{one["predicate"]}="{entry["value"]}"'
        for one in _taxonomy()["values"]
        for entry in one["entry"]
    }
    for period in vocab.words("period"):
        tags = {tag for tag in tags_of(full(rail=rail, period=period)) if "payment-page" in tag}
        assert len(tags) == 2
        assert tags <= known
