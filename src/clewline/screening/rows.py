"""Rows of a file or stream, in batches of columns: CSV, JSON lines, Parquet.

A row is a line (in Parquet: a row). Lines are split by a kernel, which knows commas and plain
quotes (of JSON: plain texts and numbers); a line that has more to it (doubled quotes, a quote that
stays open, too many cells, escapes) is read alone, and if it is no row it is a *fault*: reported
with its line, and the others go on. So a quote that is never closed costs its line and not the
rest of the file.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import DataError, UnavailableError, UsageError
from clewline.jit import kernel, leaf
from clewline.screening.json_lines import split_objects
from clewline.screening.texts import Int64, Texts, UInt8

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "external_id", "transfer_id", "reference", "ref", "txid", "tx_id"),
    "address": (
        *("address", "counterparty_address", "counterparty", "wallet_address", "wallet"),
        *("to_address", "destination"),
    ),
    "chain": ("chain", "asset", "currency", "coin", "blockchain", "network"),
    "asset": ("asset", "currency", "coin", "token", "ticker"),
    "time": ("time", "timestamp", "datetime", "date", "created_at", "executed_at"),
    "value": ("value", "amount"),
    "direction": ("direction", "side"),
    "own": ("own_address", "deposit_address", "customer_address"),
    "customer": ("customer", "customer_id", "account", "account_id", "user", "user_id"),
}
"""What a column may be, and the names by which it is found where ``--map`` does not say."""

NO_TIME: Final = np.iinfo(np.int64).min
"""Time of a row that has none."""
CHUNK_BYTES: Final = 8 << 20
_MAX_LINE: Final = 1 << 20
_DELIMITERS: Final = ",;\t|"
_PARQUET_ROWS: Final = 1 << 18


@dataclass(frozen=True)
class Fault:
    """A row that was not taken: its line (Parquet: row), from 1, and why."""

    line: int
    reason: str


@dataclass
class Rows:
    """Some rows as columns.

    Attributes
    ----------
    line : ndarray of int64, shape (n,)
        Line of each row, from 1; in Parquet its number.
    cells : dict of str to Texts
        By role; only roles that the input has.
    faults : list of Fault
        Lines between these rows that are none.
    end : int
        Where the input goes on behind them: bytes, or rows of Parquet.
    """

    line: Int64
    cells: dict[str, Texts]
    faults: list[Fault] = field(default_factory=list)
    end: int = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.line.size

    def without(self, drop: NDArray[np.bool_]) -> Rows:
        """Return the rows that are not to be dropped."""
        if not drop.any():
            return self
        keep = np.flatnonzero(~drop)
        cells = {
            role: Texts(column.data, column.begins[keep], column.ends[keep])
            for role, column in self.cells.items()
        }
        return Rows(self.line[keep], cells, self.faults, self.end)


def roles_of(header: Sequence[str], mapping: Mapping[str, str], where: str) -> dict[str, int]:
    """Return which column has which role.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    mapping : dict of str to str
        Role to column name, as the operator gave it; it goes before the names of `ROLES`.
    where : str
        Name of the input, for errors.

    Returns
    -------
    dict of str to int
        Role to index of its column.

    Raises
    ------
    UsageError
        If a role or column is unknown, or there is no address.

    Examples
    --------
    >>> roles_of(["Ref", "Wallet", "coin"], {"id": "Ref"}, "x.csv")
    {'id': 0, 'address': 1, 'chain': 2}
    """
    names = [name.strip().lower() for name in header]
    found: dict[str, int] = {}
    for role, column in mapping.items():
        if role not in ROLES:
            raise UsageError(
                f"{role!r} is no role of a column",
                where="--map",
                hint=f"there are: {', '.join(ROLES)}",
            )
        if column.strip().lower() not in names:
            raise UsageError(
                f"there is no column {column!r}",
                where=where,
                hint=f"there are: {', '.join(header)}",
            )
        number = names.index(column.strip().lower())
        if number in found.values():
            raise UsageError(f"column {column!r} has two roles", where="--map")
        found[role] = number
    for role, known in ROLES.items():
        here = [names.index(name) for name in known if name in names]
        free = [number for number in here if number not in found.values()]
        if role not in found and free:
            found[role] = free[0]
    if "address" not in found:
        raise UsageError(
            "no column of addresses",
            where=where,
            hint="name it: --map address=COLUMN",
        )
    return {role: found[role] for role in ROLES if role in found}


def read_rows(
    source: BinaryIO,
    form: str,
    mapping: Mapping[str, str],
    where: str,
    *,
    start: int = 0,
    chunk: int | None = None,
) -> Iterator[Rows]:
    """Yield the rows of an input, batch by batch.

    Parameters
    ----------
    source : binary file
        The input, at its beginning. Of Parquet that cannot seek a copy is made on disk.
    form : {"csv", "jsonl", "parquet"}
        What it holds.
    mapping : dict of str to str
        Role to column name.
    where : str
        Its name, for errors.
    start : int
        `Rows.end` of the last batch that is done with: rows before it are not given again.
    chunk : int, optional
        Bytes a batch; `CHUNK_BYTES` if not given.

    Yields
    ------
    Rows
        In the order of the input. The same input gives the same batches.

    Raises
    ------
    UsageError, DataError, UnavailableError
        If the form, a column or the whole file is wrong.
    """
    if form == "parquet":
        with _seekable(source) as file:
            yield from _parquet(file, mapping, where, start)
    elif form == "csv":
        yield from _csv(source, mapping, where, start, chunk or CHUNK_BYTES)
    else:
        yield from _json_lines(source, mapping, where, start, chunk or CHUNK_BYTES)


def _chunks(source: BinaryIO, at: int, line: int, start: int, chunk: int) -> Iterator[_Chunk]:
    """Yield whole lines, about `chunk` bytes at a time; what begins before `start` is left out."""
    rest = b""
    while True:
        block = source.read(chunk)
        data = rest + block
        if not data:
            return
        cut = data.rfind(b"\n") + 1 if block else len(data)
        if not cut and len(data) < chunk + _MAX_LINE:
            rest = data
            continue
        if not cut:
            raise DataError(f"a line of more than {_MAX_LINE:,} bytes", where=f"line {line}")
        whole, rest = data[:cut], data[cut:]
        if at + cut > start:
            yield _Chunk(whole, line, at + cut)
        at += cut
        line += whole.count(b"\n")


@dataclass(frozen=True)
class _Chunk:
    """Whole lines: their bytes, the number of the first, and where they end in the input."""

    data: bytes
    line: int
    end: int


# --- CSV


def _csv(
    source: BinaryIO, mapping: Mapping[str, str], where: str, start: int, chunk: int
) -> Iterator[Rows]:
    """Yield rows of CSV."""
    first, head, line = _head(source)
    if not head:
        raise DataError("is empty: not even a header", where=where)
    try:
        text = head.decode("utf-8-sig")
        delimiter = max(_DELIMITERS, key=text.count)
        header = next(csv.reader([text], delimiter=delimiter), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"no header of CSV: {error}", where=f"{where}:{line}") from None
    roles = roles_of(header, mapping, where)
    slots = np.full(len(header), -1, np.int64)
    for slot, column in enumerate(roles.values()):
        slots[column] = slot
    for part in _chunks(source, len(first), line + 1, start, chunk):
        yield _csv_rows(part, slots, list(roles), delimiter)


def _head(source: BinaryIO) -> tuple[bytes, bytes, int]:
    """Return the beginning of an input, its first line with something on it, and its number."""
    first = head = source.readline(_MAX_LINE)
    line = 1
    while head and not head.strip():
        head = source.readline(_MAX_LINE)
        first += head
        line += 1
    return first, head, line


def _csv_rows(part: _Chunk, slots: Int64, roles: Sequence[str], delimiter: str) -> Rows:
    """Split lines into cells; those that a kernel cannot split are read alone."""
    data = np.frombuffer(part.data, np.uint8)
    begins, ends, line, hard, span = _places(len(roles), part.data.count(b"\n") + 1)
    count = _split(data, np.uint8(ord(delimiter)), slots, begins, ends, line, hard, span)
    begins, ends = begins[:, :count], ends[:, :count]
    line = line[:count] + part.line
    wanted = np.argsort(slots, kind="stable")[slots.size - len(roles) :].tolist()
    rows = _rows_of(
        *(part, data, begins, ends, line, np.flatnonzero(hard[:count]), span, roles),
        lambda raw: _hard_cells(raw, slots.size, delimiter, wanted),
    )
    return rows if _is_utf8(part.data) else _named_in_utf8(rows)


def _named_in_utf8(rows: Rows) -> Rows:
    """Return the rows without those that could not be told by what they are named."""
    drop = np.zeros(len(rows), np.bool_)
    for role in ("id", "customer"):
        if role not in rows.cells:
            continue
        column = rows.cells[role]
        data = column.data.tobytes()
        for row, (begin, end) in enumerate(zip(column.begins, column.ends, strict=True)):
            if not drop[row] and not _is_utf8(data[begin:end]):
                rows.faults.append(Fault(int(rows.line[row]), f"the {role} is not UTF-8"))
                drop[row] = True
    return rows.without(drop)


def _hard_cells(line: bytes, columns: int, delimiter: str, wanted: Sequence[int]) -> list[str]:
    """Read some cells of one line by itself, or say why it is no row."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}") from None
    if len(cells) != columns:
        raise ValueError(f"{len(cells)} cells where the header has {columns}")
    return [cells[column] for column in wanted]


@leaf
def _split(
    data: UInt8,
    delimiter: np.uint8,
    slots: Int64,
    begins: Int64,
    ends: Int64,
    line: Int64,
    hard: UInt8,
    span: Int64,
) -> int:
    """Split lines into cells; return how many rows there are. Empty lines are none."""
    row, number, at, size = 0, 0, 0, data.size
    columns = slots.size
    while at < size:
        first = at
        column = 0
        difficult = False
        more = True
        while more:
            begin = at
            if at < size and data[at] == ord('"'):
                begin = at + 1
                at = begin
                while at < size and data[at] != ord('"') and data[at] != ord("\n"):
                    at += 1
                end = at
                if at < size and data[at] == ord('"'):
                    at += 1
                    if at < size and data[at] == ord("\r"):
                        at += 1
                    if at < size and data[at] != delimiter and data[at] != ord("\n"):
                        difficult = True
                else:
                    difficult = True
                while at < size and data[at] != delimiter and data[at] != ord("\n"):
                    at += 1
            else:
                while at < size and data[at] != delimiter and data[at] != ord("\n"):
                    difficult |= data[at] == ord('"')
                    at += 1
                end = at
            if column < columns and slots[column] >= 0:
                begins[slots[column], row] = begin
                ends[slots[column], row] = end
            column += 1
            more = at < size and data[at] == delimiter
            if more:
                at += 1
        last = at
        at += 1
        while last > first and data[last - 1] == ord("\r"):
            last -= 1
        if last > first:
            if column != columns or difficult:
                hard[row] = 1
                while at - 1 < size and data[at - 1] != ord("\n"):
                    at += 1
                last = min(at - 1, size)
            line[row] = number
            span[row, 0], span[row, 1] = first, last
            row += 1
        number += 1
    return row


# --- JSON lines


def _json_lines(
    source: BinaryIO, mapping: Mapping[str, str], where: str, start: int, chunk: int
) -> Iterator[Rows]:
    """Yield rows of JSON lines.

    The first object says what the columns are called. Exports leave out what is null, so a role
    that it lacks (but id and address) is looked for in every row under the names of `ROLES`.
    """
    first, head, _line = _head(source)
    if not head:
        return
    known = _object(head)
    wrong = known
    while not isinstance(known, dict) and head and len(first) < _MAX_LINE:
        head = source.readline(_MAX_LINE)
        first += head
        known = _object(head)
    if not isinstance(known, dict):
        problem = wrong if isinstance(wrong, str) else "a line is no JSON object"
        raise DataError(problem, where=f"{where}:1")
    roles = roles_of(list(known), mapping, where)
    names = [(role, list(known)[column]) for role, column in roles.items()]
    taken = {name.lower() for _role, name in names}
    names += [
        (role, name)
        for role, others in ROLES.items()
        if role not in {"id", *roles}
        for name in others
        if name not in taken
    ]
    joined = _Joined(
        first.removeprefix(b"\xef\xbb\xbf"),
        source,
        len(first) - len(first.removeprefix(b"\xef\xbb\xbf")),
    )
    for part in _chunks(joined, joined.skipped, 1, start, chunk):  # type: ignore[arg-type]
        yield _json_rows(part, names, len(roles))


def _object(line: bytes) -> Any:
    """Return the object on a line; else something else, a text if it says what is wrong."""
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return f"not JSON lines: {error}"
    return value if isinstance(value, dict) else None


class _Joined:
    """A stream of which the beginning was read already."""

    def __init__(self, first: bytes, source: BinaryIO, skipped: int) -> None:
        self._first, self._source, self.skipped = first, source, skipped

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        first, self._first = self._first, b""
        return first + self._source.read(max(size - len(first), 0))


def _json_rows(part: _Chunk, columns: Sequence[tuple[str, str]], sure: int) -> Rows:
    """Split lines into cells; those that are not plain are read alone.

    `columns` are roles and keys, of which the first `sure` hold what their role says.
    """
    data = np.frombuffer(part.data, np.uint8)
    roles, names = [role for role, _ in columns], [name for _, name in columns]
    keys = [name.encode("utf8", "surrogatepass") for name in names]
    bounds = np.cumsum([0, *map(len, keys)])
    begins, ends, line, hard, span = _places(len(roles), part.data.count(b"\n") + 1)
    joined = np.frombuffer(b"".join(keys) or b"\0", np.uint8)
    count = split_objects(data, joined, bounds, _is_utf8(part.data), begins, ends, line, hard, span)
    return _rows_of(
        *(part, data, begins[:, :count], ends[:, :count], line[:count] + part.line),
        *(np.flatnonzero(hard[:count]), span, roles),
        lambda raw: _object_cells(raw, names, sure),
    )


def _is_utf8(data: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _object_cells(line: bytes, names: Sequence[str], sure: int) -> list[str]:
    """Read one line by itself, or say why it is no row."""
    try:
        # Numbers keep their digits: an amount may have more than a float holds.
        row = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError("no JSON object")
    cells = [row.get(name) for name in names]
    nested = [isinstance(cell, dict | list) for cell in cells]
    if any(nested[:sure]):
        raise ValueError("a cell holds a list or an object")
    cells = [None if inner else cell for cell, inner in zip(cells, nested, strict=True)]
    return ["" if cell is None else _JSON_WORDS.get(cell, str(cell)) for cell in cells]


_JSON_WORDS: Final[Mapping[Any, str]] = {True: "true", False: "false"}


# --- both


def _places(columns: int, room: int) -> tuple[Int64, Int64, Int64, UInt8, Int64]:
    """Return what a kernel that splits lines fills: cells, lines, marks, spans."""
    begins, ends = np.zeros((2, columns, room), np.int64)
    line, hard = np.empty(room, np.int64), np.zeros(room, np.uint8)
    return begins, ends, line, hard, np.empty((room, 2), np.int64)


def _rows_of(
    part: _Chunk,
    data: UInt8,
    begins: Int64,
    ends: Int64,
    line: Int64,
    hard: Int64,
    span: Int64,
    roles: Sequence[str],
    read: Callable[[bytes], list[str]],
) -> Rows:
    """Return split lines as columns; those that a kernel could not split are read alone."""
    faults: list[Fault] = []
    drop = np.zeros(line.size, np.bool_)
    extra = bytearray()
    for row in hard.tolist():
        try:
            cells = [cell.encode() for cell in read(part.data[span[row, 0] : span[row, 1]])]
        except UnicodeEncodeError:
            faults.append(Fault(int(line[row]), "half of a surrogate pair is no text"))
            drop[row] = True
            continue
        except ValueError as error:
            faults.append(Fault(int(line[row]), str(error)))
            drop[row] = True
            continue
        for slot, cell in enumerate(cells):
            begins[slot, row] = data.size + len(extra)
            extra += cell
            ends[slot, row] = data.size + len(extra)
    if extra:
        data = np.concatenate([data, np.frombuffer(bytes(extra), np.uint8)])
    columns: dict[str, Texts] = {}
    for slot, role in enumerate(roles):
        # A column without any text says nothing; an id that is empty is one.
        if role not in ("id", "address") and not (ends[slot] > begins[slot]).any():
            continue
        column = Texts.stripped(data, begins[slot], ends[slot])
        before = columns.get(role, column)
        empty = before.begins == before.ends
        begin, end = (
            np.where(empty, column.begins, before.begins),
            np.where(empty, column.ends, before.ends),
        )
        columns[role] = Texts(data, begin, end)
    return Rows(line, columns, faults, part.end).without(drop)


# --- Parquet


def pyarrow_and_parquet() -> tuple[Any, Any]:
    """Return the modules that read and write Parquet.

    Raises
    ------
    UnavailableError
        Without the extra ``screen``.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UnavailableError(
            "Parquet needs pyarrow, which is not installed",
            hint="install it with: pip install 'clewline[screen]'",
        ) from None
    return pa, pq


@contextmanager
def _seekable(source: BinaryIO) -> Iterator[BinaryIO]:
    """Copy what cannot seek into a file without a name: the end of Parquet says what is in it."""
    if source.seekable():
        yield source
        return
    with tempfile.TemporaryFile() as spooled:
        shutil.copyfileobj(source, spooled)
        spooled.seek(0)
        yield spooled


def _parquet(
    source: BinaryIO, mapping: Mapping[str, str], where: str, start: int
) -> Iterator[Rows]:
    """Yield rows of Parquet."""
    pa, pq = pyarrow_and_parquet()
    try:
        file = pq.ParquetFile(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"not Parquet: {error}", where=where) from None
    roles = roles_of(file.schema_arrow.names, mapping, where)
    names = [file.schema_arrow.names[column] for column in roles.values()]
    for role, name in zip(roles, names, strict=True):
        if file.schema_arrow.names.count(name) > 1:
            raise UsageError(f"several columns are called {name!r}", where=where)
        kind = file.schema_arrow.field(name).type
        if pa.types.is_nested(kind):
            raise UsageError(
                f"column {name!r} holds {kind}, not one value a row",
                where=where,
                hint=f"name another: --map {role}=COLUMN",
            )
    at = 0
    try:
        for batch in file.iter_batches(_PARQUET_ROWS, columns=names):
            at += batch.num_rows
            if at <= start:
                continue
            cells = {
                role: _arrow_texts(batch.column(name), pa)
                for role, name in zip(roles, names, strict=True)
            }
            yield Rows(np.arange(at - batch.num_rows + 1, at + 1), cells, [], at)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise DataError(f"cannot be read: {error}", where=f"{where}: after row {at}") from None


def _arrow_texts(array: Any, pa: Any) -> Texts:
    """Return a column of Arrow as texts; a null is an empty one."""
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    array = array.cast(pa.string()).fill_null("").cast(pa.large_binary())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset :][: len(array) + 1]
    buffer = array.buffers()[2]
    data = np.frombuffer(buffer, np.uint8) if buffer is not None and buffer.size else None
    return Texts.stripped(
        np.zeros(1, np.uint8) if data is None else data, offsets[:-1], offsets[1:]
    )


# --- times


def times_of(column: Texts) -> tuple[Int64, NDArray[np.bool_]]:
    """Return the times of a column: ISO 8601, or seconds or milliseconds since 1970.

    A fraction is cut off.

    Parameters
    ----------
    column : Texts
        Times; UTC where they name no zone.

    Returns
    -------
    times : ndarray of int64, shape (n,)
        UTC seconds; `NO_TIME` where there is none.
    wrong : ndarray of bool, shape (n,)
        Where a text is no time.

    Examples
    --------
    >>> times, wrong = times_of(Texts.of(["2024-01-31", "1706702400", "", "2024-01-31 12:00"]))
    >>> times[[0, 1, 3]].tolist(), wrong.any().tolist()
    ([1706659200, 1706702400, 1706702400], False)
    """
    times = np.empty(len(column), np.int64)
    _read_times(column.data, column.begins, column.ends, times)
    wrong = np.zeros(len(column), np.bool_)
    for row in np.flatnonzero(times == _UNREAD_TIME).tolist():
        text = column.text(row)
        whole, point, part = text.partition(".")
        if point and _DIGITS.fullmatch(whole) and (part.isascii() and (not part or part.isdigit())):
            # Seconds with a fraction, as tables of floating point numbers have them.
            times[row] = int(whole) // (1000 if len(whole) > _SECONDS_DIGITS else 1)
            continue
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            times[row] = int(moment.timestamp())
        except (ValueError, OverflowError):
            wrong[row], times[row] = True, NO_TIME
    return times, wrong


_UNREAD_TIME: Final = NO_TIME + 1
_SECONDS_DIGITS: Final = 11
_DIGITS: Final = re.compile(r"[0-9]{1,13}")
_TIME_LENGTHS: Final = (10, 19, 20)


@leaf
def _number(data: UInt8, begin: Any, end: Any) -> Any:
    """Return a decimal number, -1 where there is something else."""
    number = np.int64(0)
    for i in range(begin, end):
        digit = np.int64(data[i]) - 48
        if digit < 0 or digit > 9:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@kernel
def _read_times(data: UInt8, begins: Int64, ends: Int64, times: Int64) -> None:
    """Read the usual forms of a time; the others are left for Python."""
    for k in range(begins.size):
        begin, end = begins[k], ends[k]
        length = end - begin
        times[k] = NO_TIME if length == 0 else _UNREAD_TIME
        if 0 < length <= 13:
            number = _number(data, begin, end)
            if number >= 0:
                times[k] = number // 1000 if length > 11 else number
                continue
        if (
            length not in _TIME_LENGTHS
            or data[begin + 4] != ord("-")
            or data[begin + 7] != ord("-")
        ):
            continue
        year = _number(data, begin, begin + 4)
        month = _number(data, begin + 5, begin + 7)
        day = _number(data, begin + 8, begin + 10)
        seconds = np.int64(0)
        if length > 10:
            hour = _number(data, begin + 11, begin + 13)
            minute = _number(data, begin + 14, begin + 16)
            second = _number(data, begin + 17, begin + 19)
            if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
                continue
            if data[begin + 13] != ord(":") or data[begin + 16] != ord(":"):
                continue
            if data[begin + 10] != ord("T") and data[begin + 10] != ord(" "):
                continue
            if length == 20 and data[begin + 19] != ord("Z"):
                continue
            seconds = hour * 3600 + minute * 60 + second
        # Days beyond the 28th are for Python to judge only where a month may lack them.
        if year < 1 or not 1 <= month <= 12 or day < 1 or day > 28 + (month != 2) * 2:
            continue
        # Days from the civil calendar (H. Hinnant), March as the first month.
        y = year - (month <= 2)
        era = y // 400
        of_era = y - era * 400
        of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
        days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
        times[k] = days * 86400 + seconds


def form_of(path: Path | None, given: str | None) -> str:
    """Return the form of an input by what was said, else by its name; ``csv`` for a stream.

    Examples
    --------
    >>> form_of(Path("x.parquet"), None), form_of(None, None), form_of(None, "jsonl")
    ('parquet', 'csv', 'jsonl')
    """
    if given:
        return given
    suffix = path.suffix.lower() if path else ""
    return {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}.get(
        suffix, "csv"
    )
