"""The worker: delivers what is due, looks for payments to what is watched, until it is told to end.

Several may run, on one machine or more. None of them holds anything that is not in the database.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from django.db import DatabaseError, close_old_connections, connections

from clewline.desk.alerts import outbox
from clewline.desk.alerts.models import Delivery
from clewline.errors import ClewlineError

SIDE_BY_SIDE: Final = 16
"""Deliveries that one worker has on the wire at a time."""
EVERY: Final = 0.5
"""Seconds between two looks at an outbox in which nothing is due."""
WATCH_EVERY: Final = 10.0
"""Seconds between two looks at the tip of the chain store."""
Result = TypeVar("Result")
log = logging.getLogger(__name__)


def keep_running() -> Worker:
    """Deliver in a thread of this process until it ends; what is watched, `background` looks at."""
    worker = Worker()
    threading.Thread(target=worker.run, name="worker", daemon=True).start()
    return worker


class Worker:
    """Runs until `stop` is set.

    Parameters
    ----------
    step : callable
        Called with the name of each step of a delivery; tests end the process there.
    watch : callable, optional
        Looks at the chain store.
    """

    def __init__(
        self, step: outbox.Step = outbox.nothing, watch: Callable[[], object] | None = None
    ) -> None:
        self.stop = threading.Event()
        self._step = step
        self._watch = watch
        self._watched = -WATCH_EVERY
        self._busy: set[Future[None]] = set()

    def run(self, *, until_empty: bool = False) -> int:
        """Work until told to stop, or nothing is due; return how many attempts were made.

        A database that is locked or away is asked again; what was claimed meanwhile is due again
        when its claim ends.
        """
        sent = 0
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="deliver") as pool:
            while not self.stop.is_set():
                found = self._guarded(self._take)
                self._busy |= {pool.submit(self._deliver, one) for one in found or ()}
                sent += len(found or ())
                self._busy = {one for one in self._busy if not one.done()}
                if until_empty and not found and not self._busy:
                    break
                self._look_at_chain()
                if not found:
                    self.stop.wait(0.02 if self._busy else EVERY)
        return sent

    def _take(self) -> list[Delivery]:
        """Claim as many deliveries as there are free hands."""
        free = SIDE_BY_SIDE - len(self._busy)
        return outbox.claim(free) if free > 0 else []

    def _deliver(self, one: Delivery) -> None:
        """Deliver one, in a thread."""
        self._guarded(lambda: outbox.deliver(one, self._step))
        # Of this thread alone; who ends a pool leaves none behind.
        connections.close_all()

    def _look_at_chain(self) -> None:
        """Look for new payments now and then."""
        now = time.monotonic()
        if self._watch is not None and now - self._watched >= WATCH_EVERY:
            self._watched = now
            self._guarded(self._watch)

    @staticmethod
    def _guarded(work: Callable[[], Result]) -> Result | None:
        """Do something; a database or store that is away for now is no reason to end."""
        try:
            return work()
        except (DatabaseError, ClewlineError) as error:
            log.warning("worker: %s", type(error).__name__)
            close_old_connections()
            return None
