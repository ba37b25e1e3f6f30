"""Peel chains as plain data: each step, to whom was paid, and why the run ends."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain
from clewline.engine.heuristics.deposit import infer_deposits
from clewline.engine.heuristics.peel import RULE, Peel, PeelSign, PeelStop, follow_peels
from clewline.errors import UsageError
from clewline.reports.case import utc
from clewline.reports.limits import accuracy_of
from clewline.store.reader import ChainStore
from clewline.workspace.attribution import Attribution
from clewline.workspace.deposits import described, service_stops
from clewline.workspace.partial import mark
from clewline.workspace.tracing import describe_outputs, is_outpoint, seed_outputs

HEURISTIC: Final = (
    "Each transaction splits the coin into a large and a small output; the large one is taken to "
    "be kept, the small one to be a payment. That is an assumption: somebody who pays more than "
    "half of a coin keeps the smaller output. Signs that speak for it or against it stand at each "
    "step; confidence counts them and is no probability."
)
_SIGNS: Final = {
    PeelSign.SAME_SCRIPT: "it pays the address that the coin came from",
    PeelSign.SAME_KIND: "its address is of the coin's kind, the other is not",
    PeelSign.FRESH: "its address was never paid before, the other was",
    PeelSign.OTHER_AT_SERVICE: "the other output pays a labelled service",
}
_STOPS: Final = {
    PeelStop.UNSPENT: "no transaction spends the coin",
    PeelStop.NOT_LOADED: "what spends the coin is not loaded in this part of a chain",
    PeelStop.SERVICE: "the coin belongs to a labelled service",
    PeelStop.COINJOIN: "a CoinJoin spends the coin",
    PeelStop.JOINED: "half or more of what is spent together with the coin is other money",
    PeelStop.ONE_OUTPUT: "the coin moves on undivided",
    PeelStop.SEVERAL_OUTPUTS: "the coin is split into three outputs or more",
    PeelStop.EVEN_SPLIT: "neither output is at least twice the other, and no sign tells them apart",
    PeelStop.SIGNS_AGAINST: "more signs say that the small output is the one kept",
    PeelStop.MAX_STEPS: "as many steps were taken as were allowed",
}


def peel_chain(
    store: ChainStore, chain: Chain, attribution: Attribution, outpoint: str, max_steps: int
) -> dict[str, Any]:
    """Return the peel chain that begins with an output.

    Raises
    ------
    UsageError, UnknownTransactionError
        What is given is no outpoint, or not on the chain; steps below zero.
    """
    if not is_outpoint(outpoint):
        raise UsageError("a peel chain begins with one output: give TXID:VOUT", where=outpoint[:80])
    if max_steps < 0:
        raise UsageError(f"{max_steps} is not allowed; 0 or more is", where="max_steps")
    stops = service_stops(store, attribution)
    start = int(seed_outputs(store, [outpoint], None, None)[0])
    found = follow_peels(chain, stops, start, max_steps)
    peeled = np.array([peel.peeled for peel in found.peels], np.int64)
    kept = np.array([peel.kept for peel in found.peels], np.int64)
    shown = describe_outputs(store, np.concatenate((peeled, kept, [start, found.last])))
    whole = store.coverage is None  # else not every payment is loaded, so nothing is inferred
    deposits = infer_deposits(chain, stops, chain.script[peeled if whole else peeled[:0]])
    inferred = {
        script: described(store, chain, attribution, deposits, row)
        for row, script in enumerate(deposits.script.tolist())
    }
    steps = []
    for k, peel in enumerate(found.peels):
        script = int(chain.script[peel.peeled])
        service = attribution.services.service_of(script)
        paid = shown[k]
        steps.append(
            {
                "txid": paid["txid"],
                "time": utc(paid["time"]),
                "paid": paid["value"],
                "to": paid["address"],
                "to_script": paid["script"],
                "to_vout": paid["vout"],
                "entity": attribution.services.entities[service.entity] if service else None,
                "category": service.claim.category if service else None,
                "deposit_of": inferred.get(script),
                "kept": shown[peeled.size + k]["value"],
                "kept_vout": shown[peeled.size + k]["vout"],
                "kept_address": shown[peeled.size + k]["address"],
                "signs_for": [_SIGNS[sign] for sign in peel.signs_for],
                "signs_against": [_SIGNS[sign] for sign in peel.signs_against],
                "confidence": _confidence(peel),
            }
        )
    first, last = shown[-2:]
    return {
        "outpoint": f"{first['txid']}:{first['vout']}",
        "value": first["value"],
        "tip": store.manifest.tip,
        "height": store.manifest.height,
        "steps": steps,
        "paid": int(chain.value[peeled].sum()),
        "ends_at": f"{last['txid']}:{last['vout']}",
        "ends_with": last["value"],
        "stop": found.stop.value,
        "reason": _STOPS[found.stop],
        "heuristic": HEURISTIC,
        "accuracy": accuracy_of(RULE),
        "max_steps": max_steps,
        "label_sets": attribution.digests,
        **mark(store),
    }


def _confidence(peel: Peel) -> str:
    """Say how many signs agree that the large output is the one kept."""
    agree, differ = len(peel.signs_for), len(peel.signs_against)
    if differ:
        return f"signs differ: {agree} for, {differ} against"
    return ("shape alone", "one sign", "two signs or more")[min(agree, 2)]
