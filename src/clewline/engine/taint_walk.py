"""Kernels of the tracing engine: one walk for both directions and every rule.

The walk holds three things, all plain arrays that grow:

- a *slot* for each output that money of the seeds reached (`slots`, found by a hash table keyed
  by output id): how much, how far it came, from where, and what became of it;
- *spans*, FIFO and LIFO only: the tainted satoshi of an output as sorted, disjoint intervals
  ``[start, end)`` with their hops. The spans of a slot stand together;
- a heap of the transactions to cross, by chain order (backward: reversed), so that an output has
  gathered all its money before it is crossed, and a transaction before it rounds.

Direction is data. A crossing takes money *from* one side of a transaction *to* the other:
forward from its inputs to its outputs, backward the other way round. Both sides lie on one queue
of satoshi, the inputs in their order. FIFO lays the outputs beside it in their order and the fee
behind them; LIFO lays the fee first and the outputs behind it, the last one first. Whatever stands
at one place of the queue is one satoshi, so that both rules and directions are one cut.

A rule is one function: it turns the money that crosses a transaction into *arrivals*, and the
walk gathers those.

All kernels that call each other live in this file, because Numba's cache on disk does not
notice a change in another file.
"""

# ruff: noqa: FBT001  (kernels take their arrays and flags one by one)

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Int64, UInt8, UInt32
from clewline.engine.heuristics.coinjoin import family_mixes_owners
from clewline.jit import kernel, leaf

Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]
Int: TypeAlias = Any  # int64 once compiled; before, Python and NumPy integers mix freely


class Stop(IntEnum):
    """Why money went no further. The order is the precedence: the first that applies is told."""

    TARGET = 0
    """The output belongs to whom a path is looked for."""
    SERVICE = 1
    """The output belongs to an attributed service; what happens inside is not on the chain."""
    DEPOSIT = 2
    """The output belongs to an address that is inferred to be a service's deposit address."""
    UNSPENT = 3
    """Forward: no transaction spends the output."""
    MINED = 4
    """Backward: a coinbase created the output."""
    COINJOIN = 5
    """The transaction to cross mixes the money of several owners."""
    MAX_HOPS = 6
    """Cap: as many transactions lie between seed and output as were allowed."""
    MIN_VALUE = 7
    """Cap: the output gathered less than asked for."""
    TIME = 8
    """Cap: the transaction to cross lies outside the time range."""
    MAX_TRANSACTIONS = 9
    """Cap: as many transactions were crossed as were allowed."""
    MAX_NODES = 10
    """Cap: as many inputs and outputs were looked at as were allowed."""
    NOT_LOADED = 11
    """In place of `UNSPENT` and `MINED`, in a part of a chain: what comes next is not in it."""
    SHIELDED = 12
    """Before `COINJOIN`: the transaction to cross has parts in a shielded pool (Zcash)."""


NO_ENTITY: Final = -1
"""Entity of an end that is neither a service nor inferred to be a service's deposit address."""

SEED: Final = -1
"""Parent of a reached output that is itself where the walk began."""

LARGEST_TOTAL: Final = 2**53
"""Largest total input of a transaction, in satoshi: four times all bitcoin that can exist, and
the limit up to which `share` is exact."""

# Rules of `walk`.
FIFO: Final = 0
LIFO: Final = 1
HAIRCUT: Final = 2
POISON: Final = 3

# Codes of `walk`.
DONE: Final = 0
TOTAL_TOO_LARGE: Final = 1
OUTPUTS_EXCEED_INPUTS: Final = 2

# What became of a slot: one of `Stop`, or one of these two.
CROSSED: Final = 254
_PENDING: Final = 255

# Plain integers of `Stop` for the kernels.
_TARGET: Final = int(Stop.TARGET)
_SERVICE: Final = int(Stop.SERVICE)
_DEPOSIT: Final = int(Stop.DEPOSIT)
_UNSPENT: Final = int(Stop.UNSPENT)
_MINED: Final = int(Stop.MINED)
_COINJOIN: Final = int(Stop.COINJOIN)
_MAX_HOPS: Final = int(Stop.MAX_HOPS)
_MIN_VALUE: Final = int(Stop.MIN_VALUE)
_TIME: Final = int(Stop.TIME)
_MAX_TRANSACTIONS: Final = int(Stop.MAX_TRANSACTIONS)
_MAX_NODES: Final = int(Stop.MAX_NODES)
_NOT_LOADED: Final = int(Stop.NOT_LOADED)
_SHIELDED: Final = int(Stop.SHIELDED)

# Columns of `slots`.
OUTPUT: Final = 0
VALUE: Final = 1
HOPS: Final = 2
PARENT: Final = 3
STOP: Final = 4
ENTITY: Final = 5
FIRST_SPAN: Final = 6
LAST_SPAN: Final = 7
_SLOT_COLUMNS: Final = 8

# Columns of `spans`.
START: Final = 0
END: Final = 1
SPAN_HOPS: Final = 2
_SPAN_COLUMNS: Final = 3

# Columns of `active`: the slots whose money crosses, and where each begins on the queue.
_SLOT: Final = 0
_QUEUE: Final = 1
_ACTIVE_COLUMNS: Final = 2

# Columns of `arrivals`: what one crossing brings to one output. `_LARGEST` is the largest part
# that came from a single output (haircut: rounded up, so never 0; poison: the arrival itself),
# `_SOURCE` the slot of that output.
_TO: Final = 0
_AMOUNT: Final = 1
_SOURCE: Final = 2
_LARGEST: Final = 3
_FROM_SPAN: Final = 4
_TO_SPAN: Final = 5
_ARRIVAL_COLUMNS: Final = 6

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 ÷ golden ratio: Fibonacci hashing
_EMPTY: Final = -1


class ChainColumns(NamedTuple):
    """The columns of `clewline.engine.chain.Chain` that a walk reads, read-only."""

    block_tx: Int64
    block_time: Int64
    tx_input: Int64
    tx_output: Int64
    prevout: Int64
    value: Int64
    script: UInt32
    spender: UInt32
    outputs_only: int
    settled: UInt8
    pool: int
    shielded_tx: UInt32


class StopColumns(NamedTuple):
    """The arrays of `clewline.engine.taint.Stops`, read-only."""

    service_scripts: UInt32
    service_entity: Int32
    service_clusters: UInt32
    cluster_entity: Int32
    cluster: UInt32
    coinjoin: UInt8
    own_entities: Int32
    own_clusters: UInt32
    deposit_scripts: UInt32
    deposit_entity: Int32
    target_outputs: Int64
    target_scripts: UInt32


class Caps(NamedTuple):
    """`clewline.engine.taint.Limits` as numbers; a cap that is not set is out of reach."""

    max_hops: int
    min_value: int
    since: int
    until: int
    max_transactions: int
    max_nodes: int
    through_coinjoin: bool


class Walked(NamedTuple):
    """What `walk` returns: a code, the transaction it is about, and the state at the end."""

    code: Int
    transaction: Int
    total: Int
    fees: Int
    crossed: Int
    nodes: Int
    slots: Int64
    hops_mean: Float64
    spans: Int64


# --- arrays that grow, a heap, a hash table ------------------------------------------------


@kernel
def _grow_rows(rows: Int64, needed: Int) -> Int64:
    """Return `rows` with room for `needed` rows; at least doubled, so that growth is linear."""
    if needed <= rows.shape[0]:
        return rows
    larger = np.empty((max(needed, 2 * rows.shape[0]), rows.shape[1]), np.int64)
    larger[: rows.shape[0]] = rows
    return larger


@kernel
def _grow_column(column: NDArray[Any], needed: Int) -> NDArray[Any]:
    """Return `column` with room for `needed` entries; at least doubled."""
    if needed <= column.shape[0]:
        return column
    larger = np.empty(max(needed, 2 * column.shape[0]), column.dtype)
    larger[: column.shape[0]] = column
    return larger


@leaf
def _push(heap: Int64, size: Int, key: Int) -> Int:
    """Add `key` to the min-heap; there is room for it."""
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[above] <= key:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = key
    return size + 1


@leaf
def _pop(heap: Int64, size: Int) -> Int:
    """Remove the smallest key, ``heap[0]``, which the caller has read."""
    size -= 1
    _sift_down(heap, size, 0, heap[size])
    return size


@leaf
def _heapify(heap: Int64, size: Int) -> None:
    """Make a min-heap of keys in any order (Floyd, 1964): linear, where pushes may not be."""
    for at in range(size // 2 - 1, -1, -1):
        _sift_down(heap, size, at, heap[at])


@leaf
def _sift_down(heap: Int64, size: Int, at: Int, key: Int) -> None:
    """Put `key` where it belongs below a place that is free."""
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= key:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = key


@leaf
def _place(table: Int64, output: Int) -> Int:
    """Row of `table` that holds `output`, or the empty row where it belongs (linear probing)."""
    mask = table.shape[0] - 1
    at: Int = np.int64((np.uint64(output) * _GOLDEN) >> np.uint64(32)) & mask
    while table[at, 0] != _EMPTY and table[at, 0] != output:
        at = (at + 1) & mask
    return at


@leaf
def _slot_of(table: Int64, output: Int) -> Int:
    """Slot of `output`, or `_EMPTY` if no money reached it."""
    slot: Int = table[_place(table, output), 1]
    return slot


@kernel
def _table_for(slots: Int64, n_slots: Int, needed: Int, table: Int64) -> Int64:
    """Return a hash table of output → slot at most half full with `needed` slots."""
    if 2 * needed <= table.shape[0]:
        return table
    size = table.shape[0]
    while size < 2 * needed:
        size *= 2
    larger = np.full((size, 2), _EMPTY, np.int64)
    for slot in range(n_slots):
        at = _place(larger, slots[slot, OUTPUT])
        larger[at, 0] = slots[slot, OUTPUT]
        larger[at, 1] = slot
    return larger


# --- look-ups ------------------------------------------------------------------------------


@leaf
def _last_at_most(ascending: NDArray[Any], key: Int) -> Int:
    """Index of the last entry ≤ `key`, or −1: which transaction (block) a row belongs to."""
    low = 0
    high = ascending.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if np.int64(ascending[middle]) <= key:
            low = middle + 1
        else:
            high = middle
    return low - 1


@leaf
def _holds(ascending: NDArray[Any], key: Int) -> bool:
    """Tell whether `key` is one of some ascending ids."""
    at = _last_at_most(ascending, key)
    held: bool = at >= 0 and np.int64(ascending[at]) == key
    return held


@leaf
def owner_of(script: Int, stops: StopColumns) -> tuple[Int, Int]:
    """Tell at which service's script, or inferred deposit address, a walk stops.

    Parameters
    ----------
    script : int
        Script id.
    stops : StopColumns
        Labels of services and what is inferred.

    Returns
    -------
    tuple of int
        `Stop.SERVICE` or `Stop.DEPOSIT` and the entity; else no stop and `NO_ENTITY`.
    """
    stop = _PENDING
    entity: Int = NO_ENTITY
    at = _last_at_most(stops.service_scripts, script)
    if at >= 0 and np.int64(stops.service_scripts[at]) == script:
        stop = _SERVICE
        entity = np.int64(stops.service_entity[at])
    if stops.cluster.shape[0] > 0:
        cluster = np.int64(stops.cluster[script])
        if _holds(stops.own_clusters, cluster):
            return _PENDING, NO_ENTITY
        if stop == _PENDING:
            at = _last_at_most(stops.service_clusters, cluster)
            if at >= 0 and np.int64(stops.service_clusters[at]) == cluster:
                stop = _SERVICE
                entity = np.int64(stops.cluster_entity[at])
    if stop == _PENDING:
        at = _last_at_most(stops.deposit_scripts, script)
        if at >= 0 and np.int64(stops.deposit_scripts[at]) == script:
            stop = _DEPOSIT
            entity = np.int64(stops.deposit_entity[at])
    if entity != NO_ENTITY and _holds(stops.own_entities, entity):
        return _PENDING, NO_ENTITY
    return stop, entity


@kernel
def owners_of(scripts: UInt32, stops: StopColumns) -> Int32:
    """Entity of `owner_of` of each script, `NO_ENTITY` where it is no stop."""
    entities = np.empty(scripts.size, np.int32)
    for k in range(scripts.size):
        entities[k] = owner_of(np.int64(scripts[k]), stops)[1]
    return entities


@leaf
def _fate(
    output: Int, chain: ChainColumns, stops: StopColumns, caps: Caps, backward: bool
) -> tuple[Int, Int, Int]:
    """Stop that needs no sum (or `_PENDING`), its entity, and the transaction to cross."""
    script = np.int64(chain.script[output])
    if _holds(stops.target_outputs, output) or _holds(stops.target_scripts, script):
        return _TARGET, NO_ENTITY, 0
    stop, entity = owner_of(script, stops)
    if stop != _PENDING:
        return stop, entity, 0
    if script == chain.pool:
        return _COINJOIN, NO_ENTITY, 0
    tx = _next_transaction(output, chain, backward)
    if backward:
        if tx < chain.outputs_only:
            return _NOT_LOADED, NO_ENTITY, 0
        if chain.tx_input[tx] == chain.tx_input[tx + 1]:
            if _holds(chain.shielded_tx, tx) and not _holds(chain.block_tx, tx):
                return _SHIELDED, NO_ENTITY, 0
            # Out of a pool whose inside is hidden, or out of nothing.
            mixed = stops.coinjoin.shape[0] > 0 and family_mixes_owners(stops.coinjoin[tx])
            return _COINJOIN if mixed else _MINED, NO_ENTITY, 0
    elif tx >= chain.tx_input.shape[0] - 1:
        if chain.settled.shape[0] > 0 and chain.settled[output] == 0:
            return _NOT_LOADED, NO_ENTITY, 0
        return _UNSPENT, NO_ENTITY, 0
    if _holds(chain.shielded_tx, tx):
        return _SHIELDED, NO_ENTITY, 0
    if (
        stops.coinjoin.shape[0] > 0
        and family_mixes_owners(stops.coinjoin[tx])
        and not caps.through_coinjoin
    ):
        return _COINJOIN, NO_ENTITY, 0
    return _PENDING, NO_ENTITY, tx


@leaf
def _next_transaction(output: Int, chain: ChainColumns, backward: bool) -> Int:
    """Transaction that a walk would cross from `output`."""
    if backward:
        return _last_at_most(chain.tx_output, output)
    return np.int64(chain.spender[output])


@leaf
def _has_times(caps: Caps) -> bool:
    """Tell whether there is a time range."""
    return caps.since > np.iinfo(np.int64).min or caps.until < np.iinfo(np.int64).max


@leaf
def _in_time(tx: Int, chain: ChainColumns, caps: Caps) -> bool:
    """Tell whether the block of a transaction lies in the time range."""
    if not _has_times(caps):
        return True
    time: Int = chain.block_time[_last_at_most(chain.block_tx, tx)]
    inside: bool = caps.since <= time <= caps.until
    return inside


@leaf
def _cap(hops: Int, value: Int, in_time: bool, crossed: Int, nodes: Int, caps: Caps) -> Int:
    """Cap that holds an output back, or `CROSSED`."""
    if hops >= caps.max_hops:
        return _MAX_HOPS
    if value < caps.min_value:
        return _MIN_VALUE
    if not in_time:
        return _TIME
    if crossed >= caps.max_transactions:
        return _MAX_TRANSACTIONS
    if nodes >= caps.max_nodes:
        return _MAX_NODES
    return CROSSED


@leaf
def _side(chain: ChainColumns, tx: Int, inputs: bool) -> tuple[Int, Int]:
    """First row and number of rows of one side of a transaction."""
    starts = chain.tx_input if inputs else chain.tx_output
    return starts[tx], starts[tx + 1] - starts[tx]


@leaf
def _output_at(chain: ChainColumns, row: Int, inputs: bool) -> Int:
    """Output behind a row of one side: the one an input spends, or the output itself."""
    return chain.prevout[row] if inputs else row


@leaf
def _row_on_queue(first: Int, n_rows: Int, k: Int, last_first: bool) -> Int:
    """Row of one side of a transaction that stands k-th on the queue."""
    return first + (n_rows - 1 - k if last_first else k)


@leaf
def _fee(chain: ChainColumns, tx: Int) -> Int:
    """Return what the inputs of a transaction hold more than its outputs."""
    fee: Int = np.int64(0)
    for row in range(chain.tx_input[tx], chain.tx_input[tx + 1]):
        fee += chain.value[chain.prevout[row]]
    for row in range(chain.tx_output[tx], chain.tx_output[tx + 1]):
        fee -= chain.value[row]
    return fee


# --- spans ---------------------------------------------------------------------------------


@leaf
def _append_span(spans: Int64, first: Int, n: Int, start: Int, end: Int, hops: Int) -> Int:
    """Add a span behind ``spans[first:n]``, joined to the last if it continues it."""
    if n > first and spans[n - 1, END] == start and spans[n - 1, SPAN_HOPS] == hops:
        spans[n - 1, END] = end
        return n
    spans[n, START] = start
    spans[n, END] = end
    spans[n, SPAN_HOPS] = hops
    return n + 1


@leaf
def _union(spans: Int64, own: Int, own_end: Int, new: Int, new_end: Int, n: Int) -> Int:
    """Write own spans ∪ arriving spans at `n`; where both cover a satoshi, the arrival stays.

    An arrival is how a seed was paid by another seed: the older seed already counts those satoshi,
    so they keep the hops that they came with.
    """
    first = n
    covered = 0
    while own < own_end or new < new_end:
        if own < own_end:
            begin = max(spans[own, START], covered)
            if begin >= spans[own, END]:
                own += 1
                continue
            if new == new_end or begin < spans[new, START]:
                end = spans[own, END]
                if new < new_end:
                    end = min(end, spans[new, START])
                n = _append_span(spans, first, n, begin, end, spans[own, SPAN_HOPS])
                covered = end
                continue
        covered = spans[new, END]
        n = _append_span(spans, first, n, spans[new, START], covered, spans[new, SPAN_HOPS])
        new += 1
    return n


@leaf
def _measure(spans: Int64, first: Int, last: Int) -> tuple[Int, Int, float]:
    """Satoshi, least hops and value-weighted mean hops of spans; there is at least one."""
    value = np.int64(0)
    weighted = 0.0  # value × hops can pass 2**63 on a long peel chain
    least = spans[first, SPAN_HOPS]
    for span in range(first, last):
        length = spans[span, END] - spans[span, START]
        value += length
        weighted += np.float64(length) * np.float64(spans[span, SPAN_HOPS])
        least = min(least, spans[span, SPAN_HOPS])
    return value, least, weighted / np.float64(value)


# --- rules ---------------------------------------------------------------------------------


@leaf
def share(part: Int, value: Int, whole: Int) -> tuple[Int, Int]:
    """Return floor and remainder of part × value ÷ whole, exact although the product has 106 bits.

    Let w = `whole` ≤ 2**53 and 0 ≤ part, value ≤ w. All three are exact as float64, and the true
    quotient is at most w. Product and division each err by a factor of at most 1 ± 2**−53, so the
    float quotient is off by less than w × 2**−52 × (1 + 2**−53) < 3, and cutting its fraction adds
    less than 1. The true remainder of that guess therefore lies within ±4 w, which is below 2**56:
    computed modulo 2**64 it is exact, and at most four steps bring it into [0, w).

    Parameters
    ----------
    part, value : int
        Satoshi, 0 ≤ part ≤ whole and 0 ≤ value ≤ whole.
    whole : int
        Satoshi, 1 ≤ whole ≤ `LARGEST_TOTAL`.

    Returns
    -------
    tuple of int
        Quotient q and remainder r: part × value = q × whole + r, 0 ≤ r < whole.

    Examples
    --------
    >>> share(7, 5, 10)
    (3, 5)
    """
    quotient = np.int64(np.float64(part) * np.float64(value) / np.float64(whole))
    rest = np.int64(np.uint64(part) * np.uint64(value) - np.uint64(quotient) * np.uint64(whole))
    while rest < 0:
        quotient -= 1
        rest += whole
    while rest >= whole:
        quotient += 1
        rest -= whole
    return quotient, rest


@kernel
def apportion(part: Int, whole: Int, values: Int64) -> Int64:
    """Split `part` over `values` pro rata; odd satoshi go to the largest fractional parts.

    Method: largest remainder, ties to the lower index. All fractions have the denominator `whole`,
    so the remainders of `share` compare them exactly.

    Parameters
    ----------
    part : int
        Satoshi to split, 0 ≤ part ≤ whole.
    whole : int
        Sum of `values`, 1 ≤ whole ≤ `LARGEST_TOTAL`.
    values : ndarray of int64, shape (n,)
        Satoshi of each receiver.

    Returns
    -------
    ndarray of int64, shape (n,)
        Satoshi for each receiver: sums to `part`, 0 ≤ amount ≤ value; nothing for value 0.

    Cost
    ----
    n log n.

    Examples
    --------
    >>> import numpy as np
    >>> apportion(5, 9, np.array([3, 3, 3])).tolist()
    [2, 2, 1]
    """
    n = values.shape[0]
    amounts = np.empty(n, np.int64)
    fractions = np.empty(n, np.int64)
    left = np.int64(part)
    for k in range(n):
        amounts[k], fractions[k] = share(part, values[k], whole)
        left -= amounts[k]
    if left == 1:  # the common case: two receivers
        largest = 0
        for k in range(1, n):
            if fractions[k] > fractions[largest]:
                largest = k
        amounts[largest] += 1
    elif left > 1:
        by_fraction = np.argsort(-fractions, kind="mergesort")  # stable: ties to the lower index
        for k in range(left):
            amounts[by_fraction[k]] += 1
    return amounts


@leaf
def _largest(active: Int64, n_active: Int, slots: Int64) -> Int:
    """Slot that gives most to a transaction; a tie: the first."""
    source = active[0, _SLOT]
    for k in range(1, n_active):
        if slots[active[k, _SLOT], VALUE] > slots[source, VALUE]:
            source = active[k, _SLOT]
    return source


@kernel
def _haircut(
    chain: ChainColumns,
    first: Int,
    n_rows: Int,
    inputs: bool,
    total_input: Int,
    active: Int64,
    n_active: Int,
    slots: Int64,
    arrivals: Int64,
) -> tuple[Int, Int]:
    """Spread what crosses pro rata to value over receivers and fee (backward the fee is zero)."""
    part = np.int64(0)
    for k in range(n_active):
        part += slots[active[k, _SLOT], VALUE]
    source = _largest(active, n_active, slots)
    values = np.empty(n_rows + 1, np.int64)
    fee = np.int64(total_input)
    for k in range(n_rows):
        values[k] = chain.value[_output_at(chain, first + k, inputs)]
        fee -= values[k]
    values[n_rows] = fee
    amounts = apportion(part, total_input, values)
    n = 0
    for k in range(n_rows):
        if amounts[k] > 0:
            arrivals[n, _TO] = _output_at(chain, first + k, inputs)
            arrivals[n, _AMOUNT] = amounts[k]
            arrivals[n, _SOURCE] = source
            quotient, rest = share(amounts[k], slots[source, VALUE], part)
            arrivals[n, _LARGEST] = quotient + (rest > 0)
            n += 1
    return n, amounts[n_rows]


@leaf
def _poison(
    chain: ChainColumns,
    first: Int,
    n_rows: Int,
    inputs: bool,
    active: Int64,
    n_active: Int,
    slots: Int64,
    arrivals: Int64,
) -> Int:
    """Give every receiver all that it holds; one of no value holds nothing to follow."""
    source = _largest(active, n_active, slots)
    n = 0
    for k in range(n_rows):
        output = _output_at(chain, first + k, inputs)
        value = chain.value[output]
        if value > 0:
            arrivals[n, _TO] = output
            arrivals[n, _AMOUNT] = value
            arrivals[n, _SOURCE] = source
            arrivals[n, _LARGEST] = value
            n += 1
    return n


@leaf
def _from_the_back(
    active: Int64, n_active: Int, slots: Int64, chain: ChainColumns, top: Int
) -> None:
    """Turn outputs laid on the queue from its front into outputs laid from its back.

    `top` is the length of the queue: the total input. Ascending on the queue again at the end.
    """
    for k in range(n_active):
        value = chain.value[slots[active[k, _SLOT], OUTPUT]]
        active[k, _QUEUE] = top - active[k, _QUEUE] - value
    for k in range(n_active // 2):
        other = n_active - 1 - k
        for column in range(_ACTIVE_COLUMNS):
            kept = active[k, column]
            active[k, column] = active[other, column]
            active[other, column] = kept


@leaf
def _cut(
    chain: ChainColumns,
    first: Int,
    n_rows: Int,
    inputs: bool,
    last_first: bool,
    fee: Int,
    active: Int64,
    n_active: Int,
    slots: Int64,
    spans: Int64,
    n_spans: Int,
    arrivals: Int64,
) -> tuple[Int, Int, Int]:
    """Cut the queue where receivers meet: each holds what stands beside it.

    The fee is a receiver too: behind the others, or before them if they lie `last_first`.
    """
    n = 0
    at = 0
    span = slots[active[0, _SLOT], FIRST_SPAN]
    taken: Int = np.int64(0)  # the queue up to here has been given out
    low: Int = np.int64(0)
    fee_taken = np.int64(0)
    for k in range(n_rows + 1):
        if at == n_active:
            break
        is_fee = k == (0 if last_first else n_rows)
        output: Int = SEED
        high: Int = low + fee
        if not is_fee:
            # Last first, the receivers begin at k = 1.
            output = _output_at(chain, first + (n_rows - k if last_first else k), inputs)
            high = low + chain.value[output]
        first_span = n_spans
        amount = np.int64(0)
        largest = np.int64(0)
        source = SEED
        run = np.int64(0)
        run_slot = SEED
        while at < n_active:
            slot = active[at, _SLOT]
            queue = active[at, _QUEUE]
            begin = max(spans[span, START] + queue, taken)
            end = spans[span, END] + queue
            if begin >= high:
                break
            taken = min(end, high)
            n_spans = _append_span(
                spans, first_span, n_spans, begin - low, taken - low, spans[span, SPAN_HOPS] + 1
            )
            if slot != run_slot:
                run_slot = slot
                run = np.int64(0)
            run += taken - begin
            amount += taken - begin
            if run > largest:  # strictly: a tie stays with the first in the queue
                largest = run
                source = slot
            if taken == end:
                span += 1
                if span == slots[slot, LAST_SPAN]:
                    at += 1
                    if at < n_active:
                        span = slots[active[at, _SLOT], FIRST_SPAN]
        if is_fee:
            fee_taken = amount
            n_spans = first_span
        elif amount > 0:
            arrivals[n, _TO] = output
            arrivals[n, _AMOUNT] = amount
            arrivals[n, _SOURCE] = source
            arrivals[n, _LARGEST] = largest
            arrivals[n, _FROM_SPAN] = first_span
            arrivals[n, _TO_SPAN] = n_spans
            n += 1
        low = high
    return n, n_spans, fee_taken


# --- the walk ------------------------------------------------------------------------------


@kernel
def walk(
    chain: ChainColumns,
    stops: StopColumns,
    caps: Caps,
    seed_output: Int64,
    seed_start: Int64,
    seed_end: Int64,
    rule: Int,
    backward: bool,
) -> Walked:
    """Follow the seeds until all their money has stopped. See `clewline.engine.taint`.

    Parameters
    ----------
    chain, stops, caps : ChainColumns, StopColumns, Caps
        Checked by the caller.
    seed_output, seed_start, seed_end : ndarray of int64, shape (n,)
        Non-empty intervals of satoshi, sorted by output and start, disjoint.
    rule : int
        `FIFO`, `LIFO`, `HAIRCUT` or `POISON`.
    backward : bool
        Direction.

    Returns
    -------
    Walked
        With code `DONE`, Σ value of slots not `CROSSED` + fees = total; poison: every slot holds
        the whole value of its output.

    Cost
    ----
    n log n in the rows of the transactions crossed; 64 bytes a reached output, 24 a span.
    """
    in_queue = rule in (FIFO, LIFO)
    n_seeds = seed_output.shape[0]
    slots = np.empty((n_seeds + 64, _SLOT_COLUMNS), np.int64)
    hops_mean = np.empty(n_seeds + 64, np.float64)
    table = np.full((128, 2), _EMPTY, np.int64)
    table = _table_for(slots, 0, n_seeds + 1, table)
    heap = np.empty(n_seeds + 64, np.int64)
    spans = np.empty((n_seeds + 64, _SPAN_COLUMNS), np.int64)
    active = np.empty((64, _ACTIVE_COLUMNS), np.int64)
    arrivals = np.empty((64, _ARRIVAL_COLUMNS), np.int64)
    n_slots: Int = 0
    n_spans: Int = 0
    n_heap: Int = 0
    crossed = 0
    nodes: Int = 0
    total = np.int64(0)
    fees = np.int64(0)

    for k in range(n_seeds):
        output = seed_output[k]
        if k == 0 or output != seed_output[k - 1]:
            stop, entity, tx = _fate(output, chain, stops, caps, backward)
            slots[n_slots, OUTPUT] = output
            slots[n_slots, VALUE] = 0
            slots[n_slots, HOPS] = 0
            slots[n_slots, PARENT] = SEED
            slots[n_slots, STOP] = stop
            slots[n_slots, ENTITY] = entity
            slots[n_slots, FIRST_SPAN] = n_spans
            slots[n_slots, LAST_SPAN] = n_spans
            hops_mean[n_slots] = 0.0
            at = _place(table, output)
            table[at, 0] = output
            table[at, 1] = n_slots
            n_slots += 1
            if stop == _PENDING:
                heap[n_heap] = -tx if backward else tx
                n_heap += 1
        slot = n_slots - 1
        if rule == POISON:
            slots[slot, VALUE] = chain.value[output]
        else:
            slots[slot, VALUE] += seed_end[k] - seed_start[k]
        total += seed_end[k] - seed_start[k]
        if in_queue:
            n_spans = _append_span(
                spans, slots[slot, FIRST_SPAN], n_spans, seed_start[k], seed_end[k], 0
            )
            slots[slot, LAST_SPAN] = n_spans

    _heapify(heap, n_heap)

    # Where a cap holds back all that is left, its transactions are not looked at any more.
    while n_heap > 0 and crossed < caps.max_transactions and nodes < caps.max_nodes:
        key = heap[0]
        # One entry an output: those of one transaction come out together.
        while n_heap > 0 and heap[0] == key:
            n_heap = _pop(heap, n_heap)
        tx = -key if backward else key

        in_time = _in_time(tx, chain, caps)
        first, n_rows = _side(chain, tx, not backward)
        active = _grow_rows(active, n_rows)
        n_active = 0
        active_spans = 0
        queue = np.int64(0)
        for k in range(n_rows):
            output = _output_at(chain, first + k, not backward)
            slot = _slot_of(table, output)
            if slot != _EMPTY and slots[slot, STOP] == _PENDING:
                # The caps that remain were tested above.
                stop = _cap(slots[slot, HOPS], slots[slot, VALUE], in_time, 0, 0, caps)
                slots[slot, STOP] = stop
                if stop == CROSSED:
                    active[n_active, _SLOT] = slot
                    active[n_active, _QUEUE] = queue
                    active_spans += slots[slot, LAST_SPAN] - slots[slot, FIRST_SPAN]
                    n_active += 1
            queue += chain.value[output]
        nodes += n_rows
        if n_active == 0:
            continue
        crossed += 1

        from_total = queue
        first, n_rows = _side(chain, tx, backward)
        to_total: Int = np.int64(0)
        for k in range(n_rows):
            to_total += chain.value[_output_at(chain, first + k, backward)]
        total_input = to_total if backward else from_total
        total_output = from_total if backward else to_total
        code = DONE
        if total_input > LARGEST_TOTAL:
            code = TOTAL_TOO_LARGE
        elif total_output > total_input:
            code = OUTPUTS_EXCEED_INPUTS
        if code != DONE:
            return Walked(
                code, tx, total, fees, crossed, nodes, slots[:0], hops_mean[:0], spans[:0]
            )

        nodes += n_rows + active_spans
        arrivals = _grow_rows(arrivals, n_rows)
        least = np.int64(0)
        mean = 0.0
        fee = total_input - to_total  # backward the inputs receive: nothing is left over
        if in_queue:
            if rule == LIFO and backward:
                _from_the_back(active, n_active, slots, chain, total_input)
            # Each receiver, and the fee, cuts the queue once at most.
            spans = _grow_rows(spans, n_spans + active_spans + n_rows + 1)
            n_arrivals, n_spans, left = _cut(
                chain,
                first,
                n_rows,
                backward,
                rule == LIFO and not backward,
                fee,
                active,
                n_active,
                slots,
                spans,
                n_spans,
                arrivals,
            )
        else:
            if rule == POISON:
                left = fee
                n_arrivals = _poison(
                    chain, first, n_rows, backward, active, n_active, slots, arrivals
                )
            else:
                n_arrivals, left = _haircut(
                    chain, first, n_rows, backward, total_input, active, n_active, slots, arrivals
                )
            # Money is mixed here: every receiver gets the same hops.
            least = slots[active[0, _SLOT], HOPS]
            crossing = 0.0
            for k in range(n_active):
                slot = active[k, _SLOT]
                least = min(least, slots[slot, HOPS])
                crossing += np.float64(slots[slot, VALUE])
                mean += np.float64(slots[slot, VALUE]) * hops_mean[slot]
            mean /= crossing
        fees += left

        slots = _grow_rows(slots, n_slots + n_arrivals)
        hops_mean = _grow_column(hops_mean, n_slots + n_arrivals)
        table = _table_for(slots, n_slots, n_slots + n_arrivals, table)
        heap = _grow_column(heap, n_heap + n_arrivals)
        for k in range(n_arrivals):
            output = arrivals[k, _TO]
            amount = arrivals[k, _AMOUNT]
            at = _place(table, output)
            slot = table[at, 1]
            if slot == _EMPTY:
                slot = n_slots
                n_slots += 1
                table[at, 0] = output
                table[at, 1] = slot
                stop, entity, next_tx = _fate(output, chain, stops, caps, backward)
                slots[slot, OUTPUT] = output
                slots[slot, VALUE] = 0
                slots[slot, STOP] = stop
                slots[slot, ENTITY] = entity
                slots[slot, FIRST_SPAN] = 0
                slots[slot, LAST_SPAN] = 0
                if stop == _PENDING:
                    n_heap = _push(heap, n_heap, -next_tx if backward else next_tx)

            # An output is created by one transaction and spent by one input, so it receives once;
            # what it already holds is a seed. The union counts satoshi that are both once.
            own = slots[slot, VALUE]
            if rule == POISON and own > 0:
                continue  # a seed, tainted whole already
            if in_queue:
                new = arrivals[k, _FROM_SPAN]
                new_end = arrivals[k, _TO_SPAN]
                if own > 0:
                    own_span = slots[slot, FIRST_SPAN]
                    own_end = slots[slot, LAST_SPAN]
                    # Arrivals cut own spans: at most one piece more for each arriving span.
                    spans = _grow_rows(spans, n_spans + own_end - own_span + 2 * (new_end - new))
                    last = _union(spans, own_span, own_end, new, new_end, n_spans)
                    new, new_end, n_spans = n_spans, last, last
                slots[slot, FIRST_SPAN] = new
                slots[slot, LAST_SPAN] = new_end
                held, slots[slot, HOPS], hops_mean[slot] = _measure(spans, new, new_end)
            else:
                held = max(own, amount)
                slots[slot, HOPS] = 0 if held > amount else least + 1
                hops_mean[slot] = (mean + 1.0) * (np.float64(amount) / np.float64(held))
            slots[slot, VALUE] = held
            total -= own + amount - held
            from_seed = held - amount
            slots[slot, PARENT] = (
                arrivals[k, _SOURCE] if arrivals[k, _LARGEST] > from_seed else SEED
            )

    in_time = True
    for slot in range(n_slots):
        if slots[slot, STOP] == _PENDING:
            if _has_times(caps):
                tx = _next_transaction(slots[slot, OUTPUT], chain, backward)
                in_time = _in_time(tx, chain, caps)
            slots[slot, STOP] = _cap(
                slots[slot, HOPS], slots[slot, VALUE], in_time, crossed, nodes, caps
            )
    return Walked(
        DONE, 0, total, fees, crossed, nodes, slots[:n_slots], hops_mean[:n_slots], spans[:n_spans]
    )


@kernel
def follow(
    chain: ChainColumns, output: Int, position: Int, hops: Int, rule: Int, backward: bool
) -> Int64:
    """List the outputs that held one satoshi under FIFO or LIFO, from where it is to its start.

    Parameters
    ----------
    chain : ChainColumns
        The chain that was walked.
    output, position : int
        Where the satoshi is.
    hops : int
        How many transactions it crossed; each was checked by `walk`.
    rule : int
        `FIFO` or `LIFO`.
    backward : bool
        Direction of the walk; this goes against it.

    Returns
    -------
    ndarray of int64, shape (hops + 1,)
        Output ids.

    Cost
    ----
    One pass over the inputs and outputs of each transaction.
    """
    held_by = np.empty(hops + 1, np.int64)
    held_by[0] = output
    for hop in range(1, hops + 1):
        tx = np.int64(chain.spender[output]) if backward else _last_at_most(chain.tx_output, output)
        # Whichever side the outputs are, LIFO lays them behind the fee, the last one first.
        before = _fee(chain, tx) if rule == LIFO else np.int64(0)
        last_first = rule == LIFO and not backward
        first, n_rows = _side(chain, tx, backward)
        place: Int = position + (before if last_first else np.int64(0))
        k = 0
        row = _row_on_queue(first, n_rows, k, last_first)
        while _output_at(chain, row, backward) != output:
            place += chain.value[_output_at(chain, row, backward)]
            k += 1
            row = _row_on_queue(first, n_rows, k, last_first)
        last_first = rule == LIFO and backward
        first, n_rows = _side(chain, tx, not backward)
        place -= before if last_first else np.int64(0)
        k = 0
        output = _output_at(chain, _row_on_queue(first, n_rows, k, last_first), not backward)
        while place >= chain.value[output]:
            place -= chain.value[output]
            k += 1
            output = _output_at(chain, _row_on_queue(first, n_rows, k, last_first), not backward)
        position = place
        held_by[hop] = output
    return held_by
