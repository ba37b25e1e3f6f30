"""Somebody disputes a listing; two people decide, and whoever was told of it hears of it."""

from __future__ import annotations

import json
import re
from contextlib import closing

from django.conf import LazySettings
from playwright.sync_api import Page
from tests.desk.alerts.conftest import ADDRESSES, Desk, desk, go
from tests.desk.browser.conftest import PATIENCE, LiveDesk, assert_accessible

from clewline.desk.alerts.channels import webhook
from clewline.desk.disputes.models import Dispute

__all__ = ["desk"]
LISTED, UNKNOWN = ADDRESSES[0], ADDRESSES[2]
GROUNDS = "It was given to another customer (made up)"


def test_a_dispute_from_the_public_form_to_the_withdrawal(
    live_desk: LiveDesk, desk: Desk, settings: LazySettings
) -> None:
    world = live_desk.world
    partner = desk.partner("Grey Exchange")
    desk.channel(partner, "webhook")
    desk.sighting()
    desk.tell([partner])
    go()
    settings.DISPUTE_FORM = world.team.name
    with closing(live_desk.browser.new_context(base_url=live_desk.url)) as theirs:
        page = theirs.new_page()
        page.set_default_timeout(PATIENCE)
        number, said = _sent(page, LISTED)
        _other, said_of_unknown = _sent(page, UNKNOWN)
        assert_accessible(page)
    assert said == said_of_unknown
    place = f"/disputes/{number}/"
    with live_desk.signed_in(world.person("liaison")) as officer:
        officer.goto("/disputes/")
        officer.get_by_role("link", name=number).click()
        assert GROUNDS not in officer.content()
        officer.get_by_role("button", name="Show").click()
        officer.get_by_text(GROUNDS).wait_for()
        officer.get_by_label("Address", exact=True).fill(LISTED)
        officer.get_by_role("button", name="This address").click()
        officer.get_by_text("counts as disputed while this is open").wait_for()
        officer.get_by_text("Grey Exchange").wait_for()
        officer.get_by_role("radio", name="Upheld: the listing is withdrawn", exact=True).check()
        officer.get_by_label("Reason").fill("made up")
        officer.get_by_role("button", name="Propose").click()
        officer.get_by_text("has to agree").wait_for()
        assert_accessible(officer)
    with live_desk.signed_in(world.person("approver"), color_scheme="dark") as checker:
        checker.goto(place)
        checker.get_by_role("button", name="Agree").click()
        checker.locator(".head .tag", has_text="upheld").wait_for()
        checker.get_by_text("Two people examined your dispute").wait_for()
        assert_accessible(checker)
    assert go() == 1
    _, headers, body = desk.web.taken[-1]
    webhook.verify("made-up-key", headers, body)
    told = [(one["state"], one["address"]) for one in json.loads(body)["items"]]
    assert told == [("withdrawn", LISTED)]
    assert GROUNDS not in body.decode()
    with live_desk.signed_in(
        world.person("liaison"), viewport={"width": 900, "height": 700}
    ) as officer:
        officer.goto(place)
        officer.get_by_label("How it was sent").fill("letter (made up)")
        officer.get_by_role("button", name="Note it").click()
        officer.get_by_text("Answered: letter (made up)").wait_for()
        assert_accessible(officer)
    assert Dispute.objects.open().count() == 1


def _sent(page: Page, address: str) -> tuple[str, str]:
    """Dispute an address as nobody; return the number, and all that was said besides."""
    page.goto("/dispute/")
    page.get_by_label("Which address").fill(address)
    page.get_by_label("What is wrong").fill(GROUNDS)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Received").wait_for()
    said = page.locator("body").inner_text()
    (number,) = re.findall(r"J-[0-9A-Z]{5}-[0-9A-Z]{5}", said)
    return number, said.replace(number, "J")
