"""What answers from a part of a chain say of themselves: what is loaded, and up to when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.address import script_of
from clewline.errors import NotLoadedError
from clewline.reports.case import utc
from clewline.store.reader import ChainStore

NOT_LOADED: Final = "not loaded"
"""Stands where another answer would name what spends an output, or list the inputs."""

AT_LEAST: Final = "at least: "
"""Before a cluster: a transaction that is not loaded may put more together."""


def known_up_to(store: ChainStore) -> str:
    """Say up to when, and from where, a partial store knows its part of the chain."""
    coverage = store.coverage
    assert coverage is not None
    height = f"{store.manifest.height:,}"
    return f"known up to height {height}, fetched {utc(coverage.fetched)} from {coverage.server}"


def mark(store: ChainStore, prefix: str = "", suffix: str = "") -> dict[str, str]:
    """Return the mark of an answer from a partial store; nothing of a whole chain.

    Parameters
    ----------
    store : ChainStore
        Where the answer is from.
    prefix, suffix : str
        What this answer says besides.
    """
    if store.coverage is None:
        return {}
    return {"partial": f"{prefix}{known_up_to(store)}{suffix}"}


def address_mark(store: ChainStore, script: bytes) -> dict[str, str]:
    """Return the mark of an answer about a script: how much of its history is loaded."""
    if store.coverage is None:
        return {}
    loaded = store.coverage.of(script)
    if loaded is None:
        return mark(store, suffix="; the history of this address is not loaded")
    of = f"; {loaded.transactions:,} of {loaded.total:,} transactions"
    return mark(store, suffix=of if loaded.complete else f"{of}, the others are not loaded")


def seeds_mark(store: ChainStore, addresses: Sequence[str]) -> dict[str, str]:
    """Return the mark of a trace from some addresses: of how many the history is cut short."""
    scripts = [script_of(address, store.network) for address in addresses]
    short = sum(not is_loaded(store, script) for script in scripts)
    of = f"; of {short:,} of the {len(scripts):,} addresses asked about not every payment is loaded"
    return mark(store, suffix=of if short else "")


def report_note(store: ChainStore, addresses: Sequence[str]) -> str:
    """Say at the head of a report that it is about a part of a chain; nothing for a whole one."""
    if store.coverage is None:
        return ""
    return (
        f"Made from a part of the chain, {seeds_mark(store, addresses)['partial']}. What is not "
        "loaded is a number below; it is not nothing."
    )


def is_loaded(store: ChainStore, script: bytes) -> bool:
    """Tell whether the whole history of a script is known up to the tip."""
    if store.coverage is None:
        return True
    loaded = store.coverage.of(script)
    return loaded is not None and loaded.complete


def has_inputs(store: ChainStore, txs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which transactions are known with their inputs and their place."""
    first = store.coverage.outputs_only if store.coverage else 0
    known: NDArray[np.bool_] = txs >= first
    return known


def not_loaded(store: ChainStore, where: str, what: str) -> NotLoadedError:
    """Return the error about what a partial store does not hold."""
    return NotLoadedError(
        f"{what} is not loaded, which says nothing about it; this is a part of a chain, "
        f"{known_up_to(store)}",
        where=where,
        hint="clewline chain fetch loads the history of an address",
    )
