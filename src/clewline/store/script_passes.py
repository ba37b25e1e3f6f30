"""The passes that number scripts: tables ``script``, ``receiving``, ``scripthash``."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.script import script_kinds
from clewline.store.bulk_rows import ROW_WORDS, BatchRows
from clewline.store.bulk_scripts import (
    OUTPUT_WORDS,
    Firsts,
    group_matches,
    match_scripts,
    number_scripts,
    place_outputs,
    place_scripts,
    rank_many,
)
from clewline.store.hash_index import capacity_for, empty_slots
from clewline.store.partitions import Offsets, Partitions, Words
from clewline.store.passes import Bases, Workplace, cut_ranges
from clewline.store.tables import check_ids

_OUTPUTS_A_WORD: Final = 64


class ScriptPasses:
    """Outputs of a chain on their way to columns.

    Parameters
    ----------
    at : Workplace
        Where to work.
    mweb : bool
        Whether the chain has an extension block (Litecoin).
    """

    def __init__(self, at: Workplace, *, mweb: bool) -> None:
        self._at = at
        self._mweb = mweb
        self._outputs = at.partitions("outputs", at.parts, ROW_WORDS, 0.08)
        self._bytes = at.queue("script_bytes", np.uint8, 0.03)
        self._length = at.queue("script_length", np.uint32, 0.01)
        # Of each partition, the keys of its scripts and their first outputs.
        self._keys = at.queue("script_keys", np.uint64, 0.02)
        self._first_output = at.queue("script_first", np.int64, 0.02)
        self._scripts: list[int] = []

    def append(self, rows: BatchRows) -> None:
        """Take the rows of a batch."""
        self._outputs.append(*rows.outputs)
        self._bytes.append(rows.script_bytes)
        self._length.append(rows.script_length)

    def run(self, bases: Bases) -> None:
        """Run the passes.

        Parameters
        ----------
        bases : Bases
            Of the batches.
        """
        firsts = self._number(self._match(bases))
        self._start_blocks(firsts)
        self._fill(firsts)

    def _match(self, bases: Bases) -> Partitions:
        """Find the first output of each script, and the next of each output."""
        outputs = cut_ranges(self._at.columns.counts["output"])
        matches = self._at.partitions("matches", outputs.count, OUTPUT_WORDS, 0.04)

        def match(part: int) -> tuple[Words, Offsets, Words, Offsets]:
            rows, chunk = self._outputs.read(part)
            count = rows.size // ROW_WORDS
            output, following, last, first = np.empty((4, count), np.int64)
            scripts = match_scripts(
                empty_slots(count), rows, chunk, bases.output, output, following, last, first
            )
            starts = np.empty(outputs.count + 1, np.int64)
            grouped = np.empty(OUTPUT_WORDS * count, np.uint64)
            keys, first_output = np.empty(scripts, np.uint64), np.empty(scripts, np.int64)
            group_matches(
                rows,
                output,
                following,
                last,
                first,
                outputs.log2,
                starts,
                grouped,
                keys,
                first_output,
            )
            return grouped, starts, keys, first_output

        for grouped, starts, keys, first_output in self._at.in_order(match, range(self._at.parts)):
            matches.append(grouped, starts)
            self._keys.append(keys)
            self._first_output.append(first_output)
            self._scripts.append(keys.size)
        self._outputs.close()
        return matches

    def _number(self, matches: Partitions) -> Firsts:
        """Give scripts their numbers along the chain; write what is in that order."""
        columns_ = self._at.columns
        outputs = cut_ranges(columns_.counts["output"])
        words = -(-outputs.rows // _OUTPUTS_A_WORD)
        firsts = Firsts(np.zeros(words, np.uint64), np.empty(words, np.uint32))

        def place(number: int) -> tuple[Offsets, Words]:
            rows, _chunks = matches.read(number)
            following, other = np.empty((2, outputs.size(number)), np.int64)
            other_words = other.view(np.uint64)
            place_outputs(rows, following, other_words)
            return following, other_words

        check_ids(sum(self._scripts))
        known = known_bytes = 0
        # Numbers follow from those before, so one thread gives them; another one writes meanwhile.
        with ThreadPoolExecutor(1) as writer:
            written: Future[None] | None = None
            ranges = self._at.in_order(place, range(outputs.count))
            for number, (following, other) in enumerate(ranges):
                length = self._length.take(other.size)
                data = self._bytes.take(int(length.sum(dtype=np.int64)))
                script = np.empty(other.size, np.uint32)
                first, last, ends = np.empty((3, other.size), np.int64)
                blob = np.empty(data.size, np.uint8)
                fresh, size = number_scripts(
                    outputs.first(number),
                    other,
                    length,
                    data,
                    known,
                    firsts,
                    script,
                    first,
                    last,
                    ends,
                    blob,
                )
                if written is not None:
                    written.result()
                written = writer.submit(
                    self._write,
                    *(script, ends[:fresh], blob[:size], first[:fresh], last[:fresh], following),
                    *(known, known_bytes),
                )
                known += fresh
                known_bytes += size
            if written is not None:
                written.result()
        for spilled in (matches, self._bytes, self._length):
            spilled.close()
        return firsts

    def _write(
        self,
        script: NDArray[np.uint32],
        ends: Offsets,
        blob: NDArray[np.uint8],
        first: Offsets,
        last: Offsets,
        following: Offsets,
        known: int,
        known_bytes: int,
    ) -> None:
        """Write what a range of outputs brought, behind so many scripts and bytes."""
        starts = np.concatenate((np.zeros(1, np.int64), ends))
        self._at.columns.append(
            {
                "output.script": script,
                "script.start": ends + known_bytes,
                "script.kind": script_kinds(blob, starts, self._mweb),
                "script.bytes": blob,
            },
            {"script": known + ends.size, "script_byte": known_bytes + blob.size},
        )
        indexes = self._at.indexes
        indexes.appended["receiving.first"].append(first)
        indexes.in_place["receiving.next"].append(following)
        indexes.in_place["receiving.last"].append(last)

    def _start_blocks(self, firsts: Firsts) -> None:
        """Write the number of scripts known after each block."""
        columns_ = self._at.columns
        ends = columns_.view("tx.output_start")[columns_.view("block.tx_start")[1:]]
        known = np.full(ends.size, columns_.counts["script"], np.int64)
        rank_many(firsts, ends[:-1], known[:-1])
        columns_.append({"block.script_start": known}, {})

    def _fill(self, firsts: Firsts) -> None:
        """Fill ``scripthash.slots``."""
        size = capacity_for(self._at.columns.counts["script"])

        def fill(part: int, region: int, keys: Words, first_output: Offsets) -> tuple[Words, None]:
            slots = np.zeros(region + keys.size + 1, np.uint64)
            place_scripts(slots, region * part, size, keys, first_output, firsts)
            return slots, None

        given = map(self._keys.take, self._scripts), map(self._first_output.take, self._scripts)
        for _nothing in self._at.fill_table("scripthash.slots", size, fill, *given):
            pass
        self._keys.close()
        self._first_output.close()
