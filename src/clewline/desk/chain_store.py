"""The chain store that is attached to the desk, if one is: asked, and never in the way of a page.

A store is opened once a process, by a thread of its own that answers one question at a time:
label sets are open files of that thread. What goes wrong is said in words.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from clewline.errors import (
    AddressError,
    ClewlineError,
    NotLoadedError,
    UnknownAddressError,
    UnknownTransactionError,
    UsageError,
)
from clewline.settings import value_of
from clewline.workspace import Workspace

PATIENCE: Final = 5.0
"""Seconds that a page waits for the store."""
_FRESH: Final = 600.0
"""Seconds after which a tip is looked for again: about a block of Bitcoin."""


@dataclass(frozen=True)
class FromChain:
    """What the store says of something.

    Attributes
    ----------
    state : str
        ``none`` (no store attached), ``other`` (one of another chain), ``error``, ``not loaded``,
        ``unknown`` (not on the chain up to the tip), ``found``.
    words : str
        The same for people.
    facts : dict
        The answer of the workspace; empty where there is none.
    """

    state: str
    words: str
    facts: dict[str, Any] = field(default_factory=dict)


NONE: Final = FromChain("none", "no chain store is attached")


class ChainStoreDoor:
    """Asks one store, from any thread.

    Parameters
    ----------
    path : Path
        Directory of the store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chain-store")
        self._workspace: Workspace | None = None
        self._opened = 0.0

    def address(self, chain: str, network: str, canonical: str) -> FromChain:
        """Return what the chain and its labels say of an address."""

        def ask(workspace: Workspace) -> FromChain:
            if not _is_of(workspace, chain, network):
                return _other(workspace)
            facts = workspace.address(canonical)
            if facts["transactions"] == 0:
                return FromChain("unknown", f"no payment up to block {facts['height']:,}", facts)
            if facts["transactions"] is None:
                return FromChain("not loaded", "not loaded", facts)
            return FromChain("found", f"as of block {facts['height']:,}", facts)

        answer: FromChain = self._ask(ask)
        return answer

    def addresses(self, asked: Sequence[tuple[str, str, str]]) -> list[FromChain]:
        """Return sums and times of many addresses, given as chain, network, canonical form."""

        def ask(workspace: Workspace) -> list[FromChain]:
            here = [one for one in asked if _is_of(workspace, one[0], one[1])]
            rows = iter(workspace.address_batch([canonical for _, _, canonical in here]))
            there = dict(zip(here, rows, strict=True)) if here else {}
            return [_brief(there[one]) if one in there else _other(workspace) for one in asked]

        answer = self._ask(ask)
        return [answer] * len(asked) if isinstance(answer, FromChain) else answer

    def latest_payments(
        self, asked: Sequence[tuple[str, str, str]], most: int
    ) -> tuple[FromChain, dict[tuple[str, str, str], list[tuple[str, int]]]]:
        """Return up to which tip, and the latest payments to those addresses that were paid."""

        def ask(workspace: Workspace) -> Any:
            here = [one for one in asked if _is_of(workspace, one[0], one[1])]
            tip = workspace.store.manifest.height
            rows = workspace.latest_payments([canonical for _, _, canonical in here], most)
            paid = {one: row for one, row in zip(here, rows, strict=True) if row}
            return FromChain("found", f"as of block {tip:,}", {"height": tip}), paid

        answer = self._ask(ask)
        return (answer, {}) if isinstance(answer, FromChain) else answer

    def transaction(self, txid: str) -> FromChain:
        """Return a transaction of the chain."""

        def ask(workspace: Workspace) -> FromChain:
            facts = next(iter(workspace.transactions([txid])))
            return FromChain("found", "on the chain", facts)

        answer: FromChain = self._ask(ask)
        return answer

    def labels(self, asked: Sequence[tuple[str, str, str]]) -> list[list[dict[str, Any]] | None]:
        """Return the labels of many addresses; None for one that the store is not of."""

        def ask(workspace: Workspace) -> list[list[dict[str, Any]] | None]:
            return [
                list(workspace.labels(one[2])["labels"])
                if _is_of(workspace, one[0], one[1])
                else None
                for one in asked
            ]

        answer = self._ask(ask)
        return [None] * len(asked) if isinstance(answer, FromChain) else answer

    def label_sets(self) -> list[str]:
        """Return the names of the store's label sets."""
        answer = self._ask(
            lambda workspace: [str(one["name"]) for one in workspace.attribution.digests]
        )
        return [] if isinstance(answer, FromChain) else answer

    def opened(self, sets: Sequence[str] | None) -> Workspace:
        """Open the latest tip anew, for long work in the thread that asks."""
        return Workspace.open(self._path, sets)

    def _ask(self, ask: Callable[[Workspace], Any]) -> Any:
        """Run a question in the store's thread; an error of ours becomes words."""
        try:
            return self._thread.submit(self._with_workspace, ask).result(PATIENCE)
        except TookTooLong:
            return FromChain("error", "the chain store is busy: try again")
        except NotLoadedError as error:
            return FromChain("not loaded", error.message)
        except (UnknownAddressError, UnknownTransactionError) as error:
            return FromChain("unknown", error.message)
        except (AddressError, UsageError):
            return FromChain("other", "the attached chain store is of another chain")
        except ClewlineError as error:
            return FromChain("error", f"the chain store cannot answer: {error.message}")

    def _with_workspace(self, ask: Callable[[Workspace], Any]) -> Any:
        """Ask the latest tip."""
        now = time.monotonic()
        if self._workspace is None or now - self._opened > _FRESH:
            self._workspace, self._opened = Workspace.open(self._path), now
        return ask(self._workspace)


@cache
def _door_to(path: str) -> ChainStoreDoor:
    """Return the door to a store; one a process."""
    return ChainStoreDoor(Path(path))


_first = threading.Lock()


def attached() -> ChainStoreDoor | None:
    """Return the door to the store that the settings name, None where they name none."""
    path = value_of("store")
    with _first:
        return _door_to(path) if path else None


def of_address(chain: str, network: str, canonical: str) -> FromChain:
    """Return what the attached store says of an address."""
    door = attached()
    return door.address(chain, network, canonical) if door else NONE


def of_addresses(asked: Sequence[tuple[str, str, str]]) -> list[FromChain]:
    """Return sums and times of many addresses from the attached store, in their order."""
    door = attached()
    return door.addresses(asked) if door and asked else [NONE] * len(asked)


def latest_payments(
    asked: Sequence[tuple[str, str, str]], most: int = 3
) -> tuple[FromChain, dict[tuple[str, str, str], list[tuple[str, int]]]]:
    """Return how far the attached store goes, and the latest payments to addresses, newest first.

    A payment is its outpoint, ``txid:index``, and its time in UTC seconds.
    """
    door = attached()
    return door.latest_payments(asked, most) if door else (NONE, {})


def of_transaction(txid: str) -> FromChain:
    """Return what the attached store says of a transaction."""
    door = attached()
    return door.transaction(txid) if door else NONE


def labels_of(asked: Sequence[tuple[str, str, str]]) -> list[list[dict[str, Any]] | None]:
    """Return the labels of addresses from the attached store; None for those it is not of."""
    door = attached()
    return door.labels(asked) if door and asked else [None] * len(asked)


def label_sets() -> list[str]:
    """Return the names of the attached store's label sets."""
    door = attached()
    return door.label_sets() if door else []


def opened(sets: Sequence[str] | None = None) -> Workspace:
    """Open the attached store for long work: its own workspace, in the thread that asks.

    Raises
    ------
    UsageError
        If none is attached.
    StoreError
        If it cannot be read.
    """
    door = attached()
    if door is None:
        raise UsageError("no chain store is attached", where="CLEWLINE_STORE")
    return door.opened(sets)


def _is_of(workspace: Workspace, chain: str, network: str) -> bool:
    """Tell whether a store is of a chain and network."""
    there = workspace.store.network
    return there.coin.asset == chain and there.name == network


def _other(workspace: Workspace) -> FromChain:
    """Say that the store is of another chain."""
    return FromChain(
        "other", f"the attached chain store is of another chain: {workspace.store.network.name}"
    )


def _brief(row: dict[str, Any]) -> FromChain:
    """Turn a row of the workspace's batch into an answer."""
    if row["status"] == "not loaded":
        return FromChain("not loaded", "not loaded", row)
    if row["cluster"] is None:
        return FromChain("unknown", str(row["status"]), row)
    return FromChain("found", str(row["status"]), row)
