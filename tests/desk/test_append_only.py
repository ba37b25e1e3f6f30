"""Every table of rows that are written once is guarded by the database itself."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from tests.desk.conftest import World
from tests.desk.records.pages import option, page

from clewline.desk import append_only
from clewline.desk.records.services import record, withdraw

pytestmark = pytest.mark.django_db

_TRIGGERS = {
    "sqlite": "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT relname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger "
    "JOIN pg_class ON tgrelid = pg_class.oid WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


def refused() -> dict[str, set[str]]:
    """Return table → what its triggers stand before."""
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS[connection.vendor])
        for table, words in cursor.fetchall():
            head = words.upper().split(" ON ")[0]
            deeds = {deed for deed in ("UPDATE", "DELETE") if deed in head.split("BEFORE")[1]}
            found.setdefault(table, set()).update(deeds)
    return found


def test_every_table_that_is_written_once_has_its_triggers() -> None:
    there = refused()
    tables = append_only.tables(connection)
    assert len(tables) > 70
    open_yet = {name for name in tables if there.get(name) != {"UPDATE", "DELETE"}}
    assert not open_yet


def test_what_was_taken_down_is_put_up_again() -> None:
    append_only.drop(connection, ["names_namerelease"])
    assert "names_namerelease" not in refused()
    append_only.complete(connection)
    append_only.create(connection, ["names_namerelease"])  # as an older migration would
    assert refused()["names_namerelease"] == {"UPDATE", "DELETE"}


@pytest.mark.parametrize(
    "deed", ["UPDATE records_withdrawal SET reason = ''", "DELETE FROM records_withdrawal"]
)
def test_the_database_refuses(world: World, deed: str) -> None:
    analyst = world.person("analyst")
    withdraw(analyst, record(analyst, page(option())), "Made up.")
    with (
        pytest.raises(DatabaseError, match="written once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(deed)
