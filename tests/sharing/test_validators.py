"""Each format's own validator takes the good twin and refuses the bad one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.sharing.lists import BECH32, MONERO, TAPROOT, full, item, shared

from clewline.sharing.formats import FORMATS, write
from clewline.sharing.ftm import SCHEMATA
from clewline.sharing.misp import feed
from clewline.sharing.validators import faults


def _good() -> Any:
    """Return a list with an item of each kind."""
    return shared(
        full(),
        full(id="R-GONE0001", state="withdrawn"),
        item(id="R-CARD0001", rail="card", standing="mention"),
        item(id="R-BTC00001", chain="BTC", network="main", address=BECH32, tlp="clear"),
        item(id="R-BTC00002", chain="BTC", network="main", address=TAPROOT, tlp="red"),
        item(id="R-XMR00001", chain="XMR", network="monero", address=MONERO, pap="red"),
    )


def _changed(name: str, change: Callable[[Any], None]) -> bytes:
    """Return the good twin with one thing made wrong."""
    document = json.loads(write(name, _good()))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_valid(name: str) -> None:
    assert faults(name, write(name, _good())) == []


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_list_is_valid(name: str) -> None:
    assert faults(name, write(name, shared())) == []


# Bad twins: foreign files, so that our own readers take them and the validator has to tell.
BAD_STIX = {
    "type": "bundle",
    "id": "bundle--8f3d2b7e-6b0a-4f0a-9a53-0a1b2c3d4e5f",
    "objects": [
        {
            "type": "indicator",
            "spec_version": "2.1",
            "id": "indicator--8f3d2b7e-6b0a-4f0a-9a53-0a1b2c3d4e50",
            "created": "2025-03-01T00:00:00.000Z",
            "modified": "2025-03-01T00:00:00.000Z",
            "pattern": "[cryptocurrency-wallet:value = ",
            "pattern_type": "stix",
            "valid_from": "2025-03-01T00:00:00.000Z",
        }
    ],
}
BAD_TAGPACK = b"title: t\ncreator: c\ncurrency: BTC\nlabel: x\nsource: s\ntags:\n"


def test_bad_stix_is_refused() -> None:
    assert "pattern" in faults("stix", json.dumps(BAD_STIX).encode())[0]


def test_a_missing_reference_is_refused() -> None:
    bad = json.loads(json.dumps(BAD_STIX))
    bad["objects"][0] |= {
        "pattern": "[cryptocurrency-wallet:value = 'a']",
        "created_by_ref": "identity--8f3d2b7e-6b0a-4f0a-9a53-0a1b2c3d4e51",
    }
    assert "is missing" in faults("stix", json.dumps(bad).encode())[0]


def _foreign(event: dict[str, Any]) -> None:
    """Take from an event what makes it ours."""
    event["Event"]["Attribute"] = []


def test_bad_misp_is_refused() -> None:
    def mistyped(event: dict[str, Any]) -> None:
        _foreign(event)
        event["Event"]["Object"][0]["Attribute"][0] |= {"type": "eth"}

    def unknown_relation(event: dict[str, Any]) -> None:
        _foreign(event)
        event["Event"]["Object"][0]["Attribute"][1] |= {"object_relation": "wallet"}

    def not_the_schema(event: dict[str, Any]) -> None:
        _foreign(event)
        event["Event"]["published"] = "yes"

    for change in (mistyped, unknown_relation, not_the_schema):
        assert len(faults("misp", _changed("misp", change))) == 1


def test_bad_tagpack_is_refused() -> None:
    address = b"- address: 1BoatSLRHtKNngkdXEeobR76b53LETtpyT\n"
    assert faults("tagpack", BAD_TAGPACK + address) == []
    assert (
        "unknown confidence"
        in faults("tagpack", BAD_TAGPACK + address + b"  confidence: rumour\n")[0]
    )
    assert "checksum" in faults("tagpack", BAD_TAGPACK + address.replace(b"pyT", b"pyU"))[0]


def test_bad_followthemoney_is_refused() -> None:
    empty = b'{"id":"a-1","schema":"CryptoWallet","properties":{}}\n'
    payment = b'{"id":"a-1","schema":"Payment","properties":{"payer":["a-2"]}}\n'
    other = b'{"id":"a-1","schema":"CryptoWallet","properties":{"address":["x"]}}\n'
    lone = b'{"id":"a-1","schema":"Note","properties":{"description":["x"],"entity":["a-9"]}}\n'
    for bad in (empty, payment, other, lone):
        assert len(faults("ftm", bad)) == 1


@pytest.mark.parametrize(("name", "bad"), [("json", b"{}"), ("csv", b"address\nx\n")])
def test_bad_files_of_our_own_are_refused(name: str, bad: bytes) -> None:
    assert len(faults(name, bad)) == 1


# -- stix2-validator 3.2.0, the OASIS one ---------------------------------------------------------


def _oasis(data: bytes) -> bool:
    """Ask stix2-validator with the schemas inside it; a missing reference is a mere warning there.

    What it always warns of: UUIDs of version 5, and an object that is in no standard.
    """
    from stix2validator import ValidationOptions, validate

    known = ("{103}", "{202}", "{401}")
    options = ValidationOptions(version="2.1", enforce_refs=True)
    found = validate(io.StringIO(data.decode()), options)
    return found.is_valid and all(any(c in str(one) for c in known) for one in found.warnings)


def test_oasis_takes_the_good_twin_and_refuses_the_bad() -> None:
    assert _oasis(write("stix", _good()))

    def dangling(bundle: Any) -> None:
        gone = next(one for one in bundle["objects"] if one["type"] == "cryptocurrency-wallet")
        bundle["objects"].remove(gone)

    def no_time(bundle: Any) -> None:
        next(one for one in bundle["objects"] if one["type"] == "indicator").pop("valid_from")

    def bad_pattern(bundle: Any) -> None:
        one = next(one for one in bundle["objects"] if one["type"] == "indicator")
        one["pattern"] = one["pattern"][:-1]

    for change in (dangling, no_time, bad_pattern):
        assert not _oasis(_changed("stix", change)), change


# -- PyMISP loads the feed ------------------------------------------------------------------------


def test_pymisp_makes_the_same_feed_of_our_event() -> None:
    from pymisp import MISPEvent

    files = feed(_good())
    manifest = json.loads(files["manifest.json"])
    (name,) = manifest
    event = MISPEvent()
    event.load(json.loads(files[f"{name}.json"]))
    theirs = event.to_feed(with_meta=True)["Event"]
    assert set(event.manifest) == {name}
    assert event.manifest[name]["info"] == manifest[name]["info"]
    assert theirs["uuid"] == name
    hashes = [line.split(",")[0] for line in files["hashes.csv"].decode().splitlines()]
    assert len(hashes) == 4
    assert set(hashes) <= set(theirs["_hashes"])


# -- FollowTheMoney itself, where it is installed -------------------------------------------------


def test_our_schemata_are_those_of_the_library() -> None:
    model = pytest.importorskip("followthemoney").model
    for name, properties in SCHEMATA.items():
        known = model.get(name).properties
        assert {key: known[key].type.name for key in properties} == dict(properties)


def test_the_room_needs_no_library_to_write_and_read() -> None:
    """Neither stix2 nor PyMISP, nor anything that opens connections, is imported."""
    code = (
        "import sys\nfrom clewline.sharing import SharedList\n"
        "from clewline.sharing.formats import FORMATS, read, write\n"
        "from datetime import datetime, UTC\n"
        "one = SharedList(version=1, made_at=datetime(2025, 3, 1, tzinfo=UTC), issuer='x',"
        " recipient='P-000001')\n"
        "assert all(read(name, write(name, one)) == one for name in FORMATS)\n"
        "bad = {'stix2', 'pymisp', 'requests', 'ssl', 'django'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
