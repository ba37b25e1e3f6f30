"""Blocks of a made-up case, and a stand-in node that serves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.records import HEAD, read_records
from tests.sources.node_stand_in import NodeStandIn

from clewline.play import make_play


@pytest.fixture(scope="session")
def made_up_blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks directory of a made-up case."""
    return make_play(tmp_path_factory.mktemp("sources") / "case", 300, seed=1).blocks


@pytest.fixture(scope="session")
def made_up(made_up_blocks: Path) -> list[bytes]:
    """Its blocks by height."""
    return [record[HEAD:] for record in read_records(made_up_blocks).blocks]


@pytest.fixture
def node(made_up: list[bytes]) -> Iterator[NodeStandIn]:
    """A node that has them."""
    with NodeStandIn(made_up) as stand_in:
        yield stand_in
