"""What pasted text may carry that is no text: data URIs and base64 blobs. Told by form alone.

Nothing here, and nothing after it, decodes them: they are passed over, and a caller that stores
text refuses or cuts them by these places.
"""

from __future__ import annotations

import re
import string
from typing import Final, NamedTuple

import numpy as np

from clewline.intake.scan import byte_a_character, long_runs


class Refused(NamedTuple):
    """A stretch of text that is not looked into.

    Attributes
    ----------
    start, end : int
        Where it stands, as in a slice.
    why : str
        What it looks like.
    """

    start: int
    end: int
    why: str


_DATA_URI: Final = re.compile(
    r"""data:(?:[a-z]+/[\w.+-]+)?(?:;[\w.=+-]+)*+,[^\s"'<>()\\]*+""", re.IGNORECASE
)
# No address is as long without being in one case (invoices and unified addresses are).
_LONG: Final = 200
_DIGITS: Final = string.ascii_letters + string.digits
_ALPHABETS: Final = tuple(
    np.isin(np.arange(256), np.frombuffer((_DIGITS + more).encode(), np.uint8))
    for more in ("+/", "-_")
)
# Base64 as mail has it: lines of one length (RFC 2045: 76; PEM: 64) but for the last.
_LINES: Final = re.compile(r"(?:^[A-Za-z0-9+/]{60,76}\r?\n){3,}+(?:[A-Za-z0-9+/]+={0,2})?", re.M)


def _mixed(text: str) -> bool:
    """Tell whether a text has letters of both cases."""
    return text not in (text.lower(), text.upper())


def refused(text: str) -> list[Refused]:
    """Return the data URIs and base64 blobs of a text, in order and apart from each other.

    Cost: linear, some nanoseconds a character.

    Returns
    -------
    list of Refused
        Never decoded, only told by their form.

    Examples
    --------
    >>> refused("<img src='data:image/png;base64,AAAA'> and more")
    [Refused(start=10, end=36, why='data URI')]
    """
    found = [Refused(*match.span(), "data URI") for match in _DATA_URI.finditer(text)]
    data = byte_a_character(text)
    for alphabet in _ALPHABETS:
        found += [
            Refused(start, end, "base64")
            for start, end in long_runs(data, _LONG, alphabet).tolist()
            if _mixed(text[start:end])
        ]
    # Addresses may stand one a line, too; they have neither + nor /.
    found += [
        Refused(*match.span(), "base64")
        for match in _LINES.finditer(text)
        if "+" in match[0] or "/" in match[0]
    ]
    apart: list[Refused] = []
    for one in sorted(found):
        if apart and one.start < apart[-1].end:
            end = max(one.end, apart[-1].end)
            apart[-1] = apart[-1]._replace(end=end)
        else:
            apart.append(one)
    return apart


def masked(text: str, spans: list[tuple[int, int]]) -> str:
    r"""Return a text of the same length with NUL in place of some stretches of it.

    Parameters
    ----------
    text : str
        Any text.
    spans : list of tuple of int
        Start and end of each, in order of start; they may overlap.

    Examples
    --------
    >>> masked("abcdef", [(1, 3), (2, 4)])
    'a\\x00\\x00\\x00ef'
    """
    parts, at = [], 0
    for start, end in spans:
        if end > at:
            parts += [text[at : max(start, at)], "\0" * (end - max(start, at))]
            at = end
    return "".join([*parts, text[at:]])
