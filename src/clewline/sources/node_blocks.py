"""Blocks from a node in the form that an import reads: headers first, then blocks as needed.

A node may reorganise while it is asked. Headers are held against each other, and asked for again
from where they part; blocks are asked for by hash, and a node goes on serving those that lost. So
an import always ends at a tip that the node had while it ran.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.header import header_hashes
from clewline.errors import NodeAnswerError, NodePrunedError
from clewline.sources.active_chain import shown
from clewline.sources.node_chain import HEADERS_AT_ONCE, NodeChain, NodeTip

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done, and what there is to do."""

THREADS: Final = 4
"""Requests at a time: the number of threads with which Core answers RPC unless told otherwise."""
_AHEAD: Final = 2 * THREADS
_REQUEST_BYTES: Final = 1 << 20
_FIRST_REQUEST: Final = 8
_PART_BLOCKS: Final = 4096
"""Early blocks are tiny; progress should be seen all the same."""
_MOST_FALSE_STARTS: Final = 20


class NodeBlocks:
    """The blocks of a node's chain that are not stored yet; see `BlockSource`.

    Parameters
    ----------
    chain : NodeChain
        Where to ask.
    header : ndarray of uint8, shape (n, 80) or (n, 112)
        Each the parent of the next.
    height : int
        Of the first.
    tip : NodeTip
        As the node told it.
    """

    def __init__(
        self, chain: NodeChain, header: NDArray[np.uint8], height: int, tip: NodeTip
    ) -> None:
        self.header = header
        self.tip = tip
        self._chain = chain
        self._height = height
        self._names = header_hashes(header)
        self._held: dict[int, bytes] = {}

    def place(self, record: int, offset: int = 0) -> str:
        """Return node and block of a record, and the byte in it."""
        block = f"{self._chain.shown}, block {shown(self._names[record].tobytes())}"
        return f"{block}, byte {offset}" if offset else block

    def weight(self, part: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return 1 for each record: a header does not tell the length of its block."""
        return np.ones(part.size, np.int64)

    def require(self, records: NDArray[np.int64]) -> None:
        """Check that the node did not delete blocks that will be asked for.

        Raises
        ------
        NodePrunedError
            If it is pruned above the first of them.
        """
        first = self._height + int(records.min()) if records.size else self.tip.pruned_below
        if first < self.tip.pruned_below:
            raise NodePrunedError(
                f"the node is pruned: blocks {first:,} to {self.tip.pruned_below - 1:,} are needed "
                "and it has deleted them",
                where=self._chain.shown,
                hint="import from a node that keeps all blocks",
            )

    def parts(self, order: NDArray[np.int64], size: int) -> Generator[NDArray[np.int64]]:
        """Fetch blocks ahead with some threads; yield each part as soon as it is there.

        Parameters
        ----------
        order : ndarray of int64
            Records.
        size : int
            Bytes of a part; exceeded by less than one request.

        Yields
        ------
        ndarray of int64
            Records whose blocks are held until `read`.

        Raises
        ------
        NodeError, NodeAnswerError, NodeAccessError
            As `NodeChain.blocks`.

        Notes
        -----
        At most `_AHEAD` requests of a few megabytes are on their way or wait, whatever the node
        sends.
        """
        waiting: deque[tuple[NDArray[np.int64], Future[list[bytes]]]] = deque()
        at_once = min(_FIRST_REQUEST, self._chain.at_once)
        position, begin, end, held = 0, 0, 0, 0
        pool = ThreadPoolExecutor(THREADS)
        try:
            while end < order.size:
                while position < order.size and len(waiting) < _AHEAD:
                    asked = order[position : position + at_once]
                    names = [self._names[record].tobytes() for record in asked.tolist()]
                    waiting.append((asked, pool.submit(self._chain.blocks, names)))
                    position += asked.size
                asked, future = waiting.popleft()
                blocks = future.result()
                self._held.update(zip(asked.tolist(), blocks, strict=True))
                end += asked.size
                held += sum(map(len, blocks))
                fitting = _REQUEST_BYTES // max(map(len, blocks))
                at_once = min(max(fitting, 1), self._chain.at_once)
                if held >= size or end - begin >= _PART_BLOCKS or end == order.size:
                    yield order[begin:end]
                    begin, held = end, 0
        finally:
            if end < order.size:
                # Given up: do not wait for what a slow node still owes.
                self._chain.node.close()
            pool.shutdown(cancel_futures=True)

    def read(
        self, part: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return the blocks of a part that `parts` yielded, once.

        Parameters
        ----------
        part : ndarray of int64, shape (n,)
            Records.

        Returns
        -------
        data : ndarray of uint8
            The blocks, end to end.
        start, end : ndarray of int64, shape (n,)
            Each block within `data`.
        """
        blocks = [self._held.pop(record) for record in part.tolist()]
        end = np.cumsum(np.array([len(block) for block in blocks], np.int64))
        start = np.concatenate((np.zeros(1, np.int64), end[:-1]))
        # Not `frombuffer` of the joined bytes: kernels are compiled for arrays that can be written.
        data = np.empty(int(end[-1]), np.uint8)
        for block, first, last in zip(blocks, start.tolist(), end.tolist(), strict=True):
            data[first:last] = np.frombuffer(block, np.uint8)
        return data, start, end


def blocks_of_node(
    chain: NodeChain,
    tip: NodeTip,
    stored: NDArray[np.uint8],
    progress: Progress,
) -> NodeBlocks:
    """Fetch the headers of a node's active chain that follow what is stored.

    Parameters
    ----------
    chain : NodeChain
        Where to ask.
    tip : NodeTip
        What the node said last.
    stored : ndarray of uint8, shape (n, 80) or (n, 112)
        Headers of the chain that is stored, by height; may be empty.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    NodeBlocks
        From the first block that is not stored to the tip; empty if all is stored.

    Raises
    ------
    NodeError
        If the node cannot be reached, or reorganises without end.
    NodeAnswerError
        If what it sends are no headers.

    Notes
    -----
    Cost: one request for 2,000 headers over REST, two over RPC; a few more to find where the stored
    chain leaves that of the node.
    """
    header, kept = stored, stored.shape[0]
    for _ in range(_MOST_FALSE_STARTS):
        common = _common(chain, header_hashes(header))
        kept = min(kept, common)
        header = _extended(chain, header[:common], tip.height, progress)
        if header_hashes(header[-1:]).tobytes() == tip.hash:
            # `header` begins with the stored headers, up to `kept` at least.
            return NodeBlocks(chain, header[kept:], kept, tip)
        tip = chain.tip()
    raise NodeAnswerError(
        f"headers that do not lead to the tip that it names, {_MOST_FALSE_STARTS} times; the last "
        f"at height {header.shape[0] - 1:,}",
        where=chain.shown,
    )


def _extended(
    chain: NodeChain,
    header: NDArray[np.uint8],
    height: int,
    progress: Progress,
) -> NDArray[np.uint8]:
    """Append headers up to a height, or up to where they stop to follow each other."""
    pieces, count, linked = [header], header.shape[0], True
    # The genesis block names 32 zeros as its parent.
    last = header_hashes(header[-1:]) if count else np.zeros((1, 32), np.uint8)
    while linked and count <= height:
        piece = chain.headers(count, min(HEADERS_AT_ONCE, height + 1 - count))
        names = np.concatenate((last, header_hashes(piece)))
        broken = np.flatnonzero((piece[:, 4:36] != names[:-1]).any(axis=1))
        linked = piece.size > 0 and not broken.size
        piece = piece[: broken[0]] if broken.size else piece
        pieces.append(piece)
        count += piece.shape[0]
        last = names[-1:]
        progress("Fetching headers", count, height + 1)
    return np.concatenate(pieces)


def _common(chain: NodeChain, names: NDArray[np.uint8]) -> int:
    """Return how many leading blocks are on the node's active chain: step back, then bisect."""
    low, high, step = -1, len(names), 1
    while (probe := high - step) > low:
        if chain.hash_at(probe) == names[probe].tobytes():
            low = probe
        else:
            high = probe
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if chain.hash_at(middle) == names[middle].tobytes():
            low = middle
        else:
            high = middle
    return high
