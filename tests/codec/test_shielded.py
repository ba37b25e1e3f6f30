"""Zcash transactions and headers: published vectors, real blocks, every cut, absurd numbers."""

from __future__ import annotations

import json
import struct
import tarfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import COIN, Tx, merkle_root, p2pkh, sha256d, size_prefix
from tests.zcash import NULL, Shielded, genesis_block, header_of, id_of_version_5

from clewline.codec.blake2b import absorb, begin, finish, new_blake
from clewline.codec.block import BlockFault, Fault, ParsedBlocks, parse_blocks, verify_blocks
from clewline.codec.header import header_hashes, header_rows
from clewline.codec.networks import NETWORKS
from clewline.codec.shielded import fill_version_5_ids

ZCASH = NETWORKS["zcash"].coin.form
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "zip_0244.json").read_text())
COINBASE = Shielded(1, (NULL,), ((COIN, p2pkh(0)),), script_sig=b"\x01\x02")
FROM = [(bytes([7]) * 32, 1)]
TO = [(3, p2pkh(1)), (4, p2pkh(2))]
KINDS = {
    "plain": Shielded(1, FROM, TO, locktime=5),
    "sprout": Shielded(2, FROM, TO, joinsplits=[(9, 0), (0, 2)], locktime=6),
    "odd version": Shielded(77, FROM, TO),
    "overwinter": Shielded(3, FROM, TO, joinsplits=[(5, 0)]),
    "sapling": Shielded(4, FROM, TO, joinsplits=[(1, 0)], spends=2, made=1, sapling=-8),
    "sapling without parts": Shielded(4, FROM, TO, locktime=7),
    "orchard": Shielded(5, FROM, TO, actions=2, orchard=-11, locktime=8),
    "both pools": Shielded(5, FROM, TO, spends=1, made=2, sapling=3, actions=1, orchard=5),
    "version 5 without parts": Shielded(5, FROM, TO),
    "out of a pool": Shielded(4, (), TO, spends=1, made=1, sapling=10),
    "between pools": Shielded(5, spends=1, sapling=10, actions=1, orchard=-9),
    "spends alone": Shielded(5, (), TO, spends=2, sapling=8),
}
INTO = {
    "sprout": [2, 7, 0, 0],
    "overwinter": [1, 5, 0, 0],
    "sapling": [4, 1, 8, 0],
    "orchard": [2, 0, 0, 11],
    "both pools": [4, 0, -3, -5],
    "out of a pool": [2, 0, -10, 0],
    "between pools": [2, 0, -10, 9],
    "spends alone": [2, 0, -8, 0],
}


def block_of(*transactions: Shielded | bytes, first: Shielded = COINBASE) -> bytes:
    """A block; the Merkle root is that of transactions that are objects."""
    listed = [first, *transactions]
    root = merkle_root([bytes(32) if isinstance(tx, bytes) else tx.txid for tx in listed])
    body = b"".join(tx if isinstance(tx, bytes) else tx.serialize() for tx in listed)
    return header_of(bytes(32), root, 1_600_000_000) + size_prefix(len(listed)) + body


def parsed(block: bytes) -> ParsedBlocks | BlockFault:
    data = np.frombuffer(bytearray(block), np.uint8)
    return parse_blocks(data, np.array([0]), np.array([len(block)]), ZCASH)


def fault_of(block: bytes) -> Fault | None:
    found = parsed(block)
    return found.fault if isinstance(found, BlockFault) else None


@pytest.mark.parametrize("number", range(len(VECTORS["vectors"])))
def test_ids_of_version_5_are_those_of_zip_244(number: int) -> None:
    vector = VECTORS["vectors"][number]
    raw = bytes.fromhex(vector["tx"])
    txid = np.zeros((1, 32), np.uint8)
    span = np.array([[0, 4, len(raw) - 4, len(raw)]])
    fill_version_5_ids(np.frombuffer(bytearray(raw), np.uint8), span, txid)
    assert txid.tobytes().hex() == vector["txid"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_is_read(kind: str) -> None:
    tx = KINDS[kind]
    found = parsed(block_of(tx))
    assert isinstance(found, ParsedBlocks)
    assert verify_blocks(found) is None
    assert found.txid[1].tobytes() == tx.txid
    assert found.version[1] == tx.version
    assert found.locktime[1] == tx.locktime
    assert found.value[1:].tolist() == [value for value, _script in tx.outputs]
    assert found.tx_input[2] - found.tx_input[1] == len(tx.inputs)
    assert found.shielded[1].tolist() == INTO.get(kind, [0, 0, 0, 0])
    start, _, _, end = found.tx_span[1].tolist()
    assert found.data[start:end].tobytes() == tx.serialize()


@given(
    st.builds(
        Shielded,
        st.just(5),
        st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 9)), max_size=3),
        st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=300)), max_size=3),
        spends=st.integers(0, 3),
        made=st.integers(0, 3),
        sapling=st.integers(-99, 99),
        actions=st.integers(0, 3),
        orchard=st.integers(-99, 99),
        script_sig=st.binary(max_size=300),
        locktime=st.integers(0, 2**32 - 1),
    )
)
def test_ids_of_version_5_against_plain_python(tx: Shielded) -> None:
    raw = tx.serialize()
    txid = np.zeros((1, 32), np.uint8)
    span = np.array([[0, 4, len(raw) - 4, len(raw)]])
    fill_version_5_ids(np.frombuffer(bytearray(raw), np.uint8), span, txid)
    assert txid.tobytes() == id_of_version_5(tx)


@given(st.binary(max_size=700), st.integers(0, 700))
def test_blake2b_in_two_pieces(message: bytes, cut: int) -> None:
    blake, out = new_blake(), np.empty(32, np.uint8)
    data = np.frombuffer(bytearray(message), np.uint8)
    begin(blake, np.frombuffer(b"ZTxIdHeadersHash", np.uint8))
    first = min(cut, len(message))
    absorb(blake, data, 0, first)
    absorb(blake, data, first, len(message) - first)
    finish(blake, out, 0)
    expected = blake2b(message, digest_size=32, person=b"ZTxIdHeadersHash").digest()
    assert out.tobytes() == expected


# --- headers


def test_genesis_block_of_regtest() -> None:
    raw = genesis_block()
    data = np.frombuffer(bytearray(raw), np.uint8)
    row = header_rows(data, np.array([0]), np.array([len(raw)]), ZCASH)
    assert header_hashes(row).tobytes() == NETWORKS["zcash-regtest"].genesis
    assert row[0, :80].tobytes() == raw[:68] + raw[100:112]
    found = parsed(raw)
    assert isinstance(found, ParsedBlocks)
    assert verify_blocks(found) is None


@pytest.mark.parametrize(
    ("size", "fault"),
    [
        (b"\x24", None),
        (b"\x25", Fault.SOLUTION),
        (b"\x00", Fault.SOLUTION),
        (b"\xfd\x24\x00", Fault.COMPACT_SIZE),
        (b"\xfd\x40\x05", Fault.TRUNCATED),
        (b"\xfd\x41\x05", Fault.SOLUTION),
        (b"\xff" * 9, Fault.COMPACT_SIZE),
    ],
)
def test_solutions_of_other_sizes(size: bytes, fault: Fault | None) -> None:
    raw = block_of()
    assert fault_of(raw[:140] + size + raw[141:]) == fault


def test_real_blocks(fixtures_dir: Path) -> None:
    """Blocks that a node gave as JSON, put together again; JoinSplits lack their signatures."""
    with tarfile.open(fixtures_dir / "bitcoin-etl" / "bitcoin-etl.tar.xz") as archive:
        names = [name for name in archive.getnames() if "/zcash/" in name and "getblock_" in name]
        answers = [json.loads(archive.extractfile(name).read()) for name in names]  # type: ignore[union-attr]
    assert len(answers) == 3
    ids, passed = 0, []
    for answer in answers:
        given = answer[0] if isinstance(answer, list) else answer
        block = given.get("result", given)
        raw = _raw_block(block)
        assert len(raw) == block["size"]
        data = np.frombuffer(bytearray(raw), np.uint8)
        row = header_rows(data, np.array([0]), np.array([len(raw)]), ZCASH)
        assert header_hashes(row).tobytes()[::-1].hex() == block["hash"]
        found = parsed(raw)
        assert isinstance(found, ParsedBlocks)
        signed = not any(tx["vjoinsplit"] for tx in block["tx"])
        assert (verify_blocks(found) is None) == signed
        for tx, name, shielded in zip(block["tx"], found.txid, found.shielded, strict=True):
            if not tx["vjoinsplit"]:
                assert name.tobytes()[::-1].hex() == tx["txid"]
                ids += 1
            if shielded[0]:
                passed.append(shielded.tolist())
    assert ids == 11
    assert sorted(passed) == [
        [1, -226821697, 0, 0],
        [1, 20240000, 0, 0],
        [1, 86290000, 0, 0],
        [2, -57010000, 0, 0],
        [2, 0, -1200010000, 0],
    ]


def _raw_block(block: dict[str, Any]) -> bytes:
    """A block from the answer to ``getblock 2``."""
    head = struct.pack("<I", block["version"]) + _name(block.get("previousblockhash", "00" * 32))
    head += _name(block["merkleroot"]) + _name(block["finalsaplingroot"])
    head += struct.pack("<I", block["time"]) + _name(block["bits"]) + _name(block["nonce"])
    listed = [_raw_transaction(tx) for tx in block["tx"]]
    return head + _sized(block["solution"]) + size_prefix(len(listed)) + b"".join(listed)


def _name(text: str) -> bytes:
    return bytes.fromhex(text)[::-1]


def _sized(text: str) -> bytes:
    return size_prefix(len(text) // 2) + bytes.fromhex(text)


def _zatoshi(coins: float) -> int:
    return round(coins * COIN)


def _raw_transaction(tx: dict[str, Any]) -> bytes:
    version, later = tx["version"], tx["overwintered"]
    raw = struct.pack("<I", version | later << 31)
    raw += struct.pack("<I", int(tx["versiongroupid"], 16)) if later else b""
    raw += size_prefix(len(tx["vin"]))
    for one in tx["vin"]:
        script = one.get("coinbase") or one["scriptSig"]["hex"]
        index = 0xFFFFFFFF if "coinbase" in one else one["vout"]
        raw += _name(one.get("txid", "00" * 32)) + struct.pack("<I", index)
        raw += _sized(script) + struct.pack("<I", one["sequence"])
    raw += size_prefix(len(tx["vout"]))
    for one in tx["vout"]:
        raw += struct.pack("<q", one["valueZat"]) + _sized(one["scriptPubKey"]["hex"])
    raw += struct.pack("<I", tx["locktime"])
    raw += struct.pack("<I", tx["expiryheight"]) if later else b""
    if version >= 4:
        raw += struct.pack("<q", _zatoshi(tx["valueBalance"]))
        raw += size_prefix(len(tx["vShieldedSpend"]))
        for one in tx["vShieldedSpend"]:
            raw += b"".join(_name(one[key]) for key in ("cv", "anchor", "nullifier", "rk"))
            raw += bytes.fromhex(one["proof"] + one["spendAuthSig"])
        raw += size_prefix(len(tx["vShieldedOutput"]))
        for one in tx["vShieldedOutput"]:
            raw += b"".join(_name(one[key]) for key in ("cv", "cmu", "ephemeralKey"))
            raw += bytes.fromhex(one["encCiphertext"] + one["outCiphertext"] + one["proof"])
    if version >= 2:
        raw += size_prefix(len(tx["vjoinsplit"]))
        for one in tx["vjoinsplit"]:
            raw += struct.pack("<qq", _zatoshi(one["vpub_old"]), _zatoshi(one["vpub_new"]))
            raw += _name(one["anchor"]) + b"".join(map(_name, one["nullifiers"]))
            raw += b"".join(map(_name, one["commitments"])) + _name(one["onetimePubKey"])
            raw += _name(one["randomSeed"]) + b"".join(map(_name, one["macs"]))
            raw += bytes.fromhex(one["proof"] + "".join(one["ciphertexts"]))
        raw += bytes(96 * bool(tx["vjoinsplit"]))
    return raw + bytes.fromhex(tx.get("bindingSig", ""))


# --- bad input


@pytest.mark.parametrize("kind", ["sprout", "sapling", "both pools", "between pools"])
def test_every_cut_is_found(kind: str) -> None:
    """Nothing that ends early is read, nor read beyond."""
    tx = KINDS[kind].serialize()
    whole = block_of(tx)
    start = len(whole) - len(tx)
    data = np.frombuffer(bytearray(whole) + bytes(4000), np.uint8)
    for end in [*range(start, len(whole), 7), *range(len(whole) - 200, len(whole))]:
        found = parse_blocks(data, np.array([0]), np.array([end]), ZCASH)
        assert isinstance(found, BlockFault), end
        assert found.fault in (Fault.TRUNCATED, Fault.NO_INPUT_OR_OUTPUT), end
        assert found.position <= end


@pytest.mark.parametrize("kind", KINDS)
def test_a_byte_too_many(kind: str) -> None:
    assert fault_of(block_of(KINDS[kind].serialize() + b"\0")) == Fault.TRAILING


@pytest.mark.parametrize(
    "number", [b"\xfd\xff\xff", b"\xfe\xff\xff\xff\x7f", b"\xfe\xff\xff\xff\xff"]
)
@pytest.mark.parametrize("kind", ["sprout", "sapling", "orchard", "both pools"])
def test_absurd_numbers_of_parts(kind: str, number: bytes) -> None:
    tx = KINDS[kind]
    raw = tx.serialize()
    where = 4 + len(tx.transparent()) + 4 if tx.version == 2 else len(tx.head() + tx.transparent())
    if tx.version == 4:
        where += 16
    changed = raw[:where] + number + raw[where + 1 :]
    assert fault_of(block_of(changed)) == Fault.TRUNCATED


@pytest.mark.parametrize(
    ("start", "fault"),
    [
        (struct.pack("<I", 0), Fault.VERSION),
        (struct.pack("<II", 6 | 1 << 31, 0x26A7270A), Fault.VERSION),
        (struct.pack("<II", 6 | 1 << 31, 0xFFFFFFFF), Fault.VERSION),
        (struct.pack("<II", 5 | 1 << 31, 0x892F2085), Fault.VERSION),
        (struct.pack("<II", 4 | 1 << 31, 0x26A7270A), Fault.VERSION),
        (struct.pack("<II", 2 | 1 << 31, 0x03C48270), Fault.VERSION),
    ],
)
def test_unknown_versions(start: bytes, fault: Fault) -> None:
    assert fault_of(block_of(start + KINDS["orchard"].serialize()[len(start) :])) == fault


MOST = ZCASH.max_money


@pytest.mark.parametrize(
    ("tx", "fault"),
    [
        (Shielded(2, FROM, TO, joinsplits=[(-1, 0)]), Fault.VALUE),
        (Shielded(2, FROM, TO, joinsplits=[(0, MOST + 1)]), Fault.VALUE),
        (Shielded(2, FROM, TO, joinsplits=[(MOST, 0), (1, 0)]), Fault.VALUE),
        (Shielded(4, FROM, TO, sapling=1), Fault.VALUE),
        (Shielded(4, FROM, TO, made=1, sapling=-MOST - 1), Fault.VALUE),
        (Shielded(5, FROM, TO, made=1, sapling=MOST + 1), Fault.VALUE),
        (Shielded(5, FROM, TO, actions=1, orchard=-(2**63)), Fault.VALUE),
        # What has no inputs pays with what it takes out of pools.
        (Shielded(4, (), TO, spends=1, sapling=6), Fault.FROM_POOLS),
        (Shielded(5, (), TO, spends=1, sapling=8, actions=1, orchard=-2), Fault.FROM_POOLS),
        (Shielded(5, (), TO), Fault.NO_INPUT_OR_OUTPUT),
        (Shielded(4, FROM, ()), Fault.NO_INPUT_OR_OUTPUT),
        (Shielded(1, (), TO), Fault.NO_INPUT_OR_OUTPUT),
    ],
)
def test_values_that_cannot_be(tx: Shielded, fault: Fault) -> None:
    assert fault_of(block_of(tx)) == fault


def test_coinbases() -> None:
    """A coinbase may pay into a pool, and nothing else (ZIP-213); it has its one input."""
    into = Shielded(5, (NULL,), (), made=1, sapling=-COIN, script_sig=b"\x01\x02")
    found = parsed(block_of(first=into))
    assert isinstance(found, ParsedBlocks)
    assert verify_blocks(found) is None
    assert found.shielded.tolist() == [[1, 0, COIN, 0]]
    out = Shielded(5, (NULL,), TO, spends=1, sapling=COIN, script_sig=b"\x01\x02")
    assert fault_of(block_of(first=out)) == Fault.FROM_POOLS
    none = Shielded(5, (), TO, spends=1, sapling=COIN)
    assert fault_of(block_of(first=none)) == Fault.NO_INPUT_OR_OUTPUT


def test_bitcoin_knows_no_shielded_parts() -> None:
    plain = Tx((NULL,), ((COIN, p2pkh(0)),), b"\x01\x02")
    raw = struct.pack("<i", 1) + bytes(32) + sha256d(plain.serialize()) + bytes(12)
    raw += b"\x01" + plain.serialize()
    data = np.frombuffer(bytearray(raw), np.uint8)
    found = parse_blocks(data, np.array([0]), np.array([len(raw)]))
    assert isinstance(found, ParsedBlocks)
    assert found.shielded.shape == (0, 4)
