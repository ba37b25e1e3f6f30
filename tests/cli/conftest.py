"""A small made-up case for the commands, imported and labelled once."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import answer
from tests.cli.records import Records, read_records

from clewline.play import make_play


@dataclass(frozen=True)
class MadeUp:
    """A made-up case on disk: blocks, labels and rates, its truth, a labelled store. Read only."""

    blocks: Path
    labels: Path
    rates: Path
    truth: dict[str, Any]
    store: Path


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> MadeUp:
    directory = tmp_path_factory.mktemp("made-up")
    summary = make_play(directory / "case", 300, seed=1)
    store = directory / "store"
    answer("chain", "import", "--store", store, "--core-blocks", summary.blocks)
    answer("label", "import", summary.labels, "--store", store)
    truth = json.loads(summary.truth.read_text("utf-8"))
    return MadeUp(summary.blocks, summary.labels, summary.rates, truth, store)


@pytest.fixture(scope="session")
def records(case: MadeUp) -> Records:
    return read_records(case.blocks)


@pytest.fixture
def store(case: MadeUp, tmp_path: Path) -> Path:
    """A copy of the store, to write to."""
    return Path(shutil.copytree(case.store, tmp_path / "store"))
