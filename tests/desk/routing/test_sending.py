"""A released report leaves through the outbox of alerts, and what its recipient says comes back."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.desk.alerts.conftest import SITE, Desk, desk, go
from tests.desk.alerts.receivers import Web

from clewline.desk.alerts import outbox, queries
from clewline.desk.alerts.channels import SENDERS, webhook
from clewline.desk.alerts.models import Delivery, Receipt
from clewline.desk.alerts.services import new_access_key
from clewline.desk.figures.counting import year_of
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import PageState
from clewline.desk.retention import services as keeping
from clewline.desk.routing import services
from clewline.desk.routing.models import Report
from clewline.errors import DeliveryError

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_rates() -> None:
    cache.clear()


def _drafted(desk: Desk, partner: Partner) -> Report:
    return services.draft(desk.world.person("analyst"), desk.sighting(), partner, None)


def _sent(desk: Desk, partner: Partner) -> Report:
    made = _drafted(desk, partner)
    services.decide(desk.world.person("approver"), made, released=True)
    return Report.objects.get(pk=made.pk)


def _state(report: Report) -> str:
    return Report.objects.get(pk=report.pk).state


def test_a_report_goes_out_by_mail_and_webhook_and_lies_ready(desk: Desk) -> None:
    hotline, other = (desk.partner(name, "hotline") for name in ("Made-up Line", "Other Line"))
    for kind in SENDERS:
        desk.channel(hotline, kind)
        desk.channel(other, kind)
    report = _sent(desk, hotline)
    assert (_state(report), desk.web.taken, desk.mailbox.taken) == ("sent", [], [])
    assert set(Delivery.objects.values_list("channel__kind", "state")) == {
        ("email", "waiting"),
        ("webhook", "waiting"),
        ("pull", "offered"),
    }
    assert go() == 2
    (posted,) = desk.web.taken
    delivery = webhook.verify("made-up-key", *posted[1:])
    assert delivery == Delivery.objects.get(channel__kind="webhook").ref
    told = json.loads(posted[2])
    assert (told["report"], posted[0]) == (report.theirs, f"/{hotline.ref}")
    assert told["payment"][0]["rail"] == "crypto"
    ((to, mail),) = desk.mailbox.taken
    text = str(mail)
    assert to == [f"alerts@{hotline.ref.lower()}.example"]
    assert f"/share/reports/{report.theirs}/" in text
    for never in (SITE, "sealed-site", "rail", "Heron", report.ref, other.codename):
        assert never not in text
        assert never not in str(posted[2]) or never == "rail"
    assert not desk.misp.events
    assert (_state(report), Receipt.objects.count()) == ("delivered", 2)
    assert go() == 0
    page = desk.world.client(desk.world.person("analyst")).get(reverse("report", args=[report.ref]))
    assert "Webhook: delivered" in page.content.decode()


def test_what_is_not_released_is_in_no_outbox_and_what_is_once_a_channel(desk: Desk) -> None:
    hotline = desk.partner("Made-up Line", "hotline")
    desk.channel(hotline, "webhook")
    refused = _drafted(desk, hotline)
    services.decide(desk.world.person("approver"), refused, released=False)
    assert not Delivery.objects.exists()
    report = _sent(desk, hotline)
    with pytest.raises(IntegrityError), transaction.atomic():
        outbox.put(report, timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(channel=hotline.channels.get(), due_at=timezone.now())
    assert Delivery.objects.count() == 1


def test_a_report_that_fails_is_tried_again_given_up_and_tried_anew(desk: Desk) -> None:
    hotline = desk.partner("Made-up Line", "hotline")
    desk.channel(hotline, "webhook")
    report = _sent(desk, hotline)
    desk.web.answer = lambda path, before: (503, b"")
    for _ in range(outbox.MOST_TRIES):
        assert go() == 1
    assert go() == 0
    assert (_state(report), Delivery.objects.get().attempts.count()) == ("sent", 10)
    assert [one.about for one in queries.dead(desk.world.person("liaison"))] == [report]
    assert not queries.dead(desk.world.person("liaison", stranger=True))
    liaison = desk.world.client(desk.world.person("liaison"))
    assert report.ref in liaison.get(reverse("outbox")).content.decode()
    desk.web.answer = Web.answer
    ref = Delivery.objects.get().ref
    liaison.post(reverse("outbox"), {"delivery": ref})
    assert go() == 1
    assert {headers["Clewline-Delivery"] for _, headers, _ in desk.web.taken} == {ref}
    assert (_state(report), Receipt.objects.count()) == ("delivered", 1)


def test_nothing_leaves_that_was_erased_nor_to_whom_nothing_goes(desk: Desk) -> None:
    hotline = desk.partner("Made-up Line", "hotline")
    desk.channel(hotline, "webhook")
    report = _sent(desk, hotline)
    partners.stop(desk.world.person("liaison"), hotline, "suspended", "made up")
    with pytest.raises(DeliveryError, match="not active"):
        outbox.parcel_of(Delivery.objects.get())
    asked = keeping.ask(desk.world.person("analyst"), report.sighting, "mistake", "made up")
    keeping.decide(desk.world.person("approver"), asked, agreed=True)
    with pytest.raises(DeliveryError, match="erased"):
        outbox.parcel_of(Delivery.objects.get())
    assert go() == 1
    assert (desk.web.taken, Delivery.objects.get().why) == ([], "the report was erased")


def test_what_a_hotline_says_is_noted_on_the_page_and_counted(desk: Desk) -> None:
    hotline = desk.partner("Made-up Line", "hotline")
    report = _sent(desk, hotline)
    sent = report.decision.at
    said = ("acknowledged", "removed", "reappeared")
    for state in said:
        services.tell(report, state, sent)
    rows = PageState.objects.order_by("pk")
    assert [(one.state, one.partner, one.said_by) for one in rows] == [
        ("reported_hotline", None, str(desk.world.person("approver"))),
        *(
            (state, hotline, hotline.codename)
            for state in ("acknowledged", "removed", "reappeared")
        ),
    ]
    figures = year_of([desk.world.team.pk], sent.year)["removal"][str(sent.year)]
    assert (figures[""], figures["removed"], figures["back again"]) == (1, 1, 1)
    page = desk.world.client(desk.world.person("analyst"))
    shown = page.get(reverse("sighting", args=[report.sighting.ref])).content.decode()
    assert hotline.codename in shown


def test_what_a_brand_says_is_of_its_option_not_of_the_page(desk: Desk) -> None:
    brand = desk.partner("Made-up Brand", "payment_brand")
    report = _sent(desk, brand)
    services.tell(report, "removed", report.decision.at)
    assert (_state(report), PageState.objects.exists()) == ("removed", False)


def test_a_recipient_opens_its_reports_with_its_key_and_says_what_became(desk: Desk) -> None:
    hotline, other = (desk.partner(name, "hotline") for name in ("Made-up Line", "Other Line"))
    desk.channel(hotline, "pull")
    report, theirs = _sent(desk, hotline), _sent(desk, other)
    liaison = desk.world.person("liaison")
    key = new_access_key(liaison, hotline)
    basic = base64.b64encode(f"x:{key}".encode()).decode()
    browser = Client(enforce_csrf_checks=True, headers={"Authorization": f"Basic {basic}"})
    listed = browser.get(reverse("share-reports-page")).content.decode()
    assert report.theirs in listed
    assert theirs.theirs not in listed
    one = reverse("share-report-page", args=[report.theirs])
    page = browser.get(one).content.decode()
    assert "Cryptocurrency" in page
    for never in (report.ref, SITE, "Heron", report.partner.codename):
        assert never not in page
    assert _state(report) == "delivered"
    for wrong in (theirs.theirs, report.ref, "x"):
        assert browser.get(reverse("share-report-page", args=[wrong])).status_code == 404
        assert browser.get(reverse("share-report", args=[wrong])).status_code == 404
    assert Client().get(one).status_code == 401
    said: dict[str, Any] = {"state": "removed", "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}
    assert browser.post(one, said).status_code == 403
    token = browser.cookies["csrftoken"].value
    early = {**said, "at": "2026-01-01 00:00:00", "csrfmiddlewaretoken": token}
    assert browser.post(one, early).status_code == 400
    assert browser.post(one, {**said, "csrfmiddlewaretoken": token}).status_code == 302
    assert _state(report) == "removed"
    told = json.loads(browser.get(reverse("share-report", args=[report.theirs])).content)
    assert told["report"] == report.theirs
