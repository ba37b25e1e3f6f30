"""Change of a made-up chain: probabilities, clusters with change links, and the weights file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clewline.engine.heuristics.change import SIGNS
from clewline.errors import DataError, UnknownTransactionError, UsageError
from clewline.play import PlaySummary
from clewline.workspace import Workspace
from clewline.workspace.change import read_weights


@pytest.fixture(scope="module")
def workspace(plain_store: Path) -> Workspace:
    return Workspace.open(plain_store)


@pytest.fixture(scope="module")
def truth(made: PlaySummary) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(made.truth.read_text("utf-8"))
    return told


def test_change_of_every_transaction(workspace: Workspace) -> None:
    asked = 0
    for tx in workspace.all_transactions():
        rows = list(workspace.change([tx["txid"]]))
        assert [(r["vout"], r["value"]) for r in rows] == [
            (o["vout"], o["value"]) for o in tx["outputs"]
        ]
        said = [r["probability"] for r in rows if r["probability"] is not None]
        assert all(0 <= p <= 1 for p in said)
        asked += bool(said)
        if not tx["inputs"]:
            assert {r["note"] for r in rows} == {"not asked: a coinbase spends nothing"}
        elif tx["coinjoin"] not in (None, "whirlpool_tx0"):
            assert all("CoinJoin" in r["note"] for r in rows)
        for row in rows:
            if row["probability"] is None:
                assert row["signs_for"] == row["signs_against"] == []
    assert asked > 50


def test_probability_rests_on_signs(workspace: Workspace) -> None:
    names = {sign.name for sign in SIGNS}
    txids = [tx["txid"] for tx in workspace.all_transactions()]
    rows = list(workspace.change(txids))
    likely = [row for row in rows if (row["probability"] or 0) > 0.9]
    assert likely
    against = {row["txid"] for row in rows if row["signs_against"]}
    for row in likely:
        # Either something speaks for it, or something against the others.
        assert row["signs_for"] or row["txid"] in against
        assert {text.split(":")[0] for text in row["signs_for"]} <= names


def test_unknown_transactions_are_refused_before_anything_is_given(workspace: Workspace) -> None:
    known = next(workspace.all_transactions())["txid"]
    with pytest.raises(UnknownTransactionError):
        next(workspace.change([known, "00" * 32]))
    with pytest.raises(UsageError):
        next(workspace.change(["no id"]))


def test_default_clusters_have_no_change_and_lie_whole_in_those_that_have(
    workspace: Workspace, truth: dict[str, Any]
) -> None:
    grown = 0
    for address in sorted(truth["owner"])[:150]:
        plain = workspace.cluster(address)
        more = workspace.cluster(address, with_change=True)
        assert plain["rule"] == "multi-input"
        assert more["rule"] == "multi-input, change"
        assert set(plain["addresses"]) <= set(more["addresses"])
        assert more["size"] == len(more["addresses"]) + len(more["scripts"])
        grown += more["size"] > plain["size"]
        assert (more["default_clusters"] > 1) == (more["size"] > plain["size"])
    assert grown > 10


def test_explanations_with_change_say_the_rule_of_each_link(
    workspace: Workspace, truth: dict[str, Any]
) -> None:
    rules: set[str] = set()
    for address in sorted(truth["owner"])[:60]:
        more = workspace.cluster(address, with_change=True)
        other = more["addresses"][-1]
        told = workspace.explain(address, other, with_change=True)
        assert told["same_cluster"]
        at = address
        for link in told["links"]:
            assert link["from"] == at
            assert link["accuracy"] == f"docs/ACCURACY.md#{link['rule']}"
            rules.add(link["rule"])
            at = link["to"]
        assert at == other
        if not workspace.explain(address, other)["same_cluster"]:
            assert "change" in [link["rule"] for link in told["links"]]
    assert rules == {"multi-input", "change"}


def test_weights_of_this_version_say_what_they_were_fitted_on() -> None:
    import clewline.workspace.change as module

    held = json.loads((Path(module.__file__).parent / "change_weights.json").read_text("utf-8"))
    assert held["provenance"]["made_by"] == "clewline evaluate --fit"
    assert {one["for"] for one in held["provenance"]["sets"]} >= {"weights", "calibration"}
    weights = read_weights()
    assert (weights.speaks_for >= 0).all()
    assert (weights.speaks_against <= 0).all()


GOOD = {
    "none": 0,
    "signs": {sign.name: {"for": 1, "against": -1} for sign in SIGNS},
    "calibration": [[0, 0.1], [1, 0.9]],
}


def test_weights_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(GOOD))
    assert read_weights(path).speaks_for.tolist() == [1] * len(SIGNS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({**GOOD, "signs": {"luck": {"for": 1, "against": 0}}}),
        json.dumps({**GOOD, "calibration": []}),
        json.dumps({**GOOD, "none": "much"}),
    ],
)
def test_bad_weights_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"weights\.json"):
        read_weights(path)
    with pytest.raises(DataError, match="no weights"):
        read_weights(tmp_path / "none")
