"""The database refuses to change what was handed over."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = ("alerts_disclosure",)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_disclosure")]

    operations = [migrations.RunPython(create, drop)]
