"""How long look-ups took: counted alike whatever the answer says, told with unit and definition."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.desk import planted
from tests.desk.conftest import World

from clewline.desk.figures import services as figures
from clewline.desk.figures.measures import measure
from clewline.desk.figures.sheet import as_csv
from clewline.desk.lookups import services
from clewline.desk.lookups.models import LookUp
from clewline.desk.records import services as records

pytestmark = pytest.mark.django_db
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that look-ups go by."""
    made = SimpleNamespace(at=MARCH)
    monkeypatch.setattr(services, "timezone", SimpleNamespace(now=lambda: made.at))
    return made


def _asked(
    world: World, clock: SimpleNamespace, hours: float | None, asked: datetime = MARCH, **of: Any
) -> LookUp:
    """Ask at a time, and answer some hours later."""
    clock.at = asked
    look_up = planted.look_up_of(world.person("partner"), asked_at=asked, **of)
    if hours is not None:
        clock.at = asked + timedelta(hours=hours)
        planted.answered(look_up, world.person("liaison"), world.person("approver"))
    return look_up


def _told(world: World) -> dict[str, Any]:
    found = figures.counted([world.team], 2026, anew=True).figures
    values: dict[str, Any] = next(one for one in found if one["id"] == "service_times")["values"]
    return values


def test_hours_by_month_urgent_ones_apart(world: World, clock: SimpleNamespace) -> None:
    for hours in (10.0, 20.0, 30.0, 40.0, 50.0):
        _asked(world, clock, hours)
    _asked(world, clock, None)
    urgent = {"urgent": True, "urgent_reason": "made up"}
    _asked(world, clock, 1.0, **urgent)
    _asked(world, clock, 3.0, MARCH + timedelta(days=40), **urgent)
    told = _told(world)
    assert told["2026-03"] == {
        "": 7,
        "answered": 6,
        "median (hours)": 25.0,
        "90th percentile (hours)": 45.0,
        "urgent": 1,
        "urgent: answered": 1,
        "urgent: median (hours)": 1.0,
        "urgent: 90th percentile (hours)": 1.0,
        "not urgent": 6,
        "not urgent: answered": 5,
        "not urgent: median (hours)": 30.0,
        "not urgent: 90th percentile (hours)": 46.0,
    }
    assert (told["2026"][""], told["2026"]["urgent: median (hours)"]) == (8, 2.0)
    assert (told["2026-04"][""], told["2026-04"]["urgent: 90th percentile (hours)"]) == (1, 3.0)
    assert told["2026-05"] == dict.fromkeys(
        ("", "answered", "urgent", "urgent: answered", "not urgent", "not urgent: answered"), 0
    )


def test_the_first_answer_counts_and_a_refused_draft_does_not(
    world: World, clock: SimpleNamespace
) -> None:
    look_up = _asked(world, clock, None)
    liaison, approver = world.person("liaison"), world.person("approver")
    services.log_call(liaison, look_up, "made up", confirmed=True)
    for hours, released in ((1, False), (5, True), (9, True)):
        clock.at = MARCH + timedelta(hours=hours)
        services.release(approver, services.draft(liaison, look_up), released=released)
    assert _told(world)["2026"]["median (hours)"] == 5.0


def test_known_withheld_and_unknown_count_alike(world: World, clock: SimpleNamespace) -> None:
    analyst = world.person("analyst")
    said, counted = [], []
    for year, kept in enumerate(("unknown", "withheld", "known"), 2023):
        # The one record at first not there, then withheld, then released.
        if kept == "withheld":
            records.record(analyst, planted.draft(tlp="red"))
        elif kept == "known":
            planted.sighting_of(analyst)
        asked = MARCH.replace(year=year)
        look_up = _asked(world, clock, 7.0, asked, identifiers=planted.ADDRESS)
        latest = services.latest_release(look_up)
        assert latest is not None
        said.append(latest.draft.reply)
        found = figures.counted([world.team], year, anew=True).figures
        values = next(one for one in found if one["id"] == "service_times")["values"]
        counted.append({period.replace(str(year), "y"): row for period, row in values.items()})
    assert said == ["nothing", "nothing", "known"]
    assert counted[0] == counted[1] == counted[2]


def test_a_page_and_a_file_tell_it_with_its_words(world: World, clock: SimpleNamespace) -> None:
    for hours in (10.0, 20.0, 30.0, 40.0, 50.0, 60.0):
        _asked(world, clock, hours)
    lead = world.client(world.person("approver"))
    _told(world)
    page = lead.get("/figures/?year=2026").content.decode()
    words = measure("service_times")
    for text in (words.title, words.unit, "90th percentile (hours)", "tall-20"):
        assert text in page
    told = lead.get("/figures/download/?year=2026")
    rows = list(csv.DictReader(io.StringIO(told.content.decode())))
    mine = {row["group"]: row for row in rows if row["measure"] == words.id}
    median = mine["median (hours)"]
    assert (median["value"], median["unit"]) == ("35.0", words.unit)
    assert mine["answered"]["definition"].startswith(words.definition)
    assert mine["answered"]["method_version"] == "1"


def test_of_a_few_nothing_leaves_the_house_from_which_it_follows(
    world: World, clock: SimpleNamespace
) -> None:
    for _ in range(30):
        _asked(world, clock, None)
    _asked(world, clock, 3.5, urgent=True, urgent_reason="made up")
    figures_ = figures.counted([world.team], 2026, anew=True).figures
    rows = csv.DictReader(io.StringIO(as_csv(figures_, 2026, 5, "x").decode()))
    told = {
        one["group"]: one["value"]
        for one in rows
        if one["period"] == "2026" and one["measure"] == "service_times"
    }
    assert told.pop("all") == "31"
    assert {group for group, value in told.items() if value != "withheld"} == {
        "not urgent: answered"
    }
    assert told["not urgent: answered"] == "0"


def test_another_team_sees_none_of_it(world: World, clock: SimpleNamespace) -> None:
    _asked(world, clock, 1.0)
    assert services.latest_release(LookUp.objects.get()) is not None
    others = figures.counted([world.other_team], 2026, anew=True).figures
    values = next(one for one in others if one["id"] == "service_times")["values"]
    assert values["2026"][""] == 0
