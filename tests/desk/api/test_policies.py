"""A policy through the API: proposed, tried on the past, adopted by somebody else."""

from __future__ import annotations

from tests.desk.api.conftest import Program

POLICY = "policy: x\nversion: 7\nrules: [{id: x, release: [address, chain], because: x}]\n"


def test_a_policy_is_adopted_by_a_second_person(program: Program) -> None:
    before = program("liaison", "GET", "/policies").json()
    assert before["versions"] == []
    body = {"text": POLICY, "reason": "made up"}
    made = program("liaison", "POST", "/policies", body).json()
    assert (made["number"], made["adopted"]) == (1, None)
    tried = program("approver", "GET", "/policies/1").json()
    assert (tried["text"], tried["is_all"], tried["differing"]) == (POLICY, True, 0)
    assert program("liaison", "POST", "/policies/1/decide", {"adopted": True}).status_code == 403
    said = program("approver", "POST", "/policies/1/decide", {"adopted": True}).json()
    assert (said["adopted"], said["decided_by"]) == (True, "north-approver")
    after = program("liaison", "GET", "/policies").json()
    assert (after["policy"], after["text"]) == (made["policy"], POLICY)
    assert after["policy"] != before["policy"]


def test_a_policy_of_others_is_as_one_that_is_not_there(program: Program) -> None:
    program("liaison", "POST", "/policies", {"text": POLICY, "reason": "made up"})
    of_others = program("liaison", "GET", "/policies/1", stranger=True)
    none = program("liaison", "GET", "/policies/9", stranger=True)
    assert (of_others.status_code, of_others.content) == (404, none.content)


def test_a_policy_that_cannot_be_read_is_refused(program: Program) -> None:
    refused = program("liaison", "POST", "/policies", {"text": "policy: [", "reason": "x"})
    assert refused.status_code in (400, 422)
    assert program("liaison", "GET", "/policies").json()["versions"] == []
