"""Triggers by which the database itself refuses to change or take away rows of some tables.

Python refuses too (`ledger.AppendOnly`); these hold against whoever speaks SQL. The audit log has
triggers of its own, because its rows must follow one another, and so has what erasure empties
(`retention/triggers.py`). After each migration `complete` looks that no such table has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

_SUFFIX: Final = "_is_kept"
_FUNCTION: Final = "desk_append_only"
_REFUSAL: Final = "rows of this table are written once"
_DEEDS: Final = ("update", "delete")
_NAMES: Final = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid "
    "WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


def create(connection: Any, tables: Iterable[str]) -> None:
    """Put the triggers of some tables up, or up again."""
    tables = tuple(tables)
    drop(connection, tables)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
            )
        for table in tables:
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE TRIGGER {table}{_SUFFIX} BEFORE UPDATE OR DELETE OR TRUNCATE "
                    f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
                )
                continue
            for deed in _DEEDS:
                cursor.execute(
                    f"CREATE TRIGGER {table}_{deed}{_SUFFIX} BEFORE {deed} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
                )


def complete(connection: Any) -> None:
    """Put up the triggers of all tables of rows that are written once and have none yet."""
    create(connection, sorted(tables(connection) - guarded(connection)))


def tables(connection: Any) -> set[str]:
    """Return the tables of rows that are written once, of those that are there."""
    from django.apps import apps

    from clewline.desk.ledger import AppendOnly

    there = set(connection.introspection.table_names())
    models = (one for one in apps.get_models() if issubclass(one, AppendOnly))
    return {one._meta.db_table for one in models} & there


def guarded(connection: Any) -> set[str]:
    """Return the tables that have a trigger."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES[connection.vendor])
        return {table for _, table in cursor.fetchall()}


def drop(connection: Any, tables: Iterable[str] | None = None) -> list[str]:
    """Take the triggers of some tables down, of all if none are named; return the tables."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES[connection.vendor])
        up = sorted(
            (name, table)
            for name, table in cursor.fetchall()
            if name.endswith(_SUFFIX) and (tables is None or table in tables)
        )
        for name, table in up:
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on}")
    return sorted({table for _, table in up})
