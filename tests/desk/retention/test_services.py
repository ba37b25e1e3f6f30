"""Periods, holds, requests and the run that erases what is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, option, page

from clewline.desk.accounts.models import Organisation
from clewline.desk.audit.models import Event
from clewline.desk.cases import services as cases
from clewline.desk.ledger import vault
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record, supersede
from clewline.desk.retention import erasing, queries, services, takes
from clewline.desk.retention.models import Tombstone
from clewline.errors import UsageError

pytestmark = pytest.mark.django_db


def old(sighting: Sighting, months: int) -> Sighting:
    """Let a sighting have been recorded some months ago."""
    day = queries.months_later(timezone.now().date(), -months) - timedelta(days=2)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    Sighting.objects.filter(pk=sighting.pk).update(recorded_at=at)
    return Sighting.objects.get(pk=sighting.pk)


def erased() -> set[str]:
    return set(Tombstone.objects.values_list("record_ref", flat=True))


def test_what_is_due_goes_and_nothing_else(world: World) -> None:
    analyst = world.person("analyst")
    gone = old(record(analyst, page()), 24)
    stays = old(record(analyst, page()), 23)
    of_case = old(record(analyst, page(retention_class="case")), 60)
    counted = old(record(analyst, page(retention_class="statistics")), 15)
    assert queries.expiry(analyst).count == 2
    made = services.expire("terminal:x")
    assert {one.record_ref for one in made} == {gone.ref, counted.ref} == erased()
    assert not queries.expiry(analyst).due
    assert vault().is_destroyed(gone.key_id)
    assert Sighting.objects.get(pk=stays.pk).unseal("url")
    assert Sighting.objects.get(pk=of_case.pk).unseal("url")
    events = Event.objects.filter(action="retention.expire")
    assert set(events.values_list("object", flat=True)) == erased()
    assert services.expire("terminal:x") == []


def test_a_run_that_is_stopped_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    analyst = world.person("analyst")
    found = [old(record(analyst, page()), 30) for _ in range(3)]
    real, done = services._expire_one, []

    def stop_after_one(by: str, pk: int) -> list[Tombstone]:
        if done:
            raise KeyboardInterrupt
        done.append(pk)
        return real(by, pk)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(services, "_expire_one", stop_after_one)
        services.expire("terminal:x")
    assert len(erased()) == 1
    assert not any(vault().is_destroyed(one.key_id) for one in found)
    services.expire("terminal:x")
    assert all(vault().is_destroyed(one.key_id) for one in found)


def test_ten_thousand_are_one_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from clewline.desk.key_tree import KeyTree

    analyst, steps = world.person("analyst"), []
    for _ in range(12):
        old(record(analyst, page()), 30)
    real = KeyTree.cut_out
    monkeypatch.setattr(KeyTree, "cut_out", lambda self, rows: steps.append(1) or real(self, rows))
    assert len(services.expire("terminal:x")) == 12
    assert len(steps) == 2  # the tree and the escrow


def test_a_case_counts_from_its_closing(world: World) -> None:
    investigator = world.person("investigator")
    sighting = old(record(world.person("analyst"), page(retention_class="case")), 200)
    case = cases.open_case(investigator, world.team, "Grey Heron", "x", "x")
    cases.link(investigator, case, sighting.ref, "x")
    assert queries.expires_on(sighting) is None
    services.expire("terminal:x")
    assert not erased()
    type(case).objects.filter(pk=case.pk).update(closed_at=timezone.now() - timedelta(days=4000))
    assert services.expire("terminal:x")


@pytest.mark.parametrize("what", ["sighting", "brand", "address", "itself"])
def test_what_is_held_stays(world: World, what: str) -> None:
    analyst, investigator = world.person("analyst"), world.person("investigator")
    approver = world.person("approver")
    sighting = old(record(analyst, page(option(ADDRESS))), 60)
    assert sighting.brand is not None
    names = {"sighting": sighting.ref, "brand": sighting.brand.ref, "address": ADDRESS}
    if what == "itself":
        held = services.hold(investigator, basis="Order 1", until=None, on=sighting)
    else:
        case = cases.open_case(investigator, world.team, "Grey Heron", "x", "x")
        cases.link(investigator, case, names[what], "x")
        held = services.hold(investigator, basis="Order 1", until=None, on=case)
    assert erasing.is_held(erasing.SIGHTING, sighting)
    services.expire("terminal:x")
    if what == "itself":
        with pytest.raises(UsageError, match="legal hold"):
            services.ask(analyst, sighting, "court", "x")
    else:
        # Who is no member of the case does not learn that a hold stands; what they agree waits.
        asked = services.ask(analyst, sighting, "court", "x")
        services.decide(approver, asked, agreed=True)
        with pytest.raises(UsageError, match="agreed already"):
            services.ask(analyst, sighting, "court", "x")
        services.expire("terminal:x")
    assert not erased()
    assert bool(queries.holds_on(analyst)) == (what == "itself")
    assert erasing.is_held(erasing.SIGHTING, sighting, analyst) == (what == "itself")
    with pytest.raises(UsageError):
        services.lift(investigator, held, "over")
    with pytest.raises(UsageError):
        services.lift(world.person("approver", stranger=True), held, "over")
    services.lift(approver, held, "over")
    with pytest.raises(UsageError):
        services.lift(approver, type(held).objects.get(pk=held.pk), "over")
    services.expire("terminal:x")
    assert erased() == {sighting.ref}
    by_run = Tombstone.objects.get(record_ref=sighting.ref).reason == "expired"
    assert by_run == (what == "itself")


def test_a_hold_that_came_meanwhile_stops_it(world: World) -> None:
    analyst, approver = world.person("analyst"), world.person("approver")
    sighting = record(analyst, page())
    asked = services.ask(analyst, sighting, "mistake", "x")
    services.hold(analyst, basis="Order 1", until=timezone.now().date(), on=sighting)
    with pytest.raises(UsageError, match="legal hold"):
        services.decide(approver, asked, agreed=True)
    assert not erased()
    assert not hasattr(type(asked).objects.get(pk=asked.pk), "decision")


def test_it_takes_two_people_and_takes_all_versions(world: World) -> None:
    analyst, approver = world.person("analyst"), world.person("approver")
    first = record(analyst, page())
    second = supersede(analyst, first, page(), "made up")
    asked = services.ask(approver, first, "request", "x")
    for somebody in ("approver", "analyst", "administrator"):
        with pytest.raises(UsageError):
            services.decide(world.person(somebody), asked, agreed=True)
    approver_two = world.person("liaison")
    approver_two.roles = ["approver"]
    approver_two.save()
    services.decide(approver_two, asked, agreed=True)
    assert erased() == {first.ref, second.ref}
    with pytest.raises(UsageError, match="erased already"):
        services.ask(analyst, second, "request", "x")


def test_a_refusal_erases_nothing(world: World) -> None:
    analyst = world.person("analyst")
    asked = services.ask(analyst, record(analyst, page()), "unlawful", "x")
    with pytest.raises(UsageError, match="asked already"):
        services.ask(analyst, asked.sighting, "unlawful", "x")
    services.decide(world.person("approver"), asked, agreed=False, reason="Lawful.")
    assert not erased()


def test_a_period_takes_two_people_of_the_organisation(world: World) -> None:
    analyst = world.person("analyst")
    sighting = old(record(analyst, page()), 13)
    change = services.ask_period(analyst, "report", 12, "National law")
    services.expire("terminal:x")
    assert not erased()
    for somebody in (analyst, world.person("approver", stranger=True)):
        with pytest.raises(UsageError):
            services.decide_period(somebody, change, agreed=True)
    services.decide_period(world.person("approver"), change, agreed=True)
    assert queries.periods(analyst.organisation_id)["report"] == 12
    other = Organisation.objects.exclude(pk=analyst.organisation_id).get()
    assert queries.periods(other.pk)["report"] == 24
    services.expire("terminal:x")
    assert erased() == {sighting.ref}


def test_each_column_is_decided_on() -> None:
    from django.apps import apps

    for label, taken in takes.TAKEN.items():
        columns = {field.attname for field in apps.get_model(label)._meta.concrete_fields}
        decided = {*taken, *takes.STAYS[label]}
        assert columns == decided, f"{label}: say in retention/takes.py what becomes of it"
        assert not set(taken) & set(takes.STAYS[label])
