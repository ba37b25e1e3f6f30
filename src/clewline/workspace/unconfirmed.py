"""Transactions that wait for a block: seen in a node's mempool, told apart from the chain.

They may never be confirmed: a fee may be too low, another transaction may spend the same money. So
nothing here enters a column, cluster, balance, sum or digest; answers name them in keys of their
own. Their bytes are hashed and parsed here, but signatures are not checked: that such a transaction
could be confirmed at all is the node's word.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import address_of, script_of
from clewline.codec.block import BlockFault, ParsedBlocks, parse_transactions
from clewline.codec.networks import BITCOIN, Coin
from clewline.engine.chain import outputs_of
from clewline.engine.taint import Flow, Stop
from clewline.errors import StoreDamagedError, UsageError
from clewline.reports.case import utc
from clewline.settings import setting, value_of
from clewline.sources.active_chain import shown
from clewline.sources.node_chain import NodeChain
from clewline.store.reader import ChainStore
from clewline.store.unconfirmed import (
    NAME,
    Listing,
    Seen,
    State,
    UnconfirmedLedger,
    make_ledger,
    open_ledger,
    prevouts_of,
)
from clewline.workspace.importing import chain_of
from clewline.workspace.rendering import blocks_of, tx_of_outputs

_LOOK_SECONDS: Final = 20.0
"""A look reads bytes for so long; blocks should not wait for a full mempool."""
_SETTLED_AT_ONCE: Final = 10_000
_DAY: Final = 24 * 3600


@dataclass(frozen=True)
class Mempool:
    """What a look at a mempool found.

    Attributes
    ----------
    as_of : int
        UTC seconds.
    waiting : int
        Transactions that wait and were read.
    unread : int
        Those that the node named and that are left to the next look.
    read : int
        Those that this look has read.
    """

    as_of: int
    waiting: int
    unread: int
    read: int


def check_followed(coin: Coin) -> None:
    """Check that what waits for a block can be followed.

    Raises
    ------
    UsageError
        For another chain than Bitcoin, whose transactions have other forms outside of blocks; or if
        the setting ``unconfirmed_days`` is no number.
    """
    if coin is not BITCOIN:
        raise UsageError(
            f"transactions of {coin.name} that wait for a block cannot be read; those of Bitcoin "
            "can",
            where="--unconfirmed",
        )
    _retention()


def look_at_mempool(
    store: Path, chain: NodeChain, now: int, *, seconds: float = _LOOK_SECONDS
) -> Mempool:
    """Note which transactions wait at a node, and what became of those that did.

    Parameters
    ----------
    store : Path
        Directory of a store that has a tip.
    chain : NodeChain
        From `connect_node`.
    now : int
        UTC seconds.
    seconds : float
        Stop reading bytes after so long; at least one batch is read.

    Returns
    -------
    Mempool
        With `unread` above 0 where the time did not suffice: look again.

    Raises
    ------
    NodeError, NodeAnswerError, NodeAccessError
        The mempool cannot be had; what was read before is kept.
    StoreLockedError, StorageError, StoreDamagedError, StoreVersionError
        The ledger cannot be written.

    Notes
    -----
    One request for the ids, and one for some hundred transactions that are new (REST: for each).
    Memory: some 300 bytes a listed transaction, and a batch of at most 8 MB. After a new block, a
    step for each transaction that is gone and whose bytes are held.
    """
    keep = _retention()
    end = time.monotonic() + seconds
    with chain.node.impatient():
        listed = chain.mempool()
        tip = ChainStore.open(store)
        with make_ledger(store) as ledger:
            with ledger.writing():
                before = ledger.listing()
                waiting = ledger.held(State.WAITING)
                again = ledger.held_of(listed - waiting.keys())
                ledger.mark_waiting(again.values())
                _settle(ledger, tip, _doubtful(ledger, tip, before, listed), before)
                ledger.drop_bodies(now - keep)
                wanted = sorted(listed - waiting.keys() - again.keys())
                _note(ledger, tip, now, len(wanted))
            unread, read = len(wanted), 0
            for batch in chain.transactions(wanted):
                unread = len(wanted) - bisect_right(wanted, batch.txid[-1].tobytes())
                read += len(batch.txid)
                with ledger.writing():
                    ledger.take_in(batch, now)
                    _note(ledger, tip, now, unread)
                if time.monotonic() > end:
                    break
            else:
                unread = 0
                with ledger.writing():
                    _note(ledger, tip, now, unread)
            return Mempool(now, ledger.count_waiting(), unread, read)


def _retention() -> int:
    """Return for how many seconds bytes are kept of what waits no more."""
    text = value_of("unconfirmed_days") or "0"
    if not text.isascii() or not text.isdecimal() or len(text) > len("10000"):
        raise UsageError(f"{text!r} is no number of days", where=setting("unconfirmed_days").env)
    return int(text) * _DAY


def _note(ledger: UnconfirmedLedger, tip: ChainStore, now: int, unread: int) -> None:
    """Note a look."""
    ledger.set_listing(Listing(now, unread, tip.manifest.tip, tip.manifest.height))


def _doubtful(
    ledger: UnconfirmedLedger, tip: ChainStore, before: Listing | None, listed: set[bytes]
) -> dict[bytes, int]:
    """Return whose state may be another now: id → row."""
    found = ledger.held(State.WAITING)
    if before is not None and before.tip != tip.manifest.tip:
        # A block may hold what had left the mempool before, or what the node never showed.
        found |= ledger.held(State.GONE)
        if before.height > tip.manifest.height or _hash_at(tip, before.height) != before.tip:
            # A reorganisation: what was confirmed may not be, or at another height.
            found |= ledger.held(State.CONFIRMED)
    return {txid: found[txid] for txid in sorted(found.keys() - listed)}


def _hash_at(tip: ChainStore, height: int) -> str:
    """Return the hash of a block of a tip."""
    return shown(tip.column("block.hash")[height].tobytes())


def _settle(
    ledger: UnconfirmedLedger, tip: ChainStore, rows: dict[bytes, int], before: Listing | None
) -> None:
    """Note of transactions that are not listed whether they are on the chain, or gone."""
    # Before the first look nothing was listed, so nothing has left.
    last_seen = before.as_of if before else 0
    txids = list(rows)
    for first in range(0, len(txids), _SETTLED_AT_ONCE):
        some = txids[first : first + _SETTLED_AT_ONCE]
        found = tip.find_txids(some)
        heights = tip.height_of(blocks_of(tip, found)).tolist()
        confirmed = {
            rows[txid]: height
            for txid, tx, height in zip(some, found.tolist(), heights, strict=True)
            if tx >= 0
        }
        ledger.mark_confirmed(confirmed.items(), last_seen)
        gone: dict[int, bytes | None] = {
            rows[txid]: None for txid in some if rows[txid] not in confirmed
        }
        spent = ledger.spent_by(gone)
        names = _spenders_on_chain(tip, [outpoint for _row, outpoint in spent])
        for (row, _outpoint), name in sorted(
            zip(spent, names, strict=True), key=lambda one: one[0]
        ):
            gone[row] = gone[row] or name
        ledger.mark_gone(list(gone.items()), last_seen)


def _outputs_at(store: ChainStore, outpoints: Sequence[bytes]) -> NDArray[np.int64]:
    """Return the output of each outpoint, -1 where the chain has none."""
    if not outpoints:
        return np.empty(0, np.int64)
    txs = store.find_txids([outpoint[:32] for outpoint in outpoints])
    vouts = np.array([int.from_bytes(outpoint[32:], "little") for outpoint in outpoints], np.int64)
    start = store.column("tx.output_start")
    outputs = start[txs] + vouts
    return np.where((txs >= 0) & (outputs < start[txs + 1]), outputs, -1)


def _spenders_on_chain(store: ChainStore, outpoints: Sequence[bytes]) -> list[bytes | None]:
    """Return the id of the transaction of the chain that spends each outpoint."""
    outputs = _outputs_at(store, outpoints)
    spender = store.column("spending.spender")
    txids = store.column("tx.txid")
    n_tx = store.manifest.counts["tx"]
    return [
        txids[spender[output]].tobytes() if output >= 0 and spender[output] < n_tx else None
        for output in outputs.tolist()
    ]


def _outpoints_of(store: ChainStore, outputs: NDArray[np.int64]) -> list[bytes]:
    """Return the 36 bytes by which inputs name outputs."""
    txs = tx_of_outputs(store, outputs)
    vouts = (outputs - store.column("tx.output_start")[txs]).astype("<u4")
    return [
        txid.tobytes() + vout.tobytes()
        for txid, vout in zip(store.column("tx.txid")[txs], vouts, strict=True)
    ]


def standing(store: ChainStore) -> dict[str, Any] | None:
    """Return how many wait, how many of them are unread, and when; None if nothing is followed.

    Raises
    ------
    StoreDamagedError, StoreVersionError, StorageError
    """
    ledger = open_ledger(store.path)
    if ledger is None:
        return None
    with ledger:
        listing = ledger.listing()
        if listing is None:
            return None
        return {
            "as_of": utc(listing.as_of),
            "waiting": ledger.count_waiting(),
            "unread": listing.unread,
        }


def of_address(store: ChainStore, address: str, script: int | None) -> dict[str, Any] | None:
    """Return what waiting transactions pay to an address, and spend of it.

    Parameters
    ----------
    store : ChainStore
        The tip that decides what is on the chain.
    address : str
        Of the network of the store.
    script : int or None
        Its script, if the chain knows it.

    Returns
    -------
    dict or None
        ``as_of``; ``received`` and ``sent`` in satoshi; ``transactions``. None if nothing is
        followed. What the tip holds, or makes impossible, is left out, whatever its age.

    Raises
    ------
    StoreDamagedError, StoreVersionError, StorageError

    Notes
    -----
    Cost: one look-up for each unspent output of the address.
    """
    ledger = open_ledger(store.path)
    if ledger is None:
        return None
    with ledger:
        listing = ledger.listing()
        if listing is None:
            return None
        payments = ledger.payments(script_of(address, store.network))
        coins = {txid + vout.to_bytes(4, "little"): value for txid, vout, value in payments}
        coins |= _unspent_coins(store, script)
        spenders = ledger.spenders(coins)
        possible = _possible(store, ledger, [txid for txid, _, _ in payments], spenders.values())
        spent = {coin: txid for coin, txid in spenders.items() if txid in possible}
        paid = [(txid, value) for txid, _vout, value in payments if txid in possible]
        touched = {*spent.values(), *(txid for txid, _value in paid)}
        return {
            "as_of": utc(listing.as_of),
            "received": sum(value for _txid, value in paid),
            "sent": sum(coins[coin] for coin in spent),
            "transactions": sorted(map(shown, touched)),
        }


def _unspent_coins(store: ChainStore, script: int | None) -> dict[bytes, int]:
    """Return outpoint → value of what a script holds unspent on the chain."""
    if script is None:
        return {}
    outputs = outputs_of(chain_of(store), script)
    spender = store.column("spending.spender")[outputs]
    outputs = outputs[spender >= store.manifest.counts["tx"]]
    values = store.column("output.value")[outputs].tolist()
    return dict(zip(_outpoints_of(store, outputs), values, strict=True))


def _possible(store: ChainStore, ledger: UnconfirmedLedger, *txids: Iterable[bytes]) -> set[bytes]:
    """Return which waiting transactions spend nothing that the tip has spent, as themselves do."""
    rows = ledger.held_of(set().union(*txids))
    spent = ledger.spent_by(rows.values())
    names = _spenders_on_chain(store, [outpoint for _row, outpoint in spent])
    dead = {row for (row, _outpoint), name in zip(spent, names, strict=True) if name}
    return {txid for txid, row in rows.items() if row not in dead}


def transaction(store: ChainStore, txid: str) -> dict[str, Any] | None:
    """Return a transaction that was seen in a mempool and is not on the chain.

    Parameters
    ----------
    store : ChainStore
        The tip whose outputs it may spend.
    txid : str
        64 hexadecimal digits.

    Returns
    -------
    dict or None
        As ``tx show`` prints it, ``confirmed`` false. Null is what is not known: address and value
        of an output that is neither on the chain nor of another such transaction; all inputs and
        outputs where the bytes were dropped. None if it was never seen.

    Raises
    ------
    StoreDamagedError
        If the bytes that are held are not this transaction.
    """
    ledger = open_ledger(store.path)
    if ledger is None:
        return None
    with ledger:
        seen, listing = ledger.seen(bytes.fromhex(txid)[::-1]), ledger.listing()
        if seen is None or listing is None:
            return None
        spent, made = _inputs_and_outputs(store, ledger, seen)
        amounts = [row["value"] for row in spent or [{"value": None}]]
        fee = None
        if made is not None and None not in amounts:
            fee = sum(amounts) - sum(row["value"] for row in made)
        return {
            "txid": shown(seen.txid),
            "confirmed": False,
            "state": seen.state.value,
            "as_of": utc(listing.as_of),
            "first_seen": utc(seen.first_seen),
            "last_seen": utc(seen.last_seen),
            "replaced_by": shown(seen.replaced_by) if seen.replaced_by else None,
            "fee": fee,
            "inputs": spent,
            "outputs": made,
        }


def _inputs_and_outputs(
    store: ChainStore, ledger: UnconfirmedLedger, seen: Seen
) -> tuple[list[dict[str, Any]] | None, list[dict[str, Any]] | None]:
    """Return the rows of both sides, None where the bytes were dropped."""
    if seen.raw is None:
        return None, None
    parsed = _parsed(store, seen)
    outpoints = prevouts_of(parsed)
    on_chain = _outputs_at(store, outpoints).tolist()
    parents: dict[bytes, ParsedBlocks | None] = {}
    spent = []
    for outpoint, output in zip(outpoints, on_chain, strict=True):
        name, vout = outpoint[:32], int.from_bytes(outpoint[32:], "little")
        if output >= 0:
            script = int(store.column("output.script")[output])
            start = store.column("script.start")
            script_bytes = store.column("script.bytes")[start[script] : start[script + 1]].tobytes()
            coin: tuple[int, bytes] | None = int(store.column("output.value")[output]), script_bytes
        else:
            if name not in parents:
                parent = ledger.seen(name)
                parents[name] = _parsed(store, parent) if parent and parent.raw else None
            coin = _coin(parents[name], vout)
        spent.append(
            {
                "txid": shown(name),
                "vout": vout,
                "address": address_of(coin[1], store.network) if coin else None,
                "value": coin[0] if coin else None,
            }
        )
    places = [seen.txid + vout.to_bytes(4, "little") for vout in range(parsed.value.size)]
    spenders = ledger.spenders(places)
    made = []
    for vout, place in enumerate(places):
        value, script_bytes = _coin(parsed, vout) or (0, b"")
        made.append(
            {
                "vout": vout,
                "address": address_of(script_bytes, store.network),
                "script": script_bytes.hex(),
                "value": value,
                "spent_by": _input_name(store, ledger, spenders.get(place), place),
            }
        )
    return spent, made


def _input_name(
    store: ChainStore, ledger: UnconfirmedLedger, spender: bytes | None, place: bytes
) -> str | None:
    """Return ``txid:n`` of the input of a waiting transaction that spends an outpoint."""
    seen = ledger.seen(spender) if spender else None
    if seen is None:
        return None
    return f"{shown(seen.txid)}:{prevouts_of(_parsed(store, seen)).index(place)}"


def _coin(parsed: ParsedBlocks | None, vout: int) -> tuple[int, bytes] | None:
    """Return value and script of an output, None where there is none."""
    if parsed is None or vout >= parsed.value.size:
        return None
    at, length = int(parsed.script_at[vout]), int(parsed.script_length[vout])
    return int(parsed.value[vout]), parsed.data[at : at + length].tobytes()


def _parsed(store: ChainStore, seen: Seen) -> ParsedBlocks:
    """Parse bytes that are held, and hold them against their id."""
    data = np.frombuffer(bytearray(seen.raw or b""), np.uint8)
    parsed = parse_transactions(data, np.array([0]), np.array([data.size]))
    if isinstance(parsed, BlockFault) or parsed.txid[0].tobytes() != seen.txid:
        raise StoreDamagedError(
            f"the bytes of transaction {shown(seen.txid)} are not that transaction",
            where=str(store.path / NAME),
            hint="delete it: the chain does not need it, and following makes it anew",
        )
    return parsed


def spent_ends(store: ChainStore, flow: Flow) -> list[dict[str, Any]] | None:
    """Return which unspent ends of a trace waiting transactions spend.

    Parameters
    ----------
    store : ChainStore
        The tip that was traced.
    flow : Flow
        The trace.

    Returns
    -------
    list of dict or None
        Output (``txid``, ``vout``), ``value`` of the traced money there, the transaction that
        spends it (``spent_by``), and ``as_of``; in chain order. None if nothing is followed.

    Raises
    ------
    StoreDamagedError, StoreVersionError, StorageError
    """
    ledger = open_ledger(store.path)
    if ledger is None:
        return None
    with ledger:
        listing = ledger.listing()
        if listing is None:
            return None
        unspent = flow.stop == Stop.UNSPENT.value
        outpoints = _outpoints_of(store, flow.output[unspent])
        spenders = ledger.spenders(outpoints)
        possible = _possible(store, ledger, spenders.values())
        return [
            {
                "txid": shown(outpoint[:32]),
                "vout": int.from_bytes(outpoint[32:], "little"),
                "value": value,
                "spent_by": shown(spenders[outpoint]),
                "as_of": utc(listing.as_of),
            }
            for outpoint, value in zip(outpoints, flow.value[unspent].tolist(), strict=True)
            if spenders.get(outpoint) in possible
        ]
