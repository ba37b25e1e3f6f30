"""The hotline's side over HTTPS: one address that takes a message and gives the answer."""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clewline.errors import DataError, UsageError
from clewline.matching.carriers import MEDIA_TYPE, PATH
from clewline.matching.hotline import Hotline
from clewline.matching.message import MOST_BYTES

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_WAITING: Final = 4
"""Messages being answered at once; who comes later is asked to come again."""
_RETRY_SECONDS: Final = 2


def application(hotline: Hotline) -> Starlette:
    """Return the web application.

    A message of nobody known gets 404 whatever it is; nothing else is told to it. More than
    `MOST_WAITING` at once get 503 with ``Retry-After``, instead of a queue that grows.

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
    waiting = 0

    async def messages(request: Request) -> Response:
        nonlocal waiting
        if waiting >= MOST_WAITING:
            return Response(status_code=503, headers={"Retry-After": str(_RETRY_SECONDS)})
        waiting += 1
        try:
            data = await _body(request)
            answer = await asyncio.to_thread(hotline.handle, data)
        except DataError:
            return Response("not found\n", status_code=404, media_type="text/plain")
        finally:
            waiting -= 1
        return Response(answer, media_type=MEDIA_TYPE)

    return Starlette(routes=[Route(PATH, messages, methods=["POST"])])


def listen(
    hotline: Hotline, address: str, port: int, certificate: Path | None, key: Path | None
) -> None:
    """Answer until a signal ends it.

    Raises
    ------
    UsageError
        If it would listen beyond this machine without a certificate, or with half of one.
    """
    if (certificate is None) != (key is None):
        raise UsageError("a certificate and its key go together", where="--certificate, --key")
    if certificate is None and not _is_loopback(address):
        raise UsageError(
            "beyond this machine only with a certificate: --certificate and --key", where=address
        )
    from granian.constants import Interfaces
    from granian.server.embed import Server

    server = Server(
        application(hotline),
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        ssl_cert=certificate,
        ssl_key=key,
        websockets=False,
        log_access=False,
    )
    asyncio.run(server.serve())


def _is_loopback(address: str) -> bool:
    """Tell whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


async def _body(request: Request) -> bytes:
    """Read a message, no further than a message goes."""
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > MOST_BYTES:
            raise DataError("too long")
    return bytes(pieces)
