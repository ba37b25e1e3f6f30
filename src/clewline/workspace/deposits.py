"""Deposit addresses of services, inferred from sweeps: never a label, always marked."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain, UInt32
from clewline.engine.heuristics.deposit import (
    MOST_OUTPUTS,
    RULE,
    Deposits,
    infer_deposits,
    may_be_deposit,
)
from clewline.engine.taint import Stops, stop_columns
from clewline.reports.case import utc
from clewline.reports.limits import accuracy_of
from clewline.store.reader import ChainStore
from clewline.workspace.attribution import Attribution
from clewline.workspace.rendering import blocks_of, txids_shown

LIMITS: Final = (
    "Inferred from sweeps, said by nobody. A wallet that only ever emptied several addresses at "
    "once into an address that the service also pays out of looks the same. Addresses of more than "
    f"{MOST_OUTPUTS:,} outputs are not judged."
)
_LISTED: Final = 5


def service_stops(store: ChainStore, attribution: Attribution) -> Stops:
    """Return the labelled services and the CoinJoins of a tip, nobody's own."""
    services = attribution.services
    return Stops(
        service_scripts=services.service_scripts,
        service_entity=services.service_entity,
        service_clusters=services.service_clusters,
        cluster_entity=services.cluster_entity,
        cluster=store.column("structure.cluster"),
        coinjoin=store.column("structure.coinjoin"),
    )


class DepositFinder:
    """Tells whose deposit address a script is, one at a time."""

    def __init__(self, store: ChainStore, chain: Chain, attribution: Attribution) -> None:
        self._store = store
        self._chain = chain
        self._attribution = attribution
        self._stops = service_stops(store, attribution)
        self._labels = stop_columns(self._stops)

    def of(self, script: int | None) -> dict[str, Any] | None:
        """Return whose deposit address a script is inferred to be, None where nothing says so."""
        # In a part of a chain not every payment is loaded: some say nothing of all.
        if script is None or self._store.coverage is not None:
            return None
        if not may_be_deposit(self._chain, self._labels, script):
            return None
        scripts: UInt32 = np.array([script], np.uint32)
        found = infer_deposits(self._chain, self._stops, scripts)
        if not found.script.size:
            return None
        return described(self._store, self._chain, self._attribution, found, 0)


def described(
    store: ChainStore, chain: Chain, attribution: Attribution, deposits: Deposits, row: int
) -> dict[str, Any]:
    """Return one inferred deposit address with the sweeps that show it, the earliest first."""
    low, high = (int(deposits.sweep_offset[row + k]) for k in (0, 1))
    sweeps = deposits.sweep[low : min(high, low + _LISTED)]
    entity = int(deposits.entity[row])
    name = attribution.services.entities[entity]
    count = high - low
    return {
        "entity": name,
        "category": attribution.services.entity_category[entity],
        "basis": "inferred",
        "reason": (
            f"everything that was spent of it went into the wallet of {name}, in {count} "
            f"transaction{'s' if count > 1 else ''}, together with other such coins or its own"
        ),
        "sweeps": [
            {"txid": txid, "time": utc(time), "inputs": n_inputs}
            for txid, time, n_inputs in zip(
                txids_shown(store, sweeps),
                store.block_time[blocks_of(store, sweeps)].tolist(),
                (chain.tx_input[sweeps + 1] - chain.tx_input[sweeps]).tolist(),
                strict=True,
            )
        ],
        "sweep_count": count,
        "limits": LIMITS,
        "accuracy": accuracy_of(RULE),
    }
