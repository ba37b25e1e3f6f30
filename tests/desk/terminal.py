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


def terminal(directory: Path, *before: str, database: str = "") -> Run:
    """Return what runs ``clewline BEFORE ...`` in a directory and holds its exit code."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    environment["PYTHONPATH"] = str(Path(clewline.__file__).parents[1])
    if database:
        environment["CLEWLINE_DESK_DATABASE"] = database

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", _CALL, *before, *arguments],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run
