"""The audit log in a real browser."""

from __future__ import annotations

import pytest
from tests.desk.browser.conftest import LiveDesk, assert_accessible

from clewline.desk.audit import services


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_auditor_finds_and_verifies(live_desk: LiveDesk, scheme: str) -> None:
    for number in range(120):
        services.write(
            actor=f"A-{number % 7}",
            action="sighting.read" if number % 5 else "sighting.reveal",
            object=f"S-7K3M2-{number:05}",
            result="done" if number % 11 else "not found",
            purpose="" if number % 5 else "made-up reason",
        )
    auditor = live_desk.world.person("auditor")
    with live_desk.signed_in(auditor, color_scheme=scheme) as page:
        page.goto("/audit/")
        assert_accessible(page)
        page.get_by_role("button", name="Verify now").click()
        page.get_by_text("up to event 121").wait_for()
        page.get_by_label("Did what").fill("sighting.reveal")
        page.keyboard.press("Control+Enter")
        page.get_by_role("link", name="All events").wait_for()
        assert_accessible(page)
        assert page.locator("tbody tr").count() == 24
