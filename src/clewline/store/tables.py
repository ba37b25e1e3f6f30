"""What linking keeps in memory: tables of ids and scripts, spenders, repeated ids.

They become the indexes of the new tip, so an import that appends starts from those of the old.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.errors import ChainError
from clewline.store.hash_index import (
    GROUP,
    capacity_for,
    empty_slots,
    insert_scripts,
    insert_txids,
)
from clewline.store.link import (
    UNSPENT,
    LinkFault,
    Place,
    fill_spenders,
    intern_scripts,
    link_error,
    link_inputs,
)

MAX_IDS: Final = 0xFFFFFFFE
"""Transaction and script ids are 32 bits; the last value means *unspent*."""

_MOST_GROWTH: Final = 8

View = Callable[[str], NDArray[Any]]
"""Gives a canonical column by its full name, as written so far."""


class InternedScripts(NamedTuple):
    """The scripts of a batch.

    Attributes
    ----------
    script : ndarray of uint32, shape (n_output,)
        Script id of each output.
    block_script : ndarray of int64, shape (n_block,)
        Number of scripts known after each block.
    new_at, new_length : ndarray of int64, shape (n_new,)
        Where in the batch the new scripts lie.
    """

    script: NDArray[np.uint32]
    block_script: NDArray[np.int64]
    new_at: NDArray[np.int64]
    new_length: NDArray[np.int64]


def _expected(rows: int, more: float) -> int:
    """Return for how many rows to make room when there are to be more, as far as that is known.

    Blocks of different years differ: growth is bounded where the guess is too high, and at least
    an eighth, worth its copy, where it is too low.
    """
    return max(min(rows + int(more), _MOST_GROWTH * rows), rows + rows // 8)


def check_ids(rows: int) -> None:
    """Refuse more transactions or scripts than can be numbered.

    Raises
    ------
    ChainError
        If `rows` exceeds `MAX_IDS`.
    """
    if rows > MAX_IDS:
        raise ChainError("more transactions or scripts than 32-bit ids can number")


class LinkTables:
    """Tables over the chain written so far.

    Parameters
    ----------
    script_key : int
        Key of the script hash.
    view : callable
        The columns written so far; asked again at each step, as they grow.
    """

    def __init__(self, script_key: int, view: View) -> None:
        self._seed = script_key
        self._view = view
        self.txid_slots = empty_slots(0)
        self.script_slots = empty_slots(0)
        self._spender = np.empty(0, np.uint32)
        self._overwritten: list[int] = []

    def load(self, index: View) -> None:
        """Take over the indexes of a tip."""
        self.txid_slots = index("txid.slots").copy()
        self.script_slots = index("scripthash.slots").copy()
        self._spender = index("spending.spender").copy()
        self._overwritten = index("txid.overwritten").tolist()

    def rebuild(self) -> None:
        """Build everything from the columns."""
        ids = self._view("tx.txid").reshape(-1)
        prevout, tx_input = self._view("input.prevout"), self._view("tx.input_start")
        # Room for as many repeats as ids: memory that is never touched is never taken.
        repeated = np.empty(ids.size // 32, np.uint32)
        self.txid_slots = empty_slots(repeated.size)
        repeats = insert_txids(self.txid_slots, ids, repeated)
        self._overwritten = repeated[:repeats].tolist()
        self._grow_scripts(self._view("script.kind").size)
        self._spender = np.full(self._view("output.value").size, UNSPENT, np.uint32)
        fill_spenders(tx_input, prevout, self._spender)

    def overwritten(self) -> NDArray[np.uint32]:
        """Return the transactions whose ids a later one repeats, ascending."""
        return np.array(sorted(self._overwritten), np.uint32)

    def spender(self) -> NDArray[np.uint32]:
        """Return the spender of each output written so far."""
        return self._spender[: self._view("output.value").size]

    def make_room(self, transactions: int, outputs: int, batches_to_come: float) -> None:
        """Grow so that a batch fits (each of its outputs may bring a new script).

        Parameters
        ----------
        transactions, outputs : int
            What the batch holds.
        batches_to_come : float
            How many of this size are expected after it; what must grow grows for them.

        Raises
        ------
        ChainError
            If ids run out.
        """
        txids, scripts = self._view("tx.txid"), self._view("script.kind").size
        held = self._view("output.value").size
        tx_rows, script_rows = txids.shape[0] + transactions, scripts + outputs
        check_ids(max(tx_rows, script_rows))
        if self.txid_slots.size < capacity_for(tx_rows):
            self.txid_slots = empty_slots(_expected(tx_rows, transactions * batches_to_come))
            insert_txids(self.txid_slots, txids, np.empty(0, np.uint32))
        if self.script_slots.size < capacity_for(script_rows):
            # About every other output pays to a script that is known.
            self._grow_scripts(_expected(script_rows, outputs * batches_to_come / 2))
        if self._spender.size < held + outputs:
            room = _expected(held + outputs, outputs * batches_to_come)
            grown = np.full(room, UNSPENT, np.uint32)
            grown[:held] = self._spender[:held]
            self._spender = grown

    def _grow_scripts(self, rows: int) -> None:
        """Build the table of scripts anew, with room for `rows`."""
        self.script_slots = empty_slots(rows)
        insert_scripts(
            self.script_slots, self._seed, self._view("script.start"), self._view("script.bytes")
        )

    def link(self, parsed: ParsedBlocks, place: Place) -> NDArray[np.int64]:
        """Resolve the inputs of a batch to outputs.

        Parameters
        ----------
        parsed : ParsedBlocks
            Verified.
        place : callable
            Tells where a block of the batch comes from, for the error.

        Returns
        -------
        ndarray of int64, shape (n_input,)
            Output ids.

        Raises
        ------
        ChainError
            An input that spends what is not there, or more than there is.
        """
        prevout = np.empty(parsed.prevout_at.size, np.int64)
        repeated = np.empty(parsed.txid.shape[0], np.uint32)
        fault, tx, row, repeats = link_inputs(
            self.txid_slots,
            parsed.data,
            parsed.prevout_at,
            parsed.tx_input,
            parsed.tx_output,
            parsed.txid.reshape(-1),
            parsed.value,
            self._view("tx.txid").reshape(-1),
            self._view("tx.output_start"),
            self._view("output.value"),
            self._spender,
            prevout,
            repeated,
            np.empty(2 * GROUP, np.int64),
        )
        if fault:
            block = int(np.searchsorted(parsed.block_tx, tx, side="right")) - 1
            raise link_error(
                row - parsed.tx_input[tx], parsed.txid[tx], LinkFault(fault), place(block)
            )
        self._overwritten += repeated[:repeats].tolist()
        return prevout

    def intern(self, parsed: ParsedBlocks) -> InternedScripts:
        """Give the outputs of a batch their script ids."""
        outputs = parsed.value.size
        script = np.empty(outputs, np.uint32)
        new_at, new_length = np.empty(outputs, np.int64), np.empty(outputs, np.int64)
        block_script = np.empty(parsed.block_start.size, np.int64)
        fresh = intern_scripts(
            self.script_slots,
            np.uint64(self._seed),
            parsed.data,
            parsed.script_at,
            parsed.script_length,
            parsed.tx_output[parsed.block_tx],
            self._view("script.start"),
            self._view("script.bytes"),
            script,
            new_at,
            new_length,
            block_script,
            np.empty(GROUP, np.uint64),
            np.empty(GROUP, np.int64),
        )
        return InternedScripts(script, block_script, new_at[:fresh], new_length[:fresh])
