"""Where in a page's source each thing stands: text, attributes, comments, scripts, styles.

Tokens as the HTML standard has them (section 13.2.5), with their offsets, which tree builders do
not keep. No tree is built, so depth costs nothing. What is no HTML is text as a whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple


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
        Index into `Markup.tags`; -1 for a comment.
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


class Markup(NamedTuple):
    """The tags of a source, and its stretches that are not plain text, in order and apart."""

    tags: list[Tag]
    segments: list[Segment]

    def at(self, place: int) -> Segment | None:
        """Return the stretch that holds a place of the source; None in plain text.

        Examples
        --------
        >>> read_markup("<p id=x>y").at(6).place
        'attribute id of <p>'
        """
        last = bisect_right(self.segments, place, key=lambda one: one.start) - 1
        if last < 0 or place >= self.segments[last].end:
            return None
        return self.segments[last]

    def attributes(self) -> Iterator[tuple[Tag, dict[str, Segment]]]:
        """Yield each tag with its attributes by name; of two with one name the first counts.

        Examples
        --------
        >>> [(tag.name, sorted(found)) for tag, found in read_markup("<a id=1 b></a>").attributes()]
        [('a', ['id']), ('/a', [])]
        """
        found: list[dict[str, Segment]] = [{} for _ in self.tags]
        for one in self.segments:
            if one.what == "attribute":
                found[one.element].setdefault(one.name, one)
        yield from zip(self.tags, found, strict=True)


# A page is told by a tag that no prose has; "<3" and "<name@example.org>" are prose.
_IS_HTML: Final = re.compile(
    r"<(?:!doctype|!--|/?(?:html|head|body|title|meta|link|script|style|div|span|p|a|br|img|table"
    r"|tr|td|ul|ol|li|h[1-6]|form|input|button|label|select|textarea|b|i|em|strong|pre|code|svg"
    r"|section|main|nav|header|footer|center|font|iframe|template)(?=[\s/>]))",
    re.IGNORECASE,
)
_NEXT: Final = re.compile(r"<(?:!--|[!?]|/?[A-Za-z])")
_NAME: Final = re.compile(r"[^\s/>\0]++")
_ATTRIBUTE: Final = re.compile(
    r"[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s>]++)))?"
)
_TAG_END: Final = re.compile(r"[\s/]*+>?")
_COMMENT_END: Final = re.compile(r"--!?>")
_RAW_ENDS: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
_VALUES: Final = ("double", "single", "bare")


def read_markup(source: str) -> Markup:
    """Return where tags, attributes, comments, scripts and styles of a source stand.

    Parameters
    ----------
    source : str
        HTML as it was saved, or plain text.

    Returns
    -------
    Markup
        Linear in time, whatever is nested or left open; what is left open ends with the source.

    Examples
    --------
    >>> page = "<!-- a --><script src=/x.js>1<2</script>"
    >>> [(one.place, page[one.start:one.end]) for one in read_markup(page).segments]
    [('comment', ' a '), ('attribute src of <script>', '/x.js'), ('script', '1<2')]
    >>> read_markup("less <than a tag").segments
    []
    """
    tags: list[Tag] = []
    segments: list[Segment] = []
    if _IS_HTML.search(source) is None:
        return Markup(tags, segments)
    at = 0
    while found := _NEXT.search(source, at):
        start = found.start()
        if found[0] == "<!--":
            # "<!-->" and "<!--->" are whole comments.
            over = _COMMENT_END.search(source, start + 2)
            first = start + 4
            last, at = (over.start(), over.end()) if over else (len(source), len(source))
            segments.append(Segment(first, max(first, last), "comment"))
        elif found[0] in ("<!", "<?"):
            over_at = source.find(">", start)
            at = len(source) if over_at < 0 else over_at + 1
        else:
            at = _read_tag(source, found, tags, segments)
    return Markup(tags, segments)


def _read_tag(source: str, found: re.Match[str], tags: list[Tag], segments: list[Segment]) -> int:
    """Read one tag, and what is raw text after it; return where to go on."""
    start = found.start()
    closing = found[0][1] == "/"
    word = _NAME.match(source, found.end() - 1)
    assert word is not None  # the first letter was found
    name, at = word[0].lower(), word.end()
    while one := _ATTRIBUTE.match(source, at):
        for form in _VALUES:
            if one[form] is not None and not closing:
                key = one["name"].lower()
                segments.append(Segment(*one.span(form), "attribute", name, key, len(tags)))
        at = one.end()
    over = _TAG_END.match(source, at)
    at = over.end() if over is not None else at
    tags.append(Tag(start, at, "/" + name if closing else name))
    if closing or name not in _RAW_ENDS:
        return at
    end = _RAW_ENDS[name].search(source, at)
    last = end.start() if end else len(source)
    if name in ("script", "style"):
        segments.append(Segment(at, last, name, name, "", len(tags) - 1))
    return last
