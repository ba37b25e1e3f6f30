"""The database refuses to change or take away what partners gave, and what was made of it."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = (
    "received_receivedfile",
    "received_receiveditem",
    "received_review",
    "received_origin",
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("received", "0002_origin")]

    operations = [migrations.RunPython(create, drop)]
