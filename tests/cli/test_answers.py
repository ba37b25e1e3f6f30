"""Answers in every format: data and nothing else on standard output."""

from __future__ import annotations

import csv
import io
import json
import lzma
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import PROGRAM, answer, clewline, files, program
from tests.cli.conftest import MadeUp

from clewline.cli.options import Format
from clewline.cli.output import emit, emit_rows
from clewline.evaluation import truth_sets

ANSWERS = (
    "chain info",
    "chain export",
    "tx show",
    "address show",
    "cluster show",
    "cluster explain",
    "cluster largest",
    "label list",
    "trace forward",
    "trace backward",
    "trace compare",
    "case payers",
    "case cashouts",
    "case leads",
)
KEYS = {
    "chain info": "network height tip blocks transactions inputs outputs addresses unspent_outputs"
    " unspent_value digest",
    "chain export": "txid height time fee coinjoin inputs outputs",
    "tx show": "txid height time fee coinjoin inputs outputs",
    "address show": "address received sent balance transactions first_seen last_seen cluster"
    " cluster_size labels label_sets",
    "cluster show": "cluster size addresses",
    "cluster explain": "links",
    "cluster largest": "cluster size",
    "label list": "labels label_sets",
    "trace forward": "method tip total services unspent mined coinjoin capped fees law limits"
    " label_sets",
    "trace backward": "method tip total services unspent mined coinjoin capped fees law limits"
    " label_sets",
    "trace compare": "direction tip services rests rules limits label_sets",
    "case payers": "method tip received services mined coinjoin capped own law payers payments"
    " limits rates label_sets",
    "case cashouts": "method tip received services unspent coinjoin capped fees own law"
    " services_reached cashouts limits rates label_sets",
    "case leads": "tip looked_at leads signs label_sets",
}
"""Names that other programs rely on."""

SHEETS = {
    "cluster explain": "links",
    "label list": "labels",
    "trace forward": "services",
    "trace backward": "services",
    "trace compare": "services",
    "case payers": "payments",
    "case cashouts": "cashouts",
    "case leads": "leads",
}
"""Which list of an answer a spreadsheet gets, one row an entry."""


@pytest.fixture(scope="module")
def commands(case: MadeUp) -> dict[str, list[str]]:
    """Each answering command with something to answer, without store and format."""
    cashout = case.truth["cashouts"][0]
    exchange = next(e for e in case.truth["entities"] if e["kind"] == "exchange")
    purchase = case.truth["purchases"][0]
    more = {
        "chain export": ["--table", "transactions"],
        "tx show": [cashout["txid"], purchase["txid"]],
        "address show": [exchange["hot"][0]],
        "cluster show": [purchase["address"]],
        "cluster explain": [purchase["address"], case.truth["purchases"][1]["address"]],
        "cluster largest": ["--count", "3"],
        "label list": [exchange["hot"][0]],
        "trace forward": [purchase["address"]],
        "trace backward": [f"{cashout['txid']}:{cashout['vout']}"],
        "trace compare": ["forward", purchase["address"]],
        "case payers": [purchase["address"], "--cluster"],
        "case cashouts": [purchase["address"], "--rates", str(case.rates)],
        "case leads": [purchase["address"], "--cluster"],
    }
    return {name: [*name.split(), *more.get(name, [])] for name in ANSWERS}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_format_holds_the_same(
    case: MadeUp, commands: dict[str, list[str]], name: str
) -> None:
    command = [*commands[name], "--store", str(case.store), "--format"]
    whole = json.loads(answer(*command, "json"))
    rows: list[dict[str, Any]] = whole if isinstance(whole, list) else [whole]
    assert rows
    for row in rows:
        assert set(KEYS[name].split()) <= row.keys()
    assert [json.loads(line) for line in answer(*command, "jsonl").splitlines()] == rows
    shown = answer(*command, "table")
    for key in rows[0]:
        assert key.replace("_", " ") in shown
    assert "\x1b" not in shown
    if name in SHEETS:
        rows = rows[0][SHEETS[name]]
    table = list(csv.reader(io.StringIO(answer(*command, "csv"))))
    assert table if rows else not table
    if not rows:
        return
    assert table[0] == list(rows[0])
    assert len(table) == len(rows) + 1
    for cells, row in zip(table[1:], rows, strict=True):
        for cell, value in zip(cells, row.values(), strict=True):
            if isinstance(value, list | dict):
                assert json.loads(cell) == value
            elif value is None:
                assert cell == ""
            elif not isinstance(value, bool):
                assert cell == str(value)


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_but_the_answer_is_said(
    case: MadeUp, commands: dict[str, list[str]], name: str
) -> None:
    ran = clewline(*commands[name], "--store", case.store, "--format", "jsonl")
    assert (ran.code, ran.err) == (0, "")
    assert ran == clewline(*commands[name], "--store", case.store, "--format", "jsonl")


def test_store_and_format_from_the_environment(
    case: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = answer("chain", "info", "--store", case.store, "--format", "json")
    monkeypatch.setenv("CLEWLINE_STORE", str(case.store))
    monkeypatch.setenv("CLEWLINE_FORMAT", "json")
    assert answer("chain", "info") == told
    assert answer("chain", "info", "--format", "csv").startswith("network,")


def test_import_says_what_it_did_on_standard_error(case: MadeUp, tmp_path: Path) -> None:
    command = ("chain", "import", "--store", tmp_path / "store", "--core-blocks", case.blocks)
    first = clewline(*command)
    assert (first.code, first.out) == (0, "")
    assert f"135 blocks imported; regtest at height 134, tip {case.truth['tip']}" in first.err
    before = files(tmp_path / "store")
    again = clewline(*command)
    assert (again.code, again.out) == (0, "")
    assert "0 blocks imported" in again.err
    assert files(tmp_path / "store") == before


def test_labels_of_a_file_that_is_known_add_nothing(case: MadeUp, store: Path) -> None:
    before = files(store)
    command = ("label", "import", case.labels, "--store", store, "--format", "json")
    ran = clewline(*command)
    assert (ran.code, json.loads(ran.out)["added"]) == (0, 0)
    assert f"{case.labels}: the set holds this file already" in ran.err
    assert files(store) == before


def test_transactions_from_standard_input(case: MadeUp) -> None:
    txids = [purchase["txid"] for purchase in case.truth["purchases"][:3]]
    show = ("--store", case.store, "--format", "jsonl")
    told = answer("tx", "show", *txids, *show)
    assert [json.loads(line)["txid"] for line in told.splitlines()] == txids
    for stdin in ("\n".join(txids), " ".join(txids) + "\n", "\r\n".join(txids)):
        assert answer("tx", "show", "-", *show, stdin=stdin) == told
    assert answer("tx", "show", "-", *show, stdin="") == ""


def test_transactions_to_classify_from_standard_input(tmp_path: Path) -> None:
    """Of a file, of a pipe, and compressed in a pipe: the same."""
    coin = {"value": 70_000, "script": "51"}
    text = json.dumps({"txid": "0" * 64, "inputs": [coin], "outputs": [coin]}).encode()
    path = tmp_path / "given.jsonl"
    path.write_bytes(text)
    told = answer("tx", "classify", path)
    assert json.loads(told)["reason"].startswith(
        "no CoinJoin shape: 1 input of 1 script, 1 output ("
    )
    for given in (text, lzma.compress(text)):
        ran = subprocess.run(
            [PROGRAM, "tx", "classify", "-"], input=given, capture_output=True, check=True
        )
        assert ran.stdout.decode() == told


def test_dates_mean_whole_days(case: MadeUp) -> None:
    """``--until`` with a date takes that day's payments in."""
    purchase = case.truth["purchases"][0]
    time = json.loads(answer("tx", "show", purchase["txid"], "--store", case.store))["time"]
    command = ("trace", "forward", purchase["address"], "--store", case.store, "--format", "json")
    whole = json.loads(answer(*command))["total"]
    day = time[:10]
    assert whole > 0
    assert json.loads(answer(*command, "--since", day, "--until", day))["total"] == whole
    limits = json.loads(answer(*command, "--since", day, "--until", day))["limits"]
    assert (limits["since"], limits["until"]) == (f"{day}T00:00:00Z", f"{day}T23:59:59Z")
    at = json.loads(answer(*command, "--since", time, "--until", time))
    assert 0 < at["total"] <= whole
    assert json.loads(answer(*command, "--until", "2009-01-03"))["total"] == 0


def test_cluster_option_takes_the_whole_cluster(case: MadeUp) -> None:
    purchase = case.truth["purchases"][0]
    as_json = ("--store", case.store, "--format", "json")
    members = json.loads(answer("cluster", "show", purchase["address"], *as_json))["addresses"]
    assert len(members) > 1
    for direction in ("forward", "backward"):
        trace = ("trace", direction)
        by_name = json.loads(answer(*trace, *members, *as_json))
        assert json.loads(answer(*trace, purchase["address"], "--cluster", *as_json)) == by_name


def test_cells_are_no_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"name": "=HYPERLINK(1)", "more": "@SUM(1)", "list": ["=1"], "value": 5, "none": None}
    emit_rows([row], Format.CSV)
    cells = list(csv.reader(io.StringIO(capsys.readouterr().out)))[1]
    assert cells == ["'=HYPERLINK(1)", "'@SUM(1)", '["=1"]', "5", ""]


def test_tables_obey_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"entity": "[red]E[/red]", "rows": [{"name": "[bold]x"}]}, Format.TABLE)
    shown = capsys.readouterr().out
    assert "[red]E[/red]" in shown
    assert "[bold]x" in shown


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    for style, shown in (
        (Format.JSON, "[\n]\n"),
        (Format.JSONL, ""),
        (Format.CSV, ""),
        (Format.TABLE, "nothing\n"),
    ):
        emit_rows([], style)
        assert capsys.readouterr().out == shown


def test_long_tables_say_that_they_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    emit_rows(({"n": n} for n in range(1_000)), Format.TABLE)
    told = capsys.readouterr()
    assert "800 more rows" in told.err
    assert len(told.out.splitlines()) == 201


# The installed program


def test_without_arguments_it_shows_help() -> None:
    ran = program()
    assert "Usage: clewline" in ran.out
    for command in (
        "chain",
        "tx",
        "address",
        "cluster",
        "label",
        "trace",
        "case",
        "report",
        "play",
        "demo",
    ):
        assert command in ran.out


def test_reader_that_has_seen_enough(case: MadeUp) -> None:
    export = ("chain", "export", "--table", "transactions", "--store", str(case.store))
    running = subprocess.Popen([PROGRAM, *export], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stderr is not None
    json.loads(running.stdout.readline())
    running.stdout.close()
    assert running.stderr.read() == b""
    running.stderr.close()
    assert running.wait() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", ["chain info", "chain export"])
def test_disk_that_is_full(case: MadeUp, commands: dict[str, list[str]], name: str) -> None:
    """Both where the buffer runs over and where it is written at the end."""
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [PROGRAM, *commands[name], "--store", case.store],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr == ("clewline: standard output: cannot be written: No space left on device\n")


def test_version() -> None:
    ran = program("--version")
    assert (ran.code, ran.out.split()[0], ran.err) == (0, "clewline", "")


def test_exit_codes_and_streams_of_the_program(case: MadeUp, tmp_path: Path) -> None:
    info = ("chain", "info", "--format", "json", "--store")
    good = program(*info, case.store)
    assert (good.code, good.err) == (0, "")
    assert json.loads(good.out)["tip"] == case.truth["tip"]
    for code, ran in (
        (1, program(*info, tmp_path)),
        (2, program("address", "show", "nonsense", "--store", case.store)),
        (2, program("chain", "info", "--no-such-option")),
    ):
        assert (ran.code, ran.out) == (code, "")
        assert ran.err
        assert "Traceback" not in ran.err


def test_change_and_clusters_with_change(case: MadeUp) -> None:
    step = case.truth["peel_chains"][0][0]
    told = answer("tx", "change", step["txid"], "--store", case.store, "--format", "jsonl")
    rows = [json.loads(line) for line in told.splitlines()]
    best = max(rows, key=lambda row: row["probability"])
    assert f"{best['txid']}:{best['vout']}" == step["rest"]
    one = best["address"]
    plain, more = (
        json.loads(answer("cluster", "show", one, *opt, "--store", case.store, "--format", "json"))
        for opt in ((), ("--with-change",))
    )
    assert plain["size"] < more["size"]
    other = next(a for a in more["addresses"] if a not in plain["addresses"])
    told = answer("cluster", "explain", one, other, "--with-change", "--store", case.store)
    assert "ACCURACY.md#change" in told


def test_evaluate_writes_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth_sets, "CASES", {"small-sites": (1_000, (101,))})
    answer("evaluate", "--out", tmp_path / "out")
    page = (tmp_path / "out" / "ACCURACY.md").read_text("utf-8")
    assert page.startswith("# Accuracy")
    assert json.loads((tmp_path / "out" / "accuracy.json").read_text("utf-8"))["shares"]
