"""Policy files: what is wrong is named with its line and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clewline.errors import PolicyFileError
from clewline.policy import Answered, Asker, Purpose, Record, default, differences, lint, load, read
from clewline.policy.table import rows

GOOD = """policy: Example Hotline (made up)
version: 3
rules:
  - id: to-norway
    release: [address]
    when: {country: NO, kind: [agency]}
    because: An agreement.
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD, encoding="utf-8")
    policy = load(path)
    assert (policy.name, policy.version) == ("Example Hotline (made up)", 3)
    assert policy.rules[0].when == {"country": frozenset({"NO"}), "kind": frozenset({"agency"})}
    assert len(policy.sha256) == 64
    assert lint(GOOD) == []
    assert load() is default()


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("version: 3", "version: three", "f:2:10", "whole number"),
        ("kind: [agency]", "kind: [police]", "f:6:32", "agency, exchange"),
        ("country: NO", "country: Norway", "f:6:21", "ISO 3166"),
        ("country: NO", "clearance: amber", "f:6:12", "not known here"),
        ("release: [address]", "release: [everything]", "f:5:15", "'everything' is not allowed"),
        ("release: [address]", "release: [address, all]", "f:5:14", "'all' stands alone"),
        ("release: [address]", "release: []", "f:5:14", "empty"),
        ("release: [address]", "release: all\n    withhold: all", "f:4:5", "says one thing"),
        ("    because: An agreement.\n", "", "f:4:5", "says why"),
        ("because: An", "always: yes\n    because: An", "f:7:13", "never goes first"),
        ("id: to-norway", "id: To Norway", "f:4:9", "lower case"),
        ("policy: Ex", "policy: &a Ex", "f:8:5", "aliases"),
        ("rules:", "rules: {", "f:4:3", "no YAML"),
        ("rules:\n", "rules: 3\nother:\n", "f:3:8", "a list"),
        ("version: 3\n", "", "f", "'version' is missing"),
        (GOOD, "", "f", "is empty"),
        (GOOD, "- a", "f:1:1", "names with values"),
    ],
)  # fmt: skip
def test_a_fault_is_named(old: str, new: str, where: str, said: str) -> None:
    text = GOOD.replace(old, new)
    if "aliases" in said:
        text += "  - *a\n"
    found = lint(text, "f")
    assert any(one.where == where and said in str(one) for one in found), list(map(str, found))
    with pytest.raises(PolicyFileError) as error:
        read(text, "f")
    assert str(error.value.where).startswith("f")


def test_rules_that_never_apply_are_faults() -> None:
    second = GOOD.partition("rules:\n")[2].replace("to-norway", "again").replace("release", "ask")
    assert any("never applies: 'to-norway'" in str(one) for one in lint(GOOD + second))
    same = GOOD + GOOD.partition("rules:\n")[2]
    assert any("there twice" in str(one) for one in lint(same))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin").write_bytes(b"policy: \xe9")
    with pytest.raises(PolicyFileError, match="byte 8"):
        load(tmp_path / "latin")
    with pytest.raises(PolicyFileError, match="longer than"):
        read("#" * 300_000)
    with pytest.raises(PolicyFileError):
        read("[" * 5_000)


def test_a_change_is_shown_as_what_would_be_answered_differently() -> None:
    asker = Asker(
        "agency", "NO", clearance="amber", pap="amber", purposes=frozenset({"investigation"})
    )
    record = Record("address", frozenset({"address", "chain", "url"}))
    past = [Answered("L-1", asker, Purpose("investigation", "statute"), record)]
    assert differences(default(), default(), past) == []
    (found,) = differences(default(), read(GOOD), past)
    assert (found.name, found.field, found.tells_more) == ("L-1", "chain", False)
    assert (found.before.rule, found.after.rule) == ("agency-investigation", "default")


def test_a_policy_as_a_table() -> None:
    assert rows(read(GOOD)) == [
        ("to-norway", "release", "address", "country: NO; kind: agency", "An agreement.")
    ]
