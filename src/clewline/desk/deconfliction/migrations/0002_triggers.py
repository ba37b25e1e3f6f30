"""The database refuses to change what was asked, found and said."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = tuple(
    f"deconfliction_{name}"
    for name in (
        *("askerword", "comparison", "decision", "enquiry", "holderword", "overlap", "subject"),
    )
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("deconfliction", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
