"""Request packs from traces: what to ask each exchange about."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain
from clewline.engine.taint import CAPS, Limits, Stop
from clewline.reports.request_pack import Basis, Movement, Step, Walk
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import summary
from clewline.workspace.attribution import Assertion, Attribution
from clewline.workspace.tracing import Trace, describe_outputs

REQUESTED: Final = frozenset(
    {"exchange", "broker", "custodian", "wallet_service", "payment_processor", "atm"}
)
"""Categories of businesses that know their customers by name, so that asking them is of use."""

_SIDE: Final = {"forward": "deposit", "backward": "withdrawal"}


def movements(
    store: ChainStore, chain: Chain, attribution: Attribution, trace: Trace
) -> list[Movement]:
    """Return the outputs at which a trace met an exchange, each with its path and its basis.

    Forward, the movement is the output that the exchange received. Backward, the walk ends at an output that
    the exchange owned and spent; the movement is the output of the spending transaction on the
    way to the seed: the one by which it paid out.
    """
    flow = trace.flow
    ends = [
        end
        for end in np.flatnonzero(flow.stop == Stop.SERVICE).tolist()
        if attribution.entities[int(flow.entity[end])].category in REQUESTED
    ]
    paths = {end: flow.path(end) for end in ends}
    wanted = np.unique(np.array([o for path in paths.values() for o in path], np.int64))
    described = dict(zip(wanted.tolist(), describe_outputs(store, wanted), strict=True))
    if trace.direction == "forward":
        groups = {(int(flow.entity[end]), paths[end][-1]): [end] for end in ends}
    else:
        groups = {}
        for end in ends:
            groups.setdefault((int(flow.entity[end]), paths[end][-2]), []).append(end)
    result = []
    for (entity, output), members in groups.items():
        first = max(members, key=lambda end: (int(flow.value[end]), -end))
        chain_order = paths[first] if trace.direction == "forward" else paths[first][-2::-1]
        own_side = int(flow.output[first])
        found = attribution.service_of(int(chain.script[own_side]))
        assert found is not None
        row = described[output]
        owned = described[own_side]
        name = attribution.entities[entity]
        result.append(
            Movement(
                direction=_SIDE[trace.direction],  # type: ignore[arg-type]
                entity=name.name,
                category=name.category,
                txid=row["txid"],
                vout=row["vout"],
                address=row["address"],
                script=row["script"],
                time=row["time"],
                value=row["value"],
                traced=min(sum(int(flow.value[end]) for end in members), row["value"]),
                hops=max(int(flow.hops_min[end]) for end in members[:1]),
                path=tuple(_step(described[o]) for o in chain_order),
                basis=_basis(store, found[1], int(chain.script[own_side])),
                inferences=(),
                conflicts=tuple(
                    attribution.conflicts_of(owned["address"] or "", int(chain.script[own_side]))
                ),
            )
        )
    return result


def _step(row: dict[str, Any]) -> Step:
    """Return a described output as a step of a path."""
    return Step(row["txid"], row["vout"], row["address"], row["value"], row["time"], row["script"])


def _basis(store: ChainStore, assertion: Assertion, script: int) -> Basis:
    """Return why a script counts as the exchange's."""
    claim = assertion.claim
    return Basis(
        kind="inherited" if assertion.inherited else "own",
        address=assertion.address,
        label_set=assertion.label_set,
        source=claim.source,
        confidence=claim.level,
        confidence_words=claim.confidence,
        cluster_size=summary(store, script)["cluster_size"] if assertion.inherited else None,
    )


def walk_of(trace: Trace) -> Walk:
    """Return where all the money of a trace ended."""
    flow = trace.flow
    return Walk(
        direction=_SIDE[trace.direction],  # type: ignore[arg-type]
        total=flow.total,
        services=flow.value_at(Stop.SERVICE),
        unspent=flow.value_at(Stop.UNSPENT),
        mined=flow.value_at(Stop.MINED),
        coinjoin=flow.value_at(Stop.COINJOIN),
        capped=flow.value_at(*CAPS),
        fees=flow.fees,
    )


def run_limits(limits: Limits) -> dict[str, int | str | None]:
    """Return the parameters of a report's walks."""
    return {
        "max_hops": limits.max_hops,
        "min_value": limits.min_value,
        "since": limits.since,
        "until": limits.until,
        "max_transactions": limits.max_transactions,
        "through_coinjoin": "yes" if limits.through_coinjoin else "no",
    }
