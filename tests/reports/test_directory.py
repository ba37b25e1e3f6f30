import errno
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clewline.errors import StorageError, UsageError
from clewline.reports.directory import slugs, write_directory
from clewline.reports.record import canonical, manifest_record


def report(text):
    files = {"index.html": text, "exchange-a/request.csv": text + b"!"}
    return {**files, "manifest.json": canonical(manifest_record(files))}


def content(out):
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@given(st.lists(st.text(st.characters()), unique=True, max_size=12))
@example(["", "../..", ".", "con", "NUL", "Exchange A", "exchange a", "EXCHANGE-A", "é", "e"])
@example(["x" * 500, "x" * 501, "\ud800", "交易所", "取引所"])
def test_slugs_are_safe_and_different(names):
    found = slugs(names)
    assert set(found) == set(names)
    assert len(set(found.values())) == len(names)
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in found.values())
    assert all(len(slug) <= 113 and slug not in {"con", "nul"} for slug in found.values())
    assert slugs(reversed(names)) == found


def test_a_slug_cannot_be_taken_by_a_name_made_to_look_like_it():
    first = slugs(["Exchange A", "exchange a"])
    taken = first["exchange a"]
    found = slugs(["Exchange A", "exchange a", taken])
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("before", ["missing", "empty", "report"])
def test_a_report_is_the_whole_content(tmp_path, before):
    out = tmp_path / "deep" / "out"
    if before == "empty":
        out.mkdir(parents=True)
    if before == "report":
        write_directory(out, report(b"old"))
    write_directory(out, report(b"new"))
    assert content(out) == report(b"new")
    assert [p.name for p in out.parent.iterdir()] == ["out"]
    assert out.stat().st_mode & 0o077 == 0


def foreign_file(out):
    (out / "notes.txt").write_text("mine")


def foreign_directory(out):
    (out / "answers").mkdir()


def filled_sheet(out):
    (out / "exchange-a/request.csv").write_text("filled in by the exchange")


def link(out):
    (out / "index.html").rename(out.parent / "same")
    (out / "index.html").symlink_to(out.parent / "same")


def other_manifest(out):
    (out / "manifest.json").write_text(json.dumps({"schema": "another", "files": []}))


@pytest.mark.parametrize(
    "change", [foreign_file, foreign_directory, filled_sheet, link, other_manifest]
)
def test_work_of_others_is_never_overwritten(tmp_path, change):
    out = tmp_path / "out"
    write_directory(out, report(b"old"))
    change(out)
    before = content(out)
    with pytest.raises(UsageError, match="no unchanged part of an earlier report"):
        write_directory(out, report(b"new"))
    assert content(out) == before


def test_a_file_or_a_link_is_no_place_for_a_report(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="directory of its own"):
            write_directory(tmp_path / name, report(b"new"))


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("broken", ["write_bytes", "rename"])
def test_a_full_disk_changes_nothing(tmp_path, monkeypatch, earlier, broken):
    out = tmp_path / "out"
    if earlier:
        write_directory(out, report(b"old"))
    whole = getattr(Path, broken)

    def fail(self, argument):
        if self.name in ("request.csv", "new"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(self, argument)

    monkeypatch.setattr(Path, broken, fail)
    with pytest.raises(StorageError, match="No space left on device; nothing was changed"):
        write_directory(out, report(b"new"))
    assert (content(out) if earlier else out.exists()) == (report(b"old") if earlier else False)
    assert [p.name for p in tmp_path.iterdir()] == (["out"] if earlier else [])
