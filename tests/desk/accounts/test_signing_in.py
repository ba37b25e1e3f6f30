"""Signing in: the first visit, second factors, locks, idle sessions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from axes.utils import reset
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client, override_settings
from tests.desk.conftest import World, make_team

from clewline.desk.accounts.models import User

FIRST = {
    "organisation": "Example Hotline (made up)",
    "team": "Payments",
    "username": "first",
    "password": "a-long-made-up-phrase",
}


def test_the_first_visit_makes_an_administrator_once(db: None) -> None:
    page = f"/setup/{settings.HOME.setup_code()}/"
    assert Client().get("/setup/another-code/").status_code == 404
    assert Client().get(page).status_code == 200
    assert Client().post(page, FIRST).status_code == 302
    user = User.objects.get()
    assert user.roles == ["administrator"]
    assert Client().get(page).status_code == 404
    assert Client().post(page, {**FIRST, "username": "second"}).status_code == 404


@pytest.mark.parametrize("password", ["short", "password1234", "111111111111111"])
def test_weak_passwords_are_refused(db: None, password: str) -> None:
    page = f"/setup/{settings.HOME.setup_code()}/"
    assert Client().post(page, {**FIRST, "password": password}).status_code == 200
    assert not User.objects.exists()


def test_nobody_works_without_a_second_factor(db: None) -> None:
    make_team("north")
    client = Client()
    assert _sign_in(client, "north-analyst").status_code == 302
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/")


def test_a_code_is_asked_for_and_its_secret_is_sealed(db: None) -> None:
    _, people = make_team("north")
    secret = generate_totp_secret()
    authenticator = TOTP.activate(people["analyst"], secret).instance
    assert secret not in str(authenticator.data)
    client = Client()
    answer = _sign_in(client, "north-analyst")
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/").status_code == 302
    from allauth.mfa.totp.internal.auth import (
        format_hotp_value,
        hotp_value,
        yield_hotp_counters_from_time,
    )

    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/").status_code == 200


@override_settings(AXES_ENABLED=True)
def test_guessing_is_locked_out_also_from_elsewhere(db: None) -> None:
    make_team("north")
    for attempt in range(5):
        answer = Client(REMOTE_ADDR=f"192.0.2.{attempt}").post(
            "/accounts/login/", {"login": "north-analyst", "password": "wrong"}
        )
    assert answer.status_code == 429
    # allauth counts in memory, axes in the database: the lock outlives a restart.
    cache.clear()
    assert _sign_in(Client(REMOTE_ADDR="192.0.2.99"), "north-analyst").status_code == 429
    reset(username="north-analyst")


def test_unknown_and_wrong_look_the_same(db: None) -> None:
    make_team("north")
    pages = []
    for name in ("north-analyst", "nobody-at-all"):
        answer = Client().post("/accounts/login/", {"login": name, "password": "wrong"})
        pages.append(answer.content.decode().replace(name, "NAME"))
    mask = [line for page in pages for line in page.splitlines() if "csrf" in line.lower()]
    left, right = ([x for x in page.splitlines() if x not in mask] for page in pages)
    assert left == right


def test_an_idle_session_ends(world: World) -> None:
    client = world.client(world.person("analyst"))
    assert client.get("/").status_code == 200
    session = client.session
    session["last_request"] = int(time.time()) - settings.IDLE_SECONDS - 1
    session.save()
    assert client.get("/").status_code == 302
    assert not Session.objects.filter(session_key=session.session_key).exists()


def test_keys_are_readable_by_their_owner_alone() -> None:
    keys = Path(settings.HOME.path) / "keys"
    assert {oct(file.stat().st_mode)[-3:] for file in keys.iterdir()} == {"600"}
    assert oct(keys.stat().st_mode)[-3:] == "700"


def _sign_in(client: Client, name: str) -> object:
    """Send name and password."""
    return client.post("/accounts/login/", {"login": name, "password": "made-up-password"})
