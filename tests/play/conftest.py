from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from tests.play.plain_chain import Block, Tx, read_blocks

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name
from clewline.play import PlaySummary, make_play

SIZE = 1500


@dataclass
class Case:
    """A made-up case, read back by the plain reader."""

    summary: PlaySummary
    blocks: list[Block]
    tails: list[int]
    truth: dict[str, Any]

    @property
    def txs(self) -> list[Tx]:
        return [tx for block in self.blocks for tx in block.txs]

    def address(self, script: bytes) -> str | None:
        return address_of(script, network_by_name("regtest"))


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    summary = make_play(tmp_path_factory.mktemp("play") / "case", SIZE, seed=11)
    blocks, tails = read_blocks(summary.blocks)
    return Case(summary, blocks, tails, json.loads(summary.truth.read_text("utf-8")))
