"""What Bitcoin Core says about the regtest chain, in the words of our own answers.

Worked out from ``rpc.jsonl`` (``getblock <hash> 3``) alone: shares nothing with the code tested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any


def satoshi(amount: Decimal | int | str) -> int:
    """Turn an amount in BTC into satoshi, exactly."""
    whole = Decimal(amount) * 100_000_000
    assert whole == int(whole)
    return int(whole)


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class CoreChain:
    """The active chain of a node, and what is true of it."""

    blocks: list[dict[str, Any]]
    truth: dict[str, Any]

    @classmethod
    def read(cls, directory: Path) -> CoreChain:
        with (directory / "rpc.jsonl").open() as lines:
            blocks = [json.loads(line, parse_float=Decimal) for line in lines]
        return cls(blocks, json.loads((directory / "truth.json").read_text()))

    @cached_property
    def transactions(self) -> dict[str, dict[str, Any]]:
        """Every transaction by id, in chain order, as ``tx show`` prints it but for `coinjoin`."""
        spent_by = {
            (spent["txid"], spent["vout"]): f"{tx['txid']}:{n}"
            for block in self.blocks
            for tx in block["tx"]
            for n, spent in enumerate(tx["vin"])
            if "txid" in spent
        }
        return {
            tx["txid"]: {
                "txid": tx["txid"],
                "height": block["height"],
                "time": iso(block["time"]),
                "fee": satoshi(tx["fee"]) if "fee" in tx else None,
                "inputs": [
                    {
                        "txid": spent["txid"],
                        "vout": spent["vout"],
                        "address": spent["prevout"]["scriptPubKey"].get("address"),
                        "value": satoshi(spent["prevout"]["value"]),
                    }
                    for spent in tx["vin"]
                    if "txid" in spent
                ],
                "outputs": [
                    {
                        "vout": made["n"],
                        "address": made["scriptPubKey"].get("address"),
                        "script": made["scriptPubKey"]["hex"],
                        "value": satoshi(made["value"]),
                        "spent_by": spent_by.get((tx["txid"], made["n"])),
                    }
                    for made in tx["vout"]
                ],
            }
            for block in self.blocks
            for tx in block["tx"]
        }

    @cached_property
    def summaries(self) -> dict[str, dict[str, Any]]:
        """What ``address show`` says of each address that the chain pays to, without cluster."""
        received: dict[str, int] = {}
        sent: dict[str, int] = {}
        times: dict[str, dict[str, str]] = {}
        for tx in self.transactions.values():
            for sums, rows in ((received, tx["outputs"]), (sent, tx["inputs"])):
                for row in rows:
                    if row["address"] is not None:
                        sums[row["address"]] = sums.get(row["address"], 0) + row["value"]
                        times.setdefault(row["address"], {})[tx["txid"]] = tx["time"]
        return {
            address: {
                "address": address,
                "received": total,
                "sent": sent.get(address, 0),
                "balance": total - sent.get(address, 0),
                "transactions": len(times[address]),
                "first_seen": min(times[address].values()),
                "last_seen": max(times[address].values()),
            }
            for address, total in received.items()
        }

    @cached_property
    def clusters(self) -> dict[str, frozenset[str]]:
        """Cluster of each address by the multi-input rule, the story's one CoinJoin left out."""
        members = {address: frozenset((address,)) for address in self.summaries}
        for txid, tx in self.transactions.items():
            if txid == self.truth["zoo"]["coinjoin"]:
                continue
            joined = [members[row["address"]] for row in tx["inputs"] if row["address"]]
            union = frozenset().union(*joined)
            members.update(dict.fromkeys(union, union))
        return members

    def story(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the events of one kind, in order."""
        return (event for event in self.truth["story"] if event["type"] == kind)

    def outpoint(self, txid: str, address: str) -> str:
        """Return the one output of a transaction that pays to an address."""
        (vout,) = (
            row["vout"] for row in self.transactions[txid]["outputs"] if row["address"] == address
        )
        return f"{txid}:{vout}"

    def value(self, outpoint: str) -> int:
        """Return the value of an output."""
        txid, _, vout = outpoint.partition(":")
        return int(self.transactions[txid]["outputs"][int(vout)]["value"])
