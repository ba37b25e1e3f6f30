"""What a partial store holds and what it does not: so that nothing unloaded is shown as nothing.

A store that `chain fetch` made has the columns of any other, but its blocks are not all blocks and
its transactions not all transactions. Beside them lies one file that tells them apart. It is named
after its SHA-256, which the manifest repeats, so that tip and coverage are published together.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StoreDamagedError
from clewline.store.files import replace_file, unreadable

_PREFIX: Final = "coverage."
_VERSION: Final = 1


@dataclass(frozen=True)
class Loaded:
    """How much of an address's history is in the store.

    Attributes
    ----------
    transactions, total : int
        Loaded, and by the server's word there up to the tip.
    complete : bool
        Whether that is all.
    """

    transactions: int
    total: int
    complete: bool


@dataclass(frozen=True)
class Coverage:
    """What a partial store holds.

    Attributes
    ----------
    server : str
        Where it was fetched.
    fetched : int
        When, UTC seconds: the state of the chain that all answers are as of.
    height : ndarray of int64, shape (n_block,)
        True height of each block; -1 for block 0.
    outputs_only : int
        Transactions below this number are known for their outputs alone: they have no place, and
        their inputs are not loaded. They are those of block 0.
    settled : ndarray of uint8, shape (n_output,)
        1 where it is known that none but a loaded transaction spends the output.
    addresses : dict of str to Loaded
        By locking script in hex: what was asked about.
    """

    server: str
    fetched: int
    height: NDArray[np.int64]
    outputs_only: int
    settled: NDArray[np.uint8]
    addresses: dict[str, Loaded]

    def of(self, script: bytes) -> Loaded | None:
        """Return how much is loaded of the history of a script, None if it was not asked for."""
        return self.addresses.get(script.hex())


def write_coverage(store: Path, coverage: Coverage) -> str:
    """Write a coverage into the directory of a store; return its SHA-256 for the manifest.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    record = {
        "version": _VERSION,
        "server": coverage.server,
        "fetched": coverage.fetched,
        "height": coverage.height.tolist(),
        "outputs_only": coverage.outputs_only,
        "outputs": int(coverage.settled.size),
        "settled": base64.b64encode(np.packbits(coverage.settled).tobytes()).decode("ascii"),
        "addresses": {
            script: [one.transactions, one.total, one.complete]
            for script, one in coverage.addresses.items()
        },
    }
    content = json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    digest = hashlib.sha256(content).hexdigest()
    replace_file(_file(store, digest), content)
    return digest


def read_coverage(store: Path, digest: str) -> Coverage:
    """Read the coverage that a manifest names.

    Raises
    ------
    StoreDamagedError
        If the file is not the one that was written.
    """
    path = _file(store, digest)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise StoreDamagedError("does not match the digest in the manifest", where=str(path))
    record: dict[str, Any] = json.loads(content)
    bits = np.frombuffer(base64.b64decode(record["settled"]), np.uint8)
    settled = np.unpackbits(bits, count=record["outputs"])
    settled.flags.writeable = False
    return Coverage(
        server=record["server"],
        fetched=record["fetched"],
        height=np.array(record["height"], np.int64),
        outputs_only=record["outputs_only"],
        settled=settled,
        addresses={script: Loaded(*one) for script, one in record["addresses"].items()},
    )


def clear_coverage(store: Path, digest: str) -> None:
    """Remove the coverages of earlier tips."""
    for path in store.glob(f"{_PREFIX}*"):
        if path != _file(store, digest):
            path.unlink(missing_ok=True)


def _file(store: Path, digest: str) -> Path:
    """Return the file of a coverage."""
    return store / f"{_PREFIX}{digest}"
