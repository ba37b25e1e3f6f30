"""What is done in a case: states, hand-over, tasks, files by name, timeline, what is overdue."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone
from tests.desk.conftest import World, plain

from clewline.desk.accounts.models import User
from clewline.desk.audit.models import Event
from clewline.desk.cases import queries, services
from clewline.desk.cases.models import Case, StateChange
from clewline.errors import DataError, UsageError

HASH = "ab" * 32
ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"


@pytest.fixture
def case(world: World) -> Case:
    """A sealed case of the investigator."""
    owner = world.person("investigator")
    return services.open_case(owner, world.team, "Amber Kettle", "", "made-up basis")


@pytest.fixture
def second(world: World, case: Case) -> User:
    """A second investigator, member of the case."""
    person = world.person("analyst")
    person.roles = ["investigator"]
    person.save()
    services.add_member(case.owner, case, person, "made up")
    return person


def test_a_closed_case_takes_nothing_until_it_is_opened_again(world: World, case: Case) -> None:
    owner = world.person("investigator")
    client, url = world.client(owner), f"/cases/{case.ref}/"
    fields = {"state": "closed", "why": "made-up reason"}
    assert client.post(f"{url}state/", {**fields, "why": ""}).status_code == 400
    assert client.post(f"{url}state/", fields).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.closed_at is not None) == ("closed", True)
    assert client.post(f"{url}state/", fields).status_code == 400  # is closed already
    for refused in (
        lambda: services.add_note(owner, case, "x"),
        lambda: services.link(owner, case, HASH, "x"),
        lambda: services.add_task(owner, case, "x", owner),
    ):
        with pytest.raises(UsageError, match="closed"):
            refused()
    shown = client.get(url).text + client.get(f"{url}notes/").text + client.get(f"{url}money/").text
    for path in ("link/", "tasks/", "files/", "members/add/", "notes/add/", "money/start/"):
        assert f'action="{url}{path}"' not in shown and f'href="{url}{path}"' not in shown, path
    assert shown.count("This case is closed") == 2
    services.change_state(owner, case, "open", "made up")
    assert case.closed_at is None
    services.add_note(owner, case, "x")
    assert [one.state for one in StateChange.objects.order_by("id")] == ["closed", "open"]
    with pytest.raises(TypeError):
        StateChange.objects.latest("id").delete()


def test_a_case_goes_over_when_the_other_agrees(world: World, case: Case, second: User) -> None:
    owner, url = world.person("investigator"), f"/cases/{case.ref}/hand-over/"
    offer = {"to": second.pseudonym, "why": "made up"}
    assert world.client(second).post(url, offer).status_code == 400  # not theirs to offer
    assert world.client(owner).post(url, offer).status_code == 302
    assert world.client(owner).post(url, offer).status_code == 400  # one waits
    # Who offered does not agree for the other.
    assert world.client(owner).post(f"{url}answer/", {"accept": "1"}).status_code == 400
    assert world.client(second).post(f"{url}answer/", {"accept": "1"}).status_code == 302
    case.refresh_from_db()
    assert case.owner == second
    assert world.client(second).post(f"{url}answer/", {"accept": "1"}).status_code == 400
    shown = world.client(second).get(f"/cases/{case.ref}/timeline/").content
    assert b"hand-over agreed" in shown


def test_an_approver_agrees_only_as_a_member(world: World, case: Case, second: User) -> None:
    approver, owner = world.person("approver"), world.person("investigator")
    services.hand_over(owner, case, second, "made up")
    url = f"/cases/{case.ref}/hand-over/answer/"
    assert world.client(approver).post(url, {"accept": "1"}).status_code == 404
    services.add_member(owner, case, approver, "made up")
    assert world.client(approver).post(url, {"accept": "1"}).status_code == 302
    case.refresh_from_db()
    assert case.owner == second


def test_an_offer_is_taken_back(case: Case, second: User, world: World) -> None:
    owner = world.person("investigator")
    services.hand_over(owner, case, second, "made up")
    services.answer_handover(owner, case, accepted=False)
    assert services.pending_handover(case) is None
    with pytest.raises(UsageError):
        services.hand_over(owner, case, world.person("liaison"), "no member")


def test_tasks_are_set_ended_and_overdue(world: World, case: Case, second: User) -> None:
    owner, today = world.person("investigator"), timezone.now().date()
    client, url = world.client(second), f"/cases/{case.ref}/tasks/"
    late = {"text": "made-up task", "owner": owner.pseudonym, "due": today - timedelta(days=1)}
    assert client.post(url, late).status_code == 302
    assert client.post(url, {**late, "text": "", "owner": "nobody"}).status_code == 400
    services.add_task(owner, case, "not yet", owner, today + timedelta(days=1))
    assert [one.text for one in queries.overdue(owner)] == ["made-up task"]
    assert queries.overdue(second) == []
    assert b"overdue" in client.get(f"/cases/{case.ref}/").content
    task = case.tasks.get(text="made-up task")
    end = f"{url}{task.ref}/end/"
    assert client.post(end, {"outcome": "lost"}).status_code == 404
    assert client.post(end, {"outcome": "done"}).status_code == 302
    assert client.post(end, {"outcome": "done"}).status_code == 400
    assert queries.overdue(owner) == []
    # Who is no member has no task, and none of a closed case is overdue.
    services.add_task(owner, case, "theirs", second, date(2026, 1, 1))
    services.remove_member(owner, case, second, "made up")
    assert queries.overdue(second) == []
    with pytest.raises(UsageError):
        services.add_task(owner, case, "x", second)


def test_files_are_words_and_a_hash(world: World, case: Case) -> None:
    client, url = world.client(world.person("investigator")), f"/cases/{case.ref}/files/"
    fields = {"name": "export.zip", "sha256": f" {HASH.upper()} ", "size": 5, "place": "safe 3"}
    assert client.post(url, fields).status_code == 302
    entry = case.file_entries.get()
    assert (entry.sha256, entry.size, entry.place) == (HASH, 5, "safe 3")
    assert client.post(url, fields).status_code == 400  # noted already
    for wrong in ({"sha256": "xyz"}, {"size": -1}, {"place": ""}):
        assert client.post(url, {**fields, **wrong}).status_code == 400
    with pytest.raises(DataError):
        services.describe_file(
            case.owner, case, name="x", sha256=HASH, size=1, place="data:image/png;base64,AAAA"
        )
    assert b"export.zip" in client.get(f"/cases/{case.ref}/").content


def test_the_timeline_tells_all_to_members_alone(world: World, case: Case, second: User) -> None:
    owner = world.person("investigator")
    services.link(owner, case, HASH, "made-up why")
    services.add_note(owner, case, "a sealed note")
    services.link(owner, case, ADDRESS, "made-up why")
    url = f"/cases/{case.ref}/timeline/"
    assert f'{ADDRESS}/"><code' in world.client(second).get(url).text
    shown = world.client(second).get(url).content
    for word in (b"opened", b"let in", b"made-up why", case.notes.get().ref.encode()):
        assert word in shown
    assert b"a sealed note" not in shown
    there, missing = (
        plain(world.client(world.person("approver")).get(f"/cases/{ref}/timeline/"))
        for ref in (case.ref, "C-00000-00000")
    )
    assert there == missing


def test_the_log_has_of_a_sealed_case_its_reference(world: World, case: Case) -> None:
    owner = world.person("investigator")
    client = world.client(owner)
    client.post(f"/cases/{case.ref}/link/", {"what": HASH, "why": "made-up why"})
    member = {"member": "north-analyst", "why": "made-up why"}
    client.post(f"/cases/{case.ref}/members/add/", member)
    client.post(f"/cases/{case.ref}/state/", {"state": "dormant", "why": "made-up why"})
    events = Event.objects.filter(object=case.ref, result="done")
    assert events.count() == 3
    assert {event.details for event in events} == {"{}"}
    assert Case.objects.countable().count() == 0
