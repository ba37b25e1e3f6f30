"""FollowTheMoney: JSON lines for Aleph and what is built like it, one `CryptoWallet` an address.

The library needs a compiler to install, so entities are written and checked here, against the
properties of version 4.11 that are used. Payments between wallets are not written: `Payment` takes
legal entities and bank accounts only. What FollowTheMoney has no property for stands beside the
properties, where its programs keep it and pass it over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from clewline.errors import SharedFileError, UsageError
from clewline.sharing.item import (
    CLUE,
    MOST_ITEMS,
    SharedItem,
    SharedList,
    item_from_plain,
    plain,
    written_time,
)
from clewline.sharing.json_file import MOST_BYTES, canonical, list_from_plain, list_plain, parsed
from clewline.sharing.marks import UNKNOWN, UNMARKED, UNSAID, identifier, without

Entity = dict[str, Any]

NOT_GIVEN: Final = frozenset({"wording", "url", "brand_codename", "abuse_label", "hosting_country"})
"""A data set in Aleph is searched by all who may see it, in full text."""

SCHEMATA: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "CryptoWallet": {
            "cryptoAddress": "identifier",
            "publicKey": "identifier",
            "accountId": "identifier",
            "blockchain": "string",
            "currencySymbol": "string",
            "managingExchange": "string",
            "custodyType": "string",
            "holder": "entity",
            "balance": "number",
            "balanceDate": "date",
            "creationDate": "date",
            "currency": "string",
            "amount": "number",
            "amountUsd": "number",
            "amountEur": "number",
        },
        "Note": {"entity": "entity"},
    }
)
"""Schema → its own properties and their types, of version 4.11 (without what is never to be sent,
such as a private key)."""
_THING: Final = MappingProxyType(
    {
        "name": "name",
        "description": "text",
        "notes": "text",
        "summary": "text",
        "keywords": "string",
        "publisher": "string",
        "createdAt": "date",
        "modifiedAt": "date",
        "retrievedAt": "date",
        "topics": "topic",
        "country": "country",
        "sourceUrl": "url",
        "publisherUrl": "url",
        "program": "string",
        "proof": "entity",
    }
)
"""Properties of every schema here."""
_FORMS: Final = MappingProxyType(
    {
        "identifier": re.compile(r"\S(?:.{0,4094}\S)?", re.DOTALL),
        "string": re.compile(r"\S(?:.*\S)?", re.DOTALL),
        "name": re.compile(r"\S(?:.*\S)?", re.DOTALL),
        "text": re.compile(r".+", re.DOTALL),
        "date": re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?(Z|\+00:00)?)?)?)?"),
        "number": re.compile(r"-?\d+(\.\d+)?"),
        "country": re.compile(r"[a-z]{2,7}"),
        "topic": re.compile(r"[a-z]+(\.[a-z]+)*"),
        "url": re.compile(r"https?://\S+"),
        "entity": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    }
)


def check(entity: Any, where: str = "entity") -> None:
    """Refuse what is no entity of the schemata here.

    FollowTheMoney's own ``validate`` accepts entities that say nothing; this also asks for what
    makes one: an address for a wallet, a text for a note.

    Raises
    ------
    SharedFileError
        If schema, property or value is none that there is; names the property.

    Examples
    --------
    >>> check({"id": "a-1", "schema": "Note", "properties": {"description": ["Made up"]}})
    >>> check({"id": "a-1", "schema": "Note", "properties": {"wallet": ["x"]}})
    Traceback (most recent call last):
        ...
    clewline.errors.SharedFileError: entity: Note has no property 'wallet'
    """
    if not isinstance(entity, dict) or not {"id", "schema", "properties"} <= set(entity):
        raise SharedFileError("is no entity: id, schema, properties", where=where)
    schema, properties = entity["schema"], entity["properties"]
    if not isinstance(entity["id"], str) or not _FORMS["entity"].fullmatch(entity["id"]):
        raise SharedFileError("has no id", where=where)
    if not isinstance(schema, str) or schema not in SCHEMATA or not isinstance(properties, dict):
        raise SharedFileError(
            f"is of no schema that is read: {str(schema)[:40]!r}",
            where=where,
            hint=f"allowed: {', '.join(SCHEMATA)}",
        )
    known = {**_THING, **SCHEMATA[schema]}
    for name, values in properties.items():
        if name not in known:
            raise SharedFileError(f"{schema} has no property {name[:40]!r}", where=where)
        if not isinstance(values, list) or not values:
            raise SharedFileError(f"{name} is no list of values", where=where)
        for value in values:
            if not isinstance(value, str) or not _FORMS[known[name]].fullmatch(value):
                raise SharedFileError(f"{name} is no {known[name]}", where=where)
    needed = ("cryptoAddress", "publicKey") if schema == "CryptoWallet" else ("description",)
    if not any(name in properties for name in needed):
        raise SharedFileError(f"says nothing: no {needed[0]}", where=where)


def _wallet(shared: SharedList, item: SharedItem) -> Entity:
    """Return the entity of an item."""
    properties: dict[str, list[str]] = {
        "cryptoAddress": [str(item.address)],
        "blockchain": [str(item.network)],
        "currencySymbol": [item.asset or str(item.chain)],
        "createdAt": [written_time(item.shared_at)],
        "modifiedAt": [written_time(item.changed_at)],
        "publisher": [shared.issuer],
        "notes": [CLUE],
    }
    if item.memo:
        properties["accountId"] = [item.memo]
    if item.rail:
        properties["keywords"] = [item.rail]
    return {
        "id": f"clewline-{identifier(shared, 'ftm', item.id)}",
        "schema": "CryptoWallet",
        "properties": properties,
        "clewline": {"item": without(plain(item), NOT_GIVEN | {"address", "note"})},
    }


def entities(shared: SharedList) -> list[Entity]:
    """Return a whole list as entities: a note that says what it is, then the wallets."""
    if shared.previous is not None:
        raise UsageError("a data set stands for the whole list, not for a delta")
    items = [item for item in shared.items if item.address and item.state != "withdrawn"]
    wallets = [_wallet(shared, item) for item in items]
    properties: dict[str, list[str]] = {
        "name": [f"Payment addresses, list {shared.version}"],
        "description": [CLUE],
        "publisher": [shared.issuer],
        "modifiedAt": [written_time(shared.made_at)],
    }
    if wallets:
        properties["entity"] = [one["id"] for one in wallets]
    note = {
        "id": f"clewline-{identifier(shared, 'ftm', 'list')}",
        "schema": "Note",
        "properties": properties,
        "clewline": {"list": list_plain(shared)},
    }
    return [note, *wallets]


def write(shared: SharedList) -> bytes:
    """Return a whole list as lines of JSON; withdrawn items and those without address are left out.

    Raises
    ------
    UsageError
        If the list is a delta, which a data set cannot say.
    """
    return b"".join(canonical(one) + b"\n" for one in entities(shared))


def read(data: bytes) -> SharedList:
    """Read entities: ours as they were written, of others every `CryptoWallet`.

    Raises
    ------
    SharedFileError, UsageError
        If a line is no entity, or one of ours that was changed; names the line.
    """
    if len(data) > MOST_BYTES:
        raise SharedFileError(f"has more than {MOST_BYTES >> 20} MiB", where="file")
    lines = data.splitlines()
    if not 1 <= len(lines) <= MOST_ITEMS + 1:
        raise SharedFileError(f"has {len(lines)} lines", where="file")
    found: dict[str, tuple[str, Entity]] = {}
    for number, line in enumerate(lines, start=1):
        where = f"line {number}"
        entity = parsed(line, where)
        check(entity, where)
        if entity["id"] in found:
            raise SharedFileError(f"{entity['id']} is there twice", where=where)
        found[entity["id"]] = where, entity
    where, first = next(iter(found.values()))
    about = _ours(first).get("list")
    if about is None:
        return _of_others(found.values())
    items = []
    for where, entity in list(found.values())[1:]:
        said = _ours(entity).get("item")
        if not isinstance(said, dict):
            raise SharedFileError("says nothing of its item", where=where)
        address = entity["properties"].get("cryptoAddress", [None])[0]
        items.append(item_from_plain({**said, "address": address, "note": CLUE}, where))
    shared = list_from_plain(about, tuple(items), "line 1")
    expected = {one["id"]: one for one in entities(shared)}
    for where, entity in found.values():
        if expected.get(entity["id"]) != entity:
            raise SharedFileError(
                "is not what its list says", where=where, hint="the file was changed"
            )
    return shared


def _ours(entity: Entity) -> Mapping[str, Any]:
    """Return what stands beside the properties, nothing where it is not ours."""
    found = entity.get("clewline")
    return found if isinstance(found, dict) else {}


def _of_others(found: Iterable[tuple[str, Entity]]) -> SharedList:
    """Return the wallets of another's data set as items."""
    items = []
    for where, entity in found:
        if entity["schema"] != "CryptoWallet":
            continue
        properties = entity["properties"]
        address = (properties.get("cryptoAddress") or properties["publicKey"])[0]
        items.append(
            item_from_plain(
                {
                    "id": f"followthemoney:{entity['id']}"[:128],
                    "state": "new",
                    "revision": 1,
                    "shared_at": UNSAID.isoformat(),
                    "changed_at": UNSAID.isoformat(),
                    "tlp": UNMARKED,
                    "chain": properties.get("currencySymbol", [UNKNOWN])[0],
                    "network": UNKNOWN,
                    "address": address,
                    "note": CLUE,
                },
                where,
            )
        )
    return SharedList(
        version=1, made_at=UNSAID, issuer=UNKNOWN, recipient="not-said", items=tuple(items)
    )
