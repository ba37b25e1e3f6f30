"""What a decision is made of: who asks, for what, of which record, under which rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from clewline import vocab


class Verdict(StrEnum):
    """What becomes of a field."""

    WITHHOLD = "withhold"
    ASK = "ask"
    RELEASE = "release"

    @property
    def openness(self) -> int:
        """How much is told: 0 withheld, 1 the originator is asked first, 2 released."""
        return list(Verdict).index(self)


def level(marking: str, word: str) -> int:
    """Return how strict a TLP or PAP word is, 0 for clear; a word that is none is the strictest.

    Examples
    --------
    >>> level("tlp", "amber_strict"), level("pap", "red")
    (3, 3)
    """
    words = list(vocab.words(marking))
    return words.index(word) if word in words else len(words)


@dataclass(frozen=True)
class Asker:
    """Who would be told.

    Attributes
    ----------
    kind : str
        Of the vocabulary's ``partner_kind``.
    country : str
        ISO 3166, two letters.
    organisation : str
        Reference of the partner.
    clearance : str
        The strictest TLP that it may be told.
    pap : str
        The strictest PAP that it undertakes to honour.
    handling : frozenset of str
        Codes of handling that it undertakes to honour.
    purposes : frozenset of str
        Purposes that were agreed with it.
    active : bool
        Whether it is a partner at present.
    verified : bool
        Whether the person who asks was called back.
    """

    kind: str
    country: str
    organisation: str = ""
    clearance: str = "clear"
    pap: str = "clear"
    handling: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    active: bool = True
    verified: bool = True


@dataclass(frozen=True)
class Purpose:
    """What for: a purpose and a legal basis of the vocabulary."""

    name: str
    legal_basis: str = ""


@dataclass(frozen=True)
class Record:
    """What a decision needs to know of a record; none of it is told by that.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    fields : frozenset of str
        What there is to tell, of `FIELDS`.
    tlp, pap : str
        Markings; where a record comes from several sightings, the strictest.
    source_grade, info_grade : str
        3x5x2; empty where nobody graded.
    handling : frozenset of str
        Codes of handling: P, C, H1, H2.
    owner : str
        Whose it is: organisation that keeps it.
    originator : str
        Reference of the partner that it comes from; empty for the owner's own.
    status : str
        active, disputed or withdrawn.
    standing : str
        mention or control.
    """

    kind: str
    fields: frozenset[str]
    tlp: str = "amber"
    pap: str = "amber"
    source_grade: str = ""
    info_grade: str = ""
    handling: frozenset[str] = frozenset()
    owner: str = ""
    originator: str = ""
    status: str = "active"
    standing: str = "mention"


CONDITIONS: Final = {
    "partner": "reference of the partner",
    "kind": "kind of partner",
    "country": "country of the partner",
    "purpose": "purpose",
    "basis": "legal basis",
    "record": "kind of record",
    "tlp": "TLP of the record",
    "pap": "PAP of the record",
    "source_grade": "grade of the source",
    "info_grade": "grade of the information",
    "handling": "handling of the record",
    "status": "status of the record",
    "standing": "mention or control",
    "origin": "own or partner: whose the record is by origin",
}
"""What a rule may state → what it is held against. A rule matches where all that it states holds.

The asker's clearance is none of them: gates compare it, so more of it never tells less.
"""


@dataclass(frozen=True)
class Rule:
    """One line of a policy.

    Attributes
    ----------
    id : str
        Its name, which stands with each decision.
    verdict : Verdict
        What becomes of its fields.
    fields : frozenset of str
        Which fields; empty for all.
    when : mapping of str to frozenset of str
        Condition → words of which one must hold.
    because : str
        Why, in words for people.
    place : int
        Its place in the file, from 0.
    always : bool
        Whether it goes before all that are not; never a rule that releases.
    """

    id: str
    verdict: Verdict
    fields: frozenset[str]
    when: Mapping[str, frozenset[str]]
    because: str
    place: int
    always: bool = False

    @property
    def specific(self) -> int:
        """How much it states: its conditions, and one more where it names its fields."""
        return len(self.when) + bool(self.fields)

    @property
    def precedence(self) -> tuple[bool, int, int, int]:
        """Sort key: always; then more specific; then withhold, ask, release; then file order."""
        return (not self.always, -self.specific, self.verdict.openness, self.place)


@dataclass(frozen=True)
class Policy:
    """A version of the rules.

    Attributes
    ----------
    name : str
        Whose policy it is.
    version : int
        Number, raised with each change.
    rules : tuple of Rule
        In the order of the file.
    sha256 : str
        Hash of the file's bytes.
    """

    name: str
    version: int
    rules: tuple[Rule, ...]
    sha256: str = ""

    @property
    def id(self) -> str:
        """Return name, version and the beginning of the hash, as answers cite it."""
        return f"{self.name} {self.version} ({self.sha256[:12]})"


@dataclass(frozen=True)
class Weighed:
    """What became of one field, by which rule, and why."""

    field: str
    verdict: Verdict
    rule: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """What may be told of a record.

    Attributes
    ----------
    fields : mapping of str to Weighed
        Every field that the record has, in the order of `FIELDS`.
    policy : str
        Name, version and hash of the policy.
    """

    fields: Mapping[str, Weighed] = field(default_factory=dict)
    policy: str = ""

    @property
    def overall(self) -> Verdict:
        """The most open verdict of any field; withhold where there is none."""
        verdicts = [weighed.verdict for weighed in self.fields.values()]
        return max(verdicts, key=lambda one: one.openness, default=Verdict.WITHHOLD)

    def of(self, verdict: Verdict) -> tuple[str, ...]:
        """Return the fields with this verdict, in their order."""
        return tuple(name for name, one in self.fields.items() if one.verdict is verdict)

    def with_consent(self, fields: Collection[str], *, granted: bool) -> Decision:
        """Return what becomes of it once the originator answered for some fields.

        Parameters
        ----------
        fields : collection of str
            Those that the originator was asked for; what else asks still asks.
        granted : bool
            Whether they agreed.

        Returns
        -------
        Decision
            Law: what was withheld or released stays so; only what asks is settled.

        Examples
        --------
        >>> asks = Decision({"brand": Weighed("brand", Verdict.ASK, "r", "whoever recorded it")})
        >>> asks.with_consent(["brand"], granted=True).released
        ('brand',)
        >>> asks.with_consent(["price"], granted=True).released
        ()
        """
        verdict = Verdict.RELEASE if granted else Verdict.WITHHOLD
        said = "the originator agreed" if granted else "the originator refused"
        settled = {
            name: Weighed(name, verdict, one.rule, f"{one.reason} ({said})")
            if one.verdict is Verdict.ASK and name in fields
            else one
            for name, one in self.fields.items()
        }
        return Decision(settled, self.policy)

    @property
    def released(self) -> tuple[str, ...]:
        """Fields that may be told."""
        return self.of(Verdict.RELEASE)
