"""The manifest publishes a tip: what is in the columns, how it sums up, which indexes belong to it.

A store directory::

    manifest.json      replaced atomically; readers see only what it vouches for
    lock               held by the one writer
    columns.<n>/       canonical columns, `<table>.<column>`; appended, or copied anew for a
                       reorganisation
    index.<n>/         indexes and checksums of one published tip
    labels/            label sets
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from clewline.errors import StoreDamagedError, StoreMissingError, StoreVersionError
from clewline.store.files import CHUNK_BYTES, replace_file
from clewline.store.schema import FORMAT_VERSION, columns

NAME: Final = "manifest.json"
_FORMAT: Final = "clewline chain store"


@dataclass(frozen=True)
class Manifest:
    """A published tip.

    Attributes
    ----------
    network : str
    tip : str
        Hash of the last block, as shown.
    counts : dict of str to int
        Rows of each canonical table, and `script_byte`.
    digest : str
        SHA-256 over format, network, counts and the checksums of all canonical columns: equal for
        equal chains.
    columns_dir, index_dir : str
    index_counts : dict of str to int
        Sizes of the hash tables of the index.
    script_key : int
        Key of the script hash, drawn when the store was made so that nobody can prepare scripts
        that collide in it.
    """

    network: str
    tip: str
    counts: dict[str, int]
    digest: str
    columns_dir: str
    index_dir: str
    index_counts: dict[str, int]
    script_key: int

    @property
    def height(self) -> int:
        """Height of the tip."""
        return self.counts["block"] - 1

    def rows(self, table: str) -> int:
        """Return a count by name, of the columns or of the index."""
        return self.counts[table] if table in self.counts else self.index_counts[table]


def column_bytes(counts: dict[str, int]) -> dict[str, int]:
    """Return the size that each canonical column file has at these counts."""
    return {
        name: (counts[rows] + column.offsets) * column.row_bytes for name, rows, column in columns()
    }


def digest_of(network: str, counts: dict[str, int], checksums: bytes) -> str:
    """Return the digest of a store from the checksums of its columns, in schema order."""
    head = {
        "format": _FORMAT,
        "version": FORMAT_VERSION,
        "network": network,
        "counts": counts,
        "chunk_bytes": CHUNK_BYTES,
    }
    text = json.dumps(head, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode() + b"\n" + checksums).hexdigest()


def write_manifest(store: Path, manifest: Manifest) -> None:
    """Publish a tip."""
    content = {"format": _FORMAT, "version": FORMAT_VERSION, **asdict(manifest)}
    replace_file(store / NAME, json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")


def read_manifest(store: Path) -> Manifest:
    """Return the tip that a store publishes.

    Raises
    ------
    StoreMissingError
        If there is no manifest.
    StoreVersionError
        If the format is newer than this version reads.
    StoreDamagedError
        If it cannot be read as a manifest.
    """
    path = store / NAME
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StoreMissingError(
            "there is no chain store here",
            where=str(store),
            hint="make one with: clewline chain import --store DIR --core-blocks DIR",
        ) from None
    except (OSError, ValueError) as error:
        raise StoreDamagedError(
            f"cannot be read as a manifest: {error}", where=str(path)
        ) from error
    try:
        if content.pop("format") != _FORMAT:
            raise StoreDamagedError("is not the manifest of a chain store", where=str(path))
        version = content.pop("version")
        if version != FORMAT_VERSION:
            raise StoreVersionError(
                f"format version {version}; this version of Clewline reads {FORMAT_VERSION}",
                where=str(path),
                hint="use a newer Clewline, or import the chain again",
            )
        return Manifest(**content)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreDamagedError(f"is not a complete manifest: {error}", where=str(path)) from error
