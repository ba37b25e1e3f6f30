"""The four rules side by side."""

from __future__ import annotations

import json

import pytest
from tests.cli.command import answer
from tests.cli.conftest import MadeUp

from clewline.workspace import Limits, Workspace, side_by_side

METHODS = ["fifo", "lifo", "haircut", "poison"]
RESTS = ("unspent", "mined", "coinjoin", "capped", "fees")


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_every_column_is_what_the_rule_alone_says(case: MadeUp, direction: str) -> None:
    seeds = [purchase["address"] for purchase in case.truth["purchases"]]
    shown = json.loads(
        answer("trace", "compare", direction, *seeds, "--store", case.store, "--format", "json")
    )
    assert shown["services"]
    parts = {row["part"]: row for row in shown["rests"]}
    laws = {row["method"]: row["law"] for row in shown["rules"]}
    assert list(laws) == METHODS
    for method in METHODS:
        alone = json.loads(
            answer(
                *("trace", direction, *seeds, "--method", method),
                *("--store", case.store, "--format", "json"),
            )
        )
        sums: dict[tuple[str, str], int] = {}
        for service in alone["services"]:
            key = service["entity"], service["category"]
            sums[key] = sums.get(key, 0) + service["value"]
        column = {(row["entity"], row["category"]): row[method] for row in shown["services"]}
        assert {key: value for key, value in column.items() if value} == sums
        assert parts["services"][method] == sum(sums.values())
        for part in ("total", *RESTS):
            assert parts[part][method] == alone[part]
        gathered = sum(parts[part][method] for part in ("services", *RESTS))
        if method == "poison":
            assert gathered >= parts["total"][method]
            assert laws[method].startswith("an upper bound")
        else:
            assert gathered == parts["total"][method]
            assert laws[method].endswith("= total")
        assert all(row["poison"] >= row[method] for row in shown["services"])


def test_services_by_value_and_limits_for_all(case: MadeUp) -> None:
    workspace = Workspace.open(case.store)
    seeds = [purchase["address"] for purchase in case.truth["purchases"]]
    answers = workspace.compare("backward", seeds, Limits(max_hops=0))
    assert list(answers) == METHODS
    for given in answers.values():
        assert given["capped"] == given["limits"]["capped_by"]["max_hops"] > 0
    shown = side_by_side(workspace.compare("backward", seeds))
    values = [[-row[method] for method in METHODS] for row in shown["services"]]
    assert values == sorted(values)
    assert shown == side_by_side(workspace.compare("backward", seeds))
