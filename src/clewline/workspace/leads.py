"""Behavioural leads of a case: which receivers behave like a site that takes many small payments.

Looked at are the addresses of the case as one receiver, and the receivers (clusters) that those who
paid the case paid too. Nobody else is: behaviour is computed for receivers inside a case, never to
rank payers at large (METHODS §5). Businesses that hold accounts for others are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Bool, Chain, Int64, UInt32, outputs_of
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.engine.leads import (
    NOT_SPENT,
    SIGNS,
    Behaviour,
    Receipts,
    behaviour,
    ranked_leads,
    signs,
)
from clewline.engine.payers import is_own, moves_own_money
from clewline.reports.limits import LEADS, accuracy_of
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import known_script_id, member_scripts
from clewline.workspace.attribution import Attribution
from clewline.workspace.cases import NO_GUILT, Question, received_by
from clewline.workspace.packs import REQUESTED
from clewline.workspace.partial import not_loaded
from clewline.workspace.rates import Rates
from clewline.workspace.rendering import ScriptTexts, blocks_of, tx_of_outputs

LARGEST_RECEIVER: Final = 100_000
"""Scripts of a receiver that is looked at; a larger cluster is counted as not looked at."""

_NO_CATEGORY: Final = (
    "A lead is a reason to look, never a category: gambling, tipping, donations, VPN and file-host "
    "subscriptions, vouchers and faucets behave like this too. Only a source may say what an "
    "address sells."
)
_SHOWN: Final = {
    "price_points": "{:.0%} of the payments at three prices",
    "payers": "{:,.0f} payers",
    "median_price": "median price {:,.2f}",
    "scripts": "{:,.0f} addresses",
    "payments_a_script": "{:.1f} payments an address",
    "weeks": "{:,.0f} weeks",
    "weeks_paid": "payments in {:.0%} of them",
    "swept": "{:.0%} of what was spent was gathered",
    "sweeps": "{:,.0f} sweeps",
    "sweep_hours": "{:.0%} of them within six hours of the day",
    "night": "{:.0%} of the payments at night",
}
"""How a feature is shown as a reason."""

Row = dict[str, Any]


@dataclass(frozen=True)
class LeadCount:
    """How many receivers were looked at, and how many of them are leads."""

    receivers: int
    leads: int

    @property
    def per_100_000(self) -> float:
        """Leads for each 100,000 receivers; NaN of none."""
        return 100_000 * self.leads / self.receivers if self.receivers else float("nan")


@dataclass(frozen=True)
class _Candidate:
    """A receiver to look at: its scripts, who of the case's payers paid it."""

    scripts: UInt32
    shared_payers: int


def leads(asked: Question) -> Row:
    """Return the receivers of a case that behave like a site, ranked, each with its reasons.

    Returns
    -------
    dict
        ``leads``: a row each. ``looked_at`` and ``too_large`` count receivers.

    Raises
    ------
    NotLoadedError
        If the store holds a part of a chain.
    """
    _check_whole(asked.store)
    chain, cluster = asked.chain, asked.store.column("structure.cluster")
    received = received_by(asked)
    paid = received[~moves_own_money(chain, received, cluster, asked.passable, asked.sites.own)]
    candidates, too_large = _candidates(asked, paid)
    outputs = [paid]
    for candidate in candidates:
        every = np.concatenate([outputs_of(chain, s) for s in candidate.scripts.tolist()])
        outputs.append(every[~_to_itself(chain, cluster, every)])
    receiver = np.repeat(np.arange(len(outputs)), [one.size for one in outputs])
    receipts = _receipts(
        asked.store, chain, asked.attribution, np.concatenate(outputs), receiver, asked.rates
    )
    found = behaviour(receipts)
    shown = signs(found)
    every_candidate = [_Candidate(asked.sites.scripts, 0), *candidates]
    manifest = asked.store.manifest
    return {
        "question": "what behaves like a site",
        "tip": manifest.tip,
        "height": manifest.height,
        "looked_at": len(every_candidate),
        "too_large": too_large,
        "prices": "in satoshi: without rates, small payments are no sign"
        if asked.rates is None
        else f"in {asked.rates.currency}",
        "rates": None if asked.rates is None else asked.rates.source,
        "label_sets": asked.attribution.digests,
        "not_shown": f"{_NO_CATEGORY} {NO_GUILT}",
        "accuracy": accuracy_of(LEADS),
        "leads": [
            {"rank": rank, **_row(asked, found, shown, every_candidate[number], number)}
            for rank, number in enumerate(ranked_leads(found).tolist(), 1)
        ],
        "signs": [
            {"sign": sign.name, "of_sales": sign.of_sales, "rule": sign.rule} for sign in SIGNS
        ],
    }


def count_leads(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    others_than: Iterable[str],
    rates: Rates | None = None,
) -> LeadCount:
    """Count the leads among the receivers of a whole chain: for a made-up one, the false leads.

    For measuring on chains whose truth is known; a real chain's receivers are not to be ranked.

    Parameters
    ----------
    store : ChainStore
        The tip.
    chain : Chain
        Its arrays.
    attribution : Attribution
        Its labels; payments by services count as by a payer each.
    others_than : iterable of str
        Addresses whose clusters are left out, such as all that have a part in the story.
    rates : Rates, optional
        For prices.

    Returns
    -------
    LeadCount
        Receivers are clusters with at least one payment by somebody else.

    Raises
    ------
    AddressError, UnknownAddressError, NotLoadedError
        If an address is not one of the chain, or the store holds a part of one.
    """
    _check_whole(store)
    cluster = store.column("structure.cluster")
    left_out = np.array([known_script_id(store, address) for address in others_than], np.int64)
    outputs = np.arange(chain.n_output)
    outputs = outputs[~np.isin(cluster[chain.script], cluster[left_out])]
    outputs = outputs[~_to_itself(chain, cluster, outputs)]
    outputs = outputs[_has_payer(chain, outputs)]
    receivers, receiver = np.unique(cluster[chain.script[outputs]], return_inverse=True)
    found = behaviour(_receipts(store, chain, attribution, outputs, receiver, rates))
    return LeadCount(receivers.size, ranked_leads(found).size)


def _check_whole(store: ChainStore) -> None:
    """Refuse a part of a chain: what receivers did elsewhere in it would look like nothing."""
    if store.coverage is not None:
        raise not_loaded(store, "leads", "all that these receivers did")


def _candidates(asked: Question, paid: Int64) -> tuple[list[_Candidate], int]:
    """Return who else was paid by those who paid the case, and how many are too large."""
    chain, cluster = asked.chain, asked.store.column("structure.cluster")
    payers = _payer_clusters(asked, paid)
    shared: dict[int, set[int]] = {}
    for payer in payers.tolist():
        scripts = member_scripts(asked.store, payer)
        held = np.concatenate([outputs_of(chain, script) for script in scripts.tolist()])
        spender = np.unique(chain.spender[held]).astype(np.int64)
        spender = spender[spender < chain.n_tx]
        spender = spender[~mixes_owners(asked.coinjoin[spender])]
        rows = [np.arange(chain.tx_output[tx], chain.tx_output[tx + 1]) for tx in spender.tolist()]
        for receiver in np.unique(
            cluster[chain.script[np.concatenate([held[:0], *rows])]]
        ).tolist():
            if receiver != payer:
                shared.setdefault(receiver, set()).add(payer)
    found, too_large = [], 0
    for receiver in sorted(shared):
        scripts = member_scripts(asked.store, receiver)
        if is_own(scripts[:1], cluster, asked.sites.own)[0]:
            continue
        service = asked.attribution.services.service_of(int(scripts[0]))
        if service is not None and service.claim.category in REQUESTED:
            continue
        if scripts.size > LARGEST_RECEIVER:
            too_large += 1
            continue
        found.append(_Candidate(scripts, len(shared[receiver])))
    return found, too_large


def _payer_clusters(asked: Question, paid: Int64) -> UInt32:
    """Return the clusters that paid the case, but for services and CoinJoins; ascending."""
    chain, cluster = asked.chain, asked.store.column("structure.cluster")
    tx = tx_of_outputs(asked.store, paid)
    tx = tx[~mixes_owners(asked.coinjoin[tx]) & (chain.tx_input[tx] < chain.tx_input[tx + 1])]
    script = chain.script[chain.prevout[chain.tx_input[tx]]]
    private = ~_is_service(asked.attribution, cluster, script)
    payers: UInt32 = np.unique(cluster[script[private]])
    small = [p for p in payers.tolist() if member_scripts(asked.store, p).size <= LARGEST_RECEIVER]
    return np.array(small, np.uint32)


def _is_service(attribution: Attribution, cluster: UInt32, scripts: UInt32) -> Bool:
    """Tell which scripts are a service's, by a label of their own or of their cluster."""
    services = attribution.services
    own: Bool = np.isin(scripts, services.service_scripts)
    return own | np.isin(cluster[scripts], services.service_clusters)


def _has_payer(chain: Chain, outputs: Int64) -> Bool:
    """Tell which outputs were not newly mined."""
    tx = np.searchsorted(chain.tx_output, outputs, side="right") - 1
    paid: Bool = chain.tx_input[tx] < chain.tx_input[tx + 1]
    return paid


def _first_spent(chain: Chain, outputs: Int64) -> Int64:
    """Return the script of the first input behind each output, −1 where it was newly mined."""
    tx = np.searchsorted(chain.tx_output, outputs, side="right") - 1
    script = np.full(outputs.size, -1, np.int64)
    paid = _has_payer(chain, outputs)
    script[paid] = chain.script[chain.prevout[chain.tx_input[tx[paid]]]]
    return script


def _to_itself(chain: Chain, cluster: UInt32, outputs: Int64) -> Bool:
    """Tell which outputs a receiver paid to itself: change and moves within a cluster."""
    script = _first_spent(chain, outputs)
    same: Bool = (script >= 0) & (cluster[script] == cluster[chain.script[outputs]])
    return same


def _receipts(
    store: ChainStore,
    chain: Chain,
    attribution: Attribution,
    outputs: Int64,
    receiver: NDArray[np.int64],
    rates: Rates | None,
) -> Receipts:
    """Gather what the engine asks of payments; a service's payouts are of a payer each."""
    cluster = store.column("structure.cluster")
    script = _first_spent(chain, outputs)
    payer = np.where(script >= 0, cluster[script].astype(np.int64), -1 - outputs)
    by_service = (script >= 0) & _is_service(attribution, cluster, np.maximum(script, 0))
    payer[by_service] = -1 - outputs[by_service]
    values, spender = chain.value[outputs], chain.spender[outputs].astype(np.int64)
    times = store.block_time[blocks_of(store, tx_of_outputs(store, outputs))]
    spent = spender < chain.n_tx
    spender[~spent] = NOT_SPENT
    spent_time = np.zeros(outputs.size, np.int64)
    spent_time[spent] = store.block_time[blocks_of(store, spender[spent])]
    return Receipts(
        receiver=receiver.astype(np.int64),
        n_receiver=int(receiver.max(initial=-1)) + 1,
        script=chain.script[outputs].astype(np.int64),
        price=values.astype(np.float64) if rates is None else rates.prices(values, times),
        payer=payer,
        time=times,
        spender=spender,
        spent_time=spent_time,
    )


def _row(
    asked: Question,
    found: Behaviour,
    shown: NDArray[np.bool_],
    candidate: _Candidate,
    number: int,
) -> Row:
    """Return one lead with its reasons."""
    script = candidate.scripts[:1]
    address = ScriptTexts(asked.store, script).addresses()[0]
    named = [] if address is None else asked.attribution.labels_of(address, int(script[0]))[0]
    its = [sign for sign, holds in zip(SIGNS, shown[number].tolist(), strict=True) if holds]
    return {
        "receiver": "the addresses given" if number == 0 else address,
        "addresses": int(candidate.scripts.size),
        "shared_payers": candidate.shared_payers,
        "payments": int(found.payments[number]),
        "signs": [sign.name for sign in its],
        "reasons": [_reason(found, sign.least + sign.most, number) for sign in its],
        "known_as": sorted({label["entity"] for label in named}),
        "counts_as": "lead",
    }


def _reason(found: Behaviour, compared: Sequence[tuple[str, float]], number: int) -> str:
    """Say the numbers that a sign compared."""
    return ", ".join(
        _SHOWN[name].format(float(getattr(found, name)[number])) for name, _ in compared
    )
