"""A year's figures of the play data on the page, against a count by hand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.figures.test_hand_count import by_hand

from clewline.desk.accounts.models import User
from clewline.desk.play import fill

_BESIDE = """section => {
    const box = element => element.getBoundingClientRect();
    const months = [...section.querySelectorAll("thead th")].slice(2).map(box);
    const bars = [...section.querySelectorAll(".bars span")].map(box);
    const over = (bar, month) => bar.left >= month.left && bar.right <= month.right;
    return bars.filter((bar, at) => !over(bar, months[at])).length;
}"""
"""How many bars do not stand over their month."""


def test_a_year_on_the_page_is_the_count_by_hand(live_desk: LiveDesk, play_case: Path) -> None:
    fill(play_case)
    rows = by_hand(play_case)
    months = [sum(row["seen"].month == month for row in rows) for month in range(1, 13)]
    pages = [
        len({row["page"] for row in rows if row["seen"].month == month}) for month in range(1, 13)
    ]
    lead = User.objects.get(username="made-up-approver")
    with live_desk.signed_in(lead) as window:
        window.goto("/figures/?year=2021")
        assert_accessible(window)
        told = {}
        for name in ("sightings", "pages"):
            section = window.locator(f"section[aria-labelledby=m-{name}]")
            cells = section.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
            told[name] = [0 if cell == "\N{EN DASH}" else int(cell) for cell in cells]
            # The bars say what the table says.
            bars = section.locator(".bars span").evaluate_all(
                "bars => bars.map(bar => parseInt(bar.className.slice(5)))"
            )
            assert len(bars) == 12
            assert section.evaluate(_BESIDE) == 0
            highest = max(told[name][1:])
            assert bars == [-(-20 * n // highest) for n in told[name][1:]]
        assert told["sightings"] == [len(rows), *months] == [143, *months]
        assert told["pages"] == [48, *pages]
        removal = window.locator("section[aria-labelledby=m-removal]")
        # Every eighth page of 48 was removed, n hours after it was reported.
        assert removal.get_by_role("row", name="median (hours) 28.0").count() == 1
        with window.expect_download() as download:
            window.get_by_role("link", name="Download CSV").click()
        written = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    known = {(one["measure"], one["period"], one["group"]): one for one in written}
    assert known["sightings", "2021", "all"]["value"] == "143"
    # Of so few pages the file tells no quartile; the page, which stays in the house, does.
    assert known["removal", "2021", "median (hours)"]["value"] == "withheld"
    for month, count in enumerate(months, 1):
        one = known["sightings", f"2021-{month:02}", "all"]
        assert one["value"] in (str(count), "withheld")
        assert (one["value"] == "withheld") <= (count < 2 * int(one["withheld_below"]))
        assert one["unit"] == "sighting"
        assert one["definition"].startswith("What one page said at one time")
