"""Paths of money between two parties, as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np

from clewline.engine.chain import Chain
from clewline.engine.paths import Arrival, Paths, find_paths
from clewline.engine.taint import CAPS, Limits, Method, Stop
from clewline.reports.case import utc
from clewline.store.reader import ChainStore
from clewline.workspace.attribution import Attribution
from clewline.workspace.partial import mark
from clewline.workspace.parties import find_party
from clewline.workspace.tracing import (
    check_range,
    chosen,
    describe_outputs,
    limits_said,
    rest_parts,
    rests,
    stops_of,
)


def path(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    payer: str,
    receiver: str,
    method: str,
    limits: Limits,
    most: int,
) -> dict[str, Any]:
    """Return how money of one party reached another; see `clewline.engine.paths`."""
    rule = chosen("method", method, {rule.value: rule for rule in Method})
    source, goal = (find_party(store, chain, attribution, given) for given in (payer, receiver))
    own = np.unique(np.concatenate((source.owned, goal.owned)))
    for party in (source, goal):
        check_range(store, party.party.outputs, rule)
    stops = stops_of(store, attribution, own)
    found = find_paths(chain, source.party, goal.party, stops, limits, rule, most)
    flow = found.flow
    return {
        "from": source.as_dict(),
        "to": goal.as_dict(),
        "method": rule.value,
        "tip": store.manifest.tip,
        "height": store.manifest.height,
        "value": found.value,
        "paths_found": found.found,
        "paths": [_described(store, arrival) for arrival in found.arrivals],
        "reason": _reason(found, payer, receiver),
        "searched": "backward" if flow.to_the_past else "forward",
        "total": flow.total,
        "services": flow.value_at(Stop.SERVICE),
        **rests(store, flow),
        "law": f"value + services + {rest_parts(store)} = total",
        "limits": limits_said(limits, flow),
        "label_sets": attribution.digests,
        **mark(store),
    }


def _described(store: ChainStore, arrival: Arrival) -> dict[str, Any]:
    """Return one way with its steps in chain order."""
    outputs = describe_outputs(store, arrival.path)
    return {
        "value": arrival.value,
        "hops": len(outputs) - 1,
        "bottleneck": arrival.bottleneck,
        "first_time": utc(outputs[0]["time"]),
        "last_time": utc(outputs[-1]["time"]),
        "steps": [
            {**output, "time": utc(output["time"]), "carried": carried}
            for output, carried in zip(outputs, arrival.carried.tolist(), strict=True)
        ],
    }


def _reason(found: Paths, payer: str, receiver: str) -> str:
    """Say in words what the search shows, and what it does not."""
    flow = found.flow
    looked = f"{flow.crossed:,} transactions were crossed"
    if flow.to_the_past:
        looked = f"asked backward from {receiver}, {looked}"
    capped = flow.value_at(*CAPS, Stop.NOT_LOADED)
    open_end = (
        f"{capped:,} of {flow.total:,} satoshi were not followed to their end, so there may be more"
        if capped
        else "all of it was followed to its end"
    )
    if not found.found:
        return f"no money of {payer} was seen to reach {receiver}: {looked}, and {open_end}"
    return (
        f"{found.value:,} satoshi of {payer} reached {receiver} by {flow.method.value}, at "
        f"{found.found:,} outputs: {looked}, and {open_end}"
    )
