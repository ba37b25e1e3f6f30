"""What the database itself refuses: to change what was recorded, in any way but erasure.

The columns that erasure takes may be emptied, all of them, once a tombstone stands for the record;
nothing else is changed, and no row is taken away. Put up anew after each migration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db import models

from clewline.desk.retention.takes import TAKEN

_REFUSAL: Final = "recorded once: only erasure empties it"
_NOT_GUARDED: Final = frozenset({"brand_id"})
_PREFIX: Final = "kept_"


def create(connection: Any) -> None:
    """Put the triggers up, those that are missing."""
    tables = set(connection.introspection.table_names())
    if "retention_tombstone" not in tables:
        return
    up = {name for name, _ in there(connection)}
    with connection.cursor() as cursor:
        for name, statements in _wanted(connection.vendor, tables):
            for statement in statements if name not in up else ():
                cursor.execute(statement)


def drop(connection: Any) -> None:
    """Take the triggers down."""
    with connection.cursor() as cursor:
        for name, table in there(connection):
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def there(connection: Any) -> set[tuple[str, str]]:
    """Return (trigger, table) of all that are up."""
    query = (
        "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid "
        "WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {(name, table) for name, table in cursor.fetchall() if name.startswith(_PREFIX)}


Named = tuple[str, list[str]]
"""Name of a trigger, and the statements that put it up."""


def _wanted(vendor: str, tables: set[str]) -> Iterator[Named]:
    """Yield all triggers."""
    for label in TAKEN:
        model = apps.get_model(label)
        if model._meta.db_table in tables:
            yield from _of_record(vendor, model)


def _of_record(vendor: str, model: type[models.Model]) -> Iterator[Named]:
    """Yield the triggers of a table of records."""
    table = model._meta.db_table
    columns = {one.attname: one for one in model._meta.concrete_fields}
    taken = [columns[name] for name in TAKEN[model._meta.label]]
    guarded = ", ".join(f'"{one.column}"' for one in taken if one.attname not in _NOT_GUARDED)
    emptied = " AND ".join(_is_empty(vendor, one) for one in taken)
    erased = "EXISTS (SELECT 1 FROM retention_tombstone WHERE key_id = OLD.key_id)"
    deed = f"UPDATE OF {guarded}"
    yield _refused(vendor, table, deed, _REFUSAL, unless=f"{erased} AND {emptied}")
    yield _refused(vendor, table, "DELETE", _REFUSAL)


def _is_empty(vendor: str, field: models.Field[Any, Any]) -> str:
    """Return the condition under which a column is empty."""
    column = f'NEW."{field.column}"'
    if field.null:
        return f"{column} IS NULL"
    if isinstance(field, models.BinaryField):
        return f"length({column}) = 0"
    if isinstance(field, models.JSONField):
        empty = "{}" if field.get_default() == {} else "[]"
        return f"{column} = '{empty}'" + ("::jsonb" if vendor == "postgresql" else "")
    return f"{column} = ''"


def _refused(vendor: str, table: str, deed: str, why: str, *, unless: str = "") -> Named:
    """Return the trigger that refuses a deed on a table."""
    name = f"{_PREFIX}{table}_{deed.split(maxsplit=1)[0].lower()}"
    if vendor != "postgresql":
        when = f" WHEN NOT ({unless})" if unless else ""
        return name, [
            f"CREATE TRIGGER {name} BEFORE {deed} ON {table}{when} "
            f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
        ]
    test = f"IF NOT ({unless or 'FALSE'}) THEN RAISE EXCEPTION '{why}'; END IF"
    return name, [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {test}; RETURN NEW; END $$",
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
