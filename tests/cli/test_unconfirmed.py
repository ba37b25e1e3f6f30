"""``chain follow --unconfirmed``, and how commands show what may never be confirmed."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import COIN, Branch, Tx, p2pkh, spend
from tests.cli.command import answer, clewline
from tests.sources.node_stand_in import FULL, NodeStandIn

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name

WARNING = "not confirmed: may never be"


@pytest.fixture
def payment() -> tuple[Branch, Tx]:
    """Three blocks, and a payment of the first reward that waits."""
    branch = Branch()
    for _ in range(3):
        branch.add()
    return branch, spend((branch.blocks[1].transactions[0], 0), to=[(49 * COIN, p2pkh(50))])


@pytest.fixture
def node(payment: tuple[Branch, Tx], monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeStandIn]:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    branch, tx = payment
    with NodeStandIn(branch.raw) as stand_in:
        stand_in.mempool = {tx.txid[::-1].hex(): tx.serialize()}
        yield stand_in


@pytest.fixture
def followed(node: NodeStandIn, tmp_path: Path) -> Path:
    store = tmp_path / "store"
    follow = ("chain", "follow", "--once", "--store", store, "--rest", node.url)
    ran = clewline(*follow, "--unconfirmed")
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert re.search(r"; tip [0-9a-f]{64}; 1 unconfirmed$", ran.err.splitlines()[-1]), ran.err
    return store


def address(number: int) -> str:
    found = address_of(p2pkh(number), network_by_name("regtest"))
    assert found is not None
    return found


def asked(store: Path, *command: str) -> Any:
    return json.loads(answer(*command, "--store", store, "--format", "json"))


def test_answers(followed: Path, payment: tuple[Branch, Tx]) -> None:
    branch, tx = payment
    name, spent = tx.txid[::-1].hex(), branch.blocks[1].transactions[0].txid[::-1].hex()
    info = asked(followed, "chain", "info")
    as_of = info["unconfirmed"].pop("as_of")
    assert info["unconfirmed"] == {"waiting": 1, "unread": 0}
    row = asked(followed, "address", "show", address(50))
    assert (row["received"], row["balance"]) == (0, 0)
    assert row["unconfirmed"] == {
        "as_of": as_of,
        "received": 49 * COIN,
        "sent": 0,
        "transactions": [name],
    }
    (row,) = asked(followed, "tx", "show", name)
    assert (row["confirmed"], row["fee"], row["inputs"][0]["txid"]) == (False, COIN, spent)
    trace = asked(followed, "trace", "forward", address(1))
    assert trace["unspent"] == trace["total"] == 50 * COIN
    assert trace["spent_unconfirmed_by"] == [
        {"txid": spent, "vout": 0, "value": 50 * COIN, "spent_by": name, "as_of": as_of}
    ]


def test_people_are_told(followed: Path, payment: tuple[Branch, Tx]) -> None:
    name = payment[1].txid[::-1].hex()
    for command in (
        ("chain", "info"),
        ("address", "show", address(50)),
        ("tx", "show", name),
        ("trace", "forward", address(1)),
    ):
        assert answer(*command, "--store", followed, "--format", "table").count(WARNING) == 1
    for command in (("trace", "forward", address(2)), ("cluster", "show", address(1))):
        assert WARNING not in answer(*command, "--store", followed, "--format", "table")


def test_where_nothing_is_followed_nobody_is_warned(followed: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(followed, plain)
    (plain / "unconfirmed.sqlite").unlink()
    for command in (("chain", "info"), ("address", "show", address(50))):
        assert WARNING not in answer(*command, "--store", plain, "--format", "table")


def test_rows_of_two_kinds(followed: Path, payment: tuple[Branch, Tx]) -> None:
    branch, tx = payment
    name, spent = tx.txid[::-1].hex(), branch.blocks[1].transactions[0].txid[::-1].hex()
    show = ("tx", "show", spent, name, "--store", followed, "--format")
    rows = [json.loads(line) for line in answer(*show, "jsonl").splitlines()]
    assert [row.get("confirmed", True) for row in rows] == [True, False]
    table = answer(*show, "table")
    assert spent in table
    assert table.count(WARNING) == 1
    ran = clewline(*show, "csv")
    assert ran.code == 2
    assert "do not fit one table" in ran.err
    alone = answer("tx", "show", name, "--store", followed, "--format", "csv")
    assert next(csv.DictReader(io.StringIO(alone)))["confirmed"] == "no"


def test_wrong_use(tmp_path: Path) -> None:
    ran = clewline(
        *("chain", "follow", "--store", tmp_path / "store", "--core-blocks", tmp_path),
        "--unconfirmed",
    )
    assert ran.code == 2
    assert "--unconfirmed: block files hold no transactions that wait" in ran.err
    assert not (tmp_path / "store").exists()


def test_mempool_that_cannot_be_had(followed: Path, node: NodeStandIn) -> None:
    node.change = lambda path, _reply: FULL if "mempool" in path else None
    ran = clewline(
        *("chain", "follow", "--once", "--store", followed, "--rest", node.url, "--unconfirmed")
    )
    assert ran.code == 1
    assert "[node]" in ran.err
    assert asked(followed, "chain", "info")["unconfirmed"]["waiting"] == 1
