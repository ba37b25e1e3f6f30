"""Start the desk: directory, migrations, web server."""

from __future__ import annotations

import os
from pathlib import Path

from clewline.desk.home import DeskHome


def prepare(home: DeskHome) -> None:
    """Make the desk's directory if it is new, set Django up on it, bring the database up to date.

    Once a process; a desk cannot be changed for another one in a running process.
    """
    import django
    from django.core.management import call_command

    home.make()
    os.environ["CLEWLINE_DESK_HOME"] = str(Path(home.path).absolute())
    os.environ["DJANGO_SETTINGS_MODULE"] = "clewline.desk.settings"
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def first_visit(origin: str) -> str | None:
    """Return the link of the first visit, or None where there are accounts already."""
    from django.conf import settings

    from clewline.desk.accounts import services as accounts

    if accounts.administrators().exists():
        return None
    return f"{origin}/setup/{settings.HOME.setup_code()}/"


def serve(address: str, port: int, workers: int) -> None:
    """Answer requests until a signal ends it."""
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "clewline.desk.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=8,
        log_access=False,
    ).serve()
