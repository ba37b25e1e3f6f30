"""What pasted text may carry that is no text: data URIs, base64, media in hex. By form alone.

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


# Base64 and hex may go on over spaces and line ends; words are not as long.
_MORE: Final = r"(?:\s{1,4}[A-Za-z0-9+/]{40,}+={0,2})*+(?:\s{1,4}[A-Za-z0-9+/]{4,}+={1,2})?"
_DATA_URI: Final = re.compile(
    r"data(?::|%3a)(?:[a-z]+(?:/|%2f)[\w.+-]+)?(?:(?:;|%3b)[\w.=+-]+)*+(?:,|%2c)"
    rf"""[^\s"'<>()\\]*+{_MORE}""",
    re.IGNORECASE,
)
# How files of pictures, film, sound and archives begin, in base64 and in hex.
_MEDIA: Final = re.compile(
    r"(?<![A-Za-z0-9+/])(?:iVBORw0KGg|/9j/[24]|R0lGOD[dl]h|UklGR[a-zA-Z0-9+/]|JVBERi0|UEsDB|SUkqA"
    r"|TU0AK|AAAA[A-Za-z0-9+/]{2}Z0eX|GkXfo|T2dnU|SUQz[AB])[A-Za-z0-9+/]{16,}+={0,2}"
    rf"{_MORE}"
    r"|(?<![0-9A-Fa-f])(?i:89504e470d0a1a0a|ffd8ff[de]|47494638[37]961|52494646[0-9a-f]{8}5745"
    r"|255044462d|504b0304|1a45dfa3|000000[0-9a-f]{2}66747970)[0-9A-Fa-f]{24,}+"
    r"(?:\s{1,4}[0-9A-Fa-f]{16,}+)*+"
    r"|(?<![0-9A-Fa-f])(?i:89 50 4e 47|ff d8 ff|47 49 46 38|52 49 46 46|25 50 44 46|1a 45 df a3)"
    r"(?:\s{1,4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])){8,}+"
)
# In small letters, one of them is in whatever the expression finds.
_MEDIA_MARKS: Final = (
    *("ivborw0kgg", "/9j/", "r0lgod", "uklgr", "jvberi0", "uesdb", "sukqa", "tu0ak", "z0ex"),
    *("gkxfo", "t2dnu", "suqz", "89504e47", "ffd8ff", "47494638", "52494646", "25504446"),
    *("504b0304", "1a45dfa3", "66747970", "89 50 4e 47", "ff d8 ff", "47 49 46 38"),
    *("52 49 46 46", "25 50 44 46", "1a 45 df a3"),
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
    """Return the data URIs and blobs of base64 or hex of a text, in order, apart from each other.

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
    low, found = text.lower(), list[Refused]()
    if "data:" in low or "data%3a" in low:
        found += [Refused(*match.span(), "data URI") for match in _DATA_URI.finditer(text)]
    if any(one in low for one in _MEDIA_MARKS):
        found += [Refused(*match.span(), "media as text") for match in _MEDIA.finditer(text)]
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
    'a\x00\x00\x00ef'
    """
    parts, at = [], 0
    for start, end in spans:
        if end > at:
            parts += [text[at : max(start, at)], "\0" * (end - max(start, at))]
            at = end
    return "".join([*parts, text[at:]])
