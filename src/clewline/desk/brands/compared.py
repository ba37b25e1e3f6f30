"""What pages are compared by, and what two of them have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from clewline.desk.ledger import index_of
from clewline.desk.records.models import (
    Address,
    Attribution,
    Indicator,
    PaymentOption,
    Sighting,
    TraitKey,
)
from clewline.intake import likeness
from clewline.intake.sameness import (
    FEWEST_ALIKE_PRICES,
    TRAITS,
    PageTraits,
    Price,
    Reason,
    Verdict,
    compare,
    verdict,
)

MOST_UNITS: Final = 64
"""Brands and pages that are looked at for one key; what more have says little."""
MOST_KEYS: Final = 400
"""Keys of a sighting that are looked up: in one statement, the order of their kinds decides."""
_SERVICES: Final = ("deposit", "hot")


def name_of(address: Address) -> str:
    """Return by what an address is compared, such as ``BTC:bc1q…``."""
    network = "" if address.network == "main" else f"/{address.network}"
    return f"{address.chain}{network}:{address.canonical}"


def price_of(option: PaymentOption) -> Price | None:
    """Return the price of an option, None where it names none."""
    if not option.amount_min or not option.price_currency:
        return None
    return Price(option.amount_min, option.price_currency, option.period or None, option.tier)


def keys_of(
    sighting: Sighting, options: Iterable[PaymentOption], indicators: Iterable[Indicator]
) -> list[bytes]:
    """Return the keys that a sighting is found by, those that say most first.

    Two sightings have one in common if they share an address, a contact, an indicator that is not
    set aside, the same price list or a band of alike wording.
    """
    keys: dict[bytes, None] = {}
    prices = set()
    for option in options:
        if option.address is not None:
            keys[index_of("address", name_of(option.address))] = None
        if option.contact_index:
            keys[bytes(option.contact_index)] = None
        if (price := price_of(option)) is not None:
            prices.add(price.form())
    if len(prices) >= FEWEST_ALIKE_PRICES:
        keys[index_of("prices", json.dumps(sorted(prices)))] = None
    if sighting.sketch:
        stored = likeness.Sketch.from_bytes(bytes(sighting.sketch))
        keys |= dict.fromkeys(likeness.bands(stored))
    order = {kind: place for place, kind in enumerate(TRAITS)}
    linking = [one for one in indicators if one.kind in order and not one.set_aside]
    linking.sort(key=lambda one: order[one.kind])
    keys |= dict.fromkeys(bytes(one.value_index) for one in linking)
    return list(keys)[:MOST_KEYS]


def holders(team_id: int, keys: Sequence[bytes]) -> dict[bytes, list[tuple[str, int]]]:
    """Return which brands and pages have each key, brands first, with a sighting each.

    One statement, bounded by `MOST_UNITS` for each key.
    """
    if not keys:
        return {}
    # S608: the only thing put into the text is the name of our own table.
    one = (
        "SELECT * FROM (SELECT key, unit, sighting_id "  # noqa: S608
        f"FROM {TraitKey._meta.db_table} WHERE team_id = %s AND key = %s ORDER BY unit LIMIT %s) t"
    )
    values = [value for key in keys for value in (team_id, key, MOST_UNITS)]
    found: dict[bytes, list[tuple[str, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(keys)), values)
        for key, unit, sighting in cursor.fetchall():
            found.setdefault(bytes(key), []).append((unit, sighting))
    return found


@dataclass(frozen=True)
class Page:
    """A page as it is compared: one sighting, and others of the same brand that share something.

    Attributes
    ----------
    sighting : Sighting
        Whose wording and price list count.
    traits : PageTraits
        With the addresses, contacts and indicators of the others too.
    options : tuple of PaymentOption
        Of the sighting.
    """

    sighting: Sighting
    traits: PageTraits
    options: tuple[PaymentOption, ...]


def pages(wanted: Mapping[int, Sequence[Sighting]]) -> dict[int, Page]:
    """Return pages to compare; two queries, whatever their number.

    Parameters
    ----------
    wanted : mapping of int to sequence of Sighting
        Any number → the sighting, then others of its brand.
    """
    ids = {one.pk for some in wanted.values() for one in some}
    options: dict[int, list[PaymentOption]] = {}
    for option in PaymentOption.objects.filter(sighting__in=ids).select_related("address"):
        options.setdefault(option.sighting_id, []).append(option)
    indicators: dict[int, list[tuple[str, bytes]]] = {}
    rows = Indicator.objects.filter(sighting__in=ids, kind__in=TRAITS, set_aside="")
    for sighting, kind, key in rows.values_list("sighting", "kind", "value_index"):
        indicators.setdefault(sighting, []).append((kind, bytes(key)))
    return {
        number: Page(
            some[0],
            _traits(some, options, indicators),
            tuple(sorted(options.get(some[0].pk, ()), key=lambda one: one.position)),
        )
        for number, some in wanted.items()
    }


def _traits(
    some: Sequence[Sighting],
    options: Mapping[int, list[PaymentOption]],
    indicators: Mapping[int, list[tuple[str, bytes]]],
) -> PageTraits:
    """Return what a page and others of its brand have."""
    first = some[0]
    mine = [option for one in some for option in options.get(one.pk, ())]
    by_kind: dict[str, set[bytes]] = {}
    for one in some:
        for kind, key in indicators.get(one.pk, ()):
            by_kind.setdefault(kind, set()).add(key)
    prices = {price_of(option) for option in options.get(first.pk, ())} - {None}
    return PageTraits(
        sketch=likeness.Sketch.from_bytes(bytes(first.sketch)) if first.sketch else None,
        prices=frozenset(price for price in prices if price is not None),
        addresses=frozenset(name_of(one.address) for one in mine if one.address is not None),
        indicators={kind: frozenset(keys) for kind, keys in by_kind.items()},
        contacts=frozenset(bytes(option.contact_index) for option in mine if option.contact_index),
    )


@dataclass(frozen=True)
class Common:
    """What two pages have in common, and what that proposes."""

    reasons: tuple[Reason, ...]
    verdict: Verdict


def in_common(team_id: int, one: Page, others: Mapping[int, Page]) -> dict[int, Common]:
    """Compare a page with others; what many brands of the team have says less.

    Two queries: how many brands have what is shared, and which addresses are a service's.
    """
    shared = {number: _shared(one.traits, other.traits) for number, other in others.items()}
    names = {name for some, _ in shared.values() for name in some}
    keys = {key for _, some in shared.values() for key in some}
    by_key = {index_of("address", name): name for name in names}
    held = holders(team_id, [*by_key, *keys][:MOST_KEYS])
    seen: dict[str | bytes, int] = {}
    for key, some in held.items():
        seen[by_key.get(key, key)] = sum(unit[0] == "B" for unit, _ in some)
    services = _services(team_id, names)
    found = {}
    for number, other in others.items():
        reasons = compare(one.traits, other.traits, seen=seen, services=services)
        found[number] = Common(reasons, verdict(reasons))
    return found


def _shared(one: PageTraits, other: PageTraits) -> tuple[frozenset[str], frozenset[bytes]]:
    """Return the addresses and the keys that two pages share."""
    keys = one.contacts & other.contacts
    for kind, mine in one.indicators.items():
        keys |= mine & other.indicators.get(kind, frozenset())
    return one.addresses & other.addresses, keys


def _services(team_id: int, names: Iterable[str]) -> frozenset[str]:
    """Return those of the addresses that the team attributed to a service."""
    wanted = set(names)
    if not wanted:
        return frozenset()
    rows = Attribution.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gte=timezone.now().date()),
        team=team_id,
        superseded_by__isnull=True,
        custody__in=_SERVICES,
        address__canonical__in={name.partition(":")[2] for name in wanted},
    )
    said = {name_of(row.address) for row in rows.select_related("address")}
    return frozenset(wanted & said)


def standing(sightings: Iterable[Sighting]) -> dict[int, Sighting]:
    """Return what stands for each sighting: itself, or else the newest of its page, if one stands.

    Corrections and refreshes are of one page.
    """
    rows = {one.pk: one for one in sightings}
    found = {
        one.pk: one
        for one in Sighting.objects.standing().filter(pk__in=rows).select_related("brand")
    }
    for number, one in rows.items():
        if number not in found:
            page = Sighting.objects.standing().filter(rotation=one.rotation)
            newest = page.select_related("brand").order_by("-rotation_index", "-id").first()
            if newest is not None:
                found[number] = newest
    return found
