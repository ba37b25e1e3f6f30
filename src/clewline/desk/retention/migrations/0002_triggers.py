"""The database refuses to change the ledgers of keeping."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = (
    "retention_periodchange",
    "retention_perioddecision",
    "retention_legalhold",
    "retention_holdlift",
    "retention_erasurerequest",
    "retention_erasuredecision",
    "retention_tombstone",
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("retention", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
