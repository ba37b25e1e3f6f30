"""An investigator goes from an address to three request packs, and the filled sheets come back."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.desk import planted
from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.conftest import show_page

from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.money.models import RowAnswer, VaspRequest


def show(page: Page, name: str) -> None:
    """Hold a page against the rules; keep pictures in both colours where CLEWLINE_SHOTS says."""
    assert_accessible(page)
    if directory := os.environ.get("CLEWLINE_SHOTS"):
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
            assert_accessible(page)
            page.screenshot(path=Path(directory) / f"{name}-{colours}.png", full_page=True)
        page.emulate_media(color_scheme="light")


def filled(content: bytes) -> str:
    """Fill the sheet of a pack as an exchange does."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".csv"))
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode())))
    for number, row in enumerate(rows, 1):
        row["answer_status"] = "found"
        row["answer_account_reference"] = f"MADE-UP-{number}"
        row["answer_account_country"] = "NL"
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_from_an_address_to_three_packs_and_back(
    live_desk: LiveDesk, store: Path, site: list[str]
) -> None:
    world = live_desk.world
    owner, approver = world.person("investigator"), world.person("approver")
    show_page(world, site[:1])
    case = cases.open_case(owner, world.team, "Amber Kettle", "", "A made-up basis")
    cases.add_member(owner, case, approver, "Checks what goes out")
    with live_desk.signed_in(owner) as window:
        window.goto("/")
        window.keyboard.press("/")
        window.keyboard.type(site[0])
        window.keyboard.press("Enter")
        window.get_by_role("link", name=site[0][:8]).first.click()
        window.wait_for_url("**/addresses/**")
        window.keyboard.press("Alt+c")
        window.get_by_label("Why it belongs there").fill("A page showed it")
        window.keyboard.press("Enter")
        window.get_by_role("link", name="Amber Kettle").click()
        window.wait_for_url("**/cases/C-*/")
        window.get_by_text("Add a task").click()
        window.get_by_label("Task").fill("Ask the exchanges")
        window.get_by_role("button", name="Add the task").click()
        expect(window.get_by_role("rowheader", name="Ask the exchanges")).to_be_visible()
        window.wait_for_load_state()
        show(window, "case")
        window.keyboard.press("Alt+t")
        window.wait_for_url("**/timeline/")
        show(window, "case-timeline")
        window.goto(f"/cases/{case.ref}/money/")
        show(window, "case-money-empty")
        window.keyboard.press("Alt+s")
        window.wait_for_url("**/money/start/")
        window.get_by_label("With the clusters of the addresses").check()
        show(window, "case-start")
        window.keyboard.press("Control+Enter")
        window.wait_for_url("**/runs/K-*/")
        # The page looks again by itself.
        expect(window.get_by_role("heading", name="Request packs")).to_be_visible(timeout=60_000)
        show(window, "case-run")
        run = window.url
        window.get_by_role("link", name="Payers").click()
        show(window, "case-rows")
        window.locator("tbody a").first.click()
        window.wait_for_url("**/payers/1/")
        window.get_by_label("Reason").fill("Fits the page")
        show(window, "case-row")
        window.keyboard.press("Control+Enter")
        expect(window.get_by_text("confirmed: Fits the page")).to_be_visible()
        window.goto(run)
        packs = window.get_by_role("checkbox")
        for number in range(3, packs.count()):
            packs.nth(number).uncheck()
        window.get_by_label("Why they are asked").fill("To name the account holders")
        window.keyboard.press("Control+Enter")
        window.wait_for_url("**/money/")
        assert VaspRequest.objects.count() == 3
        show(window, "case-money")
    requests = list(VaspRequest.objects.order_by("id"))
    with live_desk.signed_in(approver) as window:
        for number, one in enumerate(requests):
            window.goto(f"/requests/{one.ref}/")
            if number == 0:
                show(window, "case-request-drafted")
            window.get_by_role("button", name="Approve").click()
            expect(window.get_by_text("Every package waits")).to_be_visible()
            planted.open_release(one)
    with live_desk.signed_in(owner) as window:
        for number, one in enumerate(requests):
            window.goto(f"/requests/{one.ref}/")
            with window.expect_download() as download:
                window.get_by_role("link", name="Take the pack").click()
            sheet = filled(Path(download.value.path()).read_bytes())
            window.get_by_label("Route").fill("Portal")
            if number == 0:
                show(window, "case-request-approved")
            window.get_by_role("button", name="Note it").click()
            window.get_by_label("The filled sheet").fill(sheet)
            window.get_by_role("button", name="Take in the answers").click()
            expect(window.get_by_text("kept.")).to_be_visible()
            assert "MADE-UP" not in window.content()
        show(window, "case-request")
        window.get_by_role("link", name="Open the answers").click()
        show(window, "case-masked")
        window.get_by_role("button", name="Reveal").click()
        expect(window.get_by_text("MADE-UP-1").first).to_be_visible()
        show(window, "case-answers")
        asked = sum(one.rows.count() for one in requests)
        assert RowAnswer.objects.count() == asked >= 3
        window.goto(f"/cases/{case.ref}/money/")
        expect(window.get_by_role("cell", name="answered", exact=True)).to_have_count(3)
        window.keyboard.press("Alt+l")
        window.get_by_label("Tool that made the list").fill("Tracer (made up)")
        window.get_by_label("The list, pasted").fill(
            f"tx hash;index;address;date;BTC;exchange\n{'ab' * 32};0;x;2026-01-02;0.1;Exchange A\n"
            "wrong;0;x;2026-01-02;0.1;Exchange A\n"
        )
        window.keyboard.press("Control+Enter")
        expect(window.get_by_role("button", name="Import 1 row")).to_be_visible()
        show(window, "case-import")
        window.get_by_role("button", name="Import 1 row").click()
        window.wait_for_url("**/lists/L-*/")
        show(window, "case-list")


@pytest.mark.parametrize("role", ["analyst", "approver"])
def test_a_sealed_case_cannot_be_counted(live_desk: LiveDesk, role: str) -> None:
    world = live_desk.world
    owner = world.person("investigator")
    with live_desk.signed_in(world.person(role)) as window:
        seen = []
        for _ in range(2):
            window.goto("/cases/")
            seen.append(window.locator("main").inner_text())
            cases.open_case(owner, world.team, "Amber Kettle", "", "made up")
        assert seen[0] == seen[1] and Case.objects.count() == 2
        assert "Amber" not in window.content()
