"""Tables of a case from the chain store: seeds, runs, rows, packs."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from tests.desk import planted
from tests.desk.conftest import World, plain

from clewline.desk.addresses import services as addresses
from clewline.desk.audit.models import Event
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.money import queries, services, working
from clewline.desk.money.models import CaseRow, CaseRun, RunEnd, RunPack
from clewline.desk.money.seeds import seeds_of
from clewline.desk.ours import services as ours
from clewline.errors import UsageError
from clewline.workspace import Workspace


def computed(world: World, case: Case, site: list[str], **asked: object) -> CaseRun:
    """Run to its end, in this thread."""
    run = services.start_run(world.person("investigator"), case, site, **asked)  # type: ignore[arg-type]
    working.work(run.pk)
    return CaseRun.objects.get(pk=run.pk)


def test_an_ordinary_address_is_no_seed(
    world: World, store: Path, case: Case, site: list[str]
) -> None:
    owner, workspace = world.person("investigator"), Workspace.open(store)
    ordinary = next(
        out["address"]
        for row in workspace.all_transactions()
        for out in row["outputs"]
        if out["address"]
        and not workspace.labels(out["address"])["labels"]
        and out["address"] not in site
    )
    with pytest.raises(UsageError, match="not linked"):
        services.start_run(owner, case, [ordinary])
    cases.link(owner, case, ordinary, "made up")
    with pytest.raises(UsageError, match="ordinary address"):
        services.start_run(owner, case, [site[0], ordinary])
    shown = world.client(owner).get(f"/cases/{case.ref}/money/start/").content
    assert b"ordinary address" in shown and b"mention" in shown
    form = {"seeds": [ordinary], "method": "fifo"}
    refused = world.client(owner).post(f"/cases/{case.ref}/money/start/", form)
    assert refused.status_code == 400
    assert not CaseRun.objects.exists()
    network = workspace.store.network.name
    said = {"label": "Site (made up)", "category": "child_sexual_abuse", "source": "made up"}
    said |= {"confidence": "forensic", "custody": "self", "obtained": "authority"}
    addresses.attribute(owner, world.team, ("BTC", network, ordinary), **said)
    found = {one.address.canonical: one for one in seeds_of(owner, case)}
    assert (found[ordinary].standing, found[site[0]].standing) == ("control", "mention")
    addresses.set_status(owner, world.team, ("BTC", network, ordinary), "withdrawn", "made up")
    assert (
        "withdrew"
        in {one.address.canonical: one for one in seeds_of(owner, case)}[ordinary].refused
    )


def test_another_teams_record_makes_no_seed(world: World, store: Path, site: list[str]) -> None:
    owner = world.person("investigator")
    mine = cases.open_case(owner, world.team, "Amber Kettle", "", "made up")
    workspace = Workspace.open(store)
    unlabelled = next(one for one in site if not workspace.labels(one)["labels"])
    cases.link(owner, mine, unlabelled, "made up")
    said = {"label": "Site (made up)", "category": "child_sexual_abuse", "source": "made up"}
    said |= {"confidence": "forensic", "custody": "self", "obtained": "authority"}
    key = ("BTC", workspace.store.network.name, unlabelled)
    addresses.attribute(world.person("analyst", stranger=True), world.other_team, key, **said)
    assert [one.standing for one in seeds_of(owner, mine)] == ["none"]


def test_what_a_run_needs(world: World, store: Path, case: Case, site: list[str]) -> None:
    owner = world.person("investigator")
    for wrong in (
        {"method": "poison"},
        {"max_hops": 0},
        {"sets": ["none such"]},
        {"since": timezone.now().date(), "until": timezone.now().date() - timedelta(days=1)},
    ):
        with pytest.raises(UsageError):
            services.start_run(owner, case, site, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="choose an address"):
        services.start_run(owner, case, [])
    Case.objects.filter(pk=case.pk).update(legal_basis=" ")
    case.refresh_from_db()
    with pytest.raises(UsageError, match="legal basis"):
        services.start_run(owner, case, site)


def test_the_tables_are_those_of_the_workspace(
    world: World, store: Path, case: Case, site: list[str]
) -> None:
    run = computed(world, case, site, leads=True)
    assert (run.end.state, run.end.words) == ("done", "")
    workspace = Workspace.open(store)
    answer = workspace.payers(sorted(site))
    rows = [row.facts for row in queries.rows(world.person("investigator"), run, "payers")]
    assert rows == answer["payments"]
    assert run.end.tip == answer["tip"] and run.end.label_sets == answer["label_sets"]
    assert run.end.sums["payers"]["received"] == answer["received"]
    assert run.end.rates["words"].startswith("no rates loaded")
    cashouts = [row.facts for row in run.rows.filter(table="cashouts").order_by("position")]
    assert cashouts == workspace.cashouts(sorted(site))["cashouts"]
    assert {row.counts_as for row in run.rows.filter(table="cashouts")} == {"lead"}
    assert run.packs.count() == 3
    # The same question gives the same digest.
    assert computed(world, case, site, leads=True).end.digest == run.end.digest
    for row in (run, run.end, run.rows.earliest("id"), run.packs.earliest("id")):
        with pytest.raises(TypeError):
            row.save()


def test_pages_of_a_run(
    world: World,
    store: Path,
    case: Case,
    site: list[str],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    run = computed(world, case, site)
    client = world.client(world.person("investigator"))
    with django_assert_max_num_queries(30):
        shown = client.get(f"/runs/{run.ref}/").content
    assert b"made-up basis" in shown and run.end.tip[:10].encode() in shown
    with django_assert_max_num_queries(20):
        shown = client.get(f"/runs/{run.ref}/payers/").content
    first = run.rows.filter(table="payers").earliest("position")
    assert first.outpoint[:10].encode() in shown and b"no rates loaded" in shown
    url = f"/runs/{run.ref}/payers/1/"
    for layer in (b"observed", b"attributed", b"lead"):
        assert layer in client.get(url).content
    assert client.post(f"{url}review/", {"state": "lost", "why": "x"}).status_code == 400
    assert client.post(f"{url}review/", {"state": "set_aside", "why": "x"}).status_code == 302
    assert b"set aside" in client.get(f"/runs/{run.ref}/payers/").content
    for missing in ("/runs/K-00000-00000/", f"/runs/{run.ref}/none/", f"{url[:-2]}9999999999/"):
        assert client.get(missing).status_code == 404
    assert client.get(f"/runs/{run.ref}/payers/?after=1").status_code == 200
    for name in (b"Payers", b"Cash-outs"):
        assert name in client.get(f"/runs/{run.ref}/").content
    there, missing_one = (
        plain(world.client(world.person("approver")).get(f"/runs/{ref}/"))
        for ref in (run.ref, "K-00000-00000")
    )
    assert there == missing_one


def test_a_pack_is_taken_and_noted(world: World, store: Path, case: Case, site: list[str]) -> None:
    run = computed(world, case, site)
    pack = run.packs.earliest("exchange")
    asked = services.draft_request(world.person("investigator"), case, pack, "made up")
    url = f"/requests/{asked.ref}/pack/download/"
    client = world.client(world.person("investigator"))
    assert client.get(url).status_code == 400  # nobody approved it
    services.decide(world.person("approver"), asked, approved=True)
    assert client.get(url).status_code == 400  # every package waits
    planted.open_release(asked)
    answer = client.get(url)
    assert "attachment" in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = sorted(name.partition("/")[2] for name in archive.namelist())
        record = json.loads(archive.read(f"{pack.slug}/request.json"))
        sheet = archive.read(f"{pack.slug}/request.csv").decode()
    assert names == ["request.csv", "request.html", "request.json"]
    assert record["run"]["case_reference"] == run.ref
    assert case.codename not in str(record) and "Amber" not in sheet
    event = Event.objects.get(action="pack.take", result="done")
    assert (event.object, json.loads(event.details)) == (asked.ref, {"sha256": pack.sha256})
    others = world.client(world.person("approver"))
    assert others.get(url).status_code == 404


def test_a_teams_own_payment_is_in_no_row_and_no_pack(
    world: World, store: Path, case: Case, site: list[str]
) -> None:
    owner = world.person("investigator")
    run = computed(world, case, site)
    row = next(row for row in run.rows.filter(table="payers") if row.facts["payout"])
    pack = run.packs.get(exchange=row.entity)
    assert queries.counts(owner, run)["payers"] == 13
    ours.mark(owner, world.team, row.outpoint, "made-up test purchase", "made up")
    assert row.outpoint not in {one.outpoint for one in queries.rows(owner, run, "payers")}
    client = world.client(owner)
    assert client.get(f"/runs/{run.ref}/payers/{row.position}/").status_code == 404
    with pytest.raises(UsageError, match="as its own"):
        services.draft_request(owner, case, pack, "made up")
    again = computed(world, case, site)
    named = {name for one in again.packs.all() for name in queries.contents_of(one)}
    assert row.facts["payout"] not in named
    assert row.facts["payout"] in queries.contents_of(pack)


def test_rates_of_the_operator(
    world: World, store: Path, case: Case, site: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings.HOME.path / "rates.csv"
    try:
        file.write_text("date,pair,rate\n2009-01-01,BTC/USD,30000\n")
        monkeypatch.setattr(working.Rates.read.__func__, "__defaults__", (None, 10**9))  # type: ignore[attr-defined]
        run = computed(world, case, site)
        row = run.rows.filter(table="payers").earliest("position")
        assert (row.facts["currency"], row.facts["rate"]) == ("USD", "30000")
        assert run.end.rates["file"] == "rates.csv"
        shown = world.client(world.person("investigator")).get(f"/runs/{run.ref}/payers/").content
        assert b"Fiat by BTC/USD of rates.csv" in shown
        file.write_text("no rates")
        assert "no rates loaded" in computed(world, case, site).end.rates["words"]
    finally:
        file.unlink()


def test_a_run_that_nobody_works_on_was_interrupted(
    world: World, store: Path, case: Case, site: list[str]
) -> None:
    owner = world.person("investigator")
    run = services.start_run(owner, case, site)
    client = world.client(owner)
    assert b"Step 0 of 6" in client.get(f"/runs/{run.ref}/").content
    with pytest.raises(UsageError, match="under way"):
        services.start_run(owner, case, site)
    assert client.post(f"/runs/{run.ref}/again/").status_code == 400
    run.progress.beat = timezone.now() - 2 * working.LOST
    run.progress.save()
    shown = client.get(f"/runs/{run.ref}/").content
    assert b"interrupted" in shown and b"Start again" in shown
    reply = client.post(f"/runs/{run.ref}/again/")
    again = CaseRun.objects.latest("id")
    assert reply["Location"] == f"/runs/{again.ref}/"
    assert (again.again_of, again.seeds) == (run, run.seeds)
    # The first, should it come back to life, keeps nothing.
    working.work(run.pk)
    assert (RunEnd.objects.get(run=run).state, CaseRow.objects.count()) == ("interrupted", 0)


def test_a_cancelled_run_keeps_nothing(
    world: World, store: Path, case: Case, site: list[str]
) -> None:
    owner = world.person("investigator")
    run = services.start_run(owner, case, site)
    client = world.client(owner)
    assert client.post(f"/runs/{run.ref}/cancel/").status_code == 302
    assert b"stops at its next step" in client.get(f"/runs/{run.ref}/").content
    working.work(run.pk)
    assert RunEnd.objects.get(run=run).state == "cancelled"
    assert not CaseRow.objects.exists() and not RunPack.objects.exists()
    assert client.post(f"/runs/{run.ref}/cancel/").status_code == 400


def test_a_run_that_fails_says_why(
    world: World, store: Path, case: Case, site: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = services.start_run(world.person("investigator"), case, site)
    monkeypatch.setattr(working, "MOST_ROWS", 1)
    working.work(run.pk)
    assert "more than 1 rows" in RunEnd.objects.get(run=run).words
    again = services.run_again(world.person("investigator"), CaseRun.objects.get(pk=run.pk))
    monkeypatch.setattr(working, "_compute", lambda run, tell: 1 / 0)
    working.work(again.pk)
    assert RunEnd.objects.get(run=again).words == "the desk erred: ZeroDivisionError"


def test_no_store_is_said_in_words(world: World, case: Case, site: list[str]) -> None:
    with pytest.raises(UsageError, match="no attached chain store"):
        services.start_run(world.person("investigator"), case, site)
