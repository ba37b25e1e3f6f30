"""Real blocks of Bitcoin Cash, Dogecoin and Zcash, as nodes gave them to bitcoin-etl."""

from __future__ import annotations

import json
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import Tx, merkle_root, sha256d, size_prefix

from clewline.codec.address import encode_addresses
from clewline.codec.block import ParsedBlocks, parse_blocks, verify_blocks
from clewline.codec.networks import NETWORKS, Network
from clewline.codec.script import script_kinds
from clewline.sources.active_chain import target_of
from clewline.sources.proof_of_work import check_work, scrypt_hash

JOB = "tests/resources/test_export_blocks_job"
CASES = [
    ("bitcoin_cash/block_with_duplicate_txid", "bitcoin-cash"),
    ("dogecoin/block_without_transactions", "dogecoin"),
]


@pytest.fixture(scope="module")
def cases(fixtures_dir: Path) -> dict[str, str]:
    """The files of bitcoin-etl by path."""
    with tarfile.open(fixtures_dir / "bitcoin-etl" / "bitcoin-etl.tar.xz") as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive
            if member.isfile() and member.name.endswith(".json")
        }


def rows(cases: dict[str, str], case: str, table: str) -> list[dict[str, Any]]:
    lines = cases[f"{JOB}/{case}/expected_{table}.json"].splitlines()
    return [json.loads(line) for line in lines if line]


def answers(cases: dict[str, str], case: str, method: str) -> Iterator[Any]:
    start = f"{JOB}/{case}/rpc_response_{method}_"
    return (json.loads(text) for name, text in sorted(cases.items()) if name.startswith(start))


def header(about: dict[str, Any]) -> bytes:
    """The header that ``getblock`` describes."""
    return (
        struct.pack("<i", about["version"])
        + bytes.fromhex(about["previousblockhash"])[::-1]
        + bytes.fromhex(about["merkleroot"])[::-1]
        + struct.pack("<I", about["time"])
        + bytes.fromhex(about["bits"])[::-1]
        + struct.pack("<I", about["nonce"])
    )


def parsed(block: bytes, network: Network) -> ParsedBlocks:
    data = np.frombuffer(block, np.uint8)
    found = parse_blocks(data, np.zeros(1, np.int64), np.array([data.size]), network.coin.form)
    assert isinstance(found, ParsedBlocks)
    assert verify_blocks(found) is None
    return found


def shown_outputs(found: ParsedBlocks, network: Network) -> list[list[Any]]:
    """Amount, type and address of each output."""
    starts = np.zeros(found.value.size + 1, np.int64)
    np.cumsum(found.script_length, out=starts[1:])
    blob = np.concatenate(
        [
            found.data[at : at + length]
            for at, length in zip(found.script_at, found.script_length, strict=True)
        ]
    )
    kinds = script_kinds(blob, starts)
    addresses = encode_addresses(blob, starts, kinds, network)
    return [list(row) for row in zip(found.value.tolist(), addresses, strict=True)]


def expected_outputs(transactions: list[dict[str, Any]]) -> list[list[Any]]:
    """The same from the tables; nodes of these versions gave bare keys an address, we do not."""
    return [
        [output["value"], None if output["type"] == "pubkey" else output["addresses"][0]]
        for tx in transactions
        for output in tx["outputs"]
    ]


@pytest.mark.parametrize(("case", "name"), CASES)
def test_whole_blocks(cases: dict[str, str], case: str, name: str) -> None:
    network = NETWORKS[name]
    (about,) = answers(cases, case, "getblock")
    (tx,) = answers(cases, case, "getrawtransaction")
    head = header(about)
    block = head + b"\x01" + bytes.fromhex(tx["hex"])
    assert sha256d(head)[::-1].hex() == about["hash"]
    found = parsed(block, network)
    assert found.txid[0][::-1].tobytes().hex() == tx["txid"]
    assert shown_outputs(found, network) == expected_outputs(rows(cases, case, "transactions"))
    (expected,) = rows(cases, case, "blocks")
    assert len(block) == expected["size"]
    assert check_work(found, network.coin) is None
    work = scrypt_hash(head) if name == "dogecoin" else sha256d(head)
    assert int.from_bytes(work, "little") <= target_of(int(expected["bits"], 16))
    # Dogecoin's work is not the block's hash.
    easy = int.from_bytes(sha256d(head), "little") <= target_of(int(expected["bits"], 16))
    assert easy == (name != "dogecoin")


def test_dogecoin_amounts_that_floats_lose(cases: dict[str, str]) -> None:
    case, network = "dogecoin/block_with_float_precision_loss", NETWORKS["dogecoin"]
    transactions = rows(cases, case, "transactions")
    (about,) = rows(cases, case, "blocks")
    made = []
    for tx in transactions:
        outputs = [(one["value"], bytes.fromhex(one["script_hex"])) for one in tx["outputs"]]
        body = [struct.pack("<i", tx["version"]), size_prefix(len(tx["inputs"]) or 1)]
        for one in tx["inputs"]:
            script = bytes.fromhex(one["script_hex"])
            body += [bytes.fromhex(one["spent_transaction_hash"])[::-1]]
            body += [struct.pack("<I", one["spent_output_index"]), size_prefix(len(script)), script]
            body += [struct.pack("<I", one["sequence"])]
        if not tx["inputs"]:
            script = bytes.fromhex(about["coinbase_param"])
            body += [bytes(32), b"\xff" * 4, size_prefix(len(script)), script, bytes(4)]
        tail = Tx((), tuple(outputs), locktime=tx["lock_time"]).serialize()
        made.append(b"".join(body) + tail[5:])
    names = [sha256d(one)[::-1].hex() for one in made]
    assert names == [tx["hash"] for tx in transactions]
    root = merkle_root([bytes.fromhex(name)[::-1] for name in names])
    assert root[::-1].hex() == about["merkle_root"]
    block = bytes(36) + root + bytes(12) + size_prefix(len(made)) + b"".join(made)
    found = parsed(block, network)
    assert shown_outputs(found, network) == expected_outputs(transactions)
    assert len(block) == about["size"]


@pytest.mark.parametrize(
    "case", ["zcash/block_with_value_balance", "zcash/block_with_shielded_addresses"]
)
def test_zcash_transparent_outputs(cases: dict[str, str], case: str) -> None:
    outputs = [
        output
        for tx in rows(cases, case, "transactions")
        for output in tx["outputs"]
        if output["type"] in ("pubkeyhash", "scripthash")
    ]
    scripts = [bytes.fromhex(output["script_hex"]) for output in outputs]
    blob = np.frombuffer(b"".join(scripts), np.uint8)
    starts = np.cumsum([0, *map(len, scripts)])
    shown = encode_addresses(blob, starts, script_kinds(blob, starts), NETWORKS["zcash"])
    assert len(shown) > 3
    assert shown == [output["addresses"][0] for output in outputs]
