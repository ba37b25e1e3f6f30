"""Special transactions of Dash (DIP-2): a type, and a payload behind the lock time.

The lower half of a transaction's version is its version, the upper half its type. From version 3
on, types other than 0 have a payload, which is hashed with the rest. Some have no inputs, or no
outputs either: what they do stands in the payload.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import Form
from clewline.jit import inlined

COINBASE: Final = 5
QUORUM_COMMITMENT: Final = 6
HARD_FORK_SIGNAL: Final = 7
ASSET_LOCK: Final = 8
ASSET_UNLOCK: Final = 9
ASSET_LOCK_SCRIPT: Final = b"\x6a\x00"
"""Of the output by which an asset lock pays into the credit pool (DIP-27)."""
MAX_PAYLOAD_BYTES: Final = 10_000
MIN_SPECIAL_BYTES: Final = 11
"""Version, no inputs, no outputs, lock time, empty payload."""
_SPECIAL_VERSION: Final = 3


@inlined
def special_type(version: Any) -> Any:
    """Return the type of a transaction from the 32 bits of its version; 0 of an ordinary one."""
    low, high = version & 0xFFFF, version >> 16 & 0xFFFF
    return high if _SPECIAL_VERSION <= low < 0x8000 else np.int64(0)


@inlined
def may_lack_inputs(kind: Any) -> bool:
    """Tell whether transactions of a type have no inputs."""
    return bool(QUORUM_COMMITMENT <= kind <= HARD_FORK_SIGNAL or kind == ASSET_UNLOCK)


@inlined
def may_lack_outputs(kind: Any) -> bool:
    """Tell whether transactions of a type have no outputs."""
    return bool(QUORUM_COMMITMENT <= kind <= HARD_FORK_SIGNAL)


def without_sides(
    version: NDArray[np.int32], form: Form
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which transactions have no inputs, and which no outputs, by their type.

    Parameters
    ----------
    version : ndarray of int32, shape (n,)
        Of each.
    form : Form
        Of the chain.

    Returns
    -------
    inputs, outputs : ndarray of bool, shape (n,)
        All False where the chain has no special transactions.

    Examples
    --------
    >>> from clewline.codec.networks import NETWORKS
    >>> versions = np.array([2, 3 | QUORUM_COMMITMENT << 16, 3 | ASSET_UNLOCK << 16], np.int32)
    >>> inputs, outputs = without_sides(versions, NETWORKS["dash"].coin.form)
    >>> inputs.tolist(), outputs.tolist()
    ([False, True, True], [False, True, False])
    """
    low, high = version & 0xFFFF, version >> 16 & 0xFFFF
    kind = np.where((low >= _SPECIAL_VERSION) & (low < 0x8000) & form.special, high, 0)
    outputs = np.isin(kind, (QUORUM_COMMITMENT, HARD_FORK_SIGNAL))
    return outputs | (kind == ASSET_UNLOCK), outputs
