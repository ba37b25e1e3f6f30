"""Machine code that was kept must not outlive the sources that it was made of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import clewline

CALLEE = """
from clewline.jit import kernel
@kernel
def add(x):
    return x + {number}
"""
CALLER = """
from clewline.jit import kernel
from clewline.callee import add
@kernel
def twice(x):
    return add(x) + add(x)
"""


def run(root: Path) -> str:
    code = "from clewline.caller import twice; print(twice(1))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def test_a_change_in_a_called_kernel_of_another_file_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "clewline"
    package.mkdir()
    for name in ("__init__.py", "jit.py"):
        shutil.copy(Path(clewline.__file__).parent / name, package / name)
    (package / "callee.py").write_text(CALLEE.format(number=1))
    (package / "caller.py").write_text(CALLER)
    assert run(tmp_path) == "4"
    kept = list((package / "__pycache__").glob("kernels-*"))
    assert len(kept) == 1
    assert list(kept[0].rglob("*.nbi")), "machine code is kept"
    (package / "callee.py").write_text(CALLEE.format(number=20))
    assert run(tmp_path) == "42"
    changed = list((package / "__pycache__").glob("kernels-*"))
    assert len(changed) == 1
    assert changed != kept


def test_a_package_that_cannot_be_written_to_still_works(tmp_path: Path) -> None:
    package = tmp_path / "clewline"
    package.mkdir()
    for name in ("__init__.py", "jit.py"):
        shutil.copy(Path(clewline.__file__).parent / name, package / name)
    (package / "callee.py").write_text(CALLEE.format(number=1))
    (package / "caller.py").write_text(CALLER)
    # A file where the directory should be refuses even root.
    (package / "__pycache__").write_text("")
    assert run(tmp_path) == "4"
