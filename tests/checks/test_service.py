"""The service over HTTP: shapes, tokens, silence, refusals."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.checks.made import CLEAN, CONTROLLED, MENTIONED, Client, serving

from clewline.checks import shapes
from clewline.checks.application import PATHS
from clewline.checks.tokens import Scope, make_token, read_tokens, remove_token, scope_of
from clewline.errors import DataError, UsageError


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client, int]]:
    with serving(tmp_path_factory.mktemp("service")) as (port, register, review):
        clients = Client(port, register), Client(port, review)
        yield (*clients, port)
        for one in clients:
            one.close()


def settled(review: Client, path: str) -> Any:
    """Wait until something is screened."""
    for _ in range(3_000):
        status, body = review.ask("GET", path)
        assert status == 200, body
        if body["result"] != "pending":
            return body
        time.sleep(0.02)
    raise AssertionError("not screened")


def test_a_transfer_is_registered_and_its_alerts_are_read(desk: tuple[Client, Client, int]) -> None:
    register, review, _ = desk
    body = {
        "network": "Ethereum",
        "asset": "ETH",
        "transferReference": "T-1",
        "outputAddress": CONTROLLED.upper().replace("0X", "0x"),
        "direction": "sent",
        "assetAmount": 0.10,
        "transferTimestamp": "2026-01-02T00:00:00+00:00",
    }
    status, answer = register.ask("POST", "/v2/users/C-1/transfers", body)
    assert status == 202
    assert answer["updatedAt"] is None
    assert answer["assetAmount"] == "0.1"
    path = f"/v2/transfers/{answer['externalId']}"
    found = settled(review, f"{path}/alerts")
    (alert,) = found["alerts"]
    assert (alert["alertLevel"], alert["exposureType"]) == ("SEVERE", "DIRECT")
    assert (alert["service"], alert["category"]) == ("Site 1 (made up)", "child_sexual_abuse")
    assert alert["alertAmount"] == "0.1"
    shown = review.ask("GET", path)[1]
    assert (shown["result"], shown["reference"]) == ("direct", "T-1")
    assert shown["listVersion"]


def test_an_address_shows_what_is_known_of_it(desk: tuple[Client, Client, int]) -> None:
    register, review, _ = desk
    for address in (MENTIONED, CLEAN):
        assert register.ask("POST", "/v2/entities", {"address": address})[0] == 202
    body = settled(review, f"/v2/entities/{MENTIONED}")
    assert body["status"] == "COMPLETE"
    assert body["risk"] == "High"
    assert [one["name"] for one in body["addressIdentifications"]] == ["Site 1 (made up)"]
    assert body["triggers"][0]["ruleTriggered"]["minThreshold"] == 0
    clean = settled(review, f"/v2/entities/{CLEAN}")
    assert (clean["risk"], clean["triggers"], clean["result"]) == (None, [], "clean")


def test_a_check_before_a_withdrawal_answers_those_who_decide(
    desk: tuple[Client, Client, int],
) -> None:
    _, review, _ = desk
    for address, levels in ((CONTROLLED, ["SEVERE"]), (CLEAN, [])):
        body = {"address": address, "network": "ETH", "attemptIdentifier": f"check-{address}"}
        status, answer = review.ask("POST", "/v2/users/C-9/checks", body)
        assert status == 200
        assert [one["alertLevel"] for one in answer["alerts"]] == levels


def test_a_customer_sees_the_same_for_hit_and_clean(desk: tuple[Client, Client, int]) -> None:
    register, _, _ = desk
    answers = []
    for address in (CONTROLLED, MENTIONED, CLEAN):
        body = {"address": address, "network": "ETH", "attemptIdentifier": f"probe-{address}"}
        status, answer = register.ask("POST", "/v2/users/C-2/withdrawal-attempts", body)
        again = register.ask("POST", "/v2/users/C-2/withdrawal-attempts", body)
        assert again == (status, answer)
        text = str((status, answer)).replace(address, "ADDRESS")
        answers.append(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text))
    # The id follows from the reference alone, so it says nothing either.
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(("method", "path", "scope"), [row[:3] for row in PATHS])
def test_every_path_wants_its_token(
    desk: tuple[Client, Client, int], method: str, path: str, scope: Scope
) -> None:
    register, review, port = desk
    where = re.sub(r"\{\w+\}", "x", path)
    stranger = Client(port, "")
    assert stranger.ask(method, where, {})[0] == 401
    stranger.close()
    wrong = review if scope is Scope.REGISTER else register
    assert wrong.ask(method, where, {})[0] == 403
    right = register if scope is Scope.REGISTER else review
    assert right.ask(method, where, {})[0] in {404, 422}


def test_who_is_refused_can_ask_again_on_the_same_connection(
    desk: tuple[Client, Client, int],
) -> None:
    """What was sent is read even so; else the rest of it would break the next request."""
    register, _review, port = desk
    stranger = Client(port, "")
    for _ in range(40):
        assert stranger.ask("POST", "/v2/entities", {"address": "x" * 200})[0] == 401
        assert register.ask("POST", "/v2/users/C-1/checks", {"address": "x" * 200})[0] == 403
    stranger.close()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "a request is JSON"),
        (b"[]", "a request is an object"),
        (b"{", "a request is JSON"),
        (b"[" * 10_000, "a request is JSON"),
        (b'{"address":"x","attemptIdentifier":"' + b"x" * 20_000 + b'"}', "at most 16384 bytes"),
        ({"address": "x"}, "attemptIdentifier: is missing"),
        ({"address": ["x"], "attemptIdentifier": "W"}, "address: text"),
        ({"address": "x\n", "attemptIdentifier": "W\u0000"}, "printable ASCII"),
        ({"address": "x", "attemptIdentifier": "W", "image": "x"}, "no field 'image'"),
        ({"address": "x", "attemptIdentifier": "W", "assetAmount": "-1"}, "from 0"),
        ({"address": "x", "attemptIdentifier": "W", "assetAmount": 1e400}, "assetAmount"),
        ({"address": "x", "attemptIdentifier": "W", "assetAmount": "9" * 41}, "assetAmount"),
        ({"address": "x", "attemptIdentifier": "W", "attemptTimestamp": "soon"}, "ISO 8601"),
        (
            {"address": "x", "attemptIdentifier": "W", "attemptTimestamp": "2026-01-01T00:00:00"},
            "offset",
        ),
    ],
)
def test_requests_that_are_none_are_refused_by_field(
    desk: tuple[Client, Client, int], body: Any, what: str
) -> None:
    register, _, _ = desk
    status, answer = register.ask("POST", "/v2/users/C-1/withdrawal-attempts", body)
    assert status == 422, answer
    assert what in answer["message"]


def test_what_was_not_registered_is_not_found(desk: tuple[Client, Client, int]) -> None:
    _, review, _ = desk
    for path in ("/v2/transfers/x", "/v2/withdrawal-attempts/x/alerts", f"/v2/entities/0x{9:040}"):
        assert review.ask("GET", path) == (404, {"message": "not registered"})


def test_amounts_are_not_rounded() -> None:
    body = b'{"address":"x","attemptIdentifier":"W","assetAmount":0.10000000000000000001}'
    assert shapes.read_request("withdrawal", "C", body).amount == "0.10000000000000000001"


def test_only_hashes_of_tokens_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    token = make_token(file, "till", Scope.REGISTER)
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert scope_of(read_tokens(file), f"Bearer {token}") is Scope.REGISTER
    assert scope_of(read_tokens(file), f"Basic {token}") is None
    with pytest.raises(UsageError, match="there is a token of this name"):
        make_token(file, "till", Scope.REVIEW)
    remove_token(file, "till")
    assert read_tokens(file) == {}
    with pytest.raises(UsageError, match="there are: none"):
        remove_token(file, "till")
    file.write_text("{")
    with pytest.raises(DataError, match="no file of tokens"):
        read_tokens(file)
