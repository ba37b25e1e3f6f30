"""Traces: seeds in words, a walk of the engine, the answer in words and satoshi."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain, outputs_of
from clewline.engine.heuristics.deposit import Deposits, infer_deposits
from clewline.engine.taint import (
    CAPS,
    NO_ENTITY,
    Flow,
    Limits,
    Method,
    Seeds,
    Stop,
    Stops,
    backward,
    entities_of,
    forward,
    services,
)
from clewline.engine.taint_walk import LARGEST_TOTAL
from clewline.errors import UnknownTransactionError, UsageError
from clewline.reports.case import utc
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import exact_total, known_script_id
from clewline.workspace.attribution import Attribution
from clewline.workspace.deposits import described as described_deposit
from clewline.workspace.deposits import service_stops
from clewline.workspace.importing import chain_of
from clewline.workspace.partial import has_inputs, not_loaded
from clewline.workspace.rendering import (
    ScriptTexts,
    blocks_of,
    times_of,
    tx_of_outputs,
    txids_shown,
)

_T = TypeVar("_T")

NOT_LOADED: Final = "not_loaded"
"""The part of an answer that a partial store adds: where it does not know what comes next."""
SHIELDED: Final = "shielded"
"""The part that a chain with shielded pools adds: what enters or leaves them is not followed."""
RESTS: Final = ("unspent", "mined", "coinjoin", SHIELDED, "capped", NOT_LOADED, "fees")
"""The parts of an answer where money that met no service is."""

_UPPER_BOUND: Final = (
    "an upper bound: each output that any of the money touches counts whole, the same satoshi "
    "again and again, so {parts} may pass the total"
)

LISTED_OUTPUTS: Final = 50_000
"""An answer lists at most this many outputs at services, and says how many it leaves out."""

_OUTPOINT: Final = re.compile(r"([0-9a-fA-F]{64}):([0-9]{1,9})")
_TXID: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Trace:
    """A walk and what it walked over."""

    direction: str
    method: Method
    limits: Limits
    seeds: NDArray[np.int64]
    flow: Flow
    deposits: Deposits | None = None
    """Inferred deposit addresses at which it stopped; None where it was not asked to."""


def is_outpoint(seed: str) -> bool:
    """Tell whether a seed is ``txid:vout`` rather than an address.

    Examples
    --------
    >>> is_outpoint("00" * 32 + ":1"), is_outpoint("1BitcoinEaterAddressDontSendf59kuE")
    (True, False)
    """
    return _OUTPOINT.fullmatch(seed) is not None


def find_transaction(store: ChainStore, txid: str) -> int:
    """Return the transaction of an id as shown; of several with one id (BIP-30), the last.

    Raises
    ------
    UsageError
        If it is no transaction id.
    UnknownTransactionError, NotLoadedError
        If the tip does not hold it.
    """
    if not _TXID.fullmatch(txid):
        raise UsageError("not a transaction id: 64 hexadecimal digits are one", where=txid[:80])
    found = int(store.find_txids([bytes.fromhex(txid)[::-1]])[0])
    if found < 0 and store.coverage is not None:
        raise not_loaded(store, txid, "the transaction")
    if found < 0:
        raise UnknownTransactionError(
            f"no such transaction up to block {store.manifest.height}", where=txid
        )
    return found


def seed_script(store: ChainStore, seed: str) -> int:
    """Return the script of a seed that is an address.

    Raises
    ------
    AddressError, UsageError, UnknownAddressError
        If it is none of the chain.
    """
    if _TXID.fullmatch(seed):
        raise UsageError(
            "a transaction id alone names no output", where=seed, hint="give TXID:VOUT, from 0"
        )
    return known_script_id(store, seed)


def placed_outputs(store: ChainStore, script: int) -> NDArray[np.int64]:
    """Return the outputs that a script received in transactions whose place is known, ascending.

    In a partial store, those without a place are of a history that is not loaded whole.
    """
    outputs = outputs_of(chain_of(store), script)
    if store.coverage is None:
        return outputs
    return outputs[has_inputs(store, tx_of_outputs(store, outputs))]


def within(times: NDArray[np.int64], since: int | None, until: int | None) -> NDArray[np.bool_]:
    """Tell which times lie in a range, UTC seconds, both ends included; None is no end."""
    inside = np.ones(times.size, np.bool_)
    if since is not None:
        inside &= times >= since
    if until is not None:
        inside &= times <= until
    return inside


def seed_outputs(
    store: ChainStore, seeds: Sequence[str], since: int | None, until: int | None
) -> NDArray[np.int64]:
    """Return the outputs that seeds name, ascending and distinct.

    Parameters
    ----------
    store : ChainStore
        The tip to look in.
    seeds : sequence of str
        ``txid:vout``, or an address: each output that it received in the time range.
    since, until : int, optional
        UTC seconds, inclusive.

    Raises
    ------
    AddressError, UsageError, UnknownAddressError, UnknownTransactionError, NotLoadedError
        A seed that is malformed, not on the chain, or not loaded.
    """
    found: list[NDArray[np.int64]] = []
    for seed in seeds:
        outpoint = _OUTPOINT.fullmatch(seed)
        if outpoint is None:
            outputs = placed_outputs(store, seed_script(store, seed))
            if not outputs.size:
                raise not_loaded(store, seed, "the history of this address")
            if since is not None or until is not None:
                times = store.block_time[blocks_of(store, tx_of_outputs(store, outputs))]
                outputs = outputs[within(times, since, until)]
            found.append(outputs)
            continue
        tx, vout = find_transaction(store, outpoint[1]), int(outpoint[2])
        if not has_inputs(store, np.array([tx]))[0]:
            raise not_loaded(store, seed, "the place of this transaction")
        first, last = (int(store.column("tx.output_start")[tx + i]) for i in (0, 1))
        if vout >= last - first:
            raise UnknownTransactionError(
                f"the transaction has {last - first} outputs, numbered from 0", where=seed
            )
        found.append(np.array([first + vout]))
    if not found:
        raise UsageError("nothing to trace: give an address or txid:vout", where="seeds")
    return np.unique(np.concatenate(found))


def check_range(store: ChainStore, outputs: NDArray[np.int64], rule: Method) -> None:
    """Refuse a trace whose sums 64 bits may not hold: only on a chain without a limit to supply."""
    if store.network.coin.form.max_money <= LARGEST_TOTAL:
        return
    if not rule.conserves:
        raise UsageError(
            f"{rule.value} counts a coin more than once, and 64 bits do not hold such sums of "
            f"{store.network.coin.asset}",
            where="--method",
            hint="fifo, lifo and haircut count each coin once",
        )
    if exact_total(store.column("output.value")[outputs]) >= 2**63:
        raise UsageError(
            "the seeds hold more than 64 bits can sum up", hint="give fewer of them, or --since"
        )


def run_trace(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    direction: str,
    seeds: Sequence[str],
    method: str,
    limits: Limits,
    *,
    stop_at_deposits: bool = False,
) -> Trace:
    """Walk from some seeds; see `clewline.engine.taint`.

    With `stop_at_deposits` it walks twice: the addresses that the first walk reaches are judged,
    and the second stops at those inferred to be deposit addresses, but for the seeds' own.

    Raises
    ------
    UsageError
        A direction or method that there is not; and as `seed_outputs`.
    """
    walk = chosen("direction", direction, {"forward": forward, "backward": backward})
    rule = chosen("method", method, {rule.value: rule for rule in Method})
    outputs = seed_outputs(store, seeds, limits.since, limits.until)
    check_range(store, outputs, rule)
    stops = stops_of(store, attribution, np.unique(chain.script[outputs]))
    seeded = Seeds.whole(chain, outputs)
    flow = walk(chain, seeded, stops, limits, rule)
    if not stop_at_deposits:
        return Trace(direction, rule, limits, outputs, flow)
    if store.coverage is not None:
        raise not_loaded(store, "stop_at_deposits", "the whole history of addresses on the way")
    reached = np.setdiff1d(chain.script[flow.reached], chain.script[outputs])
    deposits = infer_deposits(chain, stops, reached)
    stops = replace(stops, deposit_scripts=deposits.script, deposit_entity=deposits.entity)
    flow = walk(chain, seeded, stops, limits, rule)
    return Trace(direction, rule, limits, outputs, flow, deposits)


def stops_of(store: ChainStore, attribution: Attribution, own: NDArray[np.uint32]) -> Stops:
    """Return where a walk stops: services and CoinJoins, but not what some own scripts belong to.

    Entity and cluster of an own script are no stop for its money (METHODS §4).
    """
    stops = service_stops(store, attribution)
    owners = np.unique(entities_of(stops, own))
    return replace(
        stops,
        own_entities=owners[owners != NO_ENTITY],
        own_clusters=np.unique(stops.cluster[own]),
    )


def chosen(where: str, word: str, choices: Mapping[str, _T]) -> _T:
    """Return what a word stands for, or say which words there are."""
    if word not in choices:
        raise UsageError(f"{word!r} is none of: {', '.join(choices)}", where=where)
    return choices[word]


def describe_outputs(store: ChainStore, outputs: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return txid, vout, address, script, value and time of outputs."""
    txs = tx_of_outputs(store, outputs)
    texts = ScriptTexts(store, store.column("output.script")[outputs])
    return [
        {
            "txid": txid,
            "vout": vout,
            "address": address,
            "script": script,
            "value": value,
            "time": time,
        }
        for txid, vout, address, script, value, time in zip(
            txids_shown(store, txs),
            (outputs - store.column("tx.output_start")[txs]).tolist(),
            texts.addresses(),
            texts.hexes(),
            store.column("output.value")[outputs].tolist(),
            times_of(store, txs),
            strict=True,
        )
    ]


def _rows(
    store: ChainStore, chain: Chain, attribution: Attribution, trace: Trace, stop: Stop
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return where money met services or deposit addresses, largest first, and what is left out."""
    flow = trace.flow
    reached = services(flow, chain, stop)
    listed = reached.ends[:LISTED_OUTPUTS]
    count = int(np.searchsorted(reached.end_offset[:-1], listed.size))
    texts = ScriptTexts(store, reached.script[:count])
    described = describe_outputs(store, flow.output[listed])
    rows = []
    for k, (address, script) in enumerate(zip(texts.addresses(), texts.hexes(), strict=True)):
        ends = range(int(reached.end_offset[k]), min(int(reached.end_offset[k + 1]), listed.size))
        rows.append(
            {
                **_whose(store, chain, attribution, trace, int(reached.script[k])),
                "address": address,
                "script": script,
                "value": int(reached.value[k]),
                "hops": int(reached.hops_min[k]),
                "hops_mean": round(float(reached.hops_mean[k]), 6),
                "outputs": [
                    {
                        "txid": described[i]["txid"],
                        "vout": described[i]["vout"],
                        "time": utc(described[i]["time"]),
                        "output_value": described[i]["value"],
                        "value": int(flow.value[listed[i]]),
                        "hops": int(flow.hops_min[listed[i]]),
                    }
                    for i in ends
                ],
            }
        )
    return rows, {
        "rows": reached.script.size - count,
        "outputs": reached.ends.size - listed.size,
        "value": int(reached.value[count:].sum()),
    }


def _whose(
    store: ChainStore, chain: Chain, attribution: Attribution, trace: Trace, script: int
) -> dict[str, Any]:
    """Return the service of a script, or whose deposit address it is inferred to be and why."""
    service = attribution.services.service_of(script)
    if service is not None:
        entity = attribution.services.entities[service.entity]
        return {"entity": entity, "category": service.claim.category}
    assert trace.deposits is not None
    row = int(np.searchsorted(trace.deposits.script, script))
    return described_deposit(store, chain, attribution, trace.deposits, row)


def answer(
    store: ChainStore, chain: Chain, attribution: Attribution, trace: Trace
) -> dict[str, Any]:
    """Return a trace as plain data: every satoshi of `total` is in one of its parts.

    Poison conserves nothing; `law` says for each answer what its parts add up to.
    """
    flow = trace.flow
    rows, not_listed = _rows(store, chain, attribution, trace, Stop.SERVICE)
    inferred: dict[str, Any] = {}
    if trace.deposits is not None:
        shown, left_out = _rows(store, chain, attribution, trace, Stop.DEPOSIT)
        not_listed = {part: not_listed[part] + left_out[part] for part in not_listed}
        inferred = {"deposits": shown}
    return {
        "direction": trace.direction,
        "method": trace.method.value,
        "tip": store.manifest.tip,
        "height": store.manifest.height,
        "total": flow.total,
        "services": rows,
        "not_listed": not_listed,
        **inferred,
        **rests(store, flow),
        "law": _law(store, trace),
        "limits": {
            **limits_said(trace.limits, flow),
            "stop_at_deposits": trace.deposits is not None,
        },
        "label_sets": attribution.digests,
    }


def limits_said(limits: Limits, flow: Flow) -> dict[str, Any]:
    """Return the caps of a walk, and how far it came."""
    return {
        "max_hops": limits.max_hops,
        "min_value": limits.min_value,
        "since": None if limits.since is None else utc(limits.since),
        "until": None if limits.until is None else utc(limits.until),
        "max_transactions": limits.max_transactions,
        "through_coinjoin": limits.through_coinjoin,
        "max_nodes": limits.max_nodes,
        "capped_by": {cap.name.lower(): flow.value_at(cap) for cap in CAPS},
        "crossed_transactions": flow.crossed,
        "nodes": flow.nodes,
    }


def _law(store: ChainStore, trace: Trace) -> str:
    """Say what the parts of an answer add up to."""
    parts = "services" if trace.deposits is None else "services + deposits"
    parts += f" + {rest_parts(store)}"
    return f"{parts} = total" if trace.method.conserves else _UPPER_BOUND.format(parts=parts)


def rest_parts(store: ChainStore) -> str:
    """Name the parts of an answer where money that met no service is."""
    absent = {NOT_LOADED} if store.coverage is None else set()
    if not store.network.coin.form.shielded:
        absent.add(SHIELDED)
    return " + ".join(rest for rest in RESTS if rest not in absent)


def rests(store: ChainStore, flow: Flow) -> dict[str, int]:
    """Return the satoshi of these parts, fees last."""
    parts = {
        "unspent": flow.value_at(Stop.UNSPENT),
        "mined": flow.value_at(Stop.MINED),
        "coinjoin": flow.value_at(Stop.COINJOIN),
    }
    if store.network.coin.form.shielded:
        parts[SHIELDED] = flow.value_at(Stop.SHIELDED)
    parts["capped"] = flow.value_at(*CAPS)
    if store.coverage is not None:
        parts[NOT_LOADED] = flow.value_at(Stop.NOT_LOADED)
    return {**parts, "fees": flow.fees}


def side_by_side(answers: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Put answers of one question under several rules into rows with a column a rule.

    Parameters
    ----------
    answers : mapping of str to dict
        What `Workspace.compare` returned: at least one answer by method.

    Returns
    -------
    dict
        ``services``: one row an entity and category, by the largest value under the first method,
        then the next, then by name; a rule that brought nothing there has 0. ``rests``: one row
        each for the total, for what met services and for each part that met none. ``rules``: what
        the parts add up to under each.
    """
    methods = list(answers)
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for method, given in answers.items():
        for service in given["services"]:
            row = sums.setdefault(
                (service["entity"], service["category"]), dict.fromkeys(methods, 0)
            )
            row[method] += service["value"]
    ranked = sorted(sums.items(), key=lambda item: ([-item[1][m] for m in methods], item[0]))
    by_part = {
        "total": {method: answers[method]["total"] for method in methods},
        "services": {
            method: sum(row[method] for row in sums.values())
            + answers[method]["not_listed"]["value"]
            for method in methods
        },
    }
    one = answers[methods[0]]
    by_part |= {
        rest: {method: answers[method][rest] for method in methods} for rest in RESTS if rest in one
    }
    return {
        "direction": one["direction"],
        "tip": one["tip"],
        "height": one["height"],
        "services": [
            {"entity": entity, "category": category, **row} for (entity, category), row in ranked
        ],
        "rests": [{"part": part, **row} for part, row in by_part.items()],
        "rules": [
            {
                "method": method,
                "crossed_transactions": answers[method]["limits"]["crossed_transactions"],
                "law": answers[method]["law"],
            }
            for method in methods
        ],
        "limits": {
            key: value
            for key, value in one["limits"].items()
            if key not in ("capped_by", "crossed_transactions", "nodes")
        },
        "label_sets": one["label_sets"],
        **{key: one[key] for key in ("partial",) if key in one},
    }
