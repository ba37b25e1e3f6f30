"""What is found, by whom; and that what others know looks like what nobody knows."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, URL, option, page

from clewline.desk.accounts.models import User
from clewline.desk.addresses import services as addresses
from clewline.desk.audit.models import Event
from clewline.desk.cases.services import add_member, link, open_case
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record, withdraw
from clewline.desk.search.queries import MOST_LISTED, Answer, answer
from clewline.desk.search.reading import read
from clewline.desk.search.sheet import as_csv

CASH = "bitcoincash:qpmmlusvvrjj9ha2xdgv8xcrpfwsqn5rngt3k26ve2"
KEY = ("BTC", "main", ADDRESS)
_FRESH = re.compile(rb'csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"')


def ask(user: User, text: str) -> Answer:
    """Ask one question."""
    return answer(user, [read(text)])[0]


@pytest.fixture
def seen(world: World) -> Sighting:
    """A page with a contact, recorded by the team."""
    contact = option(OTHER_ADDRESS, contact="@Made_Up", contact_kind="messenger")
    draft = page(option(), contact, report_ref="RMS-2026/17", page_hash="ab" * 32)
    return record(world.person("analyst"), draft)


ASKED = [
    ADDRESS,
    CASH.upper(),
    OTHER_ADDRESS.upper(),
    ADDRESS[:6],
    "BC1QW508",
    URL,
    "hxxp://made-up-site[.]example:80/pay#x",
    "made-up-site.example",
    "@made_up",
    "RMS-2026/17",
    "grey",
    "Grey Heron",
    "ab" * 32,
]


@pytest.mark.parametrize("text", ASKED[:1] + ASKED[2:])
def test_a_team_finds_what_it_recorded(world: World, seen: Sighting, text: str) -> None:
    assert ask(world.person("investigator"), text).known


def test_every_form_finds_the_same(world: World) -> None:
    record(world.person("analyst"), page(option(CASH, asset="BCH")))
    hits = [
        [hit for hit in ask(world.person("analyst"), text).hits if hit.known]
        for text in (CASH, CASH.upper(), CASH.split(":")[1], ADDRESS)
    ]
    assert [hit.name for hit in hits[0]] == [CASH]
    assert [[(one.name, one.tally) for one in found] for found in hits] == [
        [(one.name, one.tally) for one in hits[0]]
    ] * 4


def test_references_and_fingerprints(world: World, seen: Sighting) -> None:
    user = world.person("analyst")
    for text in (seen.ref, seen.ref.lower(), seen.brand.ref, seen.fingerprint):  # type: ignore[union-attr]
        assert ask(user, text).known, text
    assert not ask(user, "S-00000-00000").known


def test_a_tally_counts_sightings_that_stand(world: World, seen: Sighting) -> None:
    user = world.person("analyst")
    record(user, page(option(), option(), observed_at=seen.observed_at.replace(year=2025)))
    hit = ask(user, ADDRESS).hits[0]
    assert (hit.tally.count, hit.tally.first.year, hit.brands) == (2, 2025, ("Grey Heron",))  # type: ignore[union-attr]
    withdraw(user, seen, "made up")
    assert ask(user, ADDRESS).hits[0].tally.count == 1


@pytest.mark.parametrize(
    "text", ["Somebody Unknown", "somebody", "0", "-", "' OR 1=1 --", "%", "_"]
)
def test_free_text_is_answered_with_what_can_be_searched(
    world: World, seen: Sighting, text: str
) -> None:
    reply = world.client(world.person("analyst")).post("/search/", {"q": text})
    assert reply.status_code == 200
    assert b"Not known to your teams" in reply.content
    assert b"What can be searched" in reply.content


def replies(world: World, user: User, text: str) -> tuple[bytes, list[str]]:
    """Return page and statements for one question, without what is fresh each time."""
    client = world.client(user)
    client.get("/search/")
    with CaptureQueriesContext(
        connection,
    ) as captured:
        reply = client.post("/search/", {"q": text})
    assert reply.status_code == 200
    statements = [
        one["sql"] for one in captured.captured_queries if "audit_event" not in one["sql"]
    ]
    reads = [sql for sql in statements if "records_" in sql or "cases_" in sql]
    assert reads or not read(text).text
    return _FRESH.sub(b"", reply.content), reads


@pytest.mark.parametrize("text", [*ASKED, "Amber Kettle", "ef" * 32])
def test_unknown_and_known_to_others_look_the_same(world: World, text: str) -> None:
    stranger, mine = world.person("analyst", stranger=True), world.person("analyst")
    unknown = replies(world, mine, text)
    contact = option(OTHER_ADDRESS, contact="@Made_Up", contact_kind="messenger")
    draft = page(option(), contact, report_ref="RMS-2026/17", page_hash="ab" * 32)
    made = record(stranger, draft)
    addresses.attribute(
        stranger,
        world.other_team,
        KEY,
        label="made up",
        category="exchange",
        source="made up",
        confidence="unknown",
        custody="hot",
        obtained="seen",
    )
    addresses.set_status(stranger, world.other_team, KEY, "disputed", "made up")
    # A case of the own team whose member one is not.
    case = open_case(world.person("investigator"), world.team, "Amber Kettle", "t", "made up")
    for what in (ADDRESS, "ef" * 32):
        link(world.person("investigator"), case, what, "made up")
    assert replies(world, mine, text) == unknown
    assert unknown[0] == replies(world, mine, text)[0]
    for ref in (made.ref, case.ref, made.brand.ref):  # type: ignore[union-attr]
        known, reads = replies(world, mine, ref)
        made_up, other_reads = replies(world, mine, ref[:-1] + ("0" if ref[-1] != "0" else "1"))
        assert known.replace(ref.encode(), b"") == made_up.replace(
            (ref[:-1] + ("0" if ref[-1] != "0" else "1")).encode(), b""
        )
        assert len(reads) == len(other_reads)


def test_how_many_questions_a_search_asks(
    world: World, seen: Sighting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = world.person("analyst")
    assert user.team_ids
    for text, count in ((ADDRESS, 5), (ADDRESS[:6], 11), (URL, 5), ("@made_up", 6), ("Zz Zz", 4)):
        with django_assert_num_queries(count):
            ask(user, text)


def test_a_member_finds_the_case(world: World, seen: Sighting) -> None:
    owner, teammate = world.person("investigator"), world.person("analyst")
    case = open_case(owner, world.team, "Amber Kettle", "made up", "made up")
    link(owner, case, ADDRESS, "made up")
    assert ask(owner, "amber").known and ask(owner, case.ref).known
    assert ask(owner, ADDRESS).hits[0].cases == ("Amber Kettle",)
    assert not ask(teammate, "amber").known and ask(teammate, ADDRESS).hits[0].cases == ()
    add_member(owner, case, teammate, "made up")
    assert ask(teammate, ADDRESS).hits[0].cases == ("Amber Kettle",)


def test_a_beginning_gives_a_capped_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.desk.search.queries.MOST_LISTED", 1)
    user = world.person("analyst")
    record(user, page(option("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")))
    record(user, page(option("bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3")))
    assert len(ask(user, "BC1QW508").hits) == 1
    assert MOST_LISTED > 1


def test_a_list_keeps_its_order_and_says_each(world: World, seen: Sighting) -> None:
    lines = [
        "Nobody Known",
        ADDRESS,
        URL,
        "=cmd|made-up",
        "@made_up",
        seen.ref,
        "grey heron",
        ADDRESS,
    ]
    client = world.client(world.person("analyst"))
    reply = client.post("/search/", {"lines": "\n".join(lines), "csv": "1"})
    assert reply["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.content.decode())))
    assert [row["known"] for row in rows] == ["no", "yes", "yes", "no", "yes", "yes", "yes", "yes"]
    assert rows[3]["asked"] == "'=cmd|made-up"
    assert b"made-up-site" not in reply.content and b"made_up" not in reply.content
    shown = client.post("/search/", {"lines": "\n".join(lines)})
    assert b"made-up-site" not in shown.content
    assert b"8 rows, in the order asked" in shown.content


def test_a_formula_in_a_codename_is_neutralised(world: World) -> None:
    record(world.person("analyst"), page(brand="=1+1"))
    rows = as_csv(answer(world.person("analyst"), [read(ADDRESS, whole=True)])).decode()
    assert "'=1+1" in rows


def test_a_list_has_a_limit(world: World) -> None:
    client = world.client(world.person("analyst"))
    reply = client.post("/search/", {"lines": "\n".join(["x"] * 1001)})
    assert reply.status_code == 400 and b"1001 lines; 1000 are allowed" in reply.content
    reply = client.post("/search/", {"lines": "y" * 401})
    assert reply.status_code == 400 and b"Line 1 has more than 400" in reply.content
    assert client.post("/search/", {"q": "y" * 401}).status_code == 400


def test_a_thousand_at_once(
    world: World, seen: Sighting, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    texts = [ADDRESS, *(f"{i:064x}" for i in range(249)), *(f"w{i}" for i in range(250))]
    texts += [f"site{i}.example" for i in range(250)] + [f"@h{i}a" for i in range(250)]
    user = world.person("analyst")
    with django_assert_max_num_queries(30):
        answers = answer(user, [read(text, whole=True) for text in texts])
    assert len(answers) == 1000 and answers[0].known and not any(one.known for one in answers[1:])


@pytest.mark.parametrize("text", [URL, "@made_up", "Somebody Unknown"])
def test_the_audit_log_has_no_site_contact_or_name(world: World, seen: Sighting, text: str) -> None:
    reply = world.client(world.person("analyst")).post("/search/", {"q": text})
    asked = json.loads(Event.objects.get(action="search.read").details)["asked"]
    assert len(asked) == 1
    assert not any(part in asked[0] for part in ("made-up", "made_up", "Somebody"))
    if text != "Somebody Unknown":
        assert text.encode() not in reply.content


def test_the_audit_log_has_addresses(world: World, seen: Sighting) -> None:
    world.client(world.person("analyst")).post("/search/", {"q": ADDRESS})
    event = Event.objects.get(action="search.read")
    assert json.loads(event.details) == {"asked": [ADDRESS]}
    assert event.result == "done"


def test_the_door(world: World, db: None) -> None:
    from django.test import Client

    assert Client().post("/search/", {"q": "x"}).status_code == 302
    for role, status in (("auditor", 403), ("administrator", 403), ("liaison", 200)):
        assert world.client(world.person(role)).get("/search/").status_code == status
    assert world.client(world.person("analyst")).delete("/search/").status_code == 405


def test_the_box_stands_in_the_frame_of_those_who_may(world: World) -> None:
    assert b"data-search" in world.client(world.person("analyst")).get("/").content
    assert b"data-search" not in world.client(world.person("auditor")).get("/").content


def test_nothing_sealed_is_shown(world: World, seen: Sighting) -> None:
    page: Any = world.client(world.person("analyst")).post("/search/", {"q": URL}).content
    for secret in (b"made-up-site", b"Made-up wording", b"Made_Up"):
        assert secret not in page


@pytest.mark.parametrize("how", ["sighting", "label", "status", "case"])
def test_whatever_is_known_is_found_by_its_beginning(world: World, how: str) -> None:
    user = world.person("investigator")
    if how == "sighting":
        record(user, page(option()))
    elif how == "case":
        link(user, open_case(user, world.team, "Amber Kettle", "", "made up"), ADDRESS, "made up")
    elif how == "status":
        addresses.set_status(user, world.team, KEY, "disputed", "made up")
    else:
        addresses.attribute(
            user,
            world.team,
            KEY,
            label="made up",
            category="",
            source="made up",
            confidence="unknown",
            custody="unknown",
            obtained="seen",
        )
    assert [hit.name for hit in ask(user, ADDRESS[:6]).hits if hit.known] == [ADDRESS]
    assert not ask(world.person("analyst", stranger=True), ADDRESS[:6]).hits


def test_what_others_recorded_is_not_walked_through(world: World) -> None:
    """The team stands first in each index that a search uses, so others' rows are not read."""
    user = world.person("analyst")
    for text in (ADDRESS, ADDRESS[:6], URL, "@made_up", "RMS-2026/17", "ab" * 32):
        with CaptureQueriesContext(connection) as captured:
            ask(user, text)
        for one in captured.captured_queries:
            with connection.cursor() as cursor:
                if connection.vendor != "sqlite":
                    pytest.skip("the plan of an empty table says nothing on PostgreSQL")
                cursor.execute(f"EXPLAIN QUERY PLAN {one['sql']}")
                plan = [row[-1] for row in cursor.fetchall()]
            for step in plan:
                # By team, by the row that such a one leads to, or by what corrects it.
                assert not step.startswith("SCAN"), plan
                if "SEARCH" in step and ("sighting" in step or "paymentoption" in step):
                    assert any(f"{by}=?" in step for by in ("team_id", "rowid", "s_id", "g_id")), (
                        plan
                    )
