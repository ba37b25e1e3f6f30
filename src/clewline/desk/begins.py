"""``field__begins``: text by its beginning, case counted, from an index on both databases."""

from __future__ import annotations

from typing import Any, Final

from django.db.models.expressions import OrderBy
from django.db.models.lookups import StartsWith

_LAST: Final = "\U0010ffff"


class Begins(StartsWith):
    """As ``startswith``, but SQLite's LIKE takes no heed of case and so uses no index.

    There it is a range; PostgreSQL has an index of patterns for it (``varchar_pattern_ops``).
    """

    lookup_name = "begins"

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Ask for a range."""
        column, params = self.process_lhs(compiler, connection)
        first = str(self.rhs)
        return f"{column} >= %s AND {column} < %s", [*params, first, *params, first + _LAST]

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        """Ask as ``startswith`` does elsewhere."""
        operator: str = connection.operators["startswith"] % rhs
        return operator


class InIndexOrder(OrderBy):
    """Order by text in the order of that index, so that the first few cost no sort of all."""

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Name the operator of the index; it compares bytes, as SQLite does by itself."""
        # Django looks for ASC or DESC in what orders; to PostgreSQL this one is a comment.
        return self.as_sql(compiler, connection, template="%(expression)s USING ~<~ /* ASC */")
