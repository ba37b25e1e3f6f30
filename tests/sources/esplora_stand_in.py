"""A stand-in for an Esplora server: a real HTTP server on this machine over a made-up chain.

It answers in the form of Esplora's API.md; `test_esplora.py` holds it against a real one's answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from tests.builders import Block, Tx, merkle_root, sha256d
from tests.sources.node_stand_in import BINARY, JSON, TEXT, Reply, StandIn

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name

PAGE = 25
_REGTEST = network_by_name("regtest")
TOO_MANY = Reply(429, TEXT, b"Too Many Requests", {"Retry-After": "0"})
GATEWAY = Reply(502, "text/html", b"<html>Bad Gateway</html>")


def show(name: bytes) -> str:
    return name[::-1].hex()


def address(script: bytes) -> str | None:
    return address_of(script, _REGTEST)


class EsploraStandIn(StandIn):
    """An Esplora server that has some blocks. What was asked is the path."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.follow(blocks)

    def follow(self, blocks: Sequence[Block]) -> None:
        """Make a chain the active one."""
        self.blocks = list(blocks)
        self.headers = {show(block.hash): block.header for block in blocks}
        self.place: dict[str, tuple[int, int]] = {}
        self.tx: dict[str, Tx] = {}
        self.spender: dict[tuple[str, int], tuple[str, int]] = {}
        self.touching: dict[str, list[str]] = {}
        for block in blocks:
            for position, tx in enumerate(block.transactions):
                txid = show(tx.txid)
                self.tx[txid], self.place[txid] = tx, (block.height, position)
                scripts = [script for _value, script in tx.outputs]
                for vin, (parent, index) in enumerate(tx.inputs):
                    if index != 0xFFFFFFFF:
                        self.spender[show(parent), index] = txid, vin
                        scripts.append(self.tx[show(parent)].outputs[index][1])
                for one in dict.fromkeys(address(script) for script in scripts):
                    self.touching.setdefault(one or "", []).append(txid)

    def reply(self, verb: str, target: str, _body: bytes, _login: str | None) -> Reply:
        """Answer a request as Esplora does."""
        assert verb == "GET"
        with self.lock:
            self.asked.append(target)
            if self.next:
                return self.next.popleft()
        honest = self._honest(target)
        return self.change(target, honest) or honest

    def _honest(self, target: str) -> Reply:
        if target == "/blocks/tip/height":
            return _text(str(len(self.blocks) - 1))
        if found := re.fullmatch(r"/block-height/(\d+)", target):
            if int(found[1]) >= len(self.blocks):
                return _text("Block not found", 404)
            return _text(show(self.blocks[int(found[1])].hash))
        if found := re.fullmatch(r"/block/(\w+)/header", target):
            if found[1] not in self.headers:
                return _text("Block not found", 404)
            return _text(self.headers[found[1]].hex())
        if found := re.fullmatch(r"/address/(\w+)(/txs/chain(?:/(\w+))?)?", target):
            txids = self.touching.get(found[1], [])[::-1]
            if not found[2]:
                stats = {"tx_count": len(txids), "funded_txo_count": 0}
                return _json({"address": found[1], "chain_stats": stats, "mempool_stats": {}})
            first = txids.index(found[3]) + 1 if found[3] in txids else 0
            return _json([self.transaction(txid) for txid in txids[first : first + PAGE]])
        if found := re.fullmatch(r"/tx/(\w+)/(raw|merkle-proof|outspends)", target):
            if found[1] not in self.tx:
                return _text("Transaction not found", 404)
            return getattr(self, f"_{found[2].replace('-', '_')}")(found[1])
        return _text("Not found", 404)

    def transaction(self, txid: str) -> dict[str, Any]:
        tx = self.tx[txid]
        return {
            "txid": txid,
            "version": tx.version,
            "locktime": tx.locktime,
            "vin": [
                {"txid": show(parent), "vout": index, "sequence": tx.sequence}
                for parent, index in tx.inputs
            ],
            "vout": [
                {"scriptpubkey": script.hex(), "value": value} for value, script in tx.outputs
            ],
            "status": self._status(txid),
        }

    def _status(self, txid: str) -> dict[str, Any]:
        height, _position = self.place[txid]
        block = self.blocks[height]
        return {
            "confirmed": True,
            "block_height": height,
            "block_hash": show(block.hash),
            "block_time": block.time,
        }

    def _raw(self, txid: str) -> Reply:
        return Reply(200, BINARY, self.tx[txid].serialize())

    def _merkle_proof(self, txid: str) -> Reply:
        height, position = self.place[txid]
        level = [tx.txid for tx in self.blocks[height].transactions]
        branch, at = [], position
        while len(level) > 1:
            level += level[-1:] * (len(level) % 2)
            branch.append(show(level[at ^ 1]))
            level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
            at //= 2
        assert level == [merkle_root([tx.txid for tx in self.blocks[height].transactions])]
        return _json({"block_height": height, "merkle": branch, "pos": position})

    def _outspends(self, txid: str) -> Reply:
        spends: list[dict[str, Any]] = []
        for index in range(len(self.tx[txid].outputs)):
            if (txid, index) not in self.spender:
                spends.append({"spent": False})
                continue
            spender, vin = self.spender[txid, index]
            status = self._status(spender)
            spends.append({"spent": True, "txid": spender, "vin": vin, "status": status})
        return _json(spends)


def _json(value: Any) -> Reply:
    return Reply(200, JSON, json.dumps(value).encode())


def _text(text: str, status: int = 200) -> Reply:
    return Reply(status, TEXT, text.encode())
