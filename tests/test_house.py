"""Set-up, lock, licences and CI: what a stranger's first five minutes stand on."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import clewline

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def locked() -> list[tuple[Requirement, int]]:
    """Return each requirement of the lock with its number of hashes."""
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE).strip())
    return [
        (
            Requirement(entry.split(" \\\n")[0]),
            len(re.findall(r"--hash=sha256:[0-9a-f]{64}", entry)),
        )
        for entry in entries
    ]


def test_lock_pins_every_package_with_hashes() -> None:
    assert len(locked()) > 20
    for requirement, hashes in locked():
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes, requirement


def test_lock_names_no_index_and_no_path() -> None:
    assert not re.search(r"https?:|file:|--(?!hash=sha256:)|@", LOCK)


def test_lock_meets_pyproject() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = [Requirement(text) for part in (PROJECT["dependencies"], *extras) for text in part]
    for requirement in wanted:
        pins = [
            one for one, _ in locked() if canonicalize_name(one.name) == requirement.name.lower()
        ]
        assert pins, f"{requirement} is not in requirements.lock: run `make lock`"
        current = [one for one in pins if one.marker is None or one.marker.evaluate()]
        for pin in current:
            (exact,) = pin.specifier
            assert Version(exact.version) in requirement.specifier, f"{pin} against {requirement}"


def test_lock_has_wheels_of_other_machines() -> None:
    (hashes,) = [
        count
        for one, count in locked()
        if one.name == "llvmlite" and (one.marker is None or one.marker.evaluate())
    ]
    assert hashes > 10, "hashes of this machine's wheels only"


def test_version_is_said_once() -> None:
    assert clewline.__version__ == PROJECT["version"]


def test_licence_is_apache_2_verbatim() -> None:
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_ci_script_runs_the_daily_commands() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", script], check=True)
    stages = re.findall(r"^stage ([a-z-]+)$", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert stages == ["setup", "check", "test", "test-postgres", "test-slow", "demo"]


def make(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a directory that holds the Makefile and what `setup` depends on, no more."""
    program = shutil.which("make")
    assert program is not None
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return subprocess.run(
        [program, *arguments], cwd=directory, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_every_target(tmp_path: Path) -> None:
    answer = make(tmp_path)
    assert answer.returncode == 0
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(re.findall(r"^  make ([a-z-]+) ", answer.stdout, re.MULTILINE)) == set(
        phony[1].split()
    )


def test_setup_refuses_an_older_python_and_says_so(tmp_path: Path) -> None:
    # This interpreter, which says that it is 3.10.
    older = tmp_path / "python3.10"
    claim = "import sys, platform; sys.version_info = (3, 10, 4); "
    claim += "platform.python_version = lambda: '3.10.4'; exec(sys.argv.pop(1))"
    older.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -c "{claim}" "$@"\n')
    older.chmod(0o755)
    answer = make(tmp_path, "setup", f"PYTHON={older}")
    assert answer.returncode != 0
    assert "is Python 3.10.4; Clewline needs 3.11 or newer" in answer.stderr
    assert not (tmp_path / ".venv").exists()


def test_setup_names_a_missing_python(tmp_path: Path) -> None:
    answer = make(tmp_path, "setup", "PYTHON=python-that-is-not-there")
    assert answer.returncode != 0
    assert "python-that-is-not-there not found" in answer.stderr


def test_setup_is_done_until_lock_or_project_change(tmp_path: Path) -> None:
    make(tmp_path, "help")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    assert make_is_current(tmp_path)
    later = (tmp_path / ".venv" / ".installed").stat().st_mtime + 1
    os.utime(tmp_path / "requirements.lock", (later, later))
    assert not make_is_current(tmp_path)


def make_is_current(directory: Path) -> bool:
    """Ask make whether `setup` has nothing to do."""
    program = shutil.which("make")
    assert program is not None
    return subprocess.run([program, "-q", "setup"], cwd=directory, check=False).returncode == 0


def licences() -> ModuleType:
    """Load tools/licences.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("licences", ROOT / "tools" / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-2-Clause", True),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND (Apache-2.0 OR GPL-2.0-only)", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", False),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", True),
        ("LGPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("none stated", False),
        ("", False),
    ],
)
def test_licence_expressions(expression: str, allowed: bool) -> None:
    assert licences().is_allowed(expression) is allowed


class Installed(Distribution):
    """A distribution that has nothing but metadata."""

    def __init__(self, *fields: tuple[str, str]) -> None:
        self.fields = fields

    def read_text(self, filename: str) -> str | None:
        message = Message()
        for name, value in (("Name", "made-up"), ("Version", "1"), *self.fields):
            message[name] = value
        return message.as_string() if filename == "METADATA" else None

    def locate_file(self, path: os.PathLike[str] | str) -> Path:
        raise NotImplementedError


GPL = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ([("License-Expression", "MIT")], 0),
        ([("License", "MIT License")], 0),
        ([("Classifier", "License :: OSI Approved :: BSD License")], 0),
        ([("License-Expression", "GPL-3.0-only"), ("License", "MIT")], 1),
        ([("Classifier", "License :: OSI Approved :: MIT License"), ("Classifier", GPL)], 1),
        ([("Classifier", "License :: OSI Approved"), ("License", "Proprietary")], 1),
        ([], 1),
    ],
)
def test_licence_check_reads_metadata(
    fields: list[tuple[str, str]],
    refused: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    check = licences()
    monkeypatch.setattr(check, "distributions", lambda: [Installed(*fields)])
    assert check.main() == refused
    assert ("made-up 1" in capsys.readouterr().err) is bool(refused)


def test_installed_licences_are_allowed() -> None:
    assert licences().main() == 0
