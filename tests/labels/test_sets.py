"""Named sets: imports only add, all or nothing, and equal labels give equal digests."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest
from tests.labels.makers import address, pack, table

from clewline.errors import (
    LabelFileError,
    StorageError,
    StoreDamagedError,
    StoreLockedError,
    StoreVersionError,
    UnknownLabelSetError,
    UsageError,
)
from clewline.labels import ImportReport, LabelSet, conflicts, import_files, list_sets, sets

HEADER = "source: made up\ncurrency: BTC\nconfidence: forensic"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {
        "a.csv": table(
            f"{address(1)},Exchange 1,exchange,s,90",
            f"{address(2)},Exchange 1,exchange,s,90",
        ),
        "b.csv": table(
            f"{address(2)},Exchange 1,exchange,s,90",
            f"{address(2)},Site 1,child_sexual_abuse,a hotline,5",
        ),
        "c.yaml": pack(
            f"{{address: {address(2)}, label: Casino 1, category: gambling}}",
            "{address: LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb, label: Casino 1, currency: LTC}",
            "{address: nonsense, label: Casino 1}",
            f"{{tx_hash: {'ab' * 32}, label: Casino 1}}",
            header=HEADER,
        ),
        "bad.csv": table(f"{address(3)},E,exchange,s,90", f"{address(3)},E,bakery,s,90"),
        "broken.yaml": b"tags: [",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in contents}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "store" / "labels"


def load(where: Path, *paths: Path, name: str = "public", recorded: int = 0) -> ImportReport:
    return import_files(paths, where, name, "main", recorded=recorded)


def test_import_and_look_up(where: Path, files: dict[str, Path]) -> None:
    report = load(where, files["a.csv"], files["b.csv"], files["c.yaml"], recorded=7)
    assert (report.loaded, report.added, report.refused, report.error) == (7, 6, 1, None)
    assert [file.loaded for file in report.files] == [2, 2, 3]
    assert [refusal.position for refusal in report.refusals] == [3]
    with LabelSet.open(where, "public") as labels:
        found = labels.labels_of(address(2).upper(), "main")
        assert [label.claim.entity for label in found] == ["Site 1", "Exchange 1", "Casino 1"]
        assert len(conflicts(found)) == 2
        assert (found[1].file, found[1].line) == ("a.csv", 3)
        assert labels.labels_of(address(2), "test") == []
        assert labels.labels_of(address(9)) == []
        assert len(labels.labels_of("LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb")) == 1
        assert labels.labels_of("LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb", "main") == []
        assert labels.labels_of("ab" * 32, "main")[0].is_transaction
        assert labels.count() == 6
        assert [(line.file, line.added, line.recorded) for line in labels.imports()] == [
            ("a.csv", 2, 7),
            ("b.csv", 1, 7),
            ("c.yaml", 3, 7),
        ]
        assert labels.digest == report.digest
        labels.check()


def test_matched_holds_bitcoin_addresses_of_the_network_only(
    where: Path, files: dict[str, Path]
) -> None:
    load(where, files["a.csv"], files["b.csv"], files["c.yaml"])
    with LabelSet.open(where, "public") as labels:
        matched = labels.matched("main")
        assert labels.matched("test").addresses == []
    said = [matched.claims[index].entity for index in matched.claim]
    assert matched.addresses == sorted(matched.addresses)
    assert sorted(zip(matched.addresses, said, strict=True)) == sorted(
        [
            (address(1), "Exchange 1"),
            (address(2), "Casino 1"),
            (address(2), "Exchange 1"),
            (address(2), "Site 1"),
        ]
    )


def test_digest_depends_on_what_is_said_alone(where: Path, files: dict[str, Path]) -> None:
    chosen = [files["a.csv"], files["b.csv"], files["c.yaml"]]
    digests, columns = set(), set()
    for number, order in enumerate(itertools.permutations(chosen)):
        name = f"s{number}"
        if number % 2:
            report = load(where, *order, name=name, recorded=number)
        else:
            for path in order:
                report = load(where, path, name=name, recorded=number)
        digests.add(report.digest)
        with LabelSet.open(where, name) as labels:
            matched = labels.matched("main")
        columns.add((tuple(matched.addresses), tuple(matched.claim.tolist()), matched.claims))
    assert len(digests) == len(columns) == 1
    assert load(where, files["a.csv"], name="less").digest not in digests


def test_same_file_again_adds_nothing(where: Path, files: dict[str, Path]) -> None:
    first = load(where, files["a.csv"])
    copy = files["a.csv"].with_name("copy.csv")
    copy.write_bytes(files["a.csv"].read_bytes())
    before = (where / "public.sqlite").read_bytes()
    again = load(where, files["a.csv"], copy)
    assert [file.known for file in again.files] == [True, True]
    assert (again.loaded, again.added, again.digest) == (0, 0, first.digest)
    assert (where / "public.sqlite").read_bytes() == before
    both = load(where, copy, files["a.csv"], name="other")
    assert [file.known for file in both.files] == [False, True]


def test_bad_row_refuses_its_table_and_changes_nothing(where: Path, files: dict[str, Path]) -> None:
    report = load(where, files["bad.csv"])
    assert isinstance(report.error, LabelFileError)
    assert "bad.csv:3" in str(report.error)
    assert (report.loaded, report.refused, report.digest) == (0, 1, None)
    assert list_sets(where) == []


def test_broken_files_are_listed_and_the_others_load(where: Path, files: dict[str, Path]) -> None:
    report = load(where, files["bad.csv"], files["broken.yaml"], files["a.csv"])
    assert [file.error is not None for file in report.files] == [True, True, False]
    assert report.loaded == 2
    with LabelSet.open(where, "public") as labels:
        assert [line.file for line in labels.imports()] == ["a.csv"]


def test_a_directory_stands_for_its_label_files(where: Path, files: dict[str, Path]) -> None:
    report = load(where, files["a.csv"].parent)
    assert [Path(file.file).name for file in report.files] == sorted(files)


@pytest.mark.parametrize("name", ["", "A", "../x", "a/b", "-a", "a" * 65, "a.b", "ä"])
def test_name_is_checked_before_anything_is_touched(
    where: Path, files: dict[str, Path], name: str
) -> None:
    with pytest.raises(UsageError, match="is no name"):
        load(where, files["a.csv"], name=name)
    with pytest.raises(UsageError, match="is no name"):
        LabelSet.open(where, name)
    assert not where.exists()


def test_wrong_paths_are_refused_first(where: Path, files: dict[str, Path]) -> None:
    text = files["a.csv"].with_suffix(".txt")
    text.write_bytes(b"")
    empty = files["a.csv"].parent / "empty"
    empty.mkdir()
    for wrong in (Path("missing.csv"), text, empty):
        with pytest.raises(UsageError, match=wrong.name):
            load(where, files["a.csv"], wrong)
    assert not where.exists()


def test_unknown_set_lists_those_there_are(where: Path, files: dict[str, Path]) -> None:
    with pytest.raises(UnknownLabelSetError, match="there are: none"):
        LabelSet.open(where, "public")
    load(where, files["a.csv"])
    load(where, files["a.csv"], name="our-own")
    assert list_sets(where) == ["our-own", "public"]
    with pytest.raises(UnknownLabelSetError, match="there are: our-own, public"):
        LabelSet.open(where, "other")


def test_change_behind_our_back_is_found(where: Path, files: dict[str, Path]) -> None:
    load(where, files["a.csv"], files["b.csv"])
    changes = [
        "UPDATE claim SET body = replace(body, 'Exchange 1', 'Exchange 2')",
        "DELETE FROM label WHERE subject = (SELECT min(subject) FROM label)",
    ]
    whole = (where / "public.sqlite").read_bytes()
    for change in changes:
        (where / "public.sqlite").write_bytes(whole)
        database = sqlite3.connect(where / "public.sqlite")
        database.execute(change)
        database.commit()
        database.close()
        with LabelSet.open(where, "public") as labels, pytest.raises(StoreDamagedError):
            labels.check()


def test_files_that_are_no_sets(where: Path, files: dict[str, Path]) -> None:
    where.mkdir(parents=True)
    path = where / "public.sqlite"
    path.write_bytes(b"this is no database, and it is long enough to be looked at as one" * 20)
    with pytest.raises(StoreDamagedError):
        LabelSet.open(where, "public")
    path.write_bytes(b"")
    with pytest.raises(UnknownLabelSetError):
        LabelSet.open(where, "public")
    assert load(where, files["a.csv"]).added == 2
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreVersionError, match="format 99"):
        load(where, files["b.csv"])


def test_second_writer_is_told(
    where: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(where, files["a.csv"])
    monkeypatch.setattr(sets, "_BUSY_SECONDS", 0.01)
    other = sqlite3.connect(where / "public.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLockedError):
        load(where, files["b.csv"])
    other.execute("ROLLBACK")
    other.close()
    assert load(where, files["b.csv"]).added == 1


def test_failure_on_the_way_leaves_the_set_as_it_was(
    where: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    for have in ([], ["public"]):
        before = {p.name: p.read_bytes() for p in where.glob("*")}
        with monkeypatch.context() as patch, pytest.raises(StorageError, match="No space"):
            patch.setattr(sets, "_compute_digest", fail)
            load(where, files["b.csv"])
        assert {p.name: p.read_bytes() for p in where.glob("*")} == before
        assert list_sets(where) == have
        load(where, files["a.csv"])


def test_directory_that_cannot_be_made(where: Path, files: dict[str, Path]) -> None:
    where.parent.write_bytes(b"a file where the store should be")
    with pytest.raises(StorageError):
        load(where, files["a.csv"])


def test_refusals_are_counted_beyond_those_listed(where: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.yaml"
    tags = ["{address: nonsense, label: E}"] * 150 + [f"{{address: {address(1)}, label: E}}"]
    many.write_bytes(pack(*tags, header=HEADER))
    report = load(where, many)
    assert (report.loaded, report.refused, len(report.refusals)) == (1, 150, sets.MAX_LISTED)


def test_huge_file_is_refused_unread(
    where: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "MAX_FILE_BYTES", 10)
    assert "larger than" in str(load(where, files["a.csv"]).error)
