"""Erasure by two people and by a period: a tombstone stays, and no backup undoes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from tests.desk.browser.conftest import LiveDesk, assert_accessible
from tests.desk.keeping.test_erasure import OF_OPTION, RESTORE, SECRETS
from tests.desk.records.pages import option, page
from tests.desk.terminal import python

from clewline.desk.home import DeskHome
from clewline.desk.keeping.backup import back_up
from clewline.desk.keeping.keys import export_keys, open_keys, place_keys, place_tree
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record
from clewline.desk.retention import services


def test_what_two_people_or_a_period_erase_no_backup_brings_back(
    live_desk: LiveDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clewline.desk.keeping.keys._COST", 1 << 10)
    world = live_desk.world
    analyst, approver = world.person("analyst"), world.person("approver")
    asked_for = record(analyst, page(option(**OF_OPTION), **SECRETS))
    expired = record(analyst, page(option(), url="https://old.example/"))
    stays = record(analyst, page(option(), url="https://stays.example/"))
    Sighting.objects.filter(pk=expired.pk).update(
        recorded_at=timezone.now() - timedelta(days=3 * 366)
    )
    back_up(settings.HOME, tmp_path / "before", "A-1")

    with live_desk.signed_in(analyst) as asker, live_desk.signed_in(approver) as decider:
        # A legal hold: erasure cannot even be asked for, and the run passes it by.
        for sighting in (asked_for, expired):
            decider.goto(f"/retention/sightings/{sighting.ref}/")
            decider.get_by_label("Basis").fill("Order 7 (made up)")
            decider.get_by_role("button", name="Hold", exact=True).click()
            decider.get_by_text("it neither expires nor can be erased").wait_for()
        assert_accessible(decider)
        asker.goto(f"/retention/sightings/{asked_for.ref}/")
        assert not asker.get_by_role("button", name="Ask", exact=True).count()
        assert services.expire("terminal:x") == []
        # Another approver lifts what this one set.
        liaison = world.person("liaison")
        liaison.roles = ["approver"]
        liaison.save()
        with live_desk.signed_in(liaison) as other:
            for sighting in (asked_for, expired):
                other.goto(f"/retention/sightings/{sighting.ref}/")
                other.get_by_text("Lift H-").click()
                other.get_by_label("Why it is lifted").fill("Order 8 (made up)")
                other.get_by_role("button", name="Lift", exact=True).click()
                other.get_by_text("Order 8 (made up)").wait_for()

        asker.reload()
        asker.get_by_label("Reason").select_option("request")
        asker.get_by_label("What it rests on").fill("Request 12 (made up)")
        asker.get_by_role("button", name="Ask", exact=True).click()
        asker.get_by_text("waits for an approver").wait_for()
        decider.goto(asker.url)
        decider.get_by_role("button", name="Erase").click()
        decider.get_by_text("no backup opens it").wait_for()
        assert_accessible(decider)
        decider.goto("/retention/")
        decider.get_by_text("1 record is due now").wait_for()
        assert len(services.expire("terminal:x")) == 1
        decider.reload()
        for sighting in (asked_for, expired):
            decider.get_by_role("rowheader", name=sighting.ref).wait_for()
        assert_accessible(decider)

        asker.goto(f"/sightings/{asked_for.ref}/")
        shown = asker.locator("main").inner_text()
        assert "zqxvwjk" not in shown
        gone = (SECRETS["url"], "https://old.example/", OF_OPTION["contact"])
        asker.goto("/search/")
        asker.get_by_label("A list, one on each line").fill(
            "\n".join(("https://stays.example/", *gone))
        )
        asker.keyboard.press("Control+Enter")
        asker.get_by_role("heading", name="4 rows").wait_for()
        known = asker.locator("table tbody tr td:nth-of-type(2)").all_inner_texts()
        assert known == ["yes", "no", "no", "no"]

    # The backup of before, on a new machine with the keys and today's escrow.
    words = "made up for this test"
    one = DeskHome(tmp_path / "again")
    place_keys(one, open_keys(export_keys(settings.HOME, words), words, ""))
    place_tree(one, settings.HOME.escrow.parent)
    given = (str(one.path), str(tmp_path / "before"), asked_for.ref, stays.ref)
    restored = json.loads(python(tmp_path, RESTORE, *given).stdout)
    assert restored["tombstones"] == [
        [asked_for.ref, "request", approver.pseudonym],
        [expired.ref, "expired", ""],
    ]
    assert restored["erased"] == [""]
    assert restored["other"] == ["https://stays.example/"]
    for file in one.path.rglob("*"):
        if file.is_file():
            assert b"zqxvwjk" not in file.read_bytes(), file.name
