"""What the database itself refuses is put up after each migration."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


def _down(using: str = "default", plan: Any = (), **_: Any) -> None:
    """Take the triggers down: they would be in the way of SQLite, which makes tables anew."""
    from clewline.desk.retention import triggers

    if plan:
        triggers.drop(connections[using])


def _up(using: str = "default", **_: Any) -> None:
    """Put them up again."""
    from clewline.desk import append_only
    from clewline.desk.retention import triggers

    triggers.create(connections[using])
    append_only.complete(connections[using])


class RetentionConfig(AppConfig):
    """Retention, holds, erasure."""

    name = "clewline.desk.retention"

    def ready(self) -> None:
        """Look after the triggers."""
        pre_migrate.connect(_down, sender=self)
        post_migrate.connect(_up, sender=self)
