"""What the database itself refuses: to change or take away rows of the audit log, or gaps in it.

A superuser can drop these triggers; that is what the chain and its anchors are for.
"""

from __future__ import annotations

from typing import Any, Final

from clewline.desk.audit.chain import GENESIS

KEPT: Final = ("audit_event", "audit_anchor", "audit_signingkey", "audit_timestamp")
"""Tables whose rows nobody changes."""
_REFUSAL: Final = "the audit log is append-only"

_SQLITE: Final = [
    *(
        f"CREATE TRIGGER {table}_{deed} BEFORE {deed} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for table in KEPT
        for deed in ("update", "delete")
    ),
    # Also keeps INSERT OR REPLACE from replacing, which fires no trigger of its own.
    f"""
    CREATE TRIGGER audit_event_insert BEFORE INSERT ON audit_event
    WHEN NEW.seq <> COALESCE((SELECT MAX(seq) FROM audit_event), 0) + 1
      OR NEW.prev_hash <>
        COALESCE((SELECT hash FROM audit_event ORDER BY seq DESC LIMIT 1), '{GENESIS}')
    BEGIN SELECT RAISE(ABORT, 'an event must follow the last one'); END
    """,  # noqa: S608 - names of ours
    *(
        f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} "  # noqa: S608 - names of ours
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for table in KEPT[1:]
    ),
]
_POSTGRESQL: Final = [
    f"""
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$
    """,
    *(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        for table in KEPT
    ),
    f"""
    CREATE FUNCTION audit_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE last RECORD;
    BEGIN
      SELECT seq, hash INTO last FROM audit_event ORDER BY seq DESC LIMIT 1;
      IF NEW.seq <> COALESCE(last.seq, 0) + 1
        OR NEW.prev_hash <> COALESCE(last.hash, '{GENESIS}') THEN
        RAISE EXCEPTION 'an event must follow the last one';
      END IF;
      RETURN NEW;
    END $$
    """,  # noqa: S608 - names of ours
    "CREATE TRIGGER audit_event_insert BEFORE INSERT ON audit_event "
    "FOR EACH ROW EXECUTE FUNCTION audit_follow()",
]
_NAMES: Final = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid "
    "WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


def create(connection: Any) -> None:
    """Put the triggers up."""
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)


def drop(connection: Any) -> None:
    """Take the triggers down."""
    with connection.cursor() as cursor:
        for name, table in sorted(there(connection)):
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on}")
        if connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION IF EXISTS audit_refuse, audit_follow")


def there(connection: Any) -> set[tuple[str, str]]:
    """Return (trigger, table) of all that are up and working."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES[connection.vendor])
        return {(name, table) for name, table in cursor.fetchall() if table in KEPT}


def missing(connection: Any) -> int:
    """Return how many triggers somebody has taken down."""
    wanted = len(KEPT) + 1 if connection.vendor == "postgresql" else 3 * len(KEPT)
    return max(0, wanted - len(there(connection)))
