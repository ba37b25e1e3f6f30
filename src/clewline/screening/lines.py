"""Answers as lines: one an input row in JSON, one a hit in CSV.

Nearly all rows are clean, and a clean line differs from the next in three cells. So a kernel writes
those, and only lines with hits, or with letters that have to be escaped, are made one by one.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StorageError, UsageError
from clewline.jit import inlined, leaf
from clewline.reports.sheet import harmless
from clewline.screening.rows import Rows, pyarrow_and_parquet
from clewline.screening.texts import Int64, Texts, UInt8, plain_ascii


class Result(StrEnum):
    """What screening says of a row."""

    DIRECT = "direct"
    INDIRECT = "indirect"
    CLEAN = "clean"
    NOT_LOADED = "not loaded"

    @property
    def meaning(self) -> str:
        """Return what the word stands for.

        Examples
        --------
        >>> Result.CLEAN.meaning
        'everything that was asked for was checked, and nothing was found'
        """
        return _MEANINGS[self]


_MEANINGS: Final = {
    Result.DIRECT: "the address is listed or of a cluster that a label reaches, or its money came "
    "from or went to a listed one in one transaction",
    Result.INDIRECT: "money of the address came from, or went to, a listed one over others",
    Result.CLEAN: "everything that was asked for was checked, and nothing was found",
    Result.NOT_LOADED: "nothing was found, but something was not checked: the address is of no "
    "chain that is read, indirect exposure was asked for and no store holds its chain, or the row "
    "lies before the look-back window",
}

HIT_KEYS: Final = ("entity", "category", "direction", "value", "share", "hops", "set")
"""Keys of a hit."""
REASON_KEYS: Final = ("type", "reason")
"""Keys that ``--explain`` adds to them."""
LINE_KEYS: Final = ("id", "address", "chain", "result", "hits", "list_version", "tip")
"""Keys of a line."""

_CLEAN: Final = 0
_NOT_LOADED: Final = 1
_APART: Final = 2
_STATES: Final = (Result.CLEAN, Result.NOT_LOADED)


@dataclass(frozen=True)
class Screened:
    """What is said of the rows of a batch.

    Attributes
    ----------
    rows : Rows
        The rows.
    kind : ndarray of int32, shape (n,)
        Index into `chains`.
    chains : tuple of str
        Chain or chains.
    loaded : ndarray of bool, shape (n,)
        Whether all that was asked for was checked.
    hits : dict of int to list of dict
        By row, strongest first. Direct ones have hops of at most one, and ``direct`` is set.
    direct : set of int
        Rows with a direct hit.
    """

    rows: Rows
    kind: NDArray[np.int32]
    chains: tuple[str, ...]
    loaded: NDArray[np.bool_]
    hits: dict[int, list[dict[str, Any]]]
    direct: set[int]

    def result(self, row: int) -> Result:
        """Return the word for a row."""
        if row in self.hits:
            return Result.DIRECT if row in self.direct else Result.INDIRECT
        return Result.CLEAN if self.loaded[row] else Result.NOT_LOADED

    def id_of(self, row: int) -> str:
        """Return the id of a row: its own, or its line where the input has none."""
        if "id" in self.rows.cells:
            return self.rows.cells["id"].text(row)
        return str(self.rows.line[row])

    def line(self, row: int, version: str, tip: str | None) -> dict[str, Any]:
        """Return the answer for a row."""
        return {
            "id": self.id_of(row),
            "address": self.rows.cells["address"].text(row),
            "chain": self.chains[self.kind[row]],
            "result": self.result(row).value,
            "hits": self.hits.get(row, []),
            "list_version": version,
            "tip": tip,
        }


class LineWriter:
    """Turns screened rows into bytes.

    Parameters
    ----------
    form : {"jsonl", "csv"}
        What they are to be.
    version, tip : str
        Of the list; of the store, None without one.
    explain : bool
        Whether hits say why.
    """

    def __init__(self, form: str, version: str, tip: str | None, *, explain: bool = False) -> None:
        self._form, self._version, self._tip = form, version, tip
        self._keys = HIT_KEYS + (REASON_KEYS if explain else ())
        self._around = self._pieces()

    def header(self) -> bytes:
        """Return what stands before the first line."""
        if self._form != "csv":
            return b""
        return (",".join([*LINE_KEYS[:4], *self._keys, *LINE_KEYS[5:]]) + "\n").encode()

    def write(self, screened: Screened) -> bytes:
        """Return the lines of a batch, in the order of its rows."""
        rows = screened.rows
        address = rows.cells["address"]
        ids = rows.cells.get("id") or _numbers(rows.line)
        plain = plain_ascii(address.data, address.begins, address.ends)
        plain &= plain_ascii(ids.data, ids.begins, ids.ends)
        state = np.where(screened.loaded, _CLEAN, _NOT_LOADED).astype(np.uint8)
        state[plain == 0] = _APART
        state[np.array(list(screened.hits), np.int64)] = _APART
        apart = [self._apart(screened, row) for row in np.flatnonzero(state == _APART).tolist()]
        chains = Texts.of(list(screened.chains))
        parts = Texts.of(self._around)
        most = int(np.diff(np.append(parts.begins, parts.ends[-1:])).sum()) + int(
            (chains.ends - chains.begins).max(initial=0)
        )
        lengths = (address.ends - address.begins) + (ids.ends - ids.begins)
        room = int(lengths.sum()) + most * len(rows) + sum(map(len, apart))
        out = np.empty(room, np.uint8)
        apart_ends = np.cumsum([0, *map(len, apart)], dtype=np.int64)
        apart_data = np.frombuffer(b"".join(apart) or b"\0", np.uint8)
        size = _write(
            state,
            ids.data,
            ids.begins,
            ids.ends,
            address.data,
            address.begins,
            address.ends,
            screened.kind,
            chains.data,
            chains.begins,
            chains.ends,
            parts.data,
            parts.begins,
            parts.ends,
            apart_data,
            apart_ends,
            out,
        )
        return out[:size].tobytes()

    def _pieces(self) -> list[str]:
        """Return what stands around id, address and chain, and the rest for each state."""
        if self._form == "csv":
            empty = "," * len(self._keys)
            end = f",{self._version},{self._tip or ''}"
            return ["", ",", ",", *(f",{state.value}{empty}{end}" for state in _STATES)]
        end = json.dumps({"hits": [], "list_version": self._version, "tip": self._tip}, **_TIGHT)
        return [
            *('{"id":"', '","address":"', '","chain":"'),
            *(f'","result":"{state.value}",{end[1:]}' for state in _STATES),
        ]

    def _apart(self, screened: Screened, row: int) -> bytes:
        """Return the line of one row."""
        line = screened.line(row, self._version, self._tip)
        if self._form == "jsonl":
            line["hits"] = [{key: hit[key] for key in self._keys} for hit in line["hits"]]
            return json.dumps(line, **_TIGHT).encode("utf8", "replace") + b"\n"
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        begin = [line[key] for key in LINE_KEYS[:4]]
        for hit in line["hits"] or [{}]:
            cells = [*begin, *(hit.get(key) for key in self._keys), self._version, self._tip]
            writer.writerow(["" if cell is None else harmless(str(cell)) for cell in cells])
        return text.getvalue().encode("utf8", "replace")


class ParquetLines:
    """Answers as a Parquet file, one row an input row with its hits as a list; a context manager.

    Parameters
    ----------
    path : Path or None
        The file.
    version, tip : str
        Of the list; of the store, None without one.

    Raises
    ------
    UsageError
        If there is no file to write to.
    UnavailableError
        Without pyarrow.
    """

    def __init__(self, path: Path | None, version: str, tip: str | None) -> None:
        if path is None:
            raise UsageError("Parquet is written into a file", where="--format", hint="--out FILE")
        pa, self._parquet = pyarrow_and_parquet()
        words = [*HIT_KEYS[:4], *HIT_KEYS[6:], *REASON_KEYS]
        hit = [(key, pa.string()) for key in words]
        hit += [("share", pa.float64()), ("hops", pa.int32())]
        fields = [(key, pa.string()) for key in LINE_KEYS if key != "hits"]
        fields.insert(4, ("hits", pa.list_(pa.struct(hit))))
        self._schema, self._pa = pa.schema(fields), pa
        self._path, self._version, self._tip = path, version, tip

    def __enter__(self) -> Self:
        try:
            self._file = self._parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        except OSError as error:
            raise StorageError(f"cannot be written: {error}", where=str(self._path)) from error
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def write(self, screened: Screened) -> int:
        """Write a batch; return 0, as nothing can go on from the middle of such a file."""
        lines = [screened.line(row, self._version, self._tip) for row in range(len(screened.rows))]
        for line in lines:
            line["hits"] = [
                {**hit, "value": None if hit["value"] is None else str(hit["value"])}
                for hit in line["hits"]
            ]
        self._file.write_table(self._pa.Table.from_pylist(lines, self._schema))
        return 0


_TIGHT: Final[Any] = {"ensure_ascii": False, "separators": (",", ":")}


def _numbers(line: Int64) -> Texts:
    """Return line numbers as texts."""
    return Texts.of([str(number) for number in line.tolist()])


@inlined
def _put(out: UInt8, at: int, data: UInt8, begin: int, end: int) -> int:
    """Copy some bytes; return where they end."""
    for i in range(end - begin):
        out[at + i] = data[begin + i]
    return at + end - begin


@leaf
def _write(
    state: UInt8,
    ids: UInt8,
    id_begins: Int64,
    id_ends: Int64,
    texts: UInt8,
    text_begins: Int64,
    text_ends: Int64,
    kind: NDArray[np.int32],
    chains: UInt8,
    chain_begins: Int64,
    chain_ends: Int64,
    parts: UInt8,
    part_begins: Int64,
    part_ends: Int64,
    apart: UInt8,
    apart_ends: Int64,
    out: UInt8,
) -> int:
    """Write all lines; return their size."""
    at = 0
    number = 0
    for k in range(state.size):
        if state[k] == _APART:
            at = _put(out, at, apart, apart_ends[number], apart_ends[number + 1])
            number += 1
            continue
        at = _put(out, at, parts, part_begins[0], part_ends[0])
        at = _put(out, at, ids, id_begins[k], id_ends[k])
        at = _put(out, at, parts, part_begins[1], part_ends[1])
        at = _put(out, at, texts, text_begins[k], text_ends[k])
        at = _put(out, at, parts, part_begins[2], part_ends[2])
        at = _put(out, at, chains, chain_begins[kind[k]], chain_ends[kind[k]])
        rest = 3 + np.int64(state[k])
        at = _put(out, at, parts, part_begins[rest], part_ends[rest])
        out[at] = 10
        at += 1
    return at
