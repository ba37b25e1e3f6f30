"""Every format: both ways, exactly its losses, same bytes, and nothing that was not released."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sharing.lists import (
    BECH32,
    EVM,
    EVM_NETWORKS,
    LATER,
    MONERO,
    TAPROOT,
    full,
    item,
    items,
    shared,
    shared_lists,
)

from clewline.errors import SharedFileError, UsageError
from clewline.sharing import FIELDS, SharedItem, SharedList, for_exchange, plain
from clewline.sharing.formats import FORMATS, LOST_ITEMS, after_losses, read, write
from clewline.sharing.misp import feed


def _takes(name: str, one: SharedList) -> SharedList:
    """Return the list as the format takes it: whole where it has no deltas."""
    return one if FORMATS[name].deltas else replace(one, previous=None)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(one=shared_lists())
def test_what_comes_back_is_what_went_but_for_the_losses(name: str, one: SharedList) -> None:
    one = _takes(name, one)
    data = write(name, one)
    back = read(name, data)
    assert back == after_losses(name, one)
    assert write(name, back) == data


@pytest.mark.parametrize("name", FORMATS)
def test_the_loss_list_is_exactly_true(name: str) -> None:
    """One item with everything, one of each kind that may be left out."""
    card = full(id="R-CARD0001", chain=None, network=None, address=None, memo=None, rail="card")
    gone = full(id="R-GONE0001", state="withdrawn", revision=2)
    kinds = {"items without an address": card, "withdrawn items": gone}
    assert set(kinds) == set(LOST_ITEMS)
    back = {one.id: one for one in read(name, write(name, shared(full(), card, gone))).items}
    losses = {loss.what for loss in FORMATS[name].losses}
    assert {kind for kind, one in kinds.items() if one.id not in back} == losses & set(kinds)
    assert set(plain(full())) - set(plain(back["R-FULL0001"])) == losses - set(kinds)
    assert all(loss.why for loss in FORMATS[name].losses)
    assert losses <= set(FIELDS) | set(LOST_ITEMS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_list_gives_the_same_bytes(name: str) -> None:
    one, two = full(), full(id="R-FULL0002")
    assert write(name, shared(one, two)) == write(name, shared(two, one))


@pytest.mark.parametrize("name", FORMATS)
def test_one_string_on_five_evm_chains_stays_five_things(name: str) -> None:
    five = [full(id=f"R-EVM0000{n}", network=network) for n, network in enumerate(EVM_NETWORKS)]
    data = write(name, shared(*five))
    back = read(name, data)
    assert sorted(str(one.network) for one in back.items) == sorted(EVM_NETWORKS)
    assert {one.address for one in back.items} == {EVM}
    if name in ("stix", "ftm"):
        ids = [
            one
            for one in _strings(data)
            if one.startswith(("cryptocurrency-wallet--", "clewline-"))
        ]
        assert len(set(ids)) >= 5


def _strings(data: bytes) -> list[str]:
    """Return every text in lines of JSON."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            walk(list(value.items()))
        elif isinstance(value, list | tuple):
            for one in value:
                walk(one)
        elif isinstance(value, str):
            found.append(value)

    for line in data.splitlines():
        walk(json.loads(line))
    return found


@pytest.mark.parametrize("name", [one.name for one in FORMATS.values() if not one.deltas])
def test_a_delta_is_refused_where_it_cannot_be_said(name: str) -> None:
    with pytest.raises(UsageError, match="whole list"):
        write(name, shared(previous=3))


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="allowed: json, csv, stix"):
        write("xlsx", shared())


# -- what was not released is in no byte ------------------------------------------------------

SECRETS = {
    "url": "https://zqxhost.example/pay",
    "wording": "zqxwording of the page",
    "brand_codename": "zqxbrand",
    "rotation_group": "zqxrotation",
    "abuse_label": "zqxlabel",
    "memo": "zqxmemo",
    "token": "zqxtoken",
    "amount_min": "31415.9265",
    "asset": "ZQXASSET",
    "price_currency": "ZQXPRICE",
}


def _files(name: str, one: SharedList) -> bytes:
    """Return every byte that a format makes of a list, a feed's directory included."""
    more = feed(one) if name == "misp" else {}
    return b"".join((write(name, one), *(key.encode() + data for key, data in more.items())))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(one=items(), kept=st.sets(st.sampled_from(sorted(SECRETS))))
def test_what_was_not_released_is_in_no_byte(name: str, one: SharedItem, kept: set[str]) -> None:
    """A record has everything; policy releases some of it; every byte is searched for the rest."""
    nothing: dict[str, Any] = dict.fromkeys(SECRETS)
    known = {**SECRETS, "chain": "BTC", "network": "main", "address": BECH32}
    known |= {"amount_max": None, "rotation_index": None}
    released: dict[str, Any] = {**known, **nothing, **{key: SECRETS[key] for key in kept}}
    record = replace(one, **known)
    data = _files(name, shared(replace(record, **released), made_at=LATER)).lower()
    for field in set(SECRETS) - kept:
        assert SECRETS[field].lower().encode() not in data, field
        assert SECRETS[field].lower().encode().hex().encode() not in data
    assert b"zqxhost" not in data or "url" in kept


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_released_is_there_unless_the_format_loses_it(name: str) -> None:
    """The search above can find: with all released, it does."""
    released: dict[str, Any] = {**SECRETS, "amount_max": None, "rotation_index": None}
    data = _files(name, shared(full(**released)))
    losses = {loss.what for loss in FORMATS[name].losses}
    for field, secret in SECRETS.items():
        assert (secret.encode() in data) == (field not in losses), field


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20, deadline=None)
@given(one=items())
def test_two_recipients_have_nothing_to_lay_side_by_side(name: str, one: SharedItem) -> None:
    """Other references: neither copy holds the other's, nor one identifier of the other's."""
    group: dict[str, Any] = {"rotation_group": None, "rotation_index": None}
    mine = shared(replace(one, **group, id="R-MINE0001"), recipient="P-MINE0001", made_at=LATER)
    other = replace(one, **group, id="R-THEIRS01")
    theirs = shared(other, recipient="P-THEIRS01", made_at=LATER)
    data = _files(name, mine)
    assert b"THEIRS" not in data
    assert b"R-MINE0001" in data or not read(name, write(name, mine)).items
    common = _identifiers(data) & _identifiers(_files(name, theirs))
    assert common <= _identifiers(_files(name, shared(recipient="P-ANYONE01"))) | _identifiers(
        write("stix", shared(item(tlp=one.tlp, pap=one.pap)))
    ) | {"d0e6997e-78da-4815-a6a1-cfc1c1cb8a46"}


def _identifiers(data: bytes) -> set[str]:
    """Return every UUID in some bytes."""
    import re

    return set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", data.decode()))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20, deadline=None)
@given(one=items())
def test_exchanges_get_no_brand_wording_or_fingerprint(name: str, one: SharedItem) -> None:
    secrets = ("brand_codename", "wording", "url", "abuse_label", "rotation_group")
    record = replace(one, **{key: SECRETS[key] for key in secrets})
    data = _files(name, shared(for_exchange(record), made_at=LATER)).lower()
    for key in secrets:
        assert SECRETS[key].lower().encode() not in data


# -- what is broken ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 2000), put=st.binary(max_size=8), gone=st.integers(0, 40))
def test_any_change_of_bytes_is_refused_or_harmless(
    name: str, cut: int, put: bytes, gone: int
) -> None:
    """A reader answers with a list or one of our errors, whatever it is given."""
    good = write(name, shared(full()))
    cut %= len(good)
    try:
        read(name, good[:cut] + put + good[cut + gone :])
    except SharedFileError as error:
        assert error.where
        assert len(str(error)) < 500


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=200))
def test_noise_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(SharedFileError):
        read(name, data)


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        *((name, "R-FULL0001", "R-FULL0009") for name in ("stix", "misp", "tagpack", "ftm")),
        *((name, "P-EXCH0001", "P-EXCH0009") for name in ("stix", "misp", "ftm")),
        ("stix", EVM, "0x" + "1" * 40),
        ("stix", "TLP:AMBER+STRICT", "TLP:CLEAR"),
        ("stix", "amber_strict", "green"),
        ("stix", "2025-03-01T12:30:15.000Z", "2025-03-01T12:30:16.000Z"),
        ("misp", "amber_strict", "green"),
        ("misp", "tlp:amber+strict", "tlp:clear"),
        ("misp", '"deleted":false', '"deleted":true'),
        ("tagpack", "currency: BSC", "currency: ETH"),
        ("tagpack", "tag_type: actor", "tag_type: mention"),
        ("ftm", '"blockchain":["bsc"]', '"blockchain":["base"]'),
    ],
)
def test_a_file_whose_parts_contradict_is_refused(name: str, was: str, now: str) -> None:
    """Somebody changed one place of several that say the same."""
    good = write(name, shared(full())).decode()
    assert was in good
    with pytest.raises(SharedFileError):
        read(name, good.replace(was, now, 1).encode())


@pytest.mark.parametrize("name", ["json", "stix", "misp", "ftm"])
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"type":"bundle","type":"bundle"}', "twice"),
        (b"[" * 100_000, "deep|no JSON"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "deep"),
        (b'{"a":NaN}', "no number"),
        (b'{"a":1' + b"0" * 5000 + b"}", "too large"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"a": 1,}', "line 1, column"),
        (b'"\\ud800"', "no "),
    ],
)
def test_hostile_json_is_refused(name: str, data: bytes, problem: str) -> None:
    with pytest.raises(SharedFileError, match=problem):
        read(name, data)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_too_large_is_not_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    from clewline.sharing import json_file

    monkeypatch.setattr(json_file, "MOST_BYTES", 1000)
    module = importlib.import_module(FORMATS[name].module)
    if hasattr(module, "MOST_BYTES"):
        monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(SharedFileError, match="more than"):
        read(name, write(name, shared(full(), full(id="R-FULL0002"))))


def test_yaml_bombs_and_objects_are_refused() -> None:
    laughs = b"a: &a [x, x]\nb: &b [*a, *a]\ntags:\n- address: *b\n"
    with pytest.raises(SharedFileError, match="aliases"):
        read("tagpack", laughs)
    with pytest.raises(SharedFileError):
        read("tagpack", b"tags:\n- address: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(SharedFileError, match="twice"):
        read("tagpack", b"title: a\ntitle: b\ntags: []\n")
    with pytest.raises(SharedFileError, match="deep"):
        read("tagpack", b"tags: " + b"[" * 50 + b"]" * 50)


# -- traps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "'=1", "＝1", "''"])  # noqa: RUF001
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell: str) -> None:
    one = shared(full(memo=cell))
    data = write("csv", one)
    assert read("csv", data).items[0].memo == cell
    assert f",'{cell}".encode() in data


def test_bitcoin_addresses_of_every_form_are_of_misps_type_btc() -> None:
    addresses = (BECH32, TAPROOT, "1BoatSLRHtKNngkdXEeobR76b53LETtpyT")
    some = [
        item(id=f"R-BTC0000{n}", chain="BTC", network="main", address=address)
        for n, address in enumerate(addresses)
    ]
    assert _types(*some) == dict.fromkeys(addresses, ("address", "btc"))


def test_no_other_address_is_of_misps_type_btc() -> None:
    others = {
        ("ETH", "ethereum", EVM): ("address-crypto", "text"),
        ("XMR", "monero", MONERO): ("address-xmr", "xmr"),
        ("BTC", "test", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"): ("address-crypto", "text"),
        ("BTC", "main", "lnbc1" + "q" * 200): ("address-crypto", "text"),
        ("BCH", "bitcoin-cash", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"): ("address-crypto", "text"),
    }
    some = [
        item(id=f"R-OTHER000{n}", chain=chain, network=network, address=address)
        for n, (chain, network, address) in enumerate(others)
    ]
    assert _types(*some) == {key[2]: value for key, value in others.items()}


def _types(*some: SharedItem) -> dict[str, tuple[str, str]]:
    """Return relation and type of each address in an event."""
    event = json.loads(write("misp", shared(*some)))["Event"]
    return {
        one["value"]: (one["object_relation"], one["type"])
        for thing in event["Object"]
        for one in thing["Attribute"]
        if one["object_relation"].startswith("address")
    }


def test_withdrawn_is_revoked_in_stix_and_deleted_in_misp() -> None:
    gone = shared(full(state="withdrawn"))
    objects = json.loads(write("stix", gone))["objects"]
    assert {one["type"] for one in objects if one.get("revoked")} == {"indicator", "relationship"}
    event = json.loads(write("misp", gone))["Event"]
    assert all(one["deleted"] for one in (event["Object"][0], *event["Object"][0]["Attribute"]))
    assert not any(one["to_ids"] for one in event["Object"][0]["Attribute"])
    assert feed(gone)["hashes.csv"] == b""


def test_grades_are_mapped_and_the_original_scale_is_kept() -> None:
    event = json.loads(write("misp", shared(full())))["Event"]
    address, *_, text = event["Object"][0]["Attribute"]
    tags = {tag["name"] for tag in address["Tag"]}
    assert {
        "tlp:amber+strict",
        "PAP:GREEN",
        'admiralty-scale:source-reliability="b"',
        'admiralty-scale:information-credibility="2"',
        'dark-web:topic="child-sexual-abuse-material"',
        'payment-page:rail="crypto"',
        'payment-page:period="monthly"',
    } == tags
    assert '"source_grade":"1"' in text["value"]


def test_a_tag_is_a_mention_unless_control_is_established() -> None:
    """Unsaid is a mention, too; the importer of label sets agrees."""
    from clewline.labels.tagpack import read_tagpack

    some = [
        full(id=f"R-TAG0000{n}", standing=standing, chain="BTC", network="main", address=BECH32)
        for n, standing in enumerate(("mention", "control", None))
    ]
    rows = read_tagpack(write("tagpack", shared(*some)), "pack.yaml", "main")
    assert not rows.refusals
    assert [label.claim.type for label in rows.labels] == ["mention", "control", "mention"]
    assert not any(label.claim.inherits for label in rows.labels)
    assert {label.claim.category for label in rows.labels} == {"child_sexual_abuse"}
    assert rows.labels[1].claim.source == "R-TAG00001"
    assert rows.labels[1].claim.level == 90


# -- files of others --------------------------------------------------------------------------

PYCTI = b"""{"type": "bundle", "id": "bundle--8f3d2b7e-6b0a-4f0a-9a53-0a1b2c3d4e5f", "objects": [
 {"type": "cryptocurrency-wallet", "spec_version": "2.1",
  "value": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
  "id": "cryptocurrency-wallet--2b1d6c1a-0e63-5a8a-9d5b-0c1b2a3d4e5f",
  "object_marking_refs": ["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"],
  "x_opencti_score": 50}]}"""
DOGESEC = b"""{"type": "bundle", "id": "bundle--8f3d2b7e-6b0a-4f0a-9a53-0a1b2c3d4e5e", "objects": [
 {"type": "identity", "spec_version": "2.1", "id": "identity--11111111-2222-4333-8444-555555555555",
  "created": "2025-03-01T00:00:00.500Z", "modified": "2025-03-01T00:00:00.500Z",
  "name": "Another body (made up)", "identity_class": "organization"},
 {"type": "cryptocurrency-wallet", "spec_version": "2.1",
  "value": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
  "id": "cryptocurrency-wallet--2b1d6c1a-0e63-5a8a-9d5b-0c1b2a3d4e5e",
  "holder_ref": "identity--11111111-2222-4333-8444-555555555555",
  "extensions": {"extension-definition--be78509e-6958-51b1-8b26-d17ee0eba2d7":
   {"extension_type": "new-sco"}}}]}"""


def test_both_dialects_of_wallets_are_read() -> None:
    theirs = read("stix", PYCTI)
    assert [(one.address, one.tlp, one.chain) for one in theirs.items] == [
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "green", "unknown")
    ]
    more = read("stix", DOGESEC)
    assert more.issuer == "Another body (made up)"
    assert (more.items[0].tlp, more.made_at.isoformat()) == (
        "amber_strict",
        "2025-03-01T00:00:01+00:00",
    )


def test_an_event_of_another_is_read() -> None:
    theirs = json.loads(write("misp", shared(full())))
    theirs["Event"]["Attribute"] = []
    theirs["Event"]["Tag"] = [{"name": "tlp:green"}]
    (one,) = read("misp", json.dumps(theirs).encode()).items
    # The strictest tag counts, of the event or of an attribute.
    assert (one.address, one.chain, one.tlp) == (EVM, "USDT", "amber_strict")
    for attribute in theirs["Event"]["Object"][0]["Attribute"]:
        attribute["Tag"] = []
    (one,) = read("misp", json.dumps(theirs).encode()).items
    assert one.tlp == "green"


def test_addresses_that_stand_alone_in_an_event_are_read() -> None:
    """Most events of others have no object: an attribute of a type is all."""
    theirs = json.loads(write("misp", shared()))
    theirs["Event"]["Tag"] = [{"name": "tlp:green"}]
    theirs["Event"]["Attribute"] = [
        {"uuid": f"8f3d2b7e-6b0a-4f0a-9a53-0a1b2c3d4e5{number}", "value": value, **more}
        for number, (value, more) in enumerate(
            (
                (BECH32, {"type": "btc"}),
                (MONERO, {"type": "xmr", "deleted": True}),
                (TAPROOT, {"type": "btc", "Tag": [{"name": "tlp:red"}]}),
                ("a.example", {"type": "domain"}),
            )
        )
    ]
    found = read("misp", json.dumps(theirs).encode()).items
    assert [(one.chain, one.address, one.tlp, one.state) for one in found] == [
        ("BTC", BECH32, "green", "new"),
        ("XMR", MONERO, "green", "withdrawn"),
        ("BTC", TAPROOT, "red", "new"),
    ]
    theirs["Event"]["Attribute"] = [{"type": "btc", "value": 5, "uuid": "x"}]
    with pytest.raises(SharedFileError, match="no uuid"):
        read("misp", json.dumps(theirs).encode())


def test_addresses_in_patterns_are_read() -> None:
    """An indicator may come without its wallet; one that has it is not read twice."""
    theirs = json.loads(PYCTI)
    known = theirs["objects"][0]["value"]
    parts = " OR ".join(f"cryptocurrency-wallet:value = '{one}'" for one in (known, BECH32, EVM))
    indicator = {
        "type": "indicator",
        "id": "indicator--2b1d6c1a-0e63-5a8a-9d5b-0c1b2a3d4e5f",
        "pattern": f"[{parts}]",
        "revoked": True,
    }
    found = read(
        "stix", json.dumps({**theirs, "objects": [*theirs["objects"], indicator]}).encode()
    )
    assert [(one.address, one.state) for one in found.items] == [
        (known, "new"),
        (BECH32, "withdrawn"),
        (EVM, "withdrawn"),
    ]
    theirs["objects"][0]["value"] = [known]
    with pytest.raises(SharedFileError, match="is no text"):
        read("stix", json.dumps(theirs).encode())


def test_a_pack_and_a_data_set_of_others_are_read() -> None:
    pack = b"title: t\ncreator: c\ncurrency: BTC\nabuse: child_sexual_abuse\ntags:\n"
    (one,) = read("tagpack", pack + b"- address: 1BoatSLRHtKNngkdXEeobR76b53LETtpyT\n").items
    assert (one.chain, one.network, one.category) == ("BTC", "main", "child_sexual_abuse")
    lines = b'{"id":"a-1","schema":"CryptoWallet","properties":{"publicKey":["xyz"]}}\n'
    (two,) = read("ftm", lines).items
    assert (two.address, two.tlp) == ("xyz", "amber_strict")
