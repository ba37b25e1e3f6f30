"""How the chain of an address stands in a page's own address."""

from __future__ import annotations


class ChainOrNone:
    """A chain or network; ``-`` where an address was recorded as shown and belongs to none."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """Read a part of the path."""
        return "" if value == "-" else value

    def to_url(self, value: str) -> str:
        """Write a part of the path."""
        return value or "-"
