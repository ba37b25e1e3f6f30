"""Made-up addresses and label files. They stand for nobody."""

from __future__ import annotations

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name


def address(number: int, network: str = "main") -> str:
    """A segwit address that nobody holds a key of."""
    made = address_of(b"\x00\x14" + number.to_bytes(20, "big"), network_by_name(network))
    assert made
    return made


def table(*rows: str, columns: str = "address,entity,category,source,confidence") -> bytes:
    return "\n".join([columns, *rows, ""]).encode()


def pack(*tags: str, header: str = "") -> bytes:
    """A TagPack of one-line tags."""
    lines = ["title: made up", "creator: nobody", header, "tags:", *(f"- {tag}" for tag in tags)]
    return "\n".join(lines).encode()
