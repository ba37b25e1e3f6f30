"""Pages of figures: whose they are, what is published, where a row of years breaks."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World, plain

from clewline.desk.audit.models import Event
from clewline.desk.cases.models import Case
from clewline.desk.figures import counting, measures, services
from clewline.desk.figures.models import Counted, FigureSet
from clewline.desk.records import services as records
from clewline.desk.records.models import PageState
from clewline.errors import UsageError

TOTAL = re.compile(r'id="m-sightings".*?<td class="number">(\d+)</td>', re.DOTALL)


def shown(page: str) -> int:
    found = TOTAL.search(page)
    assert found is not None
    return int(found[1])


def test_what_others_record_changes_no_byte(world: World) -> None:
    client = world.client(world.person("liaison"))
    planted.sighting_of(world.person("analyst"))
    moment = re.compile(rb"<time[^>]*>[^<]*</time>")
    before = moment.sub(b"", plain(client.get("/figures/")))
    stranger = world.person("analyst", stranger=True)
    planted.sighting_of(stranger)
    Counted.objects.all().delete()
    assert moment.sub(b"", plain(client.get("/figures/"))) == before
    assert shown(before.decode()) == 1


def test_cases_are_never_counted(world: World) -> None:
    analyst = world.person("analyst")
    planted.sighting_of(analyst)
    before = services.counted([world.team], 2026, anew=True).figures
    owner = world.person("investigator")
    Case.objects.create(team=world.team, codename="Blue Kettle", owner=owner, sealed=True)
    assert services.counted([world.team], 2026, anew=True).figures == before


def test_a_year_is_counted_once_until_records_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.sighting_of(world.person("analyst"))
    first = services.counted([world.team], 2026)
    monkeypatch.setattr(services, "year_of", None)
    assert services.counted([world.team], 2026) == first
    monkeypatch.undo()
    records.record(world.person("analyst"), planted.draft())
    assert services.counted([world.team], 2026) == first, "kept for ten minutes"
    Counted.objects.update(at=datetime(2026, 1, 1, tzinfo=UTC))
    assert services.counted([world.team], 2026).figures != first.figures


def test_many_are_counted_by_the_desk_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.sighting_of(world.person("analyst"))
    monkeypatch.setattr(services, "MANY", 0)
    client = world.client(world.person("liaison"))
    page = client.get("/figures/?year=2026").content.decode()
    assert "open this page again" in page
    assert "m-sightings" not in page
    assert "Download CSV" not in page
    assert client.get("/figures/download/?year=2026").status_code == 400
    assert (services.count_waiting(), services.count_waiting()) == (1, 0)
    first = client.get("/figures/?year=2026").content.decode()
    assert (shown(first), "open this page again" in first) == (1, False)
    # What was counted is told until the desk has counted anew.
    records.record(world.person("analyst"), planted.draft())
    Counted.objects.update(at=datetime(2026, 1, 1, tzinfo=UTC))
    for _ in range(2):
        page = client.get("/figures/?year=2026").content.decode()
        assert (shown(page), "Records changed since" in page) == (1, True)
    assert (services.count_waiting(), services.count_waiting()) == (1, 0)
    assert shown(client.get("/figures/?year=2026").content.decode()) == 2
    # Nobody's years wait where few were recorded.
    monkeypatch.undo()
    assert client.post("/figures/count/?year=2026").status_code == 302
    assert services.count_waiting() == 0


def test_reading_again_costs_few_queries(world: World, django_assert_max_num_queries: Any) -> None:
    client = world.client(world.person("analyst"))
    client.get("/figures/")
    with django_assert_max_num_queries(24):
        assert client.get("/figures/").status_code == 200


def test_published_numbers_keep_their_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    approver = world.person("approver")
    planted.sighting_of(world.person("analyst"))
    services.publish(approver, [world.team], 2025)
    old = measures.measure("pages")
    new = dataclasses.replace(old, unit="web address", version=2)
    changed = tuple(new if one is old else one for one in measures.MEASURES)
    monkeypatch.setattr(services, "MEASURES", changed)
    services.publish(approver, [world.team], 2026)
    points = services.series(services.standing_sets(approver, [world.team]))
    assert [point.breaks for point in points["pages"]] == [(), ("unit", "version")]
    assert [point.breaks for point in points["sightings"]] == [(), ()]
    assert points["pages"][0].set.figures[1]["unit"] == old.unit
    page = world.client(approver).get("/figures/years/").content.decode()
    assert page.count("break: unit, version") == 1


def test_what_is_published_again_supersedes(world: World) -> None:
    client = world.client(world.person("approver"))
    planted.sighting_of(world.person("analyst"))
    for note in ("first", "second"):
        assert client.post("/figures/publish/?year=2026", {"note": note}).status_code == 302
    old, new = FigureSet.objects.order_by("pk")
    assert new.supersedes == old
    assert [one.ref for one in services.standing_sets(new.by, [world.team])] == [new.ref]
    page = client.get(f"/figures/{old.ref}/").content.decode()
    assert "superseded" in page and new.ref in page
    assert Event.objects.filter(action="figures.publish", object=new.ref).count() == 1
    with pytest.raises(TypeError):
        old.save()
    for change in ("UPDATE figures_figureset SET note = ''", "DELETE FROM figures_figureset"):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_figures_of_a_team_that_is_not_mine_are_not_there(world: World) -> None:
    both = world.person("approver")
    both.teams.add(world.other_team)
    made = services.publish(both, [world.team, world.other_team], 2026)
    assert world.client(both).get(f"/figures/{made.ref}/").status_code == 200
    assert world.client(world.person("analyst")).get(f"/figures/{made.ref}/").status_code == 404
    with pytest.raises(UsageError):
        services.publish(world.person("liaison"), [world.other_team], 2026)


def test_the_file_says_unit_and_definition(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    answer = world.client(world.person("analyst")).get("/figures/download/?year=2026")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="figures-2026.csv"'
    assert lines[0].startswith("measure,title,period,group,value,unit,definition,method_version")
    assert next(line for line in lines if line.startswith("pages,Pages,2026,all")).startswith(
        "pages,Pages,2026,all,withheld,page by fingerprint,"
    )


@pytest.mark.parametrize("year", ["", "1", "abc", "99999", "2026&team=999"])
def test_a_bad_year_shows_the_last(world: World, year: str) -> None:
    assert world.client(world.person("analyst")).get(f"/figures/?year={year}").status_code == 200


def test_look_ups_are_counted_by_country_for_the_team_that_answers(world: World) -> None:
    planted.look_up_of(world.person("partner"))
    planted.look_up_of(world.person("partner", stranger=True))
    year = str(timezone.now().year)
    scope = counting.Scope(
        (world.team.pk,),
        datetime(int(year), 1, 1, tzinfo=UTC),
        datetime(int(year) + 1, 1, 1, tzinfo=UTC),
    )
    assert counting._look_ups(scope) == {measures.TOTAL: 1, "GB": 1}


def test_a_page_is_reported_and_removed(world: World) -> None:
    analyst = world.person("analyst")
    sighting = planted.sighting_of(analyst)
    client, url = world.client(analyst), f"/sightings/{sighting.ref}/state/"
    early = {"state": "reappeared", "at": "2026-03-02 11:00"}
    assert client.post(url, early).status_code == 400, "it was not removed"
    for state, at in (("reported_host", "2026-03-02 11:00"), ("removed", "2026-03-03 11:00")):
        assert client.post(url, {"state": state, "at": at}).status_code == 302
    figures = services.counted([world.team], 2026, anew=True).figures
    values = next(one["values"] for one in figures if one["id"] == "removal")
    assert values["2026"]["median (hours)"] == 24.0
    assert values["2026-03"]["still up"] == 0
    page = client.get(f"/sightings/{sighting.ref}/").content.decode()
    assert "Reported to the host" in page and "2026-03-03 11:00" in page
    for bad in ({"state": "x", "at": "2026-03-02"}, {"state": "removed", "at": "soon"}):
        assert client.post(url, bad).status_code == 302
    assert client.post(url, {"state": "removed", "at": "2999-01-01"}).status_code == 400
    assert PageState.objects.count() == 2
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM records_pagestate")
