"""The page of an address: its layers, who sees what, and what is said of it."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, WRONG_ADDRESS, option, page

from clewline.desk import chain_store
from clewline.desk.accounts.models import User
from clewline.desk.addresses.queries import address_page
from clewline.desk.addresses.services import attribute, set_status
from clewline.desk.audit.models import Event
from clewline.desk.cases.services import link, open_case
from clewline.desk.records.models import Address, AddressStatus, Attribution
from clewline.desk.records.services import record
from clewline.errors import DataError, UsageError
from clewline.play import make_play
from clewline.workspace import Workspace, import_blocks, import_labels

KEY = ("BTC", "main", ADDRESS)
URL = f"/addresses/BTC/main/{ADDRESS}/"
CASH = "/addresses/BCH/bitcoin-cash/bitcoincash:qpmmlusvvrjj9ha2xdgv8xcrpfwsqn5rngt3k26ve2/"
_FRESH = re.compile(rb'csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"')
SAID: dict[str, Any] = {
    "label": "Exchange A (made up)",
    "category": "exchange",
    "source": "a made-up letter",
    "confidence": "authority_data",
    "custody": "deposit",
    "obtained": "authority",
}


def content(client: Client, url: str = URL) -> bytes:
    """Return a page without what is fresh each time."""
    reply = client.get(url)
    assert reply.status_code == 200
    return _FRESH.sub(b"", reply.content)


def test_the_page_says_what_was_seen(world: World) -> None:
    made = record(world.person("analyst"), page(option()))
    shown = content(world.client(world.person("investigator")))
    for said in (made.ref, "Grey Heron", "2026-03-02 10:30", "1 time", "20", "EUR"):
        assert said.encode() in shown
    for sealed in (b"made-up-site", b"Made-up wording"):
        assert sealed not in shown
    assert b"no chain store is attached" in shown


def test_labels_stand_side_by_side_child_protection_first(world: World) -> None:
    user = world.person("analyst")
    attribute(user, world.team, KEY, **SAID)
    attribute(
        user,
        world.team,
        KEY,
        **{
            **SAID,
            "label": "Site B (made up)",
            "category": "child_sexual_abuse",
            "confidence": "unknown",
            "custody": "self",
        },
    )
    found = address_page(user, *KEY)
    assert [(row.label, row.level, row.alarm) for row in found.labels] == [
        ("Site B (made up)", 5, True),
        ("Exchange A (made up)", 60, False),
    ]
    assert found.disagree
    assert b"do not agree" in content(world.client(user))


def test_a_label_whose_time_is_over_says_so(world: World) -> None:
    user = world.person("analyst")
    over = datetime.date(2020, 1, 1)
    attribute(user, world.team, KEY, **SAID, expires_at=over)
    attribute(user, world.team, KEY, **{**SAID, "label": "B", "confidence": "unknown"})
    found = address_page(user, *KEY)
    assert [row.label for row in found.labels] == ["B", "Exchange A (made up)"]
    assert not found.disagree
    assert b"no longer stands" in content(world.client(user))


def test_what_others_know_leaves_no_trace(world: World) -> None:
    client, stranger = world.client(world.person("analyst")), world.person("analyst", stranger=True)
    content(client)
    before, other = content(client), content(client, CASH)
    record(stranger, page(option()))
    attribute(stranger, world.other_team, KEY, **SAID)
    set_status(stranger, world.other_team, KEY, "withdrawn", "made up")
    owner = world.person("investigator")
    link(owner, open_case(owner, world.team, "Amber Kettle", "t", "made up"), ADDRESS, "made up")
    assert content(client) == before
    assert content(client, CASH) == other
    assert b"Amber Kettle" in content(world.client(owner))


def test_how_many_questions_the_page_asks(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = world.person("analyst")
    assert user.team_ids
    with django_assert_num_queries(9):
        address_page(user, *KEY)
    record(user, page(option()))
    attribute(user, world.team, KEY, **SAID)
    with django_assert_num_queries(9):
        address_page(user, *KEY)


def test_what_is_no_address_is_not_found(world: World) -> None:
    client = world.client(world.person("analyst"))
    wrong = f"/addresses/BTC/main/{WRONG_ADDRESS}/"
    assert client.get(wrong).status_code == 404
    assert client.get(f"/addresses/ETH/evm/{ADDRESS}/").status_code == 404
    assert client.get("/addresses/BTC/main/x/y/").status_code == 404
    stranger = world.person("analyst", stranger=True)
    record(stranger, page(option(WRONG_ADDRESS, as_shown=True)))
    url = f"/addresses/-/-/{WRONG_ADDRESS}/"
    assert client.get(url).status_code == 404
    assert client.post(f"/addresses/-/-/status/{WRONG_ADDRESS}/").status_code == 404
    shown = world.client(stranger).get(url)
    assert shown.status_code == 200 and b"checksum is not right" in shown.content
    assert url.encode() in world.client(stranger).post("/search/", {"q": WRONG_ADDRESS}).content


def test_other_forms_are_there(world: World) -> None:
    shown = content(world.client(world.person("analyst")), CASH)
    assert ADDRESS.encode() in shown
    assert b"/addresses/BTC/main/" in shown


def sent(world: World, user: User, verb: str, fields: dict[str, Any]) -> Any:
    """Send one of the page's forms."""
    return world.client(user).post(f"/addresses/BTC/main/{verb}/{ADDRESS}/", fields)


def test_a_label_is_added(world: World) -> None:
    user = world.person("investigator")
    reply = sent(world, user, "attribute", {**SAID, "team": world.team.name})
    assert (reply.status_code, reply["Location"]) == (302, URL)
    row = Attribution.objects.get()
    assert (row.label, row.team, row.by, row.address.canonical) == (
        SAID["label"],
        world.team,
        user,
        ADDRESS,
    )
    event = Event.objects.get(action="address.attribute")
    assert (event.object, event.result) == (ADDRESS, "done")


def test_a_label_that_is_not_whole_is_refused(world: World) -> None:
    user = world.person("analyst")
    for wrong in (
        {"label": ""},
        {"category": "x"},
        {"confidence": "sure"},
        {"label": "x" * 121},
        {"team": world.other_team.name},
    ):
        reply = sent(world, user, "attribute", {**SAID, "team": world.team.name, **wrong})
        assert reply.status_code == 400
    assert not Attribution.objects.exists()
    assert {e.result for e in Event.objects.filter(action="address.attribute")} == {"refused"}


def test_services_refuse_media_and_other_teams(world: World) -> None:
    user = world.person("analyst")
    with pytest.raises(DataError):
        attribute(user, world.team, KEY, **{**SAID, "label": "data:image/png;base64,AAAA"})
    with pytest.raises(UsageError):
        attribute(user, world.other_team, KEY, **SAID)
    with pytest.raises(UsageError):
        attribute(user, world.team, ("BTC", "main", WRONG_ADDRESS), **SAID)
    assert not Address.objects.exists()


def test_a_status_is_set_and_the_latest_counts(world: World) -> None:
    user = world.person("analyst")
    for status in ("disputed", "withdrawn"):
        fields = {"status": status, "reason": f"made-up reason {status}", "team": world.team.name}
        assert sent(world, user, "status", fields).status_code == 302
    assert AddressStatus.objects.count() == 2
    shown = content(world.client(user))
    assert b"made-up reason withdrawn" in shown and b"made-up reason disputed" not in shown


def test_an_address_is_added_to_a_case_of_ones_own(world: World) -> None:
    owner, teammate = world.person("investigator"), world.person("approver")
    case = open_case(owner, world.team, "Amber Kettle", "t", "made up")
    fields = {"case": case.ref, "why": "made up"}
    assert sent(world, owner, "case", fields).status_code == 302
    assert sent(world, owner, "case", fields).status_code == 400  # it is there already
    unknown = sent(world, teammate, "case", {**fields, "case": "C-00000-00000"})
    hidden = sent(world, teammate, "case", fields)
    assert unknown.status_code == hidden.status_code == 400
    assert _FRESH.sub(b"", unknown.content) == _FRESH.sub(b"", hidden.content)
    assert case.links.count() == 1


@pytest.mark.parametrize("verb", ["", "attribute", "status", "case"])
def test_the_door(world: World, verb: str) -> None:
    url = f"/addresses/BTC/main/{verb + '/' if verb else ''}{ADDRESS}/"
    ask = (lambda c: c.post(url)) if verb else (lambda c: c.get(url))
    assert ask(Client())["Location"].startswith("/accounts/login/")
    for role in ("auditor", "administrator"):
        assert ask(world.client(world.person(role))).status_code == 403
    if verb:
        assert ask(world.client(world.person("liaison"))).status_code == 403
        assert world.client(world.person("analyst")).get(url).status_code == 405
    else:
        assert world.client(world.person("analyst")).post(url).status_code == 405


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a made-up chain with labels."""
    made = make_play(tmp_path_factory.mktemp("desk-chain") / "case", 300, seed=2)
    path = tmp_path_factory.mktemp("desk-chain") / "store"
    import_blocks(path, made.blocks)
    import_labels(path, [made.labels], "made-up")
    return path


@pytest.fixture
def attached(store: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The store, attached to the desk."""
    monkeypatch.setenv("CLEWLINE_STORE", str(store))
    return Workspace.open(store)


def test_the_chain_store_is_asked(world: World, attached: Workspace) -> None:
    row, address = next(
        (row, out["address"])
        for row in attached.all_transactions()
        for out in row["outputs"]
        if out["address"]
    )
    facts = attached.address(address)
    client = world.client(world.person("analyst"))
    shown = client.get(f"/addresses/BTC/{attached.store.manifest.network}/{address}/").content
    assert f"{facts['received'] / 1e8:.8f} BTC".encode() in shown
    assert b"made-up" in shown and str(facts["height"]).encode() in shown.replace(b",", b"")
    found = client.post("/search/", {"q": address}).content
    assert b"on the chain" in found
    found = client.post("/search/", {"q": row["txid"]}).content
    assert b"on the chain" in found
    assert b"is of another chain" in client.get(URL).content


def test_a_store_that_cannot_be_read_is_said_in_words(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEWLINE_STORE", str(tmp_path / "none"))
    shown = content(world.client(world.person("analyst")))
    assert b"the chain store cannot answer" in shown
    assert [one.state for one in chain_store.of_addresses([KEY, KEY])] == ["error", "error"]


def test_the_store_is_asked_from_any_thread(attached: Workspace) -> None:
    from concurrent.futures import ThreadPoolExecutor

    row = next(iter(attached.all_transactions()))
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda _: chain_store.of_transaction(row["txid"]).state, range(8)))
    assert said == ["found"] * 8
    assert chain_store.of_transaction("00" * 32).state == "unknown"
