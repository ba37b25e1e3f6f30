"""Cases, brands, look-ups and partners are erased as sightings are: no backup undoes it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World
from tests.desk.records.pages import page
from tests.desk.terminal import python

from clewline.desk import append_only
from clewline.desk.brands.services import create_brand
from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.home import DeskHome
from clewline.desk.keeping.backup import back_up, opened
from clewline.desk.keeping.keys import export_keys, open_keys, place_keys, place_tree
from clewline.desk.ledger import vault
from clewline.desk.lookups.models import LookUp
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.records.services import record
from clewline.desk.retention import queries, services, takes, triggers
from clewline.desk.retention.models import Tombstone
from clewline.errors import UsageError

pytestmark = pytest.mark.django_db(transaction=True)
WORD = "zqxvwjk"
"""Stands in every text that must go."""
RESTORE = """
import json, sys
from pathlib import Path
from clewline.desk.home import DeskHome
from clewline.desk.running import prepare
home = DeskHome(Path(sys.argv[1]))
prepare(home)
from clewline.desk.keeping.backup import restore
restore(Path(sys.argv[2]), home, "A-1")
from django.apps import apps
from clewline.desk.retention import takes
from clewline.desk.retention.models import Tombstone
left = []
for kind in takes.KINDS:
    for stone in Tombstone.objects.filter(kind=kind.id):
        for label in takes.belongings(kind):
            model = apps.get_model(label)
            empty = takes.emptied(model)
            of = {takes.key_path(label): stone.key_id}
            for row in model._base_manager.filter(**of).values("pk", *empty):
                left += [f"{label}.{name}" for name in empty if row[name] != empty[name]]
print(json.dumps({"left": left, "stones": list(Tombstone.objects.values_list("key_id", flat=True)),
                  "cases": apps.get_model("cases.Case").objects.count()}))
"""


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.desk.keeping.keys._COST", 1 << 10)


def full_case(world: World) -> Case:
    """Return a case with something in everything that a case holds."""
    owner, approver = world.person("investigator"), world.person("approver")
    approver.roles = ["approver", "investigator"]
    approver.save()
    case = cases.open_case(owner, world.team, "Quiet Bridge", f"{WORD} title", f"{WORD} law")
    cases.add_member(owner, case, approver, f"{WORD} needs to know")
    cases.add_note(owner, case, f"{WORD} note")
    cases.end_task(owner, cases.add_task(owner, case, f"{WORD} task", owner), "done")
    cases.describe_file(
        owner, case, name=f"{WORD}.txt", sha256="ab" * 32, size=7, place=WORD, about=WORD
    )
    cases.link(owner, case, record(owner, page()).ref, f"{WORD} link")
    planted.request_of(owner, case, "approved", "sent")
    planted.list_of(owner, case)
    cases.hand_over(owner, case, approver, f"{WORD} holiday")
    return case


def rows_of(kind: str, record: Any) -> dict[str, list[dict[str, Any]]]:
    """Return model → what erasure takes of the rows of a record."""
    one = next(known for known in takes.KINDS if known.id == kind)
    found = {}
    for label in takes.belongings(one):
        model: Any = apps.get_model(label)
        empty = takes.emptied(model)
        rows = model.objects.filter(**{takes.WAY.get(label, "pk"): record.pk})
        found[label] = list(rows.values(*empty))
    return found


def assert_empty(kind: str, record: Any) -> None:
    for label, rows in rows_of(kind, record).items():
        empty = takes.emptied(apps.get_model(label))
        assert all(row == empty for row in rows), label


def test_a_case_goes_with_all_it_holds_and_no_backup_brings_it_back(
    world: World, tmp_path: Path
) -> None:
    owner, approver = world.person("investigator"), world.person("approver")
    case = full_case(world)
    held = rows_of("case", case)
    filled = {label for label, rows in held.items() if rows}
    assert filled >= set(held) - {"cases.StateChange", "money.RowReview", "money.RowAnswer"}
    with_it = tmp_path / "with"
    back_up(settings.HOME, with_it, "A-1")
    with opened(with_it, settings.HOME.key("root")) as (archive, manifest):
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert manifest["format"] == 3
    for name, part in inside.items():
        assert WORD.encode() not in part, name
    note = json.loads(inside["tables/cases.Note.jsonl"].splitlines()[0])
    assert note["taken_with"] == case.key_id
    assert len(base64.b64decode(note["taken"])) > 16

    # A stranger to the case cannot agree; a hold stops it; two members do it.
    held_by = services.hold(owner, basis="made up", until=None, on=case)
    with pytest.raises(UsageError, match="legal hold"):
        services.ask(owner, case, "unlawful", "made up")
    services.lift(approver, held_by, "made up")
    asked = services.ask(owner, case, "unlawful", "made up")
    stranger = world.person("analyst")
    assert not type(asked).objects.visible_to(stranger).exists()
    services.decide(approver, asked, agreed=True)
    assert vault().is_destroyed(case.key_id)
    assert_empty("case", case)
    services.tidy()
    for directory in (settings.HOME.path, settings.HOME.escrow.parent):
        for file in directory.rglob("*"):
            if file.is_file():
                assert WORD.encode() not in file.read_bytes(), file.name
    # Members find the tombstone, others nothing; the records that it linked are as they were.
    assert list(Tombstone.objects.visible_to(owner)) == list(Tombstone.objects.all())
    assert not Tombstone.objects.visible_to(stranger).exists()
    browser = world.client(owner)
    assert browser.get(f"/cases/{case.ref}/").status_code == 410
    assert b"What stays" in browser.get(f"/retention/cases/{case.ref}/").content
    assert browser.get("/cases/").status_code == 200
    assert browser.get("/retention/").status_code == 200
    assert browser.get(f"/retention/erasures/{asked.ref}/").status_code == 200
    assert Sighting.objects.get().unseal("url")

    passphrase = "made up for this test"  # noqa: S105
    keys = open_keys(export_keys(settings.HOME, passphrase), passphrase, "")
    one = DeskHome(tmp_path / "again")
    place_keys(one, keys)
    place_tree(one, settings.HOME.escrow.parent)
    said = json.loads(python(tmp_path, RESTORE, str(one.path), str(with_it)).stdout)
    assert (said["left"], said["cases"]) == ([], 1)
    # The tree of keys is one for all tests of a process: others may have erased before.
    assert case.key_id in said["stones"]
    for file in one.path.rglob("*"):
        if file.is_file():
            assert WORD.encode() not in file.read_bytes(), file.name


def test_the_database_keeps_what_belongs_to_a_case(world: World) -> None:
    full_case(world)
    for statement in (
        "UPDATE cases_task SET text = ''",
        "UPDATE cases_task SET due = '2020-01-01'",
        "UPDATE cases_note SET text_sealed = NULL",
        "UPDATE cases_link SET why = 'x'",
        "UPDATE money_requestrow SET value = 0",
        "DELETE FROM money_caserow",
    ):
        with (
            pytest.raises(DatabaseError, match="only erasure"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_periods_end_cases_brands_look_ups_and_partners(world: World) -> None:
    owner, now = world.person("investigator"), timezone.now()
    brand = create_brand(owner, world.team, "Still Lake", f"{WORD} name")
    used = create_brand(owner, world.team, "Loud Lake", "in use")
    record(owner, page(brand=used.codename))
    case = cases.open_case(owner, world.team, "Quiet Bridge", f"{WORD} title", "made up")
    still_open = cases.open_case(owner, world.team, "Open Bridge", "kept", "made up")
    cases.change_state(owner, case, "closed", "made up")
    look_up = planted.look_up_of(world.person("partner"))
    planted.answered(look_up, world.person("liaison"), world.person("approver"))
    partner = world.partner
    assert services.expire("terminal:x") == []
    partners.stop(world.person("approver"), partner, "ended", "made up")

    long_ago = now - timedelta(days=366 * 11)
    Brand.objects.update(created_at=long_ago)
    Case.objects.filter(closed_at__isnull=False).update(closed_at=long_ago)
    triggers.drop(connection)
    kept = append_only.drop(connection)
    LookUp.objects.update(asked_at=long_ago)
    partner.changes.update(at=long_ago)
    append_only.create(connection, kept)
    triggers.create(connection)

    due = {one.kind for one in queries.expiry(owner).due}
    assert due == {"brand", "case", "look_up", "partner"}
    made = services.expire("terminal:x")
    assert {one.kind for one in made} == due
    assert {one.record_ref for one in made} == {brand.ref, case.ref, look_up.ref, partner.ref}
    for kind, gone in (("brand", brand), ("case", case), ("look_up", look_up)):
        assert vault().is_destroyed(gone.key_id)
        assert_empty(kind, gone)
    assert_empty("partner", Partner.objects.get(pk=partner.pk))
    assert Brand.objects.get(pk=used.pk).unseal("name") == "in use"
    assert Case.objects.get(pk=still_open.pk).unseal("title") == "kept"
    browser = world.client(world.person("liaison"))
    assert browser.get(f"/lookups/{look_up.ref}/").status_code == 410
    assert browser.get(f"/partners/{partner.ref}/").status_code == 200
    assert browser.get("/lookups/").status_code == 200
    assert world.client(owner).get(f"/brands/{brand.ref}/").status_code == 200
    assert services.expire("terminal:x") == []
