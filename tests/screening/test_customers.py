"""Roles of customers, review by two people, judging again from the index."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import clewline
from tests.screening.made_up import HEADER, evm, listed, p2pkh

from clewline.errors import DataError, StoreDamagedError, UsageError
from clewline.journal import Journal
from clewline.screening import index as index_module
from clewline.screening.customers import ALTERNATIVES, Finding, Role, RollUp
from clewline.screening.index import TransferIndex, rescreen
from clewline.screening.review import CONFIRMED, FALSE_POSITIVE, REASONS, Reviews, State
from clewline.screening.running import Question, Screener, screened_batches
from clewline.screening.watchlist import FOREVER, Watchlist, read_list

SITE, PAGE, OWN = p2pkh("site"), p2pkh("page"), p2pkh("own deposit address")
NOW = "2024-01-01T00:00:00Z"
COLUMNS = "id,customer,address,own_address,chain,direction,value,time\n"
PAGE_SAYS = "docs/SCREENING.md"


def rolled(watchlist: Watchlist, rows: str) -> list[Finding]:
    screener = Screener(watchlist, Question())
    gathered = RollUp(screener)
    source = io.BytesIO((COLUMNS + rows).encode())
    for _screened in screened_batches(screener, source, "rows", take=gathered.add):
        pass
    return list(gathered.findings())


@pytest.fixture
def watchlist(tmp_path: Path) -> Watchlist:
    said = "Site 1 (made up),child_sexual_abuse,made-up hotline,70"
    lines = [HEADER, f"{SITE},{said},control,BTC,,,", f"{OWN},{said},control,BTC,,2023-01-31,"]
    lines.append(f"{PAGE},Page 2 (made up),child_sexual_abuse,made-up hotline,70,mention,BTC,,,")
    path = tmp_path / "hotline.csv"
    path.write_text("\n".join(lines) + "\n")
    return Watchlist(read_list(path))


def test_roles(watchlist: Watchlist) -> None:
    huge = "9" * 30
    found = rolled(
        watchlist,
        f"1,buyer,{SITE},,BTC,out,0.001,2023-05-01\n2,buyer,{SITE},,BTC,out,0.002,2023-05-03\n"
        f"3,buyer,{SITE},,BTC,in,0.001,2023-05-04\n"
        f"4,operator,{SITE},,BTC,in,{huge},2023-05-04\n"
        f"5,reader,{PAGE},,BTC,out,1,2023-05-04\n"
        f"6,seller,{evm('x')},{OWN},BTC,in,1,2023-01-15\n"
        f"7,next holder,{p2pkh('y')},{OWN},BTC,in,1,2023-02-15\n"
        f"8,nobody,{p2pkh('z')},,BTC,out,1,2023-05-04\n",
    )
    said = [(one.customer, one.role.value, one.level, one.purchases) for one in found]
    assert said == [
        ("buyer", "paid", "hit", 2),
        ("buyer", "was paid", "hit", 0),
        ("operator", "cash-out", "hit", 0),
        ("reader", "paid", "lead", 0),
        ("seller", "merchant", "hit", 0),
    ]
    assert found[0].sums == {"BTC": "0.003"}
    assert found[2].sums == {"BTC": huge}
    assert (found[0].first, found[0].last) == (1682899200, 1683072000)
    assert found[0].ids == ("1", "2")


def test_amounts_of_different_assets_are_never_added(tmp_path: Path) -> None:
    """A token and its chain's coin; two coins of EVM chains, which share their accounts."""
    listing = listed(tmp_path, evm("site"))
    columns, assets = COLUMNS.replace("chain", "network"), ("USDT", "eth", "BNB", "usdt")
    for header in (columns.replace("time", "asset"), COLUMNS.replace("time", "asset")):
        source = io.BytesIO(
            header.encode()
            + b"".join(f"1,c,{evm('site')},,,out,1,{one}\n".encode() for one in assets)
        )
        gathered = RollUp(Screener(listing, Question()))
        for _screened, faults in screened_batches(
            Screener(listing, Question()), source, "rows", take=gathered.add
        ):
            assert not faults
        (found,) = gathered.findings()
        assert found.sums == {"BNB": "1", "ETH": "1", "USDT": "2"}


def test_every_role_says_what_else_it_may_be() -> None:
    page = (Path(__file__).parents[2] / PAGE_SAYS).read_text("utf-8")
    assert set(ALTERNATIVES) == set(Role)
    for role in Role:
        assert f"| `{role.value}` | {role.meaning} |" in page
    for reason in REASONS:
        assert f"`{reason}`" in page


def test_two_people_decide_and_a_false_positive_is_counted(
    watchlist: Watchlist, tmp_path: Path
) -> None:
    found = rolled(watchlist, f"1,a,{SITE},,BTC,out,1,\n2,b,{SITE},,BTC,out,1,\n")
    journal = Journal(tmp_path / "decisions")
    reviews = Reviews(journal)
    first, second = found[0].item, found[1].item
    assert reviews.decide(first, "Ann", FALSE_POSITIVE, "reassigned", at=NOW) is State.ONE_REVIEW
    with pytest.raises(UsageError, match="other pair of eyes"):
        reviews.decide(first, " ann ", FALSE_POSITIVE, "reassigned", at=NOW)
    assert reviews.decide(first, "Bob", CONFIRMED, "seen in the books", at=NOW) is State.DISPUTED
    assert len(reviews.queue(found)[0]) == 2
    reviews.decide(first, "Cleo", FALSE_POSITIVE, "refund", at=NOW)
    reviews.decide(second, "Ann", CONFIRMED, "books", at=NOW)
    reviews.decide(second, "Bob", CONFIRMED, "books", at=NOW)
    again = Reviews(journal)
    waiting, suppressed = again.queue(found)
    assert (waiting, suppressed) == ([], {"reassigned": 1})
    with pytest.raises(UsageError, match="two people"):
        again.decide(first, "Dora", CONFIRMED, "books", at=NOW)
    # The same customer and entity, but the label says more: another finding.
    changed = listed(tmp_path, f"{SITE},BTC,2020-01-01")
    fresh = rolled(changed, f"1,a,{SITE},,BTC,out,1,\n")
    assert [one["state"] for one in again.queue(fresh)[0]] == ["new"]
    lines = journal.file.read_text().splitlines()
    journal.file.write_text("\n".join([lines[0].replace("Ann", "Eve"), *lines[1:]]) + "\n")
    with pytest.raises(DataError):
        Reviews(journal)


@pytest.mark.parametrize(
    ("decision", "reason", "problem"),
    [
        ("maybe", "x", "no decision"),
        (FALSE_POSITIVE, "because", "no reason"),
        (CONFIRMED, " ", "needs a reviewer and a reason"),
    ],
)
def test_decisions_need_known_words(
    tmp_path: Path, decision: str, reason: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        Reviews(Journal(tmp_path / "j")).decide("item", "Ann", decision, reason, at=NOW)
    assert not (tmp_path / "j").exists()


def test_a_new_list_judges_past_transfers_from_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(
        f"{k},c{k % 7},{SITE if k % 50 == 0 else p2pkh(str(k))},,BTC,out,{k},2023-05-01\n"
        for k in range(400)
    )
    past = tmp_path / "past.csv"
    past.write_text(COLUMNS + rows + "broken\n")
    monkeypatch.setattr(index_module, "read_rows", index_module.read_rows)
    monkeypatch.setattr("clewline.screening.rows.CHUNK_BYTES", 4000)
    index = TransferIndex(tmp_path / "index")
    added = index.add(past, Question())
    assert (added.rows, added.faults, added.known) == (400, 1, False)
    assert index.add(past, Question()).known
    past.unlink()  # not read again
    index = TransferIndex(tmp_path / "index")

    def judge(*on_list: str) -> list[Any]:
        alerts, judged = rescreen(index, Screener(listed(tmp_path, *on_list), Question()))
        index.keep(judged)
        return alerts

    assert judge(p2pkh("other")) == []
    new = judge(f"{SITE},BTC")
    assert {one["alert"] for one in new} == {"new"}
    assert sorted(int(one["id"]) for one in new) == list(range(0, 400, 50))
    assert {one["value"] for one in new} == {str(k) for k in range(0, 400, 50)}
    assert judge(f"{SITE},BTC") == []
    changed = judge(f"{SITE},BTC,2020-01-01")
    assert [one["alert"] for one in changed] == ["changed"] * 8
    reassigned = judge(f"{SITE},BTC,2020-01-01,2021-01-01")
    assert [one["alert"] for one in reassigned] == ["withdrawn"] * 8
    judge(f"{SITE},BTC")
    assert [one["alert"] for one in judge(p2pkh("other"))] == ["withdrawn"] * 8
    (tmp_path / "index" / "index.json").write_text("{}")
    with pytest.raises(StoreDamagedError):
        TransferIndex(tmp_path / "index")


def test_commands(tmp_path: Path) -> None:
    rows, hotline = tmp_path / "rows.csv", tmp_path / "hotline.csv"
    rows.write_text(f"{COLUMNS}1,a,{SITE},,BTC,out,1,2023-05-01\n")
    listed(tmp_path, f"{SITE},BTC")
    ledger, queue = tmp_path / "decisions", tmp_path / "queue"
    arguments = ("screen", "customers", rows, "--list", hotline, "--ledger", ledger)
    ran = clewline(*arguments, "--queue", queue)
    assert ran.code == 3
    (item,) = [json.loads(line) for line in queue.read_text().splitlines()]
    assert (item["customer"], item["state"]) == ("a", "new")
    for name in ("Ann", "Bob"):
        words = ("--reviewer", name, "--decision", FALSE_POSITIVE, "--reason", "refund")
        assert clewline("screen", "decide", item["item"], "--ledger", ledger, *words).code == 0
    ran = clewline(*arguments)
    assert (ran.code, ran.out) == (0, "")
    assert "{'refund': 1}" in ran.err
    past = ("--index", tmp_path / "index")
    rows.write_text(rows.read_text() + "broken\n")
    ran = clewline("screen", "index", "add", rows, *past)
    assert ran.code == 0
    assert "rows.csv:3: 1 cells where the header has" in ran.err
    assert "1 transfers added, 1 lines left out" in ran.err
    assert clewline("screen", "rescreen", *past, "--list", hotline).code == 3
    assert clewline("screen", "rescreen", *past, "--list", hotline).code == 0
    hotline.write_text(HEADER + "\n")
    gone = clewline("screen", "rescreen", *past, "--list", hotline)
    assert json.loads(gone.out)["alert"] == "withdrawn"


def test_a_shared_list_is_read_as_it_is(tmp_path: Path) -> None:
    item = {
        **{"address": SITE, "chain": "BTC", "category": "child_sexual_abuse", "confidence": "70"},
        **{"brand_codename": "QUIET HERON", "standing": "control", "state": "new"},
        **{"valid_from": "2023-03-01T00:00:00Z", "valid_until": None},
    }
    path = tmp_path / "shared.json"
    gone = {**item, "address": PAGE, "state": "withdrawn"}
    path.write_text(json.dumps({"id": "x", "items": [item, gone]}))
    (entry,) = read_list(path)
    assert (entry.claim.entity, entry.claim.type) == ("QUIET HERON", "control")
    assert (entry.since, entry.until) == (1677628800, FOREVER)
