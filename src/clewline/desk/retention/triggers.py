"""What the database itself refuses: to change what was recorded, in any way but erasure.

The columns that erasure takes may be emptied, all of them, once a tombstone stands for the record;
nothing else of what is written once is changed, and no row is taken away. Put up anew after each
migration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db import models

from clewline.desk import append_only
from clewline.desk.ledger import AppendOnly
from clewline.desk.retention.takes import EPOCH, STAYS, TAKEN, empty, key_path

_REFUSAL: Final = "rows are written once: only erasure empties them"
_RECORDS: Final = "records"
"""App of which other columns may change: a sighting's brand, when it was recorded in play data."""
_PREFIX: Final = "kept_"


def create(connection: Any) -> None:
    """Put the triggers up, those that are missing."""
    tables = set(connection.introspection.table_names())
    if "retention_tombstone" not in tables:
        return
    append_only.drop(connection, [model._meta.db_table for model in _written_once()])
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
    for model in _written_once():
        if model._meta.db_table in tables:
            yield from _of_record(vendor, model)


def _written_once() -> list[type[models.Model]]:
    """Return what erasure empties of the rows that are written once."""
    found = (apps.get_model(label) for label in TAKEN)
    return [model for model in found if issubclass(model, AppendOnly)]


def _of_record(vendor: str, model: type[models.Model]) -> Iterator[Named]:
    """Yield the triggers of a table of records."""
    meta = model._meta
    columns = {one.attname: one for one in meta.concrete_fields}
    taken = [columns[name] for name in TAKEN[meta.label]]
    key = _key(model, key_path(meta.label), "OLD")
    unless = [f"EXISTS (SELECT 1 FROM retention_tombstone WHERE key_id = {key})"]  # noqa: S608
    unless += [_is_empty(vendor, one) for one in taken]
    deed = "UPDATE"
    if meta.app_label == _RECORDS:
        guarded = (f'"{one.column}"' for one in taken if one.attname != "brand_id")
        deed = f"UPDATE OF {', '.join(guarded)}"
    else:
        same = "IS NOT DISTINCT FROM" if vendor == "postgresql" else "IS"
        stays = (columns[name].column for name in STAYS[meta.label])
        unless += [f'NEW."{column}" {same} OLD."{column}"' for column in stays]
    yield _refused(vendor, meta.db_table, deed, _REFUSAL, unless=" AND ".join(unless))
    yield _refused(vendor, meta.db_table, "DELETE", _REFUSAL)


def _key(model: Any, path: str, row: str) -> str:
    """Return the expression for the key of a row, which may be the key of what it belongs to."""
    step, _, rest = path.partition("__")
    field = model._meta.get_field(step)
    if not rest:
        return f'{row}."{field.column}"'
    other = field.related_model
    table = other._meta.db_table
    return (
        f"(SELECT {_key(other, rest, table)} FROM {table} "  # noqa: S608
        f'WHERE {table}."id" = {row}."{field.column}")'
    )


def _is_empty(vendor: str, field: models.Field[Any, Any]) -> str:
    """Return the condition under which a column is empty."""
    column = f'NEW."{field.column}"'
    if field.null:
        return f"{column} IS NULL"
    if isinstance(field, models.BinaryField):
        return f"length({column}) = 0"
    if isinstance(field, models.JSONField):
        return f"{column} = '{json.dumps(empty(field))}'" + ("::jsonb" * (vendor == "postgresql"))
    if isinstance(field, models.IntegerField):
        return f"{column} = 0"
    if isinstance(field, models.DateTimeField):
        return f"{column} = '{EPOCH:%Y-%m-%d %H:%M:%S}" + (
            "+00'" if vendor == "postgresql" else "'"
        )
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
