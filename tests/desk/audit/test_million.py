"""A long log is verified in a minute, in memory that does not grow with it."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from django.db import connection, transaction

from clewline.desk.audit import services, triggers
from clewline.desk.audit.chain import GENESIS, Row, hash_of

EVENTS = 1_000_000


def made_up_rows(number: int) -> Iterator[Row]:
    """Yield a chain of made-up events."""
    last = GENESIS
    for seq in range(1, number + 1):
        at = f"2026-03-{seq * 28 // (number + 1) + 1:02}T12:00:00.{seq % 1_000_000:06}+00:00"
        thing, details = f"S-{seq:05}-MADEUP", '{"filter": "made up"}'
        who = f"A-{seq % 50:05}"
        row = Row(seq, at, who, "", "sighting.read", thing, "", "done", "127.0.0.1", details, last)
        last = hash_of(row)
        yield row._replace(hash=last)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_million_events_are_verified_in_a_minute() -> None:
    names, marks = ", ".join(Row._fields), ", ".join("%s" for _ in Row._fields)
    insert = f"INSERT INTO audit_event ({names}) VALUES ({marks})"  # noqa: S608
    triggers.drop(connection)
    rows = made_up_rows(EVENTS)
    with transaction.atomic(), connection.cursor() as cursor:
        while batch := list(islice(rows, 10_000)):
            cursor.executemany(insert, batch)
    triggers.create(connection)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    verdict = services.verify_log()
    seconds = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (verdict.seq, verdict.fault) == (EVENTS, None)
    assert seconds < 60
    assert grown < 100 * 1024
