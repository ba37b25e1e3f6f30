"""Small chains for tests of the engine, made up in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clewline.engine.chain import UNSPENT, Chain

P2WPKH = 6
"""`ScriptKind.witness_v0_keyhash`, the kind of a script that names no other."""


@dataclass(frozen=True)
class Tx:
    """A transaction: outputs it spends as (transaction, index), and (value, script name)."""

    spends: Sequence[tuple[int, int]]
    pays: Sequence[tuple[int, str]]


def build(transactions: Sequence[Tx], kinds: dict[str, int] | None = None) -> Chain:
    """Build a chain with one block a transaction; script ids by first appearance."""
    tx_input, tx_output, prevout, value, script = [0], [0], [], [], []
    names: dict[str, int] = {}
    spender: list[int] = []
    for number, tx in enumerate(transactions):
        for spent_tx, index in tx.spends:
            output = tx_output[spent_tx] + index
            assert spender[output] == UNSPENT
            spender[output] = number
            prevout.append(output)
        for amount, name in tx.pays:
            value.append(amount)
            script.append(names.setdefault(name, len(names)))
            spender.append(UNSPENT)
        tx_input.append(len(prevout))
        tx_output.append(len(value))
    scripts = np.array(script, np.uint32)
    script_kind = [(kinds or {}).get(name, P2WPKH) for name in names]
    arrays = {
        "block_tx": np.arange(len(transactions) + 1, dtype=np.int64),
        "block_time": 1_600_000_000 + 600 * np.arange(len(transactions), dtype=np.int64),
        "tx_input": np.array(tx_input, np.int64),
        "tx_output": np.array(tx_output, np.int64),
        "prevout": np.array(prevout, np.int64),
        "value": np.array(value, np.int64),
        "script": scripts,
        "spender": np.array(spender, np.uint32),
        "script_kind": np.array(script_kind, np.uint8),
        **receipts(scripts, len(names)),
    }
    for array in arrays.values():
        array.flags.writeable = False  # as the store's are
    return Chain(**arrays)


def receipts(script: np.ndarray[Any, Any], n_script: int) -> dict[str, np.ndarray[Any, Any]]:
    """Link the outputs of each script, as `Chain` has them."""
    first = np.full(n_script, -1, np.int64)
    following = np.full(len(script), -1, np.int64)
    last: dict[int, int] = {}
    for output, paid in enumerate(script.tolist()):
        if paid in last:
            following[last[paid]] = output
        else:
            first[paid] = output
        last[paid] = output
    return {"first_output": first, "next_output": following}


def prefix(chain: Chain, n_tx: int) -> Chain:
    """Cut a chain after `n_tx` transactions, as it was before the others came."""
    n_input, n_output = int(chain.tx_input[n_tx]), int(chain.tx_output[n_tx])
    script = chain.script[:n_output]
    n_script = int(script.max()) + 1 if n_output else 0
    spender = chain.spender[:n_output].copy()
    spender[spender >= n_tx] = UNSPENT
    return Chain(
        block_tx=chain.block_tx[: n_tx + 1],
        block_time=chain.block_time[:n_tx],
        tx_input=chain.tx_input[: n_tx + 1],
        tx_output=chain.tx_output[: n_tx + 1],
        prevout=chain.prevout[:n_input],
        value=chain.value[:n_output],
        script=script,
        spender=spender,
        script_kind=chain.script_kind[:n_script],
        **receipts(script, n_script),
    )


@st.composite
def transactions(draw: st.DrawFn, most: int = 25, scripts: int = 12) -> list[Tx]:
    """Draw transactions that spend earlier outputs; scripts recur, values do not matter."""
    unspent: list[tuple[int, int]] = []
    made: list[Tx] = []
    for number in range(draw(st.integers(1, most))):
        spends: list[tuple[int, int]] = []
        for _ in range(draw(st.integers(0, min(4, len(unspent))))):
            spends.append(unspent.pop(draw(st.integers(0, len(unspent) - 1))))
        names = draw(st.lists(st.integers(0, scripts - 1), min_size=1, max_size=4))
        made.append(Tx(spends, [(1_000 + number, f"script {name}") for name in names]))
        unspent.extend((number, index) for index in range(len(names)))
    return made
