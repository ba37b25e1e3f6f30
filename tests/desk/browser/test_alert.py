"""An alert goes out on all channels to real receivers here, and its withdrawal follows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import taxii2client.v21 as taxii
from pymisp import MISPEvent
from taxii2client.common import TokenAuth
from tests.desk.alerts.conftest import ADDRESSES, Desk, desk, go
from tests.desk.browser.conftest import LiveDesk, assert_accessible

from clewline.desk.alerts import sending, services
from clewline.desk.alerts.channels import SENDERS, webhook
from clewline.desk.alerts.models import Delivery

__all__ = ["desk"]


@pytest.fixture
def told(live_desk: LiveDesk, desk: Desk) -> Iterator[Desk]:
    """A running desk whose partners' receivers run, too."""
    desk.sighting()
    yield desk


def _standing(told: Desk, url: str, key: str) -> dict[str, int]:
    """Return how many addresses each channel's receiver holds as standing."""
    server = taxii.Server(f"{url}/taxii2/", auth=TokenAuth(key))
    objects = server.default.collections[0].get_objects().get("objects", [])
    indicators = [one for one in objects if one["type"] == "indicator"]
    event = MISPEvent()
    event.load(_fetched_event(url, key))
    pushed = next(iter(told.misp.events.values()))
    posted = json.loads(told.web.taken[-1][2])["items"]
    return {
        "taxii": sum(not one.get("revoked", False) for one in indicators),
        "misp-feed": sum(not one.deleted for one in event.objects),
        "misp-push": sum(not one["deleted"] for one in pushed["Object"]),
        "webhook": sum(one["state"] != "withdrawn" for one in posted),
    }


def _get(url: str, key: str) -> bytes:
    """Fetch something with the access key, as a partner's program does."""
    from urllib.request import Request, urlopen

    asked = Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - this machine
    with urlopen(asked) as answer:  # noqa: S310 - this machine
        found: bytes = answer.read()
        return found


def _fetched_event(url: str, key: str) -> dict[str, Any]:
    """Fetch the feed's event."""
    (name,) = json.loads(_get(f"{url}/share/misp/manifest.json", key))
    found: dict[str, Any] = json.loads(_get(f"{url}/share/misp/{name}.json", key))
    return found


def test_an_alert_and_its_withdrawal(live_desk: LiveDesk, told: Desk) -> None:
    world = live_desk.world
    partner = told.partner("Made-up Exchange")
    for kind in SENDERS:
        told.channel(partner, kind)
    key = services.new_access_key(world.person("liaison"), partner)
    with live_desk.signed_in(world.person("liaison")) as maker:
        maker.goto("/alerts/")
        assert_accessible(maker)
        maker.get_by_role("link", name="New alert").click()
        maker.get_by_label("Addresses or sightings").fill("\n".join(ADDRESSES[:2]))
        maker.get_by_label("Made-up Exchange").check()
        maker.get_by_label("TLP 2.0, at least").select_option("green")
        maker.get_by_label("PAP, at least").select_option("green")
        assert_accessible(maker)
        maker.keyboard.press("Control+Enter")
        maker.get_by_text("has to approve it").wait_for()
        place = maker.url
        with live_desk.signed_in(world.person("approver"), color_scheme="dark") as approver:
            approver.goto(place)
            assert_accessible(approver)
            approver.get_by_role("button", name="Approve").click()
            approver.get_by_text("approved", exact=True).wait_for()
            assert go() == 3
            assert set(_standing(told, live_desk.url, key).values()) == {2}
            assert len(told.mailbox.taken) == 1
            assert webhook.verify("made-up-key", *told.web.taken[0][1:])
            maker.reload()
            maker.get_by_text("webhook: delivered").wait_for()
            assert_accessible(maker)
            maker.get_by_label("Reason").fill("An address of a processor.")
            maker.get_by_role("button", name="Draft it").click()
            maker.get_by_text("has to approve it").wait_for()
            approver.goto(maker.url)
            approver.get_by_role("button", name="Approve").click()
            approver.get_by_text("approved", exact=True).wait_for()
        assert go() == 3
        assert set(_standing(told, live_desk.url, key).values()) == {0}
        assert len(told.mailbox.taken) == 2
        for page in ("/alerts/channels/", "/alerts/outbox/"):
            maker.goto(page)
            assert_accessible(maker)
    late = Delivery.objects.exclude(channel__kind="pull").exclude(state="delivered")
    assert not late.exists()
    assert sending.allowed_networks()
