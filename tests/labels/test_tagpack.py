"""TagPacks: inheritance, what is refused and where, hostile YAML, and the public packs."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.labels.makers import address, pack

from clewline.errors import LabelFileError
from clewline.labels.label import Rows
from clewline.labels.tagpack import read_tagpack

HEADER = "label: E\nsource: made up\ncurrency: BTC\nconfidence: forensic\ncategory: exchange"


def read(*tags: str, header: str = HEADER, network: str = "main") -> Rows:
    return read_tagpack(pack(*tags, header=header), "made-up.yaml", network)


def reasons(rows: Rows) -> list[str]:
    return [str(refusal) for refusal in rows.refusals]


def test_tags_inherit_from_the_header_and_override_it() -> None:
    rows = read(
        f"{{address: {address(1)}}}",
        f"{{address: {address(2)}, category: gambling, label: F, lastmod: 2022-02-20, "
        "is_cluster_definer: true, actor: f, context: '{\"a\": 1}'}",
    )
    first, second = (label.claim for label in rows.labels)
    assert (first.entity, first.category, first.level, first.inherits) == (
        "E",
        "exchange",
        50,
        False,
    )
    assert (second.entity, second.category, second.inherits) == ("F", "gambling", True)
    assert (second.observed, second.actor, second.context) == (1645315200, "f", '{"a": 1}')
    assert [(label.position, label.line) for label in rows.labels] == [(1, 9), (2, 10)]


def test_scalars_stay_the_text_that_they_are() -> None:
    header = "label: 0123\nsource: 1e3\nconfidence: unknown\nlastmod: 2022-01-01 10:00:00"
    rows = read(
        "{address: 0x742d35Cc6634C0532925a3b844Bc454e4438f44e, currency: ETH}", header=header
    )
    (label,) = rows.labels
    assert label.subject == "0x742d35Cc6634C0532925a3b844Bc454e4438f44e"
    assert (label.claim.entity, label.claim.source) == ("0123", "1e3")
    assert label.claim.observed == 1641031200


def test_no_confidence_is_unknown_and_no_category_is_no_service() -> None:
    rows = read(f"{{address: {address(1)}}}", header="label: E\nsource: s\ncurrency: BTC")
    claim = rows.labels[0].claim
    assert (claim.confidence, claim.level, claim.category, claim.is_service) == (
        "unknown",
        5,
        None,
        False,
    )


def test_null_and_the_word_none_differ() -> None:
    rows = read(
        f"{{address: {address(1)}, actor: ~}}",
        f"{{address: {address(1)}, actor: None}}",
        f"{{address: {address(1)}, category: None}}",
    )
    assert [label.claim.actor for label in rows.labels] == [None, "None"]
    assert "unknown category" in reasons(rows)[0]


def test_bad_tags_are_listed_by_line_and_the_others_load() -> None:
    rows = read(
        f"{{address: {address(1)}}}",
        "{address: 1BoatSLRHtKNngkdXEeobR76b53LETtpyU}",
        "{address: TV6MuMXfmLbBqPZvBHdwFsDnQeVfnmiuSi}",
        f"{{address: {address(2)}, category: bakery}}",
        f"{{address: {address(2)}, confidence: sure}}",
        f"{{address: {address(2)}, is_cluster_definer: perhaps}}",
        f"{{address: {address(2)}, lastmod: soon}}",
        f"{{address: {address(2)}, tag_type: rumour}}",
        f"{{address: {address(2)}, label: [a]}}",
        f"{{address: {address(2)}, concepts: exchange}}",
        f"{{address: [{address(2)}]}}",
        f"{{address: {address(2)}, label: ''}}",
        f"{{address: {address(2)}, currency: ~}}",
        f"{{address: {address(2)}, lastmod: '0001-01-01T00:00+14:00'}}",
        "{label: F}",
        "{tx_hash: abc}",
        "just text",
        f"{{address: {address(3).upper()}}}",
        f"{{address: ' {address(4)} '}}",
    )
    assert [label.subject for label in rows.labels] == [address(1), address(3), address(4)]
    assert [refusal.position for refusal in rows.refusals] == list(range(2, 18))
    assert [refusal.line for refusal in rows.refusals] == list(range(10, 26))
    assert "did you mean 1BoatSLRHtKNngkdXEeobR76b53LETtpyT?" in reasons(rows)[0]


def test_other_currencies_are_kept_and_checked_where_known() -> None:
    rows = read(
        "{address: bitfinexcw21, currency: EOS}",
        "{address: LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvb, currency: ltc}",
        "{address: LbonesGyyeUDpQqtZQMmBUPJSEg4jHhUvc, currency: LTC}",
        "{address: '0x742d35Cc6634C0532925a3b844Bc454e4438f44e', currency: USDT, network: ETH}",
        f"{{tx_hash: {'AB' * 32}}}",
    )
    kept = [(label.asset, label.network, label.is_transaction) for label in rows.labels]
    assert kept == [
        ("EOS", "main", False),
        ("LTC", "main", False),
        ("ETH", "main", False),
        ("BTC", "main", True),
    ]
    assert rows.labels[3].subject == "ab" * 32
    assert [refusal.position for refusal in rows.refusals] == [3]


def test_bitcoin_tags_are_of_main_or_else_of_the_store() -> None:
    tags = [f"{{address: {address(1, network)}}}" for network in ("main", "regtest", "test")]
    assert [label.network for label in read(*tags).labels] == ["main"]
    rows = read(*tags, network="regtest")
    assert [label.network for label in rows.labels] == ["main", "regtest"]
    assert [refusal.position for refusal in rows.refusals] == [3]


def test_mentions_never_define_a_cluster_and_the_report_says_so() -> None:
    rows = read(
        f"{{address: {address(1)}, category: ~, abuse: child_sexual_abuse}}",
        f"{{address: {address(2)}, tag_type: mention}}",
        f"{{address: {address(3)}, concepts: [website_mention]}}",
        f"{{address: {address(4)}, tag_type: actor, abuse: child_sexual_abuse}}",
        f"{{address: {address(5)}}}",
        header=HEADER + "\nis_cluster_definer: True",
    )
    assert [label.claim.type for label in rows.labels] == ["mention"] * 3 + ["control"] * 2
    assert [label.claim.inherits for label in rows.labels] == [False] * 3 + [True] * 2
    assert rows.labels[3].claim.category == "child_sexual_abuse"
    assert len(rows.notes) == 1
    assert "3 labels" in rows.notes[0]


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\ntags: []\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "no list of tags"),
        (b"title: a", "no list of tags"),
        (b"tags: many", "no list of tags"),
        (b"- a\n- b\n", "not one mapping"),
        (b"just text", "not one mapping"),
        (b"tags: []\n--- \ntags: []\n", "not one mapping"),
        (b"tags: [\n", "not YAML"),
        (b"a: b: c", "not YAML"),
        (b"tags: []\ntags: []\n", "there twice"),
        (b"[a]: b\ntags: []", "a key must be text"),
        (LAUGHS.encode(), "aliases"),
        (b"tags: " + b"[" * 500 + b"]" * 500, "deep"),
        (b"tags: " + b"[" * 100_000, "not"),
        (b"tags: \xff\xfe", "not YAML"),
        (b"\x00\x01\x02", "not YAML"),
    ],
)
def test_hostile_or_broken_file_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(LabelFileError, match=problem) as caught:
        read_tagpack(text, "made-up.yaml", "main")
    assert str(caught.value).startswith("made-up.yaml")


def test_broken_yaml_names_its_line() -> None:
    with pytest.raises(LabelFileError, match=r"^made-up.yaml:3: not a TagPack"):
        read_tagpack(b"title: a\ntags:\n- {a: b}}\n", "made-up.yaml", "main")


def test_python_objects_are_text() -> None:
    rows = read(f"{{address: {address(1)}, label: !!python/object/apply:os.system ['true']}}")
    assert reasons(rows) == [f"made-up.yaml:9: '{address(1)}': label must be text"]


@given(st.binary(max_size=60) | st.text(alphabet="tags:[]{}-&*!'\"\n a0#%|>,?", max_size=60))
def test_any_bytes_load_or_are_refused(junk: bytes | str) -> None:
    data = junk if isinstance(junk, bytes) else junk.encode()
    for text in (data, b"tags:\n- " + data):
        try:
            rows = read_tagpack(text, "f", "main")
        except LabelFileError:
            continue
        assert rows.labels == []


BROKEN = [
    ("etherscamdb_tagpack.yaml", 3104),
    ("ofac.yaml", 531),
    ("plustoken.yaml", 1),
    ("plustoken.yaml", 11),
    ("sextortion_excello.yaml", 1429),
    ("sextortion_excello.yaml", 3238),
    ("sextortion_excello.yaml", 5304),
    ("sextortion_excello.yaml", 6463),
    ("sextortion_excello.yaml", 10426),
    ("sextortion_excello.yaml", 10431),
]
LARGE = 1_500_000
"""Nine packs beyond this hold nine tenths of all tags and nothing that the others lack."""


@pytest.mark.parametrize(
    ("up_to", "tags"),
    [(LARGE, 55_375), pytest.param(1 << 30, 524_170, marks=pytest.mark.slow)],
)
def test_public_packs_load_but_for_ten_broken_addresses(
    fixtures_dir: Path, up_to: int, tags: int
) -> None:
    loaded = 0
    refused = []
    with tarfile.open(fixtures_dir / "attribution" / "graphsense-tagpacks.tar.xz") as archive:
        for member in archive:
            path = Path(member.name)
            if "packs" not in path.parts or path.suffix != ".yaml" or member.size > up_to:
                continue
            file = archive.extractfile(member)
            assert file is not None
            rows = read_tagpack(file.read(), path.name, "main")
            loaded += len(rows.labels)
            refused += [(refusal.file, refusal.position) for refusal in rows.refusals]
    assert sorted(refused) == BROKEN
    assert loaded == tags - len(BROKEN)
