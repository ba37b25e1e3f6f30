"""A bulk export by two people, in a real browser."""

from __future__ import annotations

import pytest
from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.conftest import packages_go
from tests.desk.records.pages import option, page

from clewline.desk.exports.models import BulkExport
from clewline.desk.records.services import record


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_asked_released_taken_traced(live_desk: LiveDesk, scheme: str) -> None:
    world = live_desk.world
    record(world.person("analyst"), page(option()))
    with live_desk.signed_in(world.person("liaison"), color_scheme=scheme) as asker:
        asker.goto("/exports/")
        assert_accessible(asker)
        asker.get_by_label("Recipient").fill("Example Exchange (made up)")
        asker.get_by_label("Purpose").fill("Own customers are matched; agreement 12.")
        asker.keyboard.press("Control+Enter")
        asker.get_by_text("has to release it").wait_for()
        place = asker.url
        with live_desk.signed_in(world.person("approver"), color_scheme=scheme) as approver:
            approver.goto(place)
            assert_accessible(approver)
            approver.get_by_label("Reason").fill("Agreement seen.")
            approver.get_by_role("button", name="Release").click()
            approver.get_by_text("Agreement seen.").wait_for()
        asker.reload()
        asker.get_by_text("every package waits").wait_for()
        assert_accessible(asker)
        packages_go()
        asker.reload()
        with asker.expect_download() as download:
            asker.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename.startswith(BulkExport.objects.get().ref)
        asker.goto("/exports/")
        asker.get_by_text("taken", exact=True).wait_for()
        assert_accessible(asker)
    with live_desk.signed_in(world.person("auditor"), color_scheme=scheme) as auditor:
        auditor.goto("/exports/trace/")
        auditor.get_by_label("Rows that turned up").fill("R-AAAAAAAAAAAAAAAA")
        auditor.keyboard.press("Control+Enter")
        auditor.get_by_text("No copy has such rows.").wait_for()
        assert_accessible(auditor)
