"""Union-find over dense ids, which several threads may join at once without a lock.

A forest is one ``uint32`` an id: its parent, or the id itself where it is a root. A parent is never
larger than its child, because joining always puts the larger root below the smaller. So the root of
a set is its smallest member, whatever the order of joins and however many threads made them: the
result is the same bytes each time.

Threads need no lock (Anderson and Woll, "Wait-free parallel algorithms for the union-find
problem", STOC 1991; Jayanti and Tarjan, "A randomized concurrent algorithm for disjoint set union",
PODC 2016):

- A root becomes a child by one compare-and-swap, which fails where another thread was first; then
  both sides are looked up again.
- Whatever else is written (halving a path) replaces the parent of a child by one of its ancestors.
  Such an entry is never compared and swapped, and a write that comes late still names an ancestor.

Ids come in the order of a chain, so their parents lie anywhere: `look_ahead` has the processor
fetch what is needed some steps later, which is worth more than the second thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from clewline.engine.chain import UInt32
from clewline.jit import leaf

_PARTS_A_THREAD: Final = 8
"""So that a thread that is slower leaves the others something to do."""
_LEAST_PART: Final = 1 << 14
"""Rows; below, handing out costs more than doing."""

Int = int | np.int64


def _element(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the pointer to an element of an array argument."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _swap_if(_typing: Any, parent: Any, at: Any, expected: Any, wanted: Any) -> Any:
    """Emit a compare-and-swap of one element; it tells whether it took place."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        element = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        # No other memory hangs on the order, so monotonic suffices.
        done = builder.cmpxchg(element, arguments[2], arguments[3], "monotonic", "monotonic")
        return builder.extract_value(done, 1)

    return types.boolean(parent, types.intp, types.uint32, types.uint32), codegen


def _fetch(_typing: Any, array: Any, at: Any) -> Any:
    """Emit a prefetch of one element for reading: a hint, whatever the index."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        element = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        name = "llvm.prefetch.p0i8"
        known = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]), name
        )
        for_reading, keep, data = (ir.Constant(flag, value) for value in (0, 3, 1))
        builder.call(known, [builder.bitcast(element, byte), for_reading, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


_swapped: Any = intrinsic(_swap_if)
look_ahead: Any = intrinsic(_fetch)
"""`look_ahead(array, index)` has the processor fetch an element, in kernels; it changes nothing."""


@leaf
def find(parent: UInt32, member: Int) -> Any:
    """Return the root of a member, halving the path to it (Tarjan and van Leeuwen, 1984)."""
    while True:
        above = parent[member]
        if above == member:
            return np.int64(member)
        further = parent[above]
        if further == above:
            return np.int64(above)
        parent[member] = further
        member = np.int64(further)


@leaf
def unite(parent: UInt32, a: Int, b: Int) -> Any:
    """Join the sets of two roots, or of what were roots a moment ago; return the root."""
    while a != b:
        low, high = min(a, b), max(a, b)
        if _swapped(parent, high, np.uint32(high), np.uint32(low)):
            return low
        a, b = find(parent, low), find(parent, high)
    return a


@leaf
def plant(parent: UInt32, first: int, end: int) -> None:
    """Make each of some ids a root."""
    for member in range(first, end):
        parent[member] = member


@leaf
def leave_roots(parent: UInt32, first: int, end: int) -> None:
    """Have some members name their roots; joins must be over."""
    for member in range(first, end):
        root = np.int64(parent[member])
        while np.int64(parent[root]) != root:
            root = np.int64(parent[root])
        parent[member] = root


def in_parts(
    work: Callable[[int, int], None], threads: int, rows: int, bounds: NDArray[Any] | None = None
) -> None:
    """Do work on parts of some rows, in threads.

    Parameters
    ----------
    work : callable
        Told the first row of a part and the row behind it; any order, several at once.
    threads : int
        How many; 1 does all at once, here.
    rows : int
        How many there are.
    bounds : ndarray of int, shape (rows + 1,), optional
        What lies before each row: parts have equally much of it. Rows are alike if not given.

    Examples
    --------
    >>> parts = []
    >>> in_parts(lambda first, end: parts.append((first, end)), 1, 7)
    >>> parts
    [(0, 7)]
    """
    # A column that ends in the total is already what a search needs.
    total = rows if bounds is None or not rows else int(bounds[-1]) - int(bounds[0])
    count = min(threads * _PARTS_A_THREAD, total // _LEAST_PART) if threads > 1 else 1
    if count < 2:
        work(0, rows)
        return
    cuts = np.linspace(0, total, count + 1).astype(np.int64)
    if bounds is not None:
        cuts = np.searchsorted(bounds, cuts + int(bounds[0]))
        cuts[0], cuts[-1] = 0, rows
    parts = list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
    # Neighbours share members: threads that are far apart do not wait for each other's memory.
    apart = [part for first in range(_PARTS_A_THREAD) for part in parts[first::_PARTS_A_THREAD]]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, first, end) for first, end in apart]:
            done.result()
