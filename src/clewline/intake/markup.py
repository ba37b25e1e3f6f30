"""HTML as a row of pieces: tags with attributes, text, comments, scripts. No tree is built.

A tree costs time in the square of its depth (each new block looks through all that are open), and
a page may be made to be deep. What a page says needs no tree. Names, attributes, comments and raw
text are told apart as the standard does (WHATWG HTML, 13.2.5 Tokenization).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Piece(NamedTuple):
    """A piece of a page.

    Attributes
    ----------
    kind : str
        ``open``, ``close``, ``text``, ``comment``, or ``raw``: what stands in a script, style,
        title, text area or the like.
    name : str
        Of the tag, in small letters; of a raw text, the tag around it; empty otherwise.
    text : str
        What is read, its entities decoded, except in comments, scripts and styles.
    attributes : tuple of tuple of str
        Name and value of each, in order, entities decoded. The first of a name counts.
    start, end : int
        Where it stands in the source.
    values : tuple of tuple of int
        Where the value of each attribute stands in the source, without quotes.
    """

    kind: str
    name: str
    text: str
    attributes: tuple[tuple[str, str], ...]
    start: int
    end: int
    values: tuple[tuple[int, int], ...] = ()


_TAG: Final = re.compile(r"<(/?)([A-Za-z][^\s/>]*+)")
# A quote that is never closed is no beginning of a value: at most one search fails for it.
_ATTRIBUTE: Final = re.compile(
    r"[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)"
    r"""(?:\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>[^\s>]*+)))?"""
)
_TAG_END: Final = re.compile(r"[\s/]*+(>|\Z)")
_READ: Final = frozenset({"title", "textarea"})
_RAW: Final = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"}) | _READ
_RAW_END: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
_HTML: Final = re.compile(
    r"<(?:!doctype\s|/?(?:html|head|body|title|meta|link|script|style|div|span|p|a|b|i|u|br|hr|h[1-6]"
    r"|ul|ol|li|dl|dt|dd|table|tbody|tr|td|th|form|input|button|label|select|option|img|strong|em"
    r"|small|code|pre|center|font|section|article|main|header|footer|nav)(?=[\s/>]))",
    re.IGNORECASE,
)


def is_html(source: str) -> bool:
    """Tell whether a text has a tag of HTML in it.

    Examples
    --------
    >>> is_html("<p>20 EUR"), is_html("a <b@site.example> 1 < 2")
    (True, False)
    """
    return _HTML.search(source) is not None


class _Attributes(NamedTuple):
    """The attributes of a tag, where their values stand, and where the tag ends."""

    read: tuple[tuple[str, str], ...]
    values: tuple[tuple[int, int], ...]
    end: int


def _attributes(source: str, at: int) -> _Attributes:
    """Return the attributes from a place on."""
    if source.startswith(">", at):  # as most tags
        return _Attributes((), (), at + 1)
    found: dict[str, str] = {}
    values: list[tuple[int, int]] = []
    while not (end := _TAG_END.match(source, at)):
        one = _ATTRIBUTE.match(source, at)
        if one is None:
            break
        # Of the forms a value may have the last that matched; none for a name alone.
        form = one.lastgroup or "name"
        value = one[form] if form != "name" else ""
        name = one["name"].lower()
        at = one.end()
        if name not in found:
            found[name] = html.unescape(value) if "&" in value else value
            values.append(one.span(form) if form != "name" else (at, at))
    return _Attributes(tuple(found.items()), tuple(values), end.end() if end else len(source))


def _comment(source: str, at: int) -> Piece:
    """Return the comment, document type or processing instruction that begins at a place."""
    if source.startswith("<!--", at):
        end = source.find("-->", at + 4)
        stop = len(source) if end < 0 else end
        return Piece("comment", "", source[at + 4 : stop], (), at, min(stop + 3, len(source)))
    end = source.find(">", at)
    stop = len(source) if end < 0 else end
    return Piece("comment", "", source[at + 2 : stop], (), at, min(stop + 1, len(source)))


def pieces(source: str) -> Iterator[Piece]:
    """Yield the pieces of a page, in order.

    Cost: linear in the length, however the page is made; about 10 MB a second.

    Parameters
    ----------
    source : str
        HTML, however broken.

    Yields
    ------
    Piece
        Together they cover the source.

    Examples
    --------
    >>> for piece in pieces("<p title='a &amp; b'>20 &euro;<!-- made up --></p>"):
    ...     print(piece.kind, piece.name, repr(piece.text), piece.attributes)
    open p '' (('title', 'a & b'),)
    text  '20 €' ()
    comment  ' made up ' ()
    close p '' ()
    """
    at = begun = 0
    while (at := source.find("<", at)) >= 0:
        piece = _comment(source, at) if source.startswith(("<!", "<?"), at) else None
        tag = None if piece else _TAG.match(source, at)
        if piece is None and tag is None:
            at += 1
            continue
        if at > begun:
            yield Piece("text", "", html.unescape(source[begun:at]), (), begun, at)
        if tag is not None:
            read, values, end = _attributes(source, tag.end())
            kind = "close" if tag[1] else "open"
            piece = Piece(kind, tag[2].lower(), "", read, at, end, values)
        assert piece is not None
        yield piece
        at = begun = piece.end
        if piece.kind == "open" and piece.name in _RAW:
            closing = _RAW_END[piece.name].search(source, at)
            stop = closing.start() if closing else len(source)
            text = source[at:stop]
            text = html.unescape(text) if piece.name in _READ else text
            yield Piece("raw", piece.name, text, (), at, stop)
            at = begun = stop
    if begun < len(source):
        yield Piece("text", "", html.unescape(source[begun:]), (), begun, len(source))
