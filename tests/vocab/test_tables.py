"""The vocabulary as it stands, the lint that holds it, and looking words up."""

from __future__ import annotations

import re

import pytest

from clewline.errors import DataError, UsageError
from clewline.vocab import (
    Category,
    categories,
    category,
    confidence,
    confidences,
    label_type,
    label_types,
)
from clewline.vocab.tables import read_words


def one(**fields: object) -> str:
    entry = {"id": "a", "title": "A", "description": "An a."} | fields
    return f"{{version: 1, categories: [{entry}]}}".replace("'", '"').replace("True", "true")


def test_stops_of_a_trace_are_businesses_with_customers() -> None:
    services = {c.id for c in categories().values() if c.service}
    assert {"exchange", "payment_processor", "mixing_service", "gambling", "market"} <= services
    assert {"wallet_service", "atm", "vpn", "filesharing", "broker", "custodian"} <= services
    assert not services & {"donation", "miner", "organization", "ransomware", "coinjoin", "user"}


def test_child_protection_is_never_a_service() -> None:
    marked = [c for c in categories().values() if c.child_protection]
    assert [c.id for c in marked] == ["child_sexual_abuse"]
    assert not any(c.service for c in marked)


def test_confidence_ladder_is_that_of_tagpack_tool() -> None:
    # confidence.csv of tagpack-tool 25.8.1
    assert {c.id: c.level for c in confidences().values()} == {
        "override": 100,
        "ownership": 100,
        "ledger_immanent": 100,
        "manual_transaction": 90,
        "service_api": 70,
        "forensic_investigation": 70,
        "authority_data": 60,
        "trusted_provider": 50,
        "service_data": 50,
        "forensic": 50,
        "untrusted_transaction": 40,
        "web_crawl": 20,
        "heuristic": 10,
        "unknown": 5,
    }
    assert list(label_types()) == ["mention", "control"]


def test_broader_concepts_end_at_the_top() -> None:
    for item in categories().values():
        path = [item]
        while path[-1].broader:
            path.append(categories()[path[-1].broader])
            assert path.count(path[-1]) == 1
        assert path[-1].id == "concept"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("exchange", "exchange"),
        (" Exchange ", "exchange"),
        ("payment processor", "payment_processor"),
        ("Mixer", "mixing_service"),
        ("hosted-wallet", "wallet_service"),
        ("CSAM", "child_sexual_abuse"),
        ("organisation", "organization"),
    ],
)
def test_category_takes_spellings(name: str, meant: str) -> None:
    assert category(name).id == meant


@pytest.mark.parametrize(
    ("look_up", "name", "hint"),
    [
        (category, "exchagne", "exchange"),
        (category, "zzz", "categories.yaml"),
        (category, "", "categories.yaml"),
        (confidence, "forensics", "forensic"),
        (confidence, "sure", "0 to 100"),
        (label_type, "sighting", "mention, control"),
    ],
)
def test_unknown_word_says_what_is_near_or_allowed(look_up, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match="unknown") as caught:
        look_up(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "holds 'version'"),
        ("{version: 1}", "holds 'version'"),
        ("{version: 1, categories: [a]}", "fields are"),
        ("{version: 1, categories: [{id: a, title: A}]}", "fields are"),
        (one(colour="red"), "fields are"),
        (one(id="A b"), "not lower-case"),
        (one(service="yes"), "must be of type bool"),
        (one(broader="b"), "is no id"),
        (one(synonyms=["a"]), "something else"),
        (one().replace("}]", "}, {id: a, title: A, description: An a.}]"), "there twice"),
    ],
)
def test_lint_refuses(text: str, problem: str) -> None:
    with pytest.raises(DataError, match=re.escape(problem)):
        read_words(text, "categories", Category, "test")


def test_lint_takes_a_good_file() -> None:
    text = one(service=True, synonyms=["b"])
    assert read_words(text, "categories", Category, "test")["a"].synonyms == ("b",)
