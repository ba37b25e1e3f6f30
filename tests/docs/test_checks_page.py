"""docs/CHECKS.md names every path and field of the service, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from clewline.checks.application import PATHS
from clewline.checks.judging import LEVELS, MOST_WAITING
from clewline.checks.shapes import FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "CHECKS.md").read_text(encoding="utf-8")


def test_every_path_is_there_with_its_token() -> None:
    rows = re.findall(r"^\| `(GET|POST) (\S+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(method, path, scope.value, text) for method, path, scope, text in PATHS]


def test_every_field_is_there() -> None:
    rows = dict(re.findall(r"^\| (transfer|withdrawal|address) \| (.+) \|$", PAGE, re.MULTILINE))
    assert set(rows) == set(FIELDS)
    for kind, fields in FIELDS.items():
        named = re.findall(r"`(\w+)`( \(needed\))?", rows[kind])
        assert named == [(one.name, " (needed)" if one.needed else "") for one in fields]


def test_levels_and_limits_are_those_of_the_code() -> None:
    assert set(re.findall(r"^\| `([A-Z]+)` \|", PAGE, re.MULTILINE)) == set(LEVELS.values())
    assert f"({MOST_WAITING:,} requests)" in PAGE
