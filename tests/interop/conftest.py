"""A small made-up chain with one of everything, its store, and its tables in both schemas."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders import Branch, write_blocks
from tests.store.chains import story

from clewline.workspace import Workspace, import_blocks


@pytest.fixture(scope="session")
def chain() -> Branch:
    return story()[0]


@pytest.fixture(scope="session")
def store(chain: Branch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Store of the chain. Read only."""
    directory = tmp_path_factory.mktemp("tables")
    import_blocks(directory / "store", write_blocks(directory / "blocks", chain.raw))
    return directory / "store"


@pytest.fixture(scope="session")
def written(store: Path) -> Path:
    """Directory with ``flat`` and ``bitcoin-etl``, all tables in each. Read only."""
    for schema in ("flat", "bitcoin-etl"):
        Workspace.open(store).export_tables(store.parent / schema, schema)
    return store.parent


@pytest.fixture
def tables(written: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy the tables of a schema, to change them."""
    return lambda schema: Path(shutil.copytree(written / schema, tmp_path / schema))
