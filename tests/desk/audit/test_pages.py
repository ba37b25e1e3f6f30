"""Pages of the audit log: for auditors alone, in pages that do not move, in exports that verify."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.desk.conftest import World

from clewline.desk.audit import offline, services
from clewline.desk.audit.models import Check, Event

PAGES = [("get", "/audit/"), ("post", "/audit/check/"), ("get", "/audit/export.jsonl")]
OTHERS = ["analyst", "approver", "investigator", "liaison", "administrator"]


@pytest.fixture
def auditor(world: World) -> Client:
    return world.client(world.person("auditor"))


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize(("method", "page"), PAGES)
def test_only_auditors_read_it(world: World, method: str, page: str) -> None:
    assert getattr(Client(), method)(page).status_code == 302
    for role in OTHERS:
        assert getattr(world.client(world.person(role)), method)(page).status_code == 403
    assert set(Event.objects.values_list("result", flat=True)) == {"forbidden"}


@pytest.mark.parametrize(
    ("method", "page", "status"),
    [
        ("post", "/audit/", 405),
        ("get", "/audit/check/", 405),
        ("post", "/audit/export.csv", 405),
        ("get", "/audit/export.pdf", 404),
        ("get", "/audit/?day=yesterday", 422),
        ("get", "/audit/?before=made-up", 200),
        ("get", "/audit/?before=99999999999999999999", 200),
    ],
)
def test_what_else_it_answers(auditor: Client, method: str, page: str, status: int) -> None:
    assert getattr(auditor, method)(page).status_code == status


def test_events_are_found_by_each_field(auditor: Client) -> None:
    services.write(actor="A-1", action="home.read", object="one thing")
    services.write(actor="A-2", action="people.list", object="another", result="forbidden")
    today = Event.objects.get(seq=1).at.date().isoformat()
    for query, shown, hidden in [
        ("actor=A-1", "one thing", "another"),
        ("action=people.list", "another", "one thing"),
        ("object=another", "another", "one thing"),
        ("result=forbidden", "another", "one thing"),
        (f"day={today}", "one thing", "tomorrow"),
        ("day=2001-01-01", "No event is like that", "one thing"),
    ]:
        text = auditor.get(f"/audit/?{query}").content.decode()
        table = text.partition("Events, newest first")[2]
        assert shown in table
        assert hidden not in table


def test_pages_follow_each_other_without_gap(auditor: Client) -> None:
    for number in range(230):
        services.write(actor="A-1", action="home.read", object=f"thing-{number:03}")
    seen: list[str] = []
    page = "?actor=A-1"
    for expected in (100, 100, 30):
        text = auditor.get(f"/audit/{page}").content.decode()
        found = [word[:9] for word in text.split("<code>") if word.startswith("thing-")]
        assert len(found) == expected
        seen += found
        page = text.rpartition('<a href="?')[2].partition('"')[0].replace("&amp;", "&")
        page = f"?{page}"
    assert seen == [f"thing-{number:03}" for number in reversed(range(230))]


def test_a_page_costs_as_many_queries_whatever_it_shows(
    auditor: Client, django_assert_num_queries: Any
) -> None:
    for number in range(120):
        services.write(actor="A-1", action="home.read", object=str(number))
    auditor.get("/audit/")
    # PostgreSQL is asked to lock the end of the log.
    with django_assert_num_queries(11 + (connection.vendor == "postgresql")):
        auditor.get("/audit/?actor=A-1")


def test_an_export_of_the_whole_log_verifies_alone(auditor: Client, tmp_path: Path) -> None:
    for number in range(5):
        services.write(actor="Ä-1", action="home.read", object=f"=cmd({number})", purpose="“why”")
    file = tmp_path / "audit.jsonl"
    answer = auditor.get("/audit/export.jsonl")
    file.write_text(body(answer), encoding="utf-8")
    verdict = offline.verify_export(file)
    assert verdict.fault is None
    assert verdict.seq >= 5
    assert Event.objects.order_by("-seq")[0].action == "audit.export"


def test_a_sheet_holds_no_formula(auditor: Client) -> None:
    services.write(actor="A-1", action="home.read", object="=cmd()", purpose="@sum\u202e")
    services.write(actor="A-1", action="home.read", object="2")
    answer = auditor.get("/audit/export.csv?object=%3Dcmd()")
    rows = list(csv.DictReader(io.StringIO(body(answer))))
    assert [row["object"] for row in rows] == ["'=cmd()"]
    assert rows[0]["purpose"] == "'@sum\\u202e"
    assert "attachment" in answer["Content-Disposition"]


def test_the_page_says_how_far_it_is_whole(auditor: Client) -> None:
    assert "never" in auditor.get("/audit/").content.decode()
    assert auditor.post("/audit/check/").status_code == 302
    assert Check.objects.get().fault == ""
    assert "up to event 1," in auditor.get("/audit/").content.decode()
    Check.objects.create(by="A-1", seq=3, hash="", fault_seq=4, fault="edited")
    assert "Broken at event 4: edited." in auditor.get("/audit/").content.decode()


def test_a_long_log_is_left_to_the_command(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clewline.desk.audit.views._CHECKED_AT_ONCE", 0)
    auditor.get("/audit/")
    assert auditor.post("/audit/check/").status_code == 302
    assert not Check.objects.exists()


def test_what_an_event_says_is_text(auditor: Client) -> None:
    services.write(actor="A-1", action="x", object="<script>", details={"a": "<b>"})
    text = auditor.get("/audit/").content.decode()
    assert "<script>" not in text.partition("Events, newest first")[2]
    assert "<b>" not in text
