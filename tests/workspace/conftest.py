"""A small made-up chain and a store of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.records import Records, read_records

from clewline.play import PlaySummary, make_play
from clewline.workspace import import_blocks


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> PlaySummary:
    return make_play(tmp_path_factory.mktemp("workspace") / "case", 300, seed=2)


@pytest.fixture(scope="session")
def records(made: PlaySummary) -> Records:
    return read_records(made.blocks)


@pytest.fixture(scope="session")
def plain_store(made: PlaySummary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole chain without labels. Read only."""
    store = tmp_path_factory.mktemp("plain") / "store"
    import_blocks(store, made.blocks)
    return store
