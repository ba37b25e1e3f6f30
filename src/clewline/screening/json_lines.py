"""Lines of JSON objects split into cells by a kernel, as long as they are plain.

Plain is a line that is one object, valid by RFC 8259, of texts without escapes, of numbers, and of
nulls. A number is the text that stands there, so that it keeps all its digits. Whatever else a line
holds is left to Python, which reads it or says what is wrong with it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from clewline.jit import leaf
from clewline.screening.texts import Int64, UInt8

_QUOTE: Final = ord('"')
_ESCAPE: Final = ord("\\")
_NULL: Final = np.frombuffer(b"null", np.uint8)


@leaf
def _blank(data: UInt8, at: Any, end: Any) -> Any:
    """Return where white space of JSON ends."""
    while at < end and (data[at] == 32 or data[at] == 9 or data[at] == 13):
        at += 1
    return at


@leaf
def _text(data: UInt8, at: Any, end: Any, wide: Any) -> Any:
    """Return where the quote after a text is, -1 where the text is not plain."""
    while at < end:
        letter = data[at]
        if letter == _QUOTE:
            return at
        if letter == _ESCAPE or letter < 32 or (letter > 127 and not wide):
            return np.int64(-1)
        at += 1
    return np.int64(-1)


@leaf
def _digits(data: UInt8, at: Any, end: Any) -> Any:
    """Return where digits end, -1 where there is none."""
    begin = at
    while at < end and 48 <= data[at] <= 57:
        at += 1
    return at if at > begin else np.int64(-1)


@leaf
def _number(data: UInt8, at: Any, end: Any) -> Any:
    """Return where a number ends, -1 where it is none (RFC 8259, section 6)."""
    if data[at] == ord("-"):
        at += 1
    zero = at < end and data[at] == ord("0")
    begin = at
    at = _digits(data, at, end)
    if at < 0 or (zero and at > begin + 1):
        return np.int64(-1)
    if at < end and data[at] == ord("."):
        at = _digits(data, at + 1, end)
        if at < 0:
            return np.int64(-1)
    if at < end and (data[at] == ord("e") or data[at] == ord("E")):
        at += 1
        if at < end and (data[at] == ord("+") or data[at] == ord("-")):
            at += 1
        at = _digits(data, at, end)
    return at


@leaf
def _slot(data: UInt8, begin: Any, end: Any, names: UInt8, bounds: Int64) -> Any:
    """Return which of the names a key is, -1 for none."""
    for slot in range(bounds.size - 1):
        if bounds[slot + 1] - bounds[slot] != end - begin:
            continue
        same = True
        for i in range(end - begin):
            same &= data[begin + i] == names[bounds[slot] + i]
        if same:
            return np.int64(slot)
    return np.int64(-1)


@leaf
def _value(data: UInt8, at: Any, end: Any, wide: Any) -> Any:
    """Return where a value ends, its quotes included; -1 where it is not plain."""
    if at >= end:
        return np.int64(-1)
    if data[at] == _QUOTE:
        last = _text(data, at + 1, end, wide)
        return last + 1 if last >= 0 else last
    if data[at] == ord("n"):
        if at + 4 > end:
            return np.int64(-1)
        for i in range(4):
            if data[at + i] != _NULL[i]:
                return np.int64(-1)
        return at + 4
    return _number(data, at, end)


@leaf
def _object(
    data: UInt8,
    at: Any,
    end: Any,
    names: UInt8,
    bounds: Int64,
    wide: Any,
    row: Any,
    begins: Int64,
    ends: Int64,
) -> bool:
    """Split one line; return whether it is plain."""
    at = _blank(data, at, end)
    if at >= end or data[at] != ord("{"):
        return False
    at = _blank(data, at + 1, end)
    more = at < end and data[at] != ord("}")
    while more:
        if data[at] != _QUOTE:
            return False
        key = at + 1
        key_end = _text(data, key, end, wide)
        if key_end < 0:
            return False
        at = _blank(data, key_end + 1, end)
        if at >= end or data[at] != ord(":"):
            return False
        at = _blank(data, at + 1, end)
        begin = at
        at = _value(data, at, end, wide)
        if at < 0:
            return False
        slot = _slot(data, key, key_end, names, bounds)
        if slot >= 0:
            # Of a key that stands twice the last counts, as in Python.
            quoted = np.int64(data[begin] == _QUOTE)
            null = data[begin] == ord("n")
            begins[slot, row] = begin + quoted
            ends[slot, row] = begin if null else at - quoted
        at = _blank(data, at, end)
        more = at < end and data[at] == ord(",")
        if more:
            at = _blank(data, at + 1, end)
            if at >= end:
                return False
    if at >= end or data[at] != ord("}"):
        return False
    return bool(_blank(data, at + 1, end) == end)


@leaf
def split_objects(
    data: UInt8,
    names: UInt8,
    bounds: Int64,
    wide: Any,
    begins: Int64,
    ends: Int64,
    line: Int64,
    hard: UInt8,
    span: Int64,
) -> int:
    """Split lines into cells; return how many rows there are. Blank lines are none.

    Parameters
    ----------
    data : ndarray of uint8
        Whole lines.
    names, bounds : ndarray
        Keys that are looked for, end to end, and where each begins and the last ends.
    wide : bool
        Whether `data` is valid UTF-8; without that a line of other letters than ASCII is not plain.
    begins, ends : ndarray of int64, shape (names, rows)
        Zeros; receive where each cell is, empty where a row lacks it.
    line : ndarray of int64, shape (rows,)
        Receives the line of each row, from 0.
    hard : ndarray of uint8, shape (rows,)
        Zeros; receives 1 where a line is not plain.
    span : ndarray of int64, shape (rows, 2)
        Receives where each line begins and ends.
    """
    row, number, at = 0, 0, 0
    while at < data.size:
        first = at
        empty = True
        while at < data.size and data[at] != 10:
            # White space as Python strips it of bytes.
            empty &= data[at] == 32 or 9 <= data[at] <= 13
            at += 1
        if not empty:
            plain = _object(data, first, at, names, bounds, wide, row, begins, ends)
            hard[row] = 0 if plain else 1
            line[row] = number
            span[row, 0], span[row, 1] = first, at
            row += 1
        at += 1
        number += 1
    return row
