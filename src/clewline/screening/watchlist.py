"""The list that is screened for: labels of addresses of any chain, as sorted arrays.

An entry is one label of one address on one chain, with the time for which it holds. A *spelling*
is a text by which an address may be written; an address has several on some chains (CashAddr and
its older form, Litecoin's two, TON's five). Looking up a text is a search among spellings, and
each spelling names its entries.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from clewline.codec.address import AddressStatus, decode_addresses, encode_addresses
from clewline.codec.networks import NETWORKS, Network
from clewline.codec.script import ScriptKind, script_kinds
from clewline.errors import LabelFileError, UsageError
from clewline.intake.reading import Reading, read_many
from clewline.labels.label import Claim, make_claim, validity
from clewline.screening.chains import ASSETS, chain_named
from clewline.screening.rows import NO_TIME
from clewline.screening.texts import Int64, Texts, UInt8, UInt64, find_spellings, keys_of, sieve_of

FOREVER: Final = np.iinfo(np.int64).max
"""End of an interval that has none; `NO_TIME` is its beginning."""
MAX_LIST_BYTES: Final = 1 << 30
REQUIRED: Final = ("address", "entity", "category")
OPTIONAL: Final = (
    *("chain", "asset", "network", "source", "confidence", "type", "cluster"),
    *("valid_from", "valid_until", "status"),
)
SHARED_NAMES: Final = {"entity": "brand_codename", "status": "state", "type": "standing"}
"""What the columns of a shared list are called that have other names there."""
_GONE: Final = frozenset({"withdrawn", "retracted", "revoked", "removed", "inactive"})
_ANY_CASE: Final = frozenset({"ETH"})
_TON_RAW: Final = re.compile(r"(?:0|-1):[0-9a-f]{64}")
_YES: Final = frozenset({"yes", "true", "1"})
_SIEVE_BITS: Final = 5  # bits of the sieve for one key, as a power of two


@dataclass(frozen=True, slots=True)
class Entry:
    """One label of one address.

    Attributes
    ----------
    chain : str
        Code of its chain.
    address : str
        Canonical.
    claim : Claim
        What is said.
    label_set : str
        Where: name of a label set, or of the list file without its ending.
    since, until : int
        For when, UTC seconds; `NO_TIME` and `FOREVER` where nothing is said.
    """

    chain: str
    address: str
    claim: Claim
    label_set: str
    since: int = NO_TIME
    until: int = FOREVER

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two entries the same label, whatever the order in which they come."""
        times = f"{self.since}:{self.until}"
        return self.address, self.chain, self.label_set, self.claim.canonical, times

    @property
    def bounded(self) -> bool:
        """Whether it holds for a part of the time only."""
        return self.since != NO_TIME or self.until != FOREVER

    def holds(self, time: int, slack: int) -> bool:
        """Tell whether it holds at a time, or so many seconds later; without a time it does."""
        return time == NO_TIME or (
            (self.since == NO_TIME or time >= self.since - slack) and time <= self.until
        )


class Watchlist:
    """Entries with their spellings.

    Parameters
    ----------
    entries : iterable of Entry
        In any order; equal ones count once.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        distinct = {entry.key: entry for entry in entries}
        self.entries: tuple[Entry, ...] = tuple(distinct[key] for key in sorted(distinct))
        digest = hashlib.sha256()
        for key in sorted(distinct):
            digest.update("\t".join(key).encode() + b"\n")
        self.digest = digest.hexdigest()
        self.chains = sorted({entry.chain for entry in self.entries})
        numbers = {chain: number for number, chain in enumerate(self.chains)}
        self.chain = np.array([numbers[entry.chain] for entry in self.entries], np.int64)
        self.since = np.array([entry.since for entry in self.entries], np.int64)
        self.until = np.array([entry.until for entry in self.entries], np.int64)
        self._spell()

    @property
    def version(self) -> str:
        """The list in sixteen hex digits: equal for equal lists."""
        return self.digest[:16]

    def _spell(self) -> None:
        """Make the arrays that are searched."""
        addresses: dict[tuple[str, str], list[int]] = {}
        for number, entry in enumerate(self.entries):
            addresses.setdefault((entry.chain, entry.address), []).append(number)
        of_text: dict[tuple[str, int], list[int]] = {}
        subjects = list(addresses)
        for subject, texts in zip(subjects, spellings(subjects), strict=True):
            for text, exact in texts:
                of_text.setdefault((text, exact), []).extend(addresses[subject])
        words = list(of_text)
        column = Texts.of([text for text, _exact in words])
        keys = keys_of(column.data, column.begins, column.ends)
        order = np.argsort(keys, kind="stable")
        self.keys: UInt64 = keys[order]
        self._exact: UInt8 = np.array([words[k][1] for k in order.tolist()], np.uint8)
        spelled = Texts.of([words[k][0] for k in order.tolist()])
        self._spelled: UInt8 = spelled.data
        self._bounds: Int64 = np.append(spelled.begins, spelled.ends[-1:] if words else 0)
        counts = [len(of_text[words[k]]) for k in order.tolist()]
        self.first: Int64 = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(
            np.int64
        )
        self.members: Int64 = np.array(
            [number for k in order.tolist() for number in of_text[words[k]]], np.int64
        )
        bits = max(10, max(keys.size, 1).bit_length() + _SIEVE_BITS)
        self._sieve = sieve_of(self.keys, bits)

    def find(self, texts: Texts) -> Int64:
        """Return which spelling each text of a column is, -1 for none.

        Examples
        --------
        >>> claim = make_claim(
        ...     entity="Site 1 (made up)", categories=["csam"], source="a hotline",
        ...     confidence_given="70", type_given="control", cluster=False,
        ... )
        >>> listed = Watchlist([Entry("BTC", "bc1pfeessrawgf", claim, "made-up")])
        >>> listed.find(Texts.of(["BC1PFEESSRAWGF", "bc1pfeessrawgg"])).tolist()
        [0, -1]
        """
        return find_spellings(
            texts.data,
            texts.begins,
            texts.ends,
            self._sieve,
            self.keys,
            self._spelled,
            self._bounds,
            self._exact,
        )


def spellings(subjects: Sequence[tuple[str, str]]) -> list[list[tuple[str, int]]]:
    """Return the texts by which addresses may be written, and of each whether case matters.

    Forms that carry a tag of a customer are too many to list; a row that has one is read, and its
    address looked up without the tag.

    Parameters
    ----------
    subjects : sequence of tuple of str
        Chain and canonical form of each address.

    Examples
    --------
    >>> (texts,) = spellings([("BCH", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a")])
    >>> for text, exact in texts:
    ...     print(text, exact)
    1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu 1
    bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a 0
    """
    found: list[set[str]] = [{address} for _chain, address in subjects]
    for network in NETWORKS.values():
        chain = network.coin.asset
        if not network.cashaddr_prefix and network.old_p2sh_version < 0:
            continue
        own = [k for k, (one, address) in enumerate(subjects) if one == chain and address]
        for k, texts in zip(own, _other_forms([subjects[k][1] for k in own], network), strict=True):
            found[k] |= texts
    answers = []
    for (chain, address), texts in zip(subjects, found, strict=True):
        if chain == "TON" and _TON_RAW.fullmatch(address):
            answers.append([(address, 0), *((text, 1) for text in _friendly(address))])
        else:
            folded = chain in _ANY_CASE
            answers.append(
                [(text, int(not (folded or _is_folded(text)))) for text in sorted(texts)]
            )
    return answers


def keys_of_all(subjects: Sequence[tuple[str, str]]) -> UInt64:
    """Return the keys of all texts by which addresses may be written, ascending.

    Parameters
    ----------
    subjects : sequence of tuple of str
        Chain and canonical form of each address.

    Examples
    --------
    >>> keys_of_all([("ETH", "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359")] * 2).size
    1
    """
    texts = Texts.of([text for forms in spellings(subjects) for text, _exact in forms])
    return np.unique(keys_of(texts.data, texts.begins, texts.ends))


def _is_folded(text: str) -> bool:
    """Tell whether a text says the same in upper case: bech32, CashAddr."""
    if ":" in text:
        return True
    lower = text == text.lower()
    return lower and "1" in text[1:-6] and any(c.isalpha() for c in text[:1])


def _other_forms(addresses: Sequence[str], network: Network) -> list[set[str]]:
    """Return addresses in all base58 and CashAddr forms of a network; none of another's."""
    decoded = decode_addresses(addresses, network)
    kinds = script_kinds(decoded.blob, decoded.starts)
    hashed = np.isin(kinds, (ScriptKind.PUBKEYHASH, ScriptKind.SCRIPTHASH))
    good = np.flatnonzero(hashed & (decoded.status == AddressStatus.OK))
    forms = [network]
    if network.cashaddr_prefix:
        forms.append(replace(network, cashaddr_prefix=""))
    if network.old_p2sh_version >= 0:
        forms.append(replace(network, p2sh_version=network.old_p2sh_version))
    shown: list[set[str]] = [set() for _ in addresses]
    for form in forms:
        texts = encode_addresses(decoded.blob, decoded.starts, kinds, form, ids=good)
        for k, text in zip(good.tolist(), texts, strict=True):
            shown[k] |= {text} if text else set()
    return shown


def _friendly(raw: str) -> list[str]:
    """Return TON's user-friendly forms of a raw address (TEP-2), in both alphabets."""
    workchain, _, digest = raw.partition(":")
    texts = []
    for tag in (0x11, 0x51, 0x91, 0xD1):
        body = bytes([tag, 0xFF if workchain == "-1" else 0]) + bytes.fromhex(digest)
        data = body + binascii.crc_hqx(body, 0).to_bytes(2, "big")
        plain = base64.b64encode(data).decode()
        texts += [plain, plain.translate(str.maketrans("+/", "-_"))]
    return sorted(set(texts))


def read_list(path: Path) -> list[Entry]:
    """Read a list of addresses: CSV with a header, a JSON array of objects, or JSON lines.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.json``, ``.jsonl`` or ``.ndjson``. A row has `REQUIRED` and may have `OPTIONAL`
        columns; others are left alone. Without a chain a row is about every chain on which its
        address is one. ``valid_from`` and ``valid_until`` say when it was the entity's. A row whose
        ``status`` says that it was withdrawn is none.

    Returns
    -------
    list of Entry
        In the order of the file.

    Raises
    ------
    LabelFileError
        If the file or a row of it is wrong: a list with holes would pass for a whole one.
    """
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise LabelFileError(f"larger than {MAX_LIST_BYTES >> 20} MiB", where=str(path))
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LabelFileError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise LabelFileError(f"not UTF-8 at byte {error.start}", where=str(path)) from None
    rows = _list_rows(text, path)
    readings = read_many([row.get("address", "").strip() for _line, row in rows])
    entries: list[Entry] = []
    claims: dict[tuple[str, ...], Claim] = {}
    for (line, row), found in zip(rows, readings, strict=True):
        try:
            entries += _entries(row, path, claims, found)
        except UsageError as error:
            raise LabelFileError(
                f"{error.message}; the list was not taken", where=f"{path}:{line}", hint=error.hint
            ) from None
    return entries


def _list_rows(text: str, path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return line and cells of each row of a list."""
    try:
        if path.suffix.lower() == ".json":
            items = json.loads(text)
            items = items.get("items", items) if isinstance(items, dict) else items
            numbered: list[tuple[int, Any]] = list(enumerate(items, start=1))
        elif path.suffix.lower() in (".jsonl", ".ndjson"):
            numbered = [
                (line, json.loads(row))
                for line, row in enumerate(text.split("\n"), 1)
                if row.strip()
            ]
        else:
            return _csv_list(text, path)
    except (ValueError, RecursionError, TypeError) as error:
        raise LabelFileError(f"not JSON: {error}", where=str(path)) from None
    for line, item in numbered:
        if not isinstance(item, dict):
            raise LabelFileError("a row is no object", where=f"{path}:{line}")
    return [
        (
            line,
            _named({str(k).strip().lower(): "" if v is None else str(v) for k, v in item.items()}),
        )
        for line, item in numbered
    ]


def _named(row: dict[str, str]) -> dict[str, str]:
    """Return a row of a list as it is shared (docs/SHARING.md) under the names of this page."""
    for own, shared in SHARED_NAMES.items():
        if shared in row and own not in row:
            row[own] = row[shared]
    if "standing" in row and not row.get("entity"):
        row["entity"] = "an address on the shared list"
    return row


def _csv_list(text: str, path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return line and cells of each row of a CSV."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, dict[str, str]]] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        named = {*header, *(own for own, shared in SHARED_NAMES.items() if shared in header)}
        missing = [name for name in REQUIRED if name not in named]
        if missing:
            raise LabelFileError(
                f"missing column: {', '.join(missing)}",
                where=f"{path}:1",
                hint=f"needed: {', '.join(REQUIRED)}; optional: {', '.join(OPTIONAL)}",
            )
        for cells in reader:
            if cells and len(cells) != len(header):
                raise LabelFileError(
                    f"{len(cells)} cells where the header has {len(header)}",
                    where=f"{path}:{reader.line_num}",
                )
            row = dict(zip(header, cells, strict=False))
            # The first row of a shared list is about the list.
            if cells and row.get("row") != "list":
                found.append((reader.line_num, _named(row)))
    except csv.Error as error:
        raise LabelFileError(f"not CSV: {error}", where=f"{path}:{reader.line_num}") from None
    return found


def _entries(
    row: dict[str, str], path: Path, claims: dict[tuple[str, ...], Claim], found: list[Reading]
) -> list[Entry]:
    """Return what a row of a list says: one entry a chain."""
    if row.get("status", "").strip().lower() in _GONE:
        return []
    address = row.get("address", "").strip()
    if not address:
        raise UsageError("no address")
    said = tuple(
        row.get(name, "").strip()
        for name in ("entity", "category", "source", "confidence", "type", "cluster")
    )
    if said not in claims:
        entity, category, source, confidence, type_, cluster = said
        claims[said] = make_claim(
            entity=entity,
            categories=[category],
            source=source or path.name,
            confidence_given=confidence or "unknown",
            type_given=type_,
            cluster=cluster.lower() in _YES,
        )
    since, until = bounds_of(*validity(row.get("valid_from", ""), row.get("valid_until", "")))
    given = row.get("chain") or row.get("asset") or ""
    return [
        Entry(chain, canonical, claims[said], path.stem, since, until)
        for chain, canonical in _subjects(address, given, found)
    ]


def bounds_of(since: int | None, until: int | None) -> tuple[int, int]:
    """Return for when an entry holds, of what a label says; None is an open end.

    Examples
    --------
    >>> bounds_of(1_700_000_000, None)[1] == FOREVER
    True
    """
    return NO_TIME if since is None else since, FOREVER if until is None else until


def _subjects(address: str, given: str, readings: Sequence[Reading]) -> list[tuple[str, str]]:
    """Return chain and canonical form of all that a listed address may be."""
    if not given:
        if not readings:
            raise UsageError(f"{address[:100]!r} is no address of any chain that is read")
        return list(dict.fromkeys((one.chain, one.canonical) for one in readings))
    chain = chain_named(given)
    of_chain = [one.canonical for one in readings if one.chain == chain]
    if of_chain:
        return [(chain, of_chain[0])]
    if readings or chain in ASSETS:
        raise UsageError(f"{address[:100]!r} is no address of {chain}")
    # A chain that the registry has no kind for: the text itself is all there is to compare.
    return [(chain, address)]
