"""The decision: gates first, then the most specific rule; what nothing releases is withheld.

1. *Gates* hold for every policy, and only take away. The first that is closed decides for all
   fields; one that asks the originator leaves withheld what rules withhold.
2. *Rules* that match and cover a field, by precedence: those marked *always* first; then the one
   that states more; of equal ones withhold before ask, ask before release; of those the one that
   stands first.
3. Where none matches: withhold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from clewline.policy.fields import FIELDS, GUARDED
from clewline.policy.model import (
    Asker,
    Decision,
    Policy,
    Purpose,
    Record,
    Rule,
    Verdict,
    Weighed,
    level,
)

NO_RULE: Final = "default"
_NOTHING: Final = "no rule releases it"


class Gate(NamedTuple):
    """A condition that every policy has and none can change."""

    id: str
    verdict: Verdict
    reason: str
    closed: Callable[[Asker, Purpose, Record], bool]


GATES: Final = (
    Gate(
        "gate-partner",
        Verdict.WITHHOLD,
        "the asker is no active partner",
        lambda asker, _purpose, _record: not asker.active,
    ),
    Gate(
        "gate-verified",
        Verdict.WITHHOLD,
        "the person who asks was not verified",
        lambda asker, _purpose, _record: not asker.verified,
    ),
    Gate(
        "gate-purpose",
        Verdict.WITHHOLD,
        "this purpose was not agreed with the partner",
        lambda asker, purpose, _record: purpose.name not in asker.purposes,
    ),
    Gate(
        "gate-withdrawn",
        Verdict.WITHHOLD,
        "the record was withdrawn",
        lambda _asker, _purpose, record: record.status == "withdrawn",
    ),
    Gate(
        "gate-tlp",
        Verdict.WITHHOLD,
        "TLP is stricter than the partner's clearance",
        lambda asker, _purpose, record: level("tlp", record.tlp) > level("tlp", asker.clearance),
    ),
    Gate(
        "gate-pap",
        Verdict.WITHHOLD,
        "PAP is stricter than the partner undertakes to honour",
        lambda asker, _purpose, record: level("pap", record.pap) > level("pap", asker.pap),
    ),
    Gate(
        "gate-handling",
        Verdict.WITHHOLD,
        "the partner does not undertake to honour a code of handling",
        lambda asker, _purpose, record: not record.handling <= asker.handling | {"P"},
    ),
    Gate(
        "gate-originator",
        Verdict.ASK,
        "H2: no onward sharing without the originator's consent",
        lambda asker, _purpose, record: (
            "H2" in record.handling and record.originator not in ("", asker.organisation)
        ),
    ),
)
"""Held in this order before any rule."""


@dataclass(frozen=True)
class Step:
    """One gate or rule that was looked at for a field.

    Attributes
    ----------
    field : str
        Field of the record.
    rule : str
        Its id.
    verdict : Verdict
        What it says.
    failed : str
        The first condition that does not hold; empty where it applies.
    decides : bool
        Whether the field's verdict is from it.
    """

    field: str
    rule: str
    verdict: Verdict
    failed: str
    decides: bool


@dataclass(frozen=True)
class Explained:
    """A decision with everything that was looked at, in order."""

    decision: Decision
    steps: tuple[Step, ...]


def decide(policy: Policy, asker: Asker, purpose: Purpose, record: Record) -> Decision:
    """Say of each field of a record whether it may be told.

    Parameters
    ----------
    policy : Policy
        The rules; `load`, `default`.
    asker : Asker
        Who would be told.
    purpose : Purpose
        What for.
    record : Record
        What of.

    Returns
    -------
    Decision
        Laws: a field that no rule releases is withheld; more clearance never tells less; a field's
        verdict does not depend on what other fields there are.

    Notes
    -----
    Cost: fields × rules.

    Examples
    --------
    >>> from clewline.policy import default
    >>> asker = Asker("agency", "GB", clearance="amber", pap="amber",
    ...     purposes=frozenset({"investigation"}))
    >>> record = Record("address", frozenset({"address", "chain", "url"}))
    >>> decide(default(), asker, Purpose("investigation", "statute"), record).released
    ('address', 'chain')
    """
    return explain(policy, asker, purpose, record).decision


def explain(policy: Policy, asker: Asker, purpose: Purpose, record: Record) -> Explained:
    """Decide, and say of each gate and rule whether it applied and, if not, what failed.

    Parameters
    ----------
    policy : Policy
        As for `decide`, which returns the decision of this.
    asker : Asker
        Likewise.
    purpose : Purpose
        Likewise.
    record : Record
        Likewise.

    Returns
    -------
    Explained
        Steps by field, each field's in the order in which they count.

    Examples
    --------
    >>> from clewline.policy import default
    >>> told = explain(default(), Asker("agency", "GB"), Purpose("court"),
    ...     Record("address", frozenset({"address"})))
    >>> next(step.rule for step in told.steps if step.decides)
    'gate-purpose'
    """
    facts = _facts(asker, purpose, record)
    ordered = sorted(policy.rules, key=lambda rule: rule.precedence)
    closed = [gate for gate in GATES if gate.closed(asker, purpose, record)]
    weighed: dict[str, Weighed] = {}
    steps: list[Step] = []
    for name in FIELDS:
        if name in record.fields:
            weighed[name] = _weigh(name, facts, closed, ordered, steps)
    return Explained(Decision(weighed, policy.id), tuple(steps))


def _weigh(
    name: str,
    facts: Mapping[str, frozenset[str]],
    closed: list[Gate],
    ordered: list[Rule],
    steps: list[Step],
) -> Weighed:
    """Decide for one field; every gate and rule leaves a step."""
    failed = [_failed(rule, name, facts) for rule in ordered]
    rule = next((one for one, why in zip(ordered, failed, strict=True) if not why), None)
    found = Weighed(name, Verdict.WITHHOLD, NO_RULE, _NOTHING)
    if rule is not None:
        found = Weighed(name, rule.verdict, rule.id, rule.because)
    # A gate only takes away: one that asks does not open what the rules withhold.
    gate = closed[0] if closed and closed[0].verdict.openness <= found.verdict.openness else None
    if gate is not None:
        found = Weighed(name, gate.verdict, gate.id, gate.reason)
    for one in GATES:
        steps.append(Step(name, one.id, one.verdict, "" if one in closed else "open", one is gate))
    for made, why in zip(ordered, failed, strict=True):
        steps.append(Step(name, made.id, made.verdict, why, gate is None and made is rule))
    return found


def _failed(rule: Rule, name: str, facts: Mapping[str, frozenset[str]]) -> str:
    """Return the first thing for which a rule does not apply to a field; empty if it applies."""
    if rule.fields and name not in rule.fields:
        return "field"
    if not rule.fields and name in GUARDED and rule.verdict is not Verdict.WITHHOLD:
        return "field must be named"
    for condition, words in rule.when.items():
        if not facts[condition] & words:
            return condition
    return ""


def _facts(asker: Asker, purpose: Purpose, record: Record) -> dict[str, frozenset[str]]:
    """Return what each condition is held against."""
    return {
        "partner": frozenset({asker.organisation}),
        "kind": frozenset({asker.kind}),
        "country": frozenset({asker.country}),
        "purpose": frozenset({purpose.name}),
        "basis": frozenset({purpose.legal_basis}),
        "record": frozenset({record.kind}),
        "tlp": frozenset({record.tlp}),
        "pap": frozenset({record.pap}),
        "source_grade": frozenset({record.source_grade}),
        "info_grade": frozenset({record.info_grade}),
        "handling": record.handling,
        "status": frozenset({record.status}),
        "standing": frozenset({record.standing}),
        "origin": frozenset({"partner" if record.originator else "own"}),
    }
