"""An import that fails or is killed at any point leaves the last tip, and can be done again."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.builders import dice, write_blocks
from tests.store.chains import KEY, all_files, canonical_bytes, checked, digest, shown_store, story

from clewline.errors import StorageError, StoreDamagedError, StoreLockedError, StoreVersionError
from clewline.store import files, writer
from clewline.store.files import ColumnFile
from clewline.store.link import UNSPENT
from clewline.store.manifest import Manifest, read_manifest, write_manifest
from clewline.store.reader import ChainStore
from clewline.store.writer import StoreWriter
from clewline.workspace import import_blocks


class Steps(NamedTuple):
    """A store that holds a branch, the blocks where it is stale, and what importing them gives."""

    begun: Path
    whole: Path
    digest: str
    columns: dict[str, bytes]


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Steps:
    directory = tmp_path_factory.mktemp("steps")
    chain, stale = story()
    early = [*chain.raw[:5], stale.raw[-1]]
    whole = write_blocks(directory / "whole", [*early, *chain.raw[5:]], key=KEY)
    digest(directory / "begun", write_blocks(directory / "early", early, key=KEY))
    undisturbed = digest(directory / "undisturbed", whole)
    return Steps(
        directory / "begun", whole, undisturbed, canonical_bytes(directory / "undisturbed")
    )


class Faults:
    """Makes the nth call of any function that changes the disk fail."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.error: BaseException = OSError()
        for owner, name in (
            (ColumnFile, "append"),
            (os, "fsync"),
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


@pytest.mark.parametrize(
    ("start", "error"),
    [
        ("branch", OSError(28, "No space left on device")),
        ("nothing", KeyboardInterrupt()),
        pytest.param("branch", KeyboardInterrupt(), marks=pytest.mark.slow),
        pytest.param("nothing", OSError(5, "Input/output error"), marks=pytest.mark.slow),
    ],
)
def test_failure_at_every_write(
    steps: Steps,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    error: BaseException,
) -> None:
    expected = StorageError if isinstance(error, OSError) else KeyboardInterrupt
    tip = shown_store(steps.begun)
    call = failed = published = 0
    while True:
        call += 1
        store = tmp_path / f"store{call}"
        if start == "branch":
            shutil.copytree(steps.begun, store)
        with monkeypatch.context() as patch:
            faults = Faults(patch)
            faults.error, faults.left = error, call
            try:
                import_blocks(store, steps.whole)
            except expected:
                failed += 1
            else:
                break
        if start == "branch":
            report, held = checked(store)
            assert report.wrong == []
            assert held is not None
            # Only where the new name is in place and waiting for it failed is the new tip seen.
            published += held.manifest.digest == steps.digest
            assert held.manifest.digest == steps.digest or shown_store(store) == tip
        elif store.exists():
            published += 1
            assert ChainStore.open(store).manifest.digest == steps.digest
        assert digest(store, steps.whole) == steps.digest
        assert canonical_bytes(store) == steps.columns
        assert len(list(store.glob("*.*/"))) == 2, "no leftovers"
        shutil.rmtree(store)
    assert failed > 50
    assert published == 1


def test_manifest_that_cannot_be_read_back_loses_nothing(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can say which tip is in force, the files of both stay."""
    store = Path(shutil.copytree(steps.begun, tmp_path / "store"))
    write, read = write_manifest, read_manifest

    def fail_late(path: Path, manifest: Manifest) -> None:
        write(path, manifest)
        monkeypatch.setattr(writer, "read_manifest", fail)
        raise StorageError("cannot be written")

    def fail(_path: Path) -> Manifest:
        raise StoreDamagedError("cannot be read")

    monkeypatch.setattr(writer, "write_manifest", fail_late)
    with pytest.raises(StorageError):
        import_blocks(store, steps.whole)
    monkeypatch.setattr(writer, "read_manifest", read)
    report, held = checked(store)
    assert report.wrong == []
    assert held is not None
    assert held.manifest.digest == steps.digest


def test_full_disk(steps: Steps, tmp_path: Path) -> None:
    """A limit on file size stands in for the disk: the system refuses what goes beyond."""
    store = Path(shutil.copytree(steps.begun, tmp_path / "store"))
    before = {name: content for name, (content, _) in all_files(store).items()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 100, 2000, 6000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(StorageError, match="the store keeps its last tip"):
                import_blocks(store, steps.whole)
            with pytest.raises(StorageError):
                import_blocks(tmp_path / "new", steps.whole)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert {name: content for name, (content, _) in all_files(store).items()} == before
        assert not (tmp_path / "new").exists()
    assert digest(store, steps.whole) == steps.digest


def test_short_writes_are_completed(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    assert digest(tmp_path / "store", steps.whole) == steps.digest
    assert canonical_bytes(tmp_path / "store") == steps.columns


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


def kill_once(steps: Steps, tmp_path: Path, number: int, wait: float) -> bool:
    """Kill an import some time after it began; tell whether it was cut short."""
    store = tmp_path / f"killed{number}"
    if number % 3:
        shutil.copytree(steps.begun, store)
    script = [sys.executable, "-c", textwrap.dedent(_KILLED)]
    paths = (steps.whole, tmp_path / f"warm{number}", store)
    process = subprocess.Popen([*script, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        cut_short = process.stdout.read() == ""
    if (store / "manifest.json").exists():
        report, _ = checked(store)
        assert report.wrong == []
    assert digest(store, steps.whole) == steps.digest
    assert canonical_bytes(store) == steps.columns
    manifest = ChainStore.open(store).manifest
    assert {path.name for path in store.iterdir()} <= {
        *("manifest.json", "lock"),
        *(manifest.columns_dir, manifest.checksums),
        *manifest.index_dirs.values(),
    }
    return cut_short


def test_killed(steps: Steps, tmp_path: Path) -> None:
    cut = [kill_once(steps, tmp_path, number, 0.004 * number) for number in range(3)]
    assert any(cut)


@pytest.mark.slow
def test_killed_many_times(steps: Steps, tmp_path: Path) -> None:
    rng = dice(5)
    cut = [kill_once(steps, tmp_path, number, rng.uniform(0, 0.06)) for number in range(200)]
    assert sum(cut) > 60


def test_second_writer_is_refused_and_reading_goes_on(steps: Steps, tmp_path: Path) -> None:
    store = Path(shutil.copytree(steps.begun, tmp_path / "store"))
    before = all_files(store)
    with StoreWriter(store, ChainStore.open(store).network):
        with pytest.raises(StoreLockedError, match="another process writes to this store"):
            import_blocks(store, steps.whole)
        assert ChainStore.open(store).manifest.height == 5
    assert all_files(store) == before
    assert digest(store, steps.whole) == steps.digest


def test_lock_that_was_removed_meanwhile_is_not_taken(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that gives up on a new store removes the lock that another may just have opened."""
    lock = fcntl.flock

    def late(file: Any, flags: int) -> None:
        (tmp_path / "store" / "lock").unlink()
        lock(file, flags)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(StoreLockedError):
        import_blocks(tmp_path / "store", steps.whole)


def test_newer_format_is_refused_and_left_alone(steps: Steps, tmp_path: Path) -> None:
    store = Path(shutil.copytree(steps.begun, tmp_path / "store"))
    path = store / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": content["version"] + 1, "new": 1}))
    before = all_files(store)
    with pytest.raises(StoreVersionError, match=r"format version 3; this version .* reads 2"):
        import_blocks(store, steps.whole)
    with pytest.raises(StoreVersionError):
        ChainStore.open(store)
    assert all_files(store) == before


@pytest.mark.parametrize(
    "change",
    [
        {"counts": {}},
        {"counts": {"block": -1}},
        {"index_counts": {"txid_slot": 1000, "script_slot": 1024, "clustered": 0, "join": 0}},
        {"columns_dir": "../elsewhere"},
        {"network": "nonet"},
        {"script_key": "text"},
        {"columns_dir": 3},
        {"index_dirs": {"txid": "index.0"}},
        {"checksums": "../elsewhere"},
        {"overwritten": [1 << 40]},
        {"surplus": 1},
    ],
)
def test_impossible_manifest_is_refused(
    steps: Steps, tmp_path: Path, change: dict[str, Any]
) -> None:
    store = Path(shutil.copytree(steps.begun, tmp_path / "store"))
    path = store / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    before = all_files(store)
    with pytest.raises(StoreDamagedError, match=r"manifest.json"):
        ChainStore.open(store)
    with pytest.raises(StoreDamagedError):
        import_blocks(store, steps.whole)
    assert all_files(store) == before


def test_rows_beyond_the_tip_are_not_there(steps: Steps, tmp_path: Path) -> None:
    """What an interrupted import appended is seen by nobody, and gone after the next."""
    store = Path(shutil.copytree(steps.begun, tmp_path / "store"))
    for path in (store / "columns.0").iterdir():
        with path.open("ab") as file:
            file.write(os.urandom(1000))
    (store / "index.7").mkdir()
    (store / "manifest.json.partial").write_text("{")
    assert shown_store(store) == shown_store(steps.begun)
    assert (ChainStore.open(store).column("spending.spender") == UNSPENT).any()
    assert digest(store, steps.whole) == steps.digest
    assert canonical_bytes(store) == steps.columns
    assert not (store / "index.7").exists()


def test_first_import_killed_before_its_first_manifest(steps: Steps, tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name in ("columns.0", "index.1"):
        (store / name).mkdir(parents=True)
    (store / "columns.0" / "tx.txid").write_bytes(b"half")
    (store / "manifest.json.partial").write_text("{")
    assert digest(store, steps.whole) == steps.digest
