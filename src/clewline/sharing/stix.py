"""STIX 2.1 bundles: an indicator and a wallet an item, tied by a relationship.

STIX has no object for an address. `cryptocurrency-wallet` is what OpenCTI and others write, in two
dialects of one name; ours is that with `value`, and a property extension that says the chain. The
indicator carries the whole item in the same extension, because programs that derive a wallet's
identifier from its value alone make one object of one string on five chains.

Sections are those of the OASIS standard *STIX Version 2.1*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from clewline.errors import SharedFileError
from clewline.sharing.item import (
    CLUE,
    FIELDS,
    SharedItem,
    SharedList,
    item_from_plain,
    plain,
    read_time,
)
from clewline.sharing.json_file import canonical, list_from_plain, list_plain, parsed
from clewline.sharing.marks import (
    PAP_NAMES,
    TLP_BY_NAME,
    TLP_NAMES,
    UNKNOWN,
    UNMARKED,
    UNSAID,
    identifier,
    level,
    of_issuer,
)

Object = dict[str, Any]

EXTENSION: Final = "extension-definition--7c0a4f3e-52f1-4d0b-9d5c-3b1c6e0f8a21"
"""Ours; its definition is in every bundle."""
TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
"""TLP 2.0 as OASIS defines it for STIX 2.1."""
TLP_MARKINGS: Final = MappingProxyType(
    {
        "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        "amber_strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
    }
)
_TLP_1: Final = MappingProxyType(  # STIX 2.1, section 7.2.1.4
    {
        "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
        "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
        "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
        "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    }
)
_PAP_MARKINGS: Final = MappingProxyType(
    {
        "clear": "marking-definition--0b0d5c1e-6c1f-4a5e-8f0a-1f3c6f6b7a01",
        "green": "marking-definition--0b0d5c1e-6c1f-4a5e-8f0a-1f3c6f6b7a02",
        "amber": "marking-definition--0b0d5c1e-6c1f-4a5e-8f0a-1f3c6f6b7a03",
        "red": "marking-definition--0b0d5c1e-6c1f-4a5e-8f0a-1f3c6f6b7a04",
    }
)
_AUTHOR: Final = "identity--4f2d9a6b-1f0e-4c58-8a0c-5d8a9c3e7b10"
"""Who defines the extension: the project, not an issuer."""
_FIXED: Final = "2025-01-01T00:00:00.000Z"
"""When what never changes was made."""

_DEFINITIONS: Final[tuple[Object, ...]] = (
    {
        "type": "identity",
        "spec_version": "2.1",
        "id": _AUTHOR,
        "created": _FIXED,
        "modified": _FIXED,
        "name": "Clewline, the format",
        "identity_class": "system",
    },
    {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": EXTENSION,
        "created": _FIXED,
        "modified": _FIXED,
        "created_by_ref": _AUTHOR,
        "name": "Payment option of a payment page",
        "description": "Chain, network, memo and rotation of an address; on an indicator or note "
        "the whole item, on a grouping the list. " + CLUE,
        "schema": "Fields: docs/SHARING.md of Clewline. Amounts are decimal text, times UTC.",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    },
)


def time(when: datetime) -> str:
    """Return a time as STIX writes it (section 2.13)."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def tlp_marking(word: str) -> Object:
    """Return the OASIS marking of a word of TLP 2.0.

    Examples
    --------
    >>> tlp_marking("amber_strict")["name"]
    'TLP:AMBER+STRICT'
    """
    name = TLP_NAMES[word]
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_MARKINGS[word],
        "created": "2022-10-01T00:00:00.000Z",
        "name": name,
        "extensions": {
            TLP_EXTENSION: {
                "extension_type": "property-extension",
                "tlp_2_0": name.removeprefix("TLP:").lower(),
            }
        },
    }


def _pap_marking(word: str) -> Object:
    """Return a statement that says a word of PAP, for which STIX has no marking."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": _PAP_MARKINGS[word],
        "created": _FIXED,
        "definition_type": "statement",
        "definition": {"statement": PAP_NAMES[word]},
        "name": PAP_NAMES[word],
    }


def _extension(values: Mapping[str, Any]) -> Object:
    """Return our extension with some values."""
    return {EXTENSION: {"extension_type": "property-extension", **values}}


def objects_of(shared: SharedList, item: SharedItem) -> list[Object]:
    """Return the objects of one item: indicator, wallet, relationship; or a note.

    An option without an address has nothing that a pattern could match, so it is a note.
    """
    by = f"identity--{of_issuer(shared.issuer)}"
    marks = [TLP_MARKINGS[item.tlp], *([_PAP_MARKINGS[item.pap]] if item.pap else [])]
    common: Object = {
        "spec_version": "2.1",
        "created": time(item.shared_at),
        "modified": time(item.changed_at),
        "created_by_ref": by,
        "object_marking_refs": marks,
    }
    if item.state == "withdrawn":
        common["revoked"] = True  # section 3.6
    number = level(item)
    if number is not None:
        common["confidence"] = number
    whole = _extension({"item": plain(item)})
    if item.address is None:
        note = f"note--{identifier(shared, 'item', item.id)}"
        about = {"content": CLUE, "abstract": "Payment option", "object_refs": [by]}
        return [{**common, **about, "type": "note", "id": note, "extensions": whole}]
    indicator = f"indicator--{identifier(shared, 'item', item.id)}"
    wallet = f"cryptocurrency-wallet--{identifier(shared, 'wallet', item.id)}"
    quoted = item.address.replace("\\", "\\\\").replace("'", "\\'")
    valid_from = item.valid_from or item.shared_at
    pattern: Object = {
        **common,
        "type": "indicator",
        "id": indicator,
        "name": f"Payment address on {item.chain} ({item.network})",
        "description": CLUE,
        "indicator_types": ["attribution" if item.standing == "control" else "unknown"],
        "pattern": f"[cryptocurrency-wallet:value = '{quoted}']",
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": time(valid_from),
        "extensions": whole,
    }
    if item.valid_until and item.valid_until > valid_from:  # section 4.7: later, not equal
        pattern["valid_until"] = time(item.valid_until)
    on_chain = ("chain", "network", "memo", "rotation_group", "rotation_index")
    values = plain(item)
    return [
        pattern,
        {
            "type": "cryptocurrency-wallet",
            "spec_version": "2.1",
            "id": wallet,
            "value": item.address,
            "object_marking_refs": marks,
            "extensions": _extension({name: values[name] for name in on_chain if name in values}),
        },
        {
            **common,
            "type": "relationship",
            "id": f"relationship--{identifier(shared, 'based-on', item.id)}",
            "relationship_type": "based-on",
            "source_ref": indicator,
            "target_ref": wallet,
            "extensions": _extension({"chain": item.chain, "network": item.network}),
        },
    ]


def framing(shared: SharedList) -> list[Object]:
    """Return what stands around the items: who, markings, the definition of our extension."""
    tlps = sorted({shared.tlp, *(item.tlp for item in shared.items)})
    paps = sorted({item.pap for item in shared.items if item.pap})
    issuer = {
        "type": "identity",
        "spec_version": "2.1",
        "id": f"identity--{of_issuer(shared.issuer)}",
        "created": _FIXED,
        "modified": _FIXED,
        "name": shared.issuer,
        "identity_class": "organization",
    }
    return [
        *(dict(one) for one in _DEFINITIONS),
        issuer,
        *(tlp_marking(word) for word in tlps),
        *(_pap_marking(word) for word in paps),
    ]


def bundle(shared: SharedList) -> Object:
    """Return a list as a bundle (section 8): frame, grouping, note, then the items."""
    items = [one for item in shared.items for one in objects_of(shared, item)]
    by = f"identity--{of_issuer(shared.issuer)}"
    made = time(shared.made_at)
    number = (str(shared.version), str(shared.previous or ""))
    common = {
        "spec_version": "2.1",
        "created": made,
        "modified": made,
        "created_by_ref": by,
        "object_marking_refs": [TLP_MARKINGS[shared.tlp]],
        "object_refs": [one["id"] for one in items] or [by],
    }
    about: list[Object] = [
        {
            **common,
            "type": "grouping",
            "id": f"grouping--{identifier(shared, 'list', *number)}",
            "name": f"Payment addresses, list {shared.version}",
            "context": "unspecified",
            "extensions": _extension({"list": list_plain(shared)}),
        },
        {
            **common,
            "type": "note",
            "id": f"note--{identifier(shared, 'clue', *number)}",
            "content": CLUE,
        },
    ]
    return {
        "type": "bundle",
        "id": f"bundle--{identifier(shared, 'bundle', *number)}",
        "objects": [*framing(shared), *about, *items],
    }


def write(shared: SharedList) -> bytes:
    """Return a list as a STIX bundle in canonical JSON."""
    return canonical(bundle(shared)) + b"\n"


_ID: Final = re.compile(r"([a-z0-9-]+)--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read(data: bytes) -> SharedList:
    """Read a bundle: ours as it was written, those of others by their wallets.

    Of a TAXII collection of ours, each indicator or note is read, in no list of a version. Of
    others, each `cryptocurrency-wallet` becomes an item: of OpenCTI's (`value` alone) and of
    dogesec's dialect (`holder_ref` and other properties are passed over). What such an object does
    not say of its chain stays unknown; without a TLP marking it is taken as TLP:AMBER+STRICT.

    Raises
    ------
    SharedFileError, UsageError
        If it is no bundle, or one of ours of which one part contradicts another; names the object.
    """
    document = parsed(data)
    if not isinstance(document, dict) or document.get("type") != "bundle":
        raise SharedFileError("is no bundle", where="file")
    objects = _by_id(document.get("objects"))
    lists = [one for one in objects.values() if "list" in _ours(one)]
    if not lists and any("item" in _ours(one) for one in objects.values()):
        return _of_collection(objects)
    if not lists:
        return _of_others(objects)
    about = _ours(lists[0])["list"]
    items = tuple(
        item_from_plain(_table(_ours(one)["item"], name), name)
        for name, one in objects.items()
        if "item" in _ours(one)
    )
    shared = list_from_plain(about, items, lists[0]["id"])
    expected = {one["id"]: one for one in bundle(shared)["objects"]}
    for name in chain(expected, objects):
        if objects.get(name) != expected.get(name):
            raise SharedFileError(
                "is not what its list says", where=name, hint="the bundle was changed on its way"
            )
    return shared


def _of_collection(objects: Mapping[str, Object]) -> SharedList:
    """Return the items of a TAXII collection of ours: as told, but in no list of a version."""
    told = {name: one for name, one in objects.items() if "item" in _ours(one)}
    items = {
        name: item_from_plain(_table(_ours(one)["item"], name), name) for name, one in told.items()
    }
    issuers = (objects.get(str(one.get("created_by_ref")), {}) for one in told.values())
    shared = SharedList(
        version=1,
        made_at=max(item.changed_at for item in items.values()),
        issuer=str(next(issuers).get("name") or UNKNOWN).strip(),
        recipient="not-said",
        items=tuple(items.values()),
    )
    for name, item in items.items():
        expected = {**objects_of(shared, item)[0], "id": name}  # which follows from the recipient
        if {**told[name], "extensions": 0} != {**expected, "extensions": 0}:
            raise SharedFileError(
                "is not what its item says", where=name, hint="it was changed on its way"
            )
    return shared


def _by_id(objects: Any) -> dict[str, Object]:
    """Return the objects of a bundle by their identifiers."""
    if not isinstance(objects, list):
        raise SharedFileError("has no list of objects", where="file")
    found: dict[str, Object] = {}
    for number, one in enumerate(objects, start=1):
        where = f"object {number}"
        name = str(one.get("id")) if isinstance(one, dict) else ""
        match = _ID.fullmatch(name)
        if match is None or match[1] != one.get("type"):
            raise SharedFileError("has no identifier of its type", where=where)
        if name in found:
            raise SharedFileError(f"{name} is there twice", where=where)
        found[name] = one
    return found


def _ours(one: Object) -> Mapping[str, Any]:
    """Return what our extension of an object says, nothing where it has none."""
    extensions = one.get("extensions")
    found = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return found if isinstance(found, dict) else {}


def _table(values: Any, where: str) -> Mapping[str, Any]:
    """Return a table, which an item must be."""
    if not isinstance(values, dict):
        raise SharedFileError("item is no table", where=where)
    return values


def _of_others(objects: Mapping[str, Object]) -> SharedList:
    """Return the wallets of a bundle as items."""
    issuer = next((one for one in objects.values() if one["type"] == "identity"), {})
    times = [_time(one.get("modified")) for one in objects.values()]
    made_at = max((one for one in times if one), default=UNSAID)
    revoked = set(_revoked(objects))
    items = []
    for name, one in objects.items():
        if one["type"] != "cryptocurrency-wallet":
            continue
        gone = name in revoked
        values = {
            "id": name,
            "state": "withdrawn" if gone else "new",
            "revision": 2 if gone else 1,
            "shared_at": UNSAID,
            "changed_at": UNSAID,
            "tlp": _tlp_of(one, objects),
            "address": one.get("value"),
            "chain": UNKNOWN,
            "network": UNKNOWN,
            "note": CLUE,
        }
        given = {key: value for key, value in _ours(one).items() if key in FIELDS}
        values |= {key: time(when) for key, when in values.items() if isinstance(when, datetime)}
        items.append(item_from_plain({**values, **given}, name))
    return SharedList(
        version=1,
        made_at=made_at,
        issuer=str(issuer.get("name") or UNKNOWN).strip(),
        recipient="not-said",
        items=tuple(items),
    )


def _time(text: Any) -> datetime | None:
    """Return a time to the whole second before it."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z", str(text), re.ASCII)
    found = read_time(f"{match[1]}Z") if match else None
    return found + timedelta(seconds=1) if found and match and match[2] else found


def _revoked(objects: Mapping[str, Object]) -> Iterator[str]:
    """Yield the identifiers of wallets whose indicator was revoked."""
    for one in objects.values():
        if one["type"] == "relationship" and one.get("relationship_type") == "based-on":
            source = objects.get(str(one.get("source_ref")), {})
            if source.get("revoked") is True:
                yield str(one.get("target_ref"))


def _tlp_of(one: Object, objects: Mapping[str, Object]) -> str:
    """Return the strictest marking of an object; without any, `UNMARKED`."""
    known = {reference: word for word, reference in TLP_MARKINGS.items()} | _TLP_1
    words = tuple(TLP_MARKINGS)
    found = []
    references = one.get("object_marking_refs")
    for reference in references if isinstance(references, list) else ():
        word = known.get(reference) if isinstance(reference, str) else None
        marking = objects.get(str(reference), {})
        word = word or TLP_BY_NAME.get(str(marking.get("name", "")).upper())
        if word:
            found.append(words.index(word))
    return words[max(found)] if found else UNMARKED
