"""Ending a long command on Ctrl-C or SIGTERM: cleanly, without a traceback, with the usual code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop(BaseException):
    """A signal asks the command to end; raised in the main thread wherever it is.

    Attributes
    ----------
    exit_code : int
        As a shell tells of a signal: 130 for SIGINT, 143 for SIGTERM.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Stopper:
    """Turns the first signal into `Stop`; later ones do not disturb the ending that it began."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._deferring = False

    def came(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        if self._number is None:
            self._number = number
            if not self._deferring:
                raise Stop(number)

    def check(self) -> None:
        """Raise `Stop` again if a signal came.

        What is raised inside a finaliser or a callback of C code is lost, so a loop asks here.
        """
        if self._number is not None:
            raise Stop(self._number)

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Let something short be done as a whole; a signal raises `Stop` after it."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        self.check()


@contextmanager
def stoppable() -> Iterator[Stopper]:
    """Raise `Stop` for SIGINT and SIGTERM; one that the caller had ignored stays ignored."""
    stopper = Stopper()
    heard = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, stopper.came) for one in heard}
    tell_of_lost = sys.unraisablehook

    def lost(raised: sys.UnraisableHookArgs) -> None:
        """Say nothing of a `Stop` that got lost: `Stopper.check` raises it again."""
        if not isinstance(raised.exc_value, Stop):
            tell_of_lost(raised)

    sys.unraisablehook = lost
    try:
        yield stopper
    finally:
        sys.unraisablehook = tell_of_lost
        for one, handler in before.items():
            signal.signal(one, handler)
