"""Zcash from block files and a node into a store: what enters shielded pools, and what leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import COIN, p2pkh, sha256d
from tests.sources.node_stand_in import NodeStandIn
from tests.zcash import NETWORK, NULL, Chain, Shielded, header_length

from clewline.codec.address import address_of
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.errors import BlockFileError, ChainError, UsageError
from clewline.sources.node_chain import connect_node
from clewline.store.reader import ChainStore
from clewline.workspace import (
    Workspace,
    check_store,
    import_blocks,
    import_from_node,
    import_labels,
    import_tables,
)

CENT = COIN // 100


def story() -> tuple[Chain, dict[str, Shielded]]:
    """A chain in which money enters each pool, moves between them, and comes out again."""
    chain = Chain()
    one = chain.add(reward=[(50 * COIN, p2pkh(1))])
    two = chain.add(reward=[(50 * COIN, p2pkh(2))])
    txs = {
        "shield": Shielded(
            4, [(one.txid, 0)], [(9 * COIN, p2pkh(3))], made=2, sapling=-(41 * COIN - CENT)
        ),
        "deshield": Shielded(
            4, (), [(15 * COIN, p2pkh(4))], spends=1, made=1, sapling=15 * COIN + CENT
        ),
        "sprout": Shielded(
            2, [(two.txid, 0)], [(20 * COIN, p2pkh(5))], joinsplits=[(30 * COIN - 2 * CENT, 0)]
        ),
        "migrate": Shielded(
            5, spends=1, sapling=5 * COIN, actions=2, orchard=-(5 * COIN - 3 * CENT)
        ),
    }
    txs["mixed"] = Shielded(
        5,
        [(txs["deshield"].txid, 0), (txs["shield"].txid, 0)],
        [(25 * COIN, p2pkh(6)), (CENT, p2pkh(6))],
        actions=1,
        orchard=COIN + 5 * CENT,
    )
    txs["plain"] = Shielded(5, [(txs["mixed"].txid, 0)], [(24 * COIN, p2pkh(7))])
    for tx in txs.values():
        chain.add(tx)
    # ZIP-213: a coinbase that pays a miner into a pool.
    height = len(chain.blocks)
    first = Shielded(
        5,
        (NULL,),
        [(10 * COIN, p2pkh(8))],
        made=1,
        sapling=-40 * COIN,
        script_sig=bytes([2, height, 0]),
    )
    chain.add(Shielded(1, [(first.txid, 0)], [(9 * COIN, p2pkh(9))]), first=first)
    return chain, {**txs, "first": first}


FEES = {
    "shield": CENT,
    "deshield": CENT,
    "sprout": 2 * CENT,
    "migrate": 3 * CENT,
    "mixed": 4 * CENT,
    "plain": COIN,
}
INTO = {
    "shield": (0, 41 * COIN - CENT, 0),
    "deshield": (0, -15 * COIN - CENT, 0),
    "sprout": (30 * COIN - 2 * CENT, 0, 0),
    "migrate": (0, -5 * COIN, 5 * COIN - 3 * CENT),
    "mixed": (0, 0, -COIN - 5 * CENT),
    "first": (0, 40 * COIN, 0),
}


def shown(tx: Shielded) -> str:
    return tx.txid[::-1].hex()


def imported(chain: Chain, path: Path) -> ChainStore:
    """Import a chain, check the store, and open it."""
    import_blocks(path / "store", chain.write(path / "blocks"))
    assert check_store(path / "store").wrong == []
    return ChainStore.open(path / "store")


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Shielded]]:
    path = tmp_path_factory.mktemp("zcash")
    chain, txs = story()
    imported(chain, path)
    return path / "store", txs


def test_what_passes_pools_is_stored(at_hand: tuple[Path, dict[str, Shielded]]) -> None:
    path, txs = at_hand
    store = ChainStore.open(path)
    assert store.network.name == "zcash-regtest"
    names = [row.tobytes() for row in store.column("tx.txid")]
    expected = {names.index(txs[name].txid): list(into) for name, into in INTO.items()}
    held = zip(store.shielded_tx.tolist(), store.column("shielded.value").tolist(), strict=True)
    assert dict(held) == expected
    families = dict(enumerate(store.column("structure.coinjoin").tolist()))
    assert {tx for tx, family in families.items() if family} == set(expected) - {
        names.index(txs["first"].txid)
    }
    assert set(families.values()) == {CoinJoin.none, CoinJoin.shielded}
    sizes = {names.index(tx.txid): len(tx.serialize()) for tx in txs.values()}
    for column in ("tx.total_size", "tx.base_size"):
        assert {tx: int(store.column(column)[tx]) for tx in sizes} == sizes


def test_fees_and_pools_of_transactions(at_hand: tuple[Path, dict[str, Shielded]]) -> None:
    """What inputs bring is what outputs hold, what goes into pools, and the fee."""
    path, txs = at_hand
    rows = Workspace.open(path).transactions([shown(tx) for tx in txs.values()])
    for name, row in zip(txs, rows, strict=True):
        into = dict(zip(("sprout", "sapling", "orchard"), INTO.get(name, ()), strict=False))
        assert row.get("into_pools", {}) == into
        assert row["fee"] == FEES.get(name)
        if name != "first":
            brought = sum(one["value"] for one in row["inputs"])
            paid = sum(one["value"] for one in row["outputs"])
            assert brought == paid + sum(into.values()) + row["fee"]
    reason = Workspace.open(path).coinjoin_reason(shown(txs["deshield"]))
    assert reason.startswith("Shielded parts (Zcash)")


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_traces_stop_at_pools(at_hand: tuple[Path, dict[str, Shielded]], method: str) -> None:
    path, txs = at_hand
    workspace = Workspace.open(path)

    def parts(direction: str, tx: str, out: int = 0) -> dict[str, int]:
        answer = workspace.trace(direction, [f"{shown(txs[tx])}:{out}"], method)
        assert answer["law"] == (
            "services + unspent + mined + coinjoin + shielded + capped + fees = total"
        )
        names = ("unspent", "mined", "coinjoin", "shielded", "capped", "fees")
        assert sum(answer[name] for name in names) == answer["total"]
        return {name: answer[name] for name in names if answer[name]}

    assert parts("forward", "shield") == {"shielded": 9 * COIN}
    assert parts("forward", "deshield") == {"shielded": 15 * COIN}
    assert parts("forward", "mixed") == {"unspent": 24 * COIN, "fees": COIN}
    assert parts("backward", "mixed") == {"shielded": 25 * COIN}
    assert parts("backward", "plain") == {"shielded": 24 * COIN}
    assert parts("backward", "deshield") == {"shielded": 15 * COIN}
    # A coinbase that pays into a pool makes new coins all the same.
    assert parts("backward", "first") == {"mined": 10 * COIN}
    assert parts("forward", "first") == {"unspent": 9 * COIN, "fees": COIN}


def test_no_option_leads_through_a_pool(at_hand: tuple[Path, dict[str, Shielded]]) -> None:
    path, txs = at_hand
    workspace = Workspace.open(path)
    limits = replace(workspace.trace.__defaults__[1], through_coinjoin=True)  # type: ignore[index, type-var]
    answer = workspace.trace("backward", [f"{shown(txs['plain'])}:0"], limits=limits)
    assert answer["shielded"] == answer["total"]


def test_inputs_are_one_owners(at_hand: tuple[Path, dict[str, Shielded]]) -> None:
    """Money that meets that of others inside a pool does not make its inputs theirs."""
    path, _txs = at_hand
    store = ChainStore.open(path)
    script, cluster = store.column("output.script"), store.column("structure.cluster")
    scripts = {number: _script(store, number) for number in (3, 4, 5, 6)}
    assert scripts[3] in script
    assert cluster[scripts[3]] == cluster[scripts[4]]
    assert len({int(cluster[scripts[number]]) for number in (4, 5, 6)}) == 3


def _script(store: ChainStore, number: int) -> int:
    raw = np.frombuffer(p2pkh(number), np.uint8)
    return int(store.find_scripts(raw, np.array([0, raw.size]))[0])


def test_import_in_steps_and_from_a_node(tmp_path: Path) -> None:
    chain, _txs = story()
    once = imported(chain, tmp_path / "once").manifest.digest
    for height in (2, 3, 5, 8):
        imported(chain.fork(height), tmp_path / "steps")
    assert imported(chain, tmp_path / "steps").manifest.digest == once
    with FullHeaders(chain.blocks[:4]) as node:
        (tmp_path / "cookie").write_text(node.login)
        with connect_node(rpc=node.url, cookie=tmp_path / "cookie") as asked:
            import_from_node(tmp_path / "node", asked, NETWORK.name)
            node.follow(chain.blocks)
            assert import_from_node(tmp_path / "node", asked).manifest.digest == once
    assert check_store(tmp_path / "node").wrong == []


class FullHeaders(NodeStandIn):
    """A node of Zcash: headers are longer and hashed whole; Zebra's `getblock` wants a number."""

    @staticmethod
    def name_of(block: bytes) -> str:
        return sha256d(block[: header_length(block)])[::-1].hex()

    def _result(self, method: str, parameters: list[Any]) -> Any:
        if method == "getblock":
            assert parameters[1] == 0
            assert type(parameters[1]) is int
        if method == "getblockheader":
            block = self.blocks[parameters[0]]
            return block[: header_length(block)].hex()
        return super()._result(method, parameters)


def test_reorganisation_takes_pools_back(tmp_path: Path) -> None:
    chain, _txs = story()
    imported(chain.fork(6), tmp_path)
    other = chain.fork(4)
    for _ in range(6):
        other.add()
    blocks = other.write(tmp_path / "other")
    import_blocks(tmp_path / "store", blocks)
    assert check_store(tmp_path / "store").wrong == []
    store = ChainStore.open(tmp_path / "store")
    assert store.manifest.counts["shielded"] == 2
    assert imported(other, tmp_path / "alone").manifest.digest == store.manifest.digest


def test_files_are_checked_again_for_what_is_stored(tmp_path: Path) -> None:
    """The lengths of blocks that are stored are known, headers with their solutions too."""
    chain, _txs = story()
    imported(chain, tmp_path)
    chain.add()
    assert imported(chain, tmp_path).manifest.height == len(chain.blocks) - 1


def test_undo_data_is_not_read(tmp_path: Path) -> None:
    chain, _txs = story()
    imported(chain, tmp_path)
    with pytest.raises(UsageError, match="undo data of Zcash cannot be read"):
        check_store(tmp_path / "store", tmp_path / "blocks")


def changed(chain: Chain, tx: Shielded) -> Chain:
    chain.add(tx)
    return chain


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(
    ("tx", "text"),
    [
        (lambda out: Shielded(4, [out], [(24 * COIN, p2pkh(1))], made=1, sapling=-1), "hold less"),
        (lambda out: Shielded(4, [out], [(24 * COIN + 1, p2pkh(1))], spends=1, sapling=1), ""),
        (lambda out: Shielded(4, [out], [(24 * COIN + 2, p2pkh(1))], spends=1, sapling=1), "less"),
        (lambda out: Shielded(2, [out], (), joinsplits=[(24 * COIN + 1, 0)]), "hold less"),
        (lambda _: Shielded(4, (), [(2, p2pkh(1))], spends=1, sapling=1), "more than it takes"),
        (lambda _: Shielded(5, [(bytes(31) + b"\1", 0)], (), made=1), "not on the chain before"),
    ],
)
def test_balances_are_held(tmp_path: Path, tx: Any, text: str, steps: int) -> None:
    chain, txs = story()
    if steps == 2:
        imported(chain, tmp_path)
    chain = changed(chain, tx((txs["plain"].txid, 0)))
    if not text:
        imported(chain, tmp_path)
        return
    with pytest.raises((ChainError, BlockFileError), match=text):
        import_blocks(tmp_path / "store", chain.write(tmp_path / "blocks"))


def test_work_is_checked(tmp_path: Path) -> None:
    chain, _txs = story()
    last = chain.blocks[-1]
    # A changed nonce: the block is another one, and its work is as good as none.
    chain.blocks[-1] = last[:139] + b"\xff" + last[140:]
    with pytest.raises(BlockFileError, match="proof-of-work"):
        import_blocks(tmp_path / "store", chain.write(tmp_path / "blocks"))


def test_solutions_count_for_the_hash(tmp_path: Path) -> None:
    chain, _txs = story()
    middle = chain.blocks[3]
    chain.blocks[3] = middle[:150] + bytes([middle[150] ^ 1]) + middle[151:]
    with pytest.raises((BlockFileError, ChainError)):
        import_blocks(tmp_path / "store", chain.write(tmp_path / "blocks"))


def test_headers_of_the_main_networks_length(tmp_path: Path) -> None:
    chain = Chain()
    chain.add(solution=1344)
    assert header_length(chain.blocks[1]) == 1487
    chain.add()
    import_blocks(tmp_path / "store", chain.write(tmp_path / "blocks"))
    assert ChainStore.open(tmp_path / "store").manifest.height == 2


@pytest.mark.parametrize("schema", ["flat", "bitcoin-etl"])
def test_tables_are_written_and_not_read(tmp_path: Path, schema: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    chain, txs = story()
    imported(chain, tmp_path)
    Workspace.open(tmp_path / "store").export_tables(tmp_path / "tables", schema)
    with pytest.raises(UsageError, match="tables of Zcash cannot be imported"):
        import_tables(tmp_path / "again", tmp_path / "tables", schema)
    if schema == "bitcoin-etl":
        table = parquet.read_table(tmp_path / "tables" / "transactions.parquet")
        fees = dict(zip(table["hash"].to_pylist(), table["fee"].to_pylist(), strict=True))
        assert {name: fees[shown(txs[name])] for name in FEES} == FEES
        sizes = parquet.read_table(tmp_path / "tables" / "blocks.parquet")["size"].to_pylist()
        assert sizes == [len(block) for block in chain.blocks]


def test_sql_knows_fees_and_pools(at_hand: tuple[Path, dict[str, Shielded]]) -> None:
    pytest.importorskip("duckdb")
    path, txs = at_hand
    rows = Workspace.open(path).sql("SELECT txid, fee, into_pools, coinbase FROM transactions")
    by_id = {row["txid"]: row for row in rows}
    for name, tx in txs.items():
        row = by_id[shown(tx)]
        assert (row["fee"], row["coinbase"]) == (FEES.get(name), name == "first")
        assert row["into_pools"] == sum(INTO.get(name, ()))


def test_exposure_names_pools(tmp_path: Path) -> None:
    chain, _txs = story()
    imported(chain, tmp_path)
    exchange = address_of(p2pkh(7), NETWORK)
    (tmp_path / "labels.csv").write_text(
        "address,entity,category,source,confidence\n"
        f"{exchange},Exchange 1 (made up),exchange,made up,90\n"
    )
    assert not import_labels(tmp_path / "store", [tmp_path / "labels.csv"], "made-up").refusals
    workspace = Workspace.open(tmp_path / "store")
    workspace.build_exposure()
    assert check_store(tmp_path / "store").wrong == []
    asked = {number: address_of(p2pkh(number), NETWORK) for number in (4, 6, 7, 9)}
    shares = {
        (number, direction): {
            row["part"]: row["value"]
            for row in workspace.exposure(text)["exposure"]
            if row["direction"] == direction and row["value"]
        }
        for number, text in asked.items()
        for direction in ("from", "to")
    }
    assert shares[4, "from"] == {"shielded": 15 * COIN}
    assert shares[4, "to"] == {"shielded": 15 * COIN}
    assert shares[9, "from"] == {"mined": 9 * COIN}
    assert shares[6, "to"] == {"exchange": 24 * COIN, "fees": COIN, "unspent": CENT}
