"""The database refuses to change what was said of a dispute; the dispute itself only erasure empties."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = tuple(f"disputes_{name}" for name in ("decision", "proposal", "reply", "taking"))


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("disputes", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
