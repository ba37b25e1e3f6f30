"""What is counted on made-up cases: leads, payers and cash-outs, deposit addresses, peel chains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from clewline.engine.heuristics.deposit import RULE as DEPOSIT
from clewline.engine.heuristics.deposit import infer_deposits
from clewline.engine.heuristics.peel import RULE as PEEL
from clewline.engine.heuristics.peel import follow_peels
from clewline.engine.taint import Stops
from clewline.evaluation.shares import Share
from clewline.evaluation.truth_sets import MadeUp
from clewline.reports.limits import CASH_OUTS, LEADS, PAYERS
from clewline.workspace.addresses import known_script_id
from clewline.workspace.deposits import service_stops
from clewline.workspace.rendering import tx_of_outputs
from clewline.workspace.tracing import seed_outputs

MOST_FALSE_LEADS: Final = "<= 0.0005"
"""Goal: 50 among 100,000 receivers."""
_RARE: Final = 100_000
_KINDS: Final = {
    "direct": ("direct payments", "= 1"),
    "one_hop": ("payments through one wallet", ">= 0.95"),
    "more": ("payments through several wallets", ""),
}
_GIVEN: Final = "the addresses given"

Payout = tuple[str | None, str | None]
"""Name of the exchange and output by which it paid; None where no exchange did."""


def leads(case: MadeUp) -> Iterator[Share]:
    """Count receivers that are a lead: the site, its look-alikes, and everybody else.

    Parameters
    ----------
    case : MadeUp
        One case.

    Yields
    ------
    Share
        False leads among receivers; the site and each look-alike of METHODS §5 by kind.
    """
    workspace, truth, name = case.workspace, case.truth, case.name
    ordinary = workspace.count_leads(truth["owner"], case.rates)
    measure = "false leads: receivers without a part in the story"
    yield Share(LEADS, measure, name, ordinary.leads, ordinary.receivers, MOST_FALSE_LEADS, _RARE)
    services = [one for one in truth["entities"] if one["kind"] != "exchange"]
    left_out = [
        address
        for one in truth["entities"]
        if one["kind"] != "look_alike"
        for address in _addresses(one)
    ]
    others = workspace.count_leads(left_out, case.rates)
    measure = "false leads: all receivers but the site and the exchanges, look-alikes too"
    yield Share(LEADS, measure, name, others.leads, others.receivers, per=_RARE)
    for service in services:
        addresses = _addresses(service)
        is_lead = _given_is_lead(workspace.leads(addresses, cluster=True, rates=case.rates))
        if service["kind"] == "site":
            yield Share(LEADS, "sites that are a lead", name, int(is_lead), 1)
            measure = "addresses of sites in a cluster that is a lead"
            yield Share(LEADS, measure, name, _found(case, addresses), len(addresses))
        else:
            kind = service["id"].rpartition("_")[0].replace("_", " ")
            yield Share(LEADS, f"look-alikes that are a lead: {kind}", name, int(is_lead), 1)


def payers(case: MadeUp) -> Iterator[Share]:
    """Count payments to the site that lead to the exchange and the payout they came from.

    Parameters
    ----------
    case : MadeUp
        One case.

    Yields
    ------
    Share
        By number of wallets between: right if every satoshi is; and payments of which any satoshi
        is ascribed to a payout that it did not come from.
    """
    (site,) = _sites(case)
    names = {one["id"]: one["name"] for one in case.truth["entities"]}
    answer = case.workspace.payers(_seen(site), cluster=True)
    found: defaultdict[str, Counter[Payout]] = defaultdict(Counter)
    for row in answer["payments"]:
        found[row["payment"]][row["entity"], row["payout"]] += row["amount"]
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    wrong = 0
    for purchase in case.truth["purchases"]:
        true: Counter[Payout] = Counter()
        for source in purchase["sources"]:
            exchange = source["exchange"] and names[source["exchange"]]
            true[exchange, source["output"] if exchange else None] += source["value"]
        said = found[_outpoint(purchase)]
        of[purchase["kind"]] += 1
        right[purchase["kind"]] += said == true
        wrong += any(said[payout] > true[payout] for payout in said if payout[0] is not None)
    for kind, (words, goal) in _KINDS.items():
        measure = f"{words} led to the right payout, every satoshi"
        yield Share(PAYERS, measure, case.name, right[kind], of[kind], goal)
    yield Share(
        PAYERS, "payments with a satoshi led to a wrong payout", case.name, wrong, of.total()
    )


def cash_outs(case: MadeUp) -> Iterator[Share]:
    """Count arrivals of the site's money at its accounts with exchanges.

    Parameters
    ----------
    case : MadeUp
        One case.

    Yields
    ------
    Share
        Accounts found, cash-outs found with the right exchange, and rows that are no cash-out.
    """
    (site,) = _sites(case)
    names = {one["id"]: one["name"] for one in case.truth["entities"]}
    rows = case.workspace.cashouts(_seen(site), cluster=True)["cashouts"]
    said = {row["deposit"]: row["entity"] for row in rows}
    sales = {_outpoint(one): one for one in case.truth["cashouts"] if one["service"] == site["id"]}
    accounts = {one["address"] for one in sales.values()}
    reached = accounts & {row["address"] for row in rows}
    right = sum(said.get(output) == names[one["exchange"]] for output, one in sales.items())
    name = case.name
    yield Share(CASH_OUTS, "accounts found", name, len(reached), len(accounts), "= 1")
    yield Share(CASH_OUTS, "cash-outs found, with the right exchange", name, right, len(sales))
    other = len(said.keys() - sales.keys())
    yield Share(CASH_OUTS, "rows that are no cash-out of the site", name, other, len(said))


def deposits(case: MadeUp) -> Iterator[Share]:
    """Count deposit addresses recognised by their sweeps, where labels name no more than wallets.

    Parameters
    ----------
    case : MadeUp
        One case. Its labels are not asked: they reach the deposit addresses through clusters, and
        what has a label is not inferred.

    Yields
    ------
    Share
        Deposit addresses found with the right exchange, and other scripts taken for one.
    """
    store, chain = case.workspace.store, case.workspace.chain
    exchanges = [one for one in case.truth["entities"] if one["kind"] == "exchange"]
    wallets = {
        known_script_id(store, address): number
        for number, one in enumerate(exchanges)
        for address in (*one["hot"], *one["cold"])
    }
    true = {
        known_script_id(store, address): number
        for number, one in enumerate(exchanges)
        for address in one["deposit"]
    }
    stops = Stops(
        service_scripts=np.array(sorted(wallets), np.uint32),
        service_entity=np.array([wallets[script] for script in sorted(wallets)], np.int32),
        coinjoin=store.column("structure.coinjoin"),
    )
    found = infer_deposits(chain, stops, np.arange(chain.n_script, dtype=np.uint32))
    said = dict(zip(found.script.tolist(), found.entity.tolist(), strict=True))
    right = sum(said.get(script) == number for script, number in true.items())
    anchor = DEPOSIT.replace("_", "-")
    measure = "deposit addresses recognised, with the right exchange"
    yield Share(anchor, measure, case.name, right, len(true))
    other = len(said.keys() - true.keys())
    rest = chain.n_script - len(true) - len(wallets)
    yield Share(anchor, "other scripts taken for one", case.name, other, rest, per=_RARE)


def peel_chains(case: MadeUp) -> Iterator[Share]:
    """Count steps of the site's peel chains that are followed from the first coin on.

    Parameters
    ----------
    case : MadeUp
        One case.

    Yields
    ------
    Share
        True steps followed, and steps followed that are none of the chain.
    """
    workspace = case.workspace
    store, chain = workspace.store, workspace.chain
    stops = service_stops(store, workspace.attribution)
    followed = true = others = steps = 0
    for told in case.truth["peel_chains"]:
        kept = {int(seed_outputs(store, [step["rest"]], None, None)[0]) for step in told}
        first = int(tx_of_outputs(store, np.array([min(kept)]))[0])
        begin = int(chain.prevout[chain.tx_input[first]])
        said = {peel.kept for peel in follow_peels(chain, stops, begin).peels}
        followed += len(said & kept)
        true += len(kept)
        others += len(said - kept)
        steps += len(said)
    yield Share(PEEL, "steps of peel chains followed", case.name, followed, true)
    yield Share(PEEL, "steps followed that are none of the chain", case.name, others, steps)


COUNTS: Final = (leads, payers, cash_outs, deposits, peel_chains)
"""All that is counted on a case, in the order of the page."""


def _sites(case: MadeUp) -> list[dict[str, Any]]:
    """Return the sites of a case."""
    return [one for one in case.truth["entities"] if one["kind"] == "site"]


def _seen(site: Mapping[str, Any]) -> list[str]:
    """Return the one address of a site that a hotline saw first."""
    seen: list[str] = site["addresses"][:1]
    return seen


def _addresses(entity: Mapping[str, Any]) -> list[str]:
    """Return all addresses of an entity that were paid."""
    if entity["kind"] == "exchange":
        return [*entity["hot"], *entity["cold"], *entity["deposit"]]
    main = [] if entity["main"] is None else [entity["main"]]
    return [*main, *entity["addresses"]]


def _found(case: MadeUp, addresses: list[str]) -> int:
    """Count addresses of a site whose own cluster, asked about alone, is a lead."""
    store = case.workspace.store
    clusters = store.column("structure.cluster")
    members: defaultdict[int, list[str]] = defaultdict(list)
    for address in addresses:
        members[int(clusters[known_script_id(store, address)])].append(address)
    count = 0
    for together in members.values():
        if _given_is_lead(case.workspace.leads(together[:1], cluster=True, rates=case.rates)):
            count += len(together)
    return count


def _given_is_lead(answer: Mapping[str, Any]) -> bool:
    """Tell whether the addresses asked about are themselves among the leads."""
    return any(row["receiver"] == _GIVEN for row in answer["leads"])


def _outpoint(record: Mapping[str, Any]) -> str:
    """Return an output of the truth file as ``txid:vout``."""
    return f"{record['txid']}:{record['vout']}"
