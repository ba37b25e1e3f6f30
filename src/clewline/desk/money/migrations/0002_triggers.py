"""The database refuses to change what was written once."""

from typing import Any, Final

from django.db import migrations

from clewline.desk import append_only

TABLES: Final = (
    "money_caserun",
    "money_runend",
    "money_caserow",
    "money_rowreview",
    "money_runpack",
    "money_vasprequest",
    "money_requeststep",
    "money_requestrow",
    "money_rowanswer",
    "money_importedlist",
    "money_importedrow",
)


def create(apps: Any, schema_editor: Any) -> None:
    append_only.create(schema_editor.connection, TABLES)


def drop(apps: Any, schema_editor: Any) -> None:
    append_only.drop(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("money", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
