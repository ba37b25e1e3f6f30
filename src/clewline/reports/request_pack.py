"""Request packs: one directory an exchange, as CSV, JSON and a page, with an overview beside.

::

    out/
      index.html  summary.json     the investigator's overview; name every exchange
      manifest.json                size and SHA-256 of every other file
      exchange-a/
        request.csv  request.json  request.html

A pack names no exchange but its own. Everything is a function of the data given: no clock, no
chance, no order of a set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clewline.reports.case import (
    METHODS,
    Basis,
    LabelSet,
    Movement,
    Pack,
    RunInfo,
    Step,
    Tip,
    Walk,
    check_case,
    check_method,
)
from clewline.reports.directory import MANIFEST, slugs, write_directory
from clewline.reports.page import index_page, pack_page
from clewline.reports.record import canonical, manifest_record, pack_record, summary_record
from clewline.reports.sheet import sheet

__all__ = [
    "METHODS",
    "Basis",
    "LabelSet",
    "Movement",
    "PackFiles",
    "RunInfo",
    "Step",
    "Tip",
    "Walk",
    "check_method",
    "write_request_packs",
]


@dataclass(frozen=True)
class PackFiles:
    """Where the pack of one exchange is, and what it asks for (satoshi)."""

    entity: str
    directory: Path
    csv: Path
    json: Path
    html: Path
    deposits: int
    withdrawals: int
    value: int
    traced: int


def write_request_packs(
    out: Path, run: RunInfo, movements: Sequence[Movement], walks: Sequence[Walk]
) -> list[PackFiles]:
    """Write one request pack per exchange and an overview.

    Parameters
    ----------
    out : Path
        The directory to make. It may be missing, empty, or an unchanged earlier report, which is
        then replaced whole.
    run : RunInfo
        What was asked, and how it was computed.
    movements : sequence of Movement
        In any order; each exchange's are sorted by time, txid and index.
    walks : sequence of Walk
        At most one a direction: where all the money of that direction ended.

    Returns
    -------
    list of PackFiles
        By exchange name. The traced satoshi of all movements of a direction are at most the
        services of its walk.

    Raises
    ------
    UsageError
        `out` holds something else; a method, inference or alternative that no text explains.
    DataError
        Sums that do not agree (`clewline.reports.case.check_case`).
    StorageError
        The disk refused a write; `out` is as it was.

    Cost
    ----
    Everything is held in memory: about 11 kB and half a millisecond a movement of five steps.
    """
    check_case(run, movements, walks)
    ordered_walks = sorted(walks, key=lambda walk: walk.direction)
    packs = _packs(movements)
    files: dict[str, bytes] = {}
    for pack in packs:
        files[f"{pack.slug}/request.csv"] = sheet(run, pack)
        files[f"{pack.slug}/request.json"] = canonical(pack_record(run, pack, ordered_walks))
        files[f"{pack.slug}/request.html"] = pack_page(run, pack, ordered_walks)
    files["index.html"] = index_page(run, packs, ordered_walks)
    files["summary.json"] = canonical(summary_record(run, packs, ordered_walks))
    files[MANIFEST] = canonical(manifest_record(files))
    write_directory(out, files)
    return [_pack_files(out, pack) for pack in packs]


def _packs(movements: Sequence[Movement]) -> list[Pack]:
    """Group movements by exchange, sorted."""
    by_entity: defaultdict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        by_entity[movement.entity].append(movement)
    slug = slugs(by_entity)
    return [
        Pack(
            entity,
            slug[entity],
            tuple(sorted(by_entity[entity], key=lambda m: m.order)),
            tuple(sorted({m.category for m in by_entity[entity]})),
        )
        for entity in sorted(by_entity)
    ]


def _pack_files(out: Path, pack: Pack) -> PackFiles:
    """Say where a pack was written."""
    directory, sums = out / pack.slug, pack.sums()
    return PackFiles(
        entity=pack.entity,
        directory=directory,
        csv=directory / "request.csv",
        json=directory / "request.json",
        html=directory / "request.html",
        deposits=pack.sums("deposit").count,
        withdrawals=pack.sums("withdrawal").count,
        value=sums.value,
        traced=sums.traced,
    )
