"""Registering and screening: durable, once, silent, judged anew when the list changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.checks.made import (
    CLEAN,
    CONTROLLED,
    GAMBLING,
    LISTED,
    MENTIONED,
    START,
    WAIT,
    attempt,
    entry,
    judging,
    screener,
)

from clewline.checks import judging as judging_module
from clewline.checks.judging import LEVELS, Judge
from clewline.checks.register import Register
from clewline.checks.shapes import entity as shown_address
from clewline.checks.shapes import read_request
from clewline.errors import BusyError
from clewline.screening.running import Exposed
from clewline.screening.texts import Texts


def test_alerts_say_what_was_found_and_why(tmp_path: Path) -> None:
    with judging(tmp_path / "r.sqlite") as judge:
        found = {
            address: judge.check(attempt(address, f"W-{number}")).result(WAIT)
            for number, address in enumerate((CONTROLLED, MENTIONED, GAMBLING, CLEAN))
        }
    (alert,) = found[CONTROLLED]
    assert (alert["level"], alert["exposure"], alert["hops"]) == ("SEVERE", "DIRECT", 1)
    assert (alert["direction"], alert["amount"]) == ("SENT", "1.5")
    assert "Site 1 (made up) is said to control" in alert["reason"]
    # A page that showed an address is a lead: never as grave as control.
    assert [one["level"] for one in found[MENTIONED]] == ["HIGH"]
    assert [one["level"] for one in found[GAMBLING]] == ["HIGH"]
    assert found[CLEAN] == []


class Chain:
    """A store that says of every address: in one cluster with a listed one, and money of it."""

    chain, tip, whole = "ETH", "a tip", True

    def exposed(self, texts: Texts) -> Exposed:
        places = range(len(texts))
        said = {"entity": "Site 1 (made up)", "category": "child_sexual_abuse", "set": "example"}
        inherited = {
            **{"direction": "self", "value": None, "share": 1.0, "hops": 0, "type": "control"},
            **{"entries": (LISTED[0],), "reason": "in one cluster with another, of Site 1"},
        }
        money = {
            **{"direction": "from", "value": 7, "share": 0.25, "hops": 3, "type": "control"},
            "reason": "came from child_sexual_abuse, nearest Site 1",
        }
        return Exposed(
            np.ones(len(texts), np.bool_),
            {place: [said | inherited] for place in places},
            {place: [said | money] for place in places},
        )

    def reached(self) -> Iterator[NDArray[np.uint64]]:
        yield from ()


def test_an_address_shows_its_cluster_and_exposures(tmp_path: Path) -> None:
    asked = read_request("address", "", json.dumps({"address": CLEAN}).encode())
    with judging(tmp_path / "r.sqlite", stores=(Chain(),)) as judge:
        alerts = judge.check(asked).result(WAIT)
        found = judge.ask(lambda register: register.get("address", asked.id)).result(WAIT)
    assert found is not None
    body = shown_address(found, alerts)
    assert body["cluster"] == {"name": "Site 1 (made up)", "category": "child_sexual_abuse"}
    assert body["addressIdentifications"] == []
    (money,) = body["exposures"]
    assert (money["exposureType"], money["value"], money["hops"]) == ("indirect", "7", 3)
    assert {one["ruleTriggered"]["exposureType"] for one in body["triggers"]} == {
        "DIRECT",
        "INDIRECT",
    }
    assert body["tip"] == "a tip"


def test_levels_fall_with_each_doubt() -> None:
    order = ["LOW", "MEDIUM", "HIGH", "SEVERE"]
    for (direct, control, child), level in LEVELS.items():
        for weaker in ((False, control, child), (direct, False, child), (direct, control, False)):
            assert order.index(LEVELS[weaker]) <= order.index(level)


def test_a_reference_counts_once_however_often_it_is_sent(tmp_path: Path) -> None:
    with judging(tmp_path / "r.sqlite") as judge:
        answers = [judge.register(attempt(CONTROLLED)) for _ in range(5)]
        assert [one.result(WAIT) for one in answers] == [True, False, False, False, False]
        # What a second one says otherwise changes nothing: the first was answered.
        assert judge.check(attempt(CLEAN)).result(WAIT)[0]["exposure"] == "DIRECT"
        other = attempt(CONTROLLED, user="C-2")
        assert other.id != attempt(CONTROLLED).id
        assert judge.register(other).result(WAIT) is True
        number = judge.ask(lambda register: len(register.alerts(attempt(CONTROLLED).id)))
        assert number.result(WAIT) == 1


def test_the_answer_to_a_registration_comes_before_it_is_screened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its words nor its time can depend on what is found."""
    gate, seen = threading.Event(), threading.Event()
    inner = Judge._judge

    def held(self: Judge, rows: Any) -> Any:
        seen.set()
        assert gate.wait(30)
        return inner(self, rows)

    monkeypatch.setattr(Judge, "_judge", held)
    with judging(tmp_path / "r.sqlite") as judge:
        answer = judge.register(attempt(CONTROLLED))
        assert answer.result(WAIT) is True  # while screening has not begun, or stands still
        assert seen.wait(20)
        gate.set()


def test_what_was_answered_survives_a_kill_and_is_screened_later(tmp_path: Path) -> None:
    file = tmp_path / "r.sqlite"
    first = Register(file)
    with first.transaction():
        first.add([attempt(CONTROLLED), attempt(CLEAN, "W-2")], "2026-01-01T00:00:00+00:00")
    first.close()  # killed between the commit and the screening
    with judging(file) as judge:
        found = judge.ask(lambda register: register.get("withdrawal", attempt(CONTROLLED).id))
        assert found.result(WAIT)["result"] == "direct"
        clean = judge.ask(lambda register: register.get("withdrawal", attempt(CLEAN, "W-2").id))
        assert clean.result(WAIT)["result"] == "clean"


def test_a_batch_that_fails_is_rolled_back_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = Register.add

    def broken(self: Register, rows: Any, at: str) -> Any:
        inner(self, rows, at)
        raise OSError("disk full")

    with judging(tmp_path / "r.sqlite") as judge:
        monkeypatch.setattr(Register, "add", broken)
        with pytest.raises(OSError, match="disk full"):
            judge.register(attempt(CONTROLLED)).result(WAIT)
        monkeypatch.setattr(Register, "add", inner)
        # The thread lives on, and nothing of it was kept.
        assert judge.register(attempt(CONTROLLED)).result(WAIT) is True


def test_a_new_list_judges_everything_anew(tmp_path: Path) -> None:
    with judging(tmp_path / "r.sqlite") as judge:
        for number, address in enumerate((CONTROLLED, CLEAN)):
            judge.register(attempt(address, f"W-{number}")).result(WAIT)
        # One label goes, one comes.
        assert judge.use(screener(entry(CLEAN))).result(WAIT) == (1, 1)
        assert judge.check(attempt(CONTROLLED, "W-0")).result(WAIT) == []
        (alert,) = judge.check(attempt(CLEAN, "W-1")).result(WAIT)
        assert alert["exposure"] == "DIRECT"
        # And back: the withdrawn alert is raised again, under its id.
        assert judge.use(screener(*LISTED)).result(WAIT) == (1, 1)
        assert len(judge.check(attempt(CONTROLLED, "W-0")).result(WAIT)) == 1


def test_a_service_that_starts_with_another_list_judges_anew(tmp_path: Path) -> None:
    file = tmp_path / "r.sqlite"
    with judging(file) as judge:
        judge.register(attempt(CLEAN)).result(WAIT)
    with judging(file, entry(CLEAN)) as judge:
        found = judge.ask(lambda register: register.get("withdrawal", attempt(CLEAN).id))
        assert found.result(WAIT)["result"] == "direct"


def test_what_was_not_checked_is_never_clean(tmp_path: Path) -> None:
    with judging(tmp_path / "r.sqlite") as judge:
        strange = attempt("no address of any chain")
        judge.register(strange).result(WAIT)
        found = judge.ask(lambda register: register.get("withdrawal", strange.id)).result(WAIT)
        assert found["result"] == "not loaded"


def test_who_is_too_many_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging_module, "MOST_WAITING", 3)
    register = Register(tmp_path / "r.sqlite")
    judge = Judge(register, screener(), lambda: START)  # not started: nothing is taken
    waiting: list[Future[bool]] = [judge.register(attempt(CLEAN, f"W-{n}")) for n in range(3)]
    with pytest.raises(BusyError, match="3 requests wait already"):
        judge.register(attempt(CLEAN, "W-3"))
    judge.start()
    assert all(one.result(WAIT) for one in waiting)
    judge.stop()
    register.close()


def test_who_hangs_up_is_registered_and_nobody_else_suffers(tmp_path: Path) -> None:
    """A request that is given up while it waits is cancelled by the web server."""
    register = Register(tmp_path / "r.sqlite")
    judge = Judge(register, screener(), lambda: START)
    given_up = [judge.register(attempt(CONTROLLED)), judge.check(attempt(CLEAN, "W-2"))]
    given_up.append(judge.ask(lambda register: register.get("withdrawal", "none")))
    assert all(one.cancel() for one in given_up)
    other = judge.register(attempt(CLEAN, "W-3"))
    judge.start()
    assert other.result(WAIT) is True
    assert judge.check(attempt(CONTROLLED)).result(WAIT)[0]["level"] == "SEVERE"
    judge.stop()
    register.close()


def test_a_label_that_changes_changes_its_alert(tmp_path: Path) -> None:
    with judging(tmp_path / "r.sqlite", entry(CLEAN, "mention")) as judge:
        (before,) = judge.check(attempt(CLEAN)).result(WAIT)
        assert judge.use(screener(entry(CLEAN))).result(WAIT) == (0, 0)
        (after,) = judge.check(attempt(CLEAN)).result(WAIT)
    assert (before["id"], before["level"]) == (after["id"], "HIGH")
    assert after["level"] == "SEVERE"
    assert "is said to control" in after["reason"]
    assert before["list_version"] != after["list_version"]


def test_the_gravest_alert_comes_first_and_is_the_one_that_is_kept(tmp_path: Path) -> None:
    other = "Site 2 (made up)"
    labels = (entry(CLEAN, "mention"), entry(CLEAN), entry(CLEAN, "mention", name=other))
    games = entry(CLEAN, "control", "gambling", "A game (made up)")
    with judging(tmp_path / "r.sqlite", *labels, games) as judge:
        found = judge.check(attempt(CLEAN)).result(WAIT)
    assert [one["level"] for one in found] == ["SEVERE", "HIGH", "HIGH"]
    assert found[0]["service"] == "Site 1 (made up)"
