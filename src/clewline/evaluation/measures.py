"""What is counted: every heuristic against every truth set that it can be asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.change_clustering import LEAST_PROBABILITY, cluster_with_change
from clewline.engine.heuristics.change import Weights, likely_change, probabilities
from clewline.engine.heuristics.coinjoin import CoinJoin, classify_transaction, mixes_owners
from clewline.evaluation.change_model import Observed
from clewline.evaluation.emulated import (
    KEPT_ASIDE,
    LOOK_ALIKES,
    MIXES,
    Emulated,
    look_alikes,
    rounds,
)
from clewline.evaluation.shares import Share, wilson
from clewline.evaluation.truth_sets import Owned
from clewline.workspace.change import habits_of

ROUNDS: Final = 1_000
ALIKE: Final = 400
_LABELS: Final = {
    "whirlpool_mix": (CoinJoin.whirlpool, ">= 0.99"),
    "wasabi1_coinjoin": (CoinJoin.wasabi1, ">= 0.98"),
    "whirlpool_tx0": (CoinJoin.whirlpool_tx0, ""),
}
_GOALS: Final = {"joinmarket": ">= 0.87", "wasabi2": ">= 0.99"}
_BINS: Final = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 1.0)


def anchor(family: str) -> str:
    """Return the anchor of a CoinJoin family's section on the accuracy page.

    Observed
    --------
    >>> anchor("whirlpool_tx0")
    'whirlpool-tx0'
    """
    return family.replace("_", "-")


def emulated_rounds() -> Iterator[Share]:
    """Count recognised rounds and flagged look-alikes of the kept-aside emulated set.

    Yields
    ------
    Share
        By family and size of round; by kind of look-alike and all together.
    """
    for family in MIXES:
        found: dict[str, Counter[bool]] = {}
        named: Counter[str] = Counter()
        for made in rounds(family, KEPT_ASIDE, ROUNDS):
            verdict = _family(made)
            mixes = verdict.mixes_owners
            found.setdefault(made.what, Counter())[mixes] += 1
            named[verdict.name] += 1
        total = sum(count[True] for count in found.values())
        goal = _GOALS[family]
        yield Share(anchor(family), "recognised as a mix", "emulated", total, ROUNDS, goal)
        yield Share(anchor(family), "named right", "emulated", named[family], ROUNDS)
        for what in sorted(found, key=lambda text: int(text.split()[0])):
            of_size = found[what]
            measure = f"recognised as a mix, {what}"
            yield Share(anchor(family), measure, "emulated", of_size[True], of_size.total())
    flagged: Counter[str] = Counter()
    of = len(LOOK_ALIKES) * ALIKE
    kinds = {}
    for what in LOOK_ALIKES:
        verdicts = [_family(made) for made in look_alikes(what, KEPT_ASIDE, ALIKE)]
        kinds[what] = sum(verdict.mixes_owners for verdict in verdicts)
        flagged.update(verdict.name for verdict in verdicts if verdict.mixes_owners)
    total = sum(kinds.values())
    yield Share("look-alikes", "taken for a mix", "emulated", total, of, "<= 0.005")
    for what, count in kinds.items():
        yield Share("look-alikes", f"taken for a mix: {what}", "emulated", count, ALIKE)
    for name, count in sorted(flagged.items()):
        yield Share(anchor(name), "look-alikes taken for one", "emulated", count, of)


def labelled(
    transactions: Iterable[dict[str, Any]], answers: Iterable[dict[str, Any]]
) -> Iterator[Share]:
    """Count recognised transactions among those that researchers labelled.

    Parameters
    ----------
    transactions : iterable of dict
        `truth_sets.labelled_transactions`.
    answers : iterable of dict
        What `clewline tx classify` answers to each.

    Yields
    ------
    Share
        By label. A label is a role: of preparations, only those of the shape (with an OP_RETURN)
        are counted.
    """
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for tx, answer in zip(transactions, answers, strict=True):
        for label in {name for name, _source in tx["labels"]} & _LABELS.keys():
            family, _goal = _LABELS[label]
            preparation = family is CoinJoin.whirlpool_tx0
            if preparation and not any(o["script"].startswith("6a") for o in tx["outputs"]):
                continue
            of[label] += 1
            right[label] += answer["family"] == family.name
    for label, (family, goal) in _LABELS.items():
        measure = "recognised"
        yield Share(anchor(family.name), measure, "labelled", right[label], of[label], goal)


def clusters(chain_set: Owned) -> Iterator[Share]:
    """Count clusters that hold several owners, and how much of an owner one cluster holds.

    Parameters
    ----------
    chain_set : Owned
        A chain with owners.

    Yields
    ------
    Share
        For the default clusters, and for the transactions that several owners signed.
    """
    workspace = chain_set.workspace
    chain = workspace.chain
    assert chain_set.owner is not None
    of_input = chain_set.owner[chain.script[chain.prevout]]
    tx = np.repeat(np.arange(chain.n_tx), np.diff(chain.tx_input))
    signed = np.unique(np.stack((tx[of_input >= 0], of_input[of_input >= 0])), axis=1)[0]
    shared = np.flatnonzero(np.bincount(signed, minlength=chain.n_tx) > 1)
    left_out = int(
        mixes_owners(np.asarray(workspace.store.column("structure.coinjoin"))[shared]).sum()
    )
    measure = "transactions signed by several owners that are left out"
    yield Share("multi-input", measure, chain_set.name, left_out, len(shared), "= 1")
    yield from _clusters(
        chain_set,
        "multi-input",
        np.asarray(workspace.store.column("structure.cluster")).astype(np.int64),
        "= 0",
    )


def change(chain_set: Owned, made: Observed, weights: Weights) -> Iterator[Share]:
    """Count change links that are right, and what they do to clusters.

    Parameters
    ----------
    chain_set : Owned
        A chain.
    made : Observed
        `change_model.observe` of it.
    weights : Weights
        Of the signs.

    Yields
    ------
    Share
        Links right, change found; with owners also clusters that hold several.
    """
    probability = probabilities(made.starts, made.asked, made.said, weights)
    best = likely_change(made.starts, probability, LEAST_PROBABILITY)
    linked = made.known & (best >= 0)
    right = int(made.is_change[best[linked]].sum())
    name = chain_set.name
    yield Share("change", "links that are right", name, right, int(linked.sum()))
    all_change = int(made.is_change[made.counted].sum())
    yield Share("change", "change outputs found", name, right, all_change)
    if chain_set.owner is not None:
        workspace = chain_set.workspace
        store = workspace.store
        joined = cluster_with_change(
            workspace.chain,
            habits_of(store),
            store.column("structure.coinjoin"),
            store.column("structure.cluster"),
            weights,
        )
        yield from _clusters(chain_set, "change", joined.cluster.astype(np.int64), "")


def calibration(
    data: str, sets: Iterable[Observed], weights: Weights
) -> list[dict[str, str | float | int]]:
    """Compare probabilities with how often they came true.

    Parameters
    ----------
    data : str
        What the sets are called together.
    sets : iterable of Observed
        All of them counted together.
    weights : Weights
        Of the signs.

    Returns
    -------
    list of dict
        One a range of probabilities: ``data``, ``from``, ``to``, ``outputs``, ``said`` (mean),
        ``true`` (share), ``low``, ``high``.
    """
    kept = list(sets)
    said = np.concatenate(
        [probabilities(s.starts, s.asked, s.said, weights)[s.counted] for s in kept]
    )
    true = np.concatenate([s.is_change[s.counted] for s in kept])
    lines: list[dict[str, str | float | int]] = []
    for low, high in pairwise(_BINS):
        inside = (said >= low) & ((said < high) | (high == 1.0))
        count, of = int(true[inside].sum()), int(inside.sum())
        if of:
            bounds = wilson(count, of)
            lines.append(
                {
                    "data": data,
                    "from": low,
                    "to": high,
                    "outputs": of,
                    "said": round(float(said[inside].mean()), 4),
                    "true": round(count / of, 4),
                    "low": round(bounds[0], 4),
                    "high": round(bounds[1], 4),
                }
            )
    return lines


def _family(made: Emulated) -> CoinJoin:
    """Return the verdict on a made-up transaction."""
    values, scripts, kinds = (np.array(part) for part in zip(*made.inputs, strict=True))
    paid, paid_scripts, paid_kinds = (np.array(part) for part in zip(*made.outputs, strict=True))
    return classify_transaction(values, scripts, kinds, paid, paid_scripts, paid_kinds)


def _clusters(
    chain_set: Owned, heuristic: str, cluster: NDArray[np.int64], goal: str
) -> Iterator[Share]:
    """Count what a clustering does to known owners."""
    assert chain_set.owner is not None
    known = np.flatnonzero(chain_set.owner >= 0)
    pairs = np.unique(np.stack((cluster[known], chain_set.owner[known])), axis=1)
    owners_of = np.bincount(pairs[0])
    several = np.bincount(cluster[known])
    large = int((several > 1).sum())
    name = chain_set.name
    false = int((owners_of > 1).sum())
    yield Share(heuristic, "clusters of several owners", name, false, large, goal)
    together = Counter(zip(chain_set.owner[known].tolist(), cluster[known].tolist(), strict=True))
    largest: Counter[int] = Counter()
    for (owner, _one), count in together.items():
        largest[owner] = max(largest[owner], count)
    whole = sum(largest.values())
    measure = "scripts in their owner's largest cluster"
    yield Share(heuristic, measure, name, whole, len(known))
