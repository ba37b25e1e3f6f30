"""Litecoin, Dogecoin, Bitcoin Cash and Dash, from block files into a store."""

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
from tests.coins import GENESIS, Chain, Raw, auxpow, genesis_block, hogex, scrypt, special, x11
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
    network = NETWORKS[name]
    naming = x11 if network.coin.form.x11 else sha256d
    assert naming(genesis_block(name)[:80]) == network.genesis


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


# --- Dash

TENTH = 10_000_100
"""A denomination of Dash's CoinJoin."""
EMPTY = Tx((), ())
LOCK = b"\x6a\x00"


def made_up(height: int) -> Raw:
    """A coinbase of type 5."""
    paid = ((50 * COIN, p2pkh(height)), (5 * COIN, p2pkh(1000 + height)))
    start = Tx(((bytes(32), 0xFFFFFFFF),), paid, b"\x51")
    return special(5, start, b"\x02\x00" + height.to_bytes(4, "little") + bytes(32))


def dash() -> Chain:
    """A chain with special transactions of all kinds, and a CoinJoin of the wallet."""
    chain = Chain("dash-regtest", work=x11, naming=x11)
    one, two = chain.add(), chain.add()
    amounts = [TENTH] * 3
    left = spend((one, 0), to=[*((value, p2pkh(10 + i)) for i, value in enumerate(amounts))])
    right = spend((two, 0), to=[*((value, p2pkh(20 + i)) for i, value in enumerate(amounts))])
    chain.add(left, right, special(6, EMPTY, bytes(300)), first=made_up(3))
    mix = spend(
        *((left, i) for i in range(3)),
        *((right, i) for i in range(3)),
        to=[(TENTH, p2pkh(30 + i)) for i in range(6)],
    )
    joined = spend((mix, 0), (mix, 1), to=[(2 * TENTH - 500, p2pkh(40))])
    lock = special(8, spend((joined, 0), to=[(TENTH, LOCK), (TENTH - 1000, p2pkh(41))]))
    chain.add(mix, joined, lock, first=made_up(4))
    unlock = special(9, Tx((), ((TENTH // 2, p2pkh(50)), (TENTH // 4, p2pkh(51)))), bytes(145))
    register = special(1, spend((mix, 2), to=[(TENTH - 300, p2pkh(60))]), bytes(400))
    chain.add(unlock, special(7, EMPTY, bytes(130)), register, first=made_up(5))
    chain.add(spend((unlock, 0), to=[(TENTH // 2 - 200, p2pkh(52))]), first=made_up(6))
    return chain


def dash_txids(store: ChainStore) -> list[str]:
    """Ids as shown, in chain order."""
    return [row[::-1].tobytes().hex() for row in store.column("tx.txid")]


def test_dash_special_transactions(tmp_path: Path) -> None:
    chain = dash()
    store = imported(chain, tmp_path)
    assert store.network.name == "dash-regtest"
    assert store.column("block.hash")[6].tobytes() == x11(chain.blocks[6][:80])
    families = store.column("structure.coinjoin").tolist()
    named = {tx: CoinJoin(family).name for tx, family in enumerate(families) if family}
    assert named == {8: "dash", 10: "credit_lock", 12: "credit_unlock"}
    # The payload is part of the size, and none of it is witness data.
    commitment = store.column("tx.total_size")[6]
    assert commitment == store.column("tx.base_size")[6] == 4 + 1 + 1 + 4 + 3 + 300
    assert store.column("tx.version")[6] == 3 | 6 << 16
    workspace = Workspace.open(tmp_path / "store")
    txids = dash_txids(store)
    shown = list(workspace.transactions([txids[6], txids[10], txids[12]]))
    assert [(one["fee"], one["coinjoin"], len(one["outputs"])) for one in shown] == [
        (None, None, 0),
        (500, "credit_lock", 2),
        (None, "credit_unlock", 2),
    ]
    assert workspace.coinjoin_reason(txids[12]).startswith("Withdrawal from Dash's credit pool")
    assert "6 of them of 10,000,100 satoshi each" in workspace.coinjoin_reason(txids[8])
    assert shown[2]["outputs"][0]["address"].startswith("y")


def test_traces_on_dash_stop_at_mixes_and_at_the_pool(tmp_path: Path) -> None:
    store = imported(dash(), tmp_path)
    workspace = Workspace.open(tmp_path / "store")
    txids = dash_txids(store)
    back = workspace.trace("backward", [f"{txids[16]}:0"])
    assert (back["coinjoin"], back["mined"]) == (TENTH // 2 - 200, 0)
    forth = workspace.trace("forward", [f"{txids[5]}:0"])
    assert (forth["coinjoin"], forth["unspent"]) == (TENTH, 0)
    locked = workspace.trace("forward", [f"{txids[9]}:0"])
    assert (locked["coinjoin"], locked["unspent"], locked["fees"]) == (TENTH, TENTH - 1000, 500)
    for direction, seed in (("forward", 5), ("forward", 9), ("backward", 16)):
        for method in ("fifo", "lifo", "haircut"):
            found = workspace.trace(direction, [f"{txids[seed]}:0"], method)
            parts = ("unspent", "mined", "coinjoin", "capped", "fees")
            assert sum(found[part] for part in parts) == found["total"]


def test_mixes_of_dash_join_no_cluster(tmp_path: Path) -> None:
    imported(dash(), tmp_path)
    workspace = Workspace.open(tmp_path / "store")
    network = NETWORKS["dash-regtest"]
    sizes = {
        script: workspace.address(address_of(p2pkh(script), network))["cluster_size"]
        for script in (10, 11, 30, 31)
    }
    assert sizes == {10: 1, 11: 1, 30: 2, 31: 2}


def test_dash_import_in_steps(tmp_path: Path) -> None:
    once = imported(dash(), tmp_path / "once").manifest.digest
    for height in (2, 4, 6):
        in_steps = imported(dash().fork(height), tmp_path / "steps")
    assert in_steps.manifest.digest == once


def test_dash_reorganisation(tmp_path: Path) -> None:
    other = dash().fork(3)
    for _ in range(4):
        other.add()
    imported(dash(), tmp_path)
    assert imported(other, tmp_path).manifest.digest == (
        imported(other, tmp_path / "direct").manifest.digest
    )


def without(raw: Raw, count: int) -> Raw:
    """A transaction without its last bytes."""
    return Raw(raw.whole[:-count])


LONE = special(6, EMPTY, bytes(20))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (without(LONE, 1), "ends inside"),
        (without(LONE, 21), "ends inside"),
        (Raw(LONE.whole + b"\0"), "bytes are left"),
        (Raw(special(6, EMPTY, b"").whole[:-1] + b"\xfd\x05\0" + bytes(5)), "shortest form"),
        (special(6, EMPTY, bytes(10_001)), "longer than 10,000 bytes"),
        (special(2, EMPTY), "without inputs or outputs"),
        (special(9, EMPTY), "without inputs or outputs"),
        (special(8, Tx((), ((1, LOCK),))), "without inputs or outputs"),
        (Raw(replace(EMPTY, version=2 | 6 << 16).serialize()), "without inputs or outputs"),
        (
            special(5, Tx(((bytes(32), 0xFFFFFFFF),), ((1, OP_TRUE),), b"ab")),
            "a coinbase is not first",
        ),
    ],
)
def test_broken_special_transactions(tmp_path: Path, wrong: Raw, text: str) -> None:
    chain = dash()
    chain.add(wrong)
    assert text in str(refusal(chain, tmp_path))


@pytest.mark.parametrize("kind", [6, 9])
def test_a_block_begins_with_its_coinbase(tmp_path: Path, kind: int) -> None:
    chain = dash()
    chain.add(first=special(kind, Tx((), ((1, OP_TRUE),))))
    assert "without inputs or outputs" in str(refusal(chain, tmp_path))


def test_longest_payload_and_many_tiny_transactions(tmp_path: Path) -> None:
    """More transactions than a chain without special ones could have in as many bytes."""
    chain = Chain("dash-regtest", work=x11, naming=x11)
    tiny = [special(7, EMPTY, i.to_bytes(2, "little")) for i in range(500)]
    chain.add(*tiny, special(6, EMPTY, bytes(10_000)))
    store = imported(chain, tmp_path)
    assert store.manifest.counts["tx"] == 503
    assert store.manifest.counts["output"] == 2


def test_dash_work_is_checked(tmp_path: Path) -> None:
    chain = dash()
    chain.work = lambda header: bytes(31) + (b"\0" if x11(header)[31] >= 0x80 else b"\xff")
    chain.add()
    assert "does not meet its proof-of-work target" in str(refusal(chain, tmp_path))


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


class NamedByX11(NodeStandIn):
    """A node of Dash."""

    name_of = staticmethod(lambda block: x11(block[:80])[::-1].hex())


@pytest.mark.parametrize("make", [litecoin, dogecoin, dash, lambda: sorted_chain()[0]])
def test_store_from_a_node_equals_that_from_files(
    tmp_path: Path, make: Callable[[], Chain]
) -> None:
    chain = make()
    expected = imported(chain, tmp_path, chain.name).manifest.digest
    kind = NamedByX11 if chain.naming is x11 else LongHeaders
    with kind(chain.blocks[:3]) as node, node_chain(node, tmp_path) as asked:
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
        (dash, "flat"),
        (dash, "bitcoin-etl"),
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
