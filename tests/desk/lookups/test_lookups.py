"""Look-ups: asked, called back, drafted, released by another, received, corrected."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from tests.desk import planted
from tests.desk.conftest import World, make_partner, plain

from clewline.desk.accounts.models import User
from clewline.desk.addresses import services as addresses
from clewline.desk.addresses.services import address_row
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import Copy
from clewline.desk.audit.models import Event
from clewline.desk.lookups import answers, queries, services
from clewline.desk.lookups.models import Draft, LookUp, Receipt, Release
from clewline.desk.records import services as records
from clewline.errors import ClewlineError, DataError, UsageError

OTHER = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"


@pytest.fixture
def partner(world: World) -> User:
    return world.person("partner")


def answer(world: World, look_up: LookUp) -> dict[str, Any]:
    """Take a look-up the whole way and return what the partner gets."""
    planted.answered(look_up, world.person("liaison"), world.person("approver"))
    release = services.latest_release(look_up)
    assert release is not None
    return answers.verify(release.unseal("deliverable").encode(), "a", services.public_key())


def test_the_whole_way(world: World, partner: User) -> None:
    planted.sighting_of(world.person("analyst"))
    browser = world.client(partner)
    form = {**planted.ASKED, "identifiers": f"{planted.ADDRESS}\n{OTHER}", "urgent": "on"}
    assert browser.post(reverse("ask"), form).status_code == 400  # urgent, and not why
    asked = browser.post(reverse("ask"), {**form, "urgent_reason": "a child in danger (made up)"})
    look_up = LookUp.objects.get()
    assert asked["Location"] == reverse("own-lookup", args=[look_up.ref])
    liaison, approver = (world.client(world.person(role)) for role in ("liaison", "approver"))
    page = {name: reverse(name, args=[look_up.ref]) for name in ("lookup", "lookup-call")}
    draft, release = (reverse(n, args=[look_up.ref]) for n in ("draft-lookup", "release-lookup"))
    # Nothing before somebody called back.
    assert liaison.post(draft, {}).status_code == 400
    liaison.post(page["lookup-call"], {"how": "switchboard (made up)", "confirmed": "yes"})
    liaison.post(draft, {"note": "made up"})
    assert approver.get(page["lookup"]).status_code == 200
    assert approver.post(release, {"release": "1"}).status_code == 302
    shown = browser.get(reverse("own-lookup", args=[look_up.ref])).content.decode()
    assert "Known" in shown
    assert "Nothing that can be shared" in shown
    handed = browser.get(reverse("answer", args=[look_up.ref, "json"]))
    content = b"".join(handed) if handed.streaming else handed.content
    told = answers.verify(content, "answer.json", services.public_key())
    first, second = told["items"]
    assert first["fields"]["address"] == planted.ADDRESS
    assert first["fields"]["sightings"] == "1"
    assert "brand" not in first["fields"]  # asks its recorder first
    assert second == {"asked": OTHER, "reply": "nothing", "fields": {}}
    done = Release.objects.get()
    assert answers.digest(content) == done.sha256
    text = browser.get(reverse("answer", args=[look_up.ref, "txt"])).content.decode()
    assert f"1. {planted.ADDRESS}" in text
    for sealed in planted.SEALED.values():
        assert sealed not in content.decode() + text
    assert browser.post(reverse("acknowledge", args=[look_up.ref])).status_code == 302
    assert Receipt.objects.get().by == partner
    actions = set(Event.objects.filter(object=look_up.ref).values_list("action", "result"))
    assert {
        (f"lookup.{verb}", "done") for verb in ("ask", "call", "draft", "release", "own")
    } <= actions
    assert ("lookup.draft", "refused") in actions


def test_a_changed_answer_is_found_out(world: World, partner: User) -> None:
    planted.answered(planted.look_up_of(partner), world.person("liaison"), world.person("approver"))
    content = Release.objects.get().unseal("deliverable")
    for wrong in (content.replace("nothing", "known", 1), content[:-2], "{}", "[]", "[" * 9_999):
        with pytest.raises(DataError):
            answers.verify(wrong.encode(), "answer.json")
    with pytest.raises(DataError, match="another key"):
        answers.verify(content.encode(), "answer.json", "00" * 32)


@pytest.mark.parametrize(
    "withheld", ["unknown", "red", "withdrawn", "elsewhere", "false", "case", "many"]
)
def test_unknown_and_withheld_are_one_reply(world: World, partner: User, withheld: str) -> None:
    analyst = world.person("analyst")
    if withheld == "red":
        records.record(analyst, planted.draft(tlp="red"))
    elif withheld == "withdrawn":
        records.record(analyst, planted.draft(url=""))
        addresses.set_status(analyst, world.team, planted.KEY, "withdrawn", "made up")
    elif withheld == "elsewhere":
        planted.sighting_of(world.person("analyst", stranger=True))
    elif withheld == "false":
        records.record(analyst, planted.draft(info_grade="E"))
    elif withheld == "case":
        planted.case_of(world.person("investigator"), world.team)
    elif withheld == "many":
        for _ in range(5):
            records.record(analyst, planted.draft(tlp="red"))
    look_up = planted.look_up_of(partner)
    browser, page = world.client(partner), reverse("own-lookup", args=[look_up.ref])
    before = plain(browser.get(page))
    assert b"Being answered" in before
    told = answer(world, look_up)
    for name in ("request", "answered_at", "asked_at", "partner", "key"):
        told.pop(name)
    site = told["items"][1]
    assert site.pop("asked").startswith("site ")
    assert told == {
        "format": "clewline-answer-1",
        "case_ref": planted.ASKED["case_ref"],
        "reply": "nothing",
        "items": [
            {"asked": planted.ADDRESS, "reply": "nothing", "fields": {}},
            {"reply": "nothing", "fields": {}},
        ],
        "corrects": None,
        "note": answers.CLUE,
        "policy": Draft.objects.get().policy,
    }
    shown = plain(browser.get(page))
    assert planted.URL.encode() not in shown
    # All that differs between two such replies is the reference, the times and the hashes.
    size = len(Release.objects.get().unseal("deliverable"))
    other = planted.look_up_of(partner, f"{OTHER}\nhttps://unknown-made-up.example/x")
    answer(world, other)
    latest = services.latest_release(other)
    assert latest is not None
    assert len(latest.unseal("deliverable")) == size


def test_a_withheld_record_changes_nothing_of_what_is_told(world: World, partner: User) -> None:
    planted.sighting_of(world.person("analyst"))
    before = services.items_of(look_up := planted.look_up_of(partner), services.weigh(look_up))
    services.log_call(world.person("liaison"), look_up, "made up", confirmed=True)
    told = services.items_of(look_up, services.weigh(look_up))
    assert (before[0]["reply"], told[0]["reply"]) == ("nothing", "known")
    records.record(world.person("analyst"), planted.draft(tlp="red", report_ref="secret"))
    records.record(world.person("analyst"), planted.draft(pap="red"))
    assert services.items_of(look_up, services.weigh(look_up)) == told


@pytest.mark.parametrize(
    "text",
    [
        *("", "1BvBM*", "1BvBMSEY", "Amber Kettle", "S-7K3M2-92QDX", "%", "example.*"),
        *("site:0123456789", "\n".join(f"a{n}@made-up.example" for n in range(21))),
    ],
)
def test_what_is_not_exact_is_not_looked_up(world: World, partner: User, text: str) -> None:
    with pytest.raises(ClewlineError):
        planted.look_up_of(partner, text)
    form = {**planted.ASKED, "identifiers": text}
    answer = world.client(partner).post(reverse("ask"), form)
    assert answer.status_code == 400
    assert not LookUp.objects.exists()


def test_what_is_wrong_is_said_alike_for_known_and_unknown(world: World, partner: User) -> None:
    browser = world.client(partner)
    form = {**planted.ASKED, "identifiers": planted.ADDRESS[:20]}
    before = plain(browser.post(reverse("ask"), form))
    planted.sighting_of(world.person("analyst"))
    assert plain(browser.post(reverse("ask"), form)) == before


def test_maker_and_checker_are_two(world: World, partner: User) -> None:
    look_up, liaison = planted.look_up_of(partner), world.person("liaison")
    services.log_call(liaison, look_up, "made up", confirmed=True)
    both = world.person("approver")
    made = services.draft(both, look_up)
    with pytest.raises(UsageError, match="different person"):
        services.release(both, made, released=True)
    with pytest.raises(UsageError, match="different person"):
        services.release(world.person("approver", stranger=True), made, released=True)
    with pytest.raises(UsageError, match="waits for a second"):
        services.draft(liaison, look_up)
    # Sent back, it is drafted anew, and nobody outside sees any of it.
    second = User.objects.create_user(
        "second", organisation=both.organisation, roles=["approver"], pseudonym="second"
    )
    second.teams.add(world.team)
    services.release(second, made, released=False, reason="look again")
    assert services.latest_release(look_up) is None
    services.release(both, services.draft(liaison, look_up), released=True)
    with pytest.raises(UsageError):
        services.release(second, Draft.objects.latest("pk"), released=True)


def test_what_changed_since_the_draft_is_not_released(world: World, partner: User) -> None:
    seen = planted.sighting_of(world.person("analyst"))
    look_up, liaison = planted.look_up_of(partner), world.person("liaison")
    services.log_call(liaison, look_up, "made up", confirmed=True)
    made = services.draft(liaison, look_up)
    records.withdraw(world.person("analyst"), seen, "made up")
    with pytest.raises(UsageError, match="changed since"):
        services.release(world.person("approver"), made, released=True)


def waits(world: World, role: str = "liaison") -> list[tuple[str, bool]]:
    return [(one.what, one.mine) for one in queries.waiting_for(world.person(role))]


def test_what_waits_for_whom(world: World, partner: User) -> None:
    look_up, liaison = planted.look_up_of(partner), world.person("liaison")
    assert waits(world) == [("call", True)]
    services.log_call(liaison, look_up, "made up", confirmed=True)
    assert waits(world) == [("draft", True)]
    made = services.draft(liaison, look_up)
    assert (waits(world), waits(world, "approver")) == ([("check", False)], [("check", True)])
    urgent = planted.look_up_of(partner, urgent=True, urgent_reason="made up")
    assert queries.waiting_for(liaison)[0].look_up == urgent
    services.release(world.person("approver"), made, released=True)
    assert waits(world) == [("call", True)]
    assert queries.waiting_for(world.person("liaison", stranger=True)) == []
    assert queries.waiting_for(world.person("analyst")) == []


@pytest.mark.parametrize("what", ["withdrawn", "corrected", "disputed"])
def test_what_no_longer_stands_is_corrected(world: World, partner: User, what: str) -> None:
    analyst = world.person("analyst")
    seen = planted.sighting_of(analyst)
    look_up = planted.look_up_of(partner)
    first = answer(world, look_up)
    assert first["reply"] == "known"
    assert waits(world) == []
    if what == "withdrawn":
        records.withdraw(analyst, seen, "made up")
    elif what == "corrected":
        records.supersede(analyst, seen, planted.draft(tlp="red"), "made up")
    else:
        addresses.set_status(analyst, world.team, planted.KEY, "disputed", "made up")
    assert waits(world) == [("correct", True)]
    sha256 = Release.objects.get().sha256
    services.release(
        world.person("approver"), services.draft(world.person("liaison"), look_up), released=True
    )
    latest = services.latest_release(look_up)
    assert latest is not None
    told = json.loads(latest.unseal("deliverable"))
    assert told["corrects"] == sha256
    assert told["items"][0]["fields"].get("status") == ("Disputed" if what == "disputed" else None)
    assert waits(world) == []


def test_a_standing_one_is_answered_again_when_there_is_more(world: World, partner: User) -> None:
    until = timezone.now().date() + timedelta(days=30)
    look_up = planted.look_up_of(partner, stands_until=until)
    assert answer(world, look_up)["reply"] == "nothing"
    records.record(world.person("analyst"), planted.draft(tlp="red"))
    assert waits(world) == []
    planted.sighting_of(world.person("analyst"))
    assert waits(world) == [("tell", True)]
    services.release(
        world.person("approver"), services.draft(world.person("liaison"), look_up), released=True
    )
    assert waits(world) == []
    assert Release.objects.count() == 2


def test_a_cited_alert_and_a_day_tell_nothing(world: World, partner: User) -> None:
    """One's own alert, another's and none: asking is answered alike, and so is what stands."""
    planted.sighting_of(world.person("analyst"))
    liaison = world.person("liaison")
    alert = alerts.make(liaison, world.team, [address_row(planted.KEY)], [world.partner])
    alerts.decide(world.person("approver"), alert, released=True)
    other = alerts.make(liaison, world.team, [address_row(planted.KEY)], [world.partner])
    day = (timezone.now().date() + timedelta(days=30)).isoformat()
    browser, pages = world.client(partner), []
    copy = Copy.objects.get(partner=world.partner)
    for cited in (alert.ref, other.ref, "A-00000-00000", copy.ref if len(copy.ref) == 13 else ""):
        for identifier in (planted.ADDRESS, OTHER):
            form = {**planted.ASKED, "identifiers": identifier, "alert_ref": cited}
            asked = browser.post(reverse("ask"), {**form, "stands_until": day})
            assert asked.status_code == 302
            shown = plain(browser.get(asked["Location"])).decode()
            look_up = LookUp.objects.latest("pk")
            assert (look_up.alert_ref, str(look_up.stands_until)) == (cited, day)
            for own in (look_up.ref, identifier, cited or "Alert"):
                shown = shown.replace(own, "")
            pages.append(
                re.sub(
                    r"\d{4}-\d\d-\d\d|\d\d:\d\d(:\d\d)?|<dt>Alert</dt><dd></dd>|<dt></dt><dd></dd>",
                    "",
                    shown,
                )
            )
    assert len(set(pages)) == 1


def test_how_long_it_may_take(world: World, partner: User) -> None:
    planted.look_up_of(partner)
    planted.look_up_of(partner, urgent=True, urgent_reason="made up")
    urgent, usual = queries.waiting_for(world.person("liaison"))
    assert urgent.due_at - urgent.look_up.asked_at == timedelta(hours=4)
    assert usual.due_at - usual.look_up.asked_at == timedelta(hours=72)
    assert not urgent.overdue


def test_a_partner_knows_of_no_other(world: World, partner: User) -> None:
    other = make_partner(world.people, world.team, country="NO")
    theirs = User.objects.create_user(
        "other",
        organisation=world.team.organisation,
        partner=other,
        roles=["partner"],
        pseudonym="other",
    )
    browser = world.client(partner)
    pages = [reverse("asked"), reverse("home"), reverse("account")]
    missing = plain(browser.get(reverse("own-lookup", args=["L-00000-00000"])))
    before = [plain(browser.get(page)) for page in pages]
    look_up = planted.look_up_of(theirs, case_ref="theirs")
    planted.answered(look_up, world.person("liaison"), world.person("approver"))
    assert [plain(browser.get(page)) for page in pages] == before
    found = browser.get(reverse("own-lookup", args=[look_up.ref]))
    assert found.status_code == 404
    assert plain(found) == missing
    for name in ("lookup", "partner"):
        there = browser.get(reverse(name, args=[look_up.ref if name == "lookup" else other.ref]))
        none = browser.get(reverse(name, args=["L-00000-00000"]))
        assert (there.status_code, plain(there)) == (403, plain(none))


def test_a_suspended_partner_asks_nothing(world: World, partner: User) -> None:
    from clewline.desk.partners import services as partners

    look_up = planted.look_up_of(partner)
    partners.stop(world.person("liaison"), world.partner, "suspended", "made up")
    fresh = User.objects.get(pk=partner.pk)
    with pytest.raises(UsageError, match="cannot ask"):
        planted.look_up_of(fresh)
    planted.sighting_of(world.person("analyst"))
    look_up.refresh_from_db()
    assert answer(world, look_up)["reply"] == "nothing"
