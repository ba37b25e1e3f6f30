"""The extra `tables`: commands of Parquet and SQL, and what they say without it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.command import answer, clewline

from clewline import interop
from clewline.errors import UnavailableError
from clewline.store.reader import ChainStore
from clewline.workspace import Workspace, import_tables


def test_round_trip_on_the_command_line(store: Path, tmp_path: Path) -> None:
    ran = clewline("chain", "export", "--store", store, "--table", "all", "--to", tmp_path / "t")
    assert (ran.code, ran.out) == (0, "")
    assert f"{tmp_path}/t/blocks.parquet: 8 rows" in ran.err
    ran = clewline("chain", "import", "--store", tmp_path / "new", "--tables", tmp_path / "t")
    assert (ran.code, ran.out) == (0, "")
    tip = ChainStore.open(store).manifest.tip
    assert f"8 blocks imported; regtest at height 7, tip {tip}" in ran.err
    info = json.loads(answer("chain", "info", "--store", tmp_path / "new", "--format", "json"))
    assert info["digest"] == ChainStore.open(store).manifest.digest


def test_some_tables(store: Path, tmp_path: Path) -> None:
    command = ("chain", "export", "--store", store, "--to", tmp_path / "t")
    answer(*command, "--table", "outputs", "--table", "blocks", "--table", "outputs")
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [
        "blocks.parquet",
        "outputs.parquet",
    ]
    ran = clewline(*command, "--table", "all")
    assert ran.code == 2
    assert "is not an empty directory" in ran.err
    ran = clewline(*command[:-1], tmp_path / "u", "--table", "inputs", "--schema", "bitcoin-etl")
    assert ran.code == 2
    assert "schema bitcoin-etl has no table 'inputs'" in ran.err


def test_wrong_use(store: Path, tmp_path: Path) -> None:
    ran = clewline("chain", "export", "--store", store, "--table", "blocks")
    assert ran.code == 2
    assert "tables are written with --to DIR" in ran.err
    for sources in ((), ("--core-blocks", tmp_path, "--tables", tmp_path)):
        ran = clewline("chain", "import", "--store", tmp_path / "new", *sources)
        assert ran.code == 2
        assert "give one of these" in ran.err
        assert not (tmp_path / "new").exists()


def test_without_the_extra(
    store: Path,
    tables: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = tables("flat")
    workspace = Workspace.open(store)
    monkeypatch.setattr(interop, "find_spec", lambda _module: None)
    for use in (
        lambda: workspace.export_tables(tmp_path / "out"),
        lambda: import_tables(tmp_path / "new", directory),
        lambda: list(workspace.sql("SELECT 1")),
    ):
        with pytest.raises(UnavailableError, match=r"pip install 'clewline\[tables\]'"):
            use()
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "new").exists()


def test_other_commands_load_none_of_it(store: Path) -> None:
    code = (
        "import sys; from clewline.workspace import Workspace; from pathlib import Path; "
        f"Workspace.open(Path({str(store)!r})).info(); "
        "sys.exit(bool({'pyarrow', 'duckdb'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
