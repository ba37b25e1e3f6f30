"""Take deliveries out of the outbox and hand them over, until each is delivered or dead.

What is written with the approval of an alert or a report waits here. A worker claims a row (moves
its `due_at` to when the claim ends), sends, and writes attempt, receipt and state in one
transaction. Whatever dies in between, the row is due again when the claim ends, with the same
delivery id: at least once on the wire, exactly once in the ledger.

A clock that was set back cannot hold a row for longer than `LONGEST`: a due time further away than
any wait that we give counts as due.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import (
    DatabaseError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.models import Q
from django.utils import timezone

from clewline.desk.alerts.channels import SENDERS, Parcel
from clewline.desk.alerts.channels.kind import REPORT
from clewline.desk.alerts.lists import whole_list
from clewline.desk.alerts.models import (
    DEAD,
    DELIVERED,
    OFFERED,
    WAITING,
    Attempt,
    Channel,
    Copy,
    Delivery,
    Receipt,
)
from clewline.errors import ClewlineError, DeliveryError

if TYPE_CHECKING:
    from clewline.desk.routing.models import Report

CLAIM: Final = timedelta(seconds=60)
"""How long a claim holds; longer than any sending takes."""
MOST_TRIES: Final = 10
"""Attempts after which a delivery is dead: about ten hours after the first."""
FIRST_WAIT: Final = 5.0
LONGEST: Final = timedelta(hours=4)
AT_ONCE: Final = 16
"""Rows that one round of a worker takes."""
CARRIED: Final = ("copy__alert", "copy__partner", "report__partner", "report__decision")
"""Ways from a delivery to what it carries, to fetch with it."""
Step = Callable[[str], None]


def nothing(_step: str) -> None:
    """Do nothing at a step; tests end the process there."""


def wait_after(tries: int, chance: float) -> timedelta:
    """Return how long to wait after the n-th failed attempt.

    Doubles from `FIRST_WAIT` seconds up to `LONGEST`, of which `chance` (0 to 1) picks the upper
    half, so that receivers that failed together are not asked again together.

    Examples
    --------
    >>> [wait_after(n, 1.0).total_seconds() for n in (1, 2, 3)]
    [5.0, 10.0, 20.0]
    >>> wait_after(1, 0.0).total_seconds(), wait_after(99, 1.0) == LONGEST
    (2.5, True)
    """
    whole = min(FIRST_WAIT * 2.0 ** min(tries - 1, 30), LONGEST.total_seconds())
    return timedelta(seconds=whole * (1 + chance) / 2)


def put(carried: Copy | Report, due: datetime) -> None:
    """Put a copy or a report into the outbox, once a channel, in the caller's transaction.

    Where the recipient fetches, it is offered. Reports go on channels for reports alone.
    """
    of = {"copy": carried} if isinstance(carried, Copy) else {"report": carried}
    for channel in Channel.objects.filter(partner=carried.partner, is_open=True):
        kind = SENDERS[channel.kind]
        if kind.reports or "copy" in of:
            state = WAITING if kind.pushes else OFFERED
            Delivery.objects.create(channel=channel, state=state, due_at=due, **of)


def claim(most: int, now: datetime | None = None) -> list[Delivery]:
    """Take up to `most` due deliveries; nobody else gets them before the claim ends.

    Those tried least come first, so that receivers that do not answer hold up nobody.
    """
    now = now or timezone.now()
    mark = secrets.token_hex(16)
    due = Delivery.objects.filter(
        Q(due_at__lte=now) | Q(due_at__gt=now + max(LONGEST, CLAIM)), state=WAITING
    ).order_by("tries", "due_at", "id")
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, no_key=True)
        # SQLite's transaction is the only one that writes, from its first statement on.
        taken = list(due.values_list("id", flat=True)[:most])
        if not taken:
            return []
        Delivery.objects.filter(id__in=taken).update(due_at=now + CLAIM, claim=mark)
    rows = Delivery.objects.filter(id__in=taken, claim=mark).select_related(*CARRIED, "channel")
    place = {number: n for n, number in enumerate(taken)}
    return sorted(rows, key=lambda one: place[one.id])


def deliver(one: Delivery, step: Step = nothing) -> bool:
    """Hand one claimed delivery over and write what came of it; tell whether it was taken."""
    step("claimed")
    began = time.monotonic()
    try:
        says, taken = SENDERS[one.channel.kind].send(parcel_of(one)), True
    except ClewlineError as error:
        says, taken = error.message, False
    except (DatabaseError, MemoryError):
        raise
    except Exception as error:
        says, taken = f"went wrong: {type(error).__name__}", False
    step("sent")
    with transaction.atomic():
        settle(one, taken=taken, says=says, took=time.monotonic() - began)
        step("written")
    step("committed")
    return taken


def settle(one: Delivery, *, taken: bool, says: str, took: float = 0.0) -> None:
    """Write an attempt and what follows from it, within the caller's transaction.

    Where two workers sent the same delivery, because a claim ended, the first receipt counts; a
    failure that comes in after it, or from a claim that is over, changes nothing.
    """
    now = timezone.now()
    row = Delivery.objects.select_for_update(no_key=True).get(id=one.id)
    tries = row.tries + 1
    Attempt.objects.create(
        delivery=row,
        number=tries,
        took_ms=max(0, int(took * 1000)),
        delivered=taken,
        why=says[:200],
    )
    changes: dict[str, object] = {"tries": tries}
    if taken and row.state != DELIVERED:
        Receipt.objects.create(delivery=row, at=now, says=says[:200])
        changes |= {"state": DELIVERED, "why": "", "claim": ""}
    elif not taken and row.state == WAITING and row.claim == one.claim:
        dead = tries >= MOST_TRIES
        # Chance only spreads attempts out.
        wait = wait_after(tries, random.random())  # noqa: S311
        changes |= {"state": DEAD if dead else WAITING, "why": says[:200], "due_at": now + wait}
        changes["claim"] = ""
    Delivery.objects.filter(id=row.id).update(**changes)


def parcel_of(one: Delivery) -> Parcel:
    """Return what a channel carries, opened.

    Raises
    ------
    DeliveryError
        If it is a report that was erased, or whose recipient is no active partner any more.
    """
    carried = one.carried
    if isinstance(carried, Copy):
        reference, kind, at = carried.ref, carried.kind, carried.at
        text = carried.unseal("document")
    else:
        reference, kind, at = carried.theirs, REPORT, carried.decision.at
        text = _letter(carried)
    return Parcel(
        delivery=one.ref,
        reference=reference,
        kind=kind,
        at=at,
        document=text.encode(),
        target=one.channel.unseal("target"),
        secret=one.channel.unseal("secret"),
        whole=lambda: whole_list(carried.partner),
    )


def _letter(report: Report) -> str:
    """Return a report as it is sent, while it may be."""
    if not report.document_sealed:
        raise DeliveryError("the report was erased")
    if report.partner.standing != "active":
        raise DeliveryError("no report goes to a partner that is not active")
    return report.letter


def round_of(pool: Executor | None = None, step: Step = nothing, most: int = AT_ONCE) -> int:
    """Deliver what is due now, a handful at a time; return how many were taken up.

    Parameters
    ----------
    pool : Executor, optional
        Threads that send side by side; none: one after the other, here.
    """
    taken_up = claim(most)
    if pool is None:
        for one in taken_up:
            deliver(one, step)
    else:
        list(pool.map(lambda one: _in_thread(one, step), taken_up))
    return len(taken_up)


def _in_thread(one: Delivery, step: Step) -> None:
    """Deliver in a thread; a database that is away for a moment leaves the row to a later claim."""
    try:
        deliver(one, step)
    except (OperationalError, DatabaseError):
        pass
    finally:
        close_old_connections()


def retry(one: Delivery) -> bool:
    """Let a dead delivery be tried anew, as often as at first; tell whether it was dead."""
    again = Delivery.objects.filter(id=one.id, state=DEAD)
    return bool(again.update(state=WAITING, due_at=timezone.now(), tries=0, claim=""))
