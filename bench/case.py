"""The chain that is measured: a made-up case, and stores imported from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.line import emit, note
from clewline.play import make_play
from clewline.workspace import Workspace, import_labels

COMMAND = str(Path(sysconfig.get_path("scripts")) / "clewline")


@dataclass(frozen=True)
class Case:
    """Directory of a made-up case: ``blocks/``, ``truth.json``, ``labels.csv``, ``store/``."""

    path: Path
    transactions: int
    seed: int
    inputs: int = 0
    """Made-up inputs to cluster, besides those of the case."""

    @property
    def blocks(self) -> Path:
        return self.path / "blocks"

    @property
    def store(self) -> Path:
        return self.path / "store"

    def truth(self) -> dict[str, Any]:
        """Return the content of ``truth.json``."""
        truth: dict[str, Any] = json.loads((self.path / "truth.json").read_text())
        return truth

    def workspace(self) -> Workspace:
        """Open the store, labels included; import it first if no measure of the import did."""
        if not self.store.exists():
            import_as_process(self)
        import_labels(self.store, [self.path / "labels.csv"], recorded=0)
        return Workspace.open(self.store)


@dataclass(frozen=True)
class ImportRun:
    """What one import cost: wall clock from start to exit of the process, and the kernel's count.

    `peak_bytes` counts the pages of mapped files too.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def make_case(directory: Path, transactions: int, seed: int, inputs: int = 0) -> Case:
    """Make a case, or take the one that an earlier run left in a kept directory."""
    case = Case(directory / f"case-{transactions}-{seed}", transactions, seed, inputs)
    if (case.path / "labels.csv").exists():  # written last
        note(f"{case.path} is there already and is used again")
        return case
    shutil.rmtree(case.path, ignore_errors=True)
    note(f"making a case of {transactions:,} transactions with seed {seed}")
    begin = time.perf_counter()
    made = make_play(case.path, transactions, seed)
    seconds = time.perf_counter() - begin
    emit(
        "play",
        {
            "transactions": made.transactions,
            "inputs": made.inputs,
            "outputs": made.outputs,
            "block_bytes": made.block_bytes,
            "seed": seed,
            "seconds": seconds,
            "transactions_per_second": made.transactions / seconds,
        },
    )
    return case


def clear_store(case: Case) -> None:
    """Remove the store and let the disk settle, so that a run pays for its own writes only."""
    shutil.rmtree(case.store, ignore_errors=True)
    os.sync()


def import_as_process(case: Case) -> ImportRun:
    """Run ``clewline chain import`` into a new store.

    Its modules are kept compiled, as those of an installation are, whatever the environment says.
    """
    clear_store(case)
    command = [COMMAND, "chain", "import"]
    command += ["--store", str(case.store), "--core-blocks", str(case.blocks)]
    begin = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    # wait4, because getrusage gives the peak of the largest of all children so far.
    _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench: the import failed with exit code {process.returncode}")
    unit = 1 if os.uname().sysname == "Darwin" else 1024  # of ru_maxrss; getrusage(2)
    return ImportRun(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
