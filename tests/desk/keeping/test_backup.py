"""A backup gives back every row, opens what is sealed, and is refused if one bit is another."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from tests.desk.conftest import World
from tests.desk.records.pages import URL, option, page
from tests.desk.terminal import python, terminal
from tools.postgres import NoPostgres, cluster

from clewline.desk.audit import services as audit
from clewline.desk.home import DeskHome
from clewline.desk.keeping import backup
from clewline.desk.keeping.backup import back_up, opened, tables
from clewline.desk.keeping.keys import export_keys, open_keys, place_keys, place_tree
from clewline.desk.ledger import vault
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record
from clewline.errors import BackupError, DataError, SealError, UsageError

pytestmark = pytest.mark.django_db(transaction=True)
PASSPHRASE = "made up for this test"  # noqa: S105


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.desk.keeping.keys._COST", 1 << 10)


@pytest.fixture
def sighting(world: World) -> Sighting:
    analyst = world.person("analyst")
    first = record(analyst, page(option(contact="@some_handle"), page_text="A made-up page."))
    record(analyst, page(option(), neutral_summary="ünïcode; “quotes”\ttab"))
    return first


@pytest.fixture
def kept(tmp_path: Path, sighting: Sighting) -> Path:
    """A backup of the desk, with its keys and their passphrase beside it."""
    back_up(settings.HOME, tmp_path / "backup", "A-1")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    (tmp_path / "keys.json").write_bytes(export_keys(settings.HOME, PASSPHRASE))
    return tmp_path / "backup"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL to restore into."""
    try:
        with cluster() as url:
            yield url
    except NoPostgres as missing:
        if os.environ.get("CLEWLINE_NO_SKIP"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


GIVEN = ("--keys", "keys.json", "--passphrase-file", "passphrase")
GIVEN += ("--escrow", str(settings.HOME.escrow.parent))
OPEN = """
import sys
from pathlib import Path
from clewline.desk.home import DeskHome
from clewline.desk.running import prepare
prepare(DeskHome(Path(sys.argv[1])))
from clewline.desk.records.models import Sighting
from clewline.errors import ErasedError
try:
    print(Sighting.objects.get(ref=sys.argv[2]).unseal(sys.argv[3]))
except ErasedError as error:
    print(error)
"""


def unsealed(directory: Path, sighting: Sighting, home: str = "one", database: str = "") -> str:
    """Return the site's address that a restored desk opens."""
    arguments = (home, sighting.ref, "url")
    return python(directory, OPEN, *arguments, database=database).stdout.strip()


def parts(file: Path) -> dict[str, Any]:
    """Return the hashes of all parts of a backup but the log, which goes on."""
    with opened(file, settings.HOME.key("root")) as (_, manifest):
        found: dict[str, Any] = manifest["parts"]
    assert len(found) == len(tables()) + 1
    return {name: part for name, part in found.items() if "audit" not in name}


def test_every_row_comes_back_in_either_database(
    kept: Path, sighting: Sighting, postgres: str
) -> None:
    here = kept.parent
    run = terminal(here, "desk")
    assert "restored as of" in run("restore", "backup", "--home", "one", *GIVEN).stdout
    run("audit", "verify", "--home", "one")
    run("backup", "--to", "second", "--home", "one")
    assert parts(here / "second") == parts(kept)
    assert unsealed(here, sighting) == URL
    # From here into PostgreSQL, and what that gives is the same again.
    other = terminal(here, "desk", database=postgres)
    other("restore", "second", "--home", "two", *GIVEN)
    other("backup", "--to", "third", "--home", "two")
    assert parts(here / "third") == parts(kept)
    assert unsealed(here, sighting, "two", postgres) == URL
    other("audit", "verify", "--home", "two")
    # New rows get numbers beyond those that came.
    refused = other("restore", "second", "--home", "two", code=2)
    assert "not empty" in refused.stderr


def test_a_desk_with_records_is_not_overwritten(kept: Path) -> None:
    run = terminal(kept.parent, "desk")
    run("restore", "backup", "--home", "one", *GIVEN)
    before = (kept.parent / "one" / "vault.sqlite3").read_bytes()
    assert "not empty" in run("restore", "backup", "--home", "one", code=2).stderr
    assert (kept.parent / "one" / "vault.sqlite3").read_bytes() == before


def test_without_keys_or_with_others_nothing_opens(kept: Path) -> None:
    run = terminal(kept.parent, "desk")
    assert "[no-desk]" in run("restore", "backup", "--home", "one", code=1).stderr
    assert not (kept.parent / "one").exists()
    DeskHome(kept.parent / "other").make()
    refused = run("restore", "backup", "--home", "other", code=1)
    assert "[bad-backup]" in refused.stderr
    stays = run("restore", "backup", "--home", "other", *GIVEN, code=2)
    assert "other keys" in stays.stderr


def test_the_keys_are_not_in_the_backup(kept: Path) -> None:
    data = kept.read_bytes()
    with opened(kept, settings.HOME.key("root")) as (archive, _):
        inside = b"".join(archive.read(name) for name in archive.namelist())
    for name in ("root", "index", "session"):
        key = settings.HOME.key(name)
        assert key not in data + inside
        assert key.hex().encode() not in data + inside
    assert URL.encode() not in inside
    assert b"session_data" not in inside
    assert kept.stat().st_mode & 0o077 == 0


def test_any_flipped_byte_is_refused(kept: Path) -> None:
    whole = kept.read_bytes()
    root = settings.HOME.key("root")
    chance = random.Random(5)  # noqa: S311
    places = {0, 1, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(60))}
    damaged = kept.with_name("damaged")
    texts = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    texts += [whole[:-1], whole + b"\0", whole[:20], b""]
    for text in texts:
        damaged.write_bytes(text)
        with pytest.raises(BackupError), opened(damaged, root):
            pass


def test_pieces_cannot_be_moved_or_left_out(tmp_path: Path) -> None:
    import io

    from clewline.desk.keeping.sealed_file import SealedWriter, unseal_file

    root, size, head = bytes(32), (1 << 20) + 16, 23 + 16
    for length in (0, 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        stream, plain = io.BytesIO(), io.BytesIO()
        writer = SealedWriter(stream, root)
        writer.write(random.Random(1).randbytes(length))  # noqa: S311
        writer.finish()
        unseal_file(io.BytesIO(stream.getvalue()), plain, root, "")
        assert plain.getvalue() == random.Random(1).randbytes(length)  # noqa: S311
    whole = stream.getvalue()
    start, one, two, rest = (
        whole[:head],
        whole[head:][:size],
        whole[head + size :][:size],
        whole[head + 2 * size :],
    )
    for text in (start + two + one + rest, start + one + rest, start + one + two, start):
        with pytest.raises(BackupError):
            unseal_file(io.BytesIO(text), io.BytesIO(), root, "")


def test_what_was_destroyed_later_stays_destroyed(kept: Path, sighting: Sighting) -> None:
    here = kept.parent
    run = terminal(here, "desk")
    run("restore", "backup", "--home", "one", *GIVEN)
    # The database is lost; the vault, in which a record was erased meanwhile, is not.
    with sqlite3.connect(here / "one" / "vault.sqlite3") as raw:
        raw.execute(
            "UPDATE record_key SET wrapped = NULL, destroyed_at = '2026-03-02' WHERE id = ?",
            (sighting.key_id,),
        )
    for file in (here / "one").glob("desk.sqlite3*"):
        file.unlink()
    run("restore", "backup", "--home", "one")
    assert unsealed(here, sighting) == ""


def test_what_was_destroyed_before_comes_as_destroyed(tmp_path: Path, sighting: Sighting) -> None:
    other = Sighting.objects.exclude(id=sighting.id).get()
    vault().destroy({other.key_id: {}})
    back_up(settings.HOME, tmp_path / "backup", "A-1")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    (tmp_path / "keys.json").write_bytes(export_keys(settings.HOME, PASSPHRASE))
    terminal(tmp_path, "desk")("restore", "backup", "--home", "one", *GIVEN)
    assert unsealed(tmp_path, other) == ""
    assert unsealed(tmp_path, sighting) == URL


KILLED = """
import os, signal, sys
from pathlib import Path
from clewline.desk.home import DeskHome
from clewline.desk.running import prepare
prepare(DeskHome(Path("one")))
from clewline.desk.home import DeskHome
from clewline.desk.keeping import backup
real = backup.Vault.merge
def merge_and_die(self, rows):
    real(self, rows)
    die()
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
where, name = {"merge": (backup.Vault, "merge"), "check": (backup, "_check"),
    "insert": (backup, "_insert"), "write": (backup.audit, "write")}[sys.argv[1]]
setattr(where, name, merge_and_die if name == "merge" else die)
backup.restore(Path("backup"), DeskHome(Path("one")), "A-1")
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["insert", "check", "merge", "write"])
def test_a_restore_that_is_killed_leaves_an_empty_desk(kept: Path, where: str) -> None:
    here, run = kept.parent, terminal(kept.parent, "desk")
    keys = open_keys((here / "keys.json").read_bytes(), PASSPHRASE, "")
    place_keys(DeskHome(here / "one"), keys)
    place_tree(DeskHome(here / "one"), settings.HOME.escrow.parent)
    python(here, KILLED, where, code=-9)
    with sqlite3.connect(here / "one" / "desk.sqlite3") as raw:
        for table in ("audit_event", "accounts_user", "records_sighting"):
            assert raw.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)  # noqa: S608
    run("restore", "backup", "--home", "one")


def test_a_backup_that_fails_leaves_no_file(
    tmp_path: Path, sighting: Sighting, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup"
    file.write_text("something else")
    with pytest.raises(UsageError, match="not replaced"):
        back_up(settings.HOME, file, "A-1")
    assert file.read_text() == "something else"
    file.unlink()

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(backup, "_fill", fail)
    with pytest.raises(RuntimeError):
        back_up(settings.HOME, file, "A-1")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_of_one_moment_while_people_work(tmp_path: Path, world: World) -> None:
    """Options always have their sighting, and the log is whole, however busy the desk is."""
    analyst, stop, failures = world.person("analyst"), threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                record(analyst, page(option()))
                audit.write(actor="A-1", action="sighting.record")
                time.sleep(0.02)  # SQLite has no queue: who never pauses keeps others waiting
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            back_up(settings.HOME, tmp_path / f"backup-{number}", "A-1")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    counts = []
    for number in range(4):
        with opened(tmp_path / f"backup-{number}", settings.HOME.key("root")) as (
            archive,
            manifest,
        ):
            rows = {
                name: [json.loads(line) for line in archive.read(name).splitlines()]
                for name in manifest["parts"]
            }
        sightings = {row["id"] for row in rows["tables/records.Sighting.jsonl"]}
        options = [row["sighting_id"] for row in rows["tables/records.PaymentOption.jsonl"]]
        assert set(options) == sightings
        keys = {row["id"] for row in rows["vault.jsonl"]}
        assert {row["key_id"] for row in rows["tables/records.Sighting.jsonl"]} <= keys
        events = rows["tables/audit.Event.jsonl"]
        assert [row["seq"] for row in events] == list(range(1, len(events) + 1))
        assert events[-1]["hash"] == manifest["audit"]["hash"]
        counts.append(len(sightings))
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_a_backup_of_a_broken_log_is_not_taken_back(kept: Path) -> None:
    from tests.desk.audit.test_tampering import superuser

    with superuser() as execute:
        execute("UPDATE audit_event SET actor = 'A-2' WHERE seq = 1")
    back_up(settings.HOME, kept.with_name("broken"), "A-1")
    run = terminal(kept.parent, "desk")
    refused = run("restore", "broken", "--home", "one", *GIVEN, code=1)
    assert "broken at event 1: edited" in refused.stderr
    run("restore", "backup", "--home", "one")  # nothing of it stayed


def test_no_table_that_is_kept_leans_on_one_that_is_not() -> None:
    known = set(tables().values())
    for model in known:
        for field in model._meta.concrete_fields:
            if field.related_model is not None:
                assert field.related_model in known, f"{model._meta.label}.{field.name}"


def test_keys_open_with_their_passphrase_alone() -> None:
    text = export_keys(settings.HOME, PASSPHRASE)
    found = open_keys(text, PASSPHRASE, "keys.json")
    assert found == {name: settings.HOME.key(name) for name in ("root", "index", "session")}
    with pytest.raises(SealError):
        open_keys(text, "another passphrase", "keys.json")
    fields = json.loads(text)
    for name, value in [
        ("keys", "AAAA"),
        ("salt", "AAAA"),
        ("cost", 1 << 30),
        ("cost", 3),
        ("format", "x"),
        ("nonce", "?"),
    ]:
        with pytest.raises((SealError, DataError)):
            open_keys(json.dumps({**fields, name: value}).encode(), PASSPHRASE, "keys.json")
    for broken in (b"", b"[]", b"{}", b"\xff"):
        with pytest.raises(DataError):
            open_keys(broken, PASSPHRASE, "keys.json")


def test_the_commands_of_keys(kept: Path) -> None:
    run = terminal(kept.parent, "desk")
    secret = ("--passphrase-file", "passphrase")
    run("keys", "import", "keys.json", "--home", "one", *secret)
    run("keys", "import", "keys.json", "--home", "one", *secret)  # the same ones again
    refused = run("restore", "backup", "--home", "one", code=2)
    assert "--escrow" in refused.stderr
    run("restore", "backup", "--home", "one", *GIVEN)
    run("keys", "export", "--to", "again.json", "--home", "one", *secret)
    again = open_keys((kept.parent / "again.json").read_bytes(), PASSPHRASE, "")
    assert again["root"] == settings.HOME.key("root")
    assert (kept.parent / "again.json").stat().st_mode & 0o077 == 0
    assert "[no-desk]" in run("keys", "export", "--to", "x", "--home", "no", *secret, code=1).stderr
    (kept.parent / "passphrase").write_text("short\n")
    assert (
        "12 characters"
        in run("keys", "export", "--to", "x", "--home", "one", *secret, code=2).stderr
    )
