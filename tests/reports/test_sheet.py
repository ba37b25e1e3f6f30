import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from clewline.reports.case import Pack
from clewline.reports.sheet import COLUMNS, harmless, row_of, sheet, visible

STARTS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001


def read(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_round_trip_keeps_every_honest_value(made):
    run = made.run_info()
    movements = tuple(made.movement(n, steps=1 + n) for n in range(12))
    rows = read(sheet(run, Pack("Exchange A", "exchange-a", movements, ("exchange",))))
    assert list(rows[0]) == [column.name for column in COLUMNS]
    for row, movement in zip(rows, movements, strict=True):
        assert row["direction"] == movement.direction
        assert row["address"] == movement.address
        assert row["outpoint"] == f"{row['txid']}:{row['vout']}" == movement.outpoint
        assert int(row["value_sat"]) == movement.value
        assert int(row["traced_sat"]) == movement.traced
        assert int(row["value_btc"].replace(".", "")) == movement.value
        assert row["path"].split(" > ") == [f"{s.txid}:{s.vout}" for s in movement.path]
        assert row["tip_hash"] == run.tip.hash
        assert all(not row[column.name] for column in COLUMNS if column.answer)


def test_time_is_iso_8601_utc(made):
    assert row_of(made.run_info(), made.movement(0, steps=1))["time_utc"] == "2024-01-01T00:00:00Z"


def test_a_script_without_address_is_shown_as_hex(made):
    one = made.movement(0, address=None, script="51")
    row = row_of(made.run_info(), one)
    assert (row["address"], row["script"]) == ("", "51")


def test_columns_are_explained_and_different():
    assert all(column.help for column in COLUMNS)
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    # Answers come last, so that the sheet can be widened.
    flags = [column.answer for column in COLUMNS]
    assert flags == sorted(flags)


@given(st.text())
def test_no_cell_begins_like_a_formula(text):
    cell = harmless(visible(text))
    assert not cell.lstrip(" ").startswith(tuple(STARTS))
    assert cell.isprintable()


@given(st.sampled_from(STARTS), st.text(st.characters(categories=["L", "N"])))
def test_formulas_are_marked_and_kept_readable(start, rest):
    assert harmless(start + rest) == "'" + start + rest


def test_hostile_label_text_cannot_reach_a_formula(made, case):
    for row in read(sheet(case.run, Pack("x", "x", tuple(case.movements), ()))):
        assert not any(cell.startswith(tuple(STARTS)) for cell in row.values())
    (marked,) = [m for m in case.movements if m.basis.confidence_words.startswith("@")]
    assert row_of(case.run, marked)["confidence_words"] == "'@SUM(1)"
