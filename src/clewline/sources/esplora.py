"""What an Esplora server is asked: https://github.com/Blockstream/esplora/blob/master/API.md.

A server learns every address and transaction that it is asked about. What it says is checked as far
as it can be, before it is kept:

- a transaction is asked for as bytes, which hash to its id;
- its place is proven by a Merkle branch that leads to a block header;
- a header hashes to the name that it was asked by, and shows work that its network allows.

Its word is all there is for the height of a header, for the list of an address's transactions, and
for what is unspent. Work is held against the easiest target of the network alone: what the target
should have been takes the headers before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from time import monotonic
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

import numpy as np

from clewline.codec.block import (
    FAULT_TEXT,
    BlockFault,
    parse_transactions,
)
from clewline.codec.header import HEADER_BYTES
from clewline.codec.networks import BITCOIN, Network, networks_by_genesis
from clewline.errors import NodeAnswerError, NodeError, UsageError
from clewline.sources.active_chain import shown, target_of
from clewline.sources.answers import Answers
from clewline.sources.server import (
    Answer,
    Busy,
    Report,
    Server,
    ServerUrl,
    TooLong,
    parse_url,
    patience,
)

SETTLED: Final = 100
"""Blocks below the tip at which no reorganisation is expected any more, as for coinbases."""
_SMALL: Final = 1 << 16
_PAGE_BYTES: Final = 1 << 27
"""25 transactions as JSON with all their witness data."""
_MAX_HEIGHT: Final = 10_000_000
_MERKLE_DEPTH: Final = 32
_INNER_NODE_BYTES: Final = 64
"""A transaction of this size could be an inner node of a Merkle tree (CVE-2017-12842)."""
_MAX_COUNT: Final = 1 << 40
_UNAVAILABLE: Final = frozenset({500, 502, 503, 504})

T = TypeVar("T")


class EsploraTip(NamedTuple):
    """The block that answers are as of."""

    network: Network
    height: int
    hash: bytes


class Listed(NamedTuple):
    """One transaction of an address, as a server lists it; height None if unconfirmed."""

    txid: bytes
    height: int | None


class Spend(NamedTuple):
    """Who spends an output, by a server's word; height None if unconfirmed."""

    txid: bytes
    height: int | None


class Place(NamedTuple):
    """Where a transaction is on the chain: proven but for the height."""

    height: int
    position: int


@dataclass(frozen=True)
class Transaction:
    """A transaction whose bytes hash to its id.

    Attributes
    ----------
    txid : bytes
        Internal byte order.
    raw : bytes
        As the network serialises it.
    prevouts : tuple of (bytes, int)
        What it spends: transaction and index; none of a coinbase.
    scripts : tuple of bytes
        Locking script of each output.
    """

    txid: bytes
    raw: bytes
    prevouts: tuple[tuple[bytes, int], ...]
    scripts: tuple[bytes, ...]

    @property
    def is_coinbase(self) -> bool:
        """Whether it spends nothing."""
        return not self.prevouts


class EsploraServer(Server):
    """Requests to one Esplora server, one after the other, at a pace.

    Parameters
    ----------
    url : ServerUrl
        Up to what comes before ``/address``: public servers have ``/api`` here.
    per_second : float
        Most requests a second; 0 for no limit.
    patience : float
        Seconds to go on asking while it is `Busy`.
    report : callable
        Told, once each, why it is asked again.
    """

    def __init__(self, url: ServerUrl, per_second: float, patience: float, report: Report) -> None:
        super().__init__(url, "does an Esplora server answer there?", patience, report)
        self._pause = 1 / per_second if per_second else 0.0
        self._next = monotonic()

    def get(self, path: str, limit: int) -> Answer:
        """Ask once; `limit` is the most bytes that an answer can have.

        Raises
        ------
        Busy
            If it is worth asking again; with the time that the server asks to wait.
        TooLong
            If the answer is longer than `limit`.
        NodeError, NodeAnswerError
            If it is not worth asking again.
        """
        self._closed.wait(max(self._next - monotonic(), 0.0))
        self._next = monotonic() + self._pause
        answer = self._request("GET", path, None, {}, limit)
        if answer.status == 429:
            raise Busy("HTTP 429: too many requests", _seconds(answer.retry_after))
        if answer.status in _UNAVAILABLE:
            raise Busy(f"HTTP {answer.status} {answer.text()!r}", _seconds(answer.retry_after))
        return answer


def _seconds(retry_after: str) -> float:
    """Return how long ``Retry-After`` asks to wait (RFC 9110, 10.2.3): seconds, or a date.

    Examples
    --------
    >>> _seconds("120"), _seconds("Wed, 21 Oct 2015 07:28:00 GMT"), _seconds("soon")
    (120.0, 0.0, 0.0)
    """
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0) if moment.tzinfo else 0.0


class Esplora:
    """The chain as an Esplora server tells it, each answer checked and kept.

    Use as a context manager: leaving it closes the connection.

    Parameters
    ----------
    server : EsploraServer
        Where to ask.

    Attributes
    ----------
    asked : int
        Requests that were answered by the server, not by what was kept.
    """

    def __init__(self, server: EsploraServer) -> None:
        self._server = server
        self._answers: Answers | None = None
        self._tip: EsploraTip | None = None
        self._network: Network | None = None
        self._headers: dict[int, bytes] = {}
        self.shown = server.shown
        self.asked = 0

    def __enter__(self) -> Self:
        """Return the chain itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._server.close()

    def network(self) -> Network:
        """Ask for the genesis block: which network this is.

        Raises
        ------
        NodeError, NodeAnswerError
            If it cannot be reached, is no Esplora server, or of an unknown network.
        """
        if self._network is None:
            path = "/block-height/0"
            name = self._read_hash(self._get(path, _SMALL), path)
            known = networks_by_genesis(name)
            if not known:
                raise self._wrong(path, f"{shown(name)}, the genesis block of no network")
            if known[0].coin != BITCOIN:
                raise self._wrong(
                    path,
                    f"the genesis block of network {known[0].name}; parts are fetched of Bitcoin's "
                    "chain alone",
                )
            self._network = known[0]
        return self._network

    def tip(self) -> EsploraTip:
        """Ask for network and tip.

        Raises
        ------
        NodeError, NodeAnswerError
            As `network`.
        """
        network = self.network()
        path = "/blocks/tip/height"
        height = self._read_number(self._get(path, _SMALL), path)
        name = self.hash_at(height)
        if name is None:
            raise self._wrong(path, f"{height}, a height at which it has no block")
        return EsploraTip(network, height, name)

    def hash_at(self, height: int) -> bytes | None:
        """Ask which block is at a height now; None above the server's tip."""
        path = f"/block-height/{height}"
        answer = self._answer(path, _SMALL)
        return None if answer.status == 404 else self._read_hash(self._done(answer, path), path)

    def as_of(self, tip: EsploraTip, answers: Answers) -> None:
        """Answer from now on as of a tip, and keep answers; a run has begun for it there."""
        self._tip = tip
        self._answers = answers
        self._headers = {}

    def transaction_count(self, address: str) -> int:
        """Ask how many transactions touch a valid address, unconfirmed ones left out."""
        path = f"/address/{address}"

        def read(body: bytes) -> tuple[int, bool]:
            stats = self._read_object(body, path).get("chain_stats")
            count = stats.get("tx_count") if isinstance(stats, dict) else None
            return self._count(count, path), False

        return self._ask(path, _SMALL, read)

    def history(self, address: str, after: bytes | None) -> list[Listed]:
        """Ask for the next page of an address's transactions, newest first.

        Parameters
        ----------
        address : str
            Valid.
        after : bytes, optional
            Last transaction of the page before.

        Returns
        -------
        list of Listed
            Empty at the end. What else the page says of its transactions is not read.
        """
        path = f"/address/{address}/txs/chain"
        path = path if after is None else f"{path}/{shown(after)}"

        def read(body: bytes) -> tuple[list[Listed], bool]:
            page = self._read_json(body, path)
            if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
                raise self._wrong(path, "no list of transactions")
            return [
                Listed(self._hash(one.get("txid"), path), self._height(one.get("status"), path))
                for one in page
            ], False

        return self._ask(path, _PAGE_BYTES, read)

    def transaction(self, txid: bytes) -> Transaction:
        """Ask for the bytes of a transaction, and hash them.

        Raises
        ------
        NodeAnswerError
            If they are of another transaction, or of none.
        NodeError
            If the server does not have it.
        """
        path = f"/tx/{shown(txid)}/raw"

        def read(body: bytes) -> tuple[Transaction, bool]:
            return self._transaction(body, txid, path), True

        return self._ask(path, BITCOIN.max_block_bytes, read)

    def place(self, txid: bytes) -> Place:
        """Ask where a transaction is, and prove it by a Merkle branch to a header.

        Raises
        ------
        NodeAnswerError
            If the branch does not lead to the Merkle root of that header.
        NodeError
            If the server does not know it as confirmed.
        """
        path = f"/tx/{shown(txid)}/merkle-proof"

        def read(body: bytes) -> tuple[Place, bool]:
            proof = self._read_object(body, path)
            height = self._bounded(proof.get("block_height"), _MAX_HEIGHT, path)
            branch = proof.get("merkle")
            if not isinstance(branch, list) or len(branch) > _MERKLE_DEPTH:
                raise self._wrong(path, "no Merkle branch")
            position = self._bounded(proof.get("pos"), (1 << len(branch)) - 1, path)
            node = txid
            for level, text in enumerate(branch):
                other = self._hash(text, path)
                pair = other + node if position >> level & 1 else node + other
                node = _sha256d(pair)
            if node != self.header(height)[36:68]:
                raise self._wrong(
                    path, f"a Merkle branch that does not lead to the header at height {height:,}"
                )
            return Place(height, position), self._lasts(height)

        return self._ask(path, _SMALL, read)

    def header(self, height: int) -> bytes:
        """Ask for the header at a height, and check its hash and its work."""
        if height not in self._headers:
            assert self._tip is not None
            network = self._tip.network
            path = f"/block-height/{height}"
            name = self._ask(
                path, _SMALL, lambda body: (self._read_hash(body, path), self._lasts(height))
            )
            header_path = f"/block/{shown(name)}/header"
            self._headers[height] = self._ask(
                header_path,
                _SMALL,
                lambda body: (self._header(body, name, network, header_path), True),
            )
        return self._headers[height]

    def spends(self, txid: bytes, outputs: int) -> list[Spend | None]:
        """Ask who spends each of the outputs of a transaction; None where nobody does."""
        path = f"/tx/{shown(txid)}/outspends"

        def read(body: bytes) -> tuple[list[Spend | None], bool]:
            found = self._read_json(body, path)
            if not isinstance(found, list) or len(found) != outputs:
                raise self._wrong(path, f"no list of {outputs:,} spends")
            return [self._spend(one, path) for one in found], False

        return self._ask(path, _PAGE_BYTES, read)

    # Asking

    def _ask(self, path: str, limit: int, read: Callable[[bytes], tuple[T, bool]]) -> T:
        """Return what is kept, or ask, check and keep; `read` also says whether it lasts."""
        assert self._answers is not None, "as of which tip?"
        kept = self._answers.find(path)
        if kept is not None:
            # It stood its check once. Where it does not any more, the disk has changed it.
            with suppress(NodeAnswerError):
                return read(kept)[0]
        body = self._get(path, limit)
        value, lasting = read(body)
        self._answers.keep(path, body, lasting=lasting)
        return value

    def _get(self, path: str, limit: int) -> bytes:
        """Ask the server until it is not busy; return the body of a good answer."""
        return self._done(self._answer(path, limit), path)

    def _answer(self, path: str, limit: int) -> Answer:
        """Ask the server until it is not busy."""
        try:
            answer = self._server.retry(lambda: self._server.get(path, limit))
        except TooLong:
            raise self._wrong(path, f"an answer of more than {limit:,} bytes") from None
        self.asked += 1
        return answer

    def _done(self, answer: Answer, path: str) -> bytes:
        """Return the body of a good answer, or raise what the server said instead."""
        if answer.status in {400, 404}:
            raise NodeError(
                f"{path}: {answer.text() or f'HTTP {answer.status}'}",
                where=self.shown,
                hint="is this the URL of an Esplora API? Public servers have theirs under /api",
            )
        if answer.status != 200:
            raise self._wrong(path, f"HTTP {answer.status} {answer.text()!r}")
        return answer.body

    def _lasts(self, height: int) -> bool:
        """Tell whether what lies at a height will not change any more."""
        assert self._tip is not None
        return height <= self._tip.height - SETTLED

    # Reading

    def _transaction(self, body: bytes, txid: bytes, path: str) -> Transaction:
        """Return the transaction that some bytes are."""
        # A copy that can be written: kernels are compiled for such arrays.
        data = np.frombuffer(bytearray(body), np.uint8)
        end = np.array([data.size], np.int64)
        parsed = parse_transactions(data, np.zeros(1, np.int64), end)
        if isinstance(parsed, BlockFault):
            raise self._wrong(path, f"no transaction: {FAULT_TEXT[parsed.fault]}")
        if parsed.txid[0].tobytes() != txid:
            raise self._wrong(path, f"transaction {shown(parsed.txid[0].tobytes())}")
        _first, inputs, outputs, _last = parsed.tx_span[0].tolist()
        if 8 + outputs - inputs == _INNER_NODE_BYTES:
            raise self._wrong(path, "64 bytes, which may be a node of a Merkle tree")
        return Transaction(
            txid=txid,
            raw=body,
            prevouts=tuple(
                (body[at : at + 32], int.from_bytes(body[at + 32 : at + 36], "little"))
                for at in parsed.prevout_at.tolist()
            ),
            scripts=tuple(
                body[at : at + length]
                for at, length in zip(
                    parsed.script_at.tolist(), parsed.script_length.tolist(), strict=True
                )
            ),
        )

    def _header(self, body: bytes, name: bytes, network: Network, path: str) -> bytes:
        """Return the header that a text in hex is."""
        try:
            header = bytes.fromhex(body.decode("ascii").strip())
        except ValueError:
            raise self._wrong(path, "no header in hex") from None
        if len(header) != HEADER_BYTES or _sha256d(header) != name:
            raise self._wrong(path, "a header of another block")
        target = target_of(int.from_bytes(header[72:76], "little"))
        easiest = target_of(network.pow_limit_bits)
        if not 0 < target <= easiest or int.from_bytes(name, "little") > target:
            raise self._wrong(path, "a header without the work that its network asks for")
        return header

    def _spend(self, one: Any, path: str) -> Spend | None:
        """Return one entry of a list of spends."""
        if not isinstance(one, dict) or not isinstance(one.get("spent"), bool):
            raise self._wrong(path, "an entry that is no spend")
        if not one["spent"]:
            return None
        return Spend(self._hash(one.get("txid"), path), self._height(one.get("status"), path))

    def _height(self, status: Any, path: str) -> int | None:
        """Return the height in a status, None if unconfirmed."""
        if not isinstance(status, dict) or not isinstance(status.get("confirmed"), bool):
            raise self._wrong(path, "a transaction without a status")
        if not status["confirmed"]:
            return None
        return self._bounded(status.get("block_height"), _MAX_HEIGHT, path)

    def _hash(self, text: Any, path: str) -> bytes:
        """Return a hash from its text, internal byte order."""
        try:
            if isinstance(text, str) and len(text) == 64:
                return bytes.fromhex(text)[::-1]
        except ValueError:
            pass
        raise self._wrong(path, f"{str(text)[:80]!r}, which is no hash")

    def _read_hash(self, body: bytes, path: str) -> bytes:
        """Return a hash that is the whole answer."""
        return self._hash(body[:80].decode("utf-8", "replace").strip(), path)

    def _read_number(self, body: bytes, path: str) -> int:
        """Return a height that is the whole answer."""
        text = body[:80].decode("utf-8", "replace").strip()
        if not text.isascii() or not text.isdecimal():
            raise self._wrong(path, f"{text!r}, which is no number")
        return self._bounded(int(text), _MAX_HEIGHT, path)

    def _read_json(self, body: bytes, path: str) -> Any:
        """Return the value that an answer is in JSON."""
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self._wrong(path, "no JSON") from None

    def _read_object(self, body: bytes, path: str) -> dict[str, Any]:
        """Return the object that an answer is in JSON."""
        value = self._read_json(body, path)
        if not isinstance(value, dict):
            raise self._wrong(path, "no JSON object")
        return value

    def _bounded(self, value: Any, most: int, path: str) -> int:
        """Return an integer from 0 to `most`."""
        if type(value) is not int or not 0 <= value <= most:
            raise self._wrong(path, f"{str(value)[:80]!r} where a number from 0 to {most:,} stands")
        return value

    def _count(self, value: Any, path: str) -> int:
        """Return a number of transactions."""
        return self._bounded(value, _MAX_COUNT, path)

    def _wrong(self, path: str, what: str) -> NodeAnswerError:
        """Return the error of an answer that is not what was asked for."""
        return NodeAnswerError(
            f"answered {path} with {what}",
            where=self.shown,
            hint="nothing of it was taken; ask another server, best one of your own",
        )


def _sha256d(data: bytes) -> bytes:
    """Return the double SHA-256 of some bytes."""
    return sha256(sha256(data).digest()).digest()


def esplora_server(
    url: str, per_second: float, report: Report = lambda _line: None
) -> EsploraServer:
    """Prepare to ask an Esplora server; nothing is sent yet.

    Parameters
    ----------
    url : str
        ``https://host/api``.
    per_second : float
        Most requests a second; 0 for no limit.
    report : callable
        Told a line at a time what an operator should know.

    Returns
    -------
    EsploraServer
        For `Esplora`.

    Raises
    ------
    UsageError
        If it is no URL, holds a password, or a setting is no number.
    """
    parsed = parse_url(url, "--esplora", "https://esplora.example/api")
    if parsed.login is not None:
        raise UsageError("a name and password are not used here", where="--esplora")
    return EsploraServer(parsed, per_second, patience(), report)
