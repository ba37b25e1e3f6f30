"""Erasure that no backup undoes: backups at every point, restored in every way there is."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection
from tests.desk.conftest import World
from tests.desk.records.pages import option, page
from tests.desk.terminal import python

from clewline.desk.home import DeskHome
from clewline.desk.keeping.backup import back_up, opened
from clewline.desk.keeping.keys import export_keys, open_keys, place_keys, place_tree
from clewline.desk.key_tree import KeyTree
from clewline.desk.ledger import vault
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record
from clewline.desk.retention import erasing, services
from clewline.desk.retention.models import Tombstone
from clewline.desk.search.queries import answer
from clewline.desk.search.reading import read
from clewline.desk.vault import Vault

pytestmark = pytest.mark.django_db(transaction=True)
SECRETS = {
    "url": "https://only-there.example/zqxvwjk-url",
    "wording": "zqxvwjk-wording made up",
    "page_text": "zqxvwjk-page made up",
    "protected_source": "zqxvwjk-source",
    "neutral_summary": "zqxvwjk-summary",
    "report_ref": "zqxvwjk-report",
}
OF_OPTION = {"contact": "@zqxvwjk_contact", "contact_kind": "messenger", "tier": "zqxvwjk-tier"}
RESTORE = """
import json, sys
from pathlib import Path
from clewline.desk.home import DeskHome
from clewline.desk.running import prepare
home = DeskHome(Path(sys.argv[1]))
prepare(home)
from clewline.desk.keeping.backup import restore
restore(Path(sys.argv[2]), home, "A-1")
from clewline.desk.records.models import Sighting
from clewline.desk.retention.models import Tombstone
from clewline.desk.audit.services import verify_log
print(json.dumps({
    "tombstones": list(Tombstone.objects.values_list("record_ref", "reason", "approved_by")),
    "erased": [one.neutral_summary for one in Sighting.objects.filter(ref=sys.argv[3])],
    "other": [one.unseal("url") for one in Sighting.objects.filter(ref=sys.argv[4])],
    "log": verify_log().fault is None,
}))
"""


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.desk.keeping.keys._COST", 1 << 10)


def secret_page(**more: Any) -> Any:
    return page(option(**OF_OPTION), **{**SECRETS, **more})


def all_keys(root: bytes, home: DeskHome) -> list[bytes]:
    """Return every key that anybody with the machine, the escrow and all backups has."""
    found = [home.key(name) for name in ("root", "index", "session")]
    for path in (home.tree, home.escrow):
        tree = KeyTree(path, root)
        with sqlite3.connect(path) as raw:
            found += [tree._open(*row) for row in raw.execute("SELECT id, sealed FROM node")]
        for row in vault().rows():
            if row.wrapped is not None and row.number is not None:
                leaf = tree.leaf(row.number)
                found += [leaf, Vault._unwrap(row.wrapped, row.id, leaf)]
    return found


def search_bytes(data: bytes, where: str) -> None:
    """Find none of the erased texts in some bytes."""
    for text in (*SECRETS.values(), *OF_OPTION.values(), "zqxvwjk"):
        if text not in ("messenger",):
            assert text.encode() not in data, f"{text} in {where}"


def test_no_backup_undoes_it(world: World, tmp_path: Path) -> None:
    analyst, approver = world.person("analyst"), world.person("approver")
    other = record(analyst, page(option(), url="https://stays.example/"))
    home = settings.HOME
    passphrase = "made up for this test"  # noqa: S105
    backups = [tmp_path / "before"]
    back_up(home, backups[0], "A-1")
    sighting = record(analyst, secret_page())
    sealed = [bytes(getattr(sighting, f"{name}_sealed")) for name in Sighting.SEALED]
    contexts = [f"{sighting.ref}/{name}".encode() for name in Sighting.SEALED]
    backups.append(tmp_path / "with")
    back_up(home, backups[1], "A-1")
    exported = [export_keys(home, passphrase)]
    wrapped = next(row.wrapped for row in vault().rows() if row.id == sighting.key_id)
    assert wrapped
    with opened(backups[1], home.key("root")) as (archive, _):
        inside = b"".join(archive.read(name) for name in archive.namelist())
        lines = archive.read("tables/records.Sighting.jsonl").splitlines()
    search_bytes(inside, "what the backup holds outside the record's key")
    taken = [json.loads(line).get("taken") for line in lines]
    assert all(taken)

    asked = services.ask(analyst, sighting, "request", "A made-up request was upheld.")
    services.decide(approver, asked, agreed=True)
    assert vault().is_destroyed(sighting.key_id)
    backups.append(tmp_path / "after")
    back_up(home, backups[2], "A-1")
    exported.append(export_keys(home, passphrase))
    first, last = (open_keys(text, passphrase, "") for text in exported)
    assert first == last  # whenever the keys were exported, it is the same keys

    # Every byte that lies on the machine.
    services.tidy()
    for directory in (home.path, home.escrow.parent):
        for file in directory.rglob("*"):
            if file.is_file():
                search_bytes(file.read_bytes(), file.name)
    # Every key, on what an older copy of the database holds.
    for key in all_keys(home.key("root"), home):
        for text, context in zip(sealed, contexts, strict=True):
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(text[:12], text[12:], context)
    # Every key, on the wrapped key in an older copy of the vault.
    for key in all_keys(home.key("root"), home):
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(wrapped[:12], wrapped[12:], sighting.key_id.encode())

    # Every backup, on a new machine with keys and escrow, and where the keys are still there.
    for number, backup in enumerate(backups):
        for way in ("escrow", "machine"):
            if way == "machine" and number != 1:
                continue
            one = DeskHome(tmp_path / f"{way}-{number}")
            place_keys(one, first)
            if way == "escrow":
                place_tree(one, home.escrow.parent)
            else:
                shutil.copytree(home.path / "keys", one.path / "keys", dirs_exist_ok=True)
                shutil.copy(home.vault, one.vault)
            given = (str(one.path), str(backup), sighting.ref, other.ref)
            said = json.loads(python(tmp_path, RESTORE, *given).stdout)
            assert [sighting.ref, "request", approver.pseudonym] in said["tombstones"]
            assert said["erased"] == ([""] if number else [])
            assert said["other"] == ["https://stays.example/"]
            assert said["log"]
            for file in one.path.rglob("*"):
                if file.is_file():
                    search_bytes(file.read_bytes(), f"{way} {number}: {file.name}")


def test_search_finds_nothing_and_a_tombstone_stays(world: World) -> None:
    analyst = world.person("analyst")
    sighting = record(analyst, secret_page())
    before = answer(analyst, [read(text) for text in (SECRETS["url"], OF_OPTION["contact"])])
    assert all(one.known for one in before)
    asked = services.ask(analyst, sighting, "mistake", "made up")
    services.decide(world.person("approver"), asked, agreed=True)
    texts = (SECRETS["url"], OF_OPTION["contact"], "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "zqxvwjk")
    after = answer(analyst, [read(text) for text in texts])
    assert not any(one.known for one in after)
    stone = Tombstone.objects.get()
    assert (stone.record_ref, stone.reason) == (sighting.ref, "mistake")
    assert (stone.asked_by, stone.approved_by) == ("north-analyst", "north-approver")


def test_stopped_between_rows_and_key_it_is_finished(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst = world.person("analyst")
    sighting = record(analyst, secret_page())
    asked = services.ask(analyst, sighting, "unlawful", "made up")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(erasing, "finish", lambda: (_ for _ in ()).throw(RuntimeError()))
        services.decide(world.person("approver"), asked, agreed=True)
    assert Tombstone.objects.count() == 1
    assert not vault().is_destroyed(sighting.key_id)
    assert erasing.finish() == 1
    assert vault().is_destroyed(sighting.key_id)
    assert erasing.finish() == 0


def test_what_was_not_decided_is_not_destroyed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst = world.person("analyst")
    sighting = record(analyst, secret_page())
    asked = services.ask(analyst, sighting, "unlawful", "made up")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(
            erasing, "_forget_addresses", lambda *_: (_ for _ in ()).throw(RuntimeError())
        )
        services.decide(world.person("approver"), asked, agreed=True)
    assert erasing.finish() == 0
    again = Sighting.objects.get(pk=sighting.pk)
    assert again.unseal("url") == SECRETS["url"]
    assert again.neutral_summary == SECRETS["neutral_summary"]


def test_the_database_lets_nothing_else_empty_or_take_a_row(world: World) -> None:
    from django.db import DatabaseError, transaction

    analyst = world.person("analyst")
    sighting = record(analyst, secret_page())
    asked = services.ask(analyst, sighting, "mistake", "made up")
    tries = [
        f"UPDATE records_sighting SET wording_sealed = NULL WHERE id = {sighting.pk}",  # noqa: S608
        f"UPDATE records_sighting SET neutral_summary = 'x' WHERE id = {sighting.pk}",  # noqa: S608
        "UPDATE records_paymentoption SET tier = ''",
        "UPDATE records_indicator SET value_sealed = NULL",
        f"DELETE FROM records_sighting WHERE id = {sighting.pk}",  # noqa: S608
        "DELETE FROM records_paymentoption",
        "UPDATE retention_erasurerequest SET reason = 'court'",
        "DELETE FROM retention_erasurerequest",
    ]
    record(analyst, page(option()))

    def refused(statements: list[str]) -> None:
        for statement in statements:
            with pytest.raises(DatabaseError), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                if "indicator" in statement:  # there is none
                    raise DatabaseError

    refused(tries)
    services.decide(world.person("approver"), asked, agreed=True)
    # Emptied is emptied: with a tombstone it can be said again, and nothing else can.
    refused([tries[1], *tries[4:], "UPDATE retention_tombstone SET reason = 'court'"])
    refused(["DELETE FROM retention_tombstone"])


def test_what_is_shared_with_others_of_the_brand_is_still_compared(world: World) -> None:
    from clewline.desk.records.models import TraitKey

    analyst = world.person("analyst")
    first = record(analyst, page(option(contact="@shared_one", contact_kind="messenger")))
    second = record(analyst, page(option(contact="@shared_one", contact_kind="messenger")))
    keys = set(TraitKey.objects.values_list("key", flat=True))
    assert set(TraitKey.objects.values_list("sighting", flat=True)) == {second.pk}
    asked = services.ask(analyst, second, "mistake", "made up")
    services.decide(world.person("approver"), asked, agreed=True)
    assert set(TraitKey.objects.values_list("sighting", flat=True)) == {first.pk}
    assert {bytes(key) for key in TraitKey.objects.values_list("key", flat=True)} == {
        bytes(key) for key in keys
    }
