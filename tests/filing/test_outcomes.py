"""The ledger of outcomes: what it warns of, what an examiner gets, what cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from clewline.cli import app
from clewline.errors import DataError, UsageError
from clewline.filing.outcomes import OUTCOMES, SAFEGUARDING, Entry, OutcomeLedger, as_csv


def entry(outcome: str, day: int = 1, customer: str = "C-1", **more: str) -> Entry:
    """Return an outcome on a day of January."""
    values = {"alert": f"A-{customer}", "by": "R-1", "reason": "made up"} | more
    return Entry(
        customer=customer,
        outcome=outcome,
        at=f"2026-01-{day:02d}T10:00:00+00:00",
        reference=values.pop("reference", "X-1"),
        **values,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> OutcomeLedger:
    return OutcomeLedger(tmp_path / "outcomes.jsonl")


@pytest.mark.parametrize("ends", ["closed", "merchant_ended"])
def test_an_end_before_the_report_is_warned_of(ledger: OutcomeLedger, ends: str) -> None:
    ledger.record(entry("reported", customer="C-2"))  # somebody else's report does not help
    told = ledger.record(entry(ends)).warnings
    assert len(told) == 1
    assert "before any report on this customer" in told[0]
    assert list(ledger.read())[-1].warnings == told


def test_an_end_after_the_report_is_not(ledger: OutcomeLedger) -> None:
    ledger.record(entry("reported"))
    assert ledger.record(entry("restricted", 2)).warnings == ()
    assert ledger.record(entry("closed", 3)).warnings == ()


def test_an_end_against_a_request_to_keep_open_is_warned_of(ledger: OutcomeLedger) -> None:
    ledger.record(entry("reported"))
    ledger.record(entry("keep_open", 2, reference="LETTER-9", until="2026-01-20"))
    (told,) = ledger.record(entry("closed", 20)).warnings
    assert "until 2026-01-20: LETTER-9" in told
    assert ledger.record(entry("closed", 21)).warnings == ()


def test_each_authority_that_asked_is_named(ledger: OutcomeLedger) -> None:
    """A later letter of another ends no request; the same letter may be entered anew."""
    ledger.record(entry("reported"))
    for reference, until in (("A-1", "2026-02-20"), ("B-1", "2026-01-05"), ("C-1", "2026-01-09")):
        ledger.record(entry("keep_open", 2, reference=reference, until=until))
    ledger.record(entry("keep_open", 3, reference="C-1", until="2026-01-04"))
    (told,) = ledger.record(entry("closed", 8)).warnings
    assert "until 2026-02-20: A-1" in told


def test_a_line_that_a_crash_left_half_written_did_not_happen(
    ledger: OutcomeLedger, tmp_path: Path
) -> None:
    ledger.record(entry("reported"))
    with (tmp_path / "outcomes.jsonl").open("ab") as file:
        file.write(b'{"at":"2026')
    assert len(list(ledger.read())) == 1
    ledger.record(entry("closed", 2))
    assert [one.outcome for one in ledger.read()] == ["reported", "closed"]


def test_a_request_without_a_day_holds(ledger: OutcomeLedger) -> None:
    ledger.record(entry("reported"))
    ledger.record(entry("keep_open", 2))
    assert "until it says otherwise" in ledger.record(entry("closed", 28)).warnings[0]


def test_an_examiner_gets_closed_alerts_with_every_step(ledger: OutcomeLedger) -> None:
    ledger.record(entry("reported", reason="=1+1"))
    ledger.record(entry("closed", 2))
    ledger.record(entry("restricted", 3, customer="C-2"))
    ledger.record(entry("no_action", 4, customer="C-3", reason="a namesake"))
    rows = ledger.closed_alerts()
    assert [(row["alert"], row["outcome"]) for row in rows] == [
        ("A-C-1", "reported"),
        ("A-C-1", "closed"),
        ("A-C-3", "no_action"),
    ]
    text = as_csv(rows)
    assert "'=1+1" in text
    assert "a namesake" in text


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (entry("paid"), "no outcome 'paid'; there are: reported"),
        (entry("closed", reason=" "), "reason: has 1 to 2000 characters"),
        (entry("closed", by=""), "by: has 1 to"),
        (entry("reported", reference=""), "names the report or the letter"),
        (entry("keep_open", until="soon"), "no time"),
        (Entry("A", "C", "closed", "2026-01-01T10:00:00", "R", "made up"), "offset from UTC"),
    ],
)
def test_what_says_too_little_is_refused(ledger: OutcomeLedger, wrong: Entry, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        ledger.record(wrong)
    assert list(ledger.read()) == []


def test_a_changed_ledger_is_found(ledger: OutcomeLedger, tmp_path: Path) -> None:
    ledger.record(entry("reported"))
    ledger.record(entry("closed", 2))
    file = tmp_path / "outcomes.jsonl"
    file.write_text(file.read_text().replace("X-1", "X-2", 1))
    with pytest.raises(DataError, match="line 2"):
        list(ledger.read())


def test_the_command_warns_and_shows_the_notice(tmp_path: Path) -> None:
    run = CliRunner()
    file = str(tmp_path / "outcomes.jsonl")
    common = ["--alert", "A-1", "--customer", "C-1", "--by", "R-1", "--reason", "made up"]
    result = run.invoke(app, ["filing", "outcome", file, "closed", *common])
    assert result.exit_code == 0, result.output
    assert "before any report" in result.stderr
    assert SAFEGUARDING.split(":")[0] in result.stderr
    assert "crisis line" in result.stderr
    listed = run.invoke(app, ["filing", "outcomes", file, "--format", "jsonl"]).stdout
    assert '"outcome":"closed"' in listed
    assert run.invoke(app, ["filing", "closed", file]).stdout.startswith("alert,customer,at")


def test_every_outcome_says_what_it_is() -> None:
    assert set(OUTCOMES) == {
        *("reported", "keep_open", "restricted", "closed", "merchant_ended", "no_action"),
    }
    assert all(one.help.endswith(".") for one in OUTCOMES.values())
