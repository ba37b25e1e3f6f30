"""What leaves the house: no small count, and nothing from which one could be reckoned."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from clewline.desk.figures.measures import MEASURES, TOTAL
from clewline.desk.figures.sheet import rows
from clewline.desk.figures.suppression import withheld

COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 40), max_size=7)


@given(COUNTS, st.integers(2, 9))
def test_no_small_count_is_told_nor_follows(cells: dict[str, int], threshold: int) -> None:
    line = {TOTAL: sum(cells.values()), **cells}
    hidden = withheld(line, threshold, TOTAL)
    told = {name: count for name, count in line.items() if name not in hidden}
    assert not any(0 < count < threshold for count in told.values())
    parts = hidden - {TOTAL}
    if TOTAL in told and parts:
        # Whoever subtracts learns a sum of at least two, and never one of them.
        left = told[TOTAL] - sum(count for name, count in told.items() if name != TOTAL)
        assert len(parts) >= 2
        assert left >= 2 * threshold
        assert left == sum(cells[name] for name in parts)


def test_each_hidden_cell_may_be_several_numbers() -> None:
    line = {TOTAL: 26, "card": 12, "crypto": 12, "voucher": 1, "bank": 1}
    hidden = withheld(line, 5, TOTAL) - {TOTAL}
    left = line[TOTAL] - sum(count for name, count in line.items() if name and name not in hidden)
    fits = [way for way in product(range(1, left), repeat=len(hidden)) if sum(way) == left]
    assert all(len({way[place] for way in fits}) > 5 for place in range(len(hidden)))


def figures(name: str, values: dict[str, dict[str, float]]) -> list[dict[str, object]]:
    words = next(one for one in MEASURES if one.id == name)
    given = {"id": name, "title": words.title, "unit": words.unit, "common": "."}
    more = {"definition": words.definition, "version": 1, "denominator": words.denominator}
    return [{**given, **more, "values": values}]


def told(found: list[dict[str, object]], threshold: int = 5) -> dict[tuple[str, str, str], str]:
    sheet = rows(found, 2026, threshold, "2026-11-22T00:00:00Z")
    return {(row[0], row[2], row[3]): row[4] for row in sheet}


def test_a_file_has_no_month_by_group() -> None:
    found = told(
        figures("options_by_rail", {"2026": {"": 30, "Card": 30}, "2026-03": {"": 30, "Card": 30}})
    )
    assert found == {
        ("options_by_rail", "2026", "all"): "30",
        ("options_by_rail", "2026", "Card"): "30",
        ("options_by_rail", "2026-03", "all"): "30",
    }


def test_quartiles_of_a_few_are_withheld() -> None:
    values = {"": 9.0, "removed": 2, "median (hours)": 4.0}
    found = told(figures("removal", {"2026": values}))
    assert found["removal", "2026", "median (hours)"] == "withheld"


def test_a_sum_that_is_withheld_elsewhere_is_not_told_by_its_parts() -> None:
    rail = figures("options_by_rail", {"2026": {"": 34, "Card": 30, "Cryptocurrency": 4}})
    asset = figures("options_by_asset", {"2026": {"": 4, "BTC": 4}})
    assert set(told(rail + asset).values()) <= {"34", "withheld"}


def test_no_cell_is_a_formula() -> None:
    values = {"2026": {"": 40, "=1+1": 40}}
    assert ("options_by_asset", "2026", "'=1+1") in told(figures("options_by_asset", values))
