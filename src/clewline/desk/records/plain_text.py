"""What may be stored as text. Media in any spelling is told by its form, refused, and not decoded.

The paste of a whole page is read by `clewline.intake.read_page`, which cuts such things out; here
are the texts that would be stored, and these are stricter: nothing is cut, all of it is refused.
"""

from __future__ import annotations

import re
from typing import Final

from clewline.errors import DataError
from clewline.intake import read_address
from clewline.intake.refused import refused

# The beginnings of PNG, JPEG, GIF, WebP/AVI/WAVE, PDF, ZIP, MP4 and Matroska, as base64 and as hex.
_MEDIA: Final = re.compile(
    r"iVBORw0KGgo|/9j/[24][A-Za-z0-9+/]{8}|R0lGOD[dl]h|UklGR[A-Za-z0-9+/]{10}|JVBERi0"
    r"|UEsDB[A-Za-z0-9+/]{8}|AAAA[A-Za-z0-9+/]{2}Z0eX|GkXfo[A-Za-z0-9+/]{8}"
    r"|(?i:89504e470d0a1a0a|ffd8ff(?:db|e[0-9a-f])00|47494638[37]|0000[0-9a-f]{4}66747970)"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_RUN: Final = re.compile(r"[A-Za-z0-9+/_=-]{64,}")
_WORDS: Final = re.compile(r"[-_=/]")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{130,}")


def require_text(text: str, where: str) -> None:
    """Refuse a text that holds media, binary, or what looks like either.

    Parameters
    ----------
    text : str
        What would be stored.
    where : str
        Name of its field, for the message.

    Raises
    ------
    DataError
        Says what it looks like and how long it is; no part of it is in the message.

    Examples
    --------
    >>> require_text("20 EUR a month", "summary")
    >>> require_text("see data:image/png;base64,AAAA", "summary")
    Traceback (most recent call last):
    clewline.errors.DataError: summary: this holds a data URI (26 characters); text alone is taken
    """
    found = _media_in(text) if text else None
    if found is not None:
        what, characters = found
        raise DataError(
            f"this holds {what} ({characters:,} characters); text alone is taken", where=where
        )


def _media_in(text: str) -> tuple[str, int] | None:
    """Return what is no text, and how long it is."""
    control = len(_CONTROL.findall(text))
    if control:
        return "binary or control characters", control
    for one in refused(text):
        return f"a {one.why}" if one.why == "data URI" else "base64", one.end - one.start
    media = _MEDIA.search(text)
    if media is not None:
        return "the beginning of a media file, encoded", len(media[0])
    for run in _RUN.finditer(text):
        if _looks_encoded(run[0]):
            return "what looks like encoded bytes", len(run[0])
    return None


def _looks_encoded(run: str) -> bool:
    """Tell whether a long run of letters and digits is no address and no name with dashes."""
    if _HEX.fullmatch(run):
        return True
    pieces = [piece for piece in _WORDS.split(run) if len(piece) >= 48]
    mixed = [p for p in pieces if p not in (p.lower(), p.upper()) and any(map(str.isdigit, p))]
    return any(not read_address(piece) for piece in mixed)
