"""The pages of sightings: who may open them, what they hold back, what they leave behind."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, URL, WRONG_ADDRESS, option, page

from clewline.desk.audit.models import Event
from clewline.desk.records.models import Sighting
from clewline.desk.records.services import record, refresh, supersede, withdraw

RECORD = "/sightings/record/"
WORKERS = {"analyst", "approver", "investigator", "liaison"}
MADE_UP = f"Made-up page, nothing is real.\n20 EUR a month\nBitcoin: {ADDRESS}\n"


def form(**fields: Any) -> dict[str, Any]:
    """Return what the form of the page Record sends, with one option."""
    settled = {
        "draft": str(uuid.uuid4()),
        "observed_at": "2026-03-02 10:30",
        "observed_precision": "minute",
        "obtained": "seen",
        "tlp": "amber",
        "pap": "amber",
        "retention_class": "report",
        "account-TOTAL_FORMS": "0",
        "account-INITIAL_FORMS": "0",
        "option-TOTAL_FORMS": "1",
        "option-INITIAL_FORMS": "0",
        "option-0-confirm": "on",
        "option-0-address_shown": ADDRESS,
        "option-0-reading": f"BTC|main|{ADDRESS}",
        "option-0-rail": "crypto",
        "option-0-form": "text",
        "option-0-obtained": "seen",
        "action": "save",
    }
    return {**settled, **fields}


def pages_of(sighting: Sighting) -> dict[str, tuple[str, set[str]]]:
    """Return each page: its method, and who may."""
    base = f"/sightings/{sighting.ref}/"
    return {
        base: ("get", WORKERS),
        f"{base}refresh/": ("get", {"analyst"}),
        f"{base}correct/": ("get", {"analyst"}),
        f"{base}withdraw/": ("post", {"analyst"}),
    }


@pytest.mark.parametrize("role", sorted(WORKERS | {"auditor", "administrator"}))
def test_who_may(world: World, role: str) -> None:
    made = record(world.person("analyst"), page())
    mine, strange = (world.client(world.person(role, stranger=s)) for s in (False, True))
    for url, (method, roles) in pages_of(made).items():
        wrong = getattr(Client(), method)(url)
        assert wrong.status_code == 302 and wrong["Location"].startswith("/accounts/login/")
        answer = getattr(mine, method)(url)
        assert answer.status_code in ({200, 302} if role in roles else {403}), url
        answer = getattr(strange, method)(url)
        assert answer.status_code == (404 if role in roles else 403), url
    for url, roles in ((RECORD, {"analyst"}), ("/sightings/", WORKERS)):
        assert mine.get(url).status_code == (200 if role in roles else 403)


def test_unknown_and_strange_look_the_same(world: World) -> None:
    made = record(world.person("analyst"), page())
    client = world.client(world.person("analyst", stranger=True))
    strange, unknown = (
        client.get(f"/sightings/{made.ref}/"),
        client.get("/sightings/S-00000-00000/"),
    )
    assert (strange.status_code, unknown.status_code) == (404, 404)
    token = rb'"X-CSRFToken": "[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"'
    assert re.sub(token, b"", strange.content) == re.sub(token, b"", unknown.content)


def test_wrong_methods(world: World) -> None:
    made = record(world.person("analyst"), page())
    client = world.client(world.person("analyst"))
    assert client.post("/sightings/").status_code == 405
    assert client.post(f"/sightings/{made.ref}/").status_code == 405
    assert client.get(f"/sightings/{made.ref}/withdraw/").status_code == 405
    assert client.put(RECORD).status_code == 405


def test_saving_leads_to_the_sighting_and_leaves_a_row(world: World) -> None:
    client = world.client(world.person("analyst"))
    answer = client.post(RECORD, form(url=URL, brand="Grey Heron", paste=MADE_UP))
    made = Sighting.objects.get()
    assert answer["Location"] == f"/sightings/{made.ref}/"
    event = Event.objects.get()
    assert (event.action, event.object, event.result) == ("sighting.record", made.ref, "done")
    assert made.unseal("url") == URL
    assert made.page_text_hash and made.page_text_sealed is None
    assert "made-up-site" not in repr(Event.objects.values())


def test_saving_twice_records_once(world: World) -> None:
    client, sent = world.client(world.person("analyst")), form()
    first, second = client.post(RECORD, sent), client.post(RECORD, sent)
    assert first["Location"] == second["Location"]
    assert Sighting.objects.count() == 1


def test_nothing_is_kept_that_was_not_ticked(world: World) -> None:
    client = world.client(world.person("analyst"))
    sent = form(paste=MADE_UP)
    del sent["option-0-confirm"]
    answer = client.post(RECORD, sent)
    assert answer.status_code == 422
    assert "No option is ticked" in answer.content.decode()
    assert not Sighting.objects.exists()
    client.post(RECORD, {**sent, "without_options": "on"})
    assert not Sighting.objects.get().options.exists()


def test_reading_stores_nothing(world: World) -> None:
    client = world.client(world.person("analyst"))
    before = {model: model.objects.count() for model in (Sighting,)}
    answer = client.post(RECORD, form(action="read", paste=MADE_UP), headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.lstrip().startswith('<div id="proposals"')
    assert ADDRESS in text
    assert {model: model.objects.count() for model in before} == before
    assert "nothing is real" not in repr(list(Event.objects.values()))
    assert client.session.get("paste") is None


def test_a_reading_works_without_javascript(world: World) -> None:
    answer = world.client(world.person("analyst")).post(RECORD, form(action="read", paste=MADE_UP))
    text = answer.content.decode()
    assert "<h1>" in text and ADDRESS in text and "This is right" in text


def test_a_slip_offers_what_may_be_meant(world: World) -> None:
    client = world.client(world.person("analyst"))
    answer = client.post(
        RECORD,
        form(
            action="read", paste=f"Made up. BTC {WRONG_ADDRESS} x", **{"option-0-address_shown": ""}
        ),
    )
    text = answer.content.decode()
    assert f"did you mean {ADDRESS}" in text
    assert "as shown; its checksum is wrong" in text
    sent = {"option-0-address_shown": WRONG_ADDRESS, "option-0-reading": ""}
    assert client.post(RECORD, form(**sent)).status_code == 422
    client.post(RECORD, form(**sent | {"option-0-reading": "as-shown"}))
    client.post(RECORD, form(**sent | {"option-0-reading": f"BTC|main|{ADDRESS}"}))
    kept = [
        (o.address.canonical, o.checksum_ok)
        for s in Sighting.objects.order_by("id")
        for o in s.options.all()
    ]
    assert kept == [(WRONG_ADDRESS, False), (ADDRESS, True)]


def test_what_is_known_stands_beside_a_proposal(world: World) -> None:
    analyst, stranger = world.person("analyst"), world.person("analyst", stranger=True)
    for day in (2, 4):
        record(analyst, page(observed_at=timezone.now() - timedelta(days=day)))
    sent = form(action="read", paste=MADE_UP)
    mine = world.client(analyst).post(RECORD, sent).content.decode()
    assert "Seen 2 times" in mine and "Grey Heron" in mine
    theirs = world.client(stranger).post(RECORD, sent).content.decode()
    assert "Not known here yet" in theirs and "Grey Heron" not in theirs


def test_a_page_that_was_just_recorded_is_pointed_out(world: World) -> None:
    analyst = world.person("analyst")
    made = record(analyst, page())
    sent = form(action="read", paste=MADE_UP, url=URL.upper().replace("PAY", "pay"))
    text = world.client(analyst).post(RECORD, sent).content.decode()
    assert "This page was recorded" in text and made.ref in text
    other = world.client(world.person("analyst", stranger=True)).post(RECORD, sent).content.decode()
    assert made.ref not in other and "This page was recorded" not in other


def test_save_and_next_goes_on_with_the_site(world: World) -> None:
    client = world.client(world.person("analyst"))
    answer = client.post(RECORD, form(url=URL, brand="Grey Heron", tlp="red", action="next"))
    first = Sighting.objects.get()
    assert answer["Location"] == f"{RECORD}?after={first.ref}"
    text = client.get(answer["Location"]).content.decode()
    assert first.ref in text and URL not in text and 'value="Grey Heron"' in text
    client.post(RECORD, form(same_site=first.ref, brand="Grey Heron"))
    second = Sighting.objects.order_by("id").last()
    assert second.unseal("url") == URL
    # Another team's site is not found.
    strange = world.client(world.person("analyst", stranger=True))
    assert strange.get(f"{RECORD}?after={first.ref}").status_code == 404
    assert strange.post(RECORD, form(same_site=first.ref)).status_code == 404


def test_a_sighting_shows_no_sealed_field(world: World) -> None:
    analyst = world.person("analyst")
    draft = page(option(contact="@Some_Handle"), protected_source="somebody", page_text="kept text")
    made = record(analyst, draft)
    client = world.client(analyst)
    texts = [
        client.get(url).content.decode()
        for url in (f"/sightings/{made.ref}/", f"/sightings/{made.ref}/correct/",
                    f"/sightings/{made.ref}/refresh/", "/sightings/")
    ]  # fmt: skip
    for secret in (URL, "made-up-site", draft.wording, "Some_Handle", "somebody", "kept text"):
        assert not any(secret in text for text in texts), secret
    assert all(made.fingerprint in text for text in (texts[0], texts[2], texts[3]))


def test_a_correction_keeps_sealed_fields_and_says_why(world: World) -> None:
    analyst = world.person("analyst")
    made = record(analyst, page(option(contact="@Some_Handle")))
    client = world.client(analyst)
    url = f"/sightings/{made.ref}/correct/"
    sent = form(brand="Grey Heron", **{"option-0-tier": "gold", "option-0-contact_of": "0"})
    assert client.post(url, sent).status_code == 422  # no reason
    answer = client.post(url, {**sent, "reason": "The tier was left out."})
    assert answer.status_code == 302
    new = Sighting.objects.standing().get()
    assert new.supersedes == made and new.unseal("url") == URL
    kept = new.options.get()
    assert (kept.tier, kept.unseal("contact")) == ("gold", "@Some_Handle")
    text = client.get(f"/sightings/{made.ref}/").content.decode()
    assert "The tier was left out." in text and new.ref in text and "next refresh" not in text


def test_a_withdrawal_needs_a_reason(world: World) -> None:
    analyst = world.person("analyst")
    made = record(analyst, page())
    client = world.client(analyst)
    url = f"/sightings/{made.ref}/withdraw/"
    client.post(url, {"reason": ""})
    assert Sighting.objects.standing().exists()
    client.post(url, {"reason": "Another page was meant."})
    assert not Sighting.objects.standing().exists()
    assert "Another page was meant." in client.get(f"/sightings/{made.ref}/").content.decode()
    assert client.post(url, {"reason": "Again."}).status_code == 400


def test_a_refresh_proposes_the_new_addresses(world: World) -> None:
    analyst = world.person("analyst")
    made = record(analyst, page(option(), option(OTHER_ADDRESS, asset="BTC")))
    client, url = world.client(analyst), f"/sightings/{made.ref}/refresh/"
    new = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    sent = {
        "draft": str(uuid.uuid4()),
        "observed_at": "2026-03-02 11:00",
        "paste": f"Made up. {new} and {ADDRESS}",
    }
    text = client.post(url, {**sent, "action": "read"}).content.decode()
    assert re.search(rf'name="option-0-address" value="{new}"', text)
    assert re.search(rf'name="option-1-address" value="{ADDRESS}"', text)
    answer = client.post(url, {**sent, "option-0-address": new, "option-1-address": ""})
    assert answer.status_code == 302
    second = Sighting.objects.get(rotation_index=1)
    assert [o.address.canonical for o in second.options.all()] == [new, OTHER_ADDRESS]
    wrong = {**sent, "draft": str(uuid.uuid4()), "option-0-address": WRONG_ADDRESS}
    assert client.post(url, wrong).status_code == 422
    text = client.get(f"/sightings/{second.ref}/").content.decode()
    assert "Refreshes of this page" in text and made.ref in text


def test_the_list_is_filtered_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.desk.records.queries.PAGE", 2)
    analyst = world.person("analyst")
    made = [record(analyst, page(brand=f"Bird {i}")) for i in range(5)]
    record(world.person("analyst", stranger=True), page(brand="Strange"))
    client, seen, url = world.client(analyst), [], "/sightings/"
    while url:
        text = client.get(url).content.decode()
        seen += re.findall(r'<th scope="row"><a href="/sightings/(S-[^/]+)/', text)
        following = re.search(r'href="(\?[^"]*before=[^"]+)" rel="next"', text)
        url = "/sightings/" + following[1].replace("&amp;", "&") if following else ""
    assert seen == [one.ref for one in reversed(made)]
    text = client.get("/sightings/?brand=bird+3").content.decode()
    assert made[3].ref in text and made[2].ref not in text
    for asked in ("?rail=card", "?asset=XMR", "?day=2020-01-01", "?brand=Strange"):
        assert "No sighting." in client.get("/sightings/" + asked).content.decode()
    for asked in ("?asset=btc", "?rail=crypto", "?day=2026-03-02"):
        assert made[4].ref in client.get("/sightings/" + asked).content.decode()
    for asked in ("?before=nonsense", "?before=W10", "?day=soon"):
        assert client.get("/sightings/" + asked).status_code == 200


def test_pages_cost_the_same_however_much_there_is(world: World) -> None:
    analyst = world.person("analyst")
    client = world.client(analyst)
    counts = []
    for many in (1, 6):
        made = record(analyst, page(*[option(tier=str(i)) for i in range(many)]))
        for _ in range(many):
            record(analyst, page())
            made = refresh(analyst, made, [option()] * many)
        counts.append([])
        for url in ("/sightings/", f"/sightings/{made.ref}/"):
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]


def test_corrected_and_withdrawn_rows_are_not_counted_as_known(world: World) -> None:
    analyst = world.person("analyst")
    first = record(analyst, page())
    supersede(analyst, first, page(), "A word was wrong.")
    gone = record(analyst, page())
    withdraw(analyst, gone, "Made by mistake.")
    text = world.client(analyst).post(RECORD, form(action="read", paste=MADE_UP)).content.decode()
    assert "Seen once" in text


def test_indicators_are_kept_where_asked_for(world: World) -> None:
    client = world.client(world.person("analyst"))
    paste = "<p>Made up</p>\n<a href='http://made-up-host.se/'>x</a>"
    text = client.post(RECORD, form(action="read", paste=paste)).content.decode()
    tokens = re.findall(r'name="indicators" value="([^"]+)"', text)
    assert tokens
    sent = form(paste=paste.replace("\n", "\r\n"), indicators=tokens[:1])
    client.post(RECORD, sent)
    assert not Sighting.objects.get().indicators.exists()
    client.post(RECORD, {**sent, "draft": str(uuid.uuid4()), "keep_indicators": "on"})
    kept = Sighting.objects.order_by("id").last().indicators.get()
    assert kept.unseal("value") == "made-up-host.se"
    stale = {
        **sent,
        "draft": str(uuid.uuid4()),
        "paste": "changed " + paste,
        "keep_indicators": "on",
    }
    answer = client.post(RECORD, stale)
    assert answer.status_code == 422 and "read it again" in answer.content.decode()
