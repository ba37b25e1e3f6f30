"""What happened to watched scripts since a block: payments to them, and what they spent.

One walk over what is new, whatever is watched and however long its history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain
from clewline.reports.case import utc
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import script_id
from clewline.workspace.rendering import blocks_of, tx_of_outputs, txids_shown

IN: Final = "in"
OUT: Final = "out"


@dataclass(frozen=True)
class Watched:
    """What is watched: an address, or the cluster that it is in at this tip."""

    address: str
    cluster: bool = False


def block_hashes(store: ChainStore, blocks: NDArray[np.int64]) -> list[str]:
    """Return the hashes of blocks as shown."""
    rows = store.column("block.hash")[blocks]
    return [row[::-1].tobytes().hex() for row in rows]


def hash_at(store: ChainStore, height: int) -> str | None:
    """Return the hash of the block at a height, None where the tip has none."""
    heights = store.height_of(np.arange(store.manifest.counts["block"]))
    place = int(np.searchsorted(heights, height))
    if height < 0 or place >= heights.size or int(heights[place]) != height:
        return None
    return block_hashes(store, np.array([place]))[0]


def payments_after(
    store: ChainStore, chain: Chain, height: int, watched: Sequence[Watched]
) -> list[list[dict[str, Any]]]:
    """Return, for each watched thing, what happened to it in the blocks after `height`.

    Parameters
    ----------
    store : ChainStore
        A tip.
    chain : Chain
        The same as the engine reads it.
    height : int
        Blocks up to this one are not looked at; -1 looks at all.
    watched : sequence of Watched
        Of the store's network.

    Returns
    -------
    list of list of dict
        In chain order: ``direction`` (``in``: an output that it received; ``out``: one that it
        spent), ``outpoint`` (txid:index of that output), ``txid`` (of the payment), ``value`` in
        satoshi, ``height``, ``block`` (hash), ``time``.

    Raises
    ------
    AddressError
        If one is no address of this network.

    Notes
    -----
    Cost: the outputs and inputs of the new blocks, and the members of the watched clusters.
    """
    scripts = [script_id(store, one.address) for one in watched]
    first_block = int(
        np.searchsorted(store.height_of(np.arange(len(chain.block_time))), height + 1)
    )
    tx = int(chain.block_tx[first_block])
    first, first_input = int(chain.tx_output[tx]), int(chain.tx_input[tx])
    paid = chain.script[first:]
    spent = chain.prevout[first_input:]
    spending = chain.script[spent]
    cluster = store.column("structure.cluster")
    found: list[list[dict[str, Any]]] = []
    for one, script in zip(watched, scripts, strict=True):
        if script is None:
            found.append([])
            continue
        mine = cluster[script]
        hit_in = (cluster[paid] == mine) if one.cluster else (paid == script)
        hit_out = (cluster[spending] == mine) if one.cluster else (spending == script)
        incoming = first + np.flatnonzero(hit_in)
        outgoing = spent[np.flatnonzero(hit_out)]
        rows = _rows(store, chain, incoming, tx_of_outputs(store, incoming), IN)
        rows += _rows(store, chain, outgoing, chain.spender[outgoing].astype(np.int64), OUT)
        found.append(sorted(rows, key=lambda row: (row["height"], row["txid"], row["outpoint"])))
    return found


def _rows(
    store: ChainStore,
    chain: Chain,
    outputs: NDArray[np.int64],
    txs: NDArray[np.int64],
    direction: str,
) -> list[dict[str, Any]]:
    """Return rows of outputs that were received, or spent by `txs`."""
    if not outputs.size:
        return []
    made = tx_of_outputs(store, outputs)
    blocks = blocks_of(store, txs)
    columns = zip(
        txids_shown(store, made),
        (outputs - chain.tx_output[made]).tolist(),
        txids_shown(store, txs),
        chain.value[outputs].tolist(),
        store.height_of(blocks).tolist(),
        block_hashes(store, blocks),
        chain.block_time[blocks].tolist(),
        strict=True,
    )
    return [
        {
            "direction": direction,
            "outpoint": f"{from_tx}:{index}",
            "txid": txid,
            "value": value,
            "height": height,
            "block": block,
            "time": utc(time),
        }
        for from_tx, index, txid, value, height, block, time in columns
    ]
