"""What formats have in common: names of markings, and identifiers that nobody can join.

Identifiers are UUIDs of version 5 (RFC 9562) made from the recipient's own references. So the same
list gives the same bytes, and two recipients have no identifier in common.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from clewline import vocab
from clewline.sharing.item import SharedItem, SharedList

NAMESPACE: Final = uuid.UUID("b3a2c1de-0f4b-4c0e-9a55-6c1b7d0e2f41")
UNKNOWN: Final = "unknown"
"""Chain or network of an address whose file does not say it."""
UNMARKED: Final = "amber_strict"
"""How a file without a marking is taken."""
UNSAID: Final = datetime(2009, 1, 3, tzinfo=UTC)
"""Stands where a file says no time; no address of any chain is older."""
ABUSE: Final = "abuse"
_FOR_TESTS: Final = re.compile(r"test|signet|stage")

TLP_NAMES: Final = MappingProxyType(
    {
        "clear": "TLP:CLEAR",
        "green": "TLP:GREEN",
        "amber": "TLP:AMBER",
        "amber_strict": "TLP:AMBER+STRICT",
        "red": "TLP:RED",
    }
)
TLP_BY_NAME: Final = MappingProxyType(
    {name: word for word, name in TLP_NAMES.items()} | {"TLP:WHITE": "clear"}
)
PAP_NAMES: Final = MappingProxyType({word: f"PAP:{word.upper()}" for word in vocab.words("pap")})


def identifier(shared: SharedList, *parts: str) -> str:
    """Return the UUID of something in a recipient's list.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> one, two = (
    ...     SharedList(version=1, made_at=day, issuer="Hotline 1 (made up)", recipient=name)
    ...     for name in ("P-000001", "P-000002")
    ... )
    >>> identifier(one, "wallet", "R-7K3M2Q92") == identifier(two, "wallet", "R-7K3M2Q92")
    False
    """
    return str(uuid.uuid5(NAMESPACE, "\n".join((shared.issuer, shared.recipient, *parts))))


def of_issuer(name: str) -> str:
    """Return the UUID of an issuer, the same for every recipient."""
    return str(uuid.uuid5(NAMESPACE, f"issuer\n{name}"))


def for_tests(network: str) -> bool:
    """Tell whether the money of a network is worth nothing.

    Examples
    --------
    >>> for_tests("test"), for_tests("polygon")
    (True, False)
    """
    return _FOR_TESTS.search(network) is not None


def is_abuse(category: str) -> bool:
    """Tell whether a category is one of abuse, at any depth.

    Examples
    --------
    >>> is_abuse("child_sexual_abuse"), is_abuse("exchange")
    (True, False)
    """
    words = vocab.categories()
    while category and category != ABUSE:
        category = words[category].broader
    return category == ABUSE


def level(item: SharedItem) -> int | None:
    """Return the confidence of an item as a number from 0 to 100, None where it says none."""
    return None if item.confidence is None else vocab.confidences()[item.confidence].level


def without(values: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return values but for those of some names."""
    return {name: value for name, value in values.items() if name not in names}
