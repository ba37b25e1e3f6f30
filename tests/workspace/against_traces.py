"""Exposure of addresses held against what haircut traces find."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clewline.workspace import Workspace

WALKS = {"from": "backward", "to": "forward"}
RESTS = ("unspent", "mined", "coinjoin", "fees")


def standing(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What an answer says of each direction."""
    return {row["direction"]: row for row in answer["directions"]}


def hold_against_traces(workspace: Workspace, addresses: Iterable[str]) -> tuple[int, int]:
    """Compare addresses that received little; count comparisons, and those of direct exposure."""
    compared = met = 0
    for address in addresses:
        answer = workspace.exposure(address)
        if workspace.address(address)["transactions"] not in (1, 2):
            continue
        if standing(answer)["from"]["held_by"]:
            continue  # a trace goes on through its own service
        for direction, walk in WALKS.items():
            trace = workspace.trace(walk, [address], "haircut")
            if trace["total"] != standing(answer)[direction]["received"]:
                continue  # it paid itself: a trace counts those satoshi once
            rows = [row for row in answer["exposure"] if row["direction"] == direction]
            met += _compare(rows, trace) > 0
            compared += 1
    return compared, met


def _compare(rows: list[dict[str, Any]], trace: dict[str, Any]) -> int:
    """Hold the rows of one direction against a trace; return the direct exposure."""
    traced: dict[str, int] = {rest: trace[rest] for rest in RESTS}
    near = 0
    for service in trace["services"]:
        category = service["category"]
        traced[category] = traced.get(category, 0) + service["value"]
        near += sum(end["value"] for end in service["outputs"] if end["hops"] == 1)
    # Each transaction that a trace crosses rounds to whole satoshi.
    slack = 1 + int(trace["limits"]["crossed_transactions"])
    for row in rows:
        assert abs(row["value"] - traced.pop(row["part"], 0)) <= slack
    assert all(value <= slack for value in traced.values())
    direct = sum(row["direct"] for row in rows if row["service"])
    assert abs(direct - near) <= slack + len(rows)
    return int(direct)
