"""``clewline share``: what is checked and converted, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sharing.lists import full, item, shared
from typer.testing import CliRunner

from clewline.cli import app
from clewline.errors import SharedFileError, UsageError
from clewline.sharing.formats import FORMATS, after_losses, read, write

LIST = shared(full(), item(id="R-CARD0001", rail="card"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_list_is_converted_and_validated(name: str, tmp_path: Path) -> None:
    source, out = tmp_path / "list.json", tmp_path / "out"
    source.write_bytes(write("json", LIST))
    arguments = ["share", "convert", str(source), "--from", "json", "--to", name, "--out", str(out)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert read(name, out.read_bytes()) == after_losses(name, LIST)
    assert done.stdout == f"{len(after_losses(name, LIST).items)} of 2 items written\n"
    for loss in FORMATS[name].losses:
        assert loss.what in done.stderr
    assert out.stat().st_mode & 0o077 == 0
    checked = CliRunner().invoke(app, ["share", "validate", str(out), "--format", name])
    assert "valid: list 7 (whole) of Hotline 1 (made up)" in checked.stdout
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, UsageError)  # never replaced


def test_what_is_broken_or_unknown_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(write("json", LIST).replace(b'"amber_strict"', b'"mauve"'))
    broken = CliRunner().invoke(app, ["share", "validate", str(path), "--format", "json"])
    assert isinstance(broken.exception, SharedFileError)
    assert "R-FULL0001, tlp" in str(broken.exception)
    unknown = CliRunner().invoke(app, ["share", "validate", str(path), "--format", "xlsx"])
    assert isinstance(unknown.exception, UsageError)
    gone = CliRunner().invoke(app, ["share", "validate", str(path) + "x", "--format", "json"])
    assert isinstance(gone.exception, UsageError)
