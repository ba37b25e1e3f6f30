"""Where policy asks the originator: who gave a record, what they said, and the answer with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from tests.desk import planted
from tests.desk.conftest import World, make_partner
from tests.sharing.lists import item, shared

from clewline.desk.accounts.models import User
from clewline.desk.addresses import services as addresses
from clewline.desk.audit.models import Event
from clewline.desk.lookups import queries, services
from clewline.desk.lookups.facts import facts_of
from clewline.desk.lookups.models import Consent, LookUp, OriginatorAsked, Revocation
from clewline.desk.partners.models import Partner
from clewline.desk.received import services as received
from clewline.desk.received.models import Origin
from clewline.desk.records import services as records
from clewline.desk.records.models import Sighting
from clewline.errors import UsageError
from clewline.policy import Verdict
from clewline.sharing.formats import write


@pytest.fixture
def giver(world: World) -> Partner:
    """Another partner, which gave a file that names the address."""
    made = make_partner(world.people, world.team, kind="hotline", country="NO")
    Partner.objects.filter(pk=made.pk).update(codename="Amber Giver")
    return Partner.objects.get(pk=made.pk)


def given(world: World, giver: Partner, **review: Any) -> None:
    """Take a file of a partner; an analyst uses its one item."""
    one = item(chain="BTC", network="main", address=planted.ADDRESS)
    file = received.take(giver, "json", write("json", shared(one)), "terminal:x")
    received.review(world.person("analyst"), file.items.get(), used=True, **review)


def page_of(world: World, giver: Partner, **fields: Any) -> Sighting:
    """Record a page of what a partner gave, which no policy passes on unasked."""
    seen = records.record(world.person("analyst"), planted.draft(handling="H2", **fields))
    given(world, giver, record=seen.ref)
    return seen


def called(world: World) -> LookUp:
    """Return a look-up of a partner that honours H2; who asks was called back."""
    asker = User.objects.get(pk=world.person("partner").pk)
    Partner.objects.filter(pk=asker.partner_id).update(handling=["P", "C", "H2"])
    made = planted.look_up_of(asker, planted.ADDRESS)
    services.log_call(world.person("liaison"), made, "made up", confirmed=True)
    return LookUp.objects.get(pk=made.pk)


def told(look_up: LookUp) -> dict[str, Any]:
    """Return what would be told of the address."""
    found: dict[str, Any] = services.items_of(look_up, services.weigh(look_up))[0]["fields"]
    return found


def test_a_record_is_of_whom_gave_it(world: World, giver: Partner) -> None:
    seen = page_of(world, giver)
    own = planted.sighting_of(world.person("analyst"))
    question = services.questions_of(called(world))[0]
    by_source = {one.source: one.record for one in facts_of(world.team.pk, question)}
    assert by_source[seen.ref].originator == giver.ref
    assert by_source[own.ref].originator == ""
    # What corrects it stays theirs, and so do labels of the address.
    corrected = records.supersede(
        world.person("analyst"), seen, planted.draft(handling="H2"), "made up"
    )
    planted.address_of(world.person("analyst"), world.team)
    by_source = {one.source: one.record for one in facts_of(world.team.pk, question)}
    assert by_source[corrected.ref].originator == giver.ref
    assert [one.originator for name, one in by_source.items() if name.startswith("label")] == [
        giver.ref
    ]


def test_what_is_not_used_is_nobody_elses(world: World, giver: Partner) -> None:
    one = item(chain="BTC", network="main", address=planted.ADDRESS)
    file = received.take(giver, "json", write("json", shared(one)), "terminal:x")
    received.review(world.person("analyst"), file.items.get(), used=False)
    assert not Origin.objects.exists()


@pytest.mark.parametrize("record", ["S-00000-00000", "theirs", "'"])
def test_a_sighting_of_another_team_is_none(world: World, giver: Partner, record: str) -> None:
    if record == "theirs":
        record = planted.sighting_of(world.person("analyst", stranger=True)).ref
    with pytest.raises(UsageError, match="no sighting"):
        given(world, giver, record=record)
    assert not Origin.objects.exists()


def test_until_the_originator_agrees_nothing_is_told(world: World, giver: Partner) -> None:
    seen, look_up, liaison = page_of(world, giver), called(world), world.person("liaison")
    assert told(look_up) == {}
    asked = services.ask_originator(liaison, look_up, seen.ref)
    assert asked.partner == giver
    assert "address" in asked.fields
    assert told(look_up) == {}
    with pytest.raises(UsageError, match="waits for its answer"):
        services.ask_originator(liaison, look_up, seen.ref)
    said = services.note_consent(liaison, asked, granted=True, how="their duty office, by phone")
    assert (said.granted, said.by) == (True, liaison)
    assert told(look_up)["address"] == planted.ADDRESS
    assert "url" not in told(look_up)
    with pytest.raises(UsageError, match="answered already"):
        services.note_consent(liaison, asked, granted=False, how="x")
    with pytest.raises(UsageError, match="asks for nothing"):
        services.ask_originator(liaison, look_up, seen.ref)


def test_consent_is_for_one_request(world: World, giver: Partner) -> None:
    seen, first, second = page_of(world, giver), called(world), called(world)
    asked = services.ask_originator(world.person("liaison"), first, seen.ref)
    services.note_consent(world.person("liaison"), asked, granted=True, how="x")
    assert told(first)
    assert told(second) == {}


def test_refused_is_the_reply_of_unknown(world: World, giver: Partner) -> None:
    look_up = called(world)
    unknown = services.items_of(look_up, services.weigh(look_up))
    seen = page_of(world, giver)
    asked = services.ask_originator(world.person("liaison"), look_up, seen.ref)
    services.note_consent(world.person("liaison"), asked, granted=False, how="x")
    weighed = services.weigh(look_up)
    assert services.items_of(look_up, weighed) == unknown
    (decision,) = [one.decision for one in weighed]
    assert decision.fields["address"].verdict is Verdict.WITHHOLD
    assert "refused" in decision.fields["address"].reason


def test_a_consent_that_was_taken_back_withholds_from_then_on(world: World, giver: Partner) -> None:
    look_up, liaison, approver = called(world), world.person("liaison"), world.person("approver")
    unknown = services.items_of(look_up, services.weigh(look_up))
    seen = page_of(world, giver)
    asked = services.ask_originator(liaison, look_up, seen.ref)
    said = services.note_consent(liaison, asked, granted=True, how="x")
    assert told(look_up)["address"] == planted.ADDRESS
    answered = services.release(approver, services.draft(liaison, look_up), released=True)
    drafted = services.draft(liaison, look_up)
    assert [one.what for one in queries.waiting_for(liaison)] == []
    services.revoke_consent(liaison, said, "their duty office, by letter")
    look_up = LookUp.objects.get(pk=look_up.pk)
    assert services.items_of(look_up, services.weigh(look_up)) == unknown
    with pytest.raises(UsageError, match="changed since"):
        services.release(approver, drafted, released=True)
    services.release(approver, drafted, released=False)
    # What was given out stays, and waits to be corrected.
    assert [(one.look_up, one.what) for one in queries.waiting_for(liaison)] == [
        (look_up, "correct")
    ]
    corrected = services.release(approver, services.draft(liaison, look_up), released=True)
    assert corrected.draft.reply == "nothing"
    assert queries.waiting_for(liaison) == []
    assert answered.pk != corrected.pk
    with pytest.raises(UsageError, match="taken back already"):
        services.revoke_consent(liaison, said, "x")


def test_what_was_refused_is_not_taken_back(world: World, giver: Partner) -> None:
    seen, look_up, liaison = page_of(world, giver), called(world), world.person("liaison")
    asked = services.ask_originator(liaison, look_up, seen.ref)
    said = services.note_consent(liaison, asked, granted=False, how="x")
    with pytest.raises(UsageError, match="did not agree"):
        services.revoke_consent(liaison, said, "x")


def test_consent_opens_nothing_that_policy_withholds(world: World, giver: Partner) -> None:
    seen, look_up = page_of(world, giver), called(world)
    asked = services.ask_originator(world.person("liaison"), look_up, seen.ref)
    services.note_consent(world.person("liaison"), asked, granted=True, how="x")
    # Afterwards the address is disputed, then withdrawn: gates close over any consent.
    addresses.set_status(world.person("analyst"), world.team, planted.KEY, "withdrawn", "made up")
    assert told(look_up) == {}


def test_an_own_record_asks_its_recorder(world: World) -> None:
    seen, look_up = planted.sighting_of(world.person("analyst")), called(world)
    assert "brand" not in told(look_up)
    asked = services.ask_originator(world.person("liaison"), look_up, seen.ref)
    assert (asked.partner, asked.fields) == (None, ["brand"])
    services.note_consent(world.person("liaison"), asked, granted=True, how="x")
    assert told(look_up)["brand"] == planted.OF_TEAM["brand"]


def test_on_the_page(world: World, giver: Partner) -> None:
    seen, look_up = page_of(world, giver), called(world)
    liaison = world.client(world.person("liaison"))
    page = reverse("lookup", args=[look_up.ref])
    assert "Note that they are asked" in liaison.get(page).content.decode()
    put = reverse("lookup-originator", args=[look_up.ref])
    assert liaison.post(put, {"source": "S-00000-00000"}).status_code == 400
    assert liaison.post(put, {"source": seen.ref}).status_code == 302
    answer = reverse("lookup-consent", args=[look_up.ref, 1])
    assert liaison.post(answer, {"granted": "yes"}).status_code == 400
    assert liaison.post(reverse("lookup-consent", args=[look_up.ref, 2]), {}).status_code == 404
    assert liaison.post(reverse("lookup-consent", args=[look_up.ref, 0]), {}).status_code == 404
    assert liaison.post(answer, {"granted": "yes", "how": "duty office"}).status_code == 302
    shown = liaison.get(page).content.decode()
    assert "duty office" in shown
    assert giver.codename in shown
    gone = reverse("lookup-revoke", args=[look_up.ref, 1])
    assert "They took it back" in shown
    for number, said, status in (
        (1, {}, 400),
        (2, {"how": "x"}, 404),
        (1, {"how": "a letter"}, 302),
    ):
        where = reverse("lookup-revoke", args=[look_up.ref, number])
        assert liaison.post(where, said).status_code == status
    shown = liaison.get(page).content.decode()
    assert "a letter" in shown
    assert gone not in shown
    rows = Event.objects.filter(action="lookup.consent", result="done").order_by("seq")
    assert [json.loads(row.details).get("granted") for row in rows] == [None, True, None]
    # The partner that asks sees nothing of it.
    asker = world.client(world.person("partner"))
    shown = asker.get(reverse("own-lookup", args=[look_up.ref])).content.decode()
    assert giver.codename not in shown
    assert "duty office" not in shown
    weighed = services.weigh(look_up)
    assert [one.asked is not None for one in queries.originators_of(look_up, weighed)] == [True]


def test_what_was_asked_and_said_is_kept(world: World, giver: Partner) -> None:
    seen, look_up = page_of(world, giver), called(world)
    asked = services.ask_originator(world.person("liaison"), look_up, seen.ref)
    said = services.note_consent(world.person("liaison"), asked, granted=True, how="x")
    services.revoke_consent(world.person("liaison"), said, "x")
    for model in (OriginatorAsked, Consent, Revocation, Origin):
        table = model._meta.db_table
        with (
            pytest.raises(DatabaseError, match="written once"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
