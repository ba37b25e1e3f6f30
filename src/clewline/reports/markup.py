"""HTML, built so that text can only ever be text.

Whatever is not `Html` is escaped when it enters an element, so that no name out of a label file
can become a tag, an attribute or a link.
"""

from __future__ import annotations

from html import escape
from typing import Final

from clewline.reports.sheet import visible

_VOID: Final = frozenset({"meta", "col", "br"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Html:
    """Return one element; children that are not `Html` are escaped.

    Parameters
    ----------
    tag : str
        Written as it is; never data.
    *children : str or Html
        In order.
    **attributes : str
        Values are escaped. A trailing "_" is dropped from names, other "_" become "-".

    Examples
    --------
    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    >>> element("p", element("b", "x"))
    '<p><b>x</b></p>'
    """
    opening = tag + "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(visible(value))}"'
        for name, value in attributes.items()
    )
    if tag in _VOID:
        return Html(f"<{opening}>")
    return Html(f"<{opening}>{join(*children)}</{tag}>")


def join(*children: str) -> Html:
    """Return children one after the other; those that are not `Html` are escaped."""
    return Html(
        "".join(c if isinstance(c, Html) else escape(visible(c), quote=False) for c in children)
    )
