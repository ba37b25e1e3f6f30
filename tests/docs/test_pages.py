"""What the hand-written pages promise: links lead somewhere, commands and targets exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}


@pytest.mark.parametrize("page", TEXT)
def test_links_lead_to_files(page: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT[page]):
        assert not link.startswith("http"), "pages stand on their own"
        assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_exist(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT[page], re.MULTILINE))
    assert named
    assert named <= targets


def test_commands_of_the_readme_exist_with_their_options() -> None:
    shown = re.findall(r"^clewline (.+)$", TEXT["README.md"], re.MULTILINE)
    assert shown
    sections = dict(
        re.findall(r"^##+ clewline (.+)\n((?:(?!^##+ ).*\n?)*)", TEXT["docs/COMMANDS.md"], re.M)
    )
    for line in shown:
        name = max((name for name in sections if f"{line} ".startswith(f"{name} ")), key=len)
        missing = [
            option for option in re.findall(r"--[\w-]+", line) if option not in sections[name]
        ]
        assert not missing, f"clewline {line}: not in docs/COMMANDS.md: {missing}"


def test_first_screen_says_what_it_is_for_and_how_to_start() -> None:
    screen = "\n".join(TEXT["README.md"].splitlines()[:25])
    for words in ("text, metadata and blockchain data", "never", "make demo", "make test"):
        assert words in screen


def test_every_environment_variable_on_a_page_is_known() -> None:
    from clewline.settings import SETTINGS

    known = {setting.env for setting in SETTINGS} | {"CLEWLINE_NO_SKIP"}  # the tests' own
    for page, text in TEXT.items():
        unknown = set(re.findall(r"CLEWLINE_[A-Z_]+", text)) - known
        assert not unknown, f"{page} names {unknown}"
