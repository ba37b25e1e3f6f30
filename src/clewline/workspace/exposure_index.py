"""Files of an exposure index: shares of every transaction, for one selection of label sets.

Beside the columns of a store::

    exposure/lock              held by the one that builds
    exposure/<key>/            an index of one selection of label sets; the key names their content
        manifest.json          replaced atomically; readers see only what it vouches for
        from.<n>/, to.<n>/     one direction at one tip:
            category.<id>      share of each transaction tied to services of a category, float64
            rest.<name>        share that is tied to none, float64
            script             category of the service that holds each script, uint8
            block              hash of each block up to the tip, internal byte order
            checksums          of these files, in this order

Label sets differ in who may see them, so indexes of different selections are never mixed: a reader
with other sets, or with a set that changed, has another key and finds no index. A published file
only ever grows. A new tip gets a new directory; columns of *from* that stay true up to the old tip
are the same files under a second name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.exposure import FROM_RESTS, TO_RESTS, Rest
from clewline.errors import StoreDamagedError, StoreVersionError
from clewline.store.files import (
    CHECKSUM_BYTES,
    CHUNK_BYTES,
    ColumnFile,
    chunk_checksums,
    copy_column,
    map_column,
    replace_file,
    storage_error,
    unreadable,
)

EXPOSURE: Final = "exposure"
"""Directory of a store's exposure indexes."""
FORMAT_VERSION: Final = 1
"""Version of the layout above."""
FROM: Final = "from"
TO: Final = "to"
DIRECTIONS: Final = {FROM: FROM_RESTS, TO: TO_RESTS}
"""The directions, each with its rests."""

_FORMAT: Final = "clewline exposure index"
_MANIFEST: Final = "manifest.json"
_CHECKSUMS: Final = "checksums"
_SHARE: Final = np.dtype("<f8")
_KEY: Final = re.compile(r"[0-9a-f]{16}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_SIDE: Final = re.compile(r"(from|to)\.\d+")


@dataclass(frozen=True)
class Side:
    """One direction of an index at the tip that it was built at.

    Attributes
    ----------
    directory : str
        Where its files are.
    tip : str
        Hash of the last block, as shown.
    counts : dict of str to int
        Blocks, transactions and scripts up to the tip; of a chain with shielded pools, transactions
        with parts in them.
    categories : tuple of str
        Categories of services, numbered from 1 in this order.
    code : str
        Version of Clewline that computed it.
    largest_gap : float
        By how much the shares of a transaction miss their sum at most.
    digest : str
        SHA-256 of the file ``checksums``.
    """

    directory: str
    tip: str
    counts: dict[str, int]
    categories: tuple[str, ...]
    code: str
    largest_gap: float
    digest: str

    @property
    def height(self) -> int:
        """Height of the tip."""
        return self.counts["block"] - 1

    def parts(self) -> dict[str, int]:
        """Return the file of each part, in the order of an answer, and its number in the engine."""
        direction = self.directory.partition(".")[0]
        rests = rests_of(direction, shielded="shielded" in self.counts)
        return part_files(self.categories, rests)

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file, in the order of ``checksums``."""
        shares = dict.fromkeys(self.parts(), self.counts["tx"] * _SHARE.itemsize)
        return {**shares, "script": self.counts["script"], "block": 32 * self.counts["block"]}


@dataclass(frozen=True)
class ExposureManifest:
    """What an index holds.

    Attributes
    ----------
    label_sets : list of dict
        Name and digest of each label set that it was made with.
    sides : dict of str to Side
        By direction; one that was never built is not there.
    """

    label_sets: list[dict[str, str]]
    sides: dict[str, Side]


def rests_of(direction: str, *, shielded: bool) -> tuple[Rest, ...]:
    """Return the rests of a direction, on a chain with shielded pools or without.

    Examples
    --------
    >>> [rest.name for rest in rests_of("from", shielded=True)]
    ['MINED', 'COINJOIN', 'SHIELDED']
    """
    return (*DIRECTIONS[direction], Rest.SHIELDED) if shielded else DIRECTIONS[direction]


def part_files(categories: Sequence[str], rests: Sequence[Any]) -> dict[str, int]:
    """Return the file name of each part and its number in the engine.

    Examples
    --------
    >>> part_files(["exchange"], FROM_RESTS)
    {'category.exchange': 1, 'rest.mined': 252, 'rest.coinjoin': 253}
    """
    numbered = {f"category.{name}": number for number, name in enumerate(categories, start=1)}
    return numbered | {f"rest.{rest.name.lower()}": int(rest) for rest in rests}


def index_directory(store: Path, label_sets: Sequence[Mapping[str, str]]) -> Path:
    """Return where the index of a selection of label sets is, if there is one.

    Examples
    --------
    >>> index_directory(Path("store"), []).as_posix()
    'store/exposure/4f53cda18c2baa0c'
    """
    text = json.dumps(label_sets, sort_keys=True, separators=(",", ":"))
    return store / EXPOSURE / hashlib.sha256(text.encode()).hexdigest()[:16]


def list_indexes(store: Path) -> list[Path]:
    """Return the directories of all indexes of a store, sorted."""
    return sorted(p.parent for p in (store / EXPOSURE).glob(f"*/{_MANIFEST}") if _is_key(p.parent))


def _is_key(path: Path) -> bool:
    """Tell whether a directory is named as an index is."""
    return _KEY.fullmatch(path.name) is not None


def read_exposure_manifest(index: Path) -> ExposureManifest | None:
    """Return what an index publishes, None where there is no index.

    Raises
    ------
    StoreVersionError
        If its layout is newer than this version reads.
    StoreDamagedError
        If it cannot be read as a manifest.
    """
    path = index / _MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreDamagedError(
            f"cannot be read as a manifest: {error}", where=str(path), hint=f"remove {index}"
        ) from error
    try:
        version = content["version"]
        if content["format"] == _FORMAT and version != FORMAT_VERSION:
            raise StoreVersionError(
                f"format version {version}; this version of Clewline reads {FORMAT_VERSION}",
                where=str(path),
                hint=f"use a newer Clewline, or remove {index} and build it again",
            )
        sides = {
            direction: Side(**{**side, "categories": tuple(side["categories"])})
            for direction, side in content["sides"].items()
        }
        sound = content["format"] == _FORMAT and all(map(_is_sound, sides, sides.values()))
        manifest = ExposureManifest(content["label_sets"], sides)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreDamagedError(
            f"is not a complete manifest: {error}", where=str(path), hint=f"remove {index}"
        ) from error
    if not sound or index_directory(index.parents[1], manifest.label_sets).name != index.name:
        raise StoreDamagedError(
            "is not the manifest of this index", where=str(path), hint=f"remove {index}"
        )
    return manifest


def _is_sound(direction: str, side: Side) -> bool:
    """Tell whether files may be looked for under these names, and mapped with these sizes."""
    return (
        direction in DIRECTIONS
        and _SIDE.fullmatch(side.directory) is not None
        and side.directory.startswith(f"{direction}.")
        and all(_WORD.fullmatch(name) for name in side.categories)
        and side.counts.keys() - {"shielded"} == {"block", "tx", "script"}
        and all(type(count) is int and 0 <= count < 1 << 48 for count in side.counts.values())
        and min(side.counts[name] for name in ("block", "tx", "script")) > 0
    )


def write_exposure_manifest(index: Path, manifest: ExposureManifest) -> None:
    """Publish an index.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    content = {"format": _FORMAT, "version": FORMAT_VERSION, **asdict(manifest)}
    replace_file(index / _MANIFEST, json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")


def clear_unpublished(index: Path, manifest: ExposureManifest | None) -> None:
    """Remove the directories of an index that its manifest does not name."""
    kept = {side.directory for side in manifest.sides.values()} if manifest else set()
    for path in index.glob("*.*"):
        if _SIDE.fullmatch(path.name) and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def map_shares(index: Path, side: Side, part: str) -> NDArray[np.float64]:
    """Return the shares of a part, read-only, one for each transaction up to the tip.

    Raises
    ------
    StoreDamagedError
        If the file is missing or short.
    """
    return map_column(index / side.directory / part, _SHARE, (side.counts["tx"],))


def map_marks(index: Path, side: Side) -> NDArray[np.uint8]:
    """Return the category of the service that holds each script, read-only.

    Raises
    ------
    StoreDamagedError
        If the file is missing or short.
    """
    return map_column(index / side.directory / "script", np.dtype("u1"), (side.counts["script"],))


def map_block_hashes(index: Path, side: Side) -> NDArray[np.uint8]:
    """Return the hashes of the blocks that a direction was built on, read-only.

    Raises
    ------
    StoreDamagedError
        If the file is missing or short.
    """
    shape = (side.counts["block"], 32)
    return map_column(index / side.directory / "block", np.dtype("u1"), shape)


def read_side_checksums(index: Path, side: Side) -> dict[str, bytes]:
    """Return the checksums of the chunks of each file, end to end.

    Raises
    ------
    StoreDamagedError
        If they are not those that the manifest vouches for.
    """
    path = index / side.directory / _CHECKSUMS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if hashlib.sha256(content).hexdigest() != side.digest:
        raise StoreDamagedError("does not match the digest in the manifest", where=str(path))
    sums: dict[str, bytes] = {}
    position = 0
    for name, size in side.sizes().items():
        length = CHECKSUM_BYTES * -(-size // CHUNK_BYTES)
        sums[name] = content[position : position + length]
        position += length
    return sums


def write_side_checksums(directory: Path, sums: Mapping[str, bytes]) -> str:
    """Write the checksums of the files of a direction; return their digest.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    content = b"".join(sums.values())
    replace_file(directory / _CHECKSUMS, content)
    return hashlib.sha256(content).hexdigest()


def wrong_files(index: Path) -> Iterator[str]:
    """Yield what is wrong with the files of an index: every byte is read.

    Raises
    ------
    StoreDamagedError, StoreVersionError
        If its manifest cannot be read.
    """
    manifest = read_exposure_manifest(index)
    for side in manifest.sides.values() if manifest else ():
        try:
            for name, sums in read_side_checksums(index, side).items():
                path = index / side.directory / name
                data = map_column(path, np.dtype("u1"), (side.sizes()[name],))
                if chunk_checksums(data) != sums:
                    yield f"{path}: does not match its checksums"
        except StoreDamagedError as error:
            yield str(error)


class GrowingColumn:
    """Shares of one part while they are computed: a writable mapping of a file.

    Its pages are the system's to write back and to drop, so that memory bounds no chain.

    Parameters
    ----------
    path : Path
        The file to make.
    rows : int
        Transactions of the chain.
    source : Path, optional
        Column whose head is kept.
    held : int
        Rows that `source` has.
    kept : int
        Rows of it that stay true.
    sums : bytes
        Checksums of `source`.

    Raises
    ------
    StoreDamagedError
        If `source` is not what its checksums say.
    StorageError
        If the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        rows: int,
        source: Path | None = None,
        *,
        held: int = 0,
        kept: int = 0,
        sums: bytes = b"",
    ) -> None:
        self.path = path
        head = kept * _SHARE.itemsize
        if source is not None and kept == held:
            # The same file under a second name: what it held stays, and what is added lies beyond.
            _link(source, path)
        elif source is not None:
            sums = copy_column(source, held * _SHARE.itemsize, sums, path, head)
        # Cuts off what a build left that was interrupted, and checks the chunk that will grow.
        ColumnFile(path, head, sums).close()
        self._known = sums[: head // CHUNK_BYTES * CHECKSUM_BYTES]
        size = rows * _SHARE.itemsize
        try:
            with path.open("r+b") as file:
                if size > head:
                    # A full disk must refuse here, and not kill a write to the mapping.
                    os.posix_fallocate(file.fileno(), head, size - head)
                self._mapping = mmap.mmap(file.fileno(), size)
        except OSError as error:
            raise storage_error(path, error) from error
        self.shares: NDArray[np.float64] = np.frombuffer(self._mapping, _SHARE)

    def finish(self) -> bytes:
        """Wait until all is on disk; return the checksums of the whole column.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        try:
            self._mapping.flush()
        except OSError as error:
            raise storage_error(self.path, error) from error
        first = len(self._known) // CHECKSUM_BYTES * CHUNK_BYTES
        return self._known + chunk_checksums(self.shares.view(np.uint8)[first:])


def _link(source: Path, target: Path) -> None:
    """Give a file a second name."""
    try:
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        os.link(source, target)
    except OSError as error:
        raise storage_error(target, error) from error
