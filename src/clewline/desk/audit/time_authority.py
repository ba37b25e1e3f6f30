"""Ask a time authority whose URL the operator gave: one request, on the command line alone.

With `clewline.sources.server` the only module that opens a connection (`tests/test_layers.py`).
"""

from __future__ import annotations

import http.client
from typing import Final
from urllib.parse import urlsplit

from clewline.errors import UnavailableError, UsageError

_SECONDS: Final = 30
_LARGEST: Final = 1 << 20


def ask(url: str, query: bytes) -> bytes:
    """Send a query and return the response, both DER (RFC 3161 section 3.4).

    Parameters
    ----------
    url : str
        ``https://`` or ``http://``: a response carries its own proof. Redirections are refused.
    query : bytes
        From `timestamps.request_for`.

    Raises
    ------
    UsageError
        If the URL is none.
    UnavailableError
        If the authority cannot be reached or answers with something else.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("is no http:// or https:// URL", where=url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=_SECONDS)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/timestamp-query", "User-Agent": "clewline"}
        try:
            connection.request("POST", path, query, headers)
            answer = connection.getresponse()
            body = answer.read(_LARGEST + 1)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnavailableError(f"the time authority does not answer: {error}", where=url) from None
    kind_said = answer.getheader("Content-Type", "").partition(";")[0].strip()
    if answer.status != 200 or kind_said != "application/timestamp-reply" or len(body) > _LARGEST:
        raise UnavailableError(
            f"the time authority answered {answer.status} {kind_said}", where=url
        )
    return body
