"""What one recipient gets about one payment address or option, after policy decided.

A field that is None was not released, or is not known: a recipient cannot tell which. References
are the recipient's own, so that two recipients cannot lay their copies side by side by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from clewline import vocab
from clewline.errors import UsageError

CLUE: Final = (
    "A clue, not proof: a page showed this means of payment. Anybody can print anybody's address; "
    "it may belong to a processor, an exchange or a victim. Check it before you act on it."
)
"""What every item says of itself."""

STATES: Final = ("new", "changed", "withdrawn")
MOST_ITEMS: Final = 100_000


class Kind(StrEnum):
    """What a field holds; the value is what docs say of it."""

    REFERENCE = "8 to 128 letters, digits, '.', '_', ':' and '-'"
    WORD = "a word of the vocabulary"
    COUNT = "a whole number from 0 to 2,147,483,647"
    TIME = "a time in UTC, whole seconds"
    AMOUNT = "a decimal number as text: digits, at most one point, no exponent"
    TEXT = "one line of printable text"
    LONG_TEXT = "printable text, line feeds and tabs"
    NAME = "letters, digits and hyphens"
    ADDRESS = "printable ASCII without spaces"
    COUNTRY = "ISO 3166-1, two capitals"
    CODE = "letters, digits and '. _ $ -'"


@dataclass(frozen=True)
class SharedField:
    """One field of an item.

    Attributes
    ----------
    name : str
        As in `SharedItem`.
    kind : Kind
        What it holds.
    help : str
        What it means, for the docs.
    words : tuple of str
        Where `kind` is `Kind.WORD`: the words.
    most : int
        Longest text.
    core : bool
        Always there.
    """

    name: str
    kind: Kind
    help: str
    words: tuple[str, ...] = ()
    most: int = 0
    core: bool = False


def _word(name: str, help_: str, words: Sequence[str], *, core: bool = False) -> SharedField:
    """Return a field whose words are a closed list."""
    return SharedField(name, Kind.WORD, help_, tuple(words), core=core)


FIELDS: Final[Mapping[str, SharedField]] = MappingProxyType(
    {
        one.name: one
        for one in (
            SharedField(
                "id", Kind.REFERENCE, "Stable, opaque, the recipient's own", most=128, core=True
            ),
            _word("state", "New, changed since, or withdrawn", STATES, core=True),
            SharedField("revision", Kind.COUNT, "1 when new, one more a change", core=True),
            SharedField("shared_at", Kind.TIME, "When this recipient first got it", core=True),
            SharedField("changed_at", Kind.TIME, "When this revision was made", core=True),
            _word("tlp", "TLP 2.0: who may see it", tuple(vocab.words("tlp")), core=True),
            SharedField("chain", Kind.NAME, "Currency code of the chain, as in ADDRESSES", most=30),
            SharedField(
                "network",
                Kind.NAME,
                "Network of the chain; on EVM chains which one (ethereum, bsc, polygon, …)",
                most=30,
            ),
            SharedField("address", Kind.ADDRESS, "Canonical form", most=4_000),
            SharedField("memo", Kind.TEXT, "Tag, memo or payment id", most=120),
            _word("rail", "Means of payment", tuple(vocab.words("rail"))),
            SharedField("asset", Kind.CODE, "What is paid with, by its code", most=20),
            SharedField("token", Kind.ADDRESS, "Contract of the token", most=100),
            _word("period", "What one payment is for", tuple(vocab.words("period"))),
            SharedField("amount_min", Kind.AMOUNT, "Lowest price", most=40),
            SharedField("amount_max", Kind.AMOUNT, "Highest price", most=40),
            SharedField("price_currency", Kind.CODE, "Currency of the price", most=12),
            SharedField("payment_currency", Kind.CODE, "Currency that is paid", most=12),
            SharedField("brand_codename", Kind.TEXT, "Codename of the brand", most=60),
            _word("category", "Category of the vocabulary", tuple(vocab.categories())),
            _word("standing", "What is claimed of the address", tuple(vocab.label_types())),
            _word("confidence", "Step of the confidence ladder", tuple(vocab.confidences())),
            _word("source_grade", "Source (3x5x2)", tuple(vocab.words("source_grade"))),
            _word("info_grade", "Information (3x5x2)", tuple(vocab.words("info_grade"))),
            _word("pap", "PAP: what may be done with it", tuple(vocab.words("pap"))),
            _word("handling", "Handling code", tuple(vocab.words("handling"))),
            SharedField("first_seen", Kind.TIME, "First seen by the issuer"),
            SharedField("last_seen", Kind.TIME, "Last seen by the issuer"),
            SharedField("seen_count", Kind.COUNT, "How often it was seen"),
            SharedField(
                "rotation_group", Kind.REFERENCE, "Refreshes of one page, recipient's own", most=128
            ),
            SharedField("rotation_index", Kind.COUNT, "Which refresh, from 0"),
            SharedField("valid_from", Kind.TIME, "From when it is worth matching"),
            SharedField("valid_until", Kind.TIME, "Until when"),
            SharedField("abuse_label", Kind.TEXT, "Label of the abuse category", most=120),
            SharedField("hosting_country", Kind.COUNTRY, "Where the page was hosted", most=2),
            SharedField("wording", Kind.LONG_TEXT, "Wording of the page", most=20_000),
            SharedField("url", Kind.ADDRESS, "Address of the page", most=2_000),
            SharedField("note", Kind.TEXT, "Always the same words", most=400, core=True),
        )
    }
)
"""Every field of an item, in the order in which it is shown."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,127}")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_CODE: Final = re.compile(r"[A-Za-z0-9.$_-]+")
_AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_VISIBLE: Final = re.compile(r"[!-~]+")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_FORMS: Final = {
    Kind.REFERENCE: _REFERENCE,
    Kind.NAME: _NAME,
    Kind.CODE: _CODE,
    Kind.AMOUNT: _AMOUNT,
    Kind.ADDRESS: _VISIBLE,
    Kind.COUNTRY: _COUNTRY,
}
_MOST_COUNT: Final = 2**31 - 1
_PAIRS: Final = (
    ("chain", "address"),
    ("network", "address"),
    ("address", "chain"),
    ("address", "network"),
    ("memo", "address"),
    ("rotation_index", "rotation_group"),
)
"""The first is there only where the second is."""
_ORDERED: Final = (
    ("shared_at", "changed_at"),
    ("first_seen", "last_seen"),
    ("valid_from", "valid_until"),
)
_EARLIEST: Final = datetime(2009, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(2106, 1, 1, tzinfo=UTC)
"""Times outside hold in some format only (MISP counts seconds in 32 bits)."""


@dataclass(frozen=True, kw_only=True)
class SharedItem:
    """One payment address or option, as one recipient gets it.

    `FIELDS` says what each field holds; all but the core may be None: not released, or not known.
    An address has a chain and a network; on EVM chains the network says which chain it is, so one
    string on five chains is five items.

    Raises
    ------
    UsageError
        If a field does not hold what `FIELDS` says, or two contradict each other; `where` names
        item and field.

    Examples
    --------
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> item = SharedItem(
    ...     id="R-7K3M2Q92", state="new", revision=1, shared_at=day, changed_at=day, tlp="amber",
    ...     chain="BTC", network="main", address="bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    ... )
    >>> item.note[:18]
    'A clue, not proof:'
    >>> replace(item, tlp="orange")
    Traceback (most recent call last):
        ...
    clewline.errors.UsageError: item R-7K3M2Q92, tlp: unknown word 'orange' (allowed: clear, green,\
 amber, amber_strict, red)
    """

    id: str
    state: str
    revision: int
    shared_at: datetime
    changed_at: datetime
    tlp: str
    chain: str | None = None
    network: str | None = None
    address: str | None = None
    memo: str | None = None
    rail: str | None = None
    asset: str | None = None
    token: str | None = None
    period: str | None = None
    amount_min: str | None = None
    amount_max: str | None = None
    price_currency: str | None = None
    payment_currency: str | None = None
    brand_codename: str | None = None
    category: str | None = None
    standing: str | None = None
    confidence: str | None = None
    source_grade: str | None = None
    info_grade: str | None = None
    pap: str | None = None
    handling: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    seen_count: int | None = None
    rotation_group: str | None = None
    rotation_index: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    abuse_label: str | None = None
    hosting_country: str | None = None
    wording: str | None = None
    url: str | None = None
    note: str = CLUE

    def __post_init__(self) -> None:
        for one in FIELDS.values():
            value = getattr(self, one.name)
            if value is not None or one.core:
                problem, hint = _fault(one, value)
                if problem:
                    raise self._refuse(one.name, problem, hint)
        self._agree()

    def _agree(self) -> None:
        """Check what fields say of each other."""
        for name, needed in _PAIRS:
            if getattr(self, name) is not None and getattr(self, needed) is None:
                raise self._refuse(name, f"is there without {needed}")
        for first, last in _ORDERED:
            start, end = getattr(self, first), getattr(self, last)
            if start is not None and end is not None and start > end:
                raise self._refuse(last, f"is before {first}")
        low, high = self.amount_min, self.amount_max
        if low is not None and high is not None and Decimal(low) > Decimal(high):
            raise self._refuse("amount_max", "is less than amount_min")
        if (self.state == "new") != (self.revision == 1):
            raise self._refuse("revision", "is 1 where the state is new, and only there")
        if self.note != CLUE:
            raise self._refuse("note", "is always the same words")

    def _refuse(self, name: str, problem: str, hint: str | None = None) -> UsageError:
        """Make the error that names item and field."""
        known = isinstance(self.id, str) and _REFERENCE.fullmatch(self.id)
        return UsageError(
            problem, where=f"item {self.id if known else '(no reference)'}, {name}", hint=hint
        )


def _fault(one: SharedField, value: Any) -> tuple[str, str | None]:
    """Say what is wrong with the value of a field, and what is allowed; "" where nothing is."""
    if one.kind is Kind.TIME:
        return _time_fault(value), f"holds {one.kind.value}"
    if one.kind is Kind.COUNT:
        good = type(value) is int and 0 <= value <= _MOST_COUNT
        return "" if good else "is no count", f"holds {one.kind.value}"
    if not isinstance(value, str):
        return "is no text", f"holds {one.kind.value}"
    if one.kind is Kind.WORD:
        if value in one.words:
            return "", None
        allowed = one.words if len(one.words) < 20 else (*one.words[:5], "…")
        return f"unknown word {value[:40]!r}", f"allowed: {', '.join(allowed)}"
    if not value or len(value) > one.most:
        return f"has {len(value)} characters", f"allowed: 1 to {one.most}"
    form = _FORMS.get(one.kind)
    good = form.fullmatch(value) is not None if form else _is_text(value, one.kind)
    return "" if good else f"is not as it must be: {value[:40]!r}", f"holds {one.kind.value}"


def _time_fault(value: Any) -> str:
    """Say what is wrong with a time."""
    if not isinstance(value, datetime):
        return "is no time"
    if value.tzinfo is not UTC or value.microsecond:
        return "is not UTC in whole seconds"
    return "" if _EARLIEST <= value < _LATEST else "is not within 2009 to 2105"


def _is_text(value: str, kind: Kind) -> bool:
    """Tell whether a text shows what it holds: nothing hidden, no space at its ends."""
    shown = value.translate(_BREAKS) if kind is Kind.LONG_TEXT else value
    return shown.isprintable() and value == value.strip()


_BREAKS: Final = {ord("\n"): " ", ord("\t"): " "}


def written_time(time: datetime) -> str:
    """Return a time as it is written: ISO 8601 with Z.

    Examples
    --------
    >>> written_time(datetime(2025, 3, 1, tzinfo=UTC))
    '2025-03-01T00:00:00Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.0+)?(?:Z|\+00:?00)", re.ASCII)


def read_time(text: Any) -> datetime | None:
    """Return the time that a text of ISO 8601 in UTC with whole seconds says, None if it is none.

    Examples
    --------
    >>> read_time("2025-03-01T00:00:00.000Z")
    datetime.datetime(2025, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    >>> read_time("2025-03-01") is None
    True
    """
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def plain(item: SharedItem) -> dict[str, str | int]:
    """Return what an item holds as text and whole numbers, without what it does not hold.

    Examples
    --------
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> item = SharedItem(
    ...     id="R-7K3M2Q92", state="new", revision=1, shared_at=day, changed_at=day, tlp="amber"
    ... )
    >>> plain(item)["shared_at"], "address" in plain(item)
    ('2025-03-01T00:00:00Z', False)
    >>> item_from_plain(plain(item), "row 1") == item
    True
    """
    values: dict[str, str | int] = {}
    for name in FIELDS:
        value = getattr(item, name)
        if value is not None:
            values[name] = written_time(value) if isinstance(value, datetime) else value
    return values


def item_from_plain(values: Mapping[str, Any], where: str) -> SharedItem:
    """Return the item that `plain` was made of.

    Parameters
    ----------
    values : mapping
        Name of the field → text or whole number.
    where : str
        Place in the file, for errors.

    Raises
    ------
    UsageError
        If a field is unknown, missing or does not hold what it must.
    """
    if unknown := sorted(set(values) - set(FIELDS)):
        raise UsageError(f"unknown field {unknown[0][:40]!r}", where=where)
    missing = [one.name for one in FIELDS.values() if one.core and one.name not in values]
    if missing:
        raise UsageError(f"no {missing[0]}", where=where)
    read = dict(values)
    for name, value in values.items():
        if (
            FIELDS[name].kind is Kind.TIME
            and (read := read | {name: read_time(value)})[name] is None
        ):
            raise UsageError(
                f"{name} is no time", where=where, hint="allowed: as in 2025-03-01T00:00:00Z"
            )
    try:
        return SharedItem(**read)
    except UsageError as error:
        raise UsageError(error.message, where=f"{where}, {error.where}", hint=error.hint) from None


@dataclass(frozen=True, kw_only=True)
class SharedList:
    """A version of what one recipient gets: the whole list, or what changed since another version.

    Attributes
    ----------
    version : int
        Number of this version, from 1.
    made_at : datetime
        When it was made, UTC; formats take every time from here, none from the clock.
    issuer : str
        Name of the hotline that gives it.
    recipient : str
        How the issuer calls the recipient towards the recipient; opaque.
    items : tuple of SharedItem
        By id, each once. A withdrawn item stays in the list as withdrawn.
    previous : int or None
        None: the whole list. A number: what was added, changed and withdrawn since that version.

    Raises
    ------
    UsageError
        If a field does not hold what it must, an id is there twice, or an item is newer than the
        list.
    """

    version: int
    made_at: datetime
    issuer: str
    recipient: str
    items: tuple[SharedItem, ...] = field(default=())
    previous: int | None = None

    def __post_init__(self) -> None:
        for one in LIST_FIELDS.values():
            value = getattr(self, one.name)
            if value is None and not one.core:
                continue
            problem, hint = _fault(one, value)
            if problem:
                raise UsageError(problem, where=f"list, {one.name}", hint=hint)
        if self.version < 1 or (
            self.previous is not None and not 1 <= self.previous < self.version
        ):
            raise UsageError("versions count from 1, and the previous is lower", where="list")
        if len(self.items) > MOST_ITEMS:
            raise UsageError(f"more than {MOST_ITEMS} items", where="list")
        items = tuple(sorted(self.items, key=lambda item: item.id))
        for before, item in pairwise(items):
            if before.id == item.id:
                raise UsageError("is there twice", where=f"item {item.id}")
        for item in items:
            if item.changed_at > self.made_at:
                raise UsageError("is after the list was made", where=f"item {item.id}, changed_at")
        object.__setattr__(self, "items", items)

    @property
    def tlp(self) -> str:
        """The strictest marking of any item; that of an empty list is clear."""
        words = FIELDS["tlp"].words
        return words[max((words.index(item.tlp) for item in self.items), default=0)]


LIST_FIELDS: Final[Mapping[str, SharedField]] = MappingProxyType(
    {
        one.name: one
        for one in (
            SharedField("version", Kind.COUNT, "Number of this version, from 1", core=True),
            SharedField("made_at", Kind.TIME, "When it was made", core=True),
            SharedField("issuer", Kind.TEXT, "Who gives it", most=120, core=True),
            SharedField("recipient", Kind.REFERENCE, "Who gets it, opaque", most=128, core=True),
            SharedField("previous", Kind.COUNT, "Version to which it is a delta"),
        )
    }
)


@dataclass(frozen=True)
class Delta:
    """What a version has that another had not; each item as it is now."""

    added: tuple[SharedItem, ...]
    changed: tuple[SharedItem, ...]
    withdrawn: tuple[SharedItem, ...]


def delta(previous: SharedList, current: SharedList) -> Delta:
    """Return what is new, changed and withdrawn between two whole lists of one recipient.

    Raises
    ------
    UsageError
        If the lists are of two recipients or issuers, out of order, or an item of the earlier one
        is missing or older in the later: a withdrawn item stays in the list, as withdrawn.
    """
    if (previous.issuer, previous.recipient) != (current.issuer, current.recipient):
        raise UsageError("the lists are of two recipients or issuers")
    if previous.version >= current.version or previous.previous or current.previous:
        raise UsageError("a delta is between a whole list and a later whole list")
    before = {item.id: item for item in previous.items}
    if gone := sorted(before.keys() - {item.id for item in current.items}):
        raise UsageError("left the list without being withdrawn", where=f"item {gone[0]}")
    parts: dict[str, list[SharedItem]] = {"added": [], "changed": [], "withdrawn": []}
    for item in current.items:
        old = before.get(item.id)
        if old == item:
            continue
        if old is not None and item.revision <= old.revision:
            raise UsageError("changed without a higher number", where=f"item {item.id}, revision")
        kind = "withdrawn" if item.state == "withdrawn" else "changed" if old else "added"
        parts[kind].append(item)
    return Delta(**{name: tuple(items) for name, items in parts.items()})


def as_delta(previous: SharedList, current: SharedList) -> SharedList:
    """Return the list of what changed since `previous`, for those who keep a copy."""
    found = delta(previous, current)
    items = (*found.added, *found.changed, *found.withdrawn)
    return replace(current, items=items, previous=previous.version)


def applied(whole: SharedList, change: SharedList) -> SharedList:
    """Return the whole list that a recipient holds once a delta was applied.

    Raises
    ------
    UsageError
        If the delta is not to this version of this list.

    Examples
    --------
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> one = SharedList(version=1, made_at=day, issuer="Hotline 1 (made up)", recipient="P-000001")
    >>> two = replace(one, version=2)
    >>> applied(one, as_delta(one, two)) == two
    True
    """
    if (whole.issuer, whole.recipient, whole.version, whole.previous) != (
        change.issuer,
        change.recipient,
        change.previous,
        None,
    ):
        raise UsageError("the delta is not to this version of this list")
    items = {item.id: item for item in (*whole.items, *change.items)}
    return replace(change, items=tuple(items.values()), previous=None)


NOT_FOR_EXCHANGES: Final = (
    "brand_codename",
    "rotation_group",
    "rotation_index",
    "abuse_label",
    "wording",
    "url",
)
"""What names a site, or lets a reader tell sites apart."""


def for_exchange(item: SharedItem) -> SharedItem:
    """Return an item as exchanges get it: no brand, no wording, nothing that tells sites apart.

    Examples
    --------
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> item = SharedItem(
    ...     id="R-7K3M2Q92", state="new", revision=1, shared_at=day, changed_at=day, tlp="amber",
    ...     brand_codename="Heron (made up)",
    ... )
    >>> for_exchange(item).brand_codename is None
    True
    """
    nothing: dict[str, Any] = dict.fromkeys(NOT_FOR_EXCHANGES)
    return replace(item, **nothing)


if tuple(one.name for one in fields(SharedItem)) != tuple(FIELDS):
    message = "SharedItem and FIELDS differ"
    raise AssertionError(message)
