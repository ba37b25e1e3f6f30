"""The two tables of a case: who paid the site's addresses, and where its money was cashed out.

Each row says what was observed (outputs, amounts, times), how the link is inferred, whose word the
service's name is, and what else could explain it; the texts are those of the request packs. A row
is a pointer to the place where a lawful request can be made. Only a payment straight from a service
that knows its customers to an address that a source says the site controls *counts as* a purchase;
everything else is a lead (METHODS §5).

An address that an exchange holds for the site is a deposit address: its cluster is the exchange's,
with the addresses of all its other customers, and is never taken for the site's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Bool, Chain, Int64, UInt8
from clewline.engine.payers import Origins, Own, moves_own_money, origins
from clewline.engine.taint import CAPS, Flow, Limits, Method, Seeds, Stop, Stops, forward
from clewline.errors import UsageError
from clewline.reports.case import Movement, utc
from clewline.reports.limits import (
    ALTERNATIVES,
    ALWAYS,
    CASH_OUTS,
    PAYERS,
    accuracy_of,
    alternatives_of,
    basis_text,
    rule_text,
)
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import member_scripts
from clewline.workspace.attribution import Assertion, Attribution
from clewline.workspace.packs import REQUESTED, basis_of
from clewline.workspace.partial import not_loaded, seeds_mark
from clewline.workspace.rates import Rates, fiat_of
from clewline.workspace.rendering import blocks_of, tx_of_outputs
from clewline.workspace.tracing import (
    NOT_LOADED,
    chosen,
    describe_outputs,
    is_outpoint,
    placed_outputs,
    seed_script,
    stops_of,
    within,
)

NO_GUILT: Final = (
    "Nothing here says that a person is guilty. A row points to the place where a lawful request "
    "can be made; what a service names is an account holder."
)
DUST: Final = 1_000
"""Satoshi under which a payment is marked as dust; it is shown all the same."""

_LINKS: Final = {1: "direct", 2: "one_hop"}
"""How a service's payout reached the site, by transactions crossed; else ``more``."""

_STANDINGS: Final = {
    "control": "a source says that the site controls the address",
    "control_of_cluster": "a source says that the site controls another address of its cluster",
    "mention": "a page showed the address, which does not say who controls it",
    "none": "no label ties the address to a site",
}
"""What is known of a site's address, from the strongest on."""

_PAYERS_LAW: Final = "services + mined + coinjoin + capped + own = received"
_CASHOUTS_LAW: Final = "services + unspent + coinjoin + capped + fees + own = received"

_RESTS: Final = {
    Stop.MINED: "newly mined: no payer on the chain",
    Stop.COINJOIN: "came out of a CoinJoin, which is not crossed",
    Stop.NOT_LOADED: "came from where the chain is not loaded",
    Stop.MAX_HOPS: "not followed further: cap on hops",
    Stop.MIN_VALUE: "not followed further: under the smallest value asked for",
    Stop.MAX_TRANSACTIONS: "not followed further: cap on transactions",
    Stop.MAX_NODES: "not followed further: cap on inputs and outputs looked at",
}
_OWN: Final = "came from the site's own addresses: a refund spent again, or its own money"

_SERVICE_COLUMNS: Final = {
    "entity": "Name of the service, as its label says; empty where no service was met.",
    "category": "What the label says it is.",
    "service_address": "Address at which the walk met it.",
    "label_set": "Where the label stands.",
    "basis": "Why the address counts as the service's: label, source, own or inherited.",
    "confidence": "Confidence of that label, 0 to 100. It is not a probability.",
    "confidence_words": "The same in words, as the label's source grades it.",
    "rule": "How the link is inferred.",
    "alternatives": "Keys of other explanations; `other_explanations` has the words.",
    "conflicts": "Other labels of the address that disagree.",
}
_FIAT_COLUMNS: Final = {
    "fiat": "What `amount` was worth then, by the rates that were given.",
    "currency": "In which currency.",
    "rate": "Price of one bitcoin that was used.",
    "rate_time": "From when on that price held.",
    "no_fiat": "Why there is no figure.",
}
PAYER_COLUMNS: Final = {
    "payment": "Output that an address of the site received, txid:index.",
    "time": "Header time of its block, UTC.",
    "address": "The address of the site.",
    "payment_value": "Satoshi of the output.",
    "amount": "Satoshi of it that this row explains; the rows of a payment add up to it.",
    "link": "`direct`: the service paid the address; `one_hop`: through one transaction more; "
    "`more`; `none`: no service was met, and `reason` says why.",
    "hops": "Transactions from the service to the address.",
    "payout": "Output by which the service paid, txid:index: what its books name an account for.",
    **_SERVICE_COLUMNS,
    "address_standing": "What labels say of the site's address: `control`, `control_of_cluster`, "
    "`mention`, `none`.",
    "counts_as": "`purchase`: a direct payment by a business that knows its customers to an "
    "address that a source says the site controls. Everything else is a `lead`.",
    "reason": "Why it counts as that, and what else is known.",
    **_FIAT_COLUMNS,
}
"""Columns of the table of payers, in order; the documentation is generated from it."""
CASHOUT_COLUMNS: Final = {
    "deposit": "Output by which the money arrived at a service, txid:index.",
    "time": "Header time of its block, UTC.",
    "address": "Address of the output.",
    "deposit_value": "Satoshi of the output.",
    "amount": "Satoshi of it that came from the site's addresses, by the rule.",
    "hops": "Least number of transactions from the site's addresses; 0 where the site was paid "
    "there.",
    **_SERVICE_COLUMNS,
    "counts_as": "Always a `lead`.",
    "reason": "What the row rests on.",
    **_FIAT_COLUMNS,
}
"""Columns of the table of cash-outs, in order; the documentation is generated from it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Sites:
    """The addresses of a case.

    Attributes
    ----------
    scripts : ndarray of uint32
        Ascending.
    held : ndarray of bool
        Which of them a service holds that has other customers.
    own : Own
        What is the site's: the scripts, and the clusters of those that nobody holds for it.
    """

    scripts: NDArray[np.uint32]
    held: Bool
    own: Own


@dataclass(frozen=True)
class Question:
    """What is asked of which tip: the arguments that the tables of a case share."""

    store: ChainStore
    chain: Chain
    attribution: Attribution
    sites: Sites
    method: Method
    limits: Limits
    rates: Rates | None
    given: tuple[str, ...]

    @property
    def coinjoin(self) -> UInt8:
        """Verdict on each transaction."""
        return self.store.column("structure.coinjoin")

    @property
    def passable(self) -> UInt8:
        """Verdicts on the transactions that stop a walk as CoinJoins; none where they do not."""
        return self.coinjoin[:0] if self.limits.through_coinjoin else self.coinjoin


def sites_of(
    store: ChainStore, attribution: Attribution, addresses: Iterable[str], *, cluster: bool
) -> Sites:
    """Look up the addresses of a case.

    Parameters
    ----------
    store : ChainStore
        The tip.
    attribution : Attribution
        Its labels.
    addresses : iterable of str
        Addresses of the site.
    cluster : bool
        Take in the clusters of those that no service holds.

    Raises
    ------
    UsageError
        If there is none, or one is an output and no address.
    AddressError, UnknownAddressError, NotLoadedError
    """
    scripts: set[int] = set()
    for address in addresses:
        if is_outpoint(address):
            raise UsageError("a case is about addresses; this is one output", where=address)
        script = seed_script(store, address)
        if not placed_outputs(store, script).size:
            raise not_loaded(store, address, "the history of this address")
        scripts.add(script)
    if not scripts:
        raise UsageError("no address is given", where="addresses", hint="give one or a file")
    given = sorted(scripts)
    held = {script for script in given if _holder(attribution, script)}
    if cluster:
        for script in given:
            if script not in held:
                scripts.update(member_scripts(store, script).tolist())
    everything = np.array(sorted(scripts), np.uint32)
    is_held = np.isin(everything, np.array(sorted(held), np.uint32))
    clusters = store.column("structure.cluster")[everything[~is_held]]
    return Sites(everything, is_held, Own(everything, np.unique(clusters)))


def question(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    addresses: Iterable[str],
    method: str,
    limits: Limits,
    rates: Rates | None,
    *,
    cluster: bool,
) -> Question:
    """Check what is asked before anything is computed.

    Raises
    ------
    UsageError
        A method that there is not; a time range in which the chain has no block; no address.
    AddressError, UnknownAddressError
    """
    rule = chosen("method", method, {one.value: one for one in Method})
    times = store.block_time
    if not np.any(within(times, limits.since, limits.until)):
        raise UsageError(
            "the time range has no block: the chain has blocks from "
            f"{utc(int(times.min()))} to {utc(int(times.max()))}",
            where="since, until",
        )
    given = tuple(addresses)
    sites = sites_of(store, attribution, given, cluster=cluster)
    return Question(store, chain, attribution, sites, rule, limits, rates, given)


def payers(asked: Question) -> Row:
    """Return who paid the site: a row for each payment and the payout of a service behind it.

    Returns
    -------
    dict
        services + mined + coinjoin + capped + own = received, in satoshi; the rows of ``payments``
        hold all of it but what the site moved to itself.

    Raises
    ------
    UsageError
        If the rule mixes satoshi, so that no payment has payers of its own.
    """
    received = received_by(asked)
    own_moves = moves_own_money(
        asked.chain, received, _cluster(asked), asked.passable, asked.sites.own
    )
    found = origins(
        asked.chain,
        received[~own_moves],
        _stops(asked, np.empty(0, np.uint32)),
        asked.sites.own,
        asked.limits,
        asked.method,
    )
    own_stops = _stops(asked, asked.sites.scripts[~asked.sites.held]).own_entities
    own = found.own | (np.isin(found.entity, own_stops) & (found.stop == Stop.SERVICE))
    rows = _payer_rows(asked, found, own)
    served = (found.stop == Stop.SERVICE) & ~own
    parts = {
        "received": int(asked.chain.value[received].sum()),
        "services": int(found.value[served].sum()),
        "mined": _at(found, own, Stop.MINED),
        "coinjoin": _at(found, own, Stop.COINJOIN),
        "capped": _at(found, own, *CAPS),
        **_unloaded(asked, _at(found, own, Stop.NOT_LOADED)),
        "own": int(found.value[own].sum() + asked.chain.value[received[own_moves]].sum()),
    }
    if sum(parts.values()) != 2 * parts["received"]:
        raise AssertionError("the origins of what a case received do not add up to it")
    return {
        "question": "who paid",
        **_head(asked, parts, _PAYERS_LAW, found.crossed),
        "accuracy": accuracy_of(PAYERS),
        "own_moves": int(own_moves.sum()),
        **{
            f"payments_{link}": len({row["payment"] for row in rows if row["link"] == link})
            for link in ("direct", "one_hop", "more", "none")
        },
        "purchases": len({row["payment"] for row in rows if row["counts_as"] == "purchase"}),
        "payers": _by_service(rows, "payout"),
        "payments": rows,
        **_tail(rows),
    }


def cashouts(asked: Question) -> Row:
    """Return where the site's money was cashed out: a row for each output a service received.

    Returns
    -------
    dict
        services + unspent + coinjoin + capped + fees + own = received, in satoshi. ``own`` is what
        the site received again from itself, which is counted once.

    Raises
    ------
    UsageError
        If the rule is poison, which counts satoshi more than once.
    """
    if not asked.method.conserves:
        raise UsageError(
            "poison counts satoshi more than once: no cash-out has a sum; allowed: "
            + ", ".join(one.value for one in Method if one.conserves),
            where="method",
        )
    received = received_by(asked)
    stops = _stops(asked, asked.sites.scripts[~asked.sites.held])
    flow = forward(
        asked.chain, Seeds.whole(asked.chain, received), stops, asked.limits, asked.method
    )
    rows = _cashout_rows(asked, flow)
    total = int(asked.chain.value[received].sum())
    parts = {
        "received": total,
        "services": flow.value_at(Stop.SERVICE),
        "unspent": flow.value_at(Stop.UNSPENT),
        "coinjoin": flow.value_at(Stop.COINJOIN),
        "capped": flow.value_at(*CAPS),
        **_unloaded(asked, flow.value_at(Stop.NOT_LOADED)),
        "fees": flow.fees,
        "own": total - flow.total,
    }
    if sum(row["amount"] for row in rows) != parts["services"]:
        raise AssertionError("the cash-outs of a case do not add up to what services received")
    return {
        "question": "where it was cashed out",
        **_head(asked, parts, _CASHOUTS_LAW, flow.crossed),
        "accuracy": accuracy_of(CASH_OUTS),
        "services_reached": _by_service(rows, "deposit"),
        "cashouts": rows,
        **_tail(rows),
    }


def _head(asked: Question, parts: Mapping[str, int], law: str, crossed: int) -> Row:
    """Return what the answers begin with: what was asked, and the sums."""
    limits, manifest = asked.limits, asked.store.manifest
    return {
        "method": asked.method.value,
        "tip": manifest.tip,
        "height": manifest.height,
        "addresses": int(asked.sites.scripts.size),
        "addresses_held_by_services": int(asked.sites.held.sum()),
        **parts,
        "law": law
        if asked.store.coverage is None
        else law.replace("capped", f"capped + {NOT_LOADED}"),
        "limits": {
            "since": None if limits.since is None else utc(limits.since),
            "until": None if limits.until is None else utc(limits.until),
            "max_hops": limits.max_hops,
            "min_value": limits.min_value,
            "max_transactions": limits.max_transactions,
            "max_nodes": limits.max_nodes,
            "through_coinjoin": limits.through_coinjoin,
            "crossed_transactions": crossed,
        },
        "rates": None if asked.rates is None else asked.rates.source,
        "label_sets": asked.attribution.digests,
        "not_shown": NO_GUILT,
        **seeds_mark(asked.store, asked.given),
    }


def _unloaded(asked: Question, value: int) -> dict[str, int]:
    """Return the part that a partial store adds to the sums."""
    return {} if asked.store.coverage is None else {NOT_LOADED: value}


def _tail(rows: Sequence[Row]) -> Row:
    """Return what the answers end with: the words behind the keys of the rows."""
    used = {key for row in rows for key in row["alternatives"]}
    return {
        "other_explanations": [
            {"key": key, "name": note.name, "meaning": note.text}
            for key, note in ALTERNATIVES.items()
            if key in used
        ],
        "limits_that_hold": [{"limit": note.name, "meaning": note.text} for note in ALWAYS],
    }


def received_by(asked: Question) -> Int64:
    """Return the outputs that the case's addresses received in the time range, ascending."""
    outputs = np.sort(
        np.concatenate([placed_outputs(asked.store, s) for s in asked.sites.scripts.tolist()])
    )
    times = asked.store.block_time[blocks_of(asked.store, tx_of_outputs(asked.store, outputs))]
    return outputs[within(times, asked.limits.since, asked.limits.until)]


def _cluster(asked: Question) -> NDArray[np.uint32]:
    """Return the cluster of each script."""
    return asked.store.column("structure.cluster")


def _stops(asked: Question, own: NDArray[np.uint32]) -> Stops:
    """Return where walks of a case stop; own scripts and theirs are no stop."""
    return stops_of(asked.store, asked.attribution, own)


def _at(found: Origins, own: Bool, *stops: Stop) -> int:
    """Sum what stopped for some reasons, but for what is the site's own."""
    return int(found.value[np.isin(found.stop, stops) & ~own].sum())


class _Texts:
    """What the rows say of outputs, services and site addresses; each looked up once."""

    def __init__(self, asked: Question, outputs: Int64) -> None:
        self._asked = asked
        wanted = np.unique(outputs)
        described = describe_outputs(asked.store, wanted)
        self.output = dict(zip(wanted.tolist(), described, strict=True))
        self._assertions: dict[int, Assertion] = {}
        self._conflicts: dict[int, list[str]] = {}
        self._standings: dict[int, str] = {}

    def outpoint(self, output: int) -> str:
        """Return an output as ``txid:index``."""
        return f"{self.output[output]['txid']}:{self.output[output]['vout']}"

    def script(self, output: int) -> int:
        """Return the script of an output."""
        return int(self._asked.chain.script[output])

    def assertion(self, output: int) -> Assertion:
        """Return why an output counts as a service's."""
        script = self.script(output)
        if script not in self._assertions:
            found = self._asked.attribution.services.service_of(script)
            assert found is not None, "a walk stops at services only"
            self._assertions[script] = found
        return self._assertions[script]

    def conflicts(self, output: int) -> list[str]:
        """Return where labels of an output's address disagree."""
        script, address = self.script(output), self.output[output]["address"]
        if script not in self._conflicts:
            labels_of = self._asked.attribution.labels_of
            self._conflicts[script] = [] if address is None else labels_of(address, script)[1]
        return self._conflicts[script]

    def standing(self, output: int) -> str:
        """Return what is known of the site's address that an output paid; a key of `_STANDINGS`."""
        script, address = self.script(output), self.output[output]["address"]
        if script not in self._standings:
            labels = (
                [] if address is None else self._asked.attribution.labels_of(address, script)[0]
            )
            self._standings[script] = _standing(labels)
        return self._standings[script]

    def service(
        self,
        direction: Literal["deposit", "withdrawal"],
        held: int,
        output: int,
        amount: int,
        hops: int,
    ) -> Row:
        """Return the columns that say which service, by whose word, and what else it could be."""
        asked, found = self._asked, self.assertion(held)
        row = self.output[output]
        movement = Movement(
            direction=direction,
            entity=asked.attribution.services.entities[found.entity],
            category=str(found.claim.category),
            txid=row["txid"],
            vout=row["vout"],
            address=row["address"],
            time=row["time"],
            value=row["value"],
            traced=amount,
            hops=max(hops, 1),
            path=(),
            basis=basis_of(asked.store, found, self.script(held)),
        )
        basis = movement.basis
        return {
            "entity": movement.entity,
            "category": movement.category,
            "service_address": self.output[held]["address"],
            "label_set": basis.label_set,
            "basis": basis_text(movement),
            "confidence": basis.confidence,
            "confidence_words": basis.confidence_words,
            "rule": rule_text(movement, asked.method.value),
            "alternatives": list(alternatives_of(movement)),
            "conflicts": self.conflicts(held),
        }


_NO_SERVICE: Final[Row] = dict.fromkeys(_SERVICE_COLUMNS) | {"alternatives": [], "conflicts": []}
"""The columns of `_Texts.service` where there is no service."""


def _payer_rows(asked: Question, found: Origins, own: Bool) -> list[Row]:
    """Return a row for each payment, payout and reason, in chain order."""
    served = (found.stop == Stop.SERVICE) & ~own
    texts = _Texts(asked, np.concatenate((found.payment, found.held[served], found.payout[served])))
    held_scripts = set(asked.sites.scripts[asked.sites.held].tolist())
    rows = []
    for i in range(found.payment.size):
        payment, amount, hops = (
            int(column[i]) for column in (found.payment, found.value, found.hops)
        )
        received = texts.output[payment]
        standing = texts.standing(payment)
        said = _NO_SERVICE
        if served[i]:
            payout = int(found.payout[i])
            said = texts.service("withdrawal", int(found.held[i]), payout, amount, hops)
        link = _LINKS.get(hops, "more") if served[i] else "none"
        reason = [_OWN if own[i] else _RESTS[Stop(found.stop[i])]] if not served[i] else []
        counts_as = "lead"
        if link == "direct" and standing == "control" and said["category"] in REQUESTED:
            counts_as = "purchase"
        if texts.script(payment) in held_scripts:
            said = said | {"alternatives": _with_reassigned(said["alternatives"])}
            reason.append("the address is one that a service holds for a customer")
            counts_as = "lead"
        reason.append(_STANDINGS[standing])
        if received["value"] < DUST:
            reason.append(f"under {DUST:,} satoshi: dust")
        rows.append(
            {
                "payment": texts.outpoint(payment),
                "time": utc(received["time"]),
                "address": received["address"],
                "payment_value": received["value"],
                "amount": amount,
                "link": link,
                "hops": hops,
                "payout": texts.outpoint(int(found.payout[i])) if served[i] else None,
                **said,
                "address_standing": standing,
                "counts_as": counts_as,
                "reason": "; ".join(reason),
                **fiat_of(asked.rates, amount, received["time"]),
            }
        )
    return rows


def _cashout_rows(asked: Question, flow: Flow) -> list[Row]:
    """Return a row for each output at which the site's money met a service, in chain order."""
    ends = np.flatnonzero(flow.stop == Stop.SERVICE)
    texts = _Texts(asked, flow.output[ends])
    rows = []
    for end in ends.tolist():
        output, amount, hops = (
            int(column[end]) for column in (flow.output, flow.value, flow.hops_min)
        )
        arrived = texts.output[output]
        rows.append(
            {
                "deposit": texts.outpoint(output),
                "time": utc(arrived["time"]),
                "address": arrived["address"],
                "deposit_value": arrived["value"],
                "amount": amount,
                "hops": hops,
                **texts.service("deposit", output, output, amount, hops),
                "counts_as": "lead",
                "reason": "the site was paid at an address that a service holds"
                if hops == 0
                else "money of the site's addresses arrived at a service",
                **fiat_of(asked.rates, amount, arrived["time"]),
            }
        )
    return rows


def _by_service(rows: Sequence[Row], outpoint: str) -> list[Row]:
    """Sum the rows of each service, the largest amount first."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["entity"] is not None:
            groups.setdefault((row["entity"], row["category"]), []).append(row)
    summed = [
        {
            "entity": entity,
            "category": category,
            f"{outpoint}s": len({row[outpoint] for row in group}),
            "amount": sum(row["amount"] for row in group),
            "fiat": _sum_of_fiat(group),
            "without_fiat": sum(row["fiat"] is None for row in group),
        }
        for (entity, category), group in groups.items()
    ]
    return sorted(summed, key=lambda one: (-one["amount"], one["entity"], one["category"]))


def _sum_of_fiat(rows: Iterable[Row]) -> str | None:
    """Add the fiat figures that there are; None where there is none."""
    figures = [Decimal(row["fiat"]) for row in rows if row["fiat"] is not None]
    return str(sum(figures, Decimal(0))) if figures else None


def _holder(attribution: Attribution, script: int) -> bool:
    """Tell whether a service that has other customers holds a script."""
    found = attribution.services.service_of(script)
    return found is not None and found.claim.category in REQUESTED


def _standing(labels: Sequence[Mapping[str, Any]]) -> str:
    """Return the strongest that labels say of a site's address; a key of `_STANDINGS`."""
    said = {
        "mention"
        if label["type"] != "control"
        else "control"
        if label["inherited_from"] is None
        else "control_of_cluster"
        for label in labels
        if label["child_protection"]
    }
    return next((key for key in _STANDINGS if key in said), "none")


def _with_reassigned(keys: Sequence[str]) -> list[str]:
    """Add that a deposit address may have been given to somebody else."""
    return [key for key in ALTERNATIVES if key in (*keys, "reassigned")]
