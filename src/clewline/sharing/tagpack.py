"""TagPacks of GraphSense: what is claimed of an address, and little else.

A GraphSense installation shows its tags to all its users, and has no way to take one back, so a
pack holds what is needed to read the claim, and stands for the whole list: who loads one replaces
the one before. The source of a tag is the recipient's own reference, never a page.

Format: README_tagpacks.md and tagpack_schema.yaml of GraphSense's tagpack-tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from clewline.errors import LabelFileError, SharedFileError, UsageError
from clewline.labels.addresses import address_faults, main_network, why_not_an_address
from clewline.labels.tagpack import tagpack_document
from clewline.sharing.item import CLUE, FIELDS, SharedItem, SharedList, item_from_plain, plain
from clewline.sharing.json_file import (
    MOST_BYTES,
    canonical,
    list_from_plain,
    list_plain,
    parsed,
)
from clewline.sharing.marks import UNKNOWN, UNMARKED, UNSAID, for_tests, is_abuse

_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
CARRIED: Final = (
    *("id", "state", "revision", "shared_at", "changed_at", "tlp", "pap", "handling"),
    *("chain", "network", "memo", "category", "standing", "confidence"),
)
"""What a tag carries in its context; the address stands beside it."""
_EVM: Final = {"evm": "ETH", "ethereum": "ETH"}


def currencies(items: Sequence[SharedItem]) -> list[str]:
    """Return the currency under which each address stands in a pack.

    Addresses on EVM chains stand under their network, because the string alone does not tell the
    chain. What importers would refuse as an address of its currency (an invoice, an address of a
    test network) stands under a name of its own.
    """
    names = []
    for item in items:
        chain, network = str(item.chain).upper(), str(item.network)
        name = _EVM.get(network, network.upper()) if chain == "ETH" else chain
        own = main_network(name)
        if own is not None:
            bad = bool(address_faults([str(item.address)], own))
        else:
            bad = why_not_an_address(str(item.address), name) is not None
        names.append(f"{chain}-{network.upper()}" if bad or for_tests(network) else name)
    return names


def _tag(item: SharedItem, currency: str) -> dict[str, Any]:
    """Return the tag of an item."""
    values = plain(item)
    control = item.standing == "control"
    tag: dict[str, Any] = {
        "address": item.address,
        "currency": currency,
        "label": f"Payment page {item.id}",
        "source": item.id,
        "confidence": item.confidence or "unknown",
        "tag_type": "actor" if control else "mention",
        "is_cluster_definer": False,
        "lastmod": item.changed_at.strftime("%Y-%m-%d"),
        "concepts": [] if control else ["mention"],
        "context": canonical(
            {"clewline": {name: values[name] for name in CARRIED if name in values}}
        ).decode(),
    }
    if item.category:
        tag["abuse" if is_abuse(item.category) else "category"] = item.category
    return tag


def write(shared: SharedList) -> bytes:
    """Return a whole list as a TagPack; withdrawn items and those without address are left out.

    Raises
    ------
    UsageError
        If the list is a delta, which a pack cannot say.
    """
    if shared.previous is not None:
        raise UsageError("a TagPack stands for the whole list, not for a delta")
    items = [item for item in shared.items if item.address and item.state != "withdrawn"]
    pack = {
        "title": f"Payment addresses, list {shared.version}",
        "creator": shared.issuer,
        "description": canonical({"clewline": list_plain(shared), "note": CLUE}).decode(),
        "is_public": False,
        "lastmod": shared.made_at.strftime("%Y-%m-%d"),
        "tags": [_tag(item, name) for item, name in zip(items, currencies(items), strict=True)],
    }
    text: str = yaml.dump(pack, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1 << 30)
    return text.encode()


def read(data: bytes) -> SharedList:
    """Read a TagPack: ours as it was written, those of others tag by tag.

    Raises
    ------
    SharedFileError, UsageError
        If it is no TagPack (aliases are refused), or one of ours that was changed; names the line.
    """
    if len(data) > MOST_BYTES:
        raise SharedFileError(f"has more than {MOST_BYTES >> 20} MiB", where="file")
    try:
        pack = tagpack_document(data, "file")
    except LabelFileError as error:
        raise SharedFileError(error.message, where=error.where, hint=error.hint) from None
    tags = []
    for line, tag in pack["tags"]:
        if not isinstance(tag, dict):
            raise SharedFileError("a tag is no table", where=f"line {line}")
        tags.append((f"line {line}", tag))
    description = pack.get("description")
    if not isinstance(description, str) or not description.startswith('{"clewline":'):
        return _of_others(pack, tags)
    said = parsed(description.encode(), "description")
    items = tuple(_own(tag, where) for where, tag in tags)
    shared = list_from_plain(said["clewline"], items, "description")
    for (where, tag), (_, expected) in zip(
        tags, tagpack_document(write(shared), "file")["tags"], strict=True
    ):
        if tag != expected:
            raise SharedFileError(
                "is not what its context says", where=where, hint="the pack was changed"
            )
    return shared


def _own(tag: Mapping[str, Any], where: str) -> SharedItem:
    """Return the item of one of our tags."""
    context = tag.get("context")
    said = parsed(str(context).encode(), f"{where}, context")
    values = said.get("clewline") if isinstance(said, dict) else None
    if not isinstance(values, dict) or not set(values) <= set(CARRIED):
        raise SharedFileError("has no context of ours", where=where)
    return item_from_plain({**values, "address": tag.get("address"), "note": CLUE}, where)


def _of_others(pack: Mapping[str, Any], tags: list[tuple[str, dict[str, Any]]]) -> SharedList:
    """Return the tags of another's pack as items."""
    items = []
    for number, (where, tag) in enumerate(tags, start=1):
        fields = {**{name: value for name, value in pack.items() if name != "tags"}, **tag}
        if "address" not in fields:
            raise SharedFileError("has no address", where=where)
        asset = str(fields.get("network") or fields.get("currency") or UNKNOWN)
        own = main_network(asset.upper())
        abuse, confidence = fields.get("abuse"), fields.get("confidence")
        concepts = fields.get("concepts")
        values: dict[str, Any] = {
            "id": f"tag-{number:08}",
            "state": "new",
            "revision": 1,
            "shared_at": UNSAID.isoformat(),
            "changed_at": UNSAID.isoformat(),
            "tlp": UNMARKED,
            "chain": asset,
            "network": own or UNKNOWN,
            "address": fields["address"],
            "standing": "control"
            if fields.get("tag_type") == "actor" and not concepts
            else "mention",
            "note": CLUE,
        }
        if abuse in FIELDS["category"].words:
            values["category"] = abuse
        if confidence in FIELDS["confidence"].words:
            values["confidence"] = confidence
        items.append(item_from_plain(values, where))
    return SharedList(
        version=1,
        made_at=UNSAID,
        issuer=str(pack.get("creator") or UNKNOWN),
        recipient="not-said",
        items=tuple(items),
    )
