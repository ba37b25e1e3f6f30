"""What truly happened, as JSON, and the labels that somebody outside would have, as CSV.

``truth.json`` holds (amounts in satoshi, times UTC seconds, outputs as ``txid:vout``):

=================== ============================================================================
key                 value
=================== ============================================================================
made_up             a sentence that says so
network, seed       what it was made with
height, tip         of the last block
transactions        all of them, with coinbases and the genesis block's
entities            id, name (as in the labels), kind (``exchange``, ``site``, ``look_alike``),
                    category; exchanges: ``hot``, ``cold``, ``deposit`` addresses; others:
                    ``main``, ``addresses`` of customers. ``exchange`` and ``service`` are ids
owner               address → who holds its key (an entity's id, or a person), for each address of
                    the story that was paid
customers           exchange, customer (the exchange's number), person, deposit_address or null
purchases           payments to the site: txid, vout, value, address, buyer, usd, height, time, kind
                    (``direct``: straight from an exchange, ``one_hop``: through one wallet,
                    ``more``), ``sources``: what FIFO finds, in queue order
sources             origin (``exchange``, ``coinjoin``), output (the withdrawal, or the CoinJoin's
                    output), exchange, customer, hops (transactions between), value; they sum to
                    the purchase's value
payments            payments to look-alikes, the same with ``service``
withdrawals         output, exchange, customer, value
sweeps              service, txid, inputs, value
peel_chains         lists of steps: txid, sold and rest, both outputs
cashouts            service, exchange, customer, address, txid, vout, value
refunds, dust       outputs with address and value: money that is no purchase
coinjoins           txid, family, participants: who, and the addresses that each brought in
ordinary            how many people without a part there are, and their transactions
rates               currency pair and file of the rates by which prices were paid
=================== ============================================================================

``labels.csv`` names all hot and cold addresses and a few deposit addresses of each exchange, three
addresses of each look-alike (all as control, reaching the cluster), and one in ten addresses of the
site, as a hotline's mention. ``rates.csv`` holds the made-up exchange rate of each day.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from clewline.codec.address import encode_addresses
from clewline.codec.script import script_kinds
from clewline.play.block_files import REGTEST
from clewline.play.calendar import date_of
from clewline.play.coins import Coin, Part
from clewline.play.exchange import BTC, Exchange
from clewline.play.keys import script_bytes
from clewline.play.ledger import Ledger
from clewline.play.service import Payment, Service
from clewline.play.story import Story

MADE_UP: Final = (
    "Everything here is made up: people, services, addresses, amounts and times. "
    "Nobody holds a key to any address, and none of this happened."
)
_LABEL_COLUMNS: Final = ("address", "entity", "category", "source", "confidence", "type", "cluster")
_PAIR: Final = "BTC/USD"
_VENDOR: Final = "made-up label vendor"
_HOTLINE: Final = "made-up hotline"
_LABELLED_DEPOSITS: Final = 2
_LABELLED_OF_SERVICE: Final = 3
_SEEN_BY_HOTLINE: Final = 10  # one address in so many

Record = dict[str, Any]


def story_addresses(story: Story) -> dict[int, str]:
    """Return the address of each script of the story that was paid, by script number."""
    ledger = story.scene.ledger
    paid = np.zeros(ledger.script_kind.count, np.bool_)
    paid[ledger.script.data[: ledger.value.count]] = True
    numbers = np.array([n for n in story.scene.owner if paid[n]], np.int64)
    blob, starts = script_bytes(numbers, ledger.script_kind.data[numbers], ledger.seed)
    addresses = encode_addresses(blob, starts, script_kinds(blob, starts), REGTEST)
    return {n: str(a) for n, a in zip(numbers.tolist(), addresses, strict=True)}


class Truth:
    """Turns a finished story into records.

    Parameters
    ----------
    story : Story
        After its last block.
    times : list of int
        Header time of each height.
    """

    def __init__(self, story: Story, times: list[int]) -> None:
        self._story = story
        self._ledger: Ledger = story.scene.ledger
        self._times = times
        self._address = story_addresses(story)

    def record(self, tip: str) -> Record:
        """Return the content of ``truth.json``.

        Parameters
        ----------
        tip : str
            Hash of the last block as shown.
        """
        story = self._story
        names = [one.name for one in story.exchanges] + [one.name for one in story.services]
        return {
            "made_up": MADE_UP,
            "network": REGTEST.name,
            "seed": self._ledger.seed,
            "height": story.plan.end,
            "tip": tip,
            "transactions": self._ledger.transactions + 1,
            "entities": [self._exchange(exchange) for exchange in story.exchanges]
            + [self._service(service) for service in story.services],
            "owner": {
                self._address[n]: entity_id(owner) if owner in names else owner
                for n in sorted(self._address)
                for owner in (story.scene.owner[n],)
            },
            "customers": [
                {
                    "exchange": entity_id(exchange.name),
                    "customer": account.customer,
                    "person": account.person,
                    "deposit_address": None
                    if account.deposit is None
                    else self._address.get(account.deposit),
                }
                for exchange in story.exchanges
                for account in exchange.accounts
            ],
            "purchases": [self._payment(one, "buyer") for one in story.site.payments],
            "payments": [
                {"service": entity_id(service.name)} | self._payment(one, "payer")
                for service in story.services[1:]
                for one in service.payments
            ],
            "withdrawals": [
                {
                    "output": self._outpoint(origin.output),
                    "exchange": entity_id(origin.exchange),
                    "customer": origin.customer,
                    "value": self._value(origin.output),
                }
                for origin in story.scene.origins
                if origin.exchange
            ],
            "sweeps": [
                {
                    "service": entity_id(service.name),
                    "txid": self._txid(coin),
                    "inputs": inputs,
                    "value": coin.value,
                }
                for service in story.services
                for coin, inputs in service.sweeps
            ],
            "peel_chains": [
                [
                    {
                        "txid": self._txid(sold),
                        "sold": self._outpoint(sold.output),
                        "rest": self._outpoint(rest.output),
                    }
                    for sold, rest in chain
                ]
                for chain in story.site.peel_chains
            ],
            "cashouts": [
                {
                    "service": entity_id(service.name),
                    "exchange": entity_id(sale.account.exchange.name),
                    "customer": sale.account.customer,
                }
                | self._output(sale.coin)
                for service in story.services
                for sale in service.sales
            ],
            "refunds": [
                {"service": entity_id(service.name)} | self._output(coin)
                for service in story.services
                for coin in service.refunds
            ],
            "dust": [self._output(coin) for coin in story.dust],
            "coinjoins": [
                {
                    "txid": self._ledger.outpoint(mix.output)[0],
                    "family": mix.family,
                    "participants": [
                        {"who": who, "addresses": sorted({self._of(coin) for coin in coins})}
                        for who, coins in mix.participants
                    ],
                }
                for mix in story.mixes
            ],
            "ordinary": {
                "people": story.people.number,
                "transactions": story.people.transactions,
            },
            "rates": {"pair": _PAIR, "file": "rates.csv"},
        }

    def labels(self) -> str:
        """Return the content of ``labels.csv``."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_LABEL_COLUMNS)
        story = self._story
        for exchange in story.exchanges:
            deposits = self._paid(exchange.deposit_scripts())[:_LABELLED_DEPOSITS]
            known = self._shown([*exchange.hot, *exchange.cold, *deposits])
            tail = (label_name(exchange.name), "exchange", _VENDOR, 90, "control", "yes")
            writer.writerows((address, *tail) for address in known)
        for service in story.services[1:]:
            known = self._shown([service.main, *service.address.values()])[:_LABELLED_OF_SERVICE]
            tail = (label_name(service.name), service.category, _VENDOR, 70, "control", "yes")
            writer.writerows((address, *tail) for address in known)
        site = story.site
        seen = self._shown(site.address.values())[::_SEEN_BY_HOTLINE]
        tail = (label_name(site.name), site.category, _HOTLINE, 50, "mention", "no")
        writer.writerows((address, *tail) for address in seen)
        return text.getvalue()

    def rates(self) -> str:
        """Return the content of ``rates.csv``: what a bitcoin cost in US dollars on each day."""
        lines = ["date,pair,rate,source"]
        for day, sat_per_usd in enumerate(self._story.sat_per_usd):
            cents = 100 * BTC // sat_per_usd
            rate = f"{cents // 100}.{cents % 100:02d}"
            lines.append(f"{date_of(day)},{_PAIR},{rate},made-up rates")
        return "\n".join(lines) + "\n"

    def _paid(self, scripts: Iterable[int]) -> list[int]:
        """Return those scripts that were paid, in order."""
        return [script for script in scripts if script in self._address]

    def _shown(self, scripts: Iterable[int]) -> list[str]:
        """Return the addresses of those scripts that were paid, in order."""
        return [self._address[script] for script in self._paid(scripts)]

    def _exchange(self, exchange: Exchange) -> Record:
        """Return an exchange as an entity."""
        return {
            "id": entity_id(exchange.name),
            "name": label_name(exchange.name),
            "kind": "exchange",
            "category": "exchange",
            "hot": self._shown(exchange.hot),
            "cold": self._shown(exchange.cold),
            "deposit": self._shown(exchange.deposit_scripts()),
        }

    def _service(self, service: Service) -> Record:
        """Return the site or a look-alike as an entity."""
        return {
            "id": entity_id(service.name),
            "name": label_name(service.name),
            "kind": "site" if service is self._story.site else "look_alike",
            "category": service.category,
            "main": self._address.get(service.main),
            "addresses": self._shown(service.address.values()),
        }

    def _payment(self, payment: Payment, payer: str) -> Record:
        """Return a payment with its sources."""
        txid, vout = self._ledger.outpoint(payment.output)
        hops = max(part.hops for part in payment.parts)
        return {
            "txid": txid,
            "vout": vout,
            "value": payment.value,
            "address": self._address[payment.script],
            payer: payment.payer,
            "usd": payment.usd,
            "height": payment.height,
            "time": self._times[payment.height],
            "kind": ("direct", "one_hop", "more")[min(hops, 2)],
            "sources": [self._source(part) for part in payment.parts],
        }

    def _source(self, part: Part) -> Record:
        """Return where a part of a payment came from."""
        origin = self._story.scene.origins[part.origin]
        return {
            "origin": "exchange" if origin.exchange else "coinjoin",
            "output": self._outpoint(origin.output),
            "exchange": origin.exchange and entity_id(origin.exchange),
            "customer": origin.customer,
            "hops": part.hops,
            "value": part.value,
        }

    def _output(self, coin: Coin) -> Record:
        """Return an output with its address."""
        txid, vout = self._ledger.outpoint(coin.output)
        return {"address": self._of(coin), "txid": txid, "vout": vout, "value": coin.value}

    def _of(self, coin: Coin) -> str:
        """Return the address of a coin."""
        return self._address[int(self._ledger.script.data[coin.output])]

    def _txid(self, coin: Coin) -> str:
        """Return the transaction that made a coin."""
        return self._ledger.outpoint(coin.output)[0]

    def _outpoint(self, output: int) -> str:
        """Return an output as ``txid:vout``."""
        txid, vout = self._ledger.outpoint(output)
        return f"{txid}:{vout}"

    def _value(self, output: int) -> int:
        """Return the satoshi of an output."""
        return int(self._ledger.value.data[output])


def entity_id(name: str) -> str:
    """Return the id of an exchange, a site or a look-alike in the truth file.

    Examples
    --------
    >>> entity_id("Site 1"), label_name("Site 1")
    ('site_1', 'Site 1 (made up)')
    """
    return name.lower().replace(" ", "_")


def label_name(name: str) -> str:
    """Return the name that labels give an entity; it says what it is."""
    return f"{name} (made up)"
