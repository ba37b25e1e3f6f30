"""A partner cannot learn that there is another: every address of the desk, with and without one.

The second partner is there with an account, a key, channels, a look-up, an alert and a file. Every
address is asked by session, token and access key, with the second partner's references in it. Then
the second partner is taken back and the same is asked again: the same status, headers and bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tests.desk import planted
from tests.desk.conftest import World, make_partner
from tests.desk.test_matrix import _token
from tests.sharing.lists import item, shared

from clewline.desk.accounts.models import User
from clewline.desk.addresses.services import address_row
from clewline.desk.alerts import lists, partner_door
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import Channel, Copy
from clewline.desk.api.limits import Rate
from clewline.desk.partners.models import Partner
from clewline.desk.received import services as received
from clewline.desk.roles import Role
from clewline.sharing.formats import write

FETCHED: Final = ("pull", "taxii", "misp-feed")
OTHER: Final = "other-partner"
PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
MADE_ANEW: Final = re.compile(
    r'(csrfmiddlewaretoken\\?" value=\\?"|X-CSRFToken": "|"error_id": ")[\w-]+'
    r"|(csrftoken|clewline_session)=[\w-]+|expires=[^;]+|:\w{6}:[\w-]{43}|clwp?_[\w-]+"
    r"|\w{16}/revoke|[A-Z]-[0-9A-Z]{5}-[0-9A-Z]{5}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?"
)
"""Form tokens, cookies, numbers of errors, references and times that an answer makes anew."""
SETTLED: Final = {
    **{"chain": "BTC", "network": "main", "canonical": planted.ADDRESS, "form": "json"},
    **{"field": "wording", "kind": "brand", "position": "1", "number": "1", "verb": ""},
    **{"token": "1", "change": "1", "year": "2026", "code": "x", "secret": "x", "task": "x"},
}
"""Parameter of an address → what stands for it, where it is nobody's reference."""


class Names(NamedTuple):
    """How things of one partner are called."""

    look_up: str
    partner: str
    alert: str
    copy: str
    channel: str
    received: str
    person: str
    collection: str
    object: str
    event: str

    def of(self, route: str, parameter: str) -> str:
        """Return what stands for a parameter of an address."""
        if parameter in SETTLED:
            return SETTLED[parameter]
        if parameter == "id_":
            return self.object
        by_start = {
            "share/misp/": self.event,
            "share/": self.copy,
            "taxii2/": self.collection,
            "alerts/channels/": self.channel,
            "alerts/partners/": self.partner,
            "alerts/": self.alert,
            "partners/": self.partner,
            "people/": self.person,
            "received/": self.received,
            "api/partners": self.partner,
            "api/alerts": self.alert,
        }
        found = (name for start, name in by_start.items() if route.startswith(start))
        return next(found, self.look_up)


def equip(world: World, user: User) -> Names:
    """Give a partner a look-up that was answered, channels, an alert, a file."""
    partner = user.partner
    assert partner is not None
    liaison, approver = world.person("liaison"), world.person("approver")
    look_up = planted.answered(planted.look_up_of(user), liaison, approver)
    for kind in FETCHED:
        alerts.open_channel(liaison, world.team, partner, kind)
    alert = alerts.make(liaison, world.team, [address_row(planted.KEY)], [partner])
    alerts.decide(approver, alert, released=True)
    one = item(chain="BTC", network="main", address=planted.ADDRESS)
    taken = received.take(partner, "json", write("json", shared(one)), "terminal:x")
    found = [one.id for one in lists.entries(partner)]
    return Names(
        look_up.ref,
        partner.ref,
        alert.ref,
        Copy.objects.get(partner=partner).ref,
        Channel.objects.filter(partner=partner).earliest("pk").ref,
        taken.ref,
        user.pseudonym,
        lists.collection_id(partner),
        next(one for one in found if one.startswith("indicator")),
        "manifest.json",
    )


def another(world: World) -> Names:
    """Enter a second partner, of which everything exists that can."""
    partner = make_partner(world.people, world.team, country="NO")
    Partner.objects.filter(pk=partner.pk).update(codename=f"Codename {OTHER}")
    user = User.objects.create_user(
        OTHER,
        organisation=world.team.organisation,
        partner=Partner.objects.get(pk=partner.pk),
        roles=["partner"],
        pseudonym=OTHER,
    )
    alerts.new_access_key(world.person("liaison"), partner)
    _token(user)
    return equip(world, user)


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every address of the desk and its view; allauth's are the same for everybody."""
    for one in patterns or get_resolver().url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        elif isinstance(one, URLPattern) and not route.startswith("accounts/"):
            yield route, one.callback


def asked(own: Names, others: Names) -> list[tuple[str, str]]:
    """Return every address with one's own names in it and with another's, and each method.

    Where the door lets in no partner at all it looks at no name: another's alone are asked.
    """
    made = set()
    for route, view in routes():
        closed = hasattr(view, "action") and Role.PARTNER not in view.action.roles
        for names in (others,) if closed else (own, others):
            url = "/" + PARAMETER.sub(partial(_name, names, route), route)
            assert not {"<", "("} & set(url), url
            made |= {(url, method) for method in getattr(view, "methods", ("GET", "POST"))}
    return sorted(made)


def _name(names: Names, route: str, found: re.Match[str]) -> str:
    """Return what stands for a parameter."""
    return names.of(route, found[1])


class Observer:
    """Whoever sits at a partner: a browser, a token of a program, an access key."""

    def __init__(self, world: World) -> None:
        user = User.objects.get(pk=world.person("partner").pk)
        self.session = world.client(user).cookies["clewline_session"].value
        key = alerts.new_access_key(world.person("liaison"), world.partner)
        self.headers = {
            "token": {"Authorization": f"Bearer {_token(user)}"},
            "key": {"Authorization": f"Bearer {key}", "Accept": "*/*"},
        }

    def by(self, url: str) -> str:
        """Say by what an address is asked: each has its own."""
        if url.startswith(("/share/", "/taxii2/")):
            return "key"
        return "token" if url.startswith("/api/") else "session"

    def ask(self, url: str, method: str) -> tuple[Any, ...]:
        """Ask, take it back, and return all that can be observed."""
        client, by = Client(), self.by(url)
        headers = self.headers.get(by, {})
        body: Any = json.dumps({"matched": 1}) if by == "key" else "{}"
        kind = "application/json"
        if by == "session":
            client.cookies["clewline_session"] = self.session
            body, kind = self.forms.get(url, {}), "form"
        with transaction.atomic():
            if method == "GET":
                answer: Any = client.get(url, headers=headers)
            elif kind == "form":
                answer = client.post(url, body)
            else:
                answer = client.post(url, body, content_type=kind, headers=headers)
            content = b"".join(answer)
            transaction.set_rollback(True)
        said = content.decode() + json.dumps(sorted(answer.items())) + str(answer.cookies)
        # What somebody asked for in the address itself is no news to them.
        return answer.status_code, said.replace(url, "") if len(url) > 1 else said

    def walk(self, own: Names, others: Names) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Ask every address."""
        cache.clear()
        question = {**planted.ASKED, "identifiers": planted.ADDRESS}
        self.forms = {
            "/asked/ask/": {**question, "alert_ref": others.alert},
            "/account/tokens/": {"name": "x", "days": 5, "scopes": ["account.read"]},
        }
        return {(url, method): self.ask(url, method) for url, method in asked(own, others)}


def masked(seen: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave out what each answer makes anew."""
    status, said = seen
    return status, MADE_ANEW.sub("?", said)


def test_no_address_tells_of_another_partner(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partner_door, "_RATE", Rate())
    planted.sighting_of(world.person("analyst"))
    own = equip(world, User.objects.get(pk=world.person("partner").pk))
    observer = Observer(world)
    with transaction.atomic():
        others = another(world)
        with_it = observer.walk(own, others)
        transaction.set_rollback(True)
    assert not Partner.objects.filter(ref=others.partner).exists()
    without = observer.walk(own, others)
    words = {OTHER, *others} - {*own, *SETTLED.values()}
    for one, seen in with_it.items():
        assert masked(seen) == masked(without[one]), one
        told = {word for word in words if word in seen[1]}
        assert not told, f"{one} tells {told}"
    # What is one's own is answered, so the walk is no walk along closed doors.
    fine = {url for (url, method), seen in with_it.items() if method == "GET" and seen[0] == 200}
    assert {f"/asked/{own.look_up}/", "/asked/", "/share/list.json", "/taxii2/"} <= fine
    assert f"/taxii2/alerts/collections/{own.collection}/objects/{own.object}/" in fine
    assert f"/share/alerts/{own.copy}.json" in fine


def test_the_walk_finds_what_tells(world: World) -> None:
    """Who keeps partners sees the second one, on the same walk."""
    planted.sighting_of(world.person("analyst"))
    client = world.client(world.person("liaison"))
    with transaction.atomic():
        others = another(world)
        before = client.get("/partners/").content.decode()
        transaction.set_rollback(True)
    assert others.partner in before
    assert others.partner not in client.get("/partners/").content.decode()
