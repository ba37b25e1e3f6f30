"""A workspace keeps the tip that it was opened at, whatever is published meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.records import Records

from clewline.errors import UsageError
from clewline.play import PlaySummary, make_play
from clewline.workspace import Workspace, import_blocks, import_labels


@pytest.fixture
def head(records: Records, tmp_path: Path) -> Path:
    """A blocks directory that ends twenty blocks before the tip."""
    return Records(records.key, records.blocks[:-20]).write(tmp_path / "head")


def everything(workspace: Workspace) -> list[Any]:
    """Ask a workspace all that it can be asked about whole chains."""
    rows = list(workspace.all_transactions())
    addresses = sorted({o["address"] for row in rows for o in row["outputs"] if o["address"]})
    return [
        workspace.info(),
        rows,
        [workspace.address(address) for address in addresses],
        [workspace.cluster(address) for address in addresses[::7]],
        workspace.largest_clusters(5),
        [workspace.trace("forward", [address]) for address in addresses[::17]],
    ]


def test_import_in_two_steps_gives_the_same_answers(
    made: PlaySummary, head: Path, tmp_path: Path
) -> None:
    import_blocks(tmp_path / "once", made.blocks)
    first = import_blocks(tmp_path / "twice", head)
    second = import_blocks(tmp_path / "twice", made.blocks)
    assert (first.appended, second.appended, second.removed) == (made.height - 19, 20, 0)
    once, twice = (Workspace.open(tmp_path / name) for name in ("once", "twice"))
    assert everything(once) == everything(twice)
    assert once.info()["tip"] == made.tip


def test_a_reader_keeps_its_tip_while_another_is_published(
    made: PlaySummary, head: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    import_blocks(store, head)
    expected = everything(Workspace.open(store))
    seen: list[tuple[str, int]] = []

    def while_importing(stage: str, done: int, total: int) -> None:
        """Open the store in the middle of the import: it still shows the old tip."""
        seen.append((stage, Workspace.open(store).info()["height"]))

    reader = Workspace.open(store)
    import_blocks(store, made.blocks, progress=while_importing)
    assert everything(reader) == expected
    *during, (_stage, after) = seen
    assert {height for _, height in during} == {made.height - 20}
    assert after == made.height
    assert Workspace.open(store).info()["height"] == made.height


def test_a_reader_keeps_its_tip_through_a_reorganisation(
    head: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The longer chain of another case takes over: all but the genesis block is taken back."""
    other = make_play(tmp_path_factory.mktemp("other") / "case", 600, seed=3)
    store = tmp_path / "store"
    height = import_blocks(store, head).manifest.height
    reader = Workspace.open(store)
    expected = everything(Workspace.open(store))
    result = import_blocks(store, other.blocks)
    assert (result.removed, result.manifest.tip) == (height, other.tip)
    assert everything(reader) == expected
    import_blocks(tmp_path / "direct", other.blocks)
    direct, through = (Workspace.open(tmp_path / name) for name in ("direct", "store"))
    assert everything(direct) == everything(through)


def test_labels_wait_for_their_addresses(made: PlaySummary, head: Path, tmp_path: Path) -> None:
    """Labels loaded at an early tip hold for addresses that appear later."""
    store = tmp_path / "store"
    import_blocks(store, head)
    import_labels(store, [made.labels], recorded=0)
    import_blocks(store, made.blocks)
    import_blocks(tmp_path / "other", made.blocks)
    import_labels(tmp_path / "other", [made.labels], recorded=1)
    assert everything(Workspace.open(store)) == everything(Workspace.open(tmp_path / "other"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: w.trace("sideways", ["x"]),
        lambda w: w.trace("forward", ["x"], "lifo"),
        lambda w: w.trace("forward", []),
        lambda w: Workspace(w.store, ["none"]).attribution,
        lambda w: next(w.transactions(["00"])),
        lambda w: w.coinjoin_reason("00"),
    ],
)
def test_wrong_use_is_told_as_such(plain_store: Path, ask: Callable[[Workspace], Any]) -> None:
    with pytest.raises(UsageError):
        ask(Workspace.open(plain_store))
