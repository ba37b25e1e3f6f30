"""What is recorded of a page, once, with its sensitive parts sealed."""

from __future__ import annotations

import base64
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, URL, WRONG_ADDRESS, option, page

from clewline.desk.ledger import index_of
from clewline.desk.records.models import Address, Brand, Indicator, PaymentOption, Sighting
from clewline.desk.records.services import (
    AccountDraft,
    IndicatorDraft,
    OptionDraft,
    canonical_contact,
    record,
    refresh,
    supersede,
    withdraw,
)
from clewline.errors import DataError, UsageError
from clewline.intake.likeness import Sketch, bands


def test_a_page_is_recorded(world: World) -> None:
    analyst = world.person("analyst")
    draft = page(
        option(),
        OptionDraft(
            rail="card", form="contact_seller", contact="@Some_Handle", contact_kind="messenger"
        ),
        accounts=(AccountDraft(fact="hosting", says="NL", obtained="partner"),),
        indicators=(
            IndicatorDraft(kind="email", value="a@b.example", place="text", start=1, end=9),
        ),
        page_text="A made-up page.",
        page_hash="0" * 64,
        protected_source="somebody who must not be named",
    )
    made = record(analyst, draft)
    found = Sighting.objects.get(ref=made.ref)
    assert found.team == world.team
    assert found.brand is not None and found.brand.codename == "Grey Heron"
    assert found.unseal("wording") == draft.wording
    assert found.unseal("url") == URL
    assert found.unseal("page_text") == "A made-up page."
    assert found.unseal("protected_source") == draft.protected_source
    assert bytes(found.url_index) == index_of("url", URL)
    assert bytes(found.host_index) == index_of("host", "made-up-site.example")
    assert found.accounts == [{"fact": "hosting", "says": "NL", "obtained": "partner"}]
    first, second = found.options.all()
    assert (first.address.canonical, first.address.chain, first.checksum_ok) == (
        ADDRESS,
        "BTC",
        True,
    )
    assert second.address is None
    assert second.unseal("contact") == "@Some_Handle"
    assert bytes(second.contact_index) == index_of("contact", "some_handle")
    indicator = found.indicators.get()
    assert indicator.unseal("value") == "a@b.example"


def test_nothing_sensitive_stands_in_a_row(world: World) -> None:
    draft = page(option(contact="@Some_Handle"), protected_source="somebody", page_text="the page")
    made = record(world.person("analyst"), draft)
    rows = [*Sighting.objects.values(), *PaymentOption.objects.values()]
    shown = repr(
        [{k: bytes(v) if isinstance(v, memoryview) else v for k, v in r.items()} for r in rows]
    )
    for secret in (URL, "made-up-site", draft.wording, "Some_Handle", "somebody", "the page"):
        assert secret not in shown
    assert len(made.fingerprint) == 19


def test_the_same_form_records_once(world: World) -> None:
    analyst, draft = world.person("analyst"), page()
    assert record(analyst, draft) == record(analyst, draft)
    assert Sighting.objects.count() == 1
    # Another person's form of the same number is another form.
    record(world.person("analyst", stranger=True), draft)
    assert Sighting.objects.count() == 2


def test_a_form_that_was_changed_after_saving_is_not_dropped_in_silence(world: World) -> None:
    analyst, draft = world.person("analyst"), page()
    made = record(analyst, draft)
    with pytest.raises(UsageError, match=f"saved already, as {made.ref}"):
        record(analyst, dataclasses.replace(draft, neutral_summary="something else"))


def test_an_address_of_one_form_is_one_row(world: World) -> None:
    analyst = world.person("analyst")
    record(analyst, page(option(OTHER_ADDRESS)))
    record(analyst, page(option(OTHER_ADDRESS.upper()), option(ADDRESS)))
    assert Address.objects.count() == 2
    assert Address.objects.get(canonical=OTHER_ADDRESS).options.count() == 2


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"address": WRONG_ADDRESS}, "option 1: address"),
        ({"address": "no address at all"}, "option 1: address"),
        ({"asset": ""}, "say which is meant"),
        ({"chain": "DOGE"}, "is an address of BTC, BCH"),
        ({"amount_min": "1,000"}, "amount_min"),
        ({"amount_max": "much"}, "amount_max"),
        ({"rail": "barter"}, "option 1: rail"),
        ({"tier": "x" * 61}, "option 1: tier"),
    ],
)
def test_an_option_must_make_sense(world: World, fields: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError, match=where):
        record(world.person("analyst"), page(option(**fields)))
    assert not Sighting.objects.exists()
    assert not Address.objects.exists()


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"observed_at": timezone.now() + timedelta(hours=1)}, "observed_at"),
        ({"hosting_country": "Holland"}, "hosting_country"),
        ({"tlp": "purple"}, "sighting: tlp"),
        ({"page_hash": "abc"}, "page_hash"),
        ({"report_ref": "x" * 81}, "sighting: report_ref"),
    ],
)
def test_a_page_must_make_sense(world: World, fields: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError, match=where):
        record(world.person("analyst"), page(**fields))
    assert not Sighting.objects.exists()


def test_a_wrong_checksum_is_kept_where_somebody_confirms_that_it_stands_so(world: World) -> None:
    made = record(world.person("analyst"), page(option(WRONG_ADDRESS, as_shown=True)))
    kept = made.options.get()
    assert (kept.address.canonical, kept.checksum_ok) == (WRONG_ADDRESS, False)


def test_a_slip_is_kept_beside_what_was_meant(world: World) -> None:
    made = record(world.person("analyst"), page(option(ADDRESS, address_shown=WRONG_ADDRESS)))
    kept = made.options.get()
    assert (kept.address.canonical, kept.address_shown) == (ADDRESS, WRONG_ADDRESS)


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2).decode()
MEDIA = {
    "data URI": f"see data:image/png;base64,{PNG}",
    "base64": PNG,
    "short base64": PNG[:40],
    "JPEG": base64.b64encode(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(30)).decode(),
    "MP4": base64.b64encode(b"\x00\x00\x00\x18ftypmp42" + bytes(30)).decode(),
    "hex": (b"\x89PNG\r\n\x1a\n" + bytes(range(40))).hex(),
    "binary": "\x89PNG\r\n\x1a\n\x01\x02",
}


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize(
    "field",
    ["wording", "neutral_summary", "url", "page_text", "protected_source", "brand", "report_ref"],
)
def test_media_is_refused_in_every_text(world: World, field: str, media: str) -> None:
    with pytest.raises(DataError, match=field) as refusal:
        record(world.person("analyst"), page(**{field: MEDIA[media]}))
    assert MEDIA[media][:20] not in str(refusal.value)
    assert not Sighting.objects.exists()


@pytest.mark.parametrize("media", MEDIA)
def test_media_is_refused_inside_options_and_indicators(world: World, media: str) -> None:
    analyst, text = world.person("analyst"), MEDIA[media]
    for draft in (
        page(option(tier=text)),
        page(option(uri_parameters={"label": text})),
        page(option(contact=text)),
        page(option(address_shown=text)),
        page(indicators=(IndicatorDraft(kind="comment", value=text),)),
        page(accounts=(AccountDraft(fact="price", says=text),)),
        page(classification=({"scheme": "made up", "label": text},)),
    ):
        with pytest.raises(DataError):
            record(analyst, draft)


def test_a_correction_supersedes_and_keeps_what_nobody_saw(world: World) -> None:
    analyst = world.person("analyst")
    first = record(
        analyst,
        page(
            option(contact="@Some_Handle"),
            indicators=(IndicatorDraft(kind="email", value="a@b.example"),),
        ),
    )
    draft = page(option(OTHER_ADDRESS, contact_of=0), url="", wording="")
    second = supersede(analyst, first, draft, "The address was mistyped.")
    assert second.unseal("wording") == first.unseal("wording")
    assert second.unseal("url") == URL
    assert bytes(second.url_index) == bytes(first.url_index)
    assert second.wording_sha256 == first.wording_sha256
    assert second.options.get().unseal("contact") == "@Some_Handle"
    assert second.indicators.get().unseal("value") == "a@b.example"
    assert second.key_id != first.key_id
    assert list(Sighting.objects.standing()) == [second]
    with pytest.raises(UsageError, match="corrected or withdrawn before"):
        supersede(analyst, first, page(), "Once more.")


def test_a_withdrawal_says_why(world: World) -> None:
    analyst = world.person("analyst")
    made = record(analyst, page())
    with pytest.raises(UsageError, match="say why"):
        withdraw(analyst, made, " ")
    withdraw(analyst, made, "Another page was meant.")
    assert not Sighting.objects.standing().exists()
    with pytest.raises(UsageError, match="corrected or withdrawn"):
        withdraw(analyst, made, "Again.")
    with pytest.raises(UsageError, match="corrected or withdrawn"):
        refresh(analyst, made, [option()])


def test_a_refresh_is_the_same_page_with_other_addresses(world: World) -> None:
    analyst = world.person("analyst")
    first = record(analyst, page(tlp="red", neutral_summary="Made up."))
    second = refresh(analyst, first, [option(OTHER_ADDRESS)])
    third = refresh(analyst, first, [option(ADDRESS)])
    assert [s.rotation_index for s in (first, second, third)] == [0, 1, 2]
    assert len({s.rotation for s in (first, second, third)}) == 1
    assert (second.tlp, second.brand, second.unseal("url")) == ("red", first.brand, URL)
    assert bytes(second.url_index) == bytes(first.url_index)
    assert second.unseal("wording") == ""


def test_nobody_records_for_another_team(world: World) -> None:
    made = record(world.person("analyst"), page())
    stranger = world.person("analyst", stranger=True)
    for wrong in (
        lambda: record(stranger, page(), team=world.team),
        lambda: supersede(stranger, made, page(), "why not"),
        lambda: withdraw(stranger, made, "why not"),
        lambda: refresh(stranger, made, [option()]),
    ):
        with pytest.raises(UsageError, match="team"):
            wrong()
    assert Sighting.objects.count() == 1
    record(stranger, page())
    assert Brand.objects.count() == 2  # the codename of one team is nothing to another


def test_a_page_costs_few_queries(world: World, django_assert_num_queries: Any) -> None:
    analyst = world.person("analyst")
    record(analyst, page())
    analyst.team_ids  # noqa: B018
    many = tuple(IndicatorDraft(kind="host", value=f"h{i}.example") for i in range(50))
    with django_assert_num_queries(16):
        record(
            analyst, page(*[option(OTHER_ADDRESS, tier=str(i)) for i in range(20)], indicators=many)
        )
    assert Indicator.objects.count() == 50


def test_wording_is_compared_by_its_sketch(world: World) -> None:
    analyst = world.person("analyst")
    text = " ".join(f"made up word {chr(97 + i)}{chr(98 + i)}c" for i in range(24))
    first = record(analyst, page(read_text=text))
    second = record(analyst, page(read_text=text + " and some more"))
    one, other = (Sketch.from_bytes(bytes(made.sketch)) for made in (first, second))
    assert set(bands(one)) & set(bands(other))
    assert record(analyst, page(read_text="too short")).sketch is None


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("@Name_1", "name_1"),
        ("Somebody@Mail.Example", "somebody@mail.example"),
        ("+44 20 7946 0000", "+442079460000"),
    ],
)
def test_contacts_are_compared_in_one_form(typed: str, compared: str) -> None:
    assert canonical_contact(typed) == compared
