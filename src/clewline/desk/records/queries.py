"""What is known already: questions about sightings, always within what a person may know of."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Exists, Max, Min, OuterRef, Q
from django.utils import timezone

from clewline import vocab
from clewline.desk import chain_store
from clewline.desk.accounts.models import User
from clewline.desk.ledger import index_of
from clewline.desk.records.models import Attribution, PageState, PaymentOption, Sighting
from clewline.desk.records.site_address import read_site_address

AddressKey = tuple[str, str, str]
"""Chain, network, canonical form."""

PAGE: Final = 50
MOST_ASKED_OF_CHAIN: Final = 10
_RECENT: Final = timedelta(hours=24)
_EXCHANGES: Final = frozenset({"deposit", "hot"})


@dataclass(frozen=True)
class Known:
    """What a person's teams and the attached chain store know of an address.

    Attributes
    ----------
    times : int
        Sightings that stand.
    first, last : datetime or None
        When it was first and last seen on a page.
    brands : tuple of str
        Codenames.
    labels : tuple of str
        What people attributed to it.
    custody : str
        Why an exchange may hold it: then its custody is to be checked before anything else. Empty
        where nothing says so.
    chain : str
        What the chain store says, in words.
    """

    times: int = 0
    first: datetime | None = None
    last: datetime | None = None
    brands: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    custody: str = ""
    chain: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the teams know nothing of it."""
        return not (self.times or self.labels)


@dataclass
class _Found:
    """What is being gathered of one address."""

    times: int = 0
    first: datetime | None = None
    last: datetime | None = None
    brands: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    custody: list[str] = field(default_factory=list)


def known(user: User, addresses: Iterable[AddressKey]) -> dict[AddressKey, Known]:
    """Return what is known of some addresses.

    Three queries, whatever the number; the chain store is asked about the first ten.

    Parameters
    ----------
    user : User
        Whose teams' records are looked at; others' change nothing in the answer.
    addresses : iterable of AddressKey
        Chain, network and canonical form of each.
    """
    keys = list(dict.fromkeys(addresses))
    if not keys:
        return {}
    found = {key: _Found() for key in keys}
    _add_sightings(user, found)
    _add_attributions(user, found)
    answers = {}
    asks = MOST_ASKED_OF_CHAIN
    for key, one in found.items():
        custody, chain = list(one.custody), ""
        if asks:
            said = chain_store.of_address(*key)
            chain = said.words
            # A store that is busy or broken keeps nobody waiting twice.
            asks = 0 if said.state == "error" else asks - 1
            if said.facts.get("deposit_of"):
                custody.append("the chain store infers a deposit address")
        answers[key] = Known(
            one.times,
            one.first,
            one.last,
            tuple(dict.fromkeys(one.brands)),
            tuple(one.labels),
            "; ".join(custody),
            chain,
        )
    return answers


def _add_sightings(user: User, found: dict[AddressKey, _Found]) -> None:
    """Count the sightings of each address, and name their brands."""
    options = PaymentOption.objects.visible_to(user).standing()
    options = options.filter(address__canonical__in={key[2] for key in found})
    of_address = ("address__chain", "address__network", "address__canonical")
    for *key, times, first, last in (
        options.values_list(*of_address)
        .annotate(
            times=Count("sighting", distinct=True),
            first=Min("sighting__observed_at"),
            last=Max("sighting__observed_at"),
        )
        .order_by()
    ):
        one = found.get((key[0], key[1], key[2]))
        if one is not None:
            one.times, one.first, one.last = times, first, last
    named = options.filter(sighting__brand__isnull=False)
    for *key, codename in (
        named.values_list(*of_address, "sighting__brand__codename").distinct().order_by()
    ):
        one = found.get((key[0], key[1], key[2]))
        if one is not None:
            one.brands.append(codename)


def _add_attributions(user: User, found: dict[AddressKey, _Found]) -> None:
    """Name what the teams attribute to each address, and who holds it."""
    rows = Attribution.objects.visible_to(user).filter(
        address__canonical__in={key[2] for key in found}, superseded_by__isnull=True
    )
    words = vocab.words("custody")
    for row in rows.select_related("address").order_by("at"):
        one = found.get((row.address.chain, row.address.network, row.address.canonical))
        if one is not None:
            one.labels.append(row.label)
            if row.custody in _EXCHANGES:
                one.custody.append(f"{words[row.custody]}: {row.label} ({row.source})")


def recent_same(user: User, url: str, page_hash: str) -> list[Sighting]:
    """Return sightings of one page that were recorded within a day, newest first.

    Parameters
    ----------
    user : User
        Whose teams' records are looked at.
    url : str
        Address of the site or page; empty where it is not known.
    page_hash : str
        SHA-256 of the page's text; empty where it was not pasted.
    """
    same = Q()
    if url:
        same |= Q(url_index=index_of("url", read_site_address(url).canonical))
    if page_hash:
        same |= Q(page_text_hash=page_hash)
    if not same:
        return []
    recent = (
        Sighting.objects.visible_to(user)
        .standing()
        .filter(same, recorded_at__gte=timezone.now() - _RECENT)
    )
    return list(recent.select_related("recorder").order_by("-recorded_at", "-id")[:3])


@dataclass(frozen=True)
class SightingPage:
    """One page of a list.

    Attributes
    ----------
    rows : list of Sighting
        Newest first.
    before : str
        What asks for the rows after these; empty at the end.
    """

    rows: list[Sighting]
    before: str


def listed(
    user: User,
    *,
    brand: str = "",
    rail: str = "",
    asset: str = "",
    day: Any = None,
    before: str = "",
) -> SightingPage:
    """Return the sightings that a person may know of, newest first, some at a time.

    No count is given: it would tell nothing more, and costs as much as all pages.
    """
    rows = Sighting.objects.visible_to(user)
    if brand:
        rows = rows.filter(brand__codename__iexact=brand.strip())
    if day:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        rows = rows.filter(observed_at__gte=start, observed_at__lt=start + timedelta(days=1))
    wanted = {"rail": rail, "asset__iexact": asset}
    if any(wanted.values()):
        options = PaymentOption.objects.filter(
            sighting=OuterRef("pk"), **{name: text for name, text in wanted.items() if text}
        )
        rows = rows.filter(Exists(options))
    if place := _place(before):
        rows = rows.filter(Q(recorded_at__lt=place[0]) | Q(recorded_at=place[0], pk__lt=place[1]))
    rows = rows.select_related("brand", "recorder", "withdrawal", "superseded_by")
    found = list(rows.prefetch_related("options").order_by("-recorded_at", "-id")[: PAGE + 1])
    more = len(found) > PAGE
    return SightingPage(found[:PAGE], _mark(found[PAGE - 1]) if more else "")


def _mark(row: Sighting) -> str:
    """Return what says where a page of a list ended."""
    text = json.dumps([row.recorded_at.isoformat(), row.pk])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(mark: str) -> tuple[datetime, int] | None:
    """Read where a page ended; None where that is not what it says."""
    try:
        at, number = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        moment = datetime.fromisoformat(at)
        return (moment, int(number)) if moment.tzinfo else None
    except (ValueError, TypeError):
        return None


def rotation_of(user: User, sighting: Sighting) -> Sequence[Sighting]:
    """Return the refreshes of a page that a person may know of and that stand, in order."""
    shown = Sighting.objects.visible_to(user).standing().filter(rotation=sighting.rotation)
    return list(shown.prefetch_related("options__address").order_by("rotation_index"))


def states_of(user: User, sighting: Sighting) -> list[PageState]:
    """Return what became of a page, in order."""
    found = PageState.objects.visible_to(user).filter(rotation=sighting.rotation)
    return list(found.select_related("by", "partner").order_by("at", "id"))


def history_of(user: User, sighting: Sighting) -> list[Sighting]:
    """Return a sighting and all that it corrects or is corrected by, oldest first."""
    same = Sighting.objects.visible_to(user).filter(
        rotation=sighting.rotation, rotation_index=sighting.rotation_index
    )
    return list(same.select_related("recorder", "withdrawal").order_by("recorded_at", "id"))
