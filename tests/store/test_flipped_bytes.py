"""A flipped byte of a block file gives an error or changes nothing; of a store, it is found."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.builders import Branch, write_blocks
from tests.store.chains import KEY, all_files, shown_branch, shown_store, story

from clewline.errors import ClewlineError, DataError
from clewline.store.check import check_columns
from clewline.store.files import CHUNK_BYTES
from clewline.store.reader import ChainStore
from clewline.store.schema import INDEXES, columns
from clewline.workspace import import_blocks

_TIME_IN_HEADER = range(68, 72)


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def without_tip_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    height = max(row["height"] for row in rows)
    return [{**row, "time": 0} if row["height"] == height else row for row in rows]


@pytest.mark.parametrize(
    ("key", "tail", "files"), [(None, 0, 1), (KEY, 0, 1), (None, 40, 2), (KEY, 40, 2)]
)
def test_every_byte_of_a_block_file(
    tmp_path: Path, key: bytes | None, tail: int, files: int
) -> None:
    """Each byte of a small chain with a stale block, one flip at a time.

    One thing cannot be seen: on regtest half of all hashes meet the target, so another time in
    the header of the very tip, which nothing links to, may make a valid block.
    """
    rng = random.Random(f"{key!r} {tail}")
    chain, stale = story(lowest=1)
    chain = chain.fork(6)
    blocks = chain.raw
    blocks.insert(5, stale.raw[-1])
    parts = (blocks,) if files == 1 else (blocks[4:], blocks[:4])
    directory = write_blocks(tmp_path / "blocks", *parts, key=key, tail=tail)
    expected = shown_branch(chain)
    tip = blocks.index(chain.raw[-1]) - (0 if files == 1 else 4)
    tip_at = sum(8 + len(raw) for raw in parts[0][:tip]) + 8
    silent = 0
    for path in sorted(directory.glob("blk*.dat")):
        content = path.read_bytes()
        for at in sample(rng, content, chain):
            flipped = bytearray(content)
            flipped[at] ^= rng.randrange(1, 256)
            path.write_bytes(flipped)
            store = tmp_path / "store"
            try:
                import_blocks(store, directory)
            except DataError as error:
                assert error.where is not None
                assert str(directory) in error.where, error
                assert not store.exists()
                continue
            silent += 1
            rows = shown_store(store)
            if path.name == "blk00000.dat" and at - tip_at in _TIME_IN_HEADER:
                assert without_tip_time(rows) == without_tip_time(expected)
            else:
                assert rows == expected, f"byte {at}"
            shutil.rmtree(store)
        path.write_bytes(content)
    assert silent > 20, "a stale block and the tip's nonce and version can change unseen"


def sample(rng: random.Random, content: bytes, chain: Branch) -> list[int]:
    """Every position but most of those inside long runs of outputs, which are all alike."""
    long = max(chain.blocks, key=lambda block: len(block.raw)).raw
    keep = range(len(content) - len(long))
    return sorted({*rng.sample(range(len(content)), 600), *list(keep)[::5]})


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the story. Read only."""
    directory = tmp_path_factory.mktemp("sound")
    chain, _ = story()
    import_blocks(directory / "store", write_blocks(directory / "blocks", chain.raw))
    return directory / "store"


def wrong(store: Path) -> list[str]:
    report, held = check_columns(store, None, no_progress)
    assert (held is None) == bool(report.wrong)
    return report.wrong


def test_every_file_of_a_store(sound: Path, tmp_path: Path) -> None:
    rng = random.Random(3)
    store = Path(shutil.copytree(sound, tmp_path / "store"))
    assert wrong(store) == []
    for path in sorted(store.glob("*.*/*")):
        content = path.read_bytes()
        positions = {0, len(content) - 1, *rng.sample(range(len(content)), min(len(content), 12))}
        for at in sorted(positions) if content else ():
            flipped = bytearray(content)
            flipped[at] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
            found = wrong(store)
            assert found, f"{path.name}, byte {at}"
            assert str(path) in found[0]
        path.write_bytes(content)
        if content:
            path.write_bytes(content[:-1])
            assert str(path) in wrong(store)[0]
        path.write_bytes(content)
    assert wrong(store) == []


def test_damaged_chunk_is_named(sound: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(sound, tmp_path / "store"))
    path = store / "columns.0" / "output.value"
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    assert CHUNK_BYTES > len(content)
    assert wrong(store) == [
        f"{path}, bytes 0 to {len(content) - 1}: do not match their checksum"
    ]


def test_every_byte_of_the_manifest(sound: Path, tmp_path: Path) -> None:
    """But for bytes of no meaning: the white space between its values."""
    rng = random.Random(4)
    store = Path(shutil.copytree(sound, tmp_path / "store"))
    path = store / "manifest.json"
    content = path.read_bytes()
    manifest = ChainStore.open(store).manifest
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            found = wrong(store)
        except ClewlineError:
            continue
        assert found or ChainStore.open(store).manifest == manifest, flipped


def test_rules_find_what_checksums_cannot(sound: Path, tmp_path: Path) -> None:
    """Each index, written anew with a wrong value and the right checksum, is caught by its rule."""
    from clewline.store import check

    store = ChainStore.open(sound)
    for name, _rows, _column in columns(INDEXES):
        array = store.column(name)
        if name.startswith("structure.") or not array.size:
            continue  # the workspace compares these with what the engine derives
        changed = array.copy()
        where = int(changed.reshape(-1).argmax())
        changed.reshape(-1)[where] -= 1
        broken = ChainStore(sound, store.manifest)
        broken._mapped[name] = changed
        rules = [rule(broken) for rule in check._RULES.values()]
        assert False in rules, name


def test_import_refuses_to_bless_a_damaged_store(sound: Path, tmp_path: Path) -> None:
    """Checksums of appended or copied columns are never made of bytes that were not checked."""
    chain, _ = story()
    longer = chain.fork(len(chain.raw) - 1)
    longer.add()
    other = chain.fork(6)
    for _ in range(3):
        other.add(tag=b"other")
    for number, branch in enumerate((longer, other)):
        blocks = write_blocks(tmp_path / f"blocks{number}", branch.raw)
        for name in ("output.value", "script.bytes", "tx.locktime"):
            store = Path(shutil.copytree(sound, tmp_path / f"{number}-{name}"))
            path = store / "columns.0" / name
            content = bytearray(path.read_bytes())
            content[5] ^= 4
            path.write_bytes(content)
            before = {name: held for name, (held, _) in all_files(store).items()}
            with pytest.raises(DataError, match="do not match their checksum"):
                import_blocks(store, blocks)
            assert {name: held for name, (held, _) in all_files(store).items()} == before
