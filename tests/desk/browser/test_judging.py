"""The queue of those who judge, by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.desk.brands.made_up import ANALYTICS, prices, site
from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.records.pages import ADDRESS

from clewline.desk.records.models import Brand, Judgement


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pairs_are_judged_by_keyboard(live_desk: LiveDesk, colours: str) -> None:
    analyst = live_desk.world.person("analyst")
    for codename in ("Grey Heron", "Blue Quay", "Red Mill"):
        site(analyst, codename, *prices(ADDRESS), indicators=(ANALYTICS,))
    with live_desk.signed_in(analyst, color_scheme=colours) as page:
        page.goto("/judge/")
        assert_accessible(page)
        heading = page.locator(".head span").first
        pair = heading.inner_text()
        page.keyboard.press("n")
        expect(heading).not_to_have_text(pair)
        page.goto("/judge/")
        page.get_by_label("Note").focus()
        page.keyboard.type("sun")  # letters of a note are no judgement
        assert not Judgement.objects.exists()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("s")
        expect(page.get_by_role("status")).to_contain_text("Kept in the ledger")
        assert [(one.verdict, one.note) for one in Judgement.objects.all()] == [("same", "sun")]
        page.keyboard.press("d")
        expect(page.get_by_text("Nothing waits to be judged")).to_be_visible()
        assert_accessible(page)
        merged = Judgement.objects.get(verdict="same")
        page.goto(f"/brands/{merged.left}/")
        expect(page.get_by_text("merged by judgements")).to_be_visible()
        assert_accessible(page)
        for path in ("/brands/", "/brands/new/", f"/judge/brand/{merged.left}/{merged.right}/"):
            page.goto(path)
            assert_accessible(page)
        page.goto(f"/sightings/{Brand.objects.first().sightings.get().ref}/brand/")
        assert_accessible(page)
