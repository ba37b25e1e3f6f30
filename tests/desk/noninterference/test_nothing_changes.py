"""What somebody may not know of changes nothing that they can observe: of every page, by itself.

Every page is asked in a world, by one role that may and by a partner that may; then all that they
may not know of is added (`hidden.py`), and the same is asked again: status, headers, bytes, what is
there after a change, which deliveries wait and for how long, and the statements, of which the time
is made. References and codenames are drawn from one source, so that they are compared too.

**Who adds a page** adds nothing here: by its row in `tests/desk/test_matrix.py` it is asked here,
and other teams have of it what that row makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.desk import planted
from tests.desk.conftest import World, make_partner
from tests.desk.noninterference import hidden
from tests.desk.noninterference.observing import (
    Drawing,
    Seen,
    differences,
    draw_alike,
    of_operation,
    of_page,
    stop_time,
)
from tests.desk.test_matrix import (
    API_DOORS,
    DOORS,
    OPERATIONS,
    PAGES,
    Row,
    expected,
)

from clewline.desk import codenames
from clewline.desk.accounts.models import Team, User
from clewline.desk.api.limits import Rate
from clewline.desk.records import services as records
from clewline.desk.retention import services as keeping
from clewline.desk.roles import Role
from clewline.errors import UsageError


@dataclass
class Place:
    """A world with people whom nobody of it sees at work, and what draws references."""

    world: World
    near: World
    unseen: dict[str, User]
    drawing: Drawing


@pytest.fixture
def place(world: World, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Everybody who does something hidden is there from the start: who works here is no secret."""
    unseen = hidden.people_of(world.team, "unseen")
    team = Team.objects.create(organisation=world.team.organisation, name="near")
    people = hidden.people_of(team, "near")
    people["partner"] = User.objects.create_user(
        "near-partner",
        organisation=team.organisation,
        partner=make_partner(people, team),
        roles=[Role.PARTNER],
        pseudonym="near-partner",
    )
    second = User.objects.create_user(
        "near-second",
        organisation=team.organisation,
        roles=[Role.INVESTIGATOR],
        pseudonym="near-second",
    )
    second.teams.add(team)
    near = World(team, world.other_team, {**world.people, **people}, world.strangers)
    monkeypatch.setattr("clewline.desk.alerts.partner_door._RATE", Rate())
    stop_time(monkeypatch)
    return Place(world, near, unseen, draw_alike(monkeypatch))


def south(world: World) -> World:
    """Return the world as the other organisation has it."""
    return World(world.other_team, world.team, world.strangers, world.people)


def add_hidden(place: Place) -> None:
    """Add all that nobody of the team may know of but a few colleagues."""
    place.drawing.seed("hidden")
    hidden.add_elsewhere(south(place.world))
    hidden.add_near(place.near)
    hidden.add_sealed(place.world, place.unseen)


def roles_of(action: Any) -> list[str]:
    """Return the roles that may; a partner is asked besides."""
    return [str(role) for role in Role if role in action.roles and role != Role.PARTNER]


Cell = tuple[str, str, str]
"""Name or path, method, role."""


def cells(table: dict[tuple[str, str], Row], doors: dict[Any, Any], every: bool) -> Iterator[Cell]:
    """Walk who asks what: one role that may, a partner that may, or every other role."""
    for name, method in table:
        may = roles_of(doors[name, method])
        partner = ["partner"] if Role.PARTNER in doors[name, method].roles else []
        roles = [str(role) for role in Role] if every else [*may[:1], *partner]
        skipped = [*may[:1], *partner] if every else []
        yield from ((name, method, role) for role in roles if role not in skipped)


def ask_all(place: Place, chosen: list[Cell], *, pages: bool) -> dict[Cell, Seen]:
    """Ask everything once."""
    found = {}
    for name, method, role in chosen:
        user = place.world.person(role)
        table, ask = (PAGES, of_page) if pages else (OPERATIONS, of_operation)
        found[name, method, role] = ask(
            place.world, place.drawing, user, table[name, method], method
        )
    return found


def hold_alike(before: dict[Cell, Seen], after: dict[Cell, Seen]) -> None:
    """Fail, and name each cell that differs and where."""
    told = {
        " ".join(cell): said
        for cell, one in before.items()
        if (said := differences(one, after[cell]))
    }
    assert not told, "\n".join(f"{cell}: {said}" for cell, said in told.items())


def chosen_of(pages: bool, method: str, every: bool) -> list[Cell]:
    """Return what is asked in one test."""
    table, doors = (PAGES, DOORS) if pages else (OPERATIONS, API_DOORS)
    return [
        cell
        for cell in cells(table, doors, every)
        # Auditors read the one log of all teams, which names every record.
        if cell[1] == method and cell[2] != "auditor"
    ]


def hold(place: Place, tables: tuple[bool, ...], *, every: bool = False) -> None:
    """Ask everything, add what is hidden, ask again; a partner may know of less than others."""
    before: dict[Cell, Seen] = {}
    chosen = {
        pages: [one for method in ("GET", "POST") for one in chosen_of(pages, method, every)]
        for pages in tables
    }
    for pages, some in chosen.items():
        before |= ask_all(place, some, pages=pages)
        doors, table = (DOORS, PAGES) if pages else (API_DOORS, OPERATIONS)
        for name, method, role in some:
            status = expected(table[name, method], doors[name, method], role, "owner")
            told = before[name, method, role].told["status"]
            assert told == status, f"{name} {method} as {role} is not asked as it should be"
    add_hidden(place)
    after: dict[Cell, Seen] = {}
    for pages, some in chosen.items():
        after |= ask_all(place, [one for one in some if one[2] != "partner"], pages=pages)
    hidden.add_withheld(place.world)
    for pages, some in chosen.items():
        after |= ask_all(place, [one for one in some if one[2] == "partner"], pages=pages)
    hold_alike(before, after)


def test_every_page_is_what_it_was(place: Place) -> None:
    hold(place, (True,))


# Searching, and whether all this can fail.


@pytest.mark.parametrize(
    "asked", [planted.ADDRESS, planted.URL, planted.ADDRESS[:8], "Clear", planted.OUTPOINT]
)
def test_a_search_is_what_it_was(place: Place, asked: str) -> None:
    user, row = place.world.person("liaison"), Row(lambda _: "/search/", {"q": asked})
    before = of_page(place.world, place.drawing, user, row, "POST")
    place.drawing.seed("hidden")
    planted.sighting_of(place.world.person("analyst", stranger=True))
    hidden.add_sealed(place.world, place.unseen)
    after = of_page(place.world, place.drawing, user, row, "POST")
    assert differences(before, after) == ""


def test_the_harness_finds_what_tells(place: Place) -> None:
    """A record that the viewer may know of changes page, answer, nav and statements."""
    user, world = place.world.person("analyst"), place.world
    rows = {"sightings": (PAGES, of_page), "/sightings": (OPERATIONS, of_operation)}
    before = {
        name: ask(world, place.drawing, user, table[name, "GET"], "GET")
        for name, (table, ask) in rows.items()
    }
    records.record(user, planted.draft(brand=""))
    for name, (table, ask) in rows.items():
        after = ask(world, place.drawing, user, table[name, "GET"], "GET")
        assert "content" in differences(before[name], after)


def test_the_harness_finds_a_codename_that_is_never_offered(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn for somebody depends upon nothing that they may not know of."""
    monkeypatch.setattr(codenames, "_FIRST", ("Clear",))
    monkeypatch.setattr(codenames, "_SECOND", ("Casename", "Codename", "Groupname"))
    colleague = place.world.person("analyst")
    asked = [Row(lambda _: "/brands/new/"), PAGES["new-group", "GET"]]
    before = [of_page(place.world, place.drawing, colleague, row, "GET") for row in asked]
    assert b"Clear Casename" in before[0].told["content"]
    place.drawing.seed("hidden")
    planted.sighting_of(place.world.person("analyst", stranger=True))
    hidden.add_sealed(place.world, place.unseen)
    after = [of_page(place.world, place.drawing, colleague, row, "GET") for row in asked]
    assert [differences(*pair) for pair in zip(before, after, strict=True)] == ["", ""]


def test_a_hold_of_a_sealed_case_is_told_to_whom_it_stops(place: Place) -> None:
    """The one thing that tells: what a case holds cannot be erased. That is said, and no more."""
    analyst, case = place.world.person("analyst"), planted.case_of
    mine = planted.sighting_of(analyst)
    held = case(place.unseen["investigator"], place.world.team)
    keeping.hold(place.unseen["investigator"], basis="made up", until=None, on=held)
    with pytest.raises(UsageError, match="hold stands") as said:
        keeping.ask(User.objects.get(pk=analyst.pk), mine, "mistake", "made up")
    assert held.ref not in str(said.value) and held.codename not in str(said.value)
