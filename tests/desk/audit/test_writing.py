"""Writing to the log: one chain whoever writes, and a database that refuses to change it."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import rfc8785
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from clewline.desk.audit import services, triggers
from clewline.desk.audit.chain import GENESIS, Row, canonical, hash_of
from clewline.desk.audit.models import Event

PEOPLE, EACH = 20, 50


@given(st.tuples(st.integers(0, 2**53 - 1), *[st.text(max_size=12)] * 10))
def test_what_is_hashed_is_canonical_json(values: tuple[int, *tuple[str, ...]]) -> None:
    row = Row(*values)  # type: ignore[arg-type]
    fields = row._asdict()
    del fields["hash"]
    assert canonical(row) == rfc8785.dumps(fields)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_chain() -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for count in range(EACH):
                services.write(actor=f"A-{number}", action="home.read", object=str(count))
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert Event.objects.count() == PEOPLE * EACH
    verdict = services.verify_log()
    assert verdict.fault is None
    assert verdict.seq == PEOPLE * EACH
    for number in range(PEOPLE):  # each person's events stand in the order in which they came
        mine = Event.objects.filter(actor=f"A-{number}").order_by("seq")
        assert list(mine.values_list("object", flat=True)) == [str(n) for n in range(EACH)]


def test_what_a_terminal_or_database_chokes_on_is_written_as_escapes(db: None) -> None:
    event = services.write(
        actor="A-1", action="x", object="a\x00b\ud800\u202e", details={"d": "\ud800"}
    )
    event.refresh_from_db()
    assert event.object == "a\\x00b\\ud800\\u202e"
    assert services.verify_log().fault is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'A-2'",
        "UPDATE audit_event SET actor = actor WHERE seq = 1",
        "DELETE FROM audit_event WHERE seq = 1",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "TRUNCATE audit_event CASCADE",
        "DELETE FROM audit_anchor",
        "DELETE FROM audit_signingkey",
        "UPDATE audit_timestamp SET says = says",
        "INSERT OR REPLACE INTO audit_event SELECT * FROM audit_event WHERE seq = 1",
        "INSERT INTO audit_event SELECT * FROM audit_event WHERE seq = 1 "
        "ON CONFLICT (seq) DO UPDATE SET actor = 'A-2'",
    ],
)
def test_the_database_refuses(db: None, statement: str) -> None:
    services.write(actor="A-1", action="home.read")
    services.register_key("00" * 32, "A-1")
    anchor = services.Anchor.objects.create(seq=1, document="{}")
    stamp = services.Timestamp(anchor=anchor, response=b"", says=anchor.at)
    stamp.save()
    before = list(Event.objects.values_list())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(Event.objects.values_list()) == before


@pytest.mark.parametrize(
    ("seq", "prev"), [(2, "0" * 64), (1, "1" * 64), (0, GENESIS), (7, GENESIS)]
)
def test_the_database_takes_no_event_out_of_its_place(db: None, seq: int, prev: str) -> None:
    event = Event(seq=seq, at="2026-01-01T00:00:00+00:00", actor="A-1", action="x", prev_hash=prev)
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save(force_insert=True)
    assert not Event.objects.exists()


def test_triggers_that_are_missing_are_counted(db: None) -> None:
    assert triggers.missing(connection) == 0
    triggers.drop(connection)
    assert triggers.missing(connection) > 0
    triggers.create(connection)


def test_an_event_names_what_was_before(db: None) -> None:
    first, second = (services.write(actor="A-1", action="home.read") for _ in range(2))
    assert (first.seq, first.prev_hash) == (1, GENESIS)
    assert second.prev_hash == first.hash == hash_of(services.row_of(first))


def test_no_lock_of_a_row_keeps_those_waiting_that_refer_to_it() -> None:
    """PostgreSQL checks references at the end, when the log is locked: that must wait for nobody.

    Who held a row as for a change of its key, and waited for the log, would wait for ever.
    """
    desk = Path(services.__file__).parents[1]
    sources = [path.read_text("utf-8") for path in desk.rglob("*.py")]
    locks = [one for text in sources for one in re.findall(r"select_for_update\(([^)]*)\)", text)]
    assert locks and all("no_key=True" in one for one in locks)
