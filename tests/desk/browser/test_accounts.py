"""Accounts in a real browser: the first visit, an invitation, a second factor of either kind."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from playwright.sync_api import Browser, Page
from tests.desk.browser.conftest import PATIENCE, LiveDesk, assert_accessible

from clewline.desk.accounts.models import User

PASSWORD = "a-long-made-up-phrase"  # noqa: S105


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Any:
    """A browser that nobody is signed in with."""
    context = browser.new_context(
        base_url=live_server.url.replace("127.0.0.1", "localhost"),
        viewport={"width": 1280, "height": 720},
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def first_visit(page: Page) -> None:
    """Make the first administrator."""
    page.goto(f"/setup/{settings.HOME.setup_code()}/")
    assert_accessible(page)
    page.get_by_label("Organisation").fill("Example Hotline (made up)")
    page.get_by_label("First team").fill("Payments")
    page.get_by_label("Your name for signing in").fill("first")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Two-Factor Authentication").wait_for()


def confirm_password(page: Page) -> None:
    """Type the password again where it is asked for."""
    if "reauthenticate" in page.url:
        page.locator("input[type=password]").fill(PASSWORD)
        with page.expect_navigation():
            page.keyboard.press("Enter")


def test_first_visit_app_and_sign_in_again(page: Page, live_server: Any) -> None:
    first_visit(page)
    page.goto("/accounts/2fa/totp/activate/")
    confirm_password(page)
    assert_accessible(page)
    secret = page.locator("dd code").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Switch it on").click()
    page.get_by_role("heading", name="Recovery Codes").wait_for()
    page.get_by_role("link", name="Clewline").click()
    page.get_by_role("heading", name="Today").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/accounts/login/")
    assert_accessible(page)
    page.get_by_label("Username").fill("first")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Code").wait_for()
    assert_accessible(page)
    # A code lets in once; the next one is as good within its half minute.
    page.get_by_label("Code").fill(code_of(secret, later=1))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Today").wait_for()


def test_a_security_key(page: Page, live_server: Any) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    first_visit(page)
    page.goto("/accounts/2fa/webauthn/add/")
    confirm_password(page)
    assert_accessible(page)
    page.get_by_label("Name").fill("The made-up key")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", name="Recovery Codes").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("first")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use a security key").click()
    page.get_by_role("heading", name="Today").wait_for()


def test_an_invited_person_sets_a_password(live_desk: LiveDesk, page: Page) -> None:
    with live_desk.signed_in(live_desk.world.person("administrator")) as administrator:
        administrator.goto("/people/")
        administrator.get_by_label("Name for signing in").fill("newcomer")
        administrator.get_by_label("Analyst").check()
        administrator.get_by_label("north", exact=True).check()
        administrator.get_by_role("button", name="Make the account").click()
        link = administrator.locator("section.note code").inner_text()
        assert_accessible(administrator)
    with live_desk.signed_in(live_desk.world.person("approver")) as approver:
        approver.goto("/")
        approver.get_by_role("link", name="Access for").click()
        approver.get_by_role("button", name="Agree").click()
        approver.get_by_text("Waiting for an approver").wait_for(state="detached")
    page.goto(link.replace("127.0.0.1", "localhost"))
    assert_accessible(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Today").wait_for()
    assert User.objects.get(username="newcomer").roles == ["analyst"]


def code_of(secret: str, *, later: int = 0) -> str:
    """Return the six digits that an app shows now, or so many half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))
