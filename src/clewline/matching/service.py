"""The hotline's side over HTTPS: one address that takes a message and gives the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from clewline.errors import DataError, UsageError
from clewline.matching.carriers import MEDIA_TYPE, PATH
from clewline.matching.hotline import Hotline

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_WAITING: Final = 4
"""Messages being answered at once; who comes later is asked to come again."""
MOST_READING: Final = 64
"""Messages being read at once, so that a few slow senders keep nobody out."""
MOST_SECONDS: Final = 60.0
"""To send a message."""
MOST_SENT: Final = 4 << 20
"""Bytes of a message to the hotline: a piece of items. Only what it sends is longer."""
_RETRY_SECONDS: Final = 2


def application(hotline: Hotline) -> Starlette:
    """Return the web application.

    A message of nobody known, or that does not come in whole, gets 404 whatever it is; nothing else
    is told to it. More than `MOST_WAITING` at once get 503 with ``Retry-After``, instead of a queue
    that grows.

    Raises
    ------
    UsageError
        If the extra ``psi`` is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError:
        raise UsageError("the service needs the extra psi: pip install 'clewline[psi]'") from None
    reading = waiting = 0
    busy, unknown = 503, 404

    def short(status: int) -> Response:
        if status == busy:
            return Response(status_code=busy, headers={"Retry-After": str(_RETRY_SECONDS)})
        return Response("not found\n", status_code=unknown, media_type="text/plain")

    async def messages(request: Request) -> Response:
        nonlocal reading, waiting
        if reading >= MOST_READING:
            return short(busy)
        reading += 1
        try:
            async with asyncio.timeout(MOST_SECONDS):
                data = await _body(request)
        except (DataError, TimeoutError):
            return short(unknown)
        finally:
            reading -= 1
        if waiting >= MOST_WAITING:
            return short(busy)
        waiting += 1
        try:
            answer = await asyncio.to_thread(hotline.handle, data)
        except DataError:
            return short(unknown)
        finally:
            waiting -= 1
        return Response(answer, media_type=MEDIA_TYPE)

    return Starlette(routes=[Route(PATH, messages, methods=["POST"])])


async def _body(request: Request) -> bytes:
    """Read a message, no further than a message goes."""
    from starlette.requests import ClientDisconnect

    pieces = bytearray()
    try:
        async for piece in request.stream():
            pieces += piece
            if len(pieces) > MOST_SENT:
                raise DataError("too long")
    except ClientDisconnect:
        raise DataError("cut off") from None
    return bytes(pieces)
