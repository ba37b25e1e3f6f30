"""Every page's frame, in a real browser."""

from __future__ import annotations

import pytest
from tests.desk.browser.conftest import LiveDesk, assert_accessible


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_first_page_is_accessible(live_desk: LiveDesk, colours: str) -> None:
    with live_desk.signed_in(live_desk.world.person("analyst"), color_scheme=colours) as page:
        page.goto("/")
        assert page.title() == "Today · Clewline"
        assert_accessible(page)


def test_the_menu_is_one_line_and_more_opens_by_key(live_desk: LiveDesk) -> None:
    with live_desk.signed_in(live_desk.world.person("approver")) as page:
        page.goto("/")
        lines = "links => new Set(links.map(link => link.getBoundingClientRect().top)).size"
        assert page.locator("nav > a").evaluate_all(lines) == 1
        more = page.locator("nav summary")
        more.press("Enter")
        page.get_by_role("link", name="Retention").wait_for()
        more.press("Tab")
        assert page.evaluate("document.activeElement.closest('details') !== null")
        assert_accessible(page)
