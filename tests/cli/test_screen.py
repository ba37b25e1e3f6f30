"""``clewline screen`` on the made-up case: exit codes, stores, indirect exposure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import clewline
from tests.cli.conftest import MadeUp

from clewline.screening.running import Progress
from clewline.workspace import Workspace

Row = dict[str, Any]


@pytest.fixture(scope="module")
def addresses(case: MadeUp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    path.write_text("address\n" + "\n".join(sorted(case.truth["owner"])) + "\n")
    return path


@pytest.fixture(scope="module")
def site(case: MadeUp) -> Row:
    (found,) = [one for one in case.truth["entities"] if one["kind"] == "site"]
    return found


@pytest.fixture(scope="module")
def hotline(site: Row, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("list") / "hotline.json"
    said = {"entity": site["name"], "category": "csam", "confidence": 70}
    path.write_text(json.dumps([{"address": one, **said} for one in site["addresses"]]))
    return path


def test_a_list_needs_no_store_and_exit_codes_tell(
    addresses: Path, hotline: Path, site: Row, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    ran = clewline("screen", addresses, "--list", hotline, "--out", out)
    assert ran.code == 3
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    direct = {line["address"] for line in lines if line["result"] == "direct"}
    assert direct == set(site["addresses"]) & {line["address"] for line in lines}
    assert {line["result"] for line in lines} == {"direct", "clean"}
    other = tmp_path / "none.csv"
    other.write_text("address\n1BoatSLRHtKNngkdXEeobR76b53LETtpyT\n")
    assert clewline("screen", other, "--list", hotline, "--out", out).code == 0
    assert clewline("screen", tmp_path / "missing.csv", "--list", hotline).code == 2
    assert clewline("screen", addresses, "--list", tmp_path / "missing.csv").code == 1
    assert clewline("screen", addresses).code == 2
    assert "nothing to screen for" in clewline("screen", addresses).err


def test_table_and_rows_by_name(addresses: Path, hotline: Path) -> None:
    ran = clewline("screen", "rows", addresses, "--list", hotline, "--format", "table")
    assert ran.code == 3
    assert "child_sexual_abuse" in ran.out


def test_with_a_store_clusters_and_money_are_followed(
    case: MadeUp, addresses: Path, site: Row, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    ran = clewline("screen", addresses, "--store", case.store, "--out", out, "--explain")
    assert ran.code == 3
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["tip"] for line in lines} == {case.truth["tip"]}
    # One in ten addresses of the site is listed, as a mention: it is not passed on to the cluster.
    listed = {line["address"] for line in lines for hit in line["hits"] if hit["hops"] == 0}
    assert listed < set(site["addresses"])
    indirect = [line for line in lines if line["result"] == "indirect"]
    assert indirect
    for hit in (hit for line in indirect for hit in line["hits"]):
        assert hit["hops"] > 1
        assert 0 < hit["share"] <= 1
        assert hit["value"] > 0
        assert hit["type"] == "mention"


def test_of_another_chain_a_store_knows_nothing(case: MadeUp, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("address\n0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359\n" + "not\n")
    out = tmp_path / "out"
    assert clewline("screen", rows, "--store", case.store, "--out", out).code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["result"] for line in lines] == ["not loaded", "not loaded"]


def test_control_reaches_the_cluster_and_says_so(
    case: MadeUp, addresses: Path, site: Row, tmp_path: Path
) -> None:
    first = next(one for one in site["addresses"] if one in case.truth["owner"])
    said = f"{first},{site['name']},csam,police,90,control,yes"
    labels = tmp_path / "control.csv"
    labels.write_text(f"address,entity,category,source,confidence,type,cluster\n{said}\n")
    out = tmp_path / "out"
    clewline(
        "screen", addresses, "--list", labels, "--store", case.store, "--out", out, "--explain"
    )
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    members = set(Workspace.open(case.store).cluster(first)["addresses"])
    inherited = {
        line["address"]
        for line in lines
        for hit in line["hits"]
        if hit["hops"] == 0 and "one cluster" in hit["reason"]
    }
    assert inherited == (members - {first}) & set(case.truth["owner"])
    assert len(inherited) > 1


def test_exposure_is_that_of_the_index(
    case: MadeUp, store: Path, addresses: Path, tmp_path: Path
) -> None:
    """Of a service, whose money the exposure index follows: the same satoshi and shares."""
    assert clewline("exposure", "build", "--store", store).code == 0
    out = tmp_path / "out"
    args = ("--store", store, "--category", "exchange", "--out", out)
    assert clewline("screen", addresses, *args).code == 3
    workspace = Workspace.open(store)
    compared = 0
    for line in map(json.loads, out.read_text().splitlines()):
        rows = workspace.exposure(line["address"])
        if any(one["held_by"] for one in rows["directions"]):
            continue
        expected = {
            row["direction"]: row
            for row in rows["exposure"]
            if row["part"] == "exchange" and row["value"] > 0
        }
        found = {hit["direction"]: hit for hit in line["hits"] if hit["hops"]}
        assert found.keys() == expected.keys()
        for direction, hit in found.items():
            # The index rounds all parts together, so that they add up: a satoshi either way.
            assert abs(hit["value"] - expected[direction]["value"]) <= 1
            assert hit["share"] == expected[direction]["share"]
            assert (hit["hops"] == 1) == (expected[direction]["direct"] > 0)
        compared += len(found)
    assert compared > 5


def test_a_new_list_judges_past_transfers_over_clusters_and_money(
    case: MadeUp, addresses: Path, site: Row, hotline: Path, tmp_path: Path
) -> None:
    """What is alerted is what a run over the rows says; of what is not asked nothing is said."""
    first = next(one for one in site["addresses"] if one in case.truth["owner"])
    control = tmp_path / "control.csv"
    header = "address,entity,category,source,confidence,type,cluster,valid_until\n"
    said = f"{first},{site['name']},csam,police,90,control,yes"
    control.write_text(f"{header}{said},\n")
    out, past = tmp_path / "out", tmp_path / "past"
    assert clewline("screen", "index", "add", addresses, "--index", past).code == 0

    def alerts(*arguments: object) -> list[Row]:
        ran = clewline("screen", "rescreen", "--index", past, *arguments)
        assert ran.code == (3 if ran.out else 0), ran.err
        return [json.loads(line) for line in ran.out.splitlines()]

    chain = ("--store", case.store)
    for listed in (hotline, control):
        clewline("screen", addresses, "--list", listed, *chain, "--out", out)
        lines = map(json.loads, out.read_text().splitlines())
        told = [(line["address"], hit) for line in lines for hit in line["hits"]]
        alerts("--list", listed, *chain)
        assert alerts("--list", listed, *chain) == []
        kept = map(json.loads, (past / "judged.jsonl").read_text().splitlines())
        keys = ("entity", "category", "direction", "value", "share", "hops", "set")
        judged = [(one["address"], {key: one[key] for key in keys}) for one in kept]
        assert sorted(judged, key=str) == sorted(told, key=str)
        assert len({hit["hops"] for _address, hit in told}) > 2
    # The label says something else now: everything that rests on it has changed, and nothing else.
    control.write_text(f"{header}{said},2999-01-01\n")
    changed = alerts("--list", control, *chain)
    assert {one["alert"] for one in changed} == {"changed"}
    assert len(changed) == len(told)
    # Without the store only the label itself is judged, and what the chain said stays.
    other = tmp_path / "other.csv"
    other.write_text("address,entity,category\n1BoatSLRHtKNngkdXEeobR76b53LETtpyT,Site 2,csam\n")
    assert [one["address"] for one in alerts("--list", other)] == [first]
    gone = alerts("--list", other, *chain)
    assert {one["alert"] for one in gone} == {"withdrawn"}
    assert len(gone) == len(told) - 1


def test_labels_of_a_set_hold_for_their_time(
    case: MadeUp, store: Path, site: Row, tmp_path: Path
) -> None:
    """An address that was another's before: its label, and what its cluster inherits."""
    first = next(one for one in site["addresses"] if one in case.truth["owner"])
    labels = tmp_path / "control.csv"
    labels.write_text(
        "address,entity,category,source,confidence,type,cluster,valid_from,valid_until\n"
        f"{first},{site['name']},csam,police,90,control,yes,2023-03-01,2023-03-31\n"
    )
    name = ("--store", store, "--set", "timed")
    assert clewline("label", "import", labels, *name).code == 0
    members = Workspace.open(store).cluster(first)["addresses"]
    other = next(one for one in members if one != first)
    rows = tmp_path / "rows.csv"
    times = ("2023-02-28", "2023-03-01", "2023-03-31T23:59:59Z", "2023-04-01", "")
    lines = [f"{who},{time}" for who in (first, other) for time in times]
    rows.write_text("address,time\n" + "\n".join(lines) + "\n")

    def held(*arguments: object) -> list[bool]:
        out = tmp_path / "out"
        assert clewline("screen", rows, *name, *arguments, "--out", out).code == 3
        lines = map(json.loads, out.read_text().splitlines())
        return [any(hit["direction"] == "self" for hit in line["hits"]) for line in lines]

    assert held() == [False, True, True, False, True] * 2
    assert held("--slack", 1) == [True, True, True, False, True] * 2


def test_every_label_reaches_the_cluster_for_its_own_time(
    case: MadeUp, site: Row, tmp_path: Path
) -> None:
    """Two entities of one cluster, and a member whose own label has ended."""
    paid = [one for one in site["addresses"] if one in case.truth["owner"]]
    members = Workspace.open(case.store).cluster(paid[0])["addresses"]
    first, second, other = (paid[0], *(one for one in members if one != paid[0]))[:3]
    listed = tmp_path / "list.csv"
    listed.write_text(
        "address,entity,category,confidence,type,cluster,valid_until\n"
        f"{first},Site A,csam,90,control,yes,2023-03-31\n"
        f"{second},Site B,csam,70,control,yes,\n"
        f"{other},Site A,csam,70,mention,,2023-01-01\n"
    )
    rows = tmp_path / "rows.csv"
    rows.write_text(f"address,time\n{other},2023-03-01\n{other},2023-05-01\n{first},2023-05-01\n")
    out = tmp_path / "out"
    chain = ("--store", case.store, "--out", out, "--explain")
    assert clewline("screen", rows, "--list", listed, *chain).code == 3
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    found = [[(hit["entity"], hit["type"]) for hit in one["hits"]] for one in lines]
    control = ("Site B", "control")
    assert found == [[("Site A", "control"), control], [control], [control]]


def test_an_address_of_another_network_was_not_checked(case: MadeUp, tmp_path: Path) -> None:
    network = Workspace.open(case.store).store.network.name
    rows = tmp_path / "rows.csv"
    strange = {
        "regtest": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        "main": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    }
    rows.write_text("address\n" + "".join(f"{one}\n" for one in strange.values()))
    out = tmp_path / "out"
    assert clewline("screen", rows, "--store", case.store, "--out", out).code == 0
    results = [json.loads(line)["result"] for line in out.read_text().splitlines()]
    assert results == ["clean" if one == network else "not loaded" for one in strange]
    assert network in strange


def test_a_text_of_several_chains_is_taken_to_be_of_the_store_s(
    case: MadeUp, addresses: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    clewline("screen", addresses, "--store", case.store, "--out", out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["chain"] for line in lines} == {"BTC"}
    assert {line["result"] for line in lines} == {"direct", "indirect", "clean"}
    shared = next(one for one in case.truth["owner"] if one.startswith(("m", "n", "2")))
    rows = tmp_path / "rows.csv"
    rows.write_text(f"address,chain\n{shared},BTC\n{shared},LTC\n")
    clewline("screen", rows, "--store", case.store, "--out", out)
    named = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["chain"] for line in named] == ["BTC", "LTC"]
    assert [line["result"] == "not loaded" for line in named] == [False, True]


def test_an_interrupted_look_back_goes_on_as_of_when_it_began(
    addresses: Path, hotline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default is now, and now is later when the run goes on."""
    out, state = tmp_path / "out", tmp_path / "out.state"
    args = ("screen", addresses, "--list", hotline, "--lookback", 5, "--out", out, "--resume")
    with monkeypatch.context() as killed:
        killed.setattr(Progress, "remove", lambda _self: None)
        assert clewline(*args).code == 3
    began = json.loads(state.read_bytes())["as_of"]
    monkeypatch.setattr("clewline.cli.screen.time.time", lambda: began + 1_000_000.0)
    assert clewline(*args, "--as-of", "2001-01-01").code == 2
    assert clewline(*args).code == 3
    assert not state.exists()
