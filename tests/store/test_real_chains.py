"""Real chains: Bitcoin Core's regtest folder, the first mainnet and testnet blocks."""

from __future__ import annotations

import json
import lzma
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import dice, obfuscate, write_blocks
from tests.store.chains import canonical_bytes, checked, digest

from clewline.codec.networks import NETWORKS
from clewline.codec.script import is_unspendable
from clewline.errors import BlockFileError
from clewline.sources.block_files import scan_directory
from clewline.sources.undo_files import undo_records
from clewline.store.link import UNSPENT
from clewline.store.reader import ChainStore
from clewline.store.undo import compare_undo
from clewline.workspace import import_blocks


@pytest.fixture(scope="module")
def blocks(core_regtest: Path) -> list[bytes]:
    """Every block of the regtest folder, stale ones too, in file order."""
    records = scan_directory(core_regtest / "blocks", NETWORKS["regtest"])
    data, start, end = records.read(np.arange(records.start.size))
    return [data[a:b].tobytes() for a, b in zip(start.tolist(), end.tolist(), strict=True)]


@pytest.fixture(scope="module")
def regtest_store(core_regtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("regtest") / "store"
    import_blocks(store, core_regtest / "blocks")
    return store


def test_steps_and_order_of_the_regtest_chain(
    regtest_store: Path, blocks: list[bytes], tmp_path: Path
) -> None:
    expected = ChainStore.open(regtest_store).manifest.digest
    columns = canonical_bytes(regtest_store)
    rng = dice(1)
    shuffled = rng.sample(blocks, len(blocks))
    third = len(blocks) // 3
    parts = (shuffled[:third], shuffled[third:third], shuffled[third:])
    key = rng.randbytes(8)
    one = digest(tmp_path / "one", write_blocks(tmp_path / "shuffled", *parts, key=key, tail=100))
    assert one == expected
    assert canonical_bytes(tmp_path / "one") == columns
    directory = tmp_path / "steps"
    for size in (1, third, 2 * third, len(blocks) - 1, len(blocks)):
        write_blocks(directory, blocks[:size])
        last = digest(tmp_path / "several", directory)
    assert last == expected
    assert canonical_bytes(tmp_path / "several") == columns


def test_undo_data_agrees(regtest_store: Path, core_regtest: Path) -> None:
    report, store = checked(regtest_store, core_regtest / "blocks")
    assert report.wrong == []
    assert store is not None
    assert f"undo data of {store.manifest.height:,} blocks" in report.checked


def test_flipped_bytes_of_undo_data_are_found(
    regtest_store: Path, core_regtest: Path, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(core_regtest / "blocks", tmp_path / "blocks"))
    path = directory / "rev00000.dat"
    content = path.read_bytes()
    rng = dice(2)
    for at in (0, 5, 8, 40, len(content) - 1, *rng.sample(range(len(content)), 15)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            report, _ = checked(regtest_store, directory)
        except BlockFileError as error:
            assert str(path) in str(error)
        else:
            assert any(str(path) in text for text in report.wrong), at


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("input.prevout", "spent an output of another block"),
        ("output.value", "spent another amount"),
        ("output.script", "spent from another script"),
        ("tx.input_start", "another number of transactions or inputs"),
    ],
)
def test_undo_data_differs_from_a_wrong_store(
    regtest_store: Path, core_regtest: Path, name: str, text: str
) -> None:
    """What the check is for: a store that resolved an input to another output."""
    store = ChainStore.open(regtest_store)
    wrong = store.column(name).copy()
    spent = store.column("input.prevout")
    if name == "input.prevout":
        wrong[10] = store.column("tx.output_start")[1]
    elif name == "tx.input_start":
        wrong[wrong.size // 2] += 1
    else:
        wrong[spent] = np.roll(wrong[spent], 1)
    changed = ChainStore(regtest_store, store.manifest, {name: wrong})
    _agreeing, found = compare_undo(changed, undo_records(core_regtest / "blocks", store.network))
    assert any(text in one for one in found)


def test_missing_undo_data_is_told(regtest_store: Path, core_regtest: Path, tmp_path: Path) -> None:
    directory = Path(shutil.copytree(core_regtest / "blocks", tmp_path / "blocks"))
    path = directory / "rev00000.dat"
    key = (directory / "xor.dat").read_bytes()
    plain = obfuscate(path.read_bytes(), key)
    first = 8 + int.from_bytes(plain[4:8], "little") + 32
    path.write_bytes(obfuscate(plain[:first], key))
    report, _ = checked(regtest_store, directory)
    height = ChainStore.open(regtest_store).manifest.height
    assert report.wrong == [f"{height - 1} blocks have no undo data, the first is block 2"]
    path.unlink()
    with pytest.raises(BlockFileError, match=r"holds no rev00000.dat"):
        checked(regtest_store, directory)


@pytest.mark.parametrize(
    ("name", "network"), [("mainnet_0_4312", "main"), ("testnet3_0_400", "test")]
)
def test_facts_of_the_first_blocks(
    fixtures_dir: Path, tmp_path: Path, name: str, network: str
) -> None:
    packed = fixtures_dir / "bitcoin" / f"{name}.blk.dat.xz"
    facts = json.loads((fixtures_dir / "bitcoin" / f"{name}.facts.json").read_text())
    directory = tmp_path / "blocks"
    directory.mkdir()
    (directory / "blk00000.dat").write_bytes(lzma.decompress(packed.read_bytes()))
    result = import_blocks(tmp_path / "store", directory)
    store = ChainStore.open(tmp_path / "store")
    counts = store.manifest.counts
    inputs = np.diff(store.column("tx.input_start"))
    unspent = store.column("spending.spender") == UNSPENT
    assert (store.network.name, result.cut) == (network, ())
    found: dict[str, Any] = {
        "blocks": counts["block"],
        "tip": store.manifest.tip,
        "tx": counts["tx"],
        "non_coinbase_tx": int((inputs > 0).sum()),
        "multi_input_tx": int((inputs > 1).sum()),
        "inputs_spent": counts["input"],
        "distinct_output_scripts": np.unique(store.column("output.script")[unspent]).size,
        "utxos": int(unspent.sum()),
        "utxos_incl_genesis": int(unspent.sum()),
        "value": int(store.column("output.value")[unspent].sum()),
        "utxo_value_incl_genesis": int(store.column("output.value")[unspent].sum()),
        "missing": 0,
    }
    assert {key: found[key] for key in facts} == facts
    blob, starts = store.column("script.bytes"), store.column("script.start")
    assert not any(is_unspendable(blob, a, b - a) for a, b in pairwise(starts))
    assert store.unspent() == (found["utxos"] - 1, found["value"] - 50 * 100_000_000)
    report, _ = checked(tmp_path / "store")
    assert report.wrong == []
