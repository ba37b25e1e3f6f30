from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.play.conftest import SIZE, Case
from tests.play.plain_chain import read_blocks

from clewline.errors import StorageError, UsageError
from clewline.play import PlaySummary, make_play


def digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def make(out: Path, transactions: int = 300, seed: int = 4) -> PlaySummary:
    return make_play(out, transactions, seed)


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    make(tmp_path / "c", seed=5)
    first = digests(tmp_path / "a")
    assert set(first) == {
        *("blocks/blk00000.dat", "blocks/xor.dat"),
        *("labels.csv", "rates.csv", "truth.json"),
    }
    assert digests(tmp_path / "b") == first
    other = digests(tmp_path / "c")
    assert all(other[name] != first[name] for name in first)


def test_bytes_are_the_same_on_every_machine(tmp_path: Path) -> None:
    """Changes when the story changes; then this value and the changelog follow."""
    assert make(tmp_path / "a", seed=1).tip == (
        "0ca5ce30c2cf8633758205d4e969db4f23cb7b90d803de88d4bb514fc6597ff0"
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("transactions", [300, 777])
def test_size_is_what_was_asked_for(tmp_path: Path, transactions: int, seed: int) -> None:
    summary = make(tmp_path / "a", transactions, seed)
    assert summary.transactions == transactions
    assert summary.purchases >= 6


def test_summary_counts_what_is_in_the_files(case: Case) -> None:
    assert case.summary.transactions == len(case.txs) == SIZE
    assert case.summary.outputs == sum(len(tx.outputs) for tx in case.txs)
    assert case.summary.inputs == sum(len(tx.inputs) for tx in case.txs if not tx.is_coinbase)
    assert case.summary.block_bytes == sum(len(block.raw) + 8 for block in case.blocks)


def test_means_are_those_of_real_chains(tmp_path: Path) -> None:
    summary = make(tmp_path / "a", 6000)
    blocks, _ = read_blocks(summary.blocks)
    txs = [tx for block in blocks for tx in block.txs[1:]]
    assert 2.5 <= sum(len(tx.inputs) for tx in txs) / len(txs) <= 3
    assert 2.5 <= sum(len(tx.outputs) for tx in txs) / len(txs) <= 3
    assert 400 <= sum(tx.size for tx in txs) / len(txs) <= 600


def test_progress_ends_at_the_size(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    make_play(tmp_path / "a", 300, 1, lambda done, wanted: calls.append((done, wanted)))
    assert calls[-1] == (300, 300)
    assert calls == sorted(calls)


@pytest.mark.parametrize(("transactions", "seed"), [(299, 1), (100_000_001, 1), (300, -1)])
def test_numbers_out_of_range_change_nothing(tmp_path: Path, transactions: int, seed: int) -> None:
    with pytest.raises(UsageError):
        make_play(tmp_path / "a", transactions, seed)
    assert not (tmp_path / "a").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty directory"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, not a directory")
    with pytest.raises(StorageError):
        make(tmp_path / "file" / "case")
