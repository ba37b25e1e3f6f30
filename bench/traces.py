"""Traces as warm library calls, with the default limits of the product."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.case import Case
from bench.line import Goal, emit, note, quantiles
from clewline.store.reader import ChainStore
from clewline.workspace import Workspace
from clewline.workspace.rendering import ScriptTexts, tx_of_outputs, txids_shown

_SAMPLES = 200
_BUSIEST = 5
_GOAL = Goal("p95_ms", "<", 1000)
_WORST = 3
_PARTS = ("unspent", "mined", "coinjoin", "capped", "fees")


@dataclass(frozen=True)
class Traced:
    """One trace and what it took."""

    seconds: float
    direction: str
    method: str
    seed: str
    crossed_transactions: int
    services: int

    def named(self) -> dict[str, Any]:
        """Return it as part of a line."""
        return {
            "ms": self.seconds * 1000,
            "direction": self.direction,
            "method": self.method,
            "seed": self.seed,
            "crossed_transactions": self.crossed_transactions,
            "services": self.services,
        }


def measure(case: Case) -> None:
    """Trace from random outputs, from the site's addresses, and from the busiest addresses."""
    workspace = case.workspace()
    chance = np.random.default_rng(case.seed)
    kinds = {
        "random_output": _random_outputs(workspace.store, chance),
        "site_address": _site_addresses(case, chance),
        "busiest_address": _busiest_addresses(workspace.store),
    }
    done: list[Traced] = []
    for direction in ("forward", "backward"):
        for method in ("fifo", "haircut"):
            for kind, seeds in kinds.items():
                note(f"trace {direction} {method}: {kind}, {len(seeds)} seeds")
                traced = [_trace(workspace, direction, method, seed) for seed in seeds]
                representative = kind != "busiest_address"
                name = f"trace.{direction}.{method}.{kind}"
                _emit(name, case, traced, _GOAL if representative else None)
                if representative:
                    done += traced
    _emit("trace", case, done, _GOAL)


def _emit(name: str, case: Case, traced: list[Traced], goal: Goal | None) -> None:
    """Print the latencies of some traces and name the worst of them."""
    worst = sorted(traced, key=lambda one: -one.seconds)[:_WORST]
    figures = {
        "transactions": case.transactions,
        "samples": len(traced),
        **quantiles([one.seconds for one in traced], 1e-3, "ms"),
        "worst": [one.named() for one in worst],
    }
    emit(name, figures, goal=goal)


def _trace(workspace: Workspace, direction: str, method: str, seed: str) -> Traced:
    """Trace from one seed, and hold the answer to the law."""
    begin = time.perf_counter()
    answer = workspace.trace(direction, [seed], method)
    seconds = time.perf_counter() - begin
    reached = sum(service["value"] for service in answer["services"])
    if reached + sum(answer[part] for part in _PARTS) != answer["total"]:
        raise SystemExit(f"bench: the {direction} {method} trace of {seed} loses satoshi")
    crossed = answer["limits"]["crossed_transactions"]
    return Traced(seconds, direction, method, seed, crossed, len(answer["services"]))


def _random_outputs(store: ChainStore, chance: np.random.Generator) -> list[str]:
    """Return some outputs as ``txid:vout``."""
    outputs = chance.integers(0, store.manifest.counts["output"], _SAMPLES)
    txs = tx_of_outputs(store, outputs)
    vouts = outputs - store.column("tx.output_start")[txs]
    return [f"{txid}:{vout}" for txid, vout in zip(txids_shown(store, txs), vouts, strict=True)]


def _site_addresses(case: Case, chance: np.random.Generator) -> list[str]:
    """Return some of the addresses that the site gave to its customers, and its main one."""
    site = next(entity for entity in case.truth()["entities"] if entity["kind"] == "site")
    given = sorted(site["addresses"])
    drawn = chance.permutation(len(given))[: _SAMPLES - 1]
    return [site["main"], *(given[i] for i in drawn)]


def _busiest_addresses(store: ChainStore) -> list[str]:
    """Return the addresses that received the most outputs."""
    received = np.bincount(store.column("output.script"))
    order = np.argsort(-received, kind="stable")[: 2 * _BUSIEST]
    shown = ScriptTexts(store, order).addresses()
    return [address for address in shown if address is not None][:_BUSIEST]
