"""An index of past transfers, so that a new list judges them again without reading them again.

A directory of *segments*, one a batch of rows. A segment holds the keys of its addresses, sorted,
which row each is of, and the rows as text. Judging again looks up the keys of the list's spellings,
reads the few rows that have one, and matches them as any others: what was said before and is not
now, or the other way round, is an alert. With a chain store the keys of all addresses that the
list's clusters and money reach are looked up as well.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StorageError, StoreDamagedError, UsageError
from clewline.jit import leaf
from clewline.screening.chains import ChainReader
from clewline.screening.rows import ROLES, Fault, Rows, read_rows
from clewline.screening.running import Hit, Question, Screener
from clewline.screening.texts import Int64, Texts, UInt8, keys_of

_MANIFEST: Final = "index.json"
_JUDGED: Final = "judged.jsonl"
_FORMAT: Final = 1
_KEPT: Final = tuple(role for role in ROLES if role != "asset")
_TAB: Final = 9
_ARRAYS: Final = ("keys", "rows", "starts")


@dataclass(frozen=True)
class Added:
    """What adding a file did."""

    rows: int
    faults: int
    known: bool


class TransferIndex:
    """An index in a directory.

    Parameters
    ----------
    path : Path
        Made with the first file.

    Raises
    ------
    StoreDamagedError
        If the directory holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest: dict[str, Any] = {"format": _FORMAT, "files": [], "segments": []}
        try:
            self._manifest = json.loads((path / _MANIFEST).read_bytes())
            if self._manifest["format"] != _FORMAT:
                raise ValueError("another format")
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreDamagedError(f"no index of transfers: {error}", where=str(path)) from None

    @property
    def rows(self) -> int:
        """Transfers that it holds."""
        return sum(int(one["rows"]) for one in self._manifest["segments"])

    def add(
        self,
        file: Path,
        question: Question,
        done: Callable[[int, list[Fault]], None] = lambda end, faults: None,
    ) -> Added:
        """Add the transfers of a file: all of them, or none.

        Parameters
        ----------
        file : Path
            CSV, JSON lines or Parquet.
        question : Question
            Its form and columns.
        done : callable
            Told after each batch where the input goes on, and which lines are none.

        Returns
        -------
        Added
            `known` where this very file is in the index already; then nothing is added.

        Raises
        ------
        UsageError, DataError, StorageError, UnavailableError
        """
        try:
            with file.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error
        if digest in {one["sha256"] for one in self._manifest["files"]}:
            return Added(0, 0, known=True)
        reader = ChainReader()
        segments: list[dict[str, Any]] = []
        rows = faults = 0
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source:
                for batch in read_rows(source, question.form, question.mapping, str(file)):
                    name = f"{digest[:12]}.{len(segments)}"
                    self._write(self.path / name, batch, reader)
                    segments.append({"name": name, "rows": len(batch)})
                    rows, faults = rows + len(batch), faults + len(batch.faults)
                    done(batch.end, batch.faults)
            self._manifest["files"].append({"name": file.name, "sha256": digest, "rows": rows})
            self._manifest["segments"] += segments
            _replace(self.path / _MANIFEST, json.dumps(self._manifest, indent=1) + "\n")
        except OSError as error:
            raise StorageError(
                f"cannot be written: {error.strerror}", where=str(self.path)
            ) from error
        return Added(rows, faults, known=False)

    def _write(self, path: Path, rows: Rows, reader: ChainReader) -> None:
        """Write a segment."""
        number = np.arange(len(rows), dtype=np.int64)
        keys, places = [], []
        for role in ("address", "own"):
            if role in rows.cells:
                texts = rows.cells[role]
                key = keys_of(texts.data, texts.begins, texts.ends)
                # As in matching: what carries a tag is looked up without it.
                for row, word in reader.read(texts).canonical.items():
                    plain = Texts.of([word])
                    key[row] = keys_of(plain.data, plain.begins, plain.ends)[0]
                keys.append(key)
                places.append(number)
        every, place = np.concatenate(keys), np.concatenate(places)
        order = np.argsort(every, kind="stable")
        line = Texts.of([str(one) for one in rows.line.tolist()])
        columns = [rows.cells.get(role) for role in _KEPT]
        data, starts = _joined([line, *columns])
        arrays = {"keys": every[order], "rows": place[order], "starts": starts}
        for name in _ARRAYS:
            np.save(f"{path}.{name}.npy", arrays[name])
        Path(f"{path}.text").write_bytes(data)

    def matching(self, keys: NDArray[np.uint64]) -> Iterator[tuple[str, Rows]]:
        """Yield the rows of each segment that have one of some keys.

        Parameters
        ----------
        keys : ndarray of uint64
            Ascending.

        Yields
        ------
        name : str
            Of the segment.
        rows : Rows
            Candidates: bytes are not compared yet.

        Raises
        ------
        StoreDamagedError
            If a file of the index is missing or cut off.
        """
        for segment in self._manifest["segments"]:
            path = self.path / segment["name"]
            try:
                own = np.load(f"{path}.keys.npy", mmap_mode="r")
                low = np.searchsorted(own, keys, "left")
                count = np.searchsorted(own, keys, "right") - low
                if not count.any():
                    continue
                ends = np.cumsum(count)
                within = np.arange(ends[-1]) - np.repeat(ends - count, count)
                at = np.repeat(low, count) + within
                place = np.unique(np.load(f"{path}.rows.npy", mmap_mode="r")[at])
                starts = np.load(f"{path}.starts.npy", mmap_mode="r")
                with Path(f"{path}.text").open("rb") as file:
                    lines = [_line(file, starts, int(one)) for one in place.tolist()]
            except (OSError, ValueError) as error:
                raise StoreDamagedError(f"cannot be read: {error}", where=str(path)) from None
            yield segment["name"], _rows(lines)

    def judged(self) -> dict[str, dict[str, Any]]:
        """Return what was said of transfers the last time, by what names it."""
        try:
            text = (self.path / _JUDGED).read_text("utf-8")
        except FileNotFoundError:
            return {}
        try:
            return {one["hit"]: one for one in map(json.loads, text.splitlines())}
        except (ValueError, KeyError, TypeError):
            raise StoreDamagedError("cannot be read", where=str(self.path / _JUDGED)) from None

    def keep(self, judged: dict[str, dict[str, Any]]) -> None:
        """Replace what was said by what is said now."""
        text = "".join(
            json.dumps(judged[key], ensure_ascii=False, sort_keys=True) + "\n"
            for key in sorted(judged)
        )
        _replace(self.path / _JUDGED, text)


def rescreen(
    index: TransferIndex, screener: Screener
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Judge all transfers of an index again, and say what differs from the last time.

    Parameters
    ----------
    index : TransferIndex
        Past transfers.
    screener : Screener
        The list as it is now, look-back and slack; with a store also its clusters and money.

    Returns
    -------
    alerts : list of dict
        ``alert`` is new, changed or withdrawn; the transfer, the label, and the list's version. In
        the order of transfers.
    judged : dict of str to dict
        What is said now, for `TransferIndex.keep` once the alerts are safe. What a store said that
        is not asked now stays as it was.

    Notes
    -----
    Cost: a search in each segment and the rows that are found; transfers are not read again. With a
    store, `StoreExposure.reached`. Memory for all that is said.
    """
    watchlist = screener.watchlist
    now: dict[str, dict[str, Any]] = {}
    for keys in (watchlist.keys, *(keys for store in screener.stores for keys in store.reached())):
        for segment, rows in index.matching(keys):
            now |= _judged(screener, segment, rows)
    before = index.judged()
    asked = {None, *(store.chain for store in screener.stores if store.whole)}
    now |= {key: one for key, one in before.items() if one.get("over") not in asked}
    alerts = []
    for key in sorted({*now, *before}):
        old, new = before.get(key), now.get(key)
        what = "new" if old is None else "withdrawn" if new is None else "changed"
        if old is not None and new is not None and old["label"] == new["label"]:
            continue
        alerts.append({"alert": what, **(new or old or {}), "list_version": watchlist.version})
    return alerts, now


def _judged(screener: Screener, segment: str, rows: Rows) -> dict[str, dict[str, Any]]:
    """Return what is said of some rows of a segment now."""
    now: dict[str, dict[str, Any]] = {}
    # The customer's own address is looked up alone: its money is that of the transfers.
    for side, screen in (("address", screener.screen), ("own", screener.direct_only)):
        if side not in rows.cells:
            continue
        turned = Rows(rows.line, {**rows.cells, "address": rows.cells[side]}, [], 0)
        texts = turned.cells["address"]
        screened, _faults = screen(turned.without(texts.begins == texts.ends))
        for row, hits in screened.hits.items():
            for hit in hits:
                said = _said(screened.rows, row, side, segment, screened.id_of(row), hit)
                known = now.get(said["hit"])
                if known is not None:
                    # Several labels of an entity are said as the strongest; none goes unnoticed.
                    known["label"] = _digest(known["label"], said["label"])
                else:
                    now[said["hit"]] = said
    return now


def _said(rows: Rows, row: int, side: str, segment: str, id_: str, hit: Hit) -> dict[str, Any]:
    """Return what is said of a transfer, with what names it."""
    line = int(rows.line[row])
    about: tuple[str, ...]
    if "nearest" in hit:
        # Money of a category in a direction is said once; which label is nearest is what changes.
        entry = hit["nearest"]
        about = (segment, str(line), side, hit["over"], hit["category"], hit["direction"])
    else:
        (entry,) = hit["entries"]
        label = (entry.chain, entry.address, entry.claim.entity, entry.label_set)
        about = (segment, str(line), side, *label)
    return {
        "hit": _digest(*about),
        "label": _digest("\t".join(entry.key)),
        "id": id_,
        "customer": rows.cells["customer"].text(row) if "customer" in rows.cells else None,
        "side": side,
        "address": rows.cells["address"].text(row),
        "time": rows.cells["time"].text(row) if "time" in rows.cells else None,
        "entity": hit["entity"],
        "category": hit["category"],
        "direction": hit["direction"],
        "value": hit["value"],
        "share": hit["share"],
        "hops": hit["hops"],
        "over": hit.get("over"),
        "set": hit["set"],
        "type": hit["type"],
    }


def _digest(*parts: str) -> str:
    """Return a name that follows from some texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _replace(path: Path, text: str) -> None:
    """Replace a file by one that is on disk."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _joined(columns: list[Texts | None]) -> tuple[bytes, Int64]:
    """Return rows as cells between tabs, and where each begins."""
    count = len(columns[0] or ())
    present = [one for one in columns if one is not None]
    sizes = np.zeros(count, np.int64)
    for one in present:
        sizes += one.ends - one.begins
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(sizes + len(columns), out=starts[1:])
    out = np.full(int(starts[-1]), _TAB, np.uint8)
    at = starts[:-1].copy()
    for column in columns:
        if column is not None:
            _append(out, at, column.data, column.begins, column.ends)
        at += 1
    return out.tobytes(), starts


@leaf
def _append(out: UInt8, at: Int64, data: UInt8, begins: Int64, ends: Int64) -> None:
    """Copy a cell to each row; what would break a row becomes a space."""
    for k in range(begins.size):
        for i in range(begins[k], ends[k]):
            out[at[k]] = data[i] if data[i] >= 32 else 32
            at[k] += 1


def _line(file: Any, starts: NDArray[np.int64], row: int) -> list[str]:
    """Read one row of a segment."""
    file.seek(int(starts[row]))
    text = file.read(int(starts[row + 1] - starts[row])).decode("utf8", "replace")
    cells: list[str] = text.split("\t")
    if len(cells) != len(_KEPT) + 2:
        raise ValueError("a row is cut off")
    return cells


def _rows(lines: list[list[str]]) -> Rows:
    """Return rows of a segment as columns; roles that all of them lack are left out."""
    cells = {
        role: Texts.of([line[place] for line in lines])
        for place, role in enumerate(_KEPT, start=1)
        if any(line[place] for line in lines) or role == "address"
    }
    return Rows(np.array([int(line[0]) for line in lines], np.int64), cells, [], 0)
