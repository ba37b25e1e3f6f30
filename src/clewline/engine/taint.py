"""Tracing: where the money of some outputs went, or where it came from, to the satoshi.

One walk (`clewline.engine.taint_walk`) serves both directions and every rule. It goes through the
chain in order (backward: in reverse), so that an output has gathered all its money before it is
crossed and a transaction before it rounds. A *hop* is one transaction crossed.

Four rules inside a transaction:

- **FIFO**: the inputs' satoshi stand in a queue in input order; outputs take from its front in
  output order, the fee takes what is left. Nothing is mixed and nothing is rounded: each tainted
  satoshi has one place. Backward is the exact inverse.
- **LIFO**: the same queue; outputs take from its back in output order, the fee takes what is left
  at the front. What an output takes at once keeps the order in which it stood: its first satoshi is
  the one nearest to the front of the queue. Backward is the exact inverse.
- **haircut**: each output and the fee get ``floor(tainted × value ÷ total input)``; the satoshi
  that remain go one each to the largest fractional parts, ties to the lower index, the fee last.
  Backward, each input gives its share of what is wanted of the outputs; fees take nothing.
- **poison**: every output of a transaction that any tainted input enters is tainted whole, and so
  is the fee; backward, every input of a transaction of which any output is wanted is wanted whole.

A coinbase has no inputs, so it mixes nothing.

A walk stops, in this order of precedence, at whom a path is looked for, at an attributed service,
at an inferred deposit address of one, at an unspent output (backward: at a coinbase; in a part of a
chain: where the next transaction is not loaded), at a transaction with shielded parts, at a
CoinJoin, at a cap. The first and the third are there only where they are asked for. Shielded parts
are never crossed: whose money a pool pays out is hidden, and what a transaction moves into one, or
out of one, is neither an output nor a fee. **Law** of FIFO, LIFO and haircut, checked at the end of
every walk: the value of all ends + fees = total, exactly.

Poison has another law, checked too: an output is tainted whole or not at all. It conserves nothing:
the same money counts again in every output that it touches, so that ends and fees may pass the
total. What it gives an output is an **upper bound** of what the other rules give, as long as the
walk is not capped by a number of transactions.

Seeds are a *set* of satoshi. Where a seed is paid with the money of another seed, the satoshi that
both name are counted once; they keep the hops they came with. FIFO and LIFO know which satoshi
these are; haircut mixes, so there an output holds the larger of its seed amount and what arrived.
The walk sees such an overlap only if no stop lies between the two seeds. Poison knows no satoshi
within an output: it starts with all of each seed's output, 0 hops far, and `total` is what the
seeds name, whether or not another seed paid it.

Only services that are labelled stop a walk: money that enters an unlabelled service is followed
through it and comes out as the money of other people. Caps are reported, never silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain, Int64, UInt8, UInt32
from clewline.engine.taint_walk import (
    CROSSED,
    DONE,
    END,
    ENTITY,
    FIFO,
    FIRST_SPAN,
    HAIRCUT,
    HOPS,
    LARGEST_TOTAL,
    LAST_SPAN,
    LIFO,
    NO_ENTITY,
    OUTPUT,
    PARENT,
    POISON,
    SEED,
    SPAN_HOPS,
    START,
    STOP,
    TOTAL_TOO_LARGE,
    VALUE,
    Caps,
    ChainColumns,
    Float64,
    Int32,
    Stop,
    StopColumns,
    Walked,
    follow,
    owners_of,
    walk,
)
from clewline.errors import DataError, UsageError

__all__ = [
    "CAPS",
    "NO_ENTITY",
    "SEED",
    "Flow",
    "Limits",
    "Method",
    "Seeds",
    "ServiceFlow",
    "Stop",
    "Stops",
    "backward",
    "entities_of",
    "forward",
    "satoshi_path",
    "services",
    "span_path",
    "stop_columns",
]

CAPS: Final = (
    Stop.MAX_HOPS,
    Stop.MIN_VALUE,
    Stop.TIME,
    Stop.MAX_TRANSACTIONS,
    Stop.MAX_NODES,
)
"""The stops whose value an answer reports as capped."""

_OUT_OF_REACH: Final = int(np.iinfo(np.int64).max)
_BEFORE_TIME: Final = int(np.iinfo(np.int64).min)


class Method(StrEnum):
    """Rule by which a transaction hands on tainted money."""

    FIFO = "fifo"
    LIFO = "lifo"
    HAIRCUT = "haircut"
    POISON = "poison"

    @property
    def keeps_places(self) -> bool:
        """Whether each satoshi has one place and one way: FIFO and LIFO."""
        return self in (Method.FIFO, Method.LIFO)

    @property
    def conserves(self) -> bool:
        """Whether ends and fees add up to the total: all but poison."""
        return self is not Method.POISON


_RULES: Final = {
    Method.FIFO: FIFO,
    Method.LIFO: LIFO,
    Method.HAIRCUT: HAIRCUT,
    Method.POISON: POISON,
}


def _column(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """Return a read-only, contiguous, plain view, so that each kernel compiles once."""
    column = np.ascontiguousarray(array, dtype=dtype).view()
    column.flags.writeable = False
    return column


def _no(dtype: type[np.generic]) -> Callable[[], Any]:
    """Return the factory of an empty column, the default of a field of `Stops`."""
    return lambda: np.empty(0, dtype)


@dataclass(frozen=True)
class Seeds:
    """The satoshi that a walk follows: intervals of outputs.

    Attributes
    ----------
    output : ndarray of int64, shape (n,)
        Output ids, ascending; an output may have several intervals.
    start, end : ndarray of int64, shape (n,)
        Satoshi ``[start, end)`` counted from the front of the output, ascending and disjoint within
        an output. Haircut knows no positions and follows the sum of the lengths; poison follows
        the whole output.

    Examples
    --------
    >>> import numpy as np
    >>> Seeds(np.array([7]), np.array([0]), np.array([546])).end.tolist()
    [546]
    """

    output: Int64
    start: Int64
    end: Int64

    def __post_init__(self) -> None:
        """Refuse intervals that are not a set of satoshi."""
        if not self.output.shape == self.start.shape == self.end.shape or self.output.ndim != 1:
            raise UsageError("output, start and end need one entry per interval", where="seeds")
        same = self.output[1:] == self.output[:-1]
        if (
            np.any(self.start < 0)
            or np.any(self.end < self.start)
            or np.any(self.output[1:] < self.output[:-1])
            or np.any(self.start[1:][same] < self.end[:-1][same])
        ):
            raise UsageError(
                "intervals must be sorted by output and start, disjoint", where="seeds"
            )

    @classmethod
    def whole(cls, chain: Chain, outputs: Int64) -> Seeds:
        """All satoshi of a set of outputs, in any order.

        Parameters
        ----------
        chain : Chain
            The chain that the outputs are of.
        outputs : ndarray of int64, shape (n,)
            Output ids; one named twice counts once.

        Returns
        -------
        Seeds
            One interval an output.

        Raises
        ------
        UsageError
            If an output is not in the chain.
        """
        ordered = np.sort(np.asarray(outputs, np.int64))
        _check_range(ordered, chain)
        distinct = ordered[np.diff(ordered, prepend=-1) > 0]
        return cls(distinct, np.zeros_like(distinct), np.asarray(chain.value[distinct], np.int64))


@dataclass(frozen=True)
class Stops:
    """Where money leaves the chain's view. Every array may be empty; all ids are ascending.

    The label of a script itself goes before one that its cluster inherits. Entities and clusters of
    the seeds are *own*: a script of an own cluster, or whose label names an own entity, is no stop.

    Attributes
    ----------
    service_scripts : ndarray of uint32, shape (k,)
        Script ids that carry the label of a service, ascending and distinct.
    service_entity : ndarray of int32, shape (k,)
        The entity of each.
    service_clusters : ndarray of uint32, shape (m,)
        Cluster ids that inherit the label of a service, ascending and distinct.
    cluster_entity : ndarray of int32, shape (m,)
        The entity of each.
    cluster : ndarray of uint32, shape (n_script,) or (0,)
        Cluster id of each script; empty where clusters are not used.
    coinjoin : ndarray of uint8, shape (n_tx,) or (0,)
        Verdict on each transaction (`clewline.engine.heuristics.coinjoin.CoinJoin`); those that mix
        owners are stops. Empty: none is.
    own_entities : ndarray of int32
        Entities of the seeds, ascending.
    own_clusters : ndarray of uint32
        Cluster ids of the seeds, ascending.
    deposit_scripts : ndarray of uint32, shape (d,)
        Script ids that are inferred to be a service's deposit addresses, ascending and distinct.
    deposit_entity : ndarray of int32, shape (d,)
        The entity of each.
    target_outputs : ndarray of int64
    target_scripts : ndarray of uint32
        Whom a path is looked for: outputs and scripts, each ascending. They stop the walk before
        anything else, own or not.
    """

    service_scripts: UInt32 = field(default_factory=_no(np.uint32))
    service_entity: Int32 = field(default_factory=_no(np.int32))
    service_clusters: UInt32 = field(default_factory=_no(np.uint32))
    cluster_entity: Int32 = field(default_factory=_no(np.int32))
    cluster: UInt32 = field(default_factory=_no(np.uint32))
    coinjoin: UInt8 = field(default_factory=_no(np.uint8))
    own_entities: Int32 = field(default_factory=_no(np.int32))
    own_clusters: UInt32 = field(default_factory=_no(np.uint32))
    deposit_scripts: UInt32 = field(default_factory=_no(np.uint32))
    deposit_entity: Int32 = field(default_factory=_no(np.int32))
    target_outputs: Int64 = field(default_factory=_no(np.int64))
    target_scripts: UInt32 = field(default_factory=_no(np.uint32))

    def __post_init__(self) -> None:
        """Refuse columns that a binary search would misread."""
        for ids, entity, name in (
            (self.service_scripts, self.service_entity, "service_scripts"),
            (self.service_clusters, self.cluster_entity, "service_clusters"),
            (self.deposit_scripts, self.deposit_entity, "deposit_scripts"),
        ):
            if ids.shape != entity.shape:
                raise UsageError("each service needs one entity", where=name)
            if np.any(ids[1:] <= ids[:-1]):
                raise UsageError("ids must be ascending and distinct", where=name)
            if np.any(entity < 0):
                raise UsageError("entities are numbered from 0", where=name)
        for name in (
            "own_entities",
            "own_clusters",
            "target_outputs",
            "target_scripts",
        ):
            column = getattr(self, name)
            if np.any(column[1:] < column[:-1]):
                raise UsageError("ids must be ascending", where=name)


@dataclass(frozen=True)
class Limits:
    """Caps of a walk, tested in this order. What they hold back is reported, never dropped.

    Attributes
    ----------
    max_hops : int, optional
        An output whose least hops reach this is not crossed.
    min_value : int
        An output that gathered less than this many satoshi is not crossed.
    since, until : int, optional
        UTC seconds, inclusive: header time of the block of the transaction to cross. Header times
        are no strict order: a later block may bear an earlier time.
    max_transactions : int, optional
        After crossing this many, the walk crosses no more.
    through_coinjoin : bool
        Cross CoinJoins too. What comes out is then the money of all participants.
    max_nodes : int, optional
        After looking at this many inputs and outputs of transactions, the walk crosses no more.
        FIFO and LIFO count the runs of satoshi that they carry across, too. One transaction may
        go past the number. This bounds the work where transactions are wide.

    Examples
    --------
    >>> Limits(max_hops=3).max_hops
    3
    """

    max_hops: int | None = None
    min_value: int = 0
    since: int | None = None
    until: int | None = None
    max_transactions: int | None = None
    through_coinjoin: bool = False
    max_nodes: int | None = None

    def __post_init__(self) -> None:
        """Refuse limits that contradict themselves."""
        for name in ("max_hops", "min_value", "max_transactions", "max_nodes"):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit <= _OUT_OF_REACH:
                raise UsageError(f"{limit} is not allowed; 0 or more is", where=name)
        if self.since is not None and self.until is not None and self.since > self.until:
            raise UsageError(
                f"the time range is empty: since {self.since} is after until {self.until}",
                where="since",
            )


@dataclass(frozen=True)
class Flow:
    """Where the money of a walk came to rest: one row per end, ascending by output.

    An *end* is an output where money stopped, all that it gathered for one reason. Laws: Σ `value`
    + `fees` = `total`; 0 < `value` ≤ value of the output; an output is one end at most. Of poison
    the first does not hold; there `value` is the whole value of the output, and sums count satoshi
    more than once.

    Attributes
    ----------
    method : Method
        Rule of the walk.
    to_the_past : bool
        Direction: whether `backward` made this.
    total : int
        Satoshi that were followed: the size of the union of the seeds.
    fees : int
        Satoshi paid as fees on the way; 0 backward. Poison: the whole fees.
    crossed : int
        Transactions crossed.
    nodes : int
        Inputs, outputs and runs of satoshi looked at, as `Limits.max_nodes` counts them.
    output, value : ndarray of int64, shape (n_end,)
        The output, and its satoshi that belong to the seeds.
    stop : ndarray of uint8, shape (n_end,)
        `Stop`.
    entity : ndarray of int32, shape (n_end,)
        Entity of a service or of an inferred deposit address, else `NO_ENTITY`.
    hops_min : ndarray of int32, shape (n_end,)
        Least hops of these satoshi (haircut, poison: of any money mixed into them).
    hops_mean : ndarray of float64, shape (n_end,)
        Value-weighted mean hops.
    span_offset : ndarray of int64, shape (n_end + 1,)
        FIFO, LIFO: the satoshi of end k are spans ``span_offset[k] : span_offset[k + 1]``. Haircut
        and poison have none.
    span_start, span_end, span_hops : ndarray of int64, shape (n_span,)
        Satoshi ``[start, end)`` counted from the front of the output, and their hops; ascending and
        disjoint within an end.
    reached : ndarray of int64, shape (n_reached,)
        Every output that money reached, ends included, ascending.
    reached_value : ndarray of int64, shape (n_reached,)
        Satoshi of each that belong to the seeds.
    reached_hops : ndarray of int32, shape (n_reached,)
        Least hops of these satoshi.
    parent : ndarray of int64, shape (n_reached,)
        Index in `reached` of the output that gave the most to this one (a tie: the first in the
        queue of inputs), or `SEED` where a seed gave as much. Poison: the largest that was crossed.
    """

    method: Method
    to_the_past: bool
    total: int
    fees: int
    crossed: int
    nodes: int
    output: Int64
    value: Int64
    stop: UInt8
    entity: Int32
    hops_min: Int32
    hops_mean: Float64
    span_offset: Int64
    span_start: Int64
    span_end: Int64
    span_hops: Int64
    reached: Int64
    reached_value: Int64
    reached_hops: Int32
    parent: Int64

    def value_at(self, *stops: Stop) -> int:
        """Sum the satoshi that stopped for any of some reasons.

        Parameters
        ----------
        *stops : Stop
            Reasons; ``*CAPS`` for all that is capped.

        Returns
        -------
        int
            Satoshi.
        """
        return int(self.value[np.isin(self.stop, stops)].sum())

    def path(self, end: int) -> list[int]:
        """List the outputs from a seed to an end, by the largest contribution at each step.

        Parameters
        ----------
        end : int
            Row of the end, 0 ≤ end < n_end.

        Returns
        -------
        list of int
            Output ids, the seed first. Each is spent by the transaction that creates the next
            (backward: created by the transaction that spends the next).

        Limits
        ------
        One of possibly many ways. Under FIFO and LIFO the satoshi of the end may have gone another:
        what gave most to an output on the way need not be what this end got. See `span_path`.

        Cost
        ----
        One step a hop.
        """
        return self.path_to(int(self.output[end]))

    def path_to(self, output: int) -> list[int]:
        """List the outputs from a seed to any reached output, as `path` does for an end.

        Parameters
        ----------
        output : int
            One of `reached`.

        Returns
        -------
        list of int
            Output ids, the seed first.
        """
        at = int(np.searchsorted(self.reached, output))
        steps = []
        while at != SEED:
            steps.append(int(self.reached[at]))
            at = int(self.parent[at])
        return steps[::-1]

    def continuation(self, *stops: Stop) -> Seeds:
        """Seeds with which a second walk goes on where this one stopped.

        With the ends that this walk keeps, the second walk gives what one walk would have given, if
        only time capped the first, no seed lies beyond that time, and header times ascend along the
        chain. Hops begin anew.

        Parameters
        ----------
        *stops : Stop
            Which ends to go on from; ``*CAPS`` for all that is capped.

        Returns
        -------
        Seeds
            FIFO, LIFO: the very satoshi; haircut: the amounts; poison: the outputs.
        """
        chosen = np.isin(self.stop, stops)
        if not self.method.keeps_places:
            value = self.value[chosen]
            return Seeds(self.output[chosen], np.zeros_like(value), value)
        counts = np.diff(self.span_offset)
        spans = np.repeat(chosen, counts)
        return Seeds(
            np.repeat(self.output, counts)[spans], self.span_start[spans], self.span_end[spans]
        )


def forward(chain: Chain, seeds: Seeds, stops: Stops, limits: Limits, method: Method) -> Flow:
    """Follow money to where it went.

    Method: METHODS "Tracing"; FIFO after Clayton's Case (Devaynes v Noble, 1816), as Anderson,
    Shumailov and Ahmed apply it to Bitcoin ("Making Bitcoin Legal", 2018); haircut and poison after
    Möser, Böhme and Breuker ("Towards Risk Scoring of Bitcoin Transactions", 2014); LIFO is FIFO
    from the other end of the queue, for places whose law wants it.

    Parameters
    ----------
    chain : Chain
        The chain as columns, in chain order.
    seeds : Seeds
        Satoshi to follow.
    stops : Stops
        Services and CoinJoins.
    limits : Limits
        Caps.
    method : Method
        Rule inside a transaction.

    Returns
    -------
    Flow
        Σ value of ends + fees = total, to the satoshi (not poison). Same input, same bytes.

    Raises
    ------
    UsageError
        If a seed is not in the chain or has more satoshi than its output, or a column of `stops`
        does not fit the chain.
    DataError
        If a transaction on the way spends more than its inputs hold, or holds over 2**53 satoshi.

    Limits
    ------
    Says where value flows by a stated rule, not who decided to send it.

    Cost
    ----
    n log n in the inputs and outputs of the transactions crossed; memory for the outputs reached.

    Examples
    --------
    A coinbase of 50 is spent to 30 and 15; the fee is 5.

    >>> import numpy as np
    >>> chain = Chain(
    ...     block_tx=np.array([0, 2]), block_time=np.array([0]),
    ...     tx_input=np.array([0, 0, 1]), tx_output=np.array([0, 1, 3]),
    ...     prevout=np.array([0]), value=np.array([50, 30, 15]),
    ...     script=np.array([0, 1, 2], np.uint32),
    ...     spender=np.array([1, 0xFFFFFFFF, 0xFFFFFFFF], np.uint32),
    ...     script_kind=np.zeros(3, np.uint8), first_output=np.array([0, 1, 2]),
    ...     next_output=np.array([-1, -1, -1]),
    ... )
    >>> flow = forward(
    ...     chain, Seeds.whole(chain, np.array([0])), Stops(), Limits(), Method.FIFO
    ... )
    >>> flow.total, flow.fees, flow.output.tolist(), flow.value.tolist()
    (50, 5, [1, 2], [30, 15])
    >>> flow.path(1)
    [0, 2]
    """
    return _trace(chain, seeds, stops, limits, method, to_the_past=False)


def backward(chain: Chain, seeds: Seeds, stops: Stops, limits: Limits, method: Method) -> Flow:
    """Follow money to where it came from: which satoshi of the inputs fill the seeds.

    The inverse of `forward`; ends are services, coinbases (`Stop.MINED`), shielded pools, CoinJoins
    and caps.

    Parameters
    ----------
    chain : Chain
        As for `forward`.
    seeds : Seeds
        Satoshi whose origin is asked for.
    stops : Stops
        As for `forward`.
    limits : Limits
        As for `forward`.
    method : Method
        As for `forward`.

    Returns
    -------
    Flow
        As for `forward`, with `fees` 0: a fee fills no output.

    Raises
    ------
    UsageError, DataError
        As for `forward`.

    Cost
    ----
    As for `forward`.
    """
    return _trace(chain, seeds, stops, limits, method, to_the_past=True)


def _trace(
    chain: Chain, seeds: Seeds, stops: Stops, limits: Limits, method: Method, *, to_the_past: bool
) -> Flow:
    """Check, walk, check the law."""
    _check_range(seeds.output, chain)
    if np.any(seeds.end > chain.value[seeds.output]):
        raise UsageError("an interval reaches beyond the value of its output", where="seeds")
    n_script = chain.script_kind.shape[0]
    if stops.cluster.shape[0] not in (0, n_script):
        raise UsageError(f"needs one entry for each of {n_script} scripts", where="cluster")
    n_tx = chain.tx_output.shape[0] - 1
    if stops.coinjoin.shape[0] not in (0, n_tx):
        raise UsageError(f"needs one entry for each of {n_tx} transactions", where="coinjoin")

    filled = seeds.end > seeds.start
    walked = walk(
        _chain_columns(chain),
        stop_columns(stops),
        _caps(limits),
        _column(seeds.output[filled], np.int64),
        _column(seeds.start[filled], np.int64),
        _column(seeds.end[filled], np.int64),
        _RULES[method],
        to_the_past,
    )
    if walked.code != DONE:
        what = (
            f"its inputs hold over {LARGEST_TOTAL} satoshi, more than can exist in Bitcoin"
            if walked.code == TOTAL_TOO_LARGE
            else "its outputs hold more than its inputs"
        )
        raise DataError(
            what, where=f"transaction number {walked.transaction}", hint="run chain check"
        )
    flow = _flow(walked, method, to_the_past=to_the_past)
    if method.conserves:
        if int(flow.value.sum()) + flow.fees != flow.total:
            raise AssertionError("ends and fees of a trace do not add up to its total")
    elif np.any(flow.reached_value != chain.value[flow.reached]):
        raise AssertionError("poison tainted a part of an output")
    return flow


def _check_range(outputs: Int64, chain: Chain) -> None:
    """Refuse outputs that the chain does not have."""
    n_output = chain.value.shape[0]
    if outputs.shape[0] and (outputs.min() < 0 or outputs.max() >= n_output):
        raise UsageError(f"output ids must lie from 0 to {n_output - 1}", where="seeds")


def _chain_columns(chain: Chain) -> ChainColumns:
    """Columns of a chain as the kernel wants them."""
    return ChainColumns(
        _column(chain.block_tx, np.int64),
        _column(chain.block_time, np.int64),
        _column(chain.tx_input, np.int64),
        _column(chain.tx_output, np.int64),
        _column(chain.prevout, np.int64),
        _column(chain.value, np.int64),
        _column(chain.script, np.uint32),
        _column(chain.spender, np.uint32),
        chain.outputs_only,
        _column(chain.settled, np.uint8),
        chain.pool,
        _column(chain.shielded_tx, np.uint32),
    )


def entities_of(stops: Stops, scripts: UInt32) -> Int32:
    """Tell at which entity's stop each of some scripts is.

    Parameters
    ----------
    stops : Stops
        Services, inferred deposit addresses, and what is own.
    scripts : ndarray of uint32, shape (n,)
        Script ids.

    Returns
    -------
    ndarray of int32, shape (n,)
        `NO_ENTITY` where a script is no stop.

    Examples
    --------
    >>> import numpy as np
    >>> stops = Stops(np.array([3], np.uint32), np.array([0], np.int32))
    >>> entities_of(stops, np.array([3, 4], np.uint32)).tolist()
    [0, -1]
    """
    return owners_of(_column(scripts, np.uint32), stop_columns(stops))


def stop_columns(stops: Stops) -> StopColumns:
    """Return the columns of stops as kernels want them.

    Parameters
    ----------
    stops : Stops
        Services and CoinJoins.

    Returns
    -------
    StopColumns
        Read-only views.
    """
    return StopColumns(
        _column(stops.service_scripts, np.uint32),
        _column(stops.service_entity, np.int32),
        _column(stops.service_clusters, np.uint32),
        _column(stops.cluster_entity, np.int32),
        _column(stops.cluster, np.uint32),
        _column(stops.coinjoin, np.uint8),
        _column(stops.own_entities, np.int32),
        _column(stops.own_clusters, np.uint32),
        _column(stops.deposit_scripts, np.uint32),
        _column(stops.deposit_entity, np.int32),
        _column(stops.target_outputs, np.int64),
        _column(stops.target_scripts, np.uint32),
    )


def _caps(limits: Limits) -> Caps:
    """Limits with an unreachable number for each that is not set."""
    return Caps(
        _OUT_OF_REACH if limits.max_hops is None else limits.max_hops,
        limits.min_value,
        _BEFORE_TIME if limits.since is None else limits.since,
        _OUT_OF_REACH if limits.until is None else limits.until,
        _OUT_OF_REACH if limits.max_transactions is None else limits.max_transactions,
        _OUT_OF_REACH if limits.max_nodes is None else limits.max_nodes,
        limits.through_coinjoin,
    )


def _flow(walked: Walked, method: Method, *, to_the_past: bool) -> Flow:
    """Sort the slots by output and keep of the spans those of ends."""
    slots = walked.slots
    order = np.argsort(slots[:, OUTPUT].copy(), kind="stable")  # fast: seeds stand first, sorted
    rank = np.empty(order.shape[0] + 1, np.int64)
    rank[order] = np.arange(order.shape[0])
    rank[SEED] = SEED  # the extra last entry: SEED stays SEED
    ends = order[slots[order, STOP] != CROSSED]
    counts = slots[ends, LAST_SPAN] - slots[ends, FIRST_SPAN]
    span_offset = np.concatenate(([0], np.cumsum(counts)))
    n_span = int(span_offset[-1])
    spans = walked.spans[
        np.repeat(slots[ends, FIRST_SPAN] - span_offset[:-1], counts) + np.arange(n_span)
    ]
    return Flow(
        method=method,
        to_the_past=to_the_past,
        total=int(walked.total),
        fees=int(walked.fees),
        crossed=int(walked.crossed),
        nodes=int(walked.nodes),
        output=slots[ends, OUTPUT],
        value=slots[ends, VALUE],
        stop=slots[ends, STOP].astype(np.uint8),
        entity=slots[ends, ENTITY].astype(np.int32),
        hops_min=slots[ends, HOPS].astype(np.int32),
        hops_mean=walked.hops_mean[ends],
        span_offset=span_offset,
        span_start=spans[:, START].copy(),
        span_end=spans[:, END].copy(),
        span_hops=spans[:, SPAN_HOPS].copy(),
        reached=slots[order, OUTPUT],
        reached_value=slots[order, VALUE],
        reached_hops=slots[order, HOPS].astype(np.int32),
        parent=rank[slots[order, PARENT]],
    )


def span_path(flow: Flow, end: int, chain: Chain) -> list[int]:
    """List the outputs that held the very satoshi of an end, from the seed to the end.

    Follows the first satoshi of the largest span of the end (a tie: the first span).

    Parameters
    ----------
    flow : Flow
        The result of a FIFO or LIFO walk.
    end : int
        Row of the end, 0 ≤ end < n_end.
    chain : Chain
        The chain that it walked.

    Returns
    -------
    list of int
        Output ids, one more than the hops of that span, in the order of `Flow.path`.

    Raises
    ------
    UsageError
        If the rule is haircut or poison: they mix, so no satoshi has a path.

    Cost
    ----
    The inputs and outputs of the transactions on the path.
    """
    _check_places(flow)
    spans = slice(int(flow.span_offset[end]), int(flow.span_offset[end + 1]))
    lengths = flow.span_end[spans] - flow.span_start[spans]
    return satoshi_path(flow, end, int(flow.span_start[spans][np.argmax(lengths)]), chain)


def satoshi_path(flow: Flow, end: int, position: int, chain: Chain) -> list[int]:
    """List the outputs that held one satoshi of an end, from the seed to the end.

    Parameters
    ----------
    flow : Flow
        The result of a FIFO or LIFO walk.
    end : int
        Row of the end, 0 ≤ end < n_end.
    position : int
        The satoshi, counted from the front of the output; one that the end holds.
    chain : Chain
        The chain that it walked.

    Returns
    -------
    list of int
        Output ids, one more than the hops of the satoshi, in the order of `Flow.path`.

    Raises
    ------
    UsageError
        If the rule is haircut or poison: they mix, so no satoshi has a path.

    Cost
    ----
    The inputs and outputs of the transactions on the path.
    """
    _check_places(flow)
    first, last = int(flow.span_offset[end]), int(flow.span_offset[end + 1])
    span = first + int(np.searchsorted(flow.span_end[first:last], position, side="right"))
    held_by = follow(
        _chain_columns(chain),
        flow.output[end],
        position,
        flow.span_hops[span],
        _RULES[flow.method],
        flow.to_the_past,
    )
    return [int(output) for output in held_by[::-1]]


def _check_places(flow: Flow) -> None:
    """Refuse a flow in which no satoshi has a place."""
    if not flow.method.keeps_places:
        raise UsageError(
            f"{flow.method} mixes satoshi; fifo and lifo keep them apart", where="flow"
        )


@dataclass(frozen=True)
class ServiceFlow:
    """What reached each owner, one row per entity and script, largest value first.

    Attributes
    ----------
    entity : ndarray of int32, shape (n,)
        Entity of the owner.
    script : ndarray of uint32, shape (n,)
        Script at which the money stopped.
    value : ndarray of int64, shape (n,)
        Satoshi. Ties: lower entity, then lower script first.
    hops_min : ndarray of int32, shape (n,)
        Least hops.
    hops_mean : ndarray of float64, shape (n,)
        Value-weighted mean hops.
    end_offset : ndarray of int64, shape (n + 1,)
        The ends of row k are ``ends[end_offset[k] : end_offset[k + 1]]``.
    ends : ndarray of int64
        Rows of the flow, ascending within an entity and script.
    """

    entity: Int32
    script: UInt32
    value: Int64
    hops_min: Int32
    hops_mean: Float64
    end_offset: Int64
    ends: Int64


def services(flow: Flow, chain: Chain, stop: Stop = Stop.SERVICE) -> ServiceFlow:
    """Sum the ends at services, or those of another stop, by entity and script.

    Parameters
    ----------
    flow : Flow
        A walk's result.
    chain : Chain
        The chain that it walked.
    stop : Stop
        Which ends: `Stop.SERVICE`, or `Stop.DEPOSIT` for inferred deposit addresses.

    Returns
    -------
    ServiceFlow
        Σ value = ``flow.value_at(stop)``.

    Cost
    ----
    n log n in the ends.
    """
    ends = np.flatnonzero(flow.stop == stop)
    script = np.asarray(chain.script[flow.output[ends]], np.uint32)
    order = np.lexsort((ends, script, flow.entity[ends]))
    ends, script = ends[order], script[order]
    entity = flow.entity[ends]
    new = np.ones(ends.shape[0], np.bool_)
    new[1:] = (entity[1:] != entity[:-1]) | (script[1:] != script[:-1])
    first = np.flatnonzero(new)
    count = np.diff(first, append=ends.shape[0])
    if first.shape[0] == 0:  # reduceat refuses an empty list
        value, hops_min, hops_mean = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0)
    else:
        value = np.add.reduceat(flow.value[ends], first)
        hops_min = np.minimum.reduceat(flow.hops_min[ends], first)
        hops_mean = np.add.reduceat(flow.hops_mean[ends] * flow.value[ends], first) / value
    entity, script = entity[first], script[first]

    rows = np.lexsort((script, entity, -value))
    end_offset = np.concatenate(([0], np.cumsum(count[rows])))
    within = np.arange(ends.shape[0]) - np.repeat(end_offset[:-1], count[rows])
    return ServiceFlow(
        entity=entity[rows],
        script=script[rows],
        value=value[rows],
        hops_min=hops_min[rows],
        hops_mean=hops_mean[rows],
        end_offset=end_offset,
        ends=ends[np.repeat(first[rows], count[rows]) + within],
    )
