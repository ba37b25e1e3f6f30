"""Sightings through the API: recorded once, read without what is sealed, found by nobody else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.desk.api.conftest import Program
from tests.desk.conftest import World

from clewline.desk.audit.models import Event
from clewline.desk.records.models import Sighting

ADDRESS = "bcrt1q766tr8y3n9wp60yvls9tchs64qat28epdkgen5"
SECRETS = ("hidden.example", "made-up wording", "source@made-up.example", "seller-made-up")


def page(**fields: Any) -> dict[str, Any]:
    return {
        "observed_at": "2026-01-02T10:00:00Z",
        "brand": "Amber Lantern",
        "url": "https://hidden.example/pay",
        "wording": "made-up wording",
        "protected_source": "source@made-up.example",
        "neutral_summary": "A made-up page",
        "options": [
            {
                "address": ADDRESS,
                "amount_min": "30",
                "price_currency": "USD",
                "period": "monthly",
                "contact_kind": "messenger",
                "contact": "@seller-made-up",
            }
        ],
        **fields,
    }


def test_recorded_and_read_without_what_is_sealed(world: World, program: Program) -> None:
    answer = program("analyst", "POST", "/sightings", page())
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made["options"][0]["address"]["canonical"] == ADDRESS
    assert made["options"][0]["amount_min"] == "30"
    for role in ("analyst", "approver", "investigator", "liaison"):
        read = program(role, "GET", f"/sightings/{made['ref']}")
        assert read.json() == made
        assert not any(secret in read.content.decode() for secret in SECRETS)
    sealed = Sighting.objects.get()
    assert sealed.unseal("wording") == "made-up wording"
    assert Event.objects.filter(action="sighting.record", object=made["ref"]).exists()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("2026-01-02T10:00:00+21:47", 201),  # more than PostgreSQL takes
        ("0001-01-01T00:00:00+12:00", 422),
        ("9999-12-31T23:59:59-12:00", 422),
    ],
)
def test_any_offset_of_time(world: World, program: Program, given: str, status: int) -> None:
    answer = program("analyst", "POST", "/sightings", page(observed_at=given))
    assert answer.status_code == status, answer.content
    if status == 201:
        assert Sighting.objects.get().observed_at.isoformat() == "2026-01-01T12:13:00+00:00"


def test_others_find_nothing(world: World, program: Program) -> None:
    ref = program("analyst", "POST", "/sightings", page()).json()["ref"]
    there = program("analyst", "GET", f"/sightings/{ref}", stranger=True)
    missing = program("analyst", "GET", "/sightings/S-00000-00000", stranger=True)
    assert there.status_code == missing.status_code == 404
    assert there.content == missing.content
    assert program("analyst", "GET", "/sightings", stranger=True).json()["items"] == []
    for path in ("supersede", "withdraw"):
        body = {"reason": "x", "sighting": page()} if path == "supersede" else {"reason": "x"}
        answer = program("analyst", "POST", f"/sightings/{ref}/{path}", body, stranger=True)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "role", ["approver", "investigator", "liaison", "auditor", "administrator"]
)
def test_only_analysts_record(world: World, program: Program, role: str) -> None:
    assert program(role, "POST", "/sightings", page()).status_code == 403
    assert not Sighting.objects.exists()


def test_sent_twice_is_recorded_once(world: World, program: Program) -> None:
    body = page(draft=str(uuid.uuid4()))
    first = program("analyst", "POST", "/sightings", body).json()
    assert program("analyst", "POST", "/sightings", body).json()["ref"] == first["ref"]
    assert Sighting.objects.count() == 1


def test_a_page_of_many(world: World, program: Program) -> None:
    refs = [
        program("analyst", "POST", "/sightings", page(report_ref=f"R{n}")).json()["ref"]
        for n in range(5)
    ]
    first = program("analyst", "GET", "/sightings?limit=2").json()
    assert [one["ref"] for one in first["items"]] == refs[:2:-1]
    rest = program("analyst", "GET", f"/sightings?limit=10&after={first['next']}").json()
    assert [one["ref"] for one in rest["items"]] == refs[2::-1]
    assert rest["next"] is None


def test_corrected_and_withdrawn(world: World, program: Program) -> None:
    ref = program("analyst", "POST", "/sightings", page()).json()["ref"]
    body = {"reason": "the country was missing", "sighting": page(hosting_country="NL", wording="")}
    new = program("analyst", "POST", f"/sightings/{ref}/supersede", body)
    assert new.status_code == 201 and new.json()["supersedes"] == ref
    assert Sighting.objects.get(ref=new.json()["ref"]).unseal("wording") == "made-up wording"
    assert program("analyst", "POST", f"/sightings/{ref}/supersede", body).status_code == 400
    gone = program("analyst", "POST", f"/sightings/{new.json()['ref']}/withdraw", {"reason": "x"})
    assert gone.json()["withdrawn"] == "x"
    assert program("analyst", "GET", "/sightings").json()["items"] == []


def test_an_import_says_what_became_of_each_row(world: World, program: Program) -> None:
    wrong = page(options=[{"address": ADDRESS[:-1] + "q"}])
    rows = program("analyst", "POST", "/imports/sightings", {"sightings": [page(), wrong, page()]})
    results = rows.json()
    assert [row["ref"] is not None for row in results] == [True, False, True]
    assert results[1]["problem"]["where"] == "option 1: address"
    assert Sighting.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"tlp": "purple"}, "tlp"),
        ({"options": [{"amount_min": "1e3"}]}, "amount_min"),
        ({"photo": "x"}, "photo"),
        ({"observed_at": "yesterday"}, "observed_at"),
        ({"neutral_summary": "a" * 401}, "neutral_summary"),
    ],
)
def test_what_is_wrong_is_named(
    world: World, program: Program, fields: dict[str, Any], where: str
) -> None:
    answer = program("analyst", "POST", "/sightings", page(**fields))
    assert answer.status_code == 422
    assert where in answer.json()["where"]
    assert not Sighting.objects.exists()


def test_a_page_is_read_and_not_stored(world: World, program: Program) -> None:
    answer = program("analyst", "POST", "/read", {"source": f"Made up. Pay to {ADDRESS}, 30 USD"})
    found = {(one["kind"], one["value"]) for one in answer.json()["proposals"]}
    assert ("address", ADDRESS) in found
    assert not Sighting.objects.exists()
