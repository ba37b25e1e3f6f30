"""Paths of money between two parties: how much arrived, and by which outputs.

A path is found by the walk of `clewline.engine.taint`, from all outputs of one party with the
other as a target. So it is ordered in time (an output is spent by a later transaction than the one
that made it) and says what arrives by the rule, not merely that there is a connection. FIFO and
LIFO say the same in both directions, to the satoshi; haircut but for its rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clewline.engine.chain import Chain, Int64, UInt32
from clewline.engine.taint import (
    CAPS,
    Flow,
    Limits,
    Method,
    Seeds,
    Stop,
    Stops,
    backward,
    forward,
    span_path,
)
from clewline.errors import UsageError


@dataclass(frozen=True)
class Party:
    """One end of a path.

    Attributes
    ----------
    outputs : ndarray of int64
        Its outputs, ascending: all of them, or the one that is asked about.
    scripts : ndarray of uint32
        By what its outputs are known, ascending; empty where `outputs` alone count.
    """

    outputs: Int64
    scripts: UInt32


@dataclass(frozen=True)
class Arrival:
    """Money of one party that reached one output of the other, or left it, by the best way.

    Attributes
    ----------
    value : int
        Satoshi by all ways, of the output at the far end of the walk.
    path : ndarray of int64, shape (hops + 1,)
        Outputs in chain order, the first of the payer and the last of the receiver; each is spent
        by the transaction that makes the next.
    carried : ndarray of int64, shape (hops + 1,)
        Satoshi of the walk that each output holds, whichever way they took.
    """

    value: int
    path: Int64
    carried: Int64

    @property
    def bottleneck(self) -> int:
        """The least that an output on the way carried: no more can have taken this very way."""
        return int(self.carried.min())


@dataclass(frozen=True)
class Paths:
    """What a search found, and how far it looked.

    Attributes
    ----------
    flow : Flow
        The walk: what did not arrive is in its other ends, what was not followed in its caps.
    arrivals : list of Arrival
        Largest value first, equal ones in chain order.
    found : int
        How many there are, listed or not.
    value : int
        Satoshi of all of them.
    """

    flow: Flow
    arrivals: list[Arrival]
    found: int
    value: int


def find_paths(
    chain: Chain,
    payer: Party,
    receiver: Party,
    stops: Stops,
    limits: Limits,
    method: Method,
    most: int = 20,
) -> Paths:
    """Find how money of one party reached another.

    Walks forward from the payer. If a cap holds money back, it also walks backward from the
    receiver, and answers with the walk that was not cut off, or else with the one that found more.
    A path ends at the first output of the receiver that it meets (backward: begins at the last of
    the payer), and does not lead through services or CoinJoins.

    Parameters
    ----------
    chain : Chain
        The chain.
    payer, receiver : Party
        From whom and to whom. They may not share an output.
    stops : Stops
        Services and CoinJoins; `own_entities` and `own_clusters` are those of both parties.
    limits : Limits
        Caps of each walk.
    method : Method
        FIFO, LIFO or haircut.
    most : int
        How many arrivals to list.

    Returns
    -------
    Paths
        Each path is ordered in time; Σ value of all arrivals ≤ what the payer held; with what is
        in the other ends and fees of the walk it is the total, to the satoshi.

    Raises
    ------
    UsageError
        For poison, which has no amounts; where an output is of both; as `forward`.

    Limits
    ------
    Money that is mixed has no way of its own: under haircut a path is the one that gave most at
    each step, under FIFO and LIFO that of the largest run of satoshi in the end.

    Cost
    ----
    One walk, or two; for each arrival listed the transactions on its path.
    """
    if not method.conserves:
        raise UsageError("poison has no amounts; fifo, lifo and haircut have", where="method")
    if np.intersect1d(payer.outputs, receiver.outputs).size:
        raise UsageError("payer and receiver share an output: there is no way to go", where="path")
    flow = forward(
        chain, Seeds.whole(chain, payer.outputs), _aimed(stops, receiver), limits, method
    )
    if flow.value_at(*CAPS):
        other = backward(
            chain, Seeds.whole(chain, receiver.outputs), _aimed(stops, payer), limits, method
        )
        complete = not other.value_at(*CAPS)
        if complete or other.value_at(Stop.TARGET) > flow.value_at(Stop.TARGET):
            flow = other
    ends = np.flatnonzero((flow.stop == Stop.TARGET) & (flow.hops_min > 0))
    ends = ends[np.lexsort((flow.output[ends], -flow.value[ends]))]
    return Paths(
        flow=flow,
        arrivals=[_arrival(flow, int(end), chain, payer, receiver) for end in ends[:most]],
        found=ends.size,
        value=int(flow.value[ends].sum()),
    )


def _aimed(stops: Stops, party: Party) -> Stops:
    """Return the stops with a party as the target."""
    outputs = party.outputs[:0] if party.scripts.size else party.outputs
    return replace(stops, target_outputs=outputs, target_scripts=party.scripts)


def _arrival(flow: Flow, end: int, chain: Chain, payer: Party, receiver: Party) -> Arrival:
    """Return the best way to one end, without what went on within either party."""
    way = span_path(flow, end, chain) if flow.method.keeps_places else flow.path(end)
    path = np.array(way[::-1] if flow.to_the_past else way, np.int64)
    first = int(np.flatnonzero(np.isin(path, payer.outputs))[-1])
    last = first + int(np.flatnonzero(np.isin(path[first:], receiver.outputs))[0])
    path = path[first : last + 1]
    carried = flow.reached_value[np.searchsorted(flow.reached, path)]
    return Arrival(int(flow.value[end]), path, carried)
