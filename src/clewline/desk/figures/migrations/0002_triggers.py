"""The database refuses to change what was published, and what became of pages."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = ("figures_figureset", "records_pagestate")


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("figures", "0001_initial"),
        ("records", "0002_pagestate_sighting_sighting_team_observed_and_more"),
    ]

    operations = [migrations.RunPython(create, drop)]
