"""The stand-in against what a real node answered: status, headers and body."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tests.cli.records import HEAD, read_records
from tests.sources.node_stand_in import COOKIE, NodeStandIn, longest_chain

SERVED = (
    "while the node is still starting",
    "chain info",
    "block count",
    "best block hash",
    "block hash at 150",
    "block hash beyond the tip",
    "JSON-RPC 1.1 style error",
    "block, verbosity 0",
    "unknown block",
    "malformed hash",
    "stale block is still served",
    "header, raw",
    "unknown method",
    "batch of three",
    "wrong password",
    "no password",
    "not JSON",
    "GET on the RPC port",
    "unknown transaction",
    "mempool",
    "REST mempool",
    "REST block .bin",
    "REST block hash by height",
    "REST block hash by height, too high",
    "REST headers",
    "REST chain info",
    "REST unknown block",
    "REST malformed",
)


@pytest.fixture(scope="module")
def real_blocks(core_regtest: Path) -> list[bytes]:
    return [record[HEAD:] for record in read_records(core_regtest / "blocks").blocks]


@pytest.fixture(scope="module")
def real(real_blocks: list[bytes]) -> Iterator[NodeStandIn]:
    with NodeStandIn(real_blocks) as stand_in:
        stand_in.follow(longest_chain(real_blocks))
        yield stand_in


@pytest.fixture(scope="module")
def recorded(fixtures_dir: Path) -> dict[str, Any]:
    text = (fixtures_dir / "bitcoin" / "core-http.json").read_text("utf-8")
    return {one["name"]: one for one in json.loads(text)}


@pytest.mark.parametrize("name", SERVED)
def test_answers_as_the_real_node(name: str, recorded: dict[str, Any], real: NodeStandIn) -> None:
    wanted = recorded[name]
    request = wanted["request"]
    starting = "starting" in name
    real.warm_up = json.loads(wanted["body"])["error"]["message"] if starting else None
    body = request["body"]
    logins = {"cookie": COOKIE, "wrong": "x:y", None: None}
    login = logins[request["auth"]]
    headers = {"Connection": "close"}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    connection = HTTPConnection("127.0.0.1", real.port, timeout=10)
    connection.request(
        request["method"],
        request["path"],
        body if isinstance(body, str | None) else json.dumps(body),
        headers,
    )
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    expected = (
        base64.b64decode(wanted["body_base64"])
        if "body_base64" in wanted
        else wanted["body"].encode()
    )
    assert answer.status == wanted["status"]
    found, said = dict(answer.getheaders()), dict(wanted["headers"])
    if "chain" in name and "info" in name:
        # The node says more of its chain than anybody asks it here.
        ours, theirs = json.loads(data), json.loads(expected)
        ours, theirs = ours.get("result", ours), theirs.get("result", theirs)
        assert ours == {key: theirs[key] for key in ours}
        del found["Content-Length"], said["Content-Length"]
    else:
        assert data == expected
    assert found == said
