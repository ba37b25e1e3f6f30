"""Building an exposure index: every part in every direction is one pass over the chain.

What the shares mean is said in `clewline.engine.exposure`, where the files are in
`clewline.workspace.exposure_index`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from clewline import __version__
from clewline.engine.chain import Chain
from clewline.engine.exposure import (
    HIDES,
    MAX_CATEGORIES,
    Marks,
    carry_from,
    fill_from,
    fill_to,
    first_affected,
    mark_scripts,
)
from clewline.engine.heuristics.coinjoin import CoinJoin, mixes_owners
from clewline.errors import UsageError
from clewline.store.directory import next_name, take_lock
from clewline.store.files import storage_error, write_array
from clewline.store.importer import Progress, no_progress
from clewline.store.reader import ChainStore
from clewline.workspace.attribution import Attribution
from clewline.workspace.exposure import PART_OF_A_CHAIN
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
    map_block_hashes,
    map_marks,
    part_files,
    read_exposure_manifest,
    read_side_checksums,
    rests_of,
    write_exposure_manifest,
    write_side_checksums,
)
from clewline.workspace.importing import chain_of

_LARGEST_GAP: Final = 1e-9
_AT_ONCE: Final = 1 << 20  # transactions: some 0.1 s
_UP_TO_DATE: Final = "up to date"
_BUILT: Final = "built"
_EXTENDED: Final = "extended"


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
        If there is no label set, a direction that is none, or only a part of a chain.
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
    if store.coverage is not None:
        raise UsageError(
            PART_OF_A_CHAIN, where=str(store.path), hint="clewline trace says what is not loaded"
        )
    if not attribution.digests:
        raise UsageError(
            "there is no label set, so no service that money could meet",
            where="--set",
            hint="load labels first: clewline label import",
        )
    marks = marks_of(store, attribution)
    ground = _Ground(store, chain_of(store), marks, tuple(attribution.services.categories))
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
    plan_of = {plan.direction: plan for plan in plans}
    return {
        "index": str(index),
        "tip": store.manifest.tip,
        "height": store.manifest.height,
        "categories": list(ground.categories),
        "directions": [
            _done(manifest.sides[direction], plan_of.get(direction))
            for direction in DIRECTIONS
            if direction in directions
        ],
        "label_sets": attribution.digests,
    }


def _done(side: Side, plan: _Plan | None) -> dict[str, Any]:
    """Say what was done for one direction."""
    n_tx = side.counts["tx"]
    return {
        "direction": side.directory.partition(".")[0],
        "done": (_EXTENDED if plan.kept else _BUILT) if plan else _UP_TO_DATE,
        "transactions": n_tx,
        "computed": n_tx - plan.kept if plan else 0,
        "largest_gap": side.largest_gap,
        "bytes": sum(side.sizes().values()),
    }


def marks_of(store: ChainStore, attribution: Attribution) -> Marks:
    """Return where the money of a tip stops, with categories numbered from 1.

    Parameters
    ----------
    store : ChainStore
        The tip.
    attribution : Attribution
        The label sets.

    Returns
    -------
    Marks
        Category k is ``attribution.services.categories[k - 1]``.

    Raises
    ------
    UsageError
        If there are more categories than numbers.
    """
    services = attribution.services
    if len(services.categories) > MAX_CATEGORIES:
        raise UsageError(
            f"{len(services.categories)} categories; an index holds {MAX_CATEGORIES}",
            where="--set",
        )
    category = mark_scripts(
        store.column("structure.cluster"),
        services.service_scripts,
        services.service_category + np.uint8(1),
        services.service_clusters,
        services.cluster_category + np.uint8(1),
    )
    families = store.column("structure.coinjoin")
    mixes = mixes_owners(families).view(np.uint8)
    if store.network.coin.form.shielded:
        mixes[families == CoinJoin.shielded] = HIDES
    return Marks(category, mixes)


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
    shielded = ground.store.network.coin.form.shielded
    return part_files(ground.categories, rests_of(direction, shielded=shielded))


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
            name: count
            for name, count in ground.store.manifest.counts.items()
            if name in ("block", "tx", "script", "shielded")
        },
        categories=ground.categories,
        code=__version__,
        largest_gap=gap,
        digest=write_side_checksums(plan.directory, checksums),
    )
