"""``clewline extract``: a line for each address in a text."""

import json
from pathlib import Path

from typer.testing import CliRunner

from clewline.cli import app
from clewline.errors import UsageError

BTC = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"


def test_file_and_standard_input(tmp_path: Path) -> None:
    text = f"made up: <a href='bitcoin:{BTC}'>é</a>\r\n{BTC[:-1]}3\n"
    path = tmp_path / "page.html"
    path.write_bytes(text.encode())
    answers = [
        CliRunner().invoke(app, ["extract", str(path)]).stdout,
        CliRunner().invoke(app, ["extract", "-"], input=text.encode()).stdout,
    ]
    assert answers[0] == answers[1]
    found, almost = map(json.loads, answers[0].splitlines())
    assert (found["chain"], found["kind"], found["canonical"]) == ("BTC", "P2PKH", BTC)
    assert text[found["start"] : found["end"]] == found["text"] == BTC
    assert [reading["chain"] for reading in found["readings"]] == ["BTC", "BCH"]
    assert almost["chain"] is None
    assert almost["did_you_mean"] == [BTC]


def test_every_format_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(b"\xff\xd8\xff\0 " + BTC.encode() + b"\xfe")
    for style in ("table", "csv", "json", "jsonl"):
        answer = CliRunner().invoke(app, ["extract", str(path), "--format", style])
        assert answer.exit_code == 0
        assert BTC in answer.stdout


def test_file_that_is_not_there(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["extract", str(tmp_path / "none")])
    assert isinstance(answer.exception, UsageError)
