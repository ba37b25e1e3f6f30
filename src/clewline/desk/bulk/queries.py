"""How far an import is, and what came of its rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q

from clewline.desk.bulk import reading
from clewline.desk.bulk.models import Import, Piece, Row
from clewline.errors import ClewlineError

MOST_SHOWN: Final = 100
_FIRST: Final = 5
_IN_THE_CLEAR: Final = ("observed_at", "brand", "report_ref", "hosting_country", "commercial")
_OF_OPTION: Final = ("rail", "asset", "amount_min", "price_currency", "address")


@dataclass(frozen=True)
class Progress:
    """How far an import is.

    Attributes
    ----------
    state : str
        empty, check, ready, recording, done, undoing or undone: what can be done next.
    states : dict of str to int
        State of a row → how many.
    """

    state: str
    rows: int
    checked: int
    states: dict[str, int]


def progress(job: Import) -> Progress:
    """Return how far an import is."""
    pieces = Piece.objects.filter(job=job).aggregate(
        all=Count("pk"),
        checked=Count("pk", filter=Q(checked=True)),
        recorded=Count("pk", filter=Q(recorded=True)),
    )
    counted = Row.objects.filter(job=job).values_list("state").annotate(n=Count("pk"))
    states = dict(counted.order_by("state"))
    if job.undone_reason:
        state = "undoing" if states.get("recorded") else "undone"
    elif not job.rows:
        state = "empty"
    elif pieces["checked"] < pieces["all"]:
        state = "check"
    elif not job.recording:
        state = "ready"
    else:
        state = "recording" if pieces["recorded"] < pieces["all"] else "done"
    return Progress(state, job.rows, sum(states.values()), states)


def problems(job: Import, after: int = 0, most: int = MOST_SHOWN) -> list[Row]:
    """Return the wrong rows of an import behind a row, in order."""
    found = Row.objects.filter(job=job, state="wrong", number__gt=after)
    return list(found.order_by("number")[:most])


def first_rows(job: Import) -> list[dict[str, Any]]:
    """Return what the first rows will be, as they are read: nothing that is sealed."""
    piece = Piece.objects.filter(job=job, text_sealed__isnull=False).order_by("number").first()
    if piece is None:
        return []
    found: list[dict[str, Any]] = []
    for number, (_, text, refused) in enumerate(json.loads(piece.unseal("text")), piece.first):
        if refused or len(found) == _FIRST:
            continue
        try:
            values = reading.values_of(job.form, text, job.columns, job.parted_by)
            if job.form == reading.CSV:
                values = {job.mapping.get(name, ""): one for name, one in values.items()}
            draft = reading.draft_from(values, job.constants)
        except ClewlineError:
            continue
        options = [{name: getattr(one, name) for name in _OF_OPTION} for one in draft.options]
        row = {name: getattr(draft, name) for name in _IN_THE_CLEAR}
        sealed = [name for name in ("url", "wording", "protected_source") if getattr(draft, name)]
        found.append({**row, "number": number, "options": options, "sealed": sealed})
    return found
