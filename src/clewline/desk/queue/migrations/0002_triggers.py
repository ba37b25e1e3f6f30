"""The database refuses to change what was read, marked as urgent, and kept on the roster."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = (
    "queue_seen",
    "queue_urgent",
    "queue_urgentstep",
    "queue_shift",
    "queue_shiftend",
    "ours_mark",
    "ours_unmark",
    "ours_releasewarning",
    "ours_answer",
    "names_namereleaseend",
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("queue", "0001_initial"),
        ("ours", "0001_initial"),
        ("names", "0001_initial"),
    ]

    operations = [migrations.RunPython(create, drop)]
