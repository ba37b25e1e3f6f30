"""The database refuses to change what was written once."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = (
    "cases_statechange",
    "cases_handover",
    "cases_handoveranswer",
    "cases_task",
    "cases_taskend",
    "cases_fileentry",
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("cases", "0002_case_sealed_case_state_fileentry_handover_and_more")]

    operations = [migrations.RunPython(create, drop)]
