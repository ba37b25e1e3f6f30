"""What may be asked: whole identifiers, a few at a time; never a beginning, pattern or name."""

from __future__ import annotations

import re
from typing import Final

from clewline.desk.search.reading import Question, clean, read
from clewline.errors import UsageError

MOST: Final = 20
"""Identifiers of one look-up."""
KINDS: Final = ("address", "transaction", "site", "contact")
"""Kinds of search/reading.py that are exact."""
_WHOLE_INDEX: Final = 16
_PATTERN: Final = re.compile(r"[*%\[\]{}|\\^$]|\.\.\.|…")


def read_identifiers(text: str) -> list[Question]:
    """Read identifiers, one a line.

    Raises
    ------
    UsageError
        If a line is none, or there are too many; names the line and not what stands in it. It says
        the same whatever the desk knows, because nothing is looked up.

    Examples
    --------
    >>> [one.kind for one in read_identifiers("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")]
    ['address']
    """
    lines = [line for line in map(clean, text.splitlines()) if line]
    if not 1 <= len(lines) <= MOST:
        raise UsageError(f"1 to {MOST} identifiers, one a line", where="identifiers")
    return [_read(line, number) for number, line in enumerate(lines, 1)]


def _read(line: str, number: int) -> Question:
    """Read one identifier."""
    found = read(line, whole=True)
    exact = found.kind in KINDS and not (
        found.kind == "site" and any(len(index) != _WHOLE_INDEX for index in found.site)
    )
    if not exact or (_PATTERN.search(line) and found.kind != "site") or "*" in line:
        raise UsageError(
            "ask us differently: this is no exact identifier",
            where=f"line {number}",
            hint="a whole address, transaction id, address of a page, or contact",
        )
    return found
