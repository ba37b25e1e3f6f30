"""What the page of an address shows: four layers, each by itself.

*Observed* is what pages showed; *attributed* what somebody says; *inferred* what a method worked
out of the chain. A *lead* is a place to look, and nothing on this page is one by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from clewline import vocab
from clewline.desk import chain_store
from clewline.desk.cases import queries as cases
from clewline.desk.cases.models import Link
from clewline.desk.chain_store import FromChain
from clewline.desk.queue.items import CHECK, Item, key_of
from clewline.desk.queue.rules import because, waits
from clewline.desk.records.models import AddressStatus, Attribution, PaymentOption
from clewline.desk.search.queries import Hit, known_of
from clewline.intake import read_address
from clewline.intake.forms import also_read_as, other_forms

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST_SIGHTINGS: Final = 20
_MOST_DISPUTED: Final = 200


@dataclass(frozen=True)
class LabelRow:
    """One label of an address, the desk's own or of a label set of the chain store.

    Attributes
    ----------
    label, category, source, how, custody, obtained, by : str
        As it was said; `how` is the confidence in words, `by` a pseudonym or a label set.
    level : int
        Confidence, 0 to 100.
    alarm : bool
        About child protection: stands first.
    at : datetime or None
        When it was said, or observed.
    until : date or None
        Until when it stands.
    expired : bool
        Whether that time is over.
    """

    label: str
    category: str
    source: str
    how: str
    level: int
    custody: str
    obtained: str
    by: str
    alarm: bool
    at: datetime | None = None
    until: date | None = None

    @property
    def expired(self) -> bool:
        """Whether the time until which it stands is over."""
        return self.until is not None and self.until < timezone.now().date()


@dataclass(frozen=True)
class AddressPage:
    """Everything that the page of an address says.

    Attributes
    ----------
    known : Hit
        Sightings of the viewer's teams, counted; brands.
    options : list of PaymentOption
        The newest of them.
    labels : list of LabelRow
        Child protection first, then by confidence.
    disagree : bool
        Whether labels name different holders or kinds of custody.
    statuses : list of AddressStatus
        The latest of each team.
    links : list of Link
        Cases that the viewer may see.
    chain : FromChain
        What the chain store says.
    kind : str
        Kind of address; empty where only somebody's word says that it is one.
    forms, others : list
        Other forms of it; other addresses that the same text may be.
    """

    known: Hit
    options: list[PaymentOption]
    labels: list[LabelRow]
    disagree: bool
    statuses: list[AddressStatus]
    links: list[Link]
    chain: FromChain
    kind: str
    forms: list[tuple[str, str]]
    others: list[tuple[str, str, str]]

    @property
    def exists(self) -> bool:
        """Whether it is an address, or recorded as one by the viewer's teams."""
        return bool(self.kind) or self.known.known


def address_page(user: User, chain: str, network: str, canonical: str) -> AddressPage:
    """Return what `user` may know of an address; the same statements whatever is known."""
    key = (chain, network, canonical)
    of_address = {
        "address__canonical": canonical,
        "address__chain": chain,
        "address__network": network,
    }
    options = (
        PaymentOption.objects.visible_to(user)
        .standing()
        .filter(**of_address)
        .select_related("sighting__brand")
    )
    newest = options.order_by("-sighting__observed_at", "-id")[:MOST_SIGHTINGS]
    said = Attribution.objects.visible_to(user).filter(**of_address, superseded_by__isnull=True)
    statuses: dict[int, AddressStatus] = {}
    for status in (
        AddressStatus.objects.visible_to(user)
        .filter(**of_address)
        .select_related("team", "by")
        .order_by("id")
    ):
        statuses[status.team_id] = status
    from_chain = chain_store.of_address(*key)
    labels = [_own(row) for row in said.select_related("by").order_by(F("id").desc())]
    labels += [_of_set(row) for row in from_chain.facts.get("labels", ())]
    labels.sort(key=lambda row: (not row.alarm, row.expired, -row.level))
    kinds = [
        one.kind
        for one in read_address(canonical)
        if (one.chain, one.network, one.canonical) == key
    ]
    return AddressPage(
        known=known_of(user, [canonical]).get(key, Hit("address", canonical)),
        options=list(newest),
        labels=labels,
        disagree=_disagree(labels),
        statuses=list(statuses.values()),
        links=cases.of_address(user, canonical, chain, network),
        chain=from_chain,
        kind=kinds[0] if kinds else "",
        forms=other_forms(*key) if kinds else [],
        others=also_read_as(*key) if kinds else [],
    )


def _own(row: Attribution) -> LabelRow:
    """Describe what somebody at the desk said."""
    category = vocab.categories().get(row.category)
    confidence = vocab.confidences().get(row.confidence)
    return LabelRow(
        label=row.label,
        category=category.title if category else row.category,
        source=row.source,
        how=confidence.description if confidence else row.confidence,
        level=confidence.level if confidence else 0,
        custody=vocab.words("custody").get(row.custody, row.custody),
        obtained=vocab.words("obtained").get(row.obtained, row.obtained),
        by=str(row.by),
        alarm=bool(category and category.child_protection),
        at=row.at,
        until=row.expires_at,
    )


def _of_set(row: dict[str, Any]) -> LabelRow:
    """Describe a label of a label set."""
    category = vocab.categories().get(row["category"] or "")
    inherited = row["inherited_from"]
    return LabelRow(
        label=row["entity"],
        category=category.title if category else row["category"] or "",
        source=row["source"],
        how=vocab.confidences()[row["confidence"]].description,
        level=row["level"],
        custody="",
        obtained=f"inherited in its cluster from {inherited}" if inherited else "",
        by=f"label set {row['set']}",
        alarm=row["child_protection"],
        at=datetime.fromisoformat(row["observed"]) if row["observed"] else None,
    )


def _disagree(labels: list[LabelRow]) -> bool:
    """Tell whether labels that still stand name different holders, or different custody."""
    standing = [row for row in labels if not row.expired]
    custody = {row.custody for row in standing} - {"", vocab.words("custody")["unknown"]}
    return len({row.label.casefold() for row in standing}) > 1 or len(custody) > 1


def disputed(user: User) -> list[Item]:
    """Return the addresses whose latest status is a dispute of which the register has none.

    Those of the person's teams, for the queue; what is in the register stands there itself.
    """
    if not user.may("address.status"):
        return []
    latest: dict[tuple[int, int], AddressStatus] = {}
    statuses = AddressStatus.objects.visible_to(user).select_related("address", "taking")
    for status in statuses.order_by("-at", "-id")[:_MOST_DISPUTED]:
        latest.setdefault((status.team_id, status.address_id), status)
    now = timezone.now()
    return [
        Item(
            section=CHECK,
            key=key_of("dispute", status.pk),
            scope=f"team:{status.team_id}",
            name=f"{status.address.canonical[:10]}…{status.address.canonical[-6:]}",
            line="",
            path=reverse(
                "address",
                args=[status.address.chain, status.address.network, status.address.canonical],
            ),
            since=status.at,
            reasons=(because("dispute", reason=status.reason), waits(status.at, now)),
        )
        for status in latest.values()
        if status.status == "disputed" and not hasattr(status, "taking")
    ]
