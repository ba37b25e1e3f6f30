import json
import lzma
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.address import (
    AddressStatus,
    address_of,
    decode_addresses,
    encode_addresses,
    script_of,
)
from clewline.codec.networks import NETWORKS
from clewline.codec.script import has_address, script_kinds
from clewline.errors import AddressError

MAIN, TEST, REGTEST = NETWORKS["main"], NETWORKS["test"], NETWORKS["regtest"]
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/segwit_addresses.json").read_text())

# Payments to these can be found in Bitcoin Core's own vectors (key_io_valid.json).
P2PKH = "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo"
P2SH = "36j4NfKv6Akva9amjWrLG6MuSQym1GuEmm"
TEST_P2PKH = "mzK2FFDEhxqHcmrJw1ysqFkVyhUULo45hZ"


def status_of(text: str, network: Any = MAIN) -> AddressStatus:
    return AddressStatus(decode_addresses([text], network).status[0])


def bulk(scripts: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blob = np.frombuffer(b"".join(scripts), np.uint8)
    starts = np.cumsum([0, *map(len, scripts)]).astype(np.int64)
    return blob, starts, script_kinds(blob, starts)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["in_address"])
def test_segwit_vectors(vector: dict[str, str]) -> None:
    network = NETWORKS[vector["out_network"]]
    script = script_of(vector["in_address"], network)
    assert script.hex() == vector["out_script"], vector["why"]
    assert address_of(script, network) == vector["in_address"].lower()


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["in_address"])
def test_segwit_refusals(vector: dict[str, str]) -> None:
    status = status_of(vector["in_address"], NETWORKS[vector["in_network"]])
    assert status.name == vector["out_status"], vector["why"]


@pytest.mark.parametrize(
    ("text", "network", "script"),
    [
        (P2PKH, MAIN, "76a914a31c06bd463e3923bc1aadbde48b16976c08071788ac"),
        (P2SH, MAIN, "a914373b819a068f32b7a6b38b6b38729647cfde01c287"),
        (TEST_P2PKH, TEST, "76a914ce28b26c57472737f5c3561a1761185bd8589a4388ac"),
        ("1111111111111111111114oLvT2", MAIN, "76a914" + "00" * 20 + "88ac"),
        ("11111111111111111111BZbvjr", MAIN, "76a914" + "00" * 19 + "0188ac"),
    ],
)
def test_base58(text: str, network: Any, script: str) -> None:
    assert script_of(text, network).hex() == script
    assert address_of(bytes.fromhex(script), network) == text


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("", "NOT_AN_ADDRESS", "empty"),
        ("x", "NOT_AN_ADDRESS", "far too short"),
        ("the site", "NOT_AN_ADDRESS", "words"),
        (P2PKH[:-1], "BAD_CHECKSUM", "last character missing: still 25 bytes"),
        (P2PKH[:-2], "BAD_LENGTH", "two characters missing"),
        (P2PKH + "1", "BAD_LENGTH", "a character too many"),
        (P2PKH[:-1] + "p", "BAD_CHECKSUM", "last character"),
        (P2PKH[:-1] + "0", "BAD_CHARACTERS", "no zero in base58"),
        (P2PKH[:-1] + "é", "BAD_CHARACTERS", "not ASCII"),
        (P2PKH[:-1] + "\ud800", "BAD_CHARACTERS", "a surrogate"),
        (" " + P2PKH, "BAD_CHARACTERS", "nothing is stripped"),
        ("1" + P2PKH, "BAD_LENGTH", "a leading zero too many"),
        (TEST_P2PKH, "OTHER_NETWORK", ""),
        ("LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", "OTHER_NETWORK", "Litecoin"),
        ("TV6MuMXfmLbBqPZvBHdwFsDnQeVfnmiuSi", "NOT_AN_ADDRESS", "right checksum, Tron"),
        ("0x" + "00" * 20, "NOT_AN_ADDRESS", "Ethereum"),
        ("bc1" + "q" * 88, "BAD_LENGTH", "91 characters"),
        ("bc1" + "q" * 87, "BAD_CHECKSUM", "90 characters"),
    ],
)
def test_refusals(text: str, expected: str, why: str) -> None:
    assert status_of(text).name == expected, why
    with pytest.raises(AddressError) as caught:
        script_of(text, MAIN)
    assert caught.value.where == (text if len(text) <= 90 else text[:90] + "…")
    assert "'main'" in caught.value.message


def test_networks_share_addresses_as_core_has_it() -> None:
    def owners(text: str) -> set[str]:
        return {name for name, n in NETWORKS.items() if status_of(text, n) is AddressStatus.OK}

    assert owners("bc1pfeessrawgf") == {"main"}
    assert owners(P2PKH) == {"main", "bitcoin-cash"}
    assert owners(P2SH) == {"main", "bitcoin-cash", "litecoin"}
    assert {n for n in owners(TEST_P2PKH) if NETWORKS[n].coin == MAIN.coin} == {
        *("test", "testnet4", "signet", "regtest")
    }
    assert owners("bcrt1pfeesnyr2tx") == {"regtest"}
    tb = address_of(bytes.fromhex("51024e73"), TEST)
    assert tb is not None
    assert owners(tb) == {"test", "testnet4", "signet"}


def test_error_names_the_other_network() -> None:
    with pytest.raises(AddressError, match="belongs to regtest") as caught:
        script_of("bcrt1pfeesnyr2tx", MAIN)
    assert caught.value.hint is None
    with pytest.raises(AddressError, match="belongs to test or testnet4 or signet or regtest"):
        script_of(TEST_P2PKH, MAIN)


@pytest.mark.parametrize(
    "address",
    [P2PKH, P2SH, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"],
)
def test_hint_for_every_single_slip(address: str) -> None:
    for i in range(len(address)):
        wrong = address[:i] + ("z" if address[i] != "z" else "y") + address[i + 1 :]
        with pytest.raises(AddressError) as caught:
            script_of(wrong, MAIN)
        assert caught.value.hint == f"did you mean {address}?"
    for i in range(len(address) - 1):
        if address[i] != address[i + 1]:
            wrong = address[:i] + address[i + 1] + address[i] + address[i + 2 :]
            with pytest.raises(AddressError) as caught:
                script_of(wrong, MAIN)
            assert caught.value.hint == f"did you mean {address}?"


def test_hint_for_mixed_case() -> None:
    with pytest.raises(AddressError, match="all lower case or all upper") as caught:
        script_of("bc1PFEESSrawgf", MAIN)
    assert caught.value.hint == "did you mean bc1pfeessrawgf?"


def test_no_hint_where_nothing_is_near_and_quick() -> None:
    started = time.process_time()
    for wrong in ("bc1" + "q" * 87, P2PKH[:-3] + "zzz", "x" * 10_000):
        with pytest.raises(AddressError) as caught:
            script_of(wrong, MAIN)
        assert caught.value.hint is None
    assert time.process_time() - started < 1


def test_no_address() -> None:
    for script in ("", "51", "6a", "21" + "02" + "11" * 32 + "ac"):
        assert address_of(bytes.fromhex(script), MAIN) is None


def test_subset_in_any_order() -> None:
    texts = [P2PKH, P2SH, "bc1pfeessrawgf"]
    blob, starts, kinds = bulk([script_of(texts[0], MAIN), b"\x6a", *(
        script_of(text, MAIN) for text in texts[1:])])  # fmt: skip
    ids = np.array([3, 1, 0, 0], np.uint32)
    expected = [texts[2], None, texts[0], texts[0]]
    assert encode_addresses(blob, starts, kinds, MAIN, ids=ids) == expected
    assert encode_addresses(blob, starts, kinds, MAIN, ids=ids[:0]) == []
    assert encode_addresses(blob, starts, kinds, MAIN) == [texts[0], None, *texts[1:]]


def test_bad_ones_leave_no_trace_among_good_ones() -> None:
    longest = VECTORS["valid"][2]["in_address"]
    too_long = VECTORS["invalid"][9]["in_address"]
    texts = [too_long, longest, too_long, P2PKH, "", TEST_P2PKH, P2SH, too_long]
    decoded = decode_addresses(texts, MAIN)
    good = [text for text in texts if text in (longest, P2PKH, P2SH)]
    assert np.flatnonzero(decoded.status == 0).tolist() == [1, 3, 6]
    assert decoded.blob.tobytes() == b"".join(script_of(text, MAIN) for text in good)
    assert np.diff(decoded.starts).tolist() == [0, 42, 0, 25, 0, 0, 23, 0]
    assert decode_addresses([], MAIN).starts.tolist() == [0]


SCRIPTS = st.one_of(
    st.binary(min_size=20, max_size=20).map(lambda h: b"\x76\xa9\x14" + h + b"\x88\xac"),
    st.binary(min_size=20, max_size=20).map(lambda h: b"\xa9\x14" + h + b"\x87"),
    st.binary(min_size=20, max_size=20).map(lambda h: b"\x00\x14" + h),
    st.binary(min_size=32, max_size=32).map(lambda h: b"\x00\x20" + h),
    st.tuples(st.integers(0x51, 0x60), st.binary(min_size=2, max_size=40)).map(
        lambda pair: bytes([pair[0], len(pair[1])]) + pair[1]
    ),
    st.binary(max_size=50),
)


@given(st.lists(SCRIPTS, max_size=8), st.sampled_from([MAIN, TEST, REGTEST]))
def test_round_trip(scripts: list[bytes], network: Any) -> None:
    blob, starts, kinds = bulk(scripts)
    addresses = encode_addresses(blob, starts, kinds, network)
    assert [address is not None for address in addresses] == [bool(has_address(k)) for k in kinds]
    shown = [address for address in addresses if address is not None]
    decoded = decode_addresses(shown, network)
    assert (decoded.status == AddressStatus.OK).all()
    kept = [script for script, kind in zip(scripts, kinds, strict=True) if has_address(kind)]
    assert decoded.blob.tobytes() == b"".join(kept)


@given(st.text(max_size=100))
def test_arbitrary_text_is_refused(text: str) -> None:
    assert status_of(text) is not AddressStatus.OK


def real_addresses(fixtures_dir: Path, currency: str) -> list[str]:
    path = fixtures_dir / "addresses" / f"real_{currency}.txt.xz"
    return lzma.decompress(path.read_bytes()).decode("ascii").split()


def test_core_valid_addresses(fixtures_dir: Path) -> None:
    checked = 0
    for text, script, about in json.loads(
        (fixtures_dir / "addresses" / "key_io_valid.json").read_text()
    ):
        if about["isPrivkey"]:
            continue
        network = NETWORKS[about["chain"]]
        assert script_of(text, network).hex() == script
        assert address_of(bytes.fromhex(script), network) == text
        flipped = text.swapcase()
        assert (status_of(flipped, network) is AddressStatus.OK) == about.get("tryCaseFlip", False)
        checked += 1
    assert checked > 40


def test_core_invalid_addresses(fixtures_dir: Path) -> None:
    vectors = json.loads((fixtures_dir / "addresses" / "key_io_invalid.json").read_text())
    for (text,) in vectors:
        for network in NETWORKS.values():
            assert status_of(text, network) is not AddressStatus.OK, text


def test_private_keys_are_no_addresses(fixtures_dir: Path) -> None:
    for text, _, about in json.loads(
        (fixtures_dir / "addresses" / "key_io_valid.json").read_text()
    ):
        if about["isPrivkey"]:
            assert status_of(text, NETWORKS[about["chain"]]) is AddressStatus.NOT_AN_ADDRESS


def test_bip341_addresses(fixtures_dir: Path) -> None:
    vectors = json.loads((fixtures_dir / "addresses" / "bip341_wallet_vectors.json").read_text())
    for vector in vectors["scriptPubKey"]:
        expected = vector["expected"]
        assert (
            address_of(bytes.fromhex(expected["scriptPubKey"]), MAIN) == (expected["bip350Address"])
        )


def test_real_addresses_come_back_identical(fixtures_dir: Path) -> None:
    texts = real_addresses(fixtures_dir, "btc")
    decoded = decode_addresses(texts, MAIN)
    assert (decoded.status == AddressStatus.OK).all()
    kinds = script_kinds(decoded.blob, decoded.starts)
    assert encode_addresses(decoded.blob, decoded.starts, kinds, MAIN) == texts
    assert len(texts) == 99_999


@pytest.mark.parametrize("currency", ["ltc", "zec"])
def test_real_addresses_of_other_currencies(fixtures_dir: Path, currency: str) -> None:
    status = decode_addresses(real_addresses(fixtures_dir, currency), MAIN).status
    assert (status == AddressStatus.OTHER_NETWORK).all()


def test_every_output_of_a_core_node(core_regtest: Path) -> None:
    scripts, shown = [], []
    with (core_regtest / "rpc.jsonl").open() as lines:
        for line in lines:
            for tx in json.loads(line)["tx"]:
                for output in tx["vout"]:
                    scripts.append(bytes.fromhex(output["scriptPubKey"]["hex"]))
                    shown.append(output["scriptPubKey"].get("address"))
    blob, starts, kinds = bulk(scripts)
    assert encode_addresses(blob, starts, kinds, REGTEST) == shown
    decoded = decode_addresses([text for text in shown if text], REGTEST)
    assert (decoded.status == AddressStatus.OK).all()
    assert len({type(text) for text in shown}) == 2
