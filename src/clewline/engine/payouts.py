"""By which outputs a service paid out: the other side of where a backward walk stops.

A backward walk stops at outputs that a service held and then spent. What the service did with
them is the spending transaction: its outputs on the way to the seeds are the payouts that the
service's books name an account for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clewline.engine.chain import Chain, Int64
from clewline.engine.taint import Flow, Method, Stop
from clewline.engine.taint_walk import Int32, apportion
from clewline.errors import UsageError
from clewline.jit import kernel


@dataclass(frozen=True)
class Payouts:
    """Payouts of services towards the seeds, one row per entity and output, by output.

    Attributes
    ----------
    output : ndarray of int64, shape (n,)
        Output by which the service paid.
    entity : ndarray of int32, shape (n,)
        The service.
    value : ndarray of int64, shape (n,)
        Satoshi of it that come from the service and go to the seeds, at most the output's.
    hops : ndarray of int32, shape (n,)
        Least number of transactions from the service to a seed; 1 if it paid the seed itself.
    end : ndarray of int64, shape (n,)
        Row of the flow whose output gave the most: what the service spent to pay.
    position : ndarray of int64, shape (n,)
        FIFO, LIFO: one satoshi of that end that went this way, counted from its front; else 0.
    """

    output: Int64
    entity: Int32
    value: Int64
    hops: Int32
    end: Int64
    position: Int64


@kernel
def _places_on_queue(
    transactions: Int64, spent: Int64, tx_input: Int64, prevout: Int64, value: Int64, place: Int64
) -> None:
    """Find where each of some outputs, ascending, begins on the queue of its spender's inputs."""
    for tx in transactions:
        queue = np.int64(0)
        for row in range(tx_input[tx], tx_input[tx + 1]):
            at = np.searchsorted(spent, prevout[row])
            if at < spent.size and spent[at] == prevout[row]:
                place[at] = queue
            queue += value[prevout[row]]


@kernel
def _cut_by_outputs(
    spans: Int64,
    tx_of: Int64,
    place: Int64,
    start: Int64,
    end: Int64,
    tx_input: Int64,
    tx_output: Int64,
    prevout: Int64,
    value: Int64,
    last_first: bool,  # noqa: FBT001 - a kernel takes its arguments one by one
    rows: Int64,
) -> int:
    """Cut spans of spent outputs where the outputs of their spender meet; count, then fill `rows`.

    `spans` stand in the order of their spenders and, within one, of its queue: its outputs are
    passed once. LIFO lays the outputs on the queue `last_first`, behind the fee (`taint_walk`). A
    row is (span, output, satoshi, place within `held`, place within the output). With no room only
    the number of rows is returned.
    """
    n = 0
    previous = np.int64(-1)
    first, first_low, step = np.int64(0), np.int64(0), 1
    for span in spans:
        tx = tx_of[span]
        if tx != previous:
            previous = tx
            first, first_low = tx_output[tx], np.int64(0)
            if last_first:
                first, step = tx_output[tx + 1] - 1, -1
                for spent in range(tx_input[tx], tx_input[tx + 1]):
                    first_low += value[prevout[spent]]
                for made in range(tx_output[tx], tx_output[tx + 1]):
                    first_low -= value[made]
        at = start[span] + place[span]
        last = end[span] + place[span]
        while at < last and first_low + value[first] <= at:
            first_low += value[first]
            first += step
        output, low = first, first_low  # the next span may begin before this one ends
        while at < last:
            while low + value[output] <= at:
                low += value[output]
                output += step
            part = min(last, low + value[output]) - at
            if n < rows.shape[0]:
                rows[n, 0] = span
                rows[n, 1] = output
                rows[n, 2] = part
                rows[n, 3] = at - place[span]
                rows[n, 4] = at - low
            n += 1
            at += part
    return n


def cut_by_outputs(chain: Chain, held: Int64, start: Int64, end: Int64, method: Method) -> Int64:
    """Find into which outputs satoshi went when the outputs that held them were spent.

    Parameters
    ----------
    chain : Chain
        The chain.
    held : ndarray of int64, shape (n,)
        Spent outputs.
    start, end : ndarray of int64, shape (n,)
        Satoshi ``[start, end)`` of each, counted from its front, none of which became a fee.
    method : Method
        FIFO or LIFO.

    Returns
    -------
    ndarray of int64, shape (m, 5)
        A row a piece, in the order of the spans: span, output, satoshi, place within `held`, place
        within the output. The satoshi of a span's pieces are its own.

    Cost
    ----
    The inputs and outputs of each spender once, each input looked up by bisection; n log n in the
    pieces.
    """
    tx = chain.spender[held].astype(np.int64)
    spent, of = np.unique(held, return_inverse=True)
    places = np.empty(spent.size, np.int64)
    _places_on_queue(np.unique(tx), spent, chain.tx_input, chain.prevout, chain.value, places)
    place = places[of]
    spans = np.lexsort((start + place, tx))

    def cut(rows: Int64) -> int:
        return _cut_by_outputs(
            spans,
            tx,
            place,
            start,
            end,
            chain.tx_input,
            chain.tx_output,
            chain.prevout,
            chain.value,
            method is Method.LIFO,
            rows,
        )

    rows = _counted_rows(cut)
    return rows[np.lexsort((rows[:, 3], rows[:, 0]))]


@kernel
def _share_out(
    transactions: Int64,
    group_start: Int64,
    ends: Int64,
    gave: Int64,
    reached: Int64,
    reached_value: Int64,
    reached_hops: Int32,
    tx_output: Int64,
    rows: Int64,
) -> int:
    """Share what each service gave to a transaction over its outputs that are on the way.

    Group g is one service's ends ``group_start[g] : group_start[g + 1]`` that ``transactions[g]``
    spends; they gave `gave` satoshi each. A row is (end that gave most, output, satoshi, 0, hops).
    """
    n = 0
    for group in range(transactions.size):
        first = group_start[group]
        part = np.int64(0)
        largest = first
        for k in range(first, group_start[group + 1]):
            part += gave[k]
            if gave[k] > gave[largest]:
                largest = k
        tx = transactions[group]
        low = np.searchsorted(reached, tx_output[tx])
        high = np.searchsorted(reached, tx_output[tx + 1])
        wanted = reached_value[low:high]
        whole = wanted.sum()
        amounts = apportion(min(part, whole), whole, wanted)
        for k in range(amounts.size):
            if amounts[k] > 0:
                if n < rows.shape[0]:
                    rows[n, 0] = ends[largest]
                    rows[n, 1] = reached[low + k]
                    rows[n, 2] = amounts[k]
                    rows[n, 3] = 0
                    rows[n, 4] = reached_hops[low + k] + 1
                n += 1
    return n


def payouts(flow: Flow, chain: Chain) -> Payouts:
    """Find the payouts behind the services at which a backward walk stopped.

    FIFO and LIFO: a satoshi of an end stands at one place of the spender's queue, and so went into
    one output. Haircut: what a service gave to a transaction is shared over the outputs that are on
    the way to the seeds, pro rata to what is wanted of them, by largest remainder.

    Parameters
    ----------
    flow : Flow
        A backward walk.
    chain : Chain
        The chain that it walked.

    Returns
    -------
    Payouts
        Σ value = ``flow.value_at(Stop.SERVICE)`` where no seed is itself held by such a service.

    Raises
    ------
    UsageError
        If the walk went forward, or its rule is poison.

    Cost
    ----
    The inputs and outputs of the transactions by which services paid, once each.
    """
    if not flow.to_the_past:
        raise UsageError("payouts are found by a backward walk", where="flow")
    if flow.method is Method.POISON:
        raise UsageError("poison counts satoshi more than once: no payout has a sum", where="flow")
    spent = chain.spender[flow.output] < chain.n_tx
    ends = np.flatnonzero((flow.stop == Stop.SERVICE) & (flow.hops_mean > 0) & spent)
    rows = _pieces(flow, chain, ends) if flow.method.keeps_places else _shares(flow, chain, ends)
    end, output, part, position, hops = rows.T
    entity = flow.entity[end]
    order = np.lexsort((end, -part, entity, output))
    output, entity, part, hops = output[order], entity[order], part[order], hops[order]
    new = np.ones(output.size, np.bool_)
    new[1:] = (output[1:] != output[:-1]) | (entity[1:] != entity[:-1])
    first = np.flatnonzero(new)
    if not first.size:
        none = np.empty(0, np.int64)
        return Payouts(none, none.astype(np.int32), none, none.astype(np.int32), none, none)
    return Payouts(
        output=output[first],
        entity=entity[first],
        value=np.add.reduceat(part, first),
        hops=np.minimum.reduceat(hops, first).astype(np.int32),
        end=end[order][first],
        position=position[order][first],
    )


def _pieces(flow: Flow, chain: Chain, ends: Int64) -> Int64:
    """Return (end, output, satoshi, position, hops) for each piece of each end."""
    end = np.repeat(np.arange(flow.output.size), np.diff(flow.span_offset))
    # A seed's own satoshi, 0 hops far: nobody paid them out to a seed.
    spans = np.flatnonzero(np.isin(end, ends) & (flow.span_hops > 0))
    end = end[spans]
    rows = cut_by_outputs(
        chain, flow.output[end], flow.span_start[spans], flow.span_end[spans], flow.method
    )
    span, output, part, position, _ = rows.T
    return np.stack((end[span], output, part, position, flow.span_hops[spans][span]), axis=1)


def _shares(flow: Flow, chain: Chain, ends: Int64) -> Int64:
    """Return (end, output, satoshi, 0, hops) for each service's part in each transaction."""
    tx = chain.spender[flow.output[ends]].astype(np.int64)
    entity = flow.entity[ends]
    order = np.lexsort((ends, entity, tx))
    tx, entity = tx[order], entity[order]
    new = np.ones(order.size, np.bool_)
    new[1:] = (tx[1:] != tx[:-1]) | (entity[1:] != entity[:-1])
    first = np.flatnonzero(new)

    def share(rows: Int64) -> int:
        return _share_out(
            tx[first],
            np.append(first, order.size),
            ends[order],
            flow.value[ends[order]],
            flow.reached,
            flow.reached_value,
            flow.reached_hops,
            chain.tx_output,
            rows,
        )

    return _counted_rows(share)


def _counted_rows(fill: Callable[[Int64], int]) -> Int64:
    """Have a kernel count its rows, then fill them in."""
    rows = np.empty((fill(np.empty((0, 5), np.int64)), 5), np.int64)
    fill(rows)
    return rows
