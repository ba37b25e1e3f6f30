"""A store made from a node is that made from its block files, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders import COIN, Branch, p2pkh, spend, write_blocks
from tests.cli.command import files
from tests.cli.records import HEAD, read_records
from tests.sources.node_stand_in import (
    FULL,
    HUNG_UP,
    NodeStandIn,
    Reply,
    longest_chain,
    name_of,
    parent_of,
)

from clewline.errors import (
    BlockFileError,
    NodeAnswerError,
    NodeError,
    UsageError,
)
from clewline.play import make_play
from clewline.sources.node_chain import NodeChain, connect_node
from clewline.store.reader import ChainStore
from clewline.workspace import import_blocks, import_from_node

Connect = Callable[[NodeStandIn], NodeChain]


@pytest.fixture(params=["rpc", "rest"])
def connect(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Connect:
    """Connect over JSON-RPC and over REST."""
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "5")

    def connected(node: NodeStandIn) -> NodeChain:
        if request.param == "rest":
            return connect_node(rest=node.url)
        (tmp_path / "cookie").write_text(node.login)
        return connect_node(rpc=node.url, cookie=tmp_path / "cookie")

    return connected


@pytest.fixture(scope="module")
def made_up_blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_play(tmp_path_factory.mktemp("node") / "case", 300, seed=1).blocks


@pytest.fixture(scope="module")
def made_up(made_up_blocks: Path) -> list[bytes]:
    return [record[HEAD:] for record in read_records(made_up_blocks).blocks]


@pytest.fixture(scope="module")
def digest(made_up_blocks: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Digest of the made-up case, imported from files."""
    store = tmp_path_factory.mktemp("files") / "store"
    return import_blocks(store, made_up_blocks).manifest.digest


def test_same_digest_as_from_files(
    connect: Connect, made_up: list[bytes], digest: str, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    with NodeStandIn(made_up) as node, connect(node) as chain:
        result = import_from_node(tmp_path / "store", chain, progress=lambda *one: told.append(one))
        assert result.manifest.digest == digest
        assert (result.appended, result.removed, result.stale) == (len(made_up), 0, 0)
        assert ("Fetching headers", len(made_up), len(made_up)) in told
        assert ("Importing blocks", len(made_up), len(made_up)) in told
        before = files(tmp_path / "store")
        again = import_from_node(tmp_path / "store", chain)
        assert (again.appended, again.removed) == (0, 0)
        assert files(tmp_path / "store") == before
    assert ChainStore.open(tmp_path / "store").manifest.digest == digest


def test_same_digest_as_from_the_files_of_a_real_node(
    connect: Connect, core_regtest: Path, regtest_store: Path, tmp_path: Path
) -> None:
    """In two steps: the first ends at the two blocks that later lost."""
    every = [record[HEAD:] for record in read_records(core_regtest / "blocks").blocks]
    chain_of_all = longest_chain(every)
    lost = [block for block in every if block not in chain_of_all]
    names = [name_of(block) for block in chain_of_all]
    parent = min(names.index(name) for name in map(parent_of, lost) if name in names)
    early = longest_chain([*chain_of_all[: parent + 1], *lost])
    with NodeStandIn(early) as node, connect(node) as chain:
        first = import_from_node(tmp_path / "store", chain)
        assert first.appended == len(early)
        node.follow(chain_of_all)
        second = import_from_node(tmp_path / "store", chain)
    assert (second.removed, second.stale) == (len(lost), len(lost))
    assert len(lost) == 2
    assert second.manifest.digest == ChainStore.open(regtest_store).manifest.digest


def test_node_that_grows_and_reorganises(connect: Connect, tmp_path: Path) -> None:
    """After each step the store is as if made at once, from files, of what won."""
    trunk = Branch()
    paid = trunk.add(reward=[(50 * COIN, p2pkh(1))]).transactions[0]
    for _ in range(6):
        trunk.add()
    longer = trunk.fork(5)
    for number in range(4):
        longer.add(tag=b"other")
        if number == 1:
            longer.add(spend((paid, 0), to=[(49 * COIN, p2pkh(9))], witness=True))
    rewritten = Branch()
    for _ in range(20):
        rewritten.add(tag=b"all")
    steps = [trunk.raw[:4], trunk.raw, longer.raw, rewritten.raw[:3], rewritten.raw]
    wins = [trunk.raw[:4], trunk.raw, longer.raw, longer.raw, rewritten.raw]
    with NodeStandIn(steps[0]) as node, connect(node) as chain:
        for number, (raw, won) in enumerate(zip(steps, wins, strict=True)):
            node.follow(raw)
            result = import_from_node(tmp_path / "store", chain)
            blocks = write_blocks(tmp_path / f"blocks{number}", won)
            expected = import_blocks(tmp_path / f"store{number}", blocks)
            assert result.manifest.digest == expected.manifest.digest
            assert result.manifest.height == len(won) - 1


def test_node_that_reorganises_while_blocks_are_fetched(connect: Connect, tmp_path: Path) -> None:
    """It serves the blocks that lost; the next import takes them back."""
    trunk = Branch()
    for _ in range(10):
        trunk.add()
    other = trunk.fork(2)
    for _ in range(12):
        other.add(tag=b"other")
    with NodeStandIn(trunk.raw) as node, connect(node) as chain:

        def move(asked: str, _reply: Reply) -> None:
            if asked == "getblock" or "/block/" in asked:
                node.follow(other.raw)

        node.change = move
        assert import_from_node(tmp_path / "store", chain).manifest.height == 10
        result = import_from_node(tmp_path / "store", chain)
    assert (result.removed, result.appended, result.manifest.height) == (8, 12, 14)


def test_busy_node(connect: Connect, made_up: list[bytes], digest: str, tmp_path: Path) -> None:
    numbers = iter(range(1 << 30))
    with NodeStandIn(made_up) as node, connect(node) as chain:
        node.change = lambda *_: {2: FULL, 4: HUNG_UP}.get(next(numbers) % 6)
        result = import_from_node(tmp_path / "store", chain)
    assert result.manifest.digest == digest


def test_node_that_goes_away_leaves_the_store_as_it_was(
    connect: Connect, made_up: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    with NodeStandIn(made_up[:20]) as node, connect(node) as chain:
        import_from_node(store, chain)
    before = files(store)
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    with NodeStandIn(made_up) as node, connect(node) as chain:
        left = iter(range(8))
        node.change = lambda *_: None if next(left, None) is not None else HUNG_UP
        with pytest.raises(NodeError, match="run again when it answers"):
            import_from_node(store, chain)
    assert files(store) == before


def test_pruned_node(connect: Connect, made_up: list[bytes], digest: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with NodeStandIn(made_up) as node, connect(node) as chain:
        node.pruned_below = 20
        with pytest.raises(NodeError, match="pruned: blocks 0 to 19 are needed"):
            import_from_node(store, chain)
        assert not store.exists()
        node.pruned_below = None
        node.follow(made_up[:20])
        import_from_node(store, chain)
        node.follow(made_up)
        node.pruned_below = 20
        assert import_from_node(store, chain).manifest.digest == digest


def test_block_with_a_wrong_merkle_root(
    connect: Connect, made_up: list[bytes], tmp_path: Path
) -> None:
    """The header is right, so the node sent what was asked for; what follows it is not."""
    with NodeStandIn(made_up) as node, connect(node) as chain:
        broken = bytearray(made_up[30])
        broken[-10] ^= 1
        node.blocks[node.chain[30]] = bytes(broken)
        with pytest.raises(BlockFileError) as caught:
            import_from_node(tmp_path / "store", chain)
        assert caught.value.where is not None
        assert caught.value.where.startswith(f"{node.url}, block {node.chain[30]}, byte ")
    assert not (tmp_path / "store").exists()


def test_header_without_work(connect: Connect, tmp_path: Path) -> None:
    trunk = Branch()
    block = bytearray(trunk.add().raw)
    block[72:76] = b"\x01\x00\x00\x03"
    with NodeStandIn([trunk.raw[0], bytes(block)]) as node, connect(node) as chain:
        with pytest.raises(BlockFileError, match="proof-of-work target") as caught:
            import_from_node(tmp_path / "store", chain)
        assert node.url in str(caught.value)


def test_other_networks(connect: Connect, made_up: list[bytes], tmp_path: Path) -> None:
    store = tmp_path / "store"
    with NodeStandIn(made_up[:10]) as node, connect(node) as chain:
        with pytest.raises(UsageError, match="node is on network regtest"):
            import_from_node(store, chain, "main")
        import_from_node(store, chain, "regtest")
        node.network = "main"
        with pytest.raises(UsageError, match="one store holds one network"):
            import_from_node(store, chain)
        node.network = "fractal"
        with pytest.raises(NodeAnswerError, match="network 'fractal'; known of Bitcoin are main"):
            import_from_node(store, chain)


def test_node_that_is_still_loading(connect: Connect, made_up: list[bytes], tmp_path: Path) -> None:
    said: list[str] = []
    with NodeStandIn(made_up[:10]) as node, connect(node) as chain:
        node.behind = 1000
        import_from_node(tmp_path / "store", chain, report=said.append)
    assert said == [f"{node.url}: the node is still loading blocks; it is at height 9 of 1,009"]
