"""The outbox: nothing lost, nothing doubled, whoever dies and wherever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone
from tests.desk.alerts.conftest import Desk

from clewline.desk.alerts import outbox, services
from clewline.desk.alerts.models import Alert, Attempt, Copy, Delivery, Receipt
from clewline.desk.alerts.worker import Worker
from clewline.desk.partners.models import Partner
from clewline.errors import UsageError

KILLED = Path(__file__).with_name("killed_worker.py")


@pytest.fixture
def waiting(desk: Desk) -> Delivery:
    """A delivery that waits for a worker."""
    desk.sighting()
    partner = desk.partner("Made-up Exchange")
    desk.channel(partner, "webhook")
    desk.tell([partner])
    return due_now()


def due_now() -> Delivery:
    """Make the only delivery due."""
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    return Delivery.objects.get()


def waiting_for(desk: Desk, count: int) -> list[Partner]:
    """Return partners for each of whom a delivery waits."""
    desk.sighting()
    made = [desk.partner(f"Exchange {n}") for n in range(count)]
    for one in made:
        desk.channel(one, "webhook")
    desk.tell(made)
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    return made


def test_approval_and_outbox_are_one_transaction(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sighting()
    partner = desk.partner("Made-up Exchange")
    desk.channel(partner, "webhook")
    alert = desk.draft([partner])

    def breaks(**_: object) -> None:
        raise OperationalError("the database is gone")

    with monkeypatch.context() as broken, pytest.raises(OperationalError):
        broken.setattr(Delivery.objects, "create", breaks)
        desk.approve(alert)
    fresh = Alert.objects.get()
    assert not services.is_released(fresh)
    assert not Copy.objects.exists()
    desk.approve(fresh)
    assert Delivery.objects.count() == 1


def test_a_claimed_delivery_is_nobody_elses_until_the_claim_ends(waiting: Delivery) -> None:
    assert len(outbox.claim(5)) == 1
    assert outbox.claim(5) == []
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert len(outbox.claim(5)) == 1


def test_what_was_tried_least_is_handed_over_first(desk: Desk) -> None:
    waiting_for(desk, 3)
    numbers = list(Delivery.objects.order_by("id").values_list("id", flat=True))
    for tries, number in zip((2, 1, 0), numbers, strict=True):
        Delivery.objects.filter(id=number).update(tries=tries)
    assert [one.id for one in outbox.claim(5)] == numbers[::-1]


def test_a_failure_waits_longer_each_time_and_then_is_dead(desk: Desk, waiting: Delivery) -> None:
    desk.web.answer = lambda path, before: (503, b"busy")
    waits = []
    for _ in range(outbox.MOST_TRIES):
        before = timezone.now()
        outbox.round_of()
        row = Delivery.objects.get()
        waits.append((row.due_at - before).total_seconds())
        due_now()
    assert all(late > 1.2 * early for early, late in zip(waits, waits[2:], strict=False))
    row = Delivery.objects.get()
    assert (row.state, row.why, row.tries) == ("dead", "answered 503", outbox.MOST_TRIES)
    assert outbox.round_of() == 0
    assert Attempt.objects.filter(delivered=False).count() == outbox.MOST_TRIES
    desk.web.answer = lambda path, before: (200, b"{}")
    services.retry(row)
    assert outbox.round_of() == 1
    assert Receipt.objects.get().delivery == row
    with pytest.raises(UsageError, match="not given up"):
        services.retry(row)


def test_every_attempt_bears_the_same_delivery_id(desk: Desk, waiting: Delivery) -> None:
    desk.web.answer = lambda path, before: (500, b"") if before < 2 else (200, b"{}")
    for _ in range(3):
        outbox.round_of()
        due_now()
    ids = {headers["Clewline-Delivery"] for _, headers, _ in desk.web.taken}
    assert ids == {waiting.ref}
    assert Receipt.objects.count() == 1


def test_a_receiver_that_takes_it_and_drops_the_connection(desk: Desk, waiting: Delivery) -> None:
    desk.web.answer = lambda path, before: (None, b"") if before == 0 else (200, b"{}")
    outbox.round_of()
    assert not Receipt.objects.exists(), "no answer came, so it is not known"
    due_now()
    outbox.round_of()
    assert len(desk.web.taken) == 2
    assert Receipt.objects.count() == 1
    assert {headers["Clewline-Delivery"] for _, headers, _ in desk.web.taken} == {waiting.ref}


def test_two_workers_that_sent_the_same_leave_one_receipt(desk: Desk, waiting: Delivery) -> None:
    first = outbox.claim(1)[0]
    due_now()  # the first one's claim ended
    second = outbox.claim(1)[0]
    outbox.deliver(second)
    outbox.deliver(first)
    assert Receipt.objects.count() == 1
    assert Delivery.objects.get().state == "delivered"


def test_a_late_failure_does_not_undo_a_delivery(desk: Desk, waiting: Delivery) -> None:
    first = outbox.claim(1)[0]
    due_now()
    outbox.deliver(outbox.claim(1)[0])
    desk.web.answer = lambda path, before: (500, b"")
    outbox.deliver(first)
    assert Delivery.objects.get().state == "delivered"
    assert outbox.round_of() == 0


@pytest.mark.parametrize("back", [timedelta(hours=5), timedelta(days=3650)])
def test_a_clock_that_is_set_back_holds_nothing_up(waiting: Delivery, back: timedelta) -> None:
    outbox.claim(1)
    assert len(outbox.claim(1, now=timezone.now() - back)) == 1


def test_a_database_that_is_locked_loses_nothing(
    desk: Desk, waiting: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = outbox.settle

    def locked(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(outbox, "settle", locked)
    with pytest.raises(OperationalError):
        outbox.round_of()
    assert not Attempt.objects.exists()
    monkeypatch.setattr(outbox, "settle", settle)
    due_now()
    outbox.round_of()
    assert Receipt.objects.count() == 1
    assert len(desk.web.taken) == 2


@pytest.fixture
def committed(transactional_db: None, desk: Desk) -> Iterator[Desk]:
    """A desk whose records other processes see."""
    return desk


def started(step: str) -> subprocess.Popen[bytes]:
    """Start a worker that ends its own process, by SIGKILL, at a step."""
    database = connection.settings_dict
    environment = {
        **os.environ,
        "CLEWLINE_DESK_HOME": str(settings.HOME.path),
        "TEST_DATABASE": str(database["NAME"]),
        "TEST_STEP": step,
    }
    return subprocess.Popen([sys.executable, str(KILLED)], env=environment)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["claimed", "sent", "written", "committed"])
def test_a_worker_that_is_killed_at_a_step(desk: Desk, step: str) -> None:
    made = waiting_for(desk, 3)
    worker = started(step)
    assert worker.wait(180) == -signal.SIGKILL
    assert Receipt.objects.count() == Delivery.objects.filter(state="delivered").count()
    # Its claims end, and another worker goes on.
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
    Worker().run(until_empty=True)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert Receipt.objects.count() == 3
    ids = {headers["Clewline-Delivery"] for _, headers, _ in desk.web.taken}
    assert ids == set(Delivery.objects.values_list("ref", flat=True))
    for one in made:
        bodies = {body for path, _, body in desk.web.taken if path == f"/{one.ref}"}
        assert len(bodies) == 1, "a repeat is the same, byte for byte"


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_share_the_work(desk: Desk) -> None:
    waiting_for(desk, 12)
    other = started("none")
    Worker().run(until_empty=True)
    assert other.wait(180) == 0
    assert Receipt.objects.count() == 12
    assert len(desk.web.taken) == 12, "nobody was told twice"
