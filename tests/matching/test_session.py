"""A whole session: what each side learns, what neither does, limits, breaks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clewline.codec.base58 import base58check_encode
from clewline.errors import DataError, UsageError
from clewline.journal import Journal
from clewline.matching import psi
from clewline.matching.carriers import answer_folder, ask_folder
from clewline.matching.exchange import Session, begin
from clewline.matching.hotline import Hotline
from clewline.matching.identity import Identity, make_identity, read_identity
from clewline.matching.items import item_of, rows_of
from clewline.matching.message import Kind, Message, read
from clewline.matching.partners import Partner, put_partner, read_partners

START = datetime(2026, 1, 1, tzinfo=UTC)


def address(number: int) -> str:
    """Return a made-up address; nobody has its key."""
    return base58check_encode(b"\x00" + number.to_bytes(20, "big"))


class Pair:
    """A hotline and an exchange that know each other, in directories of their own."""

    def __init__(self, root: Path, **limits: int) -> None:
        self.now = START
        self.root = root
        self.hotline_home, self.exchange_home = root / "hotline", root / "exchange"
        hotline, exchange = make_identity(self.hotline_home), make_identity(self.exchange_home)
        put_partner(self.hotline_home, Partner("exchange", exchange.public, **limits))
        put_partner(self.exchange_home, Partner("hotline", hotline.public))

    def clock(self) -> datetime:
        return self.now

    def hotline(self, numbers: list[int]) -> Hotline:
        items = [item_of(address(number), "BTC") for number in numbers]
        return Hotline(self.hotline_home, items, now=self.clock, threads=2)

    def file(self, numbers: list[int], name: str = "customers.csv") -> Path:
        file = self.root / name
        rows = [f"BTC,{address(number)},customer-{at}\n" for at, number in enumerate(numbers)]
        file.write_text("chain,address,customer\n" + "".join(rows))
        return file

    def begin(self, file: Path, piece_items: int = 4) -> Session:
        session = begin(
            self.exchange_home,
            "hotline",
            file,
            snapshot="made up",
            now=self.now,
            piece_items=piece_items,
        )
        session.hide()
        return session

    def run(self, hotline: Hotline, session: Session, *, tell: bool = True) -> list[bytes]:
        """Carry every message by hand; return all bytes that went either way."""
        carried = []
        for message in session.messages():
            data = session.sign(message)
            reply = hotline.handle(data)
            session.take(reply, message, self.now)
            carried += [data, reply]
        done = session.done_message(tell=tell)
        data = session.sign(done)
        reply = hotline.handle(data)
        session.take(reply, done, self.now)
        return [*carried, data, reply]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True),
    st.lists(st.integers(0, 30), min_size=1, max_size=14),
    st.integers(1, 6),
)
def test_the_exchange_learns_exactly_the_intersection(
    tmp_path_factory: pytest.TempPathFactory, listed: list[int], asked: list[int], size: int
) -> None:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    file = pair.file(asked)
    session = pair.begin(file, size)
    pair.run(pair.hotline(listed), session)
    assert session.matched() == {item_of(address(n), "BTC") for n in set(listed) & set(asked)}
    # Every row of a matching item, also where customers share it, and no other.
    expected = [at for at, number in enumerate(asked) if number in listed]
    assert [row.customer for row in session.result(file)] == [f"customer-{at}" for at in expected]


def test_a_transcript_shows_no_item_of_either_side(pair: Pair) -> None:
    session = pair.begin(pair.file([1, 2, 3, 4, 5, 6]))
    carried = b"".join(pair.run(pair.hotline([2, 4, 9]), session))
    for number in (1, 2, 3, 4, 5, 6, 9):
        text = address(number)
        payload = b"\x00" + number.to_bytes(20, "big")
        for form in (text.encode(), payload[1:], payload.hex().encode(), text.encode().hex()):
            assert (form if isinstance(form, bytes) else form.encode()) not in carried
    assert b"customer-" not in carried
    # What the hotline keeps shows none either.
    kept = b"".join(file.read_bytes() for file in pair.hotline_home.rglob("*") if file.is_file())
    assert address(1).encode() not in kept


def test_hidden_items_say_nothing_of_the_order_of_the_file(pair: Pair) -> None:
    numbers = list(range(1, 20))
    one = pair.begin(pair.file(numbers))
    other = pair.begin(pair.file(numbers[::-1], "reversed.csv"))
    assert one.commitment() == other.commitment()


def test_the_hotline_learns_the_count_only_if_it_is_told(pair: Pair) -> None:
    hotline = pair.hotline([1, 2, 3])
    pair.run(hotline, pair.begin(pair.file([1, 2, 8])), tell=False)
    pair.run(hotline, pair.begin(pair.file([1, 2, 8])), tell=True)
    done = [
        event
        for event in Journal(pair.hotline_home / "journal.jsonl").read()
        if event["event"] == "done"
    ]
    assert [event["matched"] for event in done] == ["not told", 2]
    text = (pair.hotline_home / "journal.jsonl").read_text()
    assert address(1) not in text
    assert "BTC" not in text


def test_another_key_learns_nothing(pair: Pair) -> None:
    """A partner that gets hold of a session but not of the asker's key finds no match."""
    session = pair.begin(pair.file([1, 2, 3]), 50)
    pair.run(pair.hotline([1, 2, 3]), session)
    offer = (session.directory / "offer.bin").read_bytes()
    hidden = (session.directory / "hidden-00000.bin").read_bytes()
    hotline = pair.hotline([1, 2, 3])
    holder = psi.key_from(
        read_identity(pair.hotline_home).secret,
        "holder",
        read_identity(pair.exchange_home).public,
        hotline.version,
    )
    answered = psi.answer(holder, hidden)
    asker = psi.key_from(
        read_identity(pair.exchange_home).secret,
        "asker",
        read_identity(pair.hotline_home).public,
    )
    assert psi.matches(asker, offer, answered, 3) == [0, 1, 2]
    assert psi.matches(psi.key_from(bytes(32), "another"), offer, answered, 3) == []


def test_two_partners_get_lists_that_cannot_be_compared(pair: Pair, tmp_path: Path) -> None:
    second = make_identity(tmp_path / "second")
    put_partner(pair.hotline_home, Partner("second", second.public))
    secret = read_identity(pair.hotline_home).secret
    items = [item_of(address(number), "BTC") for number in range(3)]
    offers = [
        psi.offer_of(psi.key_from(secret, "holder", key, "v"), items)
        for key in (read_identity(pair.exchange_home).public, second.public)
    ]
    points = [set(psi._parsed("ServerSetup", offer, "").raw.encrypted_elements) for offer in offers]
    assert len(points[0]) == 3
    assert not points[0] & points[1]


def test_a_new_version_of_the_list_has_another_key(pair: Pair) -> None:
    before, after = pair.hotline([1, 2]), pair.hotline([1, 2, 3])
    assert before.version != after.version
    session = pair.begin(pair.file([1, 2]), 1)
    first = next(session.messages())
    session.take(before.handle(session.sign(first)), first, START)
    offers = list((pair.hotline_home / "offers").iterdir())
    ask = next(iter(session.messages()))
    # The list changed under an open session, which stays bound to the version of its opening.
    session.take(after.handle(session.sign(ask)), ask, START)
    assert session.list_version == before.version
    assert list((pair.hotline_home / "offers").iterdir()) == offers


def test_what_was_not_committed_to_is_refused(pair: Pair) -> None:
    hotline = pair.hotline([1, 2])
    session = pair.begin(pair.file([1, 2, 3, 4, 5]), 2)
    message = next(session.messages())
    session.take(hotline.handle(session.sign(message)), message, START)
    key = psi.key_from(bytes(32), "x")
    other = Message(
        Kind.ASK,
        session.plan.session,
        message.sender,
        message.recipient,
        message.made_at,
        0,
        {"list_version": session.list_version},
        psi.hide(key, ["something", "else"]),
    )
    with pytest.raises(DataError, match="not the piece that the session was opened with"):
        session.take(hotline.handle(session.sign(other)), other, START)


def test_more_items_than_allowed_are_refused(tmp_path: Path) -> None:
    pair = Pair(tmp_path, most_items=3)
    session = pair.begin(pair.file([1, 2, 3, 4]))
    with pytest.raises(DataError, match="4 items, allowed are 3 a session"):
        pair.run(pair.hotline([1]), session)


def test_the_quota_counts_new_items_only_and_comes_back(tmp_path: Path) -> None:
    pair = Pair(tmp_path, most_new=6, days=30, sessions_a_day=10)
    hotline = pair.hotline([1])
    pair.run(hotline, pair.begin(pair.file([1, 2, 3, 4])))
    pair.run(hotline, pair.begin(pair.file([4, 3, 2, 1])))  # nothing new
    pair.run(hotline, pair.begin(pair.file([1, 2, 3, 4, 5, 6])))  # two new: six in all
    with pytest.raises(DataError, match="more than 6 items that were never asked before"):
        pair.run(hotline, pair.begin(pair.file([7])))
    pair.now += timedelta(days=31)
    pair.run(hotline, pair.begin(pair.file([7])))


def test_a_refused_piece_uses_up_nothing(tmp_path: Path) -> None:
    pair = Pair(tmp_path, most_new=3, sessions_a_day=10)
    hotline = pair.hotline([1])
    with pytest.raises(DataError, match="never asked before"):
        pair.run(hotline, pair.begin(pair.file([1, 2, 3, 4])))
    pair.run(hotline, pair.begin(pair.file([1, 2, 3])))


def test_sessions_a_day_are_limited(tmp_path: Path) -> None:
    pair = Pair(tmp_path, sessions_a_day=2)
    hotline, file = pair.hotline([1]), pair.file([1])
    pair.run(hotline, pair.begin(file))
    pair.run(hotline, pair.begin(file))
    third = pair.begin(file)
    with pytest.raises(DataError, match="sessions within a day"):
        pair.run(hotline, third)
    pair.now += timedelta(days=2)
    pair.run(hotline, third)


def test_a_stranger_gets_no_answer(pair: Pair, tmp_path: Path) -> None:
    stranger = make_identity(tmp_path / "stranger")
    hotline = pair.hotline([1])
    session = pair.begin(pair.file([1]))
    message = next(session.messages())
    as_stranger = Message(
        message.kind,
        message.session,
        stranger.public,
        message.recipient,
        message.made_at,
        0,
        message.fields,
    )
    forged = Message(
        message.kind,
        message.session,
        message.sender,
        message.recipient,
        message.made_at,
        0,
        message.fields,
    )
    for data in (
        as_stranger.signed(stranger),
        forged.signed(stranger),
        b"",
        b"{}\n",
        b"\xff" * 500,
    ):
        with pytest.raises(DataError, match="is no message of a known partner to this side"):
            hotline.handle(data)
    assert not (pair.hotline_home / "journal.jsonl").exists()


def test_the_session_of_one_partner_is_not_another_ones(pair: Pair, tmp_path: Path) -> None:
    second = make_identity(tmp_path / "second")
    put_partner(pair.hotline_home, Partner("second", second.public))
    hotline = pair.hotline([1])
    session = pair.begin(pair.file([1]))
    pair.run(hotline, session)
    fields = {"list_version": session.list_version}
    reasons = []
    for name in (session.plan.session, "0" * 32):
        ask = Message(Kind.ASK, name, second.public, hotline.public, "", 0, fields, b"")
        reply = read(
            hotline.handle(ask.signed(second)),
            recipient=second.public,
            senders=frozenset({hotline.public}),
            where="reply",
        )
        reasons.append((reply.kind, reply.fields["reason"]))
    # What exists for others looks like what does not exist.
    assert reasons == [(Kind.REFUSAL, "no such session")] * 2


def test_a_changed_answer_is_refused(pair: Pair) -> None:
    hotline = pair.hotline([1])
    session = pair.begin(pair.file([1]))
    message = next(session.messages())
    reply = hotline.handle(session.sign(message))
    with pytest.raises(DataError, match="changed or cut short"):
        session.take(reply[:-1] + bytes([reply[-1] ^ 1]), message, START)
    with pytest.raises(DataError, match="is no message of a known partner"):
        session.take(reply.replace(b'"list_items":1', b'"list_items":2'), message, START)
    assert not session.list_version


def test_points_that_are_none_are_refused(pair: Pair) -> None:
    key = psi.key_from(bytes(32), "k")
    good = psi.hide(key, ["a"])
    with pytest.raises(DataError, match="not a message"):
        psi.answer(key, b"\xff\xff\xff")
    not_on_curve = good[:4] + b"\xff" * (len(good) - 4)
    with pytest.raises(DataError):
        psi.points_of(not_on_curve, 10)
    with pytest.raises(DataError, match="at most 0"):
        psi.points_of(good, 0)
    request = psi._parsed("Request", good, "")
    request.encrypted_elements[0] = b"\x02" + b"\xff" * 32
    with pytest.raises(DataError, match="hidden items"):
        psi.answer(key, request.SerializeToString())


def test_a_folder_carries_a_session_in_runs(pair: Pair, tmp_path: Path) -> None:
    folder, hotline = tmp_path / "shared", pair.hotline([2, 3])
    session = pair.begin(pair.file([1, 2, 3, 4, 5]), 2)
    assert not ask_folder(session, folder, pair.clock, tell=True)
    assert not ask_folder(session, folder, pair.clock, tell=True)  # nothing new: nothing happens
    assert answer_folder(hotline, folder) == 1
    assert not ask_folder(session, folder, pair.clock, tell=True)
    assert answer_folder(hotline, folder) == 3
    # Another process, hours later.
    again = Session(pair.exchange_home, session.plan.session)
    assert ask_folder(again, folder, pair.clock, tell=True)
    assert {item_of(address(number), "BTC") for number in (2, 3)} == again.matched()
    assert answer_folder(hotline, folder) == 1
    assert answer_folder(hotline, folder) == 0
    assert ask_folder(again, folder, pair.clock, tell=True)
    (folder / "to-hotline" / "x-open-00000.msg").write_bytes(b"something else")
    said: list[str] = []
    assert answer_folder(hotline, folder, said.append) == 0
    assert "no message of a known partner" in said[0]


def test_the_same_message_gets_the_same_answer(pair: Pair) -> None:
    hotline = pair.hotline([1, 2])
    session = pair.begin(pair.file([1, 2, 3]), 2)
    replies = []
    for message in session.messages():
        data = session.sign(message)
        replies.append((data, hotline.handle(data)))
        session.take(replies[-1][1], message, START)
    for data, reply in replies:
        assert hotline.handle(data) == reply


def test_not_every_piece_answered_is_never_nothing_found(pair: Pair) -> None:
    hotline = pair.hotline([1])
    session = pair.begin(pair.file([1, 2, 3]), 1)
    messages = session.messages()
    for _ in range(2):
        message = next(messages)
        session.take(hotline.handle(session.sign(message)), message, START)
    with pytest.raises(UsageError, match="not every piece was answered yet"):
        session.matched()


def test_rows_that_cannot_be_read_are_reported_by_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    ethereum = "0x" + "12" * 20
    file.write_text(
        "address,customer\n"
        f"{address(1)},one\n"
        "=HYPERLINK(1),two\n"
        f"{ethereum},three\n"
        "\n"
        f"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4,four\n"
    )
    faults = [(row.line, row.fault) for row in rows_of(file) if row.fault]
    assert faults[0][0] == 2
    assert "name the chain" in faults[0][1]  # BTC and BCH share this form
    assert (3, "is no address that is known") in faults
    assert [row.customer for row in rows_of(file) if not row.fault][-1] == "four"
    headless = tmp_path / "headless.csv"
    headless.write_text(f"{address(1)}\n")
    with pytest.raises(UsageError, match="no column address"):
        list(rows_of(headless))
    lines = tmp_path / "rows.jsonl"
    lines.write_text(f'{{"chain":"BTC","address":"{address(1)}","customer":"one"}}\n[]\n{{\n')
    assert [bool(row.fault) for row in rows_of(lines)] == [False, True, True]


def test_files_as_spreadsheets_and_databases_write_them(tmp_path: Path) -> None:
    """A byte order mark in front, customers that are numbers."""
    file = tmp_path / "rows.csv"
    file.write_bytes(f"\ufeffchain,address,customer\r\nBTC,{address(1)},one\r\n".encode())
    lines = tmp_path / "rows.jsonl"
    row = f'{{"chain":"BTC","address":"{address(1)}","customer":{10**40}}}\n'
    lines.write_bytes(f"\ufeff{row}".encode())
    assert [(one.customer, one.fault) for one in rows_of(file)] == [("one", "")]
    assert [(one.customer, one.fault) for one in rows_of(lines)] == [(str(10**40), "")]


def test_a_file_without_a_row_that_can_be_read_says_why(pair: Pair, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"chain,address\nbitcoin,{address(1)}\n")
    with pytest.raises(UsageError, match="line 2: is no address of bitcoin"):
        begin(pair.exchange_home, "hotline", file, snapshot="", now=START)


def test_the_journal_shows_what_was_changed(pair: Pair) -> None:
    pair.run(pair.hotline([1]), pair.begin(pair.file([1, 2])))
    journal = Journal(pair.hotline_home / "journal.jsonl")
    events = [event["event"] for event in journal.read()]
    assert events == ["opened", "answered", "done"]
    lines = journal.file.read_text().splitlines(keepends=True)
    for changed in ([lines[0], lines[2]], [lines[1], lines[0], lines[2]], lines[1:]):
        journal.file.write_text("".join(changed))
        with pytest.raises(DataError, match="does not follow"):
            list(journal.read())
    journal.file.write_text(lines[0] + lines[1].replace('"new":2', '"new":0') + lines[2])
    with pytest.raises(DataError, match="line 3"):
        list(journal.read())
    # A line that a crash cut short did not happen; the next one stands in its place.
    journal.file.write_text("".join(lines[:2]) + lines[2][:20])
    journal.write("2026-01-02T00:00:00+00:00", "opened")
    assert [event["seq"] for event in journal.read()] == [1, 2, 3]


def test_keys_are_the_owners_alone(tmp_path: Path) -> None:
    made = make_identity(tmp_path)
    assert read_identity(tmp_path) == made
    assert repr(made).count(made.secret.hex()) == 0
    assert (tmp_path / "identity.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="has an identity already"):
        make_identity(tmp_path)
    (tmp_path / "identity.key").chmod(0o644)
    with pytest.raises(DataError, match="others may read it"):
        read_identity(tmp_path)
    with pytest.raises(UsageError, match="has no identity"):
        read_identity(tmp_path / "nowhere")


def test_partners_are_checked(tmp_path: Path) -> None:
    key = Identity(bytes(32), bytes(32)).public
    put_partner(tmp_path, Partner("one", key))
    put_partner(tmp_path, Partner("one", key, most_items=5))
    assert read_partners(tmp_path)["one"].most_items == 5
    for wrong in (Partner("two", key), Partner("", "0" * 64), Partner("x", "zz")):
        with pytest.raises(UsageError):
            put_partner(tmp_path, wrong)
    with pytest.raises(UsageError, match="from 1"):
        put_partner(tmp_path, Partner("one", key, most_new=0))
    (tmp_path / "partners.json").write_text(json.dumps([{"name": "x"}]))
    with pytest.raises(DataError, match="no table of partners"):
        read_partners(tmp_path)
