"""The generated pages of docs/ are what the code says, and the checker sees when they are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    """Load docs/generate.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = generator()


@pytest.mark.parametrize("name", generate.PAGES)
def test_page_is_current(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == generate.rendered(name), f"docs/{name} is out of date: run `make docs`"


def test_every_page_in_docs_is_named_by_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert not [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme]


def test_every_error_setting_and_column_is_on_its_page() -> None:
    from clewline.errors import ClewlineError
    from clewline.settings import SETTINGS
    from clewline.store.schema import INDEXES, SHIELDED, TABLES, columns

    page = {name: (DOCS / name).read_text(encoding="utf-8") for name in generate.PAGES}
    assert all(f"`{kind.code}`" in page["ERRORS.md"] for kind in ClewlineError.__subclasses__())
    assert all(f"`{setting.env}`" in page["SETTINGS.md"] for setting in SETTINGS)
    for name, _rows, _column in columns((*TABLES, SHIELDED, *INDEXES)):
        assert f"`{name}`" in page["FORMAT.md"]


def test_check_fails_on_a_stale_or_missing_page_and_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(generate, "PAGES", {"SETTINGS.md": generate.settings_page})
    assert generate.main(["--check"]) == 1
    assert not (tmp_path / "SETTINGS.md").exists(), "a check writes nothing"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0

    page = tmp_path / "SETTINGS.md"
    page.write_text(page.read_text(encoding="utf-8").replace("CLEWLINE_STORE", "OTHER"))
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert "run `make docs`" in capsys.readouterr().err


def test_table_keeps_hostile_text_in_its_cell() -> None:
    text = generate.table(("a", "b"), [("x | y", "one\ntwo")])
    assert text.splitlines() == ["| a | b |", "| --- | --- |", "| x \\| y | one two |"]
