"""A page is reported to a hotline, which says that it was removed, and that it is back."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from tests.desk.alerts.conftest import SITE, Desk, desk, go
from tests.desk.browser.conftest import PATIENCE, LiveDesk, assert_accessible

from clewline.desk.alerts.channels import webhook
from clewline.desk.alerts.services import new_access_key
from clewline.desk.routing import services

__all__ = ["desk"]


def test_a_report_from_page_to_removal_and_back(
    live_desk: LiveDesk, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = live_desk.world
    hotline = desk.partner("Made-up Line", "hotline")
    for kind in ("webhook", "email"):
        desk.channel(hotline, kind)
    key = new_access_key(world.person("liaison"), hotline)
    route = services.propose(world.person("liaison"), hotline, country="NL")
    services.decide_route(world.person("approver"), route, agreed=True)
    labels = [{"scheme": "made up", "version": "1", "label": "label two"}]
    sighting = desk.sighting(hosting_country="NL", classification=labels)
    sent = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=40)
    with live_desk.signed_in(world.person("analyst")) as analyst:
        analyst.goto(f"/sightings/{sighting.ref}/report/")
        assert_accessible(analyst)
        analyst.get_by_role("button", name="Draft a report").first.click()
        analyst.get_by_text("has to release it").wait_for()
        place = analyst.url
        with live_desk.signed_in(world.person("approver"), color_scheme="dark") as approver:
            approver.goto(place)
            for told in ("crypto", "label two", "NL"):
                approver.get_by_text(told).first.wait_for()
            assert_accessible(approver)
            with monkeypatch.context() as earlier:
                # It was sent long ago.
                earlier.setattr(services, "timezone", SimpleNamespace(now=lambda: sent))
                approver.get_by_role("button", name="Send", exact=True).click()
                approver.get_by_text("sent", exact=True).wait_for()
        assert go() == 2
        ((_, headers, body),) = desk.web.taken
        assert webhook.verify("made-up-key", headers, body)
        told = json.loads(body)
        assert (told["hosting_country"], told["classification"]) == ("NL", ["label two"])
        assert told["payment"][0]["rail"] == "crypto"
        mail = str(desk.mailbox.taken[0][1])
        assert f"/share/reports/{told['report']}/" in mail
        for hidden in (SITE, "label two"):
            assert hidden not in mail
        analyst.reload()
        analyst.get_by_text("delivered", exact=True).first.wait_for()
        with closing(
            live_desk.browser.new_context(
                base_url=live_desk.url,
                viewport={"width": 1280, "height": 720},
                http_credentials={"username": "any", "password": key},
            )
        ) as theirs:
            page = theirs.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto("/share/reports/")
            assert_accessible(page)
            page.get_by_role("link", name=told["report"]).click()
            for state, hours in (("acknowledged", 1.0), ("removed", 30.5), ("reappeared", 39.0)):
                page.get_by_label("What became of it").select_option(state)
                at = sent + timedelta(hours=hours)
                page.get_by_label("When it happened").fill(f"{at:%Y-%m-%d %H:%M:%S}")
                page.get_by_role("button", name="Send").click()
                row = page.get_by_role("row").filter(has_text=f"{at:%Y-%m-%d %H:%M}")
                row.wait_for()
                analyst.reload()
                words = {"reappeared": "back again"}.get(state, state)
                analyst.locator(".head .tag", has_text=words).wait_for()
                if state != "acknowledged":
                    analyst.get_by_text("30.5", exact=True).wait_for()
            assert_accessible(page)
        assert_accessible(analyst)
        analyst.goto(f"/sightings/{sighting.ref}/")
        analyst.get_by_role("row").filter(has_text="Back again").wait_for()
