"""A store that is followed is at each tip what a store made at once would be."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import COIN, OP_TRUE, Branch, p2pkh, record, spend, write_blocks
from tests.sources.node_stand_in import DROPPED, FULL, HUNG_UP, NodeStandIn, Reply
from tests.store.chains import all_files, canonical_bytes, checked

from clewline.errors import (
    BlockFileError,
    NodeError,
    NodePrunedError,
    StoreLockedError,
    UsageError,
)
from clewline.sources.node_chain import NodeChain, connect_node
from clewline.store.reader import ChainStore
from clewline.workspace import Workspace, import_blocks
from clewline.workspace.following import (
    Source,
    Standing,
    directory_source,
    follow,
    node_source,
    tip_of,
)

Connect = Callable[[NodeStandIn], NodeChain]
Step = Callable[[], object]
NOW = 1_300_000_000.75
SAME_INDEXES = (
    *("spending.spender", "receiving.first", "receiving.next", "receiving.last"),
    *("structure.coinjoin", "structure.cluster"),
)
"""Those that do not depend on the key by which a store hashes scripts."""


class EndError(Exception):
    """Nothing is left to happen."""


def nothing() -> None:
    """Let a round pass."""


def never(_seconds: float) -> None:
    """Must not be called."""
    raise AssertionError


def followed(store: Path, source: Source, *steps: Step) -> list[Standing]:
    """Follow; each time that the loop sleeps the next step happens, after the last it ends."""
    told: list[Standing] = []
    left = iter(steps)

    def sleep(seconds: float) -> None:
        assert seconds == 7
        step = next(left, None)
        if step is None:
            raise EndError
        step()

    with pytest.raises(EndError):
        follow(store, source, told.append, interval=7, now=lambda: NOW, sleep=sleep)
    return told


@pytest.fixture(params=["rpc", "rest"])
def connect(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Connect:
    """Connect over JSON-RPC and over REST, without patience."""
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")

    def connected(node: NodeStandIn) -> NodeChain:
        if request.param == "rest":
            return connect_node(rest=node.url)
        (tmp_path / "cookie").write_text(node.login)
        return connect_node(rpc=node.url, cookie=tmp_path / "cookie")

    return connected


def grown(branch: Branch, blocks: int, tag: bytes) -> Branch:
    """Add blocks that spend each other's rewards, so that clusters grow and balances move."""
    for _ in range(blocks):
        mine = [block.transactions[0] for block in branch.blocks[1:]]
        number = len(mine)
        reward = [(50 * COIN, p2pkh(number * number % 7 + 100 * len(tag)))]
        if number % 3 != 2:
            branch.add(tag=tag, reward=reward)
            continue
        joined = spend((mine[-1], 0), (mine[-2], 0), to=[(60 * COIN, p2pkh(number % 4))])
        paid = spend((joined, 0), to=[(9 * COIN, OP_TRUE), (COIN, p2pkh(1))], witness=True)
        branch.add(joined, paid, tag=tag, reward=reward)
    return branch


def history() -> list[list[bytes]]:
    """Chains that win one after the other: growth, reorganisations of depth 1, 10 and all."""
    trunk = grown(Branch(), 12, b"trunk")
    first = trunk.raw
    shallow = grown(trunk.fork(11), 3, b"one")
    deep = grown(shallow.fork(4), 12, b"ten")
    assert len(deep.raw) == 17
    rewritten = grown(Branch(), 18, b"all")
    return [
        first[:1],
        first[:4],
        first,
        shallow.raw,
        deep.raw,
        rewritten.raw,
        grown(rewritten, 2, b"").raw,
    ]


def everything(store: Path) -> list[Any]:
    """Ask a store all that it can be asked."""
    workspace = Workspace.open(store)
    rows = list(workspace.all_transactions())
    addresses = sorted({o["address"] for row in rows for o in row["outputs"] if o["address"]})
    chain = ChainStore.open(store)
    return [
        workspace.info(),
        rows,
        [workspace.address(address) for address in addresses],
        [workspace.cluster(address) for address in addresses],
        workspace.largest_clusters(50),
        [workspace.trace("forward", [address]) for address in addresses[:3]],
        canonical_bytes(store),
        [chain.column(name).tobytes() for name in SAME_INDEXES],
    ]


def made_at_once(directory: Path, chain: list[bytes]) -> Path:
    """Import a chain from files."""
    number = len(list(directory.glob("once*")))
    blocks = write_blocks(directory / f"blocks{number}", chain)
    import_blocks(directory / f"once{number}", blocks)
    return directory / f"once{number}"


def test_node_that_grows_and_reorganises(connect: Connect, tmp_path: Path) -> None:
    chains, store = history(), tmp_path / "store"

    def steps(node: NodeStandIn) -> Iterator[Step]:
        for at in range(len(chains)):

            def compare(at: int = at) -> None:
                once = made_at_once(tmp_path, chains[at])
                assert everything(store) == everything(once)
                report, _ = checked(store)
                assert report.wrong == []
                node.follow(chains[min(at + 1, len(chains) - 1)])

            yield compare

    with NodeStandIn(chains[0]) as node, connect(node) as chain:
        told = followed(store, node_source(store, chain), *steps(node))
    results = [one.result for one in told if one.result]
    counts = [(one.removed, one.appended) for one in results]
    assert counts == [(0, 1), (0, 3), (0, 9), (1, 3), (10, 12), (16, 18), (0, 2)]
    assert [one.blocks_behind for one in told if one.result] == [0] * 7


def test_directory_that_grows_and_reorganises(tmp_path: Path) -> None:
    """As a node writes it: blocks that lose stay in the file."""
    chains, store, blocks = history(), tmp_path / "store", tmp_path / "blocks"
    written = list(chains[0])
    write_blocks(blocks, written)

    def step(at: int) -> Step:
        def take() -> None:
            assert everything(store) == everything(made_at_once(tmp_path, chains[at]))
            if at + 1 < len(chains):
                written.extend(one for one in chains[at + 1] if one not in written)
                write_blocks(blocks, written)

        return take

    told = followed(store, directory_source(store, blocks), *map(step, range(len(chains))))
    counts = [(one.result.removed, one.result.appended) for one in told if one.result]
    assert [one for one in counts if one[1]] == [
        *((0, 1), (0, 3), (0, 9), (1, 3), (10, 12), (16, 18), (0, 2))
    ]


def test_quiet_rounds_write_nothing_and_ask_little(connect: Connect, tmp_path: Path) -> None:
    store, chain_of_ten = tmp_path / "store", history()[2]
    before: list[dict[str, tuple[bytes, int]]] = []
    with NodeStandIn(chain_of_ten) as node, connect(node) as chain:

        def look() -> None:
            before.append(all_files(store))
            node.asked.clear()

        told = followed(store, node_source(store, chain), look, nothing, nothing)
        assert len(node.asked) == 3
        assert all_files(store) == before[0]
        assert len(set(told[-3:])) == 1
        # Started again at the tip, it imports nothing either.
        followed(store, node_source(store, chain), nothing)
    assert all_files(store) == before[0]


def test_quiet_directory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, blocks = tmp_path / "store", write_blocks(tmp_path / "blocks", history()[2])
    source = directory_source(store, blocks)
    path = blocks / "blk00000.dat"

    def settle() -> None:
        os.utime(path, (1e9, 1e9))

    def no_more() -> None:
        monkeypatch.setattr("clewline.workspace.following.import_blocks", None)

    told = followed(store, source, settle, no_more, nothing)
    # At first; because a file may change within one tick of the clock; because its time changed.
    assert [one.result.appended for one in told if one.result] == [13, 0, 0]
    assert [one.blocks_behind for one in told if one.tip] == [0, None, 0, None, 0, 0, 0]


def test_lag(connect: Connect, tmp_path: Path) -> None:
    """Blocks from what the node says, seconds from the header time; before and after an import."""
    chain_of_ten, store = history()[2], tmp_path / "store"
    with NodeStandIn(chain_of_ten[:4]) as node, connect(node) as chain:
        node.behind = 5
        told = followed(store, node_source(store, chain), lambda: node.follow(chain_of_ten))
    assert [(one.tip.height if one.tip else None, one.blocks_behind) for one in told] == [
        *((None, 9), (3, 5), (3, 5)),
        *((3, 14), (12, 5), (12, 5)),
    ]
    tip = told[-1].tip
    assert tip is not None
    assert told[-1].seconds_behind == int(NOW) - tip.time
    assert tip.time == int.from_bytes(chain_of_ten[-1][68:72], "little")
    with NodeStandIn(chain_of_ten) as node, connect(node) as chain:
        ahead: list[Standing] = []
        source = node_source(store, chain)
        follow(store, source, ahead.append, interval=1, once=True, now=lambda: 0.0)
    assert ahead[-1].seconds_behind == 0


def test_tip_that_comes_during_an_import_is_taken_without_sleep(
    connect: Connect, tmp_path: Path
) -> None:
    chain_of_ten, store = history()[2], tmp_path / "store"
    with NodeStandIn(chain_of_ten[:5]) as node, connect(node) as chain:

        def move(asked: str, _reply: Reply) -> None:
            if asked == "getblock" or "/block/" in asked:
                node.follow(chain_of_ten)

        node.change = move
        told = followed(store, node_source(store, chain))
    assert [one.result.appended for one in told if one.result] == [5, 8]


@pytest.mark.parametrize("trouble", ["down", "warm-up", "full", "cut", "during"])
def test_node_that_goes_away_and_comes_back(connect: Connect, tmp_path: Path, trouble: str) -> None:
    chain_of_ten, store = history()[2], tmp_path / "store"
    with NodeStandIn(chain_of_ten[:5]) as node, connect(node) as chain:

        def leave() -> None:
            node.follow(chain_of_ten)
            if trouble == "down":
                node.stop()
            elif trouble == "warm-up":
                node.warm_up = "Loading block index…"
            elif trouble == "during":
                node.change = lambda asked, _: (
                    HUNG_UP if asked == "getblock" or "/block/" in asked else None
                )
            else:
                node.change = lambda *_: FULL if trouble == "full" else DROPPED

        def come_back() -> None:
            assert tip_of(store) == told_before[-1].tip
            node.login = "__cookie__:another"
            if (tmp_path / "cookie").exists():
                (tmp_path / "cookie").write_text(node.login)
            node.warm_up, node.change = None, lambda *_: None
            if trouble == "down":
                node.start()

        source = node_source(store, chain)
        told_before: list[Standing] = []
        follow(store, source, told_before.append, interval=1, once=True)
        told = followed(store, source, leave, nothing, come_back, nothing)
    waited = [one for one in told if one.waiting]
    assert len(waited) in {2, 3}
    assert {one.tip for one in waited} == {told_before[-1].tip}
    assert {one.blocks_behind for one in waited} <= {8, None}
    assert told[-1].waiting is None
    assert everything(store) == everything(made_at_once(tmp_path, chain_of_ten))


def test_node_that_never_answered(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    with NodeStandIn(history()[0]) as node, connect(node) as chain:
        node.stop()
        with pytest.raises(NodeError, match="does the node run"):
            followed(store, node_source(store, chain))
    assert not store.exists()


def test_node_that_has_deleted_what_is_needed(connect: Connect, tmp_path: Path) -> None:
    store, chain_of_ten = tmp_path / "store", history()[2]
    with NodeStandIn(chain_of_ten[:5]) as node, connect(node) as chain:

        def prune() -> None:
            node.follow(chain_of_ten)
            node.pruned_below = 9

        with pytest.raises(NodePrunedError, match="pruned: blocks 5 to 8 are needed"):
            followed(store, node_source(store, chain), prune)
    assert ChainStore.open(store).manifest.height == 4


def test_once(connect: Connect, tmp_path: Path) -> None:
    store, chains = tmp_path / "store", history()
    for at in (2, 3, 3):
        with NodeStandIn(chains[at]) as node, connect(node) as chain:
            source = node_source(store, chain)
            assert follow(store, source, lambda _: None, interval=1, once=True) is None
        assert ChainStore.open(store).manifest.height == len(chains[at]) - 1
    with NodeStandIn(chains[4]) as node, connect(node) as chain:
        source = node_source(store, chain)
        source.look()
        node.next.append(DROPPED)
        with pytest.raises(NodeError, match="the connection broke"):
            follow(store, source, lambda _: None, interval=1, once=True, sleep=never)


def test_writer_that_comes_first_and_later(connect: Connect, tmp_path: Path) -> None:
    store, chain_of_ten = tmp_path / "store", history()[2]
    with NodeStandIn(chain_of_ten[:5]) as node, connect(node) as chain:
        source = node_source(store, chain)
        followed(store, source)
        with (store / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StoreLockedError):
                follow(store, source, lambda _: None, interval=1, sleep=never)
            fcntl.flock(lock, fcntl.LOCK_UN)

            def write_too() -> None:
                fcntl.flock(lock, fcntl.LOCK_EX)
                node.follow(chain_of_ten)

            told = followed(
                store, source, write_too, nothing, lambda: fcntl.flock(lock, fcntl.LOCK_UN)
            )
    waited = [one for one in told if one.waiting]
    assert [one.blocks_behind for one in waited] == [8, 8]
    assert "another process writes to this store" in str(waited[0].waiting)
    assert told[-1].tip == tip_of(store)
    assert ChainStore.open(store).manifest.height == 12


def test_store_that_another_command_moved(connect: Connect, tmp_path: Path) -> None:
    """The tip is read anew in each round: what another import did is not undone, nor missed."""
    store, chains = tmp_path / "store", history()
    other = write_blocks(tmp_path / "other", chains[5])
    with NodeStandIn(chains[2]) as node, connect(node) as chain:
        told = followed(
            store, node_source(store, chain), lambda: import_blocks(store, other), nothing
        )
    assert told[-1].tip is not None
    assert told[-1].tip.height == len(chains[5]) - 1
    assert [one.result.appended for one in told if one.result] == [13, 0]
    assert told[-1].blocks_behind == 0


def half_written(path: Path, blocks: Iterable[bytes], last: bytes, part: int) -> None:
    """Write blocks and a part of the last into a preallocated file, as Core is seen doing it."""
    content = b"".join(map(record, blocks)) + record(last)[:part]
    path.write_bytes(content + bytes(1 << 16))


@pytest.mark.parametrize("part", [4, 8, 50, 100, -10])
def test_block_that_is_half_written(tmp_path: Path, part: int) -> None:
    store, chain_of_ten = tmp_path / "store", history()[2]
    path = tmp_path / "blocks" / "blk00000.dat"
    write_blocks(path.parent, chain_of_ten[:-1], tail=1 << 16)
    part %= len(record(chain_of_ten[-1]))
    told = followed(
        store,
        directory_source(store, path.parent),
        lambda: half_written(path, chain_of_ten[:-1], chain_of_ten[-1], part),
        lambda: write_blocks(path.parent, chain_of_ten, tail=1 << 16),
    )
    assert [one for one in told if one.waiting]
    assert [one.result.appended for one in told if one.result] == [12, 0, 1, 0]
    assert everything(store) == everything(made_at_once(tmp_path, chain_of_ten))


def test_directory_that_stays_wrong(tmp_path: Path) -> None:
    store, chain_of_ten = tmp_path / "store", history()[2]
    path = tmp_path / "blocks" / "blk00000.dat"
    write_blocks(path.parent, chain_of_ten[:-1], tail=1 << 16)

    def break_it() -> None:
        half_written(path, chain_of_ten[:-1], chain_of_ten[-1], 100)

    with pytest.raises(BlockFileError) as caught:
        followed(
            store,
            directory_source(store, path.parent),
            break_it,
            lambda: os.utime(path, (1e9, 1e9)),
        )
    assert str(path) in str(caught.value)
    assert ChainStore.open(store).manifest.height == 11
    break_it()
    with pytest.raises(BlockFileError):
        follow(store, directory_source(store, path.parent), lambda _: None, interval=1, once=True)


def test_wrong_use_ends_it(connect: Connect, tmp_path: Path) -> None:
    with NodeStandIn(history()[2]) as node, connect(node) as chain:
        with pytest.raises(UsageError, match="--network"):
            followed(tmp_path / "store", node_source(tmp_path / "store", chain, "main"))
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "letter").write_text("")
        with pytest.raises(UsageError, match="is not a chain store"):
            followed(tmp_path / "full", node_source(tmp_path / "full", chain))
    with pytest.raises(BlockFileError):
        followed(tmp_path / "new", directory_source(tmp_path / "new", tmp_path / "nowhere"))


def test_clusters_do_change_in_this_history(tmp_path: Path) -> None:
    """Otherwise the comparisons above would say little."""
    sizes = set()
    for chain in history()[2:]:
        store = ChainStore.open(made_at_once(tmp_path, chain))
        cluster = store.column("structure.cluster")
        sizes.add((np.unique(cluster).size, int(np.bincount(cluster).max())))
    assert len(sizes) == 5, sizes
