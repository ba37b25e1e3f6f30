"""Labels as CSV: what a table may look like, and that every bad row is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.labels.makers import address, table

from clewline.errors import LabelFileError
from clewline.labels.label import Claim
from clewline.labels.table import read_table

GOOD = f"{address(1)},Exchange 1,exchange,made up,90"


def test_columns_in_any_order_and_quotes() -> None:
    data = table(
        f'"said ""so"", twice",yes,{address(1)},90,"Exchange, the first",Exchange,control',
        columns="source,Cluster,address, confidence ,entity,category,type",
    )
    (label,) = read_table(data, "f.csv", "main").labels
    claim = label.claim
    assert claim.entity == "Exchange, the first"
    assert claim.source == 'said "so", twice'
    assert (claim.category, claim.type, claim.inherits) == ("exchange", "control", True)


@pytest.mark.parametrize(
    "change", [lambda d: b"\xef\xbb\xbf" + d, lambda d: d.replace(b"\n", b"\r\n")]
)
def test_byte_order_mark_and_line_ends_change_nothing(change) -> None:
    data = table(GOOD, "", GOOD.replace("Exchange 1", "Börse"))
    labels = read_table(data, "f.csv", "main").labels
    assert read_table(change(data), "f.csv", "main").labels == labels
    assert [(label.position, label.line) for label in labels] == [(1, 2), (2, 4)]


def test_a_label_may_hold_for_a_part_of_the_time() -> None:
    columns = "address,entity,category,source,confidence,valid_from,valid_until"
    data = table(f"{GOOD},2023-03-01,2023-03-31", f"{GOOD},,", columns=columns)
    timed, always = read_table(data, "f.csv", "main").labels
    assert (timed.claim.since, timed.claim.until) == (1677628800, 1680307199)
    assert timed.as_dict()["valid_from"] == "2023-03-01T00:00:00Z"
    assert Claim.from_canonical(timed.claim.canonical) == timed.claim
    # What says nothing of time is the claim that it was before there were these columns.
    assert always.claim == read_table(table(GOOD), "f.csv", "main").labels[0].claim
    assert "since" not in always.claim.canonical
    assert "valid_from" not in always.as_dict()
    for bad in ("yesterday,", "2024-01-02,2024-01-01"):
        (refusal,) = read_table(table(f"{GOOD},{bad}", columns=columns), "f.csv", "main").refusals
        assert "time" in refusal.reason or "after" in refusal.reason


def test_formulas_are_data() -> None:
    (label,) = read_table(table(f"{address(1)},=SUM(A1),,@x,5"), "f.csv", "main").labels
    assert (label.claim.entity, label.claim.source) == ("=SUM(A1)", "@x")
    assert label.claim.category is None
    assert not label.claim.is_service


def test_mention_reaches_no_cluster() -> None:
    rows = read_table(
        table(
            f"{address(1)},Site 1,child_sexual_abuse,a hotline,70,,yes",
            f"{address(2)},Site 1,child_sexual_abuse,a hotline,70,control,yes",
            columns="address,entity,category,source,confidence,type,cluster",
        ),
        "f.csv",
        "main",
    )
    assert [(la.claim.type, la.claim.inherits) for la in rows.labels] == [
        ("mention", False),
        ("control", True),
    ]
    assert "1 labels" in rows.notes[0]


def test_every_bad_row_is_named() -> None:
    columns = "address,entity,category,source,confidence,type,cluster,network"
    good = f"{address(1)},E,exchange,s,50,,,main"
    bad = [
        good.replace("exchange", "exchagne"),
        good.replace(",50,", ",500,"),
        good.replace(",50,", ",,"),
        good.replace(",E,", ",,"),
        good.replace(",s,", ",,"),
        good.replace(",,,main", ",sure,,main"),
        good.replace(",,,main", ",,perhaps,main"),
        good.replace("main", "test"),
        good.replace(address(1), ""),
        good.replace(address(1), address(1, "test")),
        good.replace(address(1), address(1)[:-1] + "x"),
        good.replace(address(1), address(1)[:5] + address(1)[5:].upper()),
        good + ",more",
        "lonely",
    ]
    rows = read_table(table(good, *bad, good, columns=columns), "f.csv", "main")
    assert len(rows.labels) == 2
    assert [refusal.line for refusal in rows.refusals] == list(range(3, 3 + len(bad)))
    text = [str(refusal) for refusal in rows.refusals]
    assert "f.csv:3" in text[0]
    assert "exchange?" in text[0]
    assert "test" in text[9]
    assert f"did you mean {address(1)}?" in text[10]


def test_address_is_shown_as_core_shows_it() -> None:
    data = table(GOOD.replace(address(1), f" {address(1).upper()} "))
    assert read_table(data, "f.csv", "main").labels[0].subject == address(1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "missing column: address, entity"),
        (b"address;entity;category;source;confidence\n", "unknown column"),
        (table(columns="address,entity,category,source"), "missing column: confidence"),
        (table(columns="address,entity,category,source,confidence,note"), "unknown column: 'note'"),
        (table(columns="address,entity,category,source,confidence,source"), "there twice"),
        (table(GOOD) + b"\xff", "f.csv:3: not UTF-8"),
        (table(GOOD) + b'"never closed', "f.csv:3: not CSV"),
        (table(GOOD) + b'"a"b,c', "f.csv:3: not CSV"),
        (table(GOOD) + b"a" * 200_000, "f.csv:3: not CSV"),
    ],
)
def test_broken_table_is_refused_as_a_whole(data: bytes, problem: str) -> None:
    with pytest.raises(LabelFileError) as caught:
        read_table(data, "f.csv", "main")
    assert problem in str(caught.value)


def test_unknown_column_lists_the_allowed_ones() -> None:
    with pytest.raises(LabelFileError, match="optional: type, cluster, network"):
        read_table(table(columns="address,name"), "f.csv", "main")


@given(st.binary(max_size=80) | st.text(max_size=40).map(str.encode))
def test_any_bytes_load_or_are_refused(junk: bytes) -> None:
    for data in (junk, table(GOOD) + junk):
        try:
            rows = read_table(data, "f.csv", "main")
        except LabelFileError:
            continue
        assert all(label.claim.entity == "Exchange 1" for label in rows.labels)
