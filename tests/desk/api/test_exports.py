"""A bulk export through the API: two people, one copy, its hash."""

from __future__ import annotations

import base64
import hashlib
import uuid

from django.test import Client
from tests.desk import planted
from tests.desk.api.conftest import Program, read_in_parts
from tests.desk.conftest import World, packages_go

from clewline.desk.accounts import services as accounts
from clewline.desk.exports import services
from clewline.desk.records.models import Brand

ASKED = {"what": "sightings", "recipient": "made up", "purpose": "made up"}


def test_one_copy_with_its_hash(world: World, program: Program) -> None:
    planted.sighting_of(world.person("analyst"))
    ref = program("analyst", "POST", "/exports", ASKED).json()["ref"]
    early = program("analyst", "POST", f"/exports/{ref}/copy")
    assert (early.status_code, early.json()["message"][:22]) == (400, "this export is waiting")
    said = program("approver", "POST", f"/exports/{ref}/decide", {"agreed": True}).json()
    assert (said["state"], said["decided_by"]) == ("checked", "north-approver")
    packages_go()
    token = accounts.new_token(world.person("analyst"), "x", ["export.download"], 5)
    headers = {"Authorization": f"Bearer {token}"}
    # The first answer of a key is kept for a day; a copy is taken once.
    key = {"Idempotency-Key": str(uuid.uuid4())}
    kept = Client().post(f"/api/exports/{ref}/copy", headers={**headers, **key})
    assert (kept.status_code, kept.json()["where"]) == (422, "Idempotency-Key")
    copy = Client().post(f"/api/exports/{ref}/copy", headers=headers).json()
    content = base64.b64decode(copy["content"], validate=True)
    assert hashlib.sha256(content).hexdigest() == copy["sha256"]
    told = services.text_of(content)
    assert not any(word in told for word in planted.SEALED.values())
    there = program("analyst", "GET", f"/exports/{ref}").json()
    assert (there["state"], there["rows"], there["sha256"]) == ("taken", 1, copy["sha256"])
    second = program("analyst", "POST", f"/exports/{ref}/copy")
    assert (second.status_code, "sha256" in second.json()) == (400, False)


def test_a_brand_of_others_is_as_one_that_is_not_there(world: World, program: Program) -> None:
    planted.sighting_of(world.person("analyst"))
    brand = Brand.objects.get().ref
    answers = [
        program("analyst", "POST", "/exports", {**ASKED, "brand": ref}, stranger=True)
        for ref in (brand, "B-NONE0-NONE0")
    ]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_days_stand_in_order(program: Program) -> None:
    days = {"since": "2026-03-02", "until": "2026-03-01"}
    refused = program("analyst", "POST", "/exports", {**ASKED, **days})
    assert (refused.status_code, refused.json()["where"]) == (400, "until")


def asked(world: World, n: int) -> None:
    given = {"what": "options", "recipient": f"{n}", "purpose": "x"}
    services.ask(world.person("analyst"), team=world.team, **given)


def test_exports_are_read_in_parts_and_in_as_many_queries(world: World, program: Program) -> None:
    read_in_parts(world, program, "analyst", "/exports", asked)
