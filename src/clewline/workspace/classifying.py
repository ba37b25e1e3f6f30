"""CoinJoin families of transactions that come as JSON lines, without a store.

A line is one transaction: ``{"txid", "inputs": [{"value", "script", …}, …], "outputs": […]}``,
values in satoshi, scripts in hex; other keys are let be. The verdict is that of the kernel which
also decides for stores, clusters and traces.

Lines come from outside: nothing of them is believed before it is checked.
"""

from __future__ import annotations

import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np

from clewline.codec.networks import BITCOIN
from clewline.codec.script import script_kinds
from clewline.engine.heuristics.coinjoin import explain_transaction
from clewline.errors import ClewlineError, DataError, UsageError
from clewline.reports.limits import LOOK_ALIKES, accuracy_of

LONGEST_LINE: Final = 1 << 26
"""Bytes of a line at most: a block's worth of scripts in hex, several times over."""

_MAX_MONEY: Final = BITCOIN.form.max_money
_TXID: Final = re.compile(r"[0-9a-fA-F]{64}")
_XZ: Final = b"\xfd7zXZ\x00"
_GZIP: Final = b"\x1f\x8b"
_BROKEN: Final = (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError)

OnWrong = Callable[[ClewlineError], None]


class _NotCheckedError(Exception):
    """The line is sound, but does not hold what a verdict needs."""


def classify_file(path: Path, on_wrong: OnWrong | None = None) -> Iterator[dict[str, Any]]:
    """Name the CoinJoin family of each transaction of a file, plain or compressed by xz or gzip.

    Parameters
    ----------
    path : Path
        The file; read as it comes, never held whole.
    on_wrong : callable, optional
        As for `classify_lines`.

    Yields
    ------
    dict
        As `classify_lines`.

    Raises
    ------
    UsageError
        If there is no such file, or it cannot be read.
    DataError
        As `classify_lines`.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from None
    with stream:
        yield from classify_lines(stream, str(path), on_wrong)


def classify_lines(
    stream: BinaryIO, name: str, on_wrong: OnWrong | None = None
) -> Iterator[dict[str, Any]]:
    """Name the CoinJoin family of each transaction of a stream of JSON lines.

    Parameters
    ----------
    stream : binary file
        JSON lines, plain or compressed by xz or gzip, told by their first bytes. Empty lines are
        passed over.
    name : str
        What errors call the stream.
    on_wrong : callable, optional
        Told of a line that is wrong, which is then skipped. Without it such a line is an error.

    Yields
    ------
    dict
        ``txid``; ``family``, or null where there is none; the ``rule`` that matched, by its title;
        ``reason``. Where the line does not hold what a verdict needs (a coinbase, an unknown
        value), family is null and the reason begins with "not checked".

    Raises
    ------
    DataError
        If a line is wrong, with its number; if the compressed data is broken. The lines before it
        were answered.

    Cost
    ----
    Memory for one line, of `LONGEST_LINE` bytes at most.

    Examples
    --------
    >>> import io
    >>> line = {"txid": "0" * 64, "inputs": [], "outputs": [{"value": 50, "script": "51"}]}
    >>> next(classify_lines(io.BytesIO(json.dumps(line).encode()), "made up"))["reason"]
    'not checked: no inputs; a coinbase has none'
    """
    with _plain(stream) as lines:
        for number, line in _numbered(lines, name):
            where = f"{name}:{number}"
            try:
                if line is None:
                    raise DataError(f"longer than {LONGEST_LINE} bytes", where=where)
                answer = _classify(line, where)
            except DataError as error:
                if on_wrong is None:
                    raise
                on_wrong(error)
            else:
                yield answer


@contextmanager
def _plain(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Take xz or gzip off a stream that begins with its magic."""
    peek = getattr(stream, "peek", None)
    if peek is not None:
        start = peek(len(_XZ))
    else:
        start = stream.read(len(_XZ))
        stream.seek(-len(start), 1)
    if start.startswith(_XZ):
        with lzma.LZMAFile(stream) as opened:
            yield cast(BinaryIO, opened)
    elif start.startswith(_GZIP):
        with gzip.GzipFile(fileobj=stream) as opened:
            yield cast(BinaryIO, opened)
    else:
        yield stream


def _numbered(lines: BinaryIO, name: str) -> Iterator[tuple[int, bytes | None]]:
    """Yield lines that are not empty with their numbers from 1; None for one that is too long."""
    number = 1
    while True:
        try:
            line = lines.readline(LONGEST_LINE + 1)
            too_long = len(line) > LONGEST_LINE
            rest = line
            while too_long and rest and not rest.endswith(b"\n"):
                rest = lines.readline(LONGEST_LINE)
        except _BROKEN:
            raise DataError(
                "the compressed data is broken here", where=f"{name}:{number}"
            ) from None
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", where=f"{name}:{number}") from None
        if not line:
            return
        if line.strip():
            yield number, None if too_long else line
        number += 1


def _classify(line: bytes, where: str) -> dict[str, Any]:
    """Answer one line."""
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise DataError("not a line of JSON", where=where) from None
    if not isinstance(given, dict):
        raise DataError("not an object with txid, inputs and outputs", where=where)
    txid = given.get("txid")
    if not isinstance(txid, str) or not _TXID.fullmatch(txid):
        raise DataError("txid is not 64 hexadecimal digits", where=where)
    answer: dict[str, Any] = {"txid": txid, "family": None, "rule": None}
    try:
        sides = [_coins(given, "inputs", where), _coins(given, "outputs", where)]
    except _NotCheckedError as missing:
        return {**answer, "reason": f"not checked: {missing}"}
    paid_in, paid_out = (sum(values) for values, _scripts in sides)
    if not paid_out <= paid_in <= _MAX_MONEY:
        raise DataError(
            f"inputs of {paid_in} and outputs of {paid_out} satoshi cannot be one transaction's",
            where=where,
        )
    scripts = [script for _values, side in sides for script in side]
    ids: dict[bytes, int] = {}
    numbers = [ids.setdefault(script, len(ids)) for script in scripts]
    blob = np.frombuffer(b"".join(ids), np.uint8)
    starts = np.concatenate(([0], np.cumsum([len(script) for script in ids]))).astype(np.int64)
    kinds = script_kinds(blob, starts)[numbers]
    n = len(sides[0][0])
    reason = explain_transaction(
        np.array(sides[0][0]), np.array(numbers[:n]), kinds[:n],
        np.array(sides[1][0]), np.array(numbers[n:]), kinds[n:],
    )  # fmt: skip
    return {
        "txid": txid,
        "family": reason.family.family,
        "rule": reason.rule.title if reason.rule else None,
        "reason": f"{reason.text} ({accuracy_of(reason.family.family or LOOK_ALIKES)})",
    }


def _coins(given: dict[str, Any], side: str, where: str) -> tuple[list[int], list[bytes]]:
    """Return values and scripts of one side of a transaction."""
    rows = given.get(side)
    if not isinstance(rows, list):
        raise DataError(f"{side} is no list", where=where)
    if not rows and side == "outputs":
        raise DataError("there are no outputs", where=where)
    values: list[int] = []
    scripts: list[bytes] = []
    missing = ""
    for number, row in enumerate(rows):
        what = f"{side}[{number}]"
        if not isinstance(row, dict):
            raise DataError(f"{what} is no object with value and script", where=where)
        value, script = row.get("value"), row.get("script")
        if side == "inputs" and "coinbase" in row:
            missing = missing or f"{what} is a coinbase, which spends nothing"
            continue
        # What an input spends may be unknown to who wrote the line; an output says both itself.
        if side == "inputs" and (value is None or script is None):
            missing = missing or f"{what} has no {'value' if value is None else 'script'}"
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_MONEY:
            raise DataError(f"{what}: value is no number of satoshi", where=where)
        if not isinstance(script, str):
            raise DataError(f"{what}: script is no text of hexadecimal digits", where=where)
        try:
            scripts.append(bytes.fromhex(script))
        except ValueError:
            raise DataError(f"{what}: script is not hexadecimal", where=where) from None
        values.append(value)
    if side == "inputs" and not rows:
        missing = "no inputs; a coinbase has none"
    if missing:
        raise _NotCheckedError(missing)
    return values, scripts
