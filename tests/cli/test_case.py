"""``clewline case``: addresses from a file, formats, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Ran, answer, clewline
from tests.cli.conftest import MadeUp

COMMANDS = ("payers", "cashouts", "leads")
NOBODY = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"


@pytest.fixture(scope="module")
def site(case: MadeUp) -> list[str]:
    return [str(a) for a in dict.fromkeys(p["address"] for p in case.truth["purchases"])]


def run(case: MadeUp, command: str, *more: object, stdin: str = "") -> Ran:
    return clewline("case", command, *more, "--store", case.store, "--format", "json", stdin=stdin)


def told(case: MadeUp, command: str, *more: object, stdin: str = "") -> dict[str, Any]:
    ran = run(case, command, *more, stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    answered: dict[str, Any] = json.loads(ran.out)
    return answered


@pytest.mark.parametrize("command", COMMANDS)
def test_addresses_of_a_file_are_those_of_the_line(
    case: MadeUp, site: list[str], command: str, tmp_path: Path
) -> None:
    path = tmp_path / "site.txt"
    path.write_text("# made up\r\n" + "\r\n\r\n".join(f" {a}  # seen" for a in site[1:]))
    named = told(case, command, *site)
    assert told(case, command, site[0], "--addresses", path) == named
    assert told(case, command, "--addresses", "-", stdin="\n".join(site)) == named


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_refused(case: MadeUp, site: list[str], command: str, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text(f"{site[0]}\n{site[0]} and more\n")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe")
    rates = tmp_path / "rates.csv"
    rates.write_text("date,pair,rate\n2021-01-01,BTC/USD,cheap\n")
    for code, given, said in (
        (2, (), ("no address is given",)),
        (2, (NOBODY,), (NOBODY, "unknown-address")),
        (2, ("nonsense",), ("not a Bitcoin address", "bad-address")),
        (2, ("0" * 64 + ":0",), ("one output",)),
        (2, ("--addresses", tmp_path / "none.txt"), ("none.txt: cannot be read",)),
        (2, ("--addresses", words), ("words.txt:2: more than one word",)),
        (2, ("--addresses", binary), ("binary.txt: is not UTF-8",)),
        (1, (site[0], "--rates", tmp_path / "none.csv"), ("none.csv", "bad-rates-file")),
        (1, (site[0], "--rates", rates), ("rates.csv:2: 'cheap' is no price",)),
        (2, (site[0], "--rates", case.rates, "--currency", "EUR"), ("prices in: USD",)),
        (2, (site[0], "--currency", "EUR"), ("--currency", "no rates")),
        (2, (site[0], "--since", "2009-01-01", "--until", "2009-12-31"), ("has no block",)),
        (2, (site[0], "--since", "2024-02-01", "--until", "2024-01-01"), ("range is empty",)),
        (2, (site[0], "--set", "nope"), ("no label set 'nope'", "unknown-label-set")),
    ):
        ran = run(case, command, *given)
        assert (ran.code, ran.out) == (code, ""), given
        assert "Traceback" not in ran.err
        for word in said:
            assert word in ran.err, ran.err


def test_rules_and_caps_that_are_refused(case: MadeUp, site: list[str]) -> None:
    for command, given, said in (
        ("payers", ("--method", "haircut"), "haircut"),
        ("cashouts", ("--method", "poison"), "poison"),
        ("payers", ("--max-hops", "-1"), "--max-hops"),
        ("cashouts", ("--min-value", "-1"), "--min-value"),
        ("payers", ("--rate-hours", "0"), "--rate-hours"),
    ):
        ran = run(case, command, site[0], *given)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err


@pytest.mark.parametrize(("command", "rows"), [("payers", "payments"), ("cashouts", "cashouts")])
def test_a_spreadsheet_holds_every_row_and_no_formula(
    case: MadeUp, site: list[str], command: str, rows: str
) -> None:
    asked = ("case", command, *site, "--store", case.store, "--rates", case.rates)
    whole = json.loads(answer(*asked, "--format", "json"))[rows]
    table = list(csv.DictReader(io.StringIO(answer(*asked, "--format", "csv"))))
    assert [row["amount"] for row in table] == [str(row["amount"]) for row in whole]
    assert not [cell for row in table for cell in row.values() if cell.startswith(("=", "+", "@"))]
    for row in table:
        assert float(row["fiat"]) > 0
        assert row["rate_time"][:10] == row["time"][:10]


def test_the_table_says_what_it_does_not_say(case: MadeUp, site: list[str]) -> None:
    for command in COMMANDS:
        shown = answer("case", command, *site, "--store", case.store)
        assert "Nothing here says that a person is guilty" in " ".join(shown.split())
