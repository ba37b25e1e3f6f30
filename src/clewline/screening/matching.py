"""Direct matching: which rows name a listed address, on its chain, while it was listed.

It needs no chain store: what an address is follows from its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.screening.chains import (
    ASSETS,
    NOT_AN_ADDRESS,
    ChainReader,
    agreed,
    chain_named,
    group_matrix,
)
from clewline.screening.rows import NO_TIME, Fault, Rows, times_of
from clewline.screening.texts import Int64, Texts, distinct, keys_of
from clewline.screening.watchlist import Watchlist

DAY: Final = 86_400


@dataclass(frozen=True)
class Matched:
    """What direct matching says of some rows.

    Attributes
    ----------
    row, entry : ndarray of int64, shape (h,)
        The hits: index of a row and of an entry of the list; ascending by row.
    kind : ndarray of int32, shape (n,)
        Index into `chains`.
    chains : tuple of str
        Chain or chains of a row, as they are shown; empty where its address is none that is read.
    known : ndarray of bool, shape (n,)
        Whether the address is one that is read, and so was compared with the whole list.
    times : ndarray of int64, shape (n,)
        UTC seconds, `NO_TIME` where a row has none.
    faults : list of Fault
        What is to be said of rows that were taken nevertheless.
    """

    row: Int64
    entry: Int64
    kind: NDArray[np.int32]
    chains: tuple[str, ...]
    known: NDArray[np.bool_]
    times: Int64
    faults: list[Fault]


class Matcher:
    """Matches batches of rows with a list.

    Parameters
    ----------
    watchlist : Watchlist
        What is looked for.
    lookback : int
        Days before an entry's ``valid_from`` for which it counts as well: a sighting says when an
        address was seen, not when its use began.
    """

    def __init__(self, watchlist: Watchlist, lookback: int = 0) -> None:
        self._list = watchlist
        self._reader = ChainReader()
        since = watchlist.since
        bounded = since > NO_TIME + lookback * DAY
        self._since = np.where(bounded, since - lookback * DAY, NO_TIME)

    def match(self, rows: Rows) -> Matched:
        """Return the hits of a batch.

        Parameters
        ----------
        rows : Rows
            With ``address``; ``chain`` and ``time`` where the input has them.

        Returns
        -------
        Matched
            An address that is valid on several chains is compared with entries of all of them,
            unless the row names one. A row whose address cannot be of the chain that it names is
            compared by its address, and reported. A row without a time meets every entry.
        """
        texts = rows.cells["address"]
        read = self._reader.read(texts)
        kind, chains, own, faults = self._chains(rows, read.group, read.groups)
        times, wrong = (
            times_of(rows.cells["time"])
            if "time" in rows.cells
            else (np.full(len(rows), NO_TIME), np.zeros(len(rows), np.bool_))
        )
        faults += [Fault(int(rows.line[k]), "no time") for k in np.flatnonzero(wrong).tolist()]
        known = np.array([bool(group) for group in read.groups], np.bool_)[read.group]
        spelling = self._list.find(texts)
        if read.canonical:
            places = np.array(list(read.canonical), np.int64)
            spelling[places] = self._list.find(Texts.of(list(read.canonical.values())))
        row = np.flatnonzero(spelling >= 0)
        first = self._list.first[spelling[row]]
        count = self._list.first[spelling[row] + 1] - first
        ends = np.cumsum(count)
        row = np.repeat(row, count)
        within = np.arange(row.size) - np.repeat(ends - count, count)
        entry = self._list.members[np.repeat(first, count) + within]
        # An address without letters of a case or a checksum may be spelled alike on other chains.
        good = own[kind[row], self._list.chain[entry]]
        timed = times[row] != NO_TIME
        good &= ~timed | (
            (times[row] >= self._since[entry]) & (times[row] <= self._list.until[entry])
        )
        return Matched(row[good], entry[good], kind, chains, known, times, faults)

    def _chains(
        self, rows: Rows, group: NDArray[np.int32], groups: tuple[tuple[str, ...], ...]
    ) -> tuple[NDArray[np.int32], tuple[str, ...], NDArray[np.bool_], list[Fault]]:
        """Settle the chains of each row: by its address, and by what it names."""
        faults = [
            Fault(int(rows.line[k]), NOT_AN_ADDRESS)
            for k in np.flatnonzero((group == 0) & ~_named(rows)).tolist()
        ]
        assets = self._list.chains
        if "chain" not in rows.cells:
            shown = tuple(" ".join(chains) for chains in groups)
            return group, shown, group_matrix(groups, assets), faults
        given = rows.cells["chain"]
        keys = keys_of(given.data, given.begins, given.ends)
        first, kind = distinct(keys ^ (group.astype(np.uint64) << np.uint64(40)))
        settled: list[tuple[str, ...]] = []
        for number, k in enumerate(first.tolist()):
            name, chains = given.text(k), groups[group[k]]
            one = agreed(name, chains) if name else None
            # A name that is no chain's, such as a token's, contradicts no address.
            if name and (
                (one is None and chain_named(name) in ASSETS) or (not chains and one in ASSETS)
            ):
                faults += [
                    Fault(int(rows.line[row]), f"not an address of {name[:40]!r}")
                    for row in np.flatnonzero(kind == number).tolist()
                ]
            settled.append((one,) if one else chains)
        shown = tuple(" ".join(chains) for chains in settled)
        return kind, shown, group_matrix(tuple(settled), assets), faults


def _named(rows: Rows) -> NDArray[np.bool_]:
    """Tell which rows name a chain: what this reads no address of may be one nevertheless."""
    if "chain" not in rows.cells:
        return np.zeros(len(rows), np.bool_)
    named: NDArray[np.bool_] = rows.cells["chain"].ends > rows.cells["chain"].begins
    return named
