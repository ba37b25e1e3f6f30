"""Which transactions say that their inputs share an owner.

The multi-input heuristic: whoever signs all inputs of a transaction controls all the scripts that
they spend (Nakamoto, "Bitcoin", 2008, section 10; Meiklejohn et al., "A Fistful of Bitcoins",
IMC 2013, heuristic 1). A CoinJoin is signed by several people, so its inputs say nothing.

It errs where people sign together without a shape that shows it: PayJoin, and CoinJoins that
`coinjoin` does not recognise; and where one service signs for its customers, the cluster is the
service's.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from clewline.engine.chain import Bool, Chain, Int64, UInt8, UInt32
from clewline.engine.heuristics.coinjoin import CoinJoin, mixes_owners
from clewline.errors import UsageError
from clewline.jit import kernel

RULE: Final = "multi-input"
"""Name of this rule at a link."""

MIXES: Final[Bool] = mixes_owners(np.array(list(CoinJoin), dtype=np.uint8))
"""`mixes_owners` of each `CoinJoin` value, for kernels."""
_PARTS_INPUTS: Final[Bool] = np.array([family.parts_inputs for family in CoinJoin])


@kernel
def may_link(tx: int | np.int64, tx_input: Int64, coinjoin: UInt8) -> bool:
    """Return whether `tx` has several inputs, all of one owner. Their scripts may be one."""
    return bool(tx_input[tx + 1] - tx_input[tx] > 1 and not _PARTS_INPUTS[coinjoin[tx]])


@kernel
def _links(
    tx_input: Int64, prevout: Int64, script: UInt32, coinjoin: UInt8, first_tx: int, mask: Bool
) -> None:
    """Mark the linking transactions from `first_tx` on."""
    for at in range(len(mask)):
        tx = first_tx + at
        if may_link(tx, tx_input, coinjoin):
            first = script[prevout[tx_input[tx]]]
            for i in range(tx_input[tx] + 1, tx_input[tx + 1]):
                if script[prevout[i]] != first:
                    mask[at] = True
                    break


def check_coinjoin(chain: Chain, coinjoin: UInt8) -> None:
    """Refuse verdicts that are not one `CoinJoin` value for each transaction of the chain.

    Parameters
    ----------
    chain : Chain
        The chain.
    coinjoin : ndarray of uint8
        What `coinjoin.classify` gives for the whole chain.

    Raises
    ------
    UsageError
        Another length than the chain's, another type, or a value that is no family.
    """
    n_tx = len(chain.tx_input) - 1
    if coinjoin.dtype != np.uint8 or coinjoin.shape != (n_tx,):
        raise UsageError(
            f"{coinjoin.shape} verdicts of {coinjoin.dtype}; the chain has {n_tx} transactions, "
            "each needs one of uint8",
            where="coinjoin",
        )
    if len(coinjoin) and int(coinjoin.max()) >= len(MIXES):
        raise UsageError(f"verdict {coinjoin.max()} is no CoinJoin family", where="coinjoin")


def links(chain: Chain, coinjoin: UInt8, first_tx: int = 0) -> Bool:
    """Mark the transactions that link their inputs.

    Parameters
    ----------
    chain : Chain
        The chain.
    coinjoin : ndarray of uint8, shape (n_tx,)
        `coinjoin.classify(chain)`.
    first_tx : int, default 0
        First transaction to look at.

    Returns
    -------
    ndarray of bool, shape (n_tx - first_tx,)
        True where a transaction spends more than one distinct script and does not mix owners.
        A coinbase never links: it has no inputs.

    Raises
    ------
    UsageError
        `coinjoin` does not fit the chain, or there is no transaction `first_tx`.

    Notes
    -----
    Cost: one pass over the inputs, no memory beyond the result.
    """
    check_coinjoin(chain, coinjoin)
    n_tx = len(chain.tx_input) - 1
    if not 0 <= first_tx <= n_tx:
        raise UsageError(f"first_tx is {first_tx}; allowed is 0 to {n_tx}", where="first_tx")
    mask = np.zeros(n_tx - first_tx, dtype=np.bool_)
    _links(chain.tx_input, chain.prevout, chain.script, coinjoin, first_tx, mask)
    return mask
