"""Key terms that authorities search reports by: exact strings, and a check of their spelling."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Term:
    """A key term of FinCEN.

    Attributes
    ----------
    name : str
        What the command calls it.
    help : str
        When it is used.
    key : str
        The exact string for SAR field 2 (filing institution note) and the narrative.
    other : str
        The exact string for field 38(z) (other suspicious activity).
    source : str
        The notice that asks for it.
    """

    name: str
    help: str
    key: str
    other: str
    source: str


TERMS: Final = {
    one.name: one
    for one in (
        Term(
            "ocse",
            "Online child sexual exploitation: payment for material or access to it.",
            "OCSE-FIN-2021-NTC3",
            "OCSE",
            "FinCEN notice FIN-2021-NTC3, 16 September 2021",
        ),
        Term(
            "sextortion",
            "Extortion with intimate material.",
            "FIN-2025-SEXTORTION",
            "SEXTORTION",
            "FinCEN notice FIN-2025-NTC2",
        ),
    )
}
"""Every key term by name. Before filing, look whether the authority has a newer notice."""

_LOOKS_LIKE: Final = re.compile(r"(?i)\b(?:OCSE\W{0,3})?FIN\W{0,3}20\d\d\W{0,3}\w+")
_NEAR: Final = 0.6


def misspelt(text: str) -> Iterator[tuple[str, str]]:
    """Yield what looks like a key term and is none, with the term that may be meant.

    Parameters
    ----------
    text : str
        A narrative.

    Examples
    --------
    >>> list(misspelt("see OCSE FIN-2021-NTC3 and OCSE-FIN-2021-NTC3"))
    [('OCSE FIN-2021-NTC3', 'OCSE-FIN-2021-NTC3')]
    """
    keys = [term.key for term in TERMS.values()]
    sources = [term.source.split()[2].rstrip(",") for term in TERMS.values()]
    for found in _LOOKS_LIKE.finditer(text):
        word = found.group()
        if word in keys or word in sources:
            continue
        near = difflib.get_close_matches(word.upper(), keys, 1, _NEAR)
        yield word, near[0] if near else ", ".join(keys)
