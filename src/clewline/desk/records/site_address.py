"""The address of a site in the one form in which it is indexed. It is never opened or kept so."""

from __future__ import annotations

import base64
import re
from typing import Final, NamedTuple

from clewline.intake.hosts import read_host, read_ip, read_number

LONGEST: Final = 4000
"""Characters of an address that are taken."""

_DEFANGED: Final = (
    (re.compile(r"\Ah[tx]{2}p(s?)(?=\[?:)", re.I), r"http\1"),
    (re.compile(r"\[:\]//|\[://\]"), "://"),
    (re.compile(r"[\[({](?:\.|dot)[\])}]", re.I), "."),
)
_PARTS: Final = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?")
_PORT: Final = re.compile(r"(.*?)(?::([0-9]*))?\Z", re.DOTALL)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ftp": "21"}
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_BYTES_SHOWN: Final = 10
_GROUP: Final = 4


class SiteAddress(NamedTuple):
    """A site's address as it is compared.

    Attributes
    ----------
    canonical : str
        Scheme and host in lower case, no default port, no user, no fragment (RFC 3986, 6.2).
    host : str
        Host name or IP address; empty where the text names none.
    """

    canonical: str
    host: str


def read_site_address(text: str) -> SiteAddress:
    """Return what stands for the address of a site or page in the index.

    Without a scheme, ``http`` is taken. What names no host, as the handle of a channel, is compared
    in lower case. Defanged forms (``hxxp``, ``[.]``) are read as what they stand for.

    Parameters
    ----------
    text : str
        As somebody typed or pasted it.

    Returns
    -------
    SiteAddress
        Equal for addresses that a browser would take for the same.

    Examples
    --------
    >>> read_site_address("hxxps://WWW.Example[.]org:443/%7ea?b#c")
    SiteAddress(canonical='https://www.example.org/~a?b', host='www.example.org')
    >>> read_site_address("Example.org").canonical, read_site_address("@Channel").host
    ('http://example.org/', '')
    """
    text = text.strip()
    for form, meant in _DEFANGED:
        text = form.sub(meant, text)
    match = _PARTS.match(text)
    assert match is not None
    scheme, authority, path, query = (part or "" for part in match.groups())
    split = _PORT.match(authority.rpartition("@")[2])
    assert split is not None
    name, port = split[1], split[2] or ""
    host = _host(name)
    if not host or (not scheme and "." not in host):
        return SiteAddress(" ".join(text.lower().split()), "")
    scheme = scheme.lower() or "http"
    shown = f"[{host}]" if ":" in host else host
    if port and port != _DEFAULT_PORTS.get(scheme):
        shown += f":{port}"
    return SiteAddress(f"{scheme}://{shown}{_escapes(path) or '/'}{_escapes(query)}", host)


def fingerprint(index: bytes) -> str:
    """Return what stands for an address in pages: the first 80 bits of its keyed index.

    Parameters
    ----------
    index : bytes
        As `clewline.desk.ledger.index_of` gives it for kind ``url``.

    Examples
    --------
    >>> fingerprint(bytes(range(16)))
    'AAAQ-EAYE-AUDA-OCAJ'
    """
    text = base64.b32encode(index[:_BYTES_SHOWN]).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def index_prefix(shown: str) -> bytes | None:
    """Return the first bytes of the index that a fingerprint was made from; None if it is none.

    Examples
    --------
    >>> index_prefix("aaaq-eaye-auda-ocaj") == bytes(range(10)), index_prefix("S-12345-67890")
    (True, None)
    """
    text = shown.strip().upper().replace("-", "")
    if not re.fullmatch(r"[A-Z2-7]{16}", text):
        return None
    return base64.b32decode(text)


def _host(name: str) -> str:
    """Return a host as it is compared, or nothing."""
    bracketed = name.startswith("[") and name.endswith("]")
    read = read_ip(name[1:-1] if bracketed else read_number(name) or name)
    return read[1] if read is not None else read_host(name) or ""


def _escapes(text: str) -> str:
    """Return a path or query with its percent escapes in one form (RFC 3986, 6.2.2)."""

    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(plain, text)
