"""What the page of a case shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.cases.models import OUTCOMES, STATES, Case, Link, Member, Task
from clewline.desk.cases.moments import Moment
from clewline.desk.money import queries as money
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


def tasks(case: Case) -> list[Task]:
    """Return the tasks of a case: open ones first, by the day they are due."""
    found = case.tasks.select_related("owner", "by", "end__by")
    return list(found.order_by(F("end").asc(nulls_first=True), F("due").asc(nulls_last=True), "id"))


@dataclass(frozen=True)
class Overdue:
    """Something of a case that should be done by now.

    Attributes
    ----------
    kind : str
        ``task`` or ``request``.
    case : Case
        A case that the asking person is a member of.
    ref : str
        Reference of the task or request.
    text : str
        What it is, in words for a list.
    due : date
        Since when it is overdue.
    owner : User
        Whose it is.
    """

    kind: str
    case: Case
    ref: str
    text: str
    due: date
    owner: User


def overdue(user: User, today: date | None = None) -> list[Overdue]:
    """Return what is overdue in the cases of `user` that are not closed, the oldest first.

    Parameters
    ----------
    user : User
        Who asks: tasks of their own, and what is outstanding in cases that they are a member of.
    today : date, optional
        The day, UTC; today if not given.
    """
    day = today or timezone.now().astimezone(UTC).date()
    late = Task.objects.visible_to(user).filter(
        owner=user, due__lt=day, end__isnull=True, case__closed_at__isnull=True
    )
    rows = [
        Overdue("task", task.case, task.ref, task.text, task.due, task.owner)
        for task in late.select_related("case", "owner")
        if task.due is not None
    ]
    rows += [
        Overdue("request", one.case, one.ref, one.pack.exchange, one.due, one.by)  # type: ignore[attr-defined]
        for one in money.outstanding(user, day)
    ]
    return sorted(rows, key=lambda row: (row.due, row.ref))


def timeline(user: User, case: Case) -> list[Moment]:
    """Return all that happened in a case, the latest first; each from its own ledger."""
    rows = [Moment(case.opened_at, case.members.earliest("since", "id").by, _("opened"))]
    for member in case.members.select_related("user", "by", "until_by").order_by("id"):
        name = str(member.user)
        rows.append(Moment(member.since, member.by, _("let in"), name, member.why))
        if member.until is not None and member.until_by is not None:
            left = Moment(member.until, member.until_by, _("taken out"), name, member.until_why)
            rows.append(left)
    for change in case.state_changes.select_related("by"):
        rows.append(Moment(change.at, change.by, _("state"), str(STATES[change.state]), change.why))
    for offer in case.handovers.select_related("by", "to", "answer__by"):
        rows.append(Moment(offer.at, offer.by, _("offered to"), str(offer.to), offer.why))
        if (said := getattr(offer, "answer", None)) is not None:
            words = _("hand-over agreed") if said.accepted else _("hand-over refused")
            rows.append(Moment(said.at, said.by, words, str(offer.to)))
    for row in links(user, case):
        made = row["link"]
        rows.append(
            Moment(
                made.at,
                made.by,
                _("added"),
                row["name"] or _("of another team"),
                made.why,
                row.get("address"),
            )
        )
    for note in case.notes.select_related("by"):
        rows.append(Moment(note.at, note.by, _("note"), note.ref))
    for task in tasks(case):
        rows.append(Moment(task.at, task.by, _("task"), task.text, str(task.owner)))
        if (end := getattr(task, "end", None)) is not None:
            rows.append(Moment(end.at, end.by, str(OUTCOMES[end.outcome]), task.text))
    for entry in case.file_entries.select_related("by"):
        rows.append(Moment(entry.at, entry.by, _("file noted"), entry.name, entry.about))
    rows += money.moments(case)
    return sorted(rows, key=lambda one: one.at, reverse=True)
