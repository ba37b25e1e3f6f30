"""The manifest publishes a tip: what is in the columns, how it sums up, which indexes belong to it.

A store directory::

    manifest.json      replaced atomically; readers see only what it vouches for
    lock               held by the one writer
    appending          there while indexes change in place, and after an import that was cut off
    columns.<n>/       canonical columns, `<table>.<column>`; appended, or copied anew for a
                       reorganisation
    index.<n>/         index columns, `<table>.<column>`; a table that must be made anew gets
                       another directory
    checksums.<n>      of the columns, then of the indexes, in schema order
    labels/            label sets
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from clewline.codec.networks import NETWORKS, Network
from clewline.errors import StoreDamagedError, StoreMissingError, StoreVersionError
from clewline.store.files import CHECKSUM_BYTES, CHUNK_BYTES, replace_file, unreadable
from clewline.store.hash_index import MIN_SLOTS
from clewline.store.in_place import SUM_BYTES, chunk_count
from clewline.store.schema import FORMAT_VERSION, INDEXES, SHIELDED, columns, tables_of

NAME: Final = "manifest.json"
_COUNTS: Final = ("block", "tx", "input", "output", "script", "script_byte")
_INDEX_COUNTS: Final = ("txid_slot", "script_slot", "clustered", "join")
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
        Rows of each canonical table (`counts_of`).
    digest : str
        SHA-256 over format, network, counts and the checksums of all canonical columns: equal for
        equal chains.
    columns_dir : str
        Directory of the columns.
    index_dirs : dict of str to str
        Directory of each index table.
    checksums : str
        File of the checksums.
    index_counts : dict of str to int
        Sizes of those indexes that no table gives.
    overwritten : list of int
        Transactions whose id a later one repeats (BIP-30), ascending.
    script_key : int
        Key of the script hash, drawn when the store was made so that nobody can prepare scripts
        that collide in it.
    index_digest : str
        SHA-256 over `index_counts`, `script_key` and the checksums of all indexes.
    coverage : str
        Of a partial store: SHA-256 of the file that says what is loaded (`coverage`).
    tip_height : int
        Of a partial store: height of the tip, which the number of blocks does not tell.
    """

    network: str
    tip: str
    counts: dict[str, int]
    digest: str
    columns_dir: str
    index_dirs: dict[str, str]
    checksums: str
    index_counts: dict[str, int]
    overwritten: list[int]
    script_key: int
    index_digest: str = ""
    coverage: str = ""
    tip_height: int = -1

    @property
    def height(self) -> int:
        """Height of the tip."""
        return self.tip_height if self.coverage else self.counts["block"] - 1

    def rows(self, table: str) -> int:
        """Return a count by name, of the columns or of the index."""
        return self.counts[table] if table in self.counts else self.index_counts[table]


def counts_of(network: Network) -> tuple[str, ...]:
    """Return the names of the counts that stores of a network have.

    Examples
    --------
    >>> "shielded" in counts_of(NETWORKS["zcash"]), "shielded" in counts_of(NETWORKS["main"])
    (True, False)
    """
    return (*_COUNTS, SHIELDED.name) if network.coin.form.shielded else _COUNTS


def column_bytes(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the size that each canonical column file has at these counts."""
    return {
        name: (counts[rows] + column.offsets) * column.row_bytes
        for name, rows, column in columns(tables_of(counts))
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
    return _digest(head, checksums)


def index_digest_of(index_counts: dict[str, int], script_key: int, checksums: bytes) -> str:
    """Return the digest of the indexes from their checksums, in schema order."""
    return _digest({"index_counts": index_counts, "script_key": script_key}, checksums)


def _digest(head: dict[str, Any], checksums: bytes) -> str:
    """Hash canonical JSON and checksums."""
    text = json.dumps(head, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode() + b"\n" + checksums).hexdigest()


def read_checksums(store: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the chunk checksums of each column and index column of a tip.

    Parameters
    ----------
    store : Path
        Directory of the store.
    manifest : Manifest
        The tip.

    Returns
    -------
    dict of str to bytes
        By full name of the column, in schema order.

    Raises
    ------
    StoreDamagedError
        If the file is not the one that the digests were made of.
    """
    path = store / manifest.checksums
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    sums: dict[str, bytes] = {}
    position = 0
    counts = {**manifest.counts, **manifest.index_counts}
    tables = tables_of(manifest.counts)
    for name, rows, column in columns(tables + INDEXES):
        if column.in_place:
            length = SUM_BYTES * chunk_count(counts[rows])
        else:
            size = (counts[rows] + column.offsets) * column.row_bytes
            length = CHECKSUM_BYTES * -(-size // CHUNK_BYTES)
        sums[name] = content[position : position + length]
        position += length
    of_columns = b"".join(sums[name] for name, _rows, _column in columns(tables))
    of_indexes = content[len(of_columns) :]
    if (
        digest_of(manifest.network, manifest.counts, of_columns) != manifest.digest
        or index_digest_of(manifest.index_counts, manifest.script_key, of_indexes)
        != manifest.index_digest
    ):
        raise StoreDamagedError("does not match the digests in the manifest", where=str(path))
    return sums


def write_manifest(store: Path, manifest: Manifest) -> None:
    """Publish a tip.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    content = {"format": _FORMAT, "version": FORMAT_VERSION, **asdict(manifest)}
    replace_file(store / NAME, json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")


def read_manifest(store: Path) -> Manifest:
    """Return the tip that a store publishes.

    Parameters
    ----------
    store : Path
        Directory of the store.

    Returns
    -------
    Manifest
        With values that are possible; whether they are true is for ``chain check``.

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
        manifest = Manifest(**content)
        if not _is_sound(manifest):
            raise StoreDamagedError("names counts or directories that cannot be", where=str(path))
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreDamagedError(f"is not a complete manifest: {error}", where=str(path)) from error
    return manifest


def _is_sound(manifest: Manifest) -> bool:
    """Tell whether sizes may be computed, and hash tables probed, from these values."""
    return (
        manifest.network in NETWORKS
        and _are_counts(manifest.counts, counts_of(NETWORKS[manifest.network]))
        and _are_counts(manifest.index_counts, _INDEX_COUNTS)
        and all(
            slots >= MIN_SLOTS and slots.bit_count() == 1
            for name, slots in manifest.index_counts.items()
            if name.endswith("_slot")
        )
        and type(manifest.script_key) is int
        and 0 <= manifest.script_key < 1 << 64
        and re.fullmatch(r"columns\.\d+", manifest.columns_dir) is not None
        and manifest.index_dirs.keys() == {table.name for table in INDEXES}
        and all(re.fullmatch(r"index\.\d+", name) for name in manifest.index_dirs.values())
        and re.fullmatch(r"checksums\.\d+", manifest.checksums) is not None
        and all(type(tx) is int and 0 <= tx < manifest.counts["tx"] for tx in manifest.overwritten)
        and re.fullmatch(r"([0-9a-f]{64})?", manifest.coverage) is not None
        and type(manifest.tip_height) is int
        and (manifest.tip_height >= 0) == bool(manifest.coverage)
        and manifest.tip_height >= -1
    )


def _are_counts(value: Any, names: tuple[str, ...]) -> bool:
    """Tell whether a value maps exactly these names to numbers of rows."""
    return (
        isinstance(value, dict)
        and value.keys() == set(names)
        and all(type(count) is int and 0 <= count < 1 << 48 for count in value.values())
    )
