"""The regtest chain of Bitcoin Core with its exchanges labelled, and the first mainnet blocks."""

from __future__ import annotations

import csv
import lzma
import shutil
from pathlib import Path

import pytest
from tests.acceptance.core import CoreChain

from clewline.workspace import Workspace, import_blocks, import_labels


@pytest.fixture(scope="session")
def core(core_regtest: Path) -> CoreChain:
    return CoreChain.read(core_regtest)


@pytest.fixture(scope="session")
def regtest(regtest_store: Path) -> Workspace:
    return Workspace.open(regtest_store)


@pytest.fixture(scope="session")
def labelled_store(
    regtest_store: Path, core: CoreChain, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The regtest store with every address of an exchange labelled, by its own label."""
    directory = tmp_path_factory.mktemp("labelled")
    table = directory / "exchanges.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("address", "entity", "category", "source", "confidence"))
        writer.writerows(
            (address, owner, "exchange", "made-up case", 90)
            for address, owner in core.truth["owner"].items()
            if owner.startswith("exchange_")
        )
    store = Path(shutil.copytree(regtest_store, directory / "store"))
    report = import_labels(store, [table])
    assert (report.refused, report.error) == (0, None)
    return store


@pytest.fixture(scope="session")
def labelled(labelled_store: Path) -> Workspace:
    return Workspace.open(labelled_store)


@pytest.fixture(scope="session")
def mainnet_store(fixtures_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Store of the blocks 0 to 4312 of the main network."""
    directory = tmp_path_factory.mktemp("mainnet")
    blocks = directory / "blocks"
    blocks.mkdir()
    packed = fixtures_dir / "bitcoin" / "mainnet_0_4312.blk.dat.xz"
    (blocks / "blk00000.dat").write_bytes(lzma.decompress(packed.read_bytes()))
    import_blocks(directory / "store", blocks)
    return directory / "store"
