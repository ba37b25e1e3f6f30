"""Host names and IP addresses: their one form, and why some say nothing of who runs a page."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from clewline.intake.hidden_services import is_i2p_hash, onion_version
from clewline.intake.indicator_marks import load_marks

# The first that holds an address decides. IANA's special-purpose registries (RFC 6890).
_RANGES: Final = tuple(
    (ipaddress.ip_network(network), reason)
    for reason, networks in (
        ("documentation", "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
        ("loopback", "127.0.0.0/8 ::1/128"),
        ("link_local", "169.254.0.0/16 fe80::/10"),
        ("carrier_nat", "100.64.0.0/10"),
        ("private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10"),
        ("multicast", "224.0.0.0/4 ff00::/8"),
        ("reserved_address", "0.0.0.0/8 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4"),
        ("reserved_address", "::/8 64:ff9b::/96 100::/64 2001::/23 2002::/16"),
    )
    for network in networks.split()
)
_GLOBAL_V6: Final = ipaddress.ip_network("2000::/3")
# RFC 2606, RFC 6761, RFC 6762, RFC 8375, RFC 9476; `internal` by ICANN.
_RESERVED_NAMES: Final = frozenset(
    {
        *("test", "invalid", "example", "localhost", "local", "alt", "internal", "lan", "arpa"),
        *("example.com", "example.net", "example.org"),
    }
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_SECOND_LEVEL: Final = frozenset(
    {
        *("ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "id", "in", "ltd", "me", "mil"),
        *("ne", "net", "nhs", "nom", "or", "org", "plc", "sch", "web"),
    }
)
_LONGEST: Final = 253


def read_ip(text: str) -> tuple[str, str, str | None] | None:
    """Return kind, one form and reason to set aside of an IP address.

    Parameters
    ----------
    text : str
        As `ipaddress` reads it: four decimal numbers without leading zeros, or IPv6.

    Returns
    -------
    tuple or None
        ``ipv4`` or ``ipv6``; the shortest form (RFC 5952), that of IPv4 where it is mapped into
        IPv6; a key of `clewline.intake.indicators.ASIDE` or None. None where it is no address.

    Examples
    --------
    >>> read_ip("192.168.0.1"), read_ip("2A00:1450:0:0::1"), read_ip("1.2.3.256")
    (('ipv4', '192.168.0.1', 'private'), ('ipv6', '2a00:1450::1', None), None)
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    value = str(address)
    for network, reason in _RANGES:
        if address.version == network.version and address in network:
            return f"ipv{address.version}", value, reason
    if address.version == 6 and address not in _GLOBAL_V6:
        return "ipv6", value, "reserved_address"
    if value in load_marks().shared_addresses:
        return f"ipv{address.version}", value, "shared"
    return f"ipv{address.version}", value, None


def read_number(text: str) -> str | None:
    """Return the IPv4 address that browsers read in a host of a URL that is numbers.

    Source: the IPv4 parser of the URL standard: one to four parts, decimal, octal or hexadecimal,
    the last of which fills what is left.

    Parameters
    ----------
    text : str
        The host of a URL.

    Returns
    -------
    str or None
        Four decimal numbers; None where it is no number or too large.

    Examples
    --------
    >>> read_number("0x7f.1"), read_number("3232235777"), read_number("a.1")
    ('127.0.0.1', '192.168.1.1', None)
    """
    parts = text.removesuffix(".").split(".")
    if len(parts) > 4:
        return None
    numbers = []
    for part in parts:
        if re.fullmatch(r"0[xX][0-9a-fA-F]{0,8}", part):
            numbers.append(int(part[2:] or "0", 16))
        elif re.fullmatch(r"0[0-7]{1,11}", part):
            numbers.append(int(part, 8))
        elif re.fullmatch(r"0|[1-9][0-9]{0,9}", part):
            numbers.append(int(part))
        else:
            return None
    *high, last = numbers
    if any(one > 255 for one in high) or last >= 1 << 8 * (5 - len(parts)):
        return None
    return str(ipaddress.IPv4Address(sum(one << 8 * (3 - i) for i, one in enumerate(high)) + last))


def read_host(text: str) -> str | None:
    """Return a host name as it is compared: ASCII (IDNA), lower case, no dot at the end.

    Parameters
    ----------
    text : str
        A name without port, at most 253 characters.

    Returns
    -------
    str or None
        None where it is no name, or a number.

    Examples
    --------
    >>> read_host("WWW.Example.ORG."), read_host("büro.example"), read_host("a..b")
    ('www.example.org', 'xn--bro-hoa.example', None)
    """
    name = text.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = name[:_LONGEST].encode("idna").decode()
        except UnicodeError:
            return None
    labels = name.split(".")
    if len(name) > _LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return None if labels[-1].isdigit() else name


def _is_below(host: str, names: frozenset[str]) -> bool:
    """Tell whether a host is one of some names or stands below one."""
    labels = host.split(".")
    return any(".".join(labels[i:]) in names for i in range(len(labels)))


def host_aside(host: str) -> str | None:
    """Return why a host name is not used for linking, a key of `indicators.ASIDE`; None if it is.

    Parameters
    ----------
    host : str
        As `read_host` returns it.

    Returns
    -------
    str or None
        ``reserved_name``, ``local_name``, ``shared`` or None.

    Examples
    --------
    >>> host_aside("www.example.org"), host_aside("db"), host_aside("cdn.jsdelivr.net")
    ('reserved_name', 'local_name', 'shared')
    """
    marks = load_marks()
    if _is_below(host, _RESERVED_NAMES):
        return "reserved_name"
    if "." not in host:
        return "local_name"
    if _is_below(host.partition(".")[2], marks.tenants):
        return None
    return "shared" if _is_below(host, marks.shared_hosts | marks.tenants) else None


def registrable(host: str) -> str:
    """Return the part of a host name that somebody registered.

    A rule, not the public suffix list: two labels; three where the last is of a country and the
    one before says ``co``, ``com``, ``org`` and the like; one more than the name of a host that
    rents out names below its own (`tenants` in indicator_marks.yaml).

    Parameters
    ----------
    host : str
        As `read_host` returns it.

    Returns
    -------
    str
        The name, or the host itself where it has no more labels.

    Limits
    ------
    Suffixes that neither rule knows give a name that several registrants share.

    Examples
    --------
    >>> registrable("www.shop.example.co.uk"), registrable("a.b.github.io"), registrable("x.y.de")
    ('example.co.uk', 'b.github.io', 'y.de')
    """
    labels = host.split(".")
    tenants = load_marks().tenants
    for i in range(1, len(labels)):
        if ".".join(labels[i:]) in tenants:
            return ".".join(labels[i - 1 :])
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if country else -2 :])


def read_hidden(host: str) -> tuple[str, str, str | None] | None:
    """Return kind, name and reason to set aside of a hidden service's host.

    Parameters
    ----------
    host : str
        As `read_host` returns it; names below a service's own are left out of the answer.

    Returns
    -------
    tuple or None
        ``onion``, ``onion_v2`` or ``i2p``; None where it ends with neither.

    Examples
    --------
    >>> read_hidden("www.stats.i2p"), read_hidden("x" * 16 + ".onion")[0], read_hidden("a.de")
    (('i2p', 'stats.i2p', 'shared'), 'onion_v2', None)
    """
    labels = host.split(".")
    if len(labels) < 2 or labels[-1] not in ("onion", "i2p"):
        return None
    aside = "shared" if _is_below(host, load_marks().shared_hosts) else None
    if labels[-1] == "onion":
        version = onion_version(labels[-2])
        aside = aside if version else "wrong_checksum"
        return "onion_v2" if version == 2 else "onion", f"{labels[-2]}.onion", aside
    if labels[-2] == "b32" and len(labels) > 2:
        aside = aside if is_i2p_hash(labels[-3]) else "wrong_checksum"
        return "i2p", f"{labels[-3]}.b32.i2p", aside
    return "i2p", ".".join(labels[-2:]), aside
