"""Judging again: alerts are the difference between two full screenings, whatever the lists say."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screening.made_up import evm, p2pkh, screen

from clewline.labels.label import make_claim
from clewline.screening.index import TransferIndex, rescreen
from clewline.screening.rows import NO_TIME
from clewline.screening.running import Question, Screener
from clewline.screening.watchlist import FOREVER, Entry, Watchlist

SUBJECTS = (("ETH", evm("a")), ("BTC", p2pkh("b")))
START = 1_600_000_000
ROWS = "id,address,time,direction\n" + "".join(
    f"{number},{address},{time},{direction}\n"
    for number, (address, time, direction) in enumerate(
        (address, time, direction)
        for address in (evm("a"), evm("a").upper().replace("X", "x"), p2pkh("b"), p2pkh("c"))
        for time, direction in (("", ""), (START, "out"), (START + 50, "in"))
    )
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    claim = make_claim(
        entity=draw(st.sampled_from(("Site 1 (made up)", "Site 2 (made up)"))),
        categories=["csam"],
        source="made up",
        confidence_given=draw(st.sampled_from(("50", "90"))),
        type_given=draw(st.sampled_from(("mention", "control"))),
        cluster=False,
    )
    since = draw(st.sampled_from((NO_TIME, START, START + 1)))
    until = draw(st.sampled_from((START + 49, START + 50, FOREVER)))
    return Entry(*draw(st.sampled_from(SUBJECTS)), claim, "list", since, until)


LISTS = st.lists(st.lists(entries(), max_size=4), min_size=2, max_size=4)


def said(listed: Watchlist) -> dict[tuple[str, str], list[str]]:
    """What a full screening says of each row and entity."""
    lines, _counts, _faults = screen(listed, ROWS, explain=True)
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for hit in line["hits"]:
            found.setdefault((line["id"], hit["entity"]), []).append(str(hit))
    return found


@settings(max_examples=40)
@given(LISTS)
def test_alerts_are_the_difference_between_two_screenings(lists: list[list[Entry]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        rows = Path(directory) / "rows.csv"
        rows.write_text(ROWS)
        index = TransferIndex(Path(directory) / "index")
        index.add(rows, Question())
        before: dict[tuple[str, str], list[str]] = {}
        for listed in map(Watchlist, lists):
            alerts, judged = rescreen(index, Screener(listed, Question()))
            index.keep(judged)
            now = said(listed)
            differ = {key for key in now | before if now.get(key) != before.get(key)}
            told = {(one["id"], one["entity"]): one["alert"] for one in alerts}
            assert differ <= told.keys()
            for key, what in told.items():
                assert (what == "new") == (key not in before)
                assert (what == "withdrawn") == (key not in now)
            before = now
