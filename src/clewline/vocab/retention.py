"""How long records are kept, and why one may be erased before: ``retention.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from clewline.errors import DataError

_FILE: Final = "vocab/retention.yaml"
_MOST_MONTHS: Final = 1200


@dataclass(frozen=True)
class RetentionClass:
    """What a record is kept for.

    Attributes
    ----------
    id, title : str
        Name that is stored, and words that people read.
    purpose, basis, end : str
        What for, on which basis, and what happens when the time is over.
    months : int
        How long, where an organisation says nothing else.
    counts_from : str
        ``recorded`` or ``closed``.
    """

    id: str
    title: str
    purpose: str
    months: int
    counts_from: str
    basis: str
    end: str


def read_retention(
    text: str, where: str = _FILE
) -> tuple[Mapping[str, RetentionClass], Mapping[str, str]]:
    """Read and check a table of retention classes.

    Returns
    -------
    tuple of mapping and mapping
        Classes by id; reasons for erasing by id.

    Raises
    ------
    DataError
        If a row is not as it must be; names it.
    """
    table: Any = yaml.safe_load(text)
    if not isinstance(table, dict) or table.get("version") != 1:
        raise DataError("must be a table with version: 1", where=where)
    classes = {}
    for row in table["classes"]:
        made = RetentionClass(**{"counts_from" if k == "from" else k: v for k, v in row.items()})
        if made.counts_from not in ("recorded", "closed"):
            raise DataError(f"{made.id}: counts from recorded or closed", where=where)
        if type(made.months) is not int or not 1 <= made.months <= _MOST_MONTHS:
            raise DataError(f"{made.id}: 1 to {_MOST_MONTHS} months", where=where)
        classes[made.id] = made
    reasons = {row["id"]: row["title"] for row in table["reasons"]}
    return MappingProxyType(classes), MappingProxyType(reasons)


@cache
def _table() -> tuple[Mapping[str, RetentionClass], Mapping[str, str]]:
    """Read the table once."""
    text = resources.files(__package__).joinpath("retention.yaml").read_text(encoding="utf-8")
    return read_retention(text)


def retention_classes() -> Mapping[str, RetentionClass]:
    """Return the classes by id.

    Examples
    --------
    >>> retention_classes()["report"].months
    24
    """
    return _table()[0]


def erasure_reasons() -> Mapping[str, str]:
    """Return why a record may be erased: id → title.

    Examples
    --------
    >>> erasure_reasons()["court"]
    'Order of a court'
    """
    return _table()[1]
