"""The first page: what waits, in an order that says why; nothing of others."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.desk.conftest import World, plain
from tests.desk.records.pages import ADDRESS, option, page

from clewline.desk import chain_store
from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import User
from clewline.desk.addresses import services as addresses
from clewline.desk.audit.models import Event
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case, Member
from clewline.desk.exports import services as exports
from clewline.desk.ours import checks
from clewline.desk.ours import services as ours
from clewline.desk.queue import live, queries, services
from clewline.desk.queue.items import CHECK, NEW, OVERDUE, SECTIONS, UNREAD, URGENT, Item
from clewline.desk.queue.models import Claim, Seen, Shift
from clewline.desk.queue.rules import RULES
from clewline.desk.records.models import Brand, PaymentOption, Sighting
from clewline.desk.records.services import record
from clewline.desk.roles import Role
from clewline.desk.welfare.models import Protection
from clewline.errors import UsageError

ROOT = Path(__file__).parents[3]


def sighting(world: World, *, stranger: bool = False, **fields: Any) -> Sighting:
    person = world.person("analyst", stranger=stranger)
    return Sighting.objects.create(
        team=person.teams.get(),
        recorder=person,
        observed_at=timezone.now(),
        neutral_summary="A made-up page",
        **fields,
    )


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def items(user: User, section: str = "") -> list[Item]:
    return [item for item in queries.queue_of(user) if section in ("", item.section)]


def keys(user: User, section: str = "") -> list[str]:
    return [item.key for item in items(user, section)]


@pytest.fixture
def reader(world: World) -> User:
    """Somebody of the team who recorded nothing."""
    return world.person("investigator")


@pytest.mark.parametrize("role", Role)
def test_everybody_has_one(world: World, role: str) -> None:
    assert world.client(world.person(role)).get("/").status_code == 200


@pytest.mark.parametrize("role", Role)
def test_what_others_do_changes_no_byte(world: World, role: str) -> None:
    client = world.client(world.person(role))
    client.get("/")
    before = plain(client.get("/"))
    south = world.person("investigator", stranger=True)
    made = sighting(world, stranger=True)
    case = Case.objects.create(team=world.other_team, codename="Blue Kettle", owner=south)
    Member.objects.create(case=case, user=south, by=south)
    services.raise_urgent(south, made, "made up")
    services.take_item(south, made.ref)
    services.add_shift(south, world.other_team, south, ago(hours=1), ago(hours=-1))
    exports.ask(south, team=world.other_team, what="options", recipient="x", purpose="x")
    ours.mark(south, world.other_team, ADDRESS, "x", "x")
    checks.check_release("X-1", world.other_team, [ADDRESS])
    checks.tick()
    after = plain(client.get("/"))
    if role == Role.AUDITOR:  # who sees how long the log is
        return
    assert before == after


def test_new_until_somebody_else_looked(world: World, reader: User) -> None:
    made = sighting(world)
    colleague = world.person("approver")
    assert keys(made.recorder) == []  # who recorded it knows it
    assert keys(reader, NEW) == keys(colleague, NEW) == [made.ref]
    world.client(made.recorder).get(f"/sightings/{made.ref}/")
    assert keys(reader, NEW) == [made.ref]
    world.client(colleague).get(f"/sightings/{made.ref}/")
    assert keys(colleague) == []
    assert (keys(reader, NEW), keys(reader, UNREAD)) == ([], [made.ref])
    world.client(reader).get(f"/sightings/{made.ref}/")
    world.client(reader).get(f"/sightings/{made.ref}/")
    assert keys(reader) == []
    assert Seen.objects.filter(user=reader).count() == 1


def test_what_does_not_stand_or_is_old_is_not_shown(world: World, reader: User) -> None:
    old = sighting(world)
    new = sighting(world, supersedes=old)
    sighting(world, recorded_at=ago(days=15))
    assert keys(reader) == [new.ref]
    seen = sighting(world, recorded_at=ago(days=3))
    services.saw(world.person("approver"), seen)
    assert keys(reader) == [new.ref]  # not since yesterday


def test_each_item_says_why_and_the_order_follows(world: World, reader: User) -> None:
    analyst = world.person("analyst")
    plain_one = sighting(world, recorded_at=ago(hours=30))
    branded = record(analyst, page(option(ADDRESS), brand="Blue Door"))
    Brand.objects.update(created_at=ago(hours=2))
    young = sighting(world, age_band="a3_6")
    assert keys(reader, NEW) == [branded.ref, young.ref, plain_one.ref]
    why = {item.key: item.why for item in items(reader, NEW)}
    assert "new brand: first sighting 2 h ago" in why[branded.ref]
    assert why[plain_one.ref] == "nobody said of which brand it is; waits for 30 h"
    assert "classified: 3 to 6" in why[young.ref]
    points = [item.points for item in items(reader, NEW)]
    assert points == sorted(points, reverse=True)
    assert points == [RULES["new_brand"].points + 100, 150 + 40 + 100, 40 + 30]


def test_every_rule_is_in_the_handbook() -> None:
    text = (ROOT / "docs" / "DESK.md").read_text()
    for rule in RULES.values():
        row = f"| `{rule.name}` | {rule.points:,}"
        assert row in text, row
        assert str(rule.sentence) in text, rule.sentence


def test_summaries_are_masked_for_who_asks(world: World, reader: User) -> None:
    sighting(world)
    assert "A made-up page" in world.client(reader).get("/").content.decode()
    Protection.objects.create(user=reader, summaries_masked=True)
    assert "A made-up page" not in world.client(reader).get("/").content.decode()


# What waits for whom.


def test_what_waits_for_an_approver(world: World) -> None:
    user = accounts.add_person(world.person("administrator"), "newcomer", ["analyst"], [world.team])
    mine = world.person("approver")
    asked = exports.ask(
        world.person("analyst"), team=world.team, what="options", recipient="x", purpose="x"
    )
    exports.ask(mine, team=world.team, what="options", recipient="x", purpose="x")
    found = items(mine, CHECK)
    assert {item.name for item in found} == {f"Access for {user.pseudonym}", asked.ref}
    assert all("needs a second person" in item.why for item in found)
    assert keys(world.person("analyst"), CHECK) == []


def test_what_is_overdue_disputed_or_handed_over(world: World, reader: User) -> None:
    case = cases.open_case(reader, world.team, "Blue Kettle", "", "made up")
    task = cases.add_task(reader, case, "write to them", reader, due=ago(days=3).date())
    addresses.set_status(reader, world.team, ("BTC", "main", ADDRESS), "disputed", "not theirs")
    (late,) = items(reader, OVERDUE)
    assert (late.key, late.name) == (task.ref, "Blue Kettle")
    assert late.why.startswith("overdue since ")
    assert late.points == 250 + 3 * 10
    (dispute,) = items(reader, CHECK)
    assert "disputed: not theirs" in dispute.why
    assert keys(world.person("analyst"), OVERDUE) == []  # no member


def test_a_warning_stands_above_all_but_a_child(world: World, reader: User) -> None:
    made = sighting(world)
    ours.mark(reader, world.team, ADDRESS, "x", "x")
    package = checks.check_release("X-OTHER-TEAMS", world.other_team, [ADDRESS])
    checks.tick()
    (warning,) = items(reader, URGENT)
    assert "a package with a payment of ours leaves: answer by " in warning.why
    assert package.ref not in world.client(reader).get("/").content.decode()
    mark = services.raise_urgent(reader, made, "a made-up reason")
    assert keys(reader, URGENT) == [mark.ref, warning.key]
    assert keys(world.person("liaison"), URGENT) == [mark.ref]


# Payments on chain.


@pytest.fixture
def paid(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A chain on which the address of a recorded page is paid: outpoint → seconds."""
    record(world.person("analyst"), page(option(ADDRESS), brand=""))
    payments: dict[str, int] = {}

    def latest(asked: Any, most: int = 3) -> Any:
        rows = sorted(payments.items(), key=lambda row: -row[1])
        found = chain_store.FromChain("found", "as of block 840,000", {"height": 840_000})
        return found, {one: rows for one in asked if one[2] == ADDRESS and rows}

    monkeypatch.setattr(chain_store, "latest_payments", latest)
    return payments


def test_a_live_payment_moves_an_item_up(world: World, reader: User, paid: dict[str, int]) -> None:
    client = world.client(reader)
    assert b"were not looked up yet" in client.get("/").content
    paid["ab" * 32 + ":1"] = int(ago(minutes=40).timestamp())
    assert live.look() == 1
    shown = client.get("/").content.decode()
    assert "live payment on chain 40 min ago" in shown
    assert "Payments on chain as of block 840,000" in shown
    assert live.look() == 0  # not again so soon
    # Their own payment is no payment of a site to the team, and stays one for others.
    ours.mark(reader, world.team, "ab" * 32 + ":1", "x", "x")
    assert "live payment" not in client.get("/").content.decode()
    paid["cd" * 32 + ":0"] = int(ago(minutes=90).timestamp())
    live.look(timezone.now() + timedelta(minutes=5))
    assert "live payment on chain 90 min ago" in client.get("/").content.decode()


def test_without_a_store_it_says_so(world: World, reader: User) -> None:
    assert live.look() == 0
    assert "not looked up: no chain store is attached" in (
        world.client(reader).get("/").content.decode()
    )


# Taking.


def test_one_person_has_an_item_at_a_time(world: World, reader: User) -> None:
    first, second = sighting(world), sighting(world, recorded_at=ago(minutes=5))
    colleague = world.person("approver")
    services.take_item(reader, first.ref)
    assert services.take_item(reader, first.ref).by == reader  # again: the same claim
    with pytest.raises(UsageError, match="taken by north-investigator"):
        services.take_item(colleague, first.ref)
    assert keys(colleague, NEW) == [second.ref, first.ref]  # what is free stands above
    assert keys(reader, NEW) == [first.ref, second.ref]
    with pytest.raises(UsageError, match="did not take"):
        services.leave_item(colleague, first.ref)
    services.leave_item(reader, first.ref)
    assert services.take_item(colleague, first.ref).by == colleague


def test_a_claim_ends_by_itself_and_stays_on_record(world: World, reader: User) -> None:
    made = sighting(world)
    services.take_item(reader, made.ref)
    Claim.objects.update(until=ago(minutes=1))
    services.take_item(world.person("approver"), made.ref)
    assert list(Claim.objects.order_by("pk").values_list("by__pseudonym", flat=True)) == [
        "north-investigator",
        "north-approver",
    ]


def test_taking_through_the_page(world: World, reader: User) -> None:
    made, theirs = sighting(world), sighting(world, stranger=True)
    client = world.client(reader)
    assert client.post("/today/take/", {"key": made.ref}).status_code == 302
    assert "yours" in client.get("/").content.decode()
    assert client.post("/today/take/", {"key": theirs.ref}).status_code == 404
    assert client.post("/today/take/", {"key": "made up"}).status_code == 404
    assert client.post("/today/take/", {}).status_code == 404
    other = world.client(world.person("approver"))
    assert other.post("/today/take/", {"key": made.ref}).status_code == 302
    assert "taken by north-investigator" in other.get("/").content.decode()
    assert client.post("/today/leave/", {"key": made.ref}).status_code == 302
    assert client.get("/today/take/").status_code == 405
    event = Event.objects.filter(action="queue.take", object=made.ref).earliest("seq")
    assert event.result == "done"


# A child may be at risk now.


def test_urgent_from_mark_to_outcome(world: World, reader: User) -> None:
    made = sighting(world)
    client, colleague = world.client(reader), world.client(world.person("approver"))
    raising = f"/sightings/{made.ref}/urgent/"
    assert "Nobody is on call for north" in client.get(raising).content.decode()
    assert client.post(raising, {"reason": " "}).status_code == 400
    answer = client.post(raising, {"reason": "a made-up reason"})
    place = answer["Location"]
    assert client.post(raising, {"reason": "again"}).status_code == 400
    assert "raised 0 min ago" in colleague.get("/").content.decode()
    services.add_shift(reader, world.team, world.person("approver"), ago(hours=1), ago(hours=-1))
    assert "north-approver" in client.get(place).content.decode()
    assert client.post(f"{place}close/", {"outcome": "too early"}).status_code == 400
    assert colleague.post(f"{place}acknowledge/").status_code == 302
    assert client.post(f"{place}acknowledge/").status_code == 400
    assert "acknowledged by north-approver" in client.get("/").content.decode()
    assert colleague.post(f"{place}close/", {"outcome": ""}).status_code == 400
    assert colleague.post(f"{place}close/", {"outcome": "passed on"}).status_code == 302
    assert "passed on" in client.get(place).content.decode()
    assert keys(reader, URGENT) == []
    assert world.client(world.person("analyst", stranger=True)).get(place).status_code == 404
    events = list(
        Event.objects.filter(action__startswith="urgent.").values_list("action", "result")
    )
    assert events.count(("urgent.raise", "done")) >= 1
    assert events.count(("urgent.handle", "done")) == 2


def test_urgent_of_a_case_is_for_its_members(world: World, reader: User) -> None:
    case = cases.open_case(reader, world.team, "Blue Kettle", "", "made up")
    mark = services.raise_urgent(reader, case, "made up")
    assert keys(reader, URGENT) == [mark.ref]
    assert keys(world.person("analyst")) == []
    place = f"/urgent/{mark.ref}/"
    assert world.client(reader).get(place).status_code == 200
    assert world.client(world.person("analyst")).get(place).status_code == 404
    assert (
        world.client(world.person("analyst")).get(f"/cases/{case.ref}/urgent/").status_code == 404
    )


def test_the_clock_renews_itself_and_keeps_nobody_signed_in(
    world: World, reader: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    made = sighting(world)
    services.raise_urgent(reader, made, "made up")
    client = world.client(reader)
    client.get("/")
    begin = time.time()
    monkeypatch.setattr(
        "clewline.desk.accounts.middleware.time.time", lambda: begin + settings.IDLE_SECONDS - 10
    )
    part = client.get("/today/urgent/now/", headers={"HX-Request": "true"})
    assert b"raised 0 min ago" in part.content and b"<html" not in part.content
    monkeypatch.setattr(
        "clewline.desk.accounts.middleware.time.time", lambda: begin + settings.IDLE_SECONDS + 10
    )
    over = client.get("/today/urgent/now/", headers={"HX-Request": "true"})
    assert over["HX-Refresh"] == "true"


# On call.


def test_the_roster(world: World, reader: User) -> None:
    client = world.client(reader)
    assert "Nobody is on call" in client.get("/on-call/").content.decode()
    now = timezone.now().astimezone(UTC)
    form = {
        "team": world.team.name,
        "person": "north-analyst",
        "starts": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "ends": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}",
    }
    assert client.post("/on-call/add/", {**form, "person": "south-analyst"}).status_code == 400
    assert client.post("/on-call/add/", {**form, "ends": form["starts"]}).status_code == 400
    assert client.post("/on-call/add/", {**form, "team": world.other_team.name}).status_code == 400
    assert client.post("/on-call/add/", form).status_code == 302
    shift = Shift.objects.get()
    ((team, people),) = [(one.team, one.people) for one in queries.on_call([world.team])]
    assert (team, people) == (world.team, (world.person("analyst"),))
    assert client.post(f"/on-call/{shift.ref}/end/").status_code == 302
    assert client.post(f"/on-call/{shift.ref}/end/").status_code == 400
    assert queries.on_call([world.team])[0].people == ()
    stranger = world.client(world.person("analyst", stranger=True))
    assert stranger.post(f"/on-call/{shift.ref}/end/").status_code == 404


# Two hundred items.


def test_two_hundred_items_cost_as_much_as_two(world: World, reader: User) -> None:
    analyst = world.person("analyst")
    first = record(analyst, page(option(ADDRESS), brand="Blue Door"))
    client = world.client(reader)
    client.get("/")
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    for number in range(200):
        made = sighting(world, brand=first.brand, recorded_at=ago(minutes=number))
        PaymentOption.objects.create(
            team=world.team, sighting=made, position=0, address=first.options.get().address
        )
    with CaptureQueriesContext(connection) as many:
        shown = client.get("/").content.decode()
    assert len(many) == len(few) <= 36, [one["sql"] for one in many.captured_queries]
    assert shown.count("data-item") == 8
    assert ">201<" in shown
    page_of = client.get("/today/new/?page=2").content.decode()
    assert page_of.count("data-item") == 50
    assert client.get("/today/nothing/").status_code == 404
    assert set(SECTIONS) == {URGENT, NEW, CHECK, OVERDUE, UNREAD}
