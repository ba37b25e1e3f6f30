"""Addresses in running text: whole, encoded, broken, mistyped, and what only looks like one."""

import base64
import hashlib
import html
import lzma
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.codec.base58 import base58check_encode
from clewline.intake import find
from clewline.intake.refused import masked, refused
from clewline.intake.unfold import unfold

BTC = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
XMR = (
    "46vPCXu3NvFbVX2FZZ3Cvu6fUaWACup1qDowprUCje1kSP4F"
    "mbftiJMSfV8kWZXNqmVwj4m52xqtgFNUudVmsmGkBkLrZgu"
)
TON = "EQBGqFmKe3oY8PChYN9g92ZEV2ybkzVB-hCiesQRn5mFnrNv"
SOL = "2gVkYWexTHR5Hb2aLeQN3tnngvWzisFKXDUPrgMHpdST"
CASHADDR = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
ALL = [BTC, SEGWIT, EVM, XMR, TON]


def texts(text: str) -> list[str]:
    return [found.text for found in find(text) if found.readings]


def canonical(text: str) -> list[str]:
    return [found.readings[0].canonical for found in find(text) if found.readings]


@pytest.mark.parametrize("address", [*ALL, SOL, CASHADDR])
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "pay ({}).",
        '<a href="x:{}?amount=1">',
        "https://site.example/address/{}",
        "«{}»",
        "_{}_",
    ],
)
def test_whole(address: str, around: str) -> None:
    if address == TON and "_" in around:
        return  # the underscore is one of its characters
    text = around.format(address)
    (found,) = find(text)
    assert found.text == address == text[found.start : found.end]
    assert found.readings
    assert found.checked


def spaced(text: str, gap: str, every: int) -> str:
    return gap.join(text[i : i + every] for i in range(0, len(text), every))


@pytest.mark.parametrize("address", [BTC, SEGWIT, EVM, XMR])
@pytest.mark.parametrize(
    "gap, every",
    [
        (" ", 4),
        ("-", 4),
        ("[.]", 10),
        (" [dot] ", 12),
        ("\n", 30),
        ("\r\n    ", 20),
        (" ", 1),
        ("\u200b", 5),
        ("</b><b>", 9),
        ("\n> ", 25),
        ('" + "', 17),
    ],
)
def test_broken(address: str, gap: str, every: int) -> None:
    broken = spaced(address, gap, every)
    text = f"To the site, Bitcoin or other: {broken} Then wait."
    whole = find(address)[0].readings
    (found,) = find(text)
    assert found.readings == whole
    assert text[found.start : found.end] == found.text == broken


def entities(text: str) -> str:
    return "".join(f"&#{ord(one)};" for one in text)


def percent(text: str) -> str:
    return "".join(f"%{ord(one):02X}" for one in text)


ENCODINGS: list[Callable[[str], str]] = [
    entities,
    lambda text: "".join(f"&#x{ord(one):x};" for one in text),
    percent,
    lambda text: quote(percent(text)),
    lambda text: html.escape(entities(text)),
    lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    lambda text: "".join(f"\\x{ord(one):02x}" for one in text),
    lambda text: "".join(chr(ord(one) + 0xFEE0) for one in text),
    "\u200d".join,
    lambda text: spaced(text, "\u00ad", 3),
    lambda text: spaced(text, "=\r\n", 20),
]


@pytest.mark.parametrize("address", [*ALL, SOL])
@pytest.mark.parametrize("encode", ENCODINGS)
def test_encoded(address: str, encode: Callable[[str], str]) -> None:
    encoded = encode(address)
    text = f"é &amp; before {encoded} after &lt;"
    (found,) = find(text)
    assert found.readings == find(address)[0].readings
    assert found.text == encoded


def test_encoded_in_an_attribute() -> None:
    assert canonical(f"<a href='bitcoin%3A{percent(BTC)}'>") == [BTC]
    assert canonical(f'<p title="{entities(SEGWIT)}"></p>') == [SEGWIT]


@pytest.mark.parametrize("address", ALL)
def test_near_misses_are_proposed_and_never_read(address: str) -> None:
    at = len(address) // 2
    wrong = "2" if address[at] != "2" else "3"
    while address[at] == address[at + 1]:
        at += 1
    for slip in (
        address[:at] + wrong + address[at + 1 :],
        address[:at] + address[at + 1] + address[at] + address[at + 2 :],
    ):
        (found,) = find(f"pay {slip} now")
        assert not found.readings
        assert address in found.did_you_mean
        assert found.text == slip


@pytest.mark.parametrize(
    "slip", [BTC.replace("5", "O"), BTC.replace("F", "l", 1), "Bc1" + SEGWIT[3:]]
)
def test_characters_that_the_alphabet_has_not(slip: str) -> None:
    (found,) = find(slip)
    assert not found.readings
    assert found.did_you_mean in ((BTC,), (SEGWIT,))


def test_an_evm_account_in_wrong_case_is_proposed_in_the_right_one() -> None:
    (found,) = find("0x5aAEB6053f3e94c9b9a09F33669435e7ef1BEAED")
    assert not found.readings
    assert found.did_you_mean == (EVM,)


def test_more_near_misses_than_are_looked_at_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.intake.finding.MOST_NEAR_MISSES", 1)
    first, second = find(f"{BTC[:-1]}3 {BTC[:-1]}4")
    assert first.did_you_mean
    assert first.checked
    assert not second.checked
    assert not second.readings


def test_look_alikes_are_no_addresses() -> None:
    words = [
        hashlib.new(name, str(i).encode()).hexdigest()
        for name in ("md5", "sha1", "sha256")
        for i in range(300)
    ]
    words += [word.upper() for word in words[:100]]
    words += [str(uuid.UUID(int=hash(str(i)) % 2**128)) for i in range(200)]
    words += [hashlib.sha1(str(i).encode()).hexdigest()[:12] for i in range(200)]  # noqa: S324
    words += [
        f"sha256-{base64.b64encode(hashlib.sha256(bytes([i])).digest()).decode()}"
        for i in range(200)
    ]
    found = find(" ".join(words))
    assert [one for one in found if one.readings and one.readings[0].chain != "SOL"] == []


def test_neighbours_are_not_put_together() -> None:
    text = f"<td>{BTC}</td><td>{SEGWIT}</td>\n{BTC} {SEGWIT}"
    assert texts(text) == [BTC, SEGWIT, BTC, SEGWIT]
    assert find(f"{BTC}{SEGWIT}") == []


def test_pieces_without_a_checksum_are_not_put_together() -> None:
    assert find(f"{SOL[:20]} {SOL[20:]}") == []
    assert find(spaced(EVM.lower(), " ", 4)) == []
    assert canonical(f"{EVM.lower()[:22]}\n{EVM.lower()[22:]}") == [EVM]


def test_random_pieces_make_no_address() -> None:
    digits = "".join(hashlib.sha512(bytes([i])).hexdigest() for i in range(40))
    letters = base64.b64encode(bytes.fromhex(digits)).decode()
    for every in (1, 2, 4, 7):
        assert find(spaced(letters, " ", every)) == []


def test_media_are_passed_over() -> None:
    blob = base64.b64encode(hashlib.sha512(b"made up").digest() * 20).decode()
    mail = "\r\n".join(blob[i : i + 76] for i in range(0, len(blob), 76))
    for carried in (
        f"data:image/png;base64,{BTC}{blob}",
        blob,
        f"{mail}\r\n",
        f"data:text/plain,{BTC}",
    ):
        text = f"<img src='{carried}'> {SEGWIT}" if "\n" not in carried else f"{carried}\n{SEGWIT}"
        assert texts(text) == [SEGWIT]
        (span,) = refused(text)
        assert masked(text, [span[:2]]).replace("\0", "").count(BTC) == 0
    addresses = [base58check_encode(b"\0" + hashlib.sha1(bytes([i])).digest()) for i in range(20)]  # noqa: S324
    assert texts("\n".join(addresses)) == addresses
    assert refused("\n".join([SEGWIT + SEGWIT[3:30]] * 9)) == []


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_borne(text: str) -> None:
    for found in find(text):
        assert text[found.start : found.end] == found.text
    view = unfold(text)
    assert view.span(0, len(view.text))[1] <= len(text)


@given(
    st.binary(min_size=20, max_size=20),
    st.sampled_from([b"\0", b"\x05", b"\x30", b"\x1e", b"\x41"]),
)
def test_whatever_is_written_is_found(hashed: bytes, version: bytes) -> None:
    address = base58check_encode(version + hashed)
    assert texts(f"the site says {address}, nothing else") == [address]
    assert len(find(spaced(address, " ", 4))) == 1


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "a",
        " ",
        "<",
        "&",
        "%31",
        "&#49;",
        "0x",
        "1 ",
        "u1 ",
        "A-",
        "<a>",
        "data:",
        "�",
        "bc1q",
        "=\n",
        "lnbc1",
        "&amp;",
        "%25",
        "ab12 ",
        "\u200b",
        "[.]",
        "(",
        "4B",
    ],
)
def test_hostile_text_takes_time_in_proportion(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        took = []
        for _ in range(3):  # the first may compile
            begun = time.process_time()
            find(text)
            took.append(time.process_time() - begun)
        return min(took)

    assert seconds(200_000) < 8 * seconds(50_000) + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["1", "<", "&#49;", "1 ", "u1 ", "ab12 "])
def test_ten_megabytes_of_one_thing(unit: str) -> None:
    begun = time.process_time()
    assert find(unit * (10_000_000 // len(unit))) == []
    assert time.process_time() - begun < 60


@pytest.mark.parametrize("coin", ["btc", "ltc", "bch", "zec"])
@pytest.mark.parametrize("count", [2000, pytest.param(None, marks=pytest.mark.slow)])
def test_real_addresses_in_running_text(fixtures_dir: Path, coin: str, count: int | None) -> None:
    with lzma.open(fixtures_dir / "addresses" / f"real_{coin}.txt.xz", "rt") as lines:
        addresses = lines.read().split()[:count]
    words = (
        "On the page of the site stands, among 3 other things (made up), this one: {} and more.\n"
    )
    found = find("".join(words.format(address) for address in addresses))
    assert [one.text for one in found] == addresses
    assert all(coin.upper() in [one.chain for one in item.readings] for item in found)
