"""Screening registrations in small batches, on one thread.

Requests wait for the batch that is being done, and the next takes all that came meanwhile: under
load batches grow instead of the queue. A registration is answered when its batch is on disk and
*before* it is screened, so neither the answer nor its time can depend on what is found. Who is too
many is told so at once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np

from clewline.checks.register import GRAVEST_FIRST, Alert, Register, Registration
from clewline.errors import BusyError
from clewline.screening.lines import Screened
from clewline.screening.rows import Rows
from clewline.screening.running import Screener
from clewline.screening.texts import Texts
from clewline.vocab import category

MOST_WAITING: Final = 2_000
"""Requests that may wait; the next is refused."""
_BATCH: Final = 500
_DIRECTIONS: Final = {"sent": "out", "received": "in", "": ""}

LEVELS: Final = {
    # direct exposure, the label says control, child protection → level
    (True, True, True): "SEVERE",
    (True, False, True): "HIGH",
    (False, True, True): "HIGH",
    (False, False, True): "MEDIUM",
    (True, True, False): "HIGH",
    (True, False, False): "MEDIUM",
    (False, True, False): "MEDIUM",
    (False, False, False): "LOW",
}
"""Level of an alert. No amount is too small: payments of this kind are."""


@dataclass
class _Asked:
    """A request in the queue."""

    work: Registration | Callable[[], Any]
    wait_for_result: bool = False
    answer: Future[Any] = field(default_factory=Future)
    heard: bool = True

    def begin(self) -> _Asked:
        """Take it up: who has hung up by now hears nothing, and nobody can hang up any more."""
        self.heard = self.answer.set_running_or_notify_cancel()
        return self

    def tell(self, result: Any) -> None:
        """Answer."""
        if self.heard:
            self.answer.set_result(result)

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless it was answered."""
        if self.heard and not self.answer.done():
            self.answer.set_exception(error)


class Judge:
    """The thread that writes and screens.

    Parameters
    ----------
    register : Register
        Used by this thread alone.
    screener : Screener
        What is looked for.
    now : callable
        Returns the time in UTC.
    """

    def __init__(self, register: Register, screener: Screener, now: Callable[[], datetime]) -> None:
        self._register, self._screener, self._now = register, screener, now
        self._queue: queue.Queue[_Asked | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="judge")
        self._next: Screener | None = None

    def start(self) -> None:
        """Screen what an earlier run left, then what comes; compile before the first request."""
        self._screener.screen(_rows_of([Registration("address", "", "", "", "", "none")]))
        while left := self._register.waiting(_BATCH):
            self._judge(left)
        self._rejudge()
        self._thread.start()

    def stop(self) -> None:
        """Do what is in the queue, and end."""
        self._queue.put(None)
        self._thread.join()

    def register(self, row: Registration) -> Future[bool]:
        """Register; done when it is on disk. Says nothing of what is found.

        Returns
        -------
        Future of bool
            Whether it is the first of its reference.

        Raises
        ------
        BusyError
            If too many wait.
        """
        return self._put(_Asked(row))

    def check(self, row: Registration) -> Future[list[dict[str, Any]]]:
        """Register and screen; done with the alerts, for those who may see them.

        Raises
        ------
        BusyError
            If too many wait.
        """
        return self._put(_Asked(row, wait_for_result=True))

    def ask(self, question: Callable[[Register], Any]) -> Future[Any]:
        """Read from the register, between batches.

        Raises
        ------
        BusyError
            If too many wait.
        """
        return self._put(_Asked(lambda: question(self._register)))

    def use(self, screener: Screener) -> Future[Any]:
        """Screen with another list or tip from now on, and all that was registered once more.

        Returns
        -------
        Future of tuple of int
            How many alerts were raised, and how many withdrawn.
        """

        def change() -> tuple[int, int]:
            self._screener = screener
            return self._rejudge()

        return self._put(_Asked(change))

    def _put(self, asked: _Asked) -> Future[Any]:
        """Queue a request."""
        try:
            self._queue.put_nowait(asked)
        except queue.Full:
            raise BusyError(
                f"{MOST_WAITING} requests wait already", hint="ask again in a second"
            ) from None
        return asked.answer

    def _run(self) -> None:
        """Take what waits, until the end."""
        ended = False
        while not ended:
            taken = [self._queue.get()]
            while len(taken) < _BATCH:
                try:
                    taken.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            ended = None in taken
            self._batch([one.begin() for one in taken if one is not None])

    def _batch(self, batch: Sequence[_Asked]) -> None:
        """Do a batch: write, answer, screen, answer the rest."""
        rows = [one for one in batch if isinstance(one.work, Registration)]
        try:
            if rows:
                self._write(rows)
        except Exception as error:  # whoever asked is told, and the thread lives on
            for one in rows:
                one.fail(error)
        for one in batch:
            if not isinstance(one.work, Registration):
                try:
                    one.tell(one.work())
                except Exception as error:
                    one.fail(error)

    def _write(self, rows: Sequence[_Asked]) -> None:
        """Register a batch, answer it, and screen what is new in it."""
        works = [one.work for one in rows if isinstance(one.work, Registration)]
        with self._register.transaction():
            fresh = self._register.add(works, self._moment())
        for one, is_fresh in zip(rows, fresh, strict=True):
            if not one.wait_for_result:
                one.tell(is_fresh)
        new = {work.id: work for work, is_fresh in zip(works, fresh, strict=True) if is_fresh}
        if new:
            self._judge(list(new.values()))
        for one in rows:
            if one.wait_for_result and isinstance(one.work, Registration):
                one.tell(self._register.alerts(one.work.id))

    def _rejudge(self) -> tuple[int, int]:
        """Screen what was screened against another list or tip."""
        raised = withdrawn = 0
        last = ""
        version, tip = self._screener.watchlist.version, self._screener.tip or ""
        while rows := self._register.outdated(version, tip, last, _BATCH):
            more = self._judge(rows)
            raised, withdrawn = raised + more[0], withdrawn + more[1]
            last = rows[-1].id
        return raised, withdrawn

    def _judge(self, rows: Sequence[Registration]) -> tuple[int, int]:
        """Screen some registrations, and write what is found."""
        screened, _faults = self._screener.screen(_rows_of(rows))
        version, tip = self._screener.watchlist.version, self._screener.tip or ""
        kept = screened.rows.line.tolist()
        results = {row.id: "not loaded" for row in rows}
        alerts: dict[str, Alert] = {}
        for place, line in enumerate(kept):
            row = rows[line - 1]
            results[row.id] = _result(screened, place)
            for hit in screened.hits.get(place, ()):
                alert = _alert(row, hit)
                known = alerts.setdefault(alert.id, alert)
                if GRAVEST_FIRST.index(alert.level) < GRAVEST_FIRST.index(known.level):
                    alerts[alert.id] = alert
        with self._register.transaction():
            return self._register.judged(
                results, list(alerts.values()), version, tip, self._moment()
            )

    def _moment(self) -> str:
        """Return the time as text."""
        return self._now().isoformat(timespec="milliseconds")


def _rows_of(rows: Sequence[Registration]) -> Rows:
    """Return registrations as columns to screen."""

    def column(values: Iterable[str]) -> Texts:
        return Texts.of(list(values))

    cells = {
        "id": column(row.id for row in rows),
        "address": column(row.address for row in rows),
        "chain": column(row.asset if row.network == "" else row.network for row in rows),
        "direction": column(_DIRECTIONS[row.direction] for row in rows),
        "value": column(row.amount for row in rows),
    }
    if any(row.happened_at for row in rows):
        cells["time"] = column(row.happened_at for row in rows)
    return Rows(np.arange(1, len(rows) + 1, dtype=np.int64), cells)


def _result(screened: Screened, place: int) -> str:
    """Return what is said of a row, in one word."""
    if place in screened.direct:
        return "direct"
    if place in screened.hits:
        return "indirect"
    return "clean" if screened.loaded[place] else "not loaded"


def _alert(row: Registration, hit: dict[str, Any]) -> Alert:
    """Return a hit as an alert."""
    is_direct = hit["hops"] <= 1
    listed = category(hit["category"])
    level = LEVELS[is_direct, hit["type"] != "mention", listed.child_protection]
    shown = {"to": "SENT", "from": "RECEIVED"}.get(hit["direction"], "")
    return Alert(
        registered=row.id,
        level=level,
        category=listed.id,
        service=hit["entity"],
        label_set=hit["set"],
        exposure="DIRECT" if is_direct else "INDIRECT",
        direction=shown,
        amount="" if hit["value"] is None else str(hit["value"]),
        share=f"{hit['share']:.6f}",
        hops=hit["hops"],
        reason=hit["reason"],
    )
