"""What is found by a keyed index, in whatever form it was typed."""

from __future__ import annotations

import pytest

from clewline.desk.records import keyed


@pytest.mark.parametrize(
    "text",
    [
        "https://site.example/pay",
        "HTTPS://Site.Example:443/pay#top",
        "hxxps://site[.]example/pay",
        "  hxxps[://]site(dot)example/pay ",
        "https://somebody@site.example./pay",
    ],
)
def test_one_page_has_one_index(text: str) -> None:
    assert keyed.url_indexes(text) == keyed.url_indexes("https://site.example/pay")
    assert keyed.host_index(text) == keyed.host_index("site.example")


@pytest.mark.parametrize(
    "text",
    [
        "http://site.example/pay",
        "https://site.example:8443/pay",
        "https://site.example/Pay",
        "https://site.example/pay?x=1",
    ],
)
def test_another_page_has_another(text: str) -> None:
    assert keyed.url_indexes(text) != keyed.url_indexes("https://site.example/pay")
    assert keyed.host_index(text) == keyed.host_index("site.example")


def test_without_a_scheme_both_are_asked() -> None:
    assert keyed.url_indexes("site.example/pay") == [
        *keyed.url_indexes("http://site.example/pay"),
        *keyed.url_indexes("https://site.example/pay"),
    ]


@pytest.mark.parametrize("text", ["", "no site", "word", "https://", "://x.y", "a\nb.example"])
def test_what_is_no_page_has_none(text: str) -> None:
    assert keyed.url_indexes(text) == []
    assert keyed.host_index(text) is None


def test_contacts_are_compared_without_case_and_marks() -> None:
    assert keyed.contact_index("@Made_Up") == keyed.contact_index("made_up")
    assert keyed.contact_index("A@Mail.Example") == keyed.contact_index("mailto:a@mail.example")
    assert keyed.contact_index("+44 20 7946 0000") == keyed.contact_index("+44-20-7946-0000")
    assert keyed.contact_index("1") != keyed.contact_index("2")
