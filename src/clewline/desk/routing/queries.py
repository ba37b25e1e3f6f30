"""Who answers for a page, and the reports there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _

from clewline.desk.partners.models import Partner
from clewline.desk.queue.items import Item, to_check
from clewline.desk.records.models import PaymentOption, Sighting
from clewline.desk.routing.models import Report, Route
from clewline.policy.fields import FIELDS, in_words

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


@dataclass(frozen=True)
class Way:
    """One possible report of a page: to whom, of which option; nobody where no route is known.

    Attributes
    ----------
    number : int
        Position of the option, from 1; 0 for the whole page.
    about : str
        Country or brand by which it is routed.
    partner : Partner or None
        Who answers for it.
    fallback : bool
        Whether they answer because nobody else does.
    """

    number: int
    option: PaymentOption | None
    about: str
    partner: Partner | None
    fallback: bool = False


def routes_of(organisation: Any) -> dict[tuple[str, str], Route]:
    """Return the routes that count at present: country and brand → route."""
    agreed = Route.objects.filter(team__organisation=organisation, decision__agreed=True)
    rows = agreed.select_related("partner", "by", "decision__by").order_by("decision__id")
    return {(one.country, one.brand): one for one in rows}


def proposed_of(organisation: Any) -> Any:
    """Return the routes that wait for a second person, oldest first."""
    waiting = Route.objects.filter(team__organisation=organisation, decision=None)
    return waiting.select_related("partner", "by").order_by("pk")


def ways_of(sighting: Sighting) -> list[Way]:
    """Return to whom a page can be reported: the hotline of its country, the brands it names."""
    routes = routes_of(sighting.team.organisation_id)
    country = sighting.hosting_country
    exact = routes.get((country, "")) if country else None
    route = exact or routes.get(("", ""))
    ways = [Way(0, None, country, _active(route), exact is None and route is not None)]
    for number, option in enumerate(sighting.options.order_by("position"), 1):
        if option.rail != "crypto" and option.processor:
            named = routes.get(("", option.processor.strip().lower()))
            ways.append(Way(number, option, option.processor, _active(named)))
    return ways


def _active(route: Route | None) -> Partner | None:
    """Return whom a route leads to, if they may be told something at present."""
    return route.partner if route and route.partner.standing == "active" else None


def reports_of(user: User) -> Any:
    """Return the reports of a person's teams, newest first."""
    found = Report.objects.visible_to(user).select_related(
        "team", "partner", "sighting", "decision", "by"
    )
    return found.prefetch_related("statuses", "deliveries").order_by("-at", "-id")


def openly(report: Report) -> tuple[dict[str, Any], bool]:
    """Return what may be shown of what is told, and whether it tells the address of the page.

    That is shown through a reveal alone.
    """
    told = report.told
    url = told.pop("url", None)
    return told, url is not None


def deliveries_of(report: Report) -> Any:
    """Return on which channels a report goes, and how far it came."""
    return report.deliveries.select_related("channel", "receipt").order_by("pk")


def lines_of(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a report tells as lines for people: title and text."""
    rows = [(_("Means of payment"), _means(one)) for one in told.get("payment", ())]
    titles = {"report": _("Recipient's reference"), "issuer": _("Issuer"), "note": _("Note")}
    titles |= {name: _(field.title) for name, field in FIELDS.items()}
    rows += [(title, _text(name, told[name])) for name, title in titles.items() if name in told]
    return rows


def _means(told: dict[str, Any]) -> str:
    """Return a means of payment in words: which, its brand, its price, its address."""
    price = told.get("price", {})
    amounts = [price[name] for name in ("amount_min", "amount_max") if name in price]
    paid = [" to ".join(dict.fromkeys(amounts)), price.get("currency", "")]
    parts = [
        in_words("rail", told.get("rail", "")),
        told.get("processor", ""),
        " ".join(one for one in paid if one),
        in_words("period", price.get("period", "")).lower(),
        told.get("address", ""),
    ]
    return ", ".join(one for one in parts if one)


def _text(name: str, value: Any) -> str:
    """Return a value in words."""
    if isinstance(value, dict):
        return ", ".join(_text(*one) for one in sorted(value.items(), reverse=True))
    if isinstance(value, list):
        return ", ".join(_text(name, one) for one in value)
    return in_words(name, str(value))


def kept_back(report: Report) -> list[tuple[str, str]]:
    """Return what policy kept back: title of the field, and why."""
    parted = (line.partition(": ") for line in report.withheld)
    return [(_(FIELDS[name].title), why) for name, _colon, why in parted]


def for_partner(partner: Partner) -> list[Report]:
    """Return what was sent to a partner, in order, but for what was erased."""
    sent = Report.objects.filter(partner=partner, decision__released=True)
    told = sent.filter(document_sealed__isnull=False).select_related("partner", "decision")
    return list(told.order_by("decision__at", "pk"))


def waiting_for(user: User) -> list[Item]:
    """Return the reports that `user` may release or refuse."""
    if not user.may("report.decide"):
        return []
    drafts = Report.objects.visible_to(user).filter(decision=None).exclude(by=user)
    return [
        to_check(
            one.ref,
            one.team_id,
            _("report drafted by %(who)s") % {"who": one.by},
            reverse("report", args=[one.ref]),
            one.at,
        )
        for one in drafts.select_related("by").order_by("at")[:100]
    ]
