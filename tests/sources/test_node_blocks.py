"""Headers that follow what is stored, through reorganisations, and blocks fetched ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.builders import Branch
from tests.sources.node_stand_in import FULL, NodeStandIn, Reply

from clewline.errors import NodeAnswerError, NodeError
from clewline.sources import node_blocks
from clewline.sources.node_blocks import NodeBlocks, blocks_of_node
from clewline.sources.node_chain import NodeChain, connect_node


@pytest.fixture(scope="module")
def branches() -> list[Branch]:
    """Chains that part at different heights."""
    trunk = Branch()
    for _ in range(12):
        trunk.add()
    found = [trunk]
    for height, more in ((11, 3), (7, 9), (0, 15)):
        branch = trunk.fork(height)
        for _ in range(more):
            branch.add(tag=b"%d" % height)
        found.append(branch)
    return found


@pytest.fixture(params=["rpc", "rest"])
def connect(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[NodeStandIn], NodeChain]:
    """Connect over JSON-RPC and over REST."""
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "5")

    def connected(node: NodeStandIn) -> NodeChain:
        if request.param == "rest":
            return connect_node(rest=node.url)
        (tmp_path / "cookie").write_text(node.login)
        return connect_node(rpc=node.url, cookie=tmp_path / "cookie")

    return connected


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for few headers at a time, so that much can happen in between."""
    monkeypatch.setattr(node_blocks, "HEADERS_AT_ONCE", 3)


def headers(raw: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(block[:80] for block in raw), np.uint8).reshape(-1, 80)


def fetched(chain: NodeChain, stored: list[bytes]) -> NodeBlocks:
    return blocks_of_node(chain, chain.tip(), headers(stored), lambda *_: None)


def follows(blocks: NodeBlocks, stored: list[bytes], raw: list[bytes]) -> bool:
    """Tell whether the headers, put on what is stored, are a chain; each fetched once."""
    common = sum(one == other for one, other in zip(stored, raw, strict=False))
    return blocks.header.tobytes() == headers(raw[common:]).tobytes()


@pytest.mark.parametrize("height", [0, 1, 2, 5, 11, 12, 13])
@pytest.mark.parametrize("number", range(4))
def test_headers_that_are_not_stored(
    connect: Callable[[NodeStandIn], NodeChain],
    branches: list[Branch],
    height: int,
    number: int,
    few: None,
) -> None:
    """From nothing, from a part, from all, and from a chain that lost."""
    stored = branches[0].raw[:height]
    with NodeStandIn(branches[number].raw) as node, connect(node) as chain:
        assert follows(fetched(chain, stored), stored, branches[number].raw)


def test_node_that_is_behind(
    connect: Callable[[NodeStandIn], NodeChain], branches: list[Branch]
) -> None:
    stored = branches[0].raw
    with NodeStandIn(stored[:5]) as node, connect(node) as chain:
        blocks = fetched(chain, stored)
        assert blocks.header.shape == (0, 80)


@given(
    number=st.integers(0, 3),
    height=st.integers(0, 14),
    moves=st.lists(st.none() | st.integers(0, 3), max_size=12),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reorganisations_while_headers_are_fetched(
    connect: Callable[[NodeStandIn], NodeChain],
    branches: list[Branch],
    few: None,
    number: int,
    height: int,
    moves: list[int | None],
) -> None:
    """The headers end at a tip that the node had, whatever it changed to in between."""
    stored = branches[number].raw[:height]
    with NodeStandIn(branches[0].raw) as node, connect(node) as chain:
        pending = moves.copy()

        def move(_asked: str, _reply: Reply) -> None:
            to = pending.pop() if pending else None
            if to is not None:
                node.follow(branches[to].raw)

        node.change = move
        blocks = fetched(chain, stored)
        tip = blocks.tip
        (raw,) = [one.raw for one in branches if one.blocks[-1].hash == tip.hash]
        assert tip.height == len(raw) - 1
        start = len(raw) - blocks.header.shape[0]
        assert blocks.header.tobytes() == headers(raw[start:]).tobytes()
        assert stored[:start] == raw[:start]


def test_headers_that_never_follow_each_other(
    connect: Callable[[NodeStandIn], NodeChain], branches: list[Branch]
) -> None:
    with NodeStandIn(branches[0].raw) as node, connect(node) as chain:
        node.follow([branches[0].raw[0], *branches[0].raw[3:]])
        with pytest.raises(NodeAnswerError, match=r"do not lead to the tip .* at height 0"):
            fetched(chain, [])


def test_node_that_never_has_what_it_says(
    connect: Callable[[NodeStandIn], NodeChain], branches: list[Branch]
) -> None:
    with NodeStandIn(branches[0].raw) as node, connect(node) as chain:
        tip = chain.tip()
        node.follow(branches[0].raw[:3])
        claimed = type(tip)(tip.network, 100, tip.hash, 100, 0)
        blocks = blocks_of_node(chain, claimed, headers([]), lambda *_: None)
        assert blocks.tip.height == 2


# Blocks


@pytest.fixture
def source(
    connect: Callable[[NodeStandIn], NodeChain], node: NodeStandIn
) -> Iterator[tuple[NodeBlocks, NodeStandIn]]:
    """The blocks of a made-up case, none of them stored."""
    with connect(node) as chain:
        yield fetched(chain, []), node


def everything(blocks: NodeBlocks, order: NDArray[np.int64], size: int) -> list[bytes]:
    """Read all parts; each must be as it was fetched."""
    found = []
    for part in blocks.parts(order, size):
        data, start, end = blocks.read(part)
        assert data.flags.writeable and data.size == end[-1]
        found += [data[a:b].tobytes() for a, b in zip(start.tolist(), end.tolist(), strict=True)]
    return found


@pytest.mark.parametrize("size", [1, 5000, 1 << 30])
def test_parts_are_the_blocks_in_order(
    source: tuple[NodeBlocks, NodeStandIn], made_up: list[bytes], size: int
) -> None:
    blocks, _node = source
    order = np.arange(len(made_up), dtype=np.int64)
    assert everything(blocks, order, size) == made_up
    assert everything(blocks, order[7:30], size) == made_up[7:30]
    assert everything(blocks, order[:0], size) == []
    assert blocks.weight(order).sum() == len(made_up)


def test_parts_are_bounded(source: tuple[NodeBlocks, NodeStandIn], made_up: list[bytes]) -> None:
    """A part ends with the request that fills it; only some requests run ahead of it."""
    blocks, node = source
    order = np.arange(len(made_up), dtype=np.int64)
    largest = max(map(len, made_up))
    asked = len(node.asked)
    parts = blocks.parts(order, 1)
    first = next(parts)
    assert first.size <= 8
    assert len(node.asked) - asked <= 1 + 2 * node_blocks.THREADS
    assert blocks.read(first)[0].size <= 8 * largest
    parts.close()


def test_full_work_queue_and_dropped_answers_while_blocks_are_fetched(
    source: tuple[NodeBlocks, NodeStandIn], made_up: list[bytes]
) -> None:
    blocks, node = source
    numbers = iter(range(1 << 30))

    def trouble(_asked: str, reply: Reply) -> Reply | None:
        number = next(numbers)
        if number % 7 == 3:
            return FULL
        if number % 7 == 5:
            return Reply(reply.status, reply.kind, reply.body, cut=len(reply.body) // 2)
        return None

    node.change = trouble
    order = np.arange(40, dtype=np.int64)
    assert everything(blocks, order, 2000) == made_up[:40]


def test_giving_up_does_not_wait_for_the_node(
    source: tuple[NodeBlocks, NodeStandIn], made_up: list[bytes]
) -> None:
    blocks, node = source
    broken = node.chain[20]
    node.blocks[broken] = made_up[21]
    order = np.arange(len(made_up), dtype=np.int64)
    with pytest.raises(NodeAnswerError, match=broken):
        everything(blocks, order, 1)


def test_place(source: tuple[NodeBlocks, NodeStandIn]) -> None:
    blocks, node = source
    assert blocks.place(5) == f"{node.url}, block {node.chain[5]}"
    assert blocks.place(5, 80) == f"{node.url}, block {node.chain[5]}, byte 80"


def test_pruned_node(
    connect: Callable[[NodeStandIn], NodeChain], node: NodeStandIn, made_up: list[bytes]
) -> None:
    node.pruned_below = 20
    with connect(node) as chain:
        blocks: Any = fetched(chain, made_up[:20])
        blocks.require(np.arange(3, dtype=np.int64))
        blocks = fetched(chain, made_up[:19])
        blocks.require(np.arange(0, dtype=np.int64))
        with pytest.raises(NodeError, match="blocks 19 to 19 are needed"):
            blocks.require(np.arange(3, dtype=np.int64))
