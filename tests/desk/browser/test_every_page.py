"""Every page that links lead to, for each role: no breach of WCAG 2.2 AA, no error, no way out."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import Page
from tests.desk.browser.conftest import LiveDesk, assert_accessible

from clewline.desk.accounts.models import User
from clewline.desk.play import fill

_MOST = 60
_FILES = ("export", "download", ".csv", ".jsonl")


def pages_of(page: Page, origin: str) -> dict[str, str]:
    """Follow links from the first page; return view → the first path that led to it."""
    found: dict[str, str] = {}
    waiting = ["/"]
    while waiting and len(found) < _MOST:
        path = waiting.pop(0)
        name = resolve(urlsplit(path).path).view_name
        if name in found:
            continue
        found[name] = path
        answer = page.goto(path)
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"
        for link in page.locator("a[href]").evaluate_all("links => links.map(a => a.href)"):
            target = urlsplit(link)
            assert f"{target.scheme}://{target.netloc}" == origin, f"{path} leads out to {link}"
            if not any(part in target.path for part in _FILES):
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return found


@pytest.mark.parametrize(
    "who", ["analyst", "approver", "investigator", "liaison", "auditor", "police-investigator"]
)
def test_pages_of_a_role(live_desk: LiveDesk, play_case: Path, who: str) -> None:
    fill(play_case)
    user = User.objects.get(username=f"made-up-{who}")
    with live_desk.signed_in(user) as page:
        found = pages_of(page, live_desk.url)
        assert {"home", "account"} < set(found)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for path in found.values():
                page.goto(path)
                assert page.locator("h1").count() == 1, f"{path}: one main heading"
                assert_accessible(page)


def test_pages_of_an_administrator(live_desk: LiveDesk) -> None:
    with live_desk.signed_in(live_desk.world.person("administrator")) as page:
        found = pages_of(page, live_desk.url)
        assert "people" in found
        assert not {"sightings", "search", "cases", "welfare"} & set(found)
        for path in found.values():
            page.goto(path)
            assert_accessible(page)
