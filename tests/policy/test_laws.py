"""Laws of the decision, whatever the policy, the asker and the record."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from clewline import vocab
from clewline.policy import (
    FIELDS,
    GUARDED,
    KINDS,
    Asker,
    Policy,
    Purpose,
    Record,
    Rule,
    Verdict,
    decide,
    default,
    explain,
)
from clewline.policy.files import words_of
from clewline.policy.model import CONDITIONS

TLP = list(vocab.words("tlp"))
PAP = list(vocab.words("pap"))
HANDLING = frozenset(vocab.words("handling"))
WORDS = {
    name: words_of(name) or {"partner": ("P-11111-11111",), "country": ("GB", "NO")}[name]
    for name in CONDITIONS
}
names = st.frozensets(st.sampled_from(list(FIELDS)))
askers = st.builds(
    Asker,
    kind=st.sampled_from(WORDS["kind"]),
    country=st.sampled_from(("GB", "NO", "FR")),
    organisation=st.sampled_from(("P-11111-11111", "P-22222-22222")),
    clearance=st.sampled_from(TLP),
    pap=st.sampled_from(PAP),
    handling=st.frozensets(st.sampled_from(sorted(HANDLING))),
    purposes=st.frozensets(st.sampled_from(WORDS["purpose"])),
    active=st.sampled_from((True, True, False)),
    verified=st.sampled_from((True, True, False)),
)
purposes = st.builds(
    Purpose, st.sampled_from(WORDS["purpose"]), st.sampled_from(("", *WORDS["basis"]))
)
records = st.builds(
    Record,
    kind=st.sampled_from(list(KINDS)),
    fields=names,
    tlp=st.sampled_from(TLP),
    pap=st.sampled_from(PAP),
    source_grade=st.sampled_from(("", *WORDS["source_grade"])),
    info_grade=st.sampled_from(("", *WORDS["info_grade"])),
    handling=st.frozensets(st.sampled_from(sorted(HANDLING))),
    originator=st.sampled_from(("", "P-11111-11111")),
    status=st.sampled_from(WORDS["status"]),
    standing=st.sampled_from(WORDS["standing"]),
)
conditions = st.dictionaries(st.sampled_from(list(CONDITIONS)), st.just(None), max_size=3).flatmap(
    lambda chosen: st.fixed_dictionaries(
        {name: st.frozensets(st.sampled_from(WORDS[name]), min_size=1) for name in chosen}
    )
)


@st.composite
def rules(draw: st.DrawFn, place: int = 0) -> Rule:
    verdict = draw(st.sampled_from(Verdict))
    always = verdict is not Verdict.RELEASE and draw(st.booleans())
    return Rule(f"rule-{place}", verdict, draw(names), draw(conditions), "made up", place, always)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    return Policy("made up", 1, tuple(draw(rules(n)) for n in range(draw(st.integers(0, 6)))))


any_policy = st.one_of(policies(), st.just(default()))


@given(askers, purposes, records)
def test_nothing_is_released_by_no_rules(asker: Asker, purpose: Purpose, record: Record) -> None:
    told = decide(Policy("none", 1, ()), asker, purpose, record)
    assert told.overall is Verdict.WITHHOLD
    assert set(told.fields) == set(record.fields)
    assert all(weighed.reason for weighed in told.fields.values())


@settings(max_examples=300)
@given(any_policy, askers, purposes, records, st.sampled_from(TLP), st.sampled_from(PAP))
def test_more_clearance_never_tells_less(
    policy: Policy, asker: Asker, purpose: Purpose, record: Record, tlp: str, pap: str
) -> None:
    more = replace(
        asker,
        clearance=max(asker.clearance, tlp, key=TLP.index),
        pap=max(asker.pap, pap, key=PAP.index),
        handling=HANDLING,
        verified=True,
        purposes=asker.purposes | {purpose.name},
    )
    before, after = (decide(policy, one, purpose, record).fields for one in (asker, more))
    assert all(after[f].verdict.openness >= before[f].verdict.openness for f in before)


@settings(max_examples=300)
@given(any_policy, askers, purposes, records, names)
def test_a_field_more_changes_no_other(
    policy: Policy, asker: Asker, purpose: Purpose, record: Record, more: frozenset[str]
) -> None:
    before = decide(policy, asker, purpose, record).fields
    wider = decide(policy, asker, purpose, replace(record, fields=record.fields | more)).fields
    assert {name: wider[name] for name in before} == before


@settings(max_examples=300)
@given(any_policy, askers, purposes, records)
def test_withhold_wins_at_equal_precedence(
    policy: Policy, asker: Asker, purpose: Purpose, record: Record
) -> None:
    """A rule that withholds what a releasing rule states takes away all that this one gave."""
    told = decide(policy, asker, purpose, record)
    for rule in policy.rules:
        if rule.verdict is not Verdict.RELEASE:
            continue
        against = replace(rule, id="against", verdict=Verdict.WITHHOLD, place=len(policy.rules))
        other = decide(replace(policy, rules=(*policy.rules, against)), asker, purpose, record)
        assert all(one.rule != rule.id for one in other.fields.values())
        lost = {name for name, one in told.fields.items() if one.rule == rule.id}
        assert all(other.fields[name].verdict is Verdict.WITHHOLD for name in lost)


@given(any_policy, askers, purposes, records)
def test_explaining_is_deciding(
    policy: Policy, asker: Asker, purpose: Purpose, record: Record
) -> None:
    told = explain(policy, asker, purpose, record)
    assert told.decision == decide(policy, asker, purpose, record)
    for name, weighed in told.decision.fields.items():
        steps = [step for step in told.steps if step.field == name]
        deciding = [step for step in steps if step.decides]
        assert [step.rule for step in deciding] == (
            [weighed.rule] if weighed.rule != "default" else []
        )
        assert all(not step.failed and step.verdict is weighed.verdict for step in deciding)


@given(any_policy, askers, purposes, records)
def test_what_is_guarded_is_named(
    policy: Policy, asker: Asker, purpose: Purpose, record: Record
) -> None:
    named = {
        f for rule in policy.rules if rule.verdict is not Verdict.WITHHOLD for f in rule.fields
    }
    told = decide(policy, asker, purpose, record)
    open_ones = {n for n, one in told.fields.items() if one.verdict is not Verdict.WITHHOLD}
    assert open_ones & GUARDED <= named


@settings(max_examples=300)
@given(askers, purposes, records)
def test_the_shipped_policy_never_tells_what_is_sealed(
    asker: Asker, purpose: Purpose, record: Record
) -> None:
    told = decide(default(), asker, purpose, record)
    assert not set(told.released) & GUARDED
    if record.status == "withdrawn" or record.info_grade == "E" or not asker.active:
        assert told.overall is Verdict.WITHHOLD
