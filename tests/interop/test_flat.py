"""The flat schema: what is written is what the store holds, and gives the same store again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import COIN, Branch, coinbase, p2pkh, spend, write_blocks
from tests.interop.tables import read, write
from tests.store.chains import all_files, canonical_bytes

from clewline.errors import UsageError
from clewline.interop import parquet
from clewline.store.reader import ChainStore
from clewline.workspace import Workspace, check_store, import_blocks, import_tables


def test_rows_are_those_of_the_store(store: Path, written: Path) -> None:
    tip = ChainStore.open(store)
    blocks, tx, inputs, outputs, scripts = (
        read(written / "flat", name)
        for name in ("blocks", "transactions", "inputs", "outputs", "scripts")
    )
    for table, name, column in (
        (tx, "version", "tx.version"),
        (tx, "locktime", "tx.locktime"),
        (tx, "base_size", "tx.base_size"),
        (tx, "total_size", "tx.total_size"),
        (inputs, "prevout", "input.prevout"),
        (inputs, "sequence", "input.sequence"),
        (outputs, "value", "output.value"),
        (outputs, "script", "output.script"),
        (scripts, "kind", "script.kind"),
    ):
        assert table[name].to_pylist() == tip.column(column).tolist(), name
    assert blocks["hash"].to_pylist() == [row.tobytes() for row in tip.column("block.hash")]
    assert tx["txid"].to_pylist() == [row.tobytes() for row in tip.column("tx.txid")]
    assert b"".join(scripts["bytes"].to_pylist()) == tip.column("script.bytes").tobytes()
    assert [row["time"] for row in blocks.to_pylist()] == tip.block_time.tolist()
    for table, owner, start in (
        (tx, "block", "block.tx_start"),
        (inputs, "tx", "tx.input_start"),
        (outputs, "tx", "tx.output_start"),
    ):
        counts = np.bincount(table[owner].to_numpy(), minlength=tip.column(start).size - 1)
        assert (counts == np.diff(tip.column(start))).all()


def test_store_from_tables_is_the_same(store: Path, written: Path, tmp_path: Path) -> None:
    manifest = import_tables(tmp_path / "new", written / "flat").manifest
    assert manifest.digest == ChainStore.open(store).manifest.digest
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(store)
    assert check_store(tmp_path / "new").wrong == []


def test_many_ranges_and_parts_make_no_difference(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clewline.interop import flat_import

    monkeypatch.setattr(parquet, "_RANGE_BYTES", 300)
    monkeypatch.setattr(parquet, "_READ_ROWS", 7)
    monkeypatch.setattr(flat_import, "_RANGE_TX", 2)
    told: list[tuple[str, int, int]] = []
    Workspace.open(store).export_tables(
        tmp_path / "flat", progress=lambda *stage: told.append(stage)
    )
    blocks = ChainStore.open(store).manifest.counts["block"]
    assert [done for _stage, done, _total in told][-1] == blocks
    assert len(told) > 3
    assert pq.ParquetFile(tmp_path / "flat" / "outputs.parquet").num_row_groups > 3
    # Parts of a table, in a directory of its name.
    outputs = read(tmp_path / "flat", "outputs")
    (tmp_path / "flat" / "outputs.parquet").unlink()
    (tmp_path / "flat" / "outputs").mkdir()
    for part in range(0, outputs.num_rows, 100):
        write(tmp_path / "flat" / "outputs", f"part-{part:05}", outputs.slice(part, 100))
    manifest = import_tables(tmp_path / "new", tmp_path / "flat").manifest
    assert manifest.digest == ChainStore.open(store).manifest.digest


def test_same_bytes_twice(store: Path, written: Path, tmp_path: Path) -> None:
    for schema in ("flat", "bitcoin-etl"):
        Workspace.open(store).export_tables(tmp_path / schema, schema)
        for path in (written / schema).iterdir():
            assert path.read_bytes() == (tmp_path / schema / path.name).read_bytes()


def test_files_say_what_they_were_written_from(store: Path, written: Path) -> None:
    manifest = ChainStore.open(store).manifest
    about = json.loads(pq.read_schema(written / "flat" / "scripts.parquet").metadata[b"clewline"])
    assert about["digest"] == manifest.digest
    assert about["counts"] == manifest.counts
    assert (about["network"], about["schema"]) == ("regtest", "flat")


def test_repeated_coinbase(tmp_path: Path) -> None:
    """BIP-30: an id that the chain holds twice."""
    chain = Branch()
    first = coinbase(1, [(50 * COIN, p2pkh(1))])
    chain.add(first=first)
    chain.add(first=first)
    paid = chain.blocks[2].transactions[0]
    chain.add(spend((paid, 0), to=[(COIN, p2pkh(2))]))
    import_blocks(tmp_path / "store", write_blocks(tmp_path / "blocks", chain.raw))
    workspace = Workspace.open(tmp_path / "store")
    workspace.export_tables(tmp_path / "flat")
    manifest = import_tables(tmp_path / "new", tmp_path / "flat").manifest
    assert manifest.digest == workspace.store.manifest.digest
    workspace.export_tables(tmp_path / "etl", "bitcoin-etl")
    assert import_tables(tmp_path / "other", tmp_path / "etl").manifest.digest == manifest.digest


@settings(max_examples=10)
@given(seed=st.integers(0, 1 << 30))
def test_random_chains(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    import random

    rng = random.Random(seed)  # noqa: S311 - no secret
    chain = Branch()
    unspent = []
    for _ in range(rng.randrange(1, 5)):
        made = []
        while unspent and rng.random() < 0.7:
            taken = [unspent.pop() for _ in range(rng.randrange(1, min(3, len(unspent)) + 1))]
            held = sum(tx.outputs[index][0] for tx, index in taken)
            to = [(held // 4, p2pkh(rng.randrange(6))) for _ in range(rng.randrange(1, 5))]
            made.append(spend(*taken, to=to, witness=rng.random() < 0.5))
            unspent += [(made[-1], index) for index in range(len(to))]
        unspent.append((chain.add(*made).transactions[0], 0))
    directory = tmp_path_factory.mktemp("random")
    import_blocks(directory / "store", write_blocks(directory / "blocks", chain.raw))
    workspace = Workspace.open(directory / "store")
    workspace.export_tables(directory / "flat")
    import_tables(directory / "new", directory / "flat")
    assert canonical_bytes(directory / "new") == canonical_bytes(directory / "store")


def test_a_directory_that_holds_something_is_refused(store: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    before = all_files(tmp_path)
    with pytest.raises(UsageError, match="is not an empty directory"):
        Workspace.open(store).export_tables(tmp_path / "full")
    assert all_files(tmp_path) == before
    (tmp_path / "empty").mkdir()
    Workspace.open(store).export_tables(tmp_path / "empty", tables=["blocks"])
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["blocks.parquet"]
    with pytest.raises(UsageError, match="is not an empty directory"):
        Workspace.open(store).export_tables(tmp_path / "full" / "note")


def test_nothing_is_left_of_an_export_that_fails(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Workspace.open(store).export_tables(tmp_path / "flat", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_unknown_tables_and_schemas_are_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no table 'scripts'; it has blocks, transactions"):
        Workspace.open(store).export_tables(tmp_path / "new", "bitcoin-etl", ["scripts"])
    with pytest.raises(UsageError, match="allowed: flat, bitcoin-etl"):
        Workspace.open(store).export_tables(tmp_path / "new", "csv")
    assert list(tmp_path.iterdir()) == []


def test_real_chain(regtest_store: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(regtest_store)
    workspace.export_tables(tmp_path / "flat")
    manifest = import_tables(tmp_path / "new", tmp_path / "flat").manifest
    assert manifest.digest == workspace.store.manifest.digest
    assert canonical_bytes(tmp_path / "new") == canonical_bytes(regtest_store)


def test_only_a_new_store(store: Path, tables: Callable[[str], Path]) -> None:
    before = all_files(store)
    with pytest.raises(UsageError, match="there is a store already"):
        import_tables(store, tables("flat"))
    assert all_files(store) == before
