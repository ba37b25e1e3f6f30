"""Start the desk: directory, migrations, web server."""

from __future__ import annotations

import os
import socket
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from clewline.desk.home import DeskHome
from clewline.errors import UsageError

_THREADS: Final = 2


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
    _finish_erasing(home)


def _finish_erasing(home: DeskHome) -> None:
    """Destroy the keys of what was erased when the desk stopped in between."""
    from clewline.desk.retention import erasing
    from clewline.desk.retention.models import Tombstone

    if home.vault.exists() and Tombstone.objects.exists():
        erasing.finish()


def first_visit(origin: str) -> str | None:
    """Return the link of the first visit, or None where there are accounts already."""
    from django.conf import settings

    from clewline.desk.accounts import services as accounts

    if accounts.administrators().exists():
        return None
    return f"{origin}/setup/{settings.HOME.setup_code()}/"


def serve(address: str, port: int, workers: int) -> None:
    """Answer requests until a signal ends it.

    Parameters
    ----------
    workers : int
        Processes. One for each core answers most: Python runs one thread at a time, and a second
        one only fills the time in which the database writes to disk.

    Raises
    ------
    UsageError
        If somebody listens on the port, or this user may not.
    """
    from django.db import connections
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    _require_free(address, port)
    # The server forks its workers. A process that forks must have no database open, least of all in
    # threads: SQLite's locks would be inherited by processes that do not hold them.
    beside = get_context("spawn").Process(
        target=run_beside, args=(os.environ["CLEWLINE_DESK_HOME"], os.getpid()), daemon=True
    )
    beside.start()
    connections.close_all()
    Granian(
        "clewline.desk.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=_THREADS,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
    ).serve()


def run_beside(home: str, server: int) -> None:
    """Do what the desk does by itself, in a process of its own, until the server's ends.

    Parameters
    ----------
    home : str
        The desk's directory.
    server : int
        Process that started this one.
    """
    import django

    os.environ["CLEWLINE_DESK_HOME"] = home
    os.environ["DJANGO_SETTINGS_MODULE"] = "clewline.desk.settings"
    django.setup()
    from clewline.desk import background
    from clewline.desk.alerts import worker

    background.keep_running()
    worker.keep_running()
    while os.getppid() == server:
        time.sleep(1)


def _require_free(address: str, port: int) -> None:
    """Refuse a port that is taken; the server itself would share it, answering now and then."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Waiting ends of earlier connections are no reason; a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UsageError(
                f"cannot listen here: {error.strerror}",
                where=f"{address}:{port}",
                hint="another desk may be running; --port chooses another port",
            ) from None
