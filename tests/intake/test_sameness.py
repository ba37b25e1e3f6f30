"""Proposals that pages are one brand or one group. All pages here are made up."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.errors import UsageError
from clewline.intake.indicators import KINDS, find_indicators
from clewline.intake.likeness import Sketch, sketch
from clewline.intake.sameness import (
    COMMON,
    LOOKS,
    TRAITS,
    VERDICTS,
    PageTraits,
    Price,
    Reason,
    Strength,
    compare,
    indicator_keys,
    verdict,
)

KEY = bytes(range(16))
WORDS = [f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "lmnr"]


def wording(start: int = 0, stop: int = 100, more: str = "") -> Sketch:
    one = sketch(" ".join(WORDS[start:stop]) + more, KEY)
    assert isinstance(one, Sketch)
    return one


PRICES = frozenset({Price("20", "EUR", "monthly"), Price("50", "EUR"), Price("99.5", "EUR")})
FULL = PageTraits(
    sketch=wording(),
    prices=PRICES,
    addresses=frozenset({"BTC:made-up"}),
    indicators={kind.id: frozenset({kind.id.encode()}) for kind in KINDS},
    contacts=frozenset({b"made-up contact"}),
)


def only(**fields: Any) -> PageTraits:
    return dataclasses.replace(PageTraits(), **fields)


def kinds(a: PageTraits, b: PageTraits, **more: Any) -> dict[str, str]:
    return {one.kind: one.strength.value for one in compare(a, b, **more)}


def proposal(*pages: PageTraits, **more: Any) -> tuple[str, str]:
    row = verdict(compare(pages[0], pages[-1], **more))
    return row.proposal, row.strength.value


def test_every_kind_of_indicator_has_a_row_but_what_never_links() -> None:
    assert {kind.id for kind in KINDS} - {"generator"} <= set(TRAITS)
    assert all(row.alternatives and row.meaning for row in TRAITS.values())
    families = {row.family for row in TRAITS.values()}
    assert families > LOOKS
    # Looks are never strong: a template would make a brand.
    assert all(
        row.strength is not Strength.STRONG for row in TRAITS.values() if row.family in LOOKS
    )


def test_nothing_in_common() -> None:
    assert compare(FULL, PageTraits()) == ()
    assert proposal(FULL, PageTraits()) == ("nothing", "weak")


def test_a_page_and_itself() -> None:
    found = compare(FULL, FULL)
    assert {one.kind for one in found} == set(TRAITS) - {
        *("address_of_service", "prices_alike", "wording_alike")
    }
    assert [one.strength for one in found] == sorted(
        (one.strength for one in found), key=list(Strength).index
    )
    assert proposal(FULL) == ("same brand", "strong")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("addresses",), ("same group", "medium")),
        (("contacts",), ("same group", "medium")),
        (("addresses", "contacts"), ("same group", "strong")),
        (("addresses", "sketch"), ("same brand", "strong")),
        (("addresses", "prices"), ("same brand", "strong")),
        (("sketch",), ("same group", "weak")),
        (("prices",), ("same group", "weak")),
        (("sketch", "prices"), ("same group", "weak")),
        ((), ("nothing", "weak")),
    ],
)
def test_verdicts(fields: tuple[str, ...], expected: tuple[str, str]) -> None:
    page = only(**{name: getattr(FULL, name) for name in fields})
    assert proposal(page) == expected


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        ({"script", "style", "form", "classes", "favicon", "comment"}, ("nothing", "weak")),
        ({"ipv4"}, ("same group", "weak")),
        ({"ipv4", "host", "domain"}, ("same group", "weak")),
        ({"ipv4", "onion"}, ("same group", "medium")),
        ({"account"}, ("same group", "medium")),
        ({"account", "pgp"}, ("same group", "strong")),
        ({"generator"}, ("nothing", "weak")),
        ({"a kind of tomorrow"}, ("nothing", "weak")),
    ],
)
def test_verdicts_of_indicators(some: set[str], expected: tuple[str, str]) -> None:
    page = only(indicators={kind: frozenset({kind.encode()}) for kind in some})
    assert proposal(page) == expected


def test_a_template_alone_is_never_more_than_weak() -> None:
    looks = [row.id for row in TRAITS.values() if row.family in LOOKS]
    page = only(
        sketch=FULL.sketch,
        prices=PRICES,
        indicators={kind: frozenset({b"x"}) for kind in looks},
    )
    assert proposal(page) == ("same group", "weak")


def test_wording_prices_and_a_server_are_one_brand() -> None:
    page = only(sketch=FULL.sketch, prices=PRICES, indicators={"host": frozenset({b"x"})})
    assert proposal(page) == ("same brand", "medium")


def test_address_of_a_service_is_weak() -> None:
    page = only(addresses=frozenset({"BTC:a"}))
    assert kinds(page, page, services=frozenset({"BTC:a"})) == {"address_of_service": "weak"}
    assert proposal(page, services=frozenset({"BTC:a"})) == ("nothing", "weak")
    two = only(addresses=frozenset({"BTC:a", "BTC:b"}))
    assert kinds(two, two, services=frozenset({"BTC:a"})) == {
        "address": "strong",
        "address_of_service": "weak",
    }


def test_what_many_brands_have_is_weak_and_says_so() -> None:
    page = only(indicators={"account": frozenset({b"x"})})
    assert kinds(page, page, seen={b"x": COMMON - 1}) == {"account": "strong"}
    (one,) = compare(page, page, seen={b"x": COMMON})
    assert one.strength is Strength.WEAK
    assert f"{COMMON} brands" in one.detail
    both = only(indicators={"account": frozenset({b"x", b"rare"})})
    (one,) = compare(both, both, seen={b"x": 900})
    assert one.strength is Strength.STRONG
    assert one.matched == (b"rare", b"x")


def test_wording_by_degrees() -> None:
    assert kinds(only(sketch=wording()), only(sketch=wording(0, 98))) == {"wording_equal": "medium"}
    assert kinds(only(sketch=wording()), only(sketch=wording(0, 70))) == {"wording_alike": "weak"}
    assert kinds(only(sketch=wording()), only(sketch=wording(70, 100))) == {}


def test_prices() -> None:
    same = frozenset(
        {Price("20.00", "eur", "monthly", "gold"), Price("50.0", "EUR"), Price("99.50", "EUR")}
    )
    (one,) = compare(only(prices=PRICES), only(prices=same))
    assert one.kind == "prices_equal"
    assert one.matched == ("20 EUR monthly", "50 EUR", "99.5 EUR")
    fewer = frozenset([*PRICES][:2])
    assert kinds(only(prices=PRICES), only(prices=fewer)) == {"prices_alike": "weak"}
    one_price = frozenset({Price("20", "EUR")})
    assert kinds(only(prices=one_price), only(prices=one_price)) == {}
    assert kinds(only(prices=PRICES), only(prices=frozenset({Price("20", "EUR", "weekly")}))) == {}


@pytest.mark.parametrize("amount", ["", "x", "nan", "inf"])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    page = only(prices=frozenset({Price(amount, "EUR")}))
    with pytest.raises(UsageError, match="no decimal number"):
        compare(page, page)


@given(
    st.lists(st.sampled_from(sorted(TRAITS)), max_size=6),
    st.sampled_from(sorted(TRAITS)),
    st.data(),
)
def test_a_further_reason_never_makes_a_verdict_less(
    some: list[str], further: str, data: st.DataObject
) -> None:
    def reason(kind: str) -> Reason:
        weaker = list(Strength)[list(Strength).index(TRAITS[kind].strength) :]
        return Reason(kind, data.draw(st.sampled_from(weaker)), "", (), "")

    before = [reason(kind) for kind in some]
    after = [*before, reason(further)]
    assert VERDICTS.index(verdict(after)) <= VERDICTS.index(verdict(before))


values = st.frozensets(st.sampled_from([b"a", b"b", b"c"]))
pages = st.builds(
    PageTraits,
    sketch=st.sampled_from([None, wording(), wording(0, 80), wording(0, 60)]),
    prices=st.frozensets(st.sampled_from([*PRICES, Price("1", "USD")])),
    addresses=st.frozensets(st.sampled_from(["BTC:a", "XMR:b"])),
    indicators=st.dictionaries(st.sampled_from([kind.id for kind in KINDS]), values),
    contacts=values,
)


@given(pages, pages)
def test_order_of_pages_does_not_matter(a: PageTraits, b: PageTraits) -> None:
    assert compare(a, b) == compare(b, a)
    assert verdict(compare(a, b)) == verdict(reversed(compare(a, b)))


def test_from_source_to_verdict() -> None:
    def traits(source: str) -> PageTraits:
        return only(indicators=indicator_keys(find_indicators(source), KEY))

    one = traits("<p>ask joe@made-up.se</p><!-- 10.0.0.1 --><script src=/js/jquery.js></script>")
    other = traits("Joe [at] made-up [dot] se, at 10.0.0.1 with /js/jquery.js")
    assert kinds(one, other) == {"email": "strong", "host": "medium", "domain": "medium"}
    assert proposal(one, other) == ("same group", "medium")
    assert all(b"made-up" not in key for some in one.indicators.values() for key in some)
