"""What a node of Bitcoin Core or its kin is asked: tip, headers, raw blocks, mempool.

JSON-RPC and REST give the same bytes. REST (``-rest=1``, Core 24 or newer) sends blocks as they are
and needs no password; JSON-RPC sends them as hex. Each header, block and transaction is hashed here
and compared with the hash that was asked for; nothing else that a node says about them is believed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import (
    FAULT_TEXT,
    BlockFault,
    ParsedBlocks,
    parse_transactions,
)
from clewline.codec.header import HEADER_BYTES, LONGEST_HEADER, header_hashes, header_rows
from clewline.codec.networks import BITCOIN, NETWORKS, Coin, Network
from clewline.errors import NodeAnswerError, NodeError, UsageError
from clewline.settings import value_of
from clewline.sources.active_chain import shown
from clewline.sources.node import DEFAULT_PORT, Node
from clewline.sources.server import Answer, Busy, Report, TooLong, parse_url, patience

HEADERS_AT_ONCE: Final = 2000
"""What REST gives in one answer (``MAX_REST_HEADERS_RESULTS``)."""
_MAX_HEIGHT: Final = 10_000_000
"""A node that claims more is none; at ten minutes a block this is the year 2199."""
_SMALL: Final = 1 << 16
"""Longer than any answer that is not a block or many headers."""
_MEMPOOL_BYTES: Final = 64 << 20
"""A list of 900,000 ids; a mempool of Core's default size holds some 200,000."""
_TRANSACTIONS_AT_ONCE: Final = 512
_LONG_HEADER_BYTES: Final = 1 << 13
"""Longer than a header with its merged-mining proof, or its Equihash solution."""
# Bitcoin Core's rpc/protocol.h
_NOT_THERE: Final = -5
_INVALID_PARAMETER: Final = -8
_IN_WARMUP: Final = -28


@dataclass(frozen=True)
class NodeTip:
    """What a node says of itself.

    Attributes
    ----------
    network : Network
    height : int
        Of the last block that it has and checked.
    hash : bytes
        Of that block, internal byte order.
    headers : int
        Height of the best header that it knows; higher while it is still downloading.
    pruned_below : int
        Blocks below this height were deleted; 0 if none.
    """

    network: Network
    height: int
    hash: bytes
    headers: int
    pruned_below: int


@dataclass(frozen=True)
class _Failure:
    """The error of one JSON-RPC call."""

    code: int
    message: str


class NodeChain(ABC):
    """The chain as a node tells it.

    Parameters
    ----------
    node : Node
        Where to ask.

    Attributes
    ----------
    coin : Coin
        Of what chain the node is: nodes of all chains say no more than ``main`` or ``test``.
    """

    at_once: ClassVar[int]
    """Blocks that one request may ask for."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.coin: Coin = BITCOIN
        self.shown = node.shown

    def __enter__(self) -> Self:
        """Return the chain itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.node.close()

    @abstractmethod
    def tip(self) -> NodeTip:
        """Ask for network, tip and pruning.

        Raises
        ------
        NodeError
            If the node cannot be reached, or stays busy.
        NodeAnswerError
            If what answers is no node of a known network.
        NodeAccessError
            If it refuses the password.
        """

    @abstractmethod
    def hash_at(self, height: int) -> bytes | None:
        """Ask for the hash of the active chain at a height; None above its tip."""

    @abstractmethod
    def headers(self, height: int, count: int) -> NDArray[np.uint8]:
        """Ask for headers of the active chain from a height on.

        Parameters
        ----------
        height : int
            Of the first.
        count : int
            At most `HEADERS_AT_ONCE`.

        Returns
        -------
        ndarray of uint8, shape (n, 80) or (n, 112)
            At most `count`; fewer at the tip, and none where a reorganisation came in between.
            They may be of two chains if one came while the node answered.
        """

    @abstractmethod
    def blocks(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Ask for raw blocks, stale ones too, in the order of their hashes.

        Raises
        ------
        NodeError
            If the node has no such block, or has it no more.
        NodeAnswerError
            If what it sends is another block or none.
        """

    @abstractmethod
    def mempool(self) -> set[bytes]:
        """Ask for the ids of the transactions that wait for a block, internal byte order.

        Raises
        ------
        NodeError, NodeAnswerError, NodeAccessError
            As `tip`; also if the list is longer than 64 MB.
        """

    def transactions(self, txids: Sequence[bytes]) -> Iterator[ParsedBlocks]:
        """Ask for raw transactions of the mempool; those that left meanwhile are left out.

        Parameters
        ----------
        txids : sequence of bytes
            Internal byte order.

        Yields
        ------
        ParsedBlocks
            Some of them, in order, each a block of its own; at most 8 MB at a time.

        Raises
        ------
        NodeError
            If the node cannot be reached, or stays busy.
        NodeAnswerError
            If what it sends is another transaction, a coinbase or none.
        """
        for found in self._raw_transactions(txids):
            if found:
                yield self._checked_transactions(found)

    @abstractmethod
    def _raw_transactions(self, txids: Sequence[bytes]) -> Iterator[list[tuple[bytes, bytes]]]:
        """Ask for transactions: id and bytes of those that are there, some at a time."""

    def _wrong(self, asked: str, message: str) -> NodeAnswerError:
        """Return the error for an answer that no node gives."""
        return NodeAnswerError(message, where=f"{self.shown}, {asked}")

    def _failed(self, asked: str, message: str) -> NodeError:
        """Return the error for what a node says that it cannot give."""
        return NodeError(f"the node answers: {message}", where=f"{self.shown}, {asked}")

    def _json(self, answer: Answer, asked: str) -> Any:
        """Read a JSON body."""
        try:
            if answer.is_json:
                return json.loads(answer.body)
        except (ValueError, RecursionError):
            pass
        raise self._wrong(asked, f"no JSON but HTTP {answer.status} {answer.text()!r}")

    def _tip(self, info: Any, asked: str) -> NodeTip:
        """Read the answer to ``getblockchaininfo``."""
        if not isinstance(info, dict):
            raise self._wrong(asked, "not the description of a chain")
        known = {n.node_name: n for n in NETWORKS.values() if n.coin == self.coin}
        network = known.get(str(info.get("chain")))
        if network is None:
            raise self._wrong(
                asked,
                f"network {info.get('chain')!r}; known of {self.coin.name} are {', '.join(known)}",
            )
        return NodeTip(
            network,
            self._height(info.get("blocks"), asked),
            self._hash(info.get("bestblockhash"), asked),
            self._height(info.get("headers"), asked),
            self._height(info.get("pruneheight"), asked) if info.get("pruned") else 0,
        )

    def _height(self, number: Any, asked: str) -> int:
        """Read a height."""
        if type(number) is not int or not 0 <= number <= _MAX_HEIGHT:
            raise self._wrong(asked, f"{number!r:.40} is no height")
        return number

    def _hash(self, text: Any, asked: str) -> bytes:
        """Read a hash as it is shown."""
        try:
            name = bytes.fromhex(text)[::-1]
        except (TypeError, ValueError):
            name = b""
        if len(name) != 32:
            raise self._wrong(asked, "no hash of 64 hex digits")
        return name

    def _no_headers(self) -> NDArray[np.uint8]:
        """Return no header."""
        return self._rows(b"", np.empty(0, np.int64), np.empty(0, np.int64))

    def _rows(
        self, data: bytes, start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return headers as rows."""
        # Not the bytes themselves: kernels are compiled for arrays that can be written.
        plain = np.frombuffer(bytearray(data), np.uint8)
        return header_rows(plain, start, end, self.coin.form)

    def _checked(self, data: bytes, name: bytes, asked: str) -> NDArray[np.uint8]:
        """Return the header of a block, or of what begins with one, if it was asked for."""
        if len(data) >= HEADER_BYTES:
            head = data[:LONGEST_HEADER]
            row = self._rows(head, np.zeros(1, np.int64), np.array([len(head)]))
            if header_hashes(row).tobytes() == name:
                return row
        raise self._wrong(asked, f"{len(data):,} bytes that are not this block")

    def _checked_block(self, data: bytes, name: bytes, asked: str) -> bytes:
        """Return a block if it is the one that was asked for and of possible length."""
        self._checked(data, name, asked)
        most = self.coin.max_block_bytes
        if not HEADER_BYTES < len(data) <= most:
            raise self._wrong(asked, f"{len(data):,} bytes; a block has 81 to {most:,} bytes")
        return data

    def _checked_transactions(self, found: list[tuple[bytes, bytes]]) -> ParsedBlocks:
        """Parse transactions, if each is the one that was asked for and spends something."""
        end = np.cumsum([len(raw) for _txid, raw in found])
        start = np.concatenate((np.zeros(1, np.int64), end[:-1]))
        # Not the bytes themselves: kernels are compiled for arrays that can be written.
        data = np.frombuffer(bytearray().join(raw for _txid, raw in found), np.uint8)
        parsed = parse_transactions(data, start, end)
        if isinstance(parsed, BlockFault):
            raise self._wrong(
                f"transaction {shown(found[parsed.block][0])}",
                f"{FAULT_TEXT[parsed.fault]}, byte {parsed.position - int(start[parsed.block])}",
            )
        inputs = np.diff(parsed.tx_input).tolist()
        for (txid, raw), name, spent in zip(found, parsed.txid, inputs, strict=True):
            if name.tobytes() != txid:
                raise self._wrong(
                    f"transaction {shown(txid)}", f"{len(raw):,} bytes that are another"
                )
            if not spent:
                raise self._wrong(f"transaction {shown(txid)}", "a coinbase, which cannot wait")
        return parsed

    def _mempool(self, names: Any, asked: str) -> set[bytes]:
        """Read a list of ids, or an object that has them as keys."""
        texts: list[Any] = list(names) if isinstance(names, list | dict) else [None]
        try:
            ids = bytes.fromhex("".join(texts))[::-1]
        except (TypeError, ValueError):
            raise self._wrong(asked, "no list of transaction ids") from None
        if len(ids) != 32 * len(texts) or any(len(text) != 64 for text in texts):
            raise self._wrong(asked, "no list of transaction ids")
        return {ids[at : at + 32] for at in range(0, len(ids), 32)}


class RpcChain(NodeChain):
    """A node over JSON-RPC (``-server=1``)."""

    at_once = 64

    def tip(self) -> NodeTip:
        """Call ``getblockchaininfo``; see `NodeChain.tip`."""
        asked = "getblockchaininfo"
        return self._tip(self._done(self._call(asked, [[]], _SMALL)[0], asked), asked)

    def hash_at(self, height: int) -> bytes | None:
        """Call ``getblockhash``; see `NodeChain.hash_at`."""
        hashes = self._hashes(height, 1)
        return hashes[0] if hashes else None

    def headers(self, height: int, count: int) -> NDArray[np.uint8]:
        """Call ``getblockhash`` and ``getblockheader``, in batches; see `NodeChain.headers`."""
        names = self._hashes(height, count)
        if not names:
            return self._no_headers()
        asked = [f"getblockheader {shown(name)}" for name in names]
        # A merged-mining proof may follow; it is checked when the block is read.
        longer = self.coin.form.auxpow or self.coin.form.shielded
        limit = _SMALL + 4 * (_LONG_HEADER_BYTES if longer else HEADER_BYTES) * len(names)
        answers = self._call("getblockheader", [[shown(name), False] for name in names], limit)
        found = []
        for answer, name, what in zip(answers, names, asked, strict=True):
            data = self._bytes(self._done(answer, what), what)
            if len(data) != HEADER_BYTES and not longer:
                raise self._wrong(what, f"{len(data):,} bytes; a header has {HEADER_BYTES}")
            found.append(self._checked(data, name, what))
        return np.concatenate(found)

    def blocks(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Call ``getblock`` in one batch, or in halves if that is too long."""
        # False for verbosity 0: Dogecoin's nodes know no numbers, Zebra nothing else.
        raw = 0 if self.coin.form.shielded else False
        calls = [[shown(name), raw] for name in hashes]
        answers = chain.from_iterable(self._in_pieces("getblock", calls))
        found = []
        for answer, name in zip(answers, hashes, strict=True):
            asked = f"getblock {shown(name)}"
            data = self._bytes(self._done(answer, asked), asked)
            found.append(self._checked_block(data, name, asked))
        return found

    def mempool(self) -> set[bytes]:
        """Call ``getrawmempool``; see `NodeChain.mempool`."""
        asked = "getrawmempool"
        return self._mempool(
            self._done(self._call(asked, [[False]], _MEMPOOL_BYTES)[0], asked), asked
        )

    def _raw_transactions(self, txids: Sequence[bytes]) -> Iterator[list[tuple[bytes, bytes]]]:
        """Call ``getrawtransaction`` in batches."""
        method = "getrawtransaction"
        for first in range(0, len(txids), _TRANSACTIONS_AT_ONCE):
            asked = iter(txids[first : first + _TRANSACTIONS_AT_ONCE])
            calls = [[shown(txid), False] for txid in txids[first : first + _TRANSACTIONS_AT_ONCE]]
            for answers in self._in_pieces(method, calls):
                found = []
                for answer in answers:
                    txid = next(asked)
                    if isinstance(answer, _Failure) and answer.code == _NOT_THERE:
                        continue
                    what = f"{method} {shown(txid)}"
                    found.append((txid, self._bytes(self._done(answer, what), what)))
                yield found

    def _in_pieces(self, method: str, calls: list[list[Any]]) -> Iterator[list[Any]]:
        """Call a method in one batch, or in halves, each of at most a block's hex."""
        try:
            yield self._batch(method, calls, _SMALL + 2 * self.coin.max_block_bytes)
        except TooLong:
            if len(calls) == 1:
                raise self._wrong(
                    f"{method} {calls[0][0]}", "an answer longer than any block"
                ) from None
            half = len(calls) // 2
            yield from self._in_pieces(method, calls[:half])
            yield from self._in_pieces(method, calls[half:])

    def _hashes(self, height: int, count: int) -> list[bytes]:
        """Ask for the hashes of the active chain from a height on, as far as it goes."""
        heights = range(height, height + count)
        answers = self._call("getblockhash", [[one] for one in heights], _SMALL + 256 * count)
        names: list[bytes] = []
        for answer, one in zip(answers, heights, strict=True):
            if isinstance(answer, _Failure) and answer.code == _INVALID_PARAMETER:
                break
            asked = f"getblockhash {one}"
            names.append(self._hash(self._done(answer, asked), asked))
        return names

    def _done(self, answer: Any, asked: str) -> Any:
        """Return a result, or raise what the node said instead."""
        if isinstance(answer, _Failure):
            raise self._failed(asked, f"{answer.message} ({answer.code})")
        return answer

    def _bytes(self, text: Any, asked: str) -> bytes:
        """Read a result that is hex."""
        try:
            return bytes.fromhex(text)
        except (TypeError, ValueError):
            raise self._wrong(asked, "the result is no hex") from None

    def _call(self, method: str, calls: Sequence[list[Any]], limit: int) -> list[Any]:
        """Call a method with each of some parameters: results and failures."""
        try:
            return self._batch(method, calls, limit)
        except TooLong:
            raise self._wrong(method, f"an answer of more than {limit:,} bytes") from None

    def _batch(self, method: str, calls: Sequence[list[Any]], limit: int) -> list[Any]:
        """Do so in one request."""
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, parameters in enumerate(calls)
        ]
        body = json.dumps(batch).encode()

        def attempt() -> list[Any]:
            """Send the batch; a node that starts up says so in place of a result."""
            answer = self.node.post(body, limit)
            results = self._results(self._json(answer, method), len(calls), method)
            for result in results:
                if isinstance(result, _Failure) and result.code == _IN_WARMUP:
                    raise Busy(result.message)
            return results

        return self.node.retry(attempt)

    def _results(self, answers: Any, count: int, asked: str) -> list[Any]:
        """Bring the answers of a batch into the order of its calls."""
        if isinstance(answers, dict):
            # One error for the batch as a whole.
            return [self._result(answers, asked)] * count
        results: dict[Any, Any] = {}
        for answer in answers if isinstance(answers, list) else ():
            if isinstance(answer, dict) and type(answer.get("id")) is int:
                results[answer["id"]] = self._result(answer, asked)
        if sorted(results) != list(range(count)) or len(answers) != count:
            raise self._wrong(asked, f"not one answer to each of {count:,} calls")
        return [results[number] for number in range(count)]

    def _result(self, answer: dict[str, Any], asked: str) -> Any:
        """Return the result of one call, or its error; JSON-RPC 1.1 has both, one of them null."""
        error = answer.get("error")
        if isinstance(error, dict) and type(error.get("code")) is int:
            return _Failure(error["code"], str(error.get("message")))
        if error is not None or "result" not in answer:
            raise self._wrong(asked, "neither a result nor an error")
        return answer["result"]


class RestChain(NodeChain):
    """A node over REST (``-rest=1``), Core 24 or newer."""

    at_once = 1

    def tip(self) -> NodeTip:
        """Get ``chaininfo``; see `NodeChain.tip`."""
        path = "/rest/chaininfo.json"
        answer = self._get(path, _SMALL)
        if answer.status == 404:
            raise NodeError(
                "the node does not offer REST",
                where=self.shown,
                hint="start it with -rest=1, or use --rpc",
            )
        return self._tip(self._json(answer, path), path)

    def hash_at(self, height: int) -> bytes | None:
        """Get ``blockhashbyheight``; see `NodeChain.hash_at`."""
        path = f"/rest/blockhashbyheight/{height}.json"
        answer = self._get(path, _SMALL)
        if answer.status == 404 and b"out of range" in answer.body:
            return None
        found = self._json(answer, path)
        return self._hash(found.get("blockhash") if isinstance(found, dict) else None, path)

    def headers(self, height: int, count: int) -> NDArray[np.uint8]:
        """Get ``headers`` from the block at a height on; see `NodeChain.headers`."""
        if self.coin.form.auxpow or self.coin.form.shielded:
            raise UsageError(
                f"headers of {self.coin.name} differ in length over REST; use --rpc", where="--rest"
            )
        name = self.hash_at(height)
        if name is None:
            return self._no_headers()
        path = f"/rest/headers/{shown(name)}.bin?count={count}"
        # An error message may be longer than one header.
        answer = self._get(path, max(count * HEADER_BYTES, _SMALL))
        data = self._done(answer, path)
        if len(data) % HEADER_BYTES or len(data) > count * HEADER_BYTES:
            raise self._wrong(path, f"{len(data):,} bytes are not up to {count:,} headers")
        if data:
            self._checked(data, name, path)
        start = np.arange(0, len(data), HEADER_BYTES)
        return self._rows(data, start, start + HEADER_BYTES)

    def blocks(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Get ``block``, one after the other; see `NodeChain.blocks`."""
        found = []
        for name in hashes:
            path = f"/rest/block/{shown(name)}.bin"
            data = self._done(self._get(path, self.coin.max_block_bytes), path)
            found.append(self._checked_block(data, name, path))
        return found

    def mempool(self) -> set[bytes]:
        """Get ``mempool/contents``; see `NodeChain.mempool`.

        Before Core 25 this says much of each transaction, and 64 MB are some 100,000.
        """
        path = "/rest/mempool/contents.json?verbose=false"
        return self._mempool(self._json(self._get(path, _MEMPOOL_BYTES), path), path)

    def _raw_transactions(self, txids: Sequence[bytes]) -> Iterator[list[tuple[bytes, bytes]]]:
        """Get ``tx``, one after the other."""
        found: list[tuple[bytes, bytes]] = []
        size = 0
        for txid in txids:
            path = f"/rest/tx/{shown(txid)}.bin"
            answer = self._get(path, self.coin.max_block_bytes)
            if answer.status != 404:
                found.append((txid, self._done(answer, path)))
                size += len(answer.body)
            if size > self.coin.max_block_bytes or len(found) == _TRANSACTIONS_AT_ONCE:
                yield found
                found, size = [], 0
        yield found

    def _get(self, path: str, limit: int) -> Answer:
        """Ask until the node is not busy."""
        try:
            return self.node.retry(lambda: self.node.get(path, limit))
        except TooLong:
            raise self._wrong(path, f"an answer of more than {limit:,} bytes") from None

    def _done(self, answer: Answer, path: str) -> bytes:
        """Return the body of a good answer, or raise what the node said instead."""
        if answer.status in {400, 404}:
            raise self._failed(path, answer.text() or f"HTTP {answer.status}")
        if answer.status != 200:
            raise self._wrong(path, f"HTTP {answer.status} {answer.text()!r}")
        return answer.body


def connect_node(
    rpc: str | None = None,
    rest: str | None = None,
    cookie: Path | None = None,
    report: Report = lambda _line: None,
) -> NodeChain:
    """Prepare to ask a node; nothing is sent yet.

    Parameters
    ----------
    rpc, rest : str, optional
        URL of the node, one of the two: ``http://host:port``.
    cookie : Path, optional
        Cookie file of the node, for `rpc`. Otherwise name and password are taken from the URL, or
        the settings ``rpc_cookie``, or ``rpc_user`` and ``rpc_password``, in this order.
    report : callable
        Told a line at a time what an operator should know.

    Returns
    -------
    NodeChain
        A context manager that closes the connections.

    Raises
    ------
    UsageError
        Not one URL, a URL that is none, a cookie that cannot be read or together with another
        password, a setting that is no number.
    """
    if (rpc is None) == (rest is None):
        raise UsageError("give one of the two", where="--rpc, --rest")
    option = "--rest" if rpc is None else "--rpc"
    url = parse_url(rpc or rest or "", option, "http://127.0.0.1:8332", DEFAULT_PORT)
    login = url.login
    if login is not None:
        report(
            f"the password in {option} can be read by every user of this machine, and stays in the "
            "history of the shell; better use --rpc-cookie"
        )
    if cookie is not None and (login is not None or rpc is None):
        raise UsageError(
            "goes with --rpc and a URL without a password",
            where="--rpc-cookie",
        )
    # These are for the RPC port; REST asks for none, so nobody is sent them there.
    if rpc is not None and cookie is None and login is None:
        named = value_of("rpc_cookie")
        cookie = Path(named) if named else None
    if rpc is not None and cookie is None and login is None:
        name, password = value_of("rpc_user"), value_of("rpc_password")
        login = f"{name or ''}:{password or ''}" if name or password else None
    if (login is not None or cookie is not None) and not url.secure and not url.is_local:
        report(
            f"{url.shown}: the password goes over the network in clear; better use https or a "
            "tunnel"
        )
    node = Node(url, login, cookie, patience(), report)
    return RestChain(node) if rpc is None else RpcChain(node)
