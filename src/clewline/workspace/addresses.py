"""Addresses and clusters of a tip: what was received and sent, who is one owner, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import AddressStatus, decode_addresses, script_of
from clewline.engine.chain import Chain, outputs_of
from clewline.engine.clustering import Link, explain, largest
from clewline.engine.receipts import BEYOND, NOTHING, receipts_of
from clewline.errors import UnknownAddressError
from clewline.reports.case import utc
from clewline.reports.limits import accuracy_of
from clewline.store.reader import ChainStore
from clewline.workspace.importing import chain_of, clusters_of
from clewline.workspace.partial import AT_LEAST, address_mark, is_loaded, mark, not_loaded
from clewline.workspace.rendering import (
    ScriptTexts,
    blocks_of,
    times_of,
    tx_of_outputs,
    txids_shown,
)

_MEMBERS_AT_ONCE: Final = 1 << 16
_FEW: Final = 100


def script_id(store: ChainStore, address: str) -> int | None:
    """Return the script of an address, None where no output of the tip pays to it.

    Raises
    ------
    AddressError
        If it is no address of the store's network.
    """
    return id_of_script(store, script_of(address, store.network))


def id_of_script(store: ChainStore, script: bytes) -> int | None:
    """Return the id of a script, None where no output of the tip pays to it."""
    data = np.frombuffer(script, np.uint8)
    found = int(store.find_scripts(data, np.array([0, data.size], np.int64))[0])
    return None if found < 0 else found


def known_script_id(store: ChainStore, address: str) -> int:
    """Return the script of an address that the tip must know.

    Raises
    ------
    AddressError, UnknownAddressError, NotLoadedError
    """
    script = script_id(store, address)
    if script is None and not is_loaded(store, script_of(address, store.network)):
        raise not_loaded(store, address, "the history of this address")
    if script is None:
        raise UnknownAddressError(
            f"no output up to block {store.manifest.height} pays to this address", where=address
        )
    return script


def exact_total(values: NDArray[np.int64]) -> int:
    """Return the exact sum of amounts, which may be beyond 64 bits (Dogecoin).

    Examples
    --------
    >>> exact_total(np.full(20, 10**18)) == 20 * 10**18
    True
    """
    if values.size < _FEW:
        return sum(values.tolist())
    return (int((values >> 24).sum()) << 24) + int((values & 0xFFFFFF).sum())


def summary(
    store: ChainStore, chain: Chain, script: int | None, *, whole: bool = True
) -> dict[str, Any]:
    """Return sums, times and cluster of a script; zeros where the tip does not know it.

    Where not the `whole` history is loaded, sums are of what is, and what follows from all of it
    (balance, first and last time) is None.
    """
    if script is None:
        nothing = 0 if whole else None
        return {
            "received": nothing,
            "sent": nothing,
            "balance": nothing,
            "transactions": nothing,
            "first_seen": None,
            "last_seen": None,
            "cluster": None,
            "cluster_size": nothing,
        }
    outputs = outputs_of(chain, script)
    values = chain.value[outputs]
    spender = chain.spender[outputs]
    spent = spender < chain.n_tx
    received, sent = exact_total(values), exact_total(values[spent])
    txs = {*tx_of_outputs(store, outputs).tolist(), *spender[spent].tolist()}
    times = times_of(store, np.array([min(txs), max(txs)])) if whole else [None, None]
    return {
        "received": received,
        "sent": sent,
        "balance": received - sent if whole else None,
        "transactions": len(txs),
        "first_seen": utc(times[0]),
        "last_seen": utc(times[1]),
        "cluster": int(store.column("structure.cluster")[script]),
        "cluster_size": cluster_size(store, script),
    }


def many(store: ChainStore, addresses: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield status and sums of each of many addresses, in their order."""
    decoded = decode_addresses(addresses, store.network)
    wrong = decoded.status != AddressStatus.OK
    scripts = store.find_scripts(decoded.blob, decoded.starts)
    scripts[wrong] = NOTHING
    sums = receipts_of(chain_of(store), scripts)
    known = scripts >= 0
    cluster = np.full(scripts.size, -1, np.int64)
    cluster[known] = store.column("structure.cluster")[scripts[known]]
    times = []
    for txs in (sums.first_tx, sums.last_tx):
        seconds = store.block_time[blocks_of(store, np.maximum(txs, 0))]
        # As `utc` writes them, all at once.
        texts = np.datetime_as_string(seconds.astype("datetime64[s]"), timezone="UTC").astype("O")
        texts[~known] = None
        times.append(texts.tolist())
    for number, (
        address,
        reason,
        received,
        sent,
        outputs,
        unspent,
        first,
        last,
        member,
    ) in enumerate(
        zip(
            addresses,
            decoded.status.tolist(),
            sums.received.tolist(),
            sums.sent.tolist(),
            sums.outputs.tolist(),
            sums.unspent.tolist(),
            *times,
            cluster.tolist(),
            strict=True,
        )
    ):
        status = "on the chain" if member >= 0 else "not on the chain"
        beyond = received == BEYOND
        if beyond:
            status += "; its sums are beyond 64 bits: ask for it alone"
        if reason != AddressStatus.OK:
            status = f"not an address of this network: {AddressStatus(reason).cause}"
        row = {
            "address": address,
            "status": status,
            "received": None if beyond else received,
            "sent": None if beyond else sent,
            "balance": None if beyond else received - sent,
            "outputs": outputs,
            "unspent_outputs": unspent,
            "first_seen": first,
            "last_seen": last,
            "cluster": member if member >= 0 else None,
        }
        if store.coverage is not None and reason == AddressStatus.OK:
            script = decoded.blob[decoded.starts[number] : decoded.starts[number + 1]]
            row |= _of_a_part(store, script.tobytes(), known=member >= 0)
        yield row


def latest(
    store: ChainStore, chain: Chain, addresses: Sequence[str], most: int
) -> list[list[tuple[str, int]]]:
    """Return the latest payments to each of some addresses: ``txid:index`` and time, newest first.

    Empty for what is no address of this network, and for what no output pays to.
    """
    decoded = decode_addresses(addresses, store.network)
    scripts = store.find_scripts(decoded.blob, decoded.starts)
    scripts[decoded.status != AddressStatus.OK] = NOTHING
    found = [
        outputs_of(chain, script)[-most:][::-1] if script >= 0 else np.empty(0, np.int64)
        for script in scripts.tolist()
    ]
    outputs = np.concatenate([np.empty(0, np.int64), *found])
    txs = tx_of_outputs(store, outputs)
    index = outputs - store.column("tx.output_start")[txs]
    times = store.block_time[blocks_of(store, txs)]
    rows = iter(zip(txids_shown(store, txs), index.tolist(), times.tolist(), strict=True))
    return [
        [(f"{txid}:{number}", time) for txid, number, time in islice(rows, one.size)]
        for one in found
    ]


def _of_a_part(store: ChainStore, script: bytes, *, known: bool) -> dict[str, Any]:
    """Return what a row says otherwise where the store holds a part of a chain."""
    unknown: dict[str, Any] = {}
    if not is_loaded(store, script):
        keys = ["balance", "unspent_outputs", "first_seen", "last_seen"]
        if not known:
            keys += ["received", "sent", "outputs"]
        unknown = {"status": "not loaded" if not known else "loaded in part"}
        unknown |= dict.fromkeys(keys)
    return unknown | address_mark(store, script)


def cluster_size(store: ChainStore, script: int) -> int:
    """Return how many scripts the cluster of a script has."""
    return clusters_of(store).size(script)


def cluster_members(store: ChainStore, script: int) -> Iterator[tuple[str | None, str]]:
    """Yield (address, script hex) of each member of a script's cluster, by script id."""
    members = clusters_of(store).members(script)
    for first in range(0, members.size, _MEMBERS_AT_ONCE):
        texts = ScriptTexts(store, members[first : first + _MEMBERS_AT_ONCE])
        yield from zip(texts.addresses(), texts.hexes(), strict=True)


def member_scripts(store: ChainStore, script: int) -> NDArray[np.uint32]:
    """Return the scripts of a script's cluster, ascending."""
    return clusters_of(store).members(script)


def largest_clusters(store: ChainStore, count: int) -> list[dict[str, Any]]:
    """Return the largest clusters: id, size, and the address of their first member."""
    ids, sizes = largest(store.column("structure.cluster"), count)
    texts = ScriptTexts(store, ids)
    return [
        {
            "cluster": cluster,
            "size": size,
            "first_address": address,
            "first_script": script,
            **mark(store, prefix=AT_LEAST),
        }
        for cluster, size, address, script in zip(
            ids.tolist(), sizes.tolist(), texts.addresses(), texts.hexes(), strict=True
        )
    ]


def links(store: ChainStore, chain: Chain, first: int, second: int) -> list[dict[str, Any]]:
    """Return the shortest chain of transactions that makes two scripts one owner's."""
    found = explain(
        chain,
        store.column("structure.coinjoin"),
        store.column("structure.cluster"),
        first,
        second,
        scripts=clusters_of(store).members(first),
    )
    return link_rows(store, found)


def link_rows(store: ChainStore, found: Sequence[Link]) -> list[dict[str, Any]]:
    """Return links as rows: both ends, the transaction, the rule and where its accuracy stands."""
    texts = ScriptTexts(
        store, np.array([end for link in found for end in (link.from_script, link.to_script)], int)
    )
    shown = [
        address or f"script:{script}"
        for address, script in zip(texts.addresses(), texts.hexes(), strict=True)
    ]
    txids = txids_shown(store, np.array([link.tx for link in found], np.int64))
    return [
        {
            "from": shown[2 * i],
            "to": shown[2 * i + 1],
            "txid": txid,
            "rule": link.rule,
            "accuracy": accuracy_of(link.rule),
        }
        for i, (link, txid) in enumerate(zip(found, txids, strict=True))
    ]
