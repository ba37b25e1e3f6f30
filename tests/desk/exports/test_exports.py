"""Bulk exports: two people, one copy within an hour, nothing sealed, traced from a few rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.desk.conftest import World, packages_go, plain
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, URL, option, page

from clewline.desk.accounts.models import User
from clewline.desk.audit.models import Event
from clewline.desk.exports import services, tables
from clewline.desk.exports.models import BulkExport, ExportCopy
from clewline.desk.ours.models import ReleaseCheck
from clewline.desk.records.models import Brand, Indicator, PaymentOption, Sighting
from clewline.desk.records.services import OptionDraft, record, supersede, withdraw
from clewline.errors import UsageError

CARD = OptionDraft(rail="card", contact="@some_handle", contact_kind="messenger")


@pytest.fixture
def asker(world: World) -> User:
    return world.person("liaison")


@pytest.fixture
def approver(world: World) -> User:
    return world.person("approver")


@pytest.fixture
def recorded(world: World) -> list[Sighting]:
    analyst = world.person("analyst")
    made = [
        record(
            analyst,
            page(option(), CARD, protected_source="somebody", page_text="A made-up page."),
        )
        for _ in range(6)
    ]
    made.append(record(analyst, page(option(OTHER_ADDRESS), brand="Blue Door")))
    # What others recorded, and what is for the eyes of few, is in no copy.
    record(world.person("analyst", stranger=True), page(option(OTHER_ADDRESS)))
    record(analyst, page(option(OTHER_ADDRESS), tlp="red"))
    return made


def asked(user: User, **fields: Any) -> BulkExport:
    settled: dict[str, Any] = {"what": "options", "recipient": "Example Exchange", "purpose": "why"}
    return services.ask(user, team=user.teams.get(), **{**settled, **fields})


def copy_of(asker: User, approver: User, **fields: Any) -> zipfile.ZipFile:
    export = asked(asker, **fields)
    services.decide(approver, export, released=True)
    packages_go()
    name, content = services.take_copy(asker, export)
    assert name.startswith(export.ref)
    return zipfile.ZipFile(io.BytesIO(content))


def rows_of(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return [json.loads(line) for line in archive.read("rows.jsonl").splitlines()]


def test_a_copy_and_what_it_says_of_itself(
    recorded: list[Sighting], asker: User, approver: User
) -> None:
    archive = copy_of(asker, approver)
    assert archive.namelist() == ["rows.csv", "rows.jsonl", "manifest.json"]
    manifest, rows = json.loads(archive.read("manifest.json")), rows_of(archive)
    assert manifest["rows"] == len(rows) == 13
    for name, file in manifest["files"].items():
        content = archive.read(name)
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["recipient"] == "Example Exchange"
    assert manifest["asked"]["by"] == "north-liaison"
    assert manifest["released"]["by"] == "north-approver"
    table = list(csv.DictReader(io.StringIO(archive.read("rows.csv").decode(), newline="")))
    assert [row["row"] for row in table] == [row["row"] for row in rows]
    assert {row["address"] for row in rows} == {ADDRESS, OTHER_ADDRESS, ""}
    assert rows == sorted(rows, key=lambda row: row["row"])
    assert len({row["page"] for row in rows}) == 7


def test_nothing_sealed_is_in_a_copy(recorded: list[Sighting], asker: User, approver: User) -> None:
    for what in ("options", "sightings"):
        archive = copy_of(asker, approver, what=what)
        text = b"".join(archive.read(name) for name in archive.namelist()).decode()
        for sealed in (URL, "made-up-site", "wording of", "A made-up page", "somebody", "handle"):
            assert sealed not in text
        assert not [one.ref for one in recorded if one.ref in text]
    paths = {*tables._SIGHTING.values(), *tables._OPTION.values()}
    fields = {path.rpartition("__")[2] for path in paths}
    for model in (Sighting, PaymentOption, Indicator, Brand):
        assert not fields & set(model.SEALED)
    assert not [field for field in fields if field.endswith(("_sealed", "_index", "_hash"))]


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"what": "sightings"}, 7),
        ({"rail": "card"}, 6),
        ({"what": "sightings", "rail": "card"}, 6),
        ({"since": "2026-03-02", "until": "2026-03-02"}, 13),
        ({"since": "2026-03-03"}, 0),
        ({"until": "2026-03-01"}, 0),
        ({"brand": "Blue Door"}, 1),
    ],
)
def test_what_is_asked_for_is_in_it(
    recorded: list[Sighting], asker: User, approver: User, fields: dict[str, Any], number: int
) -> None:
    from datetime import date

    given = {
        name: date.fromisoformat(value) if name in ("since", "until") else value
        for name, value in fields.items()
    }
    if "brand" in given:
        given["brand"] = Brand.objects.get(codename=given["brand"], team=asker.teams.get())
    assert len(rows_of(copy_of(asker, approver, **given))) == number


def test_what_no_longer_stands_is_left_out(
    world: World, recorded: list[Sighting], asker: User, approver: User
) -> None:
    analyst = world.person("analyst")
    withdraw(analyst, recorded[0], "made up")
    supersede(analyst, recorded[1], page(option()), reason="made up")
    assert len(rows_of(copy_of(asker, approver))) == 13 - 2 - 1


def test_it_takes_two(world: World, asker: User, approver: User) -> None:
    mine = asked(approver)
    for who in (
        approver,  # asked
        world.person("approver", stranger=True),
        world.person("analyst"),
        world.person("administrator"),
    ):
        assert not services.may_decide(who, mine)
        with pytest.raises(UsageError):
            services.decide(who, mine, released=True)
    export = asked(asker)
    with pytest.raises(UsageError, match="waiting"):
        services.take_copy(asker, export)
    services.decide(approver, export, released=False, reason="no basis")
    with pytest.raises(UsageError):
        services.decide(approver, export, released=True)
    packages_go()
    with pytest.raises(UsageError, match="refused"):
        services.take_copy(asker, export)


def test_one_copy_within_an_hour(asker: User, approver: User, world: World) -> None:
    export = asked(asker)
    services.decide(approver, export, released=True)
    packages_go()
    with pytest.raises(UsageError, match="who asked"):
        services.take_copy(world.person("analyst"), export)
    services.take_copy(asker, export)
    again = BulkExport.objects.get(pk=export.pk)
    with pytest.raises(UsageError, match="taken"):
        services.take_copy(asker, again)
    late = asked(asker)
    services.decide(approver, late, released=True)
    packages_go()
    past = timezone.now() - timedelta(hours=services.HOURS)
    ReleaseCheck.objects.filter(ref=late.ref).update(since=past)
    with pytest.raises(UsageError, match="expired"):
        services.take_copy(asker, BulkExport.objects.get(pk=late.pk))


def test_two_copies_share_neither_names_nor_order(
    recorded: list[Sighting], asker: User, approver: User
) -> None:
    first, second = (rows_of(copy_of(asker, approver)) for _ in range(2))
    assert not {row["row"] for row in first} & {row["row"] for row in second}
    assert not {row["page"] for row in first} & {row["page"] for row in second}
    kept = [
        [(row["rail"], row["address"], row["brand"]) for row in rows] for rows in (first, second)
    ]
    assert sorted(kept[0]) == sorted(kept[1])


def test_a_few_rows_in_any_order_name_their_copy(
    recorded: list[Sighting], asker: User, approver: User, world: World
) -> None:
    copies = [copy_of(asker, approver, recipient=f"Example {number}") for number in range(4)]
    sightings = copy_of(asker, approver, what="sightings", recipient="Example sightings")
    record(world.person("analyst"), page(option()))  # what came later does not matter
    chance = random.Random(3)  # noqa: S311
    for number, archive in enumerate(copies):
        lines = archive.read("rows.csv").decode().splitlines()[1:]
        for few in (chance.sample(lines, 1), chance.sample(lines, 3)):
            text = "mail of somebody\n" + "\n".join(few).replace(",", ";")
            found = services.trace(text)
            assert [one.copy.export.recipient for one in found] == [f"Example {number}"]
    mixed = rows_of(copies[0])[:3] + rows_of(copies[2])[:1]
    found = services.trace(json.dumps(mixed))
    assert [one.copy.export.recipient for one in found] == ["Example 0", "Example 2"]
    assert found[0].rows > found[1].rows
    (only,) = services.trace(sightings.read("rows.jsonl").decode())
    assert (only.copy.export.recipient, only.rows) == ("Example sightings", 7)
    (marked,) = services.trace(copies[1].read("manifest.json").decode())
    assert (marked.copy.export.recipient, marked.marked) == ("Example 1", True)
    assert services.trace("R-AAAAAAAAAAAAAAAA and nothing else") == []


def test_a_whole_zip_is_traced(recorded: list[Sighting], asker: User, approver: User) -> None:
    export = asked(asker)
    services.decide(approver, export, released=True)
    packages_go()
    _, content = services.take_copy(asker, export)
    (one,) = services.trace(services.text_of(content))
    assert one.marked
    assert one.rows == 13 + 7
    assert services.text_of(b"\xff plain") == "\ufffd plain"


def test_too_much_is_refused(
    recorded: list[Sighting], asker: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_ROWS", 3)
    export = asked(asker)
    services.decide(approver, export, released=True)
    packages_go()
    with pytest.raises(UsageError, match="more than 3"):
        services.take_copy(asker, export)
    assert not ExportCopy.objects.exists()


def form(world: World, **fields: Any) -> dict[str, Any]:
    settled = {"what": "options", "recipient": "Example", "purpose": "why", "team": world.team.name}
    return {**settled, **fields}


def test_the_pages_from_asking_to_taking(
    world: World, recorded: list[Sighting], asker: User, approver: User
) -> None:
    mine, theirs = world.client(asker), world.client(approver)
    answer = mine.post("/exports/ask/", form(world))
    assert answer.status_code == 302
    place = answer["Location"]
    assert b"waits for an approver" in mine.get("/exports/").content
    assert b"Your decision" not in mine.get(place).content
    assert b"Your decision" in theirs.get(place).content
    assert mine.post(f"{place}decide/", {"release": "1"}).status_code == 403
    assert mine.post(f"{place}download/").status_code == 400
    assert theirs.post(f"{place}decide/", {"release": "1", "reason": "agreed"}).status_code == 302
    assert b"every package waits" in mine.get(place).content
    assert mine.post(f"{place}download/").status_code == 400
    packages_go()
    assert theirs.post(f"{place}download/").status_code == 400
    assert b"Download" in mine.get(place).content
    copy = mine.post(f"{place}download/")
    assert copy.status_code == 200
    assert copy["Content-Type"] == "application/zip"
    assert "attachment" in copy["Content-Disposition"]
    assert mine.post(f"{place}download/").status_code == 400
    assert b"taken" in mine.get(place).content
    ref = BulkExport.objects.get().ref
    said = [
        (event.action, event.actor, event.result)
        for event in Event.objects.filter(object=ref).exclude(action="export.read").order_by("seq")
        if event.actor != "desk"
    ]
    assert said == [
        ("export.ask", "north-liaison", "done"),
        ("export.download", "north-liaison", "refused"),
        ("export.decide", "north-approver", "done"),
        ("export.download", "north-liaison", "refused"),
        ("export.download", "north-approver", "refused"),
        ("export.download", "north-liaison", "done"),
        ("export.download", "north-liaison", "refused"),
    ]
    assert Event.objects.filter(action="export.decide", result="forbidden").count() == 1


def test_strangers_learn_nothing(world: World, asker: User) -> None:
    export = asked(asker)
    stranger = world.client(world.person("approver", stranger=True))
    made_up = "X-00000-00000"
    for verb in ("", "decide/", "download/"):
        send = stranger.post if verb else stranger.get
        hidden, absent = (send(f"/exports/{ref}/{verb}") for ref in (export.ref, made_up))
        assert hidden.status_code == absent.status_code == 404
        assert plain(hidden).replace(export.ref.encode(), made_up.encode()) == plain(absent)
    assert export.ref.encode() not in stranger.get("/exports/").content


@pytest.mark.parametrize(
    ("method", "page_of", "roles"),
    [
        ("get", "/exports/", {"administrator", "auditor"}),
        ("post", "/exports/ask/", {"administrator", "auditor"}),
        ("post", "/exports/X-00000-00000/decide/", {"analyst", "liaison", "investigator"}),
        ("post", "/exports/X-00000-00000/download/", {"administrator", "auditor"}),
        ("get", "/exports/trace/", {"administrator", "approver", "analyst"}),
    ],
)
def test_who_may_not(world: World, method: str, page_of: str, roles: set[str]) -> None:
    assert getattr(Client(), method)(page_of).status_code == 302
    for role in roles:
        assert getattr(world.client(world.person(role)), method)(page_of).status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"recipient": ""},
        {"purpose": "x" * 401},
        {"what": "wording"},
        {"rail": "barter"},
        {"since": "2026-03-03", "until": "2026-03-02"},
        {"since": "yesterday"},
        {"team": "0"},
        {"brand": "0"},
    ],
)
def test_what_cannot_be_asked(world: World, asker: User, fields: dict[str, Any]) -> None:
    assert world.client(asker).post("/exports/ask/", form(world, **fields)).status_code == 400
    assert not BulkExport.objects.exists()


def test_records_of_others_cannot_be_asked_for(
    world: World, asker: User, recorded: list[Sighting]
) -> None:
    brand = Brand.objects.get(team=world.other_team)
    client = world.client(asker)
    for fields in ({"brand": brand.ref}, {"team": world.other_team.name}):
        assert client.post("/exports/ask/", form(world, **fields)).status_code == 400
    with pytest.raises(UsageError):
        services.ask(asker, team=world.other_team, what="options", recipient="x", purpose="x")


def test_the_page_of_tracing(
    world: World, recorded: list[Sighting], asker: User, approver: User
) -> None:
    archive = copy_of(asker, approver)
    auditor = world.client(world.person("auditor"))
    line = archive.read("rows.csv").decode().splitlines()[4]
    answer = auditor.post("/exports/trace/", {"text": line})
    assert b"Example Exchange" in answer.content
    assert b"No copy has" in auditor.post("/exports/trace/", {"text": "nothing"}).content
    assert auditor.post("/exports/trace/", {"text": ""}).status_code == 400
    event = Event.objects.filter(action="export.trace").order_by("seq").first()
    assert event is not None
    assert line not in event.details


def test_the_list_costs_as_many_queries_whatever_it_shows(
    world: World, asker: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        asked(asker)
    client = world.client(asker)
    client.get("/exports/")
    with django_assert_max_num_queries(18):
        client.get("/exports/")
