"""Who paid the addresses of a case: each satoshi of each payment, back to the service it came from.

The walk backward is that of `clewline.engine.taint`, in two steps, because the first transaction is
another matter than the rest. It is the payment itself: no label of the receiver may stop it. Beyond
it every service stops the walk, and so does the receiver's own money: what went out of the case and
came back (a refund spent again) is not a second payment by the first payer.

Only FIFO and LIFO say which satoshi went where, so only they can tell payments apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Bool, Chain, Int64, UInt8, UInt32
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.engine.payouts import cut_by_outputs
from clewline.engine.taint import NO_ENTITY, Flow, Limits, Method, Seeds, Stops, backward
from clewline.engine.taint_walk import Int32
from clewline.errors import UsageError

NOWHERE: Final = -1
"""Payout of money that no service paid out, as far as the walk saw."""


@dataclass(frozen=True)
class Own:
    """What belongs to the receivers of a case.

    Attributes
    ----------
    scripts : ndarray of uint32
        Their scripts, ascending.
    clusters : ndarray of uint32
        Clusters that are wholly theirs, ascending. A script that a service holds for them has none:
        its cluster is the service's.
    """

    scripts: UInt32
    clusters: UInt32


@dataclass(frozen=True)
class Origins:
    """Where the satoshi of payments came from; ascending by payment, then by place within it.

    One row for each payment, payout and reason. Law: Σ `value` of a payment's rows = its value.

    Attributes
    ----------
    payment : ndarray of int64, shape (n,)
        Output that was received.
    payout : ndarray of int64, shape (n,)
        Output by which the service paid: the payment itself where the service paid straight to it.
        `NOWHERE` where the money came from no service.
    held : ndarray of int64, shape (n,)
        Output at which the walk stopped; of several the lowest id.
    value : ndarray of int64, shape (n,)
        Satoshi.
    hops : ndarray of int32, shape (n,)
        Least number of transactions from `held` to the payment; 1 is a direct payment.
    stop : ndarray of uint8, shape (n,)
        `clewline.engine.taint.Stop`.
    entity : ndarray of int32, shape (n,)
        Entity of a service, else `NO_ENTITY`.
    own : ndarray of bool, shape (n,)
        The money came from the case itself; `stop` then says nothing.
    crossed : int
        Transactions crossed.
    """

    payment: Int64
    payout: Int64
    held: Int64
    value: Int64
    hops: Int32
    stop: UInt8
    entity: Int32
    own: Bool
    crossed: int


def is_own(scripts: UInt32, cluster: UInt32, own: Own) -> Bool:
    """Tell which scripts belong to the receivers of a case.

    Parameters
    ----------
    scripts : ndarray of uint32, shape (n,)
        Script ids.
    cluster : ndarray of uint32, shape (n_script,)
        Cluster of each script of the chain.
    own : Own
        The receivers.

    Returns
    -------
    ndarray of bool, shape (n,)
        By its own id or through its cluster.
    """
    return np.isin(scripts, own.scripts) | np.isin(cluster[scripts], own.clusters)


def moves_own_money(
    chain: Chain, outputs: Int64, cluster: UInt32, coinjoin: UInt8, own: Own
) -> Bool:
    """Tell which outputs the receivers of a case paid to themselves: sweeps and change.

    Parameters
    ----------
    chain : Chain
        The chain.
    outputs : ndarray of int64, shape (n,)
        Outputs that the case received.
    cluster : ndarray of uint32, shape (n_script,)
        Cluster of each script.
    coinjoin : ndarray of uint8, shape (n_tx,) or (0,)
        Verdict on each transaction: what comes out of one that mixes owners may be anybody's.
        Empty: that of CoinJoins counts too.
    own : Own
        The receivers.

    Returns
    -------
    ndarray of bool, shape (n,)
        An input of the transaction spends what the case held.

    Cost
    ----
    The inputs of the transactions.
    """
    tx = np.searchsorted(chain.tx_output, outputs, side="right") - 1
    distinct, which = np.unique(tx, return_inverse=True)
    counts = chain.tx_input[distinct + 1] - chain.tx_input[distinct]
    of_tx = np.repeat(np.arange(distinct.size), counts)
    begins = np.cumsum(counts) - counts
    rows = np.arange(of_tx.size) + np.repeat(chain.tx_input[distinct] - begins, counts)
    spent = is_own(chain.script[chain.prevout[rows]], cluster, own)
    moves: Bool = np.bincount(of_tx[spent], minlength=distinct.size) > 0
    if coinjoin.size:
        moves &= ~mixes_owners(coinjoin[distinct])
    return moves[which]


def origins(
    chain: Chain, payments: Int64, stops: Stops, own: Own, limits: Limits, method: Method
) -> Origins:
    """Follow each satoshi of some payments back to the service that paid it out.

    Parameters
    ----------
    chain : Chain
        The chain.
    payments : ndarray of int64, shape (n,)
        Outputs that the case received from others (not `moves_own_money`).
    stops : Stops
        Services and CoinJoins; with no own entities or clusters.
    own : Own
        The receivers of the case; what they held before stops the walk.
    limits : Limits
        Caps; hops and transactions count the payment's own transaction too. The time range chose
        the payments: a walk back from them has to leave it, so it is not applied again.
    method : Method
        FIFO or LIFO.

    Returns
    -------
    Origins
        Σ value of a payment's rows = its value, to the satoshi, checked.

    Raises
    ------
    UsageError
        If the rule mixes satoshi.

    Limits
    ------
    Names the output by which a service paid. Who ordered that, and what for, is not on the chain.

    Cost
    ----
    As `clewline.engine.taint.backward`, and again the transactions on the way.
    """
    if not method.keeps_places:
        raise UsageError(
            f"{method} mixes satoshi, so that no payment has a payer of its own; allowed: fifo, "
            "lifo",
            where="method",
        )
    payments = np.unique(payments)
    hops = 1 if limits.max_hops is None else min(limits.max_hops, 1)
    anywhere = replace(limits, since=None, until=None)
    first = backward(
        chain,
        Seeds.whole(chain, payments),
        Stops(coinjoin=stops.coinjoin),
        replace(anywhere, max_hops=hops),
        method,
    )
    number = 1 + max(
        int(ids.max(initial=-1)) for ids in (stops.service_entity, stops.cluster_entity)
    )
    beyond = backward(
        chain, _inputs_of(first), _with_own(stops, own, number), _left(anywhere, first), method
    )
    rows = np.concatenate((_stopped_at_once(first), _descended(chain, beyond)))
    return _origins(chain, payments, rows, number, first.crossed + beyond.crossed)


def _left(limits: Limits, first: Flow) -> Limits:
    """Return what the first step has left of the caps."""

    def less(cap: int | None, used: int) -> int | None:
        return None if cap is None else max(cap - used, 0)

    return replace(
        limits,
        max_hops=less(limits.max_hops, 1),
        max_transactions=less(limits.max_transactions, first.crossed),
        max_nodes=less(limits.max_nodes, first.nodes),
    )


def _inputs_of(first: Flow) -> Seeds:
    """Return the satoshi of inputs that fill the payments."""
    counts = np.diff(first.span_offset)
    spans = np.repeat(first.hops_min > 0, counts)
    return Seeds(
        np.repeat(first.output, counts)[spans], first.span_start[spans], first.span_end[spans]
    )


def _with_own(stops: Stops, own: Own, number: int) -> Stops:
    """Make the case itself a service at which a walk stops, as entity `number`."""

    def merged(ids: UInt32, entity: Int32, more: UInt32) -> tuple[UInt32, Int32]:
        every = np.union1d(ids, more)
        entities = np.full(every.size, number, np.int32)
        others = ~np.isin(ids, more)
        entities[np.searchsorted(every, ids[others])] = entity[others]
        return every, entities

    scripts, script_entity = merged(stops.service_scripts, stops.service_entity, own.scripts)
    clusters, cluster_entity = merged(stops.service_clusters, stops.cluster_entity, own.clusters)
    return replace(
        stops,
        service_scripts=scripts,
        service_entity=script_entity,
        service_clusters=clusters,
        cluster_entity=cluster_entity,
    )


# Columns of the rows that both steps give.
_PAYMENT, _PLACE, _PAYOUT, _HELD, _VALUE, _HOPS, _STOP, _ENTITY = range(8)


def _stopped_at_once(first: Flow) -> Int64:
    """Return rows of payments whose own transaction was not crossed."""
    ends = np.flatnonzero(first.hops_min == 0)
    rows = np.zeros((ends.size, 8), np.int64)
    rows[:, _PAYMENT] = rows[:, _HELD] = first.output[ends]
    rows[:, _VALUE] = first.value[ends]
    rows[:, _STOP] = first.stop[ends]
    rows[:, _ENTITY] = NO_ENTITY
    return rows


def _descended(chain: Chain, beyond: Flow) -> Int64:
    """Return rows of pieces, each followed from where it stopped into its payment."""
    counts = np.diff(beyond.span_offset)
    end = np.repeat(np.arange(counts.size), counts)
    hops = beyond.span_hops + 1  # the payment's own transaction
    source = np.arange(end.size)
    output, start, stop = beyond.output[end], beyond.span_start, beyond.span_end
    payout = np.full(end.size, NOWHERE, np.int64)
    level = 0
    found = []
    while source.size:
        level += 1
        span, output, part, _, start = cut_by_outputs(
            chain,
            np.ascontiguousarray(output),
            np.ascontiguousarray(start),
            np.ascontiguousarray(stop),
            beyond.method,
        ).T
        source, payout = source[span], output if level == 1 else payout[span]
        stop = start + part
        arrived = hops[source] == level
        at = end[source[arrived]]
        found.append(
            np.stack(
                (
                    output[arrived],
                    start[arrived],
                    payout[arrived],
                    beyond.output[at],
                    part[arrived],
                    hops[source[arrived]],
                    beyond.stop[at].astype(np.int64),
                    beyond.entity[at].astype(np.int64),
                ),
                axis=1,
            )
        )
        source, payout, output, start, stop = (
            column[~arrived] for column in (source, payout, output, start, stop)
        )
    return np.concatenate([np.empty((0, 8), np.int64), *found])


def _origins(
    chain: Chain, payments: Int64, rows: NDArray[np.int64], number: int, crossed: int
) -> Origins:
    """Sum the pieces of each payment, payout and reason, and check the law."""
    rows[(rows[:, _ENTITY] == NO_ENTITY) | (rows[:, _ENTITY] == number), _PAYOUT] = NOWHERE
    keys = (_PAYMENT, _PAYOUT, _STOP, _ENTITY)
    rows = rows[np.lexsort((rows[:, _PLACE], *(rows[:, key] for key in reversed(keys))))]
    new = np.ones(len(rows), np.bool_)
    new[1:] = np.any(rows[1:, keys] != rows[:-1, keys], axis=1)
    first = np.flatnonzero(new)
    summed = rows[first]
    if first.size:  # reduceat refuses an empty list
        summed[:, _VALUE] = np.add.reduceat(rows[:, _VALUE], first)
        summed[:, _HOPS] = np.minimum.reduceat(rows[:, _HOPS], first)
        summed[:, _HELD] = np.minimum.reduceat(rows[:, _HELD], first)
    summed = summed[np.lexsort((summed[:, _PAYOUT], summed[:, _PLACE], summed[:, _PAYMENT]))]
    each = np.zeros(payments.size, np.int64)
    np.add.at(each, np.searchsorted(payments, summed[:, _PAYMENT]), summed[:, _VALUE])
    if np.any(each != chain.value[payments]):
        raise AssertionError("the origins of a payment do not add up to it")
    own = summed[:, _ENTITY] == number
    return Origins(
        payment=summed[:, _PAYMENT],
        payout=summed[:, _PAYOUT],
        held=summed[:, _HELD],
        value=summed[:, _VALUE],
        hops=summed[:, _HOPS].astype(np.int32),
        stop=summed[:, _STOP].astype(np.uint8),
        entity=np.where(own, NO_ENTITY, summed[:, _ENTITY]).astype(np.int32),
        own=own,
        crossed=crossed,
    )
