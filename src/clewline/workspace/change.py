"""Change outputs of a tip: how probable, by which signs; and clusters with change links."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain
from clewline.engine.change_clustering import (
    ChangeClusters,
    cluster_with_change,
    explain_with_change,
)
from clewline.engine.heuristics.change import (
    RULE,
    SIGNS,
    Habits,
    Weights,
    explain,
    probabilities,
    signs,
)
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.errors import DataError
from clewline.reports.limits import accuracy_of
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import link_rows
from clewline.workspace.rendering import ScriptTexts, txids_shown

LATER_SPENDS: Final = (
    "Signs of how outputs are spent depend on later blocks: the answer may change."
)
BY_THE_RULE: Final = (
    "The multi-input rule itself puts this output with the inputs, whatever the signs say: the "
    "probability is that of the signs alone."
)
_FILE: Final = "change_weights.json"


def habits_of(store: ChainStore) -> Habits:
    """Return the columns of a tip that show the software that made a transaction."""
    return Habits(
        version=store.column("tx.version"),
        locktime=store.column("tx.locktime"),
        sequence=store.column("input.sequence"),
        base_size=store.column("tx.base_size"),
        total_size=store.column("tx.total_size"),
    )


def read_weights(path: Path | None = None) -> Weights:
    """Read the weights of the signs.

    Parameters
    ----------
    path : Path, optional
        A file that ``clewline evaluate --fit`` wrote; the one of this version if not given.

    Returns
    -------
    Weights
        For `clewline.engine.heuristics.change`.

    Raises
    ------
    DataError
        The file is not what that command writes, or knows other signs.
    """
    source = files("clewline.workspace").joinpath(_FILE) if path is None else path
    try:
        held = json.loads(source.read_text(encoding="utf-8"))
        raw, calibrated = np.array(held["calibration"], np.float64).T
        known = [sign.name for sign in SIGNS]
        if sorted(held["signs"]) != sorted(known):
            raise DataError(
                f"weights of {', '.join(sorted(held['signs']))}; the signs are "
                f"{', '.join(sorted(known))}",
                where=str(source),
            )
        one = [held["signs"][name] for name in known]
        return Weights(
            np.array([w["for"] for w in one], np.float64),
            np.array([w["against"] for w in one], np.float64),
            float(held["none"]),
            raw,
            calibrated,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"no weights of the signs of change: {error}",
            where=str(source),
            hint="clewline evaluate --fit writes them",
        ) from None


@cache
def weights() -> Weights:
    """Return the weights of this version."""
    return read_weights()


def of_transaction(store: ChainStore, chain: Chain, tx: int) -> list[dict[str, Any]]:
    """Return, of each output of a transaction, how probably it is change, and why.

    Parameters
    ----------
    store : ChainStore
        The tip.
    chain : Chain
        Its arrays.
    tx : int
        Transaction id.

    Returns
    -------
    list of dict
        ``txid``, ``vout``, ``address``, ``value``; ``probability``, null where an output is not
        asked about (``note`` says why); ``same_cluster``, whether the multi-input rule itself
        puts it with the inputs; ``signs_for`` and ``signs_against`` by name with their words.
    """
    block = int(np.searchsorted(chain.block_tx, tx, side="right")) - 1
    first = int(chain.block_tx[block])
    # A part of a chain cannot tell which scripts are new: then all of them count as known.
    part = store.coverage is not None
    known_scripts = chain.n_script if part else int(store.column("block.script_start")[block])
    coinjoin = store.column("structure.coinjoin")
    asked, said = signs(chain, habits_of(store), coinjoin, first, tx + 1, known_scripts)
    low, high = int(chain.tx_output[tx]), int(chain.tx_output[tx + 1])
    asked, said = asked[low - high :], said[low - high :]
    probability = probabilities(np.array([0, high - low]), asked, said, weights())
    cluster = store.column("structure.cluster")
    spent = chain.script[chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]]
    paid = chain.script[low:high]
    with_inputs = np.isin(cluster[paid], cluster[spent])
    note = None if asked.any() else _why_not_asked(chain, int(coinjoin[tx]), tx)
    texts = ScriptTexts(store, paid)
    (txid,) = txids_shown(store, np.array([tx]))
    rows = []
    for vout, (address, script) in enumerate(zip(texts.addresses(), texts.hexes(), strict=True)):
        speak_for, speak_against = explain(said[vout])
        rows.append(
            {
                "txid": txid,
                "vout": vout,
                "address": address or f"script:{script}",
                "value": int(chain.value[low + vout]),
                "probability": round(float(probability[vout]), 4) if asked[vout] else None,
                "same_cluster": bool(with_inputs[vout]),
                "signs_for": [f"{sign.name}: {sign.speaks_for}" for sign in speak_for],
                "signs_against": [f"{sign.name}: {sign.speaks_against}" for sign in speak_against],
                "note": note
                or (BY_THE_RULE if with_inputs[vout] else "")
                or (LATER_SPENDS if asked[vout] else "cannot be spent"),
                "accuracy": accuracy_of(RULE),
            }
        )
    return rows


def with_change(store: ChainStore, chain: Chain) -> ChangeClusters:
    """Return the clusters of a tip with change links, by the limits of `change_clustering`."""
    return cluster_with_change(
        chain,
        habits_of(store),
        store.column("structure.coinjoin"),
        store.column("structure.cluster"),
        weights(),
    )


def cluster_of(store: ChainStore, joined: ChangeClusters, script: int) -> dict[str, Any]:
    """Return the members of a script's cluster with change links, and what the guard refused."""
    members = np.flatnonzero(joined.cluster == joined.cluster[script])
    texts = ScriptTexts(store, members)
    pairs = list(zip(texts.addresses(), texts.hexes(), strict=True))
    return {
        "cluster": int(joined.cluster[script]),
        "size": len(pairs),
        "default_clusters": len(np.unique(store.column("structure.cluster")[members])),
        "links_refused": len(joined.refused),
        "addresses": [shown for shown, _hex in pairs if shown is not None],
        "scripts": [text for shown, text in pairs if shown is None],
    }


def links_with_change(
    store: ChainStore, chain: Chain, joined: ChangeClusters, first: int, second: int
) -> list[dict[str, Any]]:
    """Return a chain of transactions that makes two scripts one owner's, by either rule."""
    found = explain_with_change(
        chain,
        store.column("structure.coinjoin"),
        store.column("structure.cluster"),
        joined,
        first,
        second,
    )
    return link_rows(store, found)


def _why_not_asked(chain: Chain, family: int, tx: int) -> str:
    """Say why no output of a transaction is asked about."""
    if family == CoinJoin.shielded:
        return "not asked: where its change went may be hidden in a shielded pool"
    if chain.tx_input[tx] == chain.tx_input[tx + 1]:
        return "not asked: a coinbase spends nothing"
    if family:
        return "not asked: a CoinJoin has a change for each participant"
    return "not asked: only one output can be spent"
