"""What a paste proposes to a person, and what is known beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, SEEN, option, page

from clewline.desk.chain_store import FromChain
from clewline.desk.records import queries
from clewline.desk.records.models import Address, Attribution
from clewline.desk.records.proposals import cut, new_addresses, read_paste, token_of
from clewline.desk.records.services import record
from clewline.errors import DataError
from clewline.intake import read_page

NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEY = ("BTC", "main", ADDRESS)


def test_an_address_with_its_terms_is_one_row() -> None:
    read = read_paste(f"Made up. VIP: 20 EUR / month\nBitcoin: {ADDRESS}", NOW)
    (row,) = read.rows
    said = row.fields
    assert (said["address_shown"], said["asset"]) == (ADDRESS, "BTC")
    assert (said["amount_min"], said["price_currency"], said["period"]) == ("20", "EUR", "monthly")
    assert said["reading"] == f"BTC|main|{ADDRESS}"
    assert ("BCH", "bitcoin-cash") in {tuple(value.split("|")[:2]) for value, _ in said["readings"]}


def test_a_payment_uri_gives_its_parameters() -> None:
    source = f'<p>Made up<a href="bitcoin:{OTHER_ADDRESS}?amount=0.0015&label=made-up">pay</a>'
    (row,) = read_paste(source, NOW).rows
    assert row.fields["form"] == "payment_uri"
    assert "amount=0.0015" in row.fields["uri_parameters"]
    assert "attribute href of <a>" in row.place


def test_prices_of_the_page_are_a_range_and_a_choice() -> None:
    ways = f"BTC {OTHER_ADDRESS}\nTRX TJRyWwFs9wTFGZg3JbrVriFbNfCug5tDeC"
    text = f"Made up.\nBasic 20 EUR\nGold 80 EUR\n\n{ways}"
    rows = read_paste(text, NOW).rows
    assert [row.fields["asset"] for row in rows] == ["BTC", "TRX"]
    for row in rows:
        assert (row.fields["amount_min"], row.fields["amount_max"]) == ("20", "80")
        assert row.prices == ("20 EUR", "80 EUR")


def test_contacts_and_credit_are_rows_of_their_own() -> None:
    text = "Made up. Telegram: @made_up_shop\nEarn credits by uploading your own files."
    rows = read_paste(text, NOW).rows
    assert [row.fields.get("contact_kind") for row in rows] == ["telegram", None]
    assert rows[1].fields["credit"] == "uploading"


def test_an_invoice_expires_after_it_was_seen() -> None:
    (row,) = read_paste(f"Made up. BTC {OTHER_ADDRESS}. Valid for 20 minutes.", NOW).rows
    assert row.fields["invoice_expires_at"] == NOW + timedelta(minutes=20)


def test_indicators_are_apart_from_those_set_aside() -> None:
    read = read_paste(
        "<p>Made up</p><!-- 203.0.113.7 --><a href='http://made-up-host.se/'>x</a>", NOW
    )
    assert "made-up-host.se" in [one.value for one in read.links]
    assert "203.0.113.7" in [one.value for one in read.aside]
    assert not any("made-up" in token_of(one) for one in read.links)


def test_a_paste_that_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="media file"):
        read_paste("\x89PNG\r\n", NOW)
    assert cut("a data:image/png;base64,AAAA b") == "a [removed: data URI, 26 characters] b"


def test_refreshed_addresses_take_the_place_of_those_before() -> None:
    reading = read_page(f"Made up. BTC {OTHER_ADDRESS} and {ADDRESS}")
    assert new_addresses(reading, [("BTC", ADDRESS)]) == ([OTHER_ADDRESS], [ADDRESS])
    assert new_addresses(reading, [("", ""), ("XMR", "4x")])[0] == ["", ""]


def attribute(world: World, **fields: Any) -> None:
    """Say that an exchange holds the address."""
    address, _ = Address.objects.get_or_create(chain="BTC", network="main", canonical=ADDRESS)
    settled = {"label": "Made-up Exchange", "source": "made up", "confidence": "authority_data"}
    analyst = world.person("analyst")
    Attribution.objects.create(
        address=address, team=world.team, by=analyst, custody="deposit", **{**settled, **fields}
    )


def test_an_exchange_calls_for_a_custody_check(world: World) -> None:
    attribute(world)
    mine = queries.known(world.person("analyst"), [KEY])[KEY]
    assert "Made-up Exchange" in mine.custody and mine.labels == ("Made-up Exchange",)
    theirs = queries.known(world.person("analyst", stranger=True), [KEY])[KEY]
    assert theirs == queries.Known(chain="no chain store is attached")


def test_the_chain_store_may_infer_a_deposit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def said(*key: str) -> FromChain:
        asked.append(key)
        return FromChain("found", "as of block 7", {"deposit_of": {"entity": "made up"}})

    monkeypatch.setattr("clewline.desk.chain_store.of_address", said)
    found = queries.known(world.person("analyst"), [KEY, KEY])[KEY]
    assert (found.chain, asked) == ("as of block 7", [KEY])
    assert "infers a deposit address" in found.custody


def test_a_busy_store_keeps_nobody_waiting_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def busy(*key: str) -> FromChain:
        asked.append(key)
        return FromChain("error", "the chain store is busy: try again")

    monkeypatch.setattr("clewline.desk.chain_store.of_address", busy)
    keys = [("BTC", "main", f"made-up-{i}") for i in range(5)]
    found = queries.known(world.person("analyst"), keys)
    assert len(asked) == 1 and found[keys[0]].chain.startswith("the chain store is busy")


def test_what_is_known_costs_three_queries(world: World, django_assert_num_queries: Any) -> None:
    analyst = world.person("analyst")
    record(analyst, page(option(), option(OTHER_ADDRESS), observed_at=SEEN))
    analyst.team_ids  # noqa: B018 - asked once a request
    keys = [KEY, ("BTC", "main", OTHER_ADDRESS), ("BTC", "main", "nobody's")]
    with django_assert_num_queries(3):
        found = queries.known(analyst, keys)
    assert [found[key].times for key in keys] == [1, 1, 0]
    assert found[KEY].first == SEEN and found[KEY].brands == ("Grey Heron",)
