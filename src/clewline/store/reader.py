"""Reading a store: columns as read-only mappings of one published tip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.header import HEADER_BYTES, LONGEST_HEADER, REGTEST_HEADER
from clewline.codec.networks import Network, network_by_name
from clewline.codec.script import is_unspendable
from clewline.errors import StoreDamagedError
from clewline.jit import kernel, leaf
from clewline.store.coverage import Coverage, read_coverage
from clewline.store.files import map_column
from clewline.store.hash_index import find_scripts, find_txids
from clewline.store.manifest import Manifest, read_manifest
from clewline.store.schema import INDEXES, columns, tables_of

_ATTEMPTS: Final = 5
_CLUSTER: Final = "structure.cluster"
_NO_TRANSACTION: Final = np.empty(0, np.uint32)
_NO_TRANSACTION.flags.writeable = False


@kernel
def _apply_joins(
    join_from: NDArray[np.uint32],
    join_to: NDArray[np.uint32],
    written: NDArray[np.uint32],
    by_cluster: NDArray[np.uint32],
    clusters: NDArray[np.uint32],
) -> None:
    """Give the members of clusters that became part of others (ascending) their cluster of now."""
    for i in range(join_from.size):
        # The other's id is smaller, so it has its own of now already.
        now = clusters[join_to[i]]
        low, high = 0, by_cluster.size
        while low < high:
            middle = (low + high) // 2
            if written[by_cluster[middle]] < join_from[i]:
                low = middle + 1
            else:
                high = middle
        while low < by_cluster.size and written[by_cluster[low]] == join_from[i]:
            clusters[by_cluster[low]] = now
            low += 1
        clusters[join_from[i]] = now


@leaf
def _unspent_of(
    blob: NDArray[np.uint8],
    starts: NDArray[np.int64],
    script: NDArray[np.uint32],
    value: NDArray[np.int64],
    spender: NDArray[np.uint32],
    first: int,
    last: int,
    tip_tx: int,
) -> tuple[Any, Any, Any]:
    """Count and sum a range of outputs: those unspent and not provably unspendable.

    The sum is in two parts, of the bits above the lowest 24 and of these: Dogecoin's is beyond 64.
    """
    count = np.int64(0)
    upper = np.int64(0)
    lower = np.int64(0)
    for output in range(first, last):
        if spender[output] >= tip_tx:
            at = starts[script[output]]
            if not is_unspendable(blob, at, starts[script[output] + 1] - at):
                count += 1
                upper += value[output] >> 24
                lower += value[output] & 0xFFFFFF
    return count, upper, lower


def header_bytes(network: Network) -> int:
    """Return how long headers are, as they are serialised.

    Examples
    --------
    >>> header_bytes(network_by_name("main")), header_bytes(network_by_name("zcash"))
    (80, 1487)
    """
    if not network.coin.form.shielded:
        return HEADER_BYTES
    return REGTEST_HEADER if network.node_name == "regtest" else LONGEST_HEADER


def block_sizes(store: ChainStore) -> NDArray[np.int64]:
    """Return the size of each block in bytes, as it was serialised.

    Parameters
    ----------
    store : ChainStore
        A published tip.

    Returns
    -------
    ndarray of int64, shape (n_block,)
        Header (Zcash's with its solution), number of transactions as a CompactSize, transactions.
    """
    start = store.column("block.tx_start")
    number = np.diff(start)
    header = header_bytes(store.network)
    prefix = np.select([number < 253, number < 0x10000], [1, 3], 5)
    return (
        header + prefix + np.add.reduceat(store.column("tx.total_size"), start[:-1], dtype=np.int64)
    )


class ChainStore:
    """One tip of a chain store, as arrays.

    Parameters
    ----------
    path : Path
        Directory of the store.
    manifest : Manifest
        The tip to read; use `open` for the published one.
    at_hand : mapping of str to ndarray, optional
        Columns that need not be read from their files.
    """

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        at_hand: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._mapped: dict[str, NDArray[Any]] = {}
        for name, array in at_hand.items():
            self._mapped[name] = array.view()
            self._mapped[name].flags.writeable = False
        directories = manifest.index_dirs
        self._columns = {
            name: (
                self.path / directories.get(name.split(".")[0], manifest.columns_dir) / name,
                rows,
                column,
            )
            for name, rows, column in columns(tables_of(manifest.counts) + INDEXES)
        }

    @classmethod
    def open(cls, path: Path) -> ChainStore:
        """Open the published tip of a store.

        Raises
        ------
        StoreMissingError, StoreVersionError, StoreDamagedError
        """
        for attempt in range(_ATTEMPTS):
            store = cls(path, read_manifest(path))
            try:
                # A tip published meanwhile may have taken this one's indexes away.
                for name in store._columns:
                    store.written(name)
                _ = store.coverage
            except StoreDamagedError:
                if attempt + 1 == _ATTEMPTS or read_manifest(path) == store.manifest:
                    raise
            else:
                return store
        raise AssertionError("unreachable: the last attempt returns or raises")

    @property
    def network(self) -> Network:
        """Network of the chain."""
        return network_by_name(self.manifest.network)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column or index column by its full name, as read-only rows of this tip.

        Clusters are those of this tip, whatever was joined since they were written out.
        """
        if name == _CLUSTER and self.manifest.index_counts["join"]:
            return self._clusters
        return self.written(name)

    def written(self, name: str) -> NDArray[Any]:
        """Return a column or index column as it stands in its file."""
        if name not in self._mapped:
            path, rows, column = self._columns[name]
            count = self.manifest.rows(rows) + column.offsets
            self._mapped[name] = map_column(path, column.dtype, (count, *column.shape))
        return self._mapped[name]

    @cached_property
    def _clusters(self) -> NDArray[Any]:
        """The clusters of this tip: those written out, and what joined since."""
        path, _rows, column = self._columns[_CLUSTER]
        shape = (self.manifest.counts["script"],)
        clusters = map_column(path, column.dtype, shape, private=True)
        order = np.argsort(self.written("structure.join_from"))
        join_from = self.written("structure.join_from")[order]
        join_to = self.written("structure.join_to")[order]
        _apply_joins(
            join_from,
            join_to,
            self.written(_CLUSTER),
            self.written("structure.by_cluster"),
            clusters,
        )
        clusters.flags.writeable = False
        return clusters

    @cached_property
    def shielded_tx(self) -> NDArray[np.uint32]:
        """Transactions with shielded parts, ascending; empty of chains without shielded pools."""
        if "shielded" in self.manifest.counts:
            return self.column("shielded.tx")
        return _NO_TRANSACTION

    def into_pools(self, first: int, last: int) -> NDArray[np.int64]:
        """Return what each of a range of transactions brings into each shielded pool.

        Parameters
        ----------
        first, last : int
            Transactions ``first`` to ``last - 1``.

        Returns
        -------
        ndarray of int64, shape (last - first, 3)
            Satoshi that go into the Sprout, the Sapling and the Orchard pool; negative what comes
            out. Zeros of chains without pools.
        """
        into = np.zeros((last - first, 3), np.int64)
        begin, end = np.searchsorted(self.shielded_tx, (first, last)).tolist()
        if begin < end:
            rows = self.shielded_tx[begin:end].astype(np.int64) - first
            into[rows] = self.column("shielded.value")[begin:end]
        return into

    def file_of(self, name: str) -> Path:
        """Return the file of a column or index column."""
        return self._columns[name][0]

    @cached_property
    def coverage(self) -> Coverage | None:
        """What a partial store holds; None of a whole chain."""
        digest = self.manifest.coverage
        return read_coverage(self.path, digest) if digest else None

    def height_of(self, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the height of each block; -1 for what has no place in a partial store."""
        return blocks if self.coverage is None else self.coverage.height[blocks]

    @cached_property
    def block_time(self) -> NDArray[np.int64]:
        """Header times, UTC seconds, shape (n_block,)."""
        return np.ascontiguousarray(self.column("block.header")["time"]).astype(np.int64)

    def find_txids(self, txids: Sequence[bytes]) -> NDArray[np.int64]:
        """Return the transaction of each id (internal byte order), -1 where there is none.

        Of transactions that share an id (BIP-30), the last.
        """
        wanted = np.frombuffer(b"".join(txids), np.uint8).reshape(-1, 32)
        return find_txids(self.column("txid.slots"), wanted, self.column("tx.txid"))

    def find_scripts(self, data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the id of each script ``data[starts[i]:starts[i + 1]]``, -1 where unknown."""
        return find_scripts(
            self.column("scripthash.slots"),
            self.manifest.script_key,
            data,
            starts,
            self.column("script.start"),
            self.column("script.bytes"),
        )

    def overwritten_twins(self, tx: int) -> list[int]:
        """Return the earlier transactions that have the same id as `tx`, oldest first."""
        txids = self.column("tx.txid")
        return [
            int(twin)
            for twin in self.manifest.overwritten
            if twin != tx and (txids[twin] == txids[tx]).all()
        ]

    def unspent(self) -> tuple[int, int]:
        """Return number and value of unspent outputs, counted as Core's ``gettxoutsetinfo`` does.

        Without provably unspendable outputs, without the genesis coinbase, which Core never
        enters, and without outputs that a later coinbase of the same id overwrote (BIP-30).
        """
        arrays = (
            self.column("script.bytes"),
            self.column("script.start"),
            self.column("output.script"),
            self.column("output.value"),
            self.column("spending.spender"),
        )
        tip_tx = self.manifest.counts["tx"]
        count, upper, lower = _unspent_of(*arrays, 0, self.manifest.counts["output"], tip_tx)
        output_start = self.column("tx.output_start")
        for tx in {0, *self.manifest.overwritten}:
            less = _unspent_of(*arrays, int(output_start[tx]), int(output_start[tx + 1]), tip_tx)
            count -= less[0]
            upper -= less[1]
            lower -= less[2]
        return int(count), (int(upper) << 24) + int(lower)
