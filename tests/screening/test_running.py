"""Whole inputs: forms, malformed rows, hostile cells, interruption."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.screening.made_up import evm, listed, p2pkh, screen

from clewline.errors import DataError, StorageError, UsageError
from clewline.screening import rows as rows_module
from clewline.screening.rows import read_rows, roles_of
from clewline.screening.running import Question, Screener, screen_file
from clewline.screening.watchlist import Watchlist

SITE = p2pkh("site")


@pytest.fixture
def watchlist(tmp_path: Path) -> Watchlist:
    return listed(tmp_path, SITE)


def test_a_line_has_the_keys_of_the_contract(watchlist: Watchlist) -> None:
    (line,), _counts, _faults = screen(watchlist, f"id,address,chain\nr1,{SITE},BTC\n")
    assert line == {
        "id": "r1",
        "address": SITE,
        "chain": "BTC",
        "result": "direct",
        "hits": [
            {
                "entity": "Site 1 (made up)",
                "category": "child_sexual_abuse",
                "direction": "self",
                "value": None,
                "share": 1.0,
                "hops": 0,
                "set": "hotline",
            }
        ],
        "list_version": watchlist.version,
        "tip": None,
    }
    assert list(line) == ["id", "address", "chain", "result", "hits", "list_version", "tip"]


def test_transfers_have_direction_and_value_and_huge_numbers_keep_their_digits(
    watchlist: Watchlist,
) -> None:
    huge = "1" + "0" * 40
    data = f"transfer_id,counterparty,side,amount\n1,{SITE},withdrawal,{huge}\n2,{SITE},IN,0.5\n"
    lines, _counts, _faults = screen(watchlist, data, explain=True)
    hits = [line["hits"][0] for line in lines]
    assert [(hit["direction"], hit["value"], hit["hops"]) for hit in hits] == [
        ("to", huge, 1),
        ("from", "0.5", 1),
    ]
    assert "Site 1 (made up) is said to control" in hits[0]["reason"]
    as_json = json.dumps({"id": 9, "address": SITE, "value": 1}).replace(": 1}", f": {huge}}}")
    (line,), _counts, _faults = screen(watchlist, as_json + "\n", form="jsonl")
    assert (line["id"], line["hits"][0]["value"]) == ("9", huge)


def test_malformed_rows_are_reported_by_line_and_the_rest_goes_on(watchlist: Watchlist) -> None:
    data = (
        b"id,address,time\r\n1,"
        + SITE.encode()
        + b',2024-01-01\r\n\n2,"open,x\n3,a\n4,,\n5,"a""b",\n'
        b"6,\xff\xfe,\n7,x,not a time\n8,a\0b,\n9," + SITE.encode() + b","
    )
    lines, counts, faults = screen(watchlist, data)
    assert [line["id"] for line in lines] == ["1", "5", "6", "7", "8", "9"]
    assert lines[0]["result"] == lines[-1]["result"] == "direct"
    said = {fault.line: fault.reason for fault in faults}
    assert said[4].startswith("not CSV")
    assert said[5] == "2 cells where the header has 3"
    assert said[6] == "no address"
    assert {7, 8, 9, 10} <= said.keys()
    assert counts.rows == 6


def test_json_lines_that_are_none_are_reported(watchlist: Watchlist) -> None:
    data = (
        f'{{"address":"{SITE}"}}\n[]\n{{"address":\n{{"address":["x"]}}\n\n{{"address":"{SITE}"}}'
    )
    lines, _counts, faults = screen(watchlist, data, form="jsonl")
    assert [line["id"] for line in lines] == ["1", "6"]
    assert [fault.line for fault in faults] == [2, 3, 4]


def test_the_first_line_may_be_malformed_too(watchlist: Watchlist) -> None:
    data = f'nope\n[1]\n{{"id":true,"address":"{SITE}"}}\n'
    lines, _counts, faults = screen(watchlist, data, form="jsonl")
    assert [(line["id"], line["result"]) for line in lines] == [("true", "direct")]
    assert [fault.line for fault in faults] == [1, 2]
    assert screen(watchlist, f"\n\nid,address\n1,{SITE}\n,\n")[2][0].line == 5
    for empty in ("", "\n\n"):
        with pytest.raises(DataError, match="not even a header"):
            screen(watchlist, empty)


def test_keys_that_the_first_object_lacks_are_found_in_others(tmp_path: Path) -> None:
    """Exports leave out what is null. A time that is not seen would meet every label."""
    watchlist = listed(tmp_path, f"{SITE},,2024-01-01")
    rows = (
        {"id": 1, "address": SITE},
        {"id": 2, "address": SITE, "timestamp": "2023-12-31", "amount": 7, "side": "out"},
        {"id": 3, "address": SITE, "timestamp": "2024-01-01", "amount": 7, "side": "out"},
        {"id": 4, "address": SITE, "user": {"name": "x"}},
    )
    data = "".join(json.dumps(row) + "\n" for row in rows)
    lines, _counts, faults = screen(watchlist, data, form="jsonl")
    hits = [[(hit["direction"], hit["value"]) for hit in line["hits"]] for line in lines]
    assert hits == [[("self", None)], [], [("to", "7")], [("self", None)]]
    assert not faults


def test_an_id_that_is_no_text_is_reported_and_not_changed(watchlist: Watchlist) -> None:
    data = b"name,id,address\nM\xfc,1," + SITE.encode() + b"\nx,M\xfc," + SITE.encode() + b"\n"
    lines, _counts, faults = screen(watchlist, data)
    assert [(line["id"], line["result"]) for line in lines] == [("1", "direct")]
    assert [(fault.line, fault.reason) for fault in faults] == [(3, "the id is not UTF-8")]


def test_seconds_may_have_a_fraction(tmp_path: Path) -> None:
    watchlist = listed(tmp_path, f"{SITE},,2024-01-01")
    times = ("1704067200.5", "1704067199.9", "1704067200000.0", "1704067200.", "1.5.2")
    data = "address,time\n" + "".join(f"{SITE},{time}\n" for time in times)
    lines, _counts, faults = screen(watchlist, data)
    found = [line["result"] for line in lines]
    assert found == ["direct", "clean", "direct", "direct", "direct"]
    assert [fault.line for fault in faults] == [6]


def test_duplicate_ids_are_rows_of_their_own(watchlist: Watchlist) -> None:
    lines, _counts, _faults = screen(watchlist, f"id,address\nx,{SITE}\nx,{evm('a')}\nx,{SITE}\n")
    assert [line["result"] for line in lines] == ["direct", "clean", "direct"]


def test_what_a_spreadsheet_would_obey_is_neutralised(watchlist: Watchlist) -> None:
    data = f'id,address\n=HYPERLINK(1),{SITE}\n@x,{evm("b")}\n"a,b",{evm("b")}\n'
    (text,), _counts, _faults = screen(watchlist, data, output="csv")
    cells = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in cells] == ["'=HYPERLINK(1)", "'@x", "a,b"]
    assert {len(row) for row in cells} == {13}


def test_text_comes_out_of_json_as_it_went_in(watchlist: Watchlist) -> None:
    odd = 'é\t\\"✓'
    line = json.dumps({"id": odd, "address": SITE})
    assert screen(watchlist, line, form="jsonl")[0][0]["id"] == odd


class _Pipe(io.RawIOBase):
    """Bytes that can be read once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def test_parquet_in_and_out(watchlist: Watchlist, tmp_path: Path) -> None:
    table = pa.table(
        {"id": [1, 2, None], "address": [SITE, evm("x"), None], "value": [2**62, 1, 0]}
    )
    source, out = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    pq.write_table(table, source)
    screener = Screener(watchlist, Question(form="parquet", output="parquet"))
    counts = screen_file(screener, source, out=out)
    found = pq.read_table(out).to_pylist()
    assert [row["result"] for row in found] == ["direct", "clean"]
    assert found[0]["hits"][0]["value"] == str(2**62)
    assert (counts.rows, counts.faults) == (2, 1)
    with source.open("rb") as file:
        pipe = io.BufferedReader(_Pipe(file.read()))
        assert [len(batch) for batch in read_rows(pipe, "parquet", {}, "-")] == [3]
    for wrong, columns in (("holds list", [SITE, [[1]]]), ("several", [SITE, [SITE]])):
        arrays = [pa.array([columns[0]]), pa.array(columns[1])]
        names = ["address", "id" if wrong == "holds list" else "address"]
        pq.write_table(pa.Table.from_arrays(arrays, names), source)
        with pytest.raises(UsageError, match=wrong):
            screen_file(screener, source, out=out)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(DataError):
        screen_file(screener, tmp_path / "no.parquet", out=out)


@pytest.mark.parametrize("output", ["jsonl", "csv"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    watchlist: Watchlist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    chance = random.Random(1)  # noqa: S311 - the same rows each time
    names = [SITE if chance.random() < 0.1 else p2pkh(str(k)) for k in range(500)]
    rows = "id,address\n" + "".join(f"{k},{name}\n" for k, name in enumerate(names)) + "bad\n"
    source, out, errors = tmp_path / "rows.csv", tmp_path / "out", tmp_path / "errors"
    source.write_text(rows)
    monkeypatch.setattr(rows_module, "CHUNK_BYTES", 2000)
    screener = Screener(watchlist, Question(output=output))
    whole, bad = tmp_path / "whole", tmp_path / "bad"
    expected = screen_file(screener, source, out=whole, errors=bad)
    assert not (tmp_path / "whole.state").exists()

    class CutError(Exception):
        pass

    def cut(counts: Any, _faults: Any) -> None:
        if counts.rows > 200:
            raise CutError

    with pytest.raises(CutError):
        screen_file(screener, source, out=out, errors=errors, done=cut)
    assert 0 < out.stat().st_size < whole.stat().st_size
    with out.open("ab") as file:
        file.write(b"half a li")  # written after the state was
    counts = screen_file(screener, source, out=out, errors=errors, resume=True)
    assert out.read_bytes() == whole.read_bytes()
    assert errors.read_bytes() == bad.read_bytes() != b""
    assert counts == expected


def test_a_run_goes_on_only_as_what_it_was(watchlist: Watchlist, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "out"
    source.write_text(f"address\n{SITE}\n")
    (tmp_path / "out.state").write_text('{"list": "another", "counts": {}}')
    with pytest.raises(UsageError, match="list"):
        screen_file(Screener(watchlist, Question()), source, out=out, resume=True)
    (tmp_path / "out.state").write_text("{")
    with pytest.raises(StorageError, match="no state of a run"):
        screen_file(Screener(watchlist, Question()), source, out=out, resume=True)
    with pytest.raises(UsageError, match="--resume"):
        screen_file(Screener(watchlist, Question()), source, resume=True)


def test_columns_are_named_or_found(tmp_path: Path) -> None:
    assert roles_of(["Wallet", "X"], {"customer": "x"}, "f") == {"address": 0, "customer": 1}
    for header, mapping, problem in (
        (["a"], {}, "no column of addresses"),
        (["address"], {"adress": "address"}, "no role"),
        (["address"], {"id": "nr"}, "no column 'nr'"),
    ):
        with pytest.raises(UsageError, match=problem):
            roles_of(header, mapping, "f")


def test_batches_do_not_change_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"id,address\n" + b"".join(b"%d,%s\n" % (k, SITE.encode()) for k in range(300))
    whole = [rows.line.tolist() for rows in read_rows(io.BytesIO(data), "csv", {}, "f")]
    monkeypatch.setattr(rows_module, "CHUNK_BYTES", 100)
    parts = [rows.line.tolist() for rows in read_rows(io.BytesIO(data), "csv", {}, "f")]
    assert len(parts) > 50
    assert [line for part in parts for line in part] == whole[0]
