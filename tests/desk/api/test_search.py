"""Questions through the API: in their order, and the same bytes for unknown and of others."""

from __future__ import annotations

from tests.desk import planted
from tests.desk.api.conftest import Program
from tests.desk.conftest import World

# A published example of BIP-173.
OTHER = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def test_answers_stand_in_their_order(world: World, program: Program) -> None:
    planted.sighting_of(world.person("analyst"))
    questions = [OTHER, planted.ADDRESS, planted.URL, OTHER]
    answers = program("liaison", "POST", "/search", {"questions": questions}).json()
    assert [one["known"] for one in answers] == [False, True, True, False]
    assert answers[1]["hits"][0]["brands"] == [planted.OF_TEAM["brand"]]
    assert planted.URL not in str(answers)


def test_unknown_and_of_others_are_the_same(world: World, program: Program) -> None:
    questions = {"questions": [planted.ADDRESS, planted.URL, planted.OF_TEAM["report"]]}
    before = program("analyst", "POST", "/search", questions, stranger=True)
    planted.sighting_of(world.person("analyst"))
    planted.address_of(world.person("analyst"), world.team)
    after = program("analyst", "POST", "/search", questions, stranger=True)
    assert before.content == after.content


def test_more_than_a_thousand_are_refused(world: World, program: Program) -> None:
    answer = program("analyst", "POST", "/search", {"questions": ["x"] * 1001})
    assert answer.status_code == 422
    assert program("analyst", "POST", "/search", {"questions": []}).status_code == 422


def test_a_member_links_and_others_do_not(world: World, program: Program) -> None:
    investigator = world.person("investigator")
    ref = planted.case_of(investigator, world.team).ref
    body = {"what": OTHER, "why": "made up"}
    made = program("investigator", "POST", f"/cases/{ref}/links", body)
    assert made.status_code == 201
    assert OTHER in {one["name"] for one in made.json()["links"]}
    again = program("investigator", "POST", f"/cases/{ref}/links", body)
    assert (again.status_code, again.json()["where"]) == (400, "what to add")
    assert program("analyst", "GET", f"/cases/{ref}").status_code == 404
    assert program("analyst", "GET", "/cases").json() == {"items": []}
