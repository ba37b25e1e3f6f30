"""Indicators in the source of a page. All pages, names and ids here are made up."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import time
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.test_layers import imports, modules

import clewline
from clewline.errors import UsageError
from clewline.intake import pgp
from clewline.intake.hidden_services import is_i2p_hash, onion_version
from clewline.intake.hosts import host_aside, read_host, registrable
from clewline.intake.indicator_marks import Mark, load_marks
from clewline.intake.indicators import ASIDE, KINDS, Indicator, find_indicators, indicator_key
from clewline.intake.places import read_places

V4_KEY = "xjMEU/NfCxYJKwYBBAHaRw8BAQdAPwmJlL3ZFu1AUxl5NOSofIBzOhKA1i+AEJku\nQ+47JAY="
V4_FINGERPRINT = "C959BDBAFA32A2F89A153B678CFDE12197965A9A"
V6_KEY = (
    "xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf\n"
    "GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy"
)
V6_FINGERPRINT = "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9"


def armoured(key: str, headers: str = "") -> str:
    return f"{pgp.BEGIN}\n{headers}\n{key}\n{pgp.END}"


def found(source: str, kind: str) -> list[Indicator]:
    return [one for one in find_indicators(source) if one.kind == kind]


def values(source: str, kind: str) -> list[str]:
    return [one.value for one in found(source, kind)]


def why(source: str, kind: str) -> str | None:
    (one,) = found(source, kind)
    return one.set_aside


# Who may see it


def test_no_command_and_no_public_name_reaches_indicators() -> None:
    hidden = {"clewline.intake.indicators", "clewline.intake.sameness"}
    files = modules()
    # The desk may lead there: it records sightings, and who asked. Its own commands may not.
    seen = {name for name in files if name.startswith("clewline.desk") and "management" not in name}
    desk = set(seen)
    queue = [name for name in files if name.startswith(("clewline.cli", "clewline.workspace"))]
    queue += [name for name in files if "management" in name]
    queue += ["clewline.__init__", "clewline.__main__", "clewline.intake.__init__"]
    while queue:
        name = queue.pop()
        if name in seen or name not in files:
            continue
        seen.add(name)
        for _, target in imports(ast.parse(files[name].read_text(encoding="utf-8")), name):
            parts = target.split(".")
            for stop in range(1, len(parts) + 1):
                module = ".".join(parts[:stop])
                queue += [module, f"{module}.__init__"]
    assert "clewline.intake.finding" in seen
    assert not (seen - desk) & hidden
    for face in (clewline, clewline.intake):
        shown = getattr(face, "__all__", [one for one in vars(face) if not one.startswith("_")])
        assert not {"find_indicators", "indicator_key", "Indicator"} & set(shown)


# IP addresses


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("93.184.215.14", None),
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.1", None),
        ("192.168.0.1", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.1.1", "link_local"),
        ("192.0.2.9", "documentation"),
        ("198.51.100.9", "documentation"),
        ("203.0.113.9", "documentation"),
        ("100.64.0.1", "carrier_nat"),
        ("100.128.0.1", None),
        ("224.0.0.1", "multicast"),
        ("0.1.2.3", "reserved_address"),
        ("255.255.255.255", "reserved_address"),
        ("8.8.8.8", "shared"),
    ],
)
def test_ipv4_ranges(address: str, reason: str | None) -> None:
    assert values(f"listening on {address}", "ipv4") == [address]
    assert why(f"listening on {address}", "ipv4") == (ASIDE[reason] if reason else None)


@pytest.mark.parametrize(
    ("address", "canonical", "reason"),
    [
        ("2A01:04F8:0:0::3", "2a01:4f8::3", None),
        ("2001:db8::1", "2001:db8::1", "documentation"),
        ("fe80::1234", "fe80::1234", "link_local"),
        ("fd00::1234", "fd00::1234", "private"),
        ("ff02::123", "ff02::123", "multicast"),
        ("2606:4700:4700::1111", "2606:4700:4700::1111", "shared"),
    ],
)
def test_ipv6_ranges(address: str, canonical: str, reason: str | None) -> None:
    assert values(f"<p>bound to {address} now", "ipv6") == [canonical]
    assert why(f"host {address}", "ipv6") == (ASIDE[reason] if reason else None)


def test_ipv4_inside_ipv6_is_ipv4() -> None:
    assert values("peer ::ffff:93.184.215.14 left", "ipv4") == ["93.184.215.14"]


@pytest.mark.parametrize(
    "text",
    [
        "jquery-1.2.3.4.min.js",
        "v1.2.3.4",
        "Version: 1.2.3.4",
        "Chrome/120.0.0.0",
        "lib_1.2.3.4",
        "1.2.3.4-beta",
        "release 4.3.2.1",
        "Linux 2.6.36.4",
    ],
)
def test_version_is_set_aside(text: str) -> None:
    assert why(text, "ipv4") == ASIDE["version"]


@pytest.mark.parametrize("text", ["1.2.3.4.5", "1.2.3", "1.2.3.400", "01.2.3.4", "a1.2.3.4"])
def test_no_ipv4(text: str) -> None:
    assert values(text, "ipv4") == []


@pytest.mark.parametrize("text", ["12:34:56", "a::before", "aa:bb:cc:dd:ee:ff", "::", "std::abs"])
def test_no_ipv6(text: str) -> None:
    assert values(text, "ipv6") == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("93[.]184[.]215[.]14", "93.184.215.14"),
        ("http://1572394762/x", "93.184.215.10"),
        ("http://0x5db8d70a/", "93.184.215.10"),
        ("//u:p@93.184.215.14:8080", ""),
        ('"//u:p@93.184.215.14:8080"', "93.184.215.14"),
        ("http://[2a01:4f8::3]:80/", ""),
        ("93&#46;184.215%2E14", "93.184.215.14"),
    ],
)
def test_ipv4_in_other_forms(text: str, address: str) -> None:
    read = values(text, "ipv4")
    assert read == ([address] if address else read)
    if "[2a01" in text:
        assert values(text, "ipv6") == ["2a01:4f8::3"]


def test_numbers_of_a_drawing_are_set_aside() -> None:
    assert why('<p><svg><path d="M 4.5.2.7 z"></svg>', "ipv4") == ASIDE["drawing"]


# Names


@pytest.mark.parametrize(
    ("page", "hosts"),
    [
        ("<a href='https://Shop.Made-Up.SE:443/x'>", ["shop.made-up.se"]),
        ("<img src=//img.made-up.se/x>", ["img.made-up.se"]),
        ("<script>var b='api.made-up.se';x.to.id=foo.is</script>", ["api.made-up.se"]),
        ("<!-- moved from old.made-up.co.uk -->", ["old.made-up.co.uk"]),
        ("hxxps[:]//bad[.]made-up[.]ru/x", ["bad.made-up.ru"]),
        ("Apache Server at www.made-up.nl Port 80", ["www.made-up.nl"]),
        ("http://büro-made-up.de/", ["xn--bro-made-up-thb.de"]),
        ("index.html main.py e.g. end.In a page.It readme.md main.rs:3 src/setup.sh/", []),
        ("ask made-up.pl or made-up.dev:8080", ["made-up.pl", "made-up.dev"]),
        ("<style>a.b.com{}</style><div class='x.com'>", []),
        ("redis://cache.made-up.se:6379", ["cache.made-up.se"]),
    ],
)
def test_hosts(page: str, hosts: list[str]) -> None:
    assert values(page, "host") == hosts


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.b.made-up.se", "made-up.se"),
        ("a.made-up.co.uk", "made-up.co.uk"),
        ("co.uk", "co.uk"),
        ("x.y.github.io", "y.github.io"),
        ("bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"),
    ],
)
def test_registrable_part(host: str, name: str) -> None:
    assert registrable(host) == name


def test_tenants_of_a_shared_host_are_not_shared() -> None:
    assert host_aside("wordpress.com") == "shared"
    assert host_aside("made-up.wordpress.com") is None


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("http://example.com/", "reserved_name"),
        ("http://x.test/", "reserved_name"),
        ("http://x.invalid/", "reserved_name"),
        ("http://db-server/", "local_name"),
        ("https://cdn.jsdelivr.net/x", "shared"),
        ("xmlns='http://www.w3.org/1999/xhtml'", "shared"),
    ],
)
def test_hosts_set_aside(page: str, reason: str) -> None:
    assert why(page, "host") == ASIDE[reason]
    assert values(page, "domain") == []


@pytest.mark.parametrize(
    ("text", "mail", "reason"),
    [
        ("Joe.Bloggs+x@Made-Up.se", "joe.bloggs+x@made-up.se", None),
        ("joe [at] made-up [dot] se", "joe@made-up.se", None),
        ("mailto:joe%40gmail.com", "joe@gmail.com", None),
        ("joe&#64;made-up.se", "joe@made-up.se", None),
        ("joe@example.org", "joe@example.org", "reserved_name"),
        ("no-reply@github.com", "no-reply@github.com", "shared"),
    ],
)
def test_emails(text: str, mail: str, reason: str | None) -> None:
    assert values(text, "email") == [mail]
    assert why(text, "email") == (ASIDE[reason] if reason else None)


@pytest.mark.parametrize("text", ["icon@2x.png", "jquery@3.6.0", "@media", "http://u@made-up.se/"])
def test_no_email(text: str) -> None:
    assert values(text, "email") == []


# Accounts


@pytest.mark.parametrize("mark", load_marks().marks, ids=lambda mark: mark.name)
def test_mark_finds_its_example_and_says_where_its_form_is_from(mark: Mark) -> None:
    assert values(mark.example, "account") == [mark.value]
    (one,) = found(mark.example, "account")
    assert one.links
    assert mark.source
    assert len(mark.starts) >= 2
    # Bounded: nothing repeats without limit, but for what begins the text.
    then = re.sub(r"\\.|\[[^]]*\]", "", mark.pattern.pattern)
    assert not re.search(r"[*+]|,\}", then)


def test_accounts_of_one_owner_are_one_value() -> None:
    assert values("UA-7654321-1 UA-7654321-2", "account") == ["google-analytics:7654321"]
    assert values("xUA-7654321-1", "account") == []


def test_ids_of_documentation_are_set_aside() -> None:
    assert why("UA-12345-6", "account") == ASIDE["maker_example"]


def test_lists_of_the_data_file_are_what_they_say() -> None:
    marks = load_marks()
    for host in marks.shared_hosts | marks.tenants:
        assert read_host(host) == host
        name = host.removesuffix(".onion")
        assert name == host or onion_version(name) == 3, host
    assert not marks.shared_hosts & marks.tenants - {"wordpress.com", "tumblr.com"}
    assert all(len(one) == 2 for one in marks.countries)
    assert marks.words <= marks.countries | marks.top_levels


# Keys, onion and I2P


@pytest.mark.parametrize(
    ("block", "fingerprint"),
    [
        (armoured(V4_KEY), V4_FINGERPRINT),  # RFC 9580, A.1
        (armoured(V6_KEY), V6_FINGERPRINT),  # RFC 9580, A.3
        (armoured(V4_KEY, "Version: made up\nComment: x\n"), V4_FINGERPRINT),
        (armoured(V4_KEY).replace("\n", "<br>\r\n"), V4_FINGERPRINT),
        (armoured(V4_KEY).replace("+", "&#43;"), V4_FINGERPRINT),
        (armoured(V4_KEY).removesuffix(pgp.END), V4_FINGERPRINT),
        (armoured(V4_KEY).replace("\n", "\\n"), V4_FINGERPRINT),
        (armoured(V4_KEY).replace("\n", "\n&gt; "), V4_FINGERPRINT),
    ],
)
def test_key_block(block: str, fingerprint: str) -> None:
    page = f"<pre>{block}</pre>"
    (one,) = found(page, "pgp")
    assert one.value == fingerprint
    assert one.links
    assert (one.place, one.start) == ("text", 5)
    assert V4_KEY[:20] not in one.shown


def packet(body: bytes, tag: int = 6) -> str:
    head = bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big")
    return base64.b64encode(head + body).decode()


@pytest.mark.parametrize(
    "key",
    [
        "",
        "AAAA",
        packet(b""),
        packet(b"\x04\0\0\0\0\x01"),
        packet(b"\x03" + bytes(20)),
        packet(b"\x06" + bytes(5) + (99).to_bytes(4, "big") + bytes(20)),
        packet(b"\x04" + bytes(20), tag=17),
        base64.b64encode(b"\xc6\xff\xff\xff\xff\xff" + bytes(40)).decode(),
        base64.b64encode(b"\xc6\xe1" + bytes(40)).decode(),
        base64.b64encode(b"\x9b" + bytes(40)).decode(),
        "A" * 200_000,
        "!" * 1000,
    ],
)
def test_bad_key_block_is_named_and_not_read(key: str) -> None:
    assert why(armoured(key), "pgp") == ASIDE["unreadable_key"]


@given(st.binary(max_size=300))
def test_any_bytes_in_a_key_block(data: bytes) -> None:
    find_indicators(armoured(base64.b64encode(data).decode()))


@pytest.mark.parametrize("head", [b"\xca\x03PGP", b"\xa8\x03PGP", b""])
def test_marker_before_a_key(head: bytes) -> None:
    key = base64.b64encode(head + base64.b64decode(V4_KEY)).decode()
    assert values(armoured(key), "pgp") == [V4_FINGERPRINT]


def test_photograph_in_a_key_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = b""

    def watched(text: str) -> bytes:
        nonlocal decoded
        decoded += base64.b64decode(text)
        return base64.b64decode(text)

    monkeypatch.setattr(pgp, "base64", SimpleNamespace(b64decode=watched))
    first = base64.b64decode(V4_KEY)
    body = base64.b64encode(first + b"\xd1\xff\x00\x01\x00\x00" + b"CANARY" * 50).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    assert values(armoured(lines), "pgp") == [V4_FINGERPRINT]
    assert first[:20] in decoded
    assert b"CANARY" not in decoded


@pytest.mark.parametrize(
    ("text", "is_key"),
    [
        ("C959 BDBA FA32 A2F8 9A15  3B67 8CFD E121 9796 5A9A", True),
        (f"PGP fingerprint: {V4_FINGERPRINT}", True),
        (f"GPG key 0x{V4_FINGERPRINT.lower()}", True),
        (f"openpgp4fpr:{V4_FINGERPRINT.lower()}", True),
        (f"commit {V4_FINGERPRINT.lower()}", False),
        ("0000 0000 0000 0000 0000 0000 0000 0000 0000 0000", False),
    ],
)
def test_fingerprint_in_text(text: str, is_key: bool) -> None:
    assert values(text, "pgp") == ([V4_FINGERPRINT] if is_key else [])


def onion(key: bytes) -> str:
    check = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + check + b"\x03").decode().lower()


@given(st.binary(min_size=32, max_size=32), st.integers(0, 55), st.sampled_from("abz27"))
def test_onion_of_version_3(key: bytes, at: int, other: str) -> None:
    name = onion(key)
    assert values(f"<a href='http://www.{name.upper()}.onion/x'>", "onion") == [f"{name}.onion"]
    slip = name[:at] + other + name[at + 1 :]
    if slip != name:
        assert onion_version(slip) in (0, 3)
        assert why(f"see {slip}.onion", "onion") == (
            None if onion_version(slip) else ASIDE["wrong_checksum"]
        )


def test_onion_of_version_2_is_named_as_such() -> None:
    assert values("http://madeupmadeup2345.onion/", "onion_v2") == ["madeupmadeup2345.onion"]
    assert found("madeupmadeup2345.onion", "host") == []


def b33(key: bytes, flag: int = 0) -> str:
    tail = bytes(key)
    mask = zlib.crc32(tail)
    head = bytes([flag ^ (mask & 255), 7 ^ (mask >> 8 & 255), 11 ^ (mask >> 16 & 255)])
    return base64.b32encode(head + tail).decode().lower().rstrip("=")


def test_i2p() -> None:
    name = "madeup" + "a" * 46
    assert values(f"http://{name}.b32.i2p/", "i2p") == [f"{name}.b32.i2p"]
    assert values("www.madeup.i2p", "i2p") == ["madeup.i2p"]
    assert why("http://stats.i2p/", "i2p") == ASIDE["shared"]
    assert why("http://abc.b32.i2p/", "i2p") == ASIDE["wrong_checksum"]
    assert is_i2p_hash(b33(bytes(range(32))))
    assert not is_i2p_hash(b33(bytes(range(32)), flag=1 << 5))
    assert not is_i2p_hash("b" + b33(bytes(range(32)))[1:])


# Structure


PAGE = """<!doctype html><html><head><meta name=generator content="Made Up 1.2">
<link rel="shortcut icon" href="/static/brand-77.ico?v=1" type=x>
<link rel=stylesheet href="/css/brand-77.css">
<script src="/js/brand-77.js" integrity="sha384-{hash}"></script>
<script src="https://cdn.jsdelivr.net/x/thing.js"></script>
<script>  function pay( x ) {{ return x * 21 + "a made-up script"; }} </script>
<style>.brand77 {{ color : #123456; background : #654321 }}</style>
<!-- this page was made up for a test --><!--[if IE]> shared by many pages <![endif]-->
</head><body class="{classes}">
<form><input name=tier><input name=Amount><select name=coin></select><textarea name=note>
</textarea></form></body></html>""".format(
    hash="A" * 64, classes=" ".join(f"c{'x' * n}" for n in range(14))
)


def test_structure() -> None:
    by_kind = {kind.id: [one.links for one in found(PAGE, kind.id)] for kind in KINDS}
    assert by_kind["favicon"] == [True]
    assert by_kind["style_path"] == [True]
    assert by_kind["script_path"] == [True, False]
    assert by_kind["integrity"] == [True]
    assert by_kind["script"] == [True]
    assert by_kind["style"] == [True]
    assert by_kind["comment"] == [True, False]
    assert by_kind["form"] == [True]
    assert by_kind["classes"] == [True]
    assert by_kind["generator"] == [False]


def test_structure_does_not_depend_on_space_order_or_numbers() -> None:
    other = PAGE.replace("( x ) {", "(x)\n{").replace("  function", "function")
    other = other.replace("cx cxx", "cxx cx").replace(
        "<input name=tier><input name=Amount>", "<input name=amount><input name=tier>"
    )
    for kind in ("script", "form", "classes", "comment", "style"):
        assert values(other, kind) == values(PAGE, kind), kind


def test_wording_is_not_repeated_where_hashes_are_compared() -> None:
    shown = " ".join(one.shown for one in find_indicators(PAGE))
    assert "made up for a test" not in shown
    assert "made-up script" not in shown


def test_data_uris_are_passed_over() -> None:
    canary = "iVBORw0KGgoCANARY" * 20
    script = f"var a='data:image/gif;base64,{canary}'; // and more, so that it is long enough"
    page = f"<link rel=icon href='data:image/png;base64,{canary}'><script>{script}</script>"
    answer = find_indicators(page)
    assert not any(canary[:17] in part for one in answer for part in (one.value, one.shown))
    assert not {one.kind for one in answer} & {"favicon", "script"}


def test_usual_icon_and_libraries_are_set_aside() -> None:
    assert why("<link rel=icon href=/favicon.ico>", "favicon") == ASIDE["shared"]
    assert why("<script src=/js/jquery-3.6.0.min.js></script>", "script_path") == ASIDE["shared"]


@pytest.mark.parametrize("url", ["/js/x-7.js", "../js/x-7.js", "js/x-7.js?v=1", "//h.se/js/x-7.js"])
def test_paths_do_not_depend_on_where_the_page_lies(url: str) -> None:
    assert values(f"<script src='{url}'></script>", "script_path") == ["js/x-7.js"]


# Places


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("at 93.184.215.14", "text"),
        ("<p>at 93.184.215.14</p>", "text"),
        ("<a data-x=93.184.215.14>", "attribute data-x of <a>"),
        ("<A HREF = 'http://93.184.215.14/'>", "attribute href of <a>"),
        ("<p><!-- 93.184.215.14 -->", "comment"),
        ("<p><!-- 93.184.215.14", "comment"),
        ("<script>x='93.184.215.14'</script>", "script"),
        ("<style>/* 93.184.215.14 */</style>", "style"),
        ("<title>93.184.215.14</title>", "text"),
    ],
)
def test_place(page: str, place: str) -> None:
    (one,) = found(page, "ipv4")
    assert one.place == place
    assert page[one.start : one.end] == one.shown == "93.184.215.14"


@given(
    st.lists(
        st.sampled_from(
            [
                *("http://", "made-up.se", "93.184.215.14", "&#46;", "%2E", "a@b.se", "<a href='"),
                *("'>", "<!--", "-->", "<script>", "</script>", "\u200b", "[.]", " ", "\0", "ü"),
                *('"', "UA-7654321-1", "x.onion", pgp.BEGIN, "data:a;base64,", "\ud800", "=\n"),
            ]
        ),
        max_size=30,
    )
)
def test_any_page_gives_places_in_order_and_values_without_nul(parts: list[str]) -> None:
    page = "".join(parts)
    answer = find_indicators(page)
    assert list(answer) == sorted(answer, key=lambda one: one.start)
    for one in answer:
        assert 0 <= one.start < one.end <= len(page)
        assert "\0" not in one.value
        assert one.set_aside is None or one.set_aside in ASIDE.values()
        assert one.kind in {kind.id for kind in KINDS}
    assert answer == find_indicators(page)


def test_each_is_said_once_a_place() -> None:
    page = "<p>93.184.215.14 93.184.215.14<!-- 93.184.215.14 -->"
    assert [one.place for one in found(page, "ipv4")] == ["text", "comment"]


def test_places_agree_with_a_parser() -> None:
    parser = pytest.importorskip("selectolax.lexbor")
    places = read_places(PAGE)
    mine = [
        (tag.name, {key: PAGE[one.start : one.end] for key, one in found.items()})
        for tag, found in places.attributes()
        if not tag.name.startswith("/")
    ]
    tree = parser.LexborHTMLParser(PAGE)
    theirs = [
        (node.tag, {key: value or "" for key, value in node.attributes.items()})
        for node in tree.root.traverse()
        if node.is_element_node
    ]
    assert mine == theirs


# Keys of indicators


def test_key_of_an_indicator() -> None:
    secret = bytes(range(32))
    one = indicator_key("host", "made-up.se", secret)
    assert len(one) == 16
    assert one == indicator_key("host", "made-up.se", secret)
    assert one != indicator_key("domain", "made-up.se", secret)
    assert one != indicator_key("host", "made-up.se", secret[:16])
    with pytest.raises(UsageError, match="15 bytes"):
        indicator_key("host", "made-up.se", bytes(15))


# Hostile pages


def took(page: str) -> float:
    best = 9e9
    for _ in range(2):
        start = time.process_time()
        find_indicators(page)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    "part",
    [
        *("a.", "::", "ab:", "<", "<a ", '<a b="', "<!--", "a@", "1.", "//", "1", "x", "ABCD "),
        *("&amp;", ".onion", "var u='//a/", "pgp:", "<div>", "a[.]", "http://a", "a-", " "),
        *("<input name=a>", "b.bb ", "<script>", "-----BEGIN PGP PUBLIC KEY BLOCK-----", "[at]"),
        *("<form><input name=a>", "a" * 64 + "@", "fingerprint key ", "<link rel=icon href=a", "%"),
    ],
)
def test_hostile_page_is_linear(part: str) -> None:
    find_indicators(part * 10)
    page = part * (20_000 // len(part))
    # Eight times the length, at most some more than eight times the time.
    assert took(page * 8) < 24 * took(page) + 0.05
