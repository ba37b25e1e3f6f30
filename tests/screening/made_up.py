"""Made-up addresses, lists and rows for the tests of screening."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from clewline.codec.base58 import base58check_encode
from clewline.screening.lines import LineWriter
from clewline.screening.running import Counts, Question, Screener, run
from clewline.screening.watchlist import Watchlist, read_list

HEADER = "address,entity,category,source,confidence,type,chain,valid_from,valid_until,status"


def hashed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:20]


def p2pkh(name: str) -> str:
    return base58check_encode(b"\0" + hashed(name))


def evm(name: str) -> str:
    return "0x" + hashed(name).hex()


def listed(directory: Path, *rows: str) -> Watchlist:
    """A list of rows ``address,chain,valid_from,valid_until,status``; ends may be left out."""
    lines = [HEADER]
    for row in rows:
        address, *more = row.split(",")
        chain, since, until, status = (*more, "", "", "", "")[:4]
        said = "Site 1 (made up),child_sexual_abuse,made-up hotline,70,control"
        lines.append(f"{address},{said},{chain},{since},{until},{status}")
    path = directory / "hotline.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Watchlist(read_list(path))


def screen(
    watchlist: Watchlist, data: str | bytes, **options: Any
) -> tuple[list[Any], Counts, list[Any]]:
    """Screen some bytes; return lines, counts and faults."""
    question = Question(**{"as_of": 1_700_000_000, **options})
    screener = Screener(watchlist, question)
    out = io.BytesIO()
    faults: list[Any] = []
    writer = LineWriter(question.output, watchlist.version, None, explain=question.explain)
    raw = data.encode() if isinstance(data, str) else data
    counts = run(
        *(screener, io.BytesIO(raw), "rows", lambda one: out.write(writer.write(one))),
        done=lambda _counts, more: faults.extend(more),
    )
    text = out.getvalue().decode()
    lines = (
        [json.loads(line) for line in text.splitlines()] if question.output == "jsonl" else [text]
    )
    return lines, counts, faults
