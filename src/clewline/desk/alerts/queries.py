"""What the pages of alerts show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from clewline.desk.alerts import composing
from clewline.desk.alerts.models import DEAD, DELIVERED, WITHDRAWN, Alert, Answer, Copy, Delivery
from clewline.desk.alerts.outbox import CARRIED
from clewline.desk.partners.models import Partner
from clewline.desk.partners.services import asker_of
from clewline.desk.queue.items import Item, to_check
from clewline.desk.records.models import Address, Sighting
from clewline.desk.search.reading import read
from clewline.errors import UsageError
from clewline.policy import Answered

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

_HABIT: Final = 10
"""Earlier alerts that are looked at for what is usual."""


def addresses_in(user: User, text: str) -> list[Address]:
    """Return the addresses that the lines of a text name, each once, in their order.

    Raises
    ------
    UsageError
        If a line names nothing that `user` may know of; `where` counts lines.
    """
    found: dict[int, Address] = {}
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        named = _named(user, line)
        if not named:
            raise UsageError(
                "names no address or sighting that you may know of", where=f"line {number}"
            )
        found |= {one.pk: one for one in named}
    return list(found.values())


def _named(user: User, line: str) -> list[Address]:
    """Return the addresses that one line names, of the options that a person may know of."""
    question = read(line, whole=True)
    mine = Address.objects.filter(options__team__in=user.team_ids)
    if question.reference:
        pages = Sighting.objects.visible_to(user).filter(ref=question.reference)
        return list(mine.filter(options__sighting__in=pages).distinct().order_by("pk"))
    keys = Q(pk__in=[])
    for one in question.readings:
        keys |= Q(canonical=one.canonical, chain=one.chain, network=one.network)
    return list(mine.filter(keys).distinct().order_by("pk"))


@dataclass(frozen=True)
class Recipient:
    """One recipient on the page of an alert."""

    partner: Partner
    items: int
    withheld: list[str]
    unchanged: int
    deliveries: list[Delivery]
    matched: int | None = None
    dispute: str = ""


def preview(alert: Alert) -> list[Recipient]:
    """Return what each recipient would get if it were approved now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return [
        Recipient(one.partner, len(one.items), one.withheld, one.unchanged, [])
        for one in composing.compose(alert, now)
    ]


def recipients(alert: Alert) -> list[Recipient]:
    """Return what each recipient got, how far it came, and what they answered."""
    copies = alert.copies.select_related("partner").prefetch_related(
        "deliveries__channel", "deliveries__receipt", "answers"
    )
    return [_recipient(one) for one in copies.order_by("partner__codename", "id")]


def _recipient(copy: Copy) -> Recipient:
    """Return one recipient of an alert that was sent."""
    answers: list[Answer] = sorted(copy.answers.all(), key=lambda one: one.pk)
    matched = [one.matched for one in answers if one.matched is not None]
    disputes = [one.dispute for one in answers if one.dispute]
    return Recipient(
        copy.partner,
        copy.items,
        copy.withheld,
        0,
        list(copy.deliveries.all()),
        matched[-1] if matched else None,
        disputes[-1] if disputes else "",
    )


def unusual(alert: Alert) -> list[str]:
    """Say what is unusual in the recipients of a new alert, held against the team's last ones."""
    earlier = list(
        Alert.objects.filter(team=alert.team_id, kind="new", decision__released=True)
        .exclude(pk=alert.pk)
        .order_by("-made_at", "-id")[:_HABIT]
    )
    chosen = {one.partner_id: one.partner for one in alert.addressees.select_related("partner")}
    if not earlier or not chosen:
        return []
    counts = dict(
        Copy.objects.filter(alert__in=earlier)
        .values_list("partner")
        .annotate(n=Count("alert", distinct=True))
    )
    known = set(
        Copy.objects.filter(alert__team=alert.team_id, partner__in=chosen)
        .values_list("partner", flat=True)
        .distinct()
    )
    said = [
        _("%(who)s never got an alert of this team.") % {"who": partner.codename}
        for pk, partner in chosen.items()
        if pk not in known
    ]
    usual = [pk for pk, n in counts.items() if n * 5 >= 4 * len(earlier) and pk not in chosen]
    if len(earlier) >= 3:
        said += [
            _("%(who)s usually gets alerts of this team.") % {"who": one.codename}
            for one in Partner.objects.filter(pk__in=usual).order_by("codename")
        ]
    return said


def waiting_for(user: User) -> list[Item]:
    """Return the alerts that `user` may approve or refuse."""
    if not user.may("alert.decide"):
        return []
    drafts = Alert.objects.visible_to(user).filter(decision=None).exclude(made_by=user)
    return [
        to_check(
            alert.ref,
            alert.team_id,
            _("alert drafted by %(who)s") % {"who": alert.made_by},
            reverse("alert", args=[alert.ref]),
            alert.made_at,
        )
        for alert in drafts.select_related("made_by").order_by("made_at")[:100]
    ]


def dead(user: User) -> QuerySet[Delivery]:
    """Return what was given up, latest first."""
    found = Delivery.objects.visible_to(user).filter(state=DEAD)
    return found.select_related(*CARRIED, "channel").order_by("-id")


def progress(alerts: list[Alert]) -> dict[int, dict[str, int]]:
    """Return for each alert how many deliveries there are, and how many were taken."""
    rows: Any = (
        Delivery.objects.filter(copy__alert__in=alerts)
        .values("copy__alert")
        .annotate(
            all=Count("id"),
            delivered=Count("id", filter=Q(state=DELIVERED)),
            dead=Count("id", filter=Q(state=DEAD)),
        )
    )
    return {row["copy__alert"]: row for row in rows}


def past(user: User | None = None) -> Iterator[Answered]:
    """Yield what approved alerts were about, by item and recipient, for another policy to try.

    Those that `user` may know of, or all of the desk, the newest first, as records and terms are
    today. A withdrawal asks no policy.
    """
    rows: Any = Alert.objects.all() if user is None else Alert.objects.visible_to(user)
    approved = rows.filter(decision__released=True).exclude(kind=WITHDRAWN)
    for alert in approved.select_related("team").order_by("-id"):
        partners = composing.partners_of(alert)
        for item in alert.items.select_related("address", "option__sighting__brand"):
            record = composing.facts_of(alert, item).record
            for partner in partners:
                name = f"{alert.ref} item {item.position + 1}, {partner.ref}"
                yield Answered(name, asker_of(partner), composing.purpose_of(partner), record)
