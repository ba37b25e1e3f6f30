"""Exchange rates that the operator supplies: what an amount was worth when it moved.

Clewline fetches no rates. A table in CSV names them, and each fiat figure shows the file, its
SHA-256 and the time of the rate. A rate holds from its time on, for a stated window: where the
nearest earlier one is older, there is no figure, and the reason is given. Nothing is interpolated.
"""

from __future__ import annotations

import csv
import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import RatesFileError, UsageError
from clewline.reports.case import SATOSHI_PER_BTC, utc

BITCOIN: Final = "BTC"
DAY_SECONDS: Final = 86_400
_COLUMNS: Final = ("time or date", "pair", "rate")
_CENT: Final = Decimal("0.01")
_TOO_DEAR: Final = 10**12


@dataclass(frozen=True)
class Rates:
    """Rates of one currency, ascending by time.

    Attributes
    ----------
    file, sha256 : str
        Name of the file and SHA-256 of its bytes (hex).
    currency : str
        What a bitcoin is priced in, for example ``USD``.
    window : int
        Seconds for which a rate holds.
    times : tuple of int
        UTC seconds, strictly ascending.
    rates : tuple of Decimal
        Price of one bitcoin from that time on.
    """

    file: str
    sha256: str
    currency: str
    window: int
    times: tuple[int, ...]
    rates: tuple[Decimal, ...]

    @classmethod
    def read(cls, path: Path, currency: str | None = None, window: int = DAY_SECONDS) -> Rates:
        """Read a table of rates.

        Parameters
        ----------
        path : Path
            CSV, UTF-8. The header names ``time`` (ISO 8601, UTC if it names no zone, or UTC
            seconds) or ``date`` (from its first second on), ``pair`` (``BTC/USD``), ``rate`` (price
            of one bitcoin), and may name ``source``, which is for the reader. Any order of rows.
        currency : str, optional
            Which of the file's currencies; not needed where it has one.
        window : int
            Seconds for which a rate holds, 1 or more.

        Returns
        -------
        Rates
            The rows of ``BTC/currency``; rows of other pairs are left aside.

        Raises
        ------
        UsageError
            If the file has several currencies and none is named, or not the one that is, or the
            window is empty.
        RatesFileError
            If the file cannot be read, is no such table, or gives two rates for one time.
        """
        if window < 1:
            raise UsageError(f"a rate holds for 1 second or more, not {window}", where="rates")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RatesFileError(f"cannot be read: {error.strerror}", where=str(path)) from error
        found: dict[str, dict[int, Decimal]] = {}
        for line, time, priced_in, rate in _rows(data, path.name):
            if found.setdefault(priced_in, {}).setdefault(time, rate) != rate:
                raise RatesFileError(
                    f"a second, other rate of BTC/{priced_in} for {utc(time)}",
                    where=f"{path.name}:{line}",
                )
        chosen = _chosen(found, currency, path.name)
        ordered = sorted(found[chosen].items())
        return cls(
            file=path.name,
            sha256=hashlib.sha256(data).hexdigest(),
            currency=chosen,
            window=window,
            times=tuple(time for time, _ in ordered),
            rates=tuple(rate for _, rate in ordered),
        )

    @property
    def source(self) -> dict[str, Any]:
        """What an answer says about where its fiat figures come from."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "pair": f"{BITCOIN}/{self.currency}",
            "rule": f"the nearest earlier rate, at most {self.window:,} seconds old",
        }

    def fiat(self, value: int, time: int) -> dict[str, str | None]:
        """Return what an amount was worth at a time.

        Parameters
        ----------
        value : int
            Satoshi.
        time : int
            UTC seconds.

        Returns
        -------
        dict
            ``fiat`` (two decimals, half to even), ``currency``, ``rate``, ``rate_time``; or none of
            them and, in ``no_fiat``, why.
        """
        at = bisect_right(self.times, time) - 1
        if at < 0 or time - self.times[at] > self.window:
            newest = "there is none earlier" if at < 0 else f"the last is of {utc(self.times[at])}"
            return _no_fiat(f"no rate in the {self.window:,} seconds before; {newest}")
        worth = (value * self.rates[at] / SATOSHI_PER_BTC).quantize(_CENT, ROUND_HALF_EVEN)
        return {
            "fiat": str(worth),
            "currency": self.currency,
            "rate": str(self.rates[at]),
            "rate_time": utc(self.times[at]),
            "no_fiat": None,
        }

    def prices(self, values: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what amounts were worth, in units of the currency; NaN where no rate holds.

        For comparing prices with each other; a figure to show is `fiat`'s.
        """
        known = np.array(self.times, np.int64)
        at = np.searchsorted(known, times, side="right") - 1
        holds = (at >= 0) & (times - known[at] <= self.window)
        rate = np.array([float(rate) for rate in self.rates])[at]
        return np.where(holds, values * rate / SATOSHI_PER_BTC, np.nan)


def fiat_of(rates: Rates | None, value: int, time: int) -> dict[str, str | None]:
    """Return what an amount was worth at a time, or that no rates were given."""
    return _no_fiat("no file of rates was given") if rates is None else rates.fiat(value, time)


def _no_fiat(reason: str) -> dict[str, str | None]:
    """Return the columns of a fiat figure that there is not."""
    return dict.fromkeys(("fiat", "currency", "rate", "rate_time")) | {"no_fiat": reason}


def _chosen(found: dict[str, dict[int, Decimal]], currency: str | None, file: str) -> str:
    """Return the currency to use."""
    allowed = ", ".join(sorted(found)) or "none"
    if currency is not None:
        wanted = currency.upper()
        if wanted not in found:
            raise UsageError(f"no rate of BTC/{wanted}; the file prices in: {allowed}", where=file)
        return wanted
    if not found:
        raise RatesFileError("no rate of a pair BTC/…", where=file)
    if len(found) > 1:
        raise UsageError(f"several currencies: {allowed}", where=file, hint="name one of them")
    return next(iter(found))


def _rows(data: bytes, file: str) -> Iterator[tuple[int, int, str, Decimal]]:
    """Yield line, time, currency and rate of each row that prices bitcoin."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RatesFileError("not UTF-8", where=file, hint="save as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    try:
        for cells in reader:
            place = f"{file}:{reader.line_num}"
            if not columns:
                columns = _columns(cells, place)
            elif cells:
                if len(cells) != len(columns):
                    raise RatesFileError(
                        f"{len(cells)} cells where the header has {len(columns)}", where=place
                    )
                row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
                base, _, priced_in = row["pair"].upper().partition("/")
                if not base or not priced_in.isalnum():
                    raise RatesFileError(f"{row['pair']!r} is no pair like BTC/USD", where=place)
                time = _time(row, place)
                rate = _rate(row["rate"], place)
                if base == BITCOIN:
                    yield reader.line_num, time, priced_in, rate
    except csv.Error as error:
        raise RatesFileError(f"not CSV: {error}", where=f"{file}:{reader.line_num}") from None
    if not columns:
        raise RatesFileError("is empty", where=file, hint=f"columns: {', '.join(_COLUMNS)}")


def _columns(header: list[str], place: str) -> list[str]:
    """Check the header and return its column names."""
    columns = [name.strip().lower() for name in header]
    moments = [name for name in columns if name in ("time", "date")]
    others = sorted(name for name in columns if name not in ("time", "date", "source"))
    if len(moments) != 1 or others != ["pair", "rate"] or columns.count("source") > 1:
        raise RatesFileError(
            f"columns are {', '.join(columns)}",
            where=place,
            hint=f"needed: {', '.join(_COLUMNS)}; optional: source",
        )
    return columns


def _time(row: dict[str, str], place: str) -> int:
    """Return UTC seconds of a row."""
    name = "time" if "time" in row else "date"
    cell = row[name]
    if name == "time" and cell.isdecimal() and len(cell) == len("1706702400"):
        return int(cell)
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise RatesFileError(f"{cell!r} is no {name} in ISO 8601", where=place) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _rate(cell: str, place: str) -> Decimal:
    """Return a price above zero."""
    try:
        rate = Decimal(cell)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or not 0 < rate < _TOO_DEAR:
        raise RatesFileError(f"{cell!r} is no price above zero", where=place)
    return rate
