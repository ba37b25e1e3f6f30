"""Litecoin, Dogecoin and Bitcoin Cash, from block files into a store; Dash refused."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import COIN, OP_TRUE, Tx, p2pkh, sha256d, spend
from tests.cli.command import answer, clewline
from tests.coins import GENESIS, Chain, Raw, auxpow, genesis_block, hogex, scrypt
from tests.sources.node_stand_in import NodeStandIn

from clewline.codec.address import address_of
from clewline.codec.networks import NETWORKS, Landmark
from clewline.codec.script import ScriptKind
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.errors import BlockFileError, ChainError, UsageError
from clewline.sources.active_chain import check_landmarks, choose_active_chain
from clewline.sources.node_chain import NodeChain, connect_node
from clewline.store.reader import ChainStore
from clewline.workspace import (
    Workspace,
    check_store,
    import_blocks,
    import_from_node,
    import_labels,
    import_tables,
)
from clewline.workspace.importing import ImportResult

HOGADDR = b"\x58\x20" + bytes(range(32))
PEGIN = b"\x59\x20" + bytes(range(32))


def imported(chain: Chain, path: Path, network: str | None = None) -> ChainStore:
    """Import a chain, check the store, and open it."""
    import_blocks(path / "store", chain.write(path / "blocks"), network)
    assert check_store(path / "store").wrong == []
    return ChainStore.open(path / "store")


def refusal(chain: Chain, path: Path, network: str | None = None) -> Exception:
    """Import a chain that must be refused; nothing may be left."""
    with pytest.raises((BlockFileError, ChainError, UsageError)) as caught:
        import_blocks(path / "store", chain.write(path / "blocks"), network)
    assert not (path / "store").exists()
    return caught.value


@pytest.mark.parametrize("name", GENESIS)
def test_genesis_blocks(name: str) -> None:
    assert sha256d(genesis_block(name)[:80]) == NETWORKS[name].genesis


# --- Litecoin


def litecoin() -> Chain:
    """A chain with a peg-in, two extension blocks, a peg-out, and witness data beside them."""
    chain = Chain("litecoin-regtest", work=scrypt)
    one, two = chain.add(), chain.add()
    pay = spend((one, 0), to=[(20 * COIN, p2pkh(1)), (30 * COIN, PEGIN)])
    first = hogex([(pay.txid, 1)], [(30 * COIN, HOGADDR)])
    chain.add(pay, first, tail=b"\x01" + bytes(700))
    out = hogex([(first.txid, 0)], [(18 * COIN, HOGADDR), (11 * COIN, p2pkh(2))])
    witness = spend((two, 0), to=[(49 * COIN, p2pkh(3))], witness=True)
    chain.add(witness, out, tail=b"\x01" + bytes(300), commit=True)
    chain.add()
    return chain


def test_litecoin_extension_block(tmp_path: Path) -> None:
    store = imported(litecoin(), tmp_path)
    assert store.network.name == "litecoin-regtest"
    coinjoin = store.column("structure.coinjoin").tolist()
    assert [tx for tx, family in enumerate(coinjoin) if family] == [5, 8]
    assert {coinjoin[5], coinjoin[8]} == {CoinJoin.mweb}
    kinds = store.column("script.kind")
    assert ScriptKind.WITNESS_MWEB_HOGADDR in kinds
    assert ScriptKind.WITNESS_MWEB_PEGIN in kinds
    workspace = Workspace.open(tmp_path / "store")
    txid = store.column("tx.txid")[8][::-1].tobytes().hex()
    assert "extension block" in workspace.coinjoin_reason(txid)
    (shown,) = workspace.transactions([txid])
    assert shown["fee"] == COIN
    assert shown["coinjoin"] == "mweb"
    assert shown["outputs"][1]["address"].startswith(("m", "n"))


def test_trace_stops_at_the_extension_block(tmp_path: Path) -> None:
    store = imported(litecoin(), tmp_path)
    workspace = Workspace.open(tmp_path / "store")
    coinbase = store.column("tx.txid")[1][::-1].tobytes().hex()
    answer = workspace.trace("forward", [f"{coinbase}:0"])
    assert answer["coinjoin"] == 30 * COIN
    assert answer["unspent"] == 20 * COIN


def test_litecoin_import_in_steps_with_files_of_any_length(tmp_path: Path) -> None:
    """What is not stored makes stored sizes differ from those of records; that is no error."""
    chain = litecoin()
    store = imported(chain, tmp_path / "once")
    in_steps = tmp_path / "steps"
    imported(chain.fork(3), in_steps)
    assert imported(chain, in_steps).manifest.digest == store.manifest.digest


def spent(chain: Chain) -> Tx:
    """Some ordinary transaction."""
    return Tx(((sha256d(chain.blocks[-1]), 0),), ((1, OP_TRUE),))


def inside_out() -> Raw:
    """A transaction that carries extension data of its own, as only unconfirmed ones do."""
    tx = hogex([(bytes(32), 1)], [(1, HOGADDR)])
    return Raw(tx.whole[:-5] + b"\x01" + tx.whole[-4:], tx.hashed)


def unworked(chain: Chain) -> None:
    """A block whose SHA-256d hash is good and whose scrypt hash is not."""
    chain.work = lambda header: (
        sha256d(header) if scrypt(header)[31] >= 0x80 else bytes(31) + b"\xff"
    )
    chain.add()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda chain: chain.add(hogex([(bytes(32), 1)], [(1, HOGADDR)])), "ends inside"),
        (
            lambda chain: chain.add(hogex([(bytes(32), 1)], [(1, HOGADDR)]), spent(chain)),
            "extension block outside of it",
        ),
        (lambda chain: chain.add(inside_out(), tail=b"\x01"), "extension block outside of it"),
        (lambda chain: chain.add(tail=b"\x01"), "bytes are left"),
        (unworked, "does not meet its proof-of-work target"),
    ],
)
def test_broken_litecoin(tmp_path: Path, change: Callable[[Chain], Any], text: str) -> None:
    chain = litecoin()
    change(chain)
    assert text in str(refusal(chain, tmp_path))


# --- Dogecoin


def dogecoin() -> Chain:
    """A chain whose later blocks were mined together with another chain's."""
    chain = Chain("dogecoin-regtest", work=scrypt)
    one = chain.add(reward=[(1_000_000 * COIN, p2pkh(1))])
    chain.add(proof=auxpow)
    chain.add(
        spend((one, 0), to=[(999_999 * COIN, p2pkh(2))]),
        proof=lambda name, time: auxpow(
            name, time, branch=(), chain_branch=[bytes([i]) * 32 for i in range(3)]
        ),
    )
    return chain


def test_dogecoin_merged_mining(tmp_path: Path) -> None:
    store = imported(dogecoin(), tmp_path)
    assert store.manifest.height == 3
    assert store.column("output.value").tolist()[-1] == 999_999 * COIN


def test_dogecoin_import_in_steps(tmp_path: Path) -> None:
    once = imported(dogecoin(), tmp_path / "once").manifest.digest
    imported(dogecoin().fork(2), tmp_path / "steps")
    assert imported(dogecoin(), tmp_path / "steps").manifest.digest == once


def test_sums_beyond_64_bits(tmp_path: Path) -> None:
    chain = Chain("dogecoin-regtest", work=scrypt)
    most = NETWORKS["dogecoin"].coin.form.max_money
    for _ in range(20):
        chain.add(reward=[(most, p2pkh(1))])
    imported(chain, tmp_path)
    workspace = Workspace.open(tmp_path / "store")
    assert workspace.info()["unspent_value"] == 20 * most
    shown = list(workspace.all_transactions())[1]["outputs"][0]["address"]
    assert workspace.address(shown)["received"] == 20 * most
    (row,) = workspace.address_batch([shown])
    assert row["received"] is None
    assert "beyond 64 bits" in row["status"]
    with pytest.raises(UsageError, match="more than 64 bits can sum up"):
        workspace.trace("forward", [shown])
    with pytest.raises(UsageError, match="counts a coin more than once"):
        workspace.trace("forward", [shown], "poison")


@pytest.mark.parametrize(
    ("proof", "text"),
    [
        ({"parent_version": 0x620102}, "the parent is of the same merged-mining chain"),
        ({"work": lambda name: name[31] >= 0x80}, "does not meet its proof-of-work target"),
        ({"other": True}, "does not name this block"),
        ({"cut": 5}, "ends inside the block"),
        ({"root": True}, "does not lead to the Merkle root"),
    ],
)
def test_broken_merged_mining(tmp_path: Path, proof: dict[str, Any], text: str) -> None:
    def broken(name: bytes, time: int) -> bytes:
        given = dict(proof)
        cut = given.pop("cut", 0)
        root = given.pop("root", False)
        made = auxpow(sha256d(name) if given.pop("other", False) else name, time, **given)
        if root:
            made = made[:50] + bytes([made[50] ^ 1]) + made[51:]
        return made[: len(made) - cut] if cut else made

    chain = dogecoin()
    chain.add(proof=broken)
    if "cut" in proof:
        # Nothing behind it either.
        chain.blocks[-1] = chain.blocks[-1][:120]
    assert text in str(refusal(chain, tmp_path))


# --- Bitcoin Cash


def sorted_chain() -> tuple[Chain, list[Tx]]:
    """A chain with a block whose transactions stand by id, most of them before what they spend."""
    chain = Chain("bitcoin-cash-regtest")
    value = 50 * COIN
    run = [spend((chain.add(), 0), to=[(value, p2pkh(0))])]
    for number in range(1, 40):
        run.append(spend((run[-1], 0), to=[(value - number, p2pkh(number))]))
    chain.add(*sorted(run, key=lambda tx: tx.txid[::-1]))
    chain.add()
    return chain, run


def test_transactions_in_order_of_their_ids(tmp_path: Path) -> None:
    chain, run = sorted_chain()
    store = imported(chain, tmp_path, "bitcoin-cash-regtest")
    txids = [row.tobytes() for row in store.column("tx.txid")]
    places = [txids.index(tx.txid) for tx in run]
    assert places == sorted(places)
    (shown,) = Workspace.open(tmp_path / "store").transactions([run[-1].txid[::-1].hex()])
    assert shown["outputs"][0]["address"].startswith("bchreg:q")
    assert shown["fee"] == 1


def test_import_again_keeps_the_network_of_the_store(tmp_path: Path) -> None:
    chain, _run = sorted_chain()
    imported(chain, tmp_path, "bitcoin-cash-regtest")
    chain.add()
    assert imported(chain, tmp_path).network.name == "bitcoin-cash-regtest"


def test_bitcoin_takes_no_transaction_before_what_it_spends(tmp_path: Path) -> None:
    chain, _run = sorted_chain()
    assert "not on the chain before it" in str(refusal(chain, tmp_path, "regtest"))


def test_cash_tokens_are_no_part_of_the_script(tmp_path: Path) -> None:
    category = bytes(range(32))
    prefixes = [
        b"\xef" + category + b"\x10\x07",  # an amount
        b"\xef" + category + b"\x10\xff" + b"\x01" * 8,
        b"\xef" + category + b"\x62\x02ab",  # an NFT with commitment
        b"\xef" + category + b"\x72\x03abc\xfd\x00\x01",
    ]
    chain = Chain("bitcoin-cash-regtest")
    none = [
        b"\xef" + category + bits + b"\x07"
        for bits in (b"\x62\x50ab", b"\x00", b"\x90", b"\x50\x01a", b"\x12", b"\x10\x00", b"\x23")
    ]
    paid = [(COIN, prefix + p2pkh(1)) for prefix in prefixes + none]
    chain.add(reward=paid)
    store = imported(chain, tmp_path, "bitcoin-cash-regtest")
    assert store.column("output.script").tolist()[1:] == [1, 1, 1, 1, *range(2, 2 + len(none))]


# --- which chain it is


def test_chains_with_the_same_beginning_are_told_apart() -> None:
    bitcoin, cash = NETWORKS["main"], NETWORKS["bitcoin-cash"]
    names = [bytes(32)] * 478_559
    with pytest.raises(ChainError) as caught:
        check_landmarks(bitcoin, [*names, cash.landmarks[0].hash])
    assert caught.value.hint == (
        "these are blocks of network bitcoin-cash; use --network bitcoin-cash"
    )
    with pytest.raises(ChainError) as caught:
        check_landmarks(cash, [*names, bitcoin.landmarks[0].hash])
    assert caught.value.hint == "these are blocks of network main; use --network main"
    with pytest.raises(ChainError, match="block 478559 of network bitcoin-cash is") as caught:
        check_landmarks(cash, [*names, bytes(32)])
    assert caught.value.hint == "these are blocks of another chain with the same beginning"
    check_landmarks(cash, names)


def test_landmarks_are_looked_at(tmp_path: Path) -> None:
    chain, _run = sorted_chain()
    network = replace(NETWORKS[chain.name], landmarks=(Landmark(1, bytes(32)),))
    header = np.array([list(block[:80]) for block in chain.blocks], np.uint8)
    with pytest.raises(ChainError, match="block 1 of network"):
        choose_active_chain(network, header[:0], header, str)


def test_files_of_another_chain_name_it(tmp_path: Path) -> None:
    error = refusal(litecoin(), tmp_path, "regtest")
    assert "these are blocks of network litecoin-regtest" in str(error)


@pytest.mark.parametrize(
    ("name", "text"),
    [("dash", "named by X11")],
)
@pytest.mark.parametrize("told", [True, False])
def test_what_cannot_be_imported_is_refused(
    tmp_path: Path, name: str, text: str, *, told: bool
) -> None:
    record = NETWORKS[name].magic + struct.pack("<I", 2000) + bytes(2000)
    (tmp_path / "blk00000.dat").write_bytes(record)
    with pytest.raises(UsageError, match=text):
        import_blocks(tmp_path / "store", tmp_path, name if told else None)
    assert not (tmp_path / "store").exists()


def test_targets_above_the_limit_of_the_chain(tmp_path: Path) -> None:
    chain = dogecoin()
    last = chain.blocks[-1]
    chain.blocks[-1] = last[:72] + struct.pack("<I", 0x2100FFFF) + last[76:]
    assert "easier than dogecoin-regtest allows" in str(refusal(chain, tmp_path))


def test_result_says_how_many_blocks(tmp_path: Path) -> None:
    result = import_blocks(tmp_path / "store", dogecoin().write(tmp_path / "blocks"))
    assert isinstance(result, ImportResult)
    assert (result.appended, result.stale) == (4, 0)


# --- from a node, and as tables


class LongHeaders(NodeStandIn):
    """A node that gives a header with the proof behind it, and knows no numbered verbosity."""

    def _result(self, method: str, parameters: list[Any]) -> Any:
        if method == "getblock":
            assert parameters[1] is False
        if method == "getblockheader":
            name = parameters[0]
            merged = self.blocks[name][1] & 1
            return self.blocks[name][: 600 if merged else 80].hex()
        return super()._result(method, parameters)


@pytest.mark.parametrize("make", [litecoin, dogecoin, lambda: sorted_chain()[0]])
def test_store_from_a_node_equals_that_from_files(
    tmp_path: Path, make: Callable[[], Chain]
) -> None:
    chain = make()
    expected = imported(chain, tmp_path, chain.name).manifest.digest
    with LongHeaders(chain.blocks[:3]) as node, node_chain(node, tmp_path) as asked:
        import_from_node(tmp_path / "from-node", asked, chain.name)
        node.follow(chain.blocks)
        # What the store holds tells which chain it is.
        result = import_from_node(tmp_path / "from-node", asked)
    assert result.manifest.digest == expected
    assert check_store(tmp_path / "from-node").wrong == []


def node_chain(node: NodeStandIn, path: Path) -> NodeChain:
    """Connect to a stand-in."""
    (path / "cookie").write_text(node.login)
    return connect_node(rpc=node.url, cookie=path / "cookie")


def test_merged_mining_over_rest_is_refused(tmp_path: Path) -> None:
    with (
        NodeStandIn(dogecoin().blocks) as node,
        connect_node(rest=node.url) as asked,
        pytest.raises(UsageError, match="use --rpc"),
    ):
        import_from_node(tmp_path / "store", asked, "dogecoin-regtest")


def test_node_of_another_chain(tmp_path: Path) -> None:
    with (
        NodeStandIn(litecoin().blocks) as node,
        node_chain(node, tmp_path) as asked,
        pytest.raises(ChainError, match=r"genesis block of network regtest .* is missing"),
    ):
        import_from_node(tmp_path / "store", asked)


@pytest.mark.parametrize(
    ("make", "schema"),
    [
        (litecoin, "flat"),
        (dogecoin, "flat"),
        (dogecoin, "bitcoin-etl"),
        (lambda: sorted_chain()[0], "flat"),
        (lambda: sorted_chain()[0], "bitcoin-etl"),
    ],
)
def test_tables_there_and_back(tmp_path: Path, make: Callable[[], Chain], schema: str) -> None:
    pytest.importorskip("pyarrow")
    chain = make()
    store = imported(chain, tmp_path, chain.name)
    Workspace.open(tmp_path / "store").export_tables(tmp_path / "tables", schema)
    result = import_tables(tmp_path / "again", tmp_path / "tables", schema, chain.name)
    assert result.manifest.digest == store.manifest.digest


# --- what is asked of a store


def test_labels_match_in_every_form_of_an_address(tmp_path: Path) -> None:
    chain, _run = sorted_chain()
    imported(chain, tmp_path, "bitcoin-cash-regtest")
    script = p2pkh(39)
    shown = address_of(script, NETWORKS["bitcoin-cash-regtest"])
    legacy = address_of(script, NETWORKS["regtest"])
    assert shown and legacy
    (tmp_path / "labels.csv").write_text(
        f"address,entity,category,source,confidence\n{legacy},Shop 1 (made up),shop,made up,90\n"
    )
    report = import_labels(tmp_path / "store", [tmp_path / "labels.csv"], "made-up")
    assert not report.refusals
    workspace = Workspace.open(tmp_path / "store")
    for form in (shown, legacy, shown.partition(":")[2]):
        answer = workspace.address(form)
        assert answer["address"] == shown
        assert [label["entity"] for label in answer["labels"]] == ["Shop 1 (made up)"]
        assert answer["labels"][0]["asset"] == "BCH"


def test_request_packs_are_refused(tmp_path: Path) -> None:
    store = imported(litecoin(), tmp_path)
    txid = store.column("tx.txid")[1][::-1].tobytes().hex()
    with pytest.raises(UsageError, match="request packs reckon in BTC"):
        Workspace.open(tmp_path / "store").report([f"{txid}:0"], tmp_path / "packs")
    assert not (tmp_path / "packs").exists()
    with pytest.raises(UsageError, match="tables of a case reckon in BTC"):
        Workspace.open(tmp_path / "store").payers([f"{txid}:0"])


def test_address_command(tmp_path: Path) -> None:
    imported(dogecoin(), tmp_path)
    address = address_of(p2pkh(2), NETWORKS["dogecoin-regtest"])
    shown = json.loads(
        answer("address", "show", address, "--store", tmp_path / "store", "--format", "json")
    )
    assert shown["balance"] == 999_999 * COIN
    ran = clewline("address", "show", "zs1" + "q" * 75, "--store", tmp_path / "store")
    assert ran.code == 2
    assert "shielded" in ran.err
