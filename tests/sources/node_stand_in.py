"""A stand-in for a Bitcoin Core node: a real HTTP server on this machine that serves given blocks.

It answers as the node behind ``bitcoin/core-http.json`` of the fixtures did, errors included;
`test_node_stand_in.py` holds it against that record. What no record holds (a full work queue, a
pruned block, a mempool that is not empty) follows Bitcoin Core's httpserver.cpp, rest.cpp,
rpc/blockchain.cpp and rpc/mempool.cpp. It shares no code with the package.
"""

from __future__ import annotations

import base64
import json
import re
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

TEXT = "text/plain"
HTML = "text/html; charset=ISO-8859-1"
JSON = "application/json"
BINARY = "application/octet-stream"
COOKIE = "__cookie__:0123456789abcdef"


@dataclass
class Reply:
    """One HTTP answer; `cut` bytes of the body are sent before the connection is dropped."""

    status: int
    kind: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


FULL = Reply(503, HTML, b"Work queue depth exceeded")
"""Core's ``http_request_cb`` when more requests wait than ``-rpcworkqueue`` allows."""
OLD_FULL = Reply(500, HTML, b"Work queue depth exceeded")
"""The same before Core 22."""
DROPPED = Reply(200, BINARY, bytes(100), cut=10)
HUNG_UP = Reply(0, "", b"")
"""The connection closed without an answer."""


class RpcError(Exception):
    """An error that a JSON-RPC call ends in."""

    def __init__(self, code: int, message: str) -> None:
        self.error = {"code": code, "message": message}


def name_of(block: bytes) -> str:
    """Return the hash of a block as it is shown."""
    return sha256(sha256(block[:80]).digest()).digest()[::-1].hex()


def parent_of(block: bytes) -> str:
    """Return the hash of the block before a block, as it is shown."""
    return block[4:36][::-1].hex()


def longest_chain(blocks: Sequence[bytes]) -> list[bytes]:
    """Return the blocks from genesis to the highest of some blocks in any order."""
    by_name = {name_of(block): block for block in blocks}
    height = {"00" * 32: -1}
    waiting = deque(by_name)
    while waiting:
        name = waiting.popleft()
        parent = parent_of(by_name[name])
        if parent in height:
            height[name] = height[parent] + 1
        else:
            waiting.append(name)
    name = max(by_name, key=lambda one: height[one])
    chain = []
    while name in by_name:
        chain.append(by_name[name])
        name = parent_of(by_name[name])
    return chain[::-1]


class StandIn:
    """A server on 127.0.0.1. Use as a context manager.

    `next` holds replies that the next requests get, whatever they ask; `change` sees each honest
    reply with what was asked and may return another.
    """

    def __init__(self) -> None:
        self.next: deque[Reply] = deque()
        self.change: Callable[[str, Reply], Reply | None] = lambda _asked, _reply: None
        self.asked: list[str] = []
        self.lock = Lock()
        self._port = 0
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen: on a free port, or after `stop` on the same one."""
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and drop every connection, as a node that shuts down."""
        if self._server is not None:
            server, self._server = self._server, None
            server.shutdown()
            server.drop_all()
            server.server_close()

    def connections(self) -> int:
        """Return how many connections are open."""
        return len(self._server.open) if self._server else 0

    def drop_connections(self) -> None:
        """Close every connection, as a node does with idle ones."""
        if self._server is not None:
            self._server.drop_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def reply(self, verb: str, target: str, body: bytes, login: str | None) -> Reply:
        """Answer a request."""
        raise NotImplementedError


class NodeStandIn(StandIn):
    """A node. What was asked is the path, or the names of the methods.

    `mempool` holds raw transactions by id as shown; with `lists_verbosely` REST lists them as
    before Core 25.
    """

    def __init__(self, chain: Sequence[bytes]) -> None:
        super().__init__()
        self.blocks: dict[str, bytes] = {}
        self.chain: list[str] = []
        self.follow(chain)
        self.login = COOKIE
        self.warm_up: str | None = None
        self.rest = True
        self.pruned_below: int | None = None
        self.network = "regtest"
        self.behind = 0
        self.mempool: dict[str, bytes] = {}
        self.lists_verbosely = False
        self.logins: list[str | None] = []

    def follow(self, chain: Sequence[bytes]) -> None:
        """Make a chain the active one; blocks of another stay known."""
        names = [self.name_of(block) for block in chain]
        self.blocks |= dict(zip(names, chain, strict=True))
        self.chain = names

    def reply(self, verb: str, target: str, body: bytes, login: str | None) -> Reply:
        """Answer a request as the node does."""
        url = urlsplit(target)
        if verb == "GET" and url.path.startswith("/rest/"):
            asked, reply = target, self._rest(url.path.removeprefix("/rest/"), url.query)
        elif url.path != "/":
            asked, reply = target, Reply(404, HTML, b"")
        elif verb != "POST":
            asked, reply = target, Reply(405, HTML, b"JSONRPC server handles only POST requests")
        elif login != self.login:
            asked = "login"
            reply = Reply(401, HTML, b"", {"WWW-Authenticate": 'Basic realm="jsonrpc"'})
        else:
            asked, reply = self._rpc(body)
        with self.lock:
            self.asked.append(asked)
            self.logins.append(login)
            if self.next:
                return self.next.popleft()
        return self.change(asked, reply) or reply

    # JSON-RPC

    def _rpc(self, body: bytes) -> tuple[str, Reply]:
        try:
            request = json.loads(body)
        except ValueError:
            error = {"code": -32700, "message": "Parse error"}
            return "?", _json(500, {"result": None, "error": error, "id": None})
        if isinstance(request, list):
            asked = ",".join(dict.fromkeys(one["method"] for one in request))
            return asked, _json(200, [self._call(one)[1] for one in request])
        status, answer = self._call(request)
        return request["method"], _json(status, answer)

    def _call(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and answer of one call; without "jsonrpc" in the form of 1.1."""
        new = request.get("jsonrpc") == "2.0"
        head: dict[str, Any] = {"jsonrpc": "2.0"} if new else {}
        tail = {"id": request.get("id")}
        try:
            if self.warm_up is not None:
                raise RpcError(-28, self.warm_up)
            result = self._result(request["method"], request["params"])
        except RpcError as failure:
            old = {} if new else {"result": None}
            return (200 if new else 500), head | old | {"error": failure.error} | tail
        return 200, head | {"result": result} | ({} if new else {"error": None}) | tail

    name_of = staticmethod(name_of)

    def _result(self, method: str, parameters: list[Any]) -> Any:
        if method == "getblockchaininfo":
            return self._info()
        if method == "getblockcount":
            return len(self.chain) - 1
        if method == "getbestblockhash":
            return self.chain[-1]
        if method == "getblockhash":
            if not 0 <= parameters[0] < len(self.chain):
                raise RpcError(-8, "Block height out of range")
            return self.chain[parameters[0]]
        if method in {"getblock", "getblockheader"}:
            name, verbose = parameters
            assert not verbose, "only raw blocks and headers are stood in for"
            if len(name) != 64:
                raise RpcError(
                    -8, f"blockhash must be of length 64 (not {len(name)}, for '{name}')"
                )
            if name not in self.blocks:
                raise RpcError(-5, "Block not found")
            if method == "getblock" and self._is_pruned(name):
                raise RpcError(-1, "Block not available (pruned data)")
            return (self.blocks[name] if method == "getblock" else self.blocks[name][:80]).hex()
        if method == "getrawmempool":
            return self._mempool(verbose=parameters[0])
        if method == "getrawtransaction":
            if parameters[0] not in self.mempool:
                raise RpcError(
                    -5,
                    "No such mempool or blockchain transaction. Use gettransaction for wallet "
                    "transactions.",
                )
            assert not parameters[1], "only raw transactions are stood in for"
            return self.mempool[parameters[0]].hex()
        raise RpcError(-32601, "Method not found")

    def _info(self) -> dict[str, Any]:
        height = len(self.chain) - 1
        info: dict[str, Any] = {
            "chain": self.network,
            "blocks": height,
            "headers": height + self.behind,
            "bestblockhash": self.chain[-1],
            "bits": self.blocks[self.chain[-1]][72:76][::-1].hex(),
            "time": int.from_bytes(self.blocks[self.chain[-1]][68:72], "little"),
            "initialblockdownload": True,
            "pruned": self.pruned_below is not None,
        }
        return info | ({} if self.pruned_below is None else {"pruneheight": self.pruned_below})

    def _mempool(self, *, verbose: bool) -> Any:
        if not verbose:
            return list(self.mempool)
        return {
            txid: {"vsize": len(raw), "weight": 4 * len(raw), "depends": [], "spentby": []}
            for txid, raw in self.mempool.items()
        }

    def _is_pruned(self, name: str) -> bool:
        return name in self.chain[: self.pruned_below or 0]

    # REST

    def _rest(self, path: str, query: str) -> Reply:
        if not self.rest:
            return Reply(404, HTML, b"")
        if self.warm_up is not None:
            return _text(503, f"Service temporarily unavailable: {self.warm_up}")
        if path == "chaininfo.json":
            return _json(200, self._info())
        if path == "mempool/contents.json":
            verbose = self.lists_verbosely or query != "verbose=false"
            return _json(200, self._mempool(verbose=verbose))
        if found := re.fullmatch(r"tx/([0-9a-f]{64})\.bin", path):
            if found[1] not in self.mempool:
                return _text(404, f"{found[1]} not found")
            return Reply(200, BINARY, self.mempool[found[1]])
        if found := re.fullmatch(r"blockhashbyheight/(\d+)\.json", path):
            if int(found[1]) >= len(self.chain):
                return _text(404, "Block height out of range")
            return _json(200, {"blockhash": self.chain[int(found[1])]})
        if found := re.fullmatch(r"(block|headers)/(.*)\.bin", path):
            name = found[2]
            if not re.fullmatch(r"[0-9a-f]{64}", name):
                return _text(400, f"Invalid hash: {name}")
            return self._headers(name, query) if found[1] == "headers" else self._block(name)
        return Reply(404, HTML, b"")

    def _headers(self, name: str, query: str) -> Reply:
        count = int(parse_qs(query).get("count", ["5"])[0])
        if not 1 <= count <= 2000:
            return _text(
                400, f"Header count is invalid or out of acceptable range (1-2000): {count}"
            )
        start = self.chain.index(name) if name in self.chain else len(self.chain)
        names = self.chain[start : start + count]
        return Reply(200, BINARY, b"".join(self.blocks[one][:80] for one in names))

    def _block(self, name: str) -> Reply:
        if name not in self.blocks:
            return _text(404, f"{name} not found")
        if self._is_pruned(name):
            return _text(404, f"{name} not available (pruned data)")
        return Reply(200, BINARY, self.blocks[name])


def _json(status: int, value: Any) -> Reply:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Reply(status, JSON, text.encode() + b"\n")


def _text(status: int, text: str) -> Reply:
    return Reply(status, TEXT, text.encode() + b"\r\n")


class _Server(ThreadingHTTPServer):
    """Knows its open connections, to drop them."""

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def drop_all(self) -> None:
        for one in list(self.open):
            with suppress(OSError):  # gone already
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    """Turns bytes into requests and replies into bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        login = self.headers.get("Authorization", "").removeprefix("Basic ")
        reply = self.server.stand_in.reply(
            self.command, self.path, body, base64.b64decode(login).decode() if login else None
        )
        if reply is HUNG_UP:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Content-Type", reply.kind)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing: the tests look at `asked`."""
