"""By what a site's address or a contact is found again without being kept in the clear.

Recording and searching use the same forms, so what was typed differently is found the same.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from clewline.desk.ledger import index_of

_DEFANGED: Final = (
    (re.compile(r"^\s*h(?:xx|\*\*|tt)p(s?)(?=[:\[])", re.IGNORECASE), r"http\1"),
    (re.compile(r"\[(?:://|:)\](?://)?"), "://"),
    (re.compile(r"\s*(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))\s*", re.IGNORECASE), "."),
)
_SITE: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:[^/?#@\s]*@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^/?#@:\s\[\]]+\.[^/?#@:\s\[\]]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][^\s#]*)?(?:#\S*)?",
    re.IGNORECASE,
)
_PORTS: Final = {"http": "80", "https": "443"}
_TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{5,}[0-9]")
_SHOWN: Final = 10


def canonical_url(text: str) -> str:
    """Return the form by which addresses of pages are compared; empty where it is none.

    Scheme and host in lower case, no account, no default port, no fragment, ``/`` for no path.
    Defanged text is read. Nothing is asked of any server.

    Examples
    --------
    >>> canonical_url("hxxps://Site[.]Example:443#part")
    'https://site.example/'
    >>> canonical_url("site.example/pay?x=1"), canonical_url("no site")
    ('site.example/pay?x=1', '')
    """
    for pattern, plain in _DEFANGED:
        text = pattern.sub(plain, text)
    match = _SITE.fullmatch(text.strip())
    if match is None:
        return ""
    scheme, port = (match["scheme"] or "").lower(), match["port"]
    start = f"{scheme}://" if scheme else ""
    shown_port = f":{port}" if port and port != _PORTS.get(scheme) else ""
    rest = match["rest"] or "/"
    return f"{start}{_host(match)}{shown_port}{'/' if rest.startswith('?') else ''}{rest}"


def url_indexes(text: str) -> list[bytes]:
    """Return the indexes of a page's address; without a scheme those of http and https.

    The first is the one to record. Empty where the text is no such address.
    """
    url = canonical_url(text)
    if not url:
        return []
    forms = [url] if "://" in url else [f"http://{url}", f"https://{url}"]
    return [index_of("url", form) for form in forms]


def host_index(text: str) -> bytes | None:
    """Return the index of the host in a page's address, None where it is none."""
    url = canonical_url(text)
    match = _SITE.fullmatch(url) if url else None
    return index_of("host", _host(match)) if match else None


def canonical_contact(text: str) -> str:
    """Return the form by which contacts are compared: no case, no ``@`` before, digits of a number.

    Examples
    --------
    >>> canonical_contact(" @Made.Up "), canonical_contact("+44 (20) 7946-0000")
    ('made.up', '+442079460000')
    """
    plain = text.strip().removeprefix("mailto:").removeprefix("tel:").casefold()
    if _TELEPHONE.fullmatch(plain):
        return ("+" if plain.startswith("+") else "") + re.sub(r"[^0-9]", "", plain)
    return plain.removeprefix("@")


def contact_index(text: str) -> bytes:
    """Return the index of a contact of any kind."""
    return index_of("contact", canonical_contact(text))


def fingerprint(index: bytes) -> str:
    """Return what people see of a keyed index, such as ``K3M2QA92QD``: 50 bits of it.

    Examples
    --------
    >>> fingerprint(bytes(16))
    'AAAAAAAAAA'
    """
    return base64.b32encode(index).decode()[:_SHOWN]


def _host(match: re.Match[str]) -> str:
    """Return the host of a match, lower case, without the dot of the root."""
    return match["host"].lower().rstrip(".")
