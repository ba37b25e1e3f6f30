"""Asking a node that is starting, restarting, busy, locked, or not a node at all."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.sources.node_stand_in import (
    COOKIE,
    DROPPED,
    FULL,
    HUNG_UP,
    JSON,
    OLD_FULL,
    NodeStandIn,
    Reply,
)

from clewline.errors import (
    ClewlineError,
    NodeAccessError,
    NodeAnswerError,
    NodeError,
    UsageError,
)
from clewline.settings import SETTINGS
from clewline.sources.node import DEFAULT_PORT
from clewline.sources.node_chain import NodeChain, connect_node
from clewline.sources.server import parse_url

SECRET = "wolfram-and-graphite"  # noqa: S105 - made up


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting but the patience, which is short."""
    for one in SETTINGS:
        monkeypatch.delenv(one.env, raising=False)
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "5")


@pytest.fixture
def cookie(tmp_path: Path) -> Path:
    path = tmp_path / ".cookie"
    path.write_text(COOKIE)
    return path


@pytest.fixture(params=["rpc", "rest"])
def connect(
    request: pytest.FixtureRequest, node: NodeStandIn, cookie: Path
) -> Callable[..., NodeChain]:
    """Connect over JSON-RPC and over REST."""
    if request.param == "rpc":
        return lambda **more: connect_node(rpc=node.url, cookie=cookie, **more)
    return lambda **more: connect_node(rest=node.url, **more)


# A node that cannot answer now


@pytest.mark.parametrize("trouble", [FULL, OLD_FULL, DROPPED, HUNG_UP])
def test_busy_for_a_while(
    connect: Callable[..., NodeChain], node: NodeStandIn, trouble: Reply
) -> None:
    said: list[str] = []
    with connect(report=said.append) as chain:
        tip = chain.tip()
        node.next.extend([trouble] * 3)
        assert chain.tip() == tip
    assert len(node.asked) == 5
    assert all(node.url in line and "asking again for up to 5 seconds" in line for line in said)
    assert len(said) == len(set(said)) == 1


def test_starting(connect: Callable[..., NodeChain], node: NodeStandIn) -> None:
    said: list[str] = []
    node.warm_up = "Loading block index…"
    with connect(report=said.append) as chain:
        Thread(target=lambda: (time.sleep(0.3), setattr(node, "warm_up", None))).start()
        assert chain.tip().height == len(node.chain) - 1
    assert "Loading block index…" in said[0]


def test_restart_with_another_cookie(
    connect: Callable[..., NodeChain], node: NodeStandIn, cookie: Path
) -> None:
    """Refused for a while, then starting, then there; the cookie is a new one."""
    said: list[str] = []

    def started(asked: str, _reply: Reply) -> None:
        if asked != "login":
            node.warm_up = None

    def restart() -> None:
        time.sleep(0.3)
        node.login = "__cookie__:another"
        node.warm_up = "Verifying blocks…"
        node.change = started
        node.start()
        time.sleep(0.1)
        cookie.write_text(node.login)

    with connect(report=said.append) as chain:
        tip = chain.tip()
        node.stop()
        cookie.unlink()
        thread = Thread(target=restart)
        thread.start()
        assert chain.tip() == tip
        thread.join()
    assert any("Connection refused" in line for line in said)
    assert any("Verifying blocks…" in line for line in said)


@pytest.mark.parametrize("trouble", [FULL, DROPPED, HUNG_UP])
def test_patience_runs_out(
    connect: Callable[..., NodeChain],
    node: NodeStandIn,
    trouble: Reply,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    with connect() as chain:
        chain.tip()
        node.change = lambda _asked, _reply: trouble
        with pytest.raises(NodeError, match="asked again for 0 seconds") as caught:
            chain.tip()
    assert caught.value.where == node.url


def test_nobody_there_is_told_at_once(connect: Callable[..., NodeChain], node: NodeStandIn) -> None:
    node.stop()
    said: list[str] = []
    with (
        connect(report=said.append) as chain,
        pytest.raises(NodeError, match="Connection refused") as caught,
    ):
        chain.tip()
    assert said == [], "nothing was asked again"
    assert "does the node run" in str(caught.value)


def test_connections_are_kept_and_idle_ones_replaced(
    connect: Callable[..., NodeChain], node: NodeStandIn
) -> None:
    said: list[str] = []
    with connect(report=said.append) as chain:
        for _ in range(5):
            chain.tip()
            assert node.connections() == 1
        node.drop_connections()
        chain.tip()
    assert said == []


def test_closing_wakes_a_thread_that_waits(
    connect: Callable[..., NodeChain], node: NodeStandIn
) -> None:
    chain = connect()
    chain.tip()
    asked, held = Event(), Event()

    def hold(_asked: str, _reply: Reply) -> None:
        asked.set()
        held.wait(60)

    node.change = hold
    failed: list[ClewlineError] = []

    def ask() -> None:
        try:
            chain.tip()
        except ClewlineError as error:
            failed.append(error)

    thread = Thread(target=ask)
    thread.start()
    assert asked.wait(60)
    try:
        chain.node.close()
        thread.join(30)
        assert not thread.is_alive(), "it waits for an answer that never comes"
    finally:
        held.set()
    assert isinstance(failed[0], NodeError)
    with pytest.raises(NodeError):
        chain.tip()


# Names, passwords and cookies


def with_login(url: str, login: str) -> str:
    return url.replace("//", f"//{login}@")


def test_cookie(node: NodeStandIn, cookie: Path) -> None:
    with connect_node(rpc=node.url, cookie=cookie) as chain:
        assert chain.tip().network.name == "regtest"


def test_password_of_the_environment(node: NodeStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    node.login = f"ann:{SECRET}"
    monkeypatch.setenv("CLEWLINE_RPC_USER", "ann")
    monkeypatch.setenv("CLEWLINE_RPC_PASSWORD", SECRET)
    with connect_node(rpc=node.url) as chain:
        chain.tip()


def test_password_of_the_url(node: NodeStandIn) -> None:
    node.login = "ann:p@ss/word"
    said: list[str] = []
    with connect_node(rpc=with_login(node.url, "ann:p%40ss%2Fword"), report=said.append) as chain:
        chain.tip()
    assert len(said) == 1
    assert "every user of this machine" in said[0]
    assert "word" not in said[0].replace("password", "")


def test_rest_is_sent_no_password_of_the_rpc_port(
    node: NodeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEWLINE_RPC_USER", "ann")
    monkeypatch.setenv("CLEWLINE_RPC_PASSWORD", SECRET)
    with connect_node(rest=node.url) as chain:
        chain.tip()
    assert node.logins == [None]


def test_wrong_password_is_not_tried_again(node: NodeStandIn, tmp_path: Path) -> None:
    wrong = tmp_path / "cookie"
    wrong.write_text(f"__cookie__:{SECRET}")
    for chain in (
        connect_node(rpc=with_login(node.url, f"ann:{SECRET}")),
        connect_node(rpc=node.url, cookie=wrong),
        connect_node(rpc=node.url),
    ):
        node.asked.clear()
        with chain, pytest.raises(NodeAccessError, match="name and password") as caught:
            chain.tip()
        assert node.asked == ["login"]
        assert SECRET not in str(caught.value)
        assert caught.value.where == node.url


def test_forbidden(connect: Callable[..., NodeChain], node: NodeStandIn) -> None:
    node.next.append(Reply(403, "text/html", b""))
    with connect() as chain, pytest.raises(NodeAccessError, match="does not allow"):
        chain.tip()


@pytest.mark.parametrize("content", [None, "", "no colon", "a:" + "b" * 2000, "ä:ö"])
def test_cookie_that_is_none(node: NodeStandIn, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "cookie"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        connect_node(rpc=node.url, cookie=path)
    assert caught.value.where == f"--rpc-cookie {path}"
    assert node.asked == []


def test_password_in_clear_over_a_network(cookie: Path) -> None:
    said: list[str] = []
    connect_node(rpc="http://node.invalid:8332", cookie=cookie, report=said.append)
    assert len(said) == 1
    assert "in clear" in said[0]
    connect_node(rpc="https://node.invalid:8332", cookie=cookie, report=said.append)
    connect_node(rpc="http://[::1]:8332", cookie=cookie, report=said.append)
    connect_node(rpc="http://localhost", cookie=cookie, report=said.append)
    connect_node(rest="http://node.invalid:8332", report=said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8332",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://",
        "http://:8332",
        "http://host:port",
        "http://host:99999",
        "http://host/?a=b",
        "http://host/#a",
        "http://host\r\nX: y",
        "http://ho st",
        "http://[::1",
        f"http://ann:{SECRET}@:8332",
        f"http://ann:{SECRET}@host:port",
    ],
)
def test_url_that_is_none(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url, "--rest", "http://127.0.0.1:8332")
    assert caught.value.where == "--rest"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown", "local"),
    [
        ("http://127.0.0.1:18443", "http://127.0.0.1:18443", True),
        ("http://localhost", "http://localhost:8332", True),
        ("HTTPS://Node.example:443/btc/", "https://node.example:443/btc", False),
        (f"http://ann:{SECRET}@[::1]:1", "http://[::1]:1", True),
        ("http://10.0.0.1", "http://10.0.0.1:8332", False),
    ],
)
def test_url(url: str, shown: str, local: bool) -> None:
    parsed = parse_url(url, "--rpc", "http://127.0.0.1:8332", DEFAULT_PORT)
    assert (parsed.shown, parsed.is_local) == (shown, local)
    assert SECRET not in repr(parsed)


@pytest.mark.parametrize(
    ("rpc", "rest", "cookie"),
    [
        (None, None, False),
        ("http://a", "http://a", False),
        (None, "http://a", True),
        ("http://ann:b@a", None, True),
    ],
)
def test_options_that_do_not_go_together(
    rpc: str | None, rest: str | None, cookie: bool, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        connect_node(rpc, rest, tmp_path if cookie else None)


@pytest.mark.parametrize("patience", ["soon", "-1", "1e3", "²"])
def test_patience_that_is_no_number(patience: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", patience)
    with pytest.raises(UsageError, match="CLEWLINE_NODE_PATIENCE"):
        connect_node(rest="http://127.0.0.1")


# What is not a node


@contextmanager
def saying(data: bytes) -> Iterator[str]:
    """Listen, and say the same to whoever connects."""

    def serve() -> None:
        while True:
            try:
                one, _address = listener.accept()
            except OSError:
                return
            with one, suppress(OSError):  # the client may have seen enough
                one.recv(65536)
                one.sendall(data)
                one.shutdown(socket.SHUT_WR)
                while one.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x00\xa5" * 20,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * 1_000_000,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"[" * 60_000,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"9" * 60_000,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\xff\xfe{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nIt works!",
        b"HTTP/1.1 301 Moved\r\nLocation: http://node.invalid/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("option", ["rpc", "rest"])
def test_garbage(option: str, data: bytes) -> None:
    with saying(data) as url, connect_node(**{option: url}) as chain:
        with pytest.raises(NodeAnswerError) as caught:
            chain.tip()
        assert caught.value.where is not None
        assert caught.value.where.startswith(url)


def test_chunked_answer_of_a_proxy(node: NodeStandIn) -> None:
    body = b'{"chain":"main","blocks":1,"headers":1,"bestblockhash":"' + b"00" * 32 + b'"}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:], b""))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with saying(head.encode() + chunks) as url, connect_node(rest=url) as chain:
        assert chain.tip().height == 1


def test_given_up_while_connecting(
    connect: Callable[..., NodeChain], node: NodeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was not connected yet could not be woken: it must not wait for the answer."""
    held = Event()
    node.change = lambda *_: held.wait(20) and None
    chain = connect()
    plain = HTTPConnection.connect

    def close_first(connection: HTTPConnection) -> None:
        chain.node.close()
        plain(connection)

    monkeypatch.setattr(HTTPConnection, "connect", close_first)
    try:
        with pytest.raises(NodeError, match="the connection was given up"):
            chain.tip()
    finally:
        held.set()


def test_asked_again_after_it_was_given_up(
    connect: Callable[..., NodeChain], node: NodeStandIn
) -> None:
    told: list[str] = []
    with connect(report=told.append) as chain:
        tip = chain.tip()
        chain.node.close()
        with pytest.raises(NodeError, match="given up"):
            chain.tip()
        for _ in range(2):
            chain.node.reopen()
            node.next.append(FULL)
            assert chain.tip() == tip
    assert len(told) == 2, "a reason is told once in each round"
