"""The public TagPacks on a mainnet store, through the commands: all but the broken tags load."""

from __future__ import annotations

import json
import tarfile
import time
from pathlib import Path

import pytest
from tests.cli.command import answer, clewline

SPACED = "1FnaucN6FtADHUD5Z1mW55j9okubkjsTAW"
"""An address of which several public packs speak."""
CLAIMED = "3ETAVt2scYBFkBFksuNDk1i5tDLQ2c4zWR"
"""One of the pack ``plustoken.yaml``."""


@pytest.fixture(scope="module")
def packs(fixtures_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tagpacks")
    with tarfile.open(fixtures_dir / "attribution" / "graphsense-tagpacks.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    return directory / "packs"


@pytest.mark.slow
def test_all_but_the_broken_load_and_are_found(
    packs: Path, mainnet_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = time.perf_counter()
    ran = clewline("label", "import", packs, "--store", mainnet_store, "--format", "json")
    imported = time.perf_counter()
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert (report["files"], report["loaded"], report["refused"]) == (86, 524_160, 10)
    assert ran.err.count("refused: ") == 10
    assert f"{packs}/ofac.yaml:" in ran.err

    listed = json.loads(
        answer("label", "list", SPACED, "--store", mainnet_store, "--format", "json")
    )
    found = time.perf_counter()
    assert len(listed["labels"]) > 1
    assert [label["level"] for label in listed["labels"]] == sorted(
        (label["level"] for label in listed["labels"]), reverse=True
    )
    assert [entry["name"] for entry in listed["label_sets"]] == ["public"]
    assert listed["label_sets"][0]["sha256"] == report["sha256"]
    took = f"loaded in {imported - begin:.1f} s, one address listed in {found - imported:.2f} s"
    with capsys.disabled():
        print(f"\nTagPacks: {took}")  # noqa: T201


def test_one_pack_with_two_broken_tags(packs: Path, mainnet_store: Path) -> None:
    pack = packs / "plustoken.yaml"
    loaded = clewline(
        *("label", "import", pack, "--set", "one", "--store", mainnet_store, "--format", "json")
    )
    assert json.loads(loaded.out)["refused"] == loaded.err.count("refused: ") == 2
    assert f"{pack}:11: '1MFgcyJ7ZNSknbTBRaih6zWDE6V1A64tRYs'" in " ".join(loaded.err.split())
    command = ("label", "list", CLAIMED, "--set", "one", "--store", mainnet_store)
    (label,) = json.loads(answer(*command, "--format", "json"))["labels"]
    assert label["set"] == "one"
