"""Exposure of an address: a look-up in an index over the whole chain, and which indexes there are.

What the shares mean is said in `clewline.engine.exposure`; `clewline.workspace.exposure_building`
computes them, and `clewline.workspace.exposure_index` knows their files.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain, outputs_of
from clewline.engine.exposure import one_hop
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.errors import StoreDamagedError, UsageError
from clewline.store.directory import take_lock
from clewline.store.files import storage_error
from clewline.store.reader import ChainStore
from clewline.workspace.exposure_index import (
    DIRECTIONS,
    EXPOSURE,
    FROM,
    Side,
    index_directory,
    list_indexes,
    map_marks,
    map_shares,
    read_exposure_manifest,
)
from clewline.workspace.rendering import tx_of_outputs

NOT_CHECKED: Final = "not checked"
"""What an answer says of a direction that no index covers."""
PART_OF_A_CHAIN: Final = "an index needs a whole chain, and this is a part of one"
"""Why a partial store has no index: what is not loaded would pass for mined or unspent."""
_HINT: Final = "build it with: clewline exposure build"
_REORGANISED: Final = "reorganised"
_UNSPENT: Final = "rest.unspent"
_STANDING: Final = (
    *("direction", "state", "why", "height", "tip"),
    *("categories", "held_by", "received", "not_checked"),
)


def describe_indexes(
    store: ChainStore, label_sets: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return one row for each direction of each index of a store.

    Parameters
    ----------
    store : ChainStore
        The tip that they are held against.
    label_sets : sequence of dict
        Name and digest of each label set of the store.

    Returns
    -------
    list of dict
        ``state`` is current, behind, reorganised, or outdated (its label sets changed or are gone).

    Raises
    ------
    StoreDamagedError, StoreVersionError
    """
    there = [dict(entry) for entry in label_sets]
    rows = []
    for path in list_indexes(store.path):
        manifest = read_exposure_manifest(path)
        for direction, side in sorted(manifest.sides.items()) if manifest else ():
            assert manifest is not None
            outdated = any(entry not in there for entry in manifest.label_sets)
            rows.append(
                {
                    "index": path.name,
                    "direction": direction,
                    "state": "outdated" if outdated else _state(store, side),
                    "height": side.height,
                    "tip": side.tip,
                    "bytes": sum(side.sizes().values()),
                    "label_sets": manifest.label_sets,
                }
            )
    return rows


def remove_index(store: ChainStore, name: str) -> None:
    """Remove an index.

    Raises
    ------
    UsageError
        If there is none of this name.
    StoreLockedError, StorageError
    """
    found = {path.name: path for path in list_indexes(store.path)}
    if name not in found:
        raise UsageError(
            f"no exposure index is called {name!r}; there are: {', '.join(found) or 'none'}",
            where="INDEX",
        )
    with take_lock(store.path / EXPOSURE):
        try:
            shutil.rmtree(found[name])
        except OSError as error:
            raise storage_error(found[name], error) from error


def _state(store: ChainStore, side: Side) -> str:
    """Compare the tip of a direction with that of the store."""
    hashes = store.column("block.hash")
    blocks = side.counts["block"]
    if blocks > len(hashes) or hashes[blocks - 1][::-1].tobytes().hex() != side.tip:
        return _REORGANISED
    return "current" if blocks == len(hashes) else "behind"


@dataclass(frozen=True)
class _Mapped:
    """One direction of an index with its columns."""

    side: Side
    shares: Mapping[str, NDArray[np.float64]]
    marks: NDArray[np.uint8]


class ExposureIndex:
    """The index of a selection of label sets, as a tip of the store can use it.

    Keeps what was published when it was opened, whatever is built meanwhile.

    Parameters
    ----------
    store : ChainStore
        The tip that is asked.
    chain : Chain
        Its columns.
    label_sets : sequence of dict
        Name and digest of each label set in use.

    Raises
    ------
    StoreDamagedError, StoreVersionError
        If there is an index that cannot be read.
    """

    def __init__(
        self, store: ChainStore, chain: Chain, label_sets: Sequence[Mapping[str, str]]
    ) -> None:
        self._store = store
        self._chain = chain
        self._sides = _open(index_directory(store.path, label_sets))

    def of_script(self, script: int | None) -> dict[str, Any]:
        """Return the exposure of all outputs that a script received.

        Parameters
        ----------
        script : int or None
            Script id; None for one that no output pays to.

        Returns
        -------
        dict
            ``directions``: for each the tip that its index was built at, the categories that it
            knows, ``held_by`` (the address is itself a service's, and then its own money that comes
            back counts as that service's), what was ``received`` up to that tip and what after it,
            which is ``not_checked``; or why there is no answer. ``exposure``: one row a direction
            and part, largest value first, none for a part that was not met. ``value`` = ``direct``
            + ``indirect``, in satoshi; ``share`` of what was received; ``balance``: of the value,
            what is unspent. The values of a direction add up to ``received``, to the satoshi.

        Notes
        -----
        Cost: one page of each part for each output, and the inputs and outputs of their
        transactions.
        """
        outputs = np.empty(0, np.int64)
        if script is not None and self._sides:
            outputs = outputs_of(self._chain, script)
        directions: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for direction in DIRECTIONS:
            mapped = self._sides.get(direction)
            standing = dict.fromkeys(_STANDING) | {"direction": direction, "state": NOT_CHECKED}
            directions.append(standing)
            if mapped is None:
                part = self._store.coverage is not None
                standing["why"] = PART_OF_A_CHAIN if part else f"there is no index; {_HINT}"
                continue
            standing |= {"height": mapped.side.height, "tip": mapped.side.tip}
            state = _state(self._store, mapped.side)
            if state == _REORGANISED:
                standing["why"] = f"its last block is no longer of the chain; {_HINT}"
                continue
            known = outputs[outputs < self._chain.tx_output[mapped.side.counts["tx"]]]
            received = int(self._values(known).sum())
            standing |= {
                "state": state,
                "categories": list(mapped.side.categories),
                "held_by": _holder(mapped, script),
                "received": received,
                "not_checked": int(self._values(outputs).sum()) - received,
            }
            rows += self._direction_rows(direction, mapped, known, received)
        return {"directions": directions, "exposure": rows}

    def _values(self, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the satoshi of outputs."""
        return np.asarray(self._chain.value[outputs], np.int64)

    def _direction_rows(
        self, direction: str, mapped: _Mapped, outputs: NDArray[np.int64], received: int
    ) -> list[dict[str, Any]]:
        """Sum the shares of outputs that the index knows."""
        n_tx = mapped.side.counts["tx"]
        values = self._values(outputs)
        spender = self._chain.spender[outputs].astype(np.int64)
        spent = spender < n_tx
        asked = tx_of_outputs(self._store, outputs) if direction == FROM else spender
        inside = asked < n_tx
        sums, held = {}, {}
        for name, shares in mapped.shares.items():
            amounts = np.zeros(len(outputs))
            amounts[inside] = values[inside] * shares[asked[inside]]
            if name == _UNSPENT:
                amounts[~inside] = values[~inside]
            sums[name] = math.fsum(amounts.tolist())
            held[name] = math.fsum(amounts[~spent].tolist())
        near = inside.copy()
        near[inside] = ~mixes_owners(self._store.column("structure.coinjoin")[asked[inside]])
        direct = one_hop(
            self._chain, mapped.marks, asked[near], values[near], to_the_past=direction == FROM
        )
        balance = int(values[~spent].sum())
        return _rows(direction, mapped.side, sums, held, direct, received, balance)


def _open(index: Path) -> dict[str, _Mapped]:
    """Map what an index publishes; once more where a build replaces it at this moment."""
    manifest = read_exposure_manifest(index)
    while True:
        try:
            return {
                direction: _Mapped(
                    side,
                    {name: map_shares(index, side, name) for name in side.parts()},
                    map_marks(index, side),
                )
                for direction, side in (manifest.sides if manifest else {}).items()
            }
        except StoreDamagedError:
            before, manifest = manifest, read_exposure_manifest(index)
            if manifest == before:
                raise


def _holder(mapped: _Mapped, script: int | None) -> str | None:
    """Return the category of the service that holds a script itself."""
    if script is None or script >= len(mapped.marks) or not mapped.marks[script]:
        return None
    return mapped.side.categories[int(mapped.marks[script]) - 1]


def _rows(
    direction: str,
    side: Side,
    sums: Mapping[str, float],
    held: Mapping[str, float],
    direct: NDArray[np.float64],
    received: int,
    balance: int,
) -> list[dict[str, Any]]:
    """Turn sums into whole satoshi, one row a part, largest first."""
    parts = side.parts()
    values = in_satoshi([sums[name] for name in parts], received)
    balances = in_satoshi([held[name] for name in parts], balance)
    rows = []
    for (name, number), value, of_balance in zip(parts.items(), values, balances, strict=True):
        kind, _, word = name.partition(".")
        near = min(round(float(direct[number])), value) if kind == "category" else None
        rows.append(
            {
                "direction": direction,
                "part": word,
                "service": near is not None,
                "value": value,
                "direct": near,
                "indirect": None if near is None else value - near,
                "share": round(sums[name] / received, 12) if received else 0.0,
                "balance": of_balance if direction == FROM else None,
            }
        )
    met = [row for row, name in zip(rows, parts, strict=True) if sums[name] > 0]
    return sorted(met, key=lambda row: -row["value"])


def in_satoshi(amounts: Sequence[float], total: int) -> list[int]:
    """Round amounts to whole satoshi that add up to a total.

    Method: largest remainder, ties to the lower index, as everywhere in tracing.

    Parameters
    ----------
    amounts : sequence of float
        At least one, none negative; they add up to `total` but for rounding.
    total : int
        Satoshi.

    Returns
    -------
    list of int
        Each within a satoshi of its amount, if these add up to `total` within one.

    Examples
    --------
    >>> in_satoshi([1.5, 0.25, 2.25], 4)
    [2, 0, 2]
    """
    whole = [int(amount) for amount in amounts]
    order = sorted(range(len(amounts)), key=lambda k: (whole[k] - amounts[k], k))
    for k in order[: max(total - sum(whole), 0)]:
        whole[k] += 1
    # Of huge totals floats leave a few satoshi, either way.
    whole[whole.index(max(whole))] += total - sum(whole)
    return whole
