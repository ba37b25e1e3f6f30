"""Checking a store: every byte of the columns, every rule that they must keep, every index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import merkle_root_into
from clewline.codec.header import HEADER_BYTES, header_hashes, header_rows
from clewline.codec.script import script_kinds
from clewline.codec.sha256 import DIGEST_SIZE, Scratch, new_scratch
from clewline.codec.spending_order import listed_by_id
from clewline.errors import StoreDamagedError, UsageError
from clewline.jit import leaf
from clewline.sources.block_files import scan_directory
from clewline.sources.undo_files import undo_records
from clewline.store.directory import APPENDING
from clewline.store.files import CHECKSUM_BYTES, CHUNK_BYTES, chunk_checksums
from clewline.store.hash_index import find_scripts, find_txids
from clewline.store.importer import Progress
from clewline.store.in_place import ENTRIES, SUM_BYTES, sums_of
from clewline.store.index_files import clear
from clewline.store.link import UNSPENT, fill_spenders, receiving_index
from clewline.store.manifest import read_checksums
from clewline.store.reader import ChainStore
from clewline.store.schema import IN_PLACE
from clewline.store.undo import compare_undo


@dataclass
class CheckReport:
    """What was checked, and what is wrong.

    Attributes
    ----------
    checked : list of str
        What was looked at.
    wrong : list of str
        What was found, each with its place; nothing if all is well.
    """

    checked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def check_columns(
    path: Path, core_blocks: Path | None, progress: Progress
) -> tuple[CheckReport, ChainStore | None]:
    """Check the published tip of a store.

    Parameters
    ----------
    path : Path
        Directory of the store.
    core_blocks : Path, optional
        Blocks directory of a node; its undo data is compared with what inputs spent.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    report : CheckReport
        What was found.
    store : ChainStore or None
        The tip, if nothing was wrong.

    Raises
    ------
    StoreMissingError, StoreVersionError
        If there is nothing to check.
    BlockFileError
        If `core_blocks` cannot be read.
    UsageError
        If it is of a chain whose undo data has another form (Zcash).
    """
    report = CheckReport()
    try:
        store = _settled(ChainStore.open(path))
        report.wrong += _check_bytes(store, progress)
    except StoreDamagedError as error:
        report.wrong.append(str(error))
    report.checked.append("columns and indexes, byte by byte")
    if report.wrong:
        return report, None
    rules = _RULES if store.coverage is None else _PARTIAL_RULES
    for number, (name, rule) in enumerate(rules.items()):
        progress("Checking rules", number, len(rules))
        report.checked.append(name)
        if not rule(store):
            report.wrong.append(f"{path}: {name}: does not hold")
            if rule in (_offsets, _references):
                # The other rules follow these.
                return report, None
    progress("Checking rules", len(rules), len(rules))
    if core_blocks is not None and store.network.coin.form.shielded:
        raise UsageError(
            f"undo data of {store.network.coin.name} cannot be read: it holds more than Bitcoin's",
            where="--core-blocks",
        )
    if core_blocks is not None:
        found = header_hashes(scan_directory(core_blocks, store.network).header)
        held = {row.tobytes() for row in store.column("block.hash")}
        others = [name for name in (row.tobytes() for row in found) if name not in held]
        agreeing, wrong = compare_undo(store, undo_records(core_blocks, store.network), others)
        report.checked.append(f"undo data of {agreeing:,} blocks")
        report.wrong += wrong
    return report, store if not report.wrong else None


def _settled(store: ChainStore) -> ChainStore:
    """Return a tip without what an import, at work or cut off, has set beyond it since."""
    if not (store.path / APPENDING).exists():
        return store
    entries = {name: store.written(name).copy() for name in IN_PLACE}
    clear(entries, store.column("receiving.first"), store.manifest.counts)
    return ChainStore(store.path, store.manifest, entries)


def _check_bytes(store: ChainStore, progress: Progress) -> Iterator[str]:
    """Yield each chunk of a column or index that does not match its checksum."""
    expected = read_checksums(store.path, store.manifest)
    for number, (name, sums) in enumerate(expected.items()):
        progress("Checking files", number, len(expected))
        column = store.written(name)
        data = np.ascontiguousarray(column).view(np.uint8).reshape(-1)
        if name in IN_PLACE:
            actual, width, covered = sums_of(column), SUM_BYTES, ENTRIES * column.itemsize
        else:
            actual, width, covered = chunk_checksums(data), CHECKSUM_BYTES, CHUNK_BYTES
        for at in range(0, len(actual), width):
            if actual[at : at + width] != sums[at : at + width]:
                first = at // width * covered
                last = min(first + covered, data.size) - 1
                place = store.file_of(name)
                yield f"{place}, bytes {first} to {last}: do not match their checksum"
    progress("Checking files", len(expected), len(expected))


@leaf
def _wrong_root(
    block_tx: NDArray[np.int64],
    txids: NDArray[np.uint8],
    roots: NDArray[np.uint8],
    level: NDArray[np.uint8],
    root: NDArray[np.uint8],
    scratch: Scratch,
    from_block: int,
) -> Any:
    """Return the first block whose Merkle root does not follow from its ids; -1 if none."""
    for block in range(from_block, block_tx.size - 1):
        first, last = block_tx[block], block_tx[block + 1]
        for byte in range(32 * (last - first)):
            level[byte] = txids[32 * first + byte]
        merkle_root_into(level, last - first, root, scratch)
        for byte in range(32):
            if root[byte] != roots[block, byte]:
                return block
    return np.int64(-1)


@leaf
def _inputs_hold(
    tx_input: NDArray[np.int64],
    tx_output: NDArray[np.int64],
    prevout: NDArray[np.int64],
    value: NDArray[np.int64],
    shielded_tx: NDArray[np.uint32],
    into_pools: NDArray[np.int64],
    spent: NDArray[np.bool_],
) -> bool:
    """Check that inputs spend earlier outputs, each once, and pay for what they make."""
    shielded = np.int64(0)
    for tx in range(tx_input.size - 1):
        left = np.int64(0)
        for row in range(tx_input[tx], tx_input[tx + 1]):
            output = prevout[row]
            if output >= tx_output[tx] or spent[output]:
                return False
            spent[output] = True
            left += value[output]
        into = np.int64(0)
        while shielded < shielded_tx.size and shielded_tx[shielded] < tx:
            shielded += 1
        if shielded < shielded_tx.size and shielded_tx[shielded] == tx:
            into = into_pools[shielded]
        # A coinbase has no inputs and takes nothing out of pools.
        if tx_input[tx] < tx_input[tx + 1] or into < 0:
            left -= into
            for output in range(tx_output[tx], tx_output[tx + 1]):
                left -= value[output]
            if left < 0:
                return False
    return True


@leaf
def _first_appearance(script: NDArray[np.uint32], count: int) -> bool:
    """Check that script ids are dense in order of first appearance."""
    known = np.int64(0)
    for output in range(script.size):
        if script[output] > known:
            return False
        if script[output] == known:
            known += 1
    return bool(known == count)


def _offsets(store: ChainStore) -> bool:
    """Check that offsets ascend from 0 to their last row, and that no block is empty."""
    counts = store.manifest.counts
    owned = {
        "block.tx_start": "tx",
        "block.script_start": "script",
        "tx.input_start": "input",
        "tx.output_start": "output",
        "script.start": "script_byte",
    }
    return all(
        bool(starts[0] == 0 and starts[-1] == counts[rows] and (np.diff(starts) >= 0).all())
        for rows, starts in ((rows, store.column(name)) for name, rows in owned.items())
    ) and (store.coverage is not None or bool((np.diff(store.column("block.tx_start")) > 0).all()))


def _references(store: ChainStore) -> bool:
    """Check that inputs and outputs refer to what there is."""
    counts, prevout = store.manifest.counts, store.column("input.prevout")
    shielded = store.shielded_tx
    return bool(
        counts["block"] > 0
        and prevout.min(initial=0) >= 0
        and prevout.max(initial=-1) < counts["output"]
        and store.column("output.script").max(initial=0) < max(counts["script"], 1)
        and (shielded[1:] > shielded[:-1]).all()
        and (shielded < counts["tx"]).all()
    )


def _named(store: ChainStore) -> bool:
    """Check that each hash is that of its header, where what is stored of it gives the hash."""
    if store.network.coin.form.shielded:
        return True
    raw = np.ascontiguousarray(store.column("block.header")).view(np.uint8)
    start = np.arange(store.manifest.counts["block"], dtype=np.int64) * HEADER_BYTES
    rows = header_rows(raw, start, start + HEADER_BYTES, store.network.coin.form)
    return bool((header_hashes(rows) == store.column("block.hash")).all())


def _headers(store: ChainStore) -> bool:
    """Check that hashes are those of the headers, which link up to the tip."""
    header = store.column("block.header")
    hashes = store.column("block.hash")
    return bool(
        _named(store)
        and (header["previous"][1:] == hashes[:-1]).all()
        and hashes[0].tobytes() == store.network.genesis
        and hashes[-1][::-1].tobytes().hex() == store.manifest.tip
    )


def _known_headers(store: ChainStore) -> bool:
    """Check that hashes are those of the headers, from the genesis block to the tip."""
    hashes = store.column("block.hash")
    return bool(
        _named(store)
        and hashes[0].tobytes() == store.network.genesis
        and hashes[-1][::-1].tobytes().hex() == store.manifest.tip
    )


def _covered(store: ChainStore) -> bool:
    """Check that the coverage fits the columns."""
    coverage, counts = store.coverage, store.manifest.counts
    assert coverage is not None
    start, inputs = store.column("block.tx_start"), store.column("tx.input_start")
    height = coverage.height
    return bool(
        height.size == counts["block"]
        and height[0] == -1
        and (np.diff(height) > 0).all()
        and height[-1] == store.manifest.height
        and coverage.settled.size == counts["output"]
        and coverage.outputs_only == start[1]
        and inputs[coverage.outputs_only] == 0
    )


def _roots(store: ChainStore) -> bool:
    """Check that each Merkle root follows from the transaction ids."""
    block_tx, txids = store.column("block.tx_start"), store.column("tx.txid")
    roots = np.ascontiguousarray(store.column("block.header")["merkle_root"])
    level = np.empty(DIGEST_SIZE * (int(np.diff(block_tx).max()) + 1), np.uint8)
    root, scratch = np.empty(DIGEST_SIZE, np.uint8), new_scratch()

    def wrong(starts: NDArray[np.int64], ids: NDArray[np.uint8], at: int, first: int = 0) -> int:
        flat = ids.reshape(-1)
        return int(_wrong_root(starts, flat, roots[at:], level, root, scratch, first))

    block = wrong(block_tx, txids, 0)
    while block >= 0 and store.network.coin.sorted_by_id:
        ids = listed_by_id(txids[block_tx[block] : block_tx[block + 1]])
        if wrong(np.array([0, ids.shape[0]]), ids, block) >= 0:
            return False
        block = wrong(block_tx, txids, 0, block + 1)
    return block < 0


def _inputs(store: ChainStore) -> bool:
    """Check that every input spends an earlier output that no other spends."""
    shielded = store.shielded_tx
    return _inputs_hold(
        store.column("tx.input_start"),
        store.column("tx.output_start"),
        store.column("input.prevout"),
        store.column("output.value"),
        shielded,
        store.column("shielded.value").sum(axis=1) if shielded.size else np.empty(0, np.int64),
        np.zeros(store.manifest.counts["output"], np.bool_),
    )


def _scripts(store: ChainStore) -> bool:
    """Check that scripts are numbered by first appearance, and are of their kind."""
    kinds = script_kinds(
        store.column("script.bytes"), store.column("script.start"), store.network.coin.form.mweb
    )
    return bool(
        _first_appearance(store.column("output.script"), store.manifest.counts["script"])
        and (kinds == store.column("script.kind")).all()
    )


def _txid_index(store: ChainStore) -> bool:
    """Check that each transaction is found by its id, or a later one of the same id is."""
    txids = store.column("tx.txid")
    found = find_txids(store.column("txid.slots"), txids, txids)
    ids = np.arange(found.size)
    other = np.flatnonzero(found != ids)
    return bool(
        (found >= 0).all()
        and np.array_equal(other, store.manifest.overwritten)
        and (txids[found[other]] == txids[other]).all()
    )


def _script_index(store: ChainStore) -> bool:
    """Check that each script is found by its bytes, so that there are no two alike."""
    starts, blob = store.column("script.start"), store.column("script.bytes")
    found = find_scripts(
        store.column("scripthash.slots"), store.manifest.script_key, blob, starts, starts, blob
    )
    return bool((found == np.arange(found.size)).all())


def _spending_index(store: ChainStore) -> bool:
    """Check that spenders are those that the inputs say."""
    spender = np.full(store.manifest.counts["output"], UNSPENT, np.uint32)
    fill_spenders(store.column("tx.input_start"), store.column("input.prevout"), spender)
    return bool((spender == store.column("spending.spender")).all())


def _receiving_index(store: ChainStore) -> bool:
    """Check that outputs by script are those that the outputs say."""
    first = np.empty(store.manifest.counts["script"], np.int64)
    following = np.empty(store.manifest.counts["output"], np.int64)
    last = np.full(first.size, -1, np.int64)
    receiving_index(store.column("output.script"), first, following, last)
    return bool(
        (first == store.column("receiving.first")).all()
        and (following == store.column("receiving.next")).all()
        and (last == store.column("receiving.last")).all()
    )


_RULES: Final[dict[str, Callable[[ChainStore], bool]]] = {
    "offsets divide their rows": _offsets,
    "inputs and outputs refer to rows that there are": _references,
    "headers hash and link to the tip": _headers,
    "Merkle roots follow from the transaction ids": _roots,
    "inputs spend earlier outputs once, and pay for their transaction": _inputs,
    "scripts are distinct, in order, of their kind": _scripts,
    "index of transaction ids": _txid_index,
    "index of scripts": _script_index,
    "index of spenders": _spending_index,
    "index of receipts": _receiving_index,
}
_PARTIAL_RULES: Final = {
    "offsets divide their rows": _offsets,
    "inputs and outputs refer to rows that there are": _references,
    "headers hash, from the genesis block to the tip": _known_headers,
    "what is loaded fits what is said to be": _covered,
    **{
        name: rule
        for name, rule in _RULES.items()
        if rule not in (_offsets, _references, _headers, _roots)
    },
}
"""Rules of a partial store: blocks are missing between its blocks, and transactions in them."""
