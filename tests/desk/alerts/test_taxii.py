"""The TAXII 2.1 server, by section of the standard, and with the client that others use."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import taxii2client.v21 as taxii
from django.test import Client
from taxii2client.common import TokenAuth
from tests.desk.alerts.conftest import ADDRESSES, Desk

from clewline.desk.alerts import lists, services, taxii_views
from clewline.desk.alerts.models import Delivery
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.received import services as received
from clewline.errors import SharedFileError, UsageError
from clewline.pulling import taxii as pulling
from clewline.sharing.formats import read

MEDIA = "application/taxii+json;version=2.1"


class Reader:
    """A partner that reads its collection."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.partner = desk.partner(name)
        desk.channel(self.partner, "taxii")
        self.key = services.new_access_key(desk.world.person("liaison"), self.partner)
        self.root = f"/taxii2/alerts/collections/{lists.collection_id(self.partner)}/"

    def get(self, path: str = "objects/", method: str = "GET", **headers: str) -> Any:
        """Ask; a path without a beginning is of the own collection."""
        full = path if path.startswith("/") else self.root + path
        given = {"Authorization": f"Token {self.key}", "Accept": MEDIA, **headers}
        return Client().generic(method, full, headers=given)


@pytest.fixture
def reader(desk: Desk) -> Reader:
    """A partner whose collection holds an alert."""
    desk.sighting()
    made = Reader(desk, "Made-up Exchange")
    desk.tell([made.partner])
    return made


def test_4_1_discovery_and_4_2_api_root(reader: Reader) -> None:
    found = reader.get("/taxii2/").json()
    root = urlsplit(found["default"]).path
    assert found["api_roots"] == [found["default"]]
    assert reader.get(root).json()["versions"] == [MEDIA]


def test_4_3_there_is_no_status(reader: Reader) -> None:
    assert (
        reader.get("/taxii2/alerts/status/2d086da7-4bdc-4f91-900e-d77486753710/").status_code == 404
    )


def test_3_1_media_types(reader: Reader) -> None:
    answer = reader.get()
    assert answer["Content-Type"] == MEDIA
    for accept, status in [
        ("application/taxii+json", 200),
        ("application/taxii+json; version=2.1", 200),
        ("application/taxii+json;version=2.0", 406),
        ("text/html", 406),
        ("", 406),
    ]:
        assert reader.get(Accept=accept).status_code == status, accept


def test_5_1_a_partner_sees_its_own_collection_alone(desk: Desk, reader: Reader) -> None:
    other = Reader(desk, "Other Exchange")
    listed = reader.get("/taxii2/alerts/collections/").json()["collections"]
    assert [one["id"] for one in listed] == [lists.collection_id(reader.partner)]
    missing = "/taxii2/alerts/collections/00000000-0000-4000-8000-000000000000/"
    for tail in ("", "objects/", "manifest/", "objects/indicator--x/", "objects/x/versions/"):
        theirs, none = other.get(reader.root + tail), other.get(missing + tail)
        assert theirs.status_code == none.status_code == 404
        assert set(theirs.json()) == set(none.json())
        assert theirs.json()["title"] == none.json()["title"]


def test_without_a_key_nothing(reader: Reader) -> None:
    for header in ("", "Bearer clwp_wrong", "Basic AAAA", "Basic \u00ff", "Token"):
        answer = Client().get("/taxii2/", headers={"Authorization": header, "Accept": MEDIA})
        assert answer.status_code == 401
        assert "Basic" in answer["WWW-Authenticate"]


def test_5_4_objects_and_5_3_manifest_agree(reader: Reader) -> None:
    objects = reader.get().json()["objects"]
    records = reader.get("manifest/").json()["objects"]
    assert [one["id"] for one in objects] == [one["id"] for one in records]
    assert {one["media_type"] for one in records} == {taxii_views.STIX}
    added = {one["date_added"] for one in records}
    answer = reader.get()
    assert answer["X-TAXII-Date-Added-First"] == min(added)
    assert answer["X-TAXII-Date-Added-Last"] == max(added)
    wallets = {one["value"] for one in objects if one["type"] == "cryptocurrency-wallet"}
    assert wallets == set(ADDRESSES[:2])
    assert Delivery.objects.get().state == "delivered"


def test_3_5_pages(reader: Reader) -> None:
    whole = [one["id"] for one in reader.get().json()["objects"]]
    assert Delivery.objects.get().state == "delivered"
    found: list[str] = []
    page = {"more": True, "next": "0"}
    while page.get("more"):
        page = reader.get(f"objects/?limit=3&next={page['next']}").json()
        found += [one["id"] for one in page["objects"]]
        assert len(page["objects"]) <= 3
    assert found == whole


def test_3_5_a_page_is_no_receipt_of_the_rest(reader: Reader) -> None:
    assert reader.get("objects/?limit=2").json()["more"] is True
    assert Delivery.objects.get().state == "offered"


def test_3_4_filters(reader: Reader) -> None:
    objects = reader.get().json()["objects"]
    one = next(one for one in objects if one["type"] == "indicator")
    assert reader.get(f"objects/?match[id]={one['id']}").json()["objects"] == [one]
    found = reader.get("objects/?match[type]=indicator,relationship").json()["objects"]
    assert {one["type"] for one in found} == {"indicator", "relationship"}
    assert reader.get("objects/?match[spec_version]=2.0").json() == {}
    assert reader.get(f"objects/?match[version]={one['modified']}").json()["objects"]
    for query in (
        "added_after=x",
        "limit=0",
        "limit=-1",
        "next=x",
        "match[version]=x",
        "limit=1e3",
    ):
        answer = reader.get(f"objects/?{query}")
        assert answer.status_code == 400, query
        assert answer["Content-Type"] == MEDIA


def test_what_came_in_later_and_5_8_versions(desk: Desk, reader: Reader) -> None:
    before = reader.get()
    mark = before["X-TAXII-Date-Added-Last"]
    assert reader.get(f"objects/?added_after={mark}").json() == {}
    alert = desk.follow(_alert(reader.partner), "withdrawn")
    assert alert.kind == "withdrawn"
    later = reader.get(f"objects/?added_after={mark}").json()["objects"]
    gone = [one for one in later if one["type"] == "indicator"]
    assert len(gone) == 2
    assert all(one["revoked"] for one in gone)
    # Of each object the last version, unless all are asked for.
    standing = [one for one in reader.get().json()["objects"] if one["type"] == "indicator"]
    assert standing == gone
    every = reader.get("objects/?match[version]=all&match[type]=indicator").json()["objects"]
    # Two changes within a second have one time of modification; then they are one version.
    name = gone[0]["id"]
    versions = reader.get(f"objects/{name}/versions/").json()["versions"]
    assert gone[0]["modified"] in versions
    assert len(every) == 2 * len(versions)
    assert reader.get(f"objects/{name}/").json()["objects"] == [gone[0]]


def _alert(partner: Partner) -> Any:
    """Return the alert of which a partner has a copy."""
    return partner.alert_copies.get().alert


def test_what_is_not_served_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "ALERTS.md").read_text(encoding="utf-8")
    rows = [f"| {what} | {answer} |" for what, answer in taxii_views.UNSUPPORTED.items()]
    assert all(row in page for row in rows)


def test_5_5_and_5_7_nothing_is_written(reader: Reader) -> None:
    assert reader.get(method="POST").status_code == 403
    assert reader.get("objects/indicator--x/", method="DELETE").status_code == 403
    assert reader.get(method="PUT").status_code == 405


def test_who_is_suspended_reads_withdrawals_alone(desk: Desk, reader: Reader) -> None:
    alert = _alert(reader.partner)
    partners.stop(desk.world.person("liaison"), reader.partner, "suspended", "made up")
    assert reader.get().json() == {}
    desk.follow(alert, "withdrawn")
    found = [one for one in reader.get().json()["objects"] if one["type"] == "indicator"]
    assert all(one["revoked"] for one in found)
    assert len(found) == 2


@pytest.mark.django_db(transaction=True)
def test_the_client_that_others_use(live_server: Any, desk: Desk) -> None:
    desk.sighting()
    reader = Reader(desk, "Made-up Exchange")
    desk.tell([reader.partner])
    server = taxii.Server(f"{live_server.url}/taxii2/", auth=TokenAuth(reader.key))
    (collection,) = server.default.collections
    assert not collection.can_write
    found: list[dict[str, Any]] = []
    for page in taxii.as_pages(collection.get_objects, per_request=3):
        found += page["objects"]
    assert {one["value"] for one in found if "value" in one} == set(ADDRESSES[:2])
    assert len(collection.get_manifest()["objects"]) == len(found)
    name = next(one["id"] for one in found if one["type"] == "indicator")
    assert collection.get_object(name)["objects"][0]["id"] == name
    assert collection.object_versions(name)["versions"]


def test_our_own_client_reads_and_what_it_writes_can_be_imported(
    live_server: Any, desk: Desk, tmp_path: Path
) -> None:
    desk.sighting()
    reader = Reader(desk, "Made-up Exchange")
    alert = desk.tell([reader.partner])
    url, login = f"{live_server.url}/taxii2/", pulling.authorization(f"token {reader.key}", "x")
    first = pulling.pull(url, login)
    told = lists.whole_list(reader.partner)
    assert read("stix", first.bundle()).items == told.items
    assert {one.address for one in told.items} == set(ADDRESSES[:2])
    desk.follow(alert, "withdrawn")
    state = pulling.read_state(first.as_bytes(), "state")
    second = pulling.pull(url, login, lists.collection_id(reader.partner), state)
    items = read("stix", second.bundle()).items
    assert sorted(one.state for one in items) == ["withdrawn", "withdrawn"]
    assert items == lists.whole_list(reader.partner).items
    file = received.take(reader.partner, "stix", second.bundle(), "terminal:x")
    assert file.items.count() == 2
    quoted = (f"value = '{one}'".encode() for one in (ADDRESSES[0], ADDRESSES[2]))
    changed = second.bundle().replace(*quoted)
    with pytest.raises(SharedFileError):
        read("stix", changed)
    other = Reader(desk, "Other Exchange")
    with pytest.raises(UsageError, match="0 collections"):
        pulling.pull(url, login, lists.collection_id(other.partner))
