"""Screening: a million addresses direct and indirect, beside a DuckDB join; memory of a stream."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bench.case import Case
from bench.line import Goal, emit, note
from clewline.codec.address import encode_addresses
from clewline.codec.networks import network_by_name
from clewline.codec.script import ScriptKind, script_kinds
from clewline.screening.running import Question, Screener, screen_file
from clewline.workspace.screening import make_screener, read_watchlist

_ROWS = 1_000_000
_LISTED = 100_000
_STREAM = 20
_RUNS = 3
_HEADER = "address,entity,category,source,confidence,type,chain\n"
_SAID = "Site 1 (made up),child_sexual_abuse,made-up hotline,70,control"
_DIRECT = Goal("seconds", "<=", 10)
_RATIO = Goal("times_of_duckdb", "<=", 3)
_INDIRECT = Goal("seconds", "<=", 60)
_GROWTH = Goal("grown_bytes", "<=", 64e6)


def measure(case: Case) -> None:
    """Make addresses and a list; time screening and the join; stream the same rows many times."""
    rows = _ROWS if case.transactions > 10_000 else 10_000
    directory = case.path / "screening"
    directory.mkdir(exist_ok=True)
    addresses = _addresses(rows, case.seed)
    source, listed = directory / "rows.csv", directory / "list.csv"
    note(f"screening: {rows:,} addresses of a list of {rows // 10:,}")
    lines = "".join(f"{k},{one},BTC\n" for k, one in enumerate(addresses))
    source.write_text(f"id,address,chain\n{lines}")
    others = _addresses(rows // 10, case.seed + 1)
    others[: rows // 1000] = addresses[:: rows // (rows // 1000)][: rows // 1000]
    listed.write_text(_HEADER + "".join(f"{one},{_SAID},BTC\n" for one in others))
    started = time.perf_counter()
    watchlist = read_watchlist([listed])
    making = time.perf_counter() - started
    out = directory / "out"
    for form in ("jsonl", "csv"):
        screener = Screener(watchlist, Question(output=form))
        took, counts = _best(lambda s=screener: screen_file(s, source, out=out))
        plain, _ = _best(lambda f=form: _join(source, listed, directory / "joined", f))
        assert _hits(source, listed) == counts.direct
        figures = {
            "rows": rows,
            "hits": counts.direct,
            "list_seconds": making,
            "rows_seconds": took,
            "duckdb_seconds": plain,
            "times_of_duckdb": took / plain,
            "seconds": took + making,
        }
        emit(f"screening.direct.{form}", figures, goal=_RATIO, next_goal=_DIRECT)
    _indirect(case, directory, rows)
    _stream(watchlist, source, rows, directory)


def _addresses(count: int, seed: int) -> list[str]:
    """Return made-up addresses: three forms of Bitcoin's, evenly."""
    chance = np.random.default_rng(seed)
    hashes = chance.integers(0, 256, (count, 20), np.uint8)
    frames = ((b"\x76\xa9\x14", b"\x88\xac"), (b"\x00\x14", b""), (b"\xa9\x14", b"\x87"))
    scripts = [
        before + one.tobytes() + behind
        for one, (before, behind) in zip(hashes, (frames * (count // 3 + 1))[:count], strict=True)
    ]
    starts = np.cumsum([0, *map(len, scripts)])
    blob = np.frombuffer(b"".join(scripts), np.uint8)
    kinds = script_kinds(blob, starts)
    assert (kinds != ScriptKind.NONSTANDARD).all()
    return [str(one) for one in encode_addresses(blob, starts, kinds, network_by_name("main"))]


def _join(source: Path, listed: Path, out: Path, form: str) -> None:
    """Join the same files on equal text, and write a line a row. No checksum is looked at."""
    database = duckdb.connect()
    database.execute("SET threads = 2")
    database.execute(
        f"COPY (SELECT r.id, r.address, r.chain, l.entity, l.category, 'v' AS list_version,"
        f" CASE WHEN l.address IS NULL THEN 'clean' ELSE 'direct' END AS result"
        f" FROM read_csv('{source}', all_varchar = true) r"
        f" LEFT JOIN read_csv('{listed}', all_varchar = true) l USING (address))"
        f" TO '{out}' (FORMAT {'json' if form == 'jsonl' else 'csv'})"
    )


def _hits(source: Path, listed: Path) -> int:
    """Return how many rows the join finds."""
    (hits,) = duckdb.execute(
        f"SELECT count(*) FROM read_csv('{source}', all_varchar = true)"
        f" JOIN read_csv('{listed}', all_varchar = true) USING (address)"
    ).fetchone() or (0,)
    return int(hits)


def _best(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least time of some runs, and what the last returned."""
    times = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        answer = run()
        times.append(time.perf_counter() - started)
    return min(times), answer


def _indirect(case: Case, directory: Path, rows: int) -> None:
    """Screen addresses of the case's chain, with clusters and exposure."""
    workspace = case.workspace()
    owners = sorted(case.truth()["owner"])
    source = directory / "chain.csv"
    source.write_text("address\n" + "".join(f"{owners[k % len(owners)]}\n" for k in range(rows)))
    watchlist = read_watchlist(store=case.store)
    started = time.perf_counter()
    screener = make_screener(watchlist, Question(), workspace)
    passes = time.perf_counter() - started
    counts = screen_file(screener, source, out=directory / "out")
    took = time.perf_counter() - started
    figures = {"rows": rows, "direct": counts.direct, "indirect": counts.indirect}
    figures |= {"passes_seconds": passes, "seconds": took}
    emit("screening.indirect", figures, goal=_INDIRECT)


def _stream(watchlist: Any, source: Path, rows: int, directory: Path) -> None:
    """Screen the rows many times over as one input; say how much memory the later part took."""
    large = directory / "large.csv"
    body = source.read_bytes()
    with large.open("wb") as file:
        for turn in range(_STREAM):
            file.write(body if not turn else body.partition(b"\n")[2])
    peaks: list[int] = []
    screener = Screener(watchlist, Question())
    started = time.perf_counter()
    screen_file(
        *(screener, large),
        out=directory / "out",
        done=lambda *_batch: peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10),
    )
    took = time.perf_counter() - started
    early = peaks[min(len(peaks) // 5, len(peaks) - 1)]
    figures = {"rows": rows * _STREAM, "rows_per_second": round(rows * _STREAM / took)}
    figures |= {"peak_bytes": peaks[-1], "grown_bytes": peaks[-1] - early}
    emit("screening.stream", figures, goal=_GROWTH)
    large.unlink()
