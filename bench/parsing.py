"""Parsing, beside blockchain-parser (pure Python) on the same blocks.

Both give, of each transaction, its id, what its inputs spend, and value and script of its outputs,
on one core. Ours also hashes the witnesses and checks proof of work, Merkle root and commitment.
The peer gets a part of the blocks, as many as take it some seconds; figures are a second.

The peer is LGPL, and what it needs is built from source, so it is not among what `make setup`
installs. Without it the line says so and has our figures alone.
"""

from __future__ import annotations

import time
from importlib import import_module
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case
from bench.line import Goal, emit, note
from clewline.codec.block import ParsedBlocks, parse_blocks, verify_blocks
from clewline.sources.block_files import network_of, scan_directory

_RUNS = 3
_GOAL = Goal("ratio", ">=", 1)
_PEER = "blockchain-parser"
_PEER_TRANSACTIONS = 5000
_OUR_BYTES = 64 << 20


def measure(case: Case) -> None:
    """Measure both, alternating, and check that they find the same ids, outpoints and outputs."""
    records = scan_directory(case.blocks, network_of(case.blocks))
    sizes = np.cumsum(records.end - records.start)
    data, start, end = records.read(np.flatnonzero(sizes <= max(_OUR_BYTES, int(sizes[0]))))
    try:
        peer: Any = import_module("blockchain_parser.block").Block
    except ImportError:
        peer = None
        note(f"parsing: no peer; for one: pip install {_PEER}==0.1.6 (needs a C compiler)")
    ours, theirs = [], []
    for run in range(_RUNS):
        note(f"parsing: run {run + 1} of {_RUNS}")
        begin = time.perf_counter()
        parsed = parse_blocks(data, start, end)
        if not isinstance(parsed, ParsedBlocks) or verify_blocks(parsed):
            raise SystemExit("bench: a block cannot be parsed")
        ours.append(parsed.txid.shape[0] / (time.perf_counter() - begin))
        if peer is not None:
            theirs.append(_peer_speed(peer, data, parsed))
    figures: dict[str, Any] = {
        "transactions": parsed.txid.shape[0],
        "transactions_per_second": median(ours),
        "runs": ours,
    }
    if peer is None:
        emit("parsing", {**figures, "peer": f"{_PEER} is not installed"})
        return
    figures |= {
        "peer": f"{_PEER} {version(_PEER)}",
        "peer_transactions_per_second": median(theirs),
        "peer_runs": theirs,
        "ratio": max(ours) / max(theirs),
    }
    emit("parsing", figures, goal=_GOAL)


def _peer_speed(peer: Any, data: NDArray[np.uint8], parsed: ParsedBlocks) -> float:
    """Have the peer parse some blocks, check what it finds, and return transactions a second."""
    seconds, count = 0.0, 0
    for block in range(parsed.block_start.size):
        raw = data[parsed.block_start[block] : parsed.block_end[block]].tobytes()
        begin = time.perf_counter()
        found = [
            (
                tx.txid,
                [(spent.transaction_hash, spent.transaction_index) for spent in tx.inputs],
                [(output.value, output.script.hex) for output in tx.outputs],
            )
            for tx in peer.from_hex(raw).transactions
        ]
        seconds += time.perf_counter() - begin
        _require_same(found, data, parsed, int(parsed.block_tx[block]))
        count += len(found)
        if count >= _PEER_TRANSACTIONS:
            break
    return count / seconds


def _require_same(
    found: list[Any], data: NDArray[np.uint8], parsed: ParsedBlocks, first_tx: int
) -> None:
    """End the run where the peer finds another transaction in a block."""
    for number, (txid, inputs, outputs) in enumerate(found, first_tx):
        spent = parsed.prevout_at[parsed.tx_input[number] : parsed.tx_input[number + 1]].tolist()
        own = slice(parsed.tx_output[number], parsed.tx_output[number + 1])
        scripts = zip(
            parsed.script_at[own].tolist(), parsed.script_length[own].tolist(), strict=True
        )
        same = (
            txid == parsed.txid[number][::-1].tobytes().hex()
            # The one input of a coinbase spends nothing, so ours has none.
            and (not spent or [_outpoint(data, at) for at in spent] == inputs)
            and [value for value, _script in outputs] == parsed.value[own].tolist()
            and [data[at : at + size].tobytes() for at, size in scripts]
            == [bytes(script) for _value, script in outputs]
        )
        if not same:
            raise SystemExit(f"bench: the peer parses transaction {txid} otherwise")


def _outpoint(data: NDArray[np.uint8], at: int) -> tuple[str, int]:
    """Return transaction id and index of an outpoint."""
    raw = data[at : at + 36].tobytes()
    return raw[31::-1].hex(), int.from_bytes(raw[32:], "little")
