"""Commands in processes of their own: a desk cannot be changed for another in one process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import clewline

Run = Callable[..., "subprocess.CompletedProcess[str]"]
_CALL = "from clewline.cli import main; main()"
_OURS = {"DJANGO_SETTINGS_MODULE", "CLEWLINE_DESK_DATABASE", "CLEWLINE_DESK_HOME"}


def environment(database: str = "") -> dict[str, str]:
    """Return the environment of a process that is to have a desk of its own."""
    found = {name: value for name, value in os.environ.items() if name not in _OURS}
    found["PYTHONPATH"] = str(Path(clewline.__file__).parents[1])
    return {**found, "CLEWLINE_DESK_DATABASE": database} if database else found


def terminal(directory: Path, *before: str, database: str = "") -> Run:
    """Return what runs ``clewline BEFORE ...`` in a directory and holds its exit code."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return python(directory, _CALL, *before, *arguments, code=code, database=database)

    return run


def python(
    directory: Path, source: str, *arguments: str, code: int = 0, database: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run some Python in a directory and hold its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", source, *arguments],
        cwd=directory,
        env=environment(database),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done
