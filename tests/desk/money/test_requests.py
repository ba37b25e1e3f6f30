"""Requests to exchanges, and the filled sheets that come back."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta

import pytest
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World

from clewline.desk.audit.models import Event
from clewline.desk.cases import queries as case_queries
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.money import queries, services
from clewline.desk.money.answers import read_answers
from clewline.desk.money.models import RequestRow, RowAnswer, VaspRequest
from clewline.errors import UsageError

HEAD = "reference,direction,outpoint,answer_status,answer_account_reference,answer_account_country"


@pytest.fixture
def case(world: World) -> Case:
    """A case of the investigator with its approver as a member."""
    owner = world.person("investigator")
    made = planted.case_of(owner, world.team)
    cases.add_member(owner, made, world.person("approver"), "made up")
    return made


@pytest.fixture
def drafted(world: World, case: Case) -> VaspRequest:
    """A request with one row."""
    return planted.request_of(world.person("investigator"), case)


@pytest.fixture
def sent(world: World, drafted: VaspRequest) -> VaspRequest:
    """The request, approved and sent."""
    services.decide(world.person("approver"), drafted, approved=True)
    planted.open_release(drafted)
    services.mark_sent(drafted.by, drafted, day=date(2026, 1, 2), route="portal")
    return drafted


def test_a_second_person_approves(world: World, case: Case, drafted: VaspRequest) -> None:
    owner, approver = (world.client(world.person(who)) for who in ("investigator", "approver"))
    url = f"/requests/{drafted.ref}/"
    sending = {"day": "2026-01-02", "route": "portal", "due": "2026-02-01"}
    assert owner.post(f"{url}sent/", sending).status_code == 400  # not approved
    assert owner.post(f"{url}decide/", {"approve": "1"}).status_code == 403
    other = world.client(world.person("approver", stranger=True))
    assert other.post(f"{url}decide/", {"approve": "1"}).status_code == 404
    assert approver.post(f"{url}decide/", {"approve": "1", "why": "made up"}).status_code == 302
    assert approver.post(f"{url}decide/", {"refuse": "1"}).status_code == 400
    assert b"Every package waits" in owner.get(url).content
    assert owner.post(f"{url}sent/", sending).status_code == 400
    planted.open_release(drafted)
    assert owner.post(f"{url}sent/", {**sending, "due": "2026-01-01"}).status_code == 400
    assert owner.post(f"{url}sent/", {**sending, "route": ""}).status_code == 400
    assert owner.post(f"{url}sent/", sending).status_code == 302
    assert queries.request_state(drafted) == "sent"
    assert b"answer due" in owner.get(url).content


def test_a_refused_request_is_drafted_again_and_a_second_cites(
    world: World, case: Case, drafted: VaspRequest
) -> None:
    owner = world.person("investigator")
    with pytest.raises(UsageError, match="drafted already"):
        services.draft_request(owner, case, drafted.pack, "again")
    services.decide(world.person("approver"), drafted, approved=False, why="too wide")
    again = services.draft_request(owner, case, drafted.pack, "again")
    assert again.cites is None  # a refused one never went out
    second = planted.request_of(owner, case)
    assert second.cites == again
    assert again.ref.encode() in world.client(owner).get(f"/requests/{second.ref}/").content


def test_what_is_late_is_overdue(world: World, case: Case, drafted: VaspRequest) -> None:
    owner, today = world.person("investigator"), timezone.now().date()
    services.decide(world.person("approver"), drafted, approved=True)
    planted.open_release(drafted)
    day = today - timedelta(days=9)
    services.mark_sent(owner, drafted, day=day, route="portal", due=today - timedelta(days=1))
    assert [(one.kind, one.ref) for one in case_queries.overdue(owner)] == [
        ("request", drafted.ref)
    ]
    assert case_queries.overdue(world.person("approver"))[0].case == case
    assert case_queries.overdue(world.person("analyst")) == []
    assert b"overdue" in world.client(owner).get(f"/cases/{case.ref}/money/").content
    services.take_answers(owner, drafted, f"{HEAD}\n,,{planted.OUTPOINT},not ours,,\n")
    assert case_queries.overdue(owner) == []


def test_a_sheet_comes_back_and_is_sealed(world: World, case: Case, sent: VaspRequest) -> None:
    client, url = world.client(world.person("investigator")), f"/requests/{sent.ref}/"
    sheet = (
        f"{HEAD},answer_account_holder_name\n"
        f",,{planted.OUTPOINT},found,ACC-4711,NL,Somebody Made-Up\n"
        f",,{'cd' * 32}:1,found,ACC-9999,NL,Nobody\n"
        f"CL-AAAAAAAAAAAA,,,perhaps,x,,\n"
    )
    reply = client.post(f"{url}answers/", {"text": sheet}).content
    assert b"1 answer was kept" in reply and b"account named" in reply
    assert b"Line 3: outpoint: was not asked" in reply and b"answer_status" in reply
    for word in (b"ACC-4711", b"Somebody", b"ACC-9999", b"Nobody"):
        assert word not in reply and word not in client.get(url).content
    answer = RowAnswer.objects.get()
    assert (answer.status, answer.country) == ("named", "NL")
    assert b"ACC" not in bytes(answer.answer_sealed or b"")
    assert b"ACC-4711" not in client.get(f"{url}reveal/").content
    assert client.post(f"{url}reveal/", {"reason": "none"}).status_code == 400
    opened = client.post(f"{url}reveal/", {"reason": "match"}).content
    assert b"ACC-4711" in opened and b"Somebody Made-Up" in opened
    event = Event.objects.filter(action="request.reveal", result="done").latest("seq")
    assert json.loads(event.details) == {"reason": "match"}
    assert not any("ACC-" in one for one in Event.objects.values_list("details", flat=True))
    # A later answer counts, and the first stays.
    services.take_answers(sent.by, sent, f"{HEAD}\n,,{planted.OUTPOINT},not ours,,\n")
    assert [one.answer.status for one in queries.asked_rows(sent) if one.answer] == ["not_theirs"]
    assert RowAnswer.objects.count() == 2


def test_nothing_comes_back_before_it_went_out(world: World, drafted: VaspRequest) -> None:
    reply = world.client(world.person("investigator")).post(
        f"/requests/{drafted.ref}/answers/", {"text": f"{HEAD}\n"}
    )
    assert reply.status_code == 400
    with pytest.raises(UsageError):
        services.close_request(drafted.by, drafted, "made up")


def test_a_request_is_closed(world: World, sent: VaspRequest) -> None:
    client = world.client(world.person("investigator"))
    assert client.post(f"/requests/{sent.ref}/close/", {"why": ""}).status_code == 400
    assert client.post(f"/requests/{sent.ref}/close/", {"why": "made up"}).status_code == 302
    assert queries.request_state(sent) == "closed"


def rows() -> list[RequestRow]:
    """Two rows, one output in both directions."""
    shared = {"outpoint": planted.OUTPOINT, "address": ""}
    return [
        RequestRow(pk=1, reference="CL-AAAAAAAAAAAA", direction="deposit", **shared),
        RequestRow(pk=2, reference="CL-BBBBBBBBBBBB", direction="withdrawal", **shared),
    ]


@pytest.mark.parametrize("part", [",", ";", "\t"])
def test_sheets_as_spreadsheets_write_them(part: str) -> None:
    head = ["direction", "Outpoint", "answer_status", "answer_remarks"]
    lines = [head, ["deposit", planted.OUTPOINT.upper(), "Not ours", "'=see letter"]]
    lines += [["withdrawal", planted.OUTPOINT, "", "asked elsewhere"], ["", "", "", ""]]
    out = io.StringIO()
    csv.writer(out, delimiter=part).writerows(lines)
    found, problems = read_answers("\ufeff" + out.getvalue(), rows())
    assert problems == []
    assert [(one.row.pk, one.status) for one in found] == [(1, "not_theirs"), (2, "remarks")]
    assert found[0].said == {"remarks": "=see letter"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f",,{planted.OUTPOINT},found,A,NL", "both directions"),
        (",,x,found,A,NL", "was not asked"),
        ("CL-AAAAAAAAAAAA,,,found,,NL", "no account"),
        ("CL-AAAAAAAAAAAA,,,found,A,Holland", "two letters"),
        (f"CL-AAAAAAAAAAAA,,{'cd' * 32}:0,found,A,NL", "another output"),
        (f"CL-AAAAAAAAAAAA,,,found,{'A ' * 501},NL", "more than 1000"),
        ("CL-AAAAAAAAAAAA,,,found,data:image/png;base64,AAAA", "data URI"),
        ("CL-AAAAAAAAAAAA,,,perhaps,A,NL", "none of"),
    ],
)
def test_a_wrong_line_is_named_and_stops_no_other(line: str, words: str) -> None:
    good = "CL-BBBBBBBBBBBB,,,not ours,,"
    found, problems = read_answers(f"{HEAD}\n{line}\n{good}\n", rows())
    assert [one.row.pk for one in found] == [2]
    assert len(problems) == 1 and problems[0].line == 2 and words in problems[0].words
    assert "Holland" not in problems[0].words


@pytest.mark.parametrize("text", ["", "a,b\n1,2", "outpoint,txid\n1,2", "\x00", "x" * 5_000_001])
def test_what_is_no_sheet(text: str) -> None:
    with pytest.raises(UsageError):
        read_answers(text, rows())


def test_unanswered_rows_and_twice_the_same() -> None:
    line = "CL-AAAAAAAAAAAA,,,not ours,,"
    found, problems = read_answers(f"{HEAD}\nCL-BBBBBBBBBBBB,,,,,\n{line}\n{line}\n", rows())
    assert len(found) == 1 and "second time" in problems[0].words
