"""A morning with 200 items for three people, and a payment of one's own that stops a package."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.records.pages import ADDRESS, option, page

from clewline.desk.exports import services as exports
from clewline.desk.ours import checks
from clewline.desk.queue.models import Claim
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record


def fresh(desk: LiveDesk, number: int) -> list[Sighting]:
    """Record pages this night, by somebody who is not there in the morning."""
    night, now = desk.world.person("analyst"), timezone.now()
    return Sighting.objects.bulk_create(
        Sighting(
            team=desk.world.team,
            recorder=night,
            observed_at=now,
            recorded_at=now - timedelta(minutes=one),
            ref=f"S-NIGHT-{one:05}",
            neutral_summary="A made-up page",
        )
        for one in range(number)
    )


def test_two_hundred_items_for_three_people(live_desk: LiveDesk) -> None:
    fresh(live_desk, 200)
    world = live_desk.world
    people = [world.person(role) for role in ("investigator", "approver", "liaison")]
    taken = []
    for user in people:
        with live_desk.signed_in(user) as window:
            window.goto("/")
            assert window.locator("#new-title + .soft").inner_text() == "200"
            # By keyboard alone: to the first item that is free, and take it.
            window.keyboard.press("Alt+j")
            window.keyboard.press("j")
            window.keyboard.press("k")
            key = window.evaluate(
                "document.activeElement.closest('[data-item]').querySelector('[name=key]').value"
            )
            window.keyboard.press("t")
            window.get_by_text(f"{key} is yours until").wait_for()
            assert window.locator("[data-item]").first.get_by_text("yours until").count() == 1
            taken.append(key)
    assert len(set(taken)) == 3
    assert {claim.key: claim.by for claim in Claim.objects.all()} == dict(
        zip(taken, people, strict=True)
    )
    # One of them finds that a child may be at risk: it stands above everything, for all.
    with live_desk.signed_in(people[0]) as window, live_desk.signed_in(people[1]) as other:
        window.goto(f"/sightings/{taken[0]}/urgent/")
        assert window.get_by_text("Nobody is on call for north").count() == 1
        assert_accessible(window)
        window.get_by_label("Why a child may be at risk now").fill("A made-up reason")
        window.keyboard.press("Control+Enter")
        window.get_by_text("nobody saw to it yet").wait_for()
        other.goto("/")
        first = other.locator("[data-item]").first
        assert "raised 0 min ago" in first.inner_text()
        assert "a child may be at risk now: A made-up reason" in first.inner_text()
        assert_accessible(other)
        other.keyboard.press("Alt+j")
        other.keyboard.press("t")
        other.get_by_role("button", name="I see to it").wait_for()
        other.keyboard.press("Alt+a")
        other.get_by_label("What came of it").fill("Passed on, made up")
        other.keyboard.press("Control+Enter")
        other.get_by_text("Passed on, made up").wait_for()
        window.goto("/")
        assert window.locator(".urgent").count() == 0


def test_a_payment_of_ones_own_stops_a_package(
    live_desk: LiveDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mark is in no page and file but its team's; who releases learns that some are held."""
    monkeypatch.setattr(checks, "_BY_LOT", 0)
    world = live_desk.world
    south = world.person("liaison", stranger=True)
    record(world.person("analyst", stranger=True), page(option(ADDRESS)))
    asked = exports.ask(
        south, team=world.other_team, what="options", recipient="Example", purpose="made up"
    )
    owner = world.person("investigator")
    with live_desk.signed_in(owner) as mine, live_desk.signed_in(south) as theirs:
        mine.goto("/ours/")
        mine.get_by_label("Payment or address").fill(ADDRESS)
        mine.get_by_label("Purpose").fill("A made-up purchase")
        mine.get_by_label("Authority").fill("AUTH-1")
        mine.keyboard.press("Control+Enter")
        mine.get_by_role("cell", name="A made-up purchase").wait_for()
        exports.decide(world.person("approver", stranger=True), asked, released=True)
        checks.tick()
        theirs.goto(f"/exports/{asked.ref}/")
        assert theirs.get_by_text("every package waits").count() == 1
        mine.goto("/")
        mine.get_by_text("a package with a payment of ours leaves").wait_for()
        mine.get_by_role("link", name="See to it").click()
        assert asked.ref not in mine.content() and "south" not in mine.content()
        mine.get_by_label("Reason", exact=True).first.fill("Somebody is out there (made up)")
        mine.get_by_role("button", name="Object").click()
        mine.get_by_text("Objected").wait_for()
        assert_accessible(mine)
        for hours, words in ((1, "Held for review"), (25, "Not released after review")):
            checks.tick(timezone.now() + timedelta(hours=hours))
            theirs.reload()
            theirs.get_by_text(words).first.wait_for()
            assert theirs.get_by_role("button", name="Download").count() == 0
        for path in ("/", "/exports/", f"/exports/{asked.ref}/", "/sightings/"):
            theirs.goto(path)
            said = theirs.content()
            assert "A made-up purchase" not in said and "north" not in said
