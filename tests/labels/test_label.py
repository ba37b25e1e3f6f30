"""What a row may say, how labels are ordered, and when they contradict each other."""

from __future__ import annotations

import itertools

import pytest

from clewline.errors import UsageError
from clewline.labels.label import Claim, Label, conflicts, in_order, make_claim


def claim(entity: str = "E", *categories: str, level: str = "50", **more: object) -> Claim:
    values: dict[str, object] = {
        "entity": entity,
        "categories": categories,
        "source": "made up",
        "confidence_given": level,
        "type_given": None,
        "cluster": False,
    }
    return make_claim(**(values | more))  # type: ignore[arg-type]


def label(said: Claim) -> Label:
    return Label("BTC", "main", "a", False, said, "f", 1, 1)


def test_child_protection_is_first_whatever_the_confidence() -> None:
    labels = [
        label(claim("Exchange 1", "exchange", level="100")),
        label(claim("Site 1", "child_sexual_abuse", level="1")),
        label(claim("Exchange 2", "exchange", level="90")),
        label(claim("Site 2", "market", "child_sexual_abuse", level="0")),
        label(claim("Exchange 0", "exchange", level="90")),
    ]
    for order in itertools.permutations(labels):
        names = [item.claim.entity for item in in_order(order)]
        assert names == ["Site 1", "Site 2", "Exchange 1", "Exchange 0", "Exchange 2"]


@pytest.mark.parametrize(
    ("categories", "type_given", "expected"),
    [
        (["exchange"], None, ("control", True)),
        ([], None, ("control", True)),
        (["child_sexual_abuse"], None, ("mention", False)),
        (["child_sexual_abuse"], "control", ("control", True)),
        (["exchange", "child_sexual_abuse"], None, ("mention", False)),
        (["exchange"], "mention", ("mention", False)),
        (["exchange", "forum_mention"], None, ("mention", False)),
    ],
)
def test_a_mention_never_reaches_a_cluster(categories, type_given, expected) -> None:
    said = claim("E", *categories, type_given=type_given, cluster=True)
    assert (said.type, said.inherits) == expected


def test_category_of_child_protection_decides_and_is_no_stop() -> None:
    said = claim("E", "market", "csam")
    assert said.category == "child_sexual_abuse"
    assert said.concepts == ("child_sexual_abuse", "market")
    assert said.child_protection
    assert not said.is_service


def test_a_service_decides_over_what_is_none() -> None:
    assert claim("E", "exchange", "phishing").is_service
    assert claim("E", "hot_wallet", "exchange", "gambling").category == "exchange"
    assert claim("E", "user", "sanction").category == "user"
    assert not claim("E", "phishing").is_service
    assert not claim("E").is_service


@pytest.mark.parametrize(
    ("given", "expected"),
    [("0", ("0", 0)), (" 100 ", ("100", 100)), ("Forensic", ("forensic", 50))],
)
def test_confidence(given: str, expected: tuple[str, int]) -> None:
    said = claim(level=given)
    assert (said.confidence, said.level) == expected


@pytest.mark.parametrize("given", ["101", "-1", "50.5", "0.9", "", "sure", "\u0665", "9" * 5000])
def test_confidence_refused(given: str) -> None:
    with pytest.raises(UsageError, match="confidence"):
        claim(level=given)


@pytest.mark.parametrize(
    "change",
    [
        {"entity": ""},
        {"entity": None},
        {"source": "  "},
        {"entity": "a\x1b[2Jb"},
        {"source": "a\nb"},
        {"entity": "a\u202eb"},
    ],
)
def test_unprintable_or_missing_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        claim(**change)


def test_claim_survives_its_canonical_form() -> None:
    said = claim('Büro Ⅸ, "x"', "exchange", cluster=True, observed=0, actor="a", context="{}")
    again = Claim.from_canonical(said.canonical)
    assert again == said
    assert again.digest == said.digest
    assert claim("other").digest != said.digest


def test_conflicts_are_shown_and_not_voted_away() -> None:
    votes = [label(claim("Exchange 1", "exchange", level="100"))] * 9
    dissent = label(claim("Casino 1", "gambling", level="5"))
    assert conflicts([*votes, dissent]) == [
        "different entities: Exchange 1; Casino 1",
        "different categories: exchange; gambling",
    ]


def test_agreement_is_no_conflict() -> None:
    said = [
        claim("exchange 1", "exchange"),
        claim("Exchange 1"),
        claim("EXCHANGE 1", "exchange", level="1"),
    ]
    assert conflicts(map(label, said)) == []
    same_actor = [claim("Hot 1", "exchange", actor="x"), claim("Cold 1", "exchange", actor="x")]
    assert conflicts(map(label, same_actor)) == []
    assert conflicts([]) == []


def test_as_dict_is_plain() -> None:
    shown = label(claim("E", "exchange", observed=1_600_000_000)).as_dict()
    assert shown["observed"] == "2020-09-13T12:26:40Z"
    assert shown["address"] == "a"
    assert shown["service"] is True
