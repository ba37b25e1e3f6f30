"""Screening held against exact traces, on samples of its indirect hits and of its clean rows.

A trace rounds to whole satoshi at each transaction that it crosses; shares of screening do not. So
values agree within one satoshi a transaction crossed, and one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.acceptance.core import CoreChain

from clewline.engine.chain import outputs_of
from clewline.engine.taint import Flow, Limits, Method, Seeds, Stops, backward, forward
from clewline.labels.label import make_claim
from clewline.play import make_play
from clewline.screening.running import Question, screened_batches
from clewline.screening.watchlist import Entry, Watchlist
from clewline.workspace import Workspace, import_blocks, import_labels
from clewline.workspace.addresses import known_script_id, script_id
from clewline.workspace.deposits import service_stops
from clewline.workspace.screening import make_screener

WALKS = {"from": backward, "to": forward}
LISTED = 1_000_000
"""Entity of the listed scripts in a trace."""
SAMPLE = 60


def screened(
    workspace: Workspace, listed: Collection[str], addresses: Collection[str]
) -> list[dict[str, Any]]:
    """The answer to each address."""
    claim = make_claim(
        entity="Site 1 (made up)",
        categories=["child_sexual_abuse"],
        source="made-up police",
        confidence_given="90",
        type_given="control",
        cluster=False,
    )
    watchlist = Watchlist(Entry("BTC", one, claim, "seized") for one in listed)
    screener = make_screener(watchlist, Question(), workspace)
    rows = io.BytesIO("\n".join(["address", *addresses]).encode())
    return [
        batch.line(row, watchlist.version, screener.tip)
        for batch, _faults in screened_batches(screener, rows, "rows")
        for row in range(len(batch.rows))
    ]


def stops_at(workspace: Workspace, listed: Collection[str]) -> Stops:
    """Where a trace stops: at services and CoinJoins as always, and at the listed scripts."""
    stops = service_stops(workspace.store, workspace.attribution)
    entity = dict(zip(stops.service_scripts.tolist(), stops.service_entity.tolist(), strict=True))
    entity |= dict.fromkeys((known_script_id(workspace.store, one) for one in listed), LISTED)
    scripts = sorted(entity)
    return replace(
        stops,
        service_scripts=np.array(scripts, np.uint32),
        service_entity=np.array([entity[one] for one in scripts], np.int32),
    )


def agree(line: dict[str, Any], direction: str, flow: Flow, received: int) -> int:
    """Hold what is said of one address in one direction against its trace; return the hops."""
    hits = [one for one in line["hits"] if one["direction"] == direction]
    ends = (flow.entity == LISTED) & (flow.value > 0)
    traced = int(flow.value[ends].sum())
    slack = 1 + flow.crossed
    if not hits:
        assert traced <= slack, line
        return 0
    (hit,) = hits
    assert abs(hit["value"] - traced) <= slack, line
    assert abs(hit["share"] - traced / received) <= slack / received, line
    if traced > slack:
        assert hit["hops"] == int(flow.hops_min[ends].min()), line
    return int(hit["hops"])


def hold(workspace: Workspace, listed: Collection[str], addresses: Collection[str]) -> list[int]:
    """Compare samples with traces; return the hops of what was found, and 0 where nothing was."""
    store, chain = workspace.store, workspace.chain
    stops = stops_at(workspace, listed)
    services = set(stops.service_scripts.tolist())
    reached = set(stops.service_clusters.tolist())
    lines = screened(workspace, listed, addresses)
    chance = np.random.default_rng(8)
    seen = []
    for result in ("indirect", "clean", "direct"):
        of_result = [one for one in lines if one["result"] == result]
        for number in chance.permutation(len(of_result))[:SAMPLE].tolist():
            line = of_result[number]
            script = known_script_id(store, line["address"])
            if script in services or int(stops.cluster[script]) in reached:
                continue  # a trace goes on through its own service
            outputs = outputs_of(chain, script)
            received = int(chain.value[outputs].sum())
            for direction, walk in WALKS.items():
                seeds = Seeds.whole(chain, outputs)
                flow = walk(chain, seeds, stops, Limits(), Method.HAIRCUT)
                if flow.total == received:  # else it paid itself: a trace counts that once
                    seen.append(agree(line, direction, flow, received))
    return seen


def test_samples_of_the_made_up_case_agree_with_traces(tmp_path: Path) -> None:
    made = make_play(tmp_path / "case", 4_000, seed=8)
    import_blocks(tmp_path / "store", made.blocks)
    import_labels(tmp_path / "store", [made.labels], recorded=0)
    truth = json.loads(made.truth.read_text("utf-8"))
    (site,) = [one for one in truth["entities"] if one["kind"] == "site"]
    listed = {site["main"], *site["addresses"]} & truth["owner"].keys()
    workspace = Workspace.open(tmp_path / "store")
    hops = hold(workspace, sorted(listed), sorted(truth["owner"].keys() - listed))
    assert hops.count(0) > 50
    assert sum(one > 1 for one in hops) > 50


def test_samples_of_the_regtest_chain_agree_with_traces(
    labelled: Workspace, core: CoreChain
) -> None:
    owner = core.truth["owner"]
    paid = {one for one in owner if script_id(labelled.store, one) is not None}
    for who in ("site", "person_03", "buyer_05"):
        listed = sorted(one for one in paid if owner[one] == who)
        hops = hold(labelled, listed, sorted(paid - set(listed)))
        assert hops.count(0) > 50
        assert sum(one > 0 for one in hops) > 10
    assert max(hops) > 5
