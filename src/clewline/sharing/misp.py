"""MISP: an event with a `coin-address` object an item, alone or as the directory of a feed.

The event of a recipient keeps its identifier from list to list, so a MISP that fetches it again
updates what it has; what was withdrawn comes as deleted.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from clewline.errors import SharedFileError
from clewline.sharing.item import (
    CLUE,
    SharedItem,
    SharedList,
    item_from_plain,
    plain,
)
from clewline.sharing.json_file import canonical, list_from_plain, list_plain, parsed
from clewline.sharing.marks import (
    TLP_BY_NAME,
    TLP_NAMES,
    UNKNOWN,
    UNMARKED,
    UNSAID,
    identifier,
    of_issuer,
    without,
)

Table = dict[str, Any]

TEMPLATE: Final = ("d0e6997e-78da-4815-a6a1-cfc1c1cb8a46", "7")
"""Identifier and version of the object template `coin-address`."""
NOT_GIVEN: Final = frozenset({"wording", "url", "brand_codename"})
"""A MISP event travels on to whoever the instance synchronises with."""
_ELSEWHERE: Final = NOT_GIVEN | {"address", "note"}
_LIST_COMMENT: Final = "What the list says of itself"
_TYPES: Final = MappingProxyType(
    {
        "address": ("btc", "Financial fraud"),
        "address-xmr": ("xmr", "Financial fraud"),
        "address-crypto": ("text", "Other"),
        "symbol": ("text", "Other"),
        "first-seen": ("datetime", "Other"),
        "last-seen": ("datetime", "Other"),
        "text": ("text", "Other"),
    }
)
_PLAIN: Final = MappingProxyType(
    {"btc": ("BTC", UNKNOWN), "xmr": ("XMR", "monero"), "dash": ("DASH", "dash")}
)
"""Types of an attribute that stands alone, as most events of others have them."""
_BITCOIN_STARTS: Final = ("1", "3", "bc1")

ADMIRALTY_SOURCE: Final = MappingProxyType({"1": "b", "2": "f", "3": "e"})
"""Source of 3x5x2 → Admiralty: usually reliable, cannot be judged, unreliable."""
ADMIRALTY_INFORMATION: Final = MappingProxyType({"A": "2", "B": "2", "C": "3", "D": "6", "E": "5"})
"""Information of 3x5x2 → Admiralty: probably true, possibly true, cannot be judged, improbable."""


def relation_of(item: SharedItem) -> str:
    """Return the relation of the template under which an address stands.

    `address` is of MISP's type ``btc``, so only an address of Bitcoin itself stands there: neither
    one of Ethereum, nor an invoice, nor one of a test network.
    """
    if item.chain == "BTC" and item.network == "main":
        return "address" if str(item.address).startswith(_BITCOIN_STARTS) else "address-crypto"
    return "address-xmr" if (item.chain, item.network) == ("XMR", "monero") else "address-crypto"


def tags_of(item: SharedItem) -> list[str]:
    """Return the tags of an item's address.

    The Admiralty scale is a mapping; the original grades stand in the attribute `text`.
    """
    tags = [TLP_NAMES[item.tlp].lower()]
    if item.pap:
        tags.append(f"PAP:{item.pap.upper()}")
    if item.source_grade:
        grade = ADMIRALTY_SOURCE[item.source_grade]
        tags.append(f'admiralty-scale:source-reliability="{grade}"')
    if item.info_grade:
        grade = ADMIRALTY_INFORMATION[item.info_grade]
        tags.append(f'admiralty-scale:information-credibility="{grade}"')
    if item.rail:
        tags.append(f'payment-page:rail="{item.rail.replace("_", "-")}"')
    if item.period:
        tags.append(f'payment-page:period="{item.period.replace("_", "-")}"')
    if item.category == "child_sexual_abuse":
        tags.append('dark-web:topic="child-sexual-abuse-material"')
    return tags


def _seconds(when: datetime) -> str:
    """Return a time as MISP keeps it."""
    return str(int(when.timestamp()))


def _object(shared: SharedList, item: SharedItem) -> Table:
    """Return the object of an item."""
    gone = item.state == "withdrawn"
    stamp = _seconds(item.changed_at)
    carried = without(plain(item), _ELSEWHERE)
    values: dict[str, Any] = {relation_of(item): item.address}
    symbol = item.asset or item.chain
    values["symbol"] = str(symbol).upper()
    values |= {
        name.replace("_", "-"): carried[name]
        for name in ("first_seen", "last_seen")
        if name in carried
    }
    values["text"] = canonical(carried).decode()
    attributes = []
    for relation, value in values.items():
        kind, category = _TYPES[relation]
        attribute: Table = {
            "uuid": identifier(shared, "misp", item.id, relation),
            "object_relation": relation,
            "type": kind,
            "category": category,
            "value": value,
            "to_ids": relation.startswith("address") and item.standing == "control" and not gone,
            "timestamp": stamp,
            "distribution": "5",
            "disable_correlation": not relation.startswith("address"),
            "deleted": gone,
            "comment": CLUE if relation.startswith("address") else "",
        }
        if relation.startswith("address"):
            attribute["Tag"] = [{"name": name} for name in tags_of(item)]
        attributes.append(attribute)
    return {
        "uuid": identifier(shared, "misp", item.id),
        "name": "coin-address",
        "description": "An address used in a cryptocurrency",
        "meta-category": "financial",
        "template_uuid": TEMPLATE[0],
        "template_version": TEMPLATE[1],
        "timestamp": stamp,
        "distribution": "5",
        "deleted": gone,
        "comment": CLUE,
        "Attribute": attributes,
    }


def event(shared: SharedList) -> Table:
    """Return a list as an event; options without an address are left out."""
    items = tuple(item for item in shared.items if item.address is not None)
    shared = replace(shared, items=items)
    tags = [TLP_NAMES[shared.tlp].lower()]
    if any(item.category == "child_sexual_abuse" for item in items):
        tags.append('dark-web:topic="child-sexual-abuse-material"')
    about: Table = {
        "uuid": identifier(shared, "misp", "list"),
        "type": "text",
        "category": "Internal reference",
        "value": canonical(list_plain(shared)).decode(),
        "to_ids": False,
        "timestamp": _seconds(shared.made_at),
        "distribution": "5",
        "disable_correlation": True,
        "deleted": False,
        "comment": _LIST_COMMENT,
    }
    return {
        "uuid": identifier(shared, "misp"),
        "info": f"Payment addresses, list {shared.version}. {CLUE}",
        "date": shared.made_at.strftime("%Y-%m-%d"),
        "timestamp": _seconds(shared.made_at),
        "publish_timestamp": _seconds(shared.made_at),
        "published": True,
        "analysis": "1",
        "threat_level_id": "4",
        "distribution": "0",
        "Orgc": {"name": shared.issuer, "uuid": of_issuer(shared.issuer)},
        "Tag": [{"name": name} for name in tags],
        "Attribute": [about],
        "Object": [_object(shared, item) for item in items],
    }


def write(shared: SharedList) -> bytes:
    """Return a list as the file of one event, as in a feed."""
    return canonical({"Event": event(shared)}) + b"\n"


def feed(shared: SharedList) -> dict[str, bytes]:
    """Return the files of a feed that one recipient fetches.

    Returns
    -------
    dict
        ``manifest.json``, ``hashes.csv`` (MD5 of each address → event, by which MISP looks feeds
        up) and the event. Give them behind authentication: a feed has none of its own.

    Examples
    --------
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> one = SharedList(version=1, made_at=day, issuer="Hotline 1 (made up)", recipient="P-000001")
    >>> sorted(feed(one))[1:]
    ['hashes.csv', 'manifest.json']
    """
    found = event(shared)
    name = found["uuid"]
    about = ("Orgc", "Tag", "info", "date", "analysis", "threat_level_id", "timestamp")
    lines = [
        f"{hashlib.md5(attribute['value'].encode(), usedforsecurity=False).hexdigest()},{name}\n"
        for one in found["Object"]
        for attribute in one["Attribute"]
        if attribute["object_relation"].startswith("address") and not attribute["deleted"]
    ]
    return {
        "manifest.json": canonical({name: {key: found[key] for key in about}}) + b"\n",
        "hashes.csv": "".join(lines).encode(),
        f"{name}.json": canonical({"Event": found}) + b"\n",
    }


def read(data: bytes) -> SharedList:
    """Read an event: ours as it was written, those of others by their addresses.

    Those are `coin-address` objects, and attributes of the types `btc`, `xmr` and `dash`.

    Raises
    ------
    SharedFileError, UsageError
        If it is no event, or one of ours of which one part contradicts another.
    """
    document = parsed(data)
    found = document.get("Event") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise SharedFileError("is no event", where="file")
    about = [
        one
        for one in _tables(found.get("Attribute", []), "Attribute")
        if one.get("comment") == _LIST_COMMENT
    ]
    objects = [
        one
        for one in _tables(found.get("Object", []), "Object")
        if one.get("name") == "coin-address"
    ]
    if not about:
        return _of_others(found, objects)
    items = []
    for one in objects:
        where = f"object {str(one.get('uuid'))[:36]}"
        values = _values(one, where)
        carried = parsed(values.get("text", "").encode(), where)
        if not isinstance(carried, dict):
            raise SharedFileError("text is no table", where=where)
        address = next((values[name] for name in _TYPES if name in values), None)
        items.append(item_from_plain({**carried, "address": address, "note": CLUE}, where))
    said = parsed(str(about[0].get("value")).encode(), "attribute of the list")
    shared = list_from_plain(said, tuple(items), "event")
    fault = difference(event(shared), found)
    if fault is not None:
        raise SharedFileError(
            "is not what its list says", where=fault, hint="the event was changed on its way"
        )
    return shared


def difference(expected: Any, found: Any, place: str = "Event") -> str | None:
    """Return where `found` lacks or contradicts something of `expected`, None where nowhere.

    A MISP adds keys of its own and may give lists in another order; tables are told by their uuid
    or name.
    """
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return place
        inner = (
            difference(value, found.get(name), f"{place}.{name}")
            for name, value in expected.items()
        )
        return next((one for one in inner if one), None)
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return place
        there = {_key(one): one for one in found}
        parts = (difference(one, there.get(_key(one)), f"{place} {_key(one)}") for one in expected)
        return next((one for one in parts if one), None)
    return None if type(expected) is type(found) and expected == found else place


def _key(one: Any) -> str:
    """Return what tells a table from others in its list."""
    return str(one.get("uuid") or one.get("name"))[:80] if isinstance(one, dict) else ""


def _tables(found: Any, name: str) -> list[Table]:
    """Return a list of tables, which an event has."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SharedFileError(f"{name} is no list of tables", where="file")
    return found


def _values(one: Table, where: str) -> dict[str, str]:
    """Return the values of an object by their relation."""
    values: dict[str, str] = {}
    for attribute in _tables(one.get("Attribute", []), where):
        relation, value = attribute.get("object_relation"), attribute.get("value")
        if not isinstance(relation, str) or not isinstance(value, str):
            raise SharedFileError("an attribute has no relation or no text", where=where)
        if relation in values:
            raise SharedFileError(f"{relation[:40]} is there twice", where=where)
        values[relation] = value
    return values


def _of_others(found: Table, objects: list[Table]) -> SharedList:
    """Return the addresses of another's event as items: objects, and attributes without one."""
    items = []
    for one in objects:
        where = f"object {str(one.get('uuid'))[:36]}"
        values = _values(one, where)
        relation = next((name for name in _TYPES if name in values), "symbol")
        if relation == "symbol":
            raise SharedFileError("has no address", where=where)
        made_up = {"address": ("BTC", "main"), "address-xmr": ("XMR", "monero")}
        of = made_up.get(relation, (values.get("symbol", UNKNOWN).upper(), UNKNOWN))
        marked = _tlp(found, *_tables(one.get("Attribute", []), where))
        items.append(_item_of_others(one, values[relation], of, marked, where))
    for one in _tables(found.get("Attribute", []), "Attribute"):
        of = _PLAIN.get(str(one.get("type")), ("", ""))
        if of[0]:
            where = f"attribute {str(one.get('uuid'))[:36]}"
            items.append(_item_of_others(one, one.get("value"), of, _tlp(found, one), where))
    issuer = found.get("Orgc")
    said = issuer.get("name") if isinstance(issuer, dict) else None
    return SharedList(
        version=1,
        made_at=_moment(found.get("timestamp")),
        issuer=said if isinstance(said, str) and said else UNKNOWN,
        recipient="not-said",
        items=tuple(items),
    )


def _item_of_others(
    one: Table, address: Any, of: tuple[str, str], tlp: str, where: str
) -> SharedItem:
    """Return what an object or attribute of another says as an item."""
    gone = one.get("deleted") is True
    name = str(one.get("uuid"))
    try:
        uuid.UUID(name)
    except ValueError:
        raise SharedFileError("has no uuid", where=where) from None
    return item_from_plain(
        {
            "id": name,
            "state": "withdrawn" if gone else "new",
            "revision": 2 if gone else 1,
            "shared_at": UNSAID.isoformat(),
            "changed_at": UNSAID.isoformat(),
            "tlp": tlp,
            "chain": of[0],
            "network": of[1],
            "address": address,
            "note": CLUE,
        },
        where,
    )


def _moment(text: Any) -> datetime:
    """Return the time of an event, `UNSAID` where it says none."""
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 10:
        return max(UNSAID, datetime.fromtimestamp(int(text), UTC))
    return UNSAID


def _tlp(*tagged: Mapping[str, Any]) -> str:
    """Return the strictest TLP tag of an event and its parts; without any, `UNMARKED`."""
    words = tuple(TLP_NAMES)
    tags = [tag for one in tagged for tag in _tables(one.get("Tag", []), "Tag")]
    names = [str(tag.get("name")).upper() for tag in tags]
    known = [words.index(TLP_BY_NAME[name]) for name in names if name in TLP_BY_NAME]
    return words[max(known)] if known else UNMARKED
