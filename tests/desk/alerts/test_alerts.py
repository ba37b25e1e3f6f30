"""Who gets what of an alert, and what nobody learns from it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.desk.alerts.conftest import ADDRESSES, BRAND, Desk

from clewline.desk.alerts import composing, lists, queries, services
from clewline.desk.alerts.models import Answer, Copy, Delivery, Told
from clewline.desk.audit.models import Event
from clewline.desk.partners import services as partners
from clewline.desk.retention import triggers
from clewline.errors import UsageError


def test_maker_and_approver_are_two(desk: Desk) -> None:
    desk.sighting()
    alert = desk.draft([desk.partner("Made-up Exchange")])
    assert not Copy.objects.exists()
    for role in ("liaison", "analyst"):
        with pytest.raises(UsageError, match="not yours to decide"):
            services.decide(desk.world.person(role), alert, released=True)
    stranger = desk.world.person("approver", stranger=True)
    with pytest.raises(UsageError, match="not yours to decide"):
        services.decide(stranger, alert, released=True)
    desk.approve(alert)
    assert Copy.objects.count() == 1
    with pytest.raises(UsageError, match="decided already"):
        desk.approve(type(alert).objects.get())


def test_two_recipients_have_no_byte_of_reference_in_common(desk: Desk) -> None:
    desk.sighting()
    first, second = desk.partner("First Exchange"), desk.partner("Second Exchange")
    for one in (first, second):
        desk.channel(one, "webhook")
    desk.tell([first, second])
    one, other = (composing.list_of(copy) for copy in Copy.objects.order_by("pk"))
    assert one.recipient != other.recipient
    assert not {item.id for item in one.items} & {item.id for item in other.items}
    assert {item.address for item in one.items} == {item.address for item in other.items}
    copies = Copy.objects.order_by("pk")
    assert copies[0].ref != copies[1].ref
    assert Delivery.objects.values("ref").distinct().count() == 2
    assert lists.collection_id(first) != lists.collection_id(second)


def test_a_stricter_marking_than_the_clearance_is_kept_back(desk: Desk) -> None:
    desk.sighting(ADDRESSES[0], tlp="red")
    desk.sighting(ADDRESSES[1])
    low = desk.partner("Made-up Exchange", clearance="amber")
    alert = desk.draft([low])
    seen = queries.preview(alert)[0]
    assert seen.items == 1
    assert "TLP" in seen.withheld[0]
    desk.approve(alert)
    copy = Copy.objects.get()
    assert [item.address for item in composing.list_of(copy).items] == [ADDRESSES[1]]
    assert "TLP" in copy.withheld[0]
    assert "TLP is" not in copy.unseal("document")


def test_who_gets_nothing_gets_no_message(desk: Desk) -> None:
    desk.sighting(ADDRESSES[0], tlp="red")
    low = desk.partner("Made-up Exchange")
    desk.channel(low, "webhook")
    desk.tell([low], ADDRESSES[0])
    assert not Copy.objects.exists()
    assert not Delivery.objects.exists()


def test_a_withheld_item_changes_no_byte_of_the_others(desk: Desk) -> None:
    desk.sighting(ADDRESSES[0])
    desk.sighting(ADDRESSES[1], tlp="red")
    partner = desk.partner("Made-up Exchange")
    now = timezone.now().replace(microsecond=0)
    documents = []
    for addresses in (ADDRESSES[:1], ADDRESSES[:2]):
        alert = desk.draft([partner], *addresses, valid_until=now + timedelta(days=9))
        alert.valid_from = now
        made = composing.compose(alert, now)[0]
        documents.append(composing.document(made, 1, "Hotline (made up)", now))
    assert documents[0] == documents[1]


def test_a_change_that_a_recipient_may_not_see_sends_them_nothing(desk: Desk) -> None:
    desk.sighting(ADDRESSES[0], brand=BRAND)
    exchange = desk.partner("Made-up Exchange")
    agency = desk.partner("Made-up Agency", "agency")
    alert = desk.tell([exchange, agency], ADDRESSES[0])
    # Seen again at another price, which an agency is told and an exchange is not.
    option = alert.items.get().option
    triggers.drop(connection)  # as if it had been recorded so
    type(option).objects.filter(pk=option.pk).update(amount_min="30")
    desk.follow(alert, "changed")
    assert [copy.partner for copy in Copy.objects.filter(kind="changed")] == [agency]
    assert lists.latest_version(exchange) == 1


def test_an_exchange_gets_no_brand_and_no_wording(desk: Desk) -> None:
    desk.sighting(ADDRESSES[0], hosting_country="NL")
    exchange = desk.partner("Made-up Exchange", purposes=["screening", "safeguarding"])
    desk.tell([exchange], ADDRESSES[0])
    item = composing.list_of(Copy.objects.get()).items[0]
    assert item.brand_codename is item.url is item.wording is item.rotation_group is None
    assert item.note.startswith("A clue, not proof")
    assert (item.tlp, item.pap, item.standing) == ("green", "green", "mention")


def test_a_withdrawal_reaches_whom_is_suspended_and_nobody_else(desk: Desk) -> None:
    desk.sighting()
    told, untold = desk.partner("Told Exchange"), desk.partner("Untold Exchange")
    for one in (told, untold):
        desk.channel(one, "webhook")
    alert = desk.tell([told])
    partners.stop(desk.world.person("liaison"), told, "suspended", "made up")
    desk.follow(alert, "withdrawn")
    copy = Copy.objects.get(kind="withdrawn")
    assert copy.partner == told
    assert {item.state for item in composing.list_of(copy).items} == {"withdrawn"}
    assert copy.deliveries.count() == 1
    # Nothing new reaches them, and a second withdrawal has nothing to say.
    desk.tell([told, untold])
    assert Copy.objects.filter(partner=told, kind="new").count() == 1
    desk.follow(alert, "withdrawn")
    assert Copy.objects.filter(partner=told, kind="withdrawn").count() == 1


def test_references_stay_and_revisions_count(desk: Desk) -> None:
    desk.sighting(ADDRESSES[0])
    partner = desk.partner("Made-up Exchange")
    alert = desk.tell([partner], ADDRESSES[0])
    desk.follow(alert, "withdrawn")
    desk.tell([partner], ADDRESSES[0])
    items = [composing.list_of(copy).items[0] for copy in Copy.objects.order_by("number")]
    assert [(item.state, item.revision) for item in items] == [
        ("new", 1),
        ("withdrawn", 2),
        ("changed", 3),
    ]
    assert len({item.id for item in items}) == 1
    assert Told.objects.get().revision == 3
    assert lists.whole_list(partner).items == (items[-1],)


def test_the_check_before_sending_knows_what_is_usual(desk: Desk) -> None:
    desk.sighting()
    usual, new = desk.partner("Usual Exchange"), desk.partner("New Exchange")
    for _ in range(3):
        alert = desk.tell([usual])
        desk.follow(alert, "withdrawn")
    draft = desk.draft([new])
    said = " ".join(queries.unusual(draft))
    assert "New Exchange never got an alert" in said
    assert "Usual Exchange usually gets" in said
    assert queries.unusual(desk.draft([usual])) == []


def test_recipients_answer_a_number_or_an_objection_and_no_name(desk: Desk) -> None:
    desk.sighting()
    partner, other = desk.partner("Made-up Exchange"), desk.partner("Other Exchange")
    desk.tell([partner])
    copy = Copy.objects.get()
    item = composing.list_of(copy).items[0].id
    keys = [services.new_access_key(desk.world.person("liaison"), one) for one in (partner, other)]

    def send(key: str, said: object, ref: str = copy.ref) -> int:
        return (
            Client()
            .post(
                reverse("share-answer", args=[ref]),
                said if isinstance(said, str) else json.dumps(said),
                content_type="application/json",
                headers={"Authorization": f"Bearer {key}"},
            )
            .status_code
        )

    assert send(keys[0], {"matched": 3}) == 201
    assert send(keys[0], {"dispute": "own_service", "item": item}) == 201
    assert send(keys[1], {"matched": 3}) == 404
    assert send("clwp_none", {"matched": 3}) == 401
    wrong: list[object] = [
        {},
        {"matched": 3, "dispute": "wrong"},
        {"matched": -1},
        {"matched": True},
        {"matched": 10**7},
        {"matched": "3"},
        {"dispute": "a name"},
        {"dispute": ["wrong"]},
        {"matched": 1, "item": "R-NONE"},
        {"matched": 1, "name": "somebody"},
        "[",
        "[1]",
        "[" * 5_000,
    ]
    assert {send(keys[0], said) for said in wrong} <= {400, 422}
    assert Answer.objects.count() == 2
    told = queries.recipients(copy.alert)[0]
    assert (told.matched, told.dispute) == (3, "own_service")
    last = Event.objects.filter(action="partner.answer", result="done").last()
    assert last is not None and last.actor == partner.ref


def test_a_list_and_what_changed_since(desk: Desk) -> None:
    desk.sighting()
    partner = desk.partner("Made-up Exchange")
    desk.channel(partner, "pull")
    key = services.new_access_key(desk.world.person("liaison"), partner)
    head = {"Authorization": f"Bearer {key}"}
    alert = desk.tell([partner])
    first = Client().get("/share/list.json", headers=head)
    assert first["Clewline-Version"] == "1"
    again = Client().get("/share/list.json", headers={**head, "If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get("/share/list.json?since=1", headers=head).status_code == 204
    desk.follow(alert, "withdrawn")
    changed = Client().get("/share/list.json?since=1", headers=head).json()
    assert changed["list"]["previous"] == 1
    assert {item["state"] for item in changed["items"]} == {"withdrawn"}
    for since in ("0", "9", "x", "-1", "99999999999"):
        answer = Client().get(f"/share/list.json?since={since}", headers=head)
        assert answer.status_code in (400, 422), since


def test_a_draft_needs_what_it_needs(desk: Desk) -> None:
    desk.sighting()
    partner = desk.partner("Made-up Exchange")
    with pytest.raises(UsageError, match="0 recipients"):
        desk.draft([])
    with pytest.raises(UsageError, match="not a team of yours"):
        services.make(desk.world.person("liaison", stranger=True), desk.world.team, [], [partner])
    alert = desk.draft([partner])
    with pytest.raises(UsageError, match="only what was sent"):
        services.follow(desk.world.person("liaison"), alert, "withdrawn", "x")
    desk.approve(alert)
    with pytest.raises(UsageError, match="say why"):
        services.follow(desk.world.person("liaison"), alert, "withdrawn", "")
