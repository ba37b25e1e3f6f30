"""Label sets resolved against a tip: which scripts and clusters are whose.

A *service* is a script with a label of its own, or one inherited through its cluster, whose
category the vocabulary marks as a service. Of several such labels the most confident decides, then
the entity's name; the others are shown as conflicts, never voted away.

Sources name one business in many ways ("Exchange A", "Exchange A hot wallet 2"). Where they give an
actor id, that is the entity, under the name that its strongest label bears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import decode_addresses
from clewline.labels import Claim, Label, LabelSet, conflicts, in_order, list_sets
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import cluster_size

LABELS: Final = "labels"
"""Directory of a store's label sets."""


@dataclass(frozen=True)
class Assertion:
    """Why a script counts as an entity's.

    Attributes
    ----------
    entity : int
        Index into `Services.entities`.
    claim : Claim
        What the source says.
    label_set : str
        Where it stands.
    address : str
        The labelled address; another than the script's own where the label was inherited.
    inherited : bool
        It reached the script through its cluster.
    """

    entity: int
    claim: Claim
    label_set: str
    address: str
    inherited: bool


@dataclass(frozen=True)
class _Rows:
    """Labels as rows: one per label whose address the tip knows, ordered by strength."""

    script: NDArray[np.int64]
    cluster: NDArray[np.int64]
    claim: NDArray[np.int64]
    origin: NDArray[np.int64]
    service: NDArray[np.bool_]
    inherits: NDArray[np.bool_]


class Attribution:
    """The label sets that a reader uses.

    Parameters
    ----------
    store : ChainStore
        The tip they are about.
    sets : sequence of str, optional
        Names of label sets; all of the store's if not given.

    Raises
    ------
    UnknownLabelSetError
        If there is no set of a given name.
    """

    def __init__(self, store: ChainStore, sets: Sequence[str] | None = None) -> None:
        directory = store.path / LABELS
        names = list_sets(directory) if sets is None else sorted(set(sets))
        self._sets = [LabelSet.open(directory, name) for name in names]
        self._store = store
        self.digests = [{"name": s.name, "sha256": s.digest} for s in self._sets]

    def close(self) -> None:
        """Close the label sets."""
        for label_set in self._sets:
            label_set.close()

    @cached_property
    def services(self) -> Services:
        """All labels resolved against the tip; about a second for half a million of them."""
        return Services(self._store, self._sets)

    def labels_of(self, address: str, script: int | None) -> tuple[list[dict[str, Any]], list[str]]:
        """Return what is said about an address, itself or through its cluster, and conflicts.

        Labels stand with child protection first, then by confidence; each with its set and, where
        inherited, the address that it comes from. Conflicts are sentences.
        """
        network = self._store.manifest.network
        found: list[tuple[Label, str, str | None]] = [
            (label, label_set.name, None)
            for label_set in self._sets
            for label in label_set.labels_of(address, network)
        ]
        if script is not None and self._sets and cluster_size(self._store, script) > 1:
            found += self.services.inherited(address, script)
        known = {id(label): (name, origin) for label, name, origin in found}
        ordered = in_order(label for label, _name, _origin in found)
        described = [
            {**label.as_dict(), "set": known[id(label)][0], "inherited_from": known[id(label)][1]}
            for label in ordered
        ]
        return described, conflicts(ordered)


class Services:
    """Label sets resolved against a tip: the services among its scripts and clusters.

    Attributes
    ----------
    entities, entity_category : list of str
        Names of the services, and the category of the strongest label of each.
    service_scripts, service_clusters : ndarray of uint32
        Scripts with a service's label of their own, clusters that inherit one; ascending.
    service_entity, cluster_entity : ndarray of int32
        Index into `entities` of each.
    categories : list of str
        Categories of all services that the sets name, on the chain or not; ascending.
    service_category, cluster_category : ndarray of uint8
        Index into `categories` of each.
    """

    def __init__(self, store: ChainStore, sets: Sequence[LabelSet]) -> None:
        self._network = store.manifest.network
        self._asset = store.network.coin.asset
        self._cluster = store.column("structure.cluster")
        self._claims: list[Claim] = []
        self._origins: list[tuple[str, str]] = []
        self._rows = self._resolve(store, sets)
        rows = self._rows
        strongest: dict[str, Claim] = {}
        for claim in sorted(self._claims, key=_strength):
            if claim.is_service:
                strongest.setdefault(_entity_key(claim), claim)
        number = {key: i for i, key in enumerate(sorted(strongest))}
        self.entities = [strongest[key].entity for key in sorted(strongest)]
        self.entity_category = [str(strongest[key].category) for key in sorted(strongest)]
        self._entity_of_claim = np.array(
            [number.get(_entity_key(claim), -1) for claim in self._claims], np.int32
        )
        services = {claim.category or "" for claim in self._claims if claim.is_service}
        self.categories = sorted(services)
        category_of_claim = np.array(
            [
                self.categories.index(claim.category or "") if claim.is_service else 0
                for claim in self._claims
            ],
            np.uint8,
        )
        own = np.flatnonzero(rows.service)
        self.service_scripts, self._own_rows = _first_of_each(rows.script, own)
        self.service_entity = self._entity_of_claim[rows.claim[self._own_rows]]
        self.service_category = category_of_claim[rows.claim[self._own_rows]]
        passed_on = np.flatnonzero(rows.service & rows.inherits)
        self.service_clusters, self._cluster_rows = _first_of_each(rows.cluster, passed_on)
        self.cluster_entity = self._entity_of_claim[rows.claim[self._cluster_rows]]
        self.cluster_category = category_of_claim[rows.claim[self._cluster_rows]]
        inheriting = np.flatnonzero(rows.inherits)
        # An exchange's cluster may hold a hundred thousand labels of one claim. Two of them tell
        # all: the second stands in for the first at the first's own address.
        group = rows.cluster[inheriting] * len(self._claims) + rows.claim[inheriting]
        told = np.sort(inheriting[_first_two_of_each(group)])
        self._inheriting = told[np.argsort(rows.cluster[told], kind="stable")]
        self._inheriting_cluster = rows.cluster[self._inheriting]

    def service_of(self, script: int) -> Assertion | None:
        """Return why a script counts as a service's, None where it does not."""
        row, inherited = _row_of(self.service_scripts, self._own_rows, script), False
        if row is None:
            cluster = int(self._cluster[script])
            row, inherited = _row_of(self.service_clusters, self._cluster_rows, cluster), True
        if row is None:
            return None
        number = int(self._rows.claim[row])
        label_set, address = self._origins[self._rows.origin[row]]
        return Assertion(
            entity=int(self._entity_of_claim[number]),
            claim=self._claims[number],
            label_set=label_set,
            address=address,
            inherited=inherited,
        )

    def inherited(self, address: str, script: int) -> list[tuple[Label, str, str | None]]:
        """Return the labels that other members of the cluster pass on, one for each claim."""
        rows = self._rows
        low, high = np.searchsorted(
            self._inheriting_cluster, [self._cluster[script], int(self._cluster[script]) + 1]
        )
        found: dict[int, tuple[Label, str, str | None]] = {}
        for row in self._inheriting[low:high].tolist():
            name, origin = self._origins[rows.origin[row]]
            number = int(rows.claim[row])
            if origin != address and number not in found:
                claim = self._claims[number]
                label = Label(
                    asset=self._asset,
                    network=self._network,
                    subject=address,
                    is_transaction=False,
                    claim=claim,
                    file="",
                    position=0,
                    line=0,
                )
                found[number] = (label, name, origin)
        return list(found.values())

    def _resolve(self, store: ChainStore, sets: Sequence[LabelSet]) -> _Rows:
        """Look up the labelled addresses of all sets in the tip."""
        scripts, claims, origins = [], [], []
        for label_set in sets:
            matched = label_set.matched(self._network)
            decoded = decode_addresses(matched.addresses, store.network)
            script = store.find_scripts(decoded.blob, decoded.starts)
            known = np.flatnonzero((script >= 0) & (np.diff(decoded.starts) > 0))
            scripts.append(script[known])
            claims.append(matched.claim[known] + len(self._claims))
            origins.append(np.arange(known.size) + len(self._origins))
            self._claims += matched.claims
            self._origins += [(label_set.name, matched.addresses[i]) for i in known.tolist()]
        nothing = np.empty(0, np.int64)
        script = np.concatenate([nothing, *scripts])
        claim = np.concatenate([nothing, *claims])
        origin = np.concatenate([nothing, *origins])
        strength = sorted(range(len(self._claims)), key=lambda i: _strength(self._claims[i]))
        rank = np.empty(len(strength), np.int64)
        rank[strength] = np.arange(len(strength))
        order = np.lexsort((origin, rank[claim]))
        script, claim, origin = script[order], claim[order], origin[order]
        service = np.array([c.is_service for c in self._claims], np.bool_)
        inherits = np.array([c.inherits for c in self._claims], np.bool_)
        return _Rows(
            script=script,
            cluster=self._cluster[script].astype(np.int64),
            claim=claim,
            origin=origin,
            service=service[claim] if claim.size else np.empty(0, np.bool_),
            inherits=inherits[claim] if claim.size else np.empty(0, np.bool_),
        )


def _entity_key(claim: Claim) -> str:
    """Return what makes two claims name the same entity."""
    return (claim.actor or claim.entity).casefold()


def _strength(claim: Claim) -> tuple[int, str, str]:
    """Return the sort key by which the strongest claim comes first."""
    return -claim.level, claim.entity, claim.canonical


def _first_of_each(
    ids: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the distinct ids of some rows, ascending, and the first row of each."""
    distinct, first = np.unique(ids[rows], return_index=True)
    return distinct.astype(np.uint32), rows[first]


def _first_two_of_each(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of the first two members of each group.

    Examples
    --------
    >>> sorted(_first_two_of_each(np.array([5, 3, 5, 5, 3])).tolist())
    [0, 1, 2, 4]
    """
    order = np.argsort(group, kind="stable")
    first = np.diff(group[order], prepend=-1) != 0
    second = np.concatenate(([False], first))[: first.size]
    positions: NDArray[np.int64] = order[first | second]
    return positions


def _row_of(ids: NDArray[np.uint32], rows: NDArray[np.int64], wanted: int) -> int | None:
    """Return the row of an id, None where there is none."""
    at = int(np.searchsorted(ids, wanted))
    return int(rows[at]) if at < ids.size and ids[at] == wanted else None


def labels_directory(store: Path) -> Path:
    """Return where the label sets of a store are."""
    return store / LABELS
