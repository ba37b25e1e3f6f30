"""Running the command line, in this process for speed or as the installed program."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from clewline.cli import main

PROGRAM = Path(sys.executable).with_name("clewline")


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


def clewline(*arguments: object, stdin: str = "") -> Ran:
    """Run a command in this process, from the arguments to the exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["clewline", *map(str, arguments)]),
        patch.object(sys, "stdin", io.StringIO(stdin)),
        patch("clewline.cli.gc"),  # this process does not end with the command
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ran(code, out.getvalue(), err.getvalue())


def answer(*arguments: object, stdin: str = "") -> str:
    """Run a command that must work, and return what it answered."""
    ran = clewline(*arguments, stdin=stdin)
    assert ran.code == 0, ran.err
    return ran.out


def program(*arguments: object, most_bytes: int | None = None) -> Ran:
    """Run the installed program as a process of its own.

    With `most_bytes` it may write no file beyond that size, and is refused as by a full disk.
    """
    run: list[str | Path] = [PROGRAM]
    if most_bytes is not None:
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))"
        start = f"import resource, clewline.cli; {limit}; clewline.cli.main()"
        run = [sys.executable, "-c", start]
    ran = subprocess.run(
        [*run, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def files(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory and what is in it; the empty lock file is left out."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
