"""Deconfliction: blind until both agree, the holder first, within limits, by two people."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World, plain

from clewline.desk.accounts.models import Team, User
from clewline.desk.audit.models import Event
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.deconfliction import queries, services
from clewline.desk.deconfliction.models import Comparison, Enquiry, Overlap
from clewline.desk.records import services as records
from clewline.desk.records.models import Address, KnownAddress
from clewline.errors import UsageError


def case_with(user: User, team: Team, *more: User, name: str = "Asking Case") -> Case:
    case = cases.open_case(user, team, name, "", "made-up basis")
    cases.link(user, case, planted.ADDRESS, "made up")
    for one in more:
        cases.add_member(user, case, one, "made up")
    return case


@pytest.fixture
def asking(world: World) -> Case:
    """A case of the strangers' team; its investigator asks, its approver supervises."""
    return case_with(
        world.person("investigator", stranger=True),
        world.other_team,
        world.person("approver", stranger=True),
    )


def enquire(world: World, case: Case, *, agreed: bool = True) -> Enquiry:
    asker, supervisor = case.owner, world.person("approver", stranger=True)
    enquiry = services.ask(asker, case, list(Address.objects.all()), "made up")
    services.decide(supervisor, enquiry, agreed=agreed)
    services.compare_waiting()
    return enquiry


def page(client: Client, enquiry: Enquiry) -> bytes:
    answer = client.get(f"/enquiries/{enquiry.ref}/")
    assert answer.status_code == 200
    return plain(answer)


def test_the_asker_sees_the_same_whether_or_not_somebody_holds_it(
    world: World, asking: Case, django_assert_num_queries: Any
) -> None:
    """Until the holder agrees: same bytes, same statements, on every page that tells of it."""
    client = world.client(asking.owner)
    seen = []
    for held in (False, True):
        if held:
            planted.sighting_of(world.person("analyst"))
        enquiry = enquire(world, asking)
        assert Overlap.objects.filter(subject__enquiry=enquiry).count() == int(held)
        pages = [client.get(path) for path in (f"/enquiries/{enquiry.ref}/", "/overlaps/", "/")]
        seen.append(
            [re.sub(rb"D-[0-9A-Z-]{11}|\d\d:\d\d(:\d\d)?", b"", plain(one)) for one in pages]
        )
    first, second = seen
    assert first[0] == second[0]
    # Nor once a holder has said no.
    services.answer(world.person("analyst"), Overlap.objects.get(), agreed=False, contact="")
    again = re.sub(rb"D-[0-9A-Z-]{11}|\d\d:\d\d(:\d\d)?", b"", page(client, enquiry))
    assert again == second[0]


def test_the_holder_is_told_first_and_not_who_asks(world: World, asking: Case) -> None:
    holder = world.person("analyst")
    planted.sighting_of(holder)
    enquiry = enquire(world, asking)
    (item,) = queries.waiting_for(holder)
    assert item.line == "overlap, contact?"
    overlap = Overlap.objects.visible_to(holder).get()
    answer = world.client(holder).get(f"/overlaps/{overlap.ref}/")
    said = answer.content.decode()
    assert planted.ADDRESS in said
    for word in (enquiry.ref, asking.ref, asking.codename, "south", "made-up basis"):
        assert word not in said
    assert not queries.heard_of(enquiry)


def test_contacts_show_once_both_agree(world: World, asking: Case) -> None:
    holder, asker = world.person("analyst"), asking.owner
    planted.sighting_of(holder)
    enquiry = enquire(world, asking)
    overlap = Overlap.objects.get()
    theirs, ours = world.client(holder), world.client(asker)
    assert theirs.post(f"/overlaps/{overlap.ref}/answer/", {"agree": "1"}).status_code == 400
    said = {"agree": "1", "contact": "holder-desk"}
    assert theirs.post(f"/overlaps/{overlap.ref}/answer/", said).status_code == 302
    heard = page(ours, enquiry)
    assert b"Overlap, contact?" in heard
    assert b"holder-desk" not in heard
    assert planted.OF_TEAM["brand"].encode() not in heard
    said = {"agree": "1", "contact": "asker-desk"}
    path = f"/enquiries/{enquiry.ref}/overlaps/1/"
    assert b"asker-desk" not in theirs.get(f"/overlaps/{overlap.ref}/").content
    assert ours.post(path, said).status_code == 302
    assert b"holder-desk" in page(ours, enquiry)
    assert b"asker-desk" in theirs.get(f"/overlaps/{overlap.ref}/").content
    assert ours.post(path, said).status_code == 400  # once


def test_what_is_kept_back_cannot_be_answered(world: World, asking: Case) -> None:
    planted.sighting_of(world.person("analyst"))
    enquiry = enquire(world, asking)
    client, path = world.client(asking.owner), f"/enquiries/{enquiry.ref}/overlaps/1/"
    before = plain(client.post(path, {"agree": "1", "contact": "x"}))
    services.answer(world.person("analyst"), Overlap.objects.get(), agreed=False, contact="")
    answer = client.post(path, {"agree": "1", "contact": "x"})
    assert answer.status_code == 404
    assert plain(answer) == before
    with pytest.raises(UsageError, match="nothing to answer"):
        services.consent(asking.owner, Overlap.objects.get(), agreed=True, contact="x")


def test_nothing_is_compared_without_a_supervisor(world: World, asking: Case) -> None:
    planted.sighting_of(world.person("analyst"))
    enquiry = services.ask(asking.owner, asking, list(Address.objects.all()), "made up")
    assert services.compare_waiting() == 0
    for wrong in (asking.owner, world.person("approver"), world.person("analyst", stranger=True)):
        with pytest.raises(UsageError, match="not yours to decide"):
            services.decide(wrong, enquiry, agreed=True)
    services.decide(world.person("approver", stranger=True), enquiry, agreed=False)
    assert services.compare_waiting() == 0
    assert not Overlap.objects.exists()


def test_an_enquiry_is_compared_once(world: World, asking: Case) -> None:
    planted.sighting_of(world.person("analyst"))
    enquire(world, asking)
    assert Overlap.objects.count() == 1
    assert services.compare_waiting() == 0
    assert Comparison.objects.count() == 1


def test_the_members_of_a_case_are_told_and_no_colleague(world: World, asking: Case) -> None:
    """A case holds an address for its members alone, sealed or not."""
    member, colleague = world.person("investigator"), world.person("analyst")
    held = case_with(member, world.team, name="Holding Case")
    enquire(world, asking)
    overlap = Overlap.objects.get()
    assert overlap.case == held
    assert list(Overlap.objects.visible_to(member)) == [overlap]
    assert not Overlap.objects.visible_to(colleague).exists()
    assert queries.waiting_for(colleague) == []


def test_ones_own_team_and_closed_cases_are_no_overlap(world: World, asking: Case) -> None:
    records.record(world.person("analyst", stranger=True), planted.draft(brand="", report_ref=""))
    closed = case_with(world.person("investigator"), world.team, name="Closed Case")
    Case.objects.filter(pk=closed.pk).update(closed_at=timezone.now())
    enquire(world, asking)
    assert KnownAddress.objects.exists()
    assert not Overlap.objects.exists()


def test_limits(world: World, asking: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    asker, addresses = asking.owner, list(Address.objects.all())
    with pytest.raises(UsageError, match="about addresses of its case"):
        services.ask(asker, asking, [], "made up")
    other = case_with(asker, world.other_team, name="Without basis")
    Case.objects.filter(pk=other.pk).update(legal_basis="")
    with pytest.raises(UsageError, match="legal basis"):
        services.ask(asker, Case.objects.get(pk=other.pk), addresses, "made up")
    monkeypatch.setattr(services, "MOST_ADDRESSES", 0)
    with pytest.raises(UsageError, match="at most 0 addresses"):
        services.ask(asker, asking, addresses, "made up")
    monkeypatch.undo()
    for _ in range(services.MOST_A_DAY):
        services.ask(asker, asking, addresses, "made up")
    with pytest.raises(UsageError, match="within a day"):
        services.ask(asker, asking, addresses, "made up")
    later = timezone.now() + timedelta(days=2)
    monkeypatch.setattr(services.timezone, "now", lambda: later)
    services.ask(asker, asking, addresses, "made up")


def test_every_step_is_in_the_audit_log(world: World, asking: Case) -> None:
    planted.sighting_of(world.person("analyst"))
    asker, supervisor = asking.owner, world.person("approver", stranger=True)
    address = Address.objects.get()
    form = {"addresses": [f"BTC:main:{address.canonical}"], "why": "made up"}
    answer = world.client(asker).post(f"/cases/{asking.ref}/enquire/", form)
    path = answer.headers["Location"]
    world.client(supervisor).post(f"{path}decide/", {"agree": "1"})
    services.compare_waiting()
    overlap = Overlap.objects.get()
    world.client(world.person("analyst")).post(f"/overlaps/{overlap.ref}/answer/", {"decline": "1"})
    rows = Event.objects.filter(action__startswith="overlap.").order_by("seq")
    assert [(row.actor, row.action, row.result) for row in rows] == [
        ("south-investigator", "overlap.ask", "done"),
        ("south-approver", "overlap.decide", "done"),
        ("north-analyst", "overlap.answer", "done"),
    ]
