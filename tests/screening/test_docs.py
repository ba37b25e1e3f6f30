"""docs/SCREENING.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from clewline.cli.screen import HITS
from clewline.screening.lines import HIT_KEYS, LINE_KEYS, REASON_KEYS, Result
from clewline.screening.rows import ROLES
from clewline.screening.watchlist import OPTIONAL, REQUIRED

PAGE = (Path(__file__).parents[2] / "docs" / "SCREENING.md").read_text(encoding="utf-8")


def row_of(name: str) -> str:
    found = re.findall(rf"^\| `?{re.escape(name)}`? \|.*$", PAGE, re.MULTILINE)
    assert found, name
    return str(found[0])


def test_roles_and_their_names() -> None:
    for role, names in ROLES.items():
        assert re.findall(r"`(\w+)`", row_of(role).split("|")[2]) == list(names)


def test_results_and_exit_code() -> None:
    for result in Result:
        assert result.meaning in row_of(result.value)
    assert "hits" in row_of(str(HITS))


def test_keys_and_columns() -> None:
    for key in (*LINE_KEYS, *HIT_KEYS, *REASON_KEYS, *REQUIRED, *OPTIONAL):
        assert f"`{key}`" in PAGE
