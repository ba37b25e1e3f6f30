"""The exposure index: speed of its passes, of a whole build, of look-ups, and its error."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case
from bench.line import Goal, emit, note, quantiles
from clewline.engine.chain import Chain
from clewline.engine.exposure import Marks, fill_from, fill_to
from clewline.engine.taint import Limits, Method, Seeds, Stop, Stops, backward, forward
from clewline.engine.taint_walk import LARGEST_TOTAL
from clewline.workspace import Workspace
from clewline.workspace.exposure_building import marks_of
from clewline.workspace.exposure_index import DIRECTIONS, EXPOSURE, part_files
from clewline.workspace.rendering import ScriptTexts, tx_of_outputs

_RUNS = 3
_SAMPLES = 100
_LOOKUPS = 1000
_PASS_GOAL = Goal("slowest_items_per_second", ">=", 20e6)
_ERROR_GOAL = Goal("worst_in_tolerances", "<=", 1)
_LOOKUP_GOAL = Goal("p50_us", "<", 1000)
_STOPS = {
    "rest.mined": Stop.MINED,
    "rest.coinjoin": Stop.COINJOIN,
    "rest.unspent": Stop.UNSPENT,
}

_Float64 = NDArray[np.float64]


def measure(case: Case) -> None:
    """Time each pass, the build, and look-ups; hold shares of some outputs against traces."""
    workspace = case.workspace()
    marks = marks_of(workspace.store, workspace.attribution)
    shares = {direction: _passes(case, workspace, marks, direction) for direction in ("from", "to")}
    _build(case, workspace)
    _lookups(case, workspace)
    for direction, columns in shares.items():
        _errors(case, workspace, marks, direction, columns)


def _parts(workspace: Workspace, direction: str) -> dict[str, int]:
    """Return name and number of each part of a direction."""
    return part_files(workspace.attribution.services.categories, DIRECTIONS[direction])


def _passes(case: Case, workspace: Workspace, marks: Marks, direction: str) -> dict[str, _Float64]:
    """Time every pass alone, on one core, in memory; return the shares."""
    chain = workspace.chain
    fill: Callable[..., None] = fill_from if direction == "from" else fill_to
    items = len(chain.prevout) + chain.n_output
    columns, seconds, processor = {}, {}, []
    for name, part in _parts(workspace, direction).items():
        note(f"exposure {direction}: {name}")
        times = []
        for _ in range(_RUNS):
            shares = np.zeros(chain.n_tx)
            begin, worked = time.perf_counter(), time.thread_time()
            fill(chain, marks, part, shares, 0, chain.n_tx)
            times.append(time.perf_counter() - begin)
            processor.append(time.thread_time() - worked)
        columns[name], seconds[name] = shares, float(np.median(times))
    figures: dict[str, Any] = {
        "transactions": case.transactions,
        "inputs_and_outputs": items,
        "passes": len(seconds),
        "slowest_items_per_second": items / max(seconds.values()),
        "slowest_items_per_processor_second": items / max(processor),
        "mean_items_per_second": items * len(seconds) / sum(seconds.values()),
        "items_per_second": {name: items / taken for name, taken in seconds.items()},
    }
    emit(f"exposure.{direction}", figures, goal=_PASS_GOAL)
    return columns


def _build(case: Case, workspace: Workspace) -> None:
    """Time a build of both directions with its files, passes on all cores at once."""
    note("exposure: build")
    shutil.rmtree(workspace.store.path / EXPOSURE, ignore_errors=True)
    begin = time.perf_counter()
    built = workspace.build_exposure()
    seconds = time.perf_counter() - begin
    passes = len(_parts(workspace, "from")) + len(_parts(workspace, "to"))
    items = len(workspace.chain.prevout) + workspace.chain.n_output
    figures = {
        "transactions": case.transactions,
        "passes": passes,
        "seconds": seconds,
        "items_per_second": passes * items / seconds,
        "bytes": sum(row["bytes"] for row in built["directions"]),
        "largest_gap": max(row["largest_gap"] for row in built["directions"]),
    }
    emit("exposure.build", figures)


def _lookups(case: Case, workspace: Workspace) -> None:
    """Time look-ups of random addresses."""
    chance = np.random.default_rng(case.seed)
    scripts = chance.integers(0, workspace.store.manifest.counts["script"], _LOOKUPS)
    shown = ScriptTexts(workspace.store, scripts).addresses()
    seconds = []
    for address in filter(None, shown):
        begin = time.perf_counter()
        workspace.exposure(address)
        seconds.append(time.perf_counter() - begin)
    figures = {
        "transactions": case.transactions,
        "samples": len(seconds),
        **quantiles(seconds, 1e-6, "us"),
    }
    emit("exposure.lookup", figures, goal=_LOOKUP_GOAL)


def _errors(
    case: Case,
    workspace: Workspace,
    marks: Marks,
    direction: str,
    columns: dict[str, _Float64],
) -> None:
    """Compare shares of random outputs with exact traces, in units far below a satoshi.

    A trace rounds to whole units at each of its transactions. In satoshi this would hide what is
    asked for, so the same chain is traced in the smallest unit that the engine can count in. What
    the rounding of a trace in satoshi makes of it is a figure of its own.
    """
    chain = workspace.chain
    spread = np.add.reduceat(chain.value, chain.tx_output[:-1])
    spent = np.add.reduceat(
        np.append(chain.value[chain.prevout], 0),
        np.minimum(chain.tx_input[:-1], len(chain.prevout)),
    )
    units = LARGEST_TOTAL // int(max(spread.max(), spent.max()))
    fine = replace(chain, value=chain.value * units)
    stops = _stops(workspace, marks)
    chance = np.random.default_rng(case.seed)
    candidates = np.flatnonzero((marks.category[chain.script] == 0) & (chain.value > 0))
    outputs = chance.choice(candidates, min(_SAMPLES, len(candidates)), replace=False)
    worst = satoshi = relative = rounded = 0.0
    crossed = 0
    for output in outputs.tolist():
        traced, steps = _traced(fine, stops, output, direction, workspace)
        whole, _steps = _traced(chain, stops, output, direction, workspace)
        at = tx_of_outputs(workspace.store, np.array([output]))[0]
        if direction == "to":
            at = int(chain.spender[output])
        value = int(chain.value[output])
        for name, shares in columns.items():
            share = float(shares[at]) if at < chain.n_tx else float(name == "rest.unspent")
            off = abs(share * value - traced.get(name, 0) / units)
            satoshi, relative = max(satoshi, off), max(relative, off / value)
            worst = max(worst, min(off, off / value / 1e-9))
            rounded = max(rounded, abs(share * value - whole.get(name, 0)))
        crossed = max(crossed, steps)
    figures = {
        "transactions": case.transactions,
        "samples": len(outputs),
        "units_a_satoshi": units,
        "most_crossed_transactions": crossed,
        "worst_satoshi": satoshi,
        "worst_relative": relative,
        "worst_in_tolerances": worst,
        "worst_satoshi_of_traces_in_satoshi": rounded,
    }
    emit(f"exposure.error.{direction}", figures, goal=_ERROR_GOAL)


def _stops(workspace: Workspace, marks: Marks) -> Stops:
    """Return the stops of a trace with categories for entities."""
    services = workspace.attribution.services
    return Stops(
        service_scripts=services.service_scripts,
        service_entity=services.service_category.astype(np.int32),
        service_clusters=services.service_clusters,
        cluster_entity=services.cluster_category.astype(np.int32),
        cluster=workspace.store.column("structure.cluster"),
        coinjoin=workspace.store.column("structure.coinjoin"),
    )


def _traced(
    chain: Chain, stops: Stops, output: int, direction: str, workspace: Workspace
) -> tuple[dict[str, int], int]:
    """Return units by part of one output's trace, and the transactions that it crossed."""
    walk = backward if direction == "from" else forward
    seeds = Seeds.whole(chain, np.array([output]))
    flow = walk(chain, seeds, stops, Limits(), Method.HAIRCUT)
    names = workspace.attribution.services.categories
    found = {
        f"category.{name}": int(flow.value[flow.entity == number].sum())
        for number, name in enumerate(names)
    }
    found |= {name: flow.value_at(stop) for name, stop in _STOPS.items()}
    return {**found, "rest.fees": flow.fees}, flow.crossed
