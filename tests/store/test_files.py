"""Column files, their checksums chunk by chunk, and the hash tables."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.builders import dice, write_blocks
from tests.store.chains import canonical_bytes, checked, digest, story

from clewline.errors import StorageError, StoreDamagedError
from clewline.store import check, files, manifest
from clewline.store.files import ColumnFile, copy_column, map_column, replace_file, write_array
from clewline.store.hash_index import (
    capacity_for,
    empty_slots,
    find_scripts,
    find_txids,
    insert_scripts,
    insert_txids,
)
from clewline.store.in_place import ENTRIES, InPlaceColumn, chunk_count, sums_of
from clewline.workspace import import_blocks


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """Chunks of 64 bytes, so that a small store has many."""
    for module in (files, manifest, check):
        monkeypatch.setattr(module, "CHUNK_BYTES", 64)
    return 64


def expected_sums(content: bytes, chunk: int) -> bytes:
    return b"".join(
        hashlib.sha256(content[at : at + chunk]).digest() for at in range(0, len(content), chunk)
    )


def test_column_file_grows_in_any_steps(tmp_path: Path, short_chunks: int) -> None:
    rng = dice(1)
    content = rng.randbytes(1000)
    for case in range(20):
        path, size, sums = tmp_path / f"{case}", 0, b""
        while size < len(content):
            file = ColumnFile(path, size, sums)
            for _ in range(rng.randrange(3)):
                part = content[file.size : file.size + rng.choice([1, 63, 64, 65, 200])]
                file.append(np.frombuffer(part, np.uint8))
            size, sums = file.size, file.checksums()
            assert sums == expected_sums(content[:size], short_chunks)
            file.append(np.frombuffer(b"lost", np.uint8))  # never vouched for: cut at next opening
            file.close()
        assert path.read_bytes()[:size] == content


@pytest.mark.usefixtures("short_chunks")
def test_damage_in_the_growing_chunk_is_found(tmp_path: Path) -> None:
    path = tmp_path / "column"
    sums = write_array(path, np.arange(100, dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:99] + b"x")
    with pytest.raises(StoreDamagedError, match="bytes 64 to 99: do not match"):
        ColumnFile(path, 100, sums)
    with pytest.raises(StoreDamagedError, match="shorter than 101 bytes"):
        ColumnFile(path, 101, sums)


def test_copy_column(tmp_path: Path, short_chunks: int) -> None:
    content = dice(2).randbytes(200)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content + b"beyond the tip")
    sums = expected_sums(content, short_chunks)
    for wanted in (0, 1, 64, 100, 192, 200):
        copied = copy_column(source, 200, sums, target, wanted)
        assert target.read_bytes() == content[:wanted]
        assert copied == expected_sums(content[:wanted], short_chunks)
    source.write_bytes(content[:130] + b"?" + content[131:])
    assert copy_column(source, 200, sums, target, 128)
    with pytest.raises(StoreDamagedError, match="bytes 128 to 191: do not match"):
        copy_column(source, 200, sums, target, 129)


@pytest.mark.usefixtures("short_chunks")
def test_store_of_many_chunks(tmp_path: Path) -> None:
    chain, stale = story()
    one = digest(tmp_path / "one", write_blocks(tmp_path / "b", [*chain.raw, stale.raw[-1]]))
    for blocks in (chain.raw[:3], [*chain.raw[:5], stale.raw[-1]], [*chain.raw, stale.raw[-1]]):
        last = digest(tmp_path / "two", write_blocks(tmp_path / "b", blocks))
    assert last == one
    assert canonical_bytes(tmp_path / "two") == canonical_bytes(tmp_path / "one")
    report, _ = checked(tmp_path / "two")
    assert report.wrong == []
    path = tmp_path / "one" / "columns.0" / "script.bytes"
    content = path.read_bytes()
    path.write_bytes(content[:700] + bytes([content[700] ^ 1]) + content[701:])
    report, _ = checked(tmp_path / "one")
    assert report.wrong == [f"{path}, bytes 640 to 703: do not match their checksum"]


def test_map_column(tmp_path: Path) -> None:
    path = tmp_path / "column"
    with pytest.raises(StoreDamagedError, match="cannot be read"):
        map_column(path, np.dtype("<u4"), (1,))
    path.write_bytes(bytes(range(12)))
    assert map_column(path, np.dtype("<u4"), (2,)).tolist() == [0x03020100, 0x07060504]
    assert not map_column(path, np.dtype("u1"), (3, 4)).flags.writeable
    assert map_column(tmp_path / "none", np.dtype("u1"), (0, 32)).shape == (0, 32)
    with pytest.raises(StoreDamagedError, match="is 12 bytes long; the manifest asks for 16"):
        map_column(path, np.dtype("<u8"), (2,))


def test_replace_file_keeps_the_old_content_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    replace_file(path, b"old")

    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match=r"No space left on device.*free some room"):
        replace_file(path, b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(path.name, b"old")]


@given(rows=st.integers(0, 100_000))
def test_capacity_keeps_the_load(rows: int) -> None:
    slots = capacity_for(rows)
    assert slots.bit_count() == 1
    assert rows <= 0.6 * slots < max(2 * rows + 2, 1024)


def tables(rows: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return empty slots and their sums."""
    slots = empty_slots(rows)
    return slots, np.zeros(chunk_count(slots.size), np.uint64)


def test_txid_table_tells_ids_of_one_key_apart() -> None:
    """Ids that share their first 8 bytes land in one slot and are told apart by the rest."""
    rng = dice(3)
    ids = [rng.randbytes(32) for _ in range(300)]
    ids += [ids[0][:8] + rng.randbytes(24) for _ in range(300)]
    flat = np.frombuffer(b"".join(ids), np.uint8)
    slots, sums = tables(len(ids))
    assert insert_txids(slots, sums, flat, np.empty(0, np.uint32)) == 0
    rows = flat.reshape(-1, 32)
    assert find_txids(slots, rows, rows).tolist() == list(range(600))
    assert find_txids(slots, rows[:, ::-1].copy(), rows).tolist() == [-1] * 600


def test_repeated_ids_are_listed_and_found_last() -> None:
    ids = np.repeat(np.arange(4, dtype=np.uint8), 32).reshape(4, 32)[[0, 1, 0, 2, 0, 1]]
    (slots, sums), repeated = tables(6), np.empty(6, np.uint32)
    count = insert_txids(slots, sums, ids, repeated)
    assert repeated[:count].tolist() == [0, 2, 1]
    assert find_txids(slots, ids, ids).tolist() == [4, 5, 4, 3, 4, 5]


def test_damaged_table_is_not_followed_out_of_bounds() -> None:
    ids = np.arange(64, dtype=np.uint8).reshape(2, 32)
    slots, sums = tables(2)
    insert_txids(slots, sums, ids, np.empty(0, np.uint32))
    for number in (0, 3, 0xFFFFFFFF):
        broken = np.where(slots, slots >> np.uint64(32) << np.uint64(32) | np.uint64(number), slots)
        assert find_txids(broken, ids, ids).tolist() == [-1, -1]
    blob, starts = np.arange(9, dtype=np.uint8), np.array([0, 4, 4, 9])
    slots, sums = tables(3)
    insert_scripts(slots, sums, 5, starts, blob)
    assert sums.tobytes() == sums_of(slots)
    assert find_scripts(slots, 5, blob, starts, starts, blob).tolist() == [0, 1, 2]
    for number in (0, 4, 0xFFFFFFFF):
        broken = np.where(slots, slots >> np.uint64(32) << np.uint64(32) | np.uint64(number), slots)
        assert find_scripts(broken, 5, blob, starts, starts, blob).tolist() == [-1] * 3
    assert find_scripts(slots, 6, blob, starts, starts, blob).tolist() == [-1] * 3, "another key"


def test_import_tells_progress_to_the_end(tmp_path: Path) -> None:
    chain, _ = story()
    told: dict[str, list[tuple[int, int]]] = {}
    import_blocks(
        tmp_path / "store",
        write_blocks(tmp_path / "blocks", chain.raw),
        progress=lambda stage, done, total: told.setdefault(stage, []).append((done, total)),
    )
    assert all(steps[-1][0] <= steps[-1][1] for steps in told.values())
    assert told["Importing blocks"][-1] == (sum(map(len, chain.raw)),) * 2


def test_every_flipped_byte_changes_a_sum() -> None:
    rng = dice(6)
    for _ in range(300):
        values = [rng.choice([0, 1, 0xFFFFFFFF, rng.getrandbits(64)]) for _ in range(3)]
        column = np.array(values, np.uint64)
        for at in range(column.nbytes):
            flipped = column.copy()
            flipped.view(np.uint8)[at] ^= rng.randrange(1, 256)
            assert sums_of(flipped) != sums_of(column)


def test_in_place_column_is_cut_to_what_is_vouched_for(tmp_path: Path) -> None:
    path, count = tmp_path / "column", ENTRIES + 5
    column = InPlaceColumn(path, np.dtype(np.uint32), 0, b"")
    column.append(np.arange(count, dtype=np.uint32))
    sums = column.sums.tobytes()
    assert sums == sums_of(column.entries)
    assert len(sums) == 16, "two chunks"
    column.append(np.ones(10, np.uint32))
    column.close()
    again = InPlaceColumn(path, np.dtype(np.uint32), count, sums)
    assert again.entries.tolist() == list(range(count))
    again.close()
    with pytest.raises(StoreDamagedError, match="shorter than"):
        InPlaceColumn(path, np.dtype(np.uint32), count + 1, sums)
