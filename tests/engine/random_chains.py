"""Small chains for tests: built by hand with `chain_of`, or drawn by Hypothesis with `chains`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tests.engine.chains import receipts

from clewline.engine.chain import UNSPENT, Chain

Transaction = tuple[Sequence[int], Sequence[tuple[int, int]]]
"""Outputs that it spends (by id), and (value, script) of each output; no inputs: a coinbase."""


def chain_of(
    blocks: Sequence[Sequence[Transaction]],
    times: Sequence[int] | None = None,
    n_script: int | None = None,
) -> Chain:
    """Build the columns of a chain. Output ids count through all blocks, from 0."""
    transactions = [transaction for block in blocks for transaction in block]
    prevout = [spent for inputs, _ in transactions for spent in inputs]
    outputs = [output for _, created in transactions for output in created]
    script = np.array([script for _, script in outputs], np.uint32)
    spender = np.full(len(outputs), UNSPENT, np.uint32)
    for tx, (inputs, _) in enumerate(transactions):
        for spent in inputs:
            assert spender[spent] == UNSPENT, "an output is spent once"
            spender[spent] = tx
    if n_script is None:
        n_script = int(script.max()) + 1 if len(script) else 0
    return Chain(
        block_tx=_offsets([len(block) for block in blocks]),
        block_time=np.array(range(len(blocks)) if times is None else times, np.int64),
        tx_input=_offsets([len(inputs) for inputs, _ in transactions]),
        tx_output=_offsets([len(created) for _, created in transactions]),
        prevout=np.array(prevout, np.int64),
        value=np.array([value for value, _ in outputs], np.int64),
        script=script,
        spender=spender,
        script_kind=np.zeros(n_script, np.uint8),
        **receipts(script, n_script),
    )


def _offsets(counts: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.concatenate(([0], np.cumsum(np.array(counts, np.int64)))).astype(np.int64)


@st.composite
def chains(draw: st.DrawFn, *, times_ascend: bool = False, n_script: int = 8) -> Chain:
    """A chain of a few blocks: several inputs and outputs, fees, zero values, same-block spends.

    Values are small, so that a reference may count satoshi one by one.
    """
    unspent: list[tuple[int, int]] = []  # (output, value)
    blocks: list[list[Transaction]] = []
    n_output = 0

    def create(values: Sequence[int]) -> list[tuple[int, int]]:
        nonlocal n_output
        created = [(value, draw(st.integers(0, n_script - 1))) for value in values]
        unspent.extend((n_output + k, value) for k, value in enumerate(values))
        n_output += len(values)
        return created

    small = st.lists(st.integers(0, 12), min_size=1, max_size=2)
    for _ in range(draw(st.integers(1, 5))):
        block: list[Transaction] = [([], create(draw(small)))]
        for _ in range(draw(st.integers(0, 4))):
            if not unspent:
                break
            n_inputs = draw(st.integers(1, min(4, len(unspent))))
            spent = [unspent.pop(draw(st.integers(0, len(unspent) - 1))) for _ in range(n_inputs)]
            total = sum(value for _, value in spent)
            n_outputs = draw(st.integers(1, 4))
            cuts = sorted(
                draw(st.lists(st.integers(0, total), min_size=n_outputs, max_size=n_outputs))
            )
            if draw(st.booleans()):
                cuts[-1] = total  # no fee
            values = [high - low for low, high in zip([0, *cuts], cuts, strict=False)]
            block.append(([output for output, _ in spent], create(values)))
        blocks.append(block)
    times = draw(st.lists(st.integers(0, 9), min_size=len(blocks), max_size=len(blocks)))
    return chain_of(blocks, sorted(times) if times_ascend else times, n_script)
