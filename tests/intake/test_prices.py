"""Prices and periods as people write them, in several languages and scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.intake.prices import find_periods, find_prices, folded


@pytest.mark.parametrize(
    ("shown", "value", "certainty"),
    [
        ("US$ 20", "20 USD", "certain"),
        ("20$", "20 USD", "likely"),
        ("€20", "20 EUR", "certain"),
        ("1 500,00 €", "1500 EUR", "certain"),
        ("1\u202f500,00\u00a0€", "1500 EUR", "certain"),
        ("1,500.00 USD", "1500 USD", "certain"),
        ("1'500.50 CHF", "1500.5 CHF", "certain"),
        ("1.500 EUR", "1500 EUR", "ambiguous"),
        ("1,500 EUR", "1500 EUR", "ambiguous"),
        ("1.234.567,89 EUR", "1234567.89 EUR", "certain"),
        ("1,00,000 INR", "100000 INR", "certain"),
        ("2k USD", "2000 USD", "certain"),
        ("$2.5k", "2500 USD", "likely"),
        ("1-2k USD", "1000-2000 USD", "certain"),
        ("0.0015 BTC", "0.0015 BTC", "certain"),
        ("0,0015 BTC", "0.0015 BTC", "certain"),
        ("50000 sats", "50000 SAT", "certain"),
        ("10-20 EUR", "10-20 EUR", "certain"),
        ("10 \u2013 20 EUR", "10-20 EUR", "certain"),
        ("$10 - $20", "10-20 USD", "likely"),
        ("10 to 20 USD", "10-20 USD", "certain"),
        ("10 EUR bis 20 EUR", "10-20 EUR", "certain"),
        ("\u0662\u0660 EUR", "20 EUR", "certain"),
        ("\u0661\u0662\u066b\u0665 EUR", "12.5 EUR", "certain"),
        ("\uff12\uff10円", "20 JPY", "certain"),
        ("3,000円", "3000 JPY", "certain"),
        ("1.2万円", "12000 JPY", "certain"),
        ("200元", "200 CNY", "certain"),
        ("500 руб", "500 RUB", "certain"),  # noqa: RUF001
        ("5 тыс. руб", "5000 RUB", "certain"),  # noqa: RUF001
        ("R$ 1.500,00", "1500 BRL", "certain"),
        ("20,50 zł", "20.5 PLN", "certain"),
        ("150 TL", "150 TRY", "certain"),
        ("kr 200", "200 SEK", "likely"),
        ("20,- Kč", "20 CZK", "certain"),
        ("¥500", "500 JPY", "likely"),
        ("USD20", "20 USD", "certain"),
        ("20 dollars", "20 USD", "likely"),
        ("$20 USD", "20 USD", "certain"),
        ("A$20", "20 AUD", "certain"),
        ("3 DASH", "3 DASH", "certain"),
        ("10 TRY", "10 TRY", "certain"),
    ],
)
def test_a_price(shown: str, value: str, certainty: str) -> None:
    text = f"Made up: {shown}; nothing else"
    (found,) = find_prices(text)
    assert (found.value, found.certainty) == (value, certainty)
    assert found.shown == text[found.start : found.end] == shown


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3",
        "20 pages in 2021",
        "Basic 10 try it",
        "10 top sites, 5 dot",
        "call 0123456789",
        "$",
        "EUR",
        "1" * 100 + " EUR",
    ],
)
def test_no_price(text: str) -> None:
    assert list(find_prices(text)) == []


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("from 20€", "20", None),
        ("ab 20 EUR", "20", None),
        ("20€+", "20", None),
        ("від od 20 zł", "20", None),
        ("up to 50 EUR", None, "50"),
        ("bis zu 50 EUR", None, "50"),
    ],
)
def test_open_ends(text: str, least: str | None, most: str | None) -> None:
    (found,) = find_prices(text)
    assert found.details.get("amount_min") == least
    assert found.details.get("amount_max") == most


def test_both_readings_of_what_can_be_read_twice() -> None:
    (found,) = find_prices("1.500 EUR")
    assert found.details["amount_readings"] == ("1500", "1.5")
    (found,) = find_prices("1.500 BTC")
    assert found.details["amount_readings"] == ("1.5", "1500")
    (found,) = find_prices("20$")
    assert "CAD" in found.details["other_currencies"]


@pytest.mark.parametrize(
    "text", ["50 USD in BTC", "50 USD (BTC)", "50 USD worth of bitcoin", "50 EUR in Bitcoin"]
)
def test_currency_of_payment(text: str) -> None:
    (found,) = find_prices(text)
    assert found.details["currency_of_payment"] == "BTC"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            "daily",
            "daily|/day|pro Tag|par jour|al día|al giorno|por dia|per dag|в день|/日|每天|günlük",
        ),
        (
            "weekly",
            "weekly|/ week|pro Woche|par semaine|por semana|a settimana|per week|в неделю|7 days",
        ),
        (
            "monthly",
            "monthly|/mo|/ month|per month|pro Monat|monatlich|par mois|al mes|al mese|por mês"
            "|per maand|miesięcznie|в месяц|/мес|aylık|月額|/月|每月|30 days|1 month|4 weeks",  # noqa: RUF001
        ),
        (
            "quarterly",
            "quarterly|3 months|every 3 months|vierteljährlich|90 Tage|3 мес|3か月|3个月",
        ),
        (
            "yearly",
            "yearly|/ year|per year|jährlich|pro Jahr|par an|al año|all'anno annuale|por ano"
            "|per jaar|rocznie|в год|yıllık|年額|/年|12 months|365 days",  # noqa: RUF001
        ),
        (
            "lifetime",
            "lifetime|lebenslang|à vie|de por vida|a vita|vitalício|levenslang|навсегда|永久",
        ),
        (
            "one-off",
            "one-time|einmalig|paiement unique|pago único|una tantum|eenmalig|jednorazowo|разовый",
        ),
    ],
)
def test_periods_in_several_languages(value: str, words: str) -> None:
    for word in words.split("|"):
        found = list(find_periods(f"20 EUR {word}."))
        assert [one.value for one in found] == [value], word


def test_a_period_without_a_word_of_its_own() -> None:
    (found,) = find_periods("6 months")
    assert (found.value, found.certainty) == ("180 days", "ambiguous")


LOCALES = [("", "."), ("", ","), (",", "."), (".", ","), (" ", ","), ("\u00a0", ","), ("'", ".")]


@given(
    st.integers(1, 10**9),
    st.integers(0, 99),
    st.sampled_from(LOCALES),
    st.sampled_from(
        ["{} EUR", "EUR {}", "€{}", "{}€", "{} €", "USD {}", "{} USD", "zł {}", "{} £"]
    ),
    st.sampled_from("\u06600\uff10\u0966"),
)
def test_a_price_in_a_locale_is_found_again(
    whole: int, cents: int, locale: tuple[str, str], form: str, zero: str
) -> None:
    group, point = locale
    number = f"{whole:,}".replace(",", group) + f"{point}{cents:02}"
    shown = number.translate({ord(str(i)): chr(ord(zero) + i) for i in range(10)})
    (found,) = find_prices(f"made up, {form.format(shown)} a month")
    amount = f"{whole}.{cents:02}".rstrip("0").rstrip(".")
    assert found.details["amount_min"] == found.details["amount_max"] == amount
    assert "amount_readings" not in found.details


@given(st.text(max_size=200))
def test_any_text_is_borne(text: str) -> None:
    assert len(folded(text)) == len(text)
    for found in (*find_prices(text), *find_periods(text)):
        assert found.shown == text[found.start : found.end]
