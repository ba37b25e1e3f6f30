"""One text as an address: what it may be, by every chain of the registry."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.base58 import base58_blocks_decode, base58_blocks_encode, base58check_encode
from clewline.codec.keccak import keccak256
from clewline.intake import read_address
from clewline.intake.kinds import erc55
from clewline.intake.registry import KINDS, UNSUPPORTED, Strength

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "intake.json").read_text(encoding="utf-8")
)
# Names of the vectors' files that are not currency codes.
CHAINS = {
    **{"Acala": "ACA", "BandChain": "BAND", "Binance": "BNB", "TBinance": "BNB", "Bitcoin": "BTC"},
    **{"BitcoinCash": "BCH", "Bluzelle": "BLZ", "Cardano": "ADA", "Cosmos": "ATOM"},
    **{"Dogecoin": "DOGE", "Dydx": "DYDX", "Ethereum": "ETH", "Greenfield": "ETH"},
    **{"Harmony": "ONE", "IoTeX": "IOTX", "Kava": "KAVA", "Kusama": "KSM", "Litecoin": "LTC"},
    **{"MultiversX": "EGLD", "NativeEvmos": "EVMOS", "NativeInjective": "INJ", "TON": "TON"},
    **{"NativeZetaChain": "ZETA", "Polkadot": "DOT", "Polymesh": "POLYX", "Solana": "SOL"},
    **{"Stellar": "XLM", "THORChain": "RUNE", "Terra": "LUNA", "Theta": "ETH", "Tron": "TRX"},
    **{"VeChain": "ETH", "XRP": "XRP", "Zcash": "ZEC", "Zilliqa": "ZIL", "common": ""},
}
# A test that gives the SS58 prefix by hand: not what the chain's name says.
BY_HAND = {"cEYtw6AVMB27hFUs4gVukajLM7GqxwxUfJkbPY3rNToHMcCgb"}


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["why"])
def test_valid(vector: dict[str, str]) -> None:
    (reading,) = read_address(vector["in_address"])
    assert reading.chain == vector["out_chain"]
    assert reading.kind == vector["out_kind"]
    assert reading.canonical == vector.get("out_canonical", vector["in_address"])
    assert reading.strength == vector["out_strength"]
    assert reading.tag == vector.get("out_tag", "")


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_invalid(vector: dict[str, str]) -> None:
    assert read_address(vector["in_address"]) == []


def test_keccak_is_the_original() -> None:
    # Keccak team's vectors; SHA3-256 of nothing begins with a7ffc6f8.
    assert keccak256(b"").hex().startswith("c5d2460186f7233c")
    assert keccak256(b"abc").hex().startswith("4e03657aea45a94f")
    # One block and a bit, and a whole block: padding gets a block of its own.
    assert keccak256(bytes(136)) != keccak256(bytes(137))
    assert keccak256(b"a" * 135).hex().startswith("34367dc248bbd832")


@pytest.mark.parametrize("version, kind", [(18, "standard"), (42, "subaddress")])
@given(keys=st.binary(min_size=64, max_size=64))
def test_monero_round_trip(version: int, kind: str, keys: bytes) -> None:
    data = bytes([version]) + keys
    text = base58_blocks_encode(data + keccak256(data)[:4])
    assert base58_blocks_decode(text) == data + keccak256(data)[:4]
    (reading,) = read_address(text)
    assert (reading.chain, reading.kind, reading.canonical) == ("XMR", kind, text)


@given(keys=st.binary(min_size=64, max_size=64), payment=st.binary(min_size=8, max_size=8))
def test_monero_integrated_is_the_standard_address_with_a_tag(keys: bytes, payment: bytes) -> None:
    def text(data: bytes) -> str:
        return base58_blocks_encode(data + keccak256(data)[:4])

    (reading,) = read_address(text(b"\x13" + keys + payment))
    assert reading.canonical == text(b"\x12" + keys)
    assert reading.tag == payment.hex()


@given(st.binary(min_size=20, max_size=20))
def test_evm_case(account: bytes) -> None:
    right = f"0x{erc55(account.hex())}"
    assert [reading.canonical for reading in read_address(right)] == [right]
    assert [one.strength for one in read_address(f"0x{account.hex()}")] == [Strength.NONE]


@given(st.binary(min_size=20, max_size=20))
def test_tron_round_trip(account: bytes) -> None:
    (reading,) = read_address(base58check_encode(b"\x41" + account))
    assert reading.chain == "TRX"


@given(st.text())
def test_any_text_is_borne(text: str) -> None:
    read_address(text)


def test_invoices_in_upper_case_as_qr_codes_have_them() -> None:
    text = VECTORS["valid"][-1]["in_address"]
    (reading,) = read_address(text.upper())
    assert reading.canonical == text


def test_one_text_may_be_of_several_chains() -> None:
    readings = read_address("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy")
    assert [reading.chain for reading in readings] == ["BTC", "LTC", "BCH"]
    assert len({reading.canonical for reading in readings}) == 3


def test_no_chain_is_both_supported_and_not() -> None:
    assert not set(CHAINS) & set(UNSUPPORTED)
    assert all(kind.shortest <= kind.longest and kind.rule for kind in KINDS)


def test_strict_vectors_of_80_chains(fixtures_dir: Path) -> None:
    path = fixtures_dir / "addresses" / "wallet_core_80_chains.json"
    said: dict[tuple[str, str], set[bool]] = defaultdict(set)
    for row in json.loads(path.read_text(encoding="utf-8")):
        said[row["chain"].rpartition("/")[2], row["address"]].add(row["expect"])
    checked = 0
    for (name, address), expected in said.items():
        # What is valid on one network and not on another is both, and proves nothing.
        if name in UNSUPPORTED or name == "eCash" or len(expected) > 1 or address in BY_HAND:
            continue
        chain = CHAINS[name]
        networks = [one.network for one in read_address(address) if chain in ("", one.chain)]
        if name in ("Binance", "TBinance"):
            networks = [one for one in networks if (one == "bnb-test") == (name == "TBinance")]
        assert bool(networks) == expected.pop(), (name, address)
        checked += 1
    assert checked > 250
