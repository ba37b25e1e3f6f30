"""Disputes by anybody: taken up by a person, decided by two, and what follows from it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone
from tests.desk import planted
from tests.desk.alerts.conftest import ADDRESSES, Desk, desk, go
from tests.desk.conftest import World

from clewline.desk.addresses import services as addresses
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.channels import webhook
from clewline.desk.alerts.models import Copy, Told
from clewline.desk.disputes import queries, receiving, services
from clewline.desk.disputes.models import Decision, Dispute, Proposal, Reply, Taking
from clewline.desk.ledger import vault
from clewline.desk.lookups import queries as look_ups
from clewline.desk.queue.items import OVERDUE
from clewline.desk.records.models import AddressStatus
from clewline.desk.retention import services as keeping
from clewline.desk.retention.models import Tombstone
from clewline.errors import UsageError

__all__ = ["desk"]
FIRST = ADDRESSES[0]


def status(world: World) -> str:
    """Return how the address stands for the team."""
    rows = AddressStatus.objects.filter(team=world.team, address__canonical=FIRST)
    latest = rows.order_by("-id").first()
    return latest.status if latest else "active"


def dispute_of(world: World, named: str = FIRST) -> Dispute:
    """Enter what an account holder who is no partner disputes."""
    return planted.dispute_of(world.person("liaison"), world.team, named=named)


def decided(world: World, dispute: Dispute, outcome: str, **more: object) -> Decision:
    """Propose as the liaison, agree as the approver."""
    made = services.propose(world.person("liaison"), dispute, outcome, "made up", **more)  # type: ignore[arg-type]
    return services.decide(world.person("approver"), made, agreed=True)


def told_by_webhook(desk: Desk) -> list[tuple[str, str]]:
    """Return state and address of what a receiver got, in order."""
    found = []
    for _path, headers, body in desk.web.taken:
        webhook.verify("made-up-key", headers, body)
        found += [(one["state"], one["address"]) for one in json.loads(body)["items"]]
    return found


def test_a_dispute_of_somebody_who_is_no_partner_reaches_past_recipients(desk: Desk) -> None:
    world = desk.world
    partner = desk.partner("Grey Exchange")
    desk.channel(partner, "webhook")
    desk.sighting()
    desk.tell([partner])
    look_up = planted.look_up_of(world.person("partner"), FIRST)
    planted.answered(look_up, world.person("liaison"), world.person("approver"))
    go()
    dispute = dispute_of(world)
    assert dispute.answer is None
    assert status(world) == "disputed"
    assert queries.told(dispute) == ["Grey Exchange"]
    made = decided(world, dispute, "upheld")
    assert status(world) == "withdrawn"
    assert made.alert is not None
    assert made.alert.kind == "withdrawn"
    go()
    assert told_by_webhook(desk)[-1] == ("withdrawn", FIRST)
    assert len([one for one in told_by_webhook(desk) if one[0] == "withdrawn"]) == 1
    assert Told.objects.get(partner=partner, address__canonical=FIRST).withdrawn
    # What was answered of it waits to be corrected.
    waiting = look_ups.waiting_for(world.person("liaison"))
    assert [(one.look_up, one.what) for one in waiting] == [(look_up, "correct")]
    # Nothing of it is told any more, new recipients included.
    other = desk.partner("New Exchange")
    desk.tell([other], FIRST)
    assert not Copy.objects.filter(partner=other).exists()


def test_a_recipients_objection_opens_a_dispute_that_a_person_takes_up(desk: Desk) -> None:
    world = desk.world
    partner = desk.partner("Grey Exchange")
    desk.sighting()
    desk.tell([partner])
    copy = Copy.objects.get(partner=partner)
    alerts.answer(copy, matched=3)
    assert not Dispute.objects.exists()
    item = Told.objects.get(partner=partner, address__canonical=FIRST).ref
    answer = alerts.answer(copy, dispute="own_service", item=item)
    (dispute,) = Dispute.objects.all()
    assert (dispute.answer, dispute.channel, dispute.disputer_kind) == (answer, "alert", "exchange")
    assert dispute.unseal("named") == item
    assert status(world) == "active"
    shown = world.client(world.person("liaison")).get(f"/disputes/{dispute.ref}/").content.decode()
    assert f'value="{item}"' in shown
    services.take_up(world.person("liaison"), dispute, item)
    assert status(world) == "disputed"
    # A whole alert with two addresses is about no one address.
    alerts.answer(copy, dispute="wrong")
    second = Dispute.objects.get(answer__item="")
    with pytest.raises(UsageError, match="several addresses"):
        services.take_up(world.person("liaison"), second, second.unseal("named"))


def test_rejected_stands_again_once_no_other_dispute_is_open(desk: Desk) -> None:
    world = desk.world
    desk.sighting()
    first, second = dispute_of(world), dispute_of(world)
    decided(world, first, "rejected")
    assert status(world) == "disputed"
    decided(world, second, "rejected")
    assert status(world) == "active"
    # What the team itself doubts is not settled by somebody else's dispute.
    key = ("BTC", "main", FIRST)
    addresses.set_status(world.person("analyst"), world.team, key, "disputed", "made up")
    decided(world, dispute_of(world), "rejected")
    assert status(world) == "disputed"


def test_partly_upheld_corrects_what_recipients_hold(desk: Desk) -> None:
    world = desk.world
    partner = desk.partner("Grey Exchange")
    desk.channel(partner, "webhook")
    desk.sighting()
    desk.tell([partner])
    go()
    until = timezone.now().date() + timedelta(days=10)
    dispute = dispute_of(world)
    made = decided(world, dispute, "partly", correction="validity", valid_until=until)
    assert made.alert is not None
    assert (status(world), made.alert.kind) == ("active", "changed")
    go()
    assert told_by_webhook(desk)[-1] == ("changed", FIRST)
    decided(world, dispute_of(world), "partly", correction="address")
    assert status(world) == "withdrawn"
    go()
    assert told_by_webhook(desk)[-1] == ("withdrawn", FIRST)


def test_two_people_decide(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    approver, liaison = world.person("approver"), world.person("liaison")
    dispute = dispute_of(world)
    made = services.propose(approver, dispute, "upheld", "made up")
    with pytest.raises(UsageError, match="did not propose"):
        services.decide(approver, made, agreed=True)
    with pytest.raises(UsageError, match="did not propose"):
        services.decide(world.person("approver", stranger=True), made, agreed=True)
    with pytest.raises(UsageError, match="waits already"):
        services.propose(liaison, dispute, "rejected", "made up")
    assert status(world) == "disputed"
    assert not Decision.objects.exists()


def test_sent_back_needs_a_reason_and_is_proposed_again(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    dispute = dispute_of(world)
    made = services.propose(world.person("liaison"), dispute, "upheld", "made up")
    with pytest.raises(UsageError, match="say why"):
        services.decide(world.person("approver"), made, agreed=False)
    services.decide(world.person("approver"), made, agreed=False, reason="look again")
    assert status(world) == "disputed"
    assert queries.state_of(dispute) == "open"
    decided(world, dispute, "rejected")
    with pytest.raises(UsageError, match="is decided"):
        services.propose(world.person("liaison"), dispute, "upheld", "made up")


@pytest.mark.parametrize(
    ("outcome", "more", "why"),
    [
        ("else", {}, "one of"),
        ("partly", {}, "goes with"),
        ("upheld", {"correction": "address"}, "goes with"),
        ("partly", {"correction": "validity"}, "a day goes with"),
        ("partly", {"correction": "brand"}, "one of"),
    ],
)
def test_what_cannot_be_proposed(
    world: World, outcome: str, more: dict[str, str], why: str
) -> None:
    planted.sighting_of(world.person("analyst"))
    with pytest.raises(UsageError, match=why):
        services.propose(world.person("liaison"), dispute_of(world), outcome, "x", **more)  # type: ignore[arg-type]


def test_what_is_not_listed_or_names_nothing_can_only_be_rejected(world: World) -> None:
    for named, why in (("nothing at all", "say first"), (ADDRESSES[1], "lists nothing")):
        dispute = dispute_of(world, named)
        with pytest.raises(UsageError, match=why):
            services.propose(world.person("liaison"), dispute, "upheld", "made up")
        decided(world, dispute, "rejected")
        assert not AddressStatus.objects.exists()


def test_the_answer_is_the_same_whether_it_is_listed_or_not(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    texts = []
    for named in (FIRST, ADDRESSES[1], "nothing at all"):
        dispute = dispute_of(world, named)
        decided(world, dispute, "rejected")
        page = world.client(world.person("liaison")).get(f"/disputes/{dispute.ref}/")
        texts.append(page.context["reply"].replace(dispute.ref, "J"))
        assert not any(word in texts[-1] for word in (FIRST, "Clear", "BTC", "made up"))
    assert len(set(texts)) == 1
    services.note_reply(world.person("liaison"), dispute, "letter")
    with pytest.raises(UsageError, match="already"):
        services.note_reply(world.person("liaison"), dispute, "letter")


def test_overdue_ones_stand_first_in_the_queue(world: World) -> None:
    liaison, approver = world.person("liaison"), world.person("approver")
    planted.sighting_of(world.person("analyst"))
    fresh = dispute_of(world)
    late = receiving.receive(
        world.team,
        channel="letter",
        disputer_kind="holder",
        named="x",
        grounds="x",
        received_on=timezone.now().date() - timedelta(days=40),
    )
    items = queries.waiting_for(liaison)
    assert [one.key for one in items] == [late.ref, fresh.ref]
    assert items[0].section == OVERDUE
    assert queries.waiting_for(approver) == []
    assert queries.waiting_for(world.person("liaison", stranger=True)) == []
    services.propose(liaison, fresh, "rejected", "made up")
    assert [one.key for one in queries.waiting_for(approver)] == [fresh.ref]
    # The address is in the queue once: by its dispute.
    home = world.client(world.person("analyst")).get("/").content.decode()
    assert "disputed: dispute J-" not in home


def test_an_old_one_is_erased_with_claim_and_contact(world: World) -> None:
    seen = planted.sighting_of(world.person("analyst"))
    old, held, fresh = dispute_of(world), dispute_of(world, "x"), dispute_of(world)
    for one in (old, held, fresh):
        decided(world, one, "rejected")
    append_only_off()
    long_ago = timezone.now() - timedelta(days=800)
    Decision.objects.filter(proposal__dispute__in=[old, held]).update(at=long_ago)
    keeping.hold(world.person("analyst"), basis="x", until=None, on=seen)
    assert {one.record_ref for one in keeping.expire("terminal:x")} == {held.ref}  # names none
    keeping.lift(world.person("approver"), seen.holds.get(), "over")
    assert {one.record_ref for one in keeping.expire("terminal:x")} == {old.ref}
    gone = Dispute.objects.get(pk=old.pk)
    assert not any(getattr(gone, f"{name}_sealed") for name in Dispute.SEALED)
    assert vault().is_destroyed(old.key_id)
    assert Tombstone.objects.get(record_ref=old.ref).retention_class == "dispute"
    assert fresh.unseal("grounds") == planted.SEALED["grounds"]
    page = world.client(world.person("liaison")).post(f"/disputes/{old.ref}/names/")
    assert page.status_code == 200
    assert "Erased" in page.content.decode()
    assert keeping.expire("terminal:x") == []


def append_only_off() -> None:
    """Let a test set the time of a decision."""
    from clewline.desk import append_only

    append_only.drop(connection, ["disputes_decision"])


def test_the_database_refuses_to_change_what_was_said(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    dispute = dispute_of(world)
    decided(world, dispute, "rejected")
    services.note_reply(world.person("liaison"), dispute, "letter")
    for model, field in (
        (Taking, {"address": None}),
        (Proposal, {"reason": "y"}),
        (Decision, {"reason": "y"}),
        (Reply, {"how": "y"}),
        (Dispute, {"grounds_sealed": b""}),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.update(**field)
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.all()._raw_delete("default")


def test_a_list_asks_few_statements(
    world: World, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    planted.sighting_of(world.person("analyst"))
    for _ in range(3):
        decided(world, dispute_of(world), "rejected")
    dispute_of(world)
    client = world.client(world.person("liaison"))
    client.get("/disputes/")
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        assert client.get("/disputes/").status_code == 200
