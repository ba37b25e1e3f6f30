"""The database refuses to change or take away what partners asked, what they were told, and why."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = (
    "lookups_lookup",
    "lookups_lookupcall",
    "lookups_originatorasked",
    "lookups_consent",
    "lookups_draft",
    "lookups_release",
    "lookups_told",
    "lookups_receipt",
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("lookups", "0002_originatorasked_consent")]

    operations = [migrations.RunPython(create, drop)]
