"""Labels that reach a whole cluster: once for each claim, whoever in the cluster is asked about."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clewline.workspace import Workspace, import_labels

HEADER = "address,entity,category,source,confidence,cluster\n"


@pytest.fixture(scope="module")
def store(plain_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for labels, each test's in a set of its own."""
    return Path(shutil.copytree(plain_store, tmp_path_factory.mktemp("inherited") / "store"))


@pytest.fixture(scope="module")
def members(store: Path) -> list[str]:
    """The largest cluster of a made-up chain."""
    workspace = Workspace.open(store)
    largest = workspace.largest_clusters(1)[0]
    members: list[str] = workspace.cluster(largest["first_address"])["addresses"]
    assert len(members) > 4
    return members


def load(store: Path, directory: Path, name: str, rows: list[str]) -> Workspace:
    table = directory / f"{name}.csv"
    table.write_text(HEADER + "\n".join(rows) + "\n")
    assert import_labels(store, [table], name).error is None
    return Workspace.open(store, [name])


def test_each_claim_is_told_once(store: Path, members: list[str], tmp_path: Path) -> None:
    rows = [f"{member},E,exchange,s,90,yes" for member in members[1:]]
    rows.append(f"{members[2]},E,exchange,another source,50,yes")
    workspace = load(store, tmp_path, "many", rows)
    first_two = sorted(members[1:])[:2]
    for member in members:
        told = [
            (label["source"], label["inherited_from"])
            for label in workspace.address(member)["labels"]
        ]
        own = [("s", None)] if member != members[0] else []
        stand_in = first_two[1] if member == first_two[0] else first_two[0]
        other = None if member == members[2] else members[2]
        assert sorted(told, key=repr) == sorted(
            [*own, ("s", stand_in), ("another source", other)], key=repr
        )


def test_no_label_leaves_its_address_unasked(
    store: Path, members: list[str], tmp_path: Path
) -> None:
    workspace = load(store, tmp_path, "quiet", [f"{members[1]},E,exchange,s,90,no"])
    assert workspace.address(members[0])["labels"] == []
    (label,) = workspace.address(members[1])["labels"]
    assert label["inherited_from"] is None


def test_disagreement_is_shown_and_the_stronger_decides(
    store: Path, members: list[str], tmp_path: Path
) -> None:
    rows = [f"{members[1]},Weak,exchange,s,20,yes", f"{members[2]},Strong,gambling,s,80,yes"]
    workspace = load(store, tmp_path, "both", rows)
    shown = workspace.address(members[0])
    assert [label["entity"] for label in shown["labels"]] == ["Strong", "Weak"]
    assert shown["conflicts"]
    asserted = [workspace.attribution.services.service_of(script) for script in range(3)]
    assert all(found is None or found.claim.entity in {"Strong", "Weak"} for found in asserted)
