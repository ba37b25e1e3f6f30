"""Runs at work: one thread a process, outside of every request, with a store of its own.

A run beats while somebody works on it. One that neither ended nor beats was interrupted, by a
restart for example: it is shown as such, and may be started again.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import queue
import tempfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline.desk import chain_store
from clewline.desk.money.models import (
    CASHOUTS,
    LEADS,
    PAYERS,
    CaseRow,
    CaseRun,
    RunEnd,
    RunPack,
    RunProgress,
)
from clewline.desk.ours.queries import hidden_of_team
from clewline.errors import ClewlineError, UsageError
from clewline.workspace import Limits, Rates, Workspace

STAGES: Final = (
    _("waiting"),
    _("opening the chain store"),
    _("payers"),
    _("cash-outs"),
    _("leads"),
    _("request packs"),
    _("keeping the rows"),
)
MOST_ROWS: Final = 200_000
LOST: Final = timedelta(seconds=60)
"""Without a beat for so long, nobody works on a run any more."""
_BEAT: Final = 10.0
_IN_ZIP: Final = (1980, 1, 1, 0, 0, 0)
_log = logging.getLogger(__name__)


class _CancelledError(Exception):
    """Somebody cancelled the run."""


@dataclass
class Found:
    """What a run found, before it is kept."""

    tip: str = ""
    height: int = 0
    label_sets: list[dict[str, Any]] = field(default_factory=list)
    rates: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sums: dict[str, Any] = field(default_factory=dict)
    packs: list[dict[str, Any]] = field(default_factory=list)


def start(run: CaseRun) -> None:
    """Have a run worked on once it is written."""
    transaction.on_commit(lambda: _worker().take(run.pk))


def finish() -> None:
    """Wait until the runs of this process have ended."""
    _worker().finish()


def work(number: int) -> None:
    """Work on a run to its end, whatever that is; nothing is raised."""
    run = CaseRun.objects.get(pk=number)
    try:
        found = _compute(run, lambda stage: _tell(run, stage))
        _tell(run, len(STAGES) - 1)
        _keep(run, found)
    except _CancelledError:
        _end(run, "cancelled")
    except ClewlineError as error:
        _end(run, "failed", str(error)[:400])
    except IntegrityError:
        _log.warning("run %s was ended by somebody else", run.ref)
    except Exception as error:
        _log.exception("run %s", run.ref)
        _end(run, "failed", f"the desk erred: {type(error).__name__}")


class _Worker:
    """The thread that works on runs, one after the other, and the one that beats for them."""

    def __init__(self) -> None:
        self._runs: queue.Queue[int] = queue.Queue()
        self._mine: set[int] = set()
        self._some = threading.Event()
        # Daemons: a desk that is stopped does not wait for a run.
        threading.Thread(target=self._work, name="case-runs", daemon=True).start()
        threading.Thread(target=self._beat, name="case-beats", daemon=True).start()

    def take(self, number: int) -> None:
        """Queue a run."""
        self._mine.add(number)
        self._some.set()
        self._runs.put(number)

    def _work(self) -> None:
        """Work on what comes, for ever."""
        while True:
            number = self._runs.get()
            try:
                work(number)
            finally:
                self._mine.discard(number)
                connection.close()
                self._runs.task_done()

    def finish(self) -> None:
        """Wait until all that was queued has ended."""
        self._runs.join()

    def _beat(self) -> None:
        """Say that all queued runs are looked after."""
        while True:
            self._some.wait()
            try:
                RunProgress.objects.filter(run__in=list(self._mine)).update(beat=timezone.now())
            except Exception:
                _log.exception("a beat was missed")
            finally:
                connection.close()
            if not self._mine:
                self._some.clear()
            threading.Event().wait(_BEAT)


_first = threading.Lock()
_workers: list[_Worker] = []


def _worker() -> _Worker:
    """Return the worker of this process."""
    with _first:
        if not _workers:
            _workers.append(_Worker())
        return _workers[0]


def _tell(run: CaseRun, stage: int) -> None:
    """Note how far a run is; stop where it was cancelled."""
    RunProgress.objects.filter(run=run).update(step=stage, beat=timezone.now())
    if RunProgress.objects.filter(run=run, cancelled_by__isnull=False).exists():
        raise _CancelledError


def _compute(run: CaseRun, tell: Callable[[int], None]) -> Found:
    """Ask the chain store for everything that a run wants, of one tip."""
    asked = run.parameters
    limits = Limits(max_hops=asked["max_hops"], since=asked["since"], until=asked["until"])
    tell(1)
    workspace = chain_store.opened(asked["sets"])
    rates, words = _rates()
    found = Found(rates={"words": words} if rates is None else dict(rates.source))
    seeds: list[str] = run.seeds
    common = {"cluster": asked["cluster"], "rates": rates}
    tell(2)
    payers = workspace.payers(seeds, asked["method"], limits, **common)
    _take(found, PAYERS, payers, "payments")
    tell(3)
    cashouts = workspace.cashouts(seeds, asked["method"], limits, **common)
    _take(found, CASHOUTS, cashouts, "cashouts")
    if asked["leads"]:
        tell(4)
        _take(found, LEADS, workspace.leads(seeds, limits, **common), "leads")
    tell(5)
    subjects = workspace.site_addresses(seeds) if asked["cluster"] else seeds
    found.packs = _packs(workspace, run, subjects, limits)
    found.tip, found.height = payers["tip"], payers["height"]
    found.label_sets = list(payers["label_sets"])
    return found


def _take(found: Found, table: str, answer: dict[str, Any], rows: str) -> None:
    """Part an answer into its rows and what is said of all of them."""
    found.tables[table] = answer[rows]
    found.sums[table] = {name: value for name, value in answer.items() if name != rows}
    if sum(map(len, found.tables.values())) > MOST_ROWS:
        raise UsageError(f"more than {MOST_ROWS:,} rows: choose a shorter time range")


def _rates() -> tuple[Rates | None, str]:
    """Return the operator's rates, or why there are none."""
    file: Path = settings.HOME.path / "rates.csv"
    if not file.exists():
        return None, "no rates loaded: put rates.csv into the desk's directory"
    try:
        return Rates.read(file), ""
    except ClewlineError as error:
        return None, f"no rates loaded: {error.message}"


def _packs(
    workspace: Workspace, run: CaseRun, subjects: list[str], limits: Limits
) -> list[dict[str, Any]]:
    """Return the request pack of each exchange, as `reports` writes it."""
    with tempfile.TemporaryDirectory(prefix="clewline-packs-") as directory:
        written = workspace.report(
            subjects,
            Path(directory) / "packs",
            run.parameters["method"],
            run.ref,
            limits=limits,
            without=hidden_of_team(run.case.team_id),
        )
        return [_pack(row) for row in written["packs"]]


def _pack(row: dict[str, Any]) -> dict[str, Any]:
    """Read one written pack: a zip with no clock in it, and what its sheet asks."""
    directory = Path(row["html"]).parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(directory.iterdir()):
            archive.writestr(
                zipfile.ZipInfo(f"{directory.name}/{file.name}", _IN_ZIP), file.read_bytes()
            )
    record = json.loads((directory / "request.json").read_text(encoding="utf-8"))
    return {
        "exchange": row["exchange"],
        "slug": directory.name,
        "deposits": row["deposits"],
        "withdrawals": row["withdrawals"],
        "traced": row["traced"],
        "movements": record["movements"],
        "content": out.getvalue(),
        "sha256": hashlib.sha256(out.getvalue()).hexdigest(),
    }


def _keep(run: CaseRun, found: Found) -> None:
    """Write what was found, all of it or nothing."""
    result = {
        "tables": found.tables,
        "packs": [(p["exchange"], p["movements"]) for p in found.packs],
    }
    with transaction.atomic():
        RunEnd.objects.create(
            run=run,
            state="done",
            tip=found.tip,
            height=found.height,
            label_sets=found.label_sets,
            label_hash=digest_of(found.label_sets),
            rates=found.rates,
            sums=found.sums,
            digest=digest_of(result),
        )
        CaseRow.objects.bulk_create(
            (
                _row(run, table, position, facts)
                for table, rows in found.tables.items()
                for position, facts in enumerate(rows, 1)
            ),
            batch_size=2_000,
        )
        for pack in found.packs:
            RunPack.objects.create(run=run, **pack)


def digest_of(value: object) -> str:
    """Return SHA-256 (hex) of a value as JSON with sorted keys: the same for the same value.

    Examples
    --------
    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _row(run: CaseRun, table: str, position: int, facts: dict[str, Any]) -> CaseRow:
    """Return a row of a table, with what lists and filters ask for as columns."""
    time = facts.get("time")
    return CaseRow(
        run=run,
        table=table,
        position=position,
        outpoint=facts.get("payment") or facts.get("deposit") or "",
        address=facts.get("address") or facts.get("receiver") or "",
        moved_at=datetime.fromisoformat(time).astimezone(UTC) if time else None,
        amount=facts.get("amount"),
        entity=(facts.get("entity") or "")[:200],
        link=facts.get("link") or "",
        counts_as=facts.get("counts_as") or "",
        facts=facts,
    )


def _end(run: CaseRun, state: str, words: str = "") -> None:
    """Write how a run ended, if nobody did."""
    try:
        with transaction.atomic():
            RunEnd.objects.create(run=run, state=state, words=words)
    except IntegrityError:
        _log.warning("run %s was ended by somebody else", run.ref)
