"""What somebody may not know of changes nothing that they can observe: of every page, by itself.

Each of these addresses is asked, records that the viewer may not know of are added, and it is
asked again: same status, same bytes, the same statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from tests.desk import planted
from tests.desk.conftest import World, make_partner, plain
from tests.desk.test_matrix import DOORS, PAGES, Asking, Row, _send, body_of

from clewline.desk.accounts.models import User
from clewline.desk.records import services as records
from clewline.desk.roles import Role

_FRESH: Final = re.compile(rb"[A-Z]-[0-9A-Z]{5}-[0-9A-Z]{5}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?")
"""References and times, which a page that records something makes anew."""
_VALUE: Final = re.compile(r"'(?:[^']|'')*'|\b\d+\b|X'[0-9A-F]*'")
_CURSOR: Final = re.compile(r'"_django_curs_\w+"')
"""PostgreSQL's cursors are numbered."""
_LIST: Final = re.compile(r"\((?:\?(?:, )?)+\)")
GETS: Final = [
    "account",
    "address",
    "alert",
    "alerts",
    "ask",
    "asked",
    "assign",
    "brand",
    "brand-name",
    "brands",
    "case",
    "case-list",
    "case-money",
    "case-notes",
    "case-timeline",
    "case-title",
    "cases",
    "channels",
    "download-figure-set",
    "download-figures",
    "figures",
    "export",
    "exports",
    "figure-set",
    "figure-years",
    "home",
    "import-list",
    "judge",
    "judge-pair",
    "lookup",
    "lookups",
    "new-alert",
    "new-partner",
    "ours",
    "outbox",
    "own-lookup",
    "partner",
    "partner-terms",
    "partners",
    "people",
    "person",
    "raise-urgent",
    "raise-urgent-case",
    "sightings",
]
"""Pages that are held to this. Forms that draw a number or a codename at random are not yet."""


def add_elsewhere(world: World) -> None:
    """Record the same page, address and partner in another organisation."""
    south = world.person("analyst", stranger=True)
    for fields in ({}, {"tlp": "red"}):
        records.record(south, planted.draft(**fields))
    planted.address_of(south, world.other_team)
    planted.case_of(world.person("investigator", stranger=True), world.other_team)
    theirs = User.objects.get(pk=world.person("partner", stranger=True).pk)
    made = planted.look_up_of(theirs)
    planted.answered(
        made,
        world.person("liaison", stranger=True),
        world.person("approver", stranger=True),
    )


def add_here(world: World) -> None:
    """Add what a partner does not learn of: what is withheld, and all of another partner."""
    analyst = world.person("analyst")
    records.record(analyst, planted.draft(tlp="red"))
    records.record(analyst, planted.draft(info_grade="E"))
    partner = make_partner(world.people, world.team, country="NO")
    theirs = User.objects.create_user(
        "other-partner",
        organisation=world.team.organisation,
        partner=partner,
        roles=[Role.PARTNER],
        pseudonym="other-partner",
    )
    made = planted.look_up_of(theirs)
    planted.answered(made, world.person("liaison"), world.person("approver"))


def seen(world: World, user: User, row: Row, url: str, method: str) -> tuple[Any, ...]:
    """Ask, undo it, and return all that can be observed: status, bytes, shapes of statements."""
    client = world.client(user)
    fresh = User.objects.get(pk=user.pk)
    body = body_of(row, Asking(world, fresh, fresh)) if method == "POST" else {}
    with transaction.atomic():
        with CaptureQueriesContext(connection) as queries:
            answer = _send(client, method, url, body)
        content = plain(answer) if not answer.streaming else b"".join(answer)
        transaction.set_rollback(True)
    shapes = [
        _LIST.sub("(?)", _VALUE.sub("?", _CURSOR.sub('"cursor"', one["sql"])))
        for one in queries.captured_queries
        if "SAVEPOINT" not in one["sql"]
    ]
    return answer.status_code, _FRESH.sub(b"?", content), shapes


def viewers(name: str, method: str) -> Iterator[str]:
    """Name one role that may, and a partner."""
    allowed = [str(role) for role in Role if role in DOORS[name, method].roles]
    yield next((role for role in allowed if role != "partner"), "partner")
    yield "partner"


@pytest.mark.parametrize("name", GETS)
def test_a_page_is_what_it_was(world: World, name: str) -> None:
    row = PAGES[name, "GET"]
    for role in dict.fromkeys(viewers(name, "GET")):
        with transaction.atomic():
            user = User.objects.get(pk=world.person(role).pk)
            url = row.path(Asking(world, user, user))
            before = seen(world, user, row, url, "GET")
            add_elsewhere(world)
            if role == "partner":
                add_here(world)
            after = seen(world, user, row, url, "GET")
            assert after[:2] == before[:2], f"{name} as {role}"
            # Statement by statement, so that a failure names the one that differs.
            for one, other in zip_longest(after[2], before[2]):
                assert one == other, f"{name} as {role}"
            transaction.set_rollback(True)


@pytest.mark.parametrize("asked", [planted.ADDRESS, planted.URL, planted.ADDRESS[:8], "Clear"])
def test_a_search_is_what_it_was(world: World, asked: str) -> None:
    user, row = world.person("liaison"), Row(lambda _: "/search/", {"q": asked})
    before = seen(world, user, row, "/search/", "POST")
    add_elsewhere(world)
    assert seen(world, user, row, "/search/", "POST") == before


def test_the_harness_finds_what_tells(world: World) -> None:
    """A record that the viewer may know of changes the page."""
    user, row = world.person("analyst"), PAGES["sightings", "GET"]
    before = seen(world, user, row, "/sightings/", "GET")
    records.record(user, planted.draft())
    after = seen(world, user, row, "/sightings/", "GET")
    assert after[1] != before[1]
