"""Where in a page's source each thing stands: text, attributes, comments, scripts, styles."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from clewline.intake.markup import is_html, pieces


class Segment(NamedTuple):
    """A stretch of a source that is not plain text.

    Attributes
    ----------
    start, end : int
        As in a slice; of an attribute its value, without quotes.
    what : str
        ``attribute``, ``comment``, ``script`` or ``style``.
    tag, name : str
        Of an attribute, in lower case; the number of the tag is `element`.
    element : int
        Index into `Places.tags` of an attribute's tag; -1 for anything else.
    """

    start: int
    end: int
    what: str
    tag: str = ""
    name: str = ""
    element: int = -1

    @property
    def place(self) -> str:
        """Say where it is, for people.

        Examples
        --------
        >>> Segment(9, 12, "attribute", "a", "href").place
        'attribute href of <a>'
        """
        return f"attribute {self.name} of <{self.tag}>" if self.what == "attribute" else self.what


class Tag(NamedTuple):
    """A start tag, or an end tag, whose name begins with a slash; its attributes are segments."""

    start: int
    end: int
    name: str


class Places(NamedTuple):
    """The tags of a source, and its stretches that are not plain text, in order and apart."""

    tags: list[Tag]
    segments: list[Segment]

    def at(self, place: int) -> Segment | None:
        """Return the stretch that holds a place of the source; None in plain text.

        Examples
        --------
        >>> read_places("<p id=x>y").at(6).place
        'attribute id of <p>'
        """
        last = bisect_right(self.segments, place, key=lambda one: one.start) - 1
        if last < 0 or place >= self.segments[last].end:
            return None
        return self.segments[last]

    def attributes(self) -> list[tuple[Tag, dict[str, Segment]]]:
        """Return each tag with its attributes by name; of two with one name the first counts.

        Examples
        --------
        >>> [(tag.name, sorted(found)) for tag, found in read_places("<a id=1 b></a>").attributes()]
        [('a', ['b', 'id']), ('/a', [])]
        """
        found: list[dict[str, Segment]] = [{} for _ in self.tags]
        for one in self.segments:
            if one.what == "attribute":
                found[one.element].setdefault(one.name, one)
        return list(zip(self.tags, found, strict=True))


def read_places(source: str) -> Places:
    """Return where tags, attributes, comments, scripts and styles of a source stand.

    Parameters
    ----------
    source : str
        HTML as it was saved, or plain text, which is text as a whole.

    Returns
    -------
    Places
        Linear in time, whatever is nested or left open; what is left open ends with the source.

    Examples
    --------
    >>> page = "<!-- a --><script src=/x.js>1<2</script>"
    >>> [(one.place, page[one.start:one.end]) for one in read_places(page).segments]
    [('comment', ' a '), ('attribute src of <script>', '/x.js'), ('script', '1<2')]
    >>> read_places("less <than a tag").segments
    []
    """
    tags: list[Tag] = []
    segments: list[Segment] = []
    for piece in pieces(source) if is_html(source) else ():
        if piece.kind == "open":
            for (name, _), (start, end) in zip(piece.attributes, piece.values, strict=True):
                segments.append(Segment(start, end, "attribute", piece.name, name, len(tags)))
            tags.append(Tag(piece.start, piece.end, piece.name))
        elif piece.kind == "close":
            tags.append(Tag(piece.start, piece.end, f"/{piece.name}"))
        elif piece.kind == "comment" and source.startswith("<!--", piece.start):
            first = piece.start + len("<!--")
            segments.append(Segment(first, first + len(piece.text), "comment"))
        elif piece.kind == "raw" and piece.name in ("script", "style"):
            segments.append(Segment(piece.start, piece.end, piece.name, piece.name))
    return Places(tags, segments)
