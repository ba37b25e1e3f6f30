"""One behaviour, every channel: what was approved arrives, under the recipient's own references.

`RECEIVE` says of each kind of channel how its receiver knows what it has: item → address, state.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone
from pymisp import MISPEvent
from tests.desk.alerts.conftest import ADDRESSES, BRAND, SITE, Desk, go

from clewline.desk.alerts import outbox, services
from clewline.desk.alerts.channels import SENDERS, webhook
from clewline.desk.alerts.models import Attempt, Delivery, Receipt
from clewline.desk.partners.models import Partner

State = dict[str, tuple[str, bool]]
"""Reference of an item → address, and whether it still counts."""
Receive = Callable[[Desk, Partner, str], State]
ALL: Final = list(SENDERS)


def get(key: str, path: str, **headers: str) -> Any:
    """Ask as a partner's program."""
    return Client().get(path, headers={"Authorization": f"Bearer {key}", **headers})


def _of_list(document: dict[str, Any]) -> State:
    return {one["id"]: (one["address"], one["state"] != "withdrawn") for one in document["items"]}


def by_webhook(desk: Desk, partner: Partner, _key: str) -> State:
    """Take what was posted, in order, once each, if its signature is right."""
    found, seen = {}, set()
    for path, headers, body in desk.web.taken:
        if path == f"/{partner.ref}":
            delivery = webhook.verify("made-up-key", headers, body)
            if delivery not in seen:
                found |= _of_list(json.loads(body))
            seen.add(delivery)
    return found


def by_mail(desk: Desk, partner: Partner, key: str) -> State:
    """Read each mail and fetch what it names."""
    found: State = {}
    for recipients, mail in desk.mailbox.taken:
        if recipients == [f"alerts@{partner.ref.lower()}.example"]:
            text = str(mail.get_payload())
            place = next(line for line in text.splitlines() if "/share/" in line)
            answer = get(key, "/share/" + place.partition("/share/")[2])
            found |= _of_list(answer.json())
    return found


def by_list(_desk: Desk, _partner: Partner, key: str) -> State:
    """Fetch the list, as CSV and JSON."""
    whole = get(key, "/share/list.json")
    if whole.status_code == 204:
        return {}
    rows = get(key, "/share/list.csv").content.decode()
    for item in whole.json()["items"]:
        assert item["id"] in rows
    assert len(list(csv.reader(io.StringIO(rows)))) > len(whole.json()["items"])
    return _of_list(whole.json())


def by_taxii(_desk: Desk, _partner: Partner, key: str) -> State:
    """Read the collection."""
    accept = {"Accept": "application/taxii+json;version=2.1"}
    there = get(key, "/taxii2/alerts/collections/", **accept).json()["collections"]
    objects = get(key, f"/taxii2/alerts/collections/{there[0]['id']}/objects/", **accept).json()
    return {
        next(iter(one["extensions"].values()))["item"]["id"]: (
            one["pattern"].split("'")[1],
            not one.get("revoked", False),
        )
        for one in objects.get("objects", [])
        if one["type"] == "indicator"
    }


def _of_event(event: MISPEvent) -> State:
    found = {}
    for thing in event.objects:
        values = {one.object_relation: one.value for one in thing.attributes}
        address = next(value for name, value in values.items() if name.startswith("address"))
        item = next(v for v in values.values() if str(v).startswith(("R-", "{")))
        name = json.loads(item)["id"] if str(item).startswith("{") else item
        found[str(name)] = (str(address), not thing.deleted)
    return found


def by_feed(_desk: Desk, _partner: Partner, key: str) -> State:
    """Load the feed as PyMISP does."""
    names = get(key, "/share/misp/manifest.json").json()
    found: State = {}
    for name in names:
        event = MISPEvent()
        event.load(get(key, f"/share/misp/{name}.json").json())
        found |= _of_event(event)
    return found


def by_push(desk: Desk, _partner: Partner, _key: str) -> State:
    """Look into the partner's own MISP."""
    found: State = {}
    for one in desk.misp.events.values():
        event = MISPEvent()
        event.load({"Event": one})
        found |= _of_event(event)
    return found


RECEIVE: Final[dict[str, Receive]] = {
    "webhook": by_webhook,
    "email": by_mail,
    "pull": by_list,
    "taxii": by_taxii,
    "misp-feed": by_feed,
    "misp-push": by_push,
}


def test_every_channel_has_a_receiver() -> None:
    assert set(RECEIVE) == set(SENDERS)


@pytest.mark.parametrize("kind", ALL)
def test_what_was_approved_arrives_and_its_withdrawal_follows(desk: Desk, kind: str) -> None:
    desk.sighting()
    partner, other = desk.partner("Made-up Exchange"), desk.partner("Other Exchange")
    for one in (partner, other):
        desk.channel(one, kind)
    keys = [services.new_access_key(desk.world.person("liaison"), one) for one in (partner, other)]
    assert RECEIVE[kind](desk, partner, keys[0]) == {}
    alert = desk.tell([partner])
    go()
    got = RECEIVE[kind](desk, partner, keys[0])
    assert sorted(address for address, _ in got.values()) == sorted(ADDRESSES[:2])
    assert all(stands for _, stands in got.values())
    if kind != "misp-push":  # one stand-in is there for both
        assert RECEIVE[kind](desk, other, keys[1]) == {}
    desk.follow(alert, "withdrawn")
    go()
    after = RECEIVE[kind](desk, partner, keys[0])
    assert set(after) == set(got)
    assert not any(stands for _, stands in after.values())
    if kind != "email":  # a mail is delivered when the mail server took it
        assert Receipt.objects.count() == Delivery.objects.count() == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize("kind", [name for name in ALL if SENDERS[name].pushes])
def test_a_repeat_changes_nothing_for_the_receiver(desk: Desk, kind: str) -> None:
    desk.sighting()
    partner = desk.partner("Made-up Exchange")
    desk.channel(partner, kind)
    key = services.new_access_key(desk.world.person("liaison"), partner)
    desk.tell([partner])
    Delivery.objects.update(due_at=timezone.now())
    one = outbox.claim(1)[0]
    outbox.deliver(one)
    once = RECEIVE[kind](desk, partner, key)
    outbox.deliver(one)
    assert RECEIVE[kind](desk, partner, key) == once
    assert Receipt.objects.count() == 1
    assert Attempt.objects.count() == 2


def test_nothing_of_a_page_is_in_any_byte(desk: Desk) -> None:
    desk.sighting(neutral_summary="clear-summary", report_ref="clear-report")
    partner = desk.partner("Made-up Exchange")
    key = services.new_access_key(desk.world.person("liaison"), partner)
    for kind in ALL:
        desk.channel(partner, kind)
    alert = desk.tell([partner])
    go()
    said = [body for _, _, body in desk.web.taken + desk.misp.web.taken]
    said += [mail.as_bytes() for _, mail in desk.mailbox.taken]
    accept = {"Accept": "application/taxii+json;version=2.1"}
    collection = get(key, "/taxii2/alerts/collections/", **accept).json()["collections"][0]["id"]
    said += [
        get(key, path, **accept).content
        for path in (
            "/share/list.json",
            "/share/list.csv",
            "/share/misp/manifest.json",
            f"/taxii2/alerts/collections/{collection}/objects/",
        )
    ]
    words = (SITE, "sealed-site", BRAND, "clear-summary", "clear-report", "Made-up wording")
    inside = (alert.ref, partner.ref, "Made-up Exchange", "north-")
    for content in said:
        assert not [word for word in (*words, *inside) if word.encode() in content], content


def test_a_mail_says_nothing_but_a_reference(desk: Desk) -> None:
    desk.sighting()
    partner = desk.partner("Made-up Exchange")
    desk.channel(partner, "email")
    desk.tell([partner])
    go()
    recipients, mail = desk.mailbox.taken[0]
    assert len(recipients) == 1
    assert str(mail["Subject"]).startswith("Alert R-")
    assert not any(one in mail.as_string() for one in ADDRESSES)
