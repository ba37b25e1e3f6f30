"""Worst nodes: traces from and through the largest things that a chain holds, as warm calls.

The chain is made up in memory, as columns: no store could be made of it in a reasonable time. It
has an address with a million payments, transactions of thousands of inputs and outputs one behind
the other, and a cluster of ten million scripts, which is a labelled service in half of the
questions. A question is a walk of the engine with the default limits of the product, the sums by
service, and backward the payouts; the answer's text is measured by `bench.traces`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case
from bench.line import Goal, emit, note, quantiles
from clewline.engine.chain import UNSPENT, Chain, outputs_of
from clewline.engine.payouts import payouts
from clewline.engine.taint import CAPS, Method, Seeds, Stop, Stops, backward, forward, services
from clewline.workspace import DEFAULT_LIMITS

_RECEIPTS = 1_000_000
_WIDTH = 5_000
_LINKS = 200
_MEMBERS = 10_000_000
_RUNS = 3
_BUSY = 0
_SERVICE = 1
"""First member of the cluster, whose id that is; the others follow."""
_P95 = Goal("p95_ms", "<", 1000)
_WORST = Goal("worst_ms", "<", 5000)


@dataclass(frozen=True)
class Nodes:
    """The made-up chain, the cluster of each script, and outputs to ask for by what they are."""

    chain: Chain
    cluster: NDArray[np.uint32]
    seeds: dict[str, NDArray[np.int64]]


class _Builder:
    """Appends groups of transactions of one shape."""

    def __init__(self) -> None:
        self.inputs: list[NDArray[np.int64]] = []
        self.outputs: list[NDArray[np.int64]] = []
        self.prevout: list[NDArray[np.int64]] = []
        self.value: list[NDArray[np.int64]] = []
        self.script: list[NDArray[np.uint32]] = []
        self.n_output = 0

    def add(
        self,
        count: int,
        spent: NDArray[np.int64],
        value: NDArray[np.int64],
        script: NDArray[np.uint32],
    ) -> NDArray[np.int64]:
        """Add `count` transactions that share out inputs and outputs evenly; return the outputs."""
        self.inputs.append(np.full(count, spent.size // count))
        self.outputs.append(np.full(count, value.size // count))
        self.prevout.append(spent)
        self.value.append(value)
        self.script.append(script)
        self.n_output += value.size
        return np.arange(self.n_output - value.size, self.n_output)

    def chain(self, n_script: int) -> Chain:
        """Return the columns; one block a thousand transactions."""
        tx_input = np.concatenate(([0], np.cumsum(np.concatenate(self.inputs))))
        tx_output = np.concatenate(([0], np.cumsum(np.concatenate(self.outputs))))
        prevout = np.concatenate(self.prevout)
        script = np.concatenate(self.script)
        spender = np.full(self.n_output, UNSPENT, np.uint32)
        spender[prevout] = np.repeat(
            np.arange(tx_input.size - 1, dtype=np.uint32), np.diff(tx_input)
        )
        by_script = np.argsort(script, kind="stable")
        same = script[by_script[1:]] == script[by_script[:-1]]
        following = np.full(self.n_output, -1, np.int64)
        following[by_script[:-1][same]] = by_script[1:][same]
        first = np.full(n_script, -1, np.int64)
        new = np.concatenate(([True], ~same))
        first[script[by_script[new]]] = by_script[new]
        block_tx = np.append(np.arange(0, tx_input.size - 1, 1000), tx_input.size - 1)
        columns: dict[str, Any] = {
            "block_tx": block_tx,
            "block_time": 1_700_000_000 + 600 * np.arange(block_tx.size - 1),
            "tx_input": tx_input,
            "tx_output": tx_output,
            "prevout": prevout,
            "value": np.concatenate(self.value),
            "script": script,
            "spender": spender,
            "script_kind": np.zeros(n_script, np.uint8),
            "first_output": first,
            "next_output": following,
        }
        for column in columns.values():
            column.flags.writeable = False  # as the store's are
        return Chain(**columns)


def make_nodes(seed: int) -> Nodes:
    """Make the chain up. Values differ, so that FIFO cuts the money ever finer."""
    chance = np.random.default_rng(seed)
    sweeps = _RECEIPTS // _WIDTH
    batches = _MEMBERS // _WIDTH
    made = _Builder()
    n_script = _SERVICE + _MEMBERS

    def people(count: int) -> NDArray[np.uint32]:
        nonlocal n_script
        n_script += count
        return np.arange(n_script - count, n_script, dtype=np.uint32)

    def split(total: int, count: int) -> NDArray[np.int64]:
        cuts = np.sort(chance.integers(0, total - count, count - 1))
        return np.diff(np.concatenate(([0], cuts, [total - count]))) + 1

    coin = 10_000 * _WIDTH
    coins = made.add(_RECEIPTS, np.empty(0, np.int64), np.full(_RECEIPTS, coin), people(_RECEIPTS))
    price = chance.integers(coin // 4, coin // 2, _RECEIPTS)
    paid = made.add(
        _RECEIPTS,
        coins,
        np.column_stack((price, coin - price)).ravel(),
        np.column_stack((np.full(_RECEIPTS, _BUSY, np.uint32), people(_RECEIPTS))).ravel(),
    )
    received, change = paid[::2], paid[1::2]
    swept = received.reshape(sweeps, _WIDTH)
    wide = np.concatenate(
        [
            made.add(1, part, split(int(price[i * _WIDTH : (i + 1) * _WIDTH].sum()), _WIDTH),
                     people(_WIDTH))
            for i, part in enumerate(swept)
        ]
    )  # fmt: skip
    link = wide[:_WIDTH]
    total = int(price[:_WIDTH].sum())
    for _ in range(_LINKS):
        link = made.add(1, chance.permutation(link), split(total, _WIDTH), people(_WIDTH))
    each = change.size // batches
    batch_value = np.concatenate(
        [
            split(int((coin - price[i * each : (i + 1) * each]).sum()), _WIDTH)
            for i in range(batches)
        ]
    )
    deposits = made.add(
        batches,
        change[: batches * each],
        batch_value,
        chance.permutation(np.arange(_SERVICE, _SERVICE + _MEMBERS, dtype=np.uint32)),
    )
    gathered = batch_value.reshape(batches, _WIDTH).sum(axis=1)
    hot = made.add(batches, deposits, gathered, np.full(batches, _SERVICE, np.uint32))
    payers = hot[:sweeps]
    payout = np.concatenate([split(int(held), _WIDTH) for held in gathered[:sweeps]])
    withdrawn = made.add(payers.size, payers, payout, people(payout.size))
    cluster = np.arange(n_script, dtype=np.uint32)
    cluster[_SERVICE : _SERVICE + _MEMBERS] = _SERVICE
    return Nodes(
        made.chain(n_script),
        cluster,
        {
            "address_of_a_million_payments": np.empty(0, np.int64),
            "payer_of_that_address": coins[:1],
            "output_of_a_wide_transaction": wide[:1],
            "first_of_a_chain_of_wide_transactions": wide[:_WIDTH],
            "last_of_a_chain_of_wide_transactions": link,
            "deposit_to_the_cluster": change[:1],
            "member_of_the_cluster": deposits[:1],
            "withdrawal_from_the_cluster": withdrawn[:1],
            "many_withdrawals": withdrawn[: _WIDTH * min(sweeps, 20)],
        },
    )


def measure(case: Case) -> None:
    """Ask from each node, both ways, under each rule, the cluster labelled and not."""
    note("worst: making the chain up")
    nodes = make_nodes(case.seed)
    service = Stops(
        service_clusters=np.array([_SERVICE], np.uint32),
        cluster_entity=np.zeros(1, np.int32),
        cluster=nodes.cluster,
    )
    samples: list[dict[str, Any]] = []
    for kind in nodes.seeds:
        note(f"worst: {kind}")
        samples += [
            _ask(nodes, kind, stops, method, to_the_past=to_the_past)
            for stops in (service, Stops(cluster=nodes.cluster))
            for method in Method
            for to_the_past in (False, True)
            for _run in range(_RUNS)
        ]
    for kind in nodes.seeds:
        _emit(f"worst.{kind}", nodes, [one for one in samples if one["seed"] == kind])
    _emit("worst", nodes, samples)


def _ask(
    nodes: Nodes, kind: str, stops: Stops, method: Method, *, to_the_past: bool
) -> dict[str, Any]:
    """Walk from one node; return what it took and where it was cut off."""
    begin = time.perf_counter()
    chain = nodes.chain
    seeds = nodes.seeds[kind]
    if not seeds.size:
        seeds = outputs_of(chain, _BUSY)
    walk = backward if to_the_past else forward
    flow = walk(chain, Seeds.whole(chain, seeds), stops, DEFAULT_LIMITS, method)
    services(flow, chain)
    if to_the_past and method is not Method.POISON:
        payouts(flow, chain)
    return {
        "ms": (time.perf_counter() - begin) * 1000,
        "direction": "backward" if to_the_past else "forward",
        "method": method.value,
        "seed": kind,
        "labelled": bool(stops.service_clusters.size),
        "crossed_transactions": flow.crossed,
        "looked_at_nodes": flow.nodes,
        "total": flow.total,
        "services": flow.value_at(Stop.SERVICE),
        "capped": flow.value_at(*CAPS),
    }


def _emit(name: str, nodes: Nodes, samples: list[dict[str, Any]]) -> None:
    """Print the latencies of some questions and the worst of them with its cut-off."""
    milliseconds = [one["ms"] / 1000 for one in samples]
    figures = {
        "transactions": nodes.chain.n_tx,
        "outputs": nodes.chain.n_output,
        "samples": len(samples),
        **quantiles(milliseconds, 1e-3, "ms"),
        "worst": max(samples, key=lambda one: float(one["ms"])),
    }
    emit(name, figures, goal=_P95, next_goal=_WORST)
