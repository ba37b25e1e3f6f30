"""Exposure of a store: an index that grew is one built anew, and look-ups agree with traces."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.builders import COIN, Branch, p2pkh, spend, write_blocks
from tests.cli.records import Records
from tests.sources.esplora_stand_in import address as shown
from tests.workspace.against_traces import hold_against_traces, standing

from clewline.errors import (
    StorageError,
    StoreDamagedError,
    StoreLockedError,
    StoreVersionError,
    UsageError,
)
from clewline.play import PlaySummary, make_play
from clewline.store.directory import take_lock
from clewline.workspace import Workspace, check_store, import_blocks, import_labels
from clewline.workspace.exposure import NOT_CHECKED, in_satoshi
from clewline.workspace.exposure_index import EXPOSURE

HEADER = "address,entity,category,source,confidence,cluster\n"


@pytest.fixture
def head(records: Records, tmp_path: Path) -> Path:
    """A blocks directory that ends twenty blocks before the tip."""
    return Records(records.key, records.blocks[:-20]).write(tmp_path / "head")


@pytest.fixture(scope="module")
def labelled(
    made: PlaySummary, plain_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The whole chain with labels and an index. Read only."""
    store = Path(shutil.copytree(plain_store, tmp_path_factory.mktemp("exposure") / "store"))
    import_labels(store, [made.labels], recorded=0)
    Workspace.open(store).build_exposure()
    return store


@pytest.fixture
def own(labelled: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return Path(shutil.copytree(labelled, tmp_path / "own"))


def index_of(store: Path) -> Path:
    (manifest,) = (store / EXPOSURE).glob("*/manifest.json")
    return manifest.parent


def files_of(store: Path) -> dict[str, bytes]:
    """The published files of a store's only index, by direction and name."""
    index = index_of(store)
    sides = json.loads((index / "manifest.json").read_text())["sides"]
    return {
        f"{direction}/{path.name}": path.read_bytes()
        for direction, side in sides.items()
        for path in sorted((index / side["directory"]).iterdir())
    }


def addresses_of(store: Path) -> list[str]:
    rows = Workspace.open(store).all_transactions()
    return sorted({o["address"] for row in rows for o in row["outputs"] if o["address"]})


def answers(store: Path) -> list[dict[str, Any]]:
    workspace = Workspace.open(store)
    return [workspace.exposure(address) for address in addresses_of(store)]


def test_values_add_up_to_what_was_received(labelled: Path) -> None:
    workspace = Workspace.open(labelled)
    for address in addresses_of(labelled):
        summary, answer = workspace.address(address), workspace.exposure(address)
        assert summary["exposure"] == answer["exposure"]
        height = summary["height"]
        assert summary["exposure_checked"]["to"] == f"up to block {height}"
        for direction, side in standing(answer).items():
            rows = [row for row in answer["exposure"] if row["direction"] == direction]
            assert sum(row["value"] for row in rows) == side["received"] == summary["received"]
            assert side["not_checked"] == 0
            assert side["state"] == "current"
            assert [row["value"] for row in rows] == sorted(
                (r["value"] for r in rows), reverse=True
            )
            for row in rows:
                if row["service"]:
                    assert row["direct"] >= 0
                    assert row["direct"] + row["indirect"] == row["value"]
            if direction == "from":
                assert sum(row["balance"] for row in rows) == summary["balance"]


def test_a_look_up_agrees_with_the_haircut_trace(labelled: Path) -> None:
    compared, met = hold_against_traces(Workspace.open(labelled), addresses_of(labelled))
    assert compared > 100
    assert met > 20


def test_an_index_that_grows_is_the_one_built_anew(
    made: PlaySummary, head: Path, labelled: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    import_blocks(store, head)
    import_labels(store, [made.labels], recorded=0)
    Workspace.open(store).build_exposure()
    import_blocks(store, made.blocks)
    first = {row["direction"]: row for row in Workspace.open(store).build_exposure()["directions"]}
    assert first["from"]["done"] == "extended"
    assert 0 < first["from"]["computed"] < made.transactions
    assert first["to"]["computed"] == made.transactions
    assert files_of(store) == files_of(labelled)
    assert answers(store) == answers(labelled)
    again = Workspace.open(store).build_exposure()["directions"]
    assert {row["done"] for row in again} == {"up to date"}
    assert not check_store(store).wrong
    assert len(list(index_of(store).iterdir())) == 3


def test_an_address_that_joins_a_service_later_counts_as_its_from_the_start(
    tmp_path: Path,
) -> None:
    """Inherited labels follow the clusters of the tip; what was paid before is computed again."""
    own, named, payee = p2pkh(501), p2pkh(502), p2pkh(503)
    branch = Branch()
    coins = [
        branch.add(reward=[(50 * COIN, script)]).transactions[0] for script in (own, own, named)
    ]
    branch.add(spend((coins[0], 0), to=[(50 * COIN, payee)]))
    store = _imported(tmp_path / "store", write_blocks(tmp_path / "before", branch.raw))
    table = tmp_path / "labels.csv"
    table.write_text(HEADER + f"{shown(named)},E,exchange,made up,90,yes\n")
    import_labels(store, [table], recorded=0)
    Workspace.open(store).build_exposure()
    before = Workspace.open(store).exposure(shown(payee) or "")
    assert [row["part"] for row in before["exposure"]] == ["mined", "unspent"]

    branch.add(spend((coins[1], 0), (coins[2], 0), to=[(100 * COIN, p2pkh(504))]))
    blocks = write_blocks(tmp_path / "after", branch.raw)
    import_blocks(store, blocks)
    built = Workspace.open(store).build_exposure()["directions"]
    assert (built[0]["done"], built[0]["computed"]) == ("extended", 3)
    after = Workspace.open(store).exposure(shown(payee) or "")
    assert [(row["part"], row["direct"]) for row in after["exposure"]] == [
        ("exchange", 50 * COIN),
        ("unspent", None),
    ]
    direct = _imported(tmp_path / "direct", blocks)
    import_labels(direct, [table], recorded=0)
    Workspace.open(direct).build_exposure()
    assert files_of(store) == files_of(direct)


def _imported(store: Path, blocks: Path) -> Path:
    import_blocks(store, blocks)
    return store


def test_after_a_reorganisation_it_is_cut_and_extended(
    made: PlaySummary, head: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_play(tmp_path_factory.mktemp("other") / "case", 600, seed=3)
    store = _imported(tmp_path / "store", head)
    import_labels(store, [made.labels, other.labels], recorded=0)
    reader = Workspace.open(store)
    reader.build_exposure()
    address = addresses_of(store)[3]
    kept = reader.exposure(address)
    import_blocks(store, other.blocks)
    workspace = Workspace.open(store)
    gone = addresses_of(store)[3]
    answer = workspace.exposure(gone)
    assert {row["state"] for row in answer["directions"]} == {NOT_CHECKED}
    assert "no longer of the chain" in answer["directions"][0]["why"]
    assert "exposure_checked" not in workspace.address(gone)
    assert {row["state"] for row in workspace.exposure_indexes()} == {"reorganised"}
    built = workspace.build_exposure()["directions"]
    assert built[0]["done"] == "extended"  # the genesis block is of both
    direct = _imported(tmp_path / "direct", other.blocks)
    import_labels(direct, [made.labels, other.labels], recorded=0)
    Workspace.open(direct).build_exposure()
    assert files_of(store) == files_of(direct)
    assert reader.exposure(address) == kept


def test_an_index_behind_says_what_it_did_not_see(
    made: PlaySummary, head: Path, tmp_path: Path
) -> None:
    store = _imported(tmp_path / "store", head)
    import_labels(store, [made.labels], recorded=0)
    old = Workspace.open(store)
    old.build_exposure()
    height = old.info()["height"]
    asked = addresses_of(store)
    then = {address: old.exposure(address) for address in asked}
    import_blocks(store, made.blocks)
    workspace = Workspace.open(store)
    workspace.build_exposure(["from"])
    missed = 0
    for address in asked:
        side = standing(workspace.exposure(address))
        assert (side["from"]["state"], side["to"]["state"]) == ("current", "behind")
        assert side["to"]["height"] == height
        assert side["to"]["received"] == standing(then[address])["to"]["received"]
        assert side["to"]["received"] + side["to"]["not_checked"] == side["from"]["received"]
        missed += side["to"]["not_checked"]
        rows = [r for r in workspace.exposure(address)["exposure"] if r["direction"] == "to"]
        assert rows == [r for r in then[address]["exposure"] if r["direction"] == "to"]
    assert missed > 0


def test_label_sets_are_never_mixed(own: Path, tmp_path: Path) -> None:
    """Each selection has an index of its own, and a set that changes has none."""
    address = addresses_of(own)[5]
    (tmp_path / "more.csv").write_text(HEADER + f"{address},E,market,made up,90,no\n")
    import_labels(own, [tmp_path / "more.csv"], "more", recorded=0)
    for chosen in (None, ["more"]):
        answer = Workspace.open(own, chosen).exposure(address)
        assert {row["state"] for row in answer["directions"]} == {NOT_CHECKED}
    first = Workspace.open(own, ["public"]).exposure(address)
    Workspace.open(own, ["more"]).build_exposure()
    assert Workspace.open(own, ["public"]).exposure(address) == first
    alone = Workspace.open(own, ["more"]).exposure(address)
    assert alone["directions"][0]["categories"] == ["market"]
    assert alone["directions"][0]["held_by"] == "market"
    assert {row["state"] for row in Workspace.open(own).exposure_indexes()} == {"current"}
    (tmp_path / "again.csv").write_text(HEADER + f"{address},F,market,made up,50,no\n")
    import_labels(own, [tmp_path / "again.csv"], "more", recorded=0)
    rows = Workspace.open(own).exposure_indexes()
    assert sorted(row["state"] for row in rows) == ["current", "current", "outdated", "outdated"]
    (name,) = {row["index"] for row in rows if row["state"] == "outdated"}
    Workspace.open(own).remove_exposure(name)
    assert len(Workspace.open(own).exposure_indexes()) == 2
    with pytest.raises(UsageError, match="no exposure index is called"):
        Workspace.open(own).remove_exposure(name)


def test_an_address_that_nothing_pays_to_met_nothing(labelled: Path) -> None:
    answer = Workspace.open(labelled).exposure("bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202")
    assert answer["exposure"] == []
    assert {row["received"] for row in answer["directions"]} == {0}
    assert {row["state"] for row in answer["directions"]} == {"current"}


def test_without_an_index_nothing_was_checked(plain_store: Path) -> None:
    workspace = Workspace.open(plain_store)
    address = addresses_of(plain_store)[0]
    answer = workspace.exposure(address)
    assert "there is no index" in answer["directions"][0]["why"]
    shown = workspace.address(address)
    assert "exposure_checked" not in shown
    assert "exposure" not in shown
    with pytest.raises(UsageError, match="no label set"):
        workspace.build_exposure()
    with pytest.raises(UsageError, match="'sideways' is none of: from, to"):
        workspace.build_exposure(["sideways"])


@pytest.mark.parametrize("stage", ["passes", "publishing"])
def test_a_build_that_is_given_up_leaves_what_there_was(
    made: PlaySummary, head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    store = _imported(tmp_path / "store", head)
    import_labels(store, [made.labels], recorded=0)
    Workspace.open(store).build_exposure()
    import_blocks(store, made.blocks)
    names = sorted(path.name for path in index_of(store).iterdir())
    manifest = (index_of(store) / "manifest.json").read_bytes()

    def give_up(*_given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if stage == "publishing":
            patch.setattr("clewline.workspace.exposure_building.write_exposure_manifest", give_up)
        Workspace.open(store).build_exposure(
            progress=give_up if stage == "passes" else lambda *_given: None
        )
    assert sorted(path.name for path in index_of(store).iterdir()) == names
    assert (index_of(store) / "manifest.json").read_bytes() == manifest
    behind = Workspace.open(store).exposure(addresses_of(store)[0])
    assert {row["state"] for row in behind["directions"]} == {"behind"}
    assert not check_store(store).wrong
    Workspace.open(store).build_exposure()
    direct = _imported(tmp_path / "direct", made.blocks)
    import_labels(direct, [made.labels], recorded=0)
    Workspace.open(direct).build_exposure()
    assert files_of(store) == files_of(direct)


def test_a_full_disk_is_told(own: Path) -> None:
    shutil.rmtree(own / EXPOSURE)
    workspace = Workspace.open(own)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            workspace.build_exposure()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    address = addresses_of(own)[0]
    assert {row["state"] for row in workspace.exposure(address)["directions"]} == {NOT_CHECKED}
    assert workspace.build_exposure()["directions"][0]["done"] == "built"


def test_one_builder_at_a_time(own: Path) -> None:
    with take_lock(own / EXPOSURE), pytest.raises(StoreLockedError):
        Workspace.open(own).build_exposure()


def test_a_changed_byte_is_found(own: Path) -> None:
    path = index_of(own) / "to.0" / "category.exchange"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (wrong,) = check_store(own).wrong
    assert "category.exchange" in wrong


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda m: m.pop("sides"), StoreDamagedError, "not a complete manifest"),
        (lambda m: m.update(version=2), StoreVersionError, "format version 2"),
        (lambda m: m.update(label_sets=[]), StoreDamagedError, "not the manifest of this index"),
        (lambda m: m["sides"]["to"].update(directory="../to.0"), StoreDamagedError, "not the"),
        (lambda m: m["sides"]["to"].update(categories=["../x"]), StoreDamagedError, "not the"),
        (lambda m: m["sides"]["to"]["counts"].update(tx=-1), StoreDamagedError, "not the"),
        (lambda m: m["sides"]["to"]["counts"].update(tx=10**9), StoreDamagedError, "bytes long"),
        (lambda m: m["sides"]["to"].update(more=1), StoreDamagedError, "not a complete manifest"),
    ],
)
def test_a_broken_manifest_is_told(own: Path, change: Any, error: Any, said: str) -> None:
    path = index_of(own) / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(error, match=said):
        Workspace.open(own).exposure(addresses_of(own)[0])
    path.write_text("{")
    with pytest.raises(StoreDamagedError, match="cannot be read"):
        Workspace.open(own).exposure(addresses_of(own)[0])


def test_a_missing_column_is_told(own: Path) -> None:
    (index_of(own) / "from.0" / "rest.mined").unlink()
    with pytest.raises(StoreDamagedError, match=r"rest\.mined"):
        Workspace.open(own).exposure(addresses_of(own)[0])
    assert any("rest.mined" in wrong for wrong in check_store(own).wrong)


@pytest.mark.parametrize(
    ("amounts", "total", "expected"),
    [
        ([0.5, 0.5], 1, [1, 0]),
        ([2.0, 1.0], 3, [2, 1]),
        ([1 / 3, 1 / 3, 1 / 3], 1, [1, 0, 0]),
        ([0.0, 0.0], 0, [0, 0]),
        ([1e17, 5.0], 10**17 + 3, [10**17 - 2, 5]),
    ],
)
def test_satoshi_add_up(amounts: list[float], total: int, expected: list[int]) -> None:
    assert in_satoshi(amounts, total) == expected
