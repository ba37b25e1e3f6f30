"""Memory of screening a stream: ``python -m bench.screening_memory --rows 100000000``.

A process makes transfers up, no two alike, and another screens them as they come, as it would from
standard input: nothing of them is ever on disk. The peak of the second is read at powers of ten.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.line import Goal, emit
from clewline.codec.address import encode_addresses
from clewline.codec.networks import network_by_name
from clewline.codec.script import ScriptKind
from clewline.screening.lines import LineWriter
from clewline.screening.running import Counts, Question, Screener, run
from clewline.workspace.screening import read_watchlist

_AT_ONCE = 100_000
_FIRST = 1_000_000
_HEADER = "id,customer,address,chain,direction,value,time\n"
_ONE_LISTED_IN = 1_000
_GROWTH = Goal("grown_bytes", "<=", 64e6)
_LIST_HEADER = "address,entity,category,source,confidence,type,chain\n"
_SAID = "Site 1 (made up),child_sexual_abuse,made-up hotline,70,control,BTC"


def addresses(count: int, seed: int) -> list[str]:
    """Return made-up P2WPKH addresses of Bitcoin."""
    hashes = np.random.default_rng(seed).integers(0, 256, (count, 20), np.uint8)
    begin = np.broadcast_to(np.array([0, 20], np.uint8), (count, 2))
    blob = np.concatenate([begin, hashes], axis=1).ravel()
    kinds = np.full(count, ScriptKind.WITNESS_V0_KEYHASH, np.uint8)
    starts = np.arange(count + 1, dtype=np.int64) * 22
    return [str(one) for one in encode_addresses(blob, starts, kinds, network_by_name("main"))]


def make(rows: int) -> None:
    """Write transfers to standard output; one in a thousand is with a listed address."""
    out = sys.stdout.buffer
    out.write(_HEADER.encode())
    listed = addresses(_AT_ONCE, 0)
    for first in range(0, rows, _AT_ONCE):
        fresh = addresses(min(_AT_ONCE, rows - first), first + 1)
        fresh[::_ONE_LISTED_IN] = listed[: len(fresh[::_ONE_LISTED_IN])]
        lines = [
            f"t{number},c{number % 1_000_003},{address},BTC,out,{number},{1_600_000_000 + number}\n"
            for number, address in enumerate(fresh, first)
        ]
        out.write("".join(lines).encode())


def main() -> None:
    """Screen a stream, and print a line at each power of ten."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=100_000_000)
    options.add_argument("--make", action="store_true", help="write the transfers, do not screen")
    asked = options.parse_args()
    if asked.make:
        make(asked.rows)
        return
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "list.csv"
        file.write_text(_LIST_HEADER + "".join(f"{a},{_SAID}\n" for a in addresses(_AT_ONCE, 0)))
        screener = Screener(read_watchlist([file]), Question())
    writer = LineWriter("jsonl", screener.watchlist.version, None)
    command = [sys.executable, "-m", "bench.screening_memory", "--make", "--rows", str(asked.rows)]
    peaks: list[int] = []
    next_one = min(_FIRST, asked.rows)
    started = time.perf_counter()

    def told(counts: Counts, _faults: object) -> None:
        nonlocal next_one
        if counts.rows < next_one:
            return
        next_one = min(next_one * 10, asked.rows) if next_one < asked.rows else sys.maxsize
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10)
        figures = {
            "rows": counts.rows,
            "hits": counts.hits,
            "seconds": time.perf_counter() - started,
            "processor_seconds": time.process_time(),
            "peak_bytes": peaks[-1],
            "grown_bytes": peaks[-1] - peaks[0],
        }
        emit("screening.memory", figures, goal=_GROWTH)

    with (
        Path(os.devnull).open("wb") as sink,
        subprocess.Popen(command, stdout=subprocess.PIPE) as maker,
    ):
        assert maker.stdout is not None
        run(screener, maker.stdout, "stream", lambda one: sink.write(writer.write(one)), done=told)


if __name__ == "__main__":
    main()
