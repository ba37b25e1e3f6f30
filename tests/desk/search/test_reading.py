"""What a question is taken for, from its text alone."""

from __future__ import annotations

import pytest

from clewline.desk.search.reading import clean, read

BTC = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
LEGACY = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
CASH = "bitcoincash:qpmmlusvvrjj9ha2xdgv8xcrpfwsqn5rngt3k26ve2"
EVM = "0x52908400098527886E0F7030069857D2E4169EE7"
XRP = "rhvh5SrgBL5V8oeV9EpDuVszeJSSCEkbPc"


@pytest.mark.parametrize(
    ("canonical", "form"),
    [
        (BTC, BTC.upper()),
        (BTC, f"bitcoin:{BTC}?amount=0.1"),
        (BTC, f"BITCOIN:{BTC.upper()}"),
        (BTC, f"  {BTC[:20]} {BTC[20:]} "),
        (BTC, f"{BTC[:9]}\u200b{BTC[9:]}"),
        (LEGACY, LEGACY),
        (CASH, LEGACY),
        (CASH, CASH.split(":")[1]),
        (CASH, CASH.upper()),
        (EVM, EVM.lower()),
        (EVM, f"ethereum:{EVM}@1/transfer?x=1"),
        (XRP, XRP),
        (XRP, "X7gJ5YK8abHf2eTPWPFHAAot8Knck11QGqmQ7a6a3Z8PJvk"),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_every_form_of_an_address_is_the_address(canonical: str, form: str, whole: bool) -> None:
    question = read(form, whole=whole)
    assert question.kind == "address"
    assert canonical in question.canonicals


def test_a_tag_is_read() -> None:
    assert read("X7gJ5YK8abHf2eTPWPFHAAot8Knck11QGqmQ7a6a3Z8PJvk").readings[0].tag == "1337"


def test_a_slip_is_proposed_and_not_mended() -> None:
    question = read(BTC[:-1] + "5")
    assert question.did_you_mean == (BTC,)
    assert BTC not in question.canonicals


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("aa" * 32, "transaction"),
        ("0x" + "AA" * 32, "transaction"),
        ("S-7K3M2-92QDX", "reference"),
        ("hxxps://site[.]example/pay", "site"),
        ("site.example", "site"),
        ("a@mail.example", "contact"),
        ("@made_up", "contact"),
        ("+44 20 7946 0000", "contact"),
        ("bc1qw508", "beginning"),
        ("Somebody Unknown", "name"),
        ("2026/17", "name"),
        ("", "nothing"),
        ("\x00\u200b", "nothing"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert read(text).kind == kind


def test_a_reference_is_read_as_people_say_it() -> None:
    assert read("s 7k3m2 92qdx").reference == "S-7K3M2-92QDX"
    assert read("S-OIL00-11111").reference == "S-01100-11111"


def test_beginnings_take_the_case_of_their_kind() -> None:
    assert "bc1qw508" in read("BC1QW508").beginnings
    assert "bitcoincash:qpmml" in read("QPMML").beginnings
    assert read("bc1q").beginnings == ()
    assert read("bc1qw508", whole=True).beginnings == ()


@pytest.mark.parametrize("text", ["https://site.example/x", "a@mail.example", "@made_up"])
def test_what_is_sensitive_is_neither_shown_nor_written_down(text: str) -> None:
    question = read(text)
    assert question.sensitive
    for said in (question.shown, question.audited):
        assert "example" not in said
        assert "made_up" not in said


def test_what_may_be_a_name_is_written_down_by_its_index() -> None:
    assert "Somebody" not in read("Somebody Unknown").audited
    assert read("Somebody Unknown").audited == read("somebody  UNKNOWN").audited
    assert read(LEGACY).audited == LEGACY
    assert read("bc1qw508").audited == "bc1qw508"


def test_long_and_odd_texts_are_no_errors() -> None:
    for text in ("x" * 10_000, "\ud800", "%" * 400, "1" * 400, "://", "@", "+", "a\nb\tc"):
        read(text)
        read(text, whole=True)
    assert clean("a\nb") == "a b"
