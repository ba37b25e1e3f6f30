"""Whom a side talks to, and how much a partner may ask.

Cryptography hides what is asked; it does not keep a partner from asking for everything that there
is. That is what these limits are for, and the journal, and the contract between the two.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from clewline.errors import DataError, UsageError
from clewline.matching.identity import is_public_key

_FILE: Final = "partners.json"
_LONGEST_NAME: Final = 60


@dataclass(frozen=True)
class Partner:
    """A partner and its limits.

    Attributes
    ----------
    name : str
        What this side calls it.
    key : str
        Its public key.
    most_items : int
        In one session.
    most_new : int
        Items never asked before, in any `days` days.
    days : int
        See `most_new`.
    sessions_a_day : int
        Opened within 24 hours.
    """

    name: str
    key: str
    most_items: int = 2_000_000
    most_new: int = 2_000_000
    days: int = 30
    sessions_a_day: int = 4


def read_partners(home: Path) -> dict[str, Partner]:
    """Return partners by name.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    file = home / _FILE
    try:
        rows = json.loads(file.read_text("utf-8"))
        found = [_checked(Partner(**row)) for row in rows]
    except FileNotFoundError:
        return {}
    except (OSError, TypeError, ValueError, UsageError) as error:
        raise DataError(f"is no table of partners: {error}", where=str(file)) from None
    return {partner.name: partner for partner in found}


def put_partner(home: Path, partner: Partner) -> None:
    """Add a partner, or change its limits.

    Raises
    ------
    UsageError
        If name, key or a limit is none, or another partner has the key.
    """
    _checked(partner)
    known = read_partners(home)
    for other in known.values():
        if other.key == partner.key and other.name != partner.name:
            raise UsageError(f"{other.name} has this key already", where=partner.name)
    known[partner.name] = partner
    file = home / _FILE
    part = file.with_suffix(".part")
    part.write_text(json.dumps([asdict(one) for one in known.values()], indent=1) + "\n", "utf-8")
    part.replace(file)


def partner_called(home: Path, name: str) -> Partner:
    """Return one partner.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    known = read_partners(home)
    if name not in known:
        raise UsageError(
            f"no partner {name!r}; there are: {', '.join(sorted(known)) or 'none'}",
            hint=f"clewline match partner {home} NAME KEY",
        )
    return known[name]


def _checked(partner: Partner) -> Partner:
    """Return the partner if everything about it can be."""
    if not partner.name.isprintable() or not 0 < len(partner.name) <= _LONGEST_NAME:
        raise UsageError(f"a name has 1 to {_LONGEST_NAME} printable characters")
    if not is_public_key(partner.key):
        raise UsageError("a public key has 64 hex digits", where=partner.name)
    for field in fields(Partner)[2:]:
        value = getattr(partner, field.name)
        if type(value) is not int or value < 1:
            raise UsageError(f"{field.name} is a whole number from 1", where=partner.name)
    return partner
