"""An import that fails or is killed at any point leaves the last tip, and can be done again."""

from __future__ import annotations

import fcntl
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builders import write_blocks
from tests.store.chains import KEY, all_files, canonical_bytes, digest, shown_store, story

from clewline.errors import StorageError, StoreDamagedError, StoreLockedError, StoreVersionError
from clewline.store import files
from clewline.store.check import check_columns
from clewline.store.files import ColumnFile
from clewline.store.link import UNSPENT
from clewline.store.reader import ChainStore
from clewline.store.writer import StoreWriter
from clewline.workspace import import_blocks


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three blocks directories: one with a branch, one where it is stale, one that grows on."""
    directory = tmp_path_factory.mktemp("steps")
    chain, stale = story()
    early = [*chain.raw[:5], stale.raw[-1]]
    made = {
        "early": write_blocks(directory / "early", early, key=KEY),
        "whole": write_blocks(directory / "whole", [*early, *chain.raw[5:]], key=KEY),
    }
    digest(directory / "store-early", made["early"])
    made["digest"] = digest(directory / "store-whole", made["whole"])
    made["columns"] = canonical_bytes(directory / "store-whole")
    made["store"] = directory / "store-early"
    return made


class Faults:
    """Makes the nth call of any function that changes the disk fail."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.error: BaseException = OSError()
        for owner, name in (
            (ColumnFile, "append"),
            (files.os, "fsync"),
            (Path, "mkdir"),
            (Path, "replace"),
            (Path, "open"),
        ):
            patch.setattr(owner, name, self._counting(getattr(owner, name), name))

    def _counting(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            reading = name == "open" and (len(args) < 2 or args[1] == "rb")
            if not reading:
                self.left -= 1
                if self.left == 0:
                    if name == "append" and isinstance(self.error, OSError):
                        raise files.storage_error(args[0].path, self.error)
                    raise self.error
            return function(*args, **kwargs)

        return counting


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("start", ["nothing", "branch"])
def test_failure_at_every_write(
    steps: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    start: str,
) -> None:
    expected = StorageError if isinstance(error, OSError) else KeyboardInterrupt
    tip = shown_store(steps["store"])
    call = failed = published = 0
    while True:
        call += 1
        store = tmp_path / f"store{call}"
        if start == "branch":
            shutil.copytree(steps["store"], store)
        with monkeypatch.context() as patch:
            faults = Faults(patch)
            faults.error, faults.left = error, call
            try:
                import_blocks(store, steps["whole"])
            except expected:
                failed += 1
            else:
                break
        if start == "branch":
            report, held = check_columns(store, None, no_progress)
            assert report.wrong == []
            assert held is not None
            # Only where the new name is in place and waiting for it failed is the new tip seen.
            published += held.manifest.digest == steps["digest"]
            assert held.manifest.digest == steps["digest"] or shown_store(store) == tip
        elif store.exists():
            published += 1
            assert ChainStore.open(store).manifest.digest == steps["digest"]
        assert digest(store, steps["whole"]) == steps["digest"]
        assert canonical_bytes(store) == steps["columns"]
        assert len(list(store.glob("*.*/"))) == 2, "no leftovers"
        shutil.rmtree(store)
    assert failed > 50
    assert published == 1


def test_full_disk(steps: dict[str, Any], tmp_path: Path) -> None:
    """A limit on file size stands in for the disk: the system refuses what goes beyond."""
    store = Path(shutil.copytree(steps["store"], tmp_path / "store"))
    before = {name: content for name, (content, _) in all_files(store).items()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 100, 2000, 6000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(StorageError, match="the store keeps its last tip"):
                import_blocks(store, steps["whole"])
            with pytest.raises(StorageError):
                import_blocks(tmp_path / "new", steps["whole"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert {name: content for name, (content, _) in all_files(store).items()} == before
        assert not (tmp_path / "new").exists()
    assert digest(store, steps["whole"]) == steps["digest"]


def test_short_writes_are_completed(
    steps: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may take fewer bytes than it is given."""
    opened = ColumnFile.__init__

    class Slow:
        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, view: memoryview) -> int:
            return int(self._file.write(view[:1000]))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    def slow(self: Any, path: Path, size: int, checksums: bytes) -> None:
        opened(self, path, size, checksums)
        self._file = Slow(self._file)

    monkeypatch.setattr(ColumnFile, "__init__", slow)
    assert digest(tmp_path / "store", steps["whole"]) == steps["digest"]
    assert canonical_bytes(tmp_path / "store") == steps["columns"]


_KILLED = """
    import sys
    from pathlib import Path
    from clewline.workspace import import_blocks
    blocks, warm, store = map(Path, sys.argv[1:])
    import_blocks(warm, blocks)
    print("ready", flush=True)
    import_blocks(store, blocks)
    print("done", flush=True)
"""


def kill_once(steps: dict[str, Any], tmp_path: Path, number: int, wait: float) -> bool:
    """Kill an import some time after it began; tell whether it was cut short."""
    store = tmp_path / f"killed{number}"
    if number % 3:
        shutil.copytree(steps["store"], store)
    script = [sys.executable, "-c", textwrap.dedent(_KILLED)]
    paths = (steps["whole"], tmp_path / f"warm{number}", store)
    process = subprocess.Popen([*script, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        cut_short = process.stdout.read() == ""
    if (store / "manifest.json").exists():
        report, _ = check_columns(store, None, no_progress)
        assert report.wrong == []
    assert digest(store, steps["whole"]) == steps["digest"]
    assert canonical_bytes(store) == steps["columns"]
    assert {path.name for path in store.iterdir()} <= {
        *("manifest.json", "lock"),
        *(ChainStore.open(store).manifest.columns_dir, ChainStore.open(store).manifest.index_dir),
    }
    return cut_short


def test_killed(steps: dict[str, Any], tmp_path: Path) -> None:
    assert any([kill_once(steps, tmp_path, number, 0.004 * number) for number in range(3)])


@pytest.mark.slow
def test_killed_many_times(steps: dict[str, Any], tmp_path: Path) -> None:
    rng = random.Random(5)
    cut = [kill_once(steps, tmp_path, number, rng.uniform(0, 0.06)) for number in range(60)]
    assert sum(cut) > 20


def test_second_writer_is_refused_and_reading_goes_on(steps: dict[str, Any], tmp_path: Path) -> None:
    store = Path(shutil.copytree(steps["store"], tmp_path / "store"))
    before = all_files(store)
    with StoreWriter(store, ChainStore.open(store).network):
        with pytest.raises(StoreLockedError, match="another process writes to this store"):
            import_blocks(store, steps["whole"])
        assert ChainStore.open(store).manifest.height == 5
    assert all_files(store) == before
    assert digest(store, steps["whole"]) == steps["digest"]


def test_lock_that_was_removed_meanwhile_is_not_taken(
    steps: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that gives up on a new store removes the lock that another may just have opened."""
    lock = fcntl.flock

    def late(file: Any, flags: int) -> None:
        (tmp_path / "store" / "lock").unlink()
        lock(file, flags)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(StoreLockedError):
        import_blocks(tmp_path / "store", steps["whole"])


def test_newer_format_is_refused_and_left_alone(steps: dict[str, Any], tmp_path: Path) -> None:
    store = Path(shutil.copytree(steps["store"], tmp_path / "store"))
    path = store / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": content["version"] + 1, "new": 1}))
    before = all_files(store)
    with pytest.raises(StoreVersionError, match="format version 2; this version .* reads 1"):
        import_blocks(store, steps["whole"])
    with pytest.raises(StoreVersionError):
        ChainStore.open(store)
    assert all_files(store) == before


@pytest.mark.parametrize(
    "change",
    [
        {"counts": {}},
        {"counts": {"block": -1}},
        {"index_counts": {"txid_slot": 1000, "overwritten": 0, "script_slot": 1024}},
        {"columns_dir": "../elsewhere"},
        {"network": "nonet"},
        {"script_key": "text"},
        {"columns_dir": 3},
        {"surplus": 1},
    ],
)
def test_impossible_manifest_is_refused(
    steps: dict[str, Any], tmp_path: Path, change: dict[str, Any]
) -> None:
    store = Path(shutil.copytree(steps["store"], tmp_path / "store"))
    path = store / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    before = all_files(store)
    with pytest.raises(StoreDamagedError, match="manifest.json"):
        ChainStore.open(store)
    with pytest.raises(StoreDamagedError):
        import_blocks(store, steps["whole"])
    assert all_files(store) == before


def test_rows_beyond_the_tip_are_not_there(steps: dict[str, Any], tmp_path: Path) -> None:
    """What an interrupted import appended is seen by nobody, and gone after the next."""
    store = Path(shutil.copytree(steps["store"], tmp_path / "store"))
    for path in (store / "columns.0").iterdir():
        with path.open("ab") as file:
            file.write(os.urandom(1000))
    (store / "index.7").mkdir()
    (store / "manifest.json.partial").write_text("{")
    assert shown_store(store) == shown_store(steps["store"])
    assert (ChainStore.open(store).column("spending.spender") == UNSPENT).any()
    assert digest(store, steps["whole"]) == steps["digest"]
    assert canonical_bytes(store) == steps["columns"]
    assert not (store / "index.7").exists()


def test_first_import_killed_before_its_first_manifest(steps: dict[str, Any], tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name in ("columns.0", "index.1"):
        (store / name).mkdir(parents=True)
    (store / "columns.0" / "tx.txid").write_bytes(b"half")
    (store / "manifest.json.partial").write_text("{")
    assert digest(store, steps["whole"]) == steps["digest"]
