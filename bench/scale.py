"""``python -m bench.scale``: imports of growing chains under a limit on memory, and what follows.

Each size is imported as a process; its anonymous memory (of the whole process tree, mapped pages of
files not counted) is looked at fifty times a second, and digests are compared between limits. From
the sizes follow exponents of growth, and from those a plan for the whole of Bitcoin.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench import lookups, machine, traces
from bench.case import COMMAND, Case, clear_store, make_case
from bench.imports import hashing_floor
from bench.line import emit, note
from clewline.store.manifest import read_manifest

_SIZES: Final = (1_000_000, 5_000_000, 20_000_000)
_LIMIT: Final = 2 << 30
_SMALL_LIMIT: Final = 400 << 20
"""What the whole chain has, a transaction, on a machine of 24 GB."""
_LOOKS_PER_SECOND: Final = 50


@dataclass(frozen=True)
class Run:
    """One import as a process.

    Attributes
    ----------
    limit : int or None
        Bytes given by ``--memory``; none given where None.
    seconds, cpu_seconds : float
        Wall clock from start to exit, and what both cores did.
    anonymous_bytes : int
        Peak of anonymous resident memory over the process tree.
    disk_bytes : int
        Most that was taken of the file system while the store was made, files without a name
        included.
    digest : str
        Of the store.
    """

    limit: int | None
    seconds: float
    cpu_seconds: float
    anonymous_bytes: int
    disk_bytes: int
    digest: str


class Watch(threading.Thread):
    """Looks at the memory of a process tree and at the room on a disk until told to stop."""

    def __init__(self, process: int, directory: Path) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._directory = directory
        self._free = _free_bytes(directory)
        self._done = threading.Event()
        self.anonymous = 0
        self.disk = 0

    def run(self) -> None:
        """Look again and again."""
        while not self._done.wait(1 / _LOOKS_PER_SECOND):
            self.anonymous = max(self.anonymous, _anonymous_bytes(self._process))
            self.disk = max(self.disk, self._free - _free_bytes(self._directory))

    def stop(self) -> None:
        """Stop looking."""
        self._done.set()
        self.join()


def _anonymous_bytes(process: int) -> int:
    """Return the anonymous resident memory of a process and its descendants."""
    total = 0
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            total += sum(map(_anonymous_bytes, map(int, task.read_text().split())))
        except OSError:
            continue
    try:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) << 10
    except OSError:
        pass
    return total


def _free_bytes(directory: Path) -> int:
    """Return what is free on the file system of a directory."""
    state = os.statvfs(directory)
    return state.f_bfree * state.f_frsize


def _size_of(directory: Path) -> int:
    """Return the bytes of the files below a directory, some of which may just go away."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue
    return total


def import_within(case: Case, limit: int | None) -> Run:
    """Import a case into a new store, with a limit on memory."""
    clear_store(case)
    command = [COMMAND, "chain", "import", "--store", case.store, "--core-blocks", case.blocks]
    if limit is not None:
        command += ["--memory", str(limit)]
    before = os.times()
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        watch = Watch(process.pid, case.path)
        watch.start()
        _out, told = process.communicate()
        seconds = time.perf_counter() - begin
        watch.stop()
    if process.returncode:
        raise SystemExit(f"bench: the import failed: {told.decode(errors='replace')}")
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    digest = read_manifest(case.store).digest
    return Run(limit, seconds, cpu, watch.anonymous, watch.disk, digest)


def _lines(part: Callable[[Case], None], case: Case) -> dict[str, Any]:
    """Return the latencies that a part of the bench prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        part(case)
    sys.stdout.write(printed.getvalue())
    lines = map(json.loads, printed.getvalue().splitlines())
    return {line["measure"]: _latencies(line) for line in lines}


def _latencies(line: dict[str, Any]) -> dict[str, float]:
    """Return the percentiles of a line."""
    return {
        key: value
        for key, value in line.items()
        if key.endswith(("_us", "_ms")) or key == "addresses_per_second"
    }


def measure(sizes: Sequence[int], directory: Path, seed: int, *, keep: bool) -> dict[str, Any]:
    """Measure every size; return what the page is made of. Cases are removed, unless kept."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        case = make_case(directory, size, seed)
        floor, transactions, block_bytes = hashing_floor(case.blocks)
        limits = [None, _LIMIT] if size < max(sizes) else [None, _LIMIT, _SMALL_LIMIT]
        runs = []
        for limit in limits:
            note(f"{size:,} transactions, limit {limit}")
            runs.append(import_within(case, limit))
            figures = {"transactions": transactions, "floor_seconds": floor, **asdict(runs[-1])}
            emit("scale.import", {**figures, "ratio": runs[-1].seconds / floor})
        if len({run.digest for run in runs}) > 1:
            raise SystemExit("bench: digests differ between limits on memory")
        manifest = read_manifest(case.store)
        rows.append(
            {
                "transactions": transactions,
                "inputs": manifest.counts["input"],
                "outputs": manifest.counts["output"],
                "scripts": manifest.counts["script"],
                "block_bytes": block_bytes,
                "floor_seconds": floor,
                "store_bytes": _size_of(case.store),
                "runs": [asdict(run) for run in runs],
                "lookups": _lines(lookups.measure, case),
                "traces": _lines(traces.measure, case),
            }
        )
        if not keep:
            shutil.rmtree(case.path, ignore_errors=True)
    return {"machine": machine.describe(), "rows": rows}


def main() -> None:
    """Measure, and write what the page on growth is generated from."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(_SIZES), metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dir", type=Path, help="work here and keep the cases")
    parser.add_argument("--to", type=Path, help="write the figures here, as docs/growth.json")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clewline-scale-") as temporary:
        directory = asked.dir or Path(temporary)
        figures = measure(sorted(asked.sizes), directory, asked.seed, keep=asked.dir is not None)
    if asked.to is not None:
        asked.to.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
