"""``chain import`` from a node: options, what is printed, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import answer, clewline
from tests.cli.conftest import MadeUp
from tests.cli.records import HEAD, Records
from tests.sources.node_stand_in import NodeStandIn

PASSWORD = "wolfram-and-graphite"  # noqa: S105 - made up


@pytest.fixture
def node(records: Records, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeStandIn]:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    for name in ("COOKIE", "USER", "PASSWORD"):
        monkeypatch.delenv(f"CLEWLINE_RPC_{name}", raising=False)
    with NodeStandIn([record[HEAD:] for record in records.blocks]) as stand_in:
        yield stand_in


def info(store: Path) -> str:
    return json.dumps(json.loads(answer("chain", "info", "--store", store, "--format", "json")))


def test_import(
    case: MadeUp, node: NodeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = tmp_path / ".cookie"
    cookie.write_text(node.login)
    ways = {
        "rest": ("--rest", node.url),
        "cookie": ("--rpc", node.url, "--rpc-cookie", cookie, "--network", "regtest"),
        "url": ("--rpc", node.url.replace("//", f"//{node.login}@")),
    }
    for name, way in ways.items():
        ran = clewline("chain", "import", "--store", tmp_path / name, *way)
        assert ran.code == 0, ran.err
        assert f"{len(node.chain):,} blocks imported; regtest at height" in ran.err
        assert ("note: the password in --rpc" in ran.err) == (name == "url")
        assert node.login.split(":")[1] not in ran.err
        assert info(tmp_path / name) == info(case.store)
    monkeypatch.setenv("CLEWLINE_RPC_COOKIE", str(cookie))
    ran = clewline("chain", "import", "--store", tmp_path / "cookie", "--rpc", node.url)
    assert "0 blocks imported" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--core-blocks", "blocks", "--rpc", "http://127.0.0.1"),
        ("--core-blocks", "blocks", "--rest", "http://127.0.0.1"),
        ("--rpc", "http://127.0.0.1", "--rest", "http://127.0.0.1"),
        ("--core-blocks", "blocks", "--rpc-cookie", "cookie"),
        ("--rest", "http://127.0.0.1", "--rpc-cookie", "cookie"),
        ("--rpc", "http://ann:b@127.0.0.1", "--rpc-cookie", "cookie"),
        ("--rpc", "not a url"),
        ("--rpc", "http://127.0.0.1", "--rpc-cookie", "no-such-cookie"),
    ],
)
def test_options_that_do_not_go_together(options: tuple[str, ...], tmp_path: Path) -> None:
    ran = clewline("chain", "import", "--store", tmp_path / "store", *options)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert "[usage]" in ran.err
    assert not (tmp_path / "store").exists()


def test_password_is_never_shown(
    node: NodeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEWLINE_RPC_USER", "ann")
    monkeypatch.setenv("CLEWLINE_RPC_PASSWORD", PASSWORD)
    with_password = node.url.replace("//", f"//ann:{PASSWORD}@")
    for url in (node.url, with_password, with_password + "/?", with_password + "x"):
        ran = clewline("chain", "import", "--store", tmp_path / "store", "--rpc", url)
        assert ran.code == 2, ran.err
        assert PASSWORD not in ran.out + ran.err
    node.stop()
    ran = clewline("chain", "import", "--store", tmp_path / "store", "--rpc", with_password)
    assert ran.code == 1
    assert "[node]" in ran.err
    assert PASSWORD not in ran.out + ran.err


def test_what_a_node_says_is_harmless(
    node: NodeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words go to a terminal, in a note and in an error, which must not obey them."""
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "1")
    node.warm_up = "\x1b]0;title\x07Loading"
    ran = clewline("chain", "import", "--store", tmp_path / "store", "--rest", node.url)
    assert ran.code == 1
    assert ran.err.count("Loading") == 2
    assert "\x1b]" not in ran.err
    assert "\x07" not in ran.err
