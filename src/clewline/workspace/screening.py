"""Screening where it meets a store: lists out of label sets, and what the chain says of addresses.

The exposure of screened addresses is that of `clewline.engine.exposure`, with the listed addresses
among the places where money stops: it goes through no service and no CoinJoin.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import decode_addresses
from clewline.engine.exposure import MAX_CATEGORIES, NOBODY, Float64, Marks, fill_from, fill_to
from clewline.engine.nearest import UInt16, exposure_of_scripts, fill_nearest
from clewline.errors import UsageError
from clewline.intake.reading import read_many
from clewline.labels import Claim, LabelSet, list_sets
from clewline.screening.chains import chain_named
from clewline.screening.running import Exposed, Hit, Question, Screener, hit_of
from clewline.screening.texts import Texts
from clewline.screening.watchlist import Entry, Watchlist, bounds_of, keys_of_all, read_list
from clewline.vocab import category
from clewline.workspace.attribution import labels_directory
from clewline.workspace.rendering import ScriptTexts

if TYPE_CHECKING:
    from clewline.workspace import Workspace

_LEAST: Final = 0.5
"""Satoshi below which a share of money rounds to nothing."""
ABUSE: Final = "abuse"
"""What label sets are screened for unless categories are named; sanctions are below it."""
DIRECTIONS: Final = ("from", "to")
_AT_ONCE: Final = 1 << 20
_AT_ANY_TIME: Final = "; the label holds for a part of the time only, the money is of any time"


def read_watchlist(
    lists: Sequence[Path] = (),
    store: Path | None = None,
    sets: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    *,
    may_be_empty: bool = False,
) -> Watchlist:
    """Return the list to screen for, out of files and of label sets.

    Parameters
    ----------
    lists : sequence of Path
        Files, see `clewline.screening.watchlist.read_list`; all of them counts.
    store : Path, optional
        Where the label sets are.
    sets : sequence of str, optional
        Label sets of the store; all of them if not given, none if there are `lists`.
    categories : sequence of str, optional
        Only labels of these; without it, of label sets those of abuse and all below it.
    may_be_empty : bool
        Whether a list that says nothing is one: all that it said was withdrawn.

    Returns
    -------
    Watchlist
        Of at least one entry, unless it may be empty.

    Raises
    ------
    UsageError
        If there is nothing to screen for.
    LabelFileError, UnknownLabelSetError, StoreDamagedError, StoreVersionError
    """
    wanted = {category(name).id for name in categories or ()}
    entries = [entry for path in lists for entry in read_list(path)]
    if sets and store is None:
        raise UsageError("label sets are in a store", where="--set", hint="name it: --store DIR")
    if store is not None and (sets or not lists):
        directory = labels_directory(store)
        for name in sorted(set(sets)) if sets else list_sets(directory):
            with LabelSet.open(directory, name) as label_set:
                found = _entries_of(label_set)
            entries += found if wanted else [one for one in found if _is_abuse(one.claim)]
    if wanted:
        entries = [one for one in entries if wanted & {one.claim.category, *one.claim.concepts}]
    watchlist = Watchlist(entries)
    if not watchlist.entries and not (may_be_empty and (lists or store)):
        raise UsageError(
            "there is nothing to screen for",
            where="--list",
            hint="give a list (--list FILE), a store whose label sets name abuse, or --category",
        )
    return watchlist


def _is_abuse(claim: Claim) -> bool:
    """Tell whether a label names abuse, or anything that the vocabulary has below it."""
    for concept in claim.concepts:
        name = concept
        while name and name != ABUSE:
            name = category(name).broader
        if name == ABUSE:
            return True
    return False


def _entries_of(label_set: LabelSet) -> list[Entry]:
    """Return the labels of a set, whatever chain their addresses are of."""
    subjects, claims = label_set.subjects()
    readings = read_many([address for _asset, address, _claim in subjects])
    entries = []
    for (asset, address, claim), found in zip(subjects, readings, strict=True):
        chain = chain_named(asset)
        canonical = next((one.canonical for one in found if one.chain == chain), address)
        said = claims[claim]
        bounds = bounds_of(said.since, said.until)
        entries.append(Entry(chain, canonical, said, label_set.name, *bounds))
    return entries


@dataclass(frozen=True)
class _Pass:
    """What a chain says of one category in one direction."""

    category: str
    direction: str
    shares: Float64
    hops: UInt16
    holder: NDArray[np.uint32]


class StoreExposure:
    """What a tip of a store says of screened addresses.

    Parameters
    ----------
    workspace : Workspace
        The tip, with the label sets whose services stop money.
    watchlist : Watchlist
        What is looked for.

    Raises
    ------
    UsageError
        If there are more categories than an exposure can tell apart.

    Notes
    -----
    Cost: two passes over the chain for each category and direction, 14 bytes a transaction in files
    without a name.
    """

    def __init__(self, workspace: Workspace, watchlist: Watchlist) -> None:
        self._store, self._chain = workspace.store, workspace.chain
        self._attribution = workspace.attribution
        self.chain = self._store.network.coin.asset
        self.tip = str(self._store.manifest.tip)
        self.whole = self._store.coverage is None
        self._cluster = self._store.column("structure.cluster")
        self._entries = [one for one in watchlist.entries if one.chain == self.chain]
        script, _read = self._scripts([one.address for one in self._entries])
        self._listed: dict[int, Entry] = {}
        self._clusters: dict[int, Entry] = {}
        self._labels: dict[int, list[Entry]] = {}
        found = zip(script.tolist(), self._entries, strict=True)
        for one, entry in sorted(found, key=lambda pair: _strength(pair[1])):
            if one < 0:
                continue
            self._listed.setdefault(one, entry)
            if entry.claim.inherits:
                cluster = int(self._cluster[one])
                self._clusters.setdefault(cluster, entry)
                _add_label(self._labels.setdefault(cluster, []), entry)
        self._inheriting = np.array(sorted(self._clusters), np.uint32)
        self._passes = self._run() if self.whole else []

    def exposed(self, texts: Texts) -> Exposed:
        """Return what is known of some addresses of the chain.

        Parameters
        ----------
        texts : Texts
            Addresses that are read as the chain's.

        Returns
        -------
        Exposed
            Direct: members of a cluster that labels reach, with all of them, and money that was
            one transaction away. Of a part of a chain nothing is loaded: what it lacks would pass
            for nothing. Nor is what is no address of the store's network.
        """
        count = len(texts)
        if not self.whole:
            return Exposed(np.zeros(count, np.bool_), {}, {})
        letters = texts.data.tobytes().decode("latin-1")
        bounds = zip(texts.begins.tolist(), texts.ends.tolist(), strict=True)
        script, read = self._scripts([letters[begin:end] for begin, end in bounds])
        answer = Exposed(read, {}, {})
        for place in self._members(script):
            labels = self._labels[int(self._cluster[script[place]])]
            answer.direct[place] = [_inherited(entry, self.chain) for entry in labels]
        for one in self._passes:
            self._add(answer, script, one)
        return answer

    def reached(self) -> Iterator[NDArray[np.uint64]]:
        """Yield the keys of all addresses of which something is known, some at a time.

        Yields
        ------
        ndarray of uint64
            Ascending; keys of every form in which the addresses may be written.

        Notes
        -----
        Cost: every output of the chain once a pass, ten microseconds an address that is reached.
        """
        if not self.whole:
            return
        for first in range(0, self._chain.n_script, _AT_ONCE):
            script = np.arange(first, min(first + _AT_ONCE, self._chain.n_script))
            told = np.zeros(script.size, np.bool_)
            told[self._members(script)] = True
            for one in self._passes:
                _received, tied, nearest, _whose = self._tied(script, one)
                told |= (tied >= _LEAST) & (nearest > 0)
            shown = ScriptTexts(self._store, script[told]).addresses()
            yield keys_of_all([(self.chain, address) for address in shown if address])

    def _tied(
        self, script: NDArray[np.int64], one: _Pass
    ) -> tuple[Float64, Float64, UInt16, NDArray[np.uint32]]:
        """Return what scripts have of a category in a direction."""
        return exposure_of_scripts(
            *(self._chain, script, one.shares, one.hops, one.holder),
            to_the_past=one.direction == "from",
        )

    def _members(self, script: NDArray[np.int64]) -> list[int]:
        """Return the places whose cluster a label reaches."""
        known = np.flatnonzero(script >= 0)
        inside = np.isin(self._cluster[script[known]], self._inheriting)
        return [int(place) for place in known[inside]]

    def _add(self, answer: Exposed, script: NDArray[np.int64], one: _Pass) -> None:
        """Add the exposure of one category in one direction."""
        received, tied, nearest, whose = self._tied(script, one)
        for place in np.flatnonzero((tied >= _LEAST) & (nearest > 0)).tolist():
            listed = self._holder(int(script[place]))
            if listed is not None and listed.claim.category == one.category:
                continue  # its own money
            entry = self._holder(int(whose[place]))
            assert entry is not None, "a pass ends at listed scripts"
            hops = int(nearest[place])
            hit: Hit = {
                "entity": entry.claim.entity,
                "category": one.category,
                "direction": one.direction,
                "value": round(tied[place]),
                "share": round(float(tied[place] / received[place]), 12),
                "hops": hops,
                "set": entry.label_set,
                "type": entry.claim.type,
                "reason": f"{'came from' if one.direction == 'from' else 'went to'} "
                f"{one.category}, nearest {entry.claim.entity}, over {hops} transactions (haircut)"
                f"{_AT_ANY_TIME if entry.bounded else ''}",
                "over": self.chain,
                "nearest": entry,
            }
            side = answer.direct if hops == 1 else answer.indirect
            side.setdefault(place, []).append(hit)

    def _holder(self, script: int) -> Entry | None:
        """Return the entry that a script is of, by itself or by its cluster."""
        entry = self._listed.get(script)
        return entry or self._clusters.get(int(self._cluster[script]))

    def _scripts(self, addresses: list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the script of each address, -1 where no output pays it; and which are addresses.

        Another network of the same coin has others: they are none here.
        """
        decoded = decode_addresses(addresses, self._store.network)
        script = self._store.find_scripts(decoded.blob, decoded.starts)
        read = np.diff(decoded.starts) > 0
        script[~read] = -1
        return script, read

    def _run(self) -> list[_Pass]:
        """Run the passes over the chain."""
        from clewline.workspace.exposure_building import marks_of

        marks = marks_of(self._store, self._attribution)
        taken = len(self._attribution.services.categories)
        scripts, clusters = self._listed, self._clusters
        met = [*scripts.values(), *clusters.values()]
        names = sorted({str(entry.claim.category) for entry in met})
        if taken + len(names) > MAX_CATEGORIES:
            raise UsageError(
                f"{taken + len(names)} categories; at most {MAX_CATEGORIES} can be told apart",
                where="--category",
            )
        number = {name: taken + place for place, name in enumerate(names, start=1)}
        held = marks.category.copy()
        of_cluster = np.zeros(len(self._cluster), np.uint8)
        for cluster, entry in clusters.items():
            of_cluster[cluster] = number[str(entry.claim.category)]
        reached = of_cluster[self._cluster]
        held[reached != NOBODY] = reached[reached != NOBODY]
        for script, entry in scripts.items():
            held[script] = number[str(entry.claim.category)]
        marks = Marks(held, marks.mixes)
        return [
            self._pass(marks, name, number[name], direction)
            for name in names
            for direction in DIRECTIONS
        ]

    def _pass(self, marks: Marks, name: str, part: int, direction: str) -> _Pass:
        """Compute one category in one direction."""
        n_tx = self._chain.n_tx
        shares = _unnamed(np.float64, n_tx)
        hops, holder = _unnamed(np.uint16, n_tx), _unnamed(np.uint32, n_tx)
        fill = fill_from if direction == "from" else fill_to
        fill(self._chain, marks, part, shares, 0, n_tx)
        fill_nearest(self._chain, marks, part, hops, holder, to_the_past=direction == "from")
        return _Pass(name, direction, shares, hops, holder)


def _unnamed(kind: Any, count: int) -> Any:
    """Return zeros in a file without a name, so that the system may take their memory back."""
    with tempfile.TemporaryFile() as file:
        return np.ndarray.view(np.memmap(file, kind, "w+", shape=(count,)), np.ndarray)


def _add_label(labels: list[Entry], entry: Entry) -> None:
    """Add a label of a cluster, unless a stronger one of the same entity says as much for longer.

    A site has a thousand addresses, each with its label: what they say of the cluster is one.
    """
    if not any(
        (one.claim.entity, one.label_set, one.claim.type)
        == (entry.claim.entity, entry.label_set, entry.claim.type)
        and one.since <= entry.since
        and entry.until <= one.until
        for one in labels
    ):
        labels.append(entry)


def _strength(entry: Entry) -> tuple[Any, ...]:
    """Return the key by which the strongest entry comes first."""
    return not entry.claim.child_protection, -entry.claim.level, entry.key


def _inherited(entry: Entry, chain: str) -> Hit:
    """Return the hit of a member of a cluster that a label reaches."""
    reason = (
        f"in one cluster with {entry.address}, of {entry.claim.entity}: computed, and "
        "wrong where a PayJoin joined two owners"
    )
    return hit_of(entry, reason) | {"over": chain}


def make_screener(
    watchlist: Watchlist, question: Question, workspace: Workspace | None = None
) -> Screener:
    """Return what screens rows: with a store also for clusters and exposure.

    Parameters
    ----------
    watchlist : Watchlist
        What is looked for.
    question : Question
        How.
    workspace : Workspace, optional
        Tip of a store with the label sets whose services stop money.
    """
    stores = (StoreExposure(workspace, watchlist),) if workspace else ()
    return Screener(watchlist, question, stores)
