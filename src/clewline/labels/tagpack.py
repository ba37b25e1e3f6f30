"""GraphSense TagPacks: YAML whose header fields hold for every tag that does not give its own.

A TagPack comes from outside and is read as events, not as objects: nothing in it is constructed or
resolved, every scalar stays the text that it is in the file (`0x…` is no number, `no` no boolean),
aliases are refused and nesting is bounded. So neither a billion laughs nor a tag such as
``!!python/object`` has anything to work on, half a million tags load in seconds, and every tag
knows its line.

Format: README_tagpacks.md and tagpack_schema.yaml of GraphSense's tagpack-tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import yaml

from clewline.codec.networks import BITCOIN, network_by_name
from clewline.errors import LabelFileError, UsageError
from clewline.labels.addresses import (
    address_faults,
    as_shown,
    main_network,
    why_not_an_address,
)
from clewline.labels.label import (
    Claim,
    Label,
    Refusal,
    Rows,
    has_control_character,
    make_claim,
)

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH: Final = 16
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})
_TAG_TYPES: Final = {"actor": "control", "mention": "mention", "event": "mention"}
"""tag_types.csv of tagpack-tool. An event involves an address and says nothing of its holder."""

_CLAIM_FIELDS: Final = (
    "label",
    "category",
    "abuse",
    "concepts",
    "source",
    "confidence",
    "tag_type",
    "is_cluster_definer",
    "lastmod",
    "actor",
    "context",
)
_TAG_FIELDS: Final = ("address", "tx_hash", "currency", "network", *_CLAIM_FIELDS)
_TXID: Final = re.compile(r"[0-9a-f]{64}")

Value = Any
"""Text, None, a list of values, or a dict from text to values; what it is, is checked on use."""


def read_tagpack(data: bytes, file: str, network: str) -> Rows:
    """Read a TagPack; tags that cannot be taken are listed, the others load.

    Parameters
    ----------
    data : bytes
        The file.
    file : str
        Its name, for labels and errors.
    network : str
        Network of the store. Tags of Bitcoin, and of the store's currency, are of its real network;
        an address that is none there but one of the store's network is taken as such (a pack made
        for a test network).

    Returns
    -------
    Rows
        Labels in file order, of all currencies; refusals; notes. Tags = labels + refusals.

    Raises
    ------
    LabelFileError
        If the file as a whole is no TagPack: not YAML, aliases, no list of tags.

    Notes
    -----
    A tag without confidence is of confidence ``unknown``. Unknown fields are left alone.

    Cost: some 15 microseconds a tag.

    Examples
    --------
    >>> pack = b'''
    ... title: An example (made up)
    ... creator: nobody
    ... label: Exchange 1
    ... category: exchange
    ... source: made up
    ... confidence: ownership
    ... currency: LTC
    ... tags:
    ...   - address: LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb
    ...   - address: LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvc
    ... '''
    >>> rows = read_tagpack(pack, "example.yaml", "main")
    >>> rows.labels[0].claim.entity, rows.labels[0].asset
    ('Exchange 1', 'LTC')
    >>> print(rows.refusals[0])  # doctest: +ELLIPSIS
    example.yaml:11: 'LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvc': the checksum does not match: ...
    """
    header = tagpack_document(data, file)
    defaults = {name: header[name] for name in _TAG_FIELDS if header.get(name) is not None}
    rows = Rows()
    claims: dict[tuple[Value, ...], Claim | str] = {}
    mentions = 0
    own = network_by_name(network).coin.asset
    checked = dict.fromkeys((BITCOIN.asset, own))
    for position, (line, tag) in enumerate(header["tags"], start=1):
        if not isinstance(tag, dict):
            rows.refusals.append(Refusal(file, position, line, "", "a tag is a mapping"))
            continue
        fields = {**defaults, **tag}
        subject = str(fields.get("address") or fields.get("tx_hash") or "").strip()
        claim = _claim(fields, claims)
        try:
            if isinstance(claim, str):
                raise UsageError(claim)
            asset, subject, is_transaction = _subject(fields, subject, checked)
        except UsageError as error:
            rows.refusals.append(Refusal(file, position, line, subject, error.message, error.hint))
            continue
        if claim.type == "mention" and str(fields.get("is_cluster_definer")).lower() in _TRUE:
            mentions += 1
        net = (main_network(asset) if asset in checked else None) or "main"
        rows.labels.append(Label(asset, net, subject, is_transaction, claim, file, position, line))
    if mentions:
        rows.notes.append(
            f"{file}: {mentions} labels ask for a cluster; they are mentions and reach none"
        )
    for asset in checked:
        real = main_network(asset) or network
        _check_asset(rows, asset, real, network if asset == own else real)
    rows.refusals.sort(key=lambda refusal: refusal.position)
    return rows


def tagpack_document(data: bytes, file: str) -> dict[str, Value]:
    r"""Read the values of a TagPack and check none of them.

    Returns
    -------
    dict
        Header fields, every scalar as text; ``tags`` as pairs of line and value.

    Raises
    ------
    LabelFileError
        If the file is no TagPack: not YAML, aliases, no list of tags.

    Examples
    --------
    >>> tagpack_document(b"title: An example\ntags: [{address: a}]", "example.yaml")
    {'title': 'An example', 'tags': [(2, {'address': 'a'})]}
    """
    return _Reader(data, file).document()


def _claim(fields: dict[str, Value], known: dict[tuple[Value, ...], Claim | str]) -> Claim | str:
    """Return what a tag says, or why it cannot be taken; equal tags share one claim."""
    key = tuple(
        value if value is None or isinstance(value, str) else (json.dumps(value),)
        for value in map(fields.get, _CLAIM_FIELDS)
    )
    if key not in known:
        try:
            known[key] = _make_claim(fields)
        except UsageError as error:
            known[key] = str(error)
    return known[key]


def _make_claim(fields: dict[str, Value]) -> Claim:
    """Check the fields of a tag that make its claim."""
    concepts = fields.get("concepts") or []
    context = fields.get("context")
    for name in _CLAIM_FIELDS:
        value = fields.get(name)
        if name not in ("concepts", "context") and not isinstance(value, str | None):
            raise UsageError(f"{name} must be text")
    if not isinstance(concepts, list) or not all(isinstance(item, str) for item in concepts):
        raise UsageError("concepts must be a list of text")
    tag_type = fields.get("tag_type")
    if tag_type and tag_type not in _TAG_TYPES:
        raise UsageError(f"unknown tag_type {tag_type!r}", hint=f"allowed: {', '.join(_TAG_TYPES)}")
    return make_claim(
        entity=fields.get("label"),
        categories=[fields.get("category"), *concepts, fields.get("abuse")],
        source=fields.get("source"),
        confidence_given=fields.get("confidence") or "unknown",
        type_given=_TAG_TYPES.get(tag_type) if tag_type else None,
        cluster=_truth("is_cluster_definer", fields.get("is_cluster_definer")),
        observed=_time("lastmod", fields.get("lastmod")),
        actor=fields.get("actor"),
        context=context if isinstance(context, str | None) else json.dumps(context),
    )


def _truth(name: str, text: str | None) -> bool:
    """Read a boolean of YAML 1.1, false where there is none."""
    word = (text or "false").lower()
    if word not in _TRUE | _FALSE:
        raise UsageError(f"{name} must be true or false")
    return word in _TRUE


def _time(name: str, text: str | None) -> int | None:
    """Read a date (midnight) or time, UTC where it names no zone, as UTC seconds."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{name} {text!r} is no date") from None
    return int(time.timestamp())


def _subject(
    fields: dict[str, Value], subject: str, later: Container[str]
) -> tuple[str, str, bool]:
    """Return asset, subject and whether that is a transaction.

    Addresses of some assets are checked later, all at once.
    """
    for name in ("address", "tx_hash", "currency", "network"):
        if not isinstance(fields.get(name), str | None):
            raise UsageError(f"{name} must be text")
    asset = str(fields.get("network") or fields.get("currency") or "").strip().upper()
    if not asset:
        raise UsageError("no currency")
    if not subject:
        raise UsageError("neither address nor tx_hash")
    if has_control_character(subject + asset):
        raise UsageError("address or currency has control characters")
    if not fields.get("address"):
        subject = subject.lower()
        if asset in later and not _TXID.fullmatch(subject):
            raise UsageError("a transaction id is 64 hex digits")
        return asset, subject, True
    if asset not in later and (reason := why_not_an_address(subject, asset)):
        raise UsageError(reason)
    return asset, subject, False


def _check_asset(rows: Rows, asset: str, real: str, network: str) -> None:
    """Check the addresses of a currency in `rows`; those that are none move to the refusals."""
    own = [la.asset == asset and not la.is_transaction for la in rows.labels]
    texts = [label.subject for label, is_own in zip(rows.labels, own, strict=True) if is_own]
    faults = address_faults(texts, real)
    elsewhere = {texts[number] for number in faults}
    if network != real and elsewhere:
        candidates = sorted(elsewhere)
        strangers = address_faults(candidates, network)
        elsewhere = {text for n, text in enumerate(candidates) if n not in strangers}
    else:
        elsewhere = set()
    kept: list[Label] = []
    number = -1
    for label, is_own in zip(rows.labels, own, strict=True):
        number += is_own
        if not is_own:
            kept.append(label)
        elif number not in faults:
            shown = as_shown(label.subject, real)
            kept.append(replace(label, subject=shown, network=real))
        elif label.subject in elsewhere:
            shown = as_shown(label.subject, network)
            kept.append(replace(label, subject=shown, network=network))
        else:
            fault = faults[number]
            rows.refusals.append(
                Refusal(
                    label.file, label.position, label.line, label.subject, fault.reason, fault.hint
                )
            )
    rows.labels = kept


class _Reader:
    """Values out of YAML events, each fault with its line."""

    def __init__(self, data: bytes, file: str) -> None:
        self._events = yaml.parse(data, Loader=_LOADER)
        self._file = file

    def document(self) -> dict[str, Value]:
        """Return the header; its tags as pairs of line and value."""
        try:
            return self._document()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or getattr(error, "reason", None)
            raise self._fault(
                f"not YAML: {problem or 'cannot be read'}", mark.line + 1 if mark else None
            ) from None

    def _document(self) -> dict[str, Value]:
        """Read one document of which the top is a mapping with a list of tags."""
        header: Value = None
        for event in self._events:
            if isinstance(event, yaml.MappingStartEvent) and header is None:
                header = self._mapping(depth=0)
            elif not isinstance(
                event,
                yaml.StreamStartEvent
                | yaml.StreamEndEvent
                | yaml.DocumentStartEvent
                | yaml.DocumentEndEvent,
            ):
                raise self._fault("not one mapping with a list of tags", self._line(event))
        if header is None or not isinstance(header.get("tags"), list):
            raise self._fault("no list of tags", None)
        return dict(header)

    def _value(self, event: Any, depth: int) -> Value:
        """Return the value that starts with `event`."""
        if isinstance(event, yaml.ScalarEvent):
            # implicit[0]: plain, not quoted, and without a tag
            return None if event.implicit[0] and event.value in _NULL else event.value
        if depth > _MAX_DEPTH:
            raise self._fault(f"nested more than {_MAX_DEPTH} deep", self._line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        raise self._fault("aliases are not taken", self._line(event))

    def _mapping(self, depth: int) -> dict[str, Value]:
        """Return a mapping; of the top one, tags come with their lines."""
        values: dict[str, Value] = {}
        for event in self._until(yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._fault("a key must be text", self._line(event))
            if event.value in values:
                raise self._fault(f"{event.value!r} is there twice", self._line(event))
            value = next(self._events)
            if depth == 0 and event.value == "tags" and isinstance(value, yaml.SequenceStartEvent):
                values["tags"] = [
                    (self._line(tag), self._value(tag, 1))
                    for tag in self._until(yaml.SequenceEndEvent)
                ]
            else:
                values[event.value] = self._value(value, depth + 1)
        return values

    def _until(self, end: type[Any]) -> Iterator[Any]:
        """Yield events up to one of type `end`, which is swallowed."""
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    @staticmethod
    def _line(event: Any) -> int:
        """Line of an event, from 1."""
        return int(event.start_mark.line) + 1

    def _fault(self, problem: str, line: int | None) -> LabelFileError:
        """Make the error that refuses the whole file."""
        where = self._file if line is None else f"{self._file}:{line}"
        return LabelFileError(f"not a TagPack: {problem}", where=where)
