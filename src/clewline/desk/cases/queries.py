"""What the page of a case shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet

from clewline.desk.cases.models import Case, Link, Member
from clewline.desk.records.models import Brand, Sighting

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


def members(case: Case) -> QuerySet[Member]:
    """Return members and those who were, the present ones first."""
    people = case.members.select_related("user", "by", "until_by")
    return people.order_by(F("until").asc(nulls_first=True), "since", "id")


def links(user: User, case: Case) -> list[dict[str, Any]]:
    """Return what belongs to a case, newest first.

    A sighting or brand of a team that is none of the user's stands there without a name.
    """
    linked = case.links.select_related("address", "sighting__brand", "brand", "by")
    rows = list(linked.order_by("-at", "-id"))
    seen = set(
        Sighting.objects.visible_to(user)
        .filter(pk__in=[row.sighting_id for row in rows if row.sighting_id])
        .values_list("pk", flat=True)
    )
    brands = set(
        Brand.objects.visible_to(user)
        .filter(pk__in=[row.brand_id for row in rows if row.brand_id])
        .values_list("pk", flat=True)
    )
    return [_described(row, seen, brands) for row in rows]


def of_address(user: User, canonical: str, chain: str, network: str) -> list[Link]:
    """Return the links of cases that `user` may know of to an address."""
    mine = Link.objects.visible_to(user).filter(
        address__canonical=canonical, address__chain=chain, address__network=network
    )
    return list(mine.select_related("case", "by").order_by("case__codename", "id"))


def _described(link: Link, seen: set[int], brands: set[int]) -> dict[str, Any]:
    """Say what a link leads to."""
    what: dict[str, Any] = {"link": link, "kind": "transaction", "name": link.txid}
    if link.address is not None:
        what |= {"kind": "address", "name": link.address.canonical, "address": link.address}
    elif link.sighting_id is not None:
        shown = link.sighting if link.sighting_id in seen else None
        what |= {"kind": "sighting", "name": shown.ref if shown else "", "sighting": shown}
    elif link.brand_id is not None:
        shown_brand = link.brand if link.brand_id in brands else None
        what |= {"kind": "brand", "name": shown_brand.codename if shown_brand else ""}
    return what
