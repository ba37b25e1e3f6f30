"""``python -m bench``: every measure in one run, JSON lines on standard output."""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from bench import (
    clustering,
    exposure,
    imports,
    linking,
    lookups,
    machine,
    parsing,
    screening,
    traces,
    worst,
)
from bench.case import Case, make_case
from bench.line import emit, note

_PARTS: dict[str, Callable[[Case], None]] = {
    "import": imports.measure,
    "parsing": parsing.measure,
    "linking": linking.measure,
    "clustering": clustering.measure,
    "lookups": lookups.measure,
    "traces": traces.measure,
    "exposure": exposure.measure,
    "screening": screening.measure,
    "worst": worst.measure,
}
_WARM_UP_TRANSACTIONS = 1000


def main() -> None:
    """Make a case, warm up, measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000, help="size of the case")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same chain, same questions")
    parser.add_argument(
        "--dir", type=Path, help="work here and keep it; else a temporary directory"
    )
    parser.add_argument(
        "--inputs", type=int, default=0, help="cluster so many made-up inputs, too: 50000000"
    )
    parser.add_argument("--only", choices=_PARTS, action="append", help="this part; repeatable")
    asked = parser.parse_args()
    parts = [_PARTS[name] for name in asked.only or _PARTS]
    emit("machine", machine.describe())
    with tempfile.TemporaryDirectory(prefix="clewline-bench-") as temporary:
        note("warming up: every part on a small case, so that all kernels are compiled")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            few = min(asked.inputs, _WARM_UP_TRANSACTIONS)
            _run(parts, Path(temporary), _WARM_UP_TRANSACTIONS, asked.seed, few)
        _run(parts, asked.dir or Path(temporary), asked.transactions, asked.seed, asked.inputs)


def _run(
    parts: Sequence[Callable[[Case], None]],
    directory: Path,
    transactions: int,
    seed: int,
    inputs: int,
) -> None:
    """Make a case and run some parts on it."""
    case = make_case(directory, transactions, seed, inputs)
    for measure in parts:
        measure(case)


if __name__ == "__main__":
    main()
