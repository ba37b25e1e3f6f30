"""Every rule that a node would hold the blocks to, but for scripts and signatures."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.play.conftest import SIZE, Case
from tests.play.plain_chain import merkle_root, read_blocks, sha256d

from clewline.play import block_files, make_play
from clewline.play.block_files import _height_script

GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
TARGET = 0x7FFFFF << 8 * 29


def test_chain_of_headers(case: Case) -> None:
    assert case.blocks[0].hash[::-1].hex() == GENESIS
    for before, block in zip(case.blocks, case.blocks[1:], strict=False):
        assert block.previous == before.hash
        assert block.time > before.time
        assert block.bits == 0x207FFFFF
        assert int.from_bytes(block.hash, "little") <= TARGET
    assert case.blocks[-1].hash[::-1].hex() == case.summary.tip
    assert len(case.blocks) == case.summary.height + 1


def test_merkle_roots_and_witness_commitments(case: Case) -> None:
    for block in case.blocks:
        txids = [bytes.fromhex(tx.txid)[::-1] for tx in block.txs]
        assert merkle_root(txids) == block.merkle_root
        if block is case.blocks[0]:
            continue
        coinbase = block.txs[0]
        assert coinbase.witness == [[bytes(32)]]
        wtxids = [bytes(32), *(tx.wtxid for tx in block.txs[1:])]
        commitment = sha256d(merkle_root(wtxids) + bytes(32))
        assert coinbase.outputs[-1] == (0, bytes.fromhex("6a24aa21a9ed") + commitment)


def test_every_input_exists_is_unspent_and_mature_and_rewards_are_exact(case: Case) -> None:
    unspent: dict[tuple[str, int], tuple[int, int, bool]] = {}
    for height, block in enumerate(case.blocks):
        fees = 0
        for tx in block.txs[1:]:
            assert not tx.is_coinbase
            total = 0
            for prevout in tx.inputs:
                value, made_at, from_coinbase = unspent.pop(prevout)
                assert not from_coinbase or height - made_at >= 100
                total += value
            fee = total - sum(value for value, _ in tx.outputs)
            assert fee >= tx.stripped  # a satoshi a byte at least: relayed and mined
            fees += fee
            for vout, (value, script) in enumerate(tx.outputs):
                assert value >= 546 or script[0] == 0x6A
                unspent[tx.txid, vout] = (value, height, False)
        coinbase = block.txs[0]
        assert coinbase.is_coinbase
        reward = sum(value for value, _ in coinbase.outputs)
        assert reward == (50_0000_0000 >> height // 150) + fees
        if height > 0:  # Core's genesis coinbase cannot be spent
            for vout, (value, _) in enumerate(coinbase.outputs):
                unspent[coinbase.txid, vout] = (value, height, True)


def test_some_outputs_are_spent_in_their_own_block(case: Case) -> None:
    within = 0
    for block in case.blocks:
        ids = {tx.txid for tx in block.txs}
        within += sum(txid in ids for tx in block.txs[1:] for txid, _ in tx.inputs)
    assert within > 10


def test_coinbases_begin_with_their_height(case: Case) -> None:
    """BIP-34."""
    for height, block in enumerate(case.blocks[1:], 1):
        script = block.txs[0].scripts[0]
        assert 2 <= len(script) <= 100
        if height <= 16:
            assert script[0] == 0x50 + height
        else:
            assert int.from_bytes(script[1 : 1 + script[0]], "little") == height


def test_height_is_a_positive_script_number() -> None:
    assert _height_script(127)[:2] == b"\x01\x7f"
    assert _height_script(128)[:3] == b"\x02\x80\x00"
    assert _height_script(0x7FFF)[:3] == b"\x02\xff\x7f"
    assert _height_script(0x8000)[:4] == b"\x03\x00\x80\x00"


def test_weights_locks_and_variety(case: Case) -> None:
    versions, sequences, locked = set(), set(), 0
    for height, block in enumerate(case.blocks):
        weight = 3 * (81 + sum(tx.stripped for tx in block.txs)) + len(block.raw)
        assert weight <= 4_000_000
        for tx in block.txs[1:]:
            assert tx.locktime < max(height, 1)
            versions.add(tx.version)
            sequences.update(tx.sequences)
            locked += tx.locktime > 0
    assert versions == {1, 2}
    assert sequences == {0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF}
    assert locked > SIZE // 10


def test_obfuscation_and_tail(case: Case) -> None:
    key = (case.summary.blocks / "xor.dat").read_bytes()
    assert len(key) == 8
    assert 0 not in key
    raw = (case.summary.blocks / "blk00000.dat").read_bytes()
    assert raw[:4] != bytes.fromhex("fabfb5da")
    assert len(case.tails) == 1
    assert 0 < case.tails[0] < 0x100000
    assert len(raw) % 0x100000 == 0


def test_inputs_have_the_form_of_their_script_type(case: Case) -> None:
    outputs = {tx.txid: tx.outputs for tx in case.txs}
    seen = set()
    for tx in case.txs:
        for i, (txid, vout) in enumerate(tx.inputs):
            if tx.is_coinbase:
                continue
            script, script_sig = outputs[txid][vout][1], tx.scripts[i]
            witness = tx.witness[i] if tx.witness else []
            sizes = [len(item) for item in witness]
            if script[:3] == b"\x76\xa9\x14":
                assert script_sig[0] in (71, 72)
                assert script_sig[1] == 0x30
                assert len(script_sig) == 1 + script_sig[0] + 34
                assert witness == []
                seen.add("p2pkh")
            elif script[0] == 0xA9:
                assert script_sig[:3] == b"\x16\x00\x14"
                assert sizes[0] in (71, 72)
                assert sizes[1:] == [33]
                seen.add("p2sh-p2wpkh")
            elif script[:2] == b"\x00\x14":
                assert script_sig == b""
                assert sizes[0] in (71, 72)
                assert witness[1][0] in (2, 3)
                seen.add("p2wpkh")
            elif script[:2] == b"\x00\x20":
                assert sizes[0] == 0
                assert {*sizes[1:3]} <= {71, 72}
                assert witness[3][0] == 0x52
                assert witness[3][-2:] == b"\x53\xae"
                assert sizes[3] == 105
                seen.add("p2wsh")
            else:
                assert script[:2] == b"\x51\x20"
                assert sizes == [64]
                seen.add("p2tr")
    assert seen == {"p2pkh", "p2sh-p2wpkh", "p2wpkh", "p2wsh", "p2tr"}


def test_a_full_file_is_followed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_files, "MAX_FILE_BYTES", 50_000)
    summary = make_play(tmp_path / "case", 300, seed=2)
    files = sorted(summary.blocks.glob("blk*.dat"))
    assert len(files) >= 3
    assert all(path.stat().st_size <= 50_000 for path in files)
    blocks, tails = read_blocks(summary.blocks)
    assert blocks[-1].hash[::-1].hex() == summary.tip
    assert len(blocks) == summary.height + 1
    assert tails[:-1] == [0] * (len(files) - 1)
