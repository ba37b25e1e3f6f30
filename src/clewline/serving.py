"""How a web service of Clewline listens: on this machine as it is, beyond it only with TLS."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from clewline.errors import ClewlineError, UsageError


class Place(NamedTuple):
    """Where a service listens, and with which certificate."""

    address: str
    port: int
    certificate: Path | None = None
    key: Path | None = None


def listen(make: Callable[[], Any], place: Place) -> None:
    """Answer until a signal ends it.

    Parameters
    ----------
    make : callable
        Returns the ASGI application; called in the process that answers, so it must be importable:
        a function of a module, or a `functools.partial` of one.
    place : Place
        Where.

    Raises
    ------
    UsageError
        If it would listen beyond this machine without a certificate, or with half of one.
    """
    check(place)
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        "clewline",  # a name to show; what answers is made by the loader
        address=place.address,
        port=place.port,
        interface=Interfaces.ASGI,
        ssl_cert=place.certificate,
        ssl_key=place.key,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
    ).serve(target_loader=partial(_made, make), wrap_loader=False)


def check(place: Place) -> None:
    """Refuse a place that others reach and that has no certificate.

    Raises
    ------
    UsageError
        If it is one, or has half of a certificate.
    """
    if (place.certificate is None) != (place.key is None):
        raise UsageError("a certificate and its key go together", where="--certificate, --key")
    if place.certificate is None and not _is_loopback(place.address):
        raise UsageError(
            "beyond this machine only with a certificate: --certificate and --key",
            where=place.address,
        )


def _made(make: Callable[[], Any]) -> Any:
    """Make the application; an error is one line, as of every command."""
    try:
        return make()
    except ClewlineError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None


def _is_loopback(address: str) -> bool:
    """Tell whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
