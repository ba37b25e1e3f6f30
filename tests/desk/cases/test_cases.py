"""Cases: who knows of them, and that nobody else learns anything."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, option, page

from clewline.desk.audit.models import Event
from clewline.desk.cases.models import Case, Link, Member, Note
from clewline.desk.cases.services import (
    add_member,
    add_note,
    link,
    may_join,
    open_case,
    remove_member,
)
from clewline.desk.codenames import suggest
from clewline.desk.records.services import record
from clewline.errors import DataError, UsageError

_FRESH = re.compile(rb'csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"')
GETS = ("case", "case-notes")
POSTS = ("add-member", "remove-member", "case-link", "case-note")


@pytest.fixture
def case(world: World) -> Case:
    """A case of the investigator."""
    owner = world.person("investigator")
    texts = ("Amber Kettle", "a sealed title", "made-up basis")
    made = open_case(owner, world.team, *texts, sealed=False)
    add_note(owner, made, "a sealed note")
    link(owner, made, ADDRESS, "made-up why")
    return made


def test_a_case_is_opened(world: World) -> None:
    owner = world.person("investigator")
    client = world.client(owner)
    shown = client.get("/cases/open/")
    assert shown.status_code == 200
    fields = {"codename": " Amber  Kettle ", "title": "a sealed title", "legal_basis": "made up"}
    reply = client.post("/cases/open/", {**fields, "team": world.team.name})
    made = Case.objects.get()
    assert reply["Location"] == f"/cases/{made.ref}/"
    assert (made.codename, made.unseal("title"), made.owner) == (
        "Amber Kettle",
        "a sealed title",
        owner,
    )
    assert Member.objects.get().user == owner
    assert Event.objects.get(action="case.open", object=made.ref).result == "done"
    for url in (f"/cases/{made.ref}/", "/cases/"):
        content = client.get(url).content
        assert b"Amber Kettle" in content and b"a sealed title" not in content


def test_a_form_that_is_not_whole_is_refused(world: World) -> None:
    client = world.client(world.person("investigator"))
    fields = {"codename": "A B", "legal_basis": "x", "team": world.team.name}
    for wrong in ({"codename": ""}, {"legal_basis": ""}, {"team": world.other_team.name}):
        assert client.post("/cases/open/", {**fields, **wrong}).status_code == 400
    assert not Case.objects.exists()


def test_two_teams_or_people_may_have_one_codename(world: World, case: Case) -> None:
    again = open_case(world.person("investigator"), world.team, "Amber Kettle", "", "made up")
    assert again.ref != case.ref


@pytest.mark.parametrize("name", [*GETS, *POSTS])
@pytest.mark.parametrize("who", ["teammate", "stranger", "removed"])
def test_who_is_no_member_learns_nothing(world: World, case: Case, name: str, who: str) -> None:
    user = {
        "teammate": world.person("analyst"),
        "stranger": world.person("investigator", stranger=True),
        "removed": world.person("analyst"),
    }[who]
    if name.endswith("member"):  # for investigators alone: another one of the team
        user = world.person("analyst") if who != "stranger" else user
        user.roles = ["investigator"]
        user.save()
    if who == "removed":
        add_member(world.person("investigator"), case, user, "made up")
        remove_member(world.person("investigator"), case, user, "made up")
    client = world.client(user)
    fields = {"text": "x", "what": ADDRESS, "why": "x", "member": "north-analyst"}
    replies = []
    for ref in (case.ref, "C-00000-00000"):
        url = reverse(name, args=[ref])
        reply = client.get(url) if name in GETS else client.post(url, fields)
        assert reply.status_code == 404
        replies.append(_FRESH.sub(b"", reply.content))
    assert replies[0] == replies[1]
    assert (Note.objects.count(), Link.objects.count()) == (1, 1)
    if who != "removed":
        assert Member.objects.count() == 1


@pytest.mark.parametrize("who", ["teammate", "stranger"])
def test_no_other_page_tells_of_it(world: World, case: Case, who: str) -> None:
    user = world.person("analyst", stranger=who == "stranger")
    client = world.client(user)
    seen = [client.get(url) for url in ("/", "/cases/", f"/addresses/BTC/main/{ADDRESS}/")]
    seen += [
        client.post("/search/", fields)
        for fields in ({"q": ADDRESS}, {"lines": ADDRESS}, {"lines": ADDRESS, "csv": 1})
    ]
    for text in (case.codename, case.ref):
        # What was asked is shown again, and nothing else.
        assert client.post("/search/", {"q": text}).content.count(text.encode()) == 1
    for reply in seen:
        assert reply.status_code == 200
        assert b"Amber" not in reply.content and case.ref.encode() not in reply.content


def test_a_member_is_added_and_removed_with_reason(world: World, case: Case) -> None:
    owner, other = world.person("investigator"), world.person("analyst")
    client, theirs = world.client(owner), world.client(other)
    url = f"/cases/{case.ref}/"
    assert theirs.get(url).status_code == 404
    fields = {"member": other.pseudonym, "why": "made-up reason"}
    assert client.post(f"{url}members/add/", {**fields, "why": ""}).status_code == 400
    assert client.post(f"{url}members/add/", fields).status_code == 302
    assert theirs.get(url).status_code == 200
    assert b"Amber Kettle" in theirs.get("/cases/").content
    event = Event.objects.get(action="case.members", result="done")
    assert json.loads(event.details) == {"added": other.pseudonym, "why": "made-up reason"}
    assert client.post(f"{url}members/add/", fields).status_code == 400  # is a member already
    assert client.post(f"{url}members/remove/", {**fields, "why": ""}).status_code == 400
    assert client.post(f"{url}members/remove/", fields).status_code == 302
    assert theirs.get(url).status_code == 404
    assert b"Amber" not in theirs.get("/cases/").content
    assert client.post(f"{url}members/remove/", fields).status_code == 404
    add_member(owner, case, other, "again")
    assert theirs.get(url).status_code == 200
    assert case.members.count() == 3


def test_who_may_join(world: World, case: Case) -> None:
    names = {user.pseudonym for user in may_join(case)}
    assert names == {"north-analyst", "north-approver", "north-liaison"}
    with pytest.raises(UsageError):
        add_member(world.person("investigator"), case, world.person("auditor"), "x")
    with pytest.raises(UsageError):
        add_member(world.person("investigator"), case, world.person("analyst", stranger=True), "x")
    with pytest.raises(UsageError):
        remove_member(world.person("investigator"), case, world.person("investigator"), "x")


def test_a_member_who_leaves_the_team_loses_sight(world: World, case: Case) -> None:
    owner = world.person("investigator")
    owner.teams.clear()
    assert world.client(owner).get(f"/cases/{case.ref}/").status_code == 404


def test_only_the_owner_says_who_may_know(world: World, case: Case) -> None:
    other = world.person("analyst")
    other.roles = ["investigator"]
    other.save()
    add_member(world.person("investigator"), case, other, "made up")
    client = world.client(other)
    for verb in ("add", "remove"):
        reply = client.post(
            f"/cases/{case.ref}/members/{verb}/", {"member": "north-approver", "why": "x"}
        )
        assert reply.status_code == 403
    assert b"Add somebody" not in client.get(f"/cases/{case.ref}/").content


def test_what_belongs_to_a_case(world: World, case: Case) -> None:
    owner = world.person("investigator")
    sighting = record(world.person("analyst"), page(option()))
    assert sighting.brand is not None
    client = world.client(owner)
    url = f"/cases/{case.ref}/link/"
    for what in (sighting.ref, sighting.brand.ref, "ab" * 32):
        assert client.post(url, {"what": what, "why": "made up"}).status_code == 302
    shown = client.get(f"/cases/{case.ref}/").content
    for said in (sighting.ref, "Grey Heron", "abababab", ADDRESS[:10], "made-up why"):
        assert said.encode() in shown
    assert b"made-up-site" not in shown
    again = client.post(url, {"what": sighting.ref, "why": "made up"})
    assert again.status_code == 400 and b"belongs to this case already" in again.content
    assert client.post(url, {"what": "nothing known", "why": "x"}).status_code == 400
    details = [e.details for e in Event.objects.filter(action="case.link", result="done")]
    assert json.loads(details[0]) == {"link": sighting.ref}


def test_what_others_have_cannot_be_added_and_looks_unknown(world: World, case: Case) -> None:
    theirs = record(world.person("analyst", stranger=True), page(option()))
    client = world.client(world.person("investigator"))
    replies = [
        client.post(f"/cases/{case.ref}/link/", {"what": ref, "why": "x"})
        for ref in (theirs.ref, "S-00000-00000")
    ]
    assert [reply.status_code for reply in replies] == [400, 400]
    first, second = (_FRESH.sub(b"", reply.content) for reply in replies)
    assert first.replace(theirs.ref.encode(), b"S-00000-00000") == second


def test_notes_are_sealed_and_on_a_page_of_their_own(world: World, case: Case) -> None:
    client = world.client(world.person("investigator"))
    text = "<b>made-up</b> note & more"
    url = f"/cases/{case.ref}/notes/"
    assert client.post(f"{url}add/", {"text": text}).status_code == 302
    shown = client.get(url).content
    assert b"&lt;b&gt;made-up&lt;/b&gt; note &amp; more" in shown and b"a sealed title" not in shown
    title = client.post(f"/cases/{case.ref}/title/", {"reason": "case"})
    assert b"a sealed title" in title.content
    assert b"note &amp; more" not in client.get(f"/cases/{case.ref}/").content
    row = Note.objects.order_by("-id").first()
    assert row is not None and b"note & more" not in bytes(row.text_sealed or b"")
    assert "note &" not in "".join(Event.objects.values_list("details", flat=True))
    with pytest.raises(TypeError):
        row.save()
    with pytest.raises(TypeError):
        row.delete()
    assert client.post(f"{url}add/", {"text": ""}).status_code == 400


def test_no_media_in_a_case(world: World, case: Case) -> None:
    owner, media = world.person("investigator"), "data:image/png;base64,iVBORw0KGgo"
    with pytest.raises(DataError):
        add_note(owner, case, media)
    with pytest.raises(DataError):
        link(owner, case, "ab" * 32, media)
    with pytest.raises(DataError):
        open_case(owner, world.team, "A B", media, "x")
    reply = world.client(owner).post(f"/cases/{case.ref}/notes/add/", {"text": media})
    assert reply.status_code == 422 and b"iVBOR" not in reply.content


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("cases", {"analyst", "approver", "investigator", "liaison"}),
        ("open-case", {"investigator"}),
        ("case", {"analyst", "approver", "investigator", "liaison"}),
        ("case-notes", {"analyst", "approver", "investigator"}),
        ("add-member", {"investigator"}),
        ("remove-member", {"investigator"}),
        ("case-link", {"analyst", "approver", "investigator"}),
        ("case-note", {"analyst", "approver", "investigator"}),
    ],
)
def test_the_door(world: World, case: Case, name: str, roles: set[str]) -> None:
    url = reverse(name, args=[] if name in ("cases", "open-case") else [case.ref])

    def ask(client: Client) -> Any:
        return client.post(url) if name in POSTS else client.get(url)

    assert ask(Client())["Location"].startswith("/accounts/login/")
    for role in ("auditor", "administrator", "liaison", "analyst", "investigator"):
        forbidden = ask(world.client(world.person(role))).status_code == 403
        assert forbidden == (role not in roles)
    reply = world.client(world.person("investigator")).delete(url)
    assert reply.status_code == 405


def test_how_many_questions_the_pages_ask(
    world: World, case: Case, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    owner = world.person("investigator")
    client = world.client(owner)
    client.get("/cases/")  # notes the time of the session's last request
    counts = []
    for first in (0, 8):
        with django_assert_max_num_queries(40) as captured:
            client.get(f"/cases/{case.ref}/")
        counts.append(len(captured))
        for number in range(first, first + 8):
            link(owner, case, f"{number:064x}", "made up")
    assert counts[0] == counts[1]


def test_codenames_are_plain_and_different(world: World) -> None:
    names = suggest(world.person("analyst"), 50)
    assert len(set(names)) == 50
    assert all(re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", name) for name in names)
