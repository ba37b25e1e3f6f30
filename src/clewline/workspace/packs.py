"""Request packs from traces: what to ask each exchange about."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain
from clewline.engine.payouts import payouts
from clewline.engine.taint import CAPS, Limits, Stop, satoshi_path, span_path
from clewline.reports.case import Direction
from clewline.reports.request_pack import Basis, Movement, Step, Walk
from clewline.store.reader import ChainStore
from clewline.vocab import confidences
from clewline.workspace.addresses import cluster_size
from clewline.workspace.attribution import Assertion, Attribution
from clewline.workspace.tracing import Trace, describe_outputs

REQUESTED: Final = frozenset(
    {"exchange", "broker", "custodian", "wallet_service", "payment_processor", "atm"}
)
"""Categories of businesses that know their customers by name, so that asking them is of use."""

_SIDE: Final[dict[str, Direction]] = {"forward": "deposit", "backward": "withdrawal"}


def movements(
    store: ChainStore, chain: Chain, attribution: Attribution, trace: Trace
) -> list[Movement]:
    """Return the outputs by which money of a trace entered or left an exchange.

    Forward, the movement is the output that the exchange received. Backward, it is the output by
    which the exchange paid out, on the way to the subject.
    """
    rows = _deposits(chain, trace) if trace.direction == "forward" else _payouts(chain, trace)
    bases = {row.held: attribution.services.service_of(int(chain.script[row.held])) for row in rows}
    asked = [
        (row, found)
        for row in rows
        if (found := bases[row.held]) and found.claim.category in REQUESTED
    ]
    wanted = sorted({output for row, _found in asked for output in (*row.path, row.held)})
    described = dict(zip(wanted, describe_outputs(store, np.array(wanted, np.int64)), strict=True))
    # Exchanges pay out of few addresses: what holds for the address is looked up once for each.
    grounds: dict[int, tuple[Basis, tuple[str, ...]]] = {}
    result = []
    for row, found in asked:
        output = described[row.output]
        script = int(chain.script[row.held])
        if script not in grounds:
            address = described[row.held]["address"]
            grounds[script] = (
                basis_of(store, found, script),
                _disagreements(attribution, address, script),
            )
        basis, conflicts = grounds[script]
        result.append(
            Movement(
                direction=_SIDE[trace.direction],
                entity=attribution.services.entities[found.entity],
                category=str(found.claim.category),
                txid=output["txid"],
                vout=output["vout"],
                address=output["address"],
                script=output["script"],
                time=output["time"],
                value=output["value"],
                traced=row.traced,
                hops=row.hops,
                path=tuple(_step(described[step]) for step in row.path),
                basis=basis,
                conflicts=conflicts,
            )
        )
    return result


def is_own(movement: Movement, own: Collection[str]) -> bool:
    """Tell whether money of one's own left an exchange by a movement.

    Parameters
    ----------
    movement : Movement
        One of a pack.
    own : collection of str
        Outputs (``txid:index``) and addresses of one's own.

    Returns
    -------
    bool
        False for deposits: what arrives at an exchange is the subject's by then.
    """
    if movement.direction == "deposit" or not own:
        return False
    names = {movement.outpoint, movement.address}
    names |= {f"{step.txid}:{step.vout}" for step in movement.path}
    return any(name in own for name in (*names, *(step.address for step in movement.path)))


@dataclass(frozen=True)
class _Row:
    """One movement in ids: the output, what the exchange held, and the way in chain order."""

    output: int
    held: int
    traced: int
    hops: int
    path: list[int]


def _deposits(chain: Chain, trace: Trace) -> list[_Row]:
    """Return the outputs at which a forward walk met a service."""
    flow = trace.flow
    rows = []
    for end in np.flatnonzero((flow.stop == Stop.SERVICE) & (flow.hops_min > 0)).tolist():
        output = int(flow.output[end])
        path = span_path(flow, end, chain) if flow.method.keeps_places else flow.path(end)
        rows.append(_Row(output, output, int(flow.value[end]), int(flow.hops_min[end]), path))
    return rows


def _payouts(chain: Chain, trace: Trace) -> list[_Row]:
    """Return the outputs by which services paid towards the subjects of a backward walk."""
    flow = trace.flow
    found = payouts(flow, chain)
    rows = []
    for k, output in enumerate(found.output.tolist()):
        end = int(found.end[k])
        if flow.method.keeps_places:
            held = satoshi_path(flow, end, int(found.position[k]), chain)
            path = held[-2::-1]
        else:
            path = flow.path_to(output)[::-1]
        rows.append(
            _Row(output, int(flow.output[end]), int(found.value[k]), int(found.hops[k]), path)
        )
    return rows


def _disagreements(attribution: Attribution, address: str | None, script: int) -> tuple[str, ...]:
    """Say that labels of an address disagree, without saying what the others say.

    A pack goes to one exchange: it must not learn who else was named, or as what.
    """
    if address is None or not attribution.labels_of(address, script)[1]:
        return ()
    return ("Labels of this address disagree; the sender holds the details.",)


def _step(row: dict[str, Any]) -> Step:
    """Return a described output as a step of a path."""
    return Step(row["txid"], row["vout"], row["address"], row["value"], row["time"], row["script"])


def basis_of(store: ChainStore, assertion: Assertion, script: int) -> Basis:
    """Return why a script counts as a service's."""
    claim = assertion.claim
    return Basis(
        kind="inherited" if assertion.inherited else "own",
        address=assertion.address,
        label_set=assertion.label_set,
        source=claim.source,
        confidence=claim.level,
        confidence_words=_rung(claim.level),
        cluster_size=cluster_size(store, script) if assertion.inherited else None,
    )


def _rung(level: int) -> str:
    """Return the highest step of the confidence ladder that a level reaches, in words.

    Examples
    --------
    >>> _rung(61)
    'authority data'
    """
    reached = [step for step in confidences().values() if step.level <= level]
    return max(reached, key=lambda step: step.level).id.replace("_", " ") if reached else "unknown"


def walk_of(store: ChainStore, trace: Trace) -> Walk:
    """Return where all the money of a trace ended."""
    flow = trace.flow
    return Walk(
        direction=_SIDE[trace.direction],
        total=flow.total,
        services=flow.value_at(Stop.SERVICE),
        unspent=flow.value_at(Stop.UNSPENT),
        mined=flow.value_at(Stop.MINED),
        coinjoin=flow.value_at(Stop.COINJOIN),
        capped=flow.value_at(*CAPS),
        fees=flow.fees,
        not_loaded=flow.value_at(Stop.NOT_LOADED) if store.coverage else None,
    )


def run_limits(limits: Limits) -> dict[str, int | str | None]:
    """Return the parameters of a report's walks."""
    return {
        "max_hops": limits.max_hops,
        "min_value": limits.min_value,
        "since": limits.since,
        "until": limits.until,
        "max_transactions": limits.max_transactions,
        "max_nodes": limits.max_nodes,
        "through_coinjoin": "yes" if limits.through_coinjoin else "no",
    }
