"""A small made-up chain with one of everything, and two independent ways to write a chain down."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.builders import COIN, OP_TRUE, Branch, Tx, p2pkh, spend

from clewline.store.link import UNSPENT
from clewline.store.reader import ChainStore
from clewline.store.schema import columns
from clewline.workspace import import_blocks

KEY = bytes.fromhex("0badc0de00c0ffee")


def story(*, lowest: int = 1) -> tuple[Branch, Branch]:
    """A chain of eight blocks, and a stale branch of one block that left it at height 4.

    Zero-value and unspendable outputs, an output spent in the block that made it, witness data, a
    script longer than a push can be, a script paid twice, more outputs than one byte counts, a
    block with a coinbase only.
    """
    chain = Branch()
    one = chain.add(reward=[(50 * COIN, p2pkh(1)), (0, p2pkh(2)), (0, b"\x6a\x04note")])
    paid = one.transactions[0]
    two = spend((paid, 0), to=[(30 * COIN, p2pkh(3)), (19 * COIN, OP_TRUE)])
    three = spend((two, 1), to=[(19 * COIN, p2pkh(1))], witness=True)
    chain.add(two, three)
    four = spend((three, 0), (two, 0), to=[(COIN, p2pkh(i % 9)) for i in range(49)])
    chain.add(four, spend((paid, 1), to=[(0, b"\x51" * 600)]))
    chain.add()
    stale = chain.fork(4)
    stale.add(reward=[(50 * COIN, p2pkh(77))], lowest=lowest)
    fan = spend((chain.blocks[2].transactions[0], 0), to=[(1000, p2pkh(i)) for i in range(260)])
    chain.add(fan)
    chain.add(spend(*((four, i) for i in range(9)), to=[(9 * COIN, p2pkh(5))], witness=True))
    chain.add()
    return chain, stale


def shown_branch(branch: Branch) -> list[dict[str, Any]]:
    """Write down every transaction of a chain under construction, as `shown_store` does."""
    spent_by: dict[tuple[bytes, int], str] = {}
    rows = []
    made: dict[bytes, list[dict[str, Any]]] = {}
    for block in branch.blocks[1:]:
        for number, tx in enumerate(block.transactions):
            name = tx.txid[::-1].hex()
            outputs = [
                {"value": value, "script": script.hex(), "spent_by": None}
                for value, script in tx.outputs
            ]
            inputs = [] if number == 0 else [(txid[::-1].hex(), at) for txid, at in tx.inputs]
            for txid, at in () if number == 0 else tx.inputs:
                assert (txid, at) not in spent_by
                made[txid][at]["spent_by"] = name
            made[tx.txid] = outputs
            rows.append(
                {
                    "txid": name,
                    "height": block.height,
                    "time": block.time,
                    "version": tx.version,
                    "locktime": tx.locktime,
                    "size": len(tx.serialize()),
                    "base_size": len(tx.serialize(witness=False)),
                    "inputs": inputs,
                    "outputs": outputs,
                }
            )
    return rows


def shown_store(path: Path) -> list[dict[str, Any]]:
    """Write down every transaction of a store but the genesis coinbase."""
    store = ChainStore.open(path)
    column = {name: store.column(name) for name, _rows, _column in columns()}
    spender = store.column("spending.spender")
    names = [row[::-1].tobytes().hex() for row in column["tx.txid"]]
    input_start, output_start = column["tx.input_start"], column["tx.output_start"]
    start, blob = column["script.start"], column["script.bytes"]
    owner = [tx for tx in range(len(names)) for _ in range(output_start[tx], output_start[tx + 1])]
    rows = []
    for height, (first, last) in enumerate(
        zip(column["block.tx_start"][:-1], column["block.tx_start"][1:], strict=True)
    ):
        for tx in range(max(first, 1), last):
            inputs = column["input.prevout"][input_start[tx] : input_start[tx + 1]].tolist()
            outputs = []
            for output in range(output_start[tx], output_start[tx + 1]):
                script, by = int(column["output.script"][output]), int(spender[output])
                outputs.append(
                    {
                        "value": int(column["output.value"][output]),
                        "script": blob[start[script] : start[script + 1]].tobytes().hex(),
                        "spent_by": None if by == UNSPENT else names[by],
                    }
                )
            rows.append(
                {
                    "txid": names[tx],
                    "height": height,
                    "time": int(store.block_time[height]),
                    "version": int(column["tx.version"][tx]),
                    "locktime": int(column["tx.locktime"][tx]),
                    "size": int(column["tx.total_size"][tx]),
                    "base_size": int(column["tx.base_size"][tx]),
                    "inputs": [
                        (names[owner[at]], int(at - output_start[owner[at]])) for at in inputs
                    ],
                    "outputs": outputs,
                }
            )
    return rows


def digest(store: Path, blocks: Path) -> str:
    """Import, and return the digest."""
    return import_blocks(store, blocks).manifest.digest


def canonical_bytes(store: Path) -> dict[str, bytes]:
    """Return the column files of a store."""
    directory = store / ChainStore.open(store).manifest.columns_dir
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def all_files(path: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below a directory: content and time of last change."""
    return {
        str(file.relative_to(path)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def copy(store: Path, target: Path) -> Path:
    """Copy a store."""
    return Path(shutil.copytree(store, target))


def overwrite(coinbase: Tx, branch: Branch) -> None:
    """Add a block whose coinbase repeats an earlier one (BIP-30)."""
    branch.add(first=coinbase)
