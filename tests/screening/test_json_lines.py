"""JSON lines split by a kernel say what Python's reader says, line by line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clewline.errors import UsageError
from clewline.screening.rows import Fault, read_rows, roles_of

ROLES = ("id", "address", "value")
HEAD = b'{"id": "first", "address": "a", "value": 1}\n'

cell = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=1),
)
item = st.dictionaries(st.sampled_from([*ROLES, "other", "é", "Id"]), cell, max_size=5)
good = st.builds(
    lambda row, ascii_only, gap: json.dumps(
        row, ensure_ascii=ascii_only, separators=("," + gap, ":" + gap)
    ).encode("utf8", "surrogatepass"),
    item,
    st.booleans(),
    st.sampled_from(["", " ", "\t", "\r"]),
)
pieces = st.sampled_from(
    [
        *(b"{", b"}", b'"', b'"id"', b'"address"', b":", b",", b" ", b"\r", b"\0", b"\x0b"),
        *(b"0", b"01", b"-", b"-0", b"1.", b"1.5e+3", b"9" * 40, b"null", b"nul", b"true", b"NaN"),
        *(b"\\n", b"\\ud800", b"\xff", "é".encode(), b"[]", b"\xef\xbb\xbf", b"Infinity"),
    ]
)
line = st.one_of(good, st.lists(pieces, max_size=9).map(b"".join))


def python_reads(raw: bytes) -> list[str] | str:
    """The cells of a line without white space around them, or what it is not."""
    try:
        row = json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(row, dict):
        return "no JSON object"
    cells = [row.get(name) for name in ROLES]
    if any(isinstance(one, dict | list) for one in cells):
        return "a cell holds"
    words = {None: "", True: "true", False: "false"}
    texts = [words[one] if one in words else str(one) for one in cells]
    try:
        return [text.encode().strip(bytes(range(33))).decode() for text in texts]
    except UnicodeEncodeError:
        return "half of a surrogate"


def kernel_reads(data: bytes) -> tuple[dict[int, list[str]], list[Fault]]:
    rows, faults = {}, []
    for batch in read_rows(io.BytesIO(HEAD + data), "jsonl", {}, "f", chunk=64):
        for row, number in enumerate(batch.line.tolist()):
            cells = [batch.cells.get(role) for role in ROLES]
            rows[number] = ["" if cell is None else cell.text(row) for cell in cells]
        faults += batch.faults
    return rows, faults


@given(st.lists(line, max_size=6))
@example(
    [b'{"id":1,"id":"x"}', b'{"address":"a","address":null}', b'{"value":1' + b"0" * 90 + b"}"]
)
@example([b'{"id":"\\ud800"}', b'{"id":"a\x01"}', b'{"id":01}', b'{"id":1}x', b'{"id":1,}', b"{}"])
def test_every_line_is_read_as_python_reads_it(lines: list[bytes]) -> None:
    rows, faults = kernel_reads(b"\n".join(lines))
    said = {fault.line: fault.reason for fault in faults}
    expected: dict[int, Any] = {1: ["first", "a", "1"]}
    expected |= {k: python_reads(raw) for k, raw in enumerate(lines, 2) if raw.strip()}
    assert rows.keys() | said.keys() == expected.keys()
    for number, wanted in expected.items():
        if isinstance(wanted, str):
            assert said[number].startswith(wanted)
        else:
            assert rows[number] == wanted


def test_a_column_has_one_role() -> None:
    with pytest.raises(UsageError, match="two roles"):
        roles_of(["a"], {"id": "a", "address": "a"}, "f")
