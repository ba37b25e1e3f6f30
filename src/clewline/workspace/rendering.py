"""Rows as people read them: transactions and outpoints with hex, addresses and times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import encode_addresses
from clewline.codec.shielded import POOLS
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.jit import kernel
from clewline.reports.case import utc
from clewline.store.link import gather_bytes
from clewline.store.reader import ChainStore
from clewline.workspace import partial

_EXPORT_TRANSACTIONS = 4096


def tx_of_outputs(store: ChainStore, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the transaction of each output."""
    return np.searchsorted(store.column("tx.output_start"), outputs, side="right") - 1


def blocks_of(store: ChainStore, txs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the block of each transaction."""
    return np.searchsorted(store.column("block.tx_start"), txs, side="right") - 1


def times_of(store: ChainStore, txs: NDArray[np.int64]) -> list[int | None]:
    """Return the header time of each transaction, None where it has no place."""
    times = store.block_time[blocks_of(store, txs)].tolist()
    return [
        time if known else None
        for time, known in zip(times, partial.has_inputs(store, txs).tolist(), strict=True)
    ]


def txids_shown(store: ChainStore, txs: NDArray[np.int64]) -> list[str]:
    """Return the ids of transactions as shown."""
    if not txs.size:
        return []
    raw = np.ascontiguousarray(store.column("tx.txid")[txs][:, ::-1]).tobytes().hex()
    return [raw[i : i + 64] for i in range(0, len(raw), 64)]


@kernel
def _input_positions(
    outputs: NDArray[np.int64],
    spender: NDArray[np.uint32],
    tx_input: NDArray[np.int64],
    prevout: NDArray[np.int64],
    position: NDArray[np.int64],
) -> None:
    """Find the position of the input that spends each output, -1 where none does."""
    for i in range(outputs.size):
        tx = spender[outputs[i]]
        position[i] = -1
        if tx < tx_input.size - 1:
            for row in range(tx_input[tx], tx_input[tx + 1]):
                if prevout[row] == outputs[i]:
                    position[i] = row - tx_input[tx]
                    break


class ScriptTexts:
    """Scripts of a store as text, by id: hex, and the address that Core shows."""

    def __init__(self, store: ChainStore, scripts: NDArray[Any]) -> None:
        ids, self._inverse = np.unique(scripts.astype(np.int64), return_inverse=True)
        starts, blob = store.column("script.start"), store.column("script.bytes")
        self._addresses = encode_addresses(
            blob, starts, store.column("script.kind"), store.network, ids=ids
        )
        begins = np.ascontiguousarray(starts[ids])
        lengths = starts[ids + 1] - begins
        self._ends = np.cumsum(lengths).tolist()
        gathered = np.empty(int(lengths.sum()), np.uint8)
        gather_bytes(blob, begins, lengths, ids.size, gathered)
        self._bytes = gathered.tobytes()

    def addresses(self) -> list[str | None]:
        """Return the address of each given script, None where Core shows none."""
        return [self._addresses[i] for i in self._inverse.tolist()]

    def hexes(self) -> list[str]:
        """Return the bytes of each given script in hex."""
        begins = [0, *self._ends]
        parts = [
            self._bytes[begin:end].hex() for begin, end in zip(begins, self._ends, strict=False)
        ]
        return [parts[i] for i in self._inverse.tolist()]


def spent_by(store: ChainStore, outputs: NDArray[np.int64]) -> list[str | None]:
    """Return ``txid:n`` of the input that spends each output, None where unspent.

    `NOT_LOADED` where that is not known.
    """
    spender = store.column("spending.spender")
    position = np.empty(outputs.size, np.int64)
    _input_positions(
        outputs,
        spender,
        store.column("tx.input_start"),
        store.column("input.prevout"),
        position,
    )
    spent = position >= 0
    names = iter(txids_shown(store, spender[outputs[spent]].astype(np.int64)))
    others: list[str | None] = [None] * outputs.size
    if store.coverage is not None:
        settled = store.coverage.settled[outputs].tolist()
        others = [None if known else partial.NOT_LOADED for known in settled]
    return [
        f"{next(names)}:{n}" if n >= 0 else other
        for n, other in zip(position.tolist(), others, strict=True)
    ]


def transactions(store: ChainStore, first: int, last: int) -> Iterator[dict[str, Any]]:
    """Yield the transactions ``first .. last - 1`` in chain order, as ``tx show`` prints them."""
    tx_input, tx_output = store.column("tx.input_start"), store.column("tx.output_start")
    inputs = slice(int(tx_input[first]), int(tx_input[last]))
    outputs = np.arange(int(tx_output[first]), int(tx_output[last]))
    prevouts = store.column("input.prevout")[inputs]
    sources = tx_of_outputs(store, prevouts)
    value, script = store.column("output.value"), store.column("output.script")
    texts = ScriptTexts(store, script[np.concatenate((prevouts, outputs))])
    addresses, hexes = texts.addresses(), texts.hexes()
    input_rows = [
        {"txid": txid, "vout": vout, "address": address, "value": amount}
        for txid, vout, address, amount in zip(
            txids_shown(store, sources),
            (prevouts - tx_output[sources]).tolist(),
            addresses[: prevouts.size],
            value[prevouts].tolist(),
            strict=True,
        )
    ]
    owners = np.repeat(tx_output[first:last], np.diff(tx_output[first : last + 1]))
    output_rows = [
        {"vout": vout, "address": address, "script": text, "value": amount, "spent_by": spender}
        for vout, address, text, amount, spender in zip(
            (outputs - owners).tolist(),
            addresses[prevouts.size :],
            hexes[prevouts.size :],
            value[outputs].tolist(),
            spent_by(store, outputs),
            strict=True,
        )
    ]
    ids = np.arange(first, last)
    of_block = blocks_of(store, ids)
    heights = store.height_of(of_block).tolist()
    coinbase = store.column("block.tx_start")[of_block] == ids
    into = store.into_pools(first, last)
    begin, end = np.searchsorted(store.shielded_tx, (first, last))
    with_parts = np.isin(ids, store.shielded_tx[begin:end])
    times = times_of(store, ids)
    families = store.column("structure.coinjoin")[first:last].tolist()
    known = partial.has_inputs(store, ids)
    mark = partial.mark(store)
    parent_mark = partial.mark(store, suffix="; its block and its inputs are not loaded")
    for i, txid in enumerate(txids_shown(store, ids)):
        spent = input_rows[
            int(tx_input[first + i]) - inputs.start : int(tx_input[first + i + 1]) - inputs.start
        ]
        made = output_rows[
            int(tx_output[first + i] - tx_output[first]) : int(
                tx_output[first + i + 1] - tx_output[first]
            )
        ]
        paid_in = sum(row["value"] for row in spent)
        yield {
            "txid": txid,
            "height": heights[i] if known[i] else None,
            "time": utc(times[i]),
            "fee": paid_in - sum(row["value"] for row in made) - int(into[i].sum())
            if spent or (with_parts[i] and not coinbase[i])
            else None,
            "coinjoin": CoinJoin(families[i]).family,
            "inputs": spent if known[i] else partial.NOT_LOADED,
            "outputs": made,
            **(
                {"into_pools": dict(zip(POOLS, into[i].tolist(), strict=True))}
                if with_parts[i]
                else {}
            ),
            **(mark if known[i] else parent_mark),
        }


def all_transactions(store: ChainStore) -> Iterator[dict[str, Any]]:
    """Yield every transaction of the tip in chain order."""
    count = store.manifest.counts["tx"]
    for first in range(0, count, _EXPORT_TRANSACTIONS):
        yield from transactions(store, first, min(first + _EXPORT_TRANSACTIONS, count))
