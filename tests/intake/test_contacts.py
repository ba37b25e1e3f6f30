"""Contacts and what a page says of its own terms. Every name here is made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.intake.contacts import KINDS, find_contacts, find_keys
from clewline.intake.pgp import BEGIN, END
from clewline.intake.terms import find_credit, find_expiries

# The example of `clewline.intake.pgp.fingerprint`.
KEY = "xjMEU/NfCxYJKwYBBAHaRw8BAQdAPwmJlL3ZFu1AUxl5NOSofIBzOhKA1i+AEJku\nQ+47JAY="


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("https://t.me/Made_Up", "telegram", "made_up"),
        ("telegram.me/+AbCdEf", "telegram", "+abcdef"),
        ("tg://resolve?domain=made_up", "telegram", "made_up"),
        ("Telegram: @Made_Up", "telegram", "made_up"),
        ("Телеграм: @made_up", "telegram", "made_up"),
        ("wa.me/491234567890", "whatsapp", "+491234567890"),
        ("WhatsApp: +49 (123) 456-7890", "whatsapp", "+491234567890"),
        ("signal.me/#p/+491234567890", "signal", "+491234567890"),
        ("Signal: made_up.42", "signal", "made_up.42"),
        ("Session 05" + "ab" * 32, "session", "05" + "ab" * 32),
        ("xmpp:made@up.example", "xmpp", "made@up.example"),
        ("Jabber: made [at] up [dot] example", "xmpp", "made@up.example"),
        ("@made:up.example", "matrix", "@made:up.example"),
        ("https://discord.gg/MadeUp", "discord", "MadeUp"),
        ("Discord: made.up#1234", "discord", "made.up#1234"),
        ("Threema: ABCD1234", "threema", "ABCD1234"),
        ("https://threema.id/abcd1234", "threema", "ABCD1234"),
        ("https://simplex.chat/contact#/?v=1&smp=made%2Fup0123456789", "simplex", None),
        ("Wickr Me: made_up", "wickr", "made_up"),
        ("ICQ: 123-456-789", "icq", "123456789"),
        ("Skype: live:made.up", "skype", "live:made.up"),
        ("made.up@site.example", "email", "made.up@site.example"),
        ("mailto:Made@Site.example", "email", "made@site.example"),
        ("made (at) site (dot) example", "email", "made@site.example"),
        ("PGP: " + " ".join(["ABCD"] * 10), "pgp", "ABCD" * 10),
    ],
)
def test_a_contact(text: str, kind: str, value: str | None) -> None:
    whole = f"Made up; {text}, and nothing else"
    (found,) = find_contacts(whole)
    assert found.details["contact"] == kind
    assert value in (None, found.value)
    assert found.shown == whole[found.start : found.end]


def test_a_tox_id_needs_its_checksum() -> None:
    even = odd = 0
    for i in range(0, 36, 2):
        even, odd = even ^ i, odd ^ (i + 1)
    good = bytes([*range(36), even, odd]).hex().upper()
    (found,) = find_contacts(f"Tox: {good}")
    assert found.value == good
    assert list(find_contacts(f"Tox: {good[:-1]}{'0' if good[-1] != '0' else '1'}")) == []


@pytest.mark.parametrize(
    "text", ["telegram channel", "signal strength: good", "@nobody", "a@b", "discord: a", "20 EUR"]
)
def test_no_contact(text: str) -> None:
    assert list(find_contacts(text)) == []


def test_a_key_block_is_known_by_its_fingerprint() -> None:
    block = f"{BEGIN}\n\n{KEY}\n{END}"
    (found,) = find_keys(f"<pre>{block}</pre>", f"Made up\n{BEGIN}\n")
    assert (found.value, found.start) == ("C959BDBAFA32A2F89A153B678CFDE12197965A9A", 8)


def test_a_broken_key_block_is_known_by_its_hash_alone() -> None:
    body = "\n".join(["mQENBmadeup" + "A+/b" * 13] * 5)
    text = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}\n-----END PGP PUBLIC KEY BLOCK-----"
    (found,) = find_keys(text, text)
    assert found.value.startswith("sha256:")
    assert "madeup" not in str(found)
    (same,) = find_keys(text.replace("\n", "\r\n"), "")
    assert (same.value, same.place, same.start) == (found.value, "source", None)


def test_every_kind_says_how_it_is_written() -> None:
    assert all(row.shown_as and row.needs for row in KINDS)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("expires in 15:00", "900"),
        ("Valid for 20 minutes", "1200"),
        ("time left: 00:14:59", "899"),
        ("1 hour left", "3600"),
        ("Läuft ab in 30 Minuten", "1800"),
        ("осталось 20 минут", "1200"),
        ("有効期限\uff1a15分", "900"),
        ("剩余 15:00", "900"),
    ],
)
def test_how_long_an_invoice_is_good_for(text: str, seconds: str) -> None:
    (found,) = find_expiries(text)
    assert found.value == seconds


def test_times_of_other_things_are_none() -> None:
    assert list(find_expiries("the film is 20 minutes long, it begins at 15:00")) == []


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("Upload files to earn credits", "uploading"),
        ("Invite friends and get points", "referring"),
        ("Buy coins to go on", "paying"),
        ("Guthaben aufladen", "paying"),
        ("Пополните баланс: кредиты", "paying"),
        ("ポイントを購入", "paying"),
    ],
)
def test_how_credit_is_come_by(text: str, how: str) -> None:
    found = list(find_credit(f"Made up. {text}. The end."))
    assert [one.value for one in found] == [how]
    assert not found[0].shown
    assert found[0].start == len("Made up. ")


@given(st.text(max_size=200))
def test_any_text_is_borne(text: str) -> None:
    for found in (*find_contacts(text), *find_expiries(text)):
        assert found.shown == text[found.start : found.end]
    list(find_credit(text))
