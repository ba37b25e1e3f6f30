"""Recording a page with the keyboard alone, its next refresh, and the page after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.desk.browser.conftest import LiveDesk, assert_accessible

from clewline.desk.records.models import Sighting

# Published examples of BIP-173 and BIP-86.
ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
OTHER_ADDRESS = "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
THIRD_ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
PASTE = f"""Made-up page. Nothing here is real.
One month: 20 EUR
Bitcoin: {ADDRESS}
"""


def paste(page: Page, text: str) -> None:
    """Put a text on the clipboard and press the keys that paste it."""
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+V")


def look(page: Page, name: str) -> None:
    """Keep a picture of our own page where somebody wants to look at it."""
    if directory := os.environ.get("CLEWLINE_LOOK"):
        page.screenshot(path=Path(directory) / f"{name}.png", full_page=True, caret="initial")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_page_is_recorded_by_keyboard(live_desk: LiveDesk, colours: str) -> None:
    analyst = live_desk.world.person("analyst")
    with live_desk.signed_in(
        analyst, color_scheme=colours, permissions=["clipboard-read", "clipboard-write"]
    ) as page:
        page.goto("/sightings/record/")
        assert_accessible(page)
        look(page, f"record-empty-{colours}")
        expect(page.get_by_label("Site address")).to_be_focused()
        page.keyboard.type("http://made-up-site.example/pay")
        page.keyboard.press("Tab")
        page.keyboard.type("Grey Heron")
        page.get_by_label("Page text or HTML source").focus()
        paste(page, PASTE)
        confirm = page.get_by_label("This is right").first
        expect(confirm).to_be_focused()
        expect(page.locator("#id_option-0-address_shown")).to_have_value(ADDRESS)
        expect(page.locator("#id_option-0-amount_min")).to_have_value("20")
        assert_accessible(page)
        look(page, f"record-read-{colours}")
        page.keyboard.press("Space")
        page.keyboard.press("Alt+g")
        expect(page.get_by_label("TLP 2.0")).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("S-")
        assert_accessible(page)
        look(page, f"sighting-{colours}")
        first = Sighting.objects.get()
        assert first.brand is not None and first.brand.codename == "Grey Heron"
        assert first.options.get().address.canonical == ADDRESS
        assert first.unseal("page_text") == ""

        # The next refresh: one key opens the form, a paste reads it, one key saves.
        page.keyboard.press("Alt+n")
        expect(page.get_by_label("Page text or HTML source")).to_be_focused()
        paste(page, PASTE.replace(ADDRESS, OTHER_ADDRESS))
        expect(page.locator("#id_option-0-address")).to_have_value(OTHER_ADDRESS)
        assert_accessible(page)
        look(page, f"refresh-{colours}")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("heading", level=1)).not_to_contain_text(first.ref)
        second = Sighting.objects.get(rotation_index=1)
        assert second.options.get().address.canonical == OTHER_ADDRESS
        assert second.rotation == first.rotation
        look(page, f"rotation-{colours}")

        # Save and next: site, brand and markings go on, the rest is empty.
        page.goto("/sightings/record/")
        page.keyboard.type("http://made-up-site.example/other")
        page.get_by_label("Brand (codename)").fill("Grey Heron")
        page.get_by_label("Page text or HTML source").focus()
        paste(page, PASTE.replace(ADDRESS, THIRD_ADDRESS))
        expect(page.get_by_label("This is right").first).to_be_focused()
        page.keyboard.press("Space")
        page.keyboard.press("Alt+n")
        expect(page.get_by_text("Same site as")).to_be_visible()
        expect(page.get_by_label("Brand (codename)")).to_have_value("Grey Heron")
        expect(page.get_by_label("Page text or HTML source")).to_have_value("")
        assert Sighting.objects.count() == 3
        page.goto("/sightings/")
        assert_accessible(page)
        look(page, f"list-{colours}")


def test_what_is_refused_is_said_and_gone(live_desk: LiveDesk) -> None:
    analyst = live_desk.world.person("analyst")
    with live_desk.signed_in(analyst, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto("/sightings/record/")
        area = page.get_by_label("Page text or HTML source")
        area.focus()
        paste(page, f"{PASTE} data:image/png;base64,{'iVBORw0KGgo' * 30}")
        expect(page.get_by_text("Refused and left out: data URI")).to_be_visible()
        expect(area).to_have_value(f"{PASTE} [removed: data URI, 352 characters]")
