"""A made-up desk around the play case, so that nobody learns on real records.

Everything goes through the services that people use. What is written into the past (when a record
was made) is set afterwards, because no service lets anybody do that.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from clewline.desk.accounts.models import Organisation, Team, User
from clewline.desk.brands import queries, services
from clewline.desk.exports import services as exports
from clewline.desk.ours import services as ours
from clewline.desk.queue import services as queue
from clewline.desk.records import services as records
from clewline.desk.records.drafts import IndicatorDraft, OptionDraft, SightingDraft
from clewline.desk.records.models import Address, AddressStatus, Attribution, Brand, Sighting
from clewline.desk.retention import services as keeping
from clewline.desk.roles import Role
from clewline.desk.welfare.models import Protection, Reveal

_HOTLINE: Final = "Example Hotline (made up)"
_POLICE: Final = "Example Police (made up)"
_PEOPLE: Final = (
    # name, organisation, teams, roles
    ("analyst", _HOTLINE, ("Payments",), (Role.ANALYST,)),
    ("second-analyst", _HOTLINE, ("Payments",), (Role.ANALYST,)),
    ("approver", _HOTLINE, ("Payments", "Night shift"), (Role.APPROVER,)),
    ("liaison", _HOTLINE, ("Payments",), (Role.LIAISON,)),
    ("night-analyst", _HOTLINE, ("Night shift",), (Role.ANALYST,)),
    ("auditor", _HOTLINE, (), (Role.AUDITOR,)),
    ("investigator", _HOTLINE, ("Payments",), (Role.INVESTIGATOR,)),
    ("police-investigator", _POLICE, ("Financial crime",), (Role.INVESTIGATOR, Role.ANALYST)),
    ("police-approver", _POLICE, ("Financial crime",), (Role.APPROVER,)),
    ("administrator", _HOTLINE, (), (Role.ADMINISTRATOR,)),
)
_PAGES: Final = 48
_REFRESHES: Final = 3
_NO_BRAND: Final = 11
"""Every so many pages the recorder named no brand."""
_REPORTED: Final = 4
"""Every so many pages one was reported to its host."""
_COUNTED_ONLY: Final = 16
"""Every so many pages one is kept for counting alone, so that its time is over."""
_MONTHS: Final = 240
_TIERS: Final = (
    ("one month", "monthly", 30),
    ("three months", "quarterly", 75),
    ("one year", "yearly", 200),
    ("for good", "lifetime", 350),
)


@dataclass(frozen=True)
class _Site:
    """A made-up site as its pages show it."""

    codename: str
    host: str
    wording: str
    prices: tuple[int, ...]
    analytics: str


_SITES: Final = (
    _Site("Amber Lantern", "lantern.example", "Members' part", (30, 75, 200), "UA-10000001-1"),
    _Site("Amber Harbour", "harbour.example", "Members' part", (30, 75, 200), "UA-10000001-1"),
    _Site("Grey Meadow", "meadow.example", "Full entry", (45, 120, 350), "UA-10000002-1"),
)


@transaction.atomic
def fill(case: Path, progress: Callable[[int, int], None] | None = None) -> int:
    """Fill a new made-up desk from the truth of a play case.

    Parameters
    ----------
    case : Path
        Directory that `clewline play` wrote; its ``truth.json`` and ``labels.csv`` are read.
    progress : callable, optional
        Told how many of the pages are done.

    Returns
    -------
    int
        Number of sightings.
    """
    truth = json.loads((case / "truth.json").read_text(encoding="utf-8"))
    people = _make_people()
    chance = random.Random(truth["seed"])  # noqa: S311 - made-up records, not secrets
    paid = sorted(truth["purchases"], key=lambda purchase: (purchase["time"], purchase["txid"]))
    chosen = paid[:: max(1, len(paid) // (_PAGES * _REFRESHES))]
    pages = [chosen[n : n + _REFRESHES] for n in range(0, _PAGES * _REFRESHES, _REFRESHES)]
    for number, purchases in enumerate(pages, 1):
        if purchases:
            _page(people, chance, _SITES[number % len(_SITES)], purchases, number)
        if progress is not None:
            progress(number, len(pages))
    _judge_addresses(people, truth)
    _judge_brands(people)
    _look_back(people)
    _keep_longer(people)
    return Sighting.objects.count()


def _make_people() -> dict[str, User]:
    """Make organisations, teams and people; nobody has a password."""
    people = {}
    for number, (name, organisation_name, team_names, roles) in enumerate(_PEOPLE):
        organisation, _ = Organisation.objects.get_or_create(name=organisation_name)
        user = User.objects.create_user(
            f"made-up-{name}",
            organisation=organisation,
            roles=sorted(roles),
            pseudonym=f"A-{10_000 + number}",
        )
        for team_name in team_names:
            team, _ = Team.objects.get_or_create(organisation=organisation, name=team_name)
            user.teams.add(team)
        people[name] = user
    hotline = Organisation.objects.get(name=_HOTLINE)
    Protection.objects.create(organisation=hotline, reveals_per_day=40, seconds_open=60)
    return people


def _page(
    people: dict[str, User],
    chance: random.Random,
    site: _Site,
    purchases: list[dict[str, Any]],
    number: int,
) -> None:
    """Record one page and its refreshes, each with the address that the next visitor got."""
    recorder = people["night-analyst" if number % 7 == 0 else chance.choice(_RECORDERS)]
    wording = (
        f"Made up. {site.wording}: choose how long, then send the amount in bitcoin to the address "
        f"below. Entry opens once the payment has arrived. Questions: write to us. Page {number}."
    )
    first = _seen_at(purchases[0], number)
    draft = SightingDraft(
        observed_at=first,
        brand="" if number % _NO_BRAND == 0 else site.codename,
        url=f"https://{site.host}/pay/{number}",
        location_kind="hidden_service" if number % 3 else "clearnet",
        access_path=chance.choice(("open", "account", "pathway")),
        commercial="direct",
        payment_visibility="shown",
        report_origin=chance.choice(("public", "proactive", "partner")),
        report_ref=f"REP-{2021 + number // 20}-{1000 + number}",
        neutral_summary=f"Payment page of a site ({site.wording.lower()}), made up",
        wording=wording,
        wording_language="en",
        read_text=f"{wording} "
        + " ".join(f"{t[0]} {p} USD" for t, p in zip(_TIERS, site.prices, strict=False)),
        source_grade="2",
        info_grade="A",
        handling="C",
        retention_class="report" if number % _COUNTED_ONLY else "statistics",
        options=tuple(_options(site, purchases[0], chance)),
        indicators=(
            IndicatorDraft(kind="account", value=site.analytics, place="script"),
            IndicatorDraft(kind="email", value=f"help@{site.host}", place="text"),
        ),
    )
    sighting = records.record(recorder, draft)
    _backdate(sighting, first)
    for purchase in purchases[1:]:
        seen = _seen_at(purchase, number)
        options = _options(site, purchase, chance)
        again = records.refresh(recorder, sighting, options, observed_at=seen)
        _backdate(again, seen)
    if number % _REPORTED == 0:
        _report(recorder, sighting, first, number)
    if number == 5:
        corrected = records.supersede(
            recorder, sighting, records.draft_of(sighting), "The country was missing (made up)"
        )
        _backdate(corrected, first + timedelta(days=1))
    if number == 9:
        records.withdraw(recorder, sighting, "Recorded twice (made up)")


_RECORDERS: Final = ("analyst", "second-analyst")


def _report(recorder: User, sighting: Sighting, seen: datetime, number: int) -> None:
    """Note that a page was reported to its host; half of them go, and some of those come back."""
    told = seen + timedelta(hours=2)
    records.note_state(recorder, sighting, "reported_host", told, f"ABUSE-{number} (made up)")
    if number % (2 * _REPORTED) == 0:
        gone = told + timedelta(hours=number)
        records.note_state(recorder, sighting, "removed", gone)
        if number % (4 * _REPORTED) == 0:
            records.note_state(recorder, sighting, "reappeared", gone + timedelta(days=9))


def _options(site: _Site, purchase: dict[str, Any], chance: random.Random) -> list[OptionDraft]:
    """Return what a page offers: bitcoin at each price, and vouchers through the seller."""
    tier, period, _ = _TIERS[chance.randrange(len(site.prices))]
    amount = Decimal(purchase["value"]) / 100_000_000
    return [
        OptionDraft(
            asset="BTC",
            chain="BTC",
            address=purchase["address"],
            amount_min=str(purchase["usd"]),
            price_currency="USD",
            payment_currency="BTC",
            period=period,
            tier=tier,
            form="payment_uri",
            uri_parameters={"amount": format(amount, "f")},
            obtained="seen",
        ),
        OptionDraft(
            rail="voucher",
            amount_min=str(site.prices[0]),
            price_currency="EUR",
            period="monthly",
            form="contact_seller",
            contact_kind="email",
            contact=f"vouchers@{site.host}",
        ),
    ]


def _seen_at(purchase: dict[str, Any], number: int) -> datetime:
    """Return when a visitor was shown an address: some time before it was paid."""
    return datetime.fromtimestamp(purchase["time"], UTC) - timedelta(minutes=20 + number % 40)


def _backdate(sighting: Sighting, moment: datetime) -> None:
    """Say that a record was made shortly after the page was seen."""
    Sighting.objects.filter(id=sighting.id).update(recorded_at=moment + timedelta(minutes=3))


def _judge_addresses(people: dict[str, User], truth: dict[str, Any]) -> None:
    """Attribute a few addresses: an exchange's deposit, two who differ, one in dispute."""
    analyst, police = people["analyst"], people["police-investigator"]
    team = analyst.teams.get()
    recorded = Address.objects.filter(options__sighting__team=team).distinct().order_by("id")
    first, second, third = recorded[:3]
    exchange = next(one for one in truth["entities"] if one["kind"] == "exchange")
    deposit, _ = Address.objects.get_or_create(
        canonical=exchange["deposit"][0],
        chain="BTC",
        network=first.network,
        defaults={"kind": first.kind},
    )
    said = (
        (deposit, team, analyst, exchange["name"], "exchange", "service_data", "deposit"),
        (first, team, analyst, "Site 1 (made up)", "child_sexual_abuse", "forensic", "self"),
        (first, team, people["investigator"], "Gambling 1 (made up)", "gambling", "web_crawl", ""),
        (
            second,
            police.teams.get(),
            police,
            "Site 1 (made up)",
            "child_sexual_abuse",
            "forensic",
            "",
        ),
    )
    for address, owner, by, label, category, confidence, custody in said:
        Attribution.objects.create(
            address=address,
            team=owner,
            by=by,
            label=label,
            category=category,
            confidence=confidence,
            custody=custody or "unknown",
            source="made-up notes",
        )
    AddressStatus.objects.create(
        address=third,
        team=team,
        status="disputed",
        reason="A shop says it is theirs (made up)",
        by=analyst,
    )


def _judge_brands(people: dict[str, User]) -> None:
    """Judge two brands the same and one different, make a group; the rest waits in the queue."""
    analyst, second = people["analyst"], people["second-analyst"]
    team = analyst.teams.get()
    lantern, harbour, meadow = (
        Brand.objects.get(team=team, codename=site.codename) for site in _SITES
    )
    said = (
        (second, lantern, harbour, "unsure", "One page looked at, too little (made up)"),
        (analyst, lantern, harbour, "same", "Same account, same prices, same words (made up)"),
        (analyst, lantern, meadow, "different", "Another price list and contact (made up)"),
    )
    for by, one, other, verdict, note in said:
        shown = queries.pair(team.pk, "brand", one.ref, other.ref)
        services.judge(
            by,
            "brand",
            one,
            other,
            verdict,
            reasons=shown.common.reasons if shown.common else (),
            looked_at=shown.looked_at(),
            note=note,
        )
    services.create_group(analyst, lantern, "Copper Orchard", "To be watched together (made up)")
    unnamed = Sighting.objects.standing().filter(team=team, brand=None).order_by("id").first()
    if unnamed is not None:
        services.assign(second, unnamed, meadow, "The contact is that of the site (made up)")


def _keep_longer(people: dict[str, User]) -> None:
    """Have two people agree to a long period: the pages are old, and all would be due at once."""
    reason = "The pages of the play data are of 2021; two years would end them all (made up)"
    change = keeping.ask_period(people["analyst"], "report", _MONTHS, reason)
    keeping.decide_period(people["approver"], change, agreed=True)


@transaction.atomic
def this_morning() -> None:
    """Leave something to do on a filled desk: fresh pages, an urgent mark, a roster, an export."""
    night, analyst, investigator = (
        User.objects.get(username=f"made-up-{name}")
        for name in ("second-analyst", "analyst", "investigator")
    )
    team, now = analyst.teams.get(), datetime.now(UTC)
    Brand.objects.update(created_at=now - timedelta(days=400))
    made = [
        records.record(
            night,
            SightingDraft(
                observed_at=now - timedelta(hours=number, minutes=20),
                brand=brand,
                url=f"https://{(brand or 'Other').split()[0].lower()}.example/new/{number}",
                neutral_summary=f"Payment page {number} of this morning, made up",
                options=(OptionDraft(rail="voucher", amount_min="30", price_currency="EUR"),),
            ),
        )
        for number, brand in enumerate(("Grey Meadow", "Copper Ferry", "Amber Lantern", ""), 1)
    ]
    for number, sighting in enumerate(made, 1):
        Sighting.objects.filter(id=sighting.id).update(recorded_at=now - timedelta(hours=number))
    queue.raise_urgent(night, made[0], "The page speaks of a meeting tomorrow (made up)")
    queue.add_shift(analyst, team, investigator, now - timedelta(hours=2), now + timedelta(days=7))
    exports.ask(
        analyst,
        team=team,
        what="options",
        recipient="Example Exchange",
        purpose="Its alerts (made up)",
    )
    ours.mark(investigator, team, f"{'5e' * 32}:1", "Test purchase (made up)", "AUTH-1")


def _look_back(people: dict[str, User]) -> None:
    """Write a few reveals of the last days, so that the counts are not empty."""
    analyst = people["analyst"]
    now = datetime.now(UTC)
    for days, sighting in enumerate(Sighting.objects.visible_to(analyst).order_by("id")[:6]):
        at = now - timedelta(days=days, hours=1)
        Reveal.objects.create(
            user=analyst,
            sighting=sighting,
            field="wording",
            reason="classify",
            at=at,
            until=at + timedelta(seconds=60),
        )
