import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.script import (
    ScriptKind,
    has_address,
    is_unspendable,
    script_kind,
    script_kinds,
)

KEY, LONG_KEY = "02" + "11" * 32, "04" + "22" * 64
PUSH_KEY = "21" + KEY

CASES = [
    ("nonstandard", "", "an empty script"),
    ("nonstandard", "51", "anyone can spend"),
    ("pubkeyhash", "76a914" + "00" * 20 + "88ac", ""),
    ("nonstandard", "76a914" + "00" * 20 + "88ac61", "one opcode more"),
    ("nonstandard", "76a913" + "00" * 20 + "88ac", "another length of the push"),
    ("nonstandard", "76a914" + "00" * 20 + "87ac", "EQUAL for EQUALVERIFY"),
    ("scripthash", "a914" + "00" * 20 + "87", ""),
    ("nonstandard", "a914" + "00" * 20 + "88", ""),
    ("nonstandard", "a94c14" + "00" * 20 + "87", "P2SH is a byte pattern, not a program"),
    ("pubkey", "21" + KEY + "ac", ""),
    ("pubkey", "41" + LONG_KEY + "ac", ""),
    ("pubkey", "4106" + "22" * 64 + "ac", "hybrid key"),
    ("nonstandard", "2104" + "11" * 32 + "ac", "header byte of a long key"),
    ("nonstandard", "4102" + "22" * 64 + "ac", "header byte of a short key"),
    ("nonstandard", "4c21" + KEY + "ac", "not the direct push"),
    ("witness_v0_keyhash", "0014" + "00" * 20, ""),
    ("witness_v0_scripthash", "0020" + "00" * 32, ""),
    ("nonstandard", "0010" + "00" * 16, "v0 of 16 bytes"),
    ("nonstandard", "0001" + "00", "too short for a witness program"),
    ("witness_v1_taproot", "5120" + "00" * 32, ""),
    ("witness_unknown", "5114" + "00" * 20, "v1 of 20 bytes"),
    ("anchor", "51024e73", "P2A"),
    ("witness_unknown", "51024e74", ""),
    ("witness_unknown", "52024e73", "P2A is version 1 only"),
    ("witness_unknown", "6028" + "00" * 40, "v16, longest"),
    ("nonstandard", "6029" + "00" * 41, "one byte too long"),
    ("nonstandard", "5001" + "00" * 2, "OP_RESERVED is no version"),
    ("nonstandard", "5103" + "00" * 2, "length byte and size differ"),
    ("nulldata", "6a", "OP_RETURN alone"),
    ("nulldata", "6a0401020304", ""),
    ("nulldata", "6a5060004f", "small numbers and OP_RESERVED are pushes"),
    ("nulldata", "6a4c0101" + "4d010001" + "4e0100000001", "every length of push"),
    ("nonstandard", "6a61", "OP_NOP is no push"),
    ("nonstandard", "6a0201", "cut off"),
    ("nonstandard", "6a4d01", "length cut off"),
    ("nonstandard", "6a4effffffff", "length beyond the end"),
    ("multisig", "51" + PUSH_KEY + "51ae", "1 of 1"),
    ("multisig", "52" + PUSH_KEY + "41" + LONG_KEY + PUSH_KEY + "53ae", "2 of 3"),
    ("multisig", "514c21" + KEY + "51ae", "keys may be pushed less directly"),
    ("multisig", "51" + PUSH_KEY * 17 + "0111ae", "17 keys need a byte"),
    ("multisig", "0114" + PUSH_KEY * 20 + "0114ae", "20 of 20"),
    ("nonstandard", "51" + PUSH_KEY * 21 + "0115ae", "21 keys"),
    ("nonstandard", "0101" + PUSH_KEY + "51ae", "1 has its own opcode"),
    ("nonstandard", "51" + PUSH_KEY * 17 + "4c0111ae", "not the direct push"),
    ("nonstandard", "52" + PUSH_KEY + "51ae", "2 of 1"),
    ("nonstandard", "00" + PUSH_KEY + "51ae", "0 of 1"),
    ("nonstandard", "51" + PUSH_KEY + "52ae", "fewer keys than said"),
    ("nonstandard", "51" + PUSH_KEY * 2 + "51ae", "more keys than said"),
    ("nonstandard", "5151ae", "no key"),
    ("nonstandard", "51" + PUSH_KEY + "5161ae", "an opcode in between"),
    ("nonstandard", "51" + PUSH_KEY + "ae", "no count"),
    ("nonstandard", "51" + PUSH_KEY + "51af", "CHECKMULTISIGVERIFY"),
    ("nonstandard", "ae", ""),
]


def kind_of(script: bytes) -> ScriptKind:
    padded = np.frombuffer(b"\x51" + script + b"\xae", np.uint8)
    return ScriptKind(script_kind(padded, 1, len(script)))


@pytest.mark.parametrize(("expected", "script", "why"), CASES)
def test_kind(expected: str, script: str, why: str) -> None:
    assert kind_of(bytes.fromhex(script)).core_name == expected, why


def test_bulk_equals_single() -> None:
    scripts = [bytes.fromhex(script) for _, script, _ in CASES]
    starts = np.cumsum([0, *map(len, scripts)]).astype(np.int64)
    kinds = script_kinds(np.frombuffer(b"".join(scripts), np.uint8), starts)
    assert kinds.dtype == np.uint8
    assert [ScriptKind(kind).core_name for kind in kinds] == [name for name, _, _ in CASES]


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_of_some_kind(script: bytes) -> None:
    # A missing bounds check reads what stands behind the script; the answer must not change.
    alone = np.frombuffer(script + b"\xae" * 80, np.uint8)
    other = np.frombuffer(script + b"\x00" * 80, np.uint8)
    assert script_kind(alone, 0, len(script)) == script_kind(other, 0, len(script))


@given(st.sampled_from([bytes.fromhex(script) for _, script, _ in CASES if script]), st.data())
def test_cut_scripts_read_nothing_behind_their_end(script: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(script)))
    whole = np.frombuffer(script + bytes(80), np.uint8)
    assert script_kind(whole, 0, cut) == kind_of(script[:cut])


def test_has_address() -> None:
    without = {"nonstandard", "pubkey", "multisig", "nulldata"}
    for kind in ScriptKind:
        assert has_address(int(kind)) == (kind.core_name not in without)
    kinds = np.arange(len(ScriptKind), dtype=np.uint8)
    assert has_address(kinds).tolist() == [k.core_name not in without for k in ScriptKind]


def test_unspendable() -> None:
    blob = np.frombuffer(b"\x6a" + b"\x51" * 10_001, np.uint8)
    assert is_unspendable(blob, 0, 1)
    assert is_unspendable(blob, 0, 50)
    assert not is_unspendable(blob, 0, 0)
    assert not is_unspendable(blob, 1, 10_000)
    assert is_unspendable(blob, 1, 10_001)


def test_every_output_of_a_core_node(core_regtest: Path) -> None:
    scripts, names = [], []
    with (core_regtest / "rpc.jsonl").open() as lines:
        for line in lines:
            for tx in json.loads(line)["tx"]:
                for output in tx["vout"]:
                    scripts.append(bytes.fromhex(output["scriptPubKey"]["hex"]))
                    names.append(output["scriptPubKey"]["type"])
    starts = np.cumsum([0, *map(len, scripts)]).astype(np.int64)
    kinds = script_kinds(np.frombuffer(b"".join(scripts), np.uint8), starts)
    assert [ScriptKind(kind).core_name for kind in kinds] == names
    assert len(names) > 300
