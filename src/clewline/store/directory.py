"""The directory of a store: made for it or refused, locked by its one writer, cleared of leftovers.

Names are those of the manifest module.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import IO, Any, Final

from clewline.errors import StoreLockedError, UsageError
from clewline.sources.answers import NAME as ANSWERS
from clewline.store.files import storage_error
from clewline.store.manifest import NAME

_LOCK: Final = "lock"
APPENDING: Final = "appending"
"""Marks that indexes may name what is not published; see `index_files.take_back`."""
# What a store without a manifest (not published yet, or interrupted before) may hold.
_OURS: Final = (
    *(_LOCK, APPENDING, "columns.", "index.", "checksums.", "labels", "coverage.", ANSWERS),
    *(f"{NAME}.partial", f"{APPENDING}.partial"),
)


def make_directory(path: Path) -> bool:
    """Make the directory of a store; tell whether it is new.

    Raises
    ------
    UsageError
        If it is a file, or holds other things than a store.
    StorageError
        If it cannot be made.
    """
    try:
        if not path.exists():
            path.mkdir(parents=True)
            return True
        if not path.is_dir():
            raise UsageError("is a file; a chain store is a directory", where=str(path))
        if not (path / NAME).exists():
            others = [entry.name for entry in path.iterdir() if not entry.name.startswith(_OURS)]
            if others:
                raise UsageError(
                    f"is not a chain store and not empty (it holds {min(others)!r})",
                    where=str(path),
                )
    except OSError as error:
        raise storage_error(path, error) from error
    return False


def take_lock(path: Path) -> IO[Any]:
    """Take the writer's lock of a store; closing the file releases it.

    Raises
    ------
    StoreLockedError
        If another process holds it.
    StorageError
        If the file cannot be made or locked.
    """
    name = path / _LOCK
    try:
        file = name.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A writer that gave up on a new store may have removed this file in between.
            if os.fstat(file.fileno()).st_ino != name.stat().st_ino:
                raise BlockingIOError
        except BaseException:
            file.close()
            raise
    except (BlockingIOError, FileNotFoundError) as error:
        raise StoreLockedError(
            "another process writes to this store",
            where=str(path),
            hint="wait until it is done; reading is possible meanwhile",
        ) from error
    except OSError as error:
        raise storage_error(name, error) from error
    return file


def clear_leftovers(path: Path, keep: set[str]) -> None:
    """Remove the columns, indexes and checksums that are not to be kept.

    Parameters
    ----------
    path : Path
        Directory of the store.
    keep : set of str
        Files of the tip, as ``index.0/txid.slots``.
    """
    directories = {name.split("/")[0] for name in keep}
    for entry in (*path.glob("columns.*"), *path.glob("index.*")):
        if entry.name not in directories:
            shutil.rmtree(entry, ignore_errors=True)
    for file in (*path.glob("index.*/*"), *path.glob("checksums.*")):
        if str(file.relative_to(path)) not in keep:
            with contextlib.suppress(OSError):
                file.unlink()


def unmake(path: Path, *, made: bool) -> None:
    """Leave no trace of a store that never was published, but what servers answered for it.

    Parameters
    ----------
    path : Path
        Directory of the store.
    made : bool
        Whether the directory itself was made for it.
    """
    if made and not (path / ANSWERS).exists():
        shutil.rmtree(path, ignore_errors=True)
        return
    clear_leftovers(path, set())
    for name in (APPENDING, _LOCK):
        with contextlib.suppress(OSError):
            (path / name).unlink()


def next_name(name: str) -> str:
    """Return the directory name after ``stem.<n>``.

    Examples
    --------
    >>> next_name("index.9")
    'index.10'
    """
    stem, _, number = name.rpartition(".")
    return f"{stem}.{int(number) + 1}"
