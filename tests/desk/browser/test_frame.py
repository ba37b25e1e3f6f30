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
