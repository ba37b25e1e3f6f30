"""An ASGI application on a free port of this machine, in a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server


@contextmanager
def served(application: Any, files: tuple[Path, Path] | None = None) -> Iterator[int]:
    """Listen while the block runs; yields the port.

    Parameters
    ----------
    application : ASGI application
        What answers.
    files : tuple of Path, optional
        Certificate and key.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        ssl_cert=files[0] if files else None,
        ssl_key=files[1] if files else None,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(20)
        loop.close()
