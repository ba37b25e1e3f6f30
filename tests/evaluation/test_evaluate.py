"""The accuracy page says what comes out, on what is always at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clewline.engine.heuristics.change import RULE as CHANGE
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.engine.heuristics.deposit import RULE as DEPOSIT
from clewline.engine.heuristics.multi_input import RULE as MULTI_INPUT
from clewline.engine.heuristics.peel import RULE as PEEL
from clewline.errors import UsageError
from clewline.evaluation import truth_sets
from clewline.evaluation.evaluate import KEPT_PAYMENTS, evaluate
from clewline.evaluation.page import SECTIONS, render
from clewline.evaluation.shares import Share
from clewline.reports.limits import CASH_OUTS, LEADS, LOOK_ALIKES, PAYERS, accuracy_of

ROOT = Path(__file__).parents[2]
PUBLISHED: dict[str, Any] = json.loads((ROOT / "docs" / "accuracy.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """All that is always at hand, but for the large cases."""
    with pytest.MonkeyPatch.context() as patch:
        small = {"small-sites": truth_sets.CASES["small-sites"]}
        patch.setattr(truth_sets, "CASES", small)
        return evaluate(None)


def shares(results: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    return [one for one in results["shares"] if one["data"] in names]


def test_published_figures_come_out_again(results: dict[str, Any]) -> None:
    at_hand = ("emulated", "play", "small-sites")
    told = "run `clewline evaluate --fixtures DIR --out docs` and `make docs`"
    assert shares(results, *at_hand) == shares(PUBLISHED, *at_hand), told


def test_goals_are_met_by_what_is_published() -> None:
    goals = [one for one in PUBLISHED["shares"] if one["goal"] and one["share"] is not None]
    assert len(goals) >= 8
    for one in goals:
        relation, bound = one["goal"].split()
        share, wanted = one["share"], float(bound)
        assert {">=": share >= wanted, "<=": share <= wanted, "=": share == wanted}[relation], one


@pytest.mark.parametrize("data", [KEPT_PAYMENTS, *truth_sets.CASES])
def test_published_probabilities_are_calibrated(data: str) -> None:
    """On average, and nearly in every range; the page marks each that its interval leaves out."""
    lines = [one for one in PUBLISHED["calibration"] if one["data"] == data]
    outputs = sum(one["outputs"] for one in lines)
    assert outputs > 3_000
    error = sum(one["outputs"] * abs(one["said"] - one["true"]) for one in lines) / outputs
    assert error < 0.01
    assert all(abs(one["said"] - one["true"]) < 0.01 for one in lines if one["from"] >= 0.95)
    assert all(abs(one["said"] - one["true"]) < 0.1 for one in lines)


def test_the_page_says_where_probabilities_are_furthest_off() -> None:
    large = [one for one in PUBLISHED["calibration"] if one["data"] in truth_sets.CASES]
    worst = max(large, key=lambda one: abs(one["said"] - one["true"]))
    said = f"furthest off between {worst['from']:.2f} and {worst['to']:.2f}"
    assert said in SECTIONS["change"][1]


def test_published_probabilities_of_cases_of_the_fitted_size_are_within_their_intervals() -> None:
    lines = [one for one in PUBLISHED["calibration"] if one["data"] == KEPT_PAYMENTS]
    assert all(one["low"] <= one["said"] <= one["high"] for one in lines)


def test_sets_that_are_not_at_hand_are_named(results: dict[str, Any]) -> None:
    missing = {one["name"] for one in results["sets"] if not one["at_hand"]}
    assert {"labelled", "core-regtest", "wasabi2-run"} <= missing
    assert not shares(results, *missing)
    page = render(results)
    assert "Not measured: no truth set at hand." in page
    for one in PUBLISHED["sets"]:
        assert one["at_hand"], "the published page has every set"


def test_every_explanation_has_its_section() -> None:
    page = (ROOT / "docs" / "ACCURACY.md").read_text("utf-8")
    named = [MULTI_INPUT, CHANGE, DEPOSIT, PEEL, LEADS, PAYERS, CASH_OUTS, LOOK_ALIKES]
    named += [family.name for family in CoinJoin if family]
    for heuristic in named:
        path, _, section = accuracy_of(heuristic).partition("#")
        assert (ROOT / path).exists()
        assert section in SECTIONS
        assert f"\n## {section}\n" in page


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no directory"):
        evaluate(tmp_path / "none")


def test_fixtures_that_lack_a_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="labelled"):
        evaluate(tmp_path)


def test_goal_that_is_missed_is_shown() -> None:
    line = {**PUBLISHED["shares"][0], "goal": ">= 1.1"}
    page = render({"sets": [], "shares": [line], "calibration": []})
    assert "| >= 1.1 | **no** |" in page


def test_what_is_rare_is_shown_of_a_hundred_thousand() -> None:
    line = Share("leads", "false leads", "sites", 3, 150_000, "<= 0.0005", 100_000).record()
    page = render({"sets": [], "shares": [line], "calibration": []})
    assert "| 2.0 in 100,000 | 0.7 to 5.9 in 100,000 | 3 of 150,000 | <= 0.0005 | yes |" in page


def test_every_look_alike_of_the_guard_rails_is_counted() -> None:
    """METHODS §5; at the size of the court records' site all of them behave like one."""
    kinds = {
        one["measure"].partition(": ")[2]
        for one in PUBLISHED["shares"]
        if one["measure"].startswith("look-alikes that are a lead")
    }
    assert kinds >= {"gambling", "vpn", "donations", "tips", "file host", "vouchers", "faucet"}


@pytest.mark.slow
def test_everything_published_comes_out_again(fixtures_dir: Path) -> None:
    assert evaluate(fixtures_dir) == PUBLISHED
