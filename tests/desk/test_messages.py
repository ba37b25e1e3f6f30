"""The file from which the desk is translated holds every text of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_translation_file_is_current(needs: Callable[[str], str]) -> None:
    needs("msgfmt")
    command = [sys.executable, "tools/messages.py", "--check"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
