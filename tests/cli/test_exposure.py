"""Exposure on the command line: build, show, list, remove."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.command import answer, clewline
from tests.cli.conftest import MadeUp

from clewline.workspace import Workspace


@pytest.fixture
def site(case: MadeUp) -> str:
    """Address of the first purchase of the made-up case."""
    return str(case.truth["purchases"][0]["address"])


def test_build_show_list_and_remove(store: Path, site: str) -> None:
    before = json.loads(answer("exposure", "show", site, "--store", store, "--format", "json"))
    assert {row["state"] for row in before["directions"]} == {"not checked"}
    assert "exposure" not in answer("address", "show", site, "--store", store)

    built = json.loads(answer("exposure", "build", "--store", store, "--format", "json"))
    assert [row["done"] for row in built["directions"]] == ["built", "built"]
    shown = json.loads(answer("exposure", "show", site, "--store", store, "--format", "json"))
    assert shown == Workspace.open(store).exposure(site)
    assert {row["part"] for row in shown["exposure"]} > {"exchange"}

    lines = answer("exposure", "show", site, "--store", store, "--format", "csv").splitlines()
    assert lines[0] == "direction,part,service,value,direct,indirect,share,balance"
    assert len(lines) == len(shown["exposure"]) + 1
    height = shown["height"]
    assert f"up to block {height}" in answer("address", "show", site, "--store", store)

    rows = json.loads(answer("exposure", "list", "--store", store, "--format", "json"))
    assert [(row["direction"], row["state"]) for row in rows] == [
        ("from", "current"),
        ("to", "current"),
    ]
    assert clewline("exposure", "remove", rows[0]["index"], "--store", store).code == 0
    assert json.loads(answer("exposure", "list", "--store", store, "--format", "json")) == []


def test_one_direction(store: Path) -> None:
    command = ("exposure", "build", "--store", store, "--direction", "to", "--format", "json")
    assert [row["direction"] for row in json.loads(answer(*command))["directions"]] == ["to"]
    rows = json.loads(answer("exposure", "list", "--store", store, "--format", "json"))
    assert [row["direction"] for row in rows] == ["to"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nonsense"), "bad-address"),
        (("build", "--set", "none"), "unknown-label-set"),
        (("build", "--direction", "sideways"), "sideways"),
        (("remove", "0123456789abcdef"), "no exposure index is called"),
        (("remove", "../../labels"), "no exposure index is called"),
    ],
)
def test_wrong_use_is_told(store: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = clewline("exposure", *arguments, "--store", store)
    assert ran.code == 2
    assert said in ran.err
