"""The decision on the policy that is shipped, gate by gate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clewline.policy import Asker, Policy, Purpose, Record, Rule, Verdict, decide, default

AGENCY = Asker(
    "agency",
    "GB",
    organisation="P-11111-11111",
    clearance="amber",
    pap="amber",
    handling=frozenset({"P", "C", "H2"}),
    purposes=frozenset({"investigation", "court"}),
)
INVESTIGATION = Purpose("investigation", "statute")
SEEN = Record("address", frozenset({"address", "chain", "brand", "url", "wording", "sightings"}))


def test_an_agency_that_investigates() -> None:
    told = decide(default(), AGENCY, INVESTIGATION, SEEN)
    assert told.released == ("address", "chain", "sightings")
    assert told.of(Verdict.ASK) == ("brand",)
    assert told.of(Verdict.WITHHOLD) == ("url", "wording")
    assert told.fields["url"].rule == "default"
    assert told.fields["address"].reason.startswith("An agency")
    assert told.overall is Verdict.RELEASE
    assert told.policy.startswith("Clewline default 1 (")


@pytest.mark.parametrize(
    ("asker", "purpose", "record", "gate"),
    [
        ({"active": False}, {}, {}, "gate-partner"),
        ({"verified": False}, {}, {}, "gate-verified"),
        ({}, {"name": "screening"}, {}, "gate-purpose"),
        ({}, {}, {"status": "withdrawn"}, "gate-withdrawn"),
        ({}, {}, {"tlp": "amber_strict"}, "gate-tlp"),
        ({}, {}, {"tlp": "no such word"}, "gate-tlp"),
        ({}, {}, {"pap": "red"}, "gate-pap"),
        ({}, {}, {"handling": frozenset({"H1"})}, "gate-handling"),
    ],
)
def test_a_gate(asker: dict, purpose: dict, record: dict, gate: str) -> None:  # type: ignore[type-arg]
    told = decide(
        default(),
        replace(AGENCY, **asker),
        replace(INVESTIGATION, **purpose),
        replace(SEEN, **record),
    )
    assert {one.rule for one in told.fields.values()} == {gate}
    assert told.overall is Verdict.WITHHOLD


def test_the_originator_is_asked_but_opens_nothing() -> None:
    theirs = replace(SEEN, handling=frozenset({"H2"}), originator="P-22222-22222")
    told = decide(default(), AGENCY, INVESTIGATION, theirs)
    assert told.of(Verdict.ASK) == ("address", "chain", "sightings", "brand")
    assert told.fields["address"].rule == "gate-originator"
    assert told.fields["url"].verdict is Verdict.WITHHOLD
    # What came from the asker itself goes back to it.
    own = replace(theirs, originator=AGENCY.organisation)
    assert decide(default(), AGENCY, INVESTIGATION, own).released == (
        "address",
        "chain",
        "sightings",
    )


HOLD, ASK, TELL = Verdict.WITHHOLD, Verdict.ASK, Verdict.RELEASE


def rule(verdict: Verdict, place: int, *, always: bool = False, **when: str) -> Rule:
    said = {name: frozenset({word}) for name, word in when.items()}
    return Rule(f"r{place}", verdict, frozenset(), said, "made up", place, always)


@pytest.mark.parametrize(
    ("rules", "winner"),
    [
        # More conditions win, also over withhold.
        ([rule(HOLD, 0, kind="agency"), rule(TELL, 1, kind="agency", country="GB")], "r1"),
        # Equal ones: withhold, then ask, then release.
        ([rule(TELL, 0, kind="agency"), rule(ASK, 1, country="GB"), rule(HOLD, 2)], "r1"),
        ([rule(TELL, 0, kind="agency"), rule(ASK, 1, country="GB")], "r1"),
        # Equal in all: the first.
        ([rule(ASK, 0, kind="agency"), rule(ASK, 1, country="GB")], "r0"),
        # Always goes before all.
        ([rule(TELL, 0, kind="agency", country="GB"), rule(ASK, 1, always=True)], "r1"),
        # What does not match counts for nothing.
        ([rule(HOLD, 0, kind="fiu", country="GB"), rule(TELL, 1)], "r1"),
    ],
)  # fmt: skip
def test_precedence(rules: list[Rule], winner: str) -> None:
    told = decide(Policy("made up", 1, tuple(rules)), AGENCY, INVESTIGATION, SEEN)
    assert told.fields["address"].rule == winner
