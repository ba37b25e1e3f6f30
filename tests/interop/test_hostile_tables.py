"""Flat tables that are broken, lie, or are not tables: one clear error, and nothing half done."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.builders import GENESIS_TIME, REGTEST_BITS, mine
from tests.interop.tables import change, put, read, write

from clewline.errors import ChainError, ClewlineError, DataError
from clewline.interop import parquet
from clewline.workspace import import_tables


def refused(directory: Path, tmp_path: Path, match: str | None = None, **more: Any) -> str:
    """Import, which must fail and leave nothing; return the error."""
    with pytest.raises((DataError, ChainError), match=match) as caught:
        import_tables(tmp_path / "new", directory, **more)
    assert not (tmp_path / "new").exists()
    return str(caught.value)


def test_everything_missing_is_named_at_once(tables: Callable[[str], Path], tmp_path: Path) -> None:
    directory = tables("flat")
    (directory / "inputs.parquet").unlink()
    change(directory, "outputs", lambda content: content.drop_columns(["value", "script"]))
    text = pa.array(["x"] * read(directory, "transactions").num_rows)
    change(directory, "transactions", lambda t: t.set_column(2, "txid", text))
    message = refused(directory, tmp_path)
    for part in (
        "table inputs: neither inputs.parquet nor inputs/*.parquet",
        "outputs.value is missing",
        "outputs.script is missing",
        "transactions.txid is string, not fixed_size_binary[32]",
    ):
        assert part in message


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", tmp_path, "table blocks: neither")
    refused(tmp_path / "none", tmp_path, "is not a directory")


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "text"),
    [
        ("blocks", "height", 2, 7, "blocks.parquet, row 2: column height .* it is 7, not 2"),
        ("blocks", "hash", 2, bytes(32), "row 2: column hash"),
        ("blocks", "merkle_root", 2, bytes(32), "column hash"),
        ("blocks", "bits", 2, 0x1D00FFFF, "column hash"),
        ("blocks", "tx_count", 2, 0, "column|without transactions"),
        ("blocks", "tx_count", 2, 4_000_000_000, "ends after .* rows"),
        ("blocks", "tx_count", 7, 2, "ends after .* rows"),
        ("blocks", "script_count", 2, 0, "ends after|column"),
        ("blocks", "script_count", 2, 4_000_000_000, "ends after .* rows"),
        ("blocks", "time", 2, None, "column time holds nulls"),
        ("transactions", "tx", 3, 1, "row 3: column tx .* it is 1, not 3"),
        ("transactions", "block", 3, 0, "row 3: column block"),
        ("transactions", "txid", 3, bytes(32), "block 2: .* Merkle root"),
        ("transactions", "input_count", 3, 0, "column tx|coinbase"),
        ("transactions", "input_count", 3, 4_000_000_000, "ends after"),
        ("transactions", "output_count", 3, 0, "column tx"),
        ("transactions", "base_size", 3, 5, "size of a transaction cannot be"),
        ("transactions", "base_size", 3, 4_000_000_000, "size of a transaction cannot be"),
        ("transactions", "total_size", 3, 4_000_001, "size of a transaction cannot be"),
        ("inputs", "input", 1, 5, "row 1: column input"),
        ("inputs", "tx", 1, 2, "row 1: column tx"),
        ("inputs", "prevout", 1, -1, "inputs.parquet, row 1: column prevout is -1"),
        ("inputs", "prevout", 1, 10**9, "column prevout is 1000000000"),
        ("inputs", "prevout", 1, 400, "column prevout is 400|not on the chain"),
        ("inputs", "prevout", 1, 1, "is spent already"),
        ("outputs", "output", 1, 0, "row 1: column output"),
        ("outputs", "value", 5, -1, "an amount is negative"),
        ("outputs", "value", 5, 2**62, "an amount is negative or above"),
        ("outputs", "value", 6, 2 * 10**15, "hold less than the outputs pay"),
        ("outputs", "script", 5, 4_000_000_000, "column script is 4000000000"),
        ("outputs", "script", 1, 2, "outputs.parquet, row 1: column script"),
        ("scripts", "script", 1, 0, "row 1: column script"),
        ("scripts", "kind", 1, 9, "row 1: column kind"),
        ("scripts", "bytes", 1, b"", "row 1: column kind"),
        ("scripts", "bytes", 2, None, "column bytes holds nulls"),
    ],
)
def test_wrong_values(
    tables: Callable[[str], Path],
    tmp_path: Path,
    table: str,
    column: str,
    row: int,
    value: Any,
    text: str,
) -> None:
    directory = tables("flat")
    change(directory, table, lambda content: put(content, column, row, value))
    refused(directory, tmp_path, text)


def test_repeated_scripts(tables: Callable[[str], Path], tmp_path: Path) -> None:
    """Two rows with the same bytes are one script."""
    directory = tables("flat")
    scripts = read(directory, "scripts").to_pylist()
    first, second, *_ = (row for row in scripts if row["kind"] == 2)
    change(
        directory,
        "scripts",
        lambda content: put(content, "bytes", second["script"], first["bytes"]),
    )
    refused(directory, tmp_path, "column script")


@pytest.mark.parametrize("table", ["blocks", "transactions", "inputs", "outputs", "scripts"])
def test_rows_out_of_order_missing_or_left_over(
    tables: Callable[[str], Path], tmp_path: Path, table: str
) -> None:
    directory = tables("flat")
    content = read(directory, table)
    rows = np.arange(content.num_rows)
    for order, text in (
        (rows[::-1], "row 0: column"),
        (rows[:-1], "ends after|rows; the other tables ask for|column"),
        (np.append(rows, 0), "column|rows; the other tables ask for"),
        (rows[:0], "ends after|holds no blocks"),
    ):
        write(directory, table, content.take(pa.array(order)))
        refused(directory, tmp_path, text)


def test_changed_value_that_no_rule_finds(tables: Callable[[str], Path], tmp_path: Path) -> None:
    """Where Clewline wrote the tables, the digest must come out."""
    directory = tables("flat")
    content = read(directory, "inputs")
    write(directory, "inputs", put(content, "sequence", 1, 5))
    refused(directory, tmp_path, "the tables give digest [0-9a-f]{64}; they say")


def test_another_network(tables: Callable[[str], Path], tmp_path: Path) -> None:
    refused(tables("flat"), tmp_path, "genesis block of network main", network="main")


def test_chain_that_does_not_begin(tables: Callable[[str], Path], tmp_path: Path) -> None:
    directory = tables("flat")
    header = mine(bytes(32), bytes(32), GENESIS_TIME)
    from tests.builders import sha256d

    def break_(content: Any) -> Any:
        for column, value in (
            ("hash", sha256d(header)),
            ("version", 4),
            ("merkle_root", bytes(32)),
            ("nonce", int.from_bytes(header[76:], "little")),
            ("bits", REGTEST_BITS),
            ("time", GENESIS_TIME),
        ):
            content = put(content, column, 0, value)
        return content

    change(directory, "blocks", break_)
    refused(directory, tmp_path, "the genesis block of no network")


def test_wider_types_are_taken(tables: Callable[[str], Path], tmp_path: Path) -> None:
    """Other tools write 64-bit integers where 32 would do."""
    directory = tables("flat")

    def widen(content: Any) -> Any:
        fields = [
            pa.field(one.name, pa.int64() if pa.types.is_integer(one.type) else one.type)
            for one in content.schema
        ]
        return content.cast(pa.schema(fields))

    for table in ("blocks", "transactions", "inputs", "outputs", "scripts"):
        change(directory, table, widen)
    import_tables(tmp_path / "new", directory)


def test_cut_and_flipped_files(tables: Callable[[str], Path], tmp_path: Path) -> None:
    """Any damage is either harmless or one of our errors, and leaves nothing behind."""
    directory = tables("flat")
    rng = random.Random(3)  # noqa: S311 - no secret
    errors = 0
    for _ in range(60):
        name = rng.choice(["blocks", "transactions", "inputs", "outputs", "scripts"])
        path = directory / f"{name}.parquet"
        whole = path.read_bytes()
        broken = bytearray(whole)
        if rng.random() < 0.4:
            del broken[rng.randrange(len(broken)) :]
        else:
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            import_tables(tmp_path / "new", directory)
        except ClewlineError:
            errors += 1
            assert not (tmp_path / "new").exists()
        else:
            shutil.rmtree(tmp_path / "new")
        path.write_bytes(whole)
    assert errors > 30


def test_not_parquet(tables: Callable[[str], Path], tmp_path: Path) -> None:
    directory = tables("flat")
    (directory / "blocks.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    (directory / "inputs.parquet").write_text("height,hash\n")
    message = refused(directory, tmp_path)
    assert "blocks.parquet: is no Parquet file that can be read" in message
    assert "inputs.parquet: is no Parquet file that can be read" in message


def test_a_failed_import_keeps_labels_and_lock(
    tables: Callable[[str], Path], tmp_path: Path
) -> None:
    """A directory that was there stays as it was."""
    directory = tables("flat")
    change(directory, "outputs", lambda content: put(content, "value", 5, -1))
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError):
        import_tables(tmp_path / "new", directory)
    assert [path.name for path in (tmp_path / "new").iterdir()] in ([], ["lock"])


def test_a_row_group_too_large_to_decode(
    tables: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run-length encoding makes billions of values out of a few bytes."""
    monkeypatch.setattr(parquet, "_MAX_GROUP_VALUES", 1 << 20)
    directory = tables("flat")
    count = 1 << 21
    zeros = pa.table({"prevout": pa.array(np.zeros(count, np.int64))})
    write(directory, "inputs", zeros, row_group_size=count)
    assert (directory / "inputs.parquet").stat().st_size < 1 << 16
    refused(directory, tmp_path, "row group 0 says that .* has columns of [0-9,]+ values; up to")


def test_script_longer_than_its_transaction(tables: Callable[[str], Path], tmp_path: Path) -> None:
    directory = tables("flat")
    change(directory, "scripts", lambda content: put(content, "bytes", 1, bytes(3_000_000)))
    change(directory, "scripts", lambda content: put(content, "kind", 1, 0))
    refused(directory, tmp_path, "size of a transaction cannot be")
