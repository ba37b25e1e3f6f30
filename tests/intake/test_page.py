"""A payment page, read. All pages here are made up."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.errors import DataError
from clewline.intake import Certainty, Proposal, ProposalKind, read_page
from clewline.intake.markup import pieces
from clewline.intake.page_text import LARGEST

PAGES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "pages.json").read_text(encoding="utf-8")
)["pages"]

BTC = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def test_a_page_of_one_address_and_one_price() -> None:
    page = read_page(
        "<title>Made up</title><h2>Gold</h2><p>20&nbsp;&euro; / month</p>"
        f"<p>BTC: <b>{BTC}</b> <button data-clipboard-text='{BTC}'>copy</button>"
        f"<div hidden>{EVM}</div>"
    )
    assert page.is_html
    assert page.title == "Made up"
    assert page.text == f"Gold\n20 € / month\nBTC: {BTC}\ncopy"
    assert page.hash == hashlib.sha256(page.text.encode()).hexdigest()
    said = {one.kind: one for one in reversed(page.proposals)}
    assert said[ProposalKind.TIER].value == "gold"
    assert said[ProposalKind.PRICE].value == "20 EUR"
    assert said[ProposalKind.PERIOD].value == "monthly"
    address = said[ProposalKind.ADDRESS]
    assert page.text[address.start : address.end] == address.value == BTC
    assert address.details["also"] == ("attribute data-clipboard-text of <button>",)
    hidden = next(one for one in page.proposals if one.value == EVM)
    assert (hidden.place, hidden.start) == ("hidden", None)
    assert len(page.options) == 2


@pytest.mark.parametrize(
    "source",
    [
        "\x89PNG\r\n\x1a\n canary",
        "\ufffdPNG canary",
        "GIF89a canary",
        "%PDF-1.7 canary",
        "\xff\xd8\xff\xe0\0\x10JFIF canary",
        "RIFF\x10\x20\x30\x40WEBPVP8 canary",
        "some text\0canary",
        "canary" + "\x01\x02\x03" * 20,
    ],
)
def test_binary_is_refused_and_not_quoted(source: str) -> None:
    with pytest.raises(DataError) as caught:
        read_page(source)
    assert "canary" not in str(caught.value)


def test_a_page_that_is_too_long_is_refused() -> None:
    with pytest.raises(DataError, match="5,000,001 characters; a page may have 5,000,000"):
        read_page("a" * (LARGEST + 1))


def named(one: Proposal) -> str:
    return f"{one.kind} {one.value}"


@pytest.mark.parametrize("vector", PAGES, ids=lambda one: one["why"])
def test_pages(vector: dict[str, Any]) -> None:
    page = read_page(vector["in_page"])
    assert [named(one) for one in page.proposals] == vector["out_said"]
    options = [
        {
            "members": [named(page.proposals[i]) for i in one.members],
            "choices": len(one.choices),
        }
        for one in page.options
    ]
    assert options == vector["out_options"]
    for one in page.proposals:
        if one.start is not None and one.kind is not ProposalKind.CREDIT:
            assert page.text[one.start : one.end] == one.shown
        assert one.reason
    assert read_page(vector["in_page"]) == page


def test_what_is_ambiguous_says_so() -> None:
    page = read_page(f"BTC: {BTC[:-1]}3\nLTC: bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    mistyped, other = (one for one in page.proposals if one.kind is ProposalKind.ADDRESS)
    assert mistyped.certainty is other.certainty is Certainty.AMBIGUOUS
    assert mistyped.details["did_you_mean"] == (BTC,)
    assert "LTC is named before it" in other.reason


def test_more_near_misses_than_are_looked_at_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.intake.finding.MOST_NEAR_MISSES", 1)
    page = read_page(f"{BTC[:-1]}3 {BTC[:-1]}4")
    assert page.notes
    assert page.notes[0].startswith("1 words")


def test_what_is_copied_may_differ_from_what_is_shown() -> None:
    page = read_page(f"<p>{BTC}</p><button data-clipboard-text='{EVM}'>copy</button>")
    assert [(one.value, one.place) for one in page.proposals] == [
        (BTC, "text"),
        (EVM, "attribute data-clipboard-text of <button>"),
    ]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (f"<p style='display: none'>{BTC}</p>", "hidden"),
        (f"<template><p>{BTC}</p></template>", "hidden"),
        (f"<input type=hidden value='{BTC}'>", "hidden, attribute value of <input>"),
        (f"<p>a<!-- {BTC} -->b</p>", "comment"),
        (f"<script>pay('{BTC}')</script>", "script"),
        (f"<style>/* {BTC} */</style>", "style"),
        (f"<meta name=a content='{BTC}'>", "attribute content of <meta>"),
        (f"<title>{BTC}</title><p>made up", "title"),
        (f"<a href='https://site.example/{BTC}'>made up</a>", "attribute href of <a>"),
    ],
)
def test_places(source: str, place: str) -> None:
    page = read_page(source)
    (address,) = (one for one in page.proposals if one.kind is ProposalKind.ADDRESS)
    assert (address.value, address.place, address.start) == (BTC, place, None)
    assert BTC not in page.text


def test_a_hidden_item_of_a_list_ends_where_the_next_begins() -> None:
    page = read_page(f"<ul><li hidden>made up<li>{BTC}</ul><div hidden><div>a</div>b</div>c")
    assert page.text == f"{BTC}\nc"


CANARY = "CANARYcanary0123456789"
BLOB = base64.b64encode(b"\x89PNG\r\n\x1a\n" + hashlib.sha512(b"made up").digest() * 9).decode()


@pytest.mark.parametrize(
    "carried",
    [
        f"data:image/png;base64,iVBORw0KGgo{CANARY}",
        f"<img src='data:image/png;base64,iVBORw0KGgo{CANARY}'>",
        f"<img src=' DATA:image/png;base64,iVBORw0KGgo{CANARY}'>",
        f"<img src='data&colon;image/png;base64,iVBORw0KGgo{CANARY}'>",
        f"<img src='data:image/svg+xml;utf8,<svg>{CANARY} </svg>'>",
        f"<p style='background: url(data:image/png;base64,iVBORw0KGgo{CANARY})'>made up",
        f"<style>a {{ background: url('data:image/gif;base64,R0lGODlh{CANARY}') }}</style>",
        f"<script>a = 'data:image/png;base64,iVBORw0KGgo{CANARY}'</script>",
        f"<!-- data:image/png;base64,iVBORw0KGgo{CANARY} -->",
        f"<title>data:image/png;base64,iVBORw0KGgo{CANARY}</title><p>made up",
        f"<p>data:image/png;base64,iVBORw0KGgo<b>{CANARY}</b></p>",
        f"<a href='bitcoin:{BTC}?label=data%3Aimage/png%3Bbase64%2C{CANARY}'>pay</a>",
        f"<p>{BLOB[:300]}{CANARY}{BLOB[300:]}</p>",
        f"<textarea>{BLOB[:300]}{CANARY}{BLOB[300:]}</textarea>",
        f"iVBORw0KGgoAAAANSUhEUgAA{CANARY}",
        "ffd8ffe000104a464946" + CANARY.encode().hex(),
        "89 50 4e 47 0d 0a 1a 0a 00 00 00 0d " + CANARY.encode().hex(" "),
        f"Content-Transfer-Encoding: base64\n\n{BLOB[:76]}\n{BLOB[76:152]}\n{CANARY}==",
    ],
)
def test_not_a_byte_of_what_is_refused_is_anywhere(
    carried: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = read_page(f"Made up {BTC} {carried} after")
    everything = f"{page} {caplog.text}"
    for bytes_of_it in (CANARY, CANARY.encode().hex(), CANARY.encode().hex(" "), BLOB[20:60]):
        assert bytes_of_it not in everything
    assert BTC in [one.value for one in page.proposals]
    assert page.refused or "label" in carried
    assert all(one.characters > 20 for one in page.refused)


def test_lines_are_those_that_another_parser_sees() -> None:
    lexbor = pytest.importorskip("selectolax.lexbor")
    for vector in PAGES:
        source = vector["in_page"]
        if "<" in source:
            tree = lexbor.LexborHTMLParser(source)
            seen = tree.body.text(separator=" ", deep=True).split()
            assert read_page(source).text.split() == seen


UNITS = (
    *(
        "<div>",
        "<b>",
        "<p a='1'>",
        "<p a='",
        "<!--",
        "<script>",
        "<",
        "&",
        "&amp;",
        "1",
        "1 ",
        "1.",
    ),
    *("$1 ", "20 EUR ", "20 EUR\n", "gold 1 EUR\n", "<td>1 EUR</td><td>gold</td>", "a@", "a@b.c "),
    *("telegram: @ab ", "credits pay ", "expires 1:", "5:00 left ", "data:", "data:a/b,c "),
    *("bitcoin:", f"bitcoin:{BTC}?amount=1 ", f"20 EUR {BTC} ", f"<a href='{BTC}'>", "/9j/4"),
    *("-----BEGIN PGP PUBLIC KEY BLOCK-----", "<p hidden>", "simplex:/", "#a:", "a [at] b [dot] "),
)


def seconds(source: str) -> float:
    """Return the least processor time of three readings of a page; the first may compile."""
    took = []
    for _ in range(3):
        begun = time.process_time()
        read_page(source)
        took.append(time.process_time() - begun)
    return min(took)


@pytest.mark.parametrize("unit", UNITS)
def test_a_hostile_page_takes_time_in_proportion(unit: str) -> None:
    assert seconds(unit * (100_000 // len(unit))) < 8 * seconds(unit * (25_000 // len(unit))) + 0.1


def test_nesting_costs_what_a_flat_page_costs() -> None:
    flat = seconds("<div></div>" * 50_000)
    assert seconds("<div>" * 100_000) < 3 * flat + 0.1
    assert seconds("<p " + "a=1 " * 100_000 + ">") < 3 * flat + 0.1


@given(st.text(alphabet=st.sampled_from("<>/!-='\" abpdiv\n&;20€EUR:"), max_size=200))
def test_any_page_is_borne(source: str) -> None:
    page = read_page(source)
    covered = "".join(source[piece.start : piece.end] for piece in pieces(source))
    assert covered == source
    assert not page.text.startswith("\n")
