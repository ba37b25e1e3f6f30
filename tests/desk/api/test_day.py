"""The day's work through the API: queue, urgent marks, own payments, holds, erasures, cases."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from tests.desk import planted
from tests.desk.api.conftest import Program, read_in_parts
from tests.desk.conftest import World

from clewline.desk.audit.models import Event
from clewline.desk.cases import services as cases
from clewline.desk.ours import services as ours
from clewline.desk.queue import services as queue
from clewline.desk.records.models import Sighting
from clewline.desk.retention import erasing
from clewline.desk.retention import services as keeping

REASON = {"reason": "made up"}


def test_an_item_is_one_persons(world: World, program: Program) -> None:
    ref = planted.sighting_of(world.person("analyst")).ref
    made = program("analyst", "POST", f"/sightings/{ref}/urgent", REASON).json()
    key = {"key": made["ref"]}
    assert program("investigator", "POST", "/queue/take", key).status_code == 201
    taken = program("analyst", "POST", "/queue/take", key)
    assert (taken.status_code, taken.json()["where"]) == (400, made["ref"])
    first = program("analyst", "GET", "/queue?section=urgent").json()["items"][0]
    assert (first["key"], first["taken_by"]) == (made["ref"], "north-investigator")
    assert program("investigator", "POST", "/queue/leave", key).status_code == 200
    assert program("analyst", "POST", "/queue/take", key).status_code == 201


def test_the_queue_goes_on_where_it_ended(world: World, program: Program) -> None:
    analyst = world.person("analyst")
    for _ in range(3):
        made = planted.sighting_of(analyst)
        queue.raise_urgent(analyst, made, "made up")
    whole = program("analyst", "GET", "/queue").json()["items"]
    first = program("analyst", "GET", "/queue?limit=2").json()
    rest = program("analyst", "GET", f"/queue?after={first['next']}").json()
    assert [*first["items"], *rest["items"]] == whole
    assert program("analyst", "GET", "/queue?after=U-NONE0-NONE0").status_code == 404


def test_an_urgent_mark_is_seen_to(world: World, program: Program) -> None:
    ref = planted.sighting_of(world.person("analyst")).ref
    mark = program("analyst", "POST", f"/sightings/{ref}/urgent", REASON).json()["ref"]
    assert program("analyst", "POST", f"/sightings/{ref}/urgent", REASON).status_code == 400
    early = program("analyst", "POST", f"/urgent/{mark}/close", {"outcome": "x"})
    assert early.json()["message"] == "acknowledge it first"
    assert program("approver", "POST", f"/urgent/{mark}/acknowledge").status_code == 200
    steps = program("analyst", "POST", f"/urgent/{mark}/close", {"outcome": "x"}).json()["steps"]
    assert [one["step"] for one in steps] == ["acknowledged", "closed"]
    details = Event.objects.filter(action="urgent.handle", result="done").values_list("details")
    assert [("closed" in one) for (one,) in details] == [False, True]


def test_erased_by_two_people(world: World, program: Program) -> None:
    ref = planted.sighting_of(world.person("analyst")).ref
    body = {"reason": "mistake", "basis": "made up"}
    held = program("analyst", "POST", f"/sightings/{ref}/holds", {"basis": "made up"}).json()
    assert program("analyst", "POST", f"/sightings/{ref}/erasures", body).status_code == 400
    assert program("approver", "POST", f"/holds/{held['ref']}/lift", REASON).status_code == 200
    asked = program("analyst", "POST", f"/sightings/{ref}/erasures", body).json()["ref"]
    assert (
        program("analyst", "POST", f"/erasures/{asked}/decide", {"agreed": True}).status_code == 403
    )
    said = program("approver", "POST", f"/erasures/{asked}/decide", {"agreed": True})
    assert said.json()["agreed"] is True
    erasing.finish()  # in a test that rolls back, nothing is done when a transaction has ended
    assert program("analyst", "GET", f"/erasures/{asked}").json()["destroyed"] is True
    stones = program("analyst", "GET", "/retention/tombstones").json()["items"]
    assert [one["record_ref"] for one in stones] == [ref]
    assert program("analyst", "GET", "/retention/tombstones", stranger=True).json()["items"] == []


def test_a_case_changes_hands_and_its_timeline_goes_on(world: World, program: Program) -> None:
    opened = program("investigator", "POST", "/cases", {"codename": "x", "legal_basis": "x"})
    ref = opened.json()["ref"]
    assert program("analyst", "GET", f"/cases/{ref}/timeline").status_code == 404
    body = {"member": "north-analyst", "why": "made up"}
    assert program("investigator", "POST", f"/cases/{ref}/members", body).status_code == 201
    again = program("investigator", "POST", f"/cases/{ref}/members", body)
    assert (again.status_code, again.json()["where"]) == (400, "member")
    task = program(
        "analyst", "POST", f"/cases/{ref}/tasks", {"text": "x", "owner": "north-analyst"}
    )
    done = {"outcome": "done"}
    ended = program("analyst", "POST", f"/cases/{ref}/tasks/{task.json()['ref']}/end", done)
    assert ended.json()["ended"] == "done"
    whole = program("analyst", "GET", f"/cases/{ref}/timeline").json()["items"]
    parts: list[Any] = []
    after: int | None = 0
    while after is not None:
        part = program("analyst", "GET", f"/cases/{ref}/timeline?limit=2&after={after}").json()
        parts, after = [*parts, *part["items"]], part["next"]
    assert parts == whole
    assert len(whole) == 5


def marked(world: World, n: int) -> None:
    analyst = world.person("analyst")
    ours.mark(analyst, world.team, f"{n:064x}:0", "made up", "x")


def raised(world: World, n: int) -> None:
    analyst = world.person("analyst")
    mark = queue.raise_urgent(analyst, planted.sighting_of(analyst), "x")
    queue.acknowledge(analyst, mark)


def asked_to_erase(world: World, n: int) -> None:
    analyst = world.person("analyst")
    made = planted.sighting_of(analyst)
    asked = keeping.ask(analyst, Sighting.objects.get(pk=made.pk), "mistake", "x")
    keeping.decide(world.person("approver"), asked, agreed=True)


@pytest.mark.parametrize(
    ("make", "path"), [(marked, "/ours"), (raised, "/urgent"), (asked_to_erase, "/erasures")]
)
def test_a_list_is_read_in_parts_and_in_as_many_queries(
    world: World, program: Program, make: Any, path: str
) -> None:
    read_in_parts(world, program, "analyst", path, make)


def test_files_of_a_case_in_as_many_queries(
    world: World, program: Program, django_assert_num_queries: Any
) -> None:
    person = world.person("investigator")
    case = cases.open_case(person, world.team, "x", "", "x")
    program("investigator", "GET", f"/cases/{case.ref}/files")
    counts = []
    for n in range(3):
        given = {"name": f"{n}.zip", "sha256": f"{n:064x}", "size": n, "place": "made up"}
        cases.describe_file(person, case, **given)
        with django_assert_num_queries(FILES + (connection.vendor == "postgresql")):
            found = program("investigator", "GET", f"/cases/{case.ref}/files").json()["items"]
        counts.append(len(found))
    assert counts == [1, 2, 3]


FILES = 8
"""Token, its owner, roles' teams, the case, its files, and the audit row in its transaction.

PostgreSQL is asked to lock the end of the log, too.
"""
