"""How much a program may ask: requests a minute for each token, bytes of a body."""

from __future__ import annotations

import math
import threading
import time
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import HttpError

PER_MINUTE: Final = 600
"""Requests that a token may make in a minute, in each process of the server."""
LARGEST_BODY: Final[int] = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
"""Bytes of the largest body."""


class TooManyError(HttpError):
    """A token asked too often; `seconds` from now it may again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, f"more than {PER_MINUTE} requests in a minute")
        self.seconds = seconds


class Rate:
    """Counts what each token asks, in memory.

    A token has a store of `PER_MINUTE` requests that fills up evenly; one that was not used for a
    minute is full, and is forgotten.
    """

    def __init__(self) -> None:
        self._full_at: dict[int, float] = {}
        self._lock = threading.Lock()

    def take(self, token: int, now: float | None = None) -> None:
        """Take one request of a token's store.

        Parameters
        ----------
        token : int
            Id of the token.
        now : float, optional
            Seconds of a clock that only goes forward.

        Raises
        ------
        TooManyError
            If its store is empty.

        Examples
        --------
        >>> rate = Rate()
        >>> for _ in range(PER_MINUTE):
        ...     rate.take(1, now=0.0)
        >>> rate.take(1, now=0.0)
        Traceback (most recent call last):
        clewline.desk.api.limits.TooManyError: more than 600 requests in a minute
        >>> rate.take(1, now=0.11)
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            full_at = max(self._full_at.get(token, now), now) + 60 / PER_MINUTE
            if (over := full_at - now - 60) > 1e-6:
                raise TooManyError(math.ceil(over))
            self._full_at[token] = full_at
            if len(self._full_at) > PER_MINUTE:
                self._full_at = {one: at for one, at in self._full_at.items() if at > now}


def require_size(request: HttpRequest) -> None:
    """Refuse a body that is too large, before it is read.

    Raises
    ------
    HttpError
        413.
    """
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    if announced.isdecimal() and int(announced) > LARGEST_BODY:
        raise HttpError(413, f"the body has {announced} bytes; {LARGEST_BODY} are allowed")
