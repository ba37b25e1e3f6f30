"""An agency asks, a maker drafts, a checker releases, the agency reads; then it is corrected."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.desk import planted
from tests.desk.browser.conftest import LiveDesk, assert_accessible

from clewline.desk.lookups import answers, services
from clewline.desk.lookups.models import LookUp, Receipt, Release
from clewline.desk.records import services as records
from clewline.errors import DataError

UNKNOWN = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
FIELDS = {
    "Offence, or what not knowing would prejudice": "made-up offence",
    "Why it is necessary and proportionate": "made-up necessity",
    "Who asks": planted.SEALED["requester"],
    "Role of who asks": "constable",
    "Authorised by": planted.SEALED["authoriser"],
    "Rank": "inspector",
    "Your reference": "MADE-UP-1",
    "Why it is urgent": "a child in danger (made up)",
}


def _download(agency: Page, to: Path) -> bytes:
    """Take the signed answer, as the agency keeps it."""
    with agency.expect_download() as taken:
        agency.get_by_role("link", name="Signed answer (JSON)").click()
    taken.value.save_as(to)
    return to.read_bytes()


def _draft(maker: Page) -> None:
    """Draft what policy allows; the maker cannot release it."""
    maker.get_by_role("button", name="Draft the answer").click()
    maker.get_by_text("An approver of the team who did not draft it").wait_for()
    assert maker.get_by_role("button", name="Release").count() == 0


def _release(checker: Page) -> None:
    """Release the draft, from the day's work."""
    checker.goto("/")
    checker.get_by_text("look-up: release the answer").wait_for()
    checker.goto(f"/lookups/{LookUp.objects.get().ref}/")
    checker.get_by_role("button", name="Release").click()
    checker.get_by_role("button", name="Release").wait_for(state="detached")


def test_a_look_up_and_its_correction(live_desk: LiveDesk, tmp_path: Path) -> None:
    world = live_desk.world
    seen = planted.sighting_of(world.person("analyst"))
    key = services.public_key()
    with (
        live_desk.signed_in(world.person("partner"), accept_downloads=True) as agency,
        live_desk.signed_in(world.person("liaison")) as maker,
        live_desk.signed_in(world.person("approver"), color_scheme="dark") as checker,
    ):
        agency.goto("/asked/")
        agency.get_by_role("link", name="Ask").click()
        assert_accessible(agency)
        agency.get_by_label("Identifiers, one a line").fill(f"{planted.ADDRESS}\n{UNKNOWN}")
        agency.get_by_label("Urgent", exact=True).check()
        for label, text in FIELDS.items():
            agency.get_by_label(label, exact=True).fill(text)
        agency.keyboard.press("Control+Enter")
        agency.get_by_text("Being answered.").wait_for()
        assert_accessible(agency)
        # Nothing is drafted before somebody called back.
        maker.goto("/lookups/")
        maker.get_by_text("urgent", exact=True).wait_for()
        maker.goto(f"/lookups/{LookUp.objects.get().ref}/")
        assert maker.get_by_role("button", name="Draft the answer").count() == 0
        assert planted.SEALED["requester"] not in maker.content()
        maker.get_by_label("Whom, and where").fill("the switchboard, from their public page")
        maker.get_by_role("button", name="Log the call").click()
        _draft(maker)
        assert_accessible(maker)
        _release(checker)
        assert_accessible(checker)
        agency.reload()
        for reply in ("Known", "Nothing that can be shared"):
            agency.get_by_text(reply, exact=True).first.wait_for()
        assert_accessible(agency)
        content = _download(agency, tmp_path / "answer.json")
        told = answers.verify(content, "answer.json", key)
        assert [one["reply"] for one in told["items"]] == ["known", "nothing"]
        assert told["corrects"] is None
        with pytest.raises(DataError, match="was changed"):
            answers.verify(content.replace(b'"nothing"', b'"known"'), "answer.json", key)
        agency.get_by_role("button", name="Acknowledge").click()
        agency.get_by_text("acknowledged").wait_for()
        # What it rests on is withdrawn: the agency hears of it by the same way.
        records.withdraw(world.person("analyst"), seen, "recorded by mistake (made up)")
        maker.goto("/lookups/")
        maker.get_by_text("correct what was told").wait_for()
        maker.get_by_role("link", name=LookUp.objects.get().ref).first.click()
        _draft(maker)
        _release(checker)
        agency.reload()
        agency.get_by_text("This replaces an earlier answer").wait_for()
        assert_accessible(agency)
        second = answers.verify(_download(agency, tmp_path / "second.json"), "second.json", key)
    assert second["corrects"] == answers.digest(content)
    assert {one["reply"] for one in second["items"]} == {"nothing"}
    assert Release.objects.filter(released=True).count() == 2
    assert Receipt.objects.get().by == world.person("partner")
