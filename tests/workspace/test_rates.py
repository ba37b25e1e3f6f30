from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from clewline.errors import RatesFileError, UsageError
from clewline.reports.case import utc
from clewline.workspace import Rates
from clewline.workspace.rates import fiat_of

DAY = 86_400
NEW_YEAR = 1_609_459_200  # 2021-01-01
TABLE = """date,pair,rate,source
2021-01-02,BTC/USD,32000.50,made up
2021-01-01,BTC/USD,29000,made up
2021-01-01,BTC/EUR,24000,made up
2021-01-01,ETH/USD,700,made up
"""


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "rates.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_figure_names_its_rate_and_its_time(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE)
    rates = Rates.read(path, "usd")
    assert rates.source == {
        "file": "rates.csv",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "pair": "BTC/USD",
        "rule": "the nearest earlier rate, at most 86,400 seconds old",
    }
    assert rates.fiat(150_000_000, NEW_YEAR + DAY + 5) == {
        "fiat": "48000.75",
        "currency": "USD",
        "rate": "32000.50",
        "rate_time": "2021-01-02T00:00:00Z",
        "no_fiat": None,
    }


@pytest.mark.parametrize(
    ("time", "rate"),
    [
        (NEW_YEAR - 1, None),
        (NEW_YEAR, "29000"),
        (NEW_YEAR + DAY - 1, "29000"),
        (NEW_YEAR + DAY, "32000.50"),
        (NEW_YEAR + 2 * DAY, "32000.50"),
        (NEW_YEAR + 2 * DAY + 1, None),
    ],
)
def test_a_rate_holds_for_the_window_and_nothing_is_interpolated(
    tmp_path: Path, time: int, rate: str | None
) -> None:
    rates = Rates.read(written(tmp_path, TABLE), "USD", DAY)
    given = rates.fiat(1_000, time)
    assert given["rate"] == rate
    assert (given["fiat"] is None) == (rate is None) == (given["no_fiat"] is not None)
    price = rates.prices(np.array([100_000_000]), np.array([time]))[0]
    assert np.isnan(price) if rate is None else price == float(Decimal(rate))


def test_why_there_is_no_figure(tmp_path: Path) -> None:
    rates = Rates.read(written(tmp_path, TABLE), "USD", 60)
    assert "there is none earlier" in str(rates.fiat(1, NEW_YEAR - 1)["no_fiat"])
    assert f"the last is of {utc(NEW_YEAR)}" in str(rates.fiat(1, NEW_YEAR + 61)["no_fiat"])
    assert fiat_of(None, 1, NEW_YEAR)["no_fiat"] == "no file of rates was given"


def test_halves_go_to_the_even_cent(tmp_path: Path) -> None:
    rates = Rates.read(written(tmp_path, "date,pair,rate\n2021-01-01,BTC/USD,1\n"))
    given = [rates.fiat(value, NEW_YEAR)["fiat"] for value in (500_000, 1_500_000, 2_500_000)]
    assert given == ["0.00", "0.02", "0.02"]


@pytest.mark.parametrize(
    "moment", ["2021-01-01T01:00:00Z", "2021-01-01T02:00:00+01:00", "1609462800"]
)
def test_times_in_every_form(tmp_path: Path, moment: str) -> None:
    rates = Rates.read(written(tmp_path, f"\ufefftime,pair,rate\r\n{moment},btc/usd, 5 \r\n"))
    assert (rates.times, rates.rates, rates.currency) == ((NEW_YEAR + 3600,), (Decimal(5),), "USD")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("date,rate\n", "needed: time or date, pair, rate"),
        ("date,time,pair,rate\n", "needed: time or date, pair, rate"),
        ("date,pair,rate,volume\n", "columns are date, pair, rate, volume"),
        ("date,pair,rate\n2021-01-01,BTC/USD\n", "rates.csv:2: 2 cells where the header has 3"),
        ("date,pair,rate\n2021-13-01,BTC/USD,5\n", "rates.csv:2: '2021-13-01' is no date"),
        ("date,pair,rate\n2021-01-01,BTCUSD,5\n", "'BTCUSD' is no pair like BTC/USD"),
        ("date,pair,rate\n2021-01-01,BTC/USD,=5\n", "'=5' is no price above zero"),
        ("date,pair,rate\n2021-01-01,BTC/USD,0\n", "'0' is no price above zero"),
        ("date,pair,rate\n2021-01-01,BTC/USD,NaN\n", "'NaN' is no price above zero"),
        ("date,pair,rate\n2021-01-01,BTC/USD,1e999999\n", "is no price above zero"),
        ("date,pair,rate\n2021-01-01,ETH/USD,5\n", "no rate of a pair BTC/"),
        (
            "date,pair,rate\n2021-01-01,BTC/USD,5\n2021-01-01,BTC/USD,6\n",
            "rates.csv:3: a second, other rate of BTC/USD for 2021-01-01T00:00:00Z",
        ),
        ('date,pair,rate\n"2021-01-01,BTC/USD,5\n', "not CSV"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(RatesFileError) as error:
        Rates.read(written(tmp_path, text))
    assert words in str(error.value)


def test_a_file_that_is_not_there_or_a_currency_that_is_not_in_it(tmp_path: Path) -> None:
    with pytest.raises(RatesFileError, match=r"none.csv: cannot be read"):
        Rates.read(tmp_path / "none.csv")
    path = written(tmp_path, TABLE)
    with pytest.raises(UsageError, match="several currencies: EUR, USD"):
        Rates.read(path)
    with pytest.raises(UsageError, match="no rate of BTC/GBP; the file prices in: EUR, USD"):
        Rates.read(path, "GBP")
    with pytest.raises(UsageError, match="1 second or more"):
        Rates.read(path, "USD", 0)


def test_the_same_rate_twice_is_one(tmp_path: Path) -> None:
    row = "2021-01-01,BTC/USD,5\n"
    assert Rates.read(written(tmp_path, "date,pair,rate\n" + row + row)).times == (NEW_YEAR,)
