"""Text as a reader sees it: entities, percent-encoding and escapes read, invisible characters gone.

What is read stays tied to its place in the original text.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

_ROUNDS: Final = 3  # an encoding of an encoding of an encoding
INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
"""Zero-width and formatting characters, soft hyphen, variation selectors, byte order mark; as in a
class of a regular expression."""

_MARKS: Final = "&%\\="  # every encoding in ASCII has one of them
_FOLDED: Final = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});"
    # Printable ASCII alone: "50%1Bv…" is no escape.
    r"|%(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])"
    r"|\\(?:u00[2-7][0-9A-Fa-f]|x[2-7][0-9A-Fa-f]|[nrt])"
    r"|=\r?\n"  # soft line break of quoted-printable
    r"|[\uff01-\uff5e]"  # full-width forms
    f"|[{INVISIBLE}]+"
)


def _read(token: str) -> str:
    """Return what an encoded character stands for; itself where it stands for nothing plain."""
    first = token[0]
    if first == "&":
        plain = html.unescape(token)
        return "" if _FOLDED.fullmatch(plain) and not plain.startswith("&") else plain
    if first == "%":
        return chr(int(token[1:], 16))
    if first == "\\":
        return " " if token[1] in "nrt" else chr(int(token[2:], 16))
    if "\uff01" <= first <= "\uff5e":
        return chr(ord(first) - 0xFEE0)
    return ""


@dataclass(frozen=True)
class View:
    """A text and where each part of it stands in the original.

    Attributes
    ----------
    text : str
        As it reads.
    starts, sources : list of int
        Places in `text` and in the text that it was read from, which mean the same: after each of
        them both run in step, up to the next. Ascending; a place of `text` may stand twice, before
        and after something that was left out.
    origin : View or None
        What the text was read from, where that is a reading, too.
    """

    text: str
    starts: list[int]
    sources: list[int]
    origin: View | None = None

    @property
    def text_differs(self) -> bool:
        """Tell whether anything was read or left out."""
        return self.origin is not None or len(self.starts) > 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a stretch of `text` stands in the original, without what surrounds it.

        Examples
        --------
        >>> unfold("a&amp;&#x200b;b").span(1, 2)
        (1, 6)
        """
        part = bisect_right(self.starts, start) - 1
        first = self.sources[part] + start - self.starts[part]
        part = bisect_left(self.starts, end)
        if part == len(self.starts) or self.starts[part] != end:
            part -= 1
        last = self.sources[part] + end - self.starts[part]
        return self.origin.span(first, last) if self.origin is not None else (first, last)


def _once(text: str, origin: View | None) -> View:
    """Read one layer of encoding."""
    if text.isascii() and not any(mark in text for mark in _MARKS):
        return View(text, [0], [0], origin)
    pieces: list[str] = []
    starts, sources = [0], [0]
    at = length = 0
    for match in _FOLDED.finditer(text):
        start, end = match.span()
        plain = _read(match[0])
        pieces += [text[at:start], plain]
        length += start - at
        starts += [length, length + len(plain)]
        sources += [start, end]
        length += len(plain)
        at = end
    return View("".join([*pieces, text[at:]]) if at else text, starts, sources, origin)


def unfold(text: str) -> View:
    r"""Read encodings of characters, one inside another up to three deep.

    HTML entities, percent-encoding and JavaScript escapes of printable ASCII, full-width forms;
    invisible characters and soft line breaks are left out. Tags stay.

    Parameters
    ----------
    text : str
        Any text, lone surrogates included.

    Returns
    -------
    View
        What it reads, and where that stands. Linear in time.

    Examples
    --------
    >>> unfold("bit\u200bcoin%3A&#49;B&amp;#65;").text
    'bitcoin:1BA'
    """
    view = _once(text, None)
    for _ in range(_ROUNDS - 1):
        if len(view.starts) == 1:
            break
        view = _once(view.text, view)
    return view
