"""Checking a store: every byte of the columns, every rule that they must keep, every index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from clewline.codec.block import merkle_root_into
from clewline.codec.script import script_kinds
from clewline.codec.sha256 import new_scratch
from clewline.errors import StoreDamagedError
from clewline.jit import kernel
from clewline.sources.active_chain import header_hashes
from clewline.sources.block_files import scan_directory
from clewline.sources.undo_files import undo_records
from clewline.store.files import CHUNK_BYTES, chunk_checksums
from clewline.store.hash_index import find_scripts, find_txids
from clewline.store.importer import Progress
from clewline.store.link import UNSPENT, fill_spenders, receiving_index
from clewline.store.manifest import column_bytes
from clewline.store.reader import ChainStore
from clewline.store.schema import columns
from clewline.store.undo import compare_undo
from clewline.store.writer import read_checksums


@dataclass
class CheckReport:
    """What was checked, and what is wrong."""

    checked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def check_columns(
    path: Path, core_blocks: Path | None, progress: Progress
) -> tuple[CheckReport, ChainStore | None]:
    """Check the published tip of a store.

    Parameters
    ----------
    path : Path
    core_blocks : Path, optional
        Blocks directory of a node; its undo data is compared with what inputs spent.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    report : CheckReport
    store : ChainStore or None
        The tip, if its bytes are sound.

    Raises
    ------
    StoreMissingError, StoreVersionError
        If there is nothing to check.
    BlockFileError
        If `core_blocks` cannot be read.
    """
    report = CheckReport()
    try:
        store = ChainStore.open(path)
    except StoreDamagedError as error:
        report.wrong.append(str(error))
        return report, None
    report.wrong += _check_bytes(store, progress)
    report.checked.append(f"{len(column_bytes(store.manifest.counts))} columns, byte by byte")
    if report.wrong:
        return report, None
    for number, (name, rule) in enumerate(_RULES.items()):
        progress("Checking rules", number, len(_RULES))
        if not rule(store):
            report.wrong.append(f"{path}: {name}: does not hold")
        report.checked.append(name)
    progress("Checking rules", len(_RULES), len(_RULES))
    if core_blocks is not None:
        found = header_hashes(scan_directory(core_blocks, store.network).header)
        held = {row.tobytes() for row in store.column("block.hash")}
        others = [name for name in (row.tobytes() for row in found) if name not in held]
        agreeing, wrong = compare_undo(store, undo_records(core_blocks, store.network), others)
        report.checked.append(f"undo data of {agreeing:,} blocks")
        report.wrong += wrong
    return report, store if not report.wrong else None


def _check_bytes(store: ChainStore, progress: Progress) -> Iterator[str]:
    """Yield each chunk of a canonical column that does not match its checksum."""
    try:
        expected = read_checksums(store.path, store.manifest)
    except StoreDamagedError as error:
        yield str(error)
        return
    names = [name for name, _rows, _column in columns()]
    for number, name in enumerate(names):
        progress("Checking columns", number, len(names))
        data = np.ascontiguousarray(store.column(name)).view(np.uint8).reshape(-1)
        actual = chunk_checksums(data)
        for chunk in range(0, len(actual), 32):
            if actual[chunk : chunk + 32] != expected[name][chunk : chunk + 32]:
                first = chunk // 32 * CHUNK_BYTES
                last = min(first + CHUNK_BYTES, data.size) - 1
                place = store.path / store.manifest.columns_dir / name
                yield f"{place}, bytes {first} to {last}: do not match their checksum"
    progress("Checking columns", len(names), len(names))


@kernel
def _merkle_roots_hold(block_tx, txids, roots):  # type: ignore[no-untyped-def]
    """Recompute each block's Merkle root from the stored ids."""
    scratch = new_scratch()
    root = np.empty(32, np.uint8)
    for block in range(block_tx.size - 1):
        first, last = block_tx[block], block_tx[block + 1]
        level = np.empty(32 * (last - first + 1), np.uint8)
        level[: 32 * (last - first)] = txids[32 * first : 32 * last]
        merkle_root_into(level, last - first, root, scratch)
        for byte in range(32):
            if root[byte] != roots[block, byte]:
                return False
    return True


@kernel
def _inputs_hold(tx_input, tx_output, prevout, value):  # type: ignore[no-untyped-def]
    """Check that inputs spend earlier outputs, each once, and pay for what they make."""
    spent = np.zeros(value.size, np.bool_)
    for tx in range(tx_input.size - 1):
        left = np.int64(0)
        for row in range(tx_input[tx], tx_input[tx + 1]):
            output = prevout[row]
            if output < 0 or output >= tx_output[tx] or spent[output]:
                return False
            spent[output] = True
            left += value[output]
        if tx_input[tx] < tx_input[tx + 1]:
            for output in range(tx_output[tx], tx_output[tx + 1]):
                left -= value[output]
            if left < 0:
                return False
    return True


@kernel
def _first_appearance(script, count):  # type: ignore[no-untyped-def]
    """Check that script ids are dense in order of first appearance."""
    known = np.int64(0)
    for output in range(script.size):
        if script[output] > known:
            return False
        if script[output] == known:
            known += 1
    return known == count


def _headers(store: ChainStore) -> bool:
    """Hashes are those of the headers, which link up to the tip."""
    header = store.column("block.header")
    raw = np.ascontiguousarray(header).view(np.uint8).reshape(-1, 80)
    hashes = store.column("block.hash")
    return bool(
        (header_hashes(raw) == hashes).all()
        and (header["previous"][1:] == hashes[:-1]).all()
        and hashes[0].tobytes() == store.network.genesis
        and hashes[-1][::-1].tobytes().hex() == store.manifest.tip
    )


def _roots(store: ChainStore) -> bool:
    """Each Merkle root follows from the transaction ids."""
    roots = np.ascontiguousarray(store.column("block.header")["merkle_root"])
    return bool(
        _merkle_roots_hold(
            store.column("block.tx_start"), store.column("tx.txid").reshape(-1), roots
        )
    )


def _offsets(store: ChainStore) -> bool:
    """Offsets ascend from 0 to the rows they divide."""
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
    )


def _inputs(store: ChainStore) -> bool:
    """Every input spends an earlier output that no other spends."""
    return bool(
        _inputs_hold(
            store.column("tx.input_start"),
            store.column("tx.output_start"),
            store.column("input.prevout"),
            store.column("output.value"),
        )
    )


def _scripts(store: ChainStore) -> bool:
    """Scripts are numbered by first appearance, and their kinds follow from their bytes."""
    kinds = script_kinds(store.column("script.bytes"), store.column("script.start"))
    return bool(
        _first_appearance(store.column("output.script"), store.manifest.counts["script"])
        and (kinds == store.column("script.kind")).all()
    )


def _txid_index(store: ChainStore) -> bool:
    """Each transaction is found by its id, or a later one of the same id is."""
    txids = store.column("tx.txid")
    found = find_txids(store.column("txid.slots"), txids, txids)
    ids = np.arange(found.size)
    other = np.flatnonzero(found != ids)
    return bool(
        (found >= 0).all()
        and (other == store.column("txid.overwritten")).all()
        and (txids[found[other]] == txids[other]).all()
    )


def _script_index(store: ChainStore) -> bool:
    """Each script is found by its bytes."""
    starts, blob = store.column("script.start"), store.column("script.bytes")
    found = find_scripts(
        store.column("scripthash.slots"), store.manifest.script_key, blob, starts, starts, blob
    )
    return bool((found == np.arange(found.size)).all())


def _spending_index(store: ChainStore) -> bool:
    """Spenders are those that the inputs say."""
    spender = np.full(store.manifest.counts["output"], UNSPENT, np.uint32)
    fill_spenders(store.column("tx.input_start"), store.column("input.prevout"), spender)
    return bool((spender == store.column("spending.spender")).all())


def _receiving_index(store: ChainStore) -> bool:
    """Outputs by script are those that the outputs say."""
    start = np.zeros(store.manifest.counts["script"] + 1, np.int64)
    output = np.empty(store.manifest.counts["output"], np.int64)
    receiving_index(store.column("output.script"), start, output)
    return bool(
        (start == store.column("receiving.start")).all()
        and (output == store.column("receiving.output")).all()
    )


_RULES: Final[dict[str, Callable[[ChainStore], bool]]] = {
    "headers hash and link to the tip": _headers,
    "offsets divide their rows": _offsets,
    "Merkle roots follow from the transaction ids": _roots,
    "inputs spend earlier outputs once, and pay for their transaction": _inputs,
    "scripts are distinct, in order, of their kind": _scripts,
    "index of transaction ids": _txid_index,
    "index of scripts": _script_index,
    "index of spenders": _spending_index,
    "index of receipts": _receiving_index,
}
