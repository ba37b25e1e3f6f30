import csv
import hashlib
import json

import pytest

from clewline.errors import DataError, UsageError
from clewline.reports.case import check_case
from clewline.reports.request_pack import write_request_packs


@pytest.fixture(scope="module")
def written(case, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "out"
    return out, write_request_packs(out, case.run, case.movements, case.walks)


def content(out):
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def load(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=pytest.fail)


def test_one_directory_an_exchange_and_an_overview(case, made, written):
    out, packs = written
    assert [pack.entity for pack in packs] == sorted({m.entity for m in case.movements})
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [p.directory.name for p in packs] + ["index.html", "summary.json", "manifest.json"]
    )
    assert all(p.parent == out for p in (pack.directory for pack in packs))
    for pack in packs:
        assert sorted(p.name for p in pack.directory.iterdir()) == [
            "request.csv",
            "request.html",
            "request.json",
        ]


def test_same_data_in_any_order_gives_the_same_bytes(case, written, tmp_path):
    shuffled = sorted(case.movements, key=lambda m: m.txid)
    write_request_packs(tmp_path / "again", case.run, shuffled, case.walks[::-1])
    assert content(tmp_path / "again") == content(written[0])


def test_sums_of_sheet_record_and_overview_are_equal(case, written):
    out, packs = written
    summary = load(out / "summary.json")
    for pack, listed in zip(packs, summary["exchanges"], strict=True):
        with pack.csv.open(encoding="utf-8", newline="") as sheet:
            rows = list(csv.DictReader(sheet))
        record = load(pack.json)
        mine = [m for m in case.movements if m.entity == pack.entity]
        assert len(rows) == len(record["movements"]) == len(mine)
        assert pack.deposits + pack.withdrawals == len(mine)
        assert [r["reference"] for r in rows] == [m["reference"] for m in record["movements"]]
        assert [r["outpoint"] for r in rows] == [
            m.outpoint for m in sorted(mine, key=lambda m: (m.time, m.txid, m.vout))
        ]
        assert sum(int(r["value_sat"]) for r in rows) == pack.value == sum(m.value for m in mine)
        assert sum(int(r["traced_sat"]) for r in rows) == pack.traced
        assert record["sums"] == listed["sums"]
        assert sum(s["traced"] for s in record["sums"].values()) == pack.traced
        assert listed["directory"] == pack.directory.name


def test_the_overview_accounts_for_every_satoshi(case, written):
    summary = load(written[0] / "summary.json")
    for walk in summary["walks"]:
        asked = sum(m.traced for m in case.movements if m.direction == walk["direction"])
        assert walk["services_requested"] == asked
        assert walk["services_requested"] + walk["services_elsewhere"] == walk["services"]
        rest = ("services", "unspent", "mined", "coinjoin", "capped", "fees")
        assert sum(walk[key] for key in rest) == walk["total"]


def test_the_manifest_lists_every_file(written):
    out, _ = written
    files = content(out)
    listed = load(out / "manifest.json")["files"]
    assert [f["path"] for f in listed] == sorted(files.keys() - {"manifest.json"})
    for entry in listed:
        data = files[entry["path"]]
        assert entry["bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()


def test_records_are_canonical_and_complete(case, written):
    for path in written[0].rglob("*.json"):
        record = load(path)
        text = path.read_text(encoding="ascii")
        assert text == json.dumps(record, sort_keys=True, indent=2) + "\n"
    record = load(written[1][0].json)
    assert (record["schema"], record["schema_version"]) == ("clewline.request-pack", 1)
    assert record["run"]["tip"]["hash"] == case.run.tip.hash
    assert record["run"]["label_sets"][0]["sha256"] == case.run.label_sets[0].sha256


def test_hostile_names_come_back_from_the_record(made, written):
    names = {load(pack.json)["exchange"]["name"] for pack in written[1]}
    assert set(made.hostile) < names


def test_a_pack_names_no_other_exchange(written):
    for pack in written[1]:
        if pack.entity == "Exchange A":
            continue
        for path in pack.directory.iterdir():
            assert b"Exchange A" not in path.read_bytes()


def test_a_report_without_movements_is_an_overview_of_the_rest(made, tmp_path):
    walks = made.walks_for([])
    assert write_request_packs(tmp_path / "out", made.run_info(), [], walks) == []
    assert sorted(content(tmp_path / "out")) == ["index.html", "manifest.json", "summary.json"]


def test_an_earlier_report_is_replaced_and_nothing_else(case, made, tmp_path):
    out = tmp_path / "out"
    write_request_packs(out, case.run, case.movements, case.walks)
    write_request_packs(out, case.run, [], made.walks_for([]))
    assert sorted(content(out)) == ["index.html", "manifest.json", "summary.json"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        write_request_packs(out, case.run, case.movements, case.walks)


def test_data_that_does_not_agree_writes_nothing(case, tmp_path):
    with pytest.raises(DataError):
        write_request_packs(tmp_path / "out", case.run, case.movements, [])
    assert not list(tmp_path.iterdir())
    check_case(case.run, case.movements, case.walks)


def test_the_date_is_given_or_that_of_the_tip(made, tmp_path):
    one = made.movement(0)
    walks = made.walks_for([one])
    write_request_packs(tmp_path / "tip", made.run_info(), [one], walks)
    write_request_packs(tmp_path / "given", made.run_info(prepared=0), [one], walks)
    assert load(tmp_path / "tip/summary.json")["run"]["prepared"] == "2024-03-09T16:00:00Z"
    assert load(tmp_path / "given/summary.json")["run"]["prepared"] == "1970-01-01T00:00:00Z"
