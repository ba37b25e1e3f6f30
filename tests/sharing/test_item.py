"""An item says what a recipient gets; whatever is no such thing is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from tests.sharing.lists import DAY, full, item, items, shared

from clewline.errors import UsageError
from clewline.intake.registry import KINDS
from clewline.sharing import (
    CLUE,
    FIELDS,
    SharedItem,
    SharedList,
    applied,
    as_delta,
    delta,
    for_exchange,
    item_from_plain,
    plain,
)


@given(items())
def test_plain_values_and_back(one: SharedItem) -> None:
    assert item_from_plain(plain(one), "here") == one


def test_a_full_item_holds_every_field() -> None:
    assert set(plain(full())) == set(FIELDS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "short"),
        ("id", "R-7K3M2Q92\n"),
        ("id", None),
        ("state", "old"),
        ("state", "changed"),
        ("revision", 2),
        ("revision", True),
        ("shared_at", datetime(2025, 3, 1)),  # noqa: DTZ001 - that is what is wrong
        ("shared_at", DAY.astimezone(timezone(timedelta(hours=1)))),
        ("changed_at", DAY.replace(microsecond=1)),
        ("changed_at", DAY - timedelta(days=4)),
        ("changed_at", "2025-03-01T00:00:00Z"),
        ("tlp", "orange"),
        ("tlp", None),
        ("address", "bc1q w508"),
        ("address", "bc1qw508\u202e"),
        ("address", "x" * 4001),
        ("chain", None),
        ("network", None),
        ("network", "e/t"),
        ("memo", ""),
        ("memo", " 7"),
        ("memo", "a\nb"),
        ("memo", "a\u202eb"),
        ("wording", "a\rb"),
        ("wording", "\ud800"),
        ("amount_min", "1e3"),
        ("amount_min", "-1"),
        ("amount_min", "NaN"),
        ("amount_min", 29.99),
        ("amount_min", "49.91"),
        ("hosting_country", "nl"),
        ("category", "unheard_of"),
        ("seen_count", -1),
        ("seen_count", 2**31),
        ("rotation_group", None),
        ("last_seen", DAY - timedelta(days=10)),
        ("note", "proof"),
        ("url", "javascript alert"),
    ],
)
def test_a_bad_field_is_refused_by_name(field: str, value: Any) -> None:
    state = {"state": "new", "revision": 1} if field in ("state", "revision") else {}
    with pytest.raises(UsageError) as caught:
        full(**{**state, field: value})
    assert caught.value.where is not None
    assert caught.value.where.startswith("item ")
    assert len(str(caught.value)) < 300


def test_plain_values_that_are_no_item_are_refused() -> None:
    good = plain(full())
    with pytest.raises(UsageError, match="row 3: unknown field 'wallet'"):
        item_from_plain({**good, "wallet": "x"}, "row 3")
    with pytest.raises(UsageError, match="row 3: no tlp"):
        item_from_plain({name: value for name, value in good.items() if name != "tlp"}, "row 3")
    with pytest.raises(UsageError, match="first_seen is no time"):
        item_from_plain({**good, "first_seen": "yesterday"}, "row 3")


@pytest.mark.parametrize(
    "values",
    [
        {"version": 0},
        {"version": True},
        {"previous": 7},
        {"previous": 0},
        {"made_at": DAY - timedelta(seconds=1)},
        {"issuer": ""},
        {"recipient": "a b"},
    ],
)
def test_a_bad_list_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        shared(item(), **values)


def test_an_id_stands_once_and_order_does_not_matter() -> None:
    one, two = item(id="R-00000001"), item(id="R-00000002")
    assert shared(two, one) == shared(one, two)
    with pytest.raises(UsageError, match="R-00000001: is there twice"):
        shared(one, one)


def test_the_list_is_as_strict_as_its_strictest_item() -> None:
    assert shared().tlp == "clear"
    some = (item(id=f"R-0000000{n}", tlp=tlp) for n, tlp in enumerate(("amber", "red", "green")))
    assert shared(*some).tlp == "red"


def _two_versions() -> tuple[SharedList, SharedList]:
    later = DAY + timedelta(minutes=5)
    stays, changes, goes = (item(id=f"R-0000000{n}", rail="card") for n in range(3))
    new = item(id="R-00000009", shared_at=later, changed_at=later)
    changed = replace(changes, state="changed", revision=2, changed_at=later, rail="bank")
    gone = replace(goes, state="withdrawn", revision=2, changed_at=later)
    return shared(stays, changes, goes), shared(stays, changed, gone, new, version=9)


def test_a_delta_says_what_came_changed_and_went() -> None:
    before, after = _two_versions()
    found = delta(before, after)
    assert [one.id for one in found.added] == ["R-00000009"]
    assert [one.id for one in found.changed] == ["R-00000001"]
    assert [one.id for one in found.withdrawn] == ["R-00000002"]
    assert applied(before, as_delta(before, after)) == after


def test_what_goes_without_being_withdrawn_is_refused() -> None:
    before, after = _two_versions()
    with pytest.raises(UsageError, match="R-00000000: left the list"):
        delta(before, replace(after, items=after.items[1:]))
    silent = replace(after.items[0], rail="bank")
    with pytest.raises(UsageError, match="without a higher number"):
        delta(before, replace(after, items=(silent, *after.items[1:])))
    with pytest.raises(UsageError, match="two recipients"):
        delta(replace(before, recipient="P-OTHER001"), after)
    with pytest.raises(UsageError, match="not to this version"):
        applied(replace(before, version=6), as_delta(before, after))


@given(items())
def test_exchanges_get_nothing_that_tells_sites_apart(one: SharedItem) -> None:
    theirs = for_exchange(one)
    known = {"brand_codename", "rotation_group", "rotation_index", "abuse_label", "wording", "url"}
    assert not known & set(plain(theirs))
    assert plain(theirs) == {name: v for name, v in plain(one).items() if name not in known}
    assert theirs.note == CLUE


def test_every_chain_that_is_read_can_be_shared() -> None:
    """Else an alert with such an address could not be made."""
    for kind in KINDS:
        assert item(chain=kind.chain, network=kind.network, address="x").chain == kind.chain
