"""The public form: off unless a team takes it, and the same for whatever it is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.desk import planted
from tests.desk.conftest import World, plain
from tests.desk.noninterference.observing import VALUE

from clewline.desk.audit.models import Event
from clewline.desk.disputes import receiving
from clewline.desk.disputes.models import Dispute
from clewline.desk.records.models import AddressStatus

URL = "/dispute/"
SENT = {"disputer_kind": "holder", "disputer": "x", "contact": "x", "grounds": "not mine"}


@pytest.fixture
def public(world: World, settings: LazySettings) -> Client:
    """A browser of nobody, and a team that takes disputes."""
    settings.DISPUTE_FORM = world.team.name
    return Client()


def observed(client: Client, named: str) -> tuple[Any, ...]:
    """Send a dispute; return status, headers, bytes and shapes of statements."""
    with CaptureQueriesContext(connection) as asked:
        answer = client.post(URL, {**SENT, "named": named})
    refs = re.findall(rb"J-[0-9A-Z]{5}-[0-9A-Z]{5}", answer.content)
    assert len(refs) == 1
    body = plain(answer).replace(refs[0], b"J")
    statements = [one["sql"] for one in asked.captured_queries if "SAVEPOINT" not in one["sql"]]
    shapes = [VALUE.sub("?", one) for one in statements]
    headers = {name: said for name, said in answer.headers.items() if "CSP" not in name}
    return answer.status_code, headers, body, shapes


def test_it_is_off_by_default(world: World, settings: LazySettings) -> None:
    for name in ("", "no such team"):
        settings.DISPUTE_FORM = name
        for answer in (Client().get(URL), Client().post(URL, {**SENT, "named": "x"})):
            assert answer.status_code == 404
    assert not Dispute.objects.exists()


def test_listed_withheld_unknown_and_nonsense_are_one(world: World, public: Client) -> None:
    analyst = world.person("analyst")
    planted.sighting_of(analyst)
    withheld = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    from clewline.desk.records import services as records

    option = records.OptionDraft(asset="BTC", chain="BTC", address=withheld)
    records.record(analyst, planted.draft(tlp="red", options=(option,)))
    observed(public, "warm")
    seen = [
        observed(public, named)
        for named in (
            planted.ADDRESS,
            withheld,
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "R-AAAA",
            "?",
        )
    ]
    for one in seen:
        for left, right in zip(one, seen[0], strict=True):
            assert left == right
    assert seen[0][0] == 200
    # Nothing is marked until a person takes it up.
    assert not AddressStatus.objects.exists()
    made = Dispute.objects.order_by("id")[1]
    assert (made.team, made.channel, made.by) == (world.team, "form", None)
    assert made.unseal("named") == planted.ADDRESS
    assert Event.objects.filter(actor="public form", action="dispute.receive").count() == 6
    # The pages of colleagues show it; who is of another organisation learns nothing.
    assert made.ref in world.client(world.person("liaison")).get("/disputes/").content.decode()
    stranger = world.client(world.person("liaison", stranger=True))
    assert made.ref not in stranger.get("/disputes/").content.decode()


def test_it_takes_text_alone_and_so_much_an_hour(
    world: World, public: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = public.get(URL).content.decode()
    assert 'type="file"' not in page
    assert "multipart" not in page
    assert "nav aria-label" not in page
    for wrong in (
        {"named": ""},
        {"grounds": "x" * 2001},
        {"grounds": "data:image/png;base64,AA=="},
    ):
        answer = public.post(URL, {**SENT, "named": "x", **wrong})
        assert answer.status_code == 400
    assert not Dispute.objects.exists()
    assert public.put(URL).status_code == 405
    monkeypatch.setattr(receiving, "MOST_AN_HOUR", 1)
    assert public.post(URL, {**SENT, "named": planted.ADDRESS}).status_code == 200
    limited = [public.post(URL, {**SENT, "named": one}) for one in (planted.ADDRESS, "?")]
    assert [one.status_code for one in limited] == [429, 429]
    assert plain(limited[0]) == plain(limited[1])
    assert Dispute.objects.count() == 1
