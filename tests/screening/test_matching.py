"""Direct matching on every chain, in every form, with time: no chain store."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.screening.made_up import evm, listed, p2pkh, screen

from clewline.errors import LabelFileError
from clewline.intake.kinds import erc55
from clewline.intake.reading import read_address
from clewline.screening.chains import ChainReader
from clewline.screening.texts import Texts, keys_of

BOAT = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
BECH32 = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
# One of each kind: from the tests of intake, all of them public vectors or made up.
EVERY = (
    *(BOAT, BECH32, BECH32.upper(), "3P14159f73E4gFr7JterCCQh9QjiTjiZrG"),
    *("bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",),
    *("LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb", "M8T1B2Z97gVdvmfkQcAtYbEepune1tzGua"),
    *("1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",),
    *("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",),
    *("qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",),
    "0x" + erc55("fb6916095ca1df60bb79ce92ce3ea74c37c5d359"),
    *("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"),
    *("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
    *("EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2",),
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
    "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
    "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
)


@pytest.mark.parametrize("text", EVERY)
def test_a_column_reads_as_the_registry_does(text: str) -> None:
    for one in (text, text[:-1] + ("a" if text[-1] != "a" else "b"), text + "x", text[:12]):
        read = ChainReader().read(Texts.of([one]))
        expected = tuple(dict.fromkeys(reading.chain for reading in read_address(one)))
        assert read.groups[read.group[0]] == expected


@given(st.text(max_size=60))
def test_any_text_reads_as_the_registry_does(text: str) -> None:
    word = text.strip("".join(map(chr, range(33))))
    read = ChainReader().read(Texts.of([text]))
    expected = tuple(dict.fromkeys(reading.chain for reading in read_address(word)))
    assert read.groups[read.group[0]] == expected


def test_each_kind_meets_its_own_entry(tmp_path: Path) -> None:
    readable = [text for text in EVERY if read_address(text)]
    assert len(readable) > 14
    watchlist = listed(tmp_path, *readable)
    rows = "id,address\n" + "".join(f"{n},{text}\n" for n, text in enumerate(readable))
    lines, counts, faults = screen(watchlist, rows)
    assert [line["result"] for line in lines] == ["direct"] * len(readable)
    assert counts.hits == len(readable)
    assert not faults


@pytest.mark.parametrize(
    ("on_list", "in_row"),
    [
        (BECH32, BECH32.upper()),
        ("qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"),
        (
            "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
            "BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A",
        ),
        (
            "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359",
            "0xFB6916095CA1DF60BB79CE92CE3EA74C37C5D359",
        ),
        ("rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi"),
        ("EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2", None),
    ],
)
def test_one_address_in_two_forms_is_one(tmp_path: Path, on_list: str, in_row: str | None) -> None:
    if in_row is None:  # TON: the same account in the raw form, and with the other tag
        body = base64.urlsafe_b64decode(on_list)[:34]
        in_row = f"0:{body[2:].hex()}"
        other = bytes([0x51]) + body[1:]
        data = other + binascii.crc_hqx(other, 0).to_bytes(2, "big")
        assert (
            screen(listed(tmp_path, on_list), f"address\n{base64.b64encode(data).decode()}\n")[
                1
            ].direct
            == 1
        )
    lines, _counts, _faults = screen(listed(tmp_path, on_list), f"address\n{in_row}\n")
    assert lines[0]["result"] == "direct"


def test_case_tells_base58_apart_and_a_key_alone_never_hits(tmp_path: Path) -> None:
    other = BOAT.swapcase()
    column = Texts.of([BOAT, other])
    assert len(set(keys_of(column.data, column.begins, column.ends).tolist())) == 1
    lines, _counts, faults = screen(listed(tmp_path, BOAT), f"id,address\nx,{other}\n")
    assert lines[0]["result"] == "not loaded"
    assert "not an address" in faults[0].reason


def test_a_row_names_its_chain_and_a_text_alone_may_be_of_several(tmp_path: Path) -> None:
    watchlist = listed(tmp_path, f"{BOAT},BTC")
    lines, _counts, faults = screen(
        watchlist,
        f"id,address,chain\n1,{BOAT},\n2,{BOAT},bitcoin\n3,{BOAT},BCH\n4,{BOAT},TRX\n"
        f"5,{evm('x')},Polygon\n6,whatever,ALGO\n7,whatever,BTC\n",
    )
    assert [(line["id"], line["chain"], line["result"]) for line in lines] == [
        ("1", "BTC BCH", "direct"),
        ("2", "BTC", "direct"),
        ("3", "BCH", "clean"),
        ("4", "BTC BCH", "direct"),
        ("5", "ETH", "clean"),
        ("6", "ALGO", "not loaded"),
        ("7", "BTC", "not loaded"),
    ]
    assert [(fault.line, fault.reason) for fault in faults] == [
        (5, "not an address of 'TRX'"),
        (8, "not an address of 'BTC'"),
    ]
    # The name of a token contradicts no address.
    lines, _counts, faults = screen(watchlist, f"address,asset\n{evm('x')},USDT\n")
    assert (lines[0]["chain"], lines[0]["result"], faults) == ("ETH", "clean", [])


def test_a_chain_that_is_not_read_is_compared_as_text(tmp_path: Path) -> None:
    watchlist = listed(tmp_path, "SOMEADDRESS,ALGO")
    lines, _counts, _faults = screen(
        watchlist, "address,chain\nSOMEADDRESS,algo\nsomeaddress,ALGO\n"
    )
    assert [line["result"] for line in lines] == ["direct", "not loaded"]


def test_assignment_intervals_are_honoured(tmp_path: Path) -> None:
    watchlist = listed(tmp_path, f"{BOAT},BTC,2023-03-01,2023-03-31")
    rows = "id,address,time\n" + "".join(
        f"{n},{BOAT},{time}\n"
        for n, time in enumerate(
            [
                "2023-02-28T23:59:59Z",
                "2023-03-01",
                "2023-03-31T23:59:59Z",
                "2023-04-01",
                "",
                "1679000000",
            ]
        )
    )
    found = [line["result"] for line in screen(watchlist, rows)[0]]
    assert found == ["clean", "direct", "direct", "clean", "direct", "direct"]
    assert screen(watchlist, rows, slack=1)[0][0]["result"] == "direct"


def test_rows_before_the_look_back_window_are_not_called_clean(tmp_path: Path) -> None:
    rows = f"address,time\n{BOAT},2023-01-01\n{BOAT},2023-11-01\n{p2pkh('a')},2023-11-01\n"
    lines, counts, _faults = screen(listed(tmp_path, BOAT), rows, lookback=60)
    assert [line["result"] for line in lines] == ["not loaded", "direct", "clean"]
    assert (counts.not_loaded, counts.direct, counts.clean) == (1, 1, 1)


def test_what_was_withdrawn_is_not_on_the_list(tmp_path: Path) -> None:
    watchlist = listed(tmp_path, f"{BOAT},,,,withdrawn", BECH32)
    assert [entry.address for entry in watchlist.entries] == [BECH32]


def test_the_version_depends_on_what_the_list_says_alone(tmp_path: Path) -> None:
    one, two = listed(tmp_path, BOAT, BECH32), listed(tmp_path, BECH32, BOAT, BOAT)
    assert one.version == two.version
    assert one.version != listed(tmp_path, BOAT).version


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (f"{BOAT}x", "no address of any chain"),
        (f"{BOAT},LTC", "no address of LTC"),
        ("0x1234,ETH", "no address of ETH"),
        (f"0:{'ab' * 33},TON", "no address of TON"),
        (f"{BOAT},BTC,yesterday", "neither a date nor a time"),
        (f"{BOAT},BTC,2024-01-02,2024-01-01", "valid_from is after valid_until"),
        ("", "no address"),
    ],
)
def test_a_list_with_a_bad_row_is_refused_with_its_line(
    tmp_path: Path, row: str, problem: str
) -> None:
    with pytest.raises(LabelFileError, match=problem) as caught:
        listed(tmp_path, BECH32, row)
    assert "hotline.csv:3" in str(caught.value)
