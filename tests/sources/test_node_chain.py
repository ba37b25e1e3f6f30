"""What a node is asked, over JSON-RPC and REST alike, and what of its answers is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.node_stand_in import COOKIE, JSON, NodeStandIn, Reply

from clewline.codec.networks import BITCOIN
from clewline.errors import ClewlineError, NodeAnswerError, NodeError
from clewline.sources.node_chain import NodeChain, RestChain, RpcChain, connect_node

KINDS: dict[str, type[NodeChain]] = {"rpc": RpcChain, "rest": RestChain}


def connected(kind: str, node: NodeStandIn) -> NodeChain:
    """Connect to the stand-in."""
    if kind == "rest":
        return connect_node(rest=node.url)
    return connect_node(rpc=node.url.replace("//", f"//{COOKIE}@"))


@pytest.fixture(params=KINDS)
def chain(request: pytest.FixtureRequest, node: NodeStandIn) -> Any:
    """The same chain both ways."""
    with connected(request.param, node) as one:
        assert type(one) is KINDS[request.param]
        yield one


def hash_of(block: bytes) -> bytes:
    return sha256(sha256(block[:80]).digest()).digest()


def test_tip(chain: NodeChain, node: NodeStandIn, made_up: list[bytes]) -> None:
    node.behind = 3
    tip = chain.tip()
    assert (tip.network.name, tip.height, tip.headers) == (
        "regtest",
        len(made_up) - 1,
        len(made_up) + 2,
    )
    assert tip.hash == hash_of(made_up[-1])
    assert tip.pruned_below == 0
    node.pruned_below = 7
    assert chain.tip().pruned_below == 7


def test_hash_by_height(chain: NodeChain, made_up: list[bytes]) -> None:
    assert chain.hash_at(0) == hash_of(made_up[0])
    assert chain.hash_at(len(made_up) - 1) == hash_of(made_up[-1])
    assert chain.hash_at(len(made_up)) is None


@pytest.mark.parametrize(("height", "count"), [(0, 1), (0, 2000), (5, 7), (10, 2000)])
def test_headers(chain: NodeChain, made_up: list[bytes], height: int, count: int) -> None:
    found = chain.headers(height, count)
    assert found.dtype == np.uint8
    assert found.tobytes() == b"".join(block[:80] for block in made_up[height : height + count])
    assert found.shape == (len(made_up[height : height + count]), 80)


def test_headers_beyond_the_tip(chain: NodeChain, made_up: list[bytes]) -> None:
    assert chain.headers(len(made_up), 10).shape == (0, 80)


def test_blocks(chain: NodeChain, made_up: list[bytes]) -> None:
    asked = made_up[3:20][::-1]
    assert chain.blocks([hash_of(block) for block in asked]) == asked


def test_stale_block(chain: NodeChain, node: NodeStandIn, made_up: list[bytes]) -> None:
    node.follow(made_up[:-2])
    assert chain.blocks([hash_of(made_up[-1])]) == made_up[-1:]


def test_unknown_block(chain: NodeChain, made_up: list[bytes]) -> None:
    with pytest.raises(NodeError, match="not found") as caught:
        chain.blocks([hash_of(made_up[1]), bytes(32)])
    assert "00" * 32 in str(caught.value)


def test_pruned_block(chain: NodeChain, node: NodeStandIn, made_up: list[bytes]) -> None:
    node.pruned_below = 5
    chain.blocks([hash_of(made_up[5])])
    with pytest.raises(NodeError, match="pruned data"):
        chain.blocks([hash_of(made_up[4])])


def test_rest_that_is_switched_off(node: NodeStandIn) -> None:
    node.rest = False
    with connected("rest", node) as one, pytest.raises(NodeError, match="-rest=1"):
        one.tip()


def test_method_that_the_node_does_not_have(node: NodeStandIn) -> None:
    with connected("rpc", node) as one:
        assert isinstance(one, RpcChain)
        error = {"code": -32601, "message": "Method not found"}
        node.next.append(as_json({"result": None, "error": error, "id": 0}, 404))
        with pytest.raises(NodeError, match="Method not found"):
            one.tip()


def test_answers_of_older_nodes(
    node: NodeStandIn, made_up: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Core 28 each answer had a result and an error, one of them null."""
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "2")

    def old(asked: str, reply: Reply) -> Reply:
        answers = json.loads(reply.body)
        for answer in answers:
            del answer["jsonrpc"]
            answer.setdefault("result", None)
            answer.setdefault("error", None)
        return as_json(answers)

    node.change = old
    starting = {"code": -28, "message": "Loading…"}
    with connected("rpc", node) as one:
        node.next.append(as_json({"result": None, "error": starting, "id": None}, 500))
        assert one.tip().height == len(made_up) - 1
        assert one.hash_at(len(made_up)) is None
        assert one.headers(0, 3).shape == (3, 80)
        assert one.blocks([hash_of(made_up[2])]) == [made_up[2]]


# Answers that are not to be believed


def as_json(value: Any, status: int = 200) -> Reply:
    return Reply(status, JSON, json.dumps(value).encode())


def spoiled(change: Callable[[bytes], bytes]) -> Callable[[str, Reply], Reply | None]:
    """Change the block or header in an answer, in hex or not."""

    def spoil(_asked: str, reply: Reply) -> Reply | None:
        if reply.kind != JSON:
            return Reply(reply.status, reply.kind, change(reply.body))
        answers = json.loads(reply.body)
        if isinstance(answers, list) and len(str(answers[0]["result"])) > 64:
            for answer in answers:
                answer["result"] = change(bytes.fromhex(answer["result"])).hex()
            return as_json(answers)
        return None

    return spoil


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:70] + bytes([data[70] ^ 1]) + data[71:],
        lambda data: data[:-1],
        lambda data: data[:79],
        lambda data: b"",
        lambda data: data[1:],
    ],
)
def test_header_that_is_another(
    chain: NodeChain, node: NodeStandIn, change: Callable[[bytes], bytes]
) -> None:
    node.change = spoiled(change)
    if isinstance(chain, RestChain) and not change(bytes(80)):
        # Nothing at all is what REST says of a block that is not active any more.
        assert chain.headers(4, 1).shape == (0, 80)
        return
    with pytest.raises(NodeAnswerError) as caught:
        chain.headers(4, 1)
    assert node.chain[4] in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:70] + bytes([data[70] ^ 1]) + data[71:],
        lambda data: data[:80],
        lambda data: data[:20],
        lambda data: b"",
        lambda data: data + bytes(BITCOIN.max_block_bytes),
    ],
)
def test_block_that_is_another(
    chain: NodeChain,
    node: NodeStandIn,
    made_up: list[bytes],
    change: Callable[[bytes], bytes],
) -> None:
    node.change = spoiled(change)
    with pytest.raises(NodeAnswerError) as caught:
        chain.blocks([hash_of(made_up[4])])
    assert node.url in str(caught.value)
    assert node.chain[4] in str(caught.value)


def test_batch_that_is_too_long_is_asked_in_halves(
    node: NodeStandIn, made_up: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = made_up[:60]
    monkeypatch.setattr("clewline.sources.node_chain._SMALL", 200)
    with connected("rpc", node) as one:
        one.coin = replace(BITCOIN, max_block_bytes=max(map(len, some)))
        assert one.blocks([hash_of(block) for block in some]) == some
    assert node.asked.count("getblock") > 1


GOOD = {"chain": "regtest", "blocks": 9, "headers": 9, "bestblockhash": "00" * 32}


@pytest.mark.parametrize(
    "info",
    [
        None,
        7,
        [],
        {},
        GOOD | {"chain": "dogecoin"},
        GOOD | {"chain": None},
        GOOD | {"blocks": -1},
        GOOD | {"blocks": True},
        GOOD | {"blocks": 9.0},
        GOOD | {"blocks": "9"},
        GOOD | {"headers": 10**30},
        GOOD | {"bestblockhash": None},
        GOOD | {"bestblockhash": "00" * 31},
        GOOD | {"bestblockhash": "zz" * 32},
        GOOD | {"pruned": True},
        GOOD | {"pruned": True, "pruneheight": "0"},
    ],
)
def test_description_that_is_none(chain: NodeChain, node: NodeStandIn, info: Any) -> None:
    body = info if isinstance(chain, RestChain) else [{"id": 0, "result": info}]
    node.next.append(as_json(body))
    with pytest.raises(NodeAnswerError) as caught:
        chain.tip()
    assert node.url in str(caught.value)


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [{"id": 0, "result": GOOD}, {"id": 0, "result": GOOD}],
        [{"id": 1, "result": GOOD}],
        [{"id": "0", "result": GOOD}],
        [{"id": False, "result": GOOD}],
        [{"id": 0}],
        [{"id": 0, "error": "no", "result": GOOD}],
        [[]],
        "text",
        {"id": 0},
    ],
)
def test_batch_that_is_none(node: NodeStandIn, answers: Any) -> None:
    node.next.append(as_json(answers))
    with connected("rpc", node) as one, pytest.raises(NodeAnswerError):
        one.tip()


def test_batch_in_another_order(node: NodeStandIn, made_up: list[bytes]) -> None:
    node.change = lambda _asked, reply: as_json(json.loads(reply.body)[::-1])
    with connected("rpc", node) as one:
        assert one.headers(0, 20).tobytes() == b"".join(block[:80] for block in made_up[:20])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "result", "error", "code", "message", *GOOD, "blockhash"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(answer=JSON_VALUES | st.builds(lambda x: [{"id": 0, "result": x}], JSON_VALUES))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_an_answer_or_an_error(
    chain: NodeChain, node: NodeStandIn, answer: Any
) -> None:
    """Whatever comes, it is one of our errors; nothing else escapes."""
    reply = Reply(200, JSON, json.dumps(answer).encode())
    ask: list[Callable[[], object]] = [
        chain.tip,
        lambda: chain.hash_at(0),
        lambda: chain.headers(0, 1),
        lambda: chain.blocks([bytes(32)]),
    ]
    for one in ask:
        node.next.append(reply)
        try:
            one()
        except ClewlineError as error:
            assert node.url in str(error)
        node.next.clear()
