"""The one public face: open a store, ask it, get plain data back.

Answers are plain dictionaries, ready for JSON: integers are satoshi, times ISO 8601 UTC, ids hex
as Bitcoin Core shows them. Each answer names the tip it was computed at, and the label sets it
used. The command line, and later the desk, call nothing below this.

A command needs a small part of what stands behind this, so everything is imported where it is used:
methods import what they call, and a name of `_OFFERED` is imported when it is asked for.

Examples
--------
>>> from clewline.workspace import Workspace
>>> Workspace.open(Path("no-such-store"))
Traceback (most recent call last):
clewline.errors.StoreMissingError: no-such-store: there is no chain store here \
(make one with: clewline chain import --store DIR --core-blocks DIR)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from clewline import __version__
from clewline.codec.address import address_of, script_of
from clewline.codec.networks import BITCOIN
from clewline.codec.script import has_address
from clewline.engine.taint import Limits, Method
from clewline.errors import UnknownTransactionError, UsageError
from clewline.settings import setting
from clewline.store.reader import ChainStore
from clewline.workspace import partial

if TYPE_CHECKING:
    from clewline.engine.chain import Chain
    from clewline.engine.change_clustering import ChangeClusters
    from clewline.sources.node_chain import connect_node
    from clewline.store.importer import Progress
    from clewline.store.memory import bytes_of
    from clewline.workspace import cases, deposits, tracing
    from clewline.workspace.attribution import Attribution
    from clewline.workspace.checking import check_store
    from clewline.workspace.classifying import classify_file, classify_lines
    from clewline.workspace.exposure import ExposureIndex
    from clewline.workspace.fetching import FetchResult, connect_esplora, fetch_chain
    from clewline.workspace.following import Standing, directory_source, follow, node_source
    from clewline.workspace.importing import ImportResult, import_blocks, import_from_node
    from clewline.workspace.labelling import import_labels
    from clewline.workspace.leads import LeadCount
    from clewline.workspace.rates import Rates
    from clewline.workspace.tables import import_tables
    from clewline.workspace.tracing import side_by_side

__all__ = [
    "DEFAULT_LIMITS",
    "FetchResult",
    "ImportResult",
    "LeadCount",
    "Limits",
    "Method",
    "Rates",
    "Standing",
    "Workspace",
    "bytes_of",
    "check_store",
    "classify_file",
    "classify_lines",
    "connect_esplora",
    "connect_node",
    "directory_source",
    "fetch_chain",
    "follow",
    "import_blocks",
    "import_from_node",
    "import_labels",
    "import_tables",
    "node_source",
    "side_by_side",
]

_OFFERED: Final = {
    "FetchResult": "clewline.workspace.fetching",
    "ImportResult": "clewline.workspace.importing",
    "LeadCount": "clewline.workspace.leads",
    "Rates": "clewline.workspace.rates",
    "Standing": "clewline.workspace.following",
    "bytes_of": "clewline.store.memory",
    "check_store": "clewline.workspace.checking",
    "classify_file": "clewline.workspace.classifying",
    "classify_lines": "clewline.workspace.classifying",
    "connect_esplora": "clewline.workspace.fetching",
    "connect_node": "clewline.sources.node_chain",
    "directory_source": "clewline.workspace.following",
    "fetch_chain": "clewline.workspace.fetching",
    "follow": "clewline.workspace.following",
    "import_blocks": "clewline.workspace.importing",
    "import_from_node": "clewline.workspace.importing",
    "import_labels": "clewline.workspace.labelling",
    "import_tables": "clewline.workspace.tables",
    "node_source": "clewline.workspace.following",
    "side_by_side": "clewline.workspace.tracing",
}
"""Names of `__all__` that are imported when they are asked for, and where they are at home."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import an offered name on first use (PEP 562)."""
        if name not in _OFFERED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_OFFERED[name]), name)
        return value


LIMITS_OF_CLUSTERS: Final = (
    "A PayJoin looks like an ordinary payment and would join payer and payee."
)
DEFAULT_LIMITS: Final = Limits(
    max_transactions=int(setting("max_transactions").default or 0),
    max_nodes=int(setting("max_nodes").default or 0),
)
"""Caps that hold unless others are given: they bound a trace to about a second."""


class Workspace:
    """One tip of a store with some of its label sets.

    Parameters
    ----------
    store : ChainStore
        The tip that is asked.
    sets : sequence of str, optional
        Names of label sets; all of the store's if not given.
    """

    def __init__(self, store: ChainStore, sets: Sequence[str] | None = None) -> None:
        self.store = store
        self._sets = sets

    @classmethod
    def open(cls, path: Path, sets: Sequence[str] | None = None) -> Self:
        """Open the published tip of a store.

        Raises
        ------
        StoreMissingError, StoreVersionError, StoreDamagedError
        """
        return cls(ChainStore.open(path), sets)

    @cached_property
    def chain(self) -> Chain:
        """The chain as the engine reads it."""
        from clewline.workspace.importing import chain_of

        return chain_of(self.store)

    @cached_property
    def attribution(self) -> Attribution:
        """The label sets resolved against this tip."""
        from clewline.workspace.attribution import Attribution

        return Attribution(self.store, self._sets)

    @cached_property
    def _deposits(self) -> deposits.DepositFinder:
        """Tells whose deposit address a script is."""
        from clewline.workspace import deposits

        return deposits.DepositFinder(self.store, self.chain, self.attribution)

    @cached_property
    def _exposure(self) -> ExposureIndex:
        """The exposure index of these label sets; it answers "not checked" where there is none."""
        from clewline.workspace.exposure import ExposureIndex

        return ExposureIndex(self.store, self.chain, self.attribution.digests)

    @property
    def partial(self) -> str | None:
        """Up to when and from where a partial store knows its part of a chain; None of a whole."""
        return partial.mark(self.store).get("partial")

    @property
    def _tip(self) -> dict[str, Any]:
        """What every answer says about where it was computed."""
        manifest = self.store.manifest
        return {"tip": manifest.tip, "height": manifest.height, **partial.mark(self.store)}

    def info(self) -> dict[str, Any]:
        """Return network, tip, counts, unspent outputs, digest, and what waits for a block.

        ``inputs`` are those that spend an output, so without those of coinbases; ``addresses``
        counts distinct scripts that have an address; unspent outputs are counted as Core's
        ``gettxoutsetinfo`` does. ``unconfirmed`` is None where that is not followed, and in no
        other number.
        """
        from clewline.workspace import unconfirmed

        manifest = self.store.manifest
        counts = manifest.counts
        kinds = np.bincount(self.store.column("script.kind"), minlength=256)
        # A part of a chain does not know what the whole has unspent.
        unspent, value = (None, None) if manifest.coverage else self.store.unspent()
        return {
            "network": manifest.network,
            "height": manifest.height,
            "tip": manifest.tip,
            "blocks": counts["block"],
            "transactions": counts["tx"],
            "inputs": counts["input"],
            "outputs": counts["output"],
            "addresses": int(sum(kinds[kind] for kind in range(256) if has_address(kind))),
            "unspent_outputs": unspent,
            "unspent_value": value,
            "digest": manifest.digest,
            **_if_any(unconfirmed=unconfirmed.standing(self.store)),
            **partial.mark(self.store),
        }

    def transactions(self, txids: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield transactions by id, with inputs, outputs, and who spends them.

        Of an id that the chain holds twice (BIP-30: two coinbases of 2010), both are given,
        in chain order. One that is not on the chain and was seen in a followed mempool has other
        keys, ``confirmed`` (false) among them; see `unconfirmed.transaction`.

        Raises
        ------
        UsageError, UnknownTransactionError
            Before anything is given, if one of the ids is none, or neither on the chain nor seen.
        """
        from clewline.workspace import rendering

        found = [self._transaction(txid) for txid in txids]
        for tx in found:
            if isinstance(tx, dict):
                yield tx
                continue
            for twin in (*self.store.overwritten_twins(tx), tx):
                yield from rendering.transactions(self.store, twin, twin + 1)

    def _transaction(self, txid: str) -> int | dict[str, Any]:
        """Return a transaction of the chain, or what is known of one that is not confirmed."""
        from clewline.workspace import tracing, unconfirmed

        try:
            return tracing.find_transaction(self.store, txid)
        except UnknownTransactionError:
            seen = unconfirmed.transaction(self.store, txid)
            if seen is None:
                raise
            return seen

    def all_transactions(self) -> Iterator[dict[str, Any]]:
        """Yield every transaction of the chain, in chain order, in the same form."""
        from clewline.workspace import rendering

        return rendering.all_transactions(self.store)

    def export_tables(
        self,
        to: Path,
        schema: str = "flat",
        tables: Sequence[str] = ("all",),
        progress: Progress | None = None,
    ) -> dict[str, int]:
        """Write tables of the chain as Parquet files into a new directory.

        Parameters
        ----------
        to : Path
            Must not exist, or be empty.
        schema : {"flat", "bitcoin-etl"}
            Form of the tables.
        tables : sequence of str
            Tables of the schema; ``all`` for each of them.
        progress : callable, optional
            Told stage, done and total.

        Returns
        -------
        dict of str to int
            Rows of each table written.

        Raises
        ------
        UsageError, StorageError, UnavailableError
        """
        from clewline.store.importer import no_progress
        from clewline.workspace.tables import export_tables

        return export_tables(self.store, to, schema, tables, progress or no_progress)

    def sql(self, text: str) -> Iterator[dict[str, Any]]:
        """Answer a query in SQL over views of the store (docs/TABLES.md).

        Rows come in the order that the query asks for, and in none otherwise.

        Parameters
        ----------
        text : str
            One statement that reads.

        Yields
        ------
        dict
            One row, plain values.

        Raises
        ------
        UsageError, UnavailableError
        """
        from clewline.workspace.tables import query

        return query(self.store, text)

    def address(self, address: str) -> dict[str, Any]:
        """Return what the chain and the labels say about an address.

        An address that no output pays to has sums of zero and no cluster, at this tip.
        In a partial store ``partial`` says how much of its history is loaded; what is not known is
        None. Some keys are there only where there is something to say: ``deposit_of``, whose
        deposit address it is inferred to be, and from which sweeps; ``unconfirmed``, where waiting
        transactions are followed, what they pay it and spend of it (in no other number);
        ``exposure`` and ``exposure_checked``, where there is an exposure index for these label
        sets, what `exposure` says and up to which block. Without an index nothing was checked.

        Raises
        ------
        AddressError
            If it is no address of this network.
        StoreDamagedError, StoreVersionError
            If there is an exposure index that cannot be read.
        """
        from clewline.workspace import addresses, unconfirmed

        script_bytes, script, shown = self._subject(address)
        said = self._labelled(shown, script)
        whole = partial.is_loaded(self.store, script_bytes)
        return {
            "address": said.pop("address"),
            **addresses.summary(self.store, self.chain, script, whole=whole),
            **_if_any(unconfirmed=unconfirmed.of_address(self.store, address, script)),
            **said,
            **_if_any(deposit_of=self._deposits.of(script)),
            **partial.address_mark(self.store, script_bytes),
            **_checked(self._exposure.of_script(script)),
        }

    def hash_at(self, height: int) -> str | None:
        """Return the hash of the block at a height, None where this tip has none."""
        from clewline.workspace import watching

        return watching.hash_at(self.store, height)

    def payments_after(
        self, height: int, addresses: Sequence[tuple[str, bool]]
    ) -> list[list[dict[str, Any]]]:
        """Return what happened to addresses in the blocks after a height, a list for each.

        Parameters
        ----------
        height : int
            Blocks up to this one are not looked at.
        addresses : sequence of (str, bool)
            Address, and whether its whole cluster at this tip is meant.

        Returns
        -------
        list of list of dict
            As `watching.payments_after`: ``direction``, ``outpoint``, ``txid``, ``value``,
            ``height``, ``block``, ``time``.

        Raises
        ------
        AddressError
            If one is no address of this network.
        """
        from clewline.workspace import watching

        watched = [watching.Watched(*one) for one in addresses]
        return watching.payments_after(self.store, self.chain, height, watched)

    def exposure(self, address: str) -> dict[str, Any]:
        """Return which share of what an address received comes from, and went to, services.

        A look-up in the exposure index of these label sets; see `build_exposure`.

        Parameters
        ----------
        address : str
            Address of the store's network.

        Returns
        -------
        dict
            ``exposure``: a row a direction and part (category of services, or a rest) with
            satoshi: ``value`` = ``direct`` (one transaction away) + ``indirect``. ``directions``:
            the tip that each was built at, and what was received since; "not checked" and why
            where there is no index.

        Raises
        ------
        AddressError
            If it is no address of this network.
        StoreDamagedError, StoreVersionError
            If the index cannot be read.
        """
        _bytes, script, shown = self._subject(address)
        return {
            "address": shown,
            **self._tip,
            **partial.mark(self.store),
            "method": Method.HAIRCUT.value,
            **self._exposure.of_script(script),
            "label_sets": self.attribution.digests,
        }

    def build_exposure(
        self, directions: Sequence[str] = ("from", "to"), progress: Progress | None = None
    ) -> dict[str, Any]:
        """Build the exposure index of these label sets at this tip, or bring it up to date.

        Parameters
        ----------
        directions : sequence of {"from", "to"}
            *from* goes on where the last build ended; *to* is computed anew.
        progress : callable, optional
            Told stage, done and total.

        Returns
        -------
        dict
            What was done, by direction.

        Raises
        ------
        UsageError, StoreLockedError, StorageError, StoreDamagedError, StoreVersionError
        """
        from clewline.store.importer import no_progress
        from clewline.workspace.exposure_building import build_exposure

        built = build_exposure(self.store, self.attribution, directions, progress or no_progress)
        self.__dict__.pop("_exposure", None)  # the next question sees the new index
        return built

    def exposure_indexes(self) -> list[dict[str, Any]]:
        """Return one row for each direction of each exposure index of the store.

        Raises
        ------
        StoreDamagedError, StoreVersionError
        """
        from clewline.workspace.attribution import Attribution
        from clewline.workspace.exposure import describe_indexes

        return describe_indexes(self.store, Attribution(self.store).digests)

    def remove_exposure(self, name: str) -> None:
        """Remove an exposure index by the name that `exposure_indexes` gives.

        Raises
        ------
        UsageError, StoreLockedError, StorageError
        """
        from clewline.workspace.exposure import remove_index

        remove_index(self.store, name)
        self.__dict__.pop("_exposure", None)

    def address_batch(self, batch: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield sums, first and last time and cluster of many addresses, in their order.

        What is no address of this network, and what no output pays to, says so in ``status``.
        Labels, and the number of transactions, are for `address` to say.

        Notes
        -----
        Cost: some microseconds an address, and one step an output.
        """
        from clewline.workspace import addresses

        return addresses.many(self.store, batch)

    def latest_payments(self, batch: Sequence[str], most: int = 3) -> list[list[tuple[str, int]]]:
        """Return the latest payments to each of many addresses.

        Parameters
        ----------
        batch : sequence of str
            Addresses; what is none of this network has no payments.
        most : int
            How many of each.

        Returns
        -------
        list of list of tuple of str and int
            ``txid:index`` and the header time of its block in UTC seconds, the newest first.

        Notes
        -----
        Cost: one step an output of each address.
        """
        from clewline.workspace import addresses

        return addresses.latest(self.store, self.chain, batch, most)

    def labels(self, address: str) -> dict[str, Any]:
        """Return what is said about an address: child protection first, conflicts shown.

        Raises
        ------
        AddressError
            If it is no address of this network.
        """
        _bytes, script, shown = self._subject(address)
        return self._labelled(shown, script)

    @cached_property
    def _with_change(self) -> ChangeClusters:
        """The clusters with change links; one pass over the chain, which must be whole."""
        from clewline.workspace import change

        if self.store.coverage is not None:
            what = "the whole chain, on which change links rest,"
            raise partial.not_loaded(self.store, "change", what)
        return change.with_change(self.store, self.chain)

    def change(self, txids: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield each output of transactions with the probability that it is change, and why.

        Parameters
        ----------
        txids : iterable of str
            Transaction ids.

        Yields
        ------
        dict
            ``txid``, ``vout``, ``address``, ``value``, ``probability`` (null where not asked),
            ``same_cluster``, ``signs_for``, ``signs_against``, ``note``, ``accuracy``.

        Raises
        ------
        UsageError, UnknownTransactionError, NotLoadedError
            Before anything is given, if one of the ids is none, not on the chain or not loaded.
        """
        from clewline.workspace import change, tracing

        asked = list(txids)
        found = [tracing.find_transaction(self.store, txid) for txid in asked]
        for txid, tx in zip(asked, found, strict=True):
            if tx < self.chain.outputs_only:
                raise partial.not_loaded(self.store, txid, "what this transaction spends")
        for tx in found:
            for row in change.of_transaction(self.store, self.chain, tx):
                yield {**row, **partial.mark(self.store)}

    def cluster(self, address: str, *, with_change: bool = False) -> dict[str, Any]:
        """Return the cluster of an address: scripts spent together, CoinJoins left out.

        ``size`` counts scripts; those that have no address stand in ``scripts``.

        Parameters
        ----------
        address : str
            Of the store's network.
        with_change : bool
            Join by likely change outputs as well, apart from the default clusters: then
            ``default_clusters`` says how many of those are in it, and ``links_refused`` how many
            links of the whole chain the collapse guard refused.

        Raises
        ------
        AddressError, UnknownAddressError
        NotLoadedError
            With change links, which a part of a chain does not give.
        """
        from clewline.engine.heuristics.change import RULE as CHANGE
        from clewline.engine.heuristics.multi_input import RULE as MULTI_INPUT
        from clewline.reports.limits import accuracy_of
        from clewline.workspace import addresses, change

        script = addresses.known_script_id(self.store, address)
        if with_change:
            return {
                **change.cluster_of(self.store, self._with_change, script),
                **self._tip,
                "rule": f"{MULTI_INPUT}, {CHANGE}",
                "limits": f"Change links are likely, not certain, and opt-in. {LIMITS_OF_CLUSTERS}",
                "accuracy": accuracy_of(CHANGE),
            }
        members = list(addresses.cluster_members(self.store, script))
        return {
            "cluster": int(self.store.column("structure.cluster")[script]),
            "size": len(members),
            "addresses": [shown for shown, _hex in members if shown is not None],
            "scripts": [text for shown, text in members if shown is None],
            **self._tip,
            **partial.mark(self.store, prefix=partial.AT_LEAST),
            "rule": MULTI_INPUT,
            "limits": LIMITS_OF_CLUSTERS,
            "accuracy": accuracy_of(MULTI_INPUT),
        }

    def with_clusters(self, seeds: Sequence[str]) -> list[str]:
        """Return seeds with every other address of the clusters that the given addresses are in.

        Outpoints stay as they are. Order: as given, each address followed by what its cluster adds.

        Raises
        ------
        AddressError, UnknownAddressError
        """
        from clewline.workspace import addresses, tracing

        found: dict[str, None] = {}
        for seed in seeds:
            found.setdefault(seed)
            if not tracing.is_outpoint(seed):
                script = tracing.seed_script(self.store, seed)
                members = addresses.cluster_members(self.store, script)
                found.update((shown, None) for shown, _hex in members if shown is not None)
        return list(found)

    def explain(self, first: str, second: str, *, with_change: bool = False) -> dict[str, Any]:
        """Return the shortest chain of transactions that puts two addresses into one cluster.

        Parameters
        ----------
        first, second : str
            Addresses.
        with_change : bool
            Take change links as well; each link says its rule.

        Raises
        ------
        AddressError, UnknownAddressError
        NotLoadedError
            With change links, which a part of a chain does not give.
        """
        from clewline.workspace import addresses, change

        a, b = (addresses.known_script_id(self.store, address) for address in (first, second))
        if with_change:
            joined = self._with_change
            return {
                "same_cluster": bool(joined.cluster[a] == joined.cluster[b]),
                "links": change.links_with_change(self.store, self.chain, joined, a, b),
                **self._tip,
            }
        cluster = self.store.column("structure.cluster")
        same = bool(cluster[a] == cluster[b])
        return {
            # What is not loaded could put them together.
            "same_cluster": same or (None if self.store.coverage else False),
            "links": addresses.links(self.store, self.chain, a, b),
            **self._tip,
        }

    def largest_clusters(self, count: int) -> list[dict[str, Any]]:
        """Return the largest clusters: id, size and first member."""
        from clewline.workspace import addresses

        return addresses.largest_clusters(self.store, count)

    def coinjoin_reason(self, txid: str) -> str:
        """Return why a transaction is, or is not, taken for a CoinJoin.

        Raises
        ------
        UsageError, UnknownTransactionError
        """
        from clewline.engine.heuristics.coinjoin import explain as explain_coinjoin
        from clewline.workspace import tracing

        tx = tracing.find_transaction(self.store, txid)
        if tx < self.chain.outputs_only:
            raise partial.not_loaded(self.store, txid, "what this transaction spends")
        return explain_coinjoin(self.chain, tx).text

    def trace(
        self,
        direction: str,
        seeds: Sequence[str],
        method: str = "fifo",
        limits: Limits = DEFAULT_LIMITS,
        *,
        stop_at_deposits: bool = False,
    ) -> dict[str, Any]:
        """Follow money from some seeds to services, forward or backward.

        Parameters
        ----------
        direction : {"forward", "backward"}
        seeds : sequence of str
            ``txid:vout``, or an address: each output that it received within the time range of
            `limits`.
        method : {"fifo", "lifo", "haircut", "poison"}
        limits : Limits
            Caps; what they hold back is a number in the answer.
        stop_at_deposits : bool
            Stop at addresses inferred to be a service's deposit addresses, too, among those that
            the walk without this option reaches. They stand apart, in ``deposits``.

        Returns
        -------
        dict
            services + unspent + mined + coinjoin + capped + fees = total, in satoshi (on Zcash,
            ``shielded`` too). Poison is an upper bound that counts satoshi more than once, as
            ``law`` in the answer says. What is too long to be listed is counted in ``not_listed``.
            ``spent_unconfirmed_by`` names those unspent outputs that waiting transactions spend;
            they count as unspent. None where that is not followed.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError, UnknownTransactionError
        """
        from clewline.workspace import tracing, unconfirmed

        walked = self._walk(direction, seeds, method, limits, stop_at_deposits=stop_at_deposits)
        return {
            **tracing.answer(self.store, self.chain, self.attribution, walked),
            "spent_unconfirmed_by": unconfirmed.spent_ends(self.store, walked.flow),
            **partial.seeds_mark(self.store, _addresses(seeds)),
        }

    def compare(
        self, direction: str, seeds: Sequence[str], limits: Limits = DEFAULT_LIMITS
    ) -> dict[str, dict[str, Any]]:
        """Follow the same money under each rule.

        Parameters
        ----------
        direction : {"forward", "backward"}
        seeds : sequence of str
            As for `trace`.
        limits : Limits
            Caps, the same for each rule.

        Returns
        -------
        dict of str to dict
            The answer of `trace` by method: fifo, lifo, haircut, poison. `side_by_side` makes one
            table of them.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError, UnknownTransactionError
        """
        return {
            method.value: self.trace(direction, seeds, method.value, limits) for method in Method
        }

    def path(
        self,
        payer: str,
        receiver: str,
        method: str = "fifo",
        limits: Limits = DEFAULT_LIMITS,
        most: int = 20,
    ) -> dict[str, Any]:
        """Find how money of one party reached another: in order of time, by amounts that arrived.

        Parameters
        ----------
        payer, receiver : str
            An address, ``txid:vout``, ``cluster:ADDRESS`` for the cluster of an address, or
            ``entity:NAME`` for a labelled service.
        method : {"fifo", "lifo", "haircut"}
        limits : Limits
            Caps; what they hold back is a number in the answer.
        most : int
            How many paths to list, the largest arrivals first.

        Returns
        -------
        dict
            ``value`` arrived in all, ``paths`` and their steps, and what was searched: value +
            services + unspent + mined + coinjoin + capped + fees = total, in satoshi (on Zcash,
            ``shielded`` too). Where a cap
            cuts the walk from the payer off, the walk from the receiver is tried too, and the
            better of the two is told (``searched``).

        Raises
        ------
        UsageError, AddressError, UnknownAddressError, UnknownTransactionError
        """
        from clewline.workspace import paths

        return paths.path(
            self.store, self.chain, self.attribution, payer, receiver, method, limits, most
        )

    def common(
        self,
        given: Sequence[str],
        hops: int = 1,
        limits: Limits = DEFAULT_LIMITS,
        most: int = 100,
    ) -> dict[str, Any]:
        """Find whom two or more of some addresses paid, or were paid by.

        Parameters
        ----------
        given : sequence of str
            Addresses, two or more.
        hops : int
            How many transactions a counterparty may be away; 1 is direct.
        limits : Limits
            Caps of each walk, two an address; `hops` stands for its `max_hops`.
        most : int
            How many counterparties to list, those with most addresses first.

        Returns
        -------
        dict
            ``counterparties``: entities, clusters and single addresses with what went between
            each and each address: direction, satoshi (haircut), outputs, times.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError
        """
        from clewline.workspace import counterparties

        return counterparties.common(
            self.store, self.chain, self.attribution, given, hops, limits, most
        )

    def peel(self, outpoint: str, max_steps: int = 1000) -> dict[str, Any]:
        """Follow the peel chain that begins with an output: a heuristic, with its signs.

        Parameters
        ----------
        outpoint : str
            ``txid:vout``.
        max_steps : int
            Most transactions to follow.

        Returns
        -------
        dict
            ``steps``: what each transaction paid to whom, what it kept, which signs speak for that
            and against it; ``stop`` and ``reason``: why the run ends.

        Raises
        ------
        UsageError, UnknownTransactionError
        """
        from clewline.workspace import peeling

        return peeling.peel_chain(self.store, self.chain, self.attribution, outpoint, max_steps)

    def report(
        self,
        subjects: Sequence[str],
        out: Path,
        method: str = "fifo",
        case_reference: str = "",
        note: str = "",
        limits: Limits = DEFAULT_LIMITS,
        without: Collection[str] = (),
    ) -> dict[str, Any]:
        """Write one request pack for each exchange that money of the subjects met.

        Parameters
        ----------
        subjects : sequence of str
            Addresses (or ``txid:vout``) of the case.
        out : Path
            Directory to make, or an earlier report to replace.
        method : {"fifo", "lifo", "haircut"}
        case_reference, note : str
            Printed on the pages.
        limits : Limits
            Caps; what they hold back is a number in the answer.
        without : collection of str
            Outputs (``txid:index``) and addresses of one's own: no exchange is asked who paid by
            a payout whose way to the subjects leads over one of them.

        Returns
        -------
        dict
            The packs and where they are.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError, UnknownTransactionError, StorageError
        """
        from clewline.reports.request_pack import (
            LabelSet,
            RunInfo,
            Tip,
            check_method,
            write_request_packs,
        )
        from clewline.workspace import packs

        check_method(method)
        self._require_bitcoin("request packs")
        traces = [
            self._walk(direction, subjects, method, limits) for direction in ("forward", "backward")
        ]
        manifest = self.store.manifest
        run = RunInfo(
            version=__version__,
            network=manifest.network,
            tip=Tip(manifest.height, manifest.tip, int(self.store.block_time[-1])),
            store_digest=manifest.digest,
            method=method,
            limits=packs.run_limits(limits),
            label_sets=tuple(LabelSet(**entry) for entry in self.attribution.digests),
            subjects=tuple(subjects),
            case_reference=case_reference,
            note="; ".join(
                filter(None, (note, partial.report_note(self.store, _addresses(subjects))))
            ),
        )
        found = [
            movement
            for trace in traces
            for movement in packs.movements(self.store, self.chain, self.attribution, trace)
            if not packs.is_own(movement, without)
        ]
        walks = [packs.walk_of(self.store, trace) for trace in traces]
        written = write_request_packs(out, run, found, walks)
        return {
            "out": str(out),
            "packs": [
                {
                    "exchange": pack.entity,
                    "deposits": pack.deposits,
                    "withdrawals": pack.withdrawals,
                    "traced": pack.traced,
                    "html": str(pack.html),
                }
                for pack in written
            ],
            **self._tip,
            "label_sets": self.attribution.digests,
        }

    def payers(
        self,
        sites: Sequence[str],
        method: str = "fifo",
        limits: Limits = DEFAULT_LIMITS,
        *,
        cluster: bool = False,
        rates: Rates | None = None,
    ) -> dict[str, Any]:
        """Return who paid the addresses of a site: each payment and the payout behind it.

        Parameters
        ----------
        sites : sequence of str
            Addresses.
        method : {"fifo", "lifo"}
            A rule that keeps satoshi apart.
        limits : Limits
            The time range chooses payments; the caps hold the walk back from them.
        cluster : bool
            Take in the clusters of the addresses, but never that of a service that holds one.
        rates : Rates, optional
            For fiat figures.

        Returns
        -------
        dict
            services + mined + coinjoin + capped + own = received, in satoshi; ``payments`` has a
            row for each payment and payout.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError
        """
        from clewline.workspace import cases

        return cases.payers(self._asked(sites, method, limits, rates, cluster=cluster))

    def cashouts(
        self,
        sites: Sequence[str],
        method: str = "fifo",
        limits: Limits = DEFAULT_LIMITS,
        *,
        cluster: bool = False,
        rates: Rates | None = None,
    ) -> dict[str, Any]:
        """Return where the money of a site's addresses arrived at services.

        Parameters
        ----------
        sites : sequence of str
            Addresses.
        method : {"fifo", "lifo", "haircut"}
        limits : Limits
            As for `trace`.
        cluster : bool
            As for `payers`.
        rates : Rates, optional
            For fiat figures.

        Returns
        -------
        dict
            services + unspent + coinjoin + capped + fees + own = received, in satoshi;
            ``cashouts`` has a row for each output that a service received.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError
        """
        from clewline.workspace import cases

        return cases.cashouts(self._asked(sites, method, limits, rates, cluster=cluster))

    def site_addresses(self, sites: Sequence[str]) -> list[str]:
        """Return the addresses of a site and of their clusters, but of no service that holds one.

        Those that `payers` and `cashouts` take in with `cluster`, in the order of the chain.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError
        """
        from clewline.workspace.rendering import ScriptTexts

        asked = self._asked(sites, "fifo", DEFAULT_LIMITS, None, cluster=True)
        shown = ScriptTexts(self.store, asked.sites.scripts).addresses()
        return [address for address in shown if address is not None]

    def leads(
        self,
        sites: Sequence[str],
        limits: Limits = DEFAULT_LIMITS,
        *,
        cluster: bool = False,
        rates: Rates | None = None,
    ) -> dict[str, Any]:
        """Return which receivers of a case behave like a site, ranked, each with its reasons.

        Parameters
        ----------
        sites : sequence of str
            Addresses of the case: one receiver. The others are those that its payers paid too.
        limits : Limits
            The time range chooses the payments to the case; no cap is used.
        cluster : bool
            As for `payers`.
        rates : Rates, optional
            For prices; without them only amounts in satoshi are compared.

        Returns
        -------
        dict
            ``leads``: a row a receiver, never a category.

        Raises
        ------
        UsageError, AddressError, UnknownAddressError
        """
        from clewline.workspace import leads

        return leads.leads(self._asked(sites, "fifo", limits, rates, cluster=cluster))

    def count_leads(self, others_than: Iterable[str], rates: Rates | None = None) -> LeadCount:
        """Count the leads among all receivers of a made-up chain, for the rate of false leads.

        Parameters
        ----------
        others_than : iterable of str
            Addresses whose clusters are left out.
        rates : Rates, optional
            For prices.

        Raises
        ------
        AddressError, UnknownAddressError
        """
        from clewline.workspace import leads

        return leads.count_leads(self.store, self.chain, self.attribution, others_than, rates)

    def _asked(
        self,
        sites: Sequence[str],
        method: str,
        limits: Limits,
        rates: Rates | None,
        *,
        cluster: bool,
    ) -> cases.Question:
        """Return a question about a case, checked."""
        from clewline.workspace import cases

        self._require_bitcoin("tables of a case")
        return cases.question(
            self.store,
            self.chain,
            self.attribution,
            sites,
            method,
            limits,
            rates,
            cluster=cluster,
        )

    def _require_bitcoin(self, what: str) -> None:
        """Refuse what states amounts in BTC, or prices of it, on another chain."""
        if self.store.network.coin != BITCOIN:
            raise UsageError(
                f"{what} reckon in BTC; for other chains there are none yet",
                where=self.store.network.name,
                hint="`clewline trace` answers for every chain",
            )

    def _walk(
        self,
        direction: str,
        seeds: Sequence[str],
        method: str,
        limits: Limits,
        *,
        stop_at_deposits: bool = False,
    ) -> tracing.Trace:
        """Run one trace."""
        from clewline.workspace import tracing

        return tracing.run_trace(
            self.store,
            self.chain,
            self.attribution,
            direction,
            seeds,
            method,
            limits,
            stop_at_deposits=stop_at_deposits,
        )

    def _labelled(self, subject: str, script: int | None) -> dict[str, Any]:
        """Return what is said about an address (as Core shows it), with tip and label sets."""
        labels, conflicts = self.attribution.labels_of(subject, script)
        return {
            "address": subject,
            "labels": labels,
            "conflicts": conflicts,
            **self._tip,
            "label_sets": self.attribution.digests,
        }

    def _subject(self, address: str) -> tuple[bytes, int | None, str]:
        """Return script, script id and form of an address: labels are stored as Core shows it."""
        from clewline.workspace import addresses

        network = self.store.network
        script = script_of(address, network)
        if network.coin == BITCOIN:
            # An address of Bitcoin has one form, but that a segwit one may be in upper case.
            segwit = address[: len(network.bech32_prefix)].lower() == network.bech32_prefix
            shown = address.lower() if segwit else address
        else:
            shown = address_of(script, network) or address
        return script, addresses.id_of_script(self.store, script), shown


def _if_any(**answers: dict[str, Any] | None) -> dict[str, Any]:
    """Return those answers that say something."""
    return {name: answer for name, answer in answers.items() if answer is not None}


def _checked(met: dict[str, Any]) -> dict[str, Any]:
    """Return exposure and how far it was checked; nothing where no direction was."""
    from clewline.workspace.exposure import NOT_CHECKED

    checked = {
        standing["direction"]: standing["state"]
        if standing["state"] == NOT_CHECKED
        else f"up to block {standing['height']}"
        for standing in met["directions"]
    }
    if all(state == NOT_CHECKED for state in checked.values()):
        return {}
    return {"exposure_checked": checked, "exposure": met["exposure"]}


def _addresses(seeds: Sequence[str]) -> list[str]:
    """Return those seeds that are addresses."""
    from clewline.workspace import tracing

    return [seed for seed in seeds if not tracing.is_outpoint(seed)]
