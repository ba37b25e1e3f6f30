"""Real names show by named release alone; a walk through every page and file finds none."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.desk.conftest import World, packages_go
from tests.desk.planted import case_of, sighting_of

from clewline.desk import codenames
from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import ApiToken, Team, User
from clewline.desk.api import operations
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.exports import services as exports
from clewline.desk.names import services
from clewline.desk.names.models import NameRelease, NameReleaseEnd
from clewline.desk.play import fill
from clewline.desk.records.models import Brand
from clewline.desk.roles import ACTIONS, Role
from clewline.desk.welfare.models import Protection, Reveal
from clewline.errors import UsageError


@pytest.fixture
def brand(world: World) -> Brand:
    made = sighting_of(world.person("analyst")).brand
    assert made is not None
    return made


@pytest.fixture
def case(world: World) -> Case:
    return case_of(world.person("investigator"), world.team)


def test_a_name_opens_to_whom_it_was_released(world: World, brand: Brand) -> None:
    analyst, approver = world.person("analyst"), world.person("approver")
    with pytest.raises(UsageError, match="not released to you"):
        services.open_name(analyst, brand, "compare", go_on=False)
    with pytest.raises(UsageError, match="not released to you"):
        services.open_name(approver, brand, "compare", go_on=False)  # nor by being approver
    made = services.release(approver, brand, analyst, "to compare them", 7)
    assert services.open_name(analyst, brand, "compare", go_on=False).text == "sealed-name"
    reveal = Reveal.objects.get()
    assert (reveal.user, reveal.brand, reveal.sighting, reveal.field) == (
        analyst,
        brand,
        None,
        "name",
    )
    services.revoke(approver, made)
    with pytest.raises(UsageError, match="not released to you"):
        services.open_name(analyst, brand, "compare", go_on=False)
    with pytest.raises(UsageError, match="revoked already"):
        services.revoke(approver, made)
    with pytest.raises(TypeError):
        made.save()
    assert NameReleaseEnd.objects.count() == 1


def test_a_release_ends_by_itself(
    world: World, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst = world.person("analyst")
    services.release(world.person("approver"), brand, analyst, "x", 1)
    assert services.may_open(analyst, brand)
    later = timezone.now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert not services.may_open(analyst, brand)


def test_who_releases_and_to_whom(world: World, brand: Brand, case: Case) -> None:
    approver, owner = world.person("approver"), world.person("investigator")
    for who, what, to in (
        (world.person("analyst"), brand, owner),  # no approver
        (owner, brand, world.person("analyst")),  # owns cases, no brands
        (approver, brand, approver),  # to themselves
        (approver, brand, world.person("analyst", stranger=True)),  # may not know of it
        (approver, brand, world.person("liaison")),  # opens no names
        (owner, case, world.person("analyst")),  # no member
        (owner, case, owner),
    ):
        with pytest.raises(UsageError):
            services.release(who, what, to, "x", 7)
    for days in (0, 91):
        with pytest.raises(UsageError, match="1 to 90"):
            services.release(approver, brand, owner, "x", days)
    cases.add_member(owner, case, world.person("analyst"), "made up")
    services.release(owner, case, world.person("analyst"), "x", 7)
    text = services.open_name(world.person("analyst"), case, "case", go_on=False).text
    assert text == "sealed-title"


def test_a_name_counts_among_the_reveals_of_a_day(world: World, brand: Brand) -> None:
    analyst = world.person("analyst")
    Protection.objects.create(user=analyst, reveals_per_day=1)
    services.release(world.person("approver"), brand, analyst, "x", 7)
    client, place = world.client(analyst), f"/brands/{brand.ref}/name/"
    opened = client.post(place, {"reason": "compare"})
    assert b"sealed-name" in opened.content and opened["Refresh"].endswith(place)
    assert client.post(place, {"reason": "compare"}).status_code == 400
    assert b"protects you well" in client.get(place).content
    assert client.post(place, {"reason": "compare", "go_on": "on"}).status_code == 200
    assert list(Reveal.objects.order_by("pk").values_list("beyond_limit", flat=True)) == [
        False,
        True,
    ]


def test_releasing_through_the_page(world: World, brand: Brand) -> None:
    client, place = world.client(world.person("approver")), f"/brands/{brand.ref}/name/"
    assert b"not released to you" in client.get(place).content
    form = {"to": "north-analyst", "why": "x", "days": 7}
    assert client.post(f"{place}release/", {**form, "to": "south-analyst"}).status_code == 400
    assert client.post(f"{place}release/", {**form, "days": 900}).status_code == 400
    assert client.post(f"{place}release/", form).status_code == 302
    made = NameRelease.objects.get()
    assert client.post(f"/names/{made.ref}/revoke/").status_code == 302
    assert b"revoked" in client.get(place).content
    stranger = world.client(world.person("approver", stranger=True))
    assert stranger.post(f"/names/{made.ref}/revoke/").status_code == 404


# Codenames.


def test_what_is_offered_bears_nothing_that_one_knows_of(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another team has is offered as before: that it never is would tell of it."""
    monkeypatch.setattr(codenames, "_FIRST", ("Clear", "Amber"))
    monkeypatch.setattr(codenames, "_SECOND", ("Casename", "Kettle"))
    others = ["Amber Casename", "Amber Kettle", "Clear Kettle"]
    south = world.person("investigator", stranger=True)
    for _ in range(20):
        assert sorted(codenames.suggest(case.owner)) == others
        assert sorted(codenames.suggest(south)) == sorted([*others, case.codename])
        # Nor is a colleague told who is no member.
        assert len(codenames.suggest(world.person("analyst"))) == 4
    same = cases.open_case(south, world.other_team, case.codename, "", "made up")
    assert same.codename == case.codename  # typed all the same: no refusal tells of the other
    assert not set(codenames.suggest(south)) & {case.codename}


# Every page and every file of the made-up desk.

_LINK = re.compile(r'href="(/[^"#]*)')
_MOST = 150
NAME, TITLE = "Q7realnameQ7", "Q7realtitleQ7"


@pytest.fixture
def play(world: World, play_case: Path) -> dict[str, User]:
    """The made-up desk, in which each brand has a real name and each case a title."""
    fill(play_case)
    for brand in Brand.objects.filter(team__organisation__name__contains="made up"):
        if not brand.name_sealed:
            brand.seal("name", NAME)
            brand.save()
    people = {user.username.removeprefix("made-up-"): user for user in User.objects.all()}
    team = Team.objects.get(name="Payments")
    cases.open_case(people["investigator"], team, "Amber Kettle", TITLE, "made up")
    for case in Case.objects.all():
        case.seal("title", TITLE)
        case.save()
        for name in ("analyst", "approver", "liaison"):
            if not case.members.filter(user=people[name]).exists() and case.team == team:
                cases.add_member(case.owner, case, people[name], "made up")
    return {name: one for name, one in people.items() if one.username.startswith("made-up-")}


def bytes_of(answer: Any) -> bytes:
    """Return all that an answer says: headers, content, what is in a zip."""
    content = b"".join(answer)
    said = repr(dict(answer.headers)).encode() + content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            said += b"".join(name.encode() + archive.read(name) for name in archive.namelist())
    return said


def walk(client: Client) -> Iterator[tuple[str, bytes]]:
    """Open what links lead to, one page of each kind and every file; yield what each says."""
    seen, waiting, kinds = set(), ["/"], {}
    while waiting and len(seen) < _MOST:
        path = waiting.pop(0)
        kind = re.sub(r"\b[A-Z]-[0-9A-Z]{5}-[0-9A-Z]{5}|[13a-z0-9]{26,}|\d+", "*", path)
        kinds[kind] = kinds.get(kind, 0) + 1
        if path in seen or kinds[kind] > 2 or "logout" in path:
            continue
        seen.add(path)
        answer = client.get(path.replace("&amp;", "&"))
        said = bytes_of(answer)
        yield path, said
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            waiting += _LINK.findall(said.decode())


def leaks(people: dict[str, User], world: World) -> set[str]:
    """Return the pages, files and answers in which a real name or title stands."""
    found = set()
    for name, user in people.items():
        client = world.client(user)
        for path, said in walk(client):
            if NAME.encode() in said or TITLE.encode() in said:
                found.add(f"{name}: {path}")
        accounts.new_token(user, "walk", ["account.read"], 5)
        secret = accounts.new_token(user, "walk again", ["account.read"], 5)
        ApiToken.objects.filter(user=user).update(scopes=list(ACTIONS))
        for path, method, _view in operations():
            if method != "GET":
                continue
            case = Case.objects.visible_to(user).first()
            made = path.replace("{ref}", case.ref if case else "C-00000-00000")
            head = {"Authorization": f"Bearer {secret}"}
            said = bytes_of(Client().get(f"/api{made}", headers=head))
            if NAME.encode() in said or TITLE.encode() in said:
                found.add(f"{name}: /api{made}")
    asker, approver = people["analyst"], people["approver"]
    for what in ("options", "sightings"):
        team = asker.teams.get()
        asked = exports.ask(asker, team=team, what=what, recipient="Example", purpose="x")
        exports.decide(approver, asked, released=True)
        packages_go()
        said = bytes_of(world.client(asker).post(f"/exports/{asked.ref}/download/"))
        assert b"rows.csv" in said
        if NAME.encode() in said or TITLE.encode() in said:
            found.add(f"export of {what}")
    return found


def test_no_page_file_or_answer_has_a_real_name(
    play: dict[str, User], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {role for user in play.values() for role in user.roles} >= {
        Role.ANALYST,
        Role.APPROVER,
        Role.INVESTIGATOR,
        Role.LIAISON,
        Role.AUDITOR,
    }
    assert leaks(play, world) == set()
    # And the walk finds one that is planted: in pages, lists, and the files of an export.
    Brand.objects.filter(codename="Grey Meadow").update(codename=NAME)
    monkeypatch.setattr(Case, "__str__", lambda self: self.unseal("title"))
    some = {name: play[name] for name in ("analyst", "approver", "investigator")}
    planted = leaks(some, world)
    assert {"analyst: /brands/", "export of options", "export of sightings"} <= planted
