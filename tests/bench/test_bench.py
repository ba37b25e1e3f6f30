"""Every measure on a small chain: it comes out, with its size, goal and verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bench.case import Case, make_case
from bench.line import Goal, emit, quantiles

from bench import clustering, exposure, imports, linking, lookups, parsing, traces, worst

TRANSACTIONS = 300

Lines = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(tmp_path_factory.mktemp("bench"), TRANSACTIONS, 1)


@pytest.fixture
def measured(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Any], Lines]:
    for module, name, few in (
        (imports, "_RUNS", 1),
        (clustering, "_RUNS", 1),
        (linking, "_RUNS", 1),
        (parsing, "_RUNS", 1),
        (parsing, "_PEER_TRANSACTIONS", 100),
        (lookups, "_SAMPLES", 20),
        (traces, "_SAMPLES", 3),
        (traces, "_BUSIEST", 1),
        (worst, "_RECEIPTS", 400),
        (worst, "_WIDTH", 20),
        (worst, "_LINKS", 3),
        (worst, "_MEMBERS", 400),
        (worst, "_RUNS", 1),
        (exposure, "_RUNS", 1),
        (exposure, "_SAMPLES", 5),
        (exposure, "_LOOKUPS", 20),
    ):
        monkeypatch.setattr(module, name, few)

    def run(part: Any, on: Case = case) -> Lines:
        capsys.readouterr()
        part.measure(on)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {line["measure"]: line for line in lines}

    return run


def test_import_is_measured_against_hashing_the_same_bytes(measured: Any) -> None:
    lines = measured(imports)
    assert set(lines) == {"import.floor", "import.process", "import.call", "import.resources"}
    process = lines["import.process"]
    assert process["transactions"] == TRANSACTIONS
    assert process["bytes"] == lines["import.floor"]["bytes"]
    assert process["goal"] == "ratio <= 8"
    assert process["met"] is (process["ratio"] <= 8)
    assert process["next_met"] is (process["ratio"] <= 3)
    assert lines["import.resources"]["peak_memory_bytes"] > 1 << 20


def test_floor_hashes_whole_transactions(case: Case) -> None:
    genesis = next(imports._batches(case.blocks))
    data, spans = genesis
    start, end = spans[0]
    txid = hashlib.sha256(hashlib.sha256(data[start:end]).digest()).digest()[::-1].hex()
    # The only transaction of Core's regtest genesis block, which has no witness.
    assert txid == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert imports.hashing_floor(case.blocks)[1] == TRANSACTIONS


def test_clustering_finds_what_the_peer_finds(measured: Any, case: Case) -> None:
    lines = measured(clustering)
    memory = lines.pop("clustering.memory")
    assert memory["met"] is (memory["bytes_a_script"] <= 5)
    assert set(lines) == {"clustering.from_store", "clustering.from_lists"}
    for line in lines.values():
        assert 0 < line["clusters"] < line["scripts"]
        assert line["met"] is (line["ratio"] >= 1.5)


def test_made_up_inputs_are_clustered_as_the_peer_does(
    measured: Any, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = measured(clustering, replace(case, inputs=200_000))
    made_up = {name: line for name, line in lines.items() if ".made_up." in name}
    assert len(made_up) == 3
    assert made_up["clustering.made_up.from_lists"]["inputs"] == pytest.approx(200_000, rel=0.02)
    # The forest itself is four bytes a script; the rest does not grow with it.
    assert 4 <= made_up["clustering.made_up.memory"]["bytes_a_script"] < 6
    assert not list(case.path.glob("inputs-*"))


def test_linking_is_measured_beside_joins(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    line = measured(linking)["linking"]
    assert line["transactions"] == TRANSACTIONS
    assert line["met"] is (line["ratio"] >= 1)
    assert line["ratio_with_sorting"] < line["ratio"]
    joined = linking._joined
    monkeypatch.setattr(linking, "_joined", lambda tables: tuple(c + 1 for c in joined(tables)))
    with pytest.raises(SystemExit, match="other outputs"):
        measured(linking)


def test_parsing_says_where_the_peer_is_missing(
    measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(parsing, "import_module", missing)
    line = measured(parsing)["parsing"]
    assert line["peer"] == "blockchain-parser is not installed"
    assert line["transactions_per_second"] > 0
    assert "ratio" not in line


def test_parsing_finds_what_the_peer_finds(measured: Any) -> None:
    pytest.importorskip("blockchain_parser", reason="needs a C compiler; not in the extra bench")
    line = measured(parsing)["parsing"]
    assert line["met"] is (line["ratio"] >= 1)


def test_clustering_that_differs_is_an_error(
    measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = clustering._peer_clusters
    monkeypatch.setattr(clustering, "_peer_clusters", lambda *given: peer(*given) // 2)
    with pytest.raises(SystemExit, match="differ"):
        measured(clustering)


def test_lookups(measured: Any) -> None:
    lines = measured(lookups)
    batch = lines.pop("lookup.address_batch")
    assert batch["met"] is (batch["addresses_per_second"] >= 100_000)
    assert len(lines) == 4
    for line in lines.values():
        assert 0 < line["p50_us"] <= line["p99_us"] <= line["worst_us"]
        assert line["met"] is (line["p50_us"] <= 100)


def test_traces(measured: Any) -> None:
    lines = measured(traces)
    assert len(lines) == 2 * 2 * 3 + 1
    assert lines["trace"]["samples"] == sum(
        line["samples"] for line in lines.values() if "goal" in line and line is not lines["trace"]
    )
    assert lines["trace"]["worst"][0]["ms"] == lines["trace"]["worst_ms"]


def test_worst_nodes(measured: Any) -> None:
    lines = measured(worst)
    whole = lines.pop("worst")
    assert whole["samples"] == sum(line["samples"] for line in lines.values())
    assert whole["samples"] == len(lines) * 2 * 4 * 2
    assert (whole["goal"], whole["next_goal"]) == ("p95_ms < 1000", "worst_ms < 5000")
    busiest = lines["worst.address_of_a_million_payments"]["worst"]
    assert busiest["crossed_transactions"] > 0
    assert busiest["capped"] == 0


def test_exposure_is_measured_against_exact_traces(measured: Any) -> None:
    lines = measured(exposure)
    assert set(lines) == {
        *("exposure.from", "exposure.to", "exposure.build", "exposure.lookup"),
        *("exposure.error.from", "exposure.error.to"),
    }
    for direction in ("from", "to"):
        passes = lines[f"exposure.{direction}"]
        assert passes["met"] is (passes["slowest_items_per_second"] >= 20e6)
        assert passes["passes"] == len(passes["items_per_second"])
        error = lines[f"exposure.error.{direction}"]
        assert error["samples"] == 5
        assert error["met"]
    assert lines["exposure.build"]["largest_gap"] < 1e-12


def test_a_goal_is_judged_before_rounding(capsys: pytest.CaptureFixture[str]) -> None:
    emit("made up", {"ratio": 8.00001}, goal=Goal("ratio", "<=", 8))
    line = json.loads(capsys.readouterr().out)
    assert (line["ratio"], line["goal"], line["met"]) == (8.0, "ratio <= 8", False)


def test_quantiles_are_in_the_unit() -> None:
    assert quantiles([0.001, 0.002, 0.003], 1e-3, "ms")["p50_ms"] == pytest.approx(2)
