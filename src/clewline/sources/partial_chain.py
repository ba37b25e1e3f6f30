"""A part of a chain around some addresses, fetched from an Esplora server, in chain order.

What is fetched: all transactions of the addresses, then, a hop at a time, the transactions that
spend the outputs of those that the addresses made, and those that paid for the ones that paid the
addresses. Each of these comes with its place, and with its *parents*: the transactions whose
outputs it spends. A parent that is not fetched for its own sake is known by its bytes alone, for
its outputs: it has no place, and its own inputs are not loaded.

A bound on the number of transactions holds whatever an address or a transaction looks like. What it
leaves out is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import script_of
from clewline.codec.block import BlockFault, ParsedBlocks, parse_transactions
from clewline.codec.header import HEADER_BYTES, header_hashes
from clewline.codec.script import is_unspendable
from clewline.errors import NodeAnswerError
from clewline.sources.active_chain import shown
from clewline.sources.esplora import Esplora, EsploraTip, Listed, Place, Transaction

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done, and what there is to do."""


@dataclass(frozen=True)
class History:
    """What is loaded of the transactions of an address.

    Attributes
    ----------
    script : bytes
        Its locking script.
    loaded, total : int
        Transactions that are loaded, and that there are by the server's word.
    complete : bool
        Whether these are all, up to the tip.
    """

    script: bytes
    loaded: int
    total: int
    complete: bool


@dataclass(frozen=True)
class PartialChain:
    """Transactions in the form that a store takes.

    Attributes
    ----------
    server : str
        Where it was fetched.
    parsed : ParsedBlocks
        Block 0 holds the parents that are known for their outputs alone (without their inputs),
        under the header of the genesis block, by id. The other blocks are those that something was
        fetched of, by height; the last is the tip.
    height : ndarray of int64, shape (n_block,)
        True heights; -1 for block 0.
    settled : ndarray of bool, shape (n_output,)
        Whether it is known that no transaction spends the output but a loaded one.
    histories : dict of str to History
        By address, as it was asked about.
    left_out : int
        Transactions that were wanted and did not fit the bound.
    """

    server: str
    parsed: ParsedBlocks
    height: NDArray[np.int64]
    settled: NDArray[np.bool_]
    histories: dict[str, History]
    left_out: int


class _Crawl:
    """Which transactions to load, within a bound."""

    def __init__(self, esplora: Esplora, tip: EsploraTip, most: int, progress: Progress) -> None:
        self.known: dict[bytes, Transaction] = {}
        self.places: dict[bytes, Place] = {}
        self.unspent: set[tuple[bytes, int]] = set()
        self.left_out: set[bytes] = set()
        self._esplora = esplora
        self._tip = tip
        self._most = most
        self._progress = progress

    @property
    def room(self) -> int:
        """How many transactions may be added."""
        return self._most - len(self.known)

    def take(self, txid: bytes) -> bool:
        """Load a transaction with its place and its parents; tell whether it fits the bound."""
        if txid in self.places:
            return True
        if txid not in self.known and not self.room:
            self.left_out.add(txid)
            return False
        one = self.known.get(txid) or self._esplora.transaction(txid)
        wanted = {parent for parent, _index in one.prevouts} - self.known.keys()
        if len({txid} - self.known.keys()) + len(wanted) > self.room:
            self.left_out.add(txid)
            return False
        parents = [self._esplora.transaction(parent) for parent in sorted(wanted)]
        place = self._esplora.place(txid)
        # Nothing is entered before all of it is there.
        self.known |= {parent.txid: parent for parent in (*parents, one)}
        self.places[txid] = place
        self.left_out.discard(txid)
        self._progress("Fetching transactions", len(self.known), self._most)
        for parent in parents:
            # It has no parents, so that nothing is missing but its place.
            if parent.is_coinbase:
                self.take(parent.txid)
        return True

    def listed(self, address: str, total: int) -> tuple[list[bytes], bool]:
        """List the transactions of an address up to the tip, newest first; whether these are all.

        Pages are turned as long as there is room for what they list.
        """
        found: dict[bytes, None] = {}
        seen: set[bytes] = set()
        page: list[Listed] = []
        while len(found) < min(total, self._most):
            page = self._esplora.history(address, page[-1].txid if page else None)
            if not page:
                break
            names = {one.txid for one in page}
            if len(names) < len(page) or not names.isdisjoint(seen):
                raise NodeAnswerError(
                    f"lists a transaction of {address} twice", where=self._esplora.shown
                )
            seen |= names
            found.update((one.txid, None) for one in page if self._counts(one.height))
        # Those that came after the tip are part of the total if that was asked for later.
        return list(found), len(found) >= total or (not page and len(seen) >= total)

    def spenders(self, txids: Iterable[bytes]) -> list[bytes]:
        """Load the transactions that spend outputs of some, and note what nobody spends."""
        taken: dict[bytes, None] = {}
        for txid in txids:
            if not self.room:
                break
            spends = self._esplora.spends(txid, len(self.known[txid].scripts))
            for index, spend in enumerate(spends):
                if spend is None or not self._counts(spend.height):
                    self.unspent.add((txid, index))
                elif self.take(spend.txid):
                    taken[spend.txid] = None
        return list(taken)

    def payers(self, txids: Iterable[bytes]) -> list[bytes]:
        """Load the parents of some transactions with their places and parents."""
        wanted = {parent: None for txid in txids for parent, _index in self.known[txid].prevouts}
        return [parent for parent in wanted if self.take(parent)]

    def pays(self, txid: bytes, scripts: set[bytes]) -> bool:
        """Tell whether a transaction has an output to one of some scripts."""
        return not scripts.isdisjoint(self.known[txid].scripts)

    def spends(self, txid: bytes, scripts: set[bytes]) -> bool:
        """Tell whether a loaded transaction has an input of one of some scripts."""
        return any(
            script in scripts
            for parent, index in self.known[txid].prevouts
            for script in self.known[parent].scripts[index : index + 1]
        )

    def _counts(self, height: int | None) -> bool:
        """Tell whether a height is on the chain as of the tip."""
        return height is not None and height <= self._tip.height


def fetch_around(
    esplora: Esplora,
    tip: EsploraTip,
    addresses: Sequence[str],
    hops: int,
    most: int,
    progress: Progress,
) -> PartialChain:
    """Fetch the part of a chain around some addresses.

    Parameters
    ----------
    esplora : Esplora
        Where to ask, as of `tip`.
    tip : EsploraTip
        Later blocks do not count.
    addresses : sequence of str
        Of its network; distinct.
    hops : int
        How many transactions to go beyond those of the addresses, forward and backward; 0 for none.
    most : int
        Transactions to load at most, parents included.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    PartialChain
        The same for the same answers, whoever gave them.

    Raises
    ------
    NodeError
        If the server cannot be reached, stays busy, or does not have what it listed.
    NodeAnswerError
        If an answer is not what was asked for, or does not prove what it says.
    AddressError
        If an address is none of the network.

    Notes
    -----
    Cost in requests: one for 25 transactions of an address; two for each transaction, one for each
    of its parents, two for each block; with hops, one for each transaction whose outputs are
    followed.
    """
    crawl = _Crawl(esplora, tip, most, progress)
    scripts = {address: script_of(address, tip.network) for address in addresses}
    totals = {address: esplora.transaction_count(address) for address in addresses}
    histories: dict[str, History] = {}
    # The shortest first, so that an address with a million transactions starves no other.
    for address in sorted(addresses, key=lambda one: (totals[one], one)):
        listed, whole = crawl.listed(address, totals[address])
        loaded = sum([crawl.take(txid) for txid in listed])
        complete = whole and loaded == len(listed)
        total = loaded if complete else totals[address]
        histories[address] = History(scripts[address], loaded, total, complete)
    own = set(scripts.values())
    made = [txid for txid in crawl.places if crawl.spends(txid, own)]
    received = [txid for txid in crawl.places if crawl.pays(txid, own)]
    asked: set[bytes] = set()
    for _ in range(hops):
        onward = [txid for txid in made if txid not in asked]
        asked.update(onward)
        made, received = crawl.spenders(onward), crawl.payers(received)
    complete_scripts = {one.script for one in histories.values() if one.complete}
    ordered = {address: histories[address] for address in addresses}
    return _assembled(esplora, tip, crawl, ordered, complete_scripts)


def _assembled(
    esplora: Esplora,
    tip: EsploraTip,
    crawl: _Crawl,
    histories: dict[str, History],
    complete: set[bytes],
) -> PartialChain:
    """Put what was fetched into chain order."""
    placed = sorted(crawl.places, key=lambda txid: crawl.places[txid])
    parents = sorted(crawl.known.keys() - crawl.places.keys())
    above = sorted({tip.height, *(crawl.places[txid].height for txid in placed)})
    header = np.frombuffer(b"".join(map(esplora.header, [0, *above])), np.uint8)
    header = header.reshape(-1, HEADER_BYTES)
    _check_links(esplora, header[1:], above)
    counts = np.searchsorted(above, [crawl.places[txid].height for txid in placed])
    per_block = np.bincount(counts + 1, minlength=len(above) + 1)
    per_block[0] = len(parents)

    transactions = [crawl.known[txid] for txid in (*parents, *placed)]
    lengths = np.array([len(one.raw) for one in transactions], np.int64)
    raw = np.frombuffer(bytearray(b"".join(one.raw for one in transactions)), np.uint8)
    data = np.concatenate((raw, header.reshape(-1)))
    end = np.cumsum(lengths)
    parsed = parse_transactions(data, end - lengths, end)
    assert not isinstance(parsed, BlockFault), "each was parsed when it came"
    # The inputs of those that are known for their outputs alone stand first: away with them.
    unloaded = int(parsed.tx_input[len(parents)])
    block_start = raw.size + HEADER_BYTES * np.arange(header.shape[0], dtype=np.int64)
    scripts = [script for one in transactions for script in one.scripts]
    outpoints = [(one.txid, index) for one in transactions for index in range(len(one.scripts))]
    settled = [
        script in complete
        or outpoint in crawl.unspent
        or bool(is_unspendable(data, int(at), len(script)))
        for script, outpoint, at in zip(scripts, outpoints, parsed.script_at, strict=True)
    ]
    return PartialChain(
        server=esplora.shown,
        parsed=parsed._replace(
            block_start=block_start,
            block_end=block_start + HEADER_BYTES,
            block_tx=np.concatenate(([0], np.cumsum(per_block))).astype(np.int64),
            tx_input=np.maximum(parsed.tx_input - unloaded, 0),
            prevout_at=parsed.prevout_at[unloaded:],
            sequence=parsed.sequence[unloaded:],
        ),
        height=np.array([-1, *above], np.int64),
        settled=np.array(settled, np.bool_),
        histories=histories,
        left_out=len(crawl.left_out),
    )


def _check_links(esplora: Esplora, header: NDArray[np.uint8], height: Sequence[int]) -> None:
    """Hold headers of neighbouring heights against each other."""
    names = header_hashes(header)
    follows = np.diff(np.array(height)) == 1
    linked = (header[1:, 4:36] == names[:-1]).all(axis=1)
    broken = np.flatnonzero(follows & ~linked)
    if broken.size:
        row = int(broken[0]) + 1
        raise NodeAnswerError(
            f"block {shown(names[row].tobytes())} is not the child of the block before it",
            where=esplora.shown,
            hint="a reorganisation came in between, or the server is wrong; run again",
        )
