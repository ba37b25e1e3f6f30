"""What stands in a bulk export: columns of sightings and options, none of them sealed.

Each copy calls a row by a reference of its own, an HMAC under the copy's key, and has the rows in
the order of these references. So a piece of a copy tells which copy it is of, and two recipients
cannot lay theirs side by side by name.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from typing import Any, Final

from django.db.models import Q

from clewline.desk.exports.models import SIGHTINGS, BulkExport
from clewline.desk.ledger import index_of
from clewline.desk.records.models import PaymentOption, Sighting
from clewline.reports.sheet import harmless, visible

REFERENCE: Final = re.compile(r"R-[A-Z2-7]{16}")
"""How a copy calls a row."""
_REFERENCE_BYTES: Final = 10

# Column → where it is found from a sighting.
_SIGHTING: Final = {
    "observed_at": "observed_at",
    "observed_precision": "observed_precision",
    "brand": "brand__codename",
    "location_kind": "location_kind",
    "hosting_country": "hosting_country",
    "access_path": "access_path",
    "commercial": "commercial",
    "payment_visibility": "payment_visibility",
    "report_origin": "report_origin",
    "obtained": "obtained",
    "source_grade": "source_grade",
    "info_grade": "info_grade",
    "handling": "handling",
    "tlp": "tlp",
    "pap": "pap",
}
# Column → where it is found from an option.
_OPTION: Final = {
    "observed_at": "sighting__observed_at",
    "observed_precision": "sighting__observed_precision",
    "brand": "sighting__brand__codename",
    "rail": "rail",
    "processor": "processor",
    "asset": "asset",
    "network": "network",
    "chain": "address__chain",
    "address": "address__canonical",
    "memo": "memo",
    "amount_min": "amount_min",
    "amount_max": "amount_max",
    "price_currency": "price_currency",
    "payment_currency": "payment_currency",
    "period": "period",
    "form": "form",
    "obtained": "obtained",
    "source_grade": "sighting__source_grade",
    "info_grade": "sighting__info_grade",
    "handling": "sighting__handling",
    "tlp": "sighting__tlp",
    "pap": "sighting__pap",
}


def copy_key(export: BulkExport) -> bytes:
    """Return the key from which the references of a copy are made; it is kept nowhere."""
    return index_of("export copy", export.ref)


def copy_mark(export: BulkExport) -> str:
    """Return the mark in the manifest and name of a copy."""
    return base64.b32encode(index_of("export mark", export.ref)).decode()[:12]


def reference(key: bytes, record: str) -> str:
    """Return how a copy calls a record.

    Examples
    --------
    >>> reference(bytes(16), "S-7K3M2-92QDX")
    'R-4UAN4LHHE26CRPCO'
    """
    digest = hmac.digest(key, record.encode(), hashlib.sha256)[:_REFERENCE_BYTES]
    return f"R-{base64.b32encode(digest).decode()}"


def sightings(export: BulkExport) -> Any:
    """Return the sightings that an export is of: its team's, those that stand, none of TLP red."""
    found = Sighting.objects.filter(team=export.team).standing().exclude(tlp="red")
    asked = Q()
    if (decision := getattr(export, "decision", None)) is not None:
        # What was released, and was looked through for it: nothing that came later.
        asked &= Q(recorded_at__lte=decision.at)
    if export.brand_id:
        asked &= Q(brand=export.brand_id)
    if export.since:
        asked &= Q(observed_at__gte=datetime.combine(export.since, time.min, UTC))
    if export.until:
        asked &= Q(observed_at__lte=datetime.combine(export.until, time.max, UTC))
    if export.rail:
        asked &= Q(pk__in=PaymentOption.objects.filter(rail=export.rail).values("sighting"))
    return found.filter(asked)


def options(export: BulkExport) -> Any:
    """Return the payment options that an export is of."""
    found = PaymentOption.objects.filter(sighting__in=sightings(export).values("pk"))
    return found.filter(rail=export.rail) if export.rail else found


def names_in(export: BulkExport) -> set[str]:
    """Return the addresses that a copy names, and what stands in its memos."""
    if export.what == SIGHTINGS:
        return set()
    found = options(export).values_list("address__canonical", "memo").distinct()
    return {text for row in found.iterator(chunk_size=5_000) for text in row if text}


def rows(export: BulkExport) -> list[dict[str, str]]:
    """Return the rows of a copy as column → text, in the copy's own order."""
    key = copy_key(export)
    if export.what == SIGHTINGS:
        names, found = _SIGHTING, sightings(export).values_list("ref", *_SIGHTING.values())
        made = [{"row": reference(key, ref), **_cells(names, values)} for ref, *values in found]
    else:
        names = _OPTION
        found = options(export).values_list("sighting__ref", "position", *_OPTION.values())
        made = [
            {
                "row": reference(key, f"{ref}/{position}"),
                "page": reference(key, ref),
                **_cells(names, values),
            }
            for ref, position, *values in found
        ]
    return sorted(made, key=lambda row: row["row"])


def _cells(names: Iterable[str], values: Iterable[Any]) -> dict[str, str]:
    """Return the values of a row as text."""
    return {
        name: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, datetime)
        else str(value or "")
        for name, value in zip(names, values, strict=True)
    }


def names_of(export: BulkExport, until: datetime) -> Iterator[str]:
    """Yield what may stand behind a row of a copy: all records that the team had by then."""
    found = Sighting.objects.filter(team=export.team, recorded_at__lte=until)
    yield from found.values_list("ref", flat=True).iterator(chunk_size=5_000)
    positions = PaymentOption.objects.filter(sighting__in=found.values("pk"))
    for ref, position in positions.values_list("sighting__ref", "position").iterator(
        chunk_size=5_000
    ):
        yield f"{ref}/{position}"


def as_csv(found: list[dict[str, str]]) -> bytes:
    """Write rows as CSV (RFC 4180) in which no cell is taken for a formula."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(found[0]) if found else ["row"])
    writer.writeheader()
    writer.writerows({name: harmless(visible(cell)) for name, cell in row.items()} for row in found)
    return out.getvalue().encode()


def as_lines(found: list[dict[str, str]]) -> bytes:
    """Write rows as lines of JSON."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found).encode()
