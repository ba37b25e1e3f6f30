"""Addresses of Bitcoin and of the other currencies that labels come in."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from clewline.labels.addresses import address_faults, as_shown, why_not_an_address

# Published by their owners or made up; each is valid.
VALID = {
    "LTC": ["LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb", "ltc1qmrf5gsptkp2xsunvxc57txjhr53w4d5003smpe"],
    "BCH": [
        "1K1rgZ1dz9w7dsR1HGS1drmzfUHMtqx1Tc",
        "bitcoincash:qptsxhxxuyww0a3s3gy2ee9cwdgjhz7pqyw9d2dwsl",
        "qptsxhxxuyww0a3s3gy2ee9cwdgjhz7pqyw9d2dwsl",
    ],
    "ZEC": ["t1ZmpK4QFcvyQZ3ghTgSboBW8b4HgiZHQF9"],
    "TRX": ["TV6MuMXfmLbBqPZvBHdwFsDnQeVfnmiuSi"],
    "DOGE": ["DFCT8ZPq6MytZU3HSvbTJevxt4MLq2Xasu"],
    "DASH": ["XkW5GRvMfUmVCTxZF5L8P75zNhUnzmBkjA"],
    "ETH": ["0xFA8E3920daF271daB92Be9B87d9998DDd94FEF08"],
}


@pytest.mark.parametrize(("asset", "text"), [(a, t) for a, ts in VALID.items() for t in ts])
def test_one_character_decides(asset: str, text: str) -> None:
    assert why_not_an_address(text, asset) is None
    for at in range(len(text) - 8, len(text)):
        for other in "023qw":
            if text[at] != other and asset != "ETH":
                assert why_not_an_address(text[:at] + other + text[at + 1 :], asset)
    assert why_not_an_address(text[:-1], asset)
    assert why_not_an_address("", asset) or asset == "ZEC"


def test_address_of_another_currency_is_refused() -> None:
    assert why_not_an_address(VALID["LTC"][0], "DOGE") == "it belongs to another network"
    assert why_not_an_address(VALID["DOGE"][0], "TRX") == "an address of another currency"
    assert why_not_an_address(VALID["ETH"][0], "LTC")
    assert why_not_an_address("ecash:qpuqempp9cv9u00jht2yvhhelmtudpvp6q680ygtfe", "BCH")


def test_unknown_currency_is_kept_unchecked() -> None:
    assert why_not_an_address("anything", "EOS") is None


def test_endless_text_is_refused_at_once() -> None:
    assert why_not_an_address("1" * 5_000_000, "LTC") == "too long"


@pytest.mark.parametrize("asset", ["ltc", "bch", "zec"])
def test_real_addresses(fixtures_dir: Path, asset: str) -> None:
    with lzma.open(fixtures_dir / "addresses" / f"real_{asset}.txt.xz", "rt") as lines:
        texts = [line.strip() for line in lines][::40]
    assert len(texts) > 2000
    assert not [text for text in texts if why_not_an_address(text, asset.upper())]


def test_faults_say_what_was_meant() -> None:
    good = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
    faults = address_faults(
        [good, good[:-1] + "U", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"], "main"
    )
    assert sorted(faults) == [1, 2]
    assert good in str(faults[1].hint)
    assert "test" in faults[2].reason


def test_many_bad_addresses_stay_quick() -> None:
    assert len(address_faults(["1BoatSLRHtKNngkdXEeobR76b53LETtpyU"] * 20_000, "main")) == 20_000


def test_as_shown() -> None:
    assert as_shown("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4").islower()
    assert as_shown("1BoatSLRHtKNngkdXEeobR76b53LETtpyT") == "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
