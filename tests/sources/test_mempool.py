"""What a node's mempool is asked, over JSON-RPC and REST alike, and what of it is believed."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from tests.builders import COIN, Tx, coinbase, p2pkh, spend
from tests.sources.node_stand_in import BINARY, DROPPED, FULL, JSON, NodeStandIn, Reply
from tests.sources.test_node_chain import KINDS, as_json, connected

from clewline.codec.networks import BITCOIN
from clewline.errors import NodeAnswerError, NodeError
from clewline.sources import node_chain
from clewline.sources.node_chain import NodeChain


@pytest.fixture(params=KINDS)
def chain(
    request: pytest.FixtureRequest, node: NodeStandIn, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NodeChain]:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    with connected(request.param, node) as one:
        yield one


def waiting(count: int, script: bytes = b"\x51") -> list[Tx]:
    """Transactions that nobody could confirm: what they spend is made up."""
    before = coinbase(1, [(COIN, script)] * count)
    return [
        spend((before, i), to=[(COIN - i, p2pkh(i)), (i, script)], witness=i % 2 == 1)
        for i in range(count)
    ]


def fill(node: NodeStandIn, transactions: list[Tx]) -> list[bytes]:
    """Put transactions into the mempool of a node; return their ids in the order of asking."""
    node.mempool = {tx.txid[::-1].hex(): tx.serialize() for tx in transactions}
    return sorted(tx.txid for tx in transactions)


def fetched(chain: NodeChain, txids: list[bytes]) -> list[tuple[bytes, bytes]]:
    return [
        (txid.tobytes(), batch.data[start:end].tobytes())
        for batch in chain.transactions(txids)
        for txid, start, end in zip(batch.txid, batch.block_start, batch.block_end, strict=True)
    ]


def test_ids_and_bytes(chain: NodeChain, node: NodeStandIn) -> None:
    assert chain.mempool() == set()
    assert fetched(chain, []) == []
    transactions = waiting(9)
    txids = fill(node, transactions)
    assert chain.mempool() == set(txids)
    raw = {tx.txid: tx.serialize() for tx in transactions}
    assert fetched(chain, txids) == [(txid, raw[txid]) for txid in txids]


def test_list_of_older_nodes(node: NodeStandIn) -> None:
    """Core 24 has no ``verbose`` parameter over REST."""
    txids = fill(node, waiting(5))
    node.lists_verbosely = True
    with connected("rest", node) as chain:
        assert chain.mempool() == set(txids)


def test_transactions_that_left_meanwhile(chain: NodeChain, node: NodeStandIn) -> None:
    txids = fill(node, waiting(5))
    for gone in txids[:1], txids[2:4]:
        for txid in gone:
            del node.mempool[txid[::-1].hex()]
    assert [txid for txid, _raw in fetched(chain, txids)] == [txids[1], txids[4]]
    node.mempool.clear()
    assert fetched(chain, txids) == []


def test_batches_are_bounded(
    chain: NodeChain, node: NodeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many small ones, and of few that are large: no answer is longer than a block in hex."""
    monkeypatch.setattr(node_chain, "_TRANSACTIONS_AT_ONCE", 4)
    txids = fill(node, waiting(10))
    sizes = [len(batch.txid) for batch in chain.transactions(txids)]
    assert sizes == [4, 4, 2]
    large = waiting(6, b"\x6a" * 1_500_000)
    txids = fill(node, large)
    tracemalloc.start()
    batches = []
    for batch in chain.transactions(txids):
        assert batch.data.size <= 2 * BITCOIN.max_block_bytes
        batches += [txid.tobytes() for txid in batch.txid]
        del batch
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert batches == txids
    # The stand-in counts too: it makes the hex of four.
    assert peak < 120_000_000


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\x00",
        lambda raw: raw[:5] + bytes([raw[5] ^ 1]) + raw[6:],
        lambda raw: b"",
        lambda raw: coinbase(3, [(COIN, b"\x51")]).serialize(),
    ],
)
def test_bytes_that_are_another(chain: NodeChain, node: NodeStandIn, change: Any) -> None:
    txids = fill(node, waiting(3))
    name = txids[1][::-1].hex()
    node.mempool[name] = change(node.mempool[name])
    with pytest.raises(NodeAnswerError) as caught:
        fetched(chain, txids)
    assert name in str(caught.value)
    assert chain.shown in str(caught.value)


def test_coinbase_in_the_mempool(chain: NodeChain, node: NodeStandIn) -> None:
    txids = fill(node, [coinbase(3, [(COIN, b"\x51")])])
    with pytest.raises(NodeAnswerError, match="a coinbase, which cannot wait"):
        fetched(chain, txids)


@pytest.mark.parametrize(
    "answer",
    [
        *(None, 5, "ab" * 32, [5], ["ab"], ["zz" * 32], [[]], {"ab": 1}),
        *([" " + "ab" * 31 + " "], ["ab" * 31, "ab" * 33]),
    ],
)
def test_list_that_is_none(chain: NodeChain, node: NodeStandIn, answer: Any) -> None:
    def spoil(_asked: str, reply: Reply) -> Reply:
        asked = json.loads(reply.body)
        return as_json([one | {"result": answer} for one in asked] if asked else answer)

    node.change = spoil
    with pytest.raises(NodeAnswerError, match="no list of transaction ids"):
        chain.mempool()


def test_list_without_end(
    chain: NodeChain, node: NodeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_chain, "_MEMPOOL_BYTES", 1000)
    fill(node, waiting(20))
    with pytest.raises(NodeAnswerError, match="more than 1,000 bytes"):
        chain.mempool()


def test_transaction_without_end(chain: NodeChain, node: NodeStandIn) -> None:
    txids = fill(node, waiting(2))
    node.mempool[txids[1][::-1].hex()] = bytes(BITCOIN.max_block_bytes + 40_000)
    with pytest.raises(NodeAnswerError) as caught:
        fetched(chain, txids)
    assert txids[1][::-1].hex() in str(caught.value)


@pytest.mark.parametrize("reply", [FULL, DROPPED, Reply(500, BINARY, b"?"), Reply(200, JSON, b"{")])
def test_node_that_does_not_answer(chain: NodeChain, node: NodeStandIn, reply: Reply) -> None:
    txids = fill(node, waiting(2))
    chain.tip()
    for ask in (chain.mempool, lambda: fetched(chain, txids)):
        node.next.append(reply)
        with pytest.raises((NodeError, NodeAnswerError)):
            ask()
    assert len(fetched(chain, txids)) == 2


def test_patience_ends_where_the_next_round_asks_again(
    node: NodeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "60")
    with connected("rest", node) as chain:
        node.change = lambda *_: FULL
        with chain.node.impatient(), pytest.raises(NodeError, match="asked again for 0 seconds"):
            chain.mempool()
        node.change = lambda *_: None
        node.next += [FULL]
        assert chain.mempool() == set()
