"""The books of one exchange of a made-up case: transfers of its customers, as CSV.

What the story knows of is there as it happened: withdrawals that paid the site or a look-alike, and
deposits by which operators cash out. The rest is ordinary: customers without a part, who move coins
to and from fresh addresses and, now and then, those of people of the story. Everything is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from clewline.codec.address import encode_addresses
from clewline.codec.script import ScriptKind
from clewline.play.block_files import REGTEST

COLUMNS: Final = ("id", "customer", "address", "own_address", "chain", "direction", "value", "time")
_AT_ONCE: Final = 100_000
_KEY_HASH: Final = 20
_BEGIN: Final = np.array([0, _KEY_HASH], np.uint8)  # OP_0 and a push: P2WPKH
_ON_CHAIN: Final = 20  # one ordinary transfer in so many is with a person of the story


@dataclass(frozen=True)
class Books:
    """What was written, and who is who in it.

    Attributes
    ----------
    path : Path
        The CSV.
    transfers : int
        Rows.
    paid, cash_out, look_alike : frozenset of str
        Customers who paid the site straight from the exchange, whose account an operator cashes out
        at, and who paid a look-alike and did neither of these.
    """

    path: Path
    transfers: int
    paid: frozenset[str]
    cash_out: frozenset[str]
    look_alike: frozenset[str]


def write_books(
    path: Path,
    truth: Mapping[str, Any],
    exchange: str,
    senders: Mapping[str, str],
    *,
    customers: int,
    transfers: int,
    seed: int = 1,
) -> Books:
    """Write the transfers of one exchange of a made-up case.

    Parameters
    ----------
    path : Path
        CSV to write.
    truth : dict
        Content of ``truth.json``.
    exchange : str
        Id of an exchange in it.
    senders : dict of str to str
        Transaction id to the address that its first input spends, for the deposits of the story: an
        exchange sees that on the chain.
    customers : int
        How many the exchange has; those without a part follow those of the story.
    transfers : int
        Rows; at least those of the story.
    seed : int
        The same seed and case give the same bytes.

    Returns
    -------
    Books
        With the truth about customers.

    Notes
    -----
    Cost: some 4 microseconds a row.
    """
    rows: list[tuple[str, ...]] = []
    sites = {one["id"] for one in truth["entities"] if one["kind"] == "site"}
    paid: set[str] = set()
    look_alike: set[str] = set()
    cash_out: set[str] = set()
    for kind, payments in ((paid, truth["purchases"]), (look_alike, truth["payments"])):
        for payment in payments:
            own = [
                one
                for one in payment["sources"]
                if payment["kind"] == "direct" and one.get("exchange") == exchange
            ]
            for source in own:
                kind.add(source["customer"])
                rows.append(
                    _row(source["customer"], payment["address"], "", "out", source, payment)
                )
    times = {one["txid"]: one for one in truth["purchases"]}
    for sale in truth["cashouts"]:
        if sale["exchange"] == exchange and sale["txid"] in senders:
            if sale["service"] in sites:
                cash_out.add(sale["customer"])
            else:
                look_alike.add(sale["customer"])
            sender = senders[sale["txid"]]
            rows.append(_row(sale["customer"], sender, sale["address"], "in", sale, times))
    known = sum(one["exchange"] == exchange for one in truth["customers"])
    letter = exchange.rpartition("_")[2].upper()
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number, row in enumerate(rows):
            file.write(f"s{number}," + ",".join(row) + "\n")
        chance = np.random.default_rng(seed)
        services = {one["id"] for one in truth["entities"]}
        people = sorted(a for a, who in truth["owner"].items() if who not in services)
        for first in range(len(rows), transfers, _AT_ONCE):
            count = min(_AT_ONCE, transfers - first)
            file.write(_ordinary(chance, first, count, letter, known, customers, people))
    return Books(
        path,
        max(transfers, len(rows)),
        frozenset(paid),
        frozenset(cash_out),
        frozenset(look_alike - paid - cash_out),
    )


def _row(
    customer: str, address: str, own: str, direction: str, coin: Mapping[str, Any], event: Any
) -> tuple[str, ...]:
    """Return the cells of a transfer of the story behind its id."""
    time = event.get("time", "")
    return customer, address, own, "BTC", direction, str(coin["value"]), str(time)


def _ordinary(
    chance: np.random.Generator,
    first: int,
    count: int,
    letter: str,
    known: int,
    customers: int,
    people: list[str],
) -> str:
    """Return rows of customers without a part."""
    hashes = chance.integers(0, 256, (count, _KEY_HASH), np.uint8)
    blob = np.concatenate([np.broadcast_to(_BEGIN, (count, 2)), hashes], axis=1).ravel()
    starts = np.arange(count + 1, dtype=np.int64) * (_KEY_HASH + 2)
    kinds = np.full(count, ScriptKind.WITNESS_V0_KEYHASH, np.uint8)
    addresses = encode_addresses(blob, starts, kinds, REGTEST)
    low = min(known, customers - 1)
    who = chance.integers(low, customers, count).tolist()
    value = chance.integers(10_000, 10_000_000, count).tolist()
    time = chance.integers(1_600_000_000, 1_700_000_000, count).tolist()
    out = chance.integers(0, 2, count).tolist()
    met = chance.integers(0, _ON_CHAIN * max(len(people), 1), count).tolist()
    return "".join(
        f"o{first + k},{letter}-{who[k] + 1:06d},"
        f"{people[met[k]] if met[k] < len(people) else addresses[k]},,BTC,"
        f"{'out' if out[k] else 'in'},{value[k]},{time[k]}\n"
        for k in range(count)
    )
