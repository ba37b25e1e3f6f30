"""The made-up chain while it grows: outputs, transactions and scripts as columns.

Outputs, transactions and scripts have running numbers in chain order, as everywhere in Clewline;
a script's number here is the order in which it was invented. Inputs are kept for the block that
is being made only: whoever spends an output remembers what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.play.keys import Kind

HALVING_BLOCKS: Final = 150
"""Blocks between halvings on regtest (Core's ``kernel/chainparams.cpp``)."""


def subsidy(height: int) -> int:
    """Return the new satoshi of a regtest block (Core's ``GetBlockSubsidy``).

    Examples
    --------
    >>> subsidy(149), subsidy(150)
    (5000000000, 2500000000)
    """
    halvings = height // HALVING_BLOCKS
    return 50_0000_0000 >> halvings if halvings < 64 else 0


class Column:
    """An array that grows: `data` has room to spare, `count` entries of it are in use."""

    def __init__(self, dtype: type[np.generic], width: int = 1) -> None:
        self.data: NDArray[Any] = np.zeros(1024 * width, dtype)
        self.count = 0
        self._width = width

    def reserve(self, more: int) -> None:
        """Make room for `more` entries."""
        needed = (self.count + more) * self._width
        if needed > self.data.size:
            grown = np.zeros(max(needed, 2 * self.data.size), self.data.dtype)
            grown[: self.data.size] = self.data
            self.data = grown

    def append(self, value: int) -> None:
        """Add one entry of a column of width 1."""
        if self.count == self.data.size:
            self.reserve(1)
        self.data[self.count] = value
        self.count += 1


class Ledger:
    """All outputs so far, and the inputs of the block that is being made.

    Parameters
    ----------
    seed : int
        Seed of the case, from which scripts and signatures follow.

    Attributes
    ----------
    value, script, output_tx : Column
        Of each output: satoshi, script number, transaction.
    tx_output, tx_input : Column
        Of each transaction: first output; first input in `prevout`. Filled when it is added.
    txid : Column
        32 bytes of each transaction, internal order; written when its block is encoded.
    script_kind : Column
        `Kind` of each script.
    prevout : Column
        Spent output of each input of the present block.
    first_tx : int
        First transaction, the coinbase, of the present block.
    inputs : int
        Inputs of all blocks before the present one.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.value = Column(np.int64)
        self.script = Column(np.int64)
        self.output_tx = Column(np.int64)
        self.tx_output = Column(np.int64)
        self.tx_input = Column(np.int64)
        self.txid = Column(np.uint8, 32)
        self.script_kind = Column(np.uint8)
        self.prevout = Column(np.int64)
        self.first_tx = 0
        self.inputs = 0

    @property
    def transactions(self) -> int:
        """Transactions so far."""
        return self.tx_output.count

    def new_script(self, kind: Kind) -> int:
        """Invent a script of this kind."""
        self.script_kind.append(kind)
        return self.script_kind.count - 1

    def begin_block(self, miner: int, commitment: int) -> int:
        """Start a block with its coinbase and return the output that will hold its reward.

        The second output is the witness commitment, as Core's miner always writes it.
        """
        self.first_tx = self.transactions
        self.inputs += self.prevout.count
        self.prevout.count = 0
        return self.add((), ((0, miner), (0, commitment)))

    def add(self, prevouts: Sequence[int], outputs: Iterable[tuple[int, int]]) -> int:
        """Add a transaction of (satoshi, script) outputs and return its first output's number."""
        first = self.value.count
        self.tx_output.append(first)
        self.tx_input.append(self.prevout.count)
        self.txid.reserve(1)
        for prevout in prevouts:
            self.prevout.append(prevout)
        for value, script in outputs:
            self.value.append(value)
            self.script.append(script)
            self.output_tx.append(self.tx_output.count - 1)
        self.txid.count += 1
        return first

    def fees(self) -> int:
        """Return the fees of the present block: what its inputs hold and its outputs do not."""
        spent = self.value.data[self.prevout.data[: self.prevout.count]]
        made = self.value.data[self.tx_output.data[self.first_tx] : self.value.count]
        return int(spent.sum()) - int(made.sum())

    def kind_of(self, output: int) -> Kind:
        """Return the kind of an output's script."""
        return Kind(int(self.script_kind.data[self.script.data[output]]))

    def outpoint(self, output: int) -> tuple[str, int]:
        """Return transaction id as shown and index of an output of an encoded block."""
        tx = int(self.output_tx.data[output])
        txid = bytes(self.txid.data[32 * tx : 32 * tx + 32])
        return txid[::-1].hex(), output - int(self.tx_output.data[tx])
