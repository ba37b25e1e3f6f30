"""Asking an Esplora server that is busy, broken, or lies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.builders import Branch, mine, spend
from tests.made_up_chain import BUSY, made_up_branch
from tests.sources.esplora_stand_in import (
    GATEWAY,
    PAGE,
    TOO_MANY,
    EsploraStandIn,
    address,
    show,
)
from tests.sources.node_stand_in import DROPPED, HUNG_UP, TEXT, Reply

from clewline.codec.networks import network_by_name
from clewline.errors import NodeAnswerError, NodeError, StoreDamagedError, UsageError
from clewline.settings import SETTINGS
from clewline.sources.answers import Answers
from clewline.sources.esplora import Esplora, EsploraTip, Place, Spend, esplora_server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting but the patience, which is short."""
    for one in SETTINGS:
        monkeypatch.delenv(one.env, raising=False)
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "5")


@pytest.fixture(scope="module")
def branch() -> Branch:
    return made_up_branch()


@pytest.fixture
def stand_in(branch: Branch) -> Iterator[EsploraStandIn]:
    with EsploraStandIn(branch.blocks) as one:
        yield one


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[Answers]:
    with Answers(tmp_path / "answers.sqlite") as one:
        yield one


@pytest.fixture
def esplora(stand_in: EsploraStandIn, answers: Answers) -> Iterator[Esplora]:
    """The server as of its tip."""
    with Esplora(esplora_server(stand_in.url, 0)) as one:
        tip = one.tip()
        answers.begin(stand_in.url, "green", [], tip.height, show(tip.hash))
        one.as_of(tip, answers)
        stand_in.asked.clear()
        yield one


def test_every_transaction_is_proven(esplora: Esplora, branch: Branch) -> None:
    for block in branch.blocks:
        for position, tx in enumerate(block.transactions):
            found = esplora.transaction(tx.txid)
            assert found.raw == tx.serialize()
            assert found.prevouts == (() if position == 0 else tx.inputs)
            assert found.scripts == tuple(script for _value, script in tx.outputs)
            assert esplora.place(tx.txid) == Place(block.height, position)


def test_history_and_spends(esplora: Esplora, stand_in: EsploraStandIn) -> None:
    busy = address(BUSY) or ""
    count = esplora.transaction_count(busy)
    first = esplora.history(busy, None)
    second = esplora.history(busy, first[-1].txid)
    assert [show(one.txid) for one in first + second] == stand_in.touching[busy][::-1]
    assert len(first) == PAGE < count == len(first + second)
    spent, (spender, _vin) = next(iter(stand_in.spender.items()))
    outputs = len(stand_in.tx[spent[0]].outputs)
    spends = esplora.spends(bytes.fromhex(spent[0])[::-1], outputs)
    height, _position = stand_in.place[spender]
    assert spends[spent[1]] == Spend(bytes.fromhex(spender)[::-1], height)


def test_nothing_is_asked_twice(
    esplora: Esplora, stand_in: EsploraStandIn, answers: Answers, branch: Branch
) -> None:
    txid = branch.blocks[-1].transactions[0].txid
    for _ in range(2):
        esplora.transaction(txid)
        esplora.place(txid)
        esplora.transaction_count(address(BUSY) or "")
    assert len(stand_in.asked) == len(set(stand_in.asked)) == answers.count() == 5


def test_what_a_later_block_can_change_is_asked_again(
    esplora: Esplora, stand_in: EsploraStandIn, answers: Answers, branch: Branch
) -> None:
    """At another tip: places near the tip, lists; not the bytes of a transaction."""
    txid, busy = branch.blocks[-1].transactions[0].txid, address(BUSY) or ""
    esplora.transaction(txid)
    esplora.place(txid)
    esplora.history(busy, None)
    longer = branch.fork(len(branch.blocks) - 1)
    longer.add()
    stand_in.follow(longer.blocks)
    tip = esplora.tip()
    answers.begin(stand_in.url, "green", [], tip.height, show(tip.hash))
    esplora.as_of(tip, answers)
    stand_in.asked.clear()
    esplora.transaction(txid)
    esplora.place(txid)
    esplora.history(busy, None)
    assert stand_in.asked == [
        f"/tx/{show(txid)}/merkle-proof",
        f"/block-height/{tip.height - 1}",
        f"/address/{busy}/txs/chain",
    ]


# A server that cannot answer now


@pytest.mark.parametrize("trouble", [TOO_MANY, GATEWAY, DROPPED, HUNG_UP])
def test_busy_for_a_while(stand_in: EsploraStandIn, trouble: Reply) -> None:
    said: list[str] = []
    with Esplora(esplora_server(stand_in.url, 0, said.append)) as esplora:
        assert esplora.network().name == "regtest"
        stand_in.next.extend([trouble] * 3)
        assert esplora.tip().height == len(stand_in.blocks) - 1
    assert len(said) == 1
    assert "asking again for up to 5 seconds" in said[0]


def test_retry_after_is_honoured(stand_in: EsploraStandIn) -> None:
    with Esplora(esplora_server(stand_in.url, 0)) as esplora:
        esplora.network()
        stand_in.next.append(Reply(429, TEXT, b"", {"Retry-After": "1"}))
        begun = time.monotonic()
        esplora.tip()
    assert time.monotonic() - begun >= 1


def test_a_wait_beyond_patience_ends_at_once(stand_in: EsploraStandIn) -> None:
    with Esplora(esplora_server(stand_in.url, 0)) as esplora:
        esplora.network()
        stand_in.next.append(Reply(429, TEXT, b"", {"Retry-After": "3600"}))
        with pytest.raises(NodeError, match="429"):
            esplora.tip()  # or this test takes an hour


def test_pace(stand_in: EsploraStandIn) -> None:
    with Esplora(esplora_server(stand_in.url, 20)) as esplora:
        begun = time.monotonic()
        for height in range(5):
            esplora.hash_at(height)
    assert time.monotonic() - begun >= 4 / 20


def test_nobody_there(stand_in: EsploraStandIn) -> None:
    stand_in.stop()
    with (
        Esplora(esplora_server(stand_in.url, 0)) as esplora,
        pytest.raises(NodeError, match="does an Esplora server answer there"),
    ):
        esplora.network()


def test_a_server_that_restarts(stand_in: EsploraStandIn) -> None:
    with Esplora(esplora_server(stand_in.url, 0)) as esplora:
        esplora.network()
        stand_in.stop()
        thread = Thread(target=lambda: (time.sleep(0.3), stand_in.start()))
        thread.start()
        assert esplora.tip().height == len(stand_in.blocks) - 1
        thread.join()


# A server that lies: nothing of it is taken, and nothing kept


def _as_json(change: Callable[[Any], Any]) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(200, reply.kind, json.dumps(change(json.loads(reply.body))).encode())


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(200, reply.kind, change(reply.body))


LIES = {
    "raw: another script": ("raw", _bytes(lambda raw: raw.replace(b"\x88\xac", b"\x87\xac", 1))),
    "raw: cut off": ("raw", _bytes(lambda raw: raw[:-1])),
    "raw: more": ("raw", _bytes(lambda raw: raw + b"\x00")),
    "raw: nothing": ("raw", _bytes(lambda _raw: b"")),
    "raw: a page": ("raw", _bytes(lambda _raw: b"<html>Welcome</html>")),
    "proof: another block": ("proof", _as_json(lambda one: one | {"block_height": 3})),
    "proof: another position": ("proof", _as_json(lambda one: one | {"pos": one["pos"] ^ 1})),
    "proof: position out of range": ("proof", _as_json(lambda one: one | {"pos": 1 << 40})),
    "proof: no branch": ("proof", _as_json(lambda one: one | {"merkle": []})),
    "proof: another branch": (
        "proof",
        _as_json(lambda one: one | {"merkle": [one["merkle"][0][::-1], *one["merkle"][1:]]}),
    ),
    "proof: too deep": ("proof", _as_json(lambda one: one | {"merkle": ["00" * 32] * 33})),
    "proof: no text": ("proof", _as_json(lambda one: one | {"merkle": [7]})),
    "proof: above what a chain has": ("proof", _as_json(lambda one: one | {"block_height": 10**9})),
    "proof: a list": ("proof", _as_json(lambda one: [one])),
    "proof: nested without end": ("proof", _bytes(lambda _body: b"[" * 60_000)),
    "header: of another block": ("header", _bytes(lambda body: body.replace(b"0", b"1", 1))),
    "header: no hex": ("header", _bytes(lambda _body: b"zz")),
    "height: no hash": ("block-height", _bytes(lambda _body: b"1234")),
    "status": ("raw", lambda _reply: Reply(302, TEXT, b"", {"Location": "http://127.0.0.1:1/"})),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie(
    lie: str, esplora: Esplora, stand_in: EsploraStandIn, answers: Answers, branch: Branch
) -> None:
    what, change = LIES[lie]
    stand_in.change = lambda asked, reply: change(reply) if what in asked else None
    block = next(one for one in branch.blocks[5:] if len(one.transactions) > 2)
    txid = block.transactions[1].txid
    with pytest.raises(NodeAnswerError, match="nothing of it was taken"):
        (esplora.transaction if what == "raw" else esplora.place)(txid)
    kept = answers.count()
    stand_in.change = lambda _asked, _reply: None
    assert esplora.transaction(txid).raw == block.transactions[1].serialize()
    assert esplora.place(txid) == Place(block.height, 1)
    assert kept < answers.count(), "the lie was not kept"


def test_a_header_without_work(
    esplora: Esplora, stand_in: EsploraStandIn, answers: Answers, branch: Branch
) -> None:
    """A block that anybody could have made: its proof holds, its target is easier than allowed."""
    tx = spend((branch.blocks[1].transactions[0], 0), to=[(1, BUSY)])
    header = bytearray(mine(branch.blocks[-1].hash, tx.txid, 2_000_000_000))
    main = EsploraTip(network_by_name("main"), 900_000, bytes(32))
    answers.begin(stand_in.url, "green", [], main.height, show(main.hash))
    esplora.as_of(main, answers)
    name = show(branch.blocks[7].hash)
    stand_in.headers[name] = bytes(header)
    with pytest.raises(NodeAnswerError, match="another block"):
        esplora.header(7)
    stand_in.headers[name] = branch.blocks[7].header
    with pytest.raises(NodeAnswerError, match="without the work"):
        esplora.header(7)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"spent": 1},
        {"spent": True, "txid": "zz" * 32, "status": {"confirmed": False}},
        {"spent": True, "txid": "00" * 32},
        {"spent": True, "txid": "00" * 32, "status": {"confirmed": True, "block_height": -1}},
    ],
)
def test_spends_that_are_none(
    esplora: Esplora, stand_in: EsploraStandIn, entry: dict[str, Any]
) -> None:
    stand_in.change = lambda _asked, reply: Reply(200, reply.kind, json.dumps([entry]).encode())
    coinbase = stand_in.blocks[1].transactions[0]
    with pytest.raises(NodeAnswerError, match="outspends"):
        esplora.spends(coinbase.txid, 1)
    with pytest.raises(NodeAnswerError, match="no list of 2 spends"):
        esplora.spends(coinbase.txid, 2)


def test_a_genesis_block_of_no_network(stand_in: EsploraStandIn) -> None:
    stand_in.change = lambda _asked, reply: Reply(200, reply.kind, b"ab" * 32)
    with (
        Esplora(esplora_server(stand_in.url, 0)) as esplora,
        pytest.raises(NodeAnswerError, match="of no network"),
    ):
        esplora.network()


def test_the_wrong_path(stand_in: EsploraStandIn) -> None:
    with (
        Esplora(esplora_server(f"{stand_in.url}/elsewhere", 0)) as esplora,
        pytest.raises(NodeError, match="under /api"),
    ):
        esplora.network()


@pytest.mark.parametrize("url", ["esplora.example", "ftp://host", "http://h/?q", "http://a:b@h/"])
def test_no_such_url(url: str) -> None:
    with pytest.raises(UsageError, match="--esplora"):
        esplora_server(url, 0)


def test_a_file_that_holds_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"made up" * 1000)
    with pytest.raises(StoreDamagedError, match="no file of answers"):
        Answers(path)


def test_the_stand_in_answers_as_a_real_server(
    fixtures_dir: Path, stand_in: EsploraStandIn
) -> None:
    """It leaves fields out, and has none that a real server has not, in the same types."""
    real = json.loads((fixtures_dir / "esplora" / "satoshi-genesis-txs.json").read_text())[0]
    made = stand_in.transaction(next(iter(stand_in.tx)))

    def compare(one: Any, other: Any) -> None:
        assert type(one) is type(other)
        if isinstance(one, dict):
            for key in one:
                compare(one[key], other[key])
        elif isinstance(one, list):
            compare(one[0], other[0])

    compare(made, real)
    stats = json.loads((fixtures_dir / "esplora" / "satoshi-genesis-address.json").read_text())
    shown = json.loads(stand_in.reply("GET", f"/address/{address(BUSY)}", b"", None).body)
    assert type(stats["chain_stats"]["tx_count"]) is type(shown["chain_stats"]["tx_count"])


def test_real_transactions_are_read_as_a_server_reads_them(fixtures_dir: Path) -> None:
    """The bytes put together again from a real server's JSON hash to the ids that it gives."""
    found = 0
    for path in sorted((fixtures_dir / "esplora").glob("*.json")):
        record = json.loads(path.read_text())
        for one in record if isinstance(record, list) else [record]:
            if isinstance(one, dict) and "vin" in one:
                found += 1
                raw = _serialized(one)
                txid = bytes.fromhex(one["txid"])[::-1]
                server = esplora_server("http://127.0.0.1:1", 0)
                read = Esplora(server)._transaction(raw, txid, "fixture")
                assert [(show(parent), index) for parent, index in read.prevouts] == [
                    (vin["txid"], vin["vout"]) for vin in one["vin"] if not vin["is_coinbase"]
                ]
                assert [script.hex() for script in read.scripts] == [
                    vout["scriptpubkey"] for vout in one["vout"]
                ]
    assert found >= 10


def _serialized(one: dict[str, Any]) -> bytes:
    """Put a transaction together from its JSON, without witness data."""

    def size(number: int) -> bytes:
        return bytes([number]) if number < 253 else b"\xfd" + number.to_bytes(2, "little")

    parts = [one["version"].to_bytes(4, "little"), size(len(one["vin"]))]
    for vin in one["vin"]:
        script = bytes.fromhex(vin["scriptsig"])
        parts += [bytes.fromhex(vin["txid"])[::-1], vin["vout"].to_bytes(4, "little")]
        parts += [size(len(script)), script, vin["sequence"].to_bytes(4, "little")]
    parts.append(size(len(one["vout"])))
    for vout in one["vout"]:
        script = bytes.fromhex(vout["scriptpubkey"])
        parts += [vout["value"].to_bytes(8, "little"), size(len(script)), script]
    return b"".join([*parts, one["locktime"].to_bytes(4, "little")])
