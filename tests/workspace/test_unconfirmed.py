"""What waits for a block is seen, told apart from the chain, and in no other number."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.builders import COIN, OP_TRUE, Branch, Tx, p2pkh, spend, write_blocks
from tests.sources.node_stand_in import FULL, HUNG_UP, NodeStandIn, Reply
from tests.store.chains import all_files
from tests.workspace.test_following import followed, nothing

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name
from clewline.errors import (
    NodeAnswerError,
    NodeError,
    StoreDamagedError,
    StoreLockedError,
    StoreVersionError,
    UnknownTransactionError,
    UsageError,
)
from clewline.sources import node_chain
from clewline.sources.node_chain import NodeChain, connect_node
from clewline.store.unconfirmed import NAME, open_ledger
from clewline.workspace import Workspace, import_blocks, import_from_node
from clewline.workspace.following import Standing, follow, node_source
from clewline.workspace.unconfirmed import Mempool, look_at_mempool

Connect = Callable[[NodeStandIn], NodeChain]
NOON = 1_700_000_000
AS_OF = "2023-11-14T22:13:20Z"
DAY = 24 * 3600


def address(number: int) -> str:
    """The address of `p2pkh`."""
    found = address_of(p2pkh(number), network_by_name("regtest"))
    assert found is not None
    return found


def name(tx: Tx) -> str:
    return tx.txid[::-1].hex()


def wait(node: NodeStandIn, *transactions: Tx) -> None:
    """Make these the mempool of a node."""
    node.mempool = {name(tx): tx.serialize() for tx in transactions}


@pytest.fixture
def trunk() -> Branch:
    """Five blocks; the coinbase of block n pays 50 to ``address(n)``."""
    branch = Branch()
    for _ in range(5):
        branch.add()
    return branch


def mined(trunk: Branch, height: int) -> Tx:
    return trunk.blocks[height].transactions[0]


@pytest.fixture(params=["rpc", "rest"])
def node(
    request: pytest.FixtureRequest, trunk: Branch, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NodeStandIn]:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    with NodeStandIn(trunk.raw) as stand_in:
        stand_in.rest = request.param == "rest"
        yield stand_in


@pytest.fixture
def chain(node: NodeStandIn) -> Iterator[NodeChain]:
    login = node.url.replace("//", f"//{node.login}@")
    with connect_node(rest=node.url) if node.rest else connect_node(rpc=login) as one:
        yield one


@pytest.fixture
def store(chain: NodeChain, tmp_path: Path) -> Path:
    import_from_node(tmp_path / "store", chain)
    return tmp_path / "store"


def of(store: Path, number: int) -> dict[str, Any] | None:
    """What waits for or at an address."""
    found: dict[str, Any] | None = Workspace.open(store).address(address(number)).get("unconfirmed")
    return found


def sums(received: int, sent: int, *transactions: Tx, as_of: str = AS_OF) -> dict[str, Any]:
    return {
        "as_of": as_of,
        "received": received,
        "sent": sent,
        "transactions": sorted(map(name, transactions)),
    }


def shown(store: Path, tx: Tx) -> dict[str, Any]:
    (row,) = Workspace.open(store).transactions([name(tx)])
    return row


def test_nothing_is_followed(store: Path, trunk: Branch) -> None:
    assert "unconfirmed" not in Workspace.open(store).info()
    assert of(store, 1) is None
    assert of(store, 99) is None
    assert Workspace.open(store).trace("forward", [address(1)])["spent_unconfirmed_by"] is None
    with pytest.raises(UnknownTransactionError):
        shown(store, spend((mined(trunk, 1), 0), to=[(1, OP_TRUE)]))
    assert not (store / NAME).exists()


def test_empty_mempool(store: Path, chain: NodeChain) -> None:
    assert look_at_mempool(store, chain, NOON) == Mempool(NOON, 0, 0, 0)
    assert Workspace.open(store).info()["unconfirmed"] == {
        "as_of": AS_OF,
        "waiting": 0,
        "unread": 0,
    }
    assert of(store, 1) == sums(0, 0)
    assert Workspace.open(store).trace("forward", [address(1)])["spent_unconfirmed_by"] == []


def test_addresses(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    """Money of the chain, and money that waits itself; change; what no output pays to yet."""
    first = spend((mined(trunk, 1), 0), to=[(30 * COIN, p2pkh(2)), (19 * COIN, p2pkh(1))])
    second = spend((first, 0), (mined(trunk, 2), 0), to=[(79 * COIN, p2pkh(99))], witness=True)
    wait(node, first, second)
    assert look_at_mempool(store, chain, NOON) == Mempool(NOON, 2, 0, 2)
    assert of(store, 1) == sums(19 * COIN, 50 * COIN, first)
    assert of(store, 2) == sums(30 * COIN, 80 * COIN, first, second)
    assert of(store, 99) == sums(79 * COIN, 0, second)
    assert of(store, 3) == sums(0, 0)


def test_no_other_number_changes(
    store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch
) -> None:
    """Neither a file of the chain nor any answer, but for the keys of what waits."""
    apart = {"unconfirmed", "spent_unconfirmed_by"}

    def told() -> list[dict[str, Any]]:
        workspace = Workspace.open(store)
        answers = [
            workspace.info(),
            *workspace.all_transactions(),
            *(workspace.address(address(n)) for n in (1, 2, 3, 99)),
            workspace.cluster(address(1)),
            workspace.cluster(address(2)),
            workspace.trace("forward", [address(1), address(2)]),
            workspace.trace("backward", [address(2)]),
        ]
        return [{k: v for k, v in one.items() if k not in apart} for one in answers]

    before, files = told(), all_files(store)
    joined = spend((mined(trunk, 1), 0), (mined(trunk, 2), 0), to=[(COIN, p2pkh(99))])
    wait(node, joined)
    look_at_mempool(store, chain, NOON)
    assert told() == before
    assert {k: v for k, v in all_files(store).items() if k != NAME} == files
    assert (store / NAME).exists()


def test_transactions(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    unknown = spend((mined(trunk, 4), 0), to=[(9, OP_TRUE)])
    first = spend((mined(trunk, 1), 0), to=[(30 * COIN, p2pkh(2)), (19 * COIN, OP_TRUE)])
    second = spend(
        (first, 1), (unknown, 0), (mined(trunk, 2), 7), (mined(trunk, 3), 0), to=[(1, p2pkh(5))]
    )
    wait(node, first, second)
    look_at_mempool(store, chain, NOON)
    assert shown(store, first) == {
        "txid": name(first),
        "confirmed": False,
        "state": "waiting",
        "as_of": AS_OF,
        "first_seen": AS_OF,
        "last_seen": AS_OF,
        "replaced_by": None,
        "fee": COIN,
        "inputs": [
            {"txid": name(mined(trunk, 1)), "vout": 0, "address": address(1), "value": 50 * COIN}
        ],
        "outputs": [
            {
                "vout": 0,
                "address": address(2),
                "script": p2pkh(2).hex(),
                "value": 30 * COIN,
                "spent_by": None,
            },
            {
                "vout": 1,
                "address": None,
                "script": "51",
                "value": 19 * COIN,
                "spent_by": f"{name(second)}:0",
            },
        ],
    }
    row = shown(store, second)
    assert row["fee"] is None
    assert [(one["vout"], one["address"], one["value"]) for one in row["inputs"]] == [
        (1, None, 19 * COIN),
        (0, None, None),
        (7, None, None),
        (0, address(3), 50 * COIN),
    ]
    # Those of the chain are as ever, also beside others.
    both = Workspace.open(store).transactions([name(first), name(mined(trunk, 1))])
    assert list(list(both)[1]) == ["txid", "height", "time", "fee", "coinjoin", "inputs", "outputs"]
    with pytest.raises(UnknownTransactionError):
        shown(store, unknown)


def test_confirmed(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    first = spend((mined(trunk, 1), 0), to=[(50 * COIN, p2pkh(2))])
    second = spend((first, 0), to=[(49 * COIN, p2pkh(1))])
    wait(node, first, second)
    look_at_mempool(store, chain, NOON)
    trunk.add(first)
    node.follow(trunk.raw)
    import_from_node(store, chain)
    # Before the next look: what the tip holds does not wait, whatever the ledger says.
    assert of(store, 2) == sums(0, 50 * COIN, second)
    assert of(store, 1) == sums(49 * COIN, 0, second)
    assert shown(store, first)["height"] == 6
    wait(node, second)
    assert look_at_mempool(store, chain, NOON + 60) == Mempool(NOON + 60, 1, 0, 0)
    assert of(store, 2) == sums(0, 50 * COIN, second, as_of="2023-11-14T22:14:20Z")
    ledger = open_ledger(store)
    assert ledger is not None
    with ledger:
        seen = ledger.seen(first.txid)
        assert seen is not None
        assert (seen.state, seen.height, seen.first_seen, seen.last_seen) == (
            "confirmed", 6, NOON, NOON,
        )  # fmt: skip


def test_replaced(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    """In the mempool, and by a block with a transaction that was never seen."""
    first = spend((mined(trunk, 1), 0), to=[(49 * COIN, p2pkh(2))])
    other = spend((mined(trunk, 3), 0), to=[(49 * COIN, p2pkh(2))])
    evicted = spend((mined(trunk, 4), 0), to=[(49 * COIN, p2pkh(2))])
    wait(node, first, other, evicted)
    look_at_mempool(store, chain, NOON)
    second = spend((mined(trunk, 1), 0), to=[(48 * COIN, p2pkh(3))])
    wait(node, second, other)
    look_at_mempool(store, chain, NOON + 60)
    told = {one: shown(store, one) for one in (first, other, evicted)}
    assert [(row["state"], row["replaced_by"]) for row in told.values()] == [
        ("gone", name(second)),
        ("waiting", None),
        ("gone", None),
    ]
    assert (told[first]["last_seen"], told[first]["as_of"]) == (AS_OF, "2023-11-14T22:14:20Z")
    assert told[first]["confirmed"] is False
    unseen = spend((mined(trunk, 3), 0), to=[(1, p2pkh(9))])
    # The block takes another of the two, and what had been thrown out.
    trunk.add(first, unseen, evicted)
    node.follow(trunk.raw)
    import_from_node(store, chain)
    # What the block made impossible does not wait, before the next look too.
    assert of(store, 2) == sums(0, 0, as_of="2023-11-14T22:14:20Z")
    assert of(store, 3) == sums(0, 0, as_of="2023-11-14T22:14:20Z")
    wait(node)
    look_at_mempool(store, chain, NOON + 120)
    assert [shown(store, one).get("replaced_by") for one in (second, other)] == [
        name(first),
        name(unseen),
    ]
    assert shown(store, evicted)["height"] == shown(store, first)["height"] == 6


def test_gone_and_back(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    first = spend((mined(trunk, 1), 0), to=[(49 * COIN, p2pkh(2))])
    second = spend((mined(trunk, 1), 0), to=[(48 * COIN, p2pkh(3))])
    for n, waiting in enumerate([[first], [second], [first]]):
        wait(node, *waiting)
        look_at_mempool(store, chain, NOON + 60 * n)
    rows = [shown(store, one) for one in (first, second)]
    assert [(row["state"], row["replaced_by"], row["first_seen"]) for row in rows] == [
        ("waiting", None, AS_OF),
        ("gone", name(first), "2023-11-14T22:14:20Z"),
    ]


def test_reorganisation(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    """What was confirmed waits again, is gone, or is confirmed at another height."""
    some = [spend((mined(trunk, n), 0), to=[(49 * COIN, p2pkh(90 + n))]) for n in (1, 2, 3)]
    wait(node, *some)
    look_at_mempool(store, chain, NOON)
    longer = trunk.fork(5)
    trunk.add(*some)
    node.follow(trunk.raw)
    wait(node)
    import_from_node(store, chain)
    look_at_mempool(store, chain, NOON + 60)
    assert [shown(store, one).get("height") for one in some] == [6, 6, 6]
    instead = spend((mined(trunk, 2), 0), to=[(1, p2pkh(9))])
    longer.add(instead, tag=b"other")
    longer.add(some[2], tag=b"other")
    node.follow(longer.raw)
    wait(node, some[0])
    import_from_node(store, chain)
    look_at_mempool(store, chain, NOON + 120)
    assert shown(store, some[0])["state"] == "waiting"
    row = shown(store, some[1])
    assert (row["state"], row["replaced_by"]) == ("gone", name(instead))
    assert shown(store, some[2])["height"] == 7
    assert of(store, 91) == sums(49 * COIN, 0, some[0], as_of="2023-11-14T22:15:20Z")


def test_traces(store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch) -> None:
    paid = spend((mined(trunk, 1), 0), (mined(trunk, 2), 0), to=[(99 * COIN, p2pkh(7))])
    trunk.add(paid)
    node.follow(trunk.raw)
    import_from_node(store, chain)
    before = Workspace.open(store).trace("forward", [address(1)])
    leaving = spend((paid, 0), (mined(trunk, 5), 0), to=[(COIN, p2pkh(8))])
    wait(node, leaving)
    look_at_mempool(store, chain, NOON)
    after = Workspace.open(store).trace("forward", [address(1)])
    assert after["unspent"] == before["unspent"] == 50 * COIN
    assert after.pop("spent_unconfirmed_by") == [
        {
            "txid": name(paid),
            "vout": 0,
            "value": 50 * COIN,
            "spent_by": name(leaving),
            "as_of": AS_OF,
        }
    ]
    assert before.pop("spent_unconfirmed_by") is None
    assert after == before
    assert Workspace.open(store).trace("backward", [address(8 - 1)])["spent_unconfirmed_by"] == []


def test_full_mempool_is_read_in_several_looks(
    store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_chain, "_TRANSACTIONS_AT_ONCE", 3)
    some = [spend((mined(trunk, 1), 0), to=[(n, p2pkh(2))]) for n in range(1, 9)]
    wait(node, *some)
    looks = [look_at_mempool(store, chain, NOON + n, seconds=0) for n in range(4)]
    assert [(one.waiting, one.unread, one.read) for one in looks] == [
        *((3, 5, 3), (6, 2, 3), (8, 0, 2), (8, 0, 0))
    ]
    assert Workspace.open(store).info()["unconfirmed"]["waiting"] == 8
    # A node that names one and never hands it out is not asked for ever.
    node.mempool = {}
    node.change = lambda asked, reply: (
        Reply(200, reply.kind, reply.body.replace(b"[]", b'["' + b"ab" * 32 + b'"]'))
        if "mempool" in asked
        else None
    )
    found = look_at_mempool(store, chain, NOON)
    assert (found.waiting, found.unread, found.read) == (0, 0, 0)


def test_bytes_are_dropped_after_some_days(
    store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEWLINE_UNCONFIRMED_DAYS", "3")
    gone = spend((mined(trunk, 1), 0), to=[(1, p2pkh(2))])
    stays = spend((mined(trunk, 2), 0), to=[(1, p2pkh(2))])
    for day, waiting in enumerate([[gone, stays], [stays], [stays]]):
        wait(node, *waiting)
        look_at_mempool(store, chain, NOON + day * DAY)
    assert shown(store, gone)["inputs"] is not None
    look_at_mempool(store, chain, NOON + 3 * DAY + 1)
    row = shown(store, gone)
    assert (row["inputs"], row["outputs"], row["fee"]) == (None, None, None)
    assert (row["state"], row["first_seen"], row["last_seen"]) == ("gone", AS_OF, AS_OF)
    assert shown(store, stays)["inputs"] is not None
    with sqlite3.connect(store / NAME) as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("body", "spends", "pays", "seen")
        ]
    database.close()
    assert counts == [1, 1, 1, 2]
    # Back after that, it is read again, and first seen when it was.
    wait(node, gone)
    look_at_mempool(store, chain, NOON + 4 * DAY)
    row = shown(store, gone)
    assert (row["state"], row["first_seen"]) == ("waiting", AS_OF)
    assert row["inputs"] is not None


@pytest.mark.parametrize("days", ["-1", "x", "1.5", "٣", "999999"])
def test_days_that_are_none(
    store: Path, chain: NodeChain, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setenv("CLEWLINE_UNCONFIRMED_DAYS", days)
    with pytest.raises(UsageError, match="CLEWLINE_UNCONFIRMED_DAYS"):
        node_source(store, chain, unconfirmed=True)


def test_other_chains(chain: NodeChain, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Dogecoin"):
        node_source(tmp_path / "store", chain, "dogecoin", unconfirmed=True)


# The file


def test_file_that_is_none_of_ours(store: Path, chain: NodeChain) -> None:
    (store / NAME).write_bytes(b"no database at all, but long enough to be looked at" * 100)
    for ask in (lambda: of(store, 1), lambda: look_at_mempool(store, chain, NOON)):
        with pytest.raises(StoreDamagedError, match="delete it") as caught:
            ask()
        assert str(store / NAME) in str(caught.value)
    (store / NAME).unlink()
    with sqlite3.connect(store / NAME) as database:
        database.execute("PRAGMA user_version = 2")
    database.close()
    for ask in (lambda: of(store, 1), lambda: look_at_mempool(store, chain, NOON)):
        with pytest.raises(StoreVersionError, match="format 2"):
            ask()
    (store / NAME).write_bytes(b"")
    assert of(store, 1) is None


def test_bytes_that_were_changed(
    store: Path, chain: NodeChain, node: NodeStandIn, trunk: Branch
) -> None:
    tx = spend((mined(trunk, 1), 0), to=[(1, p2pkh(2))])
    wait(node, tx)
    look_at_mempool(store, chain, NOON)
    for raw in (tx.serialize()[:-1], b"", spend((tx, 0), to=[(1, p2pkh(2))]).serialize()):
        with sqlite3.connect(store / NAME) as database:
            database.execute("UPDATE body SET raw = ?", (raw,))
        database.close()
        with pytest.raises(StoreDamagedError, match=name(tx)):
            shown(store, tx)


def test_two_writers_and_a_reader(
    store: Path, chain: NodeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clewline.store.unconfirmed._BUSY_SECONDS", 0.0)
    look_at_mempool(store, chain, NOON)
    database = sqlite3.connect(store / NAME, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLockedError):
        look_at_mempool(store, chain, NOON + 1)
    assert of(store, 1) == sums(0, 0)
    database.close()
    assert look_at_mempool(store, chain, NOON + 1).as_of == NOON + 1


# Following


def test_following(node: NodeStandIn, chain: NodeChain, trunk: Branch, tmp_path: Path) -> None:
    store = tmp_path / "store"
    tx = spend((mined(trunk, 1), 0), to=[(1, p2pkh(2))])
    wait(node, tx)
    source = node_source(store, chain, unconfirmed=True)

    def confirm() -> None:
        assert shown(store, tx)["state"] == "waiting"
        trunk.add(tx)
        node.follow(trunk.raw)
        wait(node)

    told = followed(store, source, nothing, confirm, nothing)
    looks = [one.pool.seen and one.pool.seen.waiting for one in told]
    assert looks == [None] * 3 + [1] * 6 + [0] * 3
    assert shown(store, tx)["height"] == 6
    assert {one.pool.waiting for one in told} == {None}


@pytest.mark.parametrize("reply", [FULL, HUNG_UP, Reply(200, "application/json", b'{"a":1}')])
def test_mempool_that_cannot_be_had_stops_no_block(
    node: NodeStandIn, chain: NodeChain, trunk: Branch, tmp_path: Path, reply: Reply
) -> None:
    store = tmp_path / "store"
    tx = spend((mined(trunk, 1), 0), to=[(1, p2pkh(2))])
    wait(node, tx)
    source = node_source(store, chain, unconfirmed=True)

    def fail() -> None:
        node.change = lambda asked, _reply: reply if "mempool" in asked else None
        trunk.add()
        node.follow(trunk.raw)

    def mend() -> None:
        assert Workspace.open(store).info()["height"] == 6
        assert of(store, 2) is not None
        node.change = lambda *_: None

    told = followed(store, source, fail, mend, nothing)
    failed = [one for one in told if one.pool.waiting]
    assert failed
    assert {one.waiting for one in told} == {None}
    assert all(one.pool.seen and one.pool.seen.waiting == 1 for one in failed)
    assert told[-1].pool.waiting is None
    fail()
    with pytest.raises((NodeError, NodeAnswerError)):
        follow(store, source, lambda _: None, interval=1, once=True)
    assert Workspace.open(store).info()["height"] == 7


def test_what_the_time_did_not_suffice_for_is_read_without_sleep(
    node: NodeStandIn, chain: NodeChain, trunk: Branch, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(node_chain, "_TRANSACTIONS_AT_ONCE", 2)
    monkeypatch.setattr(
        "clewline.workspace.following.look_at_mempool",
        lambda *given: look_at_mempool(*given, seconds=0),
    )
    wait(node, *(spend((mined(trunk, 1), 0), to=[(n, p2pkh(2))]) for n in range(1, 8)))
    store = tmp_path / "store"
    told: list[Standing] = []
    follow(
        store,
        node_source(store, chain, unconfirmed=True),
        told.append,
        interval=1,
        once=True,
        now=lambda: NOON,
    )
    assert told[-1].pool.seen == Mempool(NOON, 7, 0, 1)


# Against a second hand


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@example(steps=[({9}, ""), ({10}, ""), (set(), ""), ({9}, "")])
@given(
    steps=st.lists(
        st.tuples(
            st.sets(st.integers(0, 11)), st.sampled_from(["", "", "block", "reorganisation"])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_history(steps: list[tuple[set[int], str]], tmp_path_factory: Any) -> None:
    """States, sums and replacements after each look, as counted from whole lists."""
    branch = Branch()
    for _ in range(4):
        branch.add()
    # Three that spend each of four coins: at most one of each can wait or be confirmed.
    coins = [mined(branch, 1 + n // 3) for n in range(12)]
    some = [spend((coin, 0), to=[(n + 1, p2pkh(50))]) for n, coin in enumerate(coins)]
    store = tmp_path_factory.mktemp("any") / "store"
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    with NodeStandIn(branch.raw) as node, connect_node(rest=node.url) as chain:
        import_from_node(store, chain)
        for at, (picked, event) in enumerate(steps):
            on_chain = {tx.txid for block in branch.blocks for tx in block.transactions}
            if event == "reorganisation":
                height = len(branch.blocks)
                branch = branch.fork(4)
                while len(branch.blocks) <= height:
                    branch.add(tag=b"%d" % at)
                on_chain = {tx.txid for block in branch.blocks for tx in block.transactions}
            taken = {n // 3 for n in range(12) if some[n].txid in on_chain}
            if event == "block":
                mine = [n for n in one_of_each(sorted(picked, reverse=True)) if n // 3 not in taken]
                branch.add(*(some[n] for n in mine), tag=b"%d" % at)
                taken |= {n // 3 for n in mine}
            waiting = [n for n in one_of_each(sorted(picked)) if n // 3 not in taken]
            wait(node, *(some[n] for n in waiting))
            node.follow(branch.raw)
            import_from_node(store, chain)
            look_at_mempool(store, chain, NOON + at)
            for n in waiting:
                first.setdefault(n, NOON + at)
                last[n] = NOON + at
            height_of = {
                tx.txid: block.height for block in branch.blocks for tx in block.transactions
            }
            ledger = open_ledger(store)
            assert ledger is not None
            with ledger:
                for n, tx in enumerate(some):
                    seen = ledger.seen(tx.txid)
                    if n not in first:
                        assert seen is None
                        continue
                    assert seen is not None
                    height = height_of.get(tx.txid)
                    state = "waiting" if n in waiting else "gone" if height is None else "confirmed"
                    assert (seen.state, seen.height) == (state, height)
                    assert seen.first_seen == first[n]
                    assert seen.last_seen == last[n]
                    rivals = {some[m].txid for m in range(12) if m // 3 == n // 3 and m != n}
                    assert seen.replaced_by is None or seen.replaced_by in rivals
                    there = {some[m].txid for m in waiting} | height_of.keys()
                    if state == "gone" and rivals & there:
                        assert seen.replaced_by is not None
                    if state != "gone":
                        assert seen.replaced_by is None
            assert of(store, 50) == sums(
                sum(n + 1 for n in waiting),
                0,
                *(some[n] for n in waiting),
                as_of=f"2023-11-14T22:13:{20 + at}Z",
            )
            sent = [(of(store, 1 + coin) or {})["sent"] for coin in range(4)]
            spent = {n // 3 for n in waiting}
            assert sent == [50 * COIN if coin in spent else 0 for coin in range(4)]


def one_of_each(numbers: Sequence[int]) -> list[int]:
    """Keep the first of those that spend the same."""
    kept: dict[int, int] = {}
    for n in numbers:
        kept.setdefault(n // 3, n)
    return list(kept.values())


def test_directory_import_leaves_the_file_alone(
    store: Path, chain: NodeChain, trunk: Branch, tmp_path: Path
) -> None:
    look_at_mempool(store, chain, NOON)
    before = (store / NAME).read_bytes()
    trunk.add()
    import_blocks(store, write_blocks(tmp_path / "blocks", trunk.raw))
    rewritten = Branch()
    for _ in range(8):
        rewritten.add(tag=b"new")
    import_blocks(store, write_blocks(tmp_path / "new", rewritten.raw))
    assert (store / NAME).read_bytes() == before
