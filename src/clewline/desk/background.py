"""What the desk does by itself, apart from every request: a table of passes, run in turn.

`clewline desk serve` runs them every half minute in a process of its own; behind another server a
timer runs `clewline desk tick`. Each pass may be run at any time, and twice at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.db import close_old_connections

from clewline.desk.accounts import services as accounts
from clewline.desk.deconfliction import services as deconfliction
from clewline.desk.figures import services as figures
from clewline.desk.ours import checks
from clewline.desk.queue import live
from clewline.desk.watch import services as watch

PASSES: Final[dict[str, Callable[[], int]]] = {
    "packages on their way out": checks.tick,
    "payments on chain": live.look,
    "who else looks at an address": deconfliction.compare_waiting,
    "payments to what is watched": watch.look,
    "figures of years with many records": figures.count_waiting,
    "answers kept for repeats": accounts.forget_answers,
}
"""What a pass looks after → the pass; it returns how much it did."""
EVERY: Final = 30.0
"""Seconds from one round to the next."""

_log = logging.getLogger(__name__)


def run_once() -> dict[str, int | None]:
    """Run each pass; return what it did, None where it failed. One that fails stops no other."""
    done: dict[str, int | None] = {}
    for name, work in PASSES.items():
        close_old_connections()
        try:
            done[name] = work()
        except Exception:
            _log.exception("a pass failed: %s", name)
            done[name] = None
    close_old_connections()
    return done


def keep_running() -> threading.Event:
    """Run the passes until the returned event is set, or the process ends."""
    stop = threading.Event()

    def rounds() -> None:
        while not stop.is_set():
            run_once()
            stop.wait(EVERY)

    threading.Thread(target=rounds, name="background", daemon=True).start()
    return stop
