"""The JSON side of a report: the same facts as the sheet and the page, for programs.

Keys are sorted, satoshi are integers, nothing is a float; text is escaped to ASCII, so that any
character a label file holds survives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from clewline.reports.case import Movement, Pack, RunInfo, Step, Sums, Walk, btc, reference, utc
from clewline.reports.limits import alternatives_of, inferences_of, rule_text
from clewline.reports.sheet import COLUMNS

SCHEMA_VERSION: Final = 1
PACK_SCHEMA: Final = "clewline.request-pack"
SUMMARY_SCHEMA: Final = "clewline.request-summary"
MANIFEST_SCHEMA: Final = "clewline.request-manifest"

Record = dict[str, Any]


def canonical(record: Record) -> bytes:
    """Write a record: sorted keys, two spaces, one newline at the end."""
    return json.dumps(record, sort_keys=True, indent=2).encode() + b"\n"


def pack_record(run: RunInfo, pack: Pack, walks: Sequence[Walk]) -> Record:
    """Return one pack: no exchange but its own, no subject that its paths do not touch."""
    own = replace(run, subjects=pack.touched(run))
    return {
        "schema": PACK_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "run": {**run_record(own), "subjects_in_run": len(run.subjects)},
        "exchange": {"name": pack.entity, "categories": list(pack.categories)},
        "movements": [_movement(run, movement) for movement in pack.movements],
        "sums": _pack_sums(pack),
        "walks": [_walk(walk, (pack,)) for walk in walks],
        "answer_columns": [column.name for column in COLUMNS if column.answer],
    }


def summary_record(run: RunInfo, packs: Sequence[Pack], walks: Sequence[Walk]) -> Record:
    """Return the overview: per exchange counts and sums, then the rest to the satoshi."""
    return {
        "schema": SUMMARY_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "run": run_record(run),
        "exchanges": [
            {
                "name": pack.entity,
                "categories": list(pack.categories),
                "directory": pack.slug,
                "sums": _pack_sums(pack),
            }
            for pack in packs
        ],
        "walks": [_walk(walk, packs) for walk in walks],
    }


def manifest_record(files: Mapping[str, bytes]) -> Record:
    """Return size and SHA-256 of every file of the report, by path, but the manifest's own."""
    return {
        "schema": MANIFEST_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "files": [
            {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in sorted(files.items())
        ],
    }


def run_record(run: RunInfo) -> Record:
    """Return what a rerun needs."""
    return {
        "version": run.version,
        "network": run.network,
        "tip": {"height": run.tip.height, "hash": run.tip.hash, "time": utc(run.tip.time)},
        "store_digest": run.store_digest,
        "method": run.method,
        "limits": dict(run.limits),
        "label_sets": [{"name": s.name, "sha256": s.sha256} for s in run.label_sets],
        "subjects": list(run.subjects),
        "prepared": utc(run.prepared_at),
        "case_reference": run.case_reference,
        "note": run.note,
    }


def requested(packs: Sequence[Pack], walk: Walk) -> int:
    """Return the satoshi of a walk that the movements of these packs carry."""
    return sum(pack.sums(walk.direction).traced for pack in packs)


def _movement(run: RunInfo, movement: Movement) -> Record:
    """Return one movement with everything the page says about it."""
    basis = movement.basis
    return {
        "reference": reference(run.network, movement),
        "direction": movement.direction,
        "category": movement.category,
        **_output(movement),
        "outpoint": movement.outpoint,
        "traced": movement.traced,
        "traced_btc": btc(movement.traced),
        "hops": movement.hops,
        "path": [_output(step) for step in movement.path],
        "rule": rule_text(movement, run.method),
        "inferences": list(inferences_of(movement, run.method)),
        "alternatives": list(alternatives_of(movement)),
        "conflicts": list(movement.conflicts),
        "basis": {
            "kind": basis.kind,
            "address": basis.address,
            "label_set": basis.label_set,
            "source": basis.source,
            "confidence": basis.confidence,
            "confidence_words": basis.confidence_words,
            "cluster_size": basis.cluster_size,
        },
    }


def _output(output: Movement | Step) -> Record:
    """Return what the chain says of an output."""
    return {
        "txid": output.txid,
        "vout": output.vout,
        "address": output.address,
        "script": output.script or None,
        "time": utc(output.time),
        "value": output.value,
        "value_btc": btc(output.value),
    }


def _pack_sums(pack: Pack) -> Record:
    """Return the sums of a pack by direction."""
    return {
        "deposits": _sums(pack.sums("deposit")),
        "withdrawals": _sums(pack.sums("withdrawal")),
    }


def _sums(sums: Sums) -> Record:
    """Return counts and satoshi, and the time range."""
    return {
        "count": sums.count,
        "value": sums.value,
        "traced": sums.traced,
        "first": None if sums.first is None else utc(sums.first),
        "last": None if sums.last is None else utc(sums.last),
    }


def _walk(walk: Walk, packs: Sequence[Pack]) -> Record:
    """Return where the money of a walk ended; what these packs ask for is part of `services`."""
    asked = requested(packs, walk)
    return {
        "direction": walk.direction,
        "total": walk.total,
        **walk.parts,
        "services_requested": asked,
        "services_elsewhere": walk.services - asked,
    }
