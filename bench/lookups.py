"""Look-ups as warm library calls: one question, one answer, as callers of the workspace see it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case
from bench.line import Goal, emit, note, quantiles
from clewline.store.reader import ChainStore
from clewline.workspace import Workspace
from clewline.workspace.rendering import ScriptTexts, txids_shown

_SAMPLES = 5000
_BATCH = 1_000_000


def measure(case: Case) -> None:
    """Ask for random addresses, transactions and clusters."""
    workspace = case.workspace()
    store = workspace.store
    chance = np.random.default_rng(case.seed)
    counts = store.manifest.counts
    scripts = chance.integers(0, counts["script"], _SAMPLES)
    paid = store.column("output.script")[chance.integers(0, counts["output"], _SAMPLES)]
    txids = txids_shown(store, chance.integers(0, counts["tx"], _SAMPLES))
    addresses = _addresses(store, scripts)
    _lookup("lookup.address", case, workspace.address, addresses)
    # Drawn by output, an address comes up as often as it was paid: the busy ones do.
    _lookup("lookup.address_by_output", case, workspace.address, _addresses(store, paid))
    _lookup("lookup.transaction", case, lambda txid: list(workspace.transactions([txid])), txids)
    _lookup("lookup.cluster", case, workspace.cluster, addresses)
    _batch(case, workspace, _addresses(store, np.arange(min(counts["script"], _BATCH))))


def _batch(case: Case, workspace: Workspace, addresses: Sequence[str]) -> None:
    """Time a batch of addresses, in random order, after a first one that is not counted."""
    note(f"lookup.address_batch: {len(addresses):,} addresses")
    asked = [addresses[i] for i in np.random.default_rng(case.seed).permutation(len(addresses))]
    deque(workspace.address_batch(asked[:1]), maxlen=0)
    begin = time.perf_counter()
    deque(workspace.address_batch(asked), maxlen=0)
    seconds = time.perf_counter() - begin
    figures = {
        "transactions": case.transactions,
        "addresses": len(asked),
        "seconds": seconds,
        "addresses_per_second": len(asked) / seconds,
    }
    emit("lookup.address_batch", figures, goal=Goal("addresses_per_second", ">=", 100_000))


def _addresses(store: ChainStore, scripts: NDArray[Any]) -> list[str]:
    """Return the addresses of those scripts that have one."""
    return [address for address in ScriptTexts(store, scripts).addresses() if address is not None]


def _lookup(name: str, case: Case, ask: Callable[[str], object], questions: Sequence[str]) -> None:
    """Time each question by itself, after a first one that is not counted."""
    note(f"{name}: {len(questions):,} questions")
    ask(questions[0])
    samples = []
    for question in questions:
        begin = time.perf_counter()
        ask(question)
        samples.append(time.perf_counter() - begin)
    figures = {
        "transactions": case.transactions,
        "samples": len(samples),
        **quantiles(samples, 1e-6, "us"),
        "worst": questions[int(np.argmax(samples))],
    }
    emit(name, figures, goal=Goal("p50_us", "<=", 100))
