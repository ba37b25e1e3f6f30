"""The rights that docs/DESK.md gives the role with which the desk runs on PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from tests.desk.conftest import World

from clewline.desk.audit import services
from clewline.desk.audit.models import Event

HANDBOOK = Path(__file__).parents[3] / "docs" / "DESK.md"


@contextmanager
def role() -> Iterator[None]:
    """Be the role that the handbook describes."""
    grants = re.search(r"```sql\n(.*?)```", HANDBOOK.read_text(encoding="utf-8"), re.DOTALL)
    assert grants
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE desk_runs")
        cursor.execute(grants[1])
        cursor.execute("SET LOCAL ROLE desk_runs")
        yield
        cursor.execute("RESET ROLE")


@pytest.mark.django_db
def test_the_desk_works_and_cannot_touch_the_log(world: World) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("rights of roles are PostgreSQL's; make test-postgres runs this")
    auditor = world.client(world.person("auditor"))
    analyst = world.client(world.person("analyst"))
    with role():
        assert auditor.get("/audit/").status_code == 200
        assert analyst.get("/sightings/").status_code == 200
        assert services.verify_log().fault is None
        for statement in (
            "UPDATE audit_event SET actor = 'A-2'",
            "DELETE FROM audit_event",
            "TRUNCATE audit_event",
            "ALTER TABLE audit_event DISABLE TRIGGER ALL",
            "DROP TRIGGER audit_event_kept ON audit_event",
            "DROP TABLE audit_event",
            "SET session_replication_role = replica",
        ):
            with (
                pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
        assert Event.objects.exists()
