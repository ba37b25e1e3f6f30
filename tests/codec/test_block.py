"""Blocks from bytes: the same as an independent writer made, and strict as Bitcoin Core."""

from __future__ import annotations

import json
import lzma
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import (
    COIN,
    GENESIS,
    GENESIS_TIME,
    OP_TRUE,
    Block,
    Branch,
    Tx,
    coinbase,
    dice,
    merkle_root,
    mine,
    p2pkh,
    sha256d,
    size_prefix,
    spend,
)

from clewline.codec.block import (
    FAULT_TEXT,
    BlockFault,
    Fault,
    ParsedBlocks,
    merkle_root_into,
    parse_blocks,
    parse_transactions,
    verify_blocks,
)
from clewline.codec.sha256 import new_scratch


def parse(*blocks: bytes) -> ParsedBlocks | BlockFault:
    end = np.cumsum([len(block) for block in blocks], dtype=np.int64)
    start = np.concatenate((np.zeros(1, np.int64), end[:-1]))
    return parse_blocks(np.frombuffer(b"".join(blocks), np.uint8), start, end)


def fault_of(*blocks: bytes) -> BlockFault | None:
    parsed = parse(*blocks)
    return parsed if isinstance(parsed, BlockFault) else verify_blocks(parsed)


def good(*blocks: bytes) -> ParsedBlocks:
    parsed = parse(*blocks)
    assert isinstance(parsed, ParsedBlocks)
    assert verify_blocks(parsed) is None
    return parsed


@pytest.fixture(scope="module")
def chain() -> Branch:
    chain = Branch()
    paid = chain.add().transactions[0]
    two = spend((paid, 0), to=[(COIN, p2pkh(1)), (0, b""), (2 * COIN, OP_TRUE * 300)])
    three = spend((two, 0), (two, 2), to=[(COIN, p2pkh(i)) for i in range(260)], witness=True)
    chain.add(two, three)
    chain.add(spend((three, 0), to=[(1, OP_TRUE)], witness=True))
    return chain


def test_arrays_are_what_was_written(chain: Branch) -> None:
    blocks = chain.blocks[1:]
    parsed = good(*(block.raw for block in blocks))
    written = [tx for block in blocks for tx in block.transactions]
    assert np.diff(parsed.block_tx).tolist() == [len(block.transactions) for block in blocks]
    assert [row.tobytes() for row in parsed.txid] == [tx.txid for tx in written]
    data = parsed.data.tobytes()
    assert [data[a:d] for a, _b, _c, d in parsed.tx_span] == [tx.serialize() for tx in written]
    for tx, (_start, begin, end, _end) in zip(written, parsed.tx_span, strict=True):
        assert data[begin:end] == tx.serialize(witness=False)[4:-4]
    assert parsed.version.tolist() == [tx.version for tx in written]
    assert parsed.locktime.tolist() == [tx.locktime for tx in written]
    inputs = [one for tx in written for one in tx.inputs if one[1] != 0xFFFFFFFF]
    outpoints = [data[at : at + 36] for at in parsed.prevout_at]
    assert outpoints == [txid + struct.pack("<I", index) for txid, index in inputs]
    assert parsed.tx_input[-1] == len(inputs)
    assert parsed.sequence.tolist() == [0xFFFFFFFF] * len(inputs)
    outputs = [one for tx in written for one in tx.outputs]
    places = zip(parsed.script_at, parsed.script_length, strict=True)
    scripts = [data[at : at + length] for at, length in places]
    assert list(zip(parsed.value.tolist(), scripts, strict=True)) == outputs
    assert np.diff(parsed.tx_output).tolist() == [len(tx.outputs) for tx in written]


def test_genesis() -> None:
    parsed = good(GENESIS)
    assert parsed.txid[0].tobytes() == GENESIS[36:68]
    assert (parsed.prevout_at.size, parsed.value.tolist()) == (0, [50 * COIN])


def test_numbers_at_the_ends_of_their_range() -> None:
    tx = Tx(
        (((b"\x01" * 32), 0),), ((0, b""),), version=-2, locktime=0xFFFFFFFF, sequence=0x80000000
    )
    chain = Branch()
    parsed = good(chain.add(tx).raw)
    assert (parsed.version[1], parsed.locktime[1]) == (-2, 0xFFFFFFFF)
    assert parsed.sequence.tolist() == [0x80000000]


def test_cut_at_every_byte(chain: Branch) -> None:
    for block in chain.blocks:
        step = 1 if len(block.raw) < 1000 else 37
        for size in range(81, len(block.raw), step):
            parsed = parse(block.raw[:size])
            assert isinstance(parsed, BlockFault)
            assert parsed.fault == Fault.TRUNCATED, size
            assert 80 <= parsed.position <= size
    assert fault_of(GENESIS[:80]) == BlockFault(0, Fault.TRUNCATED, 80)
    assert fault_of(GENESIS + b"\x00") == BlockFault(0, Fault.TRAILING, len(GENESIS))


def test_fault_names_its_block(chain: Branch) -> None:
    raw = chain.raw
    cut = fault_of(raw[1], raw[2][:-1], raw[3])
    assert cut is not None
    assert (cut.block, cut.fault) == (1, Fault.TRUNCATED)
    broken = bytearray(raw[3])
    broken[40] ^= 1
    found = fault_of(raw[1], raw[2], bytes(broken))
    assert found == BlockFault(2, Fault.MERKLE_ROOT, len(raw[1]) + len(raw[2]))


def test_every_flipped_byte_behind_the_header_is_found(chain: Branch) -> None:
    rng = dice(1)
    for block in (*chain.blocks[:2], chain.blocks[3]):
        for at in range(36, len(block.raw)):
            if 68 <= at < 80:
                continue  # time, bits and nonce are for the proof of work
            flipped = bytearray(block.raw)
            flipped[at] ^= rng.randrange(1, 256)
            assert fault_of(bytes(flipped)) is not None, at


def sealed(transactions: Sequence[bytes], ids: Sequence[bytes] | None = None) -> bytes:
    """A block of any transactions, its Merkle root as it should be for their bytes."""
    root = merkle_root(ids or [sha256d(raw) for raw in transactions])
    return (
        mine(bytes(32), root, GENESIS_TIME)
        + size_prefix(len(transactions))
        + b"".join(transactions)
    )


def base_tx(inputs: bytes, outputs: bytes) -> bytes:
    return struct.pack("<i", 2) + inputs + outputs + bytes(4)


COINBASE = coinbase(1, [(0, OP_TRUE)]).serialize()
NULL = bytes(32) + b"\xff" * 4
SOME = b"\x05" * 32 + bytes(4)
REST = b"\x00" + b"\xff" * 4
ONE_OUTPUT = b"\x01" + bytes(8) + b"\x01\x51"
TOO_MUCH = 21_000_000 * COIN + 1


@pytest.mark.parametrize(
    ("transactions", "fault"),
    [
        ([base_tx(b"\x01" + NULL + b"\x02ab" + b"\xff" * 4, ONE_OUTPUT)], Fault.NONE),
        ([base_tx(b"\x01" + NULL + b"\x01a" + b"\xff" * 4, ONE_OUTPUT)], Fault.COINBASE_SCRIPT),
        (
            [base_tx(b"\x01" + NULL + b"\x65" + b"a" * 101 + b"\xff" * 4, ONE_OUTPUT)],
            Fault.COINBASE_SCRIPT,
        ),
        ([base_tx(b"\x01" + SOME + REST, ONE_OUTPUT)], Fault.COINBASE_POSITION),
        ([COINBASE, COINBASE], Fault.COINBASE_POSITION),
        (
            [base_tx(b"\x02" + NULL + b"\x02ab" + b"\xff" * 4 + SOME + REST, ONE_OUTPUT)],
            Fault.COINBASE_POSITION,
        ),
        (
            [base_tx(b"\x02" + 2 * (NULL + b"\x02ab" + b"\xff" * 4), ONE_OUTPUT)],
            Fault.COINBASE_POSITION,
        ),
        (
            [COINBASE, base_tx(b"\x02" + SOME + REST + NULL + REST, ONE_OUTPUT)],
            Fault.COINBASE_POSITION,
        ),
        # Not null: a zero hash with an index, an index of all ones with a hash.
        ([COINBASE, base_tx(b"\x01" + bytes(36) + REST, ONE_OUTPUT)], Fault.NONE),
        ([COINBASE, base_tx(b"\x01" + b"\x05" * 32 + b"\xff" * 4 + REST, ONE_OUTPUT)], Fault.NONE),
        ([COINBASE, base_tx(b"\x01" + SOME + REST, b"\x00")], Fault.NO_INPUT_OR_OUTPUT),
        ([COINBASE, base_tx(b"\x00", ONE_OUTPUT)], Fault.NO_INPUT_OR_OUTPUT),
        ([COINBASE, base_tx(b"\x00\x00", b"")], Fault.WITNESS_FLAG),
        ([COINBASE, base_tx(b"\x00\x02\x01" + SOME + REST, ONE_OUTPUT)], Fault.WITNESS_FLAG),
        ([COINBASE, base_tx(b"\x00\x01\x00", ONE_OUTPUT)], Fault.NO_INPUT_OR_OUTPUT),
        (
            [COINBASE, base_tx(b"\x00\x01\x01" + SOME + REST, ONE_OUTPUT + b"\x00")],
            Fault.SUPERFLUOUS_WITNESS,
        ),
        ([COINBASE, base_tx(b"\xfd\x01\x00" + SOME + REST, ONE_OUTPUT)], Fault.COMPACT_SIZE),
        ([COINBASE, base_tx(b"\xfe\xfd\x00\x00\x00" + SOME, b"")], Fault.COMPACT_SIZE),
        ([COINBASE, base_tx(b"\xff" + b"\x01" * 8 + SOME, b"")], Fault.COMPACT_SIZE),
        (
            [COINBASE, base_tx(b"\x01" + SOME + b"\xfd\x00\x00" + b"\xff" * 4, ONE_OUTPUT)],
            Fault.COMPACT_SIZE,
        ),
        (
            [COINBASE, base_tx(b"\x01" + SOME + REST, b"\x01" + bytes(8) + b"\xfd\x01\x00\x51")],
            Fault.COMPACT_SIZE,
        ),
        (
            [COINBASE, base_tx(b"\x01" + SOME + REST, b"\x01" + bytes(7) + b"\x80\x01\x51")],
            Fault.VALUE,
        ),
        (
            [COINBASE, Tx(((b"\x05" * 32, 0),), ((TOO_MUCH, OP_TRUE),)).serialize()],
            Fault.VALUE,
        ),
        (
            [COINBASE, Tx(((b"\x05" * 32, 0),), ((TOO_MUCH - 1, b""), (1, b""))).serialize()],
            Fault.VALUE,
        ),
        ([COINBASE, Tx(((b"\x05" * 32, 0),), ((TOO_MUCH - 1, b""),)).serialize()], Fault.NONE),
    ],
)
def test_transactions_that_core_refuses(transactions: list[bytes], fault: Fault) -> None:
    found = fault_of(sealed(transactions))
    assert (found.fault if found else Fault.NONE) == fault


def test_block_without_transactions_or_with_an_odd_count() -> None:
    header = GENESIS[:80]
    assert fault_of(header + b"\x00") == BlockFault(0, Fault.NO_TRANSACTION, 81)
    found = fault_of(header + b"\xfd\x01\x00" + GENESIS[81:])
    assert found is not None
    assert found.fault == Fault.COMPACT_SIZE
    found = fault_of(header + b"\x02" + GENESIS[81:])
    assert found is not None
    assert found.fault == Fault.TRUNCATED


def test_repeated_transactions_are_a_mutation() -> None:
    """CVE-2012-2459: another list of transactions with the same root."""
    others = [Tx(((bytes([i]) * 32, 0),), ((i, OP_TRUE),)).serialize() for i in (1, 2)]
    honest = [COINBASE, *others]
    assert fault_of(sealed(honest)) is None
    mutated = sealed([*honest, others[-1]])
    assert mutated[36:68] == sealed(honest)[36:68]
    found = fault_of(mutated)
    assert found is not None
    assert found.fault == Fault.MERKLE_MUTATED


def commit(block: Block, outputs: list[bytes], witness: bytes = b"\x01\x20" + bytes(32)) -> bytes:
    """Replace the coinbase of a block by one with these output scripts and this witness."""
    made = Tx(block.transactions[0].inputs, tuple((0, script) for script in outputs), b"ab")
    plain = made.serialize()
    raw = plain[:4] + b"\x00\x01" + plain[4:-4] + witness + plain[-4:]
    others = block.transactions[1:]
    ids = [sha256d(plain), *(tx.txid for tx in others)]
    return sealed([raw if witness else plain, *(tx.serialize() for tx in others)], ids)


def test_witness_commitment(chain: Branch) -> None:
    """BIP-141: the last output of the form counts; the reserved value is one item of 32 bytes."""
    block = chain.blocks[3]
    right = block.transactions[0].outputs[-1][1]
    wrong = right[:6] + bytes(32)
    cases = [
        ([right], b"\x01\x20" + bytes(32), Fault.NONE),
        ([wrong, right], b"\x01\x20" + bytes(32), Fault.NONE),
        ([right + b"more"], b"\x01\x20" + bytes(32), Fault.NONE),
        ([right, right[:37]], b"\x01\x20" + bytes(32), Fault.NONE),
        ([right, wrong], b"\x01\x20" + bytes(32), Fault.WITNESS_COMMITMENT),
        ([right], b"\x01\x20" + bytes(31) + b"\x01", Fault.WITNESS_COMMITMENT),
        ([right[:5] + b"\xee" + right[6:]], b"\x01\x20" + bytes(32), Fault.UNEXPECTED_WITNESS),
        ([right], b"", Fault.WITNESS_RESERVED),
        ([right], b"\x01\x1f" + bytes(31), Fault.WITNESS_RESERVED),
        ([right], b"\x02\x20" + bytes(32) + b"\x00", Fault.WITNESS_RESERVED),
    ]
    for outputs, witness, fault in cases:
        found = fault_of(commit(block, outputs, witness))
        assert (found.fault if found else Fault.NONE) == fault, (outputs, witness)


def test_commitment_without_witness_data_is_not_looked_at(chain: Branch) -> None:
    """Blocks of before BIP-141 may show one by chance."""
    bare = chain.fork(0)
    script = chain.blocks[3].transactions[0].outputs[-1][1]
    assert fault_of(bare.add(reward=[(0, script[:6] + bytes(32))]).raw) is None


@given(count=st.integers(1, 40), seed=st.binary(min_size=4, max_size=4))
def test_merkle_root_equals_the_definition(count: int, seed: bytes) -> None:
    hashes = [sha256d(seed + bytes([i])) for i in range(count)]
    level = np.zeros(32 * (count + 1), np.uint8)
    level[:-32] = np.frombuffer(b"".join(hashes), np.uint8)
    out = np.empty(32, np.uint8)
    assert not merkle_root_into(level, count, out, new_scratch())
    assert out.tobytes() == merkle_root(hashes)


def test_every_fault_has_a_text() -> None:
    assert set(FAULT_TEXT) == set(Fault) - {Fault.NONE}


@given(data=st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    assert fault_of(GENESIS[:80] + data) is not None


@pytest.mark.parametrize("name", ["mainnet_300025", "testnet3_928816", "testnet3_1087400"])
def test_real_block_pays_its_miner_subsidy_and_fees(fixtures_dir: Path, name: str) -> None:
    directory = fixtures_dir / "bitcoin"
    parsed = good((directory / f"{name}.block.raw").read_bytes())
    rows = lzma.decompress((directory / f"{name}.prevouts.jsonl.xz").read_bytes()).splitlines()
    value = {(row["prev_txid"], row["prev_vout"]): row["value"] for row in map(json.loads, rows)}
    data = parsed.data.tobytes()
    paid_in = sum(
        value[data[at : at + 32][::-1].hex(), struct.unpack("<I", data[at + 32 : at + 36])[0]]
        for at in parsed.prevout_at.tolist()
    )
    first = int(parsed.tx_output[1])
    fees = paid_in - int(parsed.value[first:].sum())
    height = int(name.split("_")[1])
    assert int(parsed.value[:first].sum()) == (50 * COIN >> height // 210_000) + fees
    assert len(rows) == parsed.prevout_at.size


def test_transactions_that_stand_alone() -> None:
    """Coinbases and others in any order, with and without witness; ids as the second hand says."""
    first = coinbase(7, [(5, p2pkh(1))])
    second = spend((first, 0), to=[(3, p2pkh(2)), (1, b"\x6a")], witness=True)
    third = spend((second, 0), (second, 1), to=[(2, p2pkh(1))])
    transactions = [third, first, second, coinbase(8, [(6, p2pkh(3))])]
    raw = [tx.serialize() for tx in transactions]
    ends = np.cumsum([len(one) for one in raw])
    data = np.frombuffer(bytearray(b"".join(raw)), np.uint8)
    parsed = parse_transactions(data, ends - [len(one) for one in raw], ends)
    assert isinstance(parsed, ParsedBlocks)
    assert [row.tobytes() for row in parsed.txid] == [tx.txid for tx in transactions]
    assert np.diff(parsed.tx_input).tolist() == [2, 0, 1, 0]
    assert parsed.value.tolist() == [2, 5, 3, 1, 6]


@pytest.mark.parametrize("cut", [1, 4, 50])
def test_a_transaction_that_is_cut_off(cut: int) -> None:
    raw = spend((coinbase(1, [(5, p2pkh(1))]), 0), to=[(3, p2pkh(2))]).serialize()[:-cut]
    data = np.frombuffer(bytearray(raw), np.uint8)
    assert isinstance(parse_transactions(data, np.array([0]), np.array([len(raw)])), BlockFault)
