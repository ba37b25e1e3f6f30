"""What somebody may not know of changes nothing that they can observe: of every address, by itself.

Every page and operation is asked in a world, by one role that may and by a partner; then all that
they may not know of is added (`hidden.py`), and the same is asked again: status, headers, bytes,
what is there after a change, which deliveries wait and for how long, and the statements, of which
the time is made. References and codenames are drawn from one source, so that they are compared too.

**Who adds an address** adds nothing here where it has a door: by its row in
`tests/desk/test_matrix.py` it is asked here, and other teams have of it what that row makes. An
address without a door gets a line in `OPEN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any, Final

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World, make_partner
from tests.desk.noninterference import hidden
from tests.desk.noninterference.observing import (
    Drawing,
    Seen,
    Unlimited,
    deliveries,
    differences,
    draw_alike,
    of_operation,
    of_page,
    seen,
    stop_time,
)
from tests.desk.test_matrix import (
    API_DOORS,
    DOORS,
    OPERATIONS,
    PAGES,
    Row,
    expected,
    page_views,
)

from clewline.desk import codenames
from clewline.desk.accounts.models import Team, User
from clewline.desk.alerts import lists, outbox, sending
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import Copy
from clewline.desk.api import operations
from clewline.desk.partners.models import Partner
from clewline.desk.records import services as records
from clewline.desk.records.models import Address, SightingQuerySet
from clewline.desk.roles import Role
from clewline.desk.routing import services as routing
from clewline.desk.routing.models import Report


@dataclass
class Place:
    """A world with people whom nobody of it sees at work, and what draws references."""

    world: World
    near: World
    unseen: dict[str, User]
    drawing: Drawing


@pytest.fixture
def place(world: World, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Place:
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
    for door in ("alerts.partner_door", "api.token"):
        monkeypatch.setattr(f"clewline.desk.{door}._RATE", Unlimited())
    settings.DISPUTE_FORM = world.team.name
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
            place.world, place.drawing, user, table[name, method], method, name
        )
    return found


def hold_alike(before: dict[Cell, Seen], after: dict[Cell, Seen]) -> None:
    """Fail, and name each cell that differs and where."""
    told = {}
    for cell, one in before.items():
        only = ("status", "headers") if cell[0] in AGREED else ()
        if said := differences(one, after[cell], only):
            told[" ".join(cell)] = said
    assert not told, "\n".join(f"{cell}: {said}" for cell, said in told.items())


AGREED: Final = frozenset({"decide-erasure", "/erasures/{ref}/decide"})
"""Where one thing tells: what two people agreed to erase is there yet. The answer is the same."""


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


def test_every_operation_is_what_it_was(place: Place) -> None:
    hold(place, (False,))


@pytest.mark.slow
def test_to_every_role_all_is_what_it_was(place: Place) -> None:
    hold(place, (True, False), every=True)


# What has no door: what partners' programs ask with their key, and who is about to sign in.

_FORM: Final = "application/x-www-form-urlencoded"
_TAXII: Final = {"Accept": "application/taxii+json;version=2.1"}
OPEN: Final[dict[str | None, tuple[str, ...]]] = {
    "share-json": ("", "?since=0", "?since=1", "?since=99", "?since=x"),
    "share-csv": ("", "?since=1"),
    "share-alert": ("",),
    "share-answer": ("", ' {"matched": 2}'),
    "share-misp": ("",),
    **dict.fromkeys(("share-reports", "share-report", "share-reports-page"), ("",)),
    "share-report-page": ("", " state=removed&at=2026-03-02+11:30"),
    "share-report-status": (" {}", ' {"state": "removed", "at": "NOW"}'),
    "public-dispute": ("", " {}", " named=x&disputer_kind=holder&grounds=x"),
    "taxii": ("",),
    "taxii-root": ("",),
    "taxii-status": ("",),
    "taxii-collections": ("",),
    "taxii-collection": ("",),
    "taxii-manifest": ("", "?limit=1", "?added_after=x"),
    "taxii-objects": ("", "?limit=1", "?next=1", "?match[type]=indicator"),
    "taxii-object": ("",),
    "taxii-versions": ("",),
    **dict.fromkeys(("setup", "accept", "step-in", "openapi-json", "api-root", None), ("", " {}")),
}
"""An address without a door → what it is asked with: a query, or after a blank a body to POST.

What is under ``accounts/`` is asked as it is, signed in and not: it is about the person alone.
"""


def test_whoever_adds_an_address_says_how_it_is_asked() -> None:
    """With a door: a row of the matrix, which is asked here by itself. Without: a line in OPEN."""
    pages = [(route, name, view) for route, name, view in page_views()]
    open_ones = {
        name
        for route, name, view in pages
        if not hasattr(view, "action") and not route.startswith("accounts/")
    }
    assert open_ones == set(OPEN), "add it to OPEN of this file, with what it is asked with"
    assert set(DOORS) == set(PAGES), "add it to PAGES of tests/desk/test_matrix.py"
    of_api = {(path, method) for path, method, _view in operations()}
    assert of_api == set(OPERATIONS), "add it to OPERATIONS of tests/desk/test_matrix.py"
    for pages_, doors in ((PAGES, DOORS), (OPERATIONS, API_DOORS)):
        asked = {cell[:2] for every in (True, False) for cell in cells(pages_, doors, every)}
        assert asked == set(pages_)


KINDS: Final = {
    **dict.fromkeys(("pull", "taxii", "misp-feed"), ("", "")),
    "email": ("alerts@quiet.example", ""),
    "webhook": ("https://quiet.example/alerts", "made-up-signing-key"),
}
"""Every way to a partner but a push to its MISP, and where it leads."""


def told_partner(place: Place) -> tuple[str, Partner]:
    """Let the partner of the team be told of an address on every channel; return its key."""
    world = place.world
    analyst, liaison, approver = (
        User.objects.get(pk=world.person(one).pk) for one in ("analyst", "liaison", "approver")
    )
    partner, told = world.partner, {"tlp": "green", "pap": "green"}
    page = records.record(analyst, planted.draft(**told))
    for kind, (target, secret) in KINDS.items():
        alerts.open_channel(liaison, world.team, partner, kind, target, secret)
    key = alerts.new_access_key(liaison, partner)
    address = Address.objects.get(canonical=planted.ADDRESS)
    made = alerts.make(analyst, world.team, [address], [partner], **told)
    alerts.decide(approver, made, released=True)
    routing.decide(approver, routing.draft(analyst, page, partner, None), released=True)
    return key, partner


def open_path(route: str, name: str | None, partner: Partner, headers: dict[str, str]) -> str:
    """Return an address of the partner's own."""
    collection = lists.collection_id(partner)
    own = {"ref": Copy.objects.get(partner=partner).ref, "name": collection, "pk": "1"}
    if name in ("share-report", "share-report-page", "share-report-status"):
        own["ref"] = Report.objects.get(partner=partner).theirs
    if name == "share-misp":
        own["name"] = "manifest.json"
    if name in ("taxii-object", "taxii-versions"):
        path = f"/taxii2/alerts/collections/{collection}/objects/"
        with transaction.atomic():  # what is fetched is noted
            own["id_"] = Client().get(path, headers=headers).json()["objects"][0]["id"]
            transaction.set_rollback(True)
    return "/" + re.sub(r"<\w+:(\w+)>", lambda found: own.get(found[1], "made-up"), route)


def ask_open(place: Place, key: str, partner: Partner) -> dict[Cell, Seen]:
    """Ask everything that has no door: as a partner's program, signed in, as nobody."""
    program = {**_TAXII, "Authorization": f"Token {key}"}
    found: dict[Cell, Seen] = {}
    for route, name, view in page_views():
        if hasattr(view, "action"):
            continue
        is_partners = route.startswith(("share", "taxii2"))
        path = open_path(route, name, partner, program)
        headers = program if route.startswith("taxii2") else {"Authorization": f"Token {key}"}
        for more in OPEN.get(name, ("", " {}")):
            query, posted, body = more.partition(" ")
            body = body.replace("NOW", f"{timezone.now():%Y-%m-%dT%H:%M:%S.%fZ}")
            for who in ("program",) if is_partners else ("analyst", "nobody"):
                world = place.world
                client = world.client(world.person(who)) if who == "analyst" else Client()
                ask = partial(
                    client.generic,
                    "POST" if posted else "GET",
                    path + query,
                    body,
                    content_type=_FORM if "=" in body else "application/json",
                    headers=headers if is_partners else {},
                )
                cache.clear()
                found[f"{route}{more}", str(name), who] = seen(place.drawing, lambda ask=ask: ask)
    return found


def sent_to_partner() -> list[tuple[str, bytes]]:
    """Let the worker hand over all that waits; return what the partner got, in order."""
    sent: list[tuple[str, bytes]] = []

    def mail(message: EmailMessage) -> str:
        sent.append((message["To"], message.as_bytes()))
        return "taken"

    def post(url: str, body: bytes, _headers: Any) -> sending.HttpAnswer:
        sent.append((url, body))
        return sending.HttpAnswer(200, b"")

    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "mail", mail)
        patch.setattr(sending, "post", post)
        for one in outbox.claim(10_000, timezone.now() + timedelta(hours=1)):
            outbox.deliver(one)
        transaction.set_rollback(True)
    return [(to, body) for to, body in sent if "quiet.example" in to]


def test_what_has_no_door_is_what_it_was(place: Place) -> None:
    """Files, feeds and collections of partners, mails, posted bodies, and when they go out."""
    key, partner = told_partner(place)
    before = ask_open(place, key, partner)
    outgoing = deliveries(place.world), sent_to_partner()
    # The alert and the report.
    assert len(outgoing[0]) > len(KINDS)
    assert {to for to, _ in outgoing[1]} == {KINDS["webhook"][0], KINDS["email"][0]}
    for name in OPEN:
        if name and name.startswith(("share", "taxii")) and name != "taxii-status":
            tried = [one.told["status"] for cell, one in before.items() if cell[1] == name]
            assert min(tried) < 300, f"{name}: {tried}"
    add_hidden(place)
    hidden.add_withheld(place.world)
    assert (deliveries(place.world), sent_to_partner()) == outgoing
    hold_alike(before, ask_open(place, key, partner))


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
        name: ask(world, place.drawing, user, table[name, "GET"], "GET", name)
        for name, (table, ask) in rows.items()
    }
    records.record(user, planted.draft(brand=""))
    for name, (table, ask) in rows.items():
        after = ask(world, place.drawing, user, table[name, "GET"], "GET", name)
        assert "content" in differences(before[name], after)


def test_the_harness_finds_a_count_over_all(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that counts the records of everybody differs, whoever looks at it."""
    monkeypatch.setattr(SightingQuerySet, "visible_to", lambda rows, _user: rows.all())
    user, row = place.world.person("analyst"), PAGES["sightings", "GET"]
    before = of_page(place.world, place.drawing, user, row, "GET")
    planted.sighting_of(place.world.person("analyst", stranger=True))
    after = of_page(place.world, place.drawing, user, row, "GET")
    assert "content" in differences(before, after)


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
