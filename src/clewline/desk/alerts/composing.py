"""What each recipient gets of an alert: policy decides by field, references are its own.

The same code makes the preview that an approver sees and the copies that are sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from clewline import policy
from clewline.desk.alerts.models import CHANGED, WITHDRAWN, Alert, AlertItem, Copy, Told
from clewline.desk.ledger import index_of
from clewline.desk.partners.models import Partner
from clewline.desk.partners.policies import policy_of
from clewline.desk.partners.services import asker_of
from clewline.desk.received.queries import givers_of_sightings
from clewline.desk.records.models import Address, AddressStatus, PaymentOption, Sighting
from clewline.sharing import SharedItem, SharedList, for_exchange, plain
from clewline.sharing.formats import read, write

PURPOSES: Final = {
    "agency": ("investigation", "statute"),
    "exchange": ("screening", "agreement"),
    "fiu": ("analysis", "statute"),
    "hotline": ("routing", "agreement"),
    "payment_brand": ("removal", "agreement"),
}
"""Kind of partner → purpose and legal basis under which it gets alerts."""
SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    "address": ("address", "memo"),
    "chain": ("chain", "network", "asset", "token"),
    "standing": ("standing", "confidence"),
    "first_seen": ("first_seen",),
    "last_seen": ("last_seen",),
    "sightings": ("seen_count",),
    "grade": ("source_grade", "info_grade"),
    "rail": ("rail",),
    "price": ("period", "amount_min", "amount_max", "price_currency", "payment_currency"),
    "brand": ("brand_codename",),
    "category": ("category",),
    "classification": ("abuse_label",),
    "hosting_country": ("hosting_country",),
    "markings": ("pap", "handling"),
}
"""Field of the policy → fields of a shared item. What is not here is in no alert: no wording, no
address of a page, no contact, whatever a policy says."""
_NEEDED: Final = frozenset({"address", "chain"})


@dataclass(frozen=True)
class Facts:
    """What a team knows of an address, as a policy and an item want it."""

    record: policy.Record
    values: Mapping[str, Any]
    tlp: str


@dataclass
class Composed:
    """What one partner would get.

    Attributes
    ----------
    partner : Partner
        Who.
    items : list of (Address, SharedItem)
        What is new for them.
    withheld : list of str
        Why items or fields are not in it; for people inside.
    unchanged : int
        Items of which nothing changed for them.
    """

    partner: Partner
    items: list[tuple[Address, SharedItem]] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    unchanged: int = 0


def reference(partner: Partner, kind: str, name: str) -> str:
    """Return how a partner knows something of ours: an HMAC that nobody else's references match."""
    digest = index_of(f"alert reference {partner.ref}", f"{kind}\x00{name}")[:10]
    return f"R-{base64.b32encode(digest).decode()}"


def reference_of_item(partner: Partner, team_id: int, address: Address) -> str:
    """Return how a partner knows an address that a team told of; the same in every alert."""
    key = f"{team_id}/{address.chain}/{address.network}/{address.canonical}"
    return reference(partner, "item", key)


def strictest(words: Iterable[str], marking: str, least: str) -> str:
    """Return the strictest of some TLP or PAP words."""
    return max([least, *words], key=lambda word: policy.model.level(marking, word))


def purpose_of(partner: Partner) -> policy.Purpose:
    """Return for what a partner gets alerts, and on which legal basis."""
    return policy.Purpose(*PURPOSES.get(partner.kind, ("", "")))


def facts_of(alert: Alert, item: AlertItem) -> Facts:
    """Gather what the alert's team knows of an item's address."""
    team, address, option = alert.team_id, item.address, item.option
    pages = list(
        Sighting.objects.filter(team=team, options__address=address)
        .standing()
        .select_related("brand")
        .order_by("observed_at", "id")
        .distinct()
    )
    page: Sighting = option.sighting
    pages = pages or [page]
    status = AddressStatus.objects.filter(team=team, address=address).order_by("-at", "-id").first()
    tlp = strictest((one.tlp for one in pages), "tlp", alert.tlp)
    pap = strictest((one.pap for one in pages), "pap", alert.pap)
    handling = frozenset(one.handling for one in pages if one.handling)
    givers = givers_of_sightings([one.pk for one in pages])
    labels = [row.get("label", "") for row in page.classification if isinstance(row, dict)]
    values: dict[str, Any] = {
        "address": address.canonical,
        "memo": option.memo or None,
        "chain": address.chain or None,
        "network": address.network or None,
        "asset": option.asset or None,
        "token": option.token_contract or None,
        "standing": item.strength,
        "confidence": item.confidence,
        "first_seen": _whole(pages[0].observed_at),
        "last_seen": _whole(pages[-1].observed_at),
        "seen_count": len(pages),
        "source_grade": page.source_grade or None,
        "info_grade": page.info_grade or None,
        "rail": option.rail,
        "period": option.period or None,
        "amount_min": option.amount_min or None,
        "amount_max": option.amount_max or None,
        "price_currency": option.price_currency or None,
        "payment_currency": option.payment_currency or None,
        "brand_codename": page.brand.codename if page.brand else None,
        "category": "child_sexual_abuse",
        "abuse_label": labels[0][:120] if labels and labels[0] else None,
        "hosting_country": page.hosting_country or None,
        "pap": pap,
        "handling": page.handling or None,
    }
    record = policy.Record(
        "address",
        frozenset(SHARED),
        tlp=tlp,
        pap=pap,
        source_grade=page.source_grade,
        info_grade=page.info_grade,
        handling=handling,
        owner=str(alert.team_id),
        # Of several pages the first that somebody gave: what asks one of them asks for all.
        originator=next((givers[one.pk] for one in pages if one.pk in givers), ""),
        status=status.status if status else "active",
        standing=item.strength,
    )
    return Facts(record, values, tlp)


def compose(alert: Alert, at: datetime) -> list[Composed]:
    """Return what each partner would get of an alert approved at a time, empty ones too.

    New alerts go to whom the maker chose. Changes and withdrawals go to everybody who was told
    before; changes to whom the maker chose besides. A withdrawal names nothing but the recipient's
    own references and what they have already, so it asks no policy, and it reaches those as well
    with whom the partnership is suspended or over: what they hold may be wrong.
    """
    items = list(alert.items.select_related("address", "option__sighting__brand"))
    addresses = [item.address_id for item in items]
    told: dict[tuple[int, int], Told] = {
        (one.partner_id, one.address_id): one
        for one in Told.objects.filter(team=alert.team_id, address__in=addresses)
    }
    partners = partners_of(alert)
    if alert.kind == WITHDRAWN:
        return [_withdrawn(alert, one, items, told, at) for one in partners]
    facts = {item.id: facts_of(alert, item) for item in items}
    rules = policy_of(alert.team.organisation_id)
    return [_composed(alert, one, items, facts, told, rules, at) for one in partners]


def partners_of(alert: Alert) -> list[Partner]:
    """Return whom an alert may reach: those told before, and whom the maker chose."""
    told = Told.objects.filter(
        team=alert.team_id, address__in=alert.items.values("address"), withdrawn=False
    )
    wanted = Q(pk__in=alert.addressees.values("partner"))
    if alert.kind in (CHANGED, WITHDRAWN):
        past = Q(pk__in=told.values("partner"))
        wanted = past | wanted if alert.kind == CHANGED else past
    return list(Partner.objects.filter(wanted).order_by("pk"))


def _composed(
    alert: Alert,
    partner: Partner,
    items: list[AlertItem],
    facts: Mapping[int, Facts],
    told: Mapping[tuple[int, int], Told],
    rules: policy.Policy,
    at: datetime,
) -> Composed:
    """Decide item by item and field by field."""
    made = Composed(partner)
    asker, purpose = asker_of(partner), purpose_of(partner)
    for item in items:
        known = facts[item.id]
        decision = policy.decide(rules, asker, purpose, known.record)
        released = set(decision.released)
        if not released >= _NEEDED:
            weighed = decision.fields["address"]
            made.withheld.append(f"item {item.position + 1}: {weighed.reason} ({weighed.rule})")
            continue
        values = {
            name: known.values[name]
            for one in released
            for name in SHARED.get(one, ())
            if known.values[name] is not None
        }
        before = told.get((partner.pk, item.address_id))
        shared = _item(alert, partner, item, before, at, known.tlp, values)
        if before is not None and not before.withdrawn and bytes(before.content) == content(shared):
            made.unchanged += 1
            continue
        made.items.append((item.address, shared))
    return made


def _item(
    alert: Alert,
    partner: Partner,
    item: AlertItem,
    before: Told | None,
    at: datetime,
    tlp: str,
    values: Mapping[str, Any],
) -> SharedItem:
    """Return an item under the partner's own reference."""
    first = _whole(before.first_at) if before else at
    changed = _later(before, at) if before else at
    shared = SharedItem(
        id=reference_of_item(partner, alert.team_id, item.address),
        state="changed" if before else "new",
        revision=before.revision + 1 if before else 1,
        shared_at=first,
        changed_at=changed,
        tlp=tlp,
        valid_from=_whole(alert.valid_from),
        valid_until=_whole(alert.valid_until) if alert.valid_until else None,
        **values,
    )
    return for_exchange(shared) if partner.kind not in ("agency", "hotline") else shared


def _withdrawn(
    alert: Alert,
    partner: Partner,
    items: list[AlertItem],
    told: Mapping[tuple[int, int], Told],
    at: datetime,
) -> Composed:
    """Return the withdrawal of what a partner was told: its own reference and the bare address."""
    made = Composed(partner)
    for item in items:
        before = told.get((partner.pk, item.address_id))
        if before is None or before.withdrawn:
            continue
        address, first = item.address, _whole(before.first_at)
        shared = SharedItem(
            id=before.ref,
            state="withdrawn",
            revision=before.revision + 1,
            shared_at=first,
            changed_at=_later(before, at),
            tlp=alert.tlp,
            chain=address.chain,
            network=address.network,
            address=address.canonical,
        )
        made.items.append((address, shared))
    return made


def content(item: SharedItem) -> bytes:
    """Return a keyed hash of what an item tells, but for when and how often it was told."""
    said = {
        name: value
        for name, value in plain(item).items()
        if name not in ("state", "revision", "shared_at", "changed_at", "valid_from")
    }
    return index_of("alert content", json.dumps(said, sort_keys=True))


def document(composed: Composed, number: int, issuer: str, at: datetime) -> str:
    """Return a copy as it is kept: a list of what changed since the version before."""
    made = SharedList(
        version=number,
        made_at=max(_whole(at), *(item.changed_at for _, item in composed.items)),
        issuer=issuer,
        recipient=reference(composed.partner, "recipient", ""),
        items=tuple(item for _, item in composed.items),
        previous=number - 1 or None,
    )
    return write("json", made).decode()


def list_of(copy: Copy) -> SharedList:
    """Return a copy's list of what changed."""
    return read("json", copy.unseal("document").encode())


def option_of(team_id: int, address: Address, *, stands: bool = True) -> PaymentOption | None:
    """Return the latest option in which a team saw an address, of what stands or of all."""
    found = PaymentOption.objects.filter(team=team_id, address=address)
    if stands:
        found = found.standing()
    return found.select_related("sighting").order_by("-sighting__observed_at", "-id").first()


def _later(before: Told, at: datetime) -> datetime:
    """Return when a revision was made: later than the one before, whatever the clock says.

    Formats tell versions of an object apart by this time, to the second.
    """
    return max(at, _whole(before.last_at) + timedelta(seconds=1))


def _whole(moment: datetime) -> datetime:
    """Return a time in whole seconds of UTC."""
    return moment.astimezone(UTC).replace(microsecond=0)
