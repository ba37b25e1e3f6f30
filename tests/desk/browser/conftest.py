"""A desk that runs, and a real browser in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.desk.conftest import World

from clewline.desk.accounts.models import User

PATIENCE = 60_000
"""Milliseconds in which a busy machine shows what a test waits for."""


@pytest.fixture(scope="session")
def browser(needs: Callable[[str], str]) -> Iterator[Browser]:
    """Chromium, without a window; one for all tests."""
    path = needs("chromium")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, in which tests look into the database, too.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        expect.set_options(timeout=PATIENCE)
        yield started
        started.close()


@dataclass
class LiveDesk:
    """A desk on a port of this machine, with the people of `world`."""

    url: str
    world: World
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def signed_in(self, user: User, **options: Any) -> Iterator[Page]:
        """Open a browser window in which `user` is signed in; what it complains of is noted."""
        settled: dict[str, Any] = {"viewport": {"width": 1280, "height": 720}}
        context = self.browser.new_context(base_url=self.url, **{**settled, **options})
        session = self.world.client(user).cookies["clewline_session"].value
        context.add_cookies([{"name": "clewline_session", "value": session, "url": self.url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        try:
            yield page
        finally:
            context.close()

    def _note(self, message: Any) -> None:
        """Note what the browser says of a page: script errors, breaches of the content policy."""
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


@pytest.fixture
def live_desk(browser: Browser, live_server: Any, world: World) -> Iterator[LiveDesk]:
    """A running desk; errors and breaches of the content policy in the browser fail the test."""
    desk = LiveDesk(live_server.url, world, browser)
    yield desk
    assert desk.complaints == []


def assert_accessible(page: Page) -> None:
    """Hold a page against WCAG 2.2 AA as axe does; names each breach and the element."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    breaches = [
        f"{one['id']}: {one['help']} at {[node['target'] for node in one['nodes']][:4]}"
        for one in found.response["violations"]
    ]
    assert not breaches, "\n".join(breaches)
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels wider than the window"
