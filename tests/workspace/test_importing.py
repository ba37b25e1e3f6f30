from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.cli.records import Records, read_records

from clewline.play import make_play
from clewline.store.reader import ChainStore
from clewline.store.schema import columns
from clewline.workspace import Workspace, check_store, import_blocks, importing
from clewline.workspace.importing import clusters_of

SAME = (
    *("spending.spender", "receiving.first", "receiving.next", "receiving.last"),
    *("structure.coinjoin", "structure.cluster"),
)
"""Index columns that do not depend on the key by which a store hashes scripts."""


@pytest.mark.parametrize(("joins", "growth"), [(1 << 18, 1000), (200, 1000), (1 << 18, 1.3)])
def test_clusters_join_or_are_written_out_as_the_chain_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joins: int, growth: float
) -> None:
    monkeypatch.setattr(importing, "_MOST_JOINS", joins)
    monkeypatch.setattr(importing, "_MOST_GROWTH", growth)
    made = make_play(tmp_path / "play", 1500, 4)
    chain = read_records(made.blocks)
    held: list[int] = []
    for end in (*range(-40, 0, 4), None):
        head = Records(chain.key, chain.blocks[:end]).write(tmp_path / f"head{end}")
        import_blocks(tmp_path / "steps", head)
        held.append(ChainStore.open(tmp_path / "steps").manifest.index_counts["join"])
    assert held[0] == 0
    assert max(held) > 0
    assert (held == sorted(held)) == (joins > 200 and growth > 2), "written out again in between"
    assert check_store(tmp_path / "steps").wrong == []
    import_blocks(tmp_path / "once", made.blocks)
    steps, once = (ChainStore.open(tmp_path / name) for name in ("steps", "once"))
    for name in (*SAME, *(name for name, _rows, _column in columns())):
        assert (steps.column(name) == once.column(name)).all(), name
    scripts = range(0, once.manifest.counts["script"], 17)
    for script in scripts:
        expected = clusters_of(once).members(script).tolist()
        assert clusters_of(steps).members(script).tolist() == expected
        assert clusters_of(steps).size(script) == len(expected)


_KILLED = """
    import os, sys
    from pathlib import Path
    from clewline.store.writer import StoreWriter
    from clewline.workspace import import_blocks
    StoreWriter.publish = lambda *_arguments, **_named: os._exit(9)
    import_blocks(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_what_an_import_that_was_cut_off_set_is_not_seen_and_taken_back(tmp_path: Path) -> None:
    """Killed just before it published: entries name what the old tip does not have."""
    made = make_play(tmp_path / "play", 600, 5)
    chain = read_records(made.blocks)
    store = tmp_path / "store"
    head = Records(chain.key, chain.blocks[:-15]).write(tmp_path / "head")
    import_blocks(store, head)
    before = answers(store)

    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), store, made.blocks], check=False
    )
    assert process.returncode == 9
    cut_off = ChainStore.open(store)
    beyond = cut_off.column("spending.spender") >= cut_off.manifest.counts["tx"]
    assert (cut_off.column("spending.spender")[beyond] != 0xFFFFFFFF).any(), "there is something"
    assert (store / "appending").exists()
    assert answers(store) == before
    assert check_store(store).wrong == []
    assert import_blocks(store, head).appended == 0
    assert not (store / "appending").exists()
    assert answers(store) == before
    assert check_store(store).wrong == []
    import_blocks(store, made.blocks)
    import_blocks(tmp_path / "once", made.blocks)
    assert answers(store) == answers(tmp_path / "once")


def answers(store: Path) -> list[Any]:
    """Ask a store for all of its transactions and addresses."""
    workspace = Workspace.open(store)
    rows = list(workspace.all_transactions())
    addresses = sorted({o["address"] for row in rows for o in row["outputs"] if o["address"]})
    return [workspace.info(), rows, [workspace.address(address) for address in addresses]]
