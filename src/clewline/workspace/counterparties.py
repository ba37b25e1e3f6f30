"""Common counterparties of some addresses, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain, Int64, UInt32, outputs_of
from clewline.engine.counterparties import Dealings, dealings, in_common
from clewline.engine.taint import (
    NO_ENTITY,
    Limits,
    Method,
    Seeds,
    Stop,
    Stops,
    backward,
    entities_of,
    forward,
)
from clewline.errors import UsageError
from clewline.reports.case import utc
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import cluster_size, known_script_id
from clewline.workspace.attribution import Attribution
from clewline.workspace.deposits import service_stops
from clewline.workspace.partial import seeds_mark
from clewline.workspace.rendering import ScriptTexts, times_of
from clewline.workspace.tracing import check_range, stops_of

_CUT_OFF: Final = (
    Stop.MIN_VALUE,
    Stop.TIME,
    Stop.MAX_TRANSACTIONS,
    Stop.MAX_NODES,
    Stop.NOT_LOADED,
)
_MEANING: Final = (
    "A counterparty in common is a fact of the chain; it need not be a person that they share. "
    "Amounts are haircut: pro rata where a transaction mixes money. An address of a cluster stands "
    "for the whole cluster, one with a service's label for the service. CoinJoins are not crossed."
)


@dataclass(frozen=True)
class _Parties:
    """Numbers of parties: a cluster's id, or beyond all scripts the entity of a service."""

    stops: Stops
    n_script: int

    def of(self, scripts: UInt32) -> Int64:
        """Return the party of each script."""
        distinct, inverse = np.unique(scripts, return_inverse=True)
        entity = entities_of(self.stops, distinct).astype(np.int64)
        cluster = self.stops.cluster[distinct].astype(np.int64)
        party: Int64 = np.where(entity == NO_ENTITY, cluster, self.n_script + entity)[inverse]
        return party


def common(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    given: Sequence[str],
    hops: int,
    limits: Limits,
    most: int,
) -> dict[str, Any]:
    """Return whom two or more of some addresses paid or were paid by.

    Raises
    ------
    UsageError
        If fewer than two addresses are given, or no hop is allowed.
    AddressError, UnknownAddressError
    """
    subjects = list(dict.fromkeys(given))
    if len(subjects) < 2:
        raise UsageError("give two addresses or more", where="addresses")
    if hops < 1:
        raise UsageError(f"{hops} is not allowed; 1 (direct) or more is", where="hops")
    scripts = [known_script_id(store, address) for address in subjects]
    parties = _Parties(service_stops(store, attribution), chain.n_script)
    reach = replace(limits, max_hops=hops)
    found: list[Dealings] = []
    asked = []
    for number, script in enumerate(scripts):
        outputs = outputs_of(chain, script)
        check_range(store, outputs, Method.HAIRCUT)
        seeds = Seeds.whole(chain, outputs)
        own = np.array([script], np.uint32)
        stops = stops_of(store, attribution, own)
        cut_off = 0
        for walk in (forward, backward):
            flow = walk(chain, seeds, stops, reach, Method.HAIRCUT)
            cut_off += flow.value_at(*_CUT_OFF)
            reached = parties.of(chain.script[flow.reached])
            found.append(dealings(chain, flow, number, reached, parties.of(own)))
        asked.append(
            {"address": subjects[number], "outputs": int(outputs.size), "not_followed": cut_off}
        )
    rows = in_common(found)
    new = np.flatnonzero(np.diff(rows.party, prepend=-1))
    edges = np.append(new, rows.party.size)
    own_parties = set(parties.of(np.array(scripts, np.uint32)).tolist())
    listed = [
        _described(
            store,
            chain,
            attribution,
            subjects,
            rows.rows(np.arange(edges[k], edges[k + 1])),
            own_parties,
        )
        for k in range(min(most, new.size))
    ]
    return {
        "addresses": asked,
        "hops": hops,
        "tip": store.manifest.tip,
        "height": store.manifest.height,
        "found": int(new.size),
        "counterparties": listed,
        "meaning": _MEANING,
        "limits": {
            "min_value": limits.min_value,
            "since": None if limits.since is None else utc(limits.since),
            "until": None if limits.until is None else utc(limits.until),
            "max_transactions": limits.max_transactions,
            "max_nodes": limits.max_nodes,
            "through_coinjoin": limits.through_coinjoin,
            "not_followed": sum(one["not_followed"] for one in asked),
        },
        "label_sets": attribution.digests,
        **seeds_mark(store, subjects),
    }


def _described(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    subjects: Sequence[str],
    rows: Dealings,
    own_parties: set[int],
) -> dict[str, Any]:
    """Return one party and its dealings with each subject."""
    party = int(rows.party[0])
    script = int(rows.script[np.argmax(rows.value)])
    entity = party - chain.n_script
    text = ScriptTexts(store, np.array([script]))
    size = cluster_size(store, script)
    kind = "entity" if entity >= 0 else "cluster" if size > 1 else "address"
    times = [[utc(time) for time in times_of(store, txs)] for txs in (rows.first_tx, rows.last_tx)]
    return {
        "kind": kind,
        "entity": attribution.services.entities[entity] if entity >= 0 else None,
        "category": attribution.services.entity_category[entity] if entity >= 0 else None,
        "address": text.addresses()[0],
        "script": text.hexes()[0],
        "cluster": int(store.column("structure.cluster")[script]),
        "cluster_size": size,
        "is_given": party in own_parties,
        "shared_by": int(np.unique(rows.subject).size),
        "value": int(rows.value.sum()),
        "dealings": [
            {
                "address": subjects[subject],
                "direction": "paid it" if paid else "received from it",
                "value": value,
                "outputs": outputs,
                "hops": hops,
                "first_time": first,
                "last_time": last,
            }
            for subject, paid, value, outputs, hops, first, last in zip(
                rows.subject.tolist(),
                rows.paid.tolist(),
                rows.value.tolist(),
                rows.outputs.tolist(),
                rows.hops.tolist(),
                *times,
                strict=True,
            )
        ],
    }
