"""A payment page, read. All pages here are made up."""

from __future__ import annotations

import hashlib

import pytest

from clewline.errors import DataError
from clewline.intake import ProposalKind, read_page
from clewline.intake.page_text import LARGEST

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
