"""The whole evaluation: every heuristic on every truth set at hand, as plain data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from clewline.engine.heuristics.change import Weights
from clewline.evaluation import (
    case_measures,
    change_model,
    measures,
    screening_measures,
    truth_sets,
)
from clewline.evaluation.change_model import Observed
from clewline.evaluation.shares import Share, pooled
from clewline.evaluation.truth_sets import MadeUp, Owned
from clewline.workspace import classify_file
from clewline.workspace.change import weights as published_weights

Told = Callable[[str], None]

EMULATED: Final = (
    f"{measures.ROUNDS:,} JoinMarket and {measures.ROUNDS:,} Wasabi 2 rounds made by the published "
    f"protocols, and {measures.ALIKE} look-alikes of each kind; kept aside: no rule was tuned on "
    "them"
)
LABELLED: Final = (
    "1,526 real transactions of mainnet that researchers labelled (crocs-muni, coinjoin-analysis)"
)
KEPT_PAYMENTS: Final = "play, and thirds of the others"
"""What the calibration calls the made-up case and the kept-aside thirds of public data."""


def _quiet(_stage: str) -> None:
    """Tell nobody."""


def evaluate(fixtures: Path | None, told: Told = _quiet) -> dict[str, Any]:
    """Count what every heuristic gets right on every truth set at hand.

    Parameters
    ----------
    fixtures : Path or None
        Directory of public test data; without it, only made-up sets are at hand.
    told : callable
        Told each stage.

    Returns
    -------
    dict
        ``sets``: name, title and whether it was at hand; ``shares``: lines of
        `shares.Share.record`; ``calibration`` of change. The same for the same data.

    Raises
    ------
    UsageError
        `fixtures` is no directory, or lacks one of the sets.

    Notes
    -----
    Cost: about a minute, and some 100 MB of disk for working directories that are removed.
    """
    if fixtures is not None:
        truth_sets.check_fixtures(fixtures)
    sets: list[dict[str, Any]] = []
    shares: list[Share] = []
    with tempfile.TemporaryDirectory(prefix="clewline-evaluate-") as directory:
        work = Path(directory)
        told("emulated rounds")
        sets.append({"name": "emulated", "title": EMULATED, "at_hand": True})
        shares += measures.emulated_rounds()
        told("labelled transactions")
        sets.append({"name": "labelled", "title": LABELLED, "at_hand": fixtures is not None})
        if fixtures is not None:
            answers = classify_file(fixtures / truth_sets.FILES["labelled"])
            shares += measures.labelled(truth_sets.labelled_transactions(fixtures), answers)
        told("made-up case")
        owned = [truth_sets.play(work, truth_sets.PUBLISHED_SEED)]
        for name in truth_sets.OWNED if fixtures is not None else ():
            assert fixtures is not None
            told(name)
            owned.append(truth_sets.owned(name, fixtures, work))
        payments: list[Observed] = []
        for one in owned:
            sets.append({"name": one.name, "title": one.title, "at_hand": True})
            made, counted = chain_shares(one, published_weights())
            shares += counted
            payments += made
        missing = set(truth_sets.OWNED) - {one.name for one in owned}
        sets += [
            {"name": name, "title": "needs fixtures", "at_hand": False} for name in sorted(missing)
        ]
        curve = measures.calibration(KEPT_PAYMENTS, payments, published_weights())
    for name in truth_sets.CASES:
        told(name)
        sets.append({"name": name, "title": truth_sets.title_of_cases(name), "at_hand": True})
        examples, counted = case_shares(truth_sets.cases(name), published_weights())
        shares += counted
        curve += measures.calibration(name, examples, published_weights())
    return {"sets": sets, "shares": [one.record() for one in shares], "calibration": curve}


def case_shares(cases: Iterable[MadeUp], weights: Weights) -> tuple[list[Observed], list[Share]]:
    """Count what every heuristic that has a say in a case gets right in made-up ones.

    Parameters
    ----------
    cases : iterable of MadeUp
        All of one set; each is done with when the next is asked for.
    weights : Weights
        Of the signs of change.

    Returns
    -------
    examples : list of Observed
        One a case.
    shares : list of Share
        The cases counted together.
    """
    examples: list[Observed] = []
    shares: list[Share] = []
    for case in cases:
        observed, counted = chain_shares(case.owned(), weights)
        examples += observed
        shares += counted
        for count in (*case_measures.COUNTS, screening_measures.screening):
            shares += count(case)
    return examples, pooled(shares)


def chain_shares(one: Owned, weights: Weights) -> tuple[list[Observed], list[Share]]:
    """Count what clusters and change get right on one chain.

    Parameters
    ----------
    one : Owned
        The chain.
    weights : Weights
        Of the signs of change.

    Returns
    -------
    examples : list of Observed
        Empty where the chain has no payments whose change is known.
    shares : list of Share
        Clusters where it has owners, change where it has payments.
    """
    shares = [] if one.owner is None else list(measures.clusters(one))
    if one.name in truth_sets.OWNED and one.name not in truth_sets.PAYMENTS:
        return [], shares
    made = change_model.observe(one)
    if one.name in truth_sets.PAYMENTS:
        made = made.third("published")
    return [made], [*shares, *measures.change(one, made, weights)]


def fit(fixtures: Path | None, told: Told = _quiet) -> dict[str, Any]:
    """Fit the weights of the signs of change anew.

    Parameters
    ----------
    fixtures : Path or None
        Directory of public test data; without it, only made-up cases are at hand.
    told : callable
        Told each stage.

    Returns
    -------
    dict
        Content of the data file, with what it was fitted on.

    Raises
    ------
    UsageError
        `fixtures` is no directory, or lacks one of the sets.
    """
    if fixtures is not None:
        truth_sets.check_fixtures(fixtures)
    provenance: list[dict[str, Any]] = []
    used: dict[str, list[Observed]] = {"weights": [], "calibration": []}
    with tempfile.TemporaryDirectory(prefix="clewline-fit-") as directory:
        work = Path(directory)

        def take(title: str, purpose: str, made: Observed) -> None:
            counts = {"transactions": int(made.known.sum()), "outputs": int(made.counted.sum())}
            provenance.append({"set": title, "for": purpose, **counts})
            used[purpose].append(made)

        for purpose, seeds in truth_sets.SEEDS.items():
            for seed in seeds:
                told(f"made-up case {seed}")
                one = truth_sets.play(work, seed)
                take(one.title, purpose, change_model.observe(one))
        for name in truth_sets.PAYMENTS if fixtures is not None else ():
            assert fixtures is not None
            told(name)
            one = truth_sets.owned(name, fixtures, work)
            made = change_model.observe(one)
            for purpose in used:
                take(f"{one.title}, a third", purpose, made.third(purpose))
        fitted = change_model.fit(used["weights"], used["calibration"])
    return change_model.record(fitted, {"made_by": "clewline evaluate --fit", "sets": provenance})
