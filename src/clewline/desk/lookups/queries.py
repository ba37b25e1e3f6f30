"""What waits, what no longer stands, and how long answers took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from clewline.desk.lookups import answers, services
from clewline.desk.lookups.facts import facts_of
from clewline.desk.lookups.models import LookUp, OriginatorAsked, Release, Told
from clewline.desk.partners.models import Partner
from clewline.desk.partners.services import asker_of
from clewline.desk.records.models import AddressStatus
from clewline.policy import Answered, Purpose, Verdict

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST: Final = 200
"""Look-ups that a page lists, and standing ones that are tried again for it."""


@dataclass(frozen=True)
class Waiting:
    """A look-up for which somebody must do something.

    Attributes
    ----------
    look_up : LookUp
        Which.
    what : str
        call, draft, check, correct (what was told no longer stands) or tell (a standing one has
        something new that can be shared).
    due_at : datetime
        Until when it was agreed to be answered.
    overdue : bool
        Whether that is over.
    mine : bool
        Whether it is for this person.
    """

    look_up: LookUp
    what: str
    due_at: datetime
    overdue: bool
    mine: bool


def waiting_for(user: User) -> list[Waiting]:
    """Return what waits in the teams of `user`: urgent ones first, then by when they are due."""
    if not user.may("lookup.list"):
        return []
    rows = _rows(user)
    answered = Release.objects.filter(draft__look_up=OuterRef("pk"), released=True)
    found = []
    for look_up in rows.filter(~Exists(answered))[:MOST]:
        found.append(_waiting(user, look_up, _stage(look_up)))
    for look_up in rows.filter(pk__in=_no_longer_true(user))[:MOST]:
        waits = services.waiting_draft(look_up) is not None
        found.append(_waiting(user, look_up, "check" if waits else "correct"))
    corrected = {one.look_up.pk for one in found}
    today = timezone.now().date()
    for look_up in rows.filter(Exists(answered), stands_until__gte=today)[:MOST]:
        if look_up.pk not in corrected and _has_more(look_up):
            waits = services.waiting_draft(look_up) is not None
            found.append(_waiting(user, look_up, "check" if waits else "tell"))
    return sorted(found, key=lambda one: (not one.look_up.urgent, one.due_at, one.look_up.pk))


def _rows(user: User) -> QuerySet[Any]:
    """Return the look-ups of a person's teams, those that expired without an answer left out."""
    today = timezone.now().date()
    rows: QuerySet[Any] = LookUp.objects.visible_to(user)
    rows = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gte=today))
    return rows.select_related("partner").order_by("-urgent", "asked_at", "id")


def _stage(look_up: LookUp) -> str:
    """Return what must be done next for one that was not answered."""
    if not services.is_verified(look_up):
        return "call"
    return "draft" if services.waiting_draft(look_up) is None else "check"


def _waiting(user: User, look_up: LookUp, what: str) -> Waiting:
    """Say until when something must be done, and whether by this person."""
    partner = look_up.partner
    hours = partner.urgent_hours if look_up.urgent else partner.hours
    due_at = look_up.asked_at + timedelta(hours=hours)
    if what == "check":
        made = services.waiting_draft(look_up)
        mine = made is not None and services.may_release(user, made)
    else:
        mine = user.may("lookup.draft")
    return Waiting(look_up, what, due_at, due_at < timezone.now(), mine)


def _no_longer_true(user: User) -> set[int]:
    """Return the look-ups whose latest answer rests on what no longer stands so."""
    latest = (
        Release.objects.filter(draft__look_up__in=LookUp.objects.visible_to(user), released=True)
        .values("draft__look_up")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
    told = Told.objects.filter(release__in=latest)
    gone = told.filter(
        Q(sighting__withdrawal__isnull=False) | Q(sighting__superseded_by__isnull=False)
    )
    found = set(gone.values_list("release__draft__look_up", flat=True))
    by_address = told.filter(address__isnull=False)
    now: dict[tuple[int, int], str] = {}
    addresses = by_address.values("address")
    for team, address, word in (
        AddressStatus.objects.filter(team__in=user.team_ids, address__in=addresses)
        .order_by("id")
        .values_list("team", "address", "status")
    ):
        now[team, address] = word
    for look_up, team, address, word in by_address.values_list(
        "release__draft__look_up", "release__draft__look_up__team", "address", "status"
    ):
        if address is not None and now.get((team, address), word) != word:
            found.add(look_up)
    return found


def _has_more(look_up: LookUp) -> bool:
    """Tell whether a standing look-up would now be told something that it was not."""
    last = services.latest_release(look_up)
    items = services.items_of(look_up, services.weigh(look_up))
    told = answers.verify(last.unseal("deliverable").encode(), look_up.ref) if last else None
    shareable = any(item["reply"] == answers.KNOWN for item in items)
    return shareable and (told is None or told["items"] != items)


def past(user: User | None = None) -> Iterator[Answered]:
    """Yield what look-ups were about, record by record, for another policy to try; newest first.

    Those that `user` may know of, or all of the desk. The records are those of today; who asked
    counts as called back.
    """
    rows: Any = LookUp.objects.all() if user is None else LookUp.objects.visible_to(user)
    for look_up in rows.select_related("partner").order_by("-id"):
        asker = asker_of(look_up.partner)
        purpose = Purpose(look_up.purpose, look_up.legal_basis)
        for question in services.questions_of(look_up):
            for fact in facts_of(look_up.team_id, question):
                yield Answered(f"{look_up.ref} {fact.source}", asker, purpose, fact.record)


@dataclass(frozen=True)
class Originator:
    """A record of which policy asks the originator, and how far that is.

    Attributes
    ----------
    source : str
        The record.
    whose : str
        Codename of the partner that gave it; empty for the team's own.
    fields : list of str
        What policy asks for.
    number : int or None
        Of the question that was put last, from 1.
    asked : OriginatorAsked or None
        That question.
    """

    source: str
    whose: str
    fields: list[str]
    number: int | None = None
    asked: OriginatorAsked | None = None


def originators_of(look_up: LookUp, weighed: list[services.WeighedFact]) -> list[Originator]:
    """Return whom policy asks for a look-up, and what was asked and answered."""
    rows = look_up.originators_asked.select_related("partner", "by", "consent__by").order_by("id")
    asked = [
        Originator(one.source, one.partner.codename if one.partner else "", one.fields, number, one)
        for number, one in enumerate(rows, 1)
    ]
    open_ = {one.source for one in asked if one.asked and not hasattr(one.asked, "consent")}
    givers = {one.fact.record.originator for one in weighed}
    names = dict(Partner.objects.filter(ref__in=givers).values_list("ref", "codename"))
    left: dict[str, Originator] = {}
    for one in weighed:
        fields, source = list(one.decision.of(Verdict.ASK)), one.fact.source
        if fields and source not in open_:
            left[source] = Originator(source, names.get(one.fact.record.originator, ""), fields)
    return asked + list(left.values())


def times_of(
    teams: Iterable[int], since: datetime, until: datetime
) -> list[tuple[bool, float | None]]:
    """Return of each look-up whether it was urgent, and how long its first answer took.

    Whatever the answer says counts alike.

    Parameters
    ----------
    teams : iterable of int
        Whose look-ups.
    since, until : datetime
        They were asked from the one and before the other.

    Returns
    -------
    list of (bool, float or None)
        In the order in which they were asked; hours, None where there is no answer yet.
    """
    rows = LookUp.objects.filter(team__in=list(teams), asked_at__gte=since, asked_at__lt=until)
    first = Min("drafts__release__at", filter=Q(drafts__release__released=True))
    told = rows.annotate(first=first).order_by("asked_at", "pk")
    return [
        (urgent, (answered - asked).total_seconds() / 3600 if answered else None)
        for urgent, asked, answered in told.values_list("urgent", "asked_at", "first")
    ]
