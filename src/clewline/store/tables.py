"""What linking asks and changes: tables of ids and scripts, spenders, receipts.

They are the indexes of the store themselves, mapped and changed in place (see `in_place`), so an
import that appends a few blocks touches a few pages of them, however long the chain is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.errors import ChainError
from clewline.store.hash_index import GROUP, capacity_for, insert_scripts, insert_txids
from clewline.store.index_files import IndexFiles
from clewline.store.link import (
    UNSPENT,
    LinkFault,
    Place,
    extend_receipts,
    fill_spenders,
    intern_scripts,
    link_error,
    link_inputs,
    receiving_index,
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
    """Indexes over the chain written so far.

    Parameters
    ----------
    files : IndexFiles
        Open at the chain written so far.
    script_key : int
        Key of the script hash.
    max_money : int
        No transaction of the chain spends more, base units.
    overwritten : list of int
        Transactions whose ids a later one repeats.
    view : callable
        The columns written so far; asked again at each step, as they grow.
    new_directory : callable
        Makes a directory for an index that must be made anew, and returns its name.
    """

    def __init__(
        self,
        files: IndexFiles,
        script_key: int,
        max_money: int,
        overwritten: list[int],
        view: View,
        new_directory: Callable[[], str],
    ) -> None:
        self._files = files
        self._seed = script_key
        self._max_money = max_money
        self._overwritten = overwritten
        self._view = view
        self._new_directory = new_directory

    def overwritten(self) -> list[int]:
        """Return the transactions whose ids a later one repeats, ascending."""
        return sorted(self._overwritten)

    def repeat(self, transactions: list[int]) -> None:
        """Note transactions whose ids later ones repeat."""
        self._overwritten += transactions

    def build(self) -> None:
        """Make all of them anew from the columns, in a new directory."""
        directory = self._new_directory()
        self._build_txids(self._view("tx.txid").shape[0], directory)
        self._build_scripts(self._view("script.kind").size, directory)
        script = self._view("output.script")
        for table in ("spending", "receiving"):
            self._files.make(table, directory)
        spender = np.full(script.size, UNSPENT, np.uint32)
        fill_spenders(self._view("tx.input_start"), self._view("input.prevout"), spender)
        self._files.in_place["spending.spender"].append(spender)
        scripts = self._view("script.kind").size
        first, following = np.empty(scripts, np.int64), np.empty(script.size, np.int64)
        last = np.full(scripts, -1, np.int64)
        receiving_index(script, first, following, last)
        self._files.appended["receiving.first"].append(first)
        self._files.in_place["receiving.next"].append(following)
        self._files.in_place["receiving.last"].append(last)

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
        StorageError
            If the disk refuses.
        """
        tx_rows = self._view("tx.txid").shape[0] + transactions
        script_rows = self._view("script.kind").size + outputs
        check_ids(max(tx_rows, script_rows))
        slots = self._files.in_place
        if slots["txid.slots"].entries.size < capacity_for(tx_rows):
            self._build_txids(
                _expected(tx_rows, transactions * batches_to_come), self._new_directory()
            )
        if slots["scripthash.slots"].entries.size < capacity_for(script_rows):
            # About every other output pays to a script that is known.
            self._build_scripts(
                _expected(script_rows, outputs * batches_to_come / 2), self._new_directory()
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
        StorageError
            If the disk refuses.
        """
        prevout = np.empty(parsed.prevout_at.size, np.int64)
        repeated = np.empty(parsed.txid.shape[0], np.uint32)
        slots, spender = (self._files.in_place[name] for name in ("txid.slots", "spending.spender"))
        spender.append(np.full(parsed.value.size, UNSPENT, np.uint32))
        fault, tx, row, repeats = link_inputs(
            slots.entries,
            slots.sums,
            parsed.data,
            parsed.prevout_at,
            parsed.tx_input,
            parsed.tx_output,
            parsed.txid.reshape(-1),
            parsed.value,
            self._view("tx.txid").reshape(-1),
            self._view("tx.output_start"),
            self._view("output.value"),
            self._max_money,
            parsed.shielded[:, 1:].sum(axis=1),
            spender.entries,
            spender.sums,
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
        """Give the outputs of a batch their script ids, and link them to earlier ones.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        outputs = parsed.value.size
        script = np.empty(outputs, np.uint32)
        new_at, new_length = np.empty(outputs, np.int64), np.empty(outputs, np.int64)
        block_script = np.empty(parsed.block_start.size, np.int64)
        slots, following, last = (
            self._files.in_place[name]
            for name in ("scripthash.slots", "receiving.next", "receiving.last")
        )
        fresh = intern_scripts(
            slots.entries,
            slots.sums,
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
        new_first, new_following = np.empty(fresh, np.int64), np.empty(outputs, np.int64)
        new_last = np.full(fresh, -1, np.int64)
        extend_receipts(
            script,
            following.entries.size,
            last.entries.size,
            following.entries,
            following.sums,
            last.entries,
            last.sums,
            new_first,
            new_following,
            new_last,
        )
        self._files.appended["receiving.first"].append(new_first)
        following.append(new_following)
        last.append(new_last)
        return InternedScripts(script, block_script, new_at[:fresh], new_length[:fresh])

    def _build_txids(self, rows: int, directory: str) -> None:
        """Build the table of ids anew, with room for `rows`."""
        # Room for as many repeats as ids: memory that is never touched is never taken.
        ids = self._view("tx.txid")
        repeated = np.empty(ids.shape[0], np.uint32)
        slots = self._files.empty_table("txid.slots", capacity_for(rows), directory)
        repeats = insert_txids(slots.entries, slots.sums, ids, repeated)
        self._overwritten = repeated[:repeats].tolist()

    def _build_scripts(self, rows: int, directory: str) -> None:
        """Build the table of scripts anew, with room for `rows`."""
        slots = self._files.empty_table("scripthash.slots", capacity_for(rows), directory)
        insert_scripts(
            slots.entries,
            slots.sums,
            self._seed,
            self._view("script.start"),
            self._view("script.bytes"),
        )
