"""A sealed case exists for its members alone: others get the same bytes as if there were none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse
from tests.desk import planted
from tests.desk.conftest import World, plain, show_page
from tests.desk.test_matrix import OPERATIONS, PAGES

from clewline.desk.accounts import services as accounts
from clewline.desk.cases import services as cases
from clewline.desk.money import services as money
from clewline.desk.roles import ACTIONS

_CHANGING = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{5,8}"
)
_ROLES = ("analyst", "approver", "investigator", "liaison", "administrator")


def _open_pages() -> list[str]:
    """Return every address that names no record."""
    found = []
    for name, method in PAGES:
        if method == "GET" and name not in ("audit", "export-audit"):
            try:
                found.append(reverse(name))
            except NoReverseMatch:
                continue
    return sorted(found)


def _seen(world: World, role: str, user: Any, token: str, address: str) -> dict[str, bytes]:
    """Ask everything that a colleague may ask."""
    client, found = world.client(user), {}
    key = ("BTC", "regtest", address)
    for url in (*_open_pages(), reverse("address", args=key)):
        cache.clear()
        found[url] = _CHANGING.sub(b"", plain(client.get(url)))
    for text in (address, address[:12], "Amber", "Amber Kettle", "ab" * 32):
        found[f"search {text}"] = plain(client.post("/search/", {"q": text}))
    headers = {"Authorization": f"Bearer {token}"}
    for path, method in OPERATIONS:
        if method == "GET" and "{" not in path:
            cache.clear()
            answer = Client().get(f"/api{path}", headers=headers)
            found[f"api {path}"] = _CHANGING.sub(b"", answer.content)
    return found


@pytest.mark.parametrize("role", _ROLES)
def test_nothing_changes_for_a_colleague(
    world: World, store: Path, site: list[str], monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    for module in ("brands", "cases"):
        for place in ("forms", "views"):
            name = f"clewline.desk.{module}.{place}.suggest"
            monkeypatch.setattr(name, lambda user, n=6: ["Oak Mill"] * n, raising=False)
    owner, user = world.person("investigator"), world.person(role)
    if role == "investigator":
        user = accounts.User.objects.create_user(
            "north-second",
            organisation=world.team.organisation,
            roles=["investigator"],
            pseudonym="north-second",
        )
        user.teams.add(world.team)
    planted.sighting_of(world.person("analyst"))
    show_page(world, site[:1])
    token = accounts.new_token(user, "tests", [name for name in ACTIONS if user.may(name)], 5)
    world.client(user).get("/")
    Client().get("/api/me", headers={"Authorization": f"Bearer {token}"})  # used by now
    before = _seen(world, role, user, token, site[0])
    case = cases.open_case(owner, world.team, "Amber Kettle", "a title", "made-up basis")
    cases.link(owner, case, site[0], "made up")
    cases.link(owner, case, "ab" * 32, "made up")
    cases.add_task(owner, case, "made up", owner)
    money.start_run(owner, case, site[:1])
    planted.request_of(owner, case, "approved", "sent")
    planted.list_of(owner, case)
    after = _seen(world, role, user, token, site[0])
    assert len(before) > 15
    for what, said in before.items():
        assert after[what] == said, what
