"""A second tracing engine for tests: every satoshi a list entry, every share a fraction.

It visits all transactions in chain order (backward: reversed) instead of following a heap, shares
no code with the engine, and is far too slow for anything but tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from clewline.engine.chain import UNSPENT, Chain
from clewline.engine.taint import Limits, Seeds, Stop, Stops

UNCAPPED = (Stop.TARGET, Stop.SERVICE, Stop.DEPOSIT, Stop.UNSPENT, Stop.MINED, Stop.COINJOIN)
"""Stops that need no look at the transaction to cross."""


@dataclass
class End:
    """Where money stopped, as the engine's rows say it."""

    value: int
    stop: Stop
    entity: int
    hops_min: int
    hops_mean: float
    satoshi: dict[int, int] = field(default_factory=dict)  # FIFO, LIFO: position → hops


@dataclass
class Answer:
    total: int
    fees: int = 0
    crossed: int = 0
    nodes: int = 0
    ends: dict[int, End] = field(default_factory=dict)
    parents: dict[int, int | None] = field(default_factory=dict)


def owner_of(script: int, stops: Stops) -> tuple[Stop, int] | None:
    """Service or deposit address at which a script stops the walk."""
    own = dict(zip(stops.service_scripts.tolist(), stops.service_entity.tolist(), strict=True))
    inherited = dict(
        zip(stops.service_clusters.tolist(), stops.cluster_entity.tolist(), strict=True)
    )
    cluster = stops.cluster.tolist()[script] if len(stops.cluster) else None
    if cluster is not None and cluster in stops.own_clusters.tolist():
        return None
    deposits = dict(zip(stops.deposit_scripts.tolist(), stops.deposit_entity.tolist(), strict=True))
    stop, entity = Stop.SERVICE, own.get(script, inherited.get(cluster))
    if entity is None:
        stop, entity = Stop.DEPOSIT, deposits.get(script)
    return None if entity in (None, *stops.own_entities.tolist()) else (stop, entity)


def is_target(output: int, script: int, stops: Stops) -> bool:
    """Whether a path ends at an output."""
    return output in stops.target_outputs.tolist() or script in stops.target_scripts.tolist()


def runs(money: dict[int, Any]) -> int:
    """Number of runs of neighbouring satoshi that went equally far."""
    return sum(at - 1 not in money or money[at - 1][0] != money[at][0] for at in money)


class Naive:
    """One walk over one chain."""

    def __init__(
        self, chain: Chain, seeds: Seeds, stops: Stops, limits: Limits, *, backward: bool
    ) -> None:
        self.value = chain.value.tolist()
        self.script = chain.script.tolist()
        self.spender = chain.spender.tolist()
        self.n_tx = len(chain.tx_output) - 1
        self.inputs = [
            chain.prevout[chain.tx_input[t] : chain.tx_input[t + 1]].tolist()
            for t in range(self.n_tx)
        ]
        self.outputs = [
            list(range(chain.tx_output[t], chain.tx_output[t + 1])) for t in range(self.n_tx)
        ]
        self.creator = {o: t for t in range(self.n_tx) for o in self.outputs[t]}
        self.time = [
            chain.block_time[height]
            for height in range(len(chain.block_time))
            for _ in range(chain.block_tx[height], chain.block_tx[height + 1])
        ]
        self.seeds: dict[int, set[int]] = {}
        for output, start, end in zip(
            seeds.output.tolist(), seeds.start.tolist(), seeds.end.tolist(), strict=True
        ):
            self.seeds.setdefault(output, set()).update(range(start, end))
        self.stops = stops
        self.limits = limits
        self.backward = backward
        self.crossed = 0
        self.nodes = 0
        self.total = 0

    def order(self) -> list[int]:
        return list(range(self.n_tx))[:: -1 if self.backward else 1]

    def stop_of(self, output: int, value: int, hops: int) -> tuple[Stop | None, int]:
        """Why an output is not crossed, `None` if it is."""
        if is_target(output, self.script[output], self.stops):
            return Stop.TARGET, -1
        owner = owner_of(self.script[output], self.stops)
        if owner is not None:
            return owner
        tx = self.creator[output] if self.backward else self.spender[output]
        if not self.backward and tx == UNSPENT:
            return Stop.UNSPENT, -1
        limits = self.limits
        coinjoin = len(self.stops.coinjoin) and self.stops.coinjoin[tx] not in (0, 2, 10)
        if self.backward and not self.inputs[tx]:
            return Stop.COINJOIN if coinjoin else Stop.MINED, -1
        if coinjoin and not limits.through_coinjoin:
            return Stop.COINJOIN, -1
        if limits.max_hops is not None and hops >= limits.max_hops:
            return Stop.MAX_HOPS, -1
        if value < limits.min_value:
            return Stop.MIN_VALUE, -1
        if limits.since is not None and self.time[tx] < limits.since:
            return Stop.TIME, -1
        if limits.until is not None and self.time[tx] > limits.until:
            return Stop.TIME, -1
        if limits.max_transactions is not None and self.crossed >= limits.max_transactions:
            return Stop.MAX_TRANSACTIONS, -1
        if limits.max_nodes is not None and self.nodes >= limits.max_nodes:
            return Stop.MAX_NODES, -1
        return None, -1

    def look(self, sources: list[int], stops: list[Stop | None], rows: int) -> None:
        """Count what a look at a transaction costs: both sides only if it is crossed."""
        limits = self.limits
        exhausted = (
            limits.max_transactions is not None and self.crossed >= limits.max_transactions
        ) or (limits.max_nodes is not None and self.nodes >= limits.max_nodes)
        if exhausted or all(stop in UNCAPPED for stop in stops):
            return
        self.nodes += len(sources) + (rows if None in stops else 0)

    # --- FIFO and LIFO: one entry (hops, output it came from) or None for each satoshi ---------

    def places(self, *, lifo: bool) -> Answer:
        held: dict[int, dict[int, tuple[int, int | None]]] = {}
        for output, satoshi in self.seeds.items():
            held[output] = dict.fromkeys(satoshi, (0, None))
            self.total += len(satoshi)
        answer = Answer(0)
        stopped: dict[int, End] = {}
        for tx in self.order():
            sources, targets = self.inputs[tx], self.outputs[tx]
            if self.backward:
                sources, targets = targets, sources
            rows: list[list[tuple[int, int | None] | None]] = []
            crossing = False
            found: list[Stop | None] = []
            carried = 0
            for source in sources:
                money = held.get(source, {})
                row: list[tuple[int, int | None] | None] = [None] * self.value[source]
                if money:
                    hops = [h for h, _ in money.values()]
                    stop, entity = self.stop_of(source, len(money), min(hops))
                    found.append(stop)
                    if stop is None:
                        crossing = True
                        carried += runs(money)
                        for at, (h, _) in money.items():
                            row[at] = (h + 1, source)
                    else:
                        stopped[source] = self.placed_end(money, stop, entity)
                rows.append(row)
            self.look(sources, found, len(targets) + carried)
            if not crossing:
                continue
            self.crossed += 1
            if lifo and self.backward:
                # What outputs took from the back: the first of them lies at the very end.
                fee = sum(self.value[t] for t in targets) - sum(len(row) for row in rows)
                rows = [[None] * fee, *reversed(rows)]
            queue = [entry for row in rows for entry in row]
            for target in targets:
                amount = self.value[target]
                if lifo and not self.backward:
                    cut = len(queue) - amount
                    taken, queue = queue[cut:], queue[:cut]
                else:
                    taken, queue = queue[:amount], queue[amount:]
                for at, satoshi_from in enumerate(taken):
                    if satoshi_from is not None:
                        if at in held.setdefault(target, {}):
                            self.total -= 1
                        held[target][at] = satoshi_from
            assert not self.backward or not any(queue)
            answer.fees += sum(satoshi_from is not None for satoshi_from in queue)
        for output, money in held.items():
            if not money:
                continue
            gave: dict[int | None, int] = {}
            for at in sorted(money):
                gave[money[at][1]] = gave.get(money[at][1], 0) + 1
            most = max(gave.values())
            tied = [source for source in gave if gave[source] == most]
            answer.parents[output] = None if None in tied else tied[0]
            if output not in stopped:
                stop, entity = self.stop_of(output, len(money), 0)
                if stop in UNCAPPED[:-1]:
                    stopped[output] = self.placed_end(money, stop, entity)
        answer.ends = stopped
        answer.total, answer.crossed, answer.nodes = self.total, self.crossed, self.nodes
        return answer

    def placed_end(self, money: dict[int, tuple[int, int | None]], stop: Stop, entity: int) -> End:
        hops = [h for h, _ in money.values()]
        return End(
            len(money),
            stop,
            entity,
            min(hops),
            sum(hops) / len(hops),
            {at: h for at, (h, _) in money.items()},
        )

    # --- haircut: one amount an output -------------------------------------------------------

    def haircut(self) -> Answer:
        # output → amount, least hops, mean hops, parent
        held: dict[int, tuple[int, int, Fraction, int | None]] = {}
        for output, satoshi in self.seeds.items():
            if satoshi:
                held[output] = (len(satoshi), 0, Fraction(0), None)
                self.total += len(satoshi)
        answer = Answer(0)
        stopped: dict[int, End] = {}
        for tx in self.order():
            sources, targets = self.inputs[tx], self.outputs[tx]
            if self.backward:
                sources, targets = targets, sources
            crossing: list[tuple[int, int, int, Fraction]] = []
            found: list[Stop | None] = []
            for source in sources:
                if source not in held:
                    continue
                amount, least, mean, _ = held[source]
                stop, entity = self.stop_of(source, amount, least)
                found.append(stop)
                if stop is None:
                    crossing.append((source, amount, least, mean))
                else:
                    stopped[source] = End(amount, stop, entity, least, float(mean))
            self.look(sources, found, len(targets))
            if not crossing:
                continue
            self.crossed += 1
            part = sum(amount for _, amount, _, _ in crossing)
            least = min(least for _, _, least, _ in crossing) + 1
            mean = sum(amount * mean for _, amount, _, mean in crossing) / Fraction(part) + 1
            largest = max(amount for _, amount, _, _ in crossing)
            source = next(s for s, amount, _, _ in crossing if amount == largest)
            values = [self.value[target] for target in targets]
            whole = sum(self.value[s] for s in self.inputs[tx])
            if not self.backward:
                values.append(whole - sum(values))
            exact = [Fraction(part * value, whole) for value in values]
            amounts = [int(share) for share in exact]
            ranked = sorted(range(len(exact)), key=lambda k: (amounts[k] - exact[k], k))
            for k in ranked[: part - sum(amounts)]:
                amounts[k] += 1
            if not self.backward:
                answer.fees += amounts.pop()
            for target, amount in zip(targets, amounts, strict=True):
                if amount == 0:
                    continue
                own = held[target][0] if target in held else 0
                both = max(own, amount)
                self.total -= own + amount - both
                held[target] = (
                    both,
                    least if both == amount else 0,
                    mean * Fraction(amount, both),
                    source if math.ceil(Fraction(amount * largest, part)) > both - amount else None,
                )
        for output, (amount, least, mean, parent) in held.items():
            answer.parents[output] = parent
            stop, entity = self.stop_of(output, amount, least)
            if output not in stopped and stop in UNCAPPED[:-1]:
                stopped[output] = End(amount, stop, entity, least, float(mean))
        answer.ends = stopped
        answer.total, answer.crossed, answer.nodes = self.total, self.crossed, self.nodes
        return answer

    # --- poison: whole outputs ---------------------------------------------------------------

    def poison(self) -> Answer:
        # output → least hops, mean hops, parent
        held: dict[int, tuple[int, Fraction, int | None]] = {}
        for output, satoshi in self.seeds.items():
            if satoshi:
                held[output] = (0, Fraction(0), None)
                self.total += len(satoshi)
        answer = Answer(self.total)
        for tx in self.order():
            sources, targets = self.inputs[tx], self.outputs[tx]
            if self.backward:
                sources, targets = targets, sources
            crossing = []
            found: list[Stop | None] = []
            for source in sources:
                if source in held:
                    least, mean, _ = held[source]
                    stop, entity = self.stop_of(source, self.value[source], least)
                    found.append(stop)
                    if stop is None:
                        crossing.append(source)
                    else:
                        answer.ends[source] = End(
                            self.value[source], stop, entity, least, float(mean)
                        )
            self.look(sources, found, len(targets))
            if not crossing:
                continue
            self.crossed += 1
            if not self.backward:
                answer.fees += sum(self.value[source] for source in sources)
                answer.fees -= sum(self.value[target] for target in targets)
            value = sum(self.value[source] for source in crossing)
            mean = sum(self.value[source] * held[source][1] for source in crossing) / Fraction(
                value
            )
            least = min(held[source][0] for source in crossing)
            parent = max(crossing, key=lambda source: self.value[source])  # a tie: the first
            for target in targets:
                if self.value[target]:
                    held.setdefault(target, (least + 1, mean + 1, parent))
        for output, (least, mean, parent) in held.items():
            answer.parents[output] = parent
            stop, entity = self.stop_of(output, self.value[output], least)
            if output not in answer.ends and stop in UNCAPPED[:-1]:
                answer.ends[output] = End(self.value[output], stop, entity, least, float(mean))
        answer.crossed, answer.nodes = self.crossed, self.nodes
        return answer
