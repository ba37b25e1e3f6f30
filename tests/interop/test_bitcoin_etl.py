"""The schema of bitcoin-etl: rows as that tool makes them, and stores from such rows."""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.builders import Branch, write_blocks
from tests.interop.tables import (
    change,
    expected_blocks,
    expected_transactions,
    put,
    read,
    with_unlocking_scripts,
    write,
)
from tests.store.chains import canonical_bytes

from clewline.codec.script import script_kinds
from clewline.errors import DataError
from clewline.interop.schemas import BITCOIN_ETL
from clewline.store.reader import ChainStore
from clewline.workspace import Workspace, import_blocks, import_tables


def unlocking_scripts(chain: Branch) -> Callable[[str, int], str]:
    held = {
        tx.txid[::-1].hex(): tx.script_sig.hex()
        for block in chain.blocks
        for tx in block.transactions
    }
    return lambda txid, _index: held[txid]


def test_blocks_and_transactions(chain: Branch, written: Path) -> None:
    assert read(written / "bitcoin-etl", "blocks").to_pylist()[1:] == expected_blocks(chain)
    rows = read(written / "bitcoin-etl", "transactions").to_pylist()[1:]
    for row in rows:
        for output in row["outputs"]:
            assert output.pop("script_asm") is not None or output["script_hex"] == ""
    assert rows == expected_transactions(chain)


def test_agrees_with_the_printed_transactions(store: Path, written: Path) -> None:
    rows = read(written / "bitcoin-etl", "transactions").to_pylist()
    for row, printed in zip(rows, Workspace.open(store).all_transactions(), strict=True):
        assert row["hash"] == printed["txid"]
        assert row["block_number"] == printed["height"]
        assert row["fee"] == (printed["fee"] or 0)
        assert [
            (one["spent_transaction_hash"], one["spent_output_index"], one["value"])
            for one in row["inputs"]
        ] == [(one["txid"], one["vout"], one["value"]) for one in printed["inputs"]]
        assert [(one["script_hex"], one["value"]) for one in row["outputs"]] == [
            (one["script"], one["value"]) for one in printed["outputs"]
        ]
        for one, other in zip(row["outputs"], printed["outputs"], strict=True):
            if other["address"] is not None:
                assert one["addresses"] == [other["address"]]


def test_columns_are_those_of_the_tool(written: Path, fixtures_dir: Path) -> None:
    for table, expected in fixture_tables(fixtures_dir, "bitcoin/block_with_transactions").items():
        there = read(written / "bitcoin-etl", table).schema
        assert set(expected[-1]) <= set(there.names)
        for nested in ("inputs", "outputs") if table == "transactions" else ():
            names = [field.name for field in there.field(nested).type.value_type]
            assert (
                names
                == [key for row in expected for one in row[nested] for key in one][: len(names)]
            )


def fixture_tables(fixtures_dir: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    """Read what bitcoin-etl makes of some blocks."""
    inside = f"tests/resources/test_export_blocks_job/{name}"
    with tarfile.open(fixtures_dir / "bitcoin-etl" / "bitcoin-etl.tar.xz") as archive:
        names = {
            Path(member).as_posix().removeprefix("./"): member for member in archive.getnames()
        }
        found = {}
        for table in ("blocks", "transactions"):
            file = archive.extractfile(names[f"{inside}/expected_{table}.json"])
            assert file is not None
            found[table] = [json.loads(line) for line in file.read().splitlines() if line]
    return found


@pytest.fixture(scope="module")
def mainnet(fixtures_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 4,313 blocks: store and bitcoin-etl tables."""
    directory = tmp_path_factory.mktemp("mainnet")
    (directory / "blocks").mkdir()
    packed = fixtures_dir / "bitcoin" / "mainnet_0_4312.blk.dat.xz"
    (directory / "blocks" / "blk00000.dat").write_bytes(lzma.decompress(packed.read_bytes()))
    import_blocks(directory / "store", directory / "blocks")
    Workspace.open(directory / "store").export_tables(directory / "etl", "bitcoin-etl")
    return directory


@pytest.mark.parametrize("height", [0, 1])
def test_real_blocks_as_the_tool_shows_them(mainnet: Path, fixtures_dir: Path, height: int) -> None:
    expected = fixture_tables(fixtures_dir, f"bitcoin/block_{height}")
    block = read(mainnet / "etl", "blocks").slice(height, 1).to_pylist()
    assert [row | {"coinbase_param": None} for row in expected["blocks"]] == block
    assert expected["transactions"] == [
        row
        for row in read(mainnet / "etl", "transactions").to_pylist()
        if row["block_number"] == height
    ]


def test_store_from_real_tables(mainnet: Path, tmp_path: Path) -> None:
    """Before segregated witness every size follows."""
    import_tables(tmp_path / "new", mainnet / "etl")
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(mainnet / "store")


def fixture_scripts(fixtures_dir: Path) -> Iterator[dict[str, Any]]:
    names = ("block_0", "block_1", "block_with_transactions", "stream_50001_50002")
    for name in names:
        for row in fixture_tables(fixtures_dir, f"bitcoin/{name}")["transactions"]:
            yield from row["outputs"]


def test_scripts_as_the_tool_shows_them(fixtures_dir: Path, tmp_path: Path) -> None:
    """Each real output script of the tool's tables, paid to on a made-up chain."""
    wanted = {row["script_hex"]: row for row in fixture_scripts(fixtures_dir)}
    chain = Branch()
    chain.add(reward=[(1, bytes.fromhex(text)) for text in wanted])
    import_blocks(tmp_path / "store", write_blocks(tmp_path / "blocks", chain.raw))
    Workspace.open(tmp_path / "store").export_tables(tmp_path / "etl", "bitcoin-etl")
    (tx,) = read(tmp_path / "etl", "transactions").to_pylist()[1:]
    assert len(wanted) == 5
    for made in tx["outputs"]:
        row = wanted[made["script_hex"]]
        for name in ("script_asm", "required_signatures", "type"):
            assert made[name] == row[name]
        assert len(made["addresses"]) == len(row["addresses"])
        # Of regtest here, of the main network there: the same hash, in another version.
        assert [decoded(one) for one in made["addresses"]] == [
            decoded(one) for one in row["addresses"]
        ]


def decoded(address: str) -> bytes:
    """The hash in a base58 address."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for character in address:
        number = number * 58 + alphabet.index(character)
    return number.to_bytes(25, "big")[1:21]


def test_real_outputs_as_core_shows_them(
    core_regtest: Path, regtest_store: Path, tmp_path: Path
) -> None:
    Workspace.open(regtest_store).export_tables(tmp_path / "etl", "bitcoin-etl")
    rows = iter(read(tmp_path / "etl", "transactions").to_pylist())
    blocks = iter(read(tmp_path / "etl", "blocks").to_pylist())
    for line in (core_regtest / "rpc.jsonl").read_text("utf-8").splitlines():
        block = json.loads(line)
        block = block.get("result", block)
        made = next(blocks)
        assert made["hash"] == block["hash"]
        for name, core in (
            ("size", "size"),
            ("stripped_size", "strippedsize"),
            ("weight", "weight"),
            ("version", "version"),
            ("merkle_root", "merkleroot"),
            ("timestamp", "time"),
            ("bits", "bits"),
            ("transaction_count", "nTx"),
        ):
            assert made[name] == block[core], name
        assert int(made["nonce"], 16) == block["nonce"]
        for tx in block["tx"]:
            row = next(rows)
            assert (row["hash"], row["size"], row["virtual_size"]) == (
                tx["txid"],
                tx["size"],
                tx["vsize"],
            )
            assert Decimal(row["fee"]) == Decimal(str(tx.get("fee", 0))) * 10**8
            for one, other in zip(row["outputs"], tx["vout"], strict=True):
                script = other["scriptPubKey"]
                assert (one["script_hex"], one["script_asm"]) == (script["hex"], script["asm"])
                if "address" in script:
                    assert (one["type"], one["addresses"]) == (script["type"], [script["address"]])


def test_store_from_tables_with_unlocking_scripts(
    chain: Branch, store: Path, tables: Callable[[str], Path], tmp_path: Path
) -> None:
    directory = tables("bitcoin-etl")
    with_unlocking_scripts(directory, unlocking_scripts(chain))
    import_tables(tmp_path / "new", directory)
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(store)


def test_real_store_from_tables_with_unlocking_scripts(
    core_regtest: Path, regtest_store: Path, tmp_path: Path
) -> None:
    Workspace.open(regtest_store).export_tables(tmp_path / "etl", "bitcoin-etl")
    held = {}
    for line in (core_regtest / "rpc.jsonl").read_text("utf-8").splitlines():
        block = json.loads(line)
        for tx in block.get("result", block)["tx"]:
            held[tx["txid"]] = [one.get("scriptSig", {}).get("hex", "") for one in tx["vin"]]
    with_unlocking_scripts(tmp_path / "etl", lambda txid, index: str(held[txid][index]))
    import_tables(tmp_path / "new", tmp_path / "etl")
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(regtest_store)


def test_sizes_that_do_not_follow_are_named(regtest_store: Path, tmp_path: Path) -> None:
    Workspace.open(regtest_store).export_tables(tmp_path / "etl", "bitcoin-etl")
    with pytest.raises(DataError, match=r"inputs\[\].script_hex is null.* of [\d,]+ transactions"):
        import_tables(tmp_path / "new", tmp_path / "etl")
    assert not (tmp_path / "new").exists()


def test_tables_of_the_public_data_set(
    chain: Branch, store: Path, tables: Callable[[str], Path], tmp_path: Path
) -> None:
    """Timestamps, decimals, large lists and more columns, as BigQuery's tables have them."""
    directory = tables("bitcoin-etl")
    with_unlocking_scripts(directory, unlocking_scripts(chain))
    tx = read(directory, "transactions")
    at = tx.schema.get_field_index("outputs")
    outputs = tx.schema.field(at).type.value_type
    decimal = pa.struct(
        [
            pa.field(one.name, pa.decimal128(38, 9) if one.name == "value" else one.type)
            for one in outputs
        ]
    )
    rows = [
        [one | {"value": Decimal(one["value"])} for one in row] for row in tx["outputs"].to_pylist()
    ]
    tx = tx.set_column(at, "outputs", pa.array(rows, pa.large_list(decimal)))
    stamp = tx["block_timestamp"].cast(pa.timestamp("s")).cast(pa.timestamp("us", "UTC"))
    tx = tx.append_column("block_timestamp_month", stamp)
    write(directory, "transactions", tx)
    blocks = read(directory, "blocks")
    stamp = blocks["timestamp"].cast(pa.timestamp("s")).cast(pa.timestamp("us", "UTC"))
    at = blocks.schema.get_field_index("timestamp")
    write(directory, "blocks", blocks.set_column(at, "timestamp", stamp))
    import_tables(tmp_path / "new", directory)
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(store)


def test_columns_that_are_not_needed_may_be_missing(
    chain: Branch, store: Path, tables: Callable[[str], Path], tmp_path: Path
) -> None:
    directory = tables("bitcoin-etl")
    with_unlocking_scripts(directory, unlocking_scripts(chain))
    for table in BITCOIN_ETL.tables.values():
        dropped = [field.name for field in table.fields if not field.needed]
        change(directory, table.name, lambda content, names=dropped: content.drop_columns(names))
    import_tables(tmp_path / "new", directory)
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(store)


def test_transactions_out_of_order(tables: Callable[[str], Path], tmp_path: Path) -> None:
    directory = tables("bitcoin-etl")
    content = read(directory, "transactions")
    order = np.arange(content.num_rows)
    order[[2, 3]] = order[[3, 2]]
    write(directory, "transactions", content.take(pa.array(order)))
    with pytest.raises(DataError, match=r"index does not count up|block_number is not"):
        import_tables(tmp_path / "new", directory)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "text"),
    [
        ("blocks", "number", 3, 4, "number is 4, not 3; blocks must stand by height"),
        ("blocks", "hash", 3, "0" * 64, "hash is not that of the header"),
        ("blocks", "hash", 3, "xyz", "hash is not 64 hex digits"),
        ("blocks", "nonce", 3, "-", "nonce is not a number in hex"),
        ("blocks", "nonce", 3, "1" * 30, "nonce is not a number in hex"),
        ("blocks", "bits", 3, None, "bits holds nulls"),
        ("blocks", "version", 3, 2**40, "version does not fit 32 bits"),
        ("blocks", "timestamp", 3, -5, "column timestamp"),
        ("blocks", "transaction_count", 3, 0, "a block without transactions"),
        ("blocks", "transaction_count", 3, -1, "a block without transactions"),
        ("blocks", "transaction_count", 3, 2**60, "ends after"),
        ("blocks", "transaction_count", 7, 2, "ends after"),
        ("transactions", "hash", 2, "0" * 64, "do not give the Merkle root"),
        ("transactions", "hash", 2, "0" * 63, "hash is not 64 hex digits"),
        ("transactions", "size", 2, 1, "do not fit together"),
        ("transactions", "virtual_size", 2, 7, "do not fit together"),
        ("transactions", "lock_time", 2, 2**32, "column lock_time"),
        ("transactions", "version", 2, 2**32, "version does not fit 32 bits"),
        ("transactions", "inputs", 3, [], "do not fit together"),
        ("transactions", "inputs", 3, [None], "inputs holds nulls"),
        ("transactions", "outputs", 3, [], "a transaction without outputs|do not fit together"),
        ("transactions", "outputs", 3, None, "a transaction without outputs|do not fit together"),
        ("transactions", "block_hash", 3, "0" * 64, "block_hash is not that of the block"),
    ],
)
def test_wrong_values(
    chain: Branch,
    tables: Callable[[str], Path],
    tmp_path: Path,
    table: str,
    column: str,
    row: int,
    value: Any,
    text: str,
) -> None:
    directory = tables("bitcoin-etl")
    with_unlocking_scripts(directory, unlocking_scripts(chain))
    change(directory, table, lambda content: put(content, column, row, value))
    with pytest.raises(DataError, match=text):
        import_tables(tmp_path / "new", directory)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("nested", "name", "value", "text"),
    [
        ("inputs", "index", 5, r"inputs\[\].index does not count up"),
        ("inputs", "spent_output_index", -1, "column spent_output_index"),
        ("inputs", "spent_output_index", 77, "does not have"),
        ("inputs", "spent_transaction_hash", "1" * 64, "not on the chain"),
        ("inputs", "sequence", None, r"inputs\[\].sequence holds nulls"),
        ("inputs", "script_hex", "abc", r"inputs\[\].script_hex is not hex"),
        ("inputs", "script_hex", "00" * 80, "do not fit together"),
        ("outputs", "script_hex", "zz", r"outputs\[\].script_hex is not hex"),
        ("outputs", "script_hex", None, r"outputs\[\].script_hex holds nulls"),
        ("outputs", "value", -1, "an amount is negative"),
        ("outputs", "value", 2**60, "an amount is negative or above"),
        ("outputs", "value", 2 * 10**15, "hold less than the outputs pay"),
    ],
)
def test_wrong_values_inside(
    chain: Branch,
    tables: Callable[[str], Path],
    tmp_path: Path,
    nested: str,
    name: str,
    value: Any,
    text: str,
) -> None:
    directory = tables("bitcoin-etl")
    with_unlocking_scripts(directory, unlocking_scripts(chain))

    def break_(content: Any) -> Any:
        rows = content[nested].to_pylist()
        rows[3][0][name] = value
        return put(content, nested, 3, rows[3])

    change(directory, "transactions", break_)
    with pytest.raises(DataError, match=text):
        import_tables(tmp_path / "new", directory)
    assert not (tmp_path / "new").exists()


def test_versions_as_newer_nodes_show_them(
    chain: Branch, store: Path, tables: Callable[[str], Path], tmp_path: Path
) -> None:
    """A version above 2^31 is the same 32 bits as a negative one."""
    directory = tables("bitcoin-etl")
    with_unlocking_scripts(directory, unlocking_scripts(chain))
    change(directory, "transactions", lambda content: put(content, "version", 2, 0xFFFFFFFF))
    import_tables(tmp_path / "new", directory)
    assert ChainStore.open(tmp_path / "new").column("tx.version")[2] == -1


def test_scripts_of_every_kind_have_a_row(written: Path) -> None:
    outputs = [
        one
        for row in read(written / "bitcoin-etl", "transactions")["outputs"].to_pylist()
        for one in row
    ]
    for one in outputs:
        blob = np.frombuffer(bytes.fromhex(one["script_hex"]), np.uint8)
        kinds = script_kinds(blob, np.array([0, blob.size]))
        assert len(one["addresses"]) == 1
        assert (one["type"] == "nonstandard") == (kinds[0] in (0, 5))
