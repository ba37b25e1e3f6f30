"""What one partner was told so far: its copies, one after the other, folded into one list."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from clewline.desk.alerts.composing import list_of, reference
from clewline.desk.alerts.models import Copy
from clewline.desk.partners.models import Partner
from clewline.errors import UsageError
from clewline.sharing import SharedItem, SharedList
from clewline.sharing.stix import framing, objects_of


def copies_of(partner: Partner) -> Iterator[Copy]:
    """Yield a partner's copies in their order.

    One whose partnership is suspended or over sees the withdrawals alone: what it holds may be
    wrong, and it learns nothing new.
    """
    found = Copy.objects.filter(partner=partner).order_by("number")
    yield from found if partner.standing == "active" else found.filter(kind="withdrawn")


def whole_list(partner: Partner, up_to: int | None = None) -> SharedList:
    """Return a partner's list as of a version, or as it is now.

    Raises
    ------
    UsageError
        If there is no such version.
    """
    items: dict[str, SharedItem] = {}
    last: SharedList | None = None
    for copy in copies_of(partner):
        if up_to is not None and copy.number > up_to:
            break
        last = list_of(copy)
        items |= {one.id: one for one in last.items}
    if last is None or (up_to is not None and last.version != up_to):
        raise UsageError("there is no such version of your list", where="version")
    return replace(last, items=tuple(items.values()), previous=None)


def changes_since(partner: Partner, version: int) -> SharedList:
    """Return what was added, changed and withdrawn after a version that a partner holds.

    Raises
    ------
    UsageError
        If there is no such version, or it is the last one.
    """
    items: dict[str, SharedItem] = {}
    last: SharedList | None = None
    known = False
    for copy in copies_of(partner):
        known |= copy.number == version
        if copy.number > version:
            last = list_of(copy)
            items |= {one.id: one for one in last.items}
    if not known or last is None:
        raise UsageError("there is no such version, or nothing came after it", where="version")
    return replace(last, items=tuple(items.values()), previous=version)


def latest_version(partner: Partner) -> int:
    """Return the number of a partner's list as it is now; 0 where it was told nothing yet."""
    return max((copy.number for copy in copies_of(partner)), default=0)


@dataclass(frozen=True)
class Entry:
    """A STIX object in a partner's collection, and when it came in."""

    added: datetime
    number: int
    body: dict[str, Any]

    @property
    def id(self) -> str:
        """Its identifier."""
        return str(self.body["id"])

    @property
    def version(self) -> str:
        """Its version (TAXII 2.1, section 3.4.1): modified, or created, or when it came in."""
        return str(self.body.get("modified") or self.body.get("created") or moment(self.added))


def entries(partner: Partner) -> list[Entry]:
    """Return the objects of a partner's collection in the order in which they came in."""
    found: dict[tuple[str, str], Entry] = {}
    for copy in copies_of(partner):
        shared = list_of(copy)
        objects = [*framing(shared)]
        objects += [one for item in shared.items for one in objects_of(shared, item)]
        for body in objects:
            entry = Entry(copy.at, copy.number, body)
            # What does not change has one version, however often it is told.
            version = str(body.get("modified") or body.get("created") or "")
            found.setdefault((entry.id, version), entry)
    return list(found.values())


def moment(when: datetime) -> str:
    """Return a time as TAXII writes it, to the microsecond."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def collection_id(partner: Partner) -> str:
    """Return the id of a partner's only collection, which nobody else's can be told from."""
    name = reference(partner, "collection", "")
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))
