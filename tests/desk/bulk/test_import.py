"""Imports: rows that are wrong stop nobody, what is there is not doubled, all is taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.desk import planted
from tests.desk.conftest import World

from clewline.desk.audit.models import Event
from clewline.desk.bulk import queries, reading, services
from clewline.desk.bulk.from_file import bring_in
from clewline.desk.bulk.models import Import, Piece, Row
from clewline.desk.ledger import vault
from clewline.desk.records import services as records
from clewline.desk.records.models import Address, Brand, PaymentOption, Proposal, Sighting
from clewline.errors import ClewlineError, DataError, ErasedError, UsageError

ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
HEAD = "Observed At;report_ref;url;brand;address;asset;amount_min;price_currency;wording;colour\n"
GOOD = HEAD + "".join(
    f"2026-03-{n:02} 10:30;REP-{n};https://s{n}.example/pay;Brand {n % 2};{ADDRESS};BTC;{20 + n};"
    f'EUR;"Made-up, with a comma\nand a line {n}";red\n'
    for n in range(1, 8)
)


def begun(world: World, text: str = GOOD, form: str = "csv", **constants: str) -> Import:
    analyst = world.person("analyst")
    job = services.begin(analyst, world.team, name="made up", form=form, constants=constants)
    return services.add(analyst, job, 1, text)


def to_the_end(step: Any, world: World, job: Import, *more: Any) -> list[services.Step]:
    steps = [step(world.person("analyst"), job, *more)]
    while not steps[-1].done:
        steps.append(step(world.person("analyst"), job, *more))
    return steps


def imported(world: World, text: str = GOOD, **more: Any) -> Import:
    job = begun(world, text, **more)
    to_the_end(services.check, world, job)
    to_the_end(services.record, world, job)
    job.refresh_from_db()
    return job


def states(job: Import) -> dict[str, int]:
    return queries.progress(job).states


def test_rows_become_records(world: World) -> None:
    job = imported(world, report_origin="partner", tlp="red")
    assert queries.progress(job).state == "done"
    assert states(job) == {"recorded": 7}
    one = Sighting.objects.get(report_ref="REP-3")
    assert (one.tlp, one.report_origin, one.recorder) == ("red", "partner", world.person("analyst"))
    assert one.unseal("wording") == "Made-up, with a comma\nand a line 3"
    assert one.unseal("url") == "https://s3.example/pay"
    assert one.options.get().address.canonical == ADDRESS
    assert Brand.objects.count() == 2
    assert Address.objects.count() == 1


def test_an_import_is_what_a_person_records(world: World) -> None:
    """Every column of a record is the same as when a person recorded it."""
    imported(world)
    analyst = world.person("analyst")
    job = begun(world)
    piece = Piece.objects.get(job=job)
    text = json.loads(piece.unseal("text"))[2][1]
    draft = services._draft(job, text)
    by_hand = records.record(analyst, draft)
    one = Sighting.objects.exclude(pk=by_hand.pk).get(report_ref="REP-3")
    own = ("id", "ref", "key_id", "recorded_at", "rotation", "draft_check")
    for model, left, right in (
        (Sighting, one, by_hand),
        (PaymentOption, one.options.get(), by_hand.options.get()),
    ):
        for field in model._meta.concrete_fields:
            if field.attname not in (*own, "sighting_id") and "sealed" not in field.attname:
                assert getattr(left, field.attname) == getattr(right, field.attname), field


def test_what_pages_share_is_proposed_as_when_recorded_by_hand(world: World) -> None:
    imported(world)
    pairs = set(Proposal.objects.values_list("left", "right"))
    zero, first = Brand.objects.order_by("codename").values_list("ref", flat=True)
    assert pairs == {tuple(sorted((zero, first)))}


def test_wrong_rows_do_not_stop_the_rest(world: World) -> None:
    bad = (
        "soon;REP-20;;;;;;;;\n"
        f"2026-03-02 10:30;REP-21;;;{ADDRESS[:-1]}X;BTC;1;EUR;;\n"
        "2026-03-02 10:30;REP-22;;;;BTC;many;EUR;;\n"
        "2026-03-02 10:30;REP-23;;;;;;;see data:image/png;base64,AAAA;\n"
        "2999-03-02 10:30;REP-24;;;;;;;;\n"
        "a;b;c;d;e;f;g;h;i;j;k;l\n"
    )
    job = imported(world, GOOD + bad)
    assert states(job) == {"recorded": 7, "wrong": 6}
    found = {row.number: (row.where, row.line) for row in queries.problems(job)}
    assert found[8] == ("observed_at", 16)
    assert found[9][0] == "option 1: address"
    assert found[10][0] == "option 1: amount_min"
    assert "media" not in str(found)
    assert not Row.objects.filter(problem__contains="base64,AAAA").exists()
    kept = [json.loads(piece.unseal("text")) for piece in Piece.objects.filter(recorded=False)]
    assert kept == []


def test_a_wrong_word_is_not_repeated(world: World) -> None:
    job = begun(world, "observed_at,tlp\n2026-03-02,https://secret.example\n")
    services.check(world.person("analyst"), job)
    row = Row.objects.get()
    assert row.where == "sighting: tlp" and "secret" not in row.problem and "amber" in row.problem


def test_again_doubles_nothing(world: World) -> None:
    imported(world)
    again = imported(world)
    assert states(again) == {"known": 7}
    assert Sighting.objects.count() == 7
    changed = imported(world, GOOD.replace(";21;EUR", ";99;EUR"))
    assert states(changed) == {"known": 6, "wrong": 1}
    assert "differs from S-" in queries.problems(changed)[0].problem


def test_a_row_twice_in_one_text_is_recorded_once(world: World) -> None:
    lines = GOOD.splitlines(keepends=True)
    job = imported(world, GOOD + "".join(lines[1:3]))
    assert states(job) == {"recorded": 7, "known": 1}


def test_what_a_person_recorded_is_known(world: World) -> None:
    analyst = world.person("analyst")
    draft = planted.draft(report_ref="REP-1", url="https://s1.example/pay")
    records.record(analyst, draft)
    text = "observed_at,report_ref,url\n2026-03-02 10:30,REP-1,https://s1.example/pay\n"
    assert states(imported(world, text)) == {"known": 1}


def test_rows_without_a_reference_are_known_by_what_they_say(world: World) -> None:
    text = "observed_at,url\n2026-03-02,https://s1.example/\n2026-03-02,https://s2.example/\n"
    imported(world, text)
    assert states(imported(world, text)) == {"known": 2}


def test_json_lines_with_a_list_of_options(world: World) -> None:
    row = {"observed_at": "2026-03-02T10:30:00+02:00", "report_ref": "R-1", "asset": None}
    row["options"] = [{"asset": "BTC", "address": ADDRESS, "amount_min": 20}, {"rail": "card"}]
    bad = '{"observed_at": "2026-03-02", "options": 5}\n[1]\n{"nothing": 1}\n{{\n'
    job = imported(world, json.dumps(row) + "\n\n" + bad, form="jsonl")
    assert states(job) == {"recorded": 1, "wrong": 4}
    one = Sighting.objects.get()
    assert one.observed_at.isoformat() == "2026-03-02T08:30:00+00:00"
    assert [option.rail for option in one.options.all()] == ["crypto", "card"]


def test_undo_withdraws_what_stands(world: World) -> None:
    analyst = world.person("analyst")
    job = imported(world)
    first = Sighting.objects.get(report_ref="REP-1")
    by_hand = records.supersede(analyst, first, records.draft_of(first), "made up")
    steps = to_the_end(services.undo, world, job, "the wrong list")
    assert steps[0].states == {"withdrawn": 6, "left as corrected": 1}
    assert list(Sighting.objects.standing()) == [by_hand]
    reason = Sighting.objects.get(report_ref="REP-2").withdrawal.reason
    assert reason == f"Import {job.ref} was taken back: the wrong list"
    job.refresh_from_db()
    assert queries.progress(job).state == "undone"
    with pytest.raises(UsageError):
        services.record(analyst, job)
    # What was taken back can come again; what was corrected is still known.
    assert states(imported(world)) == {"recorded": 6, "known": 1}


def test_a_crash_loses_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PIECE", 2)
    analyst, job = world.person("analyst"), begun(world)
    to_the_end(services.check, world, job)
    calls = {"n": 0}
    write = services.write_many

    def breaks(*given: Any) -> Any:
        calls["n"] += 1
        made = write(*given)
        if calls["n"] % 2 == 0:
            raise OSError
        return made

    monkeypatch.setattr(services, "write_many", breaks)
    for _ in range(20):
        try:
            if services.record(analyst, job).done:
                break
        except OSError:
            continue
    assert states(job) == {"recorded": 7}
    assert Sighting.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_the_text_is_erased_when_all_is_recorded(world: World) -> None:
    job = imported(world)
    assert Piece.objects.get().text_sealed is None
    with pytest.raises(ErasedError):
        vault().seal(job.key_id, "x", "x")


def test_a_part_sent_again_is_taken_once(world: World) -> None:
    analyst, job = world.person("analyst"), begun(world)
    services.add(analyst, job, 1, GOOD)
    with pytest.raises(UsageError, match="next part is 2"):
        services.add(analyst, job, 1, GOOD + "x")
    with pytest.raises(UsageError, match="next part is 2"):
        services.add(analyst, job, 3, "x")
    more = "2026-03-09 10:30;REP-9;;;;;;;;\n"
    assert services.add(analyst, job, 2, more).rows == 8
    to_the_end(services.check, world, job)
    assert Row.objects.get(number=8).line == 1


@pytest.mark.parametrize("text", ["\x89PNG\r\n", "%PDF-1.4", "PK\x03\x04", "", "\n\n", 'a,"b\n'])
def test_what_is_no_text_is_refused(world: World, text: str) -> None:
    with pytest.raises(DataError), transaction.atomic():
        begun(world, text)
    assert not Piece.objects.exists()


def test_columns_are_mapped(world: World) -> None:
    analyst, job = world.person("analyst"), begun(world, "When;Ref\n2026-03-02;REP-1\n")
    services.check(analyst, job)
    assert states(job) == {"wrong": 1}
    services.set_columns(analyst, job, {"When": "observed_at", "Ref": "report_ref"})
    services.check(analyst, job)
    assert states(job) == {"new": 1}
    for wrong in ({"When": "x"}, {"x": "url"}, {"When": "url", "Ref": "url"}):
        with pytest.raises(UsageError):
            services.set_columns(analyst, job, wrong)


def test_another_team_is_not_imported_into(world: World) -> None:
    with pytest.raises(UsageError):
        services.begin(world.person("analyst"), world.other_team, name="x", form="csv")


def test_a_page_at_a_time(world: World) -> None:
    analyst = world.person("analyst")
    client = world.client(analyst)
    form = {"name": "made up", "form": "csv", "team": world.team.name, "tlp": "amber", "text": GOOD}
    assert client.post("/imports/begin/", {**form, "text": "%PDF"}).status_code == 422
    where = client.post("/imports/begin/", form)["Location"]
    for step, words in (
        ("check/", "New, not recorded yet"),
        ("record/", "All rows are done"),
    ):
        assert client.post(where + step).status_code == 302
        page = client.get(where).content.decode()
        assert words in page
        assert "s1.example" not in page and "Made-up, with" not in page
    event = Event.objects.filter(action="import.record").latest("seq")
    step = json.loads(event.details)["steps"][0]
    assert (step["rows"], step["recorded"], len(step["sha256"])) == ("1-7", 7, 64)
    assert client.post(where + "undo/", {"reason": ""}).status_code == 302
    assert client.post(where + "undo/", {"reason": "made up"}).status_code == 302
    assert "Taken back: made up" in client.get(where).content.decode()
    assert world.client(world.person("analyst", stranger=True)).get(where).status_code == 404


@given(st.text(max_size=300), st.sampled_from(list(reading.FORMS)))
@settings(max_examples=150, deadline=None)
def test_hostile_text_is_read_or_refused(text: str, form: str) -> None:
    try:
        rows = reading.rows_of(form, text)
        for row in rows:
            values = reading.values_of(form, row.text, ["observed_at", "address", "b"], ",")
            reading.draft_from(values, {})
    except ClewlineError:
        pass


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
            min_size=2,
            max_size=2,
        ),
        max_size=8,
    )
)
def test_rows_are_cut_as_csv_cuts_them(cells: list[list[str]]) -> None:
    import csv
    import io

    out = io.StringIO(newline="")
    csv.writer(out).writerows(cells)
    rows = reading.rows_of("csv", out.getvalue())
    read = [list(reading.values_of("csv", row.text, ["a", "b"], ",").values()) for row in rows]
    assert read == [row for row in cells if any(cell.strip() for cell in row)]


def test_a_file_of_the_desks_machine(world: World, tmp_path: Path) -> None:
    file = tmp_path / "made-up.csv"
    file.write_text(GOOD)
    analyst = world.person("analyst")
    assert bring_in(file, analyst.pseudonym)[1] == {"new": 7}
    _job, found, wrong = bring_in(file, analyst.pseudonym, record=True)
    assert (found, wrong, Sighting.objects.count()) == ({"recorded": 7}, [], 7)
    assert bring_in(file, analyst.pseudonym, record=True)[1] == {"known": 7}
    told = Event.objects.filter(action="import.record", client="terminal")
    assert told.count() == 2
    for who in ("nobody", world.person("auditor").pseudonym):
        with pytest.raises(UsageError, match="may not import"):
            bring_in(file, who)
    file.with_suffix(".csv").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError):
        bring_in(file, analyst.pseudonym)
