"""A label: one source's word about one address or transaction.

What is said (the *claim*: entity, category, source, confidence, type …) is kept apart from what it
is said about, because a file mostly says the same thing about many addresses.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from clewline.errors import UsageError
from clewline.vocab import category, confidence, label_type

_MENTION_CONCEPTS: Final = frozenset({"mention", "website_mention", "forum_mention"})
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SECONDS_DIGITS: Final = 11
_MILLISECONDS_DIGITS: Final = 13
_SHOWN: Final = 100
"""Characters of a refused subject that are printed; no address is longer."""
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Claim:
    """What a source says, whatever it says it about.

    Attributes
    ----------
    entity : str
        Name that the source gives.
    category : str or None
        Id of the category that decides how a trace treats the entity; None: nothing is said.
    concepts : tuple of str
        Ids of all categories that the source gives, sorted.
    source : str
        Where the source can be looked up.
    confidence : str
        Id on the confidence ladder, or the number as the file gave it.
    level : int
        0 to 100.
    type : str
        ``mention`` or ``control``.
    inherits : bool
        The label reaches the whole cluster of the address. Never true of a mention.
    observed : int or None
        When the source last looked, UTC seconds.
    actor : str or None
        The source's id for the entity behind several names.
    context : str or None
        Whatever else the source says.
    since, until : int or None
        For when the address was the entity's, UTC seconds; None: nothing is said. Screening of
        transfers asks; traces and clusters take a label for all time.
    """

    entity: str
    category: str | None
    concepts: tuple[str, ...]
    source: str
    confidence: str
    level: int
    type: str
    inherits: bool
    observed: int | None = None
    actor: str | None = None
    context: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def child_protection(self) -> bool:
        """Whether any category of the claim is one of child protection."""
        return any(category(concept).child_protection for concept in self.concepts)

    @property
    def is_service(self) -> bool:
        """Whether a trace stops at an address of which this is said."""
        return self.category is not None and category(self.category).service

    @cached_property
    def canonical(self) -> str:
        """The claim as JSON with sorted keys: equal claims give equal text."""
        said = asdict(self)
        # Claims that say nothing of time have the text, and the digest, that they always had.
        for name in ("since", "until"):
            if said[name] is None:
                del said[name]
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `canonical`, hex."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @staticmethod
    def from_canonical(text: str) -> Claim:
        """Return the claim that `canonical` was made of."""
        values = json.loads(text)
        return Claim(**values | {"concepts": tuple(values["concepts"])})


@dataclass(frozen=True, slots=True)
class Label:
    """A claim about one address or transaction, and where it was read.

    Attributes
    ----------
    asset : str
        Currency or chain as the source writes it, upper case; that of the store is matched.
    network : str
        Name of the network where the subject is an address of the store's chain or of Bitcoin;
        ``main`` for all other assets.
    subject : str
        Address in the form in which it is shown, or transaction id.
    is_transaction : bool
        `subject` is a transaction id.
    claim : Claim
        What is said.
    file : str
        Name of the file.
    position : int
        Which tag or row of the file, from 1.
    line : int
        Line of the file where it starts, from 1.
    """

    asset: str
    network: str
    subject: str
    is_transaction: bool
    claim: Claim
    file: str
    position: int
    line: int

    def as_dict(self) -> dict[str, Any]:
        """Return the label as plain values, in the order in which it is shown."""
        claim = self.claim
        bounds = {"valid_from": claim.since, "valid_until": claim.until}
        return {
            "txid" if self.is_transaction else "address": self.subject,
            "asset": self.asset,
            "network": self.network,
            "entity": claim.entity,
            "category": claim.category,
            "concepts": list(claim.concepts),
            "service": claim.is_service,
            "child_protection": claim.child_protection,
            "type": claim.type,
            "source": claim.source,
            "confidence": claim.confidence,
            "level": claim.level,
            "cluster": claim.inherits,
            "observed": _shown_time(claim.observed),
            "actor": claim.actor,
            "context": claim.context,
            "file": self.file,
            "position": self.position,
            "line": self.line,
            **{name: _shown_time(time) for name, time in bounds.items() if time is not None},
        }


def _shown_time(seconds: int | None) -> str | None:
    """Return a time as ISO 8601, UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Refusal:
    """A tag or row that was not taken, and why."""

    file: str
    position: int
    line: int
    subject: str
    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        """Return place, subject, reason and hint as one line."""
        text = f"{self.file}:{self.line}: {self.subject[:_SHOWN]!r}: {self.reason}"
        return f"{text} ({self.hint})" if self.hint else text


@dataclass
class Rows:
    """What was read from one file: labels in file order, what was refused, what was changed."""

    labels: list[Label] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def make_claim(
    *,
    entity: str | None,
    categories: Sequence[str | None],
    source: str | None,
    confidence_given: str,
    type_given: str | None,
    cluster: bool,
    observed: int | None = None,
    actor: str | None = None,
    context: str | None = None,
    valid: tuple[int | None, int | None] = (None, None),
) -> Claim:
    """Check what a row says and settle what it leaves open.

    Parameters
    ----------
    entity, source : str or None
        Both must be given, without control characters: they are printed in terminals and reports.
    categories : sequence of str or None
        Category names; None and empty ones are skipped. One of child protection decides over all
        others, then the first that is a service, then the first.
    confidence_given : str
        Id on the confidence ladder, or a whole number from 0 to 100.
    type_given : str or None
        ``mention`` or ``control``. Not given, it is a mention where the source says so or where the
        category is one of child protection, and else control by the source's word (METHODS §3).
    cluster : bool
        The source says that the label holds for the whole cluster. A mention never does.
    valid : tuple of int or None
        From when and until when, UTC seconds; `validity` reads them.

    Raises
    ------
    UsageError
        If a word is unknown or a needed one is missing.

    Examples
    --------
    >>> claim = make_claim(
    ...     entity="Site 1 (made up)", categories=["csam"], source="a hotline",
    ...     confidence_given="70", type_given=None, cluster=True,
    ... )
    >>> claim.category, claim.type, claim.inherits
    ('child_sexual_abuse', 'mention', False)
    """
    entity, source = _plain("entity", entity), _plain("source", source)
    words = [category(name) for name in categories if name]
    # The sort keeps the given order among equals.
    ranked = sorted(words, key=lambda word: (not word.child_protection, not word.service))
    if type_given:
        type_ = label_type(type_given).id
    elif any(word.child_protection or word.id in _MENTION_CONCEPTS for word in words):
        type_ = "mention"
    else:
        type_ = "control"
    confidence_id, level = _confidence(confidence_given)
    return Claim(
        entity=entity,
        category=ranked[0].id if ranked else None,
        concepts=tuple(sorted({word.id for word in words})),
        source=source,
        confidence=confidence_id,
        level=level,
        type=type_,
        inherits=cluster and type_ != "mention",
        observed=observed,
        actor=actor or None,
        context=context or None,
        since=valid[0],
        until=valid[1],
    )


def validity(since: str, until: str) -> tuple[int | None, int | None]:
    """Read for when a label holds; a date's end is its last second.

    Parameters
    ----------
    since, until : str
        ISO 8601, UTC where it names no zone, or seconds or milliseconds since 1970; empty: open.

    Returns
    -------
    since, until : int or None
        UTC seconds.

    Raises
    ------
    UsageError
        If a text is no time, or the end is before the beginning.

    Examples
    --------
    >>> validity("2024-01-31", "2024-01-31")
    (1706659200, 1706745599)
    >>> validity("", "1706659200")
    (None, 1706659200)
    """
    begin, end = _moment(since.strip()), _moment(until.strip())
    if end is not None and _DATE.fullmatch(until.strip()):
        end += 86_400 - 1
    if begin is not None and end is not None and begin > end:
        raise UsageError("valid_from is after valid_until")
    return begin, end


def _moment(text: str) -> int | None:
    """Read a time, None where there is none."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _MILLISECONDS_DIGITS:
        return int(text) // 1000 if len(text) > _SECONDS_DIGITS else int(text)
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(f"{text[:40]!r} is neither a date nor a time") from None


def _plain(name: str, text: str | None) -> str:
    """Return a text that must be there and must be printable."""
    text = (text or "").strip()
    if not text:
        raise UsageError(f"no {name}")
    if has_control_character(text):
        raise UsageError(f"{name} has control characters")
    return text


def has_control_character(text: str) -> bool:
    r"""Tell whether `text` could move a cursor, break a line or turn the reading direction.

    Examples
    --------
    >>> has_control_character("=SUM(A1)"), has_control_character("a\x1b[2J")
    (False, True)
    """
    return _CONTROL_CHARACTER.search(text) is not None


def _confidence(given: str) -> tuple[str, int]:
    """Return id and level of a confidence given as id or number."""
    given = given.strip()
    if given.isascii() and given.isdigit():
        if len(given) > 3 or int(given) > 100:
            raise UsageError(f"confidence {given} is above 100")
        return str(int(given)), int(given)
    word = confidence(given)
    return word.id, word.level


def in_order(labels: Iterable[Label]) -> list[Label]:
    """Sort labels as they are shown: child protection first, then by confidence, then by entity.

    Notes
    -----
    However sure other sources are, a child-protection label comes before theirs (METHODS §3).
    """
    return sorted(
        labels,
        key=lambda label: (
            not label.claim.child_protection,
            -label.claim.level,
            label.claim.entity,
            label.claim.canonical,
        ),
    )


def conflicts(labels: Iterable[Label]) -> list[str]:
    """Say where labels of one address contradict each other; none is voted away.

    Parameters
    ----------
    labels : iterable of Label
        Labels of one address, in any order.

    Returns
    -------
    list of str
        One sentence for entities and one for categories, where there is more than one. Entities are
        compared without regard to case; labels with the same actor agree. A label without a
        category contradicts no category.
    """
    ordered = in_order(labels)
    entities: dict[str, str] = {}
    for label in ordered:
        key = label.claim.actor or label.claim.entity
        entities.setdefault(key.casefold(), label.claim.entity)
    categories = list(dict.fromkeys(la.claim.category for la in ordered if la.claim.category))
    found = []
    if len(entities) > 1:
        found.append(f"different entities: {'; '.join(entities.values())}")
    if len(categories) > 1:
        found.append(f"different categories: {'; '.join(categories)}")
    return found
