"""Exposure: an index over the whole chain is built once, and any address is a look-up.

What the shares mean is said in `clewline.engine.exposure`, where the files are in
`clewline.workspace.exposure_index`.
"""

from __future__ import annotations

import math
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline import __version__
from clewline.engine.chain import Chain, outputs_of
from clewline.engine.exposure import (
    MAX_CATEGORIES,
    Marks,
    carry_from,
    fill_from,
    fill_to,
    first_affected,
    mark_scripts,
    one_hop,
)
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.errors import UsageError
from clewline.store.directory import next_name, take_lock
from clewline.store.files import storage_error, write_array
from clewline.store.importer import Progress, no_progress
from clewline.store.reader import ChainStore
from clewline.workspace.attribution import Attribution
from clewline.workspace.exposure_index import (
    DIRECTIONS,
    EXPOSURE,
    FROM,
    TO,
    ExposureManifest,
    GrowingColumn,
    Side,
    clear_unpublished,
    index_directory,
    list_indexes,
    map_block_hashes,
    map_marks,
    map_shares,
    part_files,
    read_exposure_manifest,
    read_side_checksums,
    write_exposure_manifest,
    write_side_checksums,
)
from clewline.workspace.importing import chain_of
from clewline.workspace.rendering import tx_of_outputs

NOT_CHECKED: Final = "not checked"
"""What an answer says of a direction that no index covers."""
_HINT: Final = "build it with: clewline exposure build"

_LARGEST_GAP: Final = 1e-9
_AT_ONCE: Final = 1 << 20  # transactions: some 0.1 s
_UP_TO_DATE: Final = "up to date"
_BUILT: Final = "built"
_EXTENDED: Final = "extended"


# --- building ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """One direction that is to be built: what is kept of the last one, and where it goes."""

    direction: str
    before: Side | None
    kept: int
    directory: Path


@dataclass(frozen=True)
class _Ground:
    """What every pass reads."""

    store: ChainStore
    chain: Chain
    marks: Marks
    categories: tuple[str, ...]


def build_exposure(
    store: ChainStore,
    attribution: Attribution,
    mixes: NDArray[np.uint8],
    directions: Sequence[str] = tuple(DIRECTIONS),
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Build the exposure index of a tip and a selection of label sets, or bring it up to date.

    Parameters
    ----------
    store : ChainStore
        The tip.
    attribution : Attribution
        The label sets.
    mixes : ndarray of uint8, shape (n_tx,)
        Whether each transaction is a CoinJoin that mixes owners.
    directions : sequence of {"from", "to"}
        Which to build. *from* goes on where the last build ended, or at the first transaction that
        a reorganisation or a grown cluster touches; *to* is always computed anew.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    dict
        Tip, categories, and by direction what was done; the bytes of the files are those of a build
        from nothing.

    Raises
    ------
    UsageError
        If there is no label set, or a direction that is none.
    StoreLockedError, StorageError, StoreDamagedError, StoreVersionError
        The index is as it was.

    Notes
    -----
    Cost: one pass over the chain for each part and direction, as many at once as there are cores;
    eight bytes a transaction and part.
    """
    for direction in directions:
        if direction not in DIRECTIONS:
            raise UsageError(
                f"{direction!r} is none of: {', '.join(DIRECTIONS)}", where="direction"
            )
    if not attribution.digests:
        raise UsageError(
            "there is no label set, so no service that money could meet",
            where="--set",
            hint="load labels first: clewline label import",
        )
    ground = _ground(store, attribution, mixes)
    index = index_directory(store.path, attribution.digests)
    try:
        index.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(index, error) from error
    with take_lock(store.path / EXPOSURE):
        manifest = read_exposure_manifest(index) or ExposureManifest(attribution.digests, {})
        clear_unpublished(index, manifest)
        plans = [
            plan
            for direction in DIRECTIONS
            if direction in directions
            and (plan := _plan(ground, index, direction, manifest.sides.get(direction)))
        ]
        try:
            sides = _run(ground, index, plans, progress)
            manifest = ExposureManifest(attribution.digests, manifest.sides | sides)
            write_exposure_manifest(index, manifest)
        finally:
            clear_unpublished(index, read_exposure_manifest(index))
    done = {plan.direction: _EXTENDED if plan.kept else _BUILT for plan in plans}
    return {
        "index": str(index),
        "tip": store.manifest.tip,
        "height": store.manifest.height,
        "categories": list(ground.categories),
        "directions": [
            {
                "direction": direction,
                "done": done.get(direction, _UP_TO_DATE),
                "transactions": manifest.sides[direction].counts["tx"],
                "computed": sum(
                    store.manifest.counts["tx"] - plan.kept
                    for plan in plans
                    if plan.direction == direction
                ),
                "largest_gap": manifest.sides[direction].largest_gap,
                "bytes": sum(manifest.sides[direction].sizes().values()),
            }
            for direction in DIRECTIONS
            if direction in directions
        ],
        "label_sets": attribution.digests,
    }


def _ground(store: ChainStore, attribution: Attribution, mixes: NDArray[np.uint8]) -> _Ground:
    """Return categories with their numbers, and the mark of every script."""
    services = attribution.services
    categories = tuple(services.categories)
    if len(categories) > MAX_CATEGORIES:
        raise UsageError(
            f"{len(categories)} categories; an index holds {MAX_CATEGORIES}", where="--set"
        )
    category = mark_scripts(
        store.column("structure.cluster"),
        services.service_scripts,
        services.service_category + np.uint8(1),
        services.service_clusters,
        services.cluster_category + np.uint8(1),
    )
    return _Ground(store, chain_of(store), Marks(category, mixes), categories)


def _plan(ground: _Ground, index: Path, direction: str, before: Side | None) -> _Plan | None:
    """Find out how much of the last build stays true; None if it is all there is."""
    directory = index / (next_name(before.directory) if before else f"{direction}.0")
    comparable = (
        before is not None and before.code == __version__ and before.categories == ground.categories
    )
    if before is None or not comparable:
        return _Plan(direction, before, 0, directory)
    hashes = ground.store.column("block.hash")
    earlier = map_block_hashes(index, before)
    common = min(len(hashes), len(earlier))
    differ = np.flatnonzero((hashes[:common] != earlier[:common]).any(axis=1))
    blocks = int(differ[0]) if differ.size else common
    scripts = int(ground.store.column("block.script_start")[blocks])
    marks = map_marks(index, before)[:scripts]
    if len(earlier) == len(hashes) == blocks and np.array_equal(marks, ground.marks.category):
        return None
    if direction == TO:
        return _Plan(direction, before, 0, directory)
    kept = first_affected(
        ground.chain, marks, ground.marks.category[:scripts], int(ground.chain.block_tx[blocks])
    )
    return _Plan(direction, before, kept, directory)


def _run(
    ground: _Ground, index: Path, plans: Sequence[_Plan], progress: Progress
) -> dict[str, Side]:
    """Compute all parts of all planned directions, as many at once as there are cores."""
    columns = {plan.direction: _open_columns(ground, index, plan) for plan in plans}
    passes = [
        (plan, part, columns[plan.direction][name])
        for plan in plans
        for name, part in _parts(ground, plan.direction).items()
    ]
    todo = sum(ground.chain.n_tx - plan.kept for plan, _part, _column in passes)
    # The inner context ends first: passes give up before the pool waits for them.
    with ThreadPoolExecutor(os.cpu_count()) as pool, _counting(progress, todo) as advance:
        done = [pool.submit(_fill, ground, *one, advance) for one in passes]
        for future in done:
            future.result()
    return {plan.direction: _seal(ground, index, plan, columns[plan.direction]) for plan in plans}


def _parts(ground: _Ground, direction: str) -> dict[str, int]:
    """Return file and number of each part of a direction."""
    return part_files(ground.categories, DIRECTIONS[direction])


def _open_columns(ground: _Ground, index: Path, plan: _Plan) -> dict[str, GrowingColumn]:
    """Make the files of a direction, with what is kept of the last build."""
    try:
        plan.directory.mkdir()
    except OSError as error:
        raise storage_error(plan.directory, error) from error
    rows = ground.chain.n_tx
    if plan.before is None or not plan.kept:
        return {
            name: GrowingColumn(plan.directory / name, rows)
            for name in _parts(ground, plan.direction)
        }
    sums = read_side_checksums(index, plan.before)
    return {
        name: GrowingColumn(
            plan.directory / name,
            rows,
            index / plan.before.directory / name,
            held=plan.before.counts["tx"],
            kept=plan.kept,
            sums=sums[name],
        )
        for name in _parts(ground, plan.direction)
    }


@contextmanager
def _counting(progress: Progress, total: int) -> Iterator[Callable[[int], None]]:
    """Give threads a way to report; once the work is given up, it stops them."""
    lock = threading.Lock()
    done = 0
    given_up = False

    def advance(count: int) -> None:
        nonlocal done
        with lock:
            if given_up:
                raise _GivenUpError
            done += count
            progress("Exposure", done, total)

    try:
        yield advance
    except BaseException:
        given_up = True
        raise


class _GivenUpError(Exception):
    """Another pass failed, or the command was interrupted."""


def _fill(
    ground: _Ground, plan: _Plan, part: int, column: GrowingColumn, advance: Callable[[int], None]
) -> None:
    """Run one pass."""
    n_tx = ground.chain.n_tx
    if plan.direction == FROM:
        if plan.kept:
            carry_from(ground.chain, ground.marks, part, column.shares, plan.kept)
        for first in range(plan.kept, n_tx, _AT_ONCE):
            last = min(first + _AT_ONCE, n_tx)
            fill_from(ground.chain, ground.marks, part, column.shares, first, last)
            advance(last - first)
    else:
        for last in range(n_tx, 0, -_AT_ONCE):
            first = max(last - _AT_ONCE, 0)
            fill_to(ground.chain, ground.marks, part, column.shares, first, last)
            advance(last - first)


def _seal(ground: _Ground, index: Path, plan: _Plan, columns: Mapping[str, GrowingColumn]) -> Side:
    """Hold a direction to the law, write what belongs to it, and describe it."""
    gap = plan.before.largest_gap if plan.before and plan.kept else 0.0
    for first in range(plan.kept, ground.chain.n_tx, _AT_ONCE):
        sums = np.zeros(min(_AT_ONCE, ground.chain.n_tx - first))
        for column in columns.values():
            sums += column.shares[first : first + _AT_ONCE]
        gap = max(gap, float(np.minimum(np.abs(sums - 1), sums).max()))
    if not gap <= _LARGEST_GAP:
        raise AssertionError(f"the shares of a transaction miss their sum by {gap}")
    hashes = ground.store.column("block.hash")
    checksums = {
        **{name: column.finish() for name, column in columns.items()},
        "script": write_array(plan.directory / "script", ground.marks.category),
        "block": write_array(plan.directory / "block", hashes),
    }
    return Side(
        directory=plan.directory.name,
        tip=ground.store.manifest.tip,
        counts={
            "block": len(hashes),
            "tx": ground.chain.n_tx,
            "script": ground.chain.n_script,
        },
        categories=ground.categories,
        code=__version__,
        largest_gap=gap,
        digest=write_side_checksums(plan.directory, checksums),
    )


# --- what there is -------------------------------------------------------------------------


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
        return "reorganised"
    return "current" if blocks == len(hashes) else "behind"


# --- looking up ----------------------------------------------------------------------------


class ExposureIndex:
    """The index of a selection of label sets, as a tip of the store can use it.

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
        self._path = index_directory(store.path, label_sets)
        manifest = read_exposure_manifest(self._path)
        self._sides = manifest.sides if manifest else {}

    def of_script(self, script: int | None) -> dict[str, Any]:
        """Return the exposure of all outputs that a script received.

        Parameters
        ----------
        script : int or None
            Script id; None for one that no output pays to.

        Returns
        -------
        dict
            ``exposure``: one row a direction and part, largest value first. ``value`` = ``direct``
            + ``indirect``, in satoshi; ``share`` of all that was looked at; ``balance``: of the
            value, what is unspent. Parts that nothing met have no row. ``from``, ``to``: the tip
            that the index was built at, the categories that it knows, ``held_by`` (the address is
            itself a service's, and then its own money that comes back counts as that service's),
            and what was received after that tip; or why there is no answer. The values of a
            direction add up to what was received until then, to the satoshi.

        Notes
        -----
        Cost: one page of each part for each output, and the inputs and outputs of their
        transactions.
        """
        outputs = np.empty(0, np.int64) if script is None else outputs_of(self._chain, script)
        rows: list[dict[str, Any]] = []
        answer: dict[str, Any] = {}
        for direction in DIRECTIONS:
            side = self._sides.get(direction)
            state = _state(self._store, side) if side else ""
            if side is None or state == "reorganised":
                why = "its blocks were reorganised away" if side else "there is no index"
                answer[direction] = {"state": NOT_CHECKED, "why": f"{why}; {_HINT}"}
                continue
            found, received = self._side_rows(direction, side, outputs)
            rows += found
            answer[direction] = {
                "state": state,
                "height": side.height,
                "tip": side.tip,
                "categories": list(side.categories),
                "held_by": self._holder(side, script),
                "received": received,
                "not_checked": int(self._values(outputs).sum()) - received,
            }
        return {"exposure": rows, **answer}

    def _holder(self, side: Side, script: int | None) -> str | None:
        """Return the category of the service that holds a script itself."""
        if script is None or script >= side.counts["script"]:
            return None
        number = int(map_marks(self._path, side)[script])
        return side.categories[number - 1] if number else None

    def _values(self, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the satoshi of outputs."""
        return np.asarray(self._store.column("output.value")[outputs], np.int64)

    def _side_rows(
        self, direction: str, side: Side, outputs: NDArray[np.int64]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the rows of one direction, and the satoshi that they are about."""
        chain = self._chain
        n_tx = side.counts["tx"]
        outputs = outputs[outputs < chain.tx_output[n_tx]]
        values = self._values(outputs)
        received = int(values.sum())
        spender = chain.spender[outputs].astype(np.int64)
        spent = spender < n_tx
        asked = tx_of_outputs(self._store, outputs) if direction == FROM else spender
        inside = asked < n_tx
        sums, held = {}, {}
        for name in side.parts():
            shares = map_shares(self._path, side, name)
            amounts = np.zeros(len(outputs))
            amounts[inside] = values[inside] * shares[asked[inside]]
            if name == "rest.unspent":
                amounts[~inside] = values[~inside]
            sums[name] = math.fsum(amounts.tolist())
            held[name] = math.fsum(amounts[~spent].tolist())
        mixes = np.zeros(len(outputs), np.bool_)
        mixes[inside] = mixes_owners(self._store.column("structure.coinjoin")[asked[inside]])
        near = inside & ~mixes
        direct = one_hop(
            chain,
            map_marks(self._path, side),
            asked[near],
            values[near],
            to_the_past=direction == FROM,
        )
        return _rows(
            direction, side, sums, held, direct, received, int(values[~spent].sum())
        ), received


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
