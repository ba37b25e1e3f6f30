"""The passes that link inputs to outputs: columns ``input.prevout``, ``spending``, ``txid``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clewline.errors import ChainError
from clewline.store.bulk_link import (
    FAULTS_LOG2,
    NO_FAULT,
    SPEND_WORDS,
    check_sums,
    fault_of,
    group_spends,
    place_inputs,
    resolve_inputs,
    spend_outputs,
)
from clewline.store.bulk_rows import ROW_WORDS, BatchRows
from clewline.store.hash_index import capacity_for
from clewline.store.link import UNSPENT, LinkFault, Place, link_error
from clewline.store.partitions import Offsets, Partitions, Words
from clewline.store.passes import Bases, Workplace, cut_ranges


class LinkPasses:
    """Inputs and transactions of a chain on their way to columns.

    Parameters
    ----------
    at : Workplace
        Where to work.
    max_money : int
        No transaction of the chain spends more, base units.
    """

    def __init__(self, at: Workplace, max_money: int) -> None:
        self._at = at
        self._max_money = max_money
        self._transactions = at.partitions("transactions", at.parts, ROW_WORDS, 0.03)
        self._inputs = at.partitions("inputs", at.parts, ROW_WORDS, 0.07)
        self._fault = NO_FAULT

    def append(self, rows: BatchRows) -> None:
        """Take the rows of a batch."""
        self._transactions.append(*rows.transactions)
        self._inputs.append(*rows.inputs)

    def run(self, bases: Bases) -> tuple[list[int], int]:
        """Run the passes.

        Parameters
        ----------
        bases : Bases
            Of the batches.

        Returns
        -------
        overwritten : list of int
            Transactions whose id a later one repeats.
        fault : int
            The first fault, for `describe`; `NO_FAULT` if there is none.
        """
        spends, overwritten = self._resolve(bases)
        paid = self._spend(spends)
        self._place(paid)
        return overwritten, self._fault

    def _resolve(self, bases: Bases) -> tuple[Partitions, list[int]]:
        """Find what each input spends; fill ``txid.slots``."""
        counts = self._at.columns.counts
        size = capacity_for(counts["tx"])
        outputs = cut_ranges(counts["output"])
        spends = self._at.partitions("spends", outputs.count, SPEND_WORDS, 0.04)

        def resolve(part: int, region: int) -> tuple[Words, tuple[Any, ...]]:
            tx_rows, tx_chunk = self._transactions.read(part)
            input_rows, input_chunk = self._inputs.read(part)
            n_tx = tx_rows.size // ROW_WORDS
            slots = np.zeros(region + n_tx + 1, np.uint64)
            repeated = np.empty(n_tx, np.uint32)
            repeats, fault = resolve_inputs(
                slots,
                region * part,
                size,
                tx_rows,
                tx_chunk,
                input_rows,
                input_chunk,
                *bases,
                repeated,
            )
            starts = np.zeros(outputs.count + 1, np.int64)
            rows = np.empty(SPEND_WORDS * (input_rows.size // ROW_WORDS), np.uint64)
            group_spends(input_rows, outputs.log2, starts, rows)
            return slots, (
                fault,
                repeated[:repeats].tolist(),
                rows[: SPEND_WORDS * starts[-1]],
                starts,
            )

        overwritten: list[int] = []
        for fault, repeated, rows, starts in self._at.fill_table("txid.slots", size, resolve):
            self._fault = min(self._fault, fault)
            overwritten += repeated
            spends.append(rows, starts)
        self._transactions.close()
        self._inputs.close()
        return spends, overwritten

    def _spend(self, spends: Partitions) -> Partitions:
        """Find who spends each output, and what each input brings."""
        counts = self._at.columns.counts
        outputs, inputs = cut_ranges(counts["output"]), cut_ranges(counts["input"])
        value = self._at.columns.view("output.value")
        paid = self._at.partitions("paid", inputs.count, SPEND_WORDS, 0.04)

        def spend(number: int) -> tuple[int, NDArray[np.uint32], Words, Offsets]:
            first, size = outputs.first(number), outputs.size(number)
            rows, _chunks = spends.read(number)
            spender = np.full(size, UNSPENT, np.uint32)
            spent_by = np.full(size, NO_FAULT, np.int64)
            starts = np.zeros(inputs.count + 1, np.int64)
            own = value[first : first + size]
            found = np.empty_like(rows)
            fault = spend_outputs(rows, first, own, spender, spent_by, inputs.log2, starts, found)
            return fault, spender, found, starts

        spenders = self._at.indexes.in_place["spending.spender"]
        for fault, spender, rows, starts in self._at.in_order(spend, range(outputs.count)):
            self._fault = min(self._fault, fault)
            spenders.append(spender)
            paid.append(rows, starts)
        spends.close()
        return paid

    def _place(self, paid: Partitions) -> None:
        """Put inputs in order, and hold what they bring against what is paid."""
        columns_ = self._at.columns
        inputs = cut_ranges(columns_.counts["input"])

        def place(number: int) -> tuple[Offsets, Offsets]:
            rows, _chunks = paid.read(number)
            prevout, brought = np.empty((2, inputs.size(number)), np.int64)
            place_inputs(rows, prevout, brought)
            return prevout, brought

        tx_input, tx_output = columns_.view("tx.input_start"), columns_.view("tx.output_start")
        value = columns_.view("output.value")
        limit = self._fault >> FAULTS_LOG2
        shielded_tx, into_pools = np.empty(0, np.uint32), np.empty(0, np.int64)
        if "shielded" in columns_.counts:
            shielded_tx = columns_.view("shielded.tx")
            into_pools = columns_.view("shielded.value").sum(axis=1)
        carried = np.zeros(3, np.int64)
        for number, (prevout, brought) in enumerate(self._at.in_order(place, range(inputs.count))):
            columns_.append({"input.prevout": prevout}, {})
            fault = check_sums(
                brought,
                inputs.first(number),
                limit,
                tx_input,
                tx_output,
                value,
                self._max_money,
                shielded_tx,
                into_pools,
                carried,
            )
            if fault != NO_FAULT:
                self._fault = min(self._fault, fault)
                break
        paid.close()

    def describe(self, fault: int, place: Place) -> ChainError:
        """Return the error for a fault.

        Parameters
        ----------
        fault : int
            From `run`.
        place : callable
            Tells where the block of a height comes from.
        """
        row, kind = fault_of(fault)
        view = self._at.columns.view
        tx_input = view("tx.input_start")
        tx = int(np.searchsorted(tx_input, row, side="right")) - 1
        # A sum is of all inputs: the first stands for them.
        shown = 0 if kind == LinkFault.VALUE else row - int(tx_input[tx])
        height = int(np.searchsorted(view("block.tx_start"), tx, side="right")) - 1
        return link_error(shown, view("tx.txid")[tx], kind, place(height))
