"""Searching, the page of an address and a case, in a real browser, by keyboard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.records.pages import ADDRESS, option, page

from clewline.desk.addresses.services import attribute, set_status
from clewline.desk.cases.models import Case
from clewline.desk.records.services import record

KEY = ("BTC", "main", ADDRESS)


def show(page: Page, name: str, colours: str) -> None:
    """Hold a page against the rules, and keep a picture of it where CLEWLINE_SHOTS says."""
    assert_accessible(page)
    if directory := os.environ.get("CLEWLINE_SHOTS"):
        page.screenshot(path=Path(directory) / f"{name}-{colours}.png", full_page=True)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_from_a_pasted_address_to_a_case(live_desk: LiveDesk, colours: str) -> None:
    world = live_desk.world
    owner, analyst = world.person("investigator"), world.person("analyst")
    sighting = record(analyst, page(option(), report_ref="RMS-2026/17"))
    for label, category, confidence in (
        ("Exchange A (made up)", "exchange", "authority_data"),
        ("Site B (made up)", "child_sexual_abuse", "web_crawl"),
    ):
        attribute(
            analyst,
            world.team,
            KEY,
            label=label,
            category=category,
            source="a made-up letter",
            confidence=confidence,
            custody="deposit" if category == "exchange" else "self",
            obtained="authority",
        )
    set_status(analyst, world.team, KEY, "disputed", "made up: sources differ")
    with live_desk.signed_in(owner, color_scheme=colours) as window:
        window.goto("/")
        # The whole way without a mouse.
        window.keyboard.press("/")
        window.keyboard.type(f"bitcoin:{ADDRESS}?amount=1")
        window.keyboard.press("Enter")
        expect(window.get_by_text("Known to your teams or cases.")).to_be_visible()
        show(window, "search-answer", colours)
        window.goto("/cases/")
        window.keyboard.press("Alt+o")
        window.wait_for_url("**/cases/open/")
        show(window, "case-open", colours)
        window.get_by_label("Codename").fill("Amber Kettle")
        window.get_by_label("Title").fill("A made-up title")
        window.get_by_label("Legal basis").fill("A made-up basis")
        window.keyboard.press("Control+Enter")
        window.wait_for_url("**/cases/C-*/")
        case = Case.objects.get()
        window.get_by_label("Address, transaction").fill(sighting.ref)
        window.get_by_label("Why it belongs here").fill("made up")
        window.keyboard.press("Control+Enter")
        expect(window.get_by_role("rowheader", name=sighting.ref)).to_be_visible()
        window.goto(f"/addresses/BTC/main/{ADDRESS}/")
        window.keyboard.press("Alt+c")
        window.get_by_label("Why it belongs there").fill("made up")
        window.keyboard.press("Enter")
        expect(window.get_by_role("link", name="Amber Kettle")).to_be_visible()
        show(window, "address", colours)
        window.goto(f"/cases/{case.ref}/")
        show(window, "case", colours)
        window.keyboard.press("Alt+n")
        window.wait_for_url("**/notes/")
        window.get_by_role("textbox", name="Note").fill("A made-up note,\nin two lines.")
        window.keyboard.press("Control+Enter")
        expect(window.get_by_text("A made-up note,")).to_be_visible()
        show(window, "case-notes", colours)
        window.goto("/cases/")
        show(window, "cases", colours)
        window.goto("/search/")
        listed = f"{ADDRESS}\nS-00000-00000\nAmber Kettle\nhttp://made-up-site.example/pay"
        window.get_by_label("A list, one on each line").fill(listed)
        window.keyboard.press("Control+Enter")
        expect(window.get_by_role("heading", name="4 rows")).to_be_visible()
        show(window, "search-list", colours)


def test_pages_open_with_forms_that_were_not_taken(live_desk: LiveDesk) -> None:
    with live_desk.signed_in(live_desk.world.person("investigator")) as window:
        window.goto(f"/addresses/BTC/main/{ADDRESS}/")
        window.keyboard.press("Alt+a")
        window.get_by_label("Label").fill("made up")
        window.get_by_label("Stands until").evaluate("field => field.type = 'text'")
        window.get_by_label("Stands until").fill("no day")
        window.get_by_label("Source", exact=True).fill("made up")
        window.keyboard.press("Enter")
        expect(window.get_by_text("Enter a valid date.")).to_be_visible()
        assert_accessible(window)
    # A browser complains of the answer 400, and of what was written over its own field of days.
    meant = ("400", "no day")
    live_desk.complaints[:] = [
        one for one in live_desk.complaints if not any(word in one for word in meant)
    ]
