"""``clewline policy`` and ``clewline desk answer``."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from clewline.cli import app
from clewline.desk.lookups import answers
from clewline.errors import DataError, PolicyFileError, UsageError

RUN = CliRunner()


def test_lint_names_each_fault(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("policy: x\nversion: 0\nrules: []\ncolour: red\n")
    done = RUN.invoke(app, ["policy", "lint", str(file)])
    assert isinstance(done.exception, PolicyFileError)
    assert f"{file}:2:10: '0' is no version" in done.stdout
    assert f"{file}:4:1: 'colour' is not known here" in done.stdout
    file.write_text("policy: x\nversion: 1\nrules: []\n")
    assert RUN.invoke(app, ["policy", "lint", str(file)]).exit_code == 0


def test_table_and_explain() -> None:
    table = RUN.invoke(app, ["policy", "table", "--format", "json"])
    assert json.loads(table.stdout)[0]["what becomes"] == "withhold"
    asked = ["policy", "explain", "--field", "address", "--field", "url", "--format", "json"]
    told = json.loads(RUN.invoke(app, asked).stdout)
    assert [(one["field"], one["becomes"]) for one in told] == [
        ("address", "release"),
        ("url", "withhold"),
    ]
    steps = json.loads(RUN.invoke(app, [*asked, "--tlp", "red", "--every-rule"]).stdout)
    assert [one["rule"] for one in steps if one["applies"] == "decides"] == ["gate-tlp"] * 2
    assert isinstance(RUN.invoke(app, [*asked, "--purpose", "any"]).exception, UsageError)


def test_an_answer_is_verified_without_a_desk(tmp_path: Path) -> None:
    file, key = tmp_path / "answer.json", Ed25519PrivateKey.from_private_bytes(bytes(32))
    told = {"request": "L-1", "case_ref": "", "asked_at": "then", "answered_at": "now"}
    told |= {"reply": "nothing", "corrects": None, "note": answers.CLUE, "policy": "made up"}
    item = {"asked": "x", "reply": "nothing", "fields": {}}
    file.write_bytes(answers.sign(key, {**told, "items": [item]}))
    done = RUN.invoke(app, ["desk", "answer", str(file)])
    assert "1. x\n   Nothing that can be shared" in done.stdout
    wrong = RUN.invoke(app, ["desk", "answer", str(file), "--key", "00" * 32])
    assert isinstance(wrong.exception, DataError)
