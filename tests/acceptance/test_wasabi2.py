"""A run of the real Wasabi 2 on regtest: no cluster holds coins of two wallets."""

from __future__ import annotations

import csv
import json
import tarfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from clewline.codec.networks import network_by_name
from clewline.workspace import Workspace, import_blocks


def raw_block(block: dict[str, Any]) -> bytes:
    """Serialise a block of ``getblock <hash> 2``, which gives each transaction in hex."""
    assert block["nTx"] < 253
    return b"".join(
        (
            block["version"].to_bytes(4, "little"),
            bytes.fromhex(block.get("previousblockhash", "00" * 32))[::-1],
            bytes.fromhex(block["merkleroot"])[::-1],
            block["time"].to_bytes(4, "little"),
            bytes.fromhex(block["bits"])[::-1],
            block["nonce"].to_bytes(4, "little"),
            bytes((block["nTx"],)),
            *(bytes.fromhex(tx["hex"]) for tx in block["tx"]),
        )
    )


@pytest.fixture(scope="module")
def run(fixtures_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the emulated run."""
    directory = tmp_path_factory.mktemp("wasabi2")
    with tarfile.open(fixtures_dir / "coinjoin" / "wasabi2_emulated.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    (inner,) = directory.iterdir()
    return inner


@pytest.fixture(scope="module")
def workspace(run: Path) -> Workspace:
    """The run's blocks, written as a block file and imported."""
    magic = network_by_name("regtest").magic
    blocks = run / "blocks"
    blocks.mkdir()
    with (run / "blocks.jsonl").open() as lines, (blocks / "blk00000.dat").open("wb") as file:
        for line in lines:
            raw = raw_block(json.loads(line))
            file.write(magic + len(raw).to_bytes(4, "little") + raw)
    import_blocks(run / "store", blocks)
    return Workspace.open(run / "store")


@pytest.fixture(scope="module")
def owner(run: Path) -> dict[str, str]:
    """Wallet of each address."""
    with (run / "address_owner.csv").open(newline="") as rows:
        return {row["address"]: row["wallet"] for row in csv.DictReader(rows)}


def test_no_cluster_holds_two_wallets(workspace: Workspace, owner: dict[str, str]) -> None:
    rounds = [tx for tx in workspace.all_transactions() if tx["coinjoin"]]
    assert sorted(len(tx["inputs"]) for tx in rounds) == [14, 22, 25, 27, 29, 36]
    wallets: dict[int, set[str]] = defaultdict(set)
    mixed = 0
    for address, wallet in owner.items():
        shown = workspace.address(address)
        if shown["cluster"] is not None:
            wallets[shown["cluster"]].add(wallet)
            mixed += 1
    assert mixed > 200
    assert max(map(len, wallets.values())) == 1
