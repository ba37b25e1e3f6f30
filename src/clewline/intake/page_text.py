"""What a page shows to a person, and what stands in it besides: attributes, scripts, comments.

Text only. Data URIs and base64 are cut out and named, binary is refused whole; no byte of either
is in what comes out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from clewline.errors import DataError
from clewline.intake.markup import Piece, is_html, pieces
from clewline.intake.refused import masked, refused

LARGEST: Final = 5_000_000
"""Characters; a longer source is refused."""

_BEGINNINGS: Final = (
    *("\x89PNG", "\ufffdPNG", "GIF87a", "GIF89a", "%PDF-", "PK\x03\x04", "Rar!", "7z\xbc\xaf"),
    *("\xff\xd8\xff", "\ufffd\ufffd\ufffd", "OggS", "ID3", "fLaC", "MThd", "\x1a\x45\xdf\xa3"),
)
_INNER: Final = re.compile(r"RIFF.{4}(?:WEBP|AVI |WAVE)|.{4}ftyp[a-zA-Z0-9]{3}", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")
_WINDOW: Final = 256
_MOST_CONTROL: Final = 8  # of a window


class Refusal(NamedTuple):
    """Something that is not text and was cut out.

    Attributes
    ----------
    place : str
        Where it stood, as in `clewline.intake.Proposal`.
    why : str
        What it looks like.
    characters : int
        How long it was.
    """

    place: str
    why: str
    characters: int


class Part(NamedTuple):
    """A text of a page that it does not show.

    Attributes
    ----------
    place : str
        Where it stands: ``attribute value of <input>``, ``script``, ``comment``, ``hidden``.
    near : int
        How much of the visible text stands before it.
    start, end : int
        Where it stands in `PageText.beside`.
    """

    place: str
    near: int
    start: int
    end: int


@dataclass(frozen=True)
class PageText:
    """A page taken apart.

    Attributes
    ----------
    text : str
        What a person reads: a line a block, a tab between cells of a table.
    title : str or None
        Of the page, where it has one.
    is_html : bool
        Whether tags were read as such.
    refused : tuple of Refusal
        What was cut out.
    beside : str
        Everything else, part by part with NUL between them, and NUL for what is refused.
    parts : tuple of Part
        What stands where in `beside`, in order.
    heads : tuple of int
        Starts of the lines of `text` that are headings or heads of table rows, ascending.
    """

    text: str
    title: str | None
    is_html: bool
    refused: tuple[Refusal, ...]
    beside: str
    parts: tuple[Part, ...]
    heads: tuple[int, ...]

    def part_of(self, start: int) -> Part:
        """Return the part in which a place of `beside` lies."""
        return self.parts[bisect_right(self.parts, start, key=lambda part: part.start) - 1]


def _refuse_binary(source: str) -> None:
    """Raise where a source is no text."""
    if source.startswith(_BEGINNINGS) or _INNER.match(source):
        raise DataError(
            "this is a media file or an archive, no text; Clewline reads text alone",
            where="page, offset 0",
        )
    if "\0" in source:
        raise DataError(
            "a text holds no NUL character; this is binary, or text read in a wrong encoding",
            where=f"page, offset {source.index(chr(0))}",
            hint="save the page as text in UTF-8",
        )
    places = np.array([match.start() for match in _CONTROL.finditer(source)], np.int64)
    counts = np.bincount(places // _WINDOW) if places.size else places
    if counts.size and counts.max() > _MOST_CONTROL:
        raise DataError(
            f"{counts.max()} of {_WINDOW} characters are controls or stand for bytes that could "
            f"not be read; text has at most {_MOST_CONTROL}",
            where=f"page, offset {int(counts.argmax()) * _WINDOW}",
            hint="save the page as text in UTF-8",
        )


def _mark(why: str, characters: int) -> str:
    """Return what stands where something was cut out."""
    return f"[removed: {why}, {characters:,} characters]"


class _Writer:
    """Visible text as it grows, and what stands beside it."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.length = 0
        self.gap = ""
        self.at_start = True
        self.heads: list[int] = []
        self.beside: list[tuple[str, int, str]] = []
        self.cut: list[Refusal] = []

    def _put(self, text: str) -> None:
        self.out.append(text)
        self.length += len(text)

    def line(self) -> None:
        """Begin another line."""
        if not self.at_start:
            self._put("\n")
        self.at_start, self.gap = True, ""

    def cell(self) -> None:
        """Begin another cell of a table's row."""
        self.gap = "" if self.at_start else "\t"

    def head(self) -> None:
        """Say that what is written next is a heading."""
        self.heads.append(self.length)

    def write(self, text: str) -> None:
        """Write running text; white space counts once."""
        words = text.split()
        if not words:
            self.gap = self.gap or (" " if text and not self.at_start else "")
            return
        if not self.at_start:
            self._put(self.gap or (" " if text[0].isspace() else ""))
        self._put(" ".join(words))
        self.at_start, self.gap = False, " " if text[-1].isspace() else ""

    def aside(self, place: str, text: str) -> None:
        """Keep a text that is not shown."""
        if text and not text.isspace():
            self.beside.append((place, self.length, text))


_HEADS: Final = frozenset(
    {"h1", "h2", "h3", "h4", "h5", "h6", "th", "dt", "legend", "caption", "summary"}
)
_LINES: Final = {
    *("address", "article", "aside", "blockquote", "body", "br", "button", "center", "dd"),
    *("details", "dialog", "div", "dl", "fieldset", "figcaption", "figure", "footer", "form"),
    *("header", "hr", "html", "li", "main", "nav", "ol", "option", "p", "pre", "section"),
    *("select", "table", "tbody", "tfoot", "thead", "tr", "ul"),
}
_BLOCKS: Final = frozenset(_LINES | _HEADS - {"th"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_REOPEN: Final = frozenset({"p", "li", "td", "th", "tr", "dt", "dd", "option"})
_UNSEEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?:opacity|font-size)\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)


def _is_hidden(piece: Piece) -> bool:
    """Tell whether an element says itself that it is not shown."""
    named = dict(piece.attributes)
    if piece.name == "template" or "hidden" in named:
        return True
    return "style" in named and _UNSEEN.search(named["style"]) is not None


class _Hidden:
    """Which element that is not shown is open, and how deep inside it the reader is."""

    def __init__(self) -> None:
        self.name, self.depth = "", 0

    def see(self, piece: Piece) -> bool:
        """Take a tag in; return whether what follows is hidden."""
        if not self.depth:
            if piece.kind == "open" and piece.name not in _VOID and _is_hidden(piece):
                self.name, self.depth = piece.name, 1
        elif piece.name == self.name:
            again = piece.kind == "open" and not (self.depth == 1 and self.name in _REOPEN)
            self.depth += 1 if again else -1
        return self.depth > 0


def _read_tag(writer: _Writer, piece: Piece, *, hidden: bool) -> None:
    """Take in a tag: where lines break, and what its attributes say."""
    if piece.name in _BLOCKS and not hidden:
        writer.line()
    elif piece.name in {"td", "th"} and not hidden:
        writer.cell()
    if piece.kind != "open":
        return
    if piece.name in _HEADS and not hidden:
        writer.head()
    unseen = hidden or ("type", "hidden") in piece.attributes
    for name, value in piece.attributes:
        place = f"attribute {name} of <{piece.name}>"
        if value.lstrip()[:5].lower() == "data:":
            writer.cut.append(Refusal(place, "data URI", len(value)))
        else:
            writer.aside(f"hidden, {place}" if unseen else place, value)


def _read_html(source: str, writer: _Writer) -> str | None:
    """Take in a page; return its title."""
    title = None
    hidden = _Hidden()
    for piece in pieces(source):
        if piece.kind in {"open", "close"}:
            unseen = hidden.see(piece)
            _read_tag(writer, piece, hidden=unseen)
        elif piece.kind == "comment":
            writer.aside("comment", piece.text)
        elif piece.name == "title" and title is None:
            title = " ".join(piece.text.split())
            writer.aside("title", title)
        elif piece.name in {"script", "style"}:
            writer.aside(piece.name, piece.text)
        elif hidden.depth or piece.name not in {"", "textarea"}:
            writer.aside("hidden", piece.text)
        else:
            writer.write(piece.text)
    return title


def _cut(text: str) -> tuple[str, list[tuple[int, int]], list[Refusal]]:
    """Cut out what is not text; return also where the text got longer or shorter, and by what."""
    spans = refused(text)
    out, at, shifts, grown = [], 0, [], 0
    for start, end, why in spans:
        mark = _mark(why, end - start)
        out += [text[at:start], mark]
        at = end
        grown += len(mark) - (end - start)
        shifts.append((end, grown))
    found = [Refusal("text", why, end - start) for start, end, why in spans]
    return "".join([*out, text[at:]]), shifts, found


def without_refused(text: str) -> str:
    """Return a text with a mark in place of what is no text.

    Examples
    --------
    >>> without_refused("a data:x/y,abc b")
    'a [removed: data URI, 12 characters] b'
    """
    return _cut(text)[0]


def _moved(place: int, shifts: Sequence[tuple[int, int]]) -> int:
    """Return where a place of a text is after `_cut`."""
    done = bisect_right(shifts, place, key=lambda shift: shift[0])
    return place + (shifts[done - 1][1] if done else 0)


def page_text(source: str) -> PageText:
    r"""Take a page apart into what it shows and what stands beside that.

    Elements that say themselves that they are hidden (attribute, inline style, ``template``) are
    beside; what a style sheet hides is not known and is taken for shown.

    Cost: linear; some megabytes a second.

    Parameters
    ----------
    source : str
        Text or HTML as it was pasted or saved.

    Returns
    -------
    PageText
        Nothing that is refused is in it.

    Raises
    ------
    DataError
        Where the source is longer than `LARGEST`, or is no text: begins as a media file does, or
        holds NUL or many other controls. No part of it is in the error.

    Examples
    --------
    >>> page = page_text("<title>Made up</title><p>Gold <b>20 EUR</b><p alt='x'>data:a/b,xyz<p>!")
    >>> page.text
    'Gold 20 EUR\n[removed: data URI, 12 characters]\n!'
    >>> page.title, page.refused
    ('Made up', (Refusal(place='text', why='data URI', characters=12),))
    """
    if len(source) > LARGEST:
        raise DataError(
            f"{len(source):,} characters; a page may have {LARGEST:,}",
            where="page",
            hint="paste the part that speaks of payment",
        )
    _refuse_binary(source)
    writer, tagged, title = _Writer(), is_html(source), None
    if tagged:
        title = _read_html(source, writer)
    else:
        for line in source.splitlines():
            writer.line()
            writer.write(line)
    if writer.out and writer.out[-1] == "\n":
        writer.out.pop()
    text, shifts, found = _cut("".join(writer.out))
    parts, start = [], 0
    for place, near, beside in writer.beside:
        end = start + len(beside)
        parts.append(Part(place, _moved(near, shifts), start, end))
        start = end + 1
    beside = "\0".join(one[2] for one in writer.beside)
    page = PageText(
        *(text, title and without_refused(title), tagged, (), beside, tuple(parts)),
        tuple(_moved(head, shifts) for head in writer.heads),
    )
    spans = refused(beside)
    found += writer.cut
    found += [Refusal(page.part_of(one.start).place, one.why, one.end - one.start) for one in spans]
    return PageText(
        *(text, page.title, tagged, tuple(found)),
        masked(beside, [one[:2] for one in spans]),
        *(page.parts, page.heads),
    )
